"""How long follow-ups take beside the slots they run: one slot again, and batches of 1, 4 and 8.

A batch should take its slowest slot plus one synthesis. A slot's own time is the trace's; the
synthesis is the time from its event to the end of the run. Twins run in a process of their own.
"""

from __future__ import annotations

import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.report import median
from bench.sessions import leads_of, run_lead
from data411_mcp.app import open_services
from data411_mcp.domain.events import EventName
from data411_mcp.domain.graph import Backfill, ToolTrace
from data411_mcp.domain.jobs import Job
from data411_mcp.domain.slots import AGENT, DEEP, FORGE, SLOTS, SWIFT
from data411_mcp.services.container import Services
from data411_mcp.services.payloads import SLOT_RERUN, SLOTS_RERUN
from data411_mcp.settings import Settings
from data411_mcp.twins.process import spawned_twins

BATCHES = (1, 4, 8)
TARGETS = {"batch_over_slowest_slot": 1.05, "slot_rerun_over_slot": 1.1}
# Slow ones first: a batch of one is the slowest slot alone.
ORDER = [DEEP, FORGE, SWIFT, *(s for s in SLOTS if s not in (DEEP, FORGE, SWIFT, AGENT))]


async def rerun_ratios(world: Path, latency: float, rounds: int) -> dict[str, Any]:
    batches: dict[int, list[float]] = {n: [] for n in BATCHES}
    singles: list[float] = []
    for seed in range(rounds):
        with tempfile.TemporaryDirectory(prefix="data411-bench-") as folder:
            async with spawned_twins(
                world, latency=latency, seed=seed, rate_limits=False
            ) as address:
                connection = Path(folder) / "twins.json"
                address.write(connection)
                settings = Settings(data_dir=Path(folder), twins=connection, log_level="ERROR")
                async with open_services(settings) as app:
                    chat = (await run_lead(app, leads_of(world)[0])).graph.chat_session_id
                    for size in BATCHES:
                        batches[size].append(await _batch(app, chat, ORDER[:size]))
                    singles += [await _single(app, chat, slot) for slot in (FORGE, SWIFT)]
    return {
        "batch_over_slowest_slot": {str(n): round(median(r), 4) for n, r in batches.items()},
        "slot_rerun_over_slot": round(median(singles), 4),
    }


async def _batch(app: Services, chat: str, slots: list[str]) -> float:
    """Seconds of the batch over those of its slowest slot and its synthesis."""
    await _mark_failed(app, chat, slots)
    payload = {"chat_session_id": chat, "model_ids": slots}
    job, seconds = await _timed(app, SLOTS_RERUN, payload)
    graph = await app.views.load(app.tenant, chat)
    slowest = max(r.seconds for r in graph.tool_trace.parallel_results if r.model_id in slots)
    return seconds / (slowest + await _synthesis_seconds(app, job))


async def _single(app: Services, chat: str, slot: str) -> float:
    _, seconds = await _timed(app, SLOT_RERUN, {"chat_session_id": chat, "model_id": slot})
    graph = await app.views.load(app.tenant, chat)
    row = next(r for r in graph.tool_trace.parallel_results if r.model_id == slot)
    return seconds / row.seconds


async def _timed(app: Services, route: str, payload: dict[str, Any]) -> tuple[Job, float]:
    began = time.perf_counter()
    job = (await app.routes[route].start(app.tenant, payload)).job
    while not job.final:
        job = await app.runner.wait(app.tenant, job.id, seconds=60)
    return job, time.perf_counter() - began


async def _mark_failed(app: Services, chat: str, slots: list[str]) -> None:
    """As after a night on which these slots' vendors were down."""
    row = await app.store.session(app.tenant, chat)
    assert row is not None
    assert row.backfill is not None
    graph = Backfill.model_validate_json(row.backfill)
    rows = tuple(
        r.model_copy(update={"state": "error", "reason": "vendor_error"})
        if r.model_id in slots
        else r
        for r in graph.tool_trace.parallel_results
    )
    changed = graph.model_copy(update={"tool_trace": ToolTrace(parallel_results=rows)})
    await app.store.save_backfill(
        app.tenant,
        chat,
        changed.model_dump_json(by_alias=True),
        expected_version=row.version,
        at=app.clock.now(),
    )


async def _synthesis_seconds(app: Services, job: Job) -> float:
    events = await app.store.events(app.tenant, job.id, since=0, limit=1000)
    at = {e.name: datetime.fromisoformat(e.at) for e in events}
    took = at[EventName.SESSION_FINISHED] - at[EventName.SYNTHESIS_STARTED]
    return took.total_seconds()
