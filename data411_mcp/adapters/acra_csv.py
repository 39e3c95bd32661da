"""Reads a bulk CSV of the company register, a portion at a time: it has millions of rows."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

import anyio.to_thread

from data411_mcp.errors import InvalidArgument

PORTION_ROWS = 1000
FIELD_CHARS_MAX = 32_767
END_BYTES = 1_000_000
REQUIRED = frozenset({"uen", "entity_name"})
_HINT = 'Download "ACRA Information on Corporate Entities" of data.gov.sg as CSV.'

Portion = tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class AcraCsv:
    """Implements `AcraRows`. `mark` names this very file: its size, first rows and end."""

    path: Path
    mark: str

    async def portions(self, *, skip: int) -> AsyncIterator[Portion]:
        """Rows by column name, without the first `skip`. Raises InvalidArgument."""
        rows = _Rows(self.path)
        try:
            await anyio.to_thread.run_sync(rows.open, skip)
            while portion := await anyio.to_thread.run_sync(rows.next):
                yield portion
        finally:
            rows.close()


async def open_acra_csv(path: Path) -> AcraCsv:
    """Raises InvalidArgument where the file is no such CSV."""
    return AcraCsv(path, await anyio.to_thread.run_sync(_mark, path))


class _Rows:
    """Of one reading of the file, in whatever thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._rows: Iterator[Mapping[str, str]] = iter(())

    def open(self, skip: int) -> None:
        self._file = _opened(self._path)
        self._rows = _read(self._file)
        try:
            next(islice(self._rows, skip, skip), None)
        except (csv.Error, UnicodeDecodeError, OSError) as error:
            raise _unreadable() from error

    def next(self) -> Portion:
        try:
            return tuple(islice(self._rows, PORTION_ROWS))
        except (csv.Error, UnicodeDecodeError, OSError) as error:
            raise _unreadable() from error

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _mark(path: Path) -> str:
    with closing(_opened(path)) as file:
        try:
            head = [line[:FIELD_CHARS_MAX] for line in islice(file, 3)]
            names = {name.strip().casefold() for name in next(csv.reader(head), [])}
            size = path.stat().st_size
            end = _end(path, size)
        except (csv.Error, UnicodeDecodeError, OSError) as error:
            raise _unreadable() from error
    if not names >= REQUIRED:
        raise InvalidArgument("The file has no columns uen and entity_name.", _HINT)
    named = f"{size}\n{''.join(head)}".encode() + end
    return hashlib.sha256(named).hexdigest()[:16]


def _end(path: Path, size: int) -> bytes:
    """What another month's file of the same length has otherwise, most likely."""
    with path.open("rb") as file:
        file.seek(max(0, size - END_BYTES))
        return file.read()


def _opened(path: Path) -> TextIO:
    try:
        return path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise InvalidArgument("The file cannot be read.", "Check its path.") from error


def _read(file: TextIO) -> Iterator[Mapping[str, str]]:
    rows = csv.reader(file)
    names = [name.strip().casefold() for name in next(rows, [])]
    for row in rows:
        yield dict(zip(names, row, strict=False))  # a short row lacks its last columns


def _unreadable() -> InvalidArgument:
    return InvalidArgument("The file is no UTF-8 CSV that can be read to its end.", _HINT)
