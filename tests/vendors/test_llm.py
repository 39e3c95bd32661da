from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from pydantic import SecretStr
from starlette.responses import JSONResponse, PlainTextResponse, Response

from data411_mcp.adapters.clock import SystemClock
from data411_mcp.adapters.llm import OpenAiModel
from data411_mcp.errors import LookupFailed, VendorError, VendorUnusable
from data411_mcp.services.ports import LlmReply, LlmRequest
from data411_mcp.settings import Settings
from tests.vendors.vendor_server import Answer, Call, VendorServer, serving, world

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["people", "phones"],
    "properties": {"people": {"type": "array"}, "phones": {"type": "array"}},
}
ANSWER = {"people": [{"name": "Ada Brook"}], "phones": []}
REQUEST = LlmRequest(
    slot="data411-hunt-forge",
    model="x-ai/grok-build-0.1",
    system="You research one company.",
    user="PRIVATE PROMPT WORDS",
    schema=SCHEMA,
    schema_name="lead_findings",
    web_search=True,
)


def completion(
    content: Any = None,
    *,
    finish: str = "stop",
    usage: dict[str, Any] | None = None,
    **message: Any,
) -> dict[str, Any]:
    text = json.dumps(ANSWER) if content is None else content
    counted = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    return {
        "id": "gen-1",
        "object": "chat.completion",
        "created": 1786465024,
        "model": "x-ai/grok-build-0.1",
        "provider": "xAI",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "message": {"role": "assistant", "content": text, "refusal": None, **message},
            }
        ],
        "usage": counted if usage is None else usage,
    }


def error(code: Any, message: str = "PRIVATE VENDOR WORDS", **metadata: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "metadata": metadata}, "user_id": "u"}


@asynccontextmanager
async def model(
    answer: Answer, *, key: str | None = "sk-or-test", base_url: str | None = None
) -> AsyncIterator[tuple[OpenAiModel, VendorServer]]:
    class Http:
        raw: httpx2.AsyncClient

    async with serving(answer) as vendor, httpx2.AsyncClient(trust_env=False) as raw:
        http = Http()
        http.raw = raw
        settings = Settings(
            llm_api_key=SecretStr(key) if key else None,
            llm_base_url=base_url or f"http://127.0.0.1:{vendor.port}/api/v1",
        )
        yield OpenAiModel(settings, http, SystemClock()), vendor


async def ask(
    answer: Answer, request: LlmRequest = REQUEST, *, seconds: float = 20.0
) -> tuple[LlmReply, list[Call]]:
    async with model(answer) as (llm, vendor):
        with anyio.fail_after(30):
            return await llm.complete(request, deadline_seconds=seconds), vendor.calls


def in_turn(*replies: Response) -> Callable[[Call], Response]:
    waiting = list(replies)

    def answer(_call: Call) -> Response:
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    return answer


async def test_an_answer_comes_back_parsed_with_cost_and_citations() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "cost": 0.00971}
    annotations = [
        {
            "type": "url_citation",
            "url_citation": {
                "url": "https://talweg.example/team?utm_source=openai",
                "title": "",
                "content": "…",
                "start_index": 0,
                "end_index": 0,
            },
        },
        {"type": "url_citation", "url": "https://flat.example/"},
        {"type": "file", "file": {}},
    ]
    body = completion(usage=usage, annotations=annotations)
    reply, calls = await ask(lambda _: JSONResponse(body))
    assert reply.data == ANSWER
    assert reply.cost_usd_micros == 9710
    assert (reply.input_tokens, reply.output_tokens) == (10, 5)
    assert reply.citations[0] == "https://talweg.example/team"
    assert not reply.repaired
    sent = calls[0].json
    assert calls[0].path == "/api/v1/chat/completions"
    assert calls[0].headers["authorization"] == "Bearer sk-or-test"
    assert sent["tools"][0]["type"] == "openrouter:web_search"
    assert sent["response_format"]["json_schema"]["strict"] is True
    assert sent["provider"] == {"require_parameters": True}
    assert sent["metadata"] == {"slot": "data411-hunt-forge"}
    assert sent["stream"] is False


