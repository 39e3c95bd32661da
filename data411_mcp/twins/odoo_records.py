"""The records of the Odoo twin: a few models, with what of the ORM's behaviour a client can see."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Values = dict[str, Any]
Fields = dict[str, dict[str, Any]]

MOBILE_UNTIL = 18
IDS_HIDDEN_SINCE = 19  # from users who do not administer access rights
BODY_IS_HTML_SINCE = 17
REGISTRY_SINCE = 16
_COUNTRIES = (("SG", "Singapore"), ("US", "United States"), ("DE", "Germany"), ("MY", "Malaysia"))


class OdooFault(Exception):
    """An error as Odoo has it: the exception's name, and what the protocols make of it."""

    def __init__(self, name: str, message: str, status: int, code: int) -> None:
        super().__init__(message)
        self.name, self.message, self.status, self.code = name, message, status, code


def validation(message: str) -> OdooFault:
    return OdooFault("odoo.exceptions.ValidationError", message, 422, 2)


def value_error(message: str) -> OdooFault:
    return OdooFault("builtins.ValueError", message, 500, 1)


def access_error(message: str) -> OdooFault:
    return OdooFault("odoo.exceptions.AccessError", message, 403, 4)


def no_model(model: str) -> OdooFault:
    return OdooFault("werkzeug.exceptions.NotFound", f"Object {model} doesn't exist", 404, 2)


def _field(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "readonly": False, "required": False, **more}


def _texts(names: str) -> Fields:
    return {name: _field("char") for name in names.split()}


def _country() -> dict[str, Any]:
    return _field("many2one", relation="res.country")


def models_of(major: int, *, custom_fields: bool, crm: bool) -> dict[str, Fields]:
    """Fields by model, as that version has them."""
    partner: Fields = {
        **_texts("name website phone email function street street2 city zip vat ref lang"),
        "active": _field("boolean"),
        "is_company": _field("boolean"),
        "comment": _field("html"),
        "parent_id": _field("many2one", relation="res.partner"),
        "country_id": _country(),
        "email_normalized": _field("char", readonly=True),
    }
    lead: Fields = {
        **_texts("name partner_name contact_name function email_from phone website street city"),
        **_texts("zip referred"),
        "active": _field("boolean"),
        "type": _field("selection", required=True),
        "priority": _field("selection"),
        "description": _field("html"),
        "partner_id": _field("many2one", relation="res.partner"),
        "country_id": _country(),
        "expected_revenue": _field("monetary"),
        "probability": _field("float"),
    }
    if major >= REGISTRY_SINCE:
        partner |= _texts("company_registry")
    if major <= MOBILE_UNTIL:
        partner |= _texts("mobile")
        lead |= _texts("mobile")
    if custom_fields:
        partner |= _texts("x_uen x_industry_norm x_website_domain x_tech_stack")
        partner["x_employees_est"] = _field("integer")
        lead |= _texts("x_pre_sdr_bucket x_pre_sdr_rationale x_source_urls")
        lead["x_pre_sdr_score"] = _field("float")
    models = {
        "res.partner": partner,
        "res.country": _texts("name code"),
        "ir.model.data": {
            **_texts("module name model"),
            "res_id": _field("integer"),
            "noupdate": _field("boolean"),
        },
        "mail.message": {
            **_texts("model message_type subtype"),
            "res_id": _field("integer"),
            "body": _field("html"),
        },
    }
    return models | ({"crm.lead": lead} if crm else {})


