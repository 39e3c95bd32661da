"""kill -9 while a run delivers: one mail, one company, one person, one lead."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from data411_mcp.settings import Settings
from data411_mcp.twins.odoo import OdooTwin, running_odoo
from data411_mcp.twins.smtp_server import SmtpTwin, running_smtp
from tests.icp.delivery_child import deliver

ROOT = Path(__file__).resolve().parent.parent.parent
POLL_SECONDS = 0.002
CHILD_SECONDS = 60.0


def asked(twin: OdooTwin, model: str, method: str) -> bool:
    return method in twin.methods(model)


POINTS: dict[str, Callable[[SmtpTwin, OdooTwin], bool]] = {
    "the mail is taken": lambda smtp, _: bool(smtp.received),
    "the mail is out": lambda _, odoo: bool(odoo.calls),
    "the company is made": lambda _, odoo: asked(odoo, "res.partner", "load"),
    "the company's note is written": lambda _, odoo: asked(odoo, "res.partner", "message_post"),
    "the lead is made": lambda _, odoo: asked(odoo, "crm.lead", "load"),
}


@pytest.mark.parametrize("point", POINTS)
async def test_a_worker_killed_while_it_delivers_leaves_one_of_each(
    point: str, tmp_path: Path
) -> None:
    async with running_smtp() as smtp, running_odoo("19.0") as odoo:
        if point == "the mail is taken":
            smtp.mode = "slow"  # so that it dies before it can note what it has done
        arguments = [str(tmp_path), str(smtp.port), odoo.url, odoo.key]
        child = await anyio.open_process(
            [sys.executable, "-m", "tests.icp.delivery_child", *arguments],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        async with child:
            with anyio.fail_after(CHILD_SECONDS):
                while not POINTS[point](smtp, odoo):
                    assert child.returncode is None
                    await anyio.sleep(POLL_SECONDS)
            child.send_signal(signal.SIGKILL)
            await child.wait()
        smtp.mode = "normal"
        settings = Settings.model_validate({"odoo_url": odoo.url, "odoo_api_key": odoo.key})
        mailed, _ = await deliver(tmp_path, smtp.port, settings)
        assert mailed == ("unknown_outcome" if point == "the mail is taken" else "sent")
        assert (await deliver(tmp_path, smtp.port, settings))[1] == "unchanged"
        assert len(smtp.received) == 1
        partners = odoo.rows("res.partner")
        assert sorted(bool(p.get("is_company")) for p in partners) == [False, True]
        (lead,) = odoo.rows("crm.lead")
        for model, record_id in [("res.partner", p["id"]) for p in partners] + [
            ("crm.lead", lead["id"])
        ]:
            assert odoo.notes(model, record_id)
