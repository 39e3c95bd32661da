"""The pure judgements of a plan, in the words of the plan: what a site says, which candidates are
companies, what the winners share, who is like them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from data411_mcp.domain.evidence import ReadPage
from data411_mcp.domain.icp.hygiene import (
    Drop,
    Exclude,
    domains_of,
    gate,
    landing_verdict,
    page_verdict,
    text_verdict,
)
from data411_mcp.domain.icp.lookalikes import rank
from data411_mcp.domain.icp.profile import build_profile
from data411_mcp.domain.icp.signals import site_signals as signals_of_site
from data411_mcp.domain.icp.ssic import SsicEntry, SsicIndex, with_ssic
from data411_mcp.domain.icp.values import (
    Candidate,
    Customer,
    IcpProfile,
    Intake,
    Lookalike,
    MicroIcp,
    SiteSignals,
)
from data411_mcp.services.icp.planning.evidence import SiteEvidence
from data411_mcp.services.ports.icp import SsicRow

UNREACHABLE = "unreachable"  # beside the reasons of `Drop`: nobody answers under that name
GONE = frozenset({"dns", "connect", "tls", "not_found"})
NOT_IMPORTED = "SSIC_NOT_IMPORTED"


def gated(
    offered: Sequence[Candidate], exclude: Exclude
) -> tuple[tuple[Candidate, ...], dict[str, int]]:
    """Those that may be companies, and how many are none, by reason. A snippet can tell, too."""
    found = gate(offered, exclude)
    dropped = {str(reason): count for reason, count in found.dropped.items()}
    kept = []
    for candidate in found.kept:
        verdict = text_verdict(candidate.snippet, candidate.url) if candidate.snippet else None
        if verdict is None:
            kept.append(candidate)
        else:
            dropped[str(verdict)] = dropped.get(str(verdict), 0) + 1
    return tuple(kept), dropped


def companies(exclude: Exclude, offered: Sequence[Candidate]) -> int:
    """How many of them may be companies."""
    return len(gate(offered, exclude).kept)


def dead(page: ReadPage | None, failed: str) -> str:
    """Why a candidate's site is none; "" where it is one, or merely did not answer in time. A bot
    wall says that somebody is at home."""
    if page is not None:
        verdict = page_verdict(page.document)
        return "" if verdict is None else str(verdict)
    if failed == "error_page":
        return str(Drop.ERROR_PAGE)
    if failed == "empty":
        return str(Drop.EMPTY_PAGE)
    return UNREACHABLE if failed in GONE else ""


def elsewhere(domain: str, landed_on: str, exclude: Exclude, others: Collection[str]) -> str:
    """Why the page that an address led to is not this candidate's; "" where it is."""
    found = landing_verdict(domain, landed_on, exclude, others)
    return "" if found is None else str(found)


def excluded(intake: Intake, evidence: SiteEvidence) -> Exclude:
    """The seeds, the lost ones and the user's own company are no lookalikes, under none of the
    names that they or their sites go by."""

    def of(given: Sequence[Customer], sites: Sequence[SiteSignals]) -> frozenset[str]:
        domains = {c.domain for c in given} | {d for s in sites for d in domains_of(s)}
        return frozenset(d for d in domains if d)

    own = evidence.own
    return Exclude(
        own=of([Customer(domain=intake.domain)], [own] if own else []),
        seeds=of(intake.customers, evidence.seeds),
        lost=of(intake.lost, evidence.lost),
        names={s.domain.partition(".")[0]: s.name for s in (*evidence.seeds, *evidence.lost)},
    )


def names_known(intake: Intake, evidence: SiteEvidence) -> frozenset[str]:
    """What customers and lost ones are called, by the user or by themselves, and the user's own
    company by itself."""
    told = {c.name for c in (*intake.customers, *intake.lost)}
    own = [evidence.own] if evidence.own else []
    told |= {s.name for s in (*evidence.seeds, *evidence.lost, *own)}
    return frozenset(name for name in told if name)


def ssic_index(edition: str, rows: Sequence[SsicRow]) -> SsicIndex | None:
    entries = [SsicEntry(r.code, r.title, r.definition, r.examples) for r in rows]
    return SsicIndex(entries, edition) if entries else None


def site_signals(
    index: SsicIndex | None, domain: str, name: str, pages: Sequence[ReadPage]
) -> SiteSignals:
    """What a site says of its company, its place in the official classification too where the
    table is there: without it the plan says so once, not every site."""
    site = signals_of_site(domain, name, pages)
    return site if index is None else with_ssic(site, index)


def profile_of(evidence: SiteEvidence, intake: Intake, micro: MicroIcp | None) -> IcpProfile:
    return build_profile(
        evidence.seeds,
        lost=evidence.lost,
        reasons=evidence.reasons,
        answers=intake.answers,
        micro=micro,
    )


def ranked(
    candidates: Sequence[Candidate],
    read: Mapping[str, SiteSignals],
    profile: IcpProfile,
    evidence: SiteEvidence,
) -> tuple[Lookalike, ...]:
    """All of them, the best first."""
    return rank(
        candidates, read, profile, evidence.seeds, evidence.lost, limit=max(1, len(candidates))
    )
