"""Changes to a stored graph outside a run: the calling agent's findings, a human's corrections."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import anyio
import anyio.to_thread
from pydantic import BaseModel, ConfigDict, Field

from data411_mcp.domain.evidence import Finding, Proof
from data411_mcp.domain.extract.document import Hints
from data411_mcp.domain.gaps import find_gaps
from data411_mcp.domain.graph import (
    COMPANY,
    Backfill,
    Evidence,
    FieldName,
    SlotRow,
    Statement,
    ToolTrace,
    person_id,
    statement_id,
)
from data411_mcp.domain.lead_input import lead_key
from data411_mcp.domain.merge import assemble, merge, statements_of
from data411_mcp.domain.slots import AGENT, SLOTS, SlotState
from data411_mcp.domain.summary import graph_fingerprint
from data411_mcp.errors import InvalidArgument, NotFound
from data411_mcp.services.desks import Desks
from data411_mcp.services.forgetting import Forgetting, Tombstones
from data411_mcp.services.graph_writer import GraphWriter
from data411_mcp.services.graphs import graph_of, load_session
from data411_mcp.services.ports import Clock, Store

FINDINGS_MAX = 25
# Of the 45 s that a tool call may take, the rest is for merging and storing.
READ_DEADLINE_SECONDS = 22.0  # fetching and reading the pages of a submission
PROVE_DEADLINE_SECONDS = 32.0  # from the start of the call until the last proof
NOT_IN_TIME = "not checked in time; hand it in again"


class SubmittedFinding(BaseModel):
    """What the calling agent found: a value, the page it stands on, and the words there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: Literal[
        "phone", "email", "address", "link", "person", "legal_name", "trade_name", "founded_year",
        "employees", "industry",
    ]  # fmt: skip
    value: str = Field(min_length=1, max_length=500)
    url: str = Field(min_length=8, max_length=2000)
    quote: str = Field(default="", max_length=1000)
    person: str | None = Field(default=None, max_length=120)
    title: str | None = Field(default=None, max_length=160)
    kind: str | None = Field(default=None, max_length=20)


_FIELDS = {
    "phone": FieldName.PHONE,
    "email": FieldName.EMAIL,
    "address": FieldName.ADDRESS,
    "link": FieldName.LINK,
    "person": FieldName.PERSON,
    "legal_name": FieldName.LEGAL_NAME,
    "trade_name": FieldName.TRADE_NAME,
    "founded_year": FieldName.FOUNDED_YEAR,
    "employees": FieldName.EMPLOYEES_EST,
    "industry": FieldName.INDUSTRY_NORM,
}


@dataclass(frozen=True)
class Verdict:
    """What became of one submitted finding."""

    value: str
    status: str  # proven, unproven, stale, contested, held_back
    reason: str
    id: str  # statement id, or candidate id when held back


