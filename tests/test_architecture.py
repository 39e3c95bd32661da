"""The arrows between the rooms, the purity of the core, and the size of modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "data411_mcp"
LINES_MAX = 600
FUNCTION_LINES_MAX = 70

# room → the rooms it may import from
ALLOWED = {
    "domain": {"domain", "errors"},
    "ports": {"domain", "errors", "ports"},
    "services": {"domain", "errors", "ports", "services"},
    "adapters": {"domain", "errors", "ports", "adapters", "settings", "network", "package"},
    "tools": {"domain", "errors", "services", "ports", "tools"},
    "web": {"domain", "errors", "services", "ports", "web", "package"},
    "twins": {"twins", "network", "domain", "package", "errors"},
}
PURE_MODULES_BANNED = {"httpx2", "aiosqlite", "anyio", "asyncio", "random", "secrets", "socket",
                       "openai", "mcp", "structlog", "os", "time"}  # fmt: skip


def room_of(module: str) -> str:
    parts = module.removeprefix("data411_mcp").lstrip(".").split(".")
    if parts[:2] == ["services", "ports"]:
        return "ports"
    return parts[0] or "package"


def sources() -> Iterator[tuple[Path, str]]:
    for path in sorted([*PACKAGE.rglob("*.py"), *(ROOT / "tools").rglob("*.py")]):
        relative = path.relative_to(ROOT).with_suffix("")
        name = ".".join(relative.parts).removesuffix(".__init__")
        yield path, name if name.startswith("data411_mcp") else f"data411_mcp.{name}"


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


ROOMS = [(path, module) for path, module in sources() if room_of(module) in ALLOWED]


@pytest.mark.parametrize(("path", "module"), ROOMS, ids=[module for _, module in ROOMS])
def test_a_module_imports_only_along_the_arrows(path: Path, module: str) -> None:
    room = room_of(module)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    ours = {m for m in imports(tree) if m.split(".")[0] == "data411_mcp"}
    backward = {m for m in ours if room_of(m) not in ALLOWED[room]}
    assert backward == set()


def test_the_core_is_pure() -> None:
    for path, module in sources():
        if room_of(module) != "domain":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert {m.split(".")[0] for m in imports(tree)} & PURE_MODULES_BANNED == set(), path.name
        for node in ast.walk(tree):
            assert not isinstance(node, ast.Await | ast.AsyncFunctionDef), path.name
            if isinstance(node, ast.Attribute):
                assert node.attr not in {"now", "utcnow", "today"}, path.name


def test_modules_and_functions_fit_a_reader() -> None:
    for path, _ in sources():
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= LINES_MAX, path.name
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                assert length <= FUNCTION_LINES_MAX, f"{path.name}:{node.name}"
