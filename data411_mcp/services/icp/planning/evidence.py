"""What the user's own site, the best customers' and the lost ones' sites say of themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import anyio
import anyio.to_thread
from pydantic import BaseModel, ConfigDict

from data411_mcp.domain.evidence import ReadPage
from data411_mcp.domain.hosts import registrable_domain
from data411_mcp.domain.icp.acra import name_key
from data411_mcp.domain.icp.hygiene import host_verdict
from data411_mcp.domain.icp.reflection import Decisions, Metrics, Phase
from data411_mcp.domain.icp.values import Customer, Intake, SiteSignals
from data411_mcp.services.icp.planning.discovery import resolve_domain
from data411_mcp.services.icp.planning.reading import (
    EMPTY,
    TIMEOUTS,
    Patience,
    Reads,
    policy_of,
    read_enough,
)
from data411_mcp.services.ports import SearchEngine
from data411_mcp.services.ports.icp import FastReader

PATIENCE = Patience(soft=5.0, hard=11.0)
NAMES_RESOLVED_MAX = 5

Signals = Callable[[str, str, Sequence[ReadPage]], SiteSignals]
"""(domain, name, pages) → what they say. Pure; may take tens of milliseconds."""


class SiteEvidence(BaseModel):
    """What was read, for the checkpoint. A seed whose site could not be read is there with its
    reasons, so that counts stay true. `notes` are for the user."""

    model_config = ConfigDict(frozen=True)

    own: SiteSignals | None = None
    seeds: tuple[SiteSignals, ...] = ()
    lost: tuple[SiteSignals, ...] = ()
    reasons: tuple[str, ...] = ()  # the lost ones' reasons, side by side with `lost`
    notes: tuple[str, ...] = ()
    metrics: Metrics = Metrics(phase=Phase.EVIDENCE)

    @property
    def read(self) -> tuple[SiteSignals, ...]:
        return tuple(s for s in self.seeds if s.text)

    @property
    def degraded(self) -> tuple[str, ...]:
        sites = (*([self.own] if self.own else []), *self.seeds, *self.lost)
        return tuple(sorted({reason for site in sites for reason in site.degraded}))


@dataclass
class EvidenceReader:
    """Reads the sites of one plan."""

    reader: FastReader
    search: SearchEngine | None
    signals: Signals
    decisions: Decisions
    patience: Patience = PATIENCE
    _notes: list[str] = field(default_factory=list)

    async def gather(self, intake: Intake) -> SiteEvidence:
        """Never raises for a site or vendor."""
        began = anyio.current_time()
        customers = await self._with_domains(once(intake.customers))
        lost = list(intake.lost)
        domains = [intake.domain, *(c.domain for c, _ in customers), *(c.domain for c in lost)]
        urls = [home_of(d) for d in domains if d]
        reads = await read_enough(self.reader, urls, policy_of(self.decisions), self.patience)
        own = await self._site(intake.domain, "", reads) if intake.domain is not None else None
        seeds = [await self._of(c, reads, why) for c, why in customers]
        gone = [await self._of(c, reads, ()) for c in lost]
        return SiteEvidence(
            own=own,
            seeds=tuple(seeds),
            lost=tuple(gone),
            reasons=tuple(c.reason for c in lost),
            notes=tuple(self._notes),
            metrics=Metrics(
                phase=Phase.EVIDENCE,
                wanted=len(reads.pages) + len(reads.failed),
                read=len(reads.pages),
                timeouts=reads.timeouts,
                empty=reads.empty,
                hedged=reads.hedged,
                seconds=round(anyio.current_time() - began, 2),
            ),
        )

    async def _with_domains(
        self, customers: Sequence[Customer]
    ) -> list[tuple[Customer, tuple[str, ...]]]:
        """Those without a domain looked up by name, side by side; with the reasons to note."""
        found: dict[int, str | None] = {}

        async def look(at: int) -> None:
            found[at] = await resolve_domain(self.search, customers[at])

        bare = [i for i, c in enumerate(customers) if not c.domain][:NAMES_RESOLVED_MAX]
        async with anyio.create_task_group() as tasks:
            for at in bare:
                tasks.start_soon(look, at)
        out: list[tuple[Customer, tuple[str, ...]]] = []
        for at, customer in enumerate(customers):
            if customer.domain:
                out.append((customer, ()))
            elif found.get(at):
                named = customer.model_copy(update={"domain": found[at]})
                out.append((named, ("DOMAIN_SEARCH_FALLBACK",)))
            else:
                out.append((customer, ("DATA_EMPTY:no_domain_name",)))
        return out

    async def _of(self, customer: Customer, reads: Reads, why: Sequence[str]) -> SiteSignals:
        if not customer.domain:
            return SiteSignals(domain="", name=customer.name, degraded=tuple(why))
        if (page := reads.pages.get(home_of(customer.domain))) and not _of_customer(customer, page):
            self._notes.append(
                f"{customer.domain} leads to {registrable_domain(page.page.final_url)}, where "
                f"{customer.name or 'nothing'} is not spoken of: it was not read."
            )
            return SiteSignals(
                domain=customer.domain, name=customer.name, degraded=(*why, "CRAWL_ERROR")
            )
        site = await self._site(customer.domain, customer.name, reads)
        return site.model_copy(update={"degraded": (*why, *site.degraded)})

    async def _site(self, domain: str, name: str, reads: Reads) -> SiteSignals:
        return await site_of(domain, name, reads, self.signals)


async def site_of(domain: str, name: str, reads: Reads, signals: Signals) -> SiteSignals:
    """The site's signals, or an empty one with the reason."""
    url = home_of(domain)
    page = reads.pages.get(url)
    if page is None:
        reason = reads.failed.get(url, "")
        word = (
            "JINA_TIMEOUT"
            if reason in TIMEOUTS
            else "DATA_EMPTY:jina_home"
            if reason in EMPTY
            else "CRAWL_ERROR"
        )
        return SiteSignals(domain=domain, name=name, degraded=(word,))
    # In a thread, beside other chats; a caller that gives up does not wait for it.
    site = await anyio.to_thread.run_sync(signals, domain, name, [page], abandon_on_cancel=True)
    if not site.text.strip():  # an error page, a parked domain
        return site.model_copy(update={"degraded": (*site.degraded, "DATA_EMPTY:jina_home")})
    return site


def _of_customer(customer: Customer, page: ReadPage) -> bool:
    """Whether the page that a customer's address led to is theirs: on their own domain, or on one
    of the same name, or a page that calls them by name (they were renamed or bought)."""
    asked, landed = customer.domain or "", registrable_domain(page.page.final_url)
    if landed == asked or landed.partition(".")[0] == asked.partition(".")[0]:
        return True
    if host_verdict(landed)[1] is not None:
        return False
    name, said = name_key(customer.name), name_key(page.document.text)
    return bool(name) and f" {name} " in f" {said} "


def home_of(domain: str) -> str:
    return f"https://{domain}/"


def once(customers: Sequence[Customer]) -> tuple[Customer, ...]:
    """Each company once, also where it was handed in twice: by domain, else by name."""
    seen: dict[str, Customer] = {}
    for customer in customers:
        seen.setdefault(customer.domain or customer.name.casefold().strip(), customer)
    return tuple(seen.values())
