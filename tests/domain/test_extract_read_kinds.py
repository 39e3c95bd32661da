"""What sort of page it is, what runs it, and what it says of the company's age and size."""

from __future__ import annotations

import pytest

from data411_mcp.domain.extract.decode import decode, document_from_text
from data411_mcp.domain.extract.document import Document
from data411_mcp.domain.extract.firmographics import read_firmographics
from data411_mcp.domain.extract.kinds import page_kind
from data411_mcp.domain.extract.mailboxes import owner_of_mailbox, owner_of_profile
from data411_mcp.domain.extract.tech import read_technologies
from data411_mcp.domain.graph import FieldName

LONG = "<p>We make pumps for ships and mills, and mend them. </p>" * 60


def page(title: str, body: str, path: str = "/") -> Document:
    source = f"<title>{title}</title>{body}"
    url = f"https://acme.example{path}"
    return decode(source.encode(), content_type="text/html", url=url)


@pytest.mark.parametrize(
    ("title", "body", "path", "kind"),
    [
        ("Acme Pumps", LONG, "/", "home"),
        ("Acme Pumps", LONG, "/index.php", "home"),
        ("Acme Pumps", LONG, "/contact-us", "contact"),
        ("Kontakt | Acme", LONG, "/page17", "contact"),
        ("Acme | About us", LONG, "/x", "about"),
        ("Acme", "<h1>Our Team</h1>" + LONG, "/x", "team"),
        ("Acme", LONG, "/impressum.html", "imprint"),
        ("Acme", LONG, "/pumps", "other"),
        (
            "Just a moment...",
            "<p>Checking your browser before accessing acme.example",
            "/",
            "error",
        ),
        ("Attention Required! | Cloudflare", "<p>Why have I been blocked?", "/contact", "error"),
        ("404 Not Found", "<h1>Not Found</h1><p>The requested URL was not found", "/team", "error"),
        ("Acme", "<h1>Page not found</h1><p>Sorry.", "/about", "error"),
        (
            "acme.example",
            "<p>This domain is for sale. Make an offer on this domain.",
            "/",
            "parked",
        ),
        ("acme.example", "<p>Website coming soon", "/", "parked"),
        ("Business directory of Leeds", "<p>Claim this business</p>" + LONG, "/x", "directory"),
        ("Acme Pumps", "<p>Error codes: 404 means a blocked inlet.</p>" + LONG, "/pumps", "other"),
        ("Homes", "<p>New homes under construction. Call 020 7946 0001", "/x", "other"),
    ],
)
def test_the_kind_of_a_page(title: str, body: str, path: str, kind: str) -> None:
    assert page_kind(page(title, body, path)) == kind


def test_a_directory_site_is_one_whatever_the_page_says() -> None:
    document = document_from_text("Acme Pumps\n020 7946 0001", url="https://www.yelp.com/biz/acme")
    assert page_kind(document) == "directory"


def test_technologies_are_read_from_generator_and_scripts_and_can_be_quoted() -> None:
    document = page(
        "Acme",
        "<meta name=generator content='WordPress 6.2'><script src=/wp-content/x.js></script>"
        "<script src=https://www.googletagmanager.com/gtm.js></script>"
        "<script src=/js/jquery-3.6.0.min.js></script><script src=/own.js></script>",
    )
    facts = read_technologies(document)
    assert [fact.value for fact in facts] == ["WordPress", "Google Tag Manager", "jQuery"]
    for fact in facts:
        assert fact.value in document.text[fact.start : fact.end]


def test_an_editor_is_no_technology_of_the_company() -> None:
    document = page("Acme", "<meta name=generator content='Microsoft FrontPage 4.0'>")
    assert read_technologies(document) == ()


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("Acme was founded in 1987 by two sisters.", FieldName.FOUNDED_YEAR, "1987"),
        ("Family owned and in business since 1921", FieldName.FOUNDED_YEAR, "1921"),
        ("Plumbers since 1987", FieldName.FOUNDED_YEAR, "1987"),
        ("Gegründet 1954 in Leeds", FieldName.FOUNDED_YEAR, "1954"),
        ("Fondée en 1999, la société", FieldName.FOUNDED_YEAR, "1999"),
        ("Est. 1850", FieldName.FOUNDED_YEAR, "1850"),
        ("We have over 1,200 employees worldwide.", FieldName.EMPLOYEES_EST, "1200"),
        ("Our team of 12 professionals", FieldName.EMPLOYEES_EST, "12"),
        ("Company size: 51-200 employees", FieldName.EMPLOYEES_EST, "51-200"),
        ("12.500 Mitarbeiter weltweit", FieldName.EMPLOYEES_EST, "12500"),
        ("Industry: Marine engineering", FieldName.INDUSTRY_NORM, "Marine engineering"),
    ],
)
def test_age_size_and_trade_are_read_where_plainly_said(
    text: str, field: FieldName, value: str
) -> None:
    document = document_from_text(text, url="https://acme.example/")
    facts = [fact for fact in read_firmographics(document) if fact.field is field]
    assert {fact.value for fact in facts} == {value}
    for fact in facts:
        assert document.text[fact.start : fact.end] == fact.raw


@pytest.mark.parametrize(
    "text",
    [
        "© 2014 Acme Ltd",
        "Jane Roe has worked with us since 2009 and leads the workshop in the north.",
        "Member since 2011",
        "We advise companies with 50 employees or more.",
        "Our service is for businesses with 50 employees.",
        "He joined since 1999",
        "Our 2,000 customers",
    ],
)
def test_other_years_and_numbers_are_left_alone(text: str) -> None:
    assert read_firmographics(document_from_text(text, url="https://acme.example/")) == ()


def test_structured_size_and_foundation_are_read() -> None:
    document = page(
        "Acme",
        '<script type="application/ld+json">{"@type":"Organization","foundingDate":"1987-05-01",'
        '"industry":"Pumps","numberOfEmployees":{"@type":"QuantitativeValue","minValue":51,'
        '"maxValue":200}}</script>'
        "<meta name=description content='Acme makes pumps for ships, mills and mines.'>",
    )
    found = {(fact.field, fact.value) for fact in read_firmographics(document)}
    assert found == {
        (FieldName.FOUNDED_YEAR, "1987"),
        (FieldName.EMPLOYEES_EST, "51-200"),
        (FieldName.INDUSTRY_NORM, "Pumps"),
        (FieldName.ABOUT_TEXT, "Acme makes pumps for ships, mills and mines."),
    }


@pytest.mark.parametrize(
    ("address", "owner"),
    [
        ("jane.roe@acme.example", "Jane Roe"),
        ("jroe@acme.example", "Jane Roe"),
        ("roe@acme.example", "Jane Roe"),
        ("juergen.gross@acme.example", "Jürgen Groß"),
        ("info@acme.example", None),
        ("stone@acme.example", None),
    ],
)
def test_a_mailbox_named_after_one_person_is_that_person_s(address: str, owner: str | None) -> None:
    staff = ("Jane Roe", "Jürgen Groß", "Bob Stone", "Ann M. Stone")
    assert owner_of_mailbox(address, staff) == owner


def test_a_profile_is_tied_by_its_link_text_or_its_address() -> None:
    staff = ("Jane Roe", "Bob Stone")
    assert owner_of_profile("https://www.linkedin.com/in/x1", "Jane A. Roe", staff) == "Jane Roe"
    assert owner_of_profile("https://www.linkedin.com/in/bob-stone-12", None, staff) == "Bob Stone"
    assert owner_of_profile("https://www.linkedin.com/in/someone", None, staff) is None
