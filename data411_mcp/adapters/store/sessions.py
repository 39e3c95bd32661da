"""Chats and their graphs, warm seeds and tombstones, over named queries. Where one
transaction writes several rows it does so in their order, so that two never wait in a circle."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from data411_mcp.adapters.store.rows import columns, record
from data411_mcp.adapters.store.sql import Database, indexable, micros, moment
from data411_mcp.domain.jobs import Job
from data411_mcp.errors import NotFound, StaleVersion
from data411_mcp.services.ports import SeedRow, SessionRow


class SessionTables:
    _db: Database

    async def bind(self, row: SessionRow) -> SessionRow:
        async with self._db.transaction() as transaction:
            await transaction.changed("insert_session", **columns(row))
            rows = await transaction.rows(
                "session", tenant=row.tenant, chat_session_id=row.chat_session_id
            )
        return record(SessionRow, rows[0])

    async def session(self, tenant: str, chat_session_id: str) -> SessionRow | None:
        rows = await self._db.read("session", tenant=tenant, chat_session_id=chat_session_id)
        return record(SessionRow, rows[0]) if rows else None

    async def session_version(self, tenant: str, chat_session_id: str) -> int | None:
        rows = await self._db.read(
            "session_version", tenant=tenant, chat_session_id=chat_session_id
        )
        return int(str(rows[0]["version"])) if rows else None

    async def live_chat_of_lead(self, tenant: str, lead_key: str) -> str | None:
        rows = await self._db.read("live_chat_of_lead", tenant=tenant, lead_key=lead_key)
        return str(rows[0]["chat_session_id"]) if rows else None

    async def replace_lead(
        self, tenant: str, chat_session_id: str, lead: str, lead_key: str, at: datetime
    ) -> None:
        chat = {"tenant": tenant, "chat_session_id": chat_session_id}
        async with self._db.transaction() as transaction:
            if not await transaction.rows("touch_session", **chat, at=micros(at)):
                raise _unknown_chat()
            await transaction.changed("remember_lead", **chat, lead=lead, at=micros(at))
            await transaction.changed("replace_lead", **chat, lead=lead, lead_key=lead_key)

    async def lead_history(self, tenant: str, chat_session_id: str) -> tuple[str, ...]:
        rows = await self._db.read("lead_history", tenant=tenant, chat_session_id=chat_session_id)
        return tuple(row["lead"] for row in rows)

    async def set_identity_choice(
        self, tenant: str, chat_session_id: str, choice: str | None, at: datetime
    ) -> None:
        async with self._db.transaction() as transaction:
            if not await transaction.rows(
                "set_identity_choice",
                tenant=tenant,
                chat_session_id=chat_session_id,
                choice=choice,
                at=micros(at),
            ):
                raise _unknown_chat()

    async def save_backfill(
        self,
        tenant: str,
        chat_session_id: str,
        backfill: str,
        *,
        expected_version: int,
        at: datetime,
        job: Job | None = None,
    ) -> int:
        chat = {"tenant": tenant, "chat_session_id": chat_session_id}
        query, of_job = "save_backfill", dict[str, object]()
        if job is not None and job.worker is not None:
            query, of_job = "save_backfill_of_job", {"job_id": job.id, "worker": job.worker}
        # A run's graph need not wait for the disk: a power cut takes back no more than a kill
        # does, and what the run stores for good comes after it.
        async with self._db.transaction(durable=job is None) as transaction:
            saved = await transaction.rows(
                query,
                **chat,
                **of_job,
                backfill=backfill,
                expected_version=expected_version,
                at=micros(at),
            )
            if saved:
                return int(saved[0]["version"])
            if not await transaction.rows("session", **chat):
                raise _unknown_chat()
        raise StaleVersion(
            "The graph was changed by someone else meanwhile.", "Read it again and retry."
        )

    async def archive_backfill(
        self, tenant: str, chat_session_id: str, reason: str, at: datetime
    ) -> None:
        chat = {"tenant": tenant, "chat_session_id": chat_session_id}
        async with self._db.transaction() as transaction:
            if not await transaction.rows("session", **chat):
                raise _unknown_chat()
            await transaction.changed("archive_backfill", **chat, reason=reason, at=micros(at))

    async def archived_backfill(
        self, tenant: str, chat_session_id: str, version: int
    ) -> str | None:
        rows = await self._db.read(
            "archived_backfill", tenant=tenant, chat_session_id=chat_session_id, version=version
        )
        return str(rows[0]["backfill"]) if rows else None

    async def archived_versions(self, tenant: str, chat_session_id: str) -> tuple[int, ...]:
        rows = await self._db.read(
            "archived_versions", tenant=tenant, chat_session_id=chat_session_id
        )
        return tuple(int(row["version"]) for row in rows)

    async def delete_archived(self, tenant: str, chat_session_id: str, version: int) -> None:
        async with self._db.transaction() as transaction:
            await transaction.changed(
                "delete_archived", tenant=tenant, chat_session_id=chat_session_id, version=version
            )

    async def put_seeds(self, tenant: str, seeds: Sequence[SeedRow]) -> None:
        async with self._db.transaction() as transaction:
            for seed in sorted(seeds, key=lambda seed: seed.key):
                await transaction.changed(
                    "put_seed",
                    tenant=tenant,
                    seed_key=indexable(seed.key),
                    chat_session_id=seed.chat_session_id,
                    created_at=micros(seed.created_at),
                )

    async def find_seed(
        self, tenant: str, keys: Sequence[str], *, not_before: datetime
    ) -> SeedRow | None:
        for key in keys:
            rows = await self._db.read(
                "newest_seed", tenant=tenant, seed_key=indexable(key), not_before=micros(not_before)
            )
            if rows:
                seed = rows[0]
                return SeedRow(key, seed["chat_session_id"], moment(seed["created_at"]))
        return None

    async def forget(self, tenant: str, tombstones: Sequence[str], at: datetime) -> None:
        async with self._db.transaction() as transaction:
            for tombstone in sorted(tombstones):
                await transaction.changed(
                    "put_tombstone", tenant=tenant, tombstone=tombstone, at=micros(at)
                )
            await transaction.changed("delete_finished_checkpoints", tenant=tenant)

    async def tombstones(self, tenant: str) -> frozenset[str]:
        rows = await self._db.read("tombstones", tenant=tenant)
        return frozenset(row["tombstone"] for row in rows)

    async def rewrite_lead(
        self, tenant: str, chat_session_id: str, lead: str, lead_key: str, *, expected: str
    ) -> bool:
        async with self._db.transaction() as transaction:
            rewritten = await transaction.rows(
                "rewrite_lead",
                tenant=tenant,
                chat_session_id=chat_session_id,
                lead=lead,
                lead_key=lead_key,
                expected=expected,
            )
        return bool(rewritten)

    async def rewrite_lead_history(
        self, tenant: str, chat_session_id: str, position: int, lead: str, lead_key: str
    ) -> None:
        async with self._db.transaction() as transaction:
            await transaction.changed(
                "rewrite_lead_history",
                tenant=tenant,
                chat_session_id=chat_session_id,
                position=position,
                lead=lead,
                lead_key=lead_key,
            )

    async def delete_seeds(self, tenant: str, keys: Sequence[str]) -> None:
        async with self._db.transaction() as transaction:
            for key in sorted(keys):
                await transaction.changed("delete_seed", tenant=tenant, seed_key=indexable(key))

    async def sessions_to_scan(
        self, tenant: str, *, after: str = "", limit: int = 100
    ) -> tuple[SessionRow, ...]:
        rows = await self._db.read("sessions_after", tenant=tenant, after=after, limit=limit)
        return tuple(record(SessionRow, row) for row in rows)


def _unknown_chat() -> NotFound:
    return NotFound("There is no such chat session.", "Start one with enrich_lead_session.")
