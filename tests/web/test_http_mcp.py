"""MCP on the same port: the same keys, tenants, scopes and services, in both eras."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from mcp import MCPError
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from tests.services.session_world import HOOPS_LEAD
from tests.tools.mcp_sessions import ERAS, structured
from tests.web.conftest import Tenant
from tests.web.web_world import JOBS, SESSION, Site, refused, site

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "0"},
    },
}
ACCEPT = {"accept": "application/json, text/event-stream"}


@asynccontextmanager
async def connected(at: Site, key: str | None, mode: str) -> AsyncIterator[Client]:
    async with (
        at.client(key) as http,
        Client(streamable_http_client(at.mcp, http_client=http), mode=mode) as client,
    ):
        yield client


@pytest.mark.parametrize("mode", ERAS)
async def test_a_session_over_mcp_is_the_same_tenants_over_http(shared: Site, mode: str) -> None:
    tenant = f"mcp-{mode}"
    key = await shared.key(tenant)
    async with connected(shared, key, mode) as client:
        answer = structured(await client.call_tool("enrich_lead_session", {"lead": HOOPS_LEAD}))
    assert answer["status"] == "done"
    async with shared.client(key) as http:
        job = (await http.get(f"{JOBS}/{answer['job_id']}")).json()
    assert job["chat_session_id"] == answer["chat_session_id"]
    stored = await shared.app.store.session(tenant, answer["chat_session_id"])
    assert stored is not None


@pytest.mark.parametrize("mode", ERAS)
async def test_another_tenants_chat_job_and_page_are_unknown_over_mcp(
    shared: Site, acme: Tenant, mode: str
) -> None:
    graph = (await acme.client.get(f"/api/v1/leads/{acme.chat}")).json()
    sha = graph["phones"][0]["evidence"][0]["page_sha256"]
    async with connected(shared, await shared.key("rival"), mode) as client:
        for tool, name, own in (
            ("get_lead_graph", "chat_session_id", acme.chat),
            ("wait_enrich_job", "job_id", acme.job),
            ("cancel_enrich_job", "job_id", acme.job),
        ):
            theirs = await client.call_tool(tool, {name: own})
            unknown = await client.call_tool(tool, {name: "0" * 32})
            assert structured(theirs)["code"] == "NOT_FOUND"
            assert structured(theirs) == structured(unknown)
        for uri in (f"page://{sha}", f"lead://{acme.chat}/graph"):
            with pytest.raises(MCPError) as theirs_:
                await client.read_resource(uri)
            with pytest.raises(MCPError) as unknown_:
                await client.read_resource(uri.replace(sha, "0" * 64).replace(acme.chat, "0" * 32))
            assert theirs_.value.error.code == unknown_.value.error.code
            assert theirs_.value.error.message == unknown_.value.error.message
    async with connected(shared, acme.key, mode) as client:
        assert (await client.read_resource(f"page://{sha}")).contents


@pytest.mark.parametrize("mode", ERAS)
async def test_a_reading_key_may_read_and_not_run(shared: Site, acme: Tenant, mode: str) -> None:
    async with connected(shared, await shared.key("acme", "read"), mode) as client:
        graph = await client.call_tool("get_lead_graph", {"chat_session_id": acme.chat})
        assert not graph.is_error
        refused_ = await client.call_tool("enrich_lead_session", {"lead": HOOPS_LEAD})
        cancel = await client.call_tool("cancel_enrich_job", {"job_id": acme.job})
    assert structured(refused_)["code"] == "FORBIDDEN"
    assert structured(cancel)["code"] == "FORBIDDEN"


async def test_without_a_key_and_with_a_revoked_one_mcp_is_a_401(shared: Site) -> None:
    key = await shared.key("leaver")
    async with shared.client(key) as client:
        answer = await client.post("/mcp", json=HELLO, headers=ACCEPT)
        assert answer.status_code == 200
        session = answer.headers["mcp-session-id"]
        (stored,) = await shared.app.access.keys("leaver")
        await shared.app.access.revoke_key(stored.id)
        revoked = await client.post(
            "/mcp", json=HELLO, headers={**ACCEPT, "mcp-session-id": session}
        )
        refused(revoked, 401, "UNAUTHORIZED")
        assert revoked.headers["www-authenticate"].startswith("Bearer")
    async with shared.client() as anybody:
        refused(await anybody.post("/mcp", json=HELLO, headers=ACCEPT), 401, "UNAUTHORIZED")


async def test_a_protocol_session_belongs_to_the_key_that_opened_it(shared: Site) -> None:
    ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
    async with shared.client(await shared.key("acme")) as opener:
        answer = await opener.post("/mcp", json=HELLO, headers=ACCEPT)
        session = {"mcp-session-id": answer.headers["mcp-session-id"]}
        own = await opener.post("/mcp", json=ping, headers={**ACCEPT, **session})
        assert own.status_code == 200
    async with shared.client(await shared.key("rival")) as other:
        foreign = await other.post("/mcp", json=ping, headers={**ACCEPT, **session})
        unknown = await other.post(
            "/mcp", json=ping, headers={**ACCEPT, "mcp-session-id": "0" * 32}
        )
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.text == unknown.text


@pytest.mark.parametrize("mode", ERAS)
async def test_on_loopback_without_any_key_mcp_is_the_servers_own_tenant(
    tmp_path: Path, mode: str
) -> None:
    async with site(tmp_path) as fresh:
        async with connected(fresh, None, mode) as client:
            answer = structured(await client.call_tool("enrich_lead_session", {"lead": HOOPS_LEAD}))
        async with fresh.client() as http:
            body = {
                "lead": HOOPS_LEAD,
                "chat_session_id": answer["chat_session_id"],
            }
            joined = (await http.post(SESSION, json=body)).json()
    assert joined["job_id"] == answer["job_id"]
    assert joined["cache_hit"] is True


async def test_mcp_is_one_address(acme: Tenant) -> None:
    answer: httpx2.Response = await acme.client.get("/mcp/anything")
    refused(answer, 404, "NOT_FOUND")
