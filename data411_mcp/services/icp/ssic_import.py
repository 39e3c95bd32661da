"""The official SSIC table into the store. It is not shipped; without it codes are not matched,
and results say so."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import structlog

from data411_mcp.services.ports.icp import IcpStore, SsicRow, SsicTable

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SsicImported:
    edition: str
    codes: int
    by_level: dict[str, int]
    defined: int  # codes with a definition: they are what free text is matched with
    newest: bool  # whether this edition is the one that answers now


async def import_ssic(store: IcpStore, table: SsicTable) -> SsicImported:
    """Replaces the edition whole, in one transaction; other editions stay. The structure alone
    does not take away the definitions that were imported before. Raises StoreError."""
    known = {row.code: row for row in await store.ssic_rows(table.edition)}
    rows = [_with_known_texts(row, known.get(row.code)) for row in table.rows]
    codes = await store.replace_ssic(table.edition, rows)
    editions = await store.ssic_editions()
    done = SsicImported(
        edition=table.edition,
        codes=codes,
        by_level=dict(Counter(row.level for row in rows)),
        defined=sum(bool(row.definition) for row in rows),
        newest=editions[:1] == (table.edition,),
    )
    log.info("ssic_import", edition=done.edition, codes=done.codes, defined=done.defined)
    return done


def _with_known_texts(row: SsicRow, known: SsicRow | None) -> SsicRow:
    if known is None:
        return row
    return replace(
        row,
        definition=row.definition or known.definition,
        examples=row.examples or known.examples,
    )
