"""What a run had brought in when it was ended early: its slots' hauls are in its checkpoints, the
pages in the page store. It is proven and merged like any other, with nothing read or bought."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from data411_mcp.domain.evidence import Page
from data411_mcp.domain.graph import Backfill, SlotRow
from data411_mcp.domain.jobs import Job, SlotRequest
from data411_mcp.domain.lead_binding import moved
from data411_mcp.domain.slots import SLOTS, SlotState
from data411_mcp.errors import LookupFailed
from data411_mcp.services.ports import JobContext, Store
from data411_mcp.services.requests import PartialRequest
from data411_mcp.services.run_graph import LANDED, spend
from data411_mcp.services.run_setup import RunSetup, load_run

if TYPE_CHECKING:  # reading pages is loaded with the first run
    from data411_mcp.services.graph_in_work import GraphInWork
    from data411_mcp.services.hunting.brief import Haul

# Slots beyond it are closed unmerged. A shutdown leaves less: whoever takes over merges then.
MERGE_SECONDS = 20.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class StoredPages:
    """Implements `ports.PageReader` from the page store alone."""

    store: Store
    tenant: str

    async def read(self, url: str, *, deadline_seconds: float, refresh: bool = False) -> Page:
        with anyio.move_on_after(deadline_seconds):
            page = await self.store.fresh_page(self.tenant, url, not_before=_EPOCH)
            if page is not None:
                return page
        raise LookupFailed("not_found", "The page store has no copy of this address.")

    async def offline(self) -> bool:
        return False


@dataclass(frozen=True)
class Landed:
    setup: RunSetup

    async def merge(self, job: Job) -> None:
        """Merge each haul that the job has bought and not merged; each is saved by itself. Doing
        it twice changes nothing. Raises StoreError."""
        row = await self.setup.store.session(job.tenant, job.chat_session_id)
        if row is None or row.backfill is None:
            return
        checkpoints = await self.setup.store.checkpoints(job.id)
        graph = Backfill.model_validate_json(row.backfill)
        slots = _unmerged(graph, job, checkpoints)
        if not slots:
            return
        with anyio.move_on_after(MERGE_SECONDS):
            await anyio.to_thread.run_sync(load_run)
            context = JobContext(job, lambda _event: None, _write_nothing, checkpoints)
            bound = await self.setup.bound(context)
            if moved(graph.lead, bound.lead):
                return
            request = PartialRequest(lead=bound.lead)
            work = await self.setup.graph(context, bound, request)
            work.shelf.reader = StoredPages(self.setup.store, job.tenant)
            for slot in slots:
                await self._merge_one(work, slot, checkpoints[f"slot:{slot}"])

    async def _merge_one(self, work: GraphInWork, slot: str, saved: str) -> None:
        from data411_mcp.services.hunting.brief import Haul

        haul = Haul.from_json(json.loads(saved))
        await work.shelf.read_all(f.url for f in haul.findings)
        before = work.traced(slot)
        assert before is not None  # noqa: S101 - `_unmerged` names slots of the trace
        if before.state != SlotState.DONE.value:  # bought, and not even shown in the trace yet
            before = _arrived(before, haul, self.setup.clock.now().isoformat())
            work.backfill = spend(work.backfill, haul.cost_usd_micros)
        work.rows[slot] = await work.merged_row(before, haul.findings)
        work.trace()
        await work.save()


def _unmerged(graph: Backfill, job: Job, steps: Collection[str]) -> list[str]:
    """In the order of the catalogue: the first to bring a fact is the one that is paid for it."""
    rows = {r.model_id: r for r in graph.tool_trace.parallel_results}
    landed = LANDED + job.id
    return [
        slot
        for slot in SLOTS
        if slot in rows
        and f"slot:{slot}" in steps
        and (
            rows[slot].state == SlotState.RUNNING.value
            or (rows[slot].state == SlotState.DONE.value and rows[slot].job_id == landed)
        )
    ]


def _arrived(row: SlotRow, haul: Haul, at: str) -> SlotRow:
    return row.model_copy(
        update={
            "state": SlotState.DONE.value,
            "provider": haul.provider or row.provider,
            "findings": len(haul.findings),
            "cost_usd_micros": haul.cost_usd_micros,
            "degraded": tuple(haul.degraded),
            "finished_at": at,
        }
    )


async def _write_nothing(step: str, outcome: str, settles: SlotRequest | None = None) -> None:
    """The job is over: no attempt reads its checkpoints any more."""
