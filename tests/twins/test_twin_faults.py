"""Faults arrive on the wire as they are named; limits and latency are the published ones."""

from __future__ import annotations

import random
from email.utils import parsedate_to_datetime
from typing import Any

import anyio
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.twins import load_world, running_twins
from data411_mcp.twins.timing import PROFILES, Limit, TokenBucket

DEADLINE_SECONDS = 20
PAGE = "https://acme.example/contact"
CHAT = "https://openrouter.ai/api/v1/chat/completions"
SEARCH = "https://api.tavily.com/search"
KEY = {"authorization": "Bearer sk-or-v1-x"}
TAVILY = {"authorization": "Bearer tvly-x"}


@pytest.fixture
async def twins(world_folder):
    async with running_twins(load_world(world_folder)) as running:
        yield running


@pytest.fixture
async def web(twins, client_for):
    with anyio.fail_after(DEADLINE_SECONDS):
        async with client_for(twins.address) as client:
            yield client


def on_page(kind: str, **more: Any) -> dict[str, Any]:
    return {"host": "acme.example", "fault": {"kind": kind, **more}}


def question(**more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": "x"}]
    metadata = {"slot": "data411-hunt-swift"}
    return {"model": "x-ai/grok-build-0.1", "messages": messages, "metadata": metadata, **more}


async def test_a_status_fault_speaks_the_vendors_own_envelope(web, twins) -> None:
    twins.faults.add({"vendor": "tavily", "fault": {"kind": "status", "status": 432}})
    twins.faults.add({"vendor": "openrouter", "fault": {"kind": "status", "status": 502}})
    tavily = await web.post(SEARCH, json={"query": "acme"}, headers=TAVILY)
    router = await web.post(CHAT, json=question(), headers=KEY)
    assert (tavily.status_code, list(tavily.json()["detail"])) == (432, ["error"])
    assert (router.status_code, router.json()["error"]["code"]) == (502, 502)


@pytest.mark.parametrize("value", ["3", "3600", "soon", ""])
async def test_retry_after_is_sent_as_written(web, twins, value) -> None:
    twins.faults.add(on_page("status", status=429, retry_after=value))
    assert (await web.get(PAGE)).headers["retry-after"] == value


async def test_retry_after_can_be_a_date(web, twins) -> None:
    twins.faults.add(on_page("status", status=503, retry_after_date_seconds=30))
    assert parsedate_to_datetime((await web.get(PAGE)).headers["retry-after"]).tzinfo is not None


async def test_only_the_calls_that_are_named_fail(web, twins) -> None:
    twins.faults.add({**on_page("status"), "nth": [2, 3], "path": "/con*"})
    statuses = [(await web.get(PAGE)).status_code for _ in range(4)]
    assert statuses == [200, 500, 500, 200]
    assert (await web.get("https://acme.example/")).status_code == 200
    twins.faults.clear()
    assert (await web.get(PAGE)).status_code == 200


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (on_page("reset"), httpx2.NetworkError),
        (on_page("truncate"), httpx2.RemoteProtocolError),
    ],
)
async def test_a_dropped_connection_is_a_transport_error(web, twins, fault, error) -> None:
    twins.faults.add(fault)
    with pytest.raises((error, httpx2.TransportError)):
        await web.get(PAGE)


@pytest.mark.parametrize("kind", ["stall", "slow_first_byte", "delay"])
async def test_a_slow_body_runs_into_the_callers_deadline(web, twins, kind) -> None:
    twins.faults.add(on_page(kind, seconds=60))
    with pytest.raises(TimeoutError):
        with anyio.fail_after(0.3):
            await web.get(PAGE)


@pytest.mark.parametrize("kind", ["endless", "gzip_bomb"])
async def test_a_body_without_measure_can_be_left_in_the_middle(web, twins, kind) -> None:
    twins.faults.add(on_page(kind))
    size = 0
    async with web.stream("GET", PAGE) as reply:
        async for piece in reply.aiter_bytes():
            size += len(piece)
            if size > 2_000_000:
                break
    assert size > 2_000_000


async def test_a_drip_delivers_every_byte(web, twins) -> None:
    twins.faults.add(on_page("drip", seconds=0))
    assert "Contact" in (await web.get(PAGE)).text


