"""A model's prose is printed only when every line of it is proven, cited and about the right
person; anything else is a stray."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.graph import Backfill, FieldName, IdentityCard, Status
from data411_mcp.domain.lead import Lead
from data411_mcp.domain.merge import merge, statements_of
from data411_mcp.domain.prose_check import strays
from data411_mcp.domain.summary import write_summary
from tests.domain.test_merge import held, proof

SITE = "https://millbrook-pumps.example/team"
LEAD = Lead(contact_id=1, company="Millbrook Pumps", domain="millbrook-pumps.example",
            dm_name="Ruth Amberley")  # fmt: skip
CLEAR = IdentityCard(decision="clear", name="Millbrook Pumps", difference="it shows the name")
JANE, PETER = "Jane Fields", "Peter Lund"
FACTS = [
    proof(FieldName.PHONE, "+16145550142"),
    proof(FieldName.EMAIL, "office@millbrook-pumps.example"),
    proof(FieldName.ADDRESS, "12 Canal Street, Columbus, OH 43215"),
    proof(FieldName.LEGAL_NAME, "Millbrook Pumps LLC"),
    proof(FieldName.FOUNDED_YEAR, "1998"),
    proof(FieldName.LINK, "https://www.linkedin.com/company/millbrook-pumps"),
    proof(FieldName.PERSON, JANE, person=JANE, url=SITE),
    proof(FieldName.TITLE, "Managing Director", person=JANE, url=SITE),
    proof(FieldName.PHONE, "+16145550143", person=JANE, url=SITE),
    proof(FieldName.EMAIL, "jane@millbrook-pumps.example", person=JANE, url=SITE),
    proof(FieldName.PERSON, PETER, person=PETER, url=SITE),
    proof(FieldName.TITLE, "Service Manager", person=PETER, url=SITE),
    held("+16145550199"),
]


def graph() -> Backfill:
    empty = Backfill(chat_session_id="chat", lead=LEAD, identity=CLEAR)
    return merge(empty, FACTS, lead_key="k").backfill


GRAPH = graph()
OWN = write_summary(GRAPH)


def number_of(url: str) -> int:
    return next(int(x.split(".")[0]) for x in OWN.splitlines() if x.endswith(url))


CONTACT = f"[{number_of('/contact')}]"
TEAM = f"[{number_of('/team')}]"


def test_our_own_summary_has_no_strays() -> None:
    assert strays(OWN, GRAPH) == ()


@pytest.mark.parametrize(
    "line",
    [
        "## Millbrook Pumps",
        f"**Millbrook Pumps LLC** is in Columbus {CONTACT}.",
        f"They are at 12 Canal Street, Columbus, OH 43215 {CONTACT}.",
        f"Founded in 1998 {CONTACT}.",
        f"- **Jane Fields**, Managing Director {TEAM}",
        f"- Jane Fields: +1 614-555-0143, jane@millbrook-pumps.example {TEAM}",
        f"The company: (614) 555-0142 {CONTACT}, office@millbrook-pumps.example {CONTACT}.",
        f"Main line: 614.555.0142 {CONTACT}",
        f"[LinkedIn](https://www.linkedin.com/company/millbrook-pumps) {CONTACT}",
        "Missing: a direct phone number of Peter Lund.",
        "The CRM names Ruth Amberley as the contact.",
    ],
)
def test_a_line_of_proven_and_cited_facts_is_sound(line: str) -> None:
    assert strays(line, GRAPH) == ()


@pytest.mark.parametrize(
    "line",
    [
        f"**Zed Fakeman**, CEO {TEAM}",
        f"Zed Fakeman is the owner {TEAM}.",
        f"- Zed Fakeman, owner {TEAM}",
        f"zed fakeman is the owner {TEAM}.",
        f"Call zed fakeman at (614) 555-0142 {CONTACT}.",
        f"Jane Lund, Managing Director {TEAM}",
        f"山田太郎 is there {TEAM}",
        f"Main line: (614) 555-0199 {CONTACT}",
        f"Peter Lund: direct line +1 614 555 0143 {TEAM}",
        f"Peter Lund, jane@millbrook-pumps.example {TEAM}",
        f"Peter Lund is the Managing Director {TEAM}.",
        f"Jane Fields is the owner {TEAM}.",
        f"Jane Fields, Service Manager; Peter Lund, Managing Director {TEAM}",
        f"John Doe is the owner; direct line +1 614 555 0143 {TEAM}",
        f"Direct line: (614) 555-0142 {CONTACT}",
        f"Fax: (614) 555-0142 {CONTACT}",
        f"4500 employees {CONTACT}",
        f"1998 employees {CONTACT}",
        f"Some forty people work there {CONTACT}.",
        f"They went bankrupt {CONTACT}.",
        f"Founded in 2024 {CONTACT}.",
        f"Pay at https://evil.example/pay {CONTACT}",
        f"[Their page](https://evil.example/pay) {CONTACT}",
        f"See evil.example {CONTACT}",
        "Founded in 1998 [7].",
        "Founded in 1998.",
        f"Founded in 1998 {TEAM}.",
        "- **Jane Fields**, Managing Director",
        "Ruth Amberley is there.",
        f"Write to ivan@elsewhere.example {CONTACT}.",
        "9. https://evil.example/source",
        f"Founded in 1998 {CONTACT} <img src=x>",
        "![x](https://millbrook-pumps.example/contact)",
        f"Founded in １９９７ {CONTACT}.",
        f"Ja\u200bne Fields is there {TEAM}.",
    ],
)
def test_a_line_that_says_more_than_the_graph_proves_is_a_stray(line: str) -> None:
    assert strays(line, GRAPH)


def test_a_contested_value_is_told_only_as_contested() -> None:
    other = "https://list.example/x"
    doubted = merge(
        GRAPH,
        [proof(FieldName.FOUNDED_YEAR, "1987", url=other), proof(FieldName.FOUNDED_YEAR, "1987")],
        lead_key="k",
    ).backfill
    years = {s.value: s.status for s in statements_of(doubted)
             if s.field is FieldName.FOUNDED_YEAR}  # fmt: skip
    assert Status.CONTESTED in years.values()
    year = next(v for v, status in years.items() if status is Status.CONTESTED)
    cited = "".join(f"[{n}]" for n in range(1, 4))
    assert strays(f"Founded in {year} {cited}", doubted)
    assert strays(f"Contested: founded in {year} {cited}", doubted) == ()


@given(st.text(alphabet=st.characters(categories=["Lu", "Nd", "Lo"]), min_size=1, max_size=12))
def test_capitals_and_digits_from_nowhere_never_pass(text: str) -> None:
    assert strays(f"There is {text}x{text} here {CONTACT}", GRAPH)


@given(st.text(max_size=200))
def test_any_prose_is_judged_without_an_error(text: str) -> None:
    strays(text, GRAPH)
