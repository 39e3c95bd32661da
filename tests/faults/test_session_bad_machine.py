"""The machine on a bad day: no network, a locked or full store, Ctrl-C, kill -9, a caller that
goes away. What was bought is kept, and is not bought again."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
import trustme

from data411_mcp.app import open_services
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.errors import StoreFull
from data411_mcp.network import TwinAddress
from data411_mcp.twins import load_world, running_twins
from data411_mcp.twins.dns_server import Zone, serve_dns
from data411_mcp.twins.rows import DnsRow
from data411_mcp.twins.serve import Twins
from tests.services.session_world import (
    PUMP_LEAD,
    ROOT,
    TENANT,
    lab,
    proven,
    pump_world,
    rows_of,
    settings_of,
    slot_of,
    until,
)

FORGE, SWIFT, DEEP = "data411-hunt-forge", "data411-hunt-swift", "data411-hunt-deep"
EXIT_NOTHING_LOOKED_UP = 4
EXIT_INTERRUPTED = 130


def closed_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@asynccontextmanager
async def nowhere(tmp_path: Path) -> AsyncIterator[None]:
    """A network in which no name resolves and nothing listens, as the product's network."""
    certificate = trustme.CA().cert_pem.bytes().decode()
    async with anyio.create_task_group() as serving:
        dead = DnsRow(name="alderpump.example", rcode="SERVFAIL")
        dns_port = await serving.start(serve_dns, Zone((), (dead,)))
        address = TwinAddress(closed_port(), closed_port(), dns_port, certificate, "nowhere")
        address.write(tmp_path / "twins.json")
        yield
        serving.cancel_scope.cancel()


