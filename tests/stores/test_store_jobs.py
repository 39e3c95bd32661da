"""What every store must do, whatever it is made of: jobs, their steps and events."""

from __future__ import annotations

from datetime import timedelta

import pytest

from data411_mcp.domain.jobs import Job, JobStatus, SlotRequest, SlotWish
from data411_mcp.errors import NotFound, StaleVersion, StoreError
from data411_mcp.services.ports import Store
from tests.stores.samples import MINUTE, NOW, chat, event, job, race
from tests.stores.store_factories import OPEN

# --- jobs --------------------------------------------------------------------------------


async def test_a_job_comes_back_as_it_was_added(store: Store) -> None:
    assert await store.add_job(job()) == job()
    assert await store.job("acme", "job-1") == job()
    assert await store.job("rival", "job-1") is None


async def test_the_same_idempotency_key_gives_the_first_job(store: Store) -> None:
    await store.add_job(job("job-1", idempotency_key="same"))
    assert (await store.add_job(job("job-2", idempotency_key="same"))).id == "job-1"
    other = await store.add_job(job("job-3", tenant="rival", idempotency_key="same"))
    assert other.id == "job-3"


async def test_jobs_of_a_chat_come_in_order_with_their_slot_requests(store: Store) -> None:
    await store.add_job(job("b", chat_session_id="chat-1"))
    await store.request_cancel("acme", "b", "swift", now=NOW)
    await store.request_cancel("acme", "b", "deep", now=NOW)
    await store.claim_job("w", now=NOW, lease_seconds=10)
    await store.finish_job("b", "w", JobStatus.DONE, now=NOW)
    await store.add_job(job("a", chat_session_id="chat-1", created_at=NOW + MINUTE))
    found = await store.jobs_of_chat("acme", "chat-1")
    assert [(j.id, j.slots_to_cancel) for j in found] == [("b", ("swift", "deep")), ("a", ())]
    assert await store.jobs_of_chat("rival", "chat-1") == ()


async def test_claims_take_the_highest_priority_and_then_the_oldest(store: Store) -> None:
    await store.add_job(job("late", created_at=NOW + MINUTE))
    await store.add_job(job("early"))
    await store.add_job(job("urgent", created_at=NOW + 2 * MINUTE, priority=5))
    claimed = [await store.claim_job("w", now=NOW, lease_seconds=10) for _ in range(4)]
    assert [c and c.id for c in claimed] == ["urgent", "early", "late", None]
    first = claimed[0]
    assert first is not None
    assert (first.status, first.worker, first.attempt) == (JobStatus.RUNNING, "w", 1)
    assert first.lease_until == NOW + timedelta(seconds=10)


async def test_a_job_is_claimed_again_only_after_its_lease(store: Store) -> None:
    await store.add_job(job())
    await store.claim_job("dead", now=NOW, lease_seconds=60)
    assert await store.claim_job("heir", now=NOW + MINUTE / 2, lease_seconds=60) is None
    heir = await store.claim_job("heir", now=NOW + MINUTE, lease_seconds=60)
    assert heir is not None
    assert (heir.worker, heir.attempt) == ("heir", 2)
    assert await store.heartbeat("job-1", "dead", now=NOW, lease_seconds=60) is None
    assert not await store.finish_job("job-1", "dead", JobStatus.DONE, now=NOW)
    assert not await store.requeue_job("job-1", now=NOW, worker="dead")
    with pytest.raises(StaleVersion):
        await store.append_events("job-1", "dead", [event().model_copy(update={"seq": 1})])
    assert await store.finish_job("job-1", "heir", JobStatus.DONE, now=NOW, result="{}")


async def test_a_claim_by_id_takes_only_that_job(store: Store) -> None:
    await store.add_job(job("job-1"))
    await store.add_job(job("job-2"))
    taken = await store.claim_job("w", now=NOW, lease_seconds=10, job_id="job-2")
    assert taken is not None
    assert taken.id == "job-2"
    assert await store.claim_job("w", now=NOW, lease_seconds=10, job_id="job-2") is None


async def test_heartbeats_keep_the_lease_and_tell_of_a_cancel(store: Store) -> None:
    await store.add_job(job())
    await store.claim_job("w", now=NOW, lease_seconds=60)
    beat = await store.heartbeat("job-1", "w", now=NOW + MINUTE, lease_seconds=60)
    assert beat is not None
    assert beat.lease_until == NOW + 2 * MINUTE
    assert await store.claim_job("other", now=NOW + MINUTE, lease_seconds=60) is None
    asked = await store.request_cancel("acme", "job-1", None, now=NOW)
    assert asked is not None
    assert (asked.status, asked.cancel_requested) == (JobStatus.RUNNING, True)
    beat = await store.heartbeat("job-1", "w", now=NOW, lease_seconds=60)
    assert beat is not None
    assert beat.cancel_requested


async def test_no_job_is_given_to_two_processes(kind: str, place: str) -> None:
    names = [f"job-{number}" for number in range(120)]
    async with OPEN[kind](place) as store:
        for name in names:
            await store.add_job(job(name))
        won = await race(kind, place, "claim")
    assert sorted(name for winner in won for name in winner) == sorted(names)


