"""Importing does nothing: no network, no heavy library before it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS = 60

NO_SOCKETS = """
import importlib, socket, sys

def refuse(*args, **kwargs):
    raise AssertionError("a socket was opened at import")

socket.socket.connect = socket.socket.connect_ex = socket.socket.bind = refuse
socket.getaddrinfo = socket.create_connection = refuse
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def modules() -> list[str]:
    files = [*(ROOT / "data411_mcp").rglob("*.py"), *(ROOT / "tools").glob("*.py")]
    names = [".".join(f.relative_to(ROOT).with_suffix("").parts) for f in files]
    ours = [n.removesuffix(".__init__") for n in names if not n.endswith("__main__")]
    return sorted(n if n.startswith("data411_mcp") else f"data411_mcp.{n}" for n in ours)


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        cwd=ROOT,
    )


def test_no_module_opens_a_socket_when_it_is_imported() -> None:
    done = run(NO_SOCKETS, *modules())
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("library", ["openai", "uvicorn", "trustme", "mcp", "fastapi", "rich"])
def test_heavy_libraries_are_imported_only_when_they_are_needed(library: str) -> None:
    done = run(f"import sys, data411_mcp.app; sys.exit({library!r} in sys.modules)")
    assert done.returncode == 0, done.stderr or f"{library} was imported"


@pytest.mark.parametrize("library", ["openai", "trustme"])
def test_a_stdio_server_is_built_without_what_only_hunts_and_http_need(library: str) -> None:
    done = run(
        "import sys; from data411_mcp.serving import build_server; "
        "from data411_mcp.settings import Settings; build_server(Settings()); "
        f"sys.exit({library!r} in sys.modules)"
    )
    assert done.returncode == 0, done.stderr or f"{library} was imported"
