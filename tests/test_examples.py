"""The examples run, and the configurations start the server that they name."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.tools.mcp_sessions import HOOPS, ROOT, process_environment

EXAMPLES = ROOT / "examples"
SECONDS = 90


def run(
    *command: str, data_dir: Path, world: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        env=process_environment(data_dir, world),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        cwd=ROOT,
    )  # fmt: skip


def servers(name: str) -> dict[str, Any]:
    found = json.loads((EXAMPLES / name).read_text(encoding="utf-8"))
    servers = found.get("mcpServers") or found["servers"]
    assert isinstance(servers, dict)
    return servers


@pytest.mark.parametrize(
    "name", ["01_claude_desktop.json", "03_vscode_mcp.json", "04_cursor_mcp.json"]
)
def test_a_configuration_starts_the_stdio_server_and_holds_no_key(name: str) -> None:
    found = servers(name)
    assert found.keys() == {"data411"}
    entry = found["data411"]
    assert entry["command"].endswith(".venv/bin/data411-mcp")
    assert entry["args"] == ["serve"]
    for value in entry["env"].values():
        assert value == "" or re.fullmatch(r"\$\{(input|env):[\w-]+\}", value)


def test_the_vscode_configuration_asks_for_each_input_it_uses() -> None:
    text = (EXAMPLES / "03_vscode_mcp.json").read_text(encoding="utf-8")
    asked = {row["id"] for row in json.loads(text)["inputs"] if row["password"]}
    assert set(re.findall(r"\$\{input:([\w-]+)\}", text)) == asked


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_the_claude_code_script_hands_over_the_server_and_the_keys_that_are_set(
    tmp_path: Path,
) -> None:
    """A stand-in `claude` on the path writes down what it was called with."""
    called = tmp_path / "called"
    program = tmp_path / "bin" / "claude"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nfor word in "$@"; do echo "$word"; done > "{called}"\n')
    program.chmod(0o755)
    path = f"{program.parent}:/usr/bin:/bin"
    subprocess.run(
        ["sh", str(EXAMPLES / "02_claude_code.sh")],
        env={"PATH": path, "TAVILY_API_KEY": "tvly with space"},
        check=True,
        timeout=SECONDS,
        cwd=tmp_path,
    )
    words = called.read_text(encoding="utf-8").splitlines()
    assert words[:5] == ["mcp", "add", "data411", "--scope", "user"]
    assert words[5:7] == ["--env", "TAVILY_API_KEY=tvly with space"]
    assert words[7:] == ["--", str(ROOT / ".venv" / "bin" / "data411-mcp"), "serve"]


def test_watching_progress_prints_the_summary_and_numbers_its_events(tmp_path: Path) -> None:
    done = run(
        "examples/05_watch_progress.py", str(HOOPS / "lead.json"), "--world", str(HOOPS),
        data_dir=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "## Hoops & Gears and Clark" in done.stdout
    numbers = [int(n) for n in re.findall(r"^ *(\d+)  \S", done.stderr, re.MULTILINE)]
    assert len(numbers) > 5
    assert numbers == sorted(set(numbers))


def test_an_offline_replay_prints_the_graph(tmp_path: Path) -> None:
    done = run("examples/06_offline_replay.py", str(HOOPS), data_dir=tmp_path)
    assert done.returncode == 0, done.stderr
    graph = json.loads(done.stdout)
    lead = json.loads((HOOPS / "lead.json").read_text(encoding="utf-8"))
    assert lead.items() <= graph["lead"].items()
    assert any(phone["status"] == "proven" for phone in graph["phones"])


@pytest.mark.parametrize("script", ["06_offline_replay.py", "07_http_client.py"])
def test_a_script_without_its_arguments_says_how_it_is_used(tmp_path: Path, script: str) -> None:
    done = run(f"examples/{script}", data_dir=tmp_path)
    assert done.returncode == 2
    assert f"python examples/{script}" in done.stderr


def test_the_http_client_lists_everyone_who_was_found(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "data411_mcp", "serve", "--transport", "http", "--port", str(port)],
        env=process_environment(tmp_path, HOOPS),
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    )
    try:
        _await_port(port, server)
        done = run(
            "examples/07_http_client.py", str(HOOPS / "lead.json"),
            f"http://127.0.0.1:{port}/mcp", data_dir=tmp_path,
        )  # fmt: skip
    finally:
        server.kill()
        server.wait()
    assert done.returncode == 0, done.stderr
    assert re.search(r"^proven +Dale Clark +Service Director$", done.stdout, re.MULTILINE)


def _await_port(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)  # polling another process's port is the only way to know
        else:
            return
    pytest.fail("the server did not start")


def test_every_example_is_in_the_list() -> None:
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for file in EXAMPLES.iterdir():
        if file.is_file() and not file.name.startswith(("__", "README")):
            assert f"`{file.name}`" in listed, file.name
