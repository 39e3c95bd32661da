"""Candidates from registers: Wikidata by industry and country, Singapore's imported register by
industry code. Beside the searches, through the same gates, and never in a plan's way."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import pytest

from data411_mcp.domain.icp.acra import name_key
from data411_mcp.domain.icp.registers import RegisteredCompany, RegisterWish, wish_of
from data411_mcp.domain.icp.values import (
    Candidate,
    Condition,
    IcpProfile,
    Lookalike,
    MicroIcp,
    SiteSignals,
)
from data411_mcp.services.icp.planning.registers import Registered, RegisterReader
from data411_mcp.services.ports.icp import AcraEntity, SsicRow
from tests.icp.test_planning import plan, shortlist
from tests.icp.world import ALIKE, SEEDS, Firm, faults, home, icp_lab, icp_run, icp_world
from tests.services.session_world import Lab, write_rows, write_site

SECONDS = 10
QUAYLINE = Firm("Quayline Forwarders", "quayline.example", "forwards sea freight for importers",
                ("freight forwarding", "warehousing", "customs brokerage"),
                uses=("Xero",), director="Noor Albin")  # fmt: skip
FREIGHT = "52292"
CODES = (
    SsicRow(FREIGHT, "subclass", "Freight forwarding", examples="shipping; freight; logistics"),
    SsicRow("10712", "subclass", "Bread, cakes and confectionery"),
    SsicRow("62011", "subclass", "Development of software"),
    SsicRow("86201", "subclass", "Clinics and dental surgeries"),
    SsicRow("85101", "subclass", "Primary schools"),
    SsicRow("91021", "subclass", "Museums"),
)


def item(number: int, name: str, domain: str | None, **more: Any) -> dict[str, Any]:
    row = {
        "qid": f"Q{700 + number}",
        "label": name,
        "description": "freight company",
        "website": f"https://www.{domain}/" if domain else None,
        "industry": "freight forwarding",
        "country": "Singapore",
        "country_code": "SG",
    }
    return row | more


def market(folder: Path, *rows: dict[str, Any]) -> Path:
    """The market with another company that no search brings up, and Wikidata's rows."""
    world = icp_world(folder)
    write_site(world, QUAYLINE.domain, index=home(QUAYLINE))
    write_rows(world / "registry" / "wikidata.jsonl", *rows)
    return world


WINNERS = tuple(item(n, firm.name, firm.domain) for n, firm in enumerate(SEEDS[:2]))


def sources(likes: Iterable[Lookalike]) -> dict[str, str]:
    return {like.domain: like.source for like in likes}


def asked(lab: Lab) -> list[str]:
    """Of Wikidata: what was searched for by name, "" for each query of facts."""
    calls = (parse_qs(urlsplit(call.target).query) for call in lab.twins.calls("wikidata"))
    return [query.get("search", [""])[0] for query in calls]


async def test_companies_of_the_winners_industry_and_country_are_candidates(
    tmp_path: Path,
) -> None:
    world = market(
        tmp_path / "market",
        *WINNERS,
        item(10, QUAYLINE.name, QUAYLINE.domain),
        item(11, "Elbe Spedition", "elbe.example", country="Germany", country_code="DE"),
        item(12, "Bread of Singapore", "bread.example", industry="bakery"),
        item(13, "Sunken Lines", "sunken.example", dissolved="2009-05-01"),
        item(14, "No Site Freight", None),
        item(15, ALIKE[0].name, ALIKE[0].domain),  # the searches find it, too
    )
    async with icp_lab(tmp_path, world=world) as lab:
        await plan(lab)
        found = await shortlist(lab)
        said = sources(found.lookalikes)
        assert said[QUAYLINE.domain] == "registry:wikidata"
        assert next(k for k in found.lookalikes if k.domain == QUAYLINE.domain).read
        assert not {"elbe.example", "bread.example", "sunken.example"} & said.keys()
        assert not {firm.domain for firm in SEEDS} & said.keys()
        assert len([k for k in found.lookalikes if k.domain == ALIKE[0].domain]) == 1
        assert found.degraded == ("SSIC_NOT_IMPORTED",)
        # The winners' own items say what the industry is: nothing is searched for by its name.
        assert asked(lab) == ["", ""]


async def test_without_items_of_the_winners_the_industry_is_found_by_its_name(
    tmp_path: Path,
) -> None:
    rows = [item(10, QUAYLINE.name, QUAYLINE.domain, industry="logistics")]
    async with icp_lab(tmp_path, world=market(tmp_path / "market", *rows)) as lab:
        await plan(lab)
        assert sources((await shortlist(lab)).lookalikes)[QUAYLINE.domain] == "registry:wikidata"
        assert "logistics" in asked(lab)


async def test_a_register_that_fails_is_named_and_the_list_stands(tmp_path: Path) -> None:
    world = faults(
        market(tmp_path / "market", *WINNERS),
        {"vendor": "wikidata", "fault": {"kind": "status", "status": 500}},
    )
    async with icp_lab(tmp_path, world=world) as lab:
        await plan(lab)
        found = await shortlist(lab)
        assert "REGISTRY_UNAVAILABLE" in found.degraded
        assert len(found.lookalikes) >= len(ALIKE)


# --- Singapore's register, imported -------------------------------------------------------------


def entity(number: int, name: str, **more: Any) -> AcraEntity:
    fields: dict[str, Any] = {
        "uen": f"2020{number:05}K",
        "name": name,
        "status": "Live Company",
        "live": True,
        "incorporated": date(2020, 1, 1 + number),
        "ssic_code": FREIGHT,
        "ssic_description": "FREIGHT FORWARDING",
    }
    return AcraEntity(**fields | more)


