"""What a company's own pages say that a profile can be made of, each with the quote.

Facts that extraction already reads (name, city, country, technologies, head count) are taken from
it; here the trade, the products it works with, the titles it speaks of and the rest are added.
What a page does not say stays unknown: one page read is no proof that there is no price list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile

from data411_mcp.domain.evidence import ReadPage
from data411_mcp.domain.extract.decode import document_from_text
from data411_mcp.domain.extract.document import Document, Fact, Hints, PageFacts, Span
from data411_mcp.domain.extract.read import read_document
from data411_mcp.domain.graph import FieldName
from data411_mcp.domain.icp.industries import PHRASES, Phrase, named_by, phrases_at, trades
from data411_mcp.domain.icp.signal_words import (
    BUYER_INITIALS,
    BUYER_TITLE,
    CASES,
    COMPLIANCE,
    HEADCOUNT,
    HEADCOUNT_OF_OTHERS,
    HEADCOUNT_OF_OURS,
    OPEN_ROLES,
    OPEN_ROLES_HEADING,
    PRICING,
    PRICING_LINK,
    PRODUCT,
    PRODUCT_AS_SPELT,
    PRODUCTS,
    buyer_title,
)
from data411_mcp.domain.icp.values import SiteSignals, Snippet
from data411_mcp.domain.icp.words import spans_of

TEXT_CHARS_MAX = 6_000
QUOTE_CHARS_MAX = 180
DESCRIPTION_CHARS_MAX = 400
PARAGRAPH_CHARS_MIN = 60
INDUSTRIES_MAX = 3
INDUSTRY_PHRASES_MIN = 2  # different ones; a single word makes nobody a bank
INDUSTRY_WEIGHT_MIN = 2.5
INDUSTRY_SHARE_MIN = 0.5  # of the strongest one's weight
HEADLINE_WEIGHT = 3.0  # title and description say what a company is
NAMED_MAX = 3.0  # how often a trade's own name counts beyond its other words
LIST_MAX = 12
ROLES_MAX = 200
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5"})
HEADCOUNT_MAX = 3_000_000
SIZE_BANDS = ((1, 10), (11, 50), (51, 200), (201, 500), (501, 1000), (1001, 5000))

Quotes = dict[str, Snippet]


def site_signals(domain: str, name: str, pages: Sequence[ReadPage]) -> SiteSignals:
    """Signals of one company from its pages, its home page first. `name`: what the user or a
    search calls it, empty where it is to be read."""
    reading = _Reading([_Source(p.document, p.facts, p.page.sha256) for p in pages])
    return reading.signals(domain, name)


def text_signals(domain: str, name: str, text: str, url: str = "") -> SiteSignals:
    """Signals from plain text alone, a search result's snippet for one."""
    document = document_from_text(text[:TEXT_CHARS_MAX], url=url or f"https://{domain}/")
    facts = read_document(document, Hints(domain=domain or None, company=name or None))
    read = _Reading([_Source(document, facts, "")]).signals(domain, name)
    return read.model_copy(update={"description": read.description or _cut(text)})


