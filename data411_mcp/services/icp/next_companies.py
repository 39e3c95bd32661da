"""The work of `icp/next40`: the companies of the shortlist after the Top-10, enriched one after
the other as the first ten were, and each written to the CRM once it is done. No mail."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

import structlog

from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.icp.reflection import Decisions
from data411_mcp.domain.icp.run import NEXT_N, TOP_N, IcpRun
from data411_mcp.domain.icp.values import EnrichedCompany, Lookalike, ScoredLead
from data411_mcp.domain.jobs import Finished, WorkResult
from data411_mcp.services.icp.companies import Companies
from data411_mcp.services.icp.parts import (
    NEXT,
    NEXT_CHAT,
    STEP_CRM,
    Deliverer,
    Enricher,
    list_of,
)
from data411_mcp.services.ports import Clock, JobContext
from data411_mcp.services.ports.icp import IcpStore

COMPANIES_AT_ONCE = 2  # nobody waits: the chats go first
COMPANY_SECONDS = 150.0

log = structlog.get_logger(__name__)


@dataclass
class NextForty:
    """Implements `parts.NextCompanies`."""

    icp: IcpStore
    clock: Clock
    enricher: Enricher
    deliverer: Deliverer

    async def work(self, ctx: JobContext, run: IcpRun) -> WorkResult:
        """Every company is a checkpoint, its place in the CRM another. Raises StoreError."""
        parent = ctx.job.chat_session_id.removeprefix(NEXT_CHAT)
        found = await list_of(self.icp, ctx.job.tenant, NEXT, f"{run.thread_id}:{parent}")
        likes = found.lookalikes if found is not None else ()
        ranks = {like.domain: rank for rank, like in enumerate(likes, start=1)}
        written: Counter[str] = Counter()

        async def into_crm(like: Lookalike, company: EnrichedCompany) -> None:
            written[await self._crm(ctx, run, ranks[like.domain], like, company)] += 1

        rounds = Companies(self.icp, self.clock, self.enricher, COMPANIES_AT_ONCE, COMPANY_SECONDS)
        companies, verdict = await rounds.enriched(
            ctx, run, likes[TOP_N : TOP_N + NEXT_N], Decisions(), into_crm
        )
        completed = sum(c.state == "done" for c in companies)
        log.info("icp_next_complete", job_id=ctx.job.id, completed=completed, of=len(companies))
        ctx.emit(
            ProgressEvent(
                name=EventName.CRM_STATUS,
                message=f"Next companies: {completed} of {len(companies)} completed.",
                context={**written, "passed": verdict.passed, "reason": verdict.reason},
            )
        )
        result = {
            "phase": "done",
            "companies": len(companies),
            "completed": completed,
            "failed": [
                {"domain": c.domain, "reason": c.reason} for c in companies if c.state != "done"
            ],
            "crm": dict(written),
        }
        return Finished(json.dumps(result))

    async def _crm(
        self, ctx: JobContext, run: IcpRun, rank: int, like: Lookalike, company: EnrichedCompany
    ) -> str:
        """People are read from the graph now, so that nobody erased meanwhile is written. A
        company that failed is left to the nightly run."""
        if company.state != "done":
            return "skipped"
        step = STEP_CRM + like.domain
        outcome = ctx.checkpoints.get(step)
        if outcome is None:
            filled = await self.enricher.company(ctx.job.tenant, company)
            lead = ScoredLead(rank=rank, company=filled, lookalike=like)
            outcome = await self.deliverer.crm(ctx, run, lead)
            await ctx.checkpoint(step, outcome)
        return outcome
