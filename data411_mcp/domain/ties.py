"""Which company is a page about: the anchors that tie a source to the bound company.

A tie never rests on the value that is being proven, nor on a name alone: namesakes share names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers

from data411_mcp.domain.evidence import ReadPage, SourceClass
from data411_mcp.domain.graph import Anchor, IdentityCard
from data411_mcp.domain.hosts import registrable_domain
from data411_mcp.domain.places import state_spellings

# Anchors that name one company by themselves; a name or a place does so only together.
STRONG = frozenset({"domain", "phone", "address", "registry_id", "linkedin", "email"})


@dataclass(frozen=True, slots=True)
class Tie:
    """How a page hangs on the company: who speaks, and by which kinds of anchor it is tied.
    `place` is set when the company's name and its town, state or postcode stand there together."""

    source: SourceClass
    anchors: tuple[Anchor, ...]
    place: bool

    @property
    def kinds(self) -> tuple[str, ...]:
        kinds = dict.fromkeys(a.kind for a in self.anchors)
        if self.place:
            kinds["name+place"] = None
        return tuple(kinds)

    @property
    def holds(self) -> bool:
        """An own page, or a page that shows at least one anchor of the company."""
        return self.source is SourceClass.OWN_SITE or bool(self.kinds)

    @property
    def strong(self) -> int:
        """Number of different kinds of anchor, a name with its place counting as one."""
        return len(self.kinds)


def own_domains(identity: IdentityCard) -> frozenset[str]:
    return frozenset(a.value for a in identity.anchors if a.kind == "domain")


def tie(read: ReadPage, identity: IdentityCard, *, value: str = "") -> Tie:
    """Tie one page to the company of the identity card. `value` is what is to be proven: the
    page is looked at without it, so that an e-mail does not bring its own domain along."""
    page = read.page
    host = registrable_domain(page.final_url)
    if host in own_domains(identity) and page.reader not in {"api", "dns"}:
        own = Anchor(kind="domain", value=host, source="site")
        return Tie(SourceClass.OWN_SITE, (own,), True)
    if page.reader == "dns":
        name = page.url.removeprefix("dns:")
        if registrable_domain(name) in own_domains(identity):
            own = Anchor(kind="domain", value=registrable_domain(name), source="dns")
            return Tie(SourceClass.REGISTRY, (own,), False)
        return Tie(SourceClass.REGISTRY, (), False)
    text = page.text.replace(value, " ") if value else page.text
    kept = [a for a in identity.anchors if a.value != value]
    shown = tuple(a for a in kept if a.kind in STRONG and shows(text, a))
    if page.reader == "api":
        # A namesake of the same town has its own row: name and place are not enough here, but
        # the legal name that the company's own site proves is.
        legal = tuple(
            a
            for a in kept
            if a.kind == "legal_name" and a.source == "site" and _whole_name(text, a.value)
        )
        return Tie(SourceClass.REGISTRY, (*shown, *legal), False)
    place = _name_and_place(text, identity)
    source = SourceClass.DIRECTORY if read.facts.kind == "directory" else SourceClass.THIRD_PARTY
    return Tie(source, shown, place)


def _whole_name(text: str, name: str) -> bool:
    """The name stands there as a whole value: `ACME LLC` is not `ACME HOLDINGS LLC`."""
    wanted = fold(name)
    return any(fold(v) == wanted for v in re.findall(r'"((?:[^"\\]|\\.)*)"', text))


_NOT_WORD = re.compile(r"[^\w]+")


def fold(text: str) -> str:
    """Letters and digits only, case folded, runs of anything else to one space."""
    return _NOT_WORD.sub(" ", text.casefold()).strip()


def shows(text: str, anchor: Anchor) -> bool:
    """The text shows this anchor, in whatever spelling such a value has."""
    value = anchor.value
    if anchor.kind == "domain":
        # Not in an address (`@`), not as another's parameter, not as a part of a longer name.
        pattern = rf"(?<![\w@=%-])(?:(?<![@=%])[\w-]+\.)*{re.escape(value)}(?![\w-]|\.\w)"
        return any(
            text[max(0, m.start() - 1) : m.start()] not in {"@", "=", "."}
            for m in re.finditer(pattern, text, re.IGNORECASE)
        )
    if anchor.kind == "phone":
        return phone_in(text, value)
    if anchor.kind == "address":
        return address_in(text, value)
    if anchor.kind == "registry_id":
        value = value.partition(":")[2] or value
    return value.casefold() in text.casefold()


def phone_in(text: str, e164: str) -> bool:
    """The number stands in the text in some national or international spelling."""
    spelled = _spellings(e164)
    if spelled is None:
        return False
    code, pattern = spelled
    for found in pattern.finditer(text):
        before = re.search(r"\+(\d{1,3})[\s().-]{0,3}$", text[: found.start()][-8:])
        if before is None or before[1] == code:
            return True  # else the digits belong to another country's number
    return False


@lru_cache(maxsize=1024)
def _spellings(e164: str) -> tuple[str, re.Pattern[str]] | None:
    """The calling code, and what finds the number; None when it is none."""
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return None
    national = phonenumbers.national_significant_number(number)
    if len(national) < 6:
        return None
    digits = r"[\s().\-/\u2010-\u2015]{0,3}".join(national)
    code = str(number.country_code)
    return code, re.compile(rf"(?<!\d)(?:\+?{code}\D{{0,4}})?0?{digits}(?!\d)")


STREET_WORDS = frozenset(
    {
        "st", "street", "ave", "avenue", "rd", "road", "dr", "drive", "blvd", "boulevard", "ln",
        "lane", "hwy", "highway", "pkwy", "parkway", "ct", "court", "pl", "place", "way", "suite",
        "ste", "unit", "floor", "n", "s", "e", "w", "north", "south", "east", "west", "the",
    }
)  # fmt: skip


def address_in(text: str, address: str) -> bool:
    """House number and street name stand together in the text."""
    found = re.match(r"\W*(\d+[a-z]?)\s+(.+)", address, re.IGNORECASE)
    if found is None:
        return False
    words = [w for w in fold(found[2].split(",")[0]).split() if w not in STREET_WORDS]
    if not words:
        return False
    folded = f" {fold(text)} "
    after_number = re.findall(rf" {re.escape(found[1].casefold())} ((?:\S+ ){{1,6}})", folded)
    return any(words[0] in match.split() for match in after_number)


def _name_and_place(text: str, identity: IdentityCard) -> bool:
    folded = f" {fold(text)} "
    named = any(
        f" {fold(a.value)} " in folded
        for a in identity.anchors
        if a.kind in {"name", "legal_name"} and len(fold(a.value)) > 3
    )
    return named and places_shown(folded, identity.anchors) > 0


def places_shown(folded: str, anchors: Iterable[Anchor]) -> int:
    """How many of the company's place anchors (town with state, postcode) the text shows."""
    return sum(1 for a in anchors if a.kind in {"city", "zip"} and _place_shown(folded, a.value))


def _place_shown(folded: str, value: str) -> bool:
    town, _, state = value.partition("|")
    if f" {fold(town)} " not in folded:
        return False
    return not state or any(f" {name} " in folded for name in state_spellings(state))
