"""Searches that a language model proposes beside our own: what it is shown of a profile, and what
of its reply may be searched for. It gives words and never companies: whatever a search brings up
goes through the same gates as all the rest."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, StrictStr, ValidationError

from data411_mcp.domain.icp.profile import country_name
from data411_mcp.domain.icp.queries import plain
from data411_mcp.domain.icp.threads import one_line
from data411_mcp.domain.icp.values import Condition, IcpProfile
from data411_mcp.domain.icp.words import STOP_WORDS, words_of

PROPOSALS_MAX = 4
WORDS_MAX = 12  # of one query: more is prose
SHOWN_CHARS_MAX = 80  # of one condition
CONDITIONS_SHOWN_MAX = 24
NEGATIVES_SHOWN_MAX = 8
# Addresses, and what searches take for operators: `site:`, `-word`, OR.
_NO_WORDS = re.compile(r"[:@]|\w\.\w{2,}|\bwww\b|(?:^|\s)-\w|\b(?:AND|OR|NOT)\b")
_LETTERS = re.compile(r"[^\W\d_]{2,}")


class _Reply(BaseModel):
    """The reply of the model, which must have this field and this type."""

    model_config = ConfigDict(extra="ignore")

    queries: list[StrictStr]


PROPOSALS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["queries"],
    "properties": {"queries": {"type": "array", "items": {"type": "string"}}},
}


def shown(profile: IcpProfile) -> str:
    """What the model is told, as JSON: conditions by their labels, trades and places. No quote of
    a page, no address, and nobody's name."""
    told = {
        "conditions": [
            {"field": c.field, "what": _label(c), "shown_by": f"{c.support} of {c.of}"}
            for c in profile.conditions[:CONDITIONS_SHOWN_MAX]
        ],
        "official_trades": [one_line(title, SHOWN_CHARS_MAX) for _, title, _ in profile.ssic],
        "places": [country_name(code) for code in profile.geos],
        "not_wanted": [_label(c) for c in profile.negatives[:NEGATIVES_SHOWN_MAX]],
    }
    return json.dumps(told, ensure_ascii=False)


def _label(condition: Condition) -> str:
    return one_line(condition.label, SHOWN_CHARS_MAX)


def proposed(reply: object) -> tuple[str, ...] | None:
    """What the reply proposes, as it stands there; None where it is not as it must be."""
    try:
        return tuple(_Reply.model_validate(reply).queries)
    except ValidationError:
        return None


def searchable(raw: Sequence[str], ours: Sequence[str]) -> tuple[str, ...]:
    """Of these, at most `PROPOSALS_MAX` that are plain words and that neither `ours` nor an
    earlier one asks for, in their order."""
    known = {_meaning(query) for query in ours}
    out: list[str] = []
    for text in raw:
        text = unicodedata.normalize("NFKC", text)
        if _NO_WORDS.search(text) or len(text.split()) > WORDS_MAX:
            continue
        query = plain(text)
        meaning = _meaning(query)
        if not meaning or meaning in known or not _LETTERS.search(query):
            continue
        known.add(meaning)
        out.append(query)
    return tuple(out[:PROPOSALS_MAX])


def _meaning(query: str) -> frozenset[str]:
    """Two queries of the same words, in whatever order, are one."""
    return frozenset(word for word in words_of(query) if word not in STOP_WORDS)
