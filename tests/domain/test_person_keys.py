"""People are compared only where a join is possible, and no join is missed by that."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.graph import Entity, FieldName, Statement, person_id, statement_id
from data411_mcp.domain.people import canonical_people
from data411_mcp.domain.person_keys import person_keys
from data411_mcp.domain.resolve import Profile, same_person

GIVEN = ["Robert", "Bob", "Katherine", "Catherine", "Mary Ellen", "Maryellen", "Mary Elen", "J.",
         "Jon", "John", "Anastasia", "Anastasiya", "Li", "Yuri", "Jurij"]  # fmt: skip
SURNAMES = ["Fields", "Fieldes", "Featherstone", "Fetherstone", "Featherstonhaugh", "Van Dyke",
            "Vandyke", "Ivanov", "Iwanow", "Lund", "Lindqvist", "Lindkvist", "Li"]  # fmt: skip
TAILS = ["", " Jr.", ", PhD", " III"]


@st.composite
def names(draw: st.DrawFn) -> str:
    """A name, now and then turned round, without its given name or with a typing error."""
    given_name, surname = draw(st.sampled_from(GIVEN)), draw(st.sampled_from(SURNAMES))
    name = draw(
        st.sampled_from(
            [f"{given_name} {surname}", f"{surname}, {given_name}", surname, given_name,
             f"{given_name} A. {surname}", f"{given_name}{surname}"]
        )
    )  # fmt: skip
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(name) - 1))
        edit = draw(st.sampled_from(["drop", "swap", "double", "other"]))
        if edit == "drop":
            name = name[:at] + name[at + 1 :]
        elif edit == "swap":
            name = name[:at] + name[at + 1 : at + 2] + name[at] + name[at + 2 :]
        else:
            name = name[:at] + (name[at] if edit == "double" else "e") + name[at:]
        if not name:
            return "Li"
    return name + draw(st.sampled_from(TAILS))


phones = st.sampled_from([(), ("+16145550143",)])
mails = st.sampled_from([(), ("jane@millbrook.example",)])
profiles = st.builds(lambda n, p, e: Profile(n, phones=p, emails=e), names(), phones, mails)


@given(profiles, profiles)
def test_two_people_who_may_be_joined_share_a_key(a: Profile, b: Profile) -> None:
    if same_person(a, b).same:
        assert person_keys(a) & person_keys(b)


def person(name: str) -> Statement:
    owner = person_id(name)
    return Statement(id=statement_id(owner, FieldName.PERSON, name), field=FieldName.PERSON,
                     value=name, raw=name, owner=owner)  # fmt: skip


Outcome = tuple[dict[str, str], tuple[Entity, ...]]


def compared_by_keys(people: list[Statement]) -> Outcome:
    """Keys decide who is compared, however few people there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("data411_mcp.domain.people.FEW", -1)
        return canonical_people(people)


@given(st.lists(names(), max_size=12, unique=True))
def test_the_outcome_is_that_of_comparing_everybody_with_everybody(found: list[str]) -> None:
    canonical, entities = compared_by_keys([person(n) for n in found])
    leaders = [e for e in entities if canonical[e.id] == e.id]
    assert len(leaders) == len(entities)
    for one in leaders:
        for other in leaders:
            judged = same_person(Profile(one.name), Profile(other.name))
            assert one is other or not judged.same


def test_a_large_team_is_mostly_not_compared() -> None:
    dice = random.Random(7)
    letters = "bdfgklmnprst"
    team = [
        Profile(f"{dice.choice(['Anna', 'Carl', 'Erik', 'Greta', 'Jonas', 'Rosa', 'Tom'])} "
                + "".join(dice.choice(letters) + dice.choice("aeiou") for _ in range(4)).title())
        for _ in range(300)
    ]  # fmt: skip
    keys = [person_keys(p) for p in team]
    compared = sum(bool(keys[i] & keys[j]) for i in range(300) for j in range(i))
    assert compared < 300 * 299 / 2 / 25


@given(st.lists(names(), max_size=12, unique=True))
def test_few_people_are_joined_as_many_are(found: list[str]) -> None:
    people = [person(n) for n in found]
    assert canonical_people(people) == compared_by_keys(people)
