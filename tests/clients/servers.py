"""The server as a process of its own, over either transport, for clients that are not Python."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.tools.mcp_sessions import HOOPS, ROOT, process_environment

START_SECONDS = 40.0
POLL_SECONDS = 0.05
STOP_SECONDS = 10.0


@dataclass(frozen=True)
class Server:
    """Where a client finds the server: a URL, or a command to start it with."""

    url: str | None = None
    command: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    bearer: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The form that tests/clients/connect.mjs takes."""
        if self.url is not None:
            return {"url": self.url, "bearer": self.bearer}
        command, *arguments = self.command
        return {
            "command": command,
            "args": arguments,
            "env": dict(self.environment),
            "cwd": str(ROOT),
        }


def stdio(data_dir: Path, world: Path = HOOPS, **environment: str) -> Server:
    return Server(
        command=(sys.executable, "-m", "data411_mcp", "serve"),
        environment=tuple(process_environment(data_dir, world, **environment).items()),
    )


@contextmanager
def http(data_dir: Path, world: Path = HOOPS, **environment: str) -> Iterator[Server]:
    """A server on a free port of loopback, up when the block begins and gone when it ends."""
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "data411_mcp", "serve", "--transport", "http", "--port", str(port)],
        env=process_environment(data_dir, world, **environment),
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _await_listening(process, port)
        yield Server(url=f"http://127.0.0.1:{port}/mcp")
    finally:
        process.terminate()
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=STOP_SECONDS)


def new_key(data_dir: Path, tenant: str) -> str:
    """A key of the HTTP server, made on the command line as whoever runs the server does."""
    done = subprocess.run(
        [sys.executable, "-m", "data411_mcp", "keys", "create", "--json", "--tenant", tenant,
         "--name", "client-tests", "--scope", "read", "--scope", "enrich"],
        env=process_environment(data_dir), cwd=ROOT, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=START_SECONDS, check=True,
    )  # fmt: skip
    return str(json.loads(done.stdout)["key"])


def credit(data_dir: Path, tenant: str, usd: float) -> None:
    """Put money on a tenant's balance, on the command line."""
    subprocess.run(
        [sys.executable, "-m", "data411_mcp", "credit", "--tenant", tenant, "--usd", f"{usd:.2f}"],
        env=process_environment(data_dir), cwd=ROOT, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=START_SECONDS, check=True,
    )  # fmt: skip


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _await_listening(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the server ended with {process.returncode} before it listened")
        with socket.socket() as probe:
            probe.settimeout(1.0)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(POLL_SECONDS)
    raise AssertionError("the server does not listen")


def lead_of(world: Path) -> dict[str, Any]:
    found = json.loads((world / "lead.json").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found
