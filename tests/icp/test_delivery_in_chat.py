"""From the chat to the mailbox and into Odoo, through one server."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from data411_mcp.domain.hosts import registrable_domain
from data411_mcp.services.container import Services
from data411_mcp.twins.odoo import OdooFaultRow, OdooTwin, running_odoo
from data411_mcp.twins.smtp_server import SmtpTwin, running_smtp
from tests.icp.market_site import User, market, user

BOSS = "boss@tallship.example"


@dataclass
class Office:
    user: User
    smtp: SmtpTwin
    odoo: OdooTwin
    app: Services


@asynccontextmanager
async def office(folder: Path) -> AsyncIterator[Office]:
    async with (
        running_smtp() as smtp,
        running_odoo("19.0") as odoo,
        market(
            folder,
            smtp_host="127.0.0.1",
            smtp_port=smtp.port,
            smtp_starttls="off",
            smtp_from="Data411 <lists@seller.example>",
            notify_recipients={"*": (BOSS,)},
            odoo_url=odoo.url,
            odoo_api_key=SecretStr(odoo.key),
            odoo_tenants=("*",),
        ) as site,
        user(site) as person,
    ):
        yield Office(person, smtp, odoo, site.app)


async def test_the_list_is_mailed_once_and_every_company_is_in_the_crm_once(
    tmp_path: Path,
) -> None:
    async with office(tmp_path) as desk:
        await desk.user.planned()
        await desk.user.enrich()
        turn = await desk.user.until("done")
        exported = await desk.user.client.get("/export/latest_scores.csv")
    (mail,) = desk.smtp.received
    assert mail.recipients == (BOSS,)
    assert mail.sender == "lists@seller.example"
    (file,) = mail.message.iter_attachments()
    content = file.get_payload(decode=True)
    assert isinstance(content, bytes)
    sent = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert mail.message["Subject"] == f"Your shortlist is ready — {len(sent)} leads"
    # The next companies are under way by now and come after the ten.
    listed = list(csv.DictReader(io.StringIO(exported.text, newline="")))
    assert listed[: len(sent)] == sent
    leads = [registrable_domain(row["website"]) for row in desk.odoo.rows("crm.lead")]
    assert len(leads) == len(set(leads))
    assert {row["domain"] for row in sent} <= set(leads)
    assert turn["job"]["status"] == "done"


@pytest.mark.lengthy
async def test_what_could_not_be_delivered_in_the_evening_is_there_the_next_morning(
    tmp_path: Path,
) -> None:
    async with office(tmp_path) as desk:
        desk.odoo.faults.append(OdooFaultRow(status=500, times=10_000))
        await desk.user.planned()
        await desk.user.enrich()
        await desk.user.until("done")
        exported = await desk.user.client.get("/export/latest_scores.csv")
        assert desk.odoo.rows("crm.lead") == []
        desk.odoo.faults.clear()
        report = await desk.app.nightly.run(tenant="acme")
    top = [row["domain"] for row in csv.DictReader(io.StringIO(exported.text, newline=""))][:10]
    leads = [registrable_domain(row["website"]) for row in desk.odoo.rows("crm.lead")]
    assert report.late_companies >= len(top) > 0
    assert set(top) <= set(leads)
    assert len(leads) == len(set(leads))


async def test_a_list_is_not_mailed_to_whom_the_configuration_does_not_name(
    tmp_path: Path,
) -> None:
    async with office(tmp_path) as desk:
        await desk.user.planned()
        refused = await desk.user.enrich(403, notify_email="thief@evil.example")
        assert refused["code"] == "RECIPIENT_NOT_ALLOWED"
        assert "thief" not in str(refused)
    assert desk.smtp.received == []
    assert desk.odoo.rows("crm.lead") == []
