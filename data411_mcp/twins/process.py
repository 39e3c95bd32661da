"""Twins in a child process, for benches."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from data411_mcp.network import TwinAddress
from data411_mcp.twins.world import load_world

START_TIMEOUT_SECONDS = 20.0
STOP_TIMEOUT_SECONDS = 5.0
POLL_SECONDS = 0.02


@asynccontextmanager
async def spawned_twins(
    path: Path, *, latency: float = 0.0, seed: int = 0, rate_limits: bool = True
) -> AsyncIterator[TwinAddress]:
    """Twins in a child process, so that a bench does not share its CPU time with them.

    Raises WorldInvalid before anything starts, TimeoutError if the child does not listen in time.
    """
    load_world(path)
    with tempfile.TemporaryDirectory(prefix="data411-twins-") as folder:
        connection_file = Path(folder) / "twins.json"
        command = [
            *(sys.executable, "-m", "data411_mcp.twins", str(path), str(connection_file)),
            *("--latency", str(latency), "--seed", str(seed)),
            *([] if rate_limits else ["--no-rate-limits"]),
        ]
        child = await anyio.open_process(
            command, stdin=subprocess.DEVNULL, stdout=None, stderr=None
        )
        async with child:
            try:
                with anyio.fail_after(START_TIMEOUT_SECONDS):
                    while not await anyio.Path(connection_file).exists():
                        if child.returncode is not None:
                            raise TimeoutError("the twins ended before they listened")
                        await anyio.sleep(POLL_SECONDS)
                yield TwinAddress.read(connection_file)
            finally:
                with anyio.CancelScope(shield=True):
                    if child.returncode is None:
                        child.terminate()
                    with anyio.move_on_after(STOP_TIMEOUT_SECONDS):
                        await child.wait()
