"""The panel in a real browser, on a real server over the bundled worlds; without a browser, only
what the server says of the page."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from anyio.abc import ByteStream, SocketAttribute

from data411_mcp.domain.graph import Backfill
from data411_mcp.domain.icp.values import ThreadStatus
from data411_mcp.services.icp.parts import SHORTLIST
from tests.clients.test_board import _dirtied, browser
from tests.services.session_world import HOOPS_LEAD, ROOT
from tests.web.chromium import Browser, browsing
from tests.web.web_world import HOST, JOBS, Site, site

BLACKKNIGHT = ROOT / "examples" / "worlds" / "blackknight"
WEBSITE = "https://www.theblackknight.org/"
CUSTOMERS = """\
Northgate Chilled Foods — northgatechilled.example
Harbour & Vine Provisions — harbourvine.example
Larkfield Fresh Produce — larkfieldfresh.example
Seaglass Seafood Merchants — seaglassseafood.example
Copperpot Dairy Wholesale — copperpotdairy.example
Lost: Quill Office Supplies — quilloffice.example (no fit)"""
HOSTILE = '<img src=x onerror="globalThis.pwned=true">'
CONFIRM, RUN = "[data-key=confirm]", "[data-key=run]"
FIRST = '.company[data-domain="coldharbourdairy.example"]'
SETTINGS = {"apify_token": "apify_api_twin", "log_level": "ERROR"}


@pytest.fixture(scope="module", autouse=True)
def chromium() -> str:
    """Here, and not where a task group would take the skip for a failure."""
    return browser()


@pytest.fixture(scope="module")
async def market(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with site(tmp_path_factory.mktemp("market"), BLACKKNIGHT, **SETTINGS) as started:
        yield started


@asynccontextmanager
async def panel(
    on: Site, key: str | None, tmp_path: Path, place: str = ""
) -> AsyncIterator[Browser]:
    """The panel, open in a browser, with its key given where the server has any; nothing in it may
    have gone wrong."""
    async with browsing(browser(), tmp_path / "profile") as page:
        await page.open(f"{on.url}/panel{place}")
        if key is not None:
            await page.type("#key", key)
            await page.press("#key-form button")
        await page.until("document.querySelector('#places')?.hidden === false")
        yield page
        assert page.problems == []
        assert not await page.run("globalThis.pwned")


async def say(page: Browser, words: str) -> None:
    await page.type("#words", words)
    await page.press("#send")


async def in_chat(client: httpx2.AsyncClient, *messages: str, thread: str | None = None) -> str:
    """Say it over HTTP, as another client of the same user does; the thread's id."""
    for words in messages:
        body = {"message": words} | ({"thread_id": thread} if thread else {"start_fresh": True})
        answer = await client.post("/icp/intake", json=body)
        thread = answer.json()["thread_id"]
    assert thread is not None
    return thread


async def planned(client: httpx2.AsyncClient, *, run: bool = False) -> str:
    """A thread with its plan; with `run`, with the enriched companies, too."""
    thread = await in_chat(client, WEBSITE, CUSTOMERS)
    await client.post("/icp/chat/confirm", json={"thread_id": thread})
    await client.get(f"/api/orchestrations/{thread}?wait_s=45")
    if run:
        await client.post("/icp/enrich/top10", json={"thread_id": thread})
        await client.get(f"/api/orchestrations/{thread}?wait_s=45")
    return thread


# --- the page ------------------------------------------------------------------------------------


