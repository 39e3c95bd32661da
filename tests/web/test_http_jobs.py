"""Jobs over HTTP: handed in once, read with a bearer of their own, cancelled, waited for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx2
import pytest

from data411_mcp.domain.slots import DEEP, SWIFT
from tests.services.session_world import HOOPS_LEAD
from tests.tools.mcp_sessions import world_with_fault
from tests.web.conftest import Tenant
from tests.web.web_world import API, JOBS, SESSION, Site, refused, site

LEAD_JOB: dict[str, Any] = {"route": "enrich/lead-session", "payload": {"lead": HOOPS_LEAD}}
HANGS = {"vendor": "openrouter", "slot": DEEP, "fault": {"kind": "delay", "seconds": 600}}
SECONDS = 60.0


@pytest.fixture(scope="module")
async def slow(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A server whose sessions never end by themselves."""
    folder = tmp_path_factory.mktemp("slow")
    world = world_with_fault(folder / "world", HANGS)
    async with site(folder, world, http_answer_within_s=0.2) as started:
        yield started


@pytest.fixture
async def client(slow: Site) -> AsyncIterator[httpx2.AsyncClient]:
    """Of a tenant of its own, so that the same lead is free."""
    async with slow.client(await slow.key(slow.app.clock.new_id())) as client:
        yield client


async def test_a_job_is_handed_in_and_read_with_its_own_bearer(
    slow: Site, client: httpx2.AsyncClient
) -> None:
    answer = await client.post(JOBS, json=LEAD_JOB)
    accepted = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == accepted["location"] == f"{JOBS}/{accepted['job_id']}"
    assert accepted["billing_mode"] == "off"
    assert accepted["status"] in {"queued", "running"}
    async with slow.client(accepted["poll_bearer"]) as poller:
        seen = (await poller.get(accepted["location"])).json()
        events = await poller.get(f"{accepted['location']}/events")
    assert seen["job_id"] == accepted["job_id"]
    assert seen["backfill"] is None
    assert seen["next"] == f"GET {accepted['location']}?wait_s=45"
    assert events.status_code == 200
    stored = await slow.app.store.job_by_poll_bearer(accepted["poll_bearer"])
    assert stored is None  # only its hash is kept


async def test_a_poll_bearer_reads_one_job_and_does_nothing(
    slow: Site, client: httpx2.AsyncClient, acme: Tenant
) -> None:
    accepted = (await client.post(JOBS, json=LEAD_JOB)).json()
    other = (await client.post(JOBS, json=_job_of(contact_id=2, company="Other"))).json()
    async with slow.client(accepted["poll_bearer"]) as poller:
        refused(await poller.delete(accepted["location"]), 403, "FORBIDDEN")
        refused(await poller.post(JOBS, json=LEAD_JOB), 403, "FORBIDDEN")
        refused(await poller.post(f"{accepted['location']}/ticket"), 403, "FORBIDDEN")
        refused(await poller.get("/api/v1/account"), 403, "FORBIDDEN")
        refused(await poller.get("/metrics"), 403, "FORBIDDEN")
        refused(await poller.get(f"/api/v1/leads/{accepted['chat_session_id']}"), 403, "FORBIDDEN")
        refused(await poller.get(other["location"]), 404, "NOT_FOUND")
        refused(await poller.get(f"{other['location']}/events"), 404, "NOT_FOUND")
        refused(await poller.post("/mcp", json={}), 401, "UNAUTHORIZED")
    unknown = f"{accepted['poll_bearer'][:-4]}AAAA"
    async with slow.client(unknown) as stranger:
        refused(await stranger.get(accepted["location"]), 401, "UNAUTHORIZED")


def _job_of(**lead: Any) -> dict[str, Any]:
    return {"route": "enrich/lead-session", "payload": {"lead": {"source_system": "t", **lead}}}


async def test_identical_submissions_at_once_are_one_job_and_each_can_poll_it(
    slow: Site, client: httpx2.AsyncClient
) -> None:
    accepted = await _at_once(client, *[{"json": LEAD_JOB}] * 5)
    assert len({a["job_id"] for a in accepted}) == 1
    for bearer in {a["poll_bearer"] for a in accepted}:
        async with slow.client(bearer) as poller:
            assert (await poller.get(accepted[0]["location"])).status_code == 200


