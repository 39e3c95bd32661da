"""How this process behaves towards other people's servers: who it says it is, how often it
knocks, when it tries again, and when it leaves a failing host alone.

There is one retry layer, `retry_delay` as used by `adapters.http`; SDK clients run without theirs.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import anyio

from data411_mcp import __version__
from data411_mcp.settings import Settings

AGENT = "data411-mcp"
RETRY_STATUSES_ANY = frozenset({429, 503})  # the server says it did nothing
RETRY_STATUSES_IDEMPOTENT = RETRY_STATUSES_ANY | {502, 504}
BACKOFF_FIRST_SECONDS = 0.25
GATES_MAX = 1000


def user_agent(settings: Settings) -> str:
    """Honest and with a contact, as SEC EDGAR and Wikimedia ask."""
    return f"{AGENT}/{__version__} (+mailto:{settings.contact_email})"


def retry_after_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """What a `Retry-After` header asks for: seconds (a fraction too) or an HTTP date (RFC 9110
    §10.2.3). Past dates and negative numbers are 0; None when missing or garbage."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            at = parsedate_to_datetime(value)
        except (ValueError, TypeError):
            return None
        seconds = (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds()
    return max(0.0, seconds) if seconds < float("inf") else None


def retry_delay(attempt: int, asked_seconds: float | None) -> float:
    """Seconds to wait before the try after `attempt` (1, 2, …): what the server asked for, else
    exponential with full jitter, so that many clients do not come back together."""
    if asked_seconds is not None:
        return asked_seconds
    backoff = BACKOFF_FIRST_SECONDS * float(2 ** (attempt - 1))
    return random.uniform(backoff / 2, backoff)  # noqa: S311


@dataclass(slots=True)
class _Gate:
    places: anyio.Semaphore
    turn: anyio.Lock = field(default_factory=anyio.Lock)
    next_start: float = 0.0  # anyio clock
    users: int = 0


class HostGates:
    """At most `concurrency` requests at once to one host, started `interval_seconds` apart."""

    def __init__(self, concurrency: int, interval_seconds: float) -> None:
        self._concurrency = concurrency
        self._interval_seconds = interval_seconds
        self._gates: dict[str, _Gate] = {}

    @asynccontextmanager
    async def enter(self, host: str) -> AsyncIterator[None]:
        gate = self._gate(host)
        gate.users += 1
        try:
            async with gate.places:
                async with gate.turn:
                    await anyio.sleep(max(0.0, gate.next_start - anyio.current_time()))
                    gate.next_start = anyio.current_time() + self._interval_seconds
                yield
        finally:
            gate.users -= 1

    def _gate(self, host: str) -> _Gate:
        if host not in self._gates:
            if len(self._gates) >= GATES_MAX:
                self._gates = {h: g for h, g in self._gates.items() if g.users}
            self._gates[host] = _Gate(anyio.Semaphore(self._concurrency))
        return self._gates[host]


class Breaker:
    """Leaves a host alone for `pause_seconds` after `failures_max` failures in a row, or for as
    long as the host itself asked. After the pause one failure is enough to pause again."""

    def __init__(
        self, monotonic: Callable[[], float], *, failures_max: int, pause_seconds: float
    ) -> None:
        self._monotonic = monotonic
        self._failures_max = failures_max
        self._pause_seconds = pause_seconds
        self._streak: dict[str, int] = {}
        self._closed_until: dict[str, float] = {}

    def seconds_left(self, host: str) -> float:
        """0 when the host may be asked."""
        return max(0.0, self._closed_until.get(host, 0.0) - self._monotonic())

    def succeeded(self, host: str) -> None:
        self._streak.pop(host, None)
        self._closed_until.pop(host, None)

    def failed(self, host: str) -> None:
        streak = self._streak[host] = self._streak.get(host, 0) + 1
        if streak >= self._failures_max:
            self.pause(host, self._pause_seconds)

    def pause(self, host: str, seconds: float) -> None:
        until = self._monotonic() + seconds
        self._closed_until[host] = max(until, self._closed_until.get(host, 0.0))


class Allowance:
    """At most `limit` calls in any `window_seconds`: a sliding window, because a leaky bucket
    would let twice the limit through in the first window."""

    def __init__(self, limit: int, window_seconds: float, monotonic: Callable[[], float]) -> None:
        self._limit = limit
        self._window_seconds = window_seconds
        self._monotonic = monotonic
        self._taken: deque[float] = deque()

    def take(self) -> bool:
        """Use one call; False, and nothing used, when there is none left."""
        now = self._monotonic()
        while self._taken and self._taken[0] <= now - self._window_seconds:
            self._taken.popleft()
        if len(self._taken) >= self._limit:
            return False
        self._taken.append(now)
        return True

    def seconds_left(self) -> float:
        """0 when a call may be used now."""
        if len(self._taken) < self._limit:
            return 0.0
        return max(0.0, self._taken[0] + self._window_seconds - self._monotonic())
