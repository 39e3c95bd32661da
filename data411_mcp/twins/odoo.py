"""An Odoo server on loopback: both external APIs of the version that it says it is."""

from __future__ import annotations

import xmlrpc.client
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from xml.parsers.expat import ExpatError

import anyio

from data411_mcp.twins.http_server import serve_http
from data411_mcp.twins.odoo_records import OdooFault, Records, Values, models_of, value_error
from data411_mcp.twins.wire import HangUp, Reply, Request, json_reply, text_reply

JSON2_SINCE = 19
UID = 7
_API_MODEL = frozenset({"create", "load", "search_read", "fields_get", "check_object_reference"})
_TRACEBACK = 'Traceback (most recent call last):\n  File "/opt/odoo/odoo/http.py", line 1'


@dataclass
class OdooFaultRow:
    """What goes wrong with calls of that model and method, `times` times. `after`: the call is
    done first, and the connection drops instead of an answer. `overtaken`: another worker's call
    with the same arguments is done first, and ours is told of it in the database's words."""

    model: str = "*"
    method: str = "*"
    status: int = 500
    times: int = 1
    after: bool = False
    overtaken: bool = False
    hang_up: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OdooCall:
    protocol: str  # json2, xmlrpc
    model: str
    method: str
    arguments: Values


@dataclass
class OdooTwin:
    """A running twin. `records` is its database, `calls` what was asked of it, in order."""

    version: str
    key: str
    database: str
    login: str
    records: Records
    url: str = ""
    calls: list[OdooCall] = field(default_factory=list)
    faults: list[OdooFaultRow] = field(default_factory=list)
    delay_seconds: float = 0.0

    @property
    def major(self) -> int:
        return self.records.major

    def rows(self, model: str) -> list[Values]:
        return list(self.records.tables.get(model, {}).values())

    def methods(self, model: str) -> list[str]:
        return [call.method for call in self.calls if call.model == model]

    def notes(self, model: str, record_id: int) -> list[str]:
        mine = (m for m in self.rows("mail.message") if (m["model"], m["res_id"]) == (
            model, record_id))  # fmt: skip
        return [message["body"] for message in mine]


@asynccontextmanager
async def running_odoo(
    version: str = "19.0",
    *,
    key: str = "odoo-twin-key",
    custom_fields: bool = False,
    crm: bool = True,
    administers: bool = False,
) -> AsyncIterator[OdooTwin]:
    """An Odoo of that version on a free port of 127.0.0.1 until the block ends. Its user
    `administers` access rights, or only sells."""
    major = int("".join(c for c in version.split(".")[0] if c.isdigit()))
    records = Records(major, models_of(major, custom_fields=custom_fields, crm=crm))
    if administers:
        records.denied.clear()
    twin = OdooTwin(version, key, "twin", "bot@twin.example", records)
    failure: Exception | None = None
    async with anyio.create_task_group() as serving:
        port = await serving.start(serve_http, _Server(twin).handle, None)
        twin.url = f"http://127.0.0.1:{port}"
        try:
            yield twin
        except Exception as error:
            failure = error
        serving.cancel_scope.cancel()
    if failure is not None:
        raise failure


