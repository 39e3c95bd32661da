"""Structured data of an HTML page: JSON-LD, microdata, RDFa Lite, hCard, OpenGraph and meta.

Every value becomes `(item, path, value)`. `item` numbers the objects of the page. The last two
parts of `path` are always `Type.property`; a nested object repeats what it hangs from, so a
reader can tell `Organization.employee.Person.name` from `Review.author.Person.name`:

    Organization.telephone
    Organization.address.PostalAddress.streetAddress     (an item of its own)
    meta.title · meta.og:site_name · meta.geo.placename · link.canonical · img.logo

hCard is given in schema.org's words (`Organization.telephone`, `Person.jobTitle`), so that one
reader serves all four syntaxes. Sources: schema.org, W3C JSON-LD 1.1, WHATWG HTML §5 (microdata),
W3C RDFa Lite 1.1, microformats.org/wiki/hcard.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

VALUE_CHARS_MAX = 2000  # a longer value is an article, not a fact
VALUES_MAX = 3000  # of one page
NESTING_MAX = 12
CARDS_MAX = 200  # hCards of one page

# What an untyped nested object is, judged by the property it hangs from.
_TYPE_OF_PROPERTY = {
    "address": "PostalAddress",
    "location": "Place",
    "geo": "GeoCoordinates",
    "contactPoint": "ContactPoint",
    "founder": "Person",
    "founders": "Person",
    "employee": "Person",
    "employees": "Person",
    "author": "Person",
    "numberOfEmployees": "QuantitativeValue",
    "publisher": "Organization",
    "parentOrganization": "Organization",
}
_META_KEYS = re.compile(
    r"(?:description|keywords|author|copyright|publisher|generator|company|owner|application-name"
    r"|reply-to|contact|date|last-modified|(?:og|article|business|place|twitter|profile):.+"
    r"|geo\.(?:placename|region|country|position)|icbm|dc(?:terms)?\.(?:publisher|creator|title"
    r"|modified|date)(?:\..+)?)\Z",
    re.IGNORECASE,
)
_DROPPED_META = re.compile(r"og:(?:image|video|audio|locale|type)\b|twitter:(?:card|image)", re.I)
_JSON_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|/\*.*?\*/|(?<![:"\w])//[^\n]*', re.DOTALL)
_JSON_WRAPPING = re.compile(
    r"^\s*(?:<!--|//\s*<!\[CDATA\[|<!\[CDATA\[)|(?://\s*)?(?:-->|\]\]>)\s*;?\s*$"
)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_URL_ATTRIBUTES = {
    "a": "href",
    "area": "href",
    "link": "href",
    "img": "src",
    "iframe": "src",
    "embed": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "object": "data",
}


def tag_set(names: str) -> frozenset[str]:
    return frozenset(names.split())


_SPACED_TAGS = tag_set(
    "br p div li td th tr ul ol dl dt dd h1 h2 h3 h4 h5 h6 table section address"
)
_SILENT_TAGS = tag_set("script style template noscript svg iframe")


@dataclass(slots=True)
class Values:
    """Collects the values of one page in document order, each once per object."""

    url: str
    rows: list[tuple[int, str, str]] = field(default_factory=list)
    items: int = 0
    _seen: set[tuple[int, str, str]] = field(default_factory=set)

    def new_item(self) -> int:
        self.items += 1
        return self.items

    def add(self, item: int, path: str, value: str) -> None:
        row = (item, path, " ".join(value.split())[:VALUE_CHARS_MAX])
        if row[2] and row not in self._seen and len(self.rows) < VALUES_MAX:
            self._seen.add(row)
            self.rows.append(row)


def structured_values(tree: LexborHTMLParser, url: str) -> list[tuple[int, str, str]]:
    """All values of the page, `(item, path, value)`; relative addresses are resolved on `url`."""
    values = Values(url)
    _read_meta(tree, values)
    _read_json_ld(tree, values)
    _read_microdata(tree, values)
    _read_rdfa(tree, values)
    _read_hcards(tree, values)
    return values.rows


def plain_text(node: LexborNode) -> str:
    """Text of one element, whitespace collapsed, a space where a line or cell breaks."""
    pieces: list[str] = []
    stack: list[LexborNode | str] = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, str):
            pieces.append(current)
            continue
        if current.is_text_node:
            pieces.append(current.text_content or "")
            continue
        if not current.is_element_node or current.tag in _SILENT_TAGS:
            continue
        spaced = current.tag in _SPACED_TAGS
        if spaced:
            pieces.append(" ")
            stack.append(" ")
        stack.extend(reversed(list(current.iter(include_text=True))))
    return " ".join("".join(pieces).split())


def _read_meta(tree: LexborHTMLParser, values: Values) -> None:
    item = values.new_item()
    title = tree.css_first("title")
    if title is not None:
        values.add(item, "meta.title", title.text())
    for node in tree.css("meta[content]"):
        attributes = node.attributes
        key = attributes.get("property") or attributes.get("name") or attributes.get("http-equiv")
        content = attributes.get("content") or ""
        if key and _META_KEYS.match(key.strip()) and not _DROPPED_META.match(key.strip()):
            values.add(item, f"meta.{key.strip().casefold()}", content)
    for node in tree.css("link[rel][href]"):
        rel = (node.attributes.get("rel") or "").casefold()
        if rel in {"canonical", "me", "publisher", "author"}:
            values.add(item, f"link.{rel}", absolute(values.url, node.attributes.get("href") or ""))
    for node in tree.css("img[alt]"):
        attributes = node.attributes
        about = " ".join(attributes.get(key) or "" for key in ("class", "id", "src", "alt"))
        if "logo" in about.casefold():
            values.add(item, "img.logo", attributes.get("alt") or "")


# -- JSON-LD ------------------------------------------------------------------------------------


def _read_json_ld(tree: LexborHTMLParser, values: Values) -> None:
    for node in tree.css("script[type]"):
        if "ld+json" not in (node.attributes.get("type") or "").casefold():
            continue
        for document in parse_json_ld(node.text()):
            _flatten(document, "", "", values, 0)


def parse_json_ld(source: str) -> list[Any]:
    """JSON values of one script; comments, control characters, CDATA and trailing commas are
    tolerated, several documents in a row too. What cannot be parsed is left out."""
    stripped = _JSON_WRAPPING.sub("", source.replace("\ufeff", "")).strip()
    stripped = _JSON_WRAPPING.sub("", stripped).strip().rstrip(";")
    for candidate in (
        stripped,
        _TRAILING_COMMA.sub(r"\1", _JSON_COMMENT.sub(lambda m: m.group(1) or " ", stripped)),
    ):
        documents = list(_decode_all(candidate))
        if documents:
            return documents
    return []


def _decode_all(source: str) -> Iterator[Any]:
    decoder = json.JSONDecoder(strict=False)  # control characters inside strings are let through
    at = 0
    while at < len(source):
        while at < len(source) and source[at] in " \t\r\n,;":
            at += 1
        try:
            document, at = decoder.raw_decode(source, at)
        except (ValueError, RecursionError):
            return
        yield document


def _flatten(node: Any, prefix: str, prop: str, values: Values, depth: int) -> None:
    if depth > NESTING_MAX:
        return
    if isinstance(node, list):
        for entry in node:
            _flatten(entry, prefix, prop, values, depth + 1)
        return
    if not isinstance(node, dict):
        return
    kind = _schema_type(node.get("@type"))
    if not kind and isinstance(node.get("@graph"), list):
        _flatten(node["@graph"], prefix, prop, values, depth + 1)
        return
    kind = kind or _TYPE_OF_PROPERTY.get(prop, "Thing")
    path = f"{prefix}.{kind}" if prefix else kind
    item = values.new_item()
    nested: list[tuple[str, Any]] = []
    for key, entry in _entries(node):
        if isinstance(entry, dict | list):
            nested.append((key, entry))
        elif isinstance(entry, str):
            values.add(item, f"{path}.{key}", unescape(entry))
        elif isinstance(entry, int | float) and not isinstance(entry, bool):
            values.add(item, f"{path}.{key}", str(entry))
    for key, entry in nested:
        is_graph = key == "@graph"
        _flatten(entry, prefix if is_graph else f"{path}.{key}", key, values, depth + 1)


def _entries(node: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Properties under their short names, arrays one by one, `{"@value": x}` as x."""
    for key, value in node.items():
        if key.startswith("@") and key not in {"@id", "@graph"}:
            continue
        name = "id" if key == "@id" else re.split(r"[/:#]", key)[-1]
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, dict) and "@value" in entry:
                yield name, entry["@value"]
            else:
                yield name, entry


