"""The company's site on a bad day: the Site slot says why, the session goes on without it."""

from __future__ import annotations

import base64
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from data411_mcp.app import open_services
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.domain.merge import statements_of
from data411_mcp.network import TwinAddress
from data411_mcp.twins import http_server, load_world, running_twins
from tests.services.session_world import (
    PUMP_HOME,
    PUMP_LEAD,
    Lab,
    lab,
    proven,
    pump_world,
    settings_of,
)

HOST = "alderpump.example"
SITE, REGISTRY = "data411-site", "data411-registry"
MARKER = "Zweihundertachtzig-Marker"
PDF = base64.b64encode(b"%PDF-1.7\n1 0 obj << /Title (" + MARKER.encode() + b") >>").decode()
BOT_WALL = f"<html><title>Just a moment...</title><p>Checking your browser {MARKER}</p></html>"

# (what the site does, the slot's reason)
BAD_DAYS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "down": ({"kind": "status", "status": 503, "body": MARKER}, {"http_503"}),
    "hangs_up": ({"kind": "reset"}, {"connect"}),
    "cut_short": ({"kind": "reset", "after_bytes": 100}, {"connect"}),
    "silent": ({"kind": "stall"}, {"timeout"}),
    "slow_drip": ({"kind": "drip", "seconds": 0.2}, {"timeout"}),
    "gzip_bomb": ({"kind": "gzip_bomb"}, {"too_large"}),
    "endless": ({"kind": "endless"}, {"too_large", "timeout"}),
    "pdf": ({"kind": "status", "status": 200, "body_base64": PDF,
             "content_type": "application/pdf"}, {"not_text"}),
    "bot_wall": ({"kind": "status", "status": 403, "body": BOT_WALL,
                  "content_type": "text/html"}, {"bot_wall"}),
    "gone": ({"kind": "status", "status": 404, "body": MARKER}, {"not_found"}),
    "empty": ({"kind": "empty"}, {"empty"}),
    "redirects_to_itself": ({"kind": "status", "status": 302, "body": MARKER,
                             "headers": {"location": f"https://{HOST}/"}}, {"redirect_loop"}),
    "redirects_to_the_cloud_metadata": (
        {"kind": "status", "status": 302, "body": MARKER,
         "headers": {"location": "http://169.254.169.254/latest/meta-data/"}}, {"address"}),
}  # fmt: skip


async def run_on(open_lab: Lab, fault: dict[str, Any] | None = None) -> Any:
    if fault is not None:
        open_lab.twins.faults.add({"host": f"*{HOST}", "fault": fault})
    return await open_lab.run(PUMP_LEAD)


@pytest.mark.parametrize("day", BAD_DAYS)
async def test_the_site_slot_says_why_and_the_session_goes_on(
    tmp_path: Path, day: str, capfd: pytest.CaptureFixture[str]
) -> None:
    fault, reasons = BAD_DAYS[day]
    async with lab(
        tmp_path,
        pump_world(tmp_path / "world"),
        jina_enabled=False,
        page_timeout_s=0.4 if "timeout" in reasons else 20,
        respect_robots=False,
        log_level="DEBUG",
    ) as open_lab:
        ran = await run_on(open_lab, fault)
        assert ran.job.status is JobStatus.DONE
        assert ran.rows[SITE].state == "error"
        assert ran.rows[SITE].reason in reasons
        assert ran.rows[REGISTRY].state == "done"
        assert ran.graph.summary_markdown
        assert not [e for e in open_lab.twins.log if e.host == "169.254.169.254"]
    assert MARKER not in ran.graph.model_dump_json()
    assert MARKER not in capfd.readouterr().err


async def test_a_domain_that_does_not_exist_is_a_reason_not_a_crash(tmp_path: Path) -> None:
    lead = {"contact_id": 7, "company": "Quillfeather Foundry", "domain": "no-such-host.example"}
    async with lab(tmp_path, pump_world(tmp_path / "world"), jina_enabled=False) as open_lab:
        ran = await open_lab.run(lead)
        assert ran.rows[SITE].reason == "dns"
        assert ran.job.status is JobStatus.DONE
        assert proven(ran.graph) == set()


