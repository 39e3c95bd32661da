"""Reading pages: Jina Reader asked first, our own GET beside it at once, Tavily last.

A page is stored as evidence: the body as received, its SHA-256, and the text our decoder derives
from it. The direct answer is the better evidence (structured data, mail links, dates) and the only
witness of status and redirects, so it wins where it is usable; Jina's text serves pages that need
a browser, and only under the address where the direct request ended. docs/adr/0003 says why.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from math import ceil
from typing import Any, Generic, Self, TypeVar
from urllib.parse import urljoin

import anyio
import anyio.to_thread

from data411_mcp.adapters.guard import check_hop, check_url, clean_url
from data411_mcp.adapters.http import CONNECT_SECONDS, HttpClient, RawPage, VendorResponse
from data411_mcp.adapters.politeness import Allowance, Breaker
from data411_mcp.adapters.robots import Robots
from data411_mcp.domain.evidence import Page
from data411_mcp.domain.extract.document import Document
from data411_mcp.domain.hosts import registrable_domain
from data411_mcp.domain.metering import metered
from data411_mcp.errors import LookupFailed, PageRefused
from data411_mcp.services.ports import Clock, Store
from data411_mcp.settings import Settings

JINA_URL = "https://r.jina.ai/"
JINA_CALLS_PER_MINUTE = 20
JINA_CALLS_PER_MINUTE_WITH_KEY = 500
TAVILY_EXTRACT_URL = "https://api.tavily.com/extract"
TAVILY_SECONDS = 12.0
# A fifth of a credit is a page. Jina charges for the tokens of its text, which a text reply does
# not count: four characters are one, as in English.
TAVILY_PAGE_USD_MICROS = 1_600
JINA_USD_PER_MILLION_TOKENS = 0.05
JINA_CHARS_PER_TOKEN = 4
GRACE_SECONDS = 1.5  # how much longer the direct read may take than a usable text of Jina
KEEP_SECONDS = 0.2  # kept back of the deadline, so that a thin page in hand can still be stored
USABLE_CHARS_MIN = 200
READER_FAILURES_MAX = 3
READER_PAUSE_SECONDS = 60.0
READER_UNPAID_SECONDS = 3600.0
THREAD_DECODE_BYTES_MIN = 100_000  # below, the hop to a thread costs more than it frees
OFFLINE_PROBES = ("www.iana.org", "one.one.one.one")
OFFLINE_SECONDS = 3.0

_KEPT_HEADERS = (
    "content-type", "content-language", "last-modified", "server", "x-powered-by", "x-generator",
)  # fmt: skip
_DEFINITIVE = frozenset({"not_found", "dns"})  # no other reader will find what is not there
# Key, money or plan. Jina's 403 is about the target, so it is not among them.
_NEEDS_A_HUMAN = {"jina": {401, 402}, "tavily": {401, 403, 432, 433}}
_BINARY_MAGIC = (b"%PDF-", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"PK\x03\x04", b"\x1f\x8b")
_BOT_WALL = re.compile(
    r"just a moment|attention required|checking your browser|verify(?:ing)? (?:that )?you are "
    r"(?:a )?human|enable javascript and cookies to continue|are you a robot|unusual traffic|"
    r"ddos protection by|request unsuccessful\. incapsula|pardon our interruption|"
    r"(?:solve|complete) the captcha",
    re.IGNORECASE,
)
_BOT_WALL_CHARS_MAX = 600  # a page with more to read may be about walls, but is none
_JINA_WARNING = re.compile(r"^Warning: (.*)$", re.MULTILINE)
_JINA_SOURCE = re.compile(r"^URL Source: (\S+)\s*$", re.MULTILINE)
_JINA_PUBLISHED = re.compile(r"^Published Time: (.+?)\s*$", re.MULTILINE)
_JINA_STATUS = re.compile(r"Target URL returned error (\d{3})")
_GOES_ON = re.compile(
    r"\bcontent\s*=\s*[\"']?\s*\d+\s*[;,]\s*(?:url\s*=\s*)?[\"']?([^\"'>\s]+)"
    r"|\blocation(?:\.href)?\s*(?:=|\.(?:replace|assign)\s*\()\s*[\"'`]((?:https?:)?//[^\"'`\s]+)",
    re.IGNORECASE,
)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Read:
    """A page that the direct reader calls usable. `thin`: so little text that a reader with a
    browser may well find more."""

    page: Page
    thin: bool


@dataclass(frozen=True, slots=True)
class JinaText:
    """Jina's reply. `source` is where it says the text is from; `published` an HTTP date."""

    body: bytes
    source: str
    published: str = ""


