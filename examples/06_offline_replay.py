"""Runs a world's lead against its twins, in this process, and prints the whole graph as JSON.

python examples/06_offline_replay.py examples/worlds/hoops

Nothing leaves the machine: sites, registers, search and models answer from the folder. This is
how to replay a case that went wrong; docs/twins.md says how to write such a folder.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import anyio

from data411_mcp.app import open_services
from data411_mcp.domain.graph import Backfill
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.settings import Settings


async def replay(world: Path, data_dir: Path) -> Backfill:
    found = json.loads((world / "lead.json").read_text(encoding="utf-8"))
    lead = found[0] if isinstance(found, list) else found
    async with open_services(Settings(data_dir=data_dir, world=world)) as app:
        job = (await app.leads.start(app.tenant, {"lead": lead})).job
        while not job.final and job.status is not JobStatus.WAITING:
            job = await app.runner.wait(
                app.tenant, job.id, seconds=30,
                emit=lambda event: print(f"  {event.message}", file=sys.stderr),
            )  # fmt: skip
        return await app.views.load(app.tenant, job.chat_session_id)


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="data411-replay-") as data_dir:
        graph = anyio.run(replay, Path(sys.argv[1]), Path(data_dir))
    print(graph.model_dump_json(by_alias=True, indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
