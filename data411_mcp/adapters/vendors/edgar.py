"""SEC EDGAR: registrants of the United States. https://www.sec.gov/search-filings/edgar-application-programming-interfaces

No key; a User-Agent with a contact is demanded, ten requests a second at most. The list of
registrants is one file of some ten thousand rows: kept in memory and in the store for a day.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta

import anyio
import anyio.to_thread

from data411_mcp.adapters.vendors.api_page import JSON_TYPE, FactReader, Step, api_page
from data411_mcp.adapters.vendors.company_names import ALIKE_MIN, folded, likeness
from data411_mcp.adapters.vendors.errors import parse_object
from data411_mcp.adapters.vendors.register import Register, names_of
from data411_mcp.domain.evidence import Page
from data411_mcp.domain.graph import FieldName
from data411_mcp.domain.places import state_spellings
from data411_mcp.errors import LookupFailed
from data411_mcp.services.ports import RegistryQuery, RegistryRecord

TICKERS_URL = "https://www.sec.gov/files/company_tickers.json"
SUBMISSIONS_URL = "https://data.sec.gov/submissions"
TICKERS_FRESH = timedelta(days=1)
READ_MAX = 3  # registrants whose full record is read
_US_TERRITORIES = frozenset({"gu", "vi", "as", "mp"})


@dataclass
class Registrants:
    """CIK → title, in memory. The list is public, and too long to be kept once for each tenant."""

    titles: dict[int, str] = field(default_factory=dict)
    read_at: float | None = None  # the clock's monotonic seconds
    reading: anyio.Lock = field(default_factory=anyio.Lock)


@dataclass
class Edgar(Register):
    tickers_url: str = TICKERS_URL
    submissions_url: str = SUBMISSIONS_URL
    registrants: Registrants = field(default_factory=Registrants, repr=False)
    name = "SEC"

    async def lookup(
        self, query: RegistryQuery, *, deadline_seconds: float
    ) -> tuple[RegistryRecord, ...]:
        until = self.clock.monotonic() + deadline_seconds
        names = names_of(query)
        if not names:
            return ()
        titles = await self._registrants(until)
        records = []
        for cik in await anyio.to_thread.run_sync(_best, titles, names):
            url = f"{self.submissions_url}/CIK{cik:010d}.json"
            text = await self.get_text(url, until=until)
            if text is None:
                continue
            record = self._record(cik, api_page(url, text, self.clock))
            if likeness(record.name, names) >= ALIKE_MIN:
                records.append(record)
        return await self.keep(records)

    async def _registrants(self, until: float) -> dict[int, str]:
        """From memory, the store or the vendor; a day old at most. One asks, the others wait."""
        known = self.registrants
        try:
            with anyio.fail_after(max(0.0, until - self.clock.monotonic())):
                await known.reading.acquire()
        except TimeoutError as error:
            raise LookupFailed("timeout") from error
        try:
            fresh = TICKERS_FRESH.total_seconds()
            if known.read_at is None or self.clock.monotonic() - known.read_at >= fresh:
                known.titles = await self._list(until)
                known.read_at = self.clock.monotonic()
            return known.titles
        finally:
            known.reading.release()

    async def _list(self, until: float) -> dict[int, str]:
        page = await self.store.fresh_page(
            self.tenant, self.tickers_url, not_before=self.clock.now() - TICKERS_FRESH
        )
        if page is not None and page.body:
            return _titles(page.body)
        body = (await self.get(self.tickers_url, until=until)).body
        titles = _titles(body)  # what cannot be read is not kept
        await self.store.put_page(self.tenant, self._list_page(body))
        return titles

    def _list_page(self, body: bytes) -> Page:
        """The list as a cache entry; it is no evidence, so its text is left out."""
        return Page(
            url=self.tickers_url,
            final_url=self.tickers_url,
            sha256=hashlib.sha256(body).hexdigest(),
            text="",
            decoder="none",
            reader="api",
            fetched_at=self.clock.now().isoformat(),
            content_type=JSON_TYPE,
            body=body,
        )

    def _record(self, cik: int, page: Page) -> RegistryRecord:
        reader = FactReader(page.text)
        _entity_facts(reader, cik)
        place = ("addresses", "business")
        return RegistryRecord(
            registry=self.name,
            record_id=f"{cik:010d}",
            name=reader.text_at("name"),
            page=page,
            facts=tuple(reader.facts),
            country="US" if _in_us(reader, place) else None,
            state=reader.text_at(*place, "stateOrCountry") or None,
            city=reader.text_at(*place, "city") or None,
            website=reader.text_at("website") or None,
            phone=reader.text_at("phone") or None,
        )


def _titles(body: bytes) -> dict[int, str]:
    """Tolerant of rows of another shape. Raises LookupFailed("bad_reply")."""
    titles: dict[int, str] = {}
    for row in parse_object(body).values():
        if not isinstance(row, dict):
            continue
        cik, title = str(row.get("cik_str", "")), row.get("title")
        if cik.isascii() and cik.isdigit() and len(cik) <= 10 and isinstance(title, str):
            titles.setdefault(int(cik), title)
    return titles


def _best(titles: dict[int, str], names: tuple[str, ...]) -> list[int]:
    """CIKs of the registrants with the most alike titles."""
    first_letters = {word[0] for name in names for word in folded(name).split()}
    scored = [
        (likeness(title, names), cik)
        for cik, title in titles.items()
        # Folding a title costs some 50 µs, times ten thousand: skip what cannot be alike.
        if any(word[:1].casefold() in first_letters for word in title.split()[:1])
    ]
    good = sorted((s, c) for s, c in scored if s >= ALIKE_MIN)
    return [cik for _, cik in reversed(good)][:READ_MAX]


def _in_us(reader: FactReader, place: tuple[Step, ...]) -> bool:
    """EDGAR gives states by their usual two letters, countries by codes of its own ("A1")."""
    code = reader.text_at(*place, "stateOrCountry").casefold()
    return code in _US_TERRITORIES or (len(state_spellings(code)) > 1 and code.isalpha())


def _entity_facts(reader: FactReader, cik: int) -> None:
    """What a filer says of itself. Former names are left out: as names they would be false now."""
    business: tuple[Step, ...] = ("addresses", "business")
    reader.add(FieldName.LEGAL_NAME, "name")
    reader.add(FieldName.REGISTRY_ID, "cik", value=f"SEC:{cik:010d}", kind="SEC")
    sic = reader.text_at("sic")
    if sic:
        reader.add(FieldName.INDUSTRY_CODE, "sic", value=f"SIC:{sic}", kind="SIC")
    reader.add(FieldName.INDUSTRY_NORM, "sicDescription")
    reader.add(FieldName.PHONE, "phone", kind="main")
    website = reader.text_at("website")
    if website:
        url = website if website.startswith(("http://", "https://")) else f"https://{website}"
        reader.add(FieldName.LINK, "website", value=url, kind="website")
    _add_address(reader, business, "hq")
    _add_address(reader, ("addresses", "mailing"), "mailing")
    reader.add(FieldName.HQ_CITY, *business, "city")
    if _in_us(reader, business):
        reader.add(FieldName.HQ_COUNTRY, *business, "stateOrCountry", value="US")


def _add_address(reader: FactReader, at: tuple[Step, ...], kind: str) -> None:
    street = [reader.text_at(*at, key) for key in ("street1", "street2")]
    state = f"{reader.text_at(*at, 'stateOrCountry')} {reader.text_at(*at, 'zipCode')}".strip()
    parts = [*street, reader.text_at(*at, "city"), state]
    if street[0]:
        value = ", ".join(part for part in parts if part)
        reader.add(FieldName.ADDRESS, *at, value=value, kind=kind)
