"""The conversation as a value: what is kept of it, and what its nodes do with a message. The
gates are in `journey`; what has to be looked up is in `services.icp.nodes`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, cast, get_args

from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.icp.intake import (
    MESSAGE_CHARS_MAX,
    Asked,
    Brought,
    Note,
    OwnSite,
    brought_by,
    complete,
    given_intake,
    take,
)
from data411_mcp.domain.icp.intents import Intent, is_question, read_intent
from data411_mcp.domain.icp.probe import differences
from data411_mcp.domain.icp.script import Script
from data411_mcp.domain.icp.threads import PREVIEW_CHARS_MAX, one_line
from data411_mcp.domain.icp.values import Customer, Intake, LostCustomer
from data411_mcp.domain.icp.websites import addresses, is_lone_address

TRANSCRIPT_MAX = 100  # messages kept
TRANSCRIPT_CHARS_MAX = 2_000  # of each
HANDLED_MAX = 100  # message ids remembered
REPLIES_MAX = 10  # whose answers are remembered, for a client that asks again

# "news": the job may have told something, and nobody has said anything.
Kind = Literal["say", "start", "resume", "intake", "confirm", "accept", "run", "status", "cancel",
               "news"]  # fmt: skip
Phase = Literal[
    "intake", "confirm", "planning", "planned", "enriching", "done", "empty", "error", "cancelled"
]
NODES = ("ingest", "return_user_probe", "profile_builder", "journey_guard", "normalize",
         "refresh_icp", "decide_strategy", "ssic_fallback", "progress_report",
         "summary")  # fmt: skip


class ChatState(TypedDict, total=False):
    """JSON-able throughout: it is checkpointed, and read by clients. What starts with `out` is of
    the turn in hand."""

    tenant_id: str
    thread_id: str
    user_id: str
    turn: dict[str, Any]  # id, kind, text, data, at; intent and number once it was read
    handled: list[str]
    replies: dict[str, dict[str, Any]]
    messages: list[dict[str, Any]]  # type (human, ai), content, id
    intake: dict[str, Any]
    rule_name: str
    asked: str
    profile_state: dict[str, bool]
    is_return_user: bool
    decisions: dict[str, Any]
    discovery: dict[str, Any]  # what is known of an earlier run
    seed: dict[str, Any] | None  # the intake of an earlier session of this company
    offered: dict[str, str] | None  # the company of the user's last session
    drift: dict[str, Any] | None  # a change that waits for the user's word
    micro_icp: dict[str, Any] | None
    own_companies: list[dict[str, Any]]
    notify_email: str | None
    context_key: str
    job_id: str
    detached: str  # id of a job whose wish was given up: it does not count any more
    job_status: str
    phase: str
    heard: int  # number of the job's last event that was told here
    said: list[str]  # labels that were told before the job told them
    ready: bool
    wish: dict[str, Any] | None
    company_profile: dict[str, Any]
    icp_profile: dict[str, Any]
    strategy: dict[str, Any]
    ssic: dict[str, Any]
    summary: str
    out: list[str]
    out_events: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Standing:
    """How the thread's run stands."""

    job_id: str = ""
    status: str = ""  # of the job; "" : there is none
    approved: bool = False
    candidates: int = 0
    completed: int = 0
    top: int = 0
    mail: str = ""

    @property
    def live(self) -> bool:
        return self.status in ("queued", "running", "waiting")


def phase_of(intake: Intake, job: Standing) -> Phase:
    if job.status == "waiting":
        return "planned"
    if job.live:
        return "enriching" if job.approved else "planning"
    if job.status == "done":
        return "done" if job.approved else "empty"
    if job.status == "error":
        return "error"
    if job.status == "cancelled":
        return "cancelled"
    return "confirm" if complete(intake) else "intake"


# --- reading the state -------------------------------------------------------------------------


def intake_of(state: ChatState) -> Intake:
    return Intake.model_validate(state.get("intake") or {})


def asked_of(state: ChatState) -> Asked:
    """What the user was asked last. The first question of all is open before it is put."""
    asked = state.get("asked", "")
    if not asked and not (state.get("intake") or {}).get("domain"):
        return "website"
    return cast(Asked, asked) if asked in get_args(Asked) else ""


def turn_of(state: ChatState) -> dict[str, Any]:
    return state.get("turn") or {}


def intent_of(state: ChatState) -> Intent:
    """Of the turn, whichever way it came."""
    by_kind = {
        "confirm": Intent.CONFIRM,
        "run": Intent.RUN_ENRICHMENT,
        "status": Intent.STATUS,
        "start": Intent.GREETING,
        "resume": Intent.GREETING,
    }
    turn = turn_of(state)
    kind = str(turn.get("kind", "say"))
    if kind in by_kind:
        return by_kind[kind]
    return Intent(turn.get("intent", Intent.TEXT)) if kind == "say" else Intent.TEXT


