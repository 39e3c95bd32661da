"""Waiting for a job and cancelling it, or one slot of it."""

from __future__ import annotations

from typing import Annotated

from mcp_types import CallToolResult
from pydantic import Field

from data411_mcp.errors import NotFound

from .surface import (
    Answer,
    ServerContext,
    ToolSpec,
    follow,
    services,
    session_result,
)


async def wait_enrich_job(
    ctx: ServerContext,
    job_id: Annotated[str, Field(description="From a running answer.")],
    max_wait_seconds: Annotated[float, Field(description="At most 45.", ge=0, le=45)] = 45,
) -> Annotated[CallToolResult, Answer]:
    app = await services(ctx)
    job = await app.store.job(app.tenant, job_id)
    if job is None:
        raise NotFound("There is no such job.", "Call enrich_lead_session to start one.")
    job = await follow(ctx, job, min(max_wait_seconds, app.answer_within_seconds))
    graph = await app.views.load(app.tenant, job.chat_session_id)
    return session_result(graph, job)


async def cancel_enrich_job(
    ctx: ServerContext,
    job_id: Annotated[str, Field(description="The job to cancel.")],
    slot: Annotated[
        str | None, Field(description="Only this slot of it, e.g. data411-hunt-deep.")
    ] = None,
    retry: Annotated[bool, Field(description="With slot: stop it and start it again.")] = False,
) -> Annotated[CallToolResult, Answer]:
    app = await services(ctx)
    if retry and slot is not None:
        job = await app.runner.retry_slot(app.tenant, job_id, slot)
    else:
        job = await app.runner.cancel(app.tenant, job_id, slot)
    graph = await app.views.load(app.tenant, job.chat_session_id)
    return session_result(graph, job)


TOOLS = (
    ToolSpec(
        name="wait_enrich_job",
        title="Wait for a job",
        description=(
            "Wait up to 45 s for a running job, with progress; returns the same answer as "
            "enrich_lead_session. Call again while status is running."
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
