"""Markdown, and the text of reader services, → `Document`, decoder "markdown/1"."""

from __future__ import annotations

import re

from data411_mcp.domain.extract.document import Document
from data411_mcp.domain.extract.draft import Draft, clean_line
from data411_mcp.domain.extract.structured import absolute

_READER_HEAD = re.compile(r"\ATitle: .*\n+URL Source: ", re.IGNORECASE)
_READER_FIELD = re.compile(r"(Title|URL Source|Published Time|Warning|Number of Pages): ?(.*)\Z")
_IMAGE = re.compile(r"!\[([^\]\n]{0,500})\]\([^()\n]{0,4000}(?:\([^()\n]*\)[^()\n]{0,2000})?\)")
_LINK = re.compile(
    r"\[([^\[\]]{0,1000})\]\(\s*<?((?:[^()\s<>]|\([^()\s]*\)){1,4000})>?"
    r"(?:\s+[\"'(][^\n]{0,500}?[\"')])?\s*\)"
)
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^<>\s]{1,2000})>")
_HEADING = re.compile(r"\s{0,3}(#{1,6})\s+(.*?)\s*#*\Z")
_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,3}[.)])\s+(.*)\Z")
_RULE = re.compile(r"\s*(?:[-*_=]\s*){3,}\Z")
_TABLE_RULE = re.compile(r"\s*\|?\s*:?-{2,}[\s|:-]*\Z")
_EMPHASIS = re.compile(r"(\*{1,3}|(?<!\w)_{1,3})(?=\S)(.{1,200}?)(?<=\S)\1(?!\w)")
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+.!|>~-])")


def is_reader_text(source: str) -> bool:
    return _READER_HEAD.match(source) is not None


def markdown_document(source: str, url: str) -> Document:
    """Decoder "markdown/1": Markdown without its marks, in the shape of an HTML page. The head
    lines of Jina Reader (`Title`, `URL Source`, `Published Time`, …) are not page text."""
    title, lines = _without_reader_head(source)
    draft = Draft()
    for line in lines:
        _markdown_line(line, draft, url)
    return draft.document(
        url=url,
        decoder="markdown/1",
        title=title or (draft.lines[0] if draft.lines else ""),
        rows=[(1, "meta.title", title)] if clean_line(title) else None,
    )


def _without_reader_head(source: str) -> tuple[str, list[str]]:
    lines = source.splitlines()
    title = ""
    if not is_reader_text(source):
        return title, lines
    for number, line in enumerate(lines[:40]):
        if line.startswith("Markdown Content:"):
            return title, [line[len("Markdown Content:") :], *lines[number + 1 :]]
        head = _READER_FIELD.match(line)
        if head is not None and head.group(1) == "Title":
            title = head.group(2)
        if head is None and line.strip():
            return title, lines[number:]
    return title, lines


def _markdown_line(line: str, draft: Draft, url: str) -> None:
    if _RULE.match(line) or _TABLE_RULE.match(line):
        return

    def link(match: re.Match[str]) -> str:
        href = match.group(2)
        if not href.startswith("#") and not href.casefold().startswith("javascript:"):
            mail_or_phone = href.casefold().startswith(("mailto:", "tel:"))
            resolved = href if mail_or_phone else absolute(url, href)
            if resolved:
                draft.add_link(_unmarked(match.group(1)), resolved)
        return match.group(1)

    tag, rest = "p", line
    if heading := _HEADING.match(line):
        tag, rest = f"h{len(heading.group(1))}", heading.group(2)
    elif item := _ITEM.match(line):
        tag, rest = "li", item.group(1)
    elif line.lstrip().startswith(">"):
        tag, rest = "blockquote", line.lstrip().lstrip("> ")
    rest = _IMAGE.sub(lambda match: match.group(1) if "](" in line else "", rest)
    rest = _AUTOLINK.sub(lambda match: f"[{match.group(1)}]({match.group(1)})", rest)
    rest = _unmarked(_LINK.sub(link, rest))
    is_row = rest.strip().startswith("|")
    for cell in rest.strip().strip("|").split("|") if is_row else [rest]:
        draft.add_line(cell, "td" if is_row else tag, "")


def _unmarked(text: str) -> str:
    text = _EMPHASIS.sub(r"\2", _EMPHASIS.sub(r"\2", text))
    return _ESCAPE.sub(r"\1", text.replace("`", ""))
