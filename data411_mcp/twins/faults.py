"""What goes wrong on purpose: scripts in the world or set at run time, and the published mix."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from fnmatch import fnmatchcase
from typing import Any

import anyio
import anyio.lowlevel

from data411_mcp.twins.rows import FaultRow, FaultSpec
from data411_mcp.twins.wire import HangUp, Reply, Request

PIECE_BYTES = 65_536
STALL_SECONDS_MAX = 3_600.0
CDN_PAGE = (
    "<!DOCTYPE html><html><head><title>524: A timeout occurred</title></head>"
    "<body><h1>Error 524</h1><p>The origin took too long to answer.</p></body></html>"
)

ErrorBody = Callable[[int], Any]
"""The vendor's own error envelope for a status."""


@dataclass
class FaultScript:
    """Faults in force. Rows are tried in order; the first whose conditions all hold applies."""

    _rows: list[FaultRow] = field(default_factory=list)
    _seen: dict[int, int] = field(default_factory=dict)

    def add(self, *rows: FaultRow | dict[str, Any]) -> None:
        """Add rows of the form of faults.jsonl; later rows count calls from when they came."""
        self._rows += [
            row if isinstance(row, FaultRow) else FaultRow.model_validate(row) for row in rows
        ]

    def clear(self) -> None:
        self._rows.clear()
        self._seen.clear()

    def match(self, request: Request, vendor: str, slot: str | None) -> FaultSpec | None:
        """The fault for this call, if any. Every matching row counts the call."""
        found: FaultSpec | None = None
        for number, row in enumerate(self._rows):
            if row.fault is None or not _applies(row, request, vendor, slot):
                continue
            self._seen[number] = self._seen.get(number, 0) + 1
            due = row.nth is None or self._seen[number] in _as_tuple(row.nth)
            if due and found is None:
                found = row.fault
        return found

    def mix_factor(self, request: Request, vendor: str, slot: str | None) -> float:
        """Factor on the published failure rates for this call; 0 is none."""
        return sum(
            row.published_mix
            for row in self._rows
            if row.published_mix is not None and _applies(row, request, vendor, slot)
        )


def _as_tuple(nth: int | tuple[int, ...]) -> tuple[int, ...]:
    return (nth,) if isinstance(nth, int) else nth


def _applies(row: FaultRow, request: Request, vendor: str, slot: str | None) -> bool:
    return (
        (row.vendor is None or vendor == row.vendor or vendor.startswith(row.vendor + "_"))
        and (row.host is None or fnmatchcase(request.host, row.host.lower()))
        and (row.path is None or fnmatchcase(request.path, row.path))
        and (row.method is None or request.method == row.method.upper())
        and (row.slot is None or slot == row.slot)
    )


async def spoil(fault: FaultSpec, good: Reply, error_body: ErrorBody) -> Reply:
    """Apply a fault to the reply the vendor would have given. Raises HangUp for a reset."""
    if fault.kind == "delay":
        await anyio.sleep(fault.seconds)
        return good
    if fault.kind == "reset" and not fault.after_bytes:
        raise HangUp
    if fault.kind in _STREAMED:
        return _STREAMED[fault.kind](fault, good)
    return _replaced(fault, good, error_body)


def _replaced(fault: FaultSpec, good: Reply, error_body: ErrorBody) -> Reply:
    headers = {
        "content-type": "application/json",
        **{k.lower(): v for k, v in fault.headers.items()},
    }
    if fault.retry_after is not None:
        headers["retry-after"] = fault.retry_after
    if fault.retry_after_date_seconds is not None:
        when = datetime.now(UTC) + timedelta(seconds=fault.retry_after_date_seconds)
        headers["retry-after"] = format_datetime(when, usegmt=True)
    if fault.content_type is not None:
        headers["content-type"] = fault.content_type
    status = fault.status
    if fault.kind == "wrong_type":
        status = fault.status if fault.status != 500 else 200
        headers["content-type"] = fault.content_type or "text/html; charset=utf-8"
    elif fault.kind == "empty":
        status = good.status
        headers["content-type"] = good.headers.get("content-type", "text/plain")
    elif fault.kind == "error_200":
        status = 200
    return Reply(status, headers, _body(fault, status, error_body))


def _body(fault: FaultSpec, status: int, error_body: ErrorBody) -> bytes:
    if fault.body_base64 is not None:
        return base64.b64decode(fault.body_base64)
    if fault.body is not None:
        return fault.body.encode()
    if fault.json_body is not None:
        return json.dumps(fault.json_body).encode()
    if fault.kind == "empty":
        return b""
    if fault.kind == "wrong_type":
        return CDN_PAGE.encode()
    envelope = error_body(502 if fault.kind == "error_200" else status)
    return envelope.encode() if isinstance(envelope, str) else json.dumps(envelope).encode()


