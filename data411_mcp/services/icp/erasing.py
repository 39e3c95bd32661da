"""An erased person out of the ICP finder's threads and documents. Documents hold no contacts, but
what a user typed, and what a page said of a company, may name people."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from data411_mcp.errors import StaleVersion
from data411_mcp.services.erased_text import parsed, replaced, strings_of
from data411_mcp.services.ports.icp import Conversation, Document, IcpStore, ThreadRow

if TYPE_CHECKING:
    from data411_mcp.services.forgetting import Tombstones

SCAN_ROWS = 100
CLEAN_ATTEMPTS = 5
HISTORY_MAX = 200  # checkpoints of a conversation; fewer are kept


async def erase(
    store: IcpStore,
    conversation: Conversation | None,
    tenant: str,
    erased: Tombstones,
    speaks: Callable[[str], bool],
) -> int:
    """How many threads and documents were changed. Raises StaleVersion where one kept changing."""

    def cleaned(text: str) -> str:
        """The same text where it does not name the person."""
        data = parsed(text)
        if not any(speaks(held) for held in strings_of(data)):
            return text
        left = replaced(data, lambda held: _unspoken(held, erased, speaks))
        return left if isinstance(left, str) else json.dumps(left, ensure_ascii=False)

    changed, after = 0, ""
    while threads := await store.threads_to_scan(tenant, after=after, limit=SCAN_ROWS):
        for thread in threads:
            after = thread.thread_id
            changed += await _clean_thread(store, thread, cleaned)
            await _clean_conversation(conversation, thread, speaks)
    at = ("", "")
    while documents := await store.documents_to_scan(tenant, after=at, limit=SCAN_ROWS):
        for document in documents:
            at = (document.kind, document.key)
            changed += await _clean_document(store, tenant, document, cleaned)
    return changed


async def drop_conversations(store: IcpStore, conversation: Conversation, before: datetime) -> None:
    """Those of the threads that retention is about to delete. Before the threads: after them
    nobody would know which conversations are left."""
    at = ("", "")
    while threads := await store.threads_past(before, after=at, limit=SCAN_ROWS):
        for thread in threads:
            at = (thread.tenant, thread.thread_id)
            await conversation.forget(thread.tenant, thread.thread_id)


async def _clean_thread(store: IcpStore, thread: ThreadRow, cleaned: Callable[[str], str]) -> bool:
    for _ in range(CLEAN_ATTEMPTS):
        label, metadata = cleaned(thread.label), cleaned(thread.metadata)
        if (label, metadata) == (thread.label, thread.metadata):
            return False
        if await store.rewrite_thread(thread, label=label, metadata=metadata):
            return True
        newer = await store.thread(thread.tenant, thread.thread_id)
        if newer is None:
            return False
        thread = newer
    raise StaleVersion("A thread kept changing while it was cleaned.", "Call forget again.")


async def _clean_conversation(
    conversation: Conversation | None, thread: ThreadRow, speaks: Callable[[str], bool]
) -> None:
    """A conversation that names the person goes whole, with its history: its checkpoints cannot
    be edited. Its thread and what it came to stay."""
    if conversation is None:
        return
    states = await conversation.history(thread.tenant, thread.thread_id, limit=HISTORY_MAX)
    said = json.loads(json.dumps([dict(state.values) for state in states], default=str))
    if any(speaks(held) for held in strings_of(said)):
        await conversation.forget(thread.tenant, thread.thread_id)


async def _clean_document(
    store: IcpStore, tenant: str, document: Document, cleaned: Callable[[str], str]
) -> bool:
    for _ in range(CLEAN_ATTEMPTS):
        text = cleaned(document.text)
        if text == document.text:
            return False
        try:
            await store.put_document(
                tenant,
                document.kind,
                document.key,
                text,
                at=document.updated_at,  # it grows no younger by this
                expected_version=document.version,
            )
        except StaleVersion:
            newer = await store.document(tenant, document.kind, document.key)
            if newer is None:
                return False
            document = newer
            continue
        return True
    raise StaleVersion("A document kept changing while it was cleaned.", "Call forget again.")


def _unspoken(text: str, erased: Tombstones, speaks: Callable[[str], bool]) -> str:
    if not speaks(text):
        return text
    left = erased.masked(text)
    return "" if speaks(left) else left
