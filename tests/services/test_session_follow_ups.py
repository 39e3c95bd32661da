"""What a follow-up runs and what it leaves alone; refresh, warm seed and the summary's history."""

from __future__ import annotations

import shutil
from pathlib import Path

from data411_mcp.domain.graph import Backfill
from data411_mcp.domain.merge import statements_of
from data411_mcp.services.payloads import SLOT_RERUN
from tests.services.follow_ups import called
from tests.services.session_world import (
    PUMP_CONTACT,
    PUMP_LEAD,
    TENANT,
    lab,
    proven,
    pump_world,
    statement,
    write_site,
)

FORGE, SWIFT, DEEP = "data411-hunt-forge", "data411-hunt-swift", "data411-hunt-deep"
RERUN_FORGE = "Rerun the Hunt Forge dig-deeper pass and resynthesize the graph."


async def test_naming_hunt_forge_runs_hunt_forge_and_the_synthesis_only(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        before, rows = len(open_lab.bought()), first.rows
        ran = await open_lab.run(None, chat_session_id=first.chat, prompts=[RERUN_FORGE])
        assert open_lab.bought()[before:] == [FORGE, "synthesis"]
        untouched = {slot for slot in rows if slot != FORGE}
        assert {s: ran.rows[s].finished_at for s in untouched} == {
            s: rows[s].finished_at for s in untouched
        }
        assert proven(ran.graph) == proven(first.graph)


async def test_a_gaps_text_runs_the_slot_of_the_gap_only(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        gap = next(g for g in first.graph.gaps if g.slot == SWIFT)
        before = len(open_lab.bought())
        await open_lab.run(None, chat_session_id=first.chat, prompts=[gap.text])
        assert open_lab.bought()[before:] == [SWIFT, "synthesis"]
        assert gap.text in open_lab.prompt_of(SWIFT)
        before = len(open_lab.bought())
        assert gap.call["tool"] == "rerun_hunt_slot"
        asked = dict(gap.call["arguments"])
        assert asked.pop("chat_session_id") == first.chat
        await called(open_lab, SLOT_RERUN, first.chat, **asked)
        assert open_lab.bought()[before:] == [SWIFT, "synthesis"]


async def test_other_words_run_the_hunting_slots_with_the_words_as_their_brief(
    tmp_path: Path,
) -> None:
    said = "Does the owner still own it after the merger?"
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        before = len(open_lab.bought())
        await open_lab.run(None, chat_session_id=first.chat, prompts=[said])
        assert sorted(open_lab.bought()[before:]) == sorted(
            ["data411-hunt-ground", FORGE, SWIFT, DEEP, "synthesis"]
        )
        assert said in open_lab.prompt_of(DEEP)


async def test_a_resynthesis_calls_nobody_but_the_writer(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        before = len(open_lab.twins.log)
        ran = await open_lab.run(None, chat_session_id=first.chat, prompts=["Resynthesize."])
        assert [e.vendor for e in open_lab.twins.log[before:]] == ["openrouter"]
        assert open_lab.bought()[-1] == "synthesis"
        assert ran.rows == first.rows


async def test_a_follow_up_reads_its_pages_from_the_store(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        before = len(open_lab.twins.log)
        await open_lab.run(None, chat_session_id=first.chat, prompts=[RERUN_FORGE])
        assert {e.vendor for e in open_lab.twins.log[before:]} == {"openrouter"}


async def test_a_second_run_that_finds_nothing_new_is_a_repetition(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        assert first.rows[FORGE].state == "done"
        ran = await open_lab.run(None, chat_session_id=first.chat, prompts=[RERUN_FORGE])
        assert ran.rows[FORGE].state == "repetition"
        assert ran.rows[FORGE].added == 0


async def test_refresh_starts_from_zero_and_archives_the_old_graph(tmp_path: Path) -> None:
    world = pump_world(tmp_path / "world")
    async with lab(tmp_path, world) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        row = await open_lab.app.store.session(TENANT, first.chat)
        assert row is not None
        statements = {s.id for s in statements_of(first.graph)}
        before = open_lab.bought()
        ran = await open_lab.run(None, chat_session_id=first.chat, refresh=True,
                                 prompts=["Do it again from scratch."])  # fmt: skip
        assert sorted(open_lab.bought()[len(before) :]) == sorted(before)
        assert {s.id for s in statements_of(ran.graph)} == statements
        kept = await open_lab.app.store.archived_backfill(TENANT, first.chat, row.version)
        assert kept is not None
        assert {s.id for s in statements_of(Backfill.model_validate_json(kept))} == statements
        assert ran.graph.spent.vendor_usd_micros > first.graph.spent.vendor_usd_micros


async def test_what_is_gone_from_the_web_is_gone_after_a_refresh(tmp_path: Path) -> None:
    world = pump_world(tmp_path / "world")
    async with lab(tmp_path, world) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        assert ("email_address", "office@alderpump.example") in proven(first.graph)
    write_site(world, "alderpump.example",
               contact=PUMP_CONTACT.replace("office@", "desk@"))  # fmt: skip
    async with lab(tmp_path, world) as open_lab:
        ran = await open_lab.run(None, chat_session_id=first.chat, refresh=True)
        assert ("email_address", "desk@alderpump.example") in proven(ran.graph)
        assert "office@alderpump.example" not in {s.value for s in statements_of(ran.graph)}


async def test_refresh_keeps_corrections_and_the_summary_history(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        await open_lab.app.edits.correct(
            TENANT, first.chat, action="add", field_name="phone", value="+1 614 555 0188"
        )
        wrong = statement(first.graph, "office@alderpump.example")
        await open_lab.app.edits.correct(TENANT, first.chat, action="reject", statement=wrong.id)
        second = await open_lab.run(None, chat_session_id=first.chat, prompts=["Resynthesize."])
        ran = await open_lab.run(None, chat_session_id=first.chat, refresh=True)
        assert ("phone", "+16145550188") in proven(ran.graph)
        assert ("email_address", "office@alderpump.example") not in proven(ran.graph)
        assert len(second.graph.summary_history) == 1
        assert ran.graph.summary_history[0] == second.graph.summary_history[0]
        assert ran.graph.summary_history[0].summary_markdown == first.graph.summary_markdown


async def test_a_changed_summary_goes_to_the_history_and_an_equal_one_does_not(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        same = await open_lab.run(None, chat_session_id=first.chat, prompts=["Resynthesize."])
        assert same.graph.summary_history == ()
        await open_lab.app.edits.correct(
            TENANT, first.chat, action="add", field_name="person", value="Ines Calder"
        )
        assert (await open_lab.graph(first.chat)).summary_stale
        ran = await open_lab.run(None, chat_session_id=first.chat,
                                 prompts=["Resynthesize the graph."])  # fmt: skip
        assert [h.summary_markdown for h in ran.graph.summary_history] == [
            first.graph.summary_markdown
        ]
        assert ran.graph.summary_history[0].reason == "synthesize-patch"
        assert "Ines Calder" in ran.graph.summary_markdown
        assert not ran.graph.summary_stale


async def test_a_refresh_does_not_use_the_warm_seed_of_another_chat(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        await open_lab.run(PUMP_LEAD)
        second = await open_lab.run({**PUMP_LEAD, "contact_id": 502})
        assert "WARM_SEED_USED" in second.notices
        before = len(open_lab.bought())
        ran = await open_lab.run(None, chat_session_id=second.chat, refresh=True)
        assert "WARM_SEED_USED" not in ran.notices
        assert len(open_lab.bought()[before:]) == 6
        assert all(r.degraded != ("warm_seed",) for r in ran.graph.tool_trace.parallel_results)


async def test_a_seed_past_its_time_is_cold(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world"), seed_ttl_hours=0) as open_lab:
        await open_lab.run(PUMP_LEAD)
        second = await open_lab.run({**PUMP_LEAD, "contact_id": 502})
        assert "WARM_SEED_USED" not in second.notices
        assert len(open_lab.bought()) == 12


async def test_a_seed_about_another_company_of_the_phone_is_not_taken(tmp_path: Path) -> None:
    world = pump_world(tmp_path / "world")
    pages = world / "sites" / "alderpump.example"
    shutil.copytree(pages, world / "sites" / "birchfans.example")
    for page in (world / "sites" / "birchfans.example").iterdir():
        text = page.read_text(encoding="utf-8").replace("Alder Pump Works", "Birch Fans")
        page.write_text(text.replace("alderpump", "birchfans"), encoding="utf-8")
    number = {"number1": "(614) 555-0111"}
    async with lab(tmp_path, world) as open_lab:
        await open_lab.run({**PUMP_LEAD, **number})
        other = {**PUMP_LEAD, **number, "contact_id": 502, "company": "Birch Fans",
                 "domain": "birchfans.example"}  # fmt: skip
        ran = await open_lab.run(other)
        assert "WARM_SEED_USED" not in ran.notices
        assert "nora.alder@alderpump.example" not in {s.value for s in statements_of(ran.graph)}
