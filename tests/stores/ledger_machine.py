"""Random money against the model of domain/ledger.py: jobs are submitted, replayed, run, ended,
cancelled and expire, credits are posted and posted again, and any transaction may break off in
the middle. After each step the balances must agree with the model, and at the end every
transfer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from data411_mcp.adapters.store.sql import Database, Row, Transaction
from data411_mcp.adapters.store.tables import Tables
from data411_mcp.domain.jobs import FINAL, Job, JobStatus
from data411_mcp.domain.ledger import (
    Bill,
    BillLine,
    Book,
    RefundReason,
    Transfer,
    TransferKind,
    held_of,
    precharge,
    refund_all,
    settle,
)
from data411_mcp.errors import ChatBusy, InsufficientBalance
from tests.stores.samples import NOW, job

T = TypeVar("T")
LONG_AGO = NOW - timedelta(days=400)
HOUR = timedelta(hours=1)
CHARGED = (TransferKind.CAPTURE, TransferKind.TRUE_UP)


class Crash(Exception):
    """The process died here."""


class CrashingDatabase:
    """A database whose next transaction breaks off before its n-th statement, or at its commit."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.crash_before: int | None = None

    async def read(self, query: str, **parameters: object) -> list[Row]:
        return await self._database.read(query, **parameters)

    @asynccontextmanager
    async def transaction(self, *, durable: bool = True) -> AsyncIterator[Transaction]:
        async with self._database.transaction() as transaction:  # no power cut is tried here
            crashing = CrashingTransaction(transaction, self.crash_before)
            yield crashing
            crashing.step(last=True)

    async def write(
        self, query: str, *, durable: bool = True, alone: str | None = None, **parameters: object
    ) -> list[Row]:
        async with self.transaction(durable=durable) as transaction:
            return await transaction.rows(query, **parameters)

    async def migrate(self) -> None: ...
    async def close(self) -> None: ...


class CrashingTransaction:
    def __init__(self, transaction: Transaction, steps: int | None) -> None:
        self._transaction = transaction
        self._steps = steps

    def step(self, *, last: bool = False) -> None:
        if self._steps is None:
            return
        if self._steps == 0 or last:
            raise Crash
        self._steps -= 1

    async def rows(self, query: str, **parameters: object) -> list[Row]:
        self.step()
        return await self._transaction.rows(query, **parameters)

    async def changed(self, query: str, **parameters: object) -> int:
        self.step()
        return await self._transaction.changed(query, **parameters)

    async def alone(self, section: str) -> None:
        await self._transaction.alone(section)


@dataclass
class Laboratory:
    """A store for many runs of the machine: each run has a tenant of its own."""

    loop: asyncio.AbstractEventLoop
    database: CrashingDatabase
    runs: int = 0
    operations: int = 0
    store: Tables = field(init=False)

    def __post_init__(self) -> None:
        self.store = Tables(self.database)

    def run(self, asked: Awaitable[T]) -> T:
        async def wait() -> T:
            return await asked

        return self.loop.run_until_complete(wait())


cents = st.integers(1, 400)
crashes = st.one_of(st.none(), st.none(), st.integers(0, 9))
reasons = st.one_of(st.none(), st.sampled_from(RefundReason))
bills = st.one_of(
    st.none(),
    st.builds(
        Bill,
        st.dictionaries(st.sampled_from("abcd"), st.tuples(cents, reasons), max_size=4).map(
            lambda lines: tuple(BillLine(item, *rest) for item, rest in lines.items())
        ),
        st.integers(0, 300),
    ),
)
picks = st.integers(0, 10_000)


