"""The stdio server, noting when each progress notification is handed to the SDK.

`python -m bench.stamped_server FILE`: one line `progress seconds` a notification, wall clock.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from mcp.server.mcpserver import Context

from data411_mcp.serving import run_stdio
from data411_mcp.settings import Settings


def main(path: Path) -> None:
    send = Context.report_progress

    async def stamped(
        self: Context[object, object],
        progress: float,
        total: float | None = None,
        message: str | None = None,
    ) -> None:
        with path.open("a", encoding="ascii") as stamps:
            stamps.write(f"{int(progress)} {time.time()}\n")
        await send(self, progress, total, message)

    setattr(Context, "report_progress", stamped)  # noqa: B010 - mypy forbids the assignment
    run_stdio(Settings())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
