"""Which thread a message belongs to, and which threads are read-only: one open thread for each
company and user, resumed by itself where only one can be meant."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

import anyio
import structlog

from data411_mcp.domain.access import Principal
from data411_mcp.domain.calls import spelled
from data411_mcp.domain.icp.threads import LABEL_DEFAULT, Eligible, told_apart, window_start
from data411_mcp.domain.icp.values import ThreadStatus
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.errors import ChatBusy, NotFound, StaleVersion, StoreError, ThreadLocked
from data411_mcp.services.icp.turns import AGENT
from data411_mcp.services.ports import Clock, Store
from data411_mcp.services.ports.icp import IcpSettings, IcpStore, ThreadRow

OPEN = (ThreadStatus.OPEN,)
NEW_THREAD, CONTEXT_CHANGED = "new_thread_created", "context_changed"
STALE_SWEEP_SECONDS = 600.0  # how often stale threads are looked for, at most
HOLD_WAIT_SECONDS = 10.0  # how long a message waits for the one before it
HOLD_SECONDS = 6.0  # how long a thread is held by a process that has died
HOLD_RENEW_SECONDS = 2.0
HOLD_POLL_SECONDS = 0.05
HOLD = "turn"  # kind of the documents that hold a thread
_WORKING = (JobStatus.QUEUED, JobStatus.RUNNING)

log = structlog.get_logger(__name__)


def feature(settings: IcpSettings, tenant: str, name: str) -> bool:
    """A switch as the tenant has it, else as the process has it. `name` is the setting's own, one
    of `settings.TenantFeature`."""
    own = settings.features.get(tenant, {})
    if name in own:
        return own[name]
    return bool(getattr(settings, name.lower()))


def locked(row: ThreadRow) -> ThreadLocked:
    """The hint is the specification's."""
    why = "a newer one took its place" if row.reason in (NEW_THREAD, CONTEXT_CHANGED) else ""
    if row.status is ThreadStatus.ARCHIVED:
        why = "it was archived"
    fresh = spelled("icp_intake", start_fresh=True)
    words = f"This conversation is read-only: {why or 'it was locked'}. {fresh} opens a new one."
    return ThreadLocked(words, "create_new")


def no_such_thread() -> NotFound:
    listed = spelled("icp_threads", action="list")
    return NotFound("There is no such conversation.", f"Call {listed} for yours.")


