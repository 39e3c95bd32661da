"""The HTTP routes. Each gives the request its shape, calls one use case and answers."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Path, Query
from pydantic import WithJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from data411_mcp.domain.access import Principal
from data411_mcp.domain.graph import Backfill
from data411_mcp.domain.jobs import Job
from data411_mcp.services import job_views as views
from data411_mcp.services.access import TICKET_SECONDS
from data411_mcp.services.jobs_api import (
    EVENTS_PER_PAGE_MAX,
    HANDLE_CHARS_MAX,
    JobsApi,
    Submission,
)
from data411_mcp.services.keyed import IDEMPOTENCY_KEY_CHARS_MAX
from data411_mcp.services.payloads import (
    FINDING_RERUN,
    LEAD_SESSION,
    SLOT_RERUN,
    SYNTHESIZE_PATCH,
    FindingRerunPayload,
    LeadSessionPayload,
    Payload,
    SlotRerunPayload,
    SynthesizePatchPayload,
)
from data411_mcp.web import problems
from data411_mcp.web.bodies import JOB_EXAMPLES, SESSION_EXAMPLES, JobBody
from data411_mcp.web.calls import (
    SECURED,
    Api,
    answered,
    declared,
    door_of,
    while_connected,
)
from data411_mcp.web.events import EventStream
from data411_mcp.web.gate import caller_of, may_enrich, may_read
from data411_mcp.web.strict import StrictRoute

SSE = "text/event-stream"
SEQ_MAX = 2**53
CANCEL_SECONDS = 5.0
_TEXT = WithJsonSchema({"type": "string"})  # may be left out; there is no null in an address

api = APIRouter(prefix="/api/v1", route_class=StrictRoute, dependencies=SECURED)

Enricher = Annotated[Principal, Depends(may_enrich)]
Reader = Annotated[Principal, Depends(may_read)]
JobId = Annotated[str, Path(description="From the answer that started the job.")]
IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", description="The same key and request: the same job."),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": IDEMPOTENCY_KEY_CHARS_MAX}),
]

_SESSION: dict[int | str, dict[str, Any]] = {
    200: {"model": views.SessionAnswer, "description": "It is over, or needs the user."},
    202: {
        "model": views.RunningAnswer,
        "description": "It takes longer, and goes on as a job.",
        "headers": {"Location": {"schema": {"type": "string"}}},
    },
    **declared(402, 404, 409, 413, 415),
}


async def _run(
    request: Request, api: JobsApi, who: Principal, route: str, given: Payload, key: str | None
) -> Response:
    """Start, and wait as long as the client does and the server may. A job that is started goes
    on when the client hangs up."""
    started = await api.start(who, route, given, key)
    seconds = door_of(request).config.answer_within_seconds

    async def followed() -> Job:
        return await api.wait(started.job, seconds=seconds)

    job = await while_connected(request, followed)
    answer = await api.answer(started, job or started.job)
    if isinstance(answer, views.RunningAnswer):
        return answered(answer, 202, Location=answer.location)
    return answered(answer)


@api.post(
    f"/{LEAD_SESSION}", operation_id="enrich_lead_session", responses=_SESSION,
    response_model=None, summary="Enrich a lead, or follow up in its chat",
)  # fmt: skip
async def lead_session(
    request: Request,
    api: Api,
    who: Enricher,
    payload: Annotated[LeadSessionPayload, Body(openapi_examples=SESSION_EXAMPLES)],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    return await _run(request, api, who, LEAD_SESSION, payload, idempotency_key)


@api.post(
    f"/{SLOT_RERUN}", operation_id="rerun_hunt_slot", responses=_SESSION, response_model=None,
    summary="Run one slot again",
)  # fmt: skip
async def slot_rerun(
    request: Request,
    api: Api,
    who: Enricher,
    payload: SlotRerunPayload,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    return await _run(request, api, who, SLOT_RERUN, payload, idempotency_key)


@api.post(
    f"/{SYNTHESIZE_PATCH}", operation_id="resynthesize_lead_graph", responses=_SESSION,
    response_model=None, summary="Write the summary again from the graph",
)  # fmt: skip
async def synthesize_patch(
    request: Request,
    api: Api,
    who: Enricher,
    payload: SynthesizePatchPayload,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    return await _run(request, api, who, SYNTHESIZE_PATCH, payload, idempotency_key)


@api.post(
    f"/{FINDING_RERUN}", operation_id="investigate_unmerged_finding", responses=_SESSION,
    response_model=None, summary="Look at one unmerged finding again",
)  # fmt: skip
async def finding_rerun(
    request: Request,
    api: Api,
    who: Enricher,
    payload: FindingRerunPayload,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    return await _run(request, api, who, FINDING_RERUN, payload, idempotency_key)


# --- jobs --------------------------------------------------------------------------------------


@api.post(
    "/enrich/jobs", operation_id="submit_enrich_job", status_code=202, response_model=None,
    summary="Hand a job in",
    responses={
        202: {
            "model": views.JobAccepted,
            "description": "It is queued.",
            "headers": {"Location": {"schema": {"type": "string"}}},
        },
        **declared(402, 404, 409, 413, 415),
    },
)  # fmt: skip
async def submit_job(
    api: Api,
    who: Enricher,
    body: Annotated[JobBody, Body(openapi_examples=JOB_EXAMPLES)],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    accepted = await api.submit(
        who,
        Submission(
            route=body.route,
            payload=body.payload,
            bill_up_to_usd=body.bill_up_to_usd,
            callback_url=body.callback_url,
            idempotency_key=idempotency_key,
        ),
    )
    return answered(accepted, 202, Location=accepted.location)


async def _job_to_read(request: Request, api: Api, job_id: JobId) -> Job:
    """The job, for a key of its tenant or for its own poll bearer. Raises NotFound."""
    caller = caller_of(request)
    if caller.job is not None:
        # Another job than the bearer's own answers as if there were none.
        tenant = caller.job.tenant if caller.job.id == job_id else ""
        return await api.job(tenant, job_id)
    return await api.job(may_read(request).tenant, job_id)


JobToRead = Annotated[Job, Depends(_job_to_read)]


@api.get(
    "/enrich/jobs/{job_id}", operation_id="wait_enrich_job", response_model=None,
    summary="A job's state; with wait_s, once it is over",
    responses={200: {"model": views.JobView, "description": "The job."}, **declared(404)},
)  # fmt: skip
async def get_job(
    request: Request,
    api: Api,
    job: JobToRead,
    wait_s: Annotated[
        float,
        Query(ge=0, le=views.WAIT_SECONDS_MAX, allow_inf_nan=False,
              description="Answer when the job is over, or after so many seconds."),
    ] = 0,
) -> Response:  # fmt: skip
    found = job

    async def followed() -> Job:
        return await api.wait(found, seconds=wait_s)

    if wait_s:
        job = await while_connected(request, followed) or job
    if caller_of(request).job is not None:
        return answered(await api.view_of_bearer(job))
    return answered(await api.view(job))


@api.delete(
    "/enrich/jobs/{job_id}", operation_id="cancel_enrich_job", response_model=None,
    summary="Cancel a job, or one slot of it",
    responses={
        200: {"model": views.JobView, "description": "The job as it is now."},
        202: {"model": views.JobView, "description": "It is being cancelled."},
        **declared(404, 409),
    },
)  # fmt: skip
async def cancel_job(
    request: Request,
    api: Api,
    who: Enricher,
    job_id: JobId,
    slot: Annotated[
        str | None,
        Query(description="Only this slot, by its id.", max_length=HANDLE_CHARS_MAX),
        WithJsonSchema({"type": "string", "maxLength": HANDLE_CHARS_MAX}),
    ] = None,
    retry: Annotated[bool, Query(description="With slot: stop it and start it again.")] = False,
) -> Response:
    job = await api.cancel(who.tenant, job_id, slot, retry=retry)
    if slot is not None:
        return answered(await api.view(job))
    asked = job

    async def ended() -> Job:
        return await api.wait(asked, seconds=CANCEL_SECONDS)

    job = await while_connected(request, ended) or job
    return answered(await api.view(job), 200 if job.final else 202)


_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "model": views.EventsPage,
        "description": "A page of events; as a stream where the client accepts one.",
        "content": {SSE: {"schema": {"type": "string"}}},
    },
    **declared(404),
}


async def _job_of_events(
    request: Request, api: JobsApi, job_id: str, ticket: str | None
) -> tuple[Job, Principal | None]:
    """The job, and the key's principal that reads it. Raises Unauthorized, NotFound."""
    caller = caller_of(request)
    if caller.principal is not None or caller.job is not None:
        return await _job_to_read(request, api, job_id), caller.principal
    redeemed = await api.app.access.redeem(ticket or "", job_id)
    if redeemed is None:
        raise problems.bad_ticket()
    return redeemed


