"""Composition root: settings → adapters → services → server. The only module that knows every
adapter, and where the twins of a world may take the network's place."""

from __future__ import annotations

import importlib
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from data411_mcp.domain.slots import DEEP, FORGE, GROUND, SPAN, SWIFT
from data411_mcp.errors import Data411Error, InvalidArgument
from data411_mcp.logs import configure_logging, quiet_libraries
from data411_mcp.network import Network, TwinAddress
from data411_mcp.settings import Settings

# Use cases and adapters are imported where they are built: a client that starts the server to
# list its tools should not wait for them.
if TYPE_CHECKING:
    from mcp.server import MCPServer

    from data411_mcp.services.container import OpensServices, Services
    from data411_mcp.services.forgetting import Forgetting
    from data411_mcp.services.limits import Limits

OPEN_AFTER_IDLE_SECONDS = 2.0
SWITCH_SECONDS = 0.0005
TWIN_LLM_KEY = "sk-or-v1-twin"


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """Everything running: store migrated, job runner started, network open."""
    from data411_mcp.adapters.clock import SystemClock
    from data411_mcp.adapters.dns_lookup import MailDomainLookup
    from data411_mcp.adapters.http import open_client
    from data411_mcp.adapters.jobs.embedded import EmbeddedRunner
    from data411_mcp.adapters.llm import OpenAiModel
    from data411_mcp.adapters.prompts import PromptFiles
    from data411_mcp.adapters.store.sqlite import SqliteStore
    from data411_mcp.adapters.vendors.table import registries, search_engine
    from data411_mcp.adapters.web_reader import WebReader
    from data411_mcp.services.container import Services
    from data411_mcp.services.enrichment import ROUTE, Enrichment
    from data411_mcp.services.forgetting import Forgetting
    from data411_mcp.services.graph_edits import GraphEdits
    from data411_mcp.services.graph_views import GraphViews
    from data411_mcp.services.hunting.brief import Sources

    configure_logging(settings.log_level)
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        settings, network = await _network(stack, settings)
        store = await stack.enter_async_context(SqliteStore.open(settings.store_path))
        http = await stack.enter_async_context(open_client(network, settings))
        reader = WebReader(http, store, settings, clock, settings.tenant)
        llm = OpenAiModel(settings, http, clock)
        background = await stack.enter_async_context(anyio.create_task_group())
        background.start_soon(llm.prepare)
        sources = Sources(
            registries=registries(http, store, clock, settings, settings.tenant),
            dns=MailDomainLookup(network, store, clock, settings.tenant),
            search=search_engine(http, clock, settings),
            llm=llm,
        )
        forgetting = Forgetting(store, clock, _secret(settings))
        edits = GraphEdits(
            store, reader, clock, forgetting, settings.stale_after_days,
            settings.page_timeout_s, sources.runnable,
        )  # fmt: skip
        leads = Enrichment(
            store=store,
            reader=reader,
            sources=sources,
            prompts=PromptFiles(),
            forgetting=forgetting,
            clock=clock,
            limits=_limits(settings),
        )
        runner = EmbeddedRunner(
            store, clock, {ROUTE: leads.work}, worker_id=clock.new_id(), close={ROUTE: leads.close}
        )
        leads.run_on(runner)
        await stack.enter_async_context(runner.running())
        yield Services(
            tenant=settings.tenant,
            answer_within_seconds=settings.answer_within_s,
            store=store,
            runner=runner,
            clock=clock,
            leads=leads,
            edits=edits,
            views=GraphViews(store),
            billing=settings.billing,
            configured=_configured(settings),
        )


async def _network(stack: AsyncExitStack, settings: Settings) -> tuple[Settings, Network]:
    """The real network, or the twins of a world with the keys that the twins accept."""
    if settings.world is None and settings.twins is None:
        return settings, Network()
    if settings.twins is not None:
        address = TwinAddress.read(settings.twins)
    else:
        from data411_mcp.twins.serve import running_twins
        from data411_mcp.twins.world import load_world

        world = load_world(Path(settings.world or ""))
        twins = await stack.enter_async_context(
            running_twins(
                world, latency=settings.twin_latency, rate_limits=settings.twin_rate_limits
            )
        )
        address = twins.address
    if settings.llm_api_key is None and settings.twin_llm_key:
        from pydantic import SecretStr

        settings = settings.model_copy(update={"llm_api_key": SecretStr(TWIN_LLM_KEY)})
    return settings, address.network()


def _secret(settings: Settings) -> bytes:
    """The key of the tombstone hashes: made once, kept beside the store, readable by us only."""
    path = settings.data_dir / "tombstone.key"
    try:
        with path.open("xb") as file:
            path.chmod(0o600)
            file.write(secrets.token_bytes(32))
    except FileExistsError:
        pass
    return path.read_bytes()


