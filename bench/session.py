"""Session time against its critical path under the published latencies; progress delay; slot
reruns and batches beside the slots they run (`bench.reruns`).

`python -m bench.session [WORLD] [--rounds 3] [--latency 1.0]`. The bench records every vendor call
of the run with the slot it was made for. The critical path is the ideal schedule of those calls:
within a slot, the time in which at least one of its calls was under way; slots of one pass in
parallel; the passes one after the other (free pass, what the identity makes possible, first pass,
dig-deeper pass, synthesis). Twins run in a process of their own.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from bench.report import emit, median, percentile
from bench.reruns import TARGETS as RERUN_TARGETS
from bench.reruns import rerun_ratios
from bench.sessions import leads_of, run_lead
from data411_mcp.adapters import dns_lookup, http, llm
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.app import open_services
from data411_mcp.domain.slots import SLOTS, Pass
from data411_mcp.services import hunts
from data411_mcp.settings import Settings
from data411_mcp.twins.process import spawned_twins
from examples.demo import WORLD

TARGETS = {"session_over_critical_path": 1.05, "progress_p95_ms": 10.0}
SETTLED_SECONDS = 3.0
_slot: ContextVar[str] = ContextVar("slot", default="")


@dataclass
class Recorder:
    """Every call as (slot run, start, end). A slot that runs twice counts as two runs."""

    calls: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    runs: list[str] = field(default_factory=list)

    def record(self, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def recorded(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return await method(*args, **kwargs)
            finally:
                self.calls[_slot.get()].append((began, time.perf_counter()))

        return recorded

    def slot_run(self, run: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def recorded(task: Any, **kwargs: Any) -> Any:
            name = f"{task.slot}#{len(self.runs)}"
            self.runs.append(name)
            _slot.set(name)
            return await run(task, **kwargs)

        return recorded

    def critical_path(self) -> float:
        stages: dict[int, float] = defaultdict(float)
        seen: set[str] = set()
        for run in self.runs:
            slot = run.split("#")[0]
            stage = {Pass.FREE: 0, Pass.FIRST: 2, Pass.DIG_DEEPER: 3}[SLOTS[slot].pass_]
            if stage == 0 and (slot in seen or 2 in stages):
                stage = 1
            seen.add(slot)
            stages[stage] = max(stages[stage], under_way(self.calls[run]))
        stages[4] = under_way(self.calls[""])
        return sum(stages.values())


def under_way(calls: list[tuple[float, float]]) -> float:
    """Seconds in which at least one of the calls was under way."""
    total, until = 0.0, 0.0
    for began, ended in sorted(calls):
        total += max(0.0, ended - max(began, until))
        until = max(until, ended)
    return total


async def timed_session(world: Path, latency: float, seed: int) -> dict[str, Any]:
    recorder = Recorder()
    originals = (http.HttpClient.get_page, http.HttpClient.call, llm.OpenAiModel.complete,
                 dns_lookup.MailDomainLookup.mail_domain, hunts.run_slot)  # fmt: skip
    patch: Any = setattr
    patch(http.HttpClient, "get_page", recorder.record(originals[0]))
    patch(http.HttpClient, "call", recorder.record(originals[1]))
    patch(llm.OpenAiModel, "complete", recorder.record(originals[2]))
    patch(dns_lookup.MailDomainLookup, "mail_domain", recorder.record(originals[3]))
    patch(hunts, "run_slot", recorder.slot_run(originals[4]))
    try:
        with tempfile.TemporaryDirectory(prefix="data411-bench-") as folder:
            async with spawned_twins(
                world, latency=latency, seed=seed, rate_limits=False
            ) as address:
                connection = Path(folder) / "twins.json"
                address.write(connection)
                settings = Settings(data_dir=Path(folder), twins=connection, log_level="ERROR")
                async with open_services(settings) as app:
                    ran = await run_lead(app, leads_of(world)[0])
    finally:
        patch(http.HttpClient, "get_page", originals[0])
        patch(http.HttpClient, "call", originals[1])
        patch(llm.OpenAiModel, "complete", originals[2])
        patch(dns_lookup.MailDomainLookup, "mail_domain", originals[3])
        patch(hunts, "run_slot", originals[4])
    return {
        "status": ran.job.status.value,
        "seconds": ran.seconds,
        "critical_path": recorder.critical_path(),
        "calls": sum(len(c) for c in recorder.calls.values()),
    }


async def progress_delays(world: Path) -> tuple[list[float], list[float]]:
    """Milliseconds to the client's callback: from the moment the server sends, and from the
    moment the event happened (the run goes on meanwhile, and events come in bursts)."""
    arrived: dict[int, float] = {}

    async def callback(progress: float, total: float | None, message: str | None) -> None:
        arrived.setdefault(int(progress), time.time())

    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="data411-bench-"))
        address = await stack.enter_async_context(
            spawned_twins(world, latency=0.2, rate_limits=False)
        )
        connection = Path(folder) / "twins.json"
        stamps = Path(folder) / "stamps"
        address.write(connection)
        environment = {**os.environ, "DATA411_DATA_DIR": folder, "DATA411_TWINS": str(connection)}
        server = StdioServerParameters(
            command=sys.executable, args=["-m", "bench.stamped_server", str(stamps)],
            env=environment,
        )  # fmt: skip
        async with Client(stdio_client(server)) as client:
            # A server that a user has just opened: it is up, and nothing was asked of it yet.
            await client.call_tool("get_lead_graph", {"chat_session_id": "none"})
            await anyio.sleep(SETTLED_SECONDS)
            result = await client.call_tool(
                "enrich_lead_session", {"lead": leads_of(world)[0]}, progress_callback=callback
            )
            answer = result.structured_content or {}
        async with SqliteStore.open(Path(folder) / "data411.sqlite3") as store:
            events = await store.events("local", answer["job_id"], since=0, limit=1000)
        rows = [line.split() for line in stamps.read_text(encoding="ascii").splitlines()]
    sent = {int(seq): float(at) for seq, at in rows}
    happened = {e.seq: datetime.fromisoformat(e.at).timestamp() for e in events if e.at}
    return (
        [(arrived[seq] - sent[seq]) * 1000 for seq in arrived],
        [(arrived[seq] - happened[seq]) * 1000 for seq in arrived if seq in happened],
    )


async def measure(world: Path, rounds: int, latency: float) -> dict[str, Any]:
    sessions = [await timed_session(world, latency, seed) for seed in range(rounds)]
    ratios = [s["seconds"] / s["critical_path"] for s in sessions]
    delays: list[float] = []
    since_event: list[float] = []
    for _ in range(rounds):
        sent, happened = await progress_delays(world)
        delays += sent
        since_event += happened
    p95 = percentile(delays, 0.95)
    reruns = await rerun_ratios(world, latency, rounds)
    return {
        "ours": {
            "session_seconds": [round(s["seconds"], 2) for s in sessions],
            "session_over_critical_path": round(median(ratios), 4),
            **reruns,
            "progress_p50_ms": round(median(delays), 2),
            "progress_p95_ms": round(p95, 2),
            "progress_events": len(delays),
            "event_to_callback_p50_ms": round(median(since_event), 2),
            "event_to_callback_p95_ms": round(percentile(since_event, 0.95), 2),
        },
        "baselines": {"critical_path": [round(s["critical_path"], 2) for s in sessions]},
        "calls": [s["calls"] for s in sessions],
        "targets": {**TARGETS, **RERUN_TARGETS},
        "ok": {
            "session_over_critical_path": median(ratios)
            <= TARGETS["session_over_critical_path"],
            "progress_p95_ms": p95 <= TARGETS["progress_p95_ms"],
            "batch_over_slowest_slot": max(reruns["batch_over_slowest_slot"].values())
            <= RERUN_TARGETS["batch_over_slowest_slot"],
            "slot_rerun_over_slot": reruns["slot_rerun_over_slot"]
            <= RERUN_TARGETS["slot_rerun_over_slot"],
        },
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("world", nargs="?", type=Path, default=WORLD)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=float, default=1.0)
    options = parser.parse_args()
    emit(anyio.run(measure, options.world, options.rounds, options.latency))
