"""A tenant's account as its owner sees it, over every entrance."""

from __future__ import annotations

from data411_mcp.services.accounts import Accounts
from data411_mcp.services.job_views import AccountView, Prices, TransferView

TRANSFERS_SHOWN = 50


async def account_view(accounts: Accounts, tenant: str) -> AccountView:
    balances = await accounts.balances(tenant)
    prices = accounts.prices
    posted = await accounts.store.transfers(tenant, limit=TRANSFERS_SHOWN)
    return AccountView(
        tenant=tenant,
        billing_mode=accounts.billing_mode,
        balance_usd=balances.customer / 100,
        held_usd=balances.held / 100,
        charged_usd=balances.earned / 100,
        prices=Prices(
            session_usd=prices.session_cents / 100,
            slot_usd=prices.slot_cents / 100,
            synthesis_usd=prices.synthesis_cents / 100,
            finding_usd=prices.finding_cents / 100,
            margin_percent=prices.margin_percent,
        ),
        transfers=[
            TransferView(
                id=t.id, kind=t.kind.value, usd=t.cents / 100, job_id=t.job_id, item=t.item,
                reason=t.reason,
            )
            for t in posted
        ],
    )  # fmt: skip
