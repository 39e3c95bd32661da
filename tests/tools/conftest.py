"""Finished sessions, made once and copied, so that a test reads without hunting first."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

import anyio
import pytest

from tests.tools.mcp_sessions import crowded_session, finished_session

Copied = tuple[Path, str]  # a data folder of the test's own, and the chat in it


@pytest.fixture(scope="session")
def finished_original(tmp_path_factory: pytest.TempPathFactory) -> Copied:
    folder = tmp_path_factory.mktemp("finished")
    return folder, anyio.run(functools.partial(finished_session, folder))


@pytest.fixture(scope="session")
def crowded_original(tmp_path_factory: pytest.TempPathFactory) -> Copied:
    folder = tmp_path_factory.mktemp("crowded")
    return folder, anyio.run(functools.partial(crowded_session, folder))


def _copy(original: Copied, to: Path) -> Copied:
    folder, chat = original
    shutil.copytree(folder, to)
    return to, chat


@pytest.fixture
def finished(finished_original: Copied, tmp_path: Path) -> Copied:
    """The demo's lead, run to its end."""
    return _copy(finished_original, tmp_path / "finished")


@pytest.fixture
def crowded(crowded_original: Copied, tmp_path: Path) -> Copied:
    """A graph with fifty contacts and a summary far over the size limit."""
    return _copy(crowded_original, tmp_path / "crowded")
