"""How this process reaches the world: the real network, or the twins of a world.

Only the composition root makes one. The SSRF guard is in force either way: twins are admitted by
`allow`, address by address, and by nothing else.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Resolve = Callable[[str], Awaitable[list[str]]]

TWIN_DNS_LIFETIME_SECONDS = 2.0


@dataclass(frozen=True)
class Network:
    """`resolve` is None for the system's resolver. `allow` holds addresses that are let through
    although not public. `port_map` maps 80 and 443 to the twins' ports."""

    resolve: Resolve | None = None
    allow: frozenset[str] = frozenset()
    port_map: Mapping[int, int] = field(default_factory=dict)
    ssl_context: ssl.SSLContext | None = None  # None: the platform's trust store
    nameservers: tuple[str, ...] = ()  # empty: the system's
    nameserver_port: int = 53


@dataclass(frozen=True)
class TwinAddress:
    """What a product process needs to know of running twins; `data411-mcp twins` writes it."""

    plain_port: int
    tls_port: int
    dns_port: int
    ca_pem: str
    world: str

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.__dict__), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> TwinAddress:
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def network(self) -> Network:
        """Names resolve as the world's DNS says (its hosts and the vendors: to loopback, where
        the twins stand), with certificates of the twins' own authority. `resolve` raises
        socket.gaierror for a name that does not exist, as the system's resolver does."""

        async def resolve(host: str) -> list[str]:
            return await _ask(host, self.dns_port)

        context = ssl.create_default_context(cadata=self.ca_pem)
        return Network(
            resolve=resolve,
            allow=frozenset({"127.0.0.1"}),
            port_map={80: self.plain_port, 443: self.tls_port},
            ssl_context=context,
            nameservers=("127.0.0.1",),
            nameserver_port=self.dns_port,
        )


async def _ask(host: str, port: int) -> list[str]:
    """IPv4 addresses of a name from the DNS twin. Raises socket.gaierror."""
    import dns.asyncresolver
    import dns.exception

    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], port
    resolver.lifetime = TWIN_DNS_LIFETIME_SECONDS
    try:
        answer = await resolver.resolve(host, "A", search=False)
    except dns.exception.DNSException as error:
        raise socket.gaierror(socket.EAI_NONAME, "the world has no such name") from error
    return [record.to_text() for record in answer]
