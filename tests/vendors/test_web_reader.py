"""The chain of readers: Jina, direct, Tavily; what is a page and what only looks like one."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import pytest

from data411_mcp.adapters.http import open_client
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.adapters.web_reader import WebReader
from data411_mcp.errors import LookupFailed, PageRefused
from tests.vendors.guarded_web import (
    Asked,
    HandClock,
    Handler,
    Web,
    open_web,
    redirect,
    reply,
    reset,
    settings,
    silence,
)

URL = "https://site.example/"
JINA = "https://r.jina.ai/https://site.example/"
TAVILY = "https://api.tavily.com/extract"
LONG = "Talweg Pumps repairs and sells ship pumps in three ports. " * 6
WALL = reply("<h1>Forbidden</h1>", 403)
HTML = f"<title>Talweg Pumps</title><h1>Pumps</h1><p>{LONG}</p>"


def jina_text(content: str = LONG, *, source: str = URL, warning: str = "") -> str:
    head = f"Title: Talweg Pumps\n\nURL Source: {source}\n\n"
    if warning:
        head += f"Warning: {warning}\n\n"
    return f"{head}Markdown Content:\n# Pumps\n{content}"


def jina(content: str = LONG, *, source: str = URL, warning: str = "") -> Handler:
    return reply(jina_text(content, source=source, warning=warning), content_type="text/plain")


@dataclass
class Desk:
    web: Web
    reader: WebReader
    store: SqliteStore
    clock: HandClock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@asynccontextmanager
async def desk(
    folder: Path, *, grace_seconds: float = 5.0, **changed: object
) -> AsyncIterator[Desk]:
    clock = HandClock()
    async with (
        open_web() as web,
        open_client(web.network, settings(**changed), monotonic=clock.monotonic) as http,
        SqliteStore.open(folder / "pages.sqlite3") as store,
    ):
        reader = WebReader(
            http, store, settings(**changed), clock, "local", grace_seconds=grace_seconds
        )
        yield Desk(web, reader, store, clock)


async def refused(reader: WebReader, url: str = URL, seconds: float = 5) -> str:
    with anyio.fail_after(20), pytest.raises(LookupFailed) as caught:
        await reader.read(url, deadline_seconds=seconds)
    assert "Talweg" not in caught.value.message
    return caught.value.reason


async def test_where_the_site_lets_no_machine_in_jinas_reply_is_the_stored_evidence(
    folder: Path,
) -> None:
    async with desk(folder, jina_api_key="jk") as at:
        at.web.on(JINA, jina())
        at.web.on(URL, WALL)
        page = await at.reader.read(URL, deadline_seconds=5)
        assert (page.reader, page.content_type, page.status) == ("jina", "text/markdown", 200)
        assert page.body == jina_text().encode()
        assert page.sha256 == hashlib.sha256(page.body).hexdigest()
        assert "repairs and sells ship pumps" in page.text
        asked = next(a for a in at.web.asked if a.host == "r.jina.ai")
        assert asked.headers["authorization"] == "Bearer jk"
        assert asked.headers["accept"] == "text/plain"
        stored = await at.store.page("local", page.sha256, URL)
        assert stored is not None
        assert stored.text == page.text


@pytest.mark.parametrize(
    "bad",
    [
        jina(warning="Target URL returned error 403: Forbidden"),
        jina(warning="This page maybe requiring CAPTCHA, please make sure you are authorized"),
        jina("too short"),
        jina(source="https://elsewhere.example/"),
        jina(source="https://site.example/\n\nURL Source: https://site.example/"),
        reply("<html>Bad gateway</html>", 524),
        reply("<html>Welcome to the CDN</html>"),
        reply('{"code":422,"status":42206}', 422, "application/json"),
        reply(b""),
        reset,
    ],
    ids=["target error", "captcha", "short", "led away", "forged head", "edge error",
         "cdn page", "no content", "nothing", "reset"],
)  # fmt: skip
async def test_what_jina_sends_instead_of_the_page_makes_way_for_a_direct_read(
    folder: Path, bad: Handler
) -> None:
    async with desk(folder) as at:
        at.web.on(JINA, bad)
        shell = "<title>App</title><p>Call us</p>"  # so little that Jina's word is waited for
        at.web.on(URL, reply(shell, last_modified="Fri, 20 Nov 2026 11:00:00 GMT"))
        page = await at.reader.read(URL, deadline_seconds=9)
        assert (page.reader, page.body) == ("direct", shell.encode())
        assert page.headers["last-modified"] == "Fri, 20 Nov 2026 11:00:00 GMT"


async def test_a_silent_jina_is_overtaken_by_a_direct_read(folder: Path) -> None:
    async with desk(folder, jina_timeout_s=30) as at:
        at.web.on(JINA, silence)
        at.web.on(URL, reply(HTML))
        with anyio.fail_after(5):
            assert (await at.reader.read(URL, deadline_seconds=20)).reader == "direct"


async def test_a_usable_direct_answer_wins_even_when_jina_answered_first(folder: Path) -> None:
    jina_answered = asyncio.Event()

    async def fast(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await jina()(asked, writer)
        jina_answered.set()

    async def slower(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await jina_answered.wait()
        await reply(HTML, last_modified="Mon, 02 Mar 2015 11:00:00 GMT")(asked, writer)

    async with desk(folder) as at:
        at.web.on(JINA, fast)
        at.web.on(URL, slower)
        page = await at.reader.read(URL, deadline_seconds=9)
        assert (page.reader, page.body) == ("direct", HTML.encode())
        assert page.headers["last-modified"] == "Mon, 02 Mar 2015 11:00:00 GMT"


async def head_only(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """The head of an answer whose body never comes."""
    writer.write(
        b"HTTP/1.1 200 X\r\ncontent-type: text/html\r\ncontent-length: 9000\r\n"
        b"last-modified: Mon, 02 Mar 2015 11:00:00 GMT\r\nserver: pumpd\r\n\r\n<p>"
    )
    await writer.drain()
    await silence(asked, writer)


async def test_jinas_text_carries_the_date_and_server_that_the_site_itself_gave(
    folder: Path,
) -> None:
    async with desk(folder, grace_seconds=0.01) as at:
        at.web.on(JINA, jina())
        at.web.on(URL, head_only)
        page = await at.reader.read(URL, deadline_seconds=9)
        assert page.reader == "jina"
        assert page.headers == {
            "last-modified": "Mon, 02 Mar 2015 11:00:00 GMT",
            "server": "pumpd",
        }


@pytest.mark.parametrize(
    ("published", "kept"),
    [
        ("Published Time: Mon, 02 Mar 2015 11:00:00 GMT", "Mon, 02 Mar 2015 11:00:00 GMT"),
        ("Published Time: Mon, 02 Mar 2015 11:00:00 GMT\n\nPublished Time: now", None),
    ],
    ids=["one date", "a title that forges a second"],
)
async def test_behind_a_wall_the_date_that_jina_passes_on_is_kept(
    folder: Path, published: str, kept: str | None
) -> None:
    text = jina_text().replace("Markdown Content:", f"{published}\n\nMarkdown Content:")
    async with desk(folder) as at:
        at.web.on(JINA, reply(text, content_type="text/plain"))
        at.web.on(URL, WALL)
        page = await at.reader.read(URL, deadline_seconds=9)
        assert page.headers.get("last-modified") == kept


@pytest.mark.parametrize("echo", [URL, "https://other.example/"], ids=["as asked", "final"])
async def test_a_redirect_to_another_site_takes_jinas_text_with_it(folder: Path, echo: str) -> None:
    async with desk(folder) as at:
        at.web.on(JINA, jina(source=echo))
        at.web.on(URL, redirect("https://other.example/"))
        at.web.on("https://other.example/", WALL)
        page = await at.reader.read(URL, deadline_seconds=9)
        assert (page.reader, page.url) == ("jina", URL)
        assert page.final_url == "https://other.example/"


async def test_within_one_registrable_domain_a_redirect_changes_nothing(folder: Path) -> None:
    async with desk(folder) as at:
        at.web.on(JINA, jina())
        at.web.on(URL, redirect("https://www.site.example/"))
        at.web.on("https://www.site.example/", WALL)
        page = await at.reader.read(URL, deadline_seconds=9)
        assert (page.reader, page.final_url) == ("jina", "https://www.site.example/")


@pytest.mark.parametrize(
    ("direct", "reason"),
    [
        (reset, "connect"),
        (silence, "timeout"),
        (redirect("http://169.254.169.254/"), "address"),
        (reply("<script>location.replace('https://other.example/')</script>"), "empty"),
    ],
    ids=["reset", "no answer", "redirect to a private address", "a script that goes elsewhere"],
)
async def test_jinas_text_is_not_used_when_nobody_saw_where_the_address_leads(
    folder: Path, direct: Handler, reason: str
) -> None:
    seconds = 0.3 if reason == "timeout" else 20
    async with desk(folder, page_timeout_s=seconds, tavily_extract=True, grace_seconds=0.01) as at:
        at.web.on(JINA, jina())
        at.web.on(URL, direct)
        assert await refused(at.reader) == reason
        assert at.web.paths("api.tavily.com") == []


async def test_a_page_that_sends_browsers_to_another_site_is_read_as_it_stands(
    folder: Path,
) -> None:
    onward = '<meta http-equiv="refresh" content="0; url=https://other.example/"><p>Wait</p>'
    async with desk(folder) as at:
        at.web.on(JINA, jina())
        at.web.on(URL, reply(onward))
        page = await at.reader.read(URL, deadline_seconds=9)
        assert (page.reader, page.body) == ("direct", onward.encode())


async def test_a_site_that_wants_no_robots_is_handed_to_no_reader(folder: Path) -> None:
    async with desk(folder) as at:
        at.web.on(URL + "robots.txt", reply("User-agent: *\nDisallow: /"))
        assert await refused(at.reader) == "robots"
        assert [a.path for a in at.web.asked] == ["/robots.txt"]
    async with desk(folder, respect_robots=False) as at:
        at.web.on(JINA, jina())
        at.web.on(URL, WALL)
        assert (await at.reader.read(URL, deadline_seconds=5)).reader == "jina"


async def test_a_page_that_needs_a_browser_waits_for_jina_and_serves_if_jina_fails(
    folder: Path,
) -> None:
    shell = "<title>App</title><p>Loading</p><div id=root></div>"
    thin_read = asyncio.Event()

    async def after_the_direct_read(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await thin_read.wait()
        await jina()(asked, writer)

    async def thin(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await reply(shell)(asked, writer)
        thin_read.set()

    async with desk(folder) as at:
        at.web.on(JINA, after_the_direct_read)
        at.web.on(URL, thin)
        assert (await at.reader.read(URL, deadline_seconds=9)).reader == "jina"
        at.web.on(JINA, reply("", 500))
        page = await at.reader.read(URL, deadline_seconds=9, refresh=True)
        assert (page.reader, page.body) == ("direct", shell.encode())


async def test_a_thin_page_in_hand_is_kept_when_the_time_is_up(folder: Path) -> None:
    async with desk(folder, jina_timeout_s=30) as at:
        at.web.on(JINA, silence)
        at.web.on(URL, reply("<p>Call us</p>"))
        with anyio.fail_after(20):
            assert (await at.reader.read(URL, deadline_seconds=3)).text.strip() == "Call us"


async def test_without_jina_the_direct_read_is_alone(folder: Path) -> None:
    async with desk(folder, jina_enabled=False) as at:
        at.web.on(URL, reply(HTML))
        assert (await at.reader.read(URL, deadline_seconds=5)).reader == "direct"
        assert at.web.paths("r.jina.ai") == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (reply("<h1>Not found</h1>", 404), "not_found"),
        (reply("<h1>Gone</h1>", 410), "not_found"),
        (reply("<h1>Forbidden</h1>", 403), "http_403"),
        (reply("<h1>Oops</h1>", 500), "http_500"),
        (reply("", 200), "empty"),
        (reply("<script>1</script>", 200), "empty"),
        (reply(b"%PDF-1.7 x", content_type="application/pdf"), "not_text"),
        (reply(b"%PDF-1.7 x", content_type="text/html"), "not_text"),
        (reply(b"\x89PNG\r\n", content_type=""), "not_text"),
        (reply("<title>Just a moment...</title>", 403), "bot_wall"),
        (reply("<title>Just a moment...</title><p>Wait</p>", 200), "bot_wall"),
        (reply("<p>No</p>", 503, cf_mitigated="challenge"), "bot_wall"),
        (redirect("/"), "redirect_loop"),
        (redirect("http://169.254.169.254/"), "address"),
        (silence, "timeout"),
        (reset, "connect"),
    ],
)
async def test_what_is_no_page_says_why(folder: Path, answer: Handler, reason: str) -> None:
    seconds = 0.5 if reason == "timeout" else 20
    async with desk(folder, jina_enabled=False, page_timeout_s=seconds) as at:
        at.web.on(URL, answer)
        assert await refused(at.reader) == reason


async def test_a_small_contact_page_with_recaptcha_is_a_page_and_no_wall(folder: Path) -> None:
    async with desk(folder, jina_enabled=False) as at:
        at.web.on(URL, reply("<p>Call us</p><p>This site is protected by reCAPTCHA.</p>"))
        assert "Call us" in (await at.reader.read(URL, deadline_seconds=5)).text


async def test_a_wrong_charset_in_the_header_does_not_garble_the_page(folder: Path) -> None:
    async with desk(folder, jina_enabled=False) as at:
        body = f'<meta charset="windows-1252"><p>Müller &amp; Söhne</p><p>{LONG}</p>'.encode(
            "cp1252"
        )
        at.web.on(URL, reply(body, content_type="text/html"))
        assert "Müller & Söhne" in (await at.reader.read(URL, deadline_seconds=5)).text


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "file:///etc/passwd", "https://u:p@site.example/", "http://intranet/"],
)
async def test_a_private_address_is_told_to_nobody(folder: Path, url: str) -> None:
    async with desk(folder, tavily_extract=True) as at:
        with pytest.raises(PageRefused):
            await at.reader.read(url, deadline_seconds=5)
        assert at.web.asked == []


async def test_secrets_of_a_url_reach_neither_reader_nor_store(folder: Path) -> None:
    async with desk(folder) as at:
        at.web.on(JINA + "p?id=7", jina())
        at.web.on(URL + "p?id=7", WALL)
        page = await at.reader.read(URL + "p?token=SECRET&id=7#x", deadline_seconds=5)
        assert page.url == URL + "p?id=7"
        assert not [a for a in at.web.asked if "SECRET" in a.path]


async def test_a_stored_page_is_warm_until_it_is_old_or_a_refresh_is_asked_for(
    folder: Path,
) -> None:
    async with desk(folder, jina_enabled=False, page_cache_hours=1) as at:
        at.web.on(URL, reply(HTML), reply(HTML + "<p>second</p>"), reply(HTML + "<p>third</p>"))
        first = await at.reader.read(URL, deadline_seconds=5)
        again = await at.reader.read(URL, deadline_seconds=5)
        assert not first.warm
        assert again == replace(first, warm=True)
        assert "second" in (await at.reader.read(URL, deadline_seconds=5, refresh=True)).text
        at.clock.seconds += 3700
        assert "third" in (await at.reader.read(URL, deadline_seconds=5)).text
        assert not (await at.reader.for_tenant("b").read(URL, deadline_seconds=5)).warm


async def test_readers_at_once_of_one_address_share_one_fetch(folder: Path) -> None:
    async with desk(folder, jina_enabled=False) as at:
        at.web.on(URL, reply(HTML))
        async with anyio.create_task_group() as reads:
            for _ in range(6):
                reads.start_soon(lambda: at.reader.read(URL, deadline_seconds=9))
        assert at.web.paths() == ["/"]


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (reply("", 402), 3600),
        (reply("", 429, retry_after="17"), 17),
        (reply("", 429, retry_after="99999"), 3600),
        (reply("", 451), 60),
    ],
)
async def test_jina_is_left_alone_for_as_long_as_it_asks(
    folder: Path, answer: Handler, seconds: float
) -> None:
    async with desk(folder, page_cache_hours=0) as at:
        at.web.on(JINA, answer, jina())
        at.web.on(URL, WALL)
        assert await refused(at.reader) == "http_403"
        at.clock.seconds += seconds - 1
        assert await refused(at.reader) == "http_403"
        assert len(at.web.paths("r.jina.ai")) == 1
        at.clock.seconds += 2
        assert (await at.reader.read(URL, deadline_seconds=9)).reader == "jina"


async def test_after_three_failures_in_a_row_jina_is_skipped_for_a_minute(folder: Path) -> None:
    async with desk(folder, page_cache_hours=0) as at:
        at.web.on(JINA, reply("", 500))
        at.web.on(URL, WALL)
        for _ in range(5):
            assert await refused(at.reader) == "http_403"
        assert len(at.web.paths("r.jina.ai")) == 3


async def test_without_a_key_jina_gets_twenty_pages_a_minute(folder: Path) -> None:
    async with desk(folder, page_cache_hours=0) as at:
        at.web.on(JINA, jina())
        at.web.on(URL, reply("<p>Call us</p>"))
        readers = [(await at.reader.read(URL, deadline_seconds=9)).reader for _ in range(22)]
        assert readers == ["jina"] * 20 + ["direct"] * 2
        at.clock.seconds += 61
        assert (await at.reader.read(URL, deadline_seconds=9)).reader == "jina"


async def test_tavily_is_the_third_reader_and_only_where_it_is_wanted(folder: Path) -> None:
    async with desk(folder, jina_enabled=False, tavily_extract=True) as at:
        at.web.on(URL, reply("no", 403))
        body = f'{{"results":[{{"url":"{URL}","raw_content":"# Pumps\\n{LONG}"}}]}}'
        at.web.on(TAVILY, reply(body, content_type="application/json"))
        page = await at.reader.read(URL, deadline_seconds=9)
        assert (page.reader, page.content_type) == ("tavily", "text/markdown")
        assert at.web.asked[-1].headers["x-tavily-access-mode"] == "keyless"
    async with desk(folder / "b", jina_enabled=False) as at:
        at.web.on(URL, reply("no", 403))
        assert await refused(at.reader) == "http_403"
        assert at.web.paths("api.tavily.com") == []


async def test_tavilys_text_is_credited_to_where_the_address_leads(folder: Path) -> None:
    async with desk(folder, jina_enabled=False, tavily_extract=True) as at:
        at.web.on(URL, redirect("https://other.example/"))
        at.web.on("https://other.example/", WALL)
        body = f'{{"results":[{{"url":"{URL}","raw_content":"# Pumps\\n{LONG}"}}]}}'
        at.web.on(TAVILY, reply(body, content_type="application/json"))
        page = await at.reader.read(URL, deadline_seconds=9)
        assert (page.reader, page.final_url) == ("tavily", "https://other.example/")


@pytest.mark.parametrize(
    "answer",
    [
        reply('{"results":[],"failed_results":[{"url":"x","error":"Failed"}]}'),
        reply("[]"),
        reply("<html>"),
        reply('{"detail":{"error":"limit"}}', 432),
    ],
)
async def test_when_tavily_has_nothing_the_direct_reader_has_the_last_word(
    folder: Path, answer: Handler
) -> None:
    async with desk(folder, jina_enabled=False, tavily_extract=True) as at:
        at.web.on(URL, reply("no", 403))
        at.web.on(TAVILY, answer)
        assert await refused(at.reader) == "http_403"


async def test_a_page_that_is_not_there_is_not_asked_of_further_readers(folder: Path) -> None:
    async with desk(folder, tavily_extract=True) as at:
        at.web.on(JINA, silence)
        assert await refused(at.reader) == "not_found"
        assert at.web.paths("api.tavily.com") == []


async def test_the_machine_is_offline_when_no_name_resolves(folder: Path) -> None:
    async with desk(folder) as at:
        assert await at.reader.offline()
        at.web.names["www.iana.org"] = ["192.0.32.8"]
        assert not await at.reader.offline()
        assert await refused(at.reader, "https://nowhere.example/") == "dns"
