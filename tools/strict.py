"""Unknown and ill-typed arguments are refused: a misspelt `refresh` must not run the default."""

from __future__ import annotations

import re
from typing import Any

from mcp.server import MCPServer
from mcp_types import CallToolResult
from pydantic import ValidationError

from data411_mcp.domain.access import Scope
from data411_mcp.domain.calls import spelled
from data411_mcp.errors import Forbidden, UnknownArgument
from data411_mcp.services.arguments import ill_typed, unknown_argument

from .surface import bearer, refusal

_HANDLES = ("chat_session_id", "model_id", "candidate_id", "job_id")
_ID = re.compile(r"[A-Za-z0-9._:/-]{1,128}")


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
        if not _may_call(tool):
            return refusal(
                Forbidden(
                    f"This key may not call {tool.name}.",
                    "Use a key with the scope enrich: data411-mcp keys create",
                )
            )
        known = list(tool.parameters.get("properties", {}))
        for argument in arguments:
            if argument not in known:
                error = unknown_argument(tool.name, str(argument), known)
                if argument == "refresh":
                    error = UnknownArgument(error.message, _without_refresh(tool.name, arguments))
                return refusal(error)
        try:
            tool.fn_metadata.arg_model.model_validate(arguments)
        except ValidationError as error:
            return refusal(ill_typed(tool.name, error.errors()))
        return None


def _without_refresh(name: str, arguments: dict[str, Any]) -> str:
    """A single slot is always read afresh: the same call, with what names its object."""
    ids = {k: v for k in _HANDLES if isinstance(v := arguments.get(k), str) and _ID.fullmatch(v)}
    return f"Leave refresh out, fresh pages are read anyway: call {spelled(name, ids)}."


def _may_call(tool: Any) -> bool:
    """Reading tools need the scope read, all others enrich. Who brings no key was let in by the
    server's own rules, and may what a local user may."""
    caller = bearer()
    hints = tool.annotations
    wanted = Scope.READ if hints is not None and hints.read_only_hint else Scope.ENRICH
    return caller is None or caller.may(wanted)
