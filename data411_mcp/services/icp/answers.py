"""The ICP finder's answers over MCP: the assistant's words, where the job stands, a page of the
list, and the next call. Never over the size limit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data411_mcp.domain.access import Principal
from data411_mcp.domain.calls import spelled
from data411_mcp.domain.icp.values import Suggestion
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.services.answers import ANSWER_BYTES_MAX
from data411_mcp.services.graph_views import Json, size_of
from data411_mcp.services.icp import views
from data411_mcp.services.icp.results import results_of
from data411_mcp.services.icp.turns import Turn
from data411_mcp.services.ports.icp import ThreadRow

if TYPE_CHECKING:
    from data411_mcp.services.container import Services

WHY_CHARS, SNIPPET_CHARS, NAME_CHARS = 240, 160, 80
LINE_CHARS = 160  # of a row in the text
MESSAGE_CHARS = (1500, 600, 240)  # one after the other, until it fits
SHORT_BYTES_MAX = 4500
EVENTS_SHOWN = 20
CONTEXT_BYTES_MAX = 300
SUGGESTIONS_SHOWN = 5
LABELS_SHOWN = 6
ROWS_SHOWN = 15
CONTACTS_SHOWN = 2
THREADS_SHOWN = 20


@dataclass(frozen=True)
class Results:
    """What is shown beside the words: a page of the list, and what may be accepted."""

    view: views.ResultsView
    suggestions: tuple[Suggestion, ...] = ()
    offset: int = 0

    @classmethod
    async def of(cls, app: Services, who: Principal, turn: Turn, offset: int) -> Results | None:
        """None before there is a thread. Raises NotFound, StoreError."""
        if turn.thread is None:
            return None
        view = await results_of(
            app.store,
            app.icp.store,
            app.icp.enricher,
            turn.thread,
            offset=offset,
            limit=ROWS_SHOWN,
        )
        shown = offset == 0 and turn.job is not None and turn.job.status is JobStatus.WAITING
        cards = await app.icp.suggestions(who, turn.thread.thread_id) if shown else ()
        return cls(view, cards, offset)


def turn_answer(turn: Turn, results: Results | None = None) -> tuple[Json, str]:
    """Structured content and text. `left_out` names what did not fit, and how to get it."""
    answer = _base(turn)
    if results is not None and results.view.total:
        answer |= _summary_of(results)
    text = _text(turn, answer)
    if _bytes(answer, text) > ANSWER_BYTES_MAX:
        answer, text = _shortened(turn, answer)
    if results is None or not results.view.items:
        return answer, text
    with_rows = _add_rows(answer, text, results)
    if not answer["items"]:
        answer, text = _shortened(turn, answer)
        with_rows = _add_rows(answer, text, results)
    return answer, with_rows


def threads_answer(rows: Sequence[ThreadRow], offset: int) -> tuple[Json, str]:
    page = [views.thread_view(row) for row in rows[offset : offset + THREADS_SHOWN]]
    answer: Json = {"threads": [], "total": len(rows), "next_offset": None}
    lines: list[str] = []
    for number, view in enumerate(page, offset + 1):
        shown = view.model_dump(exclude_none=True, exclude={"lock_pending"})
        line = f"{number}. {view.label or view.thread_id} · {view.status} · {view.updated_at[:16]}"
        grown = answer | {"threads": [*answer["threads"], shown]}
        if _bytes(grown, "\n".join([*lines, line])) > ANSWER_BYTES_MAX:
            break
        answer = grown
        lines.append(line)
    end = offset + len(answer["threads"])
    answer["next_offset"] = end if end < len(rows) else None
    if len(rows) == 1:
        answer["thread_id"] = rows[0].thread_id
    return answer, "\n".join(lines) or "There is no conversation yet."


def _base(turn: Turn) -> Json:
    view = views.turn_view(turn)
    answer: Json = {
        "thread_id": view.thread_id,
        "thread_status": view.thread_status,
        "messages": view.messages,
        "events": [_event(e, view.messages) for e in view.events],
    }
    if view.label:
        answer["label"] = view.label
    if view.choices:
        answer["choices"] = [c.model_dump() for c in view.choices]
    if view.job is not None:
        answer["job"] = view.job.model_dump(exclude_none=True)
    if view.joined:
        answer["joined"] = True
    if view.next is not None:
        answer["next"] = spelled(view.next.tool, view.next.arguments)
        answer["next_call"] = view.next.model_dump()
    return answer


def _event(event: views.ChatEventView, messages: Sequence[str]) -> Json:
    """The words of an event stand among the messages already where they are the same."""
    shown: Json = {"event": event.event}
    if event.message not in messages:
        shown["message"] = event.message
    if event.context and len(json.dumps(event.context)) <= CONTEXT_BYTES_MAX:
        shown["context"] = event.context
    return shown


def _summary_of(results: Results) -> Json:
    view = results.view
    answer: Json = {"total": view.total, "enriched": view.enriched}
    if results.offset == 0 and view.profile is not None:
        answer["profile"] = view.profile.model_dump()
    if results.offset == 0 and results.suggestions:
        answer["suggestions"] = [
            {"id": s.id, "title": s.title, "evidence_count": s.evidence_count}
            for s in results.suggestions[:SUGGESTIONS_SHOWN]
        ]
    if view.degraded:
        answer["degraded"] = view.degraded
    if view.notes:
        answer["notes"] = view.notes
    return answer


def _text(turn: Turn, answer: Json) -> str:
    lines = list(turn.messages)
    lines += [f"{n}. {c.label} ({c.updated_at[:16]})" for n, c in enumerate(turn.choices, 1)]
    if turn.job is not None:
        lines.append(f"job {turn.job.id}: {turn.job.status.value}")
    if "next" in answer:
        lines.append(f"next: {answer['next']}")
    return "\n\n".join(lines)


def _shortened(turn: Turn, answer: Json) -> tuple[Json, str]:
    """Long messages are cut, contexts and results of the job left out: the stream and the pages
    of icp_status have them. Leaves room for a row of the list."""
    answer = {k: v for k, v in answer.items() if k not in ("profile", "notes")}
    answer["events"] = [{"event": e["event"]} for e in answer["events"][-EVENTS_SHOWN:]]
    answer["left_out"] = "Long messages are cut; icp_status(thread_id=…, offset=…) has the list."
    if "job" in answer:
        answer["job"] = {k: answer["job"][k] for k in ("job_id", "route", "status")}
    text = ""
    for chars in MESSAGE_CHARS:
        answer["messages"] = [_clipped(m, chars) for m in turn.messages]
        text = _clipped(_text(turn, answer), chars)
        while _bytes(answer, text) > SHORT_BYTES_MAX and len(answer["messages"]) > 1:
            answer["messages"] = answer["messages"][1:]  # the newest count
        if _bytes(answer, text) <= SHORT_BYTES_MAX:
            break
    return answer, text


def _add_rows(answer: Json, text: str, results: Results) -> str:
    """As many rows of the page as fit; the rest by `next_offset`."""
    answer["items"] = []
    answer["next_offset"] = None
    for row in results.view.items:
        shown = _row(row)
        grown = f"{text}\n{_line(row)}"
        answer["items"].append(shown)
        answer["next_offset"] = row.rank
        if _bytes(answer, grown) + len("null") > ANSWER_BYTES_MAX:  # for a last next_offset
            answer["items"].pop()
            answer["next_offset"] = row.rank - 1
            return text
        text = grown
    answer["next_offset"] = results.view.next_offset
    return text


def _line(row: views.CompanyRow) -> str:
    """For a client that shows text alone: once it is enriched whom to reach, before that why."""
    name = _clipped(row.name, NAME_CHARS) or row.domain
    first = row.contacts[0] if row.contacts else None
    person = ", ".join(filter(None, (first.name, first.title))) if first else ""
    of_person = (first.email, first.phone) if first else ()
    ways = next(filter(None, (*of_person, *row.phones, *row.emails)), "")
    told = [person, ways] if row.state == "done" else [row.why]
    parts = [name, row.domain, f"{row.score} {row.bucket}", *filter(None, told)]
    line = " ".join(" · ".join(parts).split())  # page text: it stays one line
    return f"{row.rank}. {_clipped(line, LINE_CHARS)}"


def _row(row: views.CompanyRow) -> Json:
    shown: Json = {
        "rank": row.rank,
        "domain": row.domain,
        "name": _clipped(row.name, NAME_CHARS),
        "score": row.score,
        "bucket": row.bucket,
        "why": _clipped(row.why, WHY_CHARS),
        "failed": row.failed[:LABELS_SHOWN],
        "unknown": row.unknown[:LABELS_SHOWN],
        "state": row.state,
    }
    people = [_filled(c.model_dump()) for c in row.contacts[:CONTACTS_SHOWN]]
    more: dict[str, Any] = {
        # Once it is enriched, whom to reach there says more than what its page began with.
        "snippet": "" if row.state == "done" else _clipped(row.snippet, SNIPPET_CHARS),
        "reason": row.reason,
        "contacts": people,
        "contacts_more": max(0, len(row.contacts) - CONTACTS_SHOWN),
        "phone": next(iter(row.phones), ""),
        "email": next(iter(row.emails), ""),
        "chat_session_id": row.chat_session_id,
    }
    return shown | _filled(more)


def _filled(values: Json) -> Json:
    return {key: value for key, value in values.items() if value}


def _clipped(text: str, chars: int) -> str:
    return text if len(text) <= chars else text[: chars - 1] + "…"


def _bytes(answer: Json, text: str) -> int:
    return size_of(answer) + len(text.encode())
