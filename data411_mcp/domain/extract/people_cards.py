"""Staff in cards, lines and rows: a name with what stands beside it on the page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from data411_mcp.domain.extract.page_lines import Line
from data411_mcp.domain.extract.person_names import PersonName, fold, is_given_name, read_name
from data411_mcp.domain.extract.titles import (
    Grade,
    grade,
    leading_title,
    singular,
    starts_title,
)

SCORE_MIN = 0.5  # below it a name is not claimed
LINE_CHARS_MAX = 140  # longer lines are prose


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CONTACT_DATA = re.compile(
    r"[\w.+-]+@[\w-]+\.\w|\+?\(?\d[\d\s().\-/]{6,}\d|\(?\bext?n?\b[.:]?\s*\d"
    r"|\b(?:tel|phone|telephone|mobile|cell|fax|e-?mail|direct|office|ph|mob)\b\s*(?:ex)?[.:]"
    r"|\b(?:phone|tel|mobile|telefon)\b|\bsend e-?mail\b|^e-?mail(?: \w+)?$|\[at\]",
    re.IGNORECASE,
)
_BREAK = re.compile(r"\s*[–—|•·:]\s*|\s+-\s*|\s*-\s+|\s*,\s+|\s*\(|\s+/\s+")
_LABELS = re.compile(
    r"^(?:(?:media |press |main |primary |your |sales )?contact(?: person| name)?s?|attn"
    r"|attention|name"
    r"|represented by|vertreten durch|vertretungsberechtigt\w*(?: \w+)?|verantwortlich\w*.{0,60}"
    r"|inhaltlich verantwortlich.{0,60}|responsible(?: for (?:the )?content)?.{0,40}"
    r"|ansprechpartner\w*|contact persona?|contatto|contacto|contactpersoon|kontaktperson"
    r"|persona de contacto|directeur de (?:la )?publication|yhteyshenkilö|osoba kontaktowa)$",
    re.IGNORECASE,
)
_IMPRINT = re.compile(
    r"imprint|impressum|legal notice|mentions légales|aviso legal|note legali|colofon",
    re.IGNORECASE,
)
_BIO = re.compile(
    r"^(?:as (?:an?|the|our|co-?founder|founder|owner)\b|(?:he|she|with over|with more than|having"
    r"|after|since|prior to|born|originally|a native|a graduate)\b)",
    re.IGNORECASE,
)
_ACRONYMS = re.compile(r"^(?:[A-Z]{2,3}|[A-Z]\.)$")
_FAMILY_ROLES = _words(
    "baker cook mason carpenter taylor farmer butcher gardener priest dean driver judge fellow "
    "packer chase chef bishop pope abbott marshal sheriff brewer glazier tanner miller potter "
    "turner cooper porter page carver steward ranger host server partner pilot buyer"
)  # fmt: skip


class Found(NamedTuple):
    """A person as one rule saw them. `start`/`end` cover the name; `title_*` what shows the
    title."""

    name: PersonName
    start: int
    end: int
    rule: str
    score: float
    title: str = ""
    title_start: int = 0
    title_end: int = 0


class _Read(NamedTuple):
    """What one line turned out to be."""

    line: Line
    name: PersonName | None
    title: str
    grade: Grade
    contact: bool
    label: bool


def found_in_lines(lines: tuple[Line, ...]) -> Iterator[Found]:
    """Everybody whom the lines around the name speak for, good or bad: `score` tells."""
    reads = [_read(line) for line in lines]
    yield from _cards(reads)
    yield from _combined(reads)
    yield from _rows(reads)


def _read(line: Line) -> _Read:
    text = line.text.strip()
    short = len(text) <= LINE_CHARS_MAX
    return _Read(
        line=line,
        name=name_only(text) if short else None,
        title=text if short else "",
        grade=grade(text) if short and not _unseparated(text) else Grade.NONE,
        contact=short and bool(_CONTACT_DATA.search(text)),
        label=short and bool(_LABELS.match(text.rstrip(" :"))),
    )


def name_only(text: str) -> PersonName | None:
    """The person whose name is all of `text`; a job title that looks like a name is none."""
    return _name_in(text) if len(text) <= LINE_CHARS_MAX else _named(text)


@lru_cache(maxsize=4096)  # several rules ask about a line, and a site's frame is on all its pages
def _name_in(line: str) -> PersonName | None:
    return _named(line)


def _named(text: str) -> PersonName | None:
    name = read_name(text)
    if name is None:
        return None
    if grade(name.full) is Grade.ROLE and not (name.known and name.last in _FAMILY_ROLES):
        return None
    return name


# --- cards: a line with a name, beside a line that says what the person is -----------------------


def _cards(reads: list[_Read]) -> Iterator[Found]:
    titled = Counter(
        r.line.kin for r, after in pairwise(reads) if r.name and after.grade is Grade.ROLE
    )
    taken: set[int] = set()
    for i, read in enumerate(reads):
        if read.name is None or read.line.of_others:
            continue
        at = _title_near(reads, i, taken)
        if at is not None:
            taken.add(at)
        yield _card(reads, i, at, titled[read.line.kin])


def _title_near(reads: list[_Read], i: int, taken: set[int]) -> int | None:
    """Index of the line with the title of the name in line `i`: the next one, else the one
    before unless it belongs to another name."""
    after = reads[i + 1] if i + 1 < len(reads) else None
    if after and after.grade and not (after.name or after.line.of_others or _heads_row(reads, i)):
        return i + 1
    if i + 2 < len(reads) and after and after.contact and reads[i + 2].grade is Grade.ROLE:
        return i + 2
    before = reads[i - 1] if i else None
    if before and before.grade is Grade.ROLE and not before.name and i - 1 not in taken:
        heads = before.line.text.rstrip().endswith(":")
        same = before.line.tag == reads[i].line.tag or before.line.tag.startswith("h")
        if (heads or same) and not before.line.navigation:
            return i - 1
    return None


def _heads_row(reads: list[_Read], i: int) -> bool:
    """The heading after a row of bare names belongs to the row that follows."""
    here, before = reads[i].line, reads[i - 1] if i else None
    heading = reads[i + 1].line.tag.startswith("h") and not here.tag.startswith("h")
    return bool(heading and before and before.name and before.line.kin == here.kin)


def _card(reads: list[_Read], i: int, at: int | None, kin_titled: int) -> Found:
    read, name = reads[i], reads[i].name
    assert name is not None  # noqa: S101 - the caller picked a line with a name
    line = read.line
    rule, score = "alone", 0.0
    if at is not None:
        rule, score = "card", _card_score(read, reads[at], kin_titled)
    if score < SCORE_MIN:
        rule, score = max(((rule, score), _support(reads, i)), key=lambda pair: pair[1])
    if line.navigation:
        score = min(score, 0.2)
    if not name.last and score and not (line.team and at == i + 1):
        score = 0.2  # a given name alone is a contact only on a staff card
    if at is None:
        title, bio = _title_in_bio(reads, i)
        return Found(name, line.start, line.end, rule, score, title, bio, bio + len(title) + 12)
    shown = reads[at]
    return Found(
        name, line.start, line.end, rule, score,
        shown_title(shown.title), shown.line.start, shown.line.end,
    )  # fmt: skip


def _title_in_bio(reads: list[_Read], i: int) -> tuple[str, int]:
    """`As co-founder, Jane brings …` right below the name: the title, and where that line "
    "starts."""
    after = reads[i + 1].line if i + 1 < len(reads) else None
    found = re.match(r"As (?:the |our |an? )?([^,.]{3,50}),", after.text) if after else None
    if not after or not found or grade(found.group(1)) is not Grade.ROLE:
        return "", 0
    return found.group(1), after.start


