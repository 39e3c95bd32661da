"""Every error over HTTP, in one place: application/problem+json with the codes of MCP."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from data411_mcp.errors import (
    BodyTooLarge,
    CallerError,
    Data411Error,
    Forbidden,
    NotFound,
    RateLimited,
    ThreadLocked,
    Unauthorized,
)
from data411_mcp.web.hints import as_requests

MEDIA_TYPE = "application/problem+json"
CHALLENGE = 'Bearer realm="data411"'

log = structlog.get_logger(__name__)


class Problem(BaseModel):
    """RFC 9457, with the code of docs/errors.md and the next call to make as `hint`."""

    type: str = Field(examples=["about:blank"])
    title: str
    status: int
    detail: str
    code: str = Field(examples=["NOT_FOUND"])
    hint: str
    retryable: bool
    request_id: str
    billing_reason: str | None = Field(
        None, description="With 402 only: virtual_balance_insufficient."
    )
    error: str | None = Field(
        None, description="With a locked thread only: thread_locked; the hint is create_new."
    )


class HttpError(CallerError):
    """A fault of the request as such, which no tool call can have: method, media type, host."""

    def __init__(
        self, status: int, message: str, hint: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, hint)
        self.http_status = status
        self.headers = dict(headers or {})


def problem(error: Data411Error, request_id: str) -> JSONResponse:
    status = error.http_status if isinstance(error, HttpError) else error.status
    told = told_over_http(error)
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": told.pop("message"),
        **told,
        "request_id": request_id,
    }
    if isinstance(error, ThreadLocked):  # the words that clients of threads look for
        body |= {"error": "thread_locked", "hint": "create_new"}
    return JSONResponse(body, status, headers=_headers(error), media_type=MEDIA_TYPE)


def told_over_http(error: Data411Error) -> dict[str, str | bool]:
    """The error's wire form, with requests where its words name tools."""
    words = {"message": as_requests(error.message), "hint": as_requests(error.hint)}
    return error.as_dict() | words


def _headers(error: Data411Error) -> dict[str, str]:
    if isinstance(error, HttpError):
        return error.headers
    if isinstance(error, Unauthorized):
        return {"WWW-Authenticate": CHALLENGE}
    if isinstance(error, RateLimited):
        return {"Retry-After": str(error.retry_after_seconds)}
    if error.retryable and error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return {"Retry-After": "1"}
    return {}


def request_id_of(request: Request) -> str:
    return str(request.scope.get("state", {}).get("request_id", ""))


def unexpected(request_id: str, error: BaseException) -> JSONResponse:
    """Something of ours broke: the log has the place, the caller the id to report."""
    import traceback

    trace = [f"{f.name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)]
    log.error("request_crashed", kind=type(error).__name__, trace=trace[-12:])
    told = Data411Error(
        "Something of ours broke.", "Report the request_id to whoever runs this server."
    )
    return problem(told, request_id)


def of_status(status: int, headers: Mapping[str, str] | None = None) -> Data411Error:
    """The error for a status that the framework answers with by itself."""
    if status == HTTPStatus.NOT_FOUND:
        return NotFound("There is no such address.", "See /openapi.json for what there is.")
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return body_too_large()
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return HttpError(
            status, "This address does not take this method.", "See the Allow header.", headers
        )
    return HttpError(status, "The request cannot be read.", "See /openapi.json.", headers)


def body_too_large() -> BodyTooLarge:
    return BodyTooLarge(
        "The request is larger than this server reads.",
        "Leave prior_backfill out: the server has its own copy of the graph.",
    )


def stopping() -> HttpError:
    return HttpError(
        503, "The server is stopping.", "Send the request again.", {"Retry-After": "2"}
    )


def no_key() -> Unauthorized:
    return Unauthorized("A key is needed.", "Send it as a header: Authorization: Bearer 411_…")


def key_in_address() -> Unauthorized:
    return Unauthorized(
        "A key has no place in an address: it would stay in logs.",
        "Send it as a header: Authorization: Bearer 411_… Then revoke this one.",
    )


def lacks_scope(scope: str) -> Forbidden:
    return Forbidden(
        f"This key may not do that; it lacks the scope {scope}.",
        f"Use a key with the scope {scope}: data411-mcp keys create",
    )


def reads_one_job() -> Forbidden:
    return Forbidden(
        "A poll bearer reads its one job, and nothing else.",
        "Use a key: Authorization: Bearer 411_…",
    )


def bad_ticket() -> Unauthorized:
    return Unauthorized(
        "This ticket was used, is too old, or is not for this job.",
        "Get another one: POST /api/v1/enrich/jobs/{job_id}/ticket",
    )


def bad_chat_ticket() -> Unauthorized:
    return Unauthorized(
        "This ticket was used, is too old, or is not for this conversation.",
        "Get another one: POST /chat/stream/{session_id}/ticket",
    )
