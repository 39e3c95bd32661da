"""The ICP conversation as a LangGraph graph with durable checkpoints: one thread of the graph for
each conversation, in a file (or schema) of its own beside the store.

LangGraph takes seconds and 70 MB to import: nothing of it is touched before the first message.
"""

from __future__ import annotations

import importlib
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import anyio
import anyio.to_thread

from data411_mcp.domain.icp.chat import NODES, ChatState
from data411_mcp.errors import StoreBusy, StoreFull
from data411_mcp.services.ports.icp import ConversationState

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph.state import CompiledStateGraph

Node = Callable[[ChatState], Awaitable[ChatState]]
CHECKPOINTS_FILE = "conversations.sqlite3"
KEPT_CHECKPOINTS = 40  # of a thread: about four turns of its history
BUSY_SECONDS = 10.0
SCHEMA = "data411_conversations"
SETUP_LOCK = (411, 77)  # of our advisory locks
SETUP_SECONDS = 60.0
SETUP_PAUSE_SECONDS = 0.2

READY_LEG = ("normalize", "refresh_icp", "decide_strategy", "ssic_fallback", "progress_report")


def after_guard(state: ChatState) -> str:
    """The one branch: `ready` once a run was queued in this turn."""
    return "normalize" if state.get("ready") else "progress_report"


def build_graph(
    nodes: Mapping[str, Node], checkpointer: BaseCheckpointSaver[Any]
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The graph in the specification's order: ingest → return_user_probe → profile_builder →
    journey_guard → (ready) normalize → refresh_icp → decide_strategy → ssic_fallback →
    progress_report → summary; (pending) progress_report → summary."""
    from langgraph.graph import END, START, StateGraph

    graph: StateGraph[Any, Any, Any, Any] = StateGraph(ChatState)
    for name in NODES:
        graph.add_node(name, cast(Any, nodes[name]))
    to_guard = ("ingest", "return_user_probe", "profile_builder", "journey_guard")
    graph.add_edge(START, "ingest")
    for one, following in [*pairwise(to_guard), *pairwise(READY_LEG)]:
        graph.add_edge(one, following)
    graph.add_conditional_edges(
        "journey_guard", after_guard, {n: n for n in ("normalize", "progress_report")}
    )
    graph.add_edge("progress_report", "summary")
    graph.add_edge("summary", END)
    return graph.compile(checkpointer=checkpointer)


@dataclass
class ConversationGraph:
    """Implements the `Conversation` port. Opened with its first message; one at a time to a
    thread is the caller's business."""

    nodes: Mapping[str, Node]
    folder: Path
    database_url: str | None = None
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack, repr=False)
    _graph: CompiledStateGraph[Any, Any, Any, Any] | None = field(default=None, repr=False)
    _opening: anyio.Lock = field(default_factory=anyio.Lock, repr=False)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, nodes: Mapping[str, Node], folder: Path, *, database_url: str | None = None
    ) -> AsyncIterator[ConversationGraph]:
        graph = cls(nodes, folder, database_url)
        async with graph._stack:  # aiosqlite's thread would keep the process alive
            yield graph

    async def advance(
        self, tenant: str, thread_id: str, message: Mapping[str, Any]
    ) -> ConversationState:
        async for _ in self.stream(tenant, thread_id, message):
            pass
        state = await self.state(tenant, thread_id)
        if state is None:
            raise _unwritten()
        return state

    async def stream(
        self, tenant: str, thread_id: str, message: Mapping[str, Any]
    ) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
        graph = await self._opened()
        config = _config(tenant, thread_id)
        with _in_our_words():
            known = await graph.aget_state(config)
        if str(message.get("id", "")) in known.values.get("handled", ()):
            return
        given = {
            "tenant_id": tenant,
            "thread_id": thread_id,
            "user_id": str(message.get("user_id", "")),
            "turn": {key: message[key] for key in message if key != "user_id"},
        }
        with _in_our_words():
            async for update in graph.astream(
                given, config, stream_mode="updates", durability="sync"
            ):
                for name, made in update.items():
                    yield name, made or {}
            await self._prune(graph, config)

    async def state(self, tenant: str, thread_id: str) -> ConversationState | None:
        graph = await self._opened()
        with _in_our_words():
            found = await graph.aget_state(_config(tenant, thread_id))
        if not found.values:
            return None
        return _shown(thread_id, found)

    async def history(
        self, tenant: str, thread_id: str, *, limit: int = 10
    ) -> tuple[ConversationState, ...]:
        graph = await self._opened()
        config = _config(tenant, thread_id)
        with _in_our_words():
            found = [s async for s in graph.aget_state_history(config, limit=limit)]
        return tuple(_shown(thread_id, state) for state in found if state.values)

    async def forget(self, tenant: str, thread_id: str) -> None:
        graph = await self._opened()
        saver = cast(Any, graph.checkpointer)
        with _in_our_words():
            await saver.adelete_thread(_config(tenant, thread_id)["configurable"]["thread_id"])

    async def _opened(self) -> CompiledStateGraph[Any, Any, Any, Any]:
        if self._graph is None:
            async with self._opening:
                if self._graph is None:
                    # In a thread: a second of imports would hold up every other chat.
                    await anyio.to_thread.run_sync(_imported, self.database_url is not None)
                    saver = await self._saver()
                    self._graph = build_graph(self.nodes, saver)
        return self._graph

    async def _saver(self) -> BaseCheckpointSaver[Any]:
        if self.database_url is not None:
            return await _postgres_saver(self._stack, self.database_url)
        return await _sqlite_saver(self._stack, self.folder)

    async def _prune(
        self, graph: CompiledStateGraph[Any, Any, Any, Any], config: RunnableConfig
    ) -> None:
        """Keep the newest checkpoints of the thread: each node leaves one with the whole state,
        and the files would grow without end."""
        saver = cast(Any, graph.checkpointer)
        values = {"thread": config["configurable"]["thread_id"], "kept": KEPT_CHECKPOINTS}
        if self.database_url is None:
            async with saver.lock:
                for statement in (_OLD_CHECKPOINTS, _OLD_WRITES.format(table="writes")):
                    await saver.conn.execute(statement, values)
                await saver.conn.commit()
            return
        async with saver.conn.connection() as connection:
            for statement in (
                _OLD_CHECKPOINTS,
                _OLD_WRITES.format(table="checkpoint_writes"),
                _OLD_BLOBS,
            ):
                text = statement.replace(":thread", "%(thread)s").replace(":kept", "%(kept)s")
                await connection.execute(text, values)


