"""The store in a PostgreSQL database of its own: many writers at once, on many machines.

Transactions are READ COMMITTED: each statement sees what was committed before it, so whatever is
read to be written back is read under a lock, or written by one statement that checks.

Connections are opened when they are needed and kept, up to CONNECTIONS_MAX. There is no pool that
works in the background: a caller finds out by its first statement whether a kept connection is
still alive, and it is the caller who waits, RETRY_SECONDS at most, for a server that is away.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from typing import TypeVar

import anyio
import psycopg
from psycopg import errors as pg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row

from data411_mcp.adapters.store.sql import Row, migrations, queries, storable
from data411_mcp.adapters.store.tables import Tables
from data411_mcp.errors import InvalidArgument, StoreBusy, StoreError, StoreFull

Connection = psycopg.AsyncConnection[DictRow]
Statement = tuple[bytes, Mapping[str, object] | None]
T = TypeVar("T")

CONNECTIONS_MAX = 10
TURN_SECONDS = 15.0  # how long a task waits for the other tasks of this process
RETRY_SECONDS = 5.0  # how long it waits for a server that is away
RETRY_PAUSE_SECONDS = 0.1
STATEMENT_SECONDS = 20.0
# A lock is waited for less long than the statement; a transaction of a frozen process holds its
# locks no longer than a lease.
SESSION = b"""
SET default_transaction_isolation = 'read committed';
SET lock_timeout = '5s';
SET statement_timeout = '15s';
SET idle_in_transaction_session_timeout = '20s'
"""
BEGIN, COMMIT = b"BEGIN", b"COMMIT"
LOOSELY = b"SET LOCAL synchronous_commit = off"
ALONE = b"SELECT pg_advisory_xact_lock(%(ours)s, hashtext(%(section)s))"
MIGRATION_SECONDS = 600.0
MIGRATION = b"SET LOCAL lock_timeout = '600s'; SET LOCAL statement_timeout = '600s'"
ADVISORY = 411  # the first key of our advisory locks

# A statement that was cancelled costs its connection, which psycopg warns of; nothing is wrong.
logging.getLogger("psycopg").setLevel(logging.ERROR)


class PostgresStore(Tables):
    """Implements the `Store` port."""

    _db: PostgresDatabase

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[PostgresStore]:
        """Connect and bring the schema up to date. Raises InvalidArgument where the address
        cannot be one, StoreBusy where nobody answers in RETRY_SECONDS."""
        database = PostgresDatabase(url)
        try:
            store = cls(database)
            await store.migrate()
            yield store
        finally:
            with anyio.CancelScope(shield=True):
                await database.close()


class PostgresDatabase:
    """Implements `Database`. Nothing is connected before the first query."""

    def __init__(self, url: str) -> None:
        self._url = _checked(url)
        self._turns = anyio.Semaphore(CONNECTIONS_MAX)
        self._idle: list[Connection] = []

    async def read(self, query: str, **parameters: object) -> list[Row]:
        async def select(connection: Connection) -> list[Row]:
            return await _rows(connection, _translated_queries()[query], parameters)

        async with self._turn():
            with _our_errors():
                connection, rows = await self._asked(select)
            await self._give_back(connection)
            return rows

    async def write(
        self, query: str, *, durable: bool = True, alone: str | None = None, **parameters: object
    ) -> list[Row]:
        first: list[Statement] = [] if durable else [(LOOSELY, None)]
        if alone is not None:
            first.append((ALONE, {"ours": ADVISORY, "section": alone}))
        statement = (_translated_queries()[query], storable(parameters))

        async def change(connection: Connection) -> list[Row]:
            if not first:
                return await _rows(connection, *statement)
            return await _piped(connection, [(BEGIN, None), *first, statement, (COMMIT, None)], -2)

        async with self._turn():
            with _our_errors():
                connection, rows = await self._asked(change)
            await self._give_back(connection)
            return rows

    @asynccontextmanager
    async def transaction(self, *, durable: bool = True) -> AsyncIterator[PostgresTransaction]:
        async def begin(connection: Connection) -> None:
            await _execute(connection, BEGIN if durable else BEGIN + b"; " + LOOSELY)

        async with self._turn():
            with _our_errors():
                connection, _ = await self._asked(begin)
            try:
                with _our_errors():
                    yield PostgresTransaction(connection)
                    done = await _execute(connection, COMMIT)
                if done.statusmessage != "COMMIT":  # of a failed transaction COMMIT is a ROLLBACK
                    raise StoreError("A write failed and was taken back.", "Try again.")
            finally:
                with anyio.CancelScope(shield=True):
                    await self._give_back(connection)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One of the places for a connection."""
        with anyio.move_on_after(TURN_SECONDS) as waiting:
            await self._turns.acquire()
        if waiting.cancelled_caught:
            raise StoreBusy(
                "The store is overloaded: too many queries are waiting.", "Try again in a minute."
            )
        try:
            yield
        finally:
            self._turns.release()

    async def _asked(self, ask: Callable[[Connection], Awaitable[T]]) -> tuple[Connection, T]:
        """A connection that has answered its first question."""
        while self._idle:
            try:
                return await _first_answer(self._idle.pop(), ask)
            except _Lost:
                continue  # it died while it was kept
        give_up_at = anyio.current_time() + RETRY_SECONDS
        while True:
            try:
                left = give_up_at - anyio.current_time()
                return await _first_answer(await _connected(self._url, max(1.0, left)), ask)
            except _Lost:
                if anyio.current_time() >= give_up_at:
                    raise
            await anyio.sleep(RETRY_PAUSE_SECONDS)

    async def _give_back(self, connection: Connection) -> None:
        """Keep the connection if it is fit for the next caller."""
        status = connection.info.transaction_status
        if status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            try:
                with anyio.fail_after(RETRY_SECONDS):
                    await connection.rollback()
            except (psycopg.Error, TimeoutError):
                await connection.close()
        if connection.info.transaction_status is TransactionStatus.IDLE:
            self._idle.append(connection)
        else:
            await connection.close()

    async def migrate(self) -> None:
        """Apply the missing migrations in one transaction; several processes take turns."""
        known = migrations()
        async with self.transaction() as transaction:
            transaction.statement_seconds = MIGRATION_SECONDS
            run = transaction.run
            await run(MIGRATION)
            await transaction.alone("migrate")
            encoding = (await run(b"SHOW server_encoding"))[0]["server_encoding"]
            if encoding != "UTF8":
                raise StoreError(
                    "The database's encoding is not UTF-8.",
                    "Make a database with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.",
                )
            await run(
                b"CREATE TABLE IF NOT EXISTS schema_version ("
                b"version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)"
            )
            applied = {row["version"] for row in await run(b"SELECT version FROM schema_version")}
            if applied and max(applied) > known[-1].version:
                raise StoreError(
                    "The store was written by a newer version of this program.",
                    "Upgrade data411-mcp, or point DATA411_DATABASE_URL at another database.",
                )
            for migration in known:
                if migration.version in applied:
                    continue
                for statement in migration.statements:
                    await run(schema_for_psycopg(statement).encode())
                await run(
                    b"INSERT INTO schema_version (version, name) VALUES (%(version)s, %(name)s)",
                    {"version": migration.version, "name": migration.name},
                )

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().close()