class LedgerMachine(RuleBasedStateMachine):
    laboratory: Laboratory

    @initialize()
    def open_book(self) -> None:
        self.laboratory.runs += 1
        self.tenant = f"tenant-{self.laboratory.runs}"
        self.book = Book()
        self.jobs: dict[str, Job] = {}
        self.statuses: dict[str, JobStatus] = {}
        self.cancelling: set[str] = set()
        self.attempts: Counter[str] = Counter()
        self.expired: set[str] = set()

    @property
    def store(self) -> Tables:
        return self.laboratory.store

    def ask(self, crash: int | None, asked: Callable[[], Awaitable[T]]) -> T | None:
        """Do it, or break off in the middle: None."""
        self.laboratory.operations += 1
        self.laboratory.database.crash_before = crash
        try:
            return self.laboratory.run(asked())
        except Crash:
            return None
        finally:
            self.laboratory.database.crash_before = None

    def pick(self, number: int, *statuses: JobStatus) -> str:
        """A job in one of these states; any job when none is."""
        names = [n for n, s in self.statuses.items() if s in statuses] or list(self.statuses)
        return names[number % len(names)]

    def end(self, name: str, status: JobStatus, bill: Bill | None) -> None:
        self.statuses[name] = status
        if status not in FINAL:
            return
        held = held_of(t for t in self.book.posted.values() if t.job_id == name)
        cancelled = status is JobStatus.CANCELLED
        reason = RefundReason.CANCELLED if cancelled else RefundReason.VENDOR_UNAVAILABLE
        if bill is None:
            transfers = refund_all(self.tenant, name, held, reason)
        else:
            transfers = list(settle(self.tenant, name, held, bill))
        assert self.book.post(transfers)

    # --- what may happen ------------------------------------------------------------------

    @rule(name=st.integers(0, 40), amount=cents, crash=crashes)
    def credit(self, name: int, amount: int, crash: int | None) -> None:
        transfer = Transfer(
            f"{self.tenant}-{name}", self.tenant, "", "", TransferKind.CREDIT, amount, "a gift"
        )
        posted = self.ask(crash, lambda: self.store.post(transfer, at=NOW))
        if posted is not None:
            assert posted == (transfer.id not in self.book.posted)
            self.book.post([transfer])

    @rule(chat=st.integers(0, 5), amount=st.one_of(st.just(0), cents), crash=crashes)
    def submit(self, chat: int, amount: int, crash: int | None) -> None:
        name = f"{self.tenant}-job-{len(self.jobs)}"
        self._submit(job(name, tenant=self.tenant, chat_session_id=f"chat-{chat}"), amount, crash)

    @precondition(lambda self: bool(self.jobs))
    @rule(number=picks, amount=cents, crash=crashes)
    def submit_again(self, number: int, amount: int, crash: int | None) -> None:
        first = list(self.jobs.values())[number % len(self.jobs)]
        if first.id not in self.expired:
            self._submit(first, amount, crash)

    def _submit(self, made: Job, amount: int, crash: int | None) -> None:
        hold = precharge(self.tenant, made.id, amount) if amount else None
        rivals = [
            name
            for name, status in self.statuses.items()
            if status not in FINAL and self.jobs[name].chat_session_id == made.chat_session_id
        ]
        known = made.id in self.jobs
        covered = hold is None or self.book.balances(self.tenant).customer >= hold.cents
        try:
            added = self.ask(crash, lambda: self.store.add_job(made, precharge=hold))
        except ChatBusy as busy:
            assert not known
            assert busy.hint == f'wait_enrich_job(job_id="{rivals[0]}")'  # noqa: PT017
            return
        except InsufficientBalance:
            assert not known
            assert not rivals
            assert not covered
            return
        if added is None:
            return
        assert added.id == made.id
        if not known:
            assert covered
            assert not rivals
            self.jobs[made.id] = made
            self.statuses[made.id] = JobStatus.QUEUED
            if hold is not None:
                assert self.book.post([hold])

    @precondition(lambda self: bool(self.jobs))
    @rule(number=picks, crash=crashes)
    def claim(self, number: int, crash: int | None) -> None:
        name = self.pick(number, JobStatus.QUEUED)
        taken = self.ask(
            crash,
            lambda: self.store.claim_job(
                "worker", now=NOW, lease_seconds=60, job_id=name, tenant_jobs_max=4
            ),
        )
        if taken is not None:
            assert self.statuses[name] is JobStatus.QUEUED
            self.statuses[name] = JobStatus.RUNNING
            self.attempts[name] += 1

    @precondition(lambda self: bool(self.jobs))
    @rule(
        number=picks,
        status=st.sampled_from(
            [JobStatus.DONE, JobStatus.DONE, JobStatus.ERROR, JobStatus.CANCELLED,
             JobStatus.WAITING]
        ),
        bill=bills,
        crash=crashes,
    )  # fmt: skip
    def finish(self, number: int, status: JobStatus, bill: Bill | None, crash: int | None) -> None:
        name = self.pick(number, JobStatus.RUNNING)
        finished = self.ask(
            crash,
            lambda: self.store.finish_job(name, "worker", status, now=NOW, bill=bill),
        )
        if finished is None:
            return
        assert finished == (self.statuses[name] is JobStatus.RUNNING)
        if finished:
            stops = status is JobStatus.WAITING and name in self.cancelling
            self.end(name, JobStatus.CANCELLED if stops else status, bill)

    @precondition(lambda self: bool(self.jobs))
    @rule(number=picks, fails=st.booleans(), crash=crashes)
    def hand_back_or_resume(self, number: int, fails: bool, crash: int | None) -> None:
        name = self.pick(number, JobStatus.RUNNING, JobStatus.WAITING)
        running = self.statuses[name] is JobStatus.RUNNING
        again: dict[str, Any] = {"worker": "worker"} if running else {}
        if running and fails:
            again["run_after"] = NOW
        queued = self.ask(crash, lambda: self.store.requeue_job(name, now=NOW, **again))
        if queued is None:
            return
        assert queued == (self.statuses[name] in (JobStatus.RUNNING, JobStatus.WAITING))
        if queued:
            self.statuses[name] = JobStatus.QUEUED
            self.attempts[name] -= 0 if fails and running else 1 if running else self.attempts[name]

    @precondition(lambda self: bool(self.jobs))
    @rule(number=picks, crash=crashes)
    def cancel(self, number: int, crash: int | None) -> None:
        name = self.pick(number, JobStatus.QUEUED, JobStatus.WAITING, JobStatus.RUNNING)
        found = self.ask(crash, lambda: self.store.request_cancel(self.tenant, name, None, now=NOW))
        if found is None:
            return
        begun = self.statuses[name] is JobStatus.QUEUED and self.attempts[name] > 0
        if begun or self.statuses[name] is JobStatus.RUNNING:
            self.cancelling.add(name)  # a worker is to end it
        elif self.statuses[name] not in FINAL:
            self.end(name, JobStatus.CANCELLED, None)

    @precondition(lambda self: any(s is JobStatus.WAITING for s in self.statuses.values()))
    @rule(crash=crashes)
    def expire(self, crash: int | None) -> None:
        """Retention, as if a year had passed. Broken off in the middle it may have ended some of
        the waiting jobs, each whole."""
        self.ask(crash, lambda: self._purge(NOW + HOUR))
        for name, status in list(self.statuses.items()):
            if name in self.expired:
                continue
            found = self.laboratory.run(self.store.job(self.tenant, name))
            if found is None:
                self.expired.add(name)
            if status is JobStatus.WAITING and (found is None or found.final):
                self.end(name, JobStatus.CANCELLED, None)
            if found is None:
                assert self.statuses[name] in FINAL

    async def _purge(self, jobs_before: datetime) -> bool:
        await self.store.purge(
            now=NOW, pages_before=LONG_AGO, graphs_before=LONG_AGO, jobs_before=jobs_before
        )
        return True

    # --- what must hold -------------------------------------------------------------------

    @invariant()
    def balances_agree(self) -> None:
        balances = self.laboratory.run(self.store.balances(self.tenant))
        assert balances == self.book.balances(self.tenant)
        assert balances.sum == 0
        assert balances.customer >= 0
        assert balances.held >= 0

    def teardown(self) -> None:
        posted = self.laboratory.run(self.store.transfers(self.tenant, limit=100_000))
        assert {t.id: t for t in posted} == self.book.posted
        assert len(posted) == len(self.book.posted)
        for name, status in self.statuses.items():
            own = [t for t in posted if t.job_id == name]
            held = sum(t.cents for t in own if t.kind is TransferKind.PRECHARGE)
            assert sum(t.cents for t in own if t.kind in CHARGED) <= held
            assert held_of(own) == (0 if status in FINAL else held)
        total = held_of(posted)
        assert total == self.laboratory.run(self.store.balances(self.tenant)).held
