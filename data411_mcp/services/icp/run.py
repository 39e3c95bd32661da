"""The routes `icp/run` and `icp/next40`: the one background job of the ICP finder, and what comes
after it.

plan → waiting → "run enrichment" → Top-10 → scoring → e-mail → CRM → the next forty. Every step
and every company is a checkpoint: a worker that dies leaves the rest to the next one. A micro-ICP
that was accepted after the plan orders the list anew before the Top-10 are taken from it; which
ten they are is settled then.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from data411_mcp.domain.access import Principal
from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.icp.lookalikes import as_delivered, fit_to, narrowed_to
from data411_mcp.domain.icp.micro_icp import facets_of
from data411_mcp.domain.icp.reflection import Decisions
from data411_mcp.domain.icp.run import ICP_NEXT, ICP_RUN, NEXT_N, TOP_N, IcpRun, icp_hash
from data411_mcp.domain.icp.script import Script
from data411_mcp.domain.icp.values import EnrichedCompany, Lookalike, MicroIcp, ScoredLead
from data411_mcp.domain.jobs import BATCH, Finished, Job, JobStatus, Waiting, WorkResult
from data411_mcp.domain.ledger import Bill, BillLine, RefundReason
from data411_mcp.errors import InvalidArgument
from data411_mcp.services.icp.companies import Companies, is_company, stub_of
from data411_mcp.services.icp.handing_in import IcpJobs
from data411_mcp.services.icp.parts import (
    NEXT,
    NEXT_CHAT,
    SHORTLIST,
    STEP_CRM,
    STEP_DECISIONS,
    STEP_HEADS,
    STEP_MAIL,
    STEP_PLAN,
    STEP_SCORING,
    Deliverer,
    Enricher,
    NextCompanies,
    Planner,
    shortlist_of,
)
from data411_mcp.services.icp.telling import Telling, telling
from data411_mcp.services.ports import Clock, JobContext, Store
from data411_mcp.services.ports.icp import IcpStore
from data411_mcp.services.routes import Started, Terms

if TYPE_CHECKING:
    from data411_mcp.services.icp.desk import IcpDesk

COMPANIES_AT_ONCE = 6
COMPANY_SECONDS = 240.0  # of one company, its turn at slow vendors too; then it has failed
NEXT_KEY = "next40:"  # idempotency key of the job that follows, with the id of this one
STEP_TOP = "top"  # → the domains of the Top-10, in their order

log = structlog.get_logger(__name__)


@dataclass
class IcpRunRoute:
    """The route `icp/run`."""

    jobs: IcpJobs
    store: Store
    icp: IcpStore
    clock: Clock
    planner: Planner
    enricher: Enricher
    deliverer: Deliverer
    script: Script
    name: str = ICP_RUN
    _desk: IcpDesk | None = None

    def open_at(self, desk: IcpDesk) -> None:
        """Given after construction: the desk's conversations hand in our jobs."""
        self._desk = desk

    async def start(
        self, tenant: str, payload: Mapping[str, Any], terms: Terms | None = None
    ) -> Started:
        """Intake and "confirm" of a conversation in one; `payload` has the fields of
        IcpRunPayload. Raises CallerError, with nothing charged."""
        assert self._desk is not None  # noqa: S101 - the composition root sets it
        who = Principal(tenant, (terms or Terms()).subject)
        thread_id = payload.get("thread_id")
        told = {key: payload.get(key) for key in ("website", "customers", "lost", "answers")}
        turn = await self._desk.intake(
            who, **told, thread_id=thread_id, start_fresh=thread_id is None
        )
        if turn.thread is not None:
            turn = await self._desk.confirm(who, turn.thread.thread_id)
        if turn.job is None:
            # The words are the script's own; what the user wrote is not in them.
            raise InvalidArgument(
                "Nothing was queued: the conversation has a question first.",
                "Call icp_intake with the same arguments and answer what it asks.",
            )
        # The job has the conversation's terms: a callback of this request is attached to it.
        return Started(None, turn.job, joined=True)

    async def work(self, ctx: JobContext) -> WorkResult:
        if self._desk is not None:  # who follows the chat follows the job from its first word on
            self._desk.feed.wake(ctx.job.tenant, ctx.job.chat_session_id)
        ctx, tell = await telling(self.store, ctx, self.script)
        run = IcpRun.model_validate_json(ctx.job.payload)
        likes = await self._listed(ctx, run, tell)
        if not likes:
            await self.settle_thread(ctx.job)
            return Finished(json.dumps({"phase": "planned", "candidates": 0}))
        if not run.approved:
            await self.settle_thread(ctx.job)
            return Waiting(json.dumps({"phase": "planned", "candidates": len(likes)}))
        return await self._approved(ctx, run, likes, tell)

    async def close(self, job: Job, status: JobStatus, reason: str) -> Bill | None:
        """Companies that were done with something proven are paid; the rest is given back."""
        await self.settle_thread(job)
        done = await self.store.checkpoints(job.id)
        companies = {
            c.domain: c for c in map(stub_of, (t for s, t in done.items() if is_company(s)))
        }
        if not companies:
            return None
        top = json.loads(done.get(STEP_TOP, "[]"))
        never = [domain for domain in top if domain not in companies]
        cents = IcpRun.model_validate_json(job.payload).company_cents
        return bill_of(tuple(companies.values()), cents, never_begun=never)

    async def _listed(self, ctx: JobContext, run: IcpRun, tell: Telling) -> tuple[Lookalike, ...]:
        """The ranked list of the wish as it is now. A plan that found candidates itself ranks
        them anew by a micro-ICP that was accepted since, from what it has read. One that took
        over an earlier list has only that: it is put into the order that is asked for, and
        nothing is searched a second time."""
        tenant, wish, micro = ctx.job.tenant, icp_hash(run), run.micro_icp
        made = await shortlist_of(self.icp, tenant, run.thread_id)
        own = made is not None and made.job_id == ctx.job.id
        if made is None or not own or made.icp_hash == wish or micro is None:
            return await self.planner.plan(ctx, run)
        if STEP_PLAN in ctx.checkpoints and STEP_HEADS not in ctx.checkpoints:
            likes = narrowed_to(made.lookalikes, micro)
            made = made.model_copy(update={"lookalikes": likes, "icp_hash": wish})
            text, now = made.model_dump_json(), self.clock.now()
            await self.icp.put_document(tenant, SHORTLIST, run.thread_id, text, at=now)
            await ctx.checkpoint(STEP_PLAN, wish)
        likes = await self.planner.plan(ctx, run)
        if facets_of(micro):
            tell(_followed(likes, micro))
        return likes

    # --- after "run enrichment" -------------------------------------------------------------

    async def _approved(
        self, ctx: JobContext, run: IcpRun, likes: Sequence[Lookalike], tell: Telling
    ) -> Finished:
        began = self.clock.monotonic()
        log.info("icp_job_start", job_id=ctx.job.id, companies=min(TOP_N, len(likes)))
        top = await self._top(ctx, likes)
        tell.line(EventName.ENRICH_START_TOP10, top=len(top))
        decisions = Decisions.model_validate_json(ctx.checkpoints.get(STEP_DECISIONS, "{}"))
        rounds = Companies(self.icp, self.clock, self.enricher, COMPANIES_AT_ONCE, COMPANY_SECONDS)
        companies, verdict = await rounds.enriched(ctx, run, top, decisions)
        leads = await self._scored(ctx, run, top, companies)
        completed = sum(c.state == "done" for c in companies)
        seconds = round(self.clock.monotonic() - began, 1)
        tell.line(
            EventName.ENRICH_SUMMARY,
            completed=completed,
            top=len(top),
            degraded=_degraded(companies),
            seconds=seconds,
            passed=verdict.passed,
            reason=verdict.reason,
        )
        mail = await self._mailed(ctx, run, leads, tell)
        crm = await self._exported(ctx, run, leads, tell)
        after = await self._next(ctx, run, len(likes) - len(top), tell)
        log.info("icp_job_complete", job_id=ctx.job.id, completed=completed, of=len(top))
        result = {
            "phase": "done",
            "candidates": len(likes),
            "top": len(top),
            "completed": completed,
            "failed": [{"domain": c.domain, "reason": c.reason} for c in companies
                       if c.state != "done"],
            "email": mail,
            "crm": crm,
            "next40_job_id": after,
            "degraded": _degraded(companies),
            "seconds": seconds,
        }  # fmt: skip
        await self.settle_thread(ctx.job)
        return Finished(json.dumps(result), bill_of(companies, run.company_cents))

    async def _top(self, ctx: JobContext, likes: Sequence[Lookalike]) -> tuple[Lookalike, ...]:
        """The ten that are enriched, however often a worker dies on the way."""
        if STEP_TOP not in ctx.checkpoints:
            top = tuple(likes[:TOP_N])
            await ctx.checkpoint(STEP_TOP, json.dumps([like.domain for like in top]))
            return top
        listed = {like.domain: like for like in likes}
        settled = json.loads(ctx.checkpoints[STEP_TOP])
        return tuple(listed[domain] for domain in settled if domain in listed)

    async def _scored(
        self, ctx: JobContext, run: IcpRun, top: Sequence[Lookalike],
        companies: Sequence[EnrichedCompany],
    ) -> tuple[ScoredLead, ...]:  # fmt: skip
        """The list as it is delivered. People are read from the graphs now."""
        stubs = {c.domain: c for c in companies}
        read = [
            (await self.enricher.company(ctx.job.tenant, stubs[like.domain]), like) for like in top
        ]
        leads = as_delivered(read, run.micro_icp)
        log.info("icp_scoring", job_id=ctx.job.id, companies=len(leads))
        if STEP_SCORING not in ctx.checkpoints:
            likes = [lead.lookalike for lead in leads]
            rows = [{"domain": k.domain, "score": k.score, "bucket": k.bucket} for k in likes]
            await ctx.checkpoint(STEP_SCORING, json.dumps(rows))
        return leads

    async def _mailed(
        self, ctx: JobContext, run: IcpRun, leads: Sequence[ScoredLead], tell: Telling
    ) -> str:
        status = ctx.checkpoints.get(STEP_MAIL)
        if status is None:
            status = await self.deliverer.mail(ctx, run, leads)
            await ctx.checkpoint(STEP_MAIL, status)
        log.info("icp_email", job_id=ctx.job.id, status=status)
        tell(
            ProgressEvent(
                name=EventName.EMAIL_STATUS,
                message=_MAIL_WORDS.get(status, "The list was not sent."),
                context={"status": status},
            )
        )
        return status

    async def _exported(
        self, ctx: JobContext, run: IcpRun, leads: Sequence[ScoredLead], tell: Telling
    ) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for lead in leads:
            step = STEP_CRM + lead.company.domain
            outcome = ctx.checkpoints.get(step)
            if outcome is None:
                outcome = await self.deliverer.crm(ctx, run, lead)
                await ctx.checkpoint(step, outcome)
            counts[outcome] += 1
        log.info("icp_odoo_export", job_id=ctx.job.id, **counts)
        tell(
            ProgressEvent(
                name=EventName.CRM_STATUS, message=_crm_words(counts), context=dict(counts)
            )
        )
        return dict(counts)

    async def _next(self, ctx: JobContext, run: IcpRun, left: int, tell: Telling) -> str | None:
        """Hand in the job of the companies after the Top-10, with the list as it is now: the
        thread may get another one before their turn. Doing it twice makes one job."""
        if left <= 0:
            return None
        now, tenant = self.clock.now(), ctx.job.tenant
        made = await self.icp.document(tenant, SHORTLIST, run.thread_id)
        if made is not None:
            key = f"{run.thread_id}:{ctx.job.id}"
            await self.icp.put_document(tenant, NEXT, key, made.text, at=now)
        job = await self.jobs.runner.submit(
            Job(
                id=self.clock.new_id(),
                tenant=tenant,
                route=ICP_NEXT,
                chat_session_id=NEXT_CHAT + ctx.job.id,
                lead_key="",
                payload=run.model_dump_json(),
                status=JobStatus.QUEUED,
                created_at=now,
                updated_at=now,
                idempotency_key=NEXT_KEY + ctx.job.id,
                priority=BATCH,
                subject=ctx.job.subject,
            )
        )
        count = min(NEXT_N, left)
        tell(
            ProgressEvent(
                name=EventName.ENRICH_NEXT40_ENQUEUED,
                message=f"Queued the next {count} companies; they go into the CRM as they are "
                "done.",
                context={"job_id": job.id, "count": count},
            )
        )
        return job.id

    async def settle_thread(self, job: Job) -> None:
        """A thread that was to be locked as soon as its run has ended is locked now."""
        thread = await self.icp.thread(job.tenant, job.chat_session_id)
        if thread is not None and thread.lock_pending:
            await self.icp.lock_thread(
                job.tenant, thread.thread_id, "new_thread_created", at=self.clock.now()
            )


