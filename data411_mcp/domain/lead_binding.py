"""One lead per chat: does the lead of a follow-up belong to the bound one? (DESIGN §4, Binding)

The bound lead is what the user pasted. What an agent sends later is compared with it, as the same
fact in whatever spelling, and never replaces it: a name found on the way is put back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from data411_mcp.domain.hosts import SHARED_HOSTS
from data411_mcp.domain.lead import Lead
from data411_mcp.domain.lead_input import KNOWN_FIELDS, lead_key
from data411_mcp.domain.lead_values import (
    NotADomain,
    e164_numbers,
    registrable_host,
    street_key,
    zip_key,
)
from data411_mcp.domain.name_match import same_company_spelling
from data411_mcp.domain.names import fold, person_key
from data411_mcp.domain.places import state_name

LeadValue = int | str | tuple[str, ...] | None

_NUMBERS = ("number1", "number2")
# What says which company a lead is about; a new phone or place beside the old ones does not.
_COMPANY_SAYS = ("company", "domain")
_COMPANY_IS_AT = (*_NUMBERS, "street", "city", "state", "zip")
_IDENTIFYING = ("company", "domain", *_NUMBERS)  # one of them must match without a contact_id


@dataclass(frozen=True, slots=True)
class FieldChange:
    """What was supplied for a field, and what the lead holds instead (None: nothing)."""

    supplied: LeadValue
    restored: LeadValue


@dataclass(frozen=True, slots=True)
class Same:
    """Every supplied field says what the bound lead says. `lead` is the bound one."""

    lead: Lead


@dataclass(frozen=True, slots=True)
class Restored:
    """The same lead with differing fields: the bound lead is used, `put_back` says what for."""

    lead: Lead
    put_back: Mapping[str, FieldChange]


@dataclass(frozen=True, slots=True)
class NewExport:
    """The user pasted a newer CRM export of the same contact: `lead` is the new one."""

    lead: Lead
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Another lead. `fields` contradict the bound `lead`; empty when nothing matches it either."""

    lead: Lead
    fields: tuple[str, ...]


Binding = Same | Restored | NewExport | Refused


def bind(bound: Lead, supplied: Lead, *, crm_export: bool = False) -> Binding:
    """Compare a follow-up's lead with the bound one.

    Within one source system equal contact ids (as text) make the same lead; without ids on both
    sides one of company, domain or phone must match and no field may contradict. `crm_export`
    means that the user pasted a new export: it replaces the bound lead if the ids are equal.
    """
    differing = _differing(bound, supplied)
    contradicting = tuple(name for name in differing if _value(bound, name) is not None)
    if "source_system" in contradicting:
        return Refused(bound, ("source_system",))
    put_back = {n: FieldChange(_value(supplied, n), _value(bound, n)) for n in differing}
    if bound.contact_id is not None and supplied.contact_id is not None:
        if "contact_id" in contradicting:
            return Refused(bound, ("contact_id",))
        if differing and crm_export:
            return NewExport(supplied, differing)
    else:
        strict = tuple(name for name in contradicting if name != "search_variants")
        if strict or not _any_match(bound, supplied):
            return Refused(bound, strict)
    return Restored(bound, put_back) if differing else Same(bound)


def moved(before: Lead, after: Lead) -> bool:
    """The lead may now mean another company: it names another company or domain, or has another
    phone or place than before."""
    differing = _differing(before, after)
    return any(name in _COMPANY_SAYS for name in differing) or any(
        name in _COMPANY_IS_AT and _value(before, name) is not None for name in differing
    )


def _differing(bound: Lead, supplied: Lead) -> tuple[str, ...]:
    """Supplied fields that do not say what the bound lead says; omitted fields never differ."""
    return tuple(
        name
        for name in KNOWN_FIELDS
        if _value(supplied, name) is not None and not _says_the_same(name, bound, supplied)
    )


def _value(lead: Lead, name: str) -> LeadValue:
    value: LeadValue = getattr(lead, name)
    return None if value == () else value


def _says_the_same(name: str, bound: Lead, supplied: Lead) -> bool:
    if name in _NUMBERS:
        mine, theirs = _phones(bound, *_NUMBERS), _phones(supplied, name, country_of=bound)
        return bool(theirs) and theirs <= mine
    ours, given = _value(bound, name), _value(supplied, name)
    if name == "contact_id":
        return ours is not None and str(ours) == str(given)
    if name == "search_variants":
        return {fold(v) for v in bound.search_variants} == {
            fold(v) for v in supplied.search_variants
        }
    if not isinstance(ours, str) or not isinstance(given, str):
        return False
    return ours == given or _same_text(name, ours, given)


def _same_text(name: str, ours: str, given: str) -> bool:
    if name == "company":
        return same_company_spelling(ours, given)
    if name == "domain":
        return _domain(ours) == _domain(given)
    if name == "state":
        return state_name(fold(ours)) == state_name(fold(given))
    if name == "zip":
        return zip_key(ours) == zip_key(given)
    if name == "dm_name":
        return person_key(ours) == person_key(given)
    if name == "street":
        return street_key(ours) == street_key(given)
    return " ".join(ours.split()).casefold() == " ".join(given.split()).casefold() or (
        fold(ours) == fold(given) != ""
    )


def _any_match(bound: Lead, supplied: Lead) -> bool:
    return any(
        _value(supplied, name) is not None and _says_the_same(name, bound, supplied)
        for name in _IDENTIFYING
    )


def _domain(raw: str) -> str:
    """The registrable domain; the whole address on a host that many companies share."""
    try:
        host = registrable_host(raw)
    except NotADomain:  # a bound lead from a store that an older version wrote
        return raw.strip().casefold()
    return raw.strip().casefold().rstrip("/") if host in SHARED_HOSTS else host


def _phones(lead: Lead, *names: str, country_of: Lead | None = None) -> frozenset[str]:
    """E.164 numbers of the fields, read with one country's eyes; the folded text of a field that
    holds none."""
    country = lead_key(country_of or lead).country
    found: set[str] = set()
    for name in names:
        raw = getattr(lead, name)
        if raw:
            found.update(e164_numbers((raw,), country) or (fold(raw),))
    return frozenset(found)
