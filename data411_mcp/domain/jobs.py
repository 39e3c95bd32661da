"""Jobs: durable work with a lease. Pure values and the legal transitions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data411_mcp.domain.ledger import Bill

INTERACTIVE = 10  # priority of a call that somebody waits for
BATCH = 0  # of a job that was handed in


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
    """One unit of durable work. `payload`, `result`, `error` and `quote` are JSON text.

    `attempt` counts the claims of the current round that ended without an orderly hand-back; it
    starts again when a waiting job is resumed. At most one job of a chat is live (queued, running
    or waiting), and at most one with the same `opener_key`: the store sees to both.
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
    priority: int = BATCH  # higher first
    attempt: int = 0
    worker: str | None = None
    lease_until: datetime | None = None
    result: str | None = None
    error: str | None = None
    cancel_requested: bool = False
    slots_to_cancel: tuple[str, ...] = field(default=())
    slots_to_retry: tuple[str, ...] = field(default=())
    slot_requests: tuple[SlotRequest, ...] = field(default=())  # in order of `number`
    run_after: datetime | None = None  # a retry waits until then
    opener_key: str | None = None  # lead key of a call that came without a chat
    subject: str = ""  # id of the key that asked; "" for stdio and the command line
    quote: str | None = None  # Quote, as agreed when the job was handed in
    progress_key: str | None = None
    callback_url: str | None = None
    poll_bearer_sha: str | None = None  # SHA-256, hex, of the read-only bearer of this job

    @property
    def final(self) -> bool:
        return self.status in FINAL


@dataclass(frozen=True, slots=True)
class Finished:
    """The work is done; `result` is JSON text, `bill` what is captured of the precharge."""

    result: str
    bill: Bill | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """The work needs the user and goes on when it is resumed; `result` is JSON text."""

    result: str


WorkResult = Finished | Waiting
