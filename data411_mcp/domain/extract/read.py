"""One page → `PageFacts`: all readers, then what only the whole page can decide.

Each reader owns its fields and gives every value its best place; here their facts are joined:
what stands in text that speaks to a model is dropped, what is somebody else's is set apart,
mailboxes and profiles are given to the person they are named after.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from data411_mcp.domain.extract.cards import give_phones
from data411_mcp.domain.extract.company_names import own_tokens, read_company_names
from data411_mcp.domain.extract.contacts import OURS_MIN, read_contacts
from data411_mcp.domain.extract.country import whereabouts
from data411_mcp.domain.extract.document import Document, Fact, Hints, PageFacts, Span
from data411_mcp.domain.extract.firmographics import read_firmographics
from data411_mcp.domain.extract.instructions import find_instructions
from data411_mcp.domain.extract.kinds import page_kind
from data411_mcp.domain.extract.links import read_links
from data411_mcp.domain.extract.mailboxes import owner_of_mailbox, owner_of_profile
from data411_mcp.domain.extract.people import read_people
from data411_mcp.domain.extract.places import read_places
from data411_mcp.domain.extract.reading_limits import for_reading
from data411_mcp.domain.extract.tech import read_technologies
from data411_mcp.domain.graph import FieldName

_DEAD_ENDS = frozenset({"error", "parked"})
_API_ROWS = "json/1"


def read_document(document: Document, hints: Hints) -> PageFacts:
    """Facts in order of appearance; values are normalised, offsets are code points in
    `document.text`. A page that only says that there is none (error, parked) gives no facts, nor
    does an API's answer: who called the API knows its fields."""
    kind = page_kind(document)
    instructions = find_instructions(document)
    if kind in _DEAD_ENDS or document.decoder == _API_ROWS:
        return PageFacts(url=document.url, instructions=instructions, kind=kind)
    reading = for_reading(document)
    inside = instructions
    if reading.document is not document:
        inside = find_instructions(reading.document)
    facts, not_ours = _read(reading.document, hints, inside)
    found = PageFacts(document.url, facts, not_ours, instructions, kind)
    return reading.restored(found)


def _read(
    document: Document, hints: Hints, instructions: tuple[Span, ...]
) -> tuple[tuple[Fact, ...], tuple[Fact, ...]]:
    """The page's own facts, and those of others."""
    ours_linked, others_linked = read_links(document, hints)
    names = read_company_names(document, hints)
    found_at = whereabouts(document, hints)
    read = [
        *read_contacts(document, hints, found_at),
        *read_places(document, hints, found_at),
        *read_people(document, own_tokens(names, document, hints)),
        *names,
        *read_firmographics(document),
        *read_technologies(document),
        *ours_linked,
    ]
    sound = [fact for fact in read if not _overlaps(fact, instructions)]
    ours = [fact for fact in sound if fact.score >= OURS_MIN]
    others = [*(fact for fact in sound if fact.score < OURS_MIN), *others_linked]
    facts, unowned = _owned(give_phones(document, ours))
    theirs = (fact for fact in (*others, *unowned) if not _overlaps(fact, instructions))
    return _once(facts), _once(theirs)


def _overlaps(fact: Fact, spans: Iterable[Span]) -> bool:
    return any(fact.start < span.end and span.start < fact.end for span in spans)


def _owned(facts: list[Fact]) -> tuple[list[Fact], list[Fact]]:
    """Facts with their person, and those whose person is not of this page's staff."""
    staff = tuple(dict.fromkeys(f.value for f in facts if f.field is FieldName.PERSON))
    kept: list[Fact] = []
    unowned: list[Fact] = []
    for fact in facts:
        if fact.field is FieldName.TITLE and fact.person not in staff:
            continue  # a title is worth nothing without its holder
        if fact.field is FieldName.EMAIL and fact.person is None:
            owner = owner_of_mailbox(fact.value, staff)
            fact = replace(fact, person=owner, kind="person") if owner else fact
        elif fact.field is FieldName.LINK and fact.kind == "linkedin_person":
            owner = owner_of_profile(fact.value, fact.person, staff)
            if owner is None:
                unowned.append(fact)
                continue
            fact = replace(fact, person=owner)
        kept.append(fact)
    return kept, unowned


def _once(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """One fact a claim, from its best place; of equals the first on the page."""
    best: dict[tuple[str, str, str | None, str | None], Fact] = {}
    for fact in facts:
        key = (fact.field, fact.value.casefold(), fact.kind, fact.person)
        if key not in best or (best[key].score, -best[key].start) < (fact.score, -fact.start):
            best[key] = fact
    return tuple(sorted(best.values(), key=lambda fact: (fact.start, fact.field, fact.value)))
