"""One process of several that race for the same rows: `store_racer.py NAME`. After each race it
prints what it won as JSON."""

from __future__ import annotations

import json
import sys

import anyio
import anyio.to_thread

from data411_mcp.adapters.store.tables import Tables
from data411_mcp.domain.access import ApiKey, Scope
from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.jobs import Job
from data411_mcp.domain.ledger import Transfer, TransferKind, precharge
from data411_mcp.errors import ChatBusy, InsufficientBalance, NotFound, StaleVersion
from data411_mcp.services.ports import SessionRow, Store
from tests.stores.samples import NOW, chat, job, thread
from tests.stores.store_factories import OPEN


async def bind(store: Store, name: str) -> list[str]:
    won = []
    for number in range(100):
        row = SessionRow("acme", f"chat-{number}", json.dumps(name), "key", NOW, NOW, 0)
        if (await store.bind(row)).lead == json.dumps(name):
            won.append(row.chat_session_id)
    return won


async def claim(store: Store, name: str) -> list[str]:
    won = []
    while job := await store.claim_job(name, now=NOW, lease_seconds=60):
        won.append(job.id)
    return won


async def events(store: Store, name: str) -> list[str]:
    event = ProgressEvent(name=EventName.PAGE_READ, message=name)
    return [str((await store.append_event("job-1", event)).seq) for _ in range(50)]


async def save(store: Store, name: str) -> list[str]:
    """Read, add one's name, compare and set, until it worked 25 times."""
    saved: list[str] = []
    while len(saved) < 25:
        row = await store.session("acme", "chat-0")
        assert row is not None
        names = [*json.loads(row.backfill or "[]"), name]
        try:
            version = await store.save_backfill(
                "acme", "chat-0", json.dumps(names), expected_version=row.version, at=NOW
            )
        except StaleVersion:
            continue
        saved.append(str(version))
    return saved


async def chats(store: Store, name: str) -> list[str]:
    """The chats in which this process's job is the live one."""
    return await live(store, [job(f"{name}-{n}", chat_session_id=f"{n}") for n in range(50)])


async def openers(store: Store, name: str) -> list[str]:
    mine = [job(f"{name}-{n}", chat_session_id="", opener_key=f"{n}") for n in range(50)]
    return await live(store, mine)


async def opened(store: Store, name: str) -> list[str]:
    """Calls for fifty leads, each of which would open a chat of its own."""
    won = []
    for number in range(50):
        new = chat(f"{name}-{number}")
        mine = job(new.chat_session_id, chat_session_id=new.chat_session_id, opener_key=f"{number}")
        try:
            await store.add_job(mine, opens=new)
        except ChatBusy:
            continue
        won.append(new.chat_session_id)
    return won


async def live(store: Store, jobs: list[Job]) -> list[str]:
    won = []
    for mine in jobs:
        try:
            await store.add_job(mine)
        except ChatBusy:
            continue
        won.append(mine.id.split("-")[1])
    return won


async def precharges(store: Store, name: str) -> list[str]:
    """25 jobs of ten cents each."""
    won = []
    for number in range(25):
        mine = job(f"{name}-{number}")
        try:
            await store.add_job(mine, precharge=precharge("acme", mine.id, 10))
        except InsufficientBalance:
            continue
        won.append(mine.id)
    return won


async def limited(store: Store, name: str) -> list[str]:
    """Claims of a tenant that may run three jobs at once; what was claimed is kept."""
    tried = [
        await store.claim_job(name, now=NOW, lease_seconds=60, tenant_jobs_max=3) for _ in range(10)
    ]
    return [taken.id for taken in tried if taken is not None]


async def tickets(store: Store, name: str) -> list[str]:
    taken = [(n, await store.take_ticket(f"ticket-{n}", "j", now=NOW)) for n in range(50)]
    return [str(number) for number, handle in taken if handle is not None]


async def replacements(store: Store, name: str) -> list[str]:
    won = []
    for number in range(20):
        new = ApiKey(
            f"key-{number}.2", "acme", name, frozenset({Scope.READ}), f"{name}{number}", NOW
        )
        if await store.replace_key(f"key-{number}", new, at=NOW):
            won.append(str(number))
    return won


async def callbacks(store: Store, name: str) -> list[str]:
    won = []
    while due := await store.claim_callback(now=NOW, lease_seconds=60, tenant_max=1000):
        won.append(due.job_id)
    return won


async def secret(store: Store, name: str) -> list[str]:
    return [(await store.secret(f"{n}", name.encode())).decode() for n in range(20)]


async def credits(store: Store, name: str) -> list[str]:
    """The same credits by everybody: each is posted by one."""
    won = []
    for number in range(50):
        credit = Transfer(f"{number}", "acme", "", "", TransferKind.CREDIT, 7, "a gift")
        if await store.post(credit, at=NOW):
            won.append(credit.id)
    return won


async def threads(store: Store, name: str) -> list[str]:
    """Threads of ten contexts, each opened by every process; who opened it is told by nobody."""
    assert isinstance(store, Tables)
    mine = [thread(f"{name}-{number}", f"{number % 10}.example") for number in range(20)]
    for opened in mine:
        await store.open_thread(opened)
    return [opened.thread_id for opened in mine]


async def same_thread(store: Store, name: str) -> list[str]:
    """Who gets the thread that everybody opens under the same ids."""
    assert isinstance(store, Tables)
    won = []
    for number in range(20):
        try:
            await store.open_thread(thread(f"{number}", "", user_id=name))
        except NotFound:
            continue
        won.append(f"{number}")
    return won


RACES = {
    "bind": bind,
    "callbacks": callbacks,
    "chats": chats,
    "claim": claim,
    "credits": credits,
    "events": events,
    "limited": limited,
    "openers": openers,
    "opened": opened,
    "precharges": precharges,
    "replacements": replacements,
    "save": save,
    "same_thread": same_thread,
    "secret": secret,
    "threads": threads,
    "tickets": tickets,
}


async def main(name: str) -> None:
    """Race as often as asked: a line `KIND PLACE RACE` is answered by `ready`, and then any line
    starts it. The end of the input ends the process."""
    while line := await anyio.to_thread.run_sync(sys.stdin.readline):
        kind, place, race = json.loads(line)
        async with OPEN[kind](place) as store:
            say("ready")
            await anyio.to_thread.run_sync(sys.stdin.readline)
            won = await RACES[race](store, name)
        say(json.dumps(won))


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    anyio.run(main, sys.argv[1])
