"""Jobs with leases, their checkpoints, slot requests and numbered events, over named queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from data411_mcp.adapters.store.sql import Database, Row, Transaction, micros, moment
from data411_mcp.domain.events import ProgressEvent
from data411_mcp.domain.jobs import Job, JobStatus, SlotRequest, SlotWish
from data411_mcp.errors import NotFound, StaleVersion


class JobTables:
    _db: Database

    async def add_job(self, job: Job) -> Job:
        async with self._db.transaction() as transaction:
            await transaction.changed(
                "insert_job",
                id=job.id,
                tenant=job.tenant,
                route=job.route,
                chat_session_id=job.chat_session_id,
                lead_key=job.lead_key,
                payload=job.payload,
                status=job.status.value,
                created_at=micros(job.created_at),
                updated_at=micros(job.updated_at),
                idempotency_key=job.idempotency_key,
                priority=job.priority,
                attempt=job.attempt,
                worker=job.worker,
                lease_until=None if job.lease_until is None else micros(job.lease_until),
                result=job.result,
                error=job.error,
                cancel_requested=int(job.cancel_requested),
            )
            rows = await transaction.rows(
                "job_by_key", tenant=job.tenant, idempotency_key=job.idempotency_key
            )
        return _job(rows)

    async def job(self, tenant: str, job_id: str) -> Job | None:
        rows = await self._db.read("job", tenant=tenant, id=job_id)
        return _job(rows) if rows else None

    async def jobs_of_chat(self, tenant: str, chat_session_id: str) -> tuple[Job, ...]:
        rows = await self._db.read("jobs_of_chat", tenant=tenant, chat_session_id=chat_session_id)
        return tuple(_job(list(group)) for _, group in groupby(rows, key=lambda row: row["id"]))

    async def jobs_to_scan(
        self, tenant: str, *, after: str = "", limit: int = 100
    ) -> tuple[Job, ...]:
        rows = await self._db.read("jobs_after", tenant=tenant, after=after, limit=limit)
        return tuple(_job(list(group)) for _, group in groupby(rows, key=lambda row: row["id"]))

    async def rewrite_job(
        self, tenant: str, job_id: str, *, payload: str, lead_key: str, expected: str
    ) -> bool:
        async with self._db.transaction() as transaction:
            rewritten = await transaction.rows(
                "rewrite_job",
                tenant=tenant,
                id=job_id,
                payload=payload,
                lead_key=lead_key,
                expected=expected,
            )
        return bool(rewritten)

    async def rewrite_event(self, tenant: str, job_id: str, event: ProgressEvent) -> None:
        async with self._db.transaction() as transaction:
            await transaction.changed(
                "rewrite_event",
                tenant=tenant,
                job_id=job_id,
                seq=event.seq,
                event=event.model_dump_json(),
            )

    async def claim_job(
        self, worker: str, *, now: datetime, lease_seconds: float, job_id: str | None = None
    ) -> Job | None:
        async with self._db.transaction() as transaction:
            claimed = await transaction.rows(
                "claim_job",
                worker=worker,
                now=micros(now),
                lease_until=micros(now + timedelta(seconds=lease_seconds)),
                job_id=job_id,
            )
            return await _reread(transaction, claimed)

    async def heartbeat(
        self, job_id: str, worker: str, *, now: datetime, lease_seconds: float
    ) -> Job | None:
        async with self._db.transaction() as transaction:
            alive = await transaction.rows(
                "heartbeat",
                id=job_id,
                worker=worker,
                lease_until=micros(now + timedelta(seconds=lease_seconds)),
            )
            return await _reread(transaction, alive)

    async def finish_job(
        self,
        job_id: str,
        worker: str,
        status: JobStatus,
        *,
        now: datetime,
        result: str | None = None,
        error: str | None = None,
    ) -> bool:
        async with self._db.transaction() as transaction:
            finished = await transaction.rows(
                "finish_job",
                id=job_id,
                worker=worker,
                status=status.value,
                result=result,
                error=error,
                now=micros(now),
            )
        return bool(finished)

    async def requeue_job(
        self,
        job_id: str,
        *,
        now: datetime,
        payload: str | None = None,
        worker: str | None = None,
    ) -> bool:
        query = "resume_job" if worker is None else "hand_back_job"
        holder = {} if worker is None else {"worker": worker}
        async with self._db.transaction() as transaction:
            queued = await transaction.rows(
                query, id=job_id, now=micros(now), payload=payload, **holder
            )
        return bool(queued)

    async def request_cancel(
        self, tenant: str, job_id: str, slot: str | None, *, now: datetime
    ) -> Job | None:
        if slot is not None:
            return await self._request(tenant, job_id, slot, SlotWish.CANCEL, now)
        async with self._db.transaction() as transaction:
            await transaction.changed("cancel_job", tenant=tenant, id=job_id, now=micros(now))
            return await _reread(transaction, [{"tenant": tenant, "id": job_id}])

    async def request_retry(
        self, tenant: str, job_id: str, slot: str, *, now: datetime
    ) -> Job | None:
        return await self._request(tenant, job_id, slot, SlotWish.RETRY, now)

    async def _request(
        self, tenant: str, job_id: str, slot: str, wish: SlotWish, now: datetime
    ) -> Job | None:
        """Of a final job nothing can be asked any more: it comes back as it is."""
        async with self._db.transaction() as transaction:
            counted = await transaction.rows(
                "count_slot_request", tenant=tenant, id=job_id, now=micros(now)
            )
            if counted:
                await transaction.changed(
                    "put_slot_request",
                    id=job_id,
                    slot=slot,
                    number=counted[0]["requests_made"],
                    wish=wish.value,
                )
            return await _reread(transaction, [{"tenant": tenant, "id": job_id}])

    async def checkpoint(
        self, job_id: str, step: str, outcome: str, *, now: datetime, settles: int | None = None
    ) -> None:
        async with self._db.transaction() as transaction:
            await transaction.changed(
                "put_checkpoint", job_id=job_id, step=step, outcome=outcome, now=micros(now)
            )
            if settles is not None:
                await transaction.changed("settle_slot_request", job_id=job_id, number=settles)

    async def checkpoints(self, job_id: str) -> Mapping[str, str]:
        rows = await self._db.read("checkpoints", job_id=job_id)
        return {row["step"]: row["outcome"] for row in rows}

    async def append_event(self, job_id: str, event: ProgressEvent) -> ProgressEvent:
        async with self._db.transaction() as transaction:
            # The job's row is the lock that makes numbering one at a time in every database.
            if not await transaction.rows("lock_job", job_id=job_id):
                raise NotFound("There is no such job.")
            last = await _last_seq(transaction, job_id)
            numbered = event.model_copy(update={"seq": last + 1})
            await _insert_event(transaction, job_id, numbered)
        return numbered

    async def append_events(
        self, job_id: str, worker: str, events: Sequence[ProgressEvent]
    ) -> None:
        async with self._db.transaction() as transaction:
            if not await transaction.rows("lock_held_job", job_id=job_id, worker=worker):
                raise StaleVersion("The job is in other hands now.")
            last = await _last_seq(transaction, job_id)
            for event in events:
                if event.seq > last + 1:
                    raise StaleVersion("An event before this one is missing.")
                if event.seq == last + 1:
                    await _insert_event(transaction, job_id, event)
                    last = event.seq

    async def last_event_seq(self, job_id: str) -> int:
        rows = await self._db.read("last_event_seq", job_id=job_id)
        return int(rows[0]["seq"])

    async def events(
        self, tenant: str, job_id: str, *, since: int, limit: int
    ) -> tuple[ProgressEvent, ...]:
        rows = await self._db.read("events", tenant=tenant, job_id=job_id, since=since, limit=limit)
        return tuple(ProgressEvent.model_validate_json(row["event"]) for row in rows)


async def _reread(transaction: Transaction, found: Sequence[Row]) -> Job | None:
    """The job a statement touched, with its slot requests."""
    if not found:
        return None
    rows = await transaction.rows("job", tenant=found[0]["tenant"], id=found[0]["id"])
    return _job(rows) if rows else None


async def _last_seq(transaction: Transaction, job_id: str) -> int:
    return int((await transaction.rows("last_event_seq", job_id=job_id))[0]["seq"])


async def _insert_event(transaction: Transaction, job_id: str, event: ProgressEvent) -> None:
    await transaction.changed(
        "insert_event", job_id=job_id, seq=event.seq, event=event.model_dump_json()
    )


def _job(rows: Sequence[Row]) -> Job:
    """One job from the rows of its join with its slot requests."""
    row = rows[0]
    requests = tuple(
        SlotRequest(asked["asked_number"], asked["asked_slot"], SlotWish(asked["asked_wish"]))
        for asked in rows
        if asked["asked_number"] is not None
    )
    lease_until = row["lease_until"]
    return Job(
        id=row["id"],
        tenant=row["tenant"],
        route=row["route"],
        chat_session_id=row["chat_session_id"],
        lead_key=row["lead_key"],
        payload=row["payload"],
        status=JobStatus(row["status"]),
        created_at=moment(row["created_at"]),
        updated_at=moment(row["updated_at"]),
        idempotency_key=row["idempotency_key"],
        priority=row["priority"],
        attempt=row["attempt"],
        worker=row["worker"],
        lease_until=None if lease_until is None else moment(lease_until),
        result=row["result"],
        error=row["error"],
        cancel_requested=bool(row["cancel_requested"]),
        slots_to_cancel=_wished(requests, SlotWish.CANCEL),
        slots_to_retry=_wished(requests, SlotWish.RETRY),
        slot_requests=requests,
    )


def _wished(requests: Sequence[SlotRequest], wish: SlotWish) -> tuple[str, ...]:
    return tuple(request.slot for request in requests if request.wish is wish)
