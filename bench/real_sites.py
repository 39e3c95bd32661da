"""Whole keyless sessions over real pages, served under their own hosts by the twins.

`python -m bench.real_sites CASES [--limit 50]`: CASES is `labelled_dev.jsonl.gz`, or
`spans_dev.jsonl.gz` with the HTML in a tar beside it. Every proven value's quote is looked up
again, by the bench, in the stored page at its offsets.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio

from bench.report import emit, median, percentile
from bench.sessions import run_lead, world_settings
from data411_mcp.app import open_services
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.domain.merge import statements_of
from data411_mcp.services.container import Services


def cases(path: Path) -> Iterator[dict[str, Any]]:
    """`{id, url, html, labels?}` with the HTML itself."""
    opener = gzip.open if path.suffix == ".gz" else open
    archive = path.with_name("html_dev.tar.gz")
    with opener(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    if rows and rows[0].get("html", "").lstrip().startswith("<"):
        yield from rows
        return
    with tarfile.open(archive) as tar:
        for row in rows:
            member = next((m for m in tar.getmembers() if m.name.endswith(row["html"])), None)
            file = tar.extractfile(member) if member else None
            if file is not None:
                yield row | {"html": file.read().decode("utf-8", "replace")}


def build_world(rows: list[dict[str, Any]], folder: Path) -> list[dict[str, Any]]:
    """A world that serves each page at its own address; one lead a host."""
    leads: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(rows):
        url = row.get("url") or f"http://page-{number}.example/"
        parts = urlsplit(url)
        host = (parts.hostname or f"page-{number}.example").lower()
        path = parts.path.strip("/") or "index"
        if parts.query or len(path) > 100 or not path.isascii():
            path = f"page-{number}"
        path = path.removesuffix(".html").removesuffix(".htm")
        file = folder / "sites" / host / f"{path}.html"
        if any(p.is_file() for p in file.parents):
            file = folder / "sites" / host / f"page-{number}.html"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(row["html"], encoding="utf-8")
        home = folder / "sites" / host / "index.html"
        if not home.exists():
            home.write_text(row["html"], encoding="utf-8")
        labels = row.get("labels", {})
        lead = {"contact_id": number, "domain": host}
        if labels.get("company"):
            lead["company"] = labels["company"]
        leads.setdefault(host, lead)
    (folder / "world.json").write_text(json.dumps({"name": "real pages"}), encoding="utf-8")
    return list(leads.values())


async def measure(path: Path, limit: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="data411-real-") as root:
        folder = Path(root) / "world"
        folder.mkdir()
        leads = build_world(list(cases(path)), folder)[:limit]
        settings = world_settings(
            folder, str(Path(root) / "data"), twin_llm_key=False, twin_rate_limits=False
        )
        async with open_services(settings) as app:
            rows = [await _session(app, lead) for lead in leads]
    facts: Counter[str] = Counter()
    for row in rows:
        facts.update(row["facts"])
    finished = sum(r["finished"] for r in rows)
    quotes = sum(r["quotes"] for r in rows)
    wrong = sum(r["wrong_quotes"] for r in rows)
    seconds = [r["seconds"] for r in rows]
    return {
        "ours": {
            "sessions": len(rows),
            "finished": finished,
            "quotes": quotes,
            "quotes_not_found_again": wrong,
            "seconds_p50": round(median(seconds), 3),
            "seconds_p95": round(percentile(seconds, 0.95), 3),
            "proven_by_field": dict(facts.most_common()),
            "decisions": Counter(r["decision"] for r in rows),
        },
        "ok": {"finished": finished == len(rows), "quotes": wrong == 0},
        "not_finished": [r["domain"] for r in rows if not r["finished"]],
        "not_clear": [
            (r["domain"], r["decision"], r["difference"]) for r in rows if r["decision"] != "clear"
        ],
    }


async def _session(app: Services, lead: dict[str, Any]) -> dict[str, Any]:
    ran = await run_lead(app, lead)
    card = ran.graph.identity
    if ran.job.status is JobStatus.WAITING:  # the user says: yes, the one whose site this is
        started = await app.leads.start(
            app.tenant,
            {
                "lead": lead,
                "chat_session_id": ran.graph.chat_session_id,
                "identity_choice": card.choices[0].id if card.choices else "none",
            },
        )
        job = started.job
        while not job.final and job.status is not JobStatus.WAITING:
            job = await app.runner.wait(app.tenant, job.id, seconds=30)
        graph = await app.views.load(app.tenant, job.chat_session_id)
    else:
        job, graph = ran.job, ran.graph
    facts: Counter[str] = Counter()
    quotes = wrong = 0
    for s in statements_of(graph):
        if s.status.value != "proven":
            continue
        facts[s.field.value] += 1
        for e in s.evidence:
            quotes += 1
            page = await app.store.page(app.tenant, e.page_sha256)
            if page is None or page.text[e.start : e.end] != e.quote:
                wrong += 1
    return {
        "domain": lead["domain"],
        "finished": job.status is JobStatus.DONE,
        "facts": facts,
        "quotes": quotes,
        "wrong_quotes": wrong,
        "seconds": ran.seconds,
        "decision": card.decision,
        "difference": card.difference,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", type=Path)
    parser.add_argument("--limit", type=int, default=50)
    options = parser.parse_args()
    emit(anyio.run(measure, options.cases, options.limit))