async def _whole(reply: Reply) -> bytes:
    if isinstance(reply.body, bytes):
        return reply.body
    return b"".join([piece async for piece in reply.body()])


def _slow_first_byte(fault: FaultSpec, good: Reply) -> Reply:
    async def body() -> AsyncGenerator[bytes, None]:
        await anyio.sleep(fault.seconds)
        yield await _whole(good)

    return Reply(good.status, good.headers, body, None, good.cost_usd_micros)


def _partly(fault: FaultSpec, good: Reply) -> Reply:
    """Half of the body (or `after_bytes`), then silence, a reset, or a close."""

    async def body() -> AsyncGenerator[bytes, None]:
        whole = await _whole(good)
        yield whole[: len(whole) // 2 if fault.after_bytes is None else fault.after_bytes]
        if fault.kind == "stall":
            await anyio.sleep(STALL_SECONDS_MAX)
        raise HangUp(reset=fault.kind == "reset")

    length = len(good.body) if isinstance(good.body, bytes) else None
    return Reply(good.status, good.headers, body, length, good.cost_usd_micros)


def _drip(fault: FaultSpec, good: Reply) -> Reply:
    async def body() -> AsyncGenerator[bytes, None]:
        for byte in await _whole(good):
            yield bytes([byte])
            await anyio.sleep(fault.seconds)

    length = len(good.body) if isinstance(good.body, bytes) else None
    return Reply(good.status, good.headers, body, length, good.cost_usd_micros)


def _gzip_bomb(fault: FaultSpec, good: Reply) -> Reply:
    async def body() -> AsyncGenerator[bytes, None]:
        for piece in _bomb(fault.bytes):
            yield piece
            await anyio.lowlevel.checkpoint()

    return Reply(200, {**good.headers, "content-encoding": "gzip"}, body)


def _bomb(size: int) -> Iterator[bytes]:
    packer = zlib.compressobj(9, wbits=31)
    spaces = b" " * PIECE_BYTES
    for _ in range(size // PIECE_BYTES):
        piece = packer.compress(spaces)
        if piece:
            yield piece
    yield packer.flush()


def _endless(_fault: FaultSpec, good: Reply) -> Reply:
    async def body() -> AsyncGenerator[bytes, None]:
        while True:
            yield b"<p>and so on</p>\n" * 1_000
            await anyio.lowlevel.checkpoint()

    headers = {name: value for name, value in good.headers.items() if name != "content-encoding"}
    return Reply(200, headers, body)


def _stream_error(_fault: FaultSpec, good: Reply) -> Reply:
    """An event stream breaks off with an error event; another reply becomes a 200 with error."""
    error = {
        "error": {
            "code": 502,
            "message": "Provider disconnected",
            "metadata": {"error_type": "provider_unavailable"},
        }
    }
    if "event-stream" not in good.headers.get("content-type", ""):
        return Reply(200, {"content-type": "application/json"}, json.dumps(error).encode())

    async def body() -> AsyncGenerator[bytes, None]:
        whole = await _whole(good)
        events = whole.split(b"\n\n")
        yield b"\n\n".join(events[: max(1, len(events) // 2)]) + b"\n\n"
        choices = [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]
        yield b"data: " + json.dumps({**error, "choices": choices}).encode() + b"\n\n"

    return Reply(200, good.headers, body, None, good.cost_usd_micros)


def _cut_json(_fault: FaultSpec, good: Reply) -> Reply:
    """A model's answer that ended at its output limit; other JSON is cut in the middle."""
    raw = good.body if isinstance(good.body, bytes) else b""
    try:
        data = json.loads(raw)
        choice = data["choices"][0]
        content = choice["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError):
        return Reply(good.status, good.headers, raw[: len(raw) // 2], None, good.cost_usd_micros)
    choice["message"]["content"] = content[: len(content) * 2 // 3]
    choice["finish_reason"] = "length"
    return Reply(good.status, good.headers, json.dumps(data).encode(), None, good.cost_usd_micros)


_STREAMED: dict[str, Callable[[FaultSpec, Reply], Reply]] = {
    "slow_first_byte": _slow_first_byte,
    "stall": _partly,
    "truncate": _partly,
    "reset": _partly,
    "drip": _drip,
    "gzip_bomb": _gzip_bomb,
    "endless": _endless,
    "stream_error": _stream_error,
    "cut_json": _cut_json,
}


def scripted(rows: Iterable[FaultRow]) -> FaultScript:
    script = FaultScript()
    script.add(*rows)
    return script
