"""Who may do what: keys with scopes, and the short-lived handles derived from them. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

KEY_PREFIX = "411_"
POLL_PREFIX = "411p_"
TICKET_PREFIX = "411t_"
_COUNTED = "."  # no id that we make has one


class Scope(StrEnum):
    READ = "read"  # graphs, jobs, account
    ENRICH = "enrich"  # everything that runs or changes something; implies read


_IMPLIED = {
    Scope.READ: frozenset({Scope.READ}),
    Scope.ENRICH: frozenset({Scope.READ, Scope.ENRICH}),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. `subject` stays when a key is rotated; `key` is the id of the very key that was
    brought. Both are "" on stdio and the command line."""

    tenant: str
    subject: str = ""
    scopes: frozenset[Scope] = frozenset({Scope.ENRICH})
    key: str = field(default="", compare=False)

    def may(self, scope: Scope) -> bool:
        return any(scope in _IMPLIED[own] for own in self.scopes)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A stored key. Only the hash of its secret is kept. The first key of a subject has the
    subject as its id; those that took its place are counted behind it: `4f…`, `4f….2`, `4f….3`.
    `revoked_at` may lie ahead: until then the key still works."""

    id: str
    tenant: str
    name: str
    scopes: frozenset[Scope]
    sha256: str
    created_at: datetime
    revoked_at: datetime | None = None

    @property
    def subject(self) -> str:
        return subject_of(self.id)

    def works(self, now: datetime) -> bool:
        return self.revoked_at is None or self.revoked_at > now


def subject_of(key_id: str) -> str:
    return key_id.partition(_COUNTED)[0]


def place_of(key_id: str) -> int:
    """Which of its subject's keys this is, from 1."""
    return int(key_id.partition(_COUNTED)[2] or 1)


def next_key_id(key_id: str) -> str:
    """The id of the key that takes this one's place."""
    return f"{subject_of(key_id)}{_COUNTED}{place_of(key_id) + 1}"


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """What a caller's idempotency key was used for: the hash of the request, and its job."""

    request_sha: str
    job_id: str


@dataclass(frozen=True, slots=True)
class TakenTicket:
    tenant: str
    key: str  # id of the key that asked for it; "" where none was needed


def secret_hash(secret: str) -> str:
    """SHA-256, hex. The secrets are 256 random bits: no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()
