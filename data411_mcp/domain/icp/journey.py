"""The gates of the conversation: what the user is asked next, and what a "confirm", a "yes" or a
"run enrichment" sets going. Nothing is confirmed that was not asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from data411_mcp.domain.icp.chat import (
    ChatState,
    Phase,
    Standing,
    asked_of,
    intake_of,
    intent_of,
    phase_of,
    turn_of,
)
from data411_mcp.domain.icp.intake import CUSTOMERS_MIN, complete, joined, listed, read_back
from data411_mcp.domain.icp.intents import Intent
from data411_mcp.domain.icp.script import Script
from data411_mcp.domain.icp.values import Decisions, Intake, MicroIcp

# What the guard wants done, for who can do it.
QUEUE, APPROVE, CANCEL, NEW_THREAD, OFFER_QUEUE = (
    "queue", "approve", "cancel", "new_thread", "offer_queue")  # fmt: skip
CONTINUE_HERE, START_NEW = 1, 2  # the answers to the drift question, by number
WEIGHTY = ("rerun", "drift", "cancel")  # what was asked and only the user's own words answer
OWN_WISH = "your request"
# Answers; where nothing was asked they answer nothing.
_ASSENTS = frozenset({Intent.YES, Intent.NO, Intent.SKIP, Intent.CONTINUE, Intent.PICK})
_MAIL_WORDS = {
    "sent": "sent",
    "failed": "failed, it is tried again",
    "unknown_outcome": "the server did not say whether it took it",
    "skipped": "not sent, no recipient is set up",
    "skipped_no_config": "not sent, no mail server is set up",
}


@dataclass
class Guarded:
    """The guard's verdict on one turn."""

    state: ChatState
    script: Script
    job: Standing
    out: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    asked: str = ""
    wish: dict[str, Any] | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def say(self, key: str, /, **values: object) -> None:
        self.out.append(self.script.line(key, **values))

    @property
    def intake(self) -> Intake:
        return intake_of(self.state)

    @property
    def phase(self) -> Phase:
        return phase_of(self.intake, self.job)

    @property
    def decisions(self) -> Decisions:
        return Decisions.model_validate(self.state.get("decisions") or {})

    def update(self) -> ChatState:
        before = list(self.state.get("out", ()))
        events = list(self.state.get("out_events", ()))
        made: dict[str, Any] = {
            "out": [*before, *self.out],
            "out_events": [*events, *self.events],
            "asked": self.asked,
            "wish": self.wish,
            "phase": self.phase,
            **self.more,
        }
        return cast(ChatState, made)


def guard(state: ChatState, script: Script, job: Standing) -> ChatState:
    """Gate one turn. The update's `wish` names what is to be done before the turn is over."""
    g = Guarded(state, script, job, asked=asked_of(state))
    turn, intent = turn_of(state), intent_of(state)
    if turn.get("kind") == "news":
        pass
    elif turn.get("drifted"):
        _ask_drift(g)
    elif turn.get("kind") == "accept":
        _accept(g)
    elif turn.get("kind") == "cancel":
        _cancel(g, sure=True)
    elif intent is Intent.STATUS:
        _status(g)
    elif g.asked == "drift":
        _on_drift(g, intent, turn.get("number"))
    elif intent is Intent.RUN_ENRICHMENT:
        _run(g)
    elif intent is Intent.CANCEL:
        _cancel(g, sure=False)
    elif intent is Intent.RERUN:
        _rerun(g)
    elif intent in (Intent.CONFIRM, Intent.CONFIRM_ICP, Intent.CONFIRM_PROFILE):
        _confirm(g, intent)
    elif intent in (Intent.YES, Intent.NO) and g.asked in ("confirm", "rerun", "cancel"):
        _yes_or_no(g, yes=intent is Intent.YES)
    else:
        _otherwise(g, intent)
    return g.update()


# --- questions ---------------------------------------------------------------------------------


def ask(g: Guarded, *, again: bool = False) -> None:
    """The next question of the script, if one is open. `again`: it was asked before, and what
    came was no answer to it."""
    intake, intent = g.intake, intent_of(g.state)
    turn = turn_of(g.state)
    if intake.domain is None:
        _ask_website(g, intent, again=again)
    elif len(intake.customers) < CUSTOMERS_MIN:
        n = len(intake.customers)
        if n:
            names = listed(intake.customers)
            g.say("customers_short", n=n, names=names, more=CUSTOMERS_MIN - n)
        elif g.asked == "customers" and again and intent is Intent.SKIP:
            g.say("customers_needed")
        elif g.asked == "customers" and again and intent is not Intent.GREETING:
            g.say("customers_none")
        else:
            if turn.get("brought") and intake.lost:
                g.say("noted_lost", names=read_back(intake.lost))
            g.say("ask_customers")
        g.asked = "customers"
    elif not g.job.status or g.phase in ("error", "cancelled", "empty"):
        if turn.get("changed"):
            g.events += [_event(g.script, "icp:intake_saved", customers=len(intake.customers)),
                         _event(g.script, "icp:seeds_mapped", customers=len(intake.customers)),
                         _event(g.script, "icp:confirm_pending")]  # fmt: skip
        if turn.get("guessed"):
            g.say("noted", n=len(intake.customers), names=read_back(intake.customers))
            if intake.lost:
                g.say("noted_lost", names=read_back(intake.lost))
        g.say("ask_confirm")
        g.asked = "confirm"