def unescape(value: str) -> str:
    """JSON-LD written by templates holds HTML: entities and tags are taken out."""
    if "&" not in value and "<" not in value:
        return value
    body = LexborHTMLParser(value).body
    return plain_text(body) if body is not None else value


def _schema_type(value: Any) -> str:
    """Short type name: `http://schema.org/Person` → `Person`; of several, the last: authors put
    the general one first."""
    names = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    texts = [name for name in names if isinstance(name, str) and name.strip()]
    return re.sub(r"\W", "", re.split(r"[/:#]", texts[-1].strip().rstrip("/"))[-1]) if texts else ""


# -- microdata and RDFa Lite: the same tree walk with other attribute names -----------------------


@dataclass(frozen=True, slots=True)
class _Syntax:
    type_attribute: str
    property_attribute: str

    def is_scope(self, attributes: dict[str, str | None]) -> bool:
        return ("itemscope" if self.type_attribute == "itemtype" else "typeof") in attributes


_MICRODATA = _Syntax("itemtype", "itemprop")
_RDFA = _Syntax("typeof", "property")


def _read_microdata(tree: LexborHTMLParser, values: Values) -> None:
    _walk_scopes(tree.css("[itemscope]"), _MICRODATA, values)


def _read_rdfa(tree: LexborHTMLParser, values: Values) -> None:
    if tree.css_first("[vocab]") is not None or tree.css_first("[xmlns\\:v]") is not None:
        _walk_scopes(tree.css("[typeof]"), _RDFA, values)


