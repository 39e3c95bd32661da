"""Corrections, findings of the calling agent, and erasing a person: between and during runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from data411_mcp.adapters.clock import SystemClock
from data411_mcp.adapters.tombstone_key import tombstone_key
from data411_mcp.app import forget_person, purge_expired
from data411_mcp.domain.merge import statements_of
from data411_mcp.errors import InvalidArgument, NotFound
from data411_mcp.services.forgetting import Forgetting
from data411_mcp.services.graph_edits import NOT_IN_TIME, SubmittedFinding
from tests.services.session_world import (
    PUMP_LEAD,
    TENANT,
    Lab,
    lab,
    proven,
    pump_world,
    settings_of,
    statement,
    until,
    write_site,
)

DEEP = "data411-hunt-deep"
HOME = "https://alderpump.example/"


def finding(**fields: str) -> SubmittedFinding:
    return SubmittedFinding.model_validate(fields)


async def test_a_finding_on_the_companys_own_site_is_fetched_and_proven(tmp_path: Path) -> None:
    world = pump_world(tmp_path / "world")
    write_site(
        world,
        "alderpump.example",
        parts="<html><body><h1>Spare parts</h1><p>For spare parts of Alder Pump Works write to "
        "parts@alderpump.example and say which pump you have. We answer the same day, and send "
        "what we have in stock by the next morning's post.</p></body></html>",
    )
    async with lab(tmp_path, world) as open_lab:
        chat = (await open_lab.run(PUMP_LEAD)).chat
        mail = finding(
            field="email",
            value="parts@alderpump.example",
            url=HOME + "parts",
            quote="write to parts@alderpump.example",
        )
        graph, (verdict,) = await open_lab.app.edits.submit(TENANT, chat, [mail])
        assert (verdict.value, verdict.status) == ("parts@alderpump.example", "proven")
        assert graph.summary_stale
        row = next(r for r in graph.tool_trace.parallel_results if r.model_id == "data411-agent")
        assert (row.state, row.added, row.proven) == ("done", 1, 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"url": HOME, "value": "+1 614 555 0177", "quote": "Phone: (614) 555-0177"},
        {"url": "https://no-such-host.example/", "value": "+1 614 555 0177"},
        {"url": "http://169.254.169.254/latest", "value": "+1 614 555 0177"},
        {"url": "https://look-alike.example/", "value": "+1 614 555 0177",
         "quote": "Call Alder Pump Works at (614) 555-0177"},
    ],
)  # fmt: skip
async def test_a_finding_that_only_the_caller_vouches_for_is_never_proven(
    tmp_path: Path, fields: Mapping[str, str]
) -> None:
    world = pump_world(tmp_path / "world")
    write_site(
        world,
        "look-alike.example",
        index="<html><body><h1>Alder Pump Works</h1><p>Call Alder Pump Works at (614) 555-0177. "
        "We are the only place for pumps in Columbus, Ohio, whatever else you may have read "
        "about pumps and about us elsewhere on the web.</p></body></html>",
    )
    async with lab(tmp_path, world) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        graph, (verdict,) = await open_lab.app.edits.submit(
            TENANT, first.chat, [finding(field="phone", **fields)]
        )
        assert verdict.status in {"held_back", "unproven"}
        assert verdict.reason
        assert ("phone", "+16145550177") not in proven(graph)
        anchors = {a.value for a in graph.identity.anchors}
        assert anchors == {a.value for a in first.graph.identity.anchors}
        assert [e for e in open_lab.twins.log if e.host == "169.254.169.254"] == []


async def test_findings_and_corrections_of_an_unknown_chat_are_not_found(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        chat = (await open_lab.run(PUMP_LEAD)).chat
        phone = finding(field="phone", value="+1 614 555 0111", url=HOME)
        for tenant, asked in ((TENANT, "0" * 32), ("another", chat)):
            with pytest.raises(NotFound):
                await open_lab.app.edits.submit(tenant, asked, [phone])
            with pytest.raises(NotFound):
                await open_lab.app.edits.correct(
                    tenant, asked, action="add", field_name="phone", value="+1 614 555 0111"
                )


async def test_a_correction_outranks_what_machines_say(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        ran = await open_lab.run(PUMP_LEAD)
        wrong = statement(ran.graph, "office@alderpump.example")
        await open_lab.app.edits.correct(
            TENANT, ran.chat, action="replace", statement=wrong.id, value="desk@alderpump.example"
        )
        again = await open_lab.run(None, chat_session_id=ran.chat,
                                   prompts=["Run data411-site again."])  # fmt: skip
        assert ("email_address", "desk@alderpump.example") in proven(again.graph)
        assert ("email_address", "office@alderpump.example") not in proven(again.graph)
        assert "desk@alderpump.example" in again.graph.summary_markdown


@pytest.mark.parametrize(
    ("field_name", "value"), [("phone", "12"), ("email", "not a mail"), ("shoe_size", "44")]
)
async def test_a_correction_that_is_no_such_value_is_refused(
    tmp_path: Path, field_name: str, value: str
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        chat = (await open_lab.start(PUMP_LEAD)).job.chat_session_id
        with pytest.raises(InvalidArgument):
            await open_lab.app.edits.correct(
                TENANT, chat, action="add", field_name=field_name, value=value
            )


async def test_a_correction_during_a_run_is_kept_by_the_run(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(
            {"vendor": "openrouter", "slot": DEEP, "nth": 1, "fault": {"kind": "stall"}}
        )
        started = await open_lab.start(PUMP_LEAD)
        chat = started.job.chat_session_id
        await until(lambda: DEEP in open_lab.bought())
        graph = await open_lab.graph(chat)
        wrong = statement(graph, "office@alderpump.example")
        await open_lab.app.edits.correct(TENANT, chat, action="reject", statement=wrong.id)
        await open_lab.app.edits.correct(
            TENANT, chat, action="add", field_name="phone", value="+1 614 555 0188"
        )
        await open_lab.app.runner.retry_slot(TENANT, started.job.id, DEEP)
        await open_lab.finish(started.job)
        graph = await open_lab.graph(chat)
        assert ("phone", "+16145550188") in proven(graph)
        assert ("email_address", "office@alderpump.example") not in proven(graph)


async def forget(open_lab: Lab, tmp_path: Path, person: str) -> Mapping[str, int]:
    """As `data411-mcp forget` does, on the store of the open lab."""
    secret = await tombstone_key(open_lab.app.store, tmp_path / "data")
    return await Forgetting(open_lab.app.store, SystemClock(), secret).forget(TENANT, person)


def cells(store: Path) -> Iterator[str]:
    """Every value of every table, as text."""
    with closing(sqlite3.connect(store)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            for row in database.execute(f"SELECT * FROM {table}"):  # noqa: S608
                for cell in row:
                    yield cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)


def names(graph_json: str) -> bool:
    return "nora" in graph_json.casefold()


async def test_an_erased_person_is_gone_from_graph_summary_and_pages(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        ran = await open_lab.run(PUMP_LEAD)
        assert names(ran.graph.model_dump_json())
        counts = await forget(open_lab, tmp_path, "Nora Alder")
        assert counts["graphs"] == 1
        assert counts["pages"] >= 1
        assert not names((await open_lab.graph(ran.chat)).model_dump_json())
        pages = await open_lab.app.store.pages_to_scan(TENANT)
        assert pages
        assert not any(names(page.text) for page in pages)
    # Nowhere in the store: not in an anchor, a gap's text, a checkpoint or an event either.
    assert not [cell for cell in cells(tmp_path / "data" / "data411.sqlite3") if names(cell)]


async def test_an_erased_person_does_not_come_back(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        ran = await open_lab.run(PUMP_LEAD)
        await forget(open_lab, tmp_path, "Nora Alder")
        for wish in (
            {"prompts": ["Run data411-site again."]},
            {"prompts": ["Who owns it?"]},
            {"refresh": True},
        ):
            again = await open_lab.run(None, chat_session_id=ran.chat, **wish)
            assert not names(again.graph.model_dump_json()), wish
        graph, _ = await open_lab.app.edits.submit(
            TENANT,
            ran.chat,
            [finding(field="person", value="Nora Alder", url=HOME + "team", title="Owner")],
        )
        assert not names(graph.model_dump_json())
        other = await open_lab.run({**PUMP_LEAD, "contact_id": 502})
        assert not names(other.graph.model_dump_json())


async def test_an_erased_person_is_gone_from_the_archived_graphs_too(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        ran = await open_lab.run(PUMP_LEAD)
        row = await open_lab.app.store.session(TENANT, ran.chat)
        assert row is not None
        await open_lab.run(None, chat_session_id=ran.chat, refresh=True)
        await forget(open_lab, tmp_path, "Nora Alder")
        kept = await open_lab.app.store.archived_backfill(TENANT, ran.chat, row.version)
        assert kept is None or not names(kept)


async def test_a_person_erased_during_a_run_is_not_in_its_result(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(
            {"vendor": "openrouter", "slot": DEEP, "nth": 1, "fault": {"kind": "stall"}}
        )
        started = await open_lab.start(PUMP_LEAD)
        await until(lambda: DEEP in open_lab.bought())
        await forget(open_lab, tmp_path, "Nora Alder")
        await open_lab.app.runner.retry_slot(TENANT, started.job.id, DEEP)
        await open_lab.finish(started.job)
        graph = await open_lab.graph(started.job.chat_session_id)
        assert not names(graph.model_dump_json())
        assert ("person", "Jonas Reed") in proven(graph)


async def test_an_erased_number_takes_its_owner_along(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        ran = await open_lab.run(PUMP_LEAD)
        await forget(open_lab, tmp_path, "nora.alder@alderpump.example")
        graph = await open_lab.graph(ran.chat)
        assert not names(graph.model_dump_json())
        assert ("phone", "+16145550111") in proven(graph)


def test_the_command_line_forgets_on_a_store_nobody_has_open(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "data", tmp_path / "twins.json")
    assert forget_person(settings, "Nora Alder") == {"graphs": 0, "pages": 0, "icp": 0}
    with pytest.raises(InvalidArgument):
        forget_person(settings, "Nora")
    assert set(purge_expired(settings).values()) == {0}


async def test_what_is_past_its_retention_is_purged_and_the_rest_stays(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        ran = await open_lab.run(PUMP_LEAD)
        store, now = open_lab.app.store, datetime.now(UTC)
        past, future = now - timedelta(days=1), now + timedelta(days=1)
        kept = await store.purge(now=past, pages_before=past, graphs_before=past, jobs_before=past)
        assert set(kept.values()) == {0}
        assert (await open_lab.graph(ran.chat)).contacts
        gone = await store.purge(
            now=future, pages_before=future, graphs_before=past, jobs_before=past
        )
        assert sum(gone.values()) > 0
        assert not await store.pages_to_scan(TENANT)
        assert statements_of(await open_lab.graph(ran.chat))
        await store.purge(now=future, pages_before=future, graphs_before=future, jobs_before=future)
        with pytest.raises(NotFound):
            await open_lab.graph(ran.chat)


async def test_what_could_not_be_read_in_time_is_said_so_and_stays_out(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        chat = (await open_lab.run(PUMP_LEAD)).chat
        hurried = replace(open_lab.app.edits, read_deadline_seconds=0.0)
        phone = finding(field="phone", value="+1 614 555 0133", url=HOME + "team", quote="0133")
        before = await open_lab.graph(chat)
        graph, (verdict,) = await hurried.submit(TENANT, chat, [phone])
        assert (verdict.status, verdict.reason) == ("held_back", NOT_IN_TIME)
        assert {s.id for s in statements_of(graph)} == {s.id for s in statements_of(before)}
        assert graph.unmerged_candidates == before.unmerged_candidates
