"""The embedded runner on its own ground: one SQLite file, and the places it keeps free."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from data411_mcp.adapters.jobs.embedded import batch_places
from data411_mcp.adapters.store.sqlite import BUSY_SECONDS
from data411_mcp.domain.jobs import JobStatus
from tests.jobs.queues import EMBEDDED, Gate, Queue, a_job, done, echo, open_store


async def test_a_runner_stops_in_time_though_the_store_is_locked(tmp_path: Path) -> None:
    gate = Gate()
    file = str(tmp_path / "data411.sqlite3")
    async with open_store(EMBEDDED, file) as store:
        queue = Queue(EMBEDDED, file, store)
        with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
            with anyio.fail_after(BUSY_SECONDS - 1):
                async with queue.runner(gate, lease_seconds=0.5).running() as runner:
                    await runner.submit(a_job())
                    await gate.begun.wait()
                    # In a thread: on the loop it would wait for a write that needs the loop to end.
                    await anyio.to_thread.run_sync(other.execute, "BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
        async with queue.runner(echo).running() as runner:
            job = await done(runner)
    assert (job.status, job.attempt) == (JobStatus.DONE, 2)


@pytest.mark.parametrize(("places", "batch"), [(1, 1), (2, 1), (3, 2), (8, 6), (40, 30)])
def test_batch_jobs_leave_places_to_interactive_ones(places: int, batch: int) -> None:
    assert batch_places(places) == batch
