"""Durable jobs on PostgreSQL, for several machines: procrastinate says when to look at which job,
the store says who holds it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

import anyio
import structlog
from anyio.abc import TaskGroup

from data411_mcp.adapters.jobs.attempts import (
    AGAIN_SECONDS,
    JOB_DEADLINE_SECONDS,
    SETTLE_SECONDS,
    Attempts,
    Close,
    Terms,
    Work,
)
from data411_mcp.adapters.jobs.embedded import SWEEP_SECONDS, batch_places
from data411_mcp.adapters.jobs.endings import BACKOFF_SECONDS
from data411_mcp.adapters.jobs.following import FollowedJobs
from data411_mcp.adapters.jobs.held import HeldJob
from data411_mcp.adapters.jobs.procrastinated import UNREACHABLE, Tickets, seconds_until
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.errors import StoreError
from data411_mcp.services.ports import Clock, Store

SWEPT_AT_ONCE = 200
STOP_SECONDS = 3.0  # for a dispatcher to take leave of the database
LOOKS_PER_SECOND = 10  # at the jobs of a tenant that has all it may have running
POLL_SECONDS = 1.0  # of a follower who hears nothing: the processes tell each other
RING_SECONDS = 0.02  # what comes up in between is told together
NEWS, WISH = "n", "w"  # before a job's id: something was stored of it, or is asked of it
PUT_OFF_SECONDS_MIN, PUT_OFF_SECONDS_MAX = 0.3, 30.0

log = structlog.get_logger(__name__)


class PostgresQueue(FollowedJobs):
    """Implements the `JobRunner` port. A process that does not work (`works=False`) only submits
    and follows. Any number of processes may work."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        work: Mapping[str, Work],
        *,
        database_url: str,
        worker_id: str,
        close: Mapping[str, Close] | None = None,
        works: bool = True,
        lease_seconds: float = 5.0,
        heartbeat_seconds: float = 1.25,
        concurrency: int = 8,
        tenant_jobs_max: int | None = None,
        job_deadline_seconds: float = JOB_DEADLINE_SECONDS,
        sweep_seconds: float = SWEEP_SECONDS,
        backoff_seconds: float = BACKOFF_SECONDS,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        terms = Terms(
            lease=lease_seconds,
            heartbeat=heartbeat_seconds,
            deadline=job_deadline_seconds,
            backoff=backoff_seconds,
            tenant_jobs_max=tenant_jobs_max,
        )
        attempts = Attempts(store, clock, work, close or {}, worker_id=worker_id, terms=terms)
        super().__init__(store, clock, attempts, poll_seconds=poll_seconds)
        attempts.announce = partial(self._say, NEWS)
        self._database_url = database_url
        self._worker_id = worker_id
        self._works = works
        self._concurrency = concurrency
        self._sweep_seconds = sweep_seconds
        self._tickets: Tickets | None = None
        self._tasks: TaskGroup | None = None
        self._unsaid: dict[str, None] = {}  # in order, each once
        self._something_to_say = anyio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[PostgresQueue]:
        """Dispatch jobs until the end of the block; then hand them back to the others. Raises
        StoreBusy when the database is away at the start."""
        async with Tickets.open(self._database_url, self._look_at) as self._tickets:
            try:
                async with anyio.create_task_group() as talk:
                    talk.start_soon(self._ring)
                    talk.start_soon(self._listen)
                    if self._works:
                        async with self._dispatching():
                            yield self
                    else:
                        yield self
                    talk.cancel_scope.cancel()
            finally:
                self._tickets = None

    @asynccontextmanager
    async def _dispatching(self) -> AsyncIterator[None]:
        stop = anyio.Event()
        async with anyio.create_task_group() as dispatchers:
            try:
                async with anyio.create_task_group() as self._tasks:
                    self._tasks.start_soon(self._sweep)
                    places = batch_places(self._concurrency)
                    dispatchers.start_soon(partial(self._dispatch, stop, places, batch=True))
                    if (kept := self._concurrency - places) > 0:
                        dispatchers.start_soon(partial(self._dispatch, stop, kept, batch=False))
                    try:
                        yield
                    finally:
                        stop.set()
                        self._tasks.cancel_scope.cancel()
            finally:
                self._tasks = None

    async def _queued(self, job: Job) -> None:
        await self._write(job)

    async def _hurried(self, job: Job) -> None:
        if self._tickets is None:
            return
        try:
            await self._tickets.hurry(job)
        except UNREACHABLE as error:  # its ticket is looked at when it is due
            log.warning("job_ticket_not_hurried", job_id=job.id, kind=type(error).__name__)

    # --- between the processes -----------------------------------------------------------

    def _asked(self, job_id: str) -> None:
        self._say(WISH, job_id)

    def _say(self, kind: str, job_id: str) -> None:
        if self._tickets is not None:
            self._unsaid[kind + job_id] = None
            self._something_to_say.set()

    async def _ring(self) -> None:
        """Tell the others what has come up since the last time. What is not heard, for the
        database was away, is found by looking: followers poll, and heartbeats read wishes."""
        while self._tickets is not None:
            await self._something_to_say.wait()
            self._something_to_say = anyio.Event()
            messages = list(self._unsaid)
            self._unsaid.clear()
            try:
                await self._tickets.ring(messages)
                await anyio.sleep(RING_SECONDS)
            except UNREACHABLE as error:
                log.warning("job_news_not_told", kind=type(error).__name__)
                await anyio.sleep(AGAIN_SECONDS)

    async def _listen(self) -> None:
        while self._tickets is not None:
            try:
                await self._tickets.listen(self._hear)
            except (StoreError, *UNREACHABLE) as error:
                log.warning("job_news_not_heard", kind=type(error).__name__)
            await anyio.sleep(AGAIN_SECONDS)

    async def _hear(self, message: str) -> None:
        kind, job_id = message[:1], message[1:]
        held = self._held.get(job_id)
        if kind == WISH and held is not None:
            job = await self._store.job(held.job.tenant, job_id)
            if job is not None:
                held.heed(job)
        self._held.tell(job_id)

    # --- dispatching ---------------------------------------------------------------------

    async def _dispatch(self, stop: anyio.Event, places: int, *, batch: bool) -> None:
        """A procrastinate worker, and another one when it falls over the database."""
        while not stop.is_set() and self._tickets is not None:
            worker = self._tickets.worker(self._worker_id, places=places, batch=batch)
            # Shielded: it is asked to stop, and given the time for that; a cancel would tear it
            # from its database in the middle.
            with anyio.CancelScope(shield=True) as scope:
                async with anyio.create_task_group() as beside:

                    async def stopped() -> None:
                        await stop.wait()
                        worker.stop()  # noqa: B023 - of this turn
                        scope.deadline = anyio.current_time() + STOP_SECONDS

                    beside.start_soon(stopped)
                    try:
                        await worker.run()
                    except UNREACHABLE as error:
                        log.warning("job_dispatcher_fell", kind=type(error).__name__)
                    beside.cancel_scope.cancel()
            with anyio.move_on_after(AGAIN_SECONDS):
                await stop.wait()

    async def _look_at(self, job_id: str, tenant: str, *, interactive: bool = False) -> None:
        """What a ticket has done: run the job, if it is to be had."""
        if self._group() is None:
            return
        limit = self._attempts.terms.tenant_jobs_max
        if limit is not None and not interactive:
            limit = batch_places(limit)
        try:
            held = await self._attempts.claim(job_id, tenant_jobs_max=limit)
            if held is None:
                job = await self._store.job(tenant, job_id)
                if job is not None:
                    await self._put_off(job)
                return
        except StoreError as error:
            log.warning("job_claim_failed", code=error.code)  # the sweep looks again
            return
        tasks = self._group()
        if tasks is None:  # the end came while the job was claimed
            await self._attempts.hand_back(held)
            return
        tasks.start_soon(self._run, held)
        while not held.ended:
            await held.changed.wait()

    def _group(self) -> TaskGroup | None:
        return self._tasks

    async def _run(self, held: HeldJob) -> None:
        """Apart from the ticket's own task: an attempt outlives a dispatcher that fell."""
        try:
            await self._attempts.run(held)
        finally:
            if not held.over:
                with anyio.move_on_after(SETTLE_SECONDS, shield=True):
                    await self._again(held.job)

    async def _again(self, job: Job) -> None:
        """A job that was handed back or failed for now needs another ticket."""
        try:
            stored = await self._store.job(job.tenant, job.id)
        except StoreError as error:
            log.warning("job_not_looked_at", job_id=job.id, code=error.code)
            return
        if stored is not None and stored.status is JobStatus.QUEUED:
            await self._write(stored, self._due_in(stored))

    def _due_in(self, job: Job) -> float:
        """Seconds; a cancelled job has nothing to wait for."""
        return 0.0 if job.cancel_requested else seconds_until(job.run_after, self._clock.now())

    async def _put_off(self, job: Job) -> None:
        """A job that could not be had: it is over or not due, its tenant has enough running, or
        somebody holds it; in the last case it is looked at again when the lease would lapse."""
        if self._tickets is None:
            return
        if job.status is JobStatus.RUNNING:
            left = seconds_until(job.lease_until, self._clock.now())
            await self._write(job, max(left, PUT_OFF_SECONDS_MIN))
        if job.status is not JobStatus.QUEUED:
            return
        seconds = self._due_in(job)
        if seconds <= 0:
            try:
                waiting = await self._tickets.waiting(job.tenant)
            except UNREACHABLE as error:
                log.warning("job_ticket_not_counted", kind=type(error).__name__)
                waiting = 0
            # So that the whole queue of a tenant causes a steady number of looks.
            spread = max(PUT_OFF_SECONDS_MIN, waiting / LOOKS_PER_SECOND)
            seconds = min(spread, PUT_OFF_SECONDS_MAX) * random.uniform(0.5, 1.5)  # noqa: S311
        await self._write(job, seconds)

    async def _write(self, job: Job, seconds: float = 0.0) -> None:
        if self._tickets is None:
            return
        try:
            await self._tickets.write(job, seconds=seconds)
        except UNREACHABLE as error:  # the sweep finds the job
            log.warning("job_ticket_not_written", job_id=job.id, kind=type(error).__name__)

    async def _sweep(self) -> None:
        """Jobs whose worker died or whose ticket was lost, and tickets of dead dispatchers. Of a
        long queue each turn looks at another portion."""
        looked_at = 0
        while self._tickets is not None:
            try:
                now = self._clock.now()
                lapsed = await self._store.lapsed_jobs(now=now, limit=SWEPT_AT_ONCE)
                due = await self._store.claimable_jobs(now=now, limit=SWEPT_AT_ONCE, skip=looked_at)
                looked_at = looked_at + len(due) if len(due) == SWEPT_AT_ONCE else 0
                ours = self._held.sure()
                found = {job.id: job for job in (*lapsed, *due) if job.id not in ours}
                for job in await self._tickets.without(list(found.values())):
                    await self._tickets.write(job)
                for job in found.values():
                    if job.run_after is not None and job.cancel_requested:
                        await self._tickets.hurry(job)
                await self._tickets.take_over()
            except (StoreError, *UNREACHABLE) as error:
                log.warning("job_sweep_failed", kind=type(error).__name__)
            # Not in step with the other processes.
            await anyio.sleep(self._sweep_seconds * random.uniform(0.7, 1.3))  # noqa: S311
