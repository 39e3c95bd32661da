"""enrich_lead_session: one lead in, a proven graph out."""

from __future__ import annotations

from typing import Annotated, Any

from mcp_types import CallToolResult
from pydantic import Field

from data411_mcp.domain.lead import Lead
from data411_mcp.errors import Data411Error

from .identity import AnswerArgument, OpenedArgument, go_on
from .surface import Answer, ServerContext, ToolSpec, services, session_result

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


async def enrich_lead_session(
    ctx: ServerContext,
    opened: OpenedArgument,
    answer: AnswerArgument,
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
) -> Annotated[CallToolResult, Answer]:
    if isinstance(opened, Data411Error):
        raise opened
    session = await go_on(ctx, await services(ctx), opened, answer)
    return session_result(session.graph, session.job, session.started.notices)


TOOLS = (
    ToolSpec(
        name="enrich_lead_session",
        title="Enrich a lead",
        description=(
            "Find who a CRM lead really is, who decides there and how to reach them, each fact "
            "proven by a quote on a stored page. One chat is bound to one lead. Answers within "
            "45 s: the summary, or status running with a job_id for wait_enrich_job. "
            "needs_identity: ask the user, call again with identity_choice. Follow-ups: "
            "chat_session_id and prompts; a gap's text as prompt runs only its slot."
        ),
        fn=enrich_lead_session,
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=True,
    ),
)
