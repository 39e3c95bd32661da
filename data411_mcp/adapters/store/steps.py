"""What a job's work leaves behind as it goes: checkpoints and numbered events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from data411_mcp.adapters.store.sql import Database, Row, Transaction, micros
from data411_mcp.domain.events import ProgressEvent
from data411_mcp.errors import NotFound, StaleVersion
from data411_mcp.services.ports import Standing


class StepTables:
    _db: Database

    async def checkpoint(
        self,
        job_id: str,
        step: str,
        outcome: str,
        *,
        now: datetime,
        settles: int | None = None,
        worker: str | None = None,
    ) -> None:
        row: dict[str, Any] = {
            "job_id": job_id,
            "step": step,
            "outcome": outcome,
            "now": micros(now),
        }
        query = "put_checkpoint"
        if worker is not None:
            query, row["worker"] = "put_held_checkpoint", worker
        if settles is None:
            if not await self._db.write(query, **row):
                raise _in_other_hands()
            return
        async with self._db.transaction() as transaction:
            if not await transaction.rows(query, **row):
                raise _in_other_hands()
            await transaction.changed("settle_slot_request", job_id=job_id, number=settles)

    async def checkpoints(self, job_id: str) -> Mapping[str, str]:
        rows = await self._db.read("checkpoints", job_id=job_id)
        return {row["step"]: row["outcome"] for row in rows}

    async def standing(self, job_id: str) -> Standing:
        rows = await self._db.read("standing", job_id=job_id)
        if not rows:
            return Standing()
        return Standing(
            asked=bool(rows[0]["cancel_requested"] or rows[0]["requests_made"]),
            last_seq=int(rows[0]["seq"]),
            checkpoints={row["step"]: row["outcome"] for row in rows if row["step"] is not None},
        )

    async def append_event(self, job_id: str, event: ProgressEvent) -> ProgressEvent:
        async with self._db.transaction() as transaction:
            # The job's row is the lock that makes numbering one at a time in every database.
            locked, last = await transaction.each(
                ("lock_job", {"job_id": job_id}), ("last_event_seq", {"job_id": job_id})
            )
            if not locked:
                raise NotFound("There is no such job.")
            numbered = event.model_copy(update={"seq": _seq(last) + 1})
            await _insert_events(transaction, job_id, [numbered])
        return numbered

    async def append_events(
        self, job_id: str, worker: str, events: Sequence[ProgressEvent]
    ) -> None:
        async with self._db.transaction() as transaction:
            locked, last = await transaction.each(
                ("lock_held_job", {"job_id": job_id, "worker": worker}),
                ("last_event_seq", {"job_id": job_id}),
            )
            if not locked:
                raise _in_other_hands()
            await _append_after(transaction, job_id, _seq(last), events)

    async def last_event_seq(self, job_id: str) -> int:
        return _seq(await self._db.read("last_event_seq", job_id=job_id))

    async def events(
        self, tenant: str, job_id: str, *, since: int, limit: int
    ) -> tuple[ProgressEvent, ...]:
        rows = await self._db.read("events", tenant=tenant, job_id=job_id, since=since, limit=limit)
        return tuple(ProgressEvent.model_validate_json(row["event"]) for row in rows)

    async def rewrite_event(self, tenant: str, job_id: str, event: ProgressEvent) -> None:
        async with self._db.transaction() as transaction:
            await transaction.changed(
                "rewrite_event",
                tenant=tenant,
                job_id=job_id,
                seq=event.seq,
                event=event.model_dump_json(),
            )


def _in_other_hands() -> StaleVersion:
    return StaleVersion("The job is in other hands now.")


async def append(transaction: Transaction, job_id: str, events: Sequence[ProgressEvent]) -> None:
    """Numbered events of a job whose row the transaction has locked. Raises StaleVersion."""
    if events:
        last = await transaction.rows("last_event_seq", job_id=job_id)
        await _append_after(transaction, job_id, _seq(last), events)


async def _append_after(
    transaction: Transaction, job_id: str, last: int, events: Sequence[ProgressEvent]
) -> None:
    new: list[ProgressEvent] = []
    for event in events:
        if event.seq > last + 1:
            raise StaleVersion("An event before this one is missing.")
        if event.seq == last + 1:
            new.append(event)
            last = event.seq
    await _insert_events(transaction, job_id, new)


def _seq(rows: Sequence[Row]) -> int:
    return int(rows[0]["seq"])


async def _insert_events(
    transaction: Transaction, job_id: str, events: Sequence[ProgressEvent]
) -> None:
    rows = [{"job_id": job_id, "seq": e.seq, "event": e.model_dump_json()} for e in events]
    await transaction.many("insert_event", rows)
