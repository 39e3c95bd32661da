"""One run of a lead session, from the free slots to the summary.

free pass → identity → first pass → dig-deeper pass → synthesis. Each slot's haul is a checkpoint,
so a run that is killed resumes at the slots that had not landed; each landing is saved at once.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.to_thread

from data411_mcp.domain.events import EventName
from data411_mcp.domain.evidence import ReadPage
from data411_mcp.domain.gaps import find_gaps
from data411_mcp.domain.graph import Backfill, SlotRow
from data411_mcp.domain.hosts import SHARED_HOSTS, registrable_domain
from data411_mcp.domain.identity import Candidate, decide
from data411_mcp.domain.merge import assemble, statements_of
from data411_mcp.domain.metering import metered, metered_so_far, metering
from data411_mcp.domain.pricing import Quote, worth_cents
from data411_mcp.domain.slots import (
    DEEP,
    DNS,
    FORGE,
    GROUND,
    REGISTRY,
    SITE,
    SLOTS,
    SPAN,
    SWIFT,
    Pass,
    SlotState,
)
from data411_mcp.errors import VendorError
from data411_mcp.services.discovery import (
    deepen,
    found_candidates,
    join_registry,
    registry_candidates,
    site_candidate,
)
from data411_mcp.services.forgetting import Forgetting
from data411_mcp.services.graph_in_work import GraphInWork
from data411_mcp.services.hunting.brief import Brief, Haul, Sources
from data411_mcp.services.hunting.mail_dns import hunt_dns
from data411_mcp.services.hunting.models import ModelSlot, hunt_with_model
from data411_mcp.services.hunting.registry import hunt_registries
from data411_mcp.services.hunting.site import hunt_site
from data411_mcp.services.hunting.web_search import hunt_search, search_pages
from data411_mcp.services.hunts import Outcome, SlotControls, SlotTask, run_slots
from data411_mcp.services.limits import RunLimits
from data411_mcp.services.ports import Clock, JobContext, Prompts, Store
from data411_mcp.services.requests import BoundSession, SessionRequest
from data411_mcp.services.run_graph import (
    LANDED,
    candidates_for,
    compact_graph,
    counted,
    joined_rows,
    legal_names,
    new_row,
    recounted,
    running_row,
    same_company,
    spend,
)
from data411_mcp.services.shelf import Shelf


@dataclass
class SessionRun:
    """The state of one run. Made anew for each attempt of the job."""

    graph: GraphInWork
    prompts: Prompts
    store: Store
    forgetting: Forgetting
    clock: Clock
    limits: RunLimits
    controls: SlotControls = field(default_factory=SlotControls)
    candidates: list[Candidate] = field(default_factory=list)
    registered: list[Candidate] = field(default_factory=list)
    merge_at_end: bool = False  # a batch: one synthesis of all that its slots brought
    _hauls: dict[str, list[Haul]] = field(default_factory=dict)
    _landed_rows: dict[str, SlotRow] = field(default_factory=dict)  # of a batch, not merged yet
    _merging: anyio.Lock = field(default_factory=anyio.Lock)

    @property
    def ctx(self) -> JobContext:
        return self.graph.ctx

    @property
    def bound(self) -> BoundSession:
        return self.graph.bound

    @property
    def request(self) -> SessionRequest:
        return self.graph.request

    @property
    def shelf(self) -> Shelf:
        return self.graph.shelf

    @property
    def sources(self) -> Sources:
        return self.graph.sources

    # --- the story ------------------------------------------------------------------------

    async def full(self, warm_slots: Callable[[], Awaitable[frozenset[str]]]) -> bool:
        """Run everything. Returns False when the user must say which company is meant.
        `warm_slots` is asked once that is known, and names the slots that are not bought again."""
        paid = (GROUND, SPAN, FORGE, SWIFT, DEEP)
        before, done = self.graph.backfill.identity, self._brought_before(paid)
        open_ = [s for s in paid if s not in done]
        self.shelf.shares.reserve([s for s in open_ if s in self.sources.runnable()])
        self._plan(open_)
        await self._free_pass()
        if not await self._decide_identity():
            return False
        decided = self.graph.backfill.identity
        unknown = before.decision == decided.decision == "unknown"
        if not (unknown or same_company(before, decided)):
            self._plan(paid)
            done = frozenset()
        carried = done | await warm_slots()
        for slot in carried:
            self.shelf.shares.release(slot)
        await self._after_identity()
        first = [s for s in (GROUND, SPAN) if s not in carried]
        await self._pass(Pass.FIRST, first)
        deeper = [s for s in (FORGE, SWIFT, DEEP) if s not in carried]
        await self._pass(Pass.DIG_DEEPER, deeper)
        await self.graph.synthesize("session")
        return True

    def _brought_before(self, slots: Sequence[str]) -> frozenset[str]:
        """Slots whose facts are there already: an earlier run, which was cut short, bought them.
        (From zero there are none: then the graph is emptied.)"""
        rows = {s: self.graph.traced(s) for s in slots}
        brought = (SlotState.DONE.value, SlotState.REPETITION.value)
        return frozenset(
            slot
            for slot, row in rows.items()
            if row is not None and row.job_id != self.ctx.job.id and row.state in brought
        )

    async def only(self, slots: Sequence[str], reason: str = "follow-up") -> bool:
        """A follow-up: the named slots with the user's words as their brief, then the summary."""
        if not await self._some(slots):
            return False
        await self.graph.synthesize(reason)
        return True

    async def rerun(self, slots: Sequence[str], *, reason: str, refresh_summary: bool) -> bool:
        """The slots again, merged as a delta. The summary is rewritten, or left and marked."""
        if not await self._some(slots):
            return False
        if self.merge_at_end:
            await self._merge_batch()
        if refresh_summary:
            await self.graph.synthesize(reason)
        else:
            await self.graph.resolve()
        return True

    async def _some(self, slots: Sequence[str]) -> bool:
        """The named slots, all at once where it is settled which company this is."""
        choice = self.request.identity_choice
        if self.graph.backfill.identity.decision != "clear" or choice is not None:
            free = [s for s in slots if SLOTS[s].pass_ is Pass.FREE]
            await self._free_pass(only=free or None)
            if not await self._decide_identity():
                return False
            await self._after_identity()
            slots = [s for s in slots if s not in free]
        self.shelf.shares.reserve(slots)
        if SPAN in slots:
            await self._reload_pages()
        await self._pass(Pass.DIG_DEEPER, slots)
        return True

    async def carry(self, earlier: Backfill, rows: Sequence[SlotRow]) -> None:
        """Put an earlier session's findings about the same company, and the rows of the slots
        that brought them, into this graph."""
        ours = self.graph.backfill
        self.graph.backfill = assemble(
            ours,
            [*statements_of(ours), *statements_of(earlier)],
            [*ours.unmerged_candidates, *candidates_for(self.bound.key, earlier)],
        )
        # What the tenant paid for then is not found, and not paid, a second time.
        self.graph.rows = {
            slot: recounted(row, ours, earlier) if row.job_id == self.ctx.job.id else row
            for slot, row in self.graph.rows.items()
        } | {r.model_id: r for r in rows}
        self.graph.trace()
        self.graph.notice(
            "WARM_SEED_USED",
            "Started from an earlier session about this company; refresh: true runs everything "
            "from zero.",
        )
        await self.graph.save()
        self.graph.say(EventName.WARM_SEED, "Started from a warm seed.")

    async def _merge_batch(self) -> None:
        """One synthesis of graph and gaps from the union of what the slots brought, in the order
        of the catalogue, so that the first to bring a fact is the one that is paid for it."""
        self.graph.say(
            EventName.SYNTHESIS_STARTED, "Merging what the slots brought into the graph."
        )
        async with self._merging:
            for slot in SLOTS:
                if slot in self._landed_rows:
                    row = self._landed_rows[slot]
                    findings = [f for haul in self._hauls.get(slot, ()) for f in haul.findings]
                    self.graph.rows[slot] = await self.graph.merged_row(row, findings)
            self.graph.trace()
            await self.graph.save()

    def _plan(self, slots: Sequence[str]) -> None:
        """Show what is going to run, unless an earlier attempt of this job has begun with it."""
        for slot in slots:
            row = self.graph.traced(slot)
            if row is None or row.job_id != self.ctx.job.id:
                self.graph.rows[slot] = new_row(slot, SlotState.PENDING)
        self.graph.trace()

    def _within_budget(self, slots: Sequence[str]) -> Sequence[str]:
        """No further slot is begun once what vendors cost has used up the ceiling."""
        quote = Quote.model_validate_json(self.ctx.job.quote or "{}")
        cost = sum(o.cost_usd_micros for o in self.graph.outcomes().values())
        if quote.stop_at_cents is None or worth_cents(cost, quote) < quote.stop_at_cents:
            return slots
        for slot in slots:
            self.graph.rows[slot] = new_row(slot, SlotState.PENDING, "budget")
        self.graph.trace()
        self.graph.notice("BUDGET_USED_UP", "The ceiling is used up; some slots were not begun.")
        return ()

    # --- passes ---------------------------------------------------------------------------

    async def _free_pass(self, only: Sequence[str] | None = None) -> None:
        """Site, Registry and DNS in parallel; without a domain, a search for the company."""
        wanted = only if only is not None else (SITE, REGISTRY, DNS)
        key = self.bound.key
        usable = key.domain is not None and key.domain not in SHARED_HOSTS
        slots = [s for s in wanted if usable or s == REGISTRY]
        async with anyio.create_task_group() as free:
            brief = await self._briefed()
            free.start_soon(self._run, [self._task(s, brief) for s in slots])
            if not usable:
                free.start_soon(self._look_for_company)
        if usable:
            domain = key.domain or ""
            pages = self._pages_of(domain)
            self.candidates.insert(0, site_candidate(domain, pages, from_lead=True))
            if not pages or self.candidates[0].dead:
                await self._look_for_company()

    async def _look_for_company(self) -> None:
        with metering() as meter:
            try:
                pages, _ = await search_pages(await self._briefed())
            except VendorError:
                pages = []  # the identity card says that nothing was found
            await deepen(self.shelf, pages)
        async with self._merging:
            await self.graph.paid_beside_slots(meter.micros)
        self.candidates += found_candidates(self.shelf.web_pages())

    async def _decide_identity(self) -> bool:
        choice = self.request.identity_choice or self.bound.row.identity_choice
        before = self.graph.backfill.identity
        if before.decision == "clear" and choice is None and self.request.follow_up:
            return True
        known = join_registry(self.candidates, self.registered)
        card = decide(self.bound.lead, self.bound.key, known, choice=choice)
        found = any(not c.dead for c in self.candidates)
        if card.decision == "unknown" and not found and await self._nothing_reachable():
            self.graph.notice(
                "NOTHING_LOOKED_UP", "Nothing could be looked up: the machine is offline."
            )
        self.graph.backfill = self.graph.backfill.model_copy(update={"identity": card})
        await self._prove_landed()
        await self.graph.save()
        if card.decision == "ambiguous":
            self.graph.say(EventName.IDENTITY_NEEDED, "Which company is meant? Nothing was bought.",
                      choices=len(card.choices))  # fmt: skip
            return False
        self.graph.say(
            EventName.IDENTITY_DECIDED, f"Identity: {card.decision}.", decision=card.decision
        )
        return True

    async def _nothing_reachable(self) -> bool:
        return bool(self.shelf.failed) and await self.shelf.reader.offline()

    async def _after_identity(self) -> None:
        """A domain that only the search found is read now; a legal name goes to the registers."""
        brief = await self._briefed()
        late = []
        if brief.domain is not None and not self._ran(SITE):
            late += [self._task(SITE, brief), self._task(DNS, brief)]
        legal = legal_names(self.graph.backfill)
        if legal and self._wants_registry():
            late.append(self._task(REGISTRY, brief, names=legal))
        await self._run(late)
        self.graph.learn_anchors()

    def _ran(self, slot: str) -> bool:
        return slot in self.graph.rows and self.graph.rows[slot].state == SlotState.DONE

    def _wants_registry(self) -> bool:
        asked = {(self.bound.lead.company or "").casefold()}
        return any(name.casefold() not in asked for name in legal_names(self.graph.backfill))

    async def _pass(self, pass_: Pass, slots: Sequence[str]) -> None:
        settled = [s for s in slots if self._settled(s)]
        for slot in settled:
            self.shelf.shares.release(slot)
        bought = [s for s in slots if s not in settled and f"slot:{s}" in self.ctx.checkpoints]
        rest = [s for s in slots if s not in settled and s not in bought]
        slots = [*bought, *self._within_budget(rest)]
        if not slots:
            return
        labels = ", ".join(SLOTS[s].label for s in slots)
        self.graph.say(EventName.PASS_STARTED, f"{pass_.value} pass: {labels}.", slots=list(slots))
        # Before they begin: whoever looks meanwhile sees which slots are out.
        self.graph.rows |= {s: running_row(s, self.graph.traced(s), self.ctx.job.id) for s in slots}
        self.graph.trace()
        await self.graph.save()
        brief = await self._briefed()
        await self._run([self._task(s, brief) for s in slots])
        self.graph.learn_anchors()

    def _settled(self, slot: str) -> bool:
        """An earlier attempt of this job bought the slot and merged what it brought: merging it
        once more would count its cost twice and call it a repetition."""
        if f"slot:{slot}" not in self.ctx.checkpoints:
            return False
        row = self.graph.traced(slot)
        return (
            row is not None
            and row.job_id == self.ctx.job.id
            and row.state in (SlotState.DONE, SlotState.REPETITION)
        )

    # --- slots ----------------------------------------------------------------------------

    def _brief(self) -> Brief:
        gaps = find_gaps(self.graph.backfill, self.sources.offers())
        return Brief(
            lead=self.bound.lead,
            key=self.bound.key,
            identity=self.graph.backfill.identity,
            shelf=self.shelf,
            sources=self.sources,
            gaps=tuple(g.text for g in gaps),
            prompts=self.request.prompts,
            known=compact_graph(self.graph.backfill),
            page_read=lambda url: self.graph.say(
                EventName.PAGE_READ, f"Read {registrable_domain(url)}.", pages=len(self.shelf.pages)
            ),
        )

    async def _briefed(self) -> Brief:
        """One brief for the slots of a pass; in a thread, so that what was just said goes out."""
        return await anyio.to_thread.run_sync(self._brief)

    def _task(self, slot: str, brief: Brief, **more: Any) -> SlotTask:
        limits = self.limits
        spec = SLOTS[slot]
        model = ModelSlot(slot, limits.models.get(slot, spec.provider), spec.deadline_seconds)
        llm_ready = self.sources.llm is not None and self.sources.llm.configured()
        hunts: dict[str, Callable[[], Any]] = {
            SITE: lambda: hunt_site(brief, pages_max=limits.site_pages),
            REGISTRY: lambda: hunt_registries(
                brief, names=more.get("names", legal_names(self.graph.backfill))
            ),
            DNS: lambda: hunt_dns(brief),
        }
        if slot == GROUND and not llm_ready:
            hunts[GROUND] = lambda: hunt_search(brief)
        hunt = hunts.get(slot, lambda: hunt_with_model(brief, model, self.prompts))
        provider = spec.provider if slot in hunts else model.model
        return SlotTask(slot, provider, spec.deadline_seconds, hunt)

    async def _run(self, tasks: Sequence[SlotTask]) -> None:
        await run_slots(
            [self._with_checkpoint(t) for t in tasks],
            clock=self.clock,
            controls=self.controls,
            started=self._started,
            landed=self._landed,
        )

    def _with_checkpoint(self, task: SlotTask) -> SlotTask:
        """A slot whose haul was checkpointed by an earlier attempt is not hunted again."""
        step = f"slot:{task.slot}"
        saved = self.ctx.checkpoints.get(step)

        async def recall() -> Haul:
            haul = Haul.from_json(json.loads(saved or "{}"))
            metered(haul.cost_usd_micros)
            await self.shelf.read_all(dict.fromkeys(f.url for f in haul.findings), task.slot)
            return haul

        async def hunt() -> Haul:
            haul = await task.hunt()
            haul.cost_usd_micros = metered_so_far()
            erased = await self.forgetting.tombstones(self.bound.tenant)
            haul.findings = [
                f
                for f in haul.findings
                if not any(erased.mentions(t) for t in (f.value, f.person or "", f.quote))
            ]
            await self.ctx.checkpoint(
                step, json.dumps(haul.to_json()), settles=self.controls.settles(task.slot)
            )
            return haul

        paid = SLOTS[task.slot].pass_ is not Pass.FREE
        chosen = recall if saved is not None and paid else (hunt if paid else task.hunt)
        return SlotTask(task.slot, task.provider, task.deadline_seconds, chosen)

    def _started(self, slot: str) -> None:
        if not self._ran(slot):
            self.graph.rows[slot] = running_row(slot, self.graph.traced(slot), self.ctx.job.id)
            self.graph.trace()
        text = f"{SLOTS[slot].label} hunts for {SLOTS[slot].hunts_for}."
        self.graph.say(EventName.SLOT_STARTED, text, slot=slot)

    async def _landed(self, outcome: Outcome) -> None:
        """Prove, merge and save what one slot brought."""
        self.ctx.landed(outcome.row.model_id)  # before any wait: a later retry is refused
        async with self._merging:
            slot = outcome.row.model_id
            self.shelf.shares.release(slot)
            self._hauls.setdefault(slot, []).append(outcome.haul)
            if outcome.haul.records:
                self.registered = registry_candidates(outcome.haul.records)
            before = self.graph.traced(slot)
            recalled = before is not None and before.job_id == LANDED + self.ctx.job.id
            if self.merge_at_end and self.graph.backfill.identity.decision == "clear":
                row = self._landed_rows[slot] = outcome.row.model_copy(
                    update={"job_id": LANDED + self.ctx.job.id}
                )
                proven = 0
            else:
                row = await self.graph.merged_row(outcome.row, outcome.haul.findings)
                proven = row.proven
            self.graph.rows[slot] = joined_rows(self.graph.rows.get(slot), row)
            self.graph.trace()
            if not recalled:
                self.graph.backfill = spend(self.graph.backfill, outcome.row.cost_usd_micros)
            await self.graph.save()
        text = f"{row.label}: {row.state}"
        if row.state in (SlotState.DONE, SlotState.REPETITION):
            text += f", {row.findings} findings, {proven} newly proven"
        elif row.reason:
            text += f" ({row.reason})"
        self.graph.say(EventName.SLOT_FINISHED, text + ".", slot=slot, state=row.state,
                  findings=row.findings, proven=proven)  # fmt: skip

    # --- proof and merge ------------------------------------------------------------------

    async def _prove_landed(self) -> None:
        """The free slots landed before the identity was known: prove their findings now."""
        async with self._merging:
            for slot in sorted(self._hauls, key=lambda s: s != SITE):
                hauls = self._hauls[slot]
                findings = [f for haul in hauls for f in haul.findings]
                added, proven = await self.graph.merge_findings(findings)
                self.graph.rows[slot] = counted(self.graph.rows[slot], added, proven)
                self.graph.learn_anchors()
            self.graph.trace()

    # --- bookkeeping ----------------------------------------------------------------------

    def _pages_of(self, domain: str) -> list[ReadPage]:
        return [r for r in self.shelf.distinct() if registrable_domain(r.page.final_url) == domain]

    async def _reload_pages(self) -> None:
        """What the graph's evidence points to, from the page store: no page is fetched for it."""
        known = statements_of(self.graph.backfill)
        web = {"direct", "jina", "tavily"}
        found = {(e.page_sha256, e.url) for s in known for e in s.evidence if e.reader in web}
        for sha256, url in sorted(found, key=lambda f: f[1])[: self.shelf.quota // 2]:
            page = await self.store.page(self.bound.tenant, sha256, url)
            if page is not None:
                await anyio.to_thread.run_sync(self.shelf.put, page)
