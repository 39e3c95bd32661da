"""What DNS says of a domain's mail, asked of a real name server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from data411_mcp.adapters.dns_lookup import MailDomainLookup
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.errors import LookupFailed, PageRefused
from data411_mcp.network import Network
from data411_mcp.services.ports import MailDomain
from tests.vendors.guarded_web import HandClock

Rows = dict[tuple[str, str], list[str]]
FULL: Rows = {
    ("site.example", "MX"): ["20 alt1.aspmx.l.google.com.", "10 ASPMX.L.Google.com."],
    ("site.example", "A"): ["192.0.2.1"],
    ("site.example", "TXT"): ['"MS=1"', '"v=spf1 include:_spf" ".google.com ~all"'],
    ("_dmarc.site.example", "TXT"): ['"v=DMARC1; p=reject"'],
}


@dataclass
class Zone(asyncio.DatagramProtocol):
    """Names of `rows` exist, others do not; `faults` by name and type: servfail or silent."""

    rows: Rows
    faults: dict[tuple[str, str], str] = field(default_factory=dict)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        query = dns.message.from_wire(data)
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA | dns.flags.AA
        fault = self.faults.get((name, kind))
        if fault == "silent":
            return
        if fault == "servfail":
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif rows := self.rows.get((name, kind)):
            reply.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", kind, *rows))
        elif not any(known == name for known, _ in self.rows):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(reply.to_wire(), addr)


@dataclass
class Desk:
    lookup: MailDomainLookup
    store: SqliteStore

    async def ask(self, domain: str = "site.example", seconds: float = 5) -> MailDomain:
        return await self.lookup.mail_domain(domain, deadline_seconds=seconds)


@asynccontextmanager
async def desk(
    folder: Path, rows: Rows, faults: dict[tuple[str, str], str] | None = None
) -> AsyncIterator[Desk]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: Zone(rows, faults or {}), local_addr=("127.0.0.1", 0)
    )
    network = Network(
        nameservers=("127.0.0.1",), nameserver_port=transport.get_extra_info("sockname")[1]
    )
    async with SqliteStore.open(folder / "pages.sqlite3") as store:
        try:
            yield Desk(MailDomainLookup(network, store, HandClock(), "local"), store)
        finally:
            transport.close()


async def test_mail_servers_policies_and_provider_come_with_a_stored_page(tmp_path: Path) -> None:
    async with desk(tmp_path, FULL) as at:
        answer = await at.ask("Site.Example.")
        assert (answer.domain, answer.exists, answer.null_mx) == ("site.example", True, False)
        assert answer.mx == ("aspmx.l.google.com", "alt1.aspmx.l.google.com")
        assert answer.spf == "v=spf1 include:_spf.google.com ~all"
        assert answer.dmarc == "v=DMARC1; p=reject"
        assert answer.provider == "google"
        assert answer.page.text.splitlines() == [
            "site.example. MX 10 aspmx.l.google.com.",
            "site.example. MX 20 alt1.aspmx.l.google.com.",
            'site.example. TXT "v=spf1 include:_spf.google.com ~all"',
            '_dmarc.site.example. TXT "v=DMARC1; p=reject"',
        ]
        assert (answer.page.url, answer.page.reader) == ("dns:site.example", "dns")
        assert await at.store.page("local", answer.page.sha256) is not None


async def test_the_same_records_in_another_order_are_the_same_page(tmp_path: Path) -> None:
    turned = {key: list(reversed(rows)) for key, rows in FULL.items()}
    async with desk(tmp_path, FULL) as one, desk(tmp_path / "b", turned) as other:
        assert (await one.ask()).page.sha256 == (await other.ask()).page.sha256


async def test_a_null_mx_takes_no_mail_even_where_the_domain_has_an_address(
    tmp_path: Path,
) -> None:
    rows: Rows = {("site.example", "MX"): ["0 ."], ("site.example", "A"): ["192.0.2.1"]}
    async with desk(tmp_path, rows) as at:
        answer = await at.ask()
        assert (answer.null_mx, answer.mx, answer.provider) == (True, (), None)
        assert "site.example. MX 0 ." in answer.page.text


async def test_without_mx_the_domains_own_address_takes_the_mail(tmp_path: Path) -> None:
    rows: Rows = {("site.example", "A"): ["192.0.2.1"]}
    async with desk(tmp_path, rows) as at:
        answer = await at.ask()
        assert (answer.mx, answer.null_mx) == (("site.example",), False)
        assert answer.page.text.splitlines()[:2] == [
            "site.example. MX none", "site.example. A 192.0.2.1"
        ]  # fmt: skip


async def test_a_domain_with_neither_takes_none(tmp_path: Path) -> None:
    async with desk(tmp_path, {("site.example", "TXT"): ['"hello"']}) as at:
        answer = await at.ask()
        assert (answer.exists, answer.mx, answer.spf, answer.dmarc) == (True, (), None, None)
        assert "_dmarc.site.example. DMARC none" in answer.page.text


async def test_a_domain_that_does_not_exist_is_an_answer_and_no_failure(tmp_path: Path) -> None:
    async with desk(tmp_path, {}) as at:
        answer = await at.ask()
        assert (answer.exists, answer.mx) == (False, ())
        assert answer.page.text.strip() == "site.example. does not exist"


@pytest.mark.parametrize(("fault", "reason"), [("servfail", "servfail"), ("silent", "timeout")])
async def test_name_servers_that_fail_say_so(tmp_path: Path, fault: str, reason: str) -> None:
    async with desk(tmp_path, FULL, {("site.example", "MX"): fault}) as at:
        with anyio.fail_after(10), pytest.raises(LookupFailed) as caught:
            await at.ask(seconds=0.5 if reason == "timeout" else 5)
        assert caught.value.reason == reason


async def test_a_missing_policy_answer_does_not_fail_the_lookup(tmp_path: Path) -> None:
    async with desk(tmp_path, FULL, {("_dmarc.site.example", "TXT"): "servfail"}) as at:
        answer = await at.ask()
        assert (answer.provider, answer.dmarc) == ("google", None)
        assert "_dmarc.site.example. DMARC not answered" in answer.page.text


@pytest.mark.parametrize(
    ("server", "provider"),
    [
        ("site-example.mail.protection.outlook.com", "microsoft365"),
        ("mx.zoho.eu", "zoho"),
        ("mail.protonmail.ch", "proton"),
        ("in1-smtp.messagingengine.com", "fastmail"),
        ("eu-smtp-inbound-1.mimecast.com", "mimecast"),
        ("mx1-us1.ppe-hosted.com", "proofpoint"),
        ("mailstore1.secureserver.net", "godaddy"),
        ("mx00.ionos.co.uk", "ionos"),
        ("mx.yandex.net", "yandex"),
        ("notgoogle.com", None),
        ("mail.site.example", None),
    ],
)
async def test_the_provider_is_read_off_the_first_mail_server(
    tmp_path: Path, server: str, provider: str | None
) -> None:
    async with desk(tmp_path, {("site.example", "MX"): [f"5 {server}."]}) as at:
        assert (await at.ask()).provider == provider


async def test_an_international_name_is_asked_for_in_its_ascii_form(tmp_path: Path) -> None:
    async with desk(tmp_path, {("xn--bcher-kva.example", "A"): ["192.0.2.1"]}) as at:
        assert (await at.ask("bücher.example")).domain == "xn--bcher-kva.example"


@pytest.mark.parametrize(
    "domain", ["localhost", "db.internal", "", "a b.example", "10.0.0.1", "site.example/x"]
)
async def test_a_name_of_a_private_network_is_not_asked_for(tmp_path: Path, domain: str) -> None:
    async with desk(tmp_path, FULL) as at:
        with pytest.raises(PageRefused):
            await at.ask(domain)
