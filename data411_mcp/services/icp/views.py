"""The ICP finder's answers as callers see them: whole over HTTP, cut to size by the MCP tools."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from data411_mcp.domain.icp.churn import theme_label
from data411_mcp.domain.icp.values import (
    EnrichedCompany,
    IcpProfile,
    Lookalike,
    Suggestion,
    ThreadStatus,
)
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.services.icp.turns import ChatEvent, ThreadChoice, Turn
from data411_mcp.services.ports.icp import ThreadRow

STREAM = "/chat/stream"


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class ChatEventView(Shape):
    event: Annotated[str, Field(description="A label such as icp:planning_start.")]
    message: str
    context: dict[str, Any]
    at: str = ""


class ThreadChoiceView(Shape):
    thread_id: str
    label: str
    updated_at: str
    preview: str = ""


class IcpJobView(Shape):
    """The one background job. `waiting`: it has planned, and waits for "run enrichment"."""

    job_id: str
    route: str
    status: str
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


class NextView(Shape):
    tool: str
    arguments: dict[str, Any]


class TurnView(Shape):
    """One message in, this out. `messages` is what to show to the user, word for word."""

    thread_id: Annotated[
        str | None, Field(description="null where the user has to pick a thread first.")
    ]
    thread_status: Annotated[str, Field(description='open, locked, archived; "" without one.')]
    label: str
    context_key: str
    messages: list[str]
    events: list[ChatEventView]
    choices: list[ThreadChoiceView]
    job: IcpJobView | None
    state: dict[str, Any]
    next: NextView | None
    joined: Annotated[
        bool, Field(description="An identical request had been handled; nothing ran again.")
    ]
    stream: Annotated[str | None, Field(description="Where the events come live.")]


class SuggestionView(Shape):
    """A micro-ICP to accept by its id."""

    id: str
    title: str
    evidence_count: int
    rationale: str
    micro_icp: dict[str, Any]
    targeting_pack: dict[str, Any]
    negative_icp: list[dict[str, Any]]


class SuggestionsView(Shape):
    thread_id: str
    items: list[SuggestionView]


class ThreadView(Shape):
    """A conversation. A locked one is read-only: a newer one of the same company took its place."""

    thread_id: str
    status: str
    label: str
    context_key: str
    created_at: str
    updated_at: str
    read_only: bool
    lock_pending: bool
    locked_at: str | None
    archived_at: str | None
    reason: str


class VerdictView(Shape):
    """How a company stands to one condition, and the words on its page that say so."""

    label: str
    state: Annotated[str, Field(description="matched or failed.")]
    url: str
    quote: str


class ContactView(Shape):
    """Somebody of an enriched company, or the company itself where `name` is empty."""

    name: str
    title: str = ""
    email: str = ""
    deliverability: Annotated[
        str, Field(description="unknown, undeliverable, risky, accepted or verified.")
    ] = "unknown"
    phone: str = ""
    linkedin_url: str = ""


class CompanyRow(Shape):
    """A company of the ranked list. The proof of each fact about an enriched one is in the graph
    of `chat_session_id` (get_lead_graph)."""

    rank: int
    domain: str
    name: str
    score: int
    bucket: str
    why: str
    snippet: str
    matched: list[str]
    failed: list[str]
    unknown: list[str]
    similar_to: str
    state: Annotated[str, Field(description="listed, queued, done or failed.")] = "listed"
    reason: str = ""
    chat_session_id: str = ""
    evidence: list[VerdictView] = []
    contacts: list[ContactView] = []
    phones: list[str] = []
    emails: list[str] = []
    linkedin_url: str = ""


class ProfileView(Shape):
    summary: str
    conditions: list[str]
    negatives: list[str]
    seeds_read: int
    seeds_total: int
    notes: list[str]


class ResultsView(Shape):
    """What a thread has come to. `items` is a page of the ranked list, the best first."""

    thread_id: str
    job: IcpJobView | None
    profile: ProfileView | None
    total: int
    enriched: int
    items: list[CompanyRow]
    next_offset: int | None
    degraded: list[str]
    notes: list[str]


def turn_view(turn: Turn) -> TurnView:
    thread = turn.thread
    return TurnView(
        thread_id=thread.thread_id if thread else None,
        thread_status=thread.status.value if thread else "",
        label=thread.label if thread else "",
        context_key=thread.context_key if thread else "",
        messages=list(turn.messages),
        events=[event_view(e) for e in turn.events],
        choices=[choice_view(c) for c in turn.choices],
        job=job_view(turn.job) if turn.job else None,
        state=dict(turn.state),
        next=NextView(tool=turn.next.tool, arguments=dict(turn.next.arguments))
        if turn.next
        else None,
        joined=turn.joined,
        stream=f"{STREAM}/{thread.thread_id}" if thread else None,
    )


def event_view(event: ChatEvent) -> ChatEventView:
    return ChatEventView(
        event=event.event, message=event.message, context=dict(event.context), at=event.at
    )


def choice_view(choice: ThreadChoice) -> ThreadChoiceView:
    return ThreadChoiceView(
        thread_id=choice.thread_id,
        label=choice.label,
        updated_at=choice.updated_at,
        preview=choice.preview,
    )


def job_view(job: Job) -> IcpJobView:
    failed = job.status is JobStatus.ERROR and job.error is not None
    return IcpJobView(
        job_id=job.id,
        route=job.route,
        status=job.status.value,
        result=json.loads(job.result) if job.result else None,
        error=json.loads(job.error or "{}") if failed else None,
    )


def suggestions_view(thread_id: str, found: Sequence[Suggestion]) -> SuggestionsView:
    return SuggestionsView(
        thread_id=thread_id,
        items=[
            SuggestionView(
                id=s.id,
                title=s.title,
                evidence_count=s.evidence_count,
                rationale=s.rationale,
                micro_icp=s.micro_icp.model_dump(mode="json"),
                targeting_pack=dict(s.targeting_pack),
                negative_icp=[dict(n) for n in s.negative_icp],
            )
            for s in found
        ],
    )


def thread_view(thread: ThreadRow) -> ThreadView:
    return ThreadView(
        thread_id=thread.thread_id,
        status=thread.status.value,
        label=thread.label,
        context_key=thread.context_key,
        created_at=thread.created_at.isoformat(),
        updated_at=thread.updated_at.isoformat(),
        read_only=thread.status is not ThreadStatus.OPEN,
        lock_pending=thread.lock_pending,
        locked_at=thread.locked_at.isoformat() if thread.locked_at else None,
        archived_at=thread.archived_at.isoformat() if thread.archived_at else None,
        reason=thread.reason,
    )


def profile_view(profile: IcpProfile) -> ProfileView:
    return ProfileView(
        summary=profile.summary,
        conditions=[f"{c.label} ({c.support} of {c.of})" for c in profile.conditions],
        negatives=[f"{c.label} ({c.support} of {c.of})" for c in profile.negatives]
        + [f"Lost for {theme_label(t.theme)}: {t.reason}" for t in profile.themes],
        seeds_read=profile.seeds_read,
        seeds_total=profile.seeds_total,
        notes=list(profile.notes),
    )


def company_row(
    rank: int, like: Lookalike, company: EnrichedCompany | None = None, *, state: str = "listed"
) -> CompanyRow:
    labels: dict[str, list[str]] = {"matched": [], "failed": [], "unknown": []}
    for verdict in like.verdicts:
        labels[verdict.state].append(verdict.label)
    found = company or EnrichedCompany(domain=like.domain)
    return CompanyRow(
        rank=rank,
        domain=like.domain,
        name=like.name,
        score=like.score,
        bucket=like.bucket,
        why=like.why,
        snippet=like.snippet,
        matched=labels["matched"],
        failed=labels["failed"],
        unknown=labels["unknown"],
        similar_to=like.similar_to,
        state=state,
        reason=found.reason,
        chat_session_id=found.chat_session_id,
        evidence=[
            VerdictView(label=v.label, state=v.state, url=v.evidence.url, quote=v.evidence.text)
            for v in like.verdicts
            if v.evidence is not None
        ],
        contacts=[
            ContactView(
                name=c.name,
                title=c.title,
                email=c.email,
                deliverability=c.deliverability.value,
                phone=c.phone,
                linkedin_url=c.linkedin_url,
            )
            for c in found.contacts
        ],
        phones=list(found.phones),
        emails=list(found.emails),
        linkedin_url=found.linkedin_url,
    )
