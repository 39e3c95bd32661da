"""The quote and the bill: whole cents, each item captured or given back, never above the
ceiling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.ledger import RefundReason
from data411_mcp.domain.pricing import (
    SESSION,
    ItemOutcome,
    Quote,
    QuoteItem,
    bill_of,
    items_of,
    refund_reason,
    worth_cents,
)

SLOT = "data411-hunt-forge"


def outcome(
    proven: int = 0, added: int = 0, findings: int = 0, state: str = "done", micros: int = 0
) -> ItemOutcome:
    return ItemOutcome(proven, added, findings, state, micros)


@pytest.mark.parametrize(
    ("item", "came_to", "reason"),
    [
        (SLOT, outcome(proven=1, added=1, findings=1), None),
        (SLOT, outcome(proven=1, findings=1, state="repetition"), None),
        (SLOT, outcome(added=2, findings=2), RefundReason.UNPROVEN),
        (SLOT, outcome(findings=3, state="repetition"), RefundReason.DUPLICATE),
        (SLOT, outcome(), RefundReason.NO_USABLE_ROWS),
        (SESSION, outcome(state=""), RefundReason.NO_USABLE_FIELDS),
        (SLOT, outcome(state="error"), RefundReason.VENDOR_UNAVAILABLE),
        (SLOT, outcome(state="pending"), RefundReason.VENDOR_UNAVAILABLE),
        (SLOT, outcome(proven=5, state="cancelled"), RefundReason.CANCELLED),
        (SLOT, None, RefundReason.CANCELLED),
    ],
)
def test_an_item_is_given_back_for_the_reason_that_fits(
    item: str, came_to: ItemOutcome | None, reason: RefundReason | None
) -> None:
    assert refund_reason(item, came_to) is reason


@pytest.mark.parametrize(("micros", "cents"), [(0, 0), (1, 1), (10_000, 2), (1_000_000, 130)])
def test_vendor_cost_is_worth_its_margin_rounded_up(micros: int, cents: int) -> None:
    assert worth_cents(micros, Quote(margin_percent=130)) == cents


def test_only_a_session_that_is_paid_for_is_trued_up() -> None:
    base = (QuoteItem(item=SESSION, cents=150),)
    quote = Quote(items=base, ceiling_cents=400, trues_up=True)
    dear = outcome(proven=1, added=1, findings=1, state="", micros=2_000_000)
    assert bill_of(quote, {SESSION: dear}).true_up_cents == 110
    assert (
        bill_of(quote.model_copy(update={"ceiling_cents": 200}), {SESSION: dear}).charged_cents
        == 200
    )
    assert (
        bill_of(quote.model_copy(update={"trues_up": False}), {SESSION: dear}).charged_cents == 150
    )
    unproven = outcome(added=1, findings=1, state="", micros=2_000_000)
    assert bill_of(quote, {SESSION: unproven}).charged_cents == 0


counts = st.integers(0, 20)
outcomes = st.builds(
    ItemOutcome,
    counts, counts, counts,
    st.sampled_from(["done", "error", "cancelled", "repetition", "pending", "running", ""]),
    st.integers(0, 100_000_000),
)  # fmt: skip
SLOTS = ("a", "b", "c", SESSION)


@given(
    items=st.lists(st.sampled_from(SLOTS), unique=True),
    cents=st.integers(0, 500),
    room=st.integers(0, 3_000),
    trues_up=st.booleans(),
    came_to=st.dictionaries(st.sampled_from(SLOTS), outcomes),
)
def test_a_bill_never_exceeds_the_ceiling_and_charges_nothing_without_a_match(
    items: list[str], cents: int, room: int, trues_up: bool, came_to: dict[str, ItemOutcome]
) -> None:
    quoted = items_of(items, cents)
    price = sum(i.cents for i in quoted)
    quote = Quote(items=quoted, ceiling_cents=price + room, trues_up=trues_up)
    bill = bill_of(quote, came_to)
    assert 0 <= bill.charged_cents <= quote.ceiling_cents
    assert [line.item for line in bill.lines] == items
    for line in bill.lines:
        matched = line.item in came_to and came_to[line.item].proven > 0
        assert line.refund is not None or matched
    if all(line.refund is not None for line in bill.lines):
        assert bill.charged_cents == 0
