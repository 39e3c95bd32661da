"""What every route of the jobs API is: a way to start a job, the job's work, and its tidy end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from data411_mcp.domain.graph import Notice
from data411_mcp.domain.jobs import INTERACTIVE, Job, JobStatus, WorkResult
from data411_mcp.domain.ledger import Bill
from data411_mcp.services.ports import JobContext
from data411_mcp.services.requests import BoundSession


@dataclass(frozen=True)
class Terms:
    """How a call is run and paid, whatever the route. `ceiling_cents` is the most it may cost
    (`bill_up_to_usd` of a job); None: the route's price."""

    subject: str = ""
    ceiling_cents: int | None = None
    priority: int = INTERACTIVE
    callback_url: str | None = None
    poll_bearer_sha: str | None = None
    idempotency_key: str | None = None  # the caller's own, unique within its tenant


@dataclass(frozen=True)
class Started:
    """A call that was bound and checked, and the job that does it. `joined`: an identical
    request had started the job already, or a run under way was joined."""

    bound: BoundSession | None  # None: the route has no lead
    job: Job
    notices: tuple[Notice, ...] = ()
    joined: bool = False


class Route(Protocol):
    name: str

    async def start(
        self, tenant: str, payload: Mapping[str, Any], terms: Terms | None = None
    ) -> Started:
        """Bind, check, quote, precharge and submit; or find the job that an identical request
        has started. Raises CallerError, with nothing charged."""

    async def work(self, ctx: JobContext) -> WorkResult:
        """The job's work, resumable from its checkpoints."""

    async def close(self, job: Job, status: JobStatus, reason: str) -> Bill | None:
        """Tidy up after a job that was cancelled or failed; what is to be captured of it."""
