"""What is searched for: what the winners do, in their own words, where the winners are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from data411_mcp.domain.icp.industries import PHRASES, count_phrases
from data411_mcp.domain.icp.profile import agreement, country_name
from data411_mcp.domain.icp.values import IcpProfile, Intake, MicroIcp, SiteSignals
from data411_mcp.domain.icp.words import words_of

QUERIES_MAX = 8
QUERY_CHARS_MAX = 120
PLACES_MAX = 3
WORDS_OF_TRADE = 2  # phrases in one query
OWN_WORDS_MAX = 8  # of a description, where the seeds share no trade
_NOT_WORDS = re.compile(r"[^\w\s&.-]+")


def queries_of(
    profile: IcpProfile,
    intake: Intake,
    seeds: Sequence[SiteSignals],
    own: SiteSignals | None,
    micro: MicroIcp | None = None,
) -> list[str]:
    """Searches in the order of their promise, without repetitions: the first four look in every
    place where winners are."""
    places = _places(seeds, micro)
    first = places[0]
    labels = [c.label for c in profile.conditions if c.field == "industry"]
    trades = labels or _own_words(seeds, own)
    said = " ".join(_shared_phrases(seeds)[:WORDS_OF_TRADE])
    what = said or (trades[0] if trades else "")
    out = [f"{trade} companies {first}" for trade in trades[:1]]
    out += [f"{what} company {place}" for place in places if what]
    like = _like(intake, seeds)
    out += like[:1]
    out += [f"{trade} companies {first}" for trade in trades[1:2]]
    out += [f"{what} {town}" for town in _towns(seeds, micro)]
    out += [f"{title} {first}" for _, title, _ in profile.ssic[:1]]
    topics = [c.value for c in profile.conditions if c.field == "topic"]
    # A word of the seeds' own is a search only beside their trade.
    out += [f"{topic} {what} {first}" for topic in topics[:1]]
    out += like[1:3]
    if what and profile.integrations:
        out.append(f"{what} {profile.integrations[0]} {first}")
    return list(dict.fromkeys(q for q in map(plain, out) if q))[:QUERIES_MAX]


def plain(text: str) -> str:
    """A query that no search takes for operators."""
    return " ".join(_NOT_WORDS.sub(" ", text).split())[:QUERY_CHARS_MAX].strip()


def _places(seeds: Sequence[SiteSignals], micro: MicroIcp | None) -> list[str]:
    """Countries (or what the user narrowed it to), the one of most seeds first; one empty place
    where none is known."""
    if micro is not None and micro.geos:
        named = [country_name(g.upper()) if len(g) == 2 else g for g in micro.geos]
        return named[:PLACES_MAX]
    counts = Counter(s.country for s in seeds if s.country)
    codes = sorted(counts, key=lambda c: (-counts[c], c))[:PLACES_MAX]
    return [country_name(code) for code in codes] or [""]


def _towns(seeds: Sequence[SiteSignals], micro: MicroIcp | None) -> list[str]:
    """A town that most of the seeds are in: their market may be a local one."""
    if micro is not None and micro.geos:
        return []
    counts = Counter(s.city for s in seeds if s.city)
    shared = [c for c, n in counts.items() if n >= max(2, agreement(len(seeds)))]
    return sorted(shared, key=lambda c: (-counts[c], c))[:1]


def _shared_phrases(seeds: Sequence[SiteSignals]) -> list[str]:
    """Words of trades that enough of the seeds say, the most widely said first, of several the
    longest; none that stands in another."""
    counts = Counter(
        phrase
        for site in seeds
        for phrase in count_phrases(words_of(f"{site.description} {site.text}"))
        if any(weight == 1.0 for _, weight in PHRASES[phrase])
    )
    enough = agreement(len(seeds)) if seeds else 1
    told = [p for p, n in counts.items() if n >= max(min(2, len(seeds)), enough)]
    told.sort(key=lambda p: (-counts[p], -len(p), p))
    out: list[str] = []
    for phrase in told:
        words = " ".join(phrase)
        if not any(set(phrase) & set(other.split()) for other in out):
            out.append(words)
    return out


def _like(intake: Intake, seeds: Sequence[SiteSignals]) -> list[str]:
    """Companies "like" the customers by name, where each of them is, different countries first."""
    country = {s.domain: s.country for s in seeds if s.domain and s.country}
    rows = [(c.name, country.get(c.domain or "", "")) for c in intake.customers if c.name]
    seen: Counter[str] = Counter()
    ranked = []
    for at, (name, code) in enumerate(rows):
        ranked.append((seen[code], at, name, code))
        seen[code] += 1
    return [
        f"companies like {name} {country_name(code) if code else ''}"
        for _, _, name, code in sorted(ranked)
    ]


def _own_words(seeds: Sequence[SiteSignals], own: SiteSignals | None) -> list[str]:
    """Without a shared trade: the seeds' own words for themselves."""
    said = [s.description or s.text for s in (*seeds, *([own] if own else []))]
    return [" ".join(text.split()[:OWN_WORDS_MAX]) for text in said if text][:3]
