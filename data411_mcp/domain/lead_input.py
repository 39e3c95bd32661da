"""Raw input → `Lead` (as pasted) and `Lead` → `LeadKey` (normalised, for comparing and locks).

Everything that can be wrong with a lead is refused here, in our words, so that the rest of the
program may trust a `Lead`. What is refused is named; its content is not repeated.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping

from data411_mcp.domain.hosts import SHARED_HOSTS
from data411_mcp.domain.lead import Lead, LeadKey
from data411_mcp.domain.lead_values import (
    NotADomain,
    e164_numbers,
    guess_country,
    place_words,
    registrable_host,
)
from data411_mcp.domain.names import company_key, fold, person_key
from data411_mcp.errors import InvalidLead, UnknownArgument

FIELD_MAX_CHARS = 500
VARIANTS_MAX = 20
PHONE_MAX_DIGITS = 40  # two numbers with extensions; more is not a phone field
_ID_MAX_BITS = 1600  # an integer that stays below 500 digits

_TEXT_FIELDS = (
    "company", "domain", "street", "city", "state", "zip", "number1", "number2", "dm_name",
    "source_system",
)  # fmt: skip
KNOWN_FIELDS = ("contact_id", *_TEXT_FIELDS, "search_variants")
_FOLDED_CONTROLS = frozenset("\t\n\r")
_ASK = "Pass at least one of company, domain, number1 or number2, or dm_name with a place."


def parse_lead(raw: Mapping[str, object], *, follow_up: bool = False) -> Lead:
    """The lead as pasted. Fields that hold only spaces are absent; all others keep every byte.

    With `follow_up` a contact_id alone is enough: the chat already knows the rest.
    Raises UnknownArgument for a field nobody knows, InvalidLead for everything else.
    """
    _check_names(raw)
    values: dict[str, object] = {}
    for name in _TEXT_FIELDS:
        text = _text(name, raw.get(name))
        if text is not None:
            values[name] = text
    values["contact_id"] = _contact_id(raw.get("contact_id"))
    values["search_variants"] = _variants(raw.get("search_variants"))
    lead = Lead.model_validate(values)
    _check_domain(lead.domain)
    for name, number in (("number1", lead.number1), ("number2", lead.number2)):
        _check_number(name, number)
    if not (follow_up and lead.contact_id is not None):
        _check_enough(lead)
    return lead


def lead_key(lead: Lead) -> LeadKey:
    """The normalised forms of a lead. `text` is the contact id with its source system where there
    is one, else the strongest identifier: domain, phone, company with its place, person with a
    place; a named person is part of the last four."""
    domain = _domain_of(lead)
    country = guess_country(lead.state, lead.zip, domain, (lead.number1, lead.number2))
    phones = e164_numbers((lead.number1, lead.number2), country)
    company = company_key(lead.company) if lead.company else None
    person = person_key(lead.dm_name) if lead.dm_name else None
    source = fold(lead.source_system) if lead.source_system else None
    contact = None if lead.contact_id is None else str(lead.contact_id)
    return LeadKey(
        contact_id=contact,
        source_system=source or None,
        company=company or None,
        domain=domain,
        phones=phones,
        person=person or None,
        country=country,
        text=_key_text(lead, contact, source, company, domain, phones, person, country),
    )


def _key_text(
    lead: Lead,
    contact: str | None,
    source: str | None,
    company: str | None,
    domain: str | None,
    phones: tuple[str, ...],
    person: str | None,
    country: str | None,
) -> str:
    if contact is not None:
        return f"contact:{source or ''}:{contact}"
    place = place_words(lead.city, lead.state, lead.zip, lead.street)
    if domain:
        text = f"domain:{domain}"
    elif phones:
        text = f"phone:{phones[0]}"
    elif company:
        text = f"company:{company}|{place}|{country or ''}"
    elif person:
        return f"person:{person}|{place}"
    else:  # a shared host, or a name in signs that fold to nothing
        raw = (lead.domain, lead.company, lead.number1, lead.number2, lead.dm_name)
        return "lead:" + "|".join(" ".join((v or "").casefold().split()) for v in raw)
    return f"{text}|{person}" if person else text


def _domain_of(lead: Lead) -> str | None:
    if not lead.domain:
        return None
    host = registrable_host(lead.domain)
    return None if host in SHARED_HOSTS else host


def _check_names(raw: Mapping[str, object]) -> None:
    for name in raw:
        if name in KNOWN_FIELDS:
            continue
        folded = re.sub(r"\W+", "_", str(name).strip().casefold())[:60]
        near = difflib.get_close_matches(folded, KNOWN_FIELDS, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise UnknownArgument(
            f"The lead has no field {_quoted(name)}.",
            f"{hint}Known fields: {', '.join(KNOWN_FIELDS)}.",
        )


def _quoted(name: object) -> str:
    """A caller's field name, cut and plain, so that it cannot carry a message of its own."""
    return '"' + re.sub(r"[^\w .-]", "?", str(name))[:40] + '"'


def _text(name: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidLead(f"{name} must be a string.", f"Pass {name} as text, as the CRM shows it.")
    if len(value) > FIELD_MAX_CHARS:
        raise InvalidLead(
            f"{name} is longer than {FIELD_MAX_CHARS} characters.",
            f"Pass the {name} field of one CRM record only.",
        )
    for char in value:
        category = unicodedata.category(char)
        if (category == "Cc" and char not in _FOLDED_CONTROLS) or category == "Cs":
            raise InvalidLead(
                f"{name} holds a control character.", f"Remove it and pass {name} again."
            )
    return value if value.strip() else None


def _contact_id(value: object) -> int | str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        if value.bit_length() > _ID_MAX_BITS:
            raise InvalidLead(f"contact_id is longer than {FIELD_MAX_CHARS} characters.")
        return value
    if value is None or isinstance(value, str):
        return _text("contact_id", value)
    raise InvalidLead(
        "contact_id must be an integer or a string.", "Pass it exactly as the CRM shows it."
    )


def _variants(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise InvalidLead(
            "search_variants must be a list of strings.", 'Pass ["first spelling", "second"].'
        )
    if len(value) > VARIANTS_MAX:
        raise InvalidLead(f"search_variants has more than {VARIANTS_MAX} entries.")
    found = (_text(f"search_variants[{i}]", item) for i, item in enumerate(value))
    return tuple(text for text in found if text is not None)


def _check_domain(raw: str | None) -> None:
    if raw is None:
        return
    try:
        registrable_host(raw)
    except NotADomain as problem:
        raise InvalidLead(
            f"domain {problem}.",
            "Pass the company's public web domain, such as example.com, or leave domain out.",
        ) from None


def _check_number(name: str, raw: str | None) -> None:
    if raw and sum(c.isdigit() for c in raw) > PHONE_MAX_DIGITS:
        raise InvalidLead(
            f"{name} has more than {PHONE_MAX_DIGITS} digits.",
            f"Pass one phone number in {name}.",
        )


def _check_enough(lead: Lead) -> None:
    if lead.company or lead.domain:
        return
    if lead.dm_name and (lead.city or lead.state or lead.zip or lead.street):
        return
    if lead.number1 or lead.number2:
        if lead_key(lead).phones:
            return
        raise InvalidLead("number1 and number2 hold no phone number.", _ASK)
    if lead.dm_name:
        raise InvalidLead("A person alone does not say which lead this is.", _ASK)
    raise InvalidLead("The lead says neither which company nor which person it is.", _ASK)
