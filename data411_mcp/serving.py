"""Serving: services on demand, the MCP server, stdio, and HTTP with the API and MCP on one port."""

from __future__ import annotations

import contextlib
import importlib
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio

from data411_mcp.app import open_services
from data411_mcp.errors import Data411Error, InvalidArgument, StoreError
from data411_mcp.logs import quiet_libraries
from data411_mcp.settings import Settings

if TYPE_CHECKING:
    import uvicorn
    from mcp.server import MCPServer
    from starlette.types import ASGIApp

    from data411_mcp.services.container import OpensServices, Services
    from data411_mcp.web.config import WebConfig

OPEN_AFTER_IDLE_SECONDS = 2.0
OPEN_AGAIN_SECONDS = 5.0
SWITCH_SECONDS = 0.0005
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
BACKLOG = 2048
HEADER_BYTES_MAX = 65_536
KEEP_ALIVE_SECONDS = 15
CONNECTIONS_MAX = 10_000  # beyond them uvicorn itself answers 503
GRACEFUL_SECONDS = 1  # open event streams do not hold the shutdown up


class LazyServices:
    """Opens the services at the first call that needs them, or when the server has been idle for
    a moment (jobs that a killed server left behind go on then). Where that fails, the next call
    tries again; a store that is out of reach is looked for without being asked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._wanted = anyio.Event()
        self._tried = anyio.Event()  # replaced at every try that failed
        self._services: Services | None = None
        self._failure: Data411Error | None = None

    async def services(self) -> Services:
        self._wanted.set()
        await self._tried.wait()
        if self._services is None:
            assert self._failure is not None  # noqa: S101 - a try has one of the two outcomes
            raise self._failure
        return self._services

    @asynccontextmanager
    async def running(self) -> AsyncIterator[LazyServices]:
        async with anyio.create_task_group() as tasks:
            stop = anyio.Event()
            tasks.start_soon(self._open, stop)
            try:
                yield self
            finally:
                stop.set()
                self._wanted.set()

    async def _open(self, stop: anyio.Event) -> None:
        idle_seconds: float | None = OPEN_AFTER_IDLE_SECONDS
        while not stop.is_set():
            with anyio.move_on_after(idle_seconds):
                await self._wanted.wait()
            if stop.is_set():
                return
            try:
                async with open_services(self._settings) as services:
                    self._services = services
                    self._tried.set()
                    await stop.wait()
            except Exception as failure:  # the boundary: who waits for the services must be told
                if self._services is not None:
                    raise
                self._failure = _told(failure)
                away = isinstance(self._failure, StoreError)
                idle_seconds = OPEN_AGAIN_SECONDS if away else None
                tried, self._tried, self._wanted = self._tried, anyio.Event(), anyio.Event()
                tried.set()


def _told(failure: Exception) -> Data411Error:
    """What callers hear when the services do not open; a group is searched for our own error."""
    if isinstance(failure, ExceptionGroup):
        ours = failure.subgroup(Data411Error)
        return _told((ours or failure).exceptions[0])
    if isinstance(failure, Data411Error):
        return failure
    import structlog  # loads rich, which a server that starts well does not need

    structlog.get_logger(__name__).error("services_not_opened", kind=type(failure).__name__)
    return Data411Error(
        "The server could not open its store and network.", "Run data411-mcp doctor."
    )


def build_server(
    settings: Settings, opener: OpensServices | None = None, key_look_seconds: float = 15.0
) -> MCPServer[OpensServices]:
    """The MCP server, not yet running. Services open when they are first needed; with `opener`
    they are somebody else's, who opens and closes them. Whether the key of a call under way still
    stands is looked at every `key_look_seconds`."""
    from mcp.server import MCPServer

    from data411_mcp import __version__

    surface = importlib.import_module("data411_mcp.tools")
    board = importlib.import_module("data411_mcp.tools.board")
    guidance = importlib.import_module("data411_mcp.tools.guidance")
    strict = importlib.import_module("data411_mcp.tools.strict")
    revoked = importlib.import_module("data411_mcp.tools.revoked")

    @asynccontextmanager
    async def lifespan(_server: MCPServer[OpensServices]) -> AsyncIterator[OpensServices]:
        if opener is not None:
            yield opener
            return
        async with LazyServices(settings).running() as lazy:
            yield lazy

    refuse = strict.StrictArguments()
    server: MCPServer[OpensServices] = MCPServer(
        name="data411",
        title="Data411 lead enrichment",
        version=__version__,
        instructions=guidance.INSTRUCTIONS,
        lifespan=lifespan,
        log_level="ERROR",
        middleware=[refuse, revoked.EndsWithKey(key_look_seconds)],
        extensions=[board.apps()],
    )
    refuse.watch(server)
    surface.register(server)
    guidance.register(server)
    quiet_libraries(settings.log_level)  # the SDK put its own handler on the root logger
    return server


def _let_the_loop_in() -> None:
    """Pages are read in threads. At the default of 5 ms the event loop waits several turns of
    them for each message; progress should arrive within 10 ms."""
    sys.setswitchinterval(SWITCH_SECONDS)


def run_stdio(settings: Settings) -> None:
    _let_the_loop_in()
    build_server(settings).run("stdio")


def run_http(settings: Settings, host: str, port: int) -> None:
    """The API and, at /mcp, streamable HTTP. Twins are refused beyond loopback: they are for
    tests. Raises InvalidArgument, also when the port is taken."""
    _let_the_loop_in()
    if (settings.world or settings.twins) and host not in LOOPBACK:
        raise InvalidArgument(
            "A world of twins is served on loopback only.", "Use --host 127.0.0.1."
        )
    try:
        listener = listening(host, port)
    except OSError as error:
        raise InvalidArgument(
            "This address and port cannot be listened on.", "Pass another --host or --port."
        ) from error
    with listener:
        server = http_server(settings, host, listener.getsockname()[1])
        with contextlib.suppress(KeyboardInterrupt):  # raised again after the orderly end
            server.run(sockets=[listener])


def listening(host: str, port: int) -> socket.socket:
    """A socket to serve on; port 0 takes a free one. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    # The head and the body of an answer are two writes: without this the second waits 40 ms for
    # the client's delayed acknowledgement. asyncio sets it only where the protocol is given.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def http_server(settings: Settings, host: str, port: int) -> uvicorn.Server:
    """The web server for that address, not yet running."""
    import uvicorn

    stopping = anyio.Event()

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            stopping.set()  # who waits for a job gets its handle while there is time
            await super().shutdown(sockets)

    return Server(
        uvicorn.Config(
            http_app(settings, host, port, stopping),
            host=host,
            port=port,
            log_config=None,
            access_log=False,  # it would write addresses with their queries
            proxy_headers=False,  # anybody may write them; see DATA411_PUBLIC_URL
            server_header=False,
            h11_max_incomplete_event_size=HEADER_BYTES_MAX,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            limit_concurrency=CONNECTIONS_MAX,
            timeout_graceful_shutdown=GRACEFUL_SECONDS,
        )
    )


