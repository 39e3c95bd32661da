"""A lead that moved to another company, a run that was ended early, a person to be forgotten."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from data411_mcp.adapters.clock import SystemClock
from data411_mcp.adapters.tombstone_key import tombstone_key
from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.graph import Backfill, SlotRow, ToolTrace
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.domain.lead import Lead
from data411_mcp.domain.slots import DEEP, FORGE, SITE, SLOTS, SlotState
from data411_mcp.errors import InvalidLead
from data411_mcp.services.closing import closed_graph
from data411_mcp.services.forgetting import Forgetting
from tests.services.session_world import (
    PUMP_LEAD,
    TENANT,
    Lab,
    lab,
    proven,
    pump_world,
    rows_of,
    until,
    write_rows,
    write_site,
)

WELL_LEAD = {**PUMP_LEAD, "company": "Birch Well Drilling", "domain": "birchwell.example",
             "city": "Dayton"}  # fmt: skip
WELL_HOME = """<html lang="en"><head><title>Birch Well Drilling | Dayton, Ohio</title></head><body>
<h1>Birch Well Drilling</h1>
<p>Birch Well Drilling drills wells for houses, farms and small works in and around Dayton, Ohio.
We bring our own water tank, and we leave the yard as we found it when the work is done.</p>
<p>Phone: (937) 555-0122</p>
<footer>Birch Well Drilling, 4 Mill Street, Dayton, OH 45402</footer></body></html>
"""
STALL = {"vendor": "openrouter", "slot": DEEP, "nth": 1, "fault": {"kind": "stall"}}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


def two_companies(world: Path) -> Path:
    pump_world(world)
    write_site(world, "birchwell.example", index=WELL_HOME)
    write_rows(
        world / "dns.jsonl",
        {"name": "alderpump.example", "type": "MX", "values": ["10 mx.alderpump.example."]},
        {"name": "birchwell.example", "type": "MX", "values": ["10 mx.birchwell.example."]},
    )
    return world


def domains(graph: Backfill) -> set[str]:
    return {a.value for a in graph.identity.anchors if a.kind == "domain"}


def cells(store: Path) -> Iterator[str]:
    """Every value of every table, as text."""
    with closing(sqlite3.connect(store)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            for stored in database.execute(f"SELECT * FROM {table}"):  # noqa: S608
                for cell in stored:
                    yield cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)


# --- a new export ------------------------------------------------------------------------------


async def test_an_export_that_moves_the_lead_starts_an_empty_graph_of_the_other_company(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, two_companies(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        await open_lab.app.edits.correct(
            TENANT, first.chat, action="add", field_name="phone", value="+1 614 555 0188"
        )
        ran = await open_lab.run(WELL_LEAD, chat_session_id=first.chat, crm_export=True)
        assert ran.job.status is JobStatus.DONE
        assert ran.graph.lead == Lead.model_validate(WELL_LEAD)
        assert domains(ran.graph) == {"birchwell.example"}
        facts = proven(ran.graph)
        assert ("phone", "+19375550122") in facts
        assert ("phone", "+16145550111") not in facts
        assert ("phone", "+16145550188") in facts  # a person's word
        assert "Nora Alder" not in ran.graph.model_dump_json(exclude={"summary_history"})
        versions = await open_lab.app.store.archived_versions(TENANT, first.chat)
        archived = await open_lab.app.store.archived_backfill(TENANT, first.chat, versions[-1])
        assert archived is not None
        assert "Nora Alder" in archived


async def test_a_choice_among_the_companies_of_the_old_lead_does_not_count_for_the_new_one(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, two_companies(tmp_path / "world")) as open_lab:
        chat = (await open_lab.run(PUMP_LEAD)).chat
        await open_lab.app.store.set_identity_choice(TENANT, chat, "none", SystemClock().now())
        ran = await open_lab.run(WELL_LEAD, chat_session_id=chat, crm_export=True)
        assert ran.graph.identity.decision == "clear"
        row = await open_lab.app.store.session(TENANT, chat)
        assert row is not None
        assert row.identity_choice is None
        assert row.lead_key == ran.job.lead_key


async def test_an_export_that_moves_the_lead_ends_the_run_of_the_old_one(tmp_path: Path) -> None:
    async with lab(tmp_path, two_companies(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(STALL)
        first = await open_lab.start(PUMP_LEAD)
        await until(lambda: DEEP in open_lab.bought())
        ran = await open_lab.run(WELL_LEAD, chat_session_id=first.job.chat_session_id,
                                 crm_export=True)  # fmt: skip
        old = await open_lab.app.store.job(TENANT, first.job.id)
        assert old is not None
        assert old.status is JobStatus.CANCELLED
        assert ran.job.id != first.job.id
        assert domains(ran.graph) == {"birchwell.example"}
        assert ("phone", "+16145550111") not in proven(ran.graph)


async def test_an_export_with_only_another_contact_person_keeps_the_graph(tmp_path: Path) -> None:
    async with lab(tmp_path, two_companies(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        ran = await open_lab.run(
            {**PUMP_LEAD, "dm_name": "Jonas Reed"}, chat_session_id=first.chat, crm_export=True,
            prompts=["Resynthesize."],
        )  # fmt: skip
        assert proven(ran.graph) == proven(first.graph)
        assert await open_lab.app.store.archived_versions(TENANT, first.chat) == ()


# --- a run that was ended early ------------------------------------------------------------------


async def test_a_cancelled_run_leaves_no_open_slot_and_tells_what_it_found(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(STALL)
        started = await open_lab.start(PUMP_LEAD)
        chat = started.job.chat_session_id
        await until(lambda: DEEP in open_lab.bought())
        with anyio.fail_after(20):
            while rows_of(await open_lab.graph(chat)).get(DEEP) is None:  # noqa: ASYNC110
                await anyio.sleep(0.01)
        await open_lab.app.runner.cancel(TENANT, started.job.id)
        job = await open_lab.finish(started.job)
        assert job.status is JobStatus.CANCELLED
        graph = await open_lab.graph(chat)
        rows = rows_of(graph)
        assert (rows[DEEP].state, rows[DEEP].reason) == ("cancelled", "cancelled")
        assert not [r for r in rows.values() if r.state in ("pending", "running")]
        assert "614" in graph.summary_markdown
        assert "synthesis" not in open_lab.bought()


async def test_after_a_cancelled_first_run_the_same_call_runs_everything(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(STALL)
        started = await open_lab.start(PUMP_LEAD, chat_session_id="chat-1")
        await until(lambda: DEEP in open_lab.bought())
        await open_lab.app.runner.cancel(TENANT, started.job.id)
        await open_lab.finish(started.job)
        ran = await open_lab.run(PUMP_LEAD, chat_session_id="chat-1")
        assert ran.job.status is JobStatus.DONE
        assert ran.rows[DEEP].state in ("done", "repetition")
        assert "synthesis" in open_lab.bought()


async def test_a_job_cancelled_while_nobody_works_on_it_is_closed_too(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        ran = await open_lab.run(PUMP_LEAD)
        row = await open_lab.app.store.session(TENANT, ran.chat)
        assert row is not None
        rows = tuple(
            r.model_copy(update={"state": "running"}) if r.model_id == DEEP else r
            for r in ran.graph.tool_trace.parallel_results
        )
        left = ran.graph.model_copy(
            update={"tool_trace": ToolTrace(parallel_results=rows), "summary_markdown": ""}
        )
        await open_lab.app.store.save_backfill(
            TENANT, ran.chat, left.model_dump_json(by_alias=True), expected_version=row.version,
            at=SystemClock().now(),
        )  # fmt: skip
        nothing_bought = replace(ran.job, id="died-before-its-first-slot")
        await open_lab.app.leads.close(nothing_bought, JobStatus.ERROR, "attempts_exhausted")
        graph = await open_lab.graph(ran.chat)
        assert rows_of(graph)[DEEP].state == "error"
        assert rows_of(graph)[DEEP].reason == "attempts_exhausted"
        assert graph.summary_markdown
        before = await open_lab.app.store.session_version(TENANT, ran.chat)
        await open_lab.app.leads.close(nothing_bought, JobStatus.ERROR, "attempts_exhausted")
        assert await open_lab.app.store.session_version(TENANT, ran.chat) == before


def test_closing_leaves_finished_slots_as_they_are() -> None:
    rows = tuple(
        SlotRow(model_id=s, label=SLOTS[s].label, provider="p", state=state)
        for s, state in ((SITE, "done"), (FORGE, "running"), (DEEP, "pending"))
    )
    graph = Backfill(chat_session_id="c", lead=Lead(company="Alder Pump Works"),
                     tool_trace=ToolTrace(parallel_results=rows))  # fmt: skip
    closed = closed_graph(graph, SlotState.ERROR, "deadline_exceeded", at="2026-01-02T00:00:00Z",
                          offers={})  # fmt: skip
    states = {r.model_id: (r.state, r.reason) for r in closed.tool_trace.parallel_results}
    assert states == {
        SITE: ("done", ""),
        FORGE: ("error", "deadline_exceeded"),
        DEEP: ("error", "deadline_exceeded"),
    }
    assert closed.summary_markdown
    again = closed_graph(closed, SlotState.ERROR, "deadline_exceeded", at="later",
                         offers={})  # fmt: skip
    assert again == closed


# --- a person to be forgotten --------------------------------------------------------------------

NAMED_LEAD = {
    **PUMP_LEAD,
    "dm_name": "Ms. Nora Alder",
    "number1": "(614) 555-0111",
    "number2": "(614) 555-0133",
    "search_variants": ["Nora Alder pumps", "pump works"],
}


async def forgetting(open_lab: Lab, tmp_path: Path) -> Forgetting:
    secret = await tombstone_key(open_lab.app.store, tmp_path / "data")
    return Forgetting(open_lab.app.store, SystemClock(), secret)


async def test_an_erased_person_is_gone_from_leads_jobs_and_seeds(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        ran = await open_lab.run(NAMED_LEAD, prompts=["Does Nora Alder own it?"])
        newer = {**NAMED_LEAD, "dm_name": "Nora Alder", "zip": "43215"}
        await open_lab.run(newer, chat_session_id=ran.chat, crm_export=True,
                           prompts=["Resynthesize."])  # fmt: skip
        # Events hold no personal data; should one do so after all, it is found.
        told = ProgressEvent(name=EventName.PAGE_READ, message="Read Nora Alder's page.")
        await open_lab.app.store.append_event(ran.job.id, told)
        await (await forgetting(open_lab, tmp_path)).forget(TENANT, "Nora Alder")
        row = await open_lab.app.store.session(TENANT, ran.chat)
        assert row is not None
        lead = json.loads(row.lead)
        assert lead["dm_name"] is None
        assert lead["search_variants"] == ["pump works"]
        assert lead["number1"] == "(614) 555-0111"
        assert (await open_lab.graph(ran.chat)).lead.dm_name is None
    left = [cell for cell in cells(tmp_path / "data" / "data411.sqlite3") if "nora" in cell.lower()]
    assert left == []


async def test_the_next_run_does_not_search_for_the_erased(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        ran = await open_lab.run(NAMED_LEAD)
        await (await forgetting(open_lab, tmp_path)).forget(TENANT, "Nora Alder")
        before = len(open_lab.bought())
        again = await open_lab.run(NAMED_LEAD, chat_session_id=ran.chat,
                                   prompts=["Run Hunt Forge again."])  # fmt: skip
        assert again.started.notices == ()
        assert open_lab.bought()[before:] == [FORGE, "synthesis"]
        assert "Nora" not in open_lab.prompt_of(FORGE)
        other = await open_lab.run({**NAMED_LEAD, "contact_id": 502})
        assert other.graph.lead.dm_name is None
        assert "nora" not in other.job.payload.casefold()


async def test_an_erased_number_is_gone_from_the_lead(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        ran = await open_lab.run(NAMED_LEAD)
        await (await forgetting(open_lab, tmp_path)).forget(TENANT, "+1 614 555 0133")
        lead = (await open_lab.graph(ran.chat)).lead
        assert lead.number2 is None
        assert lead.number1 == "(614) 555-0111"
        job = await open_lab.app.store.job(TENANT, ran.job.id)
        assert job is not None
        assert "555-0133" not in job.payload


async def test_what_a_waiting_slot_found_of_the_erased_leaves_its_checkpoint(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(STALL)
        started = await open_lab.start(PUMP_LEAD)
        store = open_lab.app.store
        with anyio.fail_after(20):
            while f"slot:{FORGE}" not in await store.checkpoints(started.job.id):  # noqa: ASYNC110
                await anyio.sleep(0.01)
        assert "Sandoval" in (await store.checkpoints(started.job.id))[f"slot:{FORGE}"]
        await (await forgetting(open_lab, tmp_path)).forget(TENANT, "Milo Sandoval")
        assert "Sandoval" not in json.dumps(dict(await store.checkpoints(started.job.id)))
        await open_lab.app.runner.cancel(TENANT, started.job.id)
        await open_lab.finish(started.job)


async def test_a_lead_that_is_only_the_erased_person_is_refused(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        await (await forgetting(open_lab, tmp_path)).forget(TENANT, "Nora Alder")
        with pytest.raises(InvalidLead):
            await open_lab.start({"dm_name": "Nora Alder", "city": "Columbus", "state": "OH"})
