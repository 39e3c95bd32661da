"""The built package: complete, installed and used outside the checkout, without a network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from data411_mcp.tools import TOOLS

from tests.tools.mcp_sessions import ROOT, process_environment

SECONDS = 120
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "dist", "build"
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """sdist, then the wheel from that sdist, as a release is made."""
    source = tmp_path_factory.mktemp("build") / "source"
    shutil.copytree(ROOT, source, ignore=LEFT_OUT)
    out = source.parent / "dist"
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(source)],
        check=True,
        capture_output=True,
        timeout=SECONDS,
        cwd=source.parent,
    )
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a fresh environment that has the wheel, and this one's dependencies."""
    home = tmp_path_factory.mktemp("installed") / "env"
    venv.create(home, with_pip=False, symlinks=os.name != "nt")
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(home), "platbase": str(home)}))
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(home), "install", "--no-deps", "--no-index",
         "--disable-pip-version-check", str(wheel)],
        check=True,
        capture_output=True,
        timeout=SECONDS,
        cwd=home,
    )  # fmt: skip
    dependencies = site.parent.parent.parent / "dependencies"
    dependencies.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "data411" not in entry.name and entry.suffix != ".pth":
            (dependencies / entry.name).symlink_to(entry, target_is_directory=entry.is_dir())
    (site / "dependencies.pth").write_text(f"{dependencies}\n", encoding="utf-8")
    return home / ("Scripts" if os.name == "nt" else "bin")


def test_the_wheel_holds_one_package_and_nothing_of_the_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    top = {name.split("/")[0] for name in names}
    assert {t for t in top if not t.endswith(".dist-info")} == {"data411_mcp"}
    assert len(names) == len(set(names))
    assert "data411_mcp/tools/leads.py" in names
    assert "data411_mcp/prompts/synthesis.md" in names
    assert "data411_mcp/adapters/store/queries.sql" in names
    assert any(n.startswith("data411_mcp/adapters/store/migrations/") for n in names)
    assert any(n.endswith("licenses/LICENSE") for n in names)
    unwanted = {"tests", "bench", "examples", ".ci", "__pycache__"}
    assert not [n for n in names if unwanted & set(n.split("/"))]


def test_every_data_file_of_the_checkout_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    for folder, inside in (("data411_mcp", ""), ("tools", "data411_mcp/"),
                           ("prompts", "data411_mcp/")):  # fmt: skip
        for file in (ROOT / folder).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                assert inside + file.relative_to(ROOT).as_posix() in packed


def run(installed: Path, data_dir: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        env=process_environment(data_dir, None),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        cwd=data_dir,
    )


def test_the_command_works_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    command = str(installed / "data411-mcp")
    done = run(installed, tmp_path, command, "--help")
    assert done.returncode == 0, done.stderr
    assert "enrich" in done.stdout
    migrated = run(installed, tmp_path, command, "migrate")
    assert migrated.returncode == 0, migrated.stderr


IN_PLACE = """
import json, pathlib, anyio, data411_mcp
from data411_mcp.adapters.prompts import load_prompt, load_script
from data411_mcp.adapters.store.sqlite import SqliteStore
import data411_mcp.prompts, data411_mcp.tools

async def main():
    async with SqliteStore.open(pathlib.Path("store.sqlite3")) as store:
        assert await store.session("local", "nobody") is None
    folder = pathlib.Path(data411_mcp.prompts.__file__).parent
    names = sorted(f.stem for f in folder.glob("*.md"))
    loaded = [bool(load_prompt(name).system) for name in names if name != "icp_script"]
    loaded.append(bool(load_script().lines))
    print(json.dumps({"at": data411_mcp.__file__, "prompts": names, "loaded": loaded}))

anyio.run(main)
"""


def test_prompts_and_migrations_load_from_the_installed_package(
    installed: Path, tmp_path: Path
) -> None:
    done = run(installed, tmp_path, str(installed / "python"), "-c", IN_PLACE)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert not Path(found["at"]).is_relative_to(ROOT)
    assert set(found["prompts"]) == {f.stem for f in (ROOT / "prompts").glob("*.md")}
    assert all(found["loaded"])


LIST_TOOLS = """
import sys, anyio
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters

async def main():
    server = StdioServerParameters(command=sys.argv[1], args=["serve"])
    async with Client(server) as client:
        print(*[tool.name for tool in (await client.list_tools()).tools])

anyio.run(main)
"""


def test_an_installed_server_lists_its_tools_over_stdio(installed: Path, tmp_path: Path) -> None:
    done = run(
        installed, tmp_path, str(installed / "python"), "-c", LIST_TOOLS,
        str(installed / "data411-mcp"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [spec.name for spec in TOOLS]
