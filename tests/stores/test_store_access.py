"""What every store must do, whatever it is made of: keys, handles, secrets and callbacks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from data411_mcp.domain.access import ApiKey, KeyedRequest, Scope, TakenTicket
from data411_mcp.domain.callbacks import CALLBACKS_OF_TENANT_MAX, DueCallback
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.errors import StoreError
from data411_mcp.services.ports import Store
from tests.stores.samples import MINUTE, NOW, job, race
from tests.stores.store_factories import OPEN

URL = "https://hooks.example/data411"


def key(name: str = "key-1", *, tenant: str = "acme", **changes: object) -> ApiKey:
    scopes = frozenset({Scope.READ, Scope.ENRICH})
    made = ApiKey(name, tenant, f"name of {name}", scopes, f"sha of {name}", NOW)
    return replace(made, **changes)  # type: ignore[arg-type]


# --- keys --------------------------------------------------------------------------------


async def test_a_key_is_found_by_its_hash_until_it_is_revoked(store: Store) -> None:
    await store.put_key(key())
    assert await store.key_by_hash("sha of key-1", now=NOW) == key()
    assert await store.key_by_hash("sha of key-2", now=NOW) is None
    assert await store.revoke_key("key-1", tenant="acme", at=NOW)
    assert await store.key_by_hash("sha of key-1", now=NOW) is None
    assert not await store.revoke_key("key-1", tenant="acme", at=NOW + MINUTE)
    assert await store.keys() == (key(revoked_at=NOW),)


async def test_a_key_that_is_to_be_revoked_works_until_then_and_can_be_revoked_earlier(
    store: Store,
) -> None:
    await store.put_key(key())
    soon = NOW + 2 * MINUTE
    assert await store.revoke_key("key-1", tenant="acme", at=soon)
    assert await store.key_by_hash("sha of key-1", now=NOW + MINUTE) == key(revoked_at=soon)
    assert await store.key_by_hash("sha of key-1", now=soon) is None
    assert not await store.revoke_key("key-1", tenant="acme", at=soon + MINUTE)
    assert await store.revoke_key("key-1", tenant="acme", at=NOW)
    assert await store.key_by_hash("sha of key-1", now=NOW) is None


async def test_a_key_takes_the_place_of_another_or_of_none(store: Store) -> None:
    await store.put_key(key())
    second = key("key-1.2", created_at=NOW + MINUTE)
    assert await store.replace_key("key-1", second, at=NOW + MINUTE)
    assert await store.keys() == (key(revoked_at=NOW + MINUTE), second)
    again = key("key-1.2", sha256="another")
    assert not await store.replace_key("key-1.2", again, at=NOW)
    assert await store.keys() == (key(revoked_at=NOW + MINUTE), second)


async def test_what_replaces_a_revoked_key_leaves_the_time_of_its_end(store: Store) -> None:
    await store.put_key(key(revoked_at=NOW))
    assert await store.replace_key("key-1", key("key-1.2"), at=NOW + MINUTE)
    assert (await store.keys())[0].revoked_at == NOW


async def test_of_racing_processes_one_replaces_each_key(kind: str, place: str) -> None:
    async with OPEN[kind](place) as store:
        for number in range(20):
            await store.put_key(key(f"key-{number}"))
        won = await race(kind, place, "replacements")
        kept = await store.keys()
    assert sorted(n for winner in won for n in winner) == sorted(map(str, range(20)))
    assert len(kept) == 40
    assert all((k.revoked_at is None) == k.id.endswith(".2") for k in kept)


async def test_keys_are_listed_in_order_and_by_tenant(store: Store) -> None:
    await store.put_key(key("b", created_at=NOW))
    await store.put_key(key("a", created_at=NOW + MINUTE, scopes=frozenset()))
    await store.put_key(key("c", tenant="rival", created_at=NOW - MINUTE))
    assert [k.id for k in await store.keys()] == ["c", "b", "a"]
    assert [k.id for k in await store.keys("acme")] == ["b", "a"]
    assert (await store.keys("acme"))[1].scopes == frozenset()


async def test_a_key_of_another_tenant_cannot_be_revoked(store: Store) -> None:
    await store.put_key(key())
    assert not await store.revoke_key("key-1", tenant="rival", at=NOW)
    assert not await store.revoke_key("key-9", tenant=None, at=NOW)
    assert await store.revoke_key("key-1", tenant=None, at=NOW)


@pytest.mark.parametrize(
    "again", [key("key-1", sha256="other"), key("key-2", sha256="sha of key-1")]
)
async def test_no_two_keys_have_one_id_or_one_hash(store: Store, again: ApiKey) -> None:
    await store.put_key(key())
    with pytest.raises(StoreError):
        await store.put_key(again)
    assert await store.keys() == (key(),)


# --- handles -----------------------------------------------------------------------------


async def test_a_poll_bearer_opens_its_one_job_as_long_as_that_is_kept(store: Store) -> None:
    await store.add_job(job(poll_bearer_sha="a" * 64))
    await store.add_job(job("job-2"))
    await store.add_job(job("job-3"))
    found = await store.job_by_poll_bearer("a" * 64)
    assert found == job(poll_bearer_sha="a" * 64)
    assert await store.job_by_poll_bearer("b" * 64) is None
    await store.request_cancel("acme", "job-1", None, now=NOW)
    await store.purge(now=NOW, pages_before=NOW, graphs_before=NOW, jobs_before=NOW + MINUTE)
    assert await store.job_by_poll_bearer("a" * 64) is None


async def test_a_board_shows_the_jobs_of_its_key_to_its_tenant(store: Store) -> None:
    await store.add_job(job("b", progress_key="board"))
    await store.add_job(job("a", progress_key="board", created_at=NOW + MINUTE))
    await store.add_job(job("c", progress_key="other"))
    await store.add_job(job("d", progress_key="board", tenant="rival"))
    await store.request_retry("acme", "b", "deep", now=NOW)
    found = await store.jobs_of_progress_key("acme", "board")
    assert [(j.id, j.slots_to_retry) for j in found] == [("b", ("deep",)), ("a", ())]
    assert await store.jobs_of_progress_key("acme", "none") == ()


async def test_a_ticket_is_good_once(store: Store) -> None:
    await store.put_ticket("t", "acme", "job-1", expires_at=NOW + MINUTE, key="key-1")
    assert await store.take_ticket("u", "job-1", now=NOW) is None
    assert await store.take_ticket("t", "job-2", now=NOW) is None
    assert await store.take_ticket("t", "job-1", now=NOW) == TakenTicket("acme", "key-1")
    assert await store.take_ticket("t", "job-1", now=NOW) is None


async def test_an_expired_ticket_stays_void_when_the_clock_is_set_back(store: Store) -> None:
    await store.put_ticket("t", "acme", "job-1", expires_at=NOW + MINUTE)
    assert await store.take_ticket("t", "job-1", now=NOW + MINUTE) is None
    assert await store.take_ticket("t", "job-1", now=NOW) is None


async def test_forgotten_tickets_go_with_the_retention_of_jobs(store: Store) -> None:
    await store.put_ticket("old", "acme", "job-1", expires_at=NOW)
    await store.put_ticket("new", "acme", "job-1", expires_at=NOW + MINUTE)
    await store.purge(now=NOW, pages_before=NOW, graphs_before=NOW, jobs_before=NOW + MINUTE)
    assert await store.take_ticket("old", "job-1", now=NOW - MINUTE) is None
    assert await store.take_ticket("new", "job-1", now=NOW) == TakenTicket("acme", "")


async def test_of_racing_processes_one_takes_each_ticket(kind: str, place: str) -> None:
    async with OPEN[kind](place) as store:
        for number in range(50):
            await store.put_ticket(f"ticket-{number}", "acme", "j", expires_at=NOW + MINUTE)
        won = await race(kind, place, "tickets")
    assert sorted(n for winner in won for n in winner) == sorted(map(str, range(50)))


async def test_a_secret_is_made_once_and_kept(kind: str, place: str) -> None:
    async with OPEN[kind](place) as store:
        assert await store.secret("callbacks", b"\0first") == b"\0first"
        assert await store.secret("callbacks", b"second") == b"\0first"
        assert await store.secret("other", b"third") == b"third"
    async with OPEN[kind](place) as store:
        assert await store.secret("callbacks", b"fourth") == b"\0first"


async def test_racing_processes_agree_on_every_secret(kind: str, place: str) -> None:
    agreed = await race(kind, place, "secret")
    assert all(secrets == agreed[0] for secrets in agreed)


# --- callbacks ---------------------------------------------------------------------------


async def test_a_job_that_ends_leaves_its_callback_to_be_sent(store: Store) -> None:
    await store.add_job(job(callback_url=URL))
    await store.add_job(job("quiet"))
    assert await store.claim_callback(now=NOW, lease_seconds=60) is None
    for name in ("job-1", "quiet"):
        await store.claim_job("w", now=NOW, lease_seconds=10, job_id=name)
        await store.finish_job(name, "w", JobStatus.DONE, now=NOW)
    assert await store.claim_callback(now=NOW, lease_seconds=60) == DueCallback(
        "job-1", "acme", URL, 1
    )
    assert await store.claim_callback(now=NOW, lease_seconds=60) is None


async def test_a_job_that_waits_or_is_handed_back_leaves_no_callback(store: Store) -> None:
    await store.add_job(job(callback_url=URL))
    await store.claim_job("w", now=NOW, lease_seconds=10)
    await store.requeue_job("job-1", now=NOW, worker="w")
    await store.claim_job("w", now=NOW, lease_seconds=10)
    await store.finish_job("job-1", "w", JobStatus.WAITING, now=NOW)
    assert await store.claim_callback(now=NOW, lease_seconds=60) is None
    await store.request_cancel("acme", "job-1", None, now=NOW)
    assert await store.claim_callback(now=NOW, lease_seconds=60) is not None


async def test_a_callback_is_tried_again_when_it_was_put_off(store: Store) -> None:
    await store.add_job(job(callback_url=URL))
    await store.request_cancel("acme", "job-1", None, now=NOW)
    await store.claim_callback(now=NOW, lease_seconds=60)
    await store.finish_callback("job-1", again_at=NOW + 5 * MINUTE)
    assert await store.claim_callback(now=NOW + 4 * MINUTE, lease_seconds=60) is None
    due = await store.claim_callback(now=NOW + 5 * MINUTE, lease_seconds=60)
    assert due == DueCallback("job-1", "acme", URL, 2)
    await store.finish_callback("job-1", again_at=None)
    assert await store.claim_callback(now=NOW + 60 * MINUTE, lease_seconds=60) is None


async def test_a_callback_whose_sender_died_is_due_again_and_the_longest_due_goes_first(
    store: Store,
) -> None:
    for number in (2, 1, 3):
        await store.add_job(job(f"job-{number}", callback_url=URL))
        await store.request_cancel("acme", f"job-{number}", None, now=NOW + number * MINUTE)
    late = NOW + 10 * MINUTE
    taken = [await store.claim_callback(now=late, lease_seconds=60) for _ in range(4)]
    assert [due and (due.job_id, due.attempt) for due in taken] == [
        ("job-1", 1), ("job-2", 1), ("job-3", 1), None,
    ]  # fmt: skip
    again = await store.claim_callback(now=late + MINUTE, lease_seconds=60)
    assert again == DueCallback("job-1", "acme", URL, 2)


async def test_of_racing_processes_one_claims_each_callback(kind: str, place: str) -> None:
    async with OPEN[kind](place) as store:
        for number in range(40):
            await store.add_job(job(f"job-{number}", callback_url=URL))
            await store.request_cancel("acme", f"job-{number}", None, now=NOW)
        won = await race(kind, place, "callbacks")
    assert sorted(n for winner in won for n in winner) == sorted(f"job-{n}" for n in range(40))


async def test_a_tenant_has_only_so_many_callbacks_on_their_way(store: Store) -> None:
    for number in range(CALLBACKS_OF_TENANT_MAX + 2):
        await store.add_job(job(f"job-{number}", callback_url=URL))
        await store.request_cancel("acme", f"job-{number}", None, now=NOW)
    await store.add_job(job("other", tenant="rival", callback_url=URL))
    await store.request_cancel("rival", "other", None, now=NOW + MINUTE)

    async def claimed() -> str | None:
        due = await store.claim_callback(now=NOW + MINUTE, lease_seconds=90)
        return due and due.job_id

    taken = [await claimed() for _ in range(CALLBACKS_OF_TENANT_MAX + 2)]
    assert taken == ["job-0", "job-1", "job-2", "job-3", "other", None]
    await store.finish_callback("job-0", again_at=None)
    assert [await claimed(), await claimed()] == ["job-4", None]
    await store.finish_callback("job-1", again_at=NOW + 60 * MINUTE)
    assert [await claimed(), await claimed()] == ["job-5", None]


async def test_a_callback_is_attached_once_and_at_the_latest_told_at_once(store: Store) -> None:
    await store.add_job(job())
    assert not await store.attach_callback("rival", "job-1", URL, now=NOW)
    assert await store.attach_callback("acme", "job-1", URL, now=NOW)
    assert not await store.attach_callback("acme", "job-1", f"{URL}/2", now=NOW)
    assert await store.claim_callback(now=NOW, lease_seconds=60) is None
    await store.request_cancel("acme", "job-1", None, now=NOW)
    assert await store.claim_callback(now=NOW, lease_seconds=60) == DueCallback(
        "job-1", "acme", URL, 1
    )
    await store.add_job(job("job-2"))
    await store.request_cancel("acme", "job-2", None, now=NOW)
    assert await store.attach_callback("acme", "job-2", URL, now=NOW)
    assert await store.claim_callback(now=NOW, lease_seconds=60) == DueCallback(
        "job-2", "acme", URL, 1
    )


# --- idempotency keys --------------------------------------------------------------------


async def test_the_first_request_of_a_key_counts_as_long_as_its_job_is_kept(store: Store) -> None:
    first, second = KeyedRequest("sha-1", "job-1"), KeyedRequest("sha-2", "job-2")
    await store.add_job(job())
    await store.add_job(job("job-2"))
    assert await store.keyed_request("acme", "key") is None
    assert await store.put_keyed_request("acme", "key", first) == first
    assert await store.put_keyed_request("acme", "key", second) == first
    assert await store.put_keyed_request("rival", "key", second) == second
    assert await store.keyed_request("acme", "key") == first
    await store.request_cancel("acme", "job-1", None, now=NOW)
    later = NOW + MINUTE
    await store.purge(now=later, pages_before=NOW, graphs_before=NOW, jobs_before=later)
    assert await store.keyed_request("acme", "key") is None
