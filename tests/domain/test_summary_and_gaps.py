"""The summary says only what the graph holds; gaps say what is missing and what it costs."""

from __future__ import annotations

from data411_mcp.domain.gaps import find_gaps
from data411_mcp.domain.graph import Backfill, FieldName, IdentityCard
from data411_mcp.domain.merge import merge
from data411_mcp.domain.slots import FORGE, SWIFT
from data411_mcp.domain.summary import archive, graph_fingerprint, write_summary
from tests.domain.test_merge import EMPTY, held, proof

CLEAR = IdentityCard(decision="clear", name="Millbrook Pumps", difference="it shows the name")


def graph() -> Backfill:
    found = [
        proof(FieldName.PHONE, "+16145550142"),
        proof(FieldName.EMAIL, "office@millbrook-pumps.example"),
        proof(FieldName.PERSON, "Nora Fields", person="Nora Fields"),
        proof(FieldName.TITLE, "Managing Director", person="Nora Fields"),
        held("+16145550199"),
    ]
    return merge(EMPTY.model_copy(update={"identity": CLEAR}), found, lead_key="k").backfill


def test_every_fact_of_the_summary_carries_a_citation_to_its_page() -> None:
    text = write_summary(graph())
    line = next(x for x in text.splitlines() if "Nora Fields" in x)
    assert "[1]" in line
    assert "Managing Director" in line
    assert "1. https://millbrook-pumps.example/contact" in text


def test_what_is_held_back_is_not_printed() -> None:
    assert "0199" not in write_summary(graph())


def test_page_text_cannot_forge_markdown() -> None:
    sly = merge(EMPTY, [proof(FieldName.LEGAL_NAME, "X](http://evil.example) [click")],
                lead_key="k").backfill  # fmt: skip
    assert r"X\](http" in write_summary(sly)
    assert "X](http" not in write_summary(sly)


def test_gaps_name_the_slot_its_price_and_the_call() -> None:
    gaps = find_gaps(graph(), {SWIFT: 40, FORGE: 35})
    texts = [g.text for g in gaps]
    assert any("e-mail address of Nora Fields" in t for t in texts)
    wanted = next(g for g in gaps if "e-mail address of Nora Fields" in g.text)
    assert (wanted.slot, wanted.price_cents) == (SWIFT, 40)
    assert wanted.call == {
        "tool": "rerun_hunt_slot",
        "arguments": {
            "chat_session_id": graph().chat_session_id,
            "model_id": SWIFT,
            "prompts": [wanted.text],
            "refresh_summary": True,
        },
    }


def test_a_gap_that_no_slot_can_close_says_so_and_costs_nothing() -> None:
    gaps = find_gaps(EMPTY, {})
    assert gaps
    assert all(g.slot is None and g.price_cents == 0 and g.call == {} for g in gaps)


def test_an_unchanged_summary_adds_nothing_to_the_history() -> None:
    one = archive(graph(), "first", at="t1", reason="session")
    same = archive(one, "first", at="t2", reason="follow-up")
    other = archive(one, "second", at="t3", reason="follow-up", prompt_sha="abc")
    assert same.summary_history == ()
    assert [h.summary_markdown for h in other.summary_history] == ["first"]
    assert other.summary_history[0].graph_fingerprint == graph_fingerprint(one)


def test_the_fingerprint_follows_phones_contacts_and_emails() -> None:
    before = graph_fingerprint(graph())
    more = merge(graph(), [proof(FieldName.TECH_STACK, "WordPress")], lead_key="k").backfill
    other = merge(graph(), [proof(FieldName.PHONE, "+16145550149")], lead_key="k").backfill
    assert graph_fingerprint(more) == before
    assert graph_fingerprint(other) != before
