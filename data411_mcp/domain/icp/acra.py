"""Singapore's company register: what its rows say, and which row a company is.

Missing values are written `na`; every value is text, and codes may have lost their leading zeros
on the way. A company is the one whose name is the same but for case, marks and legal form, never
one that is merely alike.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, Protocol

from data411_mcp.domain.legal_forms import legal_form, strip_legal_form

FORMER_NAMES_MAX = 15
REGISTER_URL = "https://data.gov.sg/collections/2/view?uen="  # of the collection that has the row
_MISSING = frozenset({"", "na", "n.a.", "n/a", "null", "none", "-"})
_UEN = re.compile(r"\d{8}[A-Z]|(?:19|20)\d{7}[A-Z]|[RST]\d{2}[A-Z]{2}\d{4}[A-Z]")
_AND = re.compile(r"\s*(?:&|\+)\s*")
_NOT_WORD = re.compile(r"[^\w]+|_+")


def text_of(value: object) -> str:
    """A cell's text; "" where it is missing."""
    text = " ".join(str(value).split()) if value is not None else ""
    return "" if text.casefold() in _MISSING else text


def uen_of(value: object) -> str:
    """The UEN where it has one of the three forms, else ""."""
    text = text_of(value).upper()
    return text if _UEN.fullmatch(text) else ""


def ssic_code_of(value: object) -> str:
    """Five digits; leading zeros that a spreadsheet took are put back. "" where it is no code."""
    text = text_of(value).removesuffix(".0")
    return text.zfill(5) if text.isascii() and text.isdigit() and len(text) <= 5 else ""


def is_live(status: str) -> bool:
    """Of a status as the register words it. Struck off, ceased, gazetted to be struck off and in
    liquidation are not; neither is one that is not known."""
    word = text_of(status).casefold()
    return word == "registered" or bool(re.match(r"live\b", word))


def name_key(name: str) -> str:
    """What two spellings of one registered name have in common: words without case, accents and
    marks, and without the legal form. "(Singapore)" stays: such a company is another one."""
    plain = unicodedata.normalize("NFKD", _AND.sub(" and ", name))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    stripped = strip_legal_form(plain) or plain
    return " ".join(_NOT_WORD.sub(" ", re.sub(r"['’.]", "", stripped)).casefold().split())


def entity_fields(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fields of an entity from a row of the full data set or of its API, by column name; None
    where UEN or name are missing."""
    uen, name = uen_of(row.get("uen")), text_of(row.get("entity_name"))
    if not uen or not name:
        return None
    status = text_of(row.get("entity_status_description")) or text_of(row.get("uen_status_desc"))
    parts = (text_of(row.get(column)) for column in ("block", "street_name"))
    former = (
        text_of(row.get(f"former_entity_name{number}")) for number in range(1, FORMER_NAMES_MAX + 1)
    )
    return {
        "uen": uen,
        "name": name,
        "status": status,
        "live": is_live(status),
        "entity_type": text_of(row.get("entity_type_description")),
        "incorporated": _day(row.get("registration_incorporation_date")),
        "ssic_code": ssic_code_of(row.get("primary_ssic_code")),
        "ssic_description": text_of(row.get("primary_ssic_description")),
        "street": " ".join(filter(None, parts)) or text_of(row.get("reg_street_name")),
        "postal_code": text_of(row.get("postal_code")) or text_of(row.get("reg_postal_code")),
        "former_names": tuple(filter(None, former)),
    }


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(text_of(value)[:10])
    except ValueError:
        return None


# --- which row a company is ----------------------------------------------------------------------


class RegisterRow(Protocol):
    """The part of an entity that the choice looks at."""

    @property
    def uen(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def live(self) -> bool: ...
    @property
    def postal_code(self) -> str: ...


Outcome = Literal["anchored", "not_live", "ambiguous", "weak_name", "no_match"]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a company without the register: its names, the legal one first, and the
    postal codes of its addresses."""

    names: tuple[str, ...]
    postal_codes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Choice:
    """`uen` is there where the company is one row for sure, live or not. `tied_by`: legal_name,
    name, postal_code."""

    outcome: Outcome
    uen: str = ""
    tied_by: tuple[str, ...] = ()


def asserted_names(names: Sequence[str]) -> tuple[str, ...]:
    """Those that can be the registered one. A name with a legal form says what the company is
    registered as; what it trades as besides may be another company's registered name."""
    formal = tuple(dict.fromkeys(name for name in names if legal_form(name) is not None))
    return formal or tuple(dict.fromkeys(names))


def choose(known: Known, rows: Sequence[RegisterRow]) -> Choice:
    """The row that the company is. Its own names are compared with the rows' names; a row is
    never held against itself. A short name without a legal form is not enough alone, for it is
    many companies' name: a postal code must agree. Names that lead to two rows lead to none,
    unless the address says which."""
    choices = [_by_name(name, known, rows) for name in asserted_names(known.names)]
    anchored = {choice.uen: choice for choice in choices if choice.outcome == "anchored"}
    there = [choice for choice in anchored.values() if "postal_code" in choice.tied_by]
    if len(anchored) > 1 and len(there) != 1:
        return Choice("ambiguous")
    if anchored:
        return there[0] if there else next(iter(anchored.values()))
    return next((c for c in choices if c.outcome != "no_match"), Choice("no_match"))


def _by_name(name: str, known: Known, rows: Sequence[RegisterRow]) -> Choice:
    key, form = name_key(name), legal_form(name)
    if not key:
        return Choice("no_match")
    same = {row.uen: row for row in rows if name_key(row.name) == key and not _clash(form, row)}
    found = [row for row in same.values() if row.live] or list(same.values())
    if not found:
        return Choice("no_match")
    there = [row for row in found if row.postal_code and row.postal_code in known.postal_codes]
    if len(found) > 1 and len(there) != 1:
        return Choice("ambiguous")
    row = there[0] if there else found[0]
    tied = ("legal_name" if form else "name", *(("postal_code",) if there else ()))
    if not form and not there and len(key.split()) < 2:
        return Choice("weak_name")
    return Choice("anchored" if row.live else "not_live", row.uen, tied)


def _clash(form: tuple[str, str] | None, row: RegisterRow) -> bool:
    """The company says its legal form, and the row has another or none: a partnership or a sole
    proprietor is not the company of that name."""
    other = legal_form(row.name)
    return form is not None and (other is None or _form(form) != _form(other))


def _form(form: tuple[str, str]) -> str:
    """ "Private Limited" written out is what India abbreviates otherwise."""
    return "Pte. Ltd." if form[0] == "Pvt. Ltd." else form[0]
