"""Programs on the TypeScript SDK, which most hosts are built on, against the running server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data411_mcp.domain.slots import DEEP, FORGE, GROUND
from tests.clients import npm, servers
from tests.tools.mcp_sessions import HOOPS, world_with_fault
from tests.tools.test_tool_elicitation import ambiguous  # noqa: F401 - a fixture
from tests.tools.test_tool_sessions import SLOW

# line of the SDK, protocol era, transport
V1_STDIO = ("v1", "legacy", "stdio")
V1_HTTP = ("v1", "legacy", "http")
V2_STDIO = ("v2", "modern", "stdio")
V2_HTTP = ("v2", "modern", "http")


Kind = tuple[str, str, str]


def clients(*kinds: Kind, long: tuple[Kind, ...] = ()) -> pytest.MarkDecorator:
    """`long`: kinds whose parts the others cover, in the long mode only."""
    usual = [pytest.param(*kind, id="-".join(kind)) for kind in kinds]
    more = [pytest.param(*kind, id="-".join(kind), marks=pytest.mark.long) for kind in long]
    return pytest.mark.parametrize(("line", "era", "transport"), [*usual, *more])


@contextmanager
def server(
    transport: str, data_dir: Path, world: Path, **environment: str
) -> Iterator[servers.Server]:
    if transport == "stdio":
        yield servers.stdio(data_dir, world, **environment)
        return
    with servers.http(data_dir, world, **environment) as over_http:
        yield over_http


def run(
    scenario: str, line: str, era: str, target: servers.Server, home: Path, world: Path = HOOPS,
    **plan: Any,
) -> dict[str, Any]:  # fmt: skip
    """What the program says of the scenario; see program.mjs."""
    whole = {
        **plan,
        "line": line,
        "era": era,
        "server": target.as_json(),
        "lead": servers.lead_of(world),
    }
    outcome = npm.run_json("program.mjs", scenario, json.dumps(whole), home=home)
    assert isinstance(outcome, dict)
    return outcome


@clients(V1_STDIO, V2_HTTP, long=(V1_HTTP, V2_STDIO))
def test_a_lead_and_a_follow_up_run_and_refusals_say_what_to_call_instead(
    tmp_path: Path, home: Path, line: str, era: str, transport: str
) -> None:
    with server(transport, tmp_path / "data", HOOPS) as target:
        outcome = run("follow_up", line, era, target, home)
    first, second = outcome["first"], outcome["second"]
    assert first["status"] == second["status"] == "done"
    assert re.search(r"\[\d+\]", first["summary_markdown"])
    assert second["chat_session_id"] == first["chat_session_id"]
    assert second["job_id"] != first["job_id"]
    assert "Session started" in " ".join(outcome["messages"])
    refused = outcome["refused"]
    assert {name: refusal["code"] for name, refusal in refused.items()} == {
        "other_lead": "MULTI_LEAD_REFUSED",
        "misspelt": "UNKNOWN_ARGUMENT",
        "unknown_job": "NOT_FOUND",
    }
    assert all(refusal["isError"] is True and refusal["hint"] for refusal in refused.values())


def delayed(slot: str, seconds: float) -> dict[str, Any]:
    return {"vendor": "openrouter", "slot": slot, "fault": {"kind": "delay", "seconds": seconds}}


@clients(V1_HTTP)
def test_progress_keeps_a_client_waiting_that_would_have_given_up(
    tmp_path: Path, home: Path, line: str, era: str, transport: str
) -> None:
    """Three slow steps one after another, each shorter than the client's patience."""
    world = world_with_fault(
        tmp_path / "world", delayed(GROUND, 3), delayed(FORGE, 3), delayed("synthesis", 3)
    )
    with server(transport, tmp_path / "data", world) as target:
        outcome = run("patient", line, era, target, home, timeout=7000)
    assert outcome["answer"]["status"] == "done"
    assert outcome["progress"] == sorted(set(outcome["progress"]))


