"""From words about a trade to codes of the official classification; names of the register."""

from __future__ import annotations

import csv
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.icp.signals import text_signals
from data411_mcp.domain.icp.ssic import (
    SsicEntry,
    SsicIndex,
    sure_enough,
    uen_confidence,
    with_ssic,
)

# A table of our own making, in the shape of the official one.
ROWS = (
    SsicEntry("H", "Moving and storing"),
    SsicEntry("91", "Storing of goods and support of transport"),
    SsicEntry("9110", "Storing"),
    SsicEntry("91101", "General warehousing", "Storage of goods for others in warehouses."),
    SsicEntry("91102", "Cold storage", "Chilled warehouses.\nThis sub-class excludes bakeries."),
    SsicEntry("92201", "Freight forwarding (except couriers)", "", "booking of ocean cargo"),
    SsicEntry("92202", "Courier services", "Parcels by hand."),
    SsicEntry("93101", "Bakeries", "Bread and cakes.", "pastry shops; wedding cakes"),
    SsicEntry("94101", "Book-keeping services"),
    SsicEntry("95101", "Student placement services", "Finding schools for students."),
)
INDEX = SsicIndex(ROWS, "2025")


def codes(text: str) -> list[str]:
    return [found.code for found in INDEX.find(text)]


def test_only_five_digit_codes_are_found_and_the_edition_is_kept() -> None:
    assert len(INDEX) == 7
    (found, *_) = INDEX.find("general warehousing")
    assert (found.code, found.title, found.edition) == ("91101", "General warehousing", "2025")
    assert 0.5 < found.score <= 1.0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("freight forwarder", "92201"),
        ("warehouses", "91101"),
        ("bookkeeping", "94101"),
        ("wedding cakes", "93101"),
        ("ocean cargo bookings", "92201"),
    ],
)
def test_a_trade_is_found_by_title_definition_or_example(text: str, code: str) -> None:
    assert codes(text)[:1] == [code]


def test_a_title_counts_more_than_a_definition() -> None:
    assert codes("storage")[0] == "91102"


def test_what_a_row_excludes_is_no_sign_of_it() -> None:
    assert "91102" not in codes("bakeries")
    assert "92201" not in codes("couriers")


def test_praise_finds_nothing() -> None:
    assert codes("we love our customers and build great things together") == []
    assert codes("") == codes("!!!") == []


def test_a_site_gets_codes_for_its_trade_with_a_quote() -> None:
    site = text_signals("a.example", "A", "Freight forwarding: ocean freight for importers.")
    mapped = with_ssic(site, INDEX)
    assert mapped.ssic[0].code == "92201"
    assert mapped.quotes["ssic"].text


def test_a_site_without_a_trade_gets_none() -> None:
    site = text_signals("a.example", "A", "Welcome to our page.")
    assert with_ssic(site, INDEX).ssic == ()


def test_without_the_table_the_step_degrades_with_a_note() -> None:
    site = text_signals("a.example", "A", "Freight forwarding.")
    assert with_ssic(site, None).degraded == ("SSIC_NOT_IMPORTED",)
    assert with_ssic(site, SsicIndex((), "2025")).degraded == ("SSIC_NOT_IMPORTED",)


@given(st.text(max_size=200))
def test_any_words_get_scores_from_zero_to_one(text: str) -> None:
    found = INDEX.find(text)
    assert all(0.0 < code.score <= 1.0 for code in found)
    assert [c.score for c in found] == sorted((c.score for c in found), reverse=True)


# --- names ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "registered"),
    [
        ("Alder Pte Ltd", "Birch Pte Ltd"),
        ("Alder Trading Pte. Ltd.", "Alder Shipping Pte. Ltd."),
        ("Alder", "Alder (Singapore) Pte Ltd"),
        ("", "Alder Pte Ltd"),
        ("Pte Ltd", "Pte Ltd Holdings"),
    ],
)
def test_defect_09_a_common_legal_form_makes_two_names_no_more_alike(
    asked: str, registered: str
) -> None:
    assert uen_confidence(asked, registered) == 0.0


def test_defect_09_the_form_may_be_spelt_in_any_way_or_be_left_out() -> None:
    assert uen_confidence("Alder Pte. Ltd.", "ALDER PTE LTD") == 1.0
    assert uen_confidence("Alder & Sons", "ALDER AND SONS PTE. LTD.") == 0.9
    assert uen_confidence("Alder LLP", "Alder Pte Ltd") == 0.0


def test_defect_10_confidence_compares_with_what_was_asked_for() -> None:
    rows = ["ALDER PTE. LTD.", "BIRCH PTE. LTD."]
    assert [uen_confidence("Alder Pte Ltd", row) for row in rows] == [1.0, 0.0]
    assert [sure_enough(uen_confidence("Alder", row)) for row in rows] == [True, False]


EVAL = Path(__file__).resolve().parents[3] / "shared" / "eval" / "sg"


@pytest.mark.skipif(not EVAL.is_dir(), reason="the evaluation data is not beside the project")
def test_defect_09_real_names_of_the_register_are_told_apart() -> None:
    with (EVAL / "gleif_sg_names.csv").open(encoding="utf-8") as file:
        names = [row["Entity.LegalName"] for row in csv.DictReader(file)][:400]
    for left, right in pairwise(names):
        alike = left.casefold().split()[0] == right.casefold().split()[0]
        assert alike or uen_confidence(left, right) == 0.0
        assert uen_confidence(left, left.casefold()) >= 0.9


@pytest.mark.skipif(not EVAL.is_dir(), reason="the evaluation data is not beside the project")
def test_the_official_titles_find_their_own_codes() -> None:
    with (EVAL / "ssic2025.csv").open(encoding="utf-8") as file:
        rows = [SsicEntry(row["code"], row["title"]) for row in csv.DictReader(file)]
    index = SsicIndex(rows, "2025")
    asked = index.entries[::10]
    right = sum(index.find(e.title)[:1] != () and index.find(e.title)[0].title == e.title
                for e in asked)  # fmt: skip
    assert right / len(asked) >= 0.9
