"""What our job engines are compared with: a lease table on SQLite, and procrastinate alone.

Neither has events, checkpoints, money, tenants or cancelling.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import anyio
import anyio.to_thread
import psycopg
from procrastinate import App, PsycopgConnector

CONCURRENCY = 8
LEASE_SECONDS = 10.0
IDLE_SECONDS = 0.01
TASK = "bench.nothing"

Start = Callable[[], Awaitable[None]]

_TABLE = """
CREATE TABLE IF NOT EXISTS leases (
    id INTEGER PRIMARY KEY, payload TEXT NOT NULL, status TEXT NOT NULL,
    worker TEXT, lease_until REAL, result TEXT)
"""
_CLAIM = """
UPDATE leases SET status = 'running', worker = ?, lease_until = ?
WHERE id = (SELECT id FROM leases
            WHERE status = 'queued' OR (status = 'running' AND lease_until < ?)
            ORDER BY id LIMIT 1)
RETURNING id
"""


def _leases(place: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        Path(place) / "leases.sqlite3", isolation_level=None, timeout=15, check_same_thread=False
    )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(_TABLE)
    connection.execute("CREATE INDEX IF NOT EXISTS leases_by_status ON leases (status, id)")
    return connection


async def enqueue_leases(place: str, jobs: int) -> float:
    with closing(_leases(place)) as connection:
        began = time.perf_counter()
        for _ in range(jobs):
            connection.execute("INSERT INTO leases (payload, status) VALUES ('{}', 'queued')")
        return time.perf_counter() - began


async def work_leases(place: str, start: Start) -> None:
    with closing(_leases(place)) as connection:
        await start()
        while True:
            if not await anyio.to_thread.run_sync(_one_lease, connection):
                await anyio.sleep(IDLE_SECONDS)


def _one_lease(connection: sqlite3.Connection) -> bool:
    now = time.time()
    rows = connection.execute(_CLAIM, ("bench", now + LEASE_SECONDS, now)).fetchall()
    for (job_id,) in rows:
        connection.execute(
            "UPDATE leases SET status = 'done', worker = NULL, result = '{}' WHERE id = ?",
            (job_id,),
        )
    return bool(rows)


def open_leases(place: str) -> int:
    with closing(_leases(place)) as connection:
        query = "SELECT COUNT(*) FROM leases WHERE status <> 'done'"
        return int(connection.execute(query).fetchone()[0])


async def _nothing(number: int) -> None:
    """The work."""


def _app(place: str) -> App:
    app = App(connector=PsycopgConnector(conninfo=place))
    app.task(name=TASK)(_nothing)
    return app


async def enqueue_procrastinate(place: str, jobs: int) -> float:
    app = _app(place)
    async with app.open_async():
        with psycopg.connect(place) as connection:
            row = connection.execute("SELECT to_regclass('procrastinate_jobs')").fetchone()
        if row is None or row[0] is None:
            await app.schema_manager.apply_schema_async()
        task = app.configure_task(TASK)
        began = time.perf_counter()
        for number in range(jobs):
            await task.defer_async(number=number)
        return time.perf_counter() - began


async def work_procrastinate(place: str, start: Start) -> None:
    app = _app(place)
    async with app.open_async():
        await start()
        await app.run_worker_async(
            concurrency=CONCURRENCY, install_signal_handlers=False, delete_jobs="always"
        )


def open_procrastinate(place: str) -> int:
    query = "SELECT COUNT(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
    with psycopg.connect(place) as connection:
        row = connection.execute(query).fetchone()
        return int(row[0]) if row else 0
