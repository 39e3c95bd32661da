"""What a twin is asked and what it answers, before any socket is involved."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, unquote

Body = bytes | Callable[[], AsyncGenerator[bytes, None]]


class HangUp(Exception):
    """The twin drops the connection: with a TCP reset, or by closing it."""

    def __init__(self, *, reset: bool = True) -> None:
        super().__init__("reset" if reset else "close")
        self.reset = reset


@dataclass(frozen=True)
class Request:
    """`headers` has lower-case names; `target` is the raw request target."""

    method: str
    host: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    secure: bool = True

    @cached_property
    def path(self) -> str:
        return unquote(self.target.split("?", 1)[0].split("#", 1)[0]) or "/"

    @cached_property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(self.target.partition("?")[2], keep_blank_values=True)

    def arg(self, *names: str, default: str = "") -> str:
        """The first query argument that is present under one of the names."""
        for name in names:
            if name in self.query:
                return self.query[name][0]
        return default

    @cached_property
    def json(self) -> Any:
        """The body as JSON; None if it is none."""
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            return None

    @property
    def bearer(self) -> str | None:
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" and token.strip() else None


@dataclass(frozen=True)
class Reply:
    """`length` is the declared Content-Length of a streamed body; without it chunks are used.
    `cost_usd_micros` is what the vendor would have charged for this call."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = b""
    length: int | None = None
    cost_usd_micros: int = 0


def json_reply(
    data: Any,
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    content_type: str = "application/json",
    cost_usd_micros: int = 0,
) -> Reply:
    body = json.dumps(data, ensure_ascii=False).encode()
    return Reply(
        status, {"content-type": content_type, **(headers or {})}, body, None, cost_usd_micros
    )


def text_reply(
    text: str, status: int = 200, *, content_type: str = "text/plain; charset=utf-8"
) -> Reply:
    return Reply(status, {"content-type": content_type}, text.encode())
