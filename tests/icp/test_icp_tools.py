"""The ICP finder over MCP, on the real desk, graph, store and twins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mcp.client.client import Client

from tests.icp import conversation as script
from tests.icp.conversation import in_order
from tests.icp.world import CUSTOMERS_TEXT, SEEDS, SELLER, WEBSITE, icp_world
from tests.tools.calls import spelled_out
from tests.tools.mcp_sessions import ANSWER_BYTES_MAX, ERAS, answer_bytes, connected

CALL_SECONDS = 60.0


@pytest.fixture
def world(tmp_path: Path) -> Path:
    return icp_world(tmp_path / "market")


async def call(client: Client, tool: str, /, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments, read_timeout_seconds=CALL_SECONDS)
    told = dict(result.structured_content or {})
    assert result.is_error is not True, told
    assert answer_bytes(result) <= ANSWER_BYTES_MAX
    return told


async def refusal(client: Client, tool: str, /, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments, read_timeout_seconds=CALL_SECONDS)
    assert result.is_error is True
    return dict(result.structured_content or {})


async def told_all(client: Client) -> dict[str, Any]:
    """The newest answer, with the question that "confirm" answers."""
    turn: dict[str, Any] = {}
    for message in script.SAID:
        more = {"thread_id": turn["thread_id"]} if turn else {}
        turn = await call(client, "icp_intake", message=message, **more)
    return turn


async def finished(client: Client, tool: str, status: str, thread_id: str) -> dict[str, Any]:
    turn = await call(client, tool, thread_id=thread_id)
    while turn["job"]["status"] != status:
        turn = await call(client, "icp_status", thread_id=thread_id, wait_seconds=45)
    return turn


@pytest.mark.parametrize("mode", ERAS)
async def test_the_sample_conversation_has_its_lines_word_for_word(
    tmp_path: Path, world: Path, mode: str
) -> None:
    async with connected(tmp_path / "data", world=world, mode=mode) as client:
        hello = await call(client, "icp_intake", message=script.SAID[0])
        chat = hello["thread_id"]
        assert script.ASK_WEBSITE in hello["messages"]
        website = await call(client, "icp_intake", message=WEBSITE, thread_id=chat)
        assert script.ASK_CUSTOMERS in website["messages"]
        listed = await call(client, "icp_intake", message=CUSTOMERS_TEXT, thread_id=chat)
        assert listed["messages"][-1] == script.ASK_CONFIRM
        assert in_order(script.CHAT_EVENTS, [e["event"] for e in listed["events"]])
        assert spelled_out(listed["next"]) == ("icp_confirm", {"thread_id": chat})
        planned = await finished(client, "icp_confirm", "waiting", chat)
        lines = (*script.PLAN_LINES, script.FOUND.format(n=planned["total"]))
        assert in_order(lines, planned["messages"])
        assert planned["next_call"]["tool"] == "icp_run_enrichment"
        done = await finished(client, "icp_run_enrichment", "done", chat)
        assert any(m.startswith("Enriched results (") for m in done["messages"])
        assert done["enriched"] >= 8
        people = [c for row in done["items"] for c in row.get("contacts", [])]
        assert [c for c in people if c["name"] and c["title"]]


async def test_typed_words_do_what_the_tools_do(tmp_path: Path, world: Path) -> None:
    async with connected(tmp_path / "data", world=world) as client:
        chat = (await told_all(client))["thread_id"]
        turn = await call(client, "icp_intake", message="confirm", thread_id=chat)
        while turn["job"]["status"] != "waiting":
            turn = await call(client, "icp_status", thread_id=chat, wait_seconds=45)
        talk = await call(client, "icp_intake", message="Lovely weather today", thread_id=chat)
        assert "items" not in talk  # the list comes when it is asked for, or new
        assert (await call(client, "icp_intake", message="status", thread_id=chat))["items"]
        turn = await call(client, "icp_intake", message="run enrichment", thread_id=chat)
        assert turn["job"]["status"] in {"queued", "running", "done"}
        turn = await call(client, "icp_intake", message="status", thread_id=chat)
        assert turn["messages"]


async def test_the_list_is_paged_within_the_size_of_an_answer(tmp_path: Path, world: Path) -> None:
    async with connected(tmp_path / "data", world=world) as client:
        chat = (await told_all(client))["thread_id"]
        page = await finished(client, "icp_confirm", "waiting", chat)
        rows = list(page["items"])
        while page["next_offset"] is not None:
            assert page["next_offset"] == len(rows)
            page = await call(client, "icp_status", thread_id=chat, offset=page["next_offset"])
            assert page["items"]
            rows += page["items"]
        assert [r["rank"] for r in rows] == list(range(1, page["total"] + 1))
        assert len({r["domain"] for r in rows}) == len(rows)
        assert not {r["domain"] for r in rows} & {SELLER, *(f.domain for f in SEEDS)}


async def test_progress_tells_the_milestones_while_the_call_runs(
    tmp_path: Path, world: Path
) -> None:
    told: list[str] = []

    async def listen(progress: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    async with connected(tmp_path / "data", world=world) as client:
        chat = (await told_all(client))["thread_id"]
        await client.call_tool(
            "icp_confirm",
            {"thread_id": chat},
            read_timeout_seconds=CALL_SECONDS,
            progress_callback=listen,
        )
        assert in_order(script.PLAN_LINES, told)


async def test_the_form_at_once_asks_only_for_the_confirmation(tmp_path: Path, world: Path) -> None:
    async with connected(tmp_path / "data", world=world) as client:
        lines = "\n".join(f"{f.name} — {f.domain}" for f in SEEDS)
        turn = await call(client, "icp_intake", website=WEBSITE, customers=lines)
        assert turn["messages"][-1] == script.ASK_CONFIRM
        mixed = await refusal(client, "icp_intake", message="Hello", website=WEBSITE)
        assert mixed["code"] == "INVALID_ARGUMENT"


async def test_a_confirm_that_nobody_asked_for_confirms_nothing(
    tmp_path: Path, world: Path
) -> None:
    async with connected(tmp_path / "data", world=world) as client:
        chat = (await call(client, "icp_intake", message="confirm"))["thread_id"]
        turn = await call(client, "icp_confirm", thread_id=chat)
        assert "job" not in turn
        assert script.PLANNING not in turn["messages"]


async def test_refusals_name_the_next_call(tmp_path: Path, world: Path) -> None:
    async with connected(tmp_path / "data", world=world) as client:
        chat = (await told_all(client))["thread_id"]
        early = await refusal(client, "icp_run_enrichment", thread_id=chat)
        assert early["code"] == "PLAN_MISSING"
        assert spelled_out(early["hint"]) == ("icp_confirm", {"thread_id": chat})
        absent = await refusal(client, "icp_status", thread_id="no-such-thread")
        assert absent["code"] == "NOT_FOUND"
        assert spelled_out(absent["hint"])[0].startswith("icp_")


async def test_threads_are_listed_resumed_opened_locked_and_deleted(
    tmp_path: Path, world: Path
) -> None:
    async with connected(tmp_path / "data", world=world) as client:
        chat = (await told_all(client))["thread_id"]
        assert [t["thread_id"] for t in (await call(client, "icp_threads"))["threads"]] == [chat]
        resumed = await call(client, "icp_threads", action="resume")
        assert resumed["thread_id"] == chat
        fresh = await call(client, "icp_intake", message=WEBSITE, start_fresh=True)
        assert fresh["thread_id"] != chat
        locked = await refusal(client, "icp_intake", message="status", thread_id=chat)
        assert locked["code"] == "THREAD_LOCKED"
        listed = (await call(client, "icp_threads"))["threads"]
        assert {t["thread_id"]: t["read_only"] for t in listed} == {
            chat: True,
            fresh["thread_id"]: False,
        }
        assert (await call(client, "icp_threads", action="delete", thread_id=chat))["deleted"]
        gone = await refusal(client, "icp_threads", action="resume", thread_id=chat)
        assert gone["code"] == "NOT_FOUND"
        new = await call(client, "icp_threads", action="new")
        assert new["messages"][0] == script.ASK_WEBSITE
        assert spelled_out(new["next"])[0] == "icp_intake"
        unnamed = await refusal(client, "icp_threads", action="lock")
        assert unnamed["code"] == "INVALID_ARGUMENT"
