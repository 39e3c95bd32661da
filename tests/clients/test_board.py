"""The hunt board in a host: in a real browser where there is one, and without one everywhere."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import anyio
import pytest

from data411_mcp.app import open_services
from data411_mcp.domain.graph import Backfill
from data411_mcp.domain.slots import DEEP, FORGE, SWIFT
from tests.clients import npm, servers
from tests.tools.mcp_sessions import finished_session, settings, world_with_fault
from tests.tools.test_tool_elicitation import ambiguous  # noqa: F401 - a fixture
from tests.tools.test_tool_sessions import SLOW

BROWSER = "DATA411_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROKEN = {
    "vendor": "openrouter",
    "slot": FORGE,
    "nth": 1,
    "fault": {"kind": "status", "status": 400},
}
HASTY = {"DATA411_ANSWER_WITHIN_S": "0.2"}
HOSTILE = '<img src=x onerror="globalThis.pwned=true"><script>globalThis.pwned=true</script>'
SCRIPT_URL = "javascript:globalThis.pwned=true"


def browser() -> str:
    """Where a Chromium is; skips where there is none."""
    found = os.environ.get(BROWSER) or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no Chromium on this machine; {BROWSER} may name one")
    return found


PLAIN: dict[str, str] = {}
Finished = tuple[Path, str]  # a data folder of the test's own, and the chat in it


@pytest.fixture(scope="session")
def finished_once(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("finished")
    return folder, anyio.run(finished_session, folder)


@pytest.fixture
def finished(finished_once: Finished, tmp_path: Path) -> Finished:
    """The demo's lead, run to its end."""
    folder, chat = finished_once
    shutil.copytree(folder, tmp_path / "finished")
    return tmp_path / "finished", chat


@pytest.fixture(params=["plain", "browser"])
def way(request: pytest.FixtureRequest) -> dict[str, str]:
    return {"browser": browser()} if request.param == "browser" else {}


def show(
    way: dict[str, str], target: servers.Server, home: Path, tool: str, arguments: dict[str, Any],
    **plan: Any,
) -> dict[str, Any]:  # fmt: skip
    """What the board showed and asked for; see board.mjs. Its script must have met no error."""
    whole = {
        "line": "v2", "era": "modern", "server": target.as_json(),
        "tool": tool, "arguments": arguments, **way, **plan,
    }  # fmt: skip
    outcome = npm.run_json("board.mjs", json.dumps(whole), home=home)
    assert isinstance(outcome, dict)
    assert outcome["problems"] == []
    return outcome


def read(way: dict[str, str], finished: Finished, home: Path, **plan: Any) -> dict[str, Any]:
    data, chat = finished
    arguments = {"chat_session_id": chat}
    return show(way, servers.stdio(data), home, "get_lead_graph", arguments, **plan)


def enriched(target: servers.Server, home: Path, world: Path, **plan: Any) -> dict[str, Any]:
    lead = servers.lead_of(world)
    return show(PLAIN, target, home, "enrich_lead_session", {"lead": lead}, **plan)


def button(seen: dict[str, Any], key: str) -> dict[str, Any]:
    (found,) = [b for b in seen["buttons"] if b["key"] == key]
    return dict(found)


def test_a_finished_session_is_shown_with_its_proofs_and_calls(
    way: dict[str, str], finished: Finished, home: Path
) -> None:
    press = ["gap-", f"rerun-{SWIFT}", "unmerged-", "resynthesize"]
    outcome = read(way, finished, home, press=press)
    first, chat = outcome["first"], finished[1]
    assert first["company"] == "Hoops & Gears and Clark"
    assert {FORGE, SWIFT, DEEP} <= set(first["slots"])
    assert {"slots", "summary", "contacts", "gaps", "unmerged"} <= first["sections"].keys()
    assert "identity" not in first["sections"]
    assert "Marisol Hartwell, Owner and Managing Member" in first["sections"]["contacts"]
    assert {"href": "https://hgautotech.com/team", "rel": "noopener noreferrer"} in first["links"]
    assert button(first, "run-open")["off"]

    gap, rerun, finding, summary = (after["calls"][0] for after in outcome["after"])
    assert gap["name"] == "rerun_hunt_slot"
    assert gap["arguments"]["prompts"] == [outcome["after"][0]["label"]]
    assert gap["arguments"]["chat_session_id"] == chat
    assert rerun["name"] == "submit_enrich_job"
    assert rerun["arguments"] == {
        "route": "enrich/lead-session/slot-rerun",
        "payload": {"chat_session_id": chat, "model_id": SWIFT},
    }
    assert finding["name"] == "investigate_unmerged_finding"
    pressed = outcome["after"][2]["key"].removeprefix("unmerged-")
    assert finding["arguments"] == {"chat_session_id": chat, "candidate_id": pressed}
    assert summary == {"name": "resynthesize_lead_graph", "arguments": {"chat_session_id": chat}}
    assert all(after["seen"]["problem"] == "" for after in outcome["after"])
    assert "ui/update-model-context" in outcome["heard"]


