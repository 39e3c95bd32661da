"""Money and keys from the command line. Only the store is opened: no network, no job is run."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import anyio

from data411_mcp.app import open_office
from data411_mcp.errors import InvalidArgument
from data411_mcp.services.access import checked_tenant
from data411_mcp.services.account_view import account_view
from data411_mcp.services.job_views import AccountView
from data411_mcp.settings import Settings

CREDIT_CENTS_MAX = 100_000_000  # a slip of the keyboard should not make a millionaire


def account(settings: Settings, tenant: str | None) -> AccountView:
    async def read() -> AccountView:
        async with open_office(settings) as office:
            return await account_view(office.accounts, checked_tenant(tenant or settings.tenant))

    return anyio.run(read)


def credit(
    settings: Settings, tenant: str, usd: str, note: str, reference: str | None
) -> dict[str, Any]:
    """`posted` is False when this reference was credited before. Raises InvalidArgument."""
    cents = cents_of(usd)

    async def posted() -> dict[str, Any]:
        async with open_office(settings) as office:
            known_as = reference or office.clock.new_id()
            new = await office.accounts.credit(
                checked_tenant(tenant), cents, known_as, note or "credit"
            )
            balances = await office.accounts.balances(tenant)
            return {
                "tenant": tenant,
                "posted": new,
                "credited_usd": cents / 100 if new else 0.0,
                "reference": known_as,
                "balance_usd": balances.customer / 100,
            }

    return anyio.run(posted)


def cents_of(usd: str) -> int:
    """Positive whole cents of a decimal number. Raises InvalidArgument."""
    try:
        cents = Decimal(usd) * 100
    except InvalidOperation:
        cents = Decimal(0)
    usable = cents.is_finite() and cents == cents.to_integral_value()
    if not usable or not 0 < cents <= CREDIT_CENTS_MAX:
        raise InvalidArgument(
            "--usd must be a positive amount in whole cents.", "Write e.g. --usd 10.00"
        )
    return int(cents)


def create_key(settings: Settings, tenant: str, name: str, scopes: list[str]) -> dict[str, Any]:
    """The one time that the secret is shown."""

    async def created() -> dict[str, Any]:
        async with open_office(settings) as office:
            key, secret = await office.access.create_key(tenant, name, scopes)
            return _shown(key) | {"key": secret}

    return anyio.run(created)


def rotate_key(
    settings: Settings, key_id: str, tenant: str | None, grace_hours: int
) -> dict[str, Any]:
    """Likewise; `replaces` is the id of the key whose place it takes."""

    async def rotated() -> dict[str, Any]:
        async with open_office(settings) as office:
            key, secret = await office.access.rotate_key(
                key_id, tenant=tenant, grace=timedelta(hours=grace_hours)
            )
            return _shown(key) | {"replaces": key_id, "key": secret}

    return anyio.run(rotated)


def list_keys(settings: Settings, tenant: str | None) -> list[dict[str, Any]]:
    async def listed() -> list[dict[str, Any]]:
        async with open_office(settings) as office:
            return [_shown(key) for key in await office.access.keys(tenant)]

    return anyio.run(listed)


def revoke_key(settings: Settings, key_id: str, tenant: str | None) -> dict[str, Any]:
    async def revoked() -> dict[str, Any]:
        async with open_office(settings) as office:
            await office.access.revoke_key(key_id, tenant=tenant)
            return {"id": key_id, "revoked": True}

    return anyio.run(revoked)


def webhook_secret(settings: Settings, tenant: str) -> dict[str, Any]:
    async def read() -> dict[str, Any]:
        async with open_office(settings) as office:
            secret = await office.callbacks.webhook_secret(checked_tenant(tenant))
            return {"tenant": tenant, "secret": secret}

    return anyio.run(read)


def _shown(key: Any) -> dict[str, Any]:
    return {
        "id": key.id,
        "tenant": key.tenant,
        "name": key.name,
        "scopes": sorted(s.value for s in key.scopes),
        "created_at": key.created_at.isoformat(),
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at is not None else None,
    }
