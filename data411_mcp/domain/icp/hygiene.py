"""Which candidates are companies at all: the gates between a search result and a shortlist."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from data411_mcp.domain.extract.decode import document_from_text
from data411_mcp.domain.extract.document import Document
from data411_mcp.domain.extract.kinds import page_kind
from data411_mcp.domain.hosts import SHARED_HOSTS, ascii_host, registrable_domain
from data411_mcp.domain.icp.acra import name_key
from data411_mcp.domain.icp.not_companies import (
    D_WORDS,
    DENIED,
    DENIED_SUFFIXES,
    F_WORDS,
    LEAK_BRANDS,
)
from data411_mcp.domain.icp.values import Candidate, SiteSignals

HOST_CHARS_MAX = 253
TEXT_CHARS_MIN = 40  # a page that says less says nothing
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_FILE_ENDINGS = frozenset(
    "html htm php asp aspx jsp pdf doc docx xls xlsx ppt pptx jpg jpeg png gif svg css js json xml"
    " txt csv".split()
)
# What is left of a percent-escape when its `%` was lost: %2F, %3D, %3A, %26, %25, %20, %40.
_LEAK = re.compile(r"(?:2f|3d|3a|26|25|20|40)+(?=[a-z0-9])")
_LISTING_PATH = re.compile(
    r"/(?:standards?|regulations?|polic(?:y|ies)|associations?|director(?:y|ies)|glossary|wiki"
    r"|expo|trade-?fairs?|exhibitions?|exhibitors?|conferences?)(?:/|\Z)",
    re.IGNORECASE,
)
_LISTING_TITLE = re.compile(
    r"\b(?:top|best|leading|largest)\s+(?:\d+\s+)?(?:[\w&'-]+\s+){0,6}"
    r"(?:companies|firms|startups|suppliers|providers|manufacturers|distributors|agencies)\b"
    r"|\b(?:list|directory)\s+of\b|\bcompany\s+profile\b|\bmarket\s+(?:size|report|research)\b",
    re.IGNORECASE,
)


_ASSOCIATION = re.compile(
    r"\b(?:association|federation)\s*(?:\([A-Z]+\)\s*)?\Z|\b(?:association|federation) of\b"
    r"|\bchambers? of commerce\b|\btrade (?:association|body)\b",
    re.IGNORECASE,
)


class Drop(StrEnum):
    """Why a candidate was left out; the words of the counters."""

    NO_HOST = "no_host"
    MALFORMED_HOST = "malformed_host"
    SHARED_HOST = "shared_host"  # a social network, builder or mail provider: nobody's own site
    DIRECTORY = "directory"
    NEWS = "news"
    GOVERNMENT = "government"
    STANDARDS_BODY = "standards_body"
    REFERENCE = "reference"  # encyclopaedias, market reports, law texts
    LISTING_PAGE = "listing_page"
    OWN_COMPANY = "own_company"
    SEED = "seed"
    LOST_CUSTOMER = "lost_customer"
    ASSOCIATION = "association"  # of companies: no company itself
    DUPLICATE = "duplicate"
    ERROR_PAGE = "error_page"
    PARKED = "parked"
    EMPTY_PAGE = "empty_page"
    ELSEWHERE = "leads_elsewhere"  # its address leads to another company's site


@dataclass(frozen=True, slots=True)
class Exclude:
    """Registrable domains that are known already. `names`: what seeds and lost ones are called,
    by the first label of their domain, for they have sites under other endings too."""

    own: frozenset[str] = frozenset()
    seeds: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gated:
    """`kept` in their order, domains normalised; `dropped` counts by reason, `why` by domain (of
    a malformed one as it came)."""

    kept: tuple[Candidate, ...] = ()
    dropped: dict[str, int] = field(default_factory=dict)
    why: dict[str, Drop] = field(default_factory=dict)


def gate(candidates: Iterable[Candidate], exclude: Exclude) -> Gated:
    """Candidates that may be companies of their own, each domain once, the first source's row."""
    kept: dict[str, Candidate] = {}
    dropped: Counter[str] = Counter()
    why: dict[str, Drop] = {}
    for candidate in candidates:
        said = f"{candidate.name} {candidate.snippet}"
        domain, reason = host_verdict(candidate.domain or candidate.url, said)
        listing = not candidate.source.startswith("csv") and _is_listing(candidate)
        reason = reason or _known(domain, exclude) or _regional(domain, said, exclude)
        reason = reason or (Drop.LISTING_PAGE if listing else None)
        if reason is None and _is_association(candidate, exclude):
            reason = Drop.ASSOCIATION
        if reason is None and domain in kept:
            reason = Drop.DUPLICATE
        if reason is not None:
            dropped[reason] += 1
            if reason is not Drop.DUPLICATE:
                why.setdefault(domain or candidate.domain, reason)
            continue
        kept[domain] = candidate.model_copy(update={"domain": domain})
    return Gated(tuple(kept.values()), dict(dropped), why)


def host_verdict(host_or_url: str, said: str = "") -> tuple[str, Drop | None]:
    """(registrable domain, why it is no company's own host or None)."""
    host = _host(host_or_url)
    if not host:
        return "", Drop.NO_HOST
    if not well_formed(host, said):
        return host, Drop.MALFORMED_HOST
    domain = registrable_domain(host)
    if host in SHARED_HOSTS or domain in SHARED_HOSTS:
        return domain, Drop.SHARED_HOST
    for suffix, reason in DENIED_SUFFIXES.items():
        if domain == suffix or f".{host}".endswith(f".{suffix}"):
            return domain, Drop(reason)
    known = DENIED.get(domain)
    return domain, Drop(known) if known else None


