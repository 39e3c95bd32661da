"""A job while this process holds its lease: its events in memory, its wishes, its stop."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncIterator
from enum import StrEnum

import anyio
import structlog

from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.jobs import Job, SlotRequest
from data411_mcp.services.ports import Clock

EVENTS_PER_JOB_MAX = 10_000  # a job that says more is broken; the rest is dropped
EVENTS_KEPT_IN_MEMORY = 500  # saved events beyond these are read from the store

log = structlog.get_logger(__name__)


class Stop(StrEnum):
    """Why the runner ends the work early."""

    CANCELLED = "cancelled"
    LOST = "lost"  # the lease lapsed: another worker may have the job


class HeldJob:
    """One claim of one job. Numbers events at once in memory, so that followers hear of them
    before the store does; only the holder of the lease gives out numbers."""

    def __init__(self, job: Job, clock: Clock) -> None:
        self.job = job
        self.scope = anyio.CancelScope()
        self.stopped: Stop | None = None
        self.ended = False
        self.changed = anyio.Event()  # set and replaced at every event and at the end
        self.saving = anyio.Lock()
        self._clock = clock
        self._events: deque[ProgressEvent] = deque()
        self._saved_seq = 0
        self._last_seq = 0
        self._seen_request = 0
        self._ask, self._asked = anyio.create_memory_object_stream[SlotRequest](math.inf)

    @property
    def holder(self) -> str:
        """The name the lease is held under; another claim has another one."""
        return self.job.worker or ""

    def count_from(self, last_seq: int) -> None:
        """Begin numbering after what earlier attempts have stored."""
        self._saved_seq = self._last_seq = last_seq

    def emit(self, event: ProgressEvent) -> None:
        if self.ended:
            return
        if self._last_seq >= EVENTS_PER_JOB_MAX:
            log.warning("job_events_dropped", job_id=self.job.id, event_name=event.name.value)
            return
        self._last_seq += 1
        at = event.at or self._clock.now().isoformat()
        self._events.append(event.model_copy(update={"seq": self._last_seq, "at": at}))
        self._tell()

    def last_event_is(self, name: EventName) -> bool:
        return bool(self._events) and self._events[-1].name is name

    def after(self, seq: int) -> tuple[ProgressEvent, ...]:
        """The events in memory with a greater number."""
        return tuple(event for event in self._events if event.seq > seq)

    @property
    def stored_before_memory(self) -> int:
        """Number of the last event that only the store has; 0 when memory has them all."""
        return self._events[0].seq - 1 if self._events else self._last_seq

    def unsaved(self) -> tuple[ProgressEvent, ...]:
        return self.after(self._saved_seq)

    def saved(self, seq: int) -> None:
        self._saved_seq = seq
        while len(self._events) > EVENTS_KEPT_IN_MEMORY and self._events[0].seq <= seq:
            self._events.popleft()

    def heed(self, job: Job) -> None:
        """Act on what the store says is asked of the job; what is known already is ignored."""
        for request in job.slot_requests:
            if request.number > self._seen_request and not self.ended:
                self._seen_request = request.number
                self._ask.send_nowait(request)
        if job.cancel_requested:
            self.stop(Stop.CANCELLED)

    async def slot_requests(self) -> AsyncIterator[SlotRequest]:
        async for request in self._asked:
            yield request

    def stop(self, reason: Stop) -> None:
        if self.stopped is None:
            self.stopped = reason
            self.scope.cancel()

    def end(self) -> None:
        self.ended = True
        self._ask.close()
        self._asked.close()
        self._tell()

    def _tell(self) -> None:
        self.changed.set()
        self.changed = anyio.Event()
