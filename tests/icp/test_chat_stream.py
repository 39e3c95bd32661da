"""The chat stream: labels in order, from the chat and from its job, resumable, for its reader."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from pydantic import ValidationError
from sse_starlette.sse import SendTimeoutError

from data411_mcp.domain.access import Principal
from data411_mcp.settings import Settings
from data411_mcp.web.config import WebConfig
from data411_mcp.web.icp.stream import Chat, ChatStream, Position
from data411_mcp.web.metrics import Metrics
from tests.icp import conversation as script
from tests.icp.conversation import in_order, labels
from tests.icp.market_site import User, events, follow, market, user
from tests.icp.world import WEBSITE
from tests.web.web_world import Site, refused


def stream_of(person: User) -> str:
    return f"/chat/stream/{person.thread_id}"


async def test_the_events_of_the_sample_conversation_come_live_and_in_order(shop: Site) -> None:
    async with user(shop, "live") as person:
        await person.tell_all()
        told: list[str] = []
        planned = anyio.Event()

        async def listen() -> None:
            async for event in follow(person.client, stream_of(person)):
                assert set(event.data) == {"event", "message", "context"}
                assert event.data["event"] == event.event
                told.append(event.event)
                if event.event == "icp:candidates_found":
                    planned.set()
                if event.event == "enrich:summary":
                    return

        with anyio.fail_after(90):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(listen)
                await person.confirm()
                await planned.wait()
                await person.until("waiting")
                await person.enrich()
        assert labels(told) == list(script.EVENTS)
        assert told.count("enrich:company_tick") == 10


async def test_a_client_that_comes_back_gets_exactly_what_it_missed(shop: Site) -> None:
    async with user(shop, "back") as person:
        await person.planned()
        whole = await events(person.client, stream_of(person), until="icp:candidates_found")
        assert in_order([*script.CHAT_EVENTS, *script.PLAN_EVENTS], [t.event for t in whole])
        for at in (0, len(whole) // 2, len(whole) - 2):
            rest = await events(
                person.client, stream_of(person), until="icp:candidates_found",
                headers={"Last-Event-ID": whole[at].id},
            )  # fmt: skip
            assert rest == whole[at + 1 :]
            by_query = f"{stream_of(person)}?since={whole[at].id}"
            assert await events(person.client, by_query, until="icp:candidates_found") == rest


@pytest.mark.parametrize(
    "number", ["x.9.y.z", "x.1.y." + "9" * 25, "x.1.y." + "9" * 5000, "x.-1.y.٣", "7"]
)
async def test_a_number_that_nobody_gave_out_starts_from_the_beginning(
    shop: Site, number: str
) -> None:
    async with user(shop, "lost") as person:
        await person.tell_all()
        address = f"{stream_of(person)}?since={number}"
        told = await events(person.client, address, until="icp:confirm_pending")
        assert told[0].event == "icp:intake_saved"


async def test_a_clock_that_was_set_back_reorders_and_repeats_nothing(shop: Site) -> None:
    async with user(shop, "clock") as person:
        await person.say("Hello")
        assert person.thread_id is not None
        now = shop.app.clock.now()
        for n, at in enumerate((now, now - timedelta(hours=1), now - timedelta(hours=2))):
            shop.app.icp.feed.publish("clock", person.thread_id, f"test:{n}", "", at=at)
        shop.app.icp.feed.publish("clock", person.thread_id, "test:last", "", at=now)
        told = await events(person.client, stream_of(person), until="test:last")
        assert [t.event for t in told] == ["test:0", "test:1", "test:2", "test:last"]


async def test_the_jobs_first_word_is_heard_while_the_turn_is_still_being_written(
    shop: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ "confirm" queues the job in the middle of its turn; who listens does not wait for the end
    of it, and not for the next look either."""
    monkeypatch.setattr("data411_mcp.web.icp.stream.IDLE_LOOK_SECONDS", 1000.0)
    monkeypatch.setattr("data411_mcp.web.icp.stream.IDLE_LOOK_SECONDS_MAX", 1000.0)
    begun, listening = anyio.Event(), anyio.Event()
    kept = shop.app.icp.turns._kept

    async def late(*args: Any, **more: Any) -> Any:
        await begun.wait()
        return await kept(*args, **more)

    async with user(shop, "first-word") as person:
        await person.tell_all()

        async def listen() -> None:
            async for told in follow(person.client, stream_of(person)):
                if told.event == "icp:confirm_pending":
                    listening.set()
                if told.event == "icp:planning_start":
                    begun.set()
                    return

        with anyio.fail_after(40):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(listen)
                await listening.wait()
                monkeypatch.setattr(shop.app.icp.turns, "_kept", late)
                await person.confirm()


@pytest.mark.lengthy
async def test_a_stream_ends_when_its_conversation_is_deleted(shop: Site) -> None:
    async with user(shop, "deleter") as person:
        await person.tell_all()
        with anyio.fail_after(40):
            async for told in follow(person.client, stream_of(person)):
                if told.event == "icp:confirm_pending":
                    await person.client.delete(f"/threads/{person.thread_id}")


