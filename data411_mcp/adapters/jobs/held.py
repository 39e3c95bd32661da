"""The jobs this process holds a lease of: their events in memory, their wishes, their stop."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from enum import StrEnum
from itertools import takewhile

import anyio
import structlog

from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.jobs import Job, SlotRequest, SlotWish
from data411_mcp.services.ports import Clock

EVENTS_PER_JOB_MAX = 10_000  # a job that says more is broken; the rest is dropped
EVENTS_KEPT_IN_MEMORY = 500  # saved events beyond these are read from the store
ENDS = frozenset(
    {
        EventName.SESSION_FINISHED,
        EventName.SESSION_FAILED,
        EventName.SESSION_CANCELLED,
        EventName.IDENTITY_NEEDED,
    }
)
LANDED = "landed:"  # checkpoint of a slot that takes no retry any more, for other processes

log = structlog.get_logger(__name__)


class Stop(StrEnum):
    """Why the runner ends the work early."""

    CANCELLED = "cancelled"
    LOST = "lost"  # the lease lapsed: another worker may have the job


class HeldJob:
    """One claim of one job. Numbers events at once in memory, so that followers hear of them
    before the store does; only the holder of the lease gives out numbers."""

    def __init__(self, job: Job, clock: Clock, lapses_at: float = -math.inf) -> None:
        """`lapses_at`: when the lease ends by `anyio.current_time()`, which no clock jump moves."""
        self.job = job
        self.lapses_at = lapses_at
        self.scope = anyio.CancelScope()
        self.stopped: Stop | None = None
        self.ended = False
        self.over = False  # its end is stored: it needs no further attempt
        self.changed = anyio.Event()  # set and replaced at every event and at the end
        self.saving = anyio.Lock()
        self._clock = clock
        self._events: deque[ProgressEvent] = deque()
        self._saved_seq = 0
        self._last_seq = 0
        self._seen_request = 0
        self._heard_request = 0
        self._landed: set[str] = set()
        self._refused: set[int] = set()
        self._notes: deque[tuple[str, int | None]] = deque()
        self._ask, self._asked = anyio.create_memory_object_stream[SlotRequest](math.inf)

    @property
    def holder(self) -> str:
        """The name the lease is held under; another claim has another one."""
        return self.job.worker or ""

    # --- events --------------------------------------------------------------------------

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

    def before_the_end(self) -> tuple[ProgressEvent, ...]:
        """What is unsaved and does not tell an end: that is saved with the end itself, or a worker
        killed between the two would leave a job that is told to be over and goes on."""
        return tuple(takewhile(lambda event: event.name not in ENDS, self.unsaved()))

    def saved(self, seq: int) -> None:
        self._saved_seq = seq
        while len(self._events) > EVENTS_KEPT_IN_MEMORY and self._events[0].seq <= seq:
            self._events.popleft()

    # --- wishes --------------------------------------------------------------------------

    def heed(self, job: Job) -> None:
        """Act on what the store says is asked of the job; what is known already is ignored."""
        for request in job.slot_requests:
            if request.number > self._seen_request and not self.ended:
                self._seen_request = request.number
                self._ask.send_nowait(request)
        if job.cancel_requested:
            self.stop(Stop.CANCELLED)

    async def slot_requests(self) -> AsyncIterator[SlotRequest]:
        """What the work hears. Whether a slot has landed is looked at as the wish is handed over:
        the work has no turn in between, so that no wish is lost between the two."""
        async for request in self._asked:
            if request.wish is SlotWish.RETRY and request.slot in self._landed:
                self._refused.add(request.number)
                self._notes.append((request.slot, request.number))
                self._heard(request)
                continue
            self._heard(request)
            yield request

    def land(self, slot: str) -> None:
        """The work says: no retry of this slot is answered any more."""
        if slot not in self._landed and not self.ended:
            self._landed.add(slot)
            self._notes.append((slot, None))
            self._tell()

    def landed(self, slot: str) -> bool:
        return slot in self._landed

    def refused(self, number: int) -> bool:
        return number in self._refused

    async def heard(self, number: int) -> None:
        """Wait until the work has heard the wish of that number, or the attempt is over."""
        while self._heard_request < number and not self.ended:
            await self.changed.wait()

    def _heard(self, request: SlotRequest) -> None:
        self._heard_request = request.number
        self._tell()

    def next_note(self) -> tuple[str, int | None] | None:
        """A slot that has landed, and the wish that came too late for it: to be stored."""
        return self._notes[0] if self._notes else None

    def noted(self) -> None:
        self._notes.popleft()

    # --- the end -------------------------------------------------------------------------

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


class HeldJobs:
    """All of them, and who waits for news of which."""

    def __init__(self) -> None:
        self._held: dict[str, HeldJob] = {}
        self._news: dict[str, anyio.Event] = {}  # of jobs that are followed
        self._followers: Counter[str] = Counter()
        self._changed = anyio.Event()

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[HeldJob]:
        return iter(tuple(self._held.values()))

    @property
    def changed(self) -> anyio.Event:
        """Set and replaced when a job comes or ends here: there is room, or work."""
        return self._changed

    def sure(self) -> frozenset[str]:
        """Ids of the jobs whose lease holds by the monotonic clock."""
        now = anyio.current_time()
        return frozenset(name for name, held in self._held.items() if held.lapses_at > now)

    def look_again(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    def take(self, held: HeldJob) -> None:
        earlier = self._held.get(held.job.id)
        if earlier is not None:  # its lease has lapsed, or we could not have claimed it anew
            earlier.stop(Stop.LOST)
        self._held[held.job.id] = held

    def let_go(self, held: HeldJob) -> None:
        if self._held.get(held.job.id) is held:
            del self._held[held.job.id]
        held.end()
        self.tell(held.job.id)
        self.look_again()

    def get(self, job_id: str) -> HeldJob | None:
        return self._held.get(job_id)

    def of(self, tenant: str, job_id: str) -> HeldJob | None:
        held = self._held.get(job_id)
        return held if held is not None and held.job.tenant == tenant else None

    @contextmanager
    def followed(self, job_id: str) -> Iterator[None]:
        """While somebody follows the job, there is news of it."""
        self._followers[job_id] += 1
        try:
            yield
        finally:
            self._followers[job_id] -= 1
            if not self._followers[job_id]:
                del self._followers[job_id]
                self._news.pop(job_id, None)

    def news(self, job_id: str) -> anyio.Event:
        """Set at the next thing that is heard of the job: that it started or ended here, or that
        another process did something to it."""
        return self._news.setdefault(job_id, anyio.Event())

    def tell(self, job_id: str) -> None:
        news = self._news.pop(job_id, None)
        if news is not None:
            news.set()
