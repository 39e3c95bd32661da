"""A refusal over HTTP names the request to make next, not a tool of MCP."""

from __future__ import annotations

import httpx2

from data411_mcp.domain.calls import spelled
from data411_mcp.web.hints import as_requests
from tests.web.conftest import Tenant
from tests.web.web_world import SESSION, refused


async def test_what_a_refusal_names_can_be_asked_for_as_it_stands(acme: Tenant) -> None:
    unknown = {"chat_session_id": acme.chat, "candidate_id": "0" * 40}
    answer: httpx2.Response = await acme.client.post(f"{SESSION}/finding-rerun", json=unknown)
    hint = refused(answer, 404, "NOT_FOUND")["hint"]
    path = next(word for word in hint.split() if word.startswith("/api/")).rstrip(".")
    assert hint.startswith(f"Call GET {path}") or f"GET {path}" in hint
    assert (await acme.client.get(path)).status_code == 200


def test_calls_become_requests_and_other_words_stay() -> None:
    call = spelled("rerun_hunt_slot", chat_session_id="c1", model_id="data411-hunt-forge")
    assert as_requests(f"Call {call}, then call again.") == (
        "Call POST /api/v1/enrich/lead-session/slot-rerun "
        '{"chat_session_id": "c1", "model_id": "data411-hunt-forge"}, then call again.'
    )
    waiting = spelled("wait_enrich_job", job_id="j1")
    assert as_requests(waiting) == "GET /api/v1/enrich/jobs/j1?wait_s=45"
    retry = spelled("cancel_enrich_job", job_id="j1", slot="s", retry=True)
    assert as_requests(retry) == "DELETE /api/v1/enrich/jobs/j1?slot=s&retry=true"
    unlike = 'Ask for icp_status(thread_id="t"), or enrich_lead_session(lead=…).'
    assert as_requests(unlike) == unlike
