"""Two people of one name at one company: the graph knows people by their names and has them as
one. Here they are told apart again, by what two people cannot share. Pure.

A personal LinkedIn address and a personal mailbox at the company mark somebody. Two different ones
of a kind mean two people, unless one source gives both for one person. Titles mean nothing: people
change them, and have several.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from data411_mcp.domain.extract.mailboxes import owner_of_mailbox
from data411_mcp.domain.graph import MAIL_CHECK, FieldName, Statement
from data411_mcp.domain.hosts import registrable_domain

LINKEDIN_VENDOR = "apify"  # `reader` of its replies, each of which is about one person
_NUMBER = re.compile(r"\d+$")
_PROFILE, _MAILBOX = "profile", "mailbox"

Page = tuple[str, str]  # address, SHA-256 of the body
Mark = tuple[str, str]  # kind, value


@dataclass
class OnePerson:
    """Ids of the statements about one of them, and the addresses of the pages that say them."""

    statements: set[str] = field(default_factory=set)
    pages: set[str] = field(default_factory=set)
    marks: set[Mark] = field(default_factory=set)
    said: set[tuple[FieldName, str]] = field(default_factory=set)  # titles and phones

    def take(self, other: OnePerson) -> None:
        self.statements |= other.statements
        self.pages |= other.pages
        self.marks |= other.marks
        self.said |= other.said

    def has(self, kind: str) -> bool:
        return any(mark[0] == kind for mark in self.marks)


def namesakes(
    said: Sequence[Statement], names: Sequence[str], own_domains: Collection[str]
) -> tuple[OnePerson, ...]:
    """The people among whom these statements (titles, phones, e-mails, links) about one name are
    to be shared out; empty where nothing shows that they are several. What could be either's is
    nobody's: it stands for itself."""
    marks = {s.id: mark for s in said if (mark := _mark(s, names, own_domains)) is not None}
    sightings = list(_sightings(said, marks))
    people = _joined([s for s in sightings if s.marks])
    mailed = [p for p in people if not p.has(_PROFILE)]
    unmailed = [p for p in people if not p.has(_MAILBOX)]
    if len(mailed) == len(unmailed) == 1:
        unmailed[0].take(mailed[0])
        people.remove(mailed[0])
    if len(people) < 2:
        return ()
    rest = OnePerson()
    for sighting in sightings:
        if not sighting.marks:
            alike = [p for p in people if p.said & sighting.said]
            (alike[0] if len(alike) == 1 else rest).take(sighting)
    rest.statements -= {id_ for p in people for id_ in p.statements}
    return (*people, rest) if rest.statements else tuple(people)


def _mark(s: Statement, names: Sequence[str], own_domains: Collection[str]) -> Mark | None:
    if s.field is FieldName.LINK:
        return (_PROFILE, s.value)
    if s.field is not FieldName.EMAIL:
        return None
    local, _, host = s.value.casefold().rpartition("@")
    local = re.sub(r"[^\w]|_", "", local.partition("+")[0])
    bare = f"{_NUMBER.sub('', local)}@{host}"
    if registrable_domain(host) not in own_domains or owner_of_mailbox(bare, names[:1]) is None:
        return None
    return (_MAILBOX, f"{local}@{host}")


def _sightings(said: Sequence[Statement], marks: dict[str, Mark]) -> Iterator[OnePerson]:
    """What one record of the vendor says, or one entry of a page: where a title or a mark gives
    way to another one of its kind, the next entry begins."""
    places: dict[Page, list[tuple[int, str, bool, Statement]]] = {}
    for s in said:
        for e in s.evidence:
            if e.source != MAIL_CHECK:
                row = (e.start, s.id, e.reader == LINKEDIN_VENDOR, s)
                places.setdefault((e.url, e.page_sha256), []).append(row)
    for page, rows in sorted(places.items()):
        entry, shown = OnePerson(pages={page[0]}), dict[FieldName, str]()
        for _, _, is_record, s in sorted(rows, key=lambda row: row[:2]):
            tells = s.id in marks or s.field is FieldName.TITLE
            if tells and not is_record and shown.get(s.field, s.value) != s.value:
                yield entry
                entry, shown = OnePerson(pages={page[0]}), {}
            entry.statements.add(s.id)
            if s.id in marks:
                entry.marks.add(marks[s.id])
            elif s.field in (FieldName.TITLE, FieldName.PHONE):
                entry.said.add((s.field, s.value.casefold()))
            if tells:
                shown[s.field] = s.value
        yield entry


def _joined(sightings: Sequence[OnePerson]) -> list[OnePerson]:
    """Sightings with a mark in common are of one person."""
    people: list[OnePerson] = []
    for sighting in sightings:
        one = OnePerson()
        one.take(sighting)
        for other in [p for p in people if p.marks & sighting.marks]:
            one.take(other)
            people.remove(other)
        people.append(one)
    return people