def _card_score(read: _Read, title: _Read, kin_titled: int) -> float:
    assert read.name is not None  # noqa: S101
    backed = read.line.team or title.line.team or kin_titled >= 2
    if title.grade is Grade.ROLE:
        if read.name.known or read.name.marked:
            return 0.9 if backed else 0.75
        return 0.65 if backed and read.name.last else 0.3
    if read.name.known:
        return 0.65 if backed else 0.4
    return 0.3


def _support(reads: list[_Read], i: int) -> tuple[str, float]:
    """What speaks for a name without a title: contact data, a biography, a label, an imprint."""
    read, name = reads[i], reads[i].name
    assert name is not None  # noqa: S101
    after = reads[i + 1] if i + 1 < len(reads) else None
    before = reads[i - 1] if i else None
    if not name.last:
        return "alone", 0.0
    if before and before.label and (name.known or name.marked):
        return "label", 0.75
    if not (name.known or name.marked):
        return "alone", 0.0
    if after and after.contact and not after.name:
        return "contact card", 0.65
    if after and read.line.team and len(after.line.text) > 80 and _is_bio(after.line.text, name):
        return "biography", 0.7
    if name.marked and name.known and read.line.team:
        return "letters", 0.6
    if _IMPRINT.search(read.line.headings) and len(reads) - i > 1:
        return "imprint", 0.65
    return "alone", 0.0


