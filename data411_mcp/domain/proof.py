"""Is a finding proven? The four conditions of the design, in order; the first that fails speaks.

(a) the quote stands in the canonical text of the stored page; (b) the value parses from the
quote; (c) the page is tied to the bound company by an anchor the finding did not bring along;
(d) the page is neither stale nor is the quote an instruction to a model.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from email.utils import parsedate_to_datetime

from data411_mcp.domain.evidence import Finding, Proof, ReadPage, SourceClass
from data411_mcp.domain.extract.contacts import normalize_email, normalize_phone
from data411_mcp.domain.extract.document import Span
from data411_mcp.domain.graph import Evidence, FieldName, IdentityCard, Status
from data411_mcp.domain.hosts import registrable_domain
from data411_mcp.domain.quotes import (
    QUOTE_MAX,
    find_quote,
    holds_sequence,
    holds_words,
    line_around,
    lines_around,
    words,
)
from data411_mcp.domain.ties import (
    STRONG,
    Tie,
    own_domains,
    phone_in,
    shows,
    tie,
)

# On an outside page an anchor of the company must stand within this many lines of the value.
ANCHOR_LINES = 5
# A person's words are looked for this many lines around a contact that is said to be theirs.
OWNER_LINES = 3
LABEL_WORDS_MAX = 3
_GONE = re.compile(
    r"\b(former(ly)?|ex-|until (19|20)\d\d|retired|passed away|in memoriam|left (us|the company)|"
    r"no longer|ehemalig\w*|ancien(ne)?|previously)\b",
    re.IGNORECASE,
)
_OLD_YEAR_IN_URL = re.compile(r"(?<!\d)(19[89]\d|20[0-4]\d)(?!\d)")
_CONTACTS = frozenset({FieldName.PHONE, FieldName.EMAIL})
_PEOPLE = frozenset({FieldName.PERSON, FieldName.TITLE})


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a proof needs beside the page: the company, its country, and the day."""

    identity: IdentityCard
    country: str | None
    stale_before: date