def _ask_website(g: Guarded, intent: Intent, *, again: bool) -> None:
    offered = g.state.get("offered")
    noted = g.intake.customers
    if turn_of(g.state).get("refused"):
        pass  # a note has asked for it
    elif noted and turn_of(g.state).get("brought"):
        g.say("website_which", n=len(noted))
    elif again and g.state.get("asked") == "website" and intent is Intent.TEXT:
        g.say("website_unreadable")
    elif again and g.state.get("asked") == "website" and intent is Intent.SKIP:
        g.say("website_needed")
    else:
        g.say("ask_website")
        if offered and intent not in (Intent.NO, Intent.SKIP):
            g.say("last_time", domain=offered["domain"])
    if intent is Intent.NO:
        g.more["offered"] = None
    g.asked = "website"


def _event(script: Script, label: str, /, **context: Any) -> dict[str, Any]:
    return {"event": label, "message": script.event(label), "context": context}


# --- answers -----------------------------------------------------------------------------------


def _confirm(g: Guarded, intent: Intent) -> None:
    """A confirmation of what was asked, and of nothing else."""
    if g.asked == "rerun" and intent is not Intent.CONFIRM_PROFILE:
        _queue(g, rerun=True)
        return
    if g.job.live:
        g.say("plan_ready" if g.phase == "planned" else "under_way")
        return
    if not complete(g.intake) or g.asked != "confirm":
        g.say("nothing_to_confirm")
        if g.phase in ("error", "cancelled", "empty", "done"):
            _status(g)
        else:
            ask(g)
        return
    if intent is Intent.CONFIRM_PROFILE:
        known = dict(g.state.get("profile_state") or {})
        g.more["profile_state"] = {**known, "company_profile_confirmed": True}
        g.say("profile_confirmed")
        return
    if g.decisions.rerun_icp:
        _ask_rerun(g, g.decisions.reason)
        return
    _queue(g, rerun=False)


def _queue(g: Guarded, *, rerun: bool) -> None:
    use_cached = g.decisions.use_cached and not rerun
    g.wish = {"kind": QUEUE, "use_cached": use_cached, "rerun_icp": rerun}
    g.more["profile_state"] = {"company_profile_confirmed": True, "icp_profile_confirmed": True}
    g.asked = ""


def _ask_rerun(g: Guarded, reason: str) -> None:
    g.say("ask_rerun", reason=reason)
    g.asked = "rerun"


def _rerun(g: Guarded) -> None:
    """Asked for in so many words; it still needs a yes."""
    if g.phase in ("planning", "enriching"):
        g.say("under_way")
    elif complete(g.intake) and (g.job.status or g.decisions.rerun_icp or g.decisions.use_cached):
        _ask_rerun(g, _why_again(g))
    else:
        ask(g)


def _why_again(g: Guarded) -> str:
    """What has made a new run advisable; else it is the user who wants it."""
    return g.decisions.reason if g.decisions.rerun_icp else OWN_WISH


def _hold(g: Guarded, line: str) -> None:
    """All stays as it is. Where nothing has come of a run yet, the plan's question stays, too."""
    g.say(line)
    never = g.phase in ("confirm", "error", "cancelled", "empty")
    g.asked = "confirm" if never else ""
    if not never or line == "drift_held":
        g.out.append(status_line(g))


def _yes_or_no(g: Guarded, *, yes: bool) -> None:
    asked = g.asked
    if asked == "confirm":
        if yes:
            _confirm(g, Intent.CONFIRM)
        else:
            g.say("confirm_held")
    elif asked == "rerun":
        if yes:
            _queue(g, rerun=True)
        else:
            _hold(g, "rerun_held")
    elif yes:
        _cancel(g, sure=True)
    else:
        g.say("cancel_held")
        g.asked = ""


def _on_drift(g: Guarded, intent: Intent, number: int | None) -> None:
    """Continue here and run again, or a new session. A plain "yes" answers neither."""
    drift = g.state.get("drift") or {}
    if intent is Intent.CONTINUE or (intent is Intent.PICK and number == CONTINUE_HERE):
        after = Intake.model_validate(drift.get("intake") or {})
        g.more["drift"] = None
        g.more["intake"] = after.model_dump(mode="json")
        g.state = cast(ChatState, {**g.state, "intake": g.more["intake"], "seed": None})
        g.asked = ""
        if complete(after):
            _queue(g, rerun=True)
        else:
            _detach(g)
            ask(g)
        return
    if intent is Intent.START_FRESH or (intent is Intent.PICK and number == START_NEW):
        g.wish = {"kind": NEW_THREAD, "intake": drift.get("intake") or {}}
        g.more["drift"] = None
        g.asked = ""
        return
    if intent is Intent.NO:
        g.more["drift"] = None
        _hold(g, "drift_held")
        return
    _ask_drift(g)