async def test_plain_text_asks_for_no_schema_and_no_search() -> None:
    request = replace(REQUEST, schema=None, web_search=False)
    reply, calls = await ask(lambda _: JSONResponse(completion("## Summary")), request)
    assert (reply.text, reply.data) == ("## Summary", None)
    assert not {"tools", "response_format", "provider"} & calls[0].json.keys()


@pytest.mark.parametrize(
    ("model_slug", "usage", "micros"),
    [
        ("x-ai/grok-build-0.1", {"prompt_tokens": 1000, "completion_tokens": 100}, 1200),
        ("x-ai/grok-build-0.1:nitro", {"prompt_tokens": 1000, "completion_tokens": 100}, 1200),
        ("my-own/model", {"prompt_tokens": 1000, "completion_tokens": 100}, 0),
        ("my-own/model", {"prompt_tokens": 1, "completion_tokens": 1, "cost": "0.5"}, 500_000),
        ("my-own/model", {"prompt_tokens": 1, "completion_tokens": 1, "cost": None}, 0),
        ("my-own/model", {"prompt_tokens": None, "completion_tokens": "7", "cost": -1}, 0),
    ],
)
async def test_cost_is_as_reported_or_by_the_price_table(
    model_slug: str, usage: dict[str, Any], micros: int
) -> None:
    body = completion(usage=usage)
    reply, _ = await ask(lambda _: JSONResponse(body), replace(REQUEST, model=model_slug))
    assert reply.cost_usd_micros == micros


@pytest.mark.parametrize(
    ("content", "finish"),
    [
        ("```json\n" + json.dumps(ANSWER) + "\n```", "stop"),
        ("Here is what I found:\n" + json.dumps(ANSWER) + "\nLet me know!", "stop"),
        ('{"people": [{"name": "Ada Brook"}], "phones": [', "length"),
        ('```json\n{"people": [{"name": "Ada Brook"}], "phones": []', "length"),
        ("{'people': [{'name': 'Ada Brook'}], 'phones': [],}", "stop"),
    ],
)
async def test_fenced_cut_and_wrapped_json_is_repaired(content: str, finish: str) -> None:
    reply, calls = await ask(lambda _: JSONResponse(completion(content, finish=finish)))
    assert reply.data["people"] == [{"name": "Ada Brook"}]
    assert reply.repaired
    assert len(calls) == 1


async def test_prose_without_json_is_asked_for_once_more_and_both_calls_are_paid() -> None:
    replies = in_turn(
        JSONResponse(completion("I could not find a schema.")), JSONResponse(completion())
    )
    reply, calls = await ask(replies)
    assert reply.data == ANSWER
    assert reply.repaired
    assert len(calls) == 2
    assert reply.cost_usd_micros == 2400
    assert reply.output_tokens == 200
    assert "tools" not in calls[1].json
    assert [m["role"] for m in calls[1].json["messages"]][-2:] == ["assistant", "user"]


async def test_prose_twice_is_a_bad_reply() -> None:
    async with model(lambda _: JSONResponse(completion('{"other": 1}'))) as (llm, vendor):
        with pytest.raises(LookupFailed) as failed:
            await llm.complete(REQUEST, deadline_seconds=20)
        assert failed.value.reason == "bad_reply"
        assert len(vendor.calls) == 2


async def test_with_no_time_left_nothing_is_asked_again() -> None:
    async with model(lambda _: JSONResponse(completion("prose"))) as (llm, vendor):
        with pytest.raises(LookupFailed) as failed:
            await llm.complete(REQUEST, deadline_seconds=2.5)
        assert failed.value.reason == "bad_reply"
        assert len(vendor.calls) == 1


