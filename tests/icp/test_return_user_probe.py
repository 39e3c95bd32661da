"""Users that come back: what is kept, what is reused, and what needs their yes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from data411_mcp.adapters.prompts import load_script
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.errors import LookupFailed
from data411_mcp.services.icp.nodes import SNAPSHOT, Snapshot
from data411_mcp.services.icp.turns import Saying
from data411_mcp.services.ports import LlmReply, LlmRequest
from data411_mcp.services.ports.icp import IcpSettings
from tests.icp.desk_world import ANNA, BERT, CUSTOMERS, ELSEWHERE, WEBSITE, chatting

SCRIPT = load_script()
ASK_CONFIRM = SCRIPT.line("ask_confirm")
STALE = SCRIPT.line("ask_rerun", reason="results older than 14 days")


@dataclass
class Advisor:
    """A model that says what it was told to say."""

    reply: Any = None
    error: Exception | None = None
    asked: list[LlmRequest] = field(default_factory=list)

    def configured(self) -> bool:
        return True

    async def complete(self, request: LlmRequest, *, deadline_seconds: float) -> LlmReply:
        self.asked.append(request)
        if self.error is not None:
            raise self.error
        return LlmReply("", self.reply, request.model, 0, 0, 0)


def advice(**more: Any) -> Mapping[str, Any]:
    return {
        "is_return_user": True, "use_cached": True, "rerun_icp": False, "reason": "fresh",
        "stale_signals": {}, "diffs": {}, **more,
    }  # fmt: skip


async def test_a_new_user_is_none_that_returns(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.told()
        turn = await chat.say("confirm")
        assert turn.state["is_return_user"] is False
        assert turn.state["decisions"]["use_cached"] is False
        assert turn.state["decisions"]["rerun_icp"] is False
        assert not chat.run.seen or not chat.run.seen[0].use_cached
        await chat.settled()


async def test_a_new_thread_of_a_known_company_asks_for_nothing_again(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.done()
        chat.clock.ahead = timedelta(days=9)
        turn = await chat.desk.say(Saying(ANNA, WEBSITE))
        assert turn.thread is not None
        assert turn.thread.thread_id != chat.id
        assert turn.messages == (SCRIPT.line("kept", website=WEBSITE, n=5), ASK_CONFIRM)
        assert turn.state["is_return_user"] is True
        assert turn.state["decisions"]["use_cached"] is True
        assert turn.state["discovery"]["candidate_count"] == 12
        assert len(turn.state["discovery"]["top10"]) == 10


async def test_a_fresh_plan_is_reused_and_told_so(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.done()
        await chat.say("start fresh")
        turn = await chat.say("confirm")
        assert any("reuse the Top‑10" in text for text in turn.messages)
        assert turn.state["strategy"]["source"] == "cache"
        assert turn.state["icp_profile"]["summary"] == "Freight forwarders"
        await chat.settled()
        assert chat.run.seen[-1].use_cached
        assert not chat.run.seen[-1].rerun_icp


async def test_a_stale_plan_is_made_again_only_after_a_yes(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.done()
        await chat.aged(20)
        runs = len(chat.run.seen)
        await chat.say("start fresh")
        turn = await chat.say("confirm")
        assert turn.messages == (STALE,)
        assert turn.job is None
        assert turn.state["decisions"]["stale_signals"] == {"top10_age_days": 20}
        assert (await chat.say("what does that mean?")).messages == (STALE,)
        held = await chat.say("no")
        assert held.messages == (SCRIPT.line("rerun_held"),)
        assert len(chat.run.seen) == runs
        assert (await chat.say("confirm")).messages == (STALE,)
        assert (await chat.say("yes")).job is not None
        await chat.settled()
        assert chat.run.seen[-1].rerun_icp
        assert not chat.run.seen[-1].use_cached


async def test_a_resumed_thread_with_stale_results_asks_before_it_runs_again(
    tmp_path: Path,
) -> None:
    async with chatting(tmp_path) as chat:
        await chat.done()
        await chat.aged(20)
        turn = await chat.desk.resume(ANNA, chat.id)
        assert turn.messages[-1] == STALE
        assert (await chat.say("yes")).job is not None
        await chat.settled()
        assert chat.run.seen[-1].rerun_icp


async def test_a_resumed_thread_with_fresh_results_shows_them(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.done()
        turn = await chat.desk.resume(ANNA, chat.id)
        assert turn.messages[-1] == SCRIPT.line("status_done", done=8, total=10, mail="sent")


async def test_asked_for_in_so_many_words_a_rerun_still_needs_a_yes(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        first = await chat.done()
        turn = await chat.say("re-run discovery")
        assert turn.messages == (SCRIPT.line("ask_rerun", reason="your request"),)
        again = await chat.say("yes")
        assert again.job is not None
        assert first.job is not None
        assert again.job.id != first.job.id
        await chat.settled()


async def test_the_staleness_is_a_setting(tmp_path: Path) -> None:
    longer = IcpSettings(discovery_staleness_days=60)
    async with chatting(tmp_path, settings=longer) as chat:
        await chat.done()
        await chat.aged(20)
        await chat.say("start fresh")
        assert (await chat.say("confirm")).job is not None
        await chat.settled()
        assert chat.run.seen[-1].use_cached


async def test_changed_customers_make_a_cached_plan_unusable(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.done()
        await chat.say("", start_fresh=True, thread_id=None)
        other = CUSTOMERS.replace("harbourline", "brightquay")
        turn = await chat.desk.intake(ANNA, website=WEBSITE, customers=other, thread_id=chat.id)
        assert turn.state["decisions"]["use_cached"] is False
        assert turn.state["decisions"]["rerun_icp"] is True
        assert "customer list" in turn.state["decisions"]["reason"]
        question = SCRIPT.line("ask_rerun", reason="a changed customer list")
        assert (await chat.say("confirm")).messages == (question,)


async def test_the_last_company_is_offered_and_never_assumed(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.done()
        chat.clock.ahead = timedelta(days=9)
        offered = await chat.say("hello", thread_id=None)
        assert offered.messages == (
            SCRIPT.line("ask_website"),
            SCRIPT.line("last_time", domain="palmridge.example"),
        )
        assert offered.state["intake"]["domain"] is None
        taken = await chat.say("yes")
        assert taken.messages[-1] == ASK_CONFIRM
        assert taken.state["intake"]["domain"] == "palmridge.example"


async def test_another_website_takes_the_place_of_the_offered_one(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.done()
        chat.clock.ahead = timedelta(days=9)
        await chat.say("hello", thread_id=None)
        turn = await chat.say("https://birchline.example")
        assert turn.messages == (SCRIPT.line("ask_customers"),)
        assert turn.state["intake"]["domain"] == "birchline.example"


async def test_a_no_to_the_offered_company_asks_for_the_website(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.done()
        chat.clock.ahead = timedelta(days=9)
        await chat.say("hello", thread_id=None)
        assert (await chat.say("no")).messages == (SCRIPT.line("ask_website"),)


async def test_snapshots_of_other_users_are_not_offered_nor_those_of_other_tenants(
    tmp_path: Path,
) -> None:
    async with chatting(tmp_path) as chat:
        await chat.done()
        for who in (BERT, ELSEWHERE):
            turn = await chat.as_user(who).say("hello")
            assert turn.messages == (SCRIPT.line("ask_website"),)
        elsewhere = await chat.as_user(ELSEWHERE).say(WEBSITE)
        assert elsewhere.messages == (SCRIPT.line("ask_customers"),)


async def test_a_failed_run_is_nothing_to_reuse(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.told()
        chat.run.hold = anyio.Event()
        await chat.say("confirm")
        await chat.desk.cancel(ANNA, chat.id)
        assert (await chat.settled()).job.status is JobStatus.CANCELLED  # type: ignore[union-attr]
        chat.run.hold = None
        turn = await chat.say("confirm")
        assert turn.state["decisions"]["use_cached"] is False
        assert turn.state["decisions"]["rerun_icp"] is False
        assert turn.job is not None
        await chat.settled()


async def test_a_snapshot_of_another_version_is_as_none(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        key = "domain:palmridge.example"
        await chat.store.put_document("acme", SNAPSHOT, key, '{"v": 0}', at=chat.clock.now())
        assert (await chat.say(WEBSITE)).messages == (SCRIPT.line("ask_customers"),)


async def test_what_was_confirmed_is_kept_for_the_company(tmp_path: Path) -> None:
    async with chatting(tmp_path) as chat:
        await chat.planned()
        found = await chat.store.document("acme", SNAPSHOT, "domain:palmridge.example")
        assert found is not None
        snapshot = Snapshot.model_validate_json(found.text)
        assert len(snapshot.intake.customers) == 5
        assert (snapshot.user_id, snapshot.thread_id) == ("key-anna", chat.id)


# --- advice ------------------------------------------------------------------------------------


async def test_a_model_may_ask_for_a_new_run_and_the_user_decides(tmp_path: Path) -> None:
    advisor = Advisor(advice(use_cached=False, rerun_icp=True, reason="the market moved"))
    async with chatting(tmp_path, llm=advisor) as chat:
        await chat.done()
        assert advisor.asked == []  # nothing to advise on
        await chat.say("start fresh")
        turn = await chat.say("confirm")
        assert turn.messages == (SCRIPT.line("ask_rerun", reason="the market moved"),)
        request = advisor.asked[0]
        assert "cautious orchestrator policy assistant" in request.system
        assert "palmridge.example" in request.user
        assert "count: 12" in request.user


@pytest.mark.parametrize(
    "advisor",
    [
        Advisor(error=LookupFailed("timeout")),
        Advisor("not JSON at all"),
        Advisor({"rerun_icp": True}),
    ],
    ids=["failed", "no object", "incomplete"],
)
async def test_without_usable_advice_the_rules_decide(tmp_path: Path, advisor: Advisor) -> None:
    async with chatting(tmp_path, llm=advisor) as chat:
        await chat.done()
        await chat.say("start fresh")
        turn = await chat.say("confirm")
        assert turn.job is not None
        await chat.settled()
        assert chat.run.seen[-1].use_cached


async def test_no_advice_makes_a_stale_plan_usable(tmp_path: Path) -> None:
    advisor = Advisor(advice())
    async with chatting(tmp_path, llm=advisor) as chat:
        await chat.done()
        await chat.aged(20)
        await chat.say("start fresh")
        assert (await chat.say("confirm")).messages == (STALE,)
        assert advisor.asked == []
