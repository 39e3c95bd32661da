"""Jobs: handing in, waiting, cancelling the whole or one slot."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from mcp_types import CallToolResult
from pydantic import Field

from data411_mcp.domain.calls import WORDS, spelled
from data411_mcp.domain.jobs import Job
from data411_mcp.errors import BudgetTooLow, InvalidArgument, NotFound
from data411_mcp.services.container import Services

from .surface import (
    Answer,
    ServerContext,
    ToolSpec,
    answered,
    caller,
    follow,
    services,
    session_result,
)

Route = Literal[
    "enrich/lead-session",
    "enrich/lead-session/slot-rerun",
    "enrich/lead-session/slots-rerun",
    "enrich/lead-session/synthesize-patch",
    "enrich/lead-session/finding-rerun",
]


async def submit_enrich_job(
    ctx: ServerContext,
    route: Route,
    payload: Annotated[
        dict[str, Any],
        Field(
            description="The arguments of the route's tool; slots-rerun: {chat_session_id, "
            "model_ids: [pending or error slots]}."
        ),
    ],
    bill_up_to_usd: Annotated[float | None, Field(description="0.05 to 50.", strict=True)] = None,
    callback_url: Annotated[str | None, Field(description="https, called at the end.")] = None,
) -> Annotated[CallToolResult, Answer]:
    from data411_mcp.services.answers import handle_of
    from data411_mcp.services.jobs_api import JobsApi, Submission

    app = await services(ctx)
    asked = Submission(route, payload, bill_up_to_usd, callback_url)
    try:
        started = await JobsApi(app).hand_in(caller(app), asked)
    except BudgetTooLow as error:
        left = ("lead", "prompts", "prior_backfill", "budget_usd")
        given = {k: v for k, v in payload.items() if k not in left}
        if "prompts" in payload:
            given["prompts"] = [WORDS]
        enough = {"payload": given, "bill_up_to_usd": error.price_cents / 100}
        call = spelled("submit_enrich_job", {"route": route} | enough)
        raise BudgetTooLow(error.message, f"Call {call}.") from error
    cost = await app.accounts.cost_of(started.job)
    return answered(*handle_of(started, cost))


async def _job(app: Services, job_id: str) -> Job:
    job = await app.store.job(caller(app).tenant, job_id)
    if job is None:
        start = spelled("enrich_lead_session", lead={"company": "<as in the CRM>"})
        raise NotFound("There is no such job.", f"Call {start} to start one.")
    return job


async def wait_enrich_job(
    ctx: ServerContext,
    job_id: Annotated[str, Field(description="From a running answer.")],
    max_wait_seconds: Annotated[float, Field(description="At most 45.", ge=0, le=45)] = 45,
) -> Annotated[CallToolResult, Answer]:
    app = await services(ctx)
    job = await follow(
        ctx, await _job(app, job_id), min(max_wait_seconds, app.answer_within_seconds)
    )
    return await session_result(app, job)


async def cancel_enrich_job(
    ctx: ServerContext,
    job_id: Annotated[str, Field(description="The job to cancel.")],
    slot: Annotated[
        str | None, Field(description="Only this slot of it, e.g. data411-hunt-deep.")
    ] = None,
    retry: Annotated[bool, Field(description="With slot: stop it and start it again.")] = False,
) -> Annotated[CallToolResult, Answer]:
    from data411_mcp.services.jobs_api import JobsApi

    app = await services(ctx)
    if slot is None and retry:
        raise InvalidArgument(
            "retry starts one slot again and needs its name. Nothing was cancelled.",
            f"Call {spelled('cancel_enrich_job', job_id=job_id, slot='<slot id>', retry=True)}.",
        )
    await _job(app, job_id)
    job = await JobsApi(app).cancel(caller(app).tenant, job_id, slot, retry=retry)
    return await session_result(app, job)


TOOLS = (
    ToolSpec(
        name="submit_enrich_job",
        title="Hand in a job",
        description=(
            "Run any route in the background; returns a job_id at once. For several slots again "
            "(slots-rerun), or when nobody waits."
        ),
        fn=submit_enrich_job,
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=True,
    ),
    ToolSpec(
        name="wait_enrich_job",
        title="Wait for a job",
        description=(
            "Wait up to 45 s for a job, with progress; answers like enrich_lead_session. Call "
            "again while status is running."
        ),
        fn=wait_enrich_job,
        read_only=True,
        destructive=False,
        idempotent=True,
        open_world=False,
    ),
    ToolSpec(
        name="cancel_enrich_job",
        title="Cancel a job or a slot",
        description=(
            "Cancel a job, or one running slot of it (retry: true starts the slot again). What "
            "was found so far stays."
        ),
        fn=cancel_enrich_job,
        read_only=False,
        destructive=True,
        idempotent=True,
        open_world=False,
    ),
)
