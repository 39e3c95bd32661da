"""Worlds from seeds: true companies in random clothes, with every kind of lie planted.

The generator knows nothing of the product's rules; it only writes down what is true and what it
planted. The same seed gives the same folder, byte for byte.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data411_mcp.twins.mutate_identity import generate_identity_case
from data411_mcp.twins.mutate_lies import Planted, agency_credit, plant
from data411_mcp.twins.mutate_pages import (
    Company,
    Style,
    about,
    contact,
    founded_sentence,
    home,
    legal,
    legal_sentence,
    person_sentence,
    phone_words,
    staff_sentence,
    team,
)
from data411_mcp.twins.mutate_world import (
    Draft,
    Draw,
    SourceFacts,
    claim,
    empty_folder,
    person_claim,
    search_hit,
)

GROUND, SPAN = "data411-hunt-ground", "data411-crimson-span"
FORGE, SWIFT, DEEP = "data411-hunt-forge", "data411-hunt-swift", "data411-hunt-deep"
SLOTS = (GROUND, SPAN, FORGE, SWIFT, DEEP)


def generate_world(seed: int, folder: Path) -> None:
    """Write a truth world: one company, all its sources, one lie of each kind, gold.json.

    Raises InvalidArgument if the folder exists and is not empty.
    """
    draft = Draft(empty_folder(folder))
    draw = Draw(random.Random(f"truth:{seed}"))  # noqa: S311 - repeatable, not secret
    company = draw.company()
    style = draw.style()
    planted = Planted()
    style = agency_credit(draw, company, style, planted)
    plant(draw, company, style, planted)
    _sites(draft, company, style, planted)
    _registers(draft, company, planted)
    _search(draft, company, planted)
    _models(draft, draw.rng, company, style, planted)
    draft.json("world.json", {"name": f"truth-{seed}", "now": "2026-11-20T09:00:00Z"})
    draft.json("lead.json", _lead(draw.rng, company, seed))
    gold = {
        "facts": _facts(company),
        "lies": planted.lies,
        "identity": {"decision": "clear", "domain": company.domain, "name": company.trade},
        "submit_findings": planted.submissions,
    }
    draft.json("gold.json", gold)


def _sites(draft: Draft, company: Company, style: Style, planted: Planted) -> None:
    site = f"sites/{company.domain}"
    draft.text(f"{site}/index.html", home(company, style))
    draft.text(f"{site}/contact.html", contact(company, style))
    draft.text(f"{site}/about.html", about(company, style))
    draft.text(f"{site}/{company.country.legal_page}.html", legal(company, style))
    page = team(company, company.people, style, heading="Our team")
    draft.text(f"{site}/team.html", page)
    for path, text in planted.files.items():
        draft.text(path, text)


def _registers(draft: Draft, company: Company, planted: Planted) -> None:
    row = SourceFacts.gleif(company)
    draft.rows("registry/gleif.jsonl", [row, *planted.gleif])
    registered = f"{max(company.founded, 1996)}-06-01"
    draft.rows("registry/rdap.jsonl", [{"domain": company.domain, "registered": registered}])
    draft.rows(
        "dns.jsonl",
        [
            {"name": company.domain, "type": "MX", "values": ["10 aspmx.l.google.com."]},
            {
                "name": company.domain,
                "type": "TXT",
                "values": ["v=spf1 include:_spf.google.com ~all"],
            },
        ],
    )


def _search(draft: Draft, company: Company, planted: Planted) -> None:
    own = [
        search_hit(f"{company.url}/", company.trade, f"{company.industry} in {company.place.city}"),
        search_hit(f"{company.url}/contact", f"Contact | {company.trade}", company.address),
    ]
    terms = company.trade.split()
    draft.rows(
        "search/company.jsonl",
        [
            {"terms": terms, "results": [*own, *planted.hits]},
            {"terms": [company.domain], "results": own},
        ],
    )


def _lead(rng: random.Random, company: Company, seed: int) -> dict[str, Any]:
    lead: dict[str, Any] = {
        "contact_id": 1_000_000 + seed,
        "company": company.trade,
        "domain": company.domain,
        "source_system": "generated",
    }
    if rng.random() < 0.5:
        lead["city"] = company.place.city
        if company.place.region:
            lead["state"] = company.place.region
    if rng.random() < 0.3:
        lead["number1"] = company.phone
    return lead


def _facts(company: Company) -> list[dict[str, Any]]:
    url = company.url
    legal_url = f"{url}/{company.country.legal_page}"
    facts: list[dict[str, Any]] = [
        {"field": "legal_name", "value": company.legal, "where": [legal_url]},
        {"field": "phone", "value": company.phone, "kind": "main", "where": [f"{url}/contact"]},
        {"field": "email_address", "value": company.email, "where": [f"{url}/contact"]},
        {"field": "address", "value": company.address, "where": [f"{url}/contact"]},
        {"field": "founded_year", "value": str(company.founded), "where": [f"{url}/about"]},
        {"field": "employees_est", "value": str(company.employees), "where": [f"{url}/about"]},
    ]
    if company.fax:
        facts.append(
            {"field": "phone", "value": company.fax, "kind": "fax", "where": [f"{url}/contact"]}
        )
    facts += [
        {"field": "link", "value": link, "kind": kind, "where": [f"{url}/"]}
        for kind, link in company.socials
    ]
    for person in company.people:
        where = [f"{url}/team"]
        facts.append({"field": "person", "value": person.name, "where": where})
        facts.append(
            {"field": "title", "value": person.title, "owner": person.name, "where": where}
        )
        if person.email:
            facts.append(
                {
                    "field": "email_address",
                    "value": person.email,
                    "owner": person.name,
                    "where": where,
                }
            )
        if person.phone:
            facts.append(
                {
                    "field": "phone",
                    "value": person.phone,
                    "owner": person.name,
                    "kind": person.phone_kind,
                    "where": where,
                }
            )
    return facts


def _models(
    draft: Draft, rng: random.Random, company: Company, style: Style, planted: Planted
) -> None:
    """True claims and planted ones, dealt to the slots in an order of the seed's."""
    answers: dict[str, dict[str, Any]] = {
        slot: {
            **{key: [] for key in ("people", "phones", "emails", "addresses", "links")},
            "company": {},
            "contradictions": [],
        }
        for slot in SLOTS
    }
    for key, row in _true_claims(company, style):
        answers[rng.choice(SLOTS)][key].append(row)
    legal_url = f"{company.url}/{company.country.legal_page}"
    about_url = f"{company.url}/about"
    answers[FORGE]["company"]["legal_name"] = claim(
        company.legal, legal_url, legal_sentence(company)
    )
    answers[DEEP]["company"]["founded_year"] = claim(
        str(company.founded), about_url, founded_sentence(company)
    )
    answers[GROUND]["company"]["employees"] = claim(
        str(company.employees), about_url, staff_sentence(company)
    )
    for slot, key, row in planted.claims:
        answers[slot][key].append(row)
    for answer in answers.values():
        for rows in answer.values():
            if isinstance(rows, list):
                rng.shuffle(rows)
    draft.rows(
        "llm/slots.jsonl",
        [
            {
                "slot": slot,
                "answer": answers[slot],
                **({"fenced": True} if rng.random() < 0.2 else {}),
            }
            for slot in SLOTS
        ],
    )


