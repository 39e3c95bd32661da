"""The ICP finder's own routes. Each gives the request its shape, calls the desk and answers."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query
from pydantic import WithJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from data411_mcp.domain.access import Principal
from data411_mcp.errors import InvalidArgument
from data411_mcp.services.icp import views
from data411_mcp.services.icp.results import PAGE_MAX, results_of
from data411_mcp.services.icp.turns import Saying, Turn
from data411_mcp.services.job_views import WAIT_SECONDS_MAX
from data411_mcp.web.calls import SECURED, Api, answered, declared, while_connected
from data411_mcp.web.gate import may_enrich, may_read
from data411_mcp.web.icp.bodies import (
    ID_CHARS_MAX,
    AcceptBody,
    CustomerBody,
    IntakeBody,
    OrchestrationBody,
    ThreadBody,
    Top10Body,
)
from data411_mcp.web.strict import StrictRoute

CSV = "text/csv"
OFFSET_MAX = 10_000

icp = APIRouter(route_class=StrictRoute, dependencies=SECURED)

Enricher = Annotated[Principal, Depends(may_enrich)]
Reader = Annotated[Principal, Depends(may_read)]
ThreadIdQuery = Annotated[
    str, Query(min_length=1, max_length=ID_CHARS_MAX, description="The conversation.")
]

_TURN = {"model": views.TurnView, "description": "What the assistant says."}
_HEARD: dict[int | str, dict[str, Any]] = {200: _TURN, **declared(404, 409, 413, 415)}

_INTAKE_EXAMPLES: dict[str, Any] = {
    "message": {"summary": "What the user said", "value": {"message": "https://tallship.example"}},
    "form": {
        "summary": "The form, filled in at once",
        "value": {
            "website": "https://tallship.example",
            "customers": "Anchor Freight — anchorfreight.example\nBluewater — bluewater.example",
            "lost": "Keel & Co — keel.example, budget too low",
        },
    },
}


def _turn(turn: Turn, status: int = 200) -> Response:
    return answered(views.turn_view(turn), status)


@icp.post(
    "/icp/intake", operation_id="icp_intake", response_model=None, responses=_HEARD,
    summary="Website and best customers, or the user's next message",
)  # fmt: skip
async def intake(
    api: Api, who: Enricher, body: Annotated[IntakeBody, Body(openapi_examples=_INTAKE_EXAMPLES)]
) -> Response:
    form = (body.website, body.customers, body.seeds, body.lost, body.answers)
    if body.message is not None:
        if any(given is not None for given in (*form, body.own_companies_csv)):
            raise InvalidArgument(
                "A message comes alone: the fields of the form go into a request of their own.",
                "Send the message, or website, customers and lost.",
            )
        saying = Saying(who, body.message, body.thread_id, body.start_fresh, body.message_id)
        return _turn(await api.app.icp.say(saying))
    answers = dict(body.answers or {})
    seeds = [{"name": s.seed_name, "domain": s.domain} for s in body.seeds or ()]
    customers = body.customers
    return _turn(
        await api.app.icp.intake(
            who,
            website=body.website or answers.get("website"),
            customers=customers if isinstance(customers, str) else [*_as_given(customers), *seeds],
            lost=body.lost if isinstance(body.lost, str) else _as_given(body.lost),
            answers=answers,
            own_companies_csv=body.own_companies_csv,
            thread_id=body.thread_id,
            start_fresh=body.start_fresh,
            message_id=body.message_id,
        )
    )


def _as_given(customers: list[CustomerBody] | None) -> list[dict[str, Any]]:
    return [
        {"name": c.name, "domain": c.domain or c.website, "reason": c.reason}
        for c in customers or ()
    ]


@icp.post(
    "/icp/chat/confirm", operation_id="icp_confirm", status_code=202, response_model=None,
    summary="The user says confirm: the plan is begun",
    responses={
        200: {**_TURN, "description": "Nothing that was asked is confirmed by this; it says why."},
        202: {**_TURN, "description": "The plan is being made."},
        **declared(402, 404, 409, 413, 415),
    },
)  # fmt: skip
async def confirm(api: Api, who: Enricher, body: ThreadBody) -> Response:
    turn = await api.app.icp.confirm(who, body.thread_id)
    return _turn(turn, 202 if turn.job is not None else 200)


@icp.get(
    "/icp/suggestions", operation_id="icp_suggestions", response_model=None,
    summary="Micro-ICPs to accept",
    responses={
        200: {"model": views.SuggestionsView, "description": "Narrower profiles, with evidence."},
        **declared(404),
    },
)  # fmt: skip
async def suggestions(api: Api, who: Reader, thread_id: ThreadIdQuery) -> Response:
    return answered(
        views.suggestions_view(thread_id, await api.app.icp.suggestions(who, thread_id))
    )


@icp.post(
    "/icp/accept", operation_id="icp_accept", response_model=None, responses=_HEARD,
    summary="Accept a micro-ICP",
)  # fmt: skip
async def accept(api: Api, who: Enricher, body: AcceptBody) -> Response:
    chosen = body.micro_icp
    given = chosen if isinstance(chosen, str) else chosen.model_dump()
    return _turn(await api.app.icp.accept(who, body.thread_id, given))


@icp.post(
    "/icp/enrich/top10", operation_id="icp_run_enrichment", status_code=202, response_model=None,
    summary="Enrich the Top-10, then e-mail and CRM",
    responses={
        202: {**_TURN, "description": "The ten companies are being enriched."},
        **declared(402, 404, 409, 412, 413, 415),
    },
)  # fmt: skip
async def enrich_top10(api: Api, who: Enricher, body: Top10Body) -> Response:
    turn = await api.app.icp.run_enrichment(who, body.thread_id, notify_email=body.notify_email)
    return _turn(turn, 202)


@icp.get(
    "/icp/top10", operation_id="icp_results", response_model=None,
    summary="Profile and ranked list, with what was enriched",
    responses={
        200: {"model": views.ResultsView, "description": "A page of the ranked list."},
        **declared(404),
    },
)  # fmt: skip
async def top10(
    api: Api,
    who: Reader,
    thread_id: ThreadIdQuery,
    offset: Annotated[int, Query(ge=0, le=OFFSET_MAX)] = 0,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 10,
) -> Response:
    thread = await api.app.icp.thread(who, thread_id)
    found = await results_of(
        api.app.store,
        api.app.icp.store,
        api.app.icp.enricher,
        thread,
        offset=offset,
        limit=limit,
    )
    return answered(found)


# --- the orchestrator's older names ------------------------------------------------------------


@icp.post(
    "/api/orchestrations", operation_id="orchestrate", response_model=None, responses=_HEARD,
    summary="One message of the user, one turn of the conversation",
)  # fmt: skip
async def orchestrate(api: Api, who: Enricher, body: OrchestrationBody) -> Response:
    text = body.input if body.input is not None else body.message
    saying = Saying(who, text or "", body.thread_id, body.start_fresh, body.message_id)
    return _turn(await api.app.icp.say(saying))


@icp.get(
    "/api/orchestrations/{thread_id}", operation_id="icp_status", response_model=None,
    summary="Where a conversation stands; with wait_s, once its job is over or waits",
    responses={200: _TURN, **declared(404)},
)  # fmt: skip
async def orchestration(
    request: Request,
    api: Api,
    who: Reader,
    thread_id: str,
    wait_s: Annotated[float, Query(ge=0, le=WAIT_SECONDS_MAX, allow_inf_nan=False)] = 0,
) -> Response:
    async def waited() -> Turn:
        return await api.app.icp.status(who, thread_id, wait_seconds=wait_s)

    turn = await while_connected(request, waited) if wait_s else None
    return _turn(turn or await api.app.icp.status(who, thread_id))


@icp.get(
    "/export/latest_scores.csv", operation_id="export_latest_scores", response_model=None,
    summary="The ranked companies with their scores, as a table",
    responses={
        200: {"description": "The table.", "content": {CSV: {"schema": {"type": "string"}}}},
        **declared(404),
    },
)  # fmt: skip
async def latest_scores(
    api: Api,
    who: Reader,
    thread_id: Annotated[
        str | None,
        Query(description="Of this conversation; else of the newest that has any."),
        WithJsonSchema({"type": "string", "minLength": 1, "maxLength": ID_CHARS_MAX}),
    ] = None,
) -> Response:
    text = await api.app.icp.latest_scores_csv(who, thread_id)
    disposition = 'attachment; filename="latest_scores.csv"'
    return Response(text, media_type=CSV, headers={"Content-Disposition": disposition})
