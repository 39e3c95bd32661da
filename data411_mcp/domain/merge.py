"""Merging is a union of statements; everything else is derived from the union.

`merge` is idempotent, commutative where inputs are disjoint, and never loses a statement. A
statement's status follows from its evidence; which of several values wins follows from their
status and the weight of their sources; a human's word outranks machines until newer *stated*
evidence speaks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from data411_mcp.domain.evidence import Finding, Proof
from data411_mcp.domain.graph import (
    COMPANY,
    FIRMOGRAPHIC_KEYS,
    MAIL_CHECK,
    RELATION_FIELDS,
    Backfill,
    Contact,
    Entity,
    EntityKind,
    Evidence,
    FieldName,
    Relation,
    Statement,
    Status,
    Unmerged,
    candidate_id,
    person_id,
    sha1_id,
    statement_id,
)
from data411_mcp.domain.hosts import registrable_domain
from data411_mcp.domain.people import canonical_people
from data411_mcp.domain.quotes import words
from data411_mcp.domain.slots import AGENT, REGISTRY, SITE

# Fields that may hold several values at once; every other field has one.
MANY = frozenset(
    {
        FieldName.PHONE, FieldName.EMAIL, FieldName.ADDRESS, FieldName.LINK, FieldName.PERSON,
        FieldName.REGISTRY_ID, FieldName.MAIL_HOST, FieldName.TRADE_NAME, FieldName.TECH_STACK,
        FieldName.COMPANY_EMAIL, FieldName.PHONE_NUMBER,
    }
)  # fmt: skip
LISTS = frozenset({FieldName.TECH_STACK, FieldName.COMPANY_EMAIL, FieldName.PHONE_NUMBER})

_WEIGHT = {"human": 1.0, "own_site": 0.9, "registry": 0.85, "third_party": 0.6, "directory": 0.3}
# On these the register speaks with more authority than the company's own page.
_REGISTRY_FIRST = frozenset(
    {FieldName.LEGAL_NAME, FieldName.REGISTRY_ID, FieldName.INCORPORATION_YEAR, FieldName.PARENT}
)
# Among sources of one weight, the value that more pages give is ahead.
PAGE_WEIGHT = 0.06
PAGES_COUNTED_MAX = 5
_ORDER = (Status.PROVEN, Status.CONTESTED, Status.STALE, Status.UNPROVEN, Status.SUPERSEDED)


@dataclass(frozen=True, slots=True)
class Merge:
    backfill: Backfill
    added: int  # statements that were not there before
    newly_proven: int
    unmerged: int  # candidates that were not there before


def statements_of(backfill: Backfill) -> tuple[Statement, ...]:
    """Every statement of the document, flat, alternatives included, in a stable order."""
    found: dict[str, Statement] = {}

    def add(statement: Statement) -> None:
        if statement.alternatives:
            for alternative in statement.alternatives:
                add(alternative)
            statement = statement.model_copy(update={"alternatives": ()})
        found[statement.id] = statement

    for statement in _top_level(backfill):
        add(statement)
    return tuple(found[key] for key in sorted(found))


def _top_level(backfill: Backfill) -> Iterable[Statement]:
    for contact in backfill.contacts:
        yield contact.name
        if contact.title is not None:
            yield contact.title
    yield from (*backfill.phones, *backfill.emails, *backfill.addresses, *backfill.links)
    for entry in backfill.firmographics.values():
        if isinstance(entry, Statement):
            yield entry
        elif entry:
            yield from entry
    yield from (r.statement for r in backfill.relations if r.kind != "works_for")


def statement_of(proof: Proof) -> Statement:
    """The statement a proof speaks for. The proof must have evidence."""
    finding = proof.finding
    assert proof.evidence is not None  # noqa: S101 - held-back proofs never come here
    owner = person_id(finding.person) if finding.person else COMPANY
    if finding.field is FieldName.PERSON:
        owner = person_id(proof.value)
    return Statement(
        id=statement_id(owner, finding.field, proof.value),
        field=finding.field,
        value=proof.value,
        raw=" ".join(finding.value.split())[:500],
        kind=finding.kind,
        owner=owner,
        evidence=(proof.evidence,),
        seen_by=(finding.slot,),
        score=finding.score,
    )


def merge(backfill: Backfill, proofs: Iterable[Proof], *, lead_key: str) -> Merge:
    """Add what was proven, and what was held back, to the graph."""
    before = {s.id: s for s in statements_of(backfill)}
    proofs = _with_known_owner(tuple(proofs), before.values(), backfill.entities)
    new = [statement_of(p) for p in proofs if not p.hold_back]
    held = [unmerged_of(p, lead_key) for p in proofs if p.hold_back]
    after = assemble(backfill, [*before.values(), *new], [*backfill.unmerged_candidates, *held])
    now = {s.id: s for s in statements_of(after)}
    was_proven = {i for i, s in before.items() if s.status is Status.PROVEN}
    old_candidates = {u.id for u in backfill.unmerged_candidates}
    return Merge(
        backfill=after,
        added=len(now.keys() - before.keys()),
        newly_proven=sum(
            1 for i, s in now.items() if s.status is Status.PROVEN and i not in was_proven
        ),
        unmerged=sum(1 for u in after.unmerged_candidates if u.id not in old_candidates),
    )


def _with_known_owner(
    proofs: Sequence[Proof], before: Iterable[Statement], entities: Sequence[Entity]
) -> tuple[Proof, ...]:
    """A title, phone or e-mail of a person whose name was held back is held back with it."""
    known = {s.owner for s in before if s.field is FieldName.PERSON}
    known |= {person_id(alias) for e in entities for alias in e.aliases}
    known |= {
        person_id(p.value)
        for p in proofs
        if p.finding.field is FieldName.PERSON and not p.hold_back
    }
    return tuple(
        replace(p, hold_back=True, reason="the person is not shown to work there")
        if not p.hold_back
        and p.finding.person
        and p.finding.field is not FieldName.PERSON
        and person_id(p.finding.person) not in known
        else p
        for p in proofs
    )


def vouched_hosts(backfill: Backfill) -> frozenset[str]:
    """Sites that only the caller brought up: they stay the caller's word, whoever cites them
    later."""
    named = [e for s in statements_of(backfill) for e in s.evidence]
    named += [e for u in backfill.unmerged_candidates for e in u.evidence]
    callers = {registrable_domain(e.url) for e in named if e.slot == AGENT and e.url}
    others = {registrable_domain(e.url) for e in named if e.slot in (SITE, REGISTRY)}
    return frozenset(callers - others)


def unmerged_of(proof: Proof, lead_key: str) -> Unmerged:
    finding = proof.finding
    value = proof.value[:300]
    label = f"{finding.person}: {value}" if finding.person and finding.person != value else value
    return Unmerged(
        id=candidate_id(finding.field.value, label, lead_key),
        label=label,
        kind=finding.field.value,
        value=value,
        reason=proof.reason,
        slots=(finding.slot,),
        evidence=(_claimed_source(finding),),
    )


def _claimed_source(finding: Finding) -> Evidence:
    """What the slot pointed at: not proof of anything, but where an investigation starts."""
    return Evidence(
        url=finding.url[:2000], page_sha256=finding.page_sha256 or "", start=0, end=0,
        quote=finding.quote[:400], slot=finding.slot, fetched_at="", reader="claimed",
        source="", verdict="alone",
    )  # fmt: skip


def assemble(
    base: Backfill, statements: Sequence[Statement], unmerged: Sequence[Unmerged]
) -> Backfill:
    """Build the document from a bag of statements. Everything derived is derived here."""
    united = unite(statements)
    people, united = _resolve_people(united)
    judged = contest(tuple(united))
    by_field: dict[FieldName, list[Statement]] = defaultdict(list)
    for statement in sorted(judged, key=_rank):
        by_field[statement.field].append(statement)
    contacts = _contacts(by_field)
    known = {(s.field.value, s.value.casefold()) for s in judged if s.status is Status.PROVEN}
    return base.model_copy(
        update={
            "entities": (_company(base, by_field), *people),
            "contacts": contacts,
            "phones": tuple(by_field[FieldName.PHONE]),
            "emails": tuple(by_field[FieldName.EMAIL]),
            "addresses": tuple(by_field[FieldName.ADDRESS]),
            "links": tuple(by_field[FieldName.LINK]),
            "firmographics": {key.value: _firmographic(key, by_field) for key in FIRMOGRAPHIC_KEYS},
            "relations": _relations(by_field, contacts),
            "unmerged_candidates": _unmerged(unmerged, known),
        }
    )


# --- union ---------------------------------------------------------------------------------


def unite(statements: Iterable[Statement]) -> list[Statement]:
    """One statement per claim, with the evidence of all."""
    groups: dict[str, list[Statement]] = defaultdict(list)
    for statement in statements:
        groups[statement.id].append(statement)
    return [_united(group) for _, group in sorted(groups.items())]


def _united(group: Sequence[Statement]) -> Statement:
    ordered = _one_of_each(e for s in group for e in s.evidence)
    spoken = tuple(e for e in ordered if e.source != MAIL_CHECK)
    status, reason = judge(spoken)
    first = min(group, key=lambda s: (-s.score, s.kind is None, s.kind or "", s.raw))
    kinds = [s.kind for s in sorted(group, key=lambda s: (-s.score, s.kind or "")) if s.kind]
    united = {
        "evidence": ordered,
        "seen_by": tuple(sorted({slot for s in group for slot in s.seen_by})),
        "status": status,
        "reason": reason,
        "kind": kinds[0] if kinds else None,
        "score": _score(spoken),
        "confidence": None,
    }
    if all(getattr(first, name) == value for name, value in united.items()):
        return first  # nothing new about it: most statements of a graph, at most merges
    return first.model_copy(update=united)


def _one_of_each(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """A passage that was read several times counts once, as last read; each word of a human
    stays, because the last one decides."""
    kept: dict[tuple[str, int, int, str, str, str, str], Evidence] = {}
    for e in sorted(evidence, key=lambda e: (e.fetched_at, e.slot, e.page_sha256, e.tied_by)):
        said_at = e.fetched_at if e.source == "human" else ""
        kept[e.url, e.start, e.end, e.reader, e.verdict, e.source, said_at] = e
    return tuple(kept[key] for key in sorted(kept))


def judge(evidence: Sequence[Evidence]) -> tuple[Status, str]:
    """The status that a set of evidence amounts to. Copies of one source are one vote."""
    rejected = max((e.fetched_at for e in evidence if e.verdict == "rejected"), default="")
    confirmed = max(
        (e.fetched_at for e in evidence if e.source == "human" and e.verdict == "proven"),
        default="",
    )
    if rejected and rejected >= confirmed:
        # A page that dates itself into the future says nothing about when it was written.
        newer = any(
            e.stated_at and rejected < e.stated_at and e.stated_at[:10] <= e.fetched_at[:10]
            for e in evidence
        )
        if not newer:
            return Status.SUPERSEDED, "a person said this is wrong"
    if any(e.verdict == "proven" for e in evidence):
        return Status.PROVEN, ""
    alone = [e for e in evidence if e.verdict == "alone" and e.source == "third_party"]
    if len(_independent(alone)) >= 2:
        return Status.PROVEN, ""
    if any(e.verdict == "stale" for e in evidence):
        return Status.STALE, "only an old page says so"
    sources = {e.source for e in evidence}
    if sources == {"directory"}:
        return Status.UNPROVEN, "only a directory says so"
    if all(e.verdict == "vouched" for e in evidence):
        return Status.UNPROVEN, "only a source handed in by the caller says so"
    return Status.UNPROVEN, "one outside source says so; a second one would settle it"


COPIED_WORDS_MIN = 8  # equal quotes of so many words were copied, not written twice


def _independent(evidence: Sequence[Evidence]) -> set[str]:
    """Origins that are no copies of one another: by site, by body, by a long equal quote."""
    origins: dict[str, str] = {}
    for e in evidence:
        quote = " ".join(words(e.quote))
        marks = [_origin(e), "sha:" + e.page_sha256]
        if len(quote.split()) >= COPIED_WORDS_MIN:
            marks.append("quote:" + quote)
        leader = next((origins[m] for m in marks if m in origins), marks[0])
        for mark in marks:
            if mark in origins and origins[mark] != leader:
                old = origins[mark]
                origins = {m: leader if o == old else o for m, o in origins.items()}
            origins[mark] = leader
    return set(origins.values())


def _origin(evidence: Evidence) -> str:
    """Copies of one text, and all pages of one site, count once."""
    return registrable_domain(evidence.url)


def _score(evidence: Sequence[Evidence]) -> float:
    """Raw score: 1 - product of the doubts of independent origins. Not a probability."""
    best: dict[str, float] = {}
    for e in evidence:
        weight = _WEIGHT.get(e.source, 0.3) * (1.0 if e.verdict == "proven" else 0.5)
        best[_origin(e)] = max(best.get(_origin(e), 0.0), weight)
    doubt = 1.0
    for weight in best.values():
        doubt *= 1.0 - weight
    return round(1.0 - doubt, 4)


def _rank(statement: Statement) -> tuple[int, float, str, str]:
    return (_ORDER.index(statement.status), -_authority(statement), statement.owner,
            statement.value)  # fmt: skip


def _authority(statement: Statement) -> float:
    weights = [
        _WEIGHT.get(e.source, 0.3)
        + (0.1 if e.source == "registry" and statement.field in _REGISTRY_FIRST else 0.0)
        for e in statement.evidence
        if e.verdict == "proven"
    ]
    pages = len({e.url for e in statement.evidence if e.verdict == "proven"})
    return max(weights, default=0.0) + min(pages, PAGES_COUNTED_MAX) * PAGE_WEIGHT


# --- contests ------------------------------------------------------------------------------


def contest(statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
    """Where proven values of a single-valued field differ, the weightier source wins; equals are
    contested. Outside sources may not add a company phone or e-mail that its own site lacks."""
    groups: dict[tuple[str, FieldName], list[Statement]] = defaultdict(list)
    for statement in statements:
        if statement.status is Status.PROVEN:
            groups[statement.owner, statement.field].append(statement)
    verdicts: dict[str, tuple[Status, str]] = {}
    for (_, field), group in groups.items():
        if field not in MANY and len({_comparable(s) for s in group}) > 1:
            verdicts.update(_single_winner(group))
        if field in (FieldName.PHONE, FieldName.EMAIL) and len(group) > 1:
            verdicts.update(_own_site_first(group))
    return tuple(
        s.model_copy(update={"status": verdicts[s.id][0], "reason": verdicts[s.id][1]})
        if s.id in verdicts
        else s
        for s in statements
    )


def _comparable(statement: Statement) -> str:
    """Equal for spellings of one value: word order, case and punctuation do not count."""
    return " ".join(sorted(words(statement.value)))


def _single_winner(group: Sequence[Statement]) -> dict[str, tuple[Status, str]]:
    ranked = sorted(group, key=lambda s: (-round(_authority(s), 2), s.value))
    best = ranked[0]
    verdicts: dict[str, tuple[Status, str]] = {}
    rivals = [s for s in ranked[1:] if _comparable(s) != _comparable(best)]
    close = [s for s in rivals if _authority(best) - _authority(s) < 0.05]
    for rival in rivals:
        verdicts[rival.id] = (Status.CONTESTED, f"another source says {best.value[:80]}")
    if close:
        verdicts[best.id] = (Status.CONTESTED, f"another source says {close[0].value[:80]}")
    return verdicts


def _own_site_first(group: Sequence[Statement]) -> dict[str, tuple[Status, str]]:
    trusted = {"own_site", "human", "registry"}
    own = [s for s in group if any(e.source in trusted for e in s.evidence)]
    if not own:
        return {}
    return {
        s.id: (Status.CONTESTED, "the company's own pages give others")
        for s in group
        if s not in own
    }


# --- views ---------------------------------------------------------------------------------


def _resolve_people(statements: list[Statement]) -> tuple[tuple[Entity, ...], list[Statement]]:
    canonical, entities = canonical_people(statements)
    if all(owner == leader for owner, leader in canonical.items()):
        return entities, statements
    moved = [
        s.model_copy(
            update={
                "owner": canonical[s.owner],
                "id": statement_id(canonical[s.owner], s.field, s.value),
            }
        )
        if canonical.get(s.owner, s.owner) != s.owner
        else s
        for s in statements
    ]
    return entities, unite(moved)


def _company(base: Backfill, by_field: dict[FieldName, list[Statement]]) -> Entity:
    names = [
        s.value
        for f in (FieldName.NAME, FieldName.TRADE_NAME, FieldName.LEGAL_NAME)
        for s in by_field[f]
        if s.status is Status.PROVEN
    ]
    name = base.lead.company or base.identity.name or (names[0] if names else "")
    aliases = tuple(n for n in dict.fromkeys(names) if n != name)
    return Entity(id=COMPANY, kind=EntityKind.COMPANY, name=name, aliases=aliases)


def _contacts(by_field: dict[FieldName, list[Statement]]) -> tuple[Contact, ...]:
    names: dict[str, list[Statement]] = defaultdict(list)
    for statement in by_field[FieldName.PERSON]:
        names[statement.owner].append(statement)

    def owned(field: FieldName, owner: str) -> tuple[str, ...]:
        return tuple(s.id for s in by_field[field] if s.owner == owner)

    titles: dict[str, list[Statement]] = defaultdict(list)
    for statement in by_field[FieldName.TITLE]:
        titles[statement.owner].append(statement)
    contacts = []
    for owner, group in names.items():
        title = titles[owner]
        contacts.append(
            Contact(
                id=owner,
                name=_with_alternatives(group),
                title=_with_alternatives(title) if title else None,
                phones=owned(FieldName.PHONE, owner),
                emails=owned(FieldName.EMAIL, owner),
            )
        )
    return tuple(contacts)


def _with_alternatives(ranked: Sequence[Statement]) -> Statement:
    best = ranked[0]
    if len(ranked) == 1 and not best.alternatives:
        return best
    return best.model_copy(update={"alternatives": tuple(ranked[1:])})


def _firmographic(
    key: FieldName, by_field: dict[FieldName, list[Statement]]
) -> Statement | tuple[Statement, ...] | None:
    group = by_field[key]
    if key in LISTS:
        return tuple(group)
    return _with_alternatives(group) if group else None


def _relations(
    by_field: dict[FieldName, list[Statement]], contacts: Sequence[Contact]
) -> tuple[Relation, ...]:
    relations = [
        Relation(
            id=sha1_id("relation", field.value, s.id)[:16],
            kind=field.value,
            subject=COMPANY,
            object=s.value,
            statement=s,
        )
        for field in RELATION_FIELDS
        for s in by_field[field]
    ]
    relations += [
        Relation(
            id=sha1_id("relation", "works_for", c.id)[:16],
            kind="works_for",
            subject=c.id,
            object=COMPANY,
            statement=c.name.model_copy(update={"alternatives": ()}),
        )
        for c in contacts
        if c.name.status is Status.PROVEN
    ]
    return tuple(relations)


def _unmerged(candidates: Sequence[Unmerged], known: set[tuple[str, str]]) -> tuple[Unmerged, ...]:
    """One row a candidate, with everybody who claimed it; gone once it is proven elsewhere."""
    united: dict[str, Unmerged] = {}
    for c in candidates:
        if (c.kind, c.value.casefold()) in known:
            continue
        old = united.get(c.id)
        if old is None:
            united[c.id] = c
            continue
        sources = {(e.url, e.quote, e.slot): e for e in (*old.evidence, *c.evidence)}
        united[c.id] = old.model_copy(
            update={
                "slots": tuple(sorted({*old.slots, *c.slots})),
                "evidence": tuple(sources[k] for k in sorted(sources)),
                "reason": min(old.reason, c.reason),
            }
        )
    return tuple(united[key] for key in sorted(united))
