"""What every job queue does: run each job once, also after failures, restarts and clock jumps."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import anyio
import anyio.lowlevel
import pytest
from structlog.testing import capture_logs

from data411_mcp.adapters.jobs.endings import (
    ATTEMPTS_MAX,
    BACKOFF_SECONDS_MAX,
    backoff_seconds,
)
from data411_mcp.domain.jobs import (
    INTERACTIVE,
    Finished,
    JobStatus,
    Waiting,
    WorkResult,
)
from data411_mcp.errors import (
    InvalidLead,
    LookupFailed,
    NotFound,
    StaleVersion,
    StoreBusy,
    StoreFull,
)
from data411_mcp.services.ports import (
    JobContext,
    JobRunner,
)
from tests.jobs.queues import (
    TENANT,
    Gate,
    Queue,
    ShiftedClock,
    a_job,
    an_event,
    done,
    echo,
    error_of,
)


async def test_a_submitted_job_is_done_and_returns_its_result(queue: Queue) -> None:
    async with queue.runner(echo).running() as runner:
        port: JobRunner = runner
        await port.submit(a_job(payload='{"x": 1}'))
        job = await port.wait("acme", "job-1", seconds=10)
    assert (job.status, job.result, job.attempt) == (JobStatus.DONE, '{"x": 1}', 1)


async def test_two_identical_submits_at_once_make_one_job_and_one_run(queue: Queue) -> None:
    gate = Gate()
    submitted: list[str] = []

    async with queue.runner(gate).running() as runner:

        async def submit(name: str) -> None:
            submitted.append((await runner.submit(a_job(name, idempotency_key="same"))).id)

        async with anyio.create_task_group() as callers:
            callers.start_soon(submit, "job-1")
            callers.start_soon(submit, "job-2")
        gate.go_on.set()
        await runner.wait("acme", submitted[0], seconds=10)
    assert len(set(submitted)) == 1
    assert len(gate.contexts) == 1
    assert len(await queue.store.jobs_of_chat("acme", "")) == 1


async def test_no_more_jobs_run_at_once_than_allowed_and_all_are_done(queue: Queue) -> None:
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

    async with queue.runner(work, concurrency=3).running() as runner:
        for number in range(30):
            await runner.submit(a_job(f"job-{number}", priority=INTERACTIVE))
        for number in range(30):
            job = await runner.wait("acme", f"job-{number}", seconds=10)
            assert job.status is JobStatus.DONE
    assert most == 3


async def test_a_job_of_an_earlier_process_is_found_by_the_sweep(queue: Queue) -> None:
    await queue.store.add_job(a_job())
    async with queue.runner(echo).running() as runner:
        assert (await runner.wait("acme", "job-1", seconds=10)).status is JobStatus.DONE


async def test_several_runners_on_one_store_share_the_jobs(queue: Queue) -> None:
    ran: list[str] = []

    async def work(context: JobContext) -> WorkResult:
        ran.append(context.job.id)
        await context.checkpoint("step", "1")
        return Finished("1")

    names = [f"job-{number}" for number in range(40)]
    for name in names:
        await queue.store.add_job(a_job(name))
    one, two = (queue.runner(work, worker_id=name, concurrency=2) for name in "ab")
    async with one.running(), two.running():
        for name in names:
            assert (await two.wait("acme", name, seconds=10)).status is JobStatus.DONE
    assert sorted(ran) == sorted(names)


async def test_a_waiting_job_goes_on_with_the_answer_when_resumed(queue: Queue) -> None:
    async def work(context: JobContext) -> WorkResult:
        if context.job.payload == "{}":
            await context.checkpoint("identity", '"ambiguous"')
            return Waiting('{"choices": 2}')
        return Finished(json.dumps([context.job.payload, dict(context.checkpoints)]))

    async with queue.runner(work).running() as runner:
        await runner.submit(a_job())
        job = await runner.wait("acme", "job-1", seconds=10)
        assert (job.status, job.result) == (JobStatus.WAITING, '{"choices": 2}')
        assert (await runner.resume("acme", "job-1", '"b"')).status is not JobStatus.WAITING
        job = await runner.wait("acme", "job-1", seconds=10)
        assert job.status is JobStatus.DONE
        assert json.loads(job.result or "") == ['"b"', {"identity": '"ambiguous"'}]
        assert (await runner.resume("acme", "job-1")).status is JobStatus.DONE


async def test_what_is_not_ours_or_does_not_exist_is_not_found(queue: Queue) -> None:
    gate = Gate()
    async with queue.runner(gate).running() as runner:
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


async def test_a_job_that_is_not_due_is_left_alone_until_it_is(queue: Queue) -> None:
    clock = ShiftedClock()
    later = clock.now() + timedelta(hours=1)
    async with replace(queue, clock=clock).runner(echo).running() as runner:
        await queue.store.add_job(a_job("later", run_after=later))
        await runner.submit(a_job("now"))
        assert (await done(runner, "now")).status is JobStatus.DONE
        waiting = await runner.wait(TENANT, "later", seconds=0.3)
        assert (waiting.status, waiting.attempt) == (JobStatus.QUEUED, 0)
        clock.shift += timedelta(hours=2)
        assert (await done(runner, "later")).status is JobStatus.DONE


@pytest.mark.parametrize("hours", [3, -3])
async def test_a_clock_that_jumps_costs_no_job_and_repeats_no_finished_step(
    queue: Queue, hours: int
) -> None:
    clock = ShiftedClock()
    steps: list[str] = []
    jumped = anyio.Event()

    async def work(context: JobContext) -> WorkResult:
        for step in ("before", "after"):
            if step not in context.checkpoints:
                steps.append(step)
                await context.checkpoint(step, "1")
            if not jumped.is_set():
                clock.shift += timedelta(hours=hours)
                jumped.set()
                # Long enough for several sweeps.
                await anyio.sleep(0.5)
        return Finished(json.dumps(sorted(context.checkpoints)))

    async with replace(queue, clock=clock).runner(work).running() as runner:
        await runner.submit(a_job())
        job = await done(runner)
        assert (job.status, job.result) == (JobStatus.DONE, '["after", "before"]')
        assert job.attempt == 1  # nobody else is there to take the lease for a lapsed one
        await runner.submit(a_job("job-2"))
        assert (await done(runner, "job-2")).status is JobStatus.DONE
    assert steps[:2] == ["before", "after"]


# --- failures ----------------------------------------------------------------------------


@pytest.mark.parametrize("grouped", [False, True])
async def test_our_own_error_ends_the_job_with_its_code(queue: Queue, grouped: bool) -> None:
    async def fail() -> None:
        raise InvalidLead("No usable field.", "Give a company.")

    async def work(_context: JobContext) -> WorkResult:
        if grouped:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(fail)
        else:
            await fail()
        return Finished("1")

    async with queue.runner(work).running() as runner:
        await runner.submit(a_job())
        job = await runner.wait("acme", "job-1", seconds=10)
    assert job.status is JobStatus.ERROR
    assert error_of(job)["code"] == "INVALID_LEAD"
    assert error_of(job)["message"] == "No usable field."
    assert error_of(job)["hint"] == "Give a company."


async def test_a_crash_gets_an_opaque_id_and_the_runner_lives_on(queue: Queue) -> None:
    async def work(context: JobContext) -> WorkResult:
        if context.job.id == "bad":
            raise ValueError("secret of Jane Roe")
        return Finished("1")

    with capture_logs() as logs:
        async with queue.runner(work).running() as runner:
            await runner.submit(a_job("bad"))
            job = await runner.wait("acme", "bad", seconds=10)
            await runner.submit(a_job("good"))
            assert (await runner.wait("acme", "good", seconds=10)).status is JobStatus.DONE
    assert job.status is JobStatus.ERROR
    error = error_of(job)
    assert error["code"] == "INTERNAL"
    crashes = [entry for entry in logs if entry["event"] == "job_crashed"]
    assert len(crashes) == job.attempt == ATTEMPTS_MAX
    crash = crashes[-1]
    assert crash["error_id"] in error["message"]
    assert crash["trace"][0] == "ValueError"
    assert "Jane" not in json.dumps([logs, error], default=str)


async def test_an_unknown_route_ends_in_an_error(queue: Queue) -> None:
    async with queue.runner(echo).running() as runner:
        await runner.submit(a_job(route="no/such"))
        job = await runner.wait("acme", "job-1", seconds=10)
    assert error_of(job)["code"] == "unknown_route"


async def test_a_job_past_its_deadline_is_stopped_with_an_error(queue: Queue) -> None:
    gate = Gate()
    async with queue.runner(gate, job_deadline_seconds=0.05).running() as runner:
        await runner.submit(a_job())
        job = await runner.wait("acme", "job-1", seconds=10)
    assert gate.cancelled == 1
    assert error_of(job)["code"] == "deadline_exceeded"


async def test_a_job_whose_workers_keep_dying_ends_after_its_attempts(queue: Queue) -> None:
    await queue.store.add_job(a_job())
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    for attempt in range(ATTEMPTS_MAX):
        now = long_ago + timedelta(minutes=attempt)
        assert await queue.store.claim_job("dies", now=now, lease_seconds=1) is not None
    gate = Gate()
    async with queue.runner(gate).running() as runner:
        job = await runner.wait("acme", "job-1", seconds=10)
    assert job.status is JobStatus.ERROR
    assert error_of(job)["code"] == "attempts_exhausted"
    assert gate.contexts == []


async def test_a_worker_that_lost_its_lease_stops_and_writes_nothing(queue: Queue) -> None:
    gate = Gate()
    async with queue.runner(gate).running() as runner:
        await runner.submit(a_job())
        await gate.begun.wait()
        await _stolen(queue)
        while not gate.cancelled:
            await anyio.lowlevel.checkpoint()
    job = await queue.store.job("acme", "job-1")
    assert job is not None
    assert (job.status, job.worker) == (JobStatus.RUNNING, "thief")


async def _stolen(queue: Queue) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    assert await queue.store.claim_job("thief", now=later, lease_seconds=60) is not None


async def test_a_worker_that_lost_its_lease_is_stopped_by_its_next_checkpoint(
    queue: Queue,
) -> None:
    begun, lost = anyio.Event(), anyio.Event()
    refused: list[Exception] = []

    async def work(context: JobContext) -> WorkResult:
        begun.set()
        await lost.wait()
        try:
            await context.checkpoint("slot", "1")
        except StaleVersion as error:
            refused.append(error)
        await anyio.sleep_forever()
        return Finished("1")

    async with queue.runner(work, lease_seconds=90, heartbeat_seconds=60).running() as runner:
        await runner.submit(a_job())
        await begun.wait()
        await _stolen(queue)
        lost.set()
        while runner._held.get("job-1") is not None:
            await anyio.lowlevel.checkpoint()
    assert len(refused) == 1
    assert await queue.store.checkpoints("job-1") == {}
    job = await queue.store.job("acme", "job-1")
    assert job is not None
    assert (job.status, job.worker) == (JobStatus.RUNNING, "thief")


async def test_a_stopped_runner_hands_its_jobs_back_at_no_cost(queue: Queue) -> None:
    gate = Gate()
    async with queue.runner(gate).running() as runner:
        await runner.submit(a_job())
        await gate.begun.wait()
        gate.contexts[0].emit(an_event("last words"))
        await gate.contexts[0].checkpoint("site", '"done"')
    assert gate.cancelled == 1
    job = await queue.store.job("acme", "job-1")
    assert job is not None
    assert (job.status, job.attempt, job.worker) == (JobStatus.QUEUED, 0, None)
    events = await queue.store.events("acme", "job-1", since=0, limit=9)
    assert [event.message for event in events] == ["last words"]

    async def heir(context: JobContext) -> WorkResult:
        context.emit(an_event("next words"))
        return Finished(json.dumps(dict(context.checkpoints)))

    async with queue.runner(heir).running() as runner:
        job = await runner.wait("acme", "job-1", seconds=10)
    assert json.loads(job.result or "") == {"site": '"done"'}
    events = await queue.store.events("acme", "job-1", since=0, limit=9)
    assert [event.seq for event in events] == [1, 2]


async def test_a_failure_that_may_pass_is_tried_again_from_the_checkpoints(queue: Queue) -> None:
    seen: list[dict[str, str]] = []

    async def work(context: JobContext) -> WorkResult:
        seen.append(dict(context.checkpoints))
        number = len(seen)
        context.emit(an_event(str(number)))
        await context.checkpoint(f"step-{number}", str(number))
        if number == 1:
            raise StoreBusy("The store was away.")
        if number == 2:
            raise LookupFailed("timeout")
        if number == 3:
            raise ValueError
        return Finished("1")

    with capture_logs() as logs:
        async with queue.runner(work).running() as runner:
            await runner.submit(a_job())
            job = await done(runner)
    assert (job.status, job.attempt) == (JobStatus.DONE, 4)
    assert seen == [{f"step-{n}": str(n) for n in range(1, past)} for past in range(1, 5)]
    events = await queue.store.events(TENANT, "job-1", since=0, limit=9)
    assert [(event.seq, event.message) for event in events] == [(n, str(n)) for n in range(1, 5)]
    again = [entry["code"] for entry in logs if entry["event"] == "job_tried_again"]
    assert again == ["STORE_BUSY", "LOOKUP_FAILED", "INTERNAL"]


@pytest.mark.parametrize("error", [InvalidLead("No."), StoreFull("Full.")])
async def test_a_failure_that_will_not_pass_is_final_at_once(
    queue: Queue, error: Exception
) -> None:
    async def work(_context: JobContext) -> WorkResult:
        raise error

    async with queue.runner(work).running() as runner:
        await runner.submit(a_job())
        job = await done(runner)
    assert (job.status, job.attempt) == (JobStatus.ERROR, 1)


async def test_a_job_that_waits_for_its_next_attempt_can_be_cancelled(queue: Queue) -> None:
    async def work(_context: JobContext) -> WorkResult:
        raise StoreBusy("The store was away.")

    async with queue.runner(work, backoff_seconds=1000).running() as runner:
        await runner.submit(a_job())
        while (job := await queue.store.job(TENANT, "job-1")) is None or job.run_after is None:
            await anyio.lowlevel.checkpoint()
        await runner.cancel(TENANT, "job-1")
        assert (await done(runner)).status is JobStatus.CANCELLED


def test_the_pause_before_the_next_attempt_grows_up_to_a_limit() -> None:
    for attempt, longest in enumerate((1, 4, 16, 16, 16), start=1):
        pauses = [backoff_seconds(attempt) for _ in range(200)]
        assert longest / 2 <= min(pauses) < max(pauses) <= longest <= BACKOFF_SECONDS_MAX
