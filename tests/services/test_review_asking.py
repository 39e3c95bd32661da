"""What a refresh may be asked with, how the page quota is shared, and whose slot rows are kept."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.graph import Backfill, SlotRow, ToolTrace
from data411_mcp.domain.lead import Lead
from data411_mcp.domain.lead_binding import moved
from data411_mcp.domain.slots import AGENT, DEEP, DNS, FORGE, GROUND, SITE, SLOTS, SPAN, SWIFT
from data411_mcp.errors import RefreshNotPartial
from data411_mcp.services.page_quota import PageQuota
from data411_mcp.services.ports import SessionRow
from data411_mcp.services.requests import BoundSession, check_follow_up
from data411_mcp.services.run_graph import rebased
from data411_mcp.services.wording import named_slots
from tests.services.session_world import rows_of

LEAD = Lead(contact_id=7, company="Alder Pump Works", domain="alderpump.example",
            number1="(614) 555-0111", city="Columbus", state="OH")  # fmt: skip
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def graph(*rows: SlotRow) -> Backfill:
    return Backfill(
        chat_session_id="chat-1", lead=LEAD, tool_trace=ToolTrace(parallel_results=rows)
    )


def row(slot: str, state: str = "done", provider: str = "", findings: int = 0) -> SlotRow:
    return SlotRow(model_id=slot, label=SLOTS[slot].label, provider=provider, state=state,
                   findings=findings)  # fmt: skip


def ask_for_refresh(said: str, backfill: Backfill) -> None:
    from data411_mcp.domain.lead_input import lead_key

    stored = SessionRow("local", "chat-1", LEAD.model_dump_json(), "key", NOW, NOW, 1)
    bound = BoundSession("local", stored, LEAD, lead_key(LEAD), first=False)
    check_follow_up(bound, backfill, (said,), refresh=True, finished=True)


@pytest.mark.parametrize(
    "said",
    [
        "Rerun Hunt Forge, not all slots",
        "Start over with Hunt Forge only",
        "rerun all of Hunt Forge",
        "rerun hunt-forge",
        "Rerun the Site slot",
        "rerun the DNS slot",
        "Rerun the Site and DNS slots please",
        "rerun site",
        "Run slot DNS again",
        "slots-rerun",
        "do a slot-rerun",
        "findings-rerun",
        "please re-synthesize",
        "x-ai/grok-build-0.1",
        "ask GPT-6.1-Terra again",
        "Rerun Hunt Forge, not from scratch",
        "Hunt Deep again, but don't ignore the cache",
    ],
)
def test_a_refresh_that_asks_for_a_part_is_refused(said: str) -> None:
    with pytest.raises(RefreshNotPartial):
        ask_for_refresh(said, graph())


@pytest.mark.parametrize(
    "said",
    [
        "Rerun everything",
        "Start over please",
        "Rerun all slots",
        "From scratch, Hunt Forge too",
        "ignore the cache and run Hunt Deep with the rest",
        "Their web site is new, hunt again",
        "The agent was wrong: do it all again",
    ],
)
def test_a_refresh_that_asks_for_the_whole_passes(said: str) -> None:
    ask_for_refresh(said, graph())


def test_a_slot_is_named_by_the_model_it_last_ran_with() -> None:
    ran = graph(row(SWIFT, provider="vendor-x/swift-9"))
    assert named_slots(("ask swift-9 once more",), ran) == (SWIFT,)
    assert named_slots(("ask swift-9 once more",), graph()) == ()


def test_a_short_label_names_its_slot_beside_the_word_slot() -> None:
    assert named_slots(("Run the Site and DNS slots",), graph()) == (SITE, DNS)
    assert named_slots(("What does their site say about owners?",), graph()) == ()
    assert named_slots(("Rerun the agent slot",), graph()) == ()


# --- the rows of a graph that two wrote ------------------------------------------------------


def test_findings_submitted_during_a_run_keep_their_agent_row() -> None:
    ours = graph(row(SITE), row(FORGE, "running"), row(AGENT, findings=1))
    theirs = graph(row(SITE), row(AGENT, findings=3))
    rows = rows_of(rebased(ours, theirs))
    assert rows[AGENT].findings == 3
    assert rows[FORGE].state == "running"
    assert list(rows) == [SITE, FORGE, AGENT]


def test_our_own_slots_rows_are_the_newer_ones() -> None:
    rows = rows_of(rebased(graph(row(FORGE, "done", findings=2)), graph(row(FORGE, "running"))))
    assert rows[FORGE].state == "done"


# --- when a new export means another company --------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"company": "Other Pumps"},
        {"domain": "other.example"},
        {"number1": "(614) 555-0199"},
        {"city": "Dayton"},
        {"state": "IN"},
    ],
)
def test_another_company_domain_phone_or_place_moves_the_lead(change: dict[str, str]) -> None:
    assert moved(LEAD, LEAD.model_copy(update=change))


@pytest.mark.parametrize(
    "change",
    [
        {"dm_name": "Nora Alder"},
        {"zip": "43215"},
        {"number2": "(614) 555-0133"},
        {"company": "ALDER PUMP WORKS"},
        {"domain": "https://www.alderpump.example/"},
        {"number1": None},
    ],
)
def test_a_person_an_addition_or_another_spelling_does_not(change: dict[str, str]) -> None:
    assert not moved(LEAD, LEAD.model_copy(update=change))


# --- the page quota ---------------------------------------------------------------------------

PAID = (GROUND, SPAN, FORGE, SWIFT, DEEP)


def test_greedy_early_slots_leave_the_late_ones_their_share() -> None:
    quota = PageQuota(40)
    quota.reserve(PAID)
    site = sum(quota.take(SITE) for _ in range(30))
    read = {slot: sum(quota.take(slot) for _ in range(12)) for slot in PAID}
    assert site == 20
    assert read == dict.fromkeys(PAID, 4)


def test_what_a_slot_leaves_goes_to_the_others() -> None:
    quota = PageQuota(40)
    quota.reserve(PAID)
    for slot in (GROUND, SPAN, FORGE, SWIFT):
        quota.release(slot)
    assert sum(quota.take(DEEP) for _ in range(60)) == 40


@given(
    st.integers(0, 60),
    st.lists(st.sampled_from(PAID), unique=True),
    st.lists(st.tuples(st.sampled_from((*PAID, SITE)), st.booleans())),
)
def test_the_quota_is_never_exceeded_and_never_hoarded(
    total: int, reserved: list[str], calls: list[tuple[str, bool]]
) -> None:
    quota = PageQuota(total)
    quota.reserve(reserved)
    taken = 0
    for slot, done in calls:
        taken += quota.take(slot)
        if done:
            quota.release(slot)
    for slot in PAID:
        quota.release(slot)
    taken += sum(quota.take() for _ in range(total + 1))
    assert taken == total
