"""Companies straight from the imported register: each live one that was not enriched lately is
handed in as a lead of its own. It goes on where the last call ended."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from data411_mcp.domain.jobs import BATCH
from data411_mcp.errors import CallerError, ChatBusy
from data411_mcp.services.enrichment import Enrichment
from data411_mcp.services.ports import Clock
from data411_mcp.services.ports.icp import AcraEntity, IcpStore
from data411_mcp.services.routes import Terms

POSITION = "acra_direct"  # kind of document: the filter → the last UEN that was dealt with
HANDED = "acra_handed"  # kind of document: UEN → when, and how it went
RECHECK_DAYS = 30
LIMIT_MAX = 1000
SCAN_ROWS = 200
ROWS_MAX = 50_000  # looked at by one call
FAILURES_MAX = 5  # in a row: then the call ends, and the next one begins with them

LEAD_SOURCE = "acra_direct"

HandIn = Callable[[AcraEntity], Awaitable[str]]

log = structlog.get_logger(__name__)


@dataclass
class AcraDirectReport:
    handed_in: int = 0
    recent: int = 0
    dissolved: int = 0
    other: int = 0  # another industry than asked for
    failed: int = 0
    last_uen: str = ""
    complete: bool = False  # the register's end was reached; the next call begins anew
    empty: bool = False  # no register is imported


@dataclass
class AcraDirect:
    """`hand_in` takes one company and returns its job's id; it raises CallerError (no money, for
    one) where nothing was begun."""

    icp: IcpStore
    clock: Clock
    hand_in: HandIn
    recheck_days: int = RECHECK_DAYS

    async def run(
        self, tenant: str, *, limit: int, ssic: str = "", restart: bool = False
    ) -> AcraDirectReport:
        """At most `limit` companies, of industries whose code begins with `ssic`. What could not
        be handed in is recorded as failed, and tried again when the register is gone through
        once more. Raises StoreError."""
        report = AcraDirectReport(last_uen="" if restart else await self._position(tenant, ssic))
        looked, in_a_row, sure = 0, 0, report.last_uen
        while report.handed_in < limit and looked < ROWS_MAX and in_a_row < FAILURES_MAX:
            rows = await self.icp.acra_after(report.last_uen, limit=SCAN_ROWS)
            if not rows:
                report.empty = not report.last_uen
                report.complete, report.last_uen, in_a_row = True, "", 0
                break
            for entity in rows:
                if report.handed_in >= limit or in_a_row >= FAILURES_MAX:
                    break
                looked += 1
                failed = await self._one(tenant, entity, ssic, report)
                in_a_row = in_a_row + 1 if failed else 0
                report.last_uen = entity.uen
                sure = sure if failed else entity.uen
            await self._save(tenant, ssic, sure)
        if in_a_row >= FAILURES_MAX:
            report.last_uen = sure  # nothing can be handed in now, whoever it is: no money, say
        await self._save(tenant, ssic, report.last_uen)
        log.info("acra_direct", handed_in=report.handed_in, recent=report.recent,
                 dissolved=report.dissolved, failed=report.failed)  # fmt: skip
        return report

    async def _one(
        self, tenant: str, entity: AcraEntity, ssic: str, report: AcraDirectReport
    ) -> bool:
        """Whether it was to be handed in and could not be."""
        if not entity.live:
            report.dissolved += 1
        elif not entity.ssic_code.startswith(ssic):
            report.other += 1
        elif await self._recent(tenant, entity.uen):
            report.recent += 1
        else:
            try:
                job_id = await self.hand_in(entity)
            except ChatBusy:
                report.recent += 1  # it is being enriched right now
            except CallerError as error:
                report.failed += 1
                await self._note(tenant, entity.uen, state="failed", reason=error.code.lower())
                return True
            else:
                report.handed_in += 1
                await self._note(tenant, entity.uen, state="done", job_id=job_id)
        return False

    async def _recent(self, tenant: str, uen: str) -> bool:
        """Handed in with success within the last days; a failure is not recent."""
        found = await self.icp.document(tenant, HANDED, uen)
        if found is None or json.loads(found.text)["state"] != "done":
            return False
        at = datetime.fromisoformat(json.loads(found.text)["at"])
        return at > self.clock.now() - timedelta(days=self.recheck_days)

    async def _note(self, tenant: str, uen: str, **more: str) -> None:
        now = self.clock.now()
        text = json.dumps({"at": now.isoformat()} | more)
        await self.icp.put_document(tenant, HANDED, uen, text, at=now)

    async def _position(self, tenant: str, ssic: str) -> str:
        found = await self.icp.document(tenant, POSITION, ssic or "all")
        return str(json.loads(found.text)["last_uen"]) if found is not None else ""

    async def _save(self, tenant: str, ssic: str, last_uen: str) -> None:
        text = json.dumps({"last_uen": last_uen})
        await self.icp.put_document(tenant, POSITION, ssic or "all", text, at=self.clock.now())


def lead_jobs_for(leads: Enrichment, clock: Clock, tenant: str) -> HandIn:
    """Hands each company in as a lead session of its own, whose site is looked for as a lead's
    is. One chat to a company, and one job to a company and month."""

    async def hand_in(entity: AcraEntity) -> str:
        month = clock.now().strftime("%Y-%m")
        lead = {
            "company": entity.name,
            "street": entity.street or None,
            "city": "Singapore",
            "zip": entity.postal_code or None,
            "source_system": LEAD_SOURCE,
        }
        chat = f"acra-{entity.uen.lower()}"
        payload = {
            "chat_session_id": chat,
            "lead": {name: value for name, value in lead.items() if value is not None},
        }
        terms = Terms(priority=BATCH, idempotency_key=f"acra-direct:{entity.uen}:{month}")
        return (await leads.start(tenant, payload, terms)).job.id

    return hand_in
