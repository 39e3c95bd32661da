"""Use cases behind the HTTP routes: run and wait, hand in, look, follow, cancel."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from data411_mcp.domain.access import POLL_PREFIX, Principal, secret_hash
from data411_mcp.domain.graph import Backfill, Notice
from data411_mcp.domain.jobs import BATCH, INTERACTIVE, Job
from data411_mcp.errors import ChatBusy, ChatSessionRequired, InvalidArgument, NotFound
from data411_mcp.services import job_views as views
from data411_mcp.services.account_view import account_view
from data411_mcp.services.accounts import ceiling_cents, sync_budget_cents
from data411_mcp.services.answers import status_word
from data411_mcp.services.arguments import checked, unknown_argument
from data411_mcp.services.joining import OwnTerms, join
from data411_mcp.services.keyed import Keyed, request_text, usable_key
from data411_mcp.services.payloads import LEAD_SESSION, PAYLOADS, Payload
from data411_mcp.services.ports import Emit
from data411_mcp.services.routes import Started, Terms
from data411_mcp.services.slot_names import slot_named

if TYPE_CHECKING:
    from data411_mcp.services.container import Services

EVENTS_PER_PAGE_MAX = 1000
HANDLE_CHARS_MAX = 200
REPEATS_MAX = 32  # identical submissions whose poll bearers are still told apart
_BEARER_SECRET = "poll_bearers"  # noqa: S105 - the name of the secret, not the secret


@dataclass(frozen=True)
class Submission:
    """A job as handed in. `bill_up_to_usd` is as the caller sent it."""

    route: str
    payload: Mapping[str, Any]
    bill_up_to_usd: object = None
    callback_url: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True)
class Begun:
    """A call and the job that does it. `joined`: another request had started the job."""

    job: Job
    notices: tuple[Notice, ...] = ()
    joined: bool = False


@dataclass(frozen=True)
class JobsApi:
    app: Services

    # --- running ----------------------------------------------------------------------------

    async def start(
        self, who: Principal, route: str, payload: Payload, idempotency_key: str | None = None
    ) -> Begun:
        """A synchronous call: the caller waits. Raises CallerError, with nothing charged."""
        given = payload.model_dump()
        terms = Terms(
            subject=who.subject,
            ceiling_cents=sync_budget_cents(given.get("budget_usd")),
            priority=INTERACTIVE,
            idempotency_key=usable_key(idempotency_key),
        )
        text = request_text("call", route, given)
        keyed = Keyed(self.app.store, who.tenant, terms.idempotency_key, text)
        return await self._begun(who, route, given, terms, keyed)

    async def _begun(
        self, who: Principal, route: str, payload: dict[str, Any], terms: Terms, keyed: Keyed
    ) -> Begun:
        """The job that the key names, or else a new one, or one that is joined."""
        known = await keyed.job()
        if known is not None:
            return Begun(known, joined=True)
        started = await self.app.routes[route].start(who.tenant, payload, terms)
        more: tuple[Notice, ...] = ()
        if started.joined:
            more = await self._join(started.job, payload, terms)
        job = await keyed.leads_to(started.job)
        return Begun(job, (*started.notices, *more), joined=started.joined)

    async def _join(self, job: Job, payload: dict[str, Any], terms: Terms) -> tuple[Notice, ...]:
        limits = (terms.ceiling_cents, sync_budget_cents(payload.get("budget_usd")))
        own = OwnTerms(
            ceiling_cents=min((c for c in limits if c is not None), default=None),
            callback_url=terms.callback_url,
            progress_key=payload.get("progress_key"),
        )
        return await join(self.app.store, self.app.clock, job, own)

    async def answer(
        self, started: Started | Begun, job: Job
    ) -> views.SessionAnswer | views.RunningAnswer:
        """What a synchronous call hears: the end, or a handle."""
        graph = await self._graph(job)
        cost = await self.app.accounts.cost_of(job)
        replayed = started.joined and started.job.final
        if not views.over(job):
            return views.RunningAnswer(
                status=status_word(job),
                chat_session_id=job.chat_session_id,
                job_id=job.id,
                location=views.location_of(job.id),
                cost=views.cost_view(cost, graph),
                notices=views.notices_of(graph, started.notices),
                next=views.next_call(job),
            )
        if graph is None:
            raise _no_such_chat()
        return views.SessionAnswer(
            status=status_word(job),
            chat_session_id=job.chat_session_id,
            job_id=job.id,
            matched=views.matched(job, graph, cost),
            billed=cost.charged > 0 and not replayed,
            cache_hit=replayed,
            cost=views.cost_view(cost, graph, cache_hit=replayed),
            choices=views.choices_of(job, graph),
            notices=views.notices_of(graph, started.notices),
            next=views.next_call(job),
            error=views.fault_of(job),
            backfill=graph,
        )

    async def submit(self, who: Principal, asked: Submission) -> views.JobAccepted:
        """Hand a job in. The ceiling is looked at before anything else. Raises CallerError, with
        nothing charged."""
        payload, terms = self._checked(who, asked)
        keyed = self._keyed(who, asked)
        bearers = await self._poll_bearers(who, asked)
        terms = replace(terms, poll_bearer_sha=secret_hash(bearers[0]))
        try:
            begun = await self._begun(who, asked.route, payload, terms, keyed)
        except (ChatSessionRequired, ChatBusy):
            identical = await self._live_job_of(bearers)
            if identical is None:
                raise
            begun = Begun(await keyed.leads_to(identical), joined=True)
        return self._accepted(begun.job, bearers, begun.notices)

    def _keyed(self, who: Principal, asked: Submission) -> Keyed:
        text = request_text(
            "job", asked.route, asked.payload, asked.bill_up_to_usd, asked.callback_url
        )
        return Keyed(self.app.store, who.tenant, asked.idempotency_key, text)

    def _accepted(
        self, job: Job, bearers: Sequence[str], notices: Sequence[Notice]
    ) -> views.JobAccepted:
        known = {secret_hash(bearer): bearer for bearer in bearers}
        return views.JobAccepted(
            job_id=job.id,
            poll_bearer=known.get(job.poll_bearer_sha or ""),
            billing_mode=self.app.accounts.billing_mode,
            status=job.status.value,
            chat_session_id=job.chat_session_id,
            location=views.location_of(job.id),
            notices=list(notices),
            next=views.next_call(job),
        )

    async def _live_job_of(self, bearers: Sequence[str]) -> Job | None:
        """The job that an identical submission has started."""
        for bearer in bearers:
            job = await self.app.store.job_by_poll_bearer(secret_hash(bearer))
            if job is not None and not job.final:
                return job
        return None

    async def hand_in(self, who: Principal, asked: Submission) -> Started:
        """The same without a bearer, for who polls with what it called with."""
        payload, terms = self._checked(who, asked)
        return await self.app.routes[asked.route].start(who.tenant, payload, terms)

    def _checked(self, who: Principal, asked: Submission) -> tuple[dict[str, Any], Terms]:
        ceiling = ceiling_cents(asked.bill_up_to_usd)
        payload = payload_of(asked.route, asked.payload)
        if asked.callback_url is not None:
            self.app.callbacks.check_url(asked.callback_url)
        terms = Terms(
            subject=who.subject,
            ceiling_cents=ceiling,
            priority=BATCH,
            callback_url=asked.callback_url,
            idempotency_key=usable_key(asked.idempotency_key),
        )
        return payload.model_dump(), terms

    async def _poll_bearers(self, who: Principal, asked: Submission) -> list[str]:
        """A bearer for the job to come, and then those of earlier identical submissions, the
        newest first. Derived from the request with a secret of the server, so that a caller
        whose answer was lost gets the same one again although only its hash is stored."""
        secret = await self.app.store.secret(_BEARER_SECRET, secrets.token_bytes(32))
        body = json.dumps(
            [asked.route, dict(asked.payload), asked.bill_up_to_usd, asked.callback_url],
            sort_keys=True,
        )
        if asked.idempotency_key is not None:
            return [_derived(secret, who, "key", asked.idempotency_key, body)]
        found: list[str] = []
        for repeat in range(REPEATS_MAX):
            found.insert(0, _derived(secret, who, str(repeat), body))
            if await self.app.store.job_by_poll_bearer(secret_hash(found[0])) is None:
                return found
        return [self.app.access.mint_poll_bearer()[0], *found]

    # --- looking ----------------------------------------------------------------------------

    async def job(self, tenant: str, job_id: str) -> Job:
        """Raises NotFound; another tenant's job looks the same."""
        found = await self.app.store.job(tenant, job_id) if _is_handle(job_id) else None
        if found is None:
            raise _no_such_job()
        return found

    async def view_of_bearer(self, job: Job) -> views.JobView:
        """What whoever polls this one job may see: nothing of the account, and of the chat's graph
        only what the job itself has left."""
        whole = await self.view(job)
        version = await self.app.store.session_version(job.tenant, job.chat_session_id)
        return views.seen_by_bearer(whole, moved_on=views.moved_on(job, version))

    async def view(self, job: Job) -> views.JobView:
        graph = await self._graph(job)
        cost = await self.app.accounts.cost_of(job)
        seq = await self.app.store.last_event_seq(job.id)
        return views.JobView(
            job_id=job.id,
            route=job.route,
            status=job.status.value,
            chat_session_id=job.chat_session_id,
            created_at=job.created_at.isoformat(),
            updated_at=job.updated_at.isoformat(),
            progress_key=job.progress_key,
            cost=views.cost_view(cost, graph),
            result=views.result_of(job),
            error=views.fault_of(job),
            choices=views.choices_of(job, graph),
            board=views.Board(slots=views.slots_of(graph)),
            events=views.events_of(job.id, seq),
            next=views.next_call(job),
            backfill=graph if views.over(job) else None,
        )

    async def wait(
        self, job: Job, *, seconds: float, emit: Emit | None = None, since: int = 0
    ) -> Job:
        if views.over(job) and emit is None:
            return job
        return await self.app.runner.wait(
            job.tenant, job.id, seconds=seconds, emit=emit, since=since
        )

    async def events(self, job: Job, *, since: int, limit: int) -> views.EventsPage:
        page = await self.app.store.events(job.tenant, job.id, since=since, limit=limit)
        return views.EventsPage(
            job_id=job.id,
            status=job.status.value,
            events=list(page),
            next_since=page[-1].seq if page else since,
        )

    async def board(self, tenant: str, progress_key: str) -> views.BoardView:
        """Raises NotFound."""
        jobs = (
            await self.app.store.jobs_of_progress_key(tenant, progress_key)
            if _is_handle(progress_key)
            else ()
        )
        if not jobs:
            raise NotFound(
                "There is no board with this key.", "Pass progress_key when you start a job."
            )
        job = max(jobs, key=lambda j: (j.created_at, j.id))
        graph = await self._graph(job)
        seq = await self.app.store.last_event_seq(job.id)
        return views.BoardView(
            progress_key=progress_key,
            job_id=job.id,
            route=job.route,
            status=job.status.value,
            chat_session_id=job.chat_session_id,
            updated_at=job.updated_at.isoformat(),
            slots=views.slots_of(graph),
            events=views.events_of(job.id, seq),
            next=views.next_call(job),
        )

    async def graph(self, tenant: str, chat_session_id: str) -> Backfill:
        """Raises NotFound."""
        if not _is_handle(chat_session_id):
            raise _no_such_chat()
        return await self.app.views.load(tenant, chat_session_id)

    async def account(self, tenant: str) -> views.AccountView:
        return await account_view(self.app.accounts, tenant)

    async def _graph(self, job: Job) -> Backfill | None:
        try:
            return await self.app.views.load(job.tenant, job.chat_session_id)
        except NotFound:  # deleted by retention before its job
            return None

    # --- changing ---------------------------------------------------------------------------

    async def cancel(self, tenant: str, job_id: str, slot: str | None, *, retry: bool) -> Job:
        """The whole job, or one slot of it, which `retry` starts again. Raises NotFound,
        SlotNotRerunnable, InvalidArgument."""
        job = await self.job(tenant, job_id)
        if slot is not None:
            slot = await self._slot(job, slot)
        if retry and slot is None:
            raise InvalidArgument("retry needs a slot.", "Name the slot: ?slot=<id>&retry=true")
        if retry and slot is not None:
            return await self.app.runner.retry_slot(tenant, job_id, slot)
        if job.final:
            return job
        job = await self.app.runner.cancel(tenant, job_id, slot)
        return job if slot is not None else replace(job, cancel_requested=True)

    async def _slot(self, job: Job, slot: str) -> str:
        models = self.app.leads.setup.limits.run.models
        return slot_named(slot, models, await self._graph(job))


