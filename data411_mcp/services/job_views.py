"""Jobs and answers as callers over HTTP see them: whole, unlike the short answers of MCP."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from data411_mcp.domain.events import ProgressEvent
from data411_mcp.domain.graph import Backfill, Choice, Notice, SlotRow
from data411_mcp.domain.icp.run import ICP_RUN
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.services.accounts import Cost
from data411_mcp.services.payloads import FINDING_RERUN, SYNTHESIZE_PATCH

API = "/api/v1/enrich"
WAIT_SECONDS_MAX = 45
MERGED = "merged"  # the verdict of a finding that joined the graph


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class Refund(Shape):
    item: Annotated[str, Field(description='Slot id, "session", or "" for the whole job.')]
    reason: str
    usd: float


class CostView(Shape):
    """What the job has cost its tenant, in dollars. `vendor_usd` is what vendors have cost in
    this chat so far; it is metered also where nothing is charged."""

    billing_mode: Annotated[str, Field(description='"virtual_balance", or "off".')]
    charged_usd: float
    held_usd: float
    refunds: list[Refund]
    vendor_usd: float | None
    balance_usd: Annotated[float | None, Field(description="null for a poll bearer.")]
    earlier_usd: Annotated[
        float, Field(description="With cache_hit: what the job cost when it ran.")
    ] = 0.0


class Fault(Shape):
    """Why a job ended in error: code, words and next call as of every other error."""

    code: str
    message: str
    hint: str = ""
    retryable: bool = False


class Board(Shape):
    """The slots of the chat's graph and their states, as they are now."""

    slots: list[SlotRow]


class EventCount(Shape):
    last_seq: Annotated[int, Field(description="Number of the newest event; 0: none yet.")]
    href: str


class SessionAnswer(Shape):
    """The answer of a synchronous route. `backfill` is the whole graph."""

    status: Annotated[
        str, Field(description="done, needs_identity, error, cancelled; running with a 202.")
    ]
    chat_session_id: str
    job_id: str
    matched: Annotated[bool, Field(description="At least one statement was proven.")]
    billed: bool
    cache_hit: Annotated[
        bool, Field(description="An identical request had run before; nothing was bought again.")
    ]
    cost: CostView
    choices: Annotated[
        list[Choice], Field(description="With needs_identity: the companies to choose from.")
    ]
    notices: list[Notice]
    next: Annotated[str, Field(description="The next call to make.")]
    error: Fault | None = None
    backfill: Backfill


class RunningAnswer(Shape):
    """The job goes on; its handle."""

    status: str
    chat_session_id: str
    job_id: str
    location: str
    cost: CostView
    notices: list[Notice]
    next: str


class JobAccepted(Shape):
    job_id: str
    poll_bearer: Annotated[
        str | None,
        Field(
            description="Reads this one job, and nothing else. null where another request has "
            "started the job: poll it with your key."
        ),
    ]
    billing_mode: str
    status: str
    chat_session_id: str
    location: str
    notices: list[Notice]
    next: str


class JobView(Shape):
    job_id: str
    route: str
    status: Annotated[
        str,
        Field(description="queued, running, waiting (for the user's choice or word), done, error, "
              "cancelled."),
    ]  # fmt: skip
    chat_session_id: str
    created_at: str
    updated_at: str
    progress_key: str | None
    cost: CostView
    result: dict[str, Any] | None
    error: Fault | None
    choices: list[Choice]
    board: Board
    events: EventCount
    next: str
    backfill: Annotated[
        Backfill | None,
        Field(
            description="The whole graph, once the job is over or waiting; null for a poll bearer "
            "when the graph has changed since the job."
        ),
    ]


class BoardView(Shape):
    """The newest job under a progress key."""

    progress_key: str
    job_id: str
    route: str
    status: str
    chat_session_id: str
    updated_at: str
    slots: list[SlotRow]
    events: EventCount
    next: str


class EventsPage(Shape):
    job_id: str
    status: str
    events: list[ProgressEvent]
    next_since: Annotated[int, Field(description="Pass as `since` for what comes after.")]


class TicketView(Shape):
    ticket: Annotated[str, Field(description="Opens the event stream of this job, once.")]
    expires_in_s: int
    href: str


class Prices(Shape):
    """What calls cost, in dollars. A session's vendor cost beyond its base price is charged too,
    up to the ceiling of the call."""

    session_usd: float
    slot_usd: float
    synthesis_usd: float
    finding_usd: float
    margin_percent: int


class TransferView(Shape):
    id: str
    kind: str
    usd: float
    job_id: str
    item: str
    reason: str


