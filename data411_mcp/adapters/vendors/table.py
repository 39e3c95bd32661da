"""Which registers and search engines there are. A new one is its file and its row here."""

from __future__ import annotations

from typing import Protocol

from data411_mcp.adapters.vendors.edgar import Edgar
from data411_mcp.adapters.vendors.errors import VendorHttp
from data411_mcp.adapters.vendors.gleif import Gleif
from data411_mcp.adapters.vendors.rdap import Rdap
from data411_mcp.adapters.vendors.tavily import Tavily
from data411_mcp.adapters.vendors.wikidata import Wikidata
from data411_mcp.services.ports import Clock, Registry, SearchEngine, Store
from data411_mcp.settings import Settings


class TenantRegistry(Registry, Protocol):
    def for_tenant(self, tenant: str) -> Registry:
        """The same register, storing its pages for another tenant."""


def registries(
    http: VendorHttp, store: Store, clock: Clock, settings: Settings, tenant: str
) -> tuple[TenantRegistry, ...]:
    """Every register, in the order of the table. None needs a key."""
    return (
        Gleif(http, store, clock, settings, tenant),
        Edgar(http, store, clock, settings, tenant),
        Wikidata(http, store, clock, settings, tenant),
        Rdap(http, store, clock, settings, tenant),
    )


def search_engine(http: VendorHttp, clock: Clock, settings: Settings) -> SearchEngine | None:
    """The configured search engine; None when searching is switched off."""
    return Tavily(http, clock, settings) if settings.tavily_enabled else None
