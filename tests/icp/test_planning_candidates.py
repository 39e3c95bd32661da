"""Whose page is read while a plan is made, and how many of them: candidates against twins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data411_mcp.domain.icp.values import Candidate, Customer, Lookalike
from tests.icp.test_planning import domains, likes, plan, profile_of, reflections, shortlist
from tests.icp.world import (
    ALIKE,
    SEEDS,
    UNLIKE,
    faults,
    icp_lab,
    icp_run,
    icp_world,
    intake,
)
from tests.services.session_world import TENANT, write_rows, write_site

FREIGHT = (
    "<p>{name} offers freight forwarding, warehousing and customs brokerage in Singapore for "
    "importers, and its orders flow into Xero and Shopify. We look after goods day and night.</p>"
)


def carrier(name: str) -> str:
    return (
        f"<html><head><title>{name}</title></head><body>{FREIGHT.format(name=name)}</body></html>"
    )


def leads_to(world: Path, host: str, address: str) -> None:
    folder = world / "sites" / host
    folder.mkdir(parents=True)
    (folder / "index.html.headers").write_text(f"status: 301\nlocation: {address}\n")


def own(*hosts: str) -> Any:
    return icp_run(own_companies=tuple(Candidate(domain=h, source="csv") for h in hosts))


async def listed(tmp_path: Path, world: Path, *hosts: str) -> dict[str, Lookalike]:
    """With these companies of the user's own, and no search."""
    async with icp_lab(tmp_path, world=world, tavily_enabled=False) as lab:
        await plan(lab, own(*hosts))
        return {k.domain: k for k in await likes(lab)}


async def test_every_candidate_is_read_while_there_is_time(tmp_path: Path) -> None:
    async with icp_lab(tmp_path, interactive_head=3) as lab:
        await plan(lab)
        found = {k.domain: k for k in await likes(lab)}
        assert domains(ALIKE) <= found.keys()
        assert all(found[domain].read for domain in domains(ALIKE))


async def test_slow_pages_end_the_reading_with_the_first_batch(tmp_path: Path) -> None:
    late = {"kind": "delay", "seconds": 60}
    world = faults(
        icp_world(tmp_path / "market"),
        *({"vendor": "web", "host": f.domain, "fault": late} for f in (*ALIKE, *UNLIKE)),
        *({"vendor": "jina_reader", "path": f"*{f.domain}*", "fault": late} for f in ALIKE),
    )
    async with icp_lab(tmp_path, world=world, interactive_head=4) as lab:
        await plan(lab)
        asked = {c.host for c in lab.twins.calls("web")} & domains((*ALIKE, *UNLIKE))
        assert 0 < len(asked) <= 4


async def test_companies_of_the_users_own_are_read_beside_what_the_search_finds(
    tmp_path: Path,
) -> None:
    world = icp_world(tmp_path / "market")
    hosts = [f"quiet{n}.example" for n in range(4)]
    for host in hosts:
        write_site(world, host, index=carrier(host.partition(".")[0].title()))
    async with icp_lab(tmp_path, world=world, interactive_head=6) as lab:
        await plan(lab, own(*hosts))
        found = {k.domain: k for k in await likes(lab)}
        assert all(found[host].read for host in hosts)


async def test_companies_of_which_nothing_is_known_are_told_of_when_left_out(
    tmp_path: Path,
) -> None:
    world = faults(
        icp_world(tmp_path / "market"),
        {"vendor": "web", "host": "mute.example", "fault": {"kind": "status", "status": 503}},
        {"vendor": "jina_reader", "fault": {"kind": "status", "status": 503}},
    )
    write_site(world, "mute.example", index=carrier("Mute"))
    async with icp_lab(tmp_path, world=world, tavily_enabled=False) as lab:
        job = await plan(lab, own("mute.example"))
        assert "mute.example" not in domains(await likes(lab))
        assert any("could not be read in time" in w for w in await reflections(lab, job))


async def test_a_candidate_whose_address_leads_to_a_seed_is_the_seed(tmp_path: Path) -> None:
    world = icp_world(tmp_path / "market")
    leads_to(world, "oldname.example", f"https://{SEEDS[0].domain}/")
    assert "oldname.example" not in await listed(tmp_path, world, "oldname.example")


