"""What every store must do, whatever it is made of: the ledger, and jobs that cost."""

from __future__ import annotations

import anyio
import pytest

from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.domain.ledger import (
    Balances,
    Bill,
    BillLine,
    RefundReason,
    Transfer,
    TransferKind,
    precharge,
)
from data411_mcp.errors import ChatBusy, InsufficientBalance
from data411_mcp.services.ports import Store
from tests.stores.samples import MINUTE, NOW, job, race
from tests.stores.store_factories import OPEN


def credit(cents: int, name: str = "credit-1", *, tenant: str = "acme") -> Transfer:
    return Transfer(name, tenant, "", "", TransferKind.CREDIT, cents, "a gift")


async def add(store: Store, made: Job, cents: int) -> Job:
    return await store.add_job(made, precharge=precharge(made.tenant, made.id, cents))


async def run(store: Store, job_id: str, status: JobStatus, bill: Bill | None = None) -> bool:
    await store.claim_job("w", now=NOW, lease_seconds=10, job_id=job_id)
    return await store.finish_job(job_id, "w", status, now=NOW, bill=bill)


def kinds(transfers: tuple[Transfer, ...]) -> list[tuple[str, str, int, str]]:
    return [(t.kind.value, t.item, t.cents, t.reason) for t in transfers]


async def test_a_credit_posted_again_changes_nothing(store: Store) -> None:
    assert await store.post(credit(500), at=NOW)
    assert not await store.post(credit(500), at=NOW + MINUTE)
    assert not await store.post(credit(900), at=NOW)
    assert await store.balances("acme") == Balances(customer=500, bank=-500)
    assert await store.transfers("acme") == (credit(500),)
    assert await store.balances("rival") == Balances()


async def test_a_precharge_moves_cents_from_the_customer_to_the_hold(store: Store) -> None:
    await store.post(credit(500), at=NOW)
    await add(store, job(), 200)
    assert await store.balances("acme") == Balances(customer=300, held=200, bank=-500)


async def test_a_job_that_is_there_already_is_not_charged_again(store: Store) -> None:
    await store.post(credit(500), at=NOW)
    await add(store, job("job-1", idempotency_key="same"), 200)
    found = await add(store, job("job-2", idempotency_key="same"), 200)
    assert found.id == "job-1"
    assert await store.balances("acme") == Balances(customer=300, held=200, bank=-500)


async def test_a_job_that_the_balance_does_not_cover_is_not_inserted(store: Store) -> None:
    await store.post(credit(199), at=NOW)
    with pytest.raises(InsufficientBalance) as refused:
        await add(store, job(), 200)
    assert refused.value.hint == "get_account()"
    assert await store.job("acme", "job-1") is None
    assert await store.balances("acme") == Balances(customer=199, bank=-199)
    await store.post(credit(1, "credit-2"), at=NOW)
    assert (await add(store, job(), 200)).id == "job-1"


async def test_a_job_of_a_busy_chat_is_not_charged(store: Store) -> None:
    await store.post(credit(500), at=NOW)
    await store.add_job(job("job-1", chat_session_id="chat-1"))
    with pytest.raises(ChatBusy):
        await add(store, job("job-2", chat_session_id="chat-1"), 200)
    assert await store.balances("acme") == Balances(customer=500, bank=-500)


async def test_a_bill_captures_refunds_and_releases_the_whole_hold(store: Store) -> None:
    await store.post(credit(500), at=NOW)
    await add(store, job(), 300)
    lines = (BillLine("span", 100), BillLine("deep", 35, RefundReason.DUPLICATE))
    assert await run(store, "job-1", JobStatus.DONE, Bill(lines, true_up_cents=40))
    assert kinds(await store.transfers("acme", job_id="job-1")) == [
        ("precharge", "", 300, ""),
        ("capture", "span", 100, ""),
        ("true_up", "", 40, ""),
        ("refund", "deep", 35, "duplicate"),
        ("release", "", 125, ""),
    ]
    assert await store.balances("acme") == Balances(customer=360, earned=140, bank=-500)


