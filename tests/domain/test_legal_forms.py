from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain import legal_forms
from data411_mcp.domain.legal_forms import find_legal_names, legal_form, strip_legal_form


@pytest.mark.parametrize(
    ("name", "canonical", "country", "bare"),
    [
        ("Blue Door Bakery, LLC", "LLC", "", "Blue Door Bakery"),
        ("Blue Door Bakery Inc.", "Inc.", "", "Blue Door Bakery"),
        ("Blue Door Pty. Ltd.", "Pty Ltd", "AU", "Blue Door"),
        ("Blaue Tür GmbH & Co. KG", "GmbH & Co. KG", "DE", "Blaue Tür"),
        ("Porta Blu S. r. l.", "SRL", "", "Porta Blu"),
        ("Porta Blu S.p.A.", "S.p.A.", "IT", "Porta Blu"),
        ("Blauwe Deur B.V.", "B.V.", "NL", "Blauwe Deur"),
        ("Blue Door Pte. Ltd.", "Pte. Ltd.", "SG", "Blue Door"),
        ("Pintu Biru Sdn Bhd", "Sdn. Bhd.", "MY", "Pintu Biru"),
        ("PT Pintu Biru", "PT", "ID", "Pintu Biru"),
        ("Aoi Tobira K.K.", "K.K.", "JP", "Aoi Tobira"),
        ("株式会社サンプル", "株式会社", "JP", "サンプル"),
        ("ООО «Синяя дверь»", "ООО", "RU", "Синяя дверь"),
        ("Modré dveře s.r.o.", "s.r.o.", "CZ", "Modré dveře"),
        ("Niebieskie Drzwi Sp. z o.o.", "Sp. z o.o.", "PL", "Niebieskie Drzwi"),
        ("Puerta Azul S.A. de C.V.", "S.A. de C.V.", "MX", "Puerta Azul"),
        ("Blå Dörr AB", "AB", "SE", "Blå Dörr"),
        ("Porta Azul Lda", "Lda", "PT", "Porta Azul"),
    ],
)
def test_a_form_is_named_with_its_country_and_stripped(
    name: str, canonical: str, country: str, bare: str
) -> None:
    assert legal_form(name) == (canonical, country)
    assert strip_legal_form(name) == bare


@pytest.mark.parametrize("name", ["Blue Day Spa", "Oakfield, CA", "LLC", "Such As", "CV Writing"])
def test_everyday_words_and_bare_forms_are_left_alone(name: str) -> None:
    assert legal_form(name) is None
    assert strip_legal_form(name) == name


def test_stacked_forms_are_all_stripped() -> None:
    assert strip_legal_form("Blue Door Holdings Co., Ltd") == "Blue Door Holdings"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("© 2012 Blue Door & Sons Ltd. All rights reserved.", ["Blue Door & Sons Ltd."]),
        ("Copyright 2010 garden folk inc. | Terms", ["garden folk inc."]),
        ("Site by Red Gate, Inc. and Blue Door Ltd", ["Red Gate, Inc.", "Blue Door Ltd"]),
        ("Vogel, Amsel & Star, LLP represents you", ["Vogel, Amsel & Star, LLP"]),
        ("Blue Door (Germany) GmbH", ["Blue Door (Germany) GmbH"]),
        ("ЗАО «Синяя дверь» работает", ["ЗАО «Синяя дверь»"]),
        ("Porta Blu S.r.l. - P.IVA 0", ["Porta Blu S.r.l."]),
        ("Places are limited. We are a limited company.", []),
        ("Meet us in Los Angeles, CA", []),
    ],
)
def test_names_with_a_form_are_found_in_running_text(text: str, names: list[str]) -> None:
    assert [text[start:end] for start, end in find_legal_names(text)] == names


def test_a_name_never_crosses_a_line_break() -> None:
    text = "Our Garden\nBlue Door Ltd"
    assert [text[a:b] for a, b in find_legal_names(text)] == ["Blue Door Ltd"]


@given(st.text(max_size=80))
def test_stripping_is_idempotent_and_never_empties_a_name(name: str) -> None:
    bare = strip_legal_form(name)
    assert strip_legal_form(bare) == bare
    assert bool(bare) or not name.strip(" \t\u00a0,;:-–—|/«»\"“”„‟'‘’").strip()


@given(st.text(alphabet="AaBb &,.()«»©\nLtdGmbHSA株式会社 0", max_size=80))
def test_spans_are_ordered_and_inside_the_text(text: str) -> None:
    spans = find_legal_names(text)
    assert all(0 <= a < b <= len(text) for a, b in spans)
    assert list(spans) == sorted(spans)


_SPELLINGS = sorted(legal_forms._SPELLINGS)
_PIECES = st.one_of(
    st.sampled_from(_SPELLINGS),
    st.sampled_from(_SPELLINGS).map(str.lower),
    st.sampled_from(_SPELLINGS).map(str.upper),
    st.sampled_from(_SPELLINGS).map(lambda s: s.replace(".", "").replace(" ", "")),
    st.sampled_from([" ", ", ", ".", ". ", "-", "&", "/", "(", "Acme", "İ", "ı", "ſ", "1", "@"]),
)


@given(st.lists(_PIECES, max_size=6).map("".join))
def test_no_form_is_missed_by_looking_only_where_one_may_begin(line: str) -> None:
    everywhere = [m.span() for m in legal_forms._FORM.finditer(line)]
    assert [m.span() for m in legal_forms._forms_in(line)] == everywhere
