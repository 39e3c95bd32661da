"""The whole pipeline in processes that are killed with -9, one after the other, between its steps
and inside them: one mail, one lead in the CRM for each company, no company lost or bought twice,
the customer charged once."""

from __future__ import annotations

import json
import multiprocessing
import signal
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import anyio.to_thread
import psycopg
import pytest
from pydantic import SecretStr

from data411_mcp.app import open_services
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.domain.ledger import Balances
from data411_mcp.services.icp.parts import NEXT_CHAT
from data411_mcp.services.icp.run import IcpRunRoute
from data411_mcp.twins import load_world, running_twins
from data411_mcp.twins.odoo import OdooTwin, running_odoo
from data411_mcp.twins.serve import Twins
from data411_mcp.twins.smtp_server import SmtpTwin, running_smtp
from tests.faults import route_child
from tests.icp import icp_child
from tests.icp.icp_child import AFTER, BEFORE, THREAD, Case, Point, newest, unfinished
from tests.icp.pipeline_world import KEYS, NAMELESS, mailbox_of, pipeline_world, slug_of
from tests.icp.world import icp_run
from tests.postgres import fresh_database
from tests.services.session_world import TENANT

SQLITE, POSTGRES = "sqlite", "postgres"
SECONDS = 240.0
CHILD_SECONDS = 90.0
TO = "sales@palmridge.example"
CENTS, CREDIT_CENTS = 35, 2_000
LAPSED = "UPDATE jobs SET lease_until = 0, attempt = 0 WHERE status = 'running'"
CHAINS = 8

# Where the processes of one run die, in about the order in which it comes there.
SOME: dict[str, tuple[Point, ...]] = {
    SQLITE: (
        Point(AFTER, "step evidence"),
        Point(BEFORE, "step plan"),
        Point(BEFORE, "call dataset"),  # the LinkedIn vendor was at work
        Point(BEFORE, "step company:*:apify", 6),
        Point(AFTER, "step company:*.example", 3),
        Point(BEFORE, "step scoring"),
        Point(AFTER, "mail"),
        Point(AFTER, "crm crm.lead", 4),
        Point(AFTER, "add icp/next40"),
        Point(AFTER, "finish"),
        Point(BEFORE, "next step company:*.example", 2),
        Point(AFTER, "next step crm:*"),
    ),
    POSTGRES: (
        Point(BEFORE, "step discovery"),
        Point(AFTER, "step decisions"),
        Point(AFTER, "put enriched *", 2),
        Point(AFTER, "call dataset"),
        Point(BEFORE, "step company:*.example", 2),
        Point(AFTER, "step scoring"),
        Point(BEFORE, "put delivery *"),
        Point(AFTER, "step email"),
        Point(BEFORE, "crm res.partner", 5),
        Point(BEFORE, "add icp/next40"),
        Point(BEFORE, "finish"),
        Point(AFTER, "next step company:*.example"),
    ),
}


@dataclass
class Stage:
    """The outside of a case, and the case."""

    case: Case
    twins: Twins
    smtp: SmtpTwin
    odoo: OdooTwin
    kind: str
    approved: bool = False


@asynccontextmanager
async def stage(tmp_path: Path, kind: str, points: tuple[Point, ...]) -> AsyncIterator[Stage]:
    with ExitStack() as stack:
        url = stack.enter_context(fresh_database()) if kind == POSTGRES else None
        async with (
            running_twins(
                load_world(pipeline_world(tmp_path / "market")), rate_limits=False
            ) as twins,
            running_smtp() as smtp,
            running_odoo("19.0") as odoo,
        ):
            twins.address.write(tmp_path / "twins.json")
            given: dict[str, Any] = {
                **KEYS,
                "smtp_host": "127.0.0.1",
                "smtp_port": smtp.port,
                "smtp_starttls": "off",
                "notify_recipients": {TENANT: [TO]},
                "odoo_url": odoo.url,
                "odoo_db": odoo.database,
                "odoo_api_key": odoo.key,
                "billing": "on",
                **({"database_url": SecretStr(url)} if url else {}),
            }
            yield Stage(Case(tmp_path, tmp_path / "twins.json", given, points),
                        twins, smtp, odoo, kind)  # fmt: skip


async def hand_in(stage: Stage) -> None:
    async with open_services(stage.case.settings, works=False) as app:
        await app.accounts.credit(TENANT, CREDIT_CENTS, "start", "")
        await _route(app).jobs.hand_in(TENANT, icp_run(notify_email=TO))


async def carried_out(stage: Stage) -> int:
    """Start one process after the other; say "run enrichment" in between. How many were
    killed."""
    kills = 0
    while True:
        async with open_services(stage.case.settings, works=False) as app:
            run = await newest(app, THREAD)
            assert run is not None
            if run.status is JobStatus.WAITING:
                await _route(app).jobs.approve(TENANT, THREAD)
            elif await unfinished(app) is None:
                assert run.status is JobStatus.DONE, run.error
                return kills
        code = await anyio.to_thread.run_sync(_child, stage.case)
        if code:
            assert code == -signal.SIGKILL
            kills += 1
            _lapse(stage.case)


def _route(app: Any) -> IcpRunRoute:
    route = app.routes["icp/run"]
    assert isinstance(route, IcpRunRoute)
    return route


def _child(case: Case) -> int:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([route_child.__name__, icp_child.__name__, "pytest"])
    child = context.Process(target=icp_child.work, args=(case,))
    child.start()
    child.join(CHILD_SECONDS)
    if child.exitcode is None:
        child.kill()
        child.join()
    assert child.exitcode is not None
    return child.exitcode


