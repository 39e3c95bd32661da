"""Follow-up calls through the routes, as every interface makes them, and what they bought."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data411_mcp.domain.graph import Backfill, Unmerged
from data411_mcp.domain.jobs import Job
from data411_mcp.services.payloads import (
    FINDING_RERUN,
    PAYLOADS,
    SLOT_RERUN,
    SLOTS_RERUN,
    SYNTHESIZE_PATCH,
)
from data411_mcp.services.routes import Started, Terms
from tests.services.session_world import TENANT, Lab, Ran, write_rows

GROUND, SPAN = "data411-hunt-ground", "data411-crimson-span"
FORGE, SWIFT, DEEP = "data411-hunt-forge", "data411-hunt-swift", "data411-hunt-deep"
ROUTES = (SLOT_RERUN, SLOTS_RERUN, SYNTHESIZE_PATCH, FINDING_RERUN)
GUILD_PAGE = "https://pump-guild.example/members"


async def started(
    open_lab: Lab, route: str, payload: Mapping[str, Any], terms: Terms | None = None
) -> Started:
    """The payload goes through its model, as it does from every interface."""
    checked = PAYLOADS[route].model_validate(payload).model_dump()
    return await open_lab.app.routes[route].start(TENANT, checked, terms or Terms())


async def called(
    open_lab: Lab, route: str, chat: str, terms: Terms | None = None, **payload: Any
) -> Ran:
    begun = await started(open_lab, route, {"chat_session_id": chat, **payload}, terms)
    job = await open_lab.finish(begun.job)
    return Ran(begun, job, await open_lab.graph(chat))


def result_of(ran: Ran) -> dict[str, Any]:
    assert ran.job.result is not None, ran.job.error
    return dict(json.loads(ran.job.result))


def candidate(graph: Backfill, value: str) -> Unmerged:
    return next(u for u in graph.unmerged_candidates if u.value == value)


@dataclass
class Purchases:
    """What the twins were asked since a moment."""

    open_lab: Lab
    since: int

    @classmethod
    def from_now(cls, open_lab: Lab) -> Purchases:
        return cls(open_lab, len(open_lab.twins.log))

    def vendors(self) -> list[str]:
        return [e.vendor for e in self.open_lab.twins.log[self.since :]]

    def slots(self) -> list[str]:
        entries = self.open_lab.twins.log[self.since :]
        return [str(e.json["metadata"]["slot"]) for e in entries if e.vendor == "openrouter"]


async def events_of(open_lab: Lab, job: Job) -> list[str]:
    found = await open_lab.app.store.events(TENANT, job.id, since=0, limit=1000)
    return [e.name.value for e in found]


def models_say(world: Path, *rows: Mapping[str, Any]) -> None:
    """Answers ahead of those that the world has: the first row that fits is the answer."""
    path = world / "llm" / "slots.jsonl"
    old = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    write_rows(path, *rows, *old)
