"""A refusal over HTTP names the request to make next, not a tool of MCP."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace

import httpx2
import pytest

from data411_mcp.domain.calls import spelled
from data411_mcp.domain.graph import Backfill, Choice, Notice
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.domain.lead import Lead
from data411_mcp.services.icp.views import ChatEventView, IcpJobView, NextView
from data411_mcp.web.hints import ROUTES, as_requests, in_requests
from tests.web.conftest import Tenant
from tests.web.web_world import JOBS, SESSION, Site, refused

CALL = spelled("rerun_hunt_slot", chat_session_id="c", model_id="data411-hunt-forge")
REQUEST = (
    "POST /api/v1/enrich/lead-session/slot-rerun "
    '{"chat_session_id": "c", "model_id": "data411-hunt-forge"}'
)
TOOLS_WITHOUT_A_ROUTE = {"submit_findings", "correct_lead_fact"}


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
    unlike = 'Ask for submit_findings(chat_session_id="c"), or enrich_lead_session(lead=…).'
    assert as_requests(unlike) == unlike


@pytest.mark.parametrize(
    ("call", "request_"),
    [
        (spelled("icp_intake", start_fresh=True), 'POST /icp/intake {"start_fresh": true}'),
        (spelled("icp_confirm", thread_id="t"), 'POST /icp/chat/confirm {"thread_id": "t"}'),
        (
            spelled("icp_run_enrichment", thread_id="t"),
            'POST /icp/enrich/top10 {"thread_id": "t"}',
        ),
        (
            spelled("icp_accept", thread_id="t", micro_icp="m1"),
            'POST /icp/accept {"thread_id": "t", "micro_icp": "m1"}',
        ),
        (spelled("icp_status", thread_id="t"), "GET /api/orchestrations/t"),
        (
            spelled("icp_status", thread_id="a/b", wait_seconds=45),
            "GET /api/orchestrations/a%2Fb?wait_s=45",
        ),
        (
            spelled("icp_status", thread_id="t", offset=10),
            "GET /icp/top10?thread_id=t&offset=10",
        ),
        (spelled("icp_threads", action="list"), "POST /threads/search {}"),
        (spelled("icp_threads", offset=50), 'POST /threads/search {"offset": 50}'),
        (spelled("icp_threads", action="resume"), "POST /threads/resume-eligible {}"),
        (spelled("icp_threads", action="resume", thread_id="t"), "POST /threads/t/resume"),
        (spelled("icp_threads", action="delete", thread_id="t"), "DELETE /threads/t"),
        (
            spelled("icp_threads", action="lock", thread_id="t"),
            'PATCH /threads/t {"status": "locked"}',
        ),
        (
            spelled("icp_threads", action="cancel", thread_id="t"),
            'POST /runs/cancel {"thread_id": "t"}',
        ),
        (
            spelled("icp_threads", action="new"),
            'POST /api/orchestrations {"start_fresh": true}',
        ),
    ],
)
def test_calls_of_the_icp_finder_become_requests(call: str, request_: str) -> None:
    assert as_requests(f"Call {call} first; then go on.") == f"Call {request_} first; then go on."


def test_a_tool_named_without_a_call_becomes_its_route() -> None:
    assert (
        as_requests("Call icp_threads to see yours.") == "Call POST /threads/search to see yours."
    )
    assert as_requests("Call get_lead_graph.") == "Call GET /api/v1/leads/{chat_session_id}."
    for unlike in ("my_icp_threads", "icp_threads_of", '"icp_threads"', "Call submit_findings."):
        assert as_requests(unlike) == unlike


async def test_every_request_that_a_tool_becomes_is_an_operation_of_its_name(shared: Site) -> None:
    async with shared.client() as anybody:
        paths = (await anybody.get("/openapi.json")).json()["paths"]
    operations = {
        f"{method.upper()} {path}": told["operationId"]
        for path, methods in paths.items()
        for method, told in methods.items()
    }
    assert set(ROUTES.values()) <= set(operations)
    others = {
        tool: operations[route] for tool, route in ROUTES.items() if operations[route] != tool
    }
    assert others == {"icp_threads": "search_threads"}
    tools = {spec.name for spec in importlib.import_module("data411_mcp.tools").TOOLS}
    assert tools - set(ROUTES) == TOOLS_WITHOUT_A_ROUTE


async def test_a_refusal_of_the_icp_finder_names_requests(shared: Site) -> None:
    async with shared.client(await shared.key("finder")) as client:
        plan = await client.post("/icp/enrich/top10", json={"thread_id": await thread(client)})
        gone = await client.get("/api/orchestrations/none")
    asked = refused(plan, 412, "PLAN_MISSING")["hint"]
    assert asked.startswith("Call POST /icp/chat/confirm {")
    assert "POST /threads/search" in refused(gone, 404, "NOT_FOUND")["hint"]


async def thread(client: httpx2.AsyncClient) -> str:
    answer = await client.post("/icp/intake", json={"message": "hello", "start_fresh": True})
    return str(answer.json()["thread_id"])


async def test_the_error_of_a_stored_job_names_requests_over_http(
    shared: Site, acme: Tenant
) -> None:
    """The words are stored as MCP says them."""
    job = await failed_job(shared, acme, message=f"It broke. {CALL} helps.", hint=f"Call {CALL}.")
    seen = (await acme.client.get(f"{JOBS}/{job.id}")).json()
    assert seen["status"] == "error"
    assert seen["error"]["hint"] == f"Call {REQUEST}."
    assert seen["error"]["message"] == f"It broke. {REQUEST} helps."
    assert await shared.app.store.job("acme", job.id) == job


async def failed_job(at: Site, tenant: Tenant, **words: str) -> Job:
    done = await at.app.store.job("acme", tenant.job)
    assert done is not None
    name = at.app.clock.new_id()
    error = {"code": "CALLER_ERROR", "retryable": False, **words}
    return await at.app.store.add_job(
        replace(
            done, id=name, idempotency_key=name, poll_bearer_sha=None, progress_key=None,
            status=JobStatus.ERROR, result=None, error=json.dumps(error),
        )
    )  # fmt: skip


def test_only_our_own_words_are_told_otherwise() -> None:
    """A page's, a vendor's or a user's words stay as they were said."""
    said = f"{CALL} says the page"
    graph = Backfill(
        chat_session_id="c",
        lead=Lead(company=said),
        notices=(Notice(code="X", text=said),),
        summary_markdown=said,
    )
    told = in_requests(graph)
    assert told.notices[0].text == f"{REQUEST} says the page"
    assert told == graph.model_copy(update={"notices": told.notices})
    choice = Choice(id="1", name=said, why=said)
    assert in_requests(choice) == choice
    event = ChatEventView(event="e", message=said, context={"error": said})
    assert in_requests(event) == event


def test_the_next_call_of_a_turn_has_the_arguments_of_the_operation() -> None:
    view = NextView(tool="icp_status", arguments={"thread_id": "t", "wait_seconds": 45})
    assert in_requests(view).arguments == {"thread_id": "t", "wait_s": 45}


def test_a_job_of_a_conversation_tells_its_error_in_requests() -> None:
    error = {"code": "X", "message": CALL, "hint": CALL, "retryable": False}
    view = IcpJobView(job_id="j", route="icp", status="error", error=error)
    told = in_requests(view).error
    assert told == error | {"message": REQUEST, "hint": REQUEST}
    assert error["hint"] == CALL
