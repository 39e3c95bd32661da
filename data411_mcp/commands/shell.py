"""What all commands share: exit codes, settings, and errors in words instead of tracebacks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from data411_mcp.settings import Settings

EXIT_USAGE = 2
EXIT_NEEDS_IDENTITY = 3
EXIT_NOTHING_LOOKED_UP = 4
EXIT_FAILED = 5
EXIT_INTERRUPTED = 130

World = Annotated[Path | None, typer.Option(help="A twin world that stands in for the web.")]
Json = Annotated[bool, typer.Option("--json", help="Print for programs.")]


def settings_of(world: Path | None = None) -> Settings:
    from pydantic import ValidationError

    from data411_mcp.settings import Settings

    try:
        settings = Settings()
    except ValidationError as error:
        names = ", ".join(sorted({str(e["loc"][0]) for e in error.errors()}))
        fail(f"These settings cannot be used: {names}. See docs/settings.md.")
    return settings.model_copy(update={"world": world}) if world is not None else settings


def fail(message: str) -> Any:
    typer.echo(message, err=True)
    raise typer.Exit(EXIT_USAGE)


def file_text(path: str) -> str:
    """The text of a file, or of stdin for "-". Raises InvalidArgument."""
    from data411_mcp.errors import InvalidArgument

    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgument("The file cannot be read.", "Check its path.") from error


def json_object(path: str) -> dict[str, Any]:
    """Raises InvalidArgument."""
    from data411_mcp.errors import InvalidArgument

    try:
        found = json.loads(file_text(path))
    except json.JSONDecodeError as error:
        raise InvalidArgument(
            f"The file is not JSON (line {error.lineno}).", "Write a JSON object."
        ) from error
    if not isinstance(found, dict):
        raise InvalidArgument("The file must hold a JSON object.", 'Write e.g. {"…": "…"}.')
    return found


class typed_errors:
    """Our errors end the command with their words and a code; nothing shows a traceback."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        from data411_mcp.commands.hints import as_commands
        from data411_mcp.errors import CallerError, Data411Error

        if isinstance(error, BaseExceptionGroup):
            found = error.subgroup(Data411Error)
            error = _first(found) if found is not None else error
        if isinstance(error, KeyboardInterrupt):
            typer.echo("Interrupted. The session is kept; call again to go on.", err=True)
            raise typer.Exit(EXIT_INTERRUPTED)
        if not isinstance(error, Data411Error):
            return
        hint = as_commands(error.hint)
        if self._as_json:
            typer.echo(json.dumps(error.as_dict() | {"hint": hint}, ensure_ascii=False))
        typer.echo(f"{error.code}: {error.message}\n{hint}".rstrip(), err=True)
        raise typer.Exit(EXIT_USAGE if isinstance(error, CallerError) else EXIT_FAILED)


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
