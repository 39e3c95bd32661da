"""A key that takes another's place: a new secret for the same user, to whom all stays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.domain.access import Scope
from data411_mcp.errors import InvalidArgument, NotFound, StaleVersion
from data411_mcp.services.access import GRACE_MAX, Access
from tests.access.jobs_to_tell import HandClock, job_of
from tests.tools.mcp_sessions import ERAS, structured
from tests.web.conftest import Tenant
from tests.web.test_http_mcp import ACCEPT, HELLO, connected
from tests.web.web_world import JOBS, Site, refused

HOUR = timedelta(hours=1)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[Access, HandClock]]:
    clock = HandClock()
    async with SqliteStore.open(folder / "store.sqlite3") as store:
        yield Access(store, clock), clock


async def test_the_new_key_is_the_same_user_and_the_old_one_is_nobody(tmp_path: Path) -> None:
    async with opened(tmp_path) as (access, clock):
        old, before = await access.create_key("acme", "crm", [Scope.READ])
        clock.seconds += 60
        new, after = await access.rotate_key(old.id)
        assert after != before
        assert await access.principal(before) is None
        principal = await access.principal(after)
        assert principal is not None
        assert (principal.tenant, principal.subject) == ("acme", old.id)
        assert principal.scopes == old.scopes
        assert (new.name, new.created_at, new.revoked_at) == ("crm", clock.now(), None)
        assert [key.id for key in await access.keys()] == [old.id, new.id]


async def test_keys_take_each_others_place_as_often_as_needed(tmp_path: Path) -> None:
    async with opened(tmp_path) as (access, _):
        first, _secret = await access.create_key("acme", "crm", [Scope.READ])
        key, secret = first, _secret
        for _ in range(12):
            key, secret = await access.rotate_key(key.id)
        principal = await access.principal(secret)
        assert principal is not None
        assert principal.subject == first.id
        in_use = [k.id for k in await access.keys() if k.revoked_at is None]
        assert in_use == [key.id] == [principal.key]


async def test_within_the_grace_both_secrets_work_and_after_it_the_new_one(tmp_path: Path) -> None:
    async with opened(tmp_path) as (access, clock):
        old, before = await access.create_key("acme", "crm", [Scope.READ])
        _, after = await access.rotate_key(old.id, grace=HOUR)
        late = await access.principal(before)
        assert late is not None
        clock.seconds += HOUR.total_seconds() - 1
        assert await access.in_use(late)
        clock.seconds += 1
        assert await access.principal(before) is None
        assert not await access.in_use(late)
        assert await access.principal(after) is not None


async def test_the_grace_can_be_cut_short(tmp_path: Path) -> None:
    async with opened(tmp_path) as (access, _):
        old, before = await access.create_key("acme", "crm", [Scope.READ])
        await access.rotate_key(old.id, grace=HOUR)
        await access.revoke_key(old.id)
        assert await access.principal(before) is None
        with pytest.raises(NotFound):
            await access.revoke_key(old.id)


async def test_a_key_that_was_revoked_can_still_be_followed_by_another(tmp_path: Path) -> None:
    async with opened(tmp_path) as (access, clock):
        old, before = await access.create_key("acme", "crm", [Scope.READ])
        await access.revoke_key(old.id)
        clock.seconds += 60
        _, after = await access.rotate_key(old.id, grace=HOUR)
        assert await access.principal(before) is None
        principal = await access.principal(after)
        assert principal is not None
        assert principal.subject == old.id


async def test_what_cannot_be_rotated_changes_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as (access, _):
        old, _ = await access.create_key("acme", "crm", [Scope.READ])
        for key_id, tenant in (("none", None), (old.id, "rival")):
            with pytest.raises(NotFound):
                await access.rotate_key(key_id, tenant=tenant)
        for grace in (-HOUR, GRACE_MAX + HOUR):
            with pytest.raises(InvalidArgument):
                await access.rotate_key(old.id, grace=grace)
        assert await access.keys() == (old,)
        new, _ = await access.rotate_key(old.id, tenant="acme")
        with pytest.raises(InvalidArgument) as refusal:
            await access.rotate_key(old.id)
        assert new.id in refusal.value.hint
        assert len(await access.keys()) == 2


async def test_of_racing_rotations_one_makes_a_key(tmp_path: Path) -> None:
    async with opened(tmp_path) as (access, _):
        old, _ = await access.create_key("acme", "crm", [Scope.READ])
        made: list[str] = []

        async def rotate() -> None:
            try:
                made.append((await access.rotate_key(old.id))[0].id)
            except (StaleVersion, InvalidArgument):
                return

        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(rotate)
        assert len(made) == 1
        assert [key.id for key in await access.keys()] == [old.id, *made]


async def test_a_ticket_of_the_old_key_is_void_when_another_has_its_place(tmp_path: Path) -> None:
    async with opened(tmp_path) as (access, clock):
        old, _ = await access.create_key("acme", "crm", [Scope.READ])
        job = await access.store.add_job(job_of(clock))
        ticket = await access.mint_ticket("acme", job.id, key=old.id)
        new, _ = await access.rotate_key(old.id)
        assert await access.redeem(ticket, job.id) is None
        ticket = await access.mint_ticket("acme", job.id, key=new.id)
        found = await access.redeem(ticket, job.id)
        assert found is not None
        assert (found[1].subject, found[1].key) == (old.id, new.id)


# --- over HTTP and MCP --------------------------------------------------------------------


async def rotated(at: Site, tenant: str) -> str:
    """The secret of the key that takes the place of the tenant's newest."""
    *_, newest = await at.app.access.keys(tenant)
    return (await at.app.access.rotate_key(newest.id))[1]