def _true_claims(company: Company, style: Style) -> list[tuple[str, Mapping[str, Any]]]:
    url = company.url
    number = style.phone(company.phone, company.country)
    found: list[tuple[str, Mapping[str, Any]]] = [
        (
            "phones",
            {"number": company.phone, "kind": "main", "url": f"{url}/contact", "quote": number},
        ),
        ("emails", {"address": company.email, "url": f"{url}/contact", "quote": company.email}),
        (
            "addresses",
            {
                "address": company.address,
                "kind": "hq",
                "url": f"{url}/contact",
                "quote": company.address,
            },
        ),
    ]
    for person in company.people:
        quote = person_sentence(person, style)
        found.append(("people", person_claim(person.name, person.title, f"{url}/team", quote)))
        if person.phone:
            row = {
                "number": person.phone,
                "kind": person.phone_kind,
                "url": f"{url}/team",
                "quote": phone_words(company, person, style),
            }
            found.append(("phones", row))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m data411_mcp.twins.mutate")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--kind", choices=("truth", "identity"), default="truth")
    given = parser.parse_args()
    generate = generate_world if given.kind == "truth" else generate_identity_case
    for seed in range(given.seed, given.seed + given.count):
        generate(seed, given.folder / f"{given.kind}-{seed}")


__all__ = ["generate_identity_case", "generate_world", "main"]

if __name__ == "__main__":
    main()
