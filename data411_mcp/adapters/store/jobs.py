"""Jobs from the queue to their end, with leases, over named queries. What ends a job settles its
money and leaves its callback in the same transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from data411_mcp.adapters.store.job_rows import first_job, job_of, jobs_of, reread
from data411_mcp.adapters.store.money import post_all, settle_hold
from data411_mcp.adapters.store.rows import columns
from data411_mcp.adapters.store.sql import Database, Row, Transaction, indexable, micros
from data411_mcp.adapters.store.steps import append
from data411_mcp.domain.events import ProgressEvent
from data411_mcp.domain.jobs import BATCH, FINAL, Job, JobStatus, SlotWish
from data411_mcp.domain.ledger import Bill, RefundReason, Transfer
from data411_mcp.errors import ChatBusy, StoreBusy
from data411_mcp.services.ports import SessionRow

INSERTS_MAX = 5


class JobTables:
    _db: Database

    async def add_job(
        self, job: Job, *, precharge: Transfer | None = None, opens: SessionRow | None = None
    ) -> Job:
        opener = None if job.opener_key is None else indexable(job.opener_key)
        row = columns(job) | {"opener_key": opener}
        async with self._db.transaction() as transaction:
            for _ in range(INSERTS_MAX):
                if inserted := await transaction.rows("insert_job", **row):
                    if opens is not None:
                        await transaction.changed("insert_session", **columns(opens))
                    if precharge is not None:
                        await post_all(transaction, [precharge], at=job.created_at)
                    return job_of(inserted)
                # Where writers run side by side the job in the way may end before it is read.
                if found := await _in_the_way(transaction, job, opener):
                    return found
        raise StoreBusy("The job could not be queued.", "Try again in a moment.")

    async def job(self, tenant: str, job_id: str) -> Job | None:
        return first_job(await self._db.read("job", tenant=tenant, id=job_id))

    async def jobs_of_chat(self, tenant: str, chat_session_id: str) -> tuple[Job, ...]:
        rows = await self._db.read("jobs_of_chat", tenant=tenant, chat_session_id=chat_session_id)
        return jobs_of(rows)

    async def jobs_of_progress_key(self, tenant: str, progress_key: str) -> tuple[Job, ...]:
        rows = await self._db.read("jobs_of_progress_key", tenant=tenant, progress_key=progress_key)
        return jobs_of(rows)

    async def job_by_poll_bearer(self, sha256: str) -> Job | None:
        return first_job(await self._db.read("job_by_poll_bearer", sha256=sha256))

    async def jobs_to_scan(
        self, tenant: str, *, after: str = "", limit: int = 100
    ) -> tuple[Job, ...]:
        rows = await self._db.read("jobs_after", tenant=tenant, after=after, limit=limit)
        return jobs_of(rows)

    async def rewrite_job(
        self,
        tenant: str,
        job_id: str,
        *,
        payload: str,
        lead_key: str,
        expected: str,
        result: str | None = None,
    ) -> bool:
        async with self._db.transaction() as transaction:
            rewritten = await transaction.rows(
                "rewrite_job",
                tenant=tenant,
                id=job_id,
                payload=payload,
                lead_key=lead_key,
                expected=expected,
                result=result,
            )
        return bool(rewritten)

    async def claim_job(
        self,
        worker: str,
        *,
        now: datetime,
        lease_seconds: float,
        job_id: str | None = None,
        tenant_jobs_max: int | None = None,
        priority_min: int = BATCH,
        ours: Collection[str] = (),
    ) -> Job | None:
        claim: dict[str, Any] = {
            "worker": worker,
            "now": micros(now),
            "lease_until": micros(now + timedelta(seconds=lease_seconds)),
            "tenant_jobs_max": tenant_jobs_max,
            "ours": "".join(f" {held} " for held in ours),
        }
        # Not durable: what the worker stores after its claim is on the disk only together with it.
        # Alone: else two could each see the tenant's last place free.
        alone = None if tenant_jobs_max is None else "claim_job"
        if job_id is None:
            query, claim = "claim_job", claim | {"priority_min": priority_min}
        else:
            query, claim = "claim_this_job", claim | {"job_id": job_id}
        return await self._whole(await self._db.write(query, durable=False, alone=alone, **claim))

    async def claimable_jobs(
        self, *, now: datetime, limit: int, priority_min: int = BATCH, skip: int = 0
    ) -> tuple[Job, ...]:
        """Whether a tenant has its share of running jobs is not looked at."""
        rows = await self._db.read(
            "claimable_jobs", now=micros(now), limit=limit, skip=skip, priority_min=priority_min
        )
        return jobs_of(rows)

    async def lapsed_jobs(self, *, now: datetime, limit: int) -> tuple[Job, ...]:
        return jobs_of(await self._db.read("lapsed_jobs", now=micros(now), limit=limit))

    async def heartbeat(
        self, job_id: str, worker: str, *, now: datetime, lease_seconds: float
    ) -> Job | None:
        lease_until = micros(now + timedelta(seconds=lease_seconds))
        return await self._whole(
            await self._db.write(
                "heartbeat", durable=False, id=job_id, worker=worker, lease_until=lease_until
            )
        )

    async def _whole(self, touched: Sequence[Row]) -> Job | None:
        """The job whose row a statement returned, with its slot requests where there were any."""
        if not touched or not touched[0]["requests_made"]:
            return first_job(touched)
        return await self.job(touched[0]["tenant"], touched[0]["id"])

    async def finish_job(
        self,
        job_id: str,
        worker: str,
        status: JobStatus,
        *,
        now: datetime,
        result: str | None = None,
        error: str | None = None,
        bill: Bill | None = None,
        events: Sequence[ProgressEvent] = (),
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
            for row in finished:
                await append(transaction, job_id, events)
                await after_end(transaction, row, at=now, bill=bill)
        return bool(finished)

    async def requeue_job(
        self,
        job_id: str,
        *,
        now: datetime,
        payload: str | None = None,
        worker: str | None = None,
        run_after: datetime | None = None,
        precharge: Transfer | None = None,
    ) -> bool:
        job = {"id": job_id, "now": micros(now), "payload": payload}
        again_at = None if run_after is None else micros(run_after)
        async with self._db.transaction() as transaction:
            if worker is None:
                queued = await transaction.rows("resume_job", **job)
                if queued and precharge is not None:
                    await post_all(transaction, [precharge], at=now)
            else:
                queued = await transaction.rows(
                    "hand_back_job", **job, worker=worker, run_after=again_at
                )
        return bool(queued)

    async def request_cancel(
        self, tenant: str, job_id: str, slot: str | None, *, now: datetime
    ) -> Job | None:
        if slot is not None:
            return await self._request(tenant, job_id, slot, SlotWish.CANCEL, now)
        async with self._db.transaction() as transaction:
            for row in await transaction.rows(
                "cancel_job", tenant=tenant, id=job_id, now=micros(now)
            ):
                await after_end(transaction, row, at=now)
            return await reread(transaction, [{"tenant": tenant, "id": job_id}])

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
            return await reread(transaction, [{"tenant": tenant, "id": job_id}])


async def after_end(
    transaction: Transaction, row: Row, *, at: datetime, bill: Bill | None = None
) -> None:
    """What the end of a job brings with it; nothing while it is not final. `row` is what the
    statement that changed the status returned."""
    status = JobStatus(row["status"])
    if status not in FINAL:
        return
    cancelled = status is JobStatus.CANCELLED
    if row["charged"]:
        await settle_hold(
            transaction,
            row["tenant"],
            row["id"],
            bill,
            without_bill=RefundReason.CANCELLED if cancelled else RefundReason.VENDOR_UNAVAILABLE,
            at=at,
        )
    if row["callback_url"] is not None:
        await transaction.changed(
            "insert_callback",
            job_id=row["id"],
            tenant=row["tenant"],
            url=row["callback_url"],
            now=micros(at),
        )


async def _in_the_way(transaction: Transaction, job: Job, opener: str | None) -> Job | None:
    """The job that has this one's idempotency key. Raises ChatBusy where another one is live."""
    same = await transaction.rows(
        "job_by_key", tenant=job.tenant, idempotency_key=job.idempotency_key
    )
    if same:
        return job_of(same)
    rivals = await transaction.rows(
        "live_rival",
        tenant=job.tenant,
        chat_session_id=job.chat_session_id,
        opener_key=opener,
    )
    if not rivals:
        return None
    in_this_chat = job.chat_session_id and rivals[0]["chat_session_id"] == job.chat_session_id
    what = "chat" if in_this_chat else "lead"
    raise ChatBusy(
        f"Another run of this {what} is under way. Nothing was run or charged.",
        f'wait_enrich_job(job_id="{rivals[0]["id"]}")',
    )
