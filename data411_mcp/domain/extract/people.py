"""Staff people on a page, with their job titles.

An invented contact is the worst a lead graph can hold, so a name alone is never enough: a title
beside it, a card with contact data, a biography, a row of siblings under a team heading, a
sentence that says what the person is to the company, or structured data must speak for it.
Names in testimonials, reviews, client lists and navigation are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from data411_mcp.domain.extract.document import Document, Fact, StructuredValue
from data411_mcp.domain.extract.page_lines import page_lines
from data411_mcp.domain.extract.people_cards import SCORE_MIN, Found, found_in_lines, shown_title
from data411_mcp.domain.extract.people_prose import Mention, mentions, menu_names
from data411_mcp.domain.extract.person_names import read_name, same_person
from data411_mcp.domain.graph import FieldName

_QUOTE_GAP_MAX = 300  # code points a title's quote may span to hold the name too


def read_people(document: Document, own: frozenset[str]) -> tuple[Fact, ...]:
    """A PERSON fact for each staff person and a TITLE fact for each title the page gives them.

    `value` of a PERSON is the full name, `person` the same; of a TITLE the title, `person` its
    owner. Only people who speak for the page's own company, in page order. `own`: folded words
    by which that company is known.
    """
    lines = page_lines(document)
    found = [
        *_structured(document),
        *found_in_lines(lines),
        *(_from_mention(m) for m in mentions(lines, own)),
        *(_from_mention(m) for m in menu_names(document, own)),
    ]
    people = _joined(f for f in found if f.score >= SCORE_MIN)
    return tuple(fact for person in people for fact in _facts(person))


# --- structured data ------------------------------------------------------------------------------

_STRUCTURED_NAME = re.compile(r"(?:^|\.)Person\.name$")
_NOT_STAFF_PATH = re.compile(r"Review|Rating|author|creator|Comment|Article|Product|performer|Quot")


def _structured(document: Document) -> Iterator[Found]:
    by_item: dict[tuple[int, str], dict[str, StructuredValue]] = {}
    for value in document.structured:
        prefix, _, leaf = value.path.rpartition(".")
        by_item.setdefault((value.item, prefix), {}).setdefault(leaf, value)
    for (_, prefix), leaves in by_item.items():
        holder = leaves.get("name")
        if not holder or not _STRUCTURED_NAME.search(holder.path):
            continue
        if _NOT_STAFF_PATH.search(prefix):
            continue
        name = read_name(holder.value)
        if not name or not name.last:
            continue
        job = leaves.get("jobTitle")
        role = "Founder" if "founder" in prefix else ""
        staff = job or role or "employee" in prefix or "member" in prefix
        score = 0.9 if staff else 0.55 if name.known else 0.3
        title = job.value if job else ""
        yield Found(
            name, holder.start, holder.end, "structured", score, title,
            job.start if job else 0, job.end if job else 0,
        )  # fmt: skip


# --- joining --------------------------------------------------------------------------------------


def _from_mention(mention: Mention) -> Found:
    return Found(
        mention.name, mention.start, mention.end, mention.rule, mention.score,
        shown_title(mention.title), mention.start, mention.end,
    )  # fmt: skip


def _joined(found: Iterable[Found]) -> list[Found]:
    """One entry a person: the best evidence, the fullest name, the first title; page order."""
    people: list[Found] = []
    for one in sorted(found, key=lambda f: -f.score):
        for i, known in enumerate(people):
            if not same_person(known.name, one.name):
                continue
            if one.title and not known.title:
                known = known._replace(
                    title=one.title, title_start=one.title_start, title_end=one.title_end
                )
            people[i] = known
            break
        else:
            people.append(one)
    return sorted(people, key=lambda f: f.start)


def _facts(person: Found) -> Iterator[Fact]:
    name = person.name.full
    yield Fact(
        FieldName.PERSON, name, name, person.start, person.end,
        f"people.{person.rule}", person.score, person=name,
    )  # fmt: skip
    if not person.title:
        return
    start, end = person.title_start, person.title_end
    if max(end, person.end) - min(start, person.start) <= _QUOTE_GAP_MAX:
        start, end = min(start, person.start), max(end, person.end)
    yield Fact(
        FieldName.TITLE, person.title, person.title, start, end,
        f"people.{person.rule}", person.score, person=name,
    )  # fmt: skip
