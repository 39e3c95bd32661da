"""How much of a page the readers are given.

Reading is work on the processor: a page of millions of characters would hold it for many seconds.
The canonical text stays whole; the readers get a shorter copy, and what they find is put back to
where it stands in the whole text.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace

from data411_mcp.domain.extract.document import Document, Fact, PageFacts, Span

VISIBLE_CHARS_MAX = 140_000
LINKS_CHARS_MAX = 30_000
STRUCTURED_CHARS_MAX = 30_000
LINE_CHARS_MAX = 8_000


@dataclass(frozen=True, slots=True)
class Reading:
    """The document to read, and for each of its kept stretches where it starts here and there."""

    document: Document
    here: tuple[int, ...]
    there: tuple[int, ...]

    def restored(self, facts: PageFacts) -> PageFacts:
        """The facts with offsets in the whole text; one that would span a cut is left out."""
        if self.here == (0,):
            return facts
        return replace(
            facts,
            facts=tuple(f for f in map(self._fact, facts.facts) if f is not None),
            not_ours=tuple(f for f in map(self._fact, facts.not_ours) if f is not None),
        )

    def _fact(self, fact: Fact) -> Fact | None:
        start = self._offset(fact.start)
        end = self._offset(max(fact.start, fact.end - 1)) + 1
        return replace(fact, start=start, end=end) if end - start == fact.end - fact.start else None

    def _offset(self, at: int) -> int:
        index = bisect_right(self.here, at) - 1
        return self.there[index] + at - self.here[index]


def for_reading(document: Document) -> Reading:
    """`document` itself where it is short enough; else without the ends of its longest lines and
    of its visible text, its links and its structured values."""
    limits = (VISIBLE_CHARS_MAX, LINKS_CHARS_MAX, STRUCTURED_CHARS_MAX)
    text = document.text
    if len(text) <= min(limits) and (len(text) <= LINE_CHARS_MAX or _short_lines(text)):
        return Reading(document, (0,), (0,))
    return _shortened(document, limits)


def _short_lines(text: str) -> bool:
    return max(map(len, text.split("\n"))) <= LINE_CHARS_MAX


def _shortened(document: Document, limits: tuple[int, int, int]) -> Reading:
    first_row = document.structured[0].start if document.structured else len(document.text) + 1
    left = list(limits)
    kept: list[str] = []
    moved: dict[int, tuple[int, int]] = {}  # start of a line there → its start and end here
    here, there = [0], [0]
    start = length = 0
    for line in document.text.split("\n"):
        part = 0 if start <= document.visible_end else 1 if start < first_row else 2
        size = min(len(line), LINE_CHARS_MAX)
        if size <= left[part] and (part == 0 or size == len(line)):
            left[part] -= size + 1
            kept.append(line[:size])
            if start - there[-1] != length - here[-1]:
                here.append(length)
                there.append(start)
            moved[start] = (length, length + size)
            length += size + 1
        else:
            left[part] = 0 if part == 0 else left[part]  # what comes later is cut, not skipped
        start += len(line) + 1
    text = "\n".join(kept)
    if len(text) == len(document.text):
        return Reading(document, (0,), (0,))
    blocks = tuple(
        replace(b, start=place[0], end=place[1])
        for b in document.blocks
        if (place := moved.get(b.start))
    )
    reading = replace(
        document,
        text=text,
        visible_end=blocks[-1].end if blocks else min(document.visible_end, len(text)),
        blocks=blocks,
        links=tuple(
            replace(x, start=place[0], end=place[1])
            for x in document.links
            if (place := moved.get(x.start))
        ),
        structured=tuple(
            replace(v, start=place[0], end=place[1])
            for v in document.structured
            if (place := moved.get(v.start))
        ),
        screen_reader_only=tuple(
            Span(at, at + s.end - s.start)
            for s in document.screen_reader_only
            if (at := _place_of(s, here, there, length)) is not None
        ),
    )
    return Reading(reading, tuple(here), tuple(there))


def _place_of(span: Span, here: list[int], there: list[int], length: int) -> int | None:
    """Where a stretch of the whole text starts in the shorter one; None when it was cut."""
    index = bisect_right(there, span.start) - 1
    place = here[index] + span.start - there[index]
    ends = here[index + 1] if index + 1 < len(here) else length
    return place if place + span.end - span.start <= ends else None
