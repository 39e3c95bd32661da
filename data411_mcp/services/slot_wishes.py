"""Cancel and retry wishes for single slots, obeyed while a run is under way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from data411_mcp.domain.jobs import SlotWish
from data411_mcp.services.ports import JobContext

if TYPE_CHECKING:
    from data411_mcp.services.session_run import SessionRun


@asynccontextmanager
async def obeying(ctx: JobContext, run: SessionRun) -> AsyncIterator[None]:
    async def obey() -> None:
        async for request in ctx.slot_requests():
            if request.wish is SlotWish.RETRY:
                run.controls.retry(request)
            else:
                run.controls.cancel(request.slot)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(obey)
        yield
        tasks.cancel_scope.cancel()
