"""JSON-LD, microdata, RDFa, hCard and meta come out as one kind of value."""

from __future__ import annotations

from pathlib import Path

import pytest

from data411_mcp.domain.extract.decode import decode
from data411_mcp.domain.extract.structured import parse_json_ld


def values(source: str) -> list[tuple[str, str]]:
    document = decode(source.encode(), content_type="text/html", url="https://acme.example/")
    return [(value.path, value.value) for value in document.structured]


def json_ld(source: str) -> str:
    return f'<script type="application/ld+json">{source}</script>'


def test_nested_json_ld_objects_tell_what_they_hang_from() -> None:
    found = values(
        json_ld(
            '{"@context":"http://schema.org","@type":["Organization","LocalBusiness"],'
            '"name":"Acme &amp; Sons","telephone":["020 7946 0001","020 7946 0002"],'
            '"address":{"streetAddress":"1 High St"},'
            '"employee":[{"@type":"Person","name":"Jane Roe"}],'
            '"review":{"@type":"Review","author":{"@type":"Person","name":"Sam Guest"}}}'
        )
    )
    assert found == [
        ("LocalBusiness.name", "Acme & Sons"),
        ("LocalBusiness.telephone", "020 7946 0001"),
        ("LocalBusiness.telephone", "020 7946 0002"),
        ("LocalBusiness.address.PostalAddress.streetAddress", "1 High St"),
        ("LocalBusiness.employee.Person.name", "Jane Roe"),
        ("LocalBusiness.review.Review.author.Person.name", "Sam Guest"),
    ]


def test_a_graph_holds_objects_of_their_own() -> None:
    found = values(
        json_ld(
            '{"@context":"https://schema.org","@graph":[{"@type":"WebSite","name":"Site"},'
            '{"@type":"https://schema.org/Organization","name":"Acme"}]}'
        )
    )
    assert found == [("WebSite.name", "Site"), ("Organization.name", "Acme")]


@pytest.mark.parametrize(
    "source",
    [
        '/* who we are */ {"@type":"Organization","name":"Acme"}',
        '// who we are\n{"@type":"Organization","name":"Acme",}',
        '<!-- {"@type":"Organization","name":"Acme"} -->',
        '//<![CDATA[\n{"@type":"Organization","name":"Acme"}\n//]]>',
        '{"@type":"Organization","name":"Ac\tme"};'.replace("Ac\tme", "Acme"),
        '\ufeff[{"@type":"Organization","name":"Acme"}]',
    ],
)
def test_comments_wrappings_and_trailing_commas_are_tolerated(source: str) -> None:
    assert values(json_ld(source)) == [("Organization.name", "Acme")]


def test_an_address_in_a_value_is_not_taken_for_a_comment() -> None:
    source = '{"@type":"Organization", /* x */ "url":"https://acme.example/a"}'
    assert parse_json_ld(source) == [{"@type": "Organization", "url": "https://acme.example/a"}]


def test_what_is_not_json_is_left_out() -> None:
    assert values(json_ld('{"@type": oops')) == []


def test_microdata_objects_nest() -> None:
    found = values(
        "<div itemscope itemtype='http://schema.org/LocalBusiness'><b itemprop=name>Acme</b>"
        "<div itemprop=address itemscope><span itemprop=streetAddress>1 High<br>Street</span></div>"
        "<a itemprop=url href='/x'>x</a><meta itemprop=telephone content='020 7946 0001'>"
        "<div itemscope itemtype='http://schema.org/Person'><i itemprop=name>Jane Roe</i></div>"
        "</div>"
    )
    assert found == [
        ("LocalBusiness.name", "Acme"),
        ("LocalBusiness.url", "https://acme.example/x"),
        ("LocalBusiness.telephone", "020 7946 0001"),
        ("LocalBusiness.address.PostalAddress.streetAddress", "1 High Street"),
        ("Person.name", "Jane Roe"),
    ]


def test_rdfa_lite_is_read_like_microdata() -> None:
    found = values(
        "<div vocab='http://schema.org/' typeof=Organization><b property=name>Acme</b></div>"
    )
    assert found == [("Organization.name", "Acme")]


def test_an_hcard_is_given_in_schema_words() -> None:
    found = values(
        "<div class=vcard><a class='fn org url' href='/'>Acme</a><div class=adr>"
        "<span class=street-address>1 High St</span><span class=locality>Leeds</span></div>"
        "<p class=tel><span class=type>Fax</span> <span class=value>020 7946 0002</span></p></div>"
        "<div class=vcard><b class=fn>Jane Roe</b><i class=title>CEO</i></div>"
    )
    assert found == [
        ("Organization.name", "Acme"),
        ("Organization.faxNumber", "020 7946 0002"),
        ("Organization.url", "https://acme.example/"),
        ("Organization.address.PostalAddress.streetAddress", "1 High St"),
        ("Organization.address.PostalAddress.addressLocality", "Leeds"),
        ("Person.name", "Jane Roe"),
        ("Person.jobTitle", "CEO"),
    ]


def test_title_meta_and_logo_are_quotable() -> None:
    found = values(
        "<title> Acme  | Home</title><meta property='og:site_name' content=Acme>"
        "<meta name=viewport content=x><img src=/logo.png alt='Acme Ltd'>"
    )
    assert found == [
        ("meta.title", "Acme | Home"),
        ("meta.og:site_name", "Acme"),
        ("img.logo", "Acme Ltd"),
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("JSONLD_with_JS_comment", "NewsArticle.headline"),
        ("JSONLD_with_control_characters", "Thing.data"),
        ("JSONLD_with_control_characters_comment", "Thing.data"),
        ("LocalBusiness.002", "Restaurant.address.PostalAddress.addressLocality"),
        ("LocalBusiness.003", "Invoice.broker.LocalBusiness.name"),
        ("microdata-with-description", "Product.offers.AggregateOffer.lowPrice"),
    ],
)
def test_published_samples_are_read(eval_dir: Path, name: str, expected: str) -> None:
    body = (eval_dir / "conformance" / "jsonld" / f"{name}.html").read_bytes()
    document = decode(body, content_type="text/html", url="https://acme.example/")
    assert expected in {value.path for value in document.structured}
