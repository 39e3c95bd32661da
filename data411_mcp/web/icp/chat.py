"""Where a conversation's events are streamed, and the tickets that open a stream in a browser."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query
from pydantic import WithJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from data411_mcp.domain.access import Principal
from data411_mcp.errors import NotFound
from data411_mcp.services.access import TICKET_SECONDS
from data411_mcp.services.container import Services
from data411_mcp.services.icp.thread_policy import feature
from data411_mcp.services.icp.views import STREAM
from data411_mcp.services.job_views import TicketView
from data411_mcp.web import problems
from data411_mcp.web.calls import SECURED, Api, answered, declared, door_of
from data411_mcp.web.gate import caller_of, may_read
from data411_mcp.web.icp.bodies import ID_CHARS_MAX
from data411_mcp.web.icp.stream import Chat, ChatStream, Position
from data411_mcp.web.strict import StrictRoute

SSE = "text/event-stream"
CHAT_EVENTS = "ENABLE_CHAT_EVENTS"
_TEXT = WithJsonSchema({"type": "string"})

chat = APIRouter(route_class=StrictRoute, dependencies=SECURED)

Reader = Annotated[Principal, Depends(may_read)]
SessionId = Annotated[
    str, Path(max_length=ID_CHARS_MAX, description="The thread's id: one conversation, one thread.")
]

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events {event, message, context}, numbered for `Last-Event-ID`.",
        "content": {SSE: {"schema": {"type": "string"}}},
    },
    **declared(404),
}


@chat.get(
    STREAM + "/{session_id}", operation_id="stream_chat", response_model=None,
    summary="A conversation's events, live", responses=_STREAM,
)  # fmt: skip
async def stream_chat(
    request: Request,
    api: Api,
    session_id: SessionId,
    last_event_id: Annotated[
        str | None,
        Header(alias="Last-Event-ID", description="The id of the last event that was seen."),
        _TEXT,
    ] = None,
    ticket: Annotated[
        str | None, Query(description="Instead of a header, for a browser's EventSource."), _TEXT
    ] = None,
    since: Annotated[
        str | None, Query(description="As Last-Event-ID, which goes before it."), _TEXT
    ] = None,
) -> Response:
    who = await _reader(request, api.app, session_id, ticket)
    thread = await api.app.icp.thread(who, session_id)
    _switched_on(api.app, who.tenant)
    door = door_of(request)
    at = Position.read(last_event_id or since, door.epoch)
    return ChatStream(Chat(api.app, thread), at, who, door.config, door.metrics)


async def _reader(
    request: Request, app: Services, session_id: str, ticket: str | None
) -> Principal:
    """Raises Unauthorized, Forbidden."""
    caller = caller_of(request)
    if caller.principal is not None or caller.job is not None:
        return may_read(request)
    who = await app.access.redeem_chat(ticket or "", session_id)
    if who is None:
        raise problems.bad_chat_ticket()
    return who


def _switched_on(app: Services, tenant: str) -> None:
    """Raises NotFound where the tenant's conversations are not streamed."""
    if not feature(app.icp.settings, tenant, CHAT_EVENTS):
        raise NotFound(
            "Chat events are switched off here.",
            f"Poll GET /api/orchestrations/{{thread_id}}?wait_s=45, or set {CHAT_EVENTS}.",
        )


@chat.post(
    STREAM + "/{session_id}/ticket", operation_id="create_chat_ticket", response_model=None,
    summary="A ticket that opens the stream once, within a minute", status_code=201,
    responses={201: {"model": TicketView, "description": "The ticket."}, **declared(404)},
)  # fmt: skip
async def create_chat_ticket(api: Api, who: Reader, session_id: SessionId) -> Response:
    thread = await api.app.icp.thread(who, session_id)
    _switched_on(api.app, who.tenant)
    ticket = await api.app.access.mint_chat_ticket(who, thread.thread_id)
    href = f"{STREAM}/{thread.thread_id}?ticket={ticket}"
    return answered(TicketView(ticket=ticket, expires_in_s=TICKET_SECONDS, href=href), 201)
