"""What only the PostgreSQL store has to promise: its SQL, its connections, its errors, and what
happens while the server is away."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import psycopg
import pytest
from psycopg import errors as pg
from pydantic import SecretStr

from data411_mcp.adapters.store import postgres
from data411_mcp.adapters.store.open import open_store
from data411_mcp.adapters.store.postgres import (
    PostgresStore,
    schema_for_psycopg,
    sql_for_psycopg,
)
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.domain.ledger import Balances, Bill, BillLine, Transfer, TransferKind, precharge
from data411_mcp.errors import InvalidArgument, StoreBusy, StoreError, StoreFull
from data411_mcp.settings import Settings
from tests.postgres import Cluster, empty, own_cluster
from tests.stores.samples import NOW, chat, job

BILL = Bill((BillLine("session", 150),))


def credit(name: str, cents: int = 100) -> Transfer:
    return Transfer(name, "acme", "", "", TransferKind.CREDIT, cents, "a gift")


@pytest.fixture
def place(database: str) -> str:
    empty(database)
    return database


@pytest.fixture
async def store(place: str) -> AsyncIterator[PostgresStore]:
    async with PostgresStore.open(place) as opened:
        yield opened


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with own_cluster() as running:
        yield running


@contextlib.contextmanager
def foreign(url: str) -> Iterator[psycopg.Connection]:
    """Somebody else in the same database."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def cut_everybody_off(url: str) -> int:
    with foreign(url) as connection:
        cut = connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return len(cut.fetchall())


# --- the SQL -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("common", "translated"),
    [
        ("SELECT :a, b FROM c WHERE d = :d_1", "SELECT %(a)s, b FROM c WHERE d = %(d_1)s"),
        ("LIKE '%:x%' AND a = :a", "LIKE '%%:x%%' AND a = %(a)s"),
        ("SELECT 'it''s :x' -- 5% of :x\n, :y", "SELECT 'it''s :x' \n, %(y)s"),
        ('SELECT "odd:name" % 2', 'SELECT "odd:name" %% 2'),
        ("SELECT 1 LIMIT 1 /*lock*/", "SELECT 1 LIMIT 1 FOR UPDATE SKIP LOCKED"),
        ("SELECT /* 5% of :x */ :y", "SELECT  %(y)s"),
        ("SELECT a::text", "SELECT a::text"),
    ],
)
def test_the_common_sql_is_translated_for_psycopg(common: str, translated: str) -> None:
    assert sql_for_psycopg(common) == translated


def test_a_schema_gets_bytes_and_text_in_the_order_of_code_points() -> None:
    common = "CREATE TABLE a (\n    body BLOB NOT NULL, -- TEXT\n    text TEXT,\n    n BIGINT\n)"
    assert schema_for_psycopg(common) == (
        'CREATE TABLE a (\n    body BYTEA NOT NULL, \n    text TEXT COLLATE "C",\n    n BIGINT\n)'
    )
    assert schema_for_psycopg("ALTER TABLE a ADD COLUMN b TEXT NOT NULL DEFAULT ''") == (
        "ALTER TABLE a ADD COLUMN b TEXT COLLATE \"C\" NOT NULL DEFAULT ''"
    )


# --- which store -------------------------------------------------------------------------


async def test_the_settings_choose_the_store(tmp_path: Path, place: str) -> None:
    settings = Settings(data_dir=tmp_path, database_url=None)
    async with open_store(settings) as store:
        assert isinstance(store, SqliteStore)
        await store.bind(chat())
    assert settings.store_path.exists()
    async with open_store(Settings(data_dir=tmp_path, database_url=SecretStr(place))) as store:
        assert isinstance(store, PostgresStore)
        assert await store.session("acme", "chat-1") is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mysql://me:hunter2@db.example/leads",
        "me:hunter2@db.example/leads",
        "host=db.example password=hunter2",
        "postgresql://me:hunter2%@db.example/leads",
        "postgresql://me:hunter2@db.example:port/leads",
        "postgresql://me:hunter2@db.example/leads?bogus=1",
        "postgresql://me:hunter2@[db.example/leads",
    ],
)
async def test_an_address_that_is_none_is_refused_without_its_password(
    tmp_path: Path, url: str
) -> None:
    settings = Settings(data_dir=tmp_path, database_url=SecretStr(url))
    with pytest.raises(InvalidArgument) as refused:
        async with open_store(settings):
            pass
    seen: BaseException | None = refused.value
    while seen is not None:
        assert "hunter2" not in f"{seen!r}{getattr(seen, 'hint', '')}"
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


