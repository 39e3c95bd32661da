"""What the LLM slots answer, as a strict JSON schema, and how an answer becomes findings.

Models keep to a schema more or less: wrong types, null for a list, `"3"` for 3 and unknown keys
are read as well as they can be. A claim without an address proves nothing and is dropped here;
whether its quote really stands there is the proof's to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from data411_mcp.domain.evidence import Finding
from data411_mcp.domain.graph import FieldName
from data411_mcp.domain.untrusted import fence_pages as fence_pages

ROWS_MAX = 100  # of one list in one answer
VALUE_CHARS_MAX = 500
URL_CHARS_MAX = 2000
QUOTE_CHARS_MAX = 2000
LLM_SCORE = 0.5  # raw score of a claim before the proof


# --- shapes ------------------------------------------------------------------------------


def _as_text(limit: int) -> BeforeValidator:
    def read(value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return ""
        return str(value).replace("\x00", "").strip()[:limit]

    return BeforeValidator(read)


def _rows(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list; one object alone counts as a list of one."""
    rows = [value] if isinstance(value, Mapping) else value
    if not isinstance(rows, list | tuple):
        return []
    return [row for row in rows if isinstance(row, Mapping)][:ROWS_MAX]


def _row(value: Any) -> Any:
    """One object; the first of a list; a bare value stands for `{"value": …}`."""
    if isinstance(value, list | tuple):
        value = value[0] if value else None
    if isinstance(value, Mapping) or value is None:
        return value or {}
    return {"value": value}


Text = Annotated[str, _as_text(VALUE_CHARS_MAX)]
Url = Annotated[str, _as_text(URL_CHARS_MAX)]
QuoteText = Annotated[str, _as_text(QUOTE_CHARS_MAX)]


