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

    # Of the ICP finder, in the words of the specification's list of labels.
    ICP_INTAKE_SAVED = "icp:intake_saved"
    ICP_SEEDS_MAPPED = "icp:seeds_mapped"
    ICP_CONFIRM_PENDING = "icp:confirm_pending"
    ICP_PLANNING_START = "icp:planning_start"
    ICP_TOPLIKES_READY = "icp:toplikes_ready"
    ICP_PROFILE_READY = "icp:profile_ready"
    ICP_PROGRESS_SUMMARY = "icp:progress_summary"
    ICP_CANDIDATES_FOUND = "icp:candidates_found"
    ICP_REFLECTION = "icp:reflection"
    ENRICH_START_TOP10 = "enrich:start_top10"
    ENRICH_COMPANY_TICK = "enrich:company_tick"
    ENRICH_SUMMARY = "enrich:summary"
    ENRICH_NEXT40_ENQUEUED = "enrich:next40_enqueued"
    EMAIL_STATUS = "email:status"
    CRM_STATUS = "crm:status"


class ProgressEvent(BaseModel):
    """`seq` strictly increases within a job. `message` is ours and holds no personal data;
    `context` holds ids, counts and states."""

    model_config = ConfigDict(frozen=True)

    name: EventName
    message: str
    seq: int = 0
    at: str = ""  # ISO 8601 UTC
    context: dict[str, Any] = {}
