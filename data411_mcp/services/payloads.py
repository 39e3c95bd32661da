"""The requests of the enrichment routes as callers send them: one shape for MCP, HTTP and jobs.

Unknown fields are refused. `lead` is as pasted; domain/lead_input.py reads it.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from data411_mcp.domain.icp.run import ICP_RUN

SLOTS_PER_BATCH_MAX = 16


class Payload(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _printable(text: str | None) -> str | None:
    if text is not None and not text.isprintable():
        raise ValueError("not printable")
    return text


LeadField = Annotated[
    dict[str, Any] | None,
    Field(description="The CRM lead exactly as pasted. Follow-ups repeat it or leave it out."),
]
ChatField = Annotated[
    str | None, Field(description="Chat bound to the lead; from the first answer.")
]
RequiredChat = Annotated[str, Field(description="Chat bound to the lead.")]
ModelField = Annotated[
    str, Field(description="Slot id (data411-hunt-forge) or provider slug (x-ai/grok-build-0.1).")
]
PriorField = Annotated[
    dict[str, Any] | None,
    Field(description="Your copy of the graph; used only where the server has none, as unproven."),
]
BoardField = Annotated[
    str | None,
    Field(min_length=1, max_length=128, description="Key of a live board to poll."),
    AfterValidator(_printable),
]
PromptsField = Annotated[
    list[str] | None, Field(description="The user's words, verbatim. Needed on follow-ups.")
]


class LeadSessionPayload(Payload):
    lead: LeadField = None
    chat_session_id: ChatField = None
    prompts: PromptsField = None
    refresh: Annotated[
        bool, Field(description='True only for "from scratch" or "ignore cache".')
    ] = False
    identity_choice: Annotated[
        str | None, Field(description='Id of a choice of a needs_identity answer, or "none".')
    ] = None
    crm_export: Annotated[
        bool, Field(description="The user pasted a new CRM export of the same contact.")
    ] = False
    budget_usd: Annotated[
        float | None, Field(description="Most that this call may cost; at most 20.")
    ] = None
    progress_key: BoardField = None


class SlotRerunPayload(Payload):
    lead: LeadField = None
    chat_session_id: RequiredChat
    model_id: ModelField
    prior_backfill: PriorField = None
    refresh_summary: Annotated[
        bool, Field(description="Rewrite the summary; else it is left and marked stale.")
    ] = False
    prompts: PromptsField = None
    budget_usd: Annotated[float | None, Field(description="Most that this call may cost.")] = None
    progress_key: BoardField = None


class SlotsRerunPayload(Payload):
    lead: LeadField = None
    chat_session_id: RequiredChat
    model_ids: Annotated[
        list[str],
        Field(description="Slots that are pending or error: ids or provider slugs, each once."),
    ]
    prior_backfill: PriorField = None
    prompts: PromptsField = None
    budget_usd: Annotated[float | None, Field(description="Most that this call may cost.")] = None
    progress_key: BoardField = None


class SynthesizePatchPayload(Payload):
    lead: LeadField = None
    chat_session_id: RequiredChat
    prior_backfill: PriorField = None
    refresh_summary: Annotated[bool, Field(description="False only resolves graph and gaps.")] = (
        True
    )
    prompts: PromptsField = None
    progress_key: BoardField = None


class FindingRerunPayload(Payload):
    lead: LeadField = None
    chat_session_id: RequiredChat
    candidate_id: Annotated[str, Field(description="unmerged_candidates[].id")]
    prior_backfill: PriorField = None
    refresh_summary: Annotated[
        bool, Field(description="Rewrite the summary; else it is left and marked stale.")
    ] = False
    progress_key: BoardField = None


class IcpRunPayload(Payload):
    """A conversation of the ICP finder in one request: intake and "confirm". The plan that comes
    of it waits for "run enrichment"."""

    website: Annotated[str | None, Field(description="Your own company's site.")] = None
    customers: Annotated[
        str | list[dict[str, Any]] | None,
        Field(description="5 to 15 best customers: lines, CSV, or {name, domain} objects."),
    ] = None
    lost: Annotated[
        str | list[dict[str, Any]] | None,
        Field(description="Lost customers, with a short reason: likewise."),
    ] = None
    answers: Annotated[
        dict[str, Any] | None, Field(description="Optional answers of the intake form.")
    ] = None
    thread_id: Annotated[
        str | None, Field(description="Conversation to go on with; without it a new one.")
    ] = None


LEAD_SESSION = "enrich/lead-session"
SLOT_RERUN = "enrich/lead-session/slot-rerun"
SLOTS_RERUN = "enrich/lead-session/slots-rerun"
SYNTHESIZE_PATCH = "enrich/lead-session/synthesize-patch"
FINDING_RERUN = "enrich/lead-session/finding-rerun"

PAYLOADS: dict[str, type[Payload]] = {
    LEAD_SESSION: LeadSessionPayload,
    SLOT_RERUN: SlotRerunPayload,
    SLOTS_RERUN: SlotsRerunPayload,
    SYNTHESIZE_PATCH: SynthesizePatchPayload,
    FINDING_RERUN: FindingRerunPayload,
    ICP_RUN: IcpRunPayload,
}
JOB_ONLY = frozenset({SLOTS_RERUN, ICP_RUN})  # routes without a synchronous call of their own
