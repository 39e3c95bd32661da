"""Keys, poll bearers and tickets: shown once, kept hashed, each good for what it is for."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.domain.access import Principal, Scope, secret_hash
from data411_mcp.errors import InvalidArgument, NotFound
from data411_mcp.services.access import TICKET_SECONDS, Access, checked_scopes
from tests.access.jobs_to_tell import HandClock, job_of

READ = frozenset({Scope.READ})


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[Access, HandClock]]:
    clock = HandClock()
    async with SqliteStore.open(folder / "store.sqlite3") as store:
        yield Access(store, clock), clock


def stored(folder: Path) -> str:
    """Every value of every table, as text."""
    with closing(sqlite3.connect(folder / "store.sqlite3")) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return repr([database.execute(f"SELECT * FROM {t}").fetchall() for (t,) in tables])  # noqa: S608


async def test_a_key_is_its_tenants_and_has_its_scopes(tmp_path: Path) -> None:
    async with opened(tmp_path) as (access, _):
        key, secret = await access.create_key("acme", " crm production ", ["read", "enrich"])
        assert re.fullmatch(r"411_[A-Za-z0-9_-]{43}", secret)
        assert key.name == "crm production"
        principal = await access.principal(secret)
        assert principal == Principal("acme", key.id, frozenset({Scope.READ, Scope.ENRICH}))
        assert principal.may(Scope.ENRICH)
        assert await access.keys("acme") == (key,)
        assert await access.keys("rival") == ()


async def test_no_secret_is_in_the_store_or_in_the_key(tmp_path: Path) -> None:
    async with opened(tmp_path) as (access, clock):
        key, secret = await access.create_key("acme", "crm", READ)
        bearer, sha = access.mint_poll_bearer()
        job = await access.store.add_job(job_of(clock, poll_bearer_sha=sha))
        ticket = await access.mint_ticket("acme", job.id)
        assert secret not in repr(key)
    text = stored(tmp_path)
    assert secret_hash(secret) in text
    assert not [s for s in (secret, bearer, ticket) if s in text or s[5:] in text]


@pytest.mark.parametrize("change", [str.upper, lambda s: s + "x", lambda s: s[:-1], lambda s: ""])
async def test_what_is_not_a_key_in_use_is_nobody(tmp_path: Path, change: object) -> None:
    async with opened(tmp_path) as (access, _):
        _, secret = await access.create_key("acme", "crm", READ)
        assert await access.principal(change(secret)) is None  # type: ignore[operator]


async def test_a_revoked_key_is_nobody_from_that_moment(tmp_path: Path) -> None:
    async with opened(tmp_path) as (access, _):
        key, secret = await access.create_key("acme", "crm", READ)
        with pytest.raises(NotFound):
            await access.revoke_key(key.id, tenant="rival")
        assert await access.principal(secret) is not None
        await access.revoke_key(key.id, tenant="acme")
        assert await access.principal(secret) is None
        with pytest.raises(NotFound):
            await access.revoke_key(key.id)
        (shown,) = await access.keys()
        assert shown.revoked_at is not None


async def test_a_server_that_ever_had_a_key_stays_locked(tmp_path: Path) -> None:
    async with opened(tmp_path) as (access, clock):
        assert not await access.any_key()
        key, _ = await access.create_key("acme", "crm", READ)
        assert await access.any_key()
        await access.revoke_key(key.id)
        assert await access.any_key()
        assert await Access(access.store, clock).any_key()


@pytest.mark.parametrize(
    ("tenant", "name", "scopes"),
    [
        ("acme", "", ["read"]),
        ("acme", "a\nb", ["read"]),
        ("acme", "x" * 101, ["read"]),
        ("acme", "crm", []),
        ("acme", "crm", ["read", "everything"]),
        ("", "crm", ["read"]),
        ("../acme", "crm", ["read"]),
    ],
)
async def test_a_key_that_makes_no_sense_is_refused(
    tmp_path: Path, tenant: str, name: str, scopes: list[str]
) -> None:
    async with opened(tmp_path) as (access, _):
        with pytest.raises(InvalidArgument):
            await access.create_key(tenant, name, scopes)
        assert await access.keys() == ()


@given(st.sets(st.sampled_from(list(Scope)), min_size=1))
def test_scopes_are_read_from_their_names(scopes: set[Scope]) -> None:
    assert checked_scopes(s.value for s in scopes) == scopes


async def test_a_poll_bearer_leads_to_its_job_and_is_no_key(tmp_path: Path) -> None:
    async with opened(tmp_path) as (access, clock):
        bearer, sha = access.mint_poll_bearer()
        assert re.fullmatch(r"411p_[A-Za-z0-9_-]{43}", bearer)
        job = await access.store.add_job(job_of(clock, poll_bearer_sha=sha))
        await access.store.add_job(job_of(clock))
        found = await access.job_of_poll_bearer(bearer)
        assert found is not None
        assert found.id == job.id
        assert await access.principal(bearer) is None
        assert await access.job_of_poll_bearer(sha) is None
        assert await access.job_of_poll_bearer(access.mint_poll_bearer()[0]) is None


async def test_a_ticket_is_taken_once_even_by_racing_readers(tmp_path: Path) -> None:
    async with opened(tmp_path) as (access, clock):
        job = await access.store.add_job(job_of(clock))
        ticket = await access.mint_ticket("acme", job.id)
        taken: list[str] = []

        async def take() -> None:
            found = await access.redeem(ticket, job.id)
            taken.extend([] if found is None else [found[0].id])

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(take)
        assert taken == [job.id]
        assert await access.principal(ticket) is None


async def test_a_ticket_is_good_for_a_minute(tmp_path: Path) -> None:
    async with opened(tmp_path) as (access, clock):
        job = await access.store.add_job(job_of(clock))
        early, late = [await access.mint_ticket("acme", job.id) for _ in range(2)]
        clock.seconds += TICKET_SECONDS - 1
        assert await access.redeem(early, job.id) is not None
        clock.seconds += 1
        assert await access.redeem(late, job.id) is None


async def test_a_ticket_for_another_tenants_job_is_refused_as_for_no_job(tmp_path: Path) -> None:
    async with opened(tmp_path) as (access, clock):
        job = await access.store.add_job(job_of(clock))
        said = []
        for job_id in (job.id, "f" * 32):
            with pytest.raises(NotFound) as refused:
                await access.mint_ticket("rival", job_id)
            said.append(refused.value.as_dict())
        assert said[0] == said[1]


async def test_a_ticket_of_a_job_that_is_gone_leads_nowhere(tmp_path: Path) -> None:
    async with opened(tmp_path) as (access, clock):
        job = await access.store.add_job(job_of(clock))
        ticket = await access.mint_ticket("acme", job.id)
        await access.store.request_cancel("acme", job.id, None, now=clock.now())
        later = replace(clock, seconds=5.0).now()
        await access.store.purge(
            now=later, pages_before=later, graphs_before=later, jobs_before=later
        )
        assert await access.redeem(ticket, job.id) is None
