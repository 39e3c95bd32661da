"""Signed notices to customers' servers, as https://www.standardwebhooks.com has them, through the
address guard.

The connections are of their own: a receiver that hangs takes no place from pages or vendors, and
the addresses that the operator trusts for vendors are not trusted here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import anyio
import httpx2

from data411_mcp.adapters import guard
from data411_mcp.adapters.http import (
    CLOSE_SECONDS,
    closing_clients,
    failure_of,
    guarded_client,
    within,
)
from data411_mcp.errors import PageRefused
from data411_mcp.network import Network
from data411_mcp.settings import Settings

CONNECTIONS_MAX = 40


@dataclass(frozen=True)
class WebhookDoor:
    """Implements `services.callbacks.CallbackDoor`."""

    client: httpx2.AsyncClient

    def check(self, url: str) -> None:
        """Raises PageRefused: scheme, port, userinfo, fragment, address, ip_literal,
        private_name, malformed."""
        guard.check_hop(url)
        parsed = httpx2.URL(url)
        if parsed.scheme != "https":
            raise PageRefused("scheme", "Only https is called back.")
        if parsed.port not in (None, 443):
            raise PageRefused("port", "Only port 443 is called back.")
        if "#" in url:
            raise PageRefused("fragment", "A fragment is never sent.")

    async def deliver(
        self,
        url: str,
        *,
        secret: bytes,
        message_id: str,
        at: datetime,
        body: bytes,
        deadline_seconds: float,
    ) -> int:
        """See the protocol. `at` is aware; the signature covers message id, time and body."""
        self.check(url)
        from standardwebhooks import Webhook  # with the first notice

        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign(
                message_id, at.astimezone(UTC), body.decode()
            ),
            "connection": "close",  # so that each attempt looks at the address anew
        }
        with within(deadline_seconds):
            try:
                request = self.client.build_request("POST", url, headers=headers, content=body)
                response = await self.client.send(request, stream=True, follow_redirects=False)
            except httpx2.HTTPError as error:
                raise failure_of(error) from error
            # The status is all that counts; the rest of the answer is left unread.
            with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                await response.aclose()
        return response.status_code


@asynccontextmanager
async def open_door(network: Network, settings: Settings) -> AsyncIterator[WebhookDoor]:
    """The door of one process; closes its connections at the end."""
    client = guarded_client(guard.GuardedBackend(network), settings, CONNECTIONS_MAX)
    async with closing_clients(client):
        yield WebhookDoor(client)
