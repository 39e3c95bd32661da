"""Rows that the tests of the stores write, and the race of several processes for them."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import PIPE, Popen

import anyio
import anyio.to_thread

from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.evidence import Page
from data411_mcp.domain.icp.values import ThreadStatus
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.services.ports import SessionRow
from data411_mcp.services.ports.icp import ThreadRow

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ROOT = Path(__file__).resolve().parent.parent.parent
PROCESSES = 4


def chat(name: str = "chat-1", *, tenant: str = "acme", lead: str = "{}") -> SessionRow:
    return SessionRow(tenant, name, lead, "lead-key", NOW, NOW, 0)


def job(name: str = "job-1", *, tenant: str = "acme", **changes: object) -> Job:
    made = Job(
        id=name,
        tenant=tenant,
        route="enrich/lead-session",
        chat_session_id=f"chat of {name}",
        lead_key="lead-key",
        payload='{"a": 1}',
        status=JobStatus.QUEUED,
        created_at=NOW,
        updated_at=NOW,
        idempotency_key=f"key of {name}",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def thread(
    name: str = "thread-1", context_key: str = "acme.example#1", **changes: object
) -> ThreadRow:
    made = ThreadRow(
        tenant="acme",
        thread_id=name,
        user_id="user-1",
        agent="icp_finder",
        context_key=context_key,
        status=ThreadStatus.OPEN,
        label="Acme",
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def page(body: str = "<p>Tel 020 7946 0123</p>", *, url: str = "https://shop.example/") -> Page:
    return Page(
        url=url,
        final_url=url,
        sha256=hashlib.sha256(body.encode()).hexdigest(),
        text="Tel 020 7946 0123",
        decoder="html/1",
        reader="direct",
        fetched_at=NOW.isoformat(),
        headers={"last-modified": "yesterday"},
        body=body.encode(),
    )


def event(message: str = "read") -> ProgressEvent:
    return ProgressEvent(name=EventName.PAGE_READ, message=message, context={"pages": 1})


async def race(kind: str, place: str, name: str) -> list[list[str]]:
    """What each of several processes won; they start at the same moment."""
    with anyio.fail_after(90):
        return await anyio.to_thread.run_sync(_race, [kind, place, name])


def end_races() -> None:
    """The racing processes serve all tests of this process, and then end."""
    while _racers:
        racer = _racers.pop()
        racer.kill()
        racer.communicate()


_racers: list[Popen[str]] = []


def _race(asked: list[str]) -> list[list[str]]:
    script = [sys.executable, "-m", "tests.stores.store_racer"]
    while len(_racers) < PROCESSES:
        command = [*script, f"p{len(_racers)}"]
        _racers.append(Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True))
    for racer in _racers:
        _tell(racer, json.dumps(asked))
    assert [_hear(racer) for racer in _racers] == ["ready"] * PROCESSES
    for racer in _racers:
        _tell(racer, "go")
    return [json.loads(_hear(racer)) for racer in _racers]


def _tell(racer: Popen[str], line: str) -> None:
    assert racer.stdin is not None
    racer.stdin.write(line + "\n")
    racer.stdin.flush()


def _hear(racer: Popen[str]) -> str:
    assert racer.stdout is not None
    return racer.stdout.readline().strip()
