"""Wikidata: what the public knows of a company. https://www.wikidata.org/wiki/Wikidata:Data_access

No key; a contactable User-Agent is demanded. First the item whose official website is the lead's
domain, else items found by name; then one SPARQL query reads their facts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from data411_mcp.adapters.vendors.api_page import FactReader, api_page, elements
from data411_mcp.adapters.vendors.company_names import ALIKE_MIN, likeness
from data411_mcp.adapters.vendors.register import Register, names_of
from data411_mcp.domain.graph import FieldName
from data411_mcp.domain.hosts import registrable_domain
from data411_mcp.services.ports import RegistryQuery, RegistryRecord

API_URL = "https://www.wikidata.org/w/api.php"
SPARQL_URL = "https://query.wikidata.org/sparql"
SPARQL_TYPE = "application/sparql-results+json"
ENTITY_DATA_URL = "https://www.wikidata.org/wiki/Special:EntityData"
ITEMS_MAX = 10
ROWS_MAX = 100
# Variable → property; a variable ending in "Label" is the label of the item the property names.
_PROPERTIES = {
    "website": "P856",
    "hq": "P159",
    "country": "P17",
    "inception": "P571",
    "industry": "P452",
    "employees": "P1128",
    "lei": "P1278",
    "linkedin": "P4264",
    "ceo": "P169",
    "parent": "P749",
}
_LABELLED = ("hq", "country", "industry", "ceo", "parent")
# An item with none of these is a film, a song or a surname, whatever it is called.
_OF_COMPANIES = ("website", "hqLabel", "industryLabel", "employees", "lei", "linkedin", "ceoLabel")


@dataclass
class Wikidata(Register):
    api_url: str = API_URL
    sparql_url: str = SPARQL_URL
    name = "WIKIDATA"

    async def lookup(
        self, query: RegistryQuery, *, deadline_seconds: float
    ) -> tuple[RegistryRecord, ...]:
        until = self.clock.monotonic() + deadline_seconds
        names = names_of(query)
        records: list[RegistryRecord] = []
        if query.domain:
            records = await self._facts(_by_website(query.domain), query, until)
        if not records:
            items = await self._search(names, until)
            if items:
                values = " ".join(f"wd:{item}" for item in items)
                found = await self._facts(f"VALUES ?item {{ {values} }}", query, until)
                asked = [r for r in found if r.record_id in items]
                records = sorted(asked, key=lambda r: items.index(r.record_id))
        return await self.keep(records)

    async def _search(self, names: tuple[str, ...], until: float) -> list[str]:
        """Ids of items with an alike label or alias, best first."""
        scored: dict[str, float] = {}
        for name in names:
            text = await self.get_text(
                self.api_url,
                params={
                    "action": "wbsearchentities",
                    "search": name,
                    "language": "en",
                    "type": "item",
                    "limit": str(ITEMS_MAX),
                    "format": "json",
                    "formatversion": "2",
                },
                until=until,
            )
            for row in elements(text, "search") if text else ():
                reader = FactReader(row)
                item = reader.text_at("id")
                called = (reader.text_at("label"), reader.text_at("match", "text"))
                score = max(likeness(c, names) for c in called)
                if re.fullmatch(r"Q[1-9]\d*", item) and score >= ALIKE_MIN:
                    scored[item] = max(score, scored.get(item, 0.0))
        return sorted(scored, key=lambda item: -scored[item])[:ITEMS_MAX]

    async def _facts(self, items: str, query: RegistryQuery, until: float) -> list[RegistryRecord]:
        """One record an item; `items` is the SPARQL pattern that binds ?item."""
        text = await self.get_text(
            self.sparql_url,
            params={"query": _sparql(items), "format": "json"},
            until=until,
            accept=SPARQL_TYPE,
        )
        rows: dict[str, str] = {}
        for row in elements(text, "results", "bindings") if text else ():
            item = FactReader(row).text_at("item", "value").rpartition("/")[2]
            if not re.fullmatch(r"Q[1-9]\d*", item):
                continue
            # Several values of a property give several rows: the one with our website counts.
            ours = query.domain and _registrable(_value(row, "website")) == query.domain
            if item not in rows or (ours and not _is_website_row(rows[item], query.domain)):
                rows[item] = row
        return [self._record(i, row) for i, row in rows.items() if _is_company(row)]

    def _record(self, item: str, row: str) -> RegistryRecord:
        page = api_page(f"{ENTITY_DATA_URL}/{item}.json", row, self.clock)
        reader = FactReader(page.text)
        _entity_facts(reader)
        return RegistryRecord(
            registry=self.name,
            record_id=item,
            name=_value(row, "itemLabel"),
            page=page,
            facts=tuple(reader.facts),
            country=_country(row) or None,
            city=_value(row, "hqLabel") or None,
            website=_value(row, "website") or None,
        )


def home_pages(domain: str) -> tuple[str, ...]:
    """The usual spellings of a home page, as terms of a query: scanning would time out."""
    host = re.sub(r"[^a-z0-9.-]", "", domain.casefold())
    return tuple(f"<{s}://{w}{host}{end}>" for s in ("https", "http") for w in ("www.", "")
                 for end in ("/", ""))  # fmt: skip


def _by_website(domain: str) -> str:
    """A union of index look-ups."""
    return " UNION ".join(f"{{ ?item wdt:P856 {url}. }}" for url in home_pages(domain))


def _sparql(items: str) -> str:
    columns = [v + "Label" if v in _LABELLED else v for v in _PROPERTIES]
    # The code is looked up inside: with ?country unbound it would be every country's.
    code = {"country": " OPTIONAL { ?country wdt:P297 ?countryCode. }"}
    optional = "\n".join(
        f"  OPTIONAL {{ ?item wdt:{prop} ?{variable}.{code.get(variable, '')} }}"
        for variable, prop in _PROPERTIES.items()
    )
    return (
        f"SELECT ?item ?itemLabel ?countryCode {' '.join(f'?{c}' for c in columns)} WHERE {{\n"
        f"  {items}\n{optional}\n"
        '  SERVICE wikibase:label { bd:serviceParam wikibase:language "en,mul". }\n'
        f"}} LIMIT {ROWS_MAX}"
    )


def _value(row: str, variable: str) -> str:
    """The value of a variable; "" when unbound, unknown, or an item without a label."""
    reader = FactReader(row)
    value = reader.text_at(variable, "value")
    if reader.text_at(variable, "type") == "bnode" or "/.well-known/genid/" in value:
        return ""
    return "" if re.fullmatch(r"Q\d+", value) else value


def _registrable(url: str) -> str:
    return registrable_domain(url).removeprefix("www.") if url else ""


def _is_website_row(row: str, domain: str | None) -> bool:
    return _registrable(_value(row, "website")) == domain


def _is_company(row: str) -> bool:
    return any(_value(row, variable) for variable in _OF_COMPANIES)


def _country(row: str) -> str:
    code = _value(row, "countryCode") or _value(row, "countryLabel")
    return code.upper() if re.fullmatch(r"[A-Za-z]{2}", code) else ""


def _entity_facts(reader: FactReader) -> None:
    row = reader.text

    def add(field: FieldName, variable: str, value: str | None = None, **more: str) -> None:
        if _value(row, variable):
            reader.add(field, variable, value=value or _value(row, variable), **more)

    add(FieldName.NAME, "itemLabel")
    website = _value(row, "website")
    add(FieldName.LINK, "website", kind="website")
    add(FieldName.WEBSITE_DOMAIN, "website", _registrable(website))
    year = re.match(r"(\d{4})-", _value(row, "inception"))
    if year:
        add(FieldName.FOUNDED_YEAR, "inception", year[1])
    add(FieldName.INDUSTRY_NORM, "industryLabel")
    if _value(row, "employees").isdigit():
        add(FieldName.EMPLOYEES_EST, "employees")
    add(FieldName.REGISTRY_ID, "lei", f"GLEIF:{_value(row, 'lei')}", kind="GLEIF")
    linkedin = _value(row, "linkedin")
    add(FieldName.LINKEDIN_URL, "linkedin", f"https://www.linkedin.com/company/{linkedin}")
    add(FieldName.HQ_CITY, "hqLabel")
    if _country(row):
        code = "countryCode" if _value(row, "countryCode") else "countryLabel"
        add(FieldName.HQ_COUNTRY, code, _country(row))
    add(FieldName.PARENT, "parentLabel")
    chief = _value(row, "ceoLabel")
    if chief:
        add(FieldName.PERSON, "ceoLabel", person=chief)
        add(FieldName.TITLE, "ceoLabel", "CEO", person=chief)