@dataclass
class Records:
    """`tables` holds the records by model and id. `denied` are (model, right) pairs that the user
    lacks; rights are read, create and write."""

    major: int
    models: dict[str, Fields]
    tables: dict[str, dict[int, Values]] = field(default_factory=dict)
    denied: set[tuple[str, str]] = field(default_factory=set)
    checks: list[Callable[[str, Values], str | None]] = field(default_factory=list)
    _last: int = 0

    def __post_init__(self) -> None:
        for model in self.models:
            self.tables.setdefault(model, {})
        for code, name in _COUNTRIES:
            country = self.create("res.country", {"name": name, "code": code})
            self._name("base", code.lower(), "res.country", country)
        if self.major >= IDS_HIDDEN_SINCE:
            self.denied |= {("ir.model.data", "read"), ("ir.model.data", "create")}

    def fields(self, model: str) -> Fields:
        if model not in self.models:
            raise no_model(model)
        return self.models[model]

    def allow(self, model: str, right: str) -> None:
        self.fields(model)
        if (model, right) in self.denied:
            raise access_error(f"You are not allowed to {right} {model}.")

    # --- reading ----------------------------------------------------------------------------

    def search(self, model: str, domain: Sequence[Any], *, active_test: bool = True) -> list[int]:
        self.allow(model, "read")
        rows = self.tables[model]
        found = [i for i in sorted(rows) if self._holds(model, rows[i], list(domain))]
        if active_test and "active" in self.fields(model):
            found = [i for i in found if rows[i].get("active", True)]
        return found

    def shown(self, model: str, record_id: int, names: Sequence[str]) -> Values:
        known = self.fields(model)
        row: Values = {"id": record_id}
        record = self.tables[model][record_id]
        for name in names or known:
            if name == "id":
                continue
            if name not in known:
                raise value_error(f"Invalid field {name!r} on model {model!r}")
            row[name] = self._shown_value(known[name], record.get(name, False))
        return row

    def _shown_value(self, about: Mapping[str, Any], value: Any) -> Any:
        if about["type"] == "many2one":
            other = self.tables[about["relation"]].get(value) if value else None
            return [value, other["name"]] if other else False
        if about["type"] in ("integer", "float", "monetary"):
            return value or 0
        return value if value not in (None, "") else False

    def _holds(self, model: str, record: Values, domain: list[Any]) -> bool:
        """Leaves are joined by "and", but where "|" stands before two of them."""
        rest = list(domain)
        held = True
        while rest:
            held = self._next(model, record, rest) and held
        return held

    def _next(self, model: str, record: Values, rest: list[Any]) -> bool:
        leaf = rest.pop(0)
        if leaf == "|":
            one, other = self._next(model, record, rest), self._next(model, record, rest)
            return one or other
        return self._leaf(model, record, leaf)

    def _leaf(self, model: str, record: Values, leaf: Any) -> bool:
        name, operator, wanted = leaf
        if name != "id" and name not in self.fields(model):
            raise value_error(f"Invalid field {model}.{name} in leaf {tuple(leaf)!r}")
        value = record["id"] if name == "id" else record.get(name, False)
        if operator == "=":
            return bool((value or False) == wanted if wanted is False else value == wanted)
        if operator == "in":
            return value in wanted
        if operator == "<":
            return bool((value or 0) < wanted)
        if operator == "child_of":
            return self._below(value, wanted)
        text = "" if value is False else str(value)
        pattern = wanted if operator == "=ilike" else f"%{wanted}%"
        return re.fullmatch(_regex(pattern), text, re.IGNORECASE | re.DOTALL) is not None

    def _below(self, partner_id: Any, top: int) -> bool:
        while partner_id and partner_id != top:
            partner_id = self.tables["res.partner"].get(partner_id, {}).get("parent_id")
        return bool(partner_id)

    # --- writing ----------------------------------------------------------------------------

    def create(self, model: str, values: Mapping[str, Any]) -> int:
        if self._last >= len(_COUNTRIES):
            self.allow(model, "create")
        self._checked(model, values)
        if model == "res.partner" and not values.get("name"):
            raise validation("Contacts require a name")
        if model == "ir.model.data" and self._named(values["module"], values["name"]):
            raise validation("The operation cannot be completed: already there")
        self._last += 1
        record: Values = {"id": self._last}
        if "active" in self.models[model]:
            record["active"] = True
        self.tables[model][self._last] = record
        record.update(values)
        self._follow(model, record, values)
        return self._last

    def write(self, model: str, ids: Sequence[int], values: Mapping[str, Any]) -> None:
        self.allow(model, "write")
        self._checked(model, values)
        for record_id in ids:
            if record_id not in self.tables[model]:
                raise OdooFault("odoo.exceptions.MissingError", "Record does not exist", 404, 2)
            record = self.tables[model][record_id]
            record.update(values)
            self._follow(model, record, values)

    def unlink(self, model: str, record_id: int) -> None:
        """A person deletes a record in the client: its external ids go with it."""
        del self.tables[model][record_id]
        names = self.tables["ir.model.data"]
        for key in [k for k, v in names.items() if (v["model"], v["res_id"]) == (model, record_id)]:
            del names[key]

    def _checked(self, model: str, values: Mapping[str, Any]) -> None:
        known = self.fields(model)
        for name, value in values.items():
            if name not in known:
                raise value_error(f"Invalid field {name!r} on model {model!r}")
            if isinstance(value, str) and "\x00" in value:
                raise value_error("A string literal cannot contain NUL (0x00) characters.")
        for check in self.checks:
            if message := check(model, dict(values)):
                raise validation(message)

    def _follow(self, model: str, record: Values, values: Mapping[str, Any]) -> None:
        """A lead takes empty contact data from its partner, and copies its own to the partner
        where they differ."""
        if model != "crm.lead" or not record.get("partner_id"):
            return
        partner = self.tables["res.partner"][record["partner_id"]]
        for mine, theirs in (("email_from", "email"), ("phone", "phone")):
            if not record.get(mine):
                record[mine] = partner.get(theirs, False)
            elif mine in values and record[mine] != partner.get(theirs):
                partner[theirs] = record[mine]

    # --- external ids -----------------------------------------------------------------------

    def load(
        self,
        model: str,
        columns: Sequence[str],
        data: Sequence[Sequence[str]],
        context: Mapping[str, Any],
    ) -> Values:
        """All rows or none; an error is a message, not an exception."""
        self.allow(model, "create")
        before = {name: {k: dict(v) for k, v in rows.items()} for name, rows in self.tables.items()}
        ids, messages = [], []
        for number, row in enumerate(data):
            record_id, found = self._load_row(model, columns, row, context)
            messages += [
                {"type": "error", "record": number, "rows": {"from": number, "to": number}, **m}
                for m in found
            ]
            ids.append(record_id)
        if messages:
            self.tables.clear()
            self.tables.update(before)
        return {"ids": False if messages else ids, "messages": messages, "nextrow": 0}

    def _load_row(
        self, model: str, columns: Sequence[str], row: Sequence[str], context: Mapping[str, Any]
    ) -> tuple[int | None, list[Values]]:
        external_id, values, messages = self._parsed_row(model, columns, row)
        if messages:
            return None, messages
        module, _, name = external_id.partition(".")
        there = self._named(module, name)
        try:
            if there is not None and there["res_id"] in self.tables[model]:
                kept = context.get("mode") == "update" and there.get("noupdate")
                if not kept:
                    self.write(model, [there["res_id"]], values)
                return int(there["res_id"]), []
            made = self.create(model, values)
        except OdooFault as fault:
            named = next((n for n in values if n in fault.message), None)
            return None, [{"message": fault.message, **({"field": named} if named else {})}]
        if there is not None:  # its record was deleted behind Odoo's back
            del self.tables["ir.model.data"][there["id"]]
        if external_id:
            self._name(module, name, model, made, noupdate=bool(context.get("noupdate")))
        return made, []

    def _parsed_row(
        self, model: str, columns: Sequence[str], row: Sequence[str]
    ) -> tuple[str, Values, list[Values]]:
        external_id = ""
        values: Values = {}
        messages: list[Values] = []
        for column, text in zip(columns, row, strict=True):
            if column == "id":
                external_id = text if "." in text else f"__import__.{text}"
                continue
            try:
                name, value = self._converted(model, column, text)
                values[name] = value
            except ValueError as error:
                messages.append({"field": column.split("/")[0], "message": str(error)})
        return external_id, values, messages

    def reference(self, module: str, name: str) -> list[Any]:
        """Open to every user, and an error where there is none."""
        there = self._named(module, name)
        if there is None:
            raise value_error(f"External ID not found in the system: {module}.{name}")
        return [there["model"], there["res_id"] in self.tables[there["model"]] and there["res_id"]]

    def external_ids(self, model: str, record_id: int) -> list[str]:
        rows = self.tables["ir.model.data"].values()
        return [f"{r['module']}.{r['name']}" for r in rows
                if (r["model"], r["res_id"]) == (model, record_id)]  # fmt: skip

    def _converted(self, model: str, column: str, text: str) -> tuple[str, Any]:
        name, _, sub = column.partition("/")
        about = self.fields(model).get(name)
        if about is None:
            raise ValueError(f"No field {name} on {model}")
        kind = about["type"]
        if not text:
            return name, False
        if kind == "boolean":
            return name, text.lower() in ("1", "true", "yes")
        if kind in ("integer", "float", "monetary"):
            return name, int(text) if kind == "integer" else float(text)
        if kind == "many2one":
            return name, self._pointed(about["relation"], sub, text)
        if kind == "selection" and name == "type" and text not in ("lead", "opportunity"):
            raise ValueError(f"Value {text!r} not found in selection field {name!r}")
        return name, text

    def _pointed(self, model: str, sub: str, text: str) -> int:
        if sub == ".id" and int(text) in self.tables[model]:
            return int(text)
        there = self._named(*text.split(".", 1)) if sub == "id" and "." in text else None
        if there is None:
            raise ValueError("No matching record found")
        return int(there["res_id"])

    def _named(self, module: str, name: str) -> Values | None:
        rows = self.tables["ir.model.data"].values()
        return next((r for r in rows if (r["module"], r["name"]) == (module, name)), None)

    def _name(
        self, module: str, name: str, model: str, record_id: int, *, noupdate: bool = False
    ) -> None:
        self._last += 1
        row = {"id": self._last, "module": module, "name": name, "model": model}
        self.tables["ir.model.data"][self._last] = {
            **row,
            "res_id": record_id,
            "noupdate": noupdate,
        }

    # --- the chatter ------------------------------------------------------------------------

    def message_post(self, model: str, record_id: int, arguments: Mapping[str, Any]) -> int:
        known = {"body", "message_type", "subtype_xmlid", "subject"}
        if self.major >= BODY_IS_HTML_SINCE:
            known.add("body_is_html")
        if arguments.keys() - known:
            raise value_error(f"Unknown arguments: {sorted(arguments.keys() - known)}")
        body = str(arguments.get("body", ""))
        if self.major >= BODY_IS_HTML_SINCE and not arguments.get("body_is_html"):
            body = f"<p>{html.escape(body)}</p>"
        self._last += 1
        self.tables["mail.message"][self._last] = {
            "id": self._last,
            "model": model,
            "res_id": record_id,
            "message_type": arguments.get("message_type", "notification"),
            "subtype": arguments.get("subtype_xmlid", ""),
            "body": body,
        }
        return self._last


def _regex(pattern: str) -> str:
    """A LIKE pattern: `%` is anything, `_` any one, a backslash takes the meaning away."""
    out = []
    parts = iter(str(pattern))
    for char in parts:
        if char == "\\":
            out.append(re.escape(next(parts, "\\")))
        else:
            out.append({"%": ".*", "_": "."}.get(char) or re.escape(char))
    return "".join(out)
