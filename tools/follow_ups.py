"""Follow-ups that name what they want: one slot, the summary, one finding."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server.elicitation import ElicitationResult
from mcp.server.mcpserver import Resolve
from mcp_types import CallToolResult
from pydantic import Field

from data411_mcp.errors import Data411Error
from data411_mcp.services.payloads import FINDING_RERUN, SLOT_RERUN, SYNTHESIZE_PATCH

from .asking import IdentityAnswer, asks_identity, go_on
from .runs import Opened, answer_of, open_run
from .surface import Answer, ServerContext, ToolSpec

Chat = Annotated[str, Field(description="The chat of the lead.")]
LeadOrNone = Annotated[dict[str, Any] | None, Field(description="The bound lead, or nothing.")]
Prior = Annotated[
    dict[str, Any] | None, Field(description="Not needed: the server keeps the graph.")
]


async def open_slot(
    ctx: ServerContext,
    chat_session_id: str,
    model_id: str,
    prompts: list[str] | None,
    refresh_summary: bool,
    budget_usd: float | None,
    lead: dict[str, Any] | None,
    prior_backfill: dict[str, Any] | None,
) -> Opened | Data411Error:
    payload = {
        "lead": lead,
        "chat_session_id": chat_session_id,
        "model_id": model_id,
        "prompts": prompts,
        "refresh_summary": refresh_summary,
        "budget_usd": budget_usd,
        "prior_backfill": prior_backfill,
    }
    return await open_run(ctx, SLOT_RERUN, payload)


async def rerun_hunt_slot(
    ctx: ServerContext,
    opened: Annotated[Opened | Data411Error, Resolve(open_slot)],
    company: Annotated[ElicitationResult[IdentityAnswer], Resolve(asks_identity(open_slot))],
    chat_session_id: Chat,
    model_id: Annotated[str, Field(description="E.g. data411-hunt-forge or x-ai/grok-build-0.1.")],
    prompts: Annotated[
        list[str] | None, Field(description="What to look for: the user's words or a gap's text.")
    ] = None,
    refresh_summary: Annotated[
        bool, Field(description="Rewrite the summary too; else it is marked stale.")
    ] = False,
    budget_usd: Annotated[float | None, Field(strict=True)] = None,
    lead: LeadOrNone = None,
    prior_backfill: Prior = None,
) -> Annotated[CallToolResult, Answer]:
    return await answer_of(ctx, await go_on(ctx, opened, company))


async def resynthesize_lead_graph(
    ctx: ServerContext,
    chat_session_id: Chat,
    prompts: Annotated[
        list[str] | None, Field(description="What to emphasize, in the user's words.")
    ] = None,
    refresh_summary: Annotated[
        bool, Field(description="False: only graph and gaps, not the text.")
    ] = True,
    lead: LeadOrNone = None,
    prior_backfill: Prior = None,
) -> Annotated[CallToolResult, Answer]:
    payload = {
        "lead": lead,
        "chat_session_id": chat_session_id,
        "prompts": prompts,
        "refresh_summary": refresh_summary,
        "prior_backfill": prior_backfill,
    }
    return await answer_of(ctx, await open_run(ctx, SYNTHESIZE_PATCH, payload))


async def investigate_unmerged_finding(
    ctx: ServerContext,
    chat_session_id: Chat,
    candidate_id: Annotated[str, Field(description='get_lead_graph(section="unmerged"): id')],
    refresh_summary: bool = False,
    lead: LeadOrNone = None,
    prior_backfill: Prior = None,
) -> Annotated[CallToolResult, Answer]:
    payload = {
        "lead": lead,
        "chat_session_id": chat_session_id,
        "candidate_id": candidate_id,
        "refresh_summary": refresh_summary,
        "prior_backfill": prior_backfill,
    }
    return await answer_of(ctx, await open_run(ctx, FINDING_RERUN, payload))


TOOLS = (
    ToolSpec(
        name="rerun_hunt_slot",
        title="Run a slot again",
        description="Run one slot again and merge what is new; the rest of the graph stays.",
        fn=rerun_hunt_slot,
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=True,
    ),
    ToolSpec(
        name="resynthesize_lead_graph",
        title="Rewrite the summary",
        description="Write the summary again from the graph. No hunting, no vendor is asked.",
        fn=resynthesize_lead_graph,
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=False,
    ),
    ToolSpec(
        name="investigate_unmerged_finding",
        title="Investigate a held-back finding",
        description="Try again to prove one held-back finding: merged, or held back with a reason.",
        fn=investigate_unmerged_finding,
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=True,
    ),
)
