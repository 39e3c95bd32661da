from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data411_mcp.domain.evidence import Finding
from data411_mcp.domain.graph import FieldName
from data411_mcp.services.llm_answers import ANSWER_SCHEMA, Answer, findings, parse_answer

URL = "https://talweg.example/team"
SAID = {"url": URL, "quote": "Ada Brook, Director, ada@talweg.example, (937) 555-0142"}


def read(**answer: Any) -> tuple[Finding, ...]:
    return findings(parse_answer(answer), slot="data411-hunt-forge")


def claims(**answer: Any) -> list[tuple[str, str, str | None]]:
    return [(f.field.value, f.value, f.person) for f in read(**answer)]


def test_a_person_gives_one_finding_for_each_fact_with_its_owner() -> None:
    person = {
        "name": "Ada Brook",
        "title": "Director",
        "email": "ada@talweg.example",
        "phone": "(937) 555-0142",
        **SAID,
    }
    found = read(people=[person])
    assert [(f.field, f.value) for f in found] == [
        (FieldName.PERSON, "Ada Brook"),
        (FieldName.TITLE, "Director"),
        (FieldName.EMAIL, "ada@talweg.example"),
        (FieldName.PHONE, "(937) 555-0142"),
    ]
    assert {f.person for f in found} == {"Ada Brook"}
    assert {(f.url, f.quote, f.slot) for f in found} == {(URL, SAID["quote"], "data411-hunt-forge")}


def test_every_part_of_an_answer_becomes_findings() -> None:
    found = claims(
        phones=[{"number": "(937) 555-0142", "kind": "main", **SAID}],
        emails=[{"address": "info@talweg.example", **SAID}],
        addresses=[{"address": "5 Test Way, Dayton", "kind": "hq", **SAID}],
        links=[{"url_value": "https://x.example/talweg", "kind": "x", **SAID}],
        company={
            "legal_name": {"value": "Talweg Pumps Inc.", **SAID},
            "trade_names": [{"value": "Talweg", **SAID}],
            "parent": {"value": "Watershed Holdings", **SAID},
            "industry": {"value": "pumps", **SAID},
            "employees": {"value": 240, **SAID},
            "founded_year": {"value": 1987, **SAID},
        },
        contradictions=[{"field": "founded_year", "value": "1991", **SAID}],
    )
    assert found == [
        ("phone", "(937) 555-0142", None),
        ("email_address", "info@talweg.example", None),
        ("address", "5 Test Way, Dayton", None),
        ("link", "https://x.example/talweg", None),
        ("legal_name", "Talweg Pumps Inc.", None),
        ("trade_name", "Talweg", None),
        ("parent", "Watershed Holdings", None),
        ("industry_norm", "pumps", None),
        ("employees_est", "240", None),
        ("founded_year", "1987", None),
        ("founded_year", "1991", None),
    ]


@pytest.mark.parametrize("url", [None, "", "talweg.example", "javascript:alert(1)", 5, ["x"]])
def test_a_claim_without_an_address_is_dropped(url: Any) -> None:
    assert claims(phones=[{"number": "(937) 555-0142", "url": url, "quote": "x"}]) == []


def test_a_kind_that_nobody_knows_is_no_kind() -> None:
    rows = [{"number": "(937) 555-0142", "kind": kind, **SAID} for kind in ("Toll-Free", "fancy")]
    assert [f.kind for f in read(phones=rows)] == ["toll_free", None]


def test_the_same_claim_twice_is_one_finding() -> None:
    row = {"address": "info@talweg.example", **SAID}
    assert len(read(emails=[row, row])) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"people": None, "phones": None, "company": None, "contradictions": None},
        {"people": "none found", "company": "Talweg", "phones": 3},
        {"people": [None, "Ada", 3, [], {}], "company": []},
        {"people": [{"name": None, "title": {"x": 1}, **SAID}]},
        {"people": [{"name": ["Ada"], **SAID}], "links": [{"url_value": True, **SAID}]},
        {"company": {"legal_name": None, "trade_names": None, "employees": []}},
        {"contradictions": [{"field": "favourite_colour", "value": "red", **SAID}]},
        {"unknown": 1},
    ],
)
def test_wrong_types_are_no_findings_and_no_crash(answer: dict[str, Any]) -> None:
    assert claims(**answer) == []


def test_one_object_counts_as_a_list_of_one() -> None:
    assert claims(people={"name": "Ada Brook", **SAID}) == [("person", "Ada Brook", "Ada Brook")]


@pytest.mark.parametrize("data", [None, 3, "x", [], [{"people": []}], True])
def test_an_answer_that_is_no_object_is_empty(data: Any) -> None:
    assert parse_answer(data) == Answer()


def test_huge_answers_are_cut() -> None:
    row = {"number": "9" * 10_000, "url": URL, "quote": "q" * 10_000}
    found = read(phones=[row | {"kind": "main", "quote": f"{i}" + "q" * 9_000} for i in range(500)])
    assert len(found) == 100
    assert all(len(f.value) <= 500 and len(f.quote) <= 2000 for f in found)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["name", "url", "quote", "value", "number", "kind", "field", "z"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from([*Answer.model_fields, "other"]), json_values))
def test_any_json_is_read_without_a_crash_and_every_finding_names_its_page(
    data: dict[str, Any],
) -> None:
    for finding in findings(parse_answer(data), slot="s"):
        assert finding.value
        assert finding.url.startswith(("http://", "https://"))


def strict(schema: dict[str, Any], where: str = "") -> list[str]:
    """Places where a schema is not what strict structured output demands."""
    wrong = []
    if "properties" in schema:
        if schema.get("additionalProperties") is not False:
            wrong.append(where + ": additionalProperties")
        if sorted(schema["required"]) != sorted(schema["properties"]):
            wrong.append(where + ": required")
        for name, inner in schema["properties"].items():
            wrong += strict(inner, f"{where}.{name}")
    if "items" in schema:
        wrong += strict(schema["items"], where + "[]")
    return wrong


def test_the_schema_is_strict_all_the_way_down() -> None:
    assert strict(ANSWER_SCHEMA) == []
    json.dumps(ANSWER_SCHEMA)
    assert set(ANSWER_SCHEMA["properties"]) == set(Answer.model_fields)
