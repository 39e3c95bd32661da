"""Many chats at once in one process, each with a company of its own; the twins are another process.

Vendor calls take their published medians, so a chat's time differs from a single one's only by
what the server itself adds.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio

from bench.crowd import write_crowd
from bench.report import median, percentile
from bench.sessions import run_lead
from data411_mcp.app import open_services
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.services.container import Services
from data411_mcp.serving import _let_the_loop_in as let_the_loop_in
from data411_mcp.settings import Settings
from data411_mcp.twins.process import spawned_twins

TARGETS = {"chat_p95_over_single": 1.25}
SINGLES = 3
WARM_UP = 1
MEMORY_SAMPLE_SECONDS = 0.2


async def measure_chats(world: Path, chats: int, latency: float) -> dict[str, Any]:
    let_the_loop_in()
    async with _crowded(world, WARM_UP + SINGLES + chats, latency) as (app, leads):
        for lead in leads[:WARM_UP]:
            await _seconds(app, lead)
        singles = [await _seconds(app, lead) for lead in leads[WARM_UP : WARM_UP + SINGLES]]
        idle = _rss_kib()
        took, peak, cpu = await _all_at_once(app, leads[WARM_UP + SINGLES :])
    p95 = percentile(took, 0.95)
    ratio = p95 / median(singles)
    return {
        "ours": {
            "chats": chats,
            "chat_seconds_p50": round(median(took), 2),
            "chat_seconds_p95": round(p95, 2),
            "chat_p95_over_single": round(ratio, 3),
            "cpu_seconds_per_chat": round(cpu / chats, 3),
            "rss_idle_mib": round(idle / 1024, 1),
            "rss_peak_mib": round(peak / 1024, 1),
            "rss_per_live_chat_kib": round((peak - idle) / chats, 1),
        },
        "baselines": {"single_chat": {"seconds": [round(s, 2) for s in singles]}},
        "targets": TARGETS,
        "ok": {"chat_p95_over_single": ratio <= TARGETS["chat_p95_over_single"]},
    }


@asynccontextmanager
async def _crowded(
    world: Path, companies: int, latency: float
) -> AsyncIterator[tuple[Services, list[dict[str, Any]]]]:
    """The services of a server that may run as many jobs at once as there are companies."""
    with tempfile.TemporaryDirectory(prefix="data411-bench-") as name:
        folder = Path(name)
        leads = write_crowd(world, folder / "world", companies, latency)
        async with spawned_twins(folder / "world", rate_limits=False) as address:
            connection = folder / "twins.json"
            address.write(connection)
            settings = Settings(
                data_dir=folder, twins=connection, log_level="ERROR",
                job_concurrency=500, tenant_jobs_max=500,
            )  # fmt: skip
            async with open_services(settings) as app:
                yield app, leads


async def _all_at_once(
    app: Services, leads: Sequence[Mapping[str, Any]]
) -> tuple[list[float], int, float]:
    """Seconds of each chat, the highest memory in KiB, and the CPU seconds of all together."""
    took: list[float] = []
    peak = _rss_kib()

    async def chat(lead: Mapping[str, Any]) -> None:
        took.append(await _seconds(app, lead))

    async def watch_memory() -> None:
        nonlocal peak
        while True:
            peak = max(peak, _rss_kib())
            await anyio.sleep(MEMORY_SAMPLE_SECONDS)

    began = time.process_time()
    async with anyio.create_task_group() as watching:
        watching.start_soon(watch_memory)
        async with anyio.create_task_group() as chats:
            for lead in leads:
                chats.start_soon(chat, lead)
        watching.cancel_scope.cancel()
    return took, peak, time.process_time() - began


async def _seconds(app: Services, lead: Mapping[str, Any]) -> float:
    ran = await run_lead(app, lead)
    assert ran.job.status is JobStatus.DONE, ran.job
    return ran.seconds


def _rss_kib() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0
