"""api.tavily.com: /search and /extract."""

from __future__ import annotations

import math
import uuid
from typing import Any
from urllib.parse import unquote, urlsplit

from data411_mcp.twins.keys import KeyState, key_state
from data411_mcp.twins.markdown import render
from data411_mcp.twins.pages import Sites
from data411_mcp.twins.searching import SearchIndex
from data411_mcp.twins.wire import Reply, Request, json_reply

QUERY_CHARACTERS_MAX = 400
EXTRACT_URLS_MAX = 20
USD_MICROS_PER_CREDIT = 8_000
_TEXTS = {
    400: "Query is missing.",
    401: "Unauthorized: missing or invalid API key.",
    403: "This URL is not supported.",
    429: "Your request has been blocked due to excessive requests.",
    432: "This request exceeds your plan's set usage limit. Please upgrade your plan.",
    433: "This request exceeds the pay-as-you-go limit.",
    500: "Internal Server Error",
}


def error_body(code: int, message: str = "") -> dict[str, Any]:
    return {"detail": {"error": message or _TEXTS.get(code, "Internal Server Error")}}


def keyless(request: Request) -> bool:
    """The vendor's keyless mode: no Authorization, and a header that asks for it."""
    mode = request.headers.get("x-tavily-access-mode", "").lower()
    return "authorization" not in request.headers and mode == "keyless"


def limited(request: Request, wait_seconds: float) -> Reply:
    after = str(max(1, math.ceil(wait_seconds)))
    if not keyless(request):
        return json_reply(error_body(429), 429, headers={"retry-after": after})
    error = {
        "code": "rate_limited",
        "message": "Keyless limit reached.",
        "window": "minute",
        "retry_after_seconds": int(after),
        "next_actions": ["wait", "use_api_key"],
    }
    return json_reply({"error": error}, 429, headers={"retry-after": after})


def answer(sites: Sites, index: SearchIndex, request: Request) -> Reply:
    if request.path not in ("/search", "/extract") or request.method != "POST":
        return json_reply({"detail": "Not Found"}, 404)
    if not keyless(request):
        state = key_state("tavily", request.bearer)
        if state in (KeyState.ABSENT, KeyState.BAD):
            return json_reply(error_body(401), 401)
        if state is KeyState.SPENT:
            return json_reply(error_body(432), 432)
    body = request.json
    if not isinstance(body, dict):
        detail = [{"loc": ["body"], "msg": "value is not a valid dict", "type": "type_error.dict"}]
        return json_reply({"detail": detail}, 422)
    if request.path == "/search":
        return _search(index, body, paid=not keyless(request))
    return _extract(sites, body, paid=not keyless(request))


def _search(index: SearchIndex, body: dict[str, Any], *, paid: bool) -> Reply:
    query = str(body.get("query") or "").strip()
    if not query:
        return json_reply(error_body(400), 400)
    if len(query) > QUERY_CHARACTERS_MAX:
        return json_reply(error_body(400, "Max query length is 400 characters."), 400)
    limit = body.get("max_results", 5)
    if not isinstance(limit, int) or not 0 <= limit <= 20:
        detail = [{"loc": ["body", "max_results"], "msg": "must be between 0 and 20"}]
        return json_reply({"detail": detail}, 422)
    only = body.get("include_domains") or ()
    found = index.search(
        query,
        engine="tavily",
        limit=limit,
        only=only if body.get("include_domains_mode") != "prefer" else (),
        without=body.get("exclude_domains") or (),
    )
    raw = bool(body.get("include_raw_content"))
    credits = 2 if body.get("search_depth") == "advanced" else 1
    reply = {
        "query": query,
        "follow_up_questions": None,
        "answer": found.answer if body.get("include_answer") else None,
        "images": [],
        "results": [
            {
                "url": hit.url,
                "title": hit.title,
                "content": hit.content,
                "score": hit.score,
                "raw_content": hit.raw_content if raw else None,
            }
            for hit in found.results
        ],
        "response_time": 0.89,
        "request_id": _request_id(query),
    }
    return _priced(reply, credits, body, paid=paid)


def _extract(sites: Sites, body: dict[str, Any], *, paid: bool) -> Reply:
    urls = body.get("urls") or []
    urls = [urls] if isinstance(urls, str) else list(urls)
    if not urls:
        return json_reply(error_body(400, "URLs are missing."), 400)
    if len(urls) > EXTRACT_URLS_MAX:
        return json_reply(error_body(400, "Max 20 URLs are allowed."), 400)
    results: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    for url in map(str, urls):
        parts = urlsplit(url)
        try:
            page = sites.page(parts.hostname or "", unquote(parts.path) or "/")
        except KeyError:
            page = None
        if page is None or page.status != 200 or not page.is_html:
            failed.append({"url": url, "error": "Failed to fetch url"})
            continue
        shown = render(page.text, url)
        content = shown.text if body.get("format") == "text" else shown.markdown
        results.append({"url": url, "raw_content": content, "images": []})
    reply = {
        "results": results,
        "failed_results": failed,
        "response_time": 1.7,
        "request_id": _request_id(" ".join(map(str, urls))),
    }
    each = 2 if body.get("extract_depth") == "advanced" else 1
    return _priced(reply, math.ceil(len(results) / 5) * each, body, paid=paid)


def _priced(reply: dict[str, Any], credits: int, body: dict[str, Any], *, paid: bool) -> Reply:
    if body.get("include_usage"):
        reply["usage"] = {"credits": credits}
    return json_reply(reply, cost_usd_micros=credits * USD_MICROS_PER_CREDIT if paid else 0)


def _request_id(seed: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, seed))
