"""Shared fixtures. Every test is async-capable through anyio's own plugin, on asyncio."""

from __future__ import annotations

from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

EVAL = Path(__file__).resolve().parent.parent.parent / "shared" / "eval"

# How fast examples are made says how loaded the machine is, nothing of the code under test.
settings.register_profile(
    "any_machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any_machine")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever begins with the lengthy ones, the others take the rest of its share."""
    items.sort(key=lambda item: item.get_closest_marker("lengthy") is None)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def eval_dir() -> Path:
    """Real data beside the checkout; tests that need it say so when it is absent."""
    if not EVAL.is_dir():
        pytest.skip("no evaluation data beside this checkout")
    return EVAL


@pytest.fixture(autouse=True)
def _fresh_logging() -> None:
    """A product that an earlier test has opened in this process has set its own log level."""
    structlog.reset_defaults()
