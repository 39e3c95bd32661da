"""A finished company as records of a CRM."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.icp.crm import drafts, under
from data411_mcp.domain.icp.values import Deliverability
from tests.icp.delivery import TENANT, a_contact, a_lead


def test_a_lead_is_a_company_its_people_and_an_opportunity_in_this_order() -> None:
    made = drafts(a_lead(), tenant=TENANT, made_by="job-1")
    assert [d.model for d in made.all] == ["res.partner", "res.partner", "crm.lead"]
    assert made.company.values["is_company"] is True
    assert made.company.values["website"] == "https://harbour.example"
    assert made.contacts[0].parent == made.company.external_id
    assert made.lead.values["type"] == "opportunity"
    assert made.lead.parent_field == "partner_id"


def test_the_lead_hangs_on_the_person_whose_address_it_carries() -> None:
    """Odoo copies a lead's address to its partner: a person's must not become the company's."""
    made = drafts(a_lead(), tenant=TENANT)
    assert made.lead.values["email_from"] == "jane.tan@harbour.example"
    assert made.lead.parent == made.contacts[0].external_id


def test_without_a_persons_address_the_lead_hangs_on_the_company_with_the_companys() -> None:
    made = drafts(a_lead(contacts=(a_contact(email=""),)), tenant=TENANT)
    assert made.lead.parent == made.company.external_id
    assert made.lead.values["email_from"] == "hello@harbour.example"
    assert made.lead.values["contact_name"] == "Jane Tan"
    nobody = drafts(a_lead(contacts=(), emails=()), tenant=TENANT)
    assert "email_from" not in nobody.lead.values


def test_a_lead_moved_to_its_company_leaves_the_persons_address_behind() -> None:
    made = drafts(a_lead(), tenant=TENANT)
    moved = under(made.lead, made.company)
    assert moved.parent == made.company.external_id
    assert not {"email_from", "phone"} & moved.values.keys()


def test_defect_17_a_company_without_a_registration_number_has_an_id_of_its_own() -> None:
    first = drafts(a_lead(uen=""), tenant=TENANT)
    again = drafts(a_lead(uen="", name="Renamed", domain="www.harbour.example"), tenant=TENANT)
    assert first.company.external_id == again.company.external_id
    assert first.lead.external_id == again.lead.external_id
    assert [m[0] for m in first.company.match] == ["ref", "website", "email"]


def test_defect_15_two_tenants_never_share_a_record() -> None:
    mine, theirs = drafts(a_lead(), tenant=TENANT), drafts(a_lead(), tenant="other")
    assert not {d.external_id for d in mine.all} & {d.external_id for d in theirs.all}


def test_a_registration_number_is_looked_for_before_the_website() -> None:
    match = drafts(a_lead(), tenant=TENANT).company.match
    assert [m[0] for m in match] == [
        "ref", "x_uen", "company_registry", "vat", "website", "email",
    ]  # fmt: skip


def test_a_registration_number_is_not_said_to_be_a_tax_number() -> None:
    values = drafts(a_lead(), tenant=TENANT).company.values
    assert values["company_registry"] == "201900001A"
    assert "vat" not in values


def test_what_is_not_known_is_not_sent() -> None:
    bare = a_lead(contacts=(), phones=(), emails=(), uen="", city="", country="", industry="",
                  employees="", tech_stack=(), legal_name="")  # fmt: skip
    values = drafts(bare, tenant=TENANT).company.values
    assert values.keys() == {"name", "is_company", "website", "x_website_domain"}
    assert all(value not in ("", None) for value in values.values())


def test_an_address_that_bounces_and_one_of_another_company_are_not_written() -> None:
    gone = a_contact(deliverability=Deliverability.UNDELIVERABLE)
    made = drafts(a_lead(contacts=(gone,), emails=("x@directory.example",)), tenant=TENANT)
    assert "email" not in made.contacts[0].values
    assert "email" not in made.company.values
    assert "email_from" not in made.lead.values


def test_the_description_says_what_matches_what_is_unknown_and_where_it_was_read() -> None:
    html = drafts(a_lead(), tenant=TENANT).lead.values["description"]
    assert "Score 83, bucket A" in html
    assert "Matches: Logistics" in html
    assert "Not known: 50 to 99 people" in html
    assert 'href="https://harbour.example/contact-us"' in html


def test_the_note_names_the_session_and_the_run() -> None:
    made = drafts(a_lead(), tenant=TENANT, made_by="job-1")
    assert "Session chat-1" in made.company.note_html
    assert "job-1" in made.lead.note_html


@given(st.text(alphabet="<>\"&'=ab:/ \n", max_size=60))
def test_no_text_from_outside_becomes_markup(text: str) -> None:
    hostile = a_lead(
        about=text, name=text or "x", sources=(text, f"javascript:{text}", f"https://a.example/{text}"),
        like={"why": text or "x"},
    )  # fmt: skip
    made = drafts(hostile, tenant=TENANT)
    clean = drafts(a_lead(about="a", sources=()), tenant=TENANT)
    tags = {"<p>", "</p>", "<b>", "</b>", "<ul>", "</ul>", "<li>", "</li>", "</a>"}
    for html in (made.lead.values["description"], made.company.note_html):
        left = html
        for tag in tags:
            left = left.replace(tag, "")
        while '<a href="https://' in left:
            before, _, after = left.partition('<a href="https://')
            left = before + after.partition('">')[2]
        assert "<" not in left
    assert clean.lead.values["description"].count("<p>") >= 3
