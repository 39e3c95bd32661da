"""Entity resolution: are two profiles one person, one company, one place? With the reason.

Three answers: same, not the same, and unsure (`None`), which waits for more evidence or a human.
Evidence that belongs to one entity alone (ids, personal e-mail, date of birth) outranks names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from rapidfuzz import fuzz

from data411_mcp.domain.hosts import SHARED_HOSTS
from data411_mcp.domain.lead_values import (
    NotADomain,
    registrable_host,
    street_words,
)
from data411_mcp.domain.name_match import (
    SIBLINGS,
    SURNAME_DIFFERS,
    WEAK,
    NameMatch,
    match_company_names,
    match_person_names,
)
from data411_mcp.domain.names import fold, words

JOIN_AT = 0.8  # at or above: the same
REFUSE_BELOW = 0.6  # below: not the same; between them: unsure
DOUBT = 0.7  # cap of a match that other evidence speaks against, but does not exclude
BARELY = 0.4  # cap of a match that other evidence excludes
NAMES_RELATED = 0.3  # company names that have a word in common
UNSURE_NAME = 0.72  # company names that the same address completes to a join
ADDRESS_ALIKE = 0.7  # share of the shorter address's words
RARE_NAME_WORDS = 3
PLACE_NAME_ALIKE = 0.5  # of two places with one phone
NAMES_MAX = 40  # spellings compared of one entity

SILENT, AGREES, CONFLICT = 0, 1, 2
ROLE_MAILBOXES = frozenset(
    {
        "info", "sales", "office", "contact", "admin", "support", "hello", "mail", "service",
        "enquiries", "inquiries", "reception", "accounts", "billing", "hr", "jobs", "marketing",
        "team", "help", "general", "root", "webmaster", "kontakt", "orders", "press", "media",
    }
)  # fmt: skip
_OUTLETS = frozenset(
    {"cafe", "dining", "restaurant", "bar", "lounge", "grill", "buffet", "bistro", "pub", "club"}
)
_ADDRESS_NOISE = frozenset(
    {"the", "of", "at", "and", "between", "near", "no", "number", "street", "avenue", "road", "in"}
)


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of one entity. Countries are ISO 2, phones E.164 where possible, dates ISO
    (a year or a month may stand alone)."""

    name: str
    names: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    websites: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    birth_dates: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """`same` is None when unsure; `score` 0 to 1 (not a probability); `reason` in our words."""

    same: bool | None
    score: float
    reason: str


def same_person(a: Profile, b: Profile) -> Judgement:
    """Whether two profiles are one person."""
    names = _best_names(a, b, match_person_names)
    birth = _birth(a, b)
    if _ids(a) & _ids(b):
        return Judgement(True, 0.99, "same id")
    if birth == CONFLICT:
        return _capped(names.score, BARELY, "dates of birth conflict")
    if _ids_conflict(a, b):
        return _capped(names.score, BARELY, "ids of the same kind differ")
    if _personal_emails(a) & _personal_emails(b):
        if names.score >= WEAK or names.reason == SURNAME_DIFFERS:  # people marry
            return _judged(0.95, f"same e-mail; {names.reason}")
        return _judged(DOUBT, f"same e-mail, but {names.reason}")  # a couple, a shared account
    if birth == AGREES and names.score >= DOUBT:
        return _judged(max(names.score, 0.9), f"same date of birth; {names.reason}")
    if _phones(a) & _phones(b) and names.score >= DOUBT:
        return _judged(max(names.score, 0.9), f"same phone; {names.reason}")
    if names.score < JOIN_AT:
        return _judged(names.score, names.reason)
    if _disjoint(a.countries, b.countries):
        return _capped(names.score, DOUBT, "same name, but the countries differ")
    if birth != AGREES and _far_apart(a.addresses, b.addresses) and not _rare(a, b):
        return _capped(names.score, DOUBT, "same name, but the places differ")
    return _judged(names.score, names.reason)


