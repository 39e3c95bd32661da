"""The list of leads as a file, and which of a company's addresses comes first in it.

CSV as RFC 4180 has it: CRLF, every cell quoted, so that no reader with another separator in mind
splits a cell. A cell that a spreadsheet would take for a formula gets an apostrophe in front,
international phone numbers among them ("'+65 6000 0000"): without it a spreadsheet computes
"+1-614-555-0100" and shows -768. Importers strip one leading apostrophe.

`to_csv` is text without a byte order mark, for programs. `csv_file` is the same as bytes with
one, for the mail's attachment: without it spreadsheets read UTF-8 as something else.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from data411_mcp.domain.extract.emails import email_kind
from data411_mcp.domain.hosts import registrable_domain
from data411_mcp.domain.icp.crm import company_id
from data411_mcp.domain.icp.values import (
    Deliverability,
    EnrichedCompany,
    EnrichedContact,
    ScoredLead,
)

COLUMNS = (
    "company_id", "name", "industry_norm", "employees_est", "score", "bucket", "rationale",
    "primary_email", "contact_name", "contact_title", "contact_linkedin", "contact_phone",
    "domain", "uen", "chat_session_id",
)  # fmt: skip
CELL_CHARS_MAX = 2000

# What spreadsheets take for the beginning of a formula; the full-width forms count in some of
# them.
_FORMULA = tuple("=+-@＝＋－＠")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]+")  # and halves of characters
_RANGE = re.compile(r"(?<=\d)\s*-\s*(?=\d)")
_RANK = {
    Deliverability.VERIFIED: 0,
    Deliverability.ACCEPTED: 1,
    Deliverability.UNKNOWN: 2,
    Deliverability.RISKY: 3,
}


def cell(value: object) -> str:
    """One cell: on one line, capped, and never a formula."""
    text = _CONTROL.sub(" ", str(value)).strip()[:CELL_CHARS_MAX]
    return f"'{text}" if text.startswith(_FORMULA) else text


@dataclass(frozen=True, slots=True)
class Reach:
    """How a company is best reached. `contact` owns `email` where a person does; otherwise it is
    the person to ask for. Empty: not known."""

    email: str = ""
    deliverability: Deliverability = Deliverability.UNKNOWN
    contact: EnrichedContact | None = None
    phone: str = ""


def reach(company: EnrichedCompany) -> Reach:
    """Verified addresses first, then a person's before a role's, then those of the company's own
    domain; one that is known to bounce never. Among equals the order of the enrichment counts."""
    found = sorted(_addresses(company), key=lambda a: _preference(a, company.domain))
    email, worth, contact = found[0] if found else ("", Deliverability.UNKNOWN, None)
    if contact is None:
        contact = next(iter(company.contacts), None)
    phone = contact.phone if contact is not None and contact.phone else ""
    return Reach(email, worth, contact, phone or next(iter(company.phones), ""))


_Address = tuple[str, Deliverability, EnrichedContact | None]


def _addresses(company: EnrichedCompany) -> Iterator[_Address]:
    named = set()
    for contact in company.contacts:
        named.add(contact.email.lower())
        if contact.email and contact.deliverability is not Deliverability.UNDELIVERABLE:
            yield contact.email, contact.deliverability, contact
    for email in company.emails:
        if email.lower() not in named:
            yield email, Deliverability.UNKNOWN, None


def _preference(address: _Address, domain: str) -> tuple[int, bool, bool]:
    email, worth, _ = address
    host = email.rpartition("@")[2]
    return (
        _RANK[worth],
        email_kind(email.lower()) == "role",
        registrable_domain(host) != registrable_domain(domain),
    )


def row(lead: ScoredLead, tenant: str) -> dict[str, str]:
    """One line of the list by column, not escaped yet."""
    company, like = lead.company, lead.lookalike
    way = reach(company)
    person = way.contact
    return {
        "company_id": company_id(tenant, company.domain or like.domain),
        "name": company.name or like.name or company.domain,
        "industry_norm": company.industry,
        # A hyphen between numbers would be read as a date ("10-12").
        "employees_est": _RANGE.sub("–", company.employees),
        "score": str(like.score),
        "bucket": like.bucket,
        "rationale": like.why,
        "primary_email": way.email,
        "contact_name": person.name if person else "",
        "contact_title": person.title if person else "",
        "contact_linkedin": person.linkedin_url if person else "",
        "contact_phone": way.phone,
        "domain": company.domain or like.domain,
        "uen": company.uen,
        "chat_session_id": company.chat_session_id,
    }


def to_csv(leads: Sequence[ScoredLead], *, tenant: str) -> str:
    """The whole list, best first; the header alone where there is none."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for lead in sorted(leads, key=lambda one: one.rank):
        cells = row(lead, tenant)
        writer.writerow([cell(cells[column]) for column in COLUMNS])
    return text.getvalue()


def csv_file(leads: Sequence[ScoredLead], *, tenant: str) -> bytes:
    """`to_csv` for a spreadsheet: UTF-8 with a byte order mark."""
    return to_csv(leads, tenant=tenant).encode("utf-8-sig", "replace")
