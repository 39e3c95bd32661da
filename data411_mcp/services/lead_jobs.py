"""What every route of a lead does before its job exists: bind the chat, recognise a client's
retry, see that the chat is free, agree on the price, submit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel

from data411_mcp.domain.calls import spelled
from data411_mcp.domain.graph import Backfill
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.domain.lead_binding import moved
from data411_mcp.domain.pricing import Quote
from data411_mcp.domain.slots import SLOTS, SlotState
from data411_mcp.errors import (
    ChatBusy,
    InvalidArgument,
    NotFound,
    SlotNotRerunnable,
)
from data411_mcp.services.accounts import Accounts
from data411_mcp.services.forgetting import Forgetting
from data411_mcp.services.ports import Clock, JobRunner, Store
from data411_mcp.services.prior import take_prior
from data411_mcp.services.requests import (
    BoundSession,
    SessionRequest,
    bind_session,
    check_chat_id,
    hunted_elsewhere,
    take_export,
)
from data411_mcp.services.routes import Started, Terms


@dataclass
class LeadJobs:
    store: Store
    clock: Clock
    forgetting: Forgetting
    accounts: Accounts
    _runner: JobRunner | None = None

    @property
    def runner(self) -> JobRunner:
        """Given after construction: the runner's work is that of our own routes."""
        assert self._runner is not None  # noqa: S101 - the composition root sets it
        return self._runner

    def run_on(self, runner: JobRunner) -> None:
        self._runner = runner

    async def bound(
        self,
        tenant: str,
        lead: Mapping[str, Any] | None,
        chat_session_id: str,
        prior_backfill: Mapping[str, Any] | None = None,
    ) -> BoundSession:
        """The chat of a partial call, which must have a graph: the stored one, or else the one
        that the caller brings. A graph about the lead as it was before a new export is none to
        work on. Raises CallerError."""
        check_chat_id(chat_session_id)
        row = await self.store.session(tenant, chat_session_id)
        if (row is None or row.backfill is None) and prior_backfill is None:
            known = await self.store.jobs_of_chat(tenant, chat_session_id) if row else ()
            live = next((j for j in known if not j.final), None)
            raise busy(live) if live is not None else no_graph_yet()
        if row is None and lead is None:
            raise no_graph_yet()
        erased = await self.forgetting.tombstones(tenant)
        bound = await bind_session(
            self.store, self.clock, tenant, lead, chat_session_id, erased=erased
        )
        bound = await take_prior(self.store, self.clock, bound, prior_backfill, erased)
        graph = bound.row.backfill
        if graph is not None and moved(Backfill.model_validate_json(graph).lead, bound.lead):
            raise graph_of_another(bound.row.chat_session_id)
        return bound

    async def joined(
        self,
        bound: BoundSession,
        digest: str,
        terms: Terms,
        *,
        window: timedelta,
        slots: Sequence[str] = (),
    ) -> Started | None:
        """The job that an identical request has started: live, or just done. Raises ChatBusy (or
        SlotNotRerunnable, when a slot that is wanted runs) when another run is under way."""
        jobs = await self.store.jobs_of_chat(bound.tenant, bound.row.chat_session_id)
        found = retried(
            jobs, digest, terms, now=self.clock.now(), window=window, version=bound.row.version
        )
        if found is not None:
            return Started(bound, found, bound.notices, joined=True)
        live = next((j for j in jobs if not j.final), None)
        if live is None:
            return None
        running = [s for s in slots if s in running_slots(bound)]
        if running:
            names = ", ".join(SLOTS[s].label for s in running)
            raise SlotNotRerunnable(
                f"{names} is running. Nothing was run or charged.", _wait_for(live)
            )
        raise busy(live)

    async def submit(
        self,
        bound: BoundSession,
        route: str,
        request: SessionRequest,
        quote: Quote,
        terms: Terms,
        *,
        progress_key: str | None = None,
        opener_key: str | None = None,
    ) -> Started:
        """Precharge, open the chat where it is new, and submit, in one step. Raises
        InsufficientBalance, ChatBusy, ChatSessionRequired."""
        tenant, chat = bound.tenant, bound.row.chat_session_id
        erased = await self.forgetting.tombstones(tenant)
        said = tuple(erased.masked(text) for text in request.prompts)
        request = request.model_copy(update={"prompts": said, "export": bound.export})
        known = await self.store.jobs_of_chat(tenant, chat)
        now, job_id = self.clock.now(), self.clock.new_id()
        # By the newest job: two racing calls make one key, and no later call makes it again.
        key = _caller_key(terms) or f"{request.digest}:{chat}:{known[-1].id if known else ''}"
        job = Job(
            id=job_id,
            tenant=tenant,
            route=route,
            chat_session_id=chat,
            lead_key=bound.row.lead_key,
            payload=request.model_dump_json(),
            status=JobStatus.QUEUED,
            created_at=now,
            updated_at=now,
            idempotency_key=key,
            priority=terms.priority,
            opener_key=opener_key,
            subject=terms.subject,
            quote=quote.model_dump_json(),
            progress_key=progress_key,
            callback_url=terms.callback_url,
            poll_bearer_sha=terms.poll_bearer_sha,
        )
        hold = self.accounts.precharge(tenant, job_id, quote)
        try:
            opens = bound.row if bound.opens else None
            added = await self.runner.submit(job, precharge=hold, opens=opens)
        except ChatBusy:
            return await self._beaten(bound, request.digest, opener_key)
        if added.id != job_id and digest_in(added) != request.digest:
            raise key_used()
        # Only now: a call that is refused leaves the chat as it was. Should this process end
        # here, the job's work does it.
        await self.take_export(bound)
        return Started(bound, added, bound.notices, joined=added.id != job_id)

    async def take_export(self, bound: BoundSession) -> None:
        await take_export(
            self.store, self.clock, bound.tenant, bound.row.chat_session_id, bound.lead,
            bound.export,
        )  # fmt: skip

    async def _beaten(self, bound: BoundSession, digest: str, opener_key: str | None) -> Started:
        """Another call was first, perhaps in another process: join it if it asked the same."""
        jobs = await self.store.jobs_of_chat(bound.tenant, bound.row.chat_session_id)
        live = next((j for j in jobs if not j.final), None)
        if live is not None:
            if digest_in(live) == digest:
                await self.take_export(bound)
                return Started(bound, live, bound.notices, joined=True)
            raise busy(live)
        elsewhere = await self.store.live_chat_of_lead(bound.tenant, opener_key or "")
        if elsewhere is not None:
            raise hunted_elsewhere(elsewhere)
        raise ChatBusy("Another run of this chat has just ended.", "Call again.")