class _Unproven(Exception):
    """Internal: which condition failed, and whether the finding may enter the graph at all."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def normalize_value(field: FieldName, value: str, country: str | None) -> str | None:
    """The stored form of a value, or None when it is not a value of that field."""
    value = " ".join(value.split())
    if field is FieldName.PHONE:
        return normalize_phone(value, country)
    if field in (FieldName.EMAIL, FieldName.COMPANY_EMAIL):
        return normalize_email(value)
    if field in (FieldName.LINK, FieldName.LINKEDIN_URL):
        return value.rstrip("/") if re.match(r"https?://", value) else None
    if field in (FieldName.FOUNDED_YEAR, FieldName.INCORPORATION_YEAR):
        year = re.search(r"\b(1[5-9]\d\d|20\d\d)\b", value)
        return year[1] if year else None
    if field is FieldName.HQ_COUNTRY:
        return value.upper() if re.fullmatch(r"[A-Za-z]{2}", value) else None
    return value or None


def prove(finding: Finding, read: ReadPage | None, around: Circumstances) -> Proof:
    """The verdict on one finding. Never raises; an unproven finding says why."""
    value = normalize_value(finding.field, finding.value, around.country)
    if value is None:
        return _held_back(finding, finding.value, "not a valid value")
    if read is None:
        return _held_back(finding, value, "the source page could not be read")
    try:
        span = _quote(finding, value, read, around.country)
        _parses(finding, value, read.page.text[span.start : span.end], around.country)
        _is_not_instruction(span, read)
        _belongs_to_owner(finding, value, span, read, around.identity)
        tied = tie(read, around.identity).without(value)
        verdict, reason = _verdict(finding, value, span, read, tied, around)
    except _Unproven as failed:
        return _held_back(finding, value, failed.reason)
    quote = line_around(read.page.text, span)
    evidence = Evidence(
        url=read.page.final_url,
        page_sha256=read.page.sha256,
        start=quote.start,
        end=quote.end,
        quote=read.page.text[quote.start : quote.end],
        slot=finding.slot,
        fetched_at=read.page.fetched_at,
        reader=read.page.reader,
        source=tied.source.value,
        tied_by=tied.kinds,
        verdict=verdict,
        stated_at=read.document.modified,
    )
    status = {"proven": Status.PROVEN, "stale": Status.STALE}.get(verdict, Status.UNPROVEN)
    return Proof(finding, status, reason, value, evidence, tied.source, tied.kinds)


def _held_back(finding: Finding, value: str, reason: str) -> Proof:
    return Proof(finding, Status.UNPROVEN, reason, value, None, None, hold_back=True)


# --- (a) the quote is found again ---------------------------------------------------------


def _quote(finding: Finding, value: str, read: ReadPage, country: str | None) -> Span:
    text = read.page.text
    if finding.start is not None and finding.end is not None:
        if 0 <= finding.start < finding.end <= len(text):
            return Span(finding.start, finding.end)
        raise _Unproven("the offsets lie outside the page")
    if finding.quote:
        if len(finding.quote) > 4 * QUOTE_MAX:
            raise _Unproven("the quote is too long to be one")
        span = find_quote(text, finding.quote)
        if span is None:
            raise _Unproven("the quote is not on the page")
        return span
    for fact in read.facts.facts:
        if fact.field is finding.field and fact.value == value:
            return Span(fact.start, fact.end)
    span = find_quote(text, finding.value) or find_quote(text, value)
    if span is None:
        raise _Unproven("the value is not on the page")
    return span


# --- (b) the value parses from the quote --------------------------------------------------


def _parses(finding: Finding, value: str, quote: str, country: str | None) -> None:
    reader = _READERS.get(finding.field, _holds_value)
    if finding.field is FieldName.HQ_COUNTRY or finding.rule:
        # Our own rules derive a country from many signs; their quote is the sign itself.
        return
    if not reader(quote, value, country):
        raise _Unproven("the quote does not say this value")


def _holds_phone(quote: str, value: str, _country: str | None) -> bool:
    return phone_in(quote, value)


def _holds_email(quote: str, value: str, _country: str | None) -> bool:
    return value in quote.casefold() or value in re.sub(
        r"\s*[\[({]\s*(at|dot)\s*[\])}]\s*",
        lambda m: "@" if m[1].lower() == "at" else ".",
        quote.casefold(),
    )


def _holds_name(quote: str, value: str, _country: str | None) -> bool:
    return holds_sequence(quote, value) or holds_words(quote, value)


def _holds_address(quote: str, value: str, _country: str | None) -> bool:
    return holds_words(quote, value, share=0.7) and all(
        number in words(quote) for number in words(value) if number.isdigit()
    )


def _holds_link(quote: str, value: str, _country: str | None) -> bool:
    bare = re.sub(r"^https?://(www\.)?", "", value.casefold()).rstrip("/")
    return bare in quote.casefold()


def _holds_number(quote: str, value: str, _country: str | None) -> bool:
    digits = re.sub(r"(?<=\d)[,. ](?=\d{3}\b)", "", quote)
    return all(n in re.findall(r"\d+", digits) for n in re.findall(r"\d+", value))


def _holds_value(quote: str, value: str, _country: str | None) -> bool:
    return holds_sequence(quote, value.partition(":")[2] or value)


_READERS: dict[FieldName, Callable[[str, str, str | None], bool]] = {
    FieldName.PHONE: _holds_phone,
    FieldName.EMAIL: _holds_email,
    FieldName.COMPANY_EMAIL: _holds_email,
    FieldName.PERSON: _holds_name,
    FieldName.TITLE: _holds_name,
    FieldName.LEGAL_NAME: _holds_name,
    FieldName.TRADE_NAME: _holds_name,
    FieldName.NAME: _holds_name,
    FieldName.ADDRESS: _holds_address,
    FieldName.LINK: _holds_link,
    FieldName.LINKEDIN_URL: _holds_link,
    FieldName.EMPLOYEES_EST: _holds_number,
    FieldName.FOUNDED_YEAR: _holds_number,
    FieldName.INCORPORATION_YEAR: _holds_number,
}


# --- (d) not an instruction, not stale ----------------------------------------------------


def _is_not_instruction(span: Span, read: ReadPage) -> None:
    quote = line_around(read.page.text, span)
    for planted in read.facts.instructions:
        if planted.start < quote.end and quote.start < planted.end:
            raise _Unproven("the passage is addressed to a model, not to readers")


def _is_stale(finding: Finding, span: Span, read: ReadPage, around: Circumstances) -> str | None:
    if finding.field in _PEOPLE and _GONE.search(lines_around(read.page.text, span, 0)):
        return "the page says this person is no longer there"
    stated = read.document.modified
    if stated is not None and stated[:10] < around.stale_before.isoformat():
        return f"the page was last updated {stated[:10]}"
    if finding.field not in _PEOPLE:
        return None
    modified = _http_date(read.page.headers.get("last-modified"))
    if modified is not None and modified < around.stale_before:
        return f"the page was last changed {modified.isoformat()}"
    years = [int(y) for y in _OLD_YEAR_IN_URL.findall(read.page.final_url)]
    if years and max(years) < around.stale_before.year:
        return f"the page is of {max(years)}"
    return None


def _http_date(value: str | None) -> date | None:
    if not value:
        return None
    try:
        parsed: datetime = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    return parsed.date()


# --- whose value is it --------------------------------------------------------------------


def _belongs_to_owner(
    finding: Finding, value: str, span: Span, read: ReadPage, identity: IdentityCard
) -> None:
    """A value of somebody else on a true page is the commonest lie: look at who it belongs to."""
    if finding.rule:
        return  # our own extraction already decided the owner
    facts = read.facts
    others = {f.value for f in facts.not_ours if f.field is finding.field}
    ours = [f for f in facts.facts if f.field is finding.field and f.value == value]
    if value in others and not ours:
        raise _Unproven("the page gives this for another organisation")
    if finding.field is FieldName.PERSON and not _is_staff(value, span, read, identity):
        raise _Unproven("the page does not say this person works at the company")
    if finding.person is None or finding.field is FieldName.PERSON:
        return
    quote_and_lines = lines_around(read.page.text, span, OWNER_LINES)
    if not holds_words(quote_and_lines, finding.person):
        raise _Unproven("the page does not tie this to that person")
    if finding.field in _CONTACTS and _line_is_of_another(finding.person, span, read):
        raise _Unproven("the line speaks of somebody else")
    nearer = _nearest_person(span, read)
    if nearer is not None and not _same_words(nearer, finding.person):
        raise _Unproven("the page gives this for another person")


def _is_staff(name: str, span: Span, read: ReadPage, identity: IdentityCard) -> bool:
    """Our own reading says so; or a register does; or an outside page names both in a line."""
    staff = [f for f in read.facts.facts if f.field is FieldName.PERSON]
    if any(_same_words(f.value, name) for f in staff) or read.page.reader == "api":
        return True
    if registrable_domain(read.page.final_url) in own_domains(identity):
        return False
    line = lines_around(read.page.text, span, 0)
    return any(
        holds_sequence(line, a.value)
        for a in identity.anchors
        if a.kind in {"name", "legal_name", "domain"}
    )


def _same_words(a: str, b: str) -> bool:
    first, second = set(words(a)), set(words(b))
    return bool(first & second) and (first <= second or second <= first)


def _line_is_of_another(person: str, span: Span, read: ReadPage) -> bool:
    """A contact's line that does not name the person may hold a label, not a sentence: the
    sentence would be about a colleague whose name our extraction does not know."""
    line = lines_around(read.page.text, span, 0)
    if holds_words(line, person.split()[-1]) or holds_words(line, person):
        return False
    bare = re.sub(r"\S+@\S+|https?://\S+|[\d+().\-/]+", " ", line)
    return len(re.findall(r"[^\W\d_]{2,}", bare)) > LABEL_WORDS_MAX


def _nearest_person(span: Span, read: ReadPage) -> str | None:
    """The staff name that stands last before the span within `OWNER_LINES`, or on its line."""
    people = [f for f in read.facts.facts if f.field is FieldName.PERSON]
    text = read.page.text
    line = line_around(text, span)
    on_line = [f for f in people if f.start < line.end and line.start < f.end]
    if len({f.value for f in on_line}) == 1:
        return on_line[0].value
    if on_line:
        return None  # several names on the line: the quote itself must decide
    before = [
        f
        for f in people
        if f.end <= span.start and text.count("\n", f.end, span.start) <= OWNER_LINES
    ]
    return max(before, key=lambda f: f.end).value if before else None


def _near_anchor(span: Span, value: str, read: ReadPage, identity: IdentityCard) -> bool:
    """On somebody else's page the company must be spoken of right there, not just somewhere."""
    near = lines_around(read.page.text, span, ANCHOR_LINES)
    return any(
        holds_sequence(near, a.value) if a.kind in {"name", "legal_name"} else shows(near, a)
        for a in identity.anchors
        if a.kind in STRONG | {"name", "legal_name"} and a.value != value
    )


# --- (c) the source is tied, and weighty enough -------------------------------------------


def _verdict(
    finding: Finding, value: str, span: Span, read: ReadPage, tied: Tie, around: Circumstances
) -> tuple[str, str]:
    """`proven`, `alone` (needs a second origin) or `stale`, with the reason for the latter two."""
    if read.facts.kind in {"error", "parked"}:
        raise _Unproven("the page is an error page or a parked domain")
    if not tied.holds:
        raise _Unproven("nothing on the page ties it to this company; it may be a namesake")
    stale = _is_stale(finding, span, read, around)
    if stale is not None:
        return "stale", stale
    if tied.source in (SourceClass.OWN_SITE, SourceClass.REGISTRY):
        return "proven", ""
    if not _near_anchor(span, value, read, around.identity):
        raise _Unproven("the page does not say this about the company")
    if tied.source is SourceClass.DIRECTORY:
        return "alone", "only a directory says so"
    if finding.submitted_by_caller:
        return "alone", "only a source handed in by the caller says so"
    if tied.strong >= 2 and not finding.rule:
        return "proven", ""
    return "alone", "one outside source says so; a second one would settle it"