def _is_bio(text: str, name: PersonName) -> bool:
    """A paragraph that opens with the person (`Jane began …`, `Dr. Doe is …`, `As owner, …`)."""
    if re.match(r"\s*[\"“«]", text):
        return False
    opening = re.findall(r"[^\W_]+", fold(text[:60]))[:3]
    own = [w for w in re.findall(r"[^\W_]+", fold(name.full)) if len(w) > 2]
    if any(w in own or w[:3] == name.given[:3] for w in opening):
        return True
    return bool(_BIO.match(text)) and any(w in fold(text) for w in own)


# --- one line that holds name and title ---------------------------------------------------------


def _combined(reads: list[_Read]) -> Iterator[Found]:
    for read in reads:
        line = read.line
        if read.name or line.of_others or len(line.text) > 4 * LINE_CHARS_MAX:
            continue
        head = _without_contact_data(line.text)
        pair = split_line(head)
        for name, title in _listed(head) or ([pair] if pair else []):
            score = 0.85 if name.known or name.marked else (0.6 if line.team else 0.3)
            if line.navigation or not name.last:
                score = 0.2
            shown = shown_title(title)
            yield Found(name, line.start, line.end, "line", score, shown, line.start, line.end)


def _listed(text: str) -> list[tuple[PersonName, str]]:
    """`Managing directors: Jane Doe, John Roe`: everybody with the title before the colon."""
    left, colon, right = text.partition(":")
    title = left.strip() if grade(left) is Grade.ROLE else ""
    if not colon or not (title or _LABELS.match(left.strip())):
        return []
    parts = [p for p in re.split(r"[,;/]|\s(?:and|und|et|y|e|i|en|och|&)\s", right) if p.strip()]
    names = [n for n in map(name_only, parts) if n and n.known and n.last]
    return [(n, title) for n in names] if 1 < len(names) == len(parts) else []


def _without_contact_data(text: str) -> str:
    found = _CONTACT_DATA.search(text)
    return (text[: found.start()] if found and found.start() > 6 else text).rstrip(" (,;:-–|")


def split_line(text: str) -> tuple[PersonName, str] | None:
    """Name and title of a line such as `Jane Doe, CPA – Partner`, `Owner: Jane Doe`,
    `Jane Doe (Owner)`, `Mayor Jane Doe`; the title is "" after a mere label."""
    for cut in _BREAK.finditer(text):
        left, right = text[: cut.start()], text[cut.end() :].strip(" )")
        if len(left) > 70:
            break
        name = name_only(left)
        if name and cut.group().strip() != ":":
            one = grade(right) is Grade.ROLE and not re.search(r"\s[-–—|]\s", right)
            whole = right if one else leading_title(right)
            if whole and not _of_other_company(right, whole):
                return name, whole
        if cut.group().strip() in {":", "-", "–", "—", ""}:
            other = name_only(right)
            if other and other.last and grade(left) is Grade.ROLE:
                return other, left
            if other and other.last and other.known and _LABELS.match(left.strip()):
                return other, ""
    return _unseparated(text)