async def test_without_the_driver_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "data411_mcp.adapters.store.postgres")
    settings = Settings(data_dir=tmp_path, database_url=SecretStr("postgresql://db.example/x"))
    with pytest.raises(InvalidArgument) as refused:
        async with open_store(settings):
            pass
    assert refused.value.hint == "pip install data411-mcp[postgres]"


# --- a server that does not answer -------------------------------------------------------


async def refused_at_start(url: str) -> StoreError:
    with anyio.fail_after(20), pytest.raises(StoreError) as refused:
        async with PostgresStore.open(url):
            pass
    return refused.value


async def test_a_server_that_is_away_at_the_start_is_waited_for_and_then_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postgres, "RETRY_SECONDS", 0.3)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening: refused
        error = await refused_at_start(
            f"postgresql://me:hunter2@127.0.0.1:{taken.getsockname()[1]}/x"
        )
    assert isinstance(error, StoreBusy)
    assert error.code == "STORE_BUSY"
    assert "DATA411_DATABASE_URL" in error.hint
    assert "hunter2" not in str(error.as_dict())


async def test_a_server_that_never_speaks_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "RETRY_SECONDS", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        error = await refused_at_start(f"postgresql://me@127.0.0.1:{silent.getsockname()[1]}/x")
    assert isinstance(error, StoreBusy)


