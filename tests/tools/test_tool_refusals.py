"""A refusal names the next call to make: made as it stands, that call is no longer refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client.client import Client
from mcp_types import CallToolResult, ElicitRequestFormParams, ElicitResult

from data411_mcp.app import open_services
from data411_mcp.domain.slots import DEEP, FORGE, SWIFT
from data411_mcp.services.payloads import SLOTS_RERUN, SYNTHESIZE_PATCH
from tests.tools.calls import spelled_out, with_words
from tests.tools.mcp_sessions import (
    ERAS,
    LEAD,
    WAIT_SECONDS,
    connected,
    settings,
    structured,
    world_with_fault,
)

Copied = tuple[Path, str]
HANGS = {"vendor": "openrouter", "slot": DEEP, "fault": {"kind": "stall"}}
BROKEN = {"vendor": "openrouter", "slot": DEEP, "nth": 1,
          "fault": {"kind": "status", "status": 400}}  # fmt: skip
OTHER_LEAD = {"contact_id": 7, "company": "Acme Pumps", "domain": "acme.example"}


async def call(client: Client, tool: str, arguments: dict[str, Any]) -> CallToolResult:
    with anyio.fail_after(WAIT_SECONDS):
        return await client.call_tool(tool, arguments, read_timeout_seconds=WAIT_SECONDS)


async def refusal(
    client: Client, tool: str, arguments: dict[str, Any], code: str
) -> dict[str, Any]:
    result = await call(client, tool, arguments)
    assert result.is_error is True, structured(result)
    assert structured(result)["code"] == code, structured(result)
    return structured(result)


async def obeyed(client: Client, hint: str, words: str = "Who owns it?") -> dict[str, Any]:
    """The answer of the call that the hint spells out."""
    tool, arguments = spelled_out(hint)
    result = await call(client, tool, with_words(arguments, words))
    assert result.is_error is not True, structured(result)
    return structured(result)


@pytest.mark.parametrize(
    ("said", "tool", "mode"),
    [
        ("Run Hunt Deep again", "rerun_hunt_slot", "auto"),
        ("Rerun x-ai/grok-build-0.1 and resynthesize", "rerun_hunt_slot", "legacy"),
        ("Rerun Hunt Forge and Hunt Swift", "enrich_lead_session", "auto"),
        ("Resynthesize, phones first", "resynthesize_lead_graph", "legacy"),
        ("Run pending & failed (2)", "get_lead_graph", "auto"),
        ("slots-rerun please", "get_lead_graph", "legacy"),
        ("finding-rerun of the other person", "get_lead_graph", "auto"),
    ],
)
async def test_refresh_for_one_part_is_sent_to_the_tool_of_that_part(
    finished: Copied, mode: str, said: str, tool: str
) -> None:
    folder, chat = finished
    asked = {"chat_session_id": chat, "prompts": [said], "refresh": True}
    async with connected(folder, mode=mode) as client:
        refused = await refusal(client, "enrich_lead_session", asked, "REFRESH_NOT_PARTIAL")
        assert said not in refused["hint"]
        assert spelled_out(refused["hint"])[0] == tool
        await obeyed(client, refused["hint"], said)


async def test_refresh_with_a_gaps_text_or_a_finding_names_the_call_for_it(
    finished: Copied,
) -> None:
    folder, chat = finished
    async with connected(folder) as client:
        shown = {
            name: structured(
                await client.call_tool("get_lead_graph", {"chat_session_id": chat, "section": name})
            )["items"]
            for name in ("gaps", "unmerged")
        }
        gap = next(g for g in shown["gaps"] if g["slot"])
        held = shown["unmerged"][0]
        asked = {"chat_session_id": chat, "refresh": True}
        refused = await refusal(
            client, "enrich_lead_session", asked | {"prompts": [gap["text"]]}, "REFRESH_NOT_PARTIAL"
        )
        assert spelled_out(refused["hint"]) == (
            "rerun_hunt_slot",
            gap["call"]["arguments"],
        )
        refused = await refusal(
            client,
            "enrich_lead_session",
            asked | {"prompts": [f"finding-rerun {held['id']}"]},
            "REFRESH_NOT_PARTIAL",
        )
        assert (await obeyed(client, refused["hint"]))["finding"]["candidate_id"] == held["id"]


async def test_refresh_for_failed_slots_names_the_batch_of_them(tmp_path: Path) -> None:
    broken = {
        "vendor": "openrouter",
        "slot": DEEP,
        "nth": 1,
        "fault": {"kind": "status", "status": 400},
    }
    world = world_with_fault(tmp_path / "world", broken)
    async with connected(tmp_path / "data", world=world) as client:
        first = structured(await call(client, "enrich_lead_session", {"lead": LEAD}))
        asked = {"chat_session_id": first["chat_session_id"], "refresh": True,
                 "prompts": ["Run pending & failed (1)"]}  # fmt: skip
        refused = await refusal(client, "enrich_lead_session", asked, "REFRESH_NOT_PARTIAL")
        tool, arguments = spelled_out(refused["hint"])
        assert (tool, arguments["route"]) == ("submit_enrich_job", SLOTS_RERUN)
        assert arguments["payload"]["model_ids"] == [DEEP]
        assert (await obeyed(client, refused["hint"]))["status"] == "queued"


@pytest.mark.parametrize("mode", ERAS)
async def test_a_follow_up_without_words_is_told_where_they_go(finished: Copied, mode: str) -> None:
    folder, chat = finished
    asked = {"chat_session_id": chat, "lead": {**LEAD, "city": "Columbus"}, "crm_export": True}
    async with connected(folder, mode=mode) as client:
        refused = await refusal(client, "enrich_lead_session", asked, "PROMPTS_REQUIRED")
        answer = await obeyed(client, refused["hint"], "Find a direct phone number.")
    assert answer["status"] == "done"


class Said:
    """A user who answers the question for words, or does not."""

    def __init__(self, words: str | None) -> None:
        self.questions: list[str] = []
        self._words = words

    async def __call__(self, context: Any, params: Any) -> ElicitResult:
        assert isinstance(params, ElicitRequestFormParams)
        self.questions.append(params.message)
        if self._words is None:
            return ElicitResult(action="decline")
        return ElicitResult(action="accept", content={"words": self._words})


@pytest.mark.parametrize("mode", ERAS)
async def test_a_client_that_can_ask_gets_the_words_from_the_user(
    finished: Copied, mode: str
) -> None:
    folder, chat = finished
    user = Said("Resynthesize the summary, phones first.")
    asked: dict[str, Any] = {
        "chat_session_id": chat,
        "lead": {**LEAD, "city": "Columbus"},
        "crm_export": True,
    }
    more = {"elicitation_callback": user}
    async with connected(folder, mode=mode, client=more) as client:
        answer = await call(client, "enrich_lead_session", asked)
        assert structured(answer)["status"] == "done", structured(answer)
        silent = Said(None)
    assert len(user.questions) == 1
    more = {"elicitation_callback": silent}
    async with connected(folder, mode=mode, client=more) as client:
        asked = {"chat_session_id": chat}
        await refusal(client, "enrich_lead_session", asked, "PROMPTS_REQUIRED")
    assert len(silent.questions) == 1


@pytest.mark.parametrize(
    ("tool", "more"),
    [
        ("enrich_lead_session", {"prompts": ["Resynthesize the summary."]}),
        ("rerun_hunt_slot", {"model_id": SWIFT}),
        ("resynthesize_lead_graph", {}),
    ],
)
async def test_another_lead_is_refused_and_the_bound_one_named_is_taken(
    finished: Copied, tool: str, more: dict[str, Any]
) -> None:
    folder, chat = finished
    asked = {"chat_session_id": chat, "lead": OTHER_LEAD, **more}
    async with connected(folder) as client:
        refused = await refusal(client, tool, asked, "MULTI_LEAD_REFUSED")
        assert refused["message"].startswith("Same chat, different lead")
        assert spelled_out(refused["hint"])[0] == tool
        answer = await obeyed(client, refused["hint"], "Resynthesize the summary.")
    assert answer["lead"] == LEAD


@pytest.mark.parametrize(
    ("tool", "more", "mode"),
    [
        ("rerun_hunt_slot", {"model_id": SWIFT}, "auto"),
        ("resynthesize_lead_graph", {}, "legacy"),
        ("submit_enrich_job", {}, "auto"),
    ],
)
async def test_a_changed_field_of_the_same_contact_is_put_back_on_every_route(
    finished: Copied, tool: str, more: dict[str, Any], mode: str
) -> None:
    folder, chat = finished
    asked = {"chat_session_id": chat, "lead": {**LEAD, "company": "HG AutoTech LLC"}, **more}
    if tool == "submit_enrich_job":
        asked = {"route": SYNTHESIZE_PATCH, "payload": asked}
    async with connected(folder, mode=mode) as client:
        answer = structured(await call(client, tool, asked))
        lead = structured(await client.call_tool("get_lead_graph", {"chat_session_id": chat}))
    assert "LEAD_RESTORED" in {n["code"] for n in answer["notices"]}
    assert lead["lead"] == LEAD


async def test_slots_that_cannot_be_a_batch_are_named_with_the_call_for_one(
    finished: Copied,
) -> None:
    folder, chat = finished
    payload = {"chat_session_id": chat, "model_ids": [FORGE, SWIFT]}
    async with connected(folder) as client:
        refused = await refusal(
            client,
            "submit_enrich_job",
            {"route": SLOTS_RERUN, "payload": payload},
            "SLOT_NOT_RERUNNABLE",
        )
        answer = await obeyed(client, refused["hint"])
    assert answer["status"] == "done"


async def test_while_one_run_is_under_way_another_is_told_what_to_wait_for(
    tmp_path: Path,
) -> None:
    world = world_with_fault(tmp_path / "world", HANGS)
    async with connected(tmp_path / "data", world=world, answer_within_s=0.2) as client:
        first = structured(await call(client, "enrich_lead_session", {"lead": LEAD}))
        chat = first["chat_session_id"]
        with anyio.fail_after(WAIT_SECONDS):
            while True:
                refused = structured(
                    await call(client, "resynthesize_lead_graph", {"chat_session_id": chat})
                )
                if refused["code"] == "CHAT_BUSY":
                    break
        waited = await obeyed(client, refused["hint"])
        assert waited["job_id"] == first["job_id"]
        elsewhere = await refusal(
            client,
            "enrich_lead_session",
            {"lead": {**LEAD, "contact_id": "1737992709", "city": "Columbus"}},
            "CHAT_SESSION_REQUIRED",
        )
        joined = await obeyed(client, elsewhere["hint"])
        assert joined["job_id"] == first["job_id"]
        await call(client, "cancel_enrich_job", {"job_id": first["job_id"]})


async def test_an_unknown_candidate_and_an_unknown_chat_name_where_to_look(
    finished: Copied,
) -> None:
    folder, chat = finished
    async with connected(folder) as client:
        refused = await refusal(
            client,
            "investigate_unmerged_finding",
            {"chat_session_id": chat, "candidate_id": "0" * 40},
            "NOT_FOUND",
        )
        assert (await obeyed(client, refused["hint"]))["items"]
        for tool, more in (
            ("rerun_hunt_slot", {"model_id": DEEP}),
            ("resynthesize_lead_graph", {}),
        ):
            await refusal(client, tool, {"chat_session_id": "nobody", **more}, "NOT_FOUND")


async def test_a_budget_below_the_price_is_told_the_price_and_a_short_balance_the_account(
    finished: Copied,
) -> None:
    folder, chat = finished
    asked = {"chat_session_id": chat, "model_id": SWIFT}
    async with connected(folder, billing="on") as client:
        refused = await refusal(
            client, "rerun_hunt_slot", asked | {"budget_usd": 0.2}, "BUDGET_TOO_LOW"
        )
        tool, enough = spelled_out(refused["hint"])
        assert (tool, enough) == ("rerun_hunt_slot", asked | {"budget_usd": 0.35})
        refused = await refusal(client, tool, enough, "VIRTUAL_BALANCE_INSUFFICIENT")
        assert refused["billing_reason"] == "virtual_balance_insufficient"
        assert (await obeyed(client, refused["hint"]))["balance_usd"] == 0
    async with open_services(settings(folder), works=False) as app:
        jobs = await app.store.jobs_of_chat(app.tenant, chat)
    assert len(jobs) == 1  # nothing was handed in


@pytest.mark.parametrize("budget", [0.04, 20.01, 0.333, "1.00", "NaN", True])
async def test_a_budget_outside_what_is_allowed_is_refused(tmp_path: Path, budget: object) -> None:
    async with connected(tmp_path) as client:
        await refusal(
            client, "enrich_lead_session", {"lead": LEAD, "budget_usd": budget}, "INVALID_ARGUMENT"
        )


async def test_words_that_a_follow_up_cannot_obey_are_sent_to_the_call_that_can(
    finished: Copied,
) -> None:
    folder, chat = finished
    async with connected(folder) as client:
        page = await call(
            client, "get_lead_graph", {"chat_session_id": chat, "section": "unmerged"}
        )
        held = structured(page)["items"][0]
        asked = {"chat_session_id": chat, "prompts": [f"Investigate {held['label']}"]}
        for refresh in (False, True):
            code = "REFRESH_NOT_PARTIAL" if refresh else "INVALID_ARGUMENT"
            refused = await refusal(
                client, "enrich_lead_session", asked | {"refresh": refresh}, code
            )
            assert spelled_out(refused["hint"]) == (
                "investigate_unmerged_finding",
                {"chat_session_id": chat, "candidate_id": held["id"]},
            )
        asked = {"chat_session_id": chat, "prompts": ["Run pending & failed (2)"]}
        refused = await refusal(client, "enrich_lead_session", asked, "SLOT_NOT_RERUNNABLE")
        await obeyed(client, refused["hint"])


@pytest.mark.parametrize("choice", ["none", "bogus"])
async def test_a_clear_identity_is_not_undone_by_a_choice_nobody_asked_for(
    finished: Copied, choice: str
) -> None:
    folder, chat = finished
    asked = {"chat_session_id": chat, "prompts": ["Resynthesize."], "identity_choice": choice}
    async with connected(folder) as client:
        refused = await refusal(client, "enrich_lead_session", asked, "IDENTITY_CHOICE_INVALID")
        answer = await obeyed(client, refused["hint"], "Resynthesize.")
    assert answer["identity"]["decision"] == "clear"


async def test_an_unknown_slot_of_a_job_is_refused_and_a_label_is_known(finished: Copied) -> None:
    folder, chat = finished
    async with open_services(settings(folder), works=False) as app:
        job = (await app.store.jobs_of_chat(app.tenant, chat))[-1]
    async with connected(folder) as client:
        asked = {"job_id": job.id}
        await refusal(client, "cancel_enrich_job", asked | {"slot": "no-such"}, "INVALID_ARGUMENT")
        result = await call(client, "cancel_enrich_job", asked | {"slot": "Hunt Deep"})
        assert result.is_error is not True, structured(result)
        refused = await refusal(
            client,
            "cancel_enrich_job",
            asked | {"slot": "hunt deep", "retry": True},
            "SLOT_NOT_RERUNNABLE",
        )
        assert spelled_out(refused["hint"]) == (
            "rerun_hunt_slot",
            {"chat_session_id": chat, "model_id": DEEP},
        )


async def test_refresh_on_one_slot_is_sent_to_the_same_call_without_it(finished: Copied) -> None:
    folder, chat = finished
    asked = {"chat_session_id": chat, "model_id": FORGE}
    async with connected(folder) as client:
        refused = await refusal(
            client, "rerun_hunt_slot", asked | {"refresh": True}, "UNKNOWN_ARGUMENT"
        )
    assert spelled_out(refused["hint"]) == ("rerun_hunt_slot", asked)
