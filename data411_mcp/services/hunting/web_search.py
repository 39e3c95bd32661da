"""Keyless search: reads the pages behind the hits. Hits are leads to read, never evidence."""

from __future__ import annotations

from data411_mcp.domain.evidence import ReadPage
from data411_mcp.domain.hosts import SHARED_HOSTS, registrable_domain
from data411_mcp.domain.slots import GROUND
from data411_mcp.errors import VendorUnusable
from data411_mcp.services.hunting.brief import Brief, Haul, findings_on

SEARCH_DEADLINE_SECONDS = 12.0
HITS_MAX = 8
PAGES_MAX = 6


def queries(brief: Brief) -> tuple[str, ...]:
    """One query for the company in its place, one for its phone or its people."""
    lead = brief.lead
    place = " ".join(x for x in (lead.city, lead.state) if x)
    name = lead.company or brief.identity.name or brief.domain or ""
    first = " ".join(x for x in (f'"{name}"' if name else "", place, "contact") if x)
    numbers = [n for n in (lead.number1, lead.number2) if n]
    second = " ".join(
        x for x in (name, lead.dm_name or "", lead.street or place, *numbers[:1]) if x
    )
    return tuple(dict.fromkeys(q[:390] for q in (first, second) if q.strip()))


async def search_pages(brief: Brief, slot: str = "") -> tuple[list[ReadPage], list[str]]:
    """Pages behind the hits, and degraded reasons. Raises VendorUnusable or LookupFailed."""
    engine = brief.sources.search
    if engine is None:
        raise VendorUnusable("not_configured")
    urls: dict[str, None] = {}
    for query in queries(brief):
        hits = await engine.search(
            query, max_results=HITS_MAX, deadline_seconds=SEARCH_DEADLINE_SECONDS
        )
        urls.update(dict.fromkeys(h.url for h in hits))
        if len(urls) >= PAGES_MAX:
            break
    wanted = [u for u in urls if registrable_domain(u) not in SHARED_HOSTS]
    pages = await brief.shelf.read_all(wanted[:PAGES_MAX], slot)
    degraded = sorted({f"page:{brief.shelf.failed[u]}" for u in wanted if u in brief.shelf.failed})
    return pages, degraded


async def hunt_search(brief: Brief) -> Haul:
    """Hunt Ground without a model: what our own extraction reads on the pages found."""
    pages, degraded = await search_pages(brief, GROUND)
    haul = Haul(provider="tavily", degraded=degraded)
    for read in pages:
        brief.page_read(read.page.final_url)
        haul.findings += findings_on(read, GROUND)
    return haul
