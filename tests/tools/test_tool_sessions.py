"""Sessions through the tools: progress while the call runs, waiting, cancelling, hanging up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client.client import Client

from data411_mcp.domain.slots import DEEP, SWIFT
from tests.tools.mcp_sessions import (
    ERAS,
    LEAD,
    WAIT_SECONDS,
    connected,
    structured,
    world_with_fault,
)

Copied = tuple[Path, str]
SLOW = {"vendor": "openrouter", "slot": DEEP, "fault": {"kind": "delay", "seconds": 600}}


class Progress:
    """Notifications as they arrive, and a way to wait for one of them."""

    def __init__(self, wanted: str = "") -> None:
        self.values: list[float] = []
        self.messages: list[str] = []
        self.arrived = anyio.Event()
        self._wanted = wanted

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        self.values.append(progress)
        self.messages.append(message or "")
        if self._wanted in (message or ""):
            self.arrived.set()


async def run_to_end(client: Client, arguments: dict[str, Any]) -> dict[str, Any]:
    answer = structured(await client.call_tool("enrich_lead_session", arguments))
    with anyio.fail_after(WAIT_SECONDS):
        while answer["status"] == "running":
            answer = structured(
                await client.call_tool("wait_enrich_job", {"job_id": answer["job_id"]})
            )
    return answer


@pytest.mark.parametrize("mode", ERAS)
async def test_one_call_answers_with_the_proven_summary(tmp_path: Path, mode: str) -> None:
    async with connected(tmp_path, mode=mode) as client:
        answer = await run_to_end(client, {"lead": LEAD})
    assert answer["status"] == "done"
    assert answer["identity"]["decision"] == "clear"
    assert "+1 614-555-0142" in answer["summary_markdown"]
    assert answer["counts"]["proven"] > 10
    assert answer["cost"]["charged_usd"] == 0
    assert answer["chat_session_id"] in answer["next"]


@pytest.mark.parametrize("mode", ERAS)
async def test_progress_rises_strictly_and_arrives_while_the_call_runs(
    tmp_path: Path, mode: str
) -> None:
    world = world_with_fault(tmp_path / "world", SLOW)
    progress = Progress("Hunt Swift: done")
    with anyio.fail_after(WAIT_SECONDS):
        async with (
            connected(tmp_path / "data", world=world, mode=mode) as client,
            anyio.create_task_group() as calls,
        ):
            calls.start_soon(
                lambda: client.call_tool(
                    "enrich_lead_session", {"lead": LEAD}, progress_callback=progress
                )
            )
            await progress.arrived.wait()  # the slow slot holds the call open
            calls.cancel_scope.cancel()
    assert progress.values == sorted(set(progress.values))
    assert any("Session started" in m for m in progress.messages)
    assert any("Identity: clear" in m for m in progress.messages)


async def test_waiting_returns_within_its_limit_and_the_job_goes_on(tmp_path: Path) -> None:
    world = world_with_fault(tmp_path / "world", SLOW)
    data = tmp_path / "data"
    with anyio.fail_after(WAIT_SECONDS):
        async with connected(data, world=world, answer_within_s=0.2) as client:
            started = structured(await client.call_tool("enrich_lead_session", {"lead": LEAD}))
            assert started["status"] == "running"
            assert started["job_id"] in started["next"]
            waited = structured(
                await client.call_tool(
                    "wait_enrich_job", {"job_id": started["job_id"], "max_wait_seconds": 0}
                )
            )
            assert waited["status"] == "running"
            await client.call_tool("cancel_enrich_job", {"job_id": started["job_id"], "slot": DEEP})
            while waited["status"] == "running":
                waited = structured(
                    await client.call_tool("wait_enrich_job", {"job_id": started["job_id"]})
                )
    assert waited["status"] == "done"
    slots = {slot["id"]: slot for slot in waited["slots"]}
    assert slots[DEEP]["state"] == "cancelled"
    assert slots[SWIFT]["state"] in {"done", "repetition"}


@pytest.mark.parametrize("mode", ERAS)
async def test_a_cancelled_job_keeps_what_was_found_and_the_chat_goes_on(
    tmp_path: Path, mode: str
) -> None:
    world = world_with_fault(tmp_path / "world", SLOW | {"nth": 1})
    progress = Progress("Hunt Swift: done")
    with anyio.fail_after(WAIT_SECONDS):
        async with connected(
            tmp_path / "data", world=world, mode=mode, answer_within_s=5.0
        ) as client:
            async with anyio.create_task_group() as calls:
                calls.start_soon(
                    lambda: client.call_tool(
                        "enrich_lead_session",
                        {"lead": LEAD, "chat_session_id": "chat-1"},
                        progress_callback=progress,
                    )
                )
                await progress.arrived.wait()
                calls.cancel_scope.cancel()
            joined = structured(
                await client.call_tool(
                    "enrich_lead_session", {"lead": LEAD, "chat_session_id": "chat-1"}
                )
            )
            assert joined["status"] == "running"
            cancelled = structured(
                await client.call_tool("cancel_enrich_job", {"job_id": joined["job_id"]})
            )
            while cancelled["status"] == "running":
                cancelled = structured(
                    await client.call_tool("wait_enrich_job", {"job_id": joined["job_id"]})
                )
            assert cancelled["status"] == "cancelled"
            assert cancelled["counts"]["phones"] > 0
            again = await run_to_end(client, {"lead": LEAD, "chat_session_id": "chat-1"})
    assert again["status"] == "done"
    assert again["job_id"] != joined["job_id"]


async def test_another_lead_in_the_same_chat_is_refused_and_nothing_runs(finished: Copied) -> None:
    folder, chat = finished
    other = {"contact_id": 7, "company": "Acme Pumps", "domain": "acme.example"}
    async with connected(folder) as client:
        result = await client.call_tool(
            "enrich_lead_session", {"lead": other, "chat_session_id": chat}
        )
    assert result.is_error is True
    assert structured(result)["code"] == "MULTI_LEAD_REFUSED"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"lead": {**LEAD, "city": "Columbus"}, "crm_export": True}, "PROMPTS_REQUIRED"),
        ({"refresh": True, "prompts": ["Run Hunt Deep again"]}, "REFRESH_NOT_PARTIAL"),
    ],
)
async def test_a_follow_up_needs_the_users_words_and_no_refresh_for_one_slot(
    finished: Copied, arguments: dict[str, Any], code: str
) -> None:
    folder, chat = finished
    async with connected(folder) as client:
        result = await client.call_tool(
            "enrich_lead_session", {"chat_session_id": chat, **arguments}
        )
    assert result.is_error is True
    assert structured(result)["code"] == code


async def test_an_identical_call_finds_the_run_there_is(finished: Copied) -> None:
    folder, chat = finished
    async with connected(folder) as client:
        first, second = [
            structured(
                await client.call_tool(
                    "enrich_lead_session", {"lead": LEAD, "chat_session_id": chat}
                )
            )
            for _ in range(2)
        ]
    assert first["status"] == "done"
    assert first["job_id"] == second["job_id"]


async def test_a_name_found_on_the_way_never_replaces_the_lead(finished: Copied) -> None:
    folder, chat = finished
    renamed = {**LEAD, "company": "HG AutoTech LLC"}
    async with connected(folder) as client:
        answer = structured(
            await client.call_tool(
                "enrich_lead_session", {"lead": renamed, "chat_session_id": chat}
            )
        )
    assert answer["lead"] == LEAD
    assert "LEAD_RESTORED" in {n["code"] for n in answer["notices"]}


async def test_a_gaps_text_as_prompt_runs_only_its_slot(finished: Copied) -> None:
    folder, chat = finished
    progress = Progress()
    async with connected(folder) as client:
        gaps = structured(
            await client.call_tool("get_lead_graph", {"chat_session_id": chat, "section": "gaps"})
        )["items"]
        gap = next(g for g in gaps if g["slot"] == SWIFT)
        with anyio.fail_after(WAIT_SECONDS):
            result = await client.call_tool(
                "enrich_lead_session",
                {"chat_session_id": chat, "prompts": [gap["text"]]},
                progress_callback=progress,
            )
    assert structured(result)["status"] == "done"
    hunted = {m.split(" hunts for")[0] for m in progress.messages if " hunts for" in m}
    assert hunted == {"Hunt Swift"}


async def test_a_corrected_fact_outranks_what_the_machines_found(finished: Copied) -> None:
    folder, chat = finished
    async with connected(folder) as client:
        phones = structured(
            await client.call_tool(
                "get_lead_graph",
                {"chat_session_id": chat, "section": "phones", "status": "proven"},
            )
        )["items"]
        wrong = phones[0]
        await client.call_tool(
            "correct_lead_fact",
            {"chat_session_id": chat, "action": "reject", "statement_id": wrong["id"]},
        )
        after = structured(
            await client.call_tool(
                "get_lead_graph",
                {"chat_session_id": chat, "section": "phones", "status": "proven"},
            )
        )["items"]
        overview = structured(await client.call_tool("get_lead_graph", {"chat_session_id": chat}))
    assert wrong["id"] not in {p["id"] for p in after}
    assert overview["summary_stale"] is True


async def test_a_submitted_finding_is_proven_on_the_page_or_held_back(finished: Copied) -> None:
    folder, chat = finished
    findings = [
        {"field": "phone", "value": "+1 614 555 0142", "url": "https://hgautotech.com/contact",
         "quote": "(614) 555-0142"},
        {"field": "phone", "value": "+1 614 555 0199", "url": "https://hgautotech.com/contact",
         "quote": "Call (614) 555-0199"},
    ]  # fmt: skip
    async with connected(folder) as client:
        answer = structured(
            await client.call_tool(
                "submit_findings", {"chat_session_id": chat, "findings": findings}
            )
        )
    proven, invented = answer["verdicts"]
    assert proven["status"] == "proven"
    assert invented["status"] == "held_back"
    assert invented["reason"]
