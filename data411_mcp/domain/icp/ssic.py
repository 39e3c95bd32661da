"""From what a company says of its trade to codes of Singapore's industrial classification, and how
sure a registered name is the one that was looked for.

The table is the official one, imported by the operator; nothing of it is kept here. A code is
found by its title first, its examples next, its definition last; what a definition *excludes* is
no sign of it.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from data411_mcp.domain.icp.acra import name_key
from data411_mcp.domain.icp.industries import PHRASES, industry_label
from data411_mcp.domain.icp.signals import phrase_places
from data411_mcp.domain.icp.values import SiteSignals, Snippet, SsicCode
from data411_mcp.domain.icp.words import tells, words_of
from data411_mcp.domain.legal_forms import legal_form

CODES_MAX = 3
TITLE_WEIGHT = 3.0
EXAMPLE_WEIGHT = 1.5
DEFINITION_WEIGHT = 1.0
ABOVE_WEIGHT = 1.0  # titles of class, group and division
PAIR_WEIGHT = 1.5  # two words side by side say more than both apart
SCORE_MIN = 0.35
WITHOUT_TITLE = 0.75  # what a row is worth whose examples say it all and whose title does not
SHARE_MIN = 0.7  # of the best code's score
QUERY_WORDS_MAX = 60
NEAR_MAX = 60  # codes whose title is compared
DESCRIPTION_CHARS_MAX = 400
UEN_CONFIDENCE_MIN = 0.7
_EXCLUDES = re.compile(
    r"\b(?:this (?:sub-?class|class|group) )?(?:excludes?|excluding|does not include)\b.*",
    re.IGNORECASE | re.DOTALL,
)
_BUT = re.compile(r"\((?:excluding|except)[^)]*\)|\b(?:except|excluding)\b.*", re.IGNORECASE)
_HYPHEN = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")  # book-keeping is bookkeeping
# Words that hundreds of titles hold.
_EMPTY = frozenset(
    "nec other n.e.c excluding except including activity activities eg goods product products"
    " service services general specialised various without ssic".split()
)


@dataclass(frozen=True, slots=True)
class SsicEntry:
    """A row of the table; only five-digit codes are searched."""

    code: str
    title: str
    definition: str = ""
    examples: str = ""


class SsicIndex:
    """The searchable table of one edition."""

    def __init__(self, entries: Iterable[SsicEntry], edition: str) -> None:
        self.edition = edition
        rows = tuple(entries)
        above = {e.code: e.title for e in rows if 2 <= len(e.code) < 5}
        self.entries = tuple(e for e in rows if len(e.code) == 5 and e.code.isdigit())
        self._titles = {e.code: e.title for e in self.entries}
        weights = [_weights(e, _above(e.code, above)) for e in self.entries]
        self._title_words = [
            frozenset(t for t in _terms(_title(e)) if " " not in t) for e in self.entries
        ]
        frequency = Counter(term for row in weights for term in row)
        count = len(self.entries)
        self._rarity = {t: math.log((count + 1) / (n + 0.5)) for t, n in frequency.items()}
        self._postings: dict[str, list[tuple[int, float]]] = {}
        for at, row in enumerate(weights):
            length = 0.5 + 0.5 * math.log1p(sum(row.values())) / math.log1p(20)
            for term, weight in row.items():
                told = weight / (weight + length)
                self._postings.setdefault(term, []).append((at, told))

    def __len__(self) -> int:
        return len(self.entries)

    def title(self, code: str) -> str:
        return self._titles.get(code, "")

    def find(
        self, text: str, *, limit: int = CODES_MAX, at_least: float = SCORE_MIN
    ) -> tuple[SsicCode, ...]:
        """Codes for a trade in words, the best first, with scores 0 to 1: half of it how much of
        the words the code's row says too, half how much of its title the words say. Empty where
        nothing fits well enough."""
        query = _query(text)
        whole = sum(w * self._rarity.get(t, self._unknown()) for t, w in query.items())
        if not whole:
            return ()
        said: dict[int, float] = {}
        for term, weight in query.items():
            for at, told in self._postings.get(term, ()):
                said[at] = said.get(at, 0.0) + weight * told * self._rarity[term]
        near = sorted(said, key=lambda at: (-said[at], at))[:NEAR_MAX]
        scores = {
            at: max(
                (said[at] / whole + self._title_said(at, query)) / 2,
                WITHOUT_TITLE * said[at] / whole,
            )
            for at in near
        }
        ranked = sorted(scores, key=lambda at: (-scores[at], self.entries[at].code))[:limit]
        found = [(scores[at], self.entries[at]) for at in ranked]
        return tuple(
            SsicCode(code=e.code, title=e.title, edition=self.edition, score=round(score, 3))
            for score, e in found
            if score >= at_least and score >= SHARE_MIN * found[0][0]
        )

    def _title_said(self, at: int, query: Mapping[str, float]) -> float:
        """The share of a title's words, by rarity, that the query holds."""
        words = self._title_words[at]
        whole = sum(self._rarity[w] for w in words)
        return sum(self._rarity[w] for w in words if w in query) / whole if whole else 0.0

    def _unknown(self) -> float:
        """What a word weighs that no row holds: it says something that the table does not."""
        return math.log(len(self.entries) + 1) / 2


