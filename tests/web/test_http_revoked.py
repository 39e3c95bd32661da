"""A key that is revoked while a call of it waits: the call ends with the error of any later call,
and the job, which is the tenant's, goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
import httpx2
import pytest
from mcp.client.client import Client

from data411_mcp import serving
from data411_mcp.adapters.jobs.following import FollowedJobs
from data411_mcp.domain.jobs import Job
from data411_mcp.web.config import WebConfig
from tests.services.session_world import HOOPS_LEAD
from tests.tools.mcp_sessions import ERAS, structured, world_with_fault
from tests.web.test_http_jobs import HANGS, LEAD_JOB
from tests.web.test_http_mcp import ACCEPT, HELLO, connected
from tests.web.web_world import JOBS, SESSION, Site, refused, site

SECONDS = 30.0
HEARTBEAT_SECONDS = 0.05


@pytest.fixture(scope="module")
async def slow(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A server whose sessions never end by themselves, and which looks at keys all the time."""
    folder = tmp_path_factory.mktemp("revoked")
    usual = serving._web_config

    def hurried(*given: Any) -> WebConfig:
        return replace(usual(*given), heartbeat_seconds=HEARTBEAT_SECONDS)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving, "_web_config", hurried)
        async with site(folder, world_with_fault(folder / "world", HANGS)) as started:
            yield started


@dataclass
class Leaver:
    """A tenant with a running job, whose key is revoked as soon as a call of it waits."""

    at: Site
    tenant: str
    key: str
    client: httpx2.AsyncClient
    job: str
    _waits: anyio.Event = field(default_factory=anyio.Event)

    async def revoked_during(self, call: Callable[[], Awaitable[None]]) -> None:
        with anyio.fail_after(SECONDS):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call)
                await self._waits.wait()
                (stored,) = await self.at.app.access.keys(self.tenant)
                await self.at.app.access.revoke_key(stored.id)

    async def jobs_left(self) -> list[str]:
        """Those that go on."""
        found = await self.at.app.store.jobs_to_scan(self.tenant)
        return [job.id for job in found if not job.final and not job.cancel_requested]


@pytest.fixture
async def leaver(slow: Site, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Leaver]:
    tenant = slow.app.clock.new_id()
    key = await slow.key(tenant)
    async with slow.client(key) as client:
        accepted = (await client.post(JOBS, json=LEAD_JOB)).json()
        found = Leaver(slow, tenant, key, client, accepted["job_id"])
        follow = FollowedJobs.wait

        async def waits(self: FollowedJobs, of: str, job_id: str, **more: Any) -> Job:
            if job_id == found.job:
                found._waits.set()
            return await follow(self, of, job_id, **more)

        monkeypatch.setattr(FollowedJobs, "wait", waits)
        yield found
        await slow.app.runner.cancel(tenant, found.job)


async def _chat(leaver: Leaver) -> str:
    job = await leaver.at.app.store.job(leaver.tenant, leaver.job)
    assert job is not None
    return job.chat_session_id


@pytest.mark.parametrize("tool", ["wait_enrich_job", "enrich_lead_session"])
@pytest.mark.parametrize("mode", ERAS)
async def test_a_waiting_mcp_call_ends_with_its_key_and_its_job_goes_on(
    leaver: Leaver, mode: str, tool: str
) -> None:
    arguments = {
        "wait_enrich_job": {"job_id": leaver.job},
        "enrich_lead_session": {"lead": HOOPS_LEAD, "chat_session_id": await _chat(leaver)},
    }
    said: list[dict[str, Any]] = []

    async def call(client: Client) -> None:
        result = await client.call_tool(tool, arguments[tool])
        assert result.is_error
        said.append(structured(result))

    async with connected(leaver.at, leaver.key, mode) as client:
        await leaver.revoked_during(lambda: call(client))
    later = refused(await leaver.client.get(f"{JOBS}/{leaver.job}"), 401, "UNAUTHORIZED")
    assert said == [
        {
            "code": "UNAUTHORIZED",
            "message": later["detail"],
            "hint": later["hint"],
            "retryable": False,
        }
    ]
    assert await leaver.jobs_left() == [leaver.job]


@pytest.mark.parametrize("how", ["wait", "session"])
async def test_a_waiting_request_ends_with_its_key_and_its_job_goes_on(
    leaver: Leaver, how: str
) -> None:
    answers: list[httpx2.Response] = []

    async def ask() -> None:
        if how == "wait":
            answers.append(await leaver.client.get(f"{JOBS}/{leaver.job}", params={"wait_s": 45}))
        else:
            body = {"lead": HOOPS_LEAD, "chat_session_id": await _chat(leaver)}
            answers.append(await leaver.client.post(SESSION, json=body))

    await leaver.revoked_during(ask)
    refused(answers[0], 401, "UNAUTHORIZED")
    assert answers[0].headers["www-authenticate"].startswith("Bearer")
    assert await leaver.jobs_left() == [leaver.job]


async def test_the_stream_of_a_protocol_session_ends_with_its_key(
    leaver: Leaver, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await leaver.client.post("/mcp", json=HELLO, headers=ACCEPT)
    session = {"mcp-session-id": answer.headers["mcp-session-id"], "accept": "text/event-stream"}
    with anyio.fail_after(SECONDS):
        async with leaver.client.stream("GET", "/mcp", headers=session) as stream:
            assert stream.status_code == 200
            (stored,) = await leaver.at.app.access.keys(leaver.tenant)
            await leaver.at.app.access.revoke_key(stored.id)
            async for _ in stream.aiter_bytes():
                pass
    assert not caplog.records
    refused(await leaver.client.get("/mcp", headers=session), 401, "UNAUTHORIZED")


async def test_a_call_of_another_key_of_the_tenant_waits_on(leaver: Leaver) -> None:
    other = await leaver.at.key(leaver.tenant)
    waited: list[int] = []
    async with leaver.at.client(other) as client:

        async def call() -> None:
            answer = await client.get(f"{JOBS}/{leaver.job}", params={"wait_s": 0.5})
            waited.append(answer.status_code)

        with anyio.fail_after(SECONDS):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call)
                await leaver._waits.wait()
                first, _ = await leaver.at.app.access.keys(leaver.tenant)
                await leaver.at.app.access.revoke_key(first.id)
    assert waited == [200]
