"""Keys, scopes and tenants: who may do what, and what nobody can tell apart."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from tests.services.session_world import HOOPS_LEAD
from tests.web.conftest import Tenant
from tests.web.web_world import API, JOBS, SESSION, Site, refused, serving, site, without_id

UNKNOWN = "0" * 32


async def test_on_loopback_no_key_is_needed_until_the_first_is_made(tmp_path: Path) -> None:
    async with site(tmp_path) as fresh, fresh.client() as anybody:
        open_ = await anybody.get("/api/v1/account")
        assert (open_.status_code, open_.json()["tenant"]) == (200, "local")
        for bad in ("Bearer 411_nonsense", "Basic dTpw", "Bearer", "411_x", ""):
            answer = await anybody.get("/api/v1/account", headers={"authorization": bad})
            refused(answer, 401, "UNAUTHORIZED")
        key = await fresh.key("acme")
        refused(await anybody.get("/api/v1/account"), 401, "UNAUTHORIZED")
        (stored,) = await fresh.app.access.keys("acme")
        await fresh.app.access.revoke_key(stored.id)
        refused(await anybody.get("/api/v1/account"), 401, "UNAUTHORIZED")
    assert key.startswith("411_")


@pytest.mark.parametrize("how", ["beyond loopback", "required"])
async def test_elsewhere_a_key_is_always_needed(tmp_path: Path, how: str) -> None:
    host = "0.0.0.0" if how == "beyond loopback" else "127.0.0.1"
    auth = "auto" if how == "beyond loopback" else "required"
    async with site(tmp_path, host=host, http_auth=auth) as guarded, guarded.client() as anybody:
        answer = await anybody.get("/api/v1/account")
        refused(answer, 401, "UNAUTHORIZED")
        assert answer.headers["www-authenticate"].startswith("Bearer")
        refused(await anybody.post("/mcp", json={}), 401, "UNAUTHORIZED")
        refused(await anybody.get("/metrics"), 401, "UNAUTHORIZED")
        assert (await anybody.get("/healthz")).json()["status"] == "ok"
        assert (await anybody.get("/openapi.json")).status_code == 200


async def test_a_revoked_key_is_a_401_at_its_next_use(shared: Site) -> None:
    key = await shared.key("fleeting")
    async with shared.client(key) as client:
        assert (await client.get("/api/v1/account")).status_code == 200
        (stored,) = await shared.app.access.keys("fleeting")
        await shared.app.access.revoke_key(stored.id)
        refused(await client.get("/api/v1/account"), 401, "UNAUTHORIZED")


async def test_no_header_overrides_the_tenant_of_the_key(acme: Tenant) -> None:
    answer = await acme.client.get("/api/v1/account", headers={"x-tenant-id": "rival"})
    assert answer.json()["tenant"] == "acme"


async def test_a_reading_key_reads_and_runs_nothing(shared: Site, acme: Tenant) -> None:
    async with shared.client(await shared.key("acme", "read")) as reader:
        assert (await reader.get(f"{JOBS}/{acme.job}")).json()["status"] == "done"
        assert (await reader.post(f"{JOBS}/{acme.job}/ticket")).status_code == 201
        problem = refused(await reader.post(SESSION, json={"lead": HOOPS_LEAD}), 403, "FORBIDDEN")
        assert "enrich" in problem["detail"]
        refused(
            await reader.post(JOBS, json={"route": "enrich/lead-session", "payload": {}}),
            403, "FORBIDDEN",
        )  # fmt: skip
        refused(await reader.delete(f"{JOBS}/{acme.job}"), 403, "FORBIDDEN")


async def test_a_key_in_an_address_is_refused_wherever_it_stands(
    shared: Site, acme: Tenant
) -> None:
    for name in ("key", "access_token", "ticket", "anything"):
        answer = await acme.client.get(f"{JOBS}/{acme.job}/events", params={name: acme.key})
        problem = refused(answer, 401, "UNAUTHORIZED")
        assert acme.key not in answer.text
        assert "address" in problem["detail"]


@pytest.mark.parametrize(
    ("method", "template", "own"),
    [
        ("GET", f"{JOBS}/%s", "job"),
        ("DELETE", f"{JOBS}/%s", "job"),
        ("DELETE", f"{JOBS}/%s?slot=data411-hunt-deep", "job"),
        ("DELETE", f"{JOBS}/%s?slot=data411-hunt-deep&retry=true", "job"),
        ("GET", f"{JOBS}/%s/events", "job"),
        ("POST", f"{JOBS}/%s/ticket", "job"),
        ("GET", f"{API}/boards/%s", "board"),
        ("GET", "/api/v1/leads/%s", "chat"),
    ],
)
async def test_another_tenants_handle_answers_exactly_like_an_unknown_one(
    acme: Tenant, rival: httpx2.AsyncClient, method: str, template: str, own: str
) -> None:
    handles = {"job": acme.job, "chat": acme.chat, "board": "b-1"}
    mine = await acme.client.request("GET", template.partition("?")[0] % handles[own])
    assert mine.status_code in {200, 405}
    theirs = await rival.request(method, template % handles[own])
    unknown = await rival.request(method, template % UNKNOWN)
    refused(theirs, 404, "NOT_FOUND")
    assert without_id(theirs) == without_id(unknown)


@pytest.mark.parametrize("route", ["slot-rerun", "synthesize-patch", "finding-rerun"])
async def test_another_tenants_chat_cannot_be_run_in(
    acme: Tenant, rival: httpx2.AsyncClient, route: str
) -> None:
    needs = {
        "slot-rerun": {"model_id": "data411-hunt-deep"},
        "synthesize-patch": {},
        "finding-rerun": {"candidate_id": "c" * 40},
    }
    theirs, unknown = [
        await rival.post(f"{SESSION}/{route}", json={"chat_session_id": chat, **needs[route]})
        for chat in (acme.chat, UNKNOWN)
    ]
    refused(theirs, 404, "NOT_FOUND")
    assert without_id(theirs) == without_id(unknown)


async def test_another_tenants_candidate_answers_like_an_unknown_one(
    shared: Site, acme: Tenant
) -> None:
    """In a chat of one's own, with a candidate of somebody else's graph."""
    graph = (await acme.client.get(f"/api/v1/leads/{acme.chat}")).json()
    candidates = [c["id"] for c in graph["unmerged_candidates"]]
    assert candidates
    async with shared.client(await shared.key("third")) as third:
        lead = {"contact_id": 9, "company": "Nine", "domain": "nine.example"}
        chat = (await third.post(SESSION, json={"lead": lead})).json()["chat_session_id"]
        theirs, unknown = [
            await third.post(
                f"{SESSION}/finding-rerun", json={"chat_session_id": chat, "candidate_id": one}
            )
            for one in (candidates[0], "c" * 40)
        ]
    refused(theirs, 404, "NOT_FOUND")
    assert without_id(theirs) == without_id(unknown)


async def test_a_ticket_and_a_poll_bearer_open_nothing_of_another_tenant(
    shared: Site, acme: Tenant, rival: httpx2.AsyncClient
) -> None:
    lead = {"contact_id": 1, "company": "Rival Works", "domain": "rival.example"}
    job = {"route": "enrich/lead-session", "payload": {"lead": lead}}
    accepted = (await rival.post(JOBS, json=job)).json()
    async with shared.client(accepted["poll_bearer"]) as poller:
        theirs = await poller.get(f"{JOBS}/{acme.job}")
        unknown = await poller.get(f"{JOBS}/{UNKNOWN}")
    refused(theirs, 404, "NOT_FOUND")
    assert without_id(theirs) == without_id(unknown)
    answers = []
    async with shared.client() as anybody:
        for job_id in (acme.job, UNKNOWN):
            ticket = (await rival.post(f"{accepted['location']}/ticket")).json()["ticket"]
            path = f"{JOBS}/{job_id}/events"
            answers.append(await anybody.get(path, params={"ticket": ticket}))
    refused(answers[0], 401, "UNAUTHORIZED")
    assert without_id(answers[0]) == without_id(answers[1])


async def test_keys_of_one_store_hold_at_a_restarted_server(tmp_path: Path) -> None:
    async with site(tmp_path) as first:
        key = await first.key("acme")
        settings = first.settings
        async with serving(settings) as (url, _):
            headers = {"authorization": f"Bearer {key}"}
            async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
                assert (await client.get("/api/v1/account")).status_code == 401
                answer = await client.get("/api/v1/account", headers=headers)
    assert answer.json()["tenant"] == "acme"