FAILURES: list[tuple[str, Response, type[VendorError], str]] = [
    ("401", JSONResponse(error(401), 401), VendorUnusable, "bad_key"),
    ("402", JSONResponse(error(402), 402), VendorUnusable, "no_credit"),
    (
        "402 in-flight budget",
        JSONResponse(error(402), 402, {"retry-after": "30"}),
        LookupFailed,
        "rate_limited",
    ),
    ("403", JSONResponse(error(403, reasons=["x"], flagged_input="y"), 403), LookupFailed,
     "refused"),
    ("404 model gone", JSONResponse(error(404, "No endpoints found"), 404), LookupFailed,
     "refused"),
    ("400", JSONResponse(error(400, "nope is not a valid model ID"), 400), LookupFailed,
     "refused"),
    ("408", JSONResponse(error(408), 408), LookupFailed, "timeout"),
    ("413", JSONResponse(error(413), 413), LookupFailed, "refused"),
    ("500", JSONResponse(error(500), 500), LookupFailed, "vendor_error"),
    ("502", JSONResponse(error(502), 502), LookupFailed, "vendor_error"),
    ("524 HTML", PlainTextResponse("<html>a timeout occurred</html>", 524), LookupFailed,
     "timeout"),
    ("200 with error", JSONResponse(error(502)), LookupFailed, "vendor_error"),
    ("200 with 401", JSONResponse(error(401)), VendorUnusable, "bad_key"),
    ("200 with text code", JSONResponse(error("server_error")), LookupFailed, "vendor_error"),
    ("200 with null choices", JSONResponse(completion() | {"choices": None}), LookupFailed,
     "bad_reply"),
    ("200 without choices", JSONResponse({"id": "gen-1"}), LookupFailed, "bad_reply"),
    ("200 with empty choices", JSONResponse(completion() | {"choices": []}), LookupFailed,
     "bad_reply"),
    ("finish_reason error", JSONResponse(completion("", finish="error")), LookupFailed,
     "vendor_error"),
    ("content filter", JSONResponse(completion("", finish="content_filter")), LookupFailed,
     "refused"),
    ("refusal", JSONResponse(completion("", refusal="I will not.")), LookupFailed, "refused"),
    ("no content", JSONResponse(completion("")), LookupFailed, "bad_reply"),
    ("HTML", Response("<html>hello</html>", media_type="text/html"), LookupFailed, "bad_reply"),
    ("broken JSON", Response('{"id": "gen', media_type="application/json"), LookupFailed,
     "bad_reply"),
    ("empty body", Response("", media_type="application/json"), LookupFailed, "bad_reply"),
    ("a JSON list", JSONResponse([1, 2]), LookupFailed, "bad_reply"),
    ("a JSON null", JSONResponse(None), LookupFailed, "bad_reply"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("response", "kind", "reason"), [f[1:] for f in FAILURES], ids=[f[0] for f in FAILURES]
)
async def test_every_failure_is_a_reason_in_our_own_words(
    response: Response, kind: type[VendorError], reason: str
) -> None:
    with pytest.raises(kind) as failed:
        await ask(lambda _: response)
    assert failed.value.reason == reason
    assert failed.value.__cause__ is None  # the SDK's error quotes the vendor, and the prompt
    assert "PRIVATE" not in repr(failed.value)


async def test_an_error_inside_the_choice_is_an_error() -> None:
    body = completion("half an ans", finish="error")
    body["choices"][0]["error"] = {"code": 429, "message": "rate limited"}
    with pytest.raises(LookupFailed) as failed:
        await ask(lambda _: JSONResponse(body), seconds=0.9)
    assert failed.value.reason in {"rate_limited", "timeout"}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3600", 3600.0), ("3600.5", 3600.5), ("Thu, 01 Jan 2099 00:00:00 GMT", None)],
)
async def test_a_long_rate_limit_gives_up_now_and_says_when_to_come_back(
    header: str, seconds: float | None
) -> None:
    refusal = JSONResponse(error(429), 429, {"retry-after": header})
    async with model(lambda _: refusal) as (llm, vendor):
        with pytest.raises(LookupFailed) as failed:
            await llm.complete(REQUEST, deadline_seconds=20)
        assert failed.value.reason == "rate_limited"
        wait = failed.value.retry_after_seconds
        assert wait == seconds if seconds else wait is not None and wait > 1e6
        assert len(vendor.calls) == 1


@pytest.mark.parametrize("header", ["0", "-5", "soon", None])
async def test_a_short_or_unreadable_wait_is_tried_once_more(header: str | None) -> None:
    headers = {"retry-after": header} if header is not None else {}
    replies = in_turn(JSONResponse(error(429), 429, headers), JSONResponse(completion()))
    reply, calls = await ask(replies)
    assert reply.data == ANSWER
    assert len(calls) == 2


