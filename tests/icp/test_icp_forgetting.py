"""An erased person goes out of the ICP finder's threads and documents, too."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from data411_mcp.adapters.clock import SystemClock
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.app import forget_person, open_services
from data411_mcp.domain.access import Principal
from data411_mcp.services.erased_text import MASK
from data411_mcp.services.forgetting import Forgetting
from data411_mcp.services.icp.turns import Saying
from data411_mcp.services.ports.icp import ConversationState
from data411_mcp.settings import Settings
from tests.access.jobs_to_tell import job_of
from tests.stores.samples import NOW, thread

PERSON = "Zoë Núñez"


@dataclass
class Said:
    """A conversation's state, and whether it was forgotten."""

    text: str
    gone: bool = False

    async def history(
        self, tenant: str, thread_id: str, *, limit: int = 10
    ) -> tuple[ConversationState, ...]:
        """An older state still says what the newest one does not."""
        said = {"messages": [{"content": self.text}]}
        return (ConversationState(thread_id, {}), ConversationState(thread_id, said))

    async def forget(self, tenant: str, thread_id: str) -> None:
        self.gone = True


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore.open(tmp_path / "store.sqlite3") as opened:
        yield opened


def forgetting(store: SqliteStore, said: Said | None = None) -> Forgetting:
    return Forgetting(store, SystemClock(), b"k" * 32, icp=store, conversation=said)  # type: ignore[arg-type]


async def test_what_users_typed_loses_the_erased_persons_name(store: SqliteStore) -> None:
    row = thread(label=f"Shop of {PERSON}", metadata=json.dumps({"said": [f"Ask {PERSON}."]}))
    await store.open_thread(row)
    await store.open_thread(thread("other", "other.example", tenant="rival", label=PERSON))
    intake = {"customers": [{"name": f"{PERSON} Pumps", "domain": "pumps.example"}], "n": 1}
    await store.put_document("acme", "shortlist", "thread-1", json.dumps(intake), at=NOW)
    await store.put_document("acme", "signals", "b.example", '{"text": "Pumps"}', at=NOW)
    await store.put_document("acme", "signals", "c.example", f"not JSON: {PERSON}", at=NOW)
    counts = await forgetting(store).forget("acme", PERSON)
    assert counts["icp"] == 3
    cleaned = await store.thread("acme", "thread-1")
    assert cleaned is not None
    assert (cleaned.label, cleaned.updated_at) == (f"Shop of {MASK}", NOW)
    assert json.loads(cleaned.metadata) == {"said": [f"Ask {MASK}."]}
    listed = await store.document("acme", "shortlist", "thread-1")
    assert listed is not None
    assert json.loads(listed.text) == {
        "customers": [{"name": f"{MASK} Pumps", "domain": "pumps.example"}],
        "n": 1,
    }
    assert (listed.version, listed.updated_at) == (2, NOW)
    signals = await store.documents("acme", "signals")
    assert [(d.text, d.version) for d in signals] == [
        ('{"text": "Pumps"}', 1),
        (f"not JSON: {MASK}", 2),
    ]
    theirs = await store.thread("rival", "other")
    assert theirs is not None
    assert theirs.label == PERSON


async def test_the_job_that_was_handed_in_loses_the_name_too(store: SqliteStore) -> None:
    clock = SystemClock()
    payload = {"thread_id": "t", "intake": {"customers": [{"name": PERSON}]}}
    job = await store.add_job(job_of(clock, route="icp/run", payload=json.dumps(payload)))  # type: ignore[arg-type]
    await forgetting(store).forget("acme", PERSON)
    kept = await store.job("acme", job.id)
    assert kept is not None
    assert json.loads(kept.payload)["intake"] == {"customers": [{"name": MASK}]}


@pytest.mark.parametrize(("text", "gone"), [(f"{PERSON} is our best", True), ("Hello", False)])
async def test_a_conversation_that_names_the_erased_goes_whole(
    store: SqliteStore, text: str, gone: bool
) -> None:
    await store.open_thread(thread())
    said = Said(text)
    await forgetting(store, said).forget("acme", PERSON)
    assert said.gone is gone
    assert await store.thread("acme", "thread-1") is not None


async def test_conversations_past_their_retention_go_with_their_threads(
    store: SqliteStore,
) -> None:
    await store.open_thread(thread())
    said = Said("Hello")
    counts = await forgetting(store, said).purge(pages_days=1, graphs_days=1, jobs_days=1)
    assert counts["icp_threads"] == 1
    assert said.gone
    assert await store.thread("acme", "thread-1") is None


NAMED = """Harbourline Freight — harbourline.example, ask Zoë Núñez
Jurong Crate — juroncrate.example"""


async def test_forgetting_reaches_a_conversation_as_it_was_stored(tmp_path: Path) -> None:
    """By the command, which opens the conversations by itself."""
    settings = Settings(data_dir=tmp_path / "data", log_level="CRITICAL", nightly_hours=0)
    who = Principal(settings.tenant)
    async with open_services(settings) as services:
        threads = []
        for text in (NAMED, "Harbourline Freight — harbourline.example"):
            turn = await services.icp.say(Saying(who, "https://www.palmridge.example/",
                                                 start_fresh=True))  # fmt: skip
            assert turn.thread is not None
            threads.append(turn.thread.thread_id)
            await services.icp.say(Saying(who, text, thread_id=threads[-1]))
    files = list((tmp_path / "data").rglob("conversations.sqlite3"))
    assert PERSON.encode() in files[0].read_bytes() + _beside(files[0])
    counts = await anyio.to_thread.run_sync(forget_person, settings, PERSON)
    assert "icp" in counts
    async with open_services(settings) as services:
        states = [await services.icp.conversation.history(who.tenant, t) for t in threads]
        found = [await services.icp.store.thread(who.tenant, t) for t in threads]
    assert (states[0], bool(states[1])) == ((), True)
    assert None not in found
    assert PERSON not in json.dumps([str(f) for f in found], ensure_ascii=False)


def _beside(file: Path) -> bytes:
    """What stands in its write-ahead log."""
    log = file.with_name(f"{file.name}-wal")
    return log.read_bytes() if log.is_file() else b""
