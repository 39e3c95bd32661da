"""The answer of a job over MCP and on the command line: what there is, what it cost, what to call
next. Never over the size limit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from data411_mcp.domain.calls import WORDS, spelled
from data411_mcp.domain.graph import Backfill, Notice, SlotRow
from data411_mcp.domain.icp.run import ICP_NEXT, ICP_RUN
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.domain.lead import Lead
from data411_mcp.domain.merge import statements_of
from data411_mcp.domain.slots import SlotState
from data411_mcp.domain.wishes import open_slots
from data411_mcp.services.accounts import OFF, Cost
from data411_mcp.services.graph_views import Json, clip_lines, identity_view, size_of
from data411_mcp.services.job_views import AccountView, cost_view, matched
from data411_mcp.services.payloads import (
    FINDING_RERUN,
    LEAD_SESSION,
    SLOTS_RERUN,
    SYNTHESIZE_PATCH,
)

if TYPE_CHECKING:
    from data411_mcp.services.container import Services
    from data411_mcp.services.routes import Started

ICP_ROUTES = (ICP_RUN, ICP_NEXT)
ANSWER_BYTES_MAX = 8000  # text and structured content of one MCP answer together
REFUNDS_SHOWN = 3
TRANSFERS_SHOWN = 10
NOTE_CHARS_SHOWN = 60
DONE, REPETITION, ERROR = (s.value for s in (SlotState.DONE, SlotState.REPETITION, SlotState.ERROR))


def status_word(job: Job) -> str:
    """done, running, needs_identity, error or cancelled: what the caller acts on; of a run of the
    ICP finder waiting: for "run enrichment"."""
    words = {
        JobStatus.QUEUED: "running",
        JobStatus.RUNNING: "running",
        JobStatus.WAITING: "waiting" if job.route in ICP_ROUTES else "needs_identity",
    }
    return words.get(job.status, job.status.value)


async def answer_of(
    app: Services, job: Job, notices: Sequence[Notice] = (), *, cache_hit: bool = False
) -> Json:
    """The answer of a job as it stands, with what it cost. Raises NotFound."""
    if job.route in ICP_ROUTES:  # no lead and no graph: a job with a result of its own
        graph = Backfill(chat_session_id=job.chat_session_id, lead=Lead())
    else:
        graph = await app.views.load(job.tenant, job.chat_session_id)
    cost = await app.accounts.cost_of(job)
    return session_answer(graph, job, cost, notices, cache_hit=cache_hit)


def session_answer(
    graph: Backfill,
    job: Job,
    cost: Cost,
    notices: Sequence[Notice] = (),
    *,
    cache_hit: bool = False,
) -> Json:
    """The structured answer of a call of any route. Long lists are cut; counts say what there is.
    `cache_hit`: an identical request had run before."""
    status = status_word(job)
    proven = [s for s in statements_of(graph) if s.status == "proven"]
    answer: Json = {
        "status": status,
        "chat_session_id": graph.chat_session_id,
        "job_id": job.id,
        "route": job.route,
        "lead": graph.lead.model_dump(exclude_none=True, exclude={"search_variants"}),
        "identity": identity_view(graph, status),
        "summary_markdown": graph.summary_markdown,
        "summary_stale": graph.summary_stale,
        "slots": [_slot(r) for r in graph.tool_trace.parallel_results],
        "gaps": [_gap(g) for g in graph.gaps[:6]],
        "counts": {
            "proven": len(proven),
            "contacts": len(graph.contacts),
            "phones": len(graph.phones),
            "emails": len(graph.emails),
            "unmerged_candidates": len(graph.unmerged_candidates),
            "gaps": len(graph.gaps),
        },
        "matched": matched(job, graph, cost),
        "billed": cost.charged > 0 and not cache_hit,
        "cache_hit": cache_hit,
        "cost": cost_view(cost, graph, cache_hit=cache_hit).model_dump(),
        "notices": [n.model_dump() for n in _distinct((*graph.notices, *notices))],
        "next": next_call(graph, job),
    }
    if job.route in ICP_ROUTES and job.result:
        answer["result"] = json.loads(job.result)
    if job.route == FINDING_RERUN and job.status is JobStatus.DONE and job.result:
        answer["finding"] = {k: v for k, v in json.loads(job.result).items() if k != "version"}
    if job.status is JobStatus.ERROR and job.error:
        answer["error"] = json.loads(job.error)
    return answer


def handle_of(started: Started, cost: Cost) -> tuple[Json, str]:
    """A job that was handed in: what to wait for, and what is held for it."""
    job = started.job
    handle: Json = {
        "job_id": job.id,
        "status": job.status.value,
        "route": job.route,
        "chat_session_id": job.chat_session_id,
        "billing_mode": cost.billing_mode,
        "held_usd": cost.held / 100,
        "balance_usd": cost.balance / 100,
        "notices": [n.model_dump() for n in started.notices],
        "next": spelled("wait_enrich_job", job_id=job.id),
    }
    lines = [f"job_id: {job.id} · {job.status.value} · {job.route}"]
    lines += [f"notice {n.code}: {n.text}" for n in started.notices]
    return handle, "\n".join([*lines, f"next: {handle['next']}"])


def account_of(view: AccountView) -> tuple[Json, str]:
    """The account in figures and in words; the newest transfers only."""
    newest = [
        t.model_copy(
            update={"item": t.item[:NOTE_CHARS_SHOWN], "reason": t.reason[:NOTE_CHARS_SHOWN]}
        )
        for t in view.transfers[:TRANSFERS_SHOWN]
    ]
    shown = view.model_copy(update={"transfers": newest})
    prices = view.prices
    lines = [
        "Nothing is charged here; vendor cost is metered."
        if view.billing_mode == OFF
        else f"Balance ${view.balance_usd:.2f}, ${view.held_usd:.2f} held by running jobs.",
        f"Prices: session ${prices.session_usd:.2f} and what vendors cost beyond it, slot "
        f"${prices.slot_usd:.2f}, resynthesis ${prices.synthesis_usd:.2f}, finding "
        f"${prices.finding_usd:.2f}.",
    ]
    lines += [f"- {t.kind} ${t.usd:.2f} {t.item} {t.reason}".rstrip() for t in shown.transfers]
    return shown.model_dump(), "\n".join(lines)


def _distinct(notices: Sequence[Notice]) -> list[Notice]:
    return list({n.code: n for n in notices}.values())


def _slot(row: SlotRow) -> Json:
    shown: Json = {"id": row.model_id, "state": row.state, "findings": row.findings,
                   "proven": row.proven}  # fmt: skip
    if row.reason:
        shown["reason"] = row.reason
    if row.degraded:
        shown["degraded"] = list(row.degraded[:3])
    return shown


def _gap(gap: Any) -> Json:
    return {"text": gap.text, "kind": gap.kind, "slot": gap.slot,
            "price_usd": gap.price_cents / 100}  # fmt: skip


def next_call(graph: Backfill, job: Job) -> str:
    """The next call to make, spelled out. What only the user can say stands in <…>."""
    chat = graph.chat_session_id
    if not job.final and job.status is not JobStatus.WAITING:
        return spelled("wait_enrich_job", job_id=job.id)
    if job.route in ICP_ROUTES:
        waits = job.status is JobStatus.WAITING
        return spelled("icp_run_enrichment" if waits else "icp_status", thread_id=chat)
    if job.status is JobStatus.WAITING:
        call = spelled("enrich_lead_session", chat_session_id=chat, identity_choice="<id>")
        return f"Ask the user which company is meant, then {call}"
    if job.status is not JobStatus.DONE:
        return _again(graph, job)
    if graph.summary_stale:
        return spelled("resynthesize_lead_graph", chat_session_id=chat)
    return _better(graph, job)


def _better(graph: Backfill, job: Job) -> str:
    """What may still help: the slots that failed, then the first gap that its slot can close.
    Neither what this job has just tried, nor a slot that added nothing when it ran last: who
    follows `next` comes to an end."""
    chat = graph.chat_session_id
    tried = set(json.loads(job.payload).get("slots", ()))
    if job.route not in (SYNTHESIZE_PATCH, FINDING_RERUN):
        failed = [s for s in open_slots(graph) if s not in tried]
        if failed:
            return _open_again(chat, failed)
    states = {r.model_id: r.state for r in graph.tool_trace.parallel_results}
    spent = tried | {s for s, state in states.items() if state in (REPETITION, ERROR)}
    gap = next((g for g in graph.gaps if g.call and g.slot not in spent), None)
    if gap is not None:
        return spelled(gap.call["tool"], gap.call["arguments"])
    return spelled("get_lead_graph", chat_session_id=chat, section="contacts")


def _open_again(chat: str, slots: Sequence[str]) -> str:
    if len(slots) == 1:
        return spelled(
            "rerun_hunt_slot", chat_session_id=chat, model_id=slots[0], refresh_summary=True
        )
    payload = {"chat_session_id": chat, "model_ids": list(slots)}
    return spelled("submit_enrich_job", route=SLOTS_RERUN, payload=payload)


def _again(graph: Backfill, job: Job) -> str:
    """The call that asks once more for what a failed or cancelled job was to do."""
    chat = graph.chat_session_id
    asked = json.loads(job.payload)
    words = _words_of(asked.get("prompts", ()), graph)
    if job.route == LEAD_SESSION:
        if asked.get("follow_up"):
            words = words or {"prompts": [WORDS]}
        return spelled("enrich_lead_session", {"chat_session_id": chat} | words)
    if job.route == SYNTHESIZE_PATCH:
        more = {} if asked.get("refresh_summary") else {"refresh_summary": False}
        return spelled("resynthesize_lead_graph", {"chat_session_id": chat} | words | more)
    if job.route == FINDING_RERUN:
        call: Json = {"chat_session_id": chat, "candidate_id": asked["candidate_id"]}
        return spelled("investigate_unmerged_finding", call | _summary_of(asked))
    return _slots_again(graph, job, asked, words)


def _slots_again(graph: Backfill, job: Job, asked: Json, words: Json) -> str:
    """The slots that had not landed: together where a batch takes them, else the first alone."""
    chat = graph.chat_session_id
    rows = {r.model_id: r for r in graph.tool_trace.parallel_results}
    landed = (DONE, REPETITION)
    left = [s for s in asked["slots"]
            if s not in rows or rows[s].job_id != job.id
            or rows[s].state not in landed]  # fmt: skip
    if not left:
        return _better(graph, job)
    if job.route == SLOTS_RERUN:
        can = [s for s in left if s in open_slots(graph)]
        if can:
            payload = {"chat_session_id": chat, "model_ids": can} | words
            return spelled("submit_enrich_job", route=SLOTS_RERUN, payload=payload)
    call = {"chat_session_id": chat, "model_id": left[0]}
    return spelled("rerun_hunt_slot", call | words | _summary_of(asked))


def _summary_of(asked: Json) -> Json:
    return {"refresh_summary": True} if asked.get("refresh_summary") else {}


def _words_of(prompts: Sequence[str], graph: Backfill) -> Json:
    """Gaps are our words and stand as they are; the caller's own are not repeated."""
    if not prompts:
        return {}
    gaps = {g.text for g in graph.gaps}
    return {"prompts": [p if p in gaps else WORDS for p in prompts]}


