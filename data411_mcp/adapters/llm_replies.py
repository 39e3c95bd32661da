"""Reading a chat-completions reply: errors in a 200, cut and fenced JSON, cost, citations."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import json_repair
import structlog

from data411_mcp.adapters.vendors.tavily import without_tracking
from data411_mcp.errors import LookupFailed

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion

CITATIONS_MAX = 50
REPAIR_CHARS_MAX = 200_000

# USD per million tokens, in and out: for endpoints that do not report the cost themselves.
PRICES_USD: Mapping[str, tuple[float, float]] = {
    "anthropic/claude-haiku-4.5": (1.0, 5.0),
    "anthropic/claude-haiku-5.5": (0.1, 0.5),
    "anthropic/claude-sonnet-5.5": (2.0, 10.0),
    "google/gemini-2.5-flash": (0.3, 2.5),
    "google/gemini-3.5-flash-lite": (0.3, 2.5),
    "google/gemini-3.8-flash": (0.75, 3.75),
    "openai/gpt-4.1-mini": (0.4, 1.6),
    "openai/gpt-5-mini": (0.25, 2.0),
    "openai/gpt-5.4-mini": (0.75, 4.5),
    "openai/gpt-6.1-terra": (1.0, 5.0),
    "perplexity/sonar": (1.0, 1.0),
    "x-ai/grok-4.3": (1.25, 2.5),
    "x-ai/grok-build-0.1": (1.0, 2.0),
}
_FENCED = re.compile(r"```[a-zA-Z]*\s*(.*?)(?:```|\Z)", re.DOTALL)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Text:
    """`cut`: the model ran out of room. `citations` are the addresses it says it used."""

    content: str
    cut: bool
    model: str
    citations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    cost_usd_micros: int
    input_tokens: int
    output_tokens: int

    def plus(self, other: Usage) -> Usage:
        return Usage(
            self.cost_usd_micros + other.cost_usd_micros,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
        )


@dataclass(frozen=True, slots=True)
class BodyError:
    """An error that came with HTTP 200. `status` is the HTTP status it stands for."""

    status: int
    body: object


def error_of_body(reply: ChatCompletion) -> BodyError | None:
    """The error in a 200: at the top without choices, or in the choice itself.

    Raises LookupFailed("bad_reply") when the body was no completion: the SDK passes HTML on as a
    plain `str`, whatever its type says.
    """
    if not hasattr(reply, "choices"):
        raise LookupFailed("bad_reply")
    extra = reply.model_extra or {}
    choices = reply.choices if isinstance(reply.choices, list) else []
    if not choices:
        if extra.get("error") is None:
            raise LookupFailed("bad_reply")
        return _body_error(extra["error"])
    choice = choices[0]
    in_choice = (choice.model_extra or {}).get("error")
    if in_choice is not None or str(choice.finish_reason) == "error":
        return _body_error(in_choice or extra.get("error"))
    return None


def _body_error(error: object) -> BodyError:
    code = error.get("code") if isinstance(error, Mapping) else None
    digits = str(code)
    known = digits.isdigit() and 400 <= int(digits) <= 599
    return BodyError(int(digits) if known else 500, error)


def read_text(reply: ChatCompletion) -> Text:
    """The first choice's text. Raises LookupFailed: refused, or bad_reply when it is empty."""
    choice = reply.choices[0]
    message = choice.message
    reason = str(choice.finish_reason)
    if message is None:
        raise LookupFailed("bad_reply")
    content = message.content if isinstance(message.content, str) else ""
    if not content.strip():
        refused = reason == "content_filter" or bool(message.refusal)
        raise LookupFailed("refused" if refused else "bad_reply")
    return Text(content.strip(), reason == "length", str(reply.model or ""), _citations(message))


def _citations(message: Any) -> tuple[str, ...]:
    """Addresses of `annotations`, nested or flat, without tracking. Never to be relied on: with
    some searches there are none although a search was made."""
    urls: dict[str, None] = {}
    annotations = getattr(message, "annotations", None)
    for annotation in annotations if isinstance(annotations, list) else []:
        nested = getattr(annotation, "url_citation", None) or annotation
        url = nested.get("url") if isinstance(nested, dict) else getattr(nested, "url", None)
        clean = without_tracking(url) if isinstance(url, str) else ""
        if clean:
            urls[clean] = None
    return tuple(urls)[:CITATIONS_MAX]


def read_usage(reply: ChatCompletion, model: str) -> Usage:
    """Tokens, and the cost in micro-dollars: as reported, else by the price table, else 0."""
    usage = reply.usage
    if usage is None:
        return Usage(0, 0, 0)
    tokens = [_count(usage.prompt_tokens), _count(usage.completion_tokens)]
    cost = _number((usage.model_extra or {}).get("cost"))
    if cost is not None:
        return Usage(round(cost * 1_000_000), *tokens)
    prices = PRICES_USD.get(model.split(":", 1)[0])
    if prices is None:
        log.info("llm_price_unknown", model=model)
        return Usage(0, *tokens)
    # USD per million tokens is micro-dollars per token.
    return Usage(math.ceil(tokens[0] * prices[0] + tokens[1] * prices[1]), *tokens)


def _count(value: object) -> int:
    number = _number(value)
    return int(number) if number is not None else 0


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def structured(text: Text, schema: Mapping[str, Any] | None) -> tuple[Any, bool]:
    """(the JSON object of the answer, whether it had to be repaired); None when there is none.

    Strict JSON first, then inside a Markdown fence or prose, then repaired when cut or broken.
    An object with none of the schema's keys is not the answer.
    """
    if schema is None:
        return None, False
    keys = frozenset(schema.get("properties", ()))
    try:
        data = json.loads(text.content)
    except (ValueError, RecursionError):
        data = None
    if _is_answer(data, keys):
        return data, False
    for piece in _pieces(text.content):
        try:
            data = json_repair.loads(piece[:REPAIR_CHARS_MAX])
        except (ValueError, RecursionError):
            continue
        if _is_answer(data, keys):
            return data, True
    return None, False


def _is_answer(data: object, keys: frozenset[str]) -> bool:
    return isinstance(data, dict) and (not keys or bool(keys & data.keys()))


def _pieces(content: str) -> list[str]:
    """Where the JSON may be: in fences, then from the first brace on."""
    pieces = [m[1] for m in _FENCED.finditer(content) if "{" in m[1]]
    start = content.find("{")
    if start >= 0:
        end = content.rfind("}")
        pieces += [content[start : end + 1]] if end > start else []
        pieces.append(content[start:])
    return pieces
