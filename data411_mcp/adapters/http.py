"""The process's one way to other people's HTTP servers.

`get_page` reads pages of the web, `call` asks vendors, `raw` is for SDKs that bring their own
protocol. All go through the address guard. Pages and vendors have connection pools of their own:
a vendor that the operator trusts on a private address is out of reach of any page's redirect.
"""

from __future__ import annotations

import json as jsonlib
import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import anyio
import httpx2

from data411_mcp.adapters import guard
from data411_mcp.adapters.politeness import (
    RETRY_STATUSES_ANY,
    RETRY_STATUSES_IDEMPOTENT,
    Breaker,
    HostGates,
    retry_after_seconds,
    retry_delay,
    user_agent,
)
from data411_mcp.errors import LookupFailed, PageRefused
from data411_mcp.network import Network
from data411_mcp.settings import Settings

HOPS_MAX = 5
# At least so many connections, and enough for all jobs that may run at once: a session holds up to
# three models' for seconds each, and one to a page.
PAGE_CONNECTIONS_MIN, PAGE_CONNECTIONS_PER_JOB = 40, 1
VENDOR_CONNECTIONS_MIN, VENDOR_CONNECTIONS_PER_JOB = 80, 3
VENDOR_BYTES_MAX = 8_000_000
VENDOR_FAILURES_MAX = 5
VENDOR_PAUSE_SECONDS = 30.0
RAW_TIMEOUT_SECONDS = 120.0
CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 1.0

