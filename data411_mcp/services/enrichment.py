"""The lead session, one use case for every entrance: MCP, HTTP, command line, job runner.

bind → checklist → submit a job → follow it. The job's work is `SessionRun`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.extract.document import Hints
from data411_mcp.domain.graph import Backfill, IdentityCard, Notice, SlotRow
from data411_mcp.domain.jobs import Finished, Job, JobStatus, SlotWish, Waiting, WorkResult
from data411_mcp.domain.lead_binding import moved
from data411_mcp.domain.lead_input import lead_key
from data411_mcp.domain.merge import assemble, statements_of
from data411_mcp.domain.seeds import seed_fits, seed_keys
from data411_mcp.domain.slots import DEEP, FORGE, GROUND, SLOTS, SWIFT, Pass, SlotState
from data411_mcp.errors import IdentityChoiceInvalid, NotFound, StaleVersion
from data411_mcp.services.closing import Closing
from data411_mcp.services.forgetting import Forgetting
from data411_mcp.services.limits import Limits
from data411_mcp.services.ports import (
    Clock,
    JobContext,
    JobRunner,
    PageReader,
    Prompts,
    SeedRow,
    Store,
)
from data411_mcp.services.requests import (
    BoundSession,
    SessionRequest,
    bind_session,
    check_follow_up,
    clean_prompts,
    named_slots,
    only_resynthesis,
)

# A process that only reads graphs never hunts: the run is imported with its first job.
if TYPE_CHECKING:
    from data411_mcp.services.hunting.brief import Sources
    from data411_mcp.services.session_run import SessionRun

ROUTE = "enrich/lead-session"
SAVE_ATTEMPTS = 5
END_SECONDS = 5.0  # how long a cancelled run is waited for before another one begins
# An identical request within this time of a finished run is a client's retry, not a new wish.
RETRY_WINDOW = timedelta(minutes=15)
_WARM = "warm_seed"
_FOLLOW_UP_SLOTS = (GROUND, FORGE, SWIFT, DEEP)


@dataclass(frozen=True)
class Started:
    """A session that was bound, and the job that hunts for it."""

    bound: BoundSession
    job: Job
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True)
class _Asked:
    """The arguments of one call."""

    lead: Mapping[str, Any] | None
    chat_session_id: str | None
    prompts: tuple[str, ...]
    refresh: bool
    identity_choice: str | None
    crm_export: bool


@dataclass
class Enrichment:
    store: Store
    reader: PageReader
    sources: Sources
    prompts: Prompts
    forgetting: Forgetting
    clock: Clock
    limits: Limits
    _runner: JobRunner | None = None
    _opening: anyio.Lock = field(default_factory=anyio.Lock)

    @property
    def runner(self) -> JobRunner:
        """Given after construction: the runner's work is our own `work`."""
        assert self._runner is not None  # noqa: S101 - the composition root sets it
        return self._runner

    def run_on(self, runner: JobRunner) -> None:
        self._runner = runner

    # --- asking -----------------------------------------------------------------------------

    async def start(
        self,
        tenant: str,
        *,
        lead: Mapping[str, Any] | None,
        chat_session_id: str | None = None,
        prompts: object = None,
        refresh: bool = False,
        identity_choice: str | None = None,
        crm_export: bool = False,
    ) -> Started:
        """Bind, check, and submit (or find) the job. Raises CallerError."""
        asked = _Asked(lead, chat_session_id, clean_prompts(prompts), refresh, identity_choice,
                       crm_export)  # fmt: skip
        if chat_session_id is not None:
            return await self._start(tenant, asked)
        # No chat yet: looking for a live one of this lead and starting a run is one step, or two
        # calls at once would both open a chat and buy everything twice.
        async with self._opening:
            return await self._start(tenant, asked)

    async def _start(self, tenant: str, asked: _Asked) -> Started:
        words, refresh, identity_choice = asked.prompts, asked.refresh, asked.identity_choice
        bound = await bind_session(
            self.store, self.clock, tenant, asked.lead, asked.chat_session_id,
            crm_export=asked.crm_export, erased=await self.forgetting.tombstones(tenant),
        )  # fmt: skip
        chat = bound.row.chat_session_id
        jobs = await self.store.jobs_of_chat(tenant, chat)
        backfill = _backfill(bound)
        live = next((j for j in jobs if not j.final), None)
        if live is not None and _about_another(live, bound):
            live = await self._end(live)
            bound, backfill = await self._reread(bound)
        elsewhere = backfill is not None and moved(backfill.lead, bound.lead)
        finished = bool(backfill and backfill.summary_markdown) and _finished(jobs)
        if live is not None and live.status is JobStatus.WAITING and identity_choice:
            return await self._choose(bound, live, backfill, identity_choice)
        request = SessionRequest(
            lead=bound.lead,
            prompts=words,
            refresh=refresh,
            identity_choice=identity_choice,
            follow_up=finished and not refresh and not elsewhere,
        )
        digest = _digest(request)
        retried = self._retried(jobs, digest)
        if retried is not None:
            return Started(bound, retried, bound.notices)
        if live is not None:
            busy = Notice(code="RUN_UNDER_WAY", text="A run of this chat is under way; it was "
                          "joined. Ask again when it is done.")  # fmt: skip
            return Started(bound, live, (*bound.notices, busy))
        if not bound.first and not elsewhere:
            check_follow_up(bound, backfill, words, refresh=refresh, finished=finished)
        return Started(bound, await self._submit(bound, request, digest, len(jobs)), bound.notices)

    async def _end(self, job: Job) -> Job | None:
        """Cancel the run of the lead as it was before a new export; None when it has stopped."""
        await self.runner.cancel(job.tenant, job.id)
        job = await self.runner.wait(job.tenant, job.id, seconds=END_SECONDS)
        return None if job.final else job

    async def _reread(self, bound: BoundSession) -> tuple[BoundSession, Backfill | None]:
        row = await self.store.session(bound.tenant, bound.row.chat_session_id)
        bound = replace(bound, row=row or bound.row)
        return bound, _backfill(bound)

    def _retried(self, jobs: tuple[Job, ...], digest: str) -> Job | None:
        """The run that an identical request started: live, or the newest and just done. The same
        words after another run are a new wish."""
        now = self.clock.now()
        for job in jobs:
            if not job.idempotency_key.startswith(digest):
                continue
            recent = job.status is JobStatus.DONE and now - job.updated_at < RETRY_WINDOW
            if not job.final or (recent and job is jobs[-1]):
                return job
        return None

    async def _submit(
        self, bound: BoundSession, request: SessionRequest, digest: str, count: int
    ) -> Job:
        now = self.clock.now()
        return await self.runner.submit(
            Job(
                id=self.clock.new_id(),
                tenant=bound.tenant,
                route=ROUTE,
                chat_session_id=bound.row.chat_session_id,
                lead_key=bound.row.lead_key,
                payload=request.model_dump_json(),
                status=JobStatus.QUEUED,
                created_at=now,
                updated_at=now,
                idempotency_key=f"{digest}:{bound.tenant}:{bound.row.chat_session_id}:{count}",
                priority=10,
            )
        )

    async def _choose(
        self, bound: BoundSession, job: Job, backfill: Backfill | None, choice: str
    ) -> Started:
        offered = backfill.identity.choices if backfill else ()
        if choice != "none" and choice not in {c.id for c in offered}:
            ids = ", ".join(f'"{c.id}"' for c in offered)
            raise IdentityChoiceInvalid(
                "identity_choice names none of the offered companies.",
                f'Pass one of {ids}, or "none" if it is none of them.',
            )
        chat = bound.row.chat_session_id
        await self.store.set_identity_choice(bound.tenant, chat, choice, self.clock.now())
        request = SessionRequest.model_validate_json(job.payload)
        payload = request.model_copy(update={"identity_choice": choice}).model_dump_json()
        return Started(bound, await self.runner.resume(bound.tenant, job.id, payload))

    async def close(self, job: Job, status: JobStatus, reason: str) -> None:
        """End the graph of a run that was cancelled or failed: see `Closing`."""
        closing = Closing(self.store, self.forgetting, self.clock, self.sources.runnable)
        await closing.close(job, status, reason)

    # --- working ----------------------------------------------------------------------------

    async def work(self, ctx: JobContext) -> WorkResult:
        """The job's work: one run of the session. Resumable at the slots that had not landed."""
        # In a thread: a fifth of a second that would hold up other chats and their progress.
        await anyio.to_thread.run_sync(_load_run)
        job = ctx.job
        row = await self.store.session(job.tenant, job.chat_session_id)
        if row is None:
            raise NotFound("The chat of this job is gone.", "Open a new chat with the lead.")
        request = SessionRequest.model_validate_json(job.payload)
        bound = await bind_session(self.store, self.clock, job.tenant, None, job.chat_session_id)
        ctx.emit(ProgressEvent(name=EventName.SESSION_STARTED, message="Session started.",
                               context={"chat_session_id": job.chat_session_id}))  # fmt: skip
        run = await self._prepare(ctx, bound, request)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._obey, ctx, run)
            finished = await self._carry_out(run, request)
            tasks.cancel_scope.cancel()
        if not finished:
            return Waiting(json.dumps({"needs": "identity_choice"}))
        await self._leave_seed(run)
        ctx.emit(ProgressEvent(name=EventName.SESSION_FINISHED, message="Session finished."))
        return Finished(json.dumps({"version": run.version}))

    async def _carry_out(self, run: SessionRun, request: SessionRequest) -> bool:
        if request.follow_up and only_resynthesis(request.prompts):
            await run.synthesize("synthesize-patch")
            return True
        if request.follow_up:
            named = named_slots(request.prompts, run.backfill)
            return await run.only(named or _FOLLOW_UP_SLOTS)
        return await run.full(lambda: self._take_seed(run))

    async def _prepare(
        self, ctx: JobContext, bound: BoundSession, request: SessionRequest
    ) -> SessionRun:
        from data411_mcp.services.session_run import SessionRun
        from data411_mcp.services.shelf import Shelf
        from data411_mcp.services.synthesis import Writer

        backfill, version = _backfill(bound), bound.row.version
        if backfill is None:
            backfill = Backfill(chat_session_id=bound.row.chat_session_id, lead=bound.lead)
        elif moved(backfill.lead, bound.lead):
            backfill, version = await self._start_over(ctx, bound, "new_export")
        elif request.refresh and "refreshed" not in ctx.checkpoints:
            backfill, version = await self._start_over(ctx, bound, "refresh")
        hints = Hints(
            country=bound.key.country,
            domain=bound.key.domain,
            company=bound.lead.company,
            phones=bound.key.phones,
        )
        shelf = Shelf(
            reader=self.reader,
            hints=hints,
            quota=self.limits.page_quota,
            deadline_seconds=self.limits.page_deadline_seconds,
            refresh=request.refresh,
        )
        return SessionRun(
            ctx=ctx,
            bound=bound,
            request=request,
            backfill=backfill.model_copy(update={"lead": bound.lead, "notices": ()}),
            version=version,
            shelf=shelf,
            sources=self.sources,
            prompts=self.prompts,
            writer=Writer(self.sources.llm, self.prompts, self.limits.synthesis_model),
            store=self.store,
            forgetting=self.forgetting,
            clock=self.clock,
            limits=self.limits.run,
        )

    async def _start_over(
        self, ctx: JobContext, bound: BoundSession, reason: str
    ) -> tuple[Backfill, int]:
        """From zero: the old graph is archived, a human's corrections are carried over. Saved
        before it is checkpointed, so that no later attempt goes on with the old graph."""
        tenant, chat = bound.tenant, bound.row.chat_session_id
        for _ in range(SAVE_ATTEMPTS):
            row = await self.store.session(tenant, chat)
            if row is None or row.backfill is None:
                raise NotFound("The graph of this job is gone.", "Open a new chat with the lead.")
            now = self.clock.now()
            await self.store.archive_backfill(tenant, chat, reason, now)
            emptied = _emptied(Backfill.model_validate_json(row.backfill), bound)
            try:
                version = await self.store.save_backfill(
                    tenant,
                    chat,
                    emptied.model_dump_json(by_alias=True),
                    expected_version=row.version,
                    at=now,
                )
            except StaleVersion:
                continue  # a correction came in between: it is carried over, too
            await ctx.checkpoint("refreshed", now.isoformat())
            return emptied, version
        raise StaleVersion("The graph kept changing while it was emptied.", "Call again.")

    async def _obey(self, ctx: JobContext, run: SessionRun) -> None:
        """Cancel and retry wishes for single slots, as they come in."""
        async for request in ctx.slot_requests():
            if request.wish is SlotWish.RETRY:
                run.controls.retry(request)
            else:
                run.controls.cancel(request.slot)

    # --- warm seed --------------------------------------------------------------------------

    async def _take_seed(self, run: SessionRun) -> frozenset[str]:
        """Put an earlier session about the same company into the graph; returns the paid slots
        that are then not bought again. Whatever an attempt of this job has begun stays."""
        bound = run.bound
        paid = [r for r in run.backfill.tool_trace.parallel_results if _paid(r)]
        if run.request.refresh or paid:
            return frozenset(r.model_id for r in paid if _WARM in r.degraded)
        oldest = self.clock.now() - timedelta(hours=self.limits.seed_ttl_hours)
        seed = await self.store.find_seed(
            bound.tenant, seed_keys(bound.lead, bound.key), not_before=oldest
        )
        if seed is None or seed.chat_session_id == bound.row.chat_session_id:
            return frozenset()
        row = await self.store.session(bound.tenant, seed.chat_session_id)
        if row is None or row.backfill is None:
            return frozenset()
        earlier = Backfill.model_validate_json(row.backfill)
        # Namesakes share a name and a town: the seed must be about the company decided on.
        if not seed_fits(bound.lead, bound.key, earlier) or not _same_company(
            run.backfill.identity, earlier.identity
        ):
            return frozenset()
        done = (SlotState.DONE, SlotState.REPETITION)
        carried = [
            _seeded(r) for r in earlier.tool_trace.parallel_results if _paid(r) and r.state in done
        ]
        await run.carry(earlier, carried)
        return frozenset(r.model_id for r in carried)

    async def _leave_seed(self, run: SessionRun) -> None:
        card: IdentityCard = run.backfill.identity
        if card.decision != "clear":
            return
        now, bound = self.clock.now(), run.bound
        chat = bound.row.chat_session_id
        lead = run.backfill.lead  # as saved: without the erased
        keys = seed_keys(lead, lead_key(lead))
        await self.store.put_seeds(bound.tenant, [SeedRow(k, chat, now) for k in keys])