@dataclass
class GraphEdits:
    store: Store
    desks: Desks
    clock: Clock
    forgetting: Forgetting
    stale_after_days: int
    page_deadline_seconds: float
    offers: Callable[[], Mapping[str, int]]
    read_deadline_seconds: float = READ_DEADLINE_SECONDS

    async def submit(
        self, tenant: str, chat_session_id: str, submitted: Sequence[SubmittedFinding]
    ) -> tuple[Backfill, tuple[Verdict, ...]]:
        """Fetch and prove the caller's findings like any slot's. Raises NotFound,
        InvalidArgument."""
        # With the first submission: a process that only reads graphs needs none of it.
        from data411_mcp.domain.proof import prove
        from data411_mcp.services.proving import circumstances
        from data411_mcp.services.shelf import Shelf

        if not 1 <= len(submitted) <= FINDINGS_MAX:
            raise InvalidArgument(
                f"Pass 1 to {FINDINGS_MAX} findings at once.", "Split them over several calls."
            )
        before = graph_of(await load_session(self.store, tenant, chat_session_id))
        key = lead_key(before.lead)
        hints = Hints(key.country, key.domain, before.lead.company, key.phones)
        shelf = Shelf(self.desks(tenant).reader, hints, FINDINGS_MAX, self.page_deadline_seconds)
        findings = [f for s in submitted for f in _findings(s)]
        until = anyio.current_time() + PROVE_DEADLINE_SECONDS
        with anyio.move_on_after(self.read_deadline_seconds):
            await shelf.read_all(f.url for f in findings)
        verdicts: list[Verdict] = []
        proofs: dict[int, Proof] = {}  # by the finding's place; kept when the store was busy
        seen: list[object] = []  # the circumstances they were proven in

        async def edit(graph: Backfill) -> Backfill:
            around = circumstances(
                graph, key, now=self.clock.now(), stale_after_days=self.stale_after_days
            )
            if seen != [around]:
                proofs.clear()
                seen[:] = [around]
            with anyio.CancelScope(deadline=until):
                for i, f in enumerate(findings):
                    page = shelf.read_so_far(f.url)
                    if i not in proofs and (page is not None or shelf.gave_up(f.url)):
                        proofs[i] = await anyio.to_thread.run_sync(
                            prove, f, page, around, abandon_on_cancel=True
                        )
            proven = [proofs[i] for i in sorted(proofs)]
            # In a thread, so that other chats go on: a team of hundreds takes seconds.
            merged = await anyio.to_thread.run_sync(
                partial(merge, graph, proven, lead_key=key.text)
            )
            verdicts[:] = [
                _verdict(proofs[i], merged.backfill)
                if i in proofs
                else Verdict(f.value[:300], "held_back", NOT_IN_TIME, "")
                for i, f in enumerate(findings)
            ]
            row = _agent_row(merged.backfill, len(findings), merged.added, merged.newly_proven,
                             self.clock.now().isoformat())  # fmt: skip
            return _with_row(merged.backfill, row)

        return await self._edit(tenant, chat_session_id, edit), tuple(verdicts)

    async def correct(
        self,
        tenant: str,
        chat_session_id: str,
        *,
        action: Literal["confirm", "reject", "replace", "add"],
        statement: str | None = None,
        field_name: str | None = None,
        value: str | None = None,
        person: str | None = None,
        kind: str | None = None,
    ) -> Backfill:
        """A human's word: it outranks machines until newer stated evidence. Raises NotFound,
        InvalidArgument."""
        before = graph_of(await load_session(self.store, tenant, chat_session_id))
        known = {s.id: s for s in statements_of(before)}
        target = known.get(statement or "")
        if action != "add" and target is None:
            raise NotFound(
                "There is no such statement in this lead's graph.",
                "Call get_lead_graph and pass a statement's id.",
            )
        at = self.clock.now().isoformat()
        country = lead_key(before.lead).country
        new: list[Statement] = []
        if target is not None and action in ("confirm", "reject", "replace"):
            verdict = "proven" if action == "confirm" else "rejected"
            new.append(target.model_copy(update={"evidence": (_human(at, verdict, target.value),)}))
        if action in ("replace", "add"):
            new.append(_stated(target, field_name, value, person, kind, country, at))
            if person and action == "add" and field_name != "person":
                new.append(_stated(None, "person", person, None, None, country, at))

        def assembled(graph: Backfill) -> Backfill:
            return assemble(graph, [*statements_of(graph), *new], graph.unmerged_candidates)

        async def edit(graph: Backfill) -> Backfill:
            changed = await anyio.to_thread.run_sync(assembled, graph)
            return changed.model_copy(update={"summary_stale": bool(graph.summary_markdown)})

        return await self._edit(tenant, chat_session_id, edit)

    async def _edit(
        self, tenant: str, chat_session_id: str, edit: Callable[[Backfill], Awaitable[Backfill]]
    ) -> Backfill:

        async def change(before: Backfill, erased: Tombstones) -> Backfill:
            edited = await edit(before)
            return await anyio.to_thread.run_sync(_finished, before, edited, erased, self.offers())

        writer = GraphWriter(self.store, self.forgetting, self.clock)
        return (await writer.rewrite(tenant, chat_session_id, change))[0]


def _finished(
    before: Backfill, edited: Backfill, erased: Tombstones, offers: Mapping[str, int]
) -> Backfill:
    """The edited graph without the erased, with its gaps, and stale where it says other things."""
    changed = erased.without(edited)
    changed = changed.model_copy(update={"gaps": find_gaps(changed, offers)})
    if graph_fingerprint(changed) == graph_fingerprint(before):
        return changed
    return changed.model_copy(update={"summary_stale": bool(changed.summary_markdown)})


