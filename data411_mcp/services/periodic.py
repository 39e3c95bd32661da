"""Work that a server does again and again while it runs."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

import anyio

SPREAD = 0.2  # of several processes on one store each waits a little longer or shorter
HOUR_SECONDS = 3600.0


def spread() -> float:
    return random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311 - spreads load, guards nothing


async def periodically(
    work: Callable[[], Awaitable[None]],
    *,
    hours: float,
    first_seconds: float,
    spread: Callable[[], float],
) -> None:
    """Do it until cancelled; returns at once where `hours` is 0: never. What `work` raises ends
    it."""
    if not hours:
        return
    await anyio.sleep(first_seconds * spread())
    while True:
        await work()
        await anyio.sleep(hours * HOUR_SECONDS * spread())
