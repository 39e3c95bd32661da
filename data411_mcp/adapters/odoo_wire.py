"""What both of Odoo's protocols share: the connection, one retry layer, and failures in our words.

The server is the operator's own, often on a private address: this client does not go through the
guard of pages, and goes nowhere else. Certificates are checked, redirects are not followed (the
key would travel along), answers are capped. An answer's text, `debug` least of all, is never
logged or passed on.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import anyio
import httpx2

from data411_mcp.adapters.http import CLOSE_SECONDS, closing_clients, failure_of
from data411_mcp.adapters.politeness import (
    RETRY_STATUSES_ANY,
    RETRY_STATUSES_IDEMPOTENT,
    retry_after_seconds,
    retry_delay,
    user_agent,
)
from data411_mcp.errors import LookupFailed, VendorUnusable
from data411_mcp.network import Network
from data411_mcp.settings import Settings

# As in the update of a module: what exists and was marked not to be updated is left as it is.
LOAD_CONTEXT: Mapping[str, Any] = {"mode": "update", "noupdate": True}
ALL_RECORDS: Mapping[str, Any] = {"active_test": False}
NO_SUCH_REFERENCE = "External ID not found"

ANSWER_BYTES_MAX = 8_000_000
CONNECTIONS_MAX = 10
ATTEMPTS_MAX = 3
JSON2_SINCE = 19
BODY_IS_HTML_SINCE = 17

Domain = Sequence[Any]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OdooAccount:
    url: str  # without a path
    database: str
    login: str
    key: str


class OdooRpc(Protocol):
    """The calls that the upsert is made of. Each is a transaction of its own. Every method raises
    LookupFailed (timeout, connect, dns, tls, rate_limited, unavailable, vendor_error, bad_reply,
    too_large, refused_value) or VendorUnusable (bad_key, forbidden, no_such_model, wrong_url,
    not_configured)."""

    @property
    def major(self) -> int: ...

    async def fields_get(self, model: str) -> Mapping[str, Mapping[str, Any]]: ...

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
        """`archived`: those that were put away too."""

    async def load(self, model: str, fields: Sequence[str], row: Sequence[str]) -> Loaded:
        """One row by its external id, in one transaction: created, or found where it exists and
        was made so (`LOAD_CONTEXT`), and then not written to."""

    async def reference(self, external_id: str) -> int | None:
        """The number of the record with that external id, whatever its model; None where there
        is none, or the user may not see it. Odoo logs an error when there is none."""

    async def external_ids(self, model: str, ids: Sequence[int]) -> Mapping[int, frozenset[str]]:
        """All external ids of each record."""

    async def create(self, model: str, values: Mapping[str, Any]) -> int: ...

    async def write(self, model: str, record_id: int, values: Mapping[str, Any]) -> None: ...

    async def note(self, model: str, record_id: int, html: str) -> None:
        """An internal note in the record's chatter."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """`record_id` is None when the server refused the row; `fields` are those it named."""

    record_id: int | None
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise LookupFailed("bad_reply", "The CRM's answer is not JSON.") from None


