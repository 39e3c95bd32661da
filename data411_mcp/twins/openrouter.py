"""openrouter.ai: chat completions (plain and streamed), models, key."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from data411_mcp.twins.keys import KeyState, key_state
from data411_mcp.twins.rows import Citation, LlmRow
from data411_mcp.twins.wire import Reply, Request, json_reply

CREATED = 1_786_465_024
SEARCH_FEE_USD = 0.007
CHARACTERS_PER_TOKEN = 4
STREAM_PIECE_CHARACTERS = 24
METADATA_PAIRS_MAX = 16

# USD per million tokens, in and out.
PRICES: Mapping[str, tuple[float, float]] = {
    "x-ai/grok-build-0.1": (1, 2),
    "google/gemini-3.5-flash-lite": (0.3, 2.5),
    "anthropic/claude-sonnet-5.5": (2, 10),
    "openai/gpt-5.4-mini": (0.75, 4.5),
    "openai/gpt-6.1-terra": (1, 5),
    "perplexity/sonar": (1, 1),
    "deepseek/deepseek-v4-flash": (0.1, 0.2),
}
PRICE_ELSE = (1.0, 5.0)
_ERROR_TYPES = {
    400: ("invalid_request", "Invalid request"),
    401: ("authentication", "User not found."),
    402: ("payment_required", "Insufficient credits"),
    403: ("permission_denied", "Request was refused by a guardrail"),
    404: ("not_found", "No endpoints found for this request"),
    408: ("timeout", "Request timed out"),
    429: ("rate_limit_exceeded", "Provider returned error"),
    502: ("provider_unavailable", "Provider disconnected"),
    503: ("provider_overloaded", "No provider meets the routing"),
}


def error_body(code: int, message: str = "", **metadata: Any) -> dict[str, Any]:
    kind, words = _ERROR_TYPES.get(code, ("server", "Internal Server Error"))
    return {
        "error": {
            "code": code,
            "message": message or words,
            "metadata": {"error_type": kind, **metadata},
        }
    }


def slot_of(request: Request) -> str | None:
    """The slot that asks, from `metadata.slot`."""
    body = request.json
    metadata = body.get("metadata") if isinstance(body, dict) else None
    slot = metadata.get("slot") if isinstance(metadata, dict) else None
    return str(slot) if slot else None


def profile_of(request: Request) -> str:
    """The row of the latency table that fits the request."""
    body = request.json
    if not isinstance(body, dict):
        return "openrouter"
    if "deep-research" in str(body.get("model", "")):
        return "openrouter_deep"
    return "openrouter_search" if _searches(body) else "openrouter"


def _searches(body: Mapping[str, Any]) -> bool:
    tools, plugins = (_list(body.get(name)) for name in ("tools", "plugins"))
    return (
        str(body.get("model", "")).endswith(":online")
        or any(str(_of(tool, "type")).endswith("web_search") for tool in tools)
        or any(_of(plugin, "id") == "web" for plugin in plugins)
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _of(entry: Any, key: str) -> Any:
    return entry.get(key) if isinstance(entry, dict) else None


class OpenRouter:
    """Rows are tried in file order; `nth` counts the calls of a slot (or, without one, a model)."""

    def __init__(self, rows: Sequence[LlmRow]) -> None:
        self._rows = rows
        self._calls: Counter[str] = Counter()
        self.usage_usd = 0.0

    def answer(self, request: Request) -> tuple[Reply, LlmRow | None]:
        """The reply, and the row behind it (its faults and delay are the server's to apply)."""
        if request.path == "/api/v1/models" and request.method == "GET":
            return json_reply({"data": [_model(slug) for slug in PRICES]}), None
        refused = _refuse_key(request)
        if refused is not None:
            return refused, None
        if request.path == "/api/v1/key" and request.method == "GET":
            return json_reply({"data": self._key()}), None
        if request.path != "/api/v1/chat/completions" or request.method != "POST":
            return json_reply(error_body(404, "Not Found"), 404), None
        body = request.json
        problem = _invalid(body)
        if problem:
            return json_reply(error_body(400, problem), 400), None
        row = self._row(body, slot_of(request))
        return self._completion(body, row), row

    def _row(self, body: Mapping[str, Any], slot: str | None) -> LlmRow | None:
        model = str(body["model"])
        caller = slot or model
        self._calls[caller] += 1
        schema = _schema_name(body)
        metadata = body.get("metadata") or {}
        task = str(metadata.get("task") or schema or "")
        prompt = _prompt(body).casefold()
        for row in self._rows:
            if (
                (row.slot is None or row.slot == slot)
                and (row.task is None or row.task == task)
                and (row.model is None or fnmatchcase(model, row.model))
                and (row.schema_name is None or row.schema_name == schema)
                and (row.contains is None or row.contains.casefold() in prompt)
                and (row.nth is None or row.nth == self._calls[caller])
            ):
                return row
        return None

    def _completion(self, body: Mapping[str, Any], row: LlmRow | None) -> Reply:
        content = _content(body, row)
        if content is None:
            detail = {"code": "no_endpoints", "retryable": False}
            return json_reply(error_body(404, availability=detail), 404)
        citations = _citations(body, row, content)
        usage = _usage(body, row, content)
        self.usage_usd += usage["cost"]
        finish = row.finish_reason if row is not None else "stop"
        reply = {
            "id": "gen-" + hashlib.sha256(content.encode()).hexdigest()[:24],
            "object": "chat.completion",
            "created": CREATED,
            "model": str(body["model"]).removesuffix(":online"),
            "provider": _provider(str(body["model"])),
            "system_fingerprint": None,
            "choices": [
                {
                    "index": 0,
                    "finish_reason": finish,
                    "native_finish_reason": "completed" if finish == "stop" else finish,
                    "logprobs": None,
                    "message": {
                        "role": "assistant",
                        "refusal": None,
                        "reasoning": None,
                        "content": content,
                        **({"annotations": citations} if citations else {}),
                    },
                }
            ],
            "usage": usage,
        }
        cost = round(usage["cost"] * 1_000_000)
        headers = {"x-generation-id": str(reply["id"])}
        if body.get("stream"):
            return _stream(reply, headers, cost)
        return json_reply(reply, headers=headers, cost_usd_micros=cost)

    def _key(self) -> dict[str, Any]:
        return {
            "label": "sk-or-v1-…twin",
            "limit": None,
            "limit_reset": None,
            "limit_remaining": None,
            "usage": round(self.usage_usd, 6),
            "usage_daily": round(self.usage_usd, 6),
            "is_free_tier": False,
        }


def _refuse_key(request: Request) -> Reply | None:
    state = key_state("openrouter", request.bearer)
    if state is KeyState.ABSENT:
        return json_reply(error_body(401, "No auth credentials found"), 401)
    if state is KeyState.BAD:
        return json_reply(error_body(401), 401)
    if state is KeyState.SPENT:
        return json_reply(error_body(402, limit_source="openrouter_credits"), 402)
    return None


def _invalid(body: Any) -> str | None:
    if not isinstance(body, dict):
        return "Request body is not a JSON object"
    model = body.get("model")
    if not isinstance(model, str) or "/" not in model:
        return f"{model} is not a valid model ID"
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return "Input required: specify messages"
    if len(body.get("metadata") or {}) > METADATA_PAIRS_MAX:
        return "metadata has too many pairs"
    return None


def _schema_name(body: Mapping[str, Any]) -> str | None:
    form = body.get("response_format") or {}
    name = (form.get("json_schema") or {}).get("name")
    return str(name) if name else None


def _prompt(body: Mapping[str, Any]) -> str:
    texts = []
    for message in body["messages"]:
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, str):
            texts.append(content)
        elif isinstance(content, list):
            texts += [str(part.get("text", "")) for part in content if isinstance(part, dict)]
    return "\n".join(texts)


