"""A web server over the market, and a client of it that talks like a user."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2

from tests.icp.conversation import SAID
from tests.icp.world import icp_world
from tests.web.web_world import Site, site

JOB_SECONDS_MAX = 60


@asynccontextmanager
async def market(tmp_path: Path, **settings: Any) -> AsyncIterator[Site]:
    async with site(tmp_path, icp_world(tmp_path / "market"), **settings) as started:
        yield started


@dataclass
class User:
    """One key's client and its newest thread."""

    client: httpx2.AsyncClient
    thread_id: str | None = None

    async def post(self, path: str, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
        answer = await self.client.post(path, json=body)
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        told: dict[str, Any] = answer.json()
        return told

    async def say(self, message: str, **more: Any) -> dict[str, Any]:
        body = {"message": message} | more
        if self.thread_id is not None:
            body.setdefault("thread_id", self.thread_id)
        turn = await self.post("/icp/intake", body)
        self.thread_id = turn["thread_id"] or self.thread_id
        return turn

    async def tell_all(self) -> list[dict[str, Any]]:
        """Everything up to the question that "confirm" answers."""
        return [await self.say(message) for message in SAID]

    async def confirm(self, status: int = 202) -> dict[str, Any]:
        return await self.post("/icp/chat/confirm", {"thread_id": self.thread_id}, status)

    async def enrich(self, status: int = 202, **more: Any) -> dict[str, Any]:
        return await self.post("/icp/enrich/top10", {"thread_id": self.thread_id} | more, status)

    async def until(self, *statuses: str) -> dict[str, Any]:
        """The newest turn once the job has one of these states, with all that was said on the
        way: each line is said once."""
        said: list[str] = []
        with anyio.fail_after(JOB_SECONDS_MAX):
            while True:
                turn = await self.get(f"/api/orchestrations/{self.thread_id}?wait_s=20")
                said += turn["messages"]
                if turn["job"] is not None and turn["job"]["status"] in statuses:
                    return dict(turn | {"messages": said})

    async def get(self, path: str, status: int = 200) -> Any:
        answer = await self.client.get(path)
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        return answer.json()

    async def planned(self) -> dict[str, Any]:
        await self.tell_all()
        await self.confirm()
        return await self.until("waiting")


@asynccontextmanager
async def user(at: Site, tenant: str = "acme", *scopes: str) -> AsyncIterator[User]:
    """A user of the tenant with a key of their own."""
    async with at.client(await at.key(tenant, *scopes)) as client:
        yield User(client)


@dataclass(frozen=True)
class Told:
    id: str
    event: str
    data: dict[str, Any]


async def events(
    client: httpx2.AsyncClient, address: str, *, until: str, headers: dict[str, str] | None = None
) -> list[Told]:
    """What a stream tells, up to an event of that label."""
    found: list[Told] = []
    with anyio.fail_after(JOB_SECONDS_MAX):
        async for told in follow(client, address, headers=headers):
            found.append(told)
            if told.event == until:
                return found
    raise AssertionError(f"the stream ended without {until}: {[t.event for t in found]}")


async def follow(
    client: httpx2.AsyncClient, address: str, *, headers: dict[str, str] | None = None
) -> AsyncIterator[Told]:
    async with client.stream("GET", address, headers=headers or {}) as answer:
        assert answer.status_code == 200, (answer.status_code, await answer.aread())
        assert answer.headers["content-type"].startswith("text/event-stream")
        parts: dict[str, str] = {}
        async for line in answer.aiter_lines():
            if line:
                name, _, value = line.partition(": ")
                parts[name] = value
            elif "data" in parts:
                yield Told(parts["id"], parts["event"], json.loads(parts["data"]))
                parts = {}
            else:
                parts = {}
