"""Which addresses may be fetched, checked twice: the URL before anyone sees it, and the network
address at the moment of connecting.

`check_url` and `clean_url` look at the text of a URL. `GuardedBackend` resolves the name once,
refuses unless every answer is public, and connects to the very address it checked, so a name
that changes its answer in between (DNS rebinding) gains nothing. Host header and TLS server
name stay the name. `GuardedTransport` puts it under an httpx2 client.
"""

from __future__ import annotations

import contextlib
import functools
import re
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from socket import SOCK_STREAM
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import anyio
import httpcore2
import httpx2

from data411_mcp.adapters.lanes import (
    IDLE_SECONDS,
    LANE_CONNECTIONS,
    LANE_IDLE_CONNECTIONS,
    Lanes,
)
from data411_mcp.errors import PageRefused
from data411_mcp.network import Network, Resolve

PORTS = frozenset({80, 443})
URL_CHARS_MAX = 2048
ADDRESSES_TRIED_MAX = 3
CONNECT_SECONDS_PER_ADDRESS = 3.0

# `is_global` of Python 3.11 calls some of these global; and in IPv6 only 2000::/3 is handed out.
_V4_NOT_PUBLIC = [ip_network(n) for n in ("192.0.0.0/24", "192.88.99.0/24")]
_V6_PUBLIC = ip_network("2000::/3")
_V6_NOT_PUBLIC = [ip_network(n) for n in ("2001::/23", "2002::/16", "3fff::/20")]

_PRIVATE_SUFFIXES = (
    "localhost", "local", "localdomain", "internal", "intranet", "private", "corp", "home", "lan",
    "home.arpa", "in-addr.arpa", "ip6.arpa", "onion",
)  # fmt: skip
_UNSAFE_CHARS = re.compile(r"[\x00-\x20\x7f\\]")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}\Z", re.IGNORECASE)  # underscores do occur
_NUMERIC_LABEL = re.compile(r"(?:\d+|0x[0-9a-f]*)\Z")

# Compared without case and punctuation. Names such as `code`, `s` or `id` are too common in
# honest addresses to be taken out.
_SECRET_NAMES = frozenset({
    "accesskey", "auth", "authkey", "authorization", "awsaccesskeyid", "credential",
    "credentials", "hmac", "jwt", "key", "keypairid", "nonce", "otp", "pass", "passcode", "passwd",
    "phpsessid", "privatekey", "pwd", "session", "sessionid", "sid", "sig", "sign", "signature",
    "ticket", "xamzcredential", "xamzsignature", "jsessionid",
})  # fmt: skip
_SECRET_ENDINGS = ("token", "secret", "password", "apikey")
_PATH_SESSION = re.compile(r";(?:jsessionid|phpsessid|sid|sessionid)=[^/?;]*", re.IGNORECASE)


# --- the URL as text ---------------------------------------------------------------------


def check_url(url: str) -> None:
    """Refuse what nobody may fetch or be told of: other schemes and ports, credentials, private
    names, literal addresses in any notation. Raises PageRefused; the reason is one of
    `malformed`, `scheme`, `userinfo`, `port`, `ip_literal`, `private_name`."""
    host = _checked_host(url)
    if _literal(host) is not None:
        raise PageRefused("ip_literal", "Addresses are not read, only names.")
    check_name(host)


def check_hop(url: str, allow: frozenset[str] = frozenset()) -> str:
    """As `check_url`, but a literal public (or allowed) address passes: the form for each hop
    of our own requests. Returns the host, lower-case ASCII."""
    host = _checked_host(url)
    literal = _literal(host)
    if literal is None:
        check_name(host)
    elif literal not in allow and not is_public(literal):
        raise PageRefused("address", "The address is not a public one.")
    return host


