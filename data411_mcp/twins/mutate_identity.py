"""Leads that are easy to take for somebody else, with the decision that is right."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from data411_mcp.twins.mutate_names import COUNTRIES
from data411_mcp.twins.mutate_pages import (
    Company,
    Style,
    about,
    contact,
    document,
    footer_links,
    home,
    legal,
    legal_link,
    team,
)
from data411_mcp.twins.mutate_world import Draft, Draw, SourceFacts, empty_folder, search_hit


@dataclass(frozen=True)
class Case:
    """The first company is the one meant, where one is. `lead` lacks the contact id."""

    lead: dict[str, Any]
    identity: dict[str, Any]
    companies: tuple[Company, ...]
    terms: tuple[str, ...]


def generate_identity_case(seed: int, folder: Path) -> None:
    """Write an identity world; seeds take the kinds of case in turn.

    Raises InvalidArgument if the folder exists and is not empty.
    """
    draft = Draft(empty_folder(folder))
    draw = Draw(random.Random(f"identity:{seed}"))  # noqa: S311 - repeatable, not secret
    kind = CASES[seed % len(CASES)]
    case = kind(draw)
    styles = [_style(draw, kind, company) for company in case.companies]
    for company, style in zip(case.companies, styles, strict=True):
        _site(draft, company, style)
    if kind is _agency_built:
        _agency(draft, draw.style(), case.companies)
    draft.rows("registry/gleif.jsonl", [SourceFacts.gleif(c) for c in case.companies])
    draft.rows("search/company.jsonl", _search(case))
    draft.json("world.json", {"name": f"identity-{seed}", "now": "2026-11-20T09:00:00Z"})
    lead = {"contact_id": 2_000_000 + seed, **case.lead, "source_system": "generated"}
    draft.json("lead.json", lead)
    draft.json("gold.json", {"identity": case.identity})


def _style(draw: Draw, kind: Callable[[Draw], Case], company: Company) -> Style:
    links = footer_links(legal_link(company))
    style = replace(draw.style(), footer=(links,))
    if kind is not _agency_built:
        return style
    credit = f'Website by <a href="https://{AGENCY_HOST}/">{AGENCY_NAME}</a>'
    return replace(style, footer=(links, credit))


AGENCY_HOST, AGENCY_NAME = "pixel-orchard.example", "Pixel Orchard"


def _site(draft: Draft, company: Company, style: Style) -> None:
    site = f"sites/{company.domain}"
    draft.text(f"{site}/index.html", home(company, style))
    draft.text(f"{site}/contact.html", contact(company, style))
    draft.text(f"{site}/about.html", about(company, style))
    page = team(company, company.people, style, heading="Our team")
    draft.text(f"{site}/team.html", page)
    draft.text(f"{site}/{company.country.legal_page}.html", legal(company, style))


def _agency(draft: Draft, style: Style, companies: Sequence[Company]) -> None:
    work = "".join(f"<li>{company.trade}, {company.place.city}</li>" for company in companies)
    body = f"<h1>{AGENCY_NAME}</h1>\n<p>We build websites.</p>\n<ul>{work}</ul>"
    draft.text(f"sites/{AGENCY_HOST}/index.html", document(AGENCY_NAME, body, style=style))


def _search(case: Case) -> list[dict[str, Any]]:
    hits = [
        search_hit(f"{c.url}/", c.trade, f"{c.industry} in {c.place.city}. {c.address}")
        for c in case.companies
    ]
    if case.identity["decision"] == "unknown":
        hits = []
    return [{"terms": list(case.terms), "results": hits}]


def _clear(company: Company, why: str) -> dict[str, Any]:
    return {"decision": "clear", "domain": company.domain, "name": company.trade, "why": why}


def _place_of(company: Company) -> dict[str, str]:
    place = {"city": company.place.city}
    return place | ({"state": company.place.region} if company.place.region else {})


def _trade_against_legal(draw: Draw) -> Case:
    """The CRM has the legal name; the site calls itself by its trade name."""
    company = draw.company()
    lead = {"company": company.legal, **_place_of(company)}
    why = "the site's legal page names the legal entity"
    return Case(lead, _clear(company, why), (company,), tuple(company.legal.split()[:1]))


def _trade_against_legal_with_domain(draw: Draw) -> Case:
    company = draw.company()
    lead = {"company": company.legal, "domain": company.domain}
    why = "the lead's domain, whose legal page names the legal entity"
    return Case(lead, _clear(company, why), (company,), tuple(company.legal.split()[:1]))


def _pair(draw: Draw) -> tuple[Company, Company]:
    """Two companies of one name in two places of one country."""
    country = draw.rng.choice(COUNTRIES)
    first, second = draw.rng.sample(country.places, 2)
    one = draw.company(country=country, place=first)
    stem = one.domain.removesuffix(".example")
    one = replace(one, domain=f"{stem}-{first.city.lower()}.example")
    one = replace(one, email=f"office@{one.domain}")
    two = draw.company(
        country=country,
        place=second,
        trade=one.trade,
        domain=f"{stem}-{second.city.lower()}.example",
    )
    return one, two


def _namesakes_without_place(draw: Draw) -> Case:
    one, two = _pair(draw)
    identity = {
        "decision": "ambiguous",
        "choices": [one.domain, two.domain],
        "why": f"one name in {one.place.city} and {two.place.city}; the lead has no place",
    }
    return Case({"company": one.trade}, identity, (one, two), tuple(one.trade.split()))


def _namesakes_with_place(draw: Draw) -> Case:
    one, two = _pair(draw)
    lead = {"company": one.trade, **_place_of(one)}
    why = f"the lead's place is {one.place.city}, the namesake's {two.place.city}"
    return Case(lead, _clear(one, why), (one, two), tuple(one.trade.split()))


def _namesakes_with_phone(draw: Draw) -> Case:
    one, two = _pair(draw)
    lead = {"company": one.trade, "number1": one.phone}
    return Case(
        lead, _clear(one, "the lead's number is on its site"), (one, two), tuple(one.trade.split())
    )


def _shared_address(draw: Draw) -> Case:
    """Two companies in one building; only the name tells them apart."""
    one = draw.company()
    two = draw.company(country=one.country, place=one.place, legal=None)
    while two.domain == one.domain:
        two = draw.company(country=one.country, place=one.place)
    two = replace(two, street=one.street, postcode=one.postcode)
    lead = {"company": one.trade, "street": one.street, "zip": one.postcode, **_place_of(one)}
    why = "the name; the address alone is shared"
    return Case(lead, _clear(one, why), (one, two), tuple(one.trade.split()[:1]))


def _agency_built(draw: Draw) -> Case:
    """Two sites of one agency; the agency's name is on both and is neither's."""
    one = draw.company()
    two = draw.company()
    while two.domain == one.domain:
        two = draw.company()
    lead = {"company": one.trade, **_place_of(one)}
    why = "the agency in the footer is nobody's identity"
    return Case(lead, _clear(one, why), (one, two), tuple(one.trade.split()[:1]))


def _nobody(draw: Draw) -> Case:
    """No source knows the lead; a company with another name is all that exists."""
    other = draw.company()
    lead = {"company": f"{draw.person().split()[1]} Holdings", **_place_of(other)}
    identity = {"decision": "unknown", "why": "no source names this company"}
    return Case(lead, identity, (other,), tuple(lead["company"].split()))


CASES: tuple[Callable[[Draw], Case], ...] = (
    _trade_against_legal,
    _namesakes_without_place,
    _namesakes_with_place,
    _shared_address,
    _agency_built,
    _nobody,
    _namesakes_with_phone,
    _trade_against_legal_with_domain,
)