async def test_wrong_type_and_empty_keep_the_status_good(web, twins) -> None:
    twins.faults.add({"vendor": "tavily", "nth": 1, "fault": {"kind": "wrong_type"}})
    twins.faults.add({"vendor": "tavily", "nth": 2, "fault": {"kind": "empty"}})
    first = await web.post(SEARCH, json={"query": "acme"}, headers=TAVILY)
    second = await web.post(SEARCH, json={"query": "acme"}, headers=TAVILY)
    assert (first.status_code, first.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert (second.status_code, second.content) == (200, b"")


async def test_a_model_can_fail_with_status_200(web, twins) -> None:
    twins.faults.add({"slot": "data411-hunt-swift", "nth": 1, "fault": {"kind": "error_200"}})
    twins.faults.add({"slot": "data411-hunt-swift", "nth": 3, "fault": {"kind": "cut_json"}})
    twins.faults.add({"slot": "data411-hunt-swift", "nth": 4, "fault": {"kind": "stream_error"}})
    error = await web.post(CHAT, json=question(), headers=KEY)
    assert (error.status_code, list(error.json())) == (200, ["error"])
    await web.post(CHAT, json=question(), headers=KEY)
    cut = (await web.post(CHAT, json=question(), headers=KEY)).json()["choices"][0]
    assert cut["finish_reason"] == "length"
    stream = (await web.post(CHAT, json=question(stream=True), headers=KEY)).text
    assert '"error"' in stream
    assert "[DONE]" not in stream


async def test_bodies_can_be_any_bytes(web, twins) -> None:
    twins.faults.add(on_page("status", status=200, body_base64="//4="))
    assert (await web.get(PAGE)).content == b"\xff\xfe"


async def test_the_published_mix_fails_by_seed_and_not_by_order(world_folder, client_for) -> None:
    async def statuses(order: range) -> dict[int, int]:
        found = {}
        async with running_twins(load_world(world_folder), seed=5, rate_limits=False) as twins:
            twins.faults.add({"vendor": "jina", "published_mix": 8.0})
            async with client_for(twins.address) as web:
                for n in order:
                    reply = await web.get(f"https://r.jina.ai/https://acme.example/contact?{n}")
                    found[n] = reply.status_code
        return found

    with anyio.fail_after(DEADLINE_SECONDS):
        up, down = await statuses(range(40)), await statuses(range(39, -1, -1))
    assert up == down
    assert len(set(up.values())) > 1


async def test_the_keyless_reader_is_limited_and_a_key_helps(web) -> None:
    url = "https://r.jina.ai/https://acme.example/contact"
    statuses = [(await web.get(url)).status_code for _ in range(21)]
    assert statuses == [200] * 20 + [429]
    limited = await web.get(url)
    assert limited.json()["status"] == 42903
    assert int(limited.headers["retry-after"]) >= 1
    assert (await web.get(url, headers={"authorization": "Bearer jina_x"})).status_code == 200


async def test_limits_can_be_switched_off(world_folder, client_for) -> None:
    with anyio.fail_after(DEADLINE_SECONDS):
        world = load_world(world_folder)
        async with (
            running_twins(world, rate_limits=False) as twins,
            client_for(twins.address) as web,
        ):
            url = "https://r.jina.ai/https://acme.example/contact"
            assert {(await web.get(url)).status_code for _ in range(25)} == {200}


@given(st.lists(st.floats(0, 5), max_size=80), st.integers(1, 20), st.floats(0.5, 60))
def test_a_bucket_never_gives_more_than_its_size_plus_the_refill(waits, calls, seconds) -> None:
    bucket, now, given_out = TokenBucket(Limit(calls, seconds)), 0.0, 0
    for wait in waits:
        now += wait
        given_out += bucket.take(now) == 0.0
    assert given_out <= calls + now * calls / seconds + 1e-6


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_latency_draws_have_the_published_median_and_tail(name) -> None:
    profile, rng = PROFILES[name], random.Random(1)
    draws = sorted(profile.latency_seconds(rng) for _ in range(4000))
    assert draws[2000] == pytest.approx(profile.p50, rel=0.15)
    assert draws[3800] == pytest.approx(profile.p95, rel=0.25)
    assert draws[-1] <= profile.cap
