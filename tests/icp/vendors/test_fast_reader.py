"""Reading while somebody waits: Jina first, the site beside it, the first usable page wins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from data411_mcp.adapters.fast_reader import FastWebReader
from data411_mcp.adapters.http import HttpClient, open_client
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.errors import LookupFailed, PageRefused
from data411_mcp.services.ports.icp import ReadPolicy
from tests.vendors.guarded_web import (
    Asked,
    HandClock,
    Handler,
    Web,
    open_web,
    redirect,
    reply,
    reset,
    settings,
    silence,
)

URL = "https://site.example/"
JINA = "https://r.jina.ai/https://site.example/"
TAVILY = "https://api.tavily.com/extract"
LONG = "Talweg Pumps repairs and sells ship pumps in three ports. " * 6
HTML = f"<title>Talweg Pumps</title><h1>Pumps</h1><p>{LONG}</p>"
WALL = reply("<h1>Forbidden</h1>", 403)
LATER = ReadPolicy(jina_timeout=20, hedge_after=20, read_timeout=20)  # direct only on demand
SOON = ReadPolicy(jina_timeout=20, hedge_after=0.0, read_timeout=20)


def jina(content: str = LONG, *, source: str = URL, warning: str = "") -> Handler:
    head = f"Title: Talweg Pumps\n\nURL Source: {source}\n\n"
    head += f"Warning: {warning}\n\n" if warning else ""
    return reply(f"{head}Markdown Content:\n# Pumps\n{content}", content_type="text/plain")


@dataclass
class Desk:
    web: Web
    http: HttpClient
    reader: FastWebReader
    store: SqliteStore

    async def read(self, policy: ReadPolicy, seconds: float = 20) -> str:
        with anyio.fail_after(30):
            return (await self.reader.read_fast(URL, policy, deadline_seconds=seconds)).reader

    async def refused(self, policy: ReadPolicy, seconds: float = 20) -> str:
        with pytest.raises(LookupFailed) as failed:
            await self.read(policy, seconds)
        return failed.value.reason


@asynccontextmanager
async def desk(folder: Path, *, grace_seconds: float = 5, **changed: object) -> AsyncIterator[Desk]:
    clock = HandClock()
    async with (
        open_web() as web,
        open_client(web.network, settings(**changed), monotonic=clock.monotonic) as http,
        SqliteStore.open(folder / "pages.sqlite3") as store,
    ):
        reader = FastWebReader(
            http, store, settings(**changed), clock, "local", grace_seconds=grace_seconds
        )
        yield Desk(web, http, reader, store)


async def test_a_silent_jina_is_overtaken_by_the_site_itself(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.web.on(JINA, silence)
        at.web.on(URL, reply(HTML))
        assert await at.read(SOON) == "direct"


async def test_jina_is_asked_alone_until_the_hedge_is_due(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:

        async def while_alone(asked: Asked, writer: asyncio.StreamWriter) -> None:
            assert at.web.paths() == []
            await jina()(asked, writer)

        at.web.on(JINA, while_alone)
        at.web.on(URL, WALL)
        assert await at.read(LATER) == "jina"


async def test_a_wall_around_the_site_leaves_jinas_text(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.web.on(JINA, jina())
        at.web.on(URL, WALL)
        assert await at.read(SOON) == "jina"
        stored = await at.store.fresh_page("local", URL, not_before=HandClock().now())
        assert stored is not None
        assert stored.reader == "jina"


@pytest.mark.parametrize(
    "bad",
    [
        jina(warning="Target URL returned error 403: Forbidden"),
        jina(warning="This page maybe requiring CAPTCHA"),
        jina("short"),
        jina(source="https://elsewhere.example/"),
        reply("<html>Bad gateway</html>", 524),
        reply('{"code":422}', 422, "application/json"),
        reset,
    ],
    ids=["error page", "captcha", "short", "led away", "edge error", "no content", "reset"],
)
async def test_what_jina_sends_instead_of_the_page_is_not_usable(
    tmp_path: Path, bad: Handler
) -> None:
    async with desk(tmp_path) as at:
        at.web.on(JINA, bad)
        at.web.on(URL, reply(HTML))
        assert await at.read(LATER) == "direct"


async def test_jinas_text_of_another_site_does_not_end_the_race(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        led_away = asyncio.Event()

        async def jina_first(asked: Asked, writer: asyncio.StreamWriter) -> None:
            await jina(source="https://other.example/")(asked, writer)
            led_away.set()

        async def then_site(asked: Asked, writer: asyncio.StreamWriter) -> None:
            await led_away.wait()
            await reply(HTML)(asked, writer)

        at.web.on(JINA, jina_first)
        at.web.on(URL, then_site)
        assert await at.read(SOON) == "direct"


async def test_a_redirect_to_another_site_lends_its_name_to_nobody(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.web.on(JINA, jina())
        at.web.on(URL, redirect("https://other.example/"))
        at.web.on("https://other.example/", WALL)
        with anyio.fail_after(30):
            page = await at.reader.read_fast(URL, LATER, deadline_seconds=15)
        assert (page.reader, page.final_url) == ("jina", "https://other.example/")


async def test_jina_has_one_more_try_where_it_did_not_answer(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.web.on(JINA, reply("", 502), jina())
        at.web.on(URL, WALL)
        assert await at.read(LATER) == "jina"
        assert len(at.web.paths("r.jina.ai")) == 2


async def test_a_jina_that_stays_away_is_given_up_after_its_tries(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.web.on(JINA, reply("", 502))
        at.web.on(URL, WALL)
        assert await at.refused(LATER) == "http_403"
        assert len(at.web.paths("r.jina.ai")) == 2


async def test_what_is_not_there_is_not_asked_for_twice(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.web.on(JINA, silence)
        at.web.on(URL, reply("gone", 404))
        assert await at.refused(SOON) == "not_found"


async def test_when_both_fail_the_reason_is_the_sites(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.web.on(JINA, jina(warning="Target URL returned error 503: Busy"))
        at.web.on(URL, reply("busy", 500))
        assert await at.refused(SOON) == "http_500"


@pytest.mark.parametrize(("tavily", "expected"), [(True, "tavily"), (False, "")])
async def test_tavily_comes_last_and_only_where_the_policy_lets_it(
    tmp_path: Path, tavily: bool, expected: str
) -> None:
    async with desk(tmp_path) as at:
        at.web.on(JINA, jina("short"))
        at.web.on(URL, WALL)
        at.web.on(TAVILY, reply(
            '{"results": [{"url": "https://site.example/", "raw_content": "' + LONG + '"}]}',
            content_type="application/json",
        ))  # fmt: skip
        policy = ReadPolicy(hedge_after=0.0, tavily=tavily)
        if expected:
            assert await at.read(policy) == expected
        else:
            await at.refused(policy)
            assert at.web.paths("api.tavily.com") == []


async def test_the_deadline_is_kept_when_nobody_answers(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.web.on(JINA, silence)
        at.web.on(URL, silence)
        assert await at.refused(SOON, seconds=0.5) == "timeout"


async def test_a_thin_page_in_hand_is_kept_when_time_is_up(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.web.on(JINA, silence)
        at.web.on(URL, reply("<title>App</title><p>Call us</p>"))
        assert await at.read(SOON, seconds=1.0) == "direct"


async def test_a_loser_that_is_cancelled_leaves_the_pool_clean(tmp_path: Path) -> None:
    async with desk(tmp_path, page_cache_hours=0, jina_api_key="jk") as at:
        at.web.on(JINA, silence)
        at.web.on(URL, reply(HTML))
        for _ in range(5):
            assert await at.read(SOON) == "direct"
        pools = [client._transport._pool for client in (at.http.pages, at.http.raw)]
        assert all(not c.is_closed() and c.is_idle() for pool in pools for c in pool.connections)


async def test_without_jina_the_site_is_asked_at_once(tmp_path: Path) -> None:
    async with desk(tmp_path, jina_enabled=False) as at:
        at.web.on(URL, reply(HTML))
        assert await at.read(LATER) == "direct"
        assert at.web.paths("r.jina.ai") == []


async def test_a_fresh_stored_page_is_taken_and_nobody_asked(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.web.on(URL, reply(HTML))
        at.web.on(JINA, silence)
        await at.read(SOON)
        asked = len(at.web.asked)
        assert await at.read(SOON) == "direct"
        assert len(at.web.asked) == asked


async def test_readers_at_once_of_one_address_share_one_fetch(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.web.on(JINA, silence)
        at.web.on(URL, reply(HTML))
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(at.read, SOON)
        assert len(at.web.paths()) == 1


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "file:///etc/passwd", "https://metadata.example/",
            "https://site.example:8080/"]
)  # fmt: skip
async def test_an_address_that_must_not_be_fetched_reaches_no_reader(
    tmp_path: Path, url: str
) -> None:
    async with desk(tmp_path) as at:
        at.web.names["metadata.example"] = ["169.254.169.254"]
        at.web.on("https://r.jina.ai/https://metadata.example/", jina())
        with pytest.raises(LookupFailed):
            await at.reader.read_fast(url, SOON, deadline_seconds=5)


async def test_robots_txt_is_obeyed_before_anybody_is_asked(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.web.on("https://site.example/robots.txt", reply(
            "User-agent: *\nDisallow: /", content_type="text/plain"
        ))  # fmt: skip
        with pytest.raises(PageRefused) as refused:
            await at.read(SOON)
        assert refused.value.reason == "robots"
        assert at.web.paths("r.jina.ai") == []


async def test_another_tenant_shares_the_memory_but_not_the_pages(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.web.on(JINA, silence)
        at.web.on(URL, reply(HTML))
        await at.read(SOON)
        other = at.reader.for_tenant("other")
        assert isinstance(other, FastWebReader)
        await other.read_fast(URL, SOON, deadline_seconds=10)
        assert len(at.web.paths()) == 2
