"""What every store must do, whatever it is made of: the ICP finder's threads."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import anyio
import pytest

from data411_mcp.domain.icp.values import ThreadStatus
from data411_mcp.errors import ChatBusy, NotFound, ThreadLocked
from data411_mcp.services.ports import Store
from data411_mcp.services.ports.icp import IcpStore, ThreadRow
from tests.stores.samples import MINUTE, NOW, job, race, thread
from tests.stores.store_factories import OPEN

OPEN_ONLY = (ThreadStatus.OPEN,)


async def standing(icp: IcpStore, name: str) -> tuple[ThreadStatus, bool, str]:
    row = await icp.thread("acme", name)
    assert row is not None
    return row.status, row.lock_pending, row.reason


# --- opening -----------------------------------------------------------------------------


async def test_a_thread_is_kept_as_it_was_opened(icp: IcpStore) -> None:
    row = thread(metadata='{"a": "é"}', label="Acme – Ünlü")
    assert await icp.open_thread(row) == row
    assert await icp.thread("acme", "thread-1") == row


async def test_defect_12_a_new_thread_is_a_new_one_and_the_old_one_is_locked(
    icp: IcpStore,
) -> None:
    await icp.open_thread(thread("old"))
    fresh = thread("new", created_at=NOW + MINUTE, updated_at=NOW + MINUTE)
    assert await icp.open_thread(fresh) == fresh
    old = await icp.thread("acme", "old")
    assert old == replace(
        thread("old"),
        status=ThreadStatus.LOCKED,
        locked_at=NOW + MINUTE,
        reason="new_thread_created",
    )


async def test_a_thread_whose_run_has_not_ended_is_locked_later(icp: IcpStore) -> None:
    await icp.open_thread(thread("old"))
    await icp.open_thread(thread("new"), live=["old", "somebody else's"])
    assert await standing(icp, "old") == (ThreadStatus.OPEN, True, "new_thread_created")
    locked = await icp.lock_thread("acme", "old", "new_thread_created", at=NOW + MINUTE)
    assert locked is not None
    assert (locked.status, locked.lock_pending, locked.locked_at) == (
        ThreadStatus.LOCKED,
        False,
        NOW + MINUTE,
    )


async def test_a_third_thread_locks_the_one_that_was_only_to_be_locked(icp: IcpStore) -> None:
    await icp.open_thread(thread("old"))
    await icp.open_thread(thread("new"), live=["old"])
    await icp.open_thread(thread("newest"))
    for name in ("old", "new"):
        assert await standing(icp, name) == (ThreadStatus.LOCKED, False, "new_thread_created")


@pytest.mark.parametrize(
    "other",
    [
        {"context_key": "other.example#1"},
        {"user_id": "user-2"},
        {"agent": "another"},
        {"tenant": "rival"},
    ],
)
async def test_only_threads_of_the_same_person_agent_and_company_are_locked(
    icp: IcpStore, other: dict[str, object]
) -> None:
    await icp.open_thread(thread("old"))
    await icp.open_thread(replace(thread("new"), **other))  # type: ignore[arg-type]
    assert (await standing(icp, "old"))[0] is ThreadStatus.OPEN


async def test_threads_that_know_no_company_yet_stand_beside_each_other(icp: IcpStore) -> None:
    for name in ("one", "two", "three"):
        await icp.open_thread(thread(name, ""))
    assert len(await icp.threads("acme", statuses=OPEN_ONLY)) == 3


async def test_an_operator_may_allow_several_threads_of_a_company(icp: IcpStore) -> None:
    await icp.open_thread(thread("one"), single=False)
    await icp.open_thread(thread("two"), single=False)
    await icp.open_thread(thread("three", ""), single=False)
    await icp.set_context(
        "acme", "three", "acme.example#1", label="Acme", live=(), at=NOW, single=False
    )
    assert len(await icp.threads("acme", statuses=OPEN_ONLY)) == 3
    await icp.open_thread(thread("four"))
    assert [t.thread_id for t in await icp.threads("acme", statuses=OPEN_ONLY)] == ["four"]


async def test_opening_a_thread_again_gives_it_back_and_locks_nothing(icp: IcpStore) -> None:
    await icp.open_thread(thread("one"))
    await icp.open_thread(thread("two"))
    again = await icp.open_thread(thread("one", label="other", created_at=NOW + MINUTE))
    assert again.status is ThreadStatus.LOCKED
    assert again.label == "Acme"
    assert (await standing(icp, "two"))[0] is ThreadStatus.OPEN


async def test_a_thread_of_another_person_or_tenant_is_unknown(icp: IcpStore) -> None:
    await icp.open_thread(thread())
    with pytest.raises(NotFound):
        await icp.open_thread(thread(user_id="user-2"))
    mine = thread(tenant="rival", label="mine")
    assert await icp.thread("rival", "thread-1") is None
    assert await icp.open_thread(mine) == mine
    assert await icp.thread("acme", "thread-1") == thread()
    assert await icp.threads("third") == ()
    assert await icp.lock_thread("third", "thread-1", "x", at=NOW) is None
    assert await icp.archive_thread("third", "thread-1", "x", at=NOW) is None
    assert await icp.touch_thread("third", "thread-1", at=NOW, label="x") is None
    assert not await icp.delete_thread("third", "thread-1")
    with pytest.raises(NotFound):
        await icp.set_context("third", "thread-1", "k", label="x", live=(), at=NOW)
    assert await icp.thread("acme", "thread-1") == thread()


async def test_of_many_that_open_at_once_one_stays_open(icp: IcpStore) -> None:
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(icp.open_thread, thread(f"thread-{number}"))
    assert len(await icp.threads("acme", statuses=OPEN_ONLY)) == 1
    assert len(await icp.threads("acme", statuses=(ThreadStatus.LOCKED,))) == 19


async def test_of_racing_processes_one_thread_of_each_company_stays_open(
    kind: str, place: str
) -> None:
    opened = [name for one in await race(kind, place, "threads") for name in one]
    async with OPEN[kind](place) as store:
        rows = await _all(store)
    assert sorted(row.thread_id for row in rows) == sorted(opened)
    left = [row.context_key for row in rows if row.status is ThreadStatus.OPEN]
    assert sorted(left) == [f"{number}.example" for number in range(10)]


async def test_of_racing_processes_one_gets_each_thread_id(kind: str, place: str) -> None:
    won = [name for one in await race(kind, place, "same_thread") for name in one]
    assert sorted(won) == sorted(f"{number}" for number in range(20))


async def _all(store: Store) -> tuple[ThreadRow, ...]:
    from data411_mcp.adapters.store.tables import Tables

    assert isinstance(store, Tables)
    return await store.threads("acme", limit=1000)


# --- context -----------------------------------------------------------------------------


async def test_a_thread_gets_its_company_and_the_older_one_is_locked(icp: IcpStore) -> None:
    await icp.open_thread(thread("old"))
    await icp.open_thread(thread("new", ""))
    row = await icp.set_context(
        "acme", "new", "acme.example#1", label="Acme again", live=(), at=NOW + MINUTE
    )
    assert (row.context_key, row.label, row.updated_at) == (
        "acme.example#1",
        "Acme again",
        NOW + MINUTE,
    )
    assert (await standing(icp, "old"))[0] is ThreadStatus.LOCKED
    same = await icp.set_context("acme", "new", "acme.example#1", label="A", live=(), at=NOW)
    assert same.status is ThreadStatus.OPEN


async def test_a_locked_thread_gets_no_company(icp: IcpStore) -> None:
    await icp.open_thread(thread("old"))
    await icp.open_thread(thread("new"))
    with pytest.raises(ThreadLocked):
        await icp.set_context("acme", "old", "other.example", label="x", live=(), at=NOW)
    with pytest.raises(NotFound):
        await icp.set_context("acme", "none", "other.example", label="x", live=(), at=NOW)


async def test_a_thread_that_is_to_be_locked_keeps_its_company(icp: IcpStore) -> None:
    await icp.open_thread(thread("old"))
    await icp.open_thread(thread("new"), live=["old"])
    same = await icp.set_context("acme", "old", "acme.example#1", label="x", live=(), at=NOW)
    assert same.lock_pending
    assert (await standing(icp, "new"))[0] is ThreadStatus.OPEN
    with pytest.raises(ThreadLocked):
        await icp.set_context("acme", "old", "other.example", label="x", live=(), at=NOW)


# --- reading and the end -----------------------------------------------------------------


async def test_threads_are_listed_newest_first_by_what_is_asked(icp: IcpStore) -> None:
    for number in range(4):
        at = NOW + number * MINUTE
        row = thread(f"t{number}", f"{number % 2}.example", created_at=at, updated_at=at)
        await icp.open_thread(row)
    await icp.open_thread(thread("other", "0.example", user_id="user-2"))

    async def ids(**asked: object) -> list[str]:
        return [t.thread_id for t in await icp.threads("acme", **asked)]  # type: ignore[arg-type]

    assert await ids() == ["t3", "t2", "t1", "other", "t0"] or await ids() == [
        "t3", "t2", "t1", "t0", "other",
    ]  # fmt: skip
    assert await ids(user_id="user-1", limit=2, offset=1) == ["t2", "t1"]
    assert await ids(user_id="user-1", statuses=OPEN_ONLY) == ["t3", "t2"]
    both = (ThreadStatus.OPEN, ThreadStatus.LOCKED)
    assert await ids(user_id="user-1", statuses=both, context_key="1.example") == ["t3", "t1"]
    assert await ids(updated_after=NOW + 2 * MINUTE) == ["t3", "t2"]
    assert await ids(agent="another") == []
    scanned = await icp.threads_to_scan("acme", after="t0", limit=2)
    assert [t.thread_id for t in scanned] == ["t1", "t2"]


async def test_touching_moves_a_thread_forward_only(icp: IcpStore) -> None:
    await icp.open_thread(thread())
    row = await icp.touch_thread("acme", "thread-1", at=NOW + MINUTE, metadata='{"n": 1}')
    assert row is not None
    assert (row.updated_at, row.label, row.metadata) == (NOW + MINUTE, "Acme", '{"n": 1}')
    row = await icp.touch_thread("acme", "thread-1", at=NOW, label="New")
    assert row is not None
    assert (row.updated_at, row.label, row.metadata) == (NOW + MINUTE, "New", '{"n": 1}')


async def test_a_locked_thread_stays_locked_with_its_first_reason(icp: IcpStore) -> None:
    await icp.open_thread(thread())
    first = await icp.lock_thread("acme", "thread-1", "context_changed", at=NOW)
    again = await icp.lock_thread("acme", "thread-1", "other", at=NOW + MINUTE)
    assert first == again
    assert again is not None
    assert (again.status, again.reason) == (ThreadStatus.LOCKED, "context_changed")


async def test_locked_threads_that_nobody_came_back_to_are_archived(icp: IcpStore) -> None:
    day = timedelta(days=1)
    for name in ("stale", "fresh", "just locked"):
        await icp.open_thread(thread(name, ""))
    await icp.lock_thread("acme", "stale", "x", at=NOW)
    await icp.lock_thread("acme", "just locked", "x", at=NOW + 30 * day)
    await icp.open_thread(thread("open", ""))
    await icp.open_thread(thread("touched", ""))
    await icp.lock_thread("acme", "touched", "x", at=NOW)
    await icp.touch_thread("acme", "touched", at=NOW + 30 * day)
    later = NOW + 31 * day
    assert await icp.archive_stale(before=later - 30 * day, at=later) == 1
    row = await icp.thread("acme", "stale")
    assert row is not None
    assert (row.status, row.archived_at, row.reason) == (
        ThreadStatus.ARCHIVED,
        later,
        "auto_archive_stale",
    )
    again = await icp.archive_thread("acme", "stale", "deleted", at=later + day)
    assert again == row


async def test_a_deleted_thread_takes_its_documents_along(icp: IcpStore) -> None:
    await icp.open_thread(thread())
    kept = ("thread-10", "thread-10:a", "other")
    for key in ("thread-1", "thread-1:shop.example", *kept):
        await icp.put_document("acme", "shortlist", key, "{}", at=NOW)
    await icp.put_document("rival", "shortlist", "thread-1", "{}", at=NOW)
    assert await icp.delete_thread("acme", "thread-1")
    assert not await icp.delete_thread("acme", "thread-1")
    left = await icp.documents("acme", "shortlist")
    assert sorted(d.key for d in left) == sorted(kept)
    assert await icp.document("rival", "shortlist", "thread-1") is not None


async def test_words_are_replaced_only_where_they_were_read(icp: IcpStore) -> None:
    row = await icp.open_thread(thread(metadata='{"said": "Ann"}'))
    assert not await icp.rewrite_thread(replace(row, label="?"), label="A", metadata="{}")
    assert await icp.rewrite_thread(row, label="A", metadata="{}")
    assert await icp.thread("acme", "thread-1") == replace(row, label="A", metadata="{}")


# --- retention ---------------------------------------------------------------------------


async def test_retention_takes_old_threads_and_documents_and_counts_them(
    icp: IcpStore, store: Store
) -> None:
    old, new = NOW, NOW + 100 * MINUTE
    for name, at in (("old", old), ("busy", old), ("young", new)):
        await icp.open_thread(thread(name, "", created_at=at, updated_at=at))
        await icp.put_document("acme", "shortlist", name, "{}", at=old)
    await icp.put_document("acme", "signals", "shop.example", "{}", at=old)
    await icp.put_document("acme", "signals", "new.example", "{}", at=new)
    await store.add_job(job("job-1", chat_session_id="busy", created_at=new, updated_at=new))
    before = NOW + 50 * MINUTE
    assert [t.thread_id for t in await icp.threads_past(before)] == ["old"]
    assert await icp.threads_past(before, after=("acme", "old")) == ()
    counts = await store.purge(
        now=new, pages_before=before, graphs_before=before, jobs_before=before
    )
    assert (counts["icp_threads"], counts["icp_documents"]) == (1, 2)
    assert {t.thread_id for t in await icp.threads("acme")} == {"busy", "young"}
    left = await icp.documents_to_scan("acme")
    assert [(d.kind, d.key) for d in left] == [
        ("shortlist", "busy"),
        ("shortlist", "young"),
        ("signals", "new.example"),
    ]


# --- locks -------------------------------------------------------------------------------


async def test_defect_14_the_lock_is_waited_for_whatever_it_is_named_after(icp: IcpStore) -> None:
    """A lock that is only tried, or whose number overflows, lets two in at once."""
    tenants = [f"tenant {n}" for n in range(12)] + ["ünï", "x" * 300, "a|b", "'; --"]
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            for tenant in tenants:
                for number in range(3):
                    row = thread(f"thread-{number}", f"{tenant}.example", tenant=tenant)
                    tasks.start_soon(icp.open_thread, row)
    for tenant in tenants:
        assert len(await icp.threads(tenant, statuses=OPEN_ONLY)) == 1


async def test_defect_14_of_equal_wishes_at_once_one_becomes_a_job(store: Store) -> None:
    won = []

    async def wish(number: int) -> None:
        mine = job(
            f"job-{number}", chat_session_id=f"thread-{number}", opener_key="icp:" + "f" * 40
        )
        try:
            won.append((await store.add_job(mine)).id)
        except ChatBusy:
            return

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(wish, number)
    assert len(won) == 1
