"""What `data411-mcp worker` runs: jobs, until it is told to stop."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import anyio

Opens = Callable[[], AbstractAsyncContextManager[object]]


def run_worker(open_working: Opens) -> None:
    """Run what the factory opens, a job runner that works, until SIGTERM or SIGINT; then close
    it, which hands running jobs back. A second signal ends the process at once."""
    anyio.run(_until_told, open_working)


async def _until_told(open_working: Opens) -> None:
    told = anyio.Event()

    async def listen() -> None:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            ready.set()
            async for number in signals:
                if told.is_set():
                    os._exit(128 + number)
                told.set()

    ready = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listen)
        await ready.wait()
        async with open_working():
            await told.wait()
        tasks.cancel_scope.cancel()