def brought_of(state: ChatState) -> Brought:
    """What the turn brings; a wish brings nothing."""
    turn = turn_of(state)
    if turn.get("kind") == "intake":
        data = turn.get("data") or {}
        return given_intake(
            website=data.get("website"),
            customers=data.get("customers"),
            lost=data.get("lost"),
            answers=data.get("answers"),
        )
    offered = state.get("offered")
    agrees = intent_of(state) in (Intent.YES, Intent.CONTINUE)
    if offered and agrees and asked_of(state) == "website":
        return Brought(OwnSite(offered["website"], offered["domain"]))
    if turn.get("kind") != "say" or intent_of(state) is not Intent.TEXT:
        return Brought()
    return brought_by(str(turn.get("text", "")), asked=asked_of(state))


def proposed(state: ChatState) -> Intake:
    """The intake as it would be after this turn."""
    intake = take(intake_of(state), brought_of(state)).intake
    given = _given_seed(state)
    return seeded_with(intake, given) if given is not None and not intake.customers else intake


def _given_seed(state: ChatState) -> Intake | None:
    """What a new thread begins with: the change of company that made it necessary."""
    turn = turn_of(state)
    data = turn.get("data") or {}
    if turn.get("kind") != "start" or not data.get("intake"):
        return None
    return Intake.model_validate(data["intake"])


# --- ingest ------------------------------------------------------------------------------------


def ingest(state: ChatState) -> ChatState:
    """The message into the transcript, and what it asks for."""
    turn = dict(turn_of(state))
    text = str(turn.get("text", ""))[: MESSAGE_CHARS_MAX + 1]
    turn["text"] = text
    if turn.get("kind") == "say":
        said = read_intent(text)
        turn["intent"], turn["number"] = said.intent.value, said.number
    messages = list(state.get("messages", ()))
    if turn.get("kind") == "say" and text.strip():
        messages.append(_entry("human", text, str(turn.get("id", ""))))
    update: ChatState = {}
    if turn.get("kind") == "run":
        update["notify_email"] = (turn.get("data") or {}).get("notify_email")
    return {
        **update,
        "turn": turn,
        "messages": messages[-TRANSCRIPT_MAX:],
        "out": [],
        "out_events": [],
        "ready": False,
        "wish": None,
        "seed": None,
    }


def _entry(role: str, text: str, message_id: str) -> dict[str, Any]:
    kept = text if len(text) <= TRANSCRIPT_CHARS_MAX else text[: TRANSCRIPT_CHARS_MAX - 1] + "…"
    return {"type": role, "content": kept, "id": message_id}


# --- profile_builder ---------------------------------------------------------------------------


def fill(state: ChatState, script: Script, job: Standing) -> ChatState:
    """Put what the turn brings into the intake. Once something has run, or where another website
    is meant, the change waits for the user's word: `drift`."""
    intake, brought = intake_of(state), brought_of(state)
    turn, out = dict(turn_of(state)), list(state.get("out", ()))
    if (kept := _kept_website(state, intake)) is not None:
        return {"out": [*out, script.line("website_kept", domain=kept)]}
    own = (turn.get("data") or {}).get("own_companies") if turn.get("kind") == "intake" else None
    given, stored = _given_seed(state), state.get("seed")
    seed = given or (Intake.model_validate(stored) if stored else None)
    taken = take(intake, brought, replace=turn.get("kind") == "intake" and complete(intake))
    out += [note_line(script, note) for note in taken.notes]
    after, seeded = taken.intake, False
    if seed and not after.customers:
        after, seeded = seeded_with(after, seed), True
    turn["brought"] = brought.customers + bool(brought.site.domain)
    turn["guessed"] = bool(brought.customers) and not brought.read.plain
    turn["refused"] = bool(brought.site.refused)
    moved = bool(intake.domain and after.domain != intake.domain)
    ran = job.live or job.status == "done"
    changed = taken.changed or bool(own)
    made: ChatState = {"own_companies": own} if own else {}
    if changed and (moved or (ran and complete(intake) and not seeded)):
        if moved and not brought.customers and not seeded:  # they are another company's
            after = Intake(website=after.website, domain=after.domain)
        turn["drifted"] = True
        diffs = differences(intake, after)
        drift = {"intake": after.model_dump(mode="json"), "diffs": diffs}
        return {**made, "turn": turn, "out": out, "drift": drift}
    if seeded and after.customers:
        out.append(_kept_line(state, script, after))
    turn["changed"] = changed or seeded
    return {**made, "turn": turn, "out": out, "intake": after.model_dump(mode="json")}