_HOST_FAILURES = frozenset({"timeout", "dns", "tls", "connect"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TEXT_TYPES = ("text/", "application/xhtml", "application/xml", "application/json")
_PAGE_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,text/*;q=0.8,*/*;q=0.1"


@dataclass(frozen=True, slots=True)
class RawPage:
    """`body` is after content decoding; `headers` has lower-case names. `hops` are the URLs that
    redirected. `truncated`: the body was cut at `max_bytes`."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    final_url: str
    hops: tuple[str, ...] = ()
    truncated: bool = False
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class VendorResponse:
    """Any status, error statuses too: what it means is the vendor's adapter to say."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    final_url: str = ""
    retry_after_seconds: float | None = None

    def json(self) -> Any:
        """Raises LookupFailed("bad_reply") when the body is not JSON."""
        try:
            return jsonlib.loads(self.body)
        except (ValueError, RecursionError):
            raise LookupFailed("bad_reply", "The vendor's reply is not JSON.") from None


@dataclass(frozen=True, slots=True)
class _Ask:
    """One exchange as asked: what to send, and what to put up with."""

    method: str
    url: str
    headers: Mapping[str, str]
    max_bytes: int
    redirects_max: int
    json: Any = None
    params: Mapping[str, Any] | None = None
    data: Mapping[str, Any] | None = None
    text_only: bool = False
    truncate: bool = False
    landed: Callable[[RawPage], None] | None = None
    connect_seconds: float = CONNECT_SECONDS

    @property
    def timeout(self) -> httpx2.Timeout:
        return httpx2.Timeout(RAW_TIMEOUT_SECONDS, connect=self.connect_seconds)


@dataclass(slots=True)
class HttpClient:
    pages: httpx2.AsyncClient
    raw: httpx2.AsyncClient  # keyed SDK calls: no redirects, no cookies, no proxies
    network: Network
    gates: HostGates
    breaker: Breaker
    page_max_bytes: int
    trusted: frozenset[tuple[str, int]] = field(default_factory=frozenset)

    async def get_page(
        self,
        url: str,
        *,
        deadline_seconds: float,
        headers: Mapping[str, str] | None = None,
        max_bytes: int | None = None,
        truncate: bool = False,
        attempts_max: int = 2,
        landed: Callable[[RawPage], None] | None = None,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> RawPage:
        """Read one text page with up to five redirects, each hop checked. Any status comes back.
        With `truncate` a page over `max_bytes` is cut instead of refused. `landed` is told the
        answer behind the last redirect while its body is still to come (`body` is empty).

        Raises PageRefused, or LookupFailed(timeout, dns, tls, connect, too_large,
        redirect_loop, not_text).
        """
        ask = _Ask(
            method="GET",
            url=url,
            headers={"accept": _PAGE_ACCEPT, **(headers or {})},
            max_bytes=max_bytes or self.page_max_bytes,
            redirects_max=HOPS_MAX,
            text_only=True,
            truncate=truncate,
            landed=landed,
            connect_seconds=connect_seconds,
        )
        with within(deadline_seconds):
            return await self._with_retries(self.pages, ask, attempts_max)

    async def call(
        self,
        method: str,
        url: str,
        *,
        deadline_seconds: float,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        max_bytes: int = VENDOR_BYTES_MAX,
        attempts_max: int = 2,
        redirects_max: int = 0,
    ) -> VendorResponse:
        """One vendor call. Tried again on 429, 503 and failed connects, a GET on 502, 504 and a
        dropped connection too, when the wait fits the deadline; the last reply comes back either
        way, with `retry_after_seconds` when the vendor named a time. Redirects only where asked
        for (RDAP); the caller's headers do not follow to another host.

        Raises PageRefused, or LookupFailed(timeout, dns, tls, connect, too_large,
        redirect_loop, circuit_open).
        """
        host = _parsed(url).host
        if left := self.breaker.seconds_left(host):
            raise LookupFailed("circuit_open", retry_after_seconds=left)
        ask = _Ask(
            method=method.upper(),
            url=url,
            headers=headers or {},
            max_bytes=max_bytes,
            redirects_max=redirects_max,
            json=json,
            params=params,
            data=data,
        )
        try:
            with within(deadline_seconds):
                page = await self._with_retries(self.raw, ask, attempts_max)
        except LookupFailed as error:
            if error.reason in _HOST_FAILURES:
                self.breaker.failed(host)
            raise
        if page.status >= 500:
            self.breaker.failed(host)
        else:
            self.breaker.succeeded(host)
        return VendorResponse(
            page.status, page.headers, page.body, page.final_url, page.retry_after_seconds
        )

    async def resolves(self, host: str, *, deadline_seconds: float) -> bool:
        """Whether the resolver in use knows an address of the name."""
        try:
            with anyio.fail_after(deadline_seconds):
                return bool(await (self.network.resolve or guard.system_resolve)(host))
        except (OSError, UnicodeError):  # TimeoutError is an OSError
            return False

    # -- one retry layer ----------------------------------------------------------------

    async def _with_retries(
        self, client: httpx2.AsyncClient, ask: _Ask, attempts_max: int
    ) -> RawPage:
        statuses = RETRY_STATUSES_IDEMPOTENT if ask.method == "GET" else RETRY_STATUSES_ANY
        for attempt in range(1, attempts_max + 1):
            asked_seconds = None
            try:
                page = await self._follow(client, ask)
            except httpx2.HTTPError as error:
                if attempt == attempts_max or not _worth_another_try(error, ask.method):
                    raise failure_of(error) from error
            else:
                asked_seconds = page.retry_after_seconds
                if page.status not in statuses or attempt == attempts_max:
                    return page
            delay = retry_delay(attempt, asked_seconds)
            if anyio.current_time() + delay >= anyio.current_effective_deadline():
                if asked_seconds is not None:
                    return page  # give up now rather than when the time is up
                delay = 0.0
            await anyio.sleep(delay)
        raise AssertionError("attempts_max is at least 1")

    # -- one exchange: redirects by hand ------------------------------------------------

    async def _follow(self, client: httpx2.AsyncClient, ask: _Ask) -> RawPage:
        self._check(ask.url, client)
        request = client.build_request(
            ask.method, _parsed(ask.url), headers=ask.headers, json=ask.json, params=ask.params,
            data=ask.data, timeout=ask.timeout,
        )  # fmt: skip
        hops: list[str] = []
        while True:
            url = str(request.url)
            host = self._check(url, client)
            if url in hops or len(hops) > ask.redirects_max:
                raise LookupFailed("redirect_loop", "The address redirects in a circle.")
            if client is self.pages:
                async with self.gates.enter(host):
                    page, location = await self._send(client, request, ask)
            else:
                page, location = await self._send(client, request, ask)
            if location is None:
                return RawPage(
                    page.status, page.headers, page.body, url, tuple(hops), page.truncated,
                    page.retry_after_seconds,
                )  # fmt: skip
            hops.append(url)
            follow = client is self.pages or _same_site(location, request.url)
            headers = ask.headers if follow else None
            request = client.build_request("GET", location, headers=headers, timeout=ask.timeout)

    def _check(self, url: str, client: httpx2.AsyncClient) -> str:
        parsed = _parsed(url)
        if client is self.raw and _origin(parsed) in self.trusted:
            return parsed.host
        return guard.check_hop(url, self.network.allow)

    async def _send(
        self, client: httpx2.AsyncClient, request: httpx2.Request, ask: _Ask
    ) -> tuple[RawPage, httpx2.URL | None]:
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            location = _location(response) if ask.redirects_max else None
            if location is not None:
                return _page(response, b"", truncated=False), location
            if ask.landed is not None:
                ask.landed(_page(response, b"", truncated=False))
            if ask.text_only and response.status_code < 400 and not _is_text(response):
                raise LookupFailed("not_text", "The address holds no text page.")
            body, truncated = await _read_body(response, ask.max_bytes, ask.truncate)
            return _page(response, body, truncated=truncated), None
        finally:
            # A cancelled read must still give its connection back to the pool.
            with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                await response.aclose()


async def _read_body(
    response: httpx2.Response, max_bytes: int, truncate: bool
) -> tuple[bytes, bool]:
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > max_bytes or response.num_bytes_downloaded > max_bytes:
            if truncate:
                return bytes(body[:max_bytes]), True
            raise LookupFailed("too_large", "The page is larger than the limit.")
    return bytes(body), False


def _page(response: httpx2.Response, body: bytes, *, truncated: bool) -> RawPage:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return RawPage(
        status=response.status_code,
        headers=headers,
        body=body,
        final_url=str(response.request.url),
        truncated=truncated,
        retry_after_seconds=retry_after_seconds(headers, datetime.now(UTC)),
    )


def _location(response: httpx2.Response) -> httpx2.URL | None:
    target = response.headers.get("location", "").strip()
    if response.status_code not in _REDIRECTS or not target:
        return None
    try:
        return response.request.url.join(target).copy_with(fragment=None)
    except (httpx2.InvalidURL, UnicodeError, ValueError):
        raise PageRefused("malformed", "The redirect leads nowhere.") from None


def _is_text(response: httpx2.Response) -> bool:
    media = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    unnamed = media in {"", "application/octet-stream", "*/*"}  # the decoder will look
    return unnamed or media.startswith(_TEXT_TYPES) or media.endswith(("+xml", "+json"))


@lru_cache(maxsize=1024)
def _parsed(url: str) -> httpx2.URL:
    try:
        return httpx2.URL(url)
    except (httpx2.InvalidURL, UnicodeError, ValueError):
        raise PageRefused("malformed", "The URL cannot be parsed.") from None


def _same_site(one: httpx2.URL, other: httpx2.URL) -> bool:
    return (one.scheme, _origin(one)) == (other.scheme, _origin(other))


def _origin(url: httpx2.URL) -> tuple[str, int]:
    host = url.raw_host.decode("ascii", "replace").lower()
    return host, url.port or (443 if url.scheme == "https" else 80)


# --- failures in our words ---------------------------------------------------------------


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The chain of causes. httpcore2 cuts it ("from None") but keeps the original in `args`."""
    while error is not None:
        yield error
        original = next((arg for arg in error.args if isinstance(arg, BaseException)), None)
        error = error.__cause__ or original


def failure_of(error: httpx2.HTTPError) -> LookupFailed:
    """Vendor and library texts stay behind; the reason is what callers act on."""
    for cause in _causes(error):
        if isinstance(cause, guard.AddressRefused):
            return PageRefused(cause.reason, "The address is not one of the public web.")
        if isinstance(cause, guard.NameNotResolved):
            return LookupFailed("dns", "The name has no address.")
        if isinstance(cause, ssl.SSLError):
            return LookupFailed("tls", "The certificate or the handshake is not in order.")
    if isinstance(error, httpx2.TimeoutException):
        return LookupFailed("timeout", "No answer in time.")
    if isinstance(error, httpx2.DecodingError):
        return LookupFailed("not_text", "The reply does not decode.")
    return LookupFailed("connect", "The connection failed.")


def _worth_another_try(error: httpx2.HTTPError, method: str) -> bool:
    if failure_of(error).reason != "connect":
        return False
    # Before the request went out any method may be tried again, afterwards only a GET.
    return isinstance(error, httpx2.ConnectError) or method == "GET"


@asynccontextmanager
async def closing_clients(*clients: httpx2.AsyncClient) -> AsyncIterator[None]:
    """Close the connections at the end, within a moment."""
    try:
        yield
    finally:
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            for client in clients:
                await client.aclose()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """`anyio.fail_after` whose end is a LookupFailed("timeout")."""
    try:
        with anyio.fail_after(seconds):
            yield
    except TimeoutError as error:
        raise LookupFailed("timeout", "No answer in time.") from error


# --- construction ------------------------------------------------------------------------


@asynccontextmanager
async def open_client(
    network: Network, settings: Settings, *, monotonic: Callable[[], float] = time.monotonic
) -> AsyncIterator[HttpClient]:
    """The client for one process; closes its connections at the end."""
    # At INFO these log every URL, and queries hold keys.
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    trusted = frozenset({_origin(httpx2.URL(settings.llm_base_url))})
    jobs = settings.job_concurrency
    for_pages = max(PAGE_CONNECTIONS_MIN, jobs * PAGE_CONNECTIONS_PER_JOB)
    for_vendors = max(VENDOR_CONNECTIONS_MIN, jobs * VENDOR_CONNECTIONS_PER_JOB)
    pages = guarded_client(guard.GuardedBackend(network), settings, for_pages)
    raw = guarded_client(guard.GuardedBackend(network, trusted), settings, for_vendors)
    async with closing_clients(pages, raw):
        yield HttpClient(
            pages=pages,
            raw=raw,
            network=network,
            gates=HostGates(settings.host_concurrency, settings.host_interval_s),
            breaker=Breaker(
                monotonic, failures_max=VENDOR_FAILURES_MAX, pause_seconds=VENDOR_PAUSE_SECONDS
            ),
            page_max_bytes=settings.page_max_bytes,
            trusted=trusted,
        )


def guarded_client(
    backend: guard.GuardedBackend, settings: Settings, connections_max: int
) -> httpx2.AsyncClient:
    """A client that reaches nothing but through the guard, and carries nothing between requests."""
    # One jar for all tenants would carry a login from one to the next: no cookies at all.
    jar = CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
    return httpx2.AsyncClient(
        transport=guard.GuardedTransport(backend, connections_max=connections_max),
        headers={"user-agent": user_agent(settings)},
        timeout=httpx2.Timeout(RAW_TIMEOUT_SECONDS, connect=CONNECT_SECONDS),
        trust_env=False,
        follow_redirects=False,
        cookies=jar,
    )
