"""The scoring rules of the extraction bench, and one run over a small set of cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.extraction import run
from bench.extraction_scores import Score, add_page, like_company, same_person, summary

NOTHING: dict[str, Any] = {
    "company": None,
    "legal_name": None,
    "city": None,
    "country": None,
    "emails": [],
    "phones": [],
    "faxes": [],
    "people": [],
    "not_staff": [],
    "linkedin_company": [],
}


def scored(said: dict[str, Any], truth: dict[str, Any]) -> dict[str, dict[str, Any]]:
    score = Score()
    add_page(score, said, {**NOTHING, **truth})
    return summary(score)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("Dr. Jane A. Roe", "jane roe", True),
        ("Roe Jane", "Jane Roe", True),
        ("Jane Marie Roe", "Jane Roe", True),
        ("Jane Roe", "John Roe", False),
        ("", "Jane Roe", False),
    ],
)
def test_people_match_by_their_name_words(a: str, b: str, same: bool) -> None:
    assert same_person(a, b) is same


def test_a_company_matches_without_its_legal_form() -> None:
    assert like_company("ACME Pumps Ltd.", "Acme Pumps")
    assert not like_company("Acme", "Acme Pumps International")
    assert not like_company(None, "Acme")


def test_a_fax_said_to_be_a_phone_counts_for_the_union_only() -> None:
    report = scored({"phones": ["+1"], "faxes": []}, {"faxes": ["+1"]})
    assert report["phone_or_fax"]["f1"] == 1
    assert report["phone"]["p"] == 0
    assert report["fax"]["r"] == 0


def test_each_person_is_matched_once_and_optional_people_count_neither_way() -> None:
    truth = {"people": [{"name": "Jane Roe", "title": "CEO"}], "people_optional": ["Sam Guest"]}
    people = [
        {"name": "Jane Roe", "title": "CEO"},
        {"name": "Jane Roe", "title": None},
        {"name": "Sam Guest", "title": None},
    ]
    report = scored({"people": people}, truth)
    assert (report["people"]["right"], report["people"]["said"]) == (1, 2)
    assert report["title"]["accuracy"] == 1


def test_a_legal_name_where_there_is_none_counts_as_false() -> None:
    assert scored({"legal_name": "Acme Ltd"}, {})["legal_name"]["false"] == 1
    report = scored({"legal_name": "ACME LTD"}, {"legal_name": "Acme Ltd."})
    assert report["legal_name"]["found"] == 1


def test_a_run_reports_ours_and_the_baselines_and_writes_predictions(tmp_path: Path) -> None:
    page = (
        "<title>Acme Pumps</title><p>Acme Pumps, Tel: (212) 555-0100, Fax: (212) 555-0101</p>"
        "<a href='mailto:info@acmepumps.com'>mail</a>"
    )
    truth = {**NOTHING, "emails": ["info@acmepumps.com"], "phones": ["+12125550100"]}
    truth["faxes"] = ["+12125550101"]
    case = {"id": "1", "url": "https://acmepumps.com/", "html": page, "text": "", "labels": truth}
    bare = {"id": "2", "url": None, "html": "", "text": "Call us", "labels": NOTHING}
    cases = tmp_path / "cases.jsonl"
    cases.write_text("".join(json.dumps(row) + "\n" for row in (case, bare)))
    predictions = tmp_path / "predictions.jsonl"
    report = run(cases, predictions)
    assert report["pages"] == 2
    assert report["ours"]["email"]["f1"] == 1
    assert report["ours"]["fax"]["f1"] == 1
    assert report["baselines"]["phones_us"]["phone_or_fax"]["f1"] == 1
    first = json.loads(predictions.read_text().splitlines()[0])
    assert first["labels"]["faxes"] == ["+12125550101"]