def _walk_scopes(scopes: Iterable[LexborNode], syntax: _Syntax, values: Values) -> None:
    done: set[int] = set()
    for scope in scopes:
        if scope.mem_id not in done:
            _walk_scope(scope, "", "", syntax, values, done, 0)


def _walk_scope(
    scope: LexborNode,
    prefix: str,
    prop: str,
    syntax: _Syntax,
    values: Values,
    done: set[int],
    depth: int,
) -> None:
    done.add(scope.mem_id)
    if depth > NESTING_MAX:
        return
    declared = (scope.attributes.get(syntax.type_attribute) or "").split()
    kind = _schema_type(declared[:1]) or _TYPE_OF_PROPERTY.get(prop, "Thing")
    path = f"{prefix}.{kind}" if prefix else kind
    item = values.new_item()
    nested: list[tuple[LexborNode, str]] = []
    stack = list(reversed(list(scope.iter())))
    while stack:
        node = stack.pop()
        attributes = node.attributes
        names = [
            re.split(r"[/:#]", name)[-1]
            for name in (attributes.get(syntax.property_attribute) or "").split()
        ]
        if syntax.is_scope(attributes):
            # An object without a property is one of its own, not a part of this one.
            if names and node.mem_id not in done:
                nested.append((node, names[0]))
            continue
        for name in names:
            values.add(item, f"{path}.{name}", _property_value(node, attributes, values.url))
        stack.extend(reversed(list(node.iter())))
    for node, name in nested:
        _walk_scope(node, f"{path}.{name}", name, syntax, values, done, depth + 1)


def _property_value(node: LexborNode, attributes: dict[str, str | None], url: str) -> str:
    tag = node.tag or ""
    if attributes.get("content"):
        return attributes["content"] or ""
    if tag in _URL_ATTRIBUTES and attributes.get(_URL_ATTRIBUTES[tag]):
        return absolute(url, attributes[_URL_ATTRIBUTES[tag]] or "")
    if tag == "time" and attributes.get("datetime"):
        return attributes["datetime"] or ""
    if tag in {"data", "meter"} and attributes.get("value"):
        return attributes["value"] or ""
    return plain_text(node)


# -- hCard ----------------------------------------------------------------------------------------

_HCARD = {
    "tel": "telephone",
    "email": "email",
    "title": "jobTitle",
    "role": "jobTitle",
    "url": "url",
}
_ADR = {
    "street-address": "streetAddress",
    "extended-address": "streetAddress",
    "post-office-box": "postOfficeBoxNumber",
    "locality": "addressLocality",
    "region": "addressRegion",
    "postal-code": "postalCode",
    "country-name": "addressCountry",
}


def _read_hcards(tree: LexborHTMLParser, values: Values) -> None:
    for card in tree.css(".vcard")[:CARDS_MAX]:
        full_name = card.css_first(".fn")
        if full_name is None and card.css_first(".org") is None:
            continue  # WordPress puts `vcard` on things that are none
        name = plain_text(full_name) if full_name is not None else ""
        organisations = [plain_text(node) for node in card.css(".org")]
        is_organisation = not name or name in organisations or _is_also(full_name, "org")
        kind = "Organization" if is_organisation else "Person"
        if "author" in (card.attributes.get("class") or "").split():
            kind = "Article.author.Person"  # the writer of a post, not of the company's staff
        item = values.new_item()
        if not is_organisation or not organisations:
            values.add(item, f"{kind}.name", name)
        for organisation in organisations:
            key = "name" if is_organisation else "worksFor"
            values.add(item, f"{kind}.{key}", organisation)
        _read_hcard_values(card, kind, item, values)
        for address in card.css(".adr"):
            place = values.new_item()
            for css_class, prop in _ADR.items():
                for node in address.css(f".{css_class}"):
                    path = f"{kind}.address.PostalAddress.{prop}"
                    values.add(place, path, plain_text(node))


def _read_hcard_values(card: LexborNode, kind: str, item: int, values: Values) -> None:
    for css_class, prop in _HCARD.items():
        for node in card.css(f".{css_class}"):
            href = node.attributes.get("href") or ""
            text = plain_text(node)
            if css_class == "url":
                text = absolute(values.url, href)
            elif css_class == "email" and href.casefold().startswith("mailto:"):
                text = href[len("mailto:") :].split("?")[0]
            elif css_class == "tel":
                part = node.css_first(".value")
                types = " ".join(plain_text(mark) for mark in node.css(".type")).casefold()
                text = plain_text(part) if part is not None else text
                prop = "faxNumber" if "fax" in types or _is_also(node, "fax") else "telephone"
            values.add(item, f"{kind}.{prop}", text)


def _is_also(node: LexborNode | None, css_class: str) -> bool:
    return node is not None and css_class in (node.attributes.get("class") or "").split()


def absolute(url: str, href: str) -> str:
    """`href` on `url`; an address that cannot be read at all gives an empty string."""
    try:
        joined = urljoin(url, href.strip())
        urlsplit(joined)
    except ValueError:
        return ""
    return joined
