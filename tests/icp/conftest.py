"""One server over the market for the tests of a module."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.icp.market_site import market
from tests.web.web_world import Site


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with market(tmp_path_factory.mktemp("shop")) as started:
        yield started
