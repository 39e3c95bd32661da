"""Mail by SMTP. What matters most is to know whether the server may have taken a mail: before the
text has gone out it has not, and trying again is safe; a connection that is lost afterwards leaves
the outcome unknown, and nothing is sent again."""

from __future__ import annotations

import contextlib
import ipaddress
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING, Literal

import anyio
import idna
import structlog

from data411_mcp.adapters.http import within
from data411_mcp.adapters.politeness import retry_delay
from data411_mcp.errors import LookupFailed, VendorUnusable
from data411_mcp.network import Network
from data411_mcp.services.ports.icp import Mail
from data411_mcp.settings import Settings

if TYPE_CHECKING:
    import aiosmtplib

ATTEMPTS_MAX = 4
ATTEMPT_SECONDS = 20.0
QUIT_SECONDS = 2.0
RETRY_FACTOR = 4.0  # a mail server wants more patience than an API

log = structlog.get_logger(__name__)

StartTls = Literal["auto", "required", "off", "tls"]


@dataclass(frozen=True)
class SmtpAccount:
    host: str
    port: int
    sender: str  # "a@b.example" or "Name <a@b.example>"
    username: str = ""
    password: str = ""
    starttls: StartTls = "auto"

    @property
    def address(self) -> str:
        return parseaddr(self.sender)[1]


