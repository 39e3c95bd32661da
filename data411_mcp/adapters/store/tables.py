"""Every table of the store, whatever database it is in."""

from __future__ import annotations

from data411_mcp.adapters.store.access import AccessTables
from data411_mcp.adapters.store.icp import IcpTables
from data411_mcp.adapters.store.jobs import JobTables
from data411_mcp.adapters.store.money import MoneyTables
from data411_mcp.adapters.store.pages import PageTables
from data411_mcp.adapters.store.retention import RetentionTables
from data411_mcp.adapters.store.sessions import SessionTables
from data411_mcp.adapters.store.sql import Database
from data411_mcp.adapters.store.steps import StepTables


class Tables(
    SessionTables,
    PageTables,
    JobTables,
    StepTables,
    MoneyTables,
    AccessTables,
    IcpTables,
    RetentionTables,
):
    """Implements the `Store` and the `IcpStore` port over a database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def migrate(self) -> None:
        await self._db.migrate()

    async def close(self) -> None:
        await self._db.close()
