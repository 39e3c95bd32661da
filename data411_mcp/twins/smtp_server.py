"""A mail server on loopback that keeps what it takes, and misbehaves on demand."""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Literal

import anyio
import anyio.abc
from anyio.streams.tls import TLSStream

from data411_mcp.twins.http_server import server_context

LINE_BYTES_MAX = 4096
MESSAGE_BYTES_MAX = 20_000_000
RECEIVE_BYTES = 65_536

Mode = Literal[
    "normal",  # takes every mail
    "451_then_ok",  # refuses the first recipient for now, as greylisting does
    "451_data_then_ok",  # refuses the first text for now
    "550",  # refuses every recipient
    "554_data",  # refuses every text
    "421",  # closes with the greeting
    "drop_before_data",  # hangs up when the text is announced
    "drop_after_data",  # takes the mail, and hangs up instead of saying so
    "slow",  # takes the mail, and says so after `slow_seconds`
]

_GONE = (
    anyio.EndOfStream,
    anyio.IncompleteRead,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    OSError,
)


@dataclass(frozen=True)
class ReceivedMail:
    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    secure: bool

    @property
    def message(self) -> EmailMessage:
        parsed = message_from_bytes(self.raw, policy=default)
        assert isinstance(parsed, EmailMessage)  # noqa: S101 - what the policy makes
        return parsed


@dataclass
class SmtpTwin:
    """`received` is what was taken, in order. `mode` may be changed at any time; `refuse` are
    recipients that get 550 in every mode. With a `login` (name, password) a mail needs it."""

    port: int = 0
    mode: Mode = "normal"
    slow_seconds: float = 3600.0
    starttls: bool = False
    login: tuple[str, str] | None = None
    refuse: frozenset[str] = frozenset()
    received: list[ReceivedMail] = field(default_factory=list)
    connections: int = 0
    commands: list[str] = field(default_factory=list)
    _refused: set[str] = field(default_factory=set)

    def once(self, what: str) -> bool:
        """Whether this is the first time: the second try is taken."""
        first = what not in self._refused
        self._refused.add(what)
        return first


@asynccontextmanager
async def running_smtp(
    mode: Mode = "normal", *, starttls: bool = False, login: tuple[str, str] | None = None
) -> AsyncIterator[SmtpTwin]:
    """A mail server on a free port of 127.0.0.1 until the block ends."""
    twin = SmtpTwin(mode=mode, starttls=starttls, login=login)
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    twin.port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610
    failure: Exception | None = None

    async def connection(stream: anyio.abc.ByteStream) -> None:
        twin.connections += 1
        with contextlib.suppress(*_GONE):  # the client went away: there is nobody to tell
            await _Session(twin, stream).run()

    async with listener, anyio.create_task_group() as serving:
        serving.start_soon(listener.serve, connection)
        try:
            yield twin
        except Exception as error:
            failure = error
        serving.cancel_scope.cancel()
    if failure is not None:
        raise failure