@dataclass(slots=True)
class _Landing:
    """Where the direct request ended after all redirects, known before its body is read."""

    url: str = ""
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    leads_away: bool = False  # the page itself sends a browser to another site
    known: anyio.Event = field(default_factory=anyio.Event)

    def saw(self, raw: RawPage) -> None:
        self.url, self.status, self.headers = raw.final_url, raw.status, raw.headers
        self.known.set()

    @property
    def shows_the_place(self) -> bool:
        return bool(self.url) and not self.leads_away

    def kept_headers(self) -> dict[str, str]:
        """What the page's headers say of it besides its form, which Jina changed."""
        if not 200 <= self.status < 300:
            return {}
        kept = {name: self.headers[name] for name in _KEPT_HEADERS if name in self.headers}
        kept.pop("content-type", None)
        return kept


class _Runner(Generic[Result]):
    """One reader's part of the race. `done` is set with a result or a failure."""

    def __init__(self) -> None:
        self.result: Result | None = None
        self.failure: LookupFailed | None = None
        self.done = anyio.Event()

    async def run(self, read: Callable[[], Awaitable[Result]]) -> None:
        try:
            self.result = await read()
        except LookupFailed as failure:
            self.failure = failure
        self.done.set()


class Race:
    """The readers of one page, side by side."""

    def __init__(self) -> None:
        self.direct = _Runner[_Read]()
        self.jina = _Runner[JinaText]()
        self.landing = _Landing()

    @property
    def settled(self) -> bool:
        """The direct reader has the page, or knows that there is none."""
        if self.direct.result is not None:
            return not self.direct.result.thin
        return self.direct.failure is not None and self.direct.failure.reason in _DEFINITIVE

    def agrees_on(self, url: str) -> bool:
        """Whether Jina's text is of the site that the direct request saw."""
        told, landing = self.jina.result, self.landing
        if told is None or not landing.shows_the_place:
            return False
        return registrable_domain(told.source) in map(registrable_domain, (url, landing.url))


