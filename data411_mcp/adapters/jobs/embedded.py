"""Runs durable jobs inside this process, over any `Store`. Several processes may share a store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import structlog
from anyio.abc import TaskGroup

from data411_mcp.adapters.jobs.attempts import JOB_DEADLINE_SECONDS, Attempts, Close, Terms, Work
from data411_mcp.adapters.jobs.endings import BACKOFF_SECONDS
from data411_mcp.adapters.jobs.following import FollowedJobs
from data411_mcp.adapters.jobs.held import HeldJob
from data411_mcp.domain.jobs import INTERACTIVE, Job
from data411_mcp.errors import StoreError
from data411_mcp.services.ports import Clock, Store

SWEEP_SECONDS = 1.5  # how often jobs of other processes and dead workers are looked for

log = structlog.get_logger(__name__)


def batch_places(places: int) -> int:
    """How many of the places batch jobs may take: a backlog of them must not make an interactive
    call wait. With a single place there is none to keep."""
    return places - max(1, places // 4) if places > 1 else places


class EmbeddedRunner(FollowedJobs):
    """Implements the `JobRunner` port. `work` maps a job's route to what does it; `close` is
    called, by route, for each job that ends cancelled or in error, also where no attempt was under
    way."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        work: Mapping[str, Work],
        *,
        worker_id: str,
        close: Mapping[str, Close] | None = None,
        works: bool = True,
        lease_seconds: float = 10.0,
        heartbeat_seconds: float = 2.5,
        concurrency: int = 8,
        tenant_jobs_max: int | None = None,
        job_deadline_seconds: float = JOB_DEADLINE_SECONDS,
        sweep_seconds: float = SWEEP_SECONDS,
        backoff_seconds: float = BACKOFF_SECONDS,
    ) -> None:
        self._works = works
        terms = Terms(
            lease=lease_seconds,
            heartbeat=heartbeat_seconds,
            deadline=job_deadline_seconds,
            backoff=backoff_seconds,
            tenant_jobs_max=tenant_jobs_max,
        )
        attempts = Attempts(store, clock, work, close or {}, worker_id=worker_id, terms=terms)
        super().__init__(store, clock, attempts)
        self._concurrency = concurrency
        self._sweep_seconds = sweep_seconds

    @asynccontextmanager
    async def running(self) -> AsyncIterator[EmbeddedRunner]:
        """Run jobs until the end of the block; then stop them and hand their leases back."""
        async with anyio.create_task_group() as tasks:
            if self._works:
                tasks.start_soon(self._dispatch, tasks)
            try:
                yield self
            finally:
                tasks.cancel_scope.cancel()

    async def _queued(self, job: Job) -> None:
        self._held.look_again()

    def _asked(self, job_id: str) -> None:
        """The next heartbeat of whoever holds the job sees it."""

    async def _dispatch(self, tasks: TaskGroup) -> None:
        """Claim jobs while there is room; again at every change here and every sweep."""
        while True:
            room_or_work = self._held.changed
            try:
                while len(self._held) < self._concurrency:
                    # A claim is shielded: here a shutdown is heard, or what was handed back
                    # would be claimed again and again.
                    await anyio.lowlevel.checkpoint()
                    held = await self._next()
                    if held is None:
                        break
                    tasks.start_soon(self._attempts.run, held)
            except StoreError as error:
                log.warning("job_claim_failed", code=error.code)
            with anyio.move_on_after(self._sweep_seconds):
                await room_or_work.wait()

    async def _next(self) -> HeldJob | None:
        """The next job to run: any while batch jobs have places left, else an interactive one.
        A tenant's batch jobs leave places of the tenant, too."""
        limit = self._attempts.terms.tenant_jobs_max
        batch = sum(held.job.priority < INTERACTIVE for held in self._held)
        if batch < batch_places(self._concurrency):
            of_batch = None if limit is None else batch_places(limit)
            held = await self._attempts.claim(tenant_jobs_max=of_batch)
            if held is not None or limit == of_batch:
                return held
        # A look keeps no writer waiting; a claim does.
        if not await self._store.claimable_jobs(
            now=self._clock.now(), limit=1, priority_min=INTERACTIVE
        ):
            return None
        return await self._attempts.claim(tenant_jobs_max=limit, priority_min=INTERACTIVE)
