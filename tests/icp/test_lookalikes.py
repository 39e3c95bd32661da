"""Ranked lookalikes: scores, verdicts, reasons."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.icp.lookalikes import A_MIN, bucket_of, rank
from data411_mcp.domain.icp.profile import build_profile
from data411_mcp.domain.icp.signals import text_signals
from data411_mcp.domain.icp.values import Candidate, IcpProfile, Lookalike, SiteSignals

SEEDS = [
    text_signals(f"seed{n}.example", name, text)
    for n, (name, text) in enumerate(
        (
            ("Harbour Lane", "Freight forwarding and customs clearance in Singapore. Uses Xero."),
            ("Quay North", "Ocean freight, containers and customs. Connects to Xero. Singapore."),
            ("Tern Cargo", "Freight forwarder with bonded warehouses, on Xero, in Singapore."),
        )
    )
]
LOST = [
    text_signals(f"lost{n}.example", f"School {n}", "A school: students, teachers, classrooms.")
    for n in range(3)
]
CARRIER = "Sea freight forwarding, customs and warehouses in Singapore. Orders flow into Xero."
SCHOOL = "A school in Singapore where students learn with teachers. Freight is not ours."


def profile(**more: object) -> IcpProfile:
    return build_profile(SEEDS, lost=LOST, **more)  # type: ignore[arg-type]


def candidate(domain: str, snippet: str = "") -> Candidate:
    return Candidate(domain=domain, name=domain.partition(".")[0].title(), snippet=snippet)


def site(domain: str, text: str) -> SiteSignals:
    return text_signals(domain, domain.partition(".")[0].title(), text)


def ranked(texts: dict[str, str], **read: bool) -> dict[str, Lookalike]:
    """By domain. A text is a page that was read, unless `read` says it is a snippet."""
    pages = {d: site(d, t) for d, t in texts.items() if read.get(d.partition(".")[0], True)}
    offered = [candidate(d, t) for d, t in texts.items()]
    return {k.domain: k for k in rank(offered, pages, profile(), SEEDS, LOST)}


def states(like: Lookalike) -> dict[str, str]:
    return {v.condition: v.state for v in like.verdicts}


def test_defect_01_scores_tell_companies_apart() -> None:
    found = ranked({"pier.example": CARRIER, "school.example": SCHOOL})
    assert found["pier.example"].score >= A_MIN
    assert found["school.example"].score < 50
    assert len({k.score for k in found.values()}) == 2


def test_defect_01_an_empty_profile_and_no_seeds_score_nobody_full() -> None:
    (only,) = rank([candidate("pier.example", CARRIER)], {}, IcpProfile(), [])
    assert only.score == 0
    assert only.bucket == "C"


@pytest.mark.parametrize(
    ("score", "bucket"), [(100, "A"), (70, "A"), (69, "B"), (50, "B"), (49, "C"), (0, "C")]
)
def test_defect_02_buckets_are_on_the_scale_of_the_score(score: int, bucket: str) -> None:
    assert bucket_of(score) == bucket


def test_defect_03_the_score_follows_from_what_is_seen_of_each_candidate() -> None:
    full = ranked({"pier.example": CARRIER})["pier.example"]
    half = ranked({"pier.example": "Sea freight forwarding and customs."})["pier.example"]
    none = ranked({"pier.example": "We bake bread and cakes for weddings."})["pier.example"]
    assert full.score > half.score > none.score


def test_every_condition_has_a_verdict_with_its_quote() -> None:
    like = ranked({"pier.example": CARRIER})["pier.example"]
    assert states(like)["industry:freight"] == "matched"
    assert states(like)["integration:xero"] == "matched"
    for verdict in like.verdicts:
        assert (verdict.evidence is not None) == (verdict.state == "matched")
        if verdict.evidence:
            assert verdict.evidence.text in CARRIER


def test_unknown_never_counts_as_met() -> None:
    like = ranked({"pier.example": "Freight forwarding for importers. Freight by sea."})
    told = states(like["pier.example"])
    assert told["integration:xero"] == "unknown"
    assert "Not known: " in like["pier.example"].why
    met = ranked({"pier.example": CARRIER})["pier.example"]
    assert met.score > like["pier.example"].score


def test_another_trade_or_country_on_a_page_that_was_read_fails() -> None:
    text = "Law firm: lawyers for litigation and contracts. Kuala Lumpur, Malaysia. Sdn Bhd."
    found = ranked({"law.example": text})["law.example"]
    assert states(found)["industry:freight"] == "failed"
    assert "Fails: " in found.why


def test_a_snippet_alone_fails_nothing_and_is_never_an_a() -> None:
    found = ranked({"law.example": "Law firm: lawyers for litigation and contracts."}, law=False)
    assert "failed" not in {s for c, s in states(found["law.example"]).items() if c[:4] != "not:"}
    snippet = ranked({"pier.example": CARRIER}, pier=False)["pier.example"]
    assert snippet.read is False
    assert snippet.bucket != "A"
    assert "search result only" in snippet.why


def test_what_the_lost_share_lowers_the_score_and_is_named() -> None:
    mixed = CARRIER + " We also run a school for students with teachers and classrooms."
    found = ranked({"pier.example": CARRIER, "mixed.example": mixed})
    assert found["mixed.example"].score < found["pier.example"].score
    if states(found["mixed.example"]).get("not:industry:education"):
        assert "Counts against it: Education" in found["mixed.example"].why


def test_a_blank_candidate_scores_zero_and_is_flagged() -> None:
    (blank,) = rank([candidate("blank.example")], {}, profile(), SEEDS)
    assert (blank.score, blank.bucket, blank.read) == (0, "C", False)
    assert blank.why == "Nothing could be read about this company, so it is not scored."
    assert {v.state for v in blank.verdicts} == {"unknown"}


def test_ties_go_to_fewer_unknowns_and_then_to_the_name() -> None:
    same = {f"{name}.example": "We bake bread." for name in ("b", "a", "c")}
    assert list(ranked(same)) == ["a.example", "b.example", "c.example"]


def test_the_reason_is_never_empty_and_says_who_it_is_like() -> None:
    found = ranked({"pier.example": CARRIER, "bread.example": "Bread.", "x.example": "?"})
    for like in found.values():
        assert like.why
        assert "signal match" not in like.why
    assert found["pier.example"].similar_to in {s.name for s in SEEDS}
    assert found["pier.example"].similar_to in found["pier.example"].why


def test_at_most_fifty_and_each_domain_once() -> None:
    many = [candidate(f"c{n}.example", CARRIER) for n in range(70)]
    found = rank([*many, *many], {}, profile(), SEEDS)
    assert len(found) == 50
    assert len({k.domain for k in found}) == 50


def test_the_order_of_the_candidates_does_not_matter() -> None:
    offered = [
        candidate("a.example", CARRIER),
        candidate("b.example", SCHOOL),
        candidate("c.example"),
    ]
    assert rank(offered, {}, profile(), SEEDS) == rank(offered[::-1], {}, profile(), SEEDS)


def test_what_the_user_never_wants_goes_to_the_end() -> None:
    never = profile(answers={"never_target": ["schools and education"]})
    wanted = build_profile(SEEDS, answers={"never_target": ["education"]})
    pages = {"school.example": site("school.example", SCHOOL + " Teachers and classroom.")}
    (like,) = rank([candidate("school.example")], pages, wanted, SEEDS)
    assert like.score <= 20
    assert "Never to be targeted" in like.why
    assert never.negatives


@given(st.lists(st.text(max_size=120), max_size=5))
def test_any_texts_are_ranked_on_the_scale(texts: list[str]) -> None:
    offered = [candidate(f"c{n}.example", text) for n, text in enumerate(texts)]
    for like in rank(offered, {}, profile(), SEEDS, LOST):
        assert 0 <= like.score <= 100
        assert like.bucket == bucket_of(like.score)
        assert len(like.snippet) <= 180
        assert like.why
