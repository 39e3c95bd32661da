"""The MCP project's own conformance suite against the server over streamable HTTP, both eras.

Only scenarios that mean something without the suite's fixture tools. What fails all the same, and
why that is right, stands in conformance_baseline.json; a line that no longer fails must go.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients import npm, servers

LEGACY, MODERN = "2025-11-25", "2026-07-28"
SCENARIOS = [
    *(
        (LEGACY, name)
        for name in (
            "server-initialize",
            "ping",
            "tools-list",
            "prompts-list",
            "resources-list",
            "dns-rebinding-protection",
            "server-session-lifecycle",
            "server-sse-multiple-streams",
        )
    ),
    *(
        (MODERN, name)
        for name in (
            "server-stateless",
            "tools-list",
            "prompts-list",
            "resources-list",
            "dns-rebinding-protection",
            "caching",
            "http-header-validation",
            "sep-2164-resource-not-found",
            "input-required-result-unsupported-methods",
            "server-sse-multiple-streams",
        )
    ),
]
BASELINE: dict[str, dict[str, str]] = json.loads(
    (npm.HERE / "conformance_baseline.json").read_text(encoding="utf-8")
)
SUITE = "node_modules/@modelcontextprotocol/conformance/dist/index.js"


@pytest.mark.parametrize(("era", "scenario"), SCENARIOS)
def test_the_server_passes_the_conformance_scenario(
    served: servers.Server, tmp_path: Path, home: Path, era: str, scenario: str
) -> None:
    ran = npm.run(
        SUITE, "server", "--url", str(served.url), "--scenario", scenario,
        "--spec-version", era, "--output-dir", str(tmp_path / "out"), home=home,
    )  # fmt: skip
    results = list((tmp_path / "out").rglob("checks.json"))
    assert len(results) == 1, ran.stderr or ran.stdout
    checks = json.loads(results[0].read_text(encoding="utf-8"))
    assert any(check["status"] == "SUCCESS" for check in checks)
    failed = {
        check["id"]: check.get("errorMessage")
        for check in checks
        if check["status"] in {"FAILURE", "WARNING"}
    }
    expected = BASELINE.get(f"{era} {scenario}", {})
    assert {k: v for k, v in failed.items() if k not in expected} == {}
    assert expected.keys() <= failed.keys()


def test_every_line_of_the_baseline_has_a_reason_and_a_scenario() -> None:
    known = {f"{era} {scenario}" for era, scenario in SCENARIOS}
    assert BASELINE.keys() <= known
    assert all(reason.strip() for checks in BASELINE.values() for reason in checks.values())
