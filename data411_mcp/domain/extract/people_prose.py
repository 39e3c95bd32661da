"""People in sentences: `founded by Jane Doe`, `Jane Doe is our managing director`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from data411_mcp.domain.extract.document import Document
from data411_mcp.domain.extract.page_lines import Line
from data411_mcp.domain.extract.person_names import PersonName, fold, read_name
from data411_mcp.domain.extract.titles import Grade, grade, leading_title

_PROSE_CHARS_MAX = 5000  # of one block; what comes later is seldom about the staff
_OLD_YEAR = 1950  # who founded a company before it does not answer the phone


class Mention(NamedTuple):
    name: PersonName
    start: int
    end: int
    rule: str
    score: float
    title: str = ""


_CAP = r"[^\W\d_a-zß-öø-ÿ][\w'’-]*\.?"
_NAME = re.compile(
    rf"(?:{_CAP})(?:\s+(?:(?:van|von|der|den|de|del|della|di|da|dos|la|le|bin|al|ten|ter|y)\s+"
    rf"|[(\"“]\w+[)\"”]\s+)*(?:{_CAP})){{1,4}}"
)
_BY = re.compile(
    r"\b(found(?:ed)?|establish(?:ed)?|start(?:ed)?|own(?:ed)?(?: and operated)?|operated|run"
    r"|led|head(?:ed)"
    r"|managed|opened|created|set up)(?: in (?P<year>\d{4}))?,? by(?: (?:attorneys?|lawyers?"
    r"|brothers|sisters|chef|dr\.?|mr\.?|husband and wife|owners?))?"
    r" (?:(?-i:[A-Z])[\w'-]+ (?:(?-i:[A-Z])[\w.'-]+ )?(?-i:[A-Z])[\w'-]+,? (?:and|&) )?$",
    re.IGNORECASE,
)
_SUBJECT = re.compile(r"([A-Z][\w&'-]+)\s+(?:was|is|were)\s+(?:originally |first )?$")
_COMPANY_WORDS = frozenset(
    {"company", "it", "we", "firm", "business", "inc", "ltd", "llc", "which"}
)
_IS = re.compile(
    r"^,?\s+(?:is|serves as|works as|acts as)(?: (?:also|currently|now))?"
    r"\s+(?P<article>the|our|an?)?\s*(?P<rest>.{3,120})"
)
_JOINED = re.compile(
    r"^,?\s+(?:joined (?:us|our|the (?:firm|company|team|practice|staff|office|business)"
    r"|(?P<a>[A-Z]\w+))"
    r"|(?:founded|started|established|opened|launched|co-founded) (?:our|the|this|his|her"
    r"|(?P<b>[A-Z]\w+))"
    r"|has been (?:with|part of|working (?:at|for|with)) (?:us|our|the|(?P<c>[A-Z]\w+))"
    r"|and (?:his|her|their) (?:\w+,? ){0,3}(?:team|staff))"
)
_ASK = re.compile(
    r"(?:\bcontact|\bask for|\bspeak (?:to|with)|\bcall|\be-?mail|\bplease see)(?: our \w+)? $",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"^,?\s+(?:with|at|of|from|for)\s+(?:the\s+)?(?P<org>[A-Z][\w&'-]+)")
_COMMA_TITLE = re.compile(r"^,\s+(?:our |the |an? )?(?P<rest>[^.;:]{3,80})")


def menu_names(document: Document, own: frozenset[str]) -> Iterator[Mention]:
    """Staff listed in a menu: three or more links in a row that are names, below a link such as
    `Our Attorneys` or with the company's own family name among them."""
    row: list[tuple[PersonName, int, int]] = []
    head = ""
    for link in [*document.links, None]:
        name = read_name(link.text) if link else None
        if link and name and name.known and name.last and grade(link.text) is Grade.NONE:
            row.append((name, link.start, link.end))
            continue
        named = any(n.last in own and len(n.last) > 3 for n, _, _ in row)
        if len(row) >= 3 and (named or _STAFF_LINK.search(head)):
            yield from (Mention(n, start, end, "menu", 0.6) for n, start, end in row)
        row, head = [], link.text if link else ""


_STAFF_LINK = re.compile(
    r"^(?:our |meet (?:our|the) |the )?(?:attorneys?|lawyers|team|staff|doctors|dentists|people"
    r"|solicitors|agents|partners|attorney profiles|professionals|physicians|providers)$",
    re.IGNORECASE,
)


