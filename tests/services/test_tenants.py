"""Two tenants of one process: nothing stored is shared, and everything polite is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest

from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.adapters.web_reader import JINA_CALLS_PER_MINUTE, WebReader
from data411_mcp.domain.graph import Backfill
from data411_mcp.domain.merge import statements_of
from data411_mcp.errors import LookupFailed
from data411_mcp.services.desks import Desk, Desks
from data411_mcp.services.ports import RegistryQuery
from tests.services.session_world import HOOPS, PUMP_LEAD, TENANT, Lab, lab, pump_world
from tests.vendors.guarded_web import Asked, HandClock, Web, open_web_client, reply, settings

HOME = "https://alderpump.example/"
PAGE = (
    "<html><body><p>" + "Pumps mended while you wait, at fair prices. " * 12 + "</p></body></html>"
)
TENANTS = ("acme", "rival")


async def run_for(open_lab: Lab, tenant: str, lead: dict[str, Any]) -> Backfill:
    started = await open_lab.app.leads.start(tenant, {"lead": lead})
    with anyio.fail_after(30):
        job = await open_lab.app.runner.wait(tenant, started.job.id, seconds=30)
    assert job.final
    return await open_lab.app.views.load(tenant, job.chat_session_id)


async def test_one_address_read_for_two_tenants_is_a_page_of_each(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        store, desks = open_lab.app.store, open_lab.app.desks
        one = await desks("acme").reader.read(HOME, deadline_seconds=10)
        assert await store.page("rival", one.sha256) is None
        other = await desks("rival").reader.read(HOME, deadline_seconds=10)
        assert (other.sha256, other.warm) == (one.sha256, False)
        assert (await desks("acme").reader.read(HOME, deadline_seconds=10)).warm
        await store.delete_page("acme", one.sha256)
        assert await store.page("acme", one.sha256) is None
        assert await store.page("rival", one.sha256) is not None
        assert await store.pages_to_scan(TENANT) == ()


async def test_registers_and_dns_store_their_answers_for_the_tenant_that_asked(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        sources = open_lab.app.desks("acme").sources
        query = RegistryQuery(name="Alder Pump Works", domain="alderpump.example", country="US")
        found = [
            record
            for register in sources.registries
            for record in await register.lookup(query, deadline_seconds=10)
        ]
        mail = await sources.dns.mail_domain("alderpump.example", deadline_seconds=10)
        stored = [mail.page, *(r.page for r in found)]
        assert len(stored) >= 2
        for page in stored:
            assert await open_lab.app.store.page("acme", page.sha256) is not None
            assert await open_lab.app.store.page("rival", page.sha256) is None
        assert await open_lab.app.store.pages_to_scan(TENANT) == ()


async def test_whole_sessions_of_two_tenants_share_no_page_seed_or_job(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        app = open_lab.app
        first = await run_for(open_lab, "acme", PUMP_LEAD)
        before = len(open_lab.bought())
        second = await run_for(open_lab, "rival", PUMP_LEAD)
        assert len(open_lab.bought()) == 2 * before  # no warm seed of the other tenant
        assert first.chat_session_id != second.chat_session_id
        proofs = {
            t: {e.page_sha256 for s in statements_of(g) for e in s.evidence if e.page_sha256}
            for t, g in zip(TENANTS, (first, second), strict=True)
        }
        for tenant, shas in proofs.items():
            own = {p.sha256 for p in await app.store.pages_to_scan(tenant)}
            assert shas <= own
        assert await app.store.pages_to_scan(TENANT) == ()
        assert await app.store.session("rival", first.chat_session_id) is None
        # What one tenant erases, the other keeps.
        counts = await app.leads.jobs.forgetting.forget("acme", "Nora Alder")
        assert counts["graphs"] == 1
        kept = await app.views.load("rival", second.chat_session_id)
        assert any(s.value == "Nora Alder" for s in statements_of(kept))


async def test_the_list_of_registrants_is_asked_for_once_for_all_tenants(tmp_path: Path) -> None:
    async with lab(tmp_path, HOOPS) as open_lab:
        query = RegistryQuery(name="HG AutoTech", country="US")
        async with anyio.create_task_group() as both:
            for tenant in TENANTS:
                for register in open_lab.app.desks(tenant).sources.registries:
                    if register.name == "SEC":
                        both.start_soon(_look_up, register, query)
        lists = [c for c in open_lab.twins.log if c.path.endswith("company_tickers.json")]
        assert len(lists) == 1


async def _look_up(register: Any, query: RegistryQuery) -> None:
    await register.lookup(query, deadline_seconds=20)


# --- politeness ------------------------------------------------------------------------------


@dataclass
class Readers:
    web: Web
    clock: HandClock
    of: dict[str, Any]


@asynccontextmanager
async def readers(folder: Path, **changed: object) -> AsyncIterator[Readers]:
    """A reader of each tenant, made as the process makes them."""
    clock = HandClock()
    async with (
        open_web_client(**changed) as (web, http),
        SqliteStore.open(folder / "store.sqlite3") as store,
    ):
        made = WebReader(http, store, settings(**changed), clock, "local", grace_seconds=0)
        yield Readers(web, clock, {t: made.for_tenant(t) for t in TENANTS})


async def test_tenants_share_what_robots_txt_said(tmp_path: Path) -> None:
    async with readers(tmp_path, jina_enabled=False) as at:
        at.web.on("https://site.example/", reply(PAGE))
        for tenant in TENANTS:
            await at.of[tenant].read("https://site.example/", deadline_seconds=5)
        asked = [a.path for a in at.web.asked]
        assert asked == ["/robots.txt", "/", "/"]


async def test_tenants_together_knock_at_a_host_no_oftener_than_one(tmp_path: Path) -> None:
    now = most = 0
    full = anyio.Event()

    async def slowly(asked: Asked, writer: asyncio.StreamWriter) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        if now == 2:
            full.set()
        await full.wait()
        await reply(PAGE)(asked, writer)
        now -= 1

    async with readers(
        tmp_path, jina_enabled=False, host_concurrency=2, respect_robots=False
    ) as at:
        for number in range(3):
            at.web.on(f"https://site.example/{number}", slowly)
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                for tenant in TENANTS:
                    for number in range(3):
                        tasks.start_soon(_read, at.of[tenant], f"https://site.example/{number}")
    assert most == 2


async def _read(reader: Any, url: str) -> None:
    await reader.read(url, deadline_seconds=15)


async def test_tenants_share_the_free_allowance_of_a_reader(tmp_path: Path) -> None:
    async with readers(tmp_path, respect_robots=False) as at:
        for number in range(JINA_CALLS_PER_MINUTE + 4):
            at.web.on(f"https://site.example/{number}", reply(PAGE))
            tenant = TENANTS[number % 2]
            await at.of[tenant].read(f"https://site.example/{number}", deadline_seconds=5)
        assert len(at.web.paths("r.jina.ai")) == JINA_CALLS_PER_MINUTE


async def test_a_vendor_that_pauses_for_one_tenant_pauses_for_all(tmp_path: Path) -> None:
    """The reader has run out of money: asking it again for somebody else would be no use."""
    async with readers(tmp_path, respect_robots=False) as at:
        at.web.on("https://r.jina.ai/https://site.example/", reply("pay", status=402))
        at.web.on("https://r.jina.ai/https://site.example/b", reply("pay", status=402))
        for tenant, url in zip(
            TENANTS, ("https://site.example/", "https://site.example/b"), strict=True
        ):
            with pytest.raises(LookupFailed):
                await at.of[tenant].read(url, deadline_seconds=5)
        assert len(at.web.paths("r.jina.ai")) == 1


# --- desks -------------------------------------------------------------------------------------


def test_a_desk_is_made_once_and_the_longest_unused_one_is_given_up() -> None:
    made: list[str] = []

    def make(tenant: str) -> Desk:
        made.append(tenant)
        return Desk(reader=None, sources=None)  # type: ignore[arg-type]

    desks = Desks(make, size=2)
    first = desks("a")
    assert desks("a") is first
    desks("b")
    assert desks("a") is first
    desks("c")
    assert desks("a") is first
    desks("b")
    assert made == ["a", "b", "c", "b"]
