"""The limits that use cases work within, from the settings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RunLimits:
    """Limits of one run, from the settings."""

    site_pages: int
    stale_after_days: int
    models: dict[str, str]  # slot id → provider slug


@dataclass(frozen=True)
class Limits:
    """From the settings; seconds, hours, counts."""

    run: RunLimits
    page_quota: int
    page_deadline_seconds: float
    seed_ttl_hours: float
    synthesis_model: str