async def test_an_idempotency_key_names_one_job(client: httpx2.AsyncClient) -> None:
    keyed = {"json": LEAD_JOB, "headers": {"idempotency-key": "first"}}
    accepted = await _at_once(client, keyed, keyed)
    again = (await client.post(JOBS, **keyed)).json()
    assert {(a["job_id"], a["poll_bearer"]) for a in (*accepted, again)} == {
        (again["job_id"], again["poll_bearer"])
    }
    other = _job_of(contact_id=3, company="Third")
    problem = refused(await client.post(JOBS, **(keyed | {"json": other})), 422, "INVALID_ARGUMENT")
    assert "key" in problem["detail"]
    for bad in ("", "x" * 256):
        answer = await client.post(JOBS, json=LEAD_JOB, headers={"idempotency-key": bad})
        refused(answer, 422, "INVALID_ARGUMENT")


async def _at_once(client: httpx2.AsyncClient, *requests: dict[str, Any]) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = []

    async def post(request: dict[str, Any]) -> None:
        answer = await client.post(JOBS, **request)
        assert answer.status_code == 202, answer.text
        answers.append(answer.json())

    with anyio.fail_after(SECONDS):
        async with anyio.create_task_group() as tasks:
            for request in requests:
                tasks.start_soon(post, request)
    return answers


@pytest.mark.parametrize("ceiling", [0.04, 50.01, "1.00", True, 0.055, -1, [1], {}])
async def test_the_ceiling_is_looked_at_before_anything_else(
    client: httpx2.AsyncClient, ceiling: object
) -> None:
    job = {"route": "no/such", "payload": {"x": 1}, "bill_up_to_usd": ceiling}
    problem = refused(await client.post(JOBS, json=job), 422, "INVALID_ARGUMENT")
    assert problem["detail"].startswith("bill_up_to_usd")


async def test_a_ceiling_that_is_not_a_number_of_json_is_refused(
    client: httpx2.AsyncClient,
) -> None:
    body = b'{"route": "enrich/lead-session", "payload": {}, "bill_up_to_usd": NaN}'
    answer = await client.post(JOBS, content=body, headers={"content-type": "application/json"})
    refused(answer, 422, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("job", "code", "words"),
    [
        ({"route": "enrich/other", "payload": {}}, "INVALID_ARGUMENT", "no such route"),
        ({"route": "enrich/lead-session"}, "INVALID_ARGUMENT", "payload (missing)"),
        (
            {"route": "enrich/lead-session", "payload": {"model_ids": []}},
            "UNKNOWN_ARGUMENT",
            "enrich/lead-session/slots-rerun takes it",
        ),
        (
            {"route": "enrich/lead-session", "payload": {"promts": []}},
            "UNKNOWN_ARGUMENT",
            "Did you mean prompts?",
        ),
        (
            {"route": "enrich/lead-session/slot-rerun", "payload": {"model_id": DEEP}},
            "INVALID_ARGUMENT",
            "chat_session_id (missing)",
        ),
        (
            {"route": "enrich/lead-session", "payload": {"refresh": 1}},
            "INVALID_ARGUMENT",
            "refresh (bool_type)",
        ),
        (LEAD_JOB | {"callbak_url": "https://a.example"}, "UNKNOWN_ARGUMENT", "callback_url"),
        (LEAD_JOB | {"callback_url": "http://hooks.example/x"}, "CALLBACK_REFUSED", ""),
        (LEAD_JOB | {"callback_url": "https://127.0.0.1/x"}, "CALLBACK_REFUSED", ""),
        (LEAD_JOB | {"callback_url": "https://u:p@hooks.example/x"}, "CALLBACK_REFUSED", ""),
    ],
    ids=range(10),
)
async def test_a_job_that_cannot_be_is_refused_with_the_reason(
    client: httpx2.AsyncClient, job: dict[str, Any], code: str, words: str
) -> None:
    assert words in refused(await client.post(JOBS, json=job), 422, code)["detail"]


