"""The ICP finder's front desk: one method for each thing that an entrance can ask. It finds the
thread, holds it for one message, runs the conversation, and hands out what was said."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from data411_mcp.domain.access import Principal
from data411_mcp.domain.icp import chat, journey
from data411_mcp.domain.icp.chat import Kind
from data411_mcp.domain.icp.intake import given_intake, given_site, own_site
from data411_mcp.domain.icp.intake import own_companies as read_own_companies
from data411_mcp.domain.icp.intents import Intent, read_intent
from data411_mcp.domain.icp.lists import to_csv
from data411_mcp.domain.icp.micro_icp import micro_icp_of, named_card
from data411_mcp.domain.icp.script import Script
from data411_mcp.domain.icp.threads import (
    LABEL_DEFAULT,
    choice_list,
    context_key,
    picked,
)
from data411_mcp.domain.icp.values import (
    EnrichedCompany,
    Intake,
    ScoredLead,
    Suggestion,
    ThreadStatus,
)
from data411_mcp.domain.icp.websites import is_lone_address
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.errors import InvalidArgument
from data411_mcp.services.icp.delivering import check_recipient
from data411_mcp.services.icp.feed import ChatFeed
from data411_mcp.services.icp.handing_in import IcpJobs, no_plan
from data411_mcp.services.icp.nodes import ConversationNodes, standing_of
from data411_mcp.services.icp.parts import Enricher, company_of_list, shortlist_of
from data411_mcp.services.icp.thread_policy import (
    ThreadPolicy,
    eligible_of,
)
from data411_mcp.services.icp.turn_taking import WORDS, TurnTaker
from data411_mcp.services.icp.turns import (
    NextCall,
    Saying,
    ThreadChoice,
    Turn,
)
from data411_mcp.services.ports import Clock, Emit
from data411_mcp.services.ports.icp import (
    Conversation,
    IcpSettings,
    IcpStore,
    ThreadRow,
)
from data411_mcp.services.requests import check_chat_id

WAIT_SECONDS_MAX = 45.0


@dataclass
class IcpDesk:
    """`store` and `conversation` are open to the interfaces for reading. `enricher` reads a company
    from its graph for a list."""

    store: IcpStore
    conversation: Conversation
    policy: ThreadPolicy
    nodes: ConversationNodes
    jobs: IcpJobs
    clock: Clock
    settings: IcpSettings
    script: Script
    enricher: Enricher | None = None
    feed: ChatFeed = field(default_factory=ChatFeed)
    turns: TurnTaker = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.turns = TurnTaker(
            self.store,
            self.conversation,
            self.policy,
            self.nodes,
            self.feed,
            self.clock,
            self.settings,
            self.script,
        )

    # --- the user speaks --------------------------------------------------------------------

    async def say(self, saying: Saying) -> Turn:
        """One message of the user. Without a thread the one that is meant is found: exactly one
        eligible is resumed, of several the user chooses (`choices`), else one is opened. Raises
        NotFound, ThreadLocked, ChatBusy, StoreError."""
        who, text = saying.who, saying.text
        if saying.start_fresh:
            return await self._fresh(who, saying.thread_id, text, saying.message_id)
        if saying.thread_id is not None:
            row = await self.policy.thread(who, saying.thread_id)
            if await self._wants_new(row, text):  # also in one that is read-only
                return await self._fresh(who, row.thread_id, "", saying.message_id)
            row = await self.policy.usable(who, saying.thread_id)
            kind: Kind = "say" if text.strip() else "resume"
            return await self.turns.take(who, row, kind, text, message_id=saying.message_id)
        return await self._found(who, text, saying.message_id)

    async def intake(
        self,
        who: Principal,
        *,
        website: str | None = None,
        customers: str | Sequence[Mapping[str, Any]] | None = None,
        lost: str | Sequence[Mapping[str, Any]] | None = None,
        answers: Mapping[str, Any] | None = None,
        own_companies_csv: str | None = None,
        thread_id: str | None = None,
        start_fresh: bool = False,
        message_id: str | None = None,
    ) -> Turn:
        """A form instead of words. Raises InvalidArgument before anything is kept, and as
        `say`."""
        data: dict[str, Any] = {
            "website": website, "customers": _plain(customers), "lost": _plain(lost),
            "answers": dict(answers or {}),
        }  # fmt: skip
        brought = given_intake(website=website, customers=customers, lost=lost, answers=answers)
        if own_companies_csv:
            found = read_own_companies(own_companies_csv)
            data["own_companies"] = [c.model_dump(mode="json") for c in found]
        key = context_key(brought.site.domain or None, None)
        if thread_id is not None and not start_fresh:
            row = await self.policy.usable(who, thread_id)
        elif start_fresh:
            row = await self._opened(who, _minted(who, message_id))
        else:
            rows = await self._meant(who, key)
            if len(rows) > 1:
                return self._choose(rows)
            row = rows[0] if rows else await self._opened(who, _minted(who, message_id))
        return await self.turns.take(who, row, "intake", data=data, message_id=message_id)

    async def confirm(self, who: Principal, thread_id: str) -> Turn:
        """The user's "confirm": of what the thread has asked, and of nothing else. `job` is set
        where a run is under way. Raises as `say`."""
        row = await self.policy.usable(who, thread_id)
        turn = await self.turns.take(who, row, "confirm")
        live = turn.job is not None and not turn.job.final
        return turn if live else replace(turn, job=None)

    async def suggestions(self, who: Principal, thread_id: str) -> tuple[Suggestion, ...]:
        """Micro-ICPs to accept; none while there is no profile. Raises NotFound."""
        row = await self.policy.thread(who, thread_id)
        return await self.nodes.cards(row.tenant, row.context_key, row.thread_id)

    async def accept(
        self, who: Principal, thread_id: str, micro_icp: str | Mapping[str, Any]
    ) -> Turn:
        """Accept a suggestion by its id, title or number, or a micro-ICP as given. Raises
        InvalidArgument, and as `say`."""
        row = await self.policy.usable(who, thread_id)
        if isinstance(micro_icp, str):
            cards = await self.suggestions(who, thread_id)
            found = named_card(micro_icp, [(c.id, c.title) for c in cards])
            if found is None:
                ids = ", ".join(card.id for card in cards) or "none yet"
                raise InvalidArgument(
                    f"micro_icp names no suggestion of this conversation ({ids}).",
                    "Pass a suggestion's id, title or number, or the micro-ICP as an object.",
                )
            micro = cards[found].micro_icp
        else:
            micro = micro_icp_of(micro_icp)
        return await self.turns.take(who, row, "accept", data=micro.model_dump(mode="json"))

    async def run_enrichment(
        self, who: Principal, thread_id: str, *, notify_email: str | None = None
    ) -> Turn:
        """The user's "run enrichment". Raises PlanMissing without a plan, RecipientNotAllowed,
        InsufficientBalance, and as `say`."""
        row = await self.policy.usable(who, thread_id)
        to = check_recipient(self.settings, who.tenant, notify_email)
        job = await self.nodes.job_of(await self.turns.values(row))
        standing = standing_of(job)
        if not standing.approved and standing.status != JobStatus.WAITING.value:
            if job is None or job.final:
                raise no_plan(thread_id)
            await self.jobs.approve(who.tenant, thread_id, job_id=job.id)  # says why not
        return await self.turns.take(who, row, "run", data={"notify_email": to})

    async def cancel(self, who: Principal, thread_id: str) -> Turn:
        """Stop the thread's run. Raises as `say`."""
        row = await self.policy.usable(who, thread_id)
        return await self.turns.take(who, row, "cancel")

    # --- looking ----------------------------------------------------------------------------

    async def status(
        self,
        who: Principal,
        thread_id: str,
        *,
        wait_seconds: float = 0.0,
        emit: Emit | None = None,
    ) -> Turn:
        """Where the thread stands, and what its job has told since the last time; waits for the
        job to be over, or to wait, for that long. A read-only thread too. Raises NotFound,
        StoreError."""
        row = await self.policy.thread(who, thread_id)
        values = await self.turns.values(row)
        job = await self.nodes.job_of(values)
        heard = values.get("heard", 0) if job and values.get("job_id") == job.id else 0
        if job is not None and (wait_seconds > 0 or emit is not None):
            seconds = min(max(wait_seconds, 0.0), WAIT_SECONDS_MAX)
            job = await self.jobs.runner.wait(
                who.tenant, job.id, seconds=seconds, emit=emit, since=heard
            )
        row = await self.policy.thread(who, thread_id)  # a lock may have set in meanwhile
        told = job is not None and (
            job.status.value != values.get("job_status")
            or await self.nodes.store.last_event_seq(job.id) > heard
        )
        if told and row.status is ThreadStatus.OPEN and not row.lock_pending:
            turn = await self.turns.take(who, row, "news", touch=False)
            if turn.messages:
                return turn
            values, row = await self.turns.values(row), turn.thread or row
        lines = journey.status_lines(values, self.script, standing_of(job))
        return self.turns.answer(row, values, job, messages=lines)

    async def thread(self, who: Principal, thread_id: str) -> ThreadRow:
        """Raises NotFound."""
        return await self.policy.thread(who, thread_id)

    async def threads(
        self,
        who: Principal,
        *,
        statuses: Sequence[ThreadStatus] = (ThreadStatus.OPEN, ThreadStatus.LOCKED),
        limit: int = 50,
        offset: int = 0,
    ) -> tuple[ThreadRow, ...]:
        """The user's own, newest first."""
        return await self.store.threads(
            who.tenant, user_id=who.subject, statuses=statuses, limit=limit, offset=offset
        )

    async def latest_scores_csv(self, who: Principal, thread_id: str | None = None) -> str:
        """The newest list of the thread, or of the user's newest thread that has one. Raises
        NotFound."""
        rows = (
            [await self.policy.thread(who, thread_id)]
            if thread_id is not None
            else await self.threads(who, statuses=tuple(ThreadStatus), limit=50)
        )
        for row in rows:
            leads = await self._leads(row)
            if leads:
                return to_csv(leads, tenant=who.tenant)
        return to_csv((), tenant=who.tenant)

    async def _leads(self, row: ThreadRow) -> list[ScoredLead]:
        made = await shortlist_of(self.store, row.tenant, row.thread_id)
        leads: list[ScoredLead] = []
        for like in made.lookalikes if made is not None else ():
            company = await company_of_list(self.store, row.tenant, like.domain)
            if company is None:
                company = EnrichedCompany(domain=like.domain, name=like.name)
            elif self.enricher is not None and company.state == "done":
                company = await self.enricher.company(row.tenant, company)
            leads.append(ScoredLead(rank=len(leads) + 1, company=company, lookalike=like))
        return leads

    # --- threads ----------------------------------------------------------------------------

    async def create_thread(
        self,
        who: Principal,
        *,
        thread_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        start_fresh: bool = True,
    ) -> ThreadRow:
        """A new thread; with `website` in its metadata of that company at once. Without
        `start_fresh` the one eligible thread of that company instead. Raises NotFound for an id
        that is another's, InvalidArgument."""
        if thread_id is not None:
            check_chat_id(thread_id)
        website = (metadata or {}).get("website")
        site = given_site(website) if isinstance(website, str) and website.strip() else None
        key = context_key(site.domain or None, None) if site is not None else ""
        if not start_fresh and thread_id is None:
            rows = await self._meant(who, key)
            if len(rows) == 1:
                return rows[0]
        row = await self._opened(who, thread_id, metadata=metadata)
        if site is not None and site.domain and not row.context_key:
            intake = Intake(website=site.website, domain=site.domain)
            data = {"intake": intake.model_dump(mode="json")}
            turn = await self.turns.take(who, row, "start", data=data)
            return turn.thread or row
        return row

    async def resume(self, who: Principal, thread_id: str) -> Turn:
        """Go on with a thread: its open question again, or how its run stands. Raises NotFound,
        ThreadLocked."""
        row = await self.policy.usable(who, thread_id)
        return await self.turns.take(who, row, "resume", greeting=self._welcome(row))

    async def resume_eligible(self, who: Principal, *, context_key: str | None = None) -> Turn:
        """`state.auto_resumed` or `state.auto_created` names the thread; or `choices`."""
        rows = await self._meant(who, context_key or "")
        if len(rows) > 1:
            return self._choose(rows)
        if rows:
            turn = await self.resume(who, rows[0].thread_id)
            return replace(turn, state={**turn.state, "auto_resumed": rows[0].thread_id})
        row = await self._opened(who)
        turn = await self.turns.take(who, row, "start")
        return replace(turn, state={**turn.state, "auto_created": row.thread_id})

    async def lock(self, who: Principal, thread_id: str) -> ThreadRow:
        """Read-only from now on, or as soon as its run has ended. Raises NotFound."""
        row = await self.policy.thread(who, thread_id)
        return await self.policy.lock(row, "locked")

    async def archive(self, who: Principal, thread_id: str) -> ThreadRow:
        """Raises NotFound."""
        row = await self.policy.thread(who, thread_id)
        archived = await self.store.archive_thread(
            who.tenant, thread_id, "archived", at=self.clock.now()
        )
        return archived or row

    async def delete(self, who: Principal, thread_id: str) -> None:
        """The thread, its conversation and its documents; its run is stopped. Raises NotFound."""
        row = await self.policy.thread(who, thread_id)
        async with self.policy.held(who.tenant, thread_id):
            for job in await self.nodes.store.jobs_of_chat(who.tenant, thread_id):
                if not job.final:
                    await self.jobs.runner.cancel(who.tenant, job.id)
            await self.conversation.forget(who.tenant, row.thread_id)
            self.feed.forget(who.tenant, thread_id)
        await self.store.delete_thread(who.tenant, thread_id)

    # --- which thread -----------------------------------------------------------------------

    async def _found(self, who: Principal, text: str, message_id: str | None) -> Turn:
        """The thread of a message that names none."""
        if read_intent(text).intent is Intent.START_FRESH:
            return await self._fresh(who, None, "", message_id)
        site = own_site(text, asked=is_lone_address(text))
        rows = await self._meant(who, context_key(site.domain or None, None))
        if not rows:
            row = await self._opened(who, _minted(who, message_id))
            kind: Kind = "say" if text.strip() else "start"
            return await self.turns.take(who, row, kind, text, message_id=message_id)
        if len(rows) == 1:
            row = rows[0]
            kind = "say" if text.strip() else "resume"
            return await self.turns.take(
                who, row, kind, text, message_id=message_id, greeting=self._welcome(row)
            )
        choices = eligible_of(rows)
        choice = picked(text, choices)
        if choice is None:
            return self._choose(rows)
        return await self.resume(who, choice.thread_id)

    async def _meant(self, who: Principal, key: str) -> Sequence[ThreadRow]:
        """The threads that may be resumed: of that company, or, where none is, those that do not
        know theirs yet; all of them while no company was named."""
        rows = await self.policy.eligible(who, None)
        if not key:
            return rows
        return [r for r in rows if r.context_key == key] or [r for r in rows if not r.context_key]

    def _choose(self, rows: Sequence[ThreadRow]) -> Turn:
        """Ask the user which one is meant."""
        options = eligible_of(rows)
        words = self.script.line("choose", n=len(rows), list=choice_list(options))
        return Turn(
            thread=None,
            messages=(words,),
            choices=tuple(
                ThreadChoice(o.thread_id, o.label, o.updated_at.isoformat(), o.preview)
                for o in options
            ),
            next=NextCall("icp_intake", {"message": WORDS}),
        )

    async def _wants_new(self, row: ThreadRow, text: str) -> bool:
        if read_intent(text).intent is not Intent.START_FRESH:
            return False
        if row.status is not ThreadStatus.OPEN:
            return True
        # There it answers the question.
        return chat.asked_of(await self.turns.values(row)) != "drift"

    async def _fresh(
        self, who: Principal, old_id: str | None, text: str, message_id: str | None
    ) -> Turn:
        """A new thread: about the same company where the old one knew it, else with the script's
        first question."""
        said: tuple[str, ...] = ()
        data: dict[str, Any] = {}
        old = await self.policy.thread(who, old_id) if old_id is not None else None
        row = await self._opened(who, _minted(who, message_id))
        if old is not None and old.context_key and old.thread_id != row.thread_id:
            intake = chat.intake_of(await self.turns.values(old))
            data = {"intake": intake.model_dump(mode="json")}
            said = (await self._about_old(old),)
        if not text.strip() or data:
            turn = await self.turns.take(
                who, row, "start", data=data, message_id=message_id, greeting=said
            )
            if not text.strip() or turn.thread is None:
                return turn
            row, message_id = turn.thread, None
        return await self.turns.take(who, row, "say", text, message_id=message_id)

    async def _about_old(self, old: ThreadRow) -> str:
        """What becomes of the thread that a new one of its company follows."""
        line = "new_thread"
        if not self.policy.single(old.tenant) and old.status is ThreadStatus.OPEN:
            line = "new_thread_beside"
        elif await self.policy.works(old.tenant, old.thread_id):
            line = "new_thread_after"
        return self.script.line(line, label=old.label)

    async def _opened(
        self,
        who: Principal,
        thread_id: str | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
    ) -> ThreadRow:
        return await self.policy.open(who, thread_id or self.clock.new_id(), metadata=metadata)

    def _welcome(self, row: ThreadRow) -> tuple[str, ...]:
        if row.label == LABEL_DEFAULT:
            return ()
        return (self.script.line("resumed", label=row.label),)


def _minted(who: Principal, message_id: str | None) -> str | None:
    """The same id for the same first message: its retry finds the thread that it opened."""
    if message_id is None:
        return None
    text = f"{who.tenant}\n{who.subject}\n{message_id}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _plain(given: str | Sequence[Mapping[str, Any]] | None) -> Any:
    """JSON-able: it is checkpointed."""
    if given is None or isinstance(given, str):
        return given
    return json.loads(json.dumps([dict(g) if isinstance(g, Mapping) else g for g in given],
                                 default=str))  # fmt: skip
