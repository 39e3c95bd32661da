"""A client over stdio that watches a session as it runs.

python examples/05_watch_progress.py lead.json
python examples/05_watch_progress.py lead.json --world examples/worlds/hoops   (no network)
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import anyio
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters


async def show(progress: float, total: float | None, message: str | None) -> None:
    print(f"{int(progress):4}  {message}", file=sys.stderr)


async def watch(lead: dict[str, Any], world: Path | None) -> dict[str, Any]:
    """Start the session and follow it, call after call, for as long as it runs."""
    arguments = ["-m", "data411_mcp", "serve", *(["--world", str(world)] if world else [])]
    server = StdioServerParameters(command=sys.executable, args=arguments, env=dict(os.environ))
    async with Client(server) as client:
        result = await client.call_tool(
            "enrich_lead_session", {"lead": lead}, progress_callback=show
        )
        answer = result.structured_content or {}
        while answer.get("status") == "running":
            result = await client.call_tool(
                "wait_enrich_job", {"job_id": answer["job_id"]}, progress_callback=show
            )
            answer = result.structured_content or {}
    return answer


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lead", type=Path, help="a JSON file with the lead")
    parser.add_argument("--world", type=Path, help="a world of twins instead of the web")
    given = parser.parse_args()
    lead = json.loads(given.lead.read_text(encoding="utf-8"))
    answer = anyio.run(watch, lead, given.world)
    if answer.get("status") == "needs_identity":
        print("Which company is meant?")
        for choice in answer["identity"]["choices"]:
            print(f"- {choice['id']}: {choice['name']} ({choice['why']})")
        return 3
    if answer.get("status") != "done":
        print(json.dumps(answer, indent=2), file=sys.stderr)
        return 1
    print(answer["summary_markdown"])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
