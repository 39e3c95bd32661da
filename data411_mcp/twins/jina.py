"""r.jina.ai and s.jina.ai."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import unquote, urljoin, urlsplit

from data411_mcp.twins.http_server import is_literal
from data411_mcp.twins.keys import KeyState, key_state
from data411_mcp.twins.markdown import Rendered, render
from data411_mcp.twins.pages import SitePage, Sites
from data411_mcp.twins.searching import SearchIndex
from data411_mcp.twins.wire import Reply, Request, json_reply, text_reply

Echo = Literal["asked", "final"]

REDIRECTS_MAX = 10
USD_MICROS_PER_1000_TOKENS = 20
SEARCH_TOKENS_MIN = 10_000
_STATUS = {
    400: (40001, "ParamValidationError"),
    401: (40103, "AuthenticationRequiredError"),
    402: (40203, "InsufficientBalanceError"),
    409: (40904, "BudgetExceededError"),
    422: (42206, "AssertionFailureError"),
    429: (42903, "RateLimitTriggeredError"),
    451: (45102, "SecurityCompromiseError"),
    503: (50303, "ServiceNodeResourceDrainError"),
}
_CAPTCHA = (
    "This page maybe requiring CAPTCHA, please make sure you are authorized to access this page."
)


def error_body(code: int, message: str = "") -> dict[str, Any]:
    """The service's envelope: `code` is the HTTP status, `status` has five digits."""
    status, name = _STATUS.get(code, (code * 100, "InternalServerError"))
    message = message or f"The twin was told to answer {code}"
    return {
        "data": None,
        "code": code,
        "name": name,
        "status": status,
        "message": message,
        "readableMessage": f"{name}: {message}",
    }


def limited(wait_seconds: float, calls: int) -> Reply:
    body = error_body(429, f"Rate limit exceeded ({calls} times in last 60 seconds)")
    after = max(1, round(wait_seconds))
    return json_reply(body | {"retryAfter": after}, 429, headers={"retry-after": str(after)})


def refuse_key(request: Request, *, required: bool) -> Reply | None:
    state = key_state("jina", request.bearer)
    if state is KeyState.BAD:
        message = "Invalid API key, please check your API key"
        return json_reply({**error_body(401, message), "status": 40102}, 401)
    if state is KeyState.SPENT:
        return json_reply(error_body(402, "Account balance not enough to run this query"), 402)
    if required and state is KeyState.ABSENT:
        message = (
            "Authentication is required to use this endpoint. Please provide a valid API key"
            " via Authorization header."
        )
        return json_reply(error_body(401, message), 401)
    return None


def read(sites: Sites, echo: Echo, request: Request) -> Reply:
    """GET /<target URL>, or POST / with {"url": …}. `echo`: which address the text form names
    as its source, the one asked for or the one after redirects; both have been seen."""
    refused = refuse_key(request, required=False)
    if refused is not None:
        return refused
    target = _target(request)
    parts = urlsplit(target)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return json_reply({**error_body(400, "Invalid URL"), "path": "url"}, 400)
    if is_literal(parts.hostname) or parts.hostname == "localhost":
        return json_reply(error_body(400, f"Invalid hostname: {parts.hostname}"), 400)
    try:
        final, page = _follow(sites, target)
    except KeyError:
        return json_reply(error_body(422, f"Failed to resolve {parts.hostname}"), 422)
    if not page.body.strip():
        return json_reply(error_body(422, f"No content available for URL {target}"), 422)
    return _rendered(request, target if echo == "asked" else final, final, page)


def _target(request: Request) -> str:
    if request.method == "POST":
        body = request.json if isinstance(request.json, dict) else {}
        return str(body.get("url", ""))
    raw = request.target[1:]
    return raw if "://" in raw else unquote(raw)


def _follow(sites: Sites, url: str) -> tuple[str, SitePage]:
    """Follow redirects as a browser does. KeyError for a host nobody knows."""
    page = SitePage(508, {}, b"")
    for _ in range(REDIRECTS_MAX):
        parts = urlsplit(url)
        page = sites.page(parts.hostname or "", unquote(parts.path) or "/")
        location = page.headers.get("location")
        if not (300 <= page.status < 400 and location):
            break
        url = urljoin(url, location)
    return url, page


def _warning(page: SitePage, rendered: Rendered) -> str | None:
    if page.status >= 400:
        phrase = HTTPStatus(page.status).phrase if page.status in _KNOWN else "Unknown"
        return f"Target URL returned error {page.status}: {phrase}"
    if "captcha" in rendered.markdown.lower()[:2000]:
        return _CAPTCHA
    return None


