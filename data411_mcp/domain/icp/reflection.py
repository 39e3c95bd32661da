"""Reflection: after each phase of a run, what was seen decides how the next one is carried out.

`reflect` is pure and remembers nothing: the decisions of a run are kept with its job, are those
of no other run, and end with it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

HEAD_MAX = 12
HEAD_MIN = 8
JINA_TIMEOUT_MIN_S = 4.0
CRAWL_PAGES_MIN = 2
CRAWL_PAGES_THIN = 3
CHUNKS_MIN = 1

SLOW_SHARE = 0.34  # of a phase's reads timed out: the vendor is slow today
HEDGED_SHARE = 0.5  # of the pages came by the direct fetch: the reader lags behind
HEDGE_SOON_S = 0.4
EMPTY_SHARE = 0.5  # of the pages read held nothing to go by
FAST_SHARE = 0.1  # fewer timeouts than this, and a reduced head is raised again
READS_MIN = 3  # fewer reads say nothing about a vendor
CONTACTS_ENOUGH = 3
EVIDENCE_MIN = 0.5  # of the seeds must have been read for a profile to be trusted
CANDIDATES_MIN = 10
COMPLETED_MIN = 0.5  # of the companies


class Phase(StrEnum):
    EVIDENCE = "evidence"
    DISCOVERY = "discovery"
    HEADS = "heads"
    PLAN = "plan"
    COMPANY = "company"  # the pages of one company: is more of it needed?
    ENRICHMENT = "enrichment"  # the companies of the run so far, all together


_ENRICHING = frozenset({Phase.COMPANY, Phase.ENRICHMENT})  # the head has done its work by then


class Decisions(BaseModel):
    """How the next step of this run is carried out. `passed` and `reason` judge the phase that
    has just ended; `changes` are sentences for the user, empty when nothing was changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    head: int = HEAD_MAX  # candidates whose page is read: 8 to 12
    head_max: int = HEAD_MAX  # as configured; a reduced head is raised to it again
    jina_timeout_s: float = 6.0
    hedge_after_s: float = 1.5  # then a page is fetched directly too
    crawl_pages: int = 6
    llm_chunks: int = 3
    apify_variant: Literal["employees", "profile_search", "off"] = "employees"
    search: bool = True  # False: the search vendor throttles; what was found must do
    early_stop: bool = False  # what is there of this company suffices: no more is bought
    passed: bool = True
    reason: str = ""
    changes: tuple[str, ...] = ()


