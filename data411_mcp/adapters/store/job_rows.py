"""A job as it is stored: its row, joined with its slot requests."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from data411_mcp.adapters.store.rows import record
from data411_mcp.adapters.store.sql import Row, Transaction
from data411_mcp.domain.jobs import Job, SlotRequest, SlotWish


def jobs_of(rows: Sequence[Row]) -> tuple[Job, ...]:
    """The jobs of a join, in its order; the rows of one job follow one another."""
    return tuple(job_of(list(group)) for _, group in groupby(rows, key=lambda row: row["id"]))


def first_job(rows: Sequence[Row]) -> Job | None:
    return job_of(rows) if rows else None


async def reread(transaction: Transaction, touched: Sequence[Row]) -> Job | None:
    """The job that a statement touched, with its slot requests."""
    if not touched:
        return None
    rows = await transaction.rows("job", tenant=touched[0]["tenant"], id=touched[0]["id"])
    return first_job(rows)


def job_of(rows: Sequence[Row]) -> Job:
    requests = tuple(
        SlotRequest(row["asked_number"], row["asked_slot"], SlotWish(row["asked_wish"]))
        for row in rows
        if row["asked_number"] is not None
    )
    return record(
        Job,
        rows[0],
        slot_requests=requests,
        slots_to_cancel=_wished(requests, SlotWish.CANCEL),
        slots_to_retry=_wished(requests, SlotWish.RETRY),
    )


def _wished(requests: Sequence[SlotRequest], wish: SlotWish) -> tuple[str, ...]:
    return tuple(request.slot for request in requests if request.wish is wish)
