"""A small HTTP/1.1 server on anyio and h11, plain and TLS.

Not an ASGI server, because the faults that adapters must survive (a reset, a body that stops, a
length that lies) need the socket itself, and because cancelling the task group ends it at once.
TLS certificates are issued per server name on the first handshake by an authority that lives as
long as the process.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from functools import cache
from typing import TYPE_CHECKING

import anyio
import anyio.abc
import h11
from anyio.streams.tls import TLSListener

from data411_mcp.twins.wire import HangUp, Reply, Request

if TYPE_CHECKING:
    import trustme

REQUEST_BODY_MAX_BYTES = 20_000_000
IDLE_TIMEOUT_SECONDS = 75.0
RECEIVE_BYTES = 65_536
BODILESS = frozenset({204, 304})

_GONE = (
    h11.ProtocolError,
    anyio.EndOfStream,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    OSError,  # ssl.SSLError is one
)

Handler = Callable[[Request], Awaitable[Reply]]


@cache
def authority() -> trustme.CA:
    """One authority a process: several worlds in one test run share its certificates."""
    import trustme

    return trustme.CA(organization_name="data411 twins")


def server_context() -> ssl.SSLContext:
    """A TLS context that has a certificate for every name a client asks for."""
    base = _context_for("twins.invalid")

    def choose(sock: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> int | None:
        if name is None:
            return None
        try:
            sock.context = _context_for(name)
        except ValueError:  # trustme refuses names such as a_b.example
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        return None

    base.sni_callback = choose
    return base


@cache
def _certificate(name: str) -> trustme.LeafCert:
    return authority().issue_cert(name)


def _context_for(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    _certificate(name).configure_cert(context)
    return context


async def serve_http(
    handler: Handler,
    context: ssl.SSLContext | None,
    *,
    task_status: anyio.abc.TaskStatus[int],
) -> None:
    """Serve on a free port of 127.0.0.1 until cancelled; `task_status` is given the port."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0, backlog=1024)
    port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610
    serving: anyio.abc.Listener[anyio.abc.ByteStream] = listener
    if context is not None:
        serving = _Tls(listener, context, standard_compatible=False, handshake_timeout=10)

    async def connection(stream: anyio.abc.ByteStream) -> None:
        await _Connection(stream, handler, secure=context is not None).run()

    async with serving, anyio.create_task_group() as connections:
        task_status.started(port)
        await serving.serve(connection, connections)


class _Tls(TLSListener):
    @staticmethod
    async def handle_handshake_error(exc: BaseException, stream: anyio.abc.AnyByteStream) -> None:
        """A client that goes away in the middle of the handshake is nothing to report."""
        if isinstance(exc, anyio.EndOfStream | anyio.BrokenResourceError):
            await anyio.aclose_forcefully(stream)
        else:
            await TLSListener.handle_handshake_error(exc, stream)


class _Connection:
    def __init__(self, stream: anyio.abc.ByteStream, handler: Handler, *, secure: bool) -> None:
        self._stream = stream
        self._handler = handler
        self._secure = secure
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=REQUEST_BODY_MAX_BYTES)

    async def run(self) -> None:
        try:
            while True:
                with anyio.move_on_after(IDLE_TIMEOUT_SECONDS) as idle:
                    request = await self._request()
                if idle.cancelled_caught or request is None:
                    break
                await self._answer(request)
                if self._http.our_state is not h11.DONE:
                    break
                self._http.start_next_cycle()
        except HangUp as gone:
            if gone.reset:
                self._reset()
        except _GONE:
            pass  # the client went away, or spoke no HTTP: there is nobody to tell
        finally:
            with anyio.CancelScope(shield=True), contextlib.suppress(OSError, ssl.SSLError):
                await anyio.aclose_forcefully(self._stream)

    async def _request(self) -> Request | None:
        head: h11.Request | None = None
        body = bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    await self._send(h11.InformationalResponse(status_code=100, headers=[]))
                try:
                    data = await self._stream.receive(RECEIVE_BYTES)
                except anyio.EndOfStream:
                    data = b""
                self._http.receive_data(data)
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > REQUEST_BODY_MAX_BYTES:
                    raise HangUp(reset=False)
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return self._parsed(head, bytes(body))
            else:  # the peer closed, or wants to speak something else
                return None

    def _parsed(self, head: h11.Request, body: bytes) -> Request:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
        host = _bare_host(headers.get("host", ""))
        return Request(
            method=head.method.decode("ascii"),
            host=host,
            target=head.target.decode("latin-1"),
            headers=headers,
            body=body,
            secure=self._secure,
        )

    async def _answer(self, request: Request) -> None:
        """Answer, and stop early when the client hangs up (a slow reply must not outlive it)."""
        failure: Exception | None = None
        async with anyio.create_task_group() as both:
            both.start_soon(self._watch, both.cancel_scope)
            try:
                await self._respond(request, await self._handler(request))
            except (HangUp, *_GONE) as error:
                failure = error  # outside the group, or it would come wrapped in one
            both.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _watch(self, scope: anyio.CancelScope) -> None:
        try:
            while True:
                self._http.receive_data(await self._stream.receive(RECEIVE_BYTES))
        except _GONE:
            scope.cancel()

    async def _respond(self, request: Request, reply: Reply) -> None:
        headers = [(name, value) for name, value in reply.headers.items()]
        streamed = not isinstance(reply.body, bytes)
        length = reply.length if streamed else len(reply.body)  # type: ignore[arg-type]
        if reply.status in BODILESS:
            length = None
        elif length is not None:
            headers.append(("content-length", str(length)))
        else:
            headers.append(("transfer-encoding", "chunked"))
        await self._send(h11.Response(status_code=reply.status, headers=headers))
        if request.method != "HEAD" and reply.status not in BODILESS:
            if isinstance(reply.body, bytes):
                await self._send(h11.Data(data=reply.body))
            else:
                async with contextlib.aclosing(reply.body()) as pieces:
                    async for piece in pieces:
                        await self._send(h11.Data(data=piece))
        await self._send(h11.EndOfMessage())

    async def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            await self._stream.send(data)

    def _reset(self) -> None:
        """Make the close that follows a TCP reset: linger of zero."""
        raw = self._stream.extra(anyio.abc.SocketAttribute.raw_socket)  # noqa: S610
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _bare_host(value: str) -> str:
    """Host header without its port, lower case; IPv6 literals lose their brackets."""
    if value.startswith("["):
        return value[1:].partition("]")[0].lower()
    host, _, port = value.rpartition(":")
    bare = host if host and port.isdigit() else value
    return bare.lower().rstrip(".")


def is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
