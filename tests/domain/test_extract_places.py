"""What `read_places` reads: addresses as thirty countries write them, and the country itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.extract.decode import decode, document_from_text
from data411_mcp.domain.extract.document import Document, Fact, Hints
from data411_mcp.domain.extract.places import page_country, read_places
from data411_mcp.domain.graph import FieldName


def page(text: str, url: str = "https://www.acme.example/") -> Document:
    return document_from_text(text, url=url)


def only(document: Document, field: FieldName, hints: Hints | None = None) -> str | None:
    facts = [fact for fact in read_places(document, hints or Hints()) if fact.field is field]
    return facts[0].value if facts else None


@pytest.mark.parametrize(
    ("text", "country", "city"),
    [
        ("4801 N. Butler Ave\nSuite 12101\nSpringfield, NM87401", "US", "Springfield"),
        ("7075 Mandarin Drive, Boca Raton FL 33433 USA", "US", "Boca Raton"),
        ("3900 East Mexico Ave, Suite 500 Denver CO 80210", "US", "Denver"),
        ("600 17th Street, Suite 2800 South\nDenver, Colorado, 80202", "US", "Denver"),
        ("55 Pittsfield Road | Lenox, MA 01240", "US", "Lenox"),
        ("1718 Connecticut Avenue NW, Washington, D.C. 20009", "US", "Washington"),
        ("2655 Main Street\nBrewster, Ma 02631", "US", "Brewster"),
        ("31 Bloorlea Cres, Etobicoke, ON M9B 1P2", "CA", "Etobicoke"),
        ("5320 Roper Road\nEdmonton Alberta\nT6B 3E9\nCanada", "CA", "Edmonton"),
        ("145 Walker Drive Unit 3\nBrampton, Ontario\nCanada L6T 5P5", "CA", "Brampton"),
        ("29 Great George St, Bristol, BS1 5QT", "GB", "Bristol"),
        ("250 Finchley Road, Hampstead, NW3 6DN", "GB", "London"),
        ("Edinburgh Way\nHarlow Essex\nCM20 2SL\nEngland", "GB", "Harlow"),
        ("6-8 Hazelwood Rd, Cudham, Sevenoaks, Kent, TN14 7QU", "GB", "Sevenoaks"),
        ("12 Main Street, Kilkenny, R95 X2Y3, Ireland", "IE", "Kilkenny"),
        ("14 Sarah Street, Mascot NSW 2020", "AU", "Mascot"),
        ("493 Charles Street North Perth WA 6006", "AU", "North Perth"),
        ("259 Gilbert Street, Adelaide, South Australia 5000", "AU", "Adelaide"),
        ("12 Queen Street, Auckland 1010, New Zealand", "NZ", "Auckland"),
        ("Musterstraße 8, 22089 Hamburg", "DE", "Hamburg"),
        ("Musterstr. 8\nD-73728 Esslingen am Neckar", "DE", "Esslingen am Neckar"),
        ("Hauptstrasse 1, A-1010 Wien", "AT", "Wien"),
        ("Bahnhofstrasse 1, CH-8001 Zürich", "CH", "Zürich"),
        ("24 rue de la Paix\n75002 Paris", "FR", "Paris"),
        ("10 rue du Port, 33000 Bordeaux Cedex 2, France", "FR", "Bordeaux"),
        ("Steenovenstraat 1 4706 RA Roosendaal Nederland", "NL", "Roosendaal"),
        ("Rue Neuve 1, 1000 Bruxelles, Belgique", "BE", "Bruxelles"),
        ("L-1160 Luxembourg", "LU", "Luxembourg"),
        ("Via Roma 12, 20121 Milano (MI), Italia", "IT", "Milano"),
        ("Calle Mayor 3, 47151 Boecillo - Valladolid (Spain)", "ES", "Boecillo"),
        ("Rua das Flores 608, 4745-330 Trofa, Portugal", "PT", "Trofa"),
        ("Norrtullsgatan 6\n113 29 Stockholm", "SE", "Stockholm"),
        ("Storgata 1, 0155 Oslo", "NO", "Oslo"),
        ("Vestergade 1, 8000 Aarhus C, Danmark", "DK", "Aarhus"),
        ("Mannerheimintie 1, 00100 Helsinki", "FI", "Helsinki"),
        ("ul. Prosta 51, 00-838 Warszawa", "PL", "Warszawa"),
        ("Dlouhá 12, 110 00 Praha 1", "CZ", "Praha"),
        ("Lazaretská 12, 081 52 Bratislava, SLOVAKIA", "SK", "Bratislava"),
        ("10 Anson Road #10-01, Singapore 079903", "SG", "Singapore"),
        ("Jalan Ampang, 50450 Kuala Lumpur, Malaysia", "MY", "Kuala Lumpur"),
        ("188 Lockhart Rd, Wanchai, Hong Kong", "HK", "Hong Kong"),
        ("12 MG Road, Bangalore - 560 001, India", "IN", "Bangalore"),
        ("1 Long Street, Cape Town, 8001, South Africa", "ZA", "Cape Town"),
        ("Office 5, Sheikh Zayed Road, P.O. Box 1234, Dubai, UAE", "AE", "Dubai"),
        ("Av. Paulista 1000, São Paulo - SP, 01310-100, Brasil", "BR", "São Paulo"),
        ("Av. Reforma 1, C.P. 06600 Ciudad de México, México", "MX", "Ciudad de México"),
        ("2-28-8 Honkomagome, Bunkyo-ku\nTokyo 113-0021\nJapan", "JP", "Tokyo"),
    ],
)
def test_the_city_and_country_of_an_address_are_read(text: str, country: str, city: str) -> None:
    document = page(text)
    assert only(document, FieldName.HQ_COUNTRY) == country
    assert only(document, FieldName.HQ_CITY) == city


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (
            "Acme Widgets\n12 Main Street\nSuite 4\nSpringfield, IL 62701\nPhone: 217-555-0123",
            "12 Main Street, Suite 4, Springfield, IL 62701",
        ),
        (
            "© 2020 Acme Widgets | 12 Main Street | Springfield, IL 62701",
            "12 Main Street, Springfield, IL 62701",
        ),
        (
            "Acme Widgets Ltd | 86-90 Paul Street | London | EC2A 4NE",
            "86-90 Paul Street, London, EC2A 4NE",
        ),
        (
            "Unit 7 28 Queen Elizabeth Avenue\nHillington\nGlasgow\nUnited Kingdom\nG52 4NQ",
            "Unit 7 28 Queen Elizabeth Avenue, Hillington, Glasgow, United Kingdom, G52 4NQ",
        ),
        ("Address: 12 Main Street, Springfield, IL 62701", "12 Main Street, Springfield, IL 62701"),
        (
            "Musterstraße 8\n22089 Hamburg\nDeutschland",
            "Musterstraße 8, 22089 Hamburg, Deutschland",
        ),
    ],
)
def test_an_address_is_one_line_with_its_street(text: str, address: str) -> None:
    assert only(page(text), FieldName.ADDRESS) == address


def test_structured_addresses_are_read() -> None:
    source = """<html><body><script type="application/ld+json">{"@type": "Organization",
    "address": {"@type": "PostalAddress", "streetAddress": "12 Main Street",
    "addressLocality": "Springfield", "addressRegion": "IL", "postalCode": "62701",
    "addressCountry": "US"}}</script></body></html>"""
    document = decode(source.encode(), content_type="text/html", url="https://acme.example/")
    assert only(document, FieldName.ADDRESS) == "12 Main Street, Springfield, IL, 62701, US"
    assert only(document, FieldName.HQ_CITY) == "Springfield"
    assert only(document, FieldName.HQ_COUNTRY) == "US"


def test_the_head_office_gives_the_city() -> None:
    text = (
        "Branch\n1 Oak Street\nPeoria, IL 61602\n\nHeadquarters\n12 Main Street\n"
        "Springfield, IL 62701"
    )
    assert only(page(text), FieldName.HQ_CITY) == "Springfield"
    kinds = [f.kind for f in read_places(page(text), Hints()) if f.field is FieldName.ADDRESS]
    assert kinds == [None, "hq"]


@pytest.mark.parametrize(
    ("text", "url", "hints", "country"),
    [
        ("Willkommen", "https://acme.de/", Hints(), "DE"),
        ("Welcome", "https://acme.io/", Hints(), None),
        ("Welcome", "https://acme.io/", Hints(country="NZ"), "NZ"),
        ("Welcome", "https://acme.io/", Hints(domain="acme.com.au"), "AU"),
        ("Call +49 30 23125 123", "https://acme.com/", Hints(), "DE"),
        ("Call (217) 555-0123", "https://acme.com/", Hints(), "US"),
        ("Call (416) 555-0123", "https://acme.com/", Hints(), "CA"),
        ("Acme Pty Ltd, ABN 51 824 753 556", "https://acme.com/", Hints(), "AU"),
        ("Registered in England and Wales No. 1234", "https://acme.com/", Hints(), "GB"),
        ("12 Main Street, Springfield, IL 62701", "https://acme.co/", Hints(country="GB"), "US"),
    ],
)
def test_the_country_of_a_page(text: str, url: str, hints: Hints, country: str | None) -> None:
    assert page_country(page(text, url), hints) == country


def test_a_list_of_countries_to_choose_from_says_nothing() -> None:
    options = "Germany\nFrance\nItaly\nSpain\nPoland\n"
    document = page("12 Main Street\nSpringfield, IL 62701\n" + options * 3)
    assert page_country(document, Hints()) == "US"


@pytest.mark.parametrize("text", ["In 2014 Sales rose", "12345 Items found", "Call 2024 Today"])
def test_figures_before_words_are_no_addresses(text: str) -> None:
    facts = read_places(page(text), Hints(country="DE"))
    assert [fact for fact in facts if fact.field is FieldName.ADDRESS] == []
    assert [fact for fact in facts if fact.field is FieldName.HQ_CITY] == []


@given(st.text(alphabet="0123456789 ,.-|\nABDILMNOQRSTabdeilmnorst", max_size=300))
def test_any_text_gives_facts_inside_the_text(text: str) -> None:
    document = page(text)
    facts: tuple[Fact, ...] = read_places(document, Hints(country="US"))
    for fact in facts:
        assert 0 <= fact.start < fact.end <= len(document.text)
        assert 0 <= fact.score <= 1
