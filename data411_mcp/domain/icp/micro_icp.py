"""A micro-ICP as a client gives it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from data411_mcp.domain.icp.intents import Intent, is_question, read_intent
from data411_mcp.domain.icp.threads import one_line
from data411_mcp.domain.icp.values import MicroIcp
from data411_mcp.errors import InvalidArgument

_ACCEPT = re.compile(
    r"^(?:(?:please|ok|okay|yes|i|we|(?:i|we)['’]ll|let['’]?s)[\s,]+)*(?:accept|take|choose|pick|select|use|go\s+with)\s+"
    r"(?:(?:the|a|my)\s+)?(?:micro[\s-]?icp\s*)?",
    re.IGNORECASE,
)
_OF_CARDS = re.compile(r"\s*(?:one|micro[\s-]?icp)?[\s.!]*$", re.IGNORECASE)
PART_CHARS_MIN = 4  # of a title, where only a part of it is said


def named_card(text: str, cards: Sequence[tuple[str, str]]) -> int | None:
    """Which of the cards (id, title) the user accepts: by number, id or title, or, after "accept",
    by a part of the title that only one has. None where it is none, or several."""
    text = " ".join(text.replace("‑", "-").split())
    if is_question(text):
        return None
    asked = _ACCEPT.match(text)
    wanted = _OF_CARDS.sub("", text[asked.end() :] if asked else text).strip(" \"'“”‘’")
    said = read_intent(wanted)
    if said.intent is Intent.PICK and said.number is not None:
        return said.number - 1 if 1 <= said.number <= len(cards) else None
    wanted = wanted.casefold()
    if not wanted:
        return None
    exact = [n for n, card in enumerate(cards) if wanted in (_folded(card[0]), _folded(card[1]))]
    if exact or not asked or len(wanted) < PART_CHARS_MIN:
        return exact[0] if len(exact) == 1 else None
    part = [n for n, (_, title) in enumerate(cards) if wanted in _folded(title)]
    return part[0] if len(part) == 1 else None


def _folded(text: str) -> str:
    return " ".join(text.replace("‑", "-").split()).casefold()


def micro_icp_of(given: Mapping[str, Any]) -> MicroIcp:
    """Lower case, without repetitions. Raises InvalidArgument."""
    lists = {"industries", "integrations", "buyer_titles", "size_bands", "triggers", "geos", "ssic"}
    unknown = set(given) - lists - {"id", "title"}
    values: dict[str, Any] = {}
    for key in set(given) & lists:
        found = given[key]
        found = [found] if isinstance(found, str) else found
        if not isinstance(found, Sequence) or not all(isinstance(v, str) for v in found):
            raise InvalidArgument(f"micro_icp.{key} must be a list of words.", "Pass a list.")
        clean = [one_line(v, 80) for v in found[:20]]
        keep_case = key in ("geos", "ssic")
        values[key] = tuple(dict.fromkeys(v if keep_case else v.casefold() for v in clean if v))
    if unknown or not any(values.values()):
        raise InvalidArgument(
            f"micro_icp takes {', '.join(sorted(lists))}, id and title, one list at least.",
            "Pass the id of a suggestion, or an object with such lists.",
        )
    for key in ("id", "title"):
        values[key] = one_line(str(given.get(key) or ""), 80)
    try:
        return MicroIcp.model_validate(values)
    except ValidationError as error:
        raise InvalidArgument("micro_icp cannot be read.", "Pass lists of words.") from error