_OLD_CHECKPOINTS = """DELETE FROM checkpoints WHERE thread_id = :thread AND checkpoint_id NOT IN
    (SELECT checkpoint_id FROM checkpoints WHERE thread_id = :thread
     ORDER BY checkpoint_id DESC LIMIT :kept)"""
_OLD_WRITES = """DELETE FROM {table} WHERE thread_id = :thread AND checkpoint_id NOT IN
    (SELECT checkpoint_id FROM checkpoints WHERE thread_id = :thread)"""
_OLD_BLOBS = """DELETE FROM checkpoint_blobs AS blob WHERE thread_id = :thread AND NOT EXISTS
    (SELECT 1 FROM checkpoints AS kept WHERE kept.thread_id = blob.thread_id
     AND kept.checkpoint -> 'channel_versions' ->> blob.channel = blob.version)"""


@contextmanager
def _in_our_words() -> Iterator[None]:
    """The drivers' errors as the store's. Raises StoreBusy, StoreFull."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "full" in str(error):
            raise StoreFull("The disk is full.", "Free space, then try again.") from error
        raise _unwritten() from error
    except TimeoutError as error:
        raise _unwritten() from error
    except Exception as error:
        # psycopg is an extra: its errors are known by where they come from.
        if type(error).__module__.partition(".")[0] in ("psycopg", "psycopg_pool"):
            raise _unwritten() from error
        raise


def _unwritten() -> StoreBusy:
    return StoreBusy("The conversation could not be read or written.", "Try again in a moment.")


def _config(tenant: str, thread_id: str) -> RunnableConfig:
    """Threads of tenants are kept apart by name: neither part can hold the separator's length."""
    name = f"{len(tenant)}:{tenant}/{thread_id}"
    return cast("RunnableConfig", {"configurable": {"thread_id": name}})


def _imported(postgres: bool) -> None:
    importlib.import_module("langgraph.graph")
    importlib.import_module(f"langgraph.checkpoint.{'postgres' if postgres else 'sqlite'}.aio")


def _shown(thread_id: str, found: Any) -> ConversationState:
    configurable = found.config.get("configurable", {})
    return ConversationState(
        thread_id=thread_id,
        values=dict(found.values),
        next=tuple(found.next),
        checkpoint_id=str(configurable.get("checkpoint_id", "")),
        created_at=found.created_at or "",
    )


async def _sqlite_saver(stack: AsyncExitStack, folder: Path) -> BaseCheckpointSaver[Any]:
    import aiosqlite
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    await anyio.Path(folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / CHECKPOINTS_FILE
    if not await anyio.Path(path).exists():
        await anyio.to_thread.run_sync(lambda: os.close(os.open(path, os.O_CREAT, 0o600)))
    connection = await aiosqlite.connect(path, timeout=BUSY_SECONDS)
    stack.push_async_callback(connection.close)
    saver = AsyncSqliteSaver(connection)
    await saver.setup()
    return saver


async def _postgres_saver(stack: AsyncExitStack, url: str) -> BaseCheckpointSaver[Any]:
    """In a schema of its own: the store has a table of the same name. Autocommit: on a fresh
    database the saver creates indexes concurrently, which no transaction can."""
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from psycopg.rows import dict_row
    from psycopg_pool import AsyncConnectionPool

    options = {
        "autocommit": True,
        "prepare_threshold": 0,
        "row_factory": dict_row,
        "options": f"-c search_path={SCHEMA}",
    }
    pool: Any = AsyncConnectionPool(
        url, open=False, min_size=1, max_size=4, kwargs=options, timeout=BUSY_SECONDS
    )
    with _in_our_words():
        await stack.enter_async_context(pool)
        saver = AsyncPostgresSaver(pool)
        async with pool.connection() as connection, _alone(connection):
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
            await saver.setup()
    return saver


@asynccontextmanager
async def _alone(connection: Any) -> AsyncIterator[None]:
    """One process at a time creates the tables. The lock is asked for and not waited for: a
    statement that waits would hold up the building of an index for ever."""
    with anyio.fail_after(SETUP_SECONDS):
        while True:
            found = await connection.execute("SELECT pg_try_advisory_lock(%s, %s)", SETUP_LOCK)
            if next(iter((await found.fetchone()).values())):
                break
            await anyio.sleep(SETUP_PAUSE_SECONDS)
    try:
        yield
    finally:
        with anyio.CancelScope(shield=True), anyio.move_on_after(BUSY_SECONDS):
            await connection.execute("SELECT pg_advisory_unlock(%s, %s)", SETUP_LOCK)
