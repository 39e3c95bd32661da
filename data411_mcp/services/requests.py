"""What a lead session is asked, and the checks before anything runs: binding and the checklist."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel, ConfigDict

from data411_mcp.domain.graph import Backfill, Notice
from data411_mcp.domain.lead import Lead, LeadKey
from data411_mcp.domain.lead_binding import NewExport, Refused, Restored, bind
from data411_mcp.domain.lead_input import lead_key, parse_lead
from data411_mcp.domain.slots import SLOTS
from data411_mcp.errors import (
    ChatSessionRequired,
    InvalidArgument,
    MultiLeadRefused,
    NotFound,
    PromptsRequired,
    RefreshNotPartial,
)
from data411_mcp.services.ports import Clock, SessionRow, Store

PROMPTS_MAX = 20
PROMPT_CHARS_MAX = 4000
CHAT_ID_MAX = 128
_CHAT_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_FROM_SCRATCH = re.compile(
    r"from scratch|ignore (the )?cache|start over|from zero|complete(ly)? (new|fresh)|re-?run all|"
    r"rerun everything|all slots",
    re.IGNORECASE,
)


class SessionRequest(BaseModel):
    """The payload of an `enrich/lead-session` job. `lead` is the lead as bound."""

    model_config = ConfigDict(frozen=True)

    lead: Lead
    prompts: tuple[str, ...] = ()
    refresh: bool = False
    identity_choice: str | None = None
    follow_up: bool = False


@dataclass(frozen=True)
class BoundSession:
    """A chat and its lead, after binding. `row` is as stored."""

    tenant: str
    row: SessionRow
    lead: Lead
    key: LeadKey
    first: bool
    notices: tuple[Notice, ...] = field(default=())


def clean_prompts(prompts: object) -> tuple[str, ...]:
    """The user's words, verbatim. Raises InvalidArgument."""
    if prompts is None:
        return ()
    if isinstance(prompts, str):
        prompts = [prompts]
    if not isinstance(prompts, list | tuple) or not all(isinstance(p, str) for p in prompts):
        raise InvalidArgument("prompts must be a list of texts.", 'Pass prompts: ["…"].')
    if len(prompts) > PROMPTS_MAX or any(len(p) > PROMPT_CHARS_MAX for p in prompts):
        raise InvalidArgument(
            f"At most {PROMPTS_MAX} prompts of {PROMPT_CHARS_MAX} characters each.",
            "Pass the user's latest message only.",
        )
    return tuple(p for p in prompts if p.strip())


def check_chat_id(chat_session_id: str) -> str:
    if not _CHAT_ID.fullmatch(chat_session_id):
        raise InvalidArgument(
            f"chat_session_id must be 1 to {CHAT_ID_MAX} letters, digits or . _ : -.",
            "Leave chat_session_id out to open a new chat.",
        )
    return chat_session_id


async def bind_session(
    store: Store,
    clock: Clock,
    tenant: str,
    raw_lead: Mapping[str, Any] | None,
    chat_session_id: str | None,
    *,
    crm_export: bool = False,
) -> BoundSession:
    """Bind the chat to its lead, or check a follow-up against the bound one.

    Raises InvalidLead, MultiLeadRefused, ChatSessionRequired, NotFound.
    """
    if chat_session_id is not None:
        check_chat_id(chat_session_id)
        row = await store.session(tenant, chat_session_id)
        if row is not None:
            return await _follow_up(store, clock, row, raw_lead, crm_export=crm_export)
        if raw_lead is None:
            raise NotFound("There is no such chat.", "Pass lead, and leave chat_session_id out.")
    lead = parse_lead(raw_lead or {})
    key = lead_key(lead)
    if chat_session_id is None:
        live = await store.live_chat_of_lead(tenant, key.text)
        if live is not None:
            raise ChatSessionRequired(
                "This lead is being hunted in another chat right now.",
                f'Call again with chat_session_id: "{live}".',
            )
    now = clock.now()
    wanted = SessionRow(
        tenant=tenant,
        chat_session_id=chat_session_id or clock.new_id(),
        lead=lead.model_dump_json(),
        lead_key=key.text,
        created_at=now,
        updated_at=now,
        version=0,
    )
    row = await store.bind(wanted)
    if row.lead != wanted.lead:  # another caller was first
        return await _follow_up(store, clock, row, raw_lead, crm_export=crm_export)
    return BoundSession(tenant, row, lead, key, first=row.version == 0)