async def test_a_finished_job_keeps_its_result_and_loses_its_worker(store: Store) -> None:
    await store.add_job(job())
    await store.claim_job("w", now=NOW, lease_seconds=10)
    assert await store.finish_job("job-1", "w", JobStatus.ERROR, now=NOW, error='{"code": "X"}')
    found = await store.job("acme", "job-1")
    assert found is not None
    assert (found.status, found.error) == (JobStatus.ERROR, '{"code": "X"}')
    assert (found.worker, found.lease_until) == (None, None)
    assert not await store.finish_job("job-1", "w", JobStatus.DONE, now=NOW)
    assert not await store.requeue_job("job-1", now=NOW)


async def test_a_waiting_job_is_resumed_with_fresh_attempts(store: Store) -> None:
    await store.add_job(job())
    assert not await store.requeue_job("job-1", now=NOW)
    await store.claim_job("w", now=NOW, lease_seconds=10)
    assert not await store.requeue_job("job-1", now=NOW)
    await store.finish_job("job-1", "w", JobStatus.WAITING, now=NOW, result="choose")
    assert await store.requeue_job("job-1", now=NOW, payload='{"choice": "b"}')
    found = await store.job("acme", "job-1")
    assert found is not None
    assert (found.status, found.attempt) == (JobStatus.QUEUED, 0)
    assert found.payload == '{"choice": "b"}'


async def test_a_job_handed_back_costs_no_attempt(store: Store) -> None:
    await store.add_job(job())
    await store.claim_job("w", now=NOW, lease_seconds=10)
    assert await store.requeue_job("job-1", now=NOW, worker="w")
    assert await store.job("acme", "job-1") == job()


async def test_a_job_cancelled_while_it_turns_waiting_is_cancelled(store: Store) -> None:
    await store.add_job(job())
    await store.claim_job("w", now=NOW, lease_seconds=10)
    await store.request_cancel("acme", "job-1", None, now=NOW)
    assert await store.finish_job("job-1", "w", JobStatus.WAITING, now=NOW)
    found = await store.job("acme", "job-1")
    assert found is not None
    assert found.status is JobStatus.CANCELLED


@pytest.mark.parametrize("waiting", [False, True])
async def test_a_job_nobody_runs_is_cancelled_at_once(store: Store, waiting: bool) -> None:
    await store.add_job(job())
    if waiting:
        await store.claim_job("w", now=NOW, lease_seconds=10)
        await store.finish_job("job-1", "w", JobStatus.WAITING, now=NOW)
    assert await store.request_cancel("rival", "job-1", None, now=NOW) is None
    assert await store.request_cancel("acme", "job-2", None, now=NOW) is None
    asked = await store.request_cancel("acme", "job-1", None, now=NOW)
    assert asked is not None
    assert asked.status is JobStatus.CANCELLED
    assert await store.claim_job("w", now=NOW, lease_seconds=10) is None


async def test_the_newest_request_of_a_slot_counts_and_repeats_are_seen(store: Store) -> None:
    await store.add_job(job())
    await store.request_cancel("acme", "job-1", "swift", now=NOW)
    await store.request_retry("acme", "job-1", "deep", now=NOW)
    await store.request_retry("acme", "job-1", "swift", now=NOW)
    found = await store.request_retry("acme", "job-1", "deep", now=NOW)
    assert found is not None
    assert found.slot_requests == (
        SlotRequest(3, "swift", SlotWish.RETRY),
        SlotRequest(4, "deep", SlotWish.RETRY),
    )
    assert (found.slots_to_cancel, found.slots_to_retry) == ((), ("swift", "deep"))
    assert await store.request_retry("rival", "job-1", "swift", now=NOW) is None


async def test_of_a_final_job_no_slot_can_be_asked(store: Store) -> None:
    await store.add_job(job())
    await store.request_cancel("acme", "job-1", None, now=NOW)
    found = await store.request_retry("acme", "job-1", "swift", now=NOW)
    assert found is not None
    assert found.slot_requests == ()


async def test_a_checkpoint_is_replaced_and_settles_its_request(store: Store) -> None:
    await store.add_job(job())
    await store.checkpoint("job-1", "site", "one", now=NOW)
    await store.checkpoint("job-1", "dns", "two", now=NOW)
    await store.request_retry("acme", "job-1", "site", now=NOW)
    await store.request_retry("acme", "job-1", "dns", now=NOW)
    await store.checkpoint("job-1", "site", "three", now=NOW, settles=1)
    assert await store.checkpoints("job-1") == {"site": "three", "dns": "two"}
    found = await store.job("acme", "job-1")
    assert found is not None
    assert found.slots_to_retry == ("dns",)
    assert await store.checkpoints("job-2") == {}
    with pytest.raises(StoreError):
        await store.checkpoint("job-2", "site", "one", now=NOW)


# --- events ------------------------------------------------------------------------------


