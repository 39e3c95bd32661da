"""What all tools share: the error translation, the progress pump, the answer's form."""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
from mcp.server.mcpserver import Context
from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel, ConfigDict

from data411_mcp.domain.access import Principal, Scope
from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.jobs import Job
from data411_mcp.errors import Data411Error
from data411_mcp.services.container import OpensServices, Services

if TYPE_CHECKING:  # the rooms behind are opened with the first call
    from data411_mcp.domain.graph import Notice

PROGRESS_PER_SECOND = 4
PROGRESS_BUFFER = 256
# These may be skipped when a client reads slowly; everything else is a milestone.
_TICKS = frozenset({EventName.PAGE_READ})

ServerContext = Context[OpensServices, Any]
ToolFunction = Callable[..., Awaitable[CallToolResult]]


@dataclass(frozen=True)
class ToolSpec:
    name: str
    title: str
    description: str
    fn: ToolFunction
    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool


class Answer(BaseModel):
    """Any structured answer. The fields depend on the tool; docs/tools.md lists them."""

    model_config = ConfigDict(extra="allow")


async def services(ctx: ServerContext) -> Services:
    return await ctx.request_context.lifespan_context.services()


def caller(app: Services) -> Principal:
    """Who calls: the bearer of the key over HTTP, else the server's own tenant."""
    return bearer() or Principal(app.tenant)


def bearer() -> Principal | None:
    """Who the request's key says it is; None on stdio, and where no key is asked for."""
    from mcp.server.auth.middleware.auth_context import get_access_token

    token = get_access_token()
    if token is None:
        return None
    claims = token.claims or {}
    scopes = frozenset(Scope(s) for s in token.scopes if s in set(Scope))
    tenant, key = (str(claims.get(name, "")) for name in ("tenant", "key"))
    return Principal(tenant, token.client_id, scopes, key)


def anticipated(fn: ToolFunction) -> ToolFunction:
    """Our errors become `is_error` results with code, message, hint and retryable."""

    @functools.wraps(fn)
    async def guarded(*args: Any, **kwargs: Any) -> CallToolResult:
        try:
            return await fn(*args, **kwargs)
        except Data411Error as error:
            return refusal(error)

    return guarded


def refusal(error: Data411Error) -> CallToolResult:
    text = f"{error.code}: {error.message}" + (f"\nNext: {error.hint}" if error.hint else "")
    return CallToolResult(
        content=[TextContent(type="text", text=text)],
        structured_content=error.as_dict(),
        is_error=True,
    )


def answered(structured: dict[str, Any], text: str | None = None) -> CallToolResult:
    shown = text if text is not None else json.dumps(structured, ensure_ascii=False)
    return CallToolResult(
        content=[TextContent(type="text", text=shown)], structured_content=structured
    )


async def session_result(
    app: Services, job: Job, notices: Sequence[Notice] = (), *, cache_hit: bool = False
) -> CallToolResult:
    """The answer of a job of any route, cut to the size limit."""
    from data411_mcp.services.answers import answer_of, fit

    return answered(*fit(await answer_of(app, job, notices, cache_hit=cache_hit)))


async def follow(ctx: ServerContext, job: Job, seconds: float, *, since: int = 0) -> Job:
    """Follow a job for so long, passing its events on as MCP progress. A slow reader loses
    ticks, never milestones, and never slows the job."""
    app = await services(ctx)
    send, receive = anyio.create_memory_object_stream[ProgressEvent](PROGRESS_BUFFER)

    def emit(event: ProgressEvent) -> None:
        if event.name in _TICKS and send.statistics().current_buffer_used > PROGRESS_BUFFER // 4:
            return
        try:
            send.send_nowait(event)
        except anyio.WouldBlock:
            return  # the reader is hopelessly behind; the job's log keeps every event

    async with anyio.create_task_group() as following:
        following.start_soon(_pump, ctx, receive)
        try:
            job = await app.runner.wait(
                caller(app).tenant, job.id, seconds=seconds, emit=emit, since=since
            )
        finally:
            send.close()
            following.cancel_scope.deadline = anyio.current_time() + 1.0
    return job


async def _pump(ctx: ServerContext, events: Any) -> None:
    async with events:
        last_tick = 0.0
        async for event in events:
            if event.name in _TICKS:
                now = anyio.current_time()
                if now - last_tick < 1 / PROGRESS_PER_SECOND:
                    continue
                last_tick = now
            await ctx.report_progress(float(event.seq), None, event.message)
