"""The DNS slot: does mail reach that domain, and who runs it."""

from __future__ import annotations

from data411_mcp.domain.evidence import Finding
from data411_mcp.domain.graph import FieldName
from data411_mcp.domain.hosts import SHARED_HOSTS
from data411_mcp.domain.slots import DNS
from data411_mcp.errors import LookupFailed
from data411_mcp.services.hunting.brief import Brief, Haul

DNS_DEADLINE_SECONDS = 6.0


async def hunt_dns(brief: Brief) -> Haul:
    """MX, SPF and DMARC of the company's domain. Raises LookupFailed."""
    domain = brief.domain
    if domain is None:
        raise LookupFailed("no_domain")
    if domain in SHARED_HOSTS:
        raise LookupFailed("shared_host")
    mail = await brief.sources.dns.mail_domain(domain, deadline_seconds=DNS_DEADLINE_SECONDS)
    brief.shelf.put(mail.page)
    haul = Haul(provider="dns")
    if not mail.exists:
        haul.degraded.append("no_such_domain")
    if mail.null_mx:
        haul.degraded.append("takes_no_mail")
    values: list[tuple[str, str]] = []
    if mail.mx and not mail.null_mx:
        values.append(("mx", mail.mx[0]))
    if mail.provider:
        values.append(("provider", mail.provider))
    for kind, value in values:
        quote = mail.mx[0] if mail.mx else value
        at = mail.page.text.find(quote)
        if at < 0:
            continue
        haul.findings.append(
            Finding(
                field=FieldName.MAIL_HOST,
                value=value,
                slot=DNS,
                url=mail.page.url,
                kind=kind,
                start=at,
                end=at + len(quote),
                quote=quote,
                page_sha256=mail.page.sha256,
                rule="dns",
                score=0.95,
            )
        )
    return haul
