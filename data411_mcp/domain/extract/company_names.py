"""What the organisation of a page is called: its display name and its legal name.

Every place that may hold the name votes (site name, structured data, title parts, logo, copyright
line, legal names, headings); the host name is the arbiter. A legal name is claimed only when it
is tied to that name, to the host or to a phrase by which the page speaks of its own company.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from rapidfuzz import fuzz

from data411_mcp.domain.extract.company_legal import AGENCY, read_legal_name
from data411_mcp.domain.extract.document import Document, Fact, Hints
from data411_mcp.domain.extract.host_names import (
    GENERIC,
    host_label,
    host_match,
    name_key,
    plausible,
)
from data411_mcp.domain.extract.person_names import fold, read_name
from data411_mcp.domain.graph import FieldName
from data411_mcp.domain.legal_forms import find_legal_names, strip_legal_form

NAME_SCORE_MIN = 0.4  # raw votes an elected name needs
TIE_SCORE_MIN = 0.7  # votes from which an elected name can tie a legal name
SURE_SCORE_MIN = 1.2  # the same when only legal names and addresses voted
CANDIDATES_MAX = (
    400  # a directory page proposes thousands; site name, title and copyright come first
)


_TITLE_BREAK = re.compile(r"\s+[|–—\-:»«·•~/>]+\s+|\s*[|»«·•]\s*|:{2,}|:\s+|\s-(?=\w)|\s{2,}|,\s+")
_LEAD = re.compile(
    r"^(?:welcome to|contact(?: us)?(?: at| for)?|about(?: us)?|home ?page(?: of)?"
    r"|home(?=\s*[-–|:])"
    r"|kontakt|willkommen bei|bienvenue (?:chez|à|sur)|bienvenidos a|benvenuti (?:in|da|su)"
    r"|(?:factory )?contacts? for|get in touch with|connect with|contacting"
    r"|the official (?:web)?site of|official site of"
    r"|impressum|copyright|©|\(c\)|all contents?|visit|follow|meet)\b[\s:–—-]*",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"[\s:–—-]*\b(?:home ?page|official (?:web)?site|web ?site|logo\b.*|support|help cent(?:er"
    r"|re)|support cent(?:er|re)|blog|online shop|team"
    r"|contact us|all rights reserved.*|homepage)$",
    re.IGNORECASE,
)
_COPYRIGHT = re.compile(
    r"(?:©|\(c\)|&copy;|\bcopyright\b)[\s©:|-]*(?:\(c\)|©)?[\s,.]*(?:copyright)?[\s,]*"
    r"(?:(?:19|20)\d\d(?:\s*[-–/,]\s*(?:(?:19|20)?\d\d|present|today))*)?[\s,.:|–-]*(?:by\s+)?"
    r"(?P<name>[^|©\n•·]{2,90})",
    re.IGNORECASE,
)
_COPYRIGHT_AFTER = re.compile(
    r"(?P<name>[^|©\n•·.]{2,70}?)[\s,.]*(?:©|\(c\)|\bcopyright\b)\s*(?:19|20)\d\d", re.IGNORECASE
)
_COPYRIGHT_SIGNS = ("copy", "©", "(c)")  # no line without one fits either pattern
_COPYRIGHT_END = re.compile(
    r"\.?\s*(?:[.,;]?\s*\ball rights|\balle rechte|\btous droits|\btodos los|\btutti i diritti"
    r"|\bdesigned\b|\bdesign (?:by|and)|\bpowered by|\bsite by|\bweb ?site\b|\bprivacy\b|\bterms\b"
    r"|\breserved\b|[-–|]\s|\s{2,}|(?:19|20)\d\d|\bsitemap\b|(?<=[a-z)]{2})[.;]\s|\bis a\b"
    r"|https?:|www\.|\s-\s"
    r"|\b(?:tel|tfno|phone|fax|t[ée]l[ée]?fono?|e-?mail)\b|\bp\.? ?iva\b|,? \d)",
    re.IGNORECASE,
)
_PLATFORM_ITEM = re.compile(r"Person|Product|Article|WebPage|Breadcrumb|Review|Event|Offer|Image")


class Candidate(NamedTuple):
    """One place's proposal. `start`/`end` cover the quote."""

    text: str
    start: int
    end: int
    source: str
    weight: float


