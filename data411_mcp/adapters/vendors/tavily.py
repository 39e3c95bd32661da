"""Tavily Search. https://docs.tavily.com/documentation/api-reference/endpoint/search

With a key as Bearer, without one in the vendor's keyless mode at low limits. Its quota speaks in
432 and 433 ("until someone pays"), its rate limit in 429.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from data411_mcp.adapters.politeness import retry_after_seconds
from data411_mcp.adapters.vendors.errors import (
    VendorHttp,
    VendorReply,
    parse_object,
    status_error,
)
from data411_mcp.domain.metering import metered
from data411_mcp.errors import LookupFailed, VendorError, VendorUnusable
from data411_mcp.services.ports import Clock, SearchHit
from data411_mcp.settings import Settings

BASE_URL = "https://api.tavily.com"
QUERY_CHARS_MAX = 400  # the vendor refuses longer ones
RESULTS_MAX = 20
CREDIT_USD_MICROS = 8_000  # pay as you go; a basic search is one credit, an extract a fifth
CONTENT_CHARS_MAX = 4000
TITLE_CHARS_MAX = 300
_TRACKING = ("utm_", "gclid", "fbclid", "msclkid", "mc_cid", "mc_eid", "srsltid")


@dataclass
class Tavily:
    """Implements `ports.SearchEngine`."""

    http: VendorHttp
    clock: Clock
    settings: Settings
    base_url: str = BASE_URL
    name = "tavily"

    async def search(
        self, query: str, *, max_results: int, deadline_seconds: float
    ) -> tuple[SearchHit, ...]:
        reply = await self.http.call(
            "POST",
            f"{self.base_url}/search",
            headers=self._headers(),
            json={
                "query": query.strip()[:QUERY_CHARS_MAX],
                "search_depth": "basic",
                "topic": "general",
                "max_results": max(1, min(max_results, RESULTS_MAX)),
                "include_answer": False,
                "include_raw_content": False,
                "include_images": False,
            },
            deadline_seconds=deadline_seconds,
        )
        if not 200 <= reply.status < 300:
            raise self._error(reply)
        if self.settings.tavily_api_key is not None:
            metered(CREDIT_USD_MICROS)
        answer = parse_object(reply.body)
        if "results" not in answer and "error" in answer:
            raise self._error(reply)
        return _hits(answer.get("results"))[:max_results]

    def _headers(self) -> dict[str, str]:
        key = self.settings.tavily_api_key
        if key is not None:
            return {"authorization": f"Bearer {key.get_secret_value()}"}
        return {"x-tavily-access-mode": "keyless"}

    def _error(self, reply: VendorReply) -> VendorError:
        """The vendor's own statuses, then the envelope of keyless refusals, then the usual map."""
        wait = retry_after_seconds(reply.headers, self.clock.now())
        if wait is None:
            wait = _seconds_in_envelope(reply.body)
        if reply.status in (432, 433):
            return VendorUnusable("no_credit")
        if self.settings.tavily_api_key is None:
            if reply.status == 429 or wait is not None:
                return LookupFailed("rate_limited", retry_after_seconds=wait)
            if reply.status in (401, 402, 403):
                return VendorUnusable("not_configured")
        if reply.status < 400:
            return LookupFailed("bad_reply")
        return status_error(reply.status, wait)


def _seconds_in_envelope(body: bytes) -> float | None:
    """`error.retry_after_seconds` of a keyless refusal."""
    try:
        error = json.loads(body)["error"]
        seconds = float(error["retry_after_seconds"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _hits(results: Any) -> tuple[SearchHit, ...]:
    """Hits with a usable address, each address once; wrong types are left out or read as text."""
    hits: dict[str, SearchHit] = {}
    for row in results if isinstance(results, list) else ():
        if not isinstance(row, dict):
            continue
        url = without_tracking(str(row.get("url") or ""))
        if not url or url in hits:
            continue
        hits[url] = SearchHit(
            url=url,
            title=str(row.get("title") or "")[:TITLE_CHARS_MAX],
            content=str(row.get("content") or "")[:CONTENT_CHARS_MAX],
            score=_score(row.get("score")),
        )
    return tuple(hits.values())


def _score(value: Any) -> float:
    try:
        score = float(value)
    except (TypeError, ValueError):
        return 0.0
    return min(1.0, max(0.0, score)) if math.isfinite(score) else 0.0


def without_tracking(url: str) -> str:
    """The address without utm_* and click ids; "" for anything but http and https."""
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host:
        return ""
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(k, v) for k, v in pairs if not k.casefold().startswith(_TRACKING)]
    query = parts.query if len(kept) == len(pairs) else urlencode(kept)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, parts.fragment))
