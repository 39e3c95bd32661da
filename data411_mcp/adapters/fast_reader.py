"""Reading a page while somebody waits in a chat: Jina Reader alone at first, the site itself beside
it after a moment, Tavily last. The first usable page wins, and the others are given up.

What makes a page usable, and what Jina's text may be credited with, is `web_reader`'s: without
knowing where the site's own request ends, Jina's word for whose page it is counts for nothing.
"""

from __future__ import annotations

import anyio

from data411_mcp.adapters.guard import check_url, clean_url
from data411_mcp.adapters.web_reader import (
    KEEP_SECONDS,
    TAVILY_SECONDS,
    JinaText,
    Race,
    WebReader,
)
from data411_mcp.domain.evidence import Page
from data411_mcp.errors import LookupFailed, PageRefused
from data411_mcp.services.ports.icp import ReadPolicy

_WORTH_ANOTHER_TRY = frozenset(
    {"timeout", "connect", "http_500", "http_502", "http_503", "http_504", "http_524"}
)


class FastWebReader(WebReader):
    """Implements `ports.PageReader` and `ports.icp.FastReader`: one memory of hosts and vendors,
    one store of pages."""

    async def read_fast(self, url: str, policy: ReadPolicy, *, deadline_seconds: float) -> Page:
        check_url(url)
        url = clean_url(url)
        try:
            with anyio.fail_after(deadline_seconds):
                async with self._turn(url):
                    stored = await self._stored(url)
                    if stored is not None:
                        return stored
                    page = await self._fetch_fast(url, policy)
                    await self._store.put_page(self._tenant, page)
                    return page
        except TimeoutError as error:
            raise LookupFailed("timeout", "No reader answered in time.") from error

    async def _fetch_fast(self, url: str, policy: ReadPolicy) -> Page:
        hedge_at = anyio.current_time() + policy.hedge_after  # robots.txt is a part of the wait
        if self._settings.respect_robots and not await self._robots.allows(url):
            raise PageRefused("robots", "robots.txt asks not to read this address.")
        race = Race()
        left = anyio.current_effective_deadline() - anyio.current_time() - KEEP_SECONDS
        with anyio.move_on_after(left):
            await self._hedged(race, url, policy, hedge_at)
        tavily = policy.tavily and not self._breaker.seconds_left("tavily")
        return await self._outcome(race, url, TAVILY_SECONDS if tavily else 0.0)

    async def _hedged(self, race: Race, url: str, policy: ReadPolicy, hedge_at: float) -> None:
        async with anyio.create_task_group() as readers:
            if self._settings.jina_enabled and not self._breaker.seconds_left("jina"):
                readers.start_soon(race.jina.run, lambda: self._jina_tries(url, policy))
                with anyio.move_on_after(hedge_at - anyio.current_time()):
                    await race.jina.done.wait()
            else:
                race.jina.done.set()
            readers.start_soon(
                race.direct.run,
                lambda: self._direct(
                    url,
                    policy.connect_timeout + policy.read_timeout,
                    race.landing,
                    connect_seconds=policy.connect_timeout,
                ),
            )
            while not _decided(race, url):
                await _next_of(race.jina.done, race.direct.done, race.landing.known)
            if not race.settled:
                # Only the body shows whether the page sends a browser to another site.
                with anyio.move_on_after(self._grace_seconds):
                    await race.direct.done.wait()
            readers.cancel_scope.cancel()

    async def _jina_tries(self, url: str, policy: ReadPolicy) -> JinaText:
        for attempt in range(1, policy.jina_tries + 1):
            if not self._jina_ready():
                break
            try:
                return await self._jina(url, policy.jina_timeout, refresh=False)
            except LookupFailed as failure:
                if failure.reason not in _WORTH_ANOTHER_TRY or attempt == policy.jina_tries:
                    raise
        raise LookupFailed("rate_limited", "The reader asks for a pause.")


def _decided(race: Race, url: str) -> bool:
    if race.settled or (race.jina.done.is_set() and race.direct.done.is_set()):
        return True
    # An error page's body is short: the direct reader's verdict on it is worth the moment.
    landed = race.landing.known.is_set() and race.landing.status < 400
    return landed and race.agrees_on(url)


async def _next_of(*events: anyio.Event) -> None:
    """Wait until one more of the events is set."""
    async with anyio.create_task_group() as waits:

        async def wait(event: anyio.Event) -> None:
            await event.wait()
            waits.cancel_scope.cancel()

        for event in events:
            if not event.is_set():
                waits.start_soon(wait, event)
