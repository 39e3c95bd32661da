"""Two processes that open a chat for one lead at the same instant, on one store of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from data411_mcp.app import open_services
from data411_mcp.errors import ChatSessionRequired, InsufficientBalance
from data411_mcp.services.container import Services
from data411_mcp.services.ports import Store
from data411_mcp.twins import load_world, running_twins
from tests.services.session_world import PUMP_LEAD, TENANT, pump_world, settings_of


class Meeting:
    """A store that answers "is the lead being hunted?" when everybody has asked it once."""

    def __init__(self, store: Store, asked: anyio.Event, left: list[int]) -> None:
        self._store = store
        self._asked = asked
        self._left = left

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def live_chat_of_lead(self, tenant: str, lead_key: str) -> str | None:
        found = await self._store.live_chat_of_lead(tenant, lead_key)
        if self._left:
            self._left.pop()
            if not self._left:
                self._asked.set()
        with anyio.fail_after(10):
            await self._asked.wait()
        return found


@asynccontextmanager
async def two(folder: Path, kind: str, place: str, **more: Any) -> AsyncIterator[list[Services]]:
    """Two compositions of the product on one store, which know nothing of each other."""
    if kind == "postgres":
        more["database_url"] = SecretStr(place)
    async with running_twins(load_world(pump_world(folder / "world")), rate_limits=False) as twins:
        twins_file = folder / "twins.json"
        twins.address.write(twins_file)
        settings = settings_of(folder / "data", twins_file, **more)
        async with open_services(settings) as one, open_services(settings) as other:
            yield [one, other]


async def chats(app: Services) -> list[str]:
    return [row.chat_session_id for row in await app.store.sessions_to_scan(TENANT, after="")]


async def test_who_comes_second_is_sent_to_the_first_ones_chat_and_leaves_none(
    kind: str, place: str, tmp_path: Path
) -> None:
    async with two(tmp_path, kind, place) as apps:
        asked, left = anyio.Event(), [1, 1]
        opened: list[str] = []
        sent: list[str] = []

        async def call(app: Services) -> None:
            app.leads.jobs.store = Meeting(app.store, asked, left)  # type: ignore[assignment]
            try:
                started = await app.leads.start(TENANT, {"lead": PUMP_LEAD})
            except ChatSessionRequired as required:
                sent.append(required.hint)
            else:
                opened.append(started.job.chat_session_id)

        async with anyio.create_task_group() as calls:
            for app in apps:
                calls.start_soon(call, app)
        assert len(opened) == 1
        assert sent == [f'Call enrich_lead_session(chat_session_id="{opened[0]}") to join it.']
        assert await chats(apps[0]) == opened


@pytest.mark.parametrize("kind", ["sqlite"])
async def test_a_call_that_cannot_be_paid_opens_no_chat(
    kind: str, place: str, tmp_path: Path
) -> None:
    async with two(tmp_path, kind, place, billing="on") as (app, _):
        with pytest.raises(InsufficientBalance):
            await app.leads.start(TENANT, {"lead": PUMP_LEAD})
        assert await chats(app) == []
