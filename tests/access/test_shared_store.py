"""Several hosts on one PostgreSQL store: they agree on secrets and do nothing twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
import pytest

from data411_mcp.adapters.callbacks import open_door
from data411_mcp.adapters.store.postgres import PostgresStore
from data411_mcp.adapters.tombstone_key import tombstone_key
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.domain.ledger import TransferKind, precharge, transfer
from data411_mcp.services.callbacks import Callbacks, webhook_secret
from data411_mcp.services.forgetting import Forgetting
from data411_mcp.services.ports import Store
from tests.access.jobs_to_tell import HOOK, NAMES, HandClock, finished_job, job_of
from tests.postgres import fresh_database
from tests.vendors.guarded_web import open_web, reply, settings

HOSTS = 3
DAY = 86_400.0


@pytest.fixture
def address() -> Iterator[str]:
    with fresh_database() as url:
        yield url


@asynccontextmanager
async def hosts(address: str) -> AsyncIterator[list[Store]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(PostgresStore.open(address)) for _ in range(HOSTS)]


async def test_hosts_agree_on_the_webhook_secret_and_on_the_key_of_the_erased(
    address: str, tmp_path: Path
) -> None:
    secrets: list[str] = []
    keys: list[bytes] = []

    async def ask(store: Store, number: int) -> None:
        secrets.append(await webhook_secret(store, "acme"))
        keys.append(await tombstone_key(store, tmp_path / str(number)))

    async with hosts(address) as stores, anyio.create_task_group() as tasks:
        for number, store in enumerate(stores):
            tasks.start_soon(ask, store, number)
    assert len(set(secrets)) == len(set(keys)) == 1
    assert len(secrets) == HOSTS


async def test_a_notice_is_sent_by_one_of_the_hosts(address: str) -> None:
    clock = HandClock()
    async with (
        open_web(NAMES) as web,
        open_door(web.network, settings()) as door,
        hosts(address) as stores,
    ):
        web.on(HOOK, reply(status=204))
        wanted = {(await finished_job(stores[0], clock)).id for _ in range(30)}

        async def send_all(store: Store) -> None:
            while await Callbacks(store, clock, door).send_next():
                pass

        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                for store in stores:
                    tasks.start_soon(send_all, store)
        told = Counter(json.loads(a.body)["job_id"] for a in web.asked)
    assert set(told) == wanted
    assert set(told.values()) == {1}


async def test_hosts_that_sweep_at_once_settle_each_waiting_job_once(address: str) -> None:
    clock = HandClock()
    async with hosts(address) as stores:
        await stores[0].post(
            transfer("acme", "", "", TransferKind.CREDIT, 5000, "start"), at=clock.now()
        )
        jobs = [await finished_job(stores[0], clock) for _ in range(20)]
        for _ in range(10):
            job = job_of(clock)
            jobs.append(await stores[0].add_job(job, precharge=precharge("acme", job.id, 100)))
            await stores[0].claim_job("w", now=clock.now(), lease_seconds=10, job_id=job.id)
            await stores[0].finish_job(job.id, "w", JobStatus.WAITING, now=clock.now(), result="{}")
        clock.seconds = 31 * DAY
        async with anyio.create_task_group() as tasks:
            for store in stores:
                forgetting = Forgetting(store, clock, b"k" * 32)
                tasks.start_soon(_purge, forgetting)
        # What waited for the user has just ended: it is kept for its own retention from now on.
        left = [found for j in jobs if (found := await stores[0].job("acme", j.id))]
        assert [j.status for j in left] == [JobStatus.CANCELLED] * 10
        balances = await stores[0].balances("acme")
        assert (balances.customer, balances.held, balances.sum) == (5000, 0, 0)


async def _purge(forgetting: Forgetting) -> None:
    await forgetting.purge(pages_days=90, graphs_days=365, jobs_days=30)


async def test_a_person_is_erased_for_every_host(address: str) -> None:
    clock = HandClock()
    async with hosts(address) as stores:
        lead = {"dm_name": "Nora Alder", "company": "Alder Pump Works", "city": "Columbus"}
        await stores[0].add_job(
            job_of(clock, payload=json.dumps({"lead": lead, "prompts": ["Ask Nora Alder."]}))
        )
        await Forgetting(stores[0], clock, b"k" * 32).forget("acme", "Nora Alder")
        (job,) = await stores[1].jobs_to_scan("acme")
        assert "Nora" not in job.payload
        assert (await Forgetting(stores[2], clock, b"k" * 32).tombstones("acme")).mentions(
            "Nora Alder"
        )
