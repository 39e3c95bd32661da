"""Arguments that cannot be used are refused in words, before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.tools.mcp_sessions import ERAS, LEAD, connected, structured

MEGABYTE = 1_000_000
ERROR_BYTES_MAX = 1_500
SECRET = "do-not-echo-this"


async def refused(data_dir: Path, tool: str, arguments: dict[str, Any], mode: str = "auto") -> Any:
    with anyio.fail_after(30):
        async with connected(data_dir, mode=mode) as client:
            result = await client.call_tool(tool, arguments)
    assert result.is_error is True
    assert structured(result).keys() == {"code", "message", "hint", "retryable"}
    text = "".join(getattr(part, "text", "") for part in result.content)
    assert structured(result)["code"] in text
    assert len(text) <= ERROR_BYTES_MAX
    return structured(result)


@pytest.mark.parametrize("mode", ERAS)
async def test_a_misspelt_argument_is_refused_with_the_nearest_name(
    tmp_path: Path, mode: str
) -> None:
    error = await refused(tmp_path, "enrich_lead_session", {"lead": LEAD, "refesh": True}, mode)
    assert error["code"] == "UNKNOWN_ARGUMENT"
    assert "Did you mean refresh?" in error["message"]


@pytest.mark.parametrize(
    ("tool", "argument", "meant"),
    [
        ("enrich_lead_session", "prompt", "prompts"),
        ("enrich_lead_session", "chat_sesion_id", "chat_session_id"),
        ("wait_enrich_job", "job", "job_id"),
        ("get_lead_graph", "Section", "section"),
        ("submit_findings", "finding", "findings"),
        ("correct_lead_fact", "statement", "statement_id"),
        ("cancel_enrich_job", "slots", "slot"),
        ("rerun_hunt_slot", "model", "model_id"),
        ("resynthesize_lead_graph", "prompt", "prompts"),
        ("investigate_unmerged_finding", "candidate", "candidate_id"),
        ("submit_enrich_job", "bill_up_to", "bill_up_to_usd"),
    ],
)
async def test_every_tool_names_the_argument_that_was_meant(
    tmp_path: Path, tool: str, argument: str, meant: str
) -> None:
    error = await refused(tmp_path, tool, {argument: "x"})
    assert error["code"] == "UNKNOWN_ARGUMENT"
    assert f"Did you mean {meant}?" in error["message"]


async def test_an_argument_like_no_other_is_refused_with_the_list(tmp_path: Path) -> None:
    error = await refused(tmp_path, "wait_enrich_job", {"job_id": "x", "zzz": 1})
    assert "Did you mean" not in error["message"]
    assert "job_id, max_wait_seconds" in error["hint"]


@pytest.mark.parametrize(
    ("tool", "arguments", "named"),
    [
        ("enrich_lead_session", {"lead": [SECRET]}, "lead"),
        ("enrich_lead_session", {"lead": LEAD, "prompts": {"a": SECRET}}, "prompts"),
        ("enrich_lead_session", {"lead": LEAD, "refresh": {"a": SECRET}}, "refresh"),
        ("enrich_lead_session", {"chat_session_id": 7}, "chat_session_id"),
        ("wait_enrich_job", {"job_id": [SECRET]}, "job_id"),
        ("wait_enrich_job", {"job_id": "x", "max_wait_seconds": float("nan")}, "max_wait_seconds"),
        ("wait_enrich_job", {"job_id": "x", "max_wait_seconds": 46}, "max_wait_seconds"),
        ("wait_enrich_job", {}, "job_id"),
        ("get_lead_graph", {"chat_session_id": "x", "section": SECRET}, "section"),
        ("get_lead_graph", {"chat_session_id": "x", "limit": 26}, "limit"),
        ("get_lead_graph", {"chat_session_id": "x", "cursor": -1}, "cursor"),
        ("submit_findings", {"chat_session_id": "x", "findings": SECRET}, "findings"),
        ("submit_findings", {"chat_session_id": "x", "findings": [{"field": SECRET}]}, "field"),
        ("correct_lead_fact", {"chat_session_id": "x", "action": SECRET}, "action"),
    ],
)
async def test_a_wrong_type_is_refused_by_name_and_never_echoed(
    tmp_path: Path, tool: str, arguments: dict[str, Any], named: str
) -> None:
    error = await refused(tmp_path, tool, arguments)
    assert error["code"] == "INVALID_ARGUMENT"
    assert named in error["message"]
    assert SECRET not in str(error)


@pytest.mark.parametrize(
    "arguments",
    [
        {"lead": {"company": "x" * MEGABYTE}},
        {"lead": LEAD, "prompts": ["x" * MEGABYTE]},
        {"chat_session_id": "x" * MEGABYTE},
        {"lead": LEAD, "y" * MEGABYTE: 1},
    ],
    ids=["company", "prompts", "chat_session_id", "unknown"],
)
async def test_a_megabyte_is_refused_without_being_repeated(
    tmp_path: Path, arguments: dict[str, Any]
) -> None:
    error = await refused(tmp_path, "enrich_lead_session", arguments)
    assert error["code"] in {"INVALID_LEAD", "INVALID_ARGUMENT", "UNKNOWN_ARGUMENT"}


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        ("enrich_lead_session", {}, "INVALID_LEAD"),
        ("enrich_lead_session", {"lead": {"company": "Pump\x00s"}}, "INVALID_LEAD"),
        ("enrich_lead_session", {"lead": {"compny": "Acme"}}, "UNKNOWN_ARGUMENT"),
        ("enrich_lead_session", {"lead": {"domain": "127.0.0.1"}}, "INVALID_LEAD"),
        ("enrich_lead_session", {"chat_session_id": "nobody"}, "NOT_FOUND"),
        ("wait_enrich_job", {"job_id": "nothing"}, "NOT_FOUND"),
        ("cancel_enrich_job", {"job_id": "nothing"}, "NOT_FOUND"),
        ("get_lead_graph", {"chat_session_id": "nobody"}, "NOT_FOUND"),
        (
            "submit_findings",
            {"chat_session_id": "x", "findings": []},
            "INVALID_ARGUMENT",
        ),
        (
            "correct_lead_fact",
            {"chat_session_id": "nobody", "action": "confirm", "statement_id": "s"},
            "NOT_FOUND",
        ),
    ],
)
async def test_our_errors_are_results_with_a_code_and_the_next_call(
    tmp_path: Path, tool: str, arguments: dict[str, Any], code: str, mode: str
) -> None:
    error = await refused(tmp_path, tool, arguments, mode)
    assert error["code"] == code
    assert error["message"]
    assert error["hint"]
