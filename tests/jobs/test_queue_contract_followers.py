"""Who follows a job hears each of its events once, in order, wherever it runs."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from data411_mcp.adapters.jobs.held import (
    EVENTS_KEPT_IN_MEMORY,
)
from data411_mcp.domain.events import (
    ProgressEvent,
)
from data411_mcp.domain.jobs import (
    Finished,
    JobStatus,
    WorkResult,
)
from data411_mcp.services.ports import (
    JobContext,
)
from tests.jobs.queues import (
    Gate,
    Queue,
    a_job,
    an_event,
    echo,
)


async def test_memory_and_store_tell_the_same_events_under_the_same_numbers(
    queue: Queue,
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
    async with queue.runner(work).running() as runner:
        await runner.submit(a_job())
        await runner.wait("acme", "job-1", seconds=10, emit=heard.append)
        await runner.wait("acme", "job-1", seconds=10, emit=late.append, since=count - 3)
    stored = await queue.store.events("acme", "job-1", since=0, limit=count + 1)
    assert [event.seq for event in heard] == list(range(1, count + 1))
    assert [event.message for event in heard] == [str(number) for number in range(count)]
    assert list(stored) == heard
    assert late == heard[-3:]


async def test_a_follower_who_comes_late_hears_what_memory_no_longer_has(
    queue: Queue,
) -> None:
    gate = Gate()
    count = 2 * EVENTS_KEPT_IN_MEMORY
    heard: list[int] = []
    async with queue.runner(gate).running() as runner:
        await runner.submit(a_job())
        await gate.begun.wait()
        for _ in range(count):
            gate.contexts[0].emit(an_event())
        while await queue.store.last_event_seq("job-1") < count:
            await anyio.lowlevel.checkpoint()
        gate.contexts[0].emit(an_event())
        while await queue.store.last_event_seq("job-1") < count + 1:
            await anyio.lowlevel.checkpoint()
        await runner.wait("acme", "job-1", seconds=0, emit=lambda e: heard.append(e.seq))
        assert heard == list(range(1, count + 2))
        gate.go_on.set()


async def test_a_follower_hears_an_event_before_the_store_is_asked(queue: Queue) -> None:
    gate = Gate()
    heard: list[str] = []
    got = anyio.Event()

    def hear(event: ProgressEvent) -> None:
        heard.append(event.message)
        got.set()

    async with queue.runner(gate).running() as runner:
        await runner.submit(a_job())
        await gate.begun.wait()

        async def follow() -> None:
            await runner.wait("acme", "job-1", seconds=10, emit=hear)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follow)
            await anyio.wait_all_tasks_blocked()
            async with queue.store._db.transaction():  # the store takes no event meanwhile
                gate.contexts[0].emit(an_event("now"))
                await got.wait()
            gate.go_on.set()
    assert heard == ["now"]


async def test_a_follower_in_another_process_hears_all_events(queue: Queue) -> None:
    gate = Gate()
    heard: list[str] = []
    follower = queue.runner(gate)
    async with queue.runner(gate).running() as runner:
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


async def test_a_follower_whose_time_is_up_gets_the_job_as_it_is(queue: Queue) -> None:
    gate = Gate()
    heard: list[str] = []
    async with queue.runner(gate).running() as runner:
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


async def test_a_follower_that_breaks_or_leaves_harms_nobody(queue: Queue) -> None:
    gate = Gate()

    def broken(_event: ProgressEvent) -> None:
        raise ConnectionResetError

    async with queue.runner(gate).running() as runner:
        await runner.submit(a_job())
        await gate.begun.wait()
        gate.contexts[0].emit(an_event())
        with pytest.raises(ConnectionResetError):
            await runner.wait("acme", "job-1", seconds=10, emit=broken)
        with anyio.move_on_after(0.01):
            await runner.wait("acme", "job-1", seconds=10)
        gate.go_on.set()
        assert (await runner.wait("acme", "job-1", seconds=10)).status is JobStatus.DONE


async def test_many_short_jobs_lose_no_wake_up(queue: Queue) -> None:
    heard: dict[str, list[str]] = {}
    async with queue.runner(echo, sweep_seconds=60).running() as runner:

        async def one(name: str) -> None:
            heard[name] = []
            await runner.submit(a_job(name))
            job = await runner.wait(
                "acme", name, seconds=15, emit=lambda e: heard[name].append(e.message)
            )
            assert job.status is JobStatus.DONE

        async with anyio.create_task_group() as callers:
            for number in range(60):
                callers.start_soon(one, f"job-{number}")
    assert heard == {name: [name] for name in heard}
    assert len(heard) == 60
