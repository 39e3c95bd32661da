"""Connections to many hosts: reused, bounded, given back by whoever gives up."""

from __future__ import annotations

import anyio

from data411_mcp.adapters.http import HttpClient
from data411_mcp.adapters.lanes import LANE_CONNECTIONS, LANE_IDLE_CONNECTIONS, LANES_IDLE_MAX
from tests.vendors.guarded_web import open_web_client, reply, silence

CALLS = 3 * LANE_CONNECTIONS
VENDOR = "https://api.vendor.example/"


def kept(http: HttpClient) -> list[object]:
    return list(http.raw._transport._pool.connections)  # type: ignore[attr-defined]


async def called(http: HttpClient, url: str) -> int:
    return (await http.call("GET", url, deadline_seconds=20)).status


async def test_many_calls_of_one_host_run_at_once_and_leave_few_connections() -> None:
    async with open_web_client() as (web, http):
        web.on(VENDOR, reply("ok"))
        statuses: list[int] = []

        async def one() -> None:
            statuses.append(await called(http, VENDOR))

        async with anyio.create_task_group() as calls:
            for _ in range(CALLS):
                calls.start_soon(one)
        assert statuses == [200] * CALLS
        assert len(kept(http)) <= LANE_IDLE_CONNECTIONS * (CALLS // LANE_CONNECTIONS)
        opened = web.connections
        assert await called(http, VENDOR) == 200
        assert web.connections == opened


async def test_hosts_that_are_no_longer_asked_are_let_go() -> None:
    async with open_web_client() as (web, http):
        for number in range(LANES_IDLE_MAX + 8):
            web.names[f"host{number}.example"] = ["127.0.0.1"]
            url = f"http://host{number}.example/"
            web.on(url, reply("ok"))
            assert await called(http, url) == 200
        assert len(kept(http)) <= LANES_IDLE_MAX + 1


async def test_who_gives_up_gives_the_place_back() -> None:
    async with open_web_client() as (web, http):
        web.on(VENDOR, silence)
        with anyio.move_on_after(0.3):
            async with anyio.create_task_group() as calls:
                for _ in range(CALLS):
                    calls.start_soon(called, http, VENDOR)
        web.on(VENDOR, reply("ok"))
        assert await called(http, VENDOR) == 200
        pool = http.raw._transport._pool  # type: ignore[attr-defined]
        assert all(c.is_idle() for c in pool.connections)
