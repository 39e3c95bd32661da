"""What is past its retention goes by itself, whoever else sweeps or writes meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from data411_mcp.adapters.store import sqlite
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.domain.access import Scope, secret_hash
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.domain.ledger import TransferKind, precharge, transfer
from data411_mcp.services.access import Access
from data411_mcp.services.callbacks import webhook_secret
from data411_mcp.services.forgetting import Forgetting
from data411_mcp.services.ports import Store
from data411_mcp.services.retention import Retention
from tests.access.jobs_to_tell import HandClock, finished_job, job_of

DAY = 86_400.0


def retention(store: Store, clock: HandClock, **more: object) -> Retention:
    forgetting = Forgetting(store, clock, b"k" * 32)
    days = {"pages_days": 90, "graphs_days": 365, "jobs_days": 30}
    return Retention(forgetting, **{**days, "hours": 24.0, **more})  # type: ignore[arg-type]


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[Store, HandClock]]:
    async with SqliteStore.open(folder / "store.sqlite3") as store:
        yield store, HandClock()


async def test_a_final_job_takes_its_bearer_ticket_events_and_notice_along(tmp_path: Path) -> None:
    async with opened(tmp_path) as (store, clock):
        access = Access(store, clock)
        bearer, sha = access.mint_poll_bearer()
        job = await store.add_job(job_of(clock, poll_bearer_sha=sha))
        told = await finished_job(store, clock)
        await store.request_cancel("acme", job.id, None, now=clock.now())
        ticket = await access.mint_ticket("acme", job.id)
        clock.seconds = 31 * DAY
        await retention(store, clock).sweep()
        assert await store.job("acme", job.id) is None
        assert await store.job("acme", told.id) is None
        assert await access.job_of_poll_bearer(bearer) is None
        assert await store.take_ticket(secret_hash(ticket), job.id, now=clock.began) is None
        assert await store.claim_callback(now=clock.now(), lease_seconds=1) is None


async def test_what_is_younger_and_what_is_live_stays(tmp_path: Path) -> None:
    async with opened(tmp_path) as (store, clock):
        live = await store.add_job(job_of(clock))
        access = Access(store, clock)
        _, secret = await access.create_key("acme", "crm", [Scope.READ])
        hook = await webhook_secret(store, "acme")
        clock.seconds = 400 * DAY
        young = await finished_job(store, clock)
        await retention(store, clock).sweep()
        assert await store.job("acme", live.id) is not None
        assert await store.job("acme", young.id) is not None
        assert await access.principal(secret) is not None
        again = await webhook_secret(store, "acme")
        assert again == hook


async def test_a_waiting_job_that_nobody_came_back_to_gives_its_money_back(tmp_path: Path) -> None:
    async with opened(tmp_path) as (store, clock):
        await store.post(
            transfer("acme", "", "", TransferKind.CREDIT, 500, "start"), at=clock.now()
        )
        job = job_of(clock)
        await store.add_job(job, precharge=precharge("acme", job.id, 150))
        await store.claim_job("w", now=clock.now(), lease_seconds=10)
        await store.finish_job(job.id, "w", JobStatus.WAITING, now=clock.now(), result="{}")
        clock.seconds = 31 * DAY
        await retention(store, clock).sweep()
        balances = await store.balances("acme")
        assert (balances.customer, balances.held, balances.sum) == (500, 0, 0)
        assert len(await store.transfers("acme", job_id=job.id)) == 2


async def test_two_processes_that_sweep_at_once_delete_once_and_both_go_on(tmp_path: Path) -> None:
    """Two connections to one file, as two processes have them."""
    async with opened(tmp_path) as (store, clock), opened(tmp_path) as (other, _):
        jobs = [await finished_job(store, clock) for _ in range(30)]
        young = replace(clock, seconds=31 * DAY)
        async with anyio.create_task_group() as both:
            for one in (store, other):
                both.start_soon(retention(one, young).sweep)
        assert [j for j in jobs if await store.job("acme", j.id)] == []


async def test_sweeps_come_again_and_again_until_cancelled(tmp_path: Path) -> None:
    async with opened(tmp_path) as (store, clock):
        swept = anyio.Event()
        waits: list[float] = []

        def no_wait() -> float:
            waits.append(0.0)
            if len(waits) == 3:  # before the first sweep, after it, and after the second
                swept.set()
            return 0.0

        old = await finished_job(store, clock)
        clock.seconds = 31 * DAY
        sweeper = retention(store, clock, spread=no_wait)
        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(sweeper.run)
                await swept.wait()
                tasks.cancel_scope.cancel()
        assert await store.job("acme", old.id) is None


async def test_a_store_that_is_busy_is_swept_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    async with opened(tmp_path) as (store, clock):
        old = await finished_job(store, clock)
        clock.seconds = 31 * DAY
        with closing(sqlite3.connect(tmp_path / "store.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await retention(store, clock).sweep()
            other.execute("ROLLBACK")
        assert await store.job("acme", old.id) is not None
        await retention(store, clock).sweep()
        assert await store.job("acme", old.id) is None


async def test_no_hours_means_never(tmp_path: Path) -> None:
    async with opened(tmp_path) as (store, clock):
        old = await finished_job(store, clock)
        clock.seconds = timedelta(days=31).total_seconds()
        with anyio.fail_after(5):
            await retention(store, clock, hours=0, first_seconds=0).run()
        assert await store.job("acme", old.id) is not None
