"""What `read_contacts` reads from pages: whose number it is, what for, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.extract.contacts import (
    OURS_MIN,
    normalize_email,
    normalize_phone,
    read_contacts,
)
from data411_mcp.domain.extract.decode import decode, document_from_text
from data411_mcp.domain.extract.document import Document, Fact, Hints
from data411_mcp.domain.graph import FieldName

US_ADDRESS = "12 Main Street\nSpringfield, IL 62701\n"
GB_ADDRESS = "4 High Street\nLeeds\nLS1 4AB\n"


def page(text: str, url: str = "https://www.acme-widgets.example/") -> Document:
    return document_from_text(text, url=url)


def html(body: str, url: str = "https://www.acme-widgets.example/") -> Document:
    source = f"<html><head><title>Acme Widgets</title></head><body>{body}</body></html>"
    return decode(source.encode(), content_type="text/html; charset=utf-8", url=url)


def phones(document: Document, hints: Hints | None = None) -> dict[str, set[str | None]]:
    """Our numbers and their kinds."""
    found: dict[str, set[str | None]] = {}
    for fact in read_contacts(document, hints or Hints()):
        if fact.field is FieldName.PHONE and fact.score >= OURS_MIN:
            found.setdefault(fact.value, set()).add(fact.kind)
    return found


def emails(document: Document) -> set[str]:
    return {
        fact.value
        for fact in read_contacts(document, Hints())
        if fact.field is FieldName.EMAIL and fact.score >= OURS_MIN
    }


@pytest.mark.parametrize(
    ("line", "value", "kind"),
    [
        ("Phone: (217) 555-0123", "+12175550123", "main"),
        ("Phone No. 217-555-0123", "+12175550123", "main"),
        ("217.555.0123", "+12175550123", "main"),
        ("Call us at 217-555-0123 today!", "+12175550123", "main"),
        ("Fax: 217-555-0124", "+12175550124", "fax"),
        ("Fax # 217-555-0124", "+12175550124", "fax"),
        ("F 217-555-0124", "+12175550124", "fax"),
        ("F: (217) 555-0124", "+12175550124", "fax"),
        ("(217) 555-0124 (fax)", "+12175550124", "fax"),
        ("217-555-0124 Fax", "+12175550124", "fax"),
        ("Facsimile 217-555-0124", "+12175550124", "fax"),
        ("eFax: 217-555-0124", "+12175550124", "fax"),
        ("Cell: 217-555-0125", "+12175550125", "mobile"),
        ("Direct line 217-555-0126", "+12175550126", "direct"),
        ("Toll Free: 800-555-0199", "+18005550199", "toll_free"),
        ("1-800-555-0199", "+18005550199", "toll_free"),
        ("Toll Free Fax: 1-888-555-0198", "+18885550198", "fax"),
        ("Telephone217-555-0123", "+12175550123", "main"),
        ("1 (217) 555-0123", "+12175550123", "main"),
        ("+1 217 555 0123", "+12175550123", "main"),
    ],
)
def test_an_american_number_is_read_with_what_it_is_for(line: str, value: str, kind: str) -> None:
    assert phones(page(US_ADDRESS + line)) == {value: {kind}}


@pytest.mark.parametrize(
    ("country", "line", "value", "kind"),
    [
        ("GB", "Tel: 020 7946 0123", "+442079460123", "main"),
        ("GB", "Tel: +44 (0)20 7946 0123", "+442079460123", "main"),
        ("GB", "T: 01632 960123", "+441632960123", "main"),
        ("GB", "Fax 01632 960124", "+441632960124", "fax"),
        ("GB", "Mob: 07700 900123", "+447700900123", "mobile"),
        ("AU", "Ph: (02) 5550 1234", "+61255501234", "main"),
        ("AU", "Mobile 0491 570 156", "+61491570156", "mobile"),
        ("DE", "Telefon: 030 23125 123", "+493023125123", "main"),
        ("DE", "Telefax: +49 (0) 30 / 23125 124", "+493023125124", "fax"),
        ("FR", "Tél. : 01 99 00 12 34", "+33199001234", "main"),
        ("FR", "Télécopie : 01.99.00.12.35", "+33199001235", "fax"),
        ("ES", "Teléfono: 912 345 678", "+34912345678", "main"),
        ("IT", "Tel. 06 1234 5678", "+390612345678", "main"),
        ("IT", "Tel. 02.12345678", "+390212345678", "main"),
        ("NL", "Tel. 020 123 45 67", "+31201234567", "main"),
        ("SE", "Telefon 08-123 456 78", "+46812345678", "main"),
        ("DK", "Tlf. 33 12 34 56", "+4533123456", "main"),
        ("PL", "tel. 22 123 45 67", "+48221234567", "main"),
        ("PL", "faks: 22 123 45 68", "+48221234568", "fax"),
        ("SG", "Tel: (65) 6123 4567", "+6561234567", "main"),
        ("HK", "Tel ( 852 ) 2123- 4567", "+85221234567", "main"),
        ("JP", "電話 03-1234-5678", "+81312345678", "main"),
        ("IN", "Ph: 022 2345 6789", "+912223456789", "main"),
        ("BR", "Tel: (11) 2345-6789", "+551123456789", "main"),
        ("RU", "тел. 8 (495) 123-45-67", "+74951234567", "main"),
    ],
)
def test_a_national_number_is_read_in_the_country_of_the_lead(
    country: str, line: str, value: str, kind: str
) -> None:
    assert phones(page(line), Hints(country=country)) == {value: {kind}}


@pytest.mark.parametrize(
    "line",
    [
        "Updated 12.03.2014 10:30",
        "07-12-2010 2010/12/7 a press release",
        "2012-2014 and 2013 (20) posts",
        "Price: $1,250,000",
        "ISBN 978-3-16-148410-0",
        "VAT No. 123 4567 89",
        "Company No: 01234567",
        "License # 217-555-0123",
        "ABN 51 824 753 556",
        "IBAN DE89 3704 0044 0532 0130 00",
        "39.7817213, -89.6501481",
        "Branchburg, NJ 08876-3440",
        "1 2 3 4 5 6 7 8 9 10 11 12",
        "Your IP Address is: 176.215.38.50",
        "Telephone: +0 123 456 789",
        "Amiga 500/600/1200 Power Supply",
        "400 CENTRAL PARK WEST",
        "Order 20140312001",
        "https://acme-widgets.example/item?id=2175550123",
    ],
)
def test_other_figures_are_no_numbers(line: str) -> None:
    assert phones(page(US_ADDRESS + line)) == {}


def test_labels_in_one_line_go_with_their_own_numbers() -> None:
    text = US_ADDRESS + "Phone: 217-555-0123 Fax: 217-555-0124 | Cell 217-555-0125"
    assert phones(page(text)) == {
        "+12175550123": {"main"},
        "+12175550124": {"fax"},
        "+12175550125": {"mobile"},
    }


def test_labels_behind_their_numbers_are_understood() -> None:
    text = US_ADDRESS + "217-555-0123 phone\n217-555-0124 fax"
    assert phones(page(text)) == {"+12175550123": {"main"}, "+12175550124": {"fax"}}


def test_a_label_on_the_line_above_counts() -> None:
    text = US_ADDRESS + "By phone:\n217-555-0123\nFactory Fax Number\n217-555-0124"
    assert phones(page(text)) == {"+12175550123": {"main"}, "+12175550124": {"fax"}}


def test_a_table_header_says_which_column_is_the_fax() -> None:
    text = "Department\nPhone\nFax\nSales\n217-555-0123\n217-555-0124\nParts\n217-555-0125\n"
    found = phones(page(US_ADDRESS + text + "217-555-0126\n"))
    assert found["+12175550124"] == {"fax"}
    assert found["+12175550126"] == {"fax"}
    assert found["+12175550125"] == {"main"}


def test_a_header_of_two_words_labels_two_numbers_in_order() -> None:
    document = page(US_ADDRESS + "Phone Fax\n(217) 555-0123 (217) 555-0124")
    assert phones(document) == {"+12175550123": {"main"}, "+12175550124": {"fax"}}


def test_a_label_for_both_gives_a_telephone_and_a_fax() -> None:
    assert phones(page(US_ADDRESS + "Tel/Fax: 217-555-0123")) == {"+12175550123": {"main", "fax"}}


def test_a_heading_such_as_fax_numbers_reaches_its_list() -> None:
    text = US_ADDRESS + "Fax:\nAdmissions: 217-555-0123\nRecords: 217-555-0124"
    assert phones(page(text)) == {"+12175550123": {"fax"}, "+12175550124": {"fax"}}


def test_a_fax_that_stands_bare_elsewhere_stays_a_fax() -> None:
    text = US_ADDRESS + "Fax: 217-555-0124\nContact form\n217-555-0124"
    assert phones(page(text)) == {"+12175550124": {"fax"}}


def test_a_second_number_after_a_slash_takes_the_prefix_of_the_first() -> None:
    found = phones(page("F: +44 20 7946 0123 / 7946 0124"))
    assert found == {"+442079460123": {"fax"}, "+442079460124": {"fax"}}


def test_an_extension_stays_in_the_raw_text_only() -> None:
    document = page(US_ADDRESS + "Phone: 217-555-0123 ext. 45")
    (fact,) = read_contacts(document, Hints())
    assert (fact.value, fact.raw) == ("+12175550123", "217-555-0123 ext. 45")


def test_vanity_letters_are_dialled() -> None:
    assert phones(page("Call 1-800-FLOWERS now")) == {"+18003569377": {"toll_free"}}
    assert phones(page("Free consultation 303.555.PAUL")) == {"+13035557285": {"main"}}
    assert normalize_phone("1-800-FLOWERS", "US") == "+18003569377"


def test_offices_abroad_are_read_in_their_own_country() -> None:
    text = (
        "Acme Widgets\n" + US_ADDRESS + "Phone: 217-555-0123\n"
        "UK: 01632 960123\n"
        "4 High Street, Leeds, LS1 4AB, United Kingdom\nTel 020 7946 0123"
    )
    assert set(phones(page(text))) == {"+12175550123", "+441632960123", "+442079460123"}


def test_tel_links_count_even_with_words_for_text() -> None:
    document = html('<a href="tel:+12175550123">Call us</a> <a href="tel:217.555.0124">Fax</a>')
    assert phones(document, Hints(country="US")) == {
        "+12175550123": {"main"},
        "+12175550124": {"fax"},
    }


def test_structured_data_gives_phone_fax_email_and_their_person() -> None:
    document = html(
        """<script type="application/ld+json">{"@type": "LocalBusiness", "name": "Acme Widgets",
        "telephone": "(217) 555-0123", "faxNumber": "217-555-0124", "email": "Info@acme.example",
        "address": {"@type": "PostalAddress", "addressCountry": "US"},
        "employee": {"@type": "Person", "name": "Jane Roe", "telephone": "+1 217 555 0125"}}
        </script>"""
    )
    facts = {fact.value: fact for fact in read_contacts(document, Hints())}
    assert facts["+12175550124"].kind == "fax"
    assert facts["+12175550125"].person == "Jane Roe"
    assert facts["info@acme.example"].kind == "role"


@pytest.mark.parametrize(
    "text",
    [
        "Web design by Bright Pixels 217-555-0199",
        "To book the founder, contact the Example Speakers Bureau at 217-555-0199",
        "After hours call Example County Dispatch – 217-555-0199",
    ],
)
def test_numbers_of_others_are_seen_but_not_ours(text: str) -> None:
    document = page(US_ADDRESS + "Phone: 217-555-0123\nSome more text.\n" + text)
    assert set(phones(document)) == {"+12175550123"}
    assert "+12175550199" in {fact.value for fact in read_contacts(document, Hints())}


def test_entries_of_a_directory_are_not_ours() -> None:
    entry = "{name}, Inc.\n{street} Oak Street\nSpringfield, IL 62701\nTel: 217-555-01{street}\n"
    names = ("Borealis Tools", "Cumulus Paints", "Drumlin Doors")
    listing = "".join(entry.format(name=n, street=10 + i) for i, n in enumerate(names))
    document = html(
        "<br>".join(("Members\n" + listing + "Acme Widgets\nTel: 217-555-0199").splitlines())
    )
    assert set(phones(document)) == {"+12175550199"}


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("E-mail: Info@Acme-Widgets.com.", "info@acme-widgets.com"),
        ("info [at] acme-widgets [dot] com", "info@acme-widgets.com"),
        ("info(at)acme-widgets.com", "info@acme-widgets.com"),
        ("info (at) acme-widgets (punkt) de", "info@acme-widgets.de"),
        ("info AT acme-widgets DOT com", "info@acme-widgets.com"),
        ("info [put the at sign here] acme-widgets.com", "info@acme-widgets.com"),
        ("info @ acme-widgets.com", "info@acme-widgets.com"),
        ("jane.roe at acme-widgets dot co dot uk", "jane.roe@acme-widgets.co.uk"),
        ("<jane@acme-widgets.com>", "jane@acme-widgets.com"),
    ],
)
def test_an_address_is_read_however_it_is_spelled(text: str, address: str) -> None:
    assert emails(page(text)) == {address}


@pytest.mark.parametrize(
    "text",
    [
        "you@yourdomain.com",
        "logo@2x.png",
        "0123456789abcdef0123456789abcdef@sentry.io",
        "We met at noon in the office. Come at 5",
        "user@localhost",
        "look at example. Com",
    ],
)
def test_what_only_looks_like_an_address_is_none(text: str) -> None:
    assert emails(page(text)) == set()


def test_mailto_links_and_their_person_are_read() -> None:
    document = html('<a href="mailto:JRoe@acme.example?subject=Hi">Jane Roe</a>')
    (fact,) = read_contacts(document, Hints())
    assert (fact.value, fact.person, fact.kind) == ("jroe@acme.example", "Jane Roe", "person")


def test_a_bare_national_number_alone_on_its_line_counts() -> None:
    assert phones(page(GB_ADDRESS + "02079460123")) == {"+442079460123": {"main"}}


def test_a_sheriffs_own_page_keeps_its_numbers() -> None:
    document = page("Example County Sheriff\n" + US_ADDRESS + "Sheriff dispatch: 217-555-0123")
    assert set(phones(document)) == {"+12175550123"}


def test_the_agencys_address_in_a_credit_is_not_ours() -> None:
    document = page("info@acme.example\n\nSite designed by Bright Pixels studio@brightpixels.com")
    assert emails(document) == {"info@acme.example"}


def test_role_and_person_mailboxes_are_told_apart() -> None:
    document = page("sales@acme.example jane.roe@acme.example")
    kinds = {fact.value: fact.kind for fact in read_contacts(document, Hints())}
    assert kinds == {"sales@acme.example": "role", "jane.roe@acme.example": "person"}


def test_every_quote_holds_its_value() -> None:
    document = html("<p>Tel 217-555-0123</p><a href='mailto:a@b.example'>x</a>")
    for fact in read_contacts(document, Hints(country="US")):
        assert fact.raw.strip()
        assert document.text[fact.start : fact.end]


@pytest.mark.parametrize(
    ("raw", "country", "value"),
    [
        ("(217) 555-0123", "US", "+12175550123"),
        ("217-555-0123 x12", "US", "+12175550123"),
        ("+44 (0)20 7946 0123", "US", "+442079460123"),
        ("0044 20 7946 0123", None, "+442079460123"),
        ("01632 960123", "GB", "+441632960123"),
        ("01632 960123", "UK", "+441632960123"),
        ("tel:+1-217-555-0123", None, "+12175550123"),
        ("217-555-0123", None, None),
        ("12", "US", None),
        ("call us", "US", None),
        ("", "US", None),
    ],
)
def test_phone_normalisation(raw: str, country: str | None, value: str | None) -> None:
    assert normalize_phone(raw, country) == value


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (" Info@Example.COM ", "info@example.com"),
        ("mailto:info@example.com?subject=x", "info@example.com"),
        ("<info@example.com>", "info@example.com"),
        ("info@example.com.", "info@example.com"),
        ("info%40example.com", "info@example.com"),
        ("info@@example.com", None),
        ("info", None),
        ("a b@example.com", None),
        ("icon@2x.png", None),
    ],
)
def test_email_normalisation(raw: str, value: str | None) -> None:
    assert normalize_email(raw) == value


@given(st.text(max_size=200), st.sampled_from(["US", "GB", "DE", None]))
def test_normalising_twice_changes_nothing(raw: str, country: str | None) -> None:
    phone, email = normalize_phone(raw, country), normalize_email(raw)
    assert phone is None or normalize_phone(phone, country) == phone
    assert email is None or normalize_email(email) == email


@given(
    st.integers(100, 199), st.sampled_from(["({a}) 555-0{n}", "{a}-555-0{n}", "+1 {a} 555 0{n}"])
)
def test_every_way_to_write_a_number_gives_one_value(number: int, form: str) -> None:
    text = US_ADDRESS + "Phone: " + form.format(a=217, n=number)
    assert set(phones(page(text))) == {f"+12175550{number}"}


@given(st.text(alphabet="0123456789 +()-./@atdo[]\n", max_size=300))
def test_any_text_gives_facts_inside_the_text(text: str) -> None:
    document = page(text)
    facts: tuple[Fact, ...] = read_contacts(document, Hints(country="US"))
    for fact in facts:
        assert 0 <= fact.start < fact.end <= len(document.text)
        assert 0 <= fact.score <= 1
