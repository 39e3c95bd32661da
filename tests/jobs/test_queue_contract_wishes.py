"""What is asked of a job while it is under way: cancel, and cancel and retry of single slots."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest

from data411_mcp.domain.events import (
    EventName,
    ProgressEvent,
)
from data411_mcp.domain.jobs import (
    Finished,
    Job,
    JobStatus,
    SlotRequest,
    SlotWish,
    Waiting,
    WorkResult,
)
from data411_mcp.domain.ledger import (
    Balances,
    Bill,
    BillLine,
    TransferKind,
    precharge,
    transfer,
)
from data411_mcp.errors import InvalidLead, SlotNotRerunnable, StoreBusy
from data411_mcp.services.ports import (
    JobContext,
    Store,
)
from tests.jobs.queues import (
    ROUTE,
    TENANT,
    Gate,
    Queue,
    a_job,
    done,
)

NOW = datetime(2026, 1, 2, tzinfo=UTC)


async def test_a_job_cancelled_before_it_starts_never_runs(queue: Queue) -> None:
    gate = Gate()
    runner = queue.runner(gate)
    await runner.submit(a_job())
    assert (await runner.cancel("acme", "job-1")).status is JobStatus.CANCELLED
    async with runner.running():
        await runner.submit(a_job("job-2"))
        await gate.begun.wait()
        gate.go_on.set()
        await runner.wait("acme", "job-2", seconds=10)
    assert [context.job.id for context in gate.contexts] == ["job-2"]


async def test_a_running_job_is_cancelled_and_its_follower_told(queue: Queue) -> None:
    gate = Gate()
    heard: list[ProgressEvent] = []
    async with queue.runner(gate, heartbeat_seconds=60).running() as runner:
        await runner.submit(a_job())
        await gate.begun.wait()
        await runner.cancel("acme", "job-1")
        job = await runner.wait("acme", "job-1", seconds=10, emit=heard.append)
        assert (await runner.cancel("acme", "job-1")).status is JobStatus.CANCELLED
    assert gate.cancelled == 1
    assert job.status is JobStatus.CANCELLED
    assert [event.name for event in heard] == [EventName.SESSION_CANCELLED]


async def test_work_that_breaks_while_cancelled_is_still_cancelled(queue: Queue) -> None:
    begun = anyio.Event()

    async def work(_context: JobContext) -> WorkResult:
        begun.set()
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            raise RuntimeError("torn down") from None
        return Finished("1")

    async with queue.runner(work).running() as runner:
        await runner.submit(a_job())
        await begun.wait()
        await runner.cancel("acme", "job-1")
        job = await runner.wait("acme", "job-1", seconds=10)
    assert job.status is JobStatus.CANCELLED


async def test_a_cancel_from_another_process_arrives_with_a_heartbeat(queue: Queue) -> None:
    gate = Gate()
    other = queue.runner(gate)
    async with queue.runner(gate).running() as runner:
        await runner.submit(a_job())
        await gate.begun.wait()
        asked = await other.cancel("acme", "job-1")
        assert (asked.status, asked.cancel_requested) == (JobStatus.RUNNING, True)
        job = await other.wait("acme", "job-1", seconds=10)
    assert job.status is JobStatus.CANCELLED


async def test_a_waiting_job_is_cancelled_at_once(queue: Queue) -> None:
    async def work(_context: JobContext) -> WorkResult:
        return Waiting("{}")

    async with queue.runner(work).running() as runner:
        await runner.submit(a_job())
        await runner.wait("acme", "job-1", seconds=10)
        assert (await runner.cancel("acme", "job-1")).status is JobStatus.CANCELLED
        assert (await runner.resume("acme", "job-1")).status is JobStatus.CANCELLED


class Closer:
    def __init__(self, bill: Bill | None = None) -> None:
        self.closed: list[tuple[str, JobStatus, str]] = []
        self.bill = bill

    async def __call__(self, job: Job, status: JobStatus, reason: str) -> Bill | None:
        self.closed.append((job.id, status, reason))
        return self.bill


class CancelledJustThen:
    """A store in which somebody cancels a job in the moment its worker writes that it waits."""

    def __init__(self, store: Store, when: str) -> None:
        self._store = store
        self._when = when

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def finish_job(self, job_id: str, worker: str, status: JobStatus, **how: Any) -> bool:
        for moment in ("before", "after"):
            if moment == self._when and status is JobStatus.WAITING:
                await self._store.request_cancel(TENANT, job_id, None, now=how["now"])
            if moment == "before":
                finished = await self._store.finish_job(job_id, worker, status, **how)
        return finished


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_cancel_that_comes_as_the_job_begins_to_wait_closes_what_it_leaves(
    queue: Queue, when: str
) -> None:
    async def work(_context: JobContext) -> WorkResult:
        return Waiting("{}")

    closer = Closer()
    racing = replace(queue, store=cast(Store, CancelledJustThen(queue.store, when)))
    async with racing.runner(work, close={ROUTE: closer}).running() as runner:
        await runner.submit(a_job())
        assert (await done(runner)).status is JobStatus.CANCELLED
    assert set(closer.closed) == {("job-1", JobStatus.CANCELLED, "cancelled")}


class BusyCloser(Closer):
    """The store is away at the first so many closings."""

    def __init__(self, busy: int) -> None:
        super().__init__(PAID)
        self.busy = busy

    async def __call__(self, job: Job, status: JobStatus, reason: str) -> Bill | None:
        if self.busy:
            self.busy -= 1
            raise StoreBusy("Away.")
        return await super().__call__(job, status, reason)


PAID = Bill((BillLine("slot", 35),))
ALL_HELD = precharge(TENANT, "job-1", 150)


async def _credit(queue: Queue) -> None:
    await queue.store.post(transfer(TENANT, "", "gift", TransferKind.CREDIT, 500), at=NOW)


@pytest.mark.parametrize("fails", [False, True])
async def test_a_job_ends_only_when_what_it_leaves_is_closed_and_billed(
    queue: Queue, fails: bool
) -> None:
    begun = anyio.Event()

    async def work(_context: JobContext) -> WorkResult:
        begun.set()
        if fails:
            raise InvalidLead("No.")
        await anyio.sleep_forever()
        return Finished("1")

    await _credit(queue)
    closer = BusyCloser(busy=2)
    async with queue.runner(work, close={ROUTE: closer}).running() as runner:
        await runner.submit(a_job(), precharge=ALL_HELD)
        await begun.wait()
        if not fails:
            await runner.cancel(TENANT, "job-1")
        job = await done(runner)
    assert job.status is (JobStatus.ERROR if fails else JobStatus.CANCELLED)
    assert (len(closer.closed), closer.busy) == (1, 0)
    assert await queue.store.balances(TENANT) == Balances(customer=465, earned=35, bank=-500)


async def test_a_job_cancelled_between_two_attempts_is_closed_and_billed_at_once(
    queue: Queue,
) -> None:
    async def work(_context: JobContext) -> WorkResult:
        raise StoreBusy("The store was away.")

    await _credit(queue)
    closer = Closer(PAID)
    options: dict[str, Any] = {"backoff_seconds": 1000, "close": {ROUTE: closer}}
    async with queue.runner(work, **options).running() as runner:
        await runner.submit(a_job(), precharge=ALL_HELD)
        while (await _job(queue)).run_after is None:
            await anyio.lowlevel.checkpoint()
        await runner.cancel(TENANT, "job-1")
        assert (await done(runner)).status is JobStatus.CANCELLED
    assert len(closer.closed) == 1
    assert await queue.store.balances(TENANT) == Balances(customer=465, earned=35, bank=-500)


# --- slots -------------------------------------------------------------------------------


@pytest.mark.parametrize("same_process", [True, False])
async def test_slot_wishes_reach_the_work_in_order(queue: Queue, same_process: bool) -> None:
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
    async with queue.runner(work, heartbeat_seconds=heartbeat).running() as runner:
        asker = runner if same_process else queue.runner(work)
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


async def test_a_settled_retry_is_not_repeated_and_an_unsettled_one_is(queue: Queue) -> None:
    begun = anyio.Event()
    settled = anyio.Event()

    async def first(context: JobContext) -> WorkResult:
        begun.set()
        async for request in context.slot_requests():
            if request.slot == "swift":
                await context.checkpoint("swift", '"again"', request)
                settled.set()
        return Finished("1")

    async with queue.runner(first).running() as runner:
        await runner.submit(a_job())
        await begun.wait()
        await runner.retry_slot("acme", "job-1", "swift")
        await runner.retry_slot("acme", "job-1", "deep")
        await settled.wait()

    async def second(context: JobContext) -> WorkResult:
        async for request in context.slot_requests():
            return Finished(json.dumps([request.slot, dict(context.checkpoints)]))
        return Finished("null")

    async with queue.runner(second).running() as runner:
        job = await runner.wait("acme", "job-1", seconds=10)
    assert json.loads(job.result or "") == ["deep", {"swift": '"again"'}]


@pytest.mark.parametrize("same_process", [True, False])
async def test_a_retry_of_a_slot_that_has_landed_is_refused(
    queue: Queue, same_process: bool
) -> None:
    begun, go_on = anyio.Event(), anyio.Event()
    heard: set[str] = set()

    async def work(context: JobContext) -> WorkResult:
        async def obey() -> None:
            async for request in context.slot_requests():
                heard.add(request.slot)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(obey)
            context.landed("swift")
            begun.set()
            await go_on.wait()
            tasks.cancel_scope.cancel()
        return Finished("1")

    async with queue.runner(work).running() as runner:
        asker = runner if same_process else queue.runner(work)
        await runner.submit(a_job())
        await begun.wait()
        while not await queue.store.checkpoints("job-1"):
            await anyio.lowlevel.checkpoint()
        with pytest.raises(SlotNotRerunnable):
            await asker.retry_slot(TENANT, "job-1", "swift")
        await asker.retry_slot(TENANT, "job-1", "deep")
        while not heard:
            await anyio.lowlevel.checkpoint()
        go_on.set()
        assert (await done(runner)).status is JobStatus.DONE
    assert heard == {"deep"}


async def test_a_retry_that_is_heard_after_the_slot_has_landed_is_refused(queue: Queue) -> None:
    begun, asked = anyio.Event(), anyio.Event()

    async def work(context: JobContext) -> WorkResult:
        begun.set()
        await asked.wait()
        context.landed("swift")
        async for request in context.slot_requests():
            return Finished(json.dumps(request.slot))
        return Finished("null")

    async with queue.runner(work, heartbeat_seconds=60).running() as runner:
        await runner.submit(a_job())
        await begun.wait()

        async def ask() -> None:
            with pytest.raises(SlotNotRerunnable):
                await runner.retry_slot(TENANT, "job-1", "swift")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            while not (await _job(queue)).slot_requests:
                await anyio.lowlevel.checkpoint()
            asked.set()
        while (await _job(queue)).slot_requests:  # it is forgotten: no later attempt repeats it
            await anyio.lowlevel.checkpoint()
        await runner.retry_slot(TENANT, "job-1", "deep")
        assert (await done(runner)).result == '"deep"'


async def test_a_later_attempt_may_run_a_landed_slot_again(queue: Queue) -> None:
    landed = anyio.Event()

    async def first(context: JobContext) -> WorkResult:
        context.landed("swift")
        landed.set()
        await anyio.sleep_forever()
        return Finished("1")

    async with queue.runner(first).running() as runner:
        await runner.submit(a_job())
        await landed.wait()

    async def second(context: JobContext) -> WorkResult:
        async for request in context.slot_requests():
            return Finished(json.dumps([request.slot, dict(context.checkpoints)]))
        return Finished("null")

    async with queue.runner(second).running() as runner:
        await runner.retry_slot(TENANT, "job-1", "swift")
        assert (await done(runner)).result == '["swift", {}]'


async def _job(queue: Queue) -> Job:
    job = await queue.store.job(TENANT, "job-1")
    assert job is not None
    return job
