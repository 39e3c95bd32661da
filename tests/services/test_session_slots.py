"""A slot that fails, hangs, is cancelled, is retried or has no key: the session goes on and its
row says why. The models are told what is missing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data411_mcp.domain.jobs import JobStatus
from data411_mcp.domain.slots import SLOTS
from data411_mcp.errors import NotFound, SlotNotRerunnable
from tests.services.session_world import (
    PUMP_LEAD,
    TENANT,
    Lab,
    lab,
    proven,
    pump_world,
    rows_of,
    until,
)

GROUND, SPAN = "data411-hunt-ground", "data411-crimson-span"
FORGE, SWIFT, DEEP = "data411-hunt-forge", "data411-hunt-swift", "data411-hunt-deep"
MODELS = {GROUND, SPAN, FORGE, SWIFT, DEEP}


def stall(slot: str, **when: Any) -> dict[str, Any]:
    return {"vendor": "openrouter", "slot": slot, "fault": {"kind": "stall"}, **when}


async def started_until_asked(open_lab: Lab, slot: str) -> str:
    """A session under way whose slot has been asked; returns the job's id."""
    started = await open_lab.start(PUMP_LEAD)
    await until(lambda: slot in open_lab.bought())
    return started.job.id


async def test_a_slot_whose_model_fails_costs_only_its_own_row(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(
            {"vendor": "openrouter", "slot": FORGE, "fault": {"kind": "status", "status": 500}}
        )
        ran = await open_lab.run(PUMP_LEAD)
        assert ran.job.status is JobStatus.DONE
        assert ran.rows[FORGE].state == "error"
        assert ran.rows[FORGE].reason
        assert ran.rows[SWIFT].state == "done"
        assert ran.graph.summary_markdown


async def test_every_model_failing_leaves_what_the_free_slots_prove(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add({"vendor": "openrouter", "fault": {"kind": "status"}})
        ran = await open_lab.run(PUMP_LEAD)
        assert ran.job.status is JobStatus.DONE
        assert {ran.rows[slot].state for slot in MODELS} == {"error"}
        assert ("phone", "+16145550111") in proven(ran.graph)
        assert "614-555-0111" in ran.graph.summary_markdown


async def test_a_slot_that_hangs_is_stopped_at_its_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SLOTS, DEEP, replace(SLOTS[DEEP], deadline_seconds=0.5))
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(stall(DEEP))
        ran = await open_lab.run(PUMP_LEAD)
        assert ran.job.status is JobStatus.DONE
        assert ran.rows[DEEP].state == "error"
        assert ran.rows[DEEP].reason in {"deadline", "timeout"}
        assert ran.rows[FORGE].state == "done"


async def test_one_slot_can_be_cancelled_while_the_others_go_on(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(stall(DEEP))
        job_id = await started_until_asked(open_lab, DEEP)
        job = await open_lab.finish(await open_lab.app.runner.cancel(TENANT, job_id, DEEP))
        graph = await open_lab.graph(job.chat_session_id)
        rows = {r.model_id: r for r in graph.tool_trace.parallel_results}
        assert job.status is JobStatus.DONE
        assert (rows[DEEP].state, rows[DEEP].reason) == ("cancelled", "cancelled")
        assert rows[FORGE].state == "done"
        assert graph.summary_markdown


async def test_a_hanging_slot_that_is_retried_starts_again_and_is_done(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(stall(FORGE, nth=1))
        job_id = await started_until_asked(open_lab, FORGE)
        job = await open_lab.finish(await open_lab.app.runner.retry_slot(TENANT, job_id, FORGE))
        rows = (await open_lab.graph(job.chat_session_id)).tool_trace.parallel_results
        assert job.status is JobStatus.DONE
        assert next(r.state for r in rows if r.model_id == FORGE) == "done"
        assert open_lab.bought().count(FORGE) == 2
        assert open_lab.bought().count(DEEP) == 1


async def test_a_retry_of_a_slot_that_has_landed_is_refused_and_buys_nothing(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(stall(DEEP))
        job_id = await started_until_asked(open_lab, DEEP)
        with pytest.raises(SlotNotRerunnable):
            await open_lab.app.runner.retry_slot(TENANT, job_id, SPAN)  # of the pass before
        await open_lab.finish(await open_lab.app.runner.cancel(TENANT, job_id, DEEP))
        assert open_lab.bought().count(SPAN) == 1


async def test_a_cancelled_job_keeps_what_was_found_so_far(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(stall(DEEP))
        job_id = await started_until_asked(open_lab, DEEP)
        job = await open_lab.finish(await open_lab.app.runner.cancel(TENANT, job_id))
        assert job.status is JobStatus.CANCELLED
        assert ("phone", "+16145550111") in proven(await open_lab.graph(job.chat_session_id))


async def test_after_a_cancelled_run_the_same_call_starts_a_new_one(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(stall(DEEP, nth=1))
        job_id = await started_until_asked(open_lab, DEEP)
        job = await open_lab.finish(await open_lab.app.runner.cancel(TENANT, job_id))
        ran = await open_lab.run(PUMP_LEAD, chat_session_id=job.chat_session_id)
        assert ran.job.id != job_id
        assert ran.job.status is JobStatus.DONE
        assert ran.graph.summary_markdown


async def test_a_slot_of_a_finished_job_cannot_be_retried_in_it(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        ran = await open_lab.run(PUMP_LEAD)
        with pytest.raises(SlotNotRerunnable):
            await open_lab.app.runner.retry_slot(TENANT, ran.job.id, FORGE)
        with pytest.raises(NotFound):
            await open_lab.app.runner.cancel("another", ran.job.id, FORGE)


async def test_without_a_key_the_model_slots_say_so_and_search_reads_pages_instead(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world"), twin_llm_key=False) as open_lab:
        ran = await open_lab.run(PUMP_LEAD)
        assert ran.job.status is JobStatus.DONE
        for slot in MODELS - {GROUND}:
            assert (ran.rows[slot].state, ran.rows[slot].reason) == ("error", "not_configured")
            assert ran.rows[slot].cost_usd_micros == 0
        assert ran.rows[GROUND].state in {"done", "repetition"}
        assert ran.rows[GROUND].provider == "tavily"
        assert open_lab.bought() == []
        assert ("phone", "+16145550111") in proven(ran.graph)
        assert all(g.slot not in MODELS - {GROUND} for g in ran.graph.gaps)


async def test_without_key_and_search_only_the_free_slots_run(tmp_path: Path) -> None:
    async with lab(
        tmp_path, pump_world(tmp_path / "world"), twin_llm_key=False, tavily_enabled=False
    ) as open_lab:
        ran = await open_lab.run(PUMP_LEAD)
        assert ran.rows[GROUND].reason == "not_configured"
        assert open_lab.twins.calls("tavily") == []
        assert all(g.slot is None or g.slot == "data411-site" for g in ran.graph.gaps)


async def test_the_dig_deeper_pass_is_told_the_gaps_of_the_first(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        await open_lab.run(PUMP_LEAD)
        missing = "- Find a direct phone number of Nora Alder."
        for slot in (FORGE, SWIFT, DEEP):
            assert missing in open_lab.prompt_of(slot)
            assert "+16145550111" in open_lab.prompt_of(slot)
        asked = [slot for slot in open_lab.bought() if slot != "synthesis"]
        assert set(asked[:2]) == {GROUND, SPAN}
        assert open_lab.bought()[-1] == "synthesis"


async def test_the_first_pass_tells_its_reader_the_pages_as_data(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        await open_lab.run(PUMP_LEAD)
        assert "stood in a wet pit" in open_lab.prompt_of(SPAN)
        assert "stood in a wet pit" not in open_lab.prompt_of(FORGE)


async def test_a_slot_that_adds_nothing_is_a_repetition(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        ran = await open_lab.run(PUMP_LEAD)
        assert ran.rows[GROUND].state == "repetition"
        assert ran.rows[GROUND].findings == 1
        assert ran.rows[DEEP].state == "repetition"


async def test_what_the_vendors_cost_is_what_the_twins_billed(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        ran = await open_lab.run(PUMP_LEAD)
        assert ran.graph.spent.vendor_usd_micros == open_lab.twins.bill["openrouter"] > 0
        assert ran.graph.spent.charged_cents == 0


async def test_a_retry_of_a_slot_that_has_not_begun_does_not_buy_it_twice(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(stall(SPAN, nth=1))
        job_id = await started_until_asked(open_lab, SPAN)
        await open_lab.app.runner.retry_slot(TENANT, job_id, FORGE)
        job = await open_lab.finish(await open_lab.app.runner.retry_slot(TENANT, job_id, SPAN))
        assert job.status is JobStatus.DONE
        assert open_lab.bought().count(FORGE) == 1


async def test_a_slot_cancelled_before_it_began_is_never_bought(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(stall(SPAN, nth=1))
        job_id = await started_until_asked(open_lab, SPAN)
        await open_lab.app.runner.cancel(TENANT, job_id, FORGE)
        job = await open_lab.finish(await open_lab.app.runner.retry_slot(TENANT, job_id, SPAN))
        graph = await open_lab.graph(job.chat_session_id)
        assert rows_of(graph)[FORGE].state == "cancelled"
        assert FORGE not in open_lab.bought()


async def test_other_words_during_a_run_join_it_and_say_so(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(stall(SPAN, nth=1))
        job_id = await started_until_asked(open_lab, SPAN)
        graph_chat = (await open_lab.app.store.job(TENANT, job_id)).chat_session_id
        joined = await open_lab.start(None, chat_session_id=graph_chat, prompts=["Who owns it?"])
        assert joined.job.id == job_id
        assert [n.code for n in joined.notices] == ["RUN_UNDER_WAY"]
        await open_lab.app.runner.cancel(TENANT, job_id)


@pytest.mark.parametrize(
    ("prose", "kept"),
    [
        ("## Alder Pump Works\n\nAsk for Nora Alder, the owner [4].", True),
        ("## Alder Pump Works\n\nCall Nora Alder at +1 614 555 0199.", False),
        ("## Alder Pump Works\n\nWrite to nora@elsewhere.example.", False),
    ],
)
async def test_the_models_prose_is_used_only_if_the_graph_holds_all_it_says(
    tmp_path: Path, prose: str, kept: bool
) -> None:
    world = pump_world(tmp_path / "world")
    with (world / "llm" / "slots.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"slot": "synthesis", "text": prose}) + "\n")
    async with lab(tmp_path, world) as open_lab:
        ran = await open_lab.run(PUMP_LEAD)
        assert ran.graph.summary_markdown.startswith(prose) is kept
        assert "614-555-0111" in ran.graph.summary_markdown or kept
