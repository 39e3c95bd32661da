"""Services on demand: opened once for API and MCP, and again tried where that failed."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from data411_mcp.domain.slots import DEEP
from data411_mcp.errors import Data411Error
from data411_mcp.serving import LazyServices, listening
from data411_mcp.settings import Settings
from data411_mcp.web.config import WebConfig
from data411_mcp.web.edge import Edge
from data411_mcp.web.metrics import Metrics
from tests.services.session_world import HOOPS_LEAD
from tests.tools.mcp_sessions import ROOT, process_environment, world_with_fault
from tests.web.web_world import API, JOBS, PROBLEM, SESSION

SECONDS = 60.0
HANGS = {"vendor": "openrouter", "slot": DEEP, "fault": {"kind": "delay", "seconds": 600}}


async def test_a_store_that_could_not_be_opened_is_opened_at_a_later_call(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.write_text("in the way", encoding="utf-8")
    lazy = LazyServices(Settings(data_dir=folder, log_level="CRITICAL"))
    with anyio.fail_after(SECONDS):
        async with lazy.running():
            with pytest.raises(Data411Error):
                await lazy.services()
            folder.unlink()
            services = await lazy.services()
            assert await services.store.keys() == ()
            assert await lazy.services() is services


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    "stop", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)]
)
async def test_a_server_process_ends_in_order_on_a_signal(
    tmp_path: Path, stop: signal.Signals
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "data411_mcp", "serve", "--transport", "http",
               "--port", str(port)]  # fmt: skip
    async with await anyio.open_process(
        command, env=process_environment(tmp_path), cwd=ROOT, stderr=subprocess.PIPE
    ) as server:
        with anyio.fail_after(SECONDS):
            await _answers(f"http://127.0.0.1:{port}/healthz")
            server.send_signal(stop)
            assert server.stderr is not None
            said = b"".join([chunk async for chunk in server.stderr])
            await server.wait()
    assert b"Traceback" not in said
    assert server.returncode in {0, -stop}


async def _answers(url: str) -> None:
    async with httpx2.AsyncClient(trust_env=False) as client:
        while True:
            try:
                answer = await client.get(url, timeout=SECONDS)
            except httpx2.ConnectError:
                await anyio.sleep(0.05)
                continue
            assert answer.status_code == 200
            return


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
async def test_who_waits_while_the_server_is_told_to_stop_is_given_a_handle(
    tmp_path: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "data411_mcp", "serve", "--transport", "http",
               "--port", str(port)]  # fmt: skip
    environment = process_environment(tmp_path / "data", world_with_fault(tmp_path / "w", HANGS))
    answers: dict[str, httpx2.Response] = {}
    async with await anyio.open_process(
        command, env=environment, cwd=ROOT, stderr=subprocess.PIPE
    ) as server:
        url = f"http://127.0.0.1:{port}"
        with anyio.fail_after(SECONDS):
            await _answers(f"{url}/healthz")
            async with (
                httpx2.AsyncClient(base_url=url, trust_env=False, timeout=SECONDS) as client,
                anyio.create_task_group() as tasks,
            ):

                async def ask(name: str, method: str, path: str, **more: Any) -> None:
                    answers[name] = await client.request(method, path, **more)

                body = {"lead": HOOPS_LEAD, "chat_session_id": "c", "progress_key": "board"}
                tasks.start_soon(partial(ask, "call", "POST", SESSION, json=body))
                board = await client.get(f"{API}/boards/board")
                while not board.is_success or board.json()["status"] != "running":
                    board = await client.get(f"{API}/boards/board")
                location = f"{JOBS}/{board.json()['job_id']}"
                tasks.start_soon(ask, "wait", "GET", f"{location}?wait_s=45")
                metrics = await client.get("/metrics")
                while "data411_http_open_requests 3" not in metrics.text:  # itself, too
                    metrics = await client.get("/metrics")
                server.send_signal(signal.SIGTERM)
            assert server.stderr is not None
            said = b"".join([chunk async for chunk in server.stderr])
            await server.wait()
    assert b"Traceback" not in said, said
    assert answers["call"].status_code == 202, answers["call"].text
    assert answers["call"].headers["location"] == location
    assert (answers["wait"].status_code, answers["wait"].json()["status"]) == (200, "running")


async def test_a_request_that_is_cut_off_by_the_end_is_a_503_that_says_when() -> None:
    sent: list[Any] = []

    async def cut_off(*_: Any) -> None:
        await anyio.sleep_forever()

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    config = WebConfig(frozenset(), frozenset())
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    config.stopping.set()
    with anyio.move_on_after(0.01):
        await Edge(cut_off, config, Metrics())(scope, receive, send)
    headers = dict(sent[0]["headers"])
    assert sent[0]["status"] == 503
    assert headers[b"content-type"] == PROBLEM.encode()
    assert headers[b"retry-after"] == b"2"


def test_the_second_part_of_an_answer_does_not_wait_for_the_clients_acknowledgement() -> None:
    with (
        listening("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
