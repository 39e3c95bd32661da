"""What the entrances of the ICP finder hear, and what they may ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from data411_mcp.domain.access import Principal
from data411_mcp.domain.icp.values import IcpProfile, Suggestion
from data411_mcp.domain.jobs import Job
from data411_mcp.services.ports.icp import ThreadRow

AGENT = "icp_finder"


@dataclass(frozen=True, slots=True)
class ChatEvent:
    """One event of the chat stream, on the wire {event, message, context}. `seq` numbers the
    events of a thread that no job has told; those of a job have the job's own number."""

    event: str
    message: str
    context: Mapping[str, Any] = field(default_factory=dict)
    seq: int = 0
    at: str = ""


@dataclass(frozen=True, slots=True)
class ThreadChoice:
    thread_id: str
    label: str
    updated_at: str
    preview: str = ""


@dataclass(frozen=True, slots=True)
class NextCall:
    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message in, this out. `messages` is what the assistant said, in order and word for
    word; `choices` is filled where the user must pick a thread first (`thread` is None then)."""

    thread: ThreadRow | None
    messages: tuple[str, ...] = ()
    events: tuple[ChatEvent, ...] = ()
    choices: tuple[ThreadChoice, ...] = ()
    job: Job | None = None
    state: Mapping[str, Any] = field(default_factory=dict)
    next: NextCall | None = None
    joined: bool = False  # an identical request had been handled already


@dataclass(frozen=True, slots=True)
class Saying:
    """A message of the user. `message_id` is the client's own, for a retry; `start_fresh` opens a
    new thread, whatever there is."""

    who: Principal
    text: str
    thread_id: str | None = None
    start_fresh: bool = False
    message_id: str | None = None


Suggest = Callable[[IcpProfile], Sequence[Suggestion]]
