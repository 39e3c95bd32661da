"""`data411-mcp enrich`: one session from the command line, followed to its end."""

from __future__ import annotations

import sys
from typing import Any

import anyio
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from data411_mcp.app import open_services
from data411_mcp.cli import EXIT_FAILED, EXIT_NEEDS_IDENTITY, EXIT_NOTHING_LOOKED_UP
from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.graph import Backfill
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.domain.lead_input import lead_key, parse_lead
from data411_mcp.services.container import Services
from data411_mcp.services.graph_views import session_answer
from data411_mcp.settings import Settings

FOLLOW_SECONDS = 30.0
_QUIET = frozenset({EventName.PAGE_READ})


def run_enrich(
    settings: Settings,
    lead: dict[str, Any],
    *,
    prompts: list[str],
    chat: str | None,
    refresh: bool,
    choice: str | None,
    as_json: bool,
) -> int:
    """Returns the exit code. Raises Data411Error."""
    progress = Console(stderr=True, highlight=False)

    def show(event: ProgressEvent) -> None:
        if event.name not in _QUIET:
            progress.print(f"  {event.message}", markup=False)

    async def session() -> tuple[Backfill, Job, dict[str, Any]]:
        async with open_services(settings) as app:
            started = await app.leads.start(
                app.tenant,
                lead=lead,
                chat_session_id=chat or await _live_chat(app, lead),
                prompts=prompts,
                refresh=refresh,
                identity_choice=choice,
            )
            job, since = started.job, 0

            def follow(event: ProgressEvent) -> None:
                nonlocal since
                since = max(since, event.seq)
                show(event)

            while not job.final and job.status is not JobStatus.WAITING:
                job = await app.runner.wait(
                    app.tenant, job.id, seconds=FOLLOW_SECONDS, emit=follow, since=since
                )
            graph = await app.views.load(app.tenant, job.chat_session_id)
            return graph, job, session_answer(graph, job, started.notices)

    graph, job, answer = anyio.run(session)
    if as_json:
        sys.stdout.write(graph.model_dump_json(by_alias=True, indent=2) + "\n")
    else:
        print_session(Console(highlight=False), graph, answer)
    if job.status is JobStatus.WAITING:
        return EXIT_NEEDS_IDENTITY
    if any(n.code == "NOTHING_LOOKED_UP" for n in graph.notices):
        return EXIT_NOTHING_LOOKED_UP
    return 0 if job.status is JobStatus.DONE else EXIT_FAILED


async def _live_chat(app: Services, lead: dict[str, Any]) -> str | None:
    """Where an interrupted run of this lead still waits: the same command goes on there."""
    key = lead_key(parse_lead(lead))
    return await app.store.live_chat_of_lead(app.tenant, key.text)


def print_session(console: Console, graph: Backfill, answer: dict[str, Any]) -> None:
    """What a salesperson reads: identity, slots, summary, gaps with prices, what was spent."""
    card = answer["identity"]
    console.print(f"\nIdentity: {card['decision']}  {card['name']}", markup=False)
    if card["difference"]:
        console.print(f"  because {card['difference']}", markup=False)
    for anchor in card.get("anchors", []):
        console.print(f"  anchor  {anchor}", markup=False)
    for runner_up in card.get("runners_up", []):
        console.print(f"  not     {runner_up}", markup=False)
    for choice in card.get("choices", []):
        console.print(f"  choice  {choice['id']}  {choice['name']}: {choice['why']}", markup=False)
    for notice in answer["notices"]:
        console.print(f"Notice {notice['code']}: {notice['text']}", markup=False)
    if answer["slots"]:
        console.print(slot_table(graph))
    if graph.summary_markdown:
        console.print(Markdown(graph.summary_markdown))
    if graph.gaps:
        console.print("\nGaps, and what one call costs:")
        for gap in graph.gaps:
            price = f"${gap.price_cents / 100:.2f}" if gap.slot else "no slot can help now"
            console.print(f"  {price:>6}  {gap.text}", markup=False)
    spent = answer["spent"]
    console.print(
        f"\nSpent: ${spent['charged_usd']:.2f} charged; vendors cost ${spent['vendor_usd']:.4f}."
    )
    console.print(f"Chat: {answer['chat_session_id']}", markup=False)


def slot_table(graph: Backfill) -> Table:
    table = Table(box=None, pad_edge=False)
    for head in ("Slot", "State", "Findings", "Proven", "Seconds", "Note"):
        table.add_column(
            head, justify="right" if head in ("Findings", "Proven", "Seconds") else "left"
        )
    for row in graph.tool_trace.parallel_results:
        note = row.reason or ", ".join(row.degraded)
        table.add_row(row.label, row.state, str(row.findings), str(row.proven),
                      f"{row.seconds:.1f}", note)  # fmt: skip
    return table
