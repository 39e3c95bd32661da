"""Lookalikes of every sort for the enricher, against the twins: one whose pages say everything,
one without people, one that LinkedIn hides, dead and empty ones.

`open_enricher` opens the product and puts an enricher beside it, as the composition root does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pydantic import SecretStr

from data411_mcp.adapters.fast_reader import FastWebReader
from data411_mcp.adapters.http import open_client
from data411_mcp.adapters.vendors.apify import Apify
from data411_mcp.adapters.vendors.email_verifiers import email_verifier
from data411_mcp.domain.events import ProgressEvent
from data411_mcp.domain.graph import Backfill
from data411_mcp.domain.icp.reflection import Decisions
from data411_mcp.domain.icp.run import ICP_RUN, IcpRun
from data411_mcp.domain.icp.values import EnrichedCompany, Intake, Lookalike
from data411_mcp.domain.jobs import Job, JobStatus, SlotRequest
from data411_mcp.network import TwinAddress
from data411_mcp.services.icp.enriching.company import chat_of
from data411_mcp.services.icp.enriching.enricher import CompanyEnricher
from data411_mcp.services.ports import JobContext
from data411_mcp.services.ports.icp import IcpSettings, IcpStore
from tests.services.session_world import (
    PUMP_CONTACT,
    PUMP_HOME,
    PUMP_TEAM,
    TENANT,
    Lab,
    lab,
    settings_of,
    write_rows,
    write_site,
)

ALDER, BROOK, CEDAR, DRUM = (
    f"{name}.example" for name in ("alderpump", "brookvalve", "cedargate", "drumlin")
)
PARKED, GONE = "parkedvalve.example", "gonevalve.example"
BROOK_HOME = """<html lang="en"><head><title>Brook Valve Company | Dayton, Ohio</title></head><body>
<h1>Brook Valve Company</h1>
<p>Brook Valve Company makes bronze and steel valves for waterworks and breweries. Orders leave the
foundry within a week, and every valve is tested at twice the pressure that it will ever see.</p>
<p>Phone: (937) 555-0120</p>
<p><a href="/contact">Contact</a> <a href="/products">Products</a></p>
<footer>Brook Valve Company, 12 Foundry Lane, Dayton, OH 45402</footer></body></html>
"""
BROOK_CONTACT = """<html lang="en"><head><title>Contact | Brook Valve Company</title></head><body>
<h1>Contact Brook Valve Company</h1>
<p>Please use the form below. Somebody from the sales desk answers within one working day, and on
the same day when you tell us that a valve of yours is leaking.</p>
<p>Phone: (937) 555-0120</p></body></html>
"""
_PARKED = """<html><head><title>parkedvalve.example</title></head><body>
<h1>parkedvalve.example</h1><p>This domain is for sale. Buy this domain. Related searches: valves,
pumps. The domain owner may be contacted through the parking service.</p></body></html>"""


def site_of(name: str) -> dict[str, str]:
    """Home and contact page of a company that names nobody and gives no e-mail."""
    return {
        "index": BROOK_HOME.replace("Brook Valve Company", name),
        "contact": BROOK_CONTACT.replace("Brook Valve Company", name),
    }


def person(company: str, first: str, last: str, title: str, **more: Any) -> dict[str, Any]:
    return {"company": company, "first_name": first, "last_name": last, "title": title, **more}


def enriching_world(world: Path) -> Path:
    write_site(world, ALDER, index=PUMP_HOME, contact=PUMP_CONTACT, team=PUMP_TEAM)
    write_site(world, BROOK, **site_of("Brook Valve Company"))
    write_site(world, CEDAR, **site_of("Cedar Gate Works"))
    write_site(world, DRUM, **site_of("Drumlin Castings"))
    write_site(world, PARKED, index=_PARKED)
    write_rows(
        world / "dns.jsonl",
        *(
            {"name": name, "type": "MX", "values": [f"10 mx.{name}."]}
            for name in (ALDER, BROOK, CEDAR, DRUM)
        ),
    )
    write_rows(
        world / "linkedin" / "companies.jsonl",
        {"slug": "brook-valve", "name": "Brook Valve Company", "domains": [BROOK],
         "region": "sg", "website": f"https://www.{BROOK}/"},
        {"slug": "cedar-gate", "name": "Cedar Gate Works", "domains": [CEDAR], "run": "empty"},
    )  # fmt: skip
    write_rows(
        world / "linkedin" / "people.jsonl",
        person("brook-valve", "Tess", "Orchard", "Managing Director", slug="t-orch-9",
               emails=[f"torch@{BROOK}"], city="Dayton", country_code="US"),
        person("brook-valve", "Anders", "Moe", "Foundry Manager", emails=[f"amoe@{BROOK}"],
               slug="anders-moe-1985"),
        person("brook-valve", "Paul", "Leaver", "Buyer", left=True),
        person("brook-valve", "", "", "Fitter", hidden=True),
        person("cedar-gate", "Iris", "Vann", "Owner", found_by="search"),
    )  # fmt: skip
    write_rows(
        world / "mailboxes.jsonl",
        {"address": f"torch@{BROOK}", "state": "valid"},
        {"address": f"amoe@{BROOK}", "state": "invalid"},
    )
    return world


@dataclass
class Told:
    """The context of a job that no runner runs: its steps outlive it, as a store's would."""

    steps: dict[str, str] = field(default_factory=dict)
    events: list[ProgressEvent] = field(default_factory=list)

    def ctx(self, job_id: str = "job-1") -> JobContext:
        known = dict(self.steps)

        async def checkpoint(step: str, outcome: str, settles: SlotRequest | None = None) -> None:
            self.steps[step] = known[step] = outcome

        return JobContext(
            job=job(job_id), emit=self.events.append, checkpoint=checkpoint, checkpoints=known
        )

    @property
    def messages(self) -> list[str]:
        return [event.message for event in self.events]