async def test_no_job_costs_more_than_was_held_for_it(store: Store) -> None:
    await store.post(credit(500), at=NOW)
    await add(store, job(), 100)
    await run(store, "job-1", JobStatus.DONE, Bill((BillLine("session", 150),), 400))
    assert await store.balances("acme") == Balances(customer=400, earned=100, bank=-500)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (JobStatus.ERROR, "vendor_unavailable"),
        (JobStatus.DONE, "vendor_unavailable"),
        (JobStatus.CANCELLED, "cancelled"),
    ],
)
async def test_without_a_bill_everything_is_given_back(
    store: Store, status: JobStatus, reason: str
) -> None:
    await store.post(credit(500), at=NOW)
    await add(store, job(), 300)
    assert await run(store, "job-1", status)
    assert kinds(await store.transfers("acme", job_id="job-1"))[1:] == [("refund", "", 300, reason)]
    assert await store.balances("acme") == Balances(customer=500, bank=-500)


async def test_a_waiting_job_keeps_its_hold_until_it_ends(store: Store) -> None:
    await store.post(credit(500), at=NOW)
    await add(store, job(), 300)
    bill = Bill((BillLine("session", 150),))
    assert await run(store, "job-1", JobStatus.WAITING, bill)
    assert (await store.balances("acme")).held == 300
    assert await store.requeue_job("job-1", now=NOW)
    assert (await store.balances("acme")).held == 300
    assert await run(store, "job-1", JobStatus.DONE, bill)
    assert await store.balances("acme") == Balances(customer=350, earned=150, bank=-500)


async def test_a_worker_that_lost_its_lease_settles_nothing(store: Store) -> None:
    await store.post(credit(500), at=NOW)
    await add(store, job(), 300)
    await store.claim_job("slow", now=NOW, lease_seconds=10)
    await store.claim_job("heir", now=NOW + MINUTE, lease_seconds=10)
    bill = Bill((BillLine("session", 150),))
    assert not await store.finish_job("job-1", "slow", JobStatus.DONE, now=NOW, bill=bill)
    assert (await store.balances("acme")).held == 300
    assert await store.finish_job("job-1", "heir", JobStatus.DONE, now=NOW, bill=bill)
    assert not await store.finish_job("job-1", "heir", JobStatus.DONE, now=NOW, bill=bill)
    assert await store.balances("acme") == Balances(customer=350, earned=150, bank=-500)


@pytest.mark.parametrize("waiting", [False, True])
async def test_a_job_cancelled_before_it_runs_gives_everything_back_once(
    store: Store, waiting: bool
) -> None:
    await store.post(credit(500), at=NOW)
    await add(store, job(), 300)
    if waiting:
        await run(store, "job-1", JobStatus.WAITING)
    for _ in range(2):
        await store.request_cancel("acme", "job-1", None, now=NOW)
    assert kinds(await store.transfers("acme", job_id="job-1"))[1:] == [
        ("refund", "", 300, "cancelled")
    ]
    assert await store.balances("acme") == Balances(customer=500, bank=-500)


@pytest.mark.parametrize("how", ["failed", "handed back"])
async def test_a_job_that_was_worked_on_keeps_its_hold_for_the_worker_that_ends_it(
    store: Store, how: str
) -> None:
    await store.post(credit(500), at=NOW)
    await add(store, job(), 300)
    await store.claim_job("w", now=NOW, lease_seconds=10)
    await store.checkpoint("job-1", "slot:deep", "{}", now=NOW)
    later = NOW + 9 * MINUTE if how == "failed" else None
    await store.requeue_job("job-1", now=NOW, worker="w", run_after=later)
    asked = await store.request_cancel("acme", "job-1", None, now=NOW)
    assert asked is not None
    assert (asked.status, asked.cancel_requested) == (JobStatus.QUEUED, True)
    assert (await store.balances("acme")).held == 300
    assert await run(store, "job-1", JobStatus.CANCELLED, Bill((BillLine("deep", 35),)))
    assert await store.balances("acme") == Balances(customer=465, earned=35, bank=-500)


async def test_a_running_job_keeps_its_hold_when_a_cancel_is_asked_for(store: Store) -> None:
    await store.post(credit(500), at=NOW)
    await add(store, job(), 300)
    await store.claim_job("w", now=NOW, lease_seconds=10)
    await store.request_cancel("acme", "job-1", None, now=NOW)
    assert (await store.balances("acme")).held == 300
    bill = Bill((BillLine("span", 35),))
    assert await store.finish_job("job-1", "w", JobStatus.CANCELLED, now=NOW, bill=bill)
    assert await store.balances("acme") == Balances(customer=465, earned=35, bank=-500)


