"""What a call costs before it runs (the quote) and after (the bill). Pure, whole cents.

A session has a base price with a true-up by vendor cost; a slot has one price; the ceiling is
what is held and never exceeded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from data411_mcp.domain.ledger import Bill, BillLine, RefundReason

SESSION = "session"  # the item of a whole session
CEILING_CENTS_MIN = 5
CEILING_CENTS_MAX = 5000
SYNC_BUDGET_CENTS_MAX = 2000


class PriceList(BaseModel):
    """Configuration; every amount in cents of a US dollar."""

    model_config = ConfigDict(frozen=True)

    session_cents: int = 150
    slot_cents: int = 35
    synthesis_cents: int = 0
    finding_cents: int = 0
    margin_percent: int = 130  # vendor cost × this is what the true-up goes by


class QuoteItem(BaseModel):
    model_config = ConfigDict(frozen=True)

    item: str  # slot id, or SESSION
    cents: int


class Quote(BaseModel):
    """Agreed when a job is handed in, and kept with it: later prices do not touch it."""

    model_config = ConfigDict(frozen=True)

    items: tuple[QuoteItem, ...] = ()
    ceiling_cents: int = 0  # held; the bill never exceeds it
    slot_cents: int = 35  # what a landed slot of a session that was cut short costs
    margin_percent: int = 130
    trues_up: bool = False  # a session: vendor cost beyond the base is charged up to the ceiling
    stop_at_cents: int | None = None  # no further slot begins once vendor cost is worth that

    @property
    def price_cents(self) -> int:
        return sum(i.cents for i in self.items)


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """What one item of a job came to."""

    proven: int  # statements newly proven
    added: int  # statements added, proven or not, and candidates held back
    findings: int
    state: str  # SlotState, or "" for a session
    cost_usd_micros: int = 0


def refund_reason(item: str, outcome: ItemOutcome | None) -> RefundReason | None:
    """Why an item is given back; None when it added something proven and is captured."""
    if outcome is None or outcome.state == "cancelled":
        return RefundReason.CANCELLED
    if outcome.proven > 0:
        return None
    if outcome.state in ("error", "pending", "running"):
        return RefundReason.VENDOR_UNAVAILABLE
    if item == SESSION and outcome.findings == 0:
        return RefundReason.NO_USABLE_FIELDS
    if outcome.findings == 0:
        return RefundReason.NO_USABLE_ROWS
    return RefundReason.UNPROVEN if outcome.added > 0 else RefundReason.DUPLICATE


def worth_cents(cost_usd_micros: int, quote: Quote) -> int:
    """Vendor cost with the margin, in whole cents, rounded up."""
    return -(-cost_usd_micros * quote.margin_percent // 1_000_000)


def bill_of(quote: Quote, outcomes: Mapping[str, ItemOutcome]) -> Bill:
    """Each item captured whole or refunded whole; the true-up only on a captured session."""
    lines = tuple(
        BillLine(i.item, i.cents, refund_reason(i.item, outcomes.get(i.item))) for i in quote.items
    )
    captured = sum(line.cents for line in lines if line.refund is None)
    true_up = 0
    if quote.trues_up and captured:
        cost = sum(o.cost_usd_micros for o in outcomes.values())
        true_up = max(0, min(worth_cents(cost, quote), quote.ceiling_cents) - captured)
    return Bill(lines, true_up)


def items_of(slots: Sequence[str], cents: int) -> tuple[QuoteItem, ...]:
    return tuple(QuoteItem(item=s, cents=cents) for s in slots)