@dataclass
class IcpNextRoute:
    """The route `icp/next40`. Its jobs are handed in by `icp/run` alone."""

    store: Store
    companies: NextCompanies
    jobs: IcpJobs
    script: Script
    name: str = ICP_NEXT

    async def start(
        self, tenant: str, payload: Mapping[str, Any], terms: Terms | None = None
    ) -> Started:
        raise InvalidArgument(
            "This route is handed in by icp/run alone.", "Run enrichment of a conversation."
        )

    async def work(self, ctx: JobContext) -> WorkResult:
        ctx, _ = await telling(self.store, ctx, self.script)
        return await self.companies.work(ctx, IcpRun.model_validate_json(ctx.job.payload))

    async def close(self, job: Job, status: JobStatus, reason: str) -> Bill | None:
        return None  # nothing was held for it


def bill_of(
    companies: Sequence[EnrichedCompany], cents: int, *, never_begun: Sequence[str] = ()
) -> Bill | None:
    """A company is paid where this run proved something of it, and given back otherwise."""
    if cents <= 0:
        return None
    lines = [BillLine(_item(c.domain), cents, _refund(c)) for c in companies]
    lines += [BillLine(_item(domain), cents, RefundReason.CANCELLED) for domain in never_begun]
    return Bill(tuple(lines))


