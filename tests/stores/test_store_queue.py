"""What every store must do, whatever it is made of: which job may be live, and who gets it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import anyio
import pytest

from data411_mcp.domain.access import ApiKey, Scope
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.domain.ledger import Balances, Transfer, TransferKind, precharge
from data411_mcp.errors import ChatBusy, InsufficientBalance
from data411_mcp.services.ports import SeedRow, Store
from tests.stores.samples import MINUTE, NOW, chat, event, job, race
from tests.stores.store_factories import OPEN


async def names(store: Store, tenant: str = "acme") -> list[str]:
    return [j.id for j in await store.jobs_to_scan(tenant, limit=1000)]


# --- one live job ------------------------------------------------------------------------


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.WAITING])
async def test_a_chat_with_a_live_job_takes_no_other(store: Store, status: JobStatus) -> None:
    await store.add_job(job("job-1", chat_session_id="chat-1"))
    if status is not JobStatus.QUEUED:
        await store.claim_job("w", now=NOW, lease_seconds=10)
    if status is JobStatus.WAITING:
        await store.finish_job("job-1", "w", status, now=NOW)
    with pytest.raises(ChatBusy) as refused:
        await store.add_job(job("job-2", chat_session_id="chat-1"))
    assert refused.value.hint == 'wait_enrich_job(job_id="job-1")'
    assert await names(store) == ["job-1"]
    await store.add_job(job("job-3", chat_session_id="chat-1", tenant="rival"))
    await store.add_job(job("job-4", chat_session_id="chat-2"))


@pytest.mark.parametrize("status", [JobStatus.DONE, JobStatus.ERROR, JobStatus.CANCELLED])
async def test_a_chat_whose_job_has_ended_takes_the_next(store: Store, status: JobStatus) -> None:
    await store.add_job(job("job-1", chat_session_id="chat-1"))
    await store.claim_job("w", now=NOW, lease_seconds=10)
    await store.finish_job("job-1", "w", status, now=NOW)
    await store.add_job(job("job-2", chat_session_id="chat-1"))
    assert await names(store) == ["job-1", "job-2"]


async def test_an_identical_request_finds_its_job_in_a_chat_that_is_busy_since(
    store: Store,
) -> None:
    first = job("job-1", chat_session_id="chat-1")
    await store.add_job(first)
    assert (await store.add_job(replace(first, id="job-9"))).id == "job-1"
    await store.request_cancel("acme", "job-1", None, now=NOW)
    await store.add_job(job("job-2", chat_session_id="chat-1"))
    assert (await store.add_job(replace(first, id="job-9"))).status is JobStatus.CANCELLED


async def test_a_lead_that_is_being_opened_is_not_opened_twice(store: Store) -> None:
    await store.add_job(job("job-1", opener_key="lead"))
    with pytest.raises(ChatBusy) as refused:
        await store.add_job(job("job-2", opener_key="lead"))
    assert refused.value.hint == 'wait_enrich_job(job_id="job-1")'
    await store.add_job(job("job-3", opener_key="lead", tenant="rival"))
    await store.request_cancel("acme", "job-1", None, now=NOW)
    await store.add_job(job("job-2", opener_key="lead"))
    assert await names(store) == ["job-1", "job-2"]


async def test_a_chat_is_there_with_the_job_that_opens_it_and_not_without(store: Store) -> None:
    await store.add_job(job("job-1", chat_session_id="won", opener_key="lead"), opens=chat("won"))
    assert await store.session("acme", "won") == chat("won")
    with pytest.raises(ChatBusy):
        await store.add_job(
            job("job-2", chat_session_id="lost", opener_key="lead"), opens=chat("lost")
        )
    same = job("job-3", chat_session_id="again", idempotency_key="key of job-1")
    assert (await store.add_job(same, opens=chat("again"))).id == "job-1"
    hold = precharge("acme", "job-4", 100)
    with pytest.raises(InsufficientBalance):
        await store.add_job(
            job("job-4", chat_session_id="poor"), precharge=hold, opens=chat("poor")
        )
    chats = await store.sessions_to_scan("acme", after="", limit=9)
    assert [row.chat_session_id for row in chats] == ["won"]


async def test_of_racing_processes_only_the_winner_leaves_a_chat(kind: str, place: str) -> None:
    won = await race(kind, place, "opened")
    winners = sorted(chat_ for winner in won for chat_ in winner)
    assert len(winners) == 50
    async with OPEN[kind](place) as store:
        chats = await store.sessions_to_scan("acme", after="", limit=300)
    assert [row.chat_session_id for row in chats] == winners


async def test_jobs_without_a_chat_do_not_stand_in_each_others_way(store: Store) -> None:
    for number in range(3):
        await store.add_job(job(f"job-{number}", chat_session_id=""))
    assert len(await names(store)) == 3


async def test_keys_longer_than_any_index_tell_leads_apart(store: Store) -> None:
    one, two = "\u4e2d\U0001f600" * 2000 + "1", "\u4e2d\U0001f600" * 2000 + "2"
    await store.add_job(job("job-1", lead_key=one, opener_key=one))
    with pytest.raises(ChatBusy):
        await store.add_job(job("job-2", lead_key=one, opener_key=one))
    await store.add_job(job("job-3", lead_key=two, opener_key=two))
    assert await store.live_chat_of_lead("acme", two) == "chat of job-3"
    seed = SeedRow(one, "chat-1", NOW)
    await store.put_seeds("acme", [seed])
    assert await store.find_seed("acme", [two, one], not_before=NOW) == seed
    await store.delete_seeds("acme", [one])
    assert await store.find_seed("acme", [one], not_before=NOW) is None


@pytest.mark.parametrize("what", ["chats", "openers"])
async def test_of_racing_processes_one_has_the_live_job(kind: str, place: str, what: str) -> None:
    won = await race(kind, place, what)
    assert sorted(n for winner in won for n in winner) == sorted(map(str, range(50)))
    async with OPEN[kind](place) as store:
        assert len(await names(store)) == 50


async def test_of_a_hundred_tasks_one_has_the_live_job_and_all_hear_of_it(store: Store) -> None:
    added: list[str] = []
    hints: set[str] = set()

    async def add(number: int) -> None:
        try:
            added.append((await store.add_job(job(f"job-{number}", chat_session_id="one"))).id)
        except ChatBusy as busy:
            hints.add(busy.hint)

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(add, number)
    assert len(added) == 1
    assert hints == {f'wait_enrich_job(job_id="{added[0]}")'}


# --- who gets it -------------------------------------------------------------------------


async def test_a_failed_job_is_tried_again_when_it_is_due_and_that_costs_an_attempt(
    store: Store,
) -> None:
    await store.add_job(job())
    await store.claim_job("w", now=NOW, lease_seconds=10)
    due = NOW + 5 * MINUTE
    assert not await store.requeue_job("job-1", now=NOW, worker="other", run_after=due)
    assert await store.requeue_job("job-1", now=NOW, worker="w", run_after=due)
    found = await store.job("acme", "job-1")
    assert found == job(attempt=1, run_after=due)
    early = due - timedelta(microseconds=1)
    assert await store.claimable_jobs(now=early, limit=9) == ()
    assert await store.claim_job("w", now=early, lease_seconds=10) is None
    again = await store.claim_job("w", now=due, lease_seconds=10)
    assert again is not None
    assert (again.attempt, again.run_after) == (2, None)


async def test_a_job_to_be_tried_later_is_cancelled_at_once(store: Store) -> None:
    await store.add_job(job())
    await store.claim_job("w", now=NOW, lease_seconds=10)
    await store.request_cancel("acme", "job-1", None, now=NOW)
    await store.requeue_job("job-1", now=NOW, worker="w", run_after=NOW + 60 * MINUTE)
    taken = await store.claim_job("w", now=NOW, lease_seconds=10)
    assert taken is not None
    assert taken.cancel_requested


async def test_claimable_are_the_jobs_that_are_due_or_whose_worker_died_in_order(
    store: Store,
) -> None:
    await store.add_job(job("batch"))
    await store.add_job(job("urgent", priority=10, created_at=NOW + MINUTE))
    await store.add_job(job("urgent-2", priority=10, created_at=NOW + 2 * MINUTE))
    await store.add_job(job("later", run_after=NOW + 9 * MINUTE))
    await store.add_job(job("running"))
    await store.add_job(job("over"))
    await store.claim_job("w", now=NOW, lease_seconds=60, job_id="running")
    await store.request_cancel("acme", "over", None, now=NOW)
    await store.request_retry("acme", "batch", "deep", now=NOW)

    async def claimable(minutes: int, limit: int = 9) -> list[str]:
        found = await store.claimable_jobs(now=NOW + minutes * MINUTE, limit=limit)
        return [j.id for j in found]

    assert await claimable(0) == ["urgent", "urgent-2", "batch"]
    assert await claimable(1) == ["urgent", "urgent-2", "batch", "running"]
    assert await claimable(9) == ["urgent", "urgent-2", "batch", "later", "running"]
    assert await claimable(9, limit=2) == ["urgent", "urgent-2"]
    taken = [await store.claim_job("w", now=NOW, lease_seconds=60) for _ in range(4)]
    assert [t and t.id for t in taken] == ["urgent", "urgent-2", "batch", None]


async def test_a_tenant_with_its_share_of_running_jobs_waits_and_others_do_not(
    store: Store,
) -> None:
    for number in range(4):
        await store.add_job(job(f"acme-{number}", priority=10))
    await store.add_job(job("rival-1", tenant="rival"))

    async def claim(minutes: int = 0, job_id: str | None = None) -> Job | None:
        return await store.claim_job(
            "w",
            now=NOW + minutes * MINUTE,
            lease_seconds=60,
            job_id=job_id,
            tenant_jobs_max=2,
        )

    taken = [await claim() for _ in range(4)]
    assert [t and t.id for t in taken] == ["acme-0", "acme-1", "rival-1", None]
    assert await claim(job_id="acme-2") is None
    await store.finish_job("acme-0", "w", JobStatus.DONE, now=NOW)
    next_one = await claim()
    assert next_one is not None
    assert next_one.id == "acme-2"
    assert await claim() is None
    lapsed = await claim(minutes=1)
    assert lapsed is not None
    assert lapsed.id == "acme-1"


async def test_racing_processes_keep_a_tenants_limit(kind: str, place: str) -> None:
    async with OPEN[kind](place) as store:
        for number in range(40):
            await store.add_job(job(f"job-{number}"))
        won = await race(kind, place, "limited")
    claimed = [name for winner in won for name in winner]
    assert len(claimed) == len(set(claimed)) == 3


async def test_a_clock_that_jumps_gives_a_job_to_one_worker_at_a_time(store: Store) -> None:
    """Ahead: the lease has lapsed, and an heir takes over. Back: nobody else gets it, and who
    held it once writes nothing."""
    await store.add_job(job())
    await store.claim_job("first", now=NOW, lease_seconds=60)
    heir = await store.claim_job("heir", now=NOW + 600 * MINUTE, lease_seconds=60)
    assert heir is not None
    for now in (NOW, NOW - 600 * MINUTE):
        assert await store.claim_job("third", now=now, lease_seconds=60) is None
        assert await store.heartbeat("job-1", "first", now=now, lease_seconds=60) is None
        assert not await store.finish_job("job-1", "first", JobStatus.DONE, now=now)
    beat = await store.heartbeat("job-1", "heir", now=NOW, lease_seconds=60)
    assert beat is not None
    assert beat.lease_until == NOW + MINUTE
    assert await store.finish_job("job-1", "heir", JobStatus.DONE, now=NOW - 9 * MINUTE)


# --- tenants -----------------------------------------------------------------------------


async def test_a_tenants_handles_are_unknown_to_every_other_tenant(store: Store) -> None:
    """Each handle asked for by its owner, by a rival, and under a name that does not exist: the
    last two answer alike."""
    credit = Transfer("credit", "acme", "", "", TransferKind.CREDIT, 500, "a gift")
    await store.post(credit, at=NOW)
    made = job(progress_key="board", callback_url="https://hooks.example/")
    await store.add_job(made, precharge=precharge("acme", made.id, 100))
    await store.append_event("job-1", event())
    await store.put_key(ApiKey("key", "acme", "n", frozenset({Scope.READ}), "sha", NOW))

    async def seen(tenant: str, job_id: str, board: str) -> tuple[object, ...]:
        return (
            await store.job(tenant, job_id),
            await store.events(tenant, job_id, since=0, limit=9),
            await store.jobs_of_progress_key(tenant, board),
            await store.transfers(tenant, job_id=job_id),
            await store.request_retry(tenant, job_id, "deep", now=NOW),
            await store.request_cancel(tenant, job_id, "deep", now=NOW),
        )

    unknown = await seen("acme", "job-9", "none")
    assert unknown == (None, (), (), (), None, None)
    assert await seen("rival", "job-1", "board") == unknown
    assert await store.request_cancel("rival", "job-1", None, now=NOW) is None
    assert not await store.rewrite_job("rival", "job-1", payload="", lead_key="", expected="{}")
    assert await store.balances("rival") == Balances()
    assert await store.transfers("rival") == ()
    assert await store.keys("rival") == ()
    assert not await store.revoke_key("key", tenant="rival", at=NOW)
    assert await store.key_by_hash("sha", now=NOW) is not None
    assert await store.balances("acme") == Balances(customer=400, held=100, bank=-500)
    assert None not in await seen("acme", "job-1", "board")


async def test_two_tenants_may_use_one_transfer_id_and_one_idempotency_key(store: Store) -> None:
    for tenant in ("acme", "rival"):
        credit = Transfer("credit", tenant, "", "", TransferKind.CREDIT, 500, "a gift")
        assert await store.post(credit, at=NOW)
        added = await store.add_job(job(f"job of {tenant}", tenant=tenant, idempotency_key="same"))
        assert added.tenant == tenant
        assert await store.balances(tenant) == Balances(customer=500, bank=-500)
