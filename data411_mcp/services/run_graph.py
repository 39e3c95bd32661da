"""Steps on the graph of a run under way: what a run's saves and reads need of it. Pure."""

from __future__ import annotations

import json

from data411_mcp.domain.graph import (
    Anchor,
    Backfill,
    FieldName,
    IdentityCard,
    SlotRow,
    Spent,
    Status,
    ToolTrace,
    Unmerged,
    candidate_id,
)
from data411_mcp.domain.lead import LeadKey
from data411_mcp.domain.merge import assemble, statements_of
from data411_mcp.domain.pricing import SESSION, ItemOutcome
from data411_mcp.domain.slots import AGENT, SLOTS, SlotState

LANDED = "landed:"  # before the job's id in a row: what the slot brought is not merged yet


def outcomes_of(backfill: Backfill, job_id: str, synthesis_cost: int = 0) -> dict[str, ItemOutcome]:
    """What the slots of one job came to, by slot id; under SESSION their sum."""
    rows = [r for r in backfill.tool_trace.parallel_results if r.job_id == job_id]
    found = {
        r.model_id: ItemOutcome(r.proven, r.added + r.held, r.findings, r.state, r.cost_usd_micros)
        for r in rows
    }
    total = ItemOutcome(
        proven=sum(r.proven for r in rows),
        added=sum(r.added + r.held for r in rows),
        findings=sum(r.findings for r in rows),
        state="",
        cost_usd_micros=synthesis_cost,
    )
    return found | {SESSION: total}


def rebased(ours: Backfill, theirs: Backfill) -> Backfill:
    """Both sets of statements and of slot rows; everything else as in ours. The Agent row is
    theirs: only submissions write it."""
    both = [*statements_of(theirs), *statements_of(ours)]
    graph = assemble(ours, both, [*theirs.unmerged_candidates, *ours.unmerged_candidates])
    their_rows = {r.model_id: r for r in theirs.tool_trace.parallel_results}
    rows = their_rows | {r.model_id: r for r in ours.tool_trace.parallel_results}
    if AGENT in their_rows:
        rows[AGENT] = their_rows[AGENT]
    ordered = tuple(rows[s] for s in SLOTS if s in rows)
    return graph.model_copy(update={"tool_trace": ToolTrace(parallel_results=ordered)})


def candidates_for(key: LeadKey, earlier: Backfill) -> tuple[Unmerged, ...]:
    """The candidates of another lead's graph under the ids that they have for this one."""
    return tuple(
        u.model_copy(update={"id": candidate_id(u.kind, u.label, key.text)})
        for u in earlier.unmerged_candidates
    )


def grown(card: IdentityCard, backfill: Backfill) -> IdentityCard:
    """The card with what the company's own site or a register proves as further anchors."""
    kinds = {
        FieldName.PHONE: "phone",
        FieldName.ADDRESS: "address",
        FieldName.LEGAL_NAME: "legal_name",
        FieldName.NAME: "name",
        FieldName.REGISTRY_ID: "registry_id",
        FieldName.EMAIL: "email",
    }
    have = {(a.kind, a.value.casefold()) for a in card.anchors}
    more = []
    for s in statements_of(backfill):
        kind = kinds.get(s.field)
        own = any(
            e.source in {"own_site", "registry"}
            and e.verdict == "proven"
            and e.slot != "data411-agent"
            for e in s.evidence
        )
        if kind and own and s.status is Status.PROVEN and (kind, s.value.casefold()) not in have:
            more.append(Anchor(kind=kind, value=s.value, source="site"))
    return card.model_copy(update={"anchors": (*card.anchors, *more)}) if more else card


def same_company(one: IdentityCard, other: IdentityCard) -> bool:
    """Both cards are clear and hold one domain or register number in common."""
    strong = {"domain", "registry_id"}
    mine, theirs = (
        {(a.kind, a.value.casefold()) for a in card.anchors if a.kind in strong}
        for card in (one, other)
    )
    return one.decision == other.decision == "clear" and bool(mine & theirs)


def legal_names(backfill: Backfill) -> tuple[str, ...]:
    """The proven ones, two at most: registers are asked by them, too."""
    proven = [
        s.value
        for s in statements_of(backfill)
        if s.field is FieldName.LEGAL_NAME and s.status is Status.PROVEN
    ]
    return tuple(proven[:2])


def compact_graph(backfill: Backfill) -> str:
    """The proven part of the graph in a few lines of JSON, for a model's brief."""
    rows = [
        {"field": s.field.value, "value": s.value, "owner": s.owner, "status": s.status.value}
        for s in statements_of(backfill)
        if s.status in (Status.PROVEN, Status.CONTESTED, Status.STALE)
    ]
    return json.dumps(rows[:150], ensure_ascii=False)


def new_row(slot: str, state: SlotState, reason: str = "") -> SlotRow:
    """The row of a slot that has brought nothing yet."""
    spec = SLOTS[slot]
    return SlotRow(
        model_id=slot,
        label=spec.label,
        provider=spec.provider,
        state=state.value,
        pass_=spec.pass_.value,
        reason=reason,
    )


def running_row(slot: str, before: SlotRow | None, job_id: str) -> SlotRow:
    """A slot that is out. What it cost in an earlier attempt of this job stays known as spent, and
    what it added then stays counted: it adds that only once."""
    row = new_row(slot, SlotState.RUNNING)
    if before is None or before.job_id.removeprefix(LANDED) != job_id:
        return row
    kept = {"job_id": before.job_id, "added": before.added, "proven": before.proven}
    return row.model_copy(update=kept)


def joined_rows(old: SlotRow | None, new: SlotRow) -> SlotRow:
    """A slot that ran twice in one job (registers, once more by the legal name; any free slot, when
    an attempt was cut short) has one row."""
    if old is None:
        return new
    new = counted(new, old.added, old.proven)
    if old.job_id == new.job_id:
        cost = old.cost_usd_micros + new.cost_usd_micros
        new = new.model_copy(update={"cost_usd_micros": cost})
    if old.state != SlotState.DONE:
        return new
    return new.model_copy(
        update={
            "state": SlotState.DONE.value,
            "reason": "",
            "findings": old.findings + new.findings,
            "seconds": round(old.seconds + new.seconds, 3),
            "degraded": tuple(dict.fromkeys((*old.degraded, *new.degraded))),
        }
    )


def counted(row: SlotRow, added: int, proven: int) -> SlotRow:
    more = {"added": row.added + added, "proven": row.proven + proven}
    return row.model_copy(update=more)


def recounted(row: SlotRow, ours: Backfill, earlier: Backfill) -> SlotRow:
    """The row with only what the slot brought beyond an earlier session's graph."""
    known = {s.id for s in statements_of(earlier)}
    proven = {s.id for s in statements_of(earlier) if s.status is Status.PROVEN}
    brought = [s for s in statements_of(ours) if s.seen_by[:1] == (row.model_id,)]
    return row.model_copy(
        update={
            "added": sum(s.id not in known for s in brought),
            "proven": sum(s.status is Status.PROVEN and s.id not in proven for s in brought),
        }
    )


def spend_up_to(backfill: Backfill, micros: int) -> Backfill:
    """With at least so much spent: a run that was killed before its save has spent it, too."""
    return spend(backfill, max(micros - backfill.spent.vendor_usd_micros, 0))


def spend(backfill: Backfill, micros: int) -> Backfill:
    if not micros:
        return backfill
    spent = backfill.spent
    return backfill.model_copy(
        update={
            "spent": Spent(
                vendor_usd_micros=spent.vendor_usd_micros + micros,
                charged_cents=spent.charged_cents,
            )
        }
    )
