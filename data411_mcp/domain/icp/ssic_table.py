"""The official SSIC table out of the cells of a sheet: which columns are which, the edition, and
what a code's level is. The cells are somebody else's file, so nothing about them is taken for
granted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

LEVELS = {1: "section", 2: "division", 3: "group", 4: "class", 5: "subclass"}
HEAD_ROWS = 15  # the header stands among the first rows
TEXT_CHARS_MAX = 8_000  # of a definition
ROWS_MAX = 10_000
SUBCLASSES_MIN = 3  # fewer are no table
_EDITION = re.compile(r"\bSSIC\s*(?:Version\s*)?((?:19|20)\d\d\s?[A-Z]?)\b", re.IGNORECASE)
_LONG_EDITION = re.compile(r"Industrial Classification\D{0,20}((?:19|20)\d\d[A-Z]?)", re.IGNORECASE)
_CODE = re.compile(r"[A-Za-z]|\d{1,5}")
_BLANK = frozenset({"", "<blank>", "na", "n.a.", "-"})

Cells = Sequence[object]


@dataclass(frozen=True, slots=True)
class CodeRow:
    code: str
    level: str
    title: str
    definition: str
    examples: str


@dataclass(frozen=True, slots=True)
class _Columns:
    code: int
    title: int
    definition: int | None
    examples: int | None
    level: int | None


def read_table(rows: Iterable[Cells], *, named: str = "") -> tuple[str, tuple[CodeRow, ...]] | None:
    """(edition, rows in their order) of a sheet, None where it is no SSIC table. `named` is what
    else may say the edition: the sheet's and the file's name. A code that comes twice counts
    once."""
    cells = iter(rows)
    head: list[Cells] = []
    columns = None
    for row in cells:
        head.append(row)
        columns = _columns(row)
        if columns is not None or len(head) >= HEAD_ROWS:
            break
    if columns is None:
        return None
    found: dict[str, CodeRow] = {}
    for code in _codes(cells, columns):
        found.setdefault(code.code, code)
        if len(found) > ROWS_MAX:
            return None
    if sum(row.level == "subclass" for row in found.values()) < SUBCLASSES_MIN:
        return None
    said = [_text(cell) for row in head for cell in row]
    return edition_of(*said, named), tuple(found.values())


def edition_of(*texts: str) -> str:
    """The first edition that a text names; "" where none does."""
    for pattern in (_EDITION, _LONG_EDITION):
        for text in texts:
            if found := pattern.search(text.replace("_", " ").replace("-", " ")):
                return found[1].replace(" ", "").upper()
    return ""


def _columns(row: Cells) -> _Columns | None:
    """Where the columns are, if this row is the header."""
    names = [_text(cell).casefold() for cell in row]

    def first(*wanted: str, but: str = "\0") -> int | None:
        return next(
            (i for i, n in enumerate(names) if any(w in n for w in wanted) and but not in n), None
        )

    title = first("title", "description")
    code = next(
        (i for i, n in enumerate(names) if n == "code" or re.fullmatch(r"ssic ?\d{4} ?[a-z]?", n)),
        None,
    )
    if code is None:
        code = first("code", but="under this code")
    if code is None or title is None or code == title:
        return None
    return _Columns(code, title, first("definition"), first("example"), first("level"))


def _codes(rows: Iterable[Cells], columns: _Columns) -> Iterator[CodeRow]:
    for row in rows:
        code, title = _code(row, columns), _text(_cell(row, columns.title))
        if code and title:
            yield CodeRow(
                code,
                LEVELS[len(code)],
                title[:500],
                _text(_cell(row, columns.definition)),
                _text(_cell(row, columns.examples)),
            )


def _code(row: Cells, columns: _Columns) -> str:
    """The code; zeros that a spreadsheet took from a number are put back where the level says how
    long it is."""
    text = _text(_cell(row, columns.code)).removesuffix(".0").upper()
    if not _CODE.fullmatch(text) or not text.isascii():
        return ""
    level = _text(_cell(row, columns.level)).casefold().replace("-", "")
    lengths = {name: length for length, name in LEVELS.items()}
    if text.isdigit():
        text = text.zfill(lengths.get(level, len(text)))
    return "" if text.isdigit() and len(text) == 1 else text


def _cell(row: Cells, column: int | None) -> object:
    return row[column] if column is not None and column < len(row) else None


def _text(cell: object) -> str:
    """Lines are kept: definitions are lists. What the file calls blank is empty."""
    if cell is None:
        return ""
    lines = (" ".join(line.split()) for line in str(cell)[:TEXT_CHARS_MAX].splitlines())
    text = "\n".join(line for line in lines if line)
    return "" if text.casefold() in _BLANK else text
