"""What the tool list and typical answers cost a conversation, in bytes of JSON.

`python -m bench.context` - names, descriptions and input schemas of all tools; target 8,000.
"""

from __future__ import annotations

import json

import anyio

from bench.report import emit
from data411_mcp.app import build_server
from data411_mcp.settings import Settings

TOOL_LIST_BYTES_MAX = 8000


async def measure() -> dict[str, object]:
    tools = await build_server(Settings()).list_tools()
    rows = {
        tool.name: len(
            json.dumps(
                {
                    "name": tool.name,
                    "description": tool.description,
                    "inputSchema": tool.input_schema,
                },
                ensure_ascii=False,
                separators=(",", ":"),
            ).encode()
        )
        for tool in tools
    }
    total = sum(rows.values())
    return {"ours": {"bytes": total, "tools": rows}, "target_bytes": TOOL_LIST_BYTES_MAX,
            "ok": total <= TOOL_LIST_BYTES_MAX}  # fmt: skip


if __name__ == "__main__":
    emit(anyio.run(measure))
