"""RDAP: who registered a domain, and since when. RFC 9082 and 9083, through rdap.org.

rdap.org answers with a redirect to the registry, which is followed once, by hand, through the
same guard. A domain's age is not its company's: it is told in the status, never as a fact.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from data411_mcp.adapters.vendors.api_page import FactReader, Step, api_page, body_text, elements
from data411_mcp.adapters.vendors.company_names import alike, in_domain_label
from data411_mcp.adapters.vendors.errors import VendorReply, check_status
from data411_mcp.adapters.vendors.register import Register, names_of
from data411_mcp.domain.graph import FieldName
from data411_mcp.errors import LookupFailed
from data411_mcp.services.ports import RegistryQuery, RegistryRecord

BASE_URL = "https://rdap.org/domain"
ACCEPT = "application/rdap+json"
ENTITIES_MAX = 20
_HIDDEN = re.compile(
    r"redacted|privacy|proxy|whoisguard|not disclosed|withheld|data protected|identity protect|"
    r"domains by|statutory masking|registration private",
    re.IGNORECASE,
)


@dataclass
class Rdap(Register):
    base_url: str = BASE_URL
    name = "RDAP"

    async def lookup(
        self, query: RegistryQuery, *, deadline_seconds: float
    ) -> tuple[RegistryRecord, ...]:
        """At most one record. No record: no such domain, or a suffix without RDAP."""
        if not query.domain:
            return ()
        until = self.clock.monotonic() + deadline_seconds
        domain = query.domain.casefold()
        asked = f"{self.base_url}/{quote(domain, safe='.-')}"
        reply = await self._ask(asked, until)
        url = asked
        if reply.status in (301, 302, 303, 307, 308):
            url = _redirect_target(asked, reply)
            reply = await self._ask(url, until)
        if reply.status == 404:
            return ()
        check_status(reply, self.clock.now())
        return await self.keep([self._record(url, body_text(reply.body), domain, query)])

    async def _ask(self, url: str, until: float) -> VendorReply:
        remaining = until - self.clock.monotonic()
        if remaining <= 0:
            raise LookupFailed("timeout")
        headers = {"accept": ACCEPT, "user-agent": self.user_agent}
        return await self.http.call("GET", url, headers=headers, deadline_seconds=remaining)

    def _record(self, url: str, text: str, domain: str, query: RegistryQuery) -> RegistryRecord:
        page = api_page(url, text, self.clock)
        reader = FactReader(page.text)
        if reader.text_at("ldhName").casefold().rstrip(".") not in {domain, ""}:
            raise LookupFailed("bad_reply")
        reader.add(FieldName.WEBSITE_DOMAIN, "ldhName", value=domain)
        organisation, at = _registrant(reader)
        names = names_of(query)
        # An agency or the host often registers in its own name: only a name that fits is a claim.
        if organisation and (alike(organisation, names) or in_domain_label(organisation, domain)):
            reader.add(FieldName.LEGAL_NAME, *at, value=organisation)
        return RegistryRecord(
            registry=self.name,
            record_id=domain,
            name=organisation or domain,
            page=page,
            facts=tuple(reader.facts),
            website=domain,
            status=_status(reader),
        )


def _redirect_target(asked: str, reply: VendorReply) -> str:
    """Where the redirector sends us. Raises LookupFailed for anything but the same scheme."""
    location = reply.headers.get("location", "")
    target = urljoin(asked, location) if location else ""
    same_scheme = urlsplit(target).scheme == urlsplit(asked).scheme
    if not target or not (same_scheme or target.startswith("https://")):
        raise LookupFailed("bad_reply")
    return target


def _registrant(reader: FactReader) -> tuple[str, tuple[Step, ...]]:
    """The registrant's organisation (else full name of an organisation) and its path."""
    for e in range(min(ENTITIES_MAX, len(elements(reader.text, "entities")))):
        roles = elements(reader.text, "entities", e, "roles")
        if '"registrant"' not in roles:
            continue
        card: tuple[Step, ...] = ("entities", e, "vcardArray", 1)
        for i in range(len(elements(reader.text, *card))):
            if reader.text_at(*card, i, 0) != "org":
                continue
            value = reader.text_at(*card, i, 3)
            if value and not _HIDDEN.search(value):
                return value, (*card, i)
    return "", ()


def _status(reader: FactReader) -> str | None:
    """Such as "active; registered 2011-05-12"."""
    parts = []
    states = range(len(elements(reader.text, "status")))
    words = ", ".join(reader.text_at("status", i) for i in states)
    if words:
        parts.append(words[:120])
    for i in range(len(elements(reader.text, "events"))):
        day = reader.text_at("events", i, "eventDate")[:10]
        registered = reader.text_at("events", i, "eventAction") == "registration"
        if registered and re.fullmatch(r"\d{4}-\d\d-\d\d", day):
            parts.append(f"registered {day}")
            break
    return "; ".join(parts) or None
