"""What the winners share and the lost do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.domain.icp.churn import never_wanted, reasons_in, theme_of, themes
from data411_mcp.domain.icp.profile import agreement, build_profile, country_name
from data411_mcp.domain.icp.signals import text_signals
from data411_mcp.domain.icp.suggestions import cards
from data411_mcp.domain.icp.values import IcpProfile, MicroIcp, SiteSignals, Snippet, SsicCode


def seed(domain: str, **fields: object) -> SiteSignals:
    values = {"domain": domain, "name": domain.partition(".")[0], "text": "Welcome."}
    return SiteSignals.model_validate(values | fields)


def carriers(count: int, **fields: object) -> list[SiteSignals]:
    shown: dict[str, object] = {
        "industries": ("freight",),
        "country": "SG",
        "integrations": ("xero",),
    }
    return [seed(f"carrier{n}.example", **(shown | fields)) for n in range(count)]


def ids(profile: IcpProfile) -> set[str]:
    return {condition.id for condition in profile.conditions}


def test_what_at_least_three_seeds_show_becomes_a_condition() -> None:
    seeds = [*carriers(3), seed("a.example", industries=("legal",)), seed("b.example")]
    profile = build_profile(seeds)
    assert ids(profile) == {"industry:freight", "country:SG", "integration:xero"}
    freight = next(c for c in profile.conditions if c.id == "industry:freight")
    assert (freight.support, freight.of, freight.label) == (3, 5, "Freight and shipping")


@pytest.mark.parametrize(("read", "need"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (15, 3)])
def test_half_of_the_seeds_suffices_where_fewer_were_read(read: int, need: int) -> None:
    assert agreement(read) == need


def test_weights_sum_to_one_and_the_more_shared_weighs_more() -> None:
    seeds = [*carriers(3), *carriers(5, integrations=(), industries=("freight", "logistics"))[3:]]
    profile = build_profile(seeds)
    assert sum(c.weight for c in profile.conditions) == pytest.approx(1.0, abs=0.01)
    by_id = {c.id: c.weight for c in profile.conditions}
    assert by_id["industry:freight"] > by_id["integration:xero"]


def test_defect_19_a_seed_handed_in_twice_counts_once() -> None:
    once = build_profile(carriers(2))
    twice = build_profile([*carriers(2), *carriers(2)])
    assert twice == once
    assert twice.seeds_total == 2


def test_defect_19_a_seed_without_a_name_counts_by_its_domain() -> None:
    nameless = [s.model_copy(update={"name": ""}) for s in carriers(3)]
    assert "industry:freight" in ids(build_profile(nameless))


def test_seeds_that_were_not_read_count_for_nothing_and_are_told() -> None:
    dead = seed("dead.example", text="", industries=("legal",))
    profile = build_profile([*carriers(3), dead])
    assert (profile.seeds_read, profile.seeds_total) == (3, 4)
    assert "industry:legal" not in ids(profile)
    assert profile.notes == ("1 of 4 customer sites could not be read: dead.example.",)


def test_when_all_customers_are_dead_sites_the_profile_is_empty_and_says_so() -> None:
    profile = build_profile([seed("a.example", text=""), seed("b.example", text="")])
    assert profile.conditions == ()
    assert profile.summary.startswith("None of the customers' sites could be read")
    (note,) = profile.notes
    assert note.startswith("None of the 2 customer sites could be read (a.example, b.example)")
    assert build_profile([]).conditions == ()
    assert build_profile([]).notes == ()


def test_what_the_lost_show_as_often_is_no_condition() -> None:
    shown = {"industries": ("legal",), "integrations": ("xero",), "country": "SG"}
    lost = [seed(f"gone{n}.example", **shown) for n in range(2)]
    profile = build_profile(carriers(4), lost=lost)
    assert "integration:xero" not in ids(profile)
    assert {"industry:freight", "country:SG"} <= ids(profile)


def test_the_market_that_winners_and_lost_are_all_in_stays_a_condition_of_less_weight() -> None:
    gone = carriers(2, integrations=())
    lost = [s.model_copy(update={"domain": f"gone.{s.domain}"}) for s in gone]
    weight = {c.id: c.weight for c in build_profile(carriers(4), lost=lost).conditions}
    assert "industry:freight" in weight
    alone = {c.id: c.weight for c in build_profile(carriers(4)).conditions}
    assert weight["industry:freight"] < alone["industry:freight"]


def test_one_lost_customer_is_half_a_pattern() -> None:
    lost = [seed("gone.example", industries=("education",), integrations=("xero",))]
    profile = build_profile(carriers(4), lost=lost)
    assert "integration:xero" in ids(profile)  # all four winners work with it
    assert [c.id for c in profile.negatives] == ["industry:education"]


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_what_some_winners_show_too_counts_against_nobody(lost: int) -> None:
    winners = carriers(6)
    for at in (0, 1):
        winners[at] = winners[at].model_copy(update={"integrations": ("xero", "shopify")})
    gone = [seed(f"gone{n}.example", integrations=("shopify",)) for n in range(lost)]
    profile = build_profile(winners, lost=gone)
    assert not [c for c in profile.negatives if c.value == "shopify"]


def test_what_half_of_all_sites_are_built_with_is_no_trait() -> None:
    built = {"integrations": (), "tech_stack": ("wordpress", "google analytics", "shopify")}
    assert "integration:shopify" in ids(build_profile(carriers(4, **built)))
    assert not {"integration:wordpress", "integration:google analytics"} & ids(
        build_profile(carriers(4, **built))
    )
    spoken = carriers(4, integrations=("wordpress",))
    assert "integration:wordpress" in ids(build_profile(spoken))


def test_what_only_the_lost_show_counts_against() -> None:
    lost = [seed(f"school{n}.example", industries=("education",)) for n in range(3)]
    profile = build_profile(carriers(4), lost=lost)
    assert [c.id for c in profile.negatives] == ["industry:education"]
    assert profile.negatives[0].support == 3
    assert "Counts against a company: Education" in profile.summary


def test_what_is_not_known_of_any_winner_tells_nobody_apart() -> None:
    lost = [seed(f"gone{n}.example", employees=(5, 5)) for n in range(3)]
    assert build_profile(carriers(4), lost=lost).negatives == ()


@pytest.mark.parametrize("key", ["lost", "lost_churned", "lost_or_churned"])
def test_defect_22_churn_reasons_reach_the_negatives_under_each_key(key: str) -> None:
    answers = {key: [{"name": "Gone", "reason": "too expensive"}]}
    assert [t.theme for t in build_profile(carriers(3), answers=answers).themes] == [
        "budget_too_low"
    ]
    assert reasons_in(answers) == ("too expensive",)


def test_defect_22_reasons_of_the_intake_reach_the_negatives() -> None:
    profile = build_profile(carriers(3), reasons=["on-prem only", "", "Poor fit"])
    assert {t.theme for t in profile.themes} == {"on_prem_only", "poor_fit"}
    assert [c.id for c in profile.negatives] == ["topic:on_prem_only"]
    assert "on-premise" in profile.negatives[0].value


@pytest.mark.parametrize(
    ("reason", "theme"),
    [
        ("Budget was cut", "budget_too_low"),
        ("they pay $500", "budget_too_low"),
        ("needs on-prem", "on_prem_only"),
        ("long security review", "security_heavy_process"),
        ("not a fit", "poor_fit"),
        ("bad timing", "bad_timing_low_priority"),
        ("hm", "other"),
        ("  ", ""),
    ],
)
def test_reasons_have_themes(reason: str, theme: str) -> None:
    assert theme_of(reason) == theme


def test_the_three_most_frequent_themes_are_kept_with_a_reason() -> None:
    found = themes(["price", "cost", "hm", "timing", "acquired"])
    assert (found[0].theme, found[0].count) == ("budget_too_low", 2)
    assert len(found) == 3
    assert found[0].reason == "price"


def test_a_churned_customer_without_a_reason_has_no_theme() -> None:
    assert build_profile(carriers(3), reasons=["", " "]).themes == ()


def test_what_is_never_to_be_targeted_counts_against() -> None:
    answers = {"anti_icp": "law firms, casinos", "never_target": ["Dental clinics"]}
    assert never_wanted(answers) == ("law firms", "casinos", "Dental clinics")
    negatives = {c.id for c in build_profile(carriers(3), answers=answers).negatives}
    assert {"industry:legal", "topic:casinos"} <= negatives


def test_an_accepted_micro_icp_speaks_for_its_fields_and_leaves_the_others() -> None:
    micro = MicroIcp(industries=("Legal",), geos=("MY",), triggers=("new office",))
    profile = build_profile(carriers(4), micro=micro)
    assert ids(profile) == {"industry:legal", "country:MY", "integration:xero"}
    legal = next(c for c in profile.conditions if c.id == "industry:legal")
    assert (legal.support, legal.of) == (0, 4)
    assert profile.triggers == ("new office",)


def test_shared_words_beyond_the_trades_become_topics() -> None:
    texts = ("We bottle kombucha by hand in Tiong Bahru.", "Kombucha for cafes, brewed weekly.")
    sites = [text_signals(f"k{n}.example", f"Firm{n}", text) for n, text in enumerate(texts)]
    topics = [c for c in build_profile(sites).conditions if c.field == "topic"]
    assert [c.value for c in topics] == ["kombucha"]
    assert all("ombucha" in quote.text for quote in topics[0].evidence)


def test_conditions_carry_the_quotes_of_the_seeds() -> None:
    quote = Snippet(url="https://a.example/", text="We move freight.", page_sha256="ab")
    seeds = [s.model_copy(update={"quotes": {"industries:freight": quote}}) for s in carriers(3)]
    freight = next(c for c in build_profile(seeds).conditions if c.field == "industry")
    assert freight.evidence == (quote, quote, quote)


def test_labels_are_a_salespersons_words() -> None:
    texts = [
        f"Firm {n} is audited every year for food safety; its HACCP records are open. A fleet of "
        f"refrigerated {what}."
        for n, what in enumerate(("vans", "lorries", "trucks"))
    ]
    sites = [text_signals(f"f{n}.example", f"Firm{n}", text) for n, text in enumerate(texts)]
    labels = {c.label for c in build_profile(sites).conditions}
    assert {"Mentions “food safety”", "Mentions “refrigerated”", "Mentions HACCP"} <= labels
    assert not any("audited" in label or "haccp rec" in label.casefold() for label in labels)


def test_names_and_places_are_no_topics() -> None:
    sites = [
        text_signals(f"k{n}.example", f"Firm{n}", f"Made in Rotherham, United Kingdom. {more}")
        for n, more in enumerate(("Kombucha for cafes.", "Kombucha weekly.", "Kombucha."))
    ]
    sites = [s.model_copy(update={"city": "Rotherham"}) for s in sites]
    topics = {c.value for c in build_profile(sites).conditions if c.field == "topic"}
    assert topics == {"kombucha"}


def test_a_topics_quote_is_one_line_of_the_page() -> None:
    text = "Our kombucha is brewed by hand in barrels.\nWe ship on every day of the week."
    sites = [text_signals(f"k{n}.example", f"Firm{n}", text) for n in range(3)]
    quotes = [q.text for c in build_profile(sites).conditions for q in c.evidence]
    lines = {" ".join(line.split()) for line in text.splitlines()}
    assert quotes
    assert all(any(quote in line for line in lines) for quote in quotes)


def test_countries_have_names() -> None:
    assert country_name("SG") == "Singapore"
    assert country_name("ZZ") == "ZZ"


# --- suggestions ---------------------------------------------------------------------------


def test_three_cards_where_the_evidence_allows_trades_and_codes_first() -> None:
    code = SsicCode(code="52292", title="Freight transport arrangement", edition="2025", score=0.6)
    found = cards(build_profile(carriers(5, ssic=(code,))))
    assert [card.id for card in found][:2] == ["industry:freight", "ssic:52292"]
    assert len(found) >= 3
    first = found[0]
    assert first.evidence_count == 5
    assert first.micro_icp.industries == ("freight",)
    assert first.micro_icp.geos == ("SG",)
    assert first.targeting_pack["ssic_filters"] == ["52292"]
    assert first.rationale.startswith("5 of 5 customers")


def test_without_evidence_there_are_no_cards() -> None:
    assert cards(build_profile([])) == ()


def test_a_card_can_be_accepted_and_narrows_the_profile() -> None:
    seeds = carriers(5, industries=("freight", "logistics"))
    card = cards(build_profile(seeds))[0]
    narrowed = build_profile(seeds, micro=card.micro_icp)
    trades = [c.id for c in narrowed.conditions if c.field == "industry"]
    assert trades == [card.id]
    assert next(c for c in narrowed.conditions if c.id == card.id).support == 5


words = st.sampled_from(["freight", "legal", "education"])
sites = st.lists(
    st.builds(
        seed,
        st.sampled_from([f"s{n}.example" for n in range(6)]),
        industries=st.lists(words, max_size=2, unique=True).map(tuple),
        country=st.sampled_from([None, "SG", "MY"]),
        text=st.sampled_from(["", "About freight for importers."]),
    ),
    max_size=8,
)


@given(sites, sites)
def test_a_profile_never_claims_more_support_than_seeds_were_read(
    seeds: list[SiteSignals], lost: list[SiteSignals]
) -> None:
    profile = build_profile(seeds, lost=lost)
    assert profile.seeds_read <= profile.seeds_total <= len(seeds)
    for condition in profile.conditions:
        assert agreement(profile.seeds_read) <= condition.support <= condition.of
        assert condition.of == profile.seeds_read
    assert not ids(profile) & {c.id for c in profile.negatives}
    assert profile.summary
