"""What the register adapters share: one client, one total deadline, one way to keep a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from data411_mcp import __version__
from data411_mcp.adapters.vendors.api_page import body_text
from data411_mcp.adapters.vendors.errors import VendorHttp, VendorReply, check_status
from data411_mcp.errors import LookupFailed
from data411_mcp.services.ports import Clock, RegistryQuery, RegistryRecord, Store
from data411_mcp.settings import Settings

RECORDS_MAX = 10
NAMES_MAX = 3  # names of one company that a register is asked for


@dataclass
class Register:
    """`tenant` owns the stored pages. Subclasses implement `ports.Registry`; what they remember
    between look-ups is the register's own, and shared by `for_tenant`."""

    http: VendorHttp
    store: Store
    clock: Clock
    settings: Settings
    tenant: str

    def for_tenant(self, tenant: str) -> Self:
        """The same register, storing its pages for another tenant."""
        return replace(self, tenant=tenant)

    @property
    def user_agent(self) -> str:
        """Names a contact, as SEC EDGAR and Wikidata demand."""
        return f"data411-mcp/{__version__} ({self.settings.contact_email})"

    async def get(
        self,
        url: str,
        *,
        until: float,
        params: Mapping[str, str] | None = None,
        accept: str = "application/json",
    ) -> VendorReply:
        """One GET, checked for its status. `until` is on the clock's monotonic scale.

        Raises LookupFailed or VendorUnusable.
        """
        remaining = until - self.clock.monotonic()
        if remaining <= 0:
            raise LookupFailed("timeout")
        reply = await self.http.call(
            "GET",
            url,
            headers={"accept": accept, "user-agent": self.user_agent},
            params=params,
            deadline_seconds=remaining,
        )
        check_status(reply, self.clock.now())
        return reply

    async def get_text(
        self,
        url: str,
        *,
        until: float,
        params: Mapping[str, str] | None = None,
        accept: str = "application/json",
    ) -> str | None:
        """The JSON text of one GET; None when the register has no such thing (404)."""
        try:
            reply = await self.get(url, until=until, params=params, accept=accept)
        except LookupFailed as failed:
            if failed.reason == "not_found":
                return None
            raise
        return body_text(reply.body)

    async def keep(self, records: list[RegistryRecord]) -> tuple[RegistryRecord, ...]:
        """Stores the pages of at most `RECORDS_MAX` records and returns those records."""
        kept = tuple(records[:RECORDS_MAX])
        for record in kept:
            await self.store.put_page(self.tenant, record.page)
        return kept


def names_of(query: RegistryQuery) -> tuple[str, ...]:
    """The names to ask for: the lead's own first, without blanks and repetitions."""
    names = (query.name or "", *query.names)
    return tuple(dict.fromkeys(n.strip() for n in names if n.strip()))[:NAMES_MAX]
