"""Conversations of the ICP finder and their documents, and the registers, over named queries.

Opening a thread locks the older ones of its context before it is inserted, in one transaction:
the other way round the unique index would refuse the new thread, and the old one would stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from data411_mcp.adapters.store.icp_rows import (
    document_of,
    entity_columns,
    entity_of,
    ssic_of,
    thread_of,
)
from data411_mcp.adapters.store.rows import columns
from data411_mcp.adapters.store.sql import Database, Transaction, micros
from data411_mcp.domain.icp.values import ThreadStatus
from data411_mcp.errors import NotFound, StaleVersion, ThreadLocked
from data411_mcp.services.ports.icp import AcraEntity, Document, SsicRow, ThreadRow

REPLACED = "new_thread_created"
ACRA_SAME_NAME_MAX = 50  # rows of the register under one name that anybody would look at


class IcpTables:
    """Implements the `IcpStore` port."""

    _db: Database

    # --- threads --------------------------------------------------------------------------

    async def open_thread(
        self, thread: ThreadRow, *, live: Sequence[str] = (), single: bool = True
    ) -> ThreadRow:
        ids = {"tenant": thread.tenant, "thread_id": thread.thread_id}
        async with self._db.transaction() as transaction:
            await transaction.alone(_opening(thread.tenant))
            known = await transaction.rows("icp_thread", **ids)
            if known:
                if known[0]["user_id"] != thread.user_id:
                    raise _unknown_thread()
                return thread_of(known[0])
            if single:
                await _lock_others(transaction, thread, live, at=thread.created_at)
            await transaction.changed("insert_icp_thread", **columns(thread), lone=int(single))
            return thread_of((await transaction.rows("icp_thread", **ids))[0])

    async def set_context(
        self,
        tenant: str,
        thread_id: str,
        context_key: str,
        *,
        label: str,
        live: Sequence[str],
        at: datetime,
        single: bool = True,
    ) -> ThreadRow:
        ids = {"tenant": tenant, "thread_id": thread_id}
        async with self._db.transaction() as transaction:
            await transaction.alone(_opening(tenant))
            rows = await transaction.rows("icp_thread", **ids)
            if not rows:
                raise _unknown_thread()
            thread = thread_of(rows[0])
            if thread.lock_pending and thread.context_key == context_key:
                return thread
            if thread.lock_pending or thread.status is not ThreadStatus.OPEN:
                raise ThreadLocked(
                    "The thread is read-only.", "Open a new one, or resume the one that is open."
                )
            if single:
                await _lock_others(transaction, thread, live, at=at, context_key=context_key)
            changed = await transaction.rows(
                "set_icp_context",
                **ids,
                context_key=context_key,
                label=label,
                at=micros(at),
                lone=int(single),
            )
            return thread_of(changed[0])

    async def thread(self, tenant: str, thread_id: str) -> ThreadRow | None:
        rows = await self._db.read("icp_thread", tenant=tenant, thread_id=thread_id)
        return thread_of(rows[0]) if rows else None

    async def threads(
        self,
        tenant: str,
        *,
        user_id: str | None = None,
        agent: str | None = None,
        context_key: str | None = None,
        statuses: Sequence[ThreadStatus] = (),
        updated_after: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> tuple[ThreadRow, ...]:
        rows = await self._db.read(
            "icp_threads",
            tenant=tenant,
            user_id=user_id,
            agent=agent,
            context_key=context_key,
            statuses="".join(f" {status.value} " for status in statuses),
            updated_after=micros(updated_after) if updated_after is not None else None,
            limit=limit,
            offset=offset,
        )
        return tuple(thread_of(row) for row in rows)

    async def threads_to_scan(
        self, tenant: str, *, after: str = "", limit: int = 100
    ) -> tuple[ThreadRow, ...]:
        rows = await self._db.read("icp_threads_after", tenant=tenant, after=after, limit=limit)
        return tuple(thread_of(row) for row in rows)

    async def threads_past(
        self, before: datetime, *, after: tuple[str, str] = ("", ""), limit: int = 100
    ) -> tuple[ThreadRow, ...]:
        rows = await self._db.read(
            "icp_threads_past",
            before=micros(before),
            after_tenant=after[0],
            after_thread=after[1],
            limit=limit,
        )
        return tuple(thread_of(row) for row in rows)

    async def lock_thread(
        self, tenant: str, thread_id: str, reason: str, *, at: datetime, pending: bool = False
    ) -> ThreadRow | None:
        async with self._db.transaction() as transaction:
            rows = await transaction.rows(
                "lock_icp_thread",
                tenant=tenant,
                thread_id=thread_id,
                reason=reason,
                at=micros(at),
                pending=int(pending),
            )
            if not rows:
                rows = await transaction.rows("icp_thread", tenant=tenant, thread_id=thread_id)
        return thread_of(rows[0]) if rows else None

    async def archive_thread(
        self, tenant: str, thread_id: str, reason: str, *, at: datetime
    ) -> ThreadRow | None:
        async with self._db.transaction() as transaction:
            rows = await transaction.rows(
                "archive_icp_thread",
                tenant=tenant,
                thread_id=thread_id,
                reason=reason,
                at=micros(at),
            )
            if not rows:
                rows = await transaction.rows("icp_thread", tenant=tenant, thread_id=thread_id)
        return thread_of(rows[0]) if rows else None

    async def archive_stale(self, *, before: datetime, at: datetime) -> int:
        async with self._db.transaction() as transaction:
            return await transaction.changed(
                "archive_stale_icp_threads", before=micros(before), at=micros(at)
            )

    async def touch_thread(
        self,
        tenant: str,
        thread_id: str,
        *,
        at: datetime,
        label: str | None = None,
        metadata: str | None = None,
    ) -> ThreadRow | None:
        rows = await self._db.write(
            "touch_icp_thread",
            tenant=tenant,
            thread_id=thread_id,
            at=micros(at),
            label=label,
            metadata=metadata,
        )
        return thread_of(rows[0]) if rows else None

    async def rewrite_thread(self, seen: ThreadRow, *, label: str, metadata: str) -> bool:
        rows = await self._db.write(
            "rewrite_icp_thread",
            tenant=seen.tenant,
            thread_id=seen.thread_id,
            label=label,
            metadata=metadata,
            expected_label=seen.label,
            expected_metadata=seen.metadata,
        )
        return bool(rows)

    async def delete_thread(self, tenant: str, thread_id: str) -> bool:
        ids = {"tenant": tenant, "thread_id": thread_id}
        async with self._db.transaction() as transaction:
            gone = await transaction.rows("delete_icp_thread", **ids)
            if gone:
                await transaction.changed("delete_icp_thread_documents", **ids)
        return bool(gone)

    # --- documents ------------------------------------------------------------------------

    async def document(self, tenant: str, kind: str, key: str) -> Document | None:
        rows = await self._db.read("icp_document", tenant=tenant, kind=kind, key=key)
        return document_of(rows[0]) if rows else None

    async def documents(
        self, tenant: str, kind: str, *, prefix: str = "", after: str = "", limit: int = 100
    ) -> tuple[Document, ...]:
        rows = await self._db.read(
            "icp_documents", tenant=tenant, kind=kind, prefix=prefix, after=after, limit=limit
        )
        return tuple(document_of(row) for row in rows)

    async def documents_to_scan(
        self, tenant: str, *, after: tuple[str, str] = ("", ""), limit: int = 100
    ) -> tuple[Document, ...]:
        rows = await self._db.read(
            "icp_documents_after",
            tenant=tenant,
            after_kind=after[0],
            after_key=after[1],
            limit=limit,
        )
        return tuple(document_of(row) for row in rows)

    async def document_tenants(self, kind: str) -> tuple[str, ...]:
        rows = await self._db.read("icp_document_tenants", kind=kind)
        return tuple(str(row["tenant"]) for row in rows)

    async def put_document(
        self,
        tenant: str,
        kind: str,
        key: str,
        text: str,
        *,
        at: datetime,
        expected_version: int | None = None,
    ) -> int:
        row: dict[str, object] = {"tenant": tenant, "kind": kind, "key": key}
        row |= {"text": text, "at": micros(at)}
        query = "put_icp_document"
        if expected_version == 0:
            query = "insert_icp_document"
        elif expected_version is not None:
            query, row["expected_version"] = "save_icp_document", expected_version
        async with self._db.transaction() as transaction:
            written = await transaction.rows(query, **row)
        if not written:
            raise StaleVersion(
                "The document was changed by someone else meanwhile.", "Read it again and retry."
            )
        return int(written[0]["version"])

    async def delete_document(self, tenant: str, kind: str, key: str) -> bool:
        return bool(await self._db.write("delete_icp_document", tenant=tenant, kind=kind, key=key))

    # --- registers ------------------------------------------------------------------------

    async def replace_ssic(self, edition: str, rows: Sequence[SsicRow]) -> int:
        async with self._db.transaction() as transaction:
            await transaction.alone("icp ssic")
            await transaction.changed("delete_ssic", edition=edition)
            await transaction.many("insert_ssic", [columns(r) | {"edition": edition} for r in rows])
        return len(rows)

    async def ssic_rows(self, edition: str | None = None) -> tuple[SsicRow, ...]:
        rows = await self._db.read("ssic_rows", edition=edition)
        return tuple(ssic_of(row) for row in rows)

    async def ssic_editions(self) -> tuple[str, ...]:
        rows = await self._db.read("ssic_editions")
        return tuple(str(row["edition"]) for row in rows)

    async def add_acra(self, rows: Sequence[AcraEntity], *, keys: Sequence[str]) -> int:
        # By UEN: two imports at once never wait for each other in a circle.
        last = {
            entity.uen: entity_columns(entity, key) for entity, key in zip(rows, keys, strict=True)
        }
        async with self._db.transaction(durable=False) as transaction:
            await transaction.many("put_acra", [last[uen] for uen in sorted(last)])
        return len(last)

    async def acra_by_name(self, key: str) -> tuple[AcraEntity, ...]:
        rows = await self._db.read("acra_by_name", name_key=key, limit=ACRA_SAME_NAME_MAX)
        return tuple(entity_of(row) for row in rows)

    async def acra_by_ssic(self, code: str, *, limit: int = 50) -> tuple[AcraEntity, ...]:
        rows = await self._db.read("acra_by_ssic", code=code, limit=limit)
        return tuple(entity_of(row) for row in rows)

    async def acra_after(self, uen: str = "", *, limit: int = 100) -> tuple[AcraEntity, ...]:
        rows = await self._db.read("acra_after", after=uen, limit=limit)
        return tuple(entity_of(row) for row in rows)


async def _lock_others(
    transaction: Transaction,
    thread: ThreadRow,
    live: Sequence[str],
    *,
    at: datetime,
    context_key: str | None = None,
) -> None:
    """Lock every other open thread of the context; one whose run has not ended is marked."""
    key = thread.context_key if context_key is None else context_key
    if not key:
        return
    others = await transaction.rows(
        "icp_rival_threads",
        tenant=thread.tenant,
        user_id=thread.user_id,
        agent=thread.agent,
        context_key=key,
        thread_id=thread.thread_id,
    )
    for other in others:
        await transaction.rows(
            "lock_icp_thread",
            tenant=thread.tenant,
            thread_id=other["thread_id"],
            reason=REPLACED,
            at=micros(at),
            pending=int(other["thread_id"] in live),
        )


def _opening(tenant: str) -> str:
    """One thread of a tenant is opened at a time: else two would not see each other, and the
    unique index would refuse the second one instead of locking the first."""
    return f"icp threads of {tenant}"


def _unknown_thread() -> NotFound:
    return NotFound("There is no such thread.", "Call icp_threads to see yours.")
