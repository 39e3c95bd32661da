"""GLEIF: legal entities by LEI. https://www.gleif.org/en/lei-data/gleif-api, no key, 60 a minute.

Names are searched as legal name, then among all names, then fuzzily; the first search that finds
an alike name ends the hunt. `registeredAs` of a Singapore entity is its UEN.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from data411_mcp.adapters.vendors.api_page import FactReader, Step, api_page, elements, locate
from data411_mcp.adapters.vendors.company_names import ALIKE_MIN, likeness
from data411_mcp.adapters.vendors.register import Register, names_of
from data411_mcp.domain.graph import FieldName
from data411_mcp.domain.legal_forms import strip_legal_form
from data411_mcp.errors import LookupFailed
from data411_mcp.services.ports import RegistryQuery, RegistryRecord

BASE_URL = "https://api.gleif.org/api/v1"
ACCEPT = "application/vnd.api+json"
PAGE_SIZE = 50
COMPLETIONS_MAX = 10
_ENTITY: tuple[Step, ...] = ("attributes", "entity")
_PARENT_LINK: tuple[Step, ...] = ("relationships", "direct-parent", "links", "lei-record")


@dataclass
class Gleif(Register):
    base_url: str = BASE_URL
    name = "GLEIF"

    async def lookup(
        self, query: RegistryQuery, *, deadline_seconds: float
    ) -> tuple[RegistryRecord, ...]:
        """At most three searches a name, and one more call for the best row's parent."""
        until = self.clock.monotonic() + deadline_seconds
        names = names_of(query)
        for name in names:
            rows = await self._search(name, names, until)
            if rows:
                return await self.keep(await self._records(rows, query, names, until))
        return ()

    async def _search(self, name: str, names: tuple[str, ...], until: float) -> list[str]:
        """Raw rows with an alike name."""
        # A comma in a filter means "or" to this vendor.
        wanted = " ".join(strip_legal_form(name).replace(",", " ").split()) or name
        for field in ("filter[entity.legalName]", "filter[entity.names]"):
            rows = await self._rows({field: wanted, "page[size]": str(PAGE_SIZE)}, until)
            found = [row for row in rows if _likeness(row, names) >= ALIKE_MIN]
            if found:
                return found
        leis = await self._completions(wanted, names, until)
        if not leis:
            return []
        rows = await self._rows({"filter[lei]": ",".join(leis)}, until)
        return [row for row in rows if _likeness(row, names) >= ALIKE_MIN]

    async def _rows(self, params: dict[str, str], until: float) -> tuple[str, ...]:
        text = await self.get_text(
            f"{self.base_url}/lei-records", params=params, until=until, accept=ACCEPT
        )
        return elements(text, "data") if text else ()

    async def _completions(self, name: str, names: tuple[str, ...], until: float) -> list[str]:
        """LEIs of fuzzily found names that are alike after all."""
        text = await self.get_text(
            f"{self.base_url}/fuzzycompletions",
            params={"field": "entity.legalName", "q": name},
            until=until,
            accept=ACCEPT,
        )
        leis = []
        for row in elements(text, "data") if text else ():
            reader = FactReader(row)
            lei = reader.text_at("relationships", "lei-records", "data", "id")
            if lei and likeness(reader.text_at("attributes", "value"), names) >= ALIKE_MIN:
                leis.append(lei)
        return list(dict.fromkeys(leis))[:COMPLETIONS_MAX]

    async def _records(
        self, rows: list[str], query: RegistryQuery, names: tuple[str, ...], until: float
    ) -> list[RegistryRecord]:
        rows.sort(key=lambda row: _rank(row, query, names), reverse=True)
        parent = await self._parent(rows[0], until)
        records = [self._record(rows[0], parent)]
        return records + [self._record(row, None) for row in rows[1:]]

    async def _parent(self, row: str, until: float) -> str | None:
        """The raw `legalName` object of the direct parent, where the row reports one."""
        lei = _lei(row)
        if locate(row, *_PARENT_LINK) is None or not lei:
            return None
        try:
            text = await self.get_text(
                f"{self.base_url}/lei-records/{lei}/direct-parent", until=until, accept=ACCEPT
            )
        except LookupFailed:
            return None  # the entity itself was found: a parent is only the better for it
        found = locate(text, "data", *_ENTITY, "legalName") if text else None
        return text[found.value_start : found.end] if text and found else None

    def _record(self, row: str, parent: str | None) -> RegistryRecord:
        lei = _lei(row)
        text = row if parent is None else f"{row}\n{parent}"
        page = api_page(f"{self.base_url}/lei-records/{lei}", text, self.clock)
        reader = FactReader(page.text)
        entity_facts(reader)
        if parent is not None:
            of_parent = FactReader(page.text, at=len(row) + 1, facts=reader.facts)
            of_parent.add(FieldName.PARENT, "name")
        hq = (*_ENTITY, "headquartersAddress")
        return RegistryRecord(
            registry=self.name,
            record_id=lei,
            name=reader.text_at(*_ENTITY, "legalName", "name"),
            page=page,
            facts=tuple(reader.facts),
            country=reader.text_at(*hq, "country") or None,
            state=reader.text_at(*hq, "region").rpartition("-")[2] or None,
            city=reader.text_at(*hq, "city") or None,
            status=reader.text_at(*_ENTITY, "status") or None,
        )


