"""The job queues that the contract is tested on, each over the store it is meant for."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio

from data411_mcp.adapters.clock import SystemClock
from data411_mcp.adapters.jobs.attempts import Work
from data411_mcp.adapters.jobs.embedded import EmbeddedRunner
from data411_mcp.adapters.jobs.queue_postgres import PostgresQueue
from data411_mcp.adapters.store.postgres import PostgresStore
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.jobs import Finished, Job, JobStatus, WorkResult
from data411_mcp.services.ports import Clock, JobContext, JobRunner, Store

ROUTE = "enrich/lead-session"
TENANT = "acme"
EMBEDDED, PROCRASTINATE = "embedded", "procrastinate"
QUICK: dict[str, Any] = {
    "worker_id": "w",
    "heartbeat_seconds": 0.1,
    "sweep_seconds": 0.1,
    "backoff_seconds": 0.001,
}


@dataclass(frozen=True)
class Queue:
    """`place` is the file or the address of the store."""

    kind: str
    place: str
    store: Store
    clock: Clock = field(default_factory=SystemClock)

    def runner(self, work: Work, **options: Any) -> EmbeddedRunner | PostgresQueue:
        """A runner of its own, as another process would have it."""
        return make_runner(self.kind, self.place, self.store, self.clock, work, **options)


def make_runner(
    kind: str, place: str, store: Store, clock: Clock, work: Work, **options: Any
) -> EmbeddedRunner | PostgresQueue:
    options = QUICK | options
    if kind == EMBEDDED:
        return EmbeddedRunner(store, clock, {ROUTE: work}, **options)
    return PostgresQueue(store, clock, {ROUTE: work}, database_url=place, **options)


@asynccontextmanager
async def open_store(kind: str, place: str) -> AsyncIterator[Store]:
    opened = SqliteStore.open(place) if kind == EMBEDDED else PostgresStore.open(place)
    async with opened as store:
        yield store


def a_job(name: str = "job-1", **changes: Any) -> Job:
    now = datetime.now(UTC)
    job = Job(name, TENANT, ROUTE, "", "lead", "{}", JobStatus.QUEUED, now, now, f"key {name}")
    return replace(job, **changes)


def an_event(message: str = "read") -> ProgressEvent:
    return ProgressEvent(name=EventName.PAGE_READ, message=message)


def error_of(job: Job) -> dict[str, Any]:
    return dict(json.loads(job.error or "null"))


class Gate:
    """Work that says when it has begun and goes on when it is let."""

    def __init__(self) -> None:
        self.begun = anyio.Event()
        self.go_on = anyio.Event()
        self.cancelled = 0
        self.contexts: list[JobContext] = []

    async def __call__(self, context: JobContext) -> WorkResult:
        self.contexts.append(context)
        self.begun.set()
        try:
            await self.go_on.wait()
        except anyio.get_cancelled_exc_class():
            self.cancelled += 1
            raise
        return Finished('"went on"')


async def echo(context: JobContext) -> WorkResult:
    context.emit(an_event(context.job.id))
    return Finished(context.job.payload)


async def done(runner: JobRunner, name: str = "job-1", seconds: float = 15) -> Job:
    """The job once it is final or waiting."""
    return await runner.wait(TENANT, name, seconds=seconds)


class ShiftedClock(SystemClock):
    """The time of a machine whose clock is set while it runs."""

    def __init__(self) -> None:
        self.shift = timedelta()

    def now(self) -> datetime:
        return super().now() + self.shift
