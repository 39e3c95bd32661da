"""The end of a run: the list goes out by mail, once, and its companies into the CRM, any number of
times with the same result. What fails is noted, for the nightly run to try again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import anyio
import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from data411_mcp.domain.icp import crm as records
from data411_mcp.domain.icp.lists import csv_file
from data411_mcp.domain.icp.mailing import FILE_NAME, list_mail, message_id, recipients
from data411_mcp.domain.icp.run import IcpRun
from data411_mcp.domain.icp.values import Lookalike, ScoredLead
from data411_mcp.errors import LookupFailed, RecipientNotAllowed, VendorUnusable
from data411_mcp.services.icp.parts import DELIVERY, shortlist_of
from data411_mcp.services.ports import Clock, JobContext
from data411_mcp.services.ports.icp import (
    Attachment,
    Crm,
    CrmChange,
    CrmRecord,
    IcpSettings,
    IcpStore,
    Mail,
    Mailer,
)

log = structlog.get_logger(__name__)

MAIL_SECONDS = 45.0
RECORD_SECONDS = 30.0
PREVIEW_SECONDS = 60.0

# How a mail stands (documents of the kind "delivery"), and what `mail` returns.
SENDING, SENT, FAILED, UNKNOWN = "sending", "sent", "failed", "unknown_outcome"
SKIPPED, NO_CONFIG = "skipped", "skipped_no_config"

CREATED, UPDATED, UNCHANGED = "created", "updated", "unchanged"

CRM_DUE = "crm_due"  # kind of document: thread id:domain → Due


class MailMark(BaseModel):
    """How a list's mail stands: counts and states, no addresses and no people."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: str = UNKNOWN
    leads: int = 0
    reason: str = ""
    tries: int = 0  # that ended

    @classmethod
    def read(cls, text: str) -> MailMark:
        """One that cannot be read says that the mail may be out."""
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            return cls()


