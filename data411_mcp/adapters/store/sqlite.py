"""The store in one SQLite file: one writer at a time, readers beside it (WAL).

Several processes may open the same file on one machine. Every write is a `BEGIN IMMEDIATE`
transaction: a deferred one fails at its first write when somebody else wrote meanwhile, whatever
the busy timeout. What is committed survives a power cut (`synchronous = FULL`), because cents are
among it; that makes a write of 0.7 ms one of 1.6 ms on an SSD.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

import aiosqlite
import anyio
import anyio.to_thread

from data411_mcp.adapters.store.sql import Row, Transaction, migrations, queries, storable
from data411_mcp.adapters.store.tables import Tables
from data411_mcp.errors import StoreBusy, StoreError, StoreFull

BUSY_SECONDS = 5.0  # how long a writer waits for other processes
WRITER_TURN_SECONDS = 15.0  # how long a task waits for the other tasks of this process
# SQLite blocks the connection's thread while it waits, so it waits briefly and we ask again:
# a cancelled task then stops within this time.
BUSY_TIMEOUT_MS = 50
BUSY_PAUSE_SECONDS = 0.005

T = TypeVar("T")


class SqliteStore(Tables):
    """Implements the `Store` port."""

    _db: SqliteDatabase

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path | str) -> AsyncIterator[SqliteStore]:
        """Open the file, made readable for its owner only when it is new, and bring its schema
        up to date. Raises StoreError when the folder or the file cannot be used."""
        location = Path(path)
        await anyio.to_thread.run_sync(_prepare_file, location)
        database = SqliteDatabase()
        try:
            await database.connect(location)
            store = cls(database)
            await store.migrate()
            yield store
        finally:
            # aiosqlite's threads are not daemons: one left open keeps the process alive.
            with anyio.CancelScope(shield=True):
                await database.close()


class SqliteDatabase:
    """A writer and a reader connection to one file; implements `Database`."""

    def __init__(self) -> None:
        self._turn = anyio.Lock()
        self._durable = True  # as last set; only the writer's thread changes it
        self._connections: list[aiosqlite.Connection] = []

    async def connect(self, path: Path) -> None:
        with _our_errors():
            for _role in ("writer", "reader"):
                connection = await aiosqlite.connect(path, isolation_level=None)
                self._connections.append(connection)
                connection.row_factory = sqlite3.Row
                for pragma in (f"busy_timeout = {BUSY_TIMEOUT_MS}", "foreign_keys = ON"):
                    await connection.execute(f"PRAGMA {pragma}")
                await self._ask_until_free(connection, "PRAGMA journal_mode = WAL")
                await connection.execute("PRAGMA synchronous = FULL")
            await self._reader.execute("PRAGMA query_only = ON")

    @property
    def _writer(self) -> aiosqlite.Connection:
        return self._connections[0]

    @property
    def _reader(self) -> aiosqlite.Connection:
        return self._connections[1]

    async def read(self, query: str, **parameters: object) -> list[Row]:
        with _our_errors():
            return await self._ask_until_free(self._reader, queries()[query], storable(parameters))

    @asynccontextmanager
    async def transaction(self, *, durable: bool = True) -> AsyncIterator[Transaction]:
        async with self._writing(durable) as transaction:
            yield transaction

    async def write(
        self, query: str, *, durable: bool = True, alone: str | None = None, **parameters: object
    ) -> list[Row]:
        async with self._writing(durable) as transaction:
            return await transaction.only(query, **parameters)

    @asynccontextmanager
    async def _writing(self, durable: bool) -> AsyncIterator[SqliteTransaction]:
        await self._take_turn()
        transaction = SqliteTransaction(self, durable)
        try:
            with _our_errors():
                if self._writer.in_transaction:  # it could not be rolled back the last time
                    await self._writer.rollback()
                yield transaction
                await transaction.commit()
        finally:
            try:
                if not transaction.committed:
                    transaction.given_up = True
                    with anyio.CancelScope(shield=True), _our_errors():
                        # The connection's thread keeps the order: this comes after a statement
                        # that a cancelled task no longer waits for. Without a transaction it does
                        # nothing.
                        await self._writer.rollback()
            finally:
                self._turn.release()

    async def in_writer(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Several statements in one visit to the writer's thread, again while another process
        holds the lock. Each visit costs a turn of the event loop, in which no other task of this
        process may write; aiosqlite itself makes one for each statement and each cursor."""
        visit: Callable[..., Awaitable[T]] = self._writer._execute
        return await self._until_free(lambda: visit(work, self._writer._conn))

    def begin(self, connection: sqlite3.Connection, durable: bool) -> None:
        """In the writer's thread. A transaction that is under way goes on."""
        if connection.in_transaction:
            return
        if durable is not self._durable:
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable
        connection.execute("BEGIN IMMEDIATE")

    async def _take_turn(self) -> None:
        with anyio.move_on_after(WRITER_TURN_SECONDS):
            await self._turn.acquire()
            return
        raise StoreBusy(
            "The store is overloaded: too many writes are waiting.", "Try again in a minute."
        )

    async def _ask_until_free(
        self,
        connection: aiosqlite.Connection,
        sql: str,
        parameters: Mapping[str, object] | None = None,
    ) -> list[Row]:
        rows = await self._until_free(lambda: connection.execute_fetchall(sql, parameters or {}))
        return [dict(row) for row in rows]

    async def _until_free(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Once, and again while another process holds the lock, up to BUSY_SECONDS."""
        give_up_at = anyio.current_time() + BUSY_SECONDS
        while True:
            try:
                return await ask()
            except sqlite3.OperationalError as error:
                if not _is_busy(error) or anyio.current_time() > give_up_at:
                    raise
            await anyio.sleep(BUSY_PAUSE_SECONDS)

    async def migrate(self) -> None:
        """Apply the missing migrations in one transaction: of several processes the first does
        the work and the others find it done."""
        known = migrations()
        async with self._writing(durable=True) as transaction:
            await transaction.begin()
            await self._writer.execute(
                "CREATE TABLE IF NOT EXISTS schema_version ("
                "version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)"
            )
            rows = await self._writer.execute_fetchall("SELECT version FROM schema_version")
            applied = {row["version"] for row in rows}
            if applied and max(applied) > known[-1].version:
                raise StoreError(
                    "The store was written by a newer version of this program.",
                    "Upgrade data411-mcp, or point DATA411_DATA_DIR at another folder.",
                )
            for migration in known:
                if migration.version in applied:
                    continue
                for statement in migration.statements:
                    await self._writer.execute(statement)
                await self._writer.execute(
                    "INSERT INTO schema_version (version, name) VALUES (?, ?)",
                    (migration.version, migration.name),
                )

    async def close(self) -> None:
        while self._connections:
            await self._connections.pop().close()


class SqliteTransaction:
    """Implements `Transaction`. It begins with its first statement."""

    def __init__(self, database: SqliteDatabase, durable: bool) -> None:
        self._database = database
        self._durable = durable
        self._begun = False
        self._late: list[Callable[[sqlite3.Connection], object]] = []  # of the next visit
        self.committed = False
        self.given_up = False  # nobody waits any more: what is still queued is not to be written

    async def begin(self) -> None:
        """For statements that are no named queries."""
        self._begun = True
        await self._database.in_writer(
            lambda connection: self._database.begin(connection, self._durable)
        )

    async def rows(self, query: str, **parameters: object) -> list[Row]:
        return (await self._run((query, parameters)))[0][0]

    async def each(self, *queries: tuple[str, Mapping[str, object]]) -> list[list[Row]]:
        return [rows for rows, _ in await self._run(*queries)]

    async def changed(self, query: str, **parameters: object) -> int:
        return (await self._run((query, parameters)))[0][1]

    async def only(self, query: str, **parameters: object) -> list[Row]:
        """The whole transaction: this statement and the commit, in one visit."""
        ((rows, _),) = await self._run((query, parameters), commit=True)
        self.committed = True
        return rows

    async def many(self, query: str, rows: Sequence[Mapping[str, object]]) -> None:
        sql, values = queries()[query], [storable(row) for row in rows]
        self._late.append(lambda connection: connection.executemany(sql, values))
        self._begun = True

    async def alone(self, section: str) -> None:
        """A write transaction is alone in the whole file."""

    async def commit(self) -> None:
        if self._begun and not self.committed:
            await self._run(commit=True)
        self.committed = True

    async def _run(
        self, *asked: tuple[str, Mapping[str, object]], commit: bool = False
    ) -> list[tuple[list[Row], int]]:
        """The rows of each query, and how many it changed."""
        statements = [(queries()[query], storable(parameters)) for query, parameters in asked]

        def work(connection: sqlite3.Connection) -> list[tuple[list[Row], int]]:
            self._database.begin(connection, self._durable)
            while self._late:
                self._late[0](connection)
                del self._late[0]  # done: should the commit be asked for again, it is not
            found = [_answer(connection.execute(sql, values)) for sql, values in statements]
            if commit and not self.given_up:
                connection.commit()
            return found

        self._begun = True
        return await self._database.in_writer(work)


def _answer(cursor: sqlite3.Cursor) -> tuple[list[Row], int]:
    rows: list[Row] = [dict(row) for row in cursor.fetchall()]
    return rows, cursor.rowcount


def _prepare_file(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # The file holds personal data; its companions -wal and -shm take over its mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreError(
            "The store's folder or file cannot be written.",
            "Make it writable, or point DATA411_DATA_DIR at a folder that is.",
        ) from error


def _primary_code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_busy(error: sqlite3.Error) -> bool:
    return _primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # our own mistake, not the machine's
    except sqlite3.Error as error:
        raise _translated(error) from error


def _translated(error: sqlite3.Error) -> StoreError:
    code = _primary_code(error)
    if _is_busy(error):
        return StoreBusy("The store is locked by another process.", "Try again in a moment.")
    if code == sqlite3.SQLITE_FULL:
        return StoreFull(
            "There is no space left for the store.",
            "Free some space, or shorten the DATA411_RETENTION_DAYS_* settings.",
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return StoreError(
            "The store's folder or file cannot be written.",
            "Make it writable, or point DATA411_DATA_DIR at a folder that is.",
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreError(
            "The store's file is damaged or is no store.",
            "Put a backup in its place, or move it away to begin anew.",
        )
    if code == sqlite3.SQLITE_CONSTRAINT:
        return StoreError("A row that this one needs is gone, or its id is already taken.")
    return StoreError("The store's file could not be read or written.", "Check the disk.")
