"""What extraction reads (`Document`) and what it says (`PageFacts`).

A `Document` is the canonical text of one stored response plus a map of it: which stretches are
hidden from a reader, where blocks, links and structured data stand. Every fact points into
`Document.text` by code point offsets, so that a proof can find the quote again.

Canonical text of an HTML page, decoder "html/1": the visible text, one line a block; then a line
`== links ==` and one line a link, `[text](absolute href)`, mailto: and tel: included; then a line
`== structured ==` and one line a JSON-LD, microdata or meta value, `path: value`.
Text that a reader cannot see (display:none, hidden, comments, scripts) is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from data411_mcp.domain.graph import FieldName


@dataclass(frozen=True, slots=True)
class Span:
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Block:
    """One visible block: a paragraph, heading, cell or list item. `tag` is its element's name,
    `path` the nearest landmarks (`header`, `main`, `aside`, `footer`, class and id words)."""

    start: int
    end: int
    tag: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """An anchor. `start`/`end` cover its line in the links section."""

    text: str
    href: str  # absolute
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class StructuredValue:
    """One value of JSON-LD, microdata, RDFa, OpenGraph or meta. `item` groups the values of one
    object; `path` is e.g. `Organization.telephone`, `Person.name`, `meta.og:site_name`."""

    item: int
    path: str
    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    url: str
    text: str
    decoder: str
    visible_end: int  # offset where the visible part ends
    title: str = ""
    lang: str = ""
    blocks: tuple[Block, ...] = ()
    links: tuple[Link, ...] = ()
    structured: tuple[StructuredValue, ...] = ()
    generator: str = ""  # meta generator and well-known script hosts, for the tech stack
    scripts: tuple[str, ...] = ()  # absolute script and stylesheet URLs
    modified: str | None = None  # ISO date the page itself gives ("last updated …"), if any
    # Stretches with contact data or orders that the page shows to screen readers alone.
    screen_reader_only: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """One value read from one place. `value` is normalised (E.164, lower-case address, …);
    `start`/`end` cover a quote that holds the value, so `text[start:end]` is the proof."""

    field: FieldName
    value: str
    raw: str
    start: int
    end: int
    rule: str  # the rule that spoke, so that the bench can tell rules apart
    score: float  # 0..1, raw
    kind: str | None = None
    person: str | None = None  # owner's name when it belongs to a person of this page


@dataclass(frozen=True, slots=True)
class PageFacts:
    """Everything read from one page. `not_ours` holds facts of other organisations on the page
    (partners, agencies, customers): seen, and deliberately not claimed for the company."""

    url: str
    facts: tuple[Fact, ...] = ()
    not_ours: tuple[Fact, ...] = ()
    instructions: tuple[Span, ...] = ()  # stretches that speak to a model, not to a reader
    kind: str = "other"  # home, contact, about, team, imprint, directory, parked, error, other


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known before reading: the lead's country (ISO 2), domain, company name."""

    country: str | None = None
    domain: str | None = None
    company: str | None = None
    phones: tuple[str, ...] = field(default_factory=tuple)
