"""Parts that are made when they are first needed: their tables and extraction rules take half a
second to import, and a process that only answers questions needs none of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
import anyio.to_thread

from data411_mcp.domain.icp.reflection import Decisions
from data411_mcp.domain.icp.run import IcpRun
from data411_mcp.domain.icp.values import EnrichedCompany, Lookalike
from data411_mcp.services.icp.parts import Enricher, Planner
from data411_mcp.services.ports import JobContext


@dataclass
class LatePlanner:
    """`make` imports, so it is called in a thread."""

    make: Callable[[], Planner]
    _made: Planner | None = None
    _lock: anyio.Lock = field(default_factory=anyio.Lock, repr=False)

    async def part(self) -> Planner:
        async with self._lock:
            if self._made is None:
                self._made = await anyio.to_thread.run_sync(self.make)
            return self._made

    async def plan(self, ctx: JobContext, run: IcpRun) -> tuple[Lookalike, ...]:
        return await (await self.part()).plan(ctx, run)


@dataclass
class LateEnricher:
    make: Callable[[], Enricher]
    _made: Enricher | None = None
    _lock: anyio.Lock = field(default_factory=anyio.Lock, repr=False)

    async def part(self) -> Enricher:
        async with self._lock:
            if self._made is None:
                self._made = await anyio.to_thread.run_sync(self.make)
            return self._made

    async def enrich(
        self, ctx: JobContext, run: IcpRun, like: Lookalike, decisions: Decisions
    ) -> EnrichedCompany:
        return await (await self.part()).enrich(ctx, run, like, decisions)

    async def company(self, tenant: str, stub: EnrichedCompany) -> EnrichedCompany:
        return await (await self.part()).company(tenant, stub)
