"""Who could this lead be: candidates for the identity decision, from pages and registers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from data411_mcp.domain.evidence import ReadPage
from data411_mcp.domain.extract.document import PageFacts
from data411_mcp.domain.graph import FieldName
from data411_mcp.domain.hosts import registrable_domain
from data411_mcp.domain.identity import Candidate, Place
from data411_mcp.domain.ties import SHARED_HOSTS
from data411_mcp.services.ports import RegistryRecord

TEXT_MAX = 60_000
_US_LINE = re.compile(
    r"(?P<city>[A-Z][A-Za-z.'’ -]+?),?\s+(?P<state>[A-Z]{2}|[A-Z][a-z]+(?: [A-Z][a-z]+)?),?\s+"
    r"(?P<zip>\d{5})(?:-\d{4})?\b"
)
_CA_LINE = re.compile(
    r"(?P<city>[A-Z][A-Za-z.'’ -]+?),?\s+(?P<state>[A-Z]{2})\.?,?\s+"
    r"(?P<zip>[A-Z]\d[A-Z]\s?\d[A-Z]\d)\b"
)


def site_candidate(
    domain: str, pages: Sequence[ReadPage], *, from_lead: bool, source: str = "site"
) -> Candidate:
    """One candidate from the pages read of one domain."""
    facts = [f for p in pages for f in p.facts.facts]
    names = [f.value for f in facts if f.field is FieldName.NAME]
    legal = [f.value for f in facts if f.field is FieldName.LEGAL_NAME]
    alive = [p for p in pages if p.facts.kind not in {"error", "parked"}]
    ordered = list(dict.fromkeys([*names, *legal]))
    return Candidate(
        name=ordered[0] if ordered else "",
        domain=domain,
        other_names=tuple(ordered[1:6]),
        phones=tuple(dict.fromkeys(f.value for f in facts if f.field is FieldName.PHONE))[:20],
        places=_places(facts_of=[p.facts for p in alive]),
        text="\n".join(p.page.text for p in alive)[:TEXT_MAX],
        from_lead=from_lead,
        dead=not alive,
        source=source,
    )


def _places(facts_of: Iterable[PageFacts]) -> tuple[Place, ...]:
    places: dict[str, Place] = {}
    for facts in facts_of:
        country = next((f.value for f in facts.facts if f.field is FieldName.HQ_COUNTRY), None)
        for fact in facts.facts:
            if fact.field is FieldName.ADDRESS:
                places.setdefault(fact.value.casefold(), place_of(fact.value, country))
            elif fact.field is FieldName.HQ_CITY:
                places.setdefault("city:" + fact.value.casefold(), Place(city=fact.value))
    return tuple(places.values())[:12]


def place_of(line: str, country: str | None = None) -> Place:
    """Town, state and postcode out of a one-line address, as far as its form tells."""
    # The last match counts: street names may look like towns.
    matches = [m for pattern in (_US_LINE, _CA_LINE) for m in pattern.finditer(line)]
    found = matches[-1] if matches else None
    if found is None:
        return Place(line=line, country=country)
    town = found["city"].split(",")[-1].strip()
    return Place(line, town, found["state"], found["zip"], country)


def found_candidates(pages: Sequence[ReadPage]) -> list[Candidate]:
    """Candidates among pages that a search brought: one for each company's own domain."""
    by_domain: dict[str, list[ReadPage]] = defaultdict(list)
    for read in pages:
        domain = registrable_domain(read.page.final_url)
        if domain not in SHARED_HOSTS and read.facts.kind != "directory":
            by_domain[domain].append(read)
    return [
        site_candidate(domain, reads, from_lead=False, source="search")
        for domain, reads in sorted(by_domain.items())
    ]


def registry_candidates(records: Sequence[RegistryRecord]) -> list[Candidate]:
    """Register rows that name a website of their own, or at least a place."""
    found = []
    for record in records:
        if record.registry == "RDAP":
            continue
        domain = registrable_domain(record.website) if record.website else None
        if domain in SHARED_HOSTS:
            domain = None
        place = Place(city=record.city, state=record.state, country=record.country)
        found.append(
            Candidate(
                name=record.name,
                domain=domain,
                phones=(record.phone,) if record.phone else (),
                places=(place,) if record.city or record.state else (),
                registry_ids=(f"{record.registry}:{record.record_id}",),
                text=record.page.text[:TEXT_MAX],
                source="registry",
            )
        )
    return found


def join_registry(
    candidates: Sequence[Candidate], registered: Sequence[Candidate]
) -> list[Candidate]:
    """A register's row that names a candidate's own website is that candidate, not a rival; a
    row with neither website nor place cannot be told apart and is left out."""
    known = {c.domain for c in candidates if c.domain}
    rivals = [c for c in registered if c.domain not in known and (c.domain or c.places)]
    return [*candidates, *rivals]
