"""What a lead session is asked, and the checks before anything runs: binding and the checklist."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel, ConfigDict

from data411_mcp.domain.calls import WORDS, spelled
from data411_mcp.domain.graph import Backfill, Notice
from data411_mcp.domain.lead import Lead, LeadKey
from data411_mcp.domain.lead_binding import NewExport, Refused, Restored, bind, moved
from data411_mcp.domain.lead_input import lead_key, parse_lead
from data411_mcp.domain.wishes import wish_of
from data411_mcp.errors import (
    ChatSessionRequired,
    InvalidArgument,
    MultiLeadRefused,
    NotFound,
    PromptsRequired,
    RefreshNotPartial,
    SlotNotRerunnable,
)
from data411_mcp.services.forgetting import Tombstones
from data411_mcp.services.ports import Clock, SessionRow, Store
from data411_mcp.services.wording import finding_call, look_at_slots, partial_call

PROMPTS_MAX = 20
PROMPT_CHARS_MAX = 4000
CHAT_ID_MAX = 128
_CHAT_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


NOBODY = Tombstones(b"", frozenset())


class SessionRequest(BaseModel):
    """The payload of an `enrich/lead-session` job. `lead` is the lead as bound; `digest` is equal
    for a client's retry of the same request."""

    model_config = ConfigDict(frozen=True)

    lead: Lead
    prompts: tuple[str, ...] = ()
    refresh: bool = False
    identity_choice: str | None = None
    follow_up: bool = False
    slots: tuple[str, ...] = ()  # of a follow-up: chosen and priced when it was handed in
    export: int = 0  # how many leads the chat had before this one; 0: no new export
    digest: str = ""


class PartialRequest(SessionRequest):
    """The payload of the other routes' jobs: some slots again, a resynthesis, one finding."""

    follow_up: bool = True
    refresh_summary: bool = False
    candidate_id: str | None = None


@dataclass(frozen=True)
class BoundSession:
    """A chat and its lead, after binding. `row` is as stored, except that it has the lead of a new
    export, which `take_export` stores once nothing can refuse the call any more. `export` is how
    many leads the chat has had by then; 0 without a new one. `opens`: the chat is new and has an
    id of ours; it is stored together with its first job, so that a refused call leaves none."""

    tenant: str
    row: SessionRow
    lead: Lead
    key: LeadKey
    first: bool
    notices: tuple[Notice, ...] = field(default=())
    export: int = 0
    opens: bool = False


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
    of the erased is left out. Without a chat a new one is opened, which its first job stores.

    Raises InvalidLead, MultiLeadRefused, ChatSessionRequired, NotFound.
    """
    if chat_session_id is not None:
        check_chat_id(chat_session_id)
        row = await store.session(tenant, chat_session_id)
        if row is not None:
            return await _follow_up(store, row, raw_lead, erased, crm_export=crm_export)
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
            raise hunted_elsewhere(live)
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
    if chat_session_id is None:
        return BoundSession(tenant, wanted, lead, key, first=True, opens=True)
    row = await store.bind(wanted)
    if row.lead != wanted.lead:  # another caller was first
        return await _follow_up(store, row, raw_lead, erased, crm_export=crm_export)
    return BoundSession(tenant, row, lead, key, first=row.version == 0)


async def _follow_up(
    store: Store, row: SessionRow, raw_lead: Mapping[str, Any] | None,
    erased: Tombstones, *, crm_export: bool,
) -> BoundSession:  # fmt: skip
    bound = Lead.model_validate_json(row.lead)
    notices: list[Notice] = []
    export = 0
    if raw_lead is not None:
        supplied = erased.without_person(parse_lead(raw_lead, follow_up=True))
        outcome = bind(bound, supplied, crm_export=crm_export)
        if isinstance(outcome, Refused):
            raise MultiLeadRefused(
                "Same chat, different lead: this chat is bound to "
                f"{_describe(bound)}. Nothing was run or charged.",
                f"To go on with it, call {_with_bound(bound, row.chat_session_id)}; to open a new "
                "chat for the other lead, leave out chat_session_id.",
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
            choice = None if moved(bound, supplied) else row.identity_choice
            row = replace(row, lead=supplied.model_dump_json(), lead_key=lead_key(supplied).text,
                          identity_choice=choice)  # fmt: skip
            bound = supplied
            export = 1 + len(await store.lead_history(row.tenant, row.chat_session_id))
    return BoundSession(
        row.tenant, row, bound, lead_key(bound), first=row.version == 0, notices=tuple(notices),
        export=export,
    )  # fmt: skip


async def take_export(
    store: Store, clock: Clock, tenant: str, chat_session_id: str, lead: Lead, export: int
) -> None:
    """Make a new export the chat's lead; doing it twice changes nothing."""
    row = await store.session(tenant, chat_session_id)
    if row is None or not export:
        return
    if len(await store.lead_history(tenant, chat_session_id)) >= export:
        return
    before = Lead.model_validate_json(row.lead)
    if moved(before, lead) and row.identity_choice is not None:
        # Before the lead: a choice was made among companies of the lead as it was.
        await store.set_identity_choice(tenant, chat_session_id, None, clock.now())
    await store.replace_lead(
        tenant, chat_session_id, lead.model_dump_json(), lead_key(lead).text, clock.now()
    )