def _content(body: Mapping[str, Any], row: LlmRow | None) -> str | None:
    """The message's text; None when nothing is scripted and no empty answer can be given.

    Only a request for JSON has an empty answer that says "nothing found". Prose from nowhere
    would be an invention, so unscripted prose is an error of the vendor.
    """
    if row is None or (row.answer is None and row.text is None):
        schema = ((body.get("response_format") or {}).get("json_schema") or {}).get("schema")
        slot = (body.get("metadata") or {}).get("slot")
        if schema is None or slot == "synthesis":
            return None if row is None else ""
        return json.dumps(_empty(schema, schema))
    if row.text is not None:
        return row.text
    answer = json.dumps(row.answer, ensure_ascii=False)
    if row.fenced:
        return f"Here is what I found:\n\n```json\n{answer}\n```\n"
    return answer


def _empty(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    """The smallest value that a JSON schema allows: empty lists, nulls, required keys only."""
    if "$ref" in schema:
        target: Any = root
        for part in str(schema["$ref"]).removeprefix("#/").split("/"):
            target = target[part]
        return _empty(target, root)
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        nullable = any(option.get("type") == "null" for option in options)
        return None if nullable else _empty(options[0], root)
    kind = schema.get("type", "object" if "properties" in schema else "null")
    kinds = kind if isinstance(kind, list) else [kind]
    if "null" in kinds:
        return None
    if "object" in kinds:
        properties = schema.get("properties", {})
        return {name: _empty(properties.get(name, {}), root) for name in schema.get("required", ())}
    if schema.get("enum"):
        return schema["enum"][0]
    return {"array": [], "string": "", "boolean": False}.get(kinds[0], 0)


def _citations(body: Mapping[str, Any], row: LlmRow | None, content: str) -> list[dict[str, Any]]:
    """Annotations as the search engine under the gateway gives them: both offsets are 0."""
    if not _searches(body):
        return []
    if row is not None and row.citations is not None:
        cited = list(row.citations)
    else:
        urls = _urls(row.answer) if row is not None else []
        cited = [Citation(url=url) for url in dict.fromkeys(urls)]
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "url": one.url,
                "title": one.title,
                "content": one.content,
                "start_index": 0,
                "end_index": 0,
            },
        }
        for one in cited
    ]