def payload_of(route: str, given: Mapping[str, Any]) -> Payload:
    """Raises InvalidArgument for a route that is unknown, UnknownArgument (which names the route
    that takes it) for a payload of another one."""
    model = PAYLOADS.get(route)
    if model is None:
        raise InvalidArgument(
            "There is no such route.", f"route is one of: {', '.join(sorted(PAYLOADS))}."
        )
    known = list(model.model_fields)
    foreign = next((name for name in given if name not in known), None)
    owner = foreign and next((r for r, m in PAYLOADS.items() if foreign in m.model_fields), None)
    if foreign and owner:
        error = unknown_argument(route, foreign, known)
        raise type(error)(f"{error.message} {owner} takes it.", error.hint)
    return checked(f"payload of {route}", model, given)


def _derived(secret: bytes, who: Principal, *parts: str) -> str:
    text = "\x1f".join((who.tenant, *parts))
    digest = hmac.digest(secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return POLL_PREFIX + base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _is_handle(text: str) -> bool:
    """What no handle of ours can look like is not asked of the store."""
    return 0 < len(text) <= HANDLE_CHARS_MAX and text.isprintable()


def _no_such_job() -> NotFound:
    return NotFound("There is no such job.", "Submit one: POST /api/v1/enrich/jobs")


def _no_such_chat() -> NotFound:
    return NotFound("There is no such chat.", f"Open one: POST /api/v1/{LEAD_SESSION} with a lead.")
