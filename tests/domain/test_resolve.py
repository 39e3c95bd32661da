"""Same person, same company, same place: the evidence decides, and the reason says so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.resolve import (
    JOIN_AT,
    REFUSE_BELOW,
    Judgement,
    Profile,
    same_company,
    same_person,
    same_place,
)


def who(name: str, **values: Any) -> Profile:
    return Profile(name=name, **{k: (v,) if isinstance(v, str) else v for k, v in values.items()})


def test_an_alias_is_a_name() -> None:
    a = who("Владимир Иванович Петров", aliases=("Vladimir Ivanovich Petrov",))
    assert same_person(a, who("Petrov, Vladimir")).same


def test_equal_ids_outrank_names() -> None:
    judgement = same_person(
        who("Dana Smith", ids="AB-1234-X"), who("Dana Whitfield", ids="ab1234x")
    )
    assert judgement == Judgement(True, 0.99, "same id")
    assert same_company(who("Acme", ids="HRB 12345"), who("Zenit", ids="HRB12345")).same


def test_ids_of_one_register_that_differ_refuse_equal_names() -> None:
    a, b = who("Dana Smith", ids="7700011122233"), who("Dana Smith", ids="7700044455566")
    assert same_person(a, b).same is False
    a, b = who("Acme GmbH", ids="112233t"), who("Acme GmbH", ids="445566v")
    assert same_company(a, b).same is not True


def test_a_personal_e_mail_joins_what_names_leave_unsure() -> None:
    a = who("D. Smith", emails="dana@acme.example")
    b = who("Dana Smith", emails="Dana@acme.example")
    assert same_person(who("D. Smith"), who("Dana Smith")).same is None
    judgement = same_person(a, b)
    assert judgement.same
    assert judgement.reason.startswith("same e-mail")


def test_a_personal_e_mail_outlasts_a_new_surname_but_not_another_given_name() -> None:
    mail = "dana@acme.example"
    a = who("Dana Smith", emails=mail)
    assert same_person(a, who("Dana Miller", emails=mail)).same
    assert same_person(a, who("Robin Smith", emails=mail)).same is None


def test_a_role_mailbox_joins_nobody() -> None:
    a = who("D. Smith", emails="info@acme.example")
    assert same_person(a, who("Dana Smith", emails="info@acme.example")).same is None


def test_the_switchboard_does_not_make_one_person_of_two() -> None:
    a = who("Dana Smith", phones="+12125550142")
    assert same_person(a, who("Robin Miller", phones="+12125550142")).same is False


def test_a_shared_phone_joins_an_initial_to_its_name() -> None:
    a = who("D. Smith", phones="+12125550142")
    assert same_person(a, who("Dana Smith", phones="(212) 555-0142")).same


def test_dates_of_birth_in_conflict_refuse_equal_names() -> None:
    a = who("Dana Marie Smith", birth_dates="1970-05-04")
    judgement = same_person(a, who("Dana Marie Smith", birth_dates="1981-03-12"))
    assert judgement.same is False
    assert judgement.reason == "dates of birth conflict"


@pytest.mark.parametrize("other", ["1970", "1970-05", "1970-04-05", "1970-05-07", "1970-01-01"])
def test_a_vaguer_or_mistyped_date_of_birth_is_no_conflict(other: str) -> None:
    a = who("Dana Marie Smith", birth_dates="1970-05-04")
    assert same_person(a, who("Dana Marie Smith", birth_dates=other)).same


def test_an_equal_date_of_birth_joins_an_initial_to_its_name() -> None:
    a = who("D. Smith", birth_dates="1970-05-04")
    assert same_person(a, who("Dana Smith", birth_dates="1970-05-04")).same


def test_a_common_name_in_two_countries_or_towns_stays_unsure() -> None:
    us, gb = who("Dana Smith", countries="us"), who("Dana Smith", countries="gb")
    assert same_person(us, gb).same is None
    a = who("Dana Smith", addresses="12 Main St, Ashford, CT")
    assert same_person(a, who("Dana Smith", addresses="9 Elm Rd, Brookvale, CT")).same is None
    assert same_person(a, who("Dana Smith", addresses="Ashford, CT")).same


def test_father_and_son_are_two_persons() -> None:
    judgement = same_person(who("Bob Smith Sr."), who("Robert Smith, Jr."))
    assert judgement.same is False
    assert "generation" in judgement.reason


def test_the_reason_names_the_deciding_difference() -> None:
    assert "surname" in same_person(who("Dana Smith"), who("Dana Miller")).reason
    assert "given name" in same_person(who("Dana Smith"), who("Robin Smith")).reason


def test_companies_of_two_countries_are_two() -> None:
    a, b = who("Acme Tools", countries="de"), who("Acme Tools", countries="fr")
    assert same_company(a, b).same is False


def test_one_web_site_joins_a_trade_name_to_the_fuller_name() -> None:
    a = who("Acme Tools and Machine", websites="https://www.acme.example/")
    b = who("Acme Tools", websites="acme.example")
    assert same_company(who("Acme Tools and Machine"), who("Acme Tools")).same is not True
    assert same_company(a, b).same


def test_one_web_site_does_not_join_two_funds_or_two_branches() -> None:
    for left, right in (
        ("Acme Fund II", "Acme Fund III"),
        ("Acme Germany", "Acme France"),
        ("Acme", "Acme Germany"),
        ("Acme Inc.", "Acme LLC"),
        ("Acme Precision Tools", "Acme Precision Bakery"),
    ):
        a, b = who(left, websites="acme.example"), who(right, websites="acme.example")
        assert same_company(a, b).same is not True


def test_a_social_page_host_is_no_common_web_site() -> None:
    a = who("Acme Tools", websites="https://facebook.com/acmetools")
    b = who("Acme Bakery", websites="https://facebook.com/acmebakery")
    assert same_company(a, b).same is False


def test_the_same_address_does_not_join_two_legal_forms() -> None:
    where = "Werkstr. 12, 1000 Musterstadt"
    a, b = who("Acme GmbH", addresses=where), who("Acme GmbH & Co. KG", addresses=where)
    assert same_company(a, b).same is not True


def test_an_address_completes_a_name_that_leaves_out_a_general_word() -> None:
    where = "12 Main Street, Springfield"
    a, b = who("Acme Group", addresses=where), who("Acme", addresses="12 Main St., Springfield")
    assert same_company(who("Acme Group"), who("Acme")).same is None
    assert same_company(a, b).same


def test_a_place_is_known_by_its_phone_and_name() -> None:
    a = who("Nora's Diner", addresses="61 9th Ave.", phones="212/555-0142")
    b = who("noras diner", addresses="61 Ninth Avenue", phones="212-555-0142")
    assert same_place(a, b).same


def test_a_place_that_changed_its_phone_is_known_by_name_and_address() -> None:
    a = who("Nora's Diner", addresses="61 9th Ave.", phones="212/555-0142")
    b = who("Nora's Diner", addresses="61 Ninth Avenue", phones="212-555-0199")
    assert same_place(a, b).same


def test_two_restaurants_of_one_hotel_are_two_places() -> None:
    hotel = {"addresses": "12 Orchard Rd.", "phones": "404-555-0142"}
    assert not same_place(
        who("Cafe Grandview", **hotel), who("Grandview Dining Room", **hotel)
    ).same
    assert not same_place(who("Lillie's", **hotel), who("Stefano", **hotel)).same


def test_branches_of_a_chain_are_two_places() -> None:
    a = who("Nora's Diner", addresses="61 9th Ave.", phones="212-555-0142")
    b = who("Nora's Diner", addresses="12 Elm St.", phones="212-555-0199")
    assert same_place(a, b).same is False
    assert same_place(who("Nora's Diner"), who("Nora's Diner")).same is None


words = st.sampled_from(["Dana", "Bob", "Robert", "Smith", "Jr", "Acme", "II", "Germany", "GmbH"])
profiles = st.builds(
    Profile,
    name=st.lists(words, min_size=1, max_size=3).map(" ".join) | st.text(max_size=12),
    aliases=st.lists(st.text(max_size=8), max_size=2).map(tuple),
    countries=st.sampled_from([(), ("us",), ("de", "us")]),
    addresses=st.sampled_from([(), ("12 Main St, Austin",), ("9 Elm Rd, Bonn",)]),
    phones=st.sampled_from([(), ("+12125550142",)]),
    emails=st.sampled_from([(), ("info@acme.example",), ("dana@acme.example",)]),
    websites=st.sampled_from([(), ("acme.example",), ("not a site",)]),
    ids=st.sampled_from([(), ("12345",), ("54321",)]),
    birth_dates=st.sampled_from([(), ("1970",), ("1970-05-04",), ("1981-01-01",)]),
)


@given(profiles, profiles)
def test_judgements_are_symmetric_and_follow_the_thresholds(a: Profile, b: Profile) -> None:
    for judge in (same_person, same_company, same_place):
        forth, back = judge(a, b), judge(b, a)
        assert (forth.same, forth.score) == (back.same, back.score)
        assert 0.0 <= forth.score <= 1.0
        assert forth.reason
        assert (forth.same is True) == (forth.score >= JOIN_AT)
        assert (forth.same is False) == (forth.score < REFUSE_BELOW)
