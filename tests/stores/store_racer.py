"""One process of several that race for the same rows: `store_racer.py KIND PLACE RACE NAME`.
It prints `ready`, waits for a line on its input, races, and prints what it won as JSON."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

import anyio

from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.errors import StaleVersion
from data411_mcp.services.ports import SessionRow, Store
from tests.stores.store_factories import OPEN

NOW = datetime(2026, 1, 2, tzinfo=UTC)


async def bind(store: Store, name: str) -> list[str]:
    won = []
    for number in range(100):
        row = SessionRow("acme", f"chat-{number}", json.dumps(name), "key", NOW, NOW, 0)
        if (await store.bind(row)).lead == json.dumps(name):
            won.append(row.chat_session_id)
    return won


async def claim(store: Store, name: str) -> list[str]:
    won = []
    while job := await store.claim_job(name, now=NOW, lease_seconds=60):
        won.append(job.id)
    return won


async def events(store: Store, name: str) -> list[str]:
    event = ProgressEvent(name=EventName.PAGE_READ, message=name)
    return [str((await store.append_event("job-1", event)).seq) for _ in range(50)]


async def save(store: Store, name: str) -> list[str]:
    """Read, add one's name, compare and set, until it worked 25 times."""
    saved: list[str] = []
    while len(saved) < 25:
        row = await store.session("acme", "chat-0")
        assert row is not None
        names = [*json.loads(row.backfill or "[]"), name]
        try:
            version = await store.save_backfill(
                "acme", "chat-0", json.dumps(names), expected_version=row.version, at=NOW
            )
        except StaleVersion:
            continue
        saved.append(str(version))
    return saved


async def main(kind: str, place: str, race: str, name: str) -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    async with OPEN[kind](place) as store:
        won = await {"bind": bind, "claim": claim, "events": events, "save": save}[race](
            store, name
        )
    sys.stdout.write(json.dumps(won))


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