def same_company(a: Profile, b: Profile) -> Judgement:
    """Whether two profiles are one company."""
    names = _best_names(a, b, match_company_names)
    if _ids(a) & _ids(b):
        return Judgement(True, 0.99, "same registry id")
    if _ids_conflict(a, b):
        return _capped(names.score, BARELY, "registry ids of the same kind differ")
    if _disjoint(a.countries, b.countries):
        return _capped(names.score, BARELY, "the countries differ: another legal entity")
    shared = _shared_channel(a, b)
    if shared and names.score >= WEAK and names.reason not in SIBLINGS:
        return _judged(max(names.score, 0.9), f"{shared}; {names.reason}")
    if shared:
        return _judged(DOUBT, f"{shared}, but {names.reason}")
    if _same_address(a.addresses, b.addresses) and NAMES_RELATED <= names.score < JOIN_AT:
        joined = names.score >= UNSURE_NAME and names.reason not in SIBLINGS
        return _judged(0.86 if joined else DOUBT, f"same address; {names.reason}")
    if names.score >= JOIN_AT and not _own_names_agree(a, b):
        return _capped(names.score, DOUBT, "only a further name is shared")
    if names.score >= JOIN_AT and _disjoint(_hosts(a), _hosts(b)) and _ids(a) and _ids(b):
        return _capped(names.score, DOUBT, "same name, but ids and web sites differ")
    return _judged(names.score, names.reason)


def same_place(a: Profile, b: Profile) -> Judgement:
    """Whether two profiles are one place of business. The first address is the street line."""
    pairs = ((x, y) for x in _all_names(a) for y in _all_names(b))
    name = max((_place_name_score(x, y) for x, y in pairs), default=0.0)
    street = _street_score(a.addresses, b.addresses)
    if _phones(a) and _phones(b):
        if _phones(a) & _phones(b):
            if name >= PLACE_NAME_ALIKE:
                return _judged(0.86 + 0.14 * name * max(street, 0), "same phone, names alike")
            return _judged(BARELY, "same phone, but another name: two tenants of one house")
        if name >= 0.85 and street >= 0.85:
            return _judged(0.84, "same name and address; the phones differ")
        if name >= 0.95 and street >= 0.5:
            return _judged(DOUBT, "same name; phones differ, addresses are alike")
        return _judged(0.5 * (name + street) / 2, "phones differ")
    if street < 0:
        return _judged(DOUBT if name >= 0.9 else 0.4 * name, "only the names can be compared")
    if name >= 0.8 and street >= 0.7:
        return _judged(0.8 + 0.2 * name * street, "same name and address")
    if name >= 0.8 and street >= 0.4:
        return _judged(DOUBT, "same name; addresses are alike")
    return _judged(0.5 * (name + street) / 2, "name or address differs")


def _judged(score: float, reason: str) -> Judgement:
    same = True if score >= JOIN_AT else False if score < REFUSE_BELOW else None
    return Judgement(same, round(score, 4), reason)


def _capped(score: float, cap: float, reason: str) -> Judgement:
    return _judged(min(score, cap), reason)


# --- names -------------------------------------------------------------------------------


def _all_names(p: Profile) -> tuple[str, ...]:
    return tuple(dict.fromkeys(n for n in (p.name, *p.names, *p.aliases) if n))[:NAMES_MAX]


def _best_names(a: Profile, b: Profile, match: Callable[[str, str], NameMatch]) -> NameMatch:
    best = NameMatch(0.0, "names differ")
    for x in _all_names(a):
        for y in _all_names(b):
            found = match(*sorted((x, y)))
            if found.score > best.score:
                best = found
    return best


def _own_names_agree(a: Profile, b: Profile) -> bool:
    """The main names agree, cannot be compared (other script), or agree with a further name."""
    if fold(a.name).isascii() != fold(b.name).isascii():
        return True
    pairs = [(a.name, other) for other in _all_names(b)]
    pairs += [(b.name, other) for other in _all_names(a)]
    return any(match_company_names(*sorted(pair)).score >= NAMES_RELATED for pair in pairs)


def _rare(a: Profile, b: Profile) -> bool:
    """Three or more words that agree: hardly two people of that name."""
    return min(len(words(a.name)), len(words(b.name))) >= RARE_NAME_WORDS


def _place_name_score(x: str, y: str) -> float:
    """0 to 1. Two outlets of one house (its cafe, its dining room) are never alike."""
    left, right = set(words(x)), set(words(y))
    if (left - right) & _OUTLETS and (right - left) & _OUTLETS:
        return 0.0
    return fuzz.token_set_ratio(fold(x), fold(y)) / 100


# --- evidence ----------------------------------------------------------------------------


def _ids(p: Profile) -> frozenset[str]:
    return frozenset(key for i in p.ids if len(key := "".join(words(i))) >= 4)


def _ids_conflict(a: Profile, b: Profile) -> bool:
    """Ids of one shape (digits and letters in the same places) that differ in the digits: one
    register, two rows."""
    left, right = _ids(a), _ids(b)
    shapes = {_shape(i) for i in left} & {_shape(i) for i in right}
    return bool(shapes) and not {_digits(i) for i in left} & {_digits(i) for i in right}