@api.get(
    "/enrich/jobs/{job_id}/events", operation_id="get_enrich_job_events", response_model=None,
    summary="A job's numbered events, as a page or as a stream", responses=_EVENTS,
)  # fmt: skip
async def get_events(
    request: Request,
    api: Api,
    job_id: JobId,
    since: Annotated[
        int, Query(ge=0, le=SEQ_MAX, description="Only events with a greater number.")
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=EVENTS_PER_PAGE_MAX)] = 100,
    last_event_id: Annotated[
        int | None,
        Header(alias="Last-Event-ID", ge=0, le=SEQ_MAX, description="Goes before `since`."),
        WithJsonSchema({"type": "integer", "minimum": 0, "maximum": SEQ_MAX}),
    ] = None,
    ticket: Annotated[
        str | None,
        Query(description="Instead of a header, for a browser's EventSource."),
        _TEXT,
    ] = None,
) -> Response:
    # A ticket is used up only by a request that is well-formed otherwise.
    job, who = await _job_of_events(request, api, job_id, ticket)
    since = since if last_event_id is None else last_event_id
    if SSE in request.headers.get("accept", "").lower():
        door = door_of(request)
        return EventStream(api, job, since, who, door.config, door.metrics)
    return answered(await api.events(job, since=since, limit=limit))


