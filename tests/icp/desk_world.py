"""The desk on a real store, a real queue and a real graph; only what the run itself does is made
up here: it tells the specification's events and leaves a shortlist."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio

from data411_mcp.adapters.clock import SystemClock
from data411_mcp.adapters.conversation_graph import ConversationGraph
from data411_mcp.adapters.jobs.embedded import EmbeddedRunner
from data411_mcp.adapters.prompts import PromptFiles, load_script
from data411_mcp.adapters.store.postgres import PostgresStore
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.adapters.store.tables import Tables
from data411_mcp.domain.access import Principal
from data411_mcp.domain.events import EventName
from data411_mcp.domain.icp.run import ICP_RUN, IcpRun, icp_hash
from data411_mcp.domain.icp.values import IcpProfile, Lookalike, MicroIcp, Suggestion
from data411_mcp.domain.jobs import Finished, Job, Waiting, WorkResult
from data411_mcp.domain.pricing import PriceList
from data411_mcp.services.accounts import Accounts
from data411_mcp.services.icp.desk import IcpDesk
from data411_mcp.services.icp.feed import ChatFeed
from data411_mcp.services.icp.handing_in import IcpJobs
from data411_mcp.services.icp.nodes import ConversationNodes
from data411_mcp.services.icp.parts import PROFILE, SHORTLIST, Shortlist, shortlist_of
from data411_mcp.services.icp.telling import telling
from data411_mcp.services.icp.thread_policy import ThreadPolicy
from data411_mcp.services.icp.turns import Saying, Turn
from data411_mcp.services.ports import JobContext, LanguageModel
from data411_mcp.services.ports.icp import IcpSettings

ANNA = Principal("acme", "key-anna")
BERT = Principal("acme", "key-bert")
ELSEWHERE = Principal("other", "key-anna")
SCRIPT = load_script()
WEBSITE = "https://www.palmridge.example/"
CUSTOMERS = """Harbourline Freight — harbourline.example
Jurong Crate — jurongcrate.example
Straits Parcel — straitsparcel.example
Keppel Cold — keppelcold.example
Loyang Haulage — loyanghaul.example"""
DEADLINE = 20.0


@dataclass
class LateClock(SystemClock):
    """The system's clock, ahead of it by what a test says."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Run:
    """What the job does. `hold` keeps it from going on until it is set."""

    store: Tables
    candidates: int = 12
    hold: anyio.Event | None = None
    fails: bool = False
    seen: list[IcpRun] = field(default_factory=list)

    async def work(self, ctx: JobContext) -> WorkResult:
        ctx, tell = await telling(self.store, ctx, SCRIPT)
        run = IcpRun.model_validate_json(ctx.job.payload)
        self.seen.append(run)
        if self.hold is not None:
            await self.hold.wait()
        if self.fails:
            raise RuntimeError("the stand-in was told to fail")
        for name in (
            EventName.ICP_PLANNING_START,
            EventName.ICP_TOPLIKES_READY,
            EventName.ICP_PROFILE_READY,
            EventName.ICP_PROGRESS_SUMMARY,
        ):
            tell.line(name)
        tell.line(EventName.ICP_CANDIDATES_FOUND, candidates=self.candidates, top=10)
        if not run.approved:
            await self._leave(ctx.job, run)
            planned = json.dumps({"phase": "planned", "candidates": self.candidates})
            return Waiting(planned) if self.candidates else Finished(planned)
        tell.line(EventName.ENRICH_START_TOP10, top=10)
        tell.line(EventName.ENRICH_SUMMARY, completed=8, top=10)
        done = {"phase": "done", "candidates": self.candidates, "completed": 8, "top": 10}
        return Finished(json.dumps(done | {"email": "sent"}))

    async def _leave(self, job: Job, run: IcpRun) -> None:
        likes = tuple(
            Lookalike(domain=f"like{n}.example", name=f"Like {n}", score=90 - n, bucket="A",
                      why="It does the same.", snippet="We do the same.")
            for n in range(self.candidates)
        )  # fmt: skip
        made = Shortlist(
            thread_id=run.thread_id, job_id=job.id, context_key=run.context_key,
            icp_hash=icp_hash(run), rule_name=run.rule_name, made_at=datetime.now(UTC),
            lookalikes=likes,
        )  # fmt: skip
        at = datetime.now(UTC)
        profile = IcpProfile(summary="Freight forwarders", industries=("logistics",))
        await self.store.put_document(
            job.tenant, SHORTLIST, run.thread_id, made.model_dump_json(), at=at
        )
        await self.store.put_document(
            job.tenant, PROFILE, run.context_key or run.thread_id, profile.model_dump_json(), at=at
        )


