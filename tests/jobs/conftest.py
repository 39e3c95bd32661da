"""A queue of each kind, empty for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from data411_mcp.adapters.jobs.procrastinated import migrate_queue
from data411_mcp.adapters.store.postgres import PostgresStore
from tests.jobs.queues import EMBEDDED, PROCRASTINATE, Queue, open_store
from tests.postgres import empty, fresh_database

PATIENCE_SECONDS = 30


@pytest.fixture(scope="session")
def migrated_database() -> Iterator[str]:
    async def migrate(url: str) -> None:
        async with PostgresStore.open(url):
            await migrate_queue(url)

    # In a thread: a test's own loop may run in this one.
    with fresh_database() as url, ThreadPoolExecutor() as thread:
        thread.submit(anyio.run, migrate, url).result()
        yield url


@pytest.fixture
async def jobs_database(migrated_database: str) -> str:
    """Address of a database with the schema of the store and of the queue, and no rows."""
    await anyio.to_thread.run_sync(empty, migrated_database)
    return migrated_database


@pytest.fixture(params=[EMBEDDED, PROCRASTINATE])
async def queue(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Queue]:
    place = str(tmp_path / "data411.sqlite3")
    if request.param == PROCRASTINATE:
        database: str = request.getfixturevalue("migrated_database")
        await anyio.to_thread.run_sync(empty, database)
        place = database
    async with open_store(request.param, place) as store:
        with anyio.fail_after(PATIENCE_SECONDS):
            yield Queue(request.param, place, store)
