"""Erasing a person also where jobs, prompts and steps speak of them, and keeping them out."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.adapters.tombstone_key import KEY_FILE, tombstone_key
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.errors import StoreError
from data411_mcp.services.erased_text import MASK, masked, tombstone
from data411_mcp.services.forgetting import Forgetting, Tombstones
from data411_mcp.services.payloads import FINDING_RERUN, SLOT_RERUN, SYNTHESIZE_PATCH
from data411_mcp.services.requests import PartialRequest
from tests.access.jobs_to_tell import HandClock, job_of
from tests.services.session_world import (
    HOOPS_LEAD,
    PUMP_LEAD,
    TENANT,
    Lab,
    lab,
    pump_world,
)

SECRET = b"k" * 32
PERSON = "Zoë Núñez"
MAIL = "zoe@alderpump.example"
PHONE = "+12125550142"
HASHES = frozenset(
    tombstone(SECRET, kind, value)
    for kind, value in (("name", PERSON), ("email", MAIL), ("phone", PHONE))
)


def left_over(store: Path, *marks: str) -> list[str]:
    """The values of the store, of any table, that hold one of the marks."""
    with closing(sqlite3.connect(store)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        rows = [r for (t,) in tables.fetchall() for r in database.execute(f"SELECT * FROM {t}")]  # noqa: S608
    cells = (c.decode("utf-8", "replace") if isinstance(c, bytes) else str(c)
             for row in rows for c in row)  # fmt: skip
    return [c for c in cells if any(mark in c.casefold() for mark in marks)]


# --- words -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Call Zoë Núñez today", f"Call {MASK} today"),
        ("NUNEZ, ZOE: owner?", f"{MASK}: owner?"),
        ("Zoe\u0308 Nu\u0301n\u0303ez", MASK),
        ("write to Zoe@AlderPump.example.", f"write to {MASK}."),
        ("ring (212) 555-0142 now", f"ring {MASK} now"),
        ("ring +1 212 555 0142 now", f"ring {MASK} now"),
        ("Zoë Núñez, office@alderpump.example", f"{MASK}, office@alderpump.example"),
        ("Owner <zoe@alderpump.example>", f"Owner <{MASK}>"),
        ("Zoë Núñez Zoë", MASK),  # either way round
        ("Zoë works with Nora Núñez", "Zoë works with Nora Núñez"),
        ("Rerun Hunt Forge", "Rerun Hunt Forge"),
        ("", ""),
    ],
)
def test_a_name_an_address_and_a_number_are_masked_and_the_rest_stays(text: str, left: str) -> None:
    assert masked(SECRET, HASHES, text) == left


@given(before=st.text(max_size=60), after=st.text(max_size=60))
def test_a_masked_text_names_nobody_who_was_erased(before: str, after: str) -> None:
    erased = Tombstones(SECRET, HASHES)
    assert not erased.mentions(erased.masked(f"{before} {PERSON} {after}"))


@given(st.text(max_size=120))
def test_a_text_that_names_nobody_stays_as_it_is(text: str) -> None:
    erased = Tombstones(SECRET, HASHES)
    if not erased.mentions(text):
        assert erased.masked(text) == text


# --- jobs --------------------------------------------------------------------------------------


async def forget(open_lab: Lab, person: str, tenant: str = TENANT) -> Mapping[str, int]:
    return await open_lab.app.leads.jobs.forgetting.forget(tenant, person)


@pytest.mark.parametrize(
    ("route", "more"),
    [(SLOT_RERUN, {"model_id": "data411-hunt-forge"}), (SYNTHESIZE_PATCH, {})],
)
async def test_a_new_request_that_names_the_erased_is_kept_and_told_without_the_name(
    tmp_path: Path, route: str, more: dict[str, Any]
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        ran = await open_lab.run(PUMP_LEAD)
        await forget(open_lab, "Nora Alder")
        before = len(open_lab.bought())
        payload = {
            "chat_session_id": ran.chat,
            "prompts": ["What does Nora Alder earn, and who owns the place?"],
            **more,
        }
        started = await open_lab.app.routes[route].start(TENANT, payload)
        again = await open_lab.app.routes[route].start(TENANT, payload)
        assert again.job.id == started.job.id
        job = await open_lab.finish(started.job)
        assert job.status is JobStatus.DONE
        assert json.loads(job.payload)["prompts"] == [
            f"What does {MASK} earn, and who owns the place?"
        ]
        asked = [e.json for e in open_lab.twins.calls("openrouter")][before:]
        assert asked
        assert "nora alder" not in json.dumps(asked).casefold()


async def test_jobs_of_every_route_lose_what_names_the_erased(tmp_path: Path) -> None:
    async with lab(tmp_path) as open_lab:
        ran = await open_lab.run(HOOPS_LEAD, prompts=["Is Brandon Keeler still there?"])
        store, clock = open_lab.app.store, HandClock()
        gone = [u.id for u in ran.graph.unmerged_candidates if "Keeler" in u.label]
        started = await open_lab.app.routes[FINDING_RERUN].start(
            TENANT, {"chat_session_id": ran.chat, "candidate_id": gone[0]}
        )
        assert (await open_lab.finish(started.job)).status is JobStatus.DONE
        kept = next(u.id for u in ran.graph.unmerged_candidates if u.value == "Curtis Vane")
        assert gone
        for number, candidate in enumerate([*gone, kept]):
            request = PartialRequest(
                lead=ran.graph.lead,
                candidate_id=candidate,
                prompts=("Look into Brandon Keeler.", "Look again."),
            )
            await store.add_job(
                job_of(
                    clock,
                    TENANT,
                    id=f"ffff{number:028x}",
                    route=FINDING_RERUN,
                    chat_session_id=ran.chat,
                    payload=request.model_dump_json(),
                    status=JobStatus.DONE,
                    result=json.dumps({"version": 3, "candidate_id": candidate}),
                )
            )
        await forget(open_lab, "Brandon Keeler")
        jobs = [j for j in await store.jobs_of_chat(TENANT, ran.chat) if j.id.startswith("f" * 4)]
        payloads = [json.loads(j.payload) for j in jobs]
        assert [p["candidate_id"] for p in payloads] == ["erased"] * len(gone) + [kept]
        results = [json.loads(j.result or "{}") for j in jobs]
        assert [r["candidate_id"] for r in results] == [""] * len(gone) + [kept]
        assert all(p["prompts"] == [f"Look into {MASK}.", "Look again."] for p in payloads)
    assert left_over(tmp_path / "data" / "data411.sqlite3", "keeler", *gone) == []


async def test_a_live_job_is_no_longer_found_by_the_erased_persons_lead_key(tmp_path: Path) -> None:
    async with SqliteStore.open(tmp_path / "store.sqlite3") as store:
        clock = HandClock()
        lead = {"dm_name": "Nora Alder", "company": "Alder Pump Works", "city": "Columbus"}
        key = "company:alder pump works|columbus|us|nora alder"
        await store.add_job(
            job_of(clock, lead_key=key, opener_key=key, payload=json.dumps({"lead": lead}))
        )
        await Forgetting(store, clock, SECRET).forget("acme", "Nora Alder")
    assert left_over(tmp_path / "store.sqlite3", "nora") == []


STEPS: dict[str, Any] = {
    "slot:data411-hunt-forge": {
        "findings": [
            {"value": "Zoë Núñez", "quote": "…"},
            {"value": "Owner", "quote": "Our owner,\nZoë Núñez, will help"},
            {"value": "Jonas Reed", "quote": "Jonas Reed mends pumps"},
        ],
        "degraded": [],
    },
    "synthesis": {
        "graph": "f" * 64,
        "text": "# Alder Pump Works\n- Owner: Zoë Núñez\n- Workshop: Jonas Reed",
        "cost": 1200,
    },
    "verdict": ["merged", {"label": "Zoë Núñez: Owner"}],
    "refreshed": "2026-11-20T00:00:00+00:00",
}


async def test_the_steps_of_an_unfinished_job_lose_what_names_the_erased(tmp_path: Path) -> None:
    """Whatever form a step has, and although JSON text hides accents and line breaks."""
    async with SqliteStore.open(tmp_path / "store.sqlite3") as store:
        clock = HandClock()
        job = await store.add_job(job_of(clock))
        for step, outcome in STEPS.items():
            text = outcome if isinstance(outcome, str) else json.dumps(outcome)
            await store.checkpoint(job.id, step, text, now=clock.now())
        await Forgetting(store, clock, SECRET).forget("acme", PERSON)
        left = dict(await store.checkpoints(job.id))
    assert json.loads(left["slot:data411-hunt-forge"])["findings"] == [
        {"value": "Jonas Reed", "quote": "Jonas Reed mends pumps"}
    ]
    assert json.loads(left["synthesis"]) == {
        "graph": "",  # of a graph that is no more: it is written anew
        "text": "# Alder Pump Works\n- Workshop: Jonas Reed",
        "cost": 1200,
    }
    assert json.loads(left["verdict"]) == ["merged", {"label": ""}]
    assert left["refreshed"] == STEPS["refreshed"]


# --- the key of the hashes -----------------------------------------------------------------------


async def test_the_key_moves_from_its_file_into_the_store(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_bytes(SECRET)
    async with SqliteStore.open(tmp_path / "store.sqlite3") as store:
        assert await tombstone_key(store, tmp_path) == SECRET
        (tmp_path / KEY_FILE).unlink()
        assert await tombstone_key(store, tmp_path) == SECRET


async def test_hosts_that_share_a_store_share_the_key(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
    (other / KEY_FILE).write_bytes(b"o" * 32)
    async with SqliteStore.open(tmp_path / "store.sqlite3") as store:
        key = await tombstone_key(store, one)
        assert len(key) == 32
        assert await tombstone_key(store, other) == key


async def test_a_key_that_cannot_be_read_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).mkdir()
    async with SqliteStore.open(tmp_path / "store.sqlite3") as store:
        with pytest.raises(StoreError):
            await tombstone_key(store, tmp_path)
        assert await store.secret("tombstone", SECRET) == SECRET  # there was none yet


async def test_who_was_erased_under_the_file_stays_erased(tmp_path: Path) -> None:
    clock = HandClock()
    (tmp_path / KEY_FILE).write_bytes(SECRET)
    async with SqliteStore.open(tmp_path / "store.sqlite3") as store:
        await store.forget("acme", sorted(HASHES), clock.now() - timedelta(days=400))
        forgetting = Forgetting(store, clock, await tombstone_key(store, tmp_path))
        assert (await forgetting.tombstones("acme")).mentions(f"Ask {PERSON}.")
        assert not (await forgetting.tombstones("rival")).mentions(f"Ask {PERSON}.")
