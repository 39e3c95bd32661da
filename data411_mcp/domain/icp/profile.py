"""What the winners share and the lost do not.

A thing that at least three seeds show (half of them, where fewer than six were read) becomes a
condition, unless the lost show it as often. What the lost show and hardly a winner does becomes a
negative. A single lost customer is half a pattern. A seed counts once, however often it was handed
in; a seed that could not be read counts for nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from data411_mcp.domain.extract.geo import COUNTRY_NAMES
from data411_mcp.domain.icp.churn import (
    LOOKED_FOR,
    never_wanted,
    reasons_in,
    theme_label,
    themes,
)
from data411_mcp.domain.icp.industries import industry_label, industry_slug
from data411_mcp.domain.icp.micro_icp import facets_of, ids_of
from data411_mcp.domain.icp.signal_words import PRODUCTS
from data411_mcp.domain.icp.signals import size_band
from data411_mcp.domain.icp.topics import Topic, shared_topics
from data411_mcp.domain.icp.values import (
    Condition,
    IcpProfile,
    MicroIcp,
    NegativeTheme,
    SiteSignals,
    Snippet,
)

AGREE_MIN = 3
ASKED_FOR = "Never to be targeted: "  # before what the user named
EVIDENCE_PER_CONDITION = 3
NAMED_MAX = 5  # sites in a sentence
# How much a field tells of who buys; and how many of its values become conditions.
FIELD_WEIGHTS = {
    "industry": 3.0, "ssic": 2.5, "country": 2.0, "integration": 2.0, "size_band": 1.5,
    "topic": 1.5, "buyer_title": 1.0, "signal": 0.7,
}  # fmt: skip
_MAX = {
    "industry": 4, "ssic": 3, "country": 3, "integration": 4, "size_band": 3, "topic": 4,
    "buyer_title": 3, "signal": 3,
}  # fmt: skip
# A company has one value of these: any of the conditions will do.
ALTERNATIVES = frozenset({"industry", "ssic", "country", "size_band"})
_NEGATIVE_FIELDS = frozenset({"industry", "ssic", "country", "size_band", "integration"})
# Where to look for others. That the lost were there as well says nothing against it.
_MARKET_FIELDS = frozenset({"industry", "ssic", "country"})
LOST_PATTERN = 2  # lost customers from which on their share is a share; of one, it is halved
NEGATIVE_OURS_MAX = 0.2  # of the winners: what more of them show speaks against nobody
SIGNAL_LABELS = {
    "hiring": "Hiring now",
    "pricing": "Publishes its prices",
    "case_studies": "Publishes case studies",
    "bizsafe star": "Mentions bizSAFE STAR",
    "halal-certified": "Halal-certified",
}
_WITH_ARTICLE = ("Kingdom", "States", "Emirates", "Netherlands", "Philippines", "Republic")
# In the source of half of all sites: no trait, unless a company speaks of it.
_ON_EVERY_SITE = frozenset(
    {"google analytics", "google ads", "wordpress", "squarespace", "webflow", "paypal"}
)
_QUOTE_KEYS = {
    "industry": "industries:", "integration": "integrations:", "buyer_title": "buyer_titles:",
    "country": "country", "size_band": "employees", "ssic": "ssic",
}  # fmt: skip
_SIGNAL_QUOTES = {
    "hiring": "hiring_open_roles", "pricing": "has_pricing", "case_studies": "has_case_studies",
}  # fmt: skip


def build_profile(
    seeds: Sequence[SiteSignals],
    *,
    lost: Sequence[SiteSignals] = (),
    reasons: Sequence[str] = (),
    answers: Mapping[str, Any] | None = None,
    micro: MicroIcp | None = None,
) -> IcpProfile:
    """`reasons`: why customers were lost, one each, also of those whose sites were not read.
    Seeds without text were not read."""
    winners = _once(seeds)
    read = [s for s in winners if s.text]
    gone = [s for s in _once(lost) if s.text]
    said = _of_all(read)
    lost_said = _of_all(gone)
    positive = _shared(read, said, gone, lost_said)
    if micro is not None:
        positive = narrowed(positive, micro, said, len(read))
    negatives = _negatives(read, said, gone, lost_said)
    why = themes(reasons if any(r.strip() for r in reasons) else reasons_in(answers or {}))
    negatives += _asked_for(why, never_wanted(answers or {}))
    conditions = _weighed(positive)
    return IcpProfile(
        summary=_summary(conditions, negatives, why, len(read), len(winners)),
        conditions=conditions,
        negatives=_weighed([n for n in negatives if n.id not in {c.id for c in conditions}]),
        themes=why,
        ssic=_ssic_counts(read),
        industries=_values(conditions, "industry"),
        integrations=_values(conditions, "integration"),
        buyer_titles=_values(conditions, "buyer_title"),
        size_bands=_values(conditions, "size_band"),
        geos=_values(conditions, "country"),
        triggers=(*_values(conditions, "signal"), *(micro.triggers if micro else ())),
        stacks=_stacks(read),
        seeds_read=len(read),
        seeds_total=len(winners),
        accepted=tuple(ids_of(facet) for facet in facets_of(micro)) if micro else (),
        notes=_notes(len(read), winners, conditions),
    )


def agreement(read: int) -> int:
    """How many of the seeds that were read must show a thing."""
    return min(AGREE_MIN, max(1, math.ceil(read / 2)))


def values_of(site: SiteSignals, field: str) -> tuple[str, ...]:
    """What a site shows of a condition's field, in the conditions' spelling; empty: unknown."""
    match field:
        case "industry":
            return site.industries
        case "integration":
            known = (t for t in site.tech_stack if t in PRODUCTS and t not in _ON_EVERY_SITE)
            return tuple(dict.fromkeys([*site.integrations, *known]))
        case "buyer_title":
            return site.buyer_titles
        case "country":
            return (site.country,) if site.country else ()
        case "size_band":
            band = size_band(site.employees)
            return (band,) if band else ()
        case "ssic":
            return tuple(code.code for code in site.ssic)
        case "signal":
            told = {
                "hiring": bool(site.hiring_open_roles),
                "pricing": site.has_pricing is True,
                "case_studies": site.has_case_studies is True,
            }
            return (*(s for s, shown in told.items() if shown), *site.compliance)
    return ()


def quote_of(site: SiteSignals, field: str, value: str) -> Snippet | None:
    """Where the site shows it."""
    if field == "signal":
        key = _SIGNAL_QUOTES.get(value, f"compliance:{value}")
    else:
        key = _QUOTE_KEYS.get(field, "")
        key += value if key.endswith(":") else ""
    found = site.quotes.get(key)
    if found is None and field == "integration":
        found = site.quotes.get(f"tech_stack:{value}")
    return found


def label_of(field: str, value: str, site: Iterable[SiteSignals] = ()) -> str:
    match field:
        case "industry":
            return industry_label(value)
        case "integration":
            return f"Works with {PRODUCTS.get(value, value)}"
        case "buyer_title":
            return f"Names the role: {value}"
        case "size_band":
            return f"{value} employees"
        case "country":
            name = country_name(value)
            return f"In the {name}" if name.endswith(_WITH_ARTICLE) else f"In {name}"
        case "ssic":
            titles = (c.title for s in site for c in s.ssic if c.code == value)
            return f"SSIC {value} {next(titles, '')}".strip()
        case "signal":
            return SIGNAL_LABELS.get(value, f"Mentions {value.upper()}")
    return f"Mentions “{value}”"


_NAMES = {code: name for name, code in reversed(COUNTRY_NAMES.items())}


def country_name(code: str) -> str:
    """For a reader; the code where the table has no name."""
    name = _NAMES.get(code, code)
    return name if name == code else " ".join(w[:1].upper() + w[1:] for w in name.split())


# --- what is shared ----------------------------------------------------------------------------

Said = dict[str, dict[str, list[SiteSignals]]]  # field → value → the sites that show it


def _once(sites: Sequence[SiteSignals]) -> list[SiteSignals]:
    """Each company once, the one with the most text of several."""
    found: dict[str, SiteSignals] = {}
    for site in sites:
        key = site.domain or site.name.casefold()
        if key not in found or len(found[key].text) < len(site.text):
            found[key] = site
    return list(found.values())


def _of_all(sites: Sequence[SiteSignals]) -> Said:
    said: Said = {field: {} for field in FIELD_WEIGHTS if field != "topic"}
    for field, values in said.items():
        for site in sites:
            for value in dict.fromkeys(values_of(site, field)):
                values.setdefault(value, []).append(site)
    return said


def _shared(
    read: Sequence[SiteSignals], said: Said, gone: Sequence[SiteSignals], lost_said: Said
) -> list[Condition]:
    need = agreement(len(read))
    out = []
    for field, values in said.items():
        rows = []
        for value, sites in values.items():
            theirs = _lost_share(len(lost_said[field].get(value, ())), len(gone))
            share = len(sites) / len(read)
            told_apart = share > theirs or (field in _MARKET_FIELDS and share == theirs)
            if len(sites) >= need and (told_apart or field == "country"):
                rows.append((max(share - theirs / 2, share / 4), value, sites))
        rows.sort(key=lambda row: (-row[0], row[1]))
        for share, value, sites in rows[: _MAX[field]]:
            out.append(_shown(field, value, sites, of=len(read), telling=share))
    told = {c.value for c in out if c.field == "industry"}
    topics = shared_topics(read, gone, at_least=max(2, need), told=told)[: _MAX["topic"]]
    return [*out, *(_topic(topic, len(read)) for topic in topics)]


def _shown(
    field: str, value: str, sites: Sequence[SiteSignals], *, of: int, telling: float
) -> Condition:
    """What `sites` of `of` show. `telling`: how well it tells one kind from the other, 0 to 1."""
    quotes = [q for s in sites if (q := quote_of(s, field, value)) is not None]
    return Condition(
        id=f"{field}:{value}",
        label=label_of(field, value, sites),
        field=field,
        value=value,
        support=len(sites),
        of=of,
        weight=FIELD_WEIGHTS[field] * telling,
        evidence=tuple(quotes[:EVIDENCE_PER_CONDITION]),
    )


def _topic(topic: Topic, of: int) -> Condition:
    return Condition(
        id=f"topic:{topic.words}",
        label=label_of("topic", topic.shown),
        field="topic",
        value=topic.words,
        support=topic.support,
        of=of,
        weight=FIELD_WEIGHTS["topic"] * topic.support / of,
        evidence=topic.evidence[:EVIDENCE_PER_CONDITION],
    )


def narrowed(
    conditions: Sequence[Condition], micro: MicroIcp, said: Said, of: int
) -> list[Condition]:
    """The accepted micro-ICP speaks for the fields it names: its values, with the evidence that
    there is, in place of what was found there."""
    wanted = [pair for facet in facets_of(micro) for pair in facet]
    spoken_for = {field for field, _ in wanted} - {"topic"}
    out = [c for c in conditions if c.field not in spoken_for]
    for field, value in wanted:
        sites = said.get(field, {}).get(value, [])
        out.append(_shown(field, value, sites, of=of, telling=1.0))
    return out


# --- what is not wanted ------------------------------------------------------------------------


def _lost_share(shown: int, lost: int) -> float:
    return shown / max(lost, LOST_PATTERN)


def _negatives(
    read: Sequence[SiteSignals], said: Said, gone: Sequence[SiteSignals], lost_said: Said
) -> list[Condition]:
    """What at least two thirds of the lost show, and fewer than a fifth of the winners."""
    out = []
    need = math.ceil(len(gone) * 2 / 3)
    for field in sorted(_NEGATIVE_FIELDS):
        for value, sites in sorted(lost_said[field].items()):
            theirs = _lost_share(len(sites), len(gone))
            ours = len(said[field].get(value, ())) / len(read) if read else 0.0
            # Only what is known of the winners can tell them apart from the lost.
            if not said[field] or len(sites) < need or ours >= NEGATIVE_OURS_MAX:
                continue
            out.append(_shown(field, value, sites, of=len(gone), telling=theirs - ours))
    return out


def _asked_for(why: Sequence[NegativeTheme], never: Sequence[str]) -> list[Condition]:
    """Negatives that come from words: reasons that a site can show, and what the user named."""
    out = [
        Condition(
            id=f"topic:{theme.theme}", label=f"Lost before: {theme_label(theme.theme)}",
            field="topic", value="|".join(LOOKED_FOR[theme.theme]), support=theme.count,
            of=sum(t.count for t in why), weight=FIELD_WEIGHTS["topic"],
        )
        for theme in why
        if theme.theme in LOOKED_FOR
    ]  # fmt: skip
    for words in never:
        slug = industry_slug(words)
        field, value = ("industry", slug) if slug else ("topic", words.casefold())
        out.append(
            Condition(
                id=f"{field}:{value}", label=f"{ASKED_FOR}{words}", field=field,
                value=value, support=1, of=1, weight=FIELD_WEIGHTS["industry"],
            )
        )  # fmt: skip
    return out


# --- the whole ---------------------------------------------------------------------------------


def _weighed(conditions: Sequence[Condition]) -> tuple[Condition, ...]:
    """Weights that sum to 1, the heaviest first; an id once."""
    once: dict[str, Condition] = {}
    for condition in conditions:
        once.setdefault(condition.id, condition)
    total = sum(c.weight for c in once.values())
    rows = [c.model_copy(update={"weight": round(c.weight / total, 4)}) for c in once.values()]
    return tuple(sorted(rows, key=lambda c: (-c.weight, c.id)))


def _values(conditions: Sequence[Condition], field: str) -> tuple[str, ...]:
    return tuple(c.value for c in conditions if c.field == field)


def _ssic_counts(read: Sequence[SiteSignals]) -> tuple[tuple[str, str, int], ...]:
    counts: Counter[str] = Counter()
    titles: dict[str, str] = {}
    for site in read:
        for code in site.ssic:
            counts[code.code] += 1
            titles.setdefault(code.code, code.title)
    best = sorted(counts, key=lambda c: (-counts[c], c))[:5]
    return tuple((code, titles[code], counts[code]) for code in best)


def _stacks(read: Sequence[SiteSignals]) -> tuple[str, ...]:
    counts = Counter(tech for site in read for tech in dict.fromkeys(site.tech_stack))
    shared = [tech for tech, count in counts.items() if count >= agreement(len(read))]
    return tuple(sorted(shared, key=lambda tech: (-counts[tech], tech))[:8])


def _summary(
    conditions: Sequence[Condition],
    negatives: Sequence[Condition],
    why: Sequence[NegativeTheme],
    read: int,
    total: int,
) -> str:
    """Sentences in our words."""
    if not read:
        return "None of the customers' sites could be read; the profile is empty."
    told = [f"{c.label} ({c.support} of {c.of})" for c in conditions[:6]]
    out = [
        f"What your best customers share, by {read} of {total} sites: {'; '.join(told)}."
        if told
        else f"The {read} customers whose sites were read have nothing in common that we can see."
    ]
    if negatives:
        out.append(f"Counts against a company: {'; '.join(n.label for n in negatives[:4])}.")
    if why:
        out.append(f"Customers left because of: {', '.join(theme_label(t.theme) for t in why)}.")
    return " ".join(out)


def _notes(
    read: int, winners: Sequence[SiteSignals], conditions: Sequence[Condition]
) -> tuple[str, ...]:
    out = []
    unread = [s.domain or s.name for s in winners if not s.text]
    if unread:
        more = f" and {len(unread) - NAMED_MAX} more" if len(unread) > NAMED_MAX else ""
        which = f"{', '.join(unread[:NAMED_MAX])}{more}"
        out.append(
            f"{len(unread)} of {len(winners)} customer sites could not be read: {which}."
            if read
            else f"None of the {len(winners)} customer sites could be read ({which}): there is "
            "nothing to compare companies with. Check the addresses, or name other customers."
        )
    if read and not conditions:
        out.append("The customers share nothing we can check; likeness of their texts decides.")
    elif 0 < read < AGREE_MIN:
        sites = "site was" if read == 1 else "sites were"
        out.append(f"Only {read} customer {sites} read: the profile is a first guess.")
    return tuple(out)