class Metrics(BaseModel):
    """What one phase saw. Counts; a share of nothing is no evidence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    phase: Phase
    wanted: int = 0  # pages asked for
    read: int = 0  # pages read with something in them
    timeouts: int = 0
    empty: int = 0  # read, and nothing to go by: thin, parked, an error page
    hedged: int = 0  # the direct fetch was faster than Jina
    search_throttled: int = 0
    candidates: int = 0
    dropped: int = 0
    scored: int = 0  # lookalikes with a score above zero
    companies: int = 0  # that are over
    completed: int = 0  # of them
    contacts: int = 0
    linkedin: bool = False
    apify_no_employees: int = 0
    apify_capped: int = 0
    llm_timeouts: int = 0
    seconds: float = 0.0


def together(earlier: Metrics, later: Metrics) -> Metrics:
    """What both saw: the pages of one company alone are too few to judge a vendor by."""
    sums = {
        name: value + getattr(later, name)
        for name, value in earlier
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    linkedin = earlier.linkedin or later.linkedin
    return earlier.model_copy(update={**sums, "linkedin": linkedin})


def reflect(state: Decisions, metrics: Metrics) -> Decisions:
    """The decisions for the next step, from those of the last one and what it saw."""
    state = state.model_copy(
        update={"changes": (), "early_stop": False, "passed": True, "reason": ""}
    )
    for rule in (_slow_reader, _empty_pages, _search, _apify, _llm):
        state = rule(state, metrics)
    return _judged(state, metrics)


def _slow_reader(state: Decisions, seen: Metrics) -> Decisions:
    if seen.wanted < READS_MIN:
        return state
    share = seen.timeouts / seen.wanted
    if share >= SLOW_SHARE and seen.phase in _ENRICHING:
        pages = max(CRAWL_PAGES_MIN, min(state.crawl_pages, CRAWL_PAGES_THIN))
        if state.jina_timeout_s <= JINA_TIMEOUT_MIN_S and pages == state.crawl_pages:
            return state
        return _changed(
            state,
            f"Reduced the crawl to {pages} pages of a site and the reader's timeout to "
            f"{JINA_TIMEOUT_MIN_S:.0f} s: pages do not come in time",
            crawl_pages=pages,
            jina_timeout_s=JINA_TIMEOUT_MIN_S,
            hedge_after_s=min(state.hedge_after_s, HEDGE_SOON_S),
        )
    if share >= SLOW_SHARE:
        head = min(HEAD_MIN, state.head)
        if state.head <= head and state.jina_timeout_s <= JINA_TIMEOUT_MIN_S:
            return state
        return _changed(
            state,
            f"Reduced HEAD to {head} due to vendor timeouts; proceeding with scoring",
            head=head,
            jina_timeout_s=JINA_TIMEOUT_MIN_S,
        )
    late = seen.hedged >= HEDGED_SHARE * seen.wanted and state.hedge_after_s > HEDGE_SOON_S
    if late:
        return _changed(
            state,
            "Reading pages directly beside the reader from the start: it answers late",
            hedge_after_s=HEDGE_SOON_S,
            jina_timeout_s=min(state.jina_timeout_s, JINA_TIMEOUT_MIN_S),
        )
    if seen.phase not in _ENRICHING and share < FAST_SHARE and state.head < state.head_max:
        return _changed(
            state,
            f"Raised HEAD to {state.head_max}: pages come in time again",
            head=state.head_max,
        )
    return state


def _empty_pages(state: Decisions, seen: Metrics) -> Decisions:
    got = seen.read + seen.empty
    if got < READS_MIN or seen.empty / got < EMPTY_SHARE:
        return state
    pages = max(CRAWL_PAGES_MIN, min(state.crawl_pages, CRAWL_PAGES_THIN))
    chunks = max(CHUNKS_MIN, state.llm_chunks - 1)
    if (pages, chunks) == (state.crawl_pages, state.llm_chunks):
        return state
    return _changed(
        state,
        f"Reduced the crawl to {pages} pages of a site: most pages held little",
        crawl_pages=pages,
        llm_chunks=chunks,
    )


def _search(state: Decisions, seen: Metrics) -> Decisions:
    if seen.search_throttled == 0 or not state.search:
        return state
    return _changed(
        state,
        "Stopped searching further: the search vendor limits our rate; going on with "
        f"{seen.candidates} candidates found",
        search=False,
    )


def _apify(state: Decisions, seen: Metrics) -> Decisions:
    if seen.apify_capped and state.apify_variant != "off":
        return _changed(
            state,
            "Stopped asking LinkedIn: today's cap of the vendor is reached",
            apify_variant="off",
        )
    if seen.apify_no_employees and state.apify_variant == "employees":
        return _changed(
            state,
            "Switched to the LinkedIn profile search: the employees list came back empty",
            apify_variant="profile_search",
        )
    return state


def _llm(state: Decisions, seen: Metrics) -> Decisions:
    if seen.llm_timeouts == 0 or state.llm_chunks <= CHUNKS_MIN:
        return state
    return _changed(
        state,
        f"Reduced the text given to the model to {CHUNKS_MIN} chunk: it answered too late",
        llm_chunks=CHUNKS_MIN,
    )


def _judged(state: Decisions, seen: Metrics) -> Decisions:
    """Pass or fail of the phase, with the reason, and whether it may be cut short."""
    passed, reason = True, ""
    if seen.phase is Phase.EVIDENCE:
        passed = seen.wanted == 0 or seen.read / seen.wanted >= EVIDENCE_MIN
        reason = f"{seen.read} of {seen.wanted} sites read"
    elif seen.phase is Phase.DISCOVERY:
        passed = seen.candidates >= CANDIDATES_MIN
        reason = f"{seen.candidates} candidates, {seen.dropped} dropped"
    elif seen.phase is Phase.HEADS:
        passed = seen.read > 0 or seen.wanted == 0
        reason = f"{seen.read} of {seen.wanted} candidate sites read"
    elif seen.phase is Phase.PLAN:
        passed = seen.scored > 0
        reason = f"{seen.scored} lookalikes with something in common with your customers"
    elif seen.phase is Phase.ENRICHMENT:
        passed = seen.completed >= COMPLETED_MIN * seen.companies
        reason = (
            f"{seen.completed} of {seen.companies} companies completed, {seen.contacts} contacts"
        )
    else:
        passed = seen.read > 0
        reason = f"{seen.read} pages, {seen.contacts} contacts"
    stop = seen.phase is Phase.COMPANY and seen.linkedin and seen.contacts >= CONTACTS_ENOUGH
    return state.model_copy(update={"passed": passed, "reason": reason, "early_stop": stop})


def _changed(state: Decisions, sentence: str, **update: object) -> Decisions:
    return state.model_copy(update={**update, "changes": (*state.changes, sentence)})


def summary_sentence(decisions: Decisions) -> str:
    """What is said of a reflection that changed something."""
    return "; ".join(decisions.changes) + ("." if decisions.changes else "")