class WebReader:
    """Implements `ports.PageReader` for one tenant. Everything remembered between reads (robots,
    a pausing vendor, the free allowance) is of the process, so make one and `for_tenant` the
    others."""

    def __init__(
        self,
        http: HttpClient,
        store: Store,
        settings: Settings,
        clock: Clock,
        tenant: str,
        *,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._grace_seconds = grace_seconds
        self._http = http
        self._store = store
        self._settings = settings
        self._clock = clock
        self._tenant = tenant
        self._robots = Robots(http, clock)
        self._breaker = Breaker(
            clock.monotonic, failures_max=READER_FAILURES_MAX, pause_seconds=READER_PAUSE_SECONDS
        )
        per_minute = (
            JINA_CALLS_PER_MINUTE_WITH_KEY if settings.jina_api_key else JINA_CALLS_PER_MINUTE
        )
        self._jina_allowance = Allowance(per_minute, 60.0, clock.monotonic)
        self._reading: dict[str, _Turn] = {}

    def for_tenant(self, tenant: str) -> Self:
        other = type(self)(
            self._http,
            self._store,
            self._settings,
            self._clock,
            tenant,
            grace_seconds=self._grace_seconds,
        )
        other._robots = self._robots
        other._breaker = self._breaker
        other._jina_allowance = self._jina_allowance
        return other

    async def read(self, url: str, *, deadline_seconds: float, refresh: bool = False) -> Page:
        """See `ports.PageReader.read`. Readers at once of one address share one fetch."""
        check_url(url)
        url = clean_url(url)
        try:
            with anyio.fail_after(deadline_seconds):
                async with self._turn(url):
                    stored = None if refresh else await self._stored(url)
                    if stored is not None:
                        return stored
                    page = await self._fetch(url, refresh)
                    await self._store.put_page(self._tenant, page)
                    return page
        except TimeoutError as error:
            raise LookupFailed("timeout", "No reader answered in time.") from error

    async def offline(self) -> bool:
        """True when the resolver knows none of two names that always exist."""
        answers: list[bool] = []

        async def probe(host: str) -> None:
            answers.append(await self._http.resolves(host, deadline_seconds=OFFLINE_SECONDS))
            if answers[-1]:
                probes.cancel_scope.cancel()

        async with anyio.create_task_group() as probes:
            for host in OFFLINE_PROBES:
                probes.start_soon(probe, host)
        return not any(answers)

    async def _stored(self, url: str) -> Page | None:
        hours = self._settings.page_cache_hours
        if not hours:
            return None
        not_before = self._clock.now() - timedelta(hours=hours)
        page = await self._store.fresh_page(self._tenant, url, not_before=not_before)
        return None if page is None else replace(page, warm=True)

    @asynccontextmanager
    async def _turn(self, url: str) -> AsyncIterator[None]:
        turn = self._reading.setdefault(url, _Turn())
        turn.waiting += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                self._reading.pop(url, None)

    # -- the chain ----------------------------------------------------------------------

    async def _fetch(self, url: str, refresh: bool) -> Page:
        if self._settings.respect_robots and not await self._robots.allows(url):
            raise PageRefused("robots", "robots.txt asks not to read this address.")
        race = Race()
        left = anyio.current_effective_deadline() - anyio.current_time() - KEEP_SECONDS
        with anyio.move_on_after(left):
            await self._race(race, url, refresh)
        return await self._outcome(race, url, TAVILY_SECONDS if self._tavily_ready() else 0.0)

    async def _outcome(self, race: Race, url: str, tavily_seconds: float) -> Page:
        """The best page of a race that is over; a third reader's where there is none."""
        direct = race.direct.result
        if direct is not None and not direct.thin:
            return direct.page
        if race.jina.result is not None and (page := await self._credited(race, url)) is not None:
            return page
        if direct is not None:
            return direct.page
        # The direct reader's word: it saw the status itself.
        failure = race.direct.failure or LookupFailed("timeout", "Not heard.")
        if tavily_seconds and race.landing.shows_the_place and not race.settled:
            try:
                return await self._tavily(url, race.landing.url, tavily_seconds)
            except LookupFailed as error:
                raise failure from error
        raise failure

    async def _race(self, race: Race, url: str, refresh: bool) -> None:
        """Jina is asked first and the site itself at once beside it. A usable direct answer ends
        the race, Jina's does so `grace_seconds` later, once the direct request has landed."""
        direct, jina = race.direct, race.jina
        async with anyio.create_task_group() as readers:
            if self._jina_ready():
                readers.start_soon(
                    jina.run, lambda: self._jina(url, self._settings.jina_timeout_s, refresh)
                )
            else:
                jina.done.set()
            readers.start_soon(
                direct.run, lambda: self._direct(url, self._settings.page_timeout_s, race.landing)
            )
            if await _before(jina.done, direct.done) and jina.result is not None:
                with anyio.move_on_after(self._grace_seconds):
                    await direct.done.wait()
                await _before(race.landing.known, direct.done)
            else:
                await direct.done.wait()
                if not race.settled:
                    await jina.done.wait()
            readers.cancel_scope.cancel()

    async def _credited(self, race: Race, url: str) -> Page | None:
        """Jina's text, credited to the address where the direct request ended: Jina may name the
        address as it was asked for, and its word alone would let a redirect lend the company's
        name to another site's text. None when the two do not agree on whose page it is."""
        told, landing = race.jina.result, race.landing
        if told is None or not race.agrees_on(url):
            return None
        document = await _decoded(told.body, "text/markdown", landing.url)
        page = self._page(url, landing.url, told.body, document, "jina", "text/markdown")
        headers = landing.kept_headers()
        if told.published:
            headers.setdefault("last-modified", told.published)
        return replace(page, headers=headers)

    async def _direct(
        self,
        url: str,
        deadline_seconds: float,
        landing: _Landing,
        *,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> _Read:
        raw = await self._http.get_page(
            url,
            deadline_seconds=deadline_seconds,
            landed=landing.saw,
            connect_seconds=connect_seconds,
        )
        content_type = raw.headers.get("content-type", "")
        binary = raw.body.startswith(_BINARY_MAGIC) or b"\x00\x00" in raw.body[:512]
        if binary and raw.status < 400:
            raise LookupFailed("not_text", "The address holds no text page.")
        document = await _decoded(raw.body, content_type, raw.final_url)
        visible = document.text[: document.visible_end].strip()
        if len(visible) < USABLE_CHARS_MIN:
            landing.leads_away = _leads_away(raw.body.decode("utf-8", "replace"), raw.final_url)
        walled = len(visible) < _BOT_WALL_CHARS_MAX and bool(
            _BOT_WALL.search(f"{document.title}\n{visible}")
        )
        if raw.status in {404, 410}:
            raise LookupFailed("not_found", "The page is not there.")
        if "cf-mitigated" in raw.headers or walled:
            raise LookupFailed("bot_wall", "The site lets no machine in.")
        if not 200 <= raw.status < 300:
            raise LookupFailed(
                f"http_{raw.status}",
                "The site answered with an error.",
                retry_after_seconds=raw.retry_after_seconds,
            )
        if not document.text.strip():
            raise LookupFailed("empty", "The page has no text.")
        page = self._page(url, raw.final_url, raw.body, document, "direct", content_type)
        headers = {name: raw.headers[name] for name in _KEPT_HEADERS if name in raw.headers}
        page = replace(page, status=raw.status, headers=headers)
        return _Read(page, thin=len(visible) < USABLE_CHARS_MIN)

    # -- Jina Reader: https://r.jina.ai/<url> -------------------------------------------

    def _jina_ready(self) -> bool:
        return (
            self._settings.jina_enabled
            and not self._breaker.seconds_left("jina")
            and self._jina_allowance.take()
        )

    async def _jina(self, url: str, deadline_seconds: float, refresh: bool) -> JinaText:
        headers = {
            "accept": "text/plain",
            "x-timeout": str(ceil(deadline_seconds)),
            "x-retain-images": "none",
        }
        if refresh:
            headers["x-no-cache"] = "true"
        if key := self._settings.jina_api_key:
            headers["authorization"] = f"Bearer {key.get_secret_value()}"
        reply = await self._ask(
            "jina", "GET", JINA_URL + url, headers=headers, deadline_seconds=deadline_seconds
        )
        head, _, content = reply.body.decode("utf-8", "replace").partition("Markdown Content:")
        if key is not None:
            metered(ceil(len(content) / JINA_CHARS_PER_TOKEN * JINA_USD_PER_MILLION_TOKENS))
        for warning in _JINA_WARNING.findall(head):
            _refuse_warning(warning)
        if len(content.strip()) < USABLE_CHARS_MIN:
            raise LookupFailed("empty", "The reader found hardly any text.")
        dates = _JINA_PUBLISHED.findall(head)
        return JinaText(reply.body, _jina_source(head), dates[0] if len(dates) == 1 else "")

    # -- Tavily extract: POST https://api.tavily.com/extract -----------------------------

    def _tavily_ready(self) -> bool:
        return self._settings.tavily_extract and not self._breaker.seconds_left("tavily")

    async def _tavily(self, url: str, final_url: str, deadline_seconds: float) -> Page:
        key = self._settings.tavily_api_key
        reply = await self._ask(
            "tavily",
            "POST",
            TAVILY_EXTRACT_URL,
            headers=(
                {"authorization": f"Bearer {key.get_secret_value()}"}
                if key
                else {"x-tavily-access-mode": "keyless"}
            ),
            json={"urls": [url], "extract_depth": "basic", "format": "markdown"},
            deadline_seconds=deadline_seconds,
        )
        text = _tavily_text(reply.json())
        if key is not None:
            metered(TAVILY_PAGE_USD_MICROS)
        if len(text.strip()) < USABLE_CHARS_MIN:
            raise LookupFailed("empty", "The reader found hardly any text.")
        body = text.encode("utf-8", "replace")
        document = await _decoded(body, "text/markdown", final_url)
        return self._page(url, final_url, body, document, "tavily", "text/markdown")

    async def _ask(
        self, vendor: str, method: str, url: str, *, deadline_seconds: float, **request: Any
    ) -> VendorResponse:
        """One call to a reading vendor; only 200 comes back. Keeps the vendor's breaker."""
        try:
            reply = await self._http.call(
                method, url, deadline_seconds=deadline_seconds, attempts_max=1, **request
            )
        except LookupFailed as error:
            if error.reason != "too_large":
                self._breaker.failed(vendor)
            raise
        asked = reply.retry_after_seconds
        match reply.status:
            case 200:
                self._breaker.succeeded(vendor)
                return reply
            case status if status in _NEEDS_A_HUMAN[vendor]:
                self._breaker.pause(vendor, READER_UNPAID_SECONDS)
            case 429 | 451:
                seconds = READER_PAUSE_SECONDS if asked is None else asked
                self._breaker.pause(vendor, min(seconds, READER_UNPAID_SECONDS))
            case status if status >= 500:
                self._breaker.failed(vendor)
        raise LookupFailed(f"http_{reply.status}", "The reader refused.", retry_after_seconds=asked)

    def _page(
        self,
        url: str,
        final_url: str,
        body: bytes,
        document: Document,
        reader: str,
        content_type: str,
    ) -> Page:
        return Page(
            url=url,
            final_url=final_url,
            sha256=hashlib.sha256(body).hexdigest(),
            text=document.text,
            decoder=document.decoder,
            reader=reader,
            fetched_at=self._clock.now().isoformat(),
            content_type=content_type,
            body=body,
            decoded=document,
        )


class _Turn:
    def __init__(self) -> None:
        self.lock = anyio.Lock()
        self.waiting = 0


async def _before(one: anyio.Event, other: anyio.Event) -> bool:
    """Wait for either event; whether `one` is set."""
    async with anyio.create_task_group() as waits:

        async def wait(event: anyio.Event) -> None:
            await event.wait()
            waits.cancel_scope.cancel()

        waits.start_soon(wait, one)
        waits.start_soon(wait, other)
    return one.is_set()


async def _decoded(body: bytes, content_type: str, url: str) -> Document:
    from data411_mcp.domain.extract.decode import decode  # with the first page

    if len(body) < THREAD_DECODE_BYTES_MIN:
        return decode(body, content_type=content_type, url=url)
    return await anyio.to_thread.run_sync(
        lambda: decode(body, content_type=content_type, url=url), abandon_on_cancel=True
    )


def _refuse_warning(warning: str) -> None:
    """A target's error page arrives as HTTP 200 with a warning."""
    if error := _JINA_STATUS.search(warning):
        reason = "not_found" if error.group(1) in {"404", "410"} else "error_page"
        raise LookupFailed(reason, "The site answered with an error.")
    if "captcha" in warning.lower():
        raise LookupFailed("bot_wall", "The site lets no machine in.")


def _jina_source(head: str) -> str:
    """Where Jina says the text came from; whether to believe it is `_credited`'s to say. A page's
    title stands in the same lines and may forge them, so only a single one counts."""
    sources = _JINA_SOURCE.findall(head)
    if len(sources) != 1:
        raise LookupFailed("error_page", "The reader's reply is not in its usual form.")
    try:
        check_hop(sources[0])
    except PageRefused:
        raise LookupFailed("error_page", "The reader was led to another host.") from None
    return str(sources[0])


def _leads_away(html: str, url: str) -> bool:
    """The page has a browser go on to another registrable domain (meta refresh or a script)."""
    targets = (found.group(1) or found.group(2) for found in _GOES_ON.finditer(html))
    here = registrable_domain(url)
    return any(registrable_domain(urljoin(url, target)) != here for target in targets)


def _tavily_text(reply: Any) -> str:
    """`results[0].raw_content`; HTTP 200 comes even when the only URL failed."""
    results = reply.get("results") if isinstance(reply, dict) else None
    first = results[0] if isinstance(results, list) and results else None
    text = first.get("raw_content") if isinstance(first, dict) else None
    return text if isinstance(text, str) else ""
