"""What there is to spend, what things cost, and what was charged."""

from __future__ import annotations

from typing import Annotated

from mcp_types import CallToolResult

from .surface import Answer, ServerContext, ToolSpec, answered, caller, services


async def get_account(ctx: ServerContext) -> Annotated[CallToolResult, Answer]:
    from data411_mcp.services.answers import account_of
    from data411_mcp.services.jobs_api import JobsApi

    app = await services(ctx)
    return answered(*account_of(await JobsApi(app).account(caller(app).tenant)))


TOOLS = (
    ToolSpec(
        name="get_account",
        title="Account and prices",
        description="Balance, what running jobs hold, the price list, and the last charges.",
        fn=get_account,
        read_only=True,
        destructive=False,
        idempotent=True,
        open_world=False,
    ),
)
