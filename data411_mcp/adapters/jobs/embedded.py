"""Runs durable jobs inside this process, over any `Store`. Several processes may share a store.

A job is held by a lease that heartbeats extend; when its worker dies, the lease lapses and any
runner's sweep takes the job over. Work is done at least once, its checkpointed steps once.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import structlog
from anyio.abc import TaskGroup

from data411_mcp.adapters.jobs.held import HeldJob, Stop
from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.jobs import Finished, Job, JobStatus, SlotRequest, WorkResult
from data411_mcp.errors import (
    Data411Error,
    NotFound,
    SlotNotRerunnable,
    StaleVersion,
    StoreBusy,
    StoreError,
)
from data411_mcp.services.ports import Clock, Emit, JobContext, Store

Work = Callable[[JobContext], Awaitable[WorkResult]]
# Tidies up after a job that was cancelled or failed; the last argument is a stable word why.
Close = Callable[[Job, JobStatus, str], Awaitable[None]]

ATTEMPTS_MAX = 5
JOB_DEADLINE_SECONDS = 30 * 60.0  # of one attempt
SWEEP_SECONDS = 1.5  # how often jobs of other processes and dead workers are looked for
POLL_SECONDS = 0.2  # how often a follower reads the store about another process's job
# An MCP client kills a server 2 s after closing its input: leases are handed back before that.
SETTLE_SECONDS = 1.5
SAVE_AGAIN_SECONDS = 0.5
EVENTS_PER_READ = 200
CANCELLED = "cancelled"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Ending:
    """How an attempt ends; `result` and `error` are JSON text."""

    status: JobStatus
    result: str | None = None
    error: str | None = None
    reason: str = ""


class EmbeddedRunner:
    """Implements the `JobRunner` port. `work` maps a job's route to what does it.

    The work gets the cancel of the whole job, a lost lease, the deadline and a shutdown as
    cancellation; it must clean up within SETTLE_SECONDS. `close` is called, by route, for each
    job that ends cancelled or in error, also where no attempt was under way.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        work: Mapping[str, Work],
        *,
        worker_id: str,
        close: Mapping[str, Close] | None = None,
        lease_seconds: float = 10.0,
        heartbeat_seconds: float = 2.5,
        concurrency: int = 8,
        job_deadline_seconds: float = JOB_DEADLINE_SECONDS,
        sweep_seconds: float = SWEEP_SECONDS,
    ) -> None:
        self._store = store
        self._clock = clock
        self._work = work
        self._closers = close or {}
        self._worker_id = worker_id
        self._lease_seconds = lease_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._concurrency = concurrency
        self._job_deadline_seconds = job_deadline_seconds
        self._sweep_seconds = sweep_seconds
        self._held: dict[str, HeldJob] = {}
        self._room_or_work = anyio.Event()  # set and replaced when a job comes or ends here
        self._news: dict[str, anyio.Event] = {}  # by job: set and dropped when it starts or ends

    # --- the port ------------------------------------------------------------------------

    @asynccontextmanager
    async def running(self) -> AsyncIterator[EmbeddedRunner]:
        """Run jobs until the end of the block; then stop them and hand their leases back."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._dispatch, tasks)
            try:
                yield self
            finally:
                tasks.cancel_scope.cancel()

    async def submit(self, job: Job) -> Job:
        added = await self._store.add_job(job)
        self._look_again()
        return added

    async def wait(
        self, tenant: str, job_id: str, *, seconds: float, emit: Emit | None = None, since: int = 0
    ) -> Job:
        job, since = await self._catch_up(tenant, job_id, emit, since)
        try:
            with anyio.move_on_after(seconds):
                while True:
                    # Taken before the state is read: no change is missed.
                    news = self._news.setdefault(job_id, anyio.Event())
                    held = self._held_by(tenant, job_id)
                    if held is not None:
                        since = await self._follow(held, emit, since)
                        continue
                    job, since = await self._catch_up(tenant, job_id, emit, since)
                    if job.final or job.status is JobStatus.WAITING:
                        return job
                    with anyio.move_on_after(POLL_SECONDS):
                        await news.wait()
        finally:
            self._news.pop(job_id, None)  # who else follows this job makes it anew within a poll
        return await self._known(tenant, job_id)

    async def cancel(self, tenant: str, job_id: str, slot: str | None = None) -> Job:
        job = await self._store.request_cancel(tenant, job_id, slot, now=self._clock.now())
        heeded = self._heeded(tenant, job_id, job)
        if slot is None and heeded.status is JobStatus.CANCELLED:
            await self._close(heeded, JobStatus.CANCELLED, CANCELLED)
        return heeded

    async def retry_slot(self, tenant: str, job_id: str, slot: str) -> Job:
        """Raises NotFound, or SlotNotRerunnable when the job is over."""
        job = await self._store.request_retry(tenant, job_id, slot, now=self._clock.now())
        heeded = self._heeded(tenant, job_id, job)
        if heeded.final:
            raise SlotNotRerunnable(
                "The job of this slot is over.", "Run the slot anew with rerun_hunt_slot."
            )
        return heeded

    async def resume(self, tenant: str, job_id: str, payload: str | None = None) -> Job:
        """A job that is not waiting is left as it is."""
        await self._known(tenant, job_id)
        await self._store.requeue_job(job_id, now=self._clock.now(), payload=payload)
        self._look_again()
        return await self._known(tenant, job_id)

    # --- following -----------------------------------------------------------------------

    async def _known(self, tenant: str, job_id: str) -> Job:
        job = await self._store.job(tenant, job_id)
        if job is None:
            raise _no_such_job()
        return job

    def _held_by(self, tenant: str, job_id: str) -> HeldJob | None:
        held = self._held.get(job_id)
        return held if held is not None and held.job.tenant == tenant else None

    def _heeded(self, tenant: str, job_id: str, job: Job | None) -> Job:
        if job is None:
            raise _no_such_job()
        held = self._held_by(tenant, job_id)
        if held is not None:
            held.heed(job)
        self._tell(job_id)
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

    def _tell(self, job_id: str) -> None:
        news = self._news.pop(job_id, None)
        if news is not None:
            news.set()

    def _look_again(self) -> None:
        self._room_or_work.set()
        self._room_or_work = anyio.Event()

    # --- running -------------------------------------------------------------------------

    async def _dispatch(self, tasks: TaskGroup) -> None:
        """Claim jobs while there is room; again at every change here and every sweep."""
        while True:
            room_or_work = self._room_or_work
            try:
                while len(self._held) < self._concurrency:
                    held = await self._claim()
                    if held is None:
                        break
                    tasks.start_soon(self._run, held)
            except StoreError as error:
                log.warning("job_claim_failed", code=error.code)
            with anyio.move_on_after(self._sweep_seconds):
                await room_or_work.wait()

    async def _claim(self) -> HeldJob | None:
        # Shielded: a claim that succeeds in a shutdown must be handed back, not forgotten.
        with anyio.move_on_after(SETTLE_SECONDS, shield=True):
            # A name for each claim, so that an earlier claim of ours cannot act for this one.
            job = await self._store.claim_job(
                f"{self._worker_id}/{self._clock.new_id()[:12]}",
                now=self._clock.now(),
                lease_seconds=self._lease_seconds,
            )
            if job is None:
                return None
            if job.id in self._held:
                self._held[job.id].stop(Stop.LOST)
            held = self._held[job.id] = HeldJob(job, self._clock)
            return held
        return None

    async def _run(self, held: HeldJob) -> None:
        try:
            ending = await self._attempt(held)
            if ending is not None:
                await self._close(held.job, ending.status, ending.reason)
                await self._settle(held, ending)
        except anyio.get_cancelled_exc_class():
            await self._hand_back(held)
            raise
        except StoreError as error:
            # The lease lapses and a later attempt goes on from the checkpoints.
            log.warning("job_given_up", job_id=held.job.id, code=error.code)
        finally:
            if self._held.get(held.job.id) is held:
                del self._held[held.job.id]
            held.end()
            self._tell(held.job.id)
            self._look_again()

    async def _attempt(self, held: HeldJob) -> _Ending | None:
        """Run the work; None when the lease was lost and nothing may be written any more."""
        job = held.job
        held.count_from(await self._store.last_event_seq(job.id))
        checkpoints = dict(await self._store.checkpoints(job.id))
        # Read again: a wish that came between the claim and now has found nobody to tell.
        held.heed(await self._store.job(job.tenant, job.id) or job)
        self._tell(job.id)
        work = self._work.get(job.route)
        if held.stopped is Stop.CANCELLED:
            return self._cancelled(held)
        if job.attempt > ATTEMPTS_MAX:
            return self._failed(
                held, "attempts_exhausted", "The job's workers died too many times."
            )
        if work is None:
            return self._failed(held, "unknown_route", "This server cannot do this kind of job.")

        async def checkpoint(step: str, outcome: str, settles: SlotRequest | None = None) -> None:
            await self._store.checkpoint(
                job.id,
                step,
                outcome,
                now=self._clock.now(),
                settles=None if settles is None else settles.number,
            )
            checkpoints[step] = outcome

        context = JobContext(job, held.emit, checkpoint, checkpoints, held.slot_requests)
        return await self._supervised(work, context, held)

    async def _supervised(self, work: Work, context: JobContext, held: HeldJob) -> _Ending | None:
        """The work beside its heartbeats and the saving of its events."""
        ending: _Ending | None = None
        async with anyio.create_task_group() as helpers:
            helpers.start_soon(self._heartbeats, held)
            helpers.start_soon(self._save_events, held)
            held.scope.deadline = anyio.current_time() + self._job_deadline_seconds
            with held.scope:
                ending = await self._outcome(work, context, held)
            helpers.cancel_scope.cancel()
        if held.stopped is Stop.LOST:
            log.warning("job_lease_lost", job_id=held.job.id)
            return None
        if ending is not None:
            return ending
        if held.stopped is Stop.CANCELLED:
            return self._cancelled(held)
        return self._failed(held, "deadline_exceeded", "The job took too long and was stopped.")

    async def _outcome(self, work: Work, context: JobContext, held: HeldJob) -> _Ending | None:
        """Do the work. This is where a crash of one job stops, so that the others live on."""
        try:
            result = await work(context)
        except Exception as error:
            if held.stopped is Stop.CANCELLED:
                return None  # what breaks while it is torn down is not why it ended
            ours = _ours(error)
            if ours is not None:
                return self._failed(held, ours.code, ours.message, ours.hint, ours.retryable)
            error_id = self._clock.new_id()[:12]
            log.error("job_crashed", job_id=held.job.id, error_id=error_id, trace=_trace(error))
            return self._failed(
                held,
                Data411Error.code,
                f"The job crashed; its error id is {error_id}.",
                "Report the error id to whoever runs this server.",
            )
        status = JobStatus.DONE if isinstance(result, Finished) else JobStatus.WAITING
        return _Ending(status, result=result.result)

    def _cancelled(self, held: HeldJob) -> _Ending:
        if not held.last_event_is(EventName.SESSION_CANCELLED):
            held.emit(ProgressEvent(name=EventName.SESSION_CANCELLED, message="Cancelled."))
        return _Ending(JobStatus.CANCELLED, reason=CANCELLED)

    def _failed(
        self, held: HeldJob, code: str, message: str, hint: str = "", retryable: bool = False
    ) -> _Ending:
        if not held.last_event_is(EventName.SESSION_FAILED):
            held.emit(
                ProgressEvent(
                    name=EventName.SESSION_FAILED, message="Failed.", context={"code": code}
                )
            )
        error = {"code": code, "message": message, "hint": hint, "retryable": retryable}
        return _Ending(JobStatus.ERROR, error=json.dumps(error), reason=code.lower())

    async def _heartbeats(self, held: HeldJob) -> None:
        lapses_at = anyio.current_time() + self._lease_seconds
        while True:
            await anyio.sleep(self._heartbeat_seconds)
            beat_at = anyio.current_time()
            try:
                with anyio.fail_after(self._lease_seconds / 2):
                    job = await self._store.heartbeat(
                        held.job.id,
                        held.holder,
                        now=self._clock.now(),
                        lease_seconds=self._lease_seconds,
                    )
            except (StoreError, TimeoutError):
                if anyio.current_time() < lapses_at:
                    continue
                job = None
            if job is None:
                held.stop(Stop.LOST)
                return
            lapses_at = beat_at + self._lease_seconds
            held.heed(job)

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
                await anyio.sleep(SAVE_AGAIN_SECONDS)
                continue
            await changed.wait()

    async def _flush(self, held: HeldJob) -> None:
        async with held.saving:
            events = held.unsaved()
            if events:
                await self._store.append_events(held.job.id, held.holder, events)
                held.saved(events[-1].seq)

    async def _close(self, job: Job, status: JobStatus, reason: str) -> None:
        """Before the end is written: who reads "cancelled" finds the job's leavings closed. What
        cannot be closed keeps no job from ending."""
        close = self._closers.get(job.route)
        if close is None or status not in (JobStatus.CANCELLED, JobStatus.ERROR):
            return
        with anyio.move_on_after(SETTLE_SECONDS, shield=True):
            try:
                await close(job, status, reason)
            except Exception as error:
                log.error("job_not_closed", job_id=job.id, trace=_trace(error))

    async def _settle(self, held: HeldJob, ending: _Ending) -> None:
        """Write the end of the attempt, after its events: who reads "done" finds them all."""
        with anyio.move_on_after(SETTLE_SECONDS, shield=True):
            while True:
                try:
                    await self._flush(held)
                    await self._store.finish_job(
                        held.job.id,
                        held.holder,
                        ending.status,
                        now=self._clock.now(),
                        result=ending.result,
                        error=ending.error,
                    )
                    return
                except StoreBusy:
                    await anyio.sleep(POLL_SECONDS)
        log.warning("job_end_not_saved", job_id=held.job.id)

    async def _hand_back(self, held: HeldJob) -> None:
        with anyio.move_on_after(SETTLE_SECONDS, shield=True):
            try:
                await self._flush(held)
                await self._store.requeue_job(
                    held.job.id, now=self._clock.now(), worker=held.holder
                )
            except StoreError as error:
                log.warning("job_not_handed_back", job_id=held.job.id, code=error.code)


def _no_such_job() -> NotFound:
    return NotFound("There is no such job.", "Submit one with submit_enrich_job.")


def _ours(error: Exception) -> Data411Error | None:
    """Our own error, also where a task group has wrapped it alone."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error if isinstance(error, Data411Error) else None


def _trace(error: BaseException) -> list[str]:
    """Types and places, without the messages: those may hold page text or people's data."""
    lines = [type(error).__name__]
    lines += [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            lines += _trace(inner)
    return lines
