"""Calls of tools, as our own words spell them, told as requests to this API."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote, urlencode

from pydantic import BaseModel

from data411_mcp.domain.calls import Arguments, spelled_otherwise
from data411_mcp.domain.graph import Backfill, Notice
from data411_mcp.services.icp.views import NextView
from data411_mcp.services.job_views import Fault

API = "/api/v1"

View = TypeVar("View", bound=BaseModel)

ROUTES = {
    "enrich_lead_session": f"POST {API}/enrich/lead-session",
    "rerun_hunt_slot": f"POST {API}/enrich/lead-session/slot-rerun",
    "resynthesize_lead_graph": f"POST {API}/enrich/lead-session/synthesize-patch",
    "investigate_unmerged_finding": f"POST {API}/enrich/lead-session/finding-rerun",
    "submit_enrich_job": f"POST {API}/enrich/jobs",
    "wait_enrich_job": f"GET {API}/enrich/jobs/{{job_id}}",
    "cancel_enrich_job": f"DELETE {API}/enrich/jobs/{{job_id}}",
    "get_lead_graph": f"GET {API}/leads/{{chat_session_id}}",
    "get_account": f"GET {API}/account",
    "icp_intake": "POST /icp/intake",
    "icp_confirm": "POST /icp/chat/confirm",
    "icp_accept": "POST /icp/accept",
    "icp_run_enrichment": "POST /icp/enrich/top10",
    "icp_status": "GET /api/orchestrations/{thread_id}",
    "icp_threads": "POST /threads/search",
}
_NAMED = re.compile(rf"(?<!\S)(?:{'|'.join(ROUTES)})(?=[\s.,;:]|$)")


def as_requests(text: str) -> str:
    """The text with every tool that has a route told as its request: a call with what it is called
    with, a name alone as method and path. Other text stays."""
    named = _NAMED.sub(lambda found: ROUTES[found[0]], text)
    return spelled_otherwise(named, _REQUESTS)


def in_requests(view: View) -> View:
    """The view with its own words so told: `next`, notices and errors. What pages, vendors and
    users have said is no word of ours and stays as it is."""
    told = {
        name: said
        for name in type(view).model_fields
        if (said := _said(view, name, held := getattr(view, name))) is not held
    }
    return view.model_copy(update=told) if told else view


_WORDS: dict[type[BaseModel], frozenset[str]] = {
    Fault: frozenset({"message", "hint"}),
    Notice: frozenset({"text"}),
}
_NEXT = frozenset({"next"})
_PARAMETERS = {"wait_seconds": "wait_s"}  # where the operation of a tool's name has another word


def _said(view: BaseModel, name: str, held: object) -> object:
    if isinstance(view, Backfill) and name != "notices":
        return held
    if isinstance(view, NextView) and name == "arguments":
        return {_PARAMETERS.get(k, k): v for k, v in view.arguments.items()}
    if isinstance(held, str):
        ours = name in _WORDS.get(type(view), _NEXT)
        return as_requests(held) if ours else held
    if isinstance(held, BaseModel):
        return in_requests(held)
    if isinstance(held, list | tuple) and held and isinstance(held[0], BaseModel):
        return type(held)(in_requests(one) for one in held)
    if isinstance(held, dict) and name == "error":
        return {k: as_requests(v) if isinstance(v, str) else v for k, v in held.items()}
    return held


def _post(tool: str) -> Callable[[Arguments], str]:
    return lambda a: f"{ROUTES[tool]} {json.dumps(a, ensure_ascii=False)}"


def _filled(tool: str, a: Arguments, name: str, **query: object) -> str:
    """The route with the id of that name in its path."""
    place = f"{{{name}}}"
    path = ROUTES[tool].replace(place, quote(str(a.get(name, place)), safe="{}"))
    return path + (f"?{urlencode(query, quote_via=quote)}" if query else "")


def _cancel(a: Arguments) -> str:
    slot = {"slot": a["slot"]} if a.get("slot") else {}
    retry = {"retry": "true"} if slot and a.get("retry") else {}
    return _filled("cancel_enrich_job", a, "job_id", **slot, **retry)


def _status(a: Arguments) -> str:
    if a.get("offset"):
        return f"GET /icp/top10?{urlencode({k: a[k] for k in ('thread_id', 'offset') if k in a})}"
    waits = {"wait_s": a["wait_seconds"]} if a.get("wait_seconds") else {}
    return _filled("icp_status", a, "thread_id", **waits)


def _threads(a: Arguments) -> str:
    thread = quote(str(a.get("thread_id", "{thread_id}")), safe="{}")
    body = json.dumps({"offset": a["offset"]} if a.get("offset") else {})
    actions = {
        "new": 'POST /api/orchestrations {"start_fresh": true}',
        "resume": f"POST /threads/{thread}/resume"
        if "thread_id" in a
        else "POST /threads/resume-eligible {}",
        "lock": f'PATCH /threads/{thread} {{"status": "locked"}}',
        "archive": f'PATCH /threads/{thread} {{"status": "archived"}}',
        "delete": f"DELETE /threads/{thread}",
        "cancel": f"POST /runs/cancel {json.dumps({'thread_id': a.get('thread_id', '')})}",
    }
    return actions.get(str(a.get("action")), f"{ROUTES['icp_threads']} {body}")


_REQUESTS: dict[str, Callable[[Arguments], str]] = {
    **{tool: _post(tool) for tool, route in ROUTES.items() if route.startswith("POST ")},
    "wait_enrich_job": lambda a: _filled("wait_enrich_job", a, "job_id", wait_s=45),
    "cancel_enrich_job": _cancel,
    "get_lead_graph": lambda a: _filled("get_lead_graph", a, "chat_session_id"),
    "get_account": lambda _: ROUTES["get_account"],
    "icp_status": _status,
    "icp_threads": _threads,
}
