"""A process that is killed in the middle of a turn: its confirm is queued, and not yet answered.
Called with the folder; prints the thread's id when it is there."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from data411_mcp.adapters.conversation_graph import ConversationGraph
from data411_mcp.domain.icp.chat import ChatState
from tests.icp.desk_world import chatting


async def main(folder: Path) -> None:
    async with chatting(folder, works=False) as chat:
        graph = chat.desk.conversation
        assert isinstance(graph, ConversationGraph)

        async def stands_still(state: ChatState) -> ChatState:
            print("THREAD", state["thread_id"], flush=True)  # noqa: T201
            await anyio.sleep_forever()
            return {}

        graph.nodes = {**graph.nodes, "normalize": stands_still}
        await chat.told()
        await chat.say("confirm", message_id="m-9")


anyio.run(main, Path(sys.argv[1]))
