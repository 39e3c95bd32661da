"""Cold start, one call and memory, beside a bare MCPServer with an echo tool in the same run.

`python -m bench.overhead [--rounds 7] [--calls 200]`. Rounds alternate, so that the machine's noise
hits both alike; ratios are of medians.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from bench.report import emit, median, percentile
from examples.demo import LEAD, WORLD

BARE = """
import sys
from mcp.server import MCPServer
server = MCPServer("bare", version="1", title="bare", log_level="ERROR")
@server.tool()
def echo(text: str) -> str:
    "Echo."
    return text
if len(sys.argv) > 1:
    server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
else:
    server.run("stdio")
"""
TARGETS = {"start_ratio": 1.3, "call_ratio_stdio": 2.0, "call_ratio_http": 2.0, "rss_ratio": 1.5}


def _ours(data_dir: str, *more: str, world: bool = False) -> tuple[list[str], dict[str, str]]:
    """The server as a user runs it; twins only to prepare a session, they are no part of it."""
    environment = {**os.environ, "DATA411_DATA_DIR": data_dir}
    if world:
        environment["DATA411_WORLD"] = str(WORLD)
    return [sys.executable, "-m", "data411_mcp", "serve", *more], environment


def _bare(script: Path, *more: str) -> tuple[list[str], dict[str, str]]:
    return [sys.executable, str(script), *more], dict(os.environ)


def _stdio(command: tuple[list[str], dict[str, str]]) -> StdioServerParameters:
    argv, environment = command
    return StdioServerParameters(command=argv[0], args=argv[1:], env=environment)


async def _start_seconds(command: tuple[list[str], dict[str, str]]) -> float:
    began = time.perf_counter()
    async with Client(stdio_client(_stdio(command))) as client:
        await client.list_tools()
        return time.perf_counter() - began


async def _calls(client: Client, tool: str, arguments: dict[str, Any], count: int) -> list[float]:
    took = []
    for _ in range(count):
        began = time.perf_counter()
        result = await client.call_tool(tool, arguments)
        took.append(time.perf_counter() - began)
        assert not result.is_error
    return took


async def _prepare(data_dir: str) -> str:
    """A session in the store, so that get_lead_graph has something to read."""
    async with Client(stdio_client(_stdio(_ours(data_dir, world=True)))) as client:
        result = await client.call_tool("enrich_lead_session", {"lead": LEAD})
        answer = result.structured_content or {}
        while answer.get("status") == "running":
            waited = await client.call_tool("wait_enrich_job", {"job_id": answer["job_id"]})
            answer = waited.structured_content or {}
        assert answer["status"] == "done", answer
        return str(answer["chat_session_id"])


def _rss_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def _port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


async def _over_http(
    command: Callable[[int], tuple[list[str], dict[str, str]]], tool: str,
    arguments: dict[str, Any], count: int,
) -> tuple[list[float], int]:  # fmt: skip
    port = _port()
    argv, environment = command(port)
    process = subprocess.Popen(argv, env=environment, stdout=subprocess.DEVNULL)
    try:
        with anyio.fail_after(30):
            while True:
                try:
                    stream = await anyio.connect_tcp("127.0.0.1", port)
                except OSError:
                    await anyio.sleep(0.05)
                    continue
                await stream.aclose()
                break
        async with Client(f"http://127.0.0.1:{port}/mcp") as client:
            await _calls(client, tool, arguments, 20)
            took = await _calls(client, tool, arguments, count)
            return took, _rss_kib(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=10)


async def measure(rounds: int, calls: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="data411-bench-") as data_dir:
        script = Path(data_dir) / "bare.py"
        script.write_text(BARE, encoding="utf-8")
        chat = await _prepare(data_dir)
        graph = {"chat_session_id": chat}
        starts: dict[str, list[float]] = {"ours": [], "bare": []}
        stdio: dict[str, list[float]] = {"ours": [], "bare": []}
        http: dict[str, list[float]] = {"ours": [], "bare": []}
        rss: dict[str, int] = {}
        for _ in range(rounds):
            starts["bare"].append(await _start_seconds(_bare(script)))
            starts["ours"].append(await _start_seconds(_ours(data_dir)))
        for _ in range(max(2, rounds // 3)):
            async with Client(stdio_client(_stdio(_bare(script)))) as client:
                await _calls(client, "echo", {"text": "x"}, 20)
                stdio["bare"] += await _calls(client, "echo", {"text": "x"}, calls)
            async with Client(stdio_client(_stdio(_ours(data_dir)))) as client:
                await _calls(client, "get_lead_graph", graph, 20)
                stdio["ours"] += await _calls(client, "get_lead_graph", graph, calls)
            took, rss["bare"] = await _over_http(
                lambda p: _bare(script, str(p)), "echo", {"text": "x"}, calls
            )
            http["bare"] += took
            took, rss["ours"] = await _over_http(
                lambda p: _ours(data_dir, "--transport", "http", "--port", str(p)),
                "get_lead_graph", graph, calls,
            )  # fmt: skip
            http["ours"] += took
    ratios = {
        "start_ratio": median(starts["ours"]) / median(starts["bare"]),
        "call_ratio_stdio": median(stdio["ours"]) / median(stdio["bare"]),
        "call_ratio_http": median(http["ours"]) / median(http["bare"]),
        "rss_ratio": rss["ours"] / rss["bare"],
    }
    return {
        "ours": _figures(starts["ours"], stdio["ours"], http["ours"], rss["ours"]),
        "baselines": {
            "bare_mcpserver": _figures(starts["bare"], stdio["bare"], http["bare"], rss["bare"])
        },
        "ratios": {name: round(value, 3) for name, value in ratios.items()},
        "targets": TARGETS,
        "ok": {name: ratios[name] <= limit for name, limit in TARGETS.items()},
    }


def _figures(
    starts: list[float], stdio: list[float], http: list[float], rss: int
) -> dict[str, float]:
    return {
        "start_seconds_p50": round(median(starts), 3),
        "stdio_call_ms_p50": round(median(stdio) * 1000, 3),
        "stdio_call_ms_p95": round(percentile(stdio, 0.95) * 1000, 3),
        "http_call_ms_p50": round(median(http) * 1000, 3),
        "http_call_ms_p95": round(percentile(http, 0.95) * 1000, 3),
        "rss_mib": round(rss / 1024, 1),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=200)
    options = parser.parse_args()
    emit(anyio.run(measure, options.rounds, options.calls))
