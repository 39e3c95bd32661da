from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.extract.company_names import own_tokens, read_company_names
from data411_mcp.domain.extract.decode import decode
from data411_mcp.domain.extract.document import Document, Fact, Hints
from data411_mcp.domain.extract.people import read_people
from data411_mcp.domain.graph import FieldName


def document(body: str, title: str = "Blue Door Bakery") -> Document:
    html = f"<html><head><title>{title}</title></head><body>{body}</body></html>"
    return decode(
        html.encode(),
        content_type="text/html; charset=utf-8",
        url="https://bluedoorbakery.example/team",
    )


def staff(page: Document) -> tuple[Fact, ...]:
    return read_people(page, own_tokens(read_company_names(page, Hints()), page, Hints()))


def people(body: str, title: str = "Blue Door Bakery") -> dict[str, str]:
    """Names of the staff read from a page, each with the title or ""."""
    facts = staff(document(body, title))
    names = {f.value: "" for f in facts if f.field is FieldName.PERSON}
    names.update(
        {f.person: f.value for f in facts if f.field is FieldName.TITLE and f.person is not None}
    )
    return names


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<h3>Maria Lindqvist</h3><p>Head Baker</p>", {"Maria Lindqvist": "Head Baker"}),
        ("<p>Maria Lindqvist, CPA – Partner</p>", {"Maria Lindqvist": "Partner"}),
        ("<p>Owner: Maria Lindqvist</p>", {"Maria Lindqvist": "Owner"}),
        ("<p>Maria Lindqvist (General Manager)</p>", {"Maria Lindqvist": "General Manager"}),
        ("<p>Vice Mayor Maria Lindqvist</p>", {"Maria Lindqvist": "Vice Mayor"}),
        (
            "<h2>Tomas Aldana Chief Financial Officer</h2>",
            {"Tomas Aldana": "Chief Financial Officer"},
        ),
        ("<p>MARIA O'LEARY</p><h5>OFFICE MANAGER</h5>", {"Maria O'Leary": "Office Manager"}),
        ("<p>Geschäftsführer: Jürgen Möwe</p>", {"Jürgen Möwe": "Geschäftsführer"}),
        ("<p>Titolare: Chiara Bosco</p>", {"Chiara Bosco": "Titolare"}),
        ("<p>Gérante : Amélie Dupré</p>", {"Amélie Dupré": "Gérante"}),
        ("<p>Jednatel: Tomáš Havran</p>", {"Tomáš Havran": "Jednatel"}),
        (
            "<p>Geschäftsführer: Anna Falk, Peter Voss</p>",
            {"Anna Falk": "Geschäftsführer", "Peter Voss": "Geschäftsführer"},
        ),
        ("<p>Vertreten durch: Anna Falk und Peter Voss</p>", {"Anna Falk": "", "Peter Voss": ""}),
    ],
)
def test_a_name_beside_a_job_title_is_staff(body: str, expected: dict[str, str]) -> None:
    assert people(f"<h1>Our team</h1>{body}") == expected


def test_both_founders_of_a_sentence_are_staff() -> None:
    body = "<p>Blue Door was founded in 1985 by Anna Falk and Peter Voss, who met at school.</p>"
    assert people(body) == {"Anna Falk": "Founder", "Peter Voss": "Founder"}


def test_a_row_of_names_under_a_plural_heading_takes_the_title_from_it() -> None:
    body = (
        "<h2>Partners</h2><ul><li>Anna Falk</li><li>Peter Voss</li></ul>"
        "<h2>Senior Associates</h2><ul><li>Laura Kestrel</li><li>Simon Heron</li></ul>"
    )
    assert people(body) == {
        "Anna Falk": "Partner",
        "Peter Voss": "Partner",
        "Laura Kestrel": "Senior Associate",
        "Simon Heron": "Senior Associate",
    }


def test_a_name_with_its_own_biography_is_staff() -> None:
    body = (
        "<h1>Meet our team</h1><p>Walter (Bill) Teal</p><p>Bill began in the trade at age fifteen "
        "and has been baking rye bread for the village ever since he moved here.</p>"
    )
    assert list(people(body)) == ["Walter (Bill) Teal"]