def test_a_running_job_is_followed_and_one_slot_of_it_cancelled(tmp_path: Path, home: Path) -> None:
    world = world_with_fault(tmp_path / "world", SLOW)
    target = servers.stdio(tmp_path / "data", world, **HASTY)
    # Some hosts hand a page the text of an answer only.
    outcome = enriched(target, home, world, amid=f"cancel-{DEEP}", text_only=True)
    amid, job = outcome["amid"], outcome["result"]["structuredContent"]["job_id"]
    assert amid["busy"]
    assert all(b["off"] for b in amid["buttons"] if b["key"].startswith(("rerun-", "run-open")))
    assert {"name": "cancel_enrich_job", "arguments": {"job_id": job, "slot": DEEP}} in outcome[
        "calls"
    ]
    waits = [c for c in outcome["calls"] if c["name"] == "wait_enrich_job"]
    assert waits
    assert all(c["arguments"]["job_id"] == job for c in waits)
    assert not button(outcome["first"], f"rerun-{DEEP}")["off"]
    assert outcome["first"]["sections"]["summary"]


def test_failed_slots_are_run_again_as_one_job_with_its_price(tmp_path: Path, home: Path) -> None:
    world = world_with_fault(tmp_path / "world", BROKEN)
    data = tmp_path / "data"
    billed = {"DATA411_BILLING": "on"}
    servers.credit(data, "local", 20)
    outcome = enriched(servers.stdio(data, world, **billed), home, world, press=["run-open"])
    first, (after,) = outcome["first"], outcome["after"]
    assert "balance $1" in first["money"]
    assert "(1)" in after["label"]
    assert "$0.35" in after["label"]
    assert after["calls"][0]["name"] == "submit_enrich_job"
    asked = after["calls"][0]["arguments"]
    assert asked["route"] == "enrich/lead-session/slots-rerun"
    assert asked["payload"]["model_ids"] == [FORGE]
    assert after["seen"]["problem"] == ""


def test_the_user_picks_the_company_on_the_board(
    tmp_path: Path,
    home: Path,
    ambiguous: Path,  # noqa: F811
) -> None:
    target = servers.stdio(tmp_path / "data", ambiguous)
    outcome = enriched(target, home, ambiguous, press=["choice-"])
    choices = outcome["result"]["structuredContent"]["identity"]["choices"]
    assert all(c["name"] in outcome["first"]["sections"]["identity"] for c in choices)
    assert button(outcome["first"], "run-open")["off"]
    assert not button(outcome["first"], "choice-none")["off"]
    (after,) = outcome["after"]
    chat = outcome["result"]["structuredContent"]["chat_session_id"]
    assert after["calls"][0] == {
        "name": "enrich_lead_session",
        "arguments": {"chat_session_id": chat, "identity_choice": choices[0]["id"]},
    }
    assert "identity" not in after["seen"]["sections"]
    assert "identity clear" in after["seen"]["who"]


def test_a_refusal_is_shown_with_the_next_call(tmp_path: Path, home: Path) -> None:
    outcome = read(PLAIN, (tmp_path / "data", "none"), home)
    refusal = outcome["result"]["structuredContent"]
    assert refusal["message"] in outcome["first"]["problem"]
    assert refusal["hint"] in outcome["first"]["problem"]


async def make_hostile(data_dir: Path, chat: str) -> None:
    """Put markup and script addresses wherever the graph holds text of pages or models."""
    async with open_services(settings(data_dir)) as app:
        row = await app.store.session(app.tenant, chat)
        assert row is not None
        graph = json.loads(row.backfill or "")
        dirty = Backfill.model_validate(_dirtied(graph))
        await app.store.save_backfill(
            app.tenant, chat, dirty.model_dump_json(by_alias=True),
            expected_version=row.version, at=app.clock.now(),
        )  # fmt: skip


DIRTY = {"label", "raw", "quote", "reason", "text", "difference", "why", "why_not", "company"}


def _dirtied(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        if "field" in value and "raw" in value and value["field"] in ("person", "title"):
            value = value | {"value": value["value"] + HOSTILE}
        return {k: _dirtied(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_dirtied(v, key) for v in value]
    if key == "url":
        return SCRIPT_URL
    if key == "summary_markdown":
        return f"## {HOSTILE}\n- **{HOSTILE}** [1] {SCRIPT_URL}\n\n**Sources**\n1. {SCRIPT_URL}"
    return value + HOSTILE if key in DIRTY and isinstance(value, str) else value


def test_hostile_text_stays_text_and_leads_nowhere(
    way: dict[str, str], finished: Finished, home: Path
) -> None:
    anyio.run(make_hostile, *finished)
    first = read(way, finished, home)["first"]
    assert first["problem"] == ""
    for section in ("summary", "contacts", "gaps", "unmerged"):
        assert HOSTILE in first["sections"][section]
    assert HOSTILE in first["company"]
    assert first["images"] == 0
    assert first["scripts"] == 1
    assert not first["pwned"]
    assert all(link["href"].startswith(("https://", "http://")) for link in first["links"])


def test_it_fits_a_narrow_screen_and_follows_the_colour_scheme(
    finished: Finished, home: Path
) -> None:
    shapes = [{"width": w, "scheme": s} for w in (320, 900) for s in ("light", "dark")]
    outcome = read({"browser": browser()}, finished, home, shapes=shapes)
    for shape in outcome["shapes"]:
        assert shape["frame"] == shape["width"]
        assert shape["content"] <= shape["width"]
    light, dark = ({s["background"] for s in outcome["shapes"] if s["scheme"] == scheme}
                   for scheme in ("light", "dark"))  # fmt: skip
    assert len(light) == len(dark) == 1
    assert light != dark
