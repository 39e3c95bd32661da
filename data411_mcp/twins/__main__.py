"""`python -m data411_mcp.twins WORLD CONNECTION_FILE`: what `spawned_twins` starts."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import anyio

from data411_mcp.twins.serve import serve_world


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m data411_mcp.twins")
    parser.add_argument("world", type=Path)
    parser.add_argument("connection_file", type=Path)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-rate-limits", action="store_true")
    given = parser.parse_args()
    anyio.run(
        partial(
            serve_world,
            given.world,
            given.connection_file,
            latency=given.latency,
            seed=given.seed,
            rate_limits=not given.no_rate_limits,
        )
    )


if __name__ == "__main__":
    main()
