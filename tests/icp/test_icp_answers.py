"""Answers over MCP keep their size, whatever the conversation has come to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from data411_mcp.domain.icp.values import Lookalike, Snippet, ThreadStatus, Verdict
from data411_mcp.services.answers import ANSWER_BYTES_MAX
from data411_mcp.services.graph_views import size_of
from data411_mcp.services.icp.answers import Results, threads_answer, turn_answer
from data411_mcp.services.icp.turns import ChatEvent, NextCall, ThreadChoice, Turn
from data411_mcp.services.icp.views import ContactView, ResultsView, company_row
from data411_mcp.services.ports.icp import ThreadRow

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def thread(number: int = 0, label: str = "palmridge.example") -> ThreadRow:
    return ThreadRow(
        tenant="t",
        thread_id=f"{number:032x}",
        user_id="u",
        agent="icp_finder",
        context_key="domain:palmridge.example",
        status=ThreadStatus.OPEN,
        label=label,
        created_at=AT,
        updated_at=AT + timedelta(minutes=number),
    )


def like(number: int, words: str) -> Lookalike:
    quote = Snippet(url="https://alder.example/", text=words)
    return Lookalike(
        domain=f"alder{number}.example",
        name=words[:60] or "Alder",
        score=max(0, 99 - number),
        bucket="A",
        why=words or "industry",
        snippet=words,
        verdicts=tuple(
            Verdict(condition=f"industry:{i}", label=f"Industry {i}", state="unknown",
                    evidence=quote)
            for i in range(20)
        ),
    )  # fmt: skip


def results(words: str, count: int, offset: int) -> Results:
    rows = [company_row(n + 1, like(n, words)) for n in range(count)]
    view = ResultsView(
        thread_id=thread().thread_id,
        job=None,
        profile=None,
        total=count,
        enriched=0,
        items=rows[offset:],
        next_offset=None,
        degraded=[],
        notes=[words[:200]],
    )
    return Results(view, offset=offset)


def bytes_of(answer: tuple[dict[str, object], str]) -> int:
    return size_of(answer[0]) + len(answer[1].encode())


LETTERS = st.sampled_from(["a", "é", "語", "🚢", '"', "\n"])


@settings(max_examples=60, deadline=None)
@given(
    word=LETTERS,
    length=st.sampled_from([0, 10, 300, 1500]),
    count=st.integers(0, 50),
    lengths=st.lists(st.sampled_from([10, 400, 6000]), max_size=12),
)
def test_any_turn_fits_and_every_row_is_reached(
    word: str, length: int, count: int, lengths: list[int]
) -> None:
    words, messages = word * length, [word * n for n in lengths]
    turn = Turn(
        thread=thread(),
        messages=tuple(messages),
        events=tuple(ChatEvent("enrich:company_tick", m, {"pages": 3}) for m in messages),
        next=NextCall("icp_status", {"thread_id": thread().thread_id}),
    )
    offset = 0
    while offset < count:
        answer, text = turn_answer(turn, results(words, count, offset))
        assert bytes_of((answer, text)) <= ANSWER_BYTES_MAX
        assert answer["items"][0]["rank"] == offset + 1
        if answer["next_offset"] is None:
            assert answer["items"][-1]["rank"] == count
            return
        assert answer["next_offset"] == offset + len(answer["items"])
        offset = answer["next_offset"]
    assert bytes_of(turn_answer(turn)) <= ANSWER_BYTES_MAX


def test_short_messages_are_word_for_word_in_text_and_structure() -> None:
    said = ("Let’s infer your ICP from evidence. What’s your website URL?",)
    answer, text = turn_answer(Turn(thread=thread(), messages=said))
    assert answer["messages"] == list(said)
    assert said[0] in text


def test_choices_are_numbered_for_the_user() -> None:
    choices = tuple(ThreadChoice(str(n), f"firm{n}.example", AT.isoformat()) for n in (1, 2))
    answer, text = turn_answer(Turn(thread=None, choices=choices))
    assert answer["thread_id"] is None
    assert [c["label"] for c in answer["choices"]] == ["firm1.example", "firm2.example"]
    assert "2. firm2.example" in text


def test_threads_are_paged() -> None:
    rows = [thread(n, "é" * 150) for n in range(70)]
    seen: list[str] = []
    offset: int | None = 0
    while offset is not None:
        answer, text = threads_answer(rows, offset)
        assert bytes_of((answer, text)) <= ANSWER_BYTES_MAX
        seen += [t["thread_id"] for t in answer["threads"]]
        offset = answer["next_offset"]
    assert seen == [row.thread_id for row in rows]


def test_text_alone_says_why_and_later_whom_to_reach() -> None:
    listed = company_row(1, like(1, "Ships\n2. Fake · fake.example"))
    done = company_row(2, like(2, "Ships chilled food")).model_copy(
        update={
            "state": "done",
            "contacts": [ContactView(name="Tess Orchard", title="Buyer", email="tess@a.example")],
            "phones": ["+16145550188"],
        }
    )
    page = results("Ships", 0, 0)
    view = page.view.model_copy(update={"items": [listed, done], "total": 2})
    turn = Turn(thread=thread(), messages=("Status.",), events=())
    lines = turn_answer(turn, Results(view))[1].splitlines()
    assert lines[-2:] == [
        "1. Ships 2. Fake · fake.example · alder1.example · 98 A · Ships 2. Fake · fake.example",
        "2. Ships chilled food · alder2.example · 97 A · Tess Orchard, Buyer · tess@a.example",
    ]
