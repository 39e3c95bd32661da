"""The ICP finder under the published vendor latencies: how long until the plan stands, until the
first three companies are enriched, and until all ten are; and how late a client of the chat
stream hears an event, over HTTP and from the moment at which the job told it.

`python -m bench.icp [WORLD] [--rounds 5] [--latency 1.0]`. Twins run in a process of their own
with the rate limits of a paid Jina key; in the bundled world half of the ten have nobody named on
their site, so their people are looked up at the employees vendor. The critical path beside each
figure is the time in which at least one vendor call of that phase was under way: what waiting for
vendors alone would have taken with the calls that were made.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
import httpx2
from pydantic import SecretStr

from bench.report import emit, median, percentile
from bench.session import under_way
from data411_mcp.adapters import http
from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.services.icp.views import STREAM
from data411_mcp.serving import SWITCH_SECONDS, http_server, listening
from data411_mcp.settings import Settings
from data411_mcp.twins.process import spawned_twins
from examples.demo_icp import APIFY_KEY, CUSTOMERS, LOST, WEBSITE, WORLD

TARGETS = {"plan_p50_s": 35.0, "first_three_p50_s": 90.0, "delivery_p95_ms": 50.0}
AIMS = {"plan_p50_s": 20.0, "first_three_p50_s": 45.0}
FIRST = 3
PHASE_SECONDS_MAX = 400.0
JINA_KEY = "jina_bench"
HOST = "127.0.0.1"


@dataclass
class Calls:
    """Start and end of every vendor call."""

    spans: list[tuple[float, float]] = field(default_factory=list)

    def record(self, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def recorded(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return await method(*args, **kwargs)
            finally:
                self.spans.append((began, time.perf_counter()))

        return recorded

    def seconds(self, since: float, until: float) -> float:
        cut = [(max(b, since), min(e, until)) for b, e in self.spans if e > since and b < until]
        return under_way(cut)


@dataclass
class Heard:
    """When each event of a job reached the stream's client: its number, its label, wall clock."""

    events: list[tuple[int, str, float]] = field(default_factory=list)
    news: anyio.Event = field(default_factory=anyio.Event)

    async def listen(self, client: httpx2.AsyncClient, thread_id: str) -> None:
        async with client.stream("GET", f"{STREAM}/{thread_id}", timeout=None) as answer:
            number, label = 0, ""
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                if name == "id":
                    number = int(value.rpartition(".")[2])
                elif name == "event":
                    label = value
                elif name == "data":
                    self.events.append((number, label, time.time()))
                    self.news.set()
                    self.news = anyio.Event()

    async def until(self, label: EventName) -> None:
        with anyio.fail_after(PHASE_SECONDS_MAX):
            while not self.times(label):
                await self.news.wait()

    def times(self, label: EventName) -> list[float]:
        return [at for _, name, at in self.events if name == label.value]

    def delays_ms(self, told: Sequence[ProgressEvent]) -> list[float]:
        """Against the times at which the job told the same events."""
        happened = {(e.seq, e.name.value): datetime.fromisoformat(e.at).timestamp() for e in told}
        return [
            (at - happened[number, name]) * 1000
            for number, name, at in self.events
            if (number, name) in happened
        ]


async def one_round(world: Path, latency: float, seed: int) -> dict[str, Any]:
    calls = Calls()
    originals = (http.HttpClient.get_page, http.HttpClient.call)
    patch: Any = setattr
    patch(http.HttpClient, "get_page", calls.record(originals[0]))
    patch(http.HttpClient, "call", calls.record(originals[1]))
    try:
        with tempfile.TemporaryDirectory(prefix="data411-bench-") as folder:
            async with spawned_twins(world, latency=latency, seed=seed) as address:
                connection = Path(folder) / "twins.json"
                address.write(connection)
                settings = Settings(
                    data_dir=Path(folder),
                    twins=connection,
                    log_level="ERROR",
                    jina_api_key=SecretStr(JINA_KEY),
                    apify_token=SecretStr(APIFY_KEY),
                )
                sys.setswitchinterval(SWITCH_SECONDS)  # as the server does
                async with _served(settings) as client:
                    return await _driven(client, calls, Heard())
    finally:
        patch(http.HttpClient, "get_page", originals[0])
        patch(http.HttpClient, "call", originals[1])


