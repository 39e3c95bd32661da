"""What a salesperson is told: true at that moment, and with the next step."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from data411_mcp.adapters.prompts import load_script
from data411_mcp.domain.icp.values import ThreadStatus
from data411_mcp.errors import ThreadLocked
from data411_mcp.services.icp.turns import Saying
from data411_mcp.services.ports.icp import IcpSettings
from tests.icp.desk_world import ANNA, CUSTOMERS, WEBSITE, Chat, chatting

SCRIPT = load_script()
ASK_CONFIRM = SCRIPT.line("ask_confirm")
OTHER = "birchline.example"


async def planning(chat: Chat) -> list[str]:
    """All that is said from the "confirm" to the end of the plan."""
    await chat.told()
    return [*(await chat.say("confirm")).messages, *(await chat.settled()).messages]


async def drifted(chat: Chat) -> None:
    await chat.planned()
    await chat.say(f"Our website is now {OTHER}")


# --- micro-ICPs --------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["1", "accept 1", "Accept the first micro-ICP.", "logistics",
                                   "I'll take the micro‑ICP Logistics"])  # fmt: skip
async def test_a_micro_icp_is_accepted_in_words(tmp_path: Path, words: str) -> None:
    async with chatting(tmp_path) as chat:
        assert SCRIPT.line("micro_offered", list="1. Logistics") in await planning(chat)
        turn = await chat.say(words)
        assert turn.messages == (SCRIPT.line("micro_accepted", title="Logistics"),)
        await chat.say("run enrichment")
        await chat.settled()
        accepted = chat.run.seen[-1].micro_icp
        assert accepted is not None
        assert accepted.industries == ("logistics",)


@pytest.mark.parametrize("words", ["2", "is it logistics?", "accept", "accept everything", "yes"])
async def test_other_words_accept_no_micro_icp(tmp_path: Path, words: str) -> None:
    async with chatting(tmp_path) as chat:
        await chat.planned()
        turn = await chat.say(words)
        assert not turn.state.get("micro_icp")
        assert SCRIPT.line("status_planned", n=12) in turn.messages


async def test_a_number_answers_the_question_that_is_open(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await drifted(chat)
        turn = await chat.say("1")
        assert turn.state["intake"]["domain"] == OTHER
        assert not turn.state.get("micro_icp")


async def test_a_suggestion_is_accepted_by_its_number_and_title(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.planned()
        for named in ("1", "Logistics", "industry:logistics"):
            turn = await chat.desk.accept(ANNA, chat.id, named)
            assert turn.state["micro_icp"]["title"] == "Logistics"


async def test_a_micro_icp_accepted_too_late_says_that_it_counts_next_time(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.done()
        turn = await chat.desk.accept(ANNA, chat.id, "1")
        assert turn.messages == (SCRIPT.line("micro_accepted_late", title="Logistics"),)


# --- running again -----------------------------------------------------------------------------


async def test_after_a_no_to_a_rerun_a_confirm_starts_nothing(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.done()
        runs = len(chat.run.seen)
        await chat.say("rerun")
        assert (await chat.say("no")).messages[0] == SCRIPT.line("rerun_held")
        assert SCRIPT.line("nothing_to_confirm") in (await chat.say("confirm")).messages
        await chat.settled()
        assert len(chat.run.seen) == runs
        again = await chat.say("rerun")
        assert again.messages == (SCRIPT.line("ask_rerun", reason="your request"),)


async def test_a_rerun_that_the_user_wants_keeps_its_reason(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.done()
        first = await chat.say("rerun")
        assert (await chat.say("skip")).messages == first.messages
        assert (await chat.say("status")).messages[-1:] == first.messages


async def test_a_no_to_a_change_names_the_way_on(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await drifted(chat)
        held = await chat.say("no")
        assert held.messages == (
            SCRIPT.line("drift_held"), SCRIPT.line("status_planned", n=12))  # fmt: skip
        assert (await chat.say("run enrichment")).job is not None


async def test_a_no_to_a_change_before_any_run_leaves_the_plan_to_be_confirmed(
    tmp_path: Path,
) -> None:
    async with chatting(tmp_path) as chat:
        await chat.told()
        await chat.say(f"Our website is {OTHER}")
        held = await chat.say("no")
        assert held.messages == (SCRIPT.line("drift_held"), SCRIPT.line("status_confirm"))
        assert (await chat.say("confirm")).job is not None


async def test_a_new_session_while_the_run_works_says_when_the_old_one_closes(
    tmp_path: Path,
) -> None:
    async with chatting(tmp_path) as chat:
        chat.run.hold = anyio.Event()
        await chat.told()
        await chat.say("confirm")
        await chat.say(f"Our website is {OTHER}")
        turn = await chat.say("new session")
        assert turn.messages[0] == SCRIPT.line("new_thread_after", label="palmridge.example")
        chat.run.hold.set()


async def test_a_lost_customer_named_in_passing_is_read_back(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.told()
        turn = await chat.say("We also lost Quill Ltd (quill.example) because of price")
        assert SCRIPT.line("noted_lost", names="Quill Ltd (quill.example)") in turn.messages


async def test_a_run_without_candidates_says_so_by_itself(tmp_path: Path) -> None:
    async with chatting(tmp_path, candidates=0) as chat:
        said = await planning(chat)
        told = said.index("Found 0 ICP candidates.")
        assert said[told + 1] == SCRIPT.line("status_empty")


# --- nothing is promised in vain, nothing answered that was not asked -------------------------


@pytest.mark.parametrize(
    ("mail", "crm", "line"),
    [(True, True, "queued"), (True, False, "queued_mail"), (False, True, "queued_crm"),
     (False, False, "queued_no_rest")],
)  # fmt: skip
async def test_what_becomes_of_the_list_is_said_as_it_is(
    tmp_path: Path, mail: bool, crm: bool, line: str
) -> None:
    async with chatting(tmp_path) as chat:
        chat.desk.nodes.delivers = lambda tenant: (mail, crm)
        await chat.told()
        assert (await chat.say("confirm")).messages[0] == SCRIPT.line(line)


@pytest.mark.parametrize("words", ["ok", "yes", "no", "skip", "continue", "7"])
async def test_an_answer_to_nothing_says_where_it_stands(tmp_path: Path, words: str) -> None:
    async with chatting(tmp_path) as chat:
        await chat.done()
        turn = await chat.say(words)
        assert turn.messages == (
            SCRIPT.line("nothing_open"),
            SCRIPT.line("status_done", done=8, total=10, mail="sent"),
        )


async def test_the_next_call_never_answers_for_the_user(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await drifted(chat)
        looked = await chat.desk.status(ANNA, chat.id)
        assert looked.messages[-1] == SCRIPT.line("ask_drift")
        for turn in (looked, await chat.desk.run_enrichment(ANNA, chat.id)):
            assert turn.next is not None
            assert turn.next.tool == "icp_intake"
        await chat.say("no")
        stop = await chat.say("stop")
        assert stop.next is not None
        assert stop.next.tool == "icp_intake"


async def test_where_runs_are_switched_off_nothing_is_queued(tmp_path: Path) -> None:
    for off in (
        IcpSettings(bg_discovery_and_enrich=False),
        IcpSettings(features={"acme": {"BG_DISCOVERY_AND_ENRICH": False}}),
    ):
        async with chatting(tmp_path, settings=off) as chat:
            await chat.say("", start_fresh=True)
            await chat.say(WEBSITE)
            await chat.say(CUSTOMERS)
            turn = await chat.say("confirm")
            assert turn.messages == (SCRIPT.line("queue_off"),)
            assert turn.job is None


# --- which company -----------------------------------------------------------------------------


async def test_a_website_known_from_before_is_asked_about_like_any_other(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.planned()
        await chat.say(f"https://{OTHER}/", thread_id=None)
        turn = await chat.say("My website is https://www.palmridge.example")
        assert turn.messages[-1] == SCRIPT.line("ask_drift")
        assert turn.state["intake"]["domain"] == OTHER
        fresh = await chat.say("new session")
        assert fresh.messages[-1] == ASK_CONFIRM
        assert fresh.thread is not None
        assert fresh.thread.context_key == "domain:palmridge.example"


async def test_the_own_website_in_a_sentence_finds_its_thread(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.told()
        known = chat.id
        await chat.say(f"https://{OTHER}/", thread_id=None)
        assert chat.id != known
        await chat.say("Our website is palmridge.example", thread_id=None)
        assert chat.id == known
        await chat.say("Our website is elmrow.example", thread_id=None)
        row = await chat.desk.thread(ANNA, chat.id)
        assert row.context_key == "domain:elmrow.example"


async def test_start_fresh_works_in_a_thread_that_is_read_only(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await drifted(chat)
        old = chat.id
        await chat.desk.lock(ANNA, old)
        with pytest.raises(ThreadLocked, match="it was locked") as refused:
            await chat.desk.say(Saying(ANNA, "hello", old))
        assert refused.value.hint == "create_new"
        turn = await chat.say("start fresh")
        assert turn.thread is not None
        assert turn.thread.thread_id != old
        assert turn.thread.status is ThreadStatus.OPEN


async def test_what_becomes_of_the_older_thread_is_said_as_it_is(tmp_path: Path) -> None:
    several = IcpSettings(single_thread_per_context=False)
    async with chatting(tmp_path / "one") as one, chatting(tmp_path / "b", settings=several) as two:
        one.run.hold = anyio.Event()
        for chat, line, status in (
            (one, "new_thread_after", ThreadStatus.OPEN),
            (two, "new_thread_beside", ThreadStatus.OPEN),
        ):
            await chat.told()
            await chat.say("confirm")
            old = chat.id
            turn = await chat.say("start fresh")
            assert turn.messages[0] == SCRIPT.line(line, label="palmridge.example")
            assert (await chat.desk.thread(ANNA, old)).status is status
        one.run.hold.set()


async def test_an_old_profile_is_said_to_be_old(tmp_path: Path) -> None:
    async with chatting(tmp_path, settings=IcpSettings(profile_staleness_days=5)) as chat:
        await chat.planned()
        for days, line in ((4, {}), (6, {"days": "6 days"})):
            chat.clock.ahead = timedelta(days=days)
            turn = await chat.say("start fresh")
            key = "kept_stale" if line else "kept"
            assert SCRIPT.line(key, website=WEBSITE, n=5, **line) in turn.messages


# --- the customers, as they were understood ----------------------------------------------------


async def test_a_plain_list_is_not_read_back_and_anything_else_is(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.say(WEBSITE)
        assert (await chat.say(CUSTOMERS)).messages == (ASK_CONFIRM,)
        await chat.say(f"https://{OTHER}/", thread_id=None)
        turn = await chat.say("Our customers are Firm A (a.example), Firm B (b.example), Firm C "
                              "(c.example), d.example and Firm E at e.example")  # fmt: skip
        names = "Firm A (a.example), Firm B (b.example), Firm C (c.example), d.example, " \
                "Firm E (e.example)"  # fmt: skip
        assert turn.messages == (SCRIPT.line("noted", n=5, names=names), ASK_CONFIRM)


async def test_a_customer_is_added_or_taken_out_after_the_plan(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.planned()
        turn = await chat.say("Tuas Stores — tuas.example")
        assert "added tuas.example" in turn.messages[0]
        assert turn.messages[-1] == SCRIPT.line("ask_drift")
        await chat.say("no")
        turn = await chat.say("Please remove Keppel Cold")
        assert turn.messages[0] == SCRIPT.line("removed", names="Keppel Cold")
        assert turn.messages[-1] == SCRIPT.line("ask_drift")
        assert len(turn.state["intake"]["customers"]) == 5
