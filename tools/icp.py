"""The ICP finder: best customers in, a profile and enriched lookalikes out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from mcp_types import CallToolResult
from pydantic import Field

from data411_mcp.domain.jobs import FINAL, JobStatus
from data411_mcp.errors import InvalidArgument

from .surface import Answer, ServerContext, ToolSpec, answered, caller, follow, services

if TYPE_CHECKING:  # a server lists its tools before it has loaded what they use
    from data411_mcp.services.container import Services
    from data411_mcp.services.icp.turns import Turn

# From then on there is more to show.
LIST_EVENTS = frozenset({"icp:candidates_found", "enrich:summary"})
Action = Literal["list", "resume", "new", "lock", "archive", "delete", "cancel"]


async def icp_intake(
    ctx: ServerContext,
    message: Annotated[str | None, Field(description="The user's words, verbatim.")] = None,
    website: Annotated[str | None, Field(description="The user's own.")] = None,
    customers: Annotated[
        str | None, Field(description="5–15 best, a line each: Company — website.")
    ] = None,
    lost: Annotated[str | None, Field(description="Likewise, each with a reason.")] = None,
    answers: Annotated[dict[str, Any] | None, Field(description="Optional form answers.")] = None,
    own_companies_csv: Annotated[
        str | None, Field(description="Candidates of the user's own.")
    ] = None,
    thread_id: Annotated[str | None, Field(description="From the first answer.")] = None,
    start_fresh: bool = False,
) -> Annotated[CallToolResult, Answer]:
    from data411_mcp.domain.icp.intents import Intent, read_intent
    from data411_mcp.services.icp.turns import Saying

    app = await services(ctx)
    who = caller(app)
    form = (website, customers, lost, answers, own_companies_csv)
    if message is None:
        turn = await app.icp.intake(
            who,
            website=website,
            customers=customers or "",
            lost=lost or "",
            answers=answers or {},
            own_companies_csv=own_companies_csv,
            thread_id=thread_id,
            start_fresh=start_fresh,
        )
        return _said(turn)
    if any(given is not None for given in form):
        raise InvalidArgument(
            "message comes alone: it is what the user said, and the other fields are the form.",
            'Call icp_intake(message="<the user\'s words, verbatim>"), or leave message out.',
        )
    turn = await app.icp.say(Saying(who, message, thread_id, start_fresh))
    asked_for = read_intent(message).intent is Intent.STATUS
    return await _followed(ctx, turn, listed=asked_for)


async def icp_confirm(ctx: ServerContext, thread_id: str) -> Annotated[CallToolResult, Answer]:
    app = await services(ctx)
    return await _followed(ctx, await app.icp.confirm(caller(app), thread_id))


async def icp_accept(
    ctx: ServerContext,
    thread_id: str,
    micro_icp: Annotated[
        str | dict[str, Any],
        Field(description="Id of a suggestion of icp_status, or {industries, size_bands, …}."),
    ],
) -> Annotated[CallToolResult, Answer]:
    app = await services(ctx)
    return _said(await app.icp.accept(caller(app), thread_id, micro_icp))


async def icp_run_enrichment(
    ctx: ServerContext,
    thread_id: str,
    notify_email: Annotated[str | None, Field(description="Where the list is mailed.")] = None,
) -> Annotated[CallToolResult, Answer]:
    app = await services(ctx)
    turn = await app.icp.run_enrichment(caller(app), thread_id, notify_email=notify_email)
    return await _followed(ctx, turn)


async def icp_status(
    ctx: ServerContext,
    thread_id: str,
    wait_seconds: Annotated[float, Field(ge=0, le=45)] = 0,
    offset: Annotated[int, Field(description="next_offset of the page before.", ge=0)] = 0,
) -> Annotated[CallToolResult, Answer]:
    app = await services(ctx)
    turn = await app.icp.status(caller(app), thread_id)
    return await _followed(ctx, turn, seconds=wait_seconds, offset=offset)


async def icp_threads(
    ctx: ServerContext,
    action: Action = "list",
    thread_id: Annotated[str | None, Field(description="Not for list and new.")] = None,
    offset: Annotated[int, Field(ge=0)] = 0,
) -> Annotated[CallToolResult, Answer]:
    from data411_mcp.services.icp.answers import threads_answer
    from data411_mcp.services.icp.turns import Saying

    app = await services(ctx)
    who, desk = caller(app), app.icp
    if action == "list":
        return answered(*threads_answer(await desk.threads(who, limit=1000, offset=0), offset))
    if action == "new":
        return _said(await desk.say(Saying(who, "", start_fresh=True)))
    if thread_id is None:
        if action == "resume":
            return _said(await desk.resume_eligible(who))
        raise InvalidArgument(
            f"{action} needs a thread_id. Nothing was changed.", "Call icp_threads() to see them."
        )
    if action == "resume":
        return _said(await desk.resume(who, thread_id))
    if action == "cancel":
        return _said(await desk.cancel(who, thread_id))
    if action == "delete":
        await desk.delete(who, thread_id)
        return answered({"thread_id": thread_id, "deleted": True})
    done = await (desk.lock if action == "lock" else desk.archive)(who, thread_id)
    return answered(*threads_answer((done,), 0))


def _said(turn: Turn) -> CallToolResult:
    from data411_mcp.services.icp.answers import turn_answer

    return answered(*turn_answer(turn))


async def _followed(
    ctx: ServerContext,
    turn: Turn,
    *,
    seconds: float | None = None,
    offset: int = 0,
    listed: bool = True,
) -> CallToolResult:
    """The turn; where it has set a job going, as it stands when the job is over or waits for the
    user, or when the time is up. With what there is of the list by then where that is asked for
    (`listed`) or new."""
    from data411_mcp.services.icp.answers import turn_answer

    app = await services(ctx)
    job, thread = turn.job, turn.thread
    if job is None or thread is None:
        return _said(turn)
    wait = app.answer_within_seconds if seconds is None else min(seconds, app.answer_within_seconds)
    works = job.status is not JobStatus.WAITING and job.status not in FINAL
    if wait and works:
        await follow(ctx, job, wait)
    # A quick job is over by now, and has told more than the turn has heard.
    behind = seconds is None and turn.state.get("job_status") != job.status.value
    if (wait and works) or behind:
        after = await app.icp.status(caller(app), thread.thread_id)
        said, told = (*turn.messages, *after.messages), (*turn.events, *after.events)
        turn = replace(after, messages=said, events=told, joined=turn.joined)
    if not (listed or LIST_EVENTS & {event.event for event in turn.events}):
        return _said(turn)
    return answered(*turn_answer(turn, await _results(app, turn, offset)))


async def _results(app: Services, turn: Turn, offset: int) -> Any:
    from data411_mcp.services.icp.answers import Results

    return await Results.of(app, caller(app), turn, offset)


TOOLS = (
    ToolSpec(
        name="icp_intake",
        title="Tell the ICP finder",
        description=(
            "From best customers to enriched lookalikes, in a chat: pass each message of the user "
            "on, or the form at once; show `messages` word for word."
        ),
        fn=icp_intake,
        read_only=False,
        destructive=False,
        idempotent=False,
        open_world=True,
    ),
    ToolSpec(
        name="icp_confirm",
        title="Confirm the plan",
        description="The user confirmed: gather evidence, plan the Top-10.",
        fn=icp_confirm,
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=True,
    ),
    ToolSpec(
        name="icp_accept",
        title="Accept a micro-ICP",
        description="The user accepted a narrower profile.",
        fn=icp_accept,
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=False,
    ),
    ToolSpec(
        name="icp_run_enrichment",
        title="Enrich the Top-10",
        description="The user said run enrichment: Top-10, then e-mail and CRM.",
        fn=icp_run_enrichment,
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=True,
    ),
    ToolSpec(
        name="icp_status",
        title="Where an ICP run stands",
        description="Progress, profile, ranked lookalikes (paged), suggestions.",
        fn=icp_status,
        read_only=True,
        destructive=False,
        idempotent=True,
        open_world=False,
    ),
    ToolSpec(
        name="icp_threads",
        title="Conversations of the ICP finder",
        description="List, resume, open, lock, archive, delete; cancel its job.",
        fn=icp_threads,
        read_only=False,
        destructive=True,
        idempotent=False,
        open_world=False,
    ),
)
