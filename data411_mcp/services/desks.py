"""Where the work of one tenant is done: its own pages, and the outside world shared with all."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from data411_mcp.services.ports import PageReader

if TYPE_CHECKING:  # slots are imported with the first run
    from data411_mcp.services.hunting.brief import Sources

DESKS_MAX = 256


@dataclass(frozen=True)
class Desk:
    """What is read through it is stored for its tenant, and read again by that tenant only."""

    reader: PageReader
    sources: Sources


@dataclass
class Desks:
    """A tenant's desk, made when it is first asked for. `make` shares between tenants what is not
    a tenant's: connections, politeness, rate limits, circuit breakers, the language model. The
    one unused for longest is given up for a new one; whoever works at it keeps it."""

    make: Callable[[str], Desk]
    size: int = DESKS_MAX
    _desks: OrderedDict[str, Desk] = field(default_factory=OrderedDict, repr=False)

    def __call__(self, tenant: str) -> Desk:
        desk = self._desks.get(tenant)
        if desk is None:
            desk = self._desks[tenant] = self.make(tenant)
        self._desks.move_to_end(tenant)
        if len(self._desks) > self.size:
            self._desks.popitem(last=False)
        return desk
