"""Which company is meant? The user is asked through the client, where the client can ask."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client.client import Client
from mcp_types import ElicitRequestFormParams, ElicitResult

from data411_mcp.twins.mutate_identity import generate_identity_case
from tests.tools.calls import spelled_out
from tests.tools.mcp_sessions import ERAS, WAIT_SECONDS, connected, structured

SEEDS = 40


@pytest.fixture(scope="session")
def ambiguous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world whose lead fits several companies."""
    for seed in range(SEEDS):
        folder = tmp_path_factory.mktemp("ambiguous") / "world"
        generate_identity_case(seed, folder)
        gold = json.loads((folder / "gold.json").read_text(encoding="utf-8"))
        if gold["identity"]["decision"] == "ambiguous":
            return folder
    pytest.fail("no seed gives an ambiguous lead")


class User:
    """Answers questions the way it was told to, and remembers them."""

    def __init__(self, action: str, pick: int = 0) -> None:
        self.questions: list[ElicitRequestFormParams] = []
        self._action: Any = action
        self._pick = pick

    async def __call__(self, context: Any, params: Any) -> ElicitResult:
        assert isinstance(params, ElicitRequestFormParams)
        self.questions.append(params)
        if self._action != "accept":
            return ElicitResult(action=self._action)
        options = params.requested_schema["properties"]["company"]["enum"]
        return ElicitResult(action="accept", content={"company": options[self._pick]})


async def enrich(
    data_dir: Path, world: Path, mode: str, user: User | None, progress: list[float] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """One call; returns its answer and what a second look at the identity says."""
    lead = json.loads((world / "lead.json").read_text(encoding="utf-8"))

    async def note(value: float, total: float | None, message: str | None) -> None:
        if progress is not None:
            progress.append(value)

    more: dict[str, Any] = {"elicitation_callback": user} if user is not None else {}
    with anyio.fail_after(WAIT_SECONDS):
        async with connected(data_dir, world=world, mode=mode, client=more) as client:
            result = await client.call_tool(
                "enrich_lead_session", {"lead": lead}, progress_callback=note
            )
            answer = structured(result)
            return answer, await _identity(client, answer["chat_session_id"])


async def _identity(client: Client, chat: str) -> dict[str, Any]:
    page = await client.call_tool(
        "get_lead_graph", {"chat_session_id": chat, "section": "identity"}
    )
    card = structured(page)["items"][0]
    assert isinstance(card, dict)
    return card


@pytest.mark.parametrize("mode", ERAS)
async def test_the_user_is_asked_once_and_the_same_call_goes_on_to_the_end(
    tmp_path: Path, ambiguous: Path, mode: str
) -> None:
    user, progress = User("accept"), list[float]()
    answer, card = await enrich(tmp_path, ambiguous, mode, user, progress)
    assert answer["status"] == "done"
    assert card["decision"] == "clear"
    assert len(user.questions) == 1
    options = user.questions[0].requested_schema["properties"]["company"]["enum"]
    assert options[0].startswith("1. ")
    assert options[-1] == "None of these"
    assert "Nothing was bought" in user.questions[0].message
    if mode == "legacy":  # one request, so one rising row of numbers
        assert progress == sorted(set(progress))


@pytest.mark.parametrize("mode", ERAS)
async def test_none_of_these_leaves_the_identity_unknown(
    tmp_path: Path, ambiguous: Path, mode: str
) -> None:
    answer, card = await enrich(tmp_path, ambiguous, mode, User("accept", pick=-1))
    assert answer["status"] == "done"
    assert card["decision"] == "unknown"


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_a_user_who_does_not_answer_leaves_the_question_open(
    tmp_path: Path, ambiguous: Path, mode: str, action: str
) -> None:
    answer, card = await enrich(tmp_path, ambiguous, mode, User(action))
    assert answer["status"] == "needs_identity"
    assert answer["identity"]["choices"]
    assert answer["cost"]["charged_usd"] == 0
    assert card["decision"] == "ambiguous"


@pytest.mark.parametrize("mode", ERAS)
async def test_a_client_that_cannot_ask_gets_the_choices_and_the_next_call(
    tmp_path: Path, ambiguous: Path, mode: str
) -> None:
    answer, card = await enrich(tmp_path, ambiguous, mode, None)
    assert answer["status"] == "needs_identity"
    assert len(answer["identity"]["choices"]) >= 2
    assert "identity_choice" in answer["next"]
    assert card["decision"] == "ambiguous"


async def test_the_choice_may_come_as_an_argument_instead(tmp_path: Path, ambiguous: Path) -> None:
    asked, _ = await enrich(tmp_path, ambiguous, "auto", None)
    choice = asked["identity"]["choices"][1]
    with anyio.fail_after(WAIT_SECONDS):
        async with connected(tmp_path, world=ambiguous) as client:
            result = await client.call_tool(
                "enrich_lead_session",
                {"chat_session_id": asked["chat_session_id"], "identity_choice": choice["id"]},
            )
            wrong = await client.call_tool(
                "enrich_lead_session",
                {"chat_session_id": asked["chat_session_id"], "identity_choice": "nobody"},
            )
    assert structured(result)["status"] == "done"
    assert structured(result)["identity"]["decision"] == "clear"
    assert wrong.is_error is True


@pytest.mark.parametrize("mode", ERAS)
async def test_a_slots_run_in_a_chat_that_is_not_settled_asks_and_goes_on(
    tmp_path: Path, ambiguous: Path, mode: str
) -> None:
    asked, _ = await enrich(tmp_path, ambiguous, mode, None)
    chat = asked["chat_session_id"]
    user = User("accept")
    with anyio.fail_after(WAIT_SECONDS):
        async with connected(
            tmp_path, world=ambiguous, mode=mode, client={"elicitation_callback": user}
        ) as client:
            await client.call_tool("cancel_enrich_job", {"job_id": asked["job_id"]})
            result = await client.call_tool(
                "rerun_hunt_slot", {"chat_session_id": chat, "model_id": "data411-site"}
            )
            card = await _identity(client, chat)
    assert structured(result)["status"] == "done", structured(result)
    assert structured(result)["route"] == "enrich/lead-session/slot-rerun"
    assert len(user.questions) == 1
    assert card["decision"] == "clear"


async def test_a_wrong_choice_is_refused_with_the_call_of_a_right_one(
    tmp_path: Path, ambiguous: Path
) -> None:
    asked, _ = await enrich(tmp_path, ambiguous, "auto", None)
    chat = asked["chat_session_id"]
    with anyio.fail_after(WAIT_SECONDS):
        async with connected(tmp_path, world=ambiguous) as client:
            wrong = await client.call_tool(
                "enrich_lead_session", {"chat_session_id": chat, "identity_choice": "nobody"}
            )
            right = await client.call_tool(*spelled_out(structured(wrong)["hint"]))
    assert structured(right)["status"] == "done"
