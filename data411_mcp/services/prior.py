"""`prior_backfill`: the caller's copy of the graph. The server's own always wins; the copy is
used only where the server has none, and then everything in it is unproven."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from data411_mcp.domain.graph import (
    SCHEMA_VERSION,
    Backfill,
    Notice,
    Statement,
    Status,
    statement_id,
)
from data411_mcp.domain.lead_binding import Refused, bind
from data411_mcp.domain.merge import assemble, statements_of
from data411_mcp.errors import PriorBackfillInvalid, StaleVersion
from data411_mcp.services.forgetting import Tombstones
from data411_mcp.services.ports import Clock, Store
from data411_mcp.services.requests import BoundSession

PRIOR_BYTES_MAX = 1_500_000
STATEMENTS_MAX = 2_000
_LEAVE_OUT = "Leave prior_backfill out: the server keeps the graph."


async def take_prior(
    store: Store,
    clock: Clock,
    bound: BoundSession,
    raw: Mapping[str, Any] | None,
    erased: Tombstones,
) -> BoundSession:
    """The bound session with a graph: the stored one, else the caller's copy, which is stored.
    Raises PriorBackfillInvalid."""
    if raw is None:
        return bound
    check_size(raw)
    if bound.row.backfill is not None:
        return _ignored(bound, raw)
    graph = erased.without(unproven_copy(raw, bound))
    chat = bound.row.chat_session_id
    try:
        version = await store.save_backfill(
            bound.tenant,
            chat,
            graph.model_dump_json(by_alias=True),
            expected_version=bound.row.version,
            at=clock.now(),
        )
        row = replace(bound.row, backfill=graph.model_dump_json(by_alias=True), version=version)
    except StaleVersion:
        row = await store.session(bound.tenant, chat) or bound.row
    note = Notice(
        code="PRIOR_BACKFILL_UNPROVEN",
        text="The server had no graph of this chat; yours was taken in, all of it unproven.",
    )
    return replace(bound, row=row, notices=(*bound.notices, note))


def check_size(raw: Mapping[str, Any]) -> None:
    if len(json.dumps(raw, ensure_ascii=False)) > PRIOR_BYTES_MAX:
        raise PriorBackfillInvalid(
            f"prior_backfill is larger than {PRIOR_BYTES_MAX:,} characters.", _LEAVE_OUT
        )


def unproven_copy(raw: Mapping[str, Any], bound: BoundSession) -> Backfill:
    """The statements of the caller's copy as claims: no evidence, no anchor, no summary, no
    trace is taken over."""
    if raw.get("schema_version", SCHEMA_VERSION) != SCHEMA_VERSION:
        raise PriorBackfillInvalid(
            f"prior_backfill has another schema version; this server writes {SCHEMA_VERSION}.",
            _LEAVE_OUT,
        )
    empty = Backfill(chat_session_id=bound.row.chat_session_id, lead=bound.lead)
    try:
        copy = Backfill.model_validate(
            {"chat_session_id": empty.chat_session_id, "lead": empty.lead, **raw}
        )
    except ValidationError as error:
        raise PriorBackfillInvalid(
            "prior_backfill is not a graph as this server writes it.", _LEAVE_OUT
        ) from error
    if isinstance(bind(bound.lead, copy.lead), Refused):
        raise PriorBackfillInvalid("prior_backfill is about another lead.", _LEAVE_OUT)
    claims = [_claim(s) for s in statements_of(copy)[:STATEMENTS_MAX]]
    return assemble(empty, claims, [])


def _claim(statement: Statement) -> Statement:
    return statement.model_copy(
        update={
            "id": statement_id(statement.owner, statement.field, statement.value),
            "status": Status.UNPROVEN,
            "reason": "from the caller's copy of the graph",
            "score": 0.0,
            "confidence": None,
            "evidence": (),
            "alternatives": (),
        }
    )


def _ignored(bound: BoundSession, raw: Mapping[str, Any]) -> BoundSession:
    """Told only when the copy says that it is another state of the graph."""
    stored = Backfill.model_validate_json(bound.row.backfill or "")
    said = raw.get("graph_fingerprint")
    if not said or said == stored.graph_fingerprint:
        return bound
    note = Notice(
        code="PRIOR_BACKFILL_IGNORED",
        text="Your copy differs from the server's graph; the server's was used.",
    )
    return replace(bound, notices=(*bound.notices, note))
