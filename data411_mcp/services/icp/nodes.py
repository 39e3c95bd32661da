"""The nodes of the conversation graph, in the specification's order. What they decide is pure
(`domain.icp.chat`, `journey`, `probe`); here they look up and queue. Nothing heavy runs inline."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.icp import chat, journey, probe
from data411_mcp.domain.icp.chat import NODES, ChatState, Standing
from data411_mcp.domain.icp.intents import Intent
from data411_mcp.domain.icp.micro_icp import named_card
from data411_mcp.domain.icp.run import RULE_DEFAULT, IcpRun
from data411_mcp.domain.icp.script import Script
from data411_mcp.domain.icp.threads import key_of
from data411_mcp.domain.icp.values import (
    Candidate,
    Decisions,
    IcpProfile,
    Intake,
    MicroIcp,
    Suggestion,
)
from data411_mcp.domain.jobs import INTERACTIVE, Job
from data411_mcp.errors import ChatBusy, PlanMissing, VendorError
from data411_mcp.services.icp.handing_in import IcpJobs
from data411_mcp.services.icp.parts import PROFILE, Shortlist, shortlist_of
from data411_mcp.services.icp.thread_policy import feature
from data411_mcp.services.icp.turns import Suggest
from data411_mcp.services.ports import Clock, LanguageModel, LlmRequest, Prompts, Store
from data411_mcp.services.ports.icp import IcpSettings, IcpStore
from data411_mcp.services.routes import Terms

SNAPSHOT = "snapshot"  # kind of the documents: context key → the confirmed company and ICP
SNAPSHOTS_READ_MAX = 200
EVENTS_READ_MAX = 500
STOP_SECONDS = 10.0  # how long a run that gives way may take to stop
ADVICE_SECONDS = 4.0
ADVICE_SLOT = "return_user_probe"
SAME_SESSION = timedelta(hours=1)
PROFILE_CHARS_MAX = 4_000  # of a profile that a model is shown
# By whether the list is mailed, and whether it goes into a CRM: nothing is promised in vain.
QUEUED_LINES = {
    (True, True): "queued",
    (True, False): "queued_mail",
    (False, True): "queued_crm",
    (False, False): "queued_no_rest",
}

log = structlog.get_logger(__name__)

Node = Callable[[ChatState], Awaitable[ChatState]]
# Of a tenant: whether its lists are mailed, and whether they go into a CRM.
Delivers = Callable[[str], tuple[bool, bool]]


class Snapshot(BaseModel):
    """What was confirmed for a company: the next session of the tenant begins with it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    intake: Intake
    rule_name: str = RULE_DEFAULT
    micro_icp: MicroIcp | None = None
    user_id: str = ""
    thread_id: str
    at: datetime


