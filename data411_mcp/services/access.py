"""Keys of tenants, and the two handles that are derived for one job: poll bearers and tickets.

Every secret is 256 random bits, shown once and kept as its SHA-256. It is looked up by that hash:
how long the look-up takes tells nothing of a secret, for nobody can choose the hash to be tried.
"""

from __future__ import annotations

import base64
import contextlib
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import anyio

from data411_mcp.domain.access import (
    KEY_PREFIX,
    POLL_PREFIX,
    TICKET_PREFIX,
    ApiKey,
    Principal,
    Scope,
    TakenTicket,
    next_key_id,
    place_of,
    secret_hash,
    subject_of,
)
from data411_mcp.domain.jobs import Job
from data411_mcp.errors import InvalidArgument, NotFound, StaleVersion, StoreError, Unauthorized
from data411_mcp.services.ports import Clock, Store

SECRET_BYTES = 32
TICKET_SECONDS = 60
NAME_CHARS_MAX = 100
_HOUR = timedelta(hours=1)
GRACE_MAX = 720 * _HOUR
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

    async def rotate_key(
        self, key_id: str, *, tenant: str | None = None, grace: timedelta = timedelta(0)
    ) -> tuple[ApiKey, str]:
        """A key that takes this one's place, and its secret: of the same subject, so that what
        belongs to it goes on. The old one, unless it is revoked already, works for the grace.
        With `tenant`, only a key of that tenant. Raises NotFound, InvalidArgument, and
        StaleVersion when somebody else was first."""
        if not timedelta(0) <= grace <= GRACE_MAX:
            raise InvalidArgument(
                f"A key may go on for 0 to {GRACE_MAX // _HOUR} hours when another takes its "
                "place.",
                "Pass a shorter grace, or make a second key.",
            )
        known = await self.store.keys(tenant)
        old = next((key for key in known if key.id == key_id), None)
        if old is None:
            raise NotFound("There is no such key.", "List the keys to see their ids.")
        newest = max((k.id for k in known if k.subject == old.subject), key=place_of)
        if newest != old.id:
            raise InvalidArgument(
                "Another key has taken this one's place.", f"Rotate that one: {newest}"
            )
        secret, now = self._secret(KEY_PREFIX), self.clock.now()
        new = replace(
            old, id=next_key_id(old.id), sha256=secret_hash(secret), created_at=now, revoked_at=None
        )
        if not await self.store.replace_key(old.id, new, at=now + grace):
            raise StaleVersion(
                "Another key has just taken this one's place.", "List the keys, and try again."
            )
        return new, secret

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
        key = await self.store.key_by_hash(secret_hash(bearer), now=self.clock.now())
        return None if key is None else Principal(key.tenant, key.subject, key.scopes, key.id)

    async def in_use(self, who: Principal) -> bool:
        """Whether the key that this principal came with still stands; True without one."""
        key_id = who.key or who.subject
        if not key_id:
            return True
        keys, now = await self.store.keys(who.tenant), self.clock.now()
        return any(key.id == key_id and key.works(now) for key in keys)

    async def until_revoked(self, who: Principal, *, look_seconds: float) -> None:
        """Return when the key that this principal came with no longer stands, which is looked at
        every so often; never without a key. For who waits for something else besides."""
        while True:
            await anyio.sleep(look_seconds)
            with contextlib.suppress(StoreError):  # what is waited for says so itself
                if not await self.in_use(who):
                    return

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

    async def mint_ticket(self, tenant: str, job_id: str, *, key: str = "") -> str:
        """For one stream of the job's events, within a minute: a browser's EventSource cannot
        send headers, and a key has no place in a URL. `key` is the id of the key that asks.
        Raises NotFound."""
        if await self.store.job(tenant, job_id) is None:
            raise NotFound("There is no such job.", "Check the job_id of the answer you got.")
        secret = self._secret(TICKET_PREFIX)
        expires_at = self.clock.now() + timedelta(seconds=TICKET_SECONDS)
        await self.store.put_ticket(
            secret_hash(secret), tenant, job_id, expires_at=expires_at, key=key
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
        who = _reader(taken)
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
            key=who.key,
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
        who = _reader(taken)
        return who if await self.in_use(who) else None

    def _secret(self, prefix: str) -> str:
        return prefix + base64.urlsafe_b64encode(self.random(SECRET_BYTES)).decode().rstrip("=")


def bad_key() -> Unauthorized:
    return Unauthorized(
        "This key is not known, or not any more.",
        "Ask whoever runs this server for a key: data411-mcp keys create",
    )


def _reader(taken: TakenTicket) -> Principal:
    return Principal(taken.tenant, subject_of(taken.key), frozenset({Scope.READ}), taken.key)


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
