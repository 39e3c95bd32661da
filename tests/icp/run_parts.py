"""An `icp/run` on a real queue and store, its three parts played by ones that do as they are told:
what the parts do themselves has tests of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from data411_mcp.adapters.clock import SystemClock
from data411_mcp.adapters.jobs.embedded import EmbeddedRunner
from data411_mcp.adapters.prompts import load_script
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.icp.reflection import Decisions
from data411_mcp.domain.icp.run import ICP_NEXT, ICP_RUN, IcpRun
from data411_mcp.domain.icp.values import (
    EnrichedCompany,
    EnrichedContact,
    Lookalike,
    ScoredLead,
)
from data411_mcp.domain.jobs import Finished, Job, JobStatus, WorkResult
from data411_mcp.domain.pricing import PriceList
from data411_mcp.services.accounts import Accounts
from data411_mcp.services.icp.handing_in import IcpJobs
from data411_mcp.services.icp.run import IcpNextRoute, IcpRunRoute
from data411_mcp.services.ports import JobContext
from tests.icp.world import icp_run

TENANT = "acme"
CENTS = 35
SCRIPT = load_script()
SECONDS = 15.0
PEOPLE = (EnrichedContact(name="Tess Orchard"), EnrichedContact(name="Anders Moe"))


def a_like(number: int, score: int | None = None) -> Lookalike:
    worth = 90 - number if score is None else score
    return Lookalike(
        domain=f"firm{number}.example",
        name=f"Firm {number}",
        score=worth,
        bucket="A" if worth >= 70 else "B" if worth >= 50 else "C",
        why="Logistics; uses Xero",
        snippet="Moves freight",
        read=True,
    )


@dataclass
class Parts:
    """What the parts were asked, and what they are to do. `before` is called at each point with
    its name: a test has the worker die, fail or wait there."""

    likes: Sequence[Lookalike] = tuple(a_like(n) for n in range(1, 13))
    fails: dict[str, Exception] = field(default_factory=dict)  # by domain
    unproven: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()  # by an earlier run: nothing is proven anew
    degraded: dict[str, tuple[str, ...]] = field(default_factory=dict)
    before: Callable[[str], Any] | None = None
    planned: int = 0
    enriched: list[str] = field(default_factory=list)
    variants: list[str] = field(default_factory=list)
    mails: list[list[str]] = field(default_factory=list)
    crm_writes: list[str] = field(default_factory=list)
    nexts: list[str] = field(default_factory=list)

    async def at(self, point: str) -> None:
        if self.before is not None:
            waits = self.before(point)
            if waits is not None:
                await waits

    # --- Planner
    async def plan(self, ctx: JobContext, run: IcpRun) -> tuple[Lookalike, ...]:
        await self.at("plan")
        if "plan" not in ctx.checkpoints:
            self.planned += 1
            await ctx.checkpoint("plan", "{}")
        ctx.emit(ProgressEvent(name=EventName.ICP_CANDIDATES_FOUND, message="Found"))
        return tuple(self.likes)

    # --- Enricher
    async def enrich(
        self, ctx: JobContext, run: IcpRun, like: Lookalike, decisions: Decisions
    ) -> EnrichedCompany:
        await self.at(f"enrich {like.domain}")
        self.enriched.append(like.domain)
        self.variants.append(decisions.apify_variant)
        if like.domain in self.fails:
            raise self.fails[like.domain]
        ctx.emit(
            ProgressEvent(
                name=EventName.ENRICH_COMPANY_TICK,
                message=f"{like.domain}: 3 pages",
                context={"domain": like.domain},
            )
        )
        return EnrichedCompany(
            domain=like.domain,
            name=like.name,
            state="done",
            pages_read=3,
            proven=0 if like.domain in self.unproven else 4,
            newly_proven=0 if like.domain in self.unproven | self.known else 4,
            contacts=PEOPLE,
            degraded=self.degraded.get(like.domain, ()),
        )

    async def company(self, tenant: str, stub: EnrichedCompany) -> EnrichedCompany:
        return stub.model_copy(update={"contacts": PEOPLE if stub.state == "done" else ()})

    # --- Deliverer
    async def mail(self, ctx: JobContext, run: IcpRun, leads: Sequence[ScoredLead]) -> str:
        await self.at("mail")
        self.mails.append([lead.company.domain for lead in leads])
        return "sent"

    async def crm(self, ctx: JobContext, run: IcpRun, lead: ScoredLead) -> str:
        await self.at(f"crm {lead.company.domain}")
        self.crm_writes.append(lead.company.domain)
        return "created"

    # --- NextCompanies
    async def work(self, ctx: JobContext, run: IcpRun) -> WorkResult:
        self.nexts.append(run.thread_id)
        return Finished("{}")


@dataclass
class Bench:
    store: SqliteStore
    jobs: IcpJobs
    route: IcpRunRoute
    runner: EmbeddedRunner
    parts: Parts

    async def planned(self, run: IcpRun | None = None) -> Job:
        handed = await self.jobs.hand_in(TENANT, run or icp_run())
        return await self.settled(handed.job.id)

    async def approved(self, thread_id: str = "thread-1") -> Job:
        handed = await self.jobs.approve(TENANT, thread_id)
        return await self.settled(handed.job.id)

    async def settled(self, job_id: str) -> Job:
        job = await self.runner.wait(TENANT, job_id, seconds=SECONDS)
        assert job.final or job.status is JobStatus.WAITING, job.status
        return job

    async def events(self, job_id: str) -> list[ProgressEvent]:
        return list(await self.store.events(TENANT, job_id, since=0, limit=500))

    async def next_jobs(self, job_id: str) -> tuple[Job, ...]:
        return await self.store.jobs_of_chat(TENANT, f"next40-{job_id}")


@asynccontextmanager
async def bench(
    tmp_path: Path, parts: Parts | None = None, *, charging: bool = False, works: bool = True
) -> AsyncIterator[Bench]:
    parts = parts or Parts()
    clock = SystemClock()
    async with SqliteStore.open(str(tmp_path / "icp.sqlite3")) as store:
        accounts = Accounts(store, clock, PriceList(), charging)
        jobs = IcpJobs(store, clock, accounts, CENTS)
        route = IcpRunRoute(jobs, store, store, clock, parts, parts, parts, SCRIPT)
        after = IcpNextRoute(store, parts, jobs, SCRIPT)
        runner = EmbeddedRunner(
            store,
            clock,
            {ICP_RUN: route.work, ICP_NEXT: after.work},
            close={ICP_RUN: route.close, ICP_NEXT: after.close},
            worker_id=clock.new_id(),
            works=works,
            heartbeat_seconds=0.2,
            sweep_seconds=0.05,
            backoff_seconds=0.001,
            lease_seconds=1.0,
        )
        jobs.run_on(runner)
        async with runner.running():
            with anyio.fail_after(4 * SECONDS):
                yield Bench(store, jobs, route, runner, parts)
