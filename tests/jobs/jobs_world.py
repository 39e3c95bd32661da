"""Work whose every side effect leaves a line in a file, for the tests of killed workers.

As a program, `jobs_world.py KIND STORE EFFECTS WORKERS`: forks that many workers, each of which
takes one job at a time, goes on to the point that the job's payload names, prints `PID JOB` and
stays there. The place of a worker that was killed is taken by a new one, until SIGTERM.
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
from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.jobs import Finished, Job, JobStatus, WorkResult
from data411_mcp.domain.ledger import Bill, BillLine
from data411_mcp.logs import configure_logging
from data411_mcp.services.ports import JobContext
from tests.jobs.queues import ROUTE, TENANT, make_runner, open_store

STEPS = 6
POINTS = (
    "start",
    *(f"{when}:{step}" for step in range(STEPS) for when in ("before", "after", "checkpointed")),
    "end",
)
PRICE_CENTS = 35
BILL = Bill((BillLine("session", PRICE_CENTS),))


def stepped_job(name: str, stop: str) -> Job:
    now = datetime.now(UTC)
    payload = json.dumps({"stop": stop})
    return Job(name, TENANT, ROUTE, "", name, payload, JobStatus.QUEUED, now, now, name)


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
        return Finished(json.dumps(sorted(context.checkpoints)), BILL)

    return work


async def stop_there(context: JobContext, point: str) -> None:
    if context.job.attempt == 1 and json.loads(context.job.payload)["stop"] == point:
        sys.stdout.write(f"{os.getpid()} {context.job.id}\n")
        sys.stdout.flush()
        await anyio.sleep_forever()


async def worker(kind: str, place: str, effects: Path) -> None:
    async with open_store(kind, place) as store:
        runner = make_runner(
            kind,
            place,
            store,
            SystemClock(),
            stepped_work(effects, stop_there),
            worker_id=f"child-{os.getpid()}",
            lease_seconds=2.0,
            heartbeat_seconds=0.2,
            concurrency=1,
        )
        async with runner.running():
            await anyio.sleep_forever()


def fork_worker(kind: str, place: str, effects: Path) -> int:
    """Forked before any thread or loop exists: a worker costs milliseconds, not an interpreter."""
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        anyio.run(worker, kind, place, effects)
        os._exit(0)
    return pid


def main(kind: str, place: str, effects: str, workers: str) -> None:
    children: set[int] = set()

    def end(*_: object) -> None:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        os._exit(0)

    configure_logging("WARNING")  # to stderr: stdout tells who has reached which point
    signal.signal(signal.SIGTERM, end)
    while True:
        while len(children) < int(workers):
            children.add(fork_worker(kind, place, Path(effects)))
        dead, _status = os.wait()
        children.discard(dead)


if __name__ == "__main__":
    main(*sys.argv[1:])
