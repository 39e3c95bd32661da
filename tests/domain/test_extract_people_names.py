from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.extract.person_names import read_name, same_person
from data411_mcp.domain.extract.titles import Grade, grade, leading_title, singular


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("Dr. Jane Doe, DDS", "Jane Doe"),
        ("Michael A. Falk, III", "Michael A. Falk III"),
        ("JOHN MCKAY-O'NEIL", "John McKay-O'Neil"),
        ("Jan van der Berg", "Jan van der Berg"),
        ("Falk, Peter", "Peter Falk"),
        ("Prof. Dr. Hans Müller", "Hans Müller"),
        ("Joakim Ögren", "Joakim Ögren"),
    ],
)
def test_a_name_is_shown_as_a_person_would_write_it(text: str, full: str) -> None:
    name = read_name(text)
    assert name is not None
    assert name.full == full


@pytest.mark.parametrize(
    "text",
    ["Contact Us", "Privacy Policy", "San Diego", "Web Design", "jane@falk.example", "Jane"[:2]],
)
def test_other_capitalised_words_are_no_names(text: str) -> None:
    assert read_name(text) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Dan Falk", "Daniel C. Falk", True),
        ("Mike Falk", "Michael Falk", True),
        ("Anna Falk", "Peter Falk", False),
        ("Anna Falk", "Anna Voss", False),
    ],
)
def test_short_forms_are_one_person(one: str, other: str, same: bool) -> None:
    a, b = read_name(one), read_name(other)
    assert a is not None
    assert b is not None
    assert same_person(a, b) is same


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Vice President, Client Services", Grade.ROLE),
        ("Vertriebsleiterin", Grade.ROLE),
        ("генеральный директор", Grade.ROLE),
        ("Customer Support", Grade.ROLE),
        ("Industrial Markets", Grade.AREA),
        ("We are the managers", Grade.NONE),
        ("Read more", Grade.NONE),
    ],
)
def test_job_titles_are_graded(text: str, expected: Grade) -> None:
    assert grade(text) is expected


def test_a_title_ends_before_the_sentence_goes_on() -> None:
    assert leading_title("Founder of the Blue Door Law Firm who has a past") == "Founder"
    assert leading_title("the Director of Marketing for Blue Door") == "Director of Marketing"
    assert leading_title("glad to meet you") == ""


def test_a_plural_heading_gives_the_title_of_one() -> None:
    assert singular("Senior Associates") == "Senior Associate"
    assert singular("Our Attorneys") == "Attorney"
    assert singular("Business") == ""


@given(st.text(max_size=60))
def test_any_text_can_be_asked(text: str) -> None:
    name = read_name(text)
    assert name is None or name.full.strip() == name.full != ""
    assert grade(text) in Grade
