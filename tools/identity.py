"""Opening a session, and asking the user which company is meant where the client can be asked.

Both run as resolvers, before the tool's body: the one way to ask that works in both protocol
eras. In the newer one the client calls again with the answer and everything here runs once more:
the job is found, not started, and the same question yields the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import anyio
from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Elicit, Resolve
from pydantic import BaseModel, Field, create_model

from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.errors import Data411Error

from .surface import ServerContext, follow, services

if TYPE_CHECKING:  # a server lists its tools before it has loaded what they use
    from data411_mcp.domain.graph import Backfill
    from data411_mcp.services.container import Services
    from data411_mcp.services.enrichment import Started

NONE_OF_THEM = "None of these"
LABEL_CHARS_MAX = 120


class IdentityAnswer(BaseModel):
    """The label of the company that the user picked; empty when nobody was asked."""

    company: str = Field(title="Company")


@dataclass(frozen=True)
class Opened:
    """A session as it stands when its job is final, waits for the user, or the time is up."""

    started: Started
    job: Job
    graph: Backfill
    answer_by: float  # on anyio's clock


async def open_session(
    ctx: ServerContext,
    lead: dict[str, Any] | None,
    chat_session_id: str | None,
    prompts: list[str] | None,
    refresh: bool,
    identity_choice: str | None,
    crm_export: bool,
) -> Opened | Data411Error:
    """Start or join the session's job and follow it. Our errors are returned: the body raises
    them where they become results."""
    try:
        app = await services(ctx)
        if chat_session_id is None and ctx.input_responses is not None and lead is not None:
            from data411_mcp.domain.lead_input import lead_key, parse_lead

            key = lead_key(parse_lead(lead))  # the user answers: the chat is open already
            chat_session_id = await app.store.live_chat_of_lead(app.tenant, key.text)
        answer_by = anyio.current_time() + app.answer_within_seconds
        started = await app.leads.start(
            app.tenant,
            lead=lead,
            chat_session_id=chat_session_id,
            prompts=prompts,
            refresh=refresh,
            identity_choice=identity_choice,
            crm_export=crm_export,
        )
        job = await follow(ctx, started.job, app.answer_within_seconds)
        graph = await app.views.load(app.tenant, job.chat_session_id)
    except Data411Error as error:
        return error
    return Opened(started, job, graph, answer_by)


OpenedArgument = Annotated[Opened | Data411Error, Resolve(open_session)]


async def ask_identity(
    ctx: ServerContext, opened: OpenedArgument
) -> IdentityAnswer | Elicit[IdentityAnswer]:
    """The question, if one is open and the client can put it to the user."""
    waiting = isinstance(opened, Opened) and opened.job.status is JobStatus.WAITING
    if not waiting or not _can_ask(ctx):
        return IdentityAnswer(company="")
    assert isinstance(opened, Opened)  # noqa: S101 - `waiting` says so
    labels = _labels(opened.graph)
    lines = [f"- {label}: {c.why}" for label, c in
             zip(labels, opened.graph.identity.choices, strict=False)]  # fmt: skip
    one_of: Any = Literal[tuple(labels)]
    question = create_model(
        "IdentityAnswer",
        __base__=IdentityAnswer,
        company=(one_of, Field(title="Company")),
    )
    return Elicit("Which company is meant? Nothing was bought yet.\n" + "\n".join(lines), question)


AnswerArgument = Annotated[ElicitationResult[IdentityAnswer], Resolve(ask_identity)]


async def go_on(
    ctx: ServerContext, app: Services, opened: Opened, answer: ElicitationResult[IdentityAnswer]
) -> Opened:
    """The session after the user's answer, or as it was when there is none."""
    choice = _choice(opened.graph, answer)
    if choice is None:
        return opened
    seen = await app.store.last_event_seq(opened.job.id)
    started = await app.leads.start(
        app.tenant,
        lead=None,
        chat_session_id=opened.job.chat_session_id,
        identity_choice=choice,
    )
    left = max(0.0, opened.answer_by - anyio.current_time())
    job = await follow(ctx, started.job, left, since=seen)
    graph = await app.views.load(app.tenant, job.chat_session_id)
    return Opened(opened.started, job, graph, opened.answer_by)


def _can_ask(ctx: ServerContext) -> bool:
    """Whether the client declared that it shows forms; a bare declaration counts as that."""
    capabilities = ctx.client_capabilities
    asked = capabilities.elicitation if capabilities is not None else None
    return asked is not None and (asked.form is not None or asked.url is None)


def _labels(graph: Backfill) -> list[str]:
    """What the user picks from: numbered, so that two of the same name stay apart."""
    names = [
        f"{number}. {choice.name[:LABEL_CHARS_MAX]}"
        for number, choice in enumerate(graph.identity.choices, 1)
    ]
    return [*names, NONE_OF_THEM]


def _choice(graph: Backfill, answer: ElicitationResult[IdentityAnswer]) -> str | None:
    """The id of the picked choice, or "none"; None when the user did not answer."""
    if not isinstance(answer, AcceptedElicitation) or not answer.data.company:
        return None
    ids = [*(choice.id for choice in graph.identity.choices), "none"]
    return dict(zip(_labels(graph), ids, strict=True)).get(answer.data.company)