def answer_text(answer: Json) -> str:
    """The same answer for a model or a person that reads only text."""
    identity = answer["identity"]
    lines = [f"status: {answer['status']} · chat_session_id: {answer['chat_session_id']} · "
             f"job_id: {answer['job_id']}"]  # fmt: skip
    lines += [f"notice {n['code']}: {n['text']}" for n in answer["notices"]]
    if "error" in answer:
        lines.append(f"error {answer['error']['code']}: {answer['error']['message']}")
    if "finding" in answer:
        lines.append(f"finding {answer['finding']['verdict']}: {answer['finding']['reason']}")
    if answer["status"] == "needs_identity":
        lines.append("Which company is meant? Nothing was bought.")
        lines += [f"- {c['id']}: {c['name']} ({c['why']})" for c in identity.get("choices", [])]
    elif answer["summary_markdown"]:
        lines += ["", answer["summary_markdown"], ""]
    states = ", ".join(f"{s['id'].removeprefix('data411-')} {s['state']}" for s in answer["slots"])
    if states:
        lines.append("slots: " + states)
    lines.append("cost: " + cost_line(answer["cost"]))
    lines.append(f"next: {answer['next']}")
    return "\n".join(lines)


def cost_line(cost: Json) -> str:
    """What a job cost, and what is left."""
    vendors = f"vendors cost ${cost['vendor_usd']:.4f} in this chat"
    if cost["billing_mode"] == OFF:
        return f"nothing is charged here; {vendors}"
    held = f", ${cost['held_usd']:.2f} held" if cost["held_usd"] else ""
    if cost.get("earlier_usd"):
        held += f", ${cost['earlier_usd']:.2f} when it ran"
    back = "".join(
        f", ${r['usd']:.2f} given back ({r['item'] + ': ' if r['item'] else ''}{r['reason']})"
        for r in cost["refunds"][:REFUNDS_SHOWN]
    )
    return (
        f"${cost['charged_usd']:.2f} charged{held}{back}; balance "
        f"${cost['balance_usd']:.2f}; {vendors}"
    )


