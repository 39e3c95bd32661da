"""A real web server in this process, over twins, and clients with and without keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2

from data411_mcp.domain.access import Scope
from data411_mcp.domain.graph import Backfill
from data411_mcp.services.container import Services
from data411_mcp.serving import http_server, listening
from data411_mcp.settings import Settings
from data411_mcp.twins import load_world, running_twins
from data411_mcp.twins.serve import Twins
from tests.services.session_world import HOOPS, settings_of

HOST = "127.0.0.1"
START_SECONDS = 20.0
API = "/api/v1/enrich"
SESSION = f"{API}/lead-session"
JOBS = f"{API}/jobs"
PROBLEM = "application/problem+json"


@dataclass
class Site:
    """The server as its clients see it, and the services behind it."""

    url: str
    app: Services
    twins: Twins
    settings: Settings

    @property
    def mcp(self) -> str:
        return f"{self.url}/mcp"

    async def key(self, tenant: str = "acme", *scopes: str) -> str:
        """The secret of a new key, with the scope enrich unless others are named."""
        named: Iterable[str] = scopes or (Scope.ENRICH.value,)
        return (await self.app.access.create_key(tenant, "test", named))[1]

    def client(self, key: str | None = None, **more: Any) -> httpx2.AsyncClient:
        headers = {"authorization": f"Bearer {key}"} if key is not None else {}
        return httpx2.AsyncClient(
            base_url=self.url,
            headers={**headers, **more.pop("headers", {})},
            trust_env=False,
            timeout=60,
            **more,
        )


@asynccontextmanager
async def site(
    tmp_path: Path, world: Path = HOOPS, *, host: str = HOST, **more: Any
) -> AsyncIterator[Site]:
    async with running_twins(load_world(world), rate_limits=False) as twins:
        await anyio.Path(tmp_path).mkdir(exist_ok=True)
        twins_file = tmp_path / "twins.json"
        twins.address.write(twins_file)
        settings = settings_of(tmp_path / "data", twins_file, **more)
        async with serving(settings, host) as (url, app):
            yield Site(url, app, twins, settings)


@asynccontextmanager
async def serving(settings: Settings, host: str = HOST) -> AsyncIterator[tuple[str, Services]]:
    """Our server on a free port, until the block ends."""
    with listening(HOST, 0) as listener:
        port = listener.getsockname()[1]
        server = http_server(settings, host, port)
        served = anyio.Event()

        async def serve() -> None:
            await server.serve([listener])
            served.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve)
            with anyio.fail_after(START_SECONDS):
                while not server.started:  # noqa: ASYNC110 - uvicorn sets no Event
                    await anyio.sleep(0.01)
            opener = _opener_of(server.config.app)
            try:
                yield f"http://{HOST}:{port}", await opener.services()
            finally:  # in order also after a failure: what holds a thread of its own is closed
                server.should_exit = True
                with anyio.move_on_after(START_SECONDS, shield=True):
                    await served.wait()


def _opener_of(app: Any) -> Any:
    """The application inside of its layers."""
    while not hasattr(app, "state"):
        app = app._app if hasattr(app, "_app") else app.app
    return app.state.door.opener


def graph_in(answer: httpx2.Response) -> Backfill:
    return Backfill.model_validate(answer.json()["backfill"])


def refused(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The problem, after looking at what every problem must have."""
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), body
    assert answer.headers["content-type"] == PROBLEM
    assert body["status"] == status
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["title"]
    assert body["detail"]
    assert body["hint"]
    assert body["type"] == "about:blank"
    assert isinstance(body["retryable"], bool)
    return body


def without_id(answer: httpx2.Response) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, body and headers without what differs between any two requests."""
    body = {k: v for k, v in answer.json().items() if k != "request_id"}
    return (
        answer.status_code,
        body,
        {k: v for k, v in answer.headers.items() if k not in ("x-request-id", "date")},
    )