@asynccontextmanager
async def command(
    tmp_path: Path, *more: str, lead: dict[str, Any] = PUMP_LEAD
) -> AsyncIterator[anyio.abc.Process]:
    """`data411-mcp enrich` in a process of its own; killed at the end of the block."""
    (tmp_path / "lead.json").write_text(json.dumps(lead), encoding="utf-8")
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {
        "DATA411_DATA_DIR": str(tmp_path / "data"),
        "DATA411_TWINS": str(tmp_path / "twins.json"),
        "DATA411_HOST_INTERVAL_S": "0",
        "DATA411_JINA_ENABLED": "false",
        "DATA411_LOG_LEVEL": "INFO",
        "PYTHONFAULTHANDLER": "1",
    }
    process = await anyio.open_process(
        [sys.executable, "-m", "data411_mcp", "enrich", "--lead", str(tmp_path / "lead.json"),
         *more],
        cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    async with process:
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()


async def ended(process: anyio.abc.Process) -> tuple[int, str, str]:
    """(exit code, stdout, stderr)"""
    said: dict[str, bytes] = {"out": b"", "err": b""}

    async def collect(name: str, stream: Any) -> None:
        async for piece in stream:
            said[name] += piece

    with anyio.fail_after(60):
        async with anyio.create_task_group() as reading:
            reading.start_soon(collect, "out", process.stdout)
            reading.start_soon(collect, "err", process.stderr)
            with anyio.move_on_after(40) as hung:
                await process.wait()
            if hung.cancelled_caught:
                process.send_signal(signal.SIGABRT)  # it writes where each thread stands
        code = await process.wait()
    return code, said["out"].decode(), said["err"].decode()


@asynccontextmanager
async def twins_of_the_pump_world(tmp_path: Path) -> AsyncIterator[Twins]:
    world = load_world(pump_world(tmp_path / "world"))
    async with running_twins(world, rate_limits=False) as twins:
        twins.address.write(tmp_path / "twins.json")
        yield twins


def bought(twins: Twins) -> list[str]:
    return [slot_of(entry.json) for entry in twins.calls("openrouter")]


def checkpointed(tmp_path: Path) -> set[str]:
    with closing(sqlite3.connect(tmp_path / "data" / "data411.sqlite3")) as store:
        return {step for (step,) in store.execute("SELECT step FROM checkpoints")}


def let_leases_lapse(tmp_path: Path) -> None:
    """What ten seconds of waiting would do after a worker died."""
    with closing(sqlite3.connect(tmp_path / "data" / "data411.sqlite3")) as store, store:
        store.execute("UPDATE jobs SET lease_until = 0 WHERE lease_until IS NOT NULL")


# --- no network -----------------------------------------------------------------------------


async def test_offline_every_slot_says_so_and_the_session_says_nothing_was_looked_up(
    tmp_path: Path,
) -> None:
    settings = settings_of(tmp_path / "data", tmp_path / "twins.json")
    async with nowhere(tmp_path), open_services(settings) as app:
        started = await app.leads.start(TENANT, {"lead": PUMP_LEAD})
        job = await app.runner.wait(TENANT, started.job.id, seconds=30)
        graph = await app.views.load(TENANT, job.chat_session_id)
    assert job.status is JobStatus.DONE
    assert "NOTHING_LOOKED_UP" in {n.code for n in graph.notices}
    assert len(graph.tool_trace.parallel_results) == 8
    for row in graph.tool_trace.parallel_results:
        assert row.state == "error", row.model_id
        assert row.reason, row.model_id
    assert proven(graph) == set()
    assert graph.identity.decision == "unknown"


async def test_offline_the_command_says_so_and_exits_with_4(tmp_path: Path) -> None:
    async with nowhere(tmp_path), command(tmp_path) as process:
        code, out, err = await ended(process)
    assert code == EXIT_NOTHING_LOOKED_UP, err
    assert "NOTHING_LOOKED_UP" in out
    assert "Nothing could be looked up" in out
    assert "Traceback" not in err


# --- the store ------------------------------------------------------------------------------


@asynccontextmanager
async def locked(store: Path) -> AsyncIterator[None]:
    other = sqlite3.connect(store, isolation_level=None, check_same_thread=False)
    with closing(other):
        await anyio.to_thread.run_sync(other.execute, "BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_a_store_locked_for_a_moment_by_another_process_is_waited_for(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(
            {"vendor": "openrouter", "slot": DEEP, "nth": 1, "fault": {"kind": "delay",
                                                                     "seconds": 0.3}}
        )  # fmt: skip
        started = await open_lab.start(PUMP_LEAD)
        await until(lambda: DEEP in open_lab.bought())
        async with locked(tmp_path / "data" / "data411.sqlite3"):
            await anyio.sleep(1.0)  # how long the other process holds it
        job = await open_lab.finish(started.job)
        assert job.status is JobStatus.DONE
        graph = await open_lab.graph(job.chat_session_id)
        assert rows_of(graph)[DEEP].state in {"done", "repetition"}
        assert open_lab.bought().count(DEEP) == 1


async def test_on_a_full_disk_the_call_is_refused_in_our_words(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        ran = await open_lab.run(PUMP_LEAD)
        writer = open_lab.app.store._db._writer  # type: ignore[attr-defined]
        pages = await writer.execute_fetchall("PRAGMA page_count")
        await writer.execute(f"PRAGMA max_page_count = {pages[0][0]}")
        outcome = ""
        for number in range(200):
            try:
                await open_lab.app.edits.correct(
                    TENANT, ran.chat, action="add", field_name="trade_name",
                    value=f"Trade name {number} of a company with very many trade names",
                )  # fmt: skip
            except Exception as error:
                outcome = getattr(error, "code", type(error).__name__)
                break
        assert outcome == "STORE_FULL"
        await writer.execute("PRAGMA max_page_count = 1000000")
        assert ("phone", "+16145550111") in proven(await open_lab.graph(ran.chat))
        again = await open_lab.run(None, chat_session_id=ran.chat, prompts=["Resynthesize."])
        assert again.job.status is JobStatus.DONE


async def test_a_disk_that_fills_up_during_a_run_ends_it_with_our_error(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(
            {"vendor": "openrouter", "slot": DEEP, "nth": 1, "fault": {"kind": "stall"}}
        )
        started = await open_lab.start(PUMP_LEAD)
        await until(lambda: DEEP in open_lab.bought())
        writer = open_lab.app.store._db._writer  # type: ignore[attr-defined]
        pages = await writer.execute_fetchall("PRAGMA page_count")
        await writer.execute(f"PRAGMA max_page_count = {pages[0][0]}")
        big = {"model": "x", "padding": "y" * 400_000}
        await open_lab.app.runner.retry_slot(TENANT, started.job.id, DEEP)
        with pytest.raises(StoreFull):
            await open_lab.app.store.checkpoint(
                started.job.id, "padding", json.dumps(big), now=open_lab.app.clock.now()
            )
        job = await open_lab.finish(started.job)
        assert job.status in {JobStatus.ERROR, JobStatus.DONE}
        if job.status is JobStatus.ERROR:
            assert json.loads(job.error or "{}")["code"] == "STORE_FULL"
        assert ("phone", "+16145550111") in proven(await open_lab.graph(job.chat_session_id))


# --- interrupted ----------------------------------------------------------------------------


async def test_a_command_killed_in_the_middle_is_finished_by_the_same_command(
    tmp_path: Path,
) -> None:
    async with twins_of_the_pump_world(tmp_path) as twins:
        twins.faults.add(
            {"vendor": "openrouter", "slot": DEEP, "nth": 1, "fault": {"kind": "stall"}}
        )
        async with command(tmp_path) as process:
            await until(lambda: DEEP in bought(twins), 20)
            await until(lambda: {f"slot:{s}" for s in (FORGE, SWIFT)} <= checkpointed(tmp_path))
            process.send_signal(signal.SIGKILL)
            await process.wait()
        let_leases_lapse(tmp_path)
        async with command(tmp_path, "--json") as process:
            code, out, err = await ended(process)
        assert code == 0, err
        graph = json.loads(out)
        counts = {slot: bought(twins).count(slot) for slot in set(bought(twins))}
        assert counts.pop(DEEP) == 2
        assert set(counts.values()) == {1}
        assert graph["summary_markdown"]
        rows = {r["model_id"]: r["state"] for r in graph["tool_trace"]["parallel_results"]}
        assert rows[FORGE] == "done"
        billed = twins.bill["openrouter"]
        stalled = billed - graph["spent"]["vendor_usd_micros"]
        assert 0 <= stalled < billed / 2  # only the answer that never came is not in the books


async def test_ctrl_c_says_that_the_session_is_kept_and_the_same_command_goes_on(
    tmp_path: Path,
) -> None:
    async with twins_of_the_pump_world(tmp_path) as twins:
        twins.faults.add(
            {"vendor": "openrouter", "slot": DEEP, "nth": 1, "fault": {"kind": "stall"}}
        )
        async with command(tmp_path) as process:
            await until(lambda: DEEP in bought(twins), 20)
            await until(lambda: {f"slot:{s}" for s in (FORGE, SWIFT)} <= checkpointed(tmp_path))
            process.send_signal(signal.SIGINT)
            code, _, err = await ended(process)
        assert code == EXIT_INTERRUPTED, err
        assert "The session is kept" in err
        assert "Traceback" not in err
        async with command(tmp_path, "--json") as process:
            code, out, err = await ended(process)
        assert code == 0, err
        assert json.loads(out)["summary_markdown"]
        counts = {slot: bought(twins).count(slot) for slot in set(bought(twins))}
        assert counts.pop(DEEP) == 2
        assert set(counts.values()) == {1}


async def test_a_refresh_killed_in_the_middle_still_starts_from_zero(tmp_path: Path) -> None:
    async with twins_of_the_pump_world(tmp_path) as twins:
        settings = settings_of(tmp_path / "data", tmp_path / "twins.json")
        async with open_services(settings) as app:
            started = await app.leads.start(TENANT, {"lead": PUMP_LEAD})
            await app.runner.wait(TENANT, started.job.id, seconds=30)
            chat = started.job.chat_session_id
        twins.faults.add({"host": "*alderpump.example", "fault": {"kind": "stall"}})
        seen = len(twins.calls("web"))
        async with command(tmp_path, "--chat", chat, "--refresh") as process:
            await until(lambda: len(twins.calls("web")) > seen, 20)
            process.send_signal(signal.SIGKILL)
            await process.wait()
        twins.faults.clear()
        twins.faults.add({"host": "*alderpump.example", "fault": {"kind": "status"}})
        let_leases_lapse(tmp_path)
        async with command(tmp_path, "--chat", chat, "--refresh", "--json") as process:
            code, out, err = await ended(process)
        assert code == 0, err
        assert "office@alderpump.example" not in {e["value"] for e in json.loads(out)["emails"]}


async def test_when_the_caller_goes_away_the_session_finishes_and_is_there_at_the_next_call(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(
            {"vendor": "openrouter", "slot": DEEP, "nth": 1, "fault": {"kind": "delay",
                                                                     "seconds": 0.3}}
        )  # fmt: skip
        started = await open_lab.start(PUMP_LEAD)
        waiting = anyio.Event()

        async def caller() -> None:
            waiting.set()
            await open_lab.app.runner.wait(TENANT, started.job.id, seconds=30)
            pytest.fail("the caller was meant to be gone by now")

        async with anyio.create_task_group() as callers:
            callers.start_soon(caller)
            await waiting.wait()
            await until(lambda: DEEP in open_lab.bought())
            callers.cancel_scope.cancel()
        again = await open_lab.run(PUMP_LEAD, chat_session_id=started.job.chat_session_id)
        assert again.job.id == started.job.id
        assert again.job.status is JobStatus.DONE
        assert again.graph.summary_markdown
        assert sorted(open_lab.bought()) == sorted(set(open_lab.bought()))
