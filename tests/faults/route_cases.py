"""Runs a call, kills a process of it at a step, has the others finish it, and compares what comes
of it with a run that nobody has disturbed."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from anyio.from_thread import start_blocking_portal
from psycopg import sql

from data411_mcp.adapters.jobs.held import ENDS
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.domain.ledger import TransferKind
from data411_mcp.twins import load_world, running_twins
from data411_mcp.twins.serve import Twins
from tests.faults import route_child
from tests.faults.route_child import AFTER, BEFORE, Case, Point
from tests.faults.route_world import (
    CHAT,
    HELD_BACK,
    SCENARIOS,
    SEARCH,
    SYNTHESIS,
    Scenario,
    after_world,
    before_world,
)
from tests.postgres import fresh_database, server_url
from tests.services.session_world import PUMP_LEAD, slot_of

SQLITE, POSTGRES = "sqlite", "postgres"
WORKERS = 3
CASE_SECONDS = 90.0
LAPSED = "UPDATE jobs SET lease_until = 0 WHERE lease_until IS NOT NULL"


NOBODY = "nobody was killed"


@dataclass(frozen=True)
class Outcome:
    """What came of a case. `kept` are the purchases that were checkpointed when the process was
    killed, `bought` all that the twins were asked for."""

    told: dict[str, Any]
    bought: Counter[str]
    steps: tuple[str, ...]
    kept: frozenset[str] = frozenset()
    died: bool = False


@dataclass
class Bench:
    """The state that cases begin with, on one kind of store, and the twins."""

    kind: str
    folder: Path
    twins: Twins
    twins_file: Path
    candidate: str = ""
    session_job: str = ""  # of the state that follow-ups come to
    _stack: ExitStack = field(default_factory=ExitStack)
    _forks: ForkServerContext = field(default_factory=lambda: _forks())
    _databases: dict[str, str] = field(default_factory=dict)
    _undisturbed: dict[str, Outcome] = field(default_factory=dict)
    _count: int = 0

    # --- the state -------------------------------------------------------------------------

    def prepare(self, twins_before: Path) -> None:
        """An account with credit; and one with a session that two slots have failed in."""
        for name, runs in (("empty", False), ("session", True)):
            place = self.folder / name
            (place / "data").mkdir(parents=True)
            url = None
            if self.kind == POSTGRES:
                url = self._databases[name] = self._stack.enter_context(fresh_database())
            case = Case(
                place, twins_before, SCENARIOS[0].route,
                {"lead": PUMP_LEAD, "chat_session_id": CHAT}, database_url=url,
            )  # fmt: skip
            child = self._forks.Process(target=route_child.prepare, args=(case,),
                                        kwargs={"runs": runs})  # fmt: skip
            child.start()
            child.join(CASE_SECONDS)
            assert child.exitcode == 0
            if runs:
                told = json.loads(case.answer.read_text(encoding="utf-8"))
                assert told["status"] == JobStatus.DONE
                self.candidate = told["unmerged"][HELD_BACK]
                self.session_job = told["job"]

    @contextmanager
    def _case(self, scenario: Scenario, point: Point | None) -> Iterator[Case]:
        """A copy of the state, gone at the end."""
        self._count += 1
        name = "session" if scenario.follows else "empty"
        folder = self.folder / f"case-{self._count}"
        shutil.copytree(self.folder / name / "data", folder / "data")
        payload = {k: self.candidate if v == "{candidate}" else v
                   for k, v in scenario.payload.items()}  # fmt: skip
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            url = None
            if self.kind == POSTGRES:
                url = stack.enter_context(_copied(self._databases[name]))
            yield Case(
                folder, self.twins_file, scenario.route, payload,
                key=scenario.key, choice=scenario.choice, stuck=scenario.stuck, point=point,
                database_url=url,
            )  # fmt: skip

    # --- a case ----------------------------------------------------------------------------

    def undisturbed(self, scenario: Scenario) -> Outcome:
        """What comes of a scenario when nobody is killed; run once."""
        if scenario.name not in self._undisturbed:
            self._undisturbed[scenario.name] = self.run(scenario, None)
        return self._undisturbed[scenario.name]

    def run(self, scenario: Scenario, point: Point | None) -> Outcome:
        begun = len(self.twins.log)
        with self._case(scenario, point) as case:
            kept = self._on_postgres(case) if self.kind == POSTGRES else self._embedded(case)
            died = case.killed.exists()
            told = json.loads(case.answer.read_text(encoding="utf-8"))
            steps = case.steps.read_text(encoding="utf-8").splitlines() if point is None else []
        return Outcome(told, self._bought(begun), tuple(dict.fromkeys(steps)), kept, died)

    def _embedded(self, case: Case) -> frozenset[str]:
        """One process that makes the call and does the job; killed, it is started again."""
        if self._ended(self._asking(case, works=True)) == 0:
            return frozenset()
        kept = self._checkpoints(case)
        _execute(case, LAPSED)
        assert self._ended(self._asking(case, works=True)) == 0
        return kept

    def _on_postgres(self, case: Case) -> frozenset[str]:
        """Three workers beside the process that makes the call; whichever is killed, only the one
        that asks is started again."""
        workers = [
            self._forks.Process(target=route_child.work, args=(case,)) for _ in range(WORKERS)
        ]
        kept = frozenset[str]()
        try:
            for worker in workers:
                worker.start()
            asking = self._asking(case, works=False)
            while True:
                alive = [w for w in workers if w.exitcode is None]
                ended = wait([p.sentinel for p in (asking, *alive)], CASE_SECONDS)
                assert ended, "nothing happened"
                if asking.sentinel not in ended:
                    fallen = [w for w in alive if w.sentinel in ended]
                    assert [self._ended(w) for w in fallen] == [-signal.SIGKILL]
                    kept = self._checkpoints(case)
                    _execute(case, LAPSED)
                elif self._ended(asking) == 0:
                    return kept
                else:
                    asking = self._asking(case, works=False)
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                self._ended(worker)

    def _asking(self, case: Case, *, works: bool) -> Any:
        child = self._forks.Process(target=route_child.ask, args=(case,), kwargs={"works": works})
        child.start()
        return child

    def _ended(self, child: Any) -> int:
        """How a child ended: well, or by our hand."""
        child.join(CASE_SECONDS)
        if child.exitcode is None:
            child.kill()
        assert child.exitcode in (0, -signal.SIGKILL), f"a child ended with {child.exitcode}"
        return int(child.exitcode)

    def _checkpoints(self, case: Case) -> frozenset[str]:
        """What the job's checkpoints keep, by the name that it has when it is bought."""
        found = _execute(case, "SELECT job_id, step FROM checkpoints")
        steps = [step for job, step in found if job != self.session_job]
        names = {"finding": SEARCH, "synthesis": SYNTHESIS}
        return frozenset(names.get(step, step.removeprefix("slot:")) for step in steps)

    def _bought(self, begun: int) -> Counter[str]:
        entries = self.twins.log[begun:]
        slots = [slot_of(e.json) for e in entries if e.vendor == "openrouter"]
        return Counter(slots + [SEARCH for e in entries if e.vendor == "tavily"])

    # --- what must hold ----------------------------------------------------------------------

    def points(self, scenario: Scenario) -> list[Point]:
        """Before and after each step that is the scenario's own."""
        steps = sorted(s for s in self.undisturbed(scenario).steps if s.startswith(scenario.only))
        return [Point(label, when) for label in steps for when in (BEFORE, AFTER)]

    def defects(self, scenario: Scenario, point: Point) -> list[str]:
        """Kill there, and say what differs from the run that nobody disturbed."""
        usual, found = self.undisturbed(scenario), self.run(scenario, point)
        # Events are written in batches, the last ones with the job's end: a run may have no such
        # point. It must come out right all the same.
        missed = not found.died and point.label.startswith("append_events")
        wrong = [w for w in _wrong(usual, found) if not (missed and w == NOBODY)]
        return [f"{self.kind}, {scenario.name}, {point}: {what}" for what in wrong]


