"""One run of a lead session, from the free slots to the summary.

free pass → identity → first pass → dig-deeper pass → synthesis. Each slot's haul is a checkpoint,
so a run that is killed resumes at the slots that had not landed; each landing is saved at once.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import anyio
import anyio.to_thread

from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.evidence import Finding, Proof, ReadPage
from data411_mcp.domain.gaps import find_gaps
from data411_mcp.domain.graph import (
    Anchor,
    Backfill,
    FieldName,
    IdentityCard,
    Notice,
    SlotRow,
    Spent,
    Status,
    ToolTrace,
)
from data411_mcp.domain.hosts import SHARED_HOSTS, registrable_domain
from data411_mcp.domain.identity import Candidate, decide
from data411_mcp.domain.merge import Merge, assemble, merge, statements_of
from data411_mcp.domain.proof import prove
from data411_mcp.domain.slots import (
    AGENT,
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
from data411_mcp.domain.summary import archive
from data411_mcp.errors import StaleVersion, VendorError
from data411_mcp.services.discovery import (
    deepen,
    found_candidates,
    join_registry,
    registry_candidates,
    site_candidate,
)
from data411_mcp.services.forgetting import Forgetting
from data411_mcp.services.hunting.brief import Brief, Haul, Sources
from data411_mcp.services.hunting.mail_dns import hunt_dns
from data411_mcp.services.hunting.models import ModelSlot, hunt_with_model
from data411_mcp.services.hunting.registry import hunt_registries
from data411_mcp.services.hunting.site import hunt_site
from data411_mcp.services.hunting.web_search import hunt_search, search_pages
from data411_mcp.services.hunts import Outcome, SlotControls, SlotTask, run_slots
from data411_mcp.services.limits import RunLimits
from data411_mcp.services.ports import Clock, JobContext, Prompts, Store
from data411_mcp.services.proving import circumstances
from data411_mcp.services.requests import BoundSession, SessionRequest
from data411_mcp.services.shelf import Shelf
from data411_mcp.services.synthesis import Writer

SAVE_ATTEMPTS = 5


@dataclass
class SessionRun:
    """The state of one run. Made anew for each attempt of the job."""

    ctx: JobContext
    bound: BoundSession
    request: SessionRequest
    backfill: Backfill
    version: int
    shelf: Shelf
    sources: Sources
    prompts: Prompts
    writer: Writer
    store: Store
    forgetting: Forgetting
    clock: Clock
    limits: RunLimits
    controls: SlotControls = field(default_factory=SlotControls)
    candidates: list[Candidate] = field(default_factory=list)
    registered: list[Candidate] = field(default_factory=list)
    rows: dict[str, SlotRow] = field(default_factory=dict)
    _hauls: dict[str, list[Haul]] = field(default_factory=dict)
    _merging: anyio.Lock = field(default_factory=anyio.Lock)

    # --- the story ------------------------------------------------------------------------

    async def full(self, warm_slots: Callable[[], Awaitable[frozenset[str]]]) -> bool:
        """Run everything. Returns False when the user must say which company is meant.
        `warm_slots` is asked once that is known, and names the slots that are not bought again."""
        bought = [s for s in (GROUND, SPAN, FORGE, SWIFT, DEEP) if s in self.sources.runnable()]
        self.shelf.shares.reserve(bought)
        await self._free_pass()
        if not await self._decide_identity():
            return False
        carried = await warm_slots()
        for slot in carried:
            self.shelf.shares.release(slot)
        await self._after_identity()
        first = [s for s in (GROUND, SPAN) if s not in carried]
        await self._pass(Pass.FIRST, first)
        deeper = [s for s in (FORGE, SWIFT, DEEP) if s not in carried]
        await self._pass(Pass.DIG_DEEPER, deeper)
        await self.synthesize("session")
        return True

    async def only(self, slots: Sequence[str]) -> bool:
        """A follow-up: the named slots with the user's words as their brief, then the summary."""
        free = [s for s in slots if SLOTS[s].pass_ is Pass.FREE]
        if free or self.backfill.identity.decision != "clear":
            await self._free_pass(only=free or None)
            if not await self._decide_identity():
                return False
            await self._after_identity()
        rest = [s for s in slots if s not in free]
        self.shelf.shares.reserve(rest)
        await self._reload_pages()
        await self._pass(Pass.DIG_DEEPER, rest)
        await self.synthesize("follow-up")
        return True

    async def carry(self, earlier: Backfill, rows: Sequence[SlotRow]) -> None:
        """Put an earlier session's findings about the same company, and the rows of the slots
        that brought them, into this graph."""
        ours = self.backfill
        self.backfill = assemble(
            ours,
            [*statements_of(ours), *statements_of(earlier)],
            [*ours.unmerged_candidates, *earlier.unmerged_candidates],
        )
        self.rows |= {r.model_id: r for r in rows}
        self._trace()
        self._notice(
            "WARM_SEED_USED",
            "Started from an earlier session about this company; refresh: true runs everything "
            "from zero.",
        )
        await self._save()
        self._say(EventName.WARM_SEED, "Started from a warm seed.")

    async def synthesize(self, reason: str) -> None:
        self._say(EventName.SYNTHESIS_STARTED, "Writing the summary from the graph.")
        gaps = find_gaps(self.backfill, self.sources.runnable())
        graph = self.backfill.model_copy(update={"gaps": gaps})
        text, cost, sha = await self.writer.write(graph, self.request.prompts)
        at = self.clock.now().isoformat()
        self.backfill = _spend(archive(graph, text, at=at, reason=reason, prompt_sha=sha), cost)
        await self._save()

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
        try:
            pages, _ = await search_pages(await self._briefed())
        except VendorError:
            return  # the identity card says that nothing was found
        await deepen(self.shelf, pages)
        self.candidates += found_candidates(self.shelf.web_pages())

    async def _decide_identity(self) -> bool:
        choice = self.request.identity_choice or self.bound.row.identity_choice
        before = self.backfill.identity
        if before.decision == "clear" and choice is None and self.request.follow_up:
            return True
        known = join_registry(self.candidates, self.registered)
        card = decide(self.bound.lead, self.bound.key, known, choice=choice)
        found = any(not c.dead for c in self.candidates)
        if card.decision == "unknown" and not found and await self._nothing_reachable():
            self._notice("NOTHING_LOOKED_UP", "Nothing could be looked up: the machine is offline.")
        self.backfill = self.backfill.model_copy(update={"identity": card})
        await self._prove_landed()
        await self._save()
        if card.decision == "ambiguous":
            self._say(EventName.IDENTITY_NEEDED, "Which company is meant? Nothing was bought.",
                      choices=len(card.choices))  # fmt: skip
            return False
        self._say(EventName.IDENTITY_DECIDED, f"Identity: {card.decision}.", decision=card.decision)
        return True

    async def _nothing_reachable(self) -> bool:
        return bool(self.shelf.failed) and await self.shelf.reader.offline()

    async def _after_identity(self) -> None:
        """A domain that only the search found is read now; a legal name goes to the registers."""
        brief = await self._briefed()
        late = []
        if brief.domain is not None and not self._ran(SITE):
            late += [self._task(SITE, brief), self._task(DNS, brief)]
        legal = self._legal_names()
        if legal and self._wants_registry():
            late.append(self._task(REGISTRY, brief, names=legal))
        await self._run(late)
        self._learn_anchors()

    def _ran(self, slot: str) -> bool:
        return slot in self.rows and self.rows[slot].state == SlotState.DONE

    def _wants_registry(self) -> bool:
        asked = {(self.bound.lead.company or "").casefold()}
        return any(name.casefold() not in asked for name in self._legal_names())

    def _legal_names(self) -> tuple[str, ...]:
        proven = [
            s.value
            for s in statements_of(self.backfill)
            if s.field is FieldName.LEGAL_NAME and s.status is Status.PROVEN
        ]
        return tuple(proven[:2])

    async def _pass(self, pass_: Pass, slots: Sequence[str]) -> None:
        settled = [s for s in slots if self._settled(s)]
        for slot in settled:
            self.shelf.shares.release(slot)
        slots = [s for s in slots if s not in settled]
        if not slots:
            return
        labels = ", ".join(SLOTS[s].label for s in slots)
        self._say(EventName.PASS_STARTED, f"{pass_.value} pass: {labels}.", slots=list(slots))
        brief = await self._briefed()
        await self._run([self._task(s, brief) for s in slots])
        self._learn_anchors()

    def _settled(self, slot: str) -> bool:
        """An earlier attempt of this job bought the slot and saved what it brought: merging it
        once more would count its cost twice and call it a repetition."""
        if f"slot:{slot}" not in self.ctx.checkpoints:
            return False
        rows = {r.model_id: r for r in self.backfill.tool_trace.parallel_results}
        if slot not in rows or rows[slot].state not in (SlotState.DONE, SlotState.REPETITION):
            return False
        finished_at = rows[slot].finished_at
        return (
            finished_at is not None
            and datetime.fromisoformat(finished_at) > self.ctx.job.created_at
        )

    # --- slots ----------------------------------------------------------------------------

    def _brief(self) -> Brief:
        gaps = find_gaps(self.backfill, self.sources.runnable())
        return Brief(
            lead=self.bound.lead,
            key=self.bound.key,
            identity=self.backfill.identity,
            shelf=self.shelf,
            sources=self.sources,
            gaps=tuple(g.text for g in gaps),
            prompts=self.request.prompts,
            known=compact_graph(self.backfill),
            page_read=lambda url: self._say(
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
            REGISTRY: lambda: hunt_registries(brief, names=more.get("names", ())),
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
            await self.shelf.read_all(dict.fromkeys(f.url for f in haul.findings), task.slot)
            return haul

        async def hunt() -> Haul:
            haul = await task.hunt()
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
        spec = SLOTS[slot]
        if not self._ran(slot):
            self.rows[slot] = SlotRow(
                model_id=slot, label=spec.label, provider=spec.provider,
                state=SlotState.RUNNING.value, pass_=spec.pass_.value,
            )  # fmt: skip
            self._trace()
        self._say(EventName.SLOT_STARTED, f"{SLOTS[slot].label} hunts for {SLOTS[slot].hunts_for}.",
                  slot=slot)  # fmt: skip

    async def _landed(self, outcome: Outcome) -> None:
        """Prove, merge and save what one slot brought."""
        async with self._merging:
            slot = outcome.row.model_id
            self.shelf.shares.release(slot)
            self._hauls.setdefault(slot, []).append(outcome.haul)
            if outcome.haul.records:
                self.registered = registry_candidates(outcome.haul.records)
            added, proven = await self._merge_findings(outcome.haul.findings)
            state = outcome.row.state
            paid = SLOTS[slot].pass_ is not Pass.FREE
            if state == SlotState.DONE and paid and added == 0:
                state = SlotState.REPETITION
            row = outcome.row.model_copy(
                update={"added": added, "proven": proven, "state": SlotState(state).value}
            )
            self.rows[slot] = _join_rows(self.rows.get(slot), row)
            self._trace()
            self.backfill = _spend(self.backfill, outcome.row.cost_usd_micros)
            await self._save()
        text = f"{row.label}: {row.state}"
        if row.state in (SlotState.DONE, SlotState.REPETITION):
            text += f", {row.findings} findings, {proven} newly proven"
        elif row.reason:
            text += f" ({row.reason})"
        self._say(EventName.SLOT_FINISHED, text + ".", slot=slot, state=row.state,
                  findings=row.findings, proven=proven)  # fmt: skip

    # --- proof and merge ------------------------------------------------------------------

    async def _merge_findings(self, findings: Sequence[Finding]) -> tuple[int, int]:
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

    async def _prove_landed(self) -> None:
        """The free slots landed before the identity was known: prove their findings now."""
        async with self._merging:
            for slot in sorted(self._hauls, key=lambda s: s != SITE):
                hauls = self._hauls[slot]
                findings = [f for haul in hauls for f in haul.findings]
                added, proven = await self._merge_findings(findings)
                row = self.rows[slot].model_copy(update={"added": added, "proven": proven})
                self.rows[slot] = row
                self._learn_anchors()
            self._trace()

    def _learn_anchors(self) -> None:
        """What the company's own pages prove becomes an anchor for what outsiders say."""
        card = self.backfill.identity
        if card.decision != "clear":
            return
        self.backfill = self.backfill.model_copy(update={"identity": grown(card, self.backfill)})

    # --- bookkeeping ----------------------------------------------------------------------

    def _pages_of(self, domain: str) -> list[ReadPage]:
        return [r for r in self.shelf.distinct() if registrable_domain(r.page.final_url) == domain]

    async def _reload_pages(self) -> None:
        """A follow-up reads again, from the page store, what the graph's evidence points to."""
        urls = {e.url for s in statements_of(self.backfill) for e in s.evidence
                if e.reader in {"direct", "jina", "tavily"}}  # fmt: skip
        await self.shelf.read_all(sorted(urls)[: self.shelf.quota // 2])

    def _trace(self) -> None:
        rows = {r.model_id: r for r in self.backfill.tool_trace.parallel_results} | self.rows
        ordered = tuple(rows[s] for s in SLOTS if s in rows)
        self.backfill = self.backfill.model_copy(
            update={"tool_trace": ToolTrace(parallel_results=ordered)}
        )

    def _notice(self, code: str, text: str) -> None:
        notices = [n for n in self.backfill.notices if n.code != code]
        self.backfill = self.backfill.model_copy(
            update={"notices": (*notices, Notice(code=code, text=text))}
        )

    def _say(self, name: EventName, message: str, **context: Any) -> None:
        self.ctx.emit(ProgressEvent(name=name, message=message, context=context))

    async def _save(self) -> None:
        """Save without the erased; if a correction came in between, put ours on top of it."""
        self.backfill = (await self.forgetting.tombstones(self.bound.tenant)).without(self.backfill)
        for _ in range(SAVE_ATTEMPTS):
            try:
                self.version = await self.store.save_backfill(
                    self.bound.tenant,
                    self.bound.row.chat_session_id,
                    self.backfill.model_dump_json(by_alias=True),
                    expected_version=self.version,
                    at=self.clock.now(),
                )
                return
            except StaleVersion:
                row = await self.store.session(self.bound.tenant, self.bound.row.chat_session_id)
                if row is None or row.backfill is None:
                    raise
                self.version = row.version
                theirs = Backfill.model_validate_json(row.backfill)
                self.backfill = rebased(self.backfill, theirs)
        raise StaleVersion("The graph kept changing while it was saved.", "Call again.")


def rebased(ours: Backfill, theirs: Backfill) -> Backfill:
    """Both sets of statements and of slot rows; everything else as in ours. The Agent row is
    theirs: only submissions write it."""
    both = [*statements_of(theirs), *statements_of(ours)]
    graph = assemble(ours, both, [*theirs.unmerged_candidates, *ours.unmerged_candidates])
    their_rows = {r.model_id: r for r in theirs.tool_trace.parallel_results}
    rows = their_rows | {r.model_id: r for r in ours.tool_trace.parallel_results}
    if AGENT in their_rows:
        rows[AGENT] = their_rows[AGENT]
    ordered = tuple(rows[s] for s in SLOTS if s in rows)
    return graph.model_copy(update={"tool_trace": ToolTrace(parallel_results=ordered)})


def grown(card: IdentityCard, backfill: Backfill) -> IdentityCard:
    """The card with what the company's own site or a register proves as further anchors."""
    kinds = {
        FieldName.PHONE: "phone",
        FieldName.ADDRESS: "address",
        FieldName.LEGAL_NAME: "legal_name",
        FieldName.NAME: "name",
        FieldName.REGISTRY_ID: "registry_id",
        FieldName.EMAIL: "email",
    }
    have = {(a.kind, a.value.casefold()) for a in card.anchors}
    more = []
    for s in statements_of(backfill):
        kind = kinds.get(s.field)
        own = any(
            e.source in {"own_site", "registry"}
            and e.verdict == "proven"
            and e.slot != "data411-agent"
            for e in s.evidence
        )
        if kind and own and s.status is Status.PROVEN and (kind, s.value.casefold()) not in have:
            more.append(Anchor(kind=kind, value=s.value, source="site"))
    return card.model_copy(update={"anchors": (*card.anchors, *more)}) if more else card


def compact_graph(backfill: Backfill) -> str:
    """The proven part of the graph in a few lines of JSON, for a model's brief."""
    rows = [
        {"field": s.field.value, "value": s.value, "owner": s.owner, "status": s.status.value}
        for s in statements_of(backfill)
        if s.status in (Status.PROVEN, Status.CONTESTED, Status.STALE)
    ]
    return json.dumps(rows[:150], ensure_ascii=False)


def _join_rows(old: SlotRow | None, new: SlotRow) -> SlotRow:
    """A slot that ran twice in one run (registers, once more by the legal name) has one row."""
    if old is None or old.state != SlotState.DONE:
        return new
    return new.model_copy(
        update={
            "state": SlotState.DONE.value,
            "reason": "",
            "findings": old.findings + new.findings,
            "added": old.added + new.added,
            "proven": old.proven + new.proven,
            "seconds": round(old.seconds + new.seconds, 3),
            "degraded": tuple(dict.fromkeys((*old.degraded, *new.degraded))),
        }
    )


def _spend(backfill: Backfill, micros: int) -> Backfill:
    if not micros:
        return backfill
    spent = backfill.spent
    return backfill.model_copy(
        update={
            "spent": Spent(
                vendor_usd_micros=spent.vendor_usd_micros + micros,
                charged_cents=spent.charged_cents,
            )
        }
    )
