"""robots.txt: asked once, obeyed, and no reason to stop when it is missing or broken."""

from __future__ import annotations

import anyio
import pytest

from data411_mcp.adapters.robots import Robots
from tests.vendors.guarded_web import HandClock, Handler, open_web_client, reply, reset

ROBOTS = "https://site.example/robots.txt"
RULES = "User-agent: *\nDisallow: /private\n\nUser-agent: data411-mcp\nDisallow: /no-leads\n"


async def test_the_group_that_names_us_counts_before_the_one_for_all() -> None:
    async with open_web_client() as (web, http):
        web.on(ROBOTS, reply(RULES, content_type="text/plain"))
        robots = Robots(http, HandClock())
        assert await robots.allows("https://site.example/private/x")
        assert not await robots.allows("https://site.example/no-leads/x")
        assert await robots.allows("https://site.example/")


async def test_one_origin_is_asked_once_a_day_by_however_many_readers() -> None:
    async with open_web_client() as (web, http):
        web.on(ROBOTS, reply(RULES, content_type="text/plain"))
        clock = HandClock()
        robots = Robots(http, clock)
        async with anyio.create_task_group() as readers:
            for n in range(8):
                readers.start_soon(robots.allows, f"https://site.example/{n}")
        clock.seconds += 86_000
        await robots.allows("https://site.example/x")
        assert len(web.asked) == 1
        clock.seconds += 1000
        await robots.allows("https://site.example/x")
        assert len(web.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [reply("", 404), reply("", 403), reply("", 500), reset, reply(b"\xff\xfe\x00Dis", 200),
     reply("<html><body>Disallow: everything</body></html>")],
    ids=["missing", "forbidden", "failing", "reset", "bytes", "html"],
)  # fmt: skip
async def test_a_missing_or_broken_file_allows(answer: Handler) -> None:
    async with open_web_client() as (web, http):
        web.on(ROBOTS, answer)
        assert await Robots(http, HandClock()).allows("https://site.example/private/x")


async def test_no_answer_is_remembered_for_minutes_only() -> None:
    async with open_web_client() as (web, http):
        web.on(ROBOTS, reply("", 500), reply("User-agent: *\nDisallow: /"))
        clock = HandClock()
        robots = Robots(http, clock)
        assert await robots.allows("https://site.example/x")
        clock.seconds += 500
        assert await robots.allows("https://site.example/x")
        clock.seconds += 200
        assert not await robots.allows("https://site.example/x")


async def test_a_huge_file_is_read_up_to_the_limit() -> None:
    async with open_web_client() as (web, http):
        web.on(ROBOTS, reply("User-agent: *\nDisallow: /x\n" + "#" * 2_000_000))
        robots = Robots(http, HandClock())
        assert not await robots.allows("https://site.example/x")
        assert await robots.allows("https://site.example/y")
