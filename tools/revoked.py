"""A call that is under way when its key is revoked."""

from __future__ import annotations

from typing import Any

import anyio

from .surface import bearer, refusal


class EndsWithKey:
    """Server middleware: a call that is being waited for ends within `look_seconds` of its key's
    revocation, with the error that a later call of that key gets. Jobs that it has started go
    on."""

    def __init__(self, look_seconds: float) -> None:
        self._look_seconds = look_seconds

    async def __call__(self, ctx: Any, call_next: Any) -> Any:
        who = bearer()
        if ctx.method != "tools/call" or who is None:
            return await call_next(ctx)
        done: list[Any] = []
        failed: list[Exception] = []

        async def call(scope: anyio.CancelScope) -> None:
            try:
                done.append(await call_next(ctx))
            except Exception as error:  # raised again below, outside of the group
                failed.append(error)
            scope.cancel()

        app = await ctx.lifespan_context.services()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call, tasks.cancel_scope)
            await app.access.until_revoked(who, look_seconds=self._look_seconds)
            tasks.cancel_scope.cancel()
        if failed:
            raise failed[0]
        if done:
            return done[0]
        from data411_mcp.services.access import bad_key

        return refusal(bad_key())
