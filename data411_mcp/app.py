"""Composition root: settings → adapters → services → server. The only module that knows every
adapter, and where the twins of a world may take the network's place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from data411_mcp.domain.slots import DEEP, FORGE, GROUND, SPAN, SWIFT
from data411_mcp.logs import configure_logging
from data411_mcp.network import Network, TwinAddress
from data411_mcp.settings import Settings

# Use cases and adapters are imported where they are built: a client that starts the server to
# list its tools should not wait for them.
if TYPE_CHECKING:
    from data411_mcp.adapters.http import HttpClient
    from data411_mcp.adapters.llm import OpenAiModel
    from data411_mcp.adapters.store.tables import Tables
    from data411_mcp.adapters.web_reader import WebReader
    from data411_mcp.app_icp import Outside
    from data411_mcp.domain.pricing import PriceList
    from data411_mcp.services.access import Access
    from data411_mcp.services.accounts import Accounts
    from data411_mcp.services.callbacks import Callbacks
    from data411_mcp.services.closing import Closing
    from data411_mcp.services.container import Services
    from data411_mcp.services.desks import Desk, Desks
    from data411_mcp.services.enrichment import Enrichment
    from data411_mcp.services.forgetting import Forgetting
    from data411_mcp.services.graph_edits import GraphEdits
    from data411_mcp.services.icp.late_deliveries import LateDeliveries
    from data411_mcp.services.icp.nightly import Nightly
    from data411_mcp.services.lead_jobs import LeadJobs
    from data411_mcp.services.limits import Limits
    from data411_mcp.services.ports import Clock, JobRunner, Store
    from data411_mcp.services.ports.icp import AcraDownload
    from data411_mcp.services.retention import Retention
    from data411_mcp.services.routes import Route
    from data411_mcp.services.run_setup import RunSetup

Prepares = Callable[[], Coroutine[Any, Any, None]]
TWIN_LLM_KEY = "sk-or-v1-twin"


@asynccontextmanager
async def open_services(settings: Settings, *, works: bool = True) -> AsyncIterator[Services]:
    """Everything running: store migrated, job runner started, network open. Without `works` jobs
    are handed in and followed, and other processes do them."""
    from data411_mcp.adapters.callbacks import open_door
    from data411_mcp.app_icp import open_icp
    from data411_mcp.services.access import Access
    from data411_mcp.services.callbacks import Callbacks
    from data411_mcp.services.closing import Closing
    from data411_mcp.services.container import Services
    from data411_mcp.services.graph_views import GraphViews
    from data411_mcp.services.icp.nights import Nights
    from data411_mcp.services.landed import Landed
    from data411_mcp.services.lead_jobs import LeadJobs

    configure_logging(settings.log_level)
    async with AsyncExitStack() as stack:
        outside, prepare = await _outside(stack, settings)
        settings, store, clock = outside.settings, outside.store, outside.clock
        door = await stack.enter_async_context(open_door(outside.network, settings))
        setup, accounts, desks = outside.setup, outside.accounts, outside.desks
        forgetting = setup.forgetting
        offers = desks(settings.tenant).sources.offers  # the same for every tenant
        jobs = LeadJobs(store, clock, forgetting, accounts)
        closing = Closing(store, forgetting, clock, offers, Landed(setup).merge)
        leads, routes = _routes(jobs, setup, closing)
        finder = await stack.enter_async_context(open_icp(outside))
        forgetting.conversation = finder.desk.conversation
        # What runs in the background ends before that which it uses is closed.
        background = await stack.enter_async_context(anyio.create_task_group())
        stack.callback(background.cancel_scope.cancel)
        background.start_soon(prepare)
        routes = {**routes, **{route.name: route for route in finder.routes}}
        runner = _runner(settings, store, clock, routes, works=works)
        jobs.run_on(runner)
        finder.jobs.run_on(runner)
        await stack.enter_async_context(runner.running())
        callbacks = Callbacks(store, clock, door)
        nightly = _nightly(outside, runner, finder.late)
        if works:
            background.start_soon(callbacks.run)
            background.start_soon(_retention(settings, forgetting).run)
            background.start_soon(Nights(nightly, settings.nightly_hours).run)
        yield Services(
            tenant=settings.tenant,
            answer_within_seconds=settings.answer_within_s,
            store=store,
            runner=runner,
            clock=clock,
            leads=leads,
            routes=routes,
            accounts=accounts,
            access=Access(store, clock),
            callbacks=callbacks,
            desks=desks,
            edits=_edits(settings, store, desks, clock, forgetting),
            views=GraphViews(store),
            icp=finder.desk,
            billing=settings.billing,
            configured=_configured(settings),
            nightly=nightly,
        )


async def _outside(stack: AsyncExitStack, settings: Settings) -> tuple[Outside, Prepares]:
    """What everything is built on: the network, the store, and who reads and is asked for us;
    and what the model wants done in the background before it is first asked."""
    from data411_mcp.adapters.clock import SystemClock
    from data411_mcp.adapters.fast_reader import FastWebReader
    from data411_mcp.adapters.http import open_client
    from data411_mcp.adapters.llm import OpenAiModel
    from data411_mcp.adapters.prompts import PromptFiles
    from data411_mcp.adapters.store.open import open_store
    from data411_mcp.adapters.tombstone_key import tombstone_key
    from data411_mcp.app_icp import Outside
    from data411_mcp.services.accounts import Accounts
    from data411_mcp.services.desks import Desks
    from data411_mcp.services.forgetting import Forgetting
    from data411_mcp.services.run_setup import RunSetup

    clock = SystemClock()
    settings, network = await _network(stack, settings)
    store = await stack.enter_async_context(open_store(settings))
    http = await stack.enter_async_context(open_client(network, settings))
    llm = OpenAiModel(settings, http, clock)
    reader = FastWebReader(http, store, settings, clock, settings.tenant)
    desks = Desks(_desk_maker(settings, network, http, store, clock, llm, reader))
    key = await tombstone_key(store, settings.data_dir)
    forgetting = Forgetting(store, clock, key, icp=store)
    accounts = Accounts(store, clock, _prices(settings), settings.billing == "on")
    setup = RunSetup(store, desks, PromptFiles(), forgetting, clock, _limits(settings))
    outside = Outside(
        settings, network, http, store, clock, desks, reader.for_tenant, accounts, setup, llm
    )
    return outside, llm.prepare


def _nightly(outside: Outside, runner: JobRunner, late: LateDeliveries) -> Nightly:
    from data411_mcp.adapters.vendors.acra import Acra
    from data411_mcp.services.graph_writer import GraphWriter
    from data411_mcp.services.icp.nightly import Nightly

    store, clock = outside.store, outside.clock
    writer = GraphWriter(store, outside.setup.forgetting, clock)
    register = Acra(outside.http, clock, outside.settings)
    return Nightly(store, store, register, writer, clock, runner.submit, late)


def _edits(
    settings: Settings, store: Store, desks: Desks, clock: Clock, forgetting: Forgetting
) -> GraphEdits:
    from data411_mcp.services.graph_edits import GraphEdits

    return GraphEdits(
        store,
        desks,
        clock,
        forgetting,
        settings.stale_after_days,
        settings.page_timeout_s,
        desks(settings.tenant).sources.offers,
    )


def _desk_maker(
    settings: Settings,
    network: Network,
    http: HttpClient,
    store: Store,
    clock: Clock,
    llm: OpenAiModel,
    reader: WebReader,
) -> Callable[[str], Desk]:
    """One reader and one set of sources for the process; each tenant's store pages apart."""
    from data411_mcp.adapters.dns_lookup import MailDomainLookup
    from data411_mcp.adapters.vendors.table import registries, search_engine
    from data411_mcp.services.desks import Desk
    from data411_mcp.services.hunting.brief import Sources

    tenant = settings.tenant
    registers = registries(http, store, clock, settings, tenant)
    dns = MailDomainLookup(network, store, clock, tenant)
    search = search_engine(http, clock, settings)

    def make(tenant: str) -> Desk:
        return Desk(
            reader=reader.for_tenant(tenant),
            sources=Sources(
                registries=tuple(r.for_tenant(tenant) for r in registers),
                dns=dns.for_tenant(tenant),
                search=search,
                llm=llm,
                slot_cents=settings.price_slot_cents,
            ),
        )

    return make


