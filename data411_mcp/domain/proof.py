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
from data411_mcp.domain.places import state_spellings
from data411_mcp.domain.quotes import (
    QUOTE_MAX,
    find_quote,
    holds_sequence,
    holds_words,
    line_around,
    lines_around,
    says_more_than_a_label,
    sentence_around,
    words,
)
from data411_mcp.domain.slots import SITE
from data411_mcp.domain.ties import (
    STREET_WORDS,
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
_GONE = re.compile(
    r"\b(former(ly)?|ex-|until (19|20)\d\d|retired|passed away|in memoriam|left (us|the company)|"
    r"no longer|ehemalig\w*|ancien(ne)?|previously)\b",
    re.IGNORECASE,
)
_OLD_YEAR_IN_URL = re.compile(r"(?<!\d)(19[89]\d|20[0-4]\d)(?!\d)")
_CONTACTS = frozenset({FieldName.PHONE, FieldName.EMAIL})
_DATED = (
    r"\b(updated|revised|as of|modified|reviewed|stand|état|aktualisiert|actualis|aggiornat)\w*"
)
_PEOPLE = frozenset({FieldName.PERSON, FieldName.TITLE})


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a proof needs beside the page: the company, its country, the day, and the sites that
    only the caller vouches for."""

    identity: IdentityCard
    country: str | None
    stale_before: date
    vouched: frozenset[str] = frozenset()


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
    country = around.country or _country_of(read)
    value = normalize_value(finding.field, finding.value, country)
    if value is None:
        return _held_back(finding, finding.value, "not a valid value")
    if read is None:
        return _held_back(finding, value, "the source page could not be read")
    try:
        quote_span = _quote(finding, value, read)
        _parses(finding, value, read.page.text[quote_span.start : quote_span.end])
        # Where the value itself stands: a quote may straddle two people or two firms.
        span = quote_span if finding.rule else locate(finding, value, read.page.text, quote_span)
        _is_not_instruction(span, read)
        _belongs_to_owner(finding, value, span, read, around.identity)
        tied = tie(read, around.identity, value=value)
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


def _country_of(read: ReadPage | None) -> str | None:
    """The country that the page itself gives, for numbers in national form."""
    facts = read.facts.facts if read is not None else ()
    return next((f.value for f in facts if f.field is FieldName.HQ_COUNTRY), None)


def locate(finding: Finding, value: str, text: str, within: Span) -> Span:
    """Where the value stands within its quote; the quote where it cannot be told."""
    quote = text[within.start : within.end]
    if finding.field is FieldName.PHONE:
        digits = re.sub(r"\D", "", value)[-7:]
        found = re.search(r"\D{0,3}".join(digits), quote)
        return Span(within.start + found.start(), within.start + found.end()) if found else within
    inner = find_quote(quote, value) or find_quote(quote, finding.value)
    if inner is None:
        return within
    return Span(within.start + inner.start, within.start + inner.end)


def _held_back(finding: Finding, value: str, reason: str) -> Proof:
    return Proof(finding, Status.UNPROVEN, reason, value, None, None, hold_back=True)


# --- (a) the quote is found again ---------------------------------------------------------


def _quote(finding: Finding, value: str, read: ReadPage) -> Span:
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


def _parses(finding: Finding, value: str, quote: str) -> None:
    if finding.rule:
        return  # our own rules read the value there; some derive it, and quote the sign itself
    if not _READERS.get(finding.field, holds_sequence)(quote, value):
        raise _Unproven("the quote does not say this value")


def _holds_email(quote: str, value: str) -> bool:
    return value in quote.casefold() or value in re.sub(
        r"\s*[\[({]\s*(at|dot)\s*[\])}]\s*",
        lambda m: "@" if m[1].lower() == "at" else ".",
        quote.casefold(),
    )


NAME_GAP_WORDS = 2  # middle names and initials between the first and the last


def _holds_person(quote: str, value: str) -> bool:
    """First and last name in order, at most a middle name or two between them, on one line."""
    wanted = words(value)
    for line in quote.splitlines():
        have = words(line)
        for i, word in enumerate(have):
            if word != wanted[0]:
                continue
            if wanted[-1] in have[i : i + len(wanted) + NAME_GAP_WORDS]:
                return True
    return False


# Words that spellings of one address leave out or write differently.
_LOOSE = (STREET_WORDS - {"way", "the"}) | {
    "us", "usa", "uk", "united", "states", "kingdom", "of", "america", "germany", "australia",
    "canada",
}  # fmt: skip


def _holds_address(quote: str, value: str) -> bool:
    """All of one address in one place: what is missing may only be a matter of spelling."""
    wanted, have = words(value), words(quote)
    number = next((w for w in wanted if w[0].isdigit()), wanted[0])
    places = set(state_spellings(wanted[-1])) | {w for x in wanted for w in state_spellings(x)}
    needed = {w for w in wanted if w not in _LOOSE and w not in places}
    return any(
        needed <= set(have[max(0, i - 3) : i + len(wanted) + 4])
        for i, word in enumerate(have)
        if word == number
    )


def _holds_link(quote: str, value: str) -> bool:
    bare = re.sub(r"^https?://(www\.)?", "", value.casefold()).rstrip("/")
    return bool(re.search(rf"(?<![=%\w]){re.escape(bare)}(?![\w-])", quote.casefold()))


def _numbers(text: str) -> list[str]:
    return re.findall(r"\d+", re.sub(r"(?<=\d)[,. ](?=\d{3}\b)", "", text))


def _holds_number(quote: str, value: str) -> bool:
    return all(n in _numbers(quote) for n in _numbers(value))


_STAFF = re.compile(
    r"employ|staff|people|team|workers|mitarbeit|collaborat|salari|dipendent|emplead|medewerk",
    re.IGNORECASE,
)


def _holds_employees(quote: str, value: str) -> bool:
    return _holds_number(quote, value) and bool(_STAFF.search(quote))


def _holds_id(quote: str, value: str) -> bool:
    return holds_sequence(quote, value.partition(":")[2] or value)


_READERS: dict[FieldName, Callable[[str, str], bool]] = {
    FieldName.PHONE: phone_in,
    FieldName.EMAIL: _holds_email,
    FieldName.COMPANY_EMAIL: _holds_email,
    FieldName.PERSON: _holds_person,
    FieldName.ADDRESS: _holds_address,
    FieldName.LINK: _holds_link,
    FieldName.LINKEDIN_URL: _holds_link,
    FieldName.REGISTRY_ID: _holds_id,
    FieldName.EMPLOYEES_EST: _holds_employees,
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
    old = stated is not None and stated[:10] < around.stale_before.isoformat()
    # A template's own date says little about a phone number; a line on the page does.
    if stated and old and (finding.field in _PEOPLE or _says_its_age(read, stated[:4])):
        return f"the page was last updated {stated[:10]}"
    if finding.field not in _PEOPLE:
        return None
    modified = _http_date(read.page.headers.get("last-modified"))
    if modified is not None and modified < around.stale_before:
        return f"the page was last changed {modified.isoformat()}"
    # A profile's address may end in any number.
    address = "" if read.page.reader == "apify" else read.page.final_url
    years = [int(y) for y in _OLD_YEAR_IN_URL.findall(address)]
    if years and max(years) < around.stale_before.year:
        return f"the page is of {max(years)}"
    return None


def _says_its_age(read: ReadPage, year: str) -> bool:
    visible = read.page.text[: read.document.visible_end]
    return bool(re.search(rf"{_DATED}[^\n]{{0,40}}{year}", visible, re.IGNORECASE))


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
    _is_not_said_of_another(finding, span, read, identity)
    others = {f.value for f in facts.not_ours if f.field is finding.field}
    ours = [f for f in facts.facts if f.field is finding.field and f.value == value]
    if value in others and not ours:
        raise _Unproven("the page gives this for another organisation")
    if finding.field is FieldName.PERSON and not _is_staff(value, span, read, identity):
        raise _Unproven("the page does not say this person works at the company")
    if finding.person is None or finding.field is FieldName.PERSON:
        return
    holders = {f.person for f in ours if f.person}
    if holders and not any(_same_words(h, finding.person) for h in holders):
        raise _Unproven("the page gives this for another person")
    quote_and_lines = lines_around(read.page.text, span, OWNER_LINES)
    if not holds_words(quote_and_lines, finding.person):
        raise _Unproven("the page does not tie this to that person")
    if finding.field in _CONTACTS and _line_is_of_another(finding.person, span, read):
        raise _Unproven("the line speaks of somebody else")
    nearer = _nearest_person(span, read)
    if nearer is not None and not _same_words(nearer, finding.person):
        raise _Unproven("the page gives this for another person")


_OTHER_FIRM = re.compile(
    r"^[\s,]*(?:of|at|for|from|with|bei|chez|di|de)\s+(?:the\s+)?(?P<firm>[A-Z][\w&'’-]+(?:\s+[A-Z][\w&'’-]+)*)"
)
_VISITORS = frozenset({"comment", "comments", "review", "reviews", "testimonial", "testimonials",
                       "guestbook", "forum", "reply", "replies"})  # fmt: skip
_LEGAL_CUE = re.compile(
    r"©|copyright|trade name|d/?b/?a|legal|register|company (no|number)|operated by|impressum|"
    r"owned by|trading as|llc|inc\b|ltd|gmbh|terms|privacy|imprint|vat|uen",
    re.IGNORECASE,
)
_PARENT_CUE = re.compile(
    r"subsidiary of|division of|owned by|part of|acquired by|parent|holding|a .{0,30}company|group",
    re.IGNORECASE,
)


def _is_not_said_of_another(
    finding: Finding, span: Span, read: ReadPage, identity: IdentityCard
) -> None:
    """What stands on a page may be about its visitors, its partners or somebody's old employer."""
    text = read.page.text
    block = next((b for b in read.document.blocks if b.start <= span.start < b.end), None)
    if block is not None and _VISITORS & set(words(block.path)):
        raise _Unproven("a visitor of the page wrote this")
    names = [a.value for a in identity.anchors if a.kind in {"name", "legal_name", "domain"}]
    if finding.field in _PEOPLE:
        after = _OTHER_FIRM.match(text[span.end : span.end + 120])
        if after and not any(words(after["firm"])[0] in words(n) for n in names):
            raise _Unproven("the page says this of another firm")
    line = lines_around(text, span, 0)
    if finding.field is FieldName.PARENT and not _PARENT_CUE.search(line):
        raise _Unproven("the page does not say that this is the parent")
    if finding.field is FieldName.LEGAL_NAME and read.page.reader != "api":
        known = {f.value for f in read.facts.facts if f.field is FieldName.LEGAL_NAME}
        if finding.value not in known and not _LEGAL_CUE.search(line):
            raise _Unproven("the page does not give this as the legal name")


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
    return says_more_than_a_label(line)


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
    if tied.source is SourceClass.REGISTRY:
        return "proven", ""
    if tied.source is SourceClass.OWN_SITE:
        return _on_own_site(finding, read)
    if not _near_anchor(span, value, read, around.identity):
        raise _Unproven("the page does not say this about the company")
    if tied.source is SourceClass.DIRECTORY:
        return "alone", "only a directory says so"
    host = registrable_domain(read.page.final_url)
    if finding.submitted_by_caller or host in around.vouched:
        return "vouched", "only a source handed in by the caller says so"
    if tied.strong >= 2 and not finding.rule and _in_one_sentence(span, value, read, around):
        return "proven", ""
    return "alone", "one outside source says so; a second one would settle it"


_OPEN_TO_ALL = re.compile(
    r"//(?:community|forums?|jobs|boards?|reviews?|answers|users?)\.|"
    r"/(?:community|forums?|reviews?|comments?|guestbook|users?|profiles?|search|jobs)(?:/|$|\?)",
    re.IGNORECASE,
)


def _on_own_site(finding: Finding, read: ReadPage) -> tuple[str, str]:
    """The company's own page proves, unless anybody may write there or its address does."""
    url = read.page.final_url
    if _OPEN_TO_ALL.search(url):
        return "alone", "visitors can write on that part of the site"
    if "?" in url and finding.slot != SITE:
        return "alone", "a page can be made to show what its address asks for"
    return "proven", ""


def _in_one_sentence(span: Span, value: str, read: ReadPage, around: Circumstances) -> bool:
    """One sentence of the outside page names the company and the value together."""
    sentence = sentence_around(read.page.text, span)
    return any(
        holds_sequence(sentence, a.value)
        if a.kind in {"name", "legal_name"}
        else shows(sentence.replace(value, " "), a)
        for a in around.identity.anchors
        if a.kind in STRONG | {"name", "legal_name"} and a.value != value
    )
