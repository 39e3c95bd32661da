"""The register's bulk file into the store, a portion at a time; an import that was interrupted
goes on where it stood."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from data411_mcp.domain.icp.acra import entity_fields, name_key
from data411_mcp.services.ports import Clock
from data411_mcp.services.ports.icp import AcraEntity, IcpStore

SHARED = ""  # the tenant of what belongs to nobody: no tenant has an empty name
PROGRESS = "acra_import"  # kind of document: the file's mark → how far it was read

log = structlog.get_logger(__name__)


class AcraRows(Protocol):
    @property
    def mark(self) -> str:
        """Names the file's content: another month's file has another one."""

    def portions(self, *, skip: int) -> AsyncIterator[Sequence[Mapping[str, str]]]:
        """Rows by column name, beginning after the first `skip`. Raises InvalidArgument."""


@dataclass(frozen=True, slots=True)
class AcraImported:
    rows: int  # of the file, those of an earlier call too
    written: int  # now
    skipped: int  # now: rows without UEN or name
    resumed_at: int  # row at which this call began
    complete: bool = True


async def import_acra(
    store: IcpStore, clock: Clock, source: AcraRows, *, again: bool = False
) -> AcraImported:
    """Every row by its UEN. A file that was read to its end is not read again unless asked to.
    Raises InvalidArgument, StoreError."""
    begun = 0 if again else await _rows_done(store, source.mark)
    done, written, skipped = begun, 0, 0
    async for portion in source.portions(skip=begun):
        entities = entities_of(portion)
        await store.add_acra(entities, keys=[name_key(entity.name) for entity in entities])
        done += len(portion)
        written += len(entities)
        skipped += len(portion) - len(entities)
        # After the rows: a crash in between writes a portion twice, which changes nothing.
        await _save(store, clock, source.mark, done)
    log.info("acra_import", rows=done, written=written, skipped=skipped, resumed_at=begun)
    return AcraImported(done, written, skipped, begun)


def entities_of(rows: Sequence[Mapping[str, str]]) -> list[AcraEntity]:
    found = (entity_fields(row) for row in rows)
    return [AcraEntity(**fields) for fields in found if fields is not None]


async def _rows_done(store: IcpStore, mark: str) -> int:
    progress = await store.document(SHARED, PROGRESS, mark)
    return int(json.loads(progress.text)["rows"]) if progress is not None else 0


async def _save(store: IcpStore, clock: Clock, mark: str, rows: int) -> None:
    await store.put_document(SHARED, PROGRESS, mark, json.dumps({"rows": rows}), at=clock.now())
