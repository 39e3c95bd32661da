"""Hints spell calls of tools; on the command line they are commands."""

from __future__ import annotations

import pytest

from data411_mcp.commands.hints import as_commands


@pytest.mark.parametrize(
    ("hint", "told"),
    [
        (
            'Call rerun_hunt_slot(chat_session_id="c1", model_id="data411-hunt-forge", '
            'prompts=["Find a phone (of \\"Jo\\")."], refresh_summary=true).',
            "Call data411-mcp rerun --chat c1 --slot data411-hunt-forge "
            "--prompt 'Find a phone (of \"Jo\").' --refresh-summary.",
        ),
        (
            'submit_enrich_job(route="enrich/lead-session/slots-rerun", '
            'payload={"chat_session_id": "c1", "model_ids": ["a", "b"]})',
            "data411-mcp rerun --chat c1 --slot a --slot b",
        ),
        (
            'resynthesize_lead_graph(chat_session_id="c1")',
            "data411-mcp resynthesize --chat c1",
        ),
        (
            'investigate_unmerged_finding(chat_session_id="c1", candidate_id="f0")',
            "data411-mcp investigate --chat c1 --candidate f0",
        ),
        (
            'Call wait_enrich_job(job_id="j1"), then get_account().',
            "Call data411-mcp job wait j1, then data411-mcp account.",
        ),
        (
            'enrich_lead_session(chat_session_id="c1", identity_choice="x y")',
            "data411-mcp enrich --lead <lead.json> --chat c1 --choice 'x y'",
        ),
        ("no_such_tool(a=1) and a text (with_ brackets)",) * 2,
        ("rerun_hunt_slot(broken",) * 2,
    ],
)
def test_calls_become_commands_and_other_text_stays(hint: str, told: str) -> None:
    assert as_commands(hint) == told
