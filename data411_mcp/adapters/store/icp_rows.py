"""Rows of the ICP finder's tables as values, and back."""

from __future__ import annotations

import json
from datetime import date

from data411_mcp.adapters.store.rows import columns, record
from data411_mcp.adapters.store.sql import Row
from data411_mcp.services.ports.icp import AcraEntity, Document, SsicRow, ThreadRow


def thread_of(row: Row) -> ThreadRow:
    return record(ThreadRow, row)


def document_of(row: Row) -> Document:
    return record(Document, row)


def ssic_of(row: Row) -> SsicRow:
    return record(SsicRow, row)


def entity_columns(entity: AcraEntity, name_key: str) -> dict[str, object]:
    """A register's row as query parameters."""
    incorporated = entity.incorporated.isoformat() if entity.incorporated is not None else None
    return columns(entity) | {
        "name_key": name_key,
        "incorporated": incorporated,
        "former_names": json.dumps(entity.former_names, ensure_ascii=False),
    }


def entity_of(row: Row) -> AcraEntity:
    day = row["incorporated"]
    return record(
        AcraEntity,
        row,
        incorporated=date.fromisoformat(day) if day is not None else None,
        former_names=tuple(json.loads(row["former_names"])),
    )
