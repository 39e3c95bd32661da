"""A company whose enrichment dies on the way: what was bought is kept, what was proven is paid
once, and nothing that suffices is bought on top."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from data411_mcp.adapters.vendors.apify import Apify
from data411_mcp.domain.icp.reflection import Decisions
from data411_mcp.domain.slots import SPAN
from data411_mcp.services.icp.enriching import enricher, people
from data411_mcp.services.icp.enriching.company import CompanyInWork
from data411_mcp.services.icp.enriching.enricher import CompanyEnricher
from tests.icp.enriching_world import (
    ALDER,
    BROOK,
    DRUM,
    RUN,
    EnricherLab,
    Told,
    enriching_world,
    like,
    open_enricher,
)
from tests.services.session_world import PUMP_HOME, PUMP_TEAM, write_site

MAIL_HOSTS = 1  # what its domain's DNS proves is not paid
ATTEMPTED = f"company:{BROOK}:{people.ATTEMPTED}"


class Killed(Exception):
    """The process has died here."""


def dying(real: Callable[..., Any], when: Callable[..., bool] = lambda *_: True) -> Any:
    async def died(*args: Any, **more: Any) -> Any:
        if when(*args):
            raise Killed
        return await real(*args, **more)

    return died


async def dies(lab: EnricherLab, domain: str = BROOK) -> None:
    with pytest.raises((Killed, ExceptionGroup)):
        await lab.enrich(domain)


async def test_people_whose_run_had_a_name_when_the_process_died_are_fetched_and_not_bought_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_enricher(tmp_path) as lab:
        with monkeypatch.context() as patched:
            patched.setattr(Apify, "_items", dying(Apify._items))
            await dies(lab)
        saved = json.loads(lab.told.steps[ATTEMPTED])
        assert saved["run"] == "run00000000000002"  # the first one was the finder's
        assert saved["left"] == [people.SEARCH]
        company = await lab.enrich(BROOK)
        assert [c.name for c in company.contacts] == ["Tess Orchard", "Anders Moe"]
        assert len(lab.asked("company-employees/runs")) == 1
        assert company.degraded == ()


async def test_a_run_that_the_vendor_has_forgotten_costs_its_people_and_nothing_else(
    tmp_path: Path,
) -> None:
    async with open_enricher(tmp_path) as lab:
        forgotten = {"findings": None, "actor": people.EMPLOYEES, "left": [], "run": "run9"}
        lab.told.steps[ATTEMPTED] = json.dumps(forgotten)
        company = await lab.enrich(BROOK)
        assert (company.state, company.contacts) == ("done", ())
        assert company.degraded == ("APIFY_LINKEDIN_FAIL",)
        assert not lab.asked("/runs")


async def test_what_a_run_had_found_when_nobody_could_wait_any_longer_is_not_thrown_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stalled = {"path": "/v2/datasets/*", "nth": 1, "fault": {"kind": "stall", "seconds": 3000}}
    monkeypatch.setattr(enricher, "COMPANY_SECONDS", 0.8)
    monkeypatch.setattr(enricher, "PEOPLE_SECONDS_MIN", 0.8)
    async with open_enricher(tmp_path) as lab:
        lab.lab.twins.faults.add(stalled)
        company = await lab.enrich(BROOK)
        assert company.degraded == ("APIFY_LINKEDIN_FAIL",)
        assert [c.name for c in company.contacts] == ["Tess Orchard", "Anders Moe"]
        assert len(lab.asked("company-employees/runs")) == 1


async def test_where_the_profile_search_lists_nobody_the_employees_are_asked_for_once(
    tmp_path: Path,
) -> None:
    async with open_enricher(tmp_path) as lab:
        lab.lab.twins.faults.add(
            {"vendor": "apify_search", "fault": {"kind": "status", "status": 201, "json": {
                "data": {"id": "r1", "defaultDatasetId": "d-r1", "status": "SUCCEEDED"}}}},
            {"path": "/v2/datasets/d-r1/items",
             "fault": {"kind": "status", "status": 200, "json": []}},
        )  # fmt: skip
        company = await lab.enrich(BROOK, apify_variant="profile_search")
        assert len(company.contacts) == 2
        actors = [p for p in lab.asked("/runs") if "/acts/" in p]
        assert ["search" in a for a in actors] == [True, False]


async def test_what_a_model_has_read_is_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_enricher(tmp_path) as lab:
        land = CompanyInWork.land
        with monkeypatch.context() as patched:
            patched.setattr(CompanyInWork, "land", dying(land, lambda _, slot, *__: slot == SPAN))
            await dies(lab, DRUM)
        asked = len(lab.lab.twins.calls("openrouter"))
        assert asked > 0
        assert (await lab.enrich(DRUM)).state == "done"
        assert len(lab.lab.twins.calls("openrouter")) == asked


async def test_a_mailbox_that_was_verified_before_the_process_died_is_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = enriching_world(tmp_path / "world")
    async with open_enricher(tmp_path, world) as lab:
        monkeypatch.setattr(CompanyInWork, "tell", dying(CompanyInWork.tell))
        await dies(lab)
        assert len(lab.lab.twins.calls("zerobounce")) == 2
        told = lab.told
    monkeypatch.undo()
    async with open_enricher(tmp_path, world) as lab:  # another process: it remembers nothing
        lab.told = told
        company = await lab.enrich(BROOK)
        assert company.contacts[0].deliverability == "verified"
        assert lab.lab.twins.calls("zerobounce") == []


@pytest.mark.parametrize("point", ["tell", "_remember", "_tick"])
async def test_what_a_company_is_paid_for_does_not_depend_on_who_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    async with open_enricher(tmp_path) as lab:
        with monkeypatch.context() as patched:
            if point == "_tick":

                def died(*_: Any) -> None:
                    raise Killed

                patched.setattr(CompanyEnricher, point, died)
            else:
                owner: Any = CompanyInWork if point == "tell" else CompanyEnricher
                patched.setattr(owner, point, dying(getattr(owner, point)))
            await dies(lab, ALDER)
        company = await lab.enrich(ALDER)
        assert company.newly_proven == company.proven - MAIL_HOSTS
        assert company.pages_read > 0
        assert "earlier run" not in lab.told.messages[0]
        lab.told = Told()
        ctx = lab.told.ctx("job-2")
        again = await lab.enricher.enrich(ctx, RUN, like(ALDER), Decisions())
        assert (again.newly_proven, again.pages_read) == (0, 0)


FDS = "/proc/self/fd"


@pytest.mark.skipif(not os.path.exists(FDS), reason="counts this process's open files")
async def test_every_connection_is_closed_whatever_a_vendor_did_and_wherever_it_was_cancelled(
    tmp_path: Path,
) -> None:
    world = enriching_world(tmp_path / "world")
    bad: list[dict[str, Any]] = [
        {"kind": "reset"},
        {"kind": "cut_json"},
        {"kind": "status", "status": 500},
        {"kind": "stall", "seconds": 3000},
    ]

    async def once(number: int, fault: dict[str, Any] | None) -> int:
        folder = tmp_path / str(number)
        folder.mkdir()
        async with open_enricher(folder, world) as lab:
            rows = [{"vendor": v, "fault": fault} for v in ("apify", "openrouter", "jina")]
            lab.lab.twins.faults.add(*(rows if fault else ()))
            with anyio.move_on_after(1.5):
                await lab.enrich(BROOK)
        return len(os.listdir(FDS))

    first = await once(0, None)
    for number, fault in enumerate(bad, start=1):
        assert await once(number, fault) <= first


async def test_three_people_and_a_linkedin_page_are_enough_without_a_model(
    tmp_path: Path,
) -> None:
    world = enriching_world(tmp_path / "world")
    link = '<p><a href="https://www.linkedin.com/company/alder-pump-works">LinkedIn</a></p></body>'
    team = PUMP_TEAM.replace("</body>", "<h3>Milo Sandoval</h3><p>Estimator</p></body>")
    home = PUMP_HOME.replace("<p>Phone: (614) 555-0111</p>", "").replace("</body>", link)
    write_site(world, ALDER, index=home, team=team)
    (world / "sites" / ALDER / "contact.html").unlink()
    async with open_enricher(tmp_path, world) as lab:
        company = await lab.enrich(ALDER, "Alder Pump Works")
        assert len(company.contacts) == 3
        assert lab.lab.twins.calls("openrouter") == []
        assert enricher.ENOUGH_NOTE in lab.told.messages[0]