def _lei(row: str) -> str:
    """The LEI, or "" when it is not 18 to 20 letters and digits: it becomes part of a path."""
    lei = FactReader(row).text_at("attributes", "lei") or FactReader(row).text_at("id")
    return lei if re.fullmatch(r"[A-Z0-9]{18,20}", lei) else ""


def _names_in(row: str) -> list[str]:
    reader = FactReader(row)
    others = elements(row, *_ENTITY, "otherNames")
    names = [reader.text_at(*_ENTITY, "legalName", "name")]
    return [n for n in (*names, *(FactReader(o).text_at("name") for o in others)) if n]


def _likeness(row: str, names: tuple[str, ...]) -> float:
    if not _lei(row):
        return 0.0
    return max((likeness(n, names) for n in _names_in(row)), default=0.0)


def _rank(row: str, query: RegistryQuery, names: tuple[str, ...]) -> tuple[bool, bool, bool, float]:
    """Active rows of the right town and country first, then by name."""
    reader = FactReader(row)
    places = [(*_ENTITY, "headquartersAddress"), (*_ENTITY, "legalAddress")]
    city = (query.city or "").casefold()
    return (
        any(query.country and reader.text_at(*p, "country") == query.country for p in places),
        any(city and reader.text_at(*p, "city").casefold() == city for p in places),
        reader.text_at(*_ENTITY, "status") == "ACTIVE",
        _likeness(row, names),
    )


def entity_facts(reader: FactReader) -> None:
    """Everything one LEI record says about its entity."""
    hq, legal = (*_ENTITY, "headquartersAddress"), (*_ENTITY, "legalAddress")
    lei = reader.text_at("attributes", "lei")
    reader.add(FieldName.LEGAL_NAME, *_ENTITY, "legalName", "name")
    reader.add(FieldName.REGISTRY_ID, "attributes", "lei", value=f"GLEIF:{lei}", kind="GLEIF")
    _other_names(reader)
    _add_address(reader, legal, "registered")
    _add_address(reader, hq, "hq")
    reader.add(FieldName.HQ_CITY, *hq, "city")
    reader.add(FieldName.HQ_COUNTRY, *hq, "country")
    created = re.match(r"\d{4}", reader.text_at(*_ENTITY, "creationDate"))
    if created:
        reader.add(FieldName.INCORPORATION_YEAR, *_ENTITY, "creationDate", value=created[0])
    number = reader.text_at(*_ENTITY, "registeredAs")
    if number and reader.text_at(*_ENTITY, "jurisdiction") == "SG":
        reader.add(
            FieldName.REGISTRY_ID, *_ENTITY, "registeredAs", value=f"UEN:{number}", kind="UEN"
        )


def _other_names(reader: FactReader) -> None:
    for i in range(len(elements(reader.text, *_ENTITY, "otherNames"))):
        at = (*_ENTITY, "otherNames", i)
        if reader.text_at(*at, "type") == "TRADING_OR_OPERATING_NAME":
            reader.add(FieldName.TRADE_NAME, *at, "name")


def _add_address(reader: FactReader, at: tuple[Step, ...], kind: str) -> None:
    lines = locate(reader.text, *at, "addressLines")
    if lines is None or not isinstance(lines.value, list):
        return
    street = [str(line).strip() for line in lines.value if line]
    region = reader.text_at(*at, "region").rpartition("-")[2]
    place = [reader.text_at(*at, "city"), f"{region} {reader.text_at(*at, 'postalCode')}".strip()]
    parts = [*street, *place, reader.text_at(*at, "country")]
    if street:
        value = ", ".join(part for part in parts if part)
        reader.add(FieldName.ADDRESS, *at, value=value, kind=kind)
