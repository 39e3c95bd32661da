"""Ctrl-C in a command that follows a session."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from anyio import CancelScope

T = TypeVar("T")


async def until_interrupted(work: Callable[[], Awaitable[T]]) -> T:
    """What `work` comes to. The first Ctrl-C cancels it as a scope does: asked for until it is
    heard, where asyncio's own cancels a task once. The second one acts as it does anywhere.

    Raises KeyboardInterrupt after the orderly end; what `work` raises comes in a group."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_listen, tasks.cancel_scope)
        done = await work()
        tasks.cancel_scope.cancel()
        return done
    raise KeyboardInterrupt


async def _listen(scope: CancelScope) -> None:
    try:
        with anyio.open_signal_receiver(signal.SIGINT) as signals:
            async for _ in signals:
                scope.cancel()
                return
    except NotImplementedError:  # on Windows: asyncio's own way is the only one
        return
