"""A server that cannot open its services says so at every call, and never lets one hang."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from mcp.client.client import Client
from mcp.client.stdio import stdio_client

from tests.tools.mcp_sessions import ERAS, stdio_server


@pytest.mark.parametrize("mode", ERAS)
async def test_a_data_folder_that_cannot_be_used_ends_the_call(tmp_path: Path, mode: str) -> None:
    """The key of the tombstones is a folder here: nothing that a person would set up."""
    (tmp_path / "tombstone.key").mkdir()
    with anyio.fail_after(40):
        async with Client(stdio_client(stdio_server(tmp_path)), mode=mode) as client:
            result = await client.call_tool("get_lead_graph", {"chat_session_id": "c"})
    assert result.is_error is True
    assert result.structured_content is not None
    assert result.structured_content["code"] in {"INTERNAL", "STORE_ERROR"}