def read_company_names(document: Document, hints: Hints) -> tuple[Fact, ...]:
    """At most one NAME (without legal form) and one LEGAL_NAME (with it) of the page's own
    organisation; `rule` names the place the quote stands in."""
    host = host_label(document, hints)
    named = (c for c in _candidates(document) if plausible(c.text))
    candidates = list(islice(named, CANDIDATES_MAX))
    best = _elect(candidates, host, hints)
    facts: list[Fact] = []
    if best:
        chosen, score, _ = best
        name = display_name(chosen.text)
        facts.append(
            Fact(
                FieldName.NAME, name, chosen.text, chosen.start, chosen.end,
                f"company.{chosen.source}", score,
            )
        )  # fmt: skip
    known = [n for n in (hints.company, best[0].text if best and best[2] else None) if n]
    legal = read_legal_name(document, known, host)
    if legal:
        facts.append(legal)
    return tuple(facts)


def display_name(text: str) -> str:
    """`text` without its legal form; a closing `Company` is part of what people say."""
    bare = strip_legal_form(text)
    said = re.match(rf"{re.escape(bare)}\s+(?:Company|Co\.?)(?=\W|$)", text)
    return said.group() if said else bare


def own_tokens(names: Iterable[Fact], document: Document, hints: Hints) -> frozenset[str]:
    """Folded words by which the page's company is known: of its `names` as read, and its host."""
    words: set[str] = set()
    for fact in names:
        words.update(re.findall(r"[^\W_]{2,}", fold(fact.value)))
    if hints.company:
        words.update(re.findall(r"[^\W_]{2,}", fold(hints.company)))
    host = host_label(document, hints)
    return frozenset(words - GENERIC | ({host} if host else set()))


# --- candidates -----------------------------------------------------------------------------------


def _candidates(document: Document) -> Iterator[Candidate]:
    yield from _from_structured(document)
    yield from _from_title(document)
    yield from _from_copyright(document)
    yield from _from_visible(document)


def _clean(text: str) -> str:
    text = " ".join(text.split()).strip(' \t-–—|:,;»«*•·"“”')
    for _ in range(2):
        text = _TAIL.sub("", _LEAD.sub("", text)).strip(' -–—|:,;»«*•·"“”')
    return text


def _from_structured(document: Document) -> Iterator[Candidate]:
    for value in document.structured:
        text = _clean(value.value)
        leaf = value.path.rpartition(".")[2]
        weight = 0.0
        if value.path == "meta.og:site_name":
            weight = 0.9
        elif value.path == "meta.application-name":
            weight = 0.5
        elif leaf == "legalName":
            weight = 0.8
        elif leaf == "name" and value.path.count(".") == 1:
            weight = 0.0 if _PLATFORM_ITEM.search(value.path) else 0.8
        elif value.path == "img.logo":
            weight = 0.35
        elif value.path in {"meta.author", "meta.copyright", "meta.company", "meta.publisher"}:
            weight = 0.3
            if found := _COPYRIGHT.search(value.value):
                text = _clean(_COPYRIGHT_END.split(found["name"])[0])
        if not weight:
            continue
        for part in re.split(r"\s+[|–—·»]\s+", text):
            yield Candidate(_clean(part), value.start, value.end, value.path, weight)


def _from_title(document: Document) -> Iterator[Candidate]:
    at = document.text.find(document.title) if document.title else -1
    start, end = (at, at + len(document.title)) if at >= 0 else (0, 0)
    for value in document.structured:
        if value.path == "meta.title":
            start, end = value.start, value.end
    if end <= start:
        return
    parts = [_clean(p) for p in _TITLE_BREAK.split(document.title)]
    parts = [p for p in parts if p]
    for i, part in enumerate(parts):
        edge = i in (0, len(parts) - 1)
        yield Candidate(part, start, end, "title", 0.45 if edge else 0.25)
    for form_start, form_end in find_legal_names(document.title):
        yield Candidate(_clean(document.title[form_start:form_end]), start, end, "title", 0.45)
    pieces = re.split(r"\s+[|–—»·-]+\s+|\s*\|\s*", document.title)
    for piece in pieces:
        if "," in piece:
            yield Candidate(_clean(piece), start, end, "title", 0.3)


def _from_copyright(document: Document) -> Iterator[Candidate]:
    for block in document.blocks:
        text = document.text[block.start : block.end]
        folded = text.casefold()
        if not any(sign in folded for sign in _COPYRIGHT_SIGNS):
            continue
        for pattern in (_COPYRIGHT, _COPYRIGHT_AFTER):
            if (found := pattern.search(text)) and not AGENCY.search(text[: found.start()]):
                name = _clean(_COPYRIGHT_END.split(found["name"])[0])
                yield Candidate(name, block.start, block.end, "copyright", 0.75)
                break