def _digits(id_: str) -> str:
    return re.sub(r"\D", "", id_)


def _shape(id_: str) -> str:
    return re.sub(r"[^\W\d]", "a", re.sub(r"\d", "9", id_))


def _phones(p: Profile) -> frozenset[str]:
    """The last ten digits: spelling and country code do not matter."""
    digits = (re.sub(r"\D", "", phone) for phone in p.phones)
    return frozenset(d[-10:] for d in digits if len(d) >= 6)


def _emails(p: Profile) -> frozenset[str]:
    return frozenset(e.strip().casefold() for e in p.emails if "@" in e)


def _personal_emails(p: Profile) -> frozenset[str]:
    return frozenset(
        e for e in _emails(p) if re.split(r"[@.+_-]", e, maxsplit=1)[0] not in ROLE_MAILBOXES
    )


def _hosts(p: Profile) -> frozenset[str]:
    found = set()
    for site in p.websites:
        try:
            host = registrable_host(site)
        except NotADomain:
            continue
        if host not in SHARED_HOSTS:
            found.add(host)
    return frozenset(found)


def _shared_channel(a: Profile, b: Profile) -> str:
    if _hosts(a) & _hosts(b):
        return "same web site"
    if _emails(a) & _emails(b):
        return "same e-mail"
    if _phones(a) & _phones(b):
        return "same phone"
    return ""


def _disjoint(a: Collection[str], b: Collection[str]) -> bool:
    left, right = {x.casefold() for x in a}, {x.casefold() for x in b}
    return bool(left and right and not left & right)


def _birth(a: Profile, b: Profile) -> int:
    """Dates of birth agree, conflict, or say nothing."""
    pairs = [(x, y) for x in a.birth_dates for y in b.birth_dates]
    if not pairs:
        return SILENT
    if any(min(len(x), len(y)) >= 10 and x == y for x, y in pairs):
        return AGREES
    if any(x.startswith(y) or y.startswith(x) or _slipped(x, y) for x, y in pairs):
        return SILENT
    return CONFLICT


def _slipped(x: str, y: str) -> bool:
    """Day and month exchanged, or one part of three mistyped or unknown (1 January)."""
    p, q = x.split("-"), y.split("-")
    if len(p) != 3 or len(q) != 3:
        return False
    differing = sum(m != n for m, n in zip(p, q, strict=True))
    unknown = p[0] == q[0] and ["01", "01"] in (p[1:], q[1:])
    return (p[0] == q[0] and sorted(p) == sorted(q)) or differing == 1 or unknown


# --- addresses ---------------------------------------------------------------------------


def _address_words(address: str) -> frozenset[str]:
    return frozenset(w for w in street_words(address) if w not in _ADDRESS_NOISE)


def _numbers(of: frozenset[str]) -> frozenset[str]:
    return frozenset(w for w in of if w[0].isdigit())


def _overlap(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / min(len(a), len(b)) if a and b else 0.0


def _same_address(a: Collection[str], b: Collection[str]) -> bool:
    """Some pair has a number and most words in common."""
    pairs = ((_address_words(x), _address_words(y)) for x in a for y in b)
    return any(
        _numbers(x) & _numbers(y) and _overlap(x, y) >= ADDRESS_ALIKE and min(len(x), len(y)) >= 3
        for x, y in pairs
    )


def _far_apart(a: Collection[str], b: Collection[str]) -> bool:
    """Both are in plain letters and no pair shares a town: at most a region is common."""
    left = [w for w in map(_address_words, a) if w and all(x.isascii() for x in w)]
    right = [w for w in map(_address_words, b) if w and all(x.isascii() for x in w)]
    if not left or not right:
        return False
    return all(_overlap(x, y) <= 0.5 for x in left for y in right)


def _street_score(a: Collection[str], b: Collection[str]) -> float:
    """0 to 1 for the best pair of addresses; another house number costs half. -1: none known."""
    scores = []
    for x in a:
        for y in b:
            left, right = _address_words(x), _address_words(y)
            if left and right:
                ratio = fuzz.token_set_ratio(" ".join(sorted(left)), " ".join(sorted(right))) / 100
                houses = _numbers(left), _numbers(right)
                clash = houses[0] and houses[1] and not houses[0] & houses[1]
                scores.append(ratio * (0.5 if clash else 1.0))
    return max(scores, default=-1.0)
