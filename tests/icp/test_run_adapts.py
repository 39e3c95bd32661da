"""The real job against vendors that have a bad day: it goes on, does something else for it, and
says so in the chat."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.services.icp.run import IcpRunRoute
from tests.icp.pipeline_world import NAMELESS, keys, pipeline_world, slug_of
from tests.icp.world import faults, icp_lab, icp_run
from tests.services.session_world import TENANT, Lab

SWITCHED = "Switched to the LinkedIn profile search: the employees list came back empty."


@dataclass
class Run:
    lab: Lab
    job_id: str = ""

    async def planned(self) -> None:
        handed = await self._route().jobs.hand_in(TENANT, icp_run())
        job = await self.lab.finish(handed.job)
        assert job.status is JobStatus.WAITING, job.error
        self.job_id = job.id

    async def enriched(self) -> dict[str, Any]:
        handed = await self._route().jobs.approve(TENANT, "thread-1")
        job = await self.lab.finish(handed.job)
        assert job.status is JobStatus.DONE, job.error
        result: dict[str, Any] = json.loads(job.result or "")
        return result

    async def said(self, name: EventName = EventName.ICP_REFLECTION) -> list[str]:
        return [e.message for e in await self.events() if e.name is name]

    async def events(self) -> tuple[ProgressEvent, ...]:
        return tuple(await self.lab.app.store.events(TENANT, self.job_id, since=0, limit=300))

    def _route(self) -> IcpRunRoute:
        route = self.lab.app.routes["icp/run"]
        assert isinstance(route, IcpRunRoute)
        return route


@asynccontextmanager
async def run(tmp_path: Path, world: Path | None = None, **more: Any) -> AsyncIterator[Run]:
    made = world or pipeline_world(tmp_path / "market")
    # Nothing is taken from the pages of the plan: the vendors of the second half are asked.
    settings = {**keys(), "page_cache_hours": 0, **more}
    async with icp_lab(tmp_path, world=made, **settings) as lab:
        yield Run(lab)


async def test_a_slow_jina_makes_the_next_companies_read_directly_from_the_start(
    tmp_path: Path,
) -> None:
    async with run(tmp_path) as opened:
        await opened.planned()
        slow = {"vendor": "jina_reader", "fault": {"kind": "delay", "seconds": 60}}
        opened.lab.twins.faults.add(slow)
        result = await opened.enriched()
        assert (result["completed"], result["top"]) == (10, 10)
        assert [m for m in await opened.said() if "answers late" in m]


@pytest.mark.lengthy
async def test_sites_whose_pages_do_not_come_in_time_shorten_the_wait_for_the_next(
    tmp_path: Path,
) -> None:
    async with run(tmp_path) as opened:
        await opened.planned()
        opened.lab.twins.faults.add(
            {"vendor": "jina_reader", "fault": {"kind": "delay", "seconds": 90}},
            {"vendor": "web", "path": "/contact*", "fault": {"kind": "delay", "seconds": 90}},
            {"vendor": "web", "path": "/about*", "fault": {"kind": "delay", "seconds": 90}},
        )
        result = await opened.enriched()
        assert (result["completed"], result["top"]) == (10, 10)
        assert [m for m in await opened.said() if "do not come in time" in m]
        assert not [m for m in await opened.said() if "HEAD" in m]


async def test_pages_that_hold_little_thin_the_crawl_of_the_next_companies(
    tmp_path: Path,
) -> None:
    async with run(tmp_path) as opened:
        await opened.planned()
        body = "<html><head><title>Soon</title></head><body>Coming soon.</body></html>"
        thin = {"kind": "status", "status": 200, "content_type": "text/html", "body": body}
        opened.lab.twins.faults.add(
            {"vendor": "web", "fault": thin},
            {"vendor": "jina_reader", "fault": {"kind": "status", "status": 503}},
        )
        result = await opened.enriched()
        assert result["top"] == 10
        assert [m for m in await opened.said() if "most pages held little" in m]


async def test_linkedin_without_employees_switches_to_the_profile_search(tmp_path: Path) -> None:
    empty = [
        {"slug": slug_of(f), "name": f.name, "domains": [f.domain], "run": "empty"}
        for f in NAMELESS
    ]
    async with run(tmp_path, pipeline_world(tmp_path / "market", companies=empty)) as opened:
        await opened.planned()
        result = await opened.enriched()
        assert result["completed"] == 10
        assert (await opened.said()).count(SWITCHED) == 1
        people = [e.context["contacts"] for e in await opened.events()
                  if e.name is EventName.ENRICH_COMPANY_TICK]  # fmt: skip
        assert all(people)


async def test_a_search_that_limits_our_rate_is_told_and_the_run_goes_to_its_end(
    tmp_path: Path,
) -> None:
    world = faults(
        pipeline_world(tmp_path / "market"),
        {"vendor": "tavily", "nth": [3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
         "fault": {"kind": "status", "status": 429, "retry_after": "60"}},
    )  # fmt: skip
    async with run(tmp_path, world) as opened:
        await opened.planned()
        assert [m for m in await opened.said() if "limits our rate" in m]
        result = await opened.enriched()
        assert result["completed"] == result["top"] > 0


async def test_a_day_on_which_every_vendor_fails_blocks_nothing(tmp_path: Path) -> None:
    down = {"kind": "status", "status": 500}
    async with run(tmp_path, smtp_host="127.0.0.1", smtp_port=9) as opened:
        await opened.planned()
        opened.lab.twins.faults.add(
            *({"vendor": vendor, "fault": down}
              for vendor in ("jina", "openrouter", "apify", "zerobounce", "tavily"))
        )  # fmt: skip
        result = await opened.enriched()
        assert (result["completed"], result["top"]) == (10, 10)
        assert {"APIFY_LINKEDIN_FAIL", "LLM_TIMEOUT_FALLBACK"} <= set(result["degraded"])


async def test_the_daily_cap_is_in_the_ticks_and_ends_the_asking(tmp_path: Path) -> None:
    async with run(tmp_path, apify_daily_cap=2) as opened:
        await opened.planned()
        result = await opened.enriched()
        assert (result["completed"], result["top"]) == (10, 10)
        ticks = await opened.said(EventName.ENRICH_COMPANY_TICK)
        assert [t for t in ticks if "the daily cap of the LinkedIn vendor is reached" in t]
        assert "Stopped asking LinkedIn: today's cap of the vendor is reached." in (
            await opened.said()
        )
