"""The ICP finder's part of the composition root: settings → adapters → planner, enricher,
deliverer → routes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from data411_mcp.network import Network
from data411_mcp.settings import Settings

log = structlog.get_logger(__name__)

# Imported where they are built, as in app.py.
if TYPE_CHECKING:
    from data411_mcp.adapters.conversation_graph import ConversationGraph
    from data411_mcp.adapters.http import HttpClient
    from data411_mcp.adapters.store.tables import Tables
    from data411_mcp.domain.icp.values import IcpProfile, Suggestion
    from data411_mcp.services.accounts import Accounts
    from data411_mcp.services.desks import Desks
    from data411_mcp.services.icp.desk import IcpDesk
    from data411_mcp.services.icp.handing_in import IcpJobs
    from data411_mcp.services.icp.late_deliveries import LateDeliveries
    from data411_mcp.services.icp.nodes import ConversationNodes, Delivers
    from data411_mcp.services.icp.parts import Enricher, Planner
    from data411_mcp.services.ports import Clock, LanguageModel
    from data411_mcp.services.ports.icp import FastReader, IcpSettings
    from data411_mcp.services.routes import Route
    from data411_mcp.services.run_setup import RunSetup


@dataclass(frozen=True)
class Outside:
    """What of the process the ICP finder is built on. `fast` gives a tenant's reader."""

    settings: Settings
    network: Network
    http: HttpClient
    store: Tables
    clock: Clock
    desks: Desks
    fast: Callable[[str], FastReader]
    accounts: Accounts
    setup: RunSetup
    llm: LanguageModel


@dataclass(frozen=True)
class IcpRooms:
    """What came of it: the routes for the runner, and the desk for the interfaces."""

    jobs: IcpJobs
    routes: tuple[Route, ...]
    desk: IcpDesk
    late: LateDeliveries


@asynccontextmanager
async def open_icp(outside: Outside) -> AsyncIterator[IcpRooms]:
    from data411_mcp.adapters.mail import mail_domain, mailer_of
    from data411_mcp.adapters.odoo import open_crm
    from data411_mcp.adapters.prompts import load_script
    from data411_mcp.domain.icp.mailing import recipients
    from data411_mcp.services.icp.delivering import ListDeliverer
    from data411_mcp.services.icp.handing_in import IcpJobs
    from data411_mcp.services.icp.late import LateEnricher, LatePlanner
    from data411_mcp.services.icp.late_deliveries import LateDeliveries
    from data411_mcp.services.icp.next_companies import NextForty
    from data411_mcp.services.icp.run import IcpNextRoute, IcpRunRoute

    settings, store, clock = outside.settings, outside.store, outside.clock
    knobs = icp_settings(settings)
    enricher = LateEnricher(lambda: _enricher(outside, knobs))
    async with open_crm(settings, outside.network) as crm:
        deliverer = ListDeliverer(
            icp=store,
            clock=clock,
            mailer=mailer_of(settings, outside.network),
            crm_port=crm,
            settings=knobs,
            crm_tenants=frozenset(settings.odoo_tenants or (settings.tenant,)),
            mail_domain=mail_domain(settings),
        )
        jobs = IcpJobs(store, clock, outside.accounts, settings.price_icp_company_cents)
        planner = LatePlanner(lambda: _planner(outside, knobs))
        script = load_script()
        run = IcpRunRoute(jobs, store, store, clock, planner, enricher, deliverer, script)
        after = IcpNextRoute(store, NextForty(store, clock, enricher, deliverer), jobs, script)

        def delivers(tenant: str) -> tuple[bool, bool]:
            mailed = bool(recipients(knobs.notify_recipients, tenant, None))
            return mailed and deliverer.mailer.configured(), deliverer.has_crm(tenant)

        async with _open_desk(outside, knobs, jobs, enricher, delivers) as desk:
            run.open_at(desk)
            late = LateDeliveries(store, store, enricher, deliverer)
            yield IcpRooms(jobs, (run, after), desk, late)


def _planner(outside: Outside, knobs: IcpSettings) -> Planner:
    from data411_mcp.adapters.prompts import PromptFiles, load_script
    from data411_mcp.adapters.store.acra_companies import AcraCompanies
    from data411_mcp.adapters.vendors.wikidata_companies import WikidataCompanies
    from data411_mcp.services.icp.planning.planner import SitePlanner
    from data411_mcp.services.icp.planning.proposing import Proposer

    settings, store, clock = outside.settings, outside.store, outside.clock
    registers = (
        WikidataCompanies(outside.http, store, clock, settings, settings.tenant),
        AcraCompanies(store),
    )
    desks, fast, script = outside.desks, outside.fast, load_script()
    proposer = Proposer(outside.llm, PromptFiles(), settings.llm_model_ground)
    return SitePlanner(store, desks, fast, clock, knobs, script, registers, proposer)