async def _follow_up(
    store: Store, clock: Clock, row: SessionRow, raw_lead: Mapping[str, Any] | None,
    *, crm_export: bool,
) -> BoundSession:  # fmt: skip
    bound = Lead.model_validate_json(row.lead)
    notices: list[Notice] = []
    if raw_lead is not None:
        supplied = parse_lead(raw_lead, follow_up=True)
        outcome = bind(bound, supplied, crm_export=crm_export)
        if isinstance(outcome, Refused):
            raise MultiLeadRefused(
                "This chat is bound to another lead: "
                f"{_describe(bound)}. Nothing was run or charged.",
                "Leave out lead, or pass the bound one, to go on with it; "
                "leave out chat_session_id to open a new chat for the other lead.",
            )
        if isinstance(outcome, Restored):
            fields = ", ".join(sorted(outcome.put_back))
            notices.append(
                Notice(
                    code="LEAD_RESTORED",
                    text=f"The bound lead was used. Put back as the CRM has it: {fields}. "
                    "Names found on the way stay beside the lead, never in it.",
                )
            )
        if isinstance(outcome, NewExport):
            key = lead_key(supplied)
            await store.replace_lead(
                row.tenant, row.chat_session_id, supplied.model_dump_json(), key.text, clock.now()
            )
            bound = supplied
            row = replace(row, lead=supplied.model_dump_json(), lead_key=key.text)
    return BoundSession(
        row.tenant, row, bound, lead_key(bound), first=row.version == 0, notices=tuple(notices)
    )


def _describe(lead: Lead) -> str:
    """Ids and the pasted name: the caller's own words, cut short."""
    parts = [f"contact_id {lead.contact_id}" if lead.contact_id is not None else "",
             f'company "{lead.company[:60]}"' if lead.company else "",
             f"domain {lead.domain[:60]}" if lead.domain else ""]  # fmt: skip
    return ", ".join(p for p in parts if p) or "a lead without company or domain"


def check_follow_up(
    bound: BoundSession, backfill: Backfill | None, prompts: tuple[str, ...], refresh: bool
) -> None:
    """The agent checklist. Raises PromptsRequired or RefreshNotPartial with the call to make."""
    chat = bound.row.chat_session_id
    if refresh:
        _check_refresh(chat, backfill, prompts)
        return
    if backfill is not None and backfill.summary_markdown and not prompts:
        raise PromptsRequired(
            "A follow-up needs the user's words.",
            f'Call enrich_lead_session with chat_session_id: "{chat}" and '
            'prompts: ["<the user\'s latest message, verbatim>"]; '
            f'to read what is there, call get_lead_graph with chat_session_id: "{chat}".',
        )


def _check_refresh(chat: str, backfill: Backfill | None, prompts: tuple[str, ...]) -> None:
    said = " ".join(prompts)
    if not said or _FROM_SCRATCH.search(said):
        return
    gaps = {g.text.casefold().strip() for g in backfill.gaps} if backfill else set()
    named = [s for s in SLOTS.values() if _names_slot(said, s.id, s.label)]
    routes = re.search(r"\b(resynthesi[sz]e|slot-?rerun|synthesize-patch|finding-rerun)\b", said,
                       re.IGNORECASE)  # fmt: skip
    if any(p.casefold().strip() in gaps for p in prompts) or named or routes:
        raise RefreshNotPartial(
            "refresh: true runs every slot from zero; this asks for one part.",
            f'Call enrich_lead_session with chat_session_id: "{chat}", the same prompts, '
            "and no refresh.",
        )


def _names_slot(said: str, slot_id: str, label: str) -> bool:
    if slot_id in said:
        return True
    return len(label) > 5 and re.search(rf"\b{re.escape(label)}\b", said, re.IGNORECASE) is not None


def named_slots(prompts: tuple[str, ...], backfill: Backfill) -> tuple[str, ...]:
    """The slots a follow-up asks for: by id, by label, or through a gap's text."""
    said = " ".join(prompts)
    named = [s.id for s in SLOTS.values() if _names_slot(said, s.id, s.label)]
    texts = {p.casefold().strip() for p in prompts}
    named += [g.slot for g in backfill.gaps if g.slot and g.text.casefold().strip() in texts]
    return tuple(dict.fromkeys(named))


def only_resynthesis(prompts: tuple[str, ...]) -> bool:
    """The words ask for a new summary of what is there, and for nothing else."""
    said = " ".join(prompts)
    return bool(re.search(r"resynthesi[sz]e|rewrite the summary", said, re.IGNORECASE)) and not (
        re.search(r"\b(re-?run|hunt|dig|find|look|search)\b", said, re.IGNORECASE)
    )
