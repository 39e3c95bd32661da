"""How places and money are shared out: priorities, tenants, several workers, bills."""

from __future__ import annotations

from collections import Counter

import anyio
import anyio.lowlevel
import pytest

from data411_mcp.domain.jobs import BATCH, INTERACTIVE, Finished, Job, JobStatus, WorkResult
from data411_mcp.domain.ledger import (
    Balances,
    Bill,
    BillLine,
    RefundReason,
    TransferKind,
    precharge,
    transfer,
)
from data411_mcp.errors import InsufficientBalance, InvalidLead
from data411_mcp.services.ports import JobContext
from tests.jobs.queues import ROUTE, TENANT, Gate, Queue, a_job, done

BILL = Bill((BillLine("swift", 35), BillLine("deep", 35, RefundReason.UNPROVEN)))


async def test_interactive_jobs_come_before_batch_jobs(queue: Queue) -> None:
    gate = Gate()
    order: list[str] = []

    async def work(context: JobContext) -> WorkResult:
        if context.job.id == "first":
            return await gate(context)
        order.append(context.job.id)
        return Finished("1")

    async with queue.runner(work, concurrency=1).running() as runner:
        await runner.submit(a_job("first"))
        await gate.begun.wait()
        for name in ("batch-1", "batch-2"):
            await runner.submit(a_job(name, priority=BATCH))
        await runner.submit(a_job("call", priority=INTERACTIVE))
        gate.go_on.set()
        for name in ("batch-1", "batch-2"):
            assert (await done(runner, name)).status is JobStatus.DONE
    assert order[0] == "call"


async def test_a_backlog_of_batch_jobs_does_not_hold_up_an_interactive_one(queue: Queue) -> None:
    gate = Gate()

    async def work(context: JobContext) -> WorkResult:
        return await gate(context) if context.job.priority == BATCH else Finished("1")

    async with queue.runner(work, concurrency=4, tenant_jobs_max=4).running() as runner:
        for number in range(12):
            await runner.submit(a_job(f"batch-{number}"))
        while len(gate.contexts) < 3:
            await anyio.lowlevel.checkpoint()
        for number in range(3):
            await runner.submit(a_job(f"call-{number}", priority=INTERACTIVE))
            assert (await done(runner, f"call-{number}")).status is JobStatus.DONE
        assert len(gate.contexts) == 3


async def test_a_tenant_has_no_more_jobs_running_than_allowed_over_all_workers(
    queue: Queue,
) -> None:
    running: Counter[str] = Counter()
    most: Counter[str] = Counter()
    full = anyio.Event()

    async def work(context: JobContext) -> WorkResult:
        tenant = context.job.tenant
        running[tenant] += 1
        most[tenant] = max(most[tenant], running[tenant])
        if tenant == "rival":
            full.set()  # although the other tenant has jobs in front of it
        await full.wait()
        await context.checkpoint("step", "1")
        running[tenant] -= 1
        return Finished("1")

    options = {"concurrency": 4, "tenant_jobs_max": 2}
    one, two = (queue.runner(work, worker_id=name, **options) for name in "ab")
    async with one.running(), two.running():
        for number in range(10):
            await one.submit(a_job(f"job-{number}", priority=INTERACTIVE))
        await one.submit(a_job("other", tenant="rival", priority=INTERACTIVE))
        for number in range(10):
            assert (await done(two, f"job-{number}")).status is JobStatus.DONE
    assert most[TENANT] == 2
    assert most["rival"] == 1


async def test_a_worker_that_stops_in_the_middle_leaves_its_jobs_to_its_peer(queue: Queue) -> None:
    names = [f"job-{number}" for number in range(12)]
    steps: Counter[str] = Counter()
    stopping = anyio.Event()
    all_begun = anyio.Event()

    async def work(context: JobContext) -> WorkResult:
        for step in ("one", "two"):
            if step not in context.checkpoints:
                await context.checkpoint(step, "1")
                steps[f"{context.job.id} {step}"] += 1
            if len(steps) == len(names):
                all_begun.set()
            await stopping.wait()
        return Finished("1")

    one, two = (queue.runner(work, worker_id=name, concurrency=6) for name in "ab")
    async with two.running():
        async with one.running():
            for name in names:
                await one.submit(a_job(name, priority=INTERACTIVE))
            await all_begun.wait()
        stopping.set()
        jobs = [await done(two, name) for name in names]
    assert {(job.status, job.attempt) for job in jobs} == {(JobStatus.DONE, 1)}
    assert set(steps.values()) == {1}


# --- money -------------------------------------------------------------------------------


async def give(queue: Queue, cents: int) -> None:
    credit = transfer(TENANT, "", "credit-1", TransferKind.CREDIT, cents)
    assert await queue.store.post(credit, at=queue.clock.now())


async def test_a_finished_job_is_settled_by_its_bill(queue: Queue) -> None:
    async def work(_context: JobContext) -> WorkResult:
        return Finished("1", BILL)

    await give(queue, 100)
    async with queue.runner(work).running() as runner:
        await runner.submit(a_job(), precharge=precharge(TENANT, "job-1", 70))
        await done(runner)
    assert await queue.store.balances(TENANT) == Balances(customer=65, earned=35, bank=-100)


async def test_a_failed_or_cancelled_job_is_settled_by_the_bill_of_its_closing(
    queue: Queue,
) -> None:
    begun = anyio.Event()

    async def work(context: JobContext) -> WorkResult:
        if context.job.id == "fails":
            raise InvalidLead("No.")
        begun.set()
        await anyio.sleep_forever()
        return Finished("1")

    async def close(_job: Job, _status: JobStatus, _reason: str) -> Bill | None:
        return BILL

    await give(queue, 200)
    async with queue.runner(work, close={ROUTE: close}).running() as runner:
        for name in ("fails", "stopped"):
            await runner.submit(a_job(name), precharge=precharge(TENANT, name, 70))
        await done(runner, "fails")
        await begun.wait()
        await runner.cancel(TENANT, "stopped")
        assert (await done(runner, "stopped")).status is JobStatus.CANCELLED
    assert await queue.store.balances(TENANT) == Balances(customer=130, earned=70, bank=-200)


async def test_a_job_that_nobody_began_gives_everything_back_when_cancelled(queue: Queue) -> None:
    await give(queue, 100)
    runner = queue.runner(Gate())
    await runner.submit(a_job(), precharge=precharge(TENANT, "job-1", 70))
    assert (await queue.store.balances(TENANT)).held == 70
    await runner.cancel(TENANT, "job-1")
    assert await queue.store.balances(TENANT) == Balances(customer=100, bank=-100)


async def test_a_job_that_cannot_be_paid_is_not_queued(queue: Queue) -> None:
    gate = Gate()
    async with queue.runner(gate).running() as runner:
        with pytest.raises(InsufficientBalance):
            await runner.submit(a_job(), precharge=precharge(TENANT, "job-1", 70))
    assert await queue.store.job(TENANT, "job-1") is None
    assert gate.contexts == []