async def test_when_the_leads_domain_is_dead_the_site_that_search_finds_is_read(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world"), jina_enabled=False) as open_lab:
        ran = await open_lab.run({**PUMP_LEAD, "domain": "no-such-host.example"})
        assert ("phone", "+16145550111") in proven(ran.graph)
        assert ran.graph.lead.domain == "no-such-host.example"


async def test_while_its_site_is_down_a_newspaper_is_not_taken_for_the_company(
    tmp_path: Path,
) -> None:
    """The search finds an article that names the company and its town."""
    async with lab(tmp_path, pump_world(tmp_path / "world"), jina_enabled=False) as open_lab:
        ran = await run_on(open_lab, {"kind": "status", "status": 503})
        assert [e for e in open_lab.twins.log if e.host == "pump-news.example"]
        assert ran.graph.identity.name == "Alder Pump Works LLC"
        anchors = {a.value for a in ran.graph.identity.anchors}
        assert "GLEIF:549300ALDERPUMP00011" in anchors
        assert "pump-news.example" not in anchors
        assert ("phone", "+16145550133") not in proven(ran.graph)


async def test_a_page_in_a_wrongly_declared_charset_is_read_as_it_is(tmp_path: Path) -> None:
    world = pump_world(tmp_path / "world")
    page = world / "sites" / HOST / "index.html"
    page.write_bytes(PUMP_HOME.replace("fitter is", "fitter, Zoë, is").encode("cp1252"))
    page.with_suffix(".html.headers").write_text("content-type: text/html; charset=utf-8\n")
    async with lab(tmp_path, world, jina_enabled=False) as open_lab:
        ran = await run_on(open_lab)
        assert ran.rows[SITE].state == "done"
        assert ("phone", "+16145550111") in proven(ran.graph)


async def test_one_bad_page_degrades_the_site_and_no_more(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world"), jina_enabled=False) as open_lab:
        open_lab.twins.faults.add(
            {"host": HOST, "path": "/team", "fault": {"kind": "status", "status": 500}}
        )
        ran = await run_on(open_lab)
        assert ran.rows[SITE].state == "done"
        assert ran.rows[SITE].degraded == ("page:http_500",)
        assert ("email_address", "office@alderpump.example") in proven(ran.graph)


async def test_a_site_that_wants_no_machines_is_not_read(tmp_path: Path) -> None:
    world = pump_world(tmp_path / "world")
    robots = world / "sites" / HOST / "robots.txt"
    robots.write_text("User-agent: *\nDisallow: /\n", encoding="utf-8")
    async with lab(tmp_path, world) as open_lab:
        ran = await run_on(open_lab)
        assert ran.rows[SITE].reason == "robots"
        read = {e.path for e in open_lab.twins.log if e.host == HOST}
        assert read <= {"/robots.txt"}
        assert not [e for e in open_lab.twins.calls("jina_reader") if HOST in e.target]


async def test_a_certificate_of_an_unknown_authority_is_never_accepted(tmp_path: Path) -> None:
    """Nothing is read over TLS: not the site, not the registers, not the models."""
    async with running_twins(load_world(pump_world(tmp_path / "world"))) as twins:
        stranger = trustme.CA(organization_name="somebody else")
        address = TwinAddress(
            **{**twins.address.__dict__, "ca_pem": stranger.cert_pem.bytes().decode()}
        )
        assert isinstance(address.network().ssl_context, ssl.SSLContext)
        address.write(tmp_path / "twins.json")
        settings = settings_of(tmp_path / "data", tmp_path / "twins.json")
        async with open_services(settings) as app:
            ran = await Lab(app, twins).run(PUMP_LEAD)
        assert ran.job.status is JobStatus.DONE
        assert ran.rows[REGISTRY].reason
        assert ran.rows["data411-hunt-forge"].state == "error"
        assert {e.vendor for e in twins.log} <= {"web"}


async def test_an_expired_certificate_is_not_accepted_and_the_site_is_read_without_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = http_server.authority().issue_cert

    def certificate(name: str) -> trustme.LeafCert:
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)
        return issued(name, not_after=long_ago) if name.endswith(HOST) else issued(name)

    monkeypatch.setattr(http_server, "_certificate", certificate)  # the twins', not ours
    async with lab(tmp_path, pump_world(tmp_path / "world"), jina_enabled=False) as open_lab:
        ran = await run_on(open_lab)
        assert ran.rows[SITE].state == "done"
        read = {e.url for s in statements_of(ran.graph) for e in s.evidence if HOST in e.url}
        assert {url.split("://")[0] for url in read if not url.startswith("dns:")} == {"http"}
        assert ran.rows["data411-hunt-forge"].state == "done"
