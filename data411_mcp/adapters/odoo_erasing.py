"""An erased person out of Odoo: out of the records that carry an external id of ours. What others
have entered is counted and left, for its owner to look at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data411_mcp.adapters.odoo_wire import OdooRpc, Row
from data411_mcp.domain.icp.crm import COMPANY, LEAD, MODULE

FOUND_MAX = 200
NAMELESS = "Erased"
_OF_A_PERSON = ("email", "phone", "mobile", "function", "x_linkedin_url", "comment")
_OF_A_LEAD = ("contact_name", "email_from", "phone", "mobile", "function")
_PEOPLE = {"name": "name", "email": "email", "phone": "phone"}
_LEADS = {"name": "contact_name", "email": "email_from", "phone": "phone"}

Fields = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Erased:
    records: int = 0
    left: int = 0  # of others: not ours to change


async def erase_person(rpc: OdooRpc, fields: Mapping[str, Fields], kind: str, value: str) -> Erased:
    """`kind` is name, email or phone; `fields` are those that the server knows. Doing it twice
    changes nothing more. Raises as `OdooRpc`."""
    people = await _found(rpc, COMPANY, _PEOPLE[kind], kind, value, ["is_company"])
    leads = await _found(rpc, LEAD, _LEADS[kind], kind, value, [])
    known = {int(row["id"]) for row in leads}
    persons = [int(row["id"]) for row in people if not row.get("is_company")]
    leads += [row for row in await _leads_of(rpc, persons) if int(row["id"]) not in known]
    erased = left = 0
    for model, rows in ((COMPANY, people), (LEAD, leads)):
        ours = await _ours(rpc, model, [int(row["id"]) for row in rows])
        for row in rows:
            if int(row["id"]) in ours:
                await rpc.write(model, int(row["id"]), _without(model, row, fields[model], kind))
                erased += 1
            else:
                left += 1
    return Erased(erased, left)


async def _found(
    rpc: OdooRpc, model: str, name: str, kind: str, value: str, more: Sequence[str]
) -> list[Row]:
    digits = re.sub(r"\D", "", value)
    pattern = f"%{'%'.join(digits)}" if kind == "phone" else re.sub(r"([\\%_])", r"\\\1", value)
    rows = await rpc.search_read(
        model, [[name, "=ilike", pattern]], [name, *more], limit=FOUND_MAX, archived=True
    )
    if kind != "phone":
        return rows
    return [row for row in rows if re.sub(r"\D", "", str(row.get(name))) == digits]


async def _leads_of(rpc: OdooRpc, persons: Sequence[int]) -> list[Row]:
    if not persons:
        return []
    return await rpc.search_read(
        LEAD, [["partner_id", "in", list(persons)]], ["partner_id"], limit=FOUND_MAX, archived=True
    )


async def _ours(rpc: OdooRpc, model: str, ids: Sequence[int]) -> set[int]:
    named = await rpc.external_ids(model, ids) if ids else {}
    mark = f"{MODULE}."
    return {i for i, names in named.items() if any(name.startswith(mark) for name in names)}


def _without(model: str, row: Row, known: Fields, kind: str) -> dict[str, Any]:
    """What is written over the record: a company loses the one value, a person all."""
    if model == COMPANY and row.get("is_company"):
        return {_PEOPLE[kind]: NAMELESS if kind == "name" else False}
    names = _OF_A_LEAD if model == LEAD else _OF_A_PERSON
    blank: dict[str, Any] = {name: False for name in names if name in known}
    return blank if model == LEAD else blank | {"name": NAMELESS, "active": False}
