"""An answer that is not a web page, as evidence: a register's row, a name server's records."""

from __future__ import annotations

import hashlib

from data411_mcp.domain.evidence import Page
from data411_mcp.domain.extract.decode import decode


def record_page(body: bytes, *, url: str, content_type: str, reader: str, fetched_at: str) -> Page:
    """`fetched_at`: ISO 8601, UTC. `reader` as in `Page`."""
    document = decode(body, content_type=content_type, url=url)
    return Page(
        url=url,
        final_url=url,
        sha256=hashlib.sha256(body).hexdigest(),
        text=document.text,
        decoder=document.decoder,
        reader=reader,
        fetched_at=fetched_at,
        content_type=content_type,
        body=body,
        decoded=document,
    )
