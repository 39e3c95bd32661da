"""The command line: progress on stderr, results on stdout, --json everywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from data411_mcp.commands import icp, jobs, keys
from data411_mcp.commands.shell import EXIT_FAILED as EXIT_FAILED
from data411_mcp.commands.shell import EXIT_NEEDS_IDENTITY as EXIT_NEEDS_IDENTITY
from data411_mcp.commands.shell import EXIT_NOTHING_LOOKED_UP as EXIT_NOTHING_LOOKED_UP
from data411_mcp.commands.shell import EXIT_USAGE as EXIT_USAGE
from data411_mcp.commands.shell import Json, World, fail, settings_of, typed_errors

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False,
    help="One CRM lead in, a lead graph with proof for every fact out.",
)  # fmt: skip
app.add_typer(jobs.app, name="job")
app.add_typer(keys.app, name="keys")
app.add_typer(icp.ssic, name="ssic")
app.add_typer(icp.acra, name="acra")
app.command()(icp.nightly)
app.command("acra-direct")(icp.acra_direct)
app.command("crm-preview")(icp.crm_preview)

Chat = Annotated[str, typer.Option(help="The chat of the lead.")]
Prompts = Annotated[
    list[str] | None, typer.Option(help="The user's words; may be given several times.")
]
Budget = Annotated[float | None, typer.Option(help="Most that it may cost, in dollars.")]


@app.command()
def serve(
    transport: Annotated[str, typer.Option(help="stdio or http.")] = "stdio",
    host: Annotated[str | None, typer.Option(help="Address, for http.")] = None,
    port: Annotated[int | None, typer.Option(help="Port, for http.")] = None,
    world: World = None,
) -> None:
    """Run the MCP server, over HTTP together with the HTTP API."""
    from data411_mcp.serving import run_http, run_stdio

    settings = settings_of(world)
    if transport == "stdio":
        run_stdio(settings)
    elif transport == "http":
        with typed_errors(as_json=False):
            chosen = settings.http_port if port is None else port
            run_http(settings, host or settings.http_host, chosen)
    else:
        fail("--transport is stdio or http.")


@app.command()
def enrich(
    lead: Annotated[str, typer.Option(help="A JSON file with the lead, or - for stdin.")],
    prompt: Prompts = None,
    chat: Annotated[str | None, typer.Option(help="Go on in this chat.")] = None,
    refresh: Annotated[bool, typer.Option(help="Everything from zero.")] = False,
    choice: Annotated[str | None, typer.Option(help="Which company, after exit code 3.")] = None,
    budget: Budget = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole graph.")] = False,
    world: World = None,
) -> None:
    """Enrich one lead on the live web, with whatever keys are set."""
    from data411_mcp.commands.sessions import run_enrich

    settings = settings_of(world)
    with typed_errors(as_json):
        code = run_enrich(
            settings, _read_lead(lead), prompts=prompt or [], chat=chat, refresh=refresh,
            choice=choice, budget=budget, as_json=as_json,
        )  # fmt: skip
    raise typer.Exit(code)


@app.command()
def rerun(
    chat: Chat,
    slot: Annotated[
        list[str], typer.Option(help="Slot id or provider slug; several make a batch.")
    ],
    prompt: Prompts = None,
    refresh_summary: Annotated[bool, typer.Option(help="Rewrite the summary, too.")] = False,
    budget: Budget = None,
    as_json: Json = False,
    world: World = None,
) -> None:
    """Run a slot of a chat again, or several that are pending or failed."""
    from data411_mcp.commands.sessions import run_rerun

    if len(slot) > 1 and refresh_summary:
        fail("A batch leaves the summary alone: run data411-mcp resynthesize after it.")
    settings = settings_of(world)
    with typed_errors(as_json):
        code = run_rerun(
            settings, chat, slot, prompts=prompt or [], refresh_summary=refresh_summary,
            budget=budget, as_json=as_json,
        )  # fmt: skip
    raise typer.Exit(code)


@app.command()
def resynthesize(
    chat: Chat, prompt: Prompts = None, as_json: Json = False, world: World = None
) -> None:
    """Write the summary of a chat again from its graph, without hunting."""
    from data411_mcp.commands.sessions import run_resynthesize

    settings = settings_of(world)
    with typed_errors(as_json):
        code = run_resynthesize(settings, chat, prompts=prompt or [], as_json=as_json)
    raise typer.Exit(code)


@app.command()
def investigate(
    chat: Chat,
    candidate: Annotated[str, typer.Option(help="Id of a finding that was held back.")],
    as_json: Json = False,
    world: World = None,
) -> None:
    """Look once more at a finding that was held back."""
    from data411_mcp.commands.sessions import run_investigate

    settings = settings_of(world)
    with typed_errors(as_json):
        code = run_investigate(settings, chat, candidate, as_json=as_json)
    raise typer.Exit(code)


@app.command()
def worker(world: World = None) -> None:
    """Do jobs until told to stop (SIGTERM); what runs then is handed back to others."""
    from data411_mcp.app import open_services
    from data411_mcp.worker import run_worker

    settings = settings_of(world)
    with typed_errors(as_json=False):
        run_worker(lambda: open_services(settings))


@app.command()
def account(
    tenant: Annotated[str | None, typer.Option(help="DATA411_TENANT if left out.")] = None,
    as_json: Json = False,
) -> None:
    """Balance, prices and the last charges."""
    from data411_mcp.commands import office

    with typed_errors(as_json):
        view = office.account(settings_of(), tenant)
    if as_json:
        typer.echo(view.model_dump_json(indent=2))
        return
    from data411_mcp.services.answers import account_of

    typer.echo(account_of(view)[1])


@app.command()
def credit(
    tenant: Annotated[str, typer.Option(help="Whose account.")],
    usd: Annotated[str, typer.Option(help="Dollars in whole cents, such as 10.00.")],
    note: Annotated[str, typer.Option(help="What for.")] = "",
    reference: Annotated[
        str | None, typer.Option(help="Your own number: credited once, however often called.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Put money on a tenant's account."""
    from data411_mcp.commands import office

    with typed_errors(as_json):
        done = office.credit(settings_of(), tenant, usd, note, reference)
    if as_json:
        typer.echo(json.dumps(done, ensure_ascii=False))
        return
    said = f"Credited ${done['credited_usd']:.2f}" if done["posted"] else "Was credited before"
    typer.echo(f"{said}; balance of {tenant}: ${done['balance_usd']:.2f}")


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json")] = False,
    world: World = None,
) -> None:
    """Say what works, what is missing, and what that costs in coverage."""
    from data411_mcp.doctor import render, run_checks

    report = run_checks(settings_of(world))
    typer.echo(json.dumps(report, indent=2) if as_json else render(report))
    raise typer.Exit(0 if report["ok"] else EXIT_FAILED)


