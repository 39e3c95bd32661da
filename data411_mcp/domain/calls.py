"""Calls of tools, spelled out for whoever is to make them next."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

WORDS = "<the user's words, verbatim>"  # a caller's own words are never echoed

Arguments = Mapping[str, Any]
_CALL = re.compile(r"\b([a-z]+(?:_[a-z]+)+)\(")
_ARGUMENT = re.compile(r"[\s,]*([a-z_]+)=")


def spelled(tool: str, arguments: Arguments | None = None, /, **more: Any) -> str:
    """`tool(name=value, …)` with JSON values."""
    given = {**(arguments or {}), **more}
    inner = ", ".join(f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in given.items())
    return f"{tool}({inner})"


def spelled_otherwise(text: str, tell: Mapping[str, Callable[[Arguments], str]]) -> str:
    """The text with every call of these tools told in an interface's own way; the rest stays."""
    told: list[str] = []
    at = 0
    while (found := _CALL.search(text, at)) is not None:
        end, arguments = _arguments(text, found.end())
        way = tell.get(found[1])
        if end is None or way is None:
            told.append(text[at : found.end()])
            at = found.end()
            continue
        told += [text[at : found.start()], way(arguments)]
        at = end
    return "".join([*told, text[at:]])


def _arguments(text: str, at: int) -> tuple[int | None, dict[str, Any]]:
    """The arguments that begin there, and where the call ends; None where it is no call."""
    arguments: dict[str, Any] = {}
    while text[at : at + 1] != ")":
        name = _ARGUMENT.match(text, at)
        if name is None:
            return None, {}
        try:
            arguments[name[1]], at = json.JSONDecoder().raw_decode(text, name.end())
        except json.JSONDecodeError:
            return None, {}
    return at + 1, arguments