class AccountView(Shape):
    tenant: str
    billing_mode: str
    balance_usd: float
    held_usd: float
    charged_usd: Annotated[float, Field(description="All that was ever captured.")]
    prices: Prices
    transfers: Annotated[list[TransferView], Field(description="The newest, first.")]


def location_of(job_id: str) -> str:
    return f"{API}/jobs/{job_id}"


def events_of(job_id: str, last_seq: int) -> EventCount:
    return EventCount(last_seq=last_seq, href=f"{location_of(job_id)}/events")


def over(job: Job) -> bool:
    """Nothing more happens by itself."""
    return job.final or job.status is JobStatus.WAITING


def cost_view(cost: Cost, graph: Backfill | None, *, cache_hit: bool = False) -> CostView:
    """`cache_hit`: the answer of a job that had run before costs nothing again."""
    micros = graph.spent.vendor_usd_micros if graph is not None else 0
    return CostView(
        billing_mode=cost.billing_mode,
        charged_usd=0.0 if cache_hit else cost.charged / 100,
        held_usd=cost.held / 100,
        refunds=[]
        if cache_hit
        else [Refund(item=i, reason=r, usd=c / 100) for i, r, c in cost.refunds],
        vendor_usd=round(micros / 1_000_000, 6),
        balance_usd=cost.balance / 100,
        earlier_usd=cost.charged / 100 if cache_hit else 0.0,
    )


def fault_of(job: Job) -> Fault | None:
    if job.status is not JobStatus.ERROR or job.error is None:
        return None
    return Fault.model_validate(json.loads(job.error))


def choices_of(job: Job, graph: Backfill | None) -> list[Choice]:
    if job.status is not JobStatus.WAITING or graph is None:
        return []
    return list(graph.identity.choices)


def slots_of(graph: Backfill | None) -> list[SlotRow]:
    return list(graph.tool_trace.parallel_results) if graph is not None else []


def matched(job: Job, graph: Backfill, cost: Cost) -> bool:
    """Whether the job itself proved anything: its slots' rows, its bill where a later job has
    taken over its rows, the verdict of a finding. A resynthesis proves nothing."""
    if job.route == FINDING_RERUN:
        verdict = json.loads(job.result).get("verdict") if job.result else None
        return bool(verdict == MERGED)
    if job.route == SYNTHESIZE_PATCH:
        return False
    rows = [r for r in graph.tool_trace.parallel_results if r.job_id == job.id]
    return any(r.proven for r in rows) or cost.charged > 0


def notices_of(graph: Backfill | None, more: Sequence[Notice]) -> list[Notice]:
    """Each code once; the newest words count."""
    first = graph.notices if graph is not None else ()
    return list({n.code: n for n in (*first, *more)}.values())


def moved_on(job: Job, version: int | None) -> bool:
    """Whether the chat's graph, now at `version`, is another than the job has left."""
    return job.final and (result_of(job) or {}).get("version") != version


def seen_by_bearer(view: JobView, *, moved_on: bool) -> JobView:
    cost = view.cost.model_copy(update={"balance_usd": None})
    if not moved_on:
        return view.model_copy(update={"cost": cost})
    own = [row for row in view.board.slots if row.job_id == view.job_id]
    return view.model_copy(
        update={
            "cost": cost.model_copy(update={"vendor_usd": None}),
            "board": Board(slots=own),
            "backfill": None,
        }
    )


def next_call(job: Job) -> str:
    """The next call to make, verbatim where it can be."""
    chat = json.dumps(job.chat_session_id)
    if not over(job):
        return f"GET {location_of(job.id)}?wait_s={WAIT_SECONDS_MAX}"
    if job.route == ICP_RUN:
        if job.status is JobStatus.WAITING:
            return f'POST /icp/enrich/top10 {{"thread_id": {chat}}}'
        return f"GET /export/latest_scores.csv?thread_id={job.chat_session_id}"
    if job.status is JobStatus.WAITING:
        return (
            f"Ask the user which company is meant, then POST {API}/lead-session "
            f'{{"chat_session_id": {chat}, "identity_choice": "<id of a choice>"}}'
        )
    return (
        f'POST {API}/lead-session {{"chat_session_id": {chat}, '
        '"prompts": ["<text of a gap, or the user\'s words>"]}'
    )


def result_of(job: Job) -> dict[str, Any] | None:
    found: Mapping[str, Any] | None = json.loads(job.result) if job.result is not None else None
    return dict(found) if found is not None else None
