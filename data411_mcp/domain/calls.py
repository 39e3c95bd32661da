"""Calls of tools, spelled out for whoever is to make them next."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

WORDS = "<the user's words, verbatim>"  # a caller's own words are never echoed


def spelled(tool: str, arguments: Mapping[str, Any] | None = None, /, **more: Any) -> str:
    """`tool(name=value, …)` with JSON values."""
    given = {**(arguments or {}), **more}
    inner = ", ".join(f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in given.items())
    return f"{tool}({inner})"