async def test_a_cancelled_job_that_is_waited_for_answers_at_once(
    client: httpx2.AsyncClient,
) -> None:
    accepted = (await client.post(JOBS, json=LEAD_JOB)).json()
    seen: dict[str, Any] = {}

    async def wait() -> None:
        answer = await client.get(accepted["location"], params={"wait_s": 45})
        seen.update(answer.json())

    with anyio.fail_after(SECONDS):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await _running(client, accepted["location"])
            cancelled = await client.delete(accepted["location"])
    assert cancelled.status_code == 200
    assert seen["status"] == cancelled.json()["status"] == "cancelled"
    assert seen["backfill"]["chat_session_id"] == accepted["chat_session_id"]
    again = await client.delete(accepted["location"])
    assert (again.status_code, again.json()["status"]) == (200, "cancelled")


async def test_one_slot_is_cancelled_and_the_rest_goes_on(
    slow: Site, client: httpx2.AsyncClient
) -> None:
    accepted = (await client.post(JOBS, json=LEAD_JOB)).json()
    await _slot(client, accepted["location"], DEEP, "running")
    refused(
        await client.delete(accepted["location"], params={"retry": True}), 422, "INVALID_ARGUMENT"
    )
    answer = await client.delete(accepted["location"], params={"slot": DEEP})
    assert answer.status_code == 200
    with anyio.fail_after(SECONDS):
        done = (await client.get(accepted["location"], params={"wait_s": 45})).json()
    assert done["status"] == "done"
    states = {s["model_id"]: s["state"] for s in done["board"]["slots"]}
    assert (states[DEEP], states[SWIFT]) == ("cancelled", "done")
    assert done["backfill"]["summary_markdown"]
    assert done["result"]


async def test_a_board_shows_the_newest_job_of_its_key(client: httpx2.AsyncClient) -> None:
    job = {"route": "enrich/lead-session", "payload": {"lead": HOOPS_LEAD, "progress_key": "b 7"}}
    accepted = (await client.post(JOBS, json=job)).json()
    await _slot(client, accepted["location"], DEEP, "running")
    board = (await client.get(f"{API}/boards/b%207")).json()
    assert board["job_id"] == accepted["job_id"]
    assert board["status"] == "running"
    assert {s["state"] for s in board["slots"]} >= {"running", "done"}
    assert board["events"]["last_seq"] > 0
    refused(await client.get(f"{API}/boards/b%208"), 404, "NOT_FOUND")


async def test_a_call_that_takes_longer_is_a_202_and_an_identical_one_joins_it(
    client: httpx2.AsyncClient,
) -> None:
    body = {"lead": HOOPS_LEAD, "chat_session_id": "chat-long"}
    answer = await client.post(SESSION, json=body)
    running = answer.json()
    assert (answer.status_code, running["status"]) == (202, "running")
    assert answer.headers["location"] == running["location"]
    again = await client.post(SESSION, json=body)
    assert again.json()["job_id"] == running["job_id"]


async def test_a_client_that_hangs_up_leaves_its_job_running(
    slow: Site, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"lead": HOOPS_LEAD, "chat_session_id": "chat-gone"}
    tenant = (await client.get("/api/v1/account")).json()["tenant"]
    with anyio.move_on_after(0.15):
        await client.post(SESSION, json=body)
    found: list[Any] = []

    async def started() -> bool:
        found[:] = await slow.app.store.jobs_of_chat(tenant, "chat-gone")
        return bool(found)

    with anyio.fail_after(SECONDS):
        while not await started():  # noqa: ASYNC110 - only the store knows
            await anyio.sleep(0.01)
        location = f"{JOBS}/{found[0].id}"
        await _running(client, location)


async def _running(client: httpx2.AsyncClient, location: str) -> None:
    with anyio.fail_after(SECONDS):
        while (await client.get(location)).json()["status"] != "running":  # noqa: ASYNC110
            await anyio.sleep(0.02)


async def _slot(client: httpx2.AsyncClient, location: str, slot: str, state: str) -> None:
    with anyio.fail_after(SECONDS):
        while True:
            slots = (await client.get(location)).json()["board"]["slots"]
            if any(s["model_id"] == slot and s["state"] == state for s in slots):
                return
            await anyio.sleep(0.02)
