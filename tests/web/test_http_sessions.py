"""The synchronous routes: the same sessions as over MCP, with the whole graph in the answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from data411_mcp.domain.slots import DEEP, FORGE
from tests.services.session_world import HOOPS_LEAD, slot_of
from tests.services.test_session_identity import LEAD as NAMESAKE
from tests.services.test_session_identity import namesakes
from tests.web.conftest import Tenant
from tests.web.test_http_events import read
from tests.web.web_world import JOBS, SESSION, Site, graph_in, refused, site

SPEC = Path(__file__).resolve().parents[3] / "shared" / "spec" / "lead-session-follow-ups.md"


@pytest.fixture
async def client(shared: Site) -> AsyncIterator[httpx2.AsyncClient]:
    async with shared.client(await shared.key(shared.app.clock.new_id())) as client:
        yield client


async def test_a_lead_is_enriched_in_one_call(shared: Site, client: httpx2.AsyncClient) -> None:
    answer = await client.post(SESSION, json={"lead": HOOPS_LEAD})
    body = answer.json()
    graph = graph_in(answer)
    assert answer.status_code == 200
    assert (body["status"], body["matched"], body["cache_hit"]) == ("done", True, False)
    assert graph.lead.contact_id == HOOPS_LEAD["contact_id"]
    assert graph.summary_markdown
    assert len(graph.contacts) >= 3
    assert body["cost"]["billing_mode"] == "off"
    assert body["cost"]["vendor_usd"] > 0
    whole = await client.get(f"/api/v1/leads/{body['chat_session_id']}")
    assert whole.json() == body["backfill"]
    job = (await client.get(f"{JOBS}/{body['job_id']}")).json()
    assert job["backfill"] == body["backfill"]
    again = (await client.post(SESSION, json={"lead": HOOPS_LEAD,
             "chat_session_id": body["chat_session_id"]})).json()  # fmt: skip
    assert (again["job_id"], again["cache_hit"]) == (body["job_id"], True)


async def test_each_follow_up_route_does_its_part(shared: Site, client: httpx2.AsyncClient) -> None:
    chat = (await client.post(SESSION, json={"lead": HOOPS_LEAD})).json()["chat_session_id"]
    before = len(shared.twins.calls("openrouter"))
    rerun = await client.post(
        f"{SESSION}/slot-rerun", json={"chat_session_id": chat, "model_id": "x-ai/grok-build-0.1"}
    )
    assert (rerun.status_code, rerun.json()["status"]) == (200, "done")
    bought = [slot_of(e.json) for e in shared.twins.calls("openrouter")[before:]]
    assert set(bought) == {FORGE}
    patch = await client.post(f"{SESSION}/synthesize-patch", json={"chat_session_id": chat})
    assert (patch.status_code, patch.json()["status"]) == (200, "done")
    candidates = graph_in(patch).unmerged_candidates
    finding = await client.post(
        f"{SESSION}/finding-rerun",
        json={"chat_session_id": chat, "candidate_id": candidates[0].id},
    )
    assert (finding.status_code, finding.json()["status"]) == (200, "done")
    unknown = {"chat_session_id": chat, "model_id": "no-such-slot"}
    problem = await client.post(f"{SESSION}/slot-rerun", json=unknown)
    assert problem.status_code in {409, 422}
    batch = {"route": "enrich/lead-session/slots-rerun",
             "payload": {"chat_session_id": chat, "model_ids": [DEEP]}}  # fmt: skip
    refused(await client.post(JOBS, json=batch), 409, "SLOT_NOT_RERUNNABLE")


async def test_an_ambiguous_lead_is_a_200_that_asks_and_the_choice_goes_on(tmp_path: Path) -> None:
    world = namesakes(tmp_path / "world")
    async with site(tmp_path, world) as asking, asking.client(await asking.key()) as client:
        asked = (await client.post(SESSION, json={"lead": NAMESAKE})).json()
        assert asked["status"] == "needs_identity"
        assert len(asked["choices"]) == 2
        assert "identity_choice" in asked["next"]
        assert asking.twins.calls("openrouter") == []
        job = (await client.get(f"{JOBS}/{asked['job_id']}", params={"wait_s": 45})).json()
        assert job["status"] == "waiting"
        assert job["choices"] == asked["choices"]
        stream = await read(client, f"{JOBS}/{asked['job_id']}/events")
        assert (stream.ended, stream.events[-1][1]) == (True, "identity_needed")
        choice = {"chat_session_id": asked["chat_session_id"],
                  "identity_choice": asked["choices"][0]["id"]}  # fmt: skip
        wrong = choice | {"identity_choice": "no such"}
        refused(await client.post(SESSION, json=wrong), 422, "IDENTITY_CHOICE_INVALID")
        done = (await client.post(SESSION, json=choice)).json()
    assert (done["status"], done["job_id"]) == ("done", asked["job_id"])
    assert done["backfill"]["identity"]["decision"] == "clear"


async def test_a_paid_session_says_what_it_cost_and_what_is_left(tmp_path: Path) -> None:
    async with site(tmp_path, billing="on") as paid, paid.client(await paid.key()) as client:
        await paid.app.store.post(_credit("acme", 1000), at=paid.app.clock.now())
        low = await client.post(SESSION, json={"lead": HOOPS_LEAD, "budget_usd": 0.5})
        refused(low, 422, "BUDGET_TOO_LOW")
        body = (await client.post(SESSION, json={"lead": HOOPS_LEAD, "budget_usd": 3.0})).json()
        account = (await client.get("/api/v1/account")).json()
    cost = body["cost"]
    assert body["billed"] is True
    assert cost["charged_usd"] >= 1.5
    assert cost["held_usd"] == 0
    assert cost["balance_usd"] == account["balance_usd"] == 10 - cost["charged_usd"]
    assert account["prices"]["slot_usd"] == 0.35
    assert {t["kind"] for t in account["transfers"]} >= {"credit", "precharge", "capture"}


def _credit(tenant: str, cents: int) -> Any:
    from data411_mcp.domain.ledger import TransferKind, transfer

    return transfer(tenant, "", "credit-1", TransferKind.CREDIT, cents, "test")


def _requests() -> list[dict[str, Any]]:
    """The JSON requests that the specification prints."""
    found: list[dict[str, Any]] = []
    text, at = SPEC.read_text(encoding="utf-8"), 0
    decoder = json.JSONDecoder()
    while (at := text.find("\n{", at)) >= 0:
        value, length = decoder.raw_decode(text[at + 1 :])
        found.append(value)
        at += length
    return found


async def test_the_requests_of_the_specification_do_what_it_says(acme: Tenant) -> None:
    """As printed, with a real chat and a real candidate in the place of the printed ones."""
    if not SPEC.is_file():
        pytest.skip("no specification beside this checkout")
    session, slot, job, batch, patch, finding = _requests()
    client, chat = acme.client, {"chat_session_id": acme.chat}
    graph = (await client.get(f"/api/v1/leads/{acme.chat}")).json()
    candidate = {"candidate_id": graph["unmerged_candidates"][0]["id"]}
    followed = await client.post(SESSION, json=session | chat)
    assert (followed.status_code, followed.json()["status"]) == (200, "done")
    assert followed.json()["backfill"]["summary_history"] is not None
    for path, body in (
        ("slot-rerun", slot | chat),
        ("synthesize-patch", patch | chat),
        ("finding-rerun", finding | chat | candidate),
    ):
        answer = await client.post(f"{SESSION}/{path}", json=body)
        assert (answer.status_code, answer.json().get("status")) == (200, "done"), answer.text[:300]
    accepted = await client.post(JOBS, json=job | {"payload": job["payload"] | chat})
    assert accepted.status_code == 202
    ended = (await client.get(accepted.json()["location"], params={"wait_s": 45})).json()
    assert ended["status"] == "done"
    batched = await client.post(JOBS, json=batch | {"payload": batch["payload"] | chat})
    refused(batched, 409, "SLOT_NOT_RERUNNABLE")  # both slots are done in this graph
