"""Unknown and ill-typed arguments are refused: a misspelt `refresh` must not run the default."""

from __future__ import annotations

import difflib
from typing import Any

from mcp.server import MCPServer
from mcp_types import CallToolResult
from pydantic import ValidationError

from data411_mcp.errors import InvalidArgument, UnknownArgument

from .surface import refusal


class StrictArguments:
    """Server middleware. It sees the raw parameters, before anything is parsed or run."""

    def __init__(self) -> None:
        self._server: MCPServer[Any] | None = None

    def watch(self, server: MCPServer[Any]) -> None:
        """The server whose tools are checked; it is made after its middleware."""
        self._server = server

    async def __call__(self, ctx: Any, call_next: Any) -> Any:
        if ctx.method == "tools/call" and isinstance(ctx.params, dict):
            refused = self._check(ctx.params.get("name"), ctx.params.get("arguments") or {})
            if refused is not None:
                return refused
        return await call_next(ctx)

    def _check(self, name: object, arguments: object) -> CallToolResult | None:
        if self._server is None or not isinstance(arguments, dict):
            return None
        tool = self._server._tool_manager.get_tool(str(name))  # there is no public way to one tool
        if tool is None:
            return None
        known = list(tool.parameters.get("properties", {}))
        for argument in arguments:
            if argument not in known:
                return refusal(_unknown(tool.name, str(argument)[:60], known))
        try:
            tool.fn_metadata.arg_model.model_validate(arguments)
        except ValidationError as error:
            return refusal(_ill_typed(tool.name, error))
        return None


def _unknown(tool: str, argument: str, known: list[str]) -> UnknownArgument:
    close = difflib.get_close_matches(argument.lower(), known, 1, 0.6)
    meant = f" Did you mean {close[0]}?" if close else ""
    return UnknownArgument(
        f"{tool} does not take {argument!r}.{meant}", f"It takes: {', '.join(known)}."
    )


def _ill_typed(tool: str, error: ValidationError) -> InvalidArgument:
    """Names the arguments and the kind of fault; the values are the caller's data."""
    faults = sorted({f"{'.'.join(str(p) for p in e['loc'])} ({e['type']})" for e in error.errors()})
    return InvalidArgument(
        f"{tool} cannot use: {', '.join(faults)[:300]}.", "See the tool's input schema."
    )