_KNOWN = frozenset(int(status) for status in HTTPStatus)


def _rendered(request: Request, source: str, final: str, page: SitePage) -> Reply:
    if page.is_html:
        rendered = render(page.text, final)
    else:
        rendered = Rendered("", "", "", page.text, page.text, {}, {})
    form = request.headers.get("x-respond-with") or request.headers.get("x-return-format", "")
    content = {"html": page.text, "text": rendered.text}.get(form, rendered.markdown)
    warning = _warning(page, rendered)
    tokens = max(1, len(content) // 4)
    budget = request.headers.get("x-token-budget", "")
    if budget.isdigit() and tokens > int(budget):
        message = f"Token budget ({budget}) exceeded, intended charge amount {tokens}"
        return json_reply(error_body(409, message), 409)
    cap = request.headers.get("x-max-tokens", "")
    if cap.isdigit() and tokens > int(cap):
        content, tokens = content[: int(cap) * 4], int(cap)
    cost = tokens * USD_MICROS_PER_1000_TOKENS // 1000 if request.bearer else 0
    published = page.headers.get("last-modified")
    if "json" in request.headers.get("accept", ""):
        data = _json_data(rendered, final, content, tokens)
        data |= {"publishedTime": published} if published else {}
        data |= {"warning": warning} if warning else {}
        envelope = {
            "code": 200,
            "status": 20000,
            "data": data,
            "meta": {"usage": {"tokens": tokens}},
        }
        return json_reply(envelope, cost_usd_micros=cost)
    if form in ("html", "text"):
        return Reply(
            200, {"content-type": "text/plain; charset=utf-8"}, content.encode(), None, cost
        )
    head = [f"Title: {rendered.title}", f"URL Source: {source}"]
    head += [f"Published Time: {published}"] if published else []
    head += [f"Warning: {warning}"] if warning else []
    text = "\n\n".join(head) + f"\n\nMarkdown Content:\n{content}\n"
    if request.headers.get("x-with-links-summary") == "true":
        rows = [f"- [{name}]({link})" for name, link in rendered.links.items()]
        text += "\nLinks/Buttons:\n" + "\n".join(rows) + "\n"
    headers = {"content-type": "text/plain; charset=utf-8", "x-usage-tokens": str(tokens)}
    return Reply(200, headers, text.encode(), None, cost)


def _json_data(rendered: Rendered, url: str, content: str, tokens: int) -> dict[str, Any]:
    return {
        "title": rendered.title,
        "description": rendered.description,
        "url": url,
        "content": content,
        "links": rendered.links,
        "images": rendered.images,
        "metadata": {"lang": rendered.lang},
        "usage": {"tokens": tokens},
    }


def search(index: SearchIndex, request: Request) -> Reply:
    """GET /<query> or /?q=…; a key is required."""
    refused = refuse_key(request, required=True)
    if refused is not None:
        return refused
    body = request.json if isinstance(request.json, dict) else {}
    query = request.arg("q") or str(body.get("q", "")) or request.path.lstrip("/")
    count = request.arg("num", "count", default="10")
    limit = min(int(count), 20) if count.isdigit() else 10
    found = index.search(query, engine="jina", limit=limit)
    if not found.results:
        return json_reply(error_body(422, f"No search results available for query {query}"), 422)
    bare = request.headers.get("x-respond-with") == "no-content"
    rows = [
        {
            "title": hit.title,
            "url": hit.url,
            "description": hit.content,
            **({} if bare else {"content": hit.raw_content or hit.content}),
            "usage": {"tokens": len(hit.content) // 4},
        }
        for hit in found.results
    ]
    tokens = max(SEARCH_TOKENS_MIN, sum(len(hit.raw_content or "") // 4 for hit in found.results))
    cost = tokens * USD_MICROS_PER_1000_TOKENS // 1000
    if "json" not in request.headers.get("accept", ""):
        blocks = [
            f"[{n}] Title: {row['title']}\n[{n}] URL Source: {row['url']}\n"
            f"[{n}] Description: {row['description']}"
            for n, row in enumerate(rows, start=1)
        ]
        reply = text_reply("\n\n".join(blocks) + "\n")
        return Reply(200, reply.headers, reply.body, None, cost)
    envelope = {"code": 200, "status": 20000, "data": rows, "meta": {"usage": {"tokens": tokens}}}
    return json_reply(envelope, cost_usd_micros=cost)