class _TryAgain(Exception):
    """The server has not taken the mail and may take it later."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class SmtpMailer:
    """Implements `Mailer`. One connection a mail: there are few."""

    account: SmtpAccount | None
    ssl_context: ssl.SSLContext | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    retry_factor: float = RETRY_FACTOR

    def configured(self) -> bool:
        return self.account is not None

    async def send(self, mail: Mail, *, deadline_seconds: float) -> None:
        """See the port. Further reasons of LookupFailed: refused_for_now (4xx to the end),
        connect, tls, timeout; of VendorUnusable: tls_required, bad_address."""
        if self.account is None:
            raise VendorUnusable("not_configured", "No mail server is configured.")
        try:
            mail = replace(mail, to=_writable(mail.to))
            account = replace(self.account, sender=_written_sender(self.account.sender))
            message = _message(mail, account.sender, self.now())
        except (ValueError, IndexError, MessageError):
            raise VendorUnusable("bad_address", "An address cannot be written so.") from None
        # Whether the text has gone out decides what the end of the time means: see `_attempt`.
        gone_out = [False]
        try:
            with within(deadline_seconds):
                await self._tries(account, mail, message, gone_out)
        except LookupFailed as failed:
            if failed.reason == "timeout" and gone_out[0]:
                raise _unknown() from failed
            raise

    async def _tries(
        self, account: SmtpAccount, mail: Mail, message: bytes, gone_out: list[bool]
    ) -> None:
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                return await self._attempt(account, mail, message, gone_out)
            except _TryAgain as again:
                delay = retry_delay(attempt, None) * self.retry_factor
                over = anyio.current_time() + delay >= anyio.current_effective_deadline()
                if attempt == ATTEMPTS_MAX or over:
                    raise LookupFailed(again.reason, "The mail server refuses for now.") from None
            await anyio.sleep(delay)
        raise AssertionError("attempts are at least 1")

    async def _attempt(
        self, account: SmtpAccount, mail: Mail, message: bytes, gone_out: list[bool]
    ) -> None:
        import aiosmtplib  # with the first mail

        smtp = aiosmtplib.SMTP(
            hostname=account.host,
            port=account.port,
            timeout=ATTEMPT_SECONDS,
            use_tls=account.starttls == "tls",
            start_tls={"required": True, "off": False}.get(account.starttls),
            tls_context=self.ssl_context or ssl.create_default_context(),
        )
        try:
            try:
                await self._open(smtp, account)
                await _envelope(smtp, account.address, mail.to)
            except aiosmtplib.SMTPResponseException as refused:
                raise _refusal(refused.code) from None
            except (aiosmtplib.SMTPException, OSError) as lost:  # TimeoutError is an OSError
                raise _connection_failure(lost) from None
            gone_out[0] = True
            try:
                await smtp.data(message)
            except aiosmtplib.SMTPResponseException as refused:
                gone_out[0] = False  # an answer in so many words: it was not taken
                raise _refusal(refused.code) from None
            except (aiosmtplib.SMTPException, OSError):
                raise _unknown() from None
            await _part(smtp)
        except (_TryAgain, VendorUnusable):
            await _part(smtp)
            raise
        finally:
            smtp.close()

    async def _open(self, smtp: aiosmtplib.SMTP, account: SmtpAccount) -> None:
        await smtp.connect()
        if not account.username:
            return
        secure = smtp.get_transport_info("sslcontext") is not None
        if not secure and not _is_loopback(account.host) and account.starttls != "off":
            raise VendorUnusable("tls_required", "A password is not sent without TLS.")
        import aiosmtplib

        try:
            await smtp.login(account.username, account.password)
        except aiosmtplib.SMTPAuthenticationError as refused:
            if refused.code < 500:
                raise
            raise VendorUnusable("bad_key", "The mail server takes no such login.") from None


async def _envelope(smtp: aiosmtplib.SMTP, sender: str, to: tuple[str, ...]) -> None:
    """Sender and recipients. One that the server will not take does not keep the others from
    their mail; if it takes none, the first refusal is raised."""
    import aiosmtplib

    await smtp.mail(sender)
    refusals = []
    for recipient in to:
        try:
            await smtp.rcpt(recipient)
        except aiosmtplib.SMTPResponseException as refused:
            refusals.append(refused)
    if len(refusals) == len(to):
        raise min(refusals, key=lambda refusal: refusal.code)
    if refusals:
        log.warning("mail_recipients_refused", refused=len(refusals), of=len(to))


async def _part(smtp: aiosmtplib.SMTP) -> None:
    """Say goodbye to a server that has answered; how it takes that does not matter."""
    import aiosmtplib

    with anyio.move_on_after(QUIT_SECONDS, shield=True):
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            if smtp.is_connected:
                await smtp.quit(timeout=QUIT_SECONDS)


def _writable(addresses: Sequence[str]) -> tuple[str, ...]:
    """Each as every server takes it. One that cannot be written so does not keep the mail from
    the others; raises ValueError where none can."""
    found = []
    for address in addresses:
        try:
            found.append(_ascii(address))
        except (ValueError, IndexError, MessageError):  # the parser's own, for "a@"
            log.warning("mail_address_left_out")
    if not found:
        raise ValueError("no address")
    return tuple(found)


def _ascii(address: str) -> str:
    """Domains in any script have an ASCII form, the part before them has none."""
    local, _, domain = address.rpartition("@")
    written = f"{local}@{domain if domain.isascii() else idna.encode(domain, uts46=True).decode()}"
    return Address(addr_spec=written).addr_spec


def _written_sender(sender: str) -> str:
    name, address = parseaddr(sender)
    return str(Address(name, addr_spec=_ascii(address))) if not address.isascii() else sender


def _message(mail: Mail, sender: str, at: datetime) -> bytes:
    message = EmailMessage(policy=WIRE)
    message["From"] = sender
    message["To"] = ", ".join(str(Address(addr_spec=address)) for address in mail.to)
    message["Subject"] = " ".join(mail.subject.split())
    message["Message-ID"] = f"<{mail.message_id}>"
    message["Date"] = format_datetime(at)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies, please
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    for attachment in mail.attachments:
        main, _, sub = attachment.content_type.partition("/")
        message.add_attachment(
            attachment.content,
            maintype=main,
            subtype=sub or "octet-stream",
            filename=attachment.file_name,
        )
    return bytes(message)


def _refusal(code: int) -> Exception:
    if 400 <= code < 500:
        return _TryAgain("refused_for_now")
    return VendorUnusable("refused", "The mail server refuses the mail.")


def _connection_failure(lost: BaseException) -> Exception:
    seen: BaseException | None = lost
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return LookupFailed("tls", "The mail server's certificate is not in order.")
        seen = seen.__cause__ or seen.__context__
    if not isinstance(lost, OSError):  # no STARTTLS although it is required, no way to log in
        return VendorUnusable("tls_required", "The mail server does not do what is configured.")
    return _TryAgain("timeout" if isinstance(lost, TimeoutError) else "connect")


def _unknown() -> LookupFailed:
    return LookupFailed("outcome_unknown", "The mail server may or may not have taken the mail.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def mailer_of(settings: Settings, network: Network) -> SmtpMailer:
    """The mailer of one process; one that is not configured answers so."""
    if not settings.smtp_host:
        return SmtpMailer(None)
    password = settings.smtp_password
    account = SmtpAccount(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.smtp_from,
        username=settings.smtp_username or "",
        password=password.get_secret_value() if password is not None else "",
        starttls=settings.smtp_starttls,
    )
    return SmtpMailer(account, network.ssl_context)


def mail_domain(settings: Settings) -> str:
    """The right side of our message ids: the sender's domain."""
    return parseaddr(settings.smtp_from)[1].rpartition("@")[2] or "localhost"
