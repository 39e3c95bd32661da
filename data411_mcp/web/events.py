"""A job's numbered events as a stream. Only what is stored is sent, so that a number means the
same event to a client that comes back after the server was killed."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import anyio
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.types import Receive, Scope, Send

from data411_mcp.domain.access import Principal
from data411_mcp.domain.events import ProgressEvent
from data411_mcp.domain.jobs import Job
from data411_mcp.errors import StoreError
from data411_mcp.services.job_views import over
from data411_mcp.services.jobs_api import JobsApi
from data411_mcp.web.config import WebConfig
from data411_mcp.web.metrics import Metrics

EVENTS_PER_READ = 200
STORED_WITHIN_SECONDS = 2.0  # an event is heard of a moment before it is stored
LOOK_AGAIN_SECONDS, LOOK_AGAIN_SECONDS_MAX = 0.002, 0.02
RETRY_MILLISECONDS = 1000
SEND_SECONDS_MAX = 30


class CountedStream(EventSourceResponse):
    """Events with a heartbeat, counted while they are open. A client that reads slower than it is
    told for `SEND_SECONDS_MAX` is dropped."""

    def __init__(
        self, told: AsyncIterator[ServerSentEvent], config: WebConfig, metrics: Metrics
    ) -> None:
        self._metrics = metrics
        super().__init__(
            told,
            ping=config.heartbeat_seconds,
            ping_message_factory=lambda: ServerSentEvent(comment="ping"),
            send_timeout=SEND_SECONDS_MAX,
            sep="\n",
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._metrics.open_streams += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._metrics.open_streams -= 1


class EventStream(CountedStream):
    """Ends when the job is over or waits for the user, when the server stops, after
    `stream_seconds_max` (the client comes back with `Last-Event-ID`), and within a heartbeat when
    the key of `who` is revoked."""

    def __init__(
        self,
        api: JobsApi,
        job: Job,
        since: int,
        who: Principal | None,
        config: WebConfig,
        metrics: Metrics,
    ) -> None:
        super().__init__(_stream(api, job, since, who, config), config, metrics)


async def _stream(
    api: JobsApi, job: Job, since: int, who: Principal | None, config: WebConfig
) -> AsyncIterator[ServerSentEvent]:
    now = anyio.current_time()
    ends_at, look_at = now + config.stream_seconds_max, now
    yield ServerSentEvent(comment="events", retry=RETRY_MILLISECONDS)
    while True:
        try:
            now = anyio.current_time()
            if who is not None and now >= look_at:
                if not await api.app.access.in_use(who):
                    return
                look_at = now + config.heartbeat_seconds
            # The job before its events: if it is over, they are all there.
            job = await api.job(job.tenant, job.id)
            page = (await api.events(job, since=since, limit=EVENTS_PER_READ)).events
        except StoreError:
            return
        for event in page:
            yield _sent(event)
            since = event.seq
        if len(page) == EVENTS_PER_READ:
            continue
        now = anyio.current_time()
        if over(job) or now >= ends_at or config.stopping.is_set():
            return
        await _news(api, job, since, min(ends_at, now + config.heartbeat_seconds) - now, config)


async def _news(api: JobsApi, job: Job, since: int, seconds: float, config: WebConfig) -> None:
    """Return when a further event is stored, or the job is over, or the time is up."""
    heard = anyio.Event()
    quiet_until = anyio.current_time() + seconds

    async def stop() -> None:
        await config.stopping.wait()
        heard.set()

    async def listen() -> None:
        with contextlib.suppress(StoreError):  # the next read says so, and ends the stream
            await api.wait(job, seconds=seconds, emit=lambda _: heard.set(), since=since)
        heard.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listen)
        tasks.start_soon(stop)
        await heard.wait()
        tasks.cancel_scope.cancel()
    if config.stopping.is_set() or anyio.current_time() >= quiet_until:
        return
    pause = LOOK_AGAIN_SECONDS
    with anyio.move_on_after(STORED_WITHIN_SECONDS):
        while not await _stored(api, job, since):  # the store rings no bell
            await anyio.sleep(pause)
            pause = min(2 * pause, LOOK_AGAIN_SECONDS_MAX)


async def _stored(api: JobsApi, job: Job, since: int) -> bool:
    try:
        if await api.app.store.last_event_seq(job.id) > since:
            return True
        return over(await api.job(job.tenant, job.id))
    except StoreError:
        return False


def _sent(event: ProgressEvent) -> ServerSentEvent:
    return ServerSentEvent(data=event.model_dump_json(), event=event.name.value, id=str(event.seq))
