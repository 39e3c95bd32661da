"""The lead session, one use case for every entrance: MCP, HTTP, command line, job runner.

bind → checklist → submit a job → follow it. The job's work is `SessionRun`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import anyio
import anyio.to_thread

from data411_mcp.domain.calls import WORDS, spelled
from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.graph import Backfill, IdentityCard, Notice, SlotRow
from data411_mcp.domain.jobs import Finished, Job, JobStatus, Waiting, WorkResult
from data411_mcp.domain.lead_binding import moved
from data411_mcp.domain.lead_input import lead_key
from data411_mcp.domain.ledger import Bill
from data411_mcp.domain.pricing import SESSION, QuoteItem, items_of
from data411_mcp.domain.seeds import seed_fits, seed_keys
from data411_mcp.domain.slots import DEEP, FORGE, GROUND, SLOTS, SWIFT, Pass, SlotState
from data411_mcp.errors import IdentityChoiceInvalid
from data411_mcp.services.accounts import sync_budget_cents
from data411_mcp.services.closing import Closing
from data411_mcp.services.lead_jobs import LeadJobs, busy, digest_of, retried
from data411_mcp.services.payloads import LEAD_SESSION
from data411_mcp.services.ports import JobContext, JobRunner, SeedRow
from data411_mcp.services.requests import (
    BoundSession,
    SessionRequest,
    bind_session,
    check_follow_up,
    clean_prompts,
    take_export,
)
from data411_mcp.services.routes import Started, Terms
from data411_mcp.services.run_graph import same_company
from data411_mcp.services.run_setup import RunSetup, load_run, stored_graph
from data411_mcp.services.slot_wishes import obeying
from data411_mcp.services.wording import named_slots, only_resynthesis

if TYPE_CHECKING:
    from data411_mcp.services.session_run import SessionRun

ROUTE = LEAD_SESSION
END_SECONDS = 5.0  # how long a cancelled run is waited for before another one begins
# An identical request within this time of a finished run is a client's retry, not a new wish.
RETRY_WINDOW = timedelta(minutes=15)
_WARM = "warm_seed"
_FOLLOW_UP_SLOTS = (GROUND, FORGE, SWIFT, DEEP)


@dataclass(frozen=True)
class _Asked:
    """The arguments of one call."""

    lead: Mapping[str, Any] | None
    chat_session_id: str | None
    prompts: tuple[str, ...]
    refresh: bool
    identity_choice: str | None
    crm_export: bool
    budget_cents: int | None
    progress_key: str | None
    terms: Terms


@dataclass
class Enrichment:
    """The route `enrich/lead-session`."""

    jobs: LeadJobs
    setup: RunSetup
    closing: Closing
    name: str = ROUTE
    _opening: WeakValueDictionary[str, anyio.Lock] = field(default_factory=WeakValueDictionary)

    @property
    def runner(self) -> JobRunner:
        return self.jobs.runner

    # --- asking -----------------------------------------------------------------------------

    async def start(
        self, tenant: str, payload: Mapping[str, Any], terms: Terms | None = None
    ) -> Started:
        """Bind, check, and submit (or find) the job. `payload` has the fields of
        LeadSessionPayload. Raises CallerError."""
        chat = payload.get("chat_session_id")
        asked = _Asked(
            lead=payload.get("lead"),
            chat_session_id=chat,
            prompts=clean_prompts(payload.get("prompts")),
            refresh=bool(payload.get("refresh")),
            identity_choice=payload.get("identity_choice"),
            crm_export=bool(payload.get("crm_export")),
            budget_cents=sync_budget_cents(payload.get("budget_usd")),
            progress_key=payload.get("progress_key"),
            terms=terms or Terms(),
        )
        if chat is not None:
            return await self._start(tenant, asked)
        # No chat yet: of two calls at once for one lead the store lets one through, and the other
        # would have done its looking up in vain. Calls for other leads need not wait.
        same = json.dumps([tenant, asked.lead], sort_keys=True, default=str)
        async with self._opening.setdefault(same, anyio.Lock()):
            return await self._start(tenant, asked)

    async def _start(self, tenant: str, asked: _Asked) -> Started:
        words, refresh, identity_choice = asked.prompts, asked.refresh, asked.identity_choice
        jobs = self.jobs
        bound = await bind_session(
            jobs.store, jobs.clock, tenant, asked.lead, asked.chat_session_id,
            crm_export=asked.crm_export, erased=await jobs.forgetting.tombstones(tenant),
        )  # fmt: skip
        known = await jobs.store.jobs_of_chat(tenant, bound.row.chat_session_id)
        backfill = stored_graph(bound)
        live = next((j for j in known if not j.final), None)
        # Only a new export ends a run: it hunts for the lead as it was before.
        ends = live is not None and bool(bound.export) and _about_another(live, bound)
        elsewhere = backfill is not None and moved(backfill.lead, bound.lead)
        finished = bool(backfill and backfill.summary_markdown) and _finished(known)
        if live is not None and live.status is JobStatus.WAITING and identity_choice and not ends:
            await jobs.take_export(bound)
            return await self._choose(bound, live, backfill, identity_choice)
        follows = finished or _names_a_slot(words, backfill)
        request = SessionRequest(
            lead=bound.lead,
            prompts=words,
            refresh=refresh,
            identity_choice=identity_choice,
            follow_up=follows and not refresh and not elsewhere,
        )
        digest = digest_of(ROUTE, request, without={"follow_up"})
        found = retried(
            known, digest, asked.terms,
            now=jobs.clock.now(), window=RETRY_WINDOW, version=bound.row.version,
        )  # fmt: skip
        if found is not None:
            await jobs.take_export(bound)
            return Started(bound, found, bound.notices, joined=True)
        if live is not None and not ends:
            await jobs.take_export(bound)
            joins = Notice(code="RUN_UNDER_WAY", text="A run of this chat is under way; it was "
                           "joined. Ask again when it is done.")  # fmt: skip
            return Started(bound, live, (*bound.notices, joins), joined=True)
        if identity_choice is not None:
            _check_choice(bound, None if elsewhere else backfill, identity_choice)
        if not bound.first and not elsewhere and not ends:
            check_follow_up(bound, backfill, words, refresh=refresh, finished=finished)
        request = request.model_copy(update={"digest": digest})
        return await self._submit(bound, request, backfill, asked, ends=live if ends else None)

    async def _submit(
        self, bound: BoundSession, request: SessionRequest, backfill: Backfill | None,
        asked: _Asked, ends: Job | None,
    ) -> Started:  # fmt: skip
        accounts = self.jobs.accounts
        words = request.prompts
        if request.follow_up and backfill is not None and not only_resynthesis(words, backfill):
            slots = named_slots(words, backfill) or _FOLLOW_UP_SLOTS
            request = request.model_copy(update={"slots": slots})
        items = self._items(bound.tenant, request)
        quote = accounts.quote(
            items,
            asked.terms.ceiling_cents,
            budget_cents=asked.budget_cents,
            trues_up=any(i.item == SESSION for i in items),
        )
        if ends is not None:
            await accounts.check_covered(bound.tenant, quote)
            if await self._end(ends) is not None:
                raise busy(ends)
        return await self.jobs.submit(
            bound,
            ROUTE,
            request,
            quote,
            asked.terms,
            progress_key=asked.progress_key,
            opener_key=bound.key.text if asked.chat_session_id is None else None,
        )

    def _items(self, tenant: str, request: SessionRequest) -> tuple[QuoteItem, ...]:
        """A follow-up costs the paid slots it runs; anything else is a session."""
        prices = self.jobs.accounts.prices
        if not request.follow_up:
            return (QuoteItem(item=SESSION, cents=prices.session_cents),)
        runnable = self.setup.desks(tenant).sources.runnable()
        paid = [s for s in request.slots if s in runnable and SLOTS[s].pass_ is not Pass.FREE]
        return items_of(paid, prices.slot_cents)

    async def _end(self, job: Job) -> Job | None:
        """Cancel the run of the lead as it was before a new export; None when it has stopped."""
        await self.runner.cancel(job.tenant, job.id)
        job = await self.runner.wait(job.tenant, job.id, seconds=END_SECONDS)
        return None if job.final else job

    async def _choose(
        self, bound: BoundSession, job: Job, backfill: Backfill | None, choice: str
    ) -> Started:
        chat = bound.row.chat_session_id
        offered = backfill.identity.choices if backfill else ()
        if choice != "none" and choice not in {c.id for c in offered}:
            raise _not_offered(chat, [*(c.id for c in offered), "none"])
        store, clock = self.jobs.store, self.jobs.clock
        await store.set_identity_choice(bound.tenant, chat, choice, clock.now())
        payload = json.dumps(json.loads(job.payload) | {"identity_choice": choice})
        return Started(bound, await self.runner.resume(bound.tenant, job.id, payload))

    async def close(self, job: Job, status: JobStatus, reason: str) -> Bill | None:
        return await self.closing.close(job, status, reason)

    # --- working ----------------------------------------------------------------------------

    async def work(self, ctx: JobContext) -> WorkResult:
        """The job's work: one run of the session. Resumable at the slots that had not landed."""
        await anyio.to_thread.run_sync(load_run)
        request = SessionRequest.model_validate_json(ctx.job.payload)
        await self._take_export(ctx, request)
        bound = await self.setup.bound(ctx)
        ctx.emit(ProgressEvent(name=EventName.SESSION_STARTED, message="Session started.",
                               context={"chat_session_id": ctx.job.chat_session_id}))  # fmt: skip
        run = await self.setup.run(ctx, bound, request)
        async with obeying(ctx, run):
            finished = await self._carry_out(run, request)
        if not finished:
            return Waiting(json.dumps({"needs": "identity_choice"}))
        await self._leave_seed(run)
        ctx.emit(ProgressEvent(name=EventName.SESSION_FINISHED, message="Session finished."))
        return Finished(json.dumps({"version": run.graph.version}), run.graph.bill())

    async def _take_export(self, ctx: JobContext, request: SessionRequest) -> None:
        """For a process that ended between the job's insert and this."""
        if request.export:
            erased = await self.jobs.forgetting.tombstones(ctx.job.tenant)
            await take_export(
                self.jobs.store, self.jobs.clock, ctx.job.tenant, ctx.job.chat_session_id,
                erased.without_person(request.lead), request.export,
            )  # fmt: skip

    async def _carry_out(self, run: SessionRun, request: SessionRequest) -> bool:
        if request.follow_up and not request.slots:
            await run.graph.synthesize("synthesize-patch")
            return True
        if request.follow_up:
            return await run.only(request.slots)
        return await run.full(lambda: self._take_seed(run))

    # --- warm seed --------------------------------------------------------------------------

    async def _take_seed(self, run: SessionRun) -> frozenset[str]:
        """Put an earlier session about the same company into the graph; returns the paid slots
        that are then not bought again. Whatever an attempt of this job has begun stays."""
        bound = run.bound
        rows = run.graph.backfill.tool_trace.parallel_results
        paid = [r for r in rows if _paid(r) and r.state != SlotState.PENDING.value]
        if run.request.refresh or paid:
            return frozenset(r.model_id for r in paid if _WARM in r.degraded)
        oldest = self.jobs.clock.now() - timedelta(hours=self.setup.limits.seed_ttl_hours)
        seed = await self.jobs.store.find_seed(
            bound.tenant, seed_keys(bound.lead, bound.key), not_before=oldest
        )
        if seed is None or seed.chat_session_id == bound.row.chat_session_id:
            return frozenset()
        row = await self.jobs.store.session(bound.tenant, seed.chat_session_id)
        if row is None or row.backfill is None:
            return frozenset()
        earlier = Backfill.model_validate_json(row.backfill)
        # Namesakes share a name and a town: the seed must be about the company decided on.
        if not seed_fits(bound.lead, bound.key, earlier) or not same_company(
            run.graph.backfill.identity, earlier.identity
        ):
            return frozenset()
        done = (SlotState.DONE, SlotState.REPETITION)
        carried = [
            _seeded(r) for r in earlier.tool_trace.parallel_results if _paid(r) and r.state in done
        ]
        await run.carry(earlier, carried)
        return frozenset(r.model_id for r in carried)

    async def _leave_seed(self, run: SessionRun) -> None:
        card: IdentityCard = run.graph.backfill.identity
        if card.decision != "clear":
            return
        now, bound = self.jobs.clock.now(), run.bound
        chat = bound.row.chat_session_id
        lead = run.graph.backfill.lead  # as saved: without the erased
        keys = seed_keys(lead, lead_key(lead))
        await self.jobs.store.put_seeds(bound.tenant, [SeedRow(k, chat, now) for k in keys])


