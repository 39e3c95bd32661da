"""What a caller is told while a run is under way, and which call comes next after it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from data411_mcp.domain.graph import Backfill, Gap, SlotRow, ToolTrace
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.domain.lead import Lead
from data411_mcp.domain.slots import DEEP, FORGE, SLOTS, SWIFT
from data411_mcp.errors import ChatBusy
from data411_mcp.services.answers import next_call
from data411_mcp.services.payloads import (
    FINDING_RERUN,
    LEAD_SESSION,
    SLOT_RERUN,
    SLOTS_RERUN,
    SYNTHESIZE_PATCH,
)
from tests.services.follow_ups import started
from tests.services.session_world import TENANT, lab, pump_world, until, write_rows

CHAT = "5e55104bad0c4e7a9c31d2f6a8b07e19"
NOW = datetime(2026, 1, 2, tzinfo=UTC)
FREE_VENDORS = ("gleif", "edgar", "wikidata", "rdap", "tavily", "jina_reader", "web")
ASKED: dict[str, dict[str, Any]] = {
    SLOT_RERUN: {"model_id": FORGE},
    SLOTS_RERUN: {"model_ids": [FORGE, DEEP]},
    SYNTHESIZE_PATCH: {},
    FINDING_RERUN: {"candidate_id": "0123456789abcdef"},
}


async def test_while_a_first_run_has_no_graph_yet_every_follow_up_waits_for_it(
    tmp_path: Path,
) -> None:
    world = pump_world(tmp_path / "world")
    hangs = {"kind": "delay", "seconds": 600}
    write_rows(world / "faults.jsonl", *({"vendor": v, "fault": hangs} for v in FREE_VENDORS))
    async with lab(tmp_path, world) as open_lab:
        first = (await open_lab.start({"company": "Alder Pump Works", "city": "Columbus"})).job
        chat = first.chat_session_id
        await until(lambda: bool(open_lab.twins.log))
        row = await open_lab.app.store.session(TENANT, chat)
        assert row is not None
        assert row.backfill is None
        for route, payload in ASKED.items():
            with pytest.raises(ChatBusy) as refused:
                await started(open_lab, route, {"chat_session_id": chat, **payload})
            assert f'wait_enrich_job(job_id="{first.id}")' in refused.value.hint
        await open_lab.app.runner.cancel(TENANT, first.id)


def row(slot: str, state: str) -> SlotRow:
    return SlotRow(model_id=slot, label=SLOTS[slot].label, provider="", state=state, findings=0)


def graph(*rows: SlotRow) -> Backfill:
    call = {"tool": "rerun_hunt_slot", "arguments": {"chat_session_id": CHAT, "model_id": SWIFT}}
    gap = Gap(id="g1", kind="missing", field="phone", text="Find a phone.", slot=SWIFT,
              price_cents=35, call=call)  # fmt: skip
    return Backfill(
        chat_session_id=CHAT,
        lead=Lead(company="Alder Pump Works"),
        tool_trace=ToolTrace(parallel_results=rows),
        gaps=(gap,),
    )


def done(route: str = LEAD_SESSION, payload: str = "{}") -> Job:
    return Job(id="j", tenant=TENANT, route=route, chat_session_id=CHAT, lead_key="k",
               payload=payload, status=JobStatus.DONE, created_at=NOW, updated_at=NOW,
               idempotency_key="i")  # fmt: skip


def test_a_slot_that_failed_comes_before_any_gap() -> None:
    told = next_call(graph(row(FORGE, "error"), row(SWIFT, "done")), done())
    assert told.startswith("rerun_hunt_slot(")
    assert FORGE in told


def test_several_slots_that_failed_are_run_in_one_job() -> None:
    told = next_call(graph(row(FORGE, "error"), row(DEEP, "pending"), row(SWIFT, "done")), done())
    assert told.startswith("submit_enrich_job(")
    assert SLOTS_RERUN in told
    assert FORGE in told
    assert DEEP in told


def test_what_the_job_has_just_tried_is_not_asked_for_again() -> None:
    tried = done(SLOT_RERUN, f'{{"slots": ["{FORGE}"]}}')
    told = next_call(graph(row(FORGE, "error"), row(SWIFT, "done")), tried)
    assert SWIFT in told
    assert FORGE not in told


def test_with_nothing_failed_the_first_gap_comes_next() -> None:
    assert SWIFT in next_call(graph(row(FORGE, "done"), row(SWIFT, "done")), done())
