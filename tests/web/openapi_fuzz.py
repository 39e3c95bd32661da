"""Schemathesis against a running server, as a library: what it found wrong, in words."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

SEED = 411
CONFIG = Path(__file__).resolve().parents[2] / "schemathesis.toml"


def failures_of(
    url: str, key: str, *, examples: int, seed: int = SEED, stateful: bool = False
) -> tuple[list[str], int]:
    """Failures, and the number of requests that were checked. Blocks: run it in a thread."""
    rules = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    ours = {
        "seed": seed,
        "headers": {"Authorization": f"Bearer {key}"},
        "generation": {"max-examples": examples, "database": "none", "no-shrink": True},
        "phases": {"stateful": {"enabled": stateful}},
    }
    config = SchemathesisConfig.from_dict(rules | ours)
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json", config=config)
    found: set[str] = set()
    checked = 0
    for event in from_schema(schema).execute():
        if isinstance(event, events.FatalError):
            raise event.exception
        if isinstance(event, events.NonFatalError):
            found.add(f"{event.label}: {event.value!r}")
        if isinstance(event, events.ScenarioFinished):
            checked += len(event.recorder.interactions)
            found.update(_failed(event.recorder))
    return sorted(found), checked


def _failed(recorder: Any) -> list[str]:
    return [
        f"{recorder.label}: {check.name}: {check.failure_info.failure}\n"
        f"{check.failure_info.code_sample}"
        for checks in recorder.checks.values()
        for check in checks
        if check.failure_info is not None
    ]
