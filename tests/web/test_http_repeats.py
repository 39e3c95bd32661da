"""A request that is sent again, and one that joins a job of another: nothing is run twice, and
nothing that the caller asked for is lost without a word."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from data411_mcp.domain.access import Principal
from data411_mcp.domain.slots import DEEP
from tests.services.session_world import HOOPS_LEAD
from tests.tools.mcp_sessions import world_with_fault
from tests.web.conftest import Tenant
from tests.web.web_world import JOBS, SESSION, Site, refused, site

HANGS = {"vendor": "openrouter", "slot": DEEP, "fault": {"kind": "delay", "seconds": 600}}
LEAD_JOB: dict[str, Any] = {
    "route": "enrich/lead-session",
    "payload": {"lead": HOOPS_LEAD, "chat_session_id": "chat-1", "progress_key": "b-1"},
    "bill_up_to_usd": 3.0,
}
HOOK = "https://hooks.example/data411"


@pytest.fixture(scope="module")
async def slow(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A server whose sessions never end by themselves."""
    folder = tmp_path_factory.mktemp("repeats")
    world = world_with_fault(folder / "world", HANGS)
    async with site(folder, world, http_answer_within_s=0.2) as started:
        yield started


@pytest.fixture
async def client(slow: Site, request: pytest.FixtureRequest) -> AsyncIterator[httpx2.AsyncClient]:
    async with slow.client(await slow.key(f"t{abs(hash(request.node.name))}")) as connected:
        yield connected


def keyed(body: dict[str, Any], key: str = "k") -> dict[str, Any]:
    return {"json": body, "headers": {"idempotency-key": key}}


def changed(**payload: Any) -> dict[str, Any]:
    return LEAD_JOB | {"payload": LEAD_JOB["payload"] | payload}


@pytest.mark.parametrize(
    "other",
    [
        LEAD_JOB | {"bill_up_to_usd": 20.0},
        LEAD_JOB | {"callback_url": HOOK},
        changed(progress_key="b-2"),
        changed(prompts=["Find a phone"]),
        changed(chat_session_id="chat-2"),
        {"route": "enrich/lead-session/synthesize-patch", "payload": {"chat_session_id": "chat-1"}},
    ],
    ids=["ceiling", "callback", "progress key", "prompts", "chat", "route"],
)
async def test_a_key_with_another_request_is_refused_while_its_job_runs(
    client: httpx2.AsyncClient, other: dict[str, Any]
) -> None:
    first = (await client.post(JOBS, **keyed(LEAD_JOB))).json()
    problem = refused(await client.post(JOBS, **keyed(other)), 422, "INVALID_ARGUMENT")
    assert "key" in problem["detail"]
    again = (await client.post(JOBS, **keyed(LEAD_JOB))).json()
    assert (again["job_id"], again["poll_bearer"]) == (first["job_id"], first["poll_bearer"])
    await client.delete(first["location"])


async def test_a_key_holds_for_a_submission_that_joined_after_the_job_has_ended(
    client: httpx2.AsyncClient,
) -> None:
    first = (await client.post(JOBS, json=LEAD_JOB)).json()
    joined = (await client.post(JOBS, **keyed(LEAD_JOB, "later"))).json()
    assert joined["job_id"] == first["job_id"]
    await client.delete(first["location"])
    again = (await client.post(JOBS, **keyed(LEAD_JOB, "later"))).json()
    assert (again["job_id"], again["status"]) == (first["job_id"], "cancelled")
    refused(
        await client.post(JOBS, **keyed(changed(prompts=["more"]), "later")),
        422, "INVALID_ARGUMENT",
    )  # fmt: skip


async def test_a_call_with_a_key_is_the_same_job_again_and_not_another_ones(
    acme: Tenant,
) -> None:
    patch = {"chat_session_id": acme.chat, "prompts": ["Lead with the phones."]}
    path = f"{SESSION}/synthesize-patch"
    first = (await acme.client.post(path, **keyed(patch))).json()
    newer = (await acme.client.post(path, json={"chat_session_id": acme.chat})).json()
    again = (await acme.client.post(path, **keyed(patch))).json()
    assert again["job_id"] == first["job_id"] != newer["job_id"]
    assert again["cache_hit"] is True
    refused(
        await acme.client.post(path, **keyed(patch | {"refresh_summary": False})),
        422, "INVALID_ARGUMENT",
    )  # fmt: skip
    refused(await acme.client.post(path, **keyed(patch, "")), 422, "INVALID_ARGUMENT")


async def test_who_joins_with_a_lower_ceiling_or_another_callback_is_told_to_wait(
    client: httpx2.AsyncClient,
) -> None:
    told = LEAD_JOB | {"callback_url": HOOK}
    first = (await client.post(JOBS, json=told)).json()
    for other in (told | {"bill_up_to_usd": 1.5}, told | {"callback_url": f"{HOOK}/2"}):
        problem = refused(await client.post(JOBS, json=other), 409, "CHAT_BUSY")
        assert f"GET {first['location']}?wait_s=45" in problem["hint"]
    roomier = (await client.post(JOBS, json=told | {"bill_up_to_usd": 5.0})).json()
    assert (roomier["job_id"], roomier["notices"]) == (first["job_id"], [])
    await client.delete(first["location"])


