"""Calls of tools, as the hints spell them, told as requests to this API."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote

from data411_mcp.domain.calls import Arguments, spelled_otherwise

API = "/api/v1"


def as_requests(text: str) -> str:
    """The text with every call that has a route replaced by its request; other text stays."""
    return spelled_otherwise(text, _REQUESTS)


def _post(path: str) -> Callable[[Arguments], str]:
    return lambda a: f"POST {API}{path} {json.dumps(a, ensure_ascii=False)}"


def _job(a: Arguments) -> str:
    return f"{API}/enrich/jobs/{quote(str(a.get('job_id', '{job_id}')), safe='{}')}"


def _cancel(a: Arguments) -> str:
    slot = f"?slot={quote(str(a['slot']))}" if a.get("slot") else ""
    return f"DELETE {_job(a)}{slot}{'&retry=true' if slot and a.get('retry') else ''}"


_REQUESTS: dict[str, Callable[[Arguments], str]] = {
    "enrich_lead_session": _post("/enrich/lead-session"),
    "rerun_hunt_slot": _post("/enrich/lead-session/slot-rerun"),
    "resynthesize_lead_graph": _post("/enrich/lead-session/synthesize-patch"),
    "investigate_unmerged_finding": _post("/enrich/lead-session/finding-rerun"),
    "submit_enrich_job": _post("/enrich/jobs"),
    "wait_enrich_job": lambda a: f"GET {_job(a)}?wait_s=45",
    "cancel_enrich_job": _cancel,
    "get_lead_graph": lambda a: f"GET {API}/leads/{quote(str(a.get('chat_session_id', '')))}",
    "get_account": lambda a: f"GET {API}/account",
}
