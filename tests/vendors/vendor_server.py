"""A vendor on loopback: a real HTTP server, the product's own client, and its own store."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from data411_mcp.adapters.clock import SystemClock
from data411_mcp.adapters.http import HttpClient, open_client
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.network import Network
from data411_mcp.settings import Settings

Answer = Callable[["Call"], Response | Awaitable[Response]]


@dataclass(frozen=True)
class Call:
    host: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class VendorServer:
    answer: Answer
    port: int = 0
    calls: list[Call] = field(default_factory=list)

    async def endpoint(self, request: Request) -> Response:
        call = Call(
            request.headers["host"].split(":")[0],
            request.method,
            request.url.path,
            dict(request.query_params),
            dict(request.headers),
            await request.body(),
        )
        self.calls.append(call)
        reply = self.answer(call)
        return reply if isinstance(reply, Response) else await reply


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[VendorServer]:
    """The server runs until the block is left. `answer` maps a call to a response."""
    vendor = VendorServer(answer)
    app = Starlette(routes=[Route("/{path:path}", vendor.endpoint, methods=["GET", "POST"])])
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    vendor.port = listener.getsockname()[1]
    raised: Exception | None = None  # kept out of the task group, which would wrap it
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(server._serve, [listener])
            with anyio.fail_after(10):
                while not server.started:
                    await anyio.lowlevel.checkpoint()
            try:
                yield vendor
            except Exception as error:
                raised = error
            server.should_exit = True
            server.force_exit = True
    finally:
        listener.close()
    if raised is not None:
        raise raised


def loopback(port: int) -> Network:
    """Every name is the server above; http on port 80 goes to its port."""

    async def resolve(_host: str) -> list[str]:
        return ["127.0.0.1"]

    return Network(resolve=resolve, allow=frozenset({"127.0.0.1"}), port_map={80: port})


@dataclass(frozen=True)
class World:
    """What an adapter under test is built from."""

    vendor: VendorServer
    http: HttpClient
    store: SqliteStore
    clock: SystemClock
    settings: Settings


@asynccontextmanager
async def world(
    answer: Answer, folder: Path, settings: Settings | None = None
) -> AsyncIterator[World]:
    settings = settings or Settings(data_dir=folder, contact_email="ops@data411.example")
    async with (
        serving(answer) as vendor,
        open_client(loopback(vendor.port), settings) as http,
        SqliteStore.open(folder / "pages.sqlite3") as store,
    ):
        yield World(vendor, http, store, SystemClock(), settings)


def quotes(record: Any) -> dict[str, str]:
    """field → quote, as it stands in the stored page."""
    return {fact.field: record.page.text[fact.start : fact.end] for fact in record.facts}


def values(record: Any, field: str) -> list[str]:
    return [fact.value for fact in record.facts if fact.field == field]