@dataclass(frozen=True)
class OdooHttp:
    """One exchange at a time with the account's server."""

    client: httpx2.AsyncClient
    account: OdooAccount

    async def get(self, path: str) -> Answer:
        return await self._send("GET", path, b"", {}, again=True)

    async def post(
        self, path: str, body: bytes, headers: Mapping[str, str], *, again: bool
    ) -> Answer:
        """`again`: doing it twice is the same as once, so a dropped connection is tried again."""
        return await self._send("POST", path, body, headers, again=again)

    async def _send(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], *, again: bool
    ) -> Answer:
        """Within the caller's deadline. Any status comes back."""
        statuses = RETRY_STATUSES_IDEMPOTENT if again else RETRY_STATUSES_ANY
        for attempt in range(1, ATTEMPTS_MAX + 1):
            last = attempt == ATTEMPTS_MAX
            asked = None
            try:
                answer, asked = await self._once(method, path, body, headers)
            except httpx2.HTTPError as error:
                failed = failure_of(error)
                safe = isinstance(error, httpx2.ConnectError) or again
                if last or failed.reason != "connect" or not safe:
                    raise failed from error
            else:
                if answer.status not in statuses or last:
                    return answer
            delay = retry_delay(attempt, asked)
            if anyio.current_time() + delay >= anyio.current_effective_deadline():
                raise LookupFailed("timeout", "The CRM asks for more time than there is.")
            await anyio.sleep(delay)
        raise AssertionError("attempts are at least 1")

    async def _once(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[Answer, float | None]:
        request = self.client.build_request(
            method, self.account.url.rstrip("/") + path, content=body, headers=headers
        )
        response = await self.client.send(request, stream=True, follow_redirects=False)
        try:
            read = bytearray()
            async for part in response.aiter_bytes():
                read += part
                if len(read) > ANSWER_BYTES_MAX:
                    raise LookupFailed("too_large", "The CRM's answer is larger than the limit.")
            lowered = {name.lower(): value for name, value in response.headers.items()}
            asked = retry_after_seconds(lowered, datetime.now(UTC))
            return Answer(response.status_code, bytes(read)), asked
        finally:
            with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                await response.aclose()


def check_status(status: int) -> None:
    """Raises for every status but 200; the reason is what callers act on."""
    if status == 200:
        return
    if status == 401:
        raise VendorUnusable("bad_key", "The CRM does not take the key.")
    if status == 403:
        raise VendorUnusable("forbidden", "The CRM's user may not do this.")
    if status == 404:
        raise VendorUnusable("no_such_model", "The CRM has no such model: is CRM installed?")
    if 300 <= status < 400:
        raise VendorUnusable("wrong_url", "The CRM's address redirects: configure the final one.")
    if status in (400, 409, 422):
        raise LookupFailed("refused_value", "The CRM refused a value.")
    if status in (429, 503):
        raise LookupFailed("unavailable", "The CRM asks to be left alone for now.")
    raise LookupFailed("vendor_error", "The CRM failed.")


def loaded(answer: Any) -> Loaded:
    """What `load` says: an error arrives with a success, as `ids: false` and messages."""
    if not isinstance(answer, Mapping):
        raise LookupFailed("bad_reply", "The CRM's answer has another shape.")
    ids = answer.get("ids")
    if isinstance(ids, Sequence) and ids and isinstance(ids[0], int):
        return Loaded(int(ids[0]))
    messages = answer.get("messages")
    named = [
        str(message["field"]).split("/")[0]
        for message in (messages if isinstance(messages, Sequence) else ())
        if isinstance(message, Mapping) and isinstance(message.get("field"), str)
    ]
    return Loaded(None, tuple(dict.fromkeys(named)))


def referred_to(answer: Any) -> int | None:
    """Of `check_object_reference`: [model, number], the number False where it is out of sight."""
    if not isinstance(answer, list) or len(answer) != 2:
        raise LookupFailed("bad_reply", "The CRM's answer has another shape.")
    return int(answer[1]) if answer[1] and isinstance(answer[1], int) else None


def ids_named(answer: Any) -> dict[int, frozenset[str]]:
    """Of `get_metadata`: `xmlids` where the version has them, else the one of `xmlid`."""
    named = {}
    for row in rows_of(answer):
        several = row.get("xmlids")
        found = [one.get("xmlid") for one in several] if isinstance(several, list) else []
        found.append(row.get("xmlid"))
        named[id_of(row.get("id"))] = frozenset(name for name in found if isinstance(name, str))
    return named


def fields_of(answer: Any) -> Mapping[str, Mapping[str, Any]]:
    if not isinstance(answer, dict):
        raise LookupFailed("bad_reply", "The CRM's answer has another shape.")
    return answer


def rows_of(answer: Any) -> list[Row]:
    if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
        raise LookupFailed("bad_reply", "The CRM's answer has another shape.")
    return answer


def id_of(answer: Any) -> int:
    """Of `create`: a number, or a list with one."""
    found = answer[0] if isinstance(answer, list) and answer else answer
    if isinstance(found, bool) or not isinstance(found, int):
        raise LookupFailed("bad_reply", "The CRM's answer has another shape.")
    return found


def note_values(html: str, major: int) -> dict[str, Any]:
    values: dict[str, Any] = {
        "body": html,
        "message_type": "comment",
        "subtype_xmlid": "mail.mt_note",
    }
    if major >= BODY_IS_HTML_SINCE:  # since then a plain string is shown as text
        values["body_is_html"] = True
    return values


def major_of(version: str) -> int:
    """`19.0` and `saas~19.2` → 19; 0 where there is none."""
    found = re.search(r"\d+", version)
    return int(found.group()) if found else 0


async def json_version(http: OdooHttp) -> int:
    """What `/web/version` says; 0 where the server is older than that page."""
    answer = await http.get("/web/version")
    if answer.status != 200:
        return 0
    try:
        told = answer.json()
    except LookupFailed:
        return 0
    version = told.get("version") if isinstance(told, Mapping) else None
    return major_of(version) if isinstance(version, str) else 0


@asynccontextmanager
async def odoo_http(
    account: OdooAccount, settings: Settings, network: Network
) -> AsyncIterator[OdooHttp]:
    """The connection of one process; closed at the end."""
    context = network.ssl_context or ssl.create_default_context()
    client = httpx2.AsyncClient(
        verify=context,
        headers={"user-agent": user_agent(settings)},
        limits=httpx2.Limits(max_connections=CONNECTIONS_MAX),
        timeout=httpx2.Timeout(60.0, connect=10.0),
        trust_env=False,
        follow_redirects=False,
    )
    async with closing_clients(client):
        yield OdooHttp(client, account)
