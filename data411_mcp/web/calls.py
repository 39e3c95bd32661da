"""What the handlers share: the state of the application, answers, waiting for a job."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

import anyio
from fastapi import Depends, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from data411_mcp.domain.access import Principal
from data411_mcp.services.access import bad_key
from data411_mcp.services.container import OpensServices
from data411_mcp.services.jobs_api import JobsApi
from data411_mcp.web.config import WebConfig
from data411_mcp.web.gate import caller_of
from data411_mcp.web.hints import in_requests
from data411_mcp.web.metrics import Metrics
from data411_mcp.web.problems import MEDIA_TYPE

T = TypeVar("T")

PROBLEM_REF = "#/components/schemas/Problem"

bearer_scheme = HTTPBearer(
    scheme_name="bearer",
    description="A key (411_…) of `data411-mcp keys create`, or the poll bearer of one job.",
    auto_error=False,
)
SECURED = [Security(bearer_scheme)]  # for the documentation: the gate reads the header


@dataclass(frozen=True)
class Door:
    """What the handlers are given: services on demand, and what the server was told. `epoch` names
    this process, for numbers that mean something in its memory only."""

    opener: OpensServices
    config: WebConfig
    metrics: Metrics
    epoch: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    async def api(self) -> JobsApi:
        return JobsApi(await self.opener.services())


def door_of(request: Request) -> Door:
    door = request.app.state.door
    assert isinstance(door, Door)  # noqa: S101 - set where the application is made
    return door


async def _api(request: Request) -> JobsApi:
    return await door_of(request).api()


Api = Annotated[JobsApi, Depends(_api)]


def answered(body: BaseModel, status: int = 200, **headers: str) -> Response:
    """Views are told here, and only here, in the words of this interface."""
    told = in_requests(body).model_dump_json(by_alias=True)
    return Response(told, status, headers, media_type="application/json")


async def while_connected(request: Request, work: Callable[[], Awaitable[T]]) -> T | None:
    """The work's result, or None when the client hung up or the server was told to stop before.
    The job goes on either way, also when the caller's key is revoked: then raises Unauthorized,
    within a heartbeat."""
    door, who = door_of(request), caller_of(request).principal
    done: list[T] = []
    failed: list[Exception] = []

    async def hung_up(scope: anyio.CancelScope) -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        scope.cancel()

    async def stopped(scope: anyio.CancelScope) -> None:
        await door.config.stopping.wait()
        scope.cancel()

    async def revoked(scope: anyio.CancelScope, who: Principal) -> None:
        access = (await door.api()).app.access
        await access.until_revoked(who, look_seconds=door.config.heartbeat_seconds)
        failed.append(bad_key())
        scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hung_up, tasks.cancel_scope)
        tasks.start_soon(stopped, tasks.cancel_scope)
        if who is not None and who.subject:
            tasks.start_soon(revoked, tasks.cancel_scope, who)
        try:
            done.append(await work())
        except Exception as error:  # raised again below, outside of the group
            failed.append(error)
        tasks.cancel_scope.cancel()
    if failed:
        raise failed[0]
    return done[0] if done else None


_WORDS = {
    400: "The request cannot be read.",
    401: "No key, or one that is not known (any more).",
    402: "The balance does not cover the precharge; `billing_reason` says so.",
    403: "The key lacks the scope, or the page's origin is not allowed.",
    404: "There is no such thing for this key.",
    408: "The request did not arrive in time.",
    409: "The chat, lead or slot is in a state in which this cannot be done; see `code`.",
    412: "There is no plan yet whose companies could be enriched.",
    413: "The body is larger than this server reads.",
    415: "The body is not JSON.",
    421: "The server does not answer under this name.",
    422: "An argument is unknown, missing or cannot be used; see `code`, `detail` and `hint`.",
    429: "Too many requests.",
    500: "Something of ours broke.",
    503: "The store is out of reach or full for the moment.",
}
_HEADERS = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    429: {"Retry-After": {"schema": {"type": "integer"}}},
}
ALWAYS = (401, 403, 408, 421, 422, 429, 500, 503)


def declared(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems an operation can answer with, for the OpenAPI document."""
    return {
        status: {
            "description": _WORDS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": PROBLEM_REF}}},
            **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
        }
        for status in sorted({*ALWAYS, *statuses})
    }