@api.post(
    "/enrich/jobs/{job_id}/ticket", operation_id="create_enrich_job_ticket", response_model=None,
    summary="A ticket that opens the event stream once, within a minute", status_code=201,
    responses={201: {"model": views.TicketView, "description": "The ticket."}, **declared(404)},
)  # fmt: skip
async def create_ticket(api: Api, who: Reader, job_id: JobId) -> Response:
    job = await api.job(who.tenant, job_id)
    ticket = await api.app.access.mint_ticket(who.tenant, job.id, key=who.key)
    href = f"{views.location_of(job.id)}/events?ticket={ticket}"
    return answered(views.TicketView(ticket=ticket, expires_in_s=TICKET_SECONDS, href=href), 201)


@api.get(
    "/enrich/boards/{progress_key}", operation_id="get_enrich_board", response_model=None,
    summary="The live board of the newest job with this progress_key",
    responses={200: {"model": views.BoardView, "description": "The board."}, **declared(404)},
)  # fmt: skip
async def get_board(
    api: Api, who: Reader, progress_key: Annotated[str, Path(description="As passed.")]
) -> Response:
    return answered(await api.board(who.tenant, progress_key))


# --- account and graphs ------------------------------------------------------------------------


@api.get(
    "/account", operation_id="get_account", response_model=None,
    summary="Balance, prices and the newest transfers",
    responses={200: {"model": views.AccountView, "description": "The account."}, **declared()},
)  # fmt: skip
async def get_account(api: Api, who: Reader) -> Response:
    return answered(await api.account(who.tenant))


@api.get(
    "/leads/{chat_session_id}", operation_id="get_lead_graph", response_model=None,
    summary="The whole lead graph of a chat",
    responses={200: {"model": Backfill, "description": "The graph."}, **declared(404)},
)  # fmt: skip
async def get_lead(
    api: Api, who: Reader, chat_session_id: Annotated[str, Path(description="The chat.")]
) -> Response:
    return answered(await api.graph(who.tenant, chat_session_id))
