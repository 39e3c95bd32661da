"""Conversations that outlast a crash, and those whose checkpoints are in PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import anyio
import psycopg
import pytest

from data411_mcp.adapters.conversation_graph import ConversationGraph
from data411_mcp.adapters.prompts import load_script
from data411_mcp.domain.icp.chat import ChatState
from data411_mcp.errors import StoreBusy
from tests.icp.desk_world import ANNA, DEADLINE, chatting
from tests.postgres import fresh_database

SCRIPT = load_script()
ROOT = Path(__file__).resolve().parent.parent.parent


async def test_a_turn_that_broke_off_after_queueing_is_taken_up_by_its_retry(
    tmp_path: Path,
) -> None:
    async with chatting(tmp_path) as chat:
        graph = chat.desk.conversation
        assert isinstance(graph, ConversationGraph)
        whole, broke = graph.nodes["normalize"], []

        async def breaks_once(state: ChatState) -> ChatState:
            if not broke:
                broke.append(True)
                raise StoreBusy("The test wants it so.")
            return await whole(state)

        graph.nodes = {**graph.nodes, "normalize": breaks_once}
        await chat.told()
        with pytest.raises(StoreBusy):
            await chat.say("confirm", message_id="m-9")
        turn = await chat.say("confirm", message_id="m-9")
        assert turn.job is not None
        await chat.settled()
        assert len(chat.run.seen) == 1
        assert (await chat.say("run enrichment")).job is not None


def _killed_in_a_turn(folder: Path) -> str:
    """The thread whose turn was under way when its process was killed."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.icp.conversation_child", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        try:
            lines = (line for line in child.stdout if line.startswith("THREAD "))
            return next(lines).split()[1]
        finally:
            child.kill()


async def test_a_process_killed_in_the_middle_of_a_turn_loses_nothing(tmp_path: Path) -> None:
    thread = await anyio.to_thread.run_sync(_killed_in_a_turn, tmp_path)
    async with chatting(tmp_path) as chat:
        with anyio.fail_after(DEADLINE + 10):
            turn = await chat.say("confirm", thread_id=thread, message_id="m-9")
            assert turn.job is not None
            await chat.settled()
        assert [run.thread_id for run in chat.run.seen] == [thread]
        assert len(await chat.store.jobs_of_chat("acme", thread)) == 1
        state = await chat.desk.conversation.state("acme", thread)
        assert state is not None
        assert len(state.values["intake"]["customers"]) == 5


async def test_a_conversation_in_postgresql_goes_on_after_a_restart(tmp_path: Path) -> None:
    with fresh_database() as url:
        async with chatting(tmp_path, database_url=url) as chat:
            await chat.planned()
            thread = chat.id
        async with chatting(tmp_path, database_url=url) as chat:
            turn = await chat.say("run enrichment", thread_id=thread)
            assert turn.messages == (SCRIPT.event("enrich:start_top10"),) or turn.job is not None
            done = await chat.settled()
            assert done.state["phase"] == "done"
            for _ in range(8):
                await chat.say("hm")
            history = await chat.desk.conversation.history("acme", thread, limit=500)
            assert 10 <= len(history) <= 45
            with psycopg.connect(url) as connection:
                kept = (
                    "SELECT count(DISTINCT checkpoint_id) "
                    "FROM data411_conversations.checkpoint_writes"
                )
                assert connection.execute(kept).fetchone()[0] <= 45  # type: ignore[index]
                blobs = "SELECT count(*) FROM data411_conversations.checkpoint_blobs"
                assert connection.execute(blobs).fetchone()[0] < 500  # type: ignore[index]
            await chat.desk.delete(ANNA, thread)
            assert await chat.desk.conversation.state("acme", thread) is None
        assert not (tmp_path / ".langgraph_api").exists()


async def test_a_database_that_is_away_is_told_in_our_words(tmp_path: Path) -> None:
    async with ConversationGraph.open({}, tmp_path / "file" / "below") as graph:
        (tmp_path / "file").write_text("no folder")
        with pytest.raises((StoreBusy, OSError)):
            await graph.state("acme", "t1")
