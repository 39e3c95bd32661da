"""`data411-mcp keys …`: who may call the HTTP server."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from data411_mcp.commands.shell import Json, settings_of, typed_errors

app = typer.Typer(no_args_is_help=True, help="Keys of the HTTP server, and webhook secrets.")

Tenant = Annotated[str, typer.Option(help="Whose it is.")]
AnyTenant = Annotated[str | None, typer.Option(help="Only of this tenant.")]


@app.command()
def create(
    tenant: Tenant,
    name: Annotated[str, typer.Option(help="What it is for, such as crm-production.")],
    scope: Annotated[list[str], typer.Option(help="read or enrich, which includes read.")],
    as_json: Json = False,
) -> None:
    """Make a key. Its secret is shown this once."""
    from data411_mcp.commands import office

    with typed_errors(as_json):
        made = office.create_key(settings_of(), tenant, name, scope)
    if as_json:
        typer.echo(json.dumps(made, ensure_ascii=False, indent=2))
        return
    typer.echo(made["key"])
    typer.echo(f"Key {made['id']} of {tenant}. It is not shown again.", err=True)


@app.command("list")
def list_(tenant: AnyTenant = None, as_json: Json = False) -> None:
    """The keys there are, without their secrets."""
    from data411_mcp.commands import office

    with typed_errors(as_json):
        found = office.list_keys(settings_of(), tenant)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for key in found:
        typer.echo(_line(key))


@app.command()
def rotate(
    key_id: Annotated[str, typer.Argument(help="The key's id, from keys list.")],
    grace: Annotated[
        int, typer.Option(help="Hours that the old secret still works.", min=0, max=720)
    ] = 0,
    tenant: AnyTenant = None,
    as_json: Json = False,
) -> None:
    """Make a new secret for the user of a key: tenant, scopes and conversations stay."""
    from data411_mcp.commands import office

    with typed_errors(as_json):
        made = office.rotate_key(settings_of(), key_id, tenant, grace)
    if as_json:
        typer.echo(json.dumps(made, ensure_ascii=False, indent=2))
        return
    typer.echo(made["key"])
    typer.echo(f"Key {made['id']} takes the place of {key_id}. It is not shown again.", err=True)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, from keys list.")],
    tenant: AnyTenant = None,
    as_json: Json = False,
) -> None:
    """Take a key out of use, at once and for good."""
    from data411_mcp.commands import office

    with typed_errors(as_json):
        done = office.revoke_key(settings_of(), key_id, tenant)
    typer.echo(json.dumps(done) if as_json else f"Revoked {key_id}.")


@app.command("webhook-secret")
def webhook_secret(tenant: Tenant, as_json: Json = False) -> None:
    """What the tenant checks the signatures of callbacks with."""
    from data411_mcp.commands import office

    with typed_errors(as_json):
        found = office.webhook_secret(settings_of(), tenant)
    typer.echo(json.dumps(found) if as_json else found["secret"])


def _line(key: dict[str, Any]) -> str:
    state = "in use"
    if ends := key["revoked_at"]:
        over = datetime.fromisoformat(ends) <= datetime.now(UTC)
        state = f"revoked {ends}" if over else f"in use until {ends}"
    return f"{key['id']}  {key['tenant']}  {','.join(key['scopes'])}  {state}  {key['name']}"
