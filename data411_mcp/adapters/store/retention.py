"""What is kept only so long."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from data411_mcp.adapters.store.jobs import after_end
from data411_mcp.adapters.store.sql import Database, micros

DELETED_AT_ONCE = 500  # rows; what goes with them, such as a job's events, is more


class RetentionTables:
    _db: Database

    async def purge(
        self,
        *,
        now: datetime,
        pages_before: datetime,
        graphs_before: datetime,
        jobs_before: datetime,
    ) -> Mapping[str, int]:
        """Jobs go first: a chat with a live job stays. Transfers are kept."""
        await self._expire_waiting_jobs(jobs_before, now)
        await self._delete("purge_tickets", jobs_before)
        ages = (
            ("jobs", "purge_jobs", jobs_before),
            ("pages", "purge_pages", pages_before),
            ("backfill_archive", "purge_archive", graphs_before),
            ("seeds", "purge_seeds", graphs_before),
            ("sessions", "purge_sessions", graphs_before),
            ("icp_threads", "purge_icp_threads", graphs_before),
            ("icp_documents", "purge_icp_documents", graphs_before),
        )
        return {table: await self._delete(query, before) for table, query, before in ages}

    async def _delete(self, query: str, before: datetime) -> int:
        """Each portion is a transaction of its own, so that others write in between."""
        deleted = 0
        while True:
            async with self._db.transaction() as transaction:
                portion = await transaction.changed(
                    query, before=micros(before), limit=DELETED_AT_ONCE
                )
            deleted += portion
            if portion < DELETED_AT_ONCE:
                return deleted

    async def _expire_waiting_jobs(self, before: datetime, now: datetime) -> None:
        """Cancel the waiting jobs that nobody came back to. Each in a transaction of its own:
        together they would keep everybody else from posting."""
        for waiting in await self._db.read("waiting_jobs", before=micros(before)):
            async with self._db.transaction() as transaction:
                for row in await transaction.rows(
                    "expire_job", id=waiting["id"], before=micros(before), now=micros(now)
                ):
                    await after_end(transaction, row, at=now)
