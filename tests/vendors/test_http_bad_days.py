"""The guarded client against servers on their bad days."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
import zlib
from dataclasses import replace

import anyio
import anyio.lowlevel
import pytest
import trustme

from data411_mcp.adapters.http import open_client
from data411_mcp.adapters.politeness import retry_after_seconds
from data411_mcp.errors import LookupFailed, PageRefused
from tests.vendors.guarded_web import (
    Asked,
    open_web,
    open_web_client,
    redirect,
    reply,
    reset,
    settings,
    silence,
)

URL = "https://site.example/"
NOW = dt.datetime(2026, 11, 20, 12, 0, 0, tzinfo=dt.UTC)


async def test_a_page_comes_with_status_headers_body_and_the_hops_that_led_to_it() -> None:
    async with open_web_client() as (web, http):
        web.on("http://site.example/", redirect("https://www.site.example/home#top", 301))
        web.on("https://www.site.example/home", reply("<p>Pumps</p>", x_powered_by="Tests"))
        page = await http.get_page("http://site.example/", deadline_seconds=5)
        assert (page.status, page.body) == (200, b"<p>Pumps</p>")
        assert page.headers["x-powered-by"] == "Tests"
        assert page.final_url == "https://www.site.example/home"
        assert page.hops == ("http://site.example/",)


async def test_the_agent_names_itself_and_a_contact_and_keeps_no_cookies() -> None:
    async with open_web_client(contact_email="ops@data411.example") as (web, http):
        web.on(URL, reply("ok", set_cookie="session=1"))
        await http.get_page(URL, deadline_seconds=5)
        await http.get_page(URL, deadline_seconds=5)
        assert web.asked[0].headers["user-agent"].startswith("data411-mcp/")
        assert "(+mailto:ops@data411.example)" in web.asked[0].headers["user-agent"]
        assert "cookie" not in web.asked[1].headers
        assert web.connections == 1


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("http://169.254.169.254/latest/meta-data/", "address"),
        ("http://[::ffff:10.0.0.1]/", "address"),
        ("file:///etc/passwd", "scheme"),
        ("https://user:pw@site.example/", "userinfo"),
        ("https://site.example:6379/", "port"),
        ("http://localhost/", "private_name"),
        ("http://metadata.example/", "address"),
        ("http://mixed.example/", "address"),
    ],
)
async def test_a_redirect_to_where_nobody_may_go_is_refused(target: str, reason: str) -> None:
    async with open_web_client() as (web, http):
        web.names |= {
            "metadata.example": ["169.254.169.254"],
            "mixed.example": ["93.184.216.34", "10.0.0.1"],
        }
        web.on(URL, redirect(target))
        with pytest.raises(PageRefused) as caught:
            await http.get_page(URL, deadline_seconds=5)
        assert caught.value.reason == reason
        assert len(web.asked) == 1


async def test_a_name_that_turns_private_is_refused_at_the_next_connect() -> None:
    async with open_web_client() as (web, http):
        web.on(URL, reply("first", connection="close"))
        assert (await http.get_page(URL, deadline_seconds=5)).body == b"first"
        web.names["site.example"] = ["192.168.0.7"]
        with pytest.raises(PageRefused):
            await http.get_page("http://site.example/", deadline_seconds=5)


async def test_redirects_in_a_circle_and_without_end_are_given_up() -> None:
    async with open_web_client() as (web, http):
        web.on(URL, redirect("/a"))
        web.on(URL + "a", redirect("/"))
        with pytest.raises(LookupFailed, match="circle") as caught:
            await http.get_page(URL, deadline_seconds=5)
        assert caught.value.reason == "redirect_loop"
        for n in range(10):
            web.on(f"{URL}{n}", redirect(f"/{n + 1}"))
        with pytest.raises(LookupFailed) as caught:
            await http.get_page(URL + "0", deadline_seconds=5)
        assert caught.value.reason == "redirect_loop"
        assert "/5" in web.paths()
        assert "/6" not in web.paths()


async def test_a_page_of_200_megabytes_is_left_after_the_limit() -> None:
    sent = 0

    async def endless(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 X\r\ncontent-type: text/html\r\n")
        writer.write(b"content-length: 200000000\r\n\r\n")
        while sent < 200_000_000:
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536

    async with open_web_client(page_max_bytes=1_000_000) as (web, http):
        web.on(URL, endless)
        with pytest.raises(LookupFailed) as caught:
            await http.get_page(URL, deadline_seconds=20)
        assert caught.value.reason == "too_large"
        assert sent < 50_000_000


async def test_a_gzip_bomb_is_left_after_the_limit_and_can_be_cut_instead() -> None:
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join([packer.compress(bytes(1_000_000)) for _ in range(100)]) + packer.flush()
    async with open_web_client() as (web, http):
        web.on(URL, reply(bomb, content_encoding="gzip"))
        with pytest.raises(LookupFailed) as caught:
            await http.get_page(URL, deadline_seconds=20, max_bytes=500_000)
        assert caught.value.reason == "too_large"
        page = await http.get_page(URL, deadline_seconds=20, max_bytes=500_000, truncate=True)
        assert (len(page.body), page.truncated) == (500_000, True)


async def test_a_slow_drip_ends_at_the_deadline_and_not_at_the_next_byte() -> None:
    async def drip(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 X\r\ncontent-type: text/html\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with open_web_client() as (web, http):
        web.on(URL, drip)
        with anyio.fail_after(10), pytest.raises(LookupFailed) as caught:
            await http.get_page(URL, deadline_seconds=0.3)
        assert caught.value.reason == "timeout"


async def test_an_unknown_name_is_dns_and_a_foreign_certificate_is_tls() -> None:
    async with open_web_client() as (web, http):
        with pytest.raises(LookupFailed) as caught:
            await http.get_page("https://nowhere.example/", deadline_seconds=5)
        assert caught.value.reason == "dns"
        web.names["stranger.example"] = ["127.0.0.1"]
        with pytest.raises(LookupFailed) as caught:
            await http.get_page("https://stranger.example/", deadline_seconds=5)
        assert caught.value.reason == "tls"
        assert web.asked == []


async def test_an_expired_certificate_and_an_unknown_authority_are_tls() -> None:
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    expired = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    ca.issue_cert("site.example", not_after=expired).configure_cert(context)
    trusting = ssl.create_default_context()
    ca.configure_trust(trusting)
    async with open_web() as web:
        server = await asyncio.start_server(web.serve, "127.0.0.1", 0, ssl=context)
        ports = {443: server.sockets[0].getsockname()[1]}
        for client_context in (trusting, ssl.create_default_context()):
            network = replace(web.network, port_map=ports, ssl_context=client_context)
            async with open_client(network, settings()) as http:
                with pytest.raises(LookupFailed) as caught:
                    await http.get_page(URL, deadline_seconds=5)
                assert caught.value.reason == "tls"
        server.close()


async def test_a_reset_connection_is_tried_once_more_and_then_given_up() -> None:
    async with open_web_client() as (web, http):
        web.on(URL, reset, reply("second try"))
        assert (await http.get_page(URL, deadline_seconds=5)).body == b"second try"
        web.on(URL, reset)
        web.asked.clear()
        with pytest.raises(LookupFailed) as caught:
            await http.get_page(URL, deadline_seconds=5)
        assert caught.value.reason == "connect"
        assert len(web.asked) == 2


async def test_a_server_that_closes_a_kept_connection_is_asked_again() -> None:
    async def answer_and_close(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        await reply("bye", 500)(_asked, writer)
        writer.close()

    async with open_web_client() as (web, http):
        web.on(URL, answer_and_close, reply("back"))
        assert (await http.get_page(URL, deadline_seconds=5)).status == 500
        assert (await http.get_page(URL, deadline_seconds=5)).body == b"back"


@pytest.mark.parametrize("kind", ["application/pdf", "image/png", "video/mp4", "font/woff2"])
async def test_what_is_no_text_is_left_at_the_header(kind: str) -> None:
    async with open_web_client() as (web, http):
        web.on(URL, reply(b"%PDF-1.7", content_type=kind))
        with pytest.raises(LookupFailed) as caught:
            await http.get_page(URL, deadline_seconds=5)
        assert caught.value.reason == "not_text"


async def test_a_body_that_does_not_decode_is_no_text() -> None:
    async with open_web_client() as (web, http):
        web.on(URL, reply(b"this is not gzip", content_encoding="gzip"))
        with pytest.raises(LookupFailed) as caught:
            await http.get_page(URL, deadline_seconds=5)
        assert caught.value.reason == "not_text"


async def test_reads_cancelled_in_the_middle_leave_the_pool_usable() -> None:
    async with open_web_client(host_concurrency=10) as (web, http):
        web.on(URL + "slow", silence)
        web.on(URL, reply("fine"))
        with anyio.fail_after(20):
            for _ in range(12):
                async with anyio.create_task_group() as reads:
                    for _ in range(10):
                        reads.start_soon(lambda: http.get_page(URL + "slow", deadline_seconds=9))
                    while not web.asked:
                        await anyio.lowlevel.checkpoint()
                    reads.cancel_scope.cancel()
                web.asked.clear()
            assert (await http.get_page(URL, deadline_seconds=5)).body == b"fine"


async def test_one_host_sees_no_more_requests_at_once_than_it_should() -> None:
    at_once = most = 0

    async def count(asked: Asked, writer: asyncio.StreamWriter) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1
        await reply("ok")(asked, writer)

    async with open_web_client(host_concurrency=2) as (web, http):
        web.on(URL, count)
        async with anyio.create_task_group() as reads:
            for _ in range(8):
                reads.start_soon(lambda: http.get_page(URL, deadline_seconds=9))
        assert most == 2


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2", 2.0),
        ("0.5", 0.5),
        ("-5", 0.0),
        ("3600", 3600.0),
        ("Fri, 20 Nov 2026 12:00:30 GMT", 30.0),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("inf", None),
        ("nan", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_every_shape(value: str | None, seconds: float | None) -> None:
    headers = {} if value is None else {"retry-after": value}
    assert retry_after_seconds(headers, NOW) == seconds


@pytest.mark.parametrize("value", ["0", "-3", "0.01", "garbage", None])
@pytest.mark.parametrize("status", [429, 503])
async def test_a_vendor_that_asks_to_wait_a_moment_is_asked_again(
    status: int, value: str | None
) -> None:
    async with open_web_client() as (web, http):
        headers = {} if value is None else {"retry_after": value}
        url = "https://api.vendor.example/v1"
        web.on(url, reply("{}", status, **headers), reply('{"ok": true}'))
        answer = await http.call("POST", url, json={"q": 1}, deadline_seconds=9)
        assert (answer.status, answer.json()) == (200, {"ok": True})
        assert [a.body for a in web.asked] == [b'{"q":1}'] * 2


async def test_a_vendor_that_asks_to_wait_an_hour_is_given_up_now_and_says_when() -> None:
    async with open_web_client() as (web, http):
        url = "https://api.vendor.example/v1"
        web.on(url, reply("{}", 429, retry_after="3600"))
        with anyio.fail_after(5):
            answer = await http.call("GET", url, deadline_seconds=30)
        assert (answer.status, answer.retry_after_seconds) == (429, 3600.0)
        assert len(web.asked) == 1


@pytest.mark.parametrize("status", [502, 504])
async def test_a_post_whose_outcome_is_unknown_is_not_sent_twice(status: int) -> None:
    async with open_web_client() as (web, http):
        url = "https://api.vendor.example/v1"
        web.on(url, reply("", status), reply("{}"))
        assert (await http.call("POST", url, json={}, deadline_seconds=9)).status == status
        web.on(url, reset, reply("{}"))
        with pytest.raises(LookupFailed) as caught:
            await http.call("POST", url, json={}, deadline_seconds=9)
        assert caught.value.reason == "connect"
        assert len(web.asked) == 2
        web.on(url, reply("", status), reply("{}"))
        assert (await http.call("GET", url, deadline_seconds=9)).status == 200


async def test_a_call_follows_no_redirect_unless_asked_and_then_without_its_key() -> None:
    async with open_web_client() as (web, http):
        url = "https://api.vendor.example/v1"
        web.on(url, redirect("https://other.example/v2"))
        web.on("https://other.example/v2", reply("{}"))
        key = {"authorization": "Bearer k", "x-api-key": "k"}
        assert (await http.call("GET", url, headers=key, deadline_seconds=9)).status == 302
        assert len(web.asked) == 1
        answer = await http.call("GET", url, headers=key, deadline_seconds=9, redirects_max=2)
        assert (answer.status, answer.final_url) == (200, "https://other.example/v2")
        assert not {"authorization", "x-api-key"} & set(web.asked[-1].headers)


async def test_a_vendor_that_keeps_failing_is_left_alone_for_a_while() -> None:
    clock = [0.0]
    url = "https://api.vendor.example/v1"
    async with (
        open_web() as web,
        open_client(web.network, settings(), monotonic=lambda: clock[0]) as http,
    ):
        web.on(url, reply("", 500))
        for _ in range(5):
            await http.call("GET", url, deadline_seconds=9)
        with pytest.raises(LookupFailed) as caught:
            await http.call("GET", url, deadline_seconds=9)
        assert (caught.value.reason, caught.value.retry_after_seconds) == ("circuit_open", 30)
        assert len(web.asked) == 5
        clock[0] = 31
        web.on(url, reply("{}"))
        assert (await http.call("GET", url, deadline_seconds=9)).status == 200


async def test_a_vendor_reply_that_is_no_json_says_bad_reply_without_its_words() -> None:
    async with open_web_client() as (web, http):
        url = "https://api.vendor.example/v1"
        web.on(url, reply("<html>secret page text</html>"))
        answer = await http.call("GET", url, deadline_seconds=9)
        with pytest.raises(LookupFailed) as caught:
            answer.json()
        assert caught.value.reason == "bad_reply"
        assert "secret" not in caught.value.message


async def test_only_the_configured_model_server_may_stand_on_a_private_address() -> None:
    async with open_web() as web:
        network = replace(web.network, allow=frozenset(), resolve=None)
        server = await asyncio.start_server(web.serve, "127.0.0.1", 0)
        base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        web.sites["127.0.0.1" + base[16:]] = {"/v1/models": reply("{}")}
        async with open_client(network, settings(llm_base_url=f"{base}/v1")) as http:
            answer = await http.call("GET", f"{base}/v1/models", deadline_seconds=5)
            assert answer.status == 200
            assert (await http.raw.get(f"{base}/v1/models")).status_code == 200
            with pytest.raises(PageRefused):
                await http.get_page(f"{base}/v1/models", deadline_seconds=5)
            with pytest.raises(PageRefused):
                await http.call("GET", "http://127.0.0.1/", deadline_seconds=5)
        server.close()


@pytest.mark.parametrize("url", ["https://[::1/", "not a url", "https://site.example:99999/"])
async def test_what_is_no_url_is_refused_in_our_words(url: str) -> None:
    async with open_web_client() as (_web, http):
        with pytest.raises(PageRefused):
            await http.get_page(url, deadline_seconds=5)
        with pytest.raises(PageRefused):
            await http.call("GET", url, deadline_seconds=5)
