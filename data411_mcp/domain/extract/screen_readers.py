"""Text that a page shows to screen readers alone (`sr-only`, `visually-hidden`, …).

Most of it helps people (`Phone:`, `Skip to content`). Contact data or orders in it are nothing
that a visitor of the page has seen: such stretches are set apart.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from selectolax.lexbor import LexborHTMLParser

from data411_mcp.domain.extract.document import Link, Span
from data411_mcp.domain.extract.draft import clean_line
from data411_mcp.domain.extract.instructions import is_instruction

PIECES_MAX = 100
PIECE_CHARS_MIN = 4

_CLASSES = (
    "sr-only", "visually-hidden", "visuallyhidden", "screen-reader-text", "screen-reader-only",
    "screenreader-only", "u-visually-hidden", "a11y-hidden", "show-for-sr", "hidden-visually",
    "element-invisible", "assistive-text", "screen-reader", "off-screen", "offscreen",
)  # fmt: skip
_ELEMENTS = ", ".join(f'[class~="{name}" i]' for name in _CLASSES)
_CONTACT = re.compile(r"\d(?:[\s().\-/]*\d){6,}|[\w.+-]+@[\w-]+\.[\w.-]+")


def screen_reader_stretches(
    tree: LexborHTMLParser, text: str, visible_end: int, links: Iterable[Link]
) -> tuple[Span, ...]:
    """Stretches of the canonical `text`. What also stands where everybody sees it is left out."""
    pieces: Counter[str] = Counter()
    hrefs: set[str] = set()
    for node in tree.css(_ELEMENTS):
        said = clean_line(node.text(separator=" "))
        hidden = {a.attributes.get("href") or "" for a in node.css("a[href]")}
        hidden |= {node.attributes.get("href") or ""} if node.tag == "a" else set()
        contacts = {h for h in hidden if h.casefold().startswith(("tel:", "mailto:"))}
        if not contacts and not _CONTACT.search(said) and not is_instruction(said):
            continue
        hrefs |= {clean_line(h).replace(" ", "%20") for h in contacts}
        for piece in node.text(separator="\n").splitlines():
            if len(clean_line(piece)) >= PIECE_CHARS_MIN and len(pieces) < PIECES_MAX:
                pieces[clean_line(piece)] += 1
    spans = [s for piece, count in pieces.items() for s in _only(piece, count, text, visible_end)]
    spans += [Span(x.start, x.end) for x in links if x.href in hrefs]
    return tuple(sorted(spans, key=lambda s: s.start))


def _only(piece: str, count: int, text: str, visible_end: int) -> list[Span]:
    """Every place of the piece in the visible text, unless there are more of them than elements
    that hide it."""
    found: list[Span] = []
    at = text.find(piece, 0, visible_end)
    while at >= 0 and len(found) <= count:
        found.append(Span(at, at + len(piece)))
        at = text.find(piece, at + len(piece), visible_end)
    return found if len(found) <= count else []