def http_app(
    settings: Settings, host: str, port: int, stopping: anyio.Event | None = None
) -> ASGIApp:
    """API and MCP as one application, which opens the services once for both. `stopping` is set
    by whoever serves it, when it is to stop."""
    from mcp.server.transport_security import TransportSecuritySettings

    from data411_mcp.web.app import create_app

    lazy = LazyServices(settings)
    config = _web_config(settings, host, port, stopping or anyio.Event())
    server = build_server(settings, lazy, config.heartbeat_seconds)
    mcp = server.streamable_http_app(
        streamable_http_path="/mcp",
        max_request_body_size=settings.http_body_max_bytes,
        # Our own guard has looked at Host and Origin, for every address and with CORS in mind.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        async with lazy.running(), server.session_manager.run():
            yield

    return create_app(lazy, config, mcp, lifespan)


def _web_config(settings: Settings, host: str, port: int, stopping: anyio.Event) -> WebConfig:
    from data411_mcp.web.config import WebConfig

    shown = f"[{host}]" if ":" in host else host
    hosts = {f"{name}:{port}" for name in (shown, "127.0.0.1", "localhost")}
    origins = {f"http://{name}" for name in hosts}
    if settings.public_url is not None:
        public = urlsplit(settings.public_url.lower())
        if public.scheme not in ("http", "https") or not public.hostname:
            raise InvalidArgument(
                "DATA411_PUBLIC_URL is not an http or https address.",
                "Set it like https://data411.example, as clients reach this server.",
            )
        usual = 443 if public.scheme == "https" else 80
        name = public.netloc.removesuffix(f":{usual}")
        hosts |= {name} if public.port not in (None, usual) else {name, f"{name}:{usual}"}
        origins.add(f"{public.scheme}://{name}")
    cors = tuple(o.strip().lower() for o in settings.http_cors_origins.split(",") if o.strip())
    return WebConfig(
        allowed_hosts=frozenset(hosts),
        allowed_origins=frozenset({*origins, *cors}),
        cors_origins=cors,
        # Behind a proxy, or called by pages, a server on loopback is not on loopback.
        open_without_key=host in LOOPBACK
        and settings.http_auth == "auto"
        and settings.public_url is None
        and not cors,
        embedded_langgraph=settings.enable_embedded_lg_server,
        answer_within_seconds=settings.http_answer_within_s,
        body_bytes_max=settings.http_body_max_bytes,
        requests_per_minute=settings.http_requests_per_minute,
        stopping=stopping,
    )
