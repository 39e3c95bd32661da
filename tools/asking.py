"""What only the user can say: the words of a follow-up, and which company is meant.

The questions are resolvers, which run before the tool's body: the one way to ask that works in
both protocol eras. In the newer one the client calls again with the answer and everything here
runs once more: the job is found, not started, and the same question yields the same answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Elicit, Resolve
from pydantic import BaseModel, Field, create_model

from data411_mcp.domain.jobs import JobStatus
from data411_mcp.errors import Data411Error, PromptsRequired

from .runs import Opened, followed
from .surface import ServerContext, caller, services

if TYPE_CHECKING:
    from data411_mcp.domain.graph import Backfill

NONE_OF_THEM = "None of these"
LABEL_CHARS_MAX = 120


class IdentityAnswer(BaseModel):
    """The label of the company that the user picked; empty when nobody was asked."""

    company: str = Field(title="Company")


class WordsAnswer(BaseModel):
    """What the user wants of the lead now; empty when nobody was asked."""

    words: str = Field(title="Your request")


def question_of_words(
    ctx: ServerContext, opened: Opened | Data411Error
) -> WordsAnswer | Elicit[WordsAnswer]:
    """Asked where a follow-up came without the user's words and the client can ask for them."""
    if not isinstance(opened, PromptsRequired) or not _can_ask(ctx):
        return WordsAnswer(words="")
    return Elicit("What should be found out about this lead? Nothing was run yet.", WordsAnswer)


def words_in(answer: ElicitationResult[WordsAnswer]) -> str:
    """ "" when the user was not asked or did not answer."""
    return answer.data.words.strip() if isinstance(answer, AcceptedElicitation) else ""


def asks_identity(opener: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
    """A resolver that asks which company is meant when the run that `opener` opened waits for
    that, and the client can put it to the user."""

    async def ask_identity(ctx: Any, opened: Any) -> Any:
        return _question_of_identity(ctx, opened)

    # The framework reads the dependency from the annotations: `opener` is known only now.
    ask_identity.__annotations__ = {
        "ctx": ServerContext,
        "opened": Annotated[Any, Resolve(opener)],
        "return": IdentityAnswer | Elicit[IdentityAnswer],
    }
    return ask_identity


def _question_of_identity(
    ctx: ServerContext, opened: Opened | Data411Error
) -> IdentityAnswer | Elicit[IdentityAnswer]:
    if not isinstance(opened, Opened) or opened.job.status is not JobStatus.WAITING:
        return IdentityAnswer(company="")
    if not _can_ask(ctx):
        return IdentityAnswer(company="")
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


async def go_on(
    ctx: ServerContext,
    opened: Opened | Data411Error,
    answer: ElicitationResult[IdentityAnswer],
) -> Opened | Data411Error:
    """The run after the user's answer, or as it was when there is none."""
    if isinstance(opened, Data411Error):
        return opened
    choice = _choice(opened.graph, answer)
    if choice is None:
        return opened
    from data411_mcp.services.routes import Terms

    app = await services(ctx)
    who = caller(app)
    seen = await app.store.last_event_seq(opened.job.id)
    started = await app.leads.start(
        who.tenant,
        {"chat_session_id": opened.job.chat_session_id, "identity_choice": choice},
        Terms(subject=who.subject),
    )
    after = await followed(ctx, started, opened.answer_by, since=seen)
    return Opened(opened.started, after.job, after.graph, opened.answer_by)


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
