"""Micro-ICPs to offer: narrower profiles that several seeds carry."""

from __future__ import annotations

from collections.abc import Sequence

from data411_mcp.domain.icp.profile import country_name
from data411_mcp.domain.icp.values import Condition, IcpProfile, MicroIcp, Suggestion

CARDS_MAX = 5
SUPPORT_MIN = 2  # of the seeds, where more than two were read
COMPANIONS_MAX = 3


def cards(profile: IcpProfile) -> tuple[Suggestion, ...]:
    """At least three where the evidence allows, trades first, then codes, then the other things
    that most seeds share."""
    need = SUPPORT_MIN if profile.seeds_read > SUPPORT_MIN else 1
    order = ("industry", "ssic", "integration", "topic", "size_band", "country")
    found = [
        condition
        for name in order
        for condition in profile.conditions
        if condition.field == name and condition.support >= need
    ]
    chosen = [c for c in found if c.field in ("industry", "ssic")][:CARDS_MAX]
    for condition in found:
        if len(chosen) >= min(3, CARDS_MAX) or condition.field == "topic":
            continue
        if condition not in chosen:
            chosen.append(condition)
    return tuple(_card(condition, profile) for condition in chosen)


def _card(condition: Condition, profile: IcpProfile) -> Suggestion:
    geos = profile.geos[:COMPANIONS_MAX]
    micro = MicroIcp(
        id=condition.id,
        title=_title(condition, geos),
        industries=(condition.value,) if condition.field == "industry" else (),
        ssic=(condition.value,) if condition.field == "ssic" else (),
        integrations=(condition.value,) if condition.field == "integration" else (),
        size_bands=(condition.value,) if condition.field == "size_band" else (),
        geos=(condition.value,) if condition.field == "country" else geos,
    )
    shared = [c for c in profile.conditions if c.id != condition.id and c.support >= 2][:2]
    beside = f" They also share: {'; '.join(c.label for c in shared)}." if shared else ""
    return Suggestion(
        id=condition.id,
        title=micro.title,
        evidence_count=condition.support,
        rationale=f"{condition.support} of {condition.of} customers show it on their own sites."
        + beside,
        micro_icp=micro,
        targeting_pack={
            "ssic_filters": list(micro.ssic) or [code for code, _, _ in profile.ssic[:3]],
            "technographic_filters": list(micro.integrations or profile.integrations[:3]),
            "pitch": _pitch(condition, profile),
        },
        negative_icp=tuple(
            {"theme": t.theme, "count": t.count, "reason": t.reason} for t in profile.themes
        ),
    )


def _title(condition: Condition, geos: Sequence[str]) -> str:
    """With every country that the card takes in."""
    if condition.field == "country" or not geos:
        return condition.label
    return f"{condition.label}, {' or '.join(country_name(code) for code in geos)}"


def _pitch(condition: Condition, profile: IcpProfile) -> str:
    """A line to start from, of labels alone."""
    wants = "; ".join(c.label for c in profile.conditions if c.field in ("integration", "signal"))
    return f"{condition.label}: what works for your customers there" + (
        f" ({wants})." if wants else "."
    )