def _kept_line(state: ChatState, script: Script, after: Intake) -> str:
    """What is known from an earlier session, and whether that is long ago."""
    signals = (state.get("decisions") or {}).get("stale_signals") or {}
    kept = {"website": after.website, "n": len(after.customers)}
    if (days := signals.get("profile_age_days")) is not None:
        return script.line("kept_stale", **kept, days="1 day" if days == 1 else f"{days} days")
    return script.line("kept", **kept)


def _kept_website(state: ChatState, intake: Intake) -> str | None:
    """The company's domain, where a lone address came that nobody asked for: a customer's, most
    likely. It changes nothing."""
    turn = turn_of(state)
    text = str(turn.get("text", ""))
    if turn.get("kind") != "say" or asked_of(state) in ("website", "customers"):
        return None
    if intake.domain is None or not is_lone_address(text):
        return None
    return intake.domain


def seeded_with(intake: Intake, seed: Intake) -> Intake:
    """An earlier session's customers and answers for the same company."""
    return Intake(
        website=intake.website or seed.website,
        domain=intake.domain or seed.domain,
        customers=seed.customers,
        lost=seed.lost,
        answers={**seed.answers, **intake.answers},
    )


def note_line(script: Script, note: Note) -> str:
    return script.line(note.line, **note.values)


# --- progress_report and summary ---------------------------------------------------------------

TOLD = frozenset(name.value for name in EventName if ":" in name.value)


def report(
    state: ChatState,
    events: Sequence[ProgressEvent],
    job: Standing,
    script: Script,
    cards: Sequence[str] = (),
) -> ChatState:
    """What the job has told since the last time, in its order; each label that was said here
    already, once. `cards` are the titles of the micro-ICPs that a new plan offers."""
    out, out_events = list(state.get("out", ())), list(state.get("out_events", ()))
    said, heard = list(state.get("said", ())), state.get("heard", 0)
    for event in events:
        heard = max(heard, event.seq)
        if event.name.value not in TOLD:
            continue
        out_events.append(
            {
                "event": event.name.value,
                "message": event.message,
                "context": event.context,
                "seq": event.seq,
                "at": event.at,
                "job": True,
            }
        )
        if event.name.value in said:
            said.remove(event.name.value)
        elif event.message:
            out.append(event.message)
    phase = phase_of(intake_of(state), job)
    if cards and phase == "planned":
        out.append(script.line("micro_offered", list=numbered(cards)))
    update: ChatState = {
        "out": out, "out_events": out_events, "said": said, "heard": heard, "phase": phase,
        "job_id": job.job_id, "job_status": job.status,
    }  # fmt: skip
    ended = phase in ("error", "cancelled", "empty") and state.get("job_status") != job.status
    if ended and not state.get("asked"):
        line = script.line(f"status_{phase}")
        update["out"] = out if line in out else [*out, line]
        update["asked"] = "confirm"
    return update


def numbered(titles: Sequence[str]) -> str:
    return "; ".join(f"{n}. {title}" for n, title in enumerate(titles, 1))


def sum_up(state: ChatState) -> ChatState:
    """The end of a turn: the answer goes into the transcript and is kept for a repeated call."""
    turn = turn_of(state)
    turn_id = str(turn.get("id", ""))
    messages = list(state.get("messages", ()))
    out = state.get("out", [])
    for index, text in enumerate(out, 1):
        messages.append(_entry("ai", text, f"{turn_id}:{index}"))
    replies = dict(state.get("replies") or {})
    replies[turn_id] = {"messages": out, "events": state.get("out_events", [])}
    while len(replies) > REPLIES_MAX:
        replies.pop(next(iter(replies)))
    handled = [*state.get("handled", ()), turn_id][-HANDLED_MAX:]
    intake = intake_of(state)
    words = ", ".join(c.name or c.domain or "" for c in intake.customers[:3])
    summary = one_line(": ".join(filter(None, [state.get("phase", ""), words])), PREVIEW_CHARS_MAX)
    return {
        "messages": messages[-TRANSCRIPT_MAX:],
        "replies": replies,
        "handled": handled,
        "summary": summary,
        "turn": {"id": turn_id, "kind": turn.get("kind", "say")},
    }


def first_words(state: Mapping[str, Any]) -> str:
    """The user's first message that says something, for a label: "hello" names nothing."""
    for message in state.get("messages", ()):
        text = str(message.get("content", ""))
        if message.get("type") == "human" and read_intent(text).intent is Intent.TEXT:
            return text
    return ""


def is_small_talk(state: ChatState) -> bool:
    """Neither an answer nor a wish."""
    text = str(turn_of(state).get("text", ""))
    return is_question(text) and not addresses(text)


def named(customers: Sequence[Customer | LostCustomer]) -> list[str]:
    return [c.name or c.domain or "" for c in customers]
