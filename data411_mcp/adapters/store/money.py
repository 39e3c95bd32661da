"""The ledger's transfers and balances, over named queries.

A transaction that posts first takes the tenant's row of `balances`: from there on nobody else
posts for that tenant, so that what was read of its ledger stays true until the commit. The
database itself refuses a negative balance, a negative hold and a sum that is not zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from data411_mcp.adapters.store.rows import columns, record
from data411_mcp.adapters.store.sql import Database, Row, Transaction, micros
from data411_mcp.domain import ledger
from data411_mcp.domain.ledger import Account, Balances, Bill, RefundReason, Transfer
from data411_mcp.errors import InsufficientBalance

TRANSFERS_OF_JOB_MAX = 10_000  # far more than a job has items


class MoneyTables:
    _db: Database

    async def post(self, transfer: Transfer, *, at: datetime) -> bool:
        async with self._db.transaction() as transaction:
            return await post_all(transaction, [transfer], at=at) == 1

    async def balances(self, tenant: str) -> Balances:
        rows = await self._db.read("balances", tenant=tenant)
        return record(Balances, rows[0]) if rows else Balances()

    async def transfers(
        self, tenant: str, *, job_id: str | None = None, limit: int = 100
    ) -> tuple[Transfer, ...]:
        if job_id is None:
            rows = await self._db.read("transfers", tenant=tenant, limit=limit)
        else:
            rows = await self._db.read(
                "transfers_of_job", tenant=tenant, job_id=job_id, limit=limit
            )
        return _transfers(rows)


async def post_all(transaction: Transaction, transfers: Iterable[Transfer], *, at: datetime) -> int:
    """Post those that are not posted yet; returns how many. Raises InsufficientBalance, and then
    the transaction must not be committed."""
    posted = 0
    for transfer in transfers:
        tenant = transfer.tenant
        await transaction.rows("lock_balances", tenant=tenant)
        if await transaction.rows("transfer", tenant=tenant, id=transfer.id):
            continue
        moved = await transaction.rows("move_cents", tenant=tenant, **_moves(transfer))
        if not moved:
            raise _insufficient(
                transfer, await transaction.rows("balances", tenant=transfer.tenant)
            )
        await transaction.changed(
            "insert_transfer", **columns(transfer), number=moved[0]["posted"], at=micros(at)
        )
        posted += 1
    return posted


async def settle_hold(
    transaction: Transaction,
    tenant: str,
    job_id: str,
    bill: Bill | None,
    *,
    without_bill: RefundReason,
    at: datetime,
) -> None:
    """Empty a job's hold by its bill; without one everything is given back. The caller has
    changed the job's row in this transaction, so nobody else settles it."""
    if await _held(transaction, tenant, job_id) <= 0:
        return
    await transaction.rows("lock_balances", tenant=tenant)
    held = await _held(transaction, tenant, job_id)
    if bill is None:
        await post_all(transaction, ledger.refund_all(tenant, job_id, held, without_bill), at=at)
    else:
        await post_all(transaction, ledger.settle(tenant, job_id, held, bill), at=at)


async def _held(transaction: Transaction, tenant: str, job_id: str) -> int:
    rows = await transaction.rows(
        "transfers_of_job", tenant=tenant, job_id=job_id, limit=TRANSFERS_OF_JOB_MAX
    )
    return ledger.held_of(_transfers(rows))


def _transfers(rows: Sequence[Row]) -> tuple[Transfer, ...]:
    return tuple(record(Transfer, row) for row in rows)


def _moves(transfer: Transfer) -> dict[str, int]:
    """Cents by account: below zero where they are taken."""
    moves = {account.value: 0 for account in Account}
    moves[transfer.debit.value] -= transfer.cents
    moves[transfer.credit.value] += transfer.cents
    return moves


def _insufficient(transfer: Transfer, rows: Sequence[Row]) -> InsufficientBalance:
    customer = int(rows[0]["customer"])
    return InsufficientBalance(
        f"The balance of ${customer / 100:.2f} does not cover ${transfer.cents / 100:.2f}. "
        "Nothing was run or charged.",
        "get_account()",
    )