async def test_a_server_that_falls_silent_is_given_up(
    store: PostgresStore, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement that the server is in no hurry to answer; the next one gets a new connection."""
    monkeypatch.setattr(postgres, "STATEMENT_SECONDS", 0.3)
    with foreign(place) as other, other.transaction():
        other.execute("LOCK TABLE sessions")
        with anyio.fail_after(15), pytest.raises(StoreBusy):
            await store.session("acme", "chat-1")
    await store.bind(chat())
    assert await store.session("acme", "chat-1") == chat()


async def test_kept_connections_that_died_cost_nobody_anything(
    store: PostgresStore, place: str
) -> None:
    async with anyio.create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(store.bind, chat(f"chat-{number}"))
    for ask in (store.session("acme", "chat-1"), store.bind(chat("chat-9"))):
        assert cut_everybody_off(place) > 0
        assert await ask is not None


async def test_a_transaction_that_is_cut_off_is_taken_back_whole(
    store: PostgresStore, place: str
) -> None:
    await store.post(credit("one", 500), at=NOW)

    async def cut_off() -> None:
        async with store._db.transaction() as transaction:
            moves = {"customer": -1, "held": 1, "earned": 0, "bank": 0}
            await transaction.rows("move_cents", tenant="acme", **moves)
            cut_everybody_off(place)
            await transaction.rows("move_cents", tenant="acme", **moves)

    with pytest.raises(StoreBusy):
        await cut_off()
    assert await store.balances("acme") == Balances(customer=500, bank=-500)
    await store.post(credit("two", 500), at=NOW)


async def test_too_many_connections_are_waited_for(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "RETRY_SECONDS", 0.3)
    with foreign(cluster.url) as other:
        other.execute("CREATE ROLE crowded LOGIN CONNECTION LIMIT 1")
        other.execute("CREATE DATABASE crowded OWNER crowded TEMPLATE template0")
    url = cluster.url.replace("data411@", "crowded@").replace("/postgres", "/crowded")
    async with PostgresStore.open(url):
        assert isinstance(await refused_at_start(url), StoreBusy)
    async with PostgresStore.open(url) as store:
        await store.bind(chat())


async def test_a_user_who_may_not_make_tables_is_told_so(cluster: Cluster) -> None:
    with foreign(cluster.url) as other:
        other.execute("CREATE ROLE plain LOGIN")
        other.execute("CREATE DATABASE elses TEMPLATE template0")
    url = cluster.url.replace("data411@", "plain@").replace("/postgres", "/elses")
    with foreign(url.replace("plain@", "data411@")) as other:
        other.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    error = await refused_at_start(url)
    assert "owner" in error.hint


async def test_a_database_of_another_encoding_is_refused(cluster: Cluster) -> None:
    with foreign(cluster.url) as other:
        other.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
    error = await refused_at_start(cluster.url.replace("/postgres", "/latin"))
    assert "UTF8" in error.hint


# --- the server goes away in the middle ----------------------------------------------------


async def test_writes_go_on_where_they_stopped_after_the_server_was_gone(
    cluster: Cluster,
) -> None:
    await outage(cluster, "gone_for_a_moment", seconds=1.0)


@pytest.mark.long
async def test_writes_go_on_where_they_stopped_after_ten_seconds_without_a_server(
    cluster: Cluster,
) -> None:
    await outage(cluster, "gone_for_long", seconds=10.0)


async def outage(cluster: Cluster, name: str, *, seconds: float) -> None:
    """Credits, jobs, ends of jobs and reads, each repeated while the store says it is busy: all
    are done once, whatever was in flight, and nothing but StoreBusy is ever heard."""
    with foreign(cluster.url) as other:
        other.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    busy = 0
    writers = 6
    over = anyio.Event()
    done, rounds = anyio.create_memory_object_stream[str](100_000)

    async def insist(ask: Any, *arguments: Any, **named: Any) -> Any:
        nonlocal busy
        while True:
            try:
                return await ask(*arguments, **named)
            except StoreBusy:
                busy += 1
                await anyio.sleep(0.02)

    async def work(store: PostgresStore, writer: int) -> None:
        number = 0
        while not over.is_set():
            number += 1
            label = f"{writer}-{number}"
            await insist(store.post, credit(label, 200), at=NOW)
            await insist(store.add_job, job(label), precharge=precharge("acme", label, 200))
            await insist(store.claim_job, "w", now=NOW, lease_seconds=60, job_id=label)
            await insist(store.finish_job, label, "w", JobStatus.DONE, now=NOW, bill=BILL)
            found = await insist(store.job, "acme", label)
            assert found.status is JobStatus.DONE
            done.send_nowait(label)

    finished: list[str] = []
    async with PostgresStore.open(cluster.url.replace("/postgres", f"/{name}")) as store:
        with anyio.fail_after(60 + seconds), done, rounds:
            async with anyio.create_task_group() as tasks:
                for writer in range(writers):
                    tasks.start_soon(work, store, writer)
                finished += [await rounds.receive() for _ in range(20)]
                await anyio.to_thread.run_sync(cluster.stop)
                await anyio.sleep(seconds)
                await anyio.to_thread.run_sync(cluster.start)
                while rounds.statistics().current_buffer_used:
                    finished.append(rounds.receive_nowait())
                finished += [await rounds.receive() for _ in range(20)]
                over.set()
            while rounds.statistics().current_buffer_used:
                finished.append(rounds.receive_nowait())
        total = len(finished)
        assert await store.balances("acme") == Balances(
            customer=50 * total, earned=150 * total, bank=-200 * total
        )
        assert len(await store.transfers("acme", limit=100_000)) == 4 * total
        jobs = await store.jobs_to_scan("acme", limit=100_000)
        assert {j.id: j.status for j in jobs} == dict.fromkeys(finished, JobStatus.DONE)
    assert busy > 0


# --- errors ------------------------------------------------------------------------------


async def test_a_full_disk_takes_back_the_whole_end_of_a_job(
    store: PostgresStore, place: str
) -> None:
    await store.post(credit("one", 500), at=NOW)
    await store.add_job(job(), precharge=precharge("acme", "job-1", 200))
    await store.claim_job("w", now=NOW, lease_seconds=60)
    with foreign(place) as other:
        other.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
            " $$BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END$$"
        )
        other.execute(
            "CREATE TRIGGER full_disk BEFORE INSERT ON transfers"
            " FOR EACH ROW WHEN (NEW.kind = 'release') EXECUTE FUNCTION full_disk()"
        )
        try:
            with pytest.raises(StoreFull) as refused:
                await store.finish_job("job-1", "w", JobStatus.DONE, now=NOW, bill=BILL)
        finally:
            other.execute("DROP FUNCTION full_disk CASCADE")
    assert "space" in refused.value.hint
    found = await store.job("acme", "job-1")
    assert found is not None
    assert found.status is JobStatus.RUNNING
    assert await store.balances("acme") == Balances(customer=300, held=200, bank=-500)
    assert await store.finish_job("job-1", "w", JobStatus.DONE, now=NOW, bill=BILL)
    assert await store.balances("acme") == Balances(customer=350, earned=150, bank=-500)


async def test_a_write_behind_a_foreign_lock_gives_up_and_then_recovers(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "SESSION", b"SET lock_timeout = '100ms'")
    async with PostgresStore.open(place) as store:
        await store.post(credit("one", 500), at=NOW)
        with foreign(place) as other, other.transaction():
            other.execute("SELECT * FROM balances FOR UPDATE")
            with anyio.fail_after(20), pytest.raises(StoreBusy):
                await store.post(credit("two", 500), at=NOW)
            assert await store.balances("acme") == Balances(customer=500, bank=-500)
        assert await store.post(credit("two", 500), at=NOW)


async def test_a_cancelled_write_behind_a_foreign_lock_stops_at_once(
    store: PostgresStore, place: str
) -> None:
    await store.post(credit("one", 500), at=NOW)
    with foreign(place) as other, other.transaction():
        other.execute("SELECT * FROM balances FOR UPDATE")
        with anyio.fail_after(4), anyio.move_on_after(0.1):
            await store.post(credit("two", 500), at=NOW)
    assert await store.balances("acme") == Balances(customer=500, bank=-500)
    assert await store.post(credit("two", 500), at=NOW)


async def test_a_transaction_with_a_failed_statement_is_never_taken_for_committed(
    store: PostgresStore,
) -> None:
    database = store._db
    await store.put_ticket("t", "acme", "job-1", expires_at=NOW)
    again = {"sha256": "t", "tenant": "acme", "job_id": "j", "subject": "", "expires_at": 0}

    async def swallow(*, then: str) -> None:
        async with database.transaction() as transaction:
            await transaction.rows("lock_balances", tenant="acme")
            with contextlib.suppress(pg.UniqueViolation):
                await transaction.changed("insert_ticket", **again)
            if then == "go on":
                await transaction.rows("lock_balances", tenant="acme")

    for then in ("commit", "go on"):
        with pytest.raises(StoreError):
            await swallow(then=then)
    assert await database.read("balances", tenant="acme") == []


@pytest.mark.parametrize(
    ("theirs", "ours", "retryable"),
    [
        (pg.DeadlockDetected, StoreBusy, True),
        (pg.SerializationFailure, StoreBusy, True),
        (pg.AdminShutdown, StoreBusy, True),
        (pg.CannotConnectNow, StoreBusy, True),
        (pg.TooManyConnections, StoreBusy, True),
        (pg.ReadOnlySqlTransaction, StoreBusy, True),
        (pg.DiskFull, StoreFull, False),
        (pg.ForeignKeyViolation, StoreError, False),
        (pg.InFailedSqlTransaction, StoreError, False),
        (pg.ProgramLimitExceeded, StoreError, False),
        (pg.UntranslatableCharacter, StoreError, False),
    ],
)
def test_the_drivers_errors_become_ours(
    theirs: type[psycopg.Error], ours: type[StoreError], retryable: bool
) -> None:
    with pytest.raises(StoreError) as raised, postgres._our_errors():
        raise theirs("words of the server")
    assert isinstance(raised.value, ours)
    assert raised.value.retryable is retryable
    assert "words of the server" not in str(raised.value.as_dict())


async def test_more_tasks_than_connections_take_turns(store: PostgresStore) -> None:
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(store.bind, chat(f"chat-{number}"))
    assert len(await store.sessions_to_scan("acme", limit=200)) == 100
    assert len(store._db._idle) <= postgres.CONNECTIONS_MAX


async def test_cancelled_statements_leave_no_place_taken(store: PostgresStore) -> None:
    for number in range(3 * postgres.CONNECTIONS_MAX):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.bind, chat(f"chat-{number}"))
            tasks.start_soon(store.session, "acme", "chat-1")
            for _ in range(number % 7):
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
    assert store._db._turns.value == postgres.CONNECTIONS_MAX
    await store.bind(chat("after"))