async def test_the_page_is_whole_and_runs_under_a_policy_of_its_own(market: Site) -> None:
    await market.key()
    async with market.client() as nobody:
        answer = await nobody.get("/panel")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    policy = dict(p.split(" ", 1) for p in answer.headers["content-security-policy"].split("; "))
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        (inside,) = re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", answer.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert policy[rule] == f"'sha256-{digest}'"
    assert policy["default-src"] == policy["frame-ancestors"] == policy["form-action"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert not re.search(r'(src|href|action)="(?!data:|#)', answer.text)


async def test_the_key_is_asked_for_once_and_stays_in_the_tab(market: Site, tmp_path: Path) -> None:
    key = await market.key()
    async with browsing(browser(), tmp_path / "profile") as page:
        await page.open(f"{market.url}/panel")
        await page.type("#key", "411_nobody")
        await page.press("#key-form button")
        await page.shows("This key is not known", "#key-problem")
        await page.shows("Type the key again", "#key-problem")
        await page.type("#key", key)
        await page.press("#key-form button")
        await page.shows("Say hello", "#log")
        await page.send("Page.reload")
        await page.shows("Say hello", "#log")  # not asked again
        assert await page.run("Object.values({...sessionStorage})") == [key]
        assert await page.run("localStorage.length") == 0
        assert await page.run("document.cookie") == ""
        asked = await page.run(
            "[location.href, ...performance.getEntries().map((e) => e.name)].join(' ')"
        )
        assert "/api/v1/account" in asked
        assert key not in asked
        assert "411_" not in asked
        await page.press("#forget-key")
        await page.until("!document.querySelector('#key-place').hidden")
        assert await page.run("sessionStorage.length") == 0
        assert page.problems == []


# --- the conversation ----------------------------------------------------------------------------


async def test_from_a_website_to_people_and_a_table(market: Site, tmp_path: Path) -> None:
    key = await market.key()
    downloads = tmp_path / "downloads"
    async with panel(market, key, tmp_path) as page:
        await page.send(
            "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads)
        )
        await say(page, WEBSITE)
        await page.shows("List 5–15 best customers", "#log")
        assert not await page.run(f"document.querySelector('{CONFIRM}, {RUN}')")
        await say(page, CUSTOMERS)
        await page.shows("Anchoring seeds", "#log .event:last-of-type")  # from the stream
        await page.press(CONFIRM)

        await page.press("[data-key='micro-integration:xero']")
        await page.shows("Micro‑ICP accepted", "#log")
        assert "Trading and distribution (5 of 5)" in await page.text("[data-part=profile]")
        row = await page.text(FIRST)
        assert "1. Coldharbour Dairy Co" in row
        assert "of 100" in row
        assert " met · 0 against" in row
        assert "1 against" in await page.text("[data-part=list]")
        assert not await page.run(f"document.querySelector('{CONFIRM}')")

        await page.press(RUN)
        await page.shows("10 of 10 enriched", "#plan")
        await page.shows("contacts saved", "#log")
        await page.shows("Rosalind Thorne, Managing Director", FIRST)
        await page.shows("sales@coldharbourdairy.example", FIRST)
        await page.until(f"document.querySelector('{FIRST}').dataset.state === 'done'")
        assert not await page.run(f"document.querySelector('{RUN}')")
        quoted = await page.run(
            f"[...document.querySelectorAll('{FIRST} .quote a')].map((a) => [a.href, a.rel])"
        )
        assert ["https://coldharbourdairy.example/about", "noopener noreferrer"] in quoted
        # Found by a vendor only: shown, and not as a fact.
        await page.shows("unproven", '.company[data-domain="polarlane.example"] .person')
        await page.press("[data-key=csv]")
        table = anyio.Path(downloads / "latest_scores.csv")
        with anyio.fail_after(20):
            while not await table.exists():  # noqa: ASYNC110 - a browser tells nobody here
                await anyio.sleep(0.05)
        assert "coldharbourdairy.example" in await table.read_text(encoding="utf-8")
        said = [line for line in (await page.text("#log")).splitlines() if line]
        for once in ("ICP Profile produced.", "The list was e-mailed."):
            assert said.count(once) <= 1


class Line:
    """What carries bytes between a browser and the server, and can be cut."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._open: set[anyio.CancelScope] = set()
        self.up = True

    async def carry(self, near: ByteStream) -> None:
        with anyio.CancelScope() as scope:
            self._open.add(scope)
            async with near:
                if self.up:
                    await self._both_ways(near)
        self._open.discard(scope)

    async def _both_ways(self, near: ByteStream) -> None:
        async with (
            await anyio.connect_tcp(HOST, self._to_port) as far,
            anyio.create_task_group() as ways,
        ):
            ways.start_soon(self._one_way, near, far, ways.cancel_scope)
            await self._one_way(far, near, ways.cancel_scope)

    async def _one_way(self, out: ByteStream, into: ByteStream, over: anyio.CancelScope) -> None:
        with contextlib.suppress(anyio.BrokenResourceError):
            async for some in out:
                await into.send(some)
        over.cancel()

    def cut(self) -> None:
        self.up = False
        for scope in self._open:
            scope.cancel()


async def test_a_cut_line_is_waited_for_and_nothing_is_missed_or_told_twice(
    tmp_path: Path,
) -> None:
    listener = await anyio.create_tcp_listener(local_host=HOST)
    port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - no query
    seen_as = f"http://{HOST}:{port}"
    async with (
        listener,
        site(tmp_path, BLACKKNIGHT, public_url=seen_as, **SETTINGS) as started,
        anyio.create_task_group() as carrying,
    ):
        line = Line(int(started.url.rpartition(":")[2]))
        carrying.start_soon(listener.serve, line.carry)
        key = await started.key()
        async with started.client(key) as client:
            thread = await in_chat(client, WEBSITE, CUSTOMERS)
            behind = replace(started, url=seen_as)
            async with panel(behind, key, tmp_path, f"#/icp/{thread}") as page:
                await page.shows("Anchoring seeds", "#log")
                line.cut()
                await page.shows("Reconnecting…", "#chat-badges")
                await say(page, "status")
                await page.shows("The server cannot be reached.", "#chat-problem")
                await client.post("/icp/chat/confirm", json={"thread_id": thread})
                await client.get(f"/api/orchestrations/{thread}?wait_s=45")
                line.up = True
                await page.shows("Progress: Intake saved", "#log")
                await page.shows("Live", "#chat-badges")
                await page.press("[data-key^=again-]")  # what was not sent
                await page.shows("Status: the plan is ready", "#log")
                await page.shows("Coldharbour Dairy Co", "#plan")
                lines = (await page.text("#log")).splitlines()
                for once in ("ICP Profile produced.", "status", "Anchoring seeds… Added SSIC "
                             "evidence where available."):  # fmt: skip
                    assert lines.count(once) == 1
        carrying.cancel_scope.cancel()


async def test_without_live_lines_and_lists_a_run_is_followed_all_the_same(tmp_path: Path) -> None:
    off = {"enable_chat_events": False, "enable_embedded_lg_server": False}
    async with (
        site(tmp_path, BLACKKNIGHT, **off, **SETTINGS) as quiet,
        panel(quiet, None, tmp_path) as page,  # on loopback, before the first key is made
    ):
        await page.shows("Sessions are not listed", "#threads-problem")
        await say(page, WEBSITE)
        await page.shows("List 5–15", "#log")
        await page.shows("Live lines are off", "#chat-badges")
        await say(page, CUSTOMERS)
        await page.press(CONFIRM)
        await page.press(RUN)
        await page.shows("10 of 10 enriched", "#plan")
        await page.shows("Rosalind Thorne, Managing Director", FIRST)


async def test_a_locked_session_is_read_only_and_offers_a_new_one(
    market: Site, tmp_path: Path
) -> None:
    key = await market.key("locked")
    async with market.client(key) as client:
        thread = await in_chat(client, WEBSITE)
        async with panel(market, key, tmp_path, f"#/icp/{thread}") as page:
            await page.shows("List 5–15", "#log")
            assert "Read-only" not in await page.text("#chat")
            await in_chat(client, WEBSITE)  # elsewhere: the newer session locks this one
            await say(page, CUSTOMERS)
            await page.until("document.querySelector('[data-code=THREAD_LOCKED]')")
            await page.shows("Read-only", "#chat-badges")
            assert await page.run("document.querySelector('#words').disabled")
            assert "Start a new session to go on" in await page.text("#chat-problem")
            await page.press("[data-key=mend]")
            await page.shows("List 5–15", "#log")
            await page.until("!document.querySelector('#words').disabled")
            assert thread not in await page.run("location.hash")


async def test_sessions_are_listed_resumed_and_archived_ones_hidden(
    market: Site, tmp_path: Path
) -> None:
    key = await market.key("lists")
    async with market.client(key) as client:
        old = await in_chat(client, "https://ledgerline.example/")
        await client.patch(f"/threads/{old}", json={"status": ThreadStatus.ARCHIVED.value})
        await in_chat(client, WEBSITE)
        async with panel(market, key, tmp_path) as page:
            await page.shows("theblackknight.org", "#thread-list")
            assert "ledgerline.example" not in await page.text("#thread-list")
            await page.run("document.querySelector('#archived').click()")
            await page.shows("ledgerline.example", "#thread-list")
            await page.press(".thread[data-status=open]")
            await page.shows("List 5–15", "#log")
            await page.press("[data-key=resume]")
            await page.shows("Welcome back", "#log")


# --- one lead ------------------------------------------------------------------------------------


async def test_a_lead_becomes_facts_with_citations_and_gaps_with_prices(tmp_path: Path) -> None:
    async with site(tmp_path, billing="on") as hoops:
        key = await hoops.key()
        async with panel(hoops, key, tmp_path, "#/lead") as page:
            await page.press("#lead-form button")
            await page.shows("Fill in the company", "#lead-problem")
            await page.type("[data-field=company]", HOOPS_LEAD["company"])  # type: ignore[arg-type]
            await page.type("[data-field=domain]", HOOPS_LEAD["domain"])  # type: ignore[arg-type]
            await page.press("#lead-form button")
            await page.shows("Nothing was charged. Ask whoever", "#lead-problem")
            await hoops.app.accounts.credit("acme", 2000, "t", "test")
            await page.press("#lead-form button")
            await page.until("document.querySelector('.slot[data-slot=data411-site]')")
            await page.shows("The run has ended. It cost $", "#lead-status")
            proven, doubtful = "[data-part=proven]", "[data-part=doubtful]"
            assert "Marisol Hartwell, Owner and Managing Member" in await page.text(proven)
            assert await page.run(f"document.querySelectorAll('{proven} .quote').length") > 5
            assert not await page.run(
                f"document.querySelector('{proven} [data-status]:not([data-status=proven])')"
            )
            assert "Brandon Keeler" not in await page.text(proven)
            await page.press(f"{doubtful} [data-key=held-summary]")
            await page.shows("Brandon Keeler", doubtful)
            await page.press("[data-key^=gap-]")  # which says what it costs
            await page.until("location.hash.startsWith('#/job/')")
            assert re.search(r"Look for it · \$0\.35", await page.text("[data-part=gaps]"))


# --- strangers' words ----------------------------------------------------------------------------


async def make_hostile(on: Site, tenant: str, thread: str) -> None:
    """Put markup wherever a plan and a graph hold the text of pages."""
    app, at = on.app, on.app.clock.now()
    found = await app.icp.store.document(tenant, SHORTLIST, thread)
    assert found is not None
    listed = json.dumps(_soiled(json.loads(found.text)))
    await app.icp.store.put_document(tenant, SHORTLIST, thread, listed, at=at)
    await app.icp.store.touch_thread(tenant, thread, at=at, label=HOSTILE)


def _soiled(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {k: _soiled(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_soiled(v, key) for v in value]
    return value + HOSTILE if key in ("name", "why", "snippet", "label") else value


async def test_hostile_text_stays_text_and_leads_nowhere(market: Site, tmp_path: Path) -> None:
    key = await market.key("hostile")
    async with market.client(key) as client:
        thread = await planned(client, run=True)
        await make_hostile(market, "hostile", thread)
        first = (await client.get(f"/icp/top10?thread_id={thread}")).json()["items"][0]
        chat = first["chat_session_id"]
        row = await market.app.store.session("hostile", chat)
        assert row is not None
        dirty = Backfill.model_validate(_dirtied(json.loads(row.backfill or "")))
        await market.app.store.save_backfill(
            "hostile", chat, dirty.model_dump_json(by_alias=True),
            expected_version=row.version, at=market.app.clock.now(),
        )  # fmt: skip
        async with panel(market, key, tmp_path, f"#/icp/{thread}") as page:
            await page.shows(HOSTILE, FIRST)
            await page.shows(HOSTILE, "#thread-list")
            await page.shows(HOSTILE, f"{FIRST} .person")
            await say(page, HOSTILE)
            await page.shows(HOSTILE, "#log .human:last-of-type")
            for place in (f"#/icp/{thread}", f"#/graph/{chat}"):
                await page.run(f"location.hash = '{place}'")
                await page.shows(HOSTILE, "#content")
                assert await page.run("document.images.length") == 0
                assert await page.run("document.scripts.length") == 1
                schemes = await page.run(
                    "[...new Set([...document.links].map((a) => new URL(a.href).protocol))]"
                )
                assert set(schemes) <= {"http:", "https:"}
                rels = await page.run("[...document.links].filter((a) => a.host !== location.host)"
                                      ".every((a) => a.rel.includes('noopener'))")  # fmt: skip
                assert rels


# --- for everybody -------------------------------------------------------------------------------

NAMELESS = """[...document.querySelectorAll('a, button, input, textarea, summary')]
  .filter((node) => node.checkVisibility() && !(node.labels?.length || node.ariaLabel
    || node.innerText?.trim())).map((node) => node.outerHTML.slice(0, 200))"""


async def test_it_fits_a_phone_follows_the_scheme_and_names_its_controls(
    market: Site, tmp_path: Path
) -> None:
    key = await market.key("shapes")
    async with market.client(key) as client:
        thread = await planned(client, run=True)
        row = (await client.get(f"/icp/top10?thread_id={thread}")).json()["items"][0]
        places = (f"#/icp/{thread}", f"#/graph/{row['chat_session_id']}", "#/lead")
        backgrounds: dict[str, set[str]] = {"light": set(), "dark": set()}
        async with panel(market, key, tmp_path, places[0]) as page:
            await page.shows("Rosalind Thorne", "#plan")
            for place in places:
                await page.run(f"location.hash = '{place}'")
                await page.shows("One lead" if place == "#/lead" else "Coldharbour", "#content")
                for width in (320, 380, 900, 1440):
                    for scheme, seen in backgrounds.items():
                        await page.shape(width, scheme=scheme)
                        wide = "document.documentElement.scrollWidth"
                        assert await page.run(wide) <= width, (place, width)
                        seen.add(await page.run("getComputedStyle(document.body).backgroundColor"))
                assert await page.run(NAMELESS) == []
            assert len(backgrounds["light"]) == len(backgrounds["dark"]) == 1
            assert backgrounds["light"] != backgrounds["dark"]


async def test_the_keyboard_alone_is_enough(market: Site, tmp_path: Path) -> None:
    key = await market.key("keys")
    async with panel(market, key, tmp_path) as page:
        await page.run("document.querySelector('#words').focus()")
        await page.send("Input.insertText", text=WEBSITE)
        await page.key("Enter", "\r")
        await page.shows("List 5–15", "#log")
        assert await page.run("document.activeElement.id") == "words"
        await page.send("Input.insertText", text=CUSTOMERS)
        await page.key("Enter", "\r")
        await page.until(f"document.querySelector('{CONFIRM}')")
        await page.press(CONFIRM)
        await page.shows("Coldharbour Dairy Co", "#plan")
        fold = "[data-key='verdicts-coldharbourdairy.example-summary']"
        await page.press(fold)
        await page.shows("A wholesale dairy distributor", f"{FIRST} blockquote")
        # Drawn anew while it is read: it stays open, and the focus where it was.
        assert await page.run(f"document.activeElement === document.querySelector(`{fold}`)")


async def test_a_job_of_another_tenant_is_told_in_plain_words(market: Site, tmp_path: Path) -> None:
    key, other = await market.key("mine"), await market.key("theirs")
    lead = {"company": "Polar Lane Frozen Foods", "domain": "polarlane.example"}
    async with market.client(other) as client:
        body = {"route": "enrich/lead-session", "payload": {"lead": lead}}
        job = (await client.post(JOBS, json=body)).json()["job_id"]
    async with panel(market, key, tmp_path, f"#/job/{job}") as page:
        await page.shows("There is no such job.", "#lead-problem")
        await page.shows("it belongs to another key", "#lead-problem")
