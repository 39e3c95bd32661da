"""Odoo 19 and later: `POST /json/2/{model}/{method}` with named arguments and a bearer key."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data411_mcp.adapters.odoo_wire import (
    ALL_RECORDS,
    LOAD_CONTEXT,
    NO_SUCH_REFERENCE,
    Answer,
    Domain,
    Loaded,
    OdooHttp,
    Row,
    check_status,
    fields_of,
    id_of,
    ids_named,
    loaded,
    note_values,
    referred_to,
    rows_of,
)

ATTRIBUTES = ("type", "readonly", "relation", "required")


@dataclass(frozen=True)
class Json2:
    """Implements `OdooRpc`."""

    http: OdooHttp
    major: int

    async def fields_get(self, model: str) -> Mapping[str, Mapping[str, Any]]:
        return fields_of(await self._call(model, "fields_get", {"attributes": list(ATTRIBUTES)}))

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
        asked = {"domain": list(domain), "fields": list(fields), "limit": limit, "order": order}
        context = ALL_RECORDS if archived else {}
        return rows_of(await self._call(model, "search_read", {**asked, "context": context}))

    async def load(self, model: str, fields: Sequence[str], row: Sequence[str]) -> Loaded:
        asked = {"fields": fields, "data": [row], "context": LOAD_CONTEXT}
        return loaded(await self._call(model, "load", asked))

    async def reference(self, external_id: str) -> int | None:
        module, _, name = external_id.partition(".")
        asked = {"module": module, "xml_id": name, "context": ALL_RECORDS}
        answer = await self._post("ir.model.data", "check_object_reference", asked, again=True)
        if answer.status == 500:
            error = answer.json()
            message = error.get("message") if isinstance(error, dict) else None
            if isinstance(message, str) and message.startswith(NO_SUCH_REFERENCE):
                return None
        check_status(answer.status)
        return referred_to(answer.json())

    async def external_ids(self, model: str, ids: Sequence[int]) -> Mapping[int, frozenset[str]]:
        return ids_named(await self._call(model, "get_metadata", {"ids": list(ids)}))

    async def create(self, model: str, values: Mapping[str, Any]) -> int:
        made = await self._call(model, "create", {"vals_list": [dict(values)]}, again=False)
        return id_of(made)

    async def write(self, model: str, record_id: int, values: Mapping[str, Any]) -> None:
        await self._call(model, "write", {"ids": [record_id], "vals": dict(values)})

    async def note(self, model: str, record_id: int, html: str) -> None:
        values = note_values(html, self.major)
        await self._call(model, "message_post", {"ids": [record_id], **values}, again=False)

    async def _call(
        self, model: str, method: str, arguments: Mapping[str, Any], *, again: bool = True
    ) -> Any:
        answer = await self._post(model, method, arguments, again=again)
        check_status(answer.status)
        return answer.json()

    async def _post(
        self, model: str, method: str, arguments: Mapping[str, Any], *, again: bool
    ) -> Answer:
        account = self.http.account
        headers = {
            "authorization": f"bearer {account.key}",
            "content-type": "application/json; charset=utf-8",
        }
        if account.database:
            headers["x-odoo-database"] = account.database
        body = json.dumps(dict(arguments), ensure_ascii=False, default=dict)
        return await self.http.post(
            f"/json/2/{model}/{method}", body.encode("utf-8", "replace"), headers, again=again
        )
