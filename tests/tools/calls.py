"""Calls that answers and refusals spell out, read back so that a test can make them."""

from __future__ import annotations

import json
import re
from typing import Any

from data411_mcp.domain.calls import WORDS

_NAME = re.compile(r"\b([a-z]+(?:_[a-z]+)+)\(")
_ARGUMENT = re.compile(r"\s*,?\s*([a-z_]+)=")


def spelled_out(text: str) -> tuple[str, dict[str, Any]]:
    """The first call in a text: the tool and its arguments, as JSON values."""
    found = _NAME.search(text)
    assert found is not None, f"no call is spelled out in: {text}"
    arguments: dict[str, Any] = {}
    at = found.end()
    while text[at] != ")":
        name = _ARGUMENT.match(text, at)
        assert name is not None, text[at:]
        value, at = json.JSONDecoder().raw_decode(text, name.end())
        arguments[name[1]] = value
    return found[1], arguments


def with_words(arguments: dict[str, Any], words: str) -> dict[str, Any]:
    """The arguments with the user's words put in where the call leaves room for them."""
    prompts = arguments.get("prompts")
    return arguments | ({"prompts": [words]} if prompts == [WORDS] else {})
