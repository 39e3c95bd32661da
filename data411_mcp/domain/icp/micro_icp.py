"""A micro-ICP as a client gives it, and the conditions that it sets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from data411_mcp.domain.extract.geo import COUNTRY_CODES, COUNTRY_NAMES
from data411_mcp.domain.icp.industries import industry_slug
from data411_mcp.domain.icp.intents import Intent, is_question, read_intent
from data411_mcp.domain.icp.signals import SIZE_BANDS
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
_SIZE = re.compile(r"(\d+)\s*(?:[-\u2010-\u2015]|to)\s*(\d+)|(\d+)\s*\+")
_ANY_SIZE = 10**9
_CODE = re.compile(r"(?:ssic\s*)?(\d{2,5})(?:\D.*)?", re.IGNORECASE)

# Conditions as (field, value), of which one will do.
Facet = tuple[tuple[str, str], ...]


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


# --- what it asks for --------------------------------------------------------------------------


def facets_of(micro: MicroIcp) -> tuple[Facet, ...]:
    """One for each of its lists that a site can be checked for. What is no country, no range of
    employees or no code is looked for as a word: nothing can contradict it."""
    asked: tuple[Facet, ...] = (
        tuple(("industry", industry_slug(i) or i) for i in micro.industries),
        tuple(_code(code) for code in micro.ssic),
        tuple(("integration", product) for product in micro.integrations),
        tuple(("buyer_title", title) for title in micro.buyer_titles),
        tuple(pair for size in micro.size_bands for pair in _sizes(size)),
        tuple(_place(geo) for geo in micro.geos),
    )
    return tuple(tuple(dict.fromkeys(facet)) for facet in asked if facet)


def ids_of(facet: Facet) -> tuple[str, ...]:
    """As conditions and verdicts are called."""
    return tuple(f"{field}:{value}" for field, value in facet)


def _code(text: str) -> tuple[str, str]:
    found = _CODE.fullmatch(text.strip())
    return ("ssic", found[1]) if found else ("topic", text)


def _place(geo: str) -> tuple[str, str]:
    code = geo.strip().upper()
    code = code if code in COUNTRY_CODES else COUNTRY_NAMES.get(geo.strip().casefold(), "")
    return ("country", code) if code else ("topic", geo)


def _sizes(text: str) -> list[tuple[str, str]]:
    """The bands that a range of employees reaches into."""
    found = _SIZE.fullmatch(text.replace(",", "").strip())
    if found is None:
        return [("topic", text)]
    low = int(found[1] or found[3])
    high = int(found[2]) if found[2] else _ANY_SIZE
    bands = [f"{a}-{b}" for a, b in SIZE_BANDS if low < b and a < high]
    last = SIZE_BANDS[-1][1]
    bands += [f"{last + 1}+"] if high > last else []
    return [("size_band", band) for band in bands] or [("topic", text)]
