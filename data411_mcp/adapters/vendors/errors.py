"""What every vendor adapter shares on the wire: the HTTP shape it needs, and what a bad answer
means. Vendor text never enters an error: the status and our own word are all that is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from data411_mcp.adapters.politeness import retry_after_seconds
from data411_mcp.errors import LookupFailed, VendorError, VendorUnusable


class VendorReply(Protocol):
    """One vendor's answer. `headers` has lower-case names."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...


class VendorHttp(Protocol):
    """The part of `HttpClient` that vendors use. Raises LookupFailed and PageRefused."""

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: object = None,
        data: Mapping[str, str] | None = None,
        deadline_seconds: float,
    ) -> VendorReply: ...


def status_error(status: int, retry_after: float | None = None) -> VendorError:
    """The error that an HTTP status of 400 and above stands for."""
    if status == 401:
        return VendorUnusable("bad_key")
    if status == 402 and retry_after is None:
        return VendorUnusable("no_credit")
    if status in (402, 429):
        return LookupFailed("rate_limited", retry_after_seconds=retry_after)
    if status == 404:
        return LookupFailed("not_found")
    if status == 403:
        return LookupFailed("refused")
    if status in (408, 504, 524):
        return LookupFailed("timeout", retry_after_seconds=retry_after)
    if status >= 500:
        return LookupFailed("vendor_error", retry_after_seconds=retry_after)
    return LookupFailed("bad_request")


def check_status(reply: VendorReply, now: datetime) -> None:
    """Raises LookupFailed or VendorUnusable unless the status is 2xx."""
    if 200 <= reply.status < 300:
        return
    if reply.status < 400:
        raise LookupFailed("bad_reply")
    raise status_error(reply.status, retry_after_seconds(reply.headers, now))


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a vendor's answer. Raises LookupFailed("bad_reply")."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise LookupFailed("bad_reply") from error
    if not isinstance(parsed, dict):
        raise LookupFailed("bad_reply")
    return parsed
