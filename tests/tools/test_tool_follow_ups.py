"""Follow-ups by their own tools: a slot, a batch, the summary, a finding; and what they cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client.client import Client

from data411_mcp.app import open_office, open_services
from data411_mcp.domain.slots import DEEP, FORGE, SWIFT
from data411_mcp.services.payloads import FINDING_RERUN, SLOT_RERUN, SLOTS_RERUN, SYNTHESIZE_PATCH
from data411_mcp.services.routes import Terms
from tests.tools.calls import spelled_out
from tests.tools.mcp_sessions import (
    ANSWER_BYTES_MAX,
    ERAS,
    LEAD,
    WAIT_SECONDS,
    answer_bytes,
    connected,
    settings,
    structured,
    world_with_fault,
)

Copied = tuple[Path, str]
BROKEN = {
    "vendor": "openrouter",
    "slot": DEEP,
    "nth": 1,
    "fault": {"kind": "status", "status": 400},
}
TERMS = Terms()
CALLS_MAX = 12


async def made(client: Client, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The answer of a call that must not be refused, waited for to its end."""
    with anyio.fail_after(WAIT_SECONDS):
        result = await client.call_tool(tool, arguments, read_timeout_seconds=WAIT_SECONDS)
        assert result.is_error is not True, structured(result)
        assert answer_bytes(result) <= ANSWER_BYTES_MAX
        answer = structured(result)
        while answer["status"] in ("queued", "running"):
            result = await client.call_tool("wait_enrich_job", {"job_id": answer["job_id"]})
            answer = structured(result)
    return answer


async def section(client: Client, chat: str, name: str) -> list[dict[str, Any]]:
    page = await client.call_tool(
        "get_lead_graph", {"chat_session_id": chat, "section": name, "limit": 25}
    )
    return list(structured(page)["items"])


@pytest.mark.parametrize(("model_id", "mode"), [(FORGE, "auto"), ("x-ai/grok-build-0.1", "legacy")])
async def test_one_slot_runs_again_and_the_next_call_rewrites_the_summary(
    finished: Copied, mode: str, model_id: str
) -> None:
    folder, chat = finished
    said: list[str] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        said.append(message or "")

    async with connected(folder, mode=mode) as client:
        before = await section(client, chat, "summary")
        with anyio.fail_after(WAIT_SECONDS):
            result = await client.call_tool(
                "rerun_hunt_slot",
                {"chat_session_id": chat, "model_id": model_id, "lead": LEAD,
                 "prior_backfill": {"...": "from the last answer"}},
                progress_callback=note,
            )  # fmt: skip
        answer = structured(result)
        assert result.is_error is not True, answer
        assert (answer["status"], answer["route"]) == ("done", SLOT_RERUN)
        assert await section(client, chat, "summary") == before
        hunted = {m.split(" hunts for")[0] for m in said if " hunts for" in m}
        assert hunted == {"Hunt Forge"}
        if answer["summary_stale"]:
            again = await made(client, *spelled_out(answer["next"]))
            assert again["route"] == SYNTHESIZE_PATCH
            assert again["summary_stale"] is False


async def test_the_next_call_of_a_finished_session_is_its_first_gaps_slot(
    finished: Copied,
) -> None:
    folder, chat = finished
    async with connected(folder) as client:
        gaps = await section(client, chat, "gaps")
        answer = await made(client, "resynthesize_lead_graph", {"chat_session_id": chat})
        tool, arguments = spelled_out(answer["next"])
        assert {"tool": tool, "arguments": arguments} == next(g["call"] for g in gaps if g["call"])
        closed = await made(client, tool, arguments)
    assert closed["route"] == SLOT_RERUN
    assert closed["summary_stale"] is False


@pytest.mark.parametrize("mode", ERAS)
async def test_a_held_back_finding_is_investigated_and_its_verdict_told(
    finished: Copied, mode: str
) -> None:
    folder, chat = finished
    async with connected(folder, mode=mode) as client:
        held = (await section(client, chat, "unmerged"))[0]
        answer = await made(
            client,
            "investigate_unmerged_finding",
            {"chat_session_id": chat, "candidate_id": held["id"]},
        )
    assert answer["route"] == FINDING_RERUN
    assert answer["finding"]["candidate_id"] == held["id"]
    assert answer["finding"]["verdict"] in {"merged", "held_back"}
    assert answer["finding"]["reason"]


