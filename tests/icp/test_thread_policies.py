"""One open thread for each company and user; which one is resumed; what is read-only."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from data411_mcp.adapters.prompts import load_script
from data411_mcp.domain.icp.values import ThreadStatus
from data411_mcp.errors import NotFound, ThreadLocked
from data411_mcp.services.icp.turns import Saying
from data411_mcp.services.ports.icp import IcpSettings
from tests.icp.desk_world import ANNA, BERT, CUSTOMERS, DEADLINE, ELSEWHERE, WEBSITE, chatting

SCRIPT = load_script()
OTHER_SITE = "https://birchline.example/"


async def open_ids(chat: object, who: object = ANNA) -> list[str]:
    rows = await chat.desk.threads(who, statuses=(ThreadStatus.OPEN,))  # type: ignore[attr-defined]
    return [row.thread_id for row in rows]


# --- resuming ----------------------------------------------------------------------------------


async def test_the_one_eligible_thread_is_resumed_by_itself(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.told()
        turn = await chat.say("confirm", thread_id=None)
        assert turn.thread is not None
        assert turn.thread.thread_id == chat.id
        assert turn.messages[0] == SCRIPT.line("resumed", label="palmridge.example")
        assert turn.job is not None
        assert len(await open_ids(chat)) == 1


async def test_a_resumed_thread_puts_its_open_question_again(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.say("")
        await chat.say(WEBSITE)
        turn = await chat.say("hello", thread_id=None)
        assert turn.messages[-1] == SCRIPT.line("ask_customers")
        again = await chat.desk.resume(ANNA, chat.id)
        assert again.messages[-1] == SCRIPT.line("ask_customers")


async def test_of_several_the_user_chooses_by_number_or_name(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.told()
        first = chat.id
        await chat.say(OTHER_SITE, start_fresh=True, thread_id=None)
        second = chat.id
        turn = await chat.desk.say(Saying(ANNA, "hello"))
        assert turn.thread is None
        assert [c.thread_id for c in turn.choices] == [second, first]
        assert "palmridge.example" in turn.messages[0]
        assert "birchline.example" in turn.messages[0]
        assert "UTC" in turn.messages[0]
        picked = await chat.desk.say(Saying(ANNA, "2"))
        assert picked.thread is not None
        assert picked.thread.thread_id == first
        named = await chat.desk.say(Saying(ANNA, "birchline.example"))
        assert named.thread is not None
        assert named.thread.thread_id == second


async def test_a_confirm_while_several_are_meant_confirms_none(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.told()
        await chat.say(OTHER_SITE, start_fresh=True, thread_id=None)
        turn = await chat.desk.say(Saying(ANNA, "confirm"))
        assert turn.choices
        assert turn.job is None
        assert chat.run.seen == []


async def test_the_own_website_finds_the_thread_of_that_company(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.told()
        first = chat.id
        await chat.say(OTHER_SITE, start_fresh=True, thread_id=None)
        turn = await chat.desk.say(Saying(ANNA, WEBSITE))
        assert turn.thread is not None
        assert turn.thread.thread_id == first


async def test_a_website_of_a_third_company_opens_a_thread_of_its_own(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.told()
        turn = await chat.desk.say(Saying(ANNA, OTHER_SITE))
        assert turn.thread is not None
        assert turn.thread.thread_id != chat.id
        assert turn.thread.context_key == "domain:birchline.example"


async def test_threads_outside_the_window_are_not_resumed(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.told()
        chat.clock.ahead = timedelta(days=8)
        turn = await chat.desk.say(Saying(ANNA, "hello"))
        assert turn.thread is not None
        assert turn.thread.thread_id != chat.id
        wider = IcpSettings(thread_resume_window_days=30)
    async with chatting(tmp_path, settings=wider) as later:
        later.clock.ahead = timedelta(days=8)
        assert len((await later.desk.say(Saying(ANNA, "hello"))).choices) == 2


async def test_another_user_of_the_tenant_is_not_resumed_into_it(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.told()
        turn = await chat.as_user(BERT).say("hello")
        assert turn.thread is not None
        assert turn.thread.thread_id != chat.id
        other = await chat.as_user(BERT).say(WEBSITE)
        assert other.thread is not None
        assert (await chat.desk.thread(ANNA, chat.id)).status is ThreadStatus.OPEN


async def test_resume_eligible_resumes_creates_or_offers(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        created = await chat.desk.resume_eligible(ANNA)
        assert created.thread is not None
        assert created.state["auto_created"] == created.thread.thread_id
        resumed = await chat.desk.resume_eligible(ANNA)
        assert resumed.state["auto_resumed"] == created.thread.thread_id
        for n in range(4):
            await chat.say(f"https://firm{n}.example/", start_fresh=True, thread_id=None)
        offered = await chat.desk.resume_eligible(ANNA)
        assert offered.thread is None
        assert len(offered.choices) == 3
        one = await chat.desk.resume_eligible(ANNA, context_key="domain:firm2.example")
        assert one.thread is not None
        assert one.thread.context_key == "domain:firm2.example"


# --- locking -----------------------------------------------------------------------------------


async def test_defect_12_start_fresh_really_starts_fresh_and_locks_the_older(
    tmp_path: Path,
) -> None:
    async with chatting(tmp_path) as chat:
        await chat.told()
        old = chat.id
        turn = await chat.say("start fresh")
        assert turn.thread is not None
        assert chat.id != old
        assert turn.thread.context_key == "domain:palmridge.example"
        assert (await chat.desk.thread(ANNA, old)).status is ThreadStatus.LOCKED
        assert await open_ids(chat) == [chat.id]
        assert turn.messages[0] == SCRIPT.line("new_thread", label="palmridge.example")
        assert turn.messages[-1] == SCRIPT.line("ask_confirm")  # customers were kept


async def test_a_locked_thread_takes_no_message_and_can_still_be_read(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.told()
        old = chat.id
        await chat.say("start fresh")
        for refused in (
            chat.say("confirm", thread_id=old),
            chat.desk.confirm(ANNA, old),
            chat.desk.run_enrichment(ANNA, old),
            chat.desk.resume(ANNA, old),
            chat.desk.intake(ANNA, website=WEBSITE, thread_id=old),
        ):
            with pytest.raises(ThreadLocked) as told:
                await refused
            assert told.value.hint == "create_new"
        turn = await chat.desk.status(ANNA, old)
        assert turn.thread is not None
        assert turn.thread.status is ThreadStatus.LOCKED
        assert (await chat.desk.conversation.history("acme", old))[0].values["messages"]


async def test_a_new_thread_locks_the_older_one_once_its_company_is_known(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.told()
        old = chat.id
        await chat.say("", start_fresh=True, thread_id=None)
        assert (await chat.desk.thread(ANNA, old)).status is ThreadStatus.OPEN
        await chat.say(WEBSITE)
        assert (await chat.desk.thread(ANNA, old)).status is ThreadStatus.LOCKED


async def test_a_thread_whose_run_works_is_locked_when_the_run_has_ended(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        chat.run.hold = anyio.Event()
        await chat.told()
        await chat.say("confirm")
        old = chat.id
        await chat.say("start fresh")
        pending = await chat.desk.thread(ANNA, old)
        assert pending.lock_pending
        with pytest.raises(ThreadLocked):
            await chat.say("status", thread_id=old)
        chat.run.hold.set()
        with anyio.fail_after(DEADLINE):
            ended = await chat.desk.status(ANNA, old, wait_seconds=DEADLINE)
        assert ended.thread is not None
        assert ended.thread.status is ThreadStatus.LOCKED
        assert not ended.thread.lock_pending


async def test_threads_of_other_companies_stay_open(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.told()
        await chat.say(OTHER_SITE, start_fresh=True, thread_id=None)
        assert len(await open_ids(chat)) == 2


async def test_without_the_single_thread_rule_nothing_is_locked(tmp_path: Path) -> None:
    many = IcpSettings(single_thread_per_context=False)
    async with chatting(tmp_path, settings=many) as chat:
        await chat.told()
        await chat.say(WEBSITE, start_fresh=True, thread_id=None)
        assert len(await open_ids(chat)) == 2
        assert len((await chat.desk.say(Saying(ANNA, WEBSITE))).choices) == 2


async def test_threads_opened_at_once_leave_one_open(tmp_path: Path) -> None:
    async with chatting(tmp_path) as one, chatting(tmp_path, works=False) as two:
        with anyio.fail_after(DEADLINE):
            async with anyio.create_task_group() as tasks:
                for desk in (one.desk, two.desk, one.desk, two.desk):
                    saying = Saying(ANNA, WEBSITE, start_fresh=True)
                    tasks.start_soon(_quietly, desk, saying)
        assert len(await open_ids(one)) == 1


async def _quietly(desk: object, saying: Saying) -> None:
    with suppress(ThreadLocked):  # another one was opened in the meantime
        await desk.say(saying)  # type: ignore[attr-defined]


async def test_stale_locked_threads_are_archived(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.told()
        old = chat.id
        await chat.say("start fresh")
        chat.clock.ahead = timedelta(days=31)
        chat.desk.policy._swept = float("-inf")
        await chat.desk.create_thread(ANNA)
        assert (await chat.desk.thread(ANNA, old)).status is ThreadStatus.ARCHIVED
        with pytest.raises(ThreadLocked):
            await chat.say("hello", thread_id=old)


async def test_stale_threads_stay_where_archiving_is_switched_off(tmp_path: Path) -> None:
    kept = IcpSettings(auto_archive_stale_locked=False)
    async with chatting(tmp_path, settings=kept) as chat:
        await chat.told()
        old = chat.id
        await chat.say("start fresh")
        chat.clock.ahead = timedelta(days=31)
        await chat.desk.create_thread(ANNA)
        assert (await chat.desk.thread(ANNA, old)).status is ThreadStatus.LOCKED


# --- which company -----------------------------------------------------------------------------


async def test_defect_13_a_customers_address_changes_neither_company_nor_thread(
    tmp_path: Path,
) -> None:
    async with chatting(tmp_path) as chat:
        await chat.told()
        for text in (
            "https://harbourline.example/",
            "https://nobody.example/about",
            "Tuas Stores — tuas.example",
            "Our best customer is loyanghaul.example",
        ):
            turn = await chat.say(text)
            assert turn.thread is not None
            assert turn.thread.context_key == "domain:palmridge.example"
            assert turn.state["intake"]["domain"] == "palmridge.example"
        kept = await chat.say("https://nobody.example/")
        assert kept.messages == (SCRIPT.line("website_kept", domain="palmridge.example"),)


async def test_another_own_website_is_asked_about_before_anything_changes(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.planned()
        turn = await chat.say("Our website is now birchline.example")
        assert turn.messages[-1] == SCRIPT.line("ask_drift")
        assert "birchline.example instead of palmridge.example" in turn.messages[0]
        assert turn.state["intake"]["domain"] == "palmridge.example"
        assert (await chat.say("yes")).messages == turn.messages
        assert (await chat.say("confirm")).messages == turn.messages
        assert (await chat.say("status")).messages[1:] == turn.messages


async def test_a_changed_company_in_a_new_session_locks_this_one(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.planned()
        old = chat.id
        await chat.say("Our website is now birchline.example")
        turn = await chat.say("start a new session")
        assert turn.thread is not None
        assert turn.thread.thread_id != old
        assert turn.thread.context_key == "domain:birchline.example"
        assert turn.messages[-1] == SCRIPT.line("ask_customers")
        locked = await chat.desk.thread(ANNA, old)
        assert (locked.status, locked.reason) == (ThreadStatus.LOCKED, "context_changed")


async def test_a_changed_company_here_asks_for_its_own_customers(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.planned()
        await chat.say("Our website is now birchline.example")
        turn = await chat.say("continue")
        assert turn.messages[-1] == SCRIPT.line("ask_customers")
        assert turn.thread is not None
        assert turn.thread.context_key == "domain:birchline.example"
        await chat.say(CUSTOMERS)
        assert (await chat.say("confirm")).job is not None
        await chat.settled()
        assert chat.run.seen[-1].intake.domain == "birchline.example"


async def test_changed_customers_run_again_here_after_the_users_word(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        first = await chat.planned()
        new = CUSTOMERS.replace("Loyang Haulage — loyanghaul", "Tuas Stores — tuas")
        turn = await chat.desk.intake(ANNA, customers=new, thread_id=chat.id)
        assert turn.messages[-1] == SCRIPT.line("ask_drift")
        assert set(turn.state["drift"]["diffs"]) == {"customers"}
        turn = await chat.say("1")
        assert turn.job is not None
        assert first.job is not None
        assert turn.job.id != first.job.id
        assert chat.run.seen[-1].rerun_icp
        await chat.settled()


async def test_a_no_to_the_change_keeps_everything_as_it_was(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        planned = await chat.planned()
        await chat.say("Our website is now birchline.example")
        await chat.say("no")
        turn = await chat.say("status")
        assert turn.job is not None
        assert planned.job is not None
        assert turn.job.id == planned.job.id
        assert turn.state["intake"]["domain"] == "palmridge.example"


# --- the same wish twice -----------------------------------------------------------------------


async def test_the_same_wish_of_two_users_is_one_run(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        chat.run.hold = anyio.Event()
        await chat.told()
        first = await chat.say("confirm")
        bert = chat.as_user(BERT)
        await bert.told()
        second = await bert.say("confirm")
        assert first.job is not None
        assert second.job is not None
        assert second.job.id == first.job.id
        assert SCRIPT.line("joined") in second.messages
        chat.run.hold.set()
        await bert.settled()
        assert len(chat.run.seen) == 1


# --- threads as such ---------------------------------------------------------------------------


async def test_a_thread_created_with_a_website_knows_its_company(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        row = await chat.desk.create_thread(ANNA, metadata={"website": WEBSITE, "colour": "red"})
        assert row.context_key == "domain:palmridge.example"
        assert '"colour": "red"' in row.metadata
        again = await chat.desk.create_thread(ANNA, metadata={"website": WEBSITE})
        assert await open_ids(chat) == [again.thread_id]


async def test_a_thread_can_be_locked_archived_and_deleted(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.planned()
        assert (await chat.desk.lock(ANNA, chat.id)).status is ThreadStatus.LOCKED
        assert (await chat.desk.archive(ANNA, chat.id)).status is ThreadStatus.ARCHIVED
        await chat.desk.delete(ANNA, chat.id)
        with pytest.raises(NotFound):
            await chat.desk.thread(ANNA, chat.id)
        assert await chat.desk.conversation.state("acme", chat.id) is None


async def test_another_tenants_thread_answers_like_none(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.told()
        for refused in (
            chat.desk.thread(ELSEWHERE, chat.id),
            chat.desk.resume(ELSEWHERE, chat.id),
            chat.desk.delete(ELSEWHERE, chat.id),
            chat.desk.lock(ELSEWHERE, chat.id),
            chat.desk.suggestions(ELSEWHERE, chat.id),
        ):
            with pytest.raises(NotFound):
                await refused
        assert await chat.desk.threads(ELSEWHERE) == ()