def _wrong(usual: Outcome, found: Outcome) -> Iterator[str]:
    told = found.told
    if not found.died:
        yield NOBODY
    if (told["status"], told["error"]) != (usual.told["status"], usual.told["error"]):
        yield f"the job ended as {told['status']}: {told['error']}"
    if len(told["jobs"]) != len(usual.told["jobs"]) or told["jobs"] != told["final"]:
        yield f"there are {len(told['jobs'])} jobs, {len(told['final'])} of them final"
    numbers = [seq for seq, _ in told["events"]]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"the events are numbered {numbers}"
    if _ends(found) != _ends(usual):
        yield f"the end is told in {told['events']}"
    yield from _wrong_purchases(usual, found)
    yield from _wrong_money(usual, found)
    again = usual.bought != found.bought  # with another brief, so it may cost more or less
    for key, value in usual.told["graph"].items():
        if told["graph"][key] != value and not (again and key in ("costs", "spent")):
            yield f"{key} of the graph: {told['graph'][key]}, undisturbed {value}"


def _ends(outcome: Outcome) -> list[str]:
    """What tells of an end, in order, and the very last event."""
    names = [name for _, name in outcome.told["events"]]
    return [*(name for name in names if name in ENDS), names[-1]]


def _wrong_purchases(usual: Outcome, found: Outcome) -> Iterator[str]:
    for item in sorted({*usual.bought, *found.bought}):
        most = usual.bought[item] if item in found.kept else 2 * usual.bought[item]
        if not usual.bought[item] <= found.bought[item] <= most:
            kept = "was" if item in found.kept else "was not"
            yield f"{item} was bought {found.bought[item]} times, and {kept} checkpointed"