async def test_another_companys_page_is_no_proof_for_a_candidate(tmp_path: Path) -> None:
    world = icp_world(tmp_path / "market")
    write_site(world, "buyer.example", index=carrier("Buyer Freight"))
    leads_to(world, "bought.example", "https://buyer.example/")
    async with icp_lab(tmp_path, world=world, tavily_enabled=False) as lab:
        await plan(lab, own("bought.example"))
        assert await likes(lab) == ()
        assert (await shortlist(lab)).dropped["leads_elsewhere"] == 1


async def test_a_candidate_under_another_ending_keeps_its_page(tmp_path: Path) -> None:
    world = icp_world(tmp_path / "market")
    write_site(world, "quietfreight.test", index=carrier("Quiet Freight"))
    leads_to(world, "quietfreight.example", "https://quietfreight.test/")
    found = await listed(tmp_path, world, "quietfreight.example")
    assert found["quietfreight.example"].read
    quotes = [v.evidence for v in found["quietfreight.example"].verdicts if v.evidence]
    assert quotes
    assert {q.url for q in quotes} == {"https://quietfreight.test/"}


async def test_every_quote_of_a_candidate_stands_in_its_own_page(tmp_path: Path) -> None:
    async with icp_lab(tmp_path) as lab:
        await plan(lab)
        for like in await likes(lab):
            for verdict in like.verdicts:
                assert (verdict.state == "unknown") == (verdict.evidence is None)
                if verdict.evidence and like.read:
                    host = verdict.evidence.url.split("/")[2]
                    assert host.removeprefix("www.") == like.domain
                    page = await lab.app.store.page(TENANT, verdict.evidence.page_sha256)
                    assert page is not None
                    assert verdict.evidence.text in " ".join(page.text.split())


async def test_a_candidate_is_called_what_its_own_page_calls_it(tmp_path: Path) -> None:
    world = icp_world(tmp_path / "market")
    write_site(world, "pierfour.example", index=carrier("Pier Four Freight"))
    home = {"url": "https://pierfour.example/", "title": "Home", "score": 0.9,
            "content": "Freight forwarding and warehousing in Singapore."}  # fmt: skip
    write_rows(world / "search" / "more.jsonl", {"terms": ["companies"], "results": [home]})
    async with icp_lab(tmp_path, world=world) as lab:
        await plan(lab)
        found = {k.domain: k for k in await likes(lab)}
        assert found["pierfour.example"].name == "Pier Four Freight"


async def test_a_customer_whose_address_leads_to_strangers_is_not_read_as_them(
    tmp_path: Path,
) -> None:
    world = icp_world(tmp_path / "market")
    write_site(world, "stranger.example", index=carrier("Stranger Freight"))
    leads_to(world, "vanished.example", "https://stranger.example/")
    gone = Customer(name="Vanished Haulage", domain="vanished.example")
    async with icp_lab(tmp_path, world=world) as lab:
        job = await plan(lab, icp_run(intake=intake(customers=(*intake().customers, gone))))
        assert (await profile_of(lab)).seeds_read == len(SEEDS)
        assert any("vanished.example leads to" in w for w in await reflections(lab, job))


async def test_a_renamed_customers_new_site_is_the_customer_and_no_candidate(
    tmp_path: Path,
) -> None:
    world = icp_world(tmp_path / "market")
    write_site(world, "newname.example", index=carrier("Newname, once Oldname Haulage,"))
    leads_to(world, "oldname.example", "https://newname.example/")
    known = Customer(name="Oldname Haulage", domain="oldname.example")
    run = own("newname.example").model_copy(
        update={"intake": intake(customers=(*intake().customers, known))}
    )
    async with icp_lab(tmp_path, world=world) as lab:
        await plan(lab, run)
        assert (await profile_of(lab)).seeds_read == len(SEEDS) + 1
        assert "newname.example" not in domains(await likes(lab))


@pytest.mark.parametrize("kind", ["reset"])
async def test_a_site_that_answers_under_www_alone_is_read(tmp_path: Path, kind: str) -> None:
    world = faults(
        icp_world(tmp_path / "market"),
        {"vendor": "web", "host": "barefreight.example", "fault": {"kind": kind}},
        {"vendor": "jina_reader", "fault": {"kind": "status", "status": 503}},
    )
    write_site(world, "www.barefreight.example", index=carrier("Bare Freight"))
    found = await listed(tmp_path, world, "barefreight.example")
    assert found["barefreight.example"].read
