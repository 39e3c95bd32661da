"""A job's events: numbered, kept, streamed, and picked up where a reader left off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
import httpx2
import pytest

from data411_mcp.domain.slots import DEEP
from data411_mcp.web.events import EventStream
from tests.services.session_world import HOOPS_LEAD
from tests.tools.mcp_sessions import world_with_fault
from tests.web.conftest import Tenant
from tests.web.test_http_jobs import HANGS, LEAD_JOB
from tests.web.web_world import JOBS, SESSION, Site, refused, serving, site

STREAM = {"accept": "text/event-stream"}
SECONDS = 60.0


@dataclass
class Read:
    """What a stream said: events by number, comments, and whether it ended by itself."""

    events: list[tuple[int, str]] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    ended: bool = False

    @property
    def seqs(self) -> list[int]:
        return [seq for seq, _ in self.events]


async def read(
    client: httpx2.AsyncClient, url: str, *, stop_after: int | None = None, **request: Any
) -> Read:
    found = Read()
    seq, name = 0, ""
    headers = STREAM | request.pop("headers", {})
    with anyio.fail_after(SECONDS):
        async with client.stream("GET", url, headers=headers, **request) as answer:
            assert answer.status_code == 200, await answer.aread()
            assert answer.headers["content-type"].startswith("text/event-stream")
            async for line in answer.aiter_lines():
                key, _, value = line.partition(": ")
                if key == "id":
                    seq = int(value)
                elif key == "event":
                    name = value
                elif line.startswith(":"):
                    found.comments.append(line[1:].strip())
                elif not line and seq and seq not in found.seqs:
                    found.events.append((seq, name))
                if stop_after is not None and len(found.events) >= stop_after:
                    return found
    found.ended = True
    return found


async def test_a_page_of_events_says_where_to_go_on(acme: Tenant) -> None:
    path = f"{JOBS}/{acme.job}/events"
    first = (await acme.client.get(path, params={"limit": 3})).json()
    assert [e["seq"] for e in first["events"]] == [1, 2, 3]
    assert first["next_since"] == 3
    rest = (await acme.client.get(path, params={"since": 3, "limit": 1000})).json()
    assert rest["events"][0]["seq"] == 4
    assert rest["events"][-1]["name"] == "session_finished"
    end = (await acme.client.get(path, params={"since": rest["next_since"]})).json()
    assert (end["events"], end["next_since"]) == ([], rest["next_since"])
    for bad in ({"since": -1}, {"limit": 0}, {"limit": 1001}, {"since": "x"}, {"since": 2**60}):
        refused(await acme.client.get(path, params=bad), 422, "INVALID_ARGUMENT")


async def test_a_reader_that_comes_back_gets_exactly_what_it_missed(acme: Tenant) -> None:
    path = f"{JOBS}/{acme.job}/events"
    page = (await acme.client.get(path, params={"limit": 1000})).json()
    everything = [(e["seq"], e["name"]) for e in page["events"]]
    whole = await read(acme.client, path)
    assert (whole.events, whole.ended) == (everything, True)
    first = await read(acme.client, path, stop_after=4)
    assert first.events == everything[:4]
    rest = await read(acme.client, path, headers={"last-event-id": "4"}, params={"since": 1})
    assert rest.events == everything[4:]
    assert (await read(acme.client, path, params={"since": 6})).events == everything[6:]
    assert (await read(acme.client, path, params={"since": 10**6})).events == []


@pytest.fixture
async def slow(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    folder = tmp_path_factory.mktemp("slow")
    async with site(folder, world_with_fault(folder / "world", HANGS)) as started:
        yield started


async def test_a_stream_follows_a_running_job_to_its_end(slow: Site) -> None:
    """Two readers, one of which goes away in the middle and comes back; then the job ends."""
    async with slow.client(await slow.key()) as client:
        accepted = (await client.post(JOBS, json=LEAD_JOB)).json()
        path = f"{accepted['location']}/events"
        streams: list[Read] = []

        async def follow() -> None:
            streams.append(await read(client, path))

        with anyio.fail_after(SECONDS):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(follow)
                first = await read(client, path, stop_after=5)
                await _deep_runs(client, accepted["location"])
                await client.delete(accepted["location"])
        rest = await read(client, path, headers={"last-event-id": str(first.seqs[-1])})
        metrics = (await client.get("/metrics")).text
    (whole,) = streams
    assert whole.ended
    assert whole.events[-1][1] == "session_cancelled"
    assert whole.seqs == list(range(1, len(whole.seqs) + 1))
    assert first.events + rest.events == whole.events
    assert "data411_http_open_streams 0" in metrics


async def _deep_runs(client: httpx2.AsyncClient, location: str) -> None:
    while True:
        slots = (await client.get(location)).json()["board"]["slots"]
        if any(s["model_id"] == DEEP and s["state"] == "running" for s in slots):
            return
        await anyio.sleep(0.02)


async def test_a_stream_beats_while_nothing_happens(
    slow: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Quick(EventStream):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.ping_interval = 0.05

    monkeypatch.setattr("data411_mcp.web.routes.EventStream", Quick)
    async with slow.client(await slow.key()) as client:
        accepted = (await client.post(JOBS, json=LEAD_JOB)).json()
        await _deep_runs(client, accepted["location"])
        path = f"{accepted['location']}/events"
        beats: list[str] = []
        with anyio.fail_after(SECONDS):
            async with client.stream("GET", path, headers=STREAM) as answer:
                async for line in answer.aiter_lines():
                    if line.startswith(":"):
                        beats.append(line)
                    if beats.count(": ping") >= 3:
                        break
        assert ": ping" in beats


async def test_a_ticket_opens_the_stream_of_its_job_once(shared: Site, acme: Tenant) -> None:
    ticket = (await acme.client.post(f"{JOBS}/{acme.job}/ticket")).json()
    assert ticket["expires_in_s"] == 60
    assert ticket["ticket"] in ticket["href"]
    async with shared.client() as browser:
        assert (await read(browser, ticket["href"])).events[0][0] == 1
        refused(await browser.get(ticket["href"], headers=STREAM), 401, "UNAUTHORIZED")
        for nonsense in ("411t_nonsense", "", "x"):
            answer = await browser.get(f"{JOBS}/{acme.job}/events", params={"ticket": nonsense})
            refused(answer, 401, "UNAUTHORIZED")
        # It opens nothing but events.
        other = (await acme.client.post(f"{JOBS}/{acme.job}/ticket")).json()["ticket"]
        answer = await browser.get(f"{JOBS}/{acme.job}", params={"ticket": other})
        refused(answer, 401, "UNAUTHORIZED")


async def test_a_ticket_taken_by_many_at_once_opens_one_stream(shared: Site, acme: Tenant) -> None:
    ticket = (await acme.client.post(f"{JOBS}/{acme.job}/ticket")).json()
    statuses: list[int] = []
    async with shared.client() as browser:

        async def open_() -> None:
            statuses.append((await browser.get(ticket["href"])).status_code)

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(open_)
    assert sorted(statuses) == [200] + [401] * 7


async def test_events_outlive_the_server_that_wrote_them(tmp_path: Any) -> None:
    async with site(tmp_path) as first:
        key = await first.key()
        async with first.client(key) as client:
            answer = (await client.post(SESSION, json={"lead": HOOPS_LEAD})).json()
            path = f"{JOBS}/{answer['job_id']}/events"
            before = await read(client, path)
        headers = {"authorization": f"Bearer {key}"}
        async with (
            serving(first.settings) as (url, _),
            httpx2.AsyncClient(
                base_url=url, headers=headers, trust_env=False, timeout=60
            ) as client,
        ):
            after = await read(client, path, headers={"last-event-id": "3"})
    assert after.events == before.events[3:]


async def test_open_streams_do_not_hold_up_the_end_of_the_server(tmp_path: Any) -> None:
    world = world_with_fault(tmp_path / "world", HANGS)
    async with anyio.create_task_group() as readers:
        with anyio.fail_after(SECONDS):
            async with site(tmp_path, world) as ending:
                client = ending.client(await ending.key())
                accepted = (await client.post(JOBS, json=LEAD_JOB)).json()
                opened = anyio.Event()

                async def hold() -> None:
                    path = f"{accepted['location']}/events"
                    try:
                        async with client.stream("GET", path, headers=STREAM) as answer:
                            async for _ in answer.aiter_lines():
                                opened.set()
                    except httpx2.HTTPError:
                        pass  # the server is gone: that is what this test is about

                readers.start_soon(hold)
                await opened.wait()
        await client.aclose()


@pytest.mark.parametrize("with_ticket", [False, True], ids=["key", "ticket"])
async def test_a_revoked_key_ends_its_open_streams(
    slow: Site, monkeypatch: pytest.MonkeyPatch, with_ticket: bool
) -> None:
    class Quick(EventStream):
        def __init__(self, *args: Any) -> None:
            *same, config, metrics = args
            super().__init__(*same, replace(config, heartbeat_seconds=0.05), metrics)

    monkeypatch.setattr("data411_mcp.web.routes.EventStream", Quick)
    async with slow.client(await slow.key("leaver")) as client, slow.client() as page:
        accepted = (await client.post(JOBS, json=LEAD_JOB)).json()
        await _deep_runs(client, accepted["location"])
        path, reader = f"{accepted['location']}/events", client
        if with_ticket:
            path = (await client.post(f"{accepted['location']}/ticket")).json()["href"]
            reader = page
        with anyio.fail_after(SECONDS):
            async with reader.stream("GET", path, headers=STREAM) as answer:
                lines = answer.aiter_lines()
                await anext(lines)
                (stored,) = await slow.app.access.keys("leaver")
                await slow.app.access.revoke_key(stored.id)
                async for _ in lines:
                    pass
        job = await slow.app.store.job("leaver", accepted["job_id"])
    assert job is not None
    assert not job.final