def with_ssic(site: SiteSignals, index: SsicIndex | None) -> SiteSignals:
    """The site with its codes, by its trades and what it says of them; unchanged without a trade.
    Without a table: with the reason."""
    if index is None or not index.entries:
        return site.model_copy(update={"degraded": (*site.degraded, "SSIC_NOT_IMPORTED")})
    said = site.description or site.text[:DESCRIPTION_CHARS_MAX]
    labels = " ".join(industry_label(slug) for slug in site.industries[:2])
    # Of a description, the words of its trades alone: the rest praises.
    spoken = {
        " ".join(phrase): None
        for phrase, _, _ in phrase_places(said)
        if any(slug in dict(PHRASES[phrase]) for slug in site.industries)
    }
    found = index.find(f"{'; '.join(spoken)}; {labels}", limit=2)
    found = found or index.find(labels, limit=1)
    if not found:
        return site
    quotes = dict(site.quotes)
    quotes.setdefault(
        "ssic", site.quotes.get("description", Snippet(url=f"https://{site.domain}/", text=said))
    )
    return site.model_copy(update={"ssic": found, "quotes": quotes})


# --- names of the register ---------------------------------------------------------------------


def uen_confidence(asked: str, registered: str) -> float:
    """How sure the register's row is the company that was *asked for*: 1 for the same name and
    legal form, .9 where one of them leaves the form out, 0 for any other name. A row never vouches
    for itself, and two names with one form in common (`X Pte Ltd`, `Y Pte Ltd`) are two names."""
    wanted, found = name_key(asked), name_key(registered)
    if not wanted or not found or wanted != found:
        return 0.0
    forms = {legal_form(asked), legal_form(registered)}
    if len(forms) == 1:
        return 1.0
    return 0.9 if None in forms else 0.0


def sure_enough(confidence: float) -> bool:
    return confidence >= UEN_CONFIDENCE_MIN


# --- words -------------------------------------------------------------------------------------


def _weights(entry: SsicEntry, above: str) -> dict[str, float]:
    out: dict[str, float] = {}
    definition = _EXCLUDES.sub("", entry.definition)
    title = _title(entry)
    parts = (
        (title, TITLE_WEIGHT),
        (entry.examples, EXAMPLE_WEIGHT),
        (definition, DEFINITION_WEIGHT),
        (above, ABOVE_WEIGHT),
    )
    for text, weight in parts:
        for term, count in Counter(_terms(text)).items():
            more = weight * (1 + math.log(count)) * (PAIR_WEIGHT if " " in term else 1.0)
            out[term] = max(out.get(term, 0.0), more) + 0.2 * min(out.get(term, 0.0), more)
    return out


def _above(code: str, titles: Mapping[str, str]) -> str:
    return ". ".join(_BUT.sub("", titles.get(code[:n], "")) for n in (4, 3, 2))


def _title(entry: SsicEntry) -> str:
    """Without what it excludes."""
    return _BUT.sub("", entry.title)


def _query(text: str) -> dict[str, float]:
    terms = _terms(text)
    kept = list(dict.fromkeys(terms))[:QUERY_WORDS_MAX]
    counts = Counter(terms)
    return {t: (1 + 0.5 * math.log(counts[t])) * (PAIR_WEIGHT if " " in t else 1.0) for t in kept}


def _terms(text: str) -> list[str]:
    words = [_root(w) for w in words_of(_HYPHEN.sub("", text))]
    telling = [tells(w) and w not in _EMPTY and not w.isdigit() for w in words]
    out = [w for w, t in zip(words, telling, strict=True) if t]
    pairs: Sequence[tuple[int, str]] = list(enumerate(words))[1:]
    out += [f"{words[i - 1]} {w}" for i, w in pairs if telling[i] and telling[i - 1]]
    return out


def _root(word: str) -> str:
    """English endings off, so that `warehouses`, `warehousing` and `warehouse` meet."""
    for ending in ("ations", "ation", "ings", "ing", "ers", "er", "ed", "es", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word