class PostgresTransaction:
    """Implements `Transaction`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.statement_seconds: float | None = None

    async def rows(self, query: str, **parameters: object) -> list[Row]:
        return await self.run(_translated_queries()[query], parameters)

    async def changed(self, query: str, **parameters: object) -> int:
        sql = _translated_queries()[query]
        return (await _execute(self._connection, sql, storable(parameters))).rowcount

    async def each(self, *queries: tuple[str, Mapping[str, object]]) -> list[list[Row]]:
        return [await self.rows(query, **parameters) for query, parameters in queries]

    async def many(self, query: str, rows: Sequence[Mapping[str, object]]) -> None:
        sql = _translated_queries()[query]
        with anyio.fail_after(STATEMENT_SECONDS):
            async with self._connection.cursor() as cursor:
                await cursor.executemany(sql, [storable(row) for row in rows])

    async def alone(self, section: str) -> None:
        await self.run(ALONE, {"ours": ADVISORY, "section": section})

    async def run(self, sql: bytes, parameters: Mapping[str, object] | None = None) -> list[Row]:
        return await _rows(self._connection, sql, parameters, self.statement_seconds)


# --- the SQL --------------------------------------------------------------------------------

_TOKENS = re.compile(
    r"""('(?:[^']|'')*')|("(?:[^"]|"")*")|(--[^\n]*|/\*.*?\*/)|(::)|:([A-Za-z_]\w*)|(%)""", re.S
)


_LOCKS = {"/*lock*/": "FOR UPDATE SKIP LOCKED", "/*wait*/": "FOR UPDATE"}


def sql_for_psycopg(sql: str) -> str:
    """The common SQL with psycopg's parameters; the markers become locks."""

    def translated(token: re.Match[str]) -> str:
        if token[5]:
            return f"%({token[5]})s"
        if token[3]:
            return _LOCKS.get(token[3], "")
        return token[0].replace("%", "%%")

    return _TOKENS.sub(translated, sql)


def schema_for_psycopg(sql: str) -> str:
    """A statement of a migration. Text is ordered by code point, as SQLite does."""
    sql = re.sub(r"--[^\n]*", "", sql)
    sql = re.sub(r"\bBLOB\b", "BYTEA", sql)
    return re.sub(r"^(\s+\w+ TEXT|ALTER TABLE .* TEXT)\b", r'\1 COLLATE "C"', sql, flags=re.M)