def _from_visible(document: Document) -> Iterator[Candidate]:
    for i, block in enumerate(document.blocks):
        text = document.text[block.start : block.end]
        for start, end in find_legal_names(text) if len(text) < 2000 else ():
            if not AGENCY.search(text[:start]):
                yield Candidate(
                    text[start:end], block.start + start, block.start + end, "legal", 0.35
                )
        if len(text) > 90:
            continue
        if block.tag == "h1":
            yield Candidate(_clean(text), block.start, block.end, "heading", 0.3)
        elif block.tag in {"h2", "h3"}:
            yield Candidate(_clean(text), block.start, block.end, "heading", 0.12)
        elif i < 4 or "logo" in block.path or "vcard" in block.path:
            yield Candidate(_clean(text), block.start, block.end, "banner", 0.2)
        elif _address_follows(document, i):
            yield Candidate(_clean(text), block.start, block.end, "address", 0.35)


_STREET = re.compile(
    r"^(?:p\.? ?o\.? box|\d{1,5}[\w/-]*,? [A-Z]|(?:unit|suite|calle|c/|rue|via|av\.)\s"
    r"|[A-ZÄÖÜ][\w.'’ -]{2,30} \d{1,4}\b|\d{1,4},? (?:rue|avenue|bd))",
)


def _address_follows(document: Document, i: int) -> bool:
    if i + 1 >= len(document.blocks):
        return False
    after = document.blocks[i + 1]
    return bool(_STREET.match(document.text[after.start : after.end]))


# --- election -------------------------------------------------------------------------------------


def _elect(
    candidates: list[Candidate], host: str, hints: Hints
) -> tuple[Candidate, float, bool] | None:
    """The spelling that most places and the host agree on, its score 0..1, and whether it is sure
    enough to tie a legal name to it."""
    groups: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        if key := name_key(candidate.text):
            groups.setdefault(key, []).append(candidate)
    best: tuple[float, Candidate] | None = None
    for key, group in groups.items():
        score = _group_score(key, group, candidates, host, hints)
        spelled = _best_spelling(group)
        if best is None or score > best[0]:
            best = (score, spelled)
    if best is None or best[0] < NAME_SCORE_MIN:
        return None
    spoken = {c.source for c in groups[name_key(best[1].text)]} - {"legal", "address", "banner"}
    sure = best[0] >= (TIE_SCORE_MIN if spoken else SURE_SCORE_MIN)
    return best[1], min(1.0, best[0] / 2.5), sure


def _group_score(
    key: str, group: list[Candidate], everything: Iterable[Candidate], host: str, hints: Hints
) -> float:
    by_source: dict[str, float] = {}
    for candidate in group:
        by_source[candidate.source] = max(by_source.get(candidate.source, 0), candidate.weight)
    text = group[0].text
    score = sum(by_source.values()) + 0.9 * host_match(text, host)
    score += (
        0.1 * min(3, sum(c.source == "legal" for c in group) - 1) if "legal" in by_source else 0
    )
    if re.search(r"\w\.[a-z]{2,4}$", text):
        score -= 0.6  # a web address, not a name
    elif name_key(text) == name_key(host) and "-" in text:
        score -= 0.5
    if " " not in text:
        score -= 0.1
    if host and host_match(text, host) < 0.3 and set(by_source) <= {"title", "heading", "banner"}:
        score -= 0.3  # the page's subject, more likely than its owner
    person = read_name(text)
    if person and person.known and person.last:
        score -= 0.25
    if hints.company:
        score += fuzz.token_set_ratio(fold(hints.company), fold(text)) / 100
    words = re.findall(r"[^\W_]+", strip_legal_form(text).casefold())
    generic = sum(w in GENERIC for w in words)
    if generic and generic * 2 >= len(words):
        score -= 0.4
    if len(words) > 6:
        score -= 0.3
    if text == text.lower() and not host_match(text, host):
        score -= 0.3
    # Part of a longer proposal elsewhere: a small sign that it is the name inside a phrase.
    phrase = f" {' '.join(words)} "
    score += min(0.3, 0.1 * sum(phrase in f" {c.text.casefold()} " for c in everything))
    return score


def _best_spelling(group: list[Candidate]) -> Candidate:
    def rank(candidate: Candidate) -> tuple[bool, bool, float]:
        text = strip_legal_form(candidate.text)
        shouting = len(text) > 5 and text.isupper()
        return (not shouting and text != text.lower(), " " in text, candidate.weight)

    return max(group, key=rank)
