"""Who may do what: keys with scopes, and the short-lived handles derived from them. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

KEY_PREFIX = "411_"
POLL_PREFIX = "411p_"
TICKET_PREFIX = "411t_"


class Scope(StrEnum):
    READ = "read"  # graphs, jobs, account
    ENRICH = "enrich"  # everything that runs or changes something; implies read


_IMPLIED = {
    Scope.READ: frozenset({Scope.READ}),
    Scope.ENRICH: frozenset({Scope.READ, Scope.ENRICH}),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. `subject` is the key's id; "" on stdio and the command line."""

    tenant: str
    subject: str = ""
    scopes: frozenset[Scope] = frozenset({Scope.ENRICH})

    def may(self, scope: Scope) -> bool:
        return any(scope in _IMPLIED[own] for own in self.scopes)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A stored key. Only the hash of its secret is kept."""

    id: str
    tenant: str
    name: str
    scopes: frozenset[Scope]
    sha256: str
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """What a caller's idempotency key was used for: the hash of the request, and its job."""

    request_sha: str
    job_id: str


@dataclass(frozen=True, slots=True)
class TakenTicket:
    tenant: str
    subject: str  # id of the key that asked for it; "" where none was needed


def secret_hash(secret: str) -> str:
    """SHA-256, hex. The secrets are 256 random bits: no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()
