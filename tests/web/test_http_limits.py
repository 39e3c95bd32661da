"""What a request may be: its size, its pace, the host and the page it comes from."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from structlog.testing import capture_logs

from data411_mcp.errors import InvalidArgument
from data411_mcp.serving import run_http
from data411_mcp.settings import Settings
from data411_mcp.web.buckets import Buckets
from data411_mcp.web.config import WebConfig
from data411_mcp.web.edge import BodyLimit
from data411_mcp.web.problems import HttpError
from tests.web.conftest import Tenant
from tests.web.web_world import JOBS, SESSION, Site, refused, site

JSON = {"content-type": "application/json"}
PAGE = "https://panel.example"


async def test_a_copy_of_the_graph_of_20_mb_is_a_413(acme: Tenant) -> None:
    body = {"chat_session_id": acme.chat, "prior_backfill": {"notes": "x" * 20_000_000}}
    answer = await acme.client.post(f"{SESSION}/synthesize-patch", json=body)
    assert "prior_backfill" in refused(answer, 413, "BODY_TOO_LARGE")["hint"]
    job = {"route": "enrich/lead-session/synthesize-patch", "payload": body}
    refused(await acme.client.post(JOBS, json=job), 413, "BODY_TOO_LARGE")
    refused(await acme.client.post("/mcp", json=body), 413, "BODY_TOO_LARGE")


async def test_a_body_in_chunks_is_counted_while_it_comes(acme: Tenant) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(60):
            sent += 100_000
            yield b" " * 100_000

    answer = await acme.client.post(SESSION, content=chunks(), headers=JSON)
    refused(answer, 413, "BODY_TOO_LARGE")
    assert sent <= 6_000_000

    async def small() -> AsyncIterator[bytes]:
        for part in (b'{"lead', b'": {}', b"}"):
            yield part

    answer = await acme.client.post(SESSION, content=small(), headers=JSON)
    refused(answer, 422, "INVALID_LEAD")


async def test_a_client_that_asks_first_is_told_before_it_sends(shared: Site, acme: Tenant) -> None:
    host = shared.url.removeprefix("http://")
    async with await anyio.connect_tcp(*_address(host)) as stream:
        await stream.send(
            f"POST {SESSION} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {acme.key}\r\n"
            "Content-Type: application/json\r\nContent-Length: 20000000\r\n"
            "Expect: 100-continue\r\n\r\n".encode()
        )
        with anyio.fail_after(10):
            assert (await stream.receive()).startswith(b"HTTP/1.1 413")


def _address(host: str) -> tuple[str, int]:
    name, _, port = host.partition(":")
    return name, int(port)


async def test_too_many_requests_of_one_key_are_a_429_that_says_when(tmp_path: Path) -> None:
    async with site(tmp_path, http_requests_per_minute=30) as paced:
        first, second = await paced.key("one"), await paced.key("two")
        async with paced.client(first) as one, paced.client(second) as two:
            answers = [await one.get("/api/v1/account") for _ in range(40)]
            late = next(a for a in answers if a.status_code == 429)
            assert (await two.get("/api/v1/account")).status_code == 200
        async with paced.client("411_guess") as guesser:
            guesses = [await guesser.get("/api/v1/account") for _ in range(40)]
    problem = refused(late, 429, "RATE_LIMITED")
    assert problem["retryable"] is True
    assert 1 <= int(late.headers["retry-after"]) <= 2
    assert {a.status_code for a in answers} == {200, 429}
    assert {a.status_code for a in guesses} == {401, 429}


def test_a_bucket_fills_evenly_and_never_above_a_minute() -> None:
    now = 0.0
    buckets = Buckets(60, lambda: now)
    assert [buckets.take("a") for _ in range(61)] == [0] * 60 + [1]
    now = 1.0
    assert [buckets.take("a"), buckets.take("a")] == [0, 1]
    assert buckets.take("b") == 0
    now = 0.5  # a clock that jumps back gives nothing and takes nothing
    assert buckets.take("a") == 1
    now = 10_000.0
    assert [buckets.take("a") for _ in range(61)] == [0] * 60 + [1]


async def test_pages_of_other_sites_may_not_call_unless_they_are_allowed(tmp_path: Path) -> None:
    ask = {
        "origin": PAGE,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    async with site(tmp_path / "closed") as closed, closed.client() as client:
        refused(await client.options(SESSION, headers=ask), 403, "CALLER_ERROR")
        refused(await client.get("/healthz", headers={"origin": PAGE}), 403, "CALLER_ERROR")
        own = await client.get("/healthz", headers={"origin": closed.url})
        assert own.status_code == 200
        assert "access-control-allow-origin" not in own.headers
    async with site(tmp_path / "open", http_cors_origins=f"{PAGE}, ") as opened:
        key = await opened.key()
        async with opened.client() as client:
            asked = await client.options(SESSION, headers=ask)
            assert asked.status_code == 200
            assert asked.headers["access-control-allow-origin"] == PAGE
            ask |= {"access-control-request-method": "PATCH"}
            asked = await client.options("/threads/any", headers=ask)
            assert asked.status_code == 200
            refused_here = await client.get("/api/v1/account", headers={"origin": PAGE})
            refused(refused_here, 401, "UNAUTHORIZED")
            assert refused_here.headers["access-control-allow-origin"] == PAGE
            other = {"origin": "https://evil.example", "authorization": f"Bearer {key}"}
            refused(await client.get("/api/v1/account", headers=other), 403, "CALLER_ERROR")


@pytest.mark.parametrize("allowed", [PAGE, "*"])
async def test_an_allowed_page_speaks_mcp(tmp_path: Path, allowed: str) -> None:
    ask = {
        "origin": PAGE,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,last-event-id,mcp-method,"
        "mcp-name,mcp-param-Region,mcp-protocol-version,mcp-session-id",
    }
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": {"name": "page", "version": "0"}}}  # fmt: skip
    accept = {"origin": PAGE, "accept": "application/json, text/event-stream"}
    async with site(tmp_path, http_cors_origins=allowed) as opened:
        key = await opened.key()
        async with opened.client(key) as client:
            asked = await client.options("/mcp", headers=ask)
            assert asked.status_code == 200, asked.text
            named = asked.headers["access-control-allow-headers"].lower()
            assert "mcp-param-region" in named
            assert "mcp-method" in named
            strange = ask | {"access-control-request-headers": "mcp-param-a,x-strange"}
            assert (await client.options("/mcp", headers=strange)).status_code == 400
            answer = await client.post("/mcp", json=hello, headers=accept)
            assert answer.status_code == 200, answer.text
            assert answer.headers["access-control-allow-origin"] == allowed
            exposed = answer.headers["access-control-expose-headers"].lower()
            assert {"mcp-session-id", "x-request-id", "location", "retry-after"} <= set(
                exposed.split(", ")
            )


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/account", "/mcp", "/openapi.json"])
async def test_a_wrong_host_is_a_421_and_a_wrong_origin_a_403(acme: Tenant, path: str) -> None:
    refused(await acme.client.get(path, headers={"host": "evil.example"}), 421, "CALLER_ERROR")
    refused(await acme.client.get(path, headers={"host": "127.0.0.1"}), 421, "CALLER_ERROR")
    origin = {"origin": "http://evil.example"}
    refused(await acme.client.get(path, headers=origin), 403, "CALLER_ERROR")
    null = {"origin": "null"}
    refused(await acme.client.get(path, headers=null), 403, "CALLER_ERROR")


async def test_beyond_loopback_the_public_name_is_the_one_that_is_answered(tmp_path: Path) -> None:
    public = "https://Data411.example"
    async with site(tmp_path, host="0.0.0.0", public_url=public) as wide, wide.client() as client:
        for host in ("data411.example", "DATA411.example:443"):
            answer = await client.get("/healthz", headers={"host": host})
            assert answer.status_code == 200
        origin = {"host": "data411.example", "origin": "https://data411.example"}
        assert (await client.get("/healthz", headers=origin)).status_code == 200
        plain = {"host": "data411.example", "origin": "http://data411.example"}
        assert (await client.get("/healthz", headers=plain)).status_code == 403


@pytest.mark.parametrize("url", ["data411.example", "ftp://data411.example", "https://", "x"])
def test_a_public_address_that_is_none_is_refused_at_the_start(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidArgument, match="DATA411_PUBLIC_URL"):
        run_http(Settings(data_dir=tmp_path, public_url=url), "127.0.0.1", 0)


async def test_a_port_that_is_taken_is_said(shared: Site, tmp_path: Path) -> None:
    port = int(shared.url.rpartition(":")[2])
    with pytest.raises(InvalidArgument, match="listened"):
        run_http(Settings(data_dir=tmp_path), "127.0.0.1", port)


async def test_metrics_count_routes_and_name_no_handles(acme: Tenant) -> None:
    await acme.client.get(f"{JOBS}/{acme.job}")
    text = (await acme.client.get("/metrics")).text
    labels = 'method="GET",route="/api/v1/enrich/jobs/{job_id}",status="200"'
    assert f"data411_http_requests_total{{{labels}}}" in text
    assert acme.job not in text
    assert json.dumps(acme.key) not in text
    names = {row.split("{")[0].split(" ")[0] for row in text.splitlines() if row[0] != "#"}
    assert all(name.startswith("data411_") for name in names)


async def test_the_server_says_nothing_of_its_make(acme: Tenant) -> None:
    answer: httpx2.Response = await acme.client.get("/healthz")
    assert "server" not in answer.headers


async def test_a_body_that_does_not_arrive_in_time_is_a_408() -> None:
    async def never() -> dict[str, Any]:
        await anyio.sleep_forever()
        raise AssertionError

    config = WebConfig(frozenset(), frozenset(), body_seconds_max=0.01)
    limited = BodyLimit(_unreached, config)
    with pytest.raises(HttpError) as late:
        await limited({"type": "http", "headers": []}, never, _unreached_send)
    assert late.value.http_status == 408


async def _unreached(*_: Any) -> None:
    raise AssertionError


async def _unreached_send(_: Any) -> None:
    raise AssertionError


async def test_the_log_names_the_route_and_never_a_key_or_a_handle(tmp_path: Path) -> None:
    async with site(tmp_path, log_level="INFO") as logging:
        key = await logging.key()
        with capture_logs() as lines:
            async with logging.client(key) as client:
                await client.get("/api/v1/enrich/boards/secret-board")
                await client.get("/api/v1/account", params={"key": key})
                await client.get("/api/v1/nowhere/secret-path")
    requests = [line for line in lines if line["event"] == "request"]
    assert [line["status"] for line in requests] == [404, 401, 404]
    assert requests[0]["route"] == "/api/v1/enrich/boards/{progress_key}"
    assert key not in str(lines)
    assert "secret" not in str(lines)
