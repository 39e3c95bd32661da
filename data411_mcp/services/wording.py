"""What is done about the user's words: the slots a follow-up runs, and the call for one part."""

from __future__ import annotations

from data411_mcp.domain.calls import WORDS, spelled
from data411_mcp.domain.graph import Backfill
from data411_mcp.domain.wishes import Wish, open_slots, wish_of
from data411_mcp.services.payloads import SLOTS_RERUN


def partial_call(chat: str, backfill: Backfill | None, prompts: tuple[str, ...]) -> str | None:
    """The call for the one part that the words ask for, spelled out; None when they ask for
    everything. The words themselves are never repeated."""
    if not prompts or backfill is None:
        return None
    wish = wish_of(prompts, backfill)
    if wish.from_scratch or not wish.partial:
        return None
    if wish.finding:
        return finding_call(chat, wish)
    if len(wish.gaps) == 1 and wish.slots == (wish.gaps[0].slot,) and wish.gaps[0].call:
        return spelled(wish.gaps[0].call["tool"], wish.gaps[0].call["arguments"])
    if len(wish.slots) == 1 and not wish.open_slots:
        more = {"refresh_summary": True} if wish.summary else {}
        return spelled(
            "rerun_hunt_slot", {"chat_session_id": chat, "model_id": wish.slots[0]} | more
        )
    if wish.open_slots and not wish.slots:
        return look_at_slots(chat)
    if wish.slots and not wish.summary and set(wish.slots) <= set(open_slots(backfill)):
        payload = {"chat_session_id": chat, "model_ids": list(wish.slots)}
        return spelled("submit_enrich_job", route=SLOTS_RERUN, payload=payload)
    if wish.only_summary and wish.summary:
        return spelled("resynthesize_lead_graph", chat_session_id=chat, prompts=[WORDS])
    return spelled("enrich_lead_session", chat_session_id=chat, prompts=[WORDS])


def finding_call(chat: str, wish: Wish) -> str:
    """To look again at the finding that the words name; else to see which there are."""
    if wish.candidate is None:
        return spelled("get_lead_graph", chat_session_id=chat, section="unmerged")
    return spelled(
        "investigate_unmerged_finding", chat_session_id=chat, candidate_id=wish.candidate.id
    )


def look_at_slots(chat: str) -> str:
    return spelled("get_lead_graph", chat_session_id=chat, section="slots")


def named_slots(prompts: tuple[str, ...], backfill: Backfill) -> tuple[str, ...]:
    """The slots a follow-up runs; () where the words leave it open, or want nothing bought."""
    return wish_of(prompts, backfill).hunts or ()


def only_resynthesis(prompts: tuple[str, ...], backfill: Backfill | None = None) -> bool:
    """The words ask for a new summary of what is there, and for nothing that costs."""
    return wish_of(prompts, backfill).only_summary
