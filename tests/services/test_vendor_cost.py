"""What vendors cost is metered wherever it arises: on the slot it was paid for, else on the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data411_mcp.domain.metering import metered, metered_so_far, metering
from tests.services.follow_ups import FORGE, GROUND, SLOT_RERUN, called, models_say, started
from tests.services.session_world import (
    PUMP_HOME,
    PUMP_LEAD,
    TENANT,
    Lab,
    lab,
    pump_world,
    rows_of,
    until,
    write_rows,
    write_site,
)

TAVILY_SEARCH = 8_000
NAME_ONLY = {"company": "Alder Pump Works", "city": "Columbus", "state": "OH"}


def charged(open_lab: Lab, *vendors: str) -> int:
    """What the twins say they would have charged, in micro-dollars."""
    return sum(open_lab.twins.bill[vendor] for vendor in vendors)


def found_by_search(world: Path) -> Path:
    pump_world(world)
    hit = {"url": "https://alderpump.example/contact", "title": "Alder Pump Works",
           "content": "Columbus, OH (614) 555-0111"}  # fmt: skip
    write_rows(world / "search" / "pump.jsonl", {"terms": ["alder"], "results": [hit]})
    return world


def test_a_meter_counts_its_own_block_only() -> None:
    metered(5)
    with metering() as outer:
        metered(1)
        with metering() as inner:
            metered(10)
            assert metered_so_far() == 10
        metered(2)
    assert (outer.micros, inner.micros, metered_so_far()) == (3, 10, 0)


async def test_a_search_slot_costs_what_the_search_engine_charges_for_its_key(
    tmp_path: Path,
) -> None:
    keys: dict[str, Any] = {"tavily_api_key": "tvly-lab", "twin_llm_key": False}
    async with lab(tmp_path, found_by_search(tmp_path / "world"), **keys) as open_lab:
        ran = await open_lab.run(PUMP_LEAD)
        searches = len(open_lab.twins.calls("tavily"))
        assert searches
        assert ran.rows[GROUND].cost_usd_micros == searches * TAVILY_SEARCH
        assert ran.graph.spent.vendor_usd_micros == charged(open_lab, "tavily")


async def test_without_a_key_nothing_is_metered(tmp_path: Path) -> None:
    world = found_by_search(tmp_path / "world")
    async with lab(tmp_path, world, twin_llm_key=False) as open_lab:
        ran = await open_lab.run(PUMP_LEAD)
        assert open_lab.twins.calls("tavily")
        assert ran.graph.spent.vendor_usd_micros == 0


async def test_looking_for_a_company_without_a_domain_is_on_the_bill_of_the_run(
    tmp_path: Path,
) -> None:
    keys: dict[str, Any] = {"tavily_api_key": "tvly-lab"}
    async with lab(tmp_path, found_by_search(tmp_path / "world"), **keys) as open_lab:
        ran = await open_lab.run(NAME_ONLY)
        slots = sum(r.cost_usd_micros for r in ran.rows.values())
        assert charged(open_lab, "tavily") > 0
        assert ran.graph.spent.vendor_usd_micros == charged(open_lab, "tavily", "openrouter")
        assert ran.graph.spent.vendor_usd_micros > slots


async def test_pages_read_with_a_key_are_on_the_slot_that_read_them(tmp_path: Path) -> None:
    async with lab(
        tmp_path, pump_world(tmp_path / "world"), jina_api_key="jina_lab", twin_llm_key=False
    ) as open_lab:
        # The site itself is slow: Jina has answered by the time that it wins.
        slow = {"kind": "delay", "seconds": 1.0}
        open_lab.twins.faults.add({"host": "alderpump.example", "fault": slow})
        ran = await open_lab.run(PUMP_LEAD)
        free = sum(r.cost_usd_micros for r in ran.rows.values())
        assert free == ran.graph.spent.vendor_usd_micros > 0


async def test_replies_that_could_not_be_used_are_part_of_the_slots_cost(tmp_path: Path) -> None:
    world = pump_world(tmp_path / "world")
    models_say(world, *({"slot": FORGE, "nth": nth, "text": "Sorry."} for nth in (2, 3)))
    async with lab(tmp_path, world) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        before = charged(open_lab, "openrouter")
        ran = await called(open_lab, SLOT_RERUN, first.chat, model_id=FORGE)
        assert ran.rows[FORGE].reason == "bad_reply"
        paid = charged(open_lab, "openrouter") - before
        assert ran.rows[FORGE].cost_usd_micros == paid > 0
        spent = first.graph.spent.vendor_usd_micros
        assert ran.graph.spent.vendor_usd_micros == spent + paid


async def test_the_cost_of_a_cancelled_attempt_stays_on_the_slot(tmp_path: Path) -> None:
    page = "https://slow-news.example/alder"
    person = {"name": "Milo Sandoval", "title": "Estimator", "email": None, "phone": None,
              "url": page, "quote": "Milo Sandoval"}  # fmt: skip
    said = {"people": [person], "phones": [], "emails": [], "addresses": [], "links": [],
            "company": {}, "contradictions": []}  # fmt: skip
    world = pump_world(tmp_path / "world")
    write_site(world, "slow-news.example", alder=PUMP_HOME)
    models_say(world, {"slot": FORGE, "nth": 2, "answer": said})
    async with lab(tmp_path, world) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        before = charged(open_lab, "openrouter")
        open_lab.twins.faults.add({"host": "slow-news.example", "fault": {"kind": "stall"}})
        begun = await started(
            open_lab, SLOT_RERUN, {"chat_session_id": first.chat, "model_id": FORGE}
        )
        await until(lambda: any(e.host == "slow-news.example" for e in open_lab.twins.log))
        await open_lab.app.runner.cancel(TENANT, begun.job.id, FORGE)
        await open_lab.finish(begun.job)
        row = rows_of(await open_lab.graph(first.chat))[FORGE]
        assert row.state == "cancelled"
        assert row.cost_usd_micros == charged(open_lab, "openrouter") - before > 0
