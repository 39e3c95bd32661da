"""What the HTTP interface is told about itself; serving.py fills it in from the settings."""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio


@dataclass(frozen=True)
class WebConfig:
    """`open_without_key`: on loopback, until the first key is made, callers without one act as
    the server's own tenant. `stopping` is set when the server is told to stop: who waits for a job
    is answered then."""

    allowed_hosts: frozenset[str]  # Host headers, lower case
    allowed_origins: frozenset[str]
    cors_origins: tuple[str, ...] = ()
    open_without_key: bool = False
    embedded_langgraph: bool = True  # serve the routes that langgraph-sdk drives
    answer_within_seconds: float = 180.0
    body_bytes_max: int = 2_000_000
    requests_per_minute: int = 600
    body_seconds_max: float = 30.0
    heartbeat_seconds: float = 15.0
    stream_seconds_max: float = 3600.0
    stopping: anyio.Event = field(default_factory=anyio.Event, compare=False)