async def register(lab: Lab, *rows: AcraEntity) -> None:
    store = lab.app.icp.store
    await store.replace_ssic("2025", CODES)
    await store.add_acra(rows, keys=[name_key(row.name) for row in rows])


def found_by_name(world: Path, firm: Firm) -> None:
    result = {"url": f"https://{firm.domain}/", "title": f"{firm.name} | Home", "content": "x"}
    terms = [*firm.name.split(), "Singapore", "official", "website"]
    write_rows(world / "search" / "names.jsonl", {"terms": terms, "results": [result]})


def looked_up(lab: Lab) -> list[str]:
    queries = [call.json["query"] for call in lab.twins.calls("tavily")]
    return [query for query in queries if query.endswith("Singapore official website")]


async def test_live_companies_of_the_imported_register_are_candidates_where_they_have_a_site(
    tmp_path: Path,
) -> None:
    world = market(tmp_path / "market")
    found_by_name(world, QUAYLINE)
    rows = (
        entity(1, "QUAYLINE FORWARDERS PTE. LTD."),
        entity(2, "NOBODY KNOWS FREIGHT PTE. LTD."),
        entity(3, "SUNKEN LINES PTE. LTD.", live=False, status="Struck Off"),
        entity(4, "BREAD AND BUTTER PTE. LTD.", ssic_code="10712"),
        entity(6, "ALWIN SAMPLE"),  # a sole proprietor, called like its owner
        entity(5, f"{SEEDS[0].name.upper()} PTE. LTD."),
    )
    async with icp_lab(tmp_path, world=world) as lab:
        await register(lab, *rows)
        await plan(lab)
        found = await shortlist(lab)
        assert sources(found.lookalikes)[QUAYLINE.domain] == "registry:acra"
        # A site that no search knows is not guessed: the company is left out, and counted.
        assert found.dropped["no_website_found"] == 1
        # Neither who is gone, nor another trade, a customer or a person is; the newest first.
        assert [query.split()[0] for query in looked_up(lab)] == ["NOBODY", "QUAYLINE"]
        assert lab.twins.calls("acra") == []
        assert found.degraded == ()


async def test_only_a_few_of_many_registered_companies_are_looked_up(tmp_path: Path) -> None:
    async with icp_lab(tmp_path, world=market(tmp_path / "market")) as lab:
        await register(lab, *(entity(n, f"FREIGHT NUMBER {n} PTE. LTD.") for n in range(25)))
        await plan(lab)
        assert len(looked_up(lab)) == 8
        assert (await shortlist(lab)).dropped["no_website_found"] == 8


async def test_companies_elsewhere_are_not_looked_for_in_singapores_register(
    tmp_path: Path,
) -> None:
    async with icp_lab(tmp_path, world=market(tmp_path / "market")) as lab:
        await register(lab, entity(1, "QUAYLINE FORWARDERS PTE. LTD."))
        await plan(lab, icp_run(micro_icp=MicroIcp(geos=("my",))))
        assert looked_up(lab) == []


# --- what is asked for, and how it is put together ----------------------------------------------


def condition(field: str, value: str) -> Condition:
    return Condition(id=f"{field}:{value}", label=value, field=field, value=value, support=3, of=3,
                     weight=1.0)  # fmt: skip


def test_a_trade_that_the_user_narrowed_it_to_is_not_looked_up_at_the_winners() -> None:
    profile = IcpProfile(conditions=(condition("industry", "freight"),), geos=("SG",))
    seeds = [SiteSignals(domain="harbourline.example", text="x")]
    assert wish_of(profile, seeds).websites == ("harbourline.example",)
    narrowed = wish_of(profile, seeds, MicroIcp(industries=("freight",)))
    assert narrowed.websites == ()
    assert narrowed.words == ("freight", "shipping")


def candidates(source: str, *ranks: int) -> list[Candidate]:
    return [Candidate(domain=f"{source}{n}.example", source=source, rank=n) for n in ranks]


def test_registers_and_searches_take_turns() -> None:
    # Two queries of a first round, and one of a second: the searches' own order stays.
    searched = [*candidates("a", 1), *candidates("b", 1, 2), *candidates("c", 1)]
    listed = Registered({"wikidata": candidates("w", 1, 2, 3), "acra": candidates("r", 1)})
    merged = [c.domain.partition(".")[0] for c in listed.beside(searched)]
    assert merged == ["a1", "b1", "w1", "r1", "b2", "c1", "w2", "w3"]


class Register:
    """A register that answers as the test says."""

    def __init__(self, name: str, rows: tuple[RegisteredCompany, ...] | None) -> None:
        self.name, self.rows, self.asked = name, rows, 0

    async def companies(
        self, wish: RegisterWish, *, limit: int, deadline_seconds: float
    ) -> tuple[RegisteredCompany, ...]:
        self.asked += 1
        if self.rows is None:
            await anyio.sleep_forever()
        return self.rows or ()


async def test_a_register_that_never_answers_costs_its_time_and_takes_nothing_from_the_other() -> (
    None
):
    row = RegisteredCompany("Quayline", QUAYLINE.domain, "freight", "https://x.example/1")
    reader = RegisterReader([Register("slow", None), Register("fast", (row,))], None, (), 0.05)
    found = Registered()
    with anyio.fail_after(SECONDS):
        await reader.ask(RegisterWish(words=("freight",), countries=("SG",)), found)
    assert found.degraded == ("REGISTRY_UNAVAILABLE",)
    assert [c.source for c in found.beside([])] == ["registry:fast"]


@pytest.mark.parametrize("countries", [(), ("SG",)])
async def test_a_trade_all_over_the_world_is_asked_of_nobody(countries: tuple[str, ...]) -> None:
    register = Register("fast", ())
    await RegisterReader([register], None, ()).ask(RegisterWish(countries=countries), Registered())
    assert register.asked == len(countries)
