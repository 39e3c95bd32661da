"""A store with final jobs whose tenants want to be told, and a clock that a test moves."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from data411_mcp.adapters.callbacks import WebhookDoor, open_door
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.errors import LookupFailed
from data411_mcp.services.callbacks import Callbacks
from data411_mcp.services.ports import Store
from tests.vendors.guarded_web import Web, open_web, settings

HOOK = "https://hooks.example/data411"
NAMES = ("hooks.example", "slow.example", "inside.example")


@dataclass
class HandClock:
    """Begins now, because signatures are checked against the real time."""

    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 0.0
    ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def now(self) -> datetime:
        return self.began + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def new_id(self) -> str:
        return f"{next(self.ids):032x}"


@dataclass
class WatchedDoor:
    """The real door, and how each attempt went."""

    door: WebhookDoor
    outcomes: list[int | str] = field(default_factory=list)

    def check(self, url: str) -> None:
        self.door.check(url)

    async def deliver(
        self,
        url: str,
        *,
        secret: bytes,
        message_id: str,
        at: datetime,
        body: bytes,
        deadline_seconds: float,
    ) -> int:
        try:
            status = await self.door.deliver(
                url, secret=secret, message_id=message_id, at=at, body=body,
                deadline_seconds=deadline_seconds,
            )  # fmt: skip
        except LookupFailed as failed:
            self.outcomes.append(failed.reason)
            raise
        self.outcomes.append(status)
        return status


def job_of(clock: HandClock, tenant: str = "acme", **more: object) -> Job:
    number = clock.new_id()
    fields: dict[str, object] = {
        "id": number,
        "tenant": tenant,
        "route": "enrich/lead-session",
        "chat_session_id": f"chat-{number}",
        "lead_key": "domain:alderpump.example",
        "payload": '{"lead": {"dm_name": "Nora Alder"}}',
        "status": JobStatus.QUEUED,
        "created_at": clock.now(),
        "updated_at": clock.now(),
        "idempotency_key": number,
        **more,
    }
    return Job(**fields)  # type: ignore[arg-type]


async def finished_job(
    store: Store, clock: HandClock, url: str = HOOK, tenant: str = "acme"
) -> Job:
    job = await store.add_job(job_of(clock, tenant, callback_url=url))
    claimed = await store.claim_job("w", now=clock.now(), lease_seconds=10, job_id=job.id)
    assert claimed is not None
    assert await store.finish_job(job.id, "w", JobStatus.DONE, now=clock.now(), result="{}")
    return job


@dataclass
class Desk:
    web: Web
    store: Store
    clock: HandClock
    door: WatchedDoor
    callbacks: Callbacks


@asynccontextmanager
async def callback_desk(folder: Path, **more: float) -> AsyncIterator[Desk]:
    clock = HandClock()
    async with (
        open_web(NAMES) as web,
        SqliteStore.open(folder / "store.sqlite3") as store,
        open_door(web.network, settings()) as door,
    ):
        watched = WatchedDoor(door)
        callbacks = Callbacks(store, clock, watched, **more)  # type: ignore[arg-type]
        yield Desk(web, store, clock, watched, callbacks)
