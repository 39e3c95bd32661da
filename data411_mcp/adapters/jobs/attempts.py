"""One attempt at a job: claim it, do its work beside heartbeats and the saving of its events,
close what it leaves behind, and write the end or hand it back.

A job is held by a lease that heartbeats extend; when its worker dies, the lease lapses and
another worker takes the job over. Work is done at least once, its checkpointed steps once.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import anyio
import structlog

from data411_mcp.adapters.jobs.endings import (
    ATTEMPTS_MAX,
    BACKOFF_SECONDS,
    CANCELLED,
    CANCELLED_REASON,
    SESSION_CANCELLED,
    Ending,
    backoff_seconds,
    crashed,
    failed_by,
    failed_event,
    failure,
    ours,
    trace,
)
from data411_mcp.adapters.jobs.held import LANDED, HeldJob, HeldJobs, Stop
from data411_mcp.domain.jobs import BATCH, Finished, Job, JobStatus, SlotRequest, WorkResult
from data411_mcp.domain.ledger import Bill
from data411_mcp.errors import StaleVersion, StoreBusy, StoreError
from data411_mcp.services.ports import Clock, JobContext, Store

Work = Callable[[JobContext], Awaitable[WorkResult]]
# Tidies up after a job that was cancelled or failed, and says what is to be captured of it; the
# last argument is a stable word why. May be called more than once.
Close = Callable[[Job, JobStatus, str], Awaitable[Bill | None]]

Announce = Callable[[str], None]

# An MCP client kills a server 2 s after closing its input: leases are handed back before that.
SETTLE_SECONDS = 1.5
SETTLE_LATER_SECONDS = 60.0  # how long the end of a job is kept for a store that is away
AGAIN_SECONDS = 0.5
JOB_DEADLINE_SECONDS = 30 * 60.0  # of one attempt

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """How jobs are held. All times in seconds."""

    lease: float = 10.0
    heartbeat: float = 2.5
    deadline: float = JOB_DEADLINE_SECONDS
    backoff: float = BACKOFF_SECONDS
    tenant_jobs_max: int | None = None


def _to_nobody(_job_id: str) -> None:
    """Who follows a job of this process hears of it in memory."""


class Attempts:
    """What every dispatcher does with a job. The work gets the cancel of the whole job, a lost
    lease, the deadline and a shutdown as cancellation; it must clean up within SETTLE_SECONDS."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        work: Mapping[str, Work],
        close: Mapping[str, Close],
        *,
        worker_id: str,
        terms: Terms,
    ) -> None:
        self.held = HeldJobs()
        self.terms = terms
        self.announce: Announce = _to_nobody  # what was stored of a job; must not wait or raise
        self._store = store
        self._clock = clock
        self._work = work
        self._closers = close
        self._worker_id = worker_id

    async def claim(
        self,
        job_id: str | None = None,
        *,
        tenant_jobs_max: int | None = None,
        priority_min: int = BATCH,
    ) -> HeldJob | None:
        """That job or the next one. Raises StoreError."""
        lapses_at = anyio.current_time() + self.terms.lease
        # Shielded: a claim that succeeds in a shutdown must be handed back, not forgotten.
        with anyio.move_on_after(SETTLE_SECONDS, shield=True):
            # A name for each claim, so that an earlier claim of ours cannot act for this one.
            job = await self._store.claim_job(
                f"{self._worker_id}/{self._clock.new_id()[:12]}",
                now=self._clock.now(),
                lease_seconds=self.terms.lease,
                job_id=job_id,
                tenant_jobs_max=tenant_jobs_max,
                priority_min=priority_min,
                ours=self.held.sure(),
            )
            if job is None:
                return None
            held = HeldJob(job, self._clock, lapses_at)
            self.held.take(held)
            return held
        return None

    async def run(self, held: HeldJob) -> None:
        """Run a job that was just claimed, to its end or until it is handed back."""
        try:
            ending = await self._attempt(held)
            if ending is not None:
                await self._end(held, ending)
        except anyio.get_cancelled_exc_class():
            await self._requeue(held)
            raise
        except StoreError as error:
            # The lease lapses and a later attempt goes on from the checkpoints.
            log.warning("job_given_up", job_id=held.job.id, code=error.code)
        finally:
            self.held.let_go(held)
            self.announce(held.job.id)

    # --- the work ------------------------------------------------------------------------

    async def _attempt(self, held: HeldJob) -> Ending | None:
        """Run the work; None when the lease was lost and nothing may be written any more."""
        job = held.job
        standing = await self._store.standing(job.id)
        held.count_from(standing.last_seq)
        if standing.asked:  # perhaps between the claim and now, when there was nobody to tell
            held.heed(await self._store.job(job.tenant, job.id) or job)
        self.held.tell(job.id)
        work = self._work.get(job.route)
        if held.stopped is Stop.CANCELLED:
            return CANCELLED
        if job.attempt > ATTEMPTS_MAX:
            return failure("attempts_exhausted", "The job's workers died too many times.")
        if work is None:
            return failure("unknown_route", "This server cannot do this kind of job.")
        return await self._supervised(work, self._context(held, standing.checkpoints), held)

    def _context(self, held: HeldJob, checkpoints: Mapping[str, str]) -> JobContext:
        known = {step: text for step, text in checkpoints.items() if not step.startswith(LANDED)}

        async def checkpoint(step: str, outcome: str, settles: SlotRequest | None = None) -> None:
            number = None if settles is None else settles.number
            try:
                await self._store.checkpoint(
                    held.job.id,
                    step,
                    outcome,
                    now=self._clock.now(),
                    settles=number,
                    worker=held.holder,
                )
            except StaleVersion:
                held.stop(Stop.LOST)
                raise
            known[step] = outcome

        return JobContext(
            held.job, held.emit, checkpoint, known, held.slot_requests, landed=held.land
        )

    async def _supervised(self, work: Work, context: JobContext, held: HeldJob) -> Ending | None:
        """The work beside its heartbeats and the saving of its events."""
        ending: Ending | None = None
        async with anyio.create_task_group() as helpers:
            helpers.start_soon(self._heartbeats, held)
            helpers.start_soon(self._save_events, held)
            held.scope.deadline = anyio.current_time() + self.terms.deadline
            with held.scope:
                ending = await self._outcome(work, context, held)
            helpers.cancel_scope.cancel()
        if held.stopped is Stop.LOST:
            log.warning("job_lease_lost", job_id=held.job.id)
            return None
        if ending is not None:
            return ending
        if held.stopped is Stop.CANCELLED:
            return CANCELLED
        return failure("deadline_exceeded", "The job took too long and was stopped.")

    async def _outcome(self, work: Work, context: JobContext, held: HeldJob) -> Ending | None:
        """Do the work. This is where a crash of one job stops, so that the others live on."""
        try:
            result = await work(context)
        except Exception as error:
            if held.stopped is not None:
                return None  # what breaks while it is torn down is not why it ended
            known = ours(error)
            if known is not None:
                return failed_by(known)
            error_id = self._clock.new_id()[:12]
            log.error("job_crashed", job_id=held.job.id, error_id=error_id, trace=trace(error))
            return crashed(error_id)
        if isinstance(result, Finished):
            return Ending(JobStatus.DONE, result=result.result, bill=result.bill)
        return Ending(JobStatus.WAITING, result=result.result)

    async def _heartbeats(self, held: HeldJob) -> None:
        while True:
            await anyio.sleep(self.terms.heartbeat)
            try:
                with anyio.fail_after(self.terms.lease / 2):
                    job = await self._beat(held)
            except (StoreError, TimeoutError):
                if anyio.current_time() < held.lapses_at:
                    continue
                job = None
            if job is None:
                held.stop(Stop.LOST)
                return
            held.heed(job)

    async def _beat(self, held: HeldJob) -> Job | None:
        beat_at = anyio.current_time()
        job = await self._store.heartbeat(
            held.job.id, held.holder, now=self._clock.now(), lease_seconds=self.terms.lease
        )
        if job is not None:
            held.lapses_at = beat_at + self.terms.lease
        return job

    # --- events --------------------------------------------------------------------------

    async def _save_events(self, held: HeldJob) -> None:
        while True:
            changed = held.changed
            try:
                await self._flush(held)
            except StaleVersion:
                held.stop(Stop.LOST)
                return
            except StoreError as error:
                log.warning("job_events_not_saved", job_id=held.job.id, code=error.code)
                await anyio.sleep(AGAIN_SECONDS)
                continue
            await changed.wait()

    async def _flush(self, held: HeldJob) -> None:
        async with held.saving:
            events = held.before_the_end()
            if events:
                await self._store.append_events(held.job.id, held.holder, events)
                held.saved(events[-1].seq)
                self.announce(held.job.id)
            while (note := held.next_note()) is not None:
                slot, too_late = note
                await self._store.checkpoint(
                    held.job.id,
                    LANDED + slot,
                    json.dumps(held.holder),
                    now=self._clock.now(),
                    settles=too_late,
                    worker=held.holder,
                )
                held.noted()

    # --- the end -------------------------------------------------------------------------

    async def _end(self, held: HeldJob, ending: Ending) -> None:
        if ending.again and held.job.attempt < ATTEMPTS_MAX:
            await self._try_later(held, ending)
            return
        if ending.status is JobStatus.WAITING and await self._cancelled_meanwhile(held):
            ending = CANCELLED
        if ending.status is JobStatus.CANCELLED and not held.last_event_is(SESSION_CANCELLED.name):
            held.emit(SESSION_CANCELLED)
        if ending.status is JobStatus.ERROR:
            event = failed_event(ending.code)
            if not held.last_event_is(event.name):
                held.emit(event)
        await self._settle(held, ending)
        if ending.status is JobStatus.WAITING:
            await self._close_if_cancelled(held.job)

    async def _try_later(self, held: HeldJob, ending: Ending) -> None:
        """Give the job back to be tried again; its checkpoints stay."""
        seconds = backoff_seconds(held.job.attempt, self.terms.backoff)
        log.warning("job_tried_again", job_id=held.job.id, code=ending.code, seconds=seconds)
        now = self._clock.now()

        async def requeue() -> None:
            await self._flush(held)
            await self._store.requeue_job(
                held.job.id,
                now=now,
                worker=held.holder,
                run_after=now + timedelta(seconds=seconds),
            )

        if not await self._until_saved(requeue):
            log.warning("job_not_handed_back", job_id=held.job.id)  # the lease lapses instead

    async def _cancelled_meanwhile(self, held: HeldJob) -> bool:
        try:
            job = await self._beat(held)
        except StoreError:
            return False
        return job is not None and job.cancel_requested

    async def _close_if_cancelled(self, job: Job) -> None:
        """A cancel that came as the job began to wait: the store has made an end of it."""
        try:
            stored = await self._store.job(job.tenant, job.id)
        except StoreError as error:
            log.warning("job_not_looked_at", job_id=job.id, code=error.code)
            return
        if stored is not None and stored.status is JobStatus.CANCELLED:
            await self.close(stored, stored.status, CANCELLED_REASON)

    async def close(self, job: Job, status: JobStatus, reason: str) -> None:
        """Of a job whose end is written already, with nothing to be captured."""

        async def tidy() -> None:
            await self._closed(job, status, reason)

        if not await self._until_saved(tidy):
            log.warning("job_not_closed", job_id=job.id)

    async def _closed(self, job: Job, status: JobStatus, reason: str) -> Bill | None:
        """What is broken in there keeps no job from ending. Raises StoreBusy."""
        close = self._closers.get(job.route)
        if close is None or status not in (JobStatus.CANCELLED, JobStatus.ERROR):
            return None
        try:
            return await close(job, status, reason)
        except StaleVersion as error:  # of the graph, which somebody keeps correcting
            raise StoreBusy(error.message, error.hint) from error
        except StoreBusy:
            raise
        except Exception as error:
            log.error("job_not_closed", job_id=job.id, trace=trace(error))
        return None

    async def _settle(self, held: HeldJob, ending: Ending) -> None:
        """Close what the job leaves; then write its end and the event that tells it, after all
        others: who reads "done" finds them all, and who reads "cancelled" finds nothing open."""
        closed = ending.status not in (JobStatus.CANCELLED, JobStatus.ERROR)

        async def finish() -> None:
            nonlocal closed, ending
            if not closed:
                # The store may have been away for longer than the lease.
                if await self._beat(held) is None:
                    raise StaleVersion("The job is in other hands now.")
                bill = await self._closed(held.job, ending.status, ending.reason)
                ending, closed = replace(ending, bill=ending.bill or bill), True
            await self._flush(held)
            await self._store.finish_job(
                held.job.id,
                held.holder,
                ending.status,
                now=self._clock.now(),
                result=ending.result,
                error=ending.error,
                bill=ending.bill,
                events=held.unsaved(),
            )

        held.over = await self._until_saved(finish)
        if not held.over:
            log.warning("job_end_not_saved", job_id=held.job.id)

    async def _until_saved(self, write: Callable[[], Awaitable[None]]) -> bool:
        """Write again while the store is away. A shutdown leaves it SETTLE_SECONDS."""
        for seconds, shield in ((SETTLE_SECONDS, True), (SETTLE_LATER_SECONDS, False)):
            with anyio.move_on_after(seconds, shield=shield):
                while True:
                    try:
                        await write()
                    except StaleVersion:
                        return False  # the lease is somebody else's
                    except StoreBusy:
                        await anyio.sleep(AGAIN_SECONDS / 2)
                    else:
                        return True
        return False

    async def hand_back(self, held: HeldJob) -> None:
        """Give back a job that was claimed and not run."""
        await self._requeue(held)
        self.held.let_go(held)

    async def _requeue(self, held: HeldJob) -> None:
        with anyio.move_on_after(SETTLE_SECONDS, shield=True):
            try:
                await self._flush(held)
                await self._store.requeue_job(
                    held.job.id, now=self._clock.now(), worker=held.holder
                )
            except StoreError as error:
                log.warning("job_not_handed_back", job_id=held.job.id, code=error.code)
