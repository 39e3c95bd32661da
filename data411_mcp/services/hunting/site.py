"""The Site slot: the company's own pages, found by links and only then by guessing."""

from __future__ import annotations

from data411_mcp.domain.evidence import ReadPage
from data411_mcp.domain.extract.links import next_pages
from data411_mcp.domain.hosts import SHARED_HOSTS
from data411_mcp.domain.slots import SITE
from data411_mcp.errors import LookupFailed
from data411_mcp.services.hunting.brief import Brief, Haul, findings_on

# Asked only when the home page links to nothing of the kind.
_GUESSES = ("/contact", "/about", "/contact-us", "/about-us", "/team", "/imprint", "/impressum")
_GUESSES_MAX = 3


async def hunt_site(brief: Brief, *, pages_max: int) -> Haul:
    """Home page, then contact, about, team and imprint pages in parallel.

    Raises LookupFailed when the home page cannot be had under any of its addresses.
    """
    domain = brief.domain
    if domain is None:
        raise LookupFailed("no_domain")
    if domain in SHARED_HOSTS:
        raise LookupFailed("shared_host")
    home_url = await _home(brief, domain)
    home = brief.shelf.pages[home_url]
    haul = Haul(provider="site")
    brief.page_read(home.page.final_url)
    urls = [u for u in next_pages(home.document, limit=pages_max - 1) if u != home_url]
    guessed = not urls
    if guessed:
        base = home.page.final_url.split("/", 3)
        urls = ["/".join(base[:3]) + path for path in _GUESSES[:_GUESSES_MAX]]
    pages = [home, *await brief.shelf.read_all(urls)]
    second = _second_round(brief, pages, pages_max)
    pages += await brief.shelf.read_all(second)
    seen: set[str] = set()
    for read in pages:
        if read.page.sha256 in seen or read.facts.kind in {"error", "parked"}:
            continue
        seen.add(read.page.sha256)
        brief.page_read(read.page.final_url)
        haul.findings += findings_on(read, SITE)
    if not guessed:
        failed = {r for u, r in brief.shelf.failed.items() if u in urls}
        haul.degraded += sorted(f"page:{reason}" for reason in failed)
    if home.facts.kind in {"error", "parked"}:
        haul.degraded.append(f"home_{home.facts.kind}")
    return haul


async def _home(brief: Brief, domain: str) -> str:
    """https first, with and without www, then http; the lead's own address before all."""
    asked = (brief.lead.domain or "").strip()
    given = asked if asked.lower().startswith(("http://", "https://")) else ""
    host = asked.split("//")[-1].split("/")[0].lower() if asked and "@" not in asked else domain
    if not host.endswith(domain):
        host = domain
    tries = [given, f"https://{host}/", f"https://www.{domain}/", f"https://{domain}/",
             f"http://{host}/"]  # fmt: skip
    for url in dict.fromkeys(t for t in tries if t):
        read = await brief.shelf.read(url)
        if read is not None:
            return url
        if brief.shelf.failed.get(url) in {"robots", "page_quota"}:
            break
    reasons = [brief.shelf.failed.get(t, "") for t in tries if t]
    raise LookupFailed(next((r for r in reasons if r), "unreachable"))


def _second_round(brief: Brief, reads: list[ReadPage], pages_max: int) -> list[str]:
    """Pages that only the contact or about page links to, while the quota lasts."""
    spare = pages_max - len(reads)
    if spare <= 0:
        return []
    known = set(brief.shelf.pages) | set(brief.shelf.failed)
    known |= {r.page.final_url for r in reads}
    found: dict[str, None] = {}
    for read in reads[1:]:
        for url in next_pages(read.document, limit=pages_max):
            if url not in known:
                found[url] = None
    return list(found)[:spare]
