from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data411_mcp.adapters.vendors.api_page import FactReader, elements, locate
from data411_mcp.adapters.vendors.company_names import alike, in_domain_label, likeness
from data411_mcp.domain.graph import FieldName

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=15,
)


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    if isinstance(value, list):
        inner = list(enumerate(value))
    return [at, *(p for key, v in inner for p in paths(v, (*at, key)))]


@settings(max_examples=150, deadline=None)
@given(json_values, st.sampled_from([None, 1]), st.booleans())
def test_every_value_is_found_where_it_stands(value: Any, indent: int | None, ascii: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii)
    for path in paths(value):
        found = locate(text, *path)
        assert found is not None
        expected = value
        for step in path:
            expected = expected[step]
        assert found.value == expected
        assert json.loads(text[found.value_start : found.end]) == expected
        if path and isinstance(path[-1], str):
            key = json.loads("{" + text[found.start : found.end] + "}")
            assert key == {path[-1]: expected}


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='{}[]",:0 ab\\', max_size=30), st.sampled_from(["a", 0, "b"]))
def test_broken_json_is_nothing_found(text: str, step: str | int) -> None:
    assert locate(text, step) is None or isinstance(elements(text, step), tuple)


def test_a_path_into_something_else_is_nothing_found() -> None:
    text = '{"a": [1, {"b": null}], "c": "x"}'
    for path in (("z",), ("a", 2), ("a", "b"), ("c", 0), ("a", 1, "b", "d")):
        assert locate(text, *path) is None
    assert elements(text, "a") == ("1", '{"b": null}')
    assert elements(text, "c") == ()


def test_empty_and_missing_values_are_no_facts() -> None:
    reader = FactReader('{"a": "", "b": null, "c": "  ", "d": false, "e": 7}')
    for key in "abcdefg":
        reader.add(FieldName.LEGAL_NAME, key)
    assert [(f.value, reader.text[f.start : f.end]) for f in reader.facts] == [("7", '"e": 7')]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("TALWEG PUMPS PTE. LTD.", "Talweg Pumps"),
        ("Müller & Söhne GmbH", "Muller und Sohne"),
        ("Müller & Söhne GmbH", "Mueller und Soehne"),
        ("Pumps Talweg Inc", "Talweg Pumps LLC"),
        ("Talweg Pumps Group Holdings Ltd", "Talweg Pumps"),
        ("The Talweg Pump Company", "Talweg Pump"),
        ("Talweg's Pumps", "Talwegs Pumps"),
    ],
)
def test_spellings_of_one_name_are_alike(name: str, wanted: str) -> None:
    assert alike(name, [wanted])


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Talweg Fund II LP", "Talweg Fund III LP"),
        ("Pumps 2000 Ltd", "Pumps 3000 Ltd"),
        ("Talweg Pump Rental", "Talweg"),
        ("Talweg Bakery", "Talweg Pumps"),
        ("", "Talweg"),
        ("Group", "Holdings"),
    ],
)
def test_other_companies_are_not_alike(name: str, wanted: str) -> None:
    assert not alike(name, [wanted])


@settings(deadline=None)
@given(st.text(max_size=30), st.text(max_size=30))
def test_likeness_is_a_symmetric_percentage(a: str, b: str) -> None:
    assert 0 <= likeness(a, [b]) <= 100
    assert likeness(a, [b]) == likeness(b, [a])


def test_a_name_may_be_the_domains_label() -> None:
    assert in_domain_label("HG AutoTech LLC", "hgautotech.com")
    assert not in_domain_label("HG", "hg.com")
    assert not in_domain_label("Brightweb Agency", "hgautotech.com")
