"""What is done at night: companies of Singapore are anchored to the register, what could not be
delivered is delivered, and lists that were not finished go on.

Every company is a document of its own, written last: a run that dies goes on where it stood, and
what was done is not asked again. A company that could not be looked up is recorded as failed, and
a failure is never recent: the next night asks again.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog
from pydantic import ValidationError

from data411_mcp.domain.graph import Backfill, FieldName, Status
from data411_mcp.domain.icp.acra import Known
from data411_mcp.domain.icp.run import ICP_NEXT, ICP_RUN, NEXT_N, TOP_N, IcpRun
from data411_mcp.domain.icp.values import EnrichedCompany, SiteSignals
from data411_mcp.domain.jobs import BATCH, Job, JobStatus
from data411_mcp.domain.merge import statements_of
from data411_mcp.errors import ChatBusy, LookupFailed, NotFound, StaleVersion
from data411_mcp.services.forgetting import Tombstones
from data411_mcp.services.graph_writer import GraphWriter
from data411_mcp.services.icp.anchoring import (
    ANCHOR,
    Anchor,
    Editions,
    Found,
    anchored,
    edition_of,
    editions,
    look_up,
    register_page,
    statements_about,
    with_register,
)
from data411_mcp.services.icp.delivering import Due
from data411_mcp.services.icp.late_deliveries import LateDeliveries
from data411_mcp.services.icp.parts import COMPANY, SHORTLIST, SIGNALS, Shortlist
from data411_mcp.services.ports import Clock, Store
from data411_mcp.services.ports.icp import AcraEntity, AcraRegister, Document, IcpStore

RECHECK_DAYS = 30  # the register changes monthly
COMPANIES_MAX = 500  # of one night and tenant
FAILURES_MAX = 5  # in a row: then the register is not asked any more this night
REMAINDERS_MAX = 3  # jobs for the rest of one list, the first one included
SCAN_ROWS = 100
_POSTAL = re.compile(r"(?<!\d)\d{6}(?!\d)")

Submit = Callable[[Job], Awaitable[Job]]

log = structlog.get_logger(__name__)


@dataclass
class NightlyReport:
    """`outcomes` counts the companies asked about by what the register said; `failed` those that
    could not be asked about."""

    companies: int = 0
    recent: int = 0
    failed: int = 0
    lists_queued: int = 0
    late_mails: int = 0
    late_companies: int = 0  # into the CRM
    undelivered: int = 0  # tried again in vain; the next night tries again
    outcomes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Company:
    domain: str
    names: tuple[str, ...]
    chat: str
    country: str
    listed: Due | None = None  # where it is listed, for the CRM


@dataclass
class Nightly:
    """`register` is None where its API is not to be asked: imported rows then do. `submit` hands
    in the jobs for unfinished lists, `late` makes late deliveries; None leaves them."""

    store: Store
    icp: IcpStore
    register: AcraRegister | None
    writer: GraphWriter
    clock: Clock
    submit: Submit | None = None
    late: LateDeliveries | None = None
    recheck_days: int = RECHECK_DAYS

    async def run(
        self, *, tenant: str | None = None, companies_max: int = COMPANIES_MAX
    ) -> NightlyReport:
        """Of one tenant, or of all that have lists. Raises StoreError."""
        report = NightlyReport()
        known = await editions(self.icp)
        tenants = (tenant,) if tenant is not None else await self._tenants()
        in_a_row = 0
        for one in tenants:
            in_a_row = await self._anchor_all(one, known, report, companies_max, in_a_row)
            await self._deliver(one, report)
            await self._remainders(one, report)
        log.info(
            "icp_nightly",
            companies=report.companies,
            recent=report.recent,
            failed=report.failed,
            lists_queued=report.lists_queued,
            undelivered=report.undelivered,
            **report.outcomes,
        )
        return report

    async def _tenants(self) -> tuple[str, ...]:
        found = {t for kind in (COMPANY, SHORTLIST) for t in await self.icp.document_tenants(kind)}
        return tuple(sorted(found))

    # --- the register ---------------------------------------------------------------------

    async def _anchor_all(
        self,
        tenant: str,
        known: Editions,
        report: NightlyReport,
        companies_max: int,
        in_a_row: int,
    ) -> int:
        """`in_a_row` look-ups have failed so far, one after the other; returns how many then."""
        asked = 0
        for company in await self._singapore(tenant):
            if asked >= companies_max:
                break
            before = _anchor(await self.icp.document(tenant, ANCHOR, company.domain))
            report.companies += 1
            if before is not None and self._recent(before):
                report.recent += 1
                continue
            asked += 1
            register = self.register if in_a_row < FAILURES_MAX else None
            try:
                done = await self._anchor(tenant, company, register, known, before)
            except (LookupFailed, StaleVersion) as error:
                reason = error.reason if isinstance(error, LookupFailed) else "busy"
                in_a_row += isinstance(error, LookupFailed)
                report.failed += 1
                await self._save(tenant, self._failed(company.domain, reason, before))
                continue
            in_a_row = 0 if register is not None else in_a_row
            report.outcomes[done.outcome] = report.outcomes.get(done.outcome, 0) + 1
        return in_a_row

    async def _anchor(
        self,
        tenant: str,
        company: _Company,
        register: AcraRegister | None,
        known: Editions,
        before: Anchor | None,
    ) -> Anchor:
        graph = await self._graph(tenant, company.chat)
        found = await look_up(self.icp, register, _known(company, graph))
        if register is None and self.register is not None and found.entity is None:
            raise LookupFailed("not_asked")  # it would have been, had it answered
        edition = edition_of(found.entity, known) if found.entity is not None else ""
        done = anchored(company.domain, found, edition, clock=self.clock, before=before)
        # One that was never found live says nothing sure about a company of the same name.
        if found.entity is not None and (
            found.entity.live or (before is not None and before.uen == found.entity.uen)
        ):
            await self._write(tenant, company, found, found.entity, edition)
        await self._save(tenant, done)
        return done

    async def _write(
        self, tenant: str, company: _Company, found: Found, entity: AcraEntity, edition: str
    ) -> None:
        """The row into the company's graph, with its page, and the UEN into its document."""
        if company.chat:
            page = register_page(entity, edition, self.clock.now().isoformat())
            new = statements_about(entity, edition, page, found.tied_by)
            await self.store.put_page(tenant, page)

            async def change(graph: Backfill, erased: Tombstones) -> Backfill | None:
                return await with_register(graph, new, erased)

            # Its chat is past its retention, or its graph of another version.
            with suppress(NotFound, ValidationError):
                await self.writer.rewrite(tenant, company.chat, change)
        document = await self.icp.document(tenant, COMPANY, company.domain)
        stub = _stub(document)
        if document is None or stub is None or stub.uen == entity.uen:
            return
        if self.late is not None and company.listed is not None and stub.state == "done":
            # Before the UEN is noted: a crash in between tells the CRM once for nothing.
            await self.late.owe(tenant, company.listed)
        text = stub.model_copy(update={"uen": entity.uen}).model_dump_json()
        await self.icp.put_document(
            tenant,
            COMPANY,
            company.domain,
            text,
            at=self.clock.now(),
            expected_version=document.version,
        )

    async def _save(self, tenant: str, anchor: Anchor) -> None:
        await self.icp.put_document(
            tenant, ANCHOR, anchor.domain, anchor.model_dump_json(), at=self.clock.now()
        )

    def _failed(self, domain: str, reason: str, before: Anchor | None) -> Anchor:
        """What was known stays; that it could not be asked again is noted."""
        known = before or Anchor(domain=domain, outcome="")
        return known.model_copy(
            update={"state": "failed", "reason": reason, "attempts": known.attempts + 1}
        )

    def _recent(self, anchor: Anchor) -> bool:
        if anchor.state != "done" or not anchor.checked_at:
            return False
        oldest = self.clock.now() - timedelta(days=self.recheck_days)
        return datetime.fromisoformat(anchor.checked_at) > oldest

    # --- which companies ------------------------------------------------------------------

    async def _singapore(self, tenant: str) -> Sequence[_Company]:
        """Companies of the tenant's lists that are in Singapore, those enriched first."""
        found: dict[str, _Company] = {}
        for document in await self._all(tenant, COMPANY):
            stub = _stub(document)
            if stub is not None and stub.state == "done":
                names = tuple(dict.fromkeys(n for n in (stub.legal_name, stub.name) if n))
                found[stub.domain] = _Company(
                    stub.domain, names, stub.chat_session_id, stub.country
                )
        lists = [_shortlist(document) for document in await self._all(tenant, SHORTLIST)]
        for made in sorted(lists, key=lambda one: one.made_at):
            for rank, like in enumerate(made.lookalikes, start=1):
                due = Due(
                    thread_id=made.thread_id, job_id=made.job_id, rank=rank, lookalike=like,
                    reason="anchored",
                )  # fmt: skip
                known = found.get(like.domain, _Company(like.domain, (like.name,), "", ""))
                found[like.domain] = replace(known, listed=due)
        return [c for c in found.values() if c.names and await self._is_singapore(tenant, c)]

    async def _is_singapore(self, tenant: str, company: _Company) -> bool:
        if company.country:
            return company.country.casefold() in ("sg", "singapore")
        if company.domain.endswith(".sg"):
            return True
        document = await self.icp.document(tenant, SIGNALS, company.domain)
        if document is None:
            return False
        try:
            return SiteSignals.model_validate_json(document.text).country == "SG"
        except ValidationError:
            return False

    async def _graph(self, tenant: str, chat: str) -> Backfill | None:
        row = await self.store.session(tenant, chat) if chat else None
        if row is None or row.backfill is None:
            return None
        try:
            return Backfill.model_validate_json(row.backfill)
        except ValidationError:
            return None  # of another version

    async def _all(self, tenant: str, kind: str) -> list[Document]:
        found: list[Document] = []
        while portion := await self.icp.documents(
            tenant, kind, after=found[-1].key if found else "", limit=SCAN_ROWS
        ):
            found += portion
        return found

    # --- what is owed -----------------------------------------------------------------------

    async def _deliver(self, tenant: str, report: NightlyReport) -> None:
        if self.late is None:
            return
        done = await self.late.run(tenant)
        report.late_mails += done.mailed
        report.late_companies += done.written
        report.undelivered += done.waiting

    # --- the rest of the lists ------------------------------------------------------------

    async def _remainders(self, tenant: str, report: NightlyReport) -> None:
        """Lists whose Top-10 were approved and done, and of which companies are still missing,
        go on. One job to a list and night; it gives up after `REMAINDERS_MAX`."""
        if self.submit is None:
            return
        for document in await self._all(tenant, SHORTLIST):
            shortlist = _shortlist(document)
            if await self._unfinished(tenant, shortlist):
                report.lists_queued += await self._go_on(tenant, shortlist, self.submit)

    async def _unfinished(self, tenant: str, shortlist: Shortlist) -> bool:
        for like in shortlist.lookalikes[TOP_N : TOP_N + NEXT_N]:
            stub = _stub(await self.icp.document(tenant, COMPANY, like.domain))
            if stub is None or stub.state != "done":
                return True
        return False

    async def _go_on(self, tenant: str, shortlist: Shortlist, submit: Submit) -> bool:
        first = await self.store.job(tenant, shortlist.job_id)
        if first is None or first.route != ICP_RUN or first.status is not JobStatus.DONE:
            return False
        try:
            if not IcpRun.model_validate_json(first.payload).approved:
                return False
        except ValidationError:
            return False  # of another version
        chat = f"next40-{first.id}"
        earlier = [j for j in await self.store.jobs_of_chat(tenant, chat) if j.route == ICP_NEXT]
        if len(earlier) >= REMAINDERS_MAX or any(not job.final for job in earlier):
            return False
        now = self.clock.now()
        job = Job(
            id=self.clock.new_id(),
            tenant=tenant,
            route=ICP_NEXT,
            chat_session_id=chat,
            lead_key="",
            payload=first.payload,
            status=JobStatus.QUEUED,
            created_at=now,
            updated_at=now,
            idempotency_key=f"nightly:{first.id}:{len(earlier)}",
            priority=BATCH,
            subject=first.subject,
        )
        try:
            return (await submit(job)).id == job.id
        except ChatBusy:
            return False  # it was queued meanwhile


