"""The commands for registers, nights and the CRM: `ssic`, `acra`, `nightly`, and so on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from data411_mcp.commands.shell import Json, World, fail, settings_of, typed_errors

ssic = typer.Typer(no_args_is_help=True, help="Singapore's industry codes.")
acra = typer.Typer(no_args_is_help=True, help="Singapore's company register.")

Tenant = Annotated[str | None, typer.Option(help="DATA411_TENANT if left out.")]
Again = Annotated[bool, typer.Option(help="Although it was read to its end before.")]


@ssic.command("import")
def import_ssic(
    file: Annotated[Path, typer.Argument(help="The official workbook of SingStat, or its CSV.")],
    as_json: Json = False,
) -> None:
    """Take in the official table: without it no industry codes are matched."""
    from data411_mcp.commands import registers

    with typed_errors(as_json):
        done = registers.import_ssic(settings_of(), file)
    told = f"SSIC {done['edition']}: {done['codes']} codes, {done['defined']} with definitions."
    _tell(done, as_json, told if done["newest"] else f"{told} A newer edition is in use.")


@acra.command("import")
def import_acra(
    file: Annotated[
        Path | None, typer.Argument(help='CSV of "ACRA Information on Corporate Entities".')
    ] = None,
    letters: Annotated[
        str | None, typer.Option(help="Download instead, by first letter of the names; # others.")
    ] = None,
    again: Again = False,
    as_json: Json = False,
    world: World = None,
) -> None:
    """Take in the register's bulk data. What was interrupted goes on where it stood."""
    from data411_mcp.commands import registers

    if (file is None) == (letters is None):
        fail("Pass a file or --letters.")
    with typed_errors(as_json):
        if file is not None:
            done = registers.import_acra_file(settings_of(world), file, again=again)
            every = [done]
        else:
            done = registers.import_acra_letters(settings_of(world), letters or "", again=again)
            every = list(done.values())
    written, skipped = sum(d["written"] for d in every), sum(d["skipped"] for d in every)
    _tell(done, as_json, f"{written} companies, {skipped} rows left out.")


def nightly(
    tenant: Annotated[str | None, typer.Option(help="Only of this tenant.")] = None,
    companies: Annotated[int, typer.Option(min=1, help="At most so many a tenant.")] = 500,
    as_json: Json = False,
    world: World = None,
) -> None:
    """Anchor Singapore companies of the lists to ACRA, deliver what could not be delivered, and
    let unfinished lists go on."""
    from data411_mcp.commands import registers

    with typed_errors(as_json):
        done = registers.nightly(settings_of(world), tenant, companies)
    outcomes = ", ".join(f"{count} {name}" for name, count in sorted(done["outcomes"].items()))
    _tell(
        done,
        as_json,
        f"{done['companies']} Singapore companies: {outcomes or 'none asked'}; "
        f"{done['recent']} known, {done['failed']} failed. {done['lists_queued']} lists go on."
        + _late_words(done),
    )


def crm_preview(
    thread: Annotated[
        str | None, typer.Argument(help="The conversation; the newest list if left out.")
    ] = None,
    tenant: Tenant = None,
    as_json: Json = False,
    world: World = None,
) -> None:
    """Show what writing a list to Odoo would create, fill and keep. Nothing is written."""
    from data411_mcp.commands import registers

    with typed_errors(as_json):
        done = registers.crm_preview(settings_of(world), tenant, thread)
    lines = [f"{done['companies']} companies of {done['thread_id']}; nothing was written."]
    for record in done["records"]:
        lines.append(f"{record['action']} {record['model']} {record['name']}")
        if record["action"] != "create":
            lines += [_change_words(c) for c in record["changes"] if _worth_showing(c)]
    _tell(done, as_json, "\n".join(lines))


def acra_direct(
    tenant: Tenant = None,
    limit: Annotated[int, typer.Option(help="Companies to hand in now.")] = 50,
    ssic: Annotated[str, typer.Option(help="Only codes that begin so, such as 62.")] = "",
    restart: Annotated[bool, typer.Option(help="From the register's beginning.")] = False,
    as_json: Json = False,
    world: World = None,
) -> None:
    """Enrich companies of the imported register; each call goes on where the last one ended."""
    from data411_mcp.commands import registers

    with typed_errors(as_json):
        done = registers.acra_direct(
            settings_of(world), tenant, limit=limit, ssic=ssic, restart=restart
        )
    _tell(
        done,
        as_json,
        f"{done['handed_in']} handed in, {done['recent']} known, {done['dissolved']} dissolved, "
        f"{done['failed']} failed. "
        + (f"{done['other']} of other industries. " if ssic else "")
        + ("The register is done." if done["complete"] else "The next call goes on from here."),
    )


def _late_words(done: dict[str, Any]) -> str:
    told = [
        (done["late_mails"], "lists mailed late"),
        (done["late_companies"], "companies into the CRM late"),
        (done["undelivered"], "deliveries still waiting"),
    ]
    return "".join(f" {count} {words}." for count, words in told if count)


def _worth_showing(change: dict[str, Any]) -> bool:
    """What is filled, and what a person has written otherwise."""
    return bool(change["action"] == "fill" or change["before"] not in (None, change["after"]))


def _change_words(change: dict[str, Any]) -> str:
    if change["action"] == "fill":
        return f"  fill {change['field']}: {_short(change['after'])}"
    return f"  keep {change['field']}: {_short(change['before'])} (ours: {_short(change['after'])})"


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else f"{text[:79]}…"


def _tell(done: dict[str, Any], as_json: bool, line: str) -> None:
    typer.echo(json.dumps(done, ensure_ascii=False, indent=2) if as_json else line)
