"""Checking prose that a model wrote about a graph, line by line.

A line of our own draft passes. Any other line may name only what is proven, each fact beside the
number of a source that holds it, each phone, e-mail and title on its owner's line; contested and
stale values only where the line calls them so. What only the CRM says must be said to be the
CRM's. In doubt a line is a stray: our own writer's summary is there to be used instead.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

import phonenumbers

from data411_mcp.domain.graph import COMPANY, Backfill, FieldName, Statement, Status
from data411_mcp.domain.legal_forms import strip_legal_form
from data411_mcp.domain.merge import statements_of
from data411_mcp.domain.prose_words import GRAVE, NEGATIVE, PLAIN, ROLES
from data411_mcp.domain.summary import plain_text, write_with_sources

SHOWN_CHARS_MAX = 120

_MARKUP = re.compile(
    r"<\s*[/!a-zA-Z]|!\[|\]\(\s*(?!https?://|mailto:|tel:)|\]\[(?!\d)|^\s*\[[^\]]+\]:"
)
_CITATION = re.compile(r"\[(\d{1,3})\]")
_SOURCE_ROW = re.compile(r"\s*(?:\d+[.)]|\[\d+\]:?)\s*\S*(?:https?:|www\.)")
_LIST_MARK = re.compile(r"^\s*(?:#{1,6}\s+|[-+•]\s+|\d{1,2}[.)]\s+)")
_EMPHASIS = re.compile(r"[*`\\]|(?<!\w)_+|_+(?!\w)")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s)\]]+", re.IGNORECASE)
_MAIL = re.compile(r"[\w.+%'-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w.])\+?\(?\d[\d \u00a0().\-/]{5,}\d(?!\w)")
_HOST = re.compile(r"(?<![\w@.])(?:[\w-]+\.)+[^\W\d_]{2,}\b")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_YEARS_OF = {
    FieldName.FOUNDED_YEAR: re.compile(r"\b(?:founded|established|since|opened)\b", re.IGNORECASE),
    FieldName.INCORPORATION_YEAR: re.compile(r"\b(?:incorporated|registered)\b", re.IGNORECASE),
    FieldName.EMPLOYEES_EST: re.compile(r"\b(?:employees|staff|people|headcount)\b", re.IGNORECASE),
}
_CRM = re.compile(r"\b(?:crm|lead|export)\b", re.IGNORECASE)
_KIND_WORDS = {
    "direct": re.compile(r"\bdirect\b", re.IGNORECASE),
    "mobile": re.compile(r"\b(?:mobile|cell)\b", re.IGNORECASE),
    "fax": re.compile(r"\bfax\b", re.IGNORECASE),
    "toll_free": re.compile(r"\btoll[- ]?free\b", re.IGNORECASE),
    "main": re.compile(r"\bmain\b", re.IGNORECASE),
}
_COMPANY_LINE = re.compile(r"\b(?:main|company|office|switchboard|reception)\b", re.IGNORECASE)
_CONTACT_FIELDS = frozenset({FieldName.PHONE, FieldName.EMAIL, FieldName.TITLE})
_NAMES_OF_COMPANY = frozenset({FieldName.NAME, FieldName.TRADE_NAME, FieldName.LEGAL_NAME})


def strays(prose: str, backfill: Backfill) -> tuple[str, ...]:
    """What of the prose may not be printed: numbers, names, addresses, claims and citations that
    no proven statement carries, in the order of the text. Empty: the prose is sound."""
    known = _Known(backfill)
    found: list[str] = []
    for raw in prose.splitlines():
        line = " ".join(unicodedata.normalize("NFKC", raw).split())
        if line and line not in known.draft_lines:
            found += _Line(line, known).strays()
    return tuple(dict.fromkeys(f[:SHOWN_CHARS_MAX] for f in found))


class _Known:
    """Phrases, numbers and addresses that the graph and the lead hold."""

    def __init__(self, backfill: Backfill) -> None:
        draft, self.urls = write_with_sources(backfill)
        self.draft_lines = {" ".join(unicodedata.normalize("NFKC", x).split())
                            for x in draft.splitlines()}  # fmt: skip
        self.phrases: dict[str, list[Statement]] = defaultdict(list)
        self.phones: dict[str, list[Statement]] = defaultdict(list)
        self.mails: dict[str, list[Statement]] = defaultdict(list)
        self.links: dict[str, list[Statement]] = defaultdict(list)
        self.free: set[str] = set()  # what the company is called: told without a source
        self.hosts: set[str] = set()
        self.crm: set[str] = set()
        self.crm_digits: set[str] = set()
        usable = {Status.PROVEN, Status.CONTESTED, Status.STALE}
        for statement in statements_of(backfill):
            if statement.status in usable:
                self._add(statement)
        self._add_lead(backfill)

    def _add(self, s: Statement) -> None:
        if s.field is FieldName.PHONE:
            for digits in _spellings(s.value):
                self.phones[digits].append(s)
            return
        if s.field is FieldName.EMAIL:
            self.mails[s.value.casefold()].append(s)
            return
        if s.field in (FieldName.LINK, FieldName.LINKEDIN_URL):
            self.links[s.value.rstrip("/")].append(s)
            if s.status is Status.PROVEN:
                self.hosts.add(_host(s.value))
            return
        self.phrases[_key(s.value)].append(s)
        if s.field is FieldName.ADDRESS:
            for piece in s.value.split(","):
                self.phrases[_key(piece)].append(s)
        elif s.field in _NAMES_OF_COMPANY:
            self.phrases[_key(strip_legal_form(s.value))].append(s)
        elif s.field is FieldName.WEBSITE_DOMAIN and s.status is Status.PROVEN:
            self.hosts.add(s.value.casefold())

    def _add_lead(self, backfill: Backfill) -> None:
        lead = backfill.lead
        name = lead.company or backfill.identity.name
        self.free |= {_key(name), _key(strip_legal_form(name))} - {""}
        if lead.domain:
            self.hosts.add(_host(lead.domain) or lead.domain.casefold())
        fields = (lead.dm_name, lead.street, lead.city, lead.state, lead.zip,
                  str(lead.contact_id or ""), *lead.search_variants)  # fmt: skip
        self.crm |= {_key(v) for v in fields if v} - {""}
        for number in (lead.number1, lead.number2):
            self.crm_digits |= {re.sub(r"\D", "", number or "")} - {""}

    @cached_property
    def phrase_pattern(self) -> re.Pattern[str] | None:
        """Every known phrase, the longest first."""
        every = sorted({*self.phrases, *self.free, *self.crm} - {""}, key=lambda p: (-len(p), p))
        if not every:
            return None
        spelled = (r"\s+".join(re.escape(w) for w in phrase.split()) for phrase in every)
        return re.compile(rf"(?<![\w-])(?:{'|'.join(spelled)})(?![\w-])", re.IGNORECASE)

    def numbers(self, statement: Statement) -> set[int]:
        """The citation numbers of the sources that hold the statement."""
        urls = {e.url for e in statement.evidence if e.verdict != "rejected"}
        return {n for n, url in enumerate(self.urls, 1) if url in urls}


@dataclass
class _Line:
    """One line of prose, taken apart: what is known is cut out, the rest is judged."""

    text: str
    known: _Known
    bad: list[str] = field(default_factory=list)
    facts: list[list[Statement]] = field(default_factory=list)  # candidates of each value found
    rest: str = ""

    def strays(self) -> list[str]:
        if _MARKUP.search(self.text) or _SOURCE_ROW.match(self.text) or _unseen(self.text):
            return [self.text]
        self.bad = [
            f"[{n}]" for n in _CITATION.findall(self.text)
            if not 1 <= int(n) <= len(self.known.urls)
        ]  # fmt: skip
        self.rest = _LIST_MARK.sub("", _EMPHASIS.sub("", _CITATION.sub(" ", self.text)))
        self._take_addresses()
        self._take_phrases()
        self.bad += self._wrong_owners()
        self.bad += self._left_over()
        self.bad += self._uncited()
        return self.bad

    # --- cutting out what is known --------------------------------------------------------

    def _usable(self, candidates: Iterable[Statement]) -> list[Statement]:
        said = self.text.casefold()
        return [
            s for s in candidates
            if (s.status is Status.PROVEN or s.status.value in said) and self._labelled(s)
        ]  # fmt: skip

    def _labelled(self, s: Statement) -> bool:
        """A bare number says nothing: a year or a count needs its own word in the line."""
        numeric = any(c.isdigit() for c in s.value) and not any(c.isalpha() for c in s.value)
        if not numeric or s.field is FieldName.PHONE:
            return True
        label = _YEARS_OF.get(s.field)
        return label is not None and bool(label.search(self.rest))

    def _take(self, found: str, candidates: Iterable[Statement]) -> str:
        usable = self._usable(candidates)
        if usable:
            self.facts.append(usable)
            return " \u00b7 "
        self.bad.append(found)
        return " "

    def _take_addresses(self) -> None:
        known = self.known

        def url(match: re.Match[str]) -> str:
            address = match.group().rstrip(".,;:'\"")
            if plain_text(address) in map(plain_text, known.urls):
                return " "
            return self._take(address, known.links.get(address.rstrip("/"), []))

        def mail(match: re.Match[str]) -> str:
            return self._take(match.group(), known.mails.get(match.group().casefold(), []))

        def host(match: re.Match[str]) -> str:
            if match.group().casefold().removeprefix("www.") in known.hosts:
                return " "
            self.bad.append(match.group())
            return " "

        def phone(match: re.Match[str]) -> str:
            digits = re.sub(r"\D", "", match.group())
            candidates = self._usable(known.phones.get(digits, []))
            if not candidates and digits in known.crm_digits and _CRM.search(self.text):
                return " "
            return self._take(match.group(), candidates)

        self.rest = re.sub(r"\b(?:mailto|tel):", " ", self.rest)
        for pattern, take in ((_URL, url), (_MAIL, mail), (_HOST, host)):
            self.rest = pattern.sub(take, self.rest)
        addresses = self.known.phrases
        pieces = [m for m in _PHONE.finditer(self.rest) if _key(m.group()) not in addresses]
        if pieces:
            self.rest = _PHONE.sub(phone, self.rest)

    def _take_phrases(self) -> None:
        pattern = self.known.phrase_pattern

        def phrase(match: re.Match[str]) -> str:
            key = _key(match.group())
            usable = self._usable(self.known.phrases.get(key, []))
            if usable:
                self.facts.append(usable)
                return " \u00b7 "
            if key in self.known.free or (key in self.known.crm and _CRM.search(self.text)):
                return " \u00b7 "
            return match.group()

        if pattern is not None:
            self.rest = pattern.sub(phrase, self.rest)

    # --- judging ----------------------------------------------------------------------------

    @property
    def people(self) -> set[str]:
        return {s.owner for group in self.facts for s in group if s.field is FieldName.PERSON}

    def _contacts(self) -> Iterator[list[Statement]]:
        yield from (g for g in self.facts if any(s.field in _CONTACT_FIELDS for s in g))

    def _wrong_owners(self) -> list[str]:
        """Values that stand on another's line, or under another label than their own."""
        people, wrong = self.people, []
        company_line = not people or bool(_COMPANY_LINE.search(self.rest))
        for group in self._contacts():
            if any(s.field not in _CONTACT_FIELDS for s in group):
                continue  # a title that is also the industry's name
            fits = any(
                (s.owner == COMPANY and company_line) or (len(people) == 1 and s.owner in people)
                for s in group
            )
            if not fits or len(people) > 1:
                wrong.append(group[0].value)
        phones = [{s.kind or "main" for s in g} for g in self.facts
                  if g[0].field is FieldName.PHONE]  # fmt: skip
        kinds = set().union(*phones)
        labels = {kind for kind, word in _KIND_WORDS.items() if word.search(self.rest)}
        if phones and (
            labels - kinds or (labels and len(kinds) > 1) or ("fax" in kinds and labels != {"fax"})
        ):
            wrong.append(self.text)
        return wrong

    def _left_over(self) -> list[str]:
        """Digits, and words that are neither plain nor ordinary small words."""
        bad = [piece for piece in re.findall(r"\S+", self.rest) if _has_digit(piece)]
        strict = any(True for _ in self._contacts()) or bool(self.people)
        negative = self._negative and not self.facts
        for match in _WORD.finditer(self.rest):
            word, folded = match.group(), match.group().casefold().replace("’", "'")
            parts = {folded, *re.split(r"[-']", folded)}
            if parts & GRAVE or (parts & ROLES and not negative):
                bad.append(word)
            elif parts - {"s"} <= PLAIN or folded in PLAIN or folded == "s":
                continue
            elif (strict or not _small(word)) and not (negative and parts <= ROLES | PLAIN):
                bad.append(word)
        numeric = [g for g in self.facts if g[0].field in _YEARS_OF]
        return bad + ([self.text] if len(numeric) > 1 else [])

    @property
    def _negative(self) -> bool:
        first = _WORD.search(self.rest)
        return first is not None and first.group().casefold() in NEGATIVE

    def _uncited(self) -> list[str]:
        cited = {int(n) for n in _CITATION.findall(self.text)}
        named_only = all(
            any(s.field is FieldName.PERSON or s.field in _NAMES_OF_COMPANY for s in group)
            for group in self.facts
        )
        if named_only and not cited and (self._negative or self.text.startswith("#")):
            return []
        for group in self.facts:
            numbers = set().union(*(self.known.numbers(s) for s in group))
            if not cited or (numbers and not numbers & cited):
                return [self.text]
        return []


def _key(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", _EMPHASIS.sub("", text)).casefold().split())


def _spellings(e164: str) -> set[str]:
    """The digits of a number as it may be written: international, national, without the trunk."""
    found = {re.sub(r"\D", "", e164)}
    try:
        parsed = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return found
    national = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    return found | {re.sub(r"\D", "", national), phonenumbers.national_significant_number(parsed)}


def _host(url: str) -> str:
    spelled = url if "://" in url else "https://" + url
    try:
        return (urlsplit(spelled).hostname or "").removeprefix("www.")
    except ValueError:  # a bracket that opens no IPv6 address
        return ""


def _small(word: str) -> bool:
    """In small letters; a script without them may be writing a name."""
    return all(c.islower() for c in word if c.isalpha())


def _has_digit(text: str) -> bool:
    return any(unicodedata.category(c) in {"Nd", "Nl", "No"} for c in text)


def _unseen(text: str) -> bool:
    """Characters that show nothing, or turn the direction of the text."""
    return any(unicodedata.category(c) in {"Cf", "Cc", "Co", "Cs"} for c in text)