@cache
def _translated_queries() -> Mapping[str, bytes]:
    return {name: sql_for_psycopg(sql).encode() for name, sql in queries().items()}


# --- the driver -----------------------------------------------------------------------------


class _Lost(StoreBusy):
    """No connection, or one that is dead."""

    def __init__(self) -> None:
        super().__init__(
            "The database is out of reach.",
            "Try again in a moment; check that PostgreSQL runs and DATA411_DATABASE_URL is right.",
        )


def _checked(url: str) -> str:
    """The address, if libpq takes it for one. It may hold a password, so it is never shown."""
    usable = url.startswith(("postgresql://", "postgres://"))
    try:
        ports = str(conninfo_to_dict(url).get("port") or "") if usable else ""
    except (psycopg.Error, ValueError):
        usable = False
    if not usable or not all(port.isdecimal() for port in ports.split(",") if port):
        raise InvalidArgument(
            "DATA411_DATABASE_URL is not an address of a PostgreSQL database.",
            "Set it to postgresql://USER:PASSWORD@HOST:PORT/DATABASE; "
            "percent-encode special characters in the password.",
        ) from None
    return url


async def _connected(url: str, seconds: float) -> Connection:
    """Raises _Lost, for whatever reason there is no connection."""
    try:
        with anyio.fail_after(seconds):
            connection = await psycopg.AsyncConnection.connect(
                url,
                autocommit=True,
                row_factory=dict_row,
                client_encoding="utf8",
                connect_timeout=max(2, round(seconds)),
            )
    except (psycopg.OperationalError, TimeoutError) as error:
        raise _Lost from error
    await _first_answer(connection, lambda fresh: fresh.execute(SESSION))
    return connection


async def _first_answer(
    connection: Connection, ask: Callable[[Connection], Awaitable[T]]
) -> tuple[Connection, T]:
    """Ask; a connection that does not answer is closed. Raises _Lost where it is dead."""
    try:
        return connection, await ask(connection)
    except BaseException as error:
        lost = isinstance(error, psycopg.OperationalError) and connection.closed
        with anyio.CancelScope(shield=True):
            await connection.close()
        if lost:
            raise _Lost from error
        raise


async def _execute(
    connection: Connection,
    sql: bytes,
    parameters: Mapping[str, object] | None = None,
    seconds: float | None = None,
) -> psycopg.AsyncCursor[DictRow]:
    """A statement that is given up leaves its connection closed, or in its transaction."""
    with anyio.fail_after(STATEMENT_SECONDS if seconds is None else seconds):
        return await connection.execute(sql, parameters)


async def _rows(
    connection: Connection,
    sql: bytes,
    parameters: Mapping[str, object] | None,
    seconds: float | None = None,
) -> list[Row]:
    values = None if parameters is None else storable(parameters)
    cursor = await _execute(connection, sql, values, seconds)
    return [] if cursor.description is None else list(await cursor.fetchall())


async def _piped(connection: Connection, statements: Sequence[Statement], wanted: int) -> list[Row]:
    """Send all at once, and wait once; returns the rows of the wanted one."""
    with anyio.fail_after(STATEMENT_SECONDS):
        async with connection.pipeline():
            cursors = [await connection.execute(sql, values) for sql, values in statements]
        found = cursors[wanted]
        return [] if found.description is None else list(await found.fetchall())


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise _Lost from error
    except psycopg.Error as error:
        translated = _translated(error)
        if translated is None:
            raise  # our own mistake, not the machine's
        raise translated from error


# Somebody else holds what this transaction needs; once more may do.
_CONTENDED = (
    pg.SerializationFailure,
    pg.DeadlockDetected,
    pg.LockNotAvailable,
    pg.QueryCanceled,
    pg.IdleInTransactionSessionTimeout,
)


def _translated(error: psycopg.Error) -> StoreError | None:
    match error:
        case pg.DiskFull():
            return StoreFull(
                "There is no space left for the store.",
                "Free some space, or shorten the DATA411_RETENTION_DAYS_* settings.",
            )
        case _ if isinstance(error, _CONTENDED):
            return StoreBusy("The store is busy with other writes.", "Try again in a moment.")
        case psycopg.IntegrityError():
            return StoreError("A row that this one needs is gone, or its id is already taken.")
        case pg.InsufficientPrivilege():
            return StoreError(
                "The database user may not do that.",
                "Make it the owner of the database that DATA411_DATABASE_URL names.",
            )
        case pg.ProgramLimitExceeded() | psycopg.DataError():
            return StoreError("The database does not take a value as long or odd as this one.")
        case pg.ReadOnlySqlTransaction():
            return StoreBusy(
                "The database takes no writes now.",
                "Point DATA411_DATABASE_URL at the primary server.",
            )
        case psycopg.OperationalError() | psycopg.InterfaceError():
            return _Lost()
        case psycopg.InternalError():
            return StoreError("The database could not be read or written.", "Check its log.")
    return None
