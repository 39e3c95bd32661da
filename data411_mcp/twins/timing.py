"""How long vendors take, how often they fail by themselves, and how many calls they allow.

One table for all three. Medians and tails are published figures or, where a vendor publishes
none, estimates; the failure mix is an estimate throughout.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from data411_mcp.twins.rows import FaultSpec

_P95_SIGMAS = 1.645


@dataclass(frozen=True)
class Profile:
    """Log-normal latency by median and 95th percentile, seconds; `mix` is (per mille, fault)."""

    p50: float
    p95: float
    cap: float
    mix: tuple[tuple[float, FaultSpec], ...] = ()

    def latency_seconds(self, rng: random.Random) -> float:
        """`exp(N(ln p50, σ))` with σ from p95 = p50·e^{1.645σ}, cut at the cap."""
        sigma = math.log(self.p95 / self.p50) / _P95_SIGMAS
        return min(self.p50 * math.exp(rng.gauss(0.0, sigma)), self.cap)

    def failure(self, rng: random.Random, factor: float) -> FaultSpec | None:
        """A failure at its published rate times `factor`."""
        draw = rng.random() * 1000
        for per_mille, fault in self.mix:
            draw -= per_mille * factor
            if draw < 0:
                return fault
        return None


def _status(status: int, **more: object) -> FaultSpec:
    return FaultSpec.model_validate({"kind": "status", "status": status, **more})


def _kind(kind: str, **more: object) -> FaultSpec:
    return FaultSpec.model_validate({"kind": kind, **more})


_CHAT_MIX = (
    (10.0, _status(429, retry_after="2")),
    (5.0, _status(502)),
    (3.0, _status(503, retry_after="1")),
    (3.0, _kind("error_200")),
    (5.0, _kind("stream_error")),
    (5.0, _kind("cut_json")),
)

_BLOCKED_PAGE = (
    "Title: 403 Forbidden\n\nURL Source: https://blocked.example/\n\n"
    "Warning: Target URL returned error 403: Forbidden\n\nMarkdown Content:\n# 403 Forbidden\n"
)
_NOTHING_EXTRACTED = {
    "results": [],
    "failed_results": [{"url": "https://blocked.example/", "error": "Failed to fetch url"}],
    "response_time": 10.0,
}

PROFILES: Mapping[str, Profile] = {
    "web": Profile(0.3, 1.5, 30),
    "openrouter": Profile(2.5, 12, 120, _CHAT_MIX),
    "openrouter_search": Profile(9, 40, 120, _CHAT_MIX),
    "openrouter_deep": Profile(45, 180, 600, _CHAT_MIX),
    "jina_reader": Profile(
        5,
        20,
        180,
        (
            (30.0, _status(422)),
            (10.0, _status(429, retry_after="3")),
            (5.0, _status(451)),
            (5.0, _kind("wrong_type", status=524)),
            (60.0, _status(200, content_type="text/plain; charset=utf-8", body=_BLOCKED_PAGE)),
        ),
    ),
    "jina_search": Profile(2.2, 6, 60, ((5.0, _status(429, retry_after="3")),)),
    "tavily_search": Profile(
        0.8,
        2.2,
        60,
        ((3.0, _status(429, retry_after="5")), (2.0, _status(432)), (1.0, _status(500))),
    ),
    "tavily_search_advanced": Profile(2.5, 7, 60, ((3.0, _status(429, retry_after="5")),)),
    "tavily_extract": Profile(2, 10, 60, ((80.0, _status(200, json=_NOTHING_EXTRACTED)),)),
    "gleif": Profile(0.3, 1.2, 30),
    "edgar": Profile(0.15, 0.6, 30),
    "wikidata": Profile(0.4, 2.0, 60),
    "rdap": Profile(0.6, 4, 30),
    "acra": Profile(0.4, 1.5, 30),
    "acra_files": Profile(0.5, 3, 60),
    # A run's length is its actor's; a call to the platform about it is short.
    "apify": Profile(0.2, 0.6, 30),
    "apify_finder": Profile(12, 40, 300),
    "apify_employees": Profile(45, 160, 300),
    "apify_search": Profile(25, 90, 300),
    "zerobounce": Profile(1.5, 12, 30),
    "hunter": Profile(1.5, 8, 30),
    "neverbounce": Profile(1.5, 12, 30),
}

# How an actor's run ends by itself, per mille.
RUN_MIX: Mapping[str, tuple[tuple[float, str], ...]] = {
    "apify_finder": ((20.0, "failed"), (250.0, "empty")),
    "apify_employees": ((10.0, "timed_out"), (10.0, "failed"), (30.0, "empty")),
    "apify_search": ((10.0, "failed"), (30.0, "empty")),
}


@dataclass(frozen=True)
class Limit:
    """At most `calls` in any bucket's `seconds`, refilled evenly."""

    calls: int
    seconds: float


LIMITS: Mapping[str, Limit] = {
    "jina_reader:keyless": Limit(20, 60),
    "jina_reader:keyed": Limit(500, 60),
    "jina_search:keyed": Limit(100, 60),
    "tavily:keyless": Limit(10, 60),
    "tavily:keyed": Limit(100, 60),
    "openrouter:free": Limit(20, 60),
    "gleif": Limit(60, 60),
    "edgar": Limit(10, 1),
    "rdap": Limit(10, 10),
    "acra": Limit(4, 10),
    "acra:keyed": Limit(8, 10),
    "acra_download": Limit(2, 10),
    "acra_download:keyed": Limit(4, 10),
    "apify": Limit(60, 1),
    "hunter": Limit(10, 1),
}


@dataclass
class TokenBucket:
    """Refills evenly; `now` is an argument, in seconds of any monotonic clock."""

    limit: Limit
    tokens: float = field(init=False)
    at: float | None = None

    def __post_init__(self) -> None:
        self.tokens = float(self.limit.calls)

    def take(self, now: float) -> float:
        """Take one token; returns 0, or the seconds until there is one."""
        if self.at is not None:
            refill = (now - self.at) * self.limit.calls / self.limit.seconds
            self.tokens = min(float(self.limit.calls), self.tokens + refill)
        self.at = now
        if self.tokens >= 1:
            self.tokens -= 1
            return 0.0
        return (1 - self.tokens) * self.limit.seconds / self.limit.calls
