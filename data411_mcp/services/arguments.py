"""Arguments as callers send them: unknown and ill-typed ones are refused in the same words over
MCP and HTTP, and never echoed: values are the caller's data."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from data411_mcp.errors import CallerError, InvalidArgument, UnknownArgument

Model = TypeVar("Model", bound=BaseModel)

NAME_CHARS_MAX = 60
FAULTS_CHARS_MAX = 300


def unknown_argument(what: str, argument: str, known: Sequence[str]) -> UnknownArgument:
    """A misspelt `refresh` must not run the default: names the nearest known argument."""
    close = difflib.get_close_matches(argument.lower(), known, 1, 0.6)
    meant = f" Did you mean {close[0]}?" if close else ""
    takes = f"It takes: {', '.join(known)}." if known else "It takes none."
    return UnknownArgument(f"{what} does not take {_shown(argument)!r}.{meant}", takes)


def ill_typed(what: str, faults: Sequence[Mapping[str, Any]]) -> InvalidArgument:
    """Names the arguments and the kind of fault, from pydantic's `errors()`."""
    named = sorted({f"{_place(f['loc'])} ({f['type']})" for f in faults})
    return InvalidArgument(
        f"{what} cannot use: {', '.join(named)[:FAULTS_CHARS_MAX]}.",
        "See its schema: the tool's input schema, or /openapi.json.",
    )


def refused(what: str, faults: Sequence[Mapping[str, Any]], known: Sequence[str]) -> CallerError:
    """The one error to answer with: an unknown argument is named before anything ill-typed."""
    for fault in faults:
        if fault["type"] == "extra_forbidden":
            return unknown_argument(what, str(fault["loc"][-1]), known)
    return ill_typed(what, faults)


def checked(what: str, model: type[Model], given: Mapping[str, Any]) -> Model:
    """The arguments in their shape. Raises UnknownArgument, InvalidArgument."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise refused(what, error.errors(), list(model.model_fields)) from error


def _place(location: Sequence[Any]) -> str:
    return _shown(".".join(str(part) for part in location)) or "the body"


def _shown(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name[:NAME_CHARS_MAX])
