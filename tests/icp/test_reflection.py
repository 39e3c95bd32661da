"""What a run learns from each phase: pure decisions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.icp.reflection import (
    HEAD_MAX,
    HEAD_MIN,
    Decisions,
    Metrics,
    Phase,
    reflect,
    summary_sentence,
    together,
)


def heads(**seen: int) -> Metrics:
    return Metrics(phase=Phase.HEADS, **({"wanted": 12} | seen))


def test_slow_jina_reduces_the_head_and_the_timeout_and_says_so() -> None:
    decided = reflect(Decisions(), heads(read=6, timeouts=6))
    assert (decided.head, decided.jina_timeout_s) == (HEAD_MIN, 4.0)
    assert summary_sentence(decided) == (
        "Reduced HEAD to 8 due to vendor timeouts; proceeding with scoring."
    )


def so_far(**seen: int) -> Metrics:
    return Metrics(phase=Phase.ENRICHMENT, **seen)


def test_pages_that_time_out_while_companies_are_enriched_leave_the_head_alone() -> None:
    decided = reflect(Decisions(head=9, head_max=12), so_far(wanted=10, read=5, timeouts=5))
    assert (decided.head, decided.jina_timeout_s, decided.crawl_pages) == (9, 4.0, 3)
    assert "HEAD" not in summary_sentence(decided)
    assert reflect(decided, so_far(wanted=20, read=10, timeouts=10)).changes == ()


def test_the_head_is_not_raised_once_its_work_is_done() -> None:
    assert reflect(Decisions(head=8, head_max=12), so_far(wanted=12, read=12)).changes == ()


def test_what_single_companies_show_adds_up() -> None:
    one = so_far(wanted=2, read=1, timeouts=1, companies=1, completed=1, contacts=2)
    both = together(one, one.model_copy(update={"linkedin": True}))
    assert (both.wanted, both.timeouts, both.companies, both.contacts) == (4, 2, 2, 4)
    assert both.linkedin
    assert reflect(Decisions(), one).changes == ()  # too few pages to judge by
    assert reflect(Decisions(), both).changes


def test_the_head_is_raised_again_when_pages_come_in_time() -> None:
    slow = reflect(Decisions(), heads(read=6, timeouts=6))
    assert reflect(slow, heads(read=12)).head == HEAD_MAX


def test_a_head_that_the_operator_keeps_small_is_not_raised_beyond_it() -> None:
    small = Decisions(head=10, head_max=10)
    assert reflect(small, heads(read=12)).head == 10
    assert reflect(small, heads(read=2, timeouts=10)).head == 8


def test_a_reader_that_lags_behind_is_no_longer_waited_for() -> None:
    decided = reflect(Decisions(), heads(read=12, hedged=9))
    assert decided.hedge_after_s < 1.5
    assert decided.head == HEAD_MAX  # the pages came, by the direct way
    assert decided.changes


def test_empty_pages_thin_the_crawl_and_the_chunks() -> None:
    decided = reflect(Decisions(), heads(read=4, empty=8))
    assert (decided.crawl_pages, decided.llm_chunks) == (3, 2)
    assert "3 pages" in summary_sentence(decided)


def test_apify_without_employees_switches_to_the_profile_search_once() -> None:
    seen = Metrics(phase=Phase.COMPANY, wanted=3, read=3, apify_no_employees=1)
    decided = reflect(Decisions(), seen)
    assert decided.apify_variant == "profile_search"
    assert reflect(decided, seen).changes == ()


def test_a_spent_cap_ends_the_asking_and_the_user_reads_it() -> None:
    decided = reflect(Decisions(), Metrics(phase=Phase.COMPANY, read=1, apify_capped=1))
    assert decided.apify_variant == "off"
    assert "cap" in summary_sentence(decided)


def test_a_rate_limited_search_stops_further_searching() -> None:
    decided = reflect(
        Decisions(), Metrics(phase=Phase.DISCOVERY, candidates=14, search_throttled=2)
    )
    assert not decided.search
    assert "14 candidates" in summary_sentence(decided)


def test_a_late_model_gets_one_chunk() -> None:
    decided = reflect(Decisions(), Metrics(phase=Phase.COMPANY, read=2, llm_timeouts=1))
    assert decided.llm_chunks == 1


def test_enough_contacts_and_a_linkedin_page_end_a_company_early() -> None:
    seen = Metrics(phase=Phase.COMPANY, read=3, contacts=4, linkedin=True)
    assert reflect(Decisions(), seen).early_stop
    assert not reflect(Decisions(), seen.model_copy(update={"linkedin": False})).early_stop


@pytest.mark.parametrize(
    ("metrics", "passed"),
    [
        (Metrics(phase=Phase.EVIDENCE, wanted=6, read=3), True),
        (Metrics(phase=Phase.EVIDENCE, wanted=6, read=2), False),
        (Metrics(phase=Phase.DISCOVERY, candidates=10), True),
        (Metrics(phase=Phase.DISCOVERY, candidates=9), False),
        (Metrics(phase=Phase.PLAN, scored=0), False),
        (Metrics(phase=Phase.HEADS, wanted=12, read=0), False),
        (Metrics(phase=Phase.COMPANY, read=0), False),
        (Metrics(phase=Phase.ENRICHMENT, companies=10, completed=5), True),
        (Metrics(phase=Phase.ENRICHMENT, companies=10, completed=4), False),
    ],
)
def test_every_phase_passes_or_fails_with_a_reason(metrics: Metrics, passed: bool) -> None:
    decided = reflect(Decisions(), metrics)
    assert decided.passed is passed
    assert decided.reason


COUNTS = st.integers(min_value=0, max_value=40)


@given(
    st.builds(
        Metrics,
        phase=st.sampled_from(Phase),
        wanted=COUNTS,
        read=COUNTS,
        timeouts=COUNTS,
        empty=COUNTS,
        hedged=COUNTS,
        search_throttled=COUNTS,
        apify_no_employees=COUNTS,
        apify_capped=COUNTS,
        llm_timeouts=COUNTS,
        contacts=COUNTS,
        linkedin=st.booleans(),
    ),
    st.lists(st.sampled_from(["same", "calm"]), max_size=4),
)
def test_decisions_stay_in_their_bounds_and_repeat_no_change(
    metrics: Metrics, more: list[str]
) -> None:
    decided = reflect(Decisions(), metrics)
    for _ in more:
        again = reflect(decided, metrics)
        assert again.model_copy(update={"changes": decided.changes}) == decided or again.changes
        decided = again
    assert HEAD_MIN <= decided.head <= HEAD_MAX
    assert 0 < decided.jina_timeout_s <= 6.0
    assert 2 <= decided.crawl_pages <= 6
    assert 1 <= decided.llm_chunks <= 3


@given(st.builds(Metrics, phase=st.sampled_from(Phase), wanted=COUNTS, timeouts=COUNTS))
def test_the_same_state_and_metrics_decide_the_same(metrics: Metrics) -> None:
    assert reflect(Decisions(), metrics) == reflect(Decisions(), metrics)
