"""Runs: a message of the user and the assistant's turn, as `langgraph-sdk` makes and reads them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import TypeAdapter
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import JSONResponse, Response

from data411_mcp.domain.access import Principal
from data411_mcp.domain.icp.intents import Intent, read_intent
from data411_mcp.errors import Data411Error, InvalidArgument, NotFound, ThreadLocked
from data411_mcp.services.icp import views
from data411_mcp.services.icp.protocol import (
    LgRun,
    answer_values,
    dashed,
    forget_run,
    put_run,
    run_of,
    runs_of,
    words_of,
)
from data411_mcp.services.icp.turns import AGENT, Saying, Turn
from data411_mcp.services.jobs_api import JobsApi
from data411_mcp.web.calls import SECURED, Api, answered, declared
from data411_mcp.web.events import SEND_SECONDS_MAX
from data411_mcp.web.gate import may_enrich, may_read
from data411_mcp.web.icp.bodies import ID_CHARS_MAX, CancelRunsBody, RunBody
from data411_mcp.web.problems import told_over_http
from data411_mcp.web.strict import StrictRoute

SSE = "text/event-stream"
PING_SECONDS = 15
MODES = frozenset({"values", "updates", "custom"})
LISTED_MAX, OFFSET_MAX = 500, 100_000

runs = APIRouter(route_class=StrictRoute, dependencies=SECURED)

Enricher = Annotated[Principal, Depends(may_enrich)]
Reader = Annotated[Principal, Depends(may_read)]
ThreadPath = Annotated[str, Path(max_length=ID_CHARS_MAX, description="The conversation.")]
RunPath = Annotated[str, Path(max_length=ID_CHARS_MAX, description="From the answer.")]

_RUN: dict[str, Any] = {"model": LgRun, "description": "The run."}
_VALUES: dict[str, Any] = {
    "description": "The state, and in `reply` what the assistant said.",
    "content": {"application/json": {"schema": {"type": "object"}}},
}
_STREAM: dict[str, Any] = {
    "description": "`metadata`, then what `stream_mode` asks for (values, updates, custom), `end`.",
    "content": {SSE: {"schema": {"type": "string"}}},
}
_LIST: TypeAdapter[list[LgRun]] = TypeAdapter(list[LgRun])


@dataclass(frozen=True)
class Asked:
    """One run as it was asked for. Without a thread the rules of returning users find one."""

    api: JobsApi
    who: Principal
    body: RunBody
    thread_id: str | None
    run_id: str
    modes: frozenset[str]

    async def turn(self) -> tuple[LgRun, Turn]:
        """Say it, and keep a record of the run, also of one that failed, where it was asked: the
        turn's own thread may be another one, when the user wished for a new session. Raises
        CallerError, StoreError."""
        app = self.api.app
        began = app.clock.now()
        text, message_id = _words(self.body)
        saying = Saying(self.who, text, self.thread_id, message_id=message_id)
        try:
            turn = await app.icp.say(saying)
        except Data411Error:
            if self.thread_id is not None:
                await self._kept(self.thread_id, "error", began)
            raise
        found = turn.thread.thread_id if turn.thread is not None else ""
        return await self._kept(self.thread_id or found, "success", began), turn

    async def _kept(self, thread_id: str, status: str, began: datetime) -> LgRun:
        run = LgRun(
            run_id=self.run_id,
            thread_id=thread_id,
            assistant_id=self.body.assistant_id,
            created_at=began.isoformat(),
            updated_at=self.api.app.clock.now().isoformat(),
            status=status,
            metadata=self.body.metadata or {},
        )
        if thread_id:
            await put_run(self.api.app.icp.store, self.who.tenant, run, at=began)
        return run

    async def values(self, turn: Turn) -> dict[str, Any]:
        if turn.thread is None:
            return answer_values(turn, None)
        conversation = self.api.app.icp.conversation
        return answer_values(turn, await conversation.state(self.who.tenant, turn.thread.thread_id))


def _words(body: RunBody) -> tuple[str, str | None]:
    """Raises InvalidArgument."""
    command = (body.model_extra or {}).get("command")
    if isinstance(command, dict) and isinstance(command.get("resume"), str):
        return command["resume"], None
    text, message_id = words_of(body.input)
    if not text.strip():
        raise InvalidArgument(
            "A run needs a message of the user.",
            'Send "input": {"messages": [{"role": "user", "content": "<the user\'s words>"}]}.',
        )
    return text, message_id


def _modes(asked: str | Sequence[str] | None) -> frozenset[str]:
    """Those that are known here: clients ask for several, and take what comes. Raises
    InvalidArgument where none of them is."""
    named = [asked] if isinstance(asked, str) else list(asked or ["values"])
    known = MODES.intersection(named)
    if not known:
        raise InvalidArgument(
            "stream_mode names nothing that is streamed here.",
            f"Ask for one or more of {', '.join(sorted(MODES))}.",
        )
    return known


async def _asked(api: JobsApi, who: Principal, body: RunBody, thread_id: str | None) -> Asked:
    """Raises NotFound, ThreadLocked, InvalidArgument: before anything is streamed."""
    text, _ = _words(body)
    modes = _modes(body.stream_mode)
    if thread_id is not None:
        try:
            await api.app.icp.policy.usable(who, thread_id)
        except NotFound:
            if body.if_not_exists != "create":
                raise
            await api.app.icp.create_thread(who, thread_id=thread_id)
        except ThreadLocked:
            if read_intent(text).intent is not Intent.START_FRESH:
                raise
    return Asked(api, who, body, thread_id, dashed(api.app.clock.new_id()), modes)


# --- of a thread -------------------------------------------------------------------------------


@runs.post(
    "/threads/{thread_id}/runs", operation_id="create_run", response_model=None,
    summary="Send a message; the answer is in the thread's state",
    responses={200: _RUN, **declared(404, 409, 413, 415)},
)  # fmt: skip
async def create_run(api: Api, who: Enricher, thread_id: ThreadPath, body: RunBody) -> Response:
    asked = await _asked(api, who, body, thread_id)
    run, _ = await asked.turn()
    headers = {"Content-Location": _location(thread_id, asked.run_id)}
    return Response(run.model_dump_json(), headers=headers, media_type="application/json")


@runs.post(
    "/threads/{thread_id}/runs/wait", operation_id="wait_run", response_model=None,
    summary="Send a message and get the values",
    responses={200: _VALUES, **declared(404, 409, 413, 415)},
)  # fmt: skip
async def wait_run(api: Api, who: Enricher, thread_id: ThreadPath, body: RunBody) -> Response:
    asked = await _asked(api, who, body, thread_id)
    _, turn = await asked.turn()
    location = _location(thread_id, asked.run_id)
    return JSONResponse(await asked.values(turn), headers={"Content-Location": location})


@runs.post(
    "/threads/{thread_id}/runs/stream", operation_id="stream_run", response_model=None,
    summary="Send a message and follow the turn",
    responses={200: _STREAM, **declared(404, 409, 413, 415)},
)  # fmt: skip
async def stream_run(api: Api, who: Enricher, thread_id: ThreadPath, body: RunBody) -> Response:
    asked = await _asked(api, who, body, thread_id)
    return _streamed(_parts(asked), _location(thread_id, asked.run_id))


@runs.get(
    "/threads/{thread_id}/runs", operation_id="list_runs", response_model=None,
    summary="The runs of a thread, newest first",
    responses={200: {"model": list[LgRun], "description": "The runs."}, **declared(404)},
)  # fmt: skip
async def list_runs(
    api: Api,
    who: Reader,
    thread_id: ThreadPath,
    limit: Annotated[int, Query(ge=1, le=LISTED_MAX)] = 10,
    offset: Annotated[int, Query(ge=0, le=OFFSET_MAX)] = 0,
    status: str | None = None,
    select: str | None = None,
) -> Response:
    await api.app.icp.thread(who, thread_id)
    found = await runs_of(api.app.icp.store, who.tenant, thread_id)
    kept = [r for r in found if status is None or r.status == status]
    return Response(_LIST.dump_json(kept[offset : offset + limit]), media_type="application/json")


@runs.get(
    "/threads/{thread_id}/runs/{run_id}", operation_id="get_run", response_model=None,
    summary="A run", responses={200: _RUN, **declared(404)},
)  # fmt: skip
async def get_run(api: Api, who: Reader, thread_id: ThreadPath, run_id: RunPath) -> Response:
    return answered(await _run(api, who, thread_id, run_id))


@runs.delete(
    "/threads/{thread_id}/runs/{run_id}", operation_id="delete_run", status_code=204,
    response_model=None, summary="Delete the record of a run; what was said stays",
    responses={204: {"description": "It is gone."}, **declared(404)},
)  # fmt: skip
async def delete_run(api: Api, who: Enricher, thread_id: ThreadPath, run_id: RunPath) -> Response:
    await _run(api, who, thread_id, run_id)
    await forget_run(api.app.icp.store, who.tenant, thread_id, run_id)
    return Response(status_code=204)


@runs.get(
    "/threads/{thread_id}/runs/{run_id}/join", operation_id="join_run", response_model=None,
    summary="The values after a run", responses={200: _VALUES, **declared(404)},
)  # fmt: skip
async def join_run(
    api: Api,
    who: Reader,
    thread_id: ThreadPath,
    run_id: RunPath,
    cancel_on_disconnect: str | None = None,
) -> Response:
    await _run(api, who, thread_id, run_id)
    return JSONResponse(await _state(api, who, thread_id))


@runs.get(
    "/threads/{thread_id}/runs/{run_id}/stream", operation_id="join_run_stream",
    response_model=None, summary="The values after a run, as a stream that ends with them",
    responses={200: _STREAM, **declared(404)},
)  # fmt: skip
async def join_run_stream(
    api: Api,
    who: Reader,
    thread_id: ThreadPath,
    run_id: RunPath,
    stream_mode: Annotated[
        list[str] | None, Query(description="Of a run that is over only values are left.")
    ] = None,
    cancel_on_disconnect: str | None = None,
) -> Response:
    await _run(api, who, thread_id, run_id)
    values = await _state(api, who, thread_id)

    async def parts() -> AsyncIterator[ServerSentEvent]:
        yield _part("metadata", {"run_id": run_id, "attempt": 1})
        yield _part("values", values)
        yield _part("end", None)

    return _streamed(parts(), _location(thread_id, run_id))


@runs.post(
    "/threads/{thread_id}/runs/{run_id}/cancel", operation_id="cancel_run", response_model=None,
    status_code=202, summary="Cancel the background job that the thread has under way",
    responses={
        202: {"model": views.TurnView, "description": "It is being cancelled."},
        **declared(404, 409),
    },
)  # fmt: skip
async def cancel_run(
    api: Api,
    who: Enricher,
    thread_id: ThreadPath,
    run_id: RunPath,
    wait: str | None = None,
    action: str | None = None,
) -> Response:
    await _run(api, who, thread_id, run_id)
    return answered(views.turn_view(await api.app.icp.cancel(who, thread_id)), 202)


@runs.post(
    "/runs/cancel", operation_id="cancel_runs", response_model=None, status_code=204,
    summary="The same, for a thread and several of its runs",
    responses={204: {"description": "It is being cancelled."}, **declared(404, 409, 413, 415)},
)  # fmt: skip
async def cancel_runs(
    api: Api, who: Enricher, body: CancelRunsBody, action: str | None = None
) -> Response:
    for run_id in body.run_ids or ():
        await _run(api, who, body.thread_id, run_id)
    await api.app.icp.cancel(who, body.thread_id)
    return Response(status_code=204)


# --- without a thread --------------------------------------------------------------------------


@runs.post(
    "/runs/wait", operation_id="wait_free_run", response_model=None,
    summary="Send a message where the user stood, and get the values",
    responses={200: _VALUES, **declared(404, 409, 413, 415)},
)  # fmt: skip
async def wait_free_run(api: Api, who: Enricher, body: RunBody) -> Response:
    asked = await _asked(api, who, body, None)
    _, turn = await asked.turn()
    return JSONResponse(await asked.values(turn))


@runs.post(
    "/runs/stream", operation_id="stream_free_run", response_model=None,
    summary="Send a message where the user stood, and follow the turn",
    responses={200: _STREAM, **declared(404, 409, 413, 415)},
)  # fmt: skip
async def stream_free_run(api: Api, who: Enricher, body: RunBody) -> Response:
    asked = await _asked(api, who, body, None)
    return _streamed(_parts(asked), _location(None, asked.run_id))


# --- helpers -----------------------------------------------------------------------------------


async def _run(api: JobsApi, who: Principal, thread_id: str, run_id: str) -> LgRun:
    await api.app.icp.thread(who, thread_id)
    run = await run_of(api.app.icp.store, who.tenant, thread_id, run_id)
    if run is None:
        raise NotFound("There is no such run.", "List them: GET /threads/{thread_id}/runs")
    return run


async def _state(api: JobsApi, who: Principal, thread_id: str) -> dict[str, Any]:
    state = await api.app.icp.conversation.state(who.tenant, thread_id)
    return dict(state.values) if state is not None else {}


def _location(thread_id: str | None, run_id: str) -> str:
    return f"/threads/{thread_id}/runs/{run_id}" if thread_id is not None else f"/runs/{run_id}"


def _streamed(parts: AsyncIterator[ServerSentEvent], location: str) -> Response:
    return EventSourceResponse(
        parts,
        headers={"Content-Location": location},
        ping=PING_SECONDS,
        send_timeout=SEND_SECONDS_MAX,
        sep="\n",
    )


async def _parts(asked: Asked) -> AsyncIterator[ServerSentEvent]:
    yield _part("metadata", {"run_id": asked.run_id, "attempt": 1})
    try:
        _, turn = await asked.turn()
        values = await asked.values(turn)
    except Data411Error as error:
        told = told_over_http(error)
        yield _part("error", {"error": told["code"], "message": told["message"]} | told)
        return
    if "custom" in asked.modes:
        for event in turn.events:
            yield _part("custom", views.event_view(event).model_dump())
    if "updates" in asked.modes:
        yield _part("updates", {AGENT: values["reply"]})
    if "values" in asked.modes:
        yield _part("values", values)
    yield _part("end", None)


def _part(event: str, data: object) -> ServerSentEvent:
    return ServerSentEvent(data=json.dumps(data, ensure_ascii=False), event=event)