@dataclass
class ConversationNodes:
    """`advisor_model` is the language model that may advise the probe; empty: none is asked.
    `suggest` makes the micro-ICPs of a profile, `delivers` says what becomes of a list."""

    script: Script
    store: Store
    icp: IcpStore
    jobs: IcpJobs
    clock: Clock
    settings: IcpSettings
    llm: LanguageModel | None = None
    prompts: Prompts | None = None
    advisor_model: str = ""
    suggest: Suggest = lambda profile: ()
    delivers: Delivers = lambda tenant: (True, True)
    _edition: str = field(default="", repr=False)

    def table(self) -> dict[str, Node]:
        """By name, in order."""
        return {name: cast(Node, getattr(self, name)) for name in NODES}

    # --- what comes in ----------------------------------------------------------------------

    async def ingest(self, state: ChatState) -> ChatState:
        return chat.ingest(state)

    async def return_user_probe(self, state: ChatState) -> ChatState:
        """What is known from earlier, and whether it is to be reused or found again."""
        now, intake = self.clock.now(), chat.proposed(state)
        key = intake.domain and key_of(intake)
        snapshot = await self._snapshot(state["tenant_id"], key) if key else None
        if snapshot is None:
            offered = None if intake.domain else await self._last_company(state)
            decisions = probe.heuristics(probe.Facts())
            return {
                "decisions": decisions.model_dump(mode="json"),
                "is_return_user": offered is not None,
                "offered": offered,
                "discovery": {},
                "seed": None,
            }
        made = await shortlist_of(self.icp, state["tenant_id"], snapshot.thread_id)
        facts = self._facts(state, intake, snapshot, made, now)
        decisions = await self._advised(state, intake, facts, probe.heuristics(facts))
        log.info(
            "icp_probe",
            thread_id=state["thread_id"],
            use_cached=decisions.use_cached,
            rerun_icp=decisions.rerun_icp,
            candidates=facts.candidate_count,
        )
        return {
            "decisions": decisions.model_dump(mode="json"),
            "is_return_user": decisions.is_return_user,
            "offered": None,
            "discovery": {
                "candidate_count": facts.candidate_count,
                "top10_age_days": facts.top10_age_days,
                "last_run_at": facts.last_run_at,
                "thread_id": snapshot.thread_id,
                "top10": [like.domain for like in made.top] if made is not None else [],
            },
            "seed": snapshot.intake.model_dump(mode="json"),
        }

    async def profile_builder(self, state: ChatState) -> ChatState:
        return chat.fill(state, self.script, await self.standing(state))

    async def _snapshot(self, tenant: str, key: str) -> Snapshot | None:
        found = await self.icp.document(tenant, SNAPSHOT, key)
        return _snapshot_in(found.text) if found is not None else None

    async def _last_company(self, state: ChatState) -> dict[str, str] | None:
        """The company of the user's newest confirmed session: offered, never assumed."""
        if state.get("asked") not in (None, "", "website"):
            return None
        documents = await self.icp.documents(
            state["tenant_id"], SNAPSHOT, prefix="domain:", limit=SNAPSHOTS_READ_MAX
        )
        read = [_snapshot_in(d.text) for d in documents]
        own = [s for s in read if s is not None and s.user_id == state.get("user_id", "")]
        newest = max(own, key=lambda s: s.at, default=None)
        if newest is None or not newest.intake.domain or not newest.intake.website:
            return None
        return {"domain": newest.intake.domain, "website": newest.intake.website}

    def _facts(
        self,
        state: ChatState,
        intake: Intake,
        snapshot: Snapshot,
        made: Shortlist | None,
        now: datetime,
    ) -> probe.Facts:
        rule = state.get("rule_name") or RULE_DEFAULT
        diffs = probe.differences(snapshot.intake, intake) if intake.customers else {}
        if rule != snapshot.rule_name:
            diffs["rule"] = {"was": snapshot.rule_name, "is": rule}
        count = len(made.lookalikes) if made is not None else 0
        # The thread's own snapshot of a moment ago is no earlier session.
        same_session = snapshot.thread_id == state["thread_id"] and now - snapshot.at < SAME_SESSION
        return probe.Facts(
            known=True,
            same_session=same_session,
            candidate_count=count,
            top10_age_days=(now - made.made_at).total_seconds() / 86_400 if made else None,
            profile_age_days=(now - snapshot.at).total_seconds() / 86_400,
            last_run_at=made.made_at.isoformat() if made else "",
            rule_name=rule,
            diffs=diffs,
            profile_staleness_days=self.settings.profile_staleness_days,
            discovery_staleness_days=self.settings.discovery_staleness_days,
        )

    async def _advised(
        self, state: ChatState, intake: Intake, facts: probe.Facts, own: Decisions
    ) -> Decisions:
        """A model's advice, asked for only where it could change something: a fresh plan is about
        to be reused. Whatever goes wrong with it, the rules decide."""
        intent = chat.intent_of(state)
        matters = own.use_cached and intent in (Intent.CONFIRM, Intent.CONFIRM_ICP)
        if not (matters and self.llm and self.prompts and self.advisor_model):
            return own
        if not self.llm.configured():
            return own
        rendered = self.prompts.render(
            "return_user_probe",
            company_profile=_compact(intake.model_dump(mode="json")),
            icp_profile=_compact(state.get("icp_profile") or {}),
            candidate_count=str(facts.candidate_count),
            age_days=f"{facts.top10_age_days or 0:.1f}",
            last_run_at=facts.last_run_at or "never",
            icp_rule_name=facts.rule_name,
            profile_staleness_days=str(facts.profile_staleness_days),
            discovery_staleness_days=str(facts.discovery_staleness_days),
            diffs=_compact(dict(facts.diffs)),
            intent=intent.value,
            text=str(chat.turn_of(state).get("text", ""))[:500],
        )
        request = LlmRequest(
            slot=ADVICE_SLOT,
            model=self.advisor_model,
            system=rendered.system,
            user=rendered.user,
            schema=probe.ADVICE_SCHEMA,
            schema_name="decisions",
            max_output_tokens=400,
        )
        try:
            reply = await self.llm.complete(request, deadline_seconds=ADVICE_SECONDS)
        except VendorError as error:
            log.info("icp_probe_unadvised", reason=error.reason)
            return own
        return probe.advised(own, facts, reply.data)

    # --- the gate ---------------------------------------------------------------------------

    async def journey_guard(self, state: ChatState) -> ChatState:
        """Ask, or queue the one background job, or let it go on."""
        job = await self.standing(state)
        accepted = await self._accepted(state, job)
        if accepted is not None:
            turn = {**chat.turn_of(state), "kind": "accept", "data": accepted}
            state = {**state, "turn": turn}
        update = journey.guard(state, self.script, job)
        wish = update.get("wish")
        if wish is None:
            return update
        after = cast(ChatState, {**state, **update})
        done = await self._granted(after, wish, job)
        return cast(ChatState, {**update, **done})

    async def _accepted(self, state: ChatState, job: Standing) -> dict[str, Any] | None:
        """The micro-ICP that the user's words accept, where nothing else was asked."""
        turn = chat.turn_of(state)
        said = turn.get("kind") == "say" and not chat.asked_of(state)
        if not said or chat.intent_of(state) not in (Intent.TEXT, Intent.PICK):
            return None
        if turn.get("brought") or turn.get("drifted"):
            return None
        cards = await self.cards(state["tenant_id"], key_of(chat.intake_of(state)),
                                 state["thread_id"])  # fmt: skip
        found = named_card(str(turn.get("text", "")), [(c.id, c.title) for c in cards])
        return cards[found].micro_icp.model_dump(mode="json") if found is not None else None

    async def cards(self, tenant: str, *keys: str) -> tuple[Suggestion, ...]:
        """The micro-ICPs of the profile under the first of these keys that has one."""
        for key in filter(None, keys):
            found = await self.icp.document(tenant, PROFILE, key)
            if found is not None:
                return tuple(self.suggest(IcpProfile.model_validate_json(found.text)))
        return ()

    async def _granted(self, state: ChatState, wish: Mapping[str, Any], job: Standing) -> ChatState:
        kind = wish["kind"]
        if kind == journey.QUEUE:
            return await self._queue(state, wish, job)
        if kind == journey.APPROVE:
            return await self._approve(state, job)
        if kind == journey.CANCEL:
            await self.jobs.runner.cancel(state["tenant_id"], job.job_id)
            if state.get("detached") != job.job_id:
                return self._said(state, self.script.line("cancelled"))
        return {}

    async def _queue(self, state: ChatState, wish: Mapping[str, Any], job: Standing) -> ChatState:
        tenant = state["tenant_id"]
        if not feature(self.settings, tenant, "BG_DISCOVERY_AND_ENRICH"):
            off: ChatState = {"wish": None, "asked": "confirm"}
            return {**self._said(state, self.script.line("queue_off")), **off}
        by_ui = feature(self.settings, tenant, "UI_ENQUEUE_JOBS")
        if by_ui and chat.turn_of(state).get("kind") == "say":
            offer = {"wish": {**wish, "kind": journey.OFFER_QUEUE}, "asked": "confirm"}
            said = self._said(state, self.script.line("queue_by_ui"))
            return cast(ChatState, {**said, **offer})
        in_the_way = {job.job_id if job.live else "", state.get("detached", "")} - {""}
        for job_id in sorted(in_the_way):
            if not await self._stopped(tenant, job_id):
                return self._not_stopped(state)
        run = self._run(state, wish)
        terms = Terms(subject=state.get("user_id", ""), priority=INTERACTIVE)
        try:
            handed = await self.jobs.hand_in(tenant, run, terms)
        except ChatBusy:
            return self._not_stopped(state)
        lines = [self.script.line(QUEUED_LINES[self.delivers(tenant)])]
        if run.use_cached:
            when = str(state.get("discovery", {}).get("last_run_at", ""))[:10]
            lines.append(self.script.line("reuse_cache", when=when))
            log.info("icp_cached_reuse", thread_id=state["thread_id"])
        if run.rerun_icp:
            log.info("icp_rerun_confirmed", thread_id=state["thread_id"])
        label = "icp:planning_start"
        lines.append(self.script.line("joined") if handed.joined else self.script.event(label))
        made: ChatState = {
            "ready": True,
            "job_id": handed.job.id,
            "heard": 0,
            "said": [] if handed.joined else [label],
            "drift": None,
        }
        return {**self._said(state, *lines), **made}

    async def _approve(self, state: ChatState, job: Standing) -> ChatState:
        tenant, micro = state["tenant_id"], state.get("micro_icp")
        try:
            await self.jobs.approve(
                tenant,
                state["thread_id"],
                job_id=job.job_id,
                notify_email=state.get("notify_email"),
                micro_icp=MicroIcp.model_validate(micro) if micro else None,
            )
        except PlanMissing:
            if chat.turn_of(state).get("kind") == "run":
                raise
            return self._said(state, self.script.line("plan_missing"))
        label = "enrich:start_top10"
        said = self._said(state, self.script.event(label))
        return {**said, "said": [*state.get("said", ()), label]}

    def _run(self, state: ChatState, wish: Mapping[str, Any]) -> IcpRun:
        intake, micro = chat.intake_of(state), state.get("micro_icp")
        return IcpRun(
            thread_id=state["thread_id"],
            user_id=state.get("user_id", ""),
            context_key=key_of(intake),
            intake=intake,
            micro_icp=MicroIcp.model_validate(micro) if micro else None,
            rule_name=state.get("rule_name") or RULE_DEFAULT,
            own_companies=tuple(
                Candidate.model_validate(c) for c in state.get("own_companies", ())
            ),
            notify_email=state.get("notify_email"),
            use_cached=bool(wish.get("use_cached")),
            rerun_icp=bool(wish.get("rerun_icp")),
        )

    async def _stopped(self, tenant: str, job_id: str) -> bool:
        """Whether the run that gives way has ended."""
        await self.jobs.runner.cancel(tenant, job_id)
        job = await self.jobs.runner.wait(tenant, job_id, seconds=STOP_SECONDS)
        return job.final

    def _not_stopped(self, state: ChatState) -> ChatState:
        """Ask again: the change is kept until then."""
        said = self._said(state, self.script.line("stopping"))
        drift = {"intake": state.get("intake"), "diffs": {}}
        return {**said, "asked": "drift", "drift": drift, "ready": False}

    def _said(self, state: ChatState, *lines: str) -> ChatState:
        return {"out": [*state.get("out", ()), *lines]}

    # --- once a run is queued ---------------------------------------------------------------

    async def normalize(self, state: ChatState) -> ChatState:
        """What was confirmed becomes the company's snapshot."""
        intake, micro = chat.intake_of(state), state.get("micro_icp")
        key = key_of(intake)
        snapshot = Snapshot(
            intake=intake,
            rule_name=state.get("rule_name") or RULE_DEFAULT,
            micro_icp=MicroIcp.model_validate(micro) if micro else None,
            user_id=state.get("user_id", ""),
            thread_id=state["thread_id"],
            at=self.clock.now(),
        )
        if key:
            await self.icp.put_document(
                state["tenant_id"], SNAPSHOT, key, snapshot.model_dump_json(), at=snapshot.at
            )
        company = {"website": intake.website, "domain": intake.domain,
                   "customers": len(intake.customers), "lost": len(intake.lost)}  # fmt: skip
        return {"company_profile": company, "context_key": key}

    async def refresh_icp(self, state: ChatState) -> ChatState:
        """The profile as it stands; the run makes a new one unless the cached plan is used."""
        if not state.get("decisions", {}).get("use_cached"):
            return {"icp_profile": {}}
        found = await self.icp.document(
            state["tenant_id"], PROFILE, state.get("context_key") or state["thread_id"]
        )
        return {"icp_profile": _profile_in(found.text) if found is not None else {}}

    async def decide_strategy(self, state: ChatState) -> ChatState:
        wish = state.get("wish") or {}
        cached = bool(wish.get("use_cached"))
        return {
            "strategy": {
                "source": "cache" if cached else "discovery",
                "rerun": bool(wish.get("rerun_icp")),
                "own_companies": len(state.get("own_companies", ())),
                "micro_icp": bool(state.get("micro_icp")),
            }
        }

    async def ssic_fallback(self, state: ChatState) -> ChatState:
        """Without the imported table industries are matched by words alone."""
        if not self._edition:
            rows = await self.icp.ssic_rows()
            self._edition = "imported" if rows else ""
        available = bool(self._edition)
        note = "" if available else "SSIC_NOT_IMPORTED"
        return {"ssic": {"available": available, "degraded": note}}

    # --- what goes out ----------------------------------------------------------------------

    async def progress_report(self, state: ChatState) -> ChatState:
        job = await self.standing(state)
        if not job.job_id:
            return chat.report(state, (), job, self.script)
        heard = state.get("heard", 0) if state.get("job_id") == job.job_id else 0
        events = await self.store.events(
            state["tenant_id"], job.job_id, since=heard, limit=EVENTS_READ_MAX
        )
        cards: Sequence[Suggestion] = ()
        if self._to_offer(state, events):
            cards = await self.cards(state["tenant_id"], key_of(chat.intake_of(state)),
                                     state["thread_id"])  # fmt: skip
        heard_so_far = cast(ChatState, {**state, "heard": heard})
        return chat.report(heard_so_far, events, job, self.script, [c.title for c in cards])

    def _to_offer(self, state: ChatState, events: Sequence[ProgressEvent]) -> bool:
        """Micro-ICPs are named with a new plan, and again to who asks and has accepted none."""
        if any(event.name is EventName.ICP_CANDIDATES_FOUND for event in events):
            return True
        asks = chat.intent_of(state) in (Intent.STATUS, Intent.GREETING, Intent.TEXT)
        spoken = chat.turn_of(state).get("kind") in ("say", "resume")
        return spoken and asks and not state.get("asked") and not state.get("micro_icp")

    async def summary(self, state: ChatState) -> ChatState:
        return chat.sum_up(state)

    # --- the run ----------------------------------------------------------------------------

    async def job_of(self, state: ChatState) -> Job | None:
        """The run that counts for the thread: its newest, or the one that it has joined."""
        tenant, gone = state["tenant_id"], state.get("detached")
        own = await self.jobs.newest(tenant, state["thread_id"])
        known = state.get("job_id")
        joined = None
        if known and (own is None or own.id != known):
            joined = await self.store.job(tenant, known)
        found = [job for job in (own, joined) if job is not None and job.id != gone]
        return max(found, key=lambda j: (not j.final, j.created_at), default=None)

    async def standing(self, state: ChatState) -> Standing:
        return standing_of(await self.job_of(state))


def standing_of(job: Job | None) -> Standing:
    if job is None:
        return Standing()
    result, payload = _object(job.result), _object(job.payload)
    return Standing(
        job_id=job.id,
        status=job.status.value,
        approved=bool(payload.get("approved")),
        candidates=_int(result.get("candidates")),
        completed=_int(result.get("completed")),
        top=_int(result.get("top")),
        mail=str(result.get("email") or ""),
    )


def _object(text: str | None) -> dict[str, Any]:
    found = json.loads(text) if text else {}
    return found if isinstance(found, dict) else {}


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0


def _snapshot_in(text: str) -> Snapshot | None:
    """None for one that another version has written."""
    try:
        return Snapshot.model_validate_json(text)
    except ValidationError:
        return None


def _profile_in(text: str) -> dict[str, Any]:
    try:
        profile = IcpProfile.model_validate_json(text)
    except ValidationError:
        return {}
    return profile.model_dump(
        mode="json", include={"summary", "industries", "geos", "size_bands", "buyer_titles"}
    )


def _compact(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))[:PROFILE_CHARS_MAX]
