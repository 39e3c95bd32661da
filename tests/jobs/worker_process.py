"""A worker process for the tests: `worker_process.py KIND STORE`. Says "ready" when it works and
"JOB" when a job has begun, which then goes on until it is stopped; a job called "stubborn" cannot
be stopped."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from data411_mcp.adapters.clock import SystemClock
from data411_mcp.domain.jobs import Finished, WorkResult
from data411_mcp.logs import configure_logging
from data411_mcp.services.ports import JobContext
from data411_mcp.worker import run_worker
from tests.jobs.queues import make_runner, open_store


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def work(context: JobContext) -> WorkResult:
    await context.checkpoint("step", "1")
    say(context.job.id)
    with anyio.CancelScope(shield=context.job.id == "stubborn"):
        await anyio.sleep_forever()
    return Finished("1")


@asynccontextmanager
async def opened(kind: str, place: str) -> AsyncIterator[None]:
    async with (
        open_store(kind, place) as store,
        make_runner(kind, place, store, SystemClock(), work).running(),
    ):
        say("ready")
        yield


if __name__ == "__main__":
    kind, place = sys.argv[1:]
    configure_logging("WARNING")
    run_worker(lambda: opened(kind, place))