def _load_run() -> None:
    """What the first run of a process needs, read once: modules and their tables."""
    import data411_mcp.services.session_run  # noqa: F401 - `_prepare` takes it from here
    from data411_mcp.domain.extract.decode import decode
    from data411_mcp.domain.extract.document import Hints
    from data411_mcp.domain.extract.read import read_document

    page = b"<p>Jane Doe, director, 1 Main Street, Springfield. Phone +1 212 555 0100</p>"
    read_document(decode(page, content_type="text/html", url="https://load.example/"), Hints())


def _backfill(bound: BoundSession) -> Backfill | None:
    if bound.row.backfill is None:
        return None
    return Backfill.model_validate_json(bound.row.backfill)


def _emptied(old: Backfill, bound: BoundSession) -> Backfill:
    human = [s for s in statements_of(old) if any(e.source == "human" for e in s.evidence)]
    kept = [
        s.model_copy(update={"evidence": tuple(e for e in s.evidence if e.source == "human")})
        for s in human
    ]
    empty = Backfill(
        chat_session_id=old.chat_session_id,
        lead=bound.lead,
        summary_markdown="" if moved(old.lead, bound.lead) else old.summary_markdown,
        summary_history=old.summary_history,
        graph_fingerprint=old.graph_fingerprint,
        spent=old.spent,
    )
    return assemble(empty, kept, [])