def no_graph_yet() -> NotFound:
    return NotFound(
        "There is no such chat, or nothing has run in it yet.",
        "Call "
        + spelled("enrich_lead_session", lead={"company": "<as in the CRM>"})
        + "; or pass lead and prior_backfill.",
    )


def graph_of_another(chat: str) -> InvalidArgument:
    return InvalidArgument(
        "The lead has changed since this graph was made; the graph is about the lead as it was. "
        "Nothing was run or charged.",
        f"Call {spelled('enrich_lead_session', chat_session_id=chat)} to hunt for the new one.",
    )


def busy(live: Job) -> ChatBusy:
    return ChatBusy("A run of this chat is under way. Nothing was run or charged.", _wait_for(live))


def _wait_for(live: Job) -> str:
    if live.status is JobStatus.WAITING:
        return (
            "Ask the user which company is meant, then call enrich_lead_session("
            f'chat_session_id="{live.chat_session_id}", identity_choice="<id>").'
        )
    return f'Call wait_enrich_job(job_id="{live.id}"), then call again.'


def running_slots(bound: BoundSession) -> frozenset[str]:
    if bound.row.backfill is None:
        return frozenset()
    trace = Backfill.model_validate_json(bound.row.backfill).tool_trace.parallel_results
    return frozenset(r.model_id for r in trace if r.state == SlotState.RUNNING.value)


def retried(
    jobs: Sequence[Job],
    digest: str,
    terms: Terms,
    *,
    now: datetime,
    window: timedelta,
    version: int,
) -> Job | None:
    """The run that an identical request started: the one under the caller's own key, a live one,
    or the newest when it is just done and the graph, now at `version`, is as it left it. The same
    words after another run, a correction or a submission are a new wish."""
    own = _caller_key(terms)
    for job in jobs:
        if own is not None and job.idempotency_key == own:
            if digest_in(job) != digest:
                raise key_used()
            return job
        if digest_in(job) != digest:
            continue
        recent = job.status is JobStatus.DONE and abs(now - job.updated_at) < window
        recent = recent and json.loads(job.result or "{}").get("version") == version
        if not job.final or (recent and own is None and job is jobs[-1]):
            return job
    return None


def digest_of(route: str, request: BaseModel, *, without: set[str] | None = None) -> str:
    return _sha(route + request.model_dump_json(exclude={"digest", *(without or ())}))


def digest_in(job: Job) -> str:
    return str(json.loads(job.payload).get("digest", ""))


def _caller_key(terms: Terms) -> str | None:
    return None if terms.idempotency_key is None else f"caller:{_sha(terms.idempotency_key)}"


def key_used() -> InvalidArgument:
    return InvalidArgument("This idempotency key was used for another request.", "Use a new key.")


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