def check_name(host: str) -> None:
    """Refuse names that mean something only inside a network. Raises PageRefused."""
    labels = host.rstrip(".").split(".")
    if len(labels) < 2 or not all(map(_LABEL.match, labels)) or len(host) > 253:
        raise PageRefused("private_name", "The host is not a name of the public internet.")
    if host.rstrip(".").endswith(tuple(f".{suffix}" for suffix in _PRIVATE_SUFFIXES)):
        raise PageRefused("private_name", "The host is a name of a private network.")
    if _NUMERIC_LABEL.match(labels[-1]):  # 127.1, 0x7f.1: addresses to some resolvers
        raise PageRefused("ip_literal", "Addresses are not read, only names.")


def clean_url(url: str) -> str:
    """The URL without fragment and without query parameters that look like secrets. A URL that
    has neither comes back byte for byte."""
    parts = urlsplit(url.strip())
    query = parts.query
    pairs = parse_qsl(query, keep_blank_values=True)
    kept = [(name, value) for name, value in pairs if not _is_secret(name)]
    if len(kept) != len(pairs):
        query = urlencode(kept)
    path = _PATH_SESSION.sub("", parts.path)
    if (path, query, parts.fragment) == (parts.path, parts.query, ""):
        return url.strip().removesuffix("#")
    return urlunsplit((parts.scheme, parts.netloc, path, query, ""))


def _is_secret(name: str) -> bool:
    folded = re.sub(r"[^a-z0-9]", "", name.lower())
    return folded in _SECRET_NAMES or folded.endswith(_SECRET_ENDINGS)


@functools.lru_cache(maxsize=1024)  # a request asks about its address several times
def _checked_host(url: str) -> str:
    if len(url) > URL_CHARS_MAX or _UNSAFE_CHARS.search(url):
        raise PageRefused("malformed", "The URL is too long or holds control characters.")
    try:
        parsed = httpx2.URL(url)
        port = parsed.port
    except (httpx2.InvalidURL, UnicodeError, ValueError):
        raise PageRefused("malformed", "The URL cannot be parsed.") from None
    if parsed.scheme not in {"http", "https"}:
        raise PageRefused("scheme", "Only http and https are read.")
    if parsed.userinfo or "@" in urlsplit(url).netloc:
        raise PageRefused("userinfo", "The URL carries credentials.")
    if port is not None and port not in PORTS:
        raise PageRefused("port", "Only the ports 80 and 443 are read.")
    host = parsed.raw_host.decode("ascii", "replace").lower()
    if not host:
        raise PageRefused("malformed", "The URL has no host.")
    return host


def _literal(host: str) -> str | None:
    try:
        return str(ip_address(host.strip("[]").rstrip(".")))
    except ValueError:
        return None


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet. Mapped, translated (NAT64) and tunnelled
    (6to4, Teredo) forms are not: what they lead to is somebody else's choice."""
    try:
        ip: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    if not ip.is_global or ip.is_multicast or ip.is_reserved:
        return False
    if isinstance(ip, IPv4Address):
        return not any(ip in net for net in _V4_NOT_PUBLIC)
    return ip.scope_id is None and ip in _V6_PUBLIC and not any(ip in n for n in _V6_NOT_PUBLIC)


# --- the address at the moment of connecting -----------------------------------------------


class AddressRefused(httpcore2.ConnectError):
    """The guard said no. Reaches callers as the cause of an httpx2.ConnectError."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NameNotResolved(httpcore2.ConnectError):
    """The resolver knows no address of the name, or does not answer."""


async def system_resolve(host: str) -> list[str]:
    """Addresses of a name in the system's order of preference. Raises OSError."""
    rows = await anyio.getaddrinfo(host, None, type=SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]) for row in rows))


