"""A worker process that is told to stop hands its jobs back; told twice, it ends at once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

import anyio.to_thread
import pytest

from data411_mcp.domain.jobs import JobStatus
from tests.jobs.queues import TENANT, Queue, a_job, done, echo

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = pytest.mark.skipif(os.name != "posix", reason="stops workers by POSIX signals")


@contextmanager
def worker(queue: Queue) -> Iterator[Popen[str]]:
    command = [sys.executable, "-m", "tests.jobs.worker_process", queue.kind, queue.place]
    with Popen(command, cwd=ROOT, stdout=PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


async def line_of(process: Popen[str]) -> str:
    assert process.stdout is not None
    line = await anyio.to_thread.run_sync(process.stdout.readline, abandon_on_cancel=True)
    return line.strip()


async def end_of(process: Popen[str]) -> int:
    return await anyio.to_thread.run_sync(process.wait, abandon_on_cancel=True)


async def test_a_worker_told_to_stop_hands_its_job_back_and_ends_well(queue: Queue) -> None:
    await queue.store.add_job(a_job())
    with worker(queue) as process:
        assert [await line_of(process) for _ in range(2)] == ["ready", "job-1"]
        process.send_signal(signal.SIGTERM)
        assert await end_of(process) == 0
    job = await queue.store.job(TENANT, "job-1")
    assert job is not None
    assert (job.status, job.attempt, job.worker) == (JobStatus.QUEUED, 0, None)
    async with queue.runner(echo).running() as heir:
        assert (await done(heir)).status is JobStatus.DONE


async def test_an_idle_worker_that_is_interrupted_ends_well(queue: Queue) -> None:
    with worker(queue) as process:
        assert await line_of(process) == "ready"
        process.send_signal(signal.SIGINT)
        assert await end_of(process) == 0


async def test_a_worker_told_twice_ends_at_once(queue: Queue) -> None:
    await queue.store.add_job(a_job("stubborn"))
    with worker(queue) as process:
        assert [await line_of(process) for _ in range(2)] == ["ready", "stubborn"]
        process.send_signal(signal.SIGTERM)
        # Its job cannot be stopped, so that only the second signal can end the process.
        while process.poll() is None:
            process.send_signal(signal.SIGTERM)
            await anyio.sleep(0.05)
        assert process.returncode == 128 + signal.SIGTERM
    job = await queue.store.job(TENANT, "stubborn")
    assert job is not None
    assert (job.status, job.attempt) == (JobStatus.RUNNING, 1)  # until the lease lapses
