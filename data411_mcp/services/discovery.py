"""Who could this lead be: candidates for the identity decision, from pages and registers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from data411_mcp.domain.evidence import ReadPage
from data411_mcp.domain.extract.document import PageFacts
from data411_mcp.domain.extract.links import next_pages
from data411_mcp.domain.graph import FieldName
from data411_mcp.domain.hosts import SHARED_HOSTS, registrable_domain
from data411_mcp.domain.identity import Candidate, Place, name_alike
from data411_mcp.domain.places import same_state
from data411_mcp.domain.ties import address_in, fold
from data411_mcp.services.ports import RegistryRecord
from data411_mcp.services.shelf import Shelf

TEXT_MAX = 60_000
COMPANIES_READ_MAX = 4
PAGES_OF_ONE_MAX = 4
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


async def deepen(shelf: Shelf, pages: Sequence[ReadPage]) -> None:
    """Read the home, contact and legal pages of the companies that a search brought up: a name
    on a hit is not enough to tell namesakes apart."""
    companies: dict[str, ReadPage] = {}
    for read in pages:
        domain = registrable_domain(read.page.final_url)
        if domain not in SHARED_HOSTS and read.facts.kind != "directory":
            companies.setdefault(domain, read)
    wanted: list[str] = []
    for read in list(companies.values())[:COMPANIES_READ_MAX]:
        home = "/".join(read.page.final_url.split("/", 3)[:3]) + "/"
        wanted += [home, *next_pages(read.document, limit=PAGES_OF_ONE_MAX)]
    await shelf.read_all(wanted)


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
    """A register's row about a company that is a candidate already adds to it; a row about a
    namesake elsewhere is a rival. A row that could be about several is left out. A domain that
    shows no company takes no row with it: the row may still say who the lead means."""
    joined = list(candidates)
    rivals: list[Candidate] = []
    for row in registered:
        fits = [i for i, c in enumerate(joined) if not c.dead and _same_candidate(c, row)]
        if len(fits) == 1:
            joined[fits[0]] = _with_row(joined[fits[0]], row)
        elif not fits and (row.domain or row.places):
            rivals.append(row)
    return [*joined, *rivals]


def _same_candidate(candidate: Candidate, row: Candidate) -> bool:
    if candidate.domain and row.domain:
        return candidate.domain == row.domain
    called = name_alike(row.name, candidate) or (
        bool(candidate.name) and name_alike(candidate.name, row)
    )
    return called and not _elsewhere(candidate, row)


def _elsewhere(candidate: Candidate, row: Candidate) -> bool:
    """Both say where they are, and no place of the one can be a place of the other."""
    here = [p for p in candidate.places if p.city or p.state]
    there = [p for p in row.places if p.city or p.state]
    if not here or not there:
        return False
    return not any(
        same_state(a.state, b.state) and (not a.city or not b.city or fold(a.city) == fold(b.city))
        for a in here
        for b in there
    )


def _with_row(candidate: Candidate, row: Candidate) -> Candidate:
    if not _surely_same(candidate, row):
        return candidate  # perhaps a namesake of the same town: no rival, but no proof either
    return replace(
        candidate,
        other_names=tuple(dict.fromkeys((*candidate.other_names, row.name))),
        places=(*candidate.places, *row.places),
        registry_ids=(*candidate.registry_ids, *row.registry_ids),
        text=f"{candidate.text}\n{row.text}"[:TEXT_MAX],
    )


def _surely_same(candidate: Candidate, row: Candidate) -> bool:
    """One website, one street, one phone, or the very name that the site gives as its own."""
    if candidate.domain and candidate.domain == row.domain:
        return True
    if any(p.line and address_in(row.text, p.line) for p in candidate.places):
        return True
    if set(candidate.phones) & set(row.phones):
        return True
    return fold(row.name) in {fold(n) for n in candidate.other_names}