def _known(company: _Company, graph: Backfill | None) -> Known:
    """The company's names without the register's, and the postal codes of addresses that say
    they are in Singapore: six digits alone are an order number as often."""
    if graph is None:
        return Known(company.names)
    # A name on the company's own site stays one although a register has another.
    standing = (Status.PROVEN, Status.CONTESTED)
    own = [s for s in statements_of(graph) if s.status in standing]
    legal = [
        s.value
        for s in own
        if s.field is FieldName.LEGAL_NAME and any(e.source == "own_site" for e in s.evidence)
    ]
    codes = {
        code
        for s in own
        if s.field is FieldName.ADDRESS and "singapore" in s.value.casefold()
        for code in _POSTAL.findall(s.value)
    }
    return Known(tuple(dict.fromkeys((*legal, *company.names))), frozenset(codes))


def _anchor(document: Document | None) -> Anchor | None:
    if document is None:
        return None
    try:
        return Anchor.model_validate_json(document.text)
    except ValidationError:
        return None


def _stub(document: Document | None) -> EnrichedCompany | None:
    if document is None:
        return None
    try:
        return EnrichedCompany.model_validate_json(document.text)
    except ValidationError:
        return None  # of another version


def _shortlist(document: Document) -> Shortlist:
    try:
        return Shortlist.model_validate_json(document.text)
    except ValidationError:
        return Shortlist(thread_id=document.key, job_id="", made_at=document.updated_at)