def mentions(lines: tuple[Line, ...], own: frozenset[str]) -> Iterator[Mention]:
    """People whom a sentence of the page ties to its company. `own`: folded words by which the
    company is known."""
    for line in lines:
        if line.of_others or line.navigation or line.tag == "a":
            continue
        for match in _NAME.finditer(line.text, 0, _PROSE_CHARS_MAX):
            found = _trimmed(match.group())
            if found is None:
                if mention := _introduced(line, match, own):
                    yield mention
                continue
            name, offset, length = found
            at = match.start() + offset
            mention = _tie(line, name, at, at + length, own)
            if mention:
                yield mention


# What a company may be to another: on their own these words do not make a name a person's.
_FIRMS_TOO = frozenset(
    {"partner", "agent", "dealer", "broker", "representative", "supplier", "distributor",
     "sponsor", "agency", "provider", "contractor", "accountant", "member"}
)  # fmt: skip


def _introduced(line: Line, match: re.Match[str], own: frozenset[str]) -> Mention | None:
    """`Xyla Quorn is our service manager`: so plain an introduction needs no known given name."""
    name = read_name(match.group())
    words = {fold(w) for w in match.group().split()}
    if not name or not name.last or words & own or line.text[: match.start()].strip():
        return None
    is_a = _IS.match(line.text[match.end() : match.end() + 160])
    if not is_a or is_a["article"] not in {"the", "our"}:
        return None
    title = leading_title(is_a["rest"])
    if not title or fold(title) in _FIRMS_TOO or not _for_own(is_a["rest"], title, own):
        return None
    end = min(len(line.text), match.end() + 120)
    return Mention(name, line.start + match.start(), line.start + end, "introduced", 0.6,
                   _capital(title))  # fmt: skip


def _trimmed(text: str) -> tuple[PersonName, int, int] | None:
    """The longest part of a run of capitalised words that is a name with a known given name."""
    words = [(m.group(), m.start(), m.end()) for m in re.finditer(r"\S+", text)]
    for count in range(min(4, len(words)), 1, -1):
        for first in range(len(words) - count + 1):
            start, end = words[first][1], words[first + count - 1][2]
            part = text[start:end].rstrip(".,")
            part = re.sub(r"['’]s$", "", part)
            name = read_name(part)
            if re.search(r"\s\w$", part):
                continue
            if name and name.known and name.last and grade(part) is not Grade.ROLE:
                return name, start, len(part)
    return None


class _Place(NamedTuple):
    """A name in its line, with what stands before and after it."""

    line: Line
    name: PersonName
    before: str
    after: str
    own: frozenset[str]

    def near_own(self, text: str) -> bool:
        """`text` speaks of the page's own company."""
        words = re.findall(r"[^\W_]+", fold(text))
        return any(w in self.own or w in {"our", "company", "firm", "my"} for w in words)


_Verdict = tuple[str, float, str]  # rule, score, title


def _tie(line: Line, name: PersonName, start: int, end: int, own: frozenset[str]) -> Mention | None:
    """What the first rule that ties the name at `start:end` of `line` to the company says."""
    before, after = line.text[max(0, start - 90) : start], line.text[end : end + 160]
    place = _Place(line, name, before, after, own)
    elsewhere = _ELSEWHERE.match(after)
    rules = [_founded_by] if elsewhere and fold(elsewhere["org"]) not in own else _RULES
    for rule in rules:
        if verdict := rule(place):
            low, high = max(0, start - 80), min(len(line.text), end + 120)
            kind, score, title = verdict
            return Mention(name, line.start + low, line.start + high, kind, score, title)
    return None


def _founded_by(place: _Place) -> _Verdict | None:
    by = _BY.search(place.before)
    if not by or (by["year"] and int(by["year"]) < _OLD_YEAR):
        return None
    subject = _SUBJECT.search(place.before[: by.start()])
    if subject and fold(subject.group(1)) not in place.own | _COMPANY_WORDS:
        return None
    return "founded by", 0.75, "Founder" if by.group(1).casefold().startswith("found") else ""


def _joined_us(place: _Place) -> _Verdict | None:
    joined = _JOINED.match(place.after)
    named = next((g for g in joined.groups() if g), "") if joined else ""
    if joined and (not named or fold(named) in place.own):
        return "joined", 0.7, ""
    return None


