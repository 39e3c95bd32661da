"""robots.txt (RFC 9309), asked once a day for each origin."""

from __future__ import annotations

from dataclasses import dataclass

import anyio
import httpx2
import structlog
from protego import Protego

from data411_mcp.adapters.http import HttpClient
from data411_mcp.adapters.politeness import AGENT
from data411_mcp.errors import LookupFailed
from data411_mcp.services.ports import Clock

ROBOTS_BYTES_MAX = 500_000
ROBOTS_SECONDS = 3.0
KEEP_SECONDS = 86_400.0
KEEP_UNKNOWN_SECONDS = 600.0  # no answer today is no answer for a day
ORIGINS_MAX = 2000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Rules:
    rules: Protego | None  # None: everything is allowed
    until: float  # monotonic


class Robots:
    """Whether our agent may read an address. A missing file allows; so does a server that fails
    or does not answer in time, with a note in the log."""

    def __init__(self, http: HttpClient, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._known: dict[str, _Rules] = {}
        self._asking: dict[str, anyio.Lock] = {}

    async def allows(self, url: str) -> bool:
        """Answers within `ROBOTS_SECONDS`, or when the one who asked first has the answer."""
        parsed = httpx2.URL(url)
        origin = f"{parsed.scheme}://{parsed.netloc.decode('ascii', 'replace')}"
        rules = await self._rules(origin)
        return rules is None or rules.can_fetch(url, AGENT)

    async def _rules(self, origin: str) -> Protego | None:
        # One asks, the others of the same origin wait for the answer.
        async with self._asking.setdefault(origin, anyio.Lock()):
            known = self._known.get(origin)
            if known is None or known.until <= self._clock.monotonic():
                known = await self._ask(origin)
                self._remember(origin, known)
        return known.rules

    async def _ask(self, origin: str) -> _Rules:
        now = self._clock.monotonic()
        try:
            page = await self._http.get_page(
                f"{origin}/robots.txt",
                deadline_seconds=ROBOTS_SECONDS,
                max_bytes=ROBOTS_BYTES_MAX,
                truncate=True,
                attempts_max=1,
            )
        except LookupFailed as error:
            log.info("robots_unknown", reason=error.reason)
            return _Rules(None, now + KEEP_UNKNOWN_SECONDS)
        if page.status >= 500 or page.status == 429:
            log.info("robots_unknown", reason=f"http_{page.status}")
            return _Rules(None, now + KEEP_UNKNOWN_SECONDS)
        if page.status != 200:
            return _Rules(None, now + KEEP_SECONDS)
        return _Rules(Protego.parse(page.body.decode("utf-8", "replace")), now + KEEP_SECONDS)

    def _remember(self, origin: str, rules: _Rules) -> None:
        if len(self._known) >= ORIGINS_MAX:
            oldest = next(iter(self._known))
            del self._known[oldest]
            self._asking.pop(oldest, None)
        self._known[origin] = rules