async def test_events_are_numbered_and_read_in_portions(store: Store) -> None:
    await store.add_job(job())
    assert await store.last_event_seq("job-1") == 0
    written = [await store.append_event("job-1", event(str(n))) for n in range(5)]
    assert [e.seq for e in written] == [1, 2, 3, 4, 5]
    assert await store.events("acme", "job-1", since=1, limit=3) == tuple(written[1:4])
    assert await store.events("rival", "job-1", since=0, limit=9) == ()
    assert await store.last_event_seq("job-1") == 5
    with pytest.raises(NotFound):
        await store.append_event("job-2", event())


async def test_numbered_events_are_appended_once_and_without_holes(store: Store) -> None:
    await store.add_job(job())
    await store.claim_job("w", now=NOW, lease_seconds=10)
    numbered = [event().model_copy(update={"seq": n}) for n in range(1, 6)]
    await store.append_events("job-1", "w", numbered[:3])
    await store.append_events("job-1", "w", numbered[:4])
    assert await store.events("acme", "job-1", since=0, limit=9) == tuple(numbered[:4])
    with pytest.raises(StaleVersion):
        await store.append_events("job-1", "w", [numbered[4].model_copy(update={"seq": 6})])
    with pytest.raises(StaleVersion):
        await store.append_events("job-1", "other", numbered[4:])
    assert await store.last_event_seq("job-1") == 4


async def test_racing_processes_number_events_without_holes(kind: str, place: str) -> None:
    async with OPEN[kind](place) as store:
        await store.add_job(job())
        won = await race(kind, place, "events")
        stored = await store.events("acme", "job-1", since=0, limit=500)
    assert sorted(int(seq) for winner in won for seq in winner) == list(range(1, 201))
    assert [e.seq for e in stored] == list(range(1, 201))


async def test_the_last_events_are_stored_with_the_end_or_neither_is(store: Store) -> None:
    await store.add_job(job())
    await store.claim_job("w", now=NOW, lease_seconds=10)
    numbered = [event(str(n)).model_copy(update={"seq": n}) for n in (1, 2, 3)]
    await store.append_events("job-1", "w", numbered[:1])
    with pytest.raises(StaleVersion):
        await store.finish_job("job-1", "w", JobStatus.DONE, now=NOW, events=numbered[2:])
    assert await store.last_event_seq("job-1") == 1
    assert await store.heartbeat("job-1", "w", now=NOW, lease_seconds=10) is not None
    assert not await store.finish_job("job-1", "x", JobStatus.DONE, now=NOW, events=numbered)
    assert await store.last_event_seq("job-1") == 1
    assert await store.finish_job("job-1", "w", JobStatus.DONE, now=NOW, events=numbered)
    assert await store.events("acme", "job-1", since=0, limit=9) == tuple(numbered)


# --- who has lost a job ------------------------------------------------------------------


async def test_a_worker_that_lost_its_job_writes_no_step_and_no_graph(store: Store) -> None:
    await store.bind(chat())
    await store.add_job(job(chat_session_id="chat-1"))
    lost = await store.claim_job("slow", now=NOW, lease_seconds=10)
    heir = await store.claim_job("heir", now=NOW + MINUTE, lease_seconds=10)

    async def write(held: Job | None, version: int) -> int:
        return await store.save_backfill(
            "acme", "chat-1", "{}", expected_version=version, at=NOW, job=held
        )

    with pytest.raises(StaleVersion):
        await write(lost, 0)
    for settles in (None, 1):
        with pytest.raises(StaleVersion):
            await store.checkpoint("job-1", "a", "1", now=NOW, settles=settles, worker="slow")
        await store.checkpoint("job-1", "b", "1", now=NOW, settles=settles, worker="heir")
        await store.checkpoint("job-1", "b", "2", now=NOW, settles=settles, worker="heir")
    assert await store.checkpoints("job-1") == {"b": "2"}
    assert await write(heir, 0) == 1
    assert await write(None, 1) == 2


async def test_a_lease_that_only_the_wall_clock_calls_lapsed_is_left_to_its_holder(
    store: Store,
) -> None:
    await store.add_job(job("job-1"))
    await store.add_job(job("job-11"))
    later = NOW + 60 * MINUTE
    for name in ("job-1", "job-11"):
        await store.claim_job("w", now=NOW, lease_seconds=10, job_id=name)
    held = ["job-1"]
    for name in (None, "job-1"):
        taken = await store.claim_job("w", now=later, lease_seconds=10, job_id=name, ours=held)
        assert (taken and taken.id) == (None if name else "job-11")
    assert [j.id for j in await store.lapsed_jobs(now=later, limit=9)] == ["job-1"]


async def test_lapsed_jobs_and_portions_of_a_queue_are_found(store: Store) -> None:
    for number in range(5):
        await store.add_job(job(f"job-{number}"))
    await store.claim_job("w", now=NOW, lease_seconds=60, job_id="job-3")
    assert await store.lapsed_jobs(now=NOW, limit=9) == ()
    assert [j.id for j in await store.lapsed_jobs(now=NOW + MINUTE, limit=9)] == ["job-3"]
    portions = [await store.claimable_jobs(now=NOW, limit=3, skip=skip) for skip in (0, 3)]
    assert [[j.id for j in found] for found in portions] == [
        ["job-0", "job-1", "job-2"],
        ["job-4"],
    ]
