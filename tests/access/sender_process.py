"""A process that sends notices until it is killed: STORE TLS_PORT CA_PEM SECONDS_AHEAD."""

from __future__ import annotations

import ssl
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta

import anyio

from data411_mcp.adapters.callbacks import open_door
from data411_mcp.adapters.clock import SystemClock
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.network import Network
from data411_mcp.services.callbacks import Callbacks
from data411_mcp.settings import Settings


@dataclass
class ClockAhead(SystemClock):
    seconds: float = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.seconds)


async def main(path: str, port: str, pem: str, ahead: str) -> None:
    async def resolve(_host: str) -> list[str]:
        return ["127.0.0.1"]

    network = Network(
        resolve=resolve,
        allow=frozenset({"127.0.0.1"}),
        port_map={443: int(port)},
        ssl_context=ssl.create_default_context(cafile=pem),
    )
    async with SqliteStore.open(path) as store, open_door(network, Settings()) as door:
        await Callbacks(store, ClockAhead(float(ahead)), door, poll_seconds=0.05).run()


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
