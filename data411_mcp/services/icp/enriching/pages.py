"""The company's own pages, read while somebody waits: home, contact and about at once, then what
the home page links to. Nothing waits for the slowest page once the evidence suffices."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import anyio

from data411_mcp.domain.evidence import Page, ReadPage
from data411_mcp.domain.extract.links import next_pages
from data411_mcp.domain.graph import FieldName
from data411_mcp.domain.hosts import SHARED_HOSTS, registrable_domain
from data411_mcp.services.ports.icp import FastReader, ReadPolicy
from data411_mcp.services.shelf import Shelf

GUESSES = ("/contact-us", "/about")  # asked beside the home page, before its links are known
PATIENCE_SECONDS = 6.0  # for the other pages, once the home page is there
SITE_SECONDS = 30.0
MOVED = "redirects_elsewhere"
THIN_CHARS = 300  # of all pages together
DEAD = frozenset({"error", "parked"})
_SURE = 0.5  # raw score of a fact that counts as evidence
# Failures after which no other spelling of the address helps.
_DEFINITIVE = frozenset({"robots", "page_quota", "private_address"})


@dataclass
class FastPages:
    """`PageReader` over the fast reader, for a `Shelf`. `hedged` counts the pages that the site
    itself gave sooner than the reader, which had a head start."""

    reader: FastReader
    policy: ReadPolicy
    hedged: int = 0

    async def read(self, url: str, *, deadline_seconds: float, refresh: bool = False) -> Page:
        began = anyio.current_time()
        page = await self.reader.read_fast(url, self.policy, deadline_seconds=deadline_seconds)
        waited = anyio.current_time() - began
        self.hedged += page.reader == "direct" and waited >= self.policy.hedge_after
        return page

    async def offline(self) -> bool:
        return False


@dataclass
class SiteRead:
    """`pages` are alive, each body once, the home page first; `failure` says why there is no home
    page. `degraded` holds reasons of the vocabulary. `wanted` counts the pages that came or were
    waited for in vain: those are `late`."""

    pages: list[ReadPage] = field(default_factory=list)
    failure: str = ""
    wanted: int = 0
    late: int = 0
    degraded: list[str] = field(default_factory=list)


# What a reader with a browser of its own may still read.
HARD_TO_READ = frozenset({"bot_wall", "empty", "error_page", "timeout", "http_403", "http_429"})


async def read_hard(
    shelf: Shelf, reader: FastReader, domain: str, *, turns: anyio.Semaphore
) -> SiteRead:
    """The home page once more, by the third reader, where the first two could not read it."""
    policy = ReadPolicy(
        jina_timeout=2.0, jina_tries=1, hedge_after=0.0, read_timeout=5.0, tavily=True
    )
    shelf.reader = FastPages(reader, policy)
    homes = [f"https://{domain}/"]
    shelf.failed.pop(homes[0], None)
    async with turns:
        read = await shelf.read(homes[0])
    if read is None or read.facts.kind in DEAD:
        return SiteRead(failure="unreadable", degraded=["TAVILY_FAIL"])
    return _summed_up(shelf, domain, {homes[0]: read}, homes, 1)


def page_seconds(policy: ReadPolicy) -> float:
    """The longest that one page may take: every try through Jina, then the site itself."""
    return policy.jina_timeout * policy.jina_tries + policy.connect_timeout + policy.read_timeout


async def read_site(
    shelf: Shelf,
    domain: str,
    *,
    pages_max: int,
    enough: Callable[[Iterable[ReadPage]], bool] | None = None,
    patience_seconds: float = PATIENCE_SECONDS,
) -> SiteRead:
    """Read at most `pages_max` pages of the site. Raises nothing for a page."""
    if domain in SHARED_HOSTS:
        return SiteRead(failure="shared_host", degraded=["CRAWL_ERROR"])
    suffices = enough or evidence_suffices
    landed: dict[str, ReadPage] = {}
    asked: set[str] = set()
    sufficed = False
    homes = [f"https://{domain}/", f"https://www.{domain}/", f"http://{domain}/"]
    base = homes[0].rstrip("/")
    guesses = [base + path for path in GUESSES][: max(pages_max - 1, 0)]

    async def one(url: str) -> None:
        nonlocal sufficed
        asked.add(url)
        read = await shelf.read(url)
        if read is None or read.facts.kind in DEAD:
            return
        landed[url] = read
        if any(h in landed for h in homes) and suffices(landed.values()):
            sufficed = True
            reading.cancel_scope.cancel()

    async def home_then_links() -> None:
        for url in homes:
            await one(url)
            if url in landed or shelf.failed.get(url) in _DEFINITIVE or url in shelf.pages:
                break
        home = next((landed[h] for h in homes if h in landed), None)
        if home is None:
            reading.cancel_scope.cancel()
            return
        reading.cancel_scope.deadline = anyio.current_time() + patience_seconds
        links = next_pages(home.document, limit=pages_max)
        fresh = [u for u in crawlable(links) if u not in guesses and u not in homes]
        for url in fresh[: max(pages_max - 1 - len(landed), 0)]:
            reading.start_soon(one, url)

    with anyio.move_on_after(SITE_SECONDS):
        async with anyio.create_task_group() as reading:
            reading.start_soon(home_then_links)
            for url in guesses:
                reading.start_soon(one, url)
    site = _summed_up(shelf, domain, landed, homes, pages_max)
    late = {url for url in asked if shelf.failed.get(url) == "timeout"}
    if not sufficed and not site.failure:  # what was given up then was not waited for
        late |= {url for url in asked if url not in shelf.failed and url not in shelf.pages}
    site.wanted, site.late = len(late | (asked & shelf.pages.keys())), len(late)
    return site


def _summed_up(
    shelf: Shelf, domain: str, landed: dict[str, ReadPage], homes: list[str], pages_max: int
) -> SiteRead:
    # A page that was sent on to another site says nothing of this one.
    own = {u: r for u, r in landed.items() if registrable_domain(r.page.final_url) == domain}
    if any(h in landed for h in homes) and not any(h in own for h in homes):
        return SiteRead(failure=MOVED, degraded=["CRAWL_ERROR"])
    landed = own
    home = next((h for h in homes if h in landed), None)
    if home is None:
        dead = next((shelf.pages[h].facts.kind for h in homes if h in shelf.pages), "")
        reasons = [shelf.failed[h] for h in homes if h in shelf.failed]
        failure = dead or next((r for r in reasons if r), "timeout")
        return SiteRead(failure=failure, degraded=[_reason(failure)])
    ordered = [landed[home], *(landed[u] for u in sorted(landed) if u != home)]
    by_body = {read.page.sha256: read for read in reversed(ordered)}
    pages = [read for read in ordered if by_body.pop(read.page.sha256, None) is not None]
    site = SiteRead(pages=pages[:pages_max])
    if sum(read.document.visible_end for read in site.pages) < THIN_CHARS:
        site.degraded.append("CRAWL_THIN")
    return site


def _reason(failure: str) -> str:
    return {"timeout": "JINA_TIMEOUT", "empty": "DATA_EMPTY:jina_home"}.get(failure, "CRAWL_ERROR")


def evidence_suffices(pages: Iterable[ReadPage]) -> bool:
    """Somebody by name, a phone and an e-mail: what a salesperson needs is there."""
    fields = {f.field for read in pages for f in read.facts.facts if f.score >= _SURE}
    return {FieldName.PERSON, FieldName.PHONE, FieldName.EMAIL} <= fields


def crawlable(urls: Iterable[str]) -> list[str]:
    """Addresses of pages only, each once: no pattern (`*`), no `javascript:`, `mailto:`, `tel:`."""
    kept: dict[str, None] = {}
    for url in urls:
        url = url.strip()
        try:
            parts = urlsplit(url)
        except ValueError:
            continue
        web = parts.scheme.casefold() in {"http", "https"} and bool(parts.hostname)
        if web and "*" not in url and registrable_domain(parts.hostname or ""):
            kept[url.split("#", 1)[0]] = None
    return list(kept)