@app.command()
def migrate(as_json: Json = False) -> None:
    """Bring the store, SQLite or PostgreSQL, to the current schema."""
    from data411_mcp.app import migrate_store

    with typed_errors(as_json):
        name = migrate_store(settings_of())
    typer.echo(json.dumps({"migrated": name}) if as_json else f"Migrated {name}.")


@app.command()
def forget(
    person: Annotated[str | None, typer.Option(help="Name, e-mail or phone to erase.")] = None,
    retention: Annotated[bool, typer.Option(help="Delete what is past its retention.")] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Erase a person everywhere; a keyed hash makes sure they do not come back."""
    from data411_mcp.app import forget_person, purge_expired

    if (person is None) == (not retention):
        fail("Pass --person or --retention.")
    with typed_errors(as_json):
        settings = settings_of()
        counts = purge_expired(settings) if retention else forget_person(settings, person or "")
    if as_json:
        typer.echo(json.dumps(counts))
    else:
        typer.echo(", ".join(f"{name}: {count}" for name, count in sorted(counts.items())))


@app.command()
def twins(
    world: Annotated[Path, typer.Argument(help="The world's folder.")],
    connection: Annotated[Path, typer.Option(help="Where to write how to reach them.")] = Path(
        "twins.json"
    ),
    latency: Annotated[float, typer.Option(help="Factor on the published latencies.")] = 0.0,
) -> None:
    """Serve a world's twins on loopback until interrupted."""
    import anyio

    from data411_mcp.twins.serve import serve_world

    typer.echo(f"Twins of {world.name}; set DATA411_TWINS={connection}", err=True)
    anyio.run(lambda: serve_world(world, connection, latency=latency))


def main() -> None:
    app()


def _read_lead(source: str) -> dict[str, object]:
    """Raises InvalidLead."""
    from data411_mcp.commands.shell import json_object
    from data411_mcp.errors import InvalidArgument, InvalidLead

    try:
        raw = json_object(source)
    except InvalidArgument as error:
        raise InvalidLead(
            error.message.replace("The file", "The lead"), 'Write e.g. {"company": "…"}.'
        ) from error
    inner = raw.get("lead")
    return inner if isinstance(inner, dict) else raw
