"""A process of the product that dies at a given step of a job.

A step is a durable write. `Watched` stands between the product and its store, says which steps
there are, and kills its own process with SIGKILL before or after one of them. Of several processes
of a case only the first to come to that step dies: it takes the case's token.

Imported once by a process without threads that all children are forked from, so that a child
costs milliseconds; hence the imports of what the product itself imports late.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import re
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio

import data411_mcp.adapters as adapters
import data411_mcp.adapters.jobs.embedded as embedded
import data411_mcp.adapters.jobs.queue_postgres as queue_postgres
import data411_mcp.adapters.store.open as store_open
import data411_mcp.services as use_cases
from data411_mcp.adapters.jobs.held import LANDED
from data411_mcp.app import open_services
from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.graph import Backfill
from data411_mcp.domain.jobs import FINAL, Job, JobStatus
from data411_mcp.domain.ledger import TransferKind, transfer
from data411_mcp.domain.merge import statements_of
from data411_mcp.errors import ChatSessionRequired
from data411_mcp.services.container import Services
from data411_mcp.services.payloads import PAYLOADS
from data411_mcp.services.ports import Store
from data411_mcp.services.routes import Started, Terms
from data411_mcp.services.run_setup import load_run
from data411_mcp.settings import Settings
from data411_mcp.worker import run_worker
from tests.services.session_world import TENANT, settings_of

for package in (adapters, use_cases):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
importlib.import_module("openai.resources.chat.completions")
load_run()

BEFORE, AFTER = "before", "after"
ANSWER_SECONDS = 60.0
CREDIT_CENTS = 2_000
LOOK_SECONDS = 0.02
SYNTHESIS_CENTS, FINDING_CENTS = 5, 20
# Of the events these are told by every run in the same number; how they are bundled differs.
TOLD = frozenset(EventName) - {EventName.PAGE_READ, EventName.SLOT_STARTED}
STEPS = frozenset(
    {"bind", "add_job", "checkpoint", "save_backfill", "archive_backfill", "append_events",
     "put_seeds", "finish_job", "requeue_job", "request_cancel", "set_identity_choice"}
)  # fmt: skip
QUICK = {"sweep_seconds": 0.1, "backoff_seconds": 0.01}
CLAIM = "claim_job"


@dataclass(frozen=True, order=True)
class Point:
    """`label` names a step of a run, which happens once: a write, and what it writes or the
    how-manyth of its kind it is."""

    label: str
    when: str

    def __str__(self) -> str:
        return f"{self.when} {self.label}"


@dataclass(frozen=True)
class Case:
    """A folder with the state and what the processes leave: `steps`, `killed`, `answer.json`."""

    folder: Path
    twins: Path
    route: str
    payload: dict[str, Any]
    key: str | None = None
    choice: str = ""
    stuck: str = ""
    point: Point | None = None
    database_url: str | None = None

    @property
    def settings(self) -> Settings:
        more: dict[str, Any] = {
            "billing": "on",
            "job_concurrency": 1,
            "price_synthesis_cents": SYNTHESIS_CENTS,
            "price_finding_cents": FINDING_CENTS,
        }
        if self.database_url is not None:
            more["database_url"] = self.database_url
        return settings_of(self.folder / "data", self.twins, **more)

    @property
    def answer(self) -> Path:
        return self.folder / "answer.json"

    @property
    def killed(self) -> Path:
        return self.folder / "killed"

    @property
    def steps(self) -> Path:
        return self.folder / "steps"

    @property
    def bought_and_stuck(self) -> Path:
        return self.folder / "stuck"


class Watched:
    """A store whose every step is counted, and may be the last thing its process does."""

    def __init__(self, store: Store, case: Case) -> None:
        self._store = store
        self._case = case

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name in STEPS:
            return partial(self._step, name, method)
        return partial(self._claim, method) if name == CLAIM else method

    async def _step(self, name: str, method: Any, *args: Any, **more: Any) -> Any:
        if name == "checkpoint" and args[1] == f"slot:{self._case.stuck}":
            self._case.bought_and_stuck.touch()
            await anyio.sleep_forever()
        labels = [self._counted(label) for label in _labels(name, args)]
        self._at(labels, BEFORE)
        done = await method(*args, **more)
        self._at(labels, AFTER)
        return done

    async def _claim(self, method: Any, *args: Any, **more: Any) -> Job | None:
        """Most claims find nothing: the step is the one that takes the job."""
        if await self._store.claimable_jobs(now=more["now"], limit=1):
            self._at([self._nth(CLAIM, self._seen().count(CLAIM) + 1)], BEFORE)
        job: Job | None = await method(*args, **more)
        if job is not None:
            self._at([self._counted(CLAIM)], AFTER)
        return job

    def _seen(self) -> list[str]:
        """The steps of all processes of the case: of one job only one takes steps at a time."""
        seen = self._case.folder / "seen"
        return seen.read_text(encoding="utf-8").splitlines() if seen.exists() else []

    def _counted(self, label: str) -> str:
        with (self._case.folder / "seen").open("a", encoding="utf-8") as file:
            file.write(f"{label}\n")
        return self._nth(label, self._seen().count(label))

    @staticmethod
    def _nth(label: str, number: int) -> str:
        return label if number == 1 else f"{label} #{number}"

    def _at(self, labels: list[str], when: str) -> None:
        point = self._case.point
        if point is None:
            with self._case.steps.open("a", encoding="utf-8") as file:
                file.writelines(f"{label}\n" for label in labels if when == AFTER)
        elif point.when == when and point.label in labels and _taken(self._case.killed):
            os.kill(os.getpid(), signal.SIGKILL)


def _labels(name: str, args: tuple[Any, ...]) -> list[str]:
    if name == "checkpoint" and args[1].startswith(LANDED):
        return []  # a note of the runner beside the events, not of the work
    if name == "checkpoint":
        return [f"{name} {args[1]}"]
    if name == "append_events":
        events: list[ProgressEvent] = [e for e in args[2] if e.name in TOLD]
        return [f"{name} {e.name.value} {e.context.get('slot', '')}".strip() for e in events]
    return [name]


def _taken(token: Path) -> bool:
    """True for exactly one of the processes that ask."""
    try:
        os.close(os.open(token, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    return True


@asynccontextmanager
async def opened(case: Case, *, works: bool) -> AsyncIterator[Services]:
    """The product, put together by its own composition root; only its store is watched, and it
    looks around more often."""
    opening: Callable[[Settings], Any] = store_open.open_store

    @asynccontextmanager
    async def watched(settings: Settings) -> AsyncIterator[Any]:
        async with opening(settings) as store:
            yield Watched(store, case)

    store_open.open_store = watched
    for module, name in ((embedded, "EmbeddedRunner"), (queue_postgres, "PostgresQueue")):
        setattr(module, name, partial(getattr(module, name), **QUICK))
    async with open_services(case.settings, works=works) as services:
        yield services


# --- what a child does -----------------------------------------------------------------------


def prepare(case: Case, *, runs: bool) -> None:
    """An account with credit, and with `runs` what the call leaves behind."""

    async def prepared() -> None:
        async with opened(case, works=runs) as services:
            credit = transfer(TENANT, "", "test", TransferKind.CREDIT, CREDIT_CENTS, "credit")
            await services.store.post(credit, at=datetime.now(UTC))
            if runs:
                await _answer(services, case)

    anyio.run(prepared)


def ask(case: Case, *, works: bool) -> None:
    """Make the call, see it to its end, and write down what came of it. With `works` the job is
    done by this very process."""

    async def asked() -> None:
        async with opened(case, works=works) as services:
            await _answer(services, case)

    anyio.run(asked)


def work(case: Case) -> None:
    run_worker(lambda: opened(case, works=True))


async def _answer(services: Services, case: Case) -> None:
    with anyio.fail_after(ANSWER_SECONDS):
        job = (await _called(services, case, case.payload)).job
        if case.stuck:
            job = await _cancelled(services, case, job)
        while job.status not in FINAL:
            if job.status is JobStatus.WAITING:
                graph = await services.views.load(TENANT, job.chat_session_id)
                choice = next(c.id for c in graph.identity.choices if case.choice in c.name)
                answer = {"chat_session_id": job.chat_session_id, "identity_choice": choice}
                job = (await _called(services, case, answer)).job
            job = await services.runner.wait(TENANT, job.id, seconds=ANSWER_SECONDS)
        told = await _told(services, job)
    draft = case.answer.with_suffix(".draft")
    draft.write_text(json.dumps(told), encoding="utf-8")
    draft.replace(case.answer)


async def _cancelled(services: Services, case: Case, job: Job) -> Job:
    """The user cancels once every slot has landed but the one that is stuck."""
    others = {m for m in case.payload["model_ids"] if m != case.stuck}
    while job.status not in FINAL and not job.cancel_requested:
        events = await services.store.events(TENANT, job.id, since=0, limit=1_000)
        landed = {e.context.get("slot") for e in events if e.name is EventName.SLOT_FINISHED}
        if others <= landed and case.bought_and_stuck.exists():
            return await services.runner.cancel(TENANT, job.id)
        await anyio.sleep(LOOK_SECONDS)
        job = await services.store.job(TENANT, job.id) or job
    return job


async def _called(services: Services, case: Case, asked: dict[str, Any]) -> Started:
    """The call as a client makes it that does what a refusal tells it to do."""
    route, terms = services.routes[case.route], Terms(idempotency_key=case.key)
    payload = PAYLOADS[case.route].model_validate(asked).model_dump()
    try:
        return await route.start(TENANT, payload, terms)
    except ChatSessionRequired as refusal:
        chat = re.search(r'"([0-9a-f]{32})"', refusal.hint)
        assert chat is not None
        return await route.start(TENANT, payload | {"chat_session_id": chat[1]}, terms)


async def _told(services: Services, job: Job) -> dict[str, Any]:
    store = services.store
    row = await store.session(TENANT, job.chat_session_id)
    assert row is not None
    graph = Backfill.model_validate_json(row.backfill or "")
    events = await store.events(TENANT, job.id, since=0, limit=1_000)
    return {
        "job": job.id,
        "status": job.status.value,
        "error": job.error,
        "jobs": [j.id for j in await store.jobs_to_scan(TENANT)],
        "final": [j.id for j in await store.jobs_to_scan(TENANT) if j.final],
        "events": [[e.seq, e.name.value] for e in events],
        "transfers": [asdict(t) for t in await store.transfers(TENANT, job_id=job.id)],
        "balances": asdict(await store.balances(TENANT)),
        "graph": _graph(graph),
        "unmerged": {u.value: u.id for u in graph.unmerged_candidates},
    }


def _graph(graph: Backfill) -> dict[str, Any]:
    """What of a graph must not depend on whether somebody was killed."""
    return {
        "statements": sorted(
            [s.field.value, s.owner or "", s.value, s.status.value, *sorted(s.seen_by)]
            for s in statements_of(graph)
        ),
        "rows": {
            r.model_id: [r.state, r.findings, r.added, r.proven, r.reason]
            for r in graph.tool_trace.parallel_results
        },
        "costs": {r.model_id: r.cost_usd_micros for r in graph.tool_trace.parallel_results},
        "unmerged": sorted([u.id, u.reason] for u in graph.unmerged_candidates),
        "gaps": sorted(g.text for g in graph.gaps),
        "identity": graph.identity.decision,
        "summary": graph.summary_markdown,
        "summary_stale": graph.summary_stale,
        "prompt_sha": graph.summary_prompt_sha,
        "history": [[h.reason, h.summary_markdown, h.prompt_sha] for h in graph.summary_history],
        "spent": graph.spent.model_dump(),
        "notices": sorted(n.code for n in graph.notices),
    }
