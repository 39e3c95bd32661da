"""Odoo 18 and before: `execute_kw` over XML-RPC. The bodies are those of the standard library,
over our own client: its deadlines, its caps, its certificates."""

from __future__ import annotations

import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.parsers.expat import ExpatError

import anyio

from data411_mcp.adapters.odoo_wire import (
    ALL_RECORDS,
    LOAD_CONTEXT,
    NO_SUCH_REFERENCE,
    Domain,
    Loaded,
    OdooHttp,
    Row,
    check_status,
    fields_of,
    id_of,
    ids_named,
    loaded,
    major_of,
    note_values,
    referred_to,
    rows_of,
)
from data411_mcp.errors import LookupFailed, VendorUnusable

COMMON, OBJECT = "/xmlrpc/2/common", "/xmlrpc/2/object"
ATTRIBUTES = ("type", "readonly", "relation", "required")
_INT32 = 2**31


class _NoSuchReference(LookupFailed):
    """What Odoo says of an external id that nobody has."""


async def xmlrpc_version(http: OdooHttp) -> int:
    """The server's major version; 0 where it does not say. Raises as `OdooRpc`."""
    told = await _call(http, COMMON, "version", (), again=True)
    version = told.get("server_version") if isinstance(told, dict) else None
    return major_of(version) if isinstance(version, str) else 0


@dataclass
class XmlRpc:
    """Implements `OdooRpc`. The user's number is asked for once."""

    http: OdooHttp
    major: int
    _uid: int | None = None
    _login: anyio.Lock = field(default_factory=anyio.Lock)

    async def fields_get(self, model: str) -> Mapping[str, Mapping[str, Any]]:
        return fields_of(
            await self._execute(model, "fields_get", [], {"attributes": list(ATTRIBUTES)})
        )

    async def search_read(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        limit: int,
        archived: bool,
        order: str = "id",
    ) -> list[Row]:
        options: dict[str, Any] = {"fields": list(fields), "limit": limit, "order": order}
        if archived:
            options["context"] = dict(ALL_RECORDS)
        return rows_of(await self._execute(model, "search_read", [list(domain)], options))

    async def load(self, model: str, fields: Sequence[str], row: Sequence[str]) -> Loaded:
        options = {"context": dict(LOAD_CONTEXT)}
        return loaded(await self._execute(model, "load", [list(fields), [list(row)]], options))

    async def reference(self, external_id: str) -> int | None:
        module, _, name = external_id.partition(".")
        options = {"context": dict(ALL_RECORDS)}
        try:
            found = await self._execute(
                "ir.model.data", "check_object_reference", [module, name], options
            )
        except _NoSuchReference:
            return None
        return referred_to(found)

    async def external_ids(self, model: str, ids: Sequence[int]) -> Mapping[int, frozenset[str]]:
        return ids_named(await self._execute(model, "get_metadata", [list(ids)], {}))

    async def create(self, model: str, values: Mapping[str, Any]) -> int:
        return id_of(await self._execute(model, "create", [[dict(values)]], {}, again=False))

    async def write(self, model: str, record_id: int, values: Mapping[str, Any]) -> None:
        await self._execute(model, "write", [[record_id], dict(values)], {})

    async def note(self, model: str, record_id: int, html: str) -> None:
        values = note_values(html, self.major)
        await self._execute(model, "message_post", [[record_id]], values, again=False)

    async def _execute(
        self,
        model: str,
        method: str,
        arguments: list[Any],
        options: Mapping[str, Any],
        *,
        again: bool = True,
    ) -> Any:
        account, uid = self.http.account, await self._user()
        parameters = (
            account.database, uid, account.key, model, method, arguments, dict(options),
        )  # fmt: skip
        return await _call(self.http, OBJECT, "execute_kw", parameters, again=again)

    async def _user(self) -> int:
        async with self._login:
            if self._uid is None:
                account = self.http.account
                if not (account.database and account.login):
                    raise VendorUnusable("not_configured", "XML-RPC needs a database and a login.")
                agent: dict[str, str] = {}
                parameters = (account.database, account.login, account.key, agent)
                uid = await _call(self.http, COMMON, "authenticate", parameters, again=True)
                if not isinstance(uid, int) or isinstance(uid, bool):  # a wrong key is no fault
                    raise VendorUnusable("bad_key", "The CRM does not take the key.")
                self._uid = uid
            return self._uid


async def _call(
    http: OdooHttp, path: str, method: str, parameters: tuple[Any, ...], *, again: bool
) -> Any:
    body = xmlrpc.client.dumps(
        _sendable(parameters), methodname=method, encoding="utf-8", allow_none=True
    )
    headers = {"content-type": "text/xml; charset=utf-8"}
    answer = await http.post(path, body.encode("utf-8", "replace"), headers, again=again)
    check_status(answer.status)
    return _parsed(answer.body)


def _sendable(value: Any) -> Any:
    """XML-RPC knows integers of 32 bits, and no control characters."""
    if isinstance(value, dict):
        return {key: _sendable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        kind = type(value)
        return kind(_sendable(inner) for inner in value)
    if isinstance(value, str):
        return "".join(c for c in value if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff"))
    if isinstance(value, int) and not -_INT32 <= value < _INT32:
        return str(value)
    return value


def _parsed(body: bytes) -> Any:
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:  # a reply never needs one, a bomb does
        raise LookupFailed("bad_reply", "The CRM's answer is no XML-RPC.")
    try:
        (value,), _ = xmlrpc.client.loads(body, use_builtin_types=True)
    except xmlrpc.client.Fault as fault:
        raise _fault(fault.faultCode, str(fault.faultString)) from None
    except (ExpatError, xmlrpc.client.Error, ValueError, TypeError, KeyError, IndexError):
        raise LookupFailed("bad_reply", "The CRM's answer is no XML-RPC.") from None
    return value


def _fault(code: int, text: str) -> LookupFailed | VendorUnusable:
    """The text holds tracebacks with paths and values: it is looked at and left behind."""
    if code == 3:
        return VendorUnusable("bad_key", "The CRM does not take the key.")
    if code == 4:
        return VendorUnusable("forbidden", "The CRM's user may not do this.")
    if "doesn't exist" in text and "bject" in text:
        return VendorUnusable("no_such_model", "The CRM has no such model: is CRM installed?")
    if NO_SUCH_REFERENCE in text:
        return _NoSuchReference("no_such_reference", "No record has that external id.")
    if code == 2:
        return LookupFailed("refused_value", "The CRM refused a value.")
    return LookupFailed("vendor_error", "The CRM failed.")
