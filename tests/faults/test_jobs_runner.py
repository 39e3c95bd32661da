"""The embedded runner: submit, follow, cancel, retry, wait, crash, hand back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from structlog.testing import capture_logs

from data411_mcp.adapters.clock import SystemClock
from data411_mcp.adapters.jobs.embedded import ATTEMPTS_MAX, EmbeddedRunner, Work
from data411_mcp.adapters.jobs.held import EVENTS_KEPT_IN_MEMORY
from data411_mcp.adapters.store.sqlite import BUSY_SECONDS, SqliteStore
from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.jobs import (
    Finished,
    Job,
    JobStatus,
    SlotRequest,
    SlotWish,
    Waiting,
    WorkResult,
)
from data411_mcp.errors import InvalidLead, NotFound, SlotNotRerunnable
from data411_mcp.services.ports import JobContext, JobRunner

ROUTE = "enrich/lead-session"
PATIENCE_SECONDS = 20


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore.open(tmp_path / "data411.sqlite3") as opened:
        with anyio.fail_after(PATIENCE_SECONDS):
            yield opened


def make_runner(store: SqliteStore, work: Work, **options: Any) -> EmbeddedRunner:
    options = {"worker_id": "w", "heartbeat_seconds": 0.1, "sweep_seconds": 0.1} | options
    return EmbeddedRunner(store, SystemClock(), {ROUTE: work}, **options)


def a_job(name: str = "job-1", **changes: Any) -> Job:
    now = datetime.now(UTC)
    job = Job(
        name, "acme", ROUTE, "chat-1", "lead", "{}", JobStatus.QUEUED, now, now, f"key {name}"
    )
    return replace(job, **changes)


def an_event(message: str = "read") -> ProgressEvent:
    return ProgressEvent(name=EventName.PAGE_READ, message=message)


def error_of(job: Job) -> dict[str, Any]:
    return dict(json.loads(job.error or "null"))


class Gate:
    """Work that says when it has begun and goes on when it is let."""

    def __init__(self) -> None:
        self.begun = anyio.Event()
        self.go_on = anyio.Event()
        self.cancelled = 0
        self.contexts: list[JobContext] = []

    async def __call__(self, context: JobContext) -> WorkResult:
        self.contexts.append(context)
        self.begun.set()
        try:
            await self.go_on.wait()
        except anyio.get_cancelled_exc_class():
            self.cancelled += 1
            raise
        return Finished('"went on"')


async def echo(context: JobContext) -> WorkResult:
    context.emit(an_event(context.job.id))
    return Finished(context.job.payload)


# --- the plain way -----------------------------------------------------------------------


async def test_a_submitted_job_is_done_and_returns_its_result(store: SqliteStore) -> None:
    async with make_runner(store, echo).running() as runner:
        port: JobRunner = runner
        await port.submit(a_job(payload='{"x": 1}'))
        job = await port.wait("acme", "job-1", seconds=10)
    assert (job.status, job.result, job.attempt) == (JobStatus.DONE, '{"x": 1}', 1)


async def test_two_identical_submits_at_once_make_one_job_and_one_run(store: SqliteStore) -> None:
    gate = Gate()
    submitted: list[str] = []

    async with make_runner(store, gate).running() as runner:

        async def submit(name: str) -> None:
            submitted.append((await runner.submit(a_job(name, idempotency_key="same"))).id)

        async with anyio.create_task_group() as callers:
            callers.start_soon(submit, "job-1")
            callers.start_soon(submit, "job-2")
        gate.go_on.set()
        await runner.wait("acme", submitted[0], seconds=10)
    assert len(set(submitted)) == 1
    assert len(gate.contexts) == 1
    assert len(await store.jobs_of_chat("acme", "chat-1")) == 1


async def test_no_more_jobs_run_at_once_than_allowed_and_all_are_done(store: SqliteStore) -> None:
    now = most = 0
    full = anyio.Event()

    async def work(context: JobContext) -> WorkResult:
        nonlocal now, most
        now += 1
        most = max(most, now)
        if now == 3:
            full.set()
        await full.wait()
        await context.checkpoint("step", "1")
        now -= 1
        return Finished("1")

    async with make_runner(store, work, concurrency=3).running() as runner:
        for number in range(30):
            await runner.submit(a_job(f"job-{number}"))
        for number in range(30):
            job = await runner.wait("acme", f"job-{number}", seconds=10)
            assert job.status is JobStatus.DONE
    assert most == 3


async def test_a_job_of_an_earlier_process_is_found_by_the_sweep(store: SqliteStore) -> None:
    await store.add_job(a_job())
    async with make_runner(store, echo).running() as runner:
        assert (await runner.wait("acme", "job-1", seconds=10)).status is JobStatus.DONE


async def test_several_runners_on_one_store_share_the_jobs(store: SqliteStore) -> None:
    ran: list[str] = []

    async def work(context: JobContext) -> WorkResult:
        ran.append(context.job.id)
        await context.checkpoint("step", "1")
        return Finished("1")

    names = [f"job-{number}" for number in range(40)]
    for name in names:
        await store.add_job(a_job(name))
    one, two = (make_runner(store, work, worker_id=name, concurrency=2) for name in "ab")
    async with one.running(), two.running():
        for name in names:
            assert (await two.wait("acme", name, seconds=10)).status is JobStatus.DONE
    assert sorted(ran) == sorted(names)


async def test_a_waiting_job_goes_on_with_the_answer_when_resumed(store: SqliteStore) -> None:
    async def work(context: JobContext) -> WorkResult:
        if context.job.payload == "{}":
            await context.checkpoint("identity", '"ambiguous"')
            return Waiting('{"choices": 2}')
        return Finished(json.dumps([context.job.payload, dict(context.checkpoints)]))

    async with make_runner(store, work).running() as runner:
        await runner.submit(a_job())
        job = await runner.wait("acme", "job-1", seconds=10)
        assert (job.status, job.result) == (JobStatus.WAITING, '{"choices": 2}')
        assert (await runner.resume("acme", "job-1", '"b"')).status is not JobStatus.WAITING
        job = await runner.wait("acme", "job-1", seconds=10)
        assert job.status is JobStatus.DONE
        assert json.loads(job.result or "") == ['"b"', {"identity": '"ambiguous"'}]
        assert (await runner.resume("acme", "job-1")).status is JobStatus.DONE


async def test_what_is_not_ours_or_does_not_exist_is_not_found(store: SqliteStore) -> None:
    gate = Gate()
    async with make_runner(store, gate).running() as runner:
        await runner.submit(a_job())
        await gate.begun.wait()
        for tenant, name in (("rival", "job-1"), ("acme", "job-2")):
            with pytest.raises(NotFound):
                await runner.wait(tenant, name, seconds=1)
            with pytest.raises(NotFound):
                await runner.cancel(tenant, name)
            with pytest.raises(NotFound):
                await runner.cancel(tenant, name, "swift")
            with pytest.raises(NotFound):
                await runner.retry_slot(tenant, name, "swift")
            with pytest.raises(NotFound):
                await runner.resume(tenant, name)
        gate.go_on.set()
        assert (await runner.wait("acme", "job-1", seconds=10)).status is JobStatus.DONE


# --- failures ----------------------------------------------------------------------------


@pytest.mark.parametrize("grouped", [False, True])
async def test_our_own_error_ends_the_job_with_its_code(store: SqliteStore, grouped: bool) -> None:
    async def fail() -> None:
        raise InvalidLead("No usable field.", "Give a company.")

    async def work(_context: JobContext) -> WorkResult:
        if grouped:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(fail)
        else:
            await fail()
        return Finished("1")

    async with make_runner(store, work).running() as runner:
        await runner.submit(a_job())
        job = await runner.wait("acme", "job-1", seconds=10)
    assert job.status is JobStatus.ERROR
    assert error_of(job)["code"] == "INVALID_LEAD"
    assert error_of(job)["message"] == "No usable field."
    assert error_of(job)["hint"] == "Give a company."


async def test_a_crash_gets_an_opaque_id_and_the_runner_lives_on(store: SqliteStore) -> None:
    async def work(context: JobContext) -> WorkResult:
        if context.job.id == "bad":
            raise ValueError("secret of Jane Roe")
        return Finished("1")

    with capture_logs() as logs:
        async with make_runner(store, work).running() as runner:
            await runner.submit(a_job("bad"))
            job = await runner.wait("acme", "bad", seconds=10)
            await runner.submit(a_job("good"))
            assert (await runner.wait("acme", "good", seconds=10)).status is JobStatus.DONE
    assert job.status is JobStatus.ERROR
    error = error_of(job)
    assert error["code"] == "INTERNAL"
    crash = next(entry for entry in logs if entry["event"] == "job_crashed")
    assert crash["error_id"] in error["message"]
    assert crash["trace"][0] == "ValueError"
    assert "Jane" not in json.dumps([logs, error], default=str)


async def test_an_unknown_route_ends_in_an_error(store: SqliteStore) -> None:
    async with make_runner(store, echo).running() as runner:
        await runner.submit(a_job(route="no/such"))
        job = await runner.wait("acme", "job-1", seconds=10)
    assert error_of(job)["code"] == "unknown_route"


async def test_a_job_past_its_deadline_is_stopped_with_an_error(store: SqliteStore) -> None:
    gate = Gate()
    async with make_runner(store, gate, job_deadline_seconds=0.05).running() as runner:
        await runner.submit(a_job())
        job = await runner.wait("acme", "job-1", seconds=10)
    assert gate.cancelled == 1
    assert error_of(job)["code"] == "deadline_exceeded"


async def test_a_job_whose_workers_keep_dying_ends_after_its_attempts(store: SqliteStore) -> None:
    await store.add_job(a_job())
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    for attempt in range(ATTEMPTS_MAX):
        now = long_ago + timedelta(minutes=attempt)
        assert await store.claim_job("dies", now=now, lease_seconds=1) is not None
    gate = Gate()
    async with make_runner(store, gate).running() as runner:
        job = await runner.wait("acme", "job-1", seconds=10)
    assert job.status is JobStatus.ERROR
    assert error_of(job)["code"] == "attempts_exhausted"
    assert gate.contexts == []


async def test_a_worker_that_lost_its_lease_stops_and_writes_nothing(store: SqliteStore) -> None:
    gate = Gate()
    async with make_runner(store, gate).running() as runner:
        await runner.submit(a_job())
        await gate.begun.wait()
        later = datetime.now(UTC) + timedelta(hours=1)
        thief = await store.claim_job("thief", now=later, lease_seconds=60)
        assert thief is not None
        while not gate.cancelled:
            await anyio.lowlevel.checkpoint()
    job = await store.job("acme", "job-1")
    assert job is not None
    assert (job.status, job.worker) == (JobStatus.RUNNING, "thief")


async def test_a_stopped_runner_hands_its_jobs_back_at_no_cost(store: SqliteStore) -> None:
    gate = Gate()
    async with make_runner(store, gate).running() as runner:
        await runner.submit(a_job())
        await gate.begun.wait()
        gate.contexts[0].emit(an_event("last words"))
        await gate.contexts[0].checkpoint("site", '"done"')
    assert gate.cancelled == 1
    job = await store.job("acme", "job-1")
    assert job is not None
    assert (job.status, job.attempt, job.worker) == (JobStatus.QUEUED, 0, None)
    events = await store.events("acme", "job-1", since=0, limit=9)
    assert [event.message for event in events] == ["last words"]

    async def heir(context: JobContext) -> WorkResult:
        context.emit(an_event("next words"))
        return Finished(json.dumps(dict(context.checkpoints)))

    async with make_runner(store, heir).running() as runner:
        job = await runner.wait("acme", "job-1", seconds=10)
    assert json.loads(job.result or "") == {"site": '"done"'}
    events = await store.events("acme", "job-1", since=0, limit=9)
    assert [event.seq for event in events] == [1, 2]


async def test_a_runner_stops_in_time_though_the_store_is_locked(
    store: SqliteStore, tmp_path: Path
) -> None:
    gate = Gate()
    file = tmp_path / "data411.sqlite3"
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as foreign:
        with anyio.fail_after(BUSY_SECONDS - 1):
            async with make_runner(store, gate, lease_seconds=0.5).running() as runner:
                await runner.submit(a_job())
                await gate.begun.wait()
                # In a thread: on the loop it would wait for a write that needs the loop to end.
                await anyio.to_thread.run_sync(foreign.execute, "BEGIN IMMEDIATE")
        foreign.execute("ROLLBACK")
    async with make_runner(store, echo).running() as runner:
        job = await runner.wait("acme", "job-1", seconds=10)
    assert (job.status, job.attempt) == (JobStatus.DONE, 2)


# --- cancel ------------------------------------------------------------------------------


async def test_a_job_cancelled_before_it_starts_never_runs(store: SqliteStore) -> None:
    gate = Gate()
    runner = make_runner(store, gate)
    await runner.submit(a_job())
    assert (await runner.cancel("acme", "job-1")).status is JobStatus.CANCELLED
    async with runner.running():
        await runner.submit(a_job("job-2"))
        await gate.begun.wait()
        gate.go_on.set()
        await runner.wait("acme", "job-2", seconds=10)
    assert [context.job.id for context in gate.contexts] == ["job-2"]


async def test_a_running_job_is_cancelled_and_its_follower_told(store: SqliteStore) -> None:
    gate = Gate()
    heard: list[ProgressEvent] = []
    async with make_runner(store, gate, heartbeat_seconds=60).running() as runner:
        await runner.submit(a_job())
        await gate.begun.wait()
        await runner.cancel("acme", "job-1")
        job = await runner.wait("acme", "job-1", seconds=10, emit=heard.append)
        assert (await runner.cancel("acme", "job-1")).status is JobStatus.CANCELLED
    assert gate.cancelled == 1
    assert job.status is JobStatus.CANCELLED
    assert [event.name for event in heard] == [EventName.SESSION_CANCELLED]


async def test_work_that_breaks_while_cancelled_is_still_cancelled(store: SqliteStore) -> None:
    begun = anyio.Event()

    async def work(_context: JobContext) -> WorkResult:
        begun.set()
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            raise RuntimeError("torn down") from None
        return Finished("1")

    async with make_runner(store, work).running() as runner:
        await runner.submit(a_job())
        await begun.wait()
        await runner.cancel("acme", "job-1")
        job = await runner.wait("acme", "job-1", seconds=10)
    assert job.status is JobStatus.CANCELLED


async def test_a_cancel_from_another_process_arrives_with_a_heartbeat(store: SqliteStore) -> None:
    gate = Gate()
    other = make_runner(store, gate)
    async with make_runner(store, gate).running() as runner:
        await runner.submit(a_job())
        await gate.begun.wait()
        asked = await other.cancel("acme", "job-1")
        assert (asked.status, asked.cancel_requested) == (JobStatus.RUNNING, True)
        job = await other.wait("acme", "job-1", seconds=10)
    assert job.status is JobStatus.CANCELLED


async def test_a_waiting_job_is_cancelled_at_once(store: SqliteStore) -> None:
    async def work(_context: JobContext) -> WorkResult:
        return Waiting("{}")

    async with make_runner(store, work).running() as runner:
        await runner.submit(a_job())
        await runner.wait("acme", "job-1", seconds=10)
        assert (await runner.cancel("acme", "job-1")).status is JobStatus.CANCELLED
        assert (await runner.resume("acme", "job-1")).status is JobStatus.CANCELLED


# --- slots -------------------------------------------------------------------------------


@pytest.mark.parametrize("same_process", [True, False])
async def test_slot_wishes_reach_the_work_in_order(store: SqliteStore, same_process: bool) -> None:
    begun = anyio.Event()
    heard: list[SlotRequest] = []

    async def work(context: JobContext) -> WorkResult:
        begun.set()
        async for request in context.slot_requests():
            heard.append(request)
            if len(heard) == 3:
                break
        return Finished("1")

    heartbeat = 60 if same_process else 0.1
    async with make_runner(store, work, heartbeat_seconds=heartbeat).running() as runner:
        asker = runner if same_process else make_runner(store, work)
        await runner.submit(a_job())
        await begun.wait()
        await asker.cancel("acme", "job-1", "swift")
        await asker.retry_slot("acme", "job-1", "deep")
        await asker.retry_slot("acme", "job-1", "forge")
        job = await runner.wait("acme", "job-1", seconds=10)
        assert job.status is JobStatus.DONE
        with pytest.raises(SlotNotRerunnable):
            await runner.retry_slot("acme", "job-1", "swift")
    assert [(request.slot, request.wish) for request in heard] == [
        ("swift", SlotWish.CANCEL),
        ("deep", SlotWish.RETRY),
        ("forge", SlotWish.RETRY),
    ]


async def test_a_settled_retry_is_not_repeated_and_an_unsettled_one_is(store: SqliteStore) -> None:
    begun = anyio.Event()
    settled = anyio.Event()

    async def first(context: JobContext) -> WorkResult:
        begun.set()
        async for request in context.slot_requests():
            if request.slot == "swift":
                await context.checkpoint("swift", '"again"', request)
                settled.set()
        return Finished("1")

    async with make_runner(store, first).running() as runner:
        await runner.submit(a_job())
        await begun.wait()
        await runner.retry_slot("acme", "job-1", "swift")
        await runner.retry_slot("acme", "job-1", "deep")
        await settled.wait()

    async def second(context: JobContext) -> WorkResult:
        async for request in context.slot_requests():
            return Finished(json.dumps([request.slot, dict(context.checkpoints)]))
        return Finished("null")

    async with make_runner(store, second).running() as runner:
        job = await runner.wait("acme", "job-1", seconds=10)
    assert json.loads(job.result or "") == ["deep", {"swift": '"again"'}]


# --- following ---------------------------------------------------------------------------


async def test_memory_and_store_tell_the_same_events_under_the_same_numbers(
    store: SqliteStore,
) -> None:
    count = 3 * EVENTS_KEPT_IN_MEMORY

    async def work(context: JobContext) -> WorkResult:
        for number in range(count):
            context.emit(an_event(str(number)))
            if number % 100 == 0:
                await context.checkpoint("number", str(number))
        return Finished("1")

    heard: list[ProgressEvent] = []
    late: list[ProgressEvent] = []
    async with make_runner(store, work).running() as runner:
        await runner.submit(a_job())
        await runner.wait("acme", "job-1", seconds=10, emit=heard.append)
        await runner.wait("acme", "job-1", seconds=10, emit=late.append, since=count - 3)
    stored = await store.events("acme", "job-1", since=0, limit=count + 1)
    assert [event.seq for event in heard] == list(range(1, count + 1))
    assert [event.message for event in heard] == [str(number) for number in range(count)]
    assert list(stored) == heard
    assert late == heard[-3:]


async def test_a_follower_who_comes_late_hears_what_memory_no_longer_has(
    store: SqliteStore,
) -> None:
    gate = Gate()
    count = 2 * EVENTS_KEPT_IN_MEMORY
    heard: list[int] = []
    async with make_runner(store, gate).running() as runner:
        await runner.submit(a_job())
        await gate.begun.wait()
        for _ in range(count):
            gate.contexts[0].emit(an_event())
        while await store.last_event_seq("job-1") < count:
            await anyio.lowlevel.checkpoint()
        gate.contexts[0].emit(an_event())
        while await store.last_event_seq("job-1") < count + 1:
            await anyio.lowlevel.checkpoint()
        await runner.wait("acme", "job-1", seconds=0, emit=lambda e: heard.append(e.seq))
        assert heard == list(range(1, count + 2))
        gate.go_on.set()


async def test_a_follower_hears_an_event_before_the_store_is_asked(store: SqliteStore) -> None:
    gate = Gate()
    heard: list[str] = []
    got = anyio.Event()

    def hear(event: ProgressEvent) -> None:
        heard.append(event.message)
        got.set()

    async with make_runner(store, gate).running() as runner:
        await runner.submit(a_job())
        await gate.begun.wait()

        async def follow() -> None:
            await runner.wait("acme", "job-1", seconds=10, emit=hear)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follow)
            await anyio.wait_all_tasks_blocked()
            async with store._db.transaction():  # the store takes no event meanwhile
                gate.contexts[0].emit(an_event("now"))
                await got.wait()
            gate.go_on.set()
    assert heard == ["now"]


async def test_a_follower_in_another_process_hears_all_events(store: SqliteStore) -> None:
    gate = Gate()
    heard: list[str] = []
    follower = make_runner(store, gate)
    async with make_runner(store, gate).running() as runner:
        await runner.submit(a_job())
        await gate.begun.wait()

        async def speak() -> None:
            for number in range(5):
                gate.contexts[0].emit(an_event(str(number)))
                await anyio.lowlevel.checkpoint()
            gate.go_on.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(speak)
            job = await follower.wait(
                "acme", "job-1", seconds=10, emit=lambda e: heard.append(e.message)
            )
    assert job.status is JobStatus.DONE
    assert heard == ["0", "1", "2", "3", "4"]


async def test_a_follower_whose_time_is_up_gets_the_job_as_it_is(store: SqliteStore) -> None:
    gate = Gate()
    heard: list[str] = []
    async with make_runner(store, gate).running() as runner:
        await runner.submit(a_job())
        await gate.begun.wait()
        gate.contexts[0].emit(an_event("early"))
        for seconds in (0.0, 0.05):
            job = await runner.wait(
                "acme", "job-1", seconds=seconds, emit=lambda e: heard.append(e.message)
            )
            assert job.status is JobStatus.RUNNING
        gate.go_on.set()
    assert "early" in heard


async def test_a_follower_that_breaks_or_leaves_harms_nobody(store: SqliteStore) -> None:
    gate = Gate()

    def broken(_event: ProgressEvent) -> None:
        raise ConnectionResetError

    async with make_runner(store, gate).running() as runner:
        await runner.submit(a_job())
        await gate.begun.wait()
        gate.contexts[0].emit(an_event())
        with pytest.raises(ConnectionResetError):
            await runner.wait("acme", "job-1", seconds=10, emit=broken)
        with anyio.move_on_after(0.01):
            await runner.wait("acme", "job-1", seconds=10)
        gate.go_on.set()
        assert (await runner.wait("acme", "job-1", seconds=10)).status is JobStatus.DONE


async def test_many_short_jobs_lose_no_wake_up(store: SqliteStore) -> None:
    heard: dict[str, list[str]] = {}
    async with make_runner(store, echo, sweep_seconds=60).running() as runner:

        async def one(name: str) -> None:
            heard[name] = []
            await runner.submit(a_job(name))
            job = await runner.wait(
                "acme", name, seconds=15, emit=lambda e: heard[name].append(e.message)
            )
            assert job.status is JobStatus.DONE

        async with anyio.create_task_group() as callers:
            for number in range(100):
                callers.start_soon(one, f"job-{number}")
    assert heard == {name: [name] for name in heard}
    assert len(heard) == 100
