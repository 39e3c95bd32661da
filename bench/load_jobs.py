"""Jobs a second, enqueued and run with nothing to do, by one and by two worker processes; and the
replay of a job's events. Beside each engine stands the least that does the same.

`python -m bench.load_jobs ENGINE PLACE` is a worker: it says `ready`, starts when it reads a line
and ends with its input.
"""

from __future__ import annotations

import argparse
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import psycopg
from anyio.streams.text import TextReceiveStream
from pydantic import SecretStr

from bench import bare_queues
from data411_mcp.adapters.clock import SystemClock
from data411_mcp.adapters.jobs.embedded import EmbeddedRunner
from data411_mcp.adapters.jobs.queue_postgres import PostgresQueue
from data411_mcp.adapters.store.open import open_store
from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.jobs import Finished, Job, JobStatus
from data411_mcp.services.ports import JobContext, JobRunner, Store
from data411_mcp.settings import Settings

ROUTE, TENANT, CHAT = "bench/nothing", "bench", ""
CONCURRENCY = 8
WORKERS = (1, 2)
POLL_SECONDS = 0.02
GIVE_UP_SECONDS = 300.0
STOP_SECONDS = 15.0
LEASE_SECONDS = 60.0
EVENTS_AT_ONCE = 500


@dataclass(frozen=True)
class Engine:
    """`place` is a folder or a database address."""

    name: str
    enqueue: Callable[[str, int], Awaitable[float]]  # (place, jobs) → seconds, one by one
    work: Callable[[str, bare_queues.Start], Awaitable[None]]  # until cancelled
    remaining: Callable[[str], int]


async def measure_engine(engine: Engine, place: str, jobs: int) -> dict[str, float]:
    """Jobs a second. The same number of jobs for each number of workers."""
    figures: dict[str, float] = {}
    for workers in WORKERS:
        enqueueing = await engine.enqueue(place, jobs)
        figures.setdefault("enqueued_per_second", jobs / enqueueing)
        seconds = await _run_out(engine, place, workers)
        figures[f"run_per_second_workers_{workers}"] = jobs / seconds
    return figures


async def _run_out(engine: Engine, place: str, workers: int) -> float:
    """Seconds from the start of the workers' work to the end of the last job."""
    command = [sys.executable, "-m", "bench.load_jobs", engine.name, place]
    processes = [
        await anyio.open_process(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None
        )
        for _ in range(workers)
    ]
    try:
        with anyio.fail_after(GIVE_UP_SECONDS):
            for process in processes:
                assert process.stdout is not None
                await TextReceiveStream(process.stdout).receive()
            began = time.perf_counter()
            for process in processes:
                assert process.stdin is not None
                await process.stdin.send(b"go\n")
            while await anyio.to_thread.run_sync(engine.remaining, place):
                await anyio.sleep(POLL_SECONDS)
            return time.perf_counter() - began
    finally:
        with anyio.CancelScope(shield=True):
            for process in processes:
                assert process.stdin is not None
                await process.stdin.aclose()
                with anyio.move_on_after(STOP_SECONDS):
                    await process.wait()
                if process.returncode is None:
                    process.kill()
                await process.aclose()


# --- ours ----------------------------------------------------------------------------------


def settings_of(place: str) -> Settings:
    if place.startswith("postgres"):
        return Settings(database_url=SecretStr(place), log_level="ERROR")
    return Settings(data_dir=Path(place), log_level="ERROR")


@asynccontextmanager
async def _opened(place: str, *, works: bool) -> AsyncIterator[tuple[Store, JobRunner]]:
    clock = SystemClock()
    more: dict[str, Any] = {
        "worker_id": clock.new_id(),
        "works": works,
        "concurrency": CONCURRENCY,
    }
    async with open_store(settings_of(place)) as store:
        if place.startswith("postgres"):
            yield store, PostgresQueue(store, clock, {ROUTE: _nothing}, database_url=place, **more)
        else:
            yield store, EmbeddedRunner(store, clock, {ROUTE: _nothing}, **more)


async def _nothing(_context: JobContext) -> Finished:
    return Finished("{}")