class Due(BaseModel):
    """A company that the CRM is still to be told of. No people: they are read when it is."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    thread_id: str
    job_id: str
    rank: int
    lookalike: Lookalike
    reason: str
    tries: int = 0

    @property
    def key(self) -> str:
        """Begins with the thread: it is deleted with it."""
        return f"{self.thread_id}:{self.lookalike.domain}"

    @classmethod
    def read(cls, text: str) -> Due | None:
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            return None  # of another version


def check_recipient(settings: IcpSettings, tenant: str, wanted: str | None) -> str | None:
    """The address as the configuration spells it; None where none was asked for. Raises
    RecipientNotAllowed: when a run is asked for, not when its list is ready."""
    if wanted is None or not wanted.strip():
        return None
    found = recipients(settings.notify_recipients, tenant, wanted)
    if not found:
        raise RecipientNotAllowed(
            "Lists of this tenant may not be mailed to that address.",
            "Leave notify_email out, or have the operator add the address to "
            "DATA411_NOTIFY_RECIPIENTS.",
        )
    return found[0]


@dataclass
class ListDeliverer:
    """Implements `parts.Deliverer`. `crm_tenants` are those whose lists the CRM is for; "*" is
    every tenant: a tenant without a CRM of its own writes into nobody else's. `mail_domain` is
    the right side of message ids."""

    icp: IcpStore
    clock: Clock
    mailer: Mailer
    crm_port: Crm
    settings: IcpSettings
    crm_tenants: frozenset[str] = frozenset()
    mail_domain: str = "data411.invalid"

    # --- the mail ---------------------------------------------------------------------------

    async def mail(self, ctx: JobContext, run: IcpRun, leads: Sequence[ScoredLead]) -> str:
        """See the protocol."""
        return await self.mail_list(ctx.job.tenant, ctx.job.id, run, leads)

    async def mail_list(
        self, tenant: str, job_id: str, run: IcpRun, leads: Sequence[ScoredLead]
    ) -> str:
        """The document that says "sending" is written before the mail leaves: found again after
        a crash it means that the mail may be out, and it is not sent again."""
        stands = await self.icp.document(tenant, DELIVERY, job_id)
        mark = MailMark.read(stands.text) if stands is not None else MailMark(state="")
        if mark.state in (SENT, UNKNOWN):
            return mark.state
        if mark.state == SENDING:
            await self._note(tenant, job_id, mark.model_copy(update={"state": UNKNOWN}))
            return UNKNOWN
        if not self.mailer.configured():
            return NO_CONFIG
        to = recipients(self.settings.notify_recipients, tenant, run.notify_email)
        if not leads or not to:
            return SKIPPED
        made = await self._mail_of(tenant, job_id, run, leads, to)
        version = stands.version if stands is not None else 0
        going = MailMark(state=SENDING, leads=len(leads), tries=mark.tries)
        await self._note(tenant, job_id, going, expected_version=version)
        # From here to the note a cancel would leave the outcome unknown for no need; both end by
        # themselves.
        with anyio.CancelScope(shield=True):
            outcome, reason = await self._sent(made)
            done = {"state": outcome, "reason": reason, "tries": mark.tries + 1}
            await self._note(tenant, job_id, going.model_copy(update=done))
        if outcome != SENT:
            log.warning("list_not_mailed", job_id=job_id, outcome=outcome, reason=reason)
        return outcome

    async def _mail_of(
        self,
        tenant: str,
        job_id: str,
        run: IcpRun,
        leads: Sequence[ScoredLead],
        to: tuple[str, ...],
    ) -> Mail:
        shortlist = await shortlist_of(self.icp, tenant, run.thread_id)
        degraded = [reason for lead in leads for reason in lead.company.degraded]
        if shortlist is not None:
            degraded += shortlist.degraded
        listed = len(shortlist.lookalikes) if shortlist is not None else 0
        words = list_mail(leads, listed=listed, degraded=degraded)
        attachment = Attachment(FILE_NAME, "text/csv", csv_file(leads, tenant=tenant))
        return Mail(
            to=to,
            subject=words.subject,
            text=words.text,
            html=words.html,
            message_id=message_id(job_id, self.mail_domain),
            attachments=(attachment,),
        )

    async def _sent(self, mail: Mail) -> tuple[str, str]:
        """(outcome, reason)"""
        try:
            await self.mailer.send(mail, deadline_seconds=MAIL_SECONDS)
        except LookupFailed as failed:
            unknown = failed.reason == "outcome_unknown"
            return (UNKNOWN if unknown else FAILED), failed.reason
        except VendorUnusable as refused:
            none = refused.reason == "not_configured"
            return (NO_CONFIG if none else FAILED), refused.reason
        return SENT, ""

    async def _note(
        self, tenant: str, job_id: str, mark: MailMark, *, expected_version: int | None = None
    ) -> None:
        """Raises StoreError; StaleVersion where another worker is at the same mail."""
        await self.icp.put_document(
            tenant,
            DELIVERY,
            job_id,
            mark.model_dump_json(),
            at=self.clock.now(),
            expected_version=expected_version,
        )

    # --- the CRM ----------------------------------------------------------------------------

    async def crm(self, ctx: JobContext, run: IcpRun, lead: ScoredLead) -> str:
        """See the protocol."""
        return await self.write(ctx.job.tenant, ctx.job.id, run.thread_id, lead)

    async def write(self, tenant: str, job_id: str, thread_id: str, lead: ScoredLead) -> str:
        """A company that the CRM would not take now is noted as due; one that it takes is due no
        more."""
        if not self.has_crm(tenant):
            return NO_CONFIG
        due = Due(
            thread_id=thread_id, job_id=job_id, rank=lead.rank, lookalike=lead.lookalike, reason=""
        )
        try:
            outcome = await self._written_whole(tenant, job_id, lead)
        except (LookupFailed, VendorUnusable) as failed:
            if failed.reason == "not_configured":
                return NO_CONFIG
            log.warning("crm_not_written", job_id=job_id, reason=failed.reason)
            await self.note_due(tenant, due.model_copy(update={"reason": failed.reason}))
            return FAILED
        await self.icp.delete_document(tenant, CRM_DUE, due.key)
        return outcome

    async def note_due(self, tenant: str, due: Due) -> None:
        """One that was due already has been tried once more."""
        before = await self.icp.document(tenant, CRM_DUE, due.key)
        known = Due.read(before.text) if before is not None else None
        tries = known.tries + 1 if known is not None else due.tries
        text = due.model_copy(update={"tries": tries}).model_dump_json()
        await self.icp.put_document(tenant, CRM_DUE, due.key, text, at=self.clock.now())

    async def _written_whole(self, tenant: str, job_id: str, lead: ScoredLead) -> str:
        """A person that the CRM refuses does not keep the lead out."""
        drafts = records.drafts(lead, tenant=tenant, made_by=job_id)
        outcomes = [await self._written(drafts.company)]
        refused = set()
        for contact in drafts.contacts:
            try:
                outcomes.append(await self._written(contact))
            except LookupFailed as failed:
                if failed.reason != "refused_value":
                    raise
                refused.add(contact.external_id)
                log.info("crm_contact_refused", job_id=job_id)
        draft = drafts.lead
        if draft.parent in refused:
            draft = records.under(draft, drafts.company)
        outcomes.append(await self._written(draft))
        # The lead is what was asked for; all that changed besides is an update.
        if outcomes[-1] == CREATED:
            return CREATED
        return UPDATED if set(outcomes) != {UNCHANGED} else UNCHANGED

    async def _written(self, draft: records.Draft) -> str:
        result = await self.crm_port.upsert(_record(draft), deadline_seconds=RECORD_SECONDS)
        if result.created:
            return CREATED
        return UPDATED if any(c.action == "fill" for c in result.changes) else UNCHANGED

    async def preview(self, tenant: str, leads: Sequence[ScoredLead]) -> tuple[CrmChange, ...]:
        """What writing these leads would change; nothing is written. Raises LookupFailed or
        VendorUnusable (not_configured where the tenant has no CRM)."""
        if not self.has_crm(tenant):
            raise VendorUnusable("not_configured", "No CRM is configured.")
        wanted = [
            _record(draft) for lead in leads for draft in records.drafts(lead, tenant=tenant).all
        ]
        return await self.crm_port.preview(wanted, deadline_seconds=PREVIEW_SECONDS)

    def has_crm(self, tenant: str) -> bool:
        return self.crm_port.configured() and not self.crm_tenants.isdisjoint({tenant, "*"})


def _record(draft: records.Draft) -> CrmRecord:
    return CrmRecord(
        model=draft.model,
        external_id=draft.external_id,
        values=draft.values,
        match=draft.match,
        parent=draft.parent,
        parent_field=draft.parent_field,
        note_html=draft.note_html,
    )
