"""What concerns the queue on PostgreSQL alone: its schema, its tickets, a database that goes away,
and processes that submit without working."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import anyio
import anyio.lowlevel
import anyio.to_thread
import psycopg
import pytest
from structlog.testing import capture_logs

from data411_mcp.adapters.jobs import queue_postgres
from data411_mcp.adapters.jobs.procrastinated import migrate_queue
from data411_mcp.domain.events import ProgressEvent
from data411_mcp.domain.jobs import INTERACTIVE, Finished, JobStatus, WorkResult
from data411_mcp.domain.ledger import Balances, TransferKind, precharge, transfer
from data411_mcp.errors import StoreBusy
from data411_mcp.services.ports import JobContext
from tests.jobs.jobs_world import BILL, PRICE_CENTS
from tests.jobs.queues import (
    EMBEDDED,
    PROCRASTINATE,
    TENANT,
    Gate,
    Queue,
    a_job,
    an_event,
    done,
    echo,
    open_store,
)
from tests.postgres import Cluster, fresh_database, own_cluster


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Queue]:
    async with open_store(PROCRASTINATE, url) as store:
        yield Queue(PROCRASTINATE, url, store)


async def ask(url: str, query: str) -> object:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        found = await (await connection.execute(query)).fetchone()  # type: ignore[call-overload]
        return None if found is None else found[0]


async def tickets(url: str) -> object:
    return await ask(url, "SELECT COUNT(*) FROM procrastinate_jobs")


async def test_the_schema_is_applied_once_however_many_processes_start() -> None:
    with fresh_database() as url:
        async with anyio.create_task_group() as processes:
            for _ in range(8):
                processes.start_soon(migrate_queue, url)
        assert await ask(url, "SELECT to_regclass('procrastinate_jobs') IS NOT NULL") is True


async def test_no_ticket_is_left_of_jobs_that_are_over(jobs_database: str) -> None:
    async def work(context: JobContext) -> WorkResult:
        if context.job.id == "fails":
            raise ValueError
        if context.job.id == "stays":
            await anyio.sleep_forever()
        return Finished("1")

    async with opened(jobs_database) as queue, queue.runner(work).running() as runner:
        for name in ("done", "fails", "stays"):
            await runner.submit(a_job(name))
        for name in ("done", "fails"):
            assert (await done(runner, name)).final
        await runner.cancel(TENANT, "stays")
        assert (await done(runner, "stays")).status is JobStatus.CANCELLED
        with anyio.fail_after(15):
            while await tickets(jobs_database):
                await anyio.lowlevel.checkpoint()


async def test_a_process_that_does_not_work_submits_to_those_that_do(jobs_database: str) -> None:
    gate = Gate()
    async with (
        opened(jobs_database) as queue,
        queue.runner(gate, works=False).running() as front,
    ):
        await front.submit(a_job())
        assert await tickets(jobs_database) == 1
        waiting = await front.wait(TENANT, "job-1", seconds=0.3)
        assert (waiting.status, gate.contexts) == (JobStatus.QUEUED, [])
        heard: list[str] = []
        async with queue.runner(echo).running():
            job = await front.wait(
                TENANT, "job-1", seconds=15, emit=lambda event: heard.append(event.message)
            )
    assert (job.status, heard) == (JobStatus.DONE, ["job-1"])


async def test_the_embedded_runner_works_on_the_same_database(jobs_database: str) -> None:
    async with opened(jobs_database) as queue:
        one, two = (
            replace(queue, kind=EMBEDDED).runner(echo, worker_id=name, tenant_jobs_max=2)
            for name in "ab"
        )
        async with one.running(), two.running():
            for number in range(12):
                await one.submit(a_job(f"job-{number}"))
            for number in range(12):
                job = await done(two, f"job-{number}")
                assert (job.status, job.attempt) == (JobStatus.DONE, 1)


async def test_processes_hear_of_events_ends_and_wishes_without_asking(
    jobs_database: str,
) -> None:
    gate = Gate()
    heard: list[str] = []
    got = anyio.Event()

    def hear(event: ProgressEvent) -> None:
        heard.append(event.message)
        got.set()

    never = {"poll_seconds": 3600, "heartbeat_seconds": 3600, "lease_seconds": 7200}
    async with (
        opened(jobs_database) as queue,
        queue.runner(gate, **never).running() as runner,
        queue.runner(gate, works=False, **never).running() as front,
    ):
        await front.submit(a_job())
        await gate.begun.wait()
        with anyio.fail_after(15):
            async with anyio.create_task_group() as tasks:

                async def follow() -> None:
                    job = await front.wait(TENANT, "job-1", seconds=3600, emit=hear)
                    assert job.status is JobStatus.CANCELLED

                tasks.start_soon(follow)
                while not got.is_set():  # the first ones may come before anybody listens
                    gate.contexts[0].emit(an_event("news"))
                    with anyio.move_on_after(0.1):
                        await got.wait()
                while runner._held.get("job-1") is not None:
                    await front.cancel(TENANT, "job-1")
                    await anyio.sleep(0.05)
    assert heard[0] == "news"
    assert heard[-1] == "Cancelled."


async def test_a_job_whose_ticket_was_lost_is_found(jobs_database: str) -> None:
    async with opened(jobs_database) as queue:
        async with queue.runner(echo, works=False).running() as front:
            await front.submit(a_job())
        await ask(jobs_database, "DELETE FROM procrastinate_jobs RETURNING 1")
        async with queue.runner(echo).running() as runner:
            assert (await done(runner)).status is JobStatus.DONE


async def test_a_ticket_for_a_job_that_is_over_or_unknown_is_thrown_away(
    jobs_database: str,
) -> None:
    async with opened(jobs_database) as queue:
        async with queue.runner(echo, works=False).running() as front:
            for name in ("cancelled", "unknown"):
                await front.submit(a_job(name))
            await front.cancel(TENANT, "cancelled")
        await ask(jobs_database, "DELETE FROM jobs WHERE id = 'unknown' RETURNING 1")
        gate = Gate()
        async with queue.runner(gate).running():
            with anyio.fail_after(15):
                while await tickets(jobs_database):
                    await anyio.lowlevel.checkpoint()
        assert gate.contexts == []


async def test_jobs_of_a_tenant_that_has_enough_running_are_put_off_and_not_lost(
    jobs_database: str,
) -> None:
    gate = Gate()

    async def work(context: JobContext) -> WorkResult:
        return await gate(context) if context.job.id == "first" else Finished("1")

    async with opened(jobs_database) as queue:
        # Without sweeps: a ticket that is put off must come back by itself.
        options = {"tenant_jobs_max": 1, "sweep_seconds": 3600}
        async with queue.runner(work, **options).running() as runner:
            await runner.submit(a_job("first", priority=INTERACTIVE))
            await gate.begun.wait()
            for number in range(5):
                await runner.submit(a_job(f"job-{number}", priority=INTERACTIVE))
            with anyio.fail_after(15):
                while not await ask(
                    jobs_database,
                    "SELECT COUNT(*) = 5 FROM procrastinate_jobs WHERE scheduled_at > now()",
                ):
                    await anyio.lowlevel.checkpoint()
            gate.go_on.set()
            for number in range(5):
                assert (await done(runner, f"job-{number}")).status is JobStatus.DONE


async def test_a_backlog_of_one_tenant_hides_no_killed_job_and_no_lost_ticket_of_another(
    jobs_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_postgres, "SWEPT_AT_ONCE", 5)
    gate = Gate()

    async def work(context: JobContext) -> WorkResult:
        return await gate(context) if context.job.tenant == "busy" else Finished("1")

    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    async with opened(jobs_database) as queue:
        for number in range(12):
            await queue.store.add_job(a_job(f"busy-{number}", tenant="busy", created_at=long_ago))
        for name in ("killed", "lost"):
            await queue.store.add_job(a_job(name))
        await queue.store.claim_job("dead", now=long_ago, lease_seconds=1, job_id="killed")
        async with queue.runner(work, tenant_jobs_max=1, concurrency=4).running() as runner:
            for name in ("killed", "lost"):
                assert (await done(runner, name)).status is JobStatus.DONE
            gate.go_on.set()


# --- a database that goes away -----------------------------------------------------------


async def go_away(cluster: Cluster, queue: Queue, seconds: float) -> None:
    """The database leaves in the middle of a job, and of the cancel of none."""
    steps: list[str] = []
    begun, back = anyio.Event(), anyio.Event()

    async def work(context: JobContext) -> WorkResult:
        begun.set()
        if context.job.id == "sleeps":
            await back.wait()
        for step in ("one", "two", "three"):
            if step not in context.checkpoints:
                await context.checkpoint(step, "1")
                steps.append(f"{context.job.id} {step}")
        return Finished(json.dumps(sorted(context.checkpoints)), BILL)

    credit = transfer(TENANT, "", f"credit {seconds}", TransferKind.CREDIT, 2 * PRICE_CENTS)
    await queue.store.post(credit, at=queue.clock.now())
    async with queue.runner(work, backoff_seconds=0.1).running() as runner:
        await runner.submit(a_job("sleeps"), precharge=precharge(TENANT, "sleeps", PRICE_CENTS))
        await begun.wait()
        await anyio.to_thread.run_sync(cluster.stop)
        await anyio.sleep(seconds)
        back.set()
        await anyio.to_thread.run_sync(cluster.start)
        with anyio.fail_after(30):
            while True:  # what a caller does who is told to come again
                try:
                    await runner.submit(
                        a_job("next"), precharge=precharge(TENANT, "next", PRICE_CENTS)
                    )
                    jobs = [await done(runner, name, 30) for name in ("sleeps", "next")]
                    break
                except StoreBusy:
                    await anyio.sleep(0.1)
    assert {job.status for job in jobs} == {JobStatus.DONE}
    assert sorted(steps) == sorted(
        f"{name} {step}" for name in ("sleeps", "next") for step in ("one", "two", "three")
    )
    balances = await queue.store.balances(TENANT)
    assert balances == Balances(earned=2 * PRICE_CENTS, bank=-2 * PRICE_CENTS)


@pytest.mark.parametrize("seconds", [1, pytest.param(10, marks=pytest.mark.long)])
async def test_a_database_that_was_away_costs_no_job_no_finished_step_and_no_cent(
    seconds: float,
) -> None:
    with capture_logs(), own_cluster() as cluster, anyio.fail_after(90):
        async with opened(cluster.url) as queue:
            await go_away(cluster, queue, seconds)


async def test_a_queue_whose_database_is_away_at_the_start_says_so(jobs_database: str) -> None:
    async with opened(jobs_database) as queue:
        nobody_listens = replace(queue, place="postgresql://127.0.0.1:1/none")
        with pytest.raises(StoreBusy):
            async with nobody_listens.runner(echo).running():
                pass
