"""How many pages a run may read, and which part of that is kept for which slot."""

from __future__ import annotations

from collections.abc import Collection


class PageQuota:
    """At most `total` reads. Of these each slot of `reserve` has a share that no other slot can
    use up; what is not reserved goes to whoever comes first."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._spent = 0
        self._reserved: dict[str, int] = {}

    def reserve(self, slots: Collection[str]) -> None:
        """Keep half of the quota for these slots, in equal shares of whole pages. The other half
        is for what is read before them: the company's own site, or the search for it."""
        share = self.total // 2 // len(slots) if slots else 0
        self._reserved = dict.fromkeys(slots, share)

    def release(self, slot: str) -> None:
        """The slot is done: what it left goes to the others."""
        self._reserved.pop(slot, None)

    def take(self, slot: str = "") -> bool:
        """Whether `slot` may read one more page. Its own share goes last: what others may take
        meanwhile is used first."""
        if self._spent >= self.total:
            return False
        if self._spent + sum(self._reserved.values()) < self.total:
            self._spent += 1
            return True
        if self._reserved.get(slot, 0) == 0:
            return False
        self._reserved[slot] -= 1
        self._spent += 1
        return True
