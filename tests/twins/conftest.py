"""A client that connects to twins the way the product does, by the names of the world."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpcore2
import httpx2
import pytest

from data411_mcp.network import TwinAddress

ClientFor = Callable[[TwinAddress], AbstractAsyncContextManager[httpx2.AsyncClient]]


class _ToTwins(httpcore2.AsyncNetworkBackend):
    def __init__(self, address: TwinAddress) -> None:
        self._network = address.network()
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(self, host: str, port: int, **more: Any) -> httpcore2.AsyncNetworkStream:
        assert self._network.resolve is not None
        addresses = await self._network.resolve(host)
        port = self._network.port_map[port]
        return await self._inner.connect_tcp(addresses[0], port, **more)


@pytest.fixture
def client_for() -> ClientFor:
    @asynccontextmanager
    async def connect(address: TwinAddress) -> AsyncIterator[httpx2.AsyncClient]:
        context = address.network().ssl_context
        assert context is not None
        transport = httpx2.AsyncHTTPTransport(verify=context, trust_env=False)
        transport._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context, network_backend=_ToTwins(address)
        )
        async with httpx2.AsyncClient(transport=transport, trust_env=False, timeout=5) as client:
            yield client

    return connect


@pytest.fixture
def world_folder(tmp_path: Path) -> Path:
    """A small world: one company with four pages, a directory, rows in every register."""
    folder = tmp_path / "world"
    acme = folder / "sites" / "acme.example"
    acme.mkdir(parents=True)
    (acme / "index.html").write_text(
        "<html lang='en'><head><title>Acme Pumps</title><script>var x = 1</script></head><body>"
        "<h1>Acme Pumps</h1><p>Call <b>+1 614 555 0101</b> or <a href='/contact'>write</a>.</p>"
        "<div style='display:none'>hidden words</div><ul><li>one</li><li>two</li></ul>"
        "<table><tr><th>Name</th><th>Role</th></tr>"
        "<tr><td>Ada Quill</td><td>Owner</td></tr></table>"
        "</body></html>"
    )
    (acme / "contact.html").write_text("<html><body><h1>Contact</h1><p>Acme</p></body></html>")
    (acme / "old.html.headers").write_text("status: 301\nlocation: /contact\n")
    (acme / "gone.html").write_text("<html><body><p>This page is gone.</p></body></html>")
    (acme / "gone.html.headers").write_text("Status: 410\nX-Note: kept\n")
    (acme / "big.html").write_text("<p>" + "pump " * 2_000 + "</p>")
    directory = folder / "sites" / "directory.example" / "acme"
    directory.mkdir(parents=True)
    (directory / "index.html").write_text(
        "<title>Acme Pumps, Columbus</title><p>Acme Pumps in Columbus, (614) 555-0170</p>"
    )
    write_rows(
        folder / "registry/gleif.jsonl",
        {
            "lei": "549300ACMEPUMPS00012",
            "legal_name": "Acme Pumps LLC",
            "country": "US",
            "region": "US-OH",
            "city": "Columbus",
            "direct_parent": "549300ACMEHOLD000034",
        },
        {"lei": "549300ACMEHOLD000034", "legal_name": "Acme Holding Inc.", "country": "US"},
    )
    write_rows(
        folder / "registry/edgar.jsonl",
        {"cik": 1234, "name": "ACME HOLDING INC", "ticker": "ACMX", "city": "Columbus"},
    )
    write_rows(
        folder / "registry/wikidata.jsonl",
        {
            "qid": "Q901",
            "label": "Acme Pumps",
            "website": "https://acme.example/",
            "inception": "1998-04-01",
            "employees": 41,
            "industry": "pump manufacturing",
            "country_code": "US",
        },
        {
            "qid": "Q902",
            "label": "Bygone Pumps",
            "industry": "pump manufacturing",
            "country_code": "US",
            "dissolved": "1999-12-31",
        },
    )
    write_rows(
        folder / "registry/rdap.jsonl",
        {"domain": "acme.example", "registered": "2001-02-03", "registrant": "Acme Pumps LLC"},
        {"domain": "acme.com", "registered": "2003-02-03"},
    )
    write_rows(
        folder / "dns.jsonl",
        {"name": "acme.example", "type": "MX", "values": ["10 mail.acme.example."]},
        {"name": "acme.example", "type": "TXT", "values": ["v=spf1 -all " + "x" * 300]},
        {"name": "alias.example", "type": "CNAME", "values": ["acme.example."]},
        {"name": "broken.example", "rcode": "SERVFAIL"},
        {"name": "silent.example", "silent": True},
        {"name": "rebind.example", "values": ["10.0.0.7"]},
        {"name": "cut.example", "values": ["127.0.0.1"], "truncate": True},
    )
    write_rows(
        folder / "search/rows.jsonl",
        {
            "terms": ["acme"],
            "results": [{"url": "https://acme.example/", "title": "Acme", "content": "pumps"}],
        },
        {
            "terms": ["acme", "owner"],
            "answer": "Ada Quill",
            "results": [
                {"url": "https://acme.example/team", "title": "Team", "content": "Ada Quill"},
                {"url": "https://directory.example/acme", "title": "Acme", "content": "x"},
            ],
        },
    )
    write_rows(
        folder / "llm/rows.jsonl",
        {"slot": "data411-hunt-swift", "nth": 2, "text": "not JSON at all"},
        {
            "slot": "data411-hunt-swift",
            "answer": {"phones": [{"number": "+1 614 555 0101", "url": "https://acme.example/"}]},
        },
        {"model": "x-ai/*", "contains": "owner of acme", "answer": {"people": []}, "fenced": True},
        {"slot": "synthesis", "text": "Acme makes pumps [1]."},
    )
    return folder


def write_rows(file: Path, *rows: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
