"""The hunt board: a page that hosts with MCP Apps show beside the answers of a lead's session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mcp.server.apps import APP_MIME_TYPE, Apps
from mcp.server.mcpserver.resources import FileResource

URI = "ui://data411/hunt-board"
PAGE = Path(__file__).resolve().with_name("board.html")
# Answers of these are drawn on the board; all of them say the same in text.
SHOWN_FOR = frozenset({"enrich_lead_session", "wait_enrich_job", "get_lead_graph"})


def apps() -> Apps:
    """The extension that announces and serves the board. The page asks for no origin of its own,
    so that hosts run it under their strictest policy; it is read when a host asks for it."""
    extension = Apps()
    extension.add_resource(
        FileResource(
            uri=URI,
            name="hunt-board",
            title="Hunt board",
            description="Slots, contacts, gaps and findings of a lead, with the calls as buttons.",
            mime_type=APP_MIME_TYPE,
            path=PAGE,
            encoding="utf-8",
            meta={"ui": {"prefersBorder": False}},
        )
    )
    return extension


def meta_of(tool: str) -> dict[str, Any] | None:
    """What the list of tools says of the page that a tool's answers are drawn on."""
    return {"ui": {"resourceUri": URI}} if tool in SHOWN_FOR else None
