"""Work whose every side effect leaves a line in a file, for the tests of killed workers.

As a program, `jobs_world.py STORE EFFECTS WORKERS`: forks that many workers, each of which takes
one job, goes on to the point that the job's payload names, prints `PID JOB` and stays there.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import anyio

from data411_mcp.adapters.clock import SystemClock
from data411_mcp.adapters.jobs.embedded import EmbeddedRunner
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.jobs import Finished, Job, JobStatus, WorkResult
from data411_mcp.services.ports import JobContext

STEPS = 6
POINTS = (
    "start",
    *(f"{when}:{step}" for step in range(STEPS) for when in ("before", "after", "checkpointed")),
    "end",
)
ROUTE = "enrich/lead-session"


def stepped_job(name: str, stop: str) -> Job:
    now = datetime.now(UTC)
    payload = json.dumps({"stop": stop})
    return Job(
        name, "acme", ROUTE, f"chat of {name}", name, payload, JobStatus.QUEUED, now, now, name
    )


def stepped_work(
    effects: Path, reached: Callable[[JobContext, str], Awaitable[None]]
) -> Callable[[JobContext], Awaitable[WorkResult]]:
    """Six checkpointed steps; `reached` is told every point between them."""

    async def work(context: JobContext) -> WorkResult:
        await reached(context, "start")
        for step in range(STEPS):
            if f"step-{step}" in context.checkpoints:
                continue
            context.emit(ProgressEvent(name=EventName.SLOT_STARTED, message=str(step)))
            await reached(context, f"before:{step}")
            # One write of one short line: whole, or not there at all.
            with effects.open("a", encoding="utf-8") as file:
                file.write(f"{context.job.id} {step}\n")
            await reached(context, f"after:{step}")
            await context.checkpoint(f"step-{step}", json.dumps(step))
            context.emit(ProgressEvent(name=EventName.SLOT_FINISHED, message=str(step)))
            await reached(context, f"checkpointed:{step}")
        await reached(context, "end")
        return Finished(json.dumps(sorted(context.checkpoints)))

    return work


async def stop_there(context: JobContext, point: str) -> None:
    if json.loads(context.job.payload)["stop"] == point:
        sys.stdout.write(f"{os.getpid()} {context.job.id}\n")
        sys.stdout.flush()
        await anyio.sleep_forever()


async def worker(store_path: str, effects: Path) -> None:
    async with SqliteStore.open(store_path) as store:
        runner = EmbeddedRunner(
            store,
            SystemClock(),
            {ROUTE: stepped_work(effects, stop_there)},
            worker_id=f"child-{os.getpid()}",
            lease_seconds=1.0,
            heartbeat_seconds=0.2,
            concurrency=1,
            sweep_seconds=0.1,
        )
        async with runner.running():
            await anyio.sleep_forever()


def main(store_path: str, effects: str, workers: str) -> None:
    # Forked before any thread or loop exists: a worker costs milliseconds, not an interpreter.
    children = []
    for _ in range(int(workers)):
        pid = os.fork()
        if pid == 0:
            anyio.run(worker, store_path, Path(effects))
            os._exit(0)
        children.append(pid)
    signal.signal(signal.SIGTERM, lambda *_: [os.kill(pid, signal.SIGKILL) for pid in children])
    for pid in children:
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
