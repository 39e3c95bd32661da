"""The load bench measures what it says: small runs of each part."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.crowd import company_code, write_crowd
from bench.load_chats import measure_chats
from bench.load_jobs import LEASE_TABLE, OURS_SQLITE, Engine, measure_engine, measure_replay
from data411_mcp.twins import load_world

HOOPS = Path(__file__).resolve().parent.parent.parent / "examples" / "worlds" / "hoops"


def test_no_two_companies_of_a_crowd_share_a_name_or_a_host(tmp_path: Path) -> None:
    leads = write_crowd(HOOPS, tmp_path / "world", 12, latency=0.0)
    assert len({lead["company"] for lead in leads}) == len({lead["domain"] for lead in leads}) == 12
    hosts = {host.name for host in (tmp_path / "world" / "sites").iterdir()}
    assert len(hosts) == 12 * len(list((HOOPS / "sites").iterdir()))
    load_world(tmp_path / "world")


def test_company_codes_do_not_repeat() -> None:
    assert len({company_code(number) for number in range(4900)}) == 4900


async def test_every_chat_of_a_crowd_is_run_to_its_end() -> None:
    measured = await measure_chats(HOOPS, chats=2, latency=0.0)
    assert measured["ours"]["chats"] == 2
    assert measured["ours"]["cpu_seconds_per_chat"] > 0


@pytest.mark.parametrize("engine", [OURS_SQLITE, LEASE_TABLE], ids=lambda e: e.name)
async def test_all_jobs_are_run_by_worker_processes(tmp_path: Path, engine: Engine) -> None:
    figures = await measure_engine(engine, str(tmp_path), jobs=6)
    assert all(figure > 0 for figure in figures.values())
    assert engine.remaining(str(tmp_path)) == 0


async def test_a_replay_gives_every_event_once_and_in_order(tmp_path: Path) -> None:
    assert (await measure_replay(str(tmp_path), 700))["events"] == 700
