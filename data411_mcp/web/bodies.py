"""Request bodies of the HTTP API that are not payloads of a route."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from data411_mcp.domain.pricing import CEILING_CENTS_MAX, CEILING_CENTS_MIN
from data411_mcp.services.payloads import LEAD_SESSION, PAYLOADS, SLOTS_RERUN

_CEILING: dict[str, Any] = {
    "anyOf": [
        {
            "type": "number",
            "minimum": CEILING_CENTS_MIN / 100,
            "maximum": CEILING_CENTS_MAX / 100,
            "multipleOf": 0.01,
        },
        {"type": "null"},
    ],
}


_LEAD = {
    "contact_id": 1737992709,
    "company": "Hoops & Gears and Clark",
    "domain": "hgautotech.com",
    "source_system": "demo_chat",
}
SESSION_EXAMPLES = {
    "first": {"summary": "A new lead", "value": {"lead": _LEAD}},
    "follow-up": {
        "summary": "More about it, in its chat",
        "value": {
            "chat_session_id": "ab62eb36cd134d70a58bc174d6b09185",
            "prompts": ["Rerun the Hunt Forge dig-deeper pass."],
        },
    },
}
JOB_EXAMPLES = {
    "session": {
        "summary": "A new lead, with a ceiling",
        "value": {"route": LEAD_SESSION, "payload": {"lead": _LEAD}, "bill_up_to_usd": 3.0},
    },
    "batch": {
        "summary": "All open slots again",
        "value": {
            "route": SLOTS_RERUN,
            "payload": {
                "chat_session_id": "ab62eb36cd134d70a58bc174d6b09185",
                "model_ids": ["data411-hunt-ground", "data411-crimson-span"],
            },
        },
    },
}


class JobBody(BaseModel):
    """A job to do. `payload` is the body that the route of the same name takes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    route: Annotated[str, Field(json_schema_extra={"enum": sorted(PAYLOADS)})]
    payload: dict[str, Any]
    bill_up_to_usd: Annotated[
        Any,  # looked at by services.accounts, which says what is allowed
        WithJsonSchema(_CEILING),
        Field(description="The most that the job may cost, in dollars and whole cents."),
    ] = None
    callback_url: Annotated[
        str | None,
        Field(description="https address that is told, signed, when the job has ended."),
    ] = None
