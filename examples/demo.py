"""The main job, end to end: one lead through a real MCP client over stdio, against the bundled
world's twins over real HTTP. Run by `make demo`; needs no key and no service."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import anyio
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

WORLD = Path(__file__).resolve().parent / "worlds" / "hoops"
LEAD = {
    "contact_id": 1737992709,
    "company": "Hoops & Gears and Clark",
    "domain": "hgautotech.com",
    "source_system": "demo_chat",
}
ADD_TO_CLAUDE = "claude mcp add data411 -- data411-mcp serve"
YOUR_OWN_LEAD = "data411-mcp enrich --lead lead.json"


async def demo(data_dir: str) -> bool:
    """Whether the session came to its end."""
    environment = {
        **os.environ,
        "DATA411_DATA_DIR": data_dir,
        "DATA411_WORLD": str(WORLD),
        "DATA411_TWIN_LATENCY": os.environ.get("DATA411_TWIN_LATENCY", "0.05"),
    }
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "data411_mcp", "serve"], env=environment
    )
    began = time.monotonic()

    async def show_progress(progress: float, total: float | None, message: str | None) -> None:
        print(f"  {time.monotonic() - began:5.1f}s  {message}")

    print("Lead as pasted from the CRM:")
    for name, value in LEAD.items():
        print(f"  {name:<14} {value}")
    print("\nenrich_lead_session over MCP (stdio), against the bundled world:")
    async with Client(stdio_client(server)) as client:
        result = await client.call_tool(
            "enrich_lead_session", {"lead": LEAD}, progress_callback=show_progress
        )
        answer = result.structured_content or {}
        while answer.get("status") == "running":
            result = await client.call_tool(
                "wait_enrich_job", {"job_id": answer["job_id"]}, progress_callback=show_progress
            )
            answer = result.structured_content or {}
        if result.is_error or answer.get("status") != "done":
            print(*(getattr(part, "text", "") for part in result.content), file=sys.stderr)
            return False
        await show(client, answer)
        return True


async def show(client: Client, answer: dict[str, Any]) -> None:
    card = answer["identity"]
    print(f"\nIdentity: {card['decision']} · {card['name']} · {card.get('domain', '')}")
    print(f"  because {card['difference']}")
    for runner_up in card.get("runners_up", []):
        print(f"  not     {runner_up}")
    slots = await client.call_tool(
        "get_lead_graph",
        {"chat_session_id": answer["chat_session_id"], "section": "slots", "limit": 25},
    )
    print(f"\n{'Slot':<14}{'State':<12}{'Findings':>8}{'Proven':>8}{'Seconds':>9}  Note")
    for row in (slots.structured_content or {})["items"]:
        note = row["reason"] or ", ".join(row["degraded"])
        print(
            f"{row['label']:<14}{row['state']:<12}{row['findings']:>8}{row['proven']:>8}"
            f"{row['seconds']:>9.1f}  {note}"
        )
    summary = await client.call_tool(
        "get_lead_graph", {"chat_session_id": answer["chat_session_id"], "section": "summary"}
    )
    print()
    for part in (summary.structured_content or {})["items"]:
        print(part["summary_markdown"].rstrip())
    held = await client.call_tool(
        "get_lead_graph",
        {"chat_session_id": answer["chat_session_id"], "section": "unmerged", "limit": 8},
    )
    found = held.structured_content or {}
    if found["total"]:
        print(f"\nHeld back, not printed as fact ({found['total']}):")
        for item in found["items"]:
            print(f"  {item['kind']}: {item['label'][:60]} ({item['reason']})")
    print("\nGaps, and what one call costs:")
    for gap in answer["gaps"]:
        print(f"  ${gap['price_usd']:.2f}  {gap['text']}")
    spent = answer["cost"]
    print(
        f"\nSpent: ${spent['charged_usd']:.2f} charged; the (twin) vendors would have cost "
        f"${spent['vendor_usd']:.4f}."
    )
    print("\nAdd it to Claude:     " + ADD_TO_CLAUDE)
    print("For your own lead:    " + YOUR_OWN_LEAD)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="data411-demo-") as data_dir:
        if not anyio.run(demo, data_dir):
            raise SystemExit(1)


if __name__ == "__main__":
    main()
