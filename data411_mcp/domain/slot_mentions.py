"""Where a text names slots: by id, by the model's slug, by label, and by a label's short form.

A label of two words names its slot wherever it stands. A short one ("Swift", "deep", "site") is an
everyday word: it counts beside "slot", after "rerun" and the like, or in a list with another slot.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from data411_mcp.domain.slots import SLOTS


@dataclass(frozen=True, slots=True)
class Mention:
    start: int
    end: int
    slot: str
    reported: bool = False  # "Hunt Forge found nothing": told, not asked for


_VERB = (
    r"(?:re-?run|run|re-?try|redo|repeat|re-?start|relaunch|try|start|only|just|"
    r"except(?:\s+for)?|but|not|without|skip(?:ping)?|excluding|leave(?:\s+out)?|ask)"
)
_FILLER = r"(?:only|just|the|slots?|hunts?|models?|again|both|all|of|either)"
_LED = re.compile(rf"\b{_VERB}(?:\s+{_FILLER})*[\s:\"']+$", re.IGNORECASE)
_BESIDE = re.compile(r"\bslots?\W+$", re.IGNORECASE)
_JOINED = re.compile(
    r"^(?:\s+slots?)?\s*(?:,|&|/|\+|and|or|nor|,\s*and|,\s*or)\s*(?:also\s+)?(?:the\s+)?$",
    re.IGNORECASE,
)
# What may stand after a short name: "run deep research" names no slot.
_AFTER = re.compile(
    r"[\"']?\s*(?:$|[.,;:!?()&/+\n–—-]|"
    r"(?<=\s)(?:slots?|hunts?|models?|pass|and|or|nor|again|once|too|also|please|with|for|to|on|in|"
    r"now|only|then|but|except|not|instead|from|alone|out|twice|as|failed|found)\b)",
    re.IGNORECASE,
)
_SLOT_AFTER = re.compile(r"^[\"']?\s+slots?\b", re.IGNORECASE)
_AGAIN_AFTER = re.compile(r"^[\"']?\s+(?:again|once\s+more)\b", re.IGNORECASE)
_REPORTED = re.compile(
    r"^(?:\s+slots?)?\s+(?:(?:still|just|again|already)\s+)?(?:found|failed|returned|gave|missed|errored|"
    r"timed\s+out|was|were|wasn't|weren't|did|didn't|has|hasn't|have|haven't|had|came|got|said)\b",
    re.IGNORECASE,
)
_ASKED_ABOUT = re.compile(r"\b(?:did|does|has|had|was|were|why|what)\s+(?:the\s+)?$", re.IGNORECASE)
_ONE_WORD = {slot.label.casefold(): slot.id for slot in SLOTS.values() if " " not in slot.label}
_SHORT = _ONE_WORD | {
    word: slot.id
    for slot in SLOTS.values()
    if " " in slot.label
    for word in slot.label.casefold().split()
    if word != "hunt"
}
_SHORT_NAME = re.compile(rf"(?<![\w-])(?:{'|'.join(_SHORT)})(?![\w-]|/\w)", re.IGNORECASE)


def mentions(said: str, ran_with: Iterable[tuple[str, str]] = ()) -> list[Mention]:
    """In order of the text. `ran_with` holds slots and the slugs that they last ran with."""
    found = _sure(said, ran_with)
    short = [
        Mention(*m.span(), _SHORT[m[0].casefold()])
        for m in _SHORT_NAME.finditer(said)
        if not _overlaps(m.start(), m.end(), found)
    ]
    short = [m for m in short if _AFTER.match(said[m.end :]) or _SLOT_AFTER.match(said[m.end :])]
    led = [m for m in short if _alone(said, m)]
    found += led
    rest = [m for m in short if m not in led]
    while joined := [m for m in rest if any(_listed(said, m, other) for other in found)]:
        found += joined
        rest = [m for m in rest if m not in joined]
    return _with_reports(said, sorted(found, key=lambda m: m.start))


def _sure(said: str, ran_with: Iterable[tuple[str, str]]) -> list[Mention]:
    slugs = {slot.id: {slot.provider} for slot in SLOTS.values()}
    for slot, slug in ran_with:
        slugs.setdefault(slot, set()).add(slug)
    found: list[Mention] = []
    for spec in SLOTS.values():
        names = [re.escape(spec.id), *(re.escape(tail) for tail in _tails(slugs[spec.id]))]
        if " " in spec.label:
            names.append(r"[\s_-]*".join(map(re.escape, spec.label.split())))
        for name in names:
            for m in re.finditer(rf"(?<![\w-]){name}(?![\w-])", said, re.IGNORECASE):
                if not _overlaps(m.start(), m.end(), found):
                    found.append(Mention(*m.span(), spec.id))
    return found


def _tails(slugs: set[str]) -> set[str]:
    """The model's part of each slug; a bare word such as "site" is none."""
    tails = {slug.casefold().rsplit("/", 1)[-1] for slug in slugs}
    return {tail for tail in tails if tail and not tail.isalpha()}


def _alone(said: str, m: Mention) -> bool:
    before, after = said[: m.start], said[m.end :]
    return bool(
        _LED.search(before)
        or _BESIDE.search(before)
        or _SLOT_AFTER.match(after)
        or (_AGAIN_AFTER.match(after) and not before.rstrip().casefold().endswith("dig"))
    )


def _listed(said: str, m: Mention, other: Mention) -> bool:
    first, second = sorted((m, other), key=lambda x: x.start)
    return _JOINED.match(said[first.end : second.start]) is not None


def _with_reports(said: str, found: Sequence[Mention]) -> list[Mention]:
    """A list is told as a whole: "Hunt Forge and Hunt Swift failed"."""
    told: list[Mention] = []
    for m in reversed(found):
        listed = bool(told) and told[0].reported and _listed(said, m, told[0])
        asked = not _LED.search(said[: m.start]) or _ASKED_ABOUT.search(said[: m.start])
        reported = listed or (
            bool(asked)
            and bool(_REPORTED.match(said[m.end :]) or _ASKED_ABOUT.search(said[: m.start]))
        )
        told.insert(0, replace(m, reported=reported))
    return told


def _overlaps(start: int, end: int, found: Iterable[Mention]) -> bool:
    return any(m.start < end and start < m.end for m in found)