class _Server:
    def __init__(self, twin: OdooTwin) -> None:
        self._twin = twin

    async def handle(self, request: Request) -> Reply:
        if self._twin.delay_seconds:
            await anyio.sleep(self._twin.delay_seconds)
        modern = self._twin.major >= JSON2_SINCE
        if request.path == "/web/version" and modern:
            info = [self._twin.major, 0, 0, "final", 0, ""]
            return json_reply({"version_info": info, "version": self._twin.version})
        if request.path.startswith("/json/2/") and modern and request.method == "POST":
            return self._json2(request)
        if request.path in ("/xmlrpc/2/common", "/xmlrpc/2/object"):
            return self._xmlrpc(request)
        return text_reply("<h1>404</h1>", 404, content_type="text/html; charset=utf-8")

    # --- the two protocols ------------------------------------------------------------------

    def _json2(self, request: Request) -> Reply:
        if request.bearer != self._twin.key:
            return _error("werkzeug.exceptions.Unauthorized", "Invalid apikey", 401)
        wanted = request.headers.get("x-odoo-database", self._twin.database)
        if wanted != self._twin.database:
            return _error("werkzeug.exceptions.NotFound", "no such database", 404)
        model, _, method = request.path.removeprefix("/json/2/").partition("/")
        body = request.json
        if not isinstance(body, dict):
            return _error("werkzeug.exceptions.BadRequest", "cannot parse the body", 400)
        arguments = dict(body)
        if method in _API_MODEL and arguments.get("ids"):
            message = f"cannot call {model}.{method} with ids"
            return _error("werkzeug.exceptions.UnprocessableEntity", message, 422)
        try:
            return json_reply(self._call("json2", model, method, arguments))
        except OdooFault as fault:
            return _error(fault.name, fault.message, fault.status)
        except _Refusal as refusal:
            return _error("odoo.http.Failure", "planned", refusal.status, refusal.headers)

    def _xmlrpc(self, request: Request) -> Reply:
        try:
            parameters, method = xmlrpc.client.loads(request.body, use_builtin_types=True)
        except (ExpatError, xmlrpc.client.Error):
            return text_reply("bad request", 400)
        try:
            if request.path.endswith("common"):
                return _xml(self._common(str(method), parameters))
            return _xml(self._object(parameters))
        except OdooFault as fault:
            text = f"{_TRACEBACK}\n{fault.message}" if fault.code == 1 else fault.message
            return _xml(xmlrpc.client.Fault(fault.code, text))
        except _Refusal as refusal:
            return Reply(refusal.status, dict(refusal.headers), b"planned")

    def _common(self, method: str, parameters: Sequence[Any]) -> Any:
        if method == "version":
            return {"server_version": self._twin.version, "protocol_version": 1}
        database, login, key, _ = parameters
        mine = (self._twin.database, self._twin.login, self._twin.key)
        return UID if (database, login, key) == mine else False

    def _object(self, parameters: Sequence[Any]) -> Any:
        database, uid, key, model, method, positional, *more = parameters
        if (database, uid, key) != (self._twin.database, UID, self._twin.key):
            raise OdooFault("odoo.exceptions.AccessDenied", "Access Denied", 401, 3)
        options = dict(more[0]) if more else {}
        names = {
            "search_read": ("domain", "fields"),
            "load": ("fields", "data"),
            "create": ("vals_list",),
            "write": ("ids", "vals"),
            "message_post": ("ids",),
            "fields_get": ("allfields",),
            "check_object_reference": ("module", "xml_id"),
            "get_metadata": ("ids",),
        }.get(method, ())
        arguments = {**dict(zip(names, positional, strict=False)), **options}
        return self._call("xmlrpc", model, method, arguments)

    # --- the methods ------------------------------------------------------------------------

    def _call(self, protocol: str, model: str, method: str, arguments: Values) -> Any:
        self._twin.calls.append(OdooCall(protocol, model, method, arguments))
        planned = self._planned(model, method)
        if planned is not None and not (planned.after or planned.overtaken):
            if planned.hang_up:
                raise HangUp(reset=False)
            raise _Refusal(planned.status, planned.headers)
        self._twin.records.fields(model)
        known: dict[str, Callable[[str, Values], Any]] = {
            "fields_get": self._fields_get,
            "search_read": self._search_read,
            "load": self._load,
            "create": self._create,
            "write": self._write,
            "message_post": self._message_post,
            "check_object_reference": self._reference,
            "get_metadata": self._metadata,
        }
        if method not in known:
            raise OdooFault("werkzeug.exceptions.NotFound", f"no public method {method}", 404, 1)
        try:
            answer = known[method](model, arguments)
        except (KeyError, TypeError) as error:
            message = f"missing or wrong argument: {error}"
            raise OdooFault("werkzeug.exceptions.UnprocessableEntity", message, 422, 1) from error
        if planned is not None and planned.overtaken:
            message = "Unknown error during import: could not serialize access"
            told = {"type": "error", "record": 0, "rows": {"from": 0, "to": 0}, "message": message}
            return {"ids": False, "messages": [told], "nextrow": 0}
        if planned is not None:
            raise HangUp(reset=False)
        return answer

    def _planned(self, model: str, method: str) -> OdooFaultRow | None:
        for row in self._twin.faults:
            if row.times > 0 and row.model in ("*", model) and row.method in ("*", method):
                row.times -= 1
                return row
        return None

    def _fields_get(self, model: str, arguments: Values) -> Any:
        wanted = arguments.get("attributes") or ()
        fields = self._twin.records.fields(model)
        return {
            name: {k: v for k, v in about.items() if not wanted or k in wanted}
            for name, about in fields.items()
        }

    def _search_read(self, model: str, arguments: Values) -> Any:
        context = arguments.get("context") or {}
        ids = self._twin.records.search(
            model, arguments.get("domain") or (), active_test=context.get("active_test", True)
        )
        names = arguments.get("fields") or ()
        if arguments.get("order") == "id desc":
            ids.reverse()
        chosen = ids[: arguments.get("limit") or None]
        return [self._twin.records.shown(model, record_id, names) for record_id in chosen]

    def _load(self, model: str, arguments: Values) -> Any:
        context = arguments.get("context") or {}
        return self._twin.records.load(model, arguments["fields"], arguments["data"], context)

    def _reference(self, model: str, arguments: Values) -> Any:
        return self._twin.records.reference(arguments["module"], arguments["xml_id"])

    def _metadata(self, model: str, arguments: Values) -> Any:
        return [
            {
                "id": record_id,
                "xmlid": names[0] if names else False,
                "xmlids": [{"xmlid": name, "noupdate": False} for name in names],
            }
            for record_id in arguments["ids"]
            for names in [self._twin.records.external_ids(model, record_id)]
        ]

    def _create(self, model: str, arguments: Values) -> Any:
        rows = arguments["vals_list"]
        many = [rows] if isinstance(rows, dict) else rows
        made = [self._twin.records.create(model, values) for values in many]
        return made[0] if isinstance(rows, dict) else made

    def _write(self, model: str, arguments: Values) -> Any:
        self._twin.records.write(model, arguments["ids"], arguments["vals"])
        return True

    def _message_post(self, model: str, arguments: Values) -> Any:
        options = {k: v for k, v in arguments.items() if k not in ("ids", "context")}
        made = [
            self._twin.records.message_post(model, record_id, options)
            for record_id in arguments["ids"]
        ]
        if not made:
            raise value_error("Expected singleton")
        return made


class _Refusal(Exception):
    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(str(status))
        self.status, self.headers = status, headers


def _error(name: str, message: str, status: int, headers: Mapping[str, str] | None = None) -> Reply:
    body = {
        "name": name,
        "message": message,
        "arguments": [message],
        "context": {},
        "debug": _TRACEBACK,
    }
    return json_reply(body, status, headers=headers)


def _xml(value: Any) -> Reply:
    shown = value if isinstance(value, xmlrpc.client.Fault) else (value,)
    text = xmlrpc.client.dumps(shown, methodresponse=True, allow_none=True, encoding="utf-8")
    return Reply(200, {"content-type": "text/xml; charset=utf-8"}, text.encode())