def _about_another(job: Job, bound: BoundSession) -> bool:
    """The job hunts for the lead as it was before a new export moved it."""
    return job.route == ROUTE and moved(
        SessionRequest.model_validate_json(job.payload).lead, bound.lead
    )


def _finished(jobs: tuple[Job, ...]) -> bool:
    """A run has come to its end, whatever became of follow-ups. Retention deletes old jobs."""
    for job in reversed([j for j in jobs if j.route == ROUTE]):
        if job.status is JobStatus.DONE:
            return True
        if job.final and not SessionRequest.model_validate_json(job.payload).follow_up:
            return False
    return True


def _paid(row: SlotRow) -> bool:
    return SLOTS[row.model_id].pass_ in (Pass.FIRST, Pass.DIG_DEEPER)


def _same_company(one: IdentityCard, other: IdentityCard) -> bool:
    """Both cards are clear and hold one domain or register number in common."""
    strong = {"domain", "registry_id"}
    mine, theirs = (
        {(a.kind, a.value.casefold()) for a in card.anchors if a.kind in strong}
        for card in (one, other)
    )
    return one.decision == other.decision == "clear" and bool(mine & theirs)


def _seeded(row: SlotRow) -> SlotRow:
    return row.model_copy(update={"degraded": (_WARM,), "cost_usd_micros": 0})


def _digest(request: SessionRequest) -> str:
    """Equal for a client's retry of the same request."""
    text = request.model_dump_json(exclude={"follow_up"})
    return hashlib.sha256(text.encode()).hexdigest()[:32]
