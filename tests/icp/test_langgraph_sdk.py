"""The official client drives the conversation: threads, state, history, runs, and its errors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import ConflictError, NotFoundError, UnprocessableEntityError

from data411_mcp.errors import StoreBusy
from data411_mcp.services.icp.protocol import CHAT_RUN
from data411_mcp.services.icp.turns import Saying, Turn
from tests.icp import conversation as script
from tests.icp.market_site import market
from tests.icp.world import CUSTOMERS_TEXT, SELLER, WEBSITE
from tests.web.web_world import Site

GRAPH = "orchestrator"


@asynccontextmanager
async def sdk(at: Site, tenant: str) -> AsyncIterator[LangGraphClient]:
    key = await at.key(tenant)
    client = get_client(url=at.url, api_key=None, headers={"Authorization": f"Bearer {key}"})
    async with client:
        yield client


def said(text: str, message_id: str | None = None) -> dict[str, Any]:
    message = {"role": "user", "content": text}
    return {"messages": [message | ({"id": message_id} if message_id else {})]}


async def test_a_thread_is_created_found_changed_and_deleted(shop: Site) -> None:
    async with sdk(shop, "sdk-threads") as client:
        thread = await client.threads.create(metadata={"source": "ui", "tenant_id": "another"})
        assert thread["status"] == "idle"
        metadata: Any = thread["metadata"]
        assert metadata["source"] == "ui"
        assert metadata["tenant_id"] == "sdk-threads"
        assert (metadata["agent"], metadata["status"]) == ("icp_finder", "open")
        found = await client.threads.search(metadata={"source": "ui"})
        assert [t["thread_id"] for t in found] == [thread["thread_id"]]
        assert await client.threads.search(metadata={"source": "api"}) == []
        changed = await client.threads.update(thread["thread_id"], metadata={"label": "Palmridge"})
        changed_to: Any = changed["metadata"]
        assert (changed_to["label"], changed_to["source"]) == ("Palmridge", "ui")
        same = await client.threads.get(thread["thread_id"])
        assert same["metadata"] == changed["metadata"]
        await client.threads.delete(thread["thread_id"])
        with pytest.raises(NotFoundError):
            await client.threads.get(thread["thread_id"])


async def test_an_id_that_is_taken_is_a_conflict_unless_that_is_wanted(shop: Site) -> None:
    async with sdk(shop, "sdk-ids") as client:
        wanted = "3f786850-e387-550f-dab8-36ed7e6dc881"
        thread = await client.threads.create(thread_id=wanted)
        assert thread["thread_id"] == wanted
        with pytest.raises(ConflictError):
            await client.threads.create(thread_id=wanted)
        again = await client.threads.create(thread_id=wanted, if_exists="do_nothing")
        assert again["thread_id"] == wanted


async def test_the_conversation_runs_by_wait_stream_and_create(shop: Site) -> None:
    async with sdk(shop, "sdk-runs") as client:
        thread_id = (await client.threads.create())["thread_id"]
        values: Any = await client.runs.wait(thread_id, GRAPH, input=said("Hello"))
        assert script.ASK_WEBSITE in values["reply"]["messages"]
        created: list[Any] = []
        parts = [
            part
            async for part in client.runs.stream(
                thread_id,
                GRAPH,
                input=said(WEBSITE),
                stream_mode=["updates", "values"],
                on_run_created=created.append,
            )
        ]
        assert [p.event for p in parts] == ["metadata", "updates", "values", "end"]
        run_id = parts[0].data["run_id"]
        assert created == [{"run_id": run_id, "thread_id": thread_id}]
        assert script.ASK_CUSTOMERS in parts[2].data["reply"]["messages"]
        run = await client.runs.create(thread_id, GRAPH, input=said(CUSTOMERS_TEXT))
        assert run["status"] == "success"
        joined: Any = await client.runs.join(thread_id, run["run_id"])
        assert joined
        assert (await client.runs.get(thread_id, run["run_id"]))["thread_id"] == thread_id
        listed = await client.runs.list(thread_id)
        assert [r["run_id"] for r in listed][:2] == [run["run_id"], run_id]
        assert len(listed) == 3
        thread = await client.threads.get(thread_id)
        metadata: Any = thread["metadata"]
        assert metadata["context_key"] == f"domain:{SELLER}"


async def test_state_and_history_are_the_checkpoints(shop: Site) -> None:
    async with sdk(shop, "sdk-state") as client:
        thread_id = (await client.threads.create())["thread_id"]
        await client.runs.wait(thread_id, GRAPH, input=said("Hello"))
        first = await client.threads.get_state(thread_id)
        await client.runs.wait(thread_id, GRAPH, input=said(WEBSITE))
        newest = await client.threads.get_state(thread_id)
        assert newest["values"]
        assert list(newest["next"]) == []
        assert newest["checkpoint"]["checkpoint_id"] != first["checkpoint"]["checkpoint_id"]
        history = await client.threads.get_history(thread_id, limit=50)
        ids = [state["checkpoint"]["checkpoint_id"] for state in history]
        assert ids[0] == newest["checkpoint"]["checkpoint_id"]
        assert first["checkpoint"]["checkpoint_id"] in ids


async def test_history_is_paged_and_each_of_its_checkpoints_can_be_read(shop: Site) -> None:
    async with sdk(shop, "sdk-pages") as client:
        thread_id = (await client.threads.create())["thread_id"]
        await client.runs.wait(thread_id, GRAPH, input=said("Hello"))
        whole = await client.threads.get_history(thread_id, limit=100)
        first = await client.threads.get_history(thread_id, limit=2)
        for before in (first[-1]["checkpoint"], {"configurable": first[-1]["checkpoint"]}):
            rest = await client.threads.get_history(thread_id, limit=100, before=before)
            assert first + rest == whole
        older = rest[0]["checkpoint"]
        checkpoint_id = older["checkpoint_id"]
        assert checkpoint_id is not None
        by_id = await client.threads.get_state(thread_id, checkpoint_id=checkpoint_id)
        assert by_id == rest[0] == await client.threads.get_state(thread_id, checkpoint=older)
        with pytest.raises(NotFoundError):
            await client.threads.get_state(thread_id, checkpoint_id="0")
        with pytest.raises(UnprocessableEntityError):
            await client.threads.get_history(thread_id, before={"checkpoint_id": None})  # type: ignore[typeddict-item]


async def test_a_search_gives_whole_threads_whatever_it_filters_by(shop: Site) -> None:
    async with sdk(shop, "sdk-search") as client:
        one, two, three = [
            (await client.threads.create(metadata={"n": n, "odd": bool(n % 2)}))["thread_id"]
            for n in (1, 2, 3)
        ]
        for thread_id in (one, two, three):
            await client.runs.wait(thread_id, GRAPH, input=said("Hello"))
        whole = {t["thread_id"]: t for t in await client.threads.search()}
        assert set(whole) == {one, two, three}
        odd = await client.threads.search(metadata={"odd": True}, sort_by="created_at")
        assert odd == [whole[three], whole[one]]
        rising = await client.threads.search(
            status="idle", sort_by="created_at", sort_order="asc", limit=1, offset=1
        )
        assert rising == [whole[two]]
        assert await client.threads.search(values={"asked": "nothing"}) == []
        assert await client.threads.count() == 3
        assert await client.threads.count(metadata={"odd": True}) == 2
        assert await client.threads.count(status="busy") == 0
        async with shop.client() as anybody:
            anybody.headers["authorization"] = client.http.client.headers["authorization"]
            await anybody.patch(f"/threads/{two}", json={"status": "archived"})
        assert [t["thread_id"] for t in await client.threads.search(ids=[two])] == [two]
        assert await client.threads.count() == 2


async def test_what_the_server_notes_beside_a_threads_metadata_is_not_the_callers(
    shop: Site,
) -> None:
    async with sdk(shop, "sdk-notes") as client:
        forged = {"preview": "forged", "micro_icp": "forged", "mine": 1}
        thread_id = (await client.threads.create(metadata=forged))["thread_id"]
        await client.runs.wait(thread_id, GRAPH, input=said("Hello"))
        before: Any = (await client.threads.get(thread_id))["metadata"]
        assert before["mine"] == 1
        assert "forged" not in before.values()
        changed: Any = (await client.threads.update(thread_id, metadata=forged | {"mine": 2}))[
            "metadata"
        ]
        assert changed == before | {"mine": 2}


async def test_a_run_that_opens_a_new_session_is_found_where_it_was_asked_for(shop: Site) -> None:
    async with sdk(shop, "sdk-fresh") as client:
        thread_id = (await client.threads.create())["thread_id"]
        for text in ("Hello", WEBSITE):
            await client.runs.wait(thread_id, GRAPH, input=said(text))
        run = await client.runs.create(thread_id, GRAPH, input=said("start fresh"))
        assert (run["thread_id"], run["status"]) == (thread_id, "success")
        assert (await client.runs.get(thread_id, run["run_id"])) == run
        found = await client.threads.search(metadata={"status": "open"})
        assert thread_id not in [t["thread_id"] for t in found]


async def test_a_run_can_be_joined_as_a_stream_cancelled_and_deleted(shop: Site) -> None:
    async with sdk(shop, "sdk-after") as client:
        thread_id = (await client.threads.create())["thread_id"]
        run_id = (await client.runs.create(thread_id, GRAPH, input=said("Hello")))["run_id"]
        parts = [p async for p in client.runs.join_stream(thread_id, run_id, stream_mode="values")]
        assert [p.event for p in parts] == ["metadata", "values", "end"]
        assert parts[1].data == await client.runs.join(thread_id, run_id)
        await client.runs.cancel_many(thread_id=thread_id, run_ids=[run_id])
        await client.runs.delete(thread_id, run_id)
        with pytest.raises(NotFoundError):
            await client.runs.get(thread_id, run_id)
        with pytest.raises(NotFoundError):
            await client.runs.cancel_many(thread_id=thread_id, run_ids=[run_id])
        kept: Any = await client.threads.get_state(thread_id)
        assert kept["values"]


async def test_a_run_that_failed_says_so_in_the_list(
    shop: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(saying: Saying) -> Turn:
        raise StoreBusy("The store is slow.", "Try again.")

    async with sdk(shop, "sdk-fails") as client:
        thread_id = (await client.threads.create())["thread_id"]
        with monkeypatch.context() as patch:
            patch.setattr(shop.app.icp, "say", broken)
            parts = [p async for p in client.runs.stream(thread_id, GRAPH, input=said("Hello"))]
        assert [p.event for p in parts] == ["metadata", "error"]
        assert parts[1].data["error"] == StoreBusy.code
        run = await client.runs.get(thread_id, parts[0].data["run_id"])
        assert run["status"] == "error"


async def test_a_stream_of_nothing_that_is_known_here_is_refused(shop: Site) -> None:
    async with sdk(shop, "sdk-modes") as client:
        thread_id = (await client.threads.create())["thread_id"]
        with pytest.raises(UnprocessableEntityError):
            async for _ in client.runs.stream(
                thread_id, GRAPH, input=said("Hello"), stream_mode="debug"
            ):
                pass
        parts = client.runs.stream(
            thread_id, GRAPH, input=said("Hello"), stream_mode=["values", "messages-tuple"]
        )
        assert [p.event async for p in parts] == ["metadata", "values", "end"]


async def test_the_runs_of_a_thread_go_with_it(shop: Site) -> None:
    async with sdk(shop, "sdk-gone") as client:
        thread_id = (await client.threads.create())["thread_id"]
        await client.runs.create(thread_id, GRAPH, input=said("Hello"))
        await client.threads.delete(thread_id)
        left = await shop.app.icp.store.documents("sdk-gone", CHAT_RUN)
        assert left == ()


async def test_events_are_streamed_as_custom_parts(shop: Site) -> None:
    async with sdk(shop, "sdk-custom") as client:
        thread_id = (await client.threads.create())["thread_id"]
        for text in ("Hello", WEBSITE):
            await client.runs.wait(thread_id, GRAPH, input=said(text))
        labels = [
            part.data["event"]
            async for part in client.runs.stream(
                thread_id, GRAPH, input=said(CUSTOMERS_TEXT), stream_mode="custom"
            )
            if part.event == "custom"
        ]
        assert script.in_order(script.CHAT_EVENTS, labels)


async def test_a_locked_thread_is_a_conflict_that_says_create_new(shop: Site) -> None:
    async with sdk(shop, "sdk-locked") as client:
        older = (await client.threads.create())["thread_id"]
        for text in ("Hello", WEBSITE):
            await client.runs.wait(older, GRAPH, input=said(text))
        newer = (await client.threads.create())["thread_id"]
        for text in ("Hello", WEBSITE):
            await client.runs.wait(newer, GRAPH, input=said(text))
        with pytest.raises(ConflictError) as refused:
            await client.runs.create(older, GRAPH, input=said("status"))
        body: Any = refused.value.body
        assert (body["error"], body["hint"]) == ("thread_locked", "create_new")
        with pytest.raises(ConflictError):
            async for _ in client.runs.stream(older, GRAPH, input=said("status")):
                pass
        fresh: Any = await client.runs.wait(older, GRAPH, input=said("start fresh"))
        assert fresh["reply"]["thread_id"] not in (older, newer)
        states: Any = await client.threads.get_state(older)  # its history stays readable
        assert states["values"]


async def test_a_run_without_a_thread_goes_on_where_the_user_stood(shop: Site) -> None:
    async with sdk(shop, "sdk-free") as client:
        values: Any = await client.runs.wait(None, GRAPH, input=said("Hello"))
        thread_id = values["reply"]["thread_id"]
        parts = [part async for part in client.runs.stream(None, GRAPH, input=said(WEBSITE))]
        assert [p.event for p in parts] == ["metadata", "values", "end"]
        assert parts[1].data["reply"]["thread_id"] == thread_id


async def test_the_same_message_twice_is_one_turn(shop: Site) -> None:
    async with sdk(shop, "sdk-twice") as client:
        thread_id = (await client.threads.create())["thread_id"]
        await client.runs.wait(thread_id, GRAPH, input=said("Hello", "m-1"))
        first: Any = await client.runs.wait(thread_id, GRAPH, input=said(WEBSITE, "m-2"))
        again: Any = await client.runs.wait(thread_id, GRAPH, input=said(WEBSITE, "m-2"))
        assert again["reply"]["messages"] == first["reply"]["messages"]


async def test_a_run_without_words_is_refused(shop: Site) -> None:
    async with sdk(shop, "sdk-empty") as client:
        thread_id = (await client.threads.create())["thread_id"]
        with pytest.raises(UnprocessableEntityError):
            await client.runs.create(thread_id, GRAPH, input={"messages": []})


async def test_another_tenants_thread_is_not_found(shop: Site) -> None:
    async with sdk(shop, "sdk-mine") as mine, sdk(shop, "sdk-theirs") as theirs:
        thread_id = (await mine.threads.create())["thread_id"]
        for call in (theirs.threads.get, theirs.threads.get_state, theirs.threads.delete):
            with pytest.raises(NotFoundError):
                await call(thread_id)
        with pytest.raises(NotFoundError):
            await theirs.runs.create(thread_id, GRAPH, input=said("Hello"))
        assert await theirs.threads.search() == []
        assert (await mine.threads.get(thread_id))["thread_id"] == thread_id


async def test_the_routes_are_off_where_the_setting_says_so(tmp_path: Path) -> None:
    async with market(tmp_path, enable_embedded_lg_server=False) as at, sdk(at, "acme") as client:
        with pytest.raises(NotFoundError):
            await client.threads.create()
        async with at.client() as anybody:
            told = (await anybody.get("/openapi.json")).json()
        assert "/threads" not in told["paths"]
        assert "/icp/intake" in told["paths"]