def fit(answer: Json, limit: int = ANSWER_BYTES_MAX) -> tuple[Json, str]:
    """Cut the answer until structured content and text together keep the limit; say so."""
    answer = dict(answer)
    for step in ("", "degraded", "gaps", "anchors", "summary", "summary", "summary", "lead"):
        _cut(answer, step)
        text = answer_text(answer)
        if size_of(answer) + len(text.encode()) <= limit:
            return answer, text
    return answer, text[: max(0, limit - size_of(answer))]


def _cut(answer: Json, step: str) -> None:
    if step == "degraded":
        answer["slots"] = [{k: v for k, v in s.items() if k != "degraded"} for s in answer["slots"]]
    elif step == "gaps":
        answer["gaps"] = answer["gaps"][:3]
    elif step == "anchors":
        kept = {k: v for k, v in answer["identity"].items() if k not in ("anchors", "runners_up")}
        answer["identity"] = kept
    elif step == "summary":
        answer["summary_markdown"] = clip_lines(
            answer["summary_markdown"], max(600, len(answer["summary_markdown"].encode()) * 2 // 3)
        )
        answer["left_out"] = 'the rest of the summary: get_lead_graph(section="summary")'
    elif step == "lead":
        answer["lead"] = {k: v if not isinstance(v, str) else v[:80]
                          for k, v in answer["lead"].items()}  # fmt: skip