def _routes(
    jobs: LeadJobs, setup: RunSetup, closing: Closing
) -> tuple[Enrichment, Mapping[str, Route]]:
    from data411_mcp.services.enrichment import Enrichment
    from data411_mcp.services.finding_rerun import FindingRerun
    from data411_mcp.services.partial_routes import SlotRerun, SlotsRerun, SynthesizePatch

    partial = (SlotRerun, SlotsRerun, SynthesizePatch, FindingRerun)
    leads = Enrichment(jobs, setup, closing)
    routes: list[Route] = [leads, *(make(jobs, setup, closing) for make in partial)]
    return leads, {route.name: route for route in routes}


def _runner(
    settings: Settings, store: Store, clock: Clock, routes: Mapping[str, Route], *, works: bool
) -> JobRunner:
    """Embedded on one machine; procrastinate's workers where the store is PostgreSQL."""
    work = {name: route.work for name, route in routes.items()}
    close = {name: route.close for name, route in routes.items()}
    if settings.database_url is not None:
        from data411_mcp.adapters.jobs.queue_postgres import PostgresQueue

        return PostgresQueue(
            store,
            clock,
            work,
            database_url=settings.database_url.get_secret_value(),
            worker_id=clock.new_id(),
            close=close,
            works=works,
            concurrency=settings.job_concurrency,
            tenant_jobs_max=settings.tenant_jobs_max,
            job_deadline_seconds=settings.job_deadline_s,
        )
    from data411_mcp.adapters.jobs.embedded import EmbeddedRunner

    return EmbeddedRunner(
        store,
        clock,
        work,
        worker_id=clock.new_id(),
        close=close,
        works=works,
        concurrency=settings.job_concurrency,
        tenant_jobs_max=settings.tenant_jobs_max,
        job_deadline_seconds=settings.job_deadline_s,
    )


