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
from data411_mcp.services.ports import PageReader


def read_page(page: Page, hints: Hints) -> ReadPage:
    """Derive the document and its facts from a stored page. Deterministic."""
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
    _under_way: dict[str, anyio.Event] = field(default_factory=dict)

    async def read(self, url: str) -> ReadPage | None:
        """The page, or None when it cannot be had; `failed` then says why."""
        url = url.split("#", 1)[0]
        while url in self._under_way:
            await self._under_way[url].wait()
        if url in self.pages or url in self.failed:
            return self.pages.get(url)
        if len(self.pages) + len(self.failed) >= self.quota:
            self.failed[url] = "page_quota"
            return None
        done = self._under_way[url] = anyio.Event()
        try:
            page = await self.reader.read(
                url, deadline_seconds=self.deadline_seconds, refresh=self.refresh
            )
            # Tens of milliseconds of work: in a thread, so that progress and other chats go on.
            self.pages[url] = await anyio.to_thread.run_sync(read_page, page, self.hints)
        except LookupFailed as failure:
            self.failed[url] = failure.reason
        finally:
            del self._under_way[url]
            done.set()
        return self.pages.get(url)

    async def read_all(self, urls: Iterable[str]) -> list[ReadPage]:
        """Read several at once; those that cannot be had are left out. In the order given."""
        wanted = list(dict.fromkeys(urls))
        async with anyio.create_task_group() as readers:
            for url in wanted:
                readers.start_soon(self.read, url)
        found = [self.pages.get(url.split("#", 1)[0]) for url in wanted]
        return [read for read in found if read is not None]

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
        return [r for r in self.distinct() if r.page.reader not in {"api", "dns"}]

    def distinct(self) -> list[ReadPage]:
        """Every page read so far, each body once."""
        return list({read.page.sha256: read for read in self.pages.values()}.values())
