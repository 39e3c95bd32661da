"""What the enricher is made of: which addresses are read, what a model is given, how many calls
are out at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.evidence import Page, ReadPage
from data411_mcp.domain.extract.document import Hints
from data411_mcp.errors import LookupFailed
from data411_mcp.services.icp.enriching.model import (
    CHUNK_CHARS_MAX,
    PAGE_CHARS_MAX,
    chunks_of,
    trimmed,
)
from data411_mcp.services.icp.enriching.pages import FastPages, crawlable, read_site
from data411_mcp.services.icp.enriching.people import plain_name
from data411_mcp.services.ports.icp import EmployeesFound, LinkedinPage, ReadPolicy
from data411_mcp.services.shelf import Shelf, read_page
from tests.icp.enriching_world import enriching_world, open_enricher, site_of
from tests.services.session_world import write_site

BASE = "https://alderpump.example"


def page(url: str, html: str) -> Page:
    import hashlib

    from data411_mcp.domain.extract.decode import decode

    body = html.encode()
    document = decode(body, content_type="text/html", url=url)
    return Page(
        url=url, final_url=url, sha256=hashlib.sha256(body).hexdigest(), text=document.text,
        decoder=document.decoder, reader="direct", fetched_at="2026-03-01T00:00:00+00:00",
        body=body,
    )  # fmt: skip


def read(url: str, text: str) -> ReadPage:
    return read_page(page(url, f"<html><body><p>{text}</p></body></html>"), Hints())


# --- addresses --------------------------------------------------------------------------------


def test_patterns_scripts_mail_and_telephone_links_are_not_read() -> None:
    urls = [
        f"{BASE}/team", f"{BASE}/*", "javascript:void(0)", "mailto:office@alderpump.example",
        "tel:+16145550111", "ftp://alderpump.example/x", "//alderpump.example/x", "",
        f" {BASE}/team#top", "HTTPS://alderpump.example/Jobs", "https://[bad/x", "https:///x",
    ]  # fmt: skip
    assert crawlable(urls) == [f"{BASE}/team", "HTTPS://alderpump.example/Jobs"]


@given(st.lists(st.text(max_size=30)))
def test_whatever_stands_in_a_link_only_web_addresses_are_kept(urls: list[str]) -> None:
    assert all(u.casefold().startswith(("http://", "https://")) for u in crawlable(urls))


# --- reading a site ---------------------------------------------------------------------------


class Site:
    """A reader of pages that are there, missing, or never come."""

    def __init__(self, pages: dict[str, str | None]) -> None:
        self.pages = pages  # path → HTML; None: it never comes
        self.asked: list[str] = []

    async def read_fast(self, url: str, policy: ReadPolicy, *, deadline_seconds: float) -> Page:
        self.asked.append(url)
        path = "/" + url.split("/", 3)[3]
        if path not in self.pages:
            raise LookupFailed("not_found")
        html = self.pages[path]
        if html is None:
            await anyio.sleep_forever()
        return page(url, html or "")


def shelf_of(site: Site, quota: int = 10) -> Shelf:
    return Shelf(FastPages(site, ReadPolicy()), Hints(), quota, 30.0)


def html_of(title: str, body: str) -> str:
    return f"<html><head><title>{title}</title></head><body><h1>{title}</h1>{body}</body></html>"


LONG = "<p>" + "We repair pumps for farms and schools in and around Columbus, Ohio. " * 6 + "</p>"
LINKS = "".join(f'<a href="/{p}">{p}</a> ' for p in ("contact", "team", "imprint", "about-us"))


async def test_no_more_pages_are_read_than_the_crawl_may_read() -> None:
    paths = ("contact-us", "about", "contact", "team", "imprint", "about-us")
    site = Site({f"/{p}": html_of(p, LONG + p) for p in paths})
    site.pages["/"] = html_of("Home", LONG + LINKS)
    found = await read_site(shelf_of(site), "alderpump.example", pages_max=3)
    assert len(found.pages) == 3
    assert found.pages[0].page.url == f"{BASE}/"
    assert len(site.asked) <= 5


async def test_the_guesses_that_never_come_are_left_out_after_a_while() -> None:
    site = Site({"/": html_of("Home", LONG), "/contact-us": None, "/about": None})
    found = await read_site(shelf_of(site), "alderpump.example", pages_max=6, patience_seconds=0.05)
    assert [p.page.url for p in found.pages] == [f"{BASE}/"]
    assert found.degraded == []


async def test_one_body_under_several_addresses_is_one_page() -> None:
    home = html_of("Home", LONG)
    site = Site({"/": home, "/contact-us": home, "/about": home})
    found = await read_site(shelf_of(site), "alderpump.example", pages_max=6)
    assert len(found.pages) == 1


async def test_a_site_under_www_only_is_found() -> None:
    class Www(Site):
        async def read_fast(self, url: str, policy: ReadPolicy, *, deadline_seconds: float) -> Page:
            if "//www." not in url:
                self.asked.append(url)
                raise LookupFailed("tls")
            return await super().read_fast(url, policy, deadline_seconds=deadline_seconds)

    found = await read_site(
        shelf_of(Www({"/": html_of("Home", LONG)})), "alderpump.example", pages_max=6
    )
    assert [p.page.url for p in found.pages] == ["https://www.alderpump.example/"]


async def test_a_thin_site_says_so() -> None:
    site = Site({"/": html_of("Home", "<p>Pumps.</p>")})
    found = await read_site(shelf_of(site), "alderpump.example", pages_max=6)
    assert found.degraded == ["CRAWL_THIN"]


# --- chunks -----------------------------------------------------------------------------------


@given(
    st.lists(st.integers(min_value=0, max_value=30_000), max_size=8),
    st.integers(min_value=0, max_value=4),
)
def test_a_model_never_gets_more_or_longer_chunks_than_agreed(sizes: list[int], count: int) -> None:
    one = read(f"{BASE}/", "pumps")
    pages = [replace(one, page=replace(one.page, text="pump " * (n // 5))) for n in sizes]
    chunks = chunks_of(pages, count=count)
    assert len(chunks) <= count
    for chunk in chunks:
        assert sum(len(text) for _, text in chunk) <= CHUNK_CHARS_MAX
        assert all(len(text) <= PAGE_CHARS_MAX for _, text in chunk)


def test_a_trimmed_chunk_has_the_same_pages_and_less_of_each() -> None:
    chunk = [(f"{BASE}/", "x" * 1000), (f"{BASE}/about", "y" * 10)]
    assert [(u, len(t)) for u, t in trimmed(chunk)] == [(f"{BASE}/", 600), (f"{BASE}/about", 6)]


@pytest.mark.parametrize("count", [0, -1])
def test_no_chunk_is_made_when_none_is_allowed(count: int) -> None:
    assert chunks_of([read(f"{BASE}/", "pumps")], count=count) == []


# --- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("Jane Tan", "Jane Tan"),
        ("Dr. Jane  Tan, MBA, PMP", "Dr. Jane Tan"),
        ("Jane Tan 🚀 (she/her)", "Jane Tan"),
        ('Robert "Bob" O’Neill-Hall', "Robert O’Neill-Hall"),
        ("Jane Tan | We are hiring!", "Jane Tan"),
        ("Jane", ""),
        ("陳偉明", "陳偉明"),
        ("12345 67", ""),
        ("x " * 60, ""),
        ("", ""),
    ],
)
def test_a_profile_name_becomes_the_name_of_a_person(raw: str, name: str) -> None:
    assert plain_name(raw) == name


@given(st.text(max_size=120))
def test_no_profile_name_is_too_much(raw: str) -> None:
    assert len(plain_name(raw)) <= 80


# --- the vendor's turns -----------------------------------------------------------------------


class Slow:
    """A LinkedIn vendor that counts how many wait for it at once."""

    def __init__(self) -> None:
        self.now = self.most = 0

    def configured(self) -> bool:
        return True

    async def linkedin_company(self, domain: str, *, deadline_seconds: float) -> str | None:
        return None

    async def linkedin_page(self, domain: str, *, deadline_seconds: float) -> LinkedinPage | None:
        self.now += 1
        self.most = max(self.most, self.now)
        await anyio.sleep(0.05)
        self.now -= 1
        return None

    async def employees(
        self, company_url: str, *, titles: Sequence[str], max_items: int, deadline_seconds: float
    ) -> EmployeesFound:
        raise AssertionError("no page was found")

    search_profiles = employees


async def test_at_most_three_companies_of_a_run_wait_for_the_linkedin_vendor(
    tmp_path: Path,
) -> None:
    world = enriching_world(tmp_path / "world")
    domains = [f"firm{n}.example" for n in range(6)]
    for n, domain in enumerate(domains):
        write_site(world, domain, **site_of(f"Firm {n} Valves"))
    async with open_enricher(tmp_path, world) as lab:
        slow = Slow()
        lab.enricher.people = lambda _tenant: slow
        async with anyio.create_task_group() as tasks:
            for domain in domains:
                tasks.start_soon(lab.enrich, domain)
        assert slow.most == 3
        assert len(lab.told.events) == 6
