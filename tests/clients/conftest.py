"""The npm packages, installed once, and one server over HTTP that scenarios share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import npm, servers


@pytest.fixture(scope="session", autouse=True)
def packages() -> None:
    if os.environ.get(npm.SKIP) and not os.environ.get("CI"):
        pytest.skip(f"{npm.SKIP} is set: real clients are not run")
    try:
        npm.install()
    except npm.OutOfReach as reason:
        pytest.skip(f"real clients are not run: {reason}")


@pytest.fixture(scope="session")
def served(packages: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """A server over HTTP with the demo's world; what one test leaves there, others may find."""
    with servers.http(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where a client keeps what it wants to remember."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder
