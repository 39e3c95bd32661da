"""The command line: progress on stderr, results on stdout, --json everywhere."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False,
    help="One CRM lead in, a lead graph with proof for every fact out.",
)  # fmt: skip

EXIT_USAGE = 2
EXIT_NEEDS_IDENTITY = 3
EXIT_NOTHING_LOOKED_UP = 4
EXIT_FAILED = 5

World = Annotated[Path | None, typer.Option(help="A twin world that stands in for the web.")]


@app.command()
def serve(
    transport: Annotated[str, typer.Option(help="stdio or http.")] = "stdio",
    host: Annotated[str | None, typer.Option(help="Address, for http.")] = None,
    port: Annotated[int | None, typer.Option(help="Port, for http.")] = None,
    world: World = None,
) -> None:
    """Run the MCP server."""
    from data411_mcp.app import run_http, run_stdio

    settings = _settings(world)
    if transport == "stdio":
        run_stdio(settings)
    elif transport == "http":
        with _typed_errors(as_json=False):
            run_http(settings, host or settings.http_host, port or settings.http_port)
    else:
        _fail("--transport is stdio or http.")


@app.command()
def enrich(
    lead: Annotated[str, typer.Option(help="A JSON file with the lead, or - for stdin.")],
    prompt: Annotated[
        list[str] | None, typer.Option(help="The user's words; may be given several times.")
    ] = None,
    chat: Annotated[str | None, typer.Option(help="Go on in this chat.")] = None,
    refresh: Annotated[bool, typer.Option(help="Everything from zero.")] = False,
    choice: Annotated[str | None, typer.Option(help="Which company, after exit code 3.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole graph.")] = False,
    world: World = None,
) -> None:
    """Enrich one lead on the live web, with whatever keys are set."""
    from data411_mcp.enrich_command import run_enrich

    settings = _settings(world)
    with _typed_errors(as_json):
        raw = _read_lead(lead)
        code = run_enrich(
            settings, raw, prompts=prompt or [], chat=chat, refresh=refresh, choice=choice,
            as_json=as_json,
        )  # fmt: skip
    raise typer.Exit(code)


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json")] = False,
    world: World = None,
) -> None:
    """Say what works, what is missing, and what that costs in coverage."""
    from data411_mcp.doctor import render, run_checks

    report = run_checks(_settings(world))
    typer.echo(json.dumps(report, indent=2) if as_json else render(report))
    raise typer.Exit(0 if report["ok"] else EXIT_FAILED)


@app.command()
def migrate() -> None:
    """Bring the store to the current schema."""
    from data411_mcp.app import migrate_store

    with _typed_errors(as_json=False):
        path = migrate_store(_settings(None))
    typer.echo(f"Migrated {path.name}.")


@app.command()
def forget(
    person: Annotated[str | None, typer.Option(help="Name, e-mail or phone to erase.")] = None,
    retention: Annotated[bool, typer.Option(help="Delete what is past its retention.")] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Erase a person everywhere; a keyed hash makes sure they do not come back."""
    from data411_mcp.app import forget_person, purge_expired

    if (person is None) == (not retention):
        _fail("Pass --person or --retention.")
    with _typed_errors(as_json):
        settings = _settings(None)
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


def _settings(world: Path | None) -> Any:
    from pydantic import ValidationError

    from data411_mcp.settings import Settings

    try:
        settings = Settings()
    except ValidationError as error:
        names = ", ".join(sorted({str(e["loc"][0]) for e in error.errors()}))
        _fail(f"These settings cannot be used: {names}. See docs/settings.md.")
    return settings.model_copy(update={"world": world}) if world is not None else settings


def _read_lead(source: str) -> dict[str, Any]:
    from data411_mcp.errors import InvalidLead

    text = sys.stdin.read() if source == "-" else _file_text(source)
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidLead(
            f"The lead is not JSON (line {error.lineno}).", 'Write e.g. {"company": "…"}.'
        ) from error
    if isinstance(raw, dict) and isinstance(raw.get("lead"), dict):
        raw = raw["lead"]
    if not isinstance(raw, dict):
        raise InvalidLead("The lead must be a JSON object.", 'Write e.g. {"company": "…"}.')
    return raw


def _file_text(path: str) -> str:
    from data411_mcp.errors import InvalidLead

    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidLead("The lead file cannot be read.", "Check --lead.") from error


def _fail(message: str) -> None:
    typer.echo(message, err=True)
    raise typer.Exit(EXIT_USAGE)


class _typed_errors:
    """Our errors end the command with their words and a code; nothing shows a traceback."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        from data411_mcp.errors import CallerError, Data411Error

        if isinstance(error, BaseExceptionGroup):
            found = error.subgroup(Data411Error)
            error = _first(found) if found is not None else error
        if isinstance(error, KeyboardInterrupt):
            typer.echo("Interrupted. The session is kept; call again to go on.", err=True)
            raise typer.Exit(130)
        if not isinstance(error, Data411Error):
            return
        if self._as_json:
            typer.echo(json.dumps(error.as_dict(), ensure_ascii=False))
        typer.echo(f"{error.code}: {error.message}\n{error.hint}".rstrip(), err=True)
        raise typer.Exit(EXIT_USAGE if isinstance(error, CallerError) else EXIT_FAILED)


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
