"""Stored bytes → `Document`: canonical text, and a map of it. Deterministic and versioned.

A proof finds its quote in this text again, months later, so the text of a decoder never changes:
a better rule is a new decoder version. Never raises, whatever the bytes are.

One visible line is one `Block`. A line ends at a block element, a table cell or `<br>`; inline
elements join without a space of their own. What a reader cannot see is left out: `hidden`,
display:none, visibility:hidden, opacity:0, font-size:0, text of its background's colour, text
moved off the screen, scripts, templates, comments, form controls, invisible characters.
Of hidden links to the same host the address is kept, without its text.
An address that Cloudflare scrambled (`data-cfemail`) is given as a browser shows it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from data411_mcp.domain.extract.charset import decode_text, is_binary, without_surrogates
from data411_mcp.domain.extract.document import Block, Document
from data411_mcp.domain.extract.draft import Draft, clean_line
from data411_mcp.domain.extract.markdown import is_reader_text, markdown_document
from data411_mcp.domain.extract.screen_readers import screen_reader_stretches
from data411_mcp.domain.extract.structured import absolute, structured_values, tag_set
from data411_mcp.domain.extract.tech import technology_rows
from data411_mcp.domain.extract.visibility import Hiding, Sheet, read_sheet

SOURCE_CHARS_MAX = 3_000_000
PATH_WORDS_MAX = 24
DEPTH_MAX = 10_000  # elements open at once

_TAG = re.compile(r"<(/?)([a-z][a-z0-9]{0,20})", re.IGNORECASE)

_INLINE_TAGS = tag_set(
    "a abbr acronym area b bdi bdo big cite code data del dfn em font i img input ins kbd label"
    " map mark nobr q s samp small span strike strong sub sup time tt u var wbr"
)
_SILENT_TAGS = tag_set(
    "head script style template noscript noembed noframes svg math iframe object embed applet"
    " audio video canvas select datalist textarea param source track title"
)
_LANDMARKS = tag_set(
    "header main aside footer nav article section address form table dl ul ol blockquote figure"
    " h1 h2 h3 h4 h5 h6 li td th dt dd p"
)
_NEVER_DEEP = tag_set(  # void elements, and those that the next one of their kind closes
    "area base br col embed hr img input link meta param source track wbr p li dt dd option tr td"
    " th"
)


def decode(body: bytes, *, content_type: str, url: str) -> Document:
    """`body` as it was stored, `content_type` the header's value (may be empty), `url` the page's
    own address, on which links are resolved. Total: binary or broken input gives a `Document`
    with little or no text."""
    if is_binary(body):
        return document_from_text("", url=url)
    source = decode_text(body, content_type)[:SOURCE_CHARS_MAX]
    media = content_type.partition(";")[0].strip().casefold()
    if media.endswith("json") or (not media and _is_json(source)):
        return json_document(source, url)
    if media in {"text/markdown", "text/x-markdown"} or is_reader_text(source):
        return markdown_document(source, url)
    if media == "text/plain" or (not media and "<" not in source[:2000]):
        return document_from_text(source, url=url)
    return html_document(source, url)


def document_from_text(text: str, *, url: str) -> Document:
    """Decoder "text/1": only the visible text is known; its first line stands for the title."""
    draft = Draft()
    for line in text.splitlines():
        draft.add_line(line, "p", "")
    title = draft.lines[0] if draft.lines else ""
    return draft.document(url=url, decoder="text/1", title=title)


def json_document(source: str, url: str) -> Document:
    """Decoder "json/1": the text is the body as it is."""
    text = without_surrogates(source)
    blocks = (Block(0, len(text), "pre"),) if text else ()
    return Document(url=url, text=text, decoder="json/1", visible_end=len(text), blocks=blocks)


def _is_json(source: str) -> bool:
    if source.lstrip()[:1] not in {"{", "["}:
        return False
    try:
        json.loads(source)
    except (ValueError, RecursionError):
        return False
    return True


def html_document(source: str, url: str) -> Document:
    """Decoder "html/1"."""
    tree = LexborHTMLParser(_shallow(without_surrogates(source)))
    base_node = tree.css_first("base[href]")
    base = absolute(url, base_node.attributes.get("href") or "") if base_node is not None else ""
    base = base or url
    draft = Draft()
    if tree.body is not None:
        _Walk(draft, base, read_sheet(tree)).run(tree.body)
    root = tree.root
    scripts = _scripts(tree, base)
    title = tree.css_first("head title")
    generator = tree.css_first("meta[name=generator i]")
    document = draft.document(
        url=url,
        decoder="html/1",
        title=title.text() if title is not None else "",
        lang=clean_line((root.attributes.get("lang") or "") if root is not None else "")[:20],
        rows=[*structured_values(tree, base), *technology_rows(scripts)],
        generator=clean_line(
            (generator.attributes.get("content") or "") if generator is not None else ""
        ),
        scripts=scripts,
    )
    hidden = screen_reader_stretches(tree, document.text, document.visible_end, document.links)
    return replace(document, screen_reader_only=hidden) if hidden else document


def _shallow(source: str) -> str:
    """`source` up to where more elements stand open than any page has: the parser's time grows
    with the square of the depth."""
    if source.count("<") < DEPTH_MAX:
        return source
    depth = 0
    for tag in _TAG.finditer(source):
        if tag.group(2).casefold() not in _NEVER_DEEP:
            depth = max(0, depth - 1) if tag.group(1) else depth + 1
            if depth > DEPTH_MAX:
                return source[: tag.start()]
    return source


def _scripts(tree: LexborHTMLParser, base: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for node in tree.css("script[src], link[rel=stylesheet i][href], iframe[src]"):
        address = node.attributes.get("src") or node.attributes.get("href") or ""
        if resolved := clean_line(absolute(base, address)):
            found.setdefault(resolved)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Scope:
    """What an element hands down to its children."""

    tag: str
    path: tuple[str, ...]
    hiding: Hiding


@dataclass(slots=True)
class _Anchor:
    """The link being read. `label` is its name when it has no text of its own."""

    href: str
    label: str
    pieces: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Level:
    """The next sibling to visit, the scope around it, and what ends after the last sibling."""

    node: LexborNode | None
    scope: _Scope
    ends_line: bool
    ends_anchor: bool


class _Walk:
    """One pass over the body, without recursion: pages nest thousands of elements deep."""

    def __init__(self, draft: Draft, base: str, sheet: Sheet) -> None:
        self.draft = draft
        self.base = base
        self.sheet = sheet
        self.line: list[str] = []
        self.line_scope: _Scope | None = None  # of the line's first text that is not blank
        self.anchor: _Anchor | None = None

    def run(self, body: LexborNode) -> None:
        scope = _Scope("body", (), Hiding().inside(body.attributes, self.sheet, "body"))
        stack = [_Level(body.first_child, scope, ends_line=True, ends_anchor=False)]
        while stack:
            level = stack[-1]
            node = level.node
            if node is None:
                stack.pop()
                if level.ends_anchor:
                    self._close_anchor()
                if level.ends_line:
                    self._break_line()
                continue
            level.node = node.next
            if node.is_text_node:
                self._text(node.text_content or "", level.scope)
            elif node.is_element_node and (inner := self._enter(node, level.scope)) is not None:
                stack.append(inner)

    def _enter(self, node: LexborNode, scope: _Scope) -> _Level | None:
        tag = node.tag or ""
        if tag in ("br", "hr"):
            self._break_line()
            return None
        if tag in _SILENT_TAGS:
            return None
        attributes = node.attributes
        hiding = scope.hiding.inside(attributes, self.sheet, tag)
        if hiding.gone:
            self._hidden_links(node)
            return None
        inline = tag in _INLINE_TAGS
        if inline:
            inner = scope if hiding is scope.hiding else _Scope(scope.tag, scope.path, hiding)
        else:
            self._break_line()
            inner = _Scope(tag, _inner_path(scope.path, tag, attributes), hiding)
        if tag == "img":
            self._name_anchor(attributes)
            return None
        is_anchor = tag in ("a", "area")
        if is_anchor:
            self._open_anchor(attributes)
        level = _Level(node.first_child, inner, ends_line=not inline, ends_anchor=is_anchor)
        if scrambled := attributes.get("data-cfemail"):
            self._text(unscramble(scrambled), inner)
            level.node = None  # the placeholder text that scripts replace
        return level

    def _text(self, text: str, scope: _Scope) -> None:
        if scope.hiding.unseen:
            return
        self.line.append(text)
        if self.line_scope is None and not text.isspace():
            self.line_scope = scope
        if self.anchor is not None:
            self.anchor.pieces.append(text)

    def _break_line(self) -> None:
        if self.line_scope is not None:
            scope = self.line_scope
            self.draft.add_line("".join(self.line), scope.tag, " ".join(scope.path))
            self.line_scope = None
        self.line.clear()
        if self.anchor is not None:
            self.anchor.pieces.append(" ")

    def _open_anchor(self, attributes: dict[str, str | None]) -> None:
        href = (attributes.get("href") or "").strip()
        lowered = href.casefold()
        if not href or lowered.startswith(("#", "javascript:", "data:", "about:", "blob:")):
            return
        if "/cdn-cgi/l/email-protection" in lowered:
            href = "mailto:" + unscramble(
                href.partition("#")[2] or attributes.get("data-cfemail") or ""
            )
        elif not lowered.startswith(("mailto:", "tel:")):
            href = absolute(self.base, href)
        if href and href != "mailto:":
            names = (attributes.get(key) for key in ("aria-label", "title", "alt"))
            label = next((name for name in names if name), "")
            self.anchor = _Anchor(href, label)

    def _close_anchor(self) -> None:
        if self.anchor is not None:
            text = clean_line("".join(self.anchor.pieces))
            self.draft.add_link(text or self.anchor.label, self.anchor.href)
            self.anchor = None

    def _hidden_links(self, node: LexborNode) -> None:
        """Menus fold their links away until the mouse comes. Where to go next is kept, for pages
        of the same host; what the hidden text says is not."""
        host = urlsplit(self.base).netloc
        for anchor in node.css("a[href]"):
            href = absolute(self.base, anchor.attributes.get("href") or "")
            if host and href.startswith("http") and urlsplit(href).netloc == host:
                self.draft.add_link("", href)

    def _name_anchor(self, attributes: dict[str, str | None]) -> None:
        """A link that is only a picture is called what the picture is called."""
        if self.anchor is not None and attributes.get("alt"):
            self.anchor.label = attributes["alt"] or ""


def _inner_path(
    path: tuple[str, ...], tag: str, attributes: dict[str, str | None]
) -> tuple[str, ...]:
    words = [tag] if tag in _LANDMARKS else []
    for key in ("id", "class"):
        words += (attributes.get(key) or "").casefold().split()[:4]
    return (*path, *words)[-PATH_WORDS_MAX:] if words else path


def unscramble(code: str) -> str:
    """Cloudflare's e-mail protection: hex; the first byte is XORed over the others."""
    try:
        key, *rest = bytes.fromhex(code.strip())
    except ValueError:
        return ""
    return bytes(byte ^ key for byte in rest).decode("utf-8", "replace")
