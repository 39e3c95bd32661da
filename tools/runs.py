"""Starting a route's job and following it for as long as an answer may take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
from mcp_types import CallToolResult

from data411_mcp.domain.calls import WORDS, spelled
from data411_mcp.domain.jobs import Job
from data411_mcp.errors import BudgetTooLow, Data411Error, MultiLeadRefused
from data411_mcp.services.payloads import (
    FINDING_RERUN,
    LEAD_SESSION,
    SLOT_RERUN,
    SYNTHESIZE_PATCH,
)

from .surface import ServerContext, caller, follow, services, session_result

if TYPE_CHECKING:  # a server lists its tools before it has loaded what they use
    from data411_mcp.domain.graph import Backfill
    from data411_mcp.services.routes import Started


TOOLS_OF_ROUTES = {
    LEAD_SESSION: "enrich_lead_session",
    SLOT_RERUN: "rerun_hunt_slot",
    SYNTHESIZE_PATCH: "resynthesize_lead_graph",
    FINDING_RERUN: "investigate_unmerged_finding",
}
_LEFT_OUT = ("lead", "prior_backfill", "budget_usd", "prompts")


@dataclass(frozen=True)
class Opened:
    """A job as it stands when it is final, waits for the user, or the time is up."""

    started: Started
    job: Job
    graph: Backfill
    answer_by: float  # on anyio's clock


async def open_run(
    ctx: ServerContext, route: str, payload: Mapping[str, Any]
) -> Opened | Data411Error:
    """Start or join the route's job and follow it. Our errors are returned, since this runs in
    resolvers too: the tool's body raises them where they become results."""
    from data411_mcp.services.routes import Terms

    try:
        app = await services(ctx)
        who = caller(app)
        answer_by = anyio.current_time() + app.answer_within_seconds
        started = await app.routes[route].start(who.tenant, payload, Terms(subject=who.subject))
        return await followed(ctx, started, answer_by)
    except Data411Error as error:
        return _with_call(error, route, payload)


def _with_call(error: Data411Error, route: str, payload: Mapping[str, Any]) -> Data411Error:
    """The same call, mended, where that is what helps. The caller's own words stand in <…>."""
    given = {k: v for k, v in payload.items() if v not in (None, False) and k not in _LEFT_OUT}
    if payload.get("prompts"):
        given["prompts"] = [WORDS]
    if isinstance(error, BudgetTooLow):
        if payload.get("lead") and not payload.get("chat_session_id"):
            given["lead"] = {"company": "<as in the CRM>"}
        call = spelled(TOOLS_OF_ROUTES[route], given, budget_usd=error.price_cents / 100)
        return BudgetTooLow(error.message, f"Call {call}.", price_cents=error.price_cents)
    if isinstance(error, MultiLeadRefused) and route != LEAD_SESSION:
        call = spelled(TOOLS_OF_ROUTES[route], given)
        return MultiLeadRefused(error.message, f"To go on with the bound lead, call {call}.")
    return error


async def followed(
    ctx: ServerContext, started: Started, answer_by: float, *, since: int = 0
) -> Opened:
    app = await services(ctx)
    left = max(0.0, answer_by - anyio.current_time())
    job = await follow(ctx, started.job, left, since=since)
    graph = await app.views.load(caller(app).tenant, job.chat_session_id)
    return Opened(started, job, graph, answer_by)


async def answer_of(ctx: ServerContext, opened: Opened | Data411Error) -> CallToolResult:
    """The tool's answer. Raises what opening the run has met."""
    if isinstance(opened, Data411Error):
        raise opened
    started = opened.started
    return await session_result(
        await services(ctx),
        opened.job,
        started.notices,
        cache_hit=started.joined and started.job.final,
    )