def _is_our(place: _Place) -> _Verdict | None:
    is_a = _IS.match(place.after)
    title = leading_title(is_a["rest"]) if is_a else ""
    if not is_a or not title or not _for_own(is_a["rest"], title, place.own):
        return None
    ours = is_a["article"] in {"the", "our"} or place.name.last in place.own
    return "is", 0.75 if ours else 0.55 if place.line.team else 0.35, _capital(title)


def _apposition(place: _Place) -> _Verdict | None:
    comma = _COMMA_TITLE.match(place.after)
    title = leading_title(comma["rest"]) if comma else ""
    if not comma or not title or not _for_own(comma["rest"], title, place.own):
        return None
    tied = place.line.team or place.near_own(place.after) or place.near_own(place.before)
    return ("apposition", 0.65, _capital(title)) if tied else None


def _bracketed(place: _Place) -> _Verdict | None:
    bracket = re.match(r"^\s*\((?P<title>[^()]{3,60})\)", place.after)
    if bracket and grade(bracket["title"]) is Grade.ROLE:
        return "brackets", 0.7, bracket["title"]
    return None


def _role_first(place: _Place) -> _Verdict | None:
    title = _role_before(place)
    return ("role before", 0.6, title) if title else None


def _asked_for(place: _Place) -> _Verdict | None:
    if {place.name.given, place.name.last} <= place.own:
        return None  # "Contact Glen Affric Meats" stands above the form of that company
    return ("ask for", 0.6, "") if _ASK.search(place.before) else None


def _namesake(place: _Place) -> _Verdict | None:
    if _names_company(place.name, place.before, place.after, place.own):
        return "name of the company", 0.6, ""
    return None


_RULES = [
    _founded_by,
    _joined_us,
    _is_our,
    _apposition,
    _bracketed,
    _role_first,
    _asked_for,
    _namesake,
]


def _names_company(name: PersonName, before: str, after: str, own: frozenset[str]) -> bool:
    """The company bears the person's family name (`Jane Doe` of `Doe & Partners`), the mention is
    not part of a longer name, and the company's name is more than the person's."""
    if name.last not in own or len(name.last) < 4 or own <= {name.given, name.last, *_joined(name)}:
        return False
    if name.given in own and not _ACTS.match(after):
        return False  # all of it is the company's name too: only a person has a practice, or says
    return not re.match(r"['’]?s?\s+[A-Z&]", after) and not re.search(r"[A-Z]\w*\s$", before)


def _joined(name: PersonName) -> set[str]:
    return {name.given + name.last, name.given[:1] + name.last}


_ACTS = re.compile(r"^,? (?:and (?:his|her|their)|is an?|has (?:been|over|more)|holds|graduated)\b")


def _for_own(rest: str, title: str, own: frozenset[str]) -> bool:
    """What follows the title does not place the person in another organisation."""
    after = rest[rest.find(title) + len(title) :]
    other = re.match(r"\s*(?:,|of|at|for|with|from)\s+(?:the\s+)?([A-Z][\w&'-]+)", after)
    return not other or fold(other.group(1)) in own


_OWN_ROLES = re.compile(
    r"(?:^|\b)(?P<title>(?:co-?)?(?:founder|owner|proprietor|president|ceo|principal|director)"
    r"(?: (?:and|&) (?:co-?)?(?:founder|owner|ceo|president|director|chef|broker))?"
    r"|managing (?:director|partner)|general manager|office manager|executive director"
    r"|(?:executive |head )?chef|attorney|lawyer|realtor|broker|geschäftsführer(?:in)?"
    r"|inhaber(?:in)?)"
    r",?\s$",
    re.IGNORECASE,
)


_FAMOUS_ROLES = re.compile(r"founder|president|ceo|director|principal", re.IGNORECASE)


def _role_before(place: _Place) -> str:
    """A leading role directly before a name: `our founder Jane Doe`, `attorney Jane Doe`. Roles
    that news gives to strangers (`president`, `founder`) need a word of the company beside them."""
    found = _OWN_ROLES.search(place.before)
    if not found:
        return ""
    lead = place.before[: found.start()]
    if re.search(r"\b(?:former|late|by|to|their|his|her)\s+$", lead):
        return ""
    if _FAMOUS_ROLES.search(found["title"]) and not place.near_own(lead[-60:]):
        return ""
    return _capital(found["title"])


def _capital(title: str) -> str:
    return title[0].upper() + title[1:]
