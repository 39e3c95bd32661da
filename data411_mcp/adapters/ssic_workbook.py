"""Reads the official SSIC file: the detailed definitions or the structure, as workbook or CSV.

The file is the operator's download, and treated like anybody's: what it unpacks to is counted
before it is unpacked, and no cell is run or followed.
"""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

from data411_mcp.domain.icp.ssic_table import CodeRow, read_table
from data411_mcp.errors import InvalidArgument
from data411_mcp.services.ports.icp import SsicRow, SsicTable

FILE_BYTES_MAX = 20_000_000
UNPACKED_BYTES_MAX = 100_000_000
MEMBERS_MAX = 500
RATIO_MAX = 200  # unpacked to packed, of one member; text of a table packs by ten
RATIO_FREE_BYTES = 1_000_000  # a small member may pack as well as it likes
ROWS_MAX = 20_000
COLUMNS_MAX = 50
CELL_CHARS_MAX = 32_767  # what a spreadsheet's cell can hold
_HINT = "Download the SSIC workbook (detailed definitions or structure) of SingStat, or its CSV."

Sheet = tuple[str, list[tuple[object, ...]]]


def read_ssic(path: Path) -> SsicTable:
    """The first sheet that is an SSIC table. Blocks: call it in a thread. Raises
    InvalidArgument."""
    body = _body(path)
    sheets = _workbook(body) if body[:2] == b"PK" else _csv(body)
    for title, rows in sheets:
        found = read_table(rows, named=f"{title} {path.stem}")
        if found is not None:
            edition, codes = found
            if not edition:
                raise InvalidArgument(
                    "The table does not say which edition it is.",
                    "Name the file after it, such as ssic2025.csv.",
                )
            return SsicTable(edition, tuple(_row(code) for code in codes))
    raise InvalidArgument("The file holds no table of SSIC codes and titles.", _HINT)


def _row(code: CodeRow) -> SsicRow:
    return SsicRow(code.code, code.level, code.title, code.definition, code.examples)


def _body(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            body = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise InvalidArgument("The file cannot be read.", "Check its path.") from error
    if len(body) > FILE_BYTES_MAX:
        raise InvalidArgument(f"The file is over {FILE_BYTES_MAX // 1_000_000} MB.", _HINT)
    if not body:
        raise InvalidArgument("The file is empty.", _HINT)
    return body


def _workbook(body: bytes) -> Iterator[Sheet]:
    _check_archive(body)
    import openpyxl  # slow to import, and only wanted here

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of print areas and the like
            book = openpyxl.load_workbook(
                io.BytesIO(body), read_only=True, data_only=True, keep_links=False
            )
            for sheet in book.worksheets:
                rows = sheet.iter_rows(max_row=ROWS_MAX, max_col=COLUMNS_MAX, values_only=True)
                yield sheet.title, [tuple(row) for row in rows]
    except InvalidArgument:
        raise
    except Exception as error:  # a broken workbook fails in any way there is
        raise InvalidArgument("The file is no workbook that can be read.", _HINT) from error


def _check_archive(body: bytes) -> None:
    """A workbook is a zip archive: small ones can unpack to more than there is memory for.
    Python's unpacking stops at the sizes that were declared, so those may be counted on."""
    try:
        members = zipfile.ZipFile(io.BytesIO(body)).infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InvalidArgument("The file is no workbook that can be read.", _HINT) from error
    bombs = [
        member
        for member in members
        if member.file_size > RATIO_FREE_BYTES
        and member.file_size > RATIO_MAX * max(1, member.compress_size)
    ]
    if (
        bombs
        or len(members) > MEMBERS_MAX
        or sum(member.file_size for member in members) > UNPACKED_BYTES_MAX
    ):
        raise InvalidArgument("The workbook unpacks to more than a table of codes needs.", _HINT)


def _csv(body: bytes) -> Iterator[Sheet]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidArgument("The file is neither a workbook nor UTF-8 text.", _HINT) from error
    if "\0" in text:
        raise InvalidArgument("The file is neither a workbook nor UTF-8 text.", _HINT)
    rows: list[tuple[object, ...]] = []
    try:
        for row in csv.reader(io.StringIO(text)):
            rows.append(tuple(row[:COLUMNS_MAX]))
            if len(rows) >= ROWS_MAX:
                break
    except csv.Error as error:
        raise InvalidArgument("The file is no CSV that can be read.", _HINT) from error
    yield "", rows
