"""Where candidates come from: searches with the profile's own words, companies "like" the seeds,
and the user's own list. What a search brings up is something to look at, never evidence."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import anyio

from data411_mcp.domain.hosts import registrable_domain
from data411_mcp.domain.icp.acra import name_key
from data411_mcp.domain.icp.hygiene import host_verdict
from data411_mcp.domain.icp.queries import plain
from data411_mcp.domain.icp.values import Candidate, Customer
from data411_mcp.errors import LookupFailed, VendorUnusable
from data411_mcp.services.icp.planning.proposing import FALLBACK, Proposed
from data411_mcp.services.ports import SearchEngine, SearchHit

SEARCH_SECONDS = 6.0
SEARCHES_AT_ONCE = 4
RESULTS_OF_SEARCH = 20
FIRST_ROUND = 4  # queries; more only where these bring too little
DOMAINS_ENOUGH = 40  # that may be companies
SNIPPET_CHARS_MAX = 600
THROTTLED = frozenset({"rate_limited", "http_429", "too_many_requests"})

Propose = Callable[[], Awaitable[Proposed]]  # ends within a deadline of its own, and never raises


@dataclass
class Found:
    """Candidates as they came, the best ranks of every query first. `notes` are for the user."""

    candidates: list[Candidate] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    throttled: int = 0
    failed: int = 0
    unusable: bool = False
    unproposed: bool = False  # a model was asked for further words in vain

    @property
    def degraded(self) -> tuple[str, ...]:
        out = [FALLBACK] if self.unproposed else []
        if self.throttled:
            out.append("SEARCH_THROTTLED")
        if self.failed or self.unusable:
            out.append("TAVILY_FAIL")
        return tuple(out)


async def discover(
    search: SearchEngine | None,
    queries: Sequence[str],
    companies: Callable[[Sequence[Candidate]], int],
    *,
    go_on: bool = True,
    propose: Propose | None = None,
) -> Found:
    """Ask in two rounds: the second only where the first brought too few that may be companies
    (`companies` counts them) and nobody throttled us. What `propose` gives while the first one
    runs comes first in the second; where there is no second it is given up. A search that fails
    leaves a word why; nothing is raised."""
    found = Found()
    if search is None:
        found.unusable = True
        return found
    async with anyio.create_task_group() as beside:
        words = _Words()
        if propose is not None and go_on:
            beside.start_soon(words.ask, propose)
        else:
            words.there.set()
        await _round(search, queries[:FIRST_ROUND], found)
        stop = found.throttled or found.unusable or companies(found.candidates) >= DOMAINS_ENOUGH
        if go_on and not stop:
            await words.there.wait()
            found.unproposed = words.given.failed
            await _round(search, [*words.given.queries, *queries[FIRST_ROUND:]], found)
        beside.cancel_scope.cancel()
    return found


@dataclass
class _Words:
    """What is proposed, as soon as it is there."""

    given: Proposed = field(default_factory=Proposed)
    there: anyio.Event = field(default_factory=anyio.Event)

    async def ask(self, propose: Propose) -> None:
        self.given = await propose()
        self.there.set()


async def _round(search: SearchEngine, queries: Sequence[str], found: Found) -> None:
    hits: dict[str, tuple[SearchHit, ...]] = {}
    places = anyio.Semaphore(SEARCHES_AT_ONCE)

    async def one(query: str) -> None:
        async with places:
            if found.unusable or found.throttled:
                return
            try:
                with anyio.fail_after(SEARCH_SECONDS):
                    hits[query] = await search.search(
                        query, max_results=RESULTS_OF_SEARCH, deadline_seconds=SEARCH_SECONDS
                    )
            except LookupFailed as failure:
                found.throttled += failure.reason in THROTTLED
                found.failed += failure.reason not in THROTTLED
            except TimeoutError:
                found.failed += 1
            except VendorUnusable:
                found.unusable = True

    async with anyio.create_task_group() as tasks:
        for query in queries:
            tasks.start_soon(one, query)
    found.queries += [q for q in queries if q in hits]
    # Rank by rank over all queries: what several of them put first comes first.
    for rank in range(RESULTS_OF_SEARCH):
        for query in queries:
            if rank < len(hits.get(query, ())):
                found.candidates.append(_candidate(hits[query][rank], rank + 1, search.name))


def _candidate(hit: SearchHit, rank: int, engine: str) -> Candidate:
    domain = registrable_domain(hit.url)
    return Candidate(
        domain=domain,
        name=name_of(hit.title, domain),
        url=hit.url,
        source=f"search:{engine}",
        # The title says what a company is more often than the stretch around a search word.
        snippet=_once(hit.title, hit.content)[:SNIPPET_CHARS_MAX],
        rank=rank,
    )


def _once(title: str, content: str) -> str:
    title = " ".join(title.split())
    return content if not title or title.casefold() in content.casefold() else f"{title}. {content}"


def name_of(title: str, domain: str) -> str:
    """The company's part of a page title: the one that its domain abbreviates, else the first."""
    parts = [p for part in re.split(r"\s[|–—·»:-]\s", title.strip()) if (p := part.strip())]
    label = re.sub(r"[\W_]", "", domain.partition(".")[0])

    def told(part: str) -> int:
        words = re.findall(r"\w+", part.casefold())
        return sum(len(word) for word in words if len(word) > 2 and word in label)

    return max(parts, key=told, default="")[:120]  # of equals the first


async def resolve_domain(
    search: SearchEngine | None, customer: Customer, place: str = ""
) -> str | None:
    """The site of a customer that was given by name alone: the first result whose host holds the
    name's words. None where nothing fits: a wrong company is worse than none."""
    if search is None or not customer.name.strip():
        return None
    try:
        with anyio.fail_after(SEARCH_SECONDS):
            hits = await search.search(
                plain(f"{customer.name} {place} official website"), max_results=5,
                deadline_seconds=SEARCH_SECONDS,
            )  # fmt: skip
    except (LookupFailed, VendorUnusable, TimeoutError):
        return None
    words = name_key(customer.name).split()
    for hit in hits:
        domain = registrable_domain(hit.url)
        if host_verdict(domain)[1] is not None:
            continue
        label = domain.partition(".")[0].replace("-", "")
        told = name_key(hit.title).split()
        # The host begins with the name, and the page calls itself by all of it.
        if words and label.startswith(words[0]) and all(w in told or w in label for w in words):
            return domain
    return None
