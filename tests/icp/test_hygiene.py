"""The gates between a search result and a shortlist."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.extract.decode import html_document
from data411_mcp.domain.icp.hygiene import (
    Drop,
    Exclude,
    gate,
    host_verdict,
    landing_verdict,
    page_verdict,
    text_verdict,
    well_formed,
)
from data411_mcp.domain.icp.values import Candidate

NOBODY = Exclude()


def named(*domains: str) -> list[Candidate]:
    return [Candidate(domain=domain) for domain in domains]


def kept(*domains: str, exclude: Exclude = NOBODY) -> list[str]:
    return [c.domain for c in gate(named(*domains), exclude).kept]


@pytest.mark.parametrize(
    "host", ["2fobbo.sg", "3ddoordash.com", "2fwww.acme.example", "2f2facme.example", "3dhttps.com"]
)
def test_a_host_with_the_rest_of_a_percent_escape_is_malformed(host: str) -> None:
    assert host_verdict(host) == (host_verdict(host)[0], Drop.MALFORMED_HOST)


@pytest.mark.parametrize(
    "host", ["2fast.com", "2factor.example", "3dsystems.com", "3ddesign.example", "20fish.com"]
)
def test_defect_08_a_name_that_only_begins_like_an_escape_stays_as_it_is(host: str) -> None:
    assert kept(host) == [host]


def test_what_the_company_calls_itself_decides_about_its_host() -> None:
    assert well_formed("2fobbo.sg", "2fobbo, the studio")
    assert not well_formed("2fast.example", "Ast | freight in Singapore")
    assert well_formed("2fast.example", "2fast couriers")


@pytest.mark.parametrize(
    "host",
    [
        "acme.pdf", "10.0.0.1", "acme..com", "a_b.example", "-acme.example", "localhost",
        "x" * 64 + ".example",
    ],
)  # fmt: skip
def test_what_is_no_host_name_is_malformed(host: str) -> None:
    assert host_verdict(host)[1] is Drop.MALFORMED_HOST


@pytest.mark.parametrize("url", ["http://[::1", "https://", "", "   "])
def test_an_address_without_a_host_never_raises(url: str) -> None:
    assert host_verdict(url)[1] in (Drop.MALFORMED_HOST, Drop.NO_HOST)


@given(st.text(max_size=60))
def test_any_text_gets_a_verdict(text: str) -> None:
    domain, reason = host_verdict(text)
    assert reason is not None or domain


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("w3.org", Drop.STANDARDS_BODY),
        ("mom.gov.sg", Drop.GOVERNMENT),
        ("epa.gov", Drop.GOVERNMENT),
        ("nus.edu.sg", Drop.GOVERNMENT),
        ("sg.linkedin.com", Drop.SHARED_HOST),
        ("yellowpages.com.sg", Drop.DIRECTORY),
        ("www.straitstimes.com", Drop.NEWS),
        ("en.wikipedia.org", Drop.REFERENCE),
    ],
)
def test_hosts_that_are_nobodys_lead_are_dropped_with_the_reason(host: str, reason: Drop) -> None:
    assert host_verdict(host)[1] is reason


def test_a_company_on_a_platform_keeps_its_own_host() -> None:
    assert kept("harbourlane.github.io") == ["harbourlane.github.io"]


def test_the_registrable_domain_stands_for_all_hosts_of_a_company() -> None:
    assert kept("https://www.acme.example/about", "shop.acme.example") == ["acme.example"]


def test_the_own_company_the_seeds_and_the_lost_are_no_candidates() -> None:
    exclude = Exclude(
        own=frozenset({"us.example"}), seeds=frozenset({"a.example"}), lost=frozenset({"b.example"})
    )
    found = gate(named("us.example", "www.a.example", "b.example", "c.example"), exclude)
    assert [c.domain for c in found.kept] == ["c.example"]
    assert found.dropped == {Drop.OWN_COMPANY: 1, Drop.SEED: 1, Drop.LOST_CUSTOMER: 1}


def test_a_seeds_site_under_another_ending_is_the_seed_and_a_namesake_is_not() -> None:
    exclude = Exclude(names={"apex": "Apex Freight Pte Ltd", "north": ""})
    same = Candidate(domain="apex.test", name="Apex Freight | Leeds")
    other = Candidate(domain="apex.dental.example", name="Apex", snippet="Dentists in Leeds")
    namesake = Candidate(domain="apex-dental.test", name="Apex Freight Dental")
    found = gate([same, other, namesake, *named("north.test")], exclude)
    assert "apex.test" not in {c.domain for c in found.kept}
    assert len(found.kept) == 3


@pytest.mark.parametrize(
    ("name", "dropped"),
    [
        ("Cold Chain Association", True),
        ("Association of Freight Forwarders", True),
        ("Hill Valley Chamber of Commerce", True),
        ("Associated Freight", False),
        ("Federation Brewery", False),
    ],
)
def test_an_association_of_companies_is_no_company(name: str, dropped: bool) -> None:
    offered = [Candidate(domain="a.example", name=name, source="search:x")]
    assert (gate(offered, NOBODY).dropped == {Drop.ASSOCIATION: 1}) is dropped
    buyers = Exclude(names={"b": "Bakers Federation"})
    assert gate(offered, buyers).kept  # where the user sells to such, they are wanted


@pytest.mark.parametrize(
    ("landed", "verdict"),
    [
        ("https://www.a.example/home", None),
        ("https://a.test/", None),
        ("https://seed.example/", Drop.SEED),
        ("https://seed.test/", Drop.ELSEWHERE),
        ("https://b.example/", Drop.DUPLICATE),
        ("https://stranger.example/", Drop.ELSEWHERE),
        ("https://www.linkedin.com/company/a", Drop.SHARED_HOST),
    ],
)
def test_where_an_address_leads_decides_whose_page_it_is(landed: str, verdict: Drop | None) -> None:
    exclude = Exclude(seeds=frozenset({"seed.example"}))
    assert landing_verdict("a.example", landed, exclude, {"b.example"}) is verdict


def test_defect_20_every_drop_is_counted_by_reason() -> None:
    offered = named("w3.org", "iso.org", "2fobbo.sg", "a.example", "a.example", "facebook.com")
    found = gate(offered, NOBODY)
    assert found.dropped == {
        Drop.STANDARDS_BODY: 2, Drop.MALFORMED_HOST: 1, Drop.DUPLICATE: 1, Drop.SHARED_HOST: 1,
    }  # fmt: skip
    assert sum(found.dropped.values()) + len(found.kept) == len(offered)
    assert found.why["w3.org"] is Drop.STANDARDS_BODY


def test_of_a_company_offered_twice_the_first_source_stays() -> None:
    twice = [
        Candidate(domain="a.example", source="csv", name="A"),
        Candidate(domain="www.a.example", source="search:tavily"),
    ]
    assert [c.source for c in gate(twice, NOBODY).kept] == ["csv"]


@pytest.mark.parametrize(
    ("url", "title"),
    [
        ("https://firms.example/directory/logistics", "Logistics"),
        ("https://firms.example/blog", "Top 10 logistics companies in Singapore"),
        ("https://firms.example/blog", "List of freight forwarders"),
    ],
)
def test_a_page_about_many_companies_is_no_company(url: str, title: str) -> None:
    listing = Candidate(domain="firms.example", url=url, name=title, source="search:tavily")
    assert gate([listing], NOBODY).dropped == {Drop.LISTING_PAGE: 1}
    own = listing.model_copy(update={"source": "csv"})
    assert len(gate([own], NOBODY).kept) == 1  # the user's own list is the user's word


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Just a moment...", Drop.ERROR_PAGE),
        ("503 Service Temporarily Unavailable", Drop.ERROR_PAGE),
        ("404 Not Found. The page you are looking for is gone.", Drop.ERROR_PAGE),
        ("This domain is for sale. Make an offer.", Drop.PARKED),
        ("Welcome to nginx!", Drop.PARKED),
    ],
)
def test_text_of_an_error_a_wall_or_a_parked_domain_is_known(text: str, reason: Drop) -> None:
    assert text_verdict(text, "https://acme.example/") is reason
    page = f"<title>{text}</title><p>{text}</p>"
    assert page_verdict(html_document(page, "https://acme.example/")) is reason


def test_an_empty_page_is_dropped_and_a_short_snippet_is_not() -> None:
    empty = html_document("<title></title><p>Hi</p>", "https://acme.example/")
    assert page_verdict(empty) is Drop.EMPTY_PAGE
    assert text_verdict("Freight agents", "https://acme.example/") is None


def test_a_company_page_passes() -> None:
    page = "<title>Acme Freight</title><p>We move ocean freight for importers in Singapore.</p>"
    assert page_verdict(html_document(page, "https://acme.example/")) is None
