"""Language models over the chat-completions protocol: OpenRouter by default, OpenAI, vLLM, Ollama.

The SDK is imported on the first call: it costs half a second and 21 MB that a keyless session
never needs. It does no retries; what may be asked again is decided here. Neither prompts nor
answers are logged, and the SDK's errors are not chained, since their texts quote both.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import anyio
import anyio.to_thread

from data411_mcp.adapters.llm_replies import (
    Text,
    Usage,
    error_of_body,
    read_text,
    read_usage,
    structured,
)
from data411_mcp.adapters.politeness import retry_after_seconds, retry_delay
from data411_mcp.adapters.vendors.errors import status_error
from data411_mcp.domain.metering import metered
from data411_mcp.errors import LookupFailed, VendorError, VendorUnusable
from data411_mcp.services.ports import Clock, LlmReply, LlmRequest
from data411_mcp.settings import Settings

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

SEARCH_RESULTS_MAX = 5
SEARCH_RESULTS_TOTAL_MAX = 15
ATTEMPTS_MAX = 2
RETRY_WAIT_SECONDS_MAX = 8.0
# A second question for the same answer needs at least this much of the deadline.
REASK_SECONDS_MIN = 3.0
_REASK = (
    "That was not the JSON object asked for. Give the same answer again, as the JSON object of the "
    "schema only."
)
# Features that not every endpoint knows, and how a refusal names them.
_FEATURES: Mapping[str, re.Pattern[str]] = {
    "tools": re.compile(r"\btools?\b|web_search"),
    "provider": re.compile(
        r"require_parameters|supplied: provider\b|['\"]provider['\"]|^provider$"
    ),
    "metadata": re.compile(r"\bmetadata\b"),
    "response_format": re.compile(r"response_format|json_schema|structured output"),
    "max_completion_tokens": re.compile(r"max_completion_tokens"),
}
_REFUSAL_STATUSES = frozenset({400, 404, 422})
Message = dict[str, str]


@contextmanager
def _paid_for_nothing(usage: Usage) -> Iterator[None]:
    """What a reply cost stays known when the work on it fails, or is given up."""
    try:
        yield
    except BaseException:
        metered(usage.cost_usd_micros)
        raise


class RawClient(Protocol):
    """The part of `HttpClient` that the SDK uses: one guarded connection pool."""

    @property
    def raw(self) -> httpx2.AsyncClient: ...


class _FeatureRefused(Exception):
    """Internal: the endpoint does not know these features; ask again without them."""

    def __init__(self, features: frozenset[str]) -> None:
        super().__init__()
        self.features = features


def _import_sdk() -> None:
    """What the first question and the first answer would otherwise import and build."""
    import openai.resources.chat  # noqa: F401
    from openai.types.chat import ChatCompletion

    message = {"role": "assistant", "content": ""}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    blank = {"id": "", "object": "chat.completion", "created": 0, "model": "", "choices": [choice]}
    ChatCompletion.model_validate(blank)


@dataclass
class OpenAiModel:
    """Implements `ports.LanguageModel`."""

    settings: Settings
    http: RawClient
    clock: Clock
    _sdk: AsyncOpenAI | None = field(default=None, init=False, repr=False)

    def configured(self) -> bool:
        return self.settings.llm_api_key is not None

    async def prepare(self) -> None:
        """Import the SDK in a thread: half a second that the first question need not wait for,
        and that would hold up everything else on the loop."""
        if self.configured():
            await anyio.to_thread.run_sync(_import_sdk, abandon_on_cancel=True)

    async def complete(self, request: LlmRequest, *, deadline_seconds: float) -> LlmReply:
        if not self.configured():
            raise VendorUnusable("not_configured")
        try:
            with anyio.fail_after(deadline_seconds):
                return await self._complete(request)
        except TimeoutError:
            raise LookupFailed("timeout") from None

    async def _complete(self, request: LlmRequest) -> LlmReply:
        messages = [
            {"role": "system", "content": request.system},
            {"role": "user", "content": request.user},
        ]
        text, usage = await self._ask(request, messages, search=request.web_search)
        data, repaired = structured(text, request.schema)
        if request.schema is not None and data is None:
            with _paid_for_nothing(usage):
                again, more = await self._ask_again(request, messages, text)
            usage = usage.plus(more)
            data, repaired = structured(again, request.schema)[0], True
            if data is None:
                metered(usage.cost_usd_micros)
                raise LookupFailed("bad_reply")
            text = Text(again.content, again.cut, again.model, text.citations or again.citations)
        return LlmReply(
            text=text.content,
            data=data,
            model=text.model or request.model,
            cost_usd_micros=usage.cost_usd_micros,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            citations=text.citations,
            repaired=repaired,
        )

    async def _ask_again(
        self, request: LlmRequest, messages: list[Message], text: Text
    ) -> tuple[Text, Usage]:
        if _seconds_left() < REASK_SECONDS_MIN:
            raise LookupFailed("bad_reply")
        messages += [
            {"role": "assistant", "content": text.content},
            {"role": "user", "content": _REASK},
        ]
        return await self._ask(request, messages, search=False)

    async def _ask(
        self, request: LlmRequest, messages: list[Message], *, search: bool
    ) -> tuple[Text, Usage]:
        """One answer, asked again without what the endpoint refuses: each feature goes once."""
        refused: frozenset[str] = frozenset()
        for _ in range(len(_FEATURES) + 1):
            arguments = _arguments(request, messages, search=search, without=refused)
            try:
                return await self._ask_patiently(request, arguments)
            except _FeatureRefused as refusal:
                refused |= refusal.features
        raise LookupFailed("refused")

    async def _ask_patiently(
        self, request: LlmRequest, arguments: dict[str, Any]
    ) -> tuple[Text, Usage]:
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                return await self._ask_once(request, arguments)
            except LookupFailed as failed:
                wait = retry_delay(attempt, failed.retry_after_seconds)
                if (
                    attempt == ATTEMPTS_MAX
                    or failed.reason != "rate_limited"  # nothing was generated: nothing is paid
                    or wait > min(RETRY_WAIT_SECONDS_MAX, _seconds_left())
                ):
                    raise
            await anyio.sleep(wait)
        raise AssertionError("ATTEMPTS_MAX is at least 1")

    async def _ask_once(self, request: LlmRequest, arguments: dict[str, Any]) -> tuple[Text, Usage]:
        import openai

        try:
            reply = await self._client().chat.completions.create(
                model=arguments["model"],
                messages=[],
                timeout=_seconds_left(),
                extra_body=_as_it_is(arguments),
            )
        except openai.APITimeoutError:
            raise LookupFailed("timeout") from None
        except openai.APIConnectionError:
            raise LookupFailed("vendor_error") from None
        except openai.APIStatusError as error:
            raise self._error(
                error.status_code, error.body, dict(error.response.headers), arguments
            ) from None
        except openai.OpenAIError:
            raise LookupFailed("bad_reply") from None
        except ValueError:  # a body that says it is JSON and is not
            raise LookupFailed("bad_reply") from None
        failure = error_of_body(reply)
        if failure is not None:
            raise self._error(failure.status, failure.body, {}, arguments)
        return read_text(reply), read_usage(reply, request.model)

    def _error(
        self, status: int, body: object, headers: Mapping[str, str], arguments: dict[str, Any]
    ) -> Exception:
        """What a refusal means; `_FeatureRefused` when it names something we can do without."""
        if status in _REFUSAL_STATUSES:
            named = _named_features(body, arguments)
            if named:
                return _FeatureRefused(named)
        return _model_error(status, retry_after_seconds(headers, self.clock.now()))

    def _client(self) -> AsyncOpenAI:
        if self._sdk is None:
            import openai

            # Its debug log holds whole requests.
            logging.getLogger("openai").setLevel(logging.WARNING)
            key = self.settings.llm_api_key
            self._sdk = openai.AsyncOpenAI(
                api_key=key.get_secret_value() if key else "",
                base_url=self.settings.llm_base_url,
                http_client=self.http.raw,
                max_retries=0,
            )
        return self._sdk


def _seconds_left() -> float:
    return max(0.0, anyio.current_effective_deadline() - anyio.current_time())


def _model_error(status: int, retry_after: float | None) -> VendorError:
    """The words of `ports.LanguageModel`: timeout, rate_limited, bad_reply, refused, vendor_error;
    bad_key, no_credit."""
    if status == 503:
        return LookupFailed("rate_limited", retry_after_seconds=retry_after)
    if status < 400:
        return LookupFailed("vendor_error", retry_after_seconds=retry_after)
    error = status_error(status, retry_after)
    if isinstance(error, LookupFailed) and error.reason in ("not_found", "bad_request"):
        return LookupFailed("refused")
    return error


def _arguments(
    request: LlmRequest, messages: list[Message], *, search: bool, without: frozenset[str]
) -> dict[str, Any]:
    arguments: dict[str, Any] = {"model": request.model, "messages": messages, "stream": False}
    extra: dict[str, Any] = {"metadata": {"slot": request.slot}}
    if search:
        arguments["tools"] = [
            {
                "type": "openrouter:web_search",
                "parameters": {
                    "max_results": SEARCH_RESULTS_MAX,
                    "max_total_results": SEARCH_RESULTS_TOTAL_MAX,
                },
            }
        ]
    if request.schema is not None:
        arguments["response_format"] = {
            "type": "json_schema",
            "json_schema": {
                "name": request.schema_name,
                "strict": True,
                "schema": request.schema,
            },
        }
        # Without it a provider that does not know response_format ignores it in silence.
        extra["provider"] = {"require_parameters": True}
    limit = "max_tokens" if "max_completion_tokens" in without else "max_completion_tokens"
    arguments[limit] = request.max_output_tokens
    kept = {name: value for name, value in arguments.items() if name not in without}
    return {**kept, "extra_body": {k: v for k, v in extra.items() if k not in without}}


def _as_it_is(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """All of the request's body. The SDK matches what it is given by name with its types, down to
    each message, at milliseconds a question; what comes beside that it sends as it is."""
    given = {name: value for name, value in arguments.items() if name != "extra_body"}
    return {**given, **arguments["extra_body"]}


def _named_features(body: object, arguments: Mapping[str, Any]) -> frozenset[str]:
    """Which of the features in use a refusal names."""
    sent = {*arguments, *arguments.get("extra_body", {})}
    said = [text.casefold() for text in _texts(body)]
    return frozenset(
        feature
        for feature, named in _FEATURES.items()
        if feature in sent and any(named.search(text) for text in said)
    )


def _texts(body: object) -> Iterator[str]:
    """The string values of a JSON value: its keys (`metadata`, `provider`) say nothing."""
    if isinstance(body, str):
        yield body
    elif isinstance(body, Mapping):
        for value in body.values():
            yield from _texts(value)
    elif isinstance(body, list):
        for value in body:
            yield from _texts(value)
