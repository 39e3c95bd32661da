"""Is a register's row about the company that was asked for? Fuzzy searches answer anyway."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from rapidfuzz import fuzz

from data411_mcp.domain.legal_forms import strip_legal_form

ALIKE_MIN = 88.0  # of 100; below it the row is another company's
# Words that a group adds to or drops from the same name; they tell no two companies apart alone.
_GROUP_WORDS = frozenset(
    ("the", "and", "und", "et", "of", "group", "holding", "holdings", "company", "co")
)
_GROUP_PENALTY = 4.0
_DOMAIN_LABEL_MIN = 5


def folded(name: str) -> str:
    """Lower case, no diacritics, no legal form, `&` as `and`, words separated by one space."""
    plain = unicodedata.normalize("NFKD", strip_legal_form(name).replace("&", " and "))
    plain = "".join(c for c in plain if not unicodedata.combining(c)).casefold()
    return " ".join(re.findall(r"[^\W_]+", re.sub(r"(?<=\w)[.'’](?=\w)", "", plain)))


def likeness(name: str, wanted: Iterable[str]) -> float:
    """0 to 100: how alike the name is to the most alike of the wanted ones.

    Numbers must agree: "Fund 2" is not "Fund 3". Token order and legal forms do not count.
    """
    ours = folded(name)
    best = 0.0
    for other in wanted:
        theirs = folded(other)
        if not ours or not theirs:
            continue
        if ours == theirs:
            return 100.0
        if _numbers(ours) != _numbers(theirs):
            continue
        best = max(best, fuzz.token_sort_ratio(ours, theirs), _without_group_words(ours, theirs))
    return best


def alike(name: str, wanted: Iterable[str]) -> bool:
    return likeness(name, wanted) >= ALIKE_MIN


def in_domain_label(name: str, domain: str) -> bool:
    """`HG AutoTech LLC` and `hgautotech.com`: the joined words are the domain's label."""
    label = re.sub(r"[^a-z0-9]", "", domain.split(".", 1)[0].casefold())
    return len(label) >= _DOMAIN_LABEL_MIN and folded(name).replace(" ", "") == label


def _numbers(text: str) -> list[str]:
    return sorted(re.findall(r"\d+|\b(?:i{2,3}|iv|vi{0,3}|ix)\b", text))


def _without_group_words(ours: str, theirs: str) -> float:
    a, b = (" ".join(w for w in t.split() if w not in _GROUP_WORDS) for t in (ours, theirs))
    return max(0.0, fuzz.token_sort_ratio(a, b) - _GROUP_PENALTY) if a and b else 0.0
