"""A caller's idempotency key: the same key and request are the same job, whether the request has
started it or joined it; the same key with another request is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data411_mcp.domain.access import KeyedRequest, secret_hash
from data411_mcp.domain.jobs import Job
from data411_mcp.errors import InvalidArgument
from data411_mcp.services.lead_jobs import key_used
from data411_mcp.services.ports import Store

IDEMPOTENCY_KEY_CHARS_MAX = 255


@dataclass(frozen=True)
class Keyed:
    """One request, and the key that it came with, if any."""

    store: Store
    tenant: str
    key: str | None
    request: str  # everything that the caller sent, as text

    async def job(self) -> Job | None:
        """The job that this request has led to. Raises InvalidArgument where the key was used
        for another one."""
        if self.key is None:
            return None
        known = await self.store.keyed_request(self.tenant, secret_hash(self.key))
        return None if known is None else await self._job_of(known)

    async def leads_to(self, job: Job) -> Job:
        """Remember it; of two at once the first counts. Raises InvalidArgument likewise."""
        if self.key is None:
            return job
        kept = await self.store.put_keyed_request(
            self.tenant, secret_hash(self.key), KeyedRequest(self._sha(), job.id)
        )
        return job if kept.job_id == job.id else await self._job_of(kept) or job

    async def _job_of(self, known: KeyedRequest) -> Job | None:
        if known.request_sha != self._sha():
            raise key_used()
        return await self.store.job(self.tenant, known.job_id)

    def _sha(self) -> str:
        return hashlib.sha256(self.request.encode("utf-8", "surrogatepass")).hexdigest()


def request_text(kind: str, route: str, payload: Mapping[str, Any], *more: object) -> str:
    """One text for equal requests, whatever the order of their fields."""
    return json.dumps([kind, route, dict(payload), *more], sort_keys=True)


def usable_key(key: str | None) -> str | None:
    """Raises InvalidArgument."""
    if key is not None and not 0 < len(key) <= IDEMPOTENCY_KEY_CHARS_MAX:
        raise InvalidArgument(
            f"An idempotency key has 1 to {IDEMPOTENCY_KEY_CHARS_MAX} characters.",
            "Send a UUID, or leave it out.",
        )
    return key
