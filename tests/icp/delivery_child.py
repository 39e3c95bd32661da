"""A worker of a test that is killed while it delivers: the mail, then the CRM."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from data411_mcp.adapters.mail import SmtpAccount, SmtpMailer
from data411_mcp.adapters.odoo import open_crm
from data411_mcp.network import Network
from data411_mcp.services.icp.delivering import ListDeliverer
from data411_mcp.services.ports.icp import IcpSettings
from data411_mcp.settings import Settings
from tests.icp.delivery import CLOCK, RUN, TENANT, a_context, a_lead, a_store


async def deliver(folder: Path, smtp_port: int, settings: Settings) -> list[str]:
    """What a run does at its end, from the first step of it that is not done."""
    mailer = SmtpMailer(SmtpAccount("127.0.0.1", smtp_port, "data411@seller.example"))
    knobs = IcpSettings(notify_recipients={TENANT: ("boss@seller.example",)})
    async with a_store(folder) as store, open_crm(settings, Network()) as crm:
        desk = ListDeliverer(store, CLOCK, mailer, crm, knobs, frozenset({TENANT}))
        lead = a_lead()
        return [await desk.mail(a_context(), RUN, [lead]), await desk.crm(a_context(), RUN, lead)]


if __name__ == "__main__":
    folder, smtp_port, url, key = sys.argv[1:]
    configured = Settings.model_validate({"odoo_url": url, "odoo_api_key": key})
    anyio.run(deliver, Path(folder), int(smtp_port), configured)