def _of_other_company(rest: str, title: str) -> bool:
    """`Director, Blue Door Ltd`: what follows the title names where the person works."""
    after = rest[rest.find(title) + len(title) :]
    return bool(re.match(r"\s*(?:[,@]|at|with|from|bei)\s+[A-Z]", after)) or bool(
        re.search(r"\b(?:Ltd|Inc|LLC|GmbH|Corp|Company|University|College)\b", rest)
    )


def _unseparated(text: str) -> tuple[PersonName, str] | None:
    """`Jane Doe Chief Financial Officer` or `Vice Mayor Jane Doe`."""
    words = text.split()
    if not 3 <= len(words) <= 9:
        return None
    return _parted(" ".join(words)) if len(text) <= LINE_CHARS_MAX else _part(words)


@lru_cache(maxsize=4096)  # as for names
def _parted(line: str) -> tuple[PersonName, str] | None:
    return _part(line.split(" "))


def _part(words: list[str]) -> tuple[PersonName, str] | None:
    for count in range(2, min(5, len(words))):
        front, back = " ".join(words[:count]), " ".join(words[count:])
        name = name_only(front)
        full = name and name.known and name.last and starts_title(words[count])
        if name and full and grade(back) is Grade.ROLE:
            return name, back
    for count in range(min(4, len(words) - 1), 1, -1):
        front, back = " ".join(words[:-count]), " ".join(words[-count:])
        name = name_only(back)
        if not name or not (name.known and name.last and front[0].isupper()):
            continue
        if is_given_name(words[-count]) and grade(front) is Grade.ROLE:
            return name, front
    return None


# --- rows: names repeated under a heading that says who they are ---------------------------------


def _rows(reads: list[_Read]) -> Iterator[Found]:
    kin = Counter(
        (r.line.kin, r.line.heading_start) for r in reads if r.name and r.name.known and r.name.last
    )
    all_kin = Counter(
        r.line.kin for r in reads if r.name and r.name.known and r.name.last and r.line.team
    )
    for read in reads:
        line, name = read.line, read.name
        if not name or not name.last or line.of_others or line.navigation:
            continue
        title = singular(line.heading)
        here, everywhere = kin[line.kin, line.heading_start], all_kin[line.kin]
        if title and (here >= 2 or everywhere >= 3) and (name.known or here >= 3):
            yield Found(
                name, line.start, line.end, "row", 0.8,
                shown_title(title), line.heading_start, line.heading_start + len(line.heading),
            )  # fmt: skip
        elif line.team and everywhere >= 3 and name.known and _names_staff(line.heading):
            yield Found(name, line.start, line.end, "row", 0.65)


def _names_staff(heading: str) -> bool:
    return bool(
        re.search(
            r"\bteam\b|\bstaff\b|\bpeople\b|attorneys|lawyers|doctors|dentists|agents|counsel|board"
            r"|faculty|council|clerks|partners|associates|mitarbeiter|équipe|equipo|directors",
            heading,
            re.IGNORECASE,
        )
    )


def shown_title(text: str) -> str:
    """`OWNER, PRINCIPAL` → `Owner, Principal`; acronyms and mixed case stay."""
    text = " ".join(text.split()).strip(" :,;-–—|()[]*•·")
    if not text.isupper() or len(text) < 5:
        return text
    return " ".join(
        w if _ACRONYMS.match(w) and w not in {"AND", "OF", "THE", "FOR"} else w.capitalize()
        for w in text.split()
    )
