"""enrich_lead_session: one lead in, a proven graph out."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server.elicitation import ElicitationResult
from mcp.server.mcpserver import Elicit, Resolve
from mcp_types import CallToolResult
from pydantic import Field

from data411_mcp.domain.lead import Lead
from data411_mcp.errors import Data411Error
from data411_mcp.services.payloads import LEAD_SESSION

from .asking import (
    IdentityAnswer,
    WordsAnswer,
    asks_identity,
    go_on,
    question_of_words,
    words_in,
)
from .runs import Opened, answer_of, open_run
from .surface import Answer, ServerContext, ToolSpec, caller, services

_FIELDS = {
    name: {"type": ["string", "integer"] if name == "contact_id" else "string"}
    for name in Lead.model_fields
    if name != "search_variants"
}
LEAD_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {**_FIELDS, "search_variants": {"type": "array", "items": {"type": "string"}}},
    "additionalProperties": False,
}

LeadArgument = Annotated[
    dict[str, Any] | None,
    Field(
        description="The CRM lead exactly as pasted. Needs company, domain, a phone (number1), or "
        "dm_name with a place. Follow-ups: repeat it or leave it out; never put discovered names "
        "into it.",
        json_schema_extra=LEAD_SCHEMA,
    ),
]
ChatArgument = Annotated[
    str | None, Field(description="From the first answer; pass it on every follow-up.")
]


async def open_session(
    ctx: ServerContext,
    lead: dict[str, Any] | None,
    chat_session_id: str | None,
    prompts: list[str] | None,
    refresh: bool,
    identity_choice: str | None,
    crm_export: bool,
    budget_usd: float | None,
) -> Opened | Data411Error:
    try:
        if chat_session_id is None and ctx.input_responses is not None and lead is not None:
            chat_session_id = await _chat_of(ctx, lead)
    except Data411Error as error:
        return error
    payload = {
        "lead": lead,
        "chat_session_id": chat_session_id,
        "prompts": prompts,
        "refresh": refresh,
        "identity_choice": identity_choice,
        "crm_export": crm_export,
        "budget_usd": budget_usd,
    }
    return await open_run(ctx, LEAD_SESSION, payload)


async def _chat_of(ctx: ServerContext, lead: dict[str, Any]) -> str | None:
    """The chat that the first round of this call opened: the user has just answered a question."""
    from data411_mcp.domain.lead_input import lead_key, parse_lead

    app = await services(ctx)
    return await app.store.live_chat_of_lead(caller(app).tenant, lead_key(parse_lead(lead)).text)


FirstTry = Annotated[Opened | Data411Error, Resolve(open_session)]


async def ask_words(ctx: ServerContext, first: FirstTry) -> WordsAnswer | Elicit[WordsAnswer]:
    return question_of_words(ctx, first)


async def open_with_words(
    ctx: ServerContext,
    first: FirstTry,
    said: Annotated[ElicitationResult[WordsAnswer], Resolve(ask_words)],
    lead: dict[str, Any] | None,
    chat_session_id: str | None,
    crm_export: bool,
    budget_usd: float | None,
) -> Opened | Data411Error:
    """The session as asked for, or with the words that the user was asked for."""
    words = words_in(said)
    if not words:
        return first
    return await open_session(
        ctx, lead, chat_session_id, [words], False, None, crm_export, budget_usd
    )


async def enrich_lead_session(
    ctx: ServerContext,
    opened: Annotated[Opened | Data411Error, Resolve(open_with_words)],
    company: Annotated[ElicitationResult[IdentityAnswer], Resolve(asks_identity(open_with_words))],
    lead: LeadArgument = None,
    chat_session_id: ChatArgument = None,
    prompts: Annotated[
        list[str] | None, Field(description="The user's words, verbatim. Needed on follow-ups.")
    ] = None,
    refresh: Annotated[
        bool, Field(description='True only for "from scratch" or "ignore cache".')
    ] = False,
    identity_choice: Annotated[
        str | None, Field(description='Id of a choice of a needs_identity answer, or "none".')
    ] = None,
    crm_export: Annotated[
        bool, Field(description="The user pasted a new CRM export of the same contact.")
    ] = False,
    budget_usd: Annotated[
        float | None, Field(description="Most it may cost, up to 20.", strict=True)
    ] = None,
) -> Annotated[CallToolResult, Answer]:
    return await answer_of(ctx, await go_on(ctx, opened, company))


TOOLS = (
    ToolSpec(
        name="enrich_lead_session",
        title="Enrich a lead",
        description=(
            "Find who a CRM lead really is, who decides there and how to reach them, each fact "
            "proven by a quote on a stored page. One chat is bound to one lead. Answers within "
            "45 s: the summary, or status running with a job_id for wait_enrich_job. "
            "needs_identity: ask the user, call again with identity_choice. Follow-ups: "
            "chat_session_id and prompts. One slot or the summary again: rerun_hunt_slot, "
            "resynthesize_lead_graph."
        ),
        fn=enrich_lead_session,
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=True,
    ),
)