async def test_who_joins_has_its_callback_attached_and_hears_that_the_board_is_another(
    slow: Site, client: httpx2.AsyncClient
) -> None:
    first = (await client.post(JOBS, json=LEAD_JOB)).json()
    other = changed(progress_key="b-9") | {"callback_url": HOOK}
    joined = (await client.post(JOBS, json=other)).json()
    assert joined["job_id"] == first["job_id"]
    assert [n["code"] for n in joined["notices"]] == ["PROGRESS_KEY_NOT_SET"]
    tenant = (await client.get("/api/v1/account")).json()["tenant"]
    job = await slow.app.store.job(tenant, first["job_id"])
    assert job is not None
    assert job.callback_url == HOOK
    await client.delete(first["location"])


async def test_a_bearer_sees_its_job_and_neither_balance_nor_later_work(
    shared: Site,
) -> None:
    key = await shared.key("lender")
    async with shared.client(key) as client:
        submitted = {"route": "enrich/lead-session", "payload": {"lead": HOOPS_LEAD}}
        accepted = (await client.post(JOBS, json=submitted)).json()
        at, chat = accepted["location"], accepted["chat_session_id"]
        async with shared.client(accepted["poll_bearer"]) as poller:
            seen = (await poller.get(at, params={"wait_s": 45})).json()
            assert seen["status"] == "done"
            assert seen["cost"]["balance_usd"] is None
            assert seen["backfill"]["chat_session_id"] == chat
            later = await client.post(f"{SESSION}/slot-rerun",
                                      json={"chat_session_id": chat, "model_id": DEEP})  # fmt: skip
            assert later.status_code == 200
            seen = (await poller.get(at)).json()
        whole = (await client.get(at)).json()
    assert (seen["backfill"], seen["cost"]["vendor_usd"]) == (None, None)
    assert seen["result"] == whole["result"]
    assert {row["job_id"] for row in seen["board"]["slots"]} == {accepted["job_id"]}
    assert whole["backfill"]["chat_session_id"] == chat
    assert isinstance(whole["cost"]["balance_usd"], float)


async def test_a_ticket_is_not_used_up_by_a_request_that_could_not_be(
    shared: Site, acme: Tenant
) -> None:
    ticket = (await acme.client.post(f"{JOBS}/{acme.job}/ticket")).json()
    async with shared.client() as page:
        bad = await page.get(f"{ticket['href']}&since=-1")
        refused(bad, 422, "INVALID_ARGUMENT")
        other = f"{JOBS}/{'0' * 32}/events?ticket={ticket['ticket']}"
        refused(await page.get(other), 401, "UNAUTHORIZED")
        assert (await page.get(ticket["href"])).status_code == 200
        refused(await page.get(ticket["href"]), 401, "UNAUTHORIZED")


async def test_a_ticket_of_a_revoked_key_opens_nothing(shared: Site) -> None:
    key = await shared.key("leaving")
    async with shared.client(key) as client, shared.client() as page:
        accepted = (
            await client.post(JOBS, json=LEAD_JOB | {"payload": {"lead": HOOPS_LEAD}})
        ).json()
        ticket = (await client.post(f"{accepted['location']}/ticket")).json()
        (stored,) = await shared.app.access.keys("leaving")
        await shared.app.access.revoke_key(stored.id)
        refused(await page.get(ticket["href"]), 401, "UNAUTHORIZED")
        assert not await shared.app.access.in_use(Principal("leaving", stored.id))


async def test_a_server_that_pages_may_call_or_that_has_a_public_name_wants_a_key(
    tmp_path: Path,
) -> None:
    for name, more in (
        ("proxy", {"public_url": "https://data411.example"}),
        ("pages", {"http_cors_origins": "https://panel.example"}),
    ):
        async with site(tmp_path / name, **more) as reached, reached.client() as anybody:
            refused(await anybody.get("/api/v1/account"), 401, "UNAUTHORIZED")
            refused(await anybody.post("/mcp", json={}), 401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (SESSION, '{"lead": {"company": "Foo\\ud800 Works"}}'),
        (SESSION, '{"lead": {"\\uDC00": 1}}'),
        (SESSION, '{"chat_session_id": "c", "prompts": ["\\ud83d"]}'),
        (JOBS, '{"route": "\\ud800", "payload": {}}'),
        (JOBS, '{"route": "enrich/lead-session", "payload": {"progress_key": "\\uD800"}}'),
    ],
    ids=range(5),
)
async def test_half_a_character_is_refused(acme: Tenant, path: str, body: str) -> None:
    answer = await acme.client.post(
        path, content=body, headers={"content-type": "application/json"}
    )
    assert "surrogate" in refused(answer, 422, "INVALID_ARGUMENT")["detail"]


async def test_an_escaped_character_of_two_halves_is_one(acme: Tenant) -> None:
    body = '{"route": "\\ud83d\\ude00", "payload": {}}'
    answer = await acme.client.post(
        JOBS, content=body, headers={"content-type": "application/json"}
    )
    assert "no such route" in refused(answer, 422, "INVALID_ARGUMENT")["detail"]


@pytest.mark.parametrize("key", ["a\nb", "a\x00", "\u200b"])
async def test_the_key_of_a_board_is_printable(acme: Tenant, key: str) -> None:
    body = {"lead": HOOPS_LEAD, "progress_key": key}
    refused(await acme.client.post(SESSION, json=body), 422, "INVALID_ARGUMENT")


async def test_a_slots_name_has_an_end(acme: Tenant) -> None:
    answer = await acme.client.delete(f"{JOBS}/{acme.job}", params={"slot": "x" * 201})
    refused(answer, 422, "INVALID_ARGUMENT")
