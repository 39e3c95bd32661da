"""Stores that an earlier version wrote go on."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import psycopg
import pytest

from data411_mcp.adapters.store.postgres import PostgresStore, schema_for_psycopg
from data411_mcp.adapters.store.sql import migrations
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.errors import ChatBusy, StoreError
from data411_mcp.services.ports import Store
from tests.postgres import fresh_database
from tests.stores.samples import NOW, job
from tests.stores.store_factories import OPEN

OLD_JOB = (
    "INSERT INTO jobs VALUES ('{id}', '{tenant}', 'enrich/lead-session', '{chat}', 'lead-key',"
    " '{{}}', '{status}', {created}, {created}, 'key of {id}', 0, 1, '{worker}', 5, NULL, NULL,"
    " 0, 0)"
)
OLD_JOBS = [
    OLD_JOB.format(id=name, tenant=tenant, chat=chat, status=status, created=at, worker="w")
    for name, tenant, chat, status, at in (
        ("young", "acme", "chat-1", "running", 3),
        ("old", "acme", "chat-1", "queued", 1),
        ("middle", "acme", "chat-1", "waiting", 2),
        ("done", "acme", "chat-1", "done", 0),
        ("twin-b", "acme", "chat-2", "queued", 7),
        ("twin-a", "acme", "chat-2", "queued", 7),
        ("rival", "rival", "chat-1", "running", 9),
        ("free-1", "acme", "", "queued", 1),
        ("free-2", "acme", "", "queued", 2),
    )
]
FIRST = [
    *migrations()[0].statements,
    "CREATE TABLE schema_version (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)",
    "INSERT INTO schema_version VALUES (1, '0001_initial.sql')",
]


async def check(store: Store) -> None:
    """Of the live jobs of a chat the oldest goes on; the others are cancelled."""
    found = {j.id: j for t in ("acme", "rival") for j in await store.jobs_to_scan(t)}
    assert {name: j.status.value for name, j in found.items()} == {
        "young": "cancelled", "old": "queued", "middle": "cancelled", "done": "done",
        "twin-a": "queued", "twin-b": "cancelled", "rival": "running", "free-1": "queued",
        "free-2": "queued",
    }  # fmt: skip
    assert (found["young"].worker, found["young"].lease_until) == (None, None)
    assert found["young"].cancel_requested
    assert (found["old"].subject, found["old"].quote, found["old"].run_after) == ("", None, None)
    assert await store.live_chat_of_lead("acme", "lead-key") is not None
    with pytest.raises(ChatBusy):
        await store.add_job(job(chat_session_id="chat-1"))
    taken = await store.claim_job("w", now=NOW, lease_seconds=9, job_id="old")
    assert taken is not None
    assert await store.finish_job("old", "w", JobStatus.DONE, now=NOW)
    await store.add_job(job(chat_session_id="chat-1"))


async def test_a_sqlite_file_of_the_first_version_with_live_jobs_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "data411.sqlite3"
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in [*FIRST, *OLD_JOBS]:
            connection.execute(statement)
    async with SqliteStore.open(path) as store:
        await check(store)


async def test_a_database_of_the_first_version_with_live_jobs_goes_on() -> None:
    with fresh_database() as url:
        with psycopg.connect(url) as connection:
            for statement in [*FIRST, *OLD_JOBS]:
                connection.execute(schema_for_psycopg(statement).encode())
        async with PostgresStore.open(url) as store:
            await check(store)


async def test_many_that_open_a_new_database_at_once_migrate_it_once() -> None:
    with fresh_database() as url:

        async def open_one() -> None:
            async with PostgresStore.open(url) as store:
                await store.add_job(job(chat_session_id=""))

        with anyio.fail_after(60):
            async with anyio.create_task_group() as openers:
                for _ in range(10):
                    openers.start_soon(open_one)
        with psycopg.connect(url) as connection:
            versions = connection.execute("SELECT version FROM schema_version").fetchall()
    assert sorted(versions) == [(migration.version,) for migration in migrations()]


async def test_a_database_of_a_newer_version_is_left_alone() -> None:
    with fresh_database() as url:
        async with PostgresStore.open(url):
            pass
        with psycopg.connect(url) as connection:
            connection.execute("INSERT INTO schema_version VALUES (9999, 'later')")
        with pytest.raises(StoreError) as refused:
            async with PostgresStore.open(url):
                pass
    assert "Upgrade" in refused.value.hint


async def test_the_stores_have_the_same_tables_and_columns(tmp_path: Path) -> None:
    path = tmp_path / "data411.sqlite3"
    async with OPEN["sqlite"](str(path)):
        pass
    with closing(sqlite3.connect(path)) as connection:
        here = connection.execute(
            "SELECT t.name, c.name FROM sqlite_master AS t, pragma_table_info(t.name) AS c"
            " WHERE t.type = 'table' ORDER BY 1, c.cid"
        ).fetchall()
    with fresh_database() as url:
        async with OPEN["postgres"](url):
            pass
        with psycopg.connect(url) as connection:
            there = connection.execute(
                "SELECT table_name::text, column_name::text FROM information_schema.columns"
                " WHERE table_schema = 'public' ORDER BY table_name COLLATE \"C\","
                " ordinal_position"
            ).fetchall()
            uncollated = connection.execute(
                "SELECT table_name, column_name FROM information_schema.columns"
                " WHERE table_schema = 'public' AND data_type = 'text' AND collation_name IS"
                " DISTINCT FROM 'C' AND table_name <> 'schema_version'"
            ).fetchall()
    assert here == there
    assert uncollated == []


def test_no_migration_uses_what_only_one_database_knows() -> None:
    for migration in migrations():
        for statement in migration.statements:
            assert not re.search(
                r"AUTOINCREMENT|SERIAL|INTEGER|JSONB?|DATETIME|TIMESTAMP|::", statement
            ), migration.name
