"""The SQL of the store as package data, and what a database must offer to run it.

The same named queries serve every database; only a `Database` differs.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

Row = Mapping[str, Any]
KEY_BYTES_MAX = 800  # PostgreSQL takes 2,704 bytes for all columns of an index together
QUERY_FILES = ("queries.sql", "icp_queries.sql")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Transaction(Protocol):
    async def rows(self, query: str, **parameters: object) -> list[Row]:
        """Run a named query; returns what it selects or RETURNING gives."""

    async def changed(self, query: str, **parameters: object) -> int:
        """Run a named query without RETURNING; returns how many rows it changed."""

    async def each(self, *queries: tuple[str, Mapping[str, object]]) -> list[list[Row]]:
        """Run named queries one after the other, in as few round trips as can be; returns the
        rows of each."""

    async def many(self, query: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Run a named query without RETURNING once for each row, in few round trips. It may be
        as late as the next query or the commit."""

    async def alone(self, section: str) -> None:
        """From here to the end of the transaction nobody else is in the section of this name."""


class Database(Protocol):
    """Errors of the driver leave it only as StoreError or one of its kinds."""

    async def read(self, query: str, **parameters: object) -> list[Row]:
        """Run one named SELECT outside any transaction; it sees all that was committed."""

    def transaction(self, *, durable: bool = True) -> AbstractAsyncContextManager[Transaction]:
        """A write transaction: committed at the end, rolled back by an exception. Nothing but
        its own queries may be awaited inside. One that is not `durable` does not wait for the
        disk: a power cut may take it back, but never one that was committed after it stays."""

    async def write(
        self, query: str, *, durable: bool = True, alone: str | None = None, **parameters: object
    ) -> list[Row]:
        """One named query as a transaction of its own, in as few round trips as can be; `alone`
        is the section that it is in. It may be run twice where the connection dies meanwhile."""

    async def migrate(self) -> None: ...
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    name: str
    statements: tuple[str, ...]


@cache
def queries() -> Mapping[str, str]:
    """Query text by name."""
    found: dict[str, str] = {}
    for file in QUERY_FILES:
        text = (files(__package__) / file).read_text(encoding="utf-8")
        parts = re.split(r"^-- name: (\w+)[ \t]*\n", text, flags=re.M)
        found |= {name: sql.strip() for name, sql in zip(parts[1::2], parts[2::2], strict=True)}
    return found


@cache
def migrations() -> tuple[Migration, ...]:
    """Every migration in order. A statement ends with a semicolon at the end of its line."""
    found = []
    for entry in (files(__package__) / "migrations").iterdir():
        if entry.name.endswith(".sql"):
            parts = re.split(r";[ \t]*\n", entry.read_text(encoding="utf-8"))
            statements = tuple(part.strip() for part in parts if part.strip())
            found.append(Migration(int(entry.name[:4]), entry.name, statements))
    return tuple(sorted(found, key=lambda migration: migration.version))


def micros(moment: datetime) -> int:
    """Whole microseconds since 1970 UTC; exact, unlike a float timestamp."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def moment(stored_micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=stored_micros)


def indexable(key: str) -> str:
    """A key that every database can index: a long one is replaced by its SHA-256."""
    stored = key.encode("utf-8", "replace")
    return key if len(stored) <= KEY_BYTES_MAX else hashlib.sha256(stored).hexdigest()


def storable(parameters: Mapping[str, object]) -> dict[str, object]:
    """Text that every database takes: without NUL and without half surrogate pairs."""
    return {
        name: _storable_text(value) if isinstance(value, str) else value
        for name, value in parameters.items()
    }


def _storable_text(text: str) -> str:
    text = text.replace("\0", "")
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")
