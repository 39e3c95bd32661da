"""The stores that the contract is run against, each opened by kind and place. Other processes of
a test open the same store the same way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from data411_mcp.adapters.store.postgres import PostgresStore
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.services.ports import Store

OPEN: dict[str, Callable[[str], AbstractAsyncContextManager[Store]]] = {
    "postgres": PostgresStore.open,
    "sqlite": SqliteStore.open,
}
