"""Every store of the contract, empty."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from data411_mcp.adapters.store.tables import Tables
from data411_mcp.services.ports import Store
from data411_mcp.services.ports.icp import IcpStore
from tests.postgres import empty, fresh_database
from tests.stores.samples import end_races
from tests.stores.store_factories import OPEN


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    """A PostgreSQL database of this test process."""
    with fresh_database() as url:
        yield url


@pytest.fixture(scope="session", autouse=True)
def ended_races() -> Iterator[None]:
    yield
    end_races()


@pytest.fixture(params=sorted(OPEN))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    if kind == "sqlite":
        return str(tmp_path / "store" / "data411.sqlite3")
    url = str(request.getfixturevalue("database"))
    empty(url)
    return url


@pytest.fixture
async def store(kind: str, place: str) -> AsyncIterator[Store]:
    async with OPEN[kind](place) as opened:
        yield opened


@pytest.fixture
def icp(store: Store) -> IcpStore:
    """The same store by its other port."""
    assert isinstance(store, Tables)
    return store
