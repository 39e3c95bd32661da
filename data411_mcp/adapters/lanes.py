"""Connections to many hosts at once, in pools of a few connections to one host each.

A pool of httpcore2 looks at all its connections before and after each request: one pool for all
is quadratic in the chats under way, and each connection kept open makes every request dearer.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import dataclass

import anyio
import httpcore2

LANE_CONNECTIONS = 12
LANE_IDLE_CONNECTIONS = 6
LANES_IDLE_MAX = 16
IDLE_SECONDS = 30.0

Origin = tuple[bytes, bytes, int | None]


@dataclass(eq=False, slots=True)
class _Lane:
    origin: Origin
    pool: httpcore2.AsyncConnectionPool
    busy: int = 0
    idle_since: float = 0.0


class Lanes:
    """`connections_max` requests at once over all hosts; what is idle is kept for a while."""

    def __init__(
        self, open_pool: Callable[[], httpcore2.AsyncConnectionPool], *, connections_max: int
    ) -> None:
        self._open_pool = open_pool
        self._room = anyio.Semaphore(connections_max, fast_acquire=True)
        self._lanes: dict[Origin, list[_Lane]] = {}
        self._idle: dict[_Lane, None] = {}  # the longest idle first

    @property
    def connections(self) -> list[httpcore2.AsyncConnectionInterface]:
        return [
            c for lanes in self._lanes.values() for lane in lanes for c in lane.pool.connections
        ]

    async def handle_async_request(self, request: httpcore2.Request) -> httpcore2.Response:
        await self._room.acquire()
        url = request.url
        lane = self._enter((url.scheme, url.host, url.port))
        try:
            await self._close(self._surplus())
            response = await lane.pool.handle_async_request(request)
            if not isinstance(response.stream, AsyncIterable):
                raise httpcore2.ReadError("the pool gave a synchronous stream")
        except BaseException:
            self._leave(lane)
            raise
        body = _Body(response.stream, lambda: self._leave(lane))
        return httpcore2.Response(
            response.status,
            headers=response.headers,
            content=body,
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        lanes = [lane for lanes in self._lanes.values() for lane in lanes]
        self._lanes.clear()
        self._idle.clear()
        await self._close(lanes)

    def _enter(self, origin: Origin) -> _Lane:
        lanes = self._lanes.setdefault(origin, [])
        lane = next((lane for lane in lanes if lane.busy < LANE_CONNECTIONS), None)
        if lane is None:
            lane = _Lane(origin, self._open_pool())
            lanes.append(lane)
        self._idle.pop(lane, None)
        lane.busy += 1
        return lane

    def _leave(self, lane: _Lane) -> None:
        self._room.release()
        lane.busy -= 1
        if not lane.busy and lane in self._lanes.get(lane.origin, ()):
            lane.idle_since = anyio.current_time()
            self._idle[lane] = None

    def _surplus(self) -> list[_Lane]:
        """Lanes that have been idle for too long, or that are too many: taken out."""
        taken: list[_Lane] = []
        too_old = anyio.current_time() - IDLE_SECONDS
        for lane in list(self._idle):
            if len(self._idle) <= LANES_IDLE_MAX and lane.idle_since >= too_old:
                break
            del self._idle[lane]
            lanes = self._lanes[lane.origin]
            lanes.remove(lane)
            if not lanes:
                del self._lanes[lane.origin]
            taken.append(lane)
        return taken

    async def _close(self, lanes: list[_Lane]) -> None:
        if lanes:
            with anyio.CancelScope(shield=True):
                for lane in lanes:
                    await lane.pool.aclose()


class _Body:
    """A reply's body that says once when it is over."""

    def __init__(self, inner: AsyncIterable[bytes], over: Callable[[], None]) -> None:
        self._inner = inner
        self._over: Callable[[], None] | None = over

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._inner:
            yield part

    async def aclose(self) -> None:
        over, self._over = self._over, None
        try:
            close = getattr(self._inner, "aclose", None)
            if close is not None:
                await close()
        finally:
            if over is not None:
                over()
