"""Who calls: the one place where keys and poll bearers are read, for the routes and for MCP."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from data411_mcp.domain.access import KEY_PREFIX, POLL_PREFIX, Principal
from data411_mcp.domain.access import Scope as Right
from data411_mcp.domain.jobs import Job
from data411_mcp.errors import RateLimited, Unauthorized
from data411_mcp.services.access import bad_key
from data411_mcp.services.container import OpensServices, Services
from data411_mcp.web import problems
from data411_mcp.web.buckets import Buckets
from data411_mcp.web.config import WebConfig

MCP_PATH = "/mcp"
PUBLIC = frozenset({"/healthz", "/openapi.json", "/panel"})
_EVENTS = re.compile(r"/api/v1/enrich/jobs/[^/]+/events|/chat/stream/[^/]+")


@dataclass(frozen=True)
class Caller:
    """A key's principal, or the one job of a poll bearer, or neither: then a ticket is to come."""

    principal: Principal | None = None
    job: Job | None = None


class Gate:
    def __init__(self, app: ASGIApp, opener: OpensServices, config: WebConfig) -> None:
        self._app = app
        self._opener = opener
        self._config = config
        self._buckets = Buckets(config.requests_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in PUBLIC:
            scope["state"]["caller"] = await self._admit(scope)
        await self._app(scope, receive, send)

    async def _admit(self, scope: Scope) -> Caller:
        """Raises Unauthorized, RateLimited."""
        client = scope.get("client")
        address = f"address:{client[0] if client else ''}"
        try:
            caller = await self._caller(scope)
        except Unauthorized:
            self._count(address)  # guessing is slow
            raise
        if caller.job is not None:
            self._count(f"job:{caller.job.id}")
        elif caller.principal is not None and caller.principal.subject:
            self._count(f"key:{caller.principal.subject}")
        else:
            self._count(address)
        return caller

    def _count(self, who: str) -> None:
        seconds = self._buckets.take(who)
        if seconds:
            raise RateLimited(
                "Too many requests.",
                f"Call again in {seconds} s; ?wait_s= waits for a job in one request.",
                retry_after_seconds=seconds,
            )

    async def _caller(self, scope: Scope) -> Caller:
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if any(value.startswith((KEY_PREFIX, POLL_PREFIX)) for _, value in query):
            raise problems.key_in_address()
        header = Headers(scope=scope).get("authorization")
        app = await self._opener.services()
        if header is not None:
            return await _bearer(app, header, scope["path"])
        if _EVENTS.fullmatch(scope["path"]) and any(name == "ticket" for name, _ in query):
            return Caller()
        if self._config.open_without_key and not await app.access.any_key():
            return Caller(Principal(app.tenant))
        raise problems.no_key()


async def _bearer(app: Services, header: str, path: str) -> Caller:
    scheme, _, secret = header.partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer":
        raise bad_key()
    if secret.startswith(POLL_PREFIX) and path != MCP_PATH:
        job = await app.access.job_of_poll_bearer(secret)
        if job is not None:
            return Caller(job=job)
    principal = await app.access.principal(secret)
    if principal is None:
        raise bad_key()
    return Caller(principal)


# --- what a route asks of its caller -----------------------------------------------------------


def caller_of(request: Request) -> Caller:
    caller = request.scope["state"]["caller"]
    assert isinstance(caller, Caller)  # noqa: S101 - the gate is before every route but the public
    return caller


def may_read(request: Request) -> Principal:
    """Raises Forbidden, Unauthorized."""
    return _with(request, Right.READ)


def may_enrich(request: Request) -> Principal:
    """Raises Forbidden, Unauthorized."""
    return _with(request, Right.ENRICH)


def _with(request: Request, right: Right) -> Principal:
    caller = caller_of(request)
    if caller.job is not None:
        raise problems.reads_one_job()
    if caller.principal is None:
        raise problems.no_key()
    if not caller.principal.may(right):
        raise problems.lacks_scope(right.value)
    return caller.principal
