"""Who can be reached, and what an address is worth: the pure rules."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.graph import (
    COMPANY,
    Anchor,
    Backfill,
    Evidence,
    FieldName,
    IdentityCard,
    SlotRow,
    Statement,
    ToolTrace,
    person_id,
    statement_id,
)
from data411_mcp.domain.icp.contacts import (
    company_of,
    contacts_missing,
    contacts_of,
    deliverability,
    linkedin_company,
    mail_note,
    noted,
    standing,
    verified_emails,
)
from data411_mcp.domain.icp.values import Deliverability, EnrichedCompany
from data411_mcp.domain.lead import Lead
from data411_mcp.domain.merge import assemble, statements_of
from data411_mcp.domain.slots import DNS

D = Deliverability
NOW = datetime(2026, 3, 2, tzinfo=UTC)
CARD = IdentityCard(
    decision="clear",
    name="Alder Pump Works",
    anchors=(Anchor(kind="domain", value="alderpump.example", source="lead"),),
)
STUB = EnrichedCompany(domain="alderpump.example", chat_session_id="c1", state="done")


def said(
    field: FieldName, value: str, *, person: str = "", source: str = "own_site",
    verdict: str = "proven", reader: str = "direct", kind: str | None = None,
) -> Statement:  # fmt: skip
    owner = person_id(person) if person else COMPANY
    evidence = Evidence(
        url="https://alderpump.example/", page_sha256="ab", start=0, end=4, quote=value, slot="s",
        fetched_at="2026-03-01T00:00:00+00:00", reader=reader, source=source, verdict=verdict,
    )  # fmt: skip
    return Statement(
        id=statement_id(owner, field, value), field=field, value=value, raw=value, kind=kind,
        owner=owner, evidence=(evidence,), seen_by=("s",),
    )  # fmt: skip


def graph(*statements: Statement, mx: bool | None = True) -> Backfill:
    row = SlotRow(
        model_id=DNS, label="DNS", provider="dns", state="done",
        degraded=("takes_no_mail",) if mx is False else (),
    )  # fmt: skip
    base = Backfill(
        chat_session_id="c1", lead=Lead(domain="alderpump.example"), identity=CARD,
        tool_trace=ToolTrace(parallel_results=(row,)),
    )  # fmt: skip
    hosts = [said(FieldName.MAIL_HOST, "mx.alderpump.example", kind="mx")] if mx else []
    return assemble(base, [*statements, *hosts], [])


def email(value: str, person: str = "", **more: str) -> Statement:
    return said(FieldName.EMAIL, value, person=person, **more)


def by_value(found: Backfill, value: str) -> Statement:
    return next(s for s in statements_of(found) if s.value == value)


# --- LinkedIn hosts ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://sg.linkedin.com/company/alder-pump",
        "http://www.linkedin.com/company/alder-pump/",
        "uk.linkedin.com/company/Alder-Pump?trk=public",
        "https://de.linkedin.com/company/alder-pump/about/",
        " https://linkedin.com/company/alder-pump#people ",
    ],
)
def test_a_regional_linkedin_host_becomes_www(url: str) -> None:
    assert linkedin_company(url) == "https://www.linkedin.com/company/alder-pump"


@pytest.mark.parametrize(
    "url",
    [
        "https://linkedin.com.evil.example/company/alder-pump",
        "https://www.linkedin.com/in/nora-alder",
        "https://notlinkedin.com/company/alder-pump",
        "https://www.linkedin.com/jobs/view/1",
        "https://[broken/company/x",
        "",
        "alder pump",
    ],
)
def test_what_is_no_linkedin_company_page_is_none(url: str) -> None:
    assert linkedin_company(url) is None


@given(st.text(max_size=60))
def test_no_text_makes_the_linkedin_rule_fail(text: str) -> None:
    found = linkedin_company(text)
    assert found is None or found.startswith("https://www.linkedin.com/")


# --- the ladder -------------------------------------------------------------------------------

LADDER = [
    ("nora@alderpump.example", True, True, D.UNKNOWN, D.VERIFIED),
    ("office@alderpump.example", True, True, D.UNKNOWN, D.VERIFIED),
    ("nora@alderpump.example", True, False, D.UNKNOWN, D.ACCEPTED),
    ("office@alderpump.example", True, False, D.UNKNOWN, D.RISKY),
    ("nora@alderpump.example", None, True, D.UNKNOWN, D.UNKNOWN),
    ("nora@alderpump.example", False, True, D.VERIFIED, D.UNDELIVERABLE),
    ("nora@alderpump.example", True, True, D.UNDELIVERABLE, D.UNDELIVERABLE),
    ("nora@alderpump.example", True, False, D.VERIFIED, D.VERIFIED),
    ("nora@alderpump.example", True, False, D.RISKY, D.RISKY),
    ("nora@alderpump.example", True, True, D.RISKY, D.VERIFIED),
    ("nora@mailinator.com", True, True, D.UNKNOWN, D.RISKY),
    ("nora at alderpump", True, True, D.VERIFIED, D.UNDELIVERABLE),
]


@pytest.mark.parametrize(("address", "mail", "own", "vendor", "worth"), LADDER)
def test_an_address_is_worth_what_the_ladder_says(
    address: str, mail: bool | None, own: bool, vendor: D, worth: D
) -> None:
    assert deliverability(address, takes_mail=mail, on_own_site=own, vendor=vendor) is worth


@given(st.sampled_from([True, False, None]), st.booleans(), st.sampled_from(list(Deliverability)))
def test_verified_needs_the_vendor_or_the_own_site_with_mail(
    mail: bool | None, own: bool, vendor: D
) -> None:
    worth = deliverability(
        "nora@alderpump.example", takes_mail=mail, on_own_site=own, vendor=vendor
    )
    if worth is D.VERIFIED:
        assert vendor is D.VERIFIED or (own and mail)


def test_the_verifiers_word_goes_with_the_address_and_proves_nothing() -> None:
    before = graph(email("nora@alderpump.example", source="third_party", verdict="alone"))
    statement = by_value(before, "nora@alderpump.example")
    note = mail_note(D.VERIFIED, by="verifier", at=NOW)
    after = noted(before, {statement.id: note})
    changed = by_value(after, "nora@alderpump.example")
    assert (changed.status, changed.score) == (statement.status, statement.score)
    assert standing(after, changed) is D.VERIFIED


def test_defect_06_a_fresh_successful_verification_is_kept_and_replaces_the_old_one() -> None:
    found = graph(email("nora@alderpump.example", source="third_party", verdict="alone"))
    statement = by_value(found, "nora@alderpump.example")
    found = noted(found, {statement.id: mail_note(D.RISKY, by="verifier", at=NOW)})
    found = noted(found, {statement.id: mail_note(D.VERIFIED, by="verifier", at=NOW)})
    kept = by_value(found, "nora@alderpump.example")
    assert [e.verdict for e in kept.evidence if e.source == "mail_check"] == ["mail:verified"]
    assert standing(found, kept) is D.VERIFIED


def test_a_domain_that_takes_no_mail_makes_its_addresses_worthless() -> None:
    found = graph(email("office@alderpump.example"), mx=False)
    assert standing(found, found.emails[0]) is D.UNDELIVERABLE
    assert company_of(STUB, found).emails == ()


# --- are contacts missing ---------------------------------------------------------------------


def test_contacts_are_missing_without_a_named_contact_and_without_a_verified_email() -> None:
    assert contacts_missing(graph())
    assert contacts_missing(graph(said(FieldName.PHONE, "+16145550111")))


def test_a_named_contact_is_enough() -> None:
    assert not contacts_missing(graph(said(FieldName.PERSON, "Nora Alder", person="Nora Alder")))


def test_a_verified_email_is_enough() -> None:
    found = graph(email("office@alderpump.example"))
    assert not contacts_missing(found)
    assert [s.value for s in verified_emails(found)] == ["office@alderpump.example"]


def test_an_email_whose_domain_was_not_heard_of_is_not_verified() -> None:
    assert contacts_missing(graph(email("office@alderpump.example"), mx=None))


def test_a_person_whom_only_an_outsider_names_is_no_named_contact() -> None:
    person = said(
        FieldName.PERSON, "Milo Sandoval", person="Milo Sandoval", source="third_party",
        verdict="alone",
    )  # fmt: skip
    assert contacts_missing(graph(person))


# --- lists ------------------------------------------------------------------------------------


def vendor(field: FieldName, value: str, person: str, kind: str | None = None) -> Statement:
    return said(
        field, value, person=person, source="third_party", verdict="alone", reader="apify",
        kind=kind,
    )  # fmt: skip


def test_a_list_holds_proven_people_first_and_says_who_names_the_others() -> None:
    found = graph(
        vendor(FieldName.PERSON, "Tess Orchard", "Tess Orchard"),
        vendor(FieldName.TITLE, "Managing Director", "Tess Orchard"),
        vendor(FieldName.EMAIL, "tess@alderpump.example", "Tess Orchard"),
        vendor(
            FieldName.LINK, "https://www.linkedin.com/in/tess-orchard", "Tess Orchard",
            "linkedin_person",
        ),
        said(FieldName.PERSON, "Jonas Reed", person="Jonas Reed"),
        said(FieldName.TITLE, "Workshop Manager", person="Jonas Reed"),
    )  # fmt: skip
    listed = contacts_of(found)
    assert [(c.name, c.source) for c in listed] == [
        ("Jonas Reed", "own_site"),
        ("Tess Orchard", "apify"),
    ]
    assert listed[1].title == "Managing Director"
    assert listed[1].email == "tess@alderpump.example"
    assert listed[1].deliverability is D.ACCEPTED
    assert listed[1].linkedin_url == "https://www.linkedin.com/in/tess-orchard"


def test_a_list_leaves_out_people_whom_some_page_alone_names() -> None:
    person = said(
        FieldName.PERSON, "Milo Sandoval", person="Milo Sandoval", source="third_party",
        verdict="alone",
    )  # fmt: skip
    assert contacts_of(graph(person)) == ()


def test_a_company_is_listed_with_proven_facts_and_their_sources_only() -> None:
    found = graph(
        said(FieldName.LEGAL_NAME, "Alder Pump Works LLC"),
        said(FieldName.INDUSTRY_NORM, "Pumps"),
        said(FieldName.HQ_CITY, "Dayton", source="third_party", verdict="alone"),
        said(FieldName.PHONE, "+16145550111", kind="main"),
        said(FieldName.PHONE, "+16145550119", kind="fax"),
        email("office@alderpump.example"),
        said(FieldName.REGISTRY_ID, "UEN:201912345K", source="registry"),
    )
    company = company_of(STUB, found)
    assert (company.legal_name, company.industry, company.city) == (
        "Alder Pump Works LLC", "Pumps", "",
    )  # fmt: skip
    assert company.phones == ("+16145550111",)
    assert company.emails == ("office@alderpump.example",)
    assert company.uen == "201912345K"
    assert company.sources == ("https://alderpump.example/",)
    assert company.proven == 7
