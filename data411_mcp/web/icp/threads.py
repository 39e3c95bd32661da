"""Threads: the conversations of a key, in the shapes that `langgraph-sdk` reads, and the rules of
returning users. A thread of another tenant or user answers like one that does not exist."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path
from pydantic import TypeAdapter
from starlette.responses import JSONResponse, Response

from data411_mcp.domain.access import Principal
from data411_mcp.domain.icp.threads import LABEL_CHARS_MAX, one_line
from data411_mcp.domain.icp.values import ThreadStatus
from data411_mcp.errors import InvalidArgument, NotFound
from data411_mcp.services.icp import views
from data411_mcp.services.icp.protocol import (
    KEPT_BY_US,
    OURS,
    LgState,
    LgThread,
    fits,
    lg_state,
    lg_thread,
)
from data411_mcp.services.icp.results import newest_job
from data411_mcp.services.jobs_api import JobsApi
from data411_mcp.services.ports.icp import ConversationState, ThreadRow
from data411_mcp.web.calls import SECURED, Api, answered, declared
from data411_mcp.web.gate import may_enrich, may_read
from data411_mcp.web.icp.bodies import (
    ID_CHARS_MAX,
    CheckpointBody,
    CountBody,
    CreateThreadBody,
    HistoryBody,
    PatchThreadBody,
    ResumeEligibleBody,
    SearchBody,
)
from data411_mcp.web.problems import HttpError
from data411_mcp.web.strict import StrictRoute

SEARCHED_MAX = 1000
METADATA_CHARS_MAX = 20_000
HISTORY_MAX = 1000  # more than are kept of a thread

threads = APIRouter(route_class=StrictRoute, dependencies=SECURED)

Enricher = Annotated[Principal, Depends(may_enrich)]
Reader = Annotated[Principal, Depends(may_read)]
ThreadPath = Annotated[str, Path(max_length=ID_CHARS_MAX, description="The conversation.")]

_THREAD: dict[str, Any] = {"model": LgThread, "description": "The thread."}
_LIST: TypeAdapter[list[LgThread]] = TypeAdapter(list[LgThread])
_HISTORY: TypeAdapter[list[LgState]] = TypeAdapter(list[LgState])


async def shown(api: JobsApi, thread: ThreadRow, *, values: bool = True) -> LgThread:
    state = (
        await api.app.icp.conversation.state(thread.tenant, thread.thread_id) if values else None
    )
    return lg_thread(thread, await newest_job(api.app.store, thread), state)


def _listed(adapter: TypeAdapter[Any], found: list[Any]) -> Response:
    return Response(adapter.dump_json(found), media_type="application/json")


@threads.post(
    "/threads", operation_id="create_thread", response_model=None,
    summary="A new thread; older ones of the same company are locked",
    responses={200: _THREAD, **declared(404, 409, 413, 415)},
)  # fmt: skip
async def create_thread(api: Api, who: Enricher, body: CreateThreadBody) -> Response:
    if body.thread_id is not None:
        known = await api.app.icp.store.thread(who.tenant, body.thread_id)
        if known is not None and known.user_id == who.subject:
            if body.if_exists == "do_nothing":
                return answered(await shown(api, known))
            raise HttpError(
                409, "There is a thread with this id.", 'Leave the id out, or say "do_nothing".'
            )
    thread = await api.app.icp.create_thread(
        who,
        thread_id=body.thread_id,
        metadata=_own(body.metadata or {}),
        start_fresh=body.start_fresh,
    )
    return answered(await shown(api, thread))


def _own(metadata: dict[str, Any]) -> dict[str, Any]:
    """Without what only the server says. Raises InvalidArgument."""
    own = {key: value for key, value in metadata.items() if key not in OURS}
    if len(json.dumps(own)) > METADATA_CHARS_MAX:
        raise InvalidArgument(
            f"A thread's metadata has at most {METADATA_CHARS_MAX} characters.",
            "Keep large things elsewhere, and their id here.",
        )
    return own


@threads.post(
    "/threads/search", operation_id="search_threads", response_model=None,
    summary="The key's threads, archived ones only where metadata.status asks for them",
    responses={
        200: {"model": list[LgThread], "description": "A page of threads."},
        **declared(413, 415),
    },
)  # fmt: skip
async def search_threads(api: Api, who: Reader, body: SearchBody) -> Response:
    rows = await _matching(api, who, body, body.ids)
    if body.sort_by is not None:
        key = "updated_at" if body.sort_by == "state_updated_at" else body.sort_by
        by = {r.thread_id: getattr(await shown(api, r, values=False), key) for r in rows}
        rows.sort(key=lambda r: str(by[r.thread_id]), reverse=body.sort_order != "asc")
    page = rows[body.offset : body.offset + body.limit]  # newest first, unless sorted
    return _listed(_LIST, [await shown(api, row) for row in page])


@threads.post(
    "/threads/count", operation_id="count_threads", response_model=None,
    summary="How many threads such a search finds",
    responses={200: {"model": int, "description": "Their number."}, **declared(413, 415)},
)  # fmt: skip
async def count_threads(api: Api, who: Reader, body: CountBody) -> Response:
    return JSONResponse(len(await _matching(api, who, body, None)))


async def _matching(
    api: JobsApi, who: Principal, body: CountBody, ids: Sequence[str] | None
) -> list[ThreadRow]:
    """The caller's threads that fit, newest first. Jobs and states are read for what only they
    can tell."""
    wanted = body.metadata or {}
    statuses = tuple(ThreadStatus) if ids is not None else _statuses(wanted.get("status"))
    rows = await api.app.icp.threads(who, statuses=statuses, limit=SEARCHED_MAX, offset=0)
    found = []
    for row in rows:
        if (ids is not None and row.thread_id not in ids) or not fits(lg_thread(row), wanted, None):
            continue
        if body.status is not None or body.values:
            seen = await shown(api, row, values=bool(body.values))
            if not (fits(seen, {}, body.status) and _holds(seen, body.values or {})):
                continue
        found.append(row)
    return found


def _statuses(named: object) -> tuple[ThreadStatus, ...]:
    if isinstance(named, str) and named in set(ThreadStatus):
        return (ThreadStatus(named),)
    return (ThreadStatus.OPEN, ThreadStatus.LOCKED)


def _holds(thread: LgThread, values: dict[str, Any]) -> bool:
    return all(key in thread.values and thread.values[key] == values[key] for key in values)


@threads.post(
    "/threads/resume-eligible", operation_id="resume_eligible_thread", response_model=None,
    summary="Go on where the user stood: one thread, a choice of up to three, or a new one",
    responses={
        200: {"model": views.TurnView, "description": "`choices` where the user must pick."},
        **declared(404, 409, 413, 415),
    },
)  # fmt: skip
async def resume_eligible(api: Api, who: Enricher, body: ResumeEligibleBody) -> Response:
    turn = await api.app.icp.resume_eligible(who, context_key=body.context_key)
    return answered(views.turn_view(turn))


@threads.get(
    "/threads/{thread_id}", operation_id="get_thread", response_model=None,
    summary="A thread with its values", responses={200: _THREAD, **declared(404)},
)  # fmt: skip
async def get_thread(
    api: Api, who: Reader, thread_id: ThreadPath, include: str | None = None
) -> Response:
    return answered(await shown(api, await api.app.icp.thread(who, thread_id)))


@threads.patch(
    "/threads/{thread_id}", operation_id="update_thread", response_model=None,
    summary="Label or metadata; or lock or archive it",
    responses={200: _THREAD, **declared(404, 409, 413, 415)},
)  # fmt: skip
async def update_thread(
    api: Api, who: Enricher, thread_id: ThreadPath, body: PatchThreadBody
) -> Response:
    desk = api.app.icp
    await desk.thread(who, thread_id)
    given = _own(body.metadata or {})
    label = body.label if body.label is not None else (body.metadata or {}).get("label")
    label = one_line(label, LABEL_CHARS_MAX) if isinstance(label, str) else ""
    async with desk.policy.held(who.tenant, thread_id):  # a turn writes the metadata, too
        known = json.loads((await desk.thread(who, thread_id)).metadata)
        ours = {key: known[key] for key in KEPT_BY_US if key in known}
        touched = await desk.store.touch_thread(
            who.tenant,
            thread_id,
            at=api.app.clock.now(),
            label=label or None,
            metadata=json.dumps(_own(known | given) | ours, ensure_ascii=False),
        )
    if touched is None:
        raise NotFound("There is no such thread.", "List them: POST /threads/search")
    if body.status == "locked":
        await desk.lock(who, thread_id)
    elif body.status == "archived":
        await desk.archive(who, thread_id)
    return answered(await shown(api, await desk.thread(who, thread_id)))


@threads.delete(
    "/threads/{thread_id}", operation_id="delete_thread", status_code=204, response_model=None,
    summary="Delete a thread and what was kept of it",
    responses={204: {"description": "It is gone."}, **declared(404, 409)},
)  # fmt: skip
async def delete_thread(api: Api, who: Enricher, thread_id: ThreadPath) -> Response:
    await api.app.icp.delete(who, thread_id)
    return Response(status_code=204)


@threads.post(
    "/threads/{thread_id}/resume", operation_id="resume_thread", response_model=None,
    summary="Go on with this thread",
    responses={
        200: {"model": views.TurnView, "description": "Where it stands."},
        **declared(404, 409),
    },
)  # fmt: skip
async def resume_thread(api: Api, who: Enricher, thread_id: ThreadPath) -> Response:
    return answered(views.turn_view(await api.app.icp.resume(who, thread_id)))


@threads.get(
    "/threads/{thread_id}/state", operation_id="get_thread_state", response_model=None,
    summary="The newest checkpoint",
    responses={200: {"model": LgState, "description": "The state."}, **declared(404)},
)  # fmt: skip
async def get_state(
    api: Api,
    who: Reader,
    thread_id: ThreadPath,
    subgraphs: str | None = None,
    select: str | None = None,
) -> Response:
    thread = await api.app.icp.thread(who, thread_id)
    state = await api.app.icp.conversation.state(thread.tenant, thread_id)
    return answered(lg_state(thread_id, state))


@threads.get(
    "/threads/{thread_id}/state/{checkpoint_id}", operation_id="get_thread_state_at",
    response_model=None, summary="The state at one of the checkpoints of the history",
    responses={200: {"model": LgState, "description": "The state."}, **declared(404)},
)  # fmt: skip
async def get_state_at(
    api: Api,
    who: Reader,
    thread_id: ThreadPath,
    checkpoint_id: Annotated[str, Path(max_length=ID_CHARS_MAX)],
    subgraphs: str | None = None,
    select: str | None = None,
) -> Response:
    return answered(await _at(api, who, thread_id, checkpoint_id))


@threads.post(
    "/threads/{thread_id}/state/checkpoint", operation_id="get_thread_checkpoint",
    response_model=None, summary="The same, with the checkpoint as an object",
    responses={200: {"model": LgState, "description": "The state."}, **declared(404, 413, 415)},
)  # fmt: skip
async def get_checkpoint(
    api: Api, who: Reader, thread_id: ThreadPath, body: CheckpointBody
) -> Response:
    return answered(await _at(api, who, thread_id, _checkpoint_id(body.checkpoint)))


async def _at(api: JobsApi, who: Principal, thread_id: str, checkpoint_id: str) -> LgState:
    """Raises NotFound."""
    for state in await _history(api, who, thread_id):
        if state.checkpoint_id == checkpoint_id:
            return lg_state(thread_id, state)
    raise NotFound(
        "There is no such checkpoint, or not any more.",
        "List them: POST /threads/{thread_id}/history",
    )


async def _history(api: JobsApi, who: Principal, thread_id: str) -> Sequence[ConversationState]:
    """All that is kept, newest first. Raises NotFound."""
    thread = await api.app.icp.thread(who, thread_id)
    return await api.app.icp.conversation.history(thread.tenant, thread_id, limit=HISTORY_MAX)


def _checkpoint_id(given: str | Mapping[str, Any]) -> str:
    """Of a checkpoint, or of the configuration that older clients send. Raises
    InvalidArgument."""
    found: Any = given
    if isinstance(given, Mapping):
        inner = given.get("configurable", given)
        found = inner.get("checkpoint_id") if isinstance(inner, Mapping) else None
    if not isinstance(found, str):
        raise InvalidArgument(
            "This is no checkpoint.", "Pass the `checkpoint` of a state, or its checkpoint_id."
        )
    return found


@threads.post(
    "/threads/{thread_id}/history", operation_id="get_thread_history", response_model=None,
    summary="Earlier checkpoints, newest first",
    responses={
        200: {"model": list[LgState], "description": "The states."},
        **declared(404, 413, 415),
    },
)  # fmt: skip
async def get_history(
    api: Api, who: Reader, thread_id: ThreadPath, body: Annotated[HistoryBody, Body()]
) -> Response:
    states = await _history(api, who, thread_id)
    if body.before is not None:  # the ids sort by time
        oldest = _checkpoint_id(body.before)
        states = [s for s in states if s.checkpoint_id < oldest]
    return _listed(_HISTORY, [lg_state(thread_id, s) for s in states[: body.limit]])
