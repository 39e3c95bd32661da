"""Quotes, precharges and what a tenant's account says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data411_mcp.domain import ledger
from data411_mcp.domain.jobs import Job
from data411_mcp.domain.ledger import Balances, Transfer, TransferKind
from data411_mcp.domain.pricing import (
    CEILING_CENTS_MAX,
    CEILING_CENTS_MIN,
    SYNC_BUDGET_CENTS_MAX,
    PriceList,
    Quote,
    QuoteItem,
)
from data411_mcp.errors import BudgetTooLow, InsufficientBalance, InvalidArgument
from data411_mcp.services.ports import Clock, Store

VIRTUAL_BALANCE = "virtual_balance"
OFF = "off"
DOLLARS_MAX = 1_000_000
CREDITS_MAX = 100_000  # of one tenant, looked through for a reference that was used before


@dataclass(frozen=True)
class Cost:
    """What one job has cost its tenant so far, in cents."""

    billing_mode: str
    held: int
    charged: int
    refunds: tuple[tuple[str, str, int], ...]  # (item, reason, cents)
    balance: int


@dataclass(frozen=True)
class Accounts:
    """`charging` False: nothing is held or charged; vendor cost is still metered."""

    store: Store
    clock: Clock
    prices: PriceList
    charging: bool

    @property
    def billing_mode(self) -> str:
        return VIRTUAL_BALANCE if self.charging else OFF

    def quote(
        self,
        items: Sequence[QuoteItem],
        ceiling_cents: int | None,
        *,
        budget_cents: int | None = None,
        trues_up: bool = False,
    ) -> Quote:
        """The terms of a job: held is the ceiling if one was given, else the price. A budget in
        the payload lowers or sets it. Raises BudgetTooLow where it does not cover the price."""
        price = sum(i.cents for i in items)
        limits = [c for c in (ceiling_cents, budget_cents) if c is not None]
        ceiling = min(limits) if limits else price
        if ceiling < price:
            raise BudgetTooLow(
                f"This costs ${price / 100:.2f}; the ceiling is ${ceiling / 100:.2f}. "
                "Nothing was run or charged.",
                f"Call again with budget_usd, or bill_up_to_usd of a job, of at least "
                f"{price / 100:.2f}.",
                price_cents=price,
            )
        held = max(price, ceiling) if trues_up else price
        return Quote(
            items=tuple(items),
            ceiling_cents=held,
            slot_cents=self.prices.slot_cents,
            margin_percent=self.prices.margin_percent,
            trues_up=trues_up,
            stop_at_cents=held if trues_up and (limits or self.charging) else None,
        )

    def precharge(self, tenant: str, job_id: str, quote: Quote) -> Transfer | None:
        if not self.charging or quote.ceiling_cents <= 0:
            return None
        return ledger.precharge(tenant, job_id, quote.ceiling_cents)

    async def check_covered(self, tenant: str, quote: Quote) -> None:
        """Before something is given up for a job: what is refused leaves all as it was. Raises
        InsufficientBalance."""
        if not self.charging or quote.ceiling_cents <= 0:
            return
        balance = (await self.store.balances(tenant)).customer
        if balance < quote.ceiling_cents:
            raise InsufficientBalance(
                f"The balance of ${balance / 100:.2f} does not cover "
                f"${quote.ceiling_cents / 100:.2f}. Nothing was run or charged.",
                "get_account()",
            )

    async def cost_of(self, job: Job) -> Cost:
        posted = await self.store.transfers(job.tenant, job_id=job.id)
        taken = (TransferKind.CAPTURE, TransferKind.TRUE_UP)
        balances = await self.store.balances(job.tenant)
        return Cost(
            billing_mode=self.billing_mode,
            held=ledger.held_of(posted),
            charged=sum(t.cents for t in posted if t.kind in taken),
            refunds=tuple(
                (t.item, t.reason, t.cents) for t in posted if t.kind is TransferKind.REFUND
            ),
            balance=balances.customer,
        )

    async def credit(self, tenant: str, cents: int, reference: str, note: str) -> bool:
        """Put money on a tenant's account; False when this reference was credited before. Raises
        InvalidArgument when that was another amount."""
        transfer = Transfer(
            id=ledger.transfer_id(f"credit:{tenant}", reference, TransferKind.CREDIT),
            tenant=tenant,
            job_id="",
            item=reference,
            kind=TransferKind.CREDIT,
            cents=cents,
            reason=note,
        )
        if await self.store.post(transfer, at=self.clock.now()):
            return True
        credits = await self.store.transfers(tenant, job_id="", limit=CREDITS_MAX)
        if any(c.id == transfer.id and c.cents != cents for c in credits):
            raise InvalidArgument(
                "This reference was credited before, with another amount. Nothing was credited.",
                "Use a new --reference for another credit.",
            )
        return False

    async def balances(self, tenant: str) -> Balances:
        return await self.store.balances(tenant)


def ceiling_cents(usd: object, name: str = "bill_up_to_usd") -> int | None:
    """Dollars as a caller sends them, as whole cents within the allowed range. Raises
    InvalidArgument for text, NaN, and amounts outside $0.05 to $50.00."""
    return _cents(usd, name, CEILING_CENTS_MIN, CEILING_CENTS_MAX)


def sync_budget_cents(usd: object) -> int | None:
    """`budget_usd` of a synchronous call: at most $20."""
    return _cents(usd, "budget_usd", CEILING_CENTS_MIN, SYNC_BUDGET_CENTS_MAX)


def _cents(usd: object, name: str, low: int, high: int) -> int | None:
    if usd is None:
        return None
    number = isinstance(usd, int | float) and not isinstance(usd, bool)
    if isinstance(usd, int | float) and number and 0 <= usd <= DOLLARS_MAX:  # NaN is not
        cents = round(usd * 100)
        if low <= cents <= high and abs(usd * 100 - cents) < 1e-6:
            return cents
    raise InvalidArgument(
        f"{name} must be an amount in dollars from {low / 100:.2f} to {high / 100:.2f}, "
        "in whole cents.",
        f"Call again with {name} in that range, or leave it out.",
    )
