"""Double-entry ledger in whole cents: every transfer takes from one account and gives to another.

customer → held when a job is handed in; held → earned for what was found and proven; held →
customer for the rest, with a reason. A transfer's id is a hash of what it is for, so that posting
it again changes nothing. Pure values; the store applies them in the transaction of the job.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Account(StrEnum):
    """Each tenant has one of each; over all four the cents sum to zero."""

    BANK = "bank"  # where credit comes from: the only one that goes below zero
    CUSTOMER = "customer"
    HELD = "held"
    EARNED = "earned"


class TransferKind(StrEnum):
    CREDIT = "credit"  # bank → customer
    PRECHARGE = "precharge"  # customer → held
    CAPTURE = "capture"  # held → earned, one per item
    TRUE_UP = "true_up"  # held → earned, what vendors cost beyond the base
    REFUND = "refund"  # held → customer, one per item, with a reason
    RELEASE = "release"  # held → customer, what the ceiling left over


class RefundReason(StrEnum):
    NO_USABLE_ROWS = "no_usable_rows"  # the slot found nothing
    NO_USABLE_FIELDS = "no_usable_fields"  # the session found nothing
    VENDOR_UNAVAILABLE = "vendor_unavailable"
    DUPLICATE = "duplicate"  # it found only what was known
    UNPROVEN = "unproven"  # nothing of what it found could be proven
    CANCELLED = "cancelled"


_SIDES: Mapping[TransferKind, tuple[Account, Account]] = {
    TransferKind.CREDIT: (Account.BANK, Account.CUSTOMER),
    TransferKind.PRECHARGE: (Account.CUSTOMER, Account.HELD),
    TransferKind.CAPTURE: (Account.HELD, Account.EARNED),
    TransferKind.TRUE_UP: (Account.HELD, Account.EARNED),
    TransferKind.REFUND: (Account.HELD, Account.CUSTOMER),
    TransferKind.RELEASE: (Account.HELD, Account.CUSTOMER),
}


@dataclass(frozen=True, slots=True)
class Transfer:
    """`item` is a slot id, "session", or "" where the transfer is for the whole job. `reason` is
    a RefundReason, or the note of a credit."""

    id: str
    tenant: str
    job_id: str  # "" for a credit
    item: str
    kind: TransferKind
    cents: int
    reason: str = ""

    def __post_init__(self) -> None:
        if self.cents <= 0:
            raise ValueError("a transfer moves at least one cent")

    @property
    def debit(self) -> Account:
        return _SIDES[self.kind][0]

    @property
    def credit(self) -> Account:
        return _SIDES[self.kind][1]


def transfer_id(job_id: str, item: str, kind: TransferKind) -> str:
    """SHA-256 over job, item and kind, 40 hex characters."""
    return hashlib.sha256("\x1f".join((job_id, item, kind.value)).encode()).hexdigest()[:40]


def transfer(
    tenant: str, job_id: str, item: str, kind: TransferKind, cents: int, reason: str = ""
) -> Transfer:
    return Transfer(transfer_id(job_id, item, kind), tenant, job_id, item, kind, cents, reason)


@dataclass(frozen=True, slots=True)
class BillLine:
    """One item of a job: captured whole, or refunded whole for a reason."""

    item: str
    cents: int
    refund: RefundReason | None = None  # None: captured


@dataclass(frozen=True, slots=True)
class Bill:
    """How a job's precharge is to be settled. What neither a line nor the true-up takes is
    released."""

    lines: tuple[BillLine, ...] = ()
    true_up_cents: int = 0

    def __post_init__(self) -> None:
        # A transfer's id is made of job, item and kind: a second line would not be posted.
        if len({line.item for line in self.lines}) < len(self.lines):
            raise ValueError("an item stands on a bill once")

    @property
    def charged_cents(self) -> int:
        return self.true_up_cents + sum(line.cents for line in self.lines if line.refund is None)


def precharge(tenant: str, job_id: str, cents: int) -> Transfer:
    return transfer(tenant, job_id, "", TransferKind.PRECHARGE, cents)


def settle(tenant: str, job_id: str, held_cents: int, bill: Bill) -> tuple[Transfer, ...]:
    """The transfers that empty a job's hold: captures in the bill's order as far as the hold
    goes, then the true-up, then refunds, then the release of what is left. The sum is exactly
    `held_cents`: no job ever costs more than was held for it."""
    left = held_cents
    out: list[Transfer] = []

    def move(item: str, kind: TransferKind, cents: int, reason: str = "") -> None:
        nonlocal left
        cents = min(cents, left)
        if cents > 0:
            out.append(transfer(tenant, job_id, item, kind, cents, reason))
            left -= cents

    for line in bill.lines:
        if line.refund is None:
            move(line.item, TransferKind.CAPTURE, line.cents)
    move("", TransferKind.TRUE_UP, bill.true_up_cents)
    for line in bill.lines:
        if line.refund is not None:
            move(line.item, TransferKind.REFUND, line.cents, line.refund.value)
    move("", TransferKind.RELEASE, left)
    return tuple(out)


def refund_all(tenant: str, job_id: str, held_cents: int, reason: RefundReason) -> list[Transfer]:
    """A job that ends without a bill gives everything back."""
    if held_cents <= 0:
        return []
    return [transfer(tenant, job_id, "", TransferKind.REFUND, held_cents, reason.value)]


@dataclass(frozen=True, slots=True)
class Balances:
    """A tenant's accounts, in cents."""

    customer: int = 0
    held: int = 0
    earned: int = 0
    bank: int = 0

    @property
    def sum(self) -> int:
        return self.customer + self.held + self.earned + self.bank


@dataclass
class Book:
    """The ledger in memory: what every store must agree with."""

    posted: dict[str, Transfer] = field(default_factory=dict)
    accounts: dict[tuple[str, Account], int] = field(default_factory=dict)

    def post(self, transfers: Iterable[Transfer]) -> bool:
        """All or nothing; what is posted already is skipped. False when the customer's or the
        held account would go below zero."""
        new = [t for t in transfers if t.id not in self.posted]
        accounts = dict(self.accounts)
        for t in new:
            accounts[t.tenant, t.debit] = accounts.get((t.tenant, t.debit), 0) - t.cents
            accounts[t.tenant, t.credit] = accounts.get((t.tenant, t.credit), 0) + t.cents
        if any(cents < 0 for (_, a), cents in accounts.items() if a is not Account.BANK):
            return False
        self.accounts = accounts
        self.posted.update((t.id, t) for t in new)
        return True

    def balances(self, tenant: str) -> Balances:
        return Balances(*(self.accounts.get((tenant, a), 0) for a in _ORDER))


_ORDER: Sequence[Account] = (Account.CUSTOMER, Account.HELD, Account.EARNED, Account.BANK)


def held_of(transfers: Iterable[Transfer]) -> int:
    """Cents still held by the transfers of one job."""
    return sum(
        t.cents if t.credit is Account.HELD else -t.cents if t.debit is Account.HELD else 0
        for t in transfers
    )
