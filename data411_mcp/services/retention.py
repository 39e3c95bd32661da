"""Deleting what is past its retention, while the server runs."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import anyio
import structlog

from data411_mcp.errors import StoreError
from data411_mcp.services.forgetting import Forgetting

FIRST_SECONDS = 300.0  # a server may not live for a whole interval, and is busy when it starts
SPREAD = 0.2  # of several processes on one store each waits a little longer or shorter
HOUR_SECONDS = 3600.0

log = structlog.get_logger(__name__)


def _spread() -> float:
    return random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311 - spreads load, guards nothing


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
    spread: Callable[[], float] = _spread

    async def run(self) -> None:
        """Sweep until cancelled; returns at once when there is nothing to do, ever."""
        if not self.hours:
            return
        await anyio.sleep(self.first_seconds * self.spread())
        while True:
            await self.sweep()
            await anyio.sleep(self.hours * HOUR_SECONDS * self.spread())

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
