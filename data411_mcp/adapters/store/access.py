"""Keys, tickets, the server's secrets and the callbacks to be sent, over named queries."""

from __future__ import annotations

from datetime import datetime, timedelta

from data411_mcp.adapters.store.rows import columns, record
from data411_mcp.adapters.store.sql import Database, Row, micros
from data411_mcp.domain.access import ApiKey, KeyedRequest, Scope, TakenTicket
from data411_mcp.domain.callbacks import CALLBACKS_OF_TENANT_MAX, DueCallback
from data411_mcp.domain.jobs import FINAL, JobStatus


class AccessTables:
    _db: Database

    async def put_key(self, key: ApiKey) -> None:
        async with self._db.transaction() as transaction:
            await transaction.changed("insert_key", **columns(key))

    async def replace_key(self, key_id: str, by: ApiKey, *, at: datetime) -> bool:
        """False, and nothing changed, when there is a key with the new one's id."""
        async with self._db.transaction() as transaction:
            if not await transaction.rows("insert_next_key", **columns(by)):
                return False
            await transaction.rows("revoke_key", id=key_id, tenant=by.tenant, at=micros(at))
        return True

    async def key_by_hash(self, sha256: str, *, now: datetime) -> ApiKey | None:
        rows = await self._db.read("key_by_hash", sha256=sha256, now=micros(now))
        return _key(rows[0]) if rows else None

    async def keys(self, tenant: str | None = None) -> tuple[ApiKey, ...]:
        """In the order they were made, those that are revoked as well; of every tenant when none
        is named."""
        rows = await self._db.read("keys", tenant=tenant)
        return tuple(_key(row) for row in rows)

    async def revoke_key(self, key_id: str, *, tenant: str | None, at: datetime) -> bool:
        """False when there is no such key, or it is revoked by then. Without a tenant: any."""
        async with self._db.transaction() as transaction:
            revoked = await transaction.rows("revoke_key", id=key_id, tenant=tenant, at=micros(at))
        return bool(revoked)

    async def put_ticket(
        self, sha256: str, tenant: str, job_id: str, *, expires_at: datetime, key: str = ""
    ) -> None:
        async with self._db.transaction() as transaction:
            await transaction.changed(
                "insert_ticket",
                sha256=sha256,
                tenant=tenant,
                job_id=job_id,
                subject=key,
                expires_at=micros(expires_at),
            )

    async def take_ticket(self, sha256: str, job_id: str, *, now: datetime) -> TakenTicket | None:
        """An expired one is taken, too: a clock that is set back does not revive it."""
        async with self._db.transaction() as transaction:
            taken = await transaction.rows("take_ticket", sha256=sha256, job_id=job_id)
        if not taken or int(taken[0]["expires_at"]) <= micros(now):
            return None
        return TakenTicket(str(taken[0]["tenant"]), str(taken[0]["subject"]))

    async def secret(self, name: str, fresh: bytes) -> bytes:
        rows = await self._db.read("secret", name=name)
        if not rows:
            async with self._db.transaction() as transaction:
                await transaction.changed("insert_secret", name=name, secret=fresh)
                rows = await transaction.rows("secret", name=name)
        return bytes(rows[0]["secret"])

    async def keyed_request(self, tenant: str, key_sha: str) -> KeyedRequest | None:
        rows = await self._db.read("keyed_request", tenant=tenant, key_sha=key_sha)
        return record(KeyedRequest, rows[0]) if rows else None

    async def put_keyed_request(
        self, tenant: str, key_sha: str, asked: KeyedRequest
    ) -> KeyedRequest:
        key = {"tenant": tenant, "key_sha": key_sha}
        async with self._db.transaction() as transaction:
            await transaction.changed("insert_keyed_request", **key, **columns(asked))
            rows = await transaction.rows("keyed_request", **key)
        return record(KeyedRequest, rows[0])

    async def attach_callback(self, tenant: str, job_id: str, url: str, *, now: datetime) -> bool:
        async with self._db.transaction() as transaction:
            attached = await transaction.rows(
                "attach_callback", tenant=tenant, job_id=job_id, url=url
            )
            if attached and JobStatus(attached[0]["status"]) in FINAL:
                await transaction.changed(
                    "insert_callback", tenant=tenant, job_id=job_id, url=url, now=micros(now)
                )
        return bool(attached)

    async def claim_callback(
        self, *, now: datetime, lease_seconds: float, tenant_max: int = CALLBACKS_OF_TENANT_MAX
    ) -> DueCallback | None:
        # Alone: else two senders could each see the tenant's last place free.
        rows = await self._db.write(
            "claim_callback",
            alone="claim_callback",
            now=micros(now),
            lease_until=micros(now + timedelta(seconds=lease_seconds)),
            tenant_max=tenant_max,
        )
        return record(DueCallback, rows[0]) if rows else None

    async def finish_callback(self, job_id: str, *, again_at: datetime | None) -> None:
        async with self._db.transaction() as transaction:
            if again_at is None:
                await transaction.changed("delete_callback", job_id=job_id)
            else:
                await transaction.changed(
                    "postpone_callback", job_id=job_id, again_at=micros(again_at)
                )


def _key(row: Row) -> ApiKey:
    scopes = frozenset(Scope(word) for word in str(row["scopes"]).split())
    return record(ApiKey, row, scopes=scopes)