def job(job_id: str) -> Job:
    from data411_mcp.adapters.clock import SystemClock

    now = SystemClock().now()
    return Job(
        id=job_id, tenant=TENANT, route=ICP_RUN, chat_session_id="thread-1", lead_key="",
        payload="{}", status=JobStatus.RUNNING, created_at=now, updated_at=now,
        idempotency_key=job_id,
    )  # fmt: skip


def like(domain: str, name: str = "") -> Lookalike:
    return Lookalike(domain=domain, name=name, score=80, bucket="A", why="matches", snippet="")


RUN = IcpRun(thread_id="thread-1", intake=Intake(), approved=True)


@dataclass
class EnricherLab:
    lab: Lab
    enricher: CompanyEnricher
    told: Told = field(default_factory=Told)

    async def enrich(self, domain: str, name: str = "", **decisions: Any) -> EnrichedCompany:
        return await self.enricher.enrich(
            self.told.ctx(), RUN, like(domain, name), Decisions(**decisions)
        )

    async def graph(self, domain: str) -> Backfill:
        return await self.lab.graph(chat_of(domain))

    @property
    def icp(self) -> IcpStore:
        return cast(IcpStore, self.lab.app.store)

    def asked(self, path: str) -> list[str]:
        """Paths that the vendors were asked for, those that hold `path`."""
        return [e.path for e in self.lab.twins.log if path in e.path]


@asynccontextmanager
async def open_enricher(
    tmp_path: Path,
    world: Path | None = None,
    *,
    icp: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> AsyncIterator[EnricherLab]:
    folder = world or enriching_world(tmp_path / "world")
    keys = {
        "apify_token": SecretStr("apify_api_token"),
        "zerobounce_key": SecretStr("zb-key"),
        **(settings or {}),
    }
    async with lab(tmp_path, folder, **keys) as opened:
        used = settings_of(tmp_path / "data", tmp_path / "twins.json", **keys)
        network = TwinAddress.read(tmp_path / "twins.json").network()
        async with open_client(network, used) as http:
            app = opened.app
            store = cast(Any, app.store)
            reader = FastWebReader(http, store, used, app.clock, TENANT)
            apify = Apify(http, store, store, app.clock, used, TENANT)
            enricher = CompanyEnricher(
                setup=app.leads.setup,
                icp=store,
                reader=reader.for_tenant,
                people=apify.for_tenant,
                verifier=email_verifier(http, app.clock, used),
                settings=IcpSettings(**(icp or {})),
            )
            yield EnricherLab(opened, enricher)
