"""The end of a run that did not come to its own: no slot stays open, and what was found is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

import anyio.to_thread

from data411_mcp.domain.gaps import find_gaps
from data411_mcp.domain.graph import Backfill, SlotRow, ToolTrace
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.domain.ledger import Bill, BillLine, RefundReason
from data411_mcp.domain.pricing import SESSION, ItemOutcome, Quote, QuoteItem, bill_of
from data411_mcp.domain.slots import SLOTS, Pass, SlotState
from data411_mcp.domain.summary import archive, is_current, write_summary
from data411_mcp.services.forgetting import Forgetting, Tombstones
from data411_mcp.services.graph_writer import GraphWriter
from data411_mcp.services.payloads import LEAD_SESSION
from data411_mcp.services.ports import Clock, Store
from data411_mcp.services.run_graph import LANDED, outcomes_of

_OPEN = (SlotState.PENDING.value, SlotState.RUNNING.value)


@dataclass(frozen=True)
class Closing:
    """`offers` gives the slots that could run now and their prices: for the gaps' calls. `landed`
    merges what a job's slots have brought and nobody has merged."""

    store: Store
    forgetting: Forgetting
    clock: Clock
    offers: Callable[[], Mapping[str, int]]
    landed: Callable[[Job], Awaitable[None]]

    async def close(self, job: Job, status: JobStatus, reason: str) -> Bill | None:
        """Close the graph of a job that was cancelled or failed, with `reason`, a stable word.
        Doing it twice changes nothing. Returns what its hold pays for: the slots that had landed
        with something proven. Raises StoreError."""
        state = SlotState.CANCELLED if status is JobStatus.CANCELLED else SlotState.ERROR
        await self.landed(job)
        row = await self.store.session(job.tenant, job.chat_session_id)
        if row is None or row.backfill is None:
            return None

        async def change(graph: Backfill, erased: Tombstones) -> Backfill | None:
            at = self.clock.now().isoformat()
            # In a thread: a large graph must not keep heartbeats and other chats waiting.
            closed = await anyio.to_thread.run_sync(
                partial(
                    closed_graph, graph, state, reason, at=at, offers=self.offers(),
                    rewrite=job.route == LEAD_SESSION,
                )
            )  # fmt: skip
            return None if closed == graph == erased.without(graph) else erased.without(closed)

        writer = GraphWriter(self.store, self.forgetting, self.clock)
        graph, _ = await writer.rewrite(job.tenant, job.chat_session_id, change)
        return aborted_bill(job, graph, status)


def aborted_bill(job: Job, graph: Backfill, status: JobStatus = JobStatus.CANCELLED) -> Bill:
    """A session that did not come to its end costs no base: of each paid slot that had landed
    with something proven its price, up to the base."""
    quote = Quote.model_validate_json(job.quote or "{}")
    cancelled = status is JobStatus.CANCELLED
    state = SlotState.CANCELLED if cancelled else SlotState.ERROR
    never_landed = {i.item: ItemOutcome(0, 0, 0, state.value) for i in quote.items}
    outcomes = never_landed | outcomes_of(graph, job.id)
    if not any(i.item == SESSION for i in quote.items):
        return bill_of(quote, outcomes)
    landed = [
        QuoteItem(item=slot, cents=quote.slot_cents)
        for slot in outcomes
        if slot in SLOTS and SLOTS[slot].pass_ in (Pass.FIRST, Pass.DIG_DEEPER)
    ]
    bill = bill_of(quote.model_copy(update={"items": tuple(landed), "trues_up": False}), outcomes)
    left = quote.price_cents
    lines: list[BillLine] = []
    for line in bill.lines:
        if line.refund is None and line.cents <= left:
            lines.append(line)
            left -= line.cents
    reason = RefundReason.CANCELLED if cancelled else RefundReason.VENDOR_UNAVAILABLE
    return Bill((*lines, BillLine(SESSION, left, reason)))


def closed_graph(
    graph: Backfill,
    state: SlotState,
    reason: str,
    *,
    at: str,
    offers: Mapping[str, int],
    rewrite: bool = True,
) -> Backfill:
    """The graph with its open slots in `state`, and the deterministic summary unless the one
    that is there still fits; without `rewrite` that one stays, marked stale. Gaps are those of
    what was found."""
    rows = tuple(_closed(r, state, reason, at) for r in graph.tool_trace.parallel_results)
    closed = graph.model_copy(update={"tool_trace": ToolTrace(parallel_results=rows)})
    if graph.summary_markdown and is_current(graph) and not graph.summary_stale:
        return closed
    closed = closed.model_copy(update={"gaps": find_gaps(closed, offers)})
    if graph.summary_markdown and not rewrite:
        return closed.model_copy(update={"summary_stale": True})
    return archive(closed, write_summary(closed), at=at, reason=state.value)


def _closed(row: SlotRow, state: SlotState, reason: str, at: str) -> SlotRow:
    # What a batch's slot brought is merged by now, unless there was no time for it: then it
    # counts as not run.
    unmerged = row.state == SlotState.DONE.value and row.job_id.startswith(LANDED)
    if row.state not in _OPEN and not unmerged:
        return row
    closed = {"state": state.value, "reason": reason, "finished_at": at, "job_id": ""}
    return row.model_copy(update=closed)
