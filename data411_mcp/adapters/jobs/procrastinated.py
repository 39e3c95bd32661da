"""procrastinate as our dispatcher: its schema, its connection, and the few calls we make of it.

Our own jobs table stays the truth about a job. A procrastinate row is a ticket that says "look at
this job": lost tickets are written again, superfluous ones are looked at and thrown away.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Protocol

import anyio
import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import (
    AlreadyEnqueued,
    ConnectorException,
    ProcrastinateException,
    UniqueViolation,
)
from procrastinate.jobs import Status
from procrastinate.schema import SchemaManager
from procrastinate.worker import Worker
from psycopg_pool import AsyncConnectionPool

from data411_mcp.domain.jobs import INTERACTIVE, Job
from data411_mcp.errors import StoreBusy

TASK = "data411.run_job"
INTERACTIVE_QUEUE = "data411_interactive"
BATCH_QUEUE = "data411_batch"
CHANNEL = "data411_jobs"  # as LISTEN has it below
CONNECT_SECONDS = 5.0
CONNECTIONS_MAX = 4
LISTEN_SECONDS = 10.0
FETCH_SECONDS = 1.0  # a ticket that was put off is announced by nobody: it is polled for
HEARTBEAT_SECONDS = 1.0  # of a dispatcher
STALLED_SECONDS = 4.0  # a dispatcher that was silent for so long is dead
_MIGRATION_LOCK = 4_110_411  # any number that everybody agrees on

UNREACHABLE = (ProcrastinateException, psycopg.Error, OSError)

Heard = Callable[[str], Awaitable[None]]


class RunJob(Protocol):
    """What a ticket's row calls, its arguments by name."""

    async def __call__(self, job_id: str, tenant: str, *, interactive: bool = False) -> None: ...


