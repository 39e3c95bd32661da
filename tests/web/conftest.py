"""One server for the tests of a module; those that need other settings start their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
import pytest

from tests.services.session_world import HOOPS_LEAD
from tests.web.web_world import SESSION, Site, site


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with site(tmp_path_factory.mktemp("web")) as started:
        yield started


@dataclass(frozen=True)
class Tenant:
    """A client with a key of its own, and what it has: a finished session."""

    client: httpx2.AsyncClient
    key: str
    chat: str
    job: str


@pytest.fixture(scope="module")
async def acme(shared: Site) -> AsyncIterator[Tenant]:
    key = await shared.key("acme")
    async with shared.client(key) as client:
        answer = (
            await client.post(SESSION, json={"lead": HOOPS_LEAD, "progress_key": "b-1"})
        ).json()
        assert answer["status"] == "done"
        yield Tenant(client, key, answer["chat_session_id"], answer["job_id"])


@pytest.fixture(scope="module")
async def rival(shared: Site) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of another tenant, which has nothing."""
    async with shared.client(await shared.key("rival")) as client:
        yield client
