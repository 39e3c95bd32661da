"""Threads and runs in the shapes of the LangGraph server's protocol, which `langgraph-sdk` reads.

A run is one message of the user and one turn of the conversation. It is over when the assistant
has answered: the background job that it may have started is followed by the chat stream.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, ValidationError

from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.services.icp.turns import Turn
from data411_mcp.services.icp.views import Shape
from data411_mcp.services.ports.icp import ConversationState, IcpStore, ThreadRow

CHAT_RUN = "chat_run"  # kind of the documents; key: thread id, ":", run id
RUNS_PER_READ = 200
BUSY = frozenset({JobStatus.QUEUED, JobStatus.RUNNING})


class LgThread(Shape):
    thread_id: str
    created_at: str
    updated_at: str
    metadata: Annotated[
        dict[str, Any],
        Field(
            description="The caller's own, and ours: tenant_id, user_id, agent, context_key, "
            "status (open, locked, archived), label, locked_at, archived_at, reason, "
            "lock_pending, preview, micro_icp (its hash)."
        ),
    ]
    status: Annotated[str, Field(description="idle, busy, interrupted (the plan waits), error.")]
    values: dict[str, Any]
    interrupts: dict[str, Any] = Field(default_factory=dict)


class LgCheckpoint(Shape):
    thread_id: str
    checkpoint_ns: str = ""
    checkpoint_id: str


class LgState(Shape):
    values: dict[str, Any]
    next: list[str]
    checkpoint: LgCheckpoint
    metadata: dict[str, Any] = Field(default_factory=dict)
    created_at: str | None = None
    parent_checkpoint: LgCheckpoint | None = None
    tasks: list[dict[str, Any]] = Field(default_factory=list)
    interrupts: list[dict[str, Any]] = Field(default_factory=list)


class LgRun(Shape):
    run_id: str
    thread_id: str
    assistant_id: str
    created_at: str
    updated_at: str
    status: Annotated[str, Field(description="pending, running, success, error.")]
    metadata: dict[str, Any] = Field(default_factory=dict)
    multitask_strategy: str = "reject"


# --- threads -----------------------------------------------------------------------------------


def lg_thread(
    thread: ThreadRow, job: Job | None = None, state: ConversationState | None = None
) -> LgThread:
    return LgThread(
        thread_id=thread.thread_id,
        created_at=thread.created_at.isoformat(),
        updated_at=thread.updated_at.isoformat(),
        metadata=_own(thread.metadata) | _ours(thread),
        status=_status(job),
        values=dict(state.values) if state is not None else {},
    )


def _own(metadata: str) -> dict[str, Any]:
    try:
        found = json.loads(metadata)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _ours(thread: ThreadRow) -> dict[str, Any]:
    return {
        "tenant_id": thread.tenant,
        "user_id": thread.user_id,
        "agent": thread.agent,
        "context_key": thread.context_key,
        "status": thread.status.value,
        "label": thread.label,
        "locked_at": _iso(thread.locked_at),
        "archived_at": _iso(thread.archived_at),
        "reason": thread.reason,
        "lock_pending": thread.lock_pending,
    }


# Of ours, those that the store keeps among the caller's own.
KEPT_BY_US = ("preview", "micro_icp")
OURS = frozenset({"tenant_id", "user_id", "agent", "context_key", "status", "label", "locked_at",
                  "archived_at", "reason", "lock_pending", *KEPT_BY_US})  # fmt: skip


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


def _status(job: Job | None) -> str:
    if job is None:
        return "idle"
    if job.status in BUSY:
        return "busy"
    words = {JobStatus.WAITING: "interrupted", JobStatus.ERROR: "error"}
    return words.get(job.status, "idle")


def fits(thread: LgThread, metadata: Mapping[str, Any], status: str | None) -> bool:
    """Whether a search for these means the thread: every named pair is there."""
    if status is not None and thread.status != status:
        return False
    return all(key in thread.metadata and thread.metadata[key] == metadata[key] for key in metadata)


def lg_state(thread_id: str, state: ConversationState | None) -> LgState:
    checkpoint = LgCheckpoint(
        thread_id=thread_id, checkpoint_id=state.checkpoint_id if state is not None else ""
    )
    if state is None:
        return LgState(values={}, next=[], checkpoint=checkpoint)
    return LgState(
        values=dict(state.values),
        next=list(state.next),
        checkpoint=checkpoint,
        created_at=state.created_at or None,
    )


# --- runs --------------------------------------------------------------------------------------


def dashed(handle: str) -> str:
    """A handle of 32 hexadecimal digits in the form of a UUID, as the protocol's ids are."""
    return "-".join((handle[:8], handle[8:12], handle[12:16], handle[16:20], handle[20:]))


