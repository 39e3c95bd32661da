"""The MCP endpoint behind the same gate: the SDK is told who calls, and never sees the key."""

from __future__ import annotations

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.types import ASGIApp, Receive, Scope, Send

from data411_mcp.domain.access import Principal


class McpDoor:
    """Who brings no key (on loopback, before the first one) is the server's own tenant: no token
    at all, as on stdio."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = AuthContextMiddleware(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = scope["state"]["caller"]
        if caller.principal is not None and caller.principal.subject:
            scope["user"] = AuthenticatedUser(_token(caller.principal))
        await self._app(scope, receive, send)


def _token(principal: Principal) -> AccessToken:
    return AccessToken(
        token=principal.subject,  # stands for the key; the secret itself goes no further
        client_id=principal.subject,
        subject=principal.subject,
        scopes=sorted(scope.value for scope in principal.scopes),
        claims={"tenant": principal.tenant},
    )
