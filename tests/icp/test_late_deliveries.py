"""What a run could not deliver is delivered at night, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from data411_mcp.adapters.mail import SmtpAccount, SmtpMailer
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.domain.icp.acra import name_key
from data411_mcp.domain.icp.values import EnrichedCompany, ScoredLead
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.services.forgetting import Forgetting
from data411_mcp.services.graph_writer import GraphWriter
from data411_mcp.services.icp.delivering import CRM_DUE, ListDeliverer
from data411_mcp.services.icp.late_deliveries import (
    CRM_TRIES_MAX,
    MAIL_TRIES_MAX,
    LateDeliveries,
    LateReport,
)
from data411_mcp.services.icp.nightly import Nightly
from data411_mcp.services.icp.parts import COMPANY, SHORTLIST, Shortlist, without_people
from data411_mcp.services.ports.icp import AcraEntity, IcpSettings
from data411_mcp.twins.odoo import OdooFaultRow, OdooTwin, running_odoo
from data411_mcp.twins.smtp_server import SmtpTwin, running_smtp
from tests.icp.delivery import CLOCK, NOW, RUN, TENANT, a_context, a_store
from tests.icp.odoo_contract import Office
from tests.icp.test_odoo import office_of

BOSS = "boss@seller.example"


@dataclass
class Graphs:
    """The people of companies, as the enricher reads them from their graphs."""

    companies: dict[str, EnrichedCompany]

    async def company(self, tenant: str, stub: EnrichedCompany) -> EnrichedCompany:
        found = self.companies[stub.domain]
        return found.model_copy(update={"uen": stub.uen})


@dataclass
class Evening:
    store: SqliteStore
    smtp: SmtpTwin
    odoo: OdooTwin
    office: Office
    deliverer: ListDeliverer
    late: LateDeliveries
    graphs: Graphs

    async def listed(self, *leads: ScoredLead, job_id: str = "job-1") -> None:
        """The run's job, its list and its companies, as the run leaves them."""
        job = replace(a_context(job_id).job, status=JobStatus.QUEUED, payload=RUN.model_dump_json())
        await self.store.add_job(job)
        likes = tuple(lead.lookalike for lead in leads)
        made = Shortlist(thread_id=RUN.thread_id, job_id=job_id, made_at=NOW, lookalikes=likes)
        await self.store.put_document(
            TENANT, SHORTLIST, RUN.thread_id, made.model_dump_json(), at=NOW
        )
        for lead in leads:
            self.graphs.companies[lead.company.domain] = lead.company
            await self.store.put_document(
                TENANT, COMPANY, lead.company.domain,
                without_people(lead.company).model_dump_json(), at=NOW,
            )  # fmt: skip

    async def due(self) -> list[str]:
        return [d.key for d in await self.store.documents(TENANT, CRM_DUE)]


@pytest.fixture
async def evening(tmp_path: Path) -> AsyncIterator[Evening]:
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(a_store(tmp_path))
        smtp = await stack.enter_async_context(running_smtp())
        odoo = await stack.enter_async_context(running_odoo("19.0"))
        office = await stack.enter_async_context(office_of(odoo))
        account = SmtpAccount("127.0.0.1", smtp.port, "data411@seller.example")
        deliverer = ListDeliverer(
            store, CLOCK, SmtpMailer(account, retry_factor=0.01), office.crm,
            IcpSettings(notify_recipients={TENANT: (BOSS,)}), frozenset({TENANT}),
            mail_domain="seller.example",
        )  # fmt: skip
        graphs = Graphs({})
        late = LateDeliveries(store, store, graphs, deliverer)  # type: ignore[arg-type]
        yield Evening(store, smtp, odoo, office, deliverer, late, graphs)


def down(odoo: OdooTwin) -> None:
    odoo.faults.append(OdooFaultRow(status=500, times=999))


async def test_a_company_that_the_crm_did_not_take_is_there_the_next_day(evening: Evening) -> None:
    lead = evening.office.lead()
    await evening.listed(lead)
    down(evening.odoo)
    assert await evening.deliverer.crm(a_context(), RUN, lead) == "failed"
    assert await evening.late.run(TENANT) == LateReport(waiting=1)
    evening.odoo.faults.clear()
    assert await evening.late.run(TENANT) == LateReport(written=1)
    assert len(await evening.office.opportunities("name")) == 1
    assert [p["name"] for p in await evening.office.people("name")] == ["Jane Tan"]
    assert await evening.late.run(TENANT) == LateReport()


async def test_whoever_was_erased_meanwhile_is_not_written(evening: Evening) -> None:
    lead = evening.office.lead()
    await evening.listed(lead)
    down(evening.odoo)
    await evening.deliverer.crm(a_context(), RUN, lead)
    (due,) = await evening.store.documents(TENANT, CRM_DUE)
    assert "Jane" not in due.text
    assert "jane" not in due.text
    nobody = lead.company.model_copy(update={"contacts": ()})
    evening.graphs.companies[lead.company.domain] = nobody
    evening.odoo.faults.clear()
    assert (await evening.late.run(TENANT)).written == 1
    assert await evening.office.people("name") == []