def words_of(given: Mapping[str, Any] | None) -> tuple[str, str | None]:
    """The user's newest message in the input of a run, and its id."""
    if given is None:
        return "", None
    messages = given.get("messages")
    if isinstance(messages, Mapping):
        messages = [messages]
    if isinstance(messages, list):
        for message in reversed(messages):
            found = _message(message)
            if found is not None:
                return found
    for key in ("input", "message", "text", "content"):
        text = given.get(key)
        if isinstance(text, str):
            message_id = given.get("message_id", given.get("id"))
            return text, message_id if isinstance(message_id, str) else None
    return "", None


def _message(message: object) -> tuple[str, str | None] | None:
    if isinstance(message, str):
        return message, None
    if not isinstance(message, Mapping):
        return None
    role = message.get("role", message.get("type", "user"))
    if role not in ("user", "human"):
        return None
    message_id = message.get("id")
    return _text(message.get("content")), message_id if isinstance(message_id, str) else None


def _text(content: object) -> str:
    """A message's content: text, or a list of parts of which the texts count."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [p.get("text") if isinstance(p, Mapping) else p for p in content]
    return "\n".join(part for part in parts if isinstance(part, str))


def answer_values(turn: Turn, state: ConversationState | None) -> dict[str, Any]:
    """What a run returns: the state, and in `reply` what the assistant said in this turn."""
    thread = turn.thread
    reply = {
        "messages": list(turn.messages),
        "choices": [
            {"thread_id": c.thread_id, "label": c.label, "updated_at": c.updated_at}
            for c in turn.choices
        ],
        "job_id": turn.job.id if turn.job is not None else None,
        "thread_id": thread.thread_id if thread is not None else None,
    }
    return {**(dict(state.values) if state is not None else {}), "reply": reply}


async def put_run(store: IcpStore, tenant: str, run: LgRun, *, at: datetime) -> None:
    """The user's words are not in it. Raises StoreError."""
    await store.put_document(
        tenant, CHAT_RUN, _key(run.thread_id, run.run_id), run.model_dump_json(), at=at
    )


async def run_of(store: IcpStore, tenant: str, thread_id: str, run_id: str) -> LgRun | None:
    found = await store.document(tenant, CHAT_RUN, _key(thread_id, run_id))
    return LgRun.model_validate_json(found.text) if found is not None else None


async def runs_of(store: IcpStore, tenant: str, thread_id: str) -> Sequence[LgRun]:
    """Newest first."""
    runs: list[LgRun] = []
    prefix, after = _key(thread_id, ""), ""
    while page := await store.documents(
        tenant, CHAT_RUN, prefix=prefix, after=after, limit=RUNS_PER_READ
    ):
        for document in page:
            try:
                runs.append(LgRun.model_validate_json(document.text))
            except ValidationError:  # of another version
                continue
        after = page[-1].key
    return sorted(runs, key=lambda r: (r.created_at, r.run_id), reverse=True)


async def forget_run(store: IcpStore, tenant: str, thread_id: str, run_id: str) -> bool:
    return await store.delete_document(tenant, CHAT_RUN, _key(thread_id, run_id))


def _key(thread_id: str, run_id: str) -> str:
    """A document of the thread: it goes with it."""
    return f"{thread_id}:{run_id}"
