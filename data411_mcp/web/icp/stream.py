"""A conversation's events as a stream: what the chat itself tells, from memory, and what its
background job tells, from the store, in one line of numbers that a client can come back to."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import NamedTuple

import anyio
from sse_starlette import ServerSentEvent
from starlette.types import Receive, Scope, Send

from data411_mcp.domain.access import Principal
from data411_mcp.domain.icp.run import ICP_RUN
from data411_mcp.domain.jobs import Job
from data411_mcp.errors import StoreError
from data411_mcp.services.container import Services
from data411_mcp.services.icp.turns import ChatEvent
from data411_mcp.services.job_views import over
from data411_mcp.services.ports.icp import ThreadRow
from data411_mcp.web.config import WebConfig
from data411_mcp.web.events import (
    EVENTS_PER_READ,
    LOOK_AGAIN_SECONDS,
    LOOK_AGAIN_SECONDS_MAX,
    RETRY_MILLISECONDS,
    STORED_WITHIN_SECONDS,
    CountedStream,
)
from data411_mcp.web.metrics import Metrics

# How often a conversation without a running job is looked at for one that another process began,
# the longer nothing happens the less; of one that began here the feed rings.
IDLE_LOOK_SECONDS, IDLE_LOOK_SECONDS_MAX = 0.5, 5.0
NUMBER_DIGITS_MAX = 9


@dataclass(frozen=True)
class Position:
    """Up to where a client has read. `ring` counts the chat's own events in the memory of one
    process, which `epoch` names: numbers of another process mean nothing here."""

    epoch: str
    ring: int = 0
    job: str = ""
    seq: int = 0

    def __str__(self) -> str:
        return f"{self.epoch}.{self.ring}.{self.job}.{self.seq}"

    @classmethod
    def read(cls, text: str | None, epoch: str) -> Position:
        """From the start where there is none, or one that nobody here has written."""
        parts = (text or "").split(".")
        if len(parts) != 4 or not (_is_number(parts[1]) and _is_number(parts[3])):
            return cls(epoch)
        ring = int(parts[1]) if parts[0] == epoch else 0
        return cls(epoch, ring, parts[2], int(parts[3]))

    def of(self, job: Job) -> int:
        """The number of the job's last event that was read."""
        return self.seq if job.id == self.job else 0


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= NUMBER_DIGITS_MAX


@dataclass
class Chat:
    """What a stream reads: the conversation's feed, and its jobs' stored events."""

    app: Services
    thread: ThreadRow
    _joined: str = ""

    def listened(self) -> AbstractContextManager[None]:
        return self.app.icp.feed.listened(self.thread.tenant, self.thread.thread_id)

    def bell(self) -> anyio.Event:
        return self.app.icp.feed.bell(self.thread.tenant, self.thread.thread_id)

    async def open_to(self, who: Principal) -> bool:
        """Whether the key stands, and the conversation was not deleted. Raises StoreError."""
        if not await self.app.access.in_use(who):
            return False
        row = await self.app.icp.store.thread(self.thread.tenant, self.thread.thread_id)
        return row is not None and row.user_id == self.thread.user_id

    async def jobs(self, *, rung: bool) -> tuple[Job, ...]:
        """In the order in which they began: the thread's own, and one of another thread that it
        has joined, for the same wish; which one is looked up where the bell has rung."""
        tenant, thread_id = self.thread.tenant, self.thread.thread_id
        found = await self.app.store.jobs_of_chat(tenant, thread_id)
        mine = {job.id: job for job in found if job.route == ICP_RUN}
        if all(job.final for job in mine.values()):
            if rung:
                state = await self.app.icp.conversation.state(tenant, thread_id)
                self._joined = str(state.values.get("job_id") or "") if state is not None else ""
            if self._joined and self._joined not in mine:
                job = await self.app.store.job(tenant, self._joined)
                mine |= {job.id: job} if job is not None else {}
        return tuple(sorted(mine.values(), key=lambda j: (j.created_at, j.id)))

    async def after(self, at: Position, jobs: Sequence[Job]) -> list[tuple[Position, ChatEvent]]:
        """What is new, in the order of its times; what one source has told stays in its own
        order, also where a clock was set back. Raises StoreError."""
        told = self.app.icp.feed.events(self.thread.tenant, self.thread.thread_id, at.ring)
        found = [_Found(time, "", e) for time, e in _in_order((e.at, e) for e in told)]
        known = next((n for n, job in enumerate(jobs) if job.id == at.job), 0)
        for job in jobs[known:]:
            events = await self.app.store.events(
                job.tenant, job.id, since=at.of(job), limit=EVENTS_PER_READ
            )
            shown = ((e.at, ChatEvent(e.name.value, e.message, e.context, e.seq)) for e in events)
            found += [_Found(time, job.id, e) for time, e in _in_order(shown)]
            if len(events) == EVENTS_PER_READ:
                break
        return _placed(at, found)

    async def ring(
        self, at: Position, job: Job | None, bell: anyio.Event, seconds: float, config: WebConfig
    ) -> None:
        """Return when something may be new, or the time is up. `job` is the one under way."""
        heard = anyio.Event()
        emitted = False

        async def rings(event: anyio.Event) -> None:
            await event.wait()
            heard.set()

        async def listen_to_job(job: Job) -> None:
            def emit(_: object) -> None:
                nonlocal emitted
                emitted = True
                heard.set()

            with contextlib.suppress(StoreError):  # the next read says so, and ends the stream
                await self.app.runner.wait(
                    job.tenant, job.id, seconds=seconds, emit=emit, since=at.of(job)
                )
            heard.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(rings, config.stopping)
            tasks.start_soon(rings, bell)
            if job is not None:
                tasks.start_soon(listen_to_job, job)
            with anyio.move_on_after(seconds):
                await heard.wait()
            tasks.cancel_scope.cancel()
        if emitted and job is not None:
            await self._stored(job, at)

    async def _stored(self, job: Job, at: Position) -> None:
        """An event is heard of a moment before it is stored."""
        since, pause = at.of(job), LOOK_AGAIN_SECONDS
        with anyio.move_on_after(STORED_WITHIN_SECONDS), contextlib.suppress(StoreError):
            while await self.app.store.last_event_seq(job.id) <= since:
                await anyio.sleep(pause)
                pause = min(2 * pause, LOOK_AGAIN_SECONDS_MAX)


