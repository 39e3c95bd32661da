"""Which of the named people are one person: a reason for every join."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from data411_mcp.domain.graph import Entity, EntityKind, FieldName, Statement, Status
from data411_mcp.domain.person_keys import Candidates, person_keys
from data411_mcp.domain.resolve import Profile, same_person

FEW = 40  # up to so many people, comparing all of them costs less than their keys


def canonical_people(
    statements: Sequence[Statement],
) -> tuple[dict[str, str], tuple[Entity, ...]]:
    """Map each person's entity id to the id of the entity it belongs to, and the entities.

    The best-proven, longest name leads a cluster; later names join the first cluster whose
    leader they match. The order is total, so the outcome depends on the set alone.
    """
    names: dict[str, list[Statement]] = defaultdict(list)
    details: dict[str, list[Statement]] = defaultdict(list)
    for s in statements:
        if s.field is FieldName.PERSON:
            names[s.owner].append(s)
        elif s.owner.startswith("person:"):
            details[s.owner].append(s)

    def order(owner: str) -> tuple[bool, int, str, str]:
        best = max(names[owner], key=lambda s: (len(s.value), s.value))
        proven = any(s.status is Status.PROVEN for s in names[owner])
        return (not proven, -len(best.value), best.value, owner)

    canonical: dict[str, str] = {}
    members: dict[str, list[tuple[str, str]]] = {}
    profiles = {o: _profile(names[o], details[o]) for o in names}
    leaders = Candidates()
    few = len(names) <= FEW
    for owner in sorted(names, key=order):
        keys = frozenset() if few else person_keys(profiles[owner])
        for leader in tuple(members) if few else leaders.sharing(keys):
            judgement = same_person(profiles[leader], profiles[owner])
            if judgement.same:
                canonical[owner] = leader
                members[leader].append((owner, judgement.reason))
                break
        else:
            canonical[owner] = owner
            members[owner] = []
            leaders.add(owner, keys)
    entities = tuple(
        Entity(
            id=leader,
            kind=EntityKind.PERSON,
            name=profiles[leader].name,
            aliases=_aliases(leader, joined, names),
            joined_because=tuple(reason for _, reason in joined),
        )
        for leader, joined in sorted(members.items())
    )
    return canonical, entities


def _profile(names: Sequence[Statement], details: Sequence[Statement]) -> Profile:
    values = sorted((s.value for s in names), key=lambda v: (-len(v), v))

    def of(field: FieldName) -> tuple[str, ...]:
        return tuple(sorted(s.value for s in details if s.field is field))

    return Profile(
        name=values[0],
        names=tuple(values),
        phones=of(FieldName.PHONE),
        emails=of(FieldName.EMAIL),
        titles=of(FieldName.TITLE),
    )


def _aliases(
    leader: str, joined: Sequence[tuple[str, str]], names: dict[str, list[Statement]]
) -> tuple[str, ...]:
    owners = [leader, *(owner for owner, _ in joined)]
    spelled = sorted({s.value for owner in owners for s in names[owner]})
    return tuple(spelled)
