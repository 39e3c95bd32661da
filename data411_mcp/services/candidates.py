"""A finding that was held back, looked at again: what it claims, what its pages say now, what
becomes of it in the graph. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from data411_mcp.domain.evidence import Finding, Proof, ReadPage
from data411_mcp.domain.gaps import find_gaps
from data411_mcp.domain.graph import (
    COMPANY,
    Backfill,
    FieldName,
    Statement,
    Status,
    Unmerged,
    person_id,
)
from data411_mcp.domain.merge import merge, statements_of
from data411_mcp.domain.quotes import words
from data411_mcp.domain.slots import AGENT
from data411_mcp.domain.summary import display_phone, is_current
from data411_mcp.services.run_graph import grown

if TYPE_CHECKING:  # reading pages is loaded with the first run
    from data411_mcp.domain.proof import Circumstances

INVESTIGATION = "finding-rerun"  # who saw what the search brought: no slot did
CLAIMED_PAGES_MAX = 6
QUERY_CHARS_MAX = 390
VERDICTS_KEPT = 3
# Capital: of two rows of one candidate the merge keeps the smaller reason, and thereby this one.
_INVESTIGATED = "Investigated "
_BETWEEN = " | "
_AT_FIRST = "at first: "
# The value may stand there all the same, in other words than the quoted ones.
_QUOTE_FAILED = frozenset(
    {
        "the quote is not on the page",
        "the quote does not say this value",
        "the quote is too long to be one",
    }
)
NOT_IDENTIFIED = "it is not settled which company this lead is"


@dataclass(frozen=True)
class Inquiry:
    """What there is to prove of one candidate: its claims, and what the search brought."""

    candidate: Unmerged
    findings: tuple[Finding, ...]
    looked: str = ""  # what was done beyond the claims, in our words
    unread: bool = False  # none of the pages could be had
    cost_usd_micros: int = 0

    def to_json(self) -> str:
        return json.dumps(
            {
                "candidate": self.candidate.model_dump(mode="json"),
                "findings": [asdict(f) for f in self.findings],
                "looked": self.looked,
                "unread": self.unread,
                "cost": self.cost_usd_micros,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Inquiry:
        data = json.loads(text)
        findings = (Finding(**{**f, "field": FieldName(f["field"])}) for f in data["findings"])
        candidate = Unmerged.model_validate(data["candidate"])
        return cls(candidate, tuple(findings), data["looked"], data["unread"], data["cost"])


@dataclass(frozen=True)
class Outcome:
    """The verdict on a candidate; `statement` where it has joined the graph."""

    graph: Backfill
    statement: Statement | None
    reason: str

    @property
    def proven(self) -> bool:
        return self.statement is not None and self.statement.status is Status.PROVEN

    def result(self, version: int, candidate_id: str) -> str:
        s = self.statement
        return json.dumps(
            {
                "version": version,
                "candidate_id": candidate_id,
                "verdict": "merged" if s is not None else "held_back",
                "status": s.status.value if s is not None else Status.UNPROVEN.value,
                "reason": self.reason,
                "statement_id": s.id if s is not None else None,
            }
        )


# --- claims ----------------------------------------------------------------------------------


def person_of(candidate: Unmerged) -> str | None:
    """Whose the value is said to be: the label begins with the name."""
    if candidate.kind == FieldName.PERSON.value:
        return candidate.value
    name = candidate.label.removesuffix(f": {candidate.value}")
    return name if name != candidate.label else None


def claim_of(candidate: Unmerged, slot: str, url: str, quote: str = "", sha: str = "") -> Finding:
    return Finding(
        field=FieldName(candidate.kind),
        value=candidate.value,
        slot=slot,
        url=url,
        quote=quote,
        person=person_of(candidate),
        page_sha256=sha or None,
        submitted_by_caller=slot == AGENT,
    )


def claims_of(candidate: Unmerged, graph: Backfill) -> tuple[Finding, ...]:
    """What was claimed, source by source. Of a person whom the graph does not know the name is
    claimed first, from the same words."""
    claims: list[Finding] = []
    person = person_of(candidate)
    stranger = (
        person is not None
        and candidate.kind != FieldName.PERSON.value
        and not _known_person(person, graph)
    )
    for e in candidate.evidence[:CLAIMED_PAGES_MAX]:
        claim = claim_of(candidate, e.slot, e.url, e.quote, e.page_sha256)
        if stranger and person is not None:
            claims.append(_named(claim, person))
        claims.append(claim)
    return tuple(claims)


def _named(claim: Finding, person: str) -> Finding:
    return replace(claim, field=FieldName.PERSON, value=person, person=person, kind=None)


def _known_person(name: str, graph: Backfill) -> bool:
    owners = {s.owner for s in statements_of(graph) if s.field is FieldName.PERSON}
    owners |= {person_id(alias) for e in graph.entities for alias in e.aliases}
    return person_id(name) in owners


def alike(claim: Finding, read: ReadPage) -> list[Finding]:
    """The claim on a page that nobody quoted: as the page's own words give it, the value alone
    and, if need be, the name that goes with it."""
    bare = replace(claim, quote="", page_sha256=None)
    found = [bare, *_own_reading(bare, read)]
    if bare.person is not None and bare.field is not FieldName.PERSON:
        name = _named(bare, bare.person)
        found = [name, *_own_reading(name, read), *found]
    return found


def _own_reading(claim: Finding, read: ReadPage) -> list[Finding]:
    """The same value of the same owner, where our own extraction reads it on the page."""
    from data411_mcp.services.hunting.brief import SCORE_MIN, finding_of

    return [
        replace(
            finding_of(fact, read, claim.slot),
            url=claim.url,
            submitted_by_caller=claim.submitted_by_caller,
        )
        for fact in read.facts.facts
        if fact.field is claim.field
        and fact.value.casefold() == claim.value.casefold()
        and fact.score >= SCORE_MIN
        and _same_owner(fact.person, claim)
    ]


def _same_owner(person: str | None, claim: Finding) -> bool:
    if claim.field is FieldName.PERSON:
        return True  # the value is the name
    return words(person or "") == words(claim.person or "")


def query_for(candidate: Unmerged, graph: Backfill) -> str:
    """Value, owner and company, as somebody would type them."""
    phone = candidate.kind == FieldName.PHONE.value
    value = display_phone(candidate.value) if phone else candidate.value
    company = graph.lead.company or graph.identity.name or graph.lead.domain or ""
    person = person_of(candidate)
    parts = (value, person if person != candidate.value else "", company)
    plain = (" ".join((part or "").replace('"', " ").split()) for part in parts)
    return " ".join(p for p in plain if p)[:QUERY_CHARS_MAX]


# --- proof and merge -------------------------------------------------------------------------


def page_of(finding: Finding, pages: Mapping[str, ReadPage]) -> ReadPage | None:
    return pages.get(finding.url.split("#", 1)[0])


def retold(
    around: Circumstances, claims: Sequence[Finding], pages: Mapping[str, ReadPage]
) -> list[Proof]:
    """Every claim proven as quoted; where the quote fails, as the page tells it now; and as our
    own extraction reads it there."""
    from data411_mcp.domain.proof import prove

    proofs: list[Proof] = []
    for claim in claims:
        read = page_of(claim, pages)
        proof = prove(claim, read, around)
        proofs.append(proof)
        if read is None or not proof.hold_back:
            continue
        more = _own_reading(claim, read)
        if proof.reason in _QUOTE_FAILED:
            more.insert(0, replace(claim, quote=""))
        proofs += [prove(f, read, around) for f in more]
    return proofs


def merged_with(
    graph: Backfill, candidate: Unmerged, proofs: Sequence[Proof], *, lead_key: str
) -> tuple[Backfill, Statement | None]:
    """The graph without the candidate's row, and the statement it has become: None, and nothing
    merged, while none of the proofs stands."""
    others = tuple(u for u in graph.unmerged_candidates if u.id != candidate.id)
    base = graph.model_copy(update={"unmerged_candidates": others})
    standing = [p for p in proofs if not p.hold_back]
    values = {p.value.casefold() for p in standing if p.finding.field.value == candidate.kind}
    if not values:
        return base, None
    after = merge(base, standing, lead_key=lead_key).backfill
    # Nobody else's row comes or goes by a look at this one, except what is proven with it.
    kept = {u.id for u in others}
    rows = tuple(u for u in after.unmerged_candidates if u.id in kept)
    after = after.model_copy(update={"unmerged_candidates": rows})
    seen = {(p.evidence.url, p.evidence.start, p.evidence.end) for p in standing if p.evidence}
    fits = [
        s
        for s in statements_of(after)
        if s.field.value == candidate.kind
        and s.value.casefold() in values
        and (s.owner == COMPANY) == (person_of(candidate) is None)
        and any((e.url, e.start, e.end) in seen for e in s.evidence)
    ]
    return (after, min(fits, key=_best)) if fits else (base, None)


def _best(statement: Statement) -> tuple[bool, str]:
    return (statement.status is not Status.PROVEN, statement.id)


def settle(
    before: Backfill,
    inquiry: Inquiry,
    pages: Mapping[str, ReadPage],
    around: Circumstances,
    *,
    lead_key: str,
    today: str,
    offers: Mapping[str, int],
) -> Outcome:
    """The verdict on the graph as it is. A row that somebody else has taken away stays away."""
    from data411_mcp.domain.proof import prove

    candidate = inquiry.candidate
    proofs = [prove(f, page_of(f, pages), around) for f in inquiry.findings]
    graph, statement = merged_with(before, candidate, proofs, lead_key=lead_key)
    if statement is None:
        reason = _held_because(inquiry, proofs)
        said = _history(candidate.reason, reason, today)
        rows = tuple(
            u.model_copy(update={"reason": said}) if u.id == candidate.id else u
            for u in before.unmerged_candidates
        )
        graph = before.model_copy(update={"unmerged_candidates": rows})
    else:
        reason = statement.reason
        if graph.identity.decision == "clear":
            graph = graph.model_copy(update={"identity": grown(graph.identity, graph)})
    graph = graph.model_copy(update={"gaps": find_gaps(graph, offers), "notices": ()})
    stale = bool(graph.summary_markdown) and not is_current(graph)
    graph = graph.model_copy(update={"summary_stale": graph.summary_stale or stale})
    return Outcome(graph, statement, reason)


def _held_because(inquiry: Inquiry, proofs: Sequence[Proof]) -> str:
    """What is missing: the verdict on the claim itself, and what else was looked at."""
    if not proofs:
        return inquiry.looked or "no source was named"
    of_claim = [
        p.reason
        for p in proofs
        if p.finding.field.value == inquiry.candidate.kind and p.finding.slot != INVESTIGATION
    ]
    # What the page says now weighs more than that it is not in the quoted words.
    held = sorted((r for r in of_claim if r), key=lambda r: r in _QUOTE_FAILED)
    reason = held[0] if held else "the person is not shown to work there"
    return f"{reason}; {inquiry.looked}" if inquiry.looked else reason


def _history(old: str, reason: str, today: str) -> str:
    """The newest verdict first, the one before any investigation last. A verdict repeated on one
    day is one."""
    if old.startswith(_INVESTIGATED):
        *earlier, first = old.removeprefix(_INVESTIGATED).split(_BETWEEN)
    else:
        earlier, first = [], _AT_FIRST + old
    verdicts = list(dict.fromkeys((f"{today}: {reason}", *earlier)))
    return _INVESTIGATED + _BETWEEN.join((*verdicts[:VERDICTS_KEPT], first))
