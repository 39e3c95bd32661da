"""The store that the settings name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from data411_mcp.adapters.store.tables import Tables
from data411_mcp.errors import InvalidArgument
from data411_mcp.settings import Settings


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Tables]:
    """PostgreSQL where an address is set, else the SQLite file in the data folder; its schema is
    up to date. It is a `Store` and an `IcpStore`. Raises InvalidArgument for an address that is
    none, and StoreError."""
    if settings.database_url is None:
        from data411_mcp.adapters.store.sqlite import SqliteStore

        async with SqliteStore.open(settings.store_path) as store:
            yield store
        return
    try:
        from data411_mcp.adapters.store.postgres import PostgresStore
    except ImportError as error:
        raise InvalidArgument(
            "DATA411_DATABASE_URL is set, but the PostgreSQL driver is not installed.",
            "pip install data411-mcp[postgres]",
        ) from error
    async with PostgresStore.open(settings.database_url.get_secret_value()) as store:
        yield store
