"""What becomes of a caller's own terms when its request joins a job that another one started."""

from __future__ import annotations

from dataclasses import dataclass

from data411_mcp.domain.graph import Notice
from data411_mcp.domain.jobs import Job
from data411_mcp.domain.pricing import Quote
from data411_mcp.errors import ChatBusy
from data411_mcp.services.job_views import next_call, over
from data411_mcp.services.ports import Clock, Store


@dataclass(frozen=True)
class OwnTerms:
    """None: the caller asked for nothing of the kind."""

    ceiling_cents: int | None = None
    callback_url: str | None = None
    progress_key: str | None = None


async def join(store: Store, clock: Clock, job: Job, asked: OwnTerms) -> tuple[Notice, ...]:
    """Keep what can be kept of the terms, and say what cannot. Raises ChatBusy, with nothing
    changed, where a live job may cost more than the ceiling, or tells somebody else of its end."""
    if not over(job) and asked.ceiling_cents is not None:
        held = Quote.model_validate_json(job.quote or "{}").ceiling_cents
        if asked.ceiling_cents < held:
            raise _busy(job, "it may cost more than your ceiling")
    notices = []
    if asked.callback_url not in (None, job.callback_url) and not await store.attach_callback(
        job.tenant, job.id, str(asked.callback_url), now=clock.now()
    ):
        if not job.final:
            raise _busy(job, "it calls another callback_url back")
        notices.append(
            Notice(
                code="CALLBACK_NOT_SET",
                text="The job was over and has told another callback_url; yours is not called.",
            )
        )
    if asked.progress_key not in (None, job.progress_key):
        shown = "has no board" if job.progress_key is None else "has a board under another key"
        notices.append(
            Notice(
                code="PROGRESS_KEY_NOT_SET",
                text=f"The job that was joined {shown}. Follow it by its job_id.",
            )
        )
    return tuple(notices)


def _busy(job: Job, why: str) -> ChatBusy:
    return ChatBusy(
        f"The run that this would join is under way, but {why}. Nothing was run or charged.",
        f"{next_call(job)}, then call again.",
    )
