"""Stored pages: the evidence. Body and text are kept as zlib streams."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime

import anyio.to_thread

from data411_mcp.adapters.store.sql import Database, Row, micros
from data411_mcp.domain.evidence import Page


class PageTables:
    _db: Database

    async def put_page(self, tenant: str, page: Page) -> None:
        """The same body under two addresses makes two rows; the same body under the same address
        keeps the later reading."""
        body, text = await anyio.to_thread.run_sync(_compressed, page)
        # Not durable: what cites the page is stored after it, and only with it.
        await self._db.write(
            "put_page",
            durable=False,
            tenant=tenant,
            sha256=page.sha256,
            url=page.url,
            final_url=page.final_url,
            body=body,
            text=text,
            decoder=page.decoder,
            reader=page.reader,
            fetched_at=page.fetched_at,
            fetched_micros=micros(_utc(page.fetched_at)),
            status=page.status,
            content_type=page.content_type,
            headers=json.dumps(page.headers),
        )

    async def page(self, tenant: str, sha256: str, url: str | None = None) -> Page | None:
        """By its hash, and by its address (as asked or as redirected to) where one is given."""
        return await _first(await self._db.read("page", tenant=tenant, sha256=sha256, url=url))

    async def fresh_page(self, tenant: str, url: str, *, not_before: datetime) -> Page | None:
        return await _first(
            await self._db.read(
                "fresh_page", tenant=tenant, url=url, not_before=micros(not_before)
            ),
            warm=True,
        )

    async def pages_to_scan(
        self, tenant: str, *, after: str = "", limit: int = 100
    ) -> tuple[Page, ...]:
        """Pages in order of their hash, beginning after the hash `after`. `limit` counts bodies:
        all addresses of one body come together."""
        rows = await self._db.read("pages_after", tenant=tenant, after=after, limit=limit)
        return await anyio.to_thread.run_sync(_pages, rows)

    async def delete_page(self, tenant: str, sha256: str) -> None:
        async with self._db.transaction() as transaction:
            await transaction.changed("delete_page", tenant=tenant, sha256=sha256)


async def _first(rows: Sequence[Row], *, warm: bool = False) -> Page | None:
    if not rows:
        return None
    return await anyio.to_thread.run_sync(_page, rows[0], warm)


def _compressed(page: Page) -> tuple[bytes, bytes]:
    # surrogatepass: offsets of evidence count code points, so none may be lost on the way.
    text = page.text.encode("utf-8", "surrogatepass")
    return zlib.compress(page.body), zlib.compress(text)


def _utc(iso: str) -> datetime:
    parsed = datetime.fromisoformat(iso)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _pages(rows: Sequence[Row]) -> tuple[Page, ...]:
    return tuple(_page(row) for row in rows)


def _page(row: Row, warm: bool = False) -> Page:
    return Page(
        url=row["url"],
        final_url=row["final_url"],
        sha256=row["sha256"],
        text=zlib.decompress(row["text"]).decode("utf-8", "surrogatepass"),
        decoder=row["decoder"],
        reader=row["reader"],
        fetched_at=row["fetched_at"],
        status=row["status"],
        content_type=row["content_type"],
        headers=json.loads(row["headers"]),
        body=zlib.decompress(row["body"]),
        warm=warm,
    )
