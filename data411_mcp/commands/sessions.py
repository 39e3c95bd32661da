"""Runs from the command line, followed to their end: a session, and the follow-ups of its chat."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import anyio
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from data411_mcp.app import open_services
from data411_mcp.commands.hints import as_commands
from data411_mcp.commands.interrupts import until_interrupted
from data411_mcp.commands.shell import (
    EXIT_FAILED,
    EXIT_NEEDS_IDENTITY,
    EXIT_NOTHING_LOOKED_UP,
)
from data411_mcp.domain.calls import spelled
from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.graph import Backfill
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.domain.lead_input import lead_key, parse_lead
from data411_mcp.errors import NotFound
from data411_mcp.services.answers import answer_of, cost_line
from data411_mcp.services.container import Services
from data411_mcp.services.jobs_api import JobsApi
from data411_mcp.services.payloads import (
    FINDING_RERUN,
    LEAD_SESSION,
    SLOT_RERUN,
    SLOTS_RERUN,
    SYNTHESIZE_PATCH,
)
from data411_mcp.services.requests import bind_session
from data411_mcp.services.routes import Started, Terms
from data411_mcp.settings import Settings

FOLLOW_SECONDS = 30.0
HELD_SHOWN = 12
_QUIET = frozenset({EventName.PAGE_READ})

Start = Callable[[Services], Awaitable[Started]]


def run_enrich(
    settings: Settings,
    lead: dict[str, Any],
    *,
    prompts: list[str],
    chat: str | None,
    refresh: bool,
    choice: str | None,
    budget: float | None,
    as_json: bool,
) -> int:
    """Returns the exit code. Raises Data411Error. JSON is the whole graph."""

    async def start(app: Services) -> Started:
        payload = {
            "lead": lead,
            "chat_session_id": chat or await _live_chat(app, lead),
            "prompts": prompts,
            "refresh": refresh,
            "identity_choice": choice,
            "budget_usd": budget,
        }
        return await app.routes[LEAD_SESSION].start(app.tenant, payload, Terms())

    return _run(settings, start, as_json=as_json, graph_only=True)


def run_rerun(
    settings: Settings,
    chat: str,
    slots: list[str],
    *,
    prompts: list[str],
    refresh_summary: bool,
    budget: float | None,
    as_json: bool,
) -> int:
    """One slot, or several as a batch."""
    payload: dict[str, Any] = {"chat_session_id": chat, "prompts": prompts, "budget_usd": budget}
    if len(slots) == 1:
        more = {"model_id": slots[0], "refresh_summary": refresh_summary}
        return _run(settings, _route(SLOT_RERUN, payload | more), as_json=as_json)
    return _run(settings, _route(SLOTS_RERUN, payload | {"model_ids": slots}), as_json=as_json)


def run_resynthesize(settings: Settings, chat: str, *, prompts: list[str], as_json: bool) -> int:
    payload = {"chat_session_id": chat, "prompts": prompts, "refresh_summary": True}
    return _run(settings, _route(SYNTHESIZE_PATCH, payload), as_json=as_json)


def run_investigate(settings: Settings, chat: str, candidate: str, *, as_json: bool) -> int:
    payload = {"chat_session_id": chat, "candidate_id": candidate}
    return _run(settings, _route(FINDING_RERUN, payload), as_json=as_json)


def run_wait(settings: Settings, job_id: str, *, as_json: bool) -> int:
    """Follow a job; where nobody else works on it, this process does."""

    async def start(app: Services) -> Started:
        job = await app.store.job(app.tenant, job_id)
        if job is None:
            raise NotFound("There is no such job.", "Hand one in: data411-mcp job submit")
        bound = await bind_session(app.store, app.clock, app.tenant, None, job.chat_session_id)
        return Started(bound, job)

    return _run(settings, start, as_json=as_json)


def _route(route: str, payload: dict[str, Any]) -> Start:
    async def start(app: Services) -> Started:
        return await app.routes[route].start(app.tenant, payload, Terms())

    return start


def _run(settings: Settings, start: Start, *, as_json: bool, graph_only: bool = False) -> int:
    """Start, follow with progress on stderr, print. Returns the exit code."""
    progress = Console(stderr=True, highlight=False)

    def show(event: ProgressEvent) -> None:
        if event.name not in _QUIET:
            progress.print(f"  {event.message}", markup=False)

    async def session() -> tuple[Backfill, Job, dict[str, Any], str]:
        async with open_services(settings) as app:
            started = await start(app)
            job = await _followed(app, started.job, show)
            graph = await app.views.load(app.tenant, job.chat_session_id)
            answer = await answer_of(app, job, started.notices)
            whole = (await JobsApi(app).answer(started, job)).model_dump_json(
                by_alias=True, indent=2
            )
            return graph, job, answer, whole

    graph, job, answer, whole = anyio.run(until_interrupted, session)
    if as_json:
        shown = graph.model_dump_json(by_alias=True, indent=2) if graph_only else whole
        sys.stdout.write(shown + "\n")
    else:
        print_session(Console(highlight=False), graph, answer)
    if job.status is JobStatus.WAITING:
        return EXIT_NEEDS_IDENTITY
    if any(n.code == "NOTHING_LOOKED_UP" for n in graph.notices):
        return EXIT_NOTHING_LOOKED_UP
    return 0 if job.status is JobStatus.DONE else EXIT_FAILED


async def _followed(app: Services, job: Job, show: Callable[[ProgressEvent], None]) -> Job:
    since = 0

    def follow(event: ProgressEvent) -> None:
        nonlocal since
        since = max(since, event.seq)
        show(event)

    while not job.final and job.status is not JobStatus.WAITING:
        job = await app.runner.wait(
            app.tenant, job.id, seconds=FOLLOW_SECONDS, emit=follow, since=since
        )
    return job


async def _live_chat(app: Services, lead: dict[str, Any]) -> str | None:
    """Where an interrupted run of this lead still waits: the same command goes on there."""
    key = lead_key(parse_lead(lead))
    return await app.store.live_chat_of_lead(app.tenant, key.text)


def print_session(console: Console, graph: Backfill, answer: dict[str, Any]) -> None:
    """What a salesperson reads: identity, slots, summary, gaps with prices, what it cost."""
    chat = answer["chat_session_id"]
    for line in _head_lines(answer):
        console.print(line, markup=False)
    if answer["slots"]:
        console.print(slot_table(graph))
    if graph.summary_markdown:
        console.print(Markdown(graph.summary_markdown))
    if graph.summary_stale:
        again = as_commands(spelled("resynthesize_lead_graph", chat_session_id=chat))
        console.print(f"The graph has changed since this summary: {again}", markup=False,
                      soft_wrap=True)  # fmt: skip
    if graph.gaps:
        console.print("\nGaps, and what one call costs:")
        for gap in graph.gaps:
            price = f"${gap.price_cents / 100:.2f}" if gap.slot else "no slot can help now"
            console.print(f"  {price:>6}  {gap.text}", markup=False)
    if graph.unmerged_candidates:
        console.print("\nHeld back; data411-mcp investigate looks at one again:")
        for held in graph.unmerged_candidates[:HELD_SHOWN]:
            console.print(f"  {held.id}  {held.kind}  {held.label[:80]}", markup=False)
    console.print(f"\nCost: {cost_line(answer['cost'])}.", markup=False)
    console.print(f"Chat: {chat}\nJob: {answer['job_id']}", markup=False)
    console.print(f"Next: {as_commands(answer['next'])}", markup=False, soft_wrap=True)


def _head_lines(answer: dict[str, Any]) -> Iterator[str]:
    card = answer["identity"]
    yield f"\nIdentity: {card['decision']}  {card['name']}"
    if card["difference"]:
        yield f"  because {card['difference']}"
    yield from (f"  anchor  {anchor}" for anchor in card.get("anchors", []))
    yield from (f"  not     {other}" for other in card.get("runners_up", []))
    for choice in card.get("choices", []):
        yield f"  choice  {choice['id']}  {choice['name']}: {choice['why']}"
    for notice in answer["notices"]:
        yield f"Notice {notice['code']}: {notice['text']}"
    if "error" in answer:
        yield f"Error {answer['error']['code']}: {answer['error']['message']}"
    if "finding" in answer:
        yield f"Finding {answer['finding']['verdict']}: {answer['finding']['reason']}"


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
