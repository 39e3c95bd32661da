"""What only the SQLite store has to promise: its file, its schema, its errors."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.adapters.store import retention, sqlite
from data411_mcp.adapters.store.rows import columns
from data411_mcp.adapters.store.sql import (
    Transaction,
    micros,
    migrations,
    moment,
    queries,
    storable,
)
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.domain.evidence import Page
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.domain.ledger import (
    Bill,
    BillLine,
    Transfer,
    TransferKind,
    held_of,
    precharge,
)
from data411_mcp.errors import StoreBusy, StoreError, StoreFull
from data411_mcp.services.ports import SessionRow
from tests.stores.samples import job

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ADAPTER = Path(sqlite.__file__).parent


def chat(name: str = "chat-1") -> SessionRow:
    return SessionRow("acme", name, "{}", "key", NOW, NOW, 0)


def page(number: int) -> Page:
    url = f"https://shop.example/{number}"
    now = NOW.isoformat()
    return Page(url, url, f"{number:064}", "x", "html/1", "direct", now, body=os.urandom(20_000))


async def test_processes_that_open_a_new_file_at_once_all_get_a_store(tmp_path: Path) -> None:
    path = tmp_path / "data411.sqlite3"
    script = (
        "import sys, anyio\n"
        "from data411_mcp.adapters.store.sqlite import SqliteStore\n"
        "async def main():\n"
        "    sys.stdin.readline()\n"
        "    async with SqliteStore.open(sys.argv[1]) as store:\n"
        "        assert await store.tombstones('acme') == frozenset()\n"
        "anyio.run(main)\n"
    )
    codes: list[int | None] = []

    async def open_one() -> None:
        done = await anyio.run_process(
            [sys.executable, "-c", script, str(path)],
            input=b"go\n",
            cwd=ADAPTER.parent.parent.parent,
            check=False,
        )
        codes.append(done.returncode)

    with anyio.fail_after(60):
        async with anyio.create_task_group() as openers:
            for _ in range(6):
                openers.start_soon(open_one)
    assert codes == [0] * 6


async def test_many_stores_opened_on_a_new_file_at_once_migrate_it_once(tmp_path: Path) -> None:
    path = tmp_path / "data411.sqlite3"

    async def open_one() -> None:
        async with SqliteStore.open(path) as store:
            await store.bind(chat())

    with anyio.fail_after(30):
        async with anyio.create_task_group() as openers:
            for _ in range(10):
                openers.start_soon(open_one)
    with closing(sqlite3.connect(path)) as connection:
        versions = connection.execute("SELECT version FROM schema_version").fetchall()
    assert versions == [(migration.version,) for migration in migrations()]


async def test_a_full_store_says_so_still_reads_and_recovers(tmp_path: Path) -> None:
    async with SqliteStore.open(tmp_path / "data411.sqlite3") as store:
        await store.bind(chat())
        await store._db._writer.execute("PRAGMA max_page_count = 200")

        async def fill() -> None:
            for number in range(100):
                await store.put_page("acme", page(number))

        with pytest.raises(StoreFull) as refused:
            await fill()
        assert "space" in refused.value.hint
        assert await store.session("acme", "chat-1") == chat()
        later = datetime(2027, 1, 1, tzinfo=UTC)
        await store.purge(now=NOW, pages_before=later, graphs_before=NOW, jobs_before=NOW)
        await store.put_page("acme", page(0))
        assert await store.page("acme", page(0).sha256) is not None


async def test_a_disk_that_fills_up_splits_no_job_from_its_money(tmp_path: Path) -> None:
    async with SqliteStore.open(tmp_path / "data411.sqlite3") as store:
        credit = Transfer("credit", "acme", "", "", TransferKind.CREDIT, 100_000, "a gift")
        await store.post(credit, at=NOW)
        bill = Bill(tuple(BillLine(f"slot {n} {'x' * 400}", 1) for n in range(8)))
        pages = await store._db._writer.execute_fetchall("PRAGMA page_count")
        limit = next(iter(pages))[0] + 40
        await store._db._writer.execute(f"PRAGMA max_page_count = {limit}")

        async def added(name: str) -> bool:
            try:
                made = job(name, payload="y" * 300)
                await store.add_job(made, precharge=precharge("acme", name, 10))
                await store.claim_job("w", now=NOW, lease_seconds=60, job_id=name)
            except StoreFull:
                return False
            return True

        async def ended(name: str) -> bool:
            try:
                return await store.finish_job(name, "w", JobStatus.DONE, now=NOW, bill=bill)
            except StoreFull:
                return False

        refused = 0
        for number in range(60):
            refused += not await added(f"job-{number}") or not await ended(f"job-{number}")
        assert 0 < refused < 60

        jobs = await store.jobs_to_scan("acme", limit=100)
        for found in jobs:
            own = await store.transfers("acme", job_id=found.id)
            assert held_of(own) == (0 if found.final else 10)
        balances = await store.balances("acme")
        done = sum(found.final for found in jobs)
        assert (balances.earned, balances.sum) == (8 * done, 0)
        assert balances.held == 10 * (len(jobs) - done)

        await store._db._writer.execute("PRAGMA max_page_count = 1000000")
        for found in jobs:
            if not found.final:
                await store.claim_job("w", now=NOW, lease_seconds=60, job_id=found.id)
                assert await ended(found.id)
        assert (await store.balances("acme")).held == 0


async def test_a_commit_survives_a_power_cut(tmp_path: Path) -> None:
    async with SqliteStore.open(tmp_path / "data411.sqlite3") as store:
        rows = await store._db._writer.execute_fetchall("PRAGMA synchronous")
    assert [tuple(row) for row in rows] == [(2,)]  # FULL


async def test_a_writer_behind_a_foreign_lock_gives_up_and_then_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    path = tmp_path / "data411.sqlite3"
    async with SqliteStore.open(path) as store:
        foreign = sqlite3.connect(path, isolation_level=None)
        foreign.execute("BEGIN IMMEDIATE")
        with anyio.fail_after(20), pytest.raises(StoreBusy):
            await store.bind(chat())
        assert await store.session("acme", "chat-1") is None
        foreign.execute("ROLLBACK")
        foreign.close()
        assert await store.bind(chat()) == chat()


async def test_a_cancelled_writer_behind_a_foreign_lock_stops_at_once(tmp_path: Path) -> None:
    path = tmp_path / "data411.sqlite3"
    async with SqliteStore.open(path) as store:
        foreign = sqlite3.connect(path, isolation_level=None)
        foreign.execute("BEGIN IMMEDIATE")
        with anyio.fail_after(sqlite.BUSY_SECONDS - 1):
            with anyio.move_on_after(0.1):
                await store.bind(chat())
        foreign.close()
        assert await store.bind(chat()) == chat()


async def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(StoreError) as refused:
        async with SqliteStore.open(tmp_path / "file" / "data411.sqlite3"):
            pass
    assert "DATA411_DATA_DIR" in refused.value.hint


async def test_a_file_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as refused:
        async with SqliteStore.open(tmp_path):  # a folder where the file should be
            pass
    assert "DATA411_DATA_DIR" in refused.value.hint


async def test_a_file_that_is_no_store_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "data411.sqlite3"
    path.write_bytes(b"not a database, only text" * 100)
    with pytest.raises(StoreError) as refused:
        async with SqliteStore.open(path):
            pass
    assert refused.value.hint
    assert path.read_bytes().startswith(b"not a database")


async def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "data411.sqlite3"
    async with SqliteStore.open(path):
        pass
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO schema_version VALUES (9999, 'later')")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError) as refused:
        async with SqliteStore.open(path):
            pass
    assert "Upgrade" in refused.value.hint


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
async def test_only_the_owner_can_read_a_new_store(tmp_path: Path) -> None:
    path = tmp_path / "new" / "data411.sqlite3"
    async with SqliteStore.open(path) as store:
        await store.bind(chat())
        files = list(path.parent.iterdir())
        assert len(files) >= 2
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_every_named_query_is_used_and_every_used_one_exists() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in ADAPTER.glob("*.py"))
    for name in queries():
        assert f'"{name}"' in code, name
    asked = re.findall(r'\.(?:read|rows|changed)\(\s*"(\w+)"', code)
    assert asked
    assert set(asked) <= set(queries())


def test_queries_keep_to_what_postgresql_speaks_too() -> None:
    for name, sql in queries().items():
        assert "::" not in sql, name
        assert "INSERT OR" not in sql.upper(), name
        assert not re.search(r":\w+ IS NULL", sql), name


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_keep_every_microsecond(time: datetime) -> None:
    assert moment(micros(time)) == time


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=50))
def test_storable_text_is_clean_and_cleaning_again_changes_nothing(text: str) -> None:
    cleaned = storable({"text": text})
    assert "\0" not in str(cleaned["text"])
    str(cleaned["text"]).encode()
    assert storable(cleaned) == cleaned


async def test_a_write_that_cannot_even_be_taken_back_blocks_no_later_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with SqliteStore.open(tmp_path / "data411.sqlite3") as store:

        async def broken() -> None:
            raise sqlite3.OperationalError("disk I/O error")

        async def half_done() -> None:
            async with store._db.transaction() as transaction:
                await transaction.rows("insert_job", **columns(job()))
                raise RuntimeError

        with monkeypatch.context() as patch:
            patch.setattr(store._db._writer, "rollback", broken)
            with pytest.raises(StoreError):
                await half_done()
        with anyio.fail_after(5):
            await store.bind(chat())
        assert await store.job("acme", "job-1") is None


async def test_retention_lets_others_write_between_its_portions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "DELETED_AT_ONCE", 3)
    async with SqliteStore.open(tmp_path / "data411.sqlite3") as store:
        for number in range(10):
            await store.add_job(job(f"job-{number}"))
            await store.request_cancel("acme", f"job-{number}", None, now=NOW)
        left: list[int] = []
        opened = store._db.transaction

        def counted(*, durable: bool = True) -> AbstractAsyncContextManager[Transaction]:
            @asynccontextmanager
            async def transaction() -> AsyncIterator[Transaction]:
                async with opened(durable=durable) as entered:
                    yield entered
                left.append(len(await store.jobs_to_scan("acme")))

            return transaction()

        monkeypatch.setattr(store._db, "transaction", counted)
        later = datetime(2027, 1, 1, tzinfo=UTC)
        gone = await store.purge(
            now=later, pages_before=later, graphs_before=later, jobs_before=later
        )
    assert gone["jobs"] == 10
    assert {7, 4, 1, 0} <= set(left)


async def test_a_single_write_is_one_visit_to_the_writers_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each visit waits for a turn of the event loop while every other writer waits for it."""
    async with SqliteStore.open(tmp_path / "data411.sqlite3") as store:
        visits = 0
        visit = store._db._writer._execute

        async def counted(*work: object) -> object:
            nonlocal visits
            visits += 1
            return await visit(*work)

        monkeypatch.setattr(store._db._writer, "_execute", counted)
        await store.put_page("acme", page(1))
        assert visits == 1
        await store.bind(chat())
        await store.save_backfill("acme", "chat-1", "{}", expected_version=0, at=NOW)
        assert await store.page("acme", page(1).sha256) is not None


async def test_a_write_that_is_given_up_before_its_commit_leaves_nothing(tmp_path: Path) -> None:
    async with SqliteStore.open(tmp_path / "data411.sqlite3") as store:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await store.put_page("acme", page(1))
        async with anyio.create_task_group() as giving_up:
            giving_up.start_soon(store.bind, chat("chat-2"))
            await anyio.lowlevel.checkpoint()
            giving_up.cancel_scope.cancel()
        with anyio.fail_after(5):
            await store.bind(chat())
        assert await store.page("acme", page(1).sha256) is None
