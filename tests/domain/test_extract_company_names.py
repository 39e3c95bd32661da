from __future__ import annotations

import pytest

from data411_mcp.domain.extract.company_names import read_company_names
from data411_mcp.domain.extract.decode import decode
from data411_mcp.domain.extract.document import Hints
from data411_mcp.domain.extract.host_names import host_match
from data411_mcp.domain.graph import FieldName


def names(
    body: str, title: str = "", url: str = "https://bluedoorbakery.example/", head: str = ""
) -> tuple[str | None, str | None]:
    """Display name and legal name read from a page."""
    html = f"<html><head><title>{title}</title>{head}</head><body>{body}</body></html>"
    page = decode(html.encode(), content_type="text/html; charset=utf-8", url=url)
    found = {f.field: f for f in read_company_names(page, Hints())}
    for fact in found.values():
        assert 0 <= fact.start < fact.end <= len(page.text)
    name, legal = found.get(FieldName.NAME), found.get(FieldName.LEGAL_NAME)
    return (name.value if name else None, legal.value if legal else None)


@pytest.mark.parametrize(
    "title",
    [
        "Contact Us | Blue Door Bakery",
        "Blue Door Bakery - Fresh bread every day",
        "Welcome to Blue Door Bakery",
        "About Us :: Blue Door Bakery",
        "Opening hours » Blue Door Bakery",
    ],
)
def test_the_host_tells_the_name_from_page_names_and_slogans(title: str) -> None:
    assert names("<p>Bread</p>", title)[0] == "Blue Door Bakery"


def test_the_site_name_is_taken_over_the_page_name() -> None:
    head = "<meta property='og:site_name' content='Amsel &amp; Star'>"
    assert names("", "Our rye bread", "https://shop.example/", head)[0] == "Amsel & Star"


def test_initials_in_the_host_speak_for_the_long_name() -> None:
    assert host_match("R.S. Voss & Associates", "rsva") > 0.5
    assert host_match("Синяя Дверь", "sinyaya") > 0.5
    assert host_match("Contact", "rsva") == 0


def test_the_legal_name_stands_in_the_copyright_line() -> None:
    body = "<p>© 2014 Blue Door Bakery, LLC. All rights reserved.</p>"
    assert names(body, "Blue Door Bakery") == ("Blue Door Bakery", "Blue Door Bakery, LLC")


def test_the_legal_name_of_an_agency_or_a_partner_is_not_ours() -> None:
    body = (
        "<p>© Blue Door Bakery</p><p>Web design by Pixel Barn Ltd</p>"
        "<p>We bake for Red Gate Hotels Inc. and many more.</p>"
    )
    assert names(body, "Blue Door Bakery") == ("Blue Door Bakery", None)


def test_a_legal_name_unlike_the_trade_name_needs_a_phrase_of_its_own() -> None:
    body = "<p>Blue Door Bakery is a trading name of Kestrel Foods Limited</p>"
    assert names(body, "Blue Door Bakery")[1] == "Kestrel Foods Limited"


def test_a_legal_name_set_on_two_lines_is_joined() -> None:
    body = "<p>Blue Door Bakery &amp;</p><p>Garden Members Limited</p>"
    assert names(body, "Blue Door Bakery")[1] == "Blue Door Bakery & Garden Members Limited"


def test_a_page_that_names_nobody_gives_nothing() -> None:
    assert names("<p>Hello</p>", "Contact us", "https://xq7.example/") == (None, None)


def test_a_closing_company_stays_in_the_display_name() -> None:
    body = "<p>© 2014 Oak Shower Company Ltd</p>"
    url = "https://oakshowers.example/"
    assert names(body, "Home | Oak Shower Company", url)[0] == "Oak Shower Company"
