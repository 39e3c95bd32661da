"""The summary told anew from the graph, its history, and what a resynthesis may not do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data411_mcp.services.payloads import SLOT_RERUN, SYNTHESIZE_PATCH
from tests.services.follow_ups import FORGE, Purchases, called, events_of, models_say
from tests.services.session_world import HOOPS_LEAD, PUMP_LEAD, TENANT, lab, proven, pump_world

WISH = "Emphasize owner phones and legal contacts in the summary."
PLAIN = {"slot": "synthesis", "text": "**How to reach them**"}
WISHED = {
    "slot": "synthesis",
    "contains": "owner phones",
    "text": "## Alder Pump Works\n\n**Who is there** (deciders first)",
}


def told_world(world: Path, *rows: dict[str, Any]) -> Path:
    pump_world(world)
    models_say(world, *(rows or (WISHED, PLAIN)))
    return world


async def test_a_resynthesis_buys_one_synthesis_and_nothing_else_and_follows_the_wishes(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, told_world(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        assert first.graph.summary_markdown.startswith(PLAIN["text"])
        bought = Purchases.from_now(open_lab)
        ran = await called(open_lab, SYNTHESIZE_PATCH, first.chat, prompts=[WISH])
        assert bought.vendors() == ["openrouter"]
        assert bought.slots() == ["synthesis"]
        assert WISH in open_lab.prompt_of("synthesis")
        assert ran.graph.summary_markdown.startswith(WISHED["text"])
        assert "PROMPTS_NOT_FOLLOWED" not in ran.notices
        assert ran.rows == first.rows
        assert proven(ran.graph) == proven(first.graph)
        assert (await events_of(open_lab, ran.job)).count("synthesis_started") == 1


async def test_the_history_keeps_each_text_with_its_own_fingerprint_and_prompt(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, told_world(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        assert first.graph.summary_prompt_sha
        await open_lab.app.edits.correct(
            TENANT, first.chat, action="add", field_name="phone", value="+1 614 555 0188"
        )
        second = await called(open_lab, SYNTHESIZE_PATCH, first.chat, prompts=[WISH])
        same = await called(open_lab, SYNTHESIZE_PATCH, first.chat, prompts=[WISH + " Please."])
        assert same.graph.summary_history == second.graph.summary_history
        third = await called(open_lab, SLOT_RERUN, first.chat, model_id=FORGE,
                             refresh_summary=True)  # fmt: skip
        old, newer = third.graph.summary_history
        assert old.summary_markdown == first.graph.summary_markdown
        assert old.graph_fingerprint == first.graph.graph_fingerprint
        assert old.prompt_sha == first.graph.summary_prompt_sha
        assert (old.reason, newer.reason) == ("synthesize-patch", "slot-rerun")
        assert newer.summary_markdown == second.graph.summary_markdown
        assert newer.graph_fingerprint == second.graph.graph_fingerprint
        assert newer.graph_fingerprint != old.graph_fingerprint
        assert newer.prompt_sha == second.graph.summary_prompt_sha


async def test_a_text_of_our_own_writer_is_archived_without_a_prompt(tmp_path: Path) -> None:
    late = {**PLAIN, "contains": WISH[:20]}
    async with lab(tmp_path, told_world(tmp_path / "world", late)) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        assert first.graph.summary_prompt_sha == ""
        ran = await called(open_lab, SYNTHESIZE_PATCH, first.chat, prompts=[WISH])
        assert [h.prompt_sha for h in ran.graph.summary_history] == [""]
        assert ran.graph.summary_prompt_sha


async def test_without_refresh_summary_graph_and_gaps_are_resolved_and_nobody_is_called(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, told_world(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        await open_lab.app.edits.correct(
            TENANT, first.chat, action="add", field_name="legal_name", value="Alder Pump Works Inc"
        )
        bought = Purchases.from_now(open_lab)
        ran = await called(open_lab, SYNTHESIZE_PATCH, first.chat, refresh_summary=False)
        assert bought.vendors() == []
        assert ran.graph.summary_markdown == first.graph.summary_markdown
        assert ran.graph.summary_stale
        assert ran.graph.summary_history == ()


async def test_a_server_without_a_model_says_that_wishes_were_not_followed(
    tmp_path: Path,
) -> None:
    world = pump_world(tmp_path / "world")
    async with lab(tmp_path, world, twin_llm_key=False) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        assert "PROMPTS_NOT_FOLLOWED" not in first.notices
        ran = await called(open_lab, SYNTHESIZE_PATCH, first.chat, prompts=[WISH])
        assert "PROMPTS_NOT_FOLLOWED" in ran.notices
        quiet = await called(open_lab, SYNTHESIZE_PATCH, first.chat)
        assert "PROMPTS_NOT_FOLLOWED" not in quiet.notices


async def test_the_demo_world_follows_the_words_of_the_specification(tmp_path: Path) -> None:
    async with lab(tmp_path) as open_lab:
        first = await open_lab.run(HOOPS_LEAD)
        ran = await called(open_lab, SYNTHESIZE_PATCH, first.chat, prompts=[WISH])
        assert "PROMPTS_NOT_FOLLOWED" not in ran.notices
        legal, owner = "HG AutoTech LLC", "marisol.hartwell@hgautotech.com"
        told = ran.graph.summary_markdown
        assert told != first.graph.summary_markdown
        assert told.index(legal) < told.index(owner) < told.index("dale.clark@hgautotech.com")
        assert ran.graph.summary_history[-1].summary_markdown == first.graph.summary_markdown
