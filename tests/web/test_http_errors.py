"""Every fault is one problem+json with the codes of MCP, and names the next call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.services.session_world import HOOPS_LEAD
from tests.web.conftest import Tenant
from tests.web.web_world import JOBS, SESSION, Site, refused, site

SECRET_WORDS = "zanzibar-7"


async def test_an_unknown_field_is_refused_and_the_nearest_known_one_named(acme: Tenant) -> None:
    answer = await acme.client.post(SESSION, json={"lead": HOOPS_LEAD, "refesh": True})
    problem = refused(answer, 422, "UNKNOWN_ARGUMENT")
    assert "Did you mean refresh?" in problem["detail"]


async def test_an_unknown_query_parameter_is_refused(acme: Tenant) -> None:
    answer = await acme.client.get(f"{JOBS}/{acme.job}/events", params={"sinse": 3})
    assert "Did you mean since?" in refused(answer, 422, "UNKNOWN_ARGUMENT")["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[1]",
        b'"text"',
        b'{"lead": {"contact_id": NaN}}',
        b'{"lead": {"contact_id": Infinity}}',
        b"\xff\xfe{}",
        b"",
        b'{"lead": "Hoops"}',
        b'{"refresh": "true"}',
        b'{"prompts": "words"}',
        b"[" * 20_000,
        b'{"progress_key": ""}',
    ],
    ids=range(12),
)
async def test_a_body_that_is_not_what_is_asked_for_is_a_422(acme: Tenant, body: bytes) -> None:
    answer = await acme.client.post(
        SESSION, content=body, headers={"content-type": "application/json"}
    )
    refused(answer, 422, "INVALID_ARGUMENT")


async def test_an_error_never_repeats_what_was_sent(acme: Tenant) -> None:
    for body in ({"lead": SECRET_WORDS}, {"prompts": [1], "chat_session_id": SECRET_WORDS},
                 {"lead": {"company": SECRET_WORDS * 5000}}):  # fmt: skip
        answer = await acme.client.post(SESSION, json=body)
        assert answer.status_code == 422
        assert SECRET_WORDS not in answer.text


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", None])
async def test_another_media_type_is_a_415(acme: Tenant, media_type: str | None) -> None:
    headers = {"content-type": media_type} if media_type else {}
    answer = await acme.client.post(SESSION, content=b"{}", headers=headers)
    assert "application/json" in refused(answer, 415, "CALLER_ERROR")["hint"]


async def test_an_unknown_address_is_a_404_and_a_wrong_method_a_405(acme: Tenant) -> None:
    for path in (
        "/",
        "/api/v1/enrich",
        f"{JOBS}/",
        "/mcp/",
        "/docs",
        "/api/v1/enrich/lead-session/slots-rerun",
    ):
        refused(await acme.client.get(path), 404, "NOT_FOUND")
    wrong = await acme.client.put(f"{JOBS}/{acme.job}")
    refused(wrong, 405, "CALLER_ERROR")
    assert wrong.headers["allow"] == "DELETE, GET"
    refused(await acme.client.get(SESSION), 405, "CALLER_ERROR")


async def test_refusals_of_the_lead_and_the_chat_keep_their_codes(acme: Tenant) -> None:
    refused(await acme.client.post(SESSION, json={"lead": {}}), 422, "INVALID_LEAD")
    other = {"lead": {"contact_id": 7, "company": "Other"}, "chat_session_id": acme.chat}
    refused(await acme.client.post(SESSION, json=other), 409, "MULTI_LEAD_REFUSED")
    partial = {"chat_session_id": acme.chat, "refresh": True, "prompts": ["Rerun Hunt Forge"]}
    refused(await acme.client.post(SESSION, json=partial), 409, "REFRESH_NOT_PARTIAL")


@pytest.mark.parametrize("budget", [0.04, 20.01, 0.055, -1, 1e300])
async def test_a_budget_out_of_range_is_refused(acme: Tenant, budget: float) -> None:
    answer = await acme.client.post(SESSION, json={"lead": HOOPS_LEAD, "budget_usd": budget})
    assert "budget_usd" in refused(answer, 422, "INVALID_ARGUMENT")["detail"]


@pytest.mark.parametrize(
    ("given", "minted"), [("abc-1.2_3", False), ("a" * 65, True), ("a b", True), ("é", True)]
)
async def test_a_request_id_is_taken_when_it_is_safe(
    shared: Site, given: str, minted: bool
) -> None:
    async with shared.client() as anybody:
        answer = await anybody.get("/healthz", headers={"x-request-id": given.encode()})
    assert (answer.headers["x-request-id"] != given) is minted
    assert answer.headers["x-request-id"]


async def test_a_crash_is_a_500_without_its_words(
    acme: Tenant, shared: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError(SECRET_WORDS)

    monkeypatch.setattr(type(shared.app.accounts), "balances", broken)
    answer = await acme.client.get("/api/v1/account")
    refused(answer, 500, "INTERNAL")
    assert SECRET_WORDS not in answer.text
    assert "Traceback" not in answer.text


async def test_a_balance_that_does_not_suffice_is_a_402_with_the_word_of_the_spec(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, billing="on") as paid, paid.client(await paid.key()) as client:
        answer = await client.post(SESSION, json={"lead": HOOPS_LEAD})
        account = await client.get("/api/v1/account")
    problem = refused(answer, 402, "VIRTUAL_BALANCE_INSUFFICIENT")
    assert problem["billing_reason"] == "virtual_balance_insufficient"
    assert account.json()["billing_mode"] == "virtual_balance"
    assert account.json()["held_usd"] == 0
    assert paid.twins.calls("openrouter") == []


async def test_answers_of_the_api_are_not_kept_by_caches_or_sniffed(acme: Tenant) -> None:
    answers: list[httpx2.Response] = [
        await acme.client.get("/api/v1/account"),
        await acme.client.get("/api/v1/nowhere"),
    ]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
