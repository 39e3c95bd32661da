"""The DNS twin: UDP and TCP on one port of 127.0.0.1.

Every host of the world, every vendor and every parent name of those exists and has the address
127.0.0.1 unless `dns.jsonl` says otherwise; everything else does not exist.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import anyio
import anyio.abc

from data411_mcp.twins.rows import DnsRow, record_texts

if TYPE_CHECKING:
    import dns.message

LOOPBACK = "127.0.0.1"
UDP_MIN_PAYLOAD_BYTES = 512
CNAME_DEPTH_MAX = 8
BIND_ATTEMPTS = 20


class Zone:
    """Names, records and what is wrong with them. Names compare in lower case, without dot."""

    def __init__(self, hosts: Iterable[str], rows: Iterable[DnsRow]) -> None:
        self._hosts = {host.lower() for host in hosts}
        self._rows: dict[str, list[DnsRow]] = {}
        for row in rows:
            self._rows.setdefault(row.name.lower().rstrip("."), []).append(row)
        self._existing: set[str] = set()
        for name in (*self._hosts, *self._rows):
            labels = name.split(".")
            self._existing.update(".".join(labels[i:]) for i in range(len(labels)))

    def rows(self, name: str, kind: str) -> list[DnsRow]:
        found = [row for row in self._rows.get(name, ()) if row.type == kind]
        if found or kind != "A" or name not in self._hosts:
            return found
        if any(row.type == "CNAME" for row in self._rows.get(name, ())):
            return []
        return [DnsRow(name=name, type="A", values=(LOOPBACK,), ttl=60)]

    def broken(self, name: str, kind: str) -> DnsRow | None:
        """A row that says this question fails; a row of type A speaks for the whole name."""
        for row in self._rows.get(name, ()):
            if (row.silent or row.rcode != "NOERROR") and row.type in (kind, "A"):
                return row
        return None

    def exists(self, name: str) -> bool:
        return name in self._existing

    def answer(self, query: dns.message.Message) -> tuple[dns.message.Message | None, bool]:
        """The reply (None: silence) and whether UDP must say that it was cut."""
        import dns.flags
        import dns.message
        import dns.rcode
        import dns.rdatatype
        import dns.rrset

        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA | dns.flags.AA
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        cut = False
        for _ in range(CNAME_DEPTH_MAX):
            broken = self.broken(name, kind)
            if broken is not None:
                if broken.silent:
                    return None, False
                reply.set_rcode(dns.rcode.from_text(broken.rcode))
                return reply, False
            rows = self.rows(name, kind)
            alias = [] if rows or kind == "CNAME" else self.rows(name, "CNAME")
            for row in rows or alias:
                cut = cut or row.truncate
                if row.values:
                    reply.answer.append(
                        dns.rrset.from_text(name + ".", row.ttl, "IN", row.type, *record_texts(row))
                    )
            if rows or not alias:
                break
            name = alias[0].values[0].lower().rstrip(".")
        if not reply.answer and not self.exists(name):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply, cut


async def serve_dns(zone: Zone, *, task_status: anyio.abc.TaskStatus[int]) -> None:
    """Serve until cancelled; `task_status` is given the port that UDP and TCP share."""
    listener, udp = await _same_port()
    async with listener, udp, anyio.create_task_group() as serving:
        task_status.started(listener.extra(anyio.abc.SocketAttribute.local_port))  # noqa: S610
        serving.start_soon(_serve_udp, zone, udp)
        await listener.serve(_tcp_handler(zone), serving)


async def _same_port() -> tuple[anyio.abc.Listener[anyio.abc.SocketStream], anyio.abc.UDPSocket]:
    for _ in range(BIND_ATTEMPTS):
        listener = await anyio.create_tcp_listener(local_host=LOOPBACK, local_port=0)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610
        try:
            udp = await anyio.create_udp_socket(
                family=socket.AF_INET, local_host=LOOPBACK, local_port=port
            )
        except OSError:  # UDP has this port in use: take another
            await listener.aclose()
            continue
        return listener, udp
    raise OSError("no port is free for both UDP and TCP")


async def _serve_udp(zone: Zone, udp: anyio.abc.UDPSocket) -> None:
    import dns.exception
    import dns.flags
    import dns.message

    async for data, (host, port) in udp:
        try:
            query = dns.message.from_wire(data)
        except dns.exception.DNSException:
            continue
        if not query.question:
            continue
        reply, cut = zone.answer(query)
        if reply is None:
            continue
        wire = reply.to_wire(max_size=65_535)
        if cut or len(wire) > max(query.payload, UDP_MIN_PAYLOAD_BYTES):
            reply.answer.clear()
            reply.flags |= dns.flags.TC
            wire = reply.to_wire()
        await udp.sendto(wire, host, port)


def _tcp_handler(zone: Zone):  # type: ignore[no-untyped-def]
    import dns.exception
    import dns.message

    async def handle(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            try:
                while True:
                    (size,) = struct.unpack("!H", await _exactly(stream, 2))
                    query = dns.message.from_wire(await _exactly(stream, size))
                    reply, _ = zone.answer(query)
                    if reply is None:
                        await anyio.sleep_forever()
                        return
                    wire = reply.to_wire(max_size=65_535)
                    await stream.send(struct.pack("!H", len(wire)) + wire)
            except (anyio.EndOfStream, anyio.BrokenResourceError, dns.exception.DNSException):
                return

    return handle


async def _exactly(stream: anyio.abc.SocketStream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += await stream.receive(size - len(data))
    return data


def hosts_of(sites: Mapping[str, object], vendors: Iterable[str]) -> set[str]:
    """Hosts with an address: sites, their `www.` or bare twin, and the vendors."""
    hosts = set(vendors)
    for host in sites:
        hosts.add(host)
        hosts.add(host.removeprefix("www.") if host.startswith("www.") else f"www.{host}")
    return hosts
