"""The plan of an `icp/run`: evidence → discovery → heads → profile → lookalikes.

Each phase is a checkpoint of the job, and after each the run reflects on what it saw. Vendors that
fail degrade the plan, and the user is told; none of them ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import anyio
import anyio.to_thread
import structlog
from pydantic import BaseModel, ConfigDict

from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.icp.queries import queries_of
from data411_mcp.domain.icp.reflection import Decisions, Metrics, Phase, reflect, summary_sentence
from data411_mcp.domain.icp.registers import wish_of
from data411_mcp.domain.icp.run import TOP_N, TOPLIKES_MAX, IcpRun, icp_hash
from data411_mcp.domain.icp.script import Script
from data411_mcp.domain.icp.ssic import SsicIndex
from data411_mcp.domain.icp.values import (
    Candidate,
    IcpProfile,
    Lookalike,
    SiteSignals,
)
from data411_mcp.services.desks import Desks
from data411_mcp.services.icp.parts import (
    PROFILE,
    SHORTLIST,
    SIGNALS,
    STEP_DECISIONS,
    STEP_DISCOVERY,
    STEP_EVIDENCE,
    STEP_HEADS,
    STEP_PLAN,
    Shortlist,
    shortlist_of,
)
from data411_mcp.services.icp.planning import judging
from data411_mcp.services.icp.planning.discovery import Propose, discover
from data411_mcp.services.icp.planning.evidence import (
    EvidenceReader,
    SiteEvidence,
)
from data411_mcp.services.icp.planning.heads import HeadReader, Heads, reading_order
from data411_mcp.services.icp.planning.proposing import Proposer
from data411_mcp.services.icp.planning.registers import Registered, RegisterReader
from data411_mcp.services.icp.telling import Telling
from data411_mcp.services.icp.thread_policy import feature
from data411_mcp.services.ports import Clock, JobContext
from data411_mcp.services.ports.icp import (
    CompaniesByIndustry,
    FastReader,
    IcpSettings,
    IcpStore,
)

SOFT_SECONDS = 16.0  # of a plan, after which no further candidates are read
POOL_MAX = 150  # candidates that are compared; more are dropped unread

log = structlog.get_logger(__name__)


class Discovery(BaseModel):
    """What discovery came to, for the checkpoint."""

    model_config = ConfigDict(frozen=True)

    candidates: tuple[Candidate, ...] = ()
    dropped: dict[str, int] = {}
    queries: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()
    metrics: Metrics = Metrics(phase=Phase.DISCOVERY)


@dataclass
class _Plan:
    """One plan under way."""

    ctx: JobContext
    run: IcpRun
    tell: Telling
    decisions: Decisions
    began: float  # monotonic
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    async def kept(self, step: str, outcome: BaseModel) -> None:
        await self.ctx.checkpoint(step, outcome.model_dump_json())

    def reflected(self, metrics: Metrics) -> None:
        """Judge the phase that has ended, and say what changes for the next."""
        self.decisions = reflect(self.decisions, metrics)
        self.seconds[metrics.phase.value] = metrics.seconds
        log.info("icp_phase", job_id=self.ctx.job.id, phase=metrics.phase.value,
                 passed=self.decisions.passed, reason=self.decisions.reason)  # fmt: skip
        if self.decisions.changes:
            self.say(summary_sentence(self.decisions), metrics.phase, self.decisions)
        elif not self.decisions.passed:
            self.say(
                f"Going on with little: {self.decisions.reason}.", metrics.phase, self.decisions
            )

    def say(self, words: str, phase: Phase, decisions: Decisions) -> None:
        context = {"of": phase.value, "passed": decisions.passed, "reason": decisions.reason}
        self.tell(ProgressEvent(name=EventName.ICP_REFLECTION, message=words, context=context))


@dataclass(frozen=True)
class SitePlanner:
    """Implements `parts.Planner`. `fast` gives a tenant's reader. `proposer` is asked where
    ENABLE_AGENT_DISCOVERY is on."""

    icp: IcpStore
    desks: Desks
    fast: Callable[[str], FastReader]
    clock: Clock
    settings: IcpSettings
    script: Script
    registers: Sequence[CompaniesByIndustry] = ()
    proposer: Proposer | None = None
    _indexes: dict[str, SsicIndex | None] = field(default_factory=dict, repr=False)

    async def plan(self, ctx: JobContext, run: IcpRun) -> tuple[Lookalike, ...]:
        tenant, wish = ctx.job.tenant, icp_hash(run)
        made = await shortlist_of(self.icp, tenant, run.thread_id)
        if STEP_PLAN in ctx.checkpoints and made is not None and made.of(ctx.job.id, wish):
            return made.lookalikes
        tell = ctx.emit if isinstance(ctx.emit, Telling) else Telling(ctx.emit, self.script)
        tell.line(EventName.ICP_PLANNING_START)
        if run.use_cached and not run.rerun_icp and STEP_EVIDENCE not in ctx.checkpoints:
            cached = await self._cached(tenant, run, wish)
            if cached is not None:
                return await self._again(ctx, run, cached, tell)
        began = self.clock.monotonic()
        plan = _Plan(ctx, run, tell, self._first_decisions(), began)
        evidence = await self._evidence(plan)
        missing = () if await self.icp.ssic_editions() else (judging.NOT_IMPORTED,)
        profile = await self._profile(plan, evidence)
        found = await self._discovery(plan, evidence, profile)
        heads = await self._heads(plan, evidence, profile, found)
        likes = await self._ranked(plan, evidence, profile, found, heads)
        plan.seconds["plan"] = round(self.clock.monotonic() - began, 1)
        shortlist = Shortlist(
            thread_id=run.thread_id,
            job_id=ctx.job.id,
            context_key=run.context_key,
            icp_hash=wish,
            rule_name=run.rule_name,
            made_at=self.clock.now(),
            lookalikes=likes,
            dropped=_counts(found.dropped, heads.dropped),
            degraded=tuple(sorted({*evidence.degraded, *found.degraded, *missing})),
            notes=(*evidence.notes, *plan.notes, *profile.notes),
            seconds=plan.seconds,
        )
        await self._save(ctx, run, shortlist, profile)
        await ctx.checkpoint(STEP_DECISIONS, plan.decisions.model_dump_json())
        self._tell(tell, shortlist, profile)
        return likes

    # --- phases -----------------------------------------------------------------------------

    async def _evidence(self, plan: _Plan) -> SiteEvidence:
        known = plan.ctx.checkpoints.get(STEP_EVIDENCE)
        if known is not None:
            evidence = SiteEvidence.model_validate_json(known)
        else:
            tenant = plan.ctx.job.tenant
            index = await self._index()
            if index is None:
                plan.notes.append(
                    "Industry codes (SSIC) were left out: the official table is not imported."
                )
            reader = EvidenceReader(
                reader=self.fast(tenant),
                search=self.desks(tenant).sources.search,
                signals=partial(judging.site_signals, index),
                decisions=plan.decisions,
            )
            evidence = await reader.gather(plan.run.intake)
            for site in (*evidence.seeds, *evidence.lost):
                if site.text and site.domain:
                    await self._keep_signals(tenant, site)
            await plan.kept(STEP_EVIDENCE, evidence)
        plan.reflected(evidence.metrics)
        return evidence

    async def _keep_signals(self, tenant: str, site: SiteSignals) -> None:
        await self.icp.put_document(
            tenant, SIGNALS, site.domain, site.model_dump_json(), at=self.clock.now()
        )

    async def _index(self) -> SsicIndex | None:
        """Of the newest edition of the official table; None where none was imported. Made once
        for an edition: it is the same for every tenant."""
        editions = await self.icp.ssic_editions()
        if not editions:
            return None
        if editions[0] not in self._indexes:
            rows = await self.icp.ssic_rows(editions[0])
            index = await anyio.to_thread.run_sync(judging.ssic_index, editions[0], rows)
            self._indexes.clear()
            self._indexes[editions[0]] = index
        return self._indexes[editions[0]]

    async def _profile(self, plan: _Plan, evidence: SiteEvidence) -> IcpProfile:
        profile: IcpProfile = await anyio.to_thread.run_sync(
            judging.profile_of, evidence, plan.run.intake, plan.run.micro_icp,
            abandon_on_cancel=True,
        )  # fmt: skip
        return profile

    async def _discovery(
        self, plan: _Plan, evidence: SiteEvidence, profile: IcpProfile
    ) -> Discovery:
        known = plan.ctx.checkpoints.get(STEP_DISCOVERY)
        if known is not None:
            found = Discovery.model_validate_json(known)
            plan.reflected(found.metrics)
            return found
        began = self.clock.monotonic()
        search = self.desks(plan.ctx.job.tenant).sources.search
        exclude = judging.excluded(plan.run.intake, evidence)
        queries = queries_of(
            profile, plan.run.intake, evidence.read, evidence.own, plan.run.micro_icp
        )
        reader = RegisterReader(
            self.registers, search, judging.names_known(plan.run.intake, evidence)
        )
        listed = Registered()
        async with anyio.create_task_group() as tasks:
            wish = wish_of(profile, evidence.read, plan.run.micro_icp)
            tasks.start_soon(reader.ask, wish, listed)
            hits = await discover(
                search, queries, partial(judging.companies, exclude),
                go_on=plan.decisions.search, propose=self._propose(plan, profile, queries),
            )  # fmt: skip
        offered = (*plan.run.own_companies, *listed.beside(hits.candidates))
        kept, gone = await anyio.to_thread.run_sync(
            judging.gated, offered, exclude, abandon_on_cancel=True
        )
        dropped = {**gone, **listed.dropped}
        pool = kept[:POOL_MAX]
        if len(kept) > len(pool):
            dropped = {**dropped, "beyond_limit": len(kept) - len(pool)}
        found = Discovery(
            candidates=tuple(pool),
            dropped=dropped,
            queries=tuple(hits.queries),
            degraded=(*hits.degraded, *listed.degraded),
            metrics=Metrics(
                phase=Phase.DISCOVERY,
                candidates=len(pool),
                dropped=sum(dropped.values()),
                search_throttled=hits.throttled,
                seconds=round(self.clock.monotonic() - began, 2),
            ),
        )
        log.info("icp_discovery", job_id=plan.ctx.job.id, offered=len(offered), kept=len(pool),
                 registered=listed.count, dropped=dropped)  # fmt: skip
        await plan.kept(STEP_DISCOVERY, found)
        plan.reflected(found.metrics)
        return found

    def _propose(self, plan: _Plan, profile: IcpProfile, queries: Sequence[str]) -> Propose | None:
        """Within the time that the plan has left for finding candidates."""
        tenant = plan.ctx.job.tenant
        if self.proposer is None or not feature(self.settings, tenant, "ENABLE_AGENT_DISCOVERY"):
            return None
        left = plan.began + SOFT_SECONDS - self.clock.monotonic()
        return partial(self.proposer.propose, profile, queries, seconds=left)

    async def _heads(
        self, plan: _Plan, evidence: SiteEvidence, profile: IcpProfile, found: Discovery
    ) -> Heads:
        """Read the candidates' own sites, the most promising first."""
        known = plan.ctx.checkpoints.get(STEP_HEADS)
        if known is not None:
            heads = Heads.model_validate_json(known)
            plan.reflected(heads.metrics)
            return heads
        first = await self._rank(plan, evidence, profile, found.candidates, {})
        reader = HeadReader(
            reader=self.fast(plan.ctx.job.tenant),
            clock=self.clock,
            signals=partial(judging.site_signals, await self._index()),
            decisions=plan.decisions,
            exclude=judging.excluded(plan.run.intake, evidence),
            until=plan.began + SOFT_SECONDS,
        )
        heads = await reader.read(
            reading_order(first, found.candidates), {c.domain: c for c in found.candidates}
        )
        await plan.kept(STEP_HEADS, heads)
        plan.reflected(heads.metrics)
        return heads

    async def _ranked(
        self, plan: _Plan, evidence: SiteEvidence, profile: IcpProfile,
        found: Discovery, heads: Heads,
    ) -> tuple[Lookalike, ...]:  # fmt: skip
        left = [c for c in found.candidates if c.domain not in heads.dropped]
        likes = await self._rank(
            plan, evidence, profile, left, {site.domain: site for site in heads.sites}
        )
        # What has nothing in common with the customers is no lookalike, however few are left.
        unread = sum(not k.snippet for k in likes if not k.score)
        if unread:
            what = "One company" if unread == 1 else f"{unread} companies"
            plan.notes.append(f"{what} could not be read in time: nothing is known, so left out.")
        likes = tuple(k for k in likes if k.score > 0)[:TOPLIKES_MAX]
        plan.reflected(Metrics(phase=Phase.PLAN, scored=len(likes), candidates=len(left)))
        return likes

    async def _rank(
        self, plan: _Plan, evidence: SiteEvidence, profile: IcpProfile,
        candidates: tuple[Candidate, ...] | list[Candidate], read: Mapping[str, SiteSignals],
    ) -> tuple[Lookalike, ...]:  # fmt: skip
        ranked: tuple[Lookalike, ...] = await anyio.to_thread.run_sync(
            partial(judging.ranked, tuple(candidates), dict(read), profile, evidence),
            abandon_on_cancel=True,
        )
        return ranked

    # --- a plan that was made before --------------------------------------------------------

    async def _cached(self, tenant: str, run: IcpRun, wish: str) -> Shortlist | None:
        """A fresh shortlist of the same wish, of this thread or another one of its context."""
        oldest = self.clock.now() - timedelta(days=self.settings.discovery_staleness_days)
        ids = [run.thread_id]
        if run.context_key:
            threads = await self.icp.threads(tenant, context_key=run.context_key, limit=20)
            ids += [t.thread_id for t in threads if t.thread_id != run.thread_id]
        for thread_id in ids:
            made = await shortlist_of(self.icp, tenant, thread_id)
            if made is None or not made.lookalikes or made.made_at < oldest:
                continue
            if (made.icp_hash, made.rule_name) == (wish, run.rule_name):
                return made
        return None

    async def _again(
        self, ctx: JobContext, run: IcpRun, cached: Shortlist, tell: Telling
    ) -> tuple[Lookalike, ...]:
        shortlist = cached.model_copy(update={"thread_id": run.thread_id, "job_id": ctx.job.id})
        await self._save(ctx, run, shortlist, None)
        self._tell(tell, shortlist, None)
        return shortlist.lookalikes

    async def _save(
        self, ctx: JobContext, run: IcpRun, shortlist: Shortlist, profile: IcpProfile | None
    ) -> None:
        """The documents first: a plan that is checkpointed is there to be enriched."""
        tenant, at = ctx.job.tenant, self.clock.now()
        if profile is not None:
            key = run.context_key or run.thread_id
            await self.icp.put_document(tenant, PROFILE, key, profile.model_dump_json(), at=at)
        await self.icp.put_document(
            tenant, SHORTLIST, run.thread_id, shortlist.model_dump_json(), at=at
        )
        await ctx.checkpoint(STEP_PLAN, shortlist.icp_hash)

    def _tell(self, tell: Telling, shortlist: Shortlist, profile: IcpProfile | None) -> None:
        count = len(shortlist.lookalikes)
        counts = {"candidates": count, "read": sum(k.read for k in shortlist.lookalikes)}
        tell.line(EventName.ICP_TOPLIKES_READY, **counts)
        seeds = {} if profile is None else {
            "seeds_read": profile.seeds_read, "seeds": profile.seeds_total,
            "conditions": len(profile.conditions), "negatives": len(profile.negatives),
        }  # fmt: skip
        tell.line(EventName.ICP_PROFILE_READY, **seeds)
        for note in shortlist.notes:
            tell(ProgressEvent(name=EventName.ICP_REFLECTION, message=note, context={"of": "plan"}))
        tell.line(
            EventName.ICP_PROGRESS_SUMMARY,
            **counts,
            dropped=dict(shortlist.dropped),
            seconds=dict(shortlist.seconds),
            degraded=list(shortlist.degraded),
        )
        tell.line(
            EventName.ICP_CANDIDATES_FOUND,
            **counts,
            top=min(TOP_N, count),
            degraded=list(shortlist.degraded),
        )

    def _first_decisions(self) -> Decisions:
        return Decisions(
            head=self.settings.interactive_head,
            head_max=self.settings.interactive_head,
            jina_timeout_s=self.settings.jina_timeout_s,
            crawl_pages=self.settings.crawl_max_pages,
            llm_chunks=self.settings.llm_max_chunks,
        )


def _counts(dropped: Mapping[str, int], dead: Mapping[str, str]) -> dict[str, int]:
    out = dict(dropped)
    for reason in dead.values():
        out[reason] = out.get(reason, 0) + 1
    return out