def _enricher(outside: Outside, knobs: IcpSettings) -> Enricher:
    from data411_mcp.adapters.vendors.apify import Apify
    from data411_mcp.adapters.vendors.email_verifiers import email_verifier
    from data411_mcp.services.icp.enriching.enricher import CompanyEnricher

    settings, store, http = outside.settings, outside.store, outside.http
    return CompanyEnricher(
        setup=outside.setup,
        icp=store,
        reader=outside.fast,
        people=Apify(http, store, store, outside.clock, settings, settings.tenant).for_tenant,
        verifier=email_verifier(http, outside.clock, settings),
        settings=knobs,
    )


@asynccontextmanager
async def _open_desk(
    outside: Outside, knobs: IcpSettings, jobs: IcpJobs, enricher: Enricher, delivers: Delivers
) -> AsyncIterator[IcpDesk]:
    """The conversation over its durable checkpoints, opened with its first message."""
    from data411_mcp.adapters.conversation_graph import ConversationGraph
    from data411_mcp.adapters.prompts import load_script
    from data411_mcp.services.icp.desk import IcpDesk
    from data411_mcp.services.icp.thread_policy import ThreadPolicy

    settings, store, clock = outside.settings, outside.store, outside.clock
    url = settings.database_url
    nodes = _nodes(outside, knobs, jobs, delivers)
    async with ConversationGraph.open(
        nodes.table(),
        settings.data_dir / settings.langgraph_checkpoint_dir,
        database_url=url.get_secret_value() if url is not None else None,
    ) as conversation:
        yield IcpDesk(
            store=store,
            conversation=conversation,
            policy=ThreadPolicy(store, store, clock, knobs),
            nodes=nodes,
            jobs=jobs,
            clock=clock,
            settings=knobs,
            script=load_script(),
            enricher=enricher,
        )


@asynccontextmanager
async def open_conversations(settings: Settings) -> AsyncIterator[ConversationGraph]:
    """The stored conversations, to look into and to delete: nothing is said in them."""
    from data411_mcp.adapters.conversation_graph import ConversationGraph
    from data411_mcp.domain.icp.chat import NODES, ChatState

    async def silent(state: ChatState) -> ChatState:
        return state

    url = settings.database_url
    async with ConversationGraph.open(
        dict.fromkeys(NODES, silent),
        settings.data_dir / settings.langgraph_checkpoint_dir,
        database_url=url.get_secret_value() if url is not None else None,
    ) as conversations:
        yield conversations


def _nodes(
    outside: Outside, knobs: IcpSettings, jobs: IcpJobs, delivers: Delivers
) -> ConversationNodes:
    from data411_mcp.adapters.prompts import PromptFiles, load_script
    from data411_mcp.services.icp.nodes import ConversationNodes

    settings, store = outside.settings, outside.store
    return ConversationNodes(
        script=load_script(),
        store=store,
        icp=store,
        jobs=jobs,
        clock=outside.clock,
        settings=knobs,
        llm=outside.llm,
        prompts=PromptFiles(),
        advisor_model=settings.llm_model_ground if settings.llm_api_key is not None else "",
        suggest=_suggestions,
        delivers=delivers,
    )


def _suggestions(profile: IcpProfile) -> Sequence[Suggestion]:
    from data411_mcp.domain.icp.suggestions import cards  # with its tables: not at start

    return cards(profile)


def icp_settings(settings: Settings) -> IcpSettings:
    from data411_mcp.services.ports.icp import IcpSettings

    if settings.chat_discovery_enabled:
        log.warning("chat_discovery_refused", why="discovery is a job here, whatever is set")
    return IcpSettings(
        interactive_head=settings.interactive_head,
        jina_timeout_s=settings.jina_timeout_s,
        llm_max_chunks=settings.llm_max_chunks,
        crawl_max_pages=settings.crawl_max_pages,
        tavily_extract=settings.tavily_extract,
        apify_max_items=settings.apify_max_items,
        apify_daily_cap=settings.apify_daily_cap,
        apify_log_sample_size=settings.apify_log_sample_size,
        apify_debug_log_items=settings.apify_debug_log_items,
        single_thread_per_context=settings.single_thread_per_context,
        thread_resume_window_days=settings.thread_resume_window_days,
        thread_stale_days=settings.thread_stale_days,
        auto_archive_stale_locked=settings.auto_archive_stale_locked,
        profile_staleness_days=settings.profile_staleness_days,
        discovery_staleness_days=settings.discovery_staleness_days,
        enable_chat_events=settings.enable_chat_events,
        ui_enqueue_jobs=settings.ui_enqueue_jobs,
        bg_discovery_and_enrich=settings.bg_discovery_and_enrich,
        enable_agent_discovery=settings.enable_agent_discovery,
        notify_recipients=settings.notify_recipients,
        features={t: dict(own.items()) for t, own in settings.tenant_features.items()},
    )
