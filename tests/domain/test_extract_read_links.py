"""Profiles of the company, and the pages worth reading next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.extract.decode import decode
from data411_mcp.domain.extract.document import Document, Hints
from data411_mcp.domain.extract.links import next_pages, page_sort, profile_of, read_links, site_of
from data411_mcp.domain.graph import FieldName


def page(source: str, url: str = "https://www.acmepumps.example/") -> Document:
    return decode(source.encode(), content_type="text/html", url=url)


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        (
            "http://uk.linkedin.com/company/Acme-Pumps?trk=x",
            ("linkedin", "https://www.linkedin.com/company/acme-pumps"),
        ),
        (
            "https://www.linkedin.com/in/jane-roe/",
            ("linkedin_person", "https://www.linkedin.com/in/jane-roe"),
        ),
        ("https://twitter.com/#!/AcmePumps", ("x", "https://x.com/acmepumps")),
        ("https://x.com/@acmepumps", ("x", "https://x.com/acmepumps")),
        (
            "http://www.facebook.com/pages/Acme/12345?ref=ts",
            ("facebook", "https://www.facebook.com/pages/acme/12345"),
        ),
        ("https://youtube.com/@acme", ("youtube", "https://www.youtube.com/@acme")),
        ("https://www.instagram.com/acme/", ("instagram", "https://www.instagram.com/acme")),
        ("http://www.facebook.com/sharer.php?u=https://acme.example", None),
        ("https://twitter.com/intent/tweet?text=x", None),
        ("https://twitter.com/share", None),
        ("https://www.linkedin.com/shareArticle?mini=true", None),
        ("http://www.linkedin.com", None),
        ("https://www.youtube.com/watch?v=1", None),
        ("https://www.facebook.com/wix", None),
        ("https://linkedin.com.evil.example/company/acme", None),
        ("https://acme.example/company/acme", None),
        ("http://[broken", None),
    ],
)
def test_a_profile_has_one_address_and_share_buttons_are_none(
    href: str, expected: tuple[str, str] | None
) -> None:
    assert profile_of(href) == expected


def test_of_two_pages_of_a_network_the_one_called_like_the_company_is_its_own() -> None:
    document = page(
        "<title>Acme Pumps</title><a href=https://www.linkedin.com/company/acme-pumps>in</a>"
        "<a href=https://www.linkedin.com/company/big-partner>our partner</a>"
        "<a href=https://twitter.com/webstudio>Website by Webstudio</a>"
    )
    ours, others = read_links(document, Hints())
    assert [(fact.field, fact.value) for fact in ours] == [
        (FieldName.LINK, "https://www.linkedin.com/company/acme-pumps"),
        (FieldName.LINKEDIN_URL, "https://www.linkedin.com/company/acme-pumps"),
    ]
    assert {fact.value for fact in others} == {
        "https://www.linkedin.com/company/big-partner",
        "https://x.com/webstudio",
    }
    for fact in ours:
        assert fact.raw in document.text[fact.start : fact.end]


def test_a_personal_profile_belongs_to_whom_the_link_names() -> None:
    document = page(
        "<a href=https://www.linkedin.com/in/jr1>Jane Roe, CEO</a>"
        "<a href=https://www.linkedin.com/in/someone>LinkedIn</a>"
    )
    ours, others = read_links(document, Hints())
    assert [(fact.kind, fact.person) for fact in ours] == [
        ("linkedin_person", "Jane Roe"),
        ("linkedin_person", None),
    ]
    assert others == ()


@pytest.mark.parametrize(
    ("text", "path", "sort"),
    [
        ("Contact us", "/x", "contact"),
        ("", "/de/kontakt.html", "contact"),
        ("Über uns", "/firma", "about"),
        ("Impressum", "/legal", "imprint"),
        ("", "/mentions-legales", "imprint"),
        ("Notre équipe", "/x", "team"),
        ("", "/quienes-somos", "about"),
        ("O nas", "/", "about"),
        ("Chi siamo", "/it/", "about"),
        ("Om oss", "/om", "about"),
        ("Over ons", "/", "about"),
        ("Privacy Policy", "/p", "legal"),
        ("Our offices", "/x", "locations"),
        ("Products", "/products", ""),
        ("", "/all-about-leaky-taps-and-other-drips", ""),
    ],
)
def test_pages_are_known_by_name_in_many_languages(text: str, path: str, sort: str) -> None:
    assert page_sort(text, path) == sort


def test_each_sort_of_page_comes_before_the_second_of_any() -> None:
    document = page(
        "<a href=/>Home</a><a href=/contact/list>More contact</a>"
        "<a href=/contact>Contact</a>"
        "<a href=/about#top>About</a><a href=/team.pdf>Team</a><a href=/people>People</a>"
        "<a href=https://other.example/contact>Contact</a><a href=/news/contact-lenses>News</a>"
        "<a href=https://shop.acmepumps.example/imprint>Imprint</a><a href=mailto:a@b.example>m</a>"
    )
    assert next_pages(document, limit=4) == (
        "https://www.acmepumps.example/contact",
        "https://shop.acmepumps.example/imprint",
        "https://www.acmepumps.example/people",
        "https://www.acmepumps.example/about",
    )
    assert next_pages(document, limit=0) == ()


@given(
    st.lists(st.sampled_from(["/contact", "/about", "//[x", "http://y.example/team", "/a b"])),
    st.integers(-1, 5),
)
def test_only_pages_of_the_same_site_and_never_too_many(paths: list[str], limit: int) -> None:
    document = page("".join(f"<a href='{path}'>Contact</a>" for path in paths))
    found = next_pages(document, limit=limit)
    assert len(found) <= max(limit, 0)
    assert all(site_of(url) == "acmepumps.example" for url in found)
