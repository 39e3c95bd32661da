"""What a proof needs to know of a stored graph."""

from __future__ import annotations

from datetime import datetime, timedelta

from data411_mcp.domain.graph import Backfill, FieldName, Status
from data411_mcp.domain.lead import LeadKey
from data411_mcp.domain.merge import statements_of, vouched_hosts
from data411_mcp.domain.proof import Circumstances


def circumstances(
    graph: Backfill, key: LeadKey, *, now: datetime, stale_after_days: int
) -> Circumstances:
    """The company, its country (the lead's, else the proven one), the day, the caller's sites."""
    return Circumstances(
        identity=graph.identity,
        country=key.country or _proven_country(graph),
        stale_before=(now - timedelta(days=stale_after_days)).date(),
        vouched=vouched_hosts(graph),
    )


def _proven_country(graph: Backfill) -> str | None:
    return next(
        (
            s.value
            for s in statements_of(graph)
            if s.field is FieldName.HQ_COUNTRY and s.status is Status.PROVEN
        ),
        None,
    )
