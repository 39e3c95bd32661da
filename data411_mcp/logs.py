"""Logging: structlog, JSON, to stderr; stdout belongs to the protocol. Never personal data."""

from __future__ import annotations

import logging
import sys


def quiet_libraries(level: str) -> int:
    """The standard library's root logger: one handler, to stderr, without the message, which may
    hold addresses or people. Returns the level's number."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.WARNING)
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter('{"logger":"%(name)s","level":"%(levelname)s"}'))
    root.addHandler(handler)
    root.setLevel(number)
    # These would log addresses with their queries, and prompts.
    for name in ("httpx2", "httpcore2", "openai", "mcp"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return number


def configure_logging(level: str) -> None:
    """Set up once a process; calling again changes the level and nothing else. structlog is
    imported here, because a server that only lists its tools has nothing to say."""
    import structlog

    number = quiet_libraries(level)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