def _ask_drift(g: Guarded) -> None:
    """With what was understood: the user may not have meant it."""
    drift = g.state.get("drift") or {}
    diffs = drift.get("diffs") or {}
    parts = []
    if site := diffs.get("website"):
        parts.append(g.script.line("drift_website", is_=site["is"], was=site["was"]))
    customers = diffs.get("customers") or {}
    parts += [
        g.script.line(f"drift_{key}", names=joined(customers[key]))
        for key in ("added", "removed")
        if customers.get(key)
    ]
    if parts:
        g.say("drift_means", changes="; ".join(parts))
    g.say("ask_drift")
    g.asked = "drift"


def _detach(g: Guarded) -> None:
    """The run so far was about another company: it is stopped, and counts no more."""
    if g.job.live:
        g.wish = {"kind": CANCEL}
    g.more["detached"], g.more["discovery"] = g.job.job_id, {}
    g.job = Standing()


def _run(g: Guarded) -> None:
    """Only a plan can be enriched."""
    phase = g.phase
    if phase == "planned":
        g.wish = {"kind": APPROVE}
        g.asked = ""
    elif phase == "planning":
        g.say("plan_not_ready")
    elif phase == "enriching":
        g.say("under_way")
    elif phase == "done":
        g.say("done_already")
    else:
        g.say("plan_missing")
        ask(g)


def _accept(g: Guarded) -> None:
    micro = MicroIcp.model_validate(turn_of(g.state).get("data") or {})
    g.more["micro_icp"] = micro.model_dump(mode="json")
    when = {"planned": "", "enriching": "_late", "done": "_late"}.get(g.phase, "_early")
    title = micro.title or micro.id or joined(_lists_of(micro))
    g.say(f"micro_accepted{when}", title=title)


def _lists_of(micro: MicroIcp) -> list[str]:
    lists = micro.model_dump(exclude={"id", "title"}).values()
    return [value for values in lists for value in values]


def _cancel(g: Guarded, *, sure: bool) -> None:
    if not g.job.live:
        g.say("nothing_to_cancel")
        g.asked = "" if g.asked == "cancel" else g.asked
    elif sure:
        g.wish = {"kind": CANCEL}
        g.asked = "confirm"
    else:
        g.say("ask_cancel")
        g.asked = "cancel"


def status_line(g: Guarded) -> str:
    job, phase = g.job, g.phase
    return g.script.line(
        f"status_{phase}",
        n=job.candidates,
        done=job.completed,
        total=job.top or 10,
        mail=_MAIL_WORDS.get(job.mail, "not sent"),
    )


def status_lines(state: ChatState, script: Script, job: Standing) -> list[str]:
    """Where it stands, and the question that waits for a yes or no."""
    g = Guarded(state, script, job, asked=asked_of(state))
    g.out.append(status_line(g))
    if g.asked in WEIGHTY:
        _ask_again(g)
    return g.out


def _status(g: Guarded) -> None:
    phase = g.phase
    if g.asked in WEIGHTY:
        g.out += status_lines(g.state, g.script, g.job)
        return
    g.out.append(status_line(g))
    if phase == "intake":
        ask(g)
    elif phase in ("confirm", "error", "cancelled", "empty") and g.asked in ("", "confirm"):
        if phase == "confirm" and g.asked != "confirm":
            g.say("ask_confirm")
        g.asked = "confirm"


def _otherwise(g: Guarded, intent: Intent) -> None:
    """Answers to the script's questions, greetings, and what was not understood."""
    turn = turn_of(g.state)
    greeting = intent is Intent.GREETING
    if g.asked in ("rerun", "cancel"):
        _ask_again(g)
    elif not complete(g.intake):
        ask(g, again=not turn.get("changed"))
    elif turn.get("changed") or (greeting and not g.job.status):
        ask(g)
    elif greeting:
        if g.phase == "done" and g.decisions.rerun_icp:
            _ask_rerun(g, g.decisions.reason)
        else:
            _status(g)
    elif intent in _ASSENTS and not g.asked:
        g.say("nothing_open")
        _status(g)
    elif not g.state.get("out"):
        g.say("not_understood")
        if not g.asked:
            g.out.append(status_line(g))


def _ask_again(g: Guarded) -> None:
    """The question that is open already."""
    if g.asked == "drift":
        _ask_drift(g)
    elif g.asked == "rerun":
        _ask_rerun(g, _why_again(g))
    else:
        g.say("ask_cancel")
