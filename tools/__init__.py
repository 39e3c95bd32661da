"""The MCP tools: shapes, words and one service call each. `register` puts them on a server."""

from __future__ import annotations

from mcp.server import MCPServer
from mcp_types import ToolAnnotations

from . import graph, jobs, leads
from .surface import ToolSpec, anticipated

TOOLS: tuple[ToolSpec, ...] = (*leads.TOOLS, *jobs.TOOLS, *graph.TOOLS)


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
        )
