"""Which twin answers a request, and what limits, latency and faults do to the answer."""

from __future__ import annotations

import random
import re
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio

from data411_mcp.twins import (
    apify,
    datagovsg,
    jina,
    openrouter,
    registries,
    tavily,
    verifiers,
    wikidata,
)
from data411_mcp.twins.faults import ErrorBody, FaultScript, spoil
from data411_mcp.twins.pages import Sites, site_reply
from data411_mcp.twins.rows import LlmRow
from data411_mcp.twins.searching import SearchIndex
from data411_mcp.twins.timing import LIMITS, PROFILES, TokenBucket
from data411_mcp.twins.wire import HangUp, Reply, Request, json_reply, text_reply
from data411_mcp.twins.world import World

LOGGED_HEADERS = frozenset(
    {"user-agent", "accept", "content-type", "x-tavily-access-mode", "x-engine", "x-timeout"}
)
# Vendors that take the key as an argument.
_KEY_ARGUMENT = re.compile(r"(?<=[?&])(api_key|key|token)=[^&]*")
# Names by which a client sees that it is online at all.
ALWAYS_THERE = ("www.iana.org", "one.one.one.one")
VENDOR_HOSTS: Mapping[str, str] = {
    "r.jina.ai": "jina_reader",
    "s.jina.ai": "jina_search",
    "api.tavily.com": "tavily",
    "openrouter.ai": "openrouter",
    "api.gleif.org": "gleif",
    "www.sec.gov": "edgar",
    "data.sec.gov": "edgar",
    "www.wikidata.org": "wikidata",
    "query.wikidata.org": "wikidata",
    **dict.fromkeys(datagovsg.HOSTS, "acra"),
    datagovsg.FILES_HOST: "acra_files",
    "api.apify.com": "apify",
    **dict.fromkeys(verifiers.ZEROBOUNCE_HOSTS, "zerobounce"),
    "api.hunter.io": "hunter",
    "api.neverbounce.com": "neverbounce",
    **dict.fromkeys(registries.RDAP_HOSTS, "rdap"),
}


@dataclass(frozen=True)
class RequestLog:
    """One request as it came in. `key` says whether a key was sent, never which. `at` is seconds
    since the twins started; `vendor` is "web" for pages."""

    host: str
    method: str
    path: str
    target: str
    headers: Mapping[str, str]
    json: Any
    at: float
    vendor: str
    key: bool


class Exchange:
    """Decides what each request is answered: limits, then the vendor, then latency and faults."""

    def __init__(
        self, world: World, faults: FaultScript, *, latency: float, seed: int, rate_limits: bool
    ) -> None:
        self.log: list[RequestLog] = []
        self.bill: Counter[str] = Counter()
        self._started = anyio.current_time()
        self._faults = faults
        self._latency = latency
        self._seed = seed
        self._buckets: dict[str, TokenBucket] | None = {} if rate_limits else None
        self._sites = Sites(world.sites)
        self._index = SearchIndex(world.search, self._sites)
        self._llm = openrouter.OpenRouter(world.llm)
        self._datagov = datagovsg.DataGovSg(world.acra)
        self._apify = apify.Apify(world.companies, world.people, self.bill)
        self._repeats: Counter[str] = Counter()
        self._vendors: Mapping[str, Callable[[Request], Reply | None]] = {
            "jina_reader": partial(jina.read, self._sites, world.info.jina_echo),
            "jina_search": partial(jina.search, self._index),
            "tavily": partial(tavily.answer, self._sites, self._index),
            "gleif": partial(registries.gleif, world.gleif),
            "edgar": partial(registries.edgar, world.edgar),
            "rdap": partial(registries.rdap, world.rdap),
            "acra": self._datagov.answer,
            "acra_files": self._datagov.answer,
            "zerobounce": partial(verifiers.zerobounce, world.mailboxes),
            "hunter": partial(verifiers.hunter, world.mailboxes),
            "neverbounce": partial(verifiers.neverbounce, world.mailboxes),
            "wikidata": partial(_wikidata, world),
        }

    async def handle(self, request: Request) -> Reply:
        vendor = VENDOR_HOSTS.get(request.host, "web")
        slot = openrouter.slot_of(request) if vendor == "openrouter" else None
        self._record(request, vendor)
        rng = self._rng(request)
        profile = PROFILES[_profile(vendor, request)]
        said = _profile(vendor, request) if vendor == "apify" else vendor
        fault = self._faults.match(request, said, slot)
        factor = self._faults.mix_factor(request, said, slot)
        answer: Callable[[], tuple[Reply, LlmRow | None]] = partial(self._reply, request, vendor)
        if vendor == "apify" and (fault is None or fault.kind != "status"):
            wait, answer = self._run(request, rng, factor)  # a refused call starts none
        else:
            wait = profile.latency_seconds(rng) * self._latency
        if fault is None:
            fault = profile.failure(rng, factor) if factor else None
        if wait:
            await anyio.sleep(wait)
        reply, row = answer()
        if row is not None and row.delay_seconds:
            await anyio.sleep(row.delay_seconds)
        fault = fault or (row.fault if row is not None else None)
        if fault is not None:
            reply = await spoil(fault, reply, _ERROR_BODIES[vendor])
        if reply.cost_usd_micros:
            self.bill[vendor] += reply.cost_usd_micros
        return reply

    def _run(
        self, request: Request, rng: random.Random, factor: float
    ) -> tuple[float, Callable[[], tuple[Reply, LlmRow | None]]]:
        """A call to Apify: how long a run takes is its own, not the call's."""
        limited = self._limited(request, "apify")
        if limited is not None:
            return 0.0, lambda: (limited, None)
        try:
            wait, answer = self._apify.answer(request, rng, self._latency, factor)
        except (AttributeError, KeyError, TypeError, ValueError):
            return 0.0, lambda: (_refusal("apify", 400), None)
        return wait, lambda: (answer(), None)

    def _reply(self, request: Request, vendor: str) -> tuple[Reply, LlmRow | None]:
        limited = self._limited(request, vendor)
        if limited is not None:
            return limited, None
        try:
            if vendor == "openrouter" and request.path.startswith("/api/"):
                return self._llm.answer(request)
            answer = self._vendors[vendor](request) if vendor in self._vendors else None
        except (AttributeError, KeyError, TypeError, ValueError):
            # Arguments of the wrong shape: the vendor would refuse them, and one client's
            # mistake must not end the twins of all.
            return _refusal(vendor, 400), None
        if answer is not None:
            return answer, None
        try:
            return site_reply(self._sites, request), None
        except KeyError:
            if vendor == "web":  # nobody lives here: the name does not exist in DNS either
                raise HangUp from None
            return text_reply("Not Found", 404), None

    def _limited(self, request: Request, vendor: str) -> Reply | None:
        limit_name = _limit_name(vendor, request)
        if self._buckets is None or limit_name not in LIMITS:
            return None
        key = f"{limit_name}:{_key(request)}"
        bucket = self._buckets.setdefault(key, TokenBucket(LIMITS[limit_name]))
        wait = bucket.take(anyio.current_time())
        if not wait:
            return None
        if vendor in ("jina_reader", "jina_search"):
            return jina.limited(wait, LIMITS[limit_name].calls)
        if vendor == "tavily":
            return tavily.limited(request, wait)
        if vendor == "hunter":
            return _refusal(vendor, 403)  # this vendor's word for it
        if vendor == "acra":
            return _refusal(vendor, 429)  # the wait stands in the text only
        return _refusal(vendor, 429, {"retry-after": str(max(1, round(wait)))})

    def _record(self, request: Request, vendor: str) -> None:
        self.log.append(
            RequestLog(
                host=request.host,
                method=request.method,
                path=request.path,
                target=_KEY_ARGUMENT.sub(r"\1=…", request.target),
                headers={k: v for k, v in request.headers.items() if k in LOGGED_HEADERS},
                json=request.json,
                at=anyio.current_time() - self._started,
                vendor=vendor,
                key=bool(_key(request)) or "authorization" in request.headers,
            )
        )

    def _rng(self, request: Request) -> random.Random:
        """Draws depend on the request and on how often it came, so that runs can be repeated."""
        name = f"{request.method} {request.host}{request.target} {zlib.crc32(request.body):08x}"
        self._repeats[name] += 1
        return random.Random(f"{self._seed}|{name}|{self._repeats[name]}")  # noqa: S311


