"""The server as hosts run it: a child process over stdio, and streamable HTTP on a port."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from anyio.abc import Process
from mcp.client.client import Client
from mcp.client.stdio import stdio_client

from tests.tools.mcp_sessions import (
    ERAS,
    HOOPS,
    LEAD,
    ROOT,
    WAIT_SECONDS,
    process_environment,
    stdio_server,
    structured,
    world_with_fault,
)
from tests.tools.test_tool_sessions import SLOW, Progress

START_SECONDS = 40.0
HEADERS = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "0"},
    },
}


@pytest.mark.parametrize("mode", ERAS)
async def test_a_lead_runs_over_stdio(tmp_path: Path, mode: str) -> None:
    progress = Progress()
    with anyio.fail_after(WAIT_SECONDS):
        async with Client(stdio_client(stdio_server(tmp_path)), mode=mode) as client:
            result = await client.call_tool(
                "enrich_lead_session", {"lead": LEAD}, progress_callback=progress
            )
    assert structured(result)["status"] == "done"
    assert progress.values == sorted(set(progress.values))
    assert len(progress.values) > 5


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
async def test_stdout_carries_only_the_protocol(tmp_path: Path) -> None:
    """With the loudest log level: every line on stdout is one JSON-RPC message."""
    environment = process_environment(tmp_path, DATA411_LOG_LEVEL="DEBUG")
    lines: list[str] = []
    async with _child(["serve"], environment) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        call = {
            "jsonrpc": "2.0", "id": 2, "method": "tools/call",
            "params": {"name": "enrich_lead_session", "arguments": {"lead": LEAD}},
        }  # fmt: skip
        ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        for message in (HELLO, ready, call):
            await server.stdin.send(json.dumps(message).encode() + b"\n")
        rest = b""
        with anyio.fail_after(WAIT_SECONDS):
            while not any(json.loads(line).get("id") == 2 for line in lines):
                rest += await server.stdout.receive()
                *whole, rest = rest.split(b"\n")
                lines += [line.decode() for line in whole]
        await server.stdin.aclose()
        with anyio.fail_after(START_SECONDS):
            async for chunk in server.stdout:
                rest += chunk
            assert await server.wait() == 0
    assert rest == b""
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in lines)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("end", ["kill -9", "the client is gone"])
async def test_a_session_outlives_its_server(tmp_path: Path, end: str) -> None:
    """The server ends in the middle of a run: the next one finishes it, as the same job."""
    world = world_with_fault(tmp_path / "world", SLOW)
    data = tmp_path / "data"
    environment = process_environment(data, world, DATA411_ANSWER_WITHIN_S="2")
    lines: list[dict[str, Any]] = []
    call = {
        "jsonrpc": "2.0", "id": 2, "method": "tools/call",
        "params": {"name": "enrich_lead_session",
                   "arguments": {"lead": LEAD, "chat_session_id": "chat-9"}},
    }  # fmt: skip
    async with _child(["serve"], environment) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        for message in (HELLO, ready, call):
            await server.stdin.send(json.dumps(message).encode() + b"\n")
        rest = b""
        with anyio.fail_after(WAIT_SECONDS):
            while not any(line.get("id") == 2 for line in lines):
                rest += await server.stdout.receive()
                *whole, rest = rest.split(b"\n")
                lines += [json.loads(line) for line in whole]
        if end == "kill -9":
            server.send_signal(signal.SIGKILL)
        else:
            await server.stdin.aclose()
        with anyio.fail_after(START_SECONDS):
            async for _ in server.stdout:
                pass
            await server.wait()
    started = lines[-1]["result"]["structuredContent"]
    assert started["status"] == "running"
    with anyio.fail_after(WAIT_SECONDS):
        async with Client(stdio_client(stdio_server(data))) as client:
            answer = {"status": "running"}
            while answer["status"] == "running":
                result = await client.call_tool(
                    "enrich_lead_session", {"lead": LEAD, "chat_session_id": "chat-9"}
                )
                answer = structured(result)
    assert answer["status"] == "done"
    assert answer["job_id"] == started["job_id"]


@pytest.mark.parametrize("mode", ERAS)
async def test_a_lead_runs_over_http_and_outlives_a_client_that_hangs_up(
    tmp_path: Path, mode: str
) -> None:
    world = world_with_fault(tmp_path / "world", {**SLOW, "fault": {"kind": "delay", "seconds": 2}})
    progress = Progress("Identity: clear")
    first = {"lead": LEAD, "chat_session_id": "chat-2"}
    with anyio.fail_after(WAIT_SECONDS):
        async with _http_server(tmp_path / "data", world) as url:
            async with anyio.create_task_group() as calls:

                async def hang_up() -> None:
                    async with Client(url, mode=mode) as client:
                        await client.call_tool(
                            "enrich_lead_session", first, progress_callback=progress
                        )

                calls.start_soon(hang_up)
                await progress.arrived.wait()
                calls.cancel_scope.cancel()
            async with Client(url, mode=mode) as client:
                answer = structured(await client.call_tool("enrich_lead_session", first))
                graph = structured(
                    await client.call_tool("get_lead_graph", {"chat_session_id": "chat-2"})
                )
    assert answer["status"] == "done"
    assert graph["sections"]["contacts"] >= 3


async def test_http_refuses_a_foreign_host_and_a_foreign_origin(tmp_path: Path) -> None:
    with anyio.fail_after(WAIT_SECONDS):
        async with (
            _http_server(tmp_path) as url,
            httpx2.AsyncClient(trust_env=False, timeout=WAIT_SECONDS) as web,
        ):
            rebound = await web.post(
                url, json=HELLO, headers={**HEADERS, "host": "attacker.example"}
            )
            page = await web.post(
                url, json=HELLO, headers={**HEADERS, "origin": "https://attacker.example"}
            )
            own = await web.post(url, json=HELLO, headers=HEADERS)
    assert rebound.status_code in {403, 421}
    assert page.status_code == 403
    assert own.status_code == 200


def test_a_world_of_twins_is_never_served_beyond_loopback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "data411_mcp", "serve", "--transport", "http", "--host", "0.0.0.0"],
        env=process_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        cwd=ROOT,
    )
    assert done.returncode == 2
    assert "INVALID_ARGUMENT" in done.stderr
    assert "loopback" in done.stderr


def test_server_py_is_the_same_server(tmp_path: Path) -> None:
    listing = "import anyio, server\nprint(*[t.name for t in anyio.run(server.mcp.list_tools)])"
    done = subprocess.run(
        [sys.executable, "-c", listing],
        env=process_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert "enrich_lead_session" in done.stdout.split()


@asynccontextmanager
async def _child(arguments: list[str], environment: dict[str, str]) -> AsyncIterator[Process]:
    """A process of ours, gone when the block ends. Its stderr is not ours to read."""
    command = [sys.executable, "-m", "data411_mcp", *arguments]
    process = await anyio.open_process(
        command, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        with anyio.CancelScope(shield=True):
            await process.wait()
            await process.aclose()


@asynccontextmanager
async def _http_server(data_dir: Path, world: Path = HOOPS) -> AsyncIterator[str]:
    """`data411-mcp serve --transport http` on a free port; yields the address of the endpoint."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    arguments = ["serve", "--transport", "http", "--port", str(port)]
    async with _child(arguments, process_environment(data_dir, world)) as server:
        with anyio.fail_after(START_SECONDS):
            while True:
                try:
                    async with await anyio.connect_tcp("127.0.0.1", port):
                        break
                except OSError:
                    assert server.returncode is None, "the server ended"
                    await anyio.sleep(0.05)
        yield f"http://127.0.0.1:{port}/mcp"
