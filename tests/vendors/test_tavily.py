from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import SecretStr
from starlette.responses import JSONResponse, PlainTextResponse, Response

from data411_mcp.adapters.vendors.tavily import Tavily, without_tracking
from data411_mcp.errors import LookupFailed, VendorUnusable
from data411_mcp.services.ports import SearchHit
from data411_mcp.settings import Settings
from tests.vendors.vendor_server import Answer, world


def results(*rows: Any, **more: Any) -> Response:
    return JSONResponse({"query": "q", "results": list(rows), "response_time": 0.8, **more})


def hit(url: str, **more: Any) -> dict[str, Any]:
    return {"url": url, "title": "Team", "content": "Ada Brook, Director", "score": 0.9} | more


async def search(
    answer: Answer, folder: Path, *, key: str | None = "tvly-test", query: str = "talweg pumps"
) -> Any:
    secret = SecretStr(key) if key else None
    settings = Settings(data_dir=folder, tavily_api_key=secret)
    async with world(answer, folder, settings) as w:
        tavily = Tavily(w.http, w.clock, settings, base_url="http://api.tavily.example")
        with anyio.fail_after(10):
            found = await tavily.search(query, max_results=5, deadline_seconds=3)
        return found, w.vendor.calls


async def test_hits_come_back_without_tracking_and_each_once(tmp_path: Path) -> None:
    rows = [
        hit("https://talweg.example/team?utm_source=openai&page=2"),
        hit("https://talweg.example/team?page=2&gclid=abc"),
        hit("https://talweg.example/", score="0.5", published_date=None),
    ]
    found, calls = await search(lambda _: results(*rows), tmp_path)
    assert found == (
        SearchHit("https://talweg.example/team?page=2", "Team", "Ada Brook, Director", 0.9),
        SearchHit("https://talweg.example/", "Team", "Ada Brook, Director", 0.5),
    )
    assert calls[0].headers["authorization"] == "Bearer tvly-test"
    assert calls[0].json["query"] == "talweg pumps"
    assert "x-tavily-access-mode" not in calls[0].headers


async def test_without_a_key_the_keyless_mode_is_used(tmp_path: Path) -> None:
    found, calls = await search(lambda _: results(hit("https://a.example/")), tmp_path, key=None)
    assert len(found) == 1
    assert calls[0].headers["x-tavily-access-mode"] == "keyless"
    assert "authorization" not in calls[0].headers


async def test_a_long_query_is_cut_to_what_the_vendor_takes(tmp_path: Path) -> None:
    _, calls = await search(lambda _: results(), tmp_path, query="x" * 1000)
    assert len(calls[0].json["query"]) == 400


@pytest.mark.parametrize(
    "rows",
    [
        None,
        {},
        [None, 3, "x", []],
        [{"url": None}, {"url": ["x"]}, {"title": "no address"}],
        [hit("ftp://a.example/"), hit("javascript:alert(1)"), hit("http://[bad"), hit("")],
        [hit("https://a.example/", score={"x": 1}, title=7, content=None) | {"url": "mailto:a"}],
    ],
)
async def test_rows_of_another_shape_are_left_out(tmp_path: Path, rows: Any) -> None:
    found, _ = await search(lambda _: JSONResponse({"results": rows}), tmp_path)
    assert found == ()


@pytest.mark.parametrize(
    ("status", "reason"), [(401, "bad_key"), (402, "no_credit"), (432, "no_credit"),
                           (433, "no_credit")]
)  # fmt: skip
async def test_key_and_money_make_the_vendor_unusable(
    tmp_path: Path, status: int, reason: str
) -> None:
    refusal = JSONResponse({"detail": {"error": "secret words of the vendor"}}, status)
    with pytest.raises(VendorUnusable) as unusable:
        await search(lambda _: refusal, tmp_path)
    assert unusable.value.reason == reason
    assert "secret words" not in repr(unusable.value)


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (JSONResponse({"detail": {"error": "Query is missing."}}, 400), "bad_request"),
        (JSONResponse({"detail": [{"loc": ["body"], "msg": "x"}]}, 422), "bad_request"),
        (JSONResponse({"detail": {"error": "x"}}, 403), "refused"),
        (JSONResponse({"detail": {"error": "Internal Server Error"}}, 500), "vendor_error"),
        (PlainTextResponse("<html>gateway</html>", 200), "bad_reply"),
        (PlainTextResponse("", 200), "bad_reply"),
        (JSONResponse(["results"], 200), "bad_reply"),
    ],
)
async def test_a_bad_day_of_the_vendor_is_a_reason(
    tmp_path: Path, response: Response, reason: str
) -> None:
    with pytest.raises(LookupFailed) as failed:
        await search(lambda _: response, tmp_path)
    assert failed.value.reason == reason


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3600", 3600.0),
        ("3600.5", 3600.5),
        ("soon", None),
        ("Thu, 01 Jan 2099 00:00:00 GMT", "later"),
    ],
)
async def test_a_rate_limit_says_when_to_come_back(
    tmp_path: Path, header: str, seconds: float | str | None
) -> None:
    refusal = JSONResponse({"detail": {"error": "x"}}, 429, {"retry-after": header})
    with pytest.raises(LookupFailed) as failed:
        await search(lambda _: refusal, tmp_path)
    assert failed.value.reason == "rate_limited"
    wait = failed.value.retry_after_seconds
    assert (wait is not None and wait > 1e6) if seconds == "later" else wait == seconds


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (429, {"code": "keyless_limit", "retry_after_seconds": 120}, ("rate_limited", 120.0)),
        (403, {"code": "keyless_limit", "retry_after_seconds": "60"}, ("rate_limited", 60.0)),
        (200, {"code": "keyless_limit", "retry_after_seconds": 5}, ("rate_limited", 5.0)),
        (429, {"code": "x", "retry_after_seconds": None}, ("rate_limited", None)),
    ],
)
async def test_keyless_limits_speak_in_their_own_envelope(
    tmp_path: Path, status: int, error: dict[str, Any], expected: tuple[str, float | None]
) -> None:
    with pytest.raises(LookupFailed) as failed:
        await search(lambda _: JSONResponse({"error": error}, status), tmp_path, key=None)
    assert (failed.value.reason, failed.value.retry_after_seconds) == expected


async def test_keyless_switched_off_by_the_vendor_means_not_configured(tmp_path: Path) -> None:
    refusal = JSONResponse({"error": {"code": "keyless_disabled"}}, 403)
    with pytest.raises(VendorUnusable) as unusable:
        await search(lambda _: refusal, tmp_path, key=None)
    assert unusable.value.reason == "not_configured"


def test_an_address_without_tracking_keeps_its_bytes() -> None:
    for url in ("https://a.example/x?b=%20c&d", "https://a.example/#top", "http://a.example"):
        assert without_tracking(url) == url
    assert without_tracking("https://a.example/?UTM_campaign=x") == "https://a.example/"
