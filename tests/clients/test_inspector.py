"""The Inspector's command line, the tool that people debug MCP servers with, as a real client."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.clients import npm, servers
from tests.tools.mcp_sessions import LEAD

INSPECTOR = "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
TRANSPORTS = ("stdio", "http")


@contextmanager
def server(transport: str, data_dir: Path) -> Iterator[servers.Server]:
    if transport == "stdio":
        yield servers.stdio(data_dir)
        return
    with servers.http(data_dir) as over_http:
        yield over_http


def inspect(
    target: servers.Server, home: Path, method: str, *arguments: str, era: str = "legacy"
) -> dict[str, Any]:
    """What the Inspector prints for one method."""
    options = ["--cli", "--format", "json", "--quiet", "--protocol-era", era, "--method", method]
    if target.url is not None:
        options += ["--transport", "http", "--server-url", target.url, *arguments]
    else:
        config = home / "servers.json"
        entry = {k: v for k, v in target.as_json().items() if v is not None}
        entry["type"] = "stdio"
        config.write_text(json.dumps({"mcpServers": {"data411": entry}}), encoding="utf-8")
        options += ["--config", str(config), "--server", "data411", *arguments]
    result = npm.run_json(INSPECTOR, *options, home=home)["result"]
    assert isinstance(result, dict)
    return result


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_inspector_enriches_a_lead_and_shows_citations(
    tmp_path: Path, home: Path, transport: str
) -> None:
    with server(transport, tmp_path / "data") as target:
        result = inspect(
            target, home, "tools/call", "--tool-name", "enrich_lead_session",
            "--tool-args-json", json.dumps({"lead": LEAD}),
        )  # fmt: skip
    answer = result["structuredContent"]
    assert answer["status"] == "done", answer
    assert re.search(r"\[\d+\]", answer["summary_markdown"])
    assert str(LEAD["contact_id"]) in json.dumps(answer["lead"])


@pytest.mark.parametrize(
    ("transport", "era"), [("http", "legacy"), ("http", "modern"), ("stdio", "modern")]
)
def test_the_inspector_lists_what_the_server_offers(
    served: servers.Server, tmp_path: Path, home: Path, transport: str, era: str
) -> None:
    target = served if transport == "http" else servers.stdio(tmp_path / "data")
    tools = inspect(target, home, "tools/list", era=era)["tools"]
    assert "enrich_lead_session" in {tool["name"] for tool in tools}
    prompts = inspect(target, home, "prompts/list", era=era)["prompts"]
    assert "enrich_lead" in {prompt["name"] for prompt in prompts}
    if transport == "http":  # what they look like does not depend on the transport
        assert inspect(target, home, "resources/list", era=era)["resources"] is not None
        templates = inspect(target, home, "resources/templates/list", era=era)
        assert "page://{sha256}" in {t["uriTemplate"] for t in templates["resourceTemplates"]}


def test_the_inspector_finds_no_fault_with_the_tools_schemas(
    served: servers.Server, home: Path
) -> None:
    """`--strict` ends with an error when a schema would not work in every host."""
    assert inspect(served, home, "tools/list", "--strict")["tools"]
