"""What registers of companies are asked for: the trades that the winners share, in the countries
where the winners are. A row says what a company is registered as; whether it is like the winners
is for its own page to say."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from data411_mcp.domain.icp.acra import name_key
from data411_mcp.domain.icp.industries import industry_label
from data411_mcp.domain.icp.values import (
    FROM_REGISTER,
    Candidate,
    IcpProfile,
    MicroIcp,
    SiteSignals,
)

TRADES_MAX = 2
WORDS_MAX = 4
WEBSITES_MAX = 8
CODES_SEEDS_MIN = 2  # that show a code, where it is no condition


@dataclass(frozen=True, slots=True)
class RegisterWish:
    """`words` name the trades, the most telling first. `websites`: domains of winners, whose own
    rows may say how the register calls their trade. Without a country no register is asked: a
    trade all over the world is no market."""

    words: tuple[str, ...] = ()
    ssic: tuple[str, ...] = ()  # five digits
    countries: tuple[str, ...] = ()  # ISO 3166 alpha-2
    websites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RegisteredCompany:
    """A row of a register. `said`: what it says of trade and place; `url`: where that stands."""

    name: str
    domain: str | None  # None: the register names no website
    said: str
    url: str
    country: str = ""  # ISO 3166 alpha-2


def wish_of(
    profile: IcpProfile, seeds: Sequence[SiteSignals], micro: MicroIcp | None = None
) -> RegisterWish:
    trades = [c.value for c in profile.conditions if c.field == "industry"][:TRADES_MAX]
    codes = [c.value for c in profile.conditions if c.field == "ssic"]
    codes += [code for code, _, shown in profile.ssic if shown >= CODES_SEEDS_MIN and not codes]
    # A trade that the user narrowed it to is another one than that of the winners' own rows.
    narrowed = micro is not None and bool(micro.industries)
    sites = () if narrowed else tuple(s.domain for s in seeds if s.domain)
    return RegisterWish(
        words=tuple(dict.fromkeys(w for t in trades for w in _words(industry_label(t))))[
            :WORDS_MAX
        ],
        ssic=tuple(dict.fromkeys(codes)),
        countries=profile.geos,
        websites=tuple(dict.fromkeys(sites))[:WEBSITES_MAX],
    )


def _words(label: str) -> list[str]:
    """The parts of a trade's name: "Freight and shipping" is two trades elsewhere."""
    return [part.strip().casefold() for part in label.split(" and ")]


def unknown_ones(
    rows: Sequence[RegisteredCompany], names: Collection[str]
) -> tuple[RegisteredCompany, ...]:
    """Those that are none of these companies, each name once."""
    seen = {key for name in names if (key := name_key(name))}
    out = []
    for row in rows:
        key = name_key(row.name)
        if key and key not in seen:
            seen.add(key)
            out.append(row)
    return tuple(out)


def candidate_of(row: RegisteredCompany, domain: str, register: str, rank: int) -> Candidate:
    """A site that the register does not name is said to be found by name: it may be another's."""
    said = row.said if row.domain else f"{row.said}. The website was found by this name"
    return Candidate(
        domain=domain,
        name=row.name,
        url=row.url,
        source=f"{FROM_REGISTER}{register}",
        snippet=said,
        rank=rank,
    )