def _wikidata(world: World, request: Request) -> Reply:
    if request.host == "query.wikidata.org":
        return wikidata.sparql(world.wikidata, request)
    return wikidata.api(world.wikidata, request)


def _refusal(vendor: str, status: int, headers: Mapping[str, str] | None = None) -> Reply:
    """The vendor's own error envelope; pages for those who have none."""
    body = _ERROR_BODIES[vendor](status)
    if isinstance(body, str):
        return Reply(status, {**(headers or {}), "content-type": "text/html"}, body.encode())
    return json_reply(body, status, headers=headers)


def _key(request: Request) -> str:
    given = request.bearer or request.headers.get("x-api-key")
    return given or request.arg("api_key", "key", "token")


def _profile(vendor: str, request: Request) -> str:
    if vendor == "apify":
        return apify.kind_of(request)
    if vendor == "openrouter":
        return openrouter.profile_of(request)
    if vendor == "tavily":
        body = request.json if isinstance(request.json, dict) else {}
        if request.path == "/extract":
            return "tavily_extract"
        deep = body.get("search_depth") == "advanced"
        return "tavily_search_advanced" if deep else "tavily_search"
    return vendor


def _limit_name(vendor: str, request: Request) -> str:
    keyed = "keyed" if request.bearer else "keyless"
    if vendor in ("jina_reader", "jina_search", "tavily"):
        return f"{vendor}:{keyed}"
    if vendor == "acra":
        name = "acra_download" if request.path.endswith("-download") else "acra"
        return f"{name}:keyed" if "x-api-key" in request.headers else name
    if vendor == "openrouter":
        body = request.json if isinstance(request.json, dict) else {}
        return "openrouter:free" if str(body.get("model", "")).endswith(":free") else "openrouter"
    return vendor


def _page_error(code: int) -> str:
    return f"<html><head><title>{code}</title></head><body><h1>Error {code}</h1></body></html>"


_ERROR_BODIES: Mapping[str, ErrorBody] = {
    "web": _page_error,
    "edgar": _page_error,
    "jina_reader": jina.error_body,
    "jina_search": jina.error_body,
    "tavily": tavily.error_body,
    "openrouter": openrouter.error_body,
    "gleif": registries.gleif_error,
    "rdap": registries.rdap_error,
    "acra": datagovsg.error_body,
    "acra_files": _page_error,
    "apify": apify.error_body,
    "zerobounce": lambda code: {"error": "Try again later"},
    "hunter": verifiers.hunter_error,
    "neverbounce": verifiers.neverbounce_error,
    "wikidata": wikidata.error_text,
}