async def test_a_paid_call_of_unknown_outcome_is_not_repeated() -> None:
    async with model(lambda _: JSONResponse(error(502), 502)) as (llm, vendor):
        with pytest.raises(LookupFailed):
            await llm.complete(REQUEST, deadline_seconds=20)
        assert len(vendor.calls) == 1


def refusing(*features: str, status: int = 400, text: str = "") -> Callable[[Call], Response]:
    """An endpoint that names one unknown argument after the other, as OpenAI does."""

    def answer(call: Call) -> Response:
        for feature in features:
            if feature in call.json:
                said = text or f"Unrecognized request argument supplied: {feature}"
                body = {"message": said, "type": "invalid_request_error", "param": feature}
                return JSONResponse({"error": body}, status)
        return JSONResponse(completion())

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        refusing("tools"),
        refusing("tools", status=404, text="No endpoints found that support tool use"),
        refusing("tools", status=422, text="Invalid value: 'openrouter:web_search'"),
    ],
)
async def test_an_endpoint_without_search_is_asked_without(answer: Answer) -> None:
    reply, calls = await ask(answer)
    assert reply.data == ANSWER
    assert [("tools" in c.json) for c in calls] == [True, False]
    assert "provider" in calls[1].json


async def test_an_endpoint_that_knows_nothing_new_still_answers() -> None:
    unknown = ("tools", "provider", "metadata", "response_format", "max_completion_tokens")
    reply, calls = await ask(refusing(*unknown))
    assert reply.data == ANSWER
    assert len(calls) == 6
    assert calls[-1].json["max_tokens"] == 4000


async def test_a_refusal_that_names_nothing_of_ours_is_not_repeated() -> None:
    said = {"message": "Provider returned error", "metadata": {"provider_name": "xAI"}}
    async with model(lambda _: JSONResponse({"error": said}, 400)) as (llm, vendor):
        with pytest.raises(LookupFailed) as failed:
            await llm.complete(REQUEST, deadline_seconds=20)
        assert failed.value.reason == "refused"
        assert len(vendor.calls) == 1


async def test_a_hanging_vendor_is_cut_off_at_the_deadline() -> None:
    never = anyio.Event()

    async def hang(_call: Call) -> Response:
        await never.wait()
        return JSONResponse(completion())

    async with model(hang) as (llm, _):
        with pytest.raises(LookupFailed) as failed, anyio.fail_after(10):
            await llm.complete(REQUEST, deadline_seconds=0.5)
        never.set()
    assert failed.value.reason == "timeout"


async def test_nobody_listening_is_a_vendor_error() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/api/v1"
        async with model(lambda _: JSONResponse(completion()), base_url=url) as (llm, _):
            with pytest.raises(LookupFailed) as failed:
                await llm.complete(REQUEST, deadline_seconds=5)
    assert failed.value.reason == "vendor_error"


async def test_without_a_key_nothing_is_asked() -> None:
    async with model(lambda _: JSONResponse(completion()), key=None) as (llm, vendor):
        assert not llm.configured()
        with pytest.raises(VendorUnusable) as unusable:
            await llm.complete(REQUEST, deadline_seconds=5)
        assert unusable.value.reason == "not_configured"
        assert vendor.calls == []


async def test_neither_prompt_nor_answer_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await ask(lambda _: JSONResponse(completion()))
    assert "PRIVATE PROMPT" not in caplog.text
    assert "Ada Brook" not in caplog.text
    assert "sk-or-test" not in caplog.text


async def test_it_works_over_the_products_own_client(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path,
        llm_api_key=SecretStr("sk-or-test"),
        llm_base_url="http://openrouter.example/api/v1",
    )
    async with world(lambda _: JSONResponse(completion()), tmp_path, settings) as w:
        reply = await OpenAiModel(settings, w.http, w.clock).complete(REQUEST, deadline_seconds=10)
    assert reply.data == ANSWER


def test_importing_the_module_does_not_import_the_sdk() -> None:
    code = "import sys, data411_mcp.adapters.llm; sys.exit('openai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