def migrate_store(settings: Settings) -> Path:
    """Open, and thereby migrate, the store. Returns its path."""

    async def opened() -> None:
        async with _store_only(settings):
            pass

    anyio.run(opened)
    return settings.store_path


def forget_person(settings: Settings, person: str) -> dict[str, int]:
    async def forgotten() -> dict[str, int]:
        async with _store_only(settings) as forgetting:
            return dict(await forgetting.forget(settings.tenant, person))

    return anyio.run(forgotten)


def purge_expired(settings: Settings) -> dict[str, int]:
    async def purged() -> dict[str, int]:
        async with _store_only(settings) as forgetting:
            return dict(
                await forgetting.purge(
                    pages_days=settings.retention_days_pages,
                    graphs_days=settings.retention_days_graphs,
                    jobs_days=settings.retention_days_jobs,
                )
            )

    return anyio.run(purged)


@asynccontextmanager
async def _store_only(settings: Settings) -> AsyncIterator[Forgetting]:
    from data411_mcp.adapters.clock import SystemClock
    from data411_mcp.adapters.store.sqlite import SqliteStore
    from data411_mcp.services.forgetting import Forgetting

    async with SqliteStore.open(settings.store_path) as store:
        yield Forgetting(store, SystemClock(), _secret(settings))


def _configured(settings: Settings) -> frozenset[str]:
    keys = {
        "llm": settings.llm_api_key,
        "jina_key": settings.jina_api_key,
        "tavily_key": settings.tavily_api_key,
    }
    return frozenset(name for name, key in keys.items() if key is not None)


def _limits(settings: Settings) -> Limits:
    from data411_mcp.services.limits import Limits, RunLimits

    return Limits(
        run=RunLimits(
            site_pages=settings.site_pages,
            stale_after_days=settings.stale_after_days,
            models={
                GROUND: settings.llm_model_ground,
                SPAN: settings.llm_model_span,
                FORGE: settings.llm_model_forge,
                SWIFT: settings.llm_model_swift,
                DEEP: settings.llm_model_deep,
            },
        ),
        page_quota=settings.page_fetch_quota,
        page_deadline_seconds=settings.page_timeout_s + settings.jina_timeout_s,
        seed_ttl_hours=settings.seed_ttl_hours,
        synthesis_model=settings.llm_model_synthesis,
    )


class LazyServices:
    """Opens the services at the first call that needs them, or when the server has been idle for
    a moment (jobs that a killed server left behind go on then)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._wanted = anyio.Event()
        self._ready = anyio.Event()
        self._services: Services | None = None
        self._failure: Data411Error | None = None

    async def services(self) -> Services:
        self._wanted.set()
        await self._ready.wait()
        if self._failure is not None:
            raise self._failure
        assert self._services is not None  # noqa: S101 - ready is set after one of the two
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
        with anyio.move_on_after(OPEN_AFTER_IDLE_SECONDS):
            await self._wanted.wait()
        if stop.is_set():
            return
        try:
            async with open_services(self._settings) as services:
                self._services = services
                self._ready.set()
                await stop.wait()
        except Exception as failure:  # the boundary: whoever waits for the services must be told
            if self._ready.is_set():
                raise
            self._failure = _told(failure)
            self._ready.set()


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


def build_server(settings: Settings) -> MCPServer[OpensServices]:
    """The MCP server, not yet running. Services open when they are first needed."""
    from mcp.server import MCPServer

    from data411_mcp import __version__

    surface = importlib.import_module("data411_mcp.tools")
    guidance = importlib.import_module("data411_mcp.tools.guidance")
    strict = importlib.import_module("data411_mcp.tools.strict")

    @asynccontextmanager
    async def lifespan(_server: MCPServer[OpensServices]) -> AsyncIterator[OpensServices]:
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
        middleware=[refuse],
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
    """Streamable HTTP at /mcp. Twins are refused beyond loopback: they are for tests."""
    from mcp.server.transport_security import TransportSecuritySettings

    _let_the_loop_in()
    loopback = {"127.0.0.1", "localhost", "::1"}
    if (settings.world or settings.twins) and host not in loopback:
        raise InvalidArgument(
            "A world of twins is served on loopback only.", "Use --host 127.0.0.1."
        )
    shown = f"[{host}]" if ":" in host else host
    names = [f"{shown}:{port}", *(f"{n}:{port}" for n in ("127.0.0.1", "localhost"))]
    security = TransportSecuritySettings(
        allowed_hosts=names, allowed_origins=[f"http://{n}" for n in names]
    )
    import uvicorn

    app = build_server(settings).streamable_http_app(
        streamable_http_path="/mcp", transport_security=security
    )
    uvicorn.run(
        app, host=host, port=port, log_config=None, timeout_graceful_shutdown=1, access_log=False
    )
