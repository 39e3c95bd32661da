"""Progress events: a closed list of names, numbered per job."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict


class EventName(StrEnum):
    SESSION_STARTED = "session_started"
    LEAD_BOUND = "lead_bound"
    WARM_SEED = "warm_seed"
    SLOT_STARTED = "slot_started"
    PAGE_READ = "page_read"
    SLOT_FINISHED = "slot_finished"
    IDENTITY_DECIDED = "identity_decided"
    IDENTITY_NEEDED = "identity_needed"
    PASS_STARTED = "pass_started"
    SYNTHESIS_STARTED = "synthesis_started"
    SESSION_FINISHED = "session_finished"
    SESSION_FAILED = "session_failed"
    SESSION_CANCELLED = "session_cancelled"


class ProgressEvent(BaseModel):
    """`seq` strictly increases within a job. `message` is ours and holds no personal data;
    `context` holds ids, counts and states."""

    model_config = ConfigDict(frozen=True)

    name: EventName
    message: str
    seq: int = 0
    at: str = ""  # ISO 8601 UTC
    context: dict[str, Any] = {}
