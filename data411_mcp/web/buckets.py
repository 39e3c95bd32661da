"""Token buckets: so many requests a minute for each caller, in memory of one process."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

CALLERS_MAX = 10_000


class Buckets:
    """A bucket holds a minute's worth and fills evenly. The callers longest unseen are forgotten
    first, and then begin with a full one."""

    def __init__(self, per_minute: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._size = float(per_minute)
        self._per_second = per_minute / 60
        self._now = monotonic
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> int:
        """0 when the request may go on, else the seconds to wait."""
        now = self._now()
        level, seen = self._levels.pop(caller, (self._size, now))
        level = min(self._size, level + max(0.0, now - seen) * self._per_second)
        short = 1.0 - level
        self._levels[caller] = (level if short > 0 else level - 1.0, now)
        if len(self._levels) > CALLERS_MAX:
            self._levels.popitem(last=False)
        return math.ceil(short / self._per_second) if short > 0 else 0