class _Session:
    def __init__(self, twin: SmtpTwin, stream: anyio.abc.ByteStream) -> None:
        self._twin = twin
        self._stream = stream
        self._read = b""
        self._secure = False
        self._known = twin.login is None
        self._sender = ""
        self._recipients: list[str] = []

    async def run(self) -> None:
        try:
            if self._twin.mode == "421":
                await self._say("421 4.3.2 twin.example closes")
                return
            await self._say("220 twin.example ESMTP")
            while await self._command():
                pass
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.aclose_forcefully(self._stream)

    async def _command(self) -> bool:
        line = (await self._line()).decode("utf-8", "replace")
        verb, _, rest = line.partition(" ")
        verb = verb.upper()
        self._twin.commands.append(verb)
        if verb == "QUIT":
            await self._say("221 2.0.0 bye")
            return False
        if verb in ("EHLO", "HELO"):
            await self._hello(verb)
        elif verb == "STARTTLS" and self._twin.starttls and not self._secure:
            await self._say("220 2.0.0 go ahead")
            self._stream = await TLSStream.wrap(
                self._stream,
                server_side=True,
                ssl_context=server_context(),
                standard_compatible=False,
            )
            self._secure, self._read = True, b""
        elif verb == "AUTH":
            await self._auth(rest)
        elif verb in ("MAIL", "RCPT", "DATA"):
            return await self._transaction(verb, rest)
        elif verb in ("RSET", "NOOP"):
            self._sender, self._recipients = "", []
            await self._say("250 2.0.0 ok")
        else:
            await self._say("502 5.5.1 not here")
        return True

    async def _hello(self, verb: str) -> None:
        if verb == "HELO":
            await self._say("250 twin.example")
            return
        extensions = ["SIZE 20000000", "8BITMIME", "ENHANCEDSTATUSCODES"]
        if self._twin.starttls and not self._secure:
            extensions.append("STARTTLS")
        if self._twin.login is not None:
            extensions.append("AUTH PLAIN LOGIN")
        lines = ["250-twin.example", *(f"250-{e}" for e in extensions[:-1])]
        await self._say("\r\n".join([*lines, f"250 {extensions[-1]}"]))

    async def _auth(self, rest: str) -> None:
        kind, _, first = rest.partition(" ")
        try:
            if kind.upper() == "PLAIN":
                told = _decoded(first or await self._asked(""))
                _, name, password = told.split("\x00")
            else:
                name = _decoded(first or await self._asked("Username:"))
                password = _decoded(await self._asked("Password:"))
        except (binascii.Error, UnicodeDecodeError, ValueError):
            await self._say("501 5.5.2 cannot be read")
            return
        self._known = (name, password) == self._twin.login
        await self._say("235 2.7.0 welcome" if self._known else "535 5.7.8 no such login")

    async def _asked(self, prompt: str) -> str:
        await self._say("334 " + base64.b64encode(prompt.encode()).decode())
        return (await self._line()).decode("ascii", "replace")

    async def _transaction(self, verb: str, rest: str) -> bool:
        mode = self._twin.mode
        if not self._known:
            await self._say("530 5.7.0 log in first")
        elif verb == "MAIL":
            self._sender, self._recipients = _path(rest), []
            await self._say("250 2.1.0 ok")
        elif verb == "RCPT":
            await self._recipient(_path(rest), mode)
        elif not self._recipients:
            await self._say("503 5.5.1 no recipients")
        elif mode == "drop_before_data":
            return False
        else:
            return await self._data(mode)
        return True

    async def _recipient(self, recipient: str, mode: Mode) -> None:
        if mode == "550" or recipient in self._twin.refuse:
            await self._say("550 5.1.1 no such user")
        elif mode == "451_then_ok" and self._twin.once("rcpt"):
            await self._say("451 4.7.1 greylisted")
        else:
            self._recipients.append(recipient)
            await self._say("250 2.1.5 ok")

    async def _data(self, mode: Mode) -> bool:
        await self._say("354 end with a dot")
        raw = await self._text()
        if mode == "554_data":
            await self._say("554 5.6.0 not like this")
        elif mode == "451_data_then_ok" and self._twin.once("data"):
            await self._say("451 4.3.0 later")
        else:
            mail = ReceivedMail(self._sender, tuple(self._recipients), raw, self._secure)
            self._twin.received.append(mail)
            if mode == "drop_after_data":
                return False
            if mode == "slow":
                await anyio.sleep(self._twin.slow_seconds)
            await self._say("250 2.0.0 taken")
        return True

    async def _text(self) -> bytes:
        lines = []
        size = 0
        while (line := await self._line(MESSAGE_BYTES_MAX)) != b".":
            size += len(line)
            if size > MESSAGE_BYTES_MAX:
                raise anyio.EndOfStream
            lines.append(line[1:] if line.startswith(b"..") else line)
        return b"\r\n".join(lines) + b"\r\n"

    async def _line(self, longest: int = LINE_BYTES_MAX) -> bytes:
        while b"\r\n" not in self._read:
            if len(self._read) > longest:
                raise anyio.EndOfStream
            self._read += await self._stream.receive(RECEIVE_BYTES)
        line, _, self._read = self._read.partition(b"\r\n")
        return line

    async def _say(self, text: str) -> None:
        await self._stream.send(text.encode() + b"\r\n")


def _path(rest: str) -> str:
    """`FROM:<a@b.example> SIZE=1` → `a@b.example`."""
    return rest.partition("<")[2].partition(">")[0]


def _decoded(text: str) -> str:
    return base64.b64decode(text, validate=True).decode()
