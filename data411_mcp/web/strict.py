"""Requests are taken at their word: an unknown field or query parameter is refused, not ignored,
and JSON is JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, NoReturn

from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from data411_mcp.errors import CallerError, Data411Error, InvalidArgument
from data411_mcp.services.arguments import refused, unknown_argument
from data411_mcp.web.problems import HttpError, problem, request_id_of

JSON_TYPE = "application/json"
HALF_PAIR = "half a surrogate pair"
_ESCAPED_SURROGATE = r"\ud"
_ENCODER = json.JSONEncoder(ensure_ascii=False)


class StrictRequest(Request):
    async def json(self) -> Any:
        """Raises JSONDecodeError, also for what Python reads but JSON does not know."""
        text = ""
        try:
            text = (await self.body()).decode("utf-8")
            body = json.loads(text, parse_constant=_no_constant)
            if _ESCAPED_SURROGATE in text.lower():
                _ENCODER.encode(body).encode("utf-8")
            return body
        except UnicodeEncodeError as error:
            raise json.JSONDecodeError(HALF_PAIR, "", 0) from error
        except (UnicodeDecodeError, RecursionError) as error:
            raise json.JSONDecodeError("not JSON", text[:0], 0) from error


def _no_constant(_: str) -> NoReturn:
    raise json.JSONDecodeError("NaN and Infinity are not JSON", "", 0)


class StrictRoute(APIRoute):
    """Every route of the API: 415 for another media type, 422 for unknown query parameters."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        known = list(dict.fromkeys(_query_names(self.dependant)))
        what, takes_body = f"{'/'.join(sorted(self.methods or ()))} {self.path}", self.body_field

        async def strict(request: Request) -> Response:
            if takes_body is not None:
                _check_media_type(request)
            for name in request.query_params:
                if name not in known:
                    raise unknown_argument(what, name, known)
            try:
                return await handle(StrictRequest(request.scope, request.receive))
            except Data411Error as error:
                return problem(error, request_id_of(request))

        return strict


def _query_names(dependant: Dependant) -> Iterator[str]:
    yield from (parameter.alias for parameter in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _query_names(inner)


def _check_media_type(request: Request) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != JSON_TYPE:
        raise HttpError(
            415, "The body must be JSON.", f"Send it with the header Content-Type: {JSON_TYPE}."
        )


def of_validation(request: Request, error: RequestValidationError) -> CallerError:
    """Our words for what the framework found wrong; the values are the caller's data."""
    faults = error.errors()
    route = request.scope.get("route")
    what = f"{request.method} {route.path}" if isinstance(route, APIRoute) else "The request"
    broken = [f for f in faults if f["type"] == "json_invalid"]
    if any(f.get("ctx", {}).get("error") == HALF_PAIR for f in broken):
        return InvalidArgument(
            "A text of the body is no Unicode: it holds half a surrogate pair.",
            "Send the character as it is, or both halves of its \\u escape.",
        )
    if broken:
        return InvalidArgument(
            "The body is not JSON.", "NaN, Infinity, comments and trailing commas are not JSON."
        )
    body = route.body_field if isinstance(route, APIRoute) else None
    model = body.field_info.annotation if body is not None else None
    return refused(what, faults, list(getattr(model, "model_fields", {})))
