"""Changing a stored graph outside a run: read, change, compare and set; again when somebody else
wrote first. Whoever was erased meanwhile does not come back with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from data411_mcp.domain.graph import Backfill
from data411_mcp.domain.jobs import Job
from data411_mcp.errors import StaleVersion
from data411_mcp.services.forgetting import Forgetting, Tombstones
from data411_mcp.services.graphs import graph_of, load_session
from data411_mcp.services.ports import Clock, Store

WRITE_ATTEMPTS = 5

Change = Callable[[Backfill, Tombstones], Awaitable[Backfill | None]]


@dataclass(frozen=True)
class GraphWriter:
    store: Store
    forgetting: Forgetting
    clock: Clock

    async def rewrite(
        self, tenant: str, chat_session_id: str, change: Change, *, job: Job | None = None
    ) -> tuple[Backfill, int]:
        """The graph as it then stands, and its version. `change` is given the graph as stored and
        the erased, whom it leaves out; None: nothing is to be written. It may be asked several
        times. With `job`, only while that job is held. Raises NotFound, StaleVersion."""
        for _ in range(WRITE_ATTEMPTS):
            row = await load_session(self.store, tenant, chat_session_id)
            before = graph_of(row)
            erased = await self.forgetting.tombstones(tenant)
            changed = await change(before, erased)
            if changed is None:
                return before, row.version
            try:
                version = await self.store.save_backfill(
                    tenant,
                    chat_session_id,
                    changed.model_dump_json(by_alias=True),
                    expected_version=row.version,
                    at=self.clock.now(),
                    job=job,
                )
            except StaleVersion:
                continue
            after = await self.forgetting.seen_to(tenant, chat_session_id, changed, version, erased)
            return after, version
        raise StaleVersion("The graph kept changing; nothing was written.", "Call again.")
