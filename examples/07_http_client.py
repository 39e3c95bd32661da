"""A client over streamable HTTP: enriches a lead, then pages through everyone who was found.

data411-mcp serve --transport http --port 8411
python examples/07_http_client.py lead.json http://127.0.0.1:8411/mcp
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
from mcp.client.client import Client


async def contacts(client: Client, chat_session_id: str) -> AsyncIterator[dict[str, Any]]:
    """Everyone in the graph, page by page."""
    cursor: int | None = 0
    while cursor is not None:
        result = await client.call_tool(
            "get_lead_graph",
            {"chat_session_id": chat_session_id, "section": "contacts", "cursor": cursor},
        )
        page = result.structured_content or {}
        for item in page["items"]:
            yield item
        cursor = page["next_cursor"]


async def run(lead: dict[str, Any], url: str) -> int:
    async with Client(url) as client:
        result = await client.call_tool("enrich_lead_session", {"lead": lead})
        answer = result.structured_content or {}
        while answer.get("status") == "running":
            result = await client.call_tool("wait_enrich_job", {"job_id": answer["job_id"]})
            answer = result.structured_content or {}
        if answer.get("status") != "done":
            print(json.dumps(answer, indent=2), file=sys.stderr)
            return 1
        async for contact in contacts(client, answer["chat_session_id"]):
            name, title = contact["name"], contact.get("title", {})
            print(f"{name['status']:<10} {name['value']:<24} {title.get('value', '')}")
    return 0


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    lead = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    return anyio.run(run, lead, sys.argv[2])


if __name__ == "__main__":
    raise SystemExit(main())
