"""What the tool list and typical answers cost a conversation, in bytes of JSON.

`python -m bench.context` - names, descriptions and input schemas of all tools, target 10,000; and
text with structured content of one answer of each kind, on the demo's world, target 8,000 each.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import anyio
from mcp.client.client import Client
from mcp_types import CallToolResult

from bench.report import emit
from data411_mcp.serving import build_server
from data411_mcp.settings import Settings

TOOL_LIST_BYTES_MAX = 10_000  # 17 tools, about 2,500 tokens
ANSWER_BYTES_MAX = 8000
CALL_SECONDS = 60.0
WORLD = Path(__file__).resolve().parent.parent / "examples" / "worlds" / "hoops"


async def measure() -> dict[str, object]:
    tools = await build_server(Settings()).list_tools()
    rows = {
        tool.name: _bytes(
            {
                "name": tool.name,
                "description": tool.description,
                "inputSchema": tool.input_schema,
            }
        )
        for tool in tools
    }
    total = sum(rows.values())
    answers = await _answers()
    return {
        "ours": {"bytes": total, "tools": rows, "answers": answers},
        "target_bytes": TOOL_LIST_BYTES_MAX,
        "target_answer_bytes": ANSWER_BYTES_MAX,
        "ok": total <= TOOL_LIST_BYTES_MAX and max(answers.values()) <= ANSWER_BYTES_MAX,
    }


async def _answers() -> dict[str, int]:
    """A session of the demo's lead and its follow-ups."""
    lead = json.loads((WORLD / "lead.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="data411-bench-") as folder:
        server = build_server(Settings(data_dir=Path(folder), world=WORLD, log_level="ERROR"))
        async with Client(server) as client:
            measured: dict[str, int] = {}

            async def call(tool: str, **arguments: Any) -> dict[str, Any]:
                result = await client.call_tool(tool, arguments, read_timeout_seconds=CALL_SECONDS)
                if result.is_error:
                    raise RuntimeError(f"{tool} was refused")
                measured[tool] = _cost(result)
                return dict(result.structured_content or {})

            chat = (await call("enrich_lead_session", lead=lead))["chat_session_id"]
            await call("rerun_hunt_slot", chat_session_id=chat, model_id="data411-hunt-forge")
            await call("resynthesize_lead_graph", chat_session_id=chat)
            await call("get_lead_graph", chat_session_id=chat, section="contacts")
            await call("get_account")
            return measured


def _cost(result: CallToolResult) -> int:
    texts = sum(len(getattr(part, "text", "").encode()) for part in result.content)
    return texts + _bytes(result.structured_content)


def _bytes(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


if __name__ == "__main__":
    emit(anyio.run(measure))