async def test_conversations_go_on_with_the_new_key(shared: Site) -> None:
    async with shared.client(await shared.key("moved")) as client:
        said = await client.post("/icp/intake", json={"message": "hello"})
        thread = said.json()["thread_id"]
    async with shared.client(await rotated(shared, "moved")) as client:
        assert (await client.get(f"/threads/{thread}")).status_code == 200
        listed = (await client.post("/threads/search", json={})).json()
        assert [found["thread_id"] for found in listed] == [thread]
        again = (await client.post("/icp/intake", json={"message": "https://tall.example"})).json()
        assert again["thread_id"] == thread
        ticket = await client.post(f"/chat/stream/{thread}/ticket")
        assert ticket.status_code == 201
    async with shared.client(await shared.key("moved")) as another:
        refused(await another.get(f"/threads/{thread}"), 404, "NOT_FOUND")


async def test_the_old_secret_is_a_401_and_the_new_key_reads_jobs_and_opens_streams(
    shared: Site, acme: Tenant
) -> None:
    old = await shared.key("acme")
    new = await rotated(shared, "acme")
    async with shared.client(old) as client:
        refused(await client.get(f"{JOBS}/{acme.job}"), 401, "UNAUTHORIZED")
    async with shared.client(new) as client, shared.client() as browser:
        assert (await client.get(f"{JOBS}/{acme.job}")).status_code == 200
        href = (await client.post(f"{JOBS}/{acme.job}/ticket")).json()["href"]
        assert (await browser.get(href)).status_code == 200


@pytest.mark.parametrize("mode", ERAS)
async def test_over_mcp_the_conversations_are_there_with_the_new_key(
    shared: Site, mode: str
) -> None:
    tenant = f"moved-{mode}"
    async with connected(shared, await shared.key(tenant), mode) as client:
        said = structured(await client.call_tool("icp_intake", {"message": "hello"}))
    async with connected(shared, await rotated(shared, tenant), mode) as client:
        asked = {"thread_id": said["thread_id"]}
        status = structured(await client.call_tool("icp_status", asked))
    assert status["thread_id"] == said["thread_id"]


async def test_a_protocol_session_goes_on_with_the_new_key(shared: Site) -> None:
    ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
    async with shared.client(await shared.key("stays")) as client:
        answer = await client.post("/mcp", json=HELLO, headers=ACCEPT)
    session = {"mcp-session-id": answer.headers["mcp-session-id"]}
    async with shared.client(await rotated(shared, "stays")) as client:
        pong = await client.post("/mcp", json=ping, headers={**ACCEPT, **session})
    assert pong.status_code == 200
