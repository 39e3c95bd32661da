"""The list of tools: what a model reads before it calls anything."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from data411_mcp.tools import TOOLS

from tests.tools.mcp_sessions import ERAS, connected

SNAPSHOTS = Path(__file__).resolve().parent.parent / "snapshots" / "tools"
DESCRIPTION_CHARS_MAX = 1024
LIST_BYTES_MAX = 17_500


async def listed(data_dir: Path, mode: str = "auto") -> list[Any]:
    async with connected(data_dir, mode=mode) as client:
        return list((await client.list_tools()).tools)


@pytest.mark.parametrize("mode", ERAS)
async def test_every_tool_is_listed_with_explicit_hints(tmp_path: Path, mode: str) -> None:
    tools = await listed(tmp_path, mode)
    assert [t.name for t in tools] == [spec.name for spec in TOOLS]
    for tool in tools:
        hints = tool.annotations
        assert hints is not None, tool.name
        given = (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint,
                 hints.open_world_hint)  # fmt: skip
        assert None not in given, tool.name
        assert tool.title, tool.name


async def test_descriptions_are_short_and_every_argument_is_explained_or_plain(
    tmp_path: Path,
) -> None:
    for tool in await listed(tmp_path):
        assert 20 <= len(tool.description or "") <= DESCRIPTION_CHARS_MAX, tool.name
        for name, schema in tool.input_schema["properties"].items():
            assert name.islower(), (tool.name, name)
            typed = {"type", "anyOf", "enum", "$ref"} & schema.keys()
            assert typed, (tool.name, name)


async def test_the_list_costs_a_model_little(tmp_path: Path) -> None:
    tools = await listed(tmp_path)
    whole = json.dumps([t.model_dump(by_alias=True, exclude_none=True) for t in tools])
    assert len(whole) <= LIST_BYTES_MAX


async def test_the_lead_argument_names_its_fields_and_no_others(tmp_path: Path) -> None:
    enrich = next(t for t in await listed(tmp_path) if t.name == "enrich_lead_session")
    lead = enrich.input_schema["properties"]["lead"]
    assert lead["additionalProperties"] is False
    assert {"contact_id", "company", "domain", "number1", "dm_name"} <= lead["properties"].keys()


@pytest.mark.parametrize("name", [spec.name for spec in TOOLS])
async def test_schemas_are_as_they_were_committed(tmp_path: Path, name: str) -> None:
    """A change of a tool's wire form is a decision: UPDATE_SNAPSHOTS=1 records it."""
    tool = next(t for t in await listed(tmp_path) if t.name == name)
    now = json.dumps(tool.model_dump(by_alias=True, exclude_none=True), indent=2) + "\n"
    file = SNAPSHOTS / f"{name}.json"
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        SNAPSHOTS.mkdir(parents=True, exist_ok=True)
        file.write_text(now, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == now


def test_no_snapshot_is_of_a_tool_that_is_gone() -> None:
    assert {f.stem for f in SNAPSHOTS.glob("*.json")} == {spec.name for spec in TOOLS}


async def test_the_server_introduces_itself(tmp_path: Path) -> None:
    async with connected(tmp_path) as client:
        assert client.server_info is not None
        assert client.server_info.name == "data411"
        assert client.server_info.version
        assert "MULTI_LEAD_REFUSED" in (client.instructions or "")
