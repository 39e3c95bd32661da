"""A finished company as records of the CRM: the company, its people, and the lead.

Every record has an external id of its own, made of the tenant and the company's registrable
domain: a company without a registration number is found again by it and never made twice.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any

from data411_mcp.domain.hosts import registrable_domain
from data411_mcp.domain.icp.values import (
    Deliverability,
    EnrichedCompany,
    EnrichedContact,
    ScoredLead,
)

MODULE = "data411"
COMPANY, LEAD = "res.partner", "crm.lead"
CONTACTS_MAX = 10
SOURCES_MAX = 12
TEXT_CHARS_MAX = 4000
MAIL_AT = "@"  # operator of a match: an address at that domain, of a record without a website
NOTE_MARK = "Found by data411"
_HASH_CHARS = 32
_WEB = re.compile(r"https?://[^\s<>\"']+\Z")


@dataclass(frozen=True, slots=True)
class Draft:
    """What the port calls a CrmRecord. Of `match` each alternative is tried alone, in this order,
    below the parent where there is one (a lead's: anywhere in its partner's company).
    `country_id` is an ISO 3166 code."""

    model: str
    external_id: str
    values: Mapping[str, Any]
    match: tuple[tuple[str, str, Any], ...] = ()
    parent: str | None = None
    parent_field: str = "parent_id"
    note_html: str = ""


@dataclass(frozen=True, slots=True)
class LeadDrafts:
    """In the order in which they must be written: a record after its parent."""

    company: Draft
    contacts: tuple[Draft, ...]
    lead: Draft
    all: tuple[Draft, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "all", (self.company, *self.contacts, self.lead))


def company_id(tenant: str, domain: str) -> str:
    """The company's external id without its module; the same in the CSV and in the CRM."""
    return f"company_{_digest(tenant, registrable_domain(domain) or domain.lower())}"


def drafts(lead: ScoredLead, *, tenant: str, made_by: str = "") -> LeadDrafts:
    """The records of one lead. `made_by` (an id of ours) is named in the notes."""
    company = lead.company
    domain = company.domain or lead.lookalike.domain
    top = f"{MODULE}.{company_id(tenant, domain)}"
    people = [c for c in company.contacts if c.name.strip()][:CONTACTS_MAX]
    of_name = Counter(_key(person.name) for person in people)
    contacts = tuple(
        _contact(person, tenant, domain, top, company, alone=of_name[_key(person.name)] == 1)
        for person in people
    )
    note = _note(company, made_by)
    return LeadDrafts(
        company=_company(lead, domain, top, note),
        contacts=contacts,
        lead=_lead(lead, tenant, domain, top, people, contacts, note),
    )


def _company(lead: ScoredLead, domain: str, external_id: str, note: str) -> Draft:
    company = lead.company
    values = {
        "name": company.legal_name or company.name or lead.lookalike.name or domain,
        "is_company": True,
        "website": f"https://{domain}",
        "phone": next(iter(company.phones), ""),
        "email": next((e for e in company.emails if _of(e, domain)), ""),
        "city": company.city,
        "country_id": company.country,
        # Not `vat`: a UEN is a tax number only for those who are registered for GST.
        "company_registry": company.uen,
        "x_uen": company.uen,
        "x_industry_norm": company.industry,
        "x_employees_est": company.employees,
        "x_website_domain": domain,
        "x_tech_stack": ", ".join(company.tech_stack),
        "x_linkedin_url": company.linkedin_url,
    }
    match: list[tuple[str, str, Any]] = [("ref", "=", external_id)]
    if company.uen:
        match += [(name, "=", company.uen) for name in ("x_uen", "company_registry", "vat")]
    own = registrable_domain(domain) or domain
    match += [("website", "ilike", own), ("email", MAIL_AT, own)]
    return Draft(COMPANY, external_id, _known(values), tuple(match), note_html=note)


def _contact(
    person: EnrichedContact, tenant: str, domain: str, parent: str, company: EnrichedCompany,
    *, alone: bool,
) -> Draft:  # fmt: skip
    """`alone`: nobody else there has this name; otherwise it is no sign of the person."""
    email = _usable_email(person)
    values = {
        "name": " ".join(person.name.split()),
        "is_company": False,
        "function": person.title,
        "email": email,
        "phone": person.phone,
        "x_linkedin_url": person.linkedin_url,
    }
    mark = () if alone else (person.linkedin_url or email,)
    key = _digest(tenant, registrable_domain(domain), _key(person.name), *mark)
    external_id = f"{MODULE}.contact_{key}"
    match: list[tuple[str, str, Any]] = [("ref", "=", external_id)]
    if email:
        match.append(("email", "=ilike", email.lower()))
    if alone:
        match.append(("name", "=ilike", values["name"]))
    return Draft(
        COMPANY, external_id, _known(values), tuple(match), parent=parent,
        note_html=_note(company, ""),
    )  # fmt: skip


