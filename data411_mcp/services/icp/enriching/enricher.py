"""One lookalike enriched: its pages, what a model reads in them, its mailboxes, and its people
where they are still missing. The result is a lead graph like any other.

ACRA is never asked here: that is the nightly run's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

import anyio
import anyio.to_thread
import structlog
from pydantic import ValidationError

from data411_mcp.domain.gaps import find_gaps
from data411_mcp.domain.graph import Backfill, IdentityCard
from data411_mcp.domain.icp.contacts import (
    company_of,
    contacts_missing,
    named_contacts,
    vendor_linkedin,
)
from data411_mcp.domain.icp.reflection import Decisions, Metrics, Phase, reflect
from data411_mcp.domain.icp.run import IcpRun
from data411_mcp.domain.icp.values import EnrichedCompany, Lookalike
from data411_mcp.domain.identity import decide
from data411_mcp.domain.metering import metered, metering
from data411_mcp.domain.slots import DNS, SITE, SLOTS, SPAN
from data411_mcp.errors import VendorError
from data411_mcp.services.discovery import site_candidate
from data411_mcp.services.hunting.brief import Brief, Haul, findings_on
from data411_mcp.services.hunting.mail_dns import hunt_dns
from data411_mcp.services.icp.enriching.company import CompanyInWork, names_erased, opened
from data411_mcp.services.icp.enriching.mailboxes import check_mailboxes
from data411_mcp.services.icp.enriching.model import PageModel, read_with_model
from data411_mcp.services.icp.enriching.pages import (
    HARD_TO_READ,
    FastPages,
    SiteRead,
    evidence_suffices,
    page_seconds,
    read_hard,
    read_site,
)
from data411_mcp.services.icp.enriching.people import PeopleLimits, find_people
from data411_mcp.services.icp.parts import COMPANY, without_people
from data411_mcp.services.icp.planning.reading import policy_of
from data411_mcp.services.icp.ticks import company_tick
from data411_mcp.services.ports import JobContext
from data411_mcp.services.ports.icp import (
    CompanyPeople,
    EmailVerifier,
    FastReader,
    IcpSettings,
    IcpStore,
)
from data411_mcp.services.run_setup import RunSetup, load_run
from data411_mcp.services.shelf import Shelf

RECHECK_DAYS = 7
ENRICHED = "enriched"  # kind of document: domain → when it was last enriched with success
COMPANY_SECONDS = 110.0  # from its beginning until its people are waited for no longer
PEOPLE_SECONDS_MIN = 20.0
PEOPLE_AT_ONCE = 3  # calls to the LinkedIn vendor, of one run
HARD_PAGES_MAX = 10  # pages put to the third reader, of one run
EXTRA_READS = 4  # spellings of the home page and guesses that lead nowhere
MODEL = "model"  # step: what a model has read in the pages
ENOUGH_NOTE = "enough was found without a model"
FOUND_HERE = "it was found under this very domain"

log = structlog.get_logger(__name__)


@dataclass(eq=False)
class _Shares:
    """What the companies of one run share of the dearer vendors."""

    people: anyio.Semaphore
    hard: anyio.Semaphore
    hard_left: int = HARD_PAGES_MAX


@dataclass
class CompanyEnricher:
    """Implements `parts.Enricher`. `reader` and `people` give a tenant's own: what they read is
    stored for that tenant."""

    setup: RunSetup
    icp: IcpStore
    reader: Callable[[str], FastReader]
    people: Callable[[str], CompanyPeople]
    verifier: EmailVerifier
    settings: IcpSettings
    _shares: WeakValueDictionary[str, _Shares] = field(
        default_factory=WeakValueDictionary, repr=False
    )

    async def enrich(
        self, ctx: JobContext, run: IcpRun, like: Lookalike, decisions: Decisions
    ) -> EnrichedCompany:
        """See `parts.Enricher`."""
        tenant, began = ctx.job.tenant, self.setup.clock.monotonic()
        known = await self._recent(ctx, like)
        if known is not None:
            company = await self.company(tenant, known)
            ours = company.pages_read > 0
            self._tick(ctx, company, (), began, "" if ours else "known from an earlier run")
            return company
        await anyio.to_thread.run_sync(load_run)
        hard = anyio.Semaphore(self.settings.tavily_parallel_max)
        shares = self._shares.setdefault(ctx.job.id, _Shares(anyio.Semaphore(PEOPLE_AT_ONCE), hard))
        with metering() as meter:
            work = await opened(self.setup, ctx, like)
            await self._read(work, decisions, shares)
            # Of a site that nobody could read nothing would tie people to it: none are bought.
            sure = work.backfill.identity.decision == "clear"
            if sure and contacts_missing(work.backfill):
                await self._find_people(work, run, like, decisions, shares.people, began)
        metered(meter.micros)
        if work.failure and work.backfill.contacts:
            # Its pages could not be had today: what is known of it stands, and is asked for again.
            work.failure, work.unfinished = "", True
        await work.tell()
        stub = work.stub(like.name)
        company = await anyio.to_thread.run_sync(company_of, stub, work.backfill)
        if company.state == "done" and not work.unfinished:
            await self._remember(work, stub)
        self._tick(ctx, company, work.notes, began)
        return company

    async def _find_people(
        self,
        work: CompanyInWork,
        run: IcpRun,
        like: Lookalike,
        decisions: Decisions,
        turns: anyio.Semaphore,
        began: float,
    ) -> None:
        left = COMPANY_SECONDS - (self.setup.clock.monotonic() - began)
        await find_people(
            work,
            self.people(work.tenant),
            decisions,
            PeopleLimits(self.settings.apify_max_items, turns, max(PEOPLE_SECONDS_MIN, left)),
            run.micro_icp.buyer_titles if run.micro_icp is not None else (),
            called=like.name,
            found_page=partial(self._note_linkedin, work, like),
        )
        await check_mailboxes(work, work.graph.sources.dns, self.verifier)

    async def company(self, tenant: str, stub: EnrichedCompany) -> EnrichedCompany:
        """See `parts.Enricher`. A company without a graph stays as it is."""
        if not stub.chat_session_id:
            return stub
        row = await self.setup.store.session(tenant, stub.chat_session_id)
        if row is None or row.backfill is None:
            return stub
        graph = Backfill.model_validate_json(row.backfill)
        erased = await self.setup.forgetting.tombstones(tenant)
        return await anyio.to_thread.run_sync(lambda: company_of(stub, erased.without(graph)))

    # --- what was known before ------------------------------------------------------------------

    async def _recent(self, ctx: JobContext, like: Lookalike) -> EnrichedCompany | None:
        """The company as enriched with success within the last days. A run that failed, was cut
        short, or was kept waiting by a vendor counts for nothing."""
        tenant = ctx.job.tenant
        found = await self.icp.document(tenant, ENRICHED, like.domain)
        if found is None:
            return None
        known: Mapping[str, Any] = json.loads(found.text)
        if known.get("job_id") == ctx.job.id:
            # By an attempt of this very job, which died before it could say so.
            return EnrichedCompany.model_validate(known["stub"])
        oldest = self.setup.clock.now() - timedelta(days=RECHECK_DAYS)
        if datetime.fromisoformat(known["at"]) < oldest:
            return None
        row = await self.setup.store.session(tenant, known["chat_session_id"])
        if row is None or row.backfill is None:
            return None
        graph = Backfill.model_validate_json(row.backfill)
        asked = known["asked_people"] or not self.people(tenant).configured()
        if contacts_missing(graph) and not asked:
            return None
        return EnrichedCompany(
            domain=like.domain,
            name=like.name,
            chat_session_id=row.chat_session_id,
            state="done",
            degraded=tuple(known["degraded"]),
        )

    async def _remember(self, work: CompanyInWork, stub: EnrichedCompany) -> None:
        now = self.setup.clock.now()
        text = json.dumps(
            {
                "at": now.isoformat(),
                "chat_session_id": stub.chat_session_id,
                "degraded": work.degraded,
                "asked_people": work.asked_people,
                "job_id": work.ctx.job.id,
                "stub": without_people(stub).model_dump(mode="json"),
            }
        )
        await self.icp.put_document(work.tenant, ENRICHED, work.domain, text, at=now)

    async def _note_linkedin(self, work: CompanyInWork, like: Lookalike) -> None:
        """The LinkedIn page in the company's document, as soon as it is known."""
        url = vendor_linkedin(work.backfill)
        if not url:
            return
        stub = work.stub(like.name).model_copy(update={"state": "queued", "linkedin_url": url})
        old = await self.icp.document(work.tenant, COMPANY, work.domain)
        if old is not None:
            with suppress(ValidationError):  # of another version: written anew
                kept = EnrichedCompany.model_validate_json(old.text)
                stub = kept.model_copy(update={"linkedin_url": url})
        text = without_people(stub).model_dump_json()
        now = self.setup.clock.now()
        await self.icp.put_document(work.tenant, COMPANY, work.domain, text, at=now)

    # --- pages ----------------------------------------------------------------------------------

    async def _read(self, work: CompanyInWork, decisions: Decisions, shares: _Shares) -> None:
        """The company's own pages and its mail domain at once; then the model, where something
        is missing."""
        policy = policy_of(decisions)
        pages_max = max(1, min(decisions.crawl_pages, self.settings.crawl_max_pages))
        graph, began = work.graph, self.setup.clock.monotonic()
        pages = FastPages(self.reader(work.tenant), policy)
        graph.shelf = Shelf(
            reader=pages,
            hints=graph.shelf.hints,
            quota=pages_max + EXTRA_READS,
            deadline_seconds=page_seconds(policy),
        )
        site, dns, failed = SiteRead(), Haul(provider="dns"), ""

        async def ask_dns() -> None:
            nonlocal dns, failed
            try:
                dns = await hunt_dns(self._brief(work))
            except VendorError as failure:
                failed = failure.reason

        with metering() as meter:
            async with anyio.create_task_group() as reading:
                reading.start_soon(ask_dns)
                site = await read_site(graph.shelf, work.domain, pages_max=pages_max)
                if self.settings.tavily_extract and site.failure in HARD_TO_READ:
                    site = await self._read_hard(work, shares, site)
        seconds = self.setup.clock.monotonic() - began
        work.pages_read, work.failure = len(site.pages), site.failure
        work.pages_wanted, work.pages_late = site.wanted, site.late
        work.pages_hedged = pages.hedged
        for reason in site.degraded:
            work.degrade(reason)
        card = identified(work, site)
        if card is not None:
            graph.backfill = graph.backfill.model_copy(update={"identity": card})
        haul = Haul(provider="site", degraded=site.degraded, cost_usd_micros=meter.micros)
        haul.findings = [f for read in site.pages for f in findings_on(read, SITE)]
        metered(meter.micros)
        await work.land(SITE, haul, seconds=seconds, failed=site.failure)
        await work.land(DNS, dns, seconds=seconds, failed=failed)
        if site.pages and not evidence_suffices(site.pages):
            if reflect(decisions, self._seen(work)).early_stop:
                work.notes.append(ENOUGH_NOTE)
            else:
                await self._ask_model(work, site, decisions)
        await check_mailboxes(work, graph.sources.dns, self.verifier)

    def _seen(self, work: CompanyInWork) -> Metrics:
        """What the company's own pages came to."""
        return Metrics(
            phase=Phase.COMPANY,
            read=work.pages_read,
            contacts=len(named_contacts(work.backfill)),
            linkedin=bool(vendor_linkedin(work.backfill)),
        )

    async def _read_hard(self, work: CompanyInWork, shares: _Shares, site: SiteRead) -> SiteRead:
        if shares.hard_left <= 0:
            return site
        shares.hard_left -= 1
        reader = self.reader(work.tenant)
        found = await read_hard(work.graph.shelf, reader, work.domain, turns=shares.hard)
        found.wanted, found.late = site.wanted, site.late
        if found.failure:
            found.failure, found.degraded = site.failure, [*site.degraded, *found.degraded]
        return found

    def _brief(self, work: CompanyInWork) -> Brief:
        graph = work.graph
        return Brief(
            lead=graph.bound.lead,
            key=graph.bound.key,
            identity=graph.backfill.identity,
            shelf=graph.shelf,
            sources=graph.sources,
        )

    async def _ask_model(self, work: CompanyInWork, site: SiteRead, decisions: Decisions) -> None:
        limits = self.setup.limits.run
        slug = limits.models.get(SPAN, SLOTS[SPAN].provider)
        model = PageModel(work.graph.sources.llm, self.setup.prompts, slug)
        chunks = min(decisions.llm_chunks, self.settings.llm_max_chunks)
        if not model.ready or chunks < 1:
            return
        began = self.setup.clock.monotonic()
        saved = json.loads(work.ctx.checkpoints.get(MODEL, "null"))
        if saved is not None:  # bought by an attempt that died
            haul, late = Haul.from_json(saved["haul"]), saved["late"]
            metered(haul.cost_usd_micros)
        else:
            gaps = [g.text for g in find_gaps(work.backfill, work.graph.sources.offers())]
            with metering() as meter:
                said = await read_with_model(
                    model, work.backfill, site.pages, gaps=gaps, chunks=chunks
                )
            metered(meter.micros)
            erased = await work.graph.forgetting.tombstones(work.tenant)
            kept = [f for f in said.findings if not names_erased(erased, f)]
            haul, late = Haul(kept, [], meter.micros, said.provider), said.late
            text = json.dumps({"haul": haul.to_json(), "late": late})
            await work.ctx.checkpoint(MODEL, text)
        if late:
            work.degrade("LLM_TIMEOUT_FALLBACK", passing=True)
            haul.degraded.append("llm_timeout")
        failed = "timeout" if late and not haul.findings else ""
        seconds = self.setup.clock.monotonic() - began
        await work.land(SPAN, haul, seconds=seconds, failed=failed)

    # --- what is told -----------------------------------------------------------------------------

    def _tick(
        self,
        ctx: JobContext,
        company: EnrichedCompany,
        notes: Sequence[str],
        began: float,
        how: str = "",
    ) -> None:
        seconds = round(self.setup.clock.monotonic() - began, 1)
        log.info(
            "icp_company_enriched", job_id=ctx.job.id, state=company.state,
            pages=company.pages_read, contacts=len(company.contacts),
            degraded=list(company.degraded), seconds=seconds,
        )  # fmt: skip
        ctx.emit(company_tick(company, notes, seconds=seconds, how=how))


def identified(work: CompanyInWork, site: SiteRead) -> IdentityCard | None:
    """Which company this is: the one of the domain under which it was found. None: the card
    stays as it is, because an earlier run has settled it or nothing was read."""
    bound, before = work.graph.bound, work.backfill.identity
    if before.decision == "clear" or not site.pages:
        return None
    found = site_candidate(work.domain, site.pages, from_lead=True)
    card = decide(bound.lead, bound.key, [found])
    if card.decision != "clear":
        # The list may call it otherwise than its site does; the domain is what was chosen.
        card = decide(bound.lead, bound.key, [found], choice=found.id)
        card = card.model_copy(update={"difference": FOUND_HERE})
    return card
