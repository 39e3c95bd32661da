"""The requests of the specification, pasted with a real chat, as calls of the tools."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import anyio
import pytest

from data411_mcp.app import open_services
from data411_mcp.domain.graph import Backfill, ToolTrace
from data411_mcp.domain.slots import FORGE, GROUND, SPAN
from tests.tools.mcp_sessions import (
    LEAD,
    ROOT,
    WAIT_SECONDS,
    connected,
    settings,
    structured,
)

Copied = tuple[Path, str]
Json = dict[str, Any]
SPEC = ROOT.parent / "shared" / "spec" / "lead-session-follow-ups.md"
# The same requests in our own words, for a checkout that has no specification beside it.
_BOUND = {"contact_id": LEAD["contact_id"], "company": LEAD["company"]}
_PRIOR = {"...": "from the last answer"}
OWN: list[Json] = [
    {"lead": LEAD, "chat_session_id": "c",
     "prompts": ["Rerun the Hunt Forge dig-deeper pass and resynthesize the summary."]},
    {"lead": _BOUND, "chat_session_id": "c", "model_id": FORGE, "prior_backfill": _PRIOR,
     "refresh_summary": True},
    {"route": "enrich/lead-session/slot-rerun",
     "payload": {"lead": _BOUND, "chat_session_id": "c", "model_id": FORGE,
                 "prior_backfill": _PRIOR}},
    {"route": "enrich/lead-session/slots-rerun",
     "payload": {"lead": _BOUND, "chat_session_id": "c", "model_ids": [GROUND, SPAN],
                 "prior_backfill": _PRIOR, "progress_key": "job:slots:one"},
     "bill_up_to_usd": 0.7},
    {"lead": _BOUND, "chat_session_id": "c", "prior_backfill": _PRIOR, "refresh_summary": True,
     "prompts": ["Emphasize owner phones and legal contacts in the summary."]},
    {"lead": _BOUND, "chat_session_id": "c", "candidate_id": "x",
     "prior_backfill": {"unmerged_candidates": [{"id": "x", "label": "…"}]}},
]  # fmt: skip


def requests() -> list[Json]:
    if not SPEC.is_file():
        return OWN
    blocks = re.findall(r"^\{$.*?^\}$", SPEC.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    found = [json.loads(block) for block in blocks]
    assert [tool_of(r) for r in found] == [tool_of(r) for r in OWN]
    return found


def tool_of(request: Json) -> str:
    if "route" in request:
        return "submit_enrich_job"
    if "model_id" in request:
        return "rerun_hunt_slot"
    if "candidate_id" in request:
        return "investigate_unmerged_finding"
    return "resynthesize_lead_graph" if "prior_backfill" in request else "enrich_lead_session"


def pasted(request: Json, chat: str, candidate: str) -> Json:
    """The request with the ids of a real chat."""
    text = json.dumps(request)
    for name, value in (("chat_session_id", chat), ("candidate_id", candidate)):
        text = re.sub(rf'"{name}": "[^"]*"', f'"{name}": "{value}"', text)
    found: Json = json.loads(text)
    return found


@pytest.mark.parametrize("number", range(len(OWN)))
async def test_a_request_of_the_specification_runs_as_it_says(
    finished: Copied, number: int
) -> None:
    folder, chat = finished
    request = requests()[number]
    candidate = await _reopened(folder, chat, request.get("payload", {}).get("model_ids", []))
    said: list[str] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        said.append(message or "")

    with anyio.fail_after(WAIT_SECONDS):
        async with connected(folder) as client:
            result = await client.call_tool(
                tool_of(request), pasted(request, chat, candidate), progress_callback=note
            )
            assert result.is_error is not True, structured(result)
            answer = structured(result)
            while answer["status"] in ("queued", "running"):
                result = await client.call_tool(
                    "wait_enrich_job", {"job_id": answer["job_id"]}, progress_callback=note
                )
                answer = structured(result)
    assert answer["status"] == "done"
    assert answer["lead"] == LEAD
    hunted = {m.split(" hunts for")[0] for m in said if " hunts for" in m}
    slots = {0: {"Hunt Forge"}, 1: {"Hunt Forge"}, 2: {"Hunt Forge"},
             3: {"Hunt Ground", "Crimson Span"}}  # fmt: skip
    assert hunted == slots.get(number, set())


async def _reopened(folder: Path, chat: str, model_ids: list[str]) -> str:
    """The slots as if their first run had failed; returns the id of a finding held back."""
    async with open_services(settings(folder), works=False) as app:
        row = await app.store.session(app.tenant, chat)
        assert row is not None
        graph = Backfill.model_validate_json(row.backfill or "")
        rows = tuple(
            r.model_copy(update={"state": "error", "reason": "timeout"})
            if r.model_id in model_ids
            else r
            for r in graph.tool_trace.parallel_results
        )
        graph = graph.model_copy(update={"tool_trace": ToolTrace(parallel_results=rows)})
        await app.store.save_backfill(
            app.tenant,
            chat,
            graph.model_dump_json(by_alias=True),
            expected_version=row.version,
            at=app.clock.now(),
        )
        return graph.unmerged_candidates[0].id