class _Found(NamedTuple):
    at: str
    job_id: str  # "": of the chat itself
    event: ChatEvent


def _in_order(told: Iterable[tuple[str, ChatEvent]]) -> Iterator[tuple[str, ChatEvent]]:
    """With times that never go back."""
    latest = ""
    for at, event in told:
        latest = max(latest, at)
        yield latest, event


def _placed(at: Position, found: list[_Found]) -> list[tuple[Position, ChatEvent]]:
    placed: list[tuple[Position, ChatEvent]] = []
    for _, job_id, event in sorted(found, key=lambda f: f.at):
        seq = event.seq
        at = replace(at, job=job_id, seq=seq) if job_id else replace(at, ring=seq)
        placed.append((at, event))
    return placed


class ChatStream(CountedStream):
    """Ends when the server stops, after `stream_seconds_max` (the client comes back with
    `Last-Event-ID`), and within a heartbeat when the key is revoked or the conversation deleted. A
    client that is slow holds nobody up."""

    def __init__(
        self, chat: Chat, at: Position, who: Principal, config: WebConfig, metrics: Metrics
    ) -> None:
        self._chat = chat
        super().__init__(_stream(chat, at, who, config), config, metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._chat.listened():
            await super().__call__(scope, receive, send)


async def _stream(
    chat: Chat, at: Position, who: Principal, config: WebConfig
) -> AsyncIterator[ServerSentEvent]:
    look_at, pause = anyio.current_time(), IDLE_LOOK_SECONDS
    ends_at, bell = look_at + config.stream_seconds_max, anyio.Event()
    yield ServerSentEvent(comment="events", retry=RETRY_MILLISECONDS)
    while True:
        try:
            now = anyio.current_time()
            rung = bell.is_set() or now >= look_at
            if rung:
                if not await chat.open_to(who):
                    return
                look_at = now + config.heartbeat_seconds
            if bell.is_set():
                pause = IDLE_LOOK_SECONDS
            bell = chat.bell()
            jobs = await chat.jobs(rung=rung)
            page = await chat.after(at, jobs)
            for position, event in page:
                yield _sent(position, event)
                at = position
            if page:
                continue
            now = anyio.current_time()
            if now >= ends_at or config.stopping.is_set():
                return
            live = next((job for job in reversed(jobs) if not over(job)), None)
            seconds = config.heartbeat_seconds if live is not None else pause
            await chat.ring(at, live, bell, min(ends_at - now, seconds), config)
            pause = min(2 * pause, IDLE_LOOK_SECONDS_MAX)
        except StoreError:
            return


def _sent(position: Position, event: ChatEvent) -> ServerSentEvent:
    told = {"event": event.event, "message": event.message, "context": dict(event.context)}
    return ServerSentEvent(
        data=json.dumps(told, ensure_ascii=False), event=event.event, id=str(position)
    )
