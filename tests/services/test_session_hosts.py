"""Whose site is it: redirects off the company's domain, and neighbours on one platform."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data411_mcp.domain.graph import Backfill
from data411_mcp.domain.merge import statements_of
from data411_mcp.services.graph_edits import SubmittedFinding
from tests.services.session_world import (
    PUMP_LEAD,
    TENANT,
    lab,
    proven,
    pump_world,
    write_rows,
    write_site,
)

CASINO = """<html lang="en"><head><title>Casino Bets</title></head><body><h1>Casino Bets</h1>
<p>Casino Bets has tables, slots and a bar that never closes. Our guests come from far and wide and
most of them go home lighter than they came. Ask at the desk for a card and a drink on us.</p>
<p>Phone: (614) 555-0166</p><p>E-mail: desk@casinobets.example</p>
<footer>Casino Bets, 1 Lucky Lane, Columbus, OH 43215</footer></body></html>
"""
NOT_OURS = {"+16145550166", "desk@casinobets.example", "Casino Bets"}


def echo(world: Path, name: str) -> None:
    (world / "world.json").write_text(json.dumps({"name": "w", "jina_echo": name}))


def redirect(world: Path, host: str, file: str, target: str) -> None:
    path = world / "sites" / host / f"{file}.html.headers"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"status: 302\nlocation: {target}\n")


def sure_of(graph: Backfill) -> set[str]:
    anchored = {a.value for a in graph.identity.anchors}
    return anchored | {value for _, value in proven(graph)}


@pytest.mark.parametrize("named", ["asked", "final"])
async def test_a_domain_that_leads_to_another_companys_site_lends_it_no_name(
    tmp_path: Path, named: str
) -> None:
    world = tmp_path / "world"
    write_site(world, "casinobets.example", index=CASINO)
    echo(world, named)
    redirect(world, "acmeplumb.example", "index", "https://casinobets.example/")
    lead = {"contact_id": 7, "domain": "acmeplumb.example"}
    async with lab(tmp_path, world) as open_lab:
        ran = await open_lab.run(lead)
    assert ran.graph.identity.name != "Casino Bets"
    assert not sure_of(ran.graph) & NOT_OURS


@pytest.mark.parametrize("named", ["asked", "final"])
async def test_a_page_of_the_company_that_redirects_away_proves_nothing_for_the_caller(
    tmp_path: Path, named: str
) -> None:
    world = pump_world(tmp_path / "world")
    write_site(world, "casinobets.example", index=CASINO)
    echo(world, named)
    redirect(world, "alderpump.example", "out", "https://casinobets.example/")
    claim = SubmittedFinding(
        field="phone",
        value="+1 614 555 0166",
        url="https://alderpump.example/out",
        quote="Phone: (614) 555-0166",
    )
    async with lab(tmp_path, world) as open_lab:
        chat = (await open_lab.run(PUMP_LEAD)).chat
        graph, (verdict,) = await open_lab.app.edits.submit(TENANT, chat, [claim])
    assert verdict.status != "proven"
    assert not sure_of(graph) & NOT_OURS
    cited = [e for s in statements_of(graph) if s.value == "+16145550166" for e in s.evidence]
    assert all(e.source != "own_site" for e in cited)


async def test_a_neighbour_on_the_same_platform_is_another_company(tmp_path: Path) -> None:
    world = tmp_path / "world"
    write_site(world, "casino.netlify.app", index=CASINO)
    home = "Acme Plumbing mends pipes and drains in Columbus, Ohio, by day and by night. " * 4
    write_site(
        world,
        "acmeplumb.netlify.app",
        index=f"<html lang='en'><title>Acme Plumbing</title><h1>Acme Plumbing</h1><p>{home}</p>"
        "<p>Phone: (614) 555-0151</p><p>Acme Plumbing, 5 Weir Street, Columbus, OH 43215</p>",
    )
    write_rows(
        world / "search" / "company.jsonl",
        {"terms": ["acme", "plumbing"], "results": [
            {"url": f"https://{host}.netlify.app/", "title": host, "content": "Columbus, Ohio",
             "score": 0.9}
            for host in ("casino", "acmeplumb")
        ]},
    )  # fmt: skip
    lead = {"contact_id": 8, "company": "Acme Plumbing", "city": "Columbus", "state": "OH"}
    async with lab(tmp_path, world) as open_lab:
        ran = await open_lab.run(lead)
    domains = {a.value for a in ran.graph.identity.anchors if a.kind == "domain"}
    assert domains <= {"acmeplumb.netlify.app"}
    assert ("phone", "+16145550151") in proven(ran.graph)
    assert not sure_of(ran.graph) & NOT_OURS
