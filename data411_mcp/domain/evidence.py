"""Stored pages, what slots claim about them, and what the proof says.

`domain/proof.py` decides which claim is proven.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from data411_mcp.domain.extract.document import Document, PageFacts
from data411_mcp.domain.graph import Evidence, FieldName, Status


class SourceClass(StrEnum):
    """Who speaks on a page, from the bound company's point of view."""

    OWN_SITE = "own_site"  # the anchored registrable domain
    REGISTRY = "registry"  # an official register's row
    THIRD_PARTY = "third_party"  # everybody else
    DIRECTORY = "directory"  # aggregators: they copy, they are never a vote of their own


@dataclass(frozen=True, slots=True)
class Page:
    """One stored response and the canonical text derived from it.

    `sha256` is over the stored body; `text` is what `decoder` derives from that body, and the
    only thing offsets refer to. `headers` holds lower-case names; only what evidence needs.
    """

    url: str  # as asked
    final_url: str  # after redirects
    sha256: str
    text: str
    decoder: str  # e.g. "html/1", "markdown/1", "json/1"
    reader: str  # direct, jina, tavily, api, dns
    fetched_at: str  # ISO 8601 UTC
    status: int = 200
    content_type: str = "text/html"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    warm: bool = False  # came from the page cache, not the network
    # The body as whoever made the page has decoded it: not stored, and not decoded once more.
    decoded: Document | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A stored page, the map of its text, and what our own extraction read from it."""

    page: Page
    document: Document
    facts: PageFacts


@dataclass(frozen=True, slots=True)
class Finding:
    """One claim by one slot, not yet proven.

    `value` is as the slot gave it. `start`/`end` are known when our own extraction read it;
    an LLM or the caller gives `quote` only, and the proof must find it again.
    `person` is the owner's name when the fact belongs to a person, else None.
    """

    field: FieldName
    value: str
    slot: str
    url: str
    quote: str = ""
    kind: str | None = None
    person: str | None = None
    start: int | None = None
    end: int | None = None
    page_sha256: str | None = None
    rule: str = ""  # which extraction rule spoke
    score: float = 0.5
    submitted_by_caller: bool = False


@dataclass(frozen=True, slots=True)
class Proof:
    """The verdict on one finding. `value` is normalised; evidence is None when nothing was found
    again."""

    finding: Finding
    status: Status
    reason: str
    value: str
    evidence: Evidence | None
    source: SourceClass | None
    tied_by: tuple[str, ...] = ()  # kinds of the anchors that tie the page
    hold_back: bool = False  # goes to unmerged_candidates, not into the graph
