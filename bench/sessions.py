"""Running whole sessions against a world, in this process, for the benches."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data411_mcp.app import open_services
from data411_mcp.domain.graph import Backfill, Statement
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.domain.merge import statements_of
from data411_mcp.services.container import Services
from data411_mcp.services.graph_edits import SubmittedFinding
from data411_mcp.settings import Settings

SESSION_SECONDS_MAX = 300.0


@dataclass(frozen=True)
class Ran:
    graph: Backfill
    job: Job
    seconds: float


def world_settings(folder: Path, data_dir: str, **more: Any) -> Settings:
    """Settings of a process whose whole network is the world."""
    return Settings(data_dir=Path(data_dir), world=folder, log_level="ERROR", **more)


async def run_lead(app: Services, lead: Mapping[str, Any]) -> Ran:
    began = app.clock.monotonic()
    started = await app.leads.start(app.tenant, {"lead": lead})
    job = started.job
    while not job.final and job.status is not JobStatus.WAITING:
        job = await app.runner.wait(app.tenant, job.id, seconds=30)
        if app.clock.monotonic() - began > SESSION_SECONDS_MAX:
            break
    graph = await app.views.load(app.tenant, job.chat_session_id)
    return Ran(graph, job, app.clock.monotonic() - began)


async def run_world(folder: Path, lead: Mapping[str, Any] | None = None) -> Ran:
    """One session of a world's lead, and what its gold.json wants handed in by the caller."""
    with tempfile.TemporaryDirectory(prefix="data411-bench-") as data_dir:
        async with open_services(world_settings(folder, data_dir)) as app:
            chosen = lead if lead is not None else leads_of(folder)[0]
            ran = await run_lead(app, chosen)
            handed_in = gold_of(folder).get("submit_findings", [])
            if handed_in and ran.job.status is JobStatus.DONE:
                submitted = [_submitted(row) for row in handed_in]
                graph, _ = await app.edits.submit(app.tenant, ran.graph.chat_session_id, submitted)
                ran = Ran(graph, ran.job, ran.seconds)
            return ran


def _submitted(row: Mapping[str, Any]) -> SubmittedFinding:
    names = {"email_address": "email", "employees_est": "employees", "industry_norm": "industry"}
    fields = {k: v for k, v in row.items() if k in SubmittedFinding.model_fields and v is not None}
    fields["field"] = names.get(row["field"], row["field"])
    return SubmittedFinding.model_validate(fields)


def leads_of(folder: Path) -> list[dict[str, Any]]:
    found = json.loads((folder / "lead.json").read_text(encoding="utf-8"))
    return found if isinstance(found, list) else [found]


def gold_of(folder: Path) -> dict[str, Any]:
    path = folder / "gold.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def owner_names(graph: Backfill) -> dict[str, set[str]]:
    """Entity id → every spelling of the person's name, folded."""
    return {e.id: {fold(n) for n in (e.name, *e.aliases)} for e in graph.entities}


def fold(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())


def same_value(statement: Statement, gold: Mapping[str, Any]) -> bool:
    """The statement says what the gold row says; addresses and links compare loosely."""
    if statement.field.value != gold["field"]:
        return False
    if statement.value == gold["value"] or statement.kind == gold["value"]:
        return True
    ours, theirs = fold(statement.value), fold(str(gold["value"]))
    if ours == theirs:
        return True
    if gold["field"] == "address":
        return set(ours.split()) <= set(theirs.split()) or set(theirs.split()) <= set(ours.split())
    if gold["field"] == "link":
        return _bare(statement.value) == _bare(str(gold["value"]))
    return False


def _bare(url: str) -> str:
    return url.split("//")[-1].removeprefix("www.").rstrip("/").casefold()


def said(graph: Backfill, gold: Mapping[str, Any], statuses: set[str]) -> list[Statement]:
    """Statements of these statuses that say the gold row, of the named owner if it names one."""
    names = owner_names(graph)
    owner = fold(str(gold["owner"])) if gold.get("owner") else None
    return [
        s
        for s in statements_of(graph)
        if s.status.value in statuses
        and same_value(s, gold)
        and (owner is None or owner in names.get(s.owner, set()))
    ]
