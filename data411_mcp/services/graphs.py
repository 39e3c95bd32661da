"""The stored graph of a chat; an empty one where nothing has run yet."""

from __future__ import annotations

from data411_mcp.domain.graph import Backfill
from data411_mcp.domain.lead import Lead
from data411_mcp.errors import NotFound
from data411_mcp.services.ports import SessionRow, Store


async def load_session(store: Store, tenant: str, chat_session_id: str) -> SessionRow:
    """Raises NotFound; another tenant's chat looks the same."""
    row = await store.session(tenant, chat_session_id)
    if row is None:
        raise NotFound("There is no such chat.", "Call enrich_lead_session with a lead first.")
    return row


def graph_of(row: SessionRow) -> Backfill:
    if row.backfill is None:
        lead = Lead.model_validate_json(row.lead)
        return Backfill(chat_session_id=row.chat_session_id, lead=lead)
    return Backfill.model_validate_json(row.backfill)
