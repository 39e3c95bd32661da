"""People in sentences: `founded by Jane Doe`, `Jane Doe is our managing director`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from data411_mcp.domain.extract.company_names import own_tokens
from data411_mcp.domain.extract.document import Document, Hints
from data411_mcp.domain.extract.page_lines import Line
from data411_mcp.domain.extract.person_names import PersonName, fold, read_name
from data411_mcp.domain.extract.titles import Grade, grade, leading_title

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
    r"\b(found(?:ed)?|establish(?:ed)?|start(?:ed)?|own(?:ed)?(?: and operated)?|operated|run|led|head(?:ed)"
    r"|managed|opened|created|set up)(?: in (?P<year>\d{4}))?,? by(?: (?:attorneys?|lawyers?"
    r"|brothers|sisters|chef|dr\.?|mr\.?|husband and wife|owners?))? $",
    re.IGNORECASE,
)
_IS = re.compile(
    r"^,?\s+(?:is|serves as|works as|acts as)(?: (?:also|currently|now))?"
    r"\s+(?P<article>the|our|an?)?\s*(?P<rest>.{3,120})"
)
_JOINED = re.compile(
    r"^,?\s+(?:joined (?:us|our|the (?:firm|company|team|practice|staff|office|business)|(?P<a>[A-Z]\w+))"
    r"|(?:founded|started|established|opened|launched|co-founded) (?:our|the|this|his|her|(?P<b>[A-Z]\w+))"
    r"|has been (?:with|part of|working (?:at|for|with)) (?:us|our|the|(?P<c>[A-Z]\w+))"
    r"|and (?:his|her|their) (?:\w+,? ){0,3}(?:team|staff))"
)
_ASK = re.compile(
    r"(?:\bcontact|\bask for|\bspeak (?:to|with)|\bcall|\be-?mail|\bplease see)(?: our \w+)? $",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"^,?\s+(?:with|at|of|from|for)\s+(?:the\s+)?(?P<org>[A-Z][\w&'-]+)")
_COMMA_TITLE = re.compile(r"^,\s+(?:our |the |an? )?(?P<rest>[^.;:]{3,80})")


def menu_names(document: Document, hints: Hints) -> Iterator[Mention]:
    """Staff listed in a menu: three or more links in a row that are names, below a link such as
    `Our Attorneys` or with the company's own family name among them."""
    own = own_tokens(document, hints)
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


def mentions(document: Document, lines: tuple[Line, ...], hints: Hints) -> Iterator[Mention]:
    """People whom a sentence of the page ties to its company."""
    own = own_tokens(document, hints)
    for line in lines:
        if line.of_others or line.navigation or line.tag == "a":
            continue
        for match in _NAME.finditer(line.text):
            found = _trimmed(match.group())
            if found is None:
                continue
            name, offset, length = found
            at = match.start() + offset
            mention = _tie(line, name, at, at + length, own)
            if mention:
                yield mention


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


def _tie(line: Line, name: PersonName, start: int, end: int, own: frozenset[str]) -> Mention | None:
    """The rule that ties the name at `start:end` of `line` to the company, if any."""
    before, after = line.text[max(0, start - 90) : start], line.text[end : end + 160]

    def mention(rule: str, score: float, title: str = "") -> Mention:
        low = max(0, start - 80)
        high = min(len(line.text), end + 120)
        return Mention(name, line.start + low, line.start + high, rule, score, title)

    by = _BY.search(before)
    if by and not (by["year"] and int(by["year"]) < _OLD_YEAR):
        verb = by.group(1).casefold()
        title = "Founder" if verb[:5] in {"found", "estab", "start"} else ""
        return mention("founded by", 0.75, title if verb.startswith("found") else "")
    elsewhere = _ELSEWHERE.match(after)
    if elsewhere and fold(elsewhere["org"]) not in own:
        return None
    joined = _JOINED.match(after)
    if joined:
        named = next((g for g in joined.groups() if g), "")
        if not named or fold(named) in own:
            return mention("joined", 0.7)
    if is_a := _IS.match(after):
        title = leading_title(is_a["rest"])
        if title and _for_own(is_a["rest"], title, own):
            ours = is_a["article"] in {"the", "our"} or name.last in own
            return mention("is", 0.75 if ours else 0.55 if line.team else 0.35, _capital(title))
    if comma := _COMMA_TITLE.match(after):
        title = leading_title(comma["rest"])
        if title and _for_own(comma["rest"], title, own):
            return mention("apposition", 0.65, _capital(title))
    if bracket := re.match(r"^\s*\((?P<title>[^()]{3,60})\)", after):
        if grade(bracket["title"]) is Grade.ROLE:
            return mention("brackets", 0.7, bracket["title"])
    title = _role_before(before)
    if title:
        return mention("role before", 0.6, title)
    if _ASK.search(before) and not elsewhere:
        return mention("ask for", 0.6)
    if _names_company(name, before, after, own):
        return mention("name of the company", 0.6)
    return None


def _names_company(name: PersonName, before: str, after: str, own: frozenset[str]) -> bool:
    """The company bears the person's family name (`Jane Doe` of `Doe & Partners`), the mention is
    not part of a longer name, and the company's name is more than the person's."""
    if name.last not in own or len(name.last) < 4 or own <= {name.given, name.last, *_joined(name)}:
        return False
    if name.given in own and not own - {name.given, name.last, *_joined(name)} - _PLAIN:
        return False
    return not re.match(r"['’]?s?\s+[A-Z&]", after) and not re.search(r"[A-Z]\w*\s$", before)


def _joined(name: PersonName) -> set[str]:
    return {name.given + name.last, name.given[:1] + name.last}


_PLAIN = frozenset({"homes", "group", "international", "store", "shop", "collection", "brands"})


def _for_own(rest: str, title: str, own: frozenset[str]) -> bool:
    """What follows the title does not place the person in another organisation."""
    after = rest[rest.find(title) + len(title) :]
    other = re.match(r"\s*(?:,|of|at|for|with|from)\s+(?:the\s+)?([A-Z][\w&'-]+)", after)
    return not other or fold(other.group(1)) in own


_OWN_ROLES = re.compile(
    r"(?:^|\b)(?P<title>(?:co-?)?(?:founder|owner|proprietor|president|ceo|principal|director)"
    r"(?: (?:and|&) (?:co-?)?(?:founder|owner|ceo|president|director|chef|broker))?"
    r"|managing (?:director|partner)|general manager|office manager|executive director"
    r"|(?:executive |head )?chef|attorney|lawyer|realtor|broker|geschäftsführer(?:in)?|inhaber(?:in)?)"
    r",?\s$",
    re.IGNORECASE,
)


def _role_before(before: str) -> str:
    """A leading role directly before a name: `our founder Jane Doe`, `attorney Jane Doe`."""
    found = _OWN_ROLES.search(before)
    if not found or re.search(
        r"\b(?:former|late|by|to|their|his|her)\s+$", before[: found.start()]
    ):
        return ""
    return _capital(found["title"])


def _capital(title: str) -> str:
    return title[0].upper() + title[1:]