def _findings(submitted: SubmittedFinding) -> list[Finding]:
    field_name = _FIELDS[submitted.field]
    person = submitted.value if submitted.field == "person" else submitted.person
    main = Finding(
        field=field_name,
        value=submitted.value,
        slot=AGENT,
        url=submitted.url,
        quote=submitted.quote,
        kind=submitted.kind,
        person=person,
        submitted_by_caller=True,
    )
    found = [main]
    if person and submitted.field != "person":
        found.insert(0, _like(main, FieldName.PERSON, person))
    if person and submitted.title:
        found.append(_like(main, FieldName.TITLE, submitted.title))
    return found


def _like(main: Finding, field_name: FieldName, value: str) -> Finding:
    return Finding(
        field=field_name,
        value=value,
        slot=AGENT,
        url=main.url,
        quote=main.quote,
        person=main.person,
        submitted_by_caller=True,
    )


def _verdict(proof: Proof, graph: Backfill) -> Verdict:
    owner = person_id(proof.finding.person) if proof.finding.person else COMPANY
    wanted = statement_id(owner, proof.finding.field, proof.value)
    for s in statements_of(graph):
        if s.id == wanted or (s.field is proof.finding.field and s.value == proof.value):
            return Verdict(s.value, s.status.value, s.reason, s.id)
    for u in graph.unmerged_candidates:
        if u.kind == proof.finding.field.value and u.value == proof.value[:300]:
            return Verdict(u.value, "held_back", u.reason, u.id)
    return Verdict(proof.value[:300], "held_back", proof.reason, "")


def _agent_row(
    graph: Backfill, findings: int, added: int, proven: int, finished_at: str
) -> SlotRow:
    old = next((r for r in graph.tool_trace.parallel_results if r.model_id == AGENT), None)
    spec = SLOTS[AGENT]
    return SlotRow(
        model_id=AGENT,
        label=spec.label,
        provider=spec.provider,
        state=SlotState.DONE.value if added else SlotState.REPETITION.value,
        pass_=spec.pass_.value,
        findings=findings + (old.findings if old else 0),
        added=added + (old.added if old else 0),
        proven=proven + (old.proven if old else 0),
        finished_at=finished_at,
    )


def _with_row(graph: Backfill, row: SlotRow) -> Backfill:
    rows = {r.model_id: r for r in graph.tool_trace.parallel_results} | {row.model_id: row}
    ordered = tuple(rows[s] for s in SLOTS if s in rows)
    return graph.model_copy(update={"tool_trace": ToolTrace(parallel_results=ordered)})


def _human(at: str, verdict: str, value: str) -> Evidence:
    return Evidence(
        url="human:correction", page_sha256="", start=0, end=0, quote=value[:400], slot=AGENT,
        fetched_at=at, reader="human", source="human", verdict=verdict, stated_at=None,
    )  # fmt: skip


def _stated(
    target: Statement | None,
    field_name: str | None,
    value: str | None,
    person: str | None,
    kind: str | None,
    country: str | None,
    at: str,
) -> Statement:
    from data411_mcp.domain.proof import normalize_value

    known = _FIELDS | {"title": FieldName.TITLE}
    if target is None and field_name not in known:
        raise InvalidArgument(
            "field must be one of " + ", ".join(sorted(known)) + ".", "Pass field and value."
        )
    name = target.field if target is not None else known[field_name or ""]
    normal = normalize_value(name, value or "", country)
    if normal is None:
        raise InvalidArgument(
            f"value is not a valid {name.value.replace('_', ' ')}.", "Pass value as it should be."
        )
    if target is not None:
        owner = person_id(normal) if name is FieldName.PERSON else target.owner
    elif name is FieldName.PERSON:
        owner = person_id(normal)
    else:
        owner = person_id(person) if person else COMPANY
    return Statement(
        id=statement_id(owner, name, normal),
        field=name,
        value=normal,
        raw=value or "",
        kind=kind or (target.kind if target else None),
        owner=owner,
        evidence=(_human(at, "proven", normal),),
        seen_by=(AGENT,),
        score=1.0,
    )
