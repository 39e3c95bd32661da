"""What every store must do, whatever it is made of: chats, graphs, pages, seeds, forgetting."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import anyio
import anyio.lowlevel
import pytest

from data411_mcp.domain.evidence import Page
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.errors import NotFound, StaleVersion
from data411_mcp.services.ports import SeedRow, SessionRow, Store
from tests.stores.samples import MINUTE, NOW, chat, event, job, page, race
from tests.stores.store_factories import OPEN

# --- binding -----------------------------------------------------------------------------


async def test_the_first_lead_of_a_chat_stays_bound(store: Store) -> None:
    first = chat(lead='{"company": "Acme"}')
    assert await store.bind(first) == first
    assert await store.bind(chat(lead='{"company": "Other"}')) == first
    assert await store.session("acme", "chat-1") == first


async def test_of_a_hundred_racing_callers_exactly_one_binds(store: Store) -> None:
    answers: list[SessionRow] = []

    async def bind(number: int) -> None:
        answers.append(await store.bind(chat(lead=str(number))))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as callers:
            for number in range(100):
                callers.start_soon(bind, number)
    assert len(answers) == 100
    assert len({answer.lead for answer in answers}) == 1


async def test_of_racing_processes_exactly_one_binds_each_chat(kind: str, place: str) -> None:
    won = await race(kind, place, "bind")
    chats = [name for winner in won for name in winner]
    assert sorted(chats) == sorted(f"chat-{number}" for number in range(100))


async def test_a_chat_of_another_tenant_does_not_exist(store: Store) -> None:
    await store.bind(chat())
    assert await store.session("rival", "chat-1") is None
    assert await store.bind(chat(tenant="rival", lead="other")) == chat(
        tenant="rival", lead="other"
    )
    assert await store.session("acme", "chat-1") == chat()


async def test_a_new_export_of_the_lead_keeps_the_old_ones_in_order(store: Store) -> None:
    await store.bind(chat(lead="one"))
    await store.replace_lead("acme", "chat-1", "two", "key-2", NOW + MINUTE)
    await store.replace_lead("acme", "chat-1", "three", "key-3", NOW + 2 * MINUTE)
    row = await store.session("acme", "chat-1")
    assert row is not None
    assert (row.lead, row.lead_key, row.updated_at) == ("three", "key-3", NOW + 2 * MINUTE)
    assert await store.lead_history("acme", "chat-1") == ("one", "two")
    assert await store.lead_history("rival", "chat-1") == ()


async def test_the_identity_choice_is_kept(store: Store) -> None:
    await store.bind(chat())
    await store.set_identity_choice("acme", "chat-1", "company-b", NOW)
    row = await store.session("acme", "chat-1")
    assert row is not None
    assert row.identity_choice == "company-b"


@pytest.mark.parametrize("tenant", ["rival", "acme"])
async def test_writing_to_an_unknown_chat_is_refused(store: Store, tenant: str) -> None:
    await store.bind(chat())
    name = "chat-1" if tenant == "rival" else "no such chat"
    with pytest.raises(NotFound):
        await store.replace_lead(tenant, name, "x", "x", NOW)
    with pytest.raises(NotFound):
        await store.set_identity_choice(tenant, name, "x", NOW)
    with pytest.raises(NotFound):
        await store.save_backfill(tenant, name, "x", expected_version=0, at=NOW)
    with pytest.raises(NotFound):
        await store.archive_backfill(tenant, name, "x", NOW)
    assert await store.session("acme", "chat-1") == chat()


async def test_a_live_job_names_the_chat_of_its_lead(store: Store) -> None:
    assert await store.live_chat_of_lead("acme", "lead-key") is None
    await store.add_job(job())
    assert await store.live_chat_of_lead("acme", "lead-key") == "chat of job-1"
    assert await store.live_chat_of_lead("rival", "lead-key") is None
    await store.claim_job("w", now=NOW, lease_seconds=10)
    await store.finish_job("job-1", "w", JobStatus.WAITING, now=NOW)
    assert await store.live_chat_of_lead("acme", "lead-key") == "chat of job-1"
    await store.request_cancel("acme", "job-1", None, now=NOW)
    assert await store.live_chat_of_lead("acme", "lead-key") is None


# --- graph -------------------------------------------------------------------------------


async def test_a_graph_is_saved_only_over_the_version_that_was_read(store: Store) -> None:
    await store.bind(chat())
    assert await store.save_backfill("acme", "chat-1", "v1", expected_version=0, at=NOW) == 1
    with pytest.raises(StaleVersion):
        await store.save_backfill("acme", "chat-1", "late", expected_version=0, at=NOW)
    assert await store.save_backfill("acme", "chat-1", "v2", expected_version=1, at=NOW) == 2
    row = await store.session("acme", "chat-1")
    assert row is not None
    assert (row.backfill, row.version) == ("v2", 2)


async def test_racing_processes_lose_no_saved_graph(kind: str, place: str) -> None:
    async with OPEN[kind](place) as store:
        await store.bind(chat("chat-0"))
        won = await race(kind, place, "save")
        row = await store.session("acme", "chat-0")
    assert row is not None
    assert sorted(int(v) for winner in won for v in winner) == list(range(1, 101))
    assert len(json.loads(row.backfill or "")) == 100


async def test_archived_graphs_are_found_by_version(store: Store) -> None:
    await store.bind(chat())
    await store.archive_backfill("acme", "chat-1", "nothing yet", NOW)
    await store.save_backfill("acme", "chat-1", "v1", expected_version=0, at=NOW)
    await store.archive_backfill("acme", "chat-1", "refresh", NOW)
    await store.archive_backfill("acme", "chat-1", "again", NOW)
    await store.save_backfill("acme", "chat-1", "v2", expected_version=1, at=NOW)
    assert await store.archived_backfill("acme", "chat-1", 0) is None
    assert await store.archived_backfill("acme", "chat-1", 1) == "v1"
    assert await store.archived_backfill("acme", "chat-1", 2) is None
    assert await store.archived_backfill("rival", "chat-1", 1) is None


# --- pages -------------------------------------------------------------------------------


async def test_a_page_comes_back_as_it_was_stored(store: Store) -> None:
    kept = replace(page(), text="a\0b \ud800 \U0001f600", body=bytes(range(256)) * 50)
    await store.put_page("acme", kept)
    assert await store.page("acme", kept.sha256) == kept
    assert await store.page("acme", kept.sha256, kept.url) == kept
    assert await store.page("acme", "0" * 64) is None
    assert await store.page("rival", kept.sha256) is None


async def test_the_same_body_under_two_addresses_keeps_both(store: Store) -> None:
    one, two = page(url="https://shop.example/a"), page(url="https://shop.example/b")
    for stored in (one, two, one):
        await store.put_page("acme", stored)
    assert await store.page("acme", one.sha256, one.url) == one
    assert await store.page("acme", one.sha256, two.url) == two
    assert await store.page("acme", one.sha256, "https://shop.example/c") is None
    assert await store.pages_to_scan("acme") == (one, two)


async def test_the_newest_copy_is_found_by_either_address(store: Store) -> None:
    old = replace(page("old"), final_url="https://www.shop.example/")
    new = replace(page("new"), fetched_at=(NOW + MINUTE).isoformat())
    await store.put_page("acme", new)
    await store.put_page("acme", old)
    found = await store.fresh_page("acme", "https://shop.example/", not_before=NOW)
    assert found == replace(new, warm=True)
    redirected = await store.fresh_page("acme", "https://www.shop.example/", not_before=NOW)
    assert redirected == replace(old, warm=True)
    late = NOW + 2 * MINUTE
    assert await store.fresh_page("acme", "https://shop.example/", not_before=late) is None
    assert await store.fresh_page("rival", "https://shop.example/", not_before=NOW) is None


async def test_a_page_read_again_is_fresh_again(store: Store) -> None:
    again = replace(page(), fetched_at="2026-01-02T03:05:00Z")
    for stored in (page(), again, page()):
        await store.put_page("acme", stored)
    found = await store.fresh_page("acme", again.url, not_before=NOW + timedelta(seconds=50))
    assert found == replace(again, warm=True)


async def test_pages_are_scanned_in_portions_and_deleted_by_hash(store: Store) -> None:
    pages = [page(str(number)) for number in range(7)] + [page("3", url="https://b.example/")]
    for stored in pages:
        await store.put_page("acme", stored)
    await store.put_page("rival", page("8"))
    seen: list[Page] = []
    while portion := await store.pages_to_scan(
        "acme", after=seen[-1].sha256 if seen else "", limit=2
    ):
        seen += portion
    assert sorted(seen, key=lambda p: (p.sha256, p.url)) == seen
    assert {(p.sha256, p.url) for p in seen} == {(p.sha256, p.url) for p in pages}
    await store.delete_page("rival", page("3").sha256)
    assert await store.page("acme", page("3").sha256) is not None
    await store.delete_page("acme", page("3").sha256)
    assert len(await store.pages_to_scan("acme")) == 6


# --- seeds -------------------------------------------------------------------------------


async def test_the_newest_seed_of_the_first_key_that_has_one_is_found(store: Store) -> None:
    seeds = [
        SeedRow("phone:+12125550100", "old", NOW),
        SeedRow("phone:+12125550100", "new", NOW + MINUTE),
        SeedRow("domain:shop.example", "newest", NOW + 2 * MINUTE),
    ]
    await store.put_seeds("acme", seeds)
    await store.put_seeds("acme", [SeedRow("phone:+12125550100", "new", NOW)])
    keys = ["company:none", "phone:+12125550100", "domain:shop.example"]
    assert await store.find_seed("acme", keys, not_before=NOW) == seeds[1]
    assert await store.find_seed("acme", keys, not_before=NOW + 2 * MINUTE) == seeds[2]
    assert await store.find_seed("acme", keys, not_before=NOW + 3 * MINUTE) is None
    assert await store.find_seed("acme", [], not_before=NOW) is None
    assert await store.find_seed("rival", keys, not_before=NOW) is None


# --- personal data -----------------------------------------------------------------------


async def test_tombstones_are_kept_by_tenant(store: Store) -> None:
    await store.forget("acme", ["a", "b"], NOW)
    await store.forget("acme", ["b", "c"], NOW)
    assert await store.tombstones("acme") == {"a", "b", "c"}
    assert await store.tombstones("rival") == frozenset()


async def test_sessions_are_scanned_in_portions(store: Store) -> None:
    rows = [chat(f"chat-{number}") for number in range(5)]
    for row in reversed(rows):
        await store.bind(row)
    await store.bind(chat("chat-9", tenant="rival"))
    assert await store.sessions_to_scan("acme", limit=2) == tuple(rows[:2])
    assert await store.sessions_to_scan("acme", after="chat-1", limit=9) == tuple(rows[2:])


async def test_what_is_older_than_its_retention_goes_and_live_work_stays(store: Store) -> None:
    later = NOW + MINUTE
    for name, at in (("old", NOW), ("busy", NOW), ("new", later)):
        await store.bind(replace(chat(name), created_at=at, updated_at=at))
        await store.save_backfill("acme", name, "graph", expected_version=0, at=at)
        await store.archive_backfill("acme", name, "refresh", at)
        await store.put_seeds("acme", [SeedRow(f"domain:{name}.example", name, at)])
        await store.put_page("acme", replace(page(name), fetched_at=at.isoformat()))
    await store.add_job(job("live", chat_session_id="busy"))
    await store.add_job(job("over"))
    await store.append_event("over", event())
    await store.request_cancel("acme", "over", None, now=NOW)
    await store.add_job(job("recent"))
    await store.request_cancel("acme", "recent", None, now=later)
    gone = await store.purge(now=later, pages_before=later, graphs_before=later, jobs_before=later)
    assert {table: count for table, count in gone.items() if count} == {
        "jobs": 1, "pages": 2, "backfill_archive": 2, "seeds": 2, "sessions": 1,
    }  # fmt: skip
    assert await store.session("acme", "old") is None
    assert await store.session("acme", "busy") is not None
    assert await store.archived_backfill("acme", "new", 1) == "graph"
    assert await store.page("acme", page("new").sha256) is not None
    assert await store.job("acme", "over") is None
    assert await store.last_event_seq("over") == 0
    assert await store.job("acme", "recent") is not None


async def test_text_that_no_database_takes_is_cleaned(store: Store) -> None:
    await store.bind(chat(lead="a\0b \ud800 \u00e9 \U0001f600"))
    row = await store.session("acme", "chat-1")
    assert row is not None
    assert row.lead == "ab ? \u00e9 \U0001f600"


async def test_what_was_written_is_there_after_reopening(kind: str, place: str) -> None:
    async with OPEN[kind](place) as store:
        await store.bind(chat())
        await store.put_page("acme", page())
    async with OPEN[kind](place) as store:
        await store.migrate()
        assert await store.session("acme", "chat-1") == chat()
        assert await store.page("acme", page().sha256) == page()


async def test_a_cancelled_write_leaves_nothing_behind_and_blocks_nobody(store: Store) -> None:
    with anyio.fail_after(20):
        for number in range(60):
            async with anyio.create_task_group() as tasks:
                for racer in range(3):
                    tasks.start_soon(store.bind, chat(f"{number}-{racer}"))
                for _ in range(number % 12):
                    await anyio.lowlevel.checkpoint()
                tasks.cancel_scope.cancel()
        await store.bind(chat("after"))
    assert await store.session("acme", "after") is not None


async def test_a_lead_is_rewritten_without_a_trace_of_the_old_one(store: Store) -> None:
    await store.bind(chat(lead='{"company": "A"}'))
    await store.replace_lead("acme", "chat-1", '{"company": "B"}', "key b", NOW)
    assert not await store.rewrite_lead("acme", "chat-1", "{}", "key c", expected="another")
    assert not await store.rewrite_lead("other", "chat-1", "{}", "c", expected='{"company": "B"}')
    assert await store.rewrite_lead("acme", "chat-1", "{}", "key c", expected='{"company": "B"}')
    await store.rewrite_lead_history("acme", "chat-1", 1, '{"company": "C"}', "key d")
    await store.rewrite_lead_history("other", "chat-1", 1, '{"company": "D"}', "key d")
    row = await store.session("acme", "chat-1")
    assert row is not None
    assert (row.lead, row.lead_key) == ("{}", "key c")
    assert await store.lead_history("acme", "chat-1") == ('{"company": "C"}',)


async def test_deleted_seeds_are_found_no_more(store: Store) -> None:
    seeds = [SeedRow("person:a|b", "chat-1", NOW), SeedRow("domain:x.example", "chat-1", NOW)]
    await store.put_seeds("acme", seeds)
    await store.put_seeds("other", seeds)
    await store.delete_seeds("acme", ["person:a|b", "person:unknown"])
    for tenant, found in (("acme", None), ("other", seeds[0])):
        assert await store.find_seed(tenant, ["person:a|b"], not_before=NOW) == found
        assert await store.find_seed(tenant, ["domain:x.example"], not_before=NOW) == seeds[1]


async def test_jobs_are_scanned_in_order_and_rewritten_as_they_were_read(store: Store) -> None:
    for name in ("job-1", "job-2", "job-3"):
        await store.add_job(job(name))
    await store.add_job(job("job-9", tenant="other"))
    await store.request_retry("acme", "job-2", "data411-hunt-deep", now=NOW)
    first = await store.jobs_to_scan("acme", limit=2)
    assert [j.id for j in first] == ["job-1", "job-2"]
    assert first[1].slots_to_retry == ("data411-hunt-deep",)
    assert [j.id for j in await store.jobs_to_scan("acme", after="job-2")] == ["job-3"]
    new = {"payload": "{}", "lead_key": "key b"}
    assert not await store.rewrite_job("acme", "job-1", **new, expected="another")
    assert not await store.rewrite_job("other", "job-1", **new, expected='{"a": 1}')
    assert await store.rewrite_job("acme", "job-1", **new, expected='{"a": 1}')
    rewritten = await store.job("acme", "job-1")
    assert rewritten is not None
    assert (rewritten.payload, rewritten.lead_key) == ("{}", "key b")


async def test_an_event_is_rewritten_in_its_place(store: Store) -> None:
    await store.add_job(job())
    stored = [await store.append_event("job-1", event(f"read {n}")) for n in range(3)]
    silent = stored[1].model_copy(update={"message": "", "context": {}})
    await store.rewrite_event("other", "job-1", stored[1].model_copy(update={"message": "no"}))
    await store.rewrite_event("acme", "job-1", silent)
    events = await store.events("acme", "job-1", since=0, limit=10)
    assert events == (stored[0], silent, stored[2])


async def test_an_identity_choice_can_be_taken_back(store: Store) -> None:
    await store.bind(chat())
    await store.set_identity_choice("acme", "chat-1", "first", NOW)
    await store.set_identity_choice("acme", "chat-1", None, NOW)
    row = await store.session("acme", "chat-1")
    assert row is not None
    assert row.identity_choice is None
