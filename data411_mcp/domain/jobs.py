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


@dataclass(frozen=True, slots=True)
class Job:
    """One unit of durable work. `payload`, `result` and `error` are JSON text."""

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

    @property
    def final(self) -> bool:
        return self.status in FINAL
