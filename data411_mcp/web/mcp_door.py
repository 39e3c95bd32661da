"""The MCP endpoint behind the same gate: the SDK is told who calls, and never sees the key."""

from __future__ import annotations

import anyio
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from data411_mcp.domain.access import Principal
from data411_mcp.services.container import OpensServices
from data411_mcp.web.config import WebConfig


class McpDoor:
    """Who brings no key (on loopback, before the first one) is the server's own tenant: no token
    at all, as on stdio."""

    def __init__(self, app: ASGIApp, opener: OpensServices, config: WebConfig) -> None:
        self._app = AuthContextMiddleware(app)
        self._opener = opener
        self._config = config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        who = scope["state"]["caller"].principal
        if who is not None and who.subject:
            scope["user"] = AuthenticatedUser(_token(who))
            if scope["method"] == "GET":
                await self._stream(who, scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _stream(self, who: Principal, scope: Scope, receive: Receive, send: Send) -> None:
        """The stream of a protocol session, which has no end of its own: within a heartbeat of its
        key's revocation it ends as when the client hangs up. (Calls end with a typed error.)"""
        access = (await self._opener.services()).access
        answering = False

        async def heard() -> Message:
            messages: list[Message] = []

            async def hear(scope: anyio.CancelScope) -> None:
                messages.append(await receive())
                scope.cancel()

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(hear, tasks.cancel_scope)
                await access.until_revoked(who, look_seconds=self._config.heartbeat_seconds)
                tasks.cancel_scope.cancel()
            return messages[0] if messages else {"type": "http.disconnect"}

        async def sent(message: Message) -> None:
            nonlocal answering
            answering = message["type"] == "http.response.start" or message.get("more_body", False)
            await send(message)

        await self._app(scope, heard, sent)
        if answering:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _token(principal: Principal) -> AccessToken:
    return AccessToken(
        token=principal.key,  # stands for the key; the secret itself goes no further
        client_id=principal.subject,
        subject=principal.subject,
        scopes=sorted(scope.value for scope in principal.scopes),
        claims={"tenant": principal.tenant, "key": principal.key},
    )