def _describe(lead: Lead) -> str:
    """Ids and the pasted name: the caller's own words, cut short."""
    parts = [f"contact_id {lead.contact_id}" if lead.contact_id is not None else "",
             f'company "{lead.company[:60]}"' if lead.company else "",
             f"domain {lead.domain[:60]}" if lead.domain else ""]  # fmt: skip
    return ", ".join(p for p in parts if p) or "a lead without company or domain"


def _with_bound(bound: Lead, chat: str) -> str:
    """The follow-up that names the bound lead, by its id where it has one."""
    lead = {} if bound.contact_id is None else {"lead": {"contact_id": bound.contact_id}}
    return spelled("enrich_lead_session", {"chat_session_id": chat} | lead, prompts=[WORDS])


def hunted_elsewhere(chat_session_id: str) -> ChatSessionRequired:
    call = spelled("enrich_lead_session", chat_session_id=chat_session_id)
    return ChatSessionRequired(
        "This lead is being hunted in another chat right now.", f"Call {call} to join it."
    )


def check_follow_up(
    bound: BoundSession,
    backfill: Backfill | None,
    prompts: tuple[str, ...],
    *,
    refresh: bool,
    finished: bool,
) -> None:
    """The agent checklist; `finished` when a run of this chat has come to its end. Raises
    PromptsRequired, RefreshNotPartial, InvalidArgument (one finding is meant) or
    SlotNotRerunnable (no slot is open), each with the call to make."""
    chat = bound.row.chat_session_id
    if refresh:
        call = partial_call(chat, backfill, prompts)
        if call is not None:
            raise RefreshNotPartial(
                "refresh: true runs every slot from zero; this asks for one part.", f"Call {call}."
            )
        return
    if finished and not prompts:
        ask = spelled("enrich_lead_session", chat_session_id=chat, prompts=[WORDS])
        read = spelled("get_lead_graph", chat_session_id=chat)
        raise PromptsRequired(
            "A follow-up needs the user's words.", f"Call {ask}. To read what is there, {read}."
        )
    if finished:
        _check_words(chat, backfill, prompts)


def _check_words(chat: str, backfill: Backfill | None, prompts: tuple[str, ...]) -> None:
    """What a follow-up cannot do, or would do for nothing."""
    wish = wish_of(prompts, backfill)
    if wish.finding and not wish.slots:
        raise InvalidArgument(
            "A held-back finding is investigated by its own call. Nothing was run or charged.",
            f"Call {finding_call(chat, wish)}.",
        )
    if wish.open_slots and not wish.slots:
        raise SlotNotRerunnable(
            "No slot of this chat is pending or failed. Nothing was run or charged.",
            f"Call {look_at_slots(chat)}.",
        )
