"""Three vendors behind one port: what each says, and how each says no."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from data411_mcp.adapters.vendors.email_verifiers import email_verifier
from data411_mcp.domain.icp.values import Deliverability
from data411_mcp.domain.metering import metering
from data411_mcp.errors import LookupFailed, VendorUnusable
from tests.icp.vendors.vendor_lab import Lab, open_lab, write_rows

VENDORS = ("zerobounce", "hunter", "neverbounce")
D = Deliverability
STATES = ("valid", "invalid", "catch_all", "disposable", "role", "webmail", "spamtrap", "unknown")


def mailboxes(folder: Path) -> None:
    rows = [{"address": f"{state}@talweg.example", "state": state} for state in STATES]
    rows.append({"address": "*@open.example", "state": "catch_all"})
    write_rows(folder / "world/mailboxes.jsonl", *rows)


def key(vendor: str, value: str = "k-1") -> dict[str, Any]:
    return {f"{vendor}_key": SecretStr(value)}


async def verify(lab: Lab, address: str, seconds: float = 15) -> Deliverability:
    verifier = email_verifier(lab.http, lab.clock, lab.settings)
    with anyio.fail_after(30):
        return await verifier.verify(address, deadline_seconds=seconds)


@pytest.mark.parametrize(
    ("vendor", "expected"),
    [
        ("zerobounce", [D.VERIFIED, D.UNDELIVERABLE, D.ACCEPTED, D.RISKY, D.RISKY, D.VERIFIED,
                        D.RISKY, D.UNKNOWN]),
        ("hunter", [D.VERIFIED, D.UNDELIVERABLE, D.ACCEPTED, D.RISKY, D.VERIFIED, D.VERIFIED,
                    D.UNDELIVERABLE, D.UNKNOWN]),
        ("neverbounce", [D.VERIFIED, D.UNDELIVERABLE, D.ACCEPTED, D.RISKY, D.VERIFIED, D.VERIFIED,
                         D.UNDELIVERABLE, D.UNKNOWN]),
    ],
)  # fmt: skip
async def test_each_vendors_words_are_told_in_ours(
    tmp_path: Path, vendor: str, expected: list[Deliverability]
) -> None:
    mailboxes(tmp_path)
    async with open_lab(tmp_path, **key(vendor)) as lab:
        found = [await verify(lab, f"{state}@talweg.example") for state in STATES]
        assert found == expected
        assert await verify(lab, "anybody@open.example") is D.ACCEPTED
        assert {c.vendor for c in lab.twins.log} == {vendor}
        assert not any("k-1" in c.target for c in lab.twins.log)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_defect_06_a_fresh_successful_result_is_returned_and_asked_for_once(
    tmp_path: Path, vendor: str
) -> None:
    mailboxes(tmp_path)
    async with open_lab(tmp_path, **key(vendor)) as lab:
        verifier = email_verifier(lab.http, lab.clock, lab.settings)
        found: list[Deliverability] = []

        async def one() -> None:
            found.append(await verifier.verify("Valid@Talweg.example ", deadline_seconds=15))

        with metering() as meter, anyio.fail_after(30):
            async with anyio.create_task_group() as group:
                for _ in range(4):
                    group.start_soon(one)
            found.append(await verifier.verify("valid@talweg.example", deadline_seconds=15))
        assert found == [D.VERIFIED] * 5
        assert len(lab.twins.calls(vendor)) == 1
        assert meter.micros == lab.twins.bill[vendor] == 8_000


async def test_defect_06_without_a_key_the_verifier_says_so_and_nothing_is_asked(
    tmp_path: Path,
) -> None:
    async with open_lab(tmp_path) as lab:
        assert not email_verifier(lab.http, lab.clock, lab.settings).configured()
        with pytest.raises(VendorUnusable) as unusable:
            await verify(lab, "valid@talweg.example")
        assert unusable.value.reason == "not_configured"
        assert lab.twins.log == []


async def test_what_is_unknown_today_is_asked_again(tmp_path: Path) -> None:
    mailboxes(tmp_path)
    async with open_lab(tmp_path, **key("zerobounce")) as lab:
        verifier = email_verifier(lab.http, lab.clock, lab.settings)
        for _ in range(2):
            found = await verifier.verify("unknown@talweg.example", deadline_seconds=15)
            assert found is D.UNKNOWN
        assert len(lab.twins.calls("zerobounce")) == 2
        assert lab.twins.bill["zerobounce"] == 0


@pytest.mark.parametrize(
    ("vendor", "value", "reason"),
    [
        ("zerobounce", "k-revoked", "bad_key"),
        ("zerobounce", "k-spent", "bad_key"),
        ("hunter", "k-revoked", "bad_key"),
        ("hunter", "k-spent", "no_credit"),
        ("neverbounce", "k-revoked", "bad_key"),
        ("neverbounce", "k-spent", "no_credit"),
    ],
)
async def test_key_and_money_need_a_human_whatever_the_status_says(
    tmp_path: Path, vendor: str, value: str, reason: str
) -> None:
    async with open_lab(tmp_path, **key(vendor, value)) as lab:
        with pytest.raises(VendorUnusable) as unusable:
            await verify(lab, "valid@talweg.example")
        assert unusable.value.reason == reason
        assert "credits" not in repr(unusable.value)


@pytest.mark.parametrize(
    ("vendor", "fault", "reason"),
    [
        ("hunter", {"kind": "status", "status": 403}, "rate_limited"),
        ("neverbounce", {"kind": "status", "status": 200,
                         "json": {"status": "throttle_triggered"}}, "rate_limited"),
        ("neverbounce", {"kind": "status", "status": 200,
                         "json": {"status": "temp_unavail"}}, "vendor_error"),
        ("zerobounce", {"kind": "status", "status": 500}, "vendor_error"),
        ("zerobounce", {"kind": "wrong_type"}, "bad_reply"),
        ("hunter", {"kind": "status", "status": 200, "json": {"data": []}}, "bad_reply"),
        ("neverbounce", {"kind": "status", "status": 200, "json": {}}, "bad_reply"),
    ],
)  # fmt: skip
async def test_what_time_may_mend_is_a_failed_lookup(
    tmp_path: Path, vendor: str, fault: dict[str, Any], reason: str
) -> None:
    async with open_lab(tmp_path, **key(vendor)) as lab:
        lab.twins.faults.add({"vendor": vendor, "fault": fault})
        with pytest.raises(LookupFailed) as failed:
            await verify(lab, "valid@talweg.example")
        assert failed.value.reason == reason


@pytest.mark.parametrize("body", [{"status": 7}, {"status": None, "result": []}, {"data": 3}, []])
@pytest.mark.parametrize("vendor", VENDORS)
async def test_an_answer_of_another_shape_is_unknown_or_a_reason(
    tmp_path: Path, vendor: str, body: Any
) -> None:
    async with open_lab(tmp_path, **key(vendor)) as lab:
        fault = {"kind": "status", "status": 200, "json": body}
        lab.twins.faults.add({"vendor": vendor, "fault": fault})
        with contextlib.suppress(LookupFailed):
            assert await verify(lab, "valid@talweg.example") is D.UNKNOWN


async def test_hunter_is_asked_again_while_it_is_still_verifying(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "data411_mcp.adapters.vendors.email_verifiers.HUNTER_WAIT_SECONDS"
    monkeypatch.setattr(module, 0.0)
    mailboxes(tmp_path)
    async with open_lab(tmp_path, **key("hunter")) as lab:
        lab.twins.faults.add(
            {"vendor": "hunter", "nth": [1, 2], "fault": {"kind": "status", "status": 202}}
        )
        assert await verify(lab, "valid@talweg.example") is D.VERIFIED
        assert len(lab.twins.calls("hunter")) == 3


async def test_a_silent_vendor_costs_no_more_than_the_deadline(tmp_path: Path) -> None:
    async with open_lab(tmp_path, **key("zerobounce")) as lab:
        lab.twins.faults.add({"vendor": "zerobounce", "fault": {"kind": "stall"}})
        with pytest.raises(LookupFailed) as failed:
            await verify(lab, "valid@talweg.example", seconds=0.3)
        assert failed.value.reason == "timeout"
