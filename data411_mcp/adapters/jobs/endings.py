"""How an attempt of a job ends: done, waiting, cancelled, failed, or to be tried again."""

from __future__ import annotations

import json
import random
import traceback
from dataclasses import dataclass

from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.domain.ledger import Bill
from data411_mcp.errors import CallerError, Data411Error

ATTEMPTS_MAX = 5
BACKOFF_SECONDS = 1.0  # before the second attempt; four times that before each further one
BACKOFF_SECONDS_MAX = 16.0
CANCELLED_REASON = "cancelled"

SESSION_CANCELLED = ProgressEvent(name=EventName.SESSION_CANCELLED, message="Cancelled.")


@dataclass(frozen=True, slots=True)
class Ending:
    """`result` and `error` are JSON text; `code` is a stable word why it did not go well.
    `again`: the job may be tried again, if attempts are left."""

    status: JobStatus
    result: str | None = None
    error: str | None = None
    code: str = ""
    bill: Bill | None = None
    again: bool = False

    @property
    def reason(self) -> str:
        return self.code.lower()


CANCELLED = Ending(JobStatus.CANCELLED, code=CANCELLED_REASON)


def failure(
    code: str, message: str, hint: str = "", *, retryable: bool = False, again: bool = False
) -> Ending:
    error = {"code": code, "message": message, "hint": hint, "retryable": retryable}
    return Ending(JobStatus.ERROR, error=json.dumps(error), code=code, again=again)


def failed_by(error: Data411Error) -> Ending:
    again = error.retryable and not isinstance(error, CallerError)
    return failure(error.code, error.message, error.hint, retryable=error.retryable, again=again)


def crashed(error_id: str) -> Ending:
    return failure(
        Data411Error.code,
        f"The job crashed; its error id is {error_id}.",
        "Report the error id to whoever runs this server.",
        again=True,
    )


def failed_event(code: str) -> ProgressEvent:
    return ProgressEvent(name=EventName.SESSION_FAILED, message="Failed.", context={"code": code})


def backoff_seconds(attempt: int, first: float = BACKOFF_SECONDS) -> float:
    """How long to wait after that attempt (from 1): between a half and the whole of 1, 4, 16,
    16, … times the first, so that what failed together does not come back together."""
    longest = min(first * 4.0 ** (attempt - 1), first * BACKOFF_SECONDS_MAX)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing


def ours(error: Exception) -> Data411Error | None:
    """Our own error, also where a task group has wrapped it alone."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error if isinstance(error, Data411Error) else None


def trace(error: BaseException) -> list[str]:
    """Types and places, without the messages: those may hold page text or people's data."""
    lines = [type(error).__name__]
    lines += [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            lines += trace(inner)
    return lines
