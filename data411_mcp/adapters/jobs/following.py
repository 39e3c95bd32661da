"""What callers do with jobs, wherever those run: submit, follow, cancel, retry a slot, resume.

A job that this process holds is followed from memory; any other by looking at the store.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod

import anyio

from data411_mcp.adapters.jobs.attempts import Attempts
from data411_mcp.adapters.jobs.endings import CANCELLED_REASON
from data411_mcp.adapters.jobs.held import LANDED, HeldJob
from data411_mcp.domain.calls import spelled
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.domain.ledger import Transfer
from data411_mcp.errors import NotFound, SlotNotRerunnable
from data411_mcp.services.ports import Clock, Emit, SessionRow, Store

POLL_SECONDS = 0.15  # how often a follower reads the store about another process's job
HEARD_SECONDS = 1.0  # how long a retry waits for the work of this process to hear of it
EVENTS_PER_READ = 200


class FollowedJobs(ABC):
    """The part of the `JobRunner` port that has nothing to do with who runs the jobs."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        attempts: Attempts,
        *,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._poll_seconds = poll_seconds
        self._store = store
        self._clock = clock
        self._attempts = attempts
        self._held = attempts.held

    @abstractmethod
    async def _queued(self, job: Job) -> None:
        """A job has just been queued: have it run soon. Must not fail."""

    async def _hurried(self, job: Job) -> None:
        """A job that waits for its next attempt is to be looked at now. Must not fail."""
        await self._queued(job)

    @abstractmethod
    def _asked(self, job_id: str) -> None:
        """Something was asked of a job that perhaps another process runs: a queue may tell it."""

    async def submit(
        self, job: Job, *, precharge: Transfer | None = None, opens: SessionRow | None = None
    ) -> Job:
        added = await self._store.add_job(job, precharge=precharge, opens=opens)
        if added.status is JobStatus.QUEUED:
            await self._queued(added)
        return added

    async def wait(
        self, tenant: str, job_id: str, *, seconds: float, emit: Emit | None = None, since: int = 0
    ) -> Job:
        job, since = await self._catch_up(tenant, job_id, emit, since)
        with self._held.followed(job_id), anyio.move_on_after(seconds):
            while True:
                # Taken before the state is read: no change is missed.
                news = self._held.news(job_id)
                held = self._held.of(tenant, job_id)
                if held is not None:
                    since = await self._follow(held, emit, since)
                    continue
                job, since = await self._catch_up(tenant, job_id, emit, since)
                if job.final or job.status is JobStatus.WAITING:
                    return job
                with anyio.move_on_after(self._poll_seconds):
                    await news.wait()
        return await self._known(tenant, job_id)

    async def cancel(self, tenant: str, job_id: str, slot: str | None = None) -> Job:
        job = await self._store.request_cancel(tenant, job_id, slot, now=self._clock.now())
        heeded = self._heeded(tenant, job_id, job)
        if slot is None and heeded.status is JobStatus.QUEUED:
            await self._hurried(heeded)  # a worker closes and bills what was done of it
        if slot is None and heeded.status is JobStatus.CANCELLED:
            await self._attempts.close(heeded, JobStatus.CANCELLED, CANCELLED_REASON)
        return heeded

    async def retry_slot(self, tenant: str, job_id: str, slot: str) -> Job:
        """Of a job that another process runs, a slot that lands in the very moment between the
        look and the wish stays landed, and nobody is told."""
        held = self._held.of(tenant, job_id)
        known = await self._known(tenant, job_id)
        if not known.final and await self._landed(held, known, slot):
            raise _slot_landed(known, slot)
        asked = await self._store.request_retry(tenant, job_id, slot, now=self._clock.now())
        job = self._heeded(tenant, job_id, asked)
        if job.final:
            anew = spelled("rerun_hunt_slot", chat_session_id=job.chat_session_id, model_id=slot)
            raise SlotNotRerunnable("The job of this slot is over.", f"Call {anew}.")
        numbers = [r.number for r in job.slot_requests if r.slot == slot]
        if held is not None and numbers:
            with anyio.move_on_after(HEARD_SECONDS):
                await held.heard(numbers[-1])
            if held.refused(numbers[-1]):
                raise _slot_landed(job, slot)
        return job

    async def resume(
        self,
        tenant: str,
        job_id: str,
        payload: str | None = None,
        *,
        precharge: Transfer | None = None,
    ) -> Job:
        """A job that is not waiting is left as it is."""
        await self._known(tenant, job_id)
        now = self._clock.now()
        if await self._store.requeue_job(job_id, now=now, payload=payload, precharge=precharge):
            await self._queued(await self._known(tenant, job_id))
        return await self._known(tenant, job_id)

    async def _landed(self, held: HeldJob | None, job: Job, slot: str) -> bool:
        if held is not None:
            return held.landed(slot)
        noted = (await self._store.checkpoints(job.id)).get(LANDED + slot)
        return noted is not None and job.worker is not None and json.loads(noted) == job.worker

    async def _known(self, tenant: str, job_id: str) -> Job:
        job = await self._store.job(tenant, job_id)
        if job is None:
            raise _no_such_job()
        return job

    def _heeded(self, tenant: str, job_id: str, job: Job | None) -> Job:
        if job is None:
            raise _no_such_job()
        held = self._held.of(tenant, job_id)
        if held is not None:
            held.heed(job)
        self._held.tell(job_id)
        self._asked(job_id)
        return job

    async def _catch_up(
        self, tenant: str, job_id: str, emit: Emit | None, since: int
    ) -> tuple[Job, int]:
        """The job as stored and then its stored events: when it is final, they are all there."""
        job = await self._known(tenant, job_id)
        if emit is not None:
            since = await self._stored_events(tenant, job_id, emit, since)
        return job, since

    async def _stored_events(self, tenant: str, job_id: str, emit: Emit, since: int) -> int:
        while True:
            events = await self._store.events(tenant, job_id, since=since, limit=EVENTS_PER_READ)
            for event in events:
                emit(event)
                since = event.seq
            if len(events) < EVENTS_PER_READ:
                return since

    async def _follow(self, held: HeldJob, emit: Emit | None, since: int) -> int:
        """Feed a follower from memory until this attempt is over; returns the last number."""
        while not held.ended:
            changed = held.changed
            if emit is not None:
                if since < held.stored_before_memory:
                    since = await self._stored_events(held.job.tenant, held.job.id, emit, since)
                for event in held.after(since):
                    emit(event)
                    since = event.seq
            await changed.wait()
        return since


def _no_such_job() -> NotFound:
    return NotFound("There is no such job.", "Submit one with submit_enrich_job.")


def _slot_landed(job: Job, slot: str) -> SlotNotRerunnable:
    wait = spelled("wait_enrich_job", job_id=job.id)
    anew = spelled("rerun_hunt_slot", chat_session_id=job.chat_session_id, model_id=slot)
    return SlotNotRerunnable(
        "The slot has landed already in this run.", f"Call {wait}, then {anew}."
    )