def _item(domain: str) -> str:
    return f"company:{domain}"


def _refund(company: EnrichedCompany) -> RefundReason | None:
    if company.state != "done":
        return RefundReason.VENDOR_UNAVAILABLE
    if company.proven == 0:
        return RefundReason.UNPROVEN
    # What an earlier run had proven was paid then.
    return None if company.newly_proven > 0 else RefundReason.DUPLICATE


def _followed(likes: Sequence[Lookalike], micro: MicroIcp) -> ProgressEvent:
    fits = [fit_to(like, micro) for like in likes]
    met, failed = sum(fit.meets for fit in fits), sum(fit.failed > 0 for fit in fits)
    words = (
        f"Ranked anew by the accepted micro\u2011ICP: {met} of {len(fits)} companies match it, "
        f"{failed} contradict it, of {len(fits) - met - failed} something of it is not known."
    )
    context = {"of": "plan", "matched": met, "failed": failed}
    return ProgressEvent(name=EventName.ICP_REFLECTION, message=words, context=context)


def _degraded(companies: Sequence[EnrichedCompany]) -> list[str]:
    return sorted({reason for c in companies for reason in c.degraded})


_MAIL_WORDS = {
    "sent": "The list was e-mailed.",
    "failed": "The list could not be e-mailed.",
    "skipped": "No e-mail was asked for.",
    "skipped_no_config": "No mail server is configured: nothing was e-mailed.",
    "unknown_outcome": "The mail server may have the list already; it was not sent again.",
}


def _crm_words(counts: Mapping[str, int]) -> str:
    if set(counts) <= {"skipped_no_config"}:
        return "No CRM is configured: nothing was written."
    told = {"created": "created", "updated": "updated", "unchanged": "unchanged",
            "failed": "failed"}  # fmt: skip
    parts = [f"{counts[key]} {word}" for key, word in told.items() if counts.get(key)]
    return f"CRM: {', '.join(parts)}."
