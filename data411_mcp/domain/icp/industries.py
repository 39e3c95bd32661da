"""Which trades a text speaks of: phrases of `industries_table`, as whole words."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from data411_mcp.domain.icp.industries_table import INDUSTRIES
from data411_mcp.domain.icp.words import words_of

PHRASE_WORDS_MAX = 4
SAID_BY_MANY = 0.5  # weight of a phrase marked with `*`

Phrase = tuple[str, ...]


def _read() -> tuple[dict[str, str], dict[Phrase, tuple[tuple[str, float], ...]], frozenset[str]]:
    labels: dict[str, str] = {}
    phrases: dict[Phrase, dict[str, float]] = {}
    for record in re.split(r"\n(?=\S)", INDUSTRIES.strip()):
        slug, label, listed = record.split("|")
        labels[slug] = label
        for raw in listed.split(";"):
            weight = SAID_BY_MANY if raw.strip().endswith("*") else 1.0
            phrase = tuple(words_of(raw))
            known = phrases.setdefault(phrase, {})
            known[slug] = max(weight, known.get(slug, 0.0))
    table = {phrase: tuple(sorted(slugs.items())) for phrase, slugs in phrases.items()}
    return labels, table, frozenset(phrase[0] for phrase in phrases)


LABELS, PHRASES, _FIRST_WORDS = _read()
_BY_NAME = {
    **{tuple(words_of(slug)): slug for slug in LABELS},
    **{tuple(words_of(label)): slug for slug, label in LABELS.items()},
}


def industry_label(slug: str) -> str:
    return LABELS.get(slug, slug.replace("-", " ").capitalize())


def industry_slug(text: str) -> str:
    """The trade that somebody's words name: a slug, a label, or a phrase that is of one trade
    alone (`law firm` → legal). Empty where it is none that we know."""
    words = tuple(words_of(text))
    if found := _BY_NAME.get(words):
        return found
    told = [slug for slug, weight in PHRASES.get(words, ()) if weight == 1.0]
    return told[0] if len(told) == 1 else ""


_LABEL_WORDS = {slug: frozenset(words_of(label)) for slug, label in LABELS.items()}


def named_by(phrase: Phrase) -> list[str]:
    """The trades that have this phrase in their very name: `freight` is Freight and shipping more
    than it is Supply chain."""
    return [slug for slug, _ in PHRASES[phrase] if _LABEL_WORDS[slug].issuperset(phrase)]


def phrases_at(words: Sequence[str], at: int) -> list[Phrase]:
    """The table's phrases that begin at this word."""
    if words[at] not in _FIRST_WORDS:
        return []
    ends = range(1, min(PHRASE_WORDS_MAX, len(words) - at) + 1)
    return [p for n in ends if (p := tuple(words[at : at + n])) in PHRASES]


def count_phrases(words: Sequence[str]) -> Counter[Phrase]:
    return Counter(phrase for at in range(len(words)) for phrase in phrases_at(words, at))


def trades(counts: Mapping[Phrase, float], worth: Mapping[Phrase, float]) -> dict[str, float]:
    """Weight by trade. `worth` of a phrase: how much rarer than others it is; 1 where unknown.
    Said twice is not twice as true."""
    found: dict[str, float] = {}
    for phrase, count in counts.items():
        told = (1 + math.log(count) if count > 1 else count) * worth.get(phrase, 1.0)
        for slug, weight in PHRASES[phrase]:
            found[slug] = found.get(slug, 0.0) + weight * told
    return found
