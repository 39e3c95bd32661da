"""The hunt board as the server offers it: listed, read, named by tools, and safe to show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from data411_mcp.tools.board import PAGE, SHOWN_FOR, URI
from mcp_types import TextResourceContents

from tests.tools.mcp_sessions import ERAS, connected

MIME_TYPE = "text/html;profile=mcp-app"
PAGE_BYTES_MAX = 40_000


@pytest.mark.parametrize("mode", ERAS)
async def test_the_board_is_listed_and_read(tmp_path: Path, mode: str) -> None:
    async with connected(tmp_path, mode=mode) as client:
        (listed,) = [r for r in (await client.list_resources()).resources if r.uri == URI]
        (content,) = (await client.read_resource(URI)).contents
    assert listed.mime_type == content.mime_type == MIME_TYPE
    assert isinstance(content, TextResourceContents)
    assert content.text == PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("mode", ERAS)
async def test_tools_whose_answers_it_draws_name_it_and_no_others(
    tmp_path: Path, mode: str
) -> None:
    async with connected(tmp_path, mode=mode) as client:
        tools = (await client.list_tools()).tools
    named = {t.name: t.meta for t in tools if t.meta}
    assert named == {name: {"ui": {"resourceUri": URI}} for name in SHOWN_FOR}


async def test_the_server_announces_that_it_has_pages(tmp_path: Path) -> None:
    async with connected(tmp_path) as client:
        capabilities = client.server_capabilities
    assert capabilities is not None
    assert "io.modelcontextprotocol/ui" in (capabilities.extensions or {})


def test_the_page_needs_nothing_but_itself_and_is_small() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert len(page.encode()) <= PAGE_BYTES_MAX
    fetched = r"""\bsrc\s*=|<link\b|@import|url\(|\bimport\b|\bfetch\(|XMLHttpRequest|WebSocket"""
    assert re.findall(fetched, page) == []


def test_the_page_never_reads_data_as_markup_or_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    dangerous = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|srcdoc|\beval\("
        r"|new Function|createContextualFragment"
    )
    assert re.findall(dangerous, page) == []


def test_every_tool_that_a_button_calls_exists() -> None:
    from data411_mcp.tools import TOOLS

    page = PAGE.read_text(encoding="utf-8")
    called = set(re.findall(r"'([a-z]+(?:_[a-z]+)+)'", page)) - {"needs_identity", "not_configured"}
    assert {"submit_enrich_job", "wait_enrich_job", "get_lead_graph"} <= called
    assert called <= {spec.name for spec in TOOLS}