async def test_a_job_that_waits_for_too_long_is_settled_and_goes(store: Store) -> None:
    await store.post(credit(500), at=NOW)
    await add(store, job("old", callback_url="https://hooks.example/"), 300)
    await run(store, "old", JobStatus.WAITING)
    await add(store, job("new"), 100)
    expired = NOW + 2 * MINUTE
    ages = {"pages_before": NOW, "graphs_before": NOW}
    gone = await store.purge(now=expired, jobs_before=NOW + MINUTE, **ages)
    assert gone["jobs"] == 0
    old = await store.job("acme", "old")
    assert old is not None
    assert (old.status, old.updated_at) == (JobStatus.CANCELLED, expired)
    due = await store.claim_callback(now=expired, lease_seconds=60)
    assert due is not None
    assert due.job_id == "old"
    gone = await store.purge(now=expired, jobs_before=expired + MINUTE, **ages)
    assert gone["jobs"] == 1
    assert await store.job("acme", "old") is None
    assert await store.job("acme", "new") is not None
    assert await store.balances("acme") == Balances(customer=400, held=100, bank=-500)
    assert kinds(await store.transfers("acme", job_id="old"))[1:] == [
        ("refund", "", 300, "cancelled")
    ]


async def test_transfers_come_newest_first_and_only_to_their_tenant(store: Store) -> None:
    for tenant in ("acme", "rival"):
        for number in range(4):
            await store.post(credit(100 + number, f"credit-{number}", tenant=tenant), at=NOW)
    await add(store, job(), 50)
    found = await store.transfers("acme", limit=3)
    assert [t.cents for t in found] == [50, 103, 102]
    assert {t.tenant for t in found} == {"acme"}
    assert await store.transfers("rival", job_id="job-1") == ()
    assert len(await store.transfers("acme", job_id="job-1")) == 1


async def test_a_transfer_that_is_not_covered_is_refused(store: Store) -> None:
    await store.post(credit(100), at=NOW)
    with pytest.raises(InsufficientBalance):
        await store.post(precharge("acme", "job-1", 101), at=NOW)
    with pytest.raises(InsufficientBalance):
        await store.post(Transfer("t", "acme", "job-1", "span", TransferKind.CAPTURE, 1), at=NOW)
    assert await store.balances("acme") == Balances(customer=100, bank=-100)
    assert len(await store.transfers("acme")) == 1


# --- races -------------------------------------------------------------------------------


async def test_a_hundred_tasks_spend_a_balance_for_ten_exactly_ten_times(store: Store) -> None:
    await store.post(credit(100), at=NOW)
    won: list[str] = []

    async def spend(number: int) -> None:
        try:
            won.append((await add(store, job(f"job-{number}"), 10)).id)
        except InsufficientBalance:
            return

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(spend, number)
    assert len(won) == 10
    assert await store.balances("acme") == Balances(held=100, bank=-100)
    assert {j.id for j in await store.jobs_to_scan("acme", limit=200)} == set(won)


async def test_racing_processes_spend_a_balance_for_ten_exactly_ten_times(
    kind: str, place: str
) -> None:
    async with OPEN[kind](place) as store:
        await store.post(credit(100), at=NOW)
        won = await race(kind, place, "precharges")
        assert len([name for winner in won for name in winner]) == 10
        assert await store.balances("acme") == Balances(held=100, bank=-100)
        assert len(await store.transfers("acme")) == 11


async def test_racing_processes_post_the_same_credits_once(kind: str, place: str) -> None:
    won = await race(kind, place, "credits")
    assert sorted(name for winner in won for name in winner) == sorted(map(str, range(50)))
    async with OPEN[kind](place) as store:
        assert await store.balances("acme") == Balances(customer=350, bank=-350)


async def test_tasks_that_end_one_job_at_once_settle_it_once(store: Store) -> None:
    await store.post(credit(500), at=NOW)
    await add(store, job(), 300)
    await store.claim_job("w", now=NOW, lease_seconds=10)
    bill = Bill((BillLine("session", 150),))
    ended: list[bool] = []

    async def finish() -> None:
        ended.append(await store.finish_job("job-1", "w", JobStatus.DONE, now=NOW, bill=bill))

    async def cancel() -> None:
        await store.request_cancel("acme", "job-1", None, now=NOW)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(finish)
                tasks.start_soon(cancel)
    assert sorted(ended) == [False] * 9 + [True]
    assert await store.balances("acme") == Balances(customer=350, earned=150, bank=-500)
