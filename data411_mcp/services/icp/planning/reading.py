"""Many pages at once, and no waiting for the slowest of them once enough have come in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio
import anyio.to_thread

from data411_mcp.domain.evidence import Page, ReadPage
from data411_mcp.domain.extract.document import Hints
from data411_mcp.domain.icp.reflection import Decisions
from data411_mcp.errors import LookupFailed
from data411_mcp.services.ports.icp import FastReader, ReadPolicy
from data411_mcp.services.shelf import read_page

READS_AT_ONCE = 12
ENOUGH = 0.8  # of the pages; then the slow ones are left
LEFT_OUT = "left_out"  # reason of a page that nobody waited for
TIMEOUTS = frozenset({"timeout", LEFT_OUT})
NOBODY_THERE = frozenset({"dns", "connect", "tls"})
EMPTY = frozenset({"empty", "error_page", "bot_wall", "not_text"})


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a phase waits for its pages, in seconds: `soft` once `ENOUGH` are there, else
    `hard`."""

    soft: float
    hard: float


@dataclass
class Reads:
    """What came of a list of addresses. `failed` maps an address to its reason."""

    pages: dict[str, ReadPage] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    hedged: int = 0  # the direct fetch was there before the reader

    @property
    def timeouts(self) -> int:
        return sum(reason in TIMEOUTS for reason in self.failed.values())

    @property
    def empty(self) -> int:
        return sum(reason in EMPTY for reason in self.failed.values())


def policy_of(decisions: Decisions, *, tavily: bool = False) -> ReadPolicy:
    return ReadPolicy(
        jina_timeout=decisions.jina_timeout_s,
        hedge_after=min(decisions.hedge_after_s, decisions.jina_timeout_s),
        tavily=tavily,
    )


async def _read(reader: FastReader, url: str, policy: ReadPolicy, seconds: float) -> Page:
    """A home page under the bare domain, or, where nobody answers there, under `www`."""
    try:
        return await reader.read_fast(url, policy, deadline_seconds=seconds)
    except LookupFailed as failure:
        _, _, host = url.rstrip("/").rpartition("//")
        if failure.reason not in NOBODY_THERE or "/" in host or host.startswith("www."):
            raise
    return await reader.read_fast(f"https://www.{host}/", policy, deadline_seconds=seconds)


async def read_enough(
    reader: FastReader, urls: Sequence[str], policy: ReadPolicy, patience: Patience
) -> Reads:
    """Read them side by side, the first ones first. What is not there when the patience is over
    has failed with `left_out`."""
    reads = Reads()
    wanted = list(dict.fromkeys(urls))
    if not wanted:
        return reads
    began = anyio.current_time()
    places = anyio.Semaphore(READS_AT_ONCE)
    landed = anyio.Event()

    async def one(url: str) -> None:
        nonlocal landed
        async with places:
            started = anyio.current_time()
            try:
                page = await _read(reader, url, policy, patience.hard)
                # Tens of milliseconds of work, in a thread: other chats go on meanwhile.
                read = await anyio.to_thread.run_sync(
                    read_page, page, Hints(), abandon_on_cancel=True
                )
            except LookupFailed as failure:
                reads.failed[url] = failure.reason
            else:
                reads.pages[url] = read
                waited = anyio.current_time() - started
                reads.hedged += page.reader == "direct" and waited >= policy.hedge_after
        landed.set()
        landed = anyio.Event()

    def done() -> bool:
        if len(reads.pages) + len(reads.failed) == len(wanted):
            return True
        waited = anyio.current_time() - began
        return waited >= patience.soft and len(reads.pages) >= ENOUGH * len(wanted)

    async with anyio.create_task_group() as tasks:
        for url in wanted:
            tasks.start_soon(one, url)
        with anyio.move_on_after(patience.hard):
            while not done():
                news = landed
                soft_left = began + patience.soft - anyio.current_time()
                with anyio.move_on_after(soft_left if soft_left > 0 else None):
                    await news.wait()
        tasks.cancel_scope.cancel()
    for url in wanted:
        if url not in reads.pages:
            reads.failed.setdefault(url, LEFT_OUT)
    return reads
