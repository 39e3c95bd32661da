"""All twins of a world at once: one plain and one TLS port, one DNS port, on loopback.

`running_twins` is the door for tests and for the composition root, `serve_world` the command
line's.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio

from data411_mcp.network import TwinAddress
from data411_mcp.twins.dns_server import Zone, hosts_of, serve_dns
from data411_mcp.twins.exchange import ALWAYS_THERE, VENDOR_HOSTS, Exchange, RequestLog
from data411_mcp.twins.faults import FaultScript
from data411_mcp.twins.http_server import authority, serve_http, server_context
from data411_mcp.twins.world import World, load_world


@dataclass
class Twins:
    """Running twins. `bill` is what the calls would have cost, USD micros by vendor."""

    address: TwinAddress
    world: World
    faults: FaultScript
    log: list[RequestLog]
    bill: Counter[str]

    def calls(self, vendor: str) -> list[RequestLog]:
        """The logged requests to one vendor ("web" for pages), in order."""
        return [entry for entry in self.log if entry.vendor == vendor]


@asynccontextmanager
async def running_twins(
    world: World, *, latency: float = 0.0, seed: int = 0, rate_limits: bool = True
) -> AsyncIterator[Twins]:
    """Run the twins of a world until the block ends.

    `latency` is the factor on the published latencies (0: none, 1: as published); draws depend on
    `seed` and on the request, not on the order in which requests come.
    """
    failure: Exception | None = None
    faults = FaultScript()
    faults.add(*world.faults)
    exchange = Exchange(world, faults, latency=latency, seed=seed, rate_limits=rate_limits)
    zone = Zone(hosts_of(world.sites, (*VENDOR_HOSTS, *ALWAYS_THERE)), world.dns)
    async with anyio.create_task_group() as serving:
        plain = await serving.start(serve_http, exchange.handle, None)
        tls = await serving.start(serve_http, exchange.handle, server_context())
        dns_port = await serving.start(serve_dns, zone)
        address = TwinAddress(
            plain_port=plain,
            tls_port=tls,
            dns_port=dns_port,
            ca_pem=authority().cert_pem.bytes().decode("ascii"),
            world=str(world.folder),
        )
        try:
            yield Twins(address, world, faults, exchange.log, exchange.bill)
        except Exception as error:
            failure = error
        serving.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def serve_world(
    path: Path,
    connection_file: Path,
    *,
    latency: float = 0.0,
    seed: int = 0,
    rate_limits: bool = True,
) -> None:
    """Serve a world until SIGTERM or SIGINT. The connection file is written once all ports
    listen, in one step, and removed at the end. Raises WorldInvalid."""
    world = load_world(path)
    twins = running_twins(world, latency=latency, seed=seed, rate_limits=rate_limits)
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with twins as running:
            await anyio.to_thread.run_sync(_publish, running.address, connection_file)
            async for _ in signals:
                break
    await anyio.Path(connection_file).unlink(missing_ok=True)


def _publish(address: TwinAddress, connection_file: Path) -> None:
    connection_file.parent.mkdir(parents=True, exist_ok=True)
    draft = connection_file.with_name(f".{connection_file.name}.{os.getpid()}")
    address.write(draft)
    draft.replace(connection_file)
