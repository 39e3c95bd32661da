"""Jobs: durable work with a lease. Pure values and the legal transitions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"  # for the user: an identity choice
    DONE = "done"
    ERROR = "error"
    CANCELLED = "cancelled"


FINAL = frozenset({JobStatus.DONE, JobStatus.ERROR, JobStatus.CANCELLED})

TRANSITIONS: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.CANCELLED}),
    JobStatus.RUNNING: frozenset({JobStatus.WAITING, JobStatus.QUEUED, *FINAL}),
    JobStatus.WAITING: frozenset({JobStatus.QUEUED, JobStatus.CANCELLED}),
    JobStatus.DONE: frozenset(),
    JobStatus.ERROR: frozenset(),
    JobStatus.CANCELLED: frozenset(),
}


class SlotWish(StrEnum):
    CANCEL = "cancel"
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class SlotRequest:
    """What the user asked of one slot of a job. The newest request of a slot replaces the one
    before; `number` grows with every request of the job, so that a repeated one is seen."""

    number: int
    slot: str
    wish: SlotWish


@dataclass(frozen=True, slots=True)
class Job:
    """One unit of durable work. `payload`, `result` and `error` are JSON text.

    `attempt` counts the claims of the current round that ended without an orderly hand-back; it
    starts again when a waiting job is resumed.
    """

    id: str
    tenant: str
    route: str  # e.g. "enrich/lead-session"
    chat_session_id: str
    lead_key: str
    payload: str
    status: JobStatus
    created_at: datetime
    updated_at: datetime
    idempotency_key: str
    priority: int = 0  # higher first
    attempt: int = 0
    worker: str | None = None
    lease_until: datetime | None = None
    result: str | None = None
    error: str | None = None
    cancel_requested: bool = False
    slots_to_cancel: tuple[str, ...] = field(default=())
    slots_to_retry: tuple[str, ...] = field(default=())
    slot_requests: tuple[SlotRequest, ...] = field(default=())  # in order of `number`

    @property
    def final(self) -> bool:
        return self.status in FINAL


@dataclass(frozen=True, slots=True)
class Finished:
    """The work is done; `result` is JSON text."""

    result: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """The work needs the user and goes on when it is resumed; `result` is JSON text."""

    result: str


WorkResult = Finished | Waiting
