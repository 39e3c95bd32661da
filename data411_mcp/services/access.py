"""Keys of tenants, and the two handles that are derived for one job: poll bearers and tickets.

Every secret is 256 random bits, shown once and kept as its SHA-256. It is looked up by that hash:
how long the look-up takes tells nothing of a secret, for nobody can choose the hash to be tried.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from data411_mcp.domain.access import (
    KEY_PREFIX,
    POLL_PREFIX,
    TICKET_PREFIX,
    ApiKey,
    Principal,
    Scope,
    secret_hash,
)
from data411_mcp.domain.jobs import Job
from data411_mcp.errors import InvalidArgument, NotFound
from data411_mcp.services.ports import Clock, Store

SECRET_BYTES = 32
TICKET_SECONDS = 60
NAME_CHARS_MAX = 100
_CHAT = "chat:"  # before the thread's id, where a ticket for a job has the job's
_SECRET = r"[A-Za-z0-9_-]{43}"  # noqa: S105 - what 32 bytes look like in URL-safe base64
_TENANT = re.compile(r"[A-Za-z0-9._-]{1,64}")

Random = Callable[[int], bytes]


@dataclass
class Access:
    """`random` gives that many unguessable bytes."""

    store: Store
    clock: Clock
    random: Random = secrets.token_bytes
    _any: bool = field(default=False, init=False, repr=False)

    # --- keys -----------------------------------------------------------------------------

    async def create_key(
        self, tenant: str, name: str, scopes: Iterable[str | Scope]
    ) -> tuple[ApiKey, str]:
        """A new key and its secret, which nobody can be shown again. Raises InvalidArgument."""
        name = name.strip()
        if not name or len(name) > NAME_CHARS_MAX or not name.isprintable():
            raise InvalidArgument(
                f"A key needs a name of 1 to {NAME_CHARS_MAX} printable characters.",
                "Say what the key is for, such as crm-production.",
            )
        secret = self._secret(KEY_PREFIX)
        key = ApiKey(
            id=self.clock.new_id(),
            tenant=checked_tenant(tenant),
            name=name,
            scopes=checked_scopes(scopes),
            sha256=secret_hash(secret),
            created_at=self.clock.now(),
        )
        await self.store.put_key(key)
        return key, secret

    async def keys(self, tenant: str | None = None) -> tuple[ApiKey, ...]:
        """The keys of a tenant, or of all; revoked ones too."""
        return await self.store.keys(tenant)

    async def revoke_key(self, key_id: str, *, tenant: str | None = None) -> None:
        """With `tenant`, only a key of that tenant. Raises NotFound, also for a key that is
        revoked already."""
        if not await self.store.revoke_key(key_id, tenant=tenant, at=self.clock.now()):
            raise NotFound("There is no such key in use.", "List the keys to see their ids.")

    async def principal(self, bearer: str) -> Principal | None:
        """Who brings this key; None for anything that is not a key in use."""
        if not _is_secret(KEY_PREFIX, bearer):
            return None
        key = await self.store.key_by_hash(secret_hash(bearer))
        return None if key is None else Principal(key.tenant, key.id, key.scopes)

    async def in_use(self, who: Principal) -> bool:
        """Whether the key that this principal came with still stands; True without one."""
        if not who.subject:
            return True
        keys = await self.store.keys(who.tenant)
        return any(key.id == who.subject and key.revoked_at is None for key in keys)

    async def any_key(self) -> bool:
        """Whether a key was ever made. A revoked one counts: revoking the last key must not open
        the server to everybody."""
        self._any = self._any or bool(await self.store.keys())
        return self._any

    # --- one job, reading only ------------------------------------------------------------

    def mint_poll_bearer(self) -> tuple[str, str]:
        """(secret, its hash): the secret goes to who hands the job in, the hash to the job."""
        secret = self._secret(POLL_PREFIX)
        return secret, secret_hash(secret)

    async def job_of_poll_bearer(self, bearer: str) -> Job | None:
        if not _is_secret(POLL_PREFIX, bearer):
            return None
        return await self.store.job_by_poll_bearer(secret_hash(bearer))

    async def mint_ticket(self, tenant: str, job_id: str, *, subject: str = "") -> str:
        """For one stream of the job's events, within a minute: a browser's EventSource cannot
        send headers, and a key has no place in a URL. `subject` is the key that asks. Raises
        NotFound."""
        if await self.store.job(tenant, job_id) is None:
            raise NotFound("There is no such job.", "Check the job_id of the answer you got.")
        secret = self._secret(TICKET_PREFIX)
        expires_at = self.clock.now() + timedelta(seconds=TICKET_SECONDS)
        await self.store.put_ticket(
            secret_hash(secret), tenant, job_id, expires_at=expires_at, subject=subject
        )
        return secret

    async def redeem(self, ticket: str, job_id: str) -> tuple[Job, Principal] | None:
        """The job, and who asked for the ticket, once; None ever after, when the ticket is too
        old, and when its key was revoked. For another job it is not used up."""
        if not _is_secret(TICKET_PREFIX, ticket):
            return None
        taken = await self.store.take_ticket(secret_hash(ticket), job_id, now=self.clock.now())
        if taken is None:
            return None
        who = Principal(taken.tenant, taken.subject, frozenset({Scope.READ}))
        job = await self.store.job(taken.tenant, job_id)
        return (job, who) if job is not None and await self.in_use(who) else None

    async def mint_chat_ticket(self, who: Principal, thread_id: str) -> str:
        """Likewise for one stream of a conversation, which is the caller's."""
        secret = self._secret(TICKET_PREFIX)
        expires_at = self.clock.now() + timedelta(seconds=TICKET_SECONDS)
        await self.store.put_ticket(
            secret_hash(secret),
            who.tenant,
            _CHAT + thread_id,
            expires_at=expires_at,
            subject=who.subject,
        )
        return secret

    async def redeem_chat(self, ticket: str, thread_id: str) -> Principal | None:
        """Who asked for the ticket, once; None as in `redeem`."""
        if not _is_secret(TICKET_PREFIX, ticket):
            return None
        taken = await self.store.take_ticket(
            secret_hash(ticket), _CHAT + thread_id, now=self.clock.now()
        )
        if taken is None:
            return None
        who = Principal(taken.tenant, taken.subject, frozenset({Scope.READ}))
        return who if await self.in_use(who) else None

    def _secret(self, prefix: str) -> str:
        return prefix + base64.urlsafe_b64encode(self.random(SECRET_BYTES)).decode().rstrip("=")


def checked_tenant(tenant: str) -> str:
    """Raises InvalidArgument: tenants are written into logs, addresses and names of secrets."""
    if not _TENANT.fullmatch(tenant):
        raise InvalidArgument(
            "A tenant is named by 1 to 64 letters, digits or . _ -.", "Use another tenant name."
        )
    return tenant


def checked_scopes(scopes: Iterable[str | Scope]) -> frozenset[Scope]:
    """Raises InvalidArgument."""
    names = [str(s) for s in scopes]
    known = {s.value for s in Scope}
    if not names or not known.issuperset(names):
        raise InvalidArgument(
            "A key needs one or both of the scopes read and enrich.",
            "enrich includes read.",
        )
    return frozenset(map(Scope, names))


def _is_secret(prefix: str, text: str) -> bool:
    return text.startswith(prefix) and re.fullmatch(_SECRET, text[len(prefix) :]) is not None
