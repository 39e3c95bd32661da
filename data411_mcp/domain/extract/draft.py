"""Canonical text while it grows: visible lines, then links, then structured values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from data411_mcp.domain.extract.document import Block, Document, Link, StructuredValue
from data411_mcp.domain.extract.page_date import page_date

LINKS_LINE = "== links =="
STRUCTURED_LINE = "== structured =="
LINKS_MAX = 2000

_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)


def clean_line(text: str) -> str:
    """Invisible characters out, whitespace collapsed."""
    return " ".join(_INVISIBLE.sub("", text).split())


@dataclass(slots=True)
class Draft:
    """The canonical text as it grows; `document` freezes it."""

    lines: list[str] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    links: dict[tuple[str, str], None] = field(default_factory=dict)
    length: int = 0

    def add_line(self, raw: str, tag: str, path: str) -> None:
        line = clean_line(raw)
        if line:
            self.blocks.append(Block(self.length, self.length + len(line), tag, path))
            self._append(line)

    def add_link(self, text: str, href: str) -> None:
        if len(self.links) < LINKS_MAX:
            self.links.setdefault((clean_line(text), clean_line(href).replace(" ", "%20")))

    def _append(self, line: str) -> int:
        start = self.length
        self.lines.append(line)
        self.length += len(line) + 1  # the newline
        return start

    def document(
        self,
        *,
        url: str,
        decoder: str,
        title: str = "",
        lang: str = "",
        rows: list[tuple[int, str, str]] | None = None,
        generator: str = "",
        scripts: tuple[str, ...] = (),
    ) -> Document:
        visible_end = max(self.length - 1, 0)
        links: list[Link] = []
        if self.links:
            self._append(LINKS_LINE)
        for text, href in self.links:
            line = f"[{text}]({href})"
            start = self._append(line)
            links.append(Link(text, href, start, start + len(line)))
        values: list[StructuredValue] = []
        cleaned = [(item, clean_line(path), clean_line(value)) for item, path, value in rows or ()]
        if cleaned:
            self._append(STRUCTURED_LINE)
        for item, path, value in cleaned:
            line = f"{path}: {value}"
            start = self._append(line)
            values.append(StructuredValue(item, path, value, start, start + len(line)))
        text = "\n".join(self.lines)
        return Document(
            url=url,
            text=text,
            decoder=decoder,
            visible_end=min(visible_end, len(text)),
            title=clean_line(title),
            lang=lang,
            blocks=tuple(self.blocks),
            links=tuple(links),
            structured=tuple(values),
            generator=generator,
            scripts=scripts,
            modified=page_date(text[:visible_end], values),
        )