def size_band(employees: tuple[int, int | None] | None) -> str:
    """`51-200`; empty where unknown, or where the range reaches over more than two bands."""
    if employees is None:
        return ""
    low, high = employees
    if high is None:
        return _band(low + 1)
    first, last = _band(low), _band(high)
    if first == last:
        return first
    middle = _band((low + high) // 2)
    bands = [f"{a}-{b}" for a, b in SIZE_BANDS] + ["5001+"]
    return middle if bands.index(last) - bands.index(first) == 1 else ""


def _band(count: int) -> str:
    return next((f"{low}-{high}" for low, high in SIZE_BANDS if count <= high), "5001+")


class _Source:
    """A page: its map, its facts, and its visible text without what speaks to a model."""

    __slots__ = ("document", "facts", "sha256", "visible")

    def __init__(self, document: Document, facts: PageFacts, sha256: str) -> None:
        self.document, self.facts, self.sha256 = document, facts, sha256
        visible = document.text[: document.visible_end]
        for span in facts.instructions:  # blanked, so that offsets stay
            end = min(span.end, len(visible))
            visible = visible[: span.start] + " " * (end - span.start) + visible[end:]
        self.visible = visible

    def quote(self, start: int, end: int) -> Snippet:
        """The line around a stretch, cut to what is around it."""
        text = self.document.text
        first = max(text.rfind("\n", 0, start) + 1, start - QUOTE_CHARS_MAX // 2)
        last = text.find("\n", end)
        last = min(last if last >= 0 else len(text), max(end, first + QUOTE_CHARS_MAX))
        said = self.visible[first:last] if last <= len(self.visible) else text[first:last]
        return Snippet(
            url=self.document.url,
            text=" ".join(said.split())[: QUOTE_CHARS_MAX * 2],
            page_sha256=self.sha256,
        )

    def about(self) -> str:
        return next((f.value for f in self.facts.facts if f.field is FieldName.ABOUT_TEXT), "")

    def headline(self) -> str:
        return f"{self.document.title}. {self.about()}"


class _Reading:
    def __init__(self, sources: Sequence[_Source]) -> None:
        self.sources = [s for s in sources if s.facts.kind not in {"error", "parked", "directory"}]
        self.quotes: Quotes = {}

    def signals(self, domain: str, name: str) -> SiteSignals:
        description = self._description()
        country = self._fact(FieldName.HQ_COUNTRY, "country")
        return SiteSignals(
            domain=domain,
            name=name or self._fact(FieldName.NAME, "name") or "",
            text=self._text(),
            description=description,
            industries=self._industries(),
            integrations=self._integrations(),
            buyer_titles=self._buyer_titles(),
            tech_stack=self._facts(FieldName.TECH_STACK, "tech_stack"),
            hiring_open_roles=self._open_roles(),
            has_pricing=self._shown("has_pricing", PRICING, PRICING_LINK),
            has_case_studies=self._shown("has_case_studies", CASES, CASES),
            employees=self._employees(),
            country=country,
            city=self._fact(FieldName.HQ_CITY, "city"),
            linkedin_url=self._fact(FieldName.LINKEDIN_URL, "linkedin_url"),
            compliance=self._compliance(),
            quotes=self.quotes,
        )

    # --- of extraction ----------------------------------------------------------------------

    def _best(self, name: FieldName) -> Iterator[tuple[_Source, Fact]]:
        """The field's facts, the best of the first page that has one first."""
        for source in self.sources:
            facts = [f for f in source.facts.facts if f.field is name]
            for fact in sorted(facts, key=lambda f: (-f.score, f.start)):
                yield source, fact

    def _fact(self, name: FieldName, key: str) -> str | None:
        for source, fact in self._best(name):
            self.quotes.setdefault(key, source.quote(fact.start, fact.end))
            return fact.value
        return None

    def _facts(self, name: FieldName, key: str) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for source, fact in self._best(name):
            value = fact.value.casefold()
            if value not in found and len(found) < LIST_MAX:
                found[value] = None
                self.quotes.setdefault(f"{key}:{value}", source.quote(fact.start, fact.end))
        return tuple(found)

    # --- text -------------------------------------------------------------------------------

    def _description(self) -> str:
        for source, fact in self._best(FieldName.ABOUT_TEXT):
            self.quotes.setdefault("description", source.quote(fact.start, fact.end))
            return _cut(fact.value)
        for source in self.sources:
            for start, end in _paragraphs(source):
                self.quotes.setdefault("description", source.quote(start, end))
                return _cut(source.visible[start:end])
        return ""

    def _text(self) -> str:
        """Title, description and the lines that say something, a line said on two pages once."""
        lines: dict[str, None] = {}
        for source in self.sources:
            lines.setdefault(" ".join(source.document.title.split()))
            lines.setdefault(" ".join(source.about().split()))
            for line in source.visible.splitlines():
                if len(line.split()) >= 4:
                    lines.setdefault(" ".join(line.split()))
        return "\n".join(line for line in lines if line)[:TEXT_CHARS_MAX]

    # --- lists ------------------------------------------------------------------------------

    def _industries(self) -> tuple[str, ...]:
        counts: dict[Phrase, float] = {}
        places: dict[Phrase, tuple[_Source, int, int]] = {}
        for source in self.sources:
            for phrase, start, end in phrase_places(source.visible):
                counts[phrase] = counts.get(phrase, 0.0) + 1.0
                places.setdefault(phrase, (source, start, end))
            for phrase, _, _ in phrase_places(source.headline()):
                counts[phrase] = counts.get(phrase, 0.0) + HEADLINE_WEIGHT
        weights = trades(counts, {})
        for phrase, count in counts.items():
            for slug in named_by(phrase):
                weights[slug] += min(count, NAMED_MAX)
        kinds = {
            slug: sum(1 for phrase in counts if slug in dict(PHRASES[phrase])) for slug in weights
        }
        told = {
            slug: weight
            for slug, weight in weights.items()
            if weight >= INDUSTRY_WEIGHT_MIN and kinds[slug] >= INDUSTRY_PHRASES_MIN
        }
        top = max(told.values(), default=0.0)
        chosen = sorted(told, key=lambda slug: (-told[slug], slug))[:INDUSTRIES_MAX]
        chosen = [slug for slug in chosen if told[slug] >= INDUSTRY_SHARE_MIN * top]
        for slug in chosen:
            self._quote_industry(slug, counts, places)
        return tuple(chosen)

    def _quote_industry(
        self,
        slug: str,
        counts: Mapping[Phrase, float],
        places: Mapping[Phrase, tuple[_Source, int, int]],
    ) -> None:
        own = [(dict(PHRASES[p]).get(slug, 0.0) * counts[p], p) for p in counts if p in places]
        for weight, phrase in sorted(own, key=lambda row: (-row[0], row[1])):
            if weight:
                source, start, end = places[phrase]
                self.quotes.setdefault(f"industries:{slug}", source.quote(start, end))
                return
        for source in self.sources:  # said in title or description only
            for part in (source.document.title, source.about()):
                if any(slug in dict(PHRASES[p]) for p, _, _ in phrase_places(part)):
                    said = " ".join(part.split())[: QUOTE_CHARS_MAX * 2]
                    quote = Snippet(url=source.document.url, text=said, page_sha256=source.sha256)
                    self.quotes.setdefault(f"industries:{slug}", quote)

    def _integrations(self) -> tuple[str, ...]:
        return self._matches(
            "integrations",
            (PRODUCT, PRODUCT_AS_SPELT),
            lambda raw: PRODUCTS[raw.casefold()].casefold(),
        )

    def _buyer_titles(self) -> tuple[str, ...]:
        return self._matches("buyer_titles", (BUYER_TITLE, BUYER_INITIALS), buyer_title)

    def _compliance(self) -> tuple[str, ...]:
        return self._matches(
            "compliance", (COMPLIANCE,), lambda raw: " ".join(raw.split()).casefold()
        )

    def _matches(
        self, key: str, patterns: Iterable[re.Pattern[str]], normal: Callable[[str], str]
    ) -> tuple[str, ...]:
        """Normal forms, each once, with its quote."""
        found: dict[str, None] = {}
        for source in self.sources:
            for pattern in patterns:
                for match in pattern.finditer(source.visible):
                    value = normal(match[0])
                    if value not in found and len(found) < LIST_MAX:
                        found[value] = None
                        quote = source.quote(*match.span())
                        self.quotes.setdefault(f"{key}:{value}", quote)
        return tuple(found)

    # --- single values ----------------------------------------------------------------------

    def _shown(self, key: str, said: re.Pattern[str], link: re.Pattern[str]) -> bool | None:
        """True where a page says it or links to it; never False: other pages were not read."""
        for source in self.sources:
            if match := said.search(source.visible):
                self.quotes.setdefault(key, source.quote(*match.span()))
                return True
            for one in source.document.links:
                if link.search(one.text.strip()):
                    self.quotes.setdefault(key, source.quote(one.start, one.end))
                    return True
        return None

    def _open_roles(self) -> int | None:
        for source in self.sources:
            if match := OPEN_ROLES.search(source.visible):
                self.quotes.setdefault("hiring_open_roles", source.quote(*match.span()))
                return 0 if match["none"] else int(match["count"] or match["after"])
            if listed := _listed_roles(source):
                count, span = listed
                self.quotes.setdefault("hiring_open_roles", source.quote(span.start, span.end))
                return count
        return None

    def _employees(self) -> tuple[int, int | None] | None:
        for source, fact in self._best(FieldName.EMPLOYEES_EST):
            low, _, high = fact.value.partition("-")
            if low.isdigit():
                self.quotes.setdefault("employees", source.quote(fact.start, fact.end))
                raw = source.document.text[fact.start : fact.end + 2]
                open_end = not high and re.search(r"\d\s*\+|\b(?:over|more than)\b", raw)
                return int(low), None if open_end else int(high or low)
        for source in self.sources:
            if found := headcount(source.visible):
                span, value = found
                self.quotes.setdefault("employees", source.quote(span.start, span.end))
                return value
        return None


def headcount(text: str) -> tuple[Span, tuple[int, int | None]] | None:
    """The first head count a text gives of its own company, with where: `1,200 employees` is
    1200, `1,001-5,000 employees` a range, `500+ staff` and `over 500 staff` have an open end."""
    for match in HEADCOUNT.finditer(text):
        before = text[max(0, match.start() - 60) : match.start()].rpartition("\n")[2]
        if HEADCOUNT_OF_OTHERS.search(before) and not HEADCOUNT_OF_OURS.search(before):
            continue
        low = int(match["low"].replace(",", ""))
        high = int(match["high"].replace(",", "")) if match["high"] else low
        if not 0 < low <= high <= HEADCOUNT_MAX:
            continue
        unbounded = not match["high"] and (match["plus"] or match["open"])
        return Span(*match.span()), (low, None if unbounded else high)
    return None


def phrase_places(text: str) -> Iterator[tuple[Phrase, int, int]]:
    """Every phrase of a trade in a text, with offsets."""
    spans = spans_of(text)
    words = [word for word, _, _ in spans]
    for at in range(len(words)):
        for phrase in phrases_at(words, at):
            yield phrase, spans[at][1], spans[at + len(phrase) - 1][2]


def _listed_roles(source: _Source) -> tuple[int, Span] | None:
    """The items of the list under a heading like "Open positions"."""
    blocks = source.document.blocks
    for at, block in enumerate(blocks):
        said = source.visible[block.start : block.end]
        if block.tag not in HEADINGS or not OPEN_ROLES_HEADING.search(said):
            continue
        items = list(takewhile(lambda b: b.tag == "li", blocks[at + 1 : at + 1 + ROLES_MAX]))
        if items:
            return len(items), Span(block.start, items[0].end)
    return None


def _paragraphs(source: _Source) -> Iterator[tuple[int, int]]:
    for block in source.document.blocks:
        if block.end <= len(source.visible):
            said = source.visible[block.start : block.end].strip()
            if len(said) >= PARAGRAPH_CHARS_MIN:
                yield block.start, block.end


def _cut(text: str) -> str:
    words = " ".join(text.split())
    if len(words) <= DESCRIPTION_CHARS_MAX:
        return words
    return words[:DESCRIPTION_CHARS_MAX].rpartition(" ")[0] + "…"
