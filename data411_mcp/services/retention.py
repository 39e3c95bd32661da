"""Deleting what is past its retention, while the server runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from data411_mcp.errors import StoreError
from data411_mcp.services.forgetting import Forgetting
from data411_mcp.services.periodic import periodically, spread

FIRST_SECONDS = 300.0  # a server may not live for a whole interval, and is busy when it starts

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Retention:
    """`hours` between two sweeps; 0: never. A sweep deletes by age alone, so that several
    processes on one store do no harm to each other: the later one finds less to delete."""

    forgetting: Forgetting
    pages_days: int
    graphs_days: int
    jobs_days: int
    hours: float
    first_seconds: float = FIRST_SECONDS
    spread: Callable[[], float] = spread

    async def run(self) -> None:
        """Sweep until cancelled; returns at once when there is nothing to do, ever."""
        await periodically(
            self.sweep, hours=self.hours, first_seconds=self.first_seconds, spread=self.spread
        )

    async def sweep(self) -> None:
        """One sweep. A store that is busy or away is left for the next one."""
        try:
            deleted = await self.forgetting.purge(
                pages_days=self.pages_days, graphs_days=self.graphs_days, jobs_days=self.jobs_days
            )
        except StoreError as error:
            log.warning("retention_failed", code=error.code)
            return
        log.info("retention", **dict(deleted))