def _urls(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["url"]] if isinstance(value.get("url"), str) and value["url"] else []
        return own + [url for inner in value.values() for url in _urls(inner)]
    if isinstance(value, list):
        return [url for inner in value for url in _urls(inner)]
    return []


def _usage(body: Mapping[str, Any], row: LlmRow | None, content: str) -> dict[str, Any]:
    counted = len(_prompt(body)) // CHARACTERS_PER_TOKEN + 8
    tokens_in = row.input_tokens if row is not None and row.input_tokens is not None else counted
    counted = len(content) // CHARACTERS_PER_TOKEN + 1
    tokens_out = row.output_tokens if row is not None and row.output_tokens is not None else counted
    searches = int(_searches(body))
    if row is not None and row.searches is not None:
        searches = row.searches
    per_in, per_out = PRICES.get(str(body["model"]).split(":", 1)[0], PRICE_ELSE)
    upstream = (tokens_in * per_in + tokens_out * per_out) / 1_000_000
    cost = upstream + searches * SEARCH_FEE_USD
    if row is not None and row.cost_usd is not None:
        cost = row.cost_usd
    usage: dict[str, Any] = {
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
        "cost": round(cost, 8),
        "is_byok": False,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
        "cost_details": {"upstream_inference_cost": round(upstream, 8)},
    }
    if searches:
        usage["server_tool_use_details"] = {"web_search_requests": searches}
    return usage


def _provider(model: str) -> str:
    maker = model.split("/", 1)[0]
    names = {"x-ai": "xAI", "openai": "OpenAI", "google": "Google", "anthropic": "Anthropic"}
    return names.get(maker, maker)


def _model(slug: str) -> dict[str, Any]:
    per_in, per_out = PRICES[slug]
    return {
        "id": slug,
        "name": slug,
        "created": CREATED,
        "context_length": 256_000,
        "pricing": {
            "prompt": f"{per_in / 1_000_000:.10f}",
            "completion": f"{per_out / 1_000_000:.10f}",
            "request": "0",
        },
        "supported_parameters": ["response_format", "structured_outputs", "tools"],
        "top_provider": {"context_length": 256_000},
    }


def _stream(reply: dict[str, Any], headers: Mapping[str, str], cost: int) -> Reply:
    """Server-sent events with the gateway's quirks: comment lines first, annotations in a delta
    of their own, the finish chunk twice and the second time with usage."""
    choice = reply["choices"][0]
    base = {k: reply[k] for k in ("id", "created", "model", "provider")}
    base["object"] = "chat.completion.chunk"

    def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        one = {
            "index": 0,
            "delta": {"role": "assistant", **delta},
            "finish_reason": finish,
            "native_finish_reason": None if finish is None else choice["native_finish_reason"],
        }
        return b"data: " + json.dumps({**base, "choices": [one], **more}).encode() + b"\n\n"

    async def body() -> AsyncGenerator[bytes, None]:
        for _ in range(3):
            yield b": OPENROUTER PROCESSING\n\n"
        annotations = choice["message"].get("annotations")
        if annotations:
            yield chunk({"content": "", "annotations": annotations})
        content = choice["message"]["content"]
        for start in range(0, len(content), STREAM_PIECE_CHARACTERS):
            yield chunk({"content": content[start : start + STREAM_PIECE_CHARACTERS]})
        yield chunk({"content": ""}, choice["finish_reason"])
        yield chunk({"content": ""}, choice["finish_reason"], usage=reply["usage"])
        yield b"data: [DONE]\n\n"

    return Reply(200, {**headers, "content-type": "text/event-stream"}, body, None, cost)
