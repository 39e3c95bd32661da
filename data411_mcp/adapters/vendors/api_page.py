"""A register's JSON row as stored evidence: values are read together with where they stand.

One page holds one record. A list answer is cut at its elements, each kept byte for byte, so that
what ties a row to a company can never be another company's row of the same answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from json.decoder import JSONDecodeError, JSONDecoder
from typing import Any

from data411_mcp.domain.evidence import Page
from data411_mcp.domain.graph import FieldName
from data411_mcp.errors import LookupFailed
from data411_mcp.services.ports import Clock, RegistryFact

JSON_TYPE = "application/json"
_DECODER = JSONDecoder()
_SPACE = " \t\n\r"
Step = str | int


def api_page(url: str, text: str, clock: Clock) -> Page:
    """The page of one record; `text` is the row (or rows, one a line) as the vendor wrote it."""
    body = text.encode("utf-8", "replace")
    from data411_mcp.domain.extract.record import record_page  # with the first row

    at = clock.now().isoformat()
    return record_page(body, url=url, content_type=JSON_TYPE, reader="api", fetched_at=at)


def body_text(body: bytes) -> str:
    """The JSON text of an answer. Raises LookupFailed("bad_reply") when it is no JSON."""
    text = body.decode("utf-8-sig", "replace")
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LookupFailed("bad_reply") from error
    return text


@dataclass(frozen=True, slots=True)
class Located:
    """A JSON value; `start` is at its key (or at itself in a list), `end` after it."""

    value: Any
    start: int
    value_start: int
    end: int


def locate(text: str, *path: Step, at: int = 0) -> Located | None:
    """The value at a path of keys and indexes in the JSON text that begins at `at`.

    Only what stands before the value is read: a filer's long list of filings costs nothing.
    """
    try:
        start = at = _skip(text, at)
        for wanted in path:
            found = next(((k, v) for step, k, v in _members(text, at) if step == wanted), None)
            if found is None:
                return None
            start, at = found
        value, end = _DECODER.raw_decode(text, at)
    except (JSONDecodeError, RecursionError, IndexError):
        return None
    return Located(value, start, at, end)


def elements(text: str, *path: Step) -> tuple[str, ...]:
    """The raw texts of the elements of the list at a path; empty when it is no list."""
    found = locate(text, *path)
    if found is None or not isinstance(found.value, list):
        return ()
    starts = [value_at for _, _, value_at in _members(text, found.value_start)]
    return tuple(text[at : _DECODER.raw_decode(text, at)[1]] for at in starts)


def _skip(text: str, at: int) -> int:
    while text[at] in _SPACE:
        at += 1
    return at


def _members(text: str, at: int) -> Iterator[tuple[Step, int, int]]:
    """(key or index, where it begins, where its value begins) of an object or a list."""
    opening, index = text[at], 0
    if opening not in "{[" or text[_skip(text, at + 1)] in "]}":
        return
    while text[at] not in "]}":
        start = value_at = _skip(text, at + 1)
        step: Step = index
        if opening == "{":
            step, colon = _DECODER.raw_decode(text, start)
            value_at = _skip(text, _skip(text, colon) + 1)
        yield step, start, value_at
        at = _skip(text, _DECODER.raw_decode(text, value_at)[1])
        index += 1


@dataclass
class FactReader:
    """Collects facts of one record's text. `at` is where the row begins that paths refer to."""

    text: str
    at: int = 0
    facts: list[RegistryFact] = field(default_factory=list)

    def text_at(self, *path: Step) -> str:
        """The string (or number as text) at a path, stripped; "" when there is none."""
        found = locate(self.text, *path, at=self.at)
        if found is None or isinstance(found.value, bool):
            return ""
        return str(found.value).strip() if isinstance(found.value, str | int | float) else ""

    def add(
        self,
        field: FieldName,
        *path: Step,
        value: str | None = None,
        kind: str | None = None,
        person: str | None = None,
    ) -> None:
        """Adds a fact whose quote is `"key":value` at the path; nothing when the value is empty.

        `value` is the normalised form where it differs from what stands there.
        """
        found = locate(self.text, *path, at=self.at)
        value = self.text_at(*path) if value is None else value
        if found is None or not value:
            return
        self.facts.append(RegistryFact(field.value, value, found.start, found.end, kind, person))
