"""The end of a run that did not come to its own: no slot stays open, and what was found is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from data411_mcp.domain.gaps import find_gaps
from data411_mcp.domain.graph import Backfill, SlotRow, ToolTrace
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.domain.slots import SlotState
from data411_mcp.domain.summary import archive, graph_fingerprint, write_summary
from data411_mcp.errors import StaleVersion
from data411_mcp.services.forgetting import Forgetting
from data411_mcp.services.ports import Clock, Store

CLOSE_ATTEMPTS = 5
_OPEN = (SlotState.PENDING.value, SlotState.RUNNING.value)


@dataclass(frozen=True)
class Closing:
    """`runnable` names the slots that could run now: the gaps' calls depend on it."""

    store: Store
    forgetting: Forgetting
    clock: Clock
    runnable: Callable[[], frozenset[str]]

    async def close(self, job: Job, status: JobStatus, reason: str) -> None:
        """Close the graph of a job that was cancelled or failed, with `reason`, a stable word.
        Doing it twice changes nothing. Raises StoreError."""
        state = SlotState.CANCELLED if status is JobStatus.CANCELLED else SlotState.ERROR
        for _ in range(CLOSE_ATTEMPTS):
            row = await self.store.session(job.tenant, job.chat_session_id)
            if row is None or row.backfill is None:
                return
            graph = Backfill.model_validate_json(row.backfill)
            at = self.clock.now().isoformat()
            closed = closed_graph(graph, state, reason, at=at, runnable=self.runnable())
            if closed == graph:
                return
            closed = (await self.forgetting.tombstones(job.tenant)).without(closed)
            try:
                await self.store.save_backfill(
                    job.tenant,
                    job.chat_session_id,
                    closed.model_dump_json(by_alias=True),
                    expected_version=row.version,
                    at=self.clock.now(),
                )
            except StaleVersion:
                continue
            return
        raise StaleVersion("The graph kept changing while it was closed.", "Call again.")


def closed_graph(
    graph: Backfill, state: SlotState, reason: str, *, at: str, runnable: frozenset[str]
) -> Backfill:
    """The graph with its open slots in `state`, and the deterministic summary unless the one
    that is there still fits. Gaps are those of what was found."""
    rows = tuple(_closed(r, state, reason, at) for r in graph.tool_trace.parallel_results)
    closed = graph.model_copy(update={"tool_trace": ToolTrace(parallel_results=rows)})
    told = graph.summary_markdown and graph_fingerprint(graph) == graph.graph_fingerprint
    if told and not graph.summary_stale:
        return closed
    closed = closed.model_copy(update={"gaps": find_gaps(closed, runnable)})
    return archive(closed, write_summary(closed), at=at, reason=state.value)


def _closed(row: SlotRow, state: SlotState, reason: str, at: str) -> SlotRow:
    if row.state not in _OPEN:
        return row
    return row.model_copy(update={"state": state.value, "reason": reason, "finished_at": at})