def _lapse(case: Case) -> None:
    """The lease of the dead process, which would take ten seconds to lapse; and so many deaths of
    one job, which would end it: here they stand for as many runs with one death each."""
    url = case.settings.database_url
    if url is not None:
        with psycopg.connect(url.get_secret_value(), autocommit=True) as connection:
            connection.execute(LAPSED)
        return
    with closing(sqlite3.connect(case.settings.store_path, timeout=10)) as store, store:
        store.execute(LAPSED)


@dataclass(frozen=True)
class Ended:
    run: Job
    after: Job
    balances: Balances
    events: list[tuple[str, str]]
    captured: list[str]


async def ended(stage: Stage) -> Ended:
    async with open_services(stage.case.settings, works=False) as app:
        run = await newest(app, THREAD)
        assert run is not None
        after = await newest(app, NEXT_CHAT + run.id)
        assert after is not None
        events = await app.store.events(TENANT, run.id, since=0, limit=500)
        posted = await app.store.transfers(TENANT, job_id=run.id)
        return Ended(
            run,
            after,
            await app.store.balances(TENANT),
            [(e.name.value, str(e.context.get("domain", ""))) for e in events],
            [t.item for t in posted if t.kind.value == "capture"],
        )


async def check(stage: Stage, *, kills: int, lost_people: bool = False) -> None:
    """What must hold however often it was killed."""
    end = await ended(stage)
    told, later = json.loads(end.run.result or ""), json.loads(end.after.result or "")
    assert end.after.status is JobStatus.DONE, end.after.error
    assert (told["completed"], told["top"]) == (10, 10)
    assert (later["companies"], later["completed"]) == (told["candidates"] - 10,) * 2
    assert told["email"] in ("sent", "unknown_outcome")
    assert len(stage.smtp.received) <= 1
    assert stage.smtp.received or told["email"] == "unknown_outcome"
    _check_crm(stage.odoo, told["candidates"])
    _check_bought(stage.twins, kills=kills, lost_people=lost_people)
    assert sorted(end.captured) == sorted(set(end.captured))
    assert len(end.captured) == 10
    paid = 10 * CENTS
    assert (end.balances.held, end.balances.earned) == (0, paid)
    assert end.balances.customer == CREDIT_CENTS - paid
    assert max(Counter(e for e in end.events if e[0] != "icp:reflection").values()) == 1
    assert len([d for name, d in end.events if name == "enrich:company_tick"]) == 10


def _check_crm(odoo: OdooTwin, candidates: int) -> None:
    leads = Counter(row["partner_id"] for row in odoo.rows("crm.lead"))
    assert len(leads) == candidates
    assert set(leads.values()) == {1}
    companies = [r for r in odoo.rows("res.partner") if r.get("is_company")]
    assert max(Counter(r["name"] for r in companies).values()) == 1


def _check_bought(twins: Twins, *, kills: int, lost_people: bool) -> None:
    """Of each company that names nobody the people once, and each mailbox once; a verifier gives
    no handle, so one that a kill has caught between its reply and our hearing of it is asked
    again."""
    asked = [e.json["companies"][0] for e in twins.calls("apify")
             if e.path.endswith("company-employees/runs")]  # fmt: skip
    slugs = Counter(url.rpartition("/")[2] for url in asked)
    assert max(slugs.values()) == 1
    assert set(slugs) <= {slug_of(f) for f in NAMELESS}
    assert not [e for e in twins.calls("apify") if "profile-search" in e.path]
    if not lost_people:
        mails = Counter(parse_qs(urlsplit(e.target).query)["email"][0]
                        for e in twins.calls("zerobounce"))  # fmt: skip
        assert mails.total() - len(mails) <= kills
        # A kill may catch another company between its vendor's reply and our hearing of it: its
        # run is not begun again, and nobody of it is known.
        assert set(mails) <= {mailbox_of(f) for f in NAMELESS if slug_of(f) in slugs}


@pytest.mark.lengthy
@pytest.mark.parametrize("kind", [SQLITE, POSTGRES])
async def test_a_run_killed_in_every_phase_delivers_each_company_once(
    tmp_path: Path, kind: str
) -> None:
    with anyio.fail_after(SECONDS):
        async with stage(tmp_path, kind, SOME[kind]) as opened:
            await hand_in(opened)
            kills = await carried_out(opened)
            assert opened.case.left == []
            assert kills == len(SOME[kind])
            await check(opened, kills=kills)


@pytest.mark.long
@pytest.mark.parametrize("kind", [SQLITE, POSTGRES])
@pytest.mark.parametrize("chain", range(CHAINS))
async def test_a_run_killed_before_or_after_anything_that_lasts_delivers_each_company_once(
    tmp_path: Path, kind: str, chain: int
) -> None:
    """Every kind of write and call, each company's own among them: a few hundred kills."""
    (tmp_path / "undisturbed").mkdir()
    (tmp_path / "killed").mkdir()
    with anyio.fail_after(4 * SECONDS):
        async with stage(tmp_path / "undisturbed", kind, ()) as opened:
            await hand_in(opened)
            assert await carried_out(opened) == 0
            await check(opened, kills=0)
            points = tuple(_points(opened.case.seen))[chain::CHAINS]
        async with stage(tmp_path / "killed", kind, points) as opened:
            await hand_in(opened)
            kills = await carried_out(opened)
            assert kills >= len(points) // 2
            await check(opened, kills=kills, lost_people=True)


def _points(seen: list[str]) -> Iterator[Point]:
    for label in dict.fromkeys(seen):
        for when in (BEFORE, AFTER):
            yield Point(when, label)