def well_formed(host: str, said: str = "") -> bool:
    """Whether a name can be a company's host: labels as DNS has them, at least two, no address,
    no file's ending, and nothing left of a broken percent-escape (`2fobbo.sg`). A name that only
    begins like one stays: `2fast.com` is a company. `said`: what the company calls itself."""
    host = ascii_host(host)
    labels = host.split(".")
    if len(host) > HOST_CHARS_MAX or len(labels) < 2 or not all(map(_LABEL.fullmatch, labels)):
        return False
    last = labels[-1]
    if last.isdigit() or len(last) < 2 or last in _FILE_ENDINGS:
        return False
    return not _leaked(host, labels[0], said.casefold())


def _leaked(host: str, label: str, said: str) -> bool:
    """`2fobbo.sg`, `3ddoordash.com`, `2fwww.acme.com`: an escape's two characters stand before
    what is itself a host. What the company calls itself decides; else a `www`, a scheme, several
    escapes, a name that everybody knows, or letters that do not go on as a word."""
    found = _LEAK.match(host)
    if found is None:
        return False
    rest, name = host[found.end() :], label[found.end() :]
    if rest.startswith(("www.", "http")) or len(found[0]) > 2 or name in LEAK_BRANDS:
        return True
    calls_itself = {word for word in (label, name) if _has_word(said, word)}
    if len(calls_itself) == 1:
        return label not in calls_itself
    if found[0] == "2f":
        return len(name) > 1 and not f"f{name}".startswith(F_WORDS)
    # "3d" is a word itself (3dsystems.com); before another d it is one only before a word with d.
    return found[0] == "3d" and name.startswith("d") and not name.startswith(D_WORDS)


def _has_word(said: str, word: str) -> bool:
    return bool(word) and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", said) is not None


def page_verdict(document: Document) -> Drop | None:
    """Why a fetched page is nobody's site: an error, a bot wall, a parked domain, a directory, or
    no text at all."""
    kind = page_kind(document)
    if kind == "error":
        return Drop.ERROR_PAGE
    if kind == "parked":
        return Drop.PARKED
    if kind == "directory":
        return Drop.DIRECTORY
    visible = document.text[: document.visible_end].strip()
    return Drop.EMPTY_PAGE if len(visible) < TEXT_CHARS_MIN else None


def domains_of(site: SiteSignals) -> frozenset[str]:
    """The domain it was asked under, and that of the pages it was read from."""
    read = {registrable_domain(q.url) for q in site.quotes.values() if q.page_sha256}
    return frozenset(d for d in {site.domain, *read} if d)


def landing_verdict(
    domain: str, landed_on: str, exclude: Exclude, others: Collection[str] = ()
) -> Drop | None:
    """Why a page is not of the company that was asked for: the address led to a seed, to another
    candidate, or to somebody else. Another ending of the same name is the same company."""
    landed = registrable_domain(landed_on)
    if not landed or landed == domain:
        return None
    if known := host_verdict(landed)[1] or _known(landed, exclude):
        return known
    if landed in others:
        return Drop.DUPLICATE
    return None if landed.partition(".")[0] == domain.partition(".")[0] else Drop.ELSEWHERE


def text_verdict(text: str, url: str = "") -> Drop | None:
    """As `page_verdict` for text alone, a search result's snippet for one: short is no fault."""
    found = page_verdict(document_from_text(text, url=url))
    return None if found is Drop.EMPTY_PAGE and text.strip() else found


def _host(host_or_url: str) -> str:
    """The host as it stands, escapes and all: what is wrong with it is to be seen."""
    text = host_or_url.strip()
    if "//" in text:
        try:
            text = urlsplit(text).netloc.rpartition("@")[2]
        except ValueError:
            return "[" if text else ""
    text = re.sub(r":\d*\Z", "", text.split("/", 1)[0])
    return ascii_host(text)


def _known(domain: str, exclude: Exclude) -> Drop | None:
    if domain in exclude.own:
        return Drop.OWN_COMPANY
    if domain in exclude.seeds:
        return Drop.SEED
    return Drop.LOST_CUSTOMER if domain in exclude.lost else None


def _regional(domain: str, said: str, exclude: Exclude) -> Drop | None:
    """A seed's site under another ending: the same label, and the same name on it. The label
    alone is no proof: two firms share one."""
    name = exclude.names.get(domain.partition(".")[0], "")
    words = name_key(name).split()
    return Drop.SEED if words and set(words) <= set(name_key(said).split()) else None


def _is_association(candidate: Candidate, exclude: Exclude) -> bool:
    """Unless the user named it, or sells to such."""
    if candidate.source.startswith("csv") or not _ASSOCIATION.search(candidate.name):
        return False
    return not any(_ASSOCIATION.search(name) for name in exclude.names.values())


def _is_listing(candidate: Candidate) -> bool:
    """A page about many companies: a search vendor brings up more of these than of companies."""
    path = ""
    if "//" in candidate.url:
        try:
            path = unquote(urlsplit(candidate.url).path)
        except ValueError:
            return False
    return bool(_LISTING_PATH.search(path) or _LISTING_TITLE.search(candidate.name))
