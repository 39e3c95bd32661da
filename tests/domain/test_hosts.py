"""Whose host is it: one answer for leads, pages, links and mail addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.evidence import Page, ReadPage, SourceClass
from data411_mcp.domain.extract.document import Document, Hints, PageFacts
from data411_mcp.domain.extract.emails import normalize_email, registrable
from data411_mcp.domain.extract.host_names import host_label
from data411_mcp.domain.extract.links import site_of
from data411_mcp.domain.graph import Anchor, IdentityCard
from data411_mcp.domain.hosts import SHARED_HOSTS, public_domain, registrable_domain
from data411_mcp.domain.lead_input import lead_key, parse_lead
from data411_mcp.domain.lead_values import registrable_host
from data411_mcp.domain.ties import tie

PLATFORMS = (
    "netlify.app", "webflow.io", "square.site", "vercel.app", "uk.com", "github.io",
    "wixsite.com", "myshopify.com", "wordpress.com", "weebly.com", "squarespace.com",
    "godaddysites.com", "business.site", "pages.dev",
)  # fmt: skip


@pytest.mark.parametrize("platform", PLATFORMS)
def test_two_tenants_of_one_platform_are_two_companies(platform: str) -> None:
    ours, theirs = f"https://www.acme.{platform}/team", f"https://other.{platform}/"
    assert registrable_domain(ours) == f"acme.{platform}"
    assert registrable_domain(theirs) == f"other.{platform}"
    assert registrable_domain(f"https://www.{platform}/") == platform


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_lead_the_page_the_link_and_the_mailbox_agree(platform: str) -> None:
    url = f"https://acme.{platform}/contact"
    key = lead_key(parse_lead({"company": "Acme Plumbing", "domain": url}))
    found = {registrable_host(url), registrable_domain(url), site_of(url), key.domain}
    assert found == {registrable(f"mail.acme.{platform}")} == {f"acme.{platform}"}


@pytest.mark.parametrize(("host", "own"), [("acme", True), ("other", False)])
def test_only_the_tenants_own_pages_are_its_own_site(host: str, own: bool) -> None:
    url = f"https://{host}.netlify.app/"
    page = Page(url, url, "0" * 64, "Call us.", "html/1", "direct", "2026-11-20T09:00:00Z")
    read = ReadPage(page, Document(url, page.text, "html/1", 8), PageFacts(url))
    card = IdentityCard(
        decision="clear", anchors=(Anchor(kind="domain", value="acme.netlify.app", source="lead"),)
    )
    assert (tie(read, card).source is SourceClass.OWN_SITE) is own


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("www.shop.acme.co.uk", "acme.co.uk"),
        ("https://WWW.Acme.COM:443/x", "acme.com"),
        ("acme.com.", "acme.com"),
        ("mail.acme.example", "acme.example"),
        ("https://www.müller.example/", "xn--mller-kva.example"),
        ("https://www.müller.de/", "xn--mller-kva.de"),
        ("co.uk", "co.uk"),
        ("github.io", "github.io"),
        ("https://sites.google.com/view/acme", "sites.google.com"),
        ("192.0.2.7", "192.0.2.7"),
        ("https://[2001:db8::1]/", "2001:db8::1"),
        ("localhost", "localhost"),
        ("https://[broken/", ""),
        ("", ""),
    ],
)
def test_registrable_domains_by_suffix(host: str, domain: str) -> None:
    assert registrable_domain(host) == domain


@pytest.mark.parametrize("host", ["co.uk", "acme.example", "192.0.2.7", "localhost", ""])
def test_names_without_a_known_suffix_have_no_public_domain(host: str) -> None:
    assert public_domain(host) == ""


@given(st.from_regex(r"[a-z0-9]{1,8}(\.[a-z0-9]{1,8}){0,4}", fullmatch=True))
def test_the_registrable_domain_is_the_end_of_the_host_and_its_own(host: str) -> None:
    domain = registrable_domain(host)
    assert host == domain or host.endswith("." + domain)
    assert registrable_domain(domain) == domain


@pytest.mark.parametrize("host", sorted(SHARED_HOSTS))
def test_every_shared_host_can_be_met(host: str) -> None:
    assert registrable_domain(f"https://{host}/acme") == host


def test_an_address_on_a_platforms_own_host_is_still_an_address() -> None:
    assert normalize_email("desk@uk.com") == "desk@uk.com"
    assert registrable("uk.com") == "uk.com"


def test_a_tenants_name_in_its_address_is_its_own_and_not_the_platforms() -> None:
    page = Document("https://www.acme-plumbing.netlify.app/", "Call us.", "html/1", 8)
    assert host_label(page, Hints()) == "acme-plumbing"
