"""As a program, `follow_up_racer.py DATA_DIR TWINS CHAT`: three identical slot reruns at once.
Prints the id of the job that each call came to, once that is over."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from data411_mcp.app import open_services
from data411_mcp.services.payloads import SLOT_RERUN
from data411_mcp.services.routes import Terms
from tests.services.session_world import TENANT, settings_of

CALLS = 3
ASKED_SECONDS = 20.0


async def race(data_dir: Path, twins: Path, chat: str) -> None:
    async with open_services(settings_of(data_dir, twins)) as app:

        async def call() -> None:
            payload = {"chat_session_id": chat, "model_id": "data411-hunt-swift"}
            begun = await app.routes[SLOT_RERUN].start(TENANT, payload, Terms())
            await app.runner.wait(TENANT, begun.job.id, seconds=ASKED_SECONDS)
            sys.stdout.write(begun.job.id + "\n")

        async with anyio.create_task_group() as calls:
            for _ in range(CALLS):
                calls.start_soon(call)


if __name__ == "__main__":
    anyio.run(race, Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
