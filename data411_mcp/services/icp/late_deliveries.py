"""What could not be delivered when its list was ready, delivered by the nightly run: a mail that
the server surely has not taken, and companies that the CRM did not take, or of which the register
has told more since."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import structlog
from pydantic import ValidationError

from data411_mcp.domain.icp.lookalikes import as_delivered
from data411_mcp.domain.icp.run import ICP_RUN, IcpRun
from data411_mcp.domain.icp.values import EnrichedCompany, Lookalike, ScoredLead
from data411_mcp.errors import (
    InvalidArgument,
    LookupFailed,
    NotFound,
    StaleVersion,
    VendorUnusable,
)
from data411_mcp.services.icp.delivering import (
    CRM_DUE,
    FAILED,
    NO_CONFIG,
    SENT,
    Due,
    ListDeliverer,
    MailMark,
)
from data411_mcp.services.icp.parts import (
    COMPANY,
    DELIVERY,
    SHORTLIST,
    Enricher,
    Shortlist,
    shortlist_of,
)
from data411_mcp.services.ports import Store
from data411_mcp.services.ports.icp import Document, IcpStore

MAIL_TRIES_MAX = 4  # the run's own included: a list of last week is no news
CRM_TRIES_MAX = 14
FAILURES_MAX = 3  # in a row: then the CRM is left alone for this night
SCAN_ROWS = 100
# Reasons of a mail that was not taken, and may be another time.
_PASSING = frozenset({"refused_for_now", "connect", "dns", "tls", "timeout", "bad_key"})

log = structlog.get_logger(__name__)


@dataclass
class LateReport:
    mailed: int = 0
    written: int = 0
    waiting: int = 0  # tried in vain: the next night tries again


@dataclass
class LateDeliveries:
    store: Store
    icp: IcpStore
    enricher: Enricher
    deliverer: ListDeliverer

    async def run(self, tenant: str) -> LateReport:
        """Raises StoreError."""
        report = LateReport()
        await self._mails(tenant, report)
        await self._companies(tenant, report)
        return report

    async def owe(self, tenant: str, due: Due) -> None:
        """The CRM is to be told of a company once more, if it is to be told of it at all."""
        if self.deliverer.has_crm(tenant):
            await self.deliverer.note_due(tenant, due)

    async def preview(self, tenant: str, thread_id: str | None) -> dict[str, Any]:
        """What writing a thread's enriched companies would change, by record; of the newest list
        without a thread. Raises NotFound, InvalidArgument where the CRM cannot be asked."""
        made = await self._list(tenant, thread_id)
        if made is None:
            if thread_id is None:
                raise NotFound("There is no list yet.", "A conversation makes one: icp_intake.")
            raise NotFound("There is no list of that conversation.", "Leave the thread out.")
        leads = []
        for rank, like in enumerate(made.lookalikes, start=1):
            company = await self._company(tenant, like)
            if company.state == "done":
                leads.append(ScoredLead(rank=rank, company=company, lookalike=like))
        try:
            changes = await self.deliverer.preview(tenant, leads)
        except (LookupFailed, VendorUnusable) as failed:
            raise InvalidArgument(
                f"The CRM cannot be asked ({failed.reason}).", "See DATA411_ODOO_URL and siblings."
            ) from failed
        records: dict[str, dict[str, Any]] = {}
        for change in changes:
            record = records.setdefault(
                change.external_id,
                {"external_id": change.external_id, "model": change.model, "name": "",
                 "action": "keep", "changes": []},
            )  # fmt: skip
            if change.field == "name":
                record["name"] = change.before or change.after
            if change.action in ("create", "fill"):
                record["action"] = change.action
            told = {"field": change.field, "before": change.before, "after": change.after}
            record["changes"].append(told | {"action": change.action})
        return {
            "thread_id": made.thread_id,
            "companies": len(leads),
            "records": list(records.values()),
        }

    async def _list(self, tenant: str, thread_id: str | None) -> Shortlist | None:
        if thread_id is not None:
            return await shortlist_of(self.icp, tenant, thread_id)
        newest: Shortlist | None = None
        async for document in self._all(tenant, SHORTLIST):
            made = await shortlist_of(self.icp, tenant, document.key)
            if made is not None and (newest is None or made.made_at > newest.made_at):
                newest = made
        return newest

    # --- mails --------------------------------------------------------------------------------

    async def _mails(self, tenant: str, report: LateReport) -> None:
        async for document in self._all(tenant, DELIVERY):
            mark = MailMark.read(document.text)
            if mark.state != FAILED or mark.reason not in _PASSING or mark.tries >= MAIL_TRIES_MAX:
                continue
            try:
                sent = await self._mailed(tenant, document.key)
            except StaleVersion:
                continue  # another process is at it
            if sent is not None:
                report.mailed += sent
                report.waiting += not sent

    async def _mailed(self, tenant: str, job_id: str) -> bool | None:
        """None where there is nothing to send any more: the list was deleted, or made anew."""
        job = await self.store.job(tenant, job_id)
        if job is None or job.route != ICP_RUN:
            return None
        try:
            run = IcpRun.model_validate_json(job.payload)
        except ValidationError:
            return None  # of another version
        made = await shortlist_of(self.icp, tenant, run.thread_id)
        if made is None or made.job_id != job_id:
            return None
        companies = [(await self._company(tenant, like), like) for like in made.top]
        leads = as_delivered(companies, run.micro_icp)
        return await self.deliverer.mail_list(tenant, job_id, run, leads) == SENT

    # --- the CRM ------------------------------------------------------------------------------

    async def _companies(self, tenant: str, report: LateReport) -> None:
        in_a_row = 0
        async for document in self._all(tenant, CRM_DUE):
            due = Due.read(document.text)
            if due is None or due.tries >= CRM_TRIES_MAX:
                log.warning("crm_given_up", reason=due.reason if due is not None else "unreadable")
                await self.icp.delete_document(tenant, CRM_DUE, document.key)
                continue
            if in_a_row >= FAILURES_MAX:
                report.waiting += 1
                continue
            company = await self._company(tenant, due.lookalike)
            lead = ScoredLead(rank=due.rank, company=company, lookalike=due.lookalike)
            outcome = await self.deliverer.write(tenant, due.job_id, due.thread_id, lead)
            failed = outcome in (FAILED, NO_CONFIG)
            away = failed and await self._is_away(tenant, document.key)
            in_a_row = in_a_row + 1 if away else 0
            report.waiting += failed
            report.written += not failed

    async def _is_away(self, tenant: str, key: str) -> bool:
        """Whether it failed for a reason that is not this company's own."""
        document = await self.icp.document(tenant, CRM_DUE, key)
        due = Due.read(document.text) if document is not None else None
        return due is None or due.reason != "refused_value"

    async def _company(self, tenant: str, like: Lookalike) -> EnrichedCompany:
        """With its people, as its graph has them now: nobody who was erased meanwhile."""
        listed = EnrichedCompany(domain=like.domain, name=like.name, state="failed")
        found = await self.icp.document(tenant, COMPANY, like.domain)
        if found is None:
            return listed
        try:
            stub = EnrichedCompany.model_validate_json(found.text)
        except ValidationError:
            return listed  # of another version
        return await self.enricher.company(tenant, stub) if stub.state == "done" else stub

    async def _all(self, tenant: str, kind: str) -> AsyncIterator[Document]:
        after = ""
        while rows := await self.icp.documents(tenant, kind, after=after, limit=SCAN_ROWS):
            for row in rows:
                after = row.key
                yield row
