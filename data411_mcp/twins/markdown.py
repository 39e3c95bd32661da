"""HTML to Markdown the way a reader service renders it.

Like the real service it keeps text that CSS hides, drops scripts, styles and structured data,
and numbers images. Headings use `#`, links are absolute.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_DROPPED = frozenset({"script", "style", "noscript", "template", "head", "iframe", "svg"})
_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "body", "dd", "details", "div", "dl", "dt"),
        *("fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "hr", "li"),
        *("main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "thead", "tr"),
        *("ul", "h1", "h2", "h3", "h4", "h5", "h6", "html"),
    }
)
_SPACE = re.compile(r"[ \t\r\n\f]+")
_BLANK = re.compile(r"\n{3,}")


@dataclass(frozen=True)
class Rendered:
    """`links` maps link text to address and `images` alt text to address, in page order."""

    title: str
    description: str
    lang: str
    markdown: str
    text: str
    links: dict[str, str]
    images: dict[str, str]


def render(html: str, url: str) -> Rendered:
    """Render a page; `url` is what relative addresses are resolved against."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(html)
    writer = _Writer(url)
    root = tree.body or tree.root
    if root is not None:
        writer.block(root)
    title = tree.css_first("title")
    description = tree.css_first('meta[name="description"]')
    language = tree.css_first("html")
    markdown = writer.finish()
    return Rendered(
        title=_SPACE.sub(" ", title.text()).strip() if title else "",
        description=(description.attributes.get("content") or "") if description else "",
        lang=(language.attributes.get("lang") or "") if language else "",
        markdown=markdown,
        text=re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", markdown),
        links=writer.links,
        images=writer.images,
    )


class _Writer:
    def __init__(self, url: str) -> None:
        self._url = url
        self._out: list[str] = []
        self._line: list[str] = []
        self.links: dict[str, str] = {}
        self.images: dict[str, str] = {}

    def finish(self) -> str:
        self._break()
        return _BLANK.sub("\n\n", "\n".join(self._out)).strip()

    def block(self, node: LexborNode) -> None:
        """Write a node's children; inline text gathers until a block ends it."""
        child = node.child
        while child is not None:
            self._node(child)
            child = child.next

    def _node(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag == "-text":
            self._line.append(node.text_content or "")
        elif tag in _DROPPED or tag.startswith(("-", "!")):
            return
        elif tag == "br":
            self._break(blank=False)
        elif tag == "hr":
            self._break()
            self._out += ["---", ""]
        elif tag == "img":
            self._image(node)
        elif tag == "a":
            self._link(node)
        elif tag == "table":
            self._break()
            self._table(node)
        elif tag in _BLOCKS:
            self._break()
            if tag[0] == "h" and tag[1:].isdigit():
                self._line.append("#" * int(tag[1:]) + " ")
            elif tag == "li":
                self._line.append("*   ")
            self.block(node)
            self._break(blank=tag != "li")
        else:
            self.block(node)

    def _break(self, *, blank: bool = True) -> None:
        text = _SPACE.sub(" ", "".join(self._line)).strip()
        self._line.clear()
        if text and text.strip("#* "):
            self._out.append(text)
        if blank and self._out and self._out[-1]:
            self._out.append("")

    def _link(self, node: LexborNode) -> None:
        text = _SPACE.sub(" ", node.text()).strip()
        href = node.attributes.get("href")
        if node.css_first("img") is not None or node.css_first("h1,h2,h3,h4,p,div") is not None:
            self.block(node)
            return
        if not href or not text:
            self._line.append(text)
            return
        target = urljoin(self._url, href.strip())
        self.links.setdefault(text, target)
        self._line.append(f"[{text}]({target})")

    def _image(self, node: LexborNode) -> None:
        source = node.attributes.get("src")
        if not source:
            return
        label = f"Image {len(self.images) + 1}"
        alt = (node.attributes.get("alt") or "").strip()
        name = f"{label}: {alt}" if alt else label
        self.images[name] = urljoin(self._url, source)
        self._line.append(f"![{name}]({self.images[name]})")

    def _table(self, node: LexborNode) -> None:
        for number, row in enumerate(node.css("tr")):
            cells = []
            for cell in row.css("td, th"):
                inner = _Writer(self._url)
                inner.block(cell)
                cells.append(inner.finish().replace("\n", " ").replace("|", "\\|"))
                self.links |= {k: v for k, v in inner.links.items() if k not in self.links}
            self._out.append("| " + " | ".join(cells) + " |")
            if number == 0:
                self._out.append("|" + " --- |" * len(cells))
        self._out.append("")
