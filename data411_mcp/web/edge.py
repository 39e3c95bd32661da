"""What every request passes, whatever it is for: an id, security headers, the log line, the
counters; the Host and Origin it came with; the size of its body. Plain ASGI, outermost first."""

from __future__ import annotations

import re
import time
import uuid
from collections import deque

import anyio
import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from data411_mcp.errors import Data411Error
from data411_mcp.web.config import WebConfig
from data411_mcp.web.metrics import NO_ROUTE, Metrics
from data411_mcp.web.problems import HttpError, body_too_large, problem, stopping, unexpected

REQUEST_ID = "x-request-id"
# A client that is still sending is read on for so long, or it would see a broken connection
# instead of the answer.
DRAIN_BYTES_MAX = 64_000_000
_PRIVATE = ("/api/", "/icp/", "/chat/", "/threads", "/runs", "/export/")
_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

log = structlog.get_logger(__name__)


class Edge:
    """The outermost layer. Nothing that goes wrong inside passes it without an answer."""

    def __init__(self, app: ASGIApp, config: WebConfig, metrics: Metrics) -> None:
        self._app = app
        self._config = config
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID, "")
        request_id = given if _SAFE_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _Answer(send, request_id, private=_is_private(scope["path"]))
        began = time.perf_counter()
        self._metrics.open_requests += 1
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._guarded(scope, receive, answer, request_id)
            finally:
                self._metrics.open_requests -= 1
                seconds = time.perf_counter() - began
                route = _route_of(scope)
                self._metrics.observe(scope["method"], route, answer.status, seconds)
                log.info("request", method=scope["method"], route=route, status=answer.status,
                         seconds=round(seconds, 4))  # fmt: skip

    async def _guarded(
        self, scope: Scope, receive: Receive, answer: _Answer, request_id: str
    ) -> None:
        try:
            await self._app(scope, receive, answer.send)
        except Data411Error as error:
            if not answer.status:
                await problem(error, request_id)(scope, receive, answer.send)
        except anyio.get_cancelled_exc_class():
            if not self._config.stopping.is_set():
                raise
            # The end of the process: nobody outside waits for this to be raised on.
            if not answer.status:
                with anyio.CancelScope(shield=True):
                    await problem(stopping(), request_id)(scope, receive, answer.send)
        except Exception as error:  # the boundary: no caller is left without an answer
            if not answer.status:  # else it is told and logged already
                await unexpected(request_id, error)(scope, receive, answer.send)


class _Answer:
    """Adds the headers of every answer, and remembers the status."""

    def __init__(self, send: Send, request_id: str, *, private: bool) -> None:
        self._send = send
        self._request_id = request_id
        self._private = private
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self._request_id
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "no-referrer"
            headers.setdefault("Content-Security-Policy", "default-src 'none'")
            if self._private:
                headers["Cache-Control"] = "no-store"
        await self._send(message)


def _is_private(path: str) -> bool:
    return path.startswith(_PRIVATE)


def _route_of(scope: Scope) -> str:
    """The route's template: ids and keys of boards stay out of logs and labels."""
    return str(getattr(scope.get("route"), "path", NO_ROUTE))


class Answering:
    """Turns our errors into answers, inside of what gives answers their CORS headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Data411Error as error:
            await problem(error, scope["state"]["request_id"])(scope, receive, send)


class HostGuard:
    """Refuses what a page of another site sends through a visitor's browser (DNS rebinding)."""

    def __init__(self, app: ASGIApp, config: WebConfig) -> None:
        self._app = app
        self._config = config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            if headers.get("host", "").lower() not in self._config.allowed_hosts:
                raise HttpError(
                    421,
                    "This server does not answer under this name.",
                    "Use the address it was started with, or set DATA411_PUBLIC_URL.",
                )
            origin = headers.get("origin")
            if origin is not None and not self._may(origin.lower()):
                raise HttpError(
                    403,
                    "Pages of this origin may not call this server.",
                    "Allow it with DATA411_HTTP_CORS_ORIGINS.",
                )
        await self._app(scope, receive, send)

    def _may(self, origin: str) -> bool:
        config = self._config
        return "*" in config.cors_origins or origin in config.allowed_origins


class BodyLimit:
    """Reads the body, up to the limit and within its time, before anything else looks at it;
    also a body in chunks that does not say how long it is."""

    def __init__(self, app: ASGIApp, config: WebConfig) -> None:
        self._app = app
        self._max = config.body_bytes_max
        self._seconds = config.body_seconds_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        messages: deque[Message] = deque()
        with anyio.move_on_after(self._seconds) as reading:
            messages.append(await self._body(Headers(scope=scope), receive))
        if reading.cancelled_caught:
            raise HttpError(408, "The request did not arrive in time.", "Send it again.")

        async def replay() -> Message:
            return messages.popleft() if messages else await receive()

        await self._app(scope, replay, send)

    async def _body(self, headers: Headers, receive: Receive) -> Message:
        declared = headers.get("content-length", "")
        too_large = declared.isdigit() and int(declared) > self._max
        if too_large and headers.get("expect", "").lower() == "100-continue":
            raise body_too_large()
        body = bytearray()
        seen = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return message
            chunk = message.get("body", b"")
            seen += len(chunk)
            too_large = too_large or seen > self._max
            if too_large:
                body.clear()
            else:
                body += chunk
            if seen > DRAIN_BYTES_MAX or (too_large and not message.get("more_body", False)):
                raise body_too_large()
            if not message.get("more_body", False):
                return {"type": "http.request", "body": bytes(body), "more_body": False}