class _Claim(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    url: Url = ""
    quote: QuoteText = ""


class PersonClaim(_Claim):
    name: Text = ""
    title: Text = ""
    email: Text = ""
    phone: Text = ""


class PhoneClaim(_Claim):
    number: Text = ""
    kind: Text = ""


class EmailClaim(_Claim):
    address: Text = ""


class AddressClaim(_Claim):
    address: Text = ""
    kind: Text = ""


class LinkClaim(_Claim):
    url_value: Url = ""
    kind: Text = ""


class ValueClaim(_Claim):
    value: Text = ""


class ContradictionClaim(_Claim):
    """A source that says otherwise than the rest: its value of one of `CONTESTABLE`."""

    field: Text = ""
    value: Text = ""


Value = Annotated[ValueClaim, BeforeValidator(_row)]


class CompanyClaims(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    legal_name: Value = ValueClaim()
    trade_names: Annotated[tuple[ValueClaim, ...], BeforeValidator(_rows)] = ()
    parent: Value = ValueClaim()
    industry: Value = ValueClaim()
    employees: Value = ValueClaim()
    founded_year: Value = ValueClaim()


class Answer(BaseModel):
    """One LLM slot's answer. Absent values are "" and empty lists."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    people: Annotated[tuple[PersonClaim, ...], BeforeValidator(_rows)] = ()
    phones: Annotated[tuple[PhoneClaim, ...], BeforeValidator(_rows)] = ()
    emails: Annotated[tuple[EmailClaim, ...], BeforeValidator(_rows)] = ()
    addresses: Annotated[tuple[AddressClaim, ...], BeforeValidator(_rows)] = ()
    links: Annotated[tuple[LinkClaim, ...], BeforeValidator(_rows)] = ()
    company: Annotated[CompanyClaims, BeforeValidator(_row)] = CompanyClaims()
    contradictions: Annotated[tuple[ContradictionClaim, ...], BeforeValidator(_rows)] = ()


def parse_answer(data: Any) -> Answer:
    """Reads whatever JSON value a model gave; what cannot be read is empty. Never raises."""
    return Answer.model_validate(data if isinstance(data, Mapping) else {})


# --- the schema that the model is held to ------------------------------------------------

_KINDS_OF_PHONE = ("main", "direct", "mobile", "fax", "toll_free")
_KINDS_OF_ADDRESS = ("hq", "registered", "branch", "mailing")
_KINDS_OF_LINK = ("website", "linkedin", "facebook", "x", "instagram", "youtube", "other")
CONTESTABLE: dict[str, FieldName] = {
    "legal_name": FieldName.LEGAL_NAME,
    "trade_name": FieldName.TRADE_NAME,
    "parent": FieldName.PARENT,
    "industry": FieldName.INDUSTRY_NORM,
    "employees": FieldName.EMPLOYEES_EST,
    "founded_year": FieldName.FOUNDED_YEAR,
    "phone": FieldName.PHONE,
    "email": FieldName.EMAIL,
    "address": FieldName.ADDRESS,
}


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _list(**properties: Any) -> dict[str, Any]:
    return {"type": "array", "items": _object(**properties)}


_SAID = {
    "url": {"type": "string", "description": "Address of the page that says so."},
    "quote": {"type": "string", "description": "Verbatim from that page, holding the value."},
}
_TEXT = {"type": "string"}
_OPTIONAL = {"type": ["string", "null"]}
_VALUE = {**_object(value=_TEXT, **_SAID), "type": ["object", "null"]}

ANSWER_SCHEMA: dict[str, Any] = _object(
    people=_list(name=_TEXT, title=_OPTIONAL, email=_OPTIONAL, phone=_OPTIONAL, **_SAID),
    phones=_list(number=_TEXT, kind={"type": "string", "enum": list(_KINDS_OF_PHONE)}, **_SAID),
    emails=_list(address=_TEXT, **_SAID),
    addresses=_list(
        address=_TEXT, kind={"type": "string", "enum": list(_KINDS_OF_ADDRESS)}, **_SAID
    ),
    links=_list(url_value=_TEXT, kind={"type": "string", "enum": list(_KINDS_OF_LINK)}, **_SAID),
    company=_object(
        legal_name=_VALUE,
        trade_names=_list(value=_TEXT, **_SAID),
        parent=_VALUE,
        industry=_VALUE,
        employees=_VALUE,
        founded_year=_VALUE,
    ),
    contradictions=_list(field={"type": "string", "enum": list(CONTESTABLE)}, value=_TEXT, **_SAID),
)


# --- answer → findings -------------------------------------------------------------------


def findings(answer: Answer, *, slot: str) -> tuple[Finding, ...]:
    """Every claim that names its page, once each, in the answer's order."""
    found = [
        *_of_people(answer, slot),
        *_of_contacts(answer, slot),
        *_of_company(answer.company, slot),
        *_of_contradictions(answer, slot),
    ]
    return tuple(dict.fromkeys(f for f in found if f is not None))


def _finding(
    field: FieldName,
    value: str,
    claim: _Claim,
    slot: str,
    *,
    kind: str | None = None,
    person: str | None = None,
) -> Finding | None:
    if not value or not claim.url.startswith(("http://", "https://")):
        return None
    return Finding(
        field=field,
        value=value,
        slot=slot,
        url=claim.url,
        quote=claim.quote,
        kind=kind,
        person=person,
        score=LLM_SCORE,
    )


def _kind(kind: str, known: Iterable[str]) -> str | None:
    word = kind.casefold().replace("-", "_").replace(" ", "_")
    return word if word in known else None


def _of_people(answer: Answer, slot: str) -> Iterable[Finding | None]:
    for claim in answer.people:
        name = claim.name
        if not name:
            continue
        yield _finding(FieldName.PERSON, name, claim, slot, person=name)
        yield _finding(FieldName.TITLE, claim.title, claim, slot, person=name)
        yield _finding(FieldName.EMAIL, claim.email, claim, slot, person=name)
        yield _finding(FieldName.PHONE, claim.phone, claim, slot, person=name)


def _of_contacts(answer: Answer, slot: str) -> Iterable[Finding | None]:
    for phone in answer.phones:
        kind = _kind(phone.kind, _KINDS_OF_PHONE)
        yield _finding(FieldName.PHONE, phone.number, phone, slot, kind=kind)
    for email in answer.emails:
        yield _finding(FieldName.EMAIL, email.address, email, slot)
    for address in answer.addresses:
        kind = _kind(address.kind, _KINDS_OF_ADDRESS)
        yield _finding(FieldName.ADDRESS, address.address, address, slot, kind=kind)
    for link in answer.links:
        kind = _kind(link.kind, _KINDS_OF_LINK)
        yield _finding(FieldName.LINK, link.url_value, link, slot, kind=kind)


def _of_company(company: CompanyClaims, slot: str) -> Iterable[Finding | None]:
    for field, claim in (
        (FieldName.LEGAL_NAME, company.legal_name),
        *((FieldName.TRADE_NAME, name) for name in company.trade_names),
        (FieldName.PARENT, company.parent),
        (FieldName.INDUSTRY_NORM, company.industry),
        (FieldName.EMPLOYEES_EST, company.employees),
        (FieldName.FOUNDED_YEAR, company.founded_year),
    ):
        yield _finding(field, claim.value, claim, slot)


def _of_contradictions(answer: Answer, slot: str) -> Iterable[Finding | None]:
    """The other side's value is a claim like any other: the merge sees that two disagree."""
    for claim in answer.contradictions:
        field = CONTESTABLE.get(claim.field)
        if field is not None:
            yield _finding(field, claim.value, claim, slot)
