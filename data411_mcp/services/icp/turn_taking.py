"""One message in, one turn out: the thread is held, the conversation goes over the message, and
what was said, kept and told is handed out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import anyio

from data411_mcp.domain.access import Principal
from data411_mcp.domain.icp import chat, journey
from data411_mcp.domain.icp.chat import ChatState, Kind
from data411_mcp.domain.icp.script import Script
from data411_mcp.domain.icp.threads import (
    LABEL_CHARS_MAX,
    LABEL_DEFAULT,
    key_of,
    label_of,
    one_line,
)
from data411_mcp.domain.icp.values import ThreadStatus
from data411_mcp.domain.jobs import Job
from data411_mcp.errors import StoreBusy
from data411_mcp.services.icp.feed import ChatFeed
from data411_mcp.services.icp.nodes import ConversationNodes, standing_of
from data411_mcp.services.icp.thread_policy import CONTEXT_CHANGED, ThreadPolicy, feature
from data411_mcp.services.icp.turns import ChatEvent, NextCall, Turn
from data411_mcp.services.ports import Clock
from data411_mcp.services.ports.icp import (
    Conversation,
    ConversationState,
    IcpSettings,
    IcpStore,
    ThreadRow,
)

TURN_SECONDS = 40.0  # how long one message may take
SHOWN = ("phase", "asked", "profile_state", "is_return_user", "decisions", "discovery", "intake",
         "micro_icp", "company_profile", "icp_profile", "strategy", "ssic", "drift", "job_id",
         "job_status", "context_key", "tenant_id", "thread_id")  # fmt: skip
WORDS = "<the user's words, verbatim>"


@dataclass
class TurnTaker:
    store: IcpStore
    conversation: Conversation
    policy: ThreadPolicy
    nodes: ConversationNodes
    feed: ChatFeed
    clock: Clock
    settings: IcpSettings
    script: Script

    async def take(
        self,
        who: Principal,
        row: ThreadRow,
        kind: Kind,
        text: str = "",
        *,
        data: Mapping[str, Any] | None = None,
        message_id: str | None = None,
        greeting: Sequence[str] = (),
        touch: bool = True,
    ) -> Turn:
        """Run the conversation over one message, while nobody else does."""
        message = {
            "id": message_id or self.clock.new_id(),
            "kind": kind,
            "text": text,
            "data": dict(data or {}),
            "at": self.clock.now().isoformat(),
            "user_id": who.subject,
        }
        async with self.policy.held(who.tenant, row.thread_id):
            row = await self.policy.usable(who, row.thread_id)
            before = await self.values(row)
            joined = message["id"] in before.get("handled", ())
            state = await self._advanced(row, message)
            values = cast(ChatState, state.values)
            if not joined:
                row = await self._kept(who, row, values, touch=touch)
        self.feed.wake(who.tenant, row.thread_id)  # a job may have begun, or go on
        job = await self.nodes.job_of(values)
        if joined:
            reply = (values.get("replies") or {}).get(str(message["id"]), {})
            messages, told = reply.get("messages", ()), reply.get("events", ())
            return self.answer(row, values, job, messages=messages, told=told, joined=True)
        wish = values.get("wish") or {}
        if wish.get("kind") == journey.NEW_THREAD:
            return await self._moved(who, row, values, wish)
        told = values.get("out_events", ())
        messages = (*greeting, *values.get("out", ()))
        return self.answer(row, values, job, messages=messages, told=self._published(row, told))

    async def _advanced(self, row: ThreadRow, message: Mapping[str, Any]) -> ConversationState:
        with anyio.move_on_after(TURN_SECONDS) as limit:
            return await self.conversation.advance(row.tenant, row.thread_id, message)
        if limit.cancelled_caught:
            raise StoreBusy("The answer took too long.", "Send the message again.")
        raise AssertionError  # pragma: no cover - move_on_after ends in one of the two ways

    async def _kept(
        self, who: Principal, row: ThreadRow, values: ChatState, *, touch: bool
    ) -> ThreadRow:
        """What the thread's row says after a turn: company, label, preview."""
        intake = chat.intake_of(values)
        key = key_of(intake)
        label = label_of("", intake, chat.first_words(values))
        if key and key != row.context_key:
            row = await self.policy.give_context(who, row, key, label)
        if not touch:
            return row
        kept = _object(row.metadata)
        micro = values.get("micro_icp")
        kept |= {"preview": values.get("summary", "")}
        kept |= {"micro_icp": _digest(micro)} if micro else {}
        touched = await self.store.touch_thread(
            row.tenant,
            row.thread_id,
            at=self.clock.now(),
            label=label if row.label == LABEL_DEFAULT else None,
            metadata=json.dumps(kept, ensure_ascii=False),
        )
        return touched or row

    async def _moved(
        self, who: Principal, row: ThreadRow, values: ChatState, wish: Mapping[str, Any]
    ) -> Turn:
        """The user chose a new session: this one is read-only, or is once its run has ended; the
        new one begins with the change."""
        old = await self.policy.lock(row, CONTEXT_CHANGED)
        fresh = await self.policy.open(who, self.clock.new_id())
        line = "new_thread_after" if old.lock_pending else "new_thread"
        said = self.script.line(line, label=one_line(row.label, LABEL_CHARS_MAX))
        data = {"intake": wish.get("intake") or {}}
        return await self.take(who, fresh, "start", data=data, greeting=(said,))

    def _published(
        self, row: ThreadRow, told: Sequence[Mapping[str, Any]]
    ) -> list[Mapping[str, Any]]:
        """The thread's own events go to its listeners, and get their number; those of the job are
        streamed from its log."""
        on = feature(self.settings, row.tenant, "ENABLE_CHAT_EVENTS")
        numbered: list[Mapping[str, Any]] = []
        for event in told:
            if event.get("job") or not on:
                numbered.append(event)
                continue
            made = self.feed.publish(
                row.tenant,
                row.thread_id,
                event["event"],
                event["message"],
                event.get("context"),
                at=self.clock.now(),
            )
            numbered.append({**event, "seq": made.seq, "at": made.at})
        return numbered

    def answer(
        self,
        row: ThreadRow,
        values: ChatState,
        job: Job | None,
        *,
        messages: Sequence[str] = (),
        told: Sequence[Mapping[str, Any]] = (),
        joined: bool = False,
    ) -> Turn:
        known = cast(Mapping[str, Any], values)
        shown = {key: known[key] for key in SHOWN if key in known}
        phase = chat.phase_of(chat.intake_of(values), standing_of(job))
        shown |= {"phase": phase}
        return Turn(
            thread=row,
            messages=tuple(messages),
            events=tuple(
                ChatEvent(e["event"], e["message"], e.get("context") or {}, e.get("seq", 0),
                          e.get("at", ""))
                for e in told
            ),
            job=job,
            state=shown,
            next=_next_call(row, phase, values.get("asked", "")),
            joined=joined,
        )  # fmt: skip

    async def values(self, row: ThreadRow) -> ChatState:
        state = await self.conversation.state(row.tenant, row.thread_id)
        known = dict(state.values) if state is not None else {}
        ids = {"tenant_id": row.tenant, "thread_id": row.thread_id, "user_id": row.user_id}
        return cast(ChatState, {**known, **ids})


def _next_call(row: ThreadRow, phase: str, asked: str) -> NextCall | None:
    if row.status is not ThreadStatus.OPEN or row.lock_pending:
        return NextCall("icp_intake", {"start_fresh": True})
    thread = {"thread_id": row.thread_id}
    if phase == "intake" or asked in journey.WEIGHTY:
        return NextCall("icp_intake", {**thread, "message": WORDS})
    if phase in ("planning", "enriching"):
        return NextCall("icp_status", {**thread, "wait_seconds": 45})
    if phase == "planned":
        return NextCall("icp_run_enrichment", thread)
    if phase == "done":
        return NextCall("icp_status", thread)
    return NextCall("icp_confirm", thread)


def _digest(micro: Mapping[str, Any]) -> str:
    text = json.dumps(micro, sort_keys=True)
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
