"""A process of the product that works at `icp/run` and what follows it, and dies at the first of
the points it is given that it comes to: before or after a durable write, a vendor's call, the mail,
or a record of the CRM.

Imported once by a process without threads that all children are forked from.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

import anyio

import data411_mcp.adapters.jobs.embedded as embedded
import data411_mcp.adapters.jobs.queue_postgres as queue_postgres
from data411_mcp.adapters.http import HttpClient
from data411_mcp.adapters.jobs.held import LANDED
from data411_mcp.adapters.mail import SmtpMailer
from data411_mcp.adapters.odoo import OdooCrm
from data411_mcp.adapters.store.tables import Tables
from data411_mcp.app import open_services
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.services.container import Services
from data411_mcp.services.icp.parts import NEXT_CHAT
from data411_mcp.settings import Settings
from tests.faults.route_child import QUICK
from tests.services.session_world import TENANT, settings_of

BEFORE, AFTER = "before", "after"
THREAD = "thread-1"
WORK_SECONDS = 60.0


@dataclass(frozen=True)
class Point:
    """`what` is a pattern of labels; the process dies at the `nth` of them that it comes to."""

    when: str
    what: str
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.when} {self.what} {self.nth}"

    @property
    def token(self) -> str:
        return str(self).replace("/", "_")


@dataclass(frozen=True)
class Case:
    """`folder` holds the data, a file for each point at which a process has died, and `seen`: the
    labels in order."""

    folder: Path
    twins: Path
    given: dict[str, Any]
    points: tuple[Point, ...] = ()

    @property
    def settings(self) -> Settings:
        return settings_of(self.folder / "data", self.twins, **self.given)

    @property
    def left(self) -> list[Point]:
        return [p for p in self.points if not (self.folder / p.token).exists()]

    @property
    def seen(self) -> list[str]:
        return (self.folder / "seen").read_text(encoding="utf-8").splitlines()


class Mine:
    """Lies under everything that lasts, and goes off at a point."""

    def __init__(self, case: Case, run_id: str) -> None:
        self.case, self.run_id = case, run_id
        self.met: Counter[Point] = Counter()
        self.left = case.left

    def at(self, when: str, label: str) -> None:
        if when == BEFORE:
            with (self.case.folder / "seen").open("a", encoding="utf-8") as file:
                file.write(f"{label}\n")
        for point in self.left:
            if point.when == when and fnmatchcase(label, point.what):
                self.met[point] += 1
                if self.met[point] == point.nth:
                    (self.case.folder / point.token).touch()
                    os.kill(os.getpid(), signal.SIGKILL)

    def lay(self, owner: type, name: str, label: Callable[..., str]) -> None:
        real: Callable[..., Awaitable[Any]] = getattr(owner, name)

        async def mined(this: Any, *args: Any, **more: Any) -> Any:
            called = label(*args, **more)
            if called:
                self.at(BEFORE, called)
            done = await real(this, *args, **more)
            if called:
                self.at(AFTER, called)
            return done

        setattr(owner, name, mined)

    def everywhere(self) -> None:
        self.lay(Tables, "checkpoint", self._step)
        self.lay(Tables, "finish_job", lambda job_id, *_, **__: f"{self._of(job_id)}finish")
        self.lay(Tables, "save_backfill", lambda _tenant, chat, *_, **__: f"graph {chat}")
        self.lay(Tables, "put_document", lambda _tenant, kind, key, *_, **__: f"put {kind} {key}")
        self.lay(Tables, "add_job", lambda job, *_, **__: f"add {job.route}")
        self.lay(HttpClient, "call", lambda method, url, **_: _call(method, url))
        self.lay(SmtpMailer, "send", lambda *_, **__: "mail")
        self.lay(OdooCrm, "upsert", lambda record, **_: f"crm {record.model}")

    def _of(self, job_id: str) -> str:
        return "" if job_id == self.run_id else "next "

    def _step(self, job_id: str, step: str, *_: Any, **__: Any) -> str:
        return "" if step.startswith(LANDED) else f"{self._of(job_id)}step {step}"


def _call(method: str, url: str) -> str:
    """Calls that cost something or tell what was bought."""
    for part, name in (
        ("finder", "call finder"), ("company-employees", "call employees"),
        ("profile-search", "call search"), ("/actor-runs/", "call run"),
        ("/datasets/", "call dataset"), ("zerobounce", "call verifier"),
        ("chat/completions", "call model"),
    ):  # fmt: skip
        if part in url:
            return name
    return ""


def work(case: Case) -> None:
    """Until the run waits for the user, or it is over and so is what it has handed in."""
    anyio.run(_work, case)


async def _work(case: Case) -> None:
    for module, name in ((embedded, "EmbeddedRunner"), (queue_postgres, "PostgresQueue")):
        setattr(module, name, partial(getattr(module, name), **QUICK))
    async with open_services(case.settings, works=False) as app:
        run = await newest(app, THREAD)
        assert run is not None
    Mine(case, run.id).everywhere()
    async with open_services(case.settings) as app:
        with anyio.fail_after(WORK_SECONDS):
            while (job := await unfinished(app)) is not None:
                await app.runner.wait(TENANT, job.id, seconds=2)


async def newest(app: Services, chat: str) -> Job | None:
    jobs = await app.store.jobs_of_chat(TENANT, chat)
    return jobs[-1] if jobs else None


async def unfinished(app: Services) -> Job | None:
    """The run, or the job after it, that there is still work at."""
    run = await newest(app, THREAD)
    assert run is not None
    if not run.final:
        return None if run.status is JobStatus.WAITING else run
    after = await newest(app, NEXT_CHAT + run.id)
    return after if after is not None and not after.final else None