async def test_a_replay_that_succeeds_owes_nothing(evening: Evening) -> None:
    lead = evening.office.lead()
    down(evening.odoo)
    await evening.deliverer.crm(a_context(), RUN, lead)
    assert await evening.due() == [f"{RUN.thread_id}:{lead.company.domain}"]
    evening.odoo.faults.clear()
    assert await evening.deliverer.crm(a_context(), RUN, lead) == "created"
    assert await evening.due() == []


async def test_a_crm_that_stays_away_is_given_up_and_not_asked_for_every_company(
    evening: Evening,
) -> None:
    leads = [evening.office.lead(domain=f"{n}-{evening.office.domain}") for n in range(5)]
    await evening.listed(*leads)
    down(evening.odoo)
    for lead in leads:
        await evening.deliverer.crm(a_context(), RUN, lead)
    asked = len(evening.odoo.calls)
    assert await evening.late.run(TENANT) == LateReport(waiting=5)
    assert len(evening.odoo.calls) - asked == 3  # three companies, and no more of them
    for _ in range(2 * CRM_TRIES_MAX):
        await evening.late.run(TENANT)
    assert await evening.due() == []


async def test_companies_that_the_crm_refuses_do_not_keep_the_others_waiting(
    evening: Evening,
) -> None:
    leads = [evening.office.lead(domain=f"{n}-{evening.office.domain}") for n in range(5)]
    await evening.listed(*leads)
    down(evening.odoo)
    for lead in leads:
        await evening.deliverer.crm(a_context(), RUN, lead)
    evening.odoo.faults.clear()

    def picky(model: str, values: dict[str, Any]) -> str | None:
        website = str(values.get("website", ""))
        return "no" if website.startswith(("https://0-", "https://1-", "https://2-")) else None

    evening.odoo.records.checks.append(picky)
    assert await evening.late.run(TENANT) == LateReport(written=2, waiting=3)


async def test_a_list_that_the_server_refused_for_now_is_mailed_at_night_and_once(
    evening: Evening,
) -> None:
    leads = [evening.office.lead()]
    await evening.listed(*leads)
    evening.smtp.mode = "421"
    assert await evening.deliverer.mail(a_context(), RUN, leads) == "failed"
    evening.smtp.mode = "normal"
    assert await evening.late.run(TENANT) == LateReport(mailed=1)
    assert await evening.late.run(TENANT) == LateReport()
    (mail,) = evening.smtp.received
    assert mail.recipients == (BOSS,)
    assert "Jane Tan" in mail.message.get_body(("plain",)).get_content()  # type: ignore[union-attr]


@pytest.mark.parametrize("mode", ["550", "drop_after_data"])
async def test_a_list_that_was_refused_or_may_be_out_is_not_mailed_at_night(
    evening: Evening, mode: str
) -> None:
    leads = [evening.office.lead()]
    await evening.listed(*leads)
    evening.smtp.mode = mode  # type: ignore[assignment]
    assert await evening.deliverer.mail(a_context(), RUN, leads) != "sent"
    evening.smtp.mode = "normal"
    before = len(evening.smtp.received)
    assert await evening.late.run(TENANT) == LateReport()
    assert len(evening.smtp.received) == before


async def test_a_list_that_cannot_be_mailed_for_days_is_given_up(evening: Evening) -> None:
    leads = [evening.office.lead()]
    await evening.listed(*leads)
    evening.smtp.mode = "421"
    await evening.deliverer.mail(a_context(), RUN, leads)
    told = [(await evening.late.run(TENANT)).waiting for _ in range(MAIL_TRIES_MAX + 1)]
    assert sum(told) == MAIL_TRIES_MAX - 1


async def test_a_list_that_was_made_anew_is_not_mailed_in_its_old_form(evening: Evening) -> None:
    leads = [evening.office.lead()]
    await evening.listed(*leads)
    evening.smtp.mode = "421"
    await evening.deliverer.mail(a_context(), RUN, leads)
    evening.smtp.mode = "normal"
    newer = Shortlist(
        thread_id=RUN.thread_id, job_id="job-2", made_at=NOW, lookalikes=(leads[0].lookalike,)
    )
    await evening.store.put_document(
        TENANT, SHORTLIST, RUN.thread_id, newer.model_dump_json(), at=NOW
    )
    assert await evening.late.run(TENANT) == LateReport()
    assert evening.smtp.received == []


async def test_a_number_that_the_register_gave_at_night_enters_the_crm(evening: Evening) -> None:
    lead = evening.office.lead(uen="", chat_session_id="")
    await evening.listed(lead)
    assert await evening.deliverer.crm(a_context(), RUN, lead) == "created"
    row = AcraEntity(
        uen="201900001K", name=lead.company.legal_name.upper(), status="Live Company", live=True
    )
    await evening.store.add_acra([row], keys=[name_key(row.name)])
    writer = GraphWriter(evening.store, Forgetting(evening.store, CLOCK, b"k" * 32), CLOCK)
    nightly = Nightly(evening.store, evening.store, None, writer, CLOCK, late=evening.late)
    report = await nightly.run()
    assert (report.outcomes, report.late_companies) == ({"anchored": 1}, 1)
    assert (await evening.office.company("company_registry"))["company_registry"] == row.uen
    assert len(await evening.office.opportunities("name")) == 1
    assert (await nightly.run()).late_companies == 0
