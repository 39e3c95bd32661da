"""The decision matrix of return users, and what advice may change."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.adapters.prompts import load_prompt
from data411_mcp.domain.icp.probe import (
    ADVICE_SCHEMA,
    Facts,
    advised,
    differences,
    heuristics,
)
from data411_mcp.domain.icp.values import Customer, Intake

FRESH = Facts(known=True, candidate_count=12, top10_age_days=3, profile_age_days=3)
SAME = Intake(domain="palm.example", customers=(Customer(domain="a.example"),))
AGAIN = {"is_return_user": True, "use_cached": False, "rerun_icp": True, "reason": "new market"}
REUSE = {"is_return_user": True, "use_cached": True, "rerun_icp": False, "reason": "fine"}


def changed(**more: Any) -> Facts:
    values = {f: getattr(FRESH, f) for f in FRESH.__slots__}
    return Facts(**{**values, **more})


def test_a_new_user_has_nothing_to_reuse_and_nothing_to_run_again() -> None:
    decisions = heuristics(Facts())
    assert not decisions.is_return_user
    assert not decisions.use_cached
    assert not decisions.rerun_icp


def test_fresh_candidates_are_reused() -> None:
    decisions = heuristics(FRESH)
    assert (decisions.is_return_user, decisions.use_cached, decisions.rerun_icp) == (
        True, True, False)  # fmt: skip


@pytest.mark.parametrize("age", [14.5, 15, 400])
def test_stale_candidates_are_searched_for_again(age: float) -> None:
    decisions = heuristics(changed(top10_age_days=age))
    assert (decisions.use_cached, decisions.rerun_icp) == (False, True)
    assert decisions.stale_signals == {"top10_age_days": int(age)}
    assert "14 days" in decisions.reason


def test_at_the_limit_they_are_still_fresh() -> None:
    assert heuristics(changed(top10_age_days=14)).use_cached


def test_the_limit_is_a_setting() -> None:
    assert heuristics(changed(top10_age_days=20, discovery_staleness_days=30)).use_cached


@pytest.mark.parametrize("what", ["website", "industries", "rule", "customers"])
def test_a_change_of_what_was_asked_for_is_a_reason_to_run_again(what: str) -> None:
    decisions = heuristics(changed(diffs={what: {"was": "a", "is": "b"}}))
    assert (decisions.use_cached, decisions.rerun_icp) == (False, True)
    assert decisions.diffs == {what: {"was": "a", "is": "b"}}


def test_without_candidates_there_is_nothing_to_run_again() -> None:
    decisions = heuristics(changed(candidate_count=0, diffs={"website": {}}, top10_age_days=None))
    assert decisions.is_return_user
    assert not decisions.rerun_icp
    assert not decisions.use_cached


def test_a_stale_profile_is_told_and_does_not_by_itself_search_again() -> None:
    decisions = heuristics(changed(profile_age_days=30))
    assert decisions.stale_signals == {"profile_age_days": 30}
    assert decisions.use_cached


facts = st.builds(
    Facts,
    known=st.booleans(),
    candidate_count=st.integers(0, 60),
    top10_age_days=st.none() | st.floats(0, 100),
    profile_age_days=st.none() | st.floats(0, 100),
    diffs=st.dictionaries(st.sampled_from(["website", "rule", "other"]), st.just({}), max_size=2),
)
replies = st.fixed_dictionaries(
    {
        "is_return_user": st.booleans(),
        "use_cached": st.booleans(),
        "rerun_icp": st.booleans(),
        "reason": st.text(max_size=300),
    }
)


@given(facts, replies | st.none() | st.text() | st.just({"use_cached": "yes"}))
def test_whatever_is_advised_the_safe_rules_hold(known: Facts, reply: object) -> None:
    own = heuristics(known)
    decisions = advised(own, known, reply)
    assert not (decisions.use_cached and decisions.rerun_icp)
    assert len(decisions.reason) <= 120
    if known.candidate_count == 0:
        assert not decisions.rerun_icp
        assert not decisions.use_cached
    if own.rerun_icp:  # stale, or about something else: advice does not reuse it
        assert decisions.rerun_icp
    if decisions.use_cached:
        assert own.use_cached


def test_advice_may_ask_for_a_new_run_where_the_rules_would_reuse() -> None:
    decisions = advised(heuristics(FRESH), FRESH, AGAIN)
    assert (decisions.use_cached, decisions.rerun_icp) == (False, True)
    assert decisions.reason == "new market"


def test_advice_never_reuses_what_is_stale() -> None:
    stale = changed(top10_age_days=40)
    assert advised(heuristics(stale), stale, REUSE).rerun_icp


@pytest.mark.parametrize("reply", [None, "rerun", {}, {**AGAIN, "rerun_icp": "true"}, [AGAIN]])
def test_a_reply_that_is_not_as_it_must_be_changes_nothing(reply: object) -> None:
    assert advised(heuristics(FRESH), FRESH, reply) == heuristics(FRESH)


def test_the_prompt_is_the_specifications_and_asks_for_the_same_fields() -> None:
    prompt = load_prompt("return_user_probe")
    assert prompt.system.startswith("You are a cautious orchestrator policy assistant.")
    assert all(key in prompt.system for key in ADVICE_SCHEMA["required"])
    assert prompt.user_template.endswith("Respond with JSON only.")


def test_differences_name_the_website_and_the_customers() -> None:
    other = Intake(domain="other.example", customers=(Customer(domain="b.example"),))
    assert differences(SAME, other) == {
        "website": {"was": "palm.example", "is": "other.example"},
        "customers": {"added": ["b.example"], "removed": ["a.example"]},
    }
    assert differences(SAME, SAME) == {}
    industries = Intake(domain="palm.example", customers=SAME.customers,
                        answers={"industries": "Logistics, retail"})  # fmt: skip
    assert differences(SAME, industries) == {
        "industries": {"was": [], "is": ["logistics", "retail"]}
    }