async def migrate_queue(database_url: str) -> None:
    """Bring procrastinate's schema to the database, once, however many processes ask at the same
    time. Raises StoreBusy when the database is away."""
    try:
        connecting = psycopg.AsyncConnection.connect(
            database_url, autocommit=True, connect_timeout=int(CONNECT_SECONDS)
        )
        async with (
            await connecting as connection,
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            await cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
            await cursor.execute("SELECT to_regclass('procrastinate_jobs') IS NOT NULL")
            found = await cursor.fetchone()
            if found is None or not found[0]:
                await cursor.execute(SchemaManager.get_schema())
    except (psycopg.OperationalError, OSError) as error:
        raise _away() from error


class Dispatcher(Protocol):
    """A procrastinate worker."""

    async def run(self) -> None: ...
    def stop(self) -> None: ...


class Tickets:
    """The rows that tell workers to look at a job."""

    def __init__(self, app: App, database_url: str) -> None:
        self._app = app
        self._database_url = database_url

    @classmethod
    @asynccontextmanager
    async def open(cls, database_url: str, run_job: RunJob) -> AsyncIterator[Tickets]:
        """Raises StoreBusy when the database is away."""
        for name in ("procrastinate", "psycopg.pool"):  # we say ourselves what matters of it
            logging.getLogger(name).setLevel(logging.CRITICAL)
        await migrate_queue(database_url)
        pool = AsyncConnectionPool(
            database_url,
            min_size=1,
            max_size=CONNECTIONS_MAX,
            timeout=CONNECT_SECONDS,
            open=False,
            configure=_hurry,
            check=AsyncConnectionPool.check_connection,
        )
        app = App(connector=PsycopgConnector())
        app.task(name=TASK)(run_job)
        try:
            try:
                await pool.open(wait=True, timeout=CONNECT_SECONDS)
            except psycopg.OperationalError as error:
                raise _away() from error
            await app.open_async(pool)
            yield cls(app, database_url)
        finally:
            with anyio.CancelScope(shield=True):
                await pool.close(timeout=1.0)

    def worker(self, name: str, *, places: int, batch: bool) -> Dispatcher:
        """A dispatcher with so many places; without `batch` for interactive jobs only."""
        return Worker(
            self._app,
            queues=[INTERACTIVE_QUEUE, BATCH_QUEUE] if batch else [INTERACTIVE_QUEUE],
            name=name,
            concurrency=places,
            fetch_job_polling_interval=FETCH_SECONDS,
            shutdown_graceful_timeout=0.0,  # the attempts are handed back by ourselves
            delete_jobs="always",
            install_signal_handlers=False,
            update_heartbeat_interval=HEARTBEAT_SECONDS,
            stalled_worker_timeout=STALLED_SECONDS,
        )

    async def write(self, job: Job, *, seconds: float = 0.0) -> None:
        """Have the job looked at now, or after so many seconds; a ticket that waits already is
        enough. Raises one of UNREACHABLE."""
        interactive = job.priority >= INTERACTIVE
        ticket = self._app.configure_task(
            TASK,
            queue=INTERACTIVE_QUEUE if interactive else BATCH_QUEUE,
            priority=job.priority,
            queueing_lock=job.id,
            schedule_in={"seconds": seconds} if seconds > 0 else None,
        )
        try:
            await ticket.defer_async(job_id=job.id, tenant=job.tenant, interactive=interactive)
        except AlreadyEnqueued:
            return

    async def hurry(self, job: Job) -> None:
        """Have the job looked at now, even if a ticket for later waits. Raises one of
        UNREACHABLE."""
        await self.write(job)
        await self._app.connector.execute_query_async(
            "UPDATE procrastinate_jobs SET scheduled_at = NULL"
            " WHERE status = 'todo' AND queueing_lock = %(job_id)s",
            job_id=job.id,
        )

    async def ring(self, messages: Sequence[str]) -> None:
        """Say something to every process that listens. Raises one of UNREACHABLE."""
        await self._app.connector.execute_query_all_async(
            "SELECT pg_notify(%(channel)s, message) FROM unnest(%(messages)s::text[]) AS message",
            channel=CHANNEL,
            messages=list(messages),
        )

    async def listen(self, heard: Heard) -> None:
        """Hear what the processes say, this one included, until cancelled. Raises one of
        UNREACHABLE when the database goes away."""
        connection = await psycopg.AsyncConnection.connect(
            self._database_url, autocommit=True, connect_timeout=int(CONNECT_SECONDS)
        )
        try:
            await connection.execute("LISTEN data411_jobs")
            while True:
                async for notice in connection.notifies(timeout=LISTEN_SECONDS):
                    await heard(notice.payload)
                await connection.execute("SELECT 1")  # is anybody still there?
        finally:
            # Not `async with`: its rollback is cancelled, too, and then nobody closes.
            with anyio.CancelScope(shield=True):
                await connection.close()

    async def without(self, jobs: Sequence[Job]) -> list[Job]:
        """Those that no waiting ticket is about."""
        if not jobs:
            return []
        rows = await self._app.connector.execute_query_all_async(
            "SELECT queueing_lock FROM procrastinate_jobs"
            " WHERE status = 'todo' AND queueing_lock = ANY(%(ids)s)",
            ids=[job.id for job in jobs],
        )
        waiting = {row["queueing_lock"] for row in rows}
        return [job for job in jobs if job.id not in waiting]

    async def waiting(self, tenant: str) -> int:
        """How many of the tenant's tickets wait."""
        row = await self._app.connector.execute_query_one_async(
            "SELECT COUNT(*) AS waiting FROM procrastinate_jobs"
            " WHERE status = 'todo' AND args ->> 'tenant' = %(tenant)s",
            tenant=tenant,
        )
        return int(row["waiting"])

    async def take_over(self) -> None:
        """Make the tickets of dead dispatchers wait again."""
        manager = self._app.job_manager
        for ticket in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
            try:
                try:
                    await manager.retry_job(ticket)
                except UniqueViolation:  # a newer one about the same job waits already
                    await manager.finish_job(ticket, Status.ABORTED, delete_job=True)
            except ConnectorException as error:
                if not isinstance(error.__cause__, psycopg.errors.RaiseException):
                    raise  # else a peer was faster


async def _hurry(connection: psycopg.AsyncConnection) -> None:
    """A ticket's commit does not wait for the disk: what a power cut takes of the tickets, the
    sweep writes again. Commits that notify wait in one row, so that each would wait for all."""
    await connection.set_autocommit(True)  # each of the queue's calls is one statement
    await connection.execute("SET synchronous_commit = off")


def seconds_until(moment: datetime | None, now: datetime) -> float:
    return 0.0 if moment is None else max((moment - now) / timedelta(seconds=1), 0.0)


def _away() -> StoreBusy:
    return StoreBusy("The database of the job queue is out of reach.", "Try again in a moment.")
