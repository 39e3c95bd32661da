"""As a program, `session_racer.py DATA_DIR TWINS NUMBER`: five first calls at once for the chat
`contested`, each with a lead of its own. Prints `bound:ID` or the code of the refusal for each."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from data411_mcp.app import open_services
from data411_mcp.errors import Data411Error
from tests.services.session_world import TENANT, settings_of

CALLS = 5


async def race(data_dir: Path, twins: Path, number: int) -> None:
    async with open_services(settings_of(data_dir, twins)) as app:

        async def call(contact_id: int) -> None:
            lead = {"contact_id": contact_id, "company": f"Racing Company {contact_id}"}
            try:
                await app.leads.start(TENANT, {"lead": lead, "chat_session_id": "contested"})
            except Data411Error as error:
                sys.stdout.write(error.code + "\n")
            else:
                sys.stdout.write(f"bound:{contact_id}\n")

        async with anyio.create_task_group() as calls:
            for nth in range(CALLS):
                calls.start_soon(call, number * CALLS + nth)


if __name__ == "__main__":
    anyio.run(race, Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
