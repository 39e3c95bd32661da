"""Companies enriched some at a time, the best first. Each one's end is a checkpoint; what those
that are done have shown is reflected upon for those that have not begun."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import anyio

from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.icp.reflection import (
    Decisions,
    Metrics,
    Phase,
    reflect,
    summary_sentence,
    together,
)
from data411_mcp.domain.icp.run import IcpRun
from data411_mcp.domain.icp.values import EnrichedCompany, Lookalike
from data411_mcp.errors import Data411Error, StoreError
from data411_mcp.services.icp.parts import COMPANY, STEP_COMPANY, Enricher, without_people
from data411_mcp.services.icp.ticks import company_tick
from data411_mcp.services.ports import Clock, JobContext
from data411_mcp.services.ports.icp import IcpStore

Then = Callable[[Lookalike, EnrichedCompany], Awaitable[None]]


@dataclass(frozen=True)
class Companies:
    """`at_once` of them; one that takes longer than `seconds`, its turn at slow vendors included,
    has failed."""

    icp: IcpStore
    clock: Clock
    enricher: Enricher
    at_once: int
    seconds: float

    async def enriched(
        self,
        ctx: JobContext,
        run: IcpRun,
        likes: Sequence[Lookalike],
        decisions: Decisions,
        then: Then | None = None,
    ) -> tuple[tuple[EnrichedCompany, ...], Decisions]:
        """In the order of `likes`, people included; and the verdict over all of them. `then` is
        awaited for each as it is done. Raises StoreError."""
        found: dict[str, EnrichedCompany] = {}
        waiting = list(reversed(likes))
        seen = Metrics(phase=Phase.ENRICHMENT)

        async def worker() -> None:
            nonlocal decisions, seen
            while waiting:
                like = waiting.pop()
                company = await self._one(ctx, run, like, decisions)
                found[like.domain] = company
                seen = together(seen, metrics_of(company))
                decisions = reflect(decisions, seen)
                if decisions.changes:
                    ctx.emit(_reflection(decisions, summary_sentence(decisions)))
                if then is not None:
                    await then(like, company)

        async with anyio.create_task_group() as tasks:
            for _ in range(min(self.at_once, len(likes))):
                tasks.start_soon(worker)
        verdict = reflect(decisions, seen)
        if likes and not verdict.passed:
            ctx.emit(_reflection(verdict, f"Going on with little: {verdict.reason}."))
        return tuple(found[like.domain] for like in likes), verdict

    async def _one(
        self, ctx: JobContext, run: IcpRun, like: Lookalike, decisions: Decisions
    ) -> EnrichedCompany:
        step = STEP_COMPANY + like.domain
        if (known := ctx.checkpoints.get(step)) is not None:
            company = await self.enricher.company(ctx.job.tenant, stub_of(known))
            ctx.emit(company_tick(company))  # a crash may have kept it from being told
            return company
        company = EnrichedCompany(
            domain=like.domain, name=like.name, state="failed", reason="timeout"
        )
        with anyio.move_on_after(self.seconds):
            try:
                company = await self.enricher.enrich(ctx, run, like, decisions)
            except StoreError:
                raise
            except Data411Error as error:
                # It stays in the count, with its reason: the others are not to wait for it.
                company = company.model_copy(update={"reason": error.code.lower()})
        text = without_people(company).model_dump_json()
        await self.icp.put_document(ctx.job.tenant, COMPANY, like.domain, text, at=self.clock.now())
        await ctx.checkpoint(step, text)
        if company.state != "done":
            ctx.emit(company_tick(company))
        return company


def metrics_of(company: EnrichedCompany) -> Metrics:
    """What one company shows of the vendors."""
    reasons = Counter(company.degraded)
    thin = bool(reasons["CRAWL_THIN"] or reasons["DATA_EMPTY:jina_home"])
    read = company.pages_read
    return Metrics(
        phase=Phase.ENRICHMENT,
        wanted=max(company.pages_wanted, read),
        read=0 if thin else read,
        timeouts=company.pages_late,
        empty=max(read, 1) if thin else 0,
        hedged=company.pages_hedged,
        companies=1,
        completed=company.state == "done",
        contacts=len(company.contacts),
        linkedin=bool(company.linkedin_url),
        apify_no_employees=reasons["APIFY_NO_EMPLOYEES"],
        apify_capped=reasons["APIFY_CAP_EXCEEDED"],
        llm_timeouts=reasons["LLM_TIMEOUT_FALLBACK"],
    )


def stub_of(text: str) -> EnrichedCompany:
    return EnrichedCompany.model_validate_json(text)


def is_company(step: str) -> bool:
    """The end of a company, not one of the steps within it ("company:<domain>:…")."""
    return step.startswith(STEP_COMPANY) and ":" not in step.removeprefix(STEP_COMPANY)


def _reflection(decisions: Decisions, words: str) -> ProgressEvent:
    context = {
        "of": Phase.ENRICHMENT.value,
        "passed": decisions.passed,
        "reason": decisions.reason,
    }
    return ProgressEvent(name=EventName.ICP_REFLECTION, message=words, context=context)
