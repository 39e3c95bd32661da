"""Telling a tenant's own server that a job has come to its end.

The store keeps what is to be sent (an outbox written with the job's final status), any process
sends it, at least once. The notice names ids only: what was found is fetched with a key.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import anyio
import structlog

from data411_mcp.domain.callbacks import DueCallback
from data411_mcp.domain.jobs import Job
from data411_mcp.errors import CallbackRefused, LookupFailed, PageRefused, StoreError
from data411_mcp.services.ports import Clock, Store

SECRET_BYTES = 32
ATTEMPT_SECONDS = 10.0
# A sender that died leaves its claim behind for this long: an attempt, and the note of how it went.
LEASE_SECONDS = 40.0
BACKOFF_SECONDS = (5, 30, 120, 600, 3600)  # after the first, second, … attempt; then no more
SENDING_MAX = 32
POLL_SECONDS = 2.0
STORE_PAUSE_SECONDS = 5.0
JOB_COMPLETED = "enrich.job_completed"
_GONE = 410

Random = Callable[[int], bytes]

log = structlog.get_logger(__name__)


class CallbackDoor(Protocol):
    """How a notice leaves the house."""

    def check(self, url: str) -> None:
        """Look at the address as text. Raises PageRefused with a reason."""

    async def deliver(
        self,
        url: str,
        *,
        secret: bytes,
        message_id: str,
        at: datetime,
        body: bytes,
        deadline_seconds: float,
    ) -> int:
        """Sign and post once; the status of the answer. Redirects are not followed. Raises
        PageRefused (the name leads to an address that must not be called) or LookupFailed."""


@dataclass(frozen=True)
class Callbacks:
    """`random` gives that many unguessable bytes."""

    store: Store
    clock: Clock
    door: CallbackDoor
    random: Random = secrets.token_bytes
    poll_seconds: float = POLL_SECONDS
    attempt_seconds: float = ATTEMPT_SECONDS

    def check_url(self, url: str) -> str:
        """The address as given. Raises CallbackRefused. What a name leads to is looked at again
        at every attempt."""
        try:
            self.door.check(url)
        except PageRefused as refused:
            raise CallbackRefused(
                _WHY.get(refused.reason, "callback_url is no address that can be called."),
                'Pass an address such as "https://crm.example.com/hooks/data411", or leave '
                "callback_url out and poll the job.",
            ) from refused
        return url

    async def webhook_secret(self, tenant: str) -> str:
        return await webhook_secret(self.store, tenant, self.random)

    # --- sending ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Send what is due until cancelled. Several processes may do so beside each other."""
        places = anyio.Semaphore(SENDING_MAX)
        async with anyio.create_task_group() as sending:
            while True:
                await places.acquire()
                due = await self._next()
                sending.start_soon(self._send_in, places, due)

    async def send_next(self) -> bool:
        """Send one notice if one is due; whether there was one. Raises StoreError."""
        due = await self._claim()
        if due is not None:
            await self._send(due)
        return due is not None

    async def _claim(self) -> DueCallback | None:
        return await self.store.claim_callback(now=self.clock.now(), lease_seconds=LEASE_SECONDS)

    async def _next(self) -> DueCallback:
        while True:
            pause = self.poll_seconds
            try:
                due = await self._claim()
                if due is not None:
                    return due
            except StoreError as error:
                log.warning("callbacks_not_read", code=error.code)
                pause = max(pause, STORE_PAUSE_SECONDS)
            await anyio.sleep(pause)

    async def _send_in(self, places: anyio.Semaphore, due: DueCallback) -> None:
        try:
            await self._send(due)
        except StoreError as error:
            # The claim lapses, and the notice is sent again: twice is better than never.
            log.warning("callback_not_noted", job_id=due.job_id, code=error.code)
        finally:
            places.release()

    async def _send(self, due: DueCallback) -> None:
        job = await self.store.job(due.tenant, due.job_id)
        outcome = "job_gone" if job is None else await self._attempt(due, job)
        again_at = None
        if outcome not in ("sent", "gone", "job_gone"):
            again_at = self._again_at(due.attempt)
            log.info("callback_failed", job_id=due.job_id, attempt=due.attempt, reason=outcome)
            if again_at is None:
                log.warning("callback_given_up", job_id=due.job_id, attempt=due.attempt)
        await self.store.finish_callback(due.job_id, again_at=again_at)

    async def _attempt(self, due: DueCallback, job: Job) -> str:
        """`sent`, `gone` (nobody wants it any more), or why it failed."""
        try:
            status = await self.door.deliver(
                due.url,
                secret=await _secret(self.store, due.tenant, self.random),
                message_id=f"msg_{job.id}",  # of the job, so that a receiver knows a repetition
                at=self.clock.now(),
                body=notice_of(job),
                deadline_seconds=self.attempt_seconds,
            )
        except LookupFailed as failed:
            return failed.reason
        if 200 <= status < 300:
            return "sent"
        return "gone" if status == _GONE else f"http_{status}"

    def _again_at(self, attempt: int) -> datetime | None:
        if attempt > len(BACKOFF_SECONDS):
            return None
        return self.clock.now() + timedelta(seconds=BACKOFF_SECONDS[attempt - 1])


async def webhook_secret(store: Store, tenant: str, random: Random = secrets.token_bytes) -> str:
    """What the tenant's server checks signatures with: `whsec_` and base64. Made when it is first
    asked for or needed."""
    return "whsec_" + base64.b64encode(await _secret(store, tenant, random)).decode()


async def _secret(store: Store, tenant: str, random: Random) -> bytes:
    return await store.secret(f"webhook:{tenant}", random(SECRET_BYTES))


def notice_of(job: Job) -> bytes:
    """The body: ids and the status, nothing of what was asked or found."""
    notice = {
        "type": JOB_COMPLETED,
        "job_id": job.id,
        "status": job.status.value,
        "chat_session_id": job.chat_session_id,
    }
    return json.dumps(notice, ensure_ascii=False, separators=(",", ":")).encode()


_WHY = {
    "scheme": "callback_url must begin with https://.",
    "port": "callback_url must use the default port of https.",
    "userinfo": "callback_url must not carry a user name or password.",
    "fragment": "callback_url must not carry a fragment (#…).",
    "address": "callback_url must not name a private address.",
    "ip_literal": "callback_url must not write an address as a number.",
    "private_name": "callback_url must name a host of the public internet.",
    "malformed": "callback_url cannot be parsed, or is too long.",
}