def _job(number: int) -> Job:
    clock = SystemClock()
    now = clock.now()
    return Job(
        id=clock.new_id(),
        tenant=TENANT,
        route=ROUTE,
        chat_session_id=CHAT,
        lead_key="",
        payload="{}",
        status=JobStatus.QUEUED,
        created_at=now,
        updated_at=now,
        idempotency_key=f"{number}-{clock.new_id()}",
    )


async def _enqueue(place: str, jobs: int) -> float:
    async with _opened(place, works=False) as (_store, runner), runner.running():
        began = time.perf_counter()
        for number in range(jobs):
            await runner.submit(_job(number))
        return time.perf_counter() - began


async def _work(place: str, start: bare_queues.Start) -> None:
    async with _opened(place, works=True) as (_store, runner):
        await start()
        async with runner.running():
            await anyio.sleep_forever()


_OPEN_JOBS = "SELECT COUNT(*) FROM jobs WHERE status IN ('queued', 'running')"


def _remaining_sqlite(place: str) -> int:
    with sqlite3.connect(Path(place) / "data411.sqlite3") as connection:
        return int(connection.execute(_OPEN_JOBS).fetchone()[0])


def _remaining_postgres(place: str) -> int:
    with psycopg.connect(place) as connection:
        row = connection.execute(_OPEN_JOBS).fetchone()
        return int(row[0]) if row else 0


OURS_SQLITE = Engine("ours-sqlite", _enqueue, _work, _remaining_sqlite)
OURS_POSTGRES = Engine("ours-postgres", _enqueue, _work, _remaining_postgres)
LEASE_TABLE = Engine(
    "lease-table", bare_queues.enqueue_leases, bare_queues.work_leases, bare_queues.open_leases
)
PROCRASTINATE = Engine(
    "procrastinate",
    bare_queues.enqueue_procrastinate,
    bare_queues.work_procrastinate,
    bare_queues.open_procrastinate,
)
ENGINES = {e.name: e for e in (OURS_SQLITE, OURS_POSTGRES, LEASE_TABLE, PROCRASTINATE)}


# --- events --------------------------------------------------------------------------------


async def measure_replay(place: str, count: int) -> dict[str, float]:
    """A client that reconnects to a finished job and has missed everything."""
    async with _opened(place, works=False) as (store, runner), runner.running():
        clock = SystemClock()
        job = await store.add_job(_job(0))
        holder = "bench"
        await store.claim_job(holder, now=clock.now(), lease_seconds=LEASE_SECONDS, job_id=job.id)
        began = time.perf_counter()
        for first in range(1, count + 1, EVENTS_AT_ONCE):
            last = min(first + EVENTS_AT_ONCE, count + 1)
            events = [_event(number) for number in range(first, last)]
            await store.append_events(job.id, holder, events)
        written = time.perf_counter() - began
        await store.finish_job(job.id, holder, JobStatus.DONE, now=clock.now(), result="{}")
        seen: list[ProgressEvent] = []
        began = time.perf_counter()
        await runner.wait(TENANT, job.id, seconds=GIVE_UP_SECONDS, emit=seen.append)
        replayed = time.perf_counter() - began
    assert [event.seq for event in seen] == list(range(1, count + 1))
    return {
        "events": count,
        "written_per_second": round(count / written),
        "replay_ms": round(replayed * 1000, 1),
        "replayed_per_second": round(count / replayed),
    }


def _event(number: int) -> ProgressEvent:
    return ProgressEvent(
        name=EventName.PAGE_READ,
        seq=number,
        at=SystemClock().now().isoformat(),
        message=f"Read page {number}",
        context={"url": f"https://example.com/{number}"},
    )


# --- the worker ----------------------------------------------------------------------------


async def _started() -> None:
    print("ready", flush=True)
    line = await anyio.to_thread.run_sync(sys.stdin.readline)
    assert line, "the bench has gone"


async def _until_input_ends(scope: anyio.CancelScope) -> None:
    await anyio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)
    scope.cancel()


async def _worker(engine: str, place: str) -> None:
    async with anyio.create_task_group() as tasks:

        async def start() -> None:
            await _started()
            tasks.start_soon(_until_input_ends, tasks.cancel_scope)

        await ENGINES[engine].work(place, start)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=sorted(ENGINES))
    parser.add_argument("place")
    options = parser.parse_args()
    anyio.run(partial(_worker, options.engine, options.place))
