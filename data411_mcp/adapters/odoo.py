"""Odoo as the CRM: upsert by external id, in words that both of its protocols speak.

A record is looked for by its external id, then by its `match`; what is not there is created with
its external id in one transaction (`load`), so that a crash leaves either nothing or a record
that is found again, and two at once make one. Only empty fields are filled. Fields that the
server does not know, or lets nobody write, are left out.
"""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

import anyio
import structlog

from data411_mcp.adapters.http import within
from data411_mcp.adapters.odoo_erasing import Erased, erase_person
from data411_mcp.adapters.odoo_ids import OWN_KEY, ExternalIds
from data411_mcp.adapters.odoo_json2 import Json2
from data411_mcp.adapters.odoo_wire import (
    JSON2_SINCE,
    OdooAccount,
    OdooHttp,
    OdooRpc,
    Row,
    json_version,
    odoo_http,
)
from data411_mcp.adapters.odoo_xmlrpc import XmlRpc, xmlrpc_version
from data411_mcp.domain.hosts import registrable_domain
from data411_mcp.domain.icp.crm import COMPANY, LEAD, MAIL_AT, NOTE_MARK
from data411_mcp.errors import LookupFailed, VendorUnusable
from data411_mcp.network import Network
from data411_mcp.services.ports.icp import CrmChange, CrmRecord, CrmResult
from data411_mcp.settings import Settings

log = structlog.get_logger(__name__)

MATCHES_READ = 100
TEXT_CHARS_MAX = 20_000
CREATE, FILL, KEEP, REFUSED = "create", "fill", "keep", "refused"

# Odoo copies these from a lead to its partner when they differ: not over what is there.
_COPIED_TO_PARTNER = {"email_from": "email", "phone": "phone"}
_OF_THE_PERSON = frozenset({*_COPIED_TO_PARTNER, "contact_name", "function"})
_NUMBERS = frozenset({"integer", "float", "monetary"})
_TEXTS = frozenset({"char", "text", "html", "selection"})
_TAG = re.compile(r"<[^>]*>")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class _Plan:
    """`record_id` None: there is none yet. `fits` is what the server takes of the values."""

    record_id: int | None
    parent_id: int | None
    fits: Mapping[str, Any]
    changes: tuple[CrmChange, ...]
    linked: bool = False  # it has our external id
    missing_parent: bool = False
    key_free: bool = False  # nobody has given it a reference

    def to_write(self) -> dict[str, Any]:
        return {c.field: self.fits[c.field] for c in self.changes if c.action in (FILL, CREATE)}


