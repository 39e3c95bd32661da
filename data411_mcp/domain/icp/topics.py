"""Words that the seeds share and companies in general do not: what no list of trades holds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from data411_mcp.domain.extract.geo import COUNTRY_NAMES
from data411_mcp.domain.icp.industries import PHRASES
from data411_mcp.domain.icp.values import SiteSignals, Snippet
from data411_mcp.domain.icp.words import spans_of, tells, words_of

WORD_CHARS_MIN = 6  # of a single word; short ones say little
QUOTE_CHARS = 90  # to each side
INITIALS_MAX = 6
_COUNTRY_WORDS = frozenset(word for name in COUNTRY_NAMES for word in words_of(name))

# What any company's site says.
_COMMON = frozenset(
    """
    service solution customer client business product team quality experience support people
    industry world global value best leading leader trusted provide provider providing offer
    offering deliver delivering ensure enable create build building built develop development
    system technology technologies platform software digital innovative innovation management
    manage managing project process professional expert expertise partner partnership year time
    day week month number email phone address office location contact enquiry inquiry career job
    news event blog article resource download request quote demo free trial get start started learn
    more view all our mission vision value story history award certified certification standard
    commitment committed dedicated reliable efficient effective cost range wide variety need
    requirement community group holding international singapore asia pacific region regional local
    market growth future success successful performance result impact improve help simple easy
    fast better great good home page site online web portal account user information data
    different special specialised specialized including include various established founded since
    welcome hello thank thanks integrate integrated integration connect connected message submit
    form subscribe newsletter facebook linkedin instagram twitter youtube whatsapp tiktok monday
    tuesday wednesday thursday friday saturday sunday january february march april june july august
    september october november december opening hour direction telephone hotline feature featured
    please follow share find reach discover explore join together across everything everyone every
    """.split()
)


@dataclass(frozen=True, slots=True)
class Topic:
    words: str  # folded, without plurals
    shown: str  # as most of the sites write it
    support: int
    evidence: tuple[Snippet, ...]


def shared_topics(
    read: Sequence[SiteSignals],
    lost: Sequence[SiteSignals],
    *,
    at_least: int,
    told: Collection[str] = (),
) -> list[Topic]:
    """Phrases and telling words that at least so many sites show and no lost one does: the most
    widely shared first, a phrase before its words. `told`: trades that are conditions already;
    their own words say nothing new."""
    found: dict[str, list[tuple[SiteSignals, int, int]]] = {}
    for site in read:
        for term, (start, end) in _terms(site).items():
            found.setdefault(term, []).append((site, start, end))
    theirs = {term for site in lost for term in _terms(site)}
    said = {word for site in (*read, *lost) for word in _said_elsewhere(site)} | _COUNTRY_WORDS
    names = {term for site in (*read, *lost) for term in _parts_of_name(site.name)}
    rows = [
        (len(places), term, places)
        for term, places in found.items()
        if len(places) >= at_least
        and term not in theirs
        and term not in names
        and not said & set(term.split())
        and not _of_trade(term, told)
    ]
    rows.sort(key=lambda row: (-row[0], -row[1].count(" "), row[1]))
    taken: set[str] = set()
    out = []
    for support, term, places in rows:
        if taken & set(term.split()):
            continue
        taken |= set(term.split())
        written = Counter(_written(site.text[start:end]) for site, start, end in places)
        shown = min(written, key=lambda w: (-written[w], w))
        out.append(Topic(term, shown, support, tuple(_quote(*place) for place in places)))
    return out


def speaks_of(site: SiteSignals, value: str) -> Snippet | None:
    """The quote where the site's text has one of the words or phrases (parted by `|`)."""
    spans = spans_of(site.text)
    words = [word for word, _, _ in spans]
    for phrase in value.split("|"):
        wanted = [word for word, _, _ in spans_of(phrase)]
        for at in range(len(words) - len(wanted) + 1) if wanted else ():
            if words[at : at + len(wanted)] == wanted:
                return _quote(site, spans[at][1], spans[at + len(wanted) - 1][2])
    return None


def _terms(site: SiteSignals) -> dict[str, tuple[int, int]]:
    """Terms of a site's text with their first place."""
    spans = spans_of(site.text)
    out: dict[str, tuple[int, int]] = {}
    for at, (word, start, end) in enumerate(spans):
        if not _telling(word):
            continue
        beside = at + 1 < len(spans) and site.text[end : spans[at + 1][1]] in (" ", "-")
        goes_on = beside and _telling(spans[at + 1][0])
        # `refrigerated vans` tells something, `audited every year` does not.
        whole = not word.endswith(("ed", "ing", "ly")) or goes_on
        if whole and len(word) >= WORD_CHARS_MIN and (word,) not in PHRASES:
            out.setdefault(word, (start, end))
        if goes_on:
            out.setdefault(f"{word} {spans[at + 1][0]}", (start, spans[at + 1][2]))
    return out


def _telling(word: str) -> bool:
    return tells(word) and word not in _COMMON and len(word) >= 4 and word.isalpha()


def _of_trade(term: str, told: Collection[str]) -> bool:
    """Whether these are words by which one of the trades is known."""
    words = tuple(term.split())

    def of(phrase: tuple[str, ...]) -> bool:
        return any(slug in told for slug, _ in PHRASES.get(phrase, ()))

    return of(words) or all(of((word,)) for word in words)


def _said_elsewhere(site: SiteSignals) -> Iterator[str]:
    """Words that other conditions speak of, or that are a place."""
    parts = (site.city or "", *site.integrations, *site.tech_stack, *site.compliance)
    return (word for part in parts for word in words_of(part))


def _parts_of_name(name: str) -> Iterator[str]:
    words = words_of(name)
    yield from words
    yield from map(" ".join, pairwise(words))


def _written(text: str) -> str:
    """Lower case but for initials: `HACCP records`."""
    words = " ".join(text.split()).split(" ")
    return " ".join(w if w.isupper() and len(w) <= INITIALS_MAX else w.casefold() for w in words)


def _quote(site: SiteSignals, start: int, end: int) -> Snippet:
    """Of one line: the lines of a site's text need not stand beside each other on its page."""
    line = site.text.rfind("\n", 0, start) + 1
    over = site.text.find("\n", end)
    first = max(line, start - QUOTE_CHARS)
    said = site.text[first : min(over if over >= 0 else len(site.text), end + QUOTE_CHARS)]
    if first > line:
        said = said.partition(" ")[2] or said
    page = site.quotes.get("description") or next(iter(site.quotes.values()), None)
    return Snippet(
        url=page.url if page else f"https://{site.domain}/",
        text=re.sub(r"\s+", " ", said),
        page_sha256=page.page_sha256 if page else "",
    )
