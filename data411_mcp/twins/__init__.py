"""Stand-ins for every vendor and for the web itself, over real sockets on loopback.

`docs/twins.md` describes worlds and twins.
"""

from __future__ import annotations

from data411_mcp.twins.exchange import RequestLog
from data411_mcp.twins.process import spawned_twins
from data411_mcp.twins.serve import Twins, running_twins, serve_world
from data411_mcp.twins.world import World, WorldInvalid, load_world

__all__ = [
    "RequestLog",
    "Twins",
    "World",
    "WorldInvalid",
    "load_world",
    "running_twins",
    "serve_world",
    "spawned_twins",
]
