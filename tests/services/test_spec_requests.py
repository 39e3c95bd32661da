"""The requests of the specification, pasted with a real chat id, do what it says. They are read
from its text where that lies beside the checkout; the same shapes in our own words run always."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from data411_mcp.domain.jobs import BATCH, JobStatus
from data411_mcp.domain.slots import SLOTS
from data411_mcp.services.accounts import ceiling_cents
from data411_mcp.services.payloads import (
    FINDING_RERUN,
    LEAD_SESSION,
    SLOT_RERUN,
    SLOTS_RERUN,
    SYNTHESIZE_PATCH,
)
from data411_mcp.services.routes import Terms
from tests.conftest import EVAL
from tests.services.follow_ups import (
    FORGE,
    GROUND,
    SPAN,
    Purchases,
    called,
    result_of,
)
from tests.services.session_world import HOOPS_LEAD, Lab, Ran, lab, proven

SPEC = EVAL.parent / "spec" / "lead-session-follow-ups.md"
NAMES = ("follow-up", "slot", "slot job", "batch job", "synthesis", "finding")
ROUTE_OF = dict(zip(NAMES, (LEAD_SESSION, SLOT_RERUN, SLOT_RERUN, SLOTS_RERUN, SYNTHESIZE_PATCH,
                            FINDING_RERUN), strict=True))  # fmt: skip
_LEAD = {"contact_id": 1737992709, "company": "Hoops & Gears and Clark"}
_GRAPH = {"...": "the graph as the last answer gave it"}
OURS: dict[str, dict[str, Any]] = {
    "follow-up": {
        "lead": HOOPS_LEAD, "chat_session_id": "CHAT",
        "prompts": ["Please rerun Hunt Forge, then resynthesize the summary from the graph."]},
    "slot": {
        "lead": _LEAD, "chat_session_id": "CHAT", "model_id": "data411-hunt-forge",
        "prior_backfill": _GRAPH, "refresh_summary": True},
    "slot job": {"route": "enrich/lead-session/slot-rerun", "payload": {
        "lead": _LEAD, "chat_session_id": "CHAT", "model_id": "data411-hunt-forge",
        "prior_backfill": _GRAPH}},
    "batch job": {"route": "enrich/lead-session/slots-rerun", "payload": {
        "lead": _LEAD, "chat_session_id": "CHAT",
        "model_ids": ["data411-hunt-ground", "data411-crimson-span"],
        "prior_backfill": _GRAPH, "progress_key": "board-of-this-lead"},
        "bill_up_to_usd": 0.70},
    "synthesis": {
        "lead": _LEAD, "chat_session_id": "CHAT", "prior_backfill": _GRAPH,
        "refresh_summary": True, "prompts": ["Owner phones and legal contacts first, please."]},
    "finding": {
        "lead": _LEAD, "chat_session_id": "CHAT", "candidate_id": "CANDIDATE",
        "prior_backfill": {"unmerged_candidates": [{"id": "CANDIDATE", "label": "a name"}]}},
}  # fmt: skip


def json_blocks(text: str) -> Iterator[dict[str, Any]]:
    """Every JSON object that begins a line of its own."""
    decoder = json.JSONDecoder()
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        if lines[at] == "{":
            found, length = decoder.raw_decode("\n".join(lines[at:]))
            yield found
            at += "\n".join(lines[at:])[:length].count("\n")
        at += 1


def from_the_specification() -> dict[str, dict[str, Any]]:
    if not SPEC.is_file():
        pytest.skip("no specification beside this checkout")
    return dict(zip(NAMES, json_blocks(SPEC.read_text(encoding="utf-8")), strict=True))


def pasted(request: Mapping[str, Any], chat: str, candidate_id: str) -> dict[str, Any]:
    """The request with a real chat id, and a real candidate's where it names one."""

    def put(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {k: put(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [put(v) for v in value]
        return {"chat_session_id": chat, "candidate_id": candidate_id, "id": candidate_id}.get(
            key, value
        )

    return dict(put(dict(request)))


async def sent(open_lab: Lab, request: Mapping[str, Any], name: str) -> Ran:
    """A job's body goes to its route under its ceiling, any other to the route of its kind."""
    terms = Terms()
    payload = dict(request)
    if "route" in request:
        assert request["route"] == ROUTE_OF[name]
        terms = Terms(ceiling_cents=ceiling_cents(request.get("bill_up_to_usd")), priority=BATCH)
        payload = dict(request["payload"])
    chat = payload.pop("chat_session_id")
    return await called(open_lab, ROUTE_OF[name], chat, terms, **payload)


@pytest.mark.parametrize("whose", ["spec", "ours"])
async def test_the_requests_of_the_specification_do_what_it_says(
    tmp_path: Path, whose: str
) -> None:
    requests = from_the_specification() if whose == "spec" else OURS
    async with lab(tmp_path) as open_lab:
        fault = {"kind": "status", "status": 403}
        for slot in (GROUND, SPAN):
            open_lab.twins.faults.add({"vendor": "openrouter", "slot": slot, "fault": fault})
        first = await open_lab.run(HOOPS_LEAD)
        open_lab.twins.faults.clear()
        held = first.graph.unmerged_candidates[0]
        expected = {
            "follow-up": [FORGE, "synthesis"],
            "slot": [FORGE, "synthesis"],
            "slot job": [FORGE],
            "batch job": [GROUND, SPAN],
            "synthesis": ["synthesis"],
            "finding": [],
        }
        before = first
        for name, request in requests.items():
            bought = Purchases.from_now(open_lab)
            ran = await sent(open_lab, pasted(request, first.chat, held.id), name)
            assert ran.job.status is JobStatus.DONE, name
            assert ran.chat == first.chat
            assert sorted(bought.slots()) == sorted(expected[name]), name
            assert proven(ran.graph) >= proven(before.graph)  # a delta loses nothing
            assert ran.graph.lead == first.graph.lead
            again = {s for s in expected[name] if s in SLOTS}
            assert {s: r for s, r in ran.rows.items() if s not in again} == {
                s: r for s, r in before.rows.items() if s not in again
            }
            if "synthesis" not in expected[name]:
                assert ran.graph.summary_markdown == before.graph.summary_markdown
            if name == "synthesis":
                assert set(bought.vendors()) == {"openrouter"}
                assert request["prompts"][0] in open_lab.prompt_of("synthesis")
            if name == "batch job":
                assert ran.job.progress_key == request["payload"]["progress_key"]
                assert {ran.rows[s].state for s in again} <= {"done", "repetition"}
            if name == "finding":
                assert result_of(ran)["candidate_id"] == held.id
                assert result_of(ran)["verdict"] in {"merged", "held_back"}
            before = ran
