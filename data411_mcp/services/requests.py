"""What a lead session is asked, and the checks before anything runs: binding and the checklist."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel, ConfigDict

from data411_mcp.domain.graph import Backfill, Notice
from data411_mcp.domain.lead import Lead, LeadKey
from data411_mcp.domain.lead_binding import NewExport, Refused, Restored, bind, moved
from data411_mcp.domain.lead_input import lead_key, parse_lead
from data411_mcp.domain.slots import SLOTS, Pass
from data411_mcp.errors import (
    ChatSessionRequired,
    InvalidArgument,
    MultiLeadRefused,
    NotFound,
    PromptsRequired,
    RefreshNotPartial,
)
from data411_mcp.services.forgetting import Tombstones
from data411_mcp.services.ports import Clock, SessionRow, Store

PROMPTS_MAX = 20
PROMPT_CHARS_MAX = 4000
CHAT_ID_MAX = 128
_CHAT_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
# Only these words excuse a full refresh that names a part; said with a "not" they do not.
_FROM_SCRATCH = re.compile(
    r"(?<!not )(?<!n['’]t )\b(?:from scratch|ignore (?:the )?cache)\b", re.IGNORECASE
)
_ROUTE = re.compile(
    r"\b(?:re-?synthesi[sz]e|slots?[-_ ]reruns?|rerun_hunt_slot|synthesi[sz]e-patch(?:es)?|"
    r"findings?[-_ ]reruns?)\b",
    re.IGNORECASE,
)
# A label as short as this is an everyday word: it names a slot beside "slot" or "rerun" only.
SHORT_LABEL_MAX = 5


NOBODY = Tombstones(b"", frozenset())


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
    erased: Tombstones = NOBODY,
) -> BoundSession:
    """Bind the chat to its lead, or check a follow-up against the bound one. What the lead says
    of the erased is left out.

    Raises InvalidLead, MultiLeadRefused, ChatSessionRequired, NotFound.
    """
    if chat_session_id is not None:
        check_chat_id(chat_session_id)
        row = await store.session(tenant, chat_session_id)
        if row is not None:
            return await _follow_up(store, clock, row, raw_lead, erased, crm_export=crm_export)
        if raw_lead is None:
            raise NotFound("There is no such chat.", "Pass lead, and leave chat_session_id out.")
    lead = parse_lead(raw_lead or {})
    known = erased.without_person(lead)
    if known is not lead:
        lead = parse_lead(known.model_dump())  # what is left may be too little to go by
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
        return await _follow_up(store, clock, row, raw_lead, erased, crm_export=crm_export)
    return BoundSession(tenant, row, lead, key, first=row.version == 0)


async def _follow_up(
    store: Store, clock: Clock, row: SessionRow, raw_lead: Mapping[str, Any] | None,
    erased: Tombstones, *, crm_export: bool,
) -> BoundSession:  # fmt: skip
    bound = Lead.model_validate_json(row.lead)
    notices: list[Notice] = []
    if raw_lead is not None:
        supplied = erased.without_person(parse_lead(raw_lead, follow_up=True))
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
            if moved(bound, supplied) and row.identity_choice is not None:
                # Before the lead: a choice was made among companies of the lead as it was.
                await store.set_identity_choice(row.tenant, row.chat_session_id, None, clock.now())
                row = replace(row, identity_choice=None)
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
    bound: BoundSession,
    backfill: Backfill | None,
    prompts: tuple[str, ...],
    *,
    refresh: bool,
    finished: bool,
) -> None:
    """The agent checklist; `finished` when a run of this chat has come to its end. Raises
    PromptsRequired or RefreshNotPartial with the call to make."""
    chat = bound.row.chat_session_id
    if refresh:
        _check_refresh(chat, backfill, prompts)
        return
    if finished and not prompts:
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
    gaps = {_plain(g.text) for g in backfill.gaps} if backfill else set()
    named = _slots_in(said, backfill)
    if any(_plain(p) in gaps for p in prompts) or named or _ROUTE.search(said):
        raise RefreshNotPartial(
            "refresh: true runs every slot from zero; this asks for one part.",
            f'Call enrich_lead_session with chat_session_id: "{chat}", the same prompts, '
            "and no refresh.",
        )


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _slots_in(said: str, backfill: Backfill | None) -> list[str]:
    """Ids of the slots that the words name: by id, label, or the provider's slug, which is the
    catalogue's or the one the slot last ran with."""
    slugs = {s.id: {s.provider} for s in SLOTS.values()}
    for row in backfill.tool_trace.parallel_results if backfill else ():
        slugs.setdefault(row.model_id, set()).add(row.provider)
    text = _plain(said)
    return [
        s.id
        for s in SLOTS.values()
        if s.id in text
        or _names_label(said, s.label)
        or any(tail in text for tail in _tails(slugs[s.id]))
    ]


def _tails(slugs: set[str]) -> set[str]:
    """The model's part of each slug; a bare word such as "site" is none."""
    tails = {slug.casefold().rsplit("/", 1)[-1] for slug in slugs}
    return {tail for tail in tails if tail and not tail.isalpha()}


def _names_label(said: str, label: str) -> bool:
    name = r"[\s_-]*".join(map(re.escape, label.split()))
    if len(label) > SHORT_LABEL_MAX:
        return re.search(rf"\b{name}\b", said, re.IGNORECASE) is not None
    between = rf"(?:\W+(?:and|or|the|{_LABELS}))*\W+"
    beside = rf"\b{name}{between}slots?\b|\bslots?{between}{name}\b|\bre-?run\W+(?:the\W+)?{name}\b"
    return re.search(beside, said, re.IGNORECASE) is not None


_LABELS = "|".join(re.escape(slot.label) for slot in SLOTS.values())


def named_slots(prompts: tuple[str, ...], backfill: Backfill) -> tuple[str, ...]:
    """The slots a follow-up asks for: by id, by label, or through a gap's text."""
    named = [s for s in _slots_in(" ".join(prompts), backfill) if SLOTS[s].pass_ is not Pass.ANY]
    texts = {_plain(p) for p in prompts}
    named += [g.slot for g in backfill.gaps if g.slot and _plain(g.text) in texts]
    return tuple(dict.fromkeys(named))


def only_resynthesis(prompts: tuple[str, ...]) -> bool:
    """The words ask for a new summary of what is there, and for nothing else."""
    said = " ".join(prompts)
    return bool(re.search(r"resynthesi[sz]e|rewrite the summary", said, re.IGNORECASE)) and not (
        re.search(r"\b(re-?run|hunt|dig|find|look|search)\b", said, re.IGNORECASE)
    )