def _retention(settings: Settings, forgetting: Forgetting) -> Retention:
    from data411_mcp.services.retention import Retention

    return Retention(
        forgetting,
        pages_days=settings.retention_days_pages,
        graphs_days=settings.retention_days_graphs,
        jobs_days=settings.retention_days_jobs,
        hours=settings.retention_sweep_hours,
    )


def _prices(settings: Settings) -> PriceList:
    from data411_mcp.domain.pricing import PriceList

    return PriceList(
        session_cents=settings.price_session_cents,
        slot_cents=settings.price_slot_cents,
        synthesis_cents=settings.price_synthesis_cents,
        finding_cents=settings.price_finding_cents,
        margin_percent=settings.price_margin_percent,
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


def migrate_store(settings: Settings) -> str:
    """Open, and thereby migrate, the store, and the queue where there is one. Returns the name of
    what was migrated."""

    async def opened() -> None:
        async with _store_only(settings):
            pass
        if settings.database_url is not None:
            from data411_mcp.adapters.jobs.procrastinated import migrate_queue

            await migrate_queue(settings.database_url.get_secret_value())

    anyio.run(opened)
    return settings.store_path.name if settings.database_url is None else "the PostgreSQL store"


def forget_person(settings: Settings, person: str) -> dict[str, int]:
    async def forgotten() -> dict[str, int]:
        async with _store_only(settings) as forgetting:
            counts = dict(await forgetting.forget(settings.tenant, person))
        if not {settings.tenant, "*"}.isdisjoint(settings.odoo_tenants or (settings.tenant,)):
            counts |= await _forget_in_crm(settings, person)
        return counts

    return anyio.run(forgotten)


async def _forget_in_crm(settings: Settings, person: str) -> dict[str, int]:
    """Empty without a CRM. One that cannot be asked now is said so: what is ours is erased."""
    from data411_mcp.adapters.odoo import open_crm
    from data411_mcp.errors import LookupFailed, VendorUnusable
    from data411_mcp.services.forgetting import identifiers

    if not settings.odoo_url or settings.odoo_api_key is None:
        return {}
    counts = {"crm": 0, "crm_not_ours": 0}
    async with AsyncExitStack() as stack:
        settings, network = await _network(stack, settings)
        crm = await stack.enter_async_context(open_crm(settings, network))
        try:
            for kind, value in identifiers(person):
                done = await crm.erase(kind, value, deadline_seconds=60.0)
                counts["crm"] += done.records
                counts["crm_not_ours"] += done.left
        except (LookupFailed, VendorUnusable):
            return {"crm_not_reached": 1}
    return counts


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


@dataclass(frozen=True)
class Office:
    """What money and keys need: the store, and no network, no job runner."""

    clock: Clock
    accounts: Accounts
    access: Access
    callbacks: Callbacks


@asynccontextmanager
async def open_office(settings: Settings) -> AsyncIterator[Office]:
    from data411_mcp.adapters.callbacks import open_door
    from data411_mcp.adapters.clock import SystemClock
    from data411_mcp.adapters.store.open import open_store
    from data411_mcp.services.access import Access
    from data411_mcp.services.accounts import Accounts
    from data411_mcp.services.callbacks import Callbacks

    clock = SystemClock()
    async with open_store(settings) as store, open_door(Network(), settings) as door:
        yield Office(
            clock=clock,
            accounts=Accounts(store, clock, _prices(settings), settings.billing == "on"),
            access=Access(store, clock),
            callbacks=Callbacks(store, clock, door),
        )


@asynccontextmanager
async def _store_only(settings: Settings) -> AsyncIterator[Forgetting]:
    from data411_mcp.adapters.clock import SystemClock
    from data411_mcp.adapters.store.open import open_store
    from data411_mcp.adapters.tombstone_key import tombstone_key
    from data411_mcp.app_icp import open_conversations
    from data411_mcp.services.forgetting import Forgetting

    async with open_store(settings) as store, open_conversations(settings) as conversations:
        key = await tombstone_key(store, settings.data_dir)
        yield Forgetting(store, SystemClock(), key, icp=store, conversation=conversations)


@asynccontextmanager
async def acra_download(settings: Settings) -> AsyncIterator[tuple[AcraDownload, Tables, Clock]]:
    """The register's files, and the store that they are for; no job is run."""
    from data411_mcp.adapters.clock import SystemClock
    from data411_mcp.adapters.http import open_client
    from data411_mcp.adapters.store.open import open_store
    from data411_mcp.adapters.vendors.acra import Acra

    clock = SystemClock()
    async with AsyncExitStack() as stack:
        settings, network = await _network(stack, settings)
        store = await stack.enter_async_context(open_store(settings))
        http = await stack.enter_async_context(open_client(network, settings))
        yield Acra(http, clock, settings), store, clock


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
