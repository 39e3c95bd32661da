"""How an `icp/run` comes into the queue, and how the user's "run enrichment" sets it going again.

One live job to a thread, and one live job of a tenant to the same wish (hash and rule): whoever
asks a second time joins the first.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import structlog

from data411_mcp.domain import ledger
from data411_mcp.domain.icp.run import ICP_RUN, TOP_N, IcpRun, icp_hash, opener_key
from data411_mcp.domain.icp.values import MicroIcp
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.domain.ledger import Transfer
from data411_mcp.errors import ChatBusy, InvalidArgument, PlanMissing
from data411_mcp.services.accounts import Accounts
from data411_mcp.services.ports import Clock, JobRunner, Store
from data411_mcp.services.routes import Terms

log = structlog.get_logger(__name__)

TRIES = 4
_STARTABLE = (JobStatus.WAITING, JobStatus.QUEUED)


@dataclass(frozen=True)
class HandedIn:
    """`joined`: the same wish is under way already, perhaps in another thread."""

    job: Job
    joined: bool = False


@dataclass
class IcpJobs:
    """`company_cents`: the price of one company that is enriched with something proven."""

    store: Store
    clock: Clock
    accounts: Accounts
    company_cents: int = 0
    _runner: JobRunner | None = None

    @property
    def runner(self) -> JobRunner:
        """Given after construction: the runner's work is that of our own routes."""
        assert self._runner is not None  # noqa: S101 - the composition root sets it
        return self._runner

    def run_on(self, runner: JobRunner) -> None:
        self._runner = runner

    async def hand_in(self, tenant: str, run: IcpRun, terms: Terms | None = None) -> HandedIn:
        """Queue the job of this wish, or join the live one. A plan of the same thread that only
        waits gives way to a new wish. Raises ChatBusy while another wish of the thread runs, and
        InsufficientBalance where `approved` is set already."""
        terms = terms or Terms()
        for _ in range(TRIES):
            found = await self._in_the_way(tenant, run)
            if found is not None:
                return HandedIn(found, joined=True)
            if run.approved:
                run = run.model_copy(update={"company_cents": self.company_cents})
            job = await self._job(tenant, run, terms)
            try:
                hold = self.precharge(tenant, job.id, TOP_N) if run.approved else None
                added = await self.runner.submit(job, precharge=hold)
            except ChatBusy:
                continue  # somebody was first: join it, or see it end
            if added.id != job.id and not same_wish(added, run):
                raise InvalidArgument(
                    "This idempotency key was used for another request.", "Use a new key."
                )
            if added.id == job.id:
                log.info("icp_enqueue", job_id=job.id, icp_hash=icp_hash(run), rule=run.rule_name)
            return HandedIn(added, joined=added.id != job.id)
        raise _busy(run.thread_id)

    async def approve(
        self, tenant: str, thread_id: str, *, job_id: str | None = None,
        notify_email: str | None = None, micro_icp: MicroIcp | None = None,
    ) -> HandedIn:  # fmt: skip
        """Let the planned job of the thread (or that one job) go on: Top-10, scoring, e-mail, CRM.
        Once it was approved, saying so again changes nothing. Raises PlanMissing, and
        InsufficientBalance with the job still waiting."""
        job = await (self.store.job(tenant, job_id) if job_id else self.newest(tenant, thread_id))
        if job is None or job.route != ICP_RUN:
            raise no_plan(thread_id)
        run = IcpRun.model_validate_json(job.payload)
        if run.approved and job.status is not JobStatus.WAITING:
            if job.status in (JobStatus.ERROR, JobStatus.CANCELLED):
                raise no_plan(thread_id)
            return HandedIn(job, joined=True)
        if job.status in (JobStatus.QUEUED, JobStatus.RUNNING):
            raise PlanMissing(
                "The plan is still being made. Nothing was run or charged.",
                f'Call icp_status(thread_id="{thread_id}", wait_seconds=45), then try again.',
            )
        if job.status is not JobStatus.WAITING:
            raise no_plan(thread_id)
        count = min(TOP_N, int(json.loads(job.result or "{}").get("candidates", 0)))
        if count == 0:
            raise no_plan(thread_id)
        # A price that is changed while the companies are enriched does not touch them.
        update: dict[str, Any] = {"approved": True, "company_cents": self.company_cents}
        update |= {"notify_email": notify_email} if notify_email else {}
        update |= {"micro_icp": micro_icp} if micro_icp else {}
        payload = run.model_copy(update=update).model_dump_json()
        hold = self.precharge(tenant, job.id, count)
        return HandedIn(await self.runner.resume(tenant, job.id, payload, precharge=hold))

    def precharge(self, tenant: str, job_id: str, companies: int) -> Transfer | None:
        cents = self.company_cents * companies
        if not self.accounts.charging or cents <= 0:
            return None
        return ledger.precharge(tenant, job_id, cents)

    async def newest(self, tenant: str, thread_id: str) -> Job | None:
        """The thread's newest run, whatever became of it."""
        jobs = await self.store.jobs_of_chat(tenant, thread_id)
        return next((j for j in reversed(jobs) if j.route == ICP_RUN), None)

    async def _in_the_way(self, tenant: str, run: IcpRun) -> Job | None:
        """The live job of the same wish. Raises ChatBusy for one of another wish that runs."""
        jobs = await self.store.jobs_of_chat(tenant, run.thread_id)
        live = next((j for j in jobs if not j.final), None)
        if live is not None:
            waits = live.status in _STARTABLE
            if same_wish(live, run) and not (run.rerun_icp and waits):
                return live
            if not waits:
                raise _busy(run.thread_id)
            await self.runner.cancel(tenant, live.id)
        elsewhere = await self.store.live_chat_of_lead(tenant, opener_key(run))
        if elsewhere is None or elsewhere == run.thread_id:
            return None
        jobs = await self.store.jobs_of_chat(tenant, elsewhere)
        other = next((j for j in jobs if not j.final and same_wish(j, run)), None)
        if other is None or other.status is not JobStatus.WAITING:
            return other
        if IcpRun.model_validate_json(other.payload).user_id != run.user_id:
            return other
        # The same user has begun anew: what only waited in the old thread goes on here.
        await self.runner.cancel(tenant, other.id)
        return None

    async def _job(self, tenant: str, run: IcpRun, terms: Terms) -> Job:
        known = await self.store.jobs_of_chat(tenant, run.thread_id)
        now, key = self.clock.now(), opener_key(run)
        own = terms.idempotency_key
        # By the newest job: two racing calls make one key, and no later call makes it again.
        wish = f"{key}:{run.thread_id}:{known[-1].id if known else ''}"
        return Job(
            id=self.clock.new_id(),
            tenant=tenant,
            route=ICP_RUN,
            chat_session_id=run.thread_id,
            lead_key=key,
            payload=run.model_dump_json(),
            status=JobStatus.QUEUED,
            created_at=now,
            updated_at=now,
            idempotency_key=f"caller:{_sha(own)}" if own is not None else _sha(wish),
            priority=terms.priority,
            opener_key=key,
            subject=terms.subject,
            callback_url=terms.callback_url,
            poll_bearer_sha=terms.poll_bearer_sha,
        )


def same_wish(job: Job, run: IcpRun) -> bool:
    return job.route == ICP_RUN and job.opener_key == opener_key(run)


def no_plan(thread_id: str) -> PlanMissing:
    return PlanMissing(
        "There is no plan to enrich yet. Nothing was run or charged.",
        f'Call icp_confirm(thread_id="{thread_id}") first; then run enrichment.',
    )


def _busy(thread_id: str) -> ChatBusy:
    return ChatBusy(
        "A run of this conversation is under way.",
        f'Call icp_status(thread_id="{thread_id}", wait_seconds=45), then call again.',
    )


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
