"""Whole sessions against twins in this process, and a small world to run them in.

`lab` opens the product through its composition root; the twins' log says what was bought.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from data411_mcp.app import open_services
from data411_mcp.domain.graph import Backfill, SlotRow, Statement
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.domain.merge import statements_of
from data411_mcp.services.container import Services
from data411_mcp.services.routes import Started
from data411_mcp.settings import Settings
from data411_mcp.twins import load_world, running_twins
from data411_mcp.twins.serve import Twins

ROOT = Path(__file__).resolve().parent.parent.parent
HOOPS = ROOT / "examples" / "worlds" / "hoops"
HOOPS_LEAD = {
    "contact_id": 1737992709,
    "company": "Hoops & Gears and Clark",
    "domain": "hgautotech.com",
    "source_system": "demo_chat",
}
TENANT = "local"
SESSION_SECONDS_MAX = 30.0
POLL_SECONDS = 0.01

PUMP_LEAD = {
    "contact_id": 501,
    "company": "Alder Pump Works",
    "domain": "alderpump.example",
    "city": "Columbus",
    "state": "OH",
    "source_system": "crm",
}
PUMP_HOME = """<html lang="en"><head><title>Alder Pump Works | Columbus, Ohio</title></head><body>
<h1>Alder Pump Works</h1>
<p>Alder Pump Works repairs and installs water pumps for farms, schools and small factories in
and around Columbus, Ohio. We keep parts for all usual makes in stock, and a fitter is on the
road every working day.</p>
<p>Phone: (614) 555-0111</p>
<p><a href="/contact">Contact</a> <a href="/team">Team</a></p>
<footer>Alder Pump Works, 77 Canal Road, Columbus, OH 43215</footer></body></html>
"""
PUMP_CONTACT = """<html lang="en"><head><title>Contact | Alder Pump Works</title></head><body>
<h1>Contact Alder Pump Works</h1>
<p>Our office is open from Monday to Friday between eight and five. Outside these hours please
leave a message and the fitter on duty will call you back as soon as the line is free again.</p>
<p>Address: 77 Canal Road, Columbus, OH 43215</p>
<p>Phone: (614) 555-0111</p><p>E-mail: office@alderpump.example</p></body></html>
"""
PUMP_TEAM = """<html lang="en"><head><title>Team | Alder Pump Works</title></head><body>
<h1>The team of Alder Pump Works</h1>
<p>Everybody here has mended pumps for a living. When you call, you speak to somebody who has
stood in a wet pit and knows what the noise means that your machine has been making of late.</p>
<h3>Nora Alder</h3><p>Owner</p><p>nora.alder@alderpump.example</p>
<h3>Jonas Reed</h3><p>Workshop Manager</p></body></html>
"""
_NOTHING: dict[str, Any] = {
    "people": [], "phones": [], "emails": [], "addresses": [], "links": [], "company": {},
    "contradictions": [],
}  # fmt: skip
NEWS_PAGE = "https://pump-news.example/alder"
NEWS = """<html lang="en"><head><title>Pump News</title></head><body><article>
<h1>Alder Pump Works takes on the city wells</h1>
<p>Alder Pump Works of Columbus, reached at (614) 555-0111, will look after the city wells from
next spring. The contract runs for four years and covers eleven stations on both sides of the
river, said a spokesperson.</p>
<p>Bids go to Milo Sandoval, Estimator at Alder Pump Works, at (614) 555-0133.</p>
</article></body></html>
"""
MODEL_ANSWERS: dict[str, dict[str, Any]] = {
    "data411-hunt-ground": {
        "phones": [
            {"number": "+1 614 555 0111", "kind": "main", "url": "https://alderpump.example/",
             "quote": "Phone: (614) 555-0111"}]},
    "data411-crimson-span": {},
    "data411-hunt-forge": {
        "people": [
            {"name": "Milo Sandoval", "title": "Estimator", "email": None, "phone": None,
             "url": NEWS_PAGE,
             "quote": "Bids go to Milo Sandoval, Estimator at Alder Pump Works"}]},
    "data411-hunt-swift": {
        "phones": [
            {"number": "+1 614 555 0133", "kind": "direct", "url": NEWS_PAGE,
             "quote": "Milo Sandoval, Estimator at Alder Pump Works, at (614) 555-0133"}]},
    "data411-hunt-deep": {},
}  # fmt: skip


def write_rows(path: Path, *rows: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_site(world: Path, host: str, **pages: str) -> None:
    """`index="<html>…"`; a double underscore in a name is a folder."""
    for name, html in pages.items():
        path = world / "sites" / host / (name.replace("__", "/") + ".html")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(html, encoding="utf-8")


def pump_world(world: Path, *, answers: Mapping[str, Any] | None = None) -> Path:
    """One company with three pages, a newspaper, a register row and what the models say."""
    write_site(world, "alderpump.example", index=PUMP_HOME, contact=PUMP_CONTACT, team=PUMP_TEAM)
    write_site(world, "pump-news.example", alder=NEWS)
    write_rows(
        world / "registry" / "gleif.jsonl",
        {"lei": "549300ALDERPUMP00011", "legal_name": "Alder Pump Works LLC", "country": "US",
         "region": "US-OH", "city": "Columbus", "postal_code": "43215",
         "address": ["77 Canal Road"], "status": "ACTIVE"},
    )  # fmt: skip
    write_rows(
        world / "dns.jsonl",
        {"name": "alderpump.example", "type": "MX", "values": ["10 mx.alderpump.example."]},
    )
    said = {**MODEL_ANSWERS, **(answers or {})}
    write_rows(
        world / "llm" / "slots.jsonl",
        *({"slot": slot, "answer": {**_NOTHING, **answer}} for slot, answer in said.items()),
    )
    return world


@dataclass
class Lab:
    """The product, open, and the twins it talks to."""

    app: Services
    twins: Twins

    async def start(self, lead: Mapping[str, Any] | None, **more: Any) -> Started:
        return await self.app.leads.start(TENANT, {"lead": lead, **more})

    async def finish(self, job: Job) -> Job:
        with anyio.fail_after(SESSION_SECONDS_MAX):
            while not job.final and job.status is not JobStatus.WAITING:
                job = await self.app.runner.wait(TENANT, job.id, seconds=SESSION_SECONDS_MAX)
        return job

    async def run(self, lead: Mapping[str, Any] | None, **more: Any) -> Ran:
        started = await self.start(lead, **more)
        job = await self.finish(started.job)
        return Ran(started, job, await self.graph(job.chat_session_id))

    async def graph(self, chat: str) -> Backfill:
        return await self.app.views.load(TENANT, chat)

    def bought(self) -> list[str]:
        """The slots whose model was called, in order, `synthesis` among them."""
        return [slot_of(entry.json) for entry in self.twins.calls("openrouter")]

    def prompt_of(self, slot: str, nth: int = -1) -> str:
        """What the model of a slot was told, the nth time."""
        bodies = [e.json for e in self.twins.calls("openrouter") if slot_of(e.json) == slot]
        return "\n".join(m["content"] for m in bodies[nth]["messages"])


@dataclass(frozen=True)
class Ran:
    started: Started
    job: Job
    graph: Backfill

    @property
    def chat(self) -> str:
        return self.job.chat_session_id

    @property
    def rows(self) -> dict[str, SlotRow]:
        return rows_of(self.graph)

    @property
    def notices(self) -> set[str]:
        return {n.code for n in (*self.graph.notices, *self.started.notices)}


def slot_of(body: Any) -> str:
    return str(body["metadata"]["slot"])


def rows_of(graph: Backfill) -> dict[str, SlotRow]:
    return {r.model_id: r for r in graph.tool_trace.parallel_results}


def proven(graph: Backfill) -> set[tuple[str, str]]:
    return {(s.field.value, s.value) for s in statements_of(graph) if s.status == "proven"}


def statement(graph: Backfill, value: str) -> Statement:
    return next(s for s in statements_of(graph) if s.value == value)


def settings_of(data_dir: Path, twins_file: Path, **more: Any) -> Settings:
    """Of a product that sees only the twins; keys of this machine's environment stay out."""
    keys = dict.fromkeys(("llm_api_key", "jina_api_key", "tavily_api_key"))
    quick = {"host_interval_s": 0.0, "log_level": "ERROR", **keys, **more}
    return Settings(data_dir=data_dir, twins=twins_file, **quick)


@asynccontextmanager
async def lab(
    tmp_path: Path, world: Path = HOOPS, *, rate_limits: bool = False, **more: Any
) -> AsyncIterator[Lab]:
    async with running_twins(load_world(world), rate_limits=rate_limits) as twins:
        twins_file = tmp_path / "twins.json"
        twins.address.write(twins_file)
        async with open_services(settings_of(tmp_path / "data", twins_file, **more)) as app:
            yield Lab(app, twins)


async def until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that shows from outside only: the twins' log, a process, a file."""
    with anyio.fail_after(seconds):
        while not holds():  # noqa: ASYNC110 - nothing outside this process sets an Event
            await anyio.sleep(POLL_SECONDS)
