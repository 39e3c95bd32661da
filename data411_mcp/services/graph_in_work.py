"""The graph of a run under way: findings are proven and merged into it, it is told and saved."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio.to_thread

from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.evidence import Finding, Proof, ReadPage
from data411_mcp.domain.gaps import find_gaps
from data411_mcp.domain.graph import Backfill, Notice, SlotRow, ToolTrace
from data411_mcp.domain.ledger import Bill
from data411_mcp.domain.merge import Merge, merge
from data411_mcp.domain.metering import metering
from data411_mcp.domain.pricing import ItemOutcome, Quote, bill_of
from data411_mcp.domain.proof import prove
from data411_mcp.domain.slots import SLOTS, Pass, SlotState
from data411_mcp.domain.summary import archive, content_fingerprint, is_current
from data411_mcp.errors import StaleVersion
from data411_mcp.services.forgetting import Forgetting
from data411_mcp.services.hunting.brief import Sources
from data411_mcp.services.limits import RunLimits
from data411_mcp.services.ports import Clock, JobContext, Store
from data411_mcp.services.proving import circumstances
from data411_mcp.services.requests import BoundSession, SessionRequest
from data411_mcp.services.run_graph import grown, outcomes_of, rebased, spend, spend_up_to
from data411_mcp.services.shelf import Shelf
from data411_mcp.services.synthesis import PROMPTS_NOT_FOLLOWED, Writer

SAVE_ATTEMPTS = 5
SYNTHESIS = "synthesis"  # the step of that name
BESIDE_SLOTS = "beside_slots"  # likewise


@dataclass
class GraphInWork:
    """`rows` are this run's; whoever merges holds the run's lock."""

    ctx: JobContext
    bound: BoundSession
    request: SessionRequest
    backfill: Backfill
    version: int
    shelf: Shelf
    sources: Sources
    writer: Writer
    store: Store
    forgetting: Forgetting
    clock: Clock
    limits: RunLimits
    rows: dict[str, SlotRow] = field(default_factory=dict)

    async def synthesize(self, reason: str) -> None:
        """Write the summary. What an earlier attempt of this job has written for the same graph
        is not bought again."""
        self.say(EventName.SYNTHESIS_STARTED, "Writing the summary from the graph.")
        gaps = find_gaps(self.backfill, self.sources.offers())
        graph = self.backfill.model_copy(update={"gaps": gaps})
        fingerprint = content_fingerprint(graph)
        saved = json.loads(self.ctx.checkpoints.get(SYNTHESIS, "{}"))
        graph = spend_up_to(graph, int(saved.get("spent", 0)))
        if saved.get("graph") == fingerprint:
            text, sha = saved["text"], saved["prompt_sha"]
        else:
            with metering() as meter:
                text, cost, sha = await self.writer.write(graph, self.request.prompts)
            cost += meter.micros
            graph = spend(graph, cost)
            costs = {"cost": cost + int(saved.get("cost", 0)),
                     "spent": graph.spent.vendor_usd_micros}  # fmt: skip
            written = {"graph": fingerprint, "text": text, "prompt_sha": sha, **costs}
            await self.ctx.checkpoint(SYNTHESIS, json.dumps(written))
        at = self.clock.now().isoformat()
        self.backfill = archive(graph, text, at=at, reason=reason, prompt_sha=sha)
        if self.request.follow_up and self.request.prompts and not sha:
            self.notice(*PROMPTS_NOT_FOLLOWED)
        await self.save()

    async def resolve(self) -> None:
        """Graph and gaps only: the summary stays, and is stale where the graph says more now."""
        gaps = find_gaps(self.backfill, self.sources.offers())
        graph = self.backfill.model_copy(update={"gaps": gaps})
        stale = bool(graph.summary_markdown) and not is_current(graph)
        stale = stale or graph.summary_stale
        self.backfill = graph.model_copy(update={"summary_stale": stale})
        await self.save()

    async def merged_row(self, row: SlotRow, findings: Sequence[Finding]) -> SlotRow:
        """The slot's row once its findings are proven and merged."""
        known = {u.id for u in self.backfill.unmerged_candidates}
        added, proven = await self.merge_findings(findings)
        held = sum(u.id not in known for u in self.backfill.unmerged_candidates)
        state = row.state
        if state == SlotState.DONE and SLOTS[row.model_id].pass_ is not Pass.FREE and added == 0:
            state = SlotState.REPETITION.value
        return row.model_copy(
            update={"added": added, "held": held, "proven": proven, "job_id": self.ctx.job.id,
                    "state": SlotState(state).value}
        )  # fmt: skip

    async def merge_findings(self, findings: Sequence[Finding]) -> tuple[int, int]:
        """Statements added, and newly proven. Before the identity is decided nothing is."""
        if self.backfill.identity.decision != "clear" and not self._provisional():
            return 0, 0
        graph, key = self.backfill, self.bound.key.text

        def work() -> Merge:
            return merge(graph, self._prove(findings), lead_key=key)

        # In a thread, so that progress and other chats go on meanwhile; the caller holds the lock.
        merged = await anyio.to_thread.run_sync(work)
        self.backfill = merged.backfill
        return merged.added, merged.newly_proven

    def _provisional(self) -> bool:
        """Unknown identity: the lead's own phone or street on a page may still tie it."""
        return self.backfill.identity.decision == "unknown" and bool(self.backfill.identity.anchors)

    def _prove(self, findings: Sequence[Finding]) -> list[Proof]:
        around = circumstances(
            self.backfill,
            self.bound.key,
            now=self.clock.now(),
            stale_after_days=self.limits.stale_after_days,
        )
        return [prove(f, self._page_of(f), around) for f in findings]

    def _page_of(self, finding: Finding) -> ReadPage | None:
        if finding.page_sha256:
            read = self.shelf.by_sha(finding.page_sha256, finding.url)
            if read is not None:
                return read
        return self.shelf.pages.get(finding.url.split("#", 1)[0])

    def learn_anchors(self) -> None:
        """What the company's own pages prove becomes an anchor for what outsiders say."""
        card = self.backfill.identity
        if card.decision != "clear":
            return
        self.backfill = self.backfill.model_copy(update={"identity": grown(card, self.backfill)})

    def outcomes(self) -> dict[str, ItemOutcome]:
        """What this job's slots came to, for the bill; SESSION sums them up."""
        beside = self._synthesis_cost() + self._cost_beside_slots()
        found = outcomes_of(self.backfill, self.ctx.job.id, beside)
        if SYNTHESIS in self.ctx.checkpoints:
            found[SYNTHESIS] = ItemOutcome(1, 0, 0, SlotState.DONE.value)
        return found

    def bill(self) -> Bill:
        return bill_of(Quote.model_validate_json(self.ctx.job.quote or "{}"), self.outcomes())

    async def paid_beside_slots(self, micros: int) -> None:
        """What was paid for the run as a whole, before there was a slot to put it on."""
        if micros:
            self.backfill = spend(self.backfill, micros)
            total = self._cost_beside_slots() + micros
            await self.ctx.checkpoint(BESIDE_SLOTS, json.dumps({"cost": total}))

    def _cost_beside_slots(self) -> int:
        return int(json.loads(self.ctx.checkpoints.get(BESIDE_SLOTS, "{}")).get("cost", 0))

    def _synthesis_cost(self) -> int:
        return int(json.loads(self.ctx.checkpoints.get(SYNTHESIS, "{}")).get("cost", 0))

    def traced(self, slot: str) -> SlotRow | None:
        rows = self.backfill.tool_trace.parallel_results
        return next((r for r in rows if r.model_id == slot), None)

    def trace(self) -> None:
        rows = {r.model_id: r for r in self.backfill.tool_trace.parallel_results} | self.rows
        ordered = tuple(rows[s] for s in SLOTS if s in rows)
        self.backfill = self.backfill.model_copy(
            update={"tool_trace": ToolTrace(parallel_results=ordered)}
        )

    def notice(self, code: str, text: str) -> None:
        notices = [n for n in self.backfill.notices if n.code != code]
        self.backfill = self.backfill.model_copy(
            update={"notices": (*notices, Notice(code=code, text=text))}
        )

    def say(self, name: EventName, message: str, **context: Any) -> None:
        self.ctx.emit(ProgressEvent(name=name, message=message, context=context))

    async def save(self) -> None:
        """Save without the erased; if a correction came in between, put ours on top of it."""
        for _ in range(SAVE_ATTEMPTS):
            erased = await self.forgetting.tombstones(self.bound.tenant)
            self.backfill = erased.without(self.backfill)
            try:
                self.version = await self.store.save_backfill(
                    self.bound.tenant,
                    self.bound.row.chat_session_id,
                    self.backfill.model_dump_json(by_alias=True),
                    expected_version=self.version,
                    at=self.clock.now(),
                    job=self.ctx.job,
                )
            except StaleVersion:
                row = await self.store.session(self.bound.tenant, self.bound.row.chat_session_id)
                if row is None or row.backfill is None:
                    raise
                self.version = row.version
                theirs = Backfill.model_validate_json(row.backfill)
                self.backfill = rebased(self.backfill, theirs)
                continue
            # Somebody may have been erased between the look and the write.
            if await self.forgetting.tombstones(self.bound.tenant) == erased:
                return
        raise StaleVersion("The graph kept changing while it was saved.", "Call again.")
