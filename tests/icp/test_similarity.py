"""Likeness of companies by what they say of themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.lookalikes import run
from data411_mcp.domain.icp.industries import LABELS, industry_label, industry_slug
from data411_mcp.domain.icp.similarity import CompanyText, Likeness, Pool
from data411_mcp.domain.icp.words import spans_of, words_of

FREIGHT = [
    CompanyText("Harbour Lane", "Freight forwarding", "We move ocean freight and clear customs."),
    CompanyText("Quay North", "Ocean freight for importers", "Containers, customs and haulage."),
    CompanyText("Tern Cargo", "Air and sea freight", "Freight forwarder with bonded warehouses."),
]
BAKERY = CompanyText("Amber Crust", "Bread and cakes", "A bakery for weddings and birthdays.")
CARRIER = CompanyText("Pier Nine", "Sea freight agents", "Freight, containers and customs papers.")
BLANK = CompanyText("Nobody")


def likes(*others: CompanyText) -> list[Likeness]:
    return Pool([*FREIGHT, *others]).likeness(range(len(FREIGHT)))[len(FREIGHT) :]


def test_a_company_of_the_seeds_trade_comes_before_one_of_another() -> None:
    carrier, bakery = likes(CARRIER, BAKERY)
    assert carrier.value > 0.6 > 0.3 > bakery.value


def test_a_blank_text_is_like_nobody() -> None:
    (blank,) = likes(CompanyText())
    assert (blank.value, blank.nearest) == (0.0, -1)
    (named,) = likes(BLANK)
    assert named.value == 0.0


def test_without_seeds_nothing_is_like_anything() -> None:
    assert [like.value for like in Pool([CARRIER]).likeness([])] == [0.0]
    assert Pool([]).likeness([]) == []


def test_the_nearest_seed_is_named() -> None:
    (like,) = likes(CompanyText("Copy", "", "Freight forwarder with bonded warehouses."))
    assert like.nearest == 2


def test_a_trade_of_all_seeds_counts_more_than_a_trade_of_one() -> None:
    seeds = [
        CompanyText("A", "", "hotel and resort booking"),
        CompanyText("B", "", "hotel rooms for guests"),
        CompanyText("C", "", "hotel, dentist and dental clinic"),
    ]
    pool = Pool(
        [*seeds, CompanyText("D", "", "resort and hostel"), CompanyText("E", "", "dental patients")]
    )
    of_all, of_one = (like.trades for like in pool.likeness([0, 1, 2])[3:])
    assert of_all > of_one


def test_one_seed_alone_does_not_make_everybody_its_like() -> None:
    pool = Pool([FREIGHT[0], CARRIER, BAKERY, CompanyText("Mill", "We move flour", "A mill.")])
    carrier, bakery, mill = (like.value for like in pool.likeness([0])[1:])
    assert carrier > mill > bakery
    assert mill < 0.5


def test_what_a_company_puts_first_counts_more_than_what_stands_below() -> None:
    first, below = likes(
        CompanyText("A", "Containers for importers", "Call us on any morning."),
        CompanyText("B", "Call us on any morning", "Containers for importers."),
    )
    assert first.words > below.words


def test_a_seed_is_measured_against_the_other_seeds() -> None:
    pool = Pool([*FREIGHT, BAKERY])
    values = [like.value for like in pool.likeness([0, 1, 2])[:3]]
    assert sum(values) / 3 == pytest.approx(1.0, abs=0.35)
    alone = pool.likeness([3])[3]
    assert alone.words == 0.0


texts = st.builds(
    CompanyText, st.text(max_size=20), st.text(max_size=40), st.text(max_size=120)
)  # fmt: skip


@given(st.lists(texts, max_size=6), st.integers(0, 5))
def test_any_text_gets_a_likeness_that_is_a_number_from_zero_up(
    pool: list[CompanyText], seeds: int
) -> None:
    found = Pool(pool).likeness(range(min(seeds, len(pool))))
    assert len(found) == len(pool)
    assert all(0.0 <= like.value < float("inf") for like in found)


@given(st.lists(texts, min_size=2, max_size=5))
def test_the_order_of_the_seeds_does_not_matter(pool: list[CompanyText]) -> None:
    forth = [like.value for like in Pool(pool).likeness([0, 1])]
    back = [like.value for like in Pool(pool).likeness([1, 0])]
    assert forth == pytest.approx(back)


@given(st.text(max_size=80))
def test_offsets_point_at_the_words(text: str) -> None:
    for word, start, end in spans_of(text):
        assert 0 <= start < end <= len(text)
        assert words_of(text[start:end])[:1] == [word] or "'" in text or "’" in text


def test_plurals_and_possessives_meet_their_singular() -> None:
    assert words_of("Warehouses' owner's companies, glass") == [
        "warehouse", "owner", "company", "glass",
    ]  # fmt: skip


def test_a_trade_is_known_by_its_slug_its_label_and_a_phrase_of_its_own() -> None:
    assert industry_slug("freight") == "freight"
    assert industry_slug("Freight and shipping") == "freight"
    assert industry_slug("Law firms") == "legal"
    assert industry_slug("") == industry_slug("things") == ""
    assert industry_label("legal") == "Legal"
    assert industry_label("moon-tourism") == "Moon tourism"
    assert len(set(LABELS.values())) == len(LABELS)


# --- the bench -----------------------------------------------------------------------------


def companies() -> list[dict[str, object]]:
    trades = {
        "Freight": "ocean freight forwarder with containers and customs",
        "Dental": "dental clinic with dentists and implants for patients",
    }
    return [
        {"name": f"{tag} {n}", "one_liner": text, "long_description": f"Firm {n}.", "tags": [tag]}
        for tag, text in trades.items()
        for n in range(12)
    ]


def test_the_bench_prints_ours_beside_chance_and_tf_idf() -> None:
    report = run(companies(), ["Freight", "Dental", "Unknown"], seeds=2, draws=2, per_tag=True)
    assert report["tags"] == 2
    assert report["ours"]["p_at_10"] == 1.0
    assert set(report["baselines"]) >= {"random", "tf_idf"}
    assert report["baselines"]["random"]["p_at_10"] < 1.0
    assert set(report["by_tag"]) == {"Freight", "Dental"}
    assert json.loads(json.dumps(report)) == report


def test_the_rankers_never_see_the_tags() -> None:
    plain = run(companies(), ["Freight"], seeds=2, draws=2)
    swapped = [{**row, "tags": [*row["tags"], "Noise"]} for row in companies()]  # type: ignore[misc]
    assert run(swapped, ["Freight"], seeds=2, draws=2)["ours"] == plain["ours"]


DEV = Path(__file__).resolve().parents[3] / "shared" / "eval" / "lookalikes"


@pytest.mark.skipif(not DEV.is_dir(), reason="the evaluation data is not beside the project")
def test_the_dev_tags_are_ranked_ahead_of_tf_idf() -> None:
    from bench.lookalikes import read_companies

    tags = json.loads((DEV / "dev_tags.json").read_text())
    report = run(read_companies(DEV / "companies.jsonl.gz"), tags, seeds=5, draws=1)
    ours, plain = report["ours"], report["baselines"]["tf_idf"]
    assert ours["p_at_10"] >= 0.39
    assert ours["p_at_50"] >= 0.31
    assert ours["p_at_10"] > plain["p_at_10"] + 0.03
