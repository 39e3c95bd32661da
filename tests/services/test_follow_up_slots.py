"""One slot again: what is bought, what is merged, what is left alone, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from data411_mcp.domain.graph import Backfill
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.errors import (
    CallerError,
    ChatBusy,
    InvalidArgument,
    RefreshNotPartial,
    SlotNotRerunnable,
)
from data411_mcp.services.payloads import SLOT_RERUN, SLOTS_RERUN, SYNTHESIZE_PATCH
from data411_mcp.services.routes import Terms
from tests.services.follow_ups import (
    DEEP,
    FORGE,
    GROUND,
    SPAN,
    SWIFT,
    Purchases,
    called,
    events_of,
    models_say,
    result_of,
    started,
)
from tests.services.session_world import (
    PUMP_LEAD,
    PUMP_TEAM,
    ROOT,
    TENANT,
    Lab,
    lab,
    proven,
    pump_world,
    rows_of,
    until,
    write_site,
)

BOARD_PAGE = "https://alderpump.example/board"
ROSA = ("person", "Rosa Delgado")
_NOTHING: dict[str, Any] = {
    "people": [], "phones": [], "emails": [], "addresses": [], "links": [], "company": {},
    "contradictions": [],
}  # fmt: skip
SPEC_WORDS = "Rerun Hunt Forge and resynthesize with our current info."


def rosa(slot: str, nth: int) -> dict[str, Any]:
    """From its nth call on, the slot's model knows of a page that nothing links to."""
    person = {"name": "Rosa Delgado", "title": "Controller", "email": None, "phone": None,
              "url": BOARD_PAGE, "quote": "Rosa Delgado"}  # fmt: skip
    return {"slot": slot, "nth": nth, "answer": {**_NOTHING, "people": [person]}}


def world_with_news(world: Path, *rows: dict[str, Any]) -> Path:
    pump_world(world)
    board = PUMP_TEAM.replace("Nora Alder", "Rosa Delgado").replace("nora.alder@", "rosa.delgado@")
    write_site(world, "alderpump.example", board=board)
    models_say(world, *(rows or [rosa(FORGE, 2)]))
    return world


def failing(*slots: str) -> list[dict[str, Any]]:
    """Refused for good, so that nobody tries again."""
    fault = {"kind": "status", "status": 403}
    return [{"vendor": "openrouter", "slot": slot, "fault": fault} for slot in slots]


def stalling(slot: str, nth: int = 1) -> dict[str, Any]:
    return {"vendor": "openrouter", "slot": slot, "nth": nth, "fault": {"kind": "stall"}}


# --- the words of the user ---------------------------------------------------------------------


