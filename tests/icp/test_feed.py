"""What the feed of the chat streams keeps in memory, however many conversations there are."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from data411_mcp.services.icp import feed
from data411_mcp.services.icp.feed import ChatFeed
from data411_mcp.services.icp.turns import ChatEvent

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 1, 2, tzinfo=UTC)
TENANT = "acme"


def tell(to: ChatFeed, thread_id: str, times: int = 1) -> ChatEvent:
    for _ in range(times):
        last = to.publish(TENANT, thread_id, "icp:intake_saved", "Saved.", at=NOW)
    return last


async def test_a_thread_keeps_its_newest_events() -> None:
    to = ChatFeed()
    tell(to, "one", feed.RING + 7)
    kept = to.events(TENANT, "one")
    assert len(kept) == feed.RING
    assert kept[-1].seq == feed.RING + 7
    assert to.events(TENANT, "one", kept[-2].seq) == kept[-1:]


async def test_all_threads_together_keep_no_more_than_the_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed, "EVENTS_MAX", 50)
    monkeypatch.setattr(feed, "THREADS_MAX", 20)
    to = ChatFeed()
    with to.listened(TENANT, "listened"):
        tell(to, "listened", 5)
        for n in range(100):
            tell(to, f"chat-{n}", 10)
        threads = ["listened", *(f"chat-{n}" for n in range(100))]
        kept = [t for t in threads if to.events(TENANT, t)]
        assert kept == [f"chat-{n}" for n in range(95, 100)]
        bell = to.bell(TENANT, "listened")
        tell(to, "listened")
        assert bell.is_set()
    for n in range(100):
        to.bell(TENANT, f"idle-{n}")
    assert len(to._channels) <= feed.THREADS_MAX


async def test_a_number_is_given_out_once_also_where_a_thread_was_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed, "THREADS_MAX", 1)
    to = ChatFeed()
    seen = tell(to, "one", 3)
    tell(to, "two")
    assert to.events(TENANT, "one") == ()
    later = tell(to, "one", 2)
    assert [e.seq for e in to.events(TENANT, "one", seen.seq)] == [later.seq - 1, later.seq]


async def test_a_forgotten_thread_rings_for_who_listens() -> None:
    to = ChatFeed()
    with to.listened(TENANT, "one"):
        tell(to, "one")
        bell = to.bell(TENANT, "one")
        to.forget(TENANT, "one")
        assert bell.is_set()
        assert to.events(TENANT, "one") == ()
