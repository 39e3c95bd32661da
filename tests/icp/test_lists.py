"""The list as CSV: its columns, its cells, and which address comes first."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.icp.lists import COLUMNS, cell, csv_file, reach, to_csv
from data411_mcp.domain.icp.values import Deliverability
from tests.icp.delivery import TENANT, a_contact, a_lead

FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_columns_of_the_specification_come_first_and_ours_at_the_end() -> None:
    assert COLUMNS[:12] == (
        "company_id", "name", "industry_norm", "employees_est", "score", "bucket", "rationale",
        "primary_email", "contact_name", "contact_title", "contact_linkedin", "contact_phone",
    )  # fmt: skip
    assert COLUMNS[12:] == ("domain", "uen", "chat_session_id")
    assert to_csv([], tenant=TENANT).count("\r\n") == 1


def test_a_row_says_what_is_known_and_how_to_reach_the_company() -> None:
    (row,) = rows(to_csv([a_lead()], tenant=TENANT))
    assert row["name"] == "Harbour Freight"
    assert row["industry_norm"] == "Logistics"
    assert row["score"] == "83"
    assert row["bucket"] == "A"
    assert row["rationale"].startswith("Logistics, as 4 of 5")
    assert row["primary_email"] == "jane.tan@harbour.example"
    assert (row["contact_name"], row["contact_title"]) == ("Jane Tan", "Managing Director")
    assert row["domain"] == "harbour.example"
    assert row["uen"] == "201900001A"
    assert row["chat_session_id"] == "chat-1"


def test_the_list_is_in_the_order_of_its_ranks() -> None:
    second = a_lead(2, domain="quay.example", name="Quay")
    listed = rows(to_csv([second, a_lead(1)], tenant=TENANT))
    assert [row["domain"] for row in listed] == ["harbour.example", "quay.example"]


def test_what_is_not_known_is_an_empty_cell() -> None:
    bare = a_lead(contacts=(), phones=(), emails=(), industry="", employees="", uen="")
    (row,) = rows(to_csv([bare], tenant=TENANT))
    for column in ("industry_norm", "employees_est", "primary_email", "contact_name",
                   "contact_phone", "uen"):  # fmt: skip
        assert row[column] == ""


def test_a_company_keeps_its_id_and_two_tenants_have_two() -> None:
    one, again = (rows(to_csv([a_lead()], tenant=TENANT))[0]["company_id"] for _ in range(2))
    other = rows(to_csv([a_lead()], tenant="other"))[0]["company_id"]
    www = rows(to_csv([a_lead(domain="www.harbour.example")], tenant=TENANT))[0]["company_id"]
    assert one == again == www
    assert one != other


@pytest.mark.parametrize(
    "text",
    ["=HYPERLINK(1)", "+65 6000 0001", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1+1"],
)
def test_a_cell_that_a_spreadsheet_would_compute_gets_an_apostrophe(text: str) -> None:
    assert cell(text).startswith("'")


def test_an_ordinary_cell_gets_no_apostrophe() -> None:
    assert cell("Harbour Freight") == "Harbour Freight"
    assert cell("6000 0001") == "6000 0001"
    assert cell("O'Neill & Sons, Ltd.") == "O'Neill & Sons, Ltd."


def test_a_phone_number_keeps_its_plus_behind_the_apostrophe() -> None:
    (row,) = rows(to_csv([a_lead()], tenant=TENANT))
    assert row["contact_phone"] == "'+65 6000 0001"


def test_a_number_of_employees_is_never_read_as_a_date() -> None:
    (row,) = rows(to_csv([a_lead(employees="10-12")], tenant=TENANT))
    assert row["employees_est"] == "10–12"


def test_the_file_for_spreadsheets_begins_with_a_byte_order_mark_and_the_text_does_not() -> None:
    leads = [a_lead(name="Ångström Frachten")]
    assert csv_file(leads, tenant=TENANT).startswith(b"\xef\xbb\xbf")
    assert not to_csv(leads, tenant=TENANT).startswith("\ufeff")
    assert "Ångström" in csv_file(leads, tenant=TENANT).decode("utf-8-sig")


@given(st.text(max_size=200))
def test_no_text_makes_a_formula_a_line_or_another_cell(text: str) -> None:
    listed = to_csv([a_lead(name=text or "x", about=text)], tenant=TENANT)
    table = list(csv.reader(io.StringIO(listed, newline="")))
    assert len(table) == 2
    assert len(table[1]) == len(COLUMNS)
    assert not any(value.startswith(FORMULA) for value in table[1])


def test_halves_of_characters_do_not_stop_the_list() -> None:
    assert "Har bour" in to_csv([a_lead(name="Har\ud83dbour")], tenant=TENANT)


# --- which address comes first -------------------------------------------------------------


def test_a_verified_address_comes_before_a_persons_unverified_one() -> None:
    person = a_contact("Li Wei", email="li@harbour.example", deliverability=Deliverability.UNKNOWN)
    desk = a_contact("Office", email="info@harbour.example", deliverability=Deliverability.VERIFIED)
    assert reach(a_lead(contacts=(person, desk)).company).email == "info@harbour.example"


def test_of_equals_a_person_comes_before_a_role_and_the_own_domain_before_others() -> None:
    unknown = Deliverability.UNKNOWN
    role = a_contact("Office", email="sales@harbour.example", deliverability=unknown)
    afar = a_contact("Li Wei", email="li@elsewhere.example", deliverability=unknown)
    near = a_contact("Ana Cruz", email="ana@harbour.example", deliverability=unknown)
    assert reach(a_lead(contacts=(role, afar, near)).company).email == "ana@harbour.example"
    assert reach(a_lead(contacts=(role, afar)).company).email == "li@elsewhere.example"


def test_an_address_that_is_known_to_bounce_is_never_given() -> None:
    gone = a_contact(deliverability=Deliverability.UNDELIVERABLE)
    way = reach(a_lead(contacts=(gone,), emails=()).company)
    assert way.email == ""
    assert way.contact == gone
    kept = reach(a_lead(contacts=(gone,), emails=("jane.tan@harbour.example",)).company)
    assert kept.email == ""  # the same address among the company's does not come back


def test_without_a_persons_phone_the_companys_is_given() -> None:
    silent = a_contact(phone="")
    assert reach(a_lead(contacts=(silent,)).company).phone == "+65 6000 0000"
