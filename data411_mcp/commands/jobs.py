"""`data411-mcp job …`: hand a job in, wait for it, cancel it or one slot of it."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from data411_mcp.commands.shell import Json, World, json_object, settings_of, typed_errors

app = typer.Typer(no_args_is_help=True, help="Jobs: hand in, wait, cancel.")

JobId = Annotated[str, typer.Argument(help="The job's id.")]


@app.command()
def submit(
    route: Annotated[str, typer.Argument(help="Such as enrich/lead-session/slots-rerun.")],
    payload: Annotated[str, typer.Argument(help="A JSON file with the payload, or - for stdin.")],
    bill_up_to: Annotated[float | None, typer.Option(help="Most it may cost, in dollars.")] = None,
    callback_url: Annotated[str | None, typer.Option(help="https, called at the end.")] = None,
    as_json: Json = False,
) -> None:
    """Hand a job in. A server or worker on the same store does it, or `job wait`."""
    with typed_errors(as_json):
        handle = _submitted(settings_of(), route, json_object(payload), bill_up_to, callback_url)
    _print(handle, as_json)


@app.command()
def wait(job_id: JobId, as_json: Json = False, world: World = None) -> None:
    """Follow a job to its end; where nobody else works on it, this process does."""
    from data411_mcp.commands.sessions import run_wait

    settings = settings_of(world)
    with typed_errors(as_json):
        code = run_wait(settings, job_id, as_json=as_json)
    raise typer.Exit(code)


@app.command()
def cancel(
    job_id: JobId,
    slot: Annotated[str | None, typer.Option(help="Only this slot of it.")] = None,
    retry: Annotated[bool, typer.Option(help="With --slot: start it again.")] = False,
    as_json: Json = False,
) -> None:
    """Cancel a job, or one slot of it."""
    with typed_errors(as_json):
        handle = _cancelled(settings_of(), job_id, slot, retry)
    _print(handle, as_json)


def _submitted(
    settings: Any,
    route: str,
    payload: dict[str, Any],
    bill_up_to: float | None,
    callback_url: str | None,
) -> dict[str, Any]:
    import anyio

    from data411_mcp.app import open_services
    from data411_mcp.domain.access import Principal
    from data411_mcp.services.answers import handle_of
    from data411_mcp.services.jobs_api import JobsApi, Submission

    async def handed_in() -> dict[str, Any]:
        async with open_services(settings, works=False) as services:
            asked = Submission(route, payload, bill_up_to, callback_url)
            started = await JobsApi(services).hand_in(Principal(services.tenant), asked)
            cost = await services.accounts.cost_of(started.job)
            return handle_of(started, cost)[0]

    return anyio.run(handed_in)


def _cancelled(settings: Any, job_id: str, slot: str | None, retry: bool) -> dict[str, Any]:
    import anyio

    from data411_mcp.app import open_services
    from data411_mcp.services.jobs_api import JobsApi

    async def asked() -> dict[str, Any]:
        async with open_services(settings, works=False) as services:
            job = await JobsApi(services).cancel(services.tenant, job_id, slot, retry=retry)
            return {
                "job_id": job.id,
                "status": job.status.value,
                "route": job.route,
                "chat_session_id": job.chat_session_id,
                "cancel_requested": job.cancel_requested,
            }

    return anyio.run(asked)


def _print(handle: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(handle, ensure_ascii=False, indent=2))
        return
    typer.echo(f"{handle['job_id']}  {handle['status']}  {handle['route']}")
    if handle["status"] in ("queued", "running"):
        typer.echo(f"data411-mcp job wait {handle['job_id']}", err=True)
