"""Answers: small enough for a model, complete through paging, readable as resources."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from data411_mcp.tools.graph import Section
from mcp.shared.exceptions import MCPError

from data411_mcp.services.graph_views import SECTIONS
from tests.tools.calls import spelled_out
from tests.tools.mcp_sessions import (
    ANSWER_BYTES_MAX,
    ERAS,
    LEAD,
    WAIT_SECONDS,
    answer_bytes,
    connected,
    structured,
)

Copied = tuple[Path, str]
CONTACTS = 50


def test_the_tool_offers_every_section_of_the_graph() -> None:
    assert set(get_args(Section)) == {"overview", *SECTIONS}


@pytest.mark.parametrize("section", get_args(Section))
async def test_no_page_of_a_crowded_graph_is_over_the_limit(crowded: Copied, section: str) -> None:
    folder, chat = crowded
    cursor: int | None = 0
    async with connected(folder) as client:
        while cursor is not None:
            result = await client.call_tool(
                "get_lead_graph",
                {"chat_session_id": chat, "section": section, "cursor": cursor, "limit": 25},
            )
            assert result.is_error is not True
            assert answer_bytes(result) <= ANSWER_BYTES_MAX
            cursor = structured(result).get("next_cursor")


@pytest.mark.parametrize("mode", ERAS)
async def test_every_section_of_a_finished_session_can_be_read(finished: Copied, mode: str) -> None:
    folder, chat = finished
    async with connected(folder, mode=mode) as client:
        for section in get_args(Section):
            result = await client.call_tool(
                "get_lead_graph", {"chat_session_id": chat, "section": section, "limit": 25}
            )
            assert result.is_error is not True, section
            assert answer_bytes(result) <= ANSWER_BYTES_MAX, section
            if section not in {"overview", "relations", "history"}:
                assert structured(result)["items"], section


@pytest.mark.parametrize("limit", [1, 10, 25])
@pytest.mark.parametrize("section", ["contacts", "emails", "phones"])
async def test_paging_yields_each_item_once(crowded: Copied, section: str, limit: int) -> None:
    folder, chat = crowded
    seen: list[str] = []
    cursor: int | None = 0
    async with connected(folder) as client:
        while cursor is not None:
            page = structured(
                await client.call_tool(
                    "get_lead_graph",
                    {"chat_session_id": chat, "section": section, "cursor": cursor,
                     "limit": limit},
                )
            )  # fmt: skip
            assert 1 <= len(page["items"]) <= limit
            seen += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
    assert page["total"] == CONTACTS
    assert len(seen) == len(set(seen)) == CONTACTS


async def test_a_cursor_past_the_end_is_an_empty_page(finished: Copied) -> None:
    folder, chat = finished
    async with connected(folder) as client:
        page = structured(
            await client.call_tool(
                "get_lead_graph", {"chat_session_id": chat, "section": "phones", "cursor": 999}
            )
        )
    assert page["items"] == []
    assert page["next_cursor"] is None


async def test_a_status_narrows_the_page_to_what_has_it(finished: Copied) -> None:
    folder, chat = finished
    async with connected(folder) as client:
        for section in ("contacts", "phones", "emails", "addresses", "links", "relations"):
            page = structured(
                await client.call_tool(
                    "get_lead_graph",
                    {"chat_session_id": chat, "section": section, "status": "proven"},
                )
            )
            for item in page["items"]:
                shown = item.get("name") or item.get("statement") or item
                assert shown["status"] == "proven"


@pytest.mark.parametrize("mode", ERAS)
async def test_every_answer_of_a_session_is_under_the_limit(finished: Copied, mode: str) -> None:
    folder, chat = finished
    calls: list[tuple[str, dict[str, Any]]] = [
        ("enrich_lead_session", {"lead": LEAD, "chat_session_id": chat, "prompts": ["Fax?"]}),
        ("submit_findings", {"chat_session_id": chat, "findings": [
            {"field": "phone", "value": f"+1 614 555 01{n:02d}", "quote": "ö" * 900,
             "url": "https://hgautotech.com/contact?" + "q" * 1500} for n in range(25)]}),
        ("correct_lead_fact", {"chat_session_id": chat, "action": "add", "field": "person",
                               "value": "Ines Varga"}),
        ("get_lead_graph", {"chat_session_id": chat}),
    ]  # fmt: skip
    async with connected(folder, mode=mode) as client:
        for tool, arguments in calls:
            result = await client.call_tool(tool, arguments, read_timeout_seconds=WAIT_SECONDS)
            assert result.is_error is not True, (tool, structured(result))
            assert answer_bytes(result) <= ANSWER_BYTES_MAX, tool
            if "job_id" in structured(result):
                waited = await client.call_tool(
                    "wait_enrich_job", {"job_id": structured(result)["job_id"]}
                )
                assert answer_bytes(waited) <= ANSWER_BYTES_MAX


async def test_the_lead_comes_back_exactly_as_it_was_pasted(finished: Copied) -> None:
    folder, chat = finished
    async with connected(folder) as client:
        answer = structured(await client.call_tool("get_lead_graph", {"chat_session_id": chat}))
    assert answer["lead"] == LEAD


async def test_a_quote_in_the_graph_stands_in_the_page_resource_at_its_offsets(
    finished: Copied,
) -> None:
    folder, chat = finished
    async with connected(folder) as client:
        page = structured(
            await client.call_tool(
                "get_lead_graph",
                {"chat_session_id": chat, "section": "phones", "status": "proven"},
            )
        )
        assert page["items"]
        for item in page["items"]:
            evidence = item["evidence"]
            text = (await client.read_resource(f"page://{evidence['page_sha256']}")).contents[0]
            quoted = getattr(text, "text", "")[evidence["start"] : evidence["end"]]
            assert quoted.startswith(evidence["quote"])


@pytest.mark.parametrize("mode", ERAS)
async def test_resources_are_listed_and_read(finished: Copied, mode: str) -> None:
    folder, chat = finished
    async with connected(folder, mode=mode) as client:
        templates = (await client.list_resource_templates()).resource_templates
        assert {t.uri_template for t in templates} == {
            "lead://{chat_session_id}/graph",
            "lead://{chat_session_id}/summary-history",
            "page://{sha256}",
        }
        graph = (await client.read_resource(f"lead://{chat}/graph")).contents[0]
        history = (await client.read_resource(f"lead://{chat}/summary-history")).contents[0]
    assert json.loads(getattr(graph, "text", ""))["chat_session_id"] == chat
    assert isinstance(json.loads(getattr(history, "text", "")), list)


@pytest.mark.parametrize("uri", ["lead://nobody/graph", "lead://nobody/summary-history",
                                 "page://0000"])  # fmt: skip
async def test_a_resource_that_is_not_there_is_an_error(tmp_path: Path, uri: str) -> None:
    async with connected(tmp_path) as client:
        with pytest.raises(MCPError):
            await client.read_resource(uri)


@pytest.mark.parametrize("mode", ERAS)
async def test_prompts_are_listed_and_name_the_call_to_make(tmp_path: Path, mode: str) -> None:
    chat = {"chat_session_id": "c1"}
    arguments: dict[str, tuple[str, dict[str, str]]] = {
        "enrich_lead": ("enrich_lead_session", {"lead_json": '{"company": "Acme Pumps"}'}),
        "follow_up": ("enrich_lead_session", chat | {"words": 'Find "the" owner.'}),
        "hunt_yourself": ("submit_findings", chat),
        "correct_fact": ("correct_lead_fact", chat | {"correction": "The fax is wrong."}),
        "show_account": ("get_account", {}),
        "close_gap": ("get_lead_graph", chat | {"gap_text": 'Find "the" owner.'}),
        "rerun_slot": ("rerun_hunt_slot", chat | {"model_id": "data411-hunt-forge"}),
        "run_open_slots": ("submit_enrich_job", chat),
        "resynthesize": ("resynthesize_lead_graph", chat | {"emphasis": "phones first"}),
        "investigate_finding": ("investigate_unmerged_finding", chat),
        "find_lookalikes": ("icp_intake", {"website": "https://tallship.example"}),
        "resume_icp": ("icp_threads", {"thread_id": "t1"}),
    }
    async with connected(tmp_path, mode=mode) as client:
        listed = (await client.list_prompts()).prompts
        assert {p.name for p in listed} == arguments.keys()
        assert all(p.title and p.description for p in listed)
        for name, (tool, given) in arguments.items():
            message = (await client.get_prompt(name, given)).messages[0]
            text = getattr(message.content, "text", "")
            assert tool in text
            assert all(json.dumps(value)[1:-1] in text or value in text for value in given.values())
            if f"{tool}(" in text:
                spelled_out(text[text.index(f"{tool}(") :])