def _wrong_money(usual: Outcome, found: Outcome) -> Iterator[str]:
    balances, posted = found.told["balances"], found.told["transfers"]
    if sum(balances.values()) != 0 or balances["held"] != 0:
        yield f"the ledger does not come out: {balances}"
    if balances != usual.told["balances"]:
        yield f"balances {balances}, undisturbed {usual.told['balances']}"
    if len({t["id"] for t in posted}) != len(posted):
        yield "a transfer was posted twice"
    if _moves(posted) != _moves(usual.told["transfers"]):
        yield f"transfers {_moves(posted)}, undisturbed {_moves(usual.told['transfers'])}"


def _moves(posted: Sequence[dict[str, Any]]) -> list[tuple[str, str, int, str]]:
    return sorted((t["kind"], t["item"], t["cents"], t["reason"]) for t in posted)


def charged_cents(outcome: Outcome) -> int:
    taken = (TransferKind.CAPTURE, TransferKind.TRUE_UP)
    return sum(t["cents"] for t in outcome.told["transfers"] if t["kind"] in taken)


# --- stores ----------------------------------------------------------------------------------


def _execute(case: Case, statement: str) -> list[Any]:
    if case.database_url is not None:
        with psycopg.connect(case.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []
    with closing(sqlite3.connect(case.settings.store_path)) as store, store:
        return store.execute(statement).fetchall()


@contextmanager
def _copied(database_url: str) -> Iterator[str]:
    """A copy of a database that nobody is connected to, gone at the end."""
    parts = urlsplit(database_url)
    original = parts.path.lstrip("/")
    copy = f"{original}_copy"
    with psycopg.connect(server_url(), autocommit=True) as admin:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        admin.execute(create.format(sql.Identifier(copy), sql.Identifier(original)))
        quick = sql.SQL("ALTER DATABASE {} SET synchronous_commit = off")
        admin.execute(quick.format(sql.Identifier(copy)))
    try:
        yield urlunsplit(parts._replace(path=f"/{copy}"))
    finally:
        with psycopg.connect(server_url(), autocommit=True) as admin:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            admin.execute(drop.format(sql.Identifier(copy)))


# --- everything ------------------------------------------------------------------------------


def _forks() -> ForkServerContext:
    """Children are forked from a process that has imported everything and has no thread."""
    context = multiprocessing.get_context("forkserver")
    # pytest, too, is the main module of every child.
    context.set_forkserver_preload([route_child.__name__, "pytest"])
    return context


@contextmanager
def bench(kind: str, folder: Path) -> Iterator[Bench]:
    """The twins run in a thread of this process, so that their log can be read here."""
    before, after = before_world(folder / "before"), after_world(folder / "after")
    with start_blocking_portal() as portal, ExitStack() as stack:
        before_file, after_file = folder / "before.json", folder / "after.json"
        with portal.wrap_async_context_manager(
            running_twins(load_world(before), rate_limits=False)
        ) as earlier:
            earlier.address.write(before_file)
            twins = stack.enter_context(
                portal.wrap_async_context_manager(
                    running_twins(load_world(after), rate_limits=False)
                )
            )
            twins.address.write(after_file)
            made = Bench(kind, folder, twins, after_file)
            stack.enter_context(made._stack)
            made.prepare(before_file)
        yield made
