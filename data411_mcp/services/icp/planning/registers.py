"""Companies that registers list under the winners' trade, beside what the searches bring up.

A register that names websites gives candidates at once. Of one that names none a few companies are
looked up by name; where nothing fits they are left out, for a guessed site would be somebody
else's. All of it has a few seconds, and none of it ends a plan.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from heapq import merge

import anyio

from data411_mcp.domain.icp.profile import country_name
from data411_mcp.domain.icp.registers import (
    RegisteredCompany,
    RegisterWish,
    candidate_of,
    unknown_ones,
)
from data411_mcp.domain.icp.values import Candidate, Customer
from data411_mcp.errors import LookupFailed, VendorUnusable
from data411_mcp.services.icp.planning.discovery import SEARCHES_AT_ONCE, resolve_domain
from data411_mcp.services.ports import SearchEngine
from data411_mcp.services.ports.icp import CompaniesByIndustry

REGISTER_SECONDS = 5.0  # of each register, its companies' websites included
COMPANIES_MAX = 30  # of one register
NAMES_MAX = 8  # looked up for their website: each is a search
UNAVAILABLE = "REGISTRY_UNAVAILABLE"
NO_WEBSITE = "no_website_found"  # beside the reasons of `Drop`


@dataclass
class Registered:
    """Candidates by register, in its order; how many were left out, by reason; and whether one of
    the registers failed."""

    by_register: dict[str, list[Candidate]] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    failed: bool = False

    @property
    def count(self) -> int:
        return sum(map(len, self.by_register.values()))

    @property
    def degraded(self) -> tuple[str, ...]:
        return (UNAVAILABLE,) if self.failed else ()

    def beside(self, searched: Sequence[Candidate]) -> tuple[Candidate, ...]:
        """Rank by rank: the first of a register after the first of the searches, and so on."""
        lists = (searched, *self.by_register.values())
        return tuple(merge(*lists, key=lambda candidate: candidate.rank))


@dataclass
class RegisterReader:
    """Asks the registers of one plan. `known`: names of customers, lost ones and the user's own
    company, which are no lookalikes."""

    registers: Sequence[CompaniesByIndustry]
    search: SearchEngine | None
    known: Collection[str]
    seconds: float = REGISTER_SECONDS

    async def ask(self, wish: RegisterWish, found: Registered) -> None:
        """Never raises for a register or vendor; `found` has what came in time."""
        if not wish.countries:
            return
        async with anyio.create_task_group() as tasks:
            for register in self.registers:
                found.by_register[register.name] = []
                tasks.start_soon(self._one, register, wish, found)

    async def _one(
        self, register: CompaniesByIndustry, wish: RegisterWish, found: Registered
    ) -> None:
        until = anyio.current_time() + self.seconds
        try:
            with anyio.fail_after(self.seconds):
                rows = await register.companies(
                    wish, limit=COMPANIES_MAX, deadline_seconds=self.seconds
                )
        except (LookupFailed, VendorUnusable, TimeoutError):
            found.failed = True
            return
        rows = unknown_ones(rows, self.known)
        sited = [(row, row.domain) for row in rows if row.domain]
        if bare := [row for row in rows if not row.domain][:NAMES_MAX]:
            sites = await self._sites(bare, until)
            sited += [(row, site) for row in bare if (site := sites.get(row.url))]
            found.dropped[NO_WEBSITE] = found.dropped.get(NO_WEBSITE, 0) + len(bare) - len(sites)
        found.by_register[register.name] = [
            candidate_of(row, domain, register.name, rank)
            for rank, (row, domain) in enumerate(sited, 1)
        ]

    async def _sites(self, rows: Sequence[RegisteredCompany], until: float) -> dict[str, str]:
        """The websites that were found in time, by the row's address. The country goes into the
        search: a namesake abroad is another company."""
        sites: dict[str, str] = {}
        places = anyio.Semaphore(SEARCHES_AT_ONCE)

        async def look(row: RegisteredCompany) -> None:
            async with places:
                place = country_name(row.country) if row.country else ""
                site = await resolve_domain(self.search, Customer(name=row.name), place)
            if site is not None:
                sites[row.url] = site

        with anyio.move_on_after(until - anyio.current_time()):
            async with anyio.create_task_group() as tasks:
                for row in rows:
                    tasks.start_soon(look, row)
        return sites
