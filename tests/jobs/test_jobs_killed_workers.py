"""Workers killed with SIGKILL at every point of their work: a peer finishes each job, no
checkpointed step is done twice, and each job is paid once."""

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

from data411_mcp.domain.jobs import JobStatus
from data411_mcp.domain.ledger import Balances, TransferKind, precharge, transfer
from data411_mcp.services.ports import JobContext, Store
from tests.jobs.jobs_world import POINTS, PRICE_CENTS, STEPS, stepped_job, stepped_work
from tests.jobs.queues import EMBEDDED, PROCRASTINATE, TENANT, Queue, open_store

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked POSIX processes")


async def nothing_special(_context: JobContext, _point: str) -> None:
    await anyio.lowlevel.checkpoint()


class Family:
    """Workers that are killed one after another, as they reach their points."""

    def __init__(self, queue: Queue, effects: Path, workers: int) -> None:
        script = [sys.executable, "-m", "tests.jobs.jobs_world"]
        arguments = [queue.kind, queue.place, str(effects), str(workers)]
        self._process = Popen([*script, *arguments], cwd=ROOT, stdout=PIPE, text=True)

    def kill(self, count: int) -> set[str]:
        """Returns the ids of the jobs whose workers were killed, each at its point."""
        assert self._process.stdout is not None
        killed = set()
        for _ in range(count):
            pid, job_id = self._process.stdout.readline().split()
            os.kill(int(pid), signal.SIGKILL)
            killed.add(job_id)
        return killed

    def end(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=30)


def expected_effects(point: str) -> list[int]:
    """How often each step is done: once, and the step in flight at the kill once more."""
    when, _, step = point.partition(":")
    return [2 if when == "after" and index == int(step) else 1 for index in range(STEPS)]


async def kill_and_check(queue: Queue, folder: Path, *, workers: int, rounds: int) -> None:
    """In each round a worker is killed at each point; its peers and its successor go on."""
    store, effects = queue.store, folder / "effects"
    credit = PRICE_CENTS * len(POINTS) * rounds
    gift = transfer(TENANT, "", "credit", TransferKind.CREDIT, credit)
    assert await store.post(gift, at=queue.clock.now())
    follower = queue.runner(stepped_work(effects, nothing_special), worker_id="heir")
    family = Family(queue, effects, workers)
    try:
        for turn in range(rounds):
            points = {f"{turn}/{point}": point for point in POINTS}
            for name, point in points.items():
                hold = precharge(TENANT, name, PRICE_CENTS)
                await store.add_job(stepped_job(name, point), precharge=hold)
            killed = await anyio.to_thread.run_sync(
                family.kill, len(points), abandon_on_cancel=True
            )
            assert killed == set(points)
            for name in points:
                assert (await follower.wait(TENANT, name, seconds=60)).final
            done = Counter(effects.read_text(encoding="utf-8").splitlines())
            for name, point in points.items():
                assert [done[f"{name} {step}"] for step in range(STEPS)] == expected_effects(point)
                await check_end(store, name)
    finally:
        await anyio.to_thread.run_sync(family.end)
    assert await store.balances(TENANT) == Balances(earned=credit, bank=-credit)


async def check_end(store: Store, name: str) -> None:
    job = await store.job(TENANT, name)
    assert job is not None
    assert (job.status, job.attempt) == (JobStatus.DONE, 2)
    assert len(json.loads(job.result or "")) == STEPS
    events = await store.events(TENANT, name, since=0, limit=100)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    kinds = [posted.kind for posted in await store.transfers(TENANT, job_id=name)]
    assert kinds == [TransferKind.PRECHARGE, TransferKind.CAPTURE]


async def on_sqlite(folder: Path, rounds: int) -> None:
    place = str(folder / "data411.sqlite3")
    async with open_store(EMBEDDED, place) as store:
        await kill_and_check(Queue(EMBEDDED, place, store), folder, workers=5, rounds=rounds)


async def on_postgres(database: str, folder: Path, rounds: int) -> None:
    async with open_store(PROCRASTINATE, database) as store:
        queue = Queue(PROCRASTINATE, database, store)
        await kill_and_check(queue, folder, workers=3, rounds=rounds)


async def test_on_sqlite_killed_workers_cost_no_job_no_finished_step_and_no_cent(
    tmp_path: Path,
) -> None:
    with anyio.fail_after(90):
        await on_sqlite(tmp_path, rounds=1)


async def test_on_postgres_one_of_three_workers_killed_costs_no_job_no_step_and_no_cent(
    jobs_database: str, tmp_path: Path
) -> None:
    with anyio.fail_after(90):
        await on_postgres(jobs_database, tmp_path, rounds=1)


@pytest.mark.long
async def test_two_hundred_kills_on_sqlite(tmp_path: Path) -> None:
    with anyio.fail_after(900):
        await on_sqlite(tmp_path, rounds=10)


@pytest.mark.long
async def test_two_hundred_kills_on_postgres(jobs_database: str, tmp_path: Path) -> None:
    with anyio.fail_after(900):
        await on_postgres(jobs_database, tmp_path, rounds=10)