@asynccontextmanager
async def _served(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    """Our web server on a free port of this machine, where no key is needed yet, and a client."""
    with listening(HOST, 0) as listener:
        port = listener.getsockname()[1]
        server = http_server(settings, HOST, port)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve, [listener])
            with anyio.fail_after(PHASE_SECONDS_MAX):
                while not server.started:
                    await anyio.sleep(0.01)
            async with httpx2.AsyncClient(
                base_url=f"http://{HOST}:{port}", trust_env=False, timeout=60
            ) as client:
                yield client
            server.should_exit = True


async def _said(client: httpx2.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    answer.raise_for_status()
    return dict(answer.json())


async def _driven(client: httpx2.AsyncClient, calls: Calls, heard: Heard) -> dict[str, Any]:
    asked = await _said(
        client, "/icp/intake", website=WEBSITE, customers=CUSTOMERS, lost=LOST, start_fresh=True
    )
    thread = asked["thread_id"]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(heard.listen, client, thread)
        await heard.until(EventName.ICP_CONFIRM_PENDING)
        began, began_at = time.perf_counter(), time.time()
        turn = await _said(client, "/icp/chat/confirm", thread_id=thread)
        await heard.until(EventName.ICP_CANDIDATES_FOUND)
        planned = time.perf_counter()
        plan_s = heard.times(EventName.ICP_CANDIDATES_FOUND)[0] - began_at
        await client.get(f"/api/orchestrations/{thread}?wait_s=45")
        started, started_at = time.perf_counter(), time.time()
        await _said(client, "/icp/enrich/top10", thread_id=thread)
        await heard.until(EventName.ENRICH_SUMMARY)
        tasks.cancel_scope.cancel()
    job = turn["job"]["job_id"]
    told = (await client.get(f"/api/v1/enrich/jobs/{job}/events?limit=200")).json()["events"]
    ticks = sorted(t - started_at for t in heard.times(EventName.ENRICH_COMPANY_TICK))
    first_three = ticks[FIRST - 1] if len(ticks) >= FIRST else 0.0
    return {
        "plan_s": plan_s,
        "plan_network_s": calls.seconds(began, planned),
        "first_three_s": first_three,
        "first_three_network_s": calls.seconds(started, started + first_three),
        "all_ticks_s": max(ticks, default=0.0),
        "companies": len(ticks),
        "calls": len(calls.spans),
        "delays_ms": heard.delays_ms([ProgressEvent.model_validate(e) for e in told]),
    }


async def measure(world: Path, rounds: int, latency: float) -> dict[str, Any]:
    ran = [await one_round(world, latency, seed) for seed in range(rounds)]
    delays = [d for r in ran for d in r["delays_ms"]]

    def of(name: str, share: float) -> float:
        return round(percentile([float(r[name]) for r in ran], share), 2)

    ours: dict[str, Any] = {
        "plan_p50_s": round(median([r["plan_s"] for r in ran]), 2),
        "plan_p90_s": of("plan_s", 0.9),
        "first_three_p50_s": round(median([r["first_three_s"] for r in ran]), 2),
        "first_three_p90_s": of("first_three_s", 0.9),
        "all_ten_p50_s": round(median([r["all_ticks_s"] for r in ran]), 2),
        "all_ten_p90_s": of("all_ticks_s", 0.9),
        "companies": [r["companies"] for r in ran],
        "delivery_p50_ms": round(median(delays), 2),
        "delivery_p95_ms": round(percentile(delays, 0.95), 2),
    }
    return {
        "ours": ours,
        "baselines": {
            "plan_network_p50_s": round(median([r["plan_network_s"] for r in ran]), 2),
            "first_three_network_p50_s": round(
                median([r["first_three_network_s"] for r in ran]), 2
            ),
        },
        "calls": [r["calls"] for r in ran],
        "targets": TARGETS,
        "aims": AIMS,
        "ok": {name: ours[name] <= limit for name, limit in TARGETS.items()},
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("world", nargs="?", type=Path, default=WORLD)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--latency", type=float, default=1.0)
    options = parser.parse_args()
    emit(anyio.run(measure, options.world, options.rounds, options.latency))