@dataclass
class OdooCrm:
    """Implements `Crm`. Speaks to one server, with the protocol that it knows best."""

    http: OdooHttp | None
    protocol: str = "auto"
    _rpc: OdooRpc | None = None
    _ids: ExternalIds = field(default_factory=ExternalIds)
    _opening: anyio.Lock = field(default_factory=anyio.Lock)
    _fields: dict[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    _countries: dict[str, int | None] = field(default_factory=dict)
    _locks: WeakValueDictionary[str, anyio.Lock] = field(default_factory=WeakValueDictionary)

    def configured(self) -> bool:
        return self.http is not None

    async def preview(
        self, records: Sequence[CrmRecord], *, deadline_seconds: float
    ) -> tuple[CrmChange, ...]:
        """See the port."""
        with within(deadline_seconds):
            rpc = await self._connected()
            ids: dict[str, int | None] = {}
            found: list[CrmChange] = []
            for record in records:
                record_id = await self._ids.look_up(
                    rpc, record.model, record.external_id, quietly=False
                )
                plan = await self._plan(rpc, record, record_id, ids)
                ids[record.external_id] = plan.record_id
                found += plan.changes
            return tuple(found)

    async def upsert(self, record: CrmRecord, *, deadline_seconds: float) -> CrmResult:
        """See the port."""
        lock = self._locks.setdefault(record.external_id, anyio.Lock())
        with within(deadline_seconds):
            rpc = await self._connected()
            async with lock:
                return await self._upsert(rpc, record)

    async def erase(self, kind: str, value: str, *, deadline_seconds: float) -> Erased:
        """A person (name, email or phone) out of our records. Raises as `upsert`."""
        with within(deadline_seconds):
            rpc = await self._connected()
            fields = {model: await self._known_fields(rpc, model) for model in (COMPANY, LEAD)}
            return await erase_person(rpc, fields, kind, value)

    async def _upsert(self, rpc: OdooRpc, record: CrmRecord) -> CrmResult:
        linked = await self._ids.look_up(rpc, record.model, record.external_id, quietly=True)
        plan = await self._plan(rpc, record, linked, {})
        if plan.missing_parent:
            raise LookupFailed("no_parent", "The record's parent is not in the CRM.")
        created, refused = False, frozenset[str]()
        if plan.record_id is None:
            record_id, created, refused = await self._create(rpc, record, plan)
            if not created:  # it was there, out of our sight
                plan = await self._plan(rpc, record, record_id, {})
        if not created:
            if plan.record_id is None:
                raise LookupFailed("vendor_error", "The CRM's record is gone.")
            record_id = plan.record_id
            if values := plan.to_write():
                await rpc.write(record.model, record_id, values)
            if not plan.linked:
                await self._ids.link(rpc, record, record_id, free=plan.key_free)
        self._ids.noticed(record.external_id, record_id)
        changes = _without(plan.changes, refused)
        written = any(c.action in (FILL, CREATE) for c in changes)
        if record.note_html and (written or await self._lacks_note(rpc, record, record_id)):
            await self._note(rpc, record, record_id)
        return CrmResult(record_id, created, changes)

    # --- what would be done -----------------------------------------------------------------

    async def _plan(
        self,
        rpc: OdooRpc,
        record: CrmRecord,
        linked: int | None,
        known: Mapping[str, int | None],
    ) -> _Plan:
        """`linked` is the record with the external id, if any; `known` holds external ids that
        were looked up in this preview."""
        fits = await self._fitting(rpc, record)
        parent_id = await self._parent(rpc, record, known)
        missing = record.parent is not None and parent_id is None
        if parent_id is not None and record.model == LEAD:
            fits = await self._kind_to_partner(rpc, record.parent_field, parent_id, fits)
        if record.parent is not None:
            fits = {**fits, record.parent_field: record.parent if missing else parent_id}
        now = await self._now(rpc, record.model, linked, fits)
        if now is None and linked is not None:
            self._ids.gone(record.external_id)
        found = linked if now is not None else None
        if found is None and not missing:
            found = await self._by_match(rpc, record, parent_id)
            now = await self._now(rpc, record.model, found, fits)
        record_id = found if now is not None else None
        if now is not None and record.model == LEAD and _hangs_elsewhere(record, now, parent_id):
            fits = {name: value for name, value in fits.items() if name not in _OF_THE_PERSON}
        changes = tuple(
            self._change(record, name, value, now or {}, is_new=record_id is None)
            for name, value in fits.items()
        )
        return _Plan(
            record_id,
            parent_id,
            fits,
            changes,
            linked=record_id is not None and record_id == linked,
            missing_parent=missing,
            key_free=now is not None and not now.get(OWN_KEY),
        )

    async def _now(
        self, rpc: OdooRpc, model: str, record_id: int | None, names: Iterable[str]
    ) -> Row | None:
        """The record as it is; None where it is gone, or nobody knows its number."""
        if record_id is None:
            return None
        wanted = [*names, *([OWN_KEY] if model == COMPANY else [])]
        rows = await rpc.search_read(
            model, [["id", "=", record_id]], wanted, limit=1, archived=True
        )
        return rows[0] if rows else None

    def _change(
        self, record: CrmRecord, name: str, value: Any, now: Row, *, is_new: bool
    ) -> CrmChange:
        kind = str(self._fields[record.model][name].get("type", ""))
        before = now.get(name)
        if is_new:
            action = CREATE
        elif _is_empty(before, kind) and before != value:
            action = FILL
        else:
            action = KEEP
        shown = None if _is_empty(before, kind) else before
        return CrmChange(record.model, record.external_id, name, shown, value, action)

    async def _fitting(self, rpc: OdooRpc, record: CrmRecord) -> dict[str, Any]:
        """The values that the server can take, as it wants them for `write`."""
        known = await self._known_fields(rpc, record.model)
        fits: dict[str, Any] = {}
        for name, value in record.values.items():
            about = known.get(name)
            if about is None or about.get("readonly"):
                continue
            kind = str(about.get("type", ""))
            if kind == "many2one" and about.get("relation") == "res.country":
                value = await self._country(rpc, str(value))
            else:
                value = _fitted(value, kind)
            if value is not None:
                fits[name] = value
        return fits

    async def _kind_to_partner(
        self, rpc: OdooRpc, parent_field: str, partner_id: int, fits: dict[str, Any]
    ) -> dict[str, Any]:
        """Without the values by which Odoo would overwrite the partner's own."""
        copied = [name for name in _COPIED_TO_PARTNER if name in fits]
        if parent_field != "partner_id" or not copied:
            return fits
        own = [_COPIED_TO_PARTNER[name] for name in copied]
        rows = await rpc.search_read(
            COMPANY, [["id", "=", partner_id]], own, limit=1, archived=True
        )
        partner = rows[0] if rows else {}
        return {
            name: value
            for name, value in fits.items()
            if name not in _COPIED_TO_PARTNER
            or not partner.get(_COPIED_TO_PARTNER[name])
            or _folded(partner[_COPIED_TO_PARTNER[name]]) == _folded(value)
        }

    # --- finding ----------------------------------------------------------------------------

    async def _parent(
        self, rpc: OdooRpc, record: CrmRecord, known: Mapping[str, int | None]
    ) -> int | None:
        if record.parent is None:
            return None
        if record.parent in known:
            return known[record.parent]
        return await self._ids.look_up(rpc, COMPANY, record.parent, quietly=False)

    async def _by_match(self, rpc: OdooRpc, record: CrmRecord, parent_id: int | None) -> int | None:
        """The oldest record that one of the alternatives finds, and that is not another
        company's or person's of ours."""
        known = await self._known_fields(rpc, record.model)
        around: list[Any] = []
        if parent_id is not None and record.model == LEAD:
            around.append([record.parent_field, "child_of", await _house(rpc, parent_id)])
        elif parent_id is not None:
            around.append([record.parent_field, "=", parent_id])
        elif record.values.get("is_company"):
            around.append(["is_company", "=", True])
        for name, operator, value in record.match:
            if name not in known:
                continue
            rows = await rpc.search_read(
                record.model,
                [*around, *_asked(record.model, name, operator, value)],
                ["id", name],
                limit=MATCHES_READ,
                archived=True,
            )
            ids = [int(r["id"]) for r in rows if _really(r.get(name), name, operator, value)]
            taken = await self._ids.ours(rpc, record.model, ids)
            free = [record_id for record_id in ids if record_id not in taken]
            if free:
                return min(free)
        return None

    # --- writing ----------------------------------------------------------------------------

    async def _create(
        self, rpc: OdooRpc, record: CrmRecord, plan: _Plan
    ) -> tuple[int, bool, frozenset[str]]:
        """The record's number, whether it is new, and the fields that the server would not take.
        One that has the external id already is found, and not written to."""
        values = dict(plan.fits)
        refused: frozenset[str] = frozenset()
        patience = 1
        while True:
            newest = await self._ids.newest(rpc, record.model)
            columns, row = self._columns(record, values)
            outcome = await rpc.load(record.model, columns, row)
            if outcome.record_id is not None:
                return outcome.record_id, outcome.record_id > newest, refused
            named = {
                name
                for name in outcome.fields
                if name in values and name not in ("name", "type", record.parent_field)
            }
            if not named or refused:
                # Two at once: who came second is refused with a database's words, and finds the
                # record when it asks anew.
                if named or not patience:
                    raise LookupFailed("refused_value", "The CRM refused a value.")
                patience -= 1
                continue
            refused = frozenset(named)
            log.info("crm_fields_refused", model=record.model, fields=sorted(refused))
            values = {name: value for name, value in values.items() if name not in refused}

    def _columns(self, record: CrmRecord, values: Mapping[str, Any]) -> tuple[list[str], list[str]]:
        columns, row = ["id"], [record.external_id]
        for name, value in values.items():
            kind = self._fields[record.model].get(name, {}).get("type")
            columns.append(f"{name}/.id" if kind == "many2one" else name)
            row.append(("1" if value else "0") if isinstance(value, bool) else str(value))
        return columns, row

    async def _lacks_note(self, rpc: OdooRpc, record: CrmRecord, record_id: int) -> bool:
        """A run that died between the record and its note left none."""
        wanted = [
            ["model", "=", record.model],
            ["res_id", "=", record_id],
            ["body", "ilike", NOTE_MARK],
        ]
        try:
            return not await rpc.search_read(
                "mail.message", wanted, ["id"], limit=1, archived=False
            )
        except (VendorUnusable, LookupFailed):
            return False

    async def _note(self, rpc: OdooRpc, record: CrmRecord, record_id: int) -> None:
        """The record is written by now: a note that fails is no reason to say otherwise."""
        try:
            await rpc.note(record.model, record_id, record.note_html)
        except (VendorUnusable, LookupFailed) as error:
            log.warning("crm_note_failed", model=record.model, reason=error.reason)

    # --- what the server is -----------------------------------------------------------------

    async def _connected(self) -> OdooRpc:
        if self.http is None:
            raise VendorUnusable("not_configured", "No CRM is configured.")
        async with self._opening:
            if self._rpc is None:
                self._rpc = await _spoken(self.http, self.protocol)
            return self._rpc

    async def _known_fields(self, rpc: OdooRpc, model: str) -> Mapping[str, Mapping[str, Any]]:
        if model not in self._fields:
            self._fields[model] = await rpc.fields_get(model)
        return self._fields[model]

    async def _country(self, rpc: OdooRpc, code: str) -> int | None:
        code = code.strip()
        if code not in self._countries:
            name = "code" if len(code) == 2 else "name"
            asked = code.upper() if name == "code" else _like(code)
            rows = await rpc.search_read(
                "res.country", [[name, "=ilike", asked]], ["id"], limit=1, archived=False
            )
            self._countries[code] = int(rows[0]["id"]) if rows else None
        return self._countries[code]


async def _spoken(http: OdooHttp, protocol: str) -> OdooRpc:
    """JSON-2 where the server knows it, unless the operator says otherwise."""
    if protocol != "xmlrpc":
        major = await json_version(http)
        if major >= JSON2_SINCE or protocol == "json2":
            return Json2(http, major or JSON2_SINCE)
    return XmlRpc(http, await xmlrpc_version(http))


@asynccontextmanager
async def open_crm(settings: Settings, network: Network) -> AsyncIterator[OdooCrm]:
    """The CRM of one process; one that is not configured answers so."""
    url, key = settings.odoo_url, settings.odoo_api_key
    if not url or key is None:
        yield OdooCrm(None)
        return
    account = OdooAccount(
        url=url.rstrip("/"),
        database=settings.odoo_db or "",
        login=settings.odoo_login or "",
        key=key.get_secret_value(),
    )
    async with odoo_http(account, settings, network) as http:
        yield OdooCrm(http, settings.odoo_protocol)


# --- values --------------------------------------------------------------------------------


def _fitted(value: Any, kind: str) -> Any:
    """The value for a field of that type; None where it cannot be one."""
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if kind in _NUMBERS:
        if isinstance(value, bool):
            return None
        if isinstance(value, int | float):
            return value
        digits = str(value).replace(",", "").strip()
        return int(digits) if digits.isdecimal() else None
    if kind in _TEXTS:
        return _CONTROL.sub("", str(value))[:TEXT_CHARS_MAX] or None
    return None


def _is_empty(value: Any, kind: str) -> bool:
    """Odoo says False for an empty field, an empty paragraph for empty HTML, and 0 for a number
    that nobody gave. A boolean is never empty."""
    if kind == "boolean":
        return value is None
    if kind == "html" and isinstance(value, str):
        return not _TAG.sub("", value).strip()
    if kind in _NUMBERS:
        return not value
    return value is None or value is False or value == "" or value == []


def _folded(value: Any) -> str:
    return "".join(str(value).split()).casefold()


def _like(value: Any) -> str:
    """A value as a pattern that matches nothing but itself."""
    return re.sub(r"([\\%_])", r"\\\1", str(value))


async def _house(rpc: OdooRpc, partner_id: int) -> int:
    """The company that a person belongs to; a company itself."""
    rows = await rpc.search_read(
        COMPANY, [["id", "=", partner_id]], ["parent_id"], limit=1, archived=True
    )
    above = rows[0].get("parent_id") if rows else None
    return int(above[0]) if isinstance(above, list) and above else partner_id


def _hangs_elsewhere(record: CrmRecord, now: Row, parent_id: int | None) -> bool:
    """A person has put the lead on another partner than ours: our contact's address would become
    that partner's."""
    partner = now.get(record.parent_field)
    return isinstance(partner, list) and bool(partner) and partner[0] != parent_id


def _asked(model: str, name: str, operator: str, value: Any) -> list[Any]:
    """One alternative of a match as Odoo is asked for it; `_really` looks at what comes back."""
    if operator == MAIL_AT:  # of those that say nothing else about their website
        return [[name, "=ilike", f"%@{_like(value)}"], ["website", "=", False]]
    if name == "website":
        # A short domain stands in many longer ones: only where a host or its end can begin.
        there = _like(value)
        leaves: list[Any] = [
            "|", "|", [name, "ilike", f"://{there}"], [name, "ilike", f".{there}"],
            [name, "=ilike", f"{there}%"],
        ]  # fmt: skip
        # Somebody's opportunity is not reopened: neither one that was won nor one put away.
        return (
            [*leaves, ["active", "=", True], ["probability", "<", 100]] if model == LEAD else leaves
        )
    return [[name, operator, _like(value) if operator == "=ilike" else value]]


def _really(found: Any, name: str, operator: str, value: Any) -> bool:
    """`ilike` finds "notacme.example" for "acme.example"."""
    if operator == MAIL_AT:
        host = str(found or "").strip().rstrip(">").rpartition("@")[2]
        return registrable_domain(host) == str(value)
    if name == "website":
        return registrable_domain(html.unescape(str(found or ""))) == str(value)
    if operator == "=ilike":
        return str(found or "").strip().casefold() == str(value).strip().casefold()
    return True


def _without(changes: Sequence[CrmChange], refused: frozenset[str]) -> tuple[CrmChange, ...]:
    return tuple(
        CrmChange(c.model, c.external_id, c.field, c.before, c.after, REFUSED)
        if c.field in refused
        else c
        for c in changes
    )