@dataclass
class ThreadPolicy:
    store: Store
    icp: IcpStore
    clock: Clock
    settings: IcpSettings
    _swept: float = field(default=float("-inf"), repr=False)

    # --- opening and locking ----------------------------------------------------------------

    async def open(
        self,
        who: Principal,
        thread_id: str,
        *,
        context_key: str = "",
        label: str = LABEL_DEFAULT,
        metadata: Mapping[str, Any] | None = None,
    ) -> ThreadRow:
        """A new open thread; the user's others of the same context are read-only from then on, or
        as soon as their run has ended. Raises NotFound for an id that is another user's."""
        now = self.clock.now()
        row = ThreadRow(
            tenant=who.tenant,
            thread_id=thread_id,
            user_id=who.subject,
            agent=AGENT,
            context_key=context_key,
            status=ThreadStatus.OPEN,
            label=label,
            created_at=now,
            updated_at=now,
            metadata=json.dumps(dict(metadata or {}), ensure_ascii=False),
        )
        live = await self._live(who, context_key)
        opened = await self.icp.open_thread(row, live=live, single=self.single(who.tenant))
        log.info("icp_thread_created", thread_id=thread_id, has_context=bool(context_key))
        await self.archive_stale()
        return opened

    async def give_context(
        self, who: Principal, thread: ThreadRow, context_key: str, label: str
    ) -> ThreadRow:
        """Now that the company is known. Raises ThreadLocked, NotFound."""
        live = await self._live(who, context_key, without=thread.thread_id)
        given = await self.icp.set_context(
            who.tenant,
            thread.thread_id,
            context_key,
            label=label,
            live=live,
            at=self.clock.now(),
            single=self.single(who.tenant),
        )
        log.info("icp_thread_context", thread_id=thread.thread_id, first=not thread.context_key)
        return given

    def single(self, tenant: str) -> bool:
        return feature(self.settings, tenant, "SINGLE_THREAD_PER_CONTEXT")

    async def _live(self, who: Principal, context_key: str, without: str = "") -> list[str]:
        """Of the threads that a new one of this context would lock, those whose run works."""
        if not context_key:
            return []
        others = await self.icp.threads(
            who.tenant, user_id=who.subject, agent=AGENT, context_key=context_key, statuses=OPEN
        )
        found = []
        for thread in others:
            if thread.thread_id == without:
                continue
            works = await self.works(who.tenant, thread.thread_id)
            log.info("icp_thread_auto_lock", thread_id=thread.thread_id, pending=works)
            if works:
                found.append(thread.thread_id)
        return found

    async def works(self, tenant: str, thread_id: str) -> bool:
        """Whether a run of the thread is under way; one that waits for the user is not."""
        jobs = await self.store.jobs_of_chat(tenant, thread_id)
        return any(job.status in _WORKING for job in jobs)

    async def lock(self, row: ThreadRow, reason: str) -> ThreadRow:
        """Now, or as soon as its run has ended."""
        pending = await self.works(row.tenant, row.thread_id)
        locked_row = await self.icp.lock_thread(
            row.tenant, row.thread_id, reason, at=self.clock.now(), pending=pending
        )
        return locked_row or row

    async def archive_stale(self) -> None:
        """Locked threads that nobody has touched for long; not with every call."""
        if not self.settings.auto_archive_stale_locked:
            return
        if self.clock.monotonic() - self._swept < STALE_SWEEP_SECONDS:
            return
        self._swept = self.clock.monotonic()
        now = self.clock.now()
        before = now - timedelta(days=self.settings.thread_stale_days)
        if count := await self.icp.archive_stale(before=before, at=now):
            log.info("icp_thread_auto_archive", count=count)

    # --- looking ----------------------------------------------------------------------------

    async def thread(self, who: Principal, thread_id: str) -> ThreadRow:
        """Whatever its status; a lock that waited for the end of a run has set in by then.
        Raises NotFound, for another tenant's or user's too."""
        row = await self.icp.thread(who.tenant, thread_id)
        if row is None or row.user_id != who.subject:
            raise no_such_thread()
        if row.lock_pending and not await self.works(row.tenant, thread_id):
            settled = await self.icp.lock_thread(
                row.tenant, thread_id, row.reason or NEW_THREAD, at=self.clock.now()
            )
            return settled or row
        return row

    async def usable(self, who: Principal, thread_id: str) -> ThreadRow:
        """One that takes messages. Raises NotFound, ThreadLocked."""
        row = await self.thread(who, thread_id)
        if row.status is not ThreadStatus.OPEN or row.lock_pending:
            raise locked(row)
        return row

    async def eligible(self, who: Principal, context_key: str | None) -> tuple[ThreadRow, ...]:
        """The user's open threads that may be resumed by themselves, newest first: those of the
        context, or all of them while no company is known."""
        rows = await self.icp.threads(
            who.tenant,
            user_id=who.subject,
            agent=AGENT,
            context_key=context_key or None,
            statuses=OPEN,
            updated_after=window_start(self.clock.now(), self.settings.thread_resume_window_days),
        )
        return tuple(row for row in rows if not row.lock_pending)

    # --- one message at a time --------------------------------------------------------------

    _locks: WeakValueDictionary[tuple[str, str], anyio.Lock] = field(
        default_factory=WeakValueDictionary, repr=False
    )

    @asynccontextmanager
    async def held(self, tenant: str, thread_id: str) -> AsyncIterator[None]:
        """The thread for one message: the next one waits, also one of another process. Raises
        ChatBusy when that takes too long."""
        lock = self._locks.get((tenant, thread_id))
        if lock is None:
            lock = self._locks[tenant, thread_id] = anyio.Lock()
        with anyio.move_on_after(HOLD_WAIT_SECONDS) as waited:
            await lock.acquire()
        if waited.cancelled_caught:
            raise _busy()
        try:
            hold = _Hold(tenant, thread_id, await self._take(tenant, thread_id))
            failure: Exception | None = None
            try:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._renew, hold)
                    try:
                        yield
                    except Exception as error:  # raised as it is, not as one of a group
                        failure = error
                    finally:
                        tasks.cancel_scope.cancel()
            finally:
                with anyio.CancelScope(shield=True), anyio.move_on_after(HOLD_WAIT_SECONDS):
                    await self._give_back(hold)
            if failure is not None:
                raise failure
        finally:
            lock.release()

    async def _take(self, tenant: str, thread_id: str) -> int:
        until = self.clock.monotonic() + HOLD_WAIT_SECONDS
        while True:
            now = self.clock.now()
            known = await self.icp.document(tenant, HOLD, thread_id)
            free = known is None or json.loads(known.text) <= now.timestamp()
            if free:
                text = _until(now)
                version = known.version if known is not None else 0
                try:
                    return await self.icp.put_document(
                        tenant, HOLD, thread_id, text, at=now, expected_version=version
                    )
                except StaleVersion:
                    pass  # another process was first
            if self.clock.monotonic() > until:
                raise _busy()
            await anyio.sleep(HOLD_POLL_SECONDS)

    async def _renew(self, hold: _Hold) -> None:
        """A turn that takes long keeps its thread; it goes to who waits once this process is
        dead."""
        while True:
            await anyio.sleep(HOLD_RENEW_SECONDS)
            with anyio.CancelScope(shield=True):  # the new version must be known
                if not await self._written(hold, _until(self.clock.now())):
                    return

    async def _give_back(self, hold: _Hold) -> None:
        await self._written(hold, "0")

    async def _written(self, hold: _Hold, text: str) -> bool:
        try:
            hold.version = await self.icp.put_document(
                hold.tenant, HOLD, hold.thread_id, text,
                at=self.clock.now(), expected_version=hold.version,
            )  # fmt: skip
        except StoreError as error:  # another process has it, or it comes free by itself
            log.warning("icp_thread_hold_lost", thread_id=hold.thread_id, code=error.code)
            return False
        return True


@dataclass
class _Hold:
    tenant: str
    thread_id: str
    version: int


def _until(now: datetime) -> str:
    return json.dumps((now + timedelta(seconds=HOLD_SECONDS)).timestamp())


def eligible_of(rows: Sequence[ThreadRow]) -> tuple[Eligible, ...]:
    return told_apart([Eligible(r.thread_id, r.label, r.updated_at, preview_of(r)) for r in rows])


def preview_of(row: ThreadRow) -> str:
    try:
        found = json.loads(row.metadata)
    except ValueError:
        return ""
    preview = found.get("preview", "") if isinstance(found, dict) else ""
    return preview if isinstance(preview, str) else ""


def _busy() -> ChatBusy:
    return ChatBusy(
        "Another message of this conversation is being answered.", "Send it again in a moment."
    )
