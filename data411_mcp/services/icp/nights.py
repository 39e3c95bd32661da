"""The nightly run as a periodic job of a server, for whoever has no cron."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from data411_mcp.errors import Data411Error
from data411_mcp.services.icp.nightly import Nightly
from data411_mcp.services.periodic import periodically, spread

FIRST_SECONDS = 3600.0  # a server that was just started has other things to do

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Nights:
    """`hours` between two runs; 0: never. Two processes at once ask some companies twice, and
    write the same."""

    nightly: Nightly
    hours: float
    first_seconds: float = FIRST_SECONDS
    spread: Callable[[], float] = spread

    async def run(self) -> None:
        """Run until cancelled; returns at once when there is nothing to do, ever."""
        await periodically(
            self._night, hours=self.hours, first_seconds=self.first_seconds, spread=self.spread
        )

    async def _night(self) -> None:
        try:
            await self.nightly.run()
        except Data411Error as error:
            log.warning("icp_nightly_failed", code=error.code)
        except Exception as error:
            # A bug of the night must not end the server. Its text may hold people's data.
            log.error("icp_nightly_crashed", error=type(error).__name__)
