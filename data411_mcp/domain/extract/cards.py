"""Whose phone is it: a number in a person's card, row or line is that person's.

A card is what stands between one staff name and the next, as long as it stays in the same part of
the page and no heading or other name comes between. A number that is labelled as the company's
(main, office, fax, toll free) is nobody's own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from data411_mcp.domain.extract.document import Block, Document, Fact
from data411_mcp.domain.graph import FieldName
from data411_mcp.domain.quotes import says_more_than_a_label

CARD_BLOCKS_MAX = 5  # blocks between a name and its number
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_OF_THE_COMPANY = re.compile(
    r"\b(main|office|reception|switchboard|general|head office|toll|front desk|zentrale|"
    r"standard|centralino|call us|our number)\b",
    re.IGNORECASE,
)
_KINDS = frozenset({None, "main", "direct", "mobile"})


def give_phones(document: Document, facts: Sequence[Fact]) -> list[Fact]:
    """The facts, with the owner of each number that stands in one person's card."""
    people = sorted(
        (f for f in facts if f.field is FieldName.PERSON and f.start < document.visible_end),
        key=lambda f: f.start,
    )
    if not people:
        return list(facts)
    return [
        replace(f, person=owner, kind="direct" if f.kind in (None, "main") else f.kind)
        if _may_be_personal(f, document) and (owner := _owner(document, f, people))
        else f
        for f in facts
    ]


def _may_be_personal(fact: Fact, document: Document) -> bool:
    if fact.field is not FieldName.PHONE or fact.person or fact.kind not in _KINDS:
        return False
    if fact.start >= document.visible_end:
        return False
    line = document.text.rfind("\n", 0, fact.start)
    before = document.text[max(line, fact.start - 40) : fact.end]
    return not _OF_THE_COMPANY.search(before)


def _owner(document: Document, phone: Fact, people: Sequence[Fact]) -> str | None:
    here = _block_index(document.blocks, phone.start)
    if here is None:
        return None
    on_line = {p.value for p in people if _block_index(document.blocks, p.start) == here}
    if len(on_line) == 1:
        return on_line.pop()
    if on_line:
        return _nearest_before(phone, people, document)
    block = document.blocks[here]
    if says_more_than_a_label(document.text[block.start : block.end]):
        return None  # the line speaks of something else, perhaps of a name we do not know
    return _of_card(document.blocks, here, people)


def _nearest_before(phone: Fact, people: Sequence[Fact], document: Document) -> str | None:
    """Several names share the line: each number follows its own name."""
    line = document.text.rfind("\n", 0, phone.start)
    before = [p for p in people if line < p.start < phone.start]
    return before[-1].value if before else None


def _of_card(blocks: Sequence[Block], here: int, people: Sequence[Fact]) -> str | None:
    """The last name before the number, if only the lines of one card lie between. A page with a
    single name has no cards to compare with: there only the next line counts."""
    names = {_block_index(blocks, p.start): p.value for p in people}
    reach = CARD_BLOCKS_MAX if len({p.value for p in people}) > 1 else 2
    for index in range(here - 1, max(-1, here - 1 - reach), -1):
        if index in names:
            return names[index] if _same_part(blocks[index].path, blocks[here].path) else None
        if blocks[index].tag in _HEADINGS:
            return None
    return None


def _same_part(one: str, other: str) -> bool:
    """Header, footer and aside are other parts of the page than its body."""
    parts = ("header", "footer", "aside", "nav")
    return all((p in one.split()) == (p in other.split()) for p in parts)


def _block_index(blocks: Sequence[Block], offset: int) -> int | None:
    low, high = 0, len(blocks) - 1
    while low <= high:
        middle = (low + high) // 2
        block = blocks[middle]
        if block.start <= offset < block.end:
            return middle
        if offset < block.start:
            high = middle - 1
        else:
            low = middle + 1
    return None