def _check_choice(bound: BoundSession, backfill: Backfill | None, choice: str) -> None:
    """A choice that nobody waits for: one of those that the card still offers, or the one made
    before. A clear identity is not undone. Raises IdentityChoiceInvalid."""
    offered = [c.id for c in backfill.identity.choices] if backfill is not None else []
    if offered:
        offered.append("none")
    if choice not in offered and choice != bound.row.identity_choice:
        raise _not_offered(bound.row.chat_session_id, offered)


def _not_offered(chat: str, offered: Sequence[str]) -> IdentityChoiceInvalid:
    if not offered:
        call = spelled("enrich_lead_session", chat_session_id=chat, prompts=[WORDS])
        return IdentityChoiceInvalid(
            "No company is to be chosen in this chat. Nothing was run or charged.",
            f"Leave identity_choice out: call {call}.",
        )
    call = spelled("enrich_lead_session", chat_session_id=chat, identity_choice=offered[0])
    others = ", ".join(f'"{i}"' for i in offered[1:])
    return IdentityChoiceInvalid(
        "identity_choice names none of the offered companies.",
        f"Ask the user, then call {call}; the other choices are {others}.",
    )


def _about_another(job: Job, bound: BoundSession) -> bool:
    """The job hunts for the lead as it was before a new export moved it."""
    return moved(SessionRequest.model_validate_json(job.payload).lead, bound.lead)


def _finished(jobs: Sequence[Job]) -> bool:
    """The newest whole run has come to its end, whatever became of follow-ups. Retention deletes
    old jobs."""
    for job in reversed([j for j in jobs if j.route == ROUTE and j.final]):
        if not SessionRequest.model_validate_json(job.payload).follow_up:
            return job.status is JobStatus.DONE
    return True


def _names_a_slot(words: tuple[str, ...], backfill: Backfill | None) -> bool:
    """Of a run that was cut short one slot can be had, too, as soon as there is a trace."""
    return (
        backfill is not None
        and bool(backfill.tool_trace.parallel_results)
        and bool(named_slots(words, backfill))
    )


def _paid(row: SlotRow) -> bool:
    return SLOTS[row.model_id].pass_ in (Pass.FIRST, Pass.DIG_DEEPER)


def _seeded(row: SlotRow) -> SlotRow:
    return row.model_copy(update={"degraded": (_WARM,), "cost_usd_micros": 0})