@clients(V1_STDIO, V2_HTTP)
def test_a_job_is_waited_for_and_one_slot_of_it_cancelled(
    tmp_path: Path, home: Path, line: str, era: str, transport: str
) -> None:
    world = world_with_fault(tmp_path / "world", SLOW)
    hasty = {"DATA411_ANSWER_WITHIN_S": "0.2"}
    with server(transport, tmp_path / "data", world, **hasty) as target:
        outcome = run("wait", line, era, target, home, slot=DEEP)
    assert outcome["started"]["status"] == outcome["still"]["status"] == "running"
    assert outcome["started"]["job_id"] in outcome["started"]["next"]
    assert outcome["ended"]["status"] == "done"
    states = {slot["id"]: slot["state"] for slot in outcome["ended"]["slots"]}
    assert states[DEEP] == "cancelled"


@clients(V1_STDIO, V2_HTTP)
def test_hanging_up_does_not_cancel_the_job(
    tmp_path: Path, home: Path, line: str, era: str, transport: str
) -> None:
    world = world_with_fault(tmp_path / "world", SLOW)
    soon = {"DATA411_ANSWER_WITHIN_S": "6"}  # how long the second call waits for the slow slot
    with server(transport, tmp_path / "data", world, **soon) as target:
        outcome = run("hang_up", line, era, target, home, slot=DEEP)
    assert outcome["gaveUp"] is True
    assert outcome["joined"]["status"] == "running"
    assert outcome["ended"]["job_id"] == outcome["joined"]["job_id"]
    assert outcome["ended"]["status"] == "done"


@clients(V1_STDIO, V2_HTTP)
def test_the_user_is_asked_which_company_is_meant(
    tmp_path: Path,
    home: Path,
    ambiguous: Path,  # noqa: F811
    line: str,
    era: str,
    transport: str,
) -> None:
    with server(transport, tmp_path / "data", ambiguous) as target:
        outcome = run("ask", line, era, target, home, ambiguous, pick=0)
    assert len(outcome["questions"]) == 1
    assert outcome["answer"]["status"] == "done"
    assert outcome["answer"]["identity"]["decision"] == "clear"


def test_a_client_without_elicitation_gets_the_choices(
    tmp_path: Path,
    home: Path,
    ambiguous: Path,  # noqa: F811
) -> None:
    target = servers.stdio(tmp_path / "data", ambiguous)
    outcome = run("ask", "v1", "legacy", target, home, ambiguous)
    assert outcome["answer"]["status"] == "needs_identity"
    assert "identity_choice" in outcome["answer"]["next"]


@clients(V1_HTTP, V2_HTTP)
def test_a_key_is_asked_for_and_each_tenant_sees_only_its_own(
    tmp_path: Path, home: Path, line: str, era: str, transport: str
) -> None:
    data = tmp_path / "data"
    acme, other = (servers.new_key(data, tenant) for tenant in ("acme", "other"))
    with server(transport, data, HOOPS, DATA411_HTTP_AUTH="required") as target:
        with pytest.raises(npm.NodeFailed, match=r"401|[Uu]nauthorized"):
            run("follow_up", line, era, target, home)
        ours = run("rerun", line, era, replace(target, bearer=acme), home, slot=FORGE)
        first = ours["first"]
        handles = {"chat_session_id": first["chat_session_id"], "job_id": first["job_id"]}
        theirs = run("look", line, era, replace(target, bearer=other), home, **handles)
        nobodys = run(
            "look", line, era, replace(target, bearer=other), home,
            chat_session_id="none", job_id="none",
        )  # fmt: skip
    assert first["status"] == ours["rerun"]["status"] == ours["rewritten"]["status"] == "done"
    assert ours["rerun"]["job_id"] != first["job_id"]
    assert theirs["graph"] == nobodys["graph"]
    assert theirs["job"] == nobodys["job"]
    assert theirs["job"]["code"] == "NOT_FOUND"
