"""Names in the form that comparing uses, and how alike two of them are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.name_match import (
    match_company_names,
    match_person_names,
    same_company_spelling,
)
from data411_mcp.domain.names import company_key, company_name, fold, person_key, person_name
from data411_mcp.domain.nicknames import related
from data411_mcp.domain.resolve import JOIN_AT, REFUSE_BELOW
from data411_mcp.domain.transliteration import romanize

names = st.text(max_size=40) | st.from_regex(r"[A-Z][a-z]{1,7}( [A-Z]\.)? [A-Z][a-z]{1,9}")


@pytest.mark.parametrize(
    ("text", "latin"),
    [
        ("Société Générale", "societe generale"),
        ("Łódź Straße Ørsted", "lodz strasse orsted"),
        ("Владимир", "vladimir"),
        ("Ζήνων", "zinon"),
        ("バラク", "baraku"),
        ("さくら", "sakura"),
        ("김민수", "gimminsu"),
        ("თბილისი", "tbilisi"),
        ("İstanbul", "istanbul"),
        ("ﬁrst", "first"),
        ("東京", "東京"),
    ],
)
def test_scripts_are_romanised(text: str, latin: str) -> None:
    assert romanize(text) == latin


def test_folding_joins_apostrophes_and_splits_at_other_signs() -> None:
    assert fold("O'Neil-Smith, “Fox's Den”") == "oneil smith foxs den"


@pytest.mark.parametrize(
    ("text", "words", "suffix"),
    [
        ("Dr. Bob Smith, PhD", ("bob", "smith"), ""),
        ("Smith, Bob", ("bob", "smith"), ""),
        ("Smith Jr., Bob", ("bob", "smith"), "jr"),
        ("Bob Smith, Jr.", ("bob", "smith"), "jr"),
        ("Robert Smith III", ("robert", "smith"), "3"),
        ("Ludwig van der Berg", ("ludwig", "berg"), ""),
        ("Mr. Don Draper", ("don", "draper"), ""),
        ("Don Draper", ("don", "draper"), ""),
        ("AlisherKarimov", ("alisher", "karimov"), ""),
        ("Ben Stone", ("ben", "stone"), ""),
        ("Mr", ("mr",), ""),
        ("", (), ""),
    ],
)
def test_a_persons_name_loses_its_decoration(
    text: str, words: tuple[str, ...], suffix: str
) -> None:
    name = person_name(text)
    assert (name.words, name.suffix) == (words, suffix)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("The Smith Bros. Mfg. Co.", "smith brothers manufacturing"),
        ("Acme Intl, Inc.", "acme international"),
        ("Q.R.T Gliders", "qrt gliders"),
        ("Studio Twenty-Six", "studio 26"),
        ("Acme Fund II, L.P.", "acme fund 2"),
        ("Acme Fund V", "acme fund 5"),
        ("B&T Barrow & Tilden AB", "b t barrow tilden"),
        ("Bottega Marina S.p.A. (Bottega)", "bottega marina"),
        ("Limited Liability Company Iskra", "iskra"),
        ("Acme Labour Organisation", "acme labor organization"),
    ],
)
def test_a_companys_name_loses_form_articles_and_abbreviations(text: str, key: str) -> None:
    assert company_key(text) == key


def test_a_name_that_is_nothing_but_a_form_keeps_its_words() -> None:
    assert company_key("The Company")


@pytest.mark.parametrize(
    ("a", "b"),
    [("bob", "robert"), ("peggy", "margaret"), ("sasha", "alexander"), ("sasha", "alexandra"),
     ("giuseppe", "jose"), ("bill", "william"), ("mykhailo", "michael"), ("lupita", "guadalupe")],
)  # fmt: skip
def test_nicknames_and_translations_are_related(a: str, b: str) -> None:
    assert related(a, b)
    assert not related(a, "nonesuch")


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Bob Smith", "Robert Smith"),
        ("Smith, John", "John Smith"),
        ("John Q. Smith", "John Smith"),
        ("Gottlieb Sandmeier", "Gotlieb Sandmeier"),
        ("Wolodymyr Koselenskyj", "Volodymyr Kozelenskyy"),
        ("Mary Ellen Foxley", "MaryEllen Foxley"),
        ("Kim Jong-min", "Kim Jong Min"),
        ("Владимир Петров", "Vladimir Petrov"),
        ("Noor A. Karimi", "Noor Anwar Karimi"),
        ("J.-C. Dupont", "Jean-Claude Dupont"),
        ("Prof. María de la Cruz", "Maria Cruz"),
    ],
)
def test_spellings_of_one_person_join(left: str, right: str) -> None:
    assert match_person_names(left, right).score >= JOIN_AT


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Brian Smith", "Ryan Smith"),
        ("John Smith", "John Miller"),
        ("Daniel Smith", "Donald Smith"),
        ("Dana O Foxley", "Dana Joachim Foxley"),
        ("Wilbur G. Foxley", "Wilbur W Foxley"),
        ("Bob Smith Sr.", "Bob Smith Jr."),
        ("Omar bin Abdullah al-Harbi", "Abdullah bin Omar al-Harbi"),
        ("Maria Lopez", "Mario Lopez"),
        ("Erin Smith", "Eric Smith"),
        ("Karl Novak", "Karla Novak"),
    ],
)
def test_two_persons_are_refused(left: str, right: str) -> None:
    assert match_person_names(left, right).score < REFUSE_BELOW


@pytest.mark.parametrize(
    ("left", "right"), [("J. Smith", "John Smith"), ("Bob Smith", "Bob Smith Jr.")]
)
def test_what_names_alone_cannot_decide_stays_unsure(left: str, right: str) -> None:
    assert REFUSE_BELOW <= match_person_names(left, right).score < JOIN_AT


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Feldmark Aktiengesellschaft", "FeldmarkAG"),
        ("Acme Tools Ltd", "Acme Tools Limited"),
        ("OAO Severnaya", "Open Joint Stock Company Severnaya"),
        ("OOO Severnaya", "Severnaya LLC"),
        ("Acme Aktiengeselschaft", "Acme AG"),
        ("Foxley Fund, Ltd.", "Foxley Fund I, Ltd."),
        ("Foxley Labour Centre", "Foxley Labor Center"),
        ("Barrow & Tilden's", "Barrow and Tildens"),
    ],
)
def test_spellings_of_one_company_join(left: str, right: str) -> None:
    assert match_company_names(left, right).score >= JOIN_AT


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Acme Fund II", "Acme Fund III"),
        ("Acme Solutions", "Acme Solutions II"),
        ("Acme Germany GmbH", "Acme France SAS"),
        ("Banco Acme S.A.", "Banco Acme Chile S.A."),
        ("Acme Systems Limited", "Acme Logistics Ltd"),
        ("Foxley County Roofing Corporation", "Foxley County Plumbing Corporation"),
    ],
)
def test_parts_siblings_and_namesakes_are_refused(left: str, right: str) -> None:
    assert match_company_names(left, right).score < REFUSE_BELOW


def test_conflicting_legal_forms_stay_unsure() -> None:
    for left, right in (("Acme Inc.", "Acme LLC"), ("Acme GmbH", "Acme SAS")):
        assert REFUSE_BELOW <= match_company_names(left, right).score < JOIN_AT
    assert match_company_names("Acme GmbH", "Acme Ltd").score >= JOIN_AT


def test_same_spelling_ignores_the_form_but_not_two_forms() -> None:
    assert same_company_spelling("Acme Tools, Inc.", "acme  tools")
    assert not same_company_spelling("Acme Tools, Inc.", "Acme Tools LLC")
    assert not same_company_spelling("Acme Tools", "Acme Tool")


@given(names)
def test_every_name_is_like_itself(name: str) -> None:
    for compare in (match_person_names, match_company_names):
        score = compare(name, name).score
        assert score >= JOIN_AT or score == 0.0  # nothing that could be compared


@given(names, names)
def test_likeness_is_symmetric_and_between_zero_and_one(a: str, b: str) -> None:
    for compare in (match_person_names, match_company_names):
        forth, back = compare(a, b), compare(b, a)
        assert 0.0 <= forth.score <= 1.0
        assert forth.reason
        assert forth.score == pytest.approx(back.score)


@given(names)
def test_keys_are_stable_under_case_and_spacing(name: str) -> None:
    noisy = "  ".join(name.split(" "))
    assert fold(noisy) == fold(name)
    assert person_key(name) == person_key(name)
    assert company_name(name).squashed == "".join(fold(name.replace("&", " and ")).split()) or name
