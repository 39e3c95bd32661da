"""The pages of one session: each read once, within a quota, and kept for the proof."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import anyio
import anyio.to_thread

from data411_mcp.domain.evidence import Page, ReadPage
from data411_mcp.domain.extract.decode import decode
from data411_mcp.domain.extract.document import Hints
from data411_mcp.domain.extract.read import read_document
from data411_mcp.errors import LookupFailed
from data411_mcp.services.page_quota import PageQuota
from data411_mcp.services.ports import PageReader

PAGE_QUOTA = "page_quota"


def read_page(page: Page, hints: Hints) -> ReadPage:
    """Derive the document and its facts from a stored page. Deterministic."""
    document = page.decoded
    if document is None:
        document = decode(page.body, content_type=page.content_type, url=page.final_url)
    return ReadPage(page, document, read_document(document, hints))


@dataclass
class Shelf:
    """Reads through the page reader; the same address is never asked for twice in a session.

    `pages` maps the address as asked to the page; `failed` maps it to the reason.
    """

    reader: PageReader
    hints: Hints
    quota: int
    deadline_seconds: float
    refresh: bool = False
    pages: dict[str, ReadPage] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    shares: PageQuota = field(init=False)
    _under_way: dict[str, anyio.Event] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.shares = PageQuota(self.quota)

    async def read(self, url: str, slot: str = "") -> ReadPage | None:
        """The page, or None when it cannot be had; `failed` then says why. A page that one slot
        had no room for may be read by another."""
        url = url.split("#", 1)[0]
        while url in self._under_way:
            await self._under_way[url].wait()
        if url in self.pages or self.failed.get(url, PAGE_QUOTA) != PAGE_QUOTA:
            return self.pages.get(url)
        if not self.shares.take(slot):
            self.failed[url] = PAGE_QUOTA
            return None
        self.failed.pop(url, None)
        done = self._under_way[url] = anyio.Event()
        try:
            page = await self.reader.read(
                url, deadline_seconds=self.deadline_seconds, refresh=self.refresh
            )
            # Tens of milliseconds of work, seconds for the longest page: in a thread, so that
            # progress and other chats go on; a caller that gives up does not wait for it.
            self.pages[url] = await anyio.to_thread.run_sync(
                read_page, page, self.hints, abandon_on_cancel=True
            )
        except LookupFailed as failure:
            self.failed[url] = failure.reason
        finally:
            del self._under_way[url]
            done.set()
        return self.pages.get(url)

    async def read_all(self, urls: Iterable[str], slot: str = "") -> list[ReadPage]:
        """Read several at once; those that cannot be had are left out. In the order given."""
        wanted = list(dict.fromkeys(urls))
        async with anyio.create_task_group() as readers:
            for url in wanted:
                readers.start_soon(self.read, url, slot)
        found = [self.pages.get(url.split("#", 1)[0]) for url in wanted]
        return [read for read in found if read is not None]

    def read_so_far(self, url: str) -> ReadPage | None:
        return self.pages.get(url.split("#", 1)[0])

    def gave_up(self, url: str) -> bool:
        """The page cannot be had; not: it has not been read yet."""
        return url.split("#", 1)[0] in self.failed

    def put(self, page: Page) -> ReadPage:
        """A page that was fetched elsewhere: a register row, a DNS answer."""
        read = read_page(page, self.hints)
        self.pages[page.url] = read
        return read

    def by_sha(self, sha256: str, url: str) -> ReadPage | None:
        for read in self.pages.values():
            if read.page.sha256 == sha256 and url in (read.page.url, read.page.final_url):
                return read
        return None

    def web_pages(self) -> list[ReadPage]:
        """Pages of the web, without register rows and DNS answers."""
        return [r for r in self.distinct() if r.page.reader not in {"api", "apify", "dns"}]

    def distinct(self) -> list[ReadPage]:
        """Every page read so far, each body once."""
        return list({read.page.sha256: read for read in self.pages.values()}.values())
