"""The use cases of one process, as the interfaces see them. app.py builds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the interfaces name these types before anything is opened
    from data411_mcp.services.access import Access
    from data411_mcp.services.accounts import Accounts
    from data411_mcp.services.callbacks import Callbacks
    from data411_mcp.services.desks import Desks
    from data411_mcp.services.enrichment import Enrichment
    from data411_mcp.services.graph_edits import GraphEdits
    from data411_mcp.services.graph_views import GraphViews
    from data411_mcp.services.icp.desk import IcpDesk
    from data411_mcp.services.icp.nightly import Nightly
    from data411_mcp.services.ports import Clock, JobRunner, Store
    from data411_mcp.services.routes import Route


@dataclass(frozen=True)
class Services:
    tenant: str  # of a caller that brings no key: stdio and the command line
    answer_within_seconds: float
    store: Store
    runner: JobRunner
    clock: Clock
    leads: Enrichment
    routes: Mapping[str, Route]  # by name, `leads` among them
    accounts: Accounts
    access: Access
    callbacks: Callbacks
    desks: Desks
    edits: GraphEdits
    views: GraphViews
    icp: IcpDesk
    billing: str
    configured: frozenset[str]  # llm, jina_key, tavily_key: what doctor reports too
    nightly: Nightly


class OpensServices(Protocol):
    """Services on demand: a server lists its tools before it has opened its store."""

    async def services(self) -> Services: ...