@dataclass(frozen=True)
class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Connects only to public addresses, or those the network allows. `trusted` are (host, port)
    pairs that the operator configured himself, such as a model server on localhost."""

    network: Network
    trusted: frozenset[tuple[str, int]] = frozenset()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        trusted = (host.lower(), port) in self.trusted
        if port not in PORTS and not trusted:
            raise AddressRefused("port")
        addresses = await self._resolve(host, timeout)
        # All of them: one private answer among public ones is an attack, not an accident.
        if not trusted and not all(a in self.network.allow or is_public(a) for a in addresses):
            raise AddressRefused("address")
        return await self._connect(addresses, self.network.port_map.get(port, port), timeout)

    async def _resolve(self, host: str, timeout: float | None) -> list[str]:
        if (literal := _literal(host)) is not None:
            return [literal]
        resolve: Resolve = self.network.resolve or system_resolve
        try:
            with anyio.fail_after(timeout):
                addresses = await resolve(host)
        except TimeoutError:
            raise httpcore2.ConnectTimeout("resolver") from None
        except (OSError, UnicodeError) as error:
            raise NameNotResolved("resolver") from error
        if not addresses:
            raise NameNotResolved("resolver")
        return addresses

    async def _connect(
        self, addresses: list[str], port: int, timeout: float | None
    ) -> httpcore2.AsyncNetworkStream:
        inner = httpcore2.AnyIOBackend()
        seconds = min(timeout or CONNECT_SECONDS_PER_ADDRESS, CONNECT_SECONDS_PER_ADDRESS)
        *others, last = addresses[:ADDRESSES_TRIED_MAX]
        for address in others:
            with contextlib.suppress(httpcore2.ConnectError, httpcore2.ConnectTimeout):
                return _Plain(await inner.connect_tcp(address, port, timeout=seconds))
        return _Plain(await inner.connect_tcp(last, port, timeout=seconds))

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        raise AddressRefused("scheme")

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


class _Plain(httpcore2.AsyncNetworkStream):
    """A connected socket before TLS. httpcore2 leaves it open when the handshake is cancelled,
    and a hedged read cancels often."""

    def __init__(self, inner: httpcore2.AsyncNetworkStream) -> None:
        self._inner = inner

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            return await self._inner.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._inner.aclose()
            raise

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Stream(httpx2.AsyncByteStream):
    def __init__(self, inner: AsyncIterable[bytes]) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx2():
            async for part in self._inner:
                yield part

    async def aclose(self) -> None:
        close = getattr(self._inner, "aclose", None)
        if close is not None:
            await close()


@contextlib.contextmanager
def _as_httpx2() -> Iterator[None]:
    """httpcore2's errors carry the same names in httpx2; the nearest ancestor's name counts."""
    try:
        yield
    except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        for ancestor in type(error).__mro__:
            twin = getattr(httpx2, ancestor.__name__, None)
            if isinstance(twin, type) and issubclass(twin, httpx2.TransportError):
                raise twin(str(error)) from error
        raise


@functools.cache
def _platform_trust() -> ssl.SSLContext:
    """The platform's certificates, read once a process: it takes some 50 ms."""
    return ssl.create_default_context()


class GuardedTransport(httpx2.AsyncBaseTransport):
    """An httpx2 transport over a pool that connects through the guard and nothing else. Written
    on public interfaces only, so that no upgrade can quietly put back an unguarded pool."""

    def __init__(self, backend: GuardedBackend, *, connections_max: int) -> None:
        self._pool = Lanes(
            lambda: httpcore2.AsyncConnectionPool(
                ssl_context=backend.network.ssl_context or _platform_trust(),
                network_backend=backend,
                max_connections=LANE_CONNECTIONS,
                max_keepalive_connections=LANE_IDLE_CONNECTIONS,
                keepalive_expiry=IDLE_SECONDS,
            ),
            connections_max=connections_max,
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        inner = httpcore2.Request(
            method=request.method,
            url=httpcore2.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _as_httpx2():
            response = await self._pool.handle_async_request(inner)
        if not isinstance(response.stream, AsyncIterable):
            raise httpx2.ReadError("the pool gave a synchronous stream")
        return httpx2.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Stream(response.stream),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        await self._pool.aclose()
