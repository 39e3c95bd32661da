"""The MCP tools: shapes, words and one service call each. `register` puts them on a server."""

from __future__ import annotations

from mcp.server import MCPServer
from mcp_types import ToolAnnotations

from . import account, board, follow_ups, graph, icp, jobs, leads
from .surface import ToolSpec, anticipated

TOOLS: tuple[ToolSpec, ...] = (
    *leads.TOOLS, *follow_ups.TOOLS, *jobs.TOOLS, *graph.TOOLS, *account.TOOLS, *icp.TOOLS,
)  # fmt: skip


def register(server: MCPServer) -> None:
    """Add every tool; our errors become typed results in this one place."""
    for spec in TOOLS:
        server.add_tool(
            anticipated(spec.fn),
            name=spec.name,
            title=spec.title,
            description=spec.description,
            annotations=ToolAnnotations(
                title=spec.title,
                read_only_hint=spec.read_only,
                destructive_hint=spec.destructive,
                idempotent_hint=spec.idempotent,
                open_world_hint=spec.open_world,
            ),
            meta=board.meta_of(spec.name),
        )
        _shorten(server, spec.name)


def _shorten(server: MCPServer, name: str) -> None:
    """Leave out of the schema what a model pays for and does not need: titles derived from names,
    the null that an optional argument may be as well as absent, what JSON Schema means anyway, and
    that a switch is off. It is still taken."""
    tool = server._tool_manager.get_tool(name)  # there is no public way to one tool
    if tool is None:
        return
    tool.parameters.pop("title", None)
    for schema in tool.parameters.get("properties", {}).values():
        schema.pop("title", None)
        kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
        if len(kinds) == 1:
            del schema["anyOf"]
            schema.pop("default", None)
            schema |= kinds[0] | schema  # the annotation's own words win
        for part in (schema, schema.get("items", {}), *schema.get("anyOf", ())):
            if part.get("additionalProperties") is True:
                del part["additionalProperties"]
        if schema.get("default") is False:
            del schema["default"]
