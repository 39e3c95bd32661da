"""What vendors cost, counted where it arises. Whoever begins some work puts a meter up; what is
paid in that work, in its tasks too, runs up on it, whether the work comes to anything or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Meter:
    """In micro-dollars."""

    micros: int = 0


_METER: ContextVar[Meter | None] = ContextVar("data411_vendor_cost", default=None)


@contextmanager
def metering() -> Iterator[Meter]:
    """A meter of its own for the block: nothing of it runs up on the one around."""
    meter = Meter()
    token = _METER.set(meter)
    try:
        yield meter
    finally:
        _METER.reset(token)


def metered(micros: int) -> None:
    """Somebody has charged for a reply."""
    meter = _METER.get()
    if meter is not None:
        meter.micros += micros


def metered_so_far() -> int:
    meter = _METER.get()
    return 0 if meter is None else meter.micros