async def test_rerun_hunt_forge_and_resynthesize_does_exactly_that(tmp_path: Path) -> None:
    async with lab(tmp_path, world_with_news(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        assert ROSA not in proven(first.graph)
        bought = Purchases.from_now(open_lab)
        ran = await open_lab.run(None, chat_session_id=first.chat, prompts=[SPEC_WORDS])
        assert bought.slots() == [FORGE, "synthesis"]
        assert proven(ran.graph) >= proven(first.graph) | {ROSA}  # a delta: nothing is lost
        assert "Rosa Delgado" in ran.graph.summary_markdown
        assert [h.summary_markdown for h in ran.graph.summary_history] == [
            first.graph.summary_markdown
        ]
        assert not ran.graph.summary_stale


async def test_refresh_and_follow_up_are_told_apart_as_the_specification_does(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        gap = next(g for g in first.graph.gaps if g.slot == SWIFT)
        everything = sorted([GROUND, SPAN, FORGE, SWIFT, DEEP, "synthesis"])
        rows: list[tuple[dict[str, Any], list[str] | type[Exception]]] = [
            ({"prompts": ["Rerun Hunt Forge."]}, [FORGE, "synthesis"]),
            ({"prompts": ["Resynthesize."]}, ["synthesis"]),
            ({"prompts": ["Dig deeper on the owner."]},
             [DEEP, FORGE, GROUND, SWIFT, "synthesis"]),
            ({"prompts": [gap.text]}, [SWIFT, "synthesis"]),
            ({"prompts": ["Rerun Hunt Forge."], "refresh": True}, RefreshNotPartial),
            ({"prompts": [gap.text], "refresh": True}, RefreshNotPartial),
            ({"prompts": ["Do it again from scratch."], "refresh": True}, everything),
            ({"prompts": ["Ignore cache, please."], "refresh": True}, everything),
        ]  # fmt: skip
        for asked, expected in rows:
            bought = Purchases.from_now(open_lab)
            if isinstance(expected, type):
                with pytest.raises(expected):
                    await open_lab.start(PUMP_LEAD, chat_session_id=first.chat, **asked)
                assert bought.vendors() == []
                continue
            ran = await open_lab.run(PUMP_LEAD, chat_session_id=first.chat, **asked)
            assert ran.job.status is JobStatus.DONE
            assert sorted(bought.slots()) == sorted(expected), asked


# --- slot-rerun --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [FORGE, "x-ai/grok-build-0.1"])
async def test_a_slot_named_by_id_or_slug_runs_alone_and_leaves_the_text(
    tmp_path: Path, name: str
) -> None:
    async with lab(tmp_path, world_with_news(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        bought = Purchases.from_now(open_lab)
        ran = await called(open_lab, SLOT_RERUN, first.chat, model_id=name)
        assert bought.slots() == [FORGE]
        assert ROSA in proven(ran.graph)
        assert ran.rows[FORGE].job_id == ran.job.id
        assert {s: r for s, r in ran.rows.items() if s != FORGE} == {
            s: r for s, r in first.rows.items() if s != FORGE
        }
        assert ran.graph.summary_markdown == first.graph.summary_markdown
        assert ran.graph.summary_stale
        assert ran.graph.summary_history == ()
        assert "synthesis_started" not in await events_of(open_lab, ran.job)


async def test_refresh_summary_rewrites_the_text_after_the_slot(tmp_path: Path) -> None:
    async with lab(tmp_path, world_with_news(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        bought = Purchases.from_now(open_lab)
        ran = await called(open_lab, SLOT_RERUN, first.chat, model_id=FORGE, refresh_summary=True)
        assert bought.slots() == [FORGE, "synthesis"]
        assert "Rosa Delgado" in ran.graph.summary_markdown
        assert [h.reason for h in ran.graph.summary_history] == ["slot-rerun"]
        assert ran.graph.summary_history[0].graph_fingerprint == first.graph.graph_fingerprint
        assert result_of(ran)["version"] > result_of(first)["version"]


async def test_a_slot_that_cannot_be_named_or_run_is_refused_and_nothing_begins(
    tmp_path: Path,
) -> None:
    world = pump_world(tmp_path / "world")
    async with lab(tmp_path, world, twin_llm_key=False, billing="on") as open_lab:
        await credit(open_lab, 500)
        first = await open_lab.run(PUMP_LEAD)
        bought = Purchases.from_now(open_lab)
        posted = await open_lab.app.store.transfers(TENANT)
        refusals: list[tuple[str, type[CallerError], str]] = [
            ("data411-hunt-forgr", InvalidArgument, "Did you mean data411-hunt-forge?"),
            ("x-ai/no-such-model", InvalidArgument, "Slots:"),
            ("data411-agent", InvalidArgument, "submit_findings"),
            (FORGE, SlotNotRerunnable, "doctor"),
        ]
        for name, kind, hint in refusals:
            with pytest.raises(kind) as refused:
                await started(open_lab, SLOT_RERUN,
                              {"chat_session_id": first.chat, "model_id": name})  # fmt: skip
            assert hint in refused.value.hint
        assert bought.vendors() == []
        assert await open_lab.app.store.transfers(TENANT) == posted
        assert len(await open_lab.app.store.jobs_of_chat(TENANT, first.chat)) == 1


async def credit(open_lab: Lab, cents: int) -> None:
    from data411_mcp.domain.ledger import TransferKind, transfer

    given = transfer(TENANT, "", "test", TransferKind.CREDIT, cents, "test")
    await open_lab.app.store.post(given, at=open_lab.app.clock.now())


async def test_a_second_call_while_one_runs_is_told_to_wait_and_an_identical_one_joins(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        open_lab.twins.faults.add(stalling(FORGE))
        bought = Purchases.from_now(open_lab)
        asked = {"chat_session_id": first.chat, "model_id": FORGE}
        running = await started(open_lab, SLOT_RERUN, asked)
        await until(lambda: FORGE in bought.slots())
        again = await started(open_lab, SLOT_RERUN, asked)
        assert (again.joined, again.job.id) == (True, running.job.id)
        wait = f'Call wait_enrich_job(job_id="{running.job.id}"), then call again.'
        others: list[tuple[str, dict[str, Any], type[CallerError]]] = [
            (SLOT_RERUN, {**asked, "refresh_summary": True}, SlotNotRerunnable),
            (SLOT_RERUN, {**asked, "model_id": SWIFT}, ChatBusy),
            (SYNTHESIZE_PATCH, {"chat_session_id": first.chat}, ChatBusy),
            (SLOTS_RERUN, {"chat_session_id": first.chat, "model_ids": [SWIFT]}, ChatBusy),
        ]
        for route, payload, kind in others:
            with pytest.raises(kind) as refused:
                await started(open_lab, route, payload)
            assert refused.value.hint == wait
        await open_lab.app.runner.cancel(TENANT, running.job.id)
        job = await open_lab.finish(running.job)
        assert job.status is JobStatus.CANCELLED
        graph = await open_lab.graph(first.chat)
        assert rows_of(graph)[FORGE].state == "cancelled"
        assert graph.summary_markdown == first.graph.summary_markdown
        assert bought.slots() == [FORGE]


async def test_identical_submissions_at_once_make_one_job_and_one_purchase(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        bought = Purchases.from_now(open_lab)
        ids: list[str] = []

        async def submit() -> None:
            begun = await started(open_lab, SLOT_RERUN,
                                  {"chat_session_id": first.chat, "model_id": SWIFT})  # fmt: skip
            ids.append((await open_lab.finish(begun.job)).id)

        async def elsewhere() -> None:
            given = [str(tmp_path / "data"), str(tmp_path / "twins.json"), first.chat]
            program = [sys.executable, "-m", "tests.services.follow_up_racer", *given]
            done = await anyio.run_process(program, cwd=ROOT, stderr=None)
            ids.extend(done.stdout.decode().split())

        with anyio.fail_after(40):
            async with anyio.create_task_group() as calls:
                calls.start_soon(elsewhere)
                for _ in range(5):
                    calls.start_soon(submit)
        assert len(ids) == 8
        assert len(set(ids)) == 1
        assert bought.slots() == [SWIFT]


async def test_a_callers_own_key_names_one_request_for_good(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        key = Terms(idempotency_key="order-17")
        ran = await called(open_lab, SLOT_RERUN, first.chat, key, model_id=SWIFT)
        await called(open_lab, SYNTHESIZE_PATCH, first.chat)
        again = await called(open_lab, SLOT_RERUN, first.chat, key, model_id=SWIFT)
        assert again.job.id == ran.job.id
        with pytest.raises(InvalidArgument):
            await called(open_lab, SLOT_RERUN, first.chat, key, model_id=FORGE)


# --- slots-rerun -------------------------------------------------------------------------------


async def test_a_batch_runs_side_by_side_lands_slot_by_slot_and_merges_once(
    tmp_path: Path,
) -> None:
    world = world_with_news(tmp_path / "world", rosa(GROUND, 2), rosa(SPAN, 2))
    async with lab(tmp_path, world) as open_lab:
        open_lab.twins.faults.add(*failing(GROUND, SPAN))
        first = await open_lab.run(PUMP_LEAD)
        assert {first.rows[s].state for s in (GROUND, SPAN)} == {"error"}
        open_lab.twins.faults.clear()
        open_lab.twins.faults.add(
            {"vendor": "openrouter", "slot": SPAN, "fault": {"kind": "delay", "seconds": 0.6}}
        )
        bought = Purchases.from_now(open_lab)
        asked = {"chat_session_id": first.chat, "model_ids": [SPAN, GROUND]}
        begun = await started(open_lab, SLOTS_RERUN, asked)
        seen: set[tuple[str, str]] = set()
        with anyio.fail_after(20):
            while not (await open_lab.app.runner.wait(TENANT, begun.job.id, seconds=0.02)).final:
                rows = rows_of(await open_lab.graph(first.chat))
                seen.add((rows[GROUND].state, rows[SPAN].state))
        job = await open_lab.finish(begun.job)
        graph = await open_lab.graph(first.chat)
        # Ground had landed in the stored trace while Span was out.
        assert ("done", "running") in seen
        assert sorted(bought.slots()) == sorted([GROUND, SPAN])
        assert (await events_of(open_lab, job)).count("synthesis_started") == 1
        assert ROSA in proven(graph)
        rows = rows_of(graph)
        # The first of the catalogue brought it; to the other it was known.
        assert (rows[GROUND].state, rows[SPAN].state) == ("done", "repetition")
        assert graph.summary_markdown == first.graph.summary_markdown
        assert graph.summary_stale
        assert graph.summary_history == ()


async def test_a_batch_names_every_slot_that_it_refuses(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(*failing(GROUND))
        first = await open_lab.run(PUMP_LEAD)
        assert first.rows[DEEP].state == "repetition"
        bought = Purchases.from_now(open_lab)
        ids = [GROUND, FORGE, DEEP, "data411-site"]
        with pytest.raises(SlotNotRerunnable) as refused:
            await started(open_lab, SLOTS_RERUN,
                          {"chat_session_id": first.chat, "model_ids": ids})  # fmt: skip
        for slot in ids[1:]:
            assert f"{slot} is {first.rows[slot].state}" in refused.value.message
        assert GROUND not in refused.value.message
        assert f'"model_ids": ["{GROUND}"]' in refused.value.hint
        bad: list[list[str]] = [
            [], [GROUND, GROUND], [GROUND, "google/gemini-3.5-flash-lite"], ["data411-nobody"],
            ["data411-agent"], [GROUND] * 17,
        ]  # fmt: skip
        for model_ids in bad:
            with pytest.raises(InvalidArgument):
                await started(open_lab, SLOTS_RERUN,
                              {"chat_session_id": first.chat, "model_ids": model_ids})  # fmt: skip
        assert bought.vendors() == []
        assert len(await open_lab.app.store.jobs_of_chat(TENANT, first.chat)) == 1


async def test_a_cancelled_slot_is_no_part_of_a_batch_and_a_running_one_is_named(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(*failing(GROUND), stalling(DEEP))
        begun = await open_lab.start(PUMP_LEAD)
        await until(lambda: DEEP in open_lab.bought())
        chat = begun.job.chat_session_id
        asked = {"chat_session_id": chat, "model_ids": [DEEP]}
        with pytest.raises(SlotNotRerunnable, match="Hunt Deep is running"):
            await started(open_lab, SLOTS_RERUN, asked)
        await open_lab.app.runner.cancel(TENANT, begun.job.id, DEEP)
        await open_lab.finish(begun.job)
        with pytest.raises(SlotNotRerunnable, match="data411-hunt-deep is cancelled"):
            await started(open_lab, SLOTS_RERUN, asked)


async def test_a_batch_that_is_cancelled_keeps_what_had_landed(tmp_path: Path) -> None:
    world = world_with_news(tmp_path / "world", rosa(GROUND, 2))
    async with lab(tmp_path, world) as open_lab:
        open_lab.twins.faults.add(*failing(GROUND, SPAN))
        first = await open_lab.run(PUMP_LEAD)
        open_lab.twins.faults.clear()
        open_lab.twins.faults.add(stalling(SPAN))
        asked = {"chat_session_id": first.chat, "model_ids": [SPAN, GROUND]}
        begun = await started(open_lab, SLOTS_RERUN, asked)
        with anyio.fail_after(20):
            graph: Backfill = first.graph
            while rows_of(graph)[GROUND].state != "done":  # the trace says so before the end
                await open_lab.app.runner.wait(TENANT, begun.job.id, seconds=0.02)
                graph = await open_lab.graph(first.chat)
        await open_lab.app.runner.cancel(TENANT, begun.job.id)
        assert (await open_lab.finish(begun.job)).status is JobStatus.CANCELLED
        graph = await open_lab.graph(first.chat)
        assert [rows_of(graph)[s].state for s in (GROUND, SPAN)] == ["done", "cancelled"]
        assert proven(graph) == proven(first.graph) | {ROSA}
        assert graph.summary_markdown == first.graph.summary_markdown
        assert graph.summary_stale


async def test_a_repeated_batch_joins_the_first_although_its_slots_are_done_now(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(*failing(GROUND))
        first = await open_lab.run(PUMP_LEAD)
        open_lab.twins.faults.clear()
        ran = await called(open_lab, SLOTS_RERUN, first.chat, model_ids=[GROUND])
        again = await called(open_lab, SLOTS_RERUN, first.chat, model_ids=[GROUND])
        assert again.job.id == ran.job.id


async def test_a_batch_that_was_interrupted_goes_on_where_it_was_and_counts_costs_once(
    tmp_path: Path,
) -> None:
    world = world_with_news(tmp_path / "world", rosa(GROUND, 2))
    async with lab(tmp_path, world) as open_lab:
        open_lab.twins.faults.add(*failing(GROUND, SPAN))
        first = await open_lab.run(PUMP_LEAD)
        open_lab.twins.faults.clear()
        open_lab.twins.faults.add(stalling(SPAN))
        asked = {"chat_session_id": first.chat, "model_ids": [SPAN, GROUND]}
        begun = await started(open_lab, SLOTS_RERUN, asked)
        with anyio.fail_after(20):
            while rows_of(await open_lab.graph(first.chat))[GROUND].state != "done":
                await open_lab.app.runner.wait(TENANT, begun.job.id, seconds=0.02)
    async with lab(tmp_path, world) as open_lab:
        job = await open_lab.finish(begun.job)
        assert job.status is JobStatus.DONE
        assert open_lab.bought() == [SPAN]
        graph = await open_lab.graph(first.chat)
        assert ROSA in proven(graph)
        rows = rows_of(graph)
        cost = graph.spent.vendor_usd_micros - first.graph.spent.vendor_usd_micros
        assert cost == rows[GROUND].cost_usd_micros + rows[SPAN].cost_usd_micros > 0
        assert graph.summary_stale
