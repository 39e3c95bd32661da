"""Notices about final jobs that are to be sent. Pure values."""

from __future__ import annotations

from dataclasses import dataclass

CALLBACKS_OF_TENANT_MAX = 4  # on their way at once, so that hanging receivers hold up their own


@dataclass(frozen=True, slots=True)
class DueCallback:
    """A notice about a final job that is to be sent. `attempt` counts from 1."""

    job_id: str
    tenant: str
    url: str
    attempt: int
