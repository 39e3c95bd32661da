"""Finding a quote again in a page's canonical text, and reading a value out of it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from data411_mcp.domain.extract.document import Span

QUOTE_MAX = 400  # code points of a quote that is kept
_SAME = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "\u00a0": " "})

_RUN = re.compile(r"\S+")
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class _Folded:
    """Text folded for comparing, with the offset of each folded character in the original."""

    text: str
    offsets: tuple[int, ...]


def _fold(text: str) -> _Folded:
    out: list[str] = []
    offsets: list[int] = []

    def space(at: int) -> None:
        if out and out[-1][-1] != " ":
            out.append(" ")
            offsets.append(at)

    end = 0
    for run in _RUN.finditer(text):
        start, stop = run.span()
        if start > end:
            space(end)
        end = stop
        if run.group().isascii():
            out.append(run.group().lower())
            offsets.extend(range(start, stop))
            continue
        for i, char in enumerate(run.group(), start):
            folded = unicodedata.normalize("NFKC", char.translate(_SAME)).casefold()
            if folded.strip():
                out.append(folded)
                offsets.extend([i] * len(folded))
            else:
                space(i)
    if end < len(text):
        space(end)
    return _Folded("".join(out), tuple(offsets))


def find_quote(text: str, quote: str, *, near: int | None = None) -> Span | None:
    """Where the quote stands in the text; spacing, case and typographic quotes may differ.

    With several hits the one closest to `near` is taken, else the first.
    """
    quote = quote.strip()
    if not quote:
        return None
    at = text.find(quote)
    if at >= 0 and near is None:
        return Span(at, at + len(quote))
    folded, wanted = _fold(text), _fold(quote).text.strip()
    if not wanted:
        return None
    hits = [m.start() for m in re.finditer(re.escape(wanted), folded.text)]
    if not hits:
        return None
    spans = [Span(folded.offsets[h], folded.offsets[h + len(wanted) - 1] + 1) for h in hits]
    return spans[0] if near is None else min(spans, key=lambda s: abs(s.start - near))


def line_around(text: str, span: Span, *, limit: int = QUOTE_MAX) -> Span:
    """The whole line (or lines) of a span, cut to `limit` code points around it."""
    start = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.end)
    end = len(text) if end < 0 else end
    if end - start <= limit:
        return Span(start, end)
    spare = max(0, limit - (span.end - span.start)) // 2
    return Span(max(start, span.start - spare), min(end, span.end + spare))


def lines_around(text: str, span: Span, lines: int) -> str:
    """The text of a span with so many lines before and after it."""
    start = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", max(span.start, span.end - 1))
    end = len(text) if end < 0 else end
    for _ in range(lines):
        start = text.rfind("\n", 0, max(0, start - 1)) + 1
        following = text.find("\n", end + 1)
        end = len(text) if following < 0 else following
    return text[start:end]


LABEL_WORDS_MAX = 3


def says_more_than_a_label(line: str) -> bool:
    """The line holds more than a label or two beside its numbers and addresses: it speaks of
    something, perhaps of somebody whose name we do not know."""
    bare = re.sub(r"\S+@\S+|https?://\S+|[\d+().\-/]+", " ", line)
    return len(re.findall(r"[^\W\d_]{2,}", bare)) > LABEL_WORDS_MAX


def words(text: str) -> list[str]:
    """Folded words: letters and digits without diacritics."""
    if not text.isascii():
        plain = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in plain if not unicodedata.combining(c))
    return _WORD.findall(text.casefold())


def holds_words(text: str, value: str, *, share: float = 1.0) -> bool:
    """The text holds the value's words (at least `share` of them), in any order."""
    wanted = words(value)
    if not wanted:
        return False
    have = set(words(text))
    return sum(w in have for w in wanted) >= share * len(wanted)


def sentence_around(text: str, span: Span) -> str:
    """The sentence of a span, within its line."""
    line = line_around(text, span, limit=4 * QUOTE_MAX)
    start, end = line.start, line.end
    for stop in re.finditer(r"[.!?](?=\s)", text[line.start : line.end]):
        at = line.start + stop.end()
        if at <= span.start:
            start = at
        elif at >= span.end:
            end = at
            break
    return text[start:end]


def holds_sequence(text: str, value: str) -> bool:
    """The text holds the value's words one after the other."""
    wanted = words(value)
    if not wanted:
        return False
    return f" {' '.join(wanted)} " in f" {' '.join(words(text))} "
