"""What one machine carries: jobs a second on SQLite and PostgreSQL, many chats at once in one
process, and the replay of a long job's events.

`python -m bench.load [WORLD] [--only jobs chats events] [--jobs 500] [--rounds 3]
[--chats 200] [--events 10000] [--latency 1.0] [--database-url URL]`. PostgreSQL is the server of
the URL, of DATA411_TEST_DATABASE_URL, or the one on this machine; a database of its own is made
there and dropped. Without a server the result says `absent`.
"""

from __future__ import annotations

import argparse
import getpass
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import anyio
import psycopg
from psycopg import sql

from bench.load_chats import measure_chats
from bench.load_jobs import (
    LEASE_TABLE,
    OURS_POSTGRES,
    OURS_SQLITE,
    PROCRASTINATE,
    Engine,
    measure_engine,
    measure_replay,
)
from bench.report import emit, median
from examples.demo import WORLD

PARTS = ("jobs", "chats", "events")
URL_VARIABLE = "DATA411_TEST_DATABASE_URL"
CONNECT_SECONDS = 3


def server_url(given: str | None) -> str | None:
    """A server on which databases may be made; None where there is none."""
    named = given or os.environ.get(URL_VARIABLE)
    if named:
        return named
    user = quote(getpass.getuser(), safe="")
    for database in ("postgres", "template1", user):
        url = f"postgresql://{user}@127.0.0.1:5432/{database}"
        try:
            psycopg.connect(url, connect_timeout=CONNECT_SECONDS).close()
        except psycopg.OperationalError:
            continue
        return url
    return None


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    name = f"data411_bench_{secrets.token_hex(6)}"
    identifier = sql.Identifier(name)
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(identifier))
    try:
        parts = urlsplit(server)
        yield urlunsplit((parts.scheme, parts.netloc, f"/{name}", parts.query, ""))
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))


@contextmanager
def fresh_folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="data411-bench-") as folder:
        yield folder


async def jobs(count: int, rounds: int, server: str | None) -> dict[str, Any]:
    with fresh_folder() as ours, fresh_folder() as bare:
        found = {"sqlite": await _beside(OURS_SQLITE, ours, LEASE_TABLE, bare, count, rounds)}
    if server is None:
        return {**found, "postgres": _absent()}
    with fresh_database(server) as ours, fresh_database(server) as bare:
        found["postgres"] = await _beside(OURS_POSTGRES, ours, PROCRASTINATE, bare, count, rounds)
    return found


async def _beside(
    ours: Engine, our_place: str, baseline: Engine, its_place: str, count: int, rounds: int
) -> dict[str, Any]:
    """Medians of rounds that alternate, so that the machine's noise hits both alike."""
    its, our = [], []
    for _ in range(rounds):
        its.append(await measure_engine(baseline, its_place, count))
        our.append(await measure_engine(ours, our_place, count))
    figures = list(our[0])
    ratios = {f: median([o[f] / i[f] for o, i in zip(our, its, strict=True)]) for f in figures}
    return {
        "jobs": count,
        "ours": {f: round(median([o[f] for o in our]), 1) for f in figures},
        "baselines": {baseline.name: {f: round(median([i[f] for i in its]), 1) for f in figures}},
        "ratios": {name: round(ratio, 3) for name, ratio in ratios.items()},
    }


async def events(count: int, server: str | None) -> dict[str, Any]:
    with fresh_folder() as folder:
        found: dict[str, Any] = {"sqlite": await measure_replay(folder, count)}
    if server is None:
        return {**found, "postgres": _absent()}
    with fresh_database(server) as url:
        found["postgres"] = await measure_replay(url, count)
    return found


def _absent() -> dict[str, str]:
    return {"absent": f"no PostgreSQL server: give --database-url or {URL_VARIABLE}"}


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    server = server_url(options.database_url)
    result: dict[str, Any] = {}
    if "jobs" in options.only:
        result["jobs"] = await jobs(options.jobs, options.rounds, server)
    if "events" in options.only:
        result["events"] = await events(options.events, server)
    if "chats" in options.only:
        result["chats"] = await measure_chats(options.world, options.chats, options.latency)
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("world", nargs="?", type=Path, default=WORLD)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chats", type=int, default=200)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--latency", type=float, default=1.0)
    parser.add_argument("--database-url")
    emit(anyio.run(measure, parser.parse_args()))
