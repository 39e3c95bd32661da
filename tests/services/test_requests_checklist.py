"""The agent checklist, enforced: what a follow-up must bring, and what a retry never buys again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.calls import spelled
from data411_mcp.errors import InvalidArgument, PromptsRequired, RefreshNotPartial
from data411_mcp.services.requests import (
    PROMPT_CHARS_MAX,
    PROMPTS_MAX,
    clean_prompts,
)
from data411_mcp.services.wording import only_resynthesis
from tests.services.session_world import PUMP_LEAD, TENANT, Lab, lab, pump_world

FIRST_WORDS = ["Enrich this lead."]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Lab, str]]:
    """An open product and the chat of a finished session; these tests start nothing new."""
    folder = tmp_path_factory.mktemp("checklist")
    async with lab(folder, pump_world(folder / "world")) as open_lab:
        yield open_lab, (await open_lab.run(PUMP_LEAD, prompts=FIRST_WORDS)).chat


async def test_a_follow_up_without_prompts_is_told_the_exact_next_call(
    shared: tuple[Lab, str],
) -> None:
    open_lab, chat = shared
    calls = len(open_lab.twins.log)
    with pytest.raises(PromptsRequired) as required:
        await open_lab.start(PUMP_LEAD, chat_session_id=chat)
    assert f'enrich_lead_session(chat_session_id="{chat}", prompts=[' in required.value.hint
    assert f'get_lead_graph(chat_session_id="{chat}")' in required.value.hint
    assert len(open_lab.twins.log) == calls


@pytest.mark.parametrize("prompts", [[], [" ", "\n"], ""])
async def test_blank_prompts_are_none(shared: tuple[Lab, str], prompts: object) -> None:
    open_lab, chat = shared
    with pytest.raises(PromptsRequired):
        await open_lab.start(PUMP_LEAD, chat_session_id=chat, prompts=prompts)


async def test_refresh_with_the_text_of_a_gap_is_not_partial(shared: tuple[Lab, str]) -> None:
    open_lab, chat = shared
    gap = next(g for g in (await open_lab.graph(chat)).gaps if g.slot)
    with pytest.raises(RefreshNotPartial) as refused:
        await open_lab.start(None, chat_session_id=chat, prompts=[gap.text], refresh=True)
    assert refused.value.hint == f"Call {spelled(gap.call['tool'], gap.call['arguments'])}."


@pytest.mark.parametrize(
    "said",
    [
        "Rerun Hunt Forge please",
        "run data411-hunt-swift again",
        "Crimson Span should read the pages once more",
        "resynthesize the graph",
    ],
)
async def test_refresh_that_names_one_slot_or_route_is_not_partial(
    shared: tuple[Lab, str], said: str
) -> None:
    open_lab, chat = shared
    calls = len(open_lab.twins.log)
    with pytest.raises(RefreshNotPartial):
        await open_lab.start(None, chat_session_id=chat, prompts=[said], refresh=True)
    assert len(open_lab.twins.log) == calls


async def test_an_identical_retry_returns_the_run_that_is_there_and_buys_nothing(
    shared: tuple[Lab, str],
) -> None:
    open_lab, chat = shared
    jobs = await open_lab.app.store.jobs_of_chat(TENANT, chat)
    before = len(open_lab.twins.log)
    again = await open_lab.start(PUMP_LEAD, chat_session_id=chat, prompts=FIRST_WORDS)
    assert again.job.id == jobs[0].id
    assert again.job.final
    assert await open_lab.app.store.jobs_of_chat(TENANT, chat) == jobs
    assert len(open_lab.twins.log) == before


async def test_a_retry_of_a_follow_up_buys_its_slot_once(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        chat = (await open_lab.run(PUMP_LEAD)).chat
        asked: dict[str, Any] = {"chat_session_id": chat, "prompts": ["Run Hunt Forge again."]}
        first = await open_lab.run(None, **asked)
        bought = open_lab.bought()
        second = await open_lab.run(None, **asked)
        assert second.job.id == first.job.id
        assert open_lab.bought() == bought


async def test_the_same_wish_after_another_one_is_a_new_wish(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        chat = (await open_lab.run(PUMP_LEAD)).chat
        wish: dict[str, Any] = {"chat_session_id": chat, "prompts": ["Run Hunt Forge again."]}
        first = await open_lab.run(None, **wish)
        await open_lab.run(None, chat_session_id=chat, prompts=["Resynthesize."])
        before = len(open_lab.bought())
        second = await open_lab.run(None, **wish)
        assert second.job.id != first.job.id
        assert open_lab.bought()[before:] == ["data411-hunt-forge", "synthesis"]


@pytest.mark.parametrize("said", ["From scratch please, Hunt Forge too", "Ignore cache", None])
async def test_from_scratch_is_a_refresh_whatever_else_it_names(
    tmp_path: Path, said: str | None
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        chat = (await open_lab.run(PUMP_LEAD)).chat
        prompts = [said] if said else None
        started = await open_lab.start(None, chat_session_id=chat, prompts=prompts, refresh=True)
        assert not started.job.final
        await open_lab.finish(started.job)


@pytest.mark.parametrize(
    "prompts", [7, {"said": "x"}, ["x", 3], ["x"] * (PROMPTS_MAX + 1), ["x" * 4001]]
)
def test_prompts_of_the_wrong_shape_are_refused(prompts: object) -> None:
    with pytest.raises(InvalidArgument):
        clean_prompts(prompts)


@given(st.lists(st.text(max_size=PROMPT_CHARS_MAX), max_size=PROMPTS_MAX))
def test_prompts_stay_verbatim_and_in_order(prompts: list[str]) -> None:
    assert clean_prompts(prompts) == tuple(p for p in prompts if p.strip())


@pytest.mark.parametrize(
    ("said", "only"),
    [
        ("Resynthesize the graph.", True),
        ("Please resynthesise", True),
        ("Rewrite the summary in three lines", True),
        ("Rerun the Hunt Forge dig-deeper pass and resynthesize.", False),
        ("Find the owner and resynthesize", False),
        ("Who decides there?", False),
    ],
)
def test_only_words_about_the_summary_alone_ask_for_the_summary_alone(
    said: str, only: bool
) -> None:
    assert only_resynthesis((said,)) is only