@dataclass
class Chat:
    """The desk, and what a test looks at."""

    desk: IcpDesk
    store: Tables
    clock: LateClock
    run: Run
    runner: EmbeddedRunner
    who: Principal = ANNA
    thread_id: str | None = None

    async def say(self, text: str, **more: Any) -> Turn:
        """In the thread that the last turn was in, unless told otherwise."""
        more.setdefault("thread_id", self.thread_id)
        turn = await self.desk.say(Saying(self.who, text, **more))
        if turn.thread is not None:
            self.thread_id = turn.thread.thread_id
        return turn

    def as_user(self, who: Principal) -> Chat:
        return replace(self, who=who, thread_id=None)

    @property
    def id(self) -> str:
        assert self.thread_id is not None
        return self.thread_id

    async def told(self) -> None:
        """Website and customers: everything up to the question for a "confirm"."""
        await self.say("")
        await self.say(WEBSITE)
        await self.say(CUSTOMERS)

    async def settled(self, seconds: float = DEADLINE) -> Turn:
        """Until the job is over or waits."""
        return await self.desk.status(self.who, self.id, wait_seconds=seconds)

    async def planned(self) -> Turn:
        await self.told()
        await self.say("confirm")
        return await self.settled()

    async def done(self) -> Turn:
        await self.planned()
        await self.say("run enrichment")
        return await self.settled()

    async def aged(self, days: float) -> None:
        """The shortlist of the thread was made that long ago."""
        made = await shortlist_of(self.store, self.who.tenant, self.id)
        assert made is not None
        old = made.model_copy(update={"made_at": datetime.now(UTC) - timedelta(days=days)})
        await self.store.put_document(
            self.who.tenant, SHORTLIST, self.id, old.model_dump_json(), at=datetime.now(UTC)
        )


def cards(profile: IcpProfile) -> Sequence[Suggestion]:
    micro = MicroIcp(id="industry:logistics", title="Logistics", industries=profile.industries)
    return [Suggestion(micro.id, micro.title, 5, "Five of five seeds.", micro)]


@asynccontextmanager
async def chatting(
    folder: Path,
    *,
    settings: IcpSettings | None = None,
    llm: LanguageModel | None = None,
    candidates: int = 12,
    works: bool = True,
    database_url: str | None = None,
) -> AsyncIterator[Chat]:
    """Several may be open on one folder, or database: as many processes."""
    settings, clock = settings or IcpSettings(), LateClock()
    opened: AbstractAsyncContextManager[Tables] = (
        SqliteStore.open(folder / "data411.sqlite3")
        if database_url is None
        else PostgresStore.open(database_url)
    )
    async with opened as store:
        run = Run(store, candidates)
        accounts = Accounts(store, clock, PriceList(), False)
        jobs = IcpJobs(store, clock, accounts)
        runner = EmbeddedRunner(
            store, clock, {ICP_RUN: run.work}, worker_id=clock.new_id(), works=works
        )
        jobs.run_on(runner)
        nodes = ConversationNodes(
            SCRIPT, store, store, jobs, clock, settings, llm, PromptFiles(), "some/model",
            suggest=cards,
        )  # fmt: skip
        async with (
            runner.running(),
            ConversationGraph.open(
                nodes.table(), folder / ".langgraph_api", database_url=database_url
            ) as conversation,
        ):
            policy = ThreadPolicy(store, store, clock, settings)
            desk = IcpDesk(
                store, conversation, policy, nodes, jobs, clock, settings, SCRIPT, feed=ChatFeed()
            )
            yield Chat(desk, store, clock, run, runner)
