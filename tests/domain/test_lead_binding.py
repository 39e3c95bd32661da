"""One lead per chat: what a follow-up may say, and what is put back or refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.lead import Lead
from data411_mcp.domain.lead_binding import NewExport, Refused, Restored, Same, bind

BOUND = Lead(
    contact_id=1737992709,
    company="Hoops & Gears and Clark",
    domain="www.HGAutoTech.example",
    street="12 N. Main St.",
    city="Springfield",
    state="IL",
    zip="62701-1234",
    number1="+1 217 555 0142",
    number2="217-555-0143",
    dm_name="Whitfield, Dana",
    source_system="demo_chat",
    search_variants=("Hoops and Gears",),
)
WITHOUT_ID = BOUND.model_copy(update={"contact_id": None})


def supplied(**values: Any) -> Lead:
    return Lead(**values)


def test_equal_contact_ids_and_absent_fields_are_the_same_lead() -> None:
    follow_up = supplied(contact_id=1737992709, company="Hoops & Gears and Clark")
    assert bind(BOUND, follow_up) == Same(BOUND)


def test_contact_ids_compare_as_text() -> None:
    assert isinstance(bind(BOUND, supplied(contact_id="1737992709")), Same)
    refused = bind(BOUND, supplied(contact_id="01737992709", company=BOUND.company))
    assert refused == Refused(BOUND, ("contact_id",))


@pytest.mark.parametrize(
    ("field", "spelling"),
    [
        ("company", "hoops and gears & clark"),
        ("domain", "https://hgautotech.example/contact"),
        ("number1", "(217) 555-0142"),
        ("number2", "+12175550143"),
        ("number1", "217-555-0143"),  # the two numbers in the other order
        ("state", "Illinois"),
        ("zip", "62701"),
        ("street", "12 North Main Street"),
        ("city", "SPRINGFIELD"),
        ("dm_name", "Dana Whitfield"),
        ("source_system", "Demo_Chat"),
        ("search_variants", ("HOOPS and gears",)),
    ],
)
def test_another_spelling_of_the_same_fact_is_the_same_lead(field: str, spelling: Any) -> None:
    assert bind(BOUND, supplied(contact_id=1737992709, **{field: spelling})) == Same(BOUND)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("company", "HG AutoTech LLC"),
        ("domain", "other.example"),
        ("number1", "212 555 0199"),
        ("dm_name", "Robin Whitfield"),
        ("city", "Chicago"),
        ("search_variants", ("HG AutoTech",)),
    ],
)
def test_a_differing_field_under_the_same_contact_id_is_put_back(field: str, value: Any) -> None:
    outcome = bind(BOUND, supplied(contact_id=1737992709, **{field: value}))
    assert isinstance(outcome, Restored)
    assert outcome.lead == BOUND
    assert list(outcome.put_back) == [field]
    assert outcome.put_back[field].supplied == value
    assert outcome.put_back[field].restored == getattr(BOUND, field)


def test_a_discovered_field_that_the_crm_has_not_is_put_back_to_nothing() -> None:
    bound = supplied(contact_id=5, company="Acme")
    outcome = bind(bound, supplied(contact_id=5, company="Acme", domain="acme.example"))
    assert isinstance(outcome, Restored)
    assert outcome.put_back["domain"].restored is None


def test_another_contact_id_is_refused_even_when_all_else_is_equal() -> None:
    other = BOUND.model_copy(update={"contact_id": 2})
    assert bind(BOUND, other) == Refused(BOUND, ("contact_id",))


def test_the_same_contact_id_of_another_source_system_is_refused() -> None:
    other = BOUND.model_copy(update={"source_system": "hubspot"})
    assert bind(BOUND, other) == Refused(BOUND, ("source_system",))


@pytest.mark.parametrize(
    "match",
    [
        {"company": "Hoops & Gears & Clark"},
        {"domain": "hgautotech.example"},
        {"number2": "(217) 555-0142"},
    ],
)
def test_without_a_contact_id_one_matching_identifier_is_enough(match: dict[str, Any]) -> None:
    assert bind(WITHOUT_ID, supplied(**match)) == Same(WITHOUT_ID)
    assert bind(BOUND, supplied(**match)) == Same(BOUND)


def test_without_a_contact_id_a_contradiction_is_refused_and_named() -> None:
    outcome = bind(WITHOUT_ID, supplied(domain="hgautotech.example", company="HG AutoTech LLC"))
    assert outcome == Refused(WITHOUT_ID, ("company",))


def test_without_a_contact_id_nothing_in_common_is_refused() -> None:
    assert bind(WITHOUT_ID, supplied(dm_name="Dana Whitfield")) == Refused(WITHOUT_ID, ())
    bare = supplied(company="Acme")
    assert bind(bare, supplied(domain="acme.example")) == Refused(bare, ())


def test_without_a_contact_id_additions_beside_a_match_are_put_back() -> None:
    bare = supplied(company="Acme")
    outcome = bind(bare, supplied(company="ACME Inc.", domain="acme.example", contact_id=3))
    assert isinstance(outcome, Restored)
    assert outcome.lead == bare
    assert set(outcome.put_back) == {"contact_id", "domain"}


def test_two_legal_forms_are_two_companies() -> None:
    bound = supplied(company="Acme Inc.")
    assert isinstance(bind(bound, supplied(company="Acme LLC")), Refused)
    assert isinstance(bind(bound, supplied(company="Acme")), Same)


def test_a_shared_host_matches_by_its_whole_address() -> None:
    bound = supplied(domain="facebook.com/acme")
    assert isinstance(bind(bound, supplied(domain="facebook.com/other")), Refused)
    assert isinstance(bind(bound, supplied(domain="facebook.com/acme/")), Same)


def test_a_new_crm_export_of_the_same_contact_replaces_the_lead() -> None:
    export = supplied(contact_id="1737992709", company="HG AutoTech LLC", source_system="demo_chat")
    outcome = bind(BOUND, export, crm_export=True)
    assert outcome == NewExport(export, ("company",))


def test_a_crm_export_that_changes_nothing_is_the_same_lead() -> None:
    assert bind(BOUND, BOUND, crm_export=True) == Same(BOUND)


def test_a_crm_export_of_another_contact_is_refused() -> None:
    other = BOUND.model_copy(update={"contact_id": 2})
    assert bind(BOUND, other, crm_export=True) == Refused(BOUND, ("contact_id",))


def test_a_crm_export_without_contact_ids_cannot_replace_the_lead() -> None:
    outcome = bind(WITHOUT_ID, supplied(company="HG AutoTech LLC"), crm_export=True)
    assert outcome == Refused(WITHOUT_ID, ("company",))


texts = st.one_of(st.none(), st.text(min_size=1, max_size=20).filter(str.strip))
leads = st.builds(
    Lead,
    contact_id=st.one_of(st.integers(), st.text(min_size=1, max_size=8)),
    company=st.text(min_size=1, max_size=20).filter(str.strip),
    domain=st.sampled_from([None, "acme.example", "https://www.acme.co.uk/x"]),
    street=texts,
    city=texts,
    state=texts,
    zip=texts,
    number1=st.sampled_from([None, "212 555 0142", "desk 4"]),
    number2=st.sampled_from([None, "+44 20 7946 0123"]),
    dm_name=texts,
    source_system=texts,
    search_variants=st.lists(st.text(min_size=1, max_size=9), max_size=2).map(tuple),
)


@given(leads)
def test_a_lead_is_the_same_as_itself(lead: Lead) -> None:
    assert bind(lead, lead) == Same(lead)


@given(leads, st.sets(st.sampled_from(sorted(Lead.model_fields))))
def test_leaving_out_fields_but_the_contact_id_is_the_same_lead(
    lead: Lead, omitted: set[str]
) -> None:
    kept = lead.model_dump(exclude=omitted - {"contact_id"})
    assert bind(lead, Lead(**kept)) == Same(lead)


@given(leads, st.text(max_size=30), st.booleans())
def test_a_discovered_company_name_never_rebinds(lead: Lead, name: str, with_id: bool) -> None:
    told = lead.model_copy(update={"company": name} | ({} if with_id else {"contact_id": None}))
    outcome = bind(lead, told)
    assert not isinstance(outcome, NewExport)
    assert outcome.lead == lead
