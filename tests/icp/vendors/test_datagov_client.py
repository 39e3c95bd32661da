"""Singapore's register over data.gov.sg: equal names only, at the rate it allows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from data411_mcp.adapters.vendors import acra
from data411_mcp.adapters.vendors.acra import Acra, letter_of
from data411_mcp.errors import LookupFailed
from data411_mcp.services.icp.acra_import import entities_of
from tests.icp.vendors.vendor_lab import Lab, open_lab, write_rows

ROWS: tuple[dict[str, Any], ...] = (
    {"uen": "201912345K", "entity_name": "TALWEG PUMPS PTE. LTD.",
     "entity_status_description": "Live Company", "registration_incorporation_date": "2019-04-01",
     "primary_ssic_code": "1111", "postal_code": "012345", "former_entity_name1": "OLD PUMPS"},
    {"uen": "53123456B", "entity_name": "TALWEG PUMPS TRADING",
     "entity_status_description": "Live"},
    {"uen": "201954321K", "entity_name": "TIDAL PUMPS PTE. LTD.",
     "entity_status_description": "Struck Off"},
    {"uen": "201900001K", "entity_name": "3 MILLS, PTE. LTD.\nSECOND LINE"},
    {"uen": "not a uen", "entity_name": "TALWEG PUMPS PTE. LTD."},
)  # fmt: skip


@pytest.fixture(autouse=True)
def short_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds between downloads are the vendor's, not a test's."""
    monkeypatch.setattr(acra, "WINDOW_SECONDS", 0.02)


def register(folder: Path, *rows: dict[str, Any]) -> None:
    write_rows(folder / "world/registry/acra.jsonl", *(rows or ROWS))


def client(lab: Lab) -> Acra:
    return Acra(lab.http, lab.clock, lab.settings, poll_seconds=0.01)


async def by_name(lab: Lab, name: str, seconds: float = 15) -> list[str]:
    with anyio.fail_after(30):
        return [e.uen for e in await client(lab).by_name(name, deadline_seconds=seconds)]


async def test_a_fuzzy_hit_is_accepted_only_with_an_equal_name(tmp_path: Path) -> None:
    register(tmp_path)
    async with open_lab(tmp_path) as lab:
        assert await by_name(lab, "Talweg Pumps Private Limited") == ["201912345K"]
        assert await by_name(lab, "Talweg Pumps") == ["201912345K"]
        assert await by_name(lab, "Talweg") == []
        assert await by_name(lab, "Pumps Talweg") == []
        assert await by_name(lab, " . ") == []


async def test_defect_10_a_row_is_never_compared_with_itself(tmp_path: Path) -> None:
    register(tmp_path)
    async with open_lab(tmp_path) as lab:
        assert await by_name(lab, "Tidal Works Pte Ltd") == []
        assert len(lab.twins.calls("acra")) == 1  # it did find rows that are merely alike


async def test_the_dataset_is_the_one_of_the_first_letter(tmp_path: Path) -> None:
    register(tmp_path)
    async with open_lab(tmp_path) as lab:
        await by_name(lab, "talweg pumps")
        assert acra.DATASETS["T"] in lab.twins.calls("acra")[0].target
        assert (letter_of("3 Mills"), letter_of("Über"), letter_of("")) == ("#", "U", "#")


async def test_blanks_and_lost_zeros_are_read_for_what_they_are(tmp_path: Path) -> None:
    register(tmp_path)
    async with open_lab(tmp_path) as lab:
        found = (await client(lab).by_name("talweg pumps", deadline_seconds=15))[0]
        assert (found.ssic_code, found.ssic_description) == ("01111", "")
        assert (found.live, str(found.incorporated)) == (True, "2019-04-01")
        assert found.former_names == ("OLD PUMPS",)


async def test_a_name_that_the_ranking_lost_is_asked_for_exactly(tmp_path: Path) -> None:
    alike = [
        {"uen": f"2019{n:05d}K", "entity_name": f"TALWEG {n} HOUSE"} for n in range(acra.ROWS_MAX)
    ]
    register(tmp_path, *alike, ROWS[0])
    async with open_lab(tmp_path) as lab:
        assert await by_name(lab, "Talweg Pumps Pte Ltd") == ["201912345K"]
        assert len(lab.twins.calls("acra")) == 3


async def test_namesakes_of_a_common_name_are_all_found(tmp_path: Path) -> None:
    """Without its legal form a name is none of them alone."""
    alike = [
        {"uen": f"2019{n:05d}K", "entity_name": f"TALWEG {n} HOUSE"} for n in range(acra.ROWS_MAX)
    ]
    partners = {"uen": "T09LL0001B", "entity_name": "TALWEG PUMPS LLP"}
    register(tmp_path, ROWS[0], *alike, partners)
    async with open_lab(tmp_path) as lab:
        assert await by_name(lab, "Talweg Pumps") == ["201912345K", "T09LL0001B"]


@pytest.mark.parametrize(
    ("said", "registered"),
    [
        ("O'Brien's Café Pte Ltd", "O'BRIEN'S CAFE PTE. LTD."),
        ("Ox and Pine Pte Ltd", "OX & PINE PTE. LTD."),
        ("Ox + Pine Pte Ltd", "OX AND PINE PTE. LTD."),
    ],
)
async def test_a_name_is_found_however_it_is_written(
    tmp_path: Path, said: str, registered: str
) -> None:
    register(tmp_path, ROWS[0] | {"entity_name": registered})
    async with open_lab(tmp_path) as lab:
        assert await by_name(lab, said) == ["201912345K"]