async def test_failed_slots_run_again_as_one_job_that_is_handed_in(tmp_path: Path) -> None:
    world = world_with_fault(tmp_path / "world", BROKEN)
    async with connected(tmp_path / "data", world=world) as client:
        first = await made(client, "enrich_lead_session", {"lead": LEAD})
        states = {slot["id"]: slot["state"] for slot in first["slots"]}
        assert states[DEEP] == "error"
        payload = {"chat_session_id": first["chat_session_id"], "model_ids": [DEEP]}
        handle = structured(
            await client.call_tool("submit_enrich_job", {"route": SLOTS_RERUN, "payload": payload})
        )
        assert handle["status"] == "queued"
        assert handle.keys().isdisjoint({"poll_bearer", "key"})
        tool, arguments = spelled_out(handle["next"])
        assert tool == "wait_enrich_job"
        answer = await made(client, tool, arguments)
    states = {slot["id"]: slot["state"] for slot in answer["slots"]}
    assert states[DEEP] in {"done", "repetition"}
    assert answer["summary_markdown"] == first["summary_markdown"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"route": "enrich/everything", "payload": {}}, "INVALID_ARGUMENT"),
        ({"route": SLOTS_RERUN, "payload": {"chat_session_id": "c", "model_id": "x"}},
         "UNKNOWN_ARGUMENT"),
        ({"route": SLOTS_RERUN, "payload": {"chat_session_id": "c"}}, "INVALID_ARGUMENT"),
        *(({"route": SLOT_RERUN, "payload": {}, "bill_up_to_usd": usd}, "INVALID_ARGUMENT")
          for usd in (0.04, 50.01, "0.70", 0.333)),
        ({"route": SYNTHESIZE_PATCH, "payload": {"chat_session_id": "c"},
          "callback_url": "http://127.0.0.1/x"}, "CALLBACK_REFUSED"),
    ],
    ids=["route", "another route's", "missing", "0.04", "50.01", "text", "fraction", "callback"],
)  # fmt: skip
async def test_a_job_that_cannot_be_handed_in_is_refused(
    tmp_path: Path, arguments: dict[str, Any], code: str
) -> None:
    async with connected(tmp_path) as client:
        result = await client.call_tool("submit_enrich_job", arguments)
    assert result.is_error is True
    assert structured(result)["code"] == code


async def test_a_cancelled_job_that_is_waited_for_answers_at_once_whatever_its_route(
    finished: Copied,
) -> None:
    folder, chat = finished
    async with open_services(settings(folder), works=False) as app:
        payload = {"chat_session_id": chat, "model_id": DEEP}
        job = (await app.routes[SLOT_RERUN].start(app.tenant, payload, TERMS)).job
        await app.runner.cancel(app.tenant, job.id)
    async with connected(folder) as client:
        answer = structured(await client.call_tool("wait_enrich_job", {"job_id": job.id}))
        assert answer["status"] == "cancelled"
        assert spelled_out(answer["next"]) == ("rerun_hunt_slot", payload)
        refused = await client.call_tool("cancel_enrich_job", {"job_id": job.id, "retry": True})
    assert structured(refused)["code"] == "INVALID_ARGUMENT"


async def test_every_answer_says_what_it_cost_and_what_is_left(tmp_path: Path) -> None:
    async with open_office(settings(tmp_path)) as office:
        await office.accounts.credit("local", 1000, "inv-1", "trial")
    async with connected(tmp_path, billing="on") as client:
        first = await made(client, "enrich_lead_session", {"lead": LEAD})
        assert (first["matched"], first["billed"], first["cache_hit"]) == (True, True, False)
        assert first["cost"]["charged_usd"] == 1.5
        assert first["cost"]["balance_usd"] == 8.5
        same = await made(client, "enrich_lead_session", {"lead": LEAD,
                          "chat_session_id": first["chat_session_id"]})  # fmt: skip
        assert (same["cache_hit"], same["billed"]) == (True, False)
        assert (same["cost"]["charged_usd"], same["cost"]["earlier_usd"]) == (0, 1.5)
        assert same["cost"]["balance_usd"] == 8.5
        slot = await made(
            client,
            "rerun_hunt_slot",
            {"chat_session_id": first["chat_session_id"], "model_id": SWIFT},
        )
        cost = slot["cost"]
        assert round(cost["charged_usd"] + sum(r["usd"] for r in cost["refunds"]), 2) == 0.35
        assert slot["billed"] is slot["matched"] is (cost["charged_usd"] > 0)
        account = structured(await client.call_tool("get_account", {}))
    assert account["balance_usd"] == round(10 - account["charged_usd"], 2)
    assert account["held_usd"] == 0
    assert account["prices"]["slot_usd"] == 0.35
    assert account["transfers"][-1]["kind"] == "credit"


async def test_an_account_with_many_transfers_is_under_the_limit(tmp_path: Path) -> None:
    async with open_office(settings(tmp_path)) as office:
        for number in range(60):
            await office.accounts.credit("local", 1, f"inv-{number}" * 8, "é" * 200)
    async with connected(tmp_path) as client:
        result = await client.call_tool("get_account", {})
    assert answer_bytes(result) <= ANSWER_BYTES_MAX
    assert json.loads(json.dumps(structured(result)))["billing_mode"] == "off"


async def test_who_follows_next_comes_to_an_end(finished: Copied) -> None:
    folder, chat = finished
    async with connected(folder) as client:
        answer = await made(client, "resynthesize_lead_graph", {"chat_session_id": chat})
        calls = [spelled_out(answer["next"])]
        while calls[-1][0] != "get_lead_graph":
            assert len(calls) <= CALLS_MAX, calls
            calls.append(spelled_out((await made(client, *calls[-1]))["next"]))


async def test_a_resynthesis_matches_nothing_by_itself(finished: Copied) -> None:
    folder, chat = finished
    async with connected(folder) as client:
        answer = await made(client, "resynthesize_lead_graph", {"chat_session_id": chat})
    assert answer["counts"]["proven"] > 0
    assert answer["matched"] is False
