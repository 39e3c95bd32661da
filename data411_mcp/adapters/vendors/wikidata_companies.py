"""Wikidata as a list of companies: those of an industry (P452) in a country (P17) that have an
official website (P856). Which items the industry is, the winners' own items say; where none of
them has one, items that are called like the trade.

The query service gives up after 60 s; who plans a chat gives up far sooner.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import anyio

from data411_mcp.adapters.vendors.api_page import FactReader, body_text, elements
from data411_mcp.adapters.vendors.errors import check_status
from data411_mcp.adapters.vendors.register import Register
from data411_mcp.adapters.vendors.wikidata import API_URL, SPARQL_TYPE, SPARQL_URL, home_pages
from data411_mcp.domain.hosts import registrable_domain
from data411_mcp.domain.icp.profile import country_name
from data411_mcp.domain.icp.registers import RegisteredCompany, RegisterWish
from data411_mcp.errors import LookupFailed

STEP_SECONDS = 2.0  # for the industry, before its companies are asked for
INDUSTRIES_MAX = 3
SEARCHED_MAX = 10  # items of one name
ROWS_OF_COMPANY = 3
DESCRIPTION_CHARS_MAX = 200
_ITEM = re.compile(r"Q[1-9]\d*")
_COUNTRY = re.compile(r"[A-Z]{2}")


@dataclass
class WikidataCompanies(Register):
    """Implements `ports.icp.CompaniesByIndustry`. Keeps no page: a row found is no evidence."""

    api_url: str = API_URL
    sparql_url: str = SPARQL_URL
    name = "wikidata"

    async def companies(
        self, wish: RegisterWish, *, limit: int, deadline_seconds: float
    ) -> tuple[RegisteredCompany, ...]:
        until = self.clock.monotonic() + deadline_seconds
        countries = [c for c in wish.countries if _COUNTRY.fullmatch(c)]
        if not countries:
            return ()
        failed: LookupFailed | None = None
        industries: list[str] = []
        try:
            industries = await self._of_winners(wish.websites, self._soon(until))
        except LookupFailed as failure:
            failed = failure
        if not industries:
            industries = await self._called(wish.words, self._soon(until))
        if not industries:
            if failed is not None:
                raise failed
            return ()
        rows = await self._rows(_companies(industries, countries, limit), until)
        found: dict[str, RegisteredCompany] = {}
        for row in rows:
            company = _company(row)
            if company is not None and company.domain:
                found.setdefault(company.domain, company)
        return tuple(found.values())[:limit]

    def _soon(self, until: float) -> float:
        """When to go on without an answer that only says what to ask for."""
        return min(until, self.clock.monotonic() + STEP_SECONDS)

    async def _of_winners(self, websites: Sequence[str], until: float) -> list[str]:
        """Items of the industries of companies with these websites, those of most of them first."""
        if not websites:
            return []
        rows = await self._rows(_industries(websites), until)
        pairs = {(_item(row, "item"), _item(row, "industry")) for row in rows}
        counts = Counter(industry for _, industry in pairs if industry)
        return sorted(counts, key=lambda item: (-counts[item], item))[:INDUSTRIES_MAX]

    async def _called(self, words: Sequence[str], until: float) -> list[str]:
        """Items whose label or alias is one of the words. What is called so and no industry has no
        companies, so it need not be told apart here."""
        found: dict[str, list[str]] = {}
        failed: list[LookupFailed] = []

        async def ask(word: str) -> None:
            try:
                found[word] = await self._search(word, until)
            except LookupFailed as failure:
                failed.append(failure)

        async with anyio.create_task_group() as tasks:
            for word in words:
                tasks.start_soon(ask, word)
        if failed and not found:
            raise failed[0]
        return list(dict.fromkeys(item for word in words for item in found.get(word, ())))

    async def _search(self, word: str, until: float) -> list[str]:
        text = await self.get_text(
            self.api_url,
            params={
                "action": "wbsearchentities",
                "search": word,
                "language": "en",
                "type": "item",
                "limit": str(SEARCHED_MAX),
                "format": "json",
                "formatversion": "2",
            },
            until=until,
        )
        out = []
        for row in elements(text, "search") if text else ():
            reader = FactReader(row)
            called = {
                reader.text_at("label").casefold(),
                reader.text_at("match", "text").casefold(),
            }
            if word.casefold() in called and _ITEM.fullmatch(reader.text_at("id")):
                out.append(reader.text_at("id"))
        return out

    async def _rows(self, query: str, until: float) -> list[str]:
        """A query by POST: with the websites of several winners it is too long for an address."""
        remaining = until - self.clock.monotonic()
        if remaining <= 0:
            raise LookupFailed("timeout")
        reply = await self.http.call(
            "POST",
            self.sparql_url,
            headers={"accept": SPARQL_TYPE, "user-agent": self.user_agent},
            data={"query": query},
            deadline_seconds=remaining,
        )
        check_status(reply, self.clock.now())
        return list(elements(body_text(reply.body), "results", "bindings"))


def _industries(websites: Sequence[str]) -> str:
    homes = " ".join(url for domain in websites for url in home_pages(domain))
    return (
        "SELECT ?item ?industry WHERE {\n"
        f"  VALUES ?website {{ {homes} }}\n"
        "  ?item wdt:P856 ?website; wdt:P452 ?industry.\n"
        "}"
    )


def _companies(industries: Sequence[str], countries: Sequence[str], limit: int) -> str:
    """Companies that were dissolved are left out; the best described come first."""
    items = " ".join(f"wd:{item}" for item in industries)
    codes = " ".join(f'"{code}"' for code in countries)
    return (
        "SELECT ?item ?itemLabel ?itemDescription ?website ?industryLabel ?countryCode WHERE {\n"
        # Cut first and labelled after: labels of all would take longer than anybody waits.
        "  { SELECT ?item ?website ?industry ?countryCode ?links WHERE {\n"
        f"    VALUES ?industry {{ {items} }}\n"
        f"    VALUES ?countryCode {{ {codes} }}\n"
        "    ?item wdt:P452 ?industry; wdt:P17 ?country; wdt:P856 ?website;"
        " wikibase:sitelinks ?links.\n"
        "    ?country wdt:P297 ?countryCode.\n"
        "    FILTER NOT EXISTS { ?item wdt:P576 ?dissolved. }\n"
        # Several websites or industries of one company are several rows.
        f"  }} ORDER BY DESC(?links) ?item LIMIT {ROWS_OF_COMPANY * limit} }}\n"
        '  SERVICE wikibase:label { bd:serviceParam wikibase:language "en,mul". }\n'
        "} ORDER BY DESC(?links) ?item"
    )


def _item(row: str, variable: str) -> str:
    item = FactReader(row).text_at(variable, "value").rpartition("/")[2]
    return item if _ITEM.fullmatch(item) else ""


def _company(row: str) -> RegisteredCompany | None:
    """None where the row has no name: an item without a label is called by its number."""
    reader = FactReader(row)
    item, name = _item(row, "item"), reader.text_at("itemLabel", "value")
    if not item or not name or _ITEM.fullmatch(name):
        return None
    industry = reader.text_at("industryLabel", "value")
    code = reader.text_at("countryCode", "value").upper()
    country = code if _COUNTRY.fullmatch(code) else ""
    told = " ".join(reader.text_at("itemDescription", "value").split())
    return RegisteredCompany(
        name=name,
        domain=registrable_domain(reader.text_at("website", "value")) or None,
        said=_said(told, "" if _ITEM.fullmatch(industry) else industry, country),
        url=f"https://www.wikidata.org/entity/{item}",
        country=country,
    )


def _said(told: str, industry: str, country: str) -> str:
    parts = (
        told[:DESCRIPTION_CHARS_MAX],
        f"Industry: {industry}" if industry else "",
        f"Country: {country_name(country)}" if country else "",
    )
    return ". ".join(part for part in parts if part)