def test_a_contact_card_without_a_title_is_staff() -> None:
    body = "<table><tr><td>Julie Heron</td><td>408 555 0160</td></tr></table>"
    assert people(body) == {"Julie Heron": ""}


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("The bakery was founded in 1998 by Maria Lindqvist.", "Maria Lindqvist"),
        ("Maria Lindqvist joined the company in 2003.", "Maria Lindqvist"),
        ("Our managing director Maria Lindqvist answers every letter.", "Maria Lindqvist"),
        ("Maria Lindqvist is the owner of Blue Door Bakery.", "Maria Lindqvist"),
        ("For orders please contact Maria Lindqvist.", "Maria Lindqvist"),
    ],
)
def test_a_sentence_can_tie_a_person_to_the_company(sentence: str, expected: str) -> None:
    assert list(people(f"<p>{sentence}</p>")) == [expected]


@pytest.mark.parametrize(
    "body",
    [
        "<blockquote>Lovely bread.<p>Jane Roe, Director</p></blockquote>",
        "<div class='testimonial'><p>Best rolls in town!</p><p>Jane Roe</p><p>Manager</p></div>",
        "<p>“We were delighted with every single loaf.”</p><p>Jane Roe, Manager</p>",
        "<p>Super service</p><p>- Jane Roe, Oakfield</p>",
        "<h2>What our customers say</h2><h3>Jane Roe</h3><p>Associate Director, Red Gate Ltd</p>",
        "<p>Contact Jane Roe with Oakfield Speakers to book.</p>",
        "<p>Red Gate was founded by Jane Roe.</p>",
        "<p>The mill was founded in 1871 by Jane Roe.</p>",
        "<p>President Jane Roe spoke to the nation.</p>",
        "<p>Palo Alto, CA</p><p>Vernon St. Oakfield</p><p>Photo Gallery</p><p>Project Manager</p>",
        "<ul><li>Jane Roe</li><li>Peter Voss</li><li>Anna Falk</li></ul>",
        "<h2>Featured products</h2><h3>Grace Kelly</h3><p>Designer handbag</p>",
        "<p>Directed by Wes Heron. Starring: Jane Roe, Peter Voss</p>",
        "<p>Robert Allen Law</p><p>Tel: 408 555 0160</p>",
    ],
)
def test_customers_strangers_and_places_are_not_staff(body: str) -> None:
    assert people(body) == {}


def test_staff_listed_in_a_menu_of_attorneys_are_read() -> None:
    links = "".join(
        f"<a href='/{n.replace(' ', '-')}'>{n}</a> "
        for n in ("Our Attorneys", "Anna Falk", "Peter Voss", "Laura Kestrel")
    )
    assert list(people(f"<div>{links}</div>")) == ["Anna Falk", "Peter Voss", "Laura Kestrel"]


def test_structured_data_names_employees_but_not_review_authors() -> None:
    body = """<script type="application/ld+json">{"@type": "Organization", "name": "Blue Door",
    "employee": {"@type": "Person", "name": "Anna Falk", "jobTitle": "Baker"},
    "review": {"@type": "Review", "author": {"@type": "Person", "name": "Jane Roe"}}}</script>"""
    assert people(body) == {"Anna Falk": "Baker"}


def test_two_spellings_of_one_person_make_one_contact() -> None:
    body = (
        "<h1>Daniel C. Falk, CFA</h1><p>President</p>"
        "<p>Dan Falk is the President and Founder of Blue Door Bakery.</p>"
    )
    assert list(people(body)) == ["Daniel C. Falk"]


def test_the_quote_of_each_fact_holds_the_name() -> None:
    page = document("<h1>Team</h1><p>Anna Falk</p><p>Baker</p><p>Our chef Peter Voss cooks.</p>")
    facts = staff(page)
    assert {f.person for f in facts} == {"Anna Falk", "Peter Voss"}
    assert all(f.person is not None and f.person in page.text[f.start : f.end] for f in facts)


@given(
    st.lists(
        st.sampled_from(["Anna Falk", "Baker", "- ", "(", "CEO:", "\n", "“", "of"]), max_size=9
    )
)
def test_odd_lines_never_break_the_reader(parts: list[str]) -> None:
    page = document("<p>" + " ".join(parts) + "</p>")
    for fact in staff(page):
        assert 0 <= fact.start < fact.end <= len(page.text)
        assert 0 <= fact.score <= 1


def test_the_heading_above_a_companys_own_contact_form_names_no_person() -> None:
    title = "Contact Glen Affric Meats"
    body = "<h1>Contact Glen Affric Meats</h1><p>Glen Affric Meats Ltd</p>"
    footer = "<footer><p>© 2026 Glen Affric Meats Ltd</p></footer>"
    assert people(f"{body}{footer}", title) == {}
    asked = "<p>For orders please contact Morag Sinclair.</p>"
    assert people(f"{body}{asked}{footer}", title) == {"Morag Sinclair": ""}
