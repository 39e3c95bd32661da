"""Pages of allowed origins, on the API and on /mcp alike."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from data411_mcp.web.config import WebConfig

METHODS = ("GET", "POST", "PATCH", "DELETE")
HEADERS = (
    "Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "X-Request-ID",
    "Mcp-Session-Id", "Mcp-Protocol-Version", "Mcp-Method", "Mcp-Name",
)  # fmt: skip
EXPOSED = (
    "Location", "Content-Location", "Content-Disposition", "Retry-After", "WWW-Authenticate",
    "X-Request-ID", "Mcp-Session-Id",
)  # fmt: skip
_ASKED = "access-control-request-headers"
_PARAMETER = "mcp-param-"  # a header for each argument that a tool marks; their names are open


class Cors(CORSMiddleware):
    def __init__(self, app: ASGIApp, config: WebConfig) -> None:
        super().__init__(
            app,
            allow_origins=config.cors_origins,
            allow_methods=METHODS,
            allow_headers=HEADERS,
            expose_headers=EXPOSED,
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        asked = [h.strip().lower() for h in request_headers.get(_ASKED, "").split(",")]
        parameters = [name for name in asked if name.startswith(_PARAMETER)]
        headers = MutableHeaders(request_headers)
        if parameters:
            headers[_ASKED] = ",".join(h for h in asked if h not in parameters) or "accept"
        response = super().preflight_response(headers)
        for name in parameters:
            response.headers["Access-Control-Allow-Headers"] += f", {name}"
        return response