def _lead(
    lead: ScoredLead,
    tenant: str,
    domain: str,
    top: str,
    people: Sequence[EnrichedContact],
    contacts: Sequence[Draft],
    note: str,
) -> Draft:
    """The lead hangs on the person whose address it carries, or on the company with the company's
    own: the CRM copies a lead's address to its partner, and a person's must not become the
    company's."""
    company, like = lead.company, lead.lookalike
    name = company.name or like.name or domain
    parent, email, phone = top, "", next(iter(company.phones), "")
    email = next((e for e in company.emails if _of(e, domain)), "")
    values: dict[str, Any] = {}
    best = next((i for i, p in enumerate(people) if _usable_email(p)), 0 if people else None)
    if best is not None:
        person = people[best]
        values |= {"contact_name": person.name, "function": person.title}
        if _usable_email(person):
            parent, email = contacts[best].external_id, _usable_email(person)
            phone = person.phone
    values |= {
        "name": f"{name} ({domain})",
        "type": "opportunity",
        "partner_name": company.legal_name or name,
        "email_from": email,
        "phone": phone,
        "website": f"https://{domain}",
        "city": company.city,
        "country_id": company.country,
        "description": description_html(lead),
        "x_pre_sdr_score": like.score,
        "x_pre_sdr_bucket": like.bucket,
        "x_pre_sdr_rationale": like.why[:TEXT_CHARS_MAX],
        "x_source_urls": "\n".join(_sources(company)),
    }
    key = _digest(tenant, registrable_domain(domain) or domain)
    return Draft(
        LEAD, f"{MODULE}.lead_{key}", _known(values), parent=parent, parent_field="partner_id",
        match=(
            ("name", "=", values["name"]),
            ("website", "ilike", registrable_domain(domain) or domain),
        ),
        note_html=note,
    )  # fmt: skip


def under(lead: Draft, company: Draft) -> Draft:
    """The lead on its company, where the CRM would not take the person: without the person's
    address, which Odoo would write to the company."""
    left_out = {"email_from", "phone"}
    values = {name: value for name, value in lead.values.items() if name not in left_out}
    return replace(lead, values=values, parent=company.external_id)


def description_html(lead: ScoredLead) -> str:
    """Why this lead, as HTML in which every word from outside is escaped."""
    company, like = lead.company, lead.lookalike
    parts = [f"<p><b>Score {like.score}, bucket {like.bucket}.</b> {_safe(like.why)}</p>"]
    verdicts = [("matched", "Matches"), ("failed", "Does not match"), ("unknown", "Not known")]
    for state, title in verdicts:
        labels = [v.label for v in like.verdicts if v.state == state]
        if labels:
            parts.append(f"<p>{title}: {_safe('; '.join(labels))}</p>")
    if company.about:
        parts.append(f"<p>{_safe(company.about[:600])}</p>")
    sources = _sources(company)
    if sources:
        items = "".join(f'<li><a href="{_safe(url)}">{_safe(url)}</a></li>' for url in sources)
        parts.append(f"<p>Sources:</p><ul>{items}</ul>")
    return "".join(parts)


def _note(company: EnrichedCompany, made_by: str) -> str:
    where = f" Session {_safe(company.chat_session_id)}." if company.chat_session_id else ""
    job = f" Run {_safe(made_by)}." if made_by else ""
    parts = [f"<p>{NOTE_MARK}: empty fields were filled, nothing was overwritten.{where}{job}</p>"]
    sources = _sources(company)
    if sources:
        items = "".join(f'<li><a href="{_safe(url)}">{_safe(url)}</a></li>' for url in sources)
        parts.append(f"<p>Read at:</p><ul>{items}</ul>")
    return "".join(parts)


def _sources(company: EnrichedCompany) -> list[str]:
    return [url for url in dict.fromkeys(company.sources) if _WEB.match(url)][:SOURCES_MAX]


def _usable_email(person: EnrichedContact) -> str:
    bounces = person.deliverability is Deliverability.UNDELIVERABLE
    return "" if bounces else person.email.strip()


def _of(email: str, domain: str) -> bool:
    host = email.rpartition("@")[2]
    return registrable_domain(host) == registrable_domain(domain)


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is not known is not sent: a blank never stands for a fact."""
    return {name: value for name, value in values.items() if value not in ("", None)}


def _key(name: str) -> str:
    return " ".join(name.casefold().split())


def _digest(*parts: str) -> str:
    text = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:_HASH_CHARS]


def _safe(text: str) -> str:
    return escape(" ".join(text.split()), quote=True)
