"""Follow-ups that name what they want: one slot again, all open slots again, the summary again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import anyio.to_thread

from data411_mcp.domain.calls import spelled
from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.graph import Backfill, SlotRow
from data411_mcp.domain.jobs import Finished, Job, JobStatus, Waiting, WorkResult
from data411_mcp.domain.ledger import Bill
from data411_mcp.domain.pricing import QuoteItem, items_of
from data411_mcp.domain.slots import SLOTS, Pass, SlotState
from data411_mcp.errors import InvalidArgument, SlotNotRerunnable
from data411_mcp.services.accounts import sync_budget_cents
from data411_mcp.services.closing import Closing
from data411_mcp.services.lead_jobs import LeadJobs, digest_of
from data411_mcp.services.payloads import (
    SLOT_RERUN,
    SLOTS_PER_BATCH_MAX,
    SLOTS_RERUN,
    SYNTHESIZE_PATCH,
)
from data411_mcp.services.ports import JobContext
from data411_mcp.services.requests import BoundSession, PartialRequest, clean_prompts
from data411_mcp.services.routes import Started, Terms
from data411_mcp.services.run_setup import RunSetup, load_run, stored_graph
from data411_mcp.services.slot_names import slot_named
from data411_mcp.services.slot_wishes import obeying

# A slot may well be wanted twice in a row: only a client's immediate retry is joined.
RETRY_WINDOW = timedelta(seconds=60)
NOT_CONFIGURED = "not_configured"


@dataclass
class PartialRoute:
    """What the partial routes share; each says what it asks for and how it is carried out."""

    jobs: LeadJobs
    setup: RunSetup
    closing: Closing
    name: str = ""

    async def close(self, job: Job, status: JobStatus, reason: str) -> Bill | None:
        return await self.closing.close(job, status, reason)

    async def _bound(self, tenant: str, payload: Mapping[str, Any]) -> BoundSession:
        return await self.jobs.bound(
            tenant,
            payload.get("lead"),
            str(payload["chat_session_id"]),
            payload.get("prior_backfill"),
        )

    async def _submit(
        self,
        bound: BoundSession,
        request: PartialRequest,
        items: Sequence[QuoteItem],
        payload: Mapping[str, Any],
        terms: Terms,
    ) -> Started:
        digest = digest_of(self.name, request)
        found = await self.jobs.joined(
            bound, digest, terms, window=RETRY_WINDOW, slots=request.slots
        )
        if found is not None:
            return found
        quote = self.jobs.accounts.quote(
            items, terms.ceiling_cents, budget_cents=sync_budget_cents(payload.get("budget_usd"))
        )
        return await self.jobs.submit(
            bound,
            self.name,
            request.model_copy(update={"digest": digest}),
            quote,
            terms,
            progress_key=payload.get("progress_key"),
        )

    def _paid_items(self, slots: Sequence[str]) -> tuple[QuoteItem, ...]:
        paid = [s for s in slots if SLOTS[s].pass_ is not Pass.FREE]
        return items_of(paid, self.jobs.accounts.prices.slot_cents)

    def _slot(self, model_id: str, backfill: Backfill | None) -> str:
        return slot_named(model_id, self.setup.limits.run.models, backfill)

    def _runnable(self, tenant: str) -> frozenset[str]:
        return self.setup.desks(tenant).sources.runnable()

    async def _rerun(
        self, ctx: JobContext, *, refresh_summary: bool, batch: bool, reason: str
    ) -> WorkResult:
        await anyio.to_thread.run_sync(load_run)
        request = PartialRequest.model_validate_json(ctx.job.payload)
        bound = await self.setup.bound(ctx)
        say_started(ctx)
        run = await self.setup.run(ctx, bound, request, fresh_pages=True)
        run.merge_at_end = batch
        async with obeying(ctx, run):
            finished = await run.rerun(
                request.slots, reason=reason, refresh_summary=refresh_summary
            )
        if not finished:
            return Waiting(json.dumps({"needs": "identity_choice"}))
        ctx.emit(ProgressEvent(name=EventName.SESSION_FINISHED, message="Finished."))
        return Finished(json.dumps({"version": run.graph.version}), run.graph.bill())


@dataclass
class SlotRerun(PartialRoute):
    """The route `…/slot-rerun`: one slot with fresh pages, merged as a delta."""

    name: str = SLOT_RERUN

    async def start(
        self, tenant: str, payload: Mapping[str, Any], terms: Terms | None = None
    ) -> Started:
        bound = await self._bound(tenant, payload)
        slot = self._slot(str(payload["model_id"]), stored_graph(bound))
        if slot not in self._runnable(tenant):
            raise SlotNotRerunnable(
                f"{SLOTS[slot].label} is not configured on this server. Nothing was charged.",
                "See which slots can run: "
                + spelled(
                    "get_lead_graph", chat_session_id=payload["chat_session_id"], section="slots"
                )
                + "; data411-mcp doctor says which key is missing.",
            )
        request = PartialRequest(
            lead=bound.lead,
            prompts=clean_prompts(payload.get("prompts")),
            slots=(slot,),
            refresh_summary=bool(payload.get("refresh_summary")),
        )
        return await self._submit(
            bound, request, self._paid_items([slot]), payload, terms or Terms()
        )

    async def work(self, ctx: JobContext) -> WorkResult:
        request = PartialRequest.model_validate_json(ctx.job.payload)
        return await self._rerun(
            ctx, refresh_summary=request.refresh_summary, batch=False, reason="slot-rerun"
        )


@dataclass
class SlotsRerun(PartialRoute):
    """The job route `…/slots-rerun`: the slots that are pending or error, in parallel, each
    landing in the trace as it comes in, and one synthesis of graph and gaps at the end."""

    name: str = SLOTS_RERUN

    async def start(
        self, tenant: str, payload: Mapping[str, Any], terms: Terms | None = None
    ) -> Started:
        bound = await self._bound(tenant, payload)
        graph = stored_graph(bound)
        slots = self._named(payload["model_ids"], graph)
        request = PartialRequest(
            lead=bound.lead, prompts=clean_prompts(payload.get("prompts")), slots=slots
        )
        terms = terms or Terms()
        # An identical request has made its slots running or done: it is found before they are
        # looked at.
        digest = digest_of(self.name, request)
        found = await self.jobs.joined(bound, digest, terms, window=RETRY_WINDOW, slots=slots)
        if found is not None:
            return found
        refused = self._refused(tenant, slots, graph)
        if refused:
            raise SlotNotRerunnable(
                "Only slots that are pending or error can be run as a batch: "
                + "; ".join(f"{slot} is {why}" for slot, why in refused.items())
                + ". Nothing was run or charged.",
                _call_with(bound, [s for s in slots if s not in refused], slots[0]),
            )
        return await self._submit(bound, request, self._paid_items(slots), payload, terms)

    def _named(self, model_ids: object, graph: Backfill | None) -> tuple[str, ...]:
        usable = isinstance(model_ids, list | tuple) and all(isinstance(m, str) for m in model_ids)
        if not usable or not model_ids or len(model_ids) > SLOTS_PER_BATCH_MAX:  # type: ignore[arg-type]
            raise InvalidArgument(
                f"model_ids must name 1 to {SLOTS_PER_BATCH_MAX} slots.",
                'Pass e.g. model_ids: ["data411-hunt-ground"].',
            )
        slots = [self._slot(m, graph) for m in model_ids]  # type: ignore[attr-defined]
        twice = sorted({s for s in slots if slots.count(s) > 1})
        if twice:
            raise InvalidArgument(
                f"model_ids names a slot more than once: {', '.join(twice)}.",
                "Name each slot once.",
            )
        return tuple(slots)

    def _refused(self, tenant: str, slots: Sequence[str], graph: Backfill | None) -> dict[str, str]:
        rows = {r.model_id: r for r in graph.tool_trace.parallel_results} if graph else {}
        runnable = self._runnable(tenant)
        found = {s: _why_not(rows.get(s), s in runnable) for s in slots}
        return {slot: why for slot, why in found.items() if why}

    async def work(self, ctx: JobContext) -> WorkResult:
        return await self._rerun(ctx, refresh_summary=False, batch=True, reason="slots-rerun")


@dataclass
class SynthesizePatch(PartialRoute):
    """The route `…/synthesize-patch`: the graph as it stands, resolved and told anew. No page is
    read and no slot is run."""

    name: str = SYNTHESIZE_PATCH

    async def start(
        self, tenant: str, payload: Mapping[str, Any], terms: Terms | None = None
    ) -> Started:
        bound = await self._bound(tenant, payload)
        request = PartialRequest(
            lead=bound.lead,
            prompts=clean_prompts(payload.get("prompts")),
            refresh_summary=bool(payload.get("refresh_summary", True)),
        )
        cents = self.jobs.accounts.prices.synthesis_cents
        items = (QuoteItem(item="synthesis", cents=cents),) if cents else ()
        return await self._submit(bound, request, items, payload, terms or Terms())

    async def work(self, ctx: JobContext) -> WorkResult:
        await anyio.to_thread.run_sync(load_run)
        request = PartialRequest.model_validate_json(ctx.job.payload)
        bound = await self.setup.bound(ctx)
        say_started(ctx)
        graph = await self.setup.graph(ctx, bound, request)
        if request.refresh_summary:
            await graph.synthesize("synthesize-patch")
        else:
            await graph.resolve()
        ctx.emit(ProgressEvent(name=EventName.SESSION_FINISHED, message="Finished."))
        return Finished(json.dumps({"version": graph.version}), graph.bill())


def say_started(ctx: JobContext) -> None:
    ctx.emit(
        ProgressEvent(
            name=EventName.SESSION_STARTED,
            message="Started.",
            context={"chat_session_id": ctx.job.chat_session_id, "route": ctx.job.route},
        )
    )


def _why_not(row: SlotRow | None, configured: bool) -> str:
    """Why a slot cannot be part of a batch; "" when it can. No job of the chat is live: what still
    says that it runs was left by one that did not come to close it."""
    if row is None:
        return "not in this chat's trace"
    if row.state not in (SlotState.PENDING, SlotState.RUNNING, SlotState.ERROR):
        return row.state
    return "" if configured else NOT_CONFIGURED


def _call_with(bound: BoundSession, slots: Sequence[str], refused: str) -> str:
    """The batch of the slots that can be run; else one slot alone, whatever its state."""
    chat = bound.row.chat_session_id
    if not slots:
        call = spelled("rerun_hunt_slot", chat_session_id=chat, model_id=refused)
        return f"To run one slot again whatever its state, call {call}."
    payload = {"chat_session_id": chat, "model_ids": list(slots)}
    return f"Call {spelled('submit_enrich_job', route=SLOTS_RERUN, payload=payload)}."
