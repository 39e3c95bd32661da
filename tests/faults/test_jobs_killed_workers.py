"""Workers killed with SIGKILL at every point of their work: a peer finishes each job, and no
checkpointed step is done twice."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from subprocess import PIPE, Popen

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from data411_mcp.adapters.clock import SystemClock
from data411_mcp.adapters.jobs.embedded import EmbeddedRunner
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.services.ports import JobContext, Store
from tests.faults.jobs_world import POINTS, ROUTE, STEPS, stepped_job, stepped_work

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked POSIX processes")


async def nothing_special(_context: JobContext, _point: str) -> None:
    await anyio.lowlevel.checkpoint()


def kill_all_at_their_points(store_path: Path, effects: Path, workers: int) -> set[str]:
    """Returns the ids of the jobs whose workers were killed."""
    script = [sys.executable, "-m", "tests.faults.jobs_world"]
    arguments = [str(store_path), str(effects), str(workers)]
    family = Popen([*script, *arguments], cwd=ROOT, stdout=PIPE, text=True)
    try:
        assert family.stdout is not None
        stopped = [family.stdout.readline().split() for _ in range(workers)]
        for pid, _job_id in stopped:
            os.kill(int(pid), signal.SIGKILL)
        family.communicate(timeout=30)
        return {job_id for _pid, job_id in stopped}
    finally:
        if family.poll() is None:
            family.terminate()
            family.communicate(timeout=30)


async def finish(store: Store, effects: Path, jobs: list[str]) -> None:
    runner = EmbeddedRunner(
        store,
        SystemClock(),
        {ROUTE: stepped_work(effects, nothing_special)},
        worker_id="heir",
        sweep_seconds=0.1,
    )
    async with runner.running():
        for name in jobs:
            assert (await runner.wait("acme", name, seconds=30)).final


def expected_effects(point: str) -> list[int]:
    """How often each step is done: once, and the step in flight at the kill once more."""
    when, _, step = point.partition(":")
    return [2 if when == "after" and index == int(step) else 1 for index in range(STEPS)]


async def kill_and_check(folder: Path, rounds: int) -> None:
    path, effects = folder / "data411.sqlite3", folder / "effects"
    async with SqliteStore.open(path) as store:
        for turn in range(rounds):
            points = {f"{turn}/{point}": point for point in POINTS}
            for name, point in points.items():
                await store.add_job(stepped_job(name, point))
            killed = await anyio.to_thread.run_sync(
                kill_all_at_their_points, path, effects, len(points)
            )
            assert killed == set(points)
            await finish(store, effects, list(points))
            done = Counter(effects.read_text(encoding="utf-8").splitlines())
            for name, point in points.items():
                times = [done[f"{name} {step}"] for step in range(STEPS)]
                assert times == expected_effects(point), name
                job = await store.job("acme", name)
                assert job is not None
                assert (job.status, job.attempt) == (JobStatus.DONE, 2)
                assert len(json.loads(job.result or "")) == STEPS
                events = await store.events("acme", name, since=0, limit=100)
                assert [event.seq for event in events] == list(range(1, len(events) + 1))


async def test_twenty_killed_workers_cost_no_job_and_repeat_no_finished_step(
    tmp_path: Path,
) -> None:
    assert len(POINTS) == 20
    with anyio.fail_after(90):
        await kill_and_check(tmp_path, rounds=1)


@pytest.mark.long
async def test_two_hundred_killed_workers_cost_no_job_and_repeat_no_finished_step(
    tmp_path: Path,
) -> None:
    with anyio.fail_after(900):
        await kill_and_check(tmp_path, rounds=10)
