"""Events of a conversation to whoever listens: a bounded ring in memory for each thread. What
nobody hears is dropped; a slow reader misses the oldest and holds nobody up."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import anyio

from data411_mcp.services.icp.turns import ChatEvent

RING = 200  # events kept of a thread
THREADS_MAX = 2_000  # threads kept besides those that are listened to
EVENTS_MAX = 20_000  # events kept of all threads together; those of the thread idle for longest go


@dataclass
class _Channel:
    ring: deque[ChatEvent] = field(default_factory=deque)
    bell: anyio.Event = field(default_factory=anyio.Event)
    listeners: int = 0


@dataclass
class ChatFeed:
    """Of this process. Numbers count through all threads, so that none is given out twice, also
    where a thread was dropped in between; they begin again with the process."""

    _channels: OrderedDict[tuple[str, str], _Channel] = field(default_factory=OrderedDict)
    _last: int = 0
    _kept: int = 0

    def publish(
        self,
        tenant: str,
        thread_id: str,
        event: str,
        message: str,
        context: Mapping[str, Any] | None = None,
        *,
        at: datetime,
    ) -> ChatEvent:
        """Never blocks. Returns the event with its number."""
        channel = self._channel(tenant, thread_id)
        self._last += 1
        made = ChatEvent(event, message, dict(context or {}), self._last, at.isoformat())
        channel.ring.append(made)
        self._kept += 1
        if len(channel.ring) > RING:
            channel.ring.popleft()
            self._kept -= 1
        self._bound(channel)
        _ring(channel)
        return made

    def events(self, tenant: str, thread_id: str, after_seq: int = 0) -> tuple[ChatEvent, ...]:
        """What is left in the ring after that number."""
        channel = self._channels.get((tenant, thread_id))
        if channel is None:
            return ()
        return tuple(event for event in channel.ring if event.seq > after_seq)

    def wake(self, tenant: str, thread_id: str) -> None:
        """Tell who listens that something happened to the thread, such as that its job goes on."""
        channel = self._channels.get((tenant, thread_id))
        if channel is not None:
            _ring(channel)

    @contextmanager
    def listened(self, tenant: str, thread_id: str) -> Iterator[None]:
        """While somebody listens, the thread's bell is kept."""
        key = (tenant, thread_id)
        channel = self._channel(tenant, thread_id)
        channel.listeners += 1
        try:
            yield
        finally:
            channel.listeners -= 1
            if not channel.listeners and not channel.ring and self._channels.get(key) is channel:
                del self._channels[key]

    def bell(self, tenant: str, thread_id: str) -> anyio.Event:
        """Rings at the next event or `wake`. Taken before one looks, so that nothing is missed."""
        return self._channel(tenant, thread_id).bell

    def forget(self, tenant: str, thread_id: str) -> None:
        channel = self._channels.pop((tenant, thread_id), None)
        if channel is not None:
            self._kept -= len(channel.ring)
            _ring(channel)

    def _channel(self, tenant: str, thread_id: str) -> _Channel:
        key = (tenant, thread_id)
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = _Channel()
            self._bound(channel)
        self._channels.move_to_end(key)
        return channel

    def _bound(self, used: _Channel) -> None:
        """Drop the threads that nobody has used for longest."""
        if len(self._channels) <= THREADS_MAX and self._kept <= EVENTS_MAX:
            return
        for key, channel in tuple(self._channels.items()):
            if channel is used or (len(self._channels) <= THREADS_MAX and not channel.ring):
                continue
            self._kept -= len(channel.ring)
            channel.ring.clear()
            if not channel.listeners:
                del self._channels[key]
            if len(self._channels) <= THREADS_MAX and self._kept <= EVENTS_MAX:
                return


def _ring(channel: _Channel) -> None:
    channel.bell.set()
    channel.bell = anyio.Event()
