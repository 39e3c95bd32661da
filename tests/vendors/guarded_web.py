"""A web on loopback for the tests of the guarded client: real sockets, real TLS, and handlers
that write the raw bytes of a reply, so that a test can be as broken as a server can."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import trustme

from data411_mcp.adapters.http import HttpClient, open_client
from data411_mcp.network import Network
from data411_mcp.settings import Settings

NAMES = (
    "site.example", "www.site.example", "other.example", "metadata.example", "mixed.example",
    "r.jina.ai", "api.tavily.com", "api.vendor.example",
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    method: str
    host: str
    path: str
    headers: dict[str, str]
    body: bytes


Handler = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


def reply(
    body: bytes | str = b"",
    status: int = 200,
    content_type: str = "text/html; charset=utf-8",
    **headers: str,
) -> Handler:
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} X", f"content-type: {content_type}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += [f"content-length: {len(content)}", "", ""]

    async def handle(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write("\r\n".join(lines).encode() + content)
        await writer.drain()

    return handle


def redirect(target: str, status: int = 302) -> Handler:
    return reply(status=status, location=target)


async def reset(_asked: Asked, writer: asyncio.StreamWriter) -> None:
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def silence(_asked: Asked, writer: asyncio.StreamWriter) -> None:
    await writer.wait_closed()


@dataclass
class Web:
    """`sites[host][path]` is a handler, or a list of them used up in order (the last stays)."""

    sites: dict[str, dict[str, Handler | list[Handler]]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    network: Network = field(default_factory=Network)
    names: dict[str, list[str]] = field(default_factory=dict)
    ca_pem: str = ""

    def on(self, url: str, *handlers: Handler) -> None:
        host, _, path = url.partition("://")[2].partition("/")
        self.sites.setdefault(host, {})[f"/{path}"] = list(handlers)

    def paths(self, host: str = "site.example") -> list[str]:
        """What was asked of a host, robots.txt aside."""
        return [a.path for a in self.asked if a.host == host and a.path != "/robots.txt"]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while (asked := await _asked(reader)) is not None:
                self.asked.append(asked)
                handlers = self.sites.get(asked.host, {}).get(asked.path) or reply(status=404)
                if isinstance(handlers, list):
                    handlers = handlers.pop(0) if len(handlers) > 1 else handlers[0]
                await handlers(asked, writer)
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()


async def _asked(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    method, path, _ = head[0].split(" ", 2)
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:-2])}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, headers["host"], path, headers, body)


@asynccontextmanager
async def open_web(names: Sequence[str] = NAMES) -> AsyncIterator[Web]:
    """Names resolve to loopback, which the network allows; all else of the guard is in force."""
    ca = trustme.CA()
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names).configure_cert(server_context)
    client_context = ssl.create_default_context()
    ca.configure_trust(client_context)
    pem = ca.cert_pem.bytes().decode("ascii")
    web = Web(names={name: ["127.0.0.1"] for name in names}, ca_pem=pem)

    async def resolve(host: str) -> list[str]:
        if host not in web.names:
            raise OSError("no such name")
        return web.names[host]

    plain = await asyncio.start_server(web.serve, "127.0.0.1", 0)
    tls = await asyncio.start_server(web.serve, "127.0.0.1", 0, ssl=server_context)
    web.network = Network(
        resolve=resolve,
        allow=frozenset({"127.0.0.1"}),
        port_map={80: _port(plain), 443: _port(tls)},
        ssl_context=client_context,
    )
    try:
        yield web
    finally:
        for server in (plain, tls):
            server.close()


def _port(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port


def settings(**changed: object) -> Settings:
    return Settings(host_interval_s=0, **changed)  # type: ignore[arg-type]


@asynccontextmanager
async def open_web_client(**changed: object) -> AsyncIterator[tuple[Web, HttpClient]]:
    async with open_web() as web, open_client(web.network, settings(**changed)) as http:
        yield web, http


@dataclass
class HandClock:
    """Time stands still until a test moves it."""

    seconds: float = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 20, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def new_id(self) -> str:
        return "0" * 32