async def test_a_429_names_its_wait_in_the_text_only(tmp_path: Path) -> None:
    register(tmp_path)
    async with open_lab(tmp_path) as lab:
        lab.twins.faults.add(
            {"vendor": "acra", "nth": 1, "fault": {"kind": "status", "status": 429,
             "json": {"code": 24, "errorMsg": "too fast, try again in 0 seconds"}}}
        )  # fmt: skip
        assert await by_name(lab, "talweg pumps") == ["201912345K"]
        lab.twins.faults.clear()
        lab.twins.faults.add({"vendor": "acra", "fault": {"kind": "status", "status": 429}})
        with pytest.raises(LookupFailed) as failed:
            await by_name(lab, "talweg pumps")
        assert (failed.value.reason, failed.value.retry_after_seconds) == ("rate_limited", 7.0)


async def test_calls_keep_to_the_published_rate_without_being_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(acra, "WINDOW_SECONDS", 0.2)
    pace = acra._Pace(4)
    turns: list[float] = []

    async def one() -> None:
        await pace.turn()
        turns.append(anyio.current_time())

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            for _ in range(9):
                group.start_soon(one)
    # A slow machine may only spread them further.
    assert all(later - first > 0.19 for first, later in zip(turns, turns[4:], strict=False))


async def test_a_key_is_sent_as_the_vendor_wants_it(tmp_path: Path) -> None:
    register(tmp_path)
    async with open_lab(tmp_path, datagov_api_key=SecretStr("dev-key")) as lab:
        await by_name(lab, "talweg pumps")
        call = lab.twins.calls("acra")[0]
        assert call.key
        assert "dev-key" not in call.target


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"kind": "status", "status": 500}, "vendor_error"),
        ({"kind": "wrong_type"}, "bad_reply"),
        ({"kind": "status", "status": 200, "json": {"success": False}}, "bad_reply"),
        ({"kind": "status", "status": 200, "json": {"code": 5, "errorMsg": "no"}}, "vendor_error"),
        ({"kind": "status", "status": 200, "json": {"success": True, "result": []}}, "bad_reply"),
        ({"kind": "stall"}, "timeout"),
    ],
)
async def test_a_bad_day_of_the_register_is_a_reason(
    tmp_path: Path, fault: dict[str, Any], reason: str
) -> None:
    register(tmp_path)
    async with open_lab(tmp_path) as lab:
        lab.twins.faults.add({"vendor": "acra", "fault": fault})
        with pytest.raises(LookupFailed) as failed:
            await by_name(lab, "talweg pumps", seconds=0.5 if reason == "timeout" else 10)
        assert failed.value.reason == reason


# --- files ---------------------------------------------------------------------------------------


async def read(lab: Lab, letter: str, skip: int = 0) -> tuple[str, list[Any]]:
    with anyio.fail_after(30):
        file = await client(lab).file(letter, deadline_seconds=10)
        portions = [p async for p in file.portions(skip=skip)]
    return file.mark, [e for p in portions for e in entities_of(p)]


async def test_a_letters_file_is_made_fetched_and_read_as_it_comes(tmp_path: Path) -> None:
    register(tmp_path)
    async with open_lab(tmp_path) as lab:
        mark, rows = await read(lab, "T")
        assert [r.uen for r in rows] == ["201912345K", "53123456B", "201954321K"]
        assert mark.startswith(acra.DATASETS["T"])
        paths = [c.path.rpartition("/")[2] for c in lab.twins.log]
        assert paths[:4] == ["metadata", "initiate-download", "poll-download", "poll-download"]


async def test_an_import_that_was_interrupted_goes_on_behind_what_it_had(tmp_path: Path) -> None:
    register(tmp_path)
    async with open_lab(tmp_path) as lab:
        _, rows = await read(lab, "T", skip=1)
        assert [r.uen for r in rows] == ["53123456B", "201954321K"]
        _, none = await read(lab, "T", skip=99)
        assert none == []


async def test_a_value_of_two_lines_is_one_row(tmp_path: Path) -> None:
    register(tmp_path)
    async with open_lab(tmp_path) as lab:
        _, rows = await read(lab, "#")
        assert [r.name for r in rows] == ["3 MILLS, PTE. LTD. SECOND LINE"]


async def test_rows_come_in_portions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acra, "PORTION_ROWS", 2)
    register(tmp_path)
    async with open_lab(tmp_path) as lab:
        file = await client(lab).file("T", deadline_seconds=10)
        assert [len(p) async for p in file.portions(skip=0)] == [2, 2]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"kind": "status", "status": 403}, "http_403"),
        ({"kind": "status", "status": 200, "body": "<html>not a file</html>"}, "bad_reply"),
        ({"kind": "reset"}, "connect"),
    ],
)
async def test_a_file_that_is_none_is_a_reason(
    tmp_path: Path, fault: dict[str, Any], reason: str
) -> None:
    register(tmp_path)
    async with open_lab(tmp_path) as lab:
        lab.twins.faults.add({"vendor": "acra_files", "fault": fault})
        with pytest.raises(LookupFailed) as failed:
            await read(lab, "T")
        assert failed.value.reason == reason


async def test_a_file_address_on_a_private_host_is_not_followed(tmp_path: Path) -> None:
    register(tmp_path)
    async with open_lab(tmp_path) as lab:
        data = {"status": "DOWNLOAD_SUCCESS", "url": "http://169.254.169.254/latest/meta-data"}
        lab.twins.faults.add(
            {"path": "*/poll-download", "fault": {"kind": "status", "status": 200,
             "body": json.dumps({"code": 0, "data": data})}}
        )  # fmt: skip
        with pytest.raises(LookupFailed):
            await read(lab, "T")
        assert lab.twins.calls("acra_files") == []


async def test_a_letter_that_has_no_file_is_refused(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        with pytest.raises(LookupFailed):
            await client(lab).file("AB", deadline_seconds=15)
