"""The Registry slot: registers asked in parallel; one that fails never fails the others."""

from __future__ import annotations

import anyio

from data411_mcp.domain.evidence import Finding
from data411_mcp.domain.graph import FieldName
from data411_mcp.domain.slots import REGISTRY
from data411_mcp.errors import VendorError
from data411_mcp.services.hunting.brief import Brief, Haul
from data411_mcp.services.ports import Registry, RegistryQuery, RegistryRecord

REGISTRY_DEADLINE_SECONDS = 12.0


async def hunt_registries(brief: Brief, *, names: tuple[str, ...] = ()) -> Haul:
    """Ask every register by the lead's name and `names`, and by the domain.

    Raises the last VendorError when every register failed.
    """
    query = RegistryQuery(
        name=brief.lead.company or (names[0] if names else None),
        names=names,
        domain=brief.domain,
        country=brief.key.country,
        state=brief.lead.state,
        city=brief.lead.city,
    )
    haul = Haul(provider="registry")
    records: list[RegistryRecord] = []
    failures: list[VendorError] = []

    async def ask(registry: Registry) -> None:
        try:
            found = await registry.lookup(query, deadline_seconds=REGISTRY_DEADLINE_SECONDS)
        except VendorError as failure:
            failures.append(failure)
            haul.degraded.append(f"{registry.name.lower()}:{failure.reason}")
            return
        records.extend(found)

    async with anyio.create_task_group() as asking:
        for registry in brief.sources.registries:
            asking.start_soon(ask, registry)
    if failures and len(failures) == len(brief.sources.registries):
        raise failures[-1]
    haul.degraded.sort()
    records.sort(key=lambda r: (r.registry, r.record_id))
    haul.records = tuple(records)
    for record in records:
        brief.shelf.put(record.page)
        haul.findings += record_findings(record)
    return haul


def record_findings(record: RegistryRecord) -> list[Finding]:
    """A register's row as findings; whether the row is about this company is the proof's job."""
    return [
        Finding(
            field=FieldName(fact.field),
            value=fact.value,
            slot=REGISTRY,
            url=record.page.url,
            quote=record.page.text[fact.start : fact.end],
            kind=fact.kind,
            person=fact.person,
            start=fact.start,
            end=fact.end,
            page_sha256=record.page.sha256,
            rule=f"registry:{record.registry.lower()}",
            score=0.85,
        )
        for fact in record.facts
    ]