async def test_a_reader_that_does_not_read_holds_nobody_up_and_is_dropped(
    shop: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data411_mcp.web.events.SEND_SECONDS_MAX", 0.2)
    async with user(shop, "slow") as person:
        await person.tell_all()
        assert person.thread_id is not None
        thread = await shop.app.icp.store.thread("slow", person.thread_id)
        assert thread is not None
        chat, metrics = Chat(shop.app, thread), Metrics()
        who = Principal("slow", thread.user_id)
        config = WebConfig(frozenset(), frozenset())
        stuck = ChatStream(chat, Position("e"), who, config, metrics)

        async def never_sent(message: Any) -> None:
            if message["type"] == "http.response.body":
                await anyio.sleep_forever()

        with anyio.fail_after(40):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(dropped, stuck, never_sent)
                told = await events(person.client, stream_of(person), until="icp:confirm_pending")
        assert told[0].event == "icp:intake_saved"
        assert metrics.open_streams == 0


async def dropped(stream: ChatStream, send: Any) -> None:
    with pytest.raises(SendTimeoutError):
        await stream({"type": "http", "method": "GET"}, anyio.sleep_forever, send)


async def test_the_end_of_the_server_ends_its_streams(tmp_path: Path) -> None:
    async with anyio.create_task_group() as readers:
        with anyio.fail_after(60):
            async with market(tmp_path) as at:
                person = User(at.client(await at.key()))
                await person.tell_all()
                opened = anyio.Event()

                async def hold() -> None:
                    with suppress(httpx2.HTTPError):
                        async for _ in follow(person.client, stream_of(person)):
                            opened.set()

                readers.start_soon(hold)
                await opened.wait()
    await person.client.aclose()


async def test_the_jobs_events_are_there_after_a_restart(tmp_path: Path) -> None:
    async with market(tmp_path) as at, user(at) as person:
        await person.planned()
        before = await events(person.client, stream_of(person), until="icp:candidates_found")
        key = person.client.headers["authorization"]
    async with market(tmp_path) as at, at.client() as client:
        client.headers["authorization"] = key
        last = next(t for t in before if t.event == "icp:planning_start")
        told = await events(
            client, stream_of(person), until="icp:candidates_found",
            headers={"Last-Event-ID": last.id},
        )  # fmt: skip
        assert labels([t.event for t in told]) == list(script.PLAN_EVENTS[1:])


async def test_a_stream_without_a_key_or_with_another_tenants_is_refused(shop: Site) -> None:
    async with user(shop, "mine") as person, user(shop, "theirs") as other:
        await person.tell_all()
        async with shop.client() as nobody:
            refused(await nobody.get(stream_of(person)), 401, "UNAUTHORIZED")
        refused(await other.client.get(stream_of(person)), 404, "NOT_FOUND")
        refused(await person.client.get("/chat/stream/unknown"), 404, "NOT_FOUND")


async def test_a_ticket_opens_one_stream_of_one_conversation_once(shop: Site) -> None:
    async with user(shop, "browser") as person, shop.client() as browser:
        await person.tell_all()
        ticket = await person.post(f"{stream_of(person)}/ticket", {}, 201)
        elsewhere = ticket["href"].replace(str(person.thread_id), "another")
        refused(await browser.get(elsewhere), 401, "UNAUTHORIZED")
        told = await events(browser, ticket["href"], until="icp:confirm_pending")
        assert told[0].event == "icp:intake_saved"
        body = refused(await browser.get(ticket["href"]), 401, "UNAUTHORIZED")
        assert ticket["ticket"] not in str(body)


async def test_a_stream_ends_when_its_key_is_revoked(
    shop: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Quick(ChatStream):
        def __init__(self, *args: Any) -> None:
            *same, config, metrics = args
            super().__init__(*same, replace(config, heartbeat_seconds=0.05), metrics)

    monkeypatch.setattr("data411_mcp.web.icp.chat.ChatStream", Quick)
    async with user(shop, "leaver") as person:
        await person.tell_all()
        (key,) = await shop.app.access.keys("leaver")
        with anyio.fail_after(40):
            async for told in follow(person.client, stream_of(person)):
                if told.event == "icp:confirm_pending":
                    await shop.app.access.revoke_key(key.id)


async def test_two_listeners_hear_the_same_and_none_holds_the_other_up(shop: Site) -> None:
    async with user(shop, "two") as person:
        await person.tell_all()
        heard: list[list[str]] = []

        async def listen() -> None:
            told = await events(person.client, stream_of(person), until="icp:candidates_found")
            heard.append([t.id for t in told])

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen)
            tasks.start_soon(listen)
            await person.confirm()
        assert heard[0] == heard[1]


def test_a_misspelt_switch_of_a_tenant_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATA411_TENANT_FEATURES", '{"quiet": {"ENABLE_CHAT_EVENT": false}}')
    with pytest.raises(ValidationError):
        Settings()


async def test_where_chat_events_are_off_the_stream_says_so_and_the_chat_goes_on(
    tmp_path: Path,
) -> None:
    features = {"quiet": {"ENABLE_CHAT_EVENTS": False}}
    async with market(tmp_path, tenant_features=features) as at:
        async with user(at, "quiet") as person:
            await person.say("Hello")
            turn = await person.say(WEBSITE)
            assert script.ASK_CUSTOMERS in turn["messages"]
            body = refused(await person.client.get(stream_of(person)), 404, "NOT_FOUND")
            assert "ENABLE_CHAT_EVENTS" in body["hint"]
            ticket = await person.client.post(f"{stream_of(person)}/ticket")
            refused(ticket, 404, "NOT_FOUND")
        async with user(at, "loud") as person:
            await person.tell_all()
            await events(person.client, stream_of(person), until="icp:confirm_pending")
