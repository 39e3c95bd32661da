"""What is searched for: what the winners do, where they are."""

from __future__ import annotations

from data411_mcp.domain.icp.profile import build_profile
from data411_mcp.domain.icp.queries import QUERIES_MAX, QUERY_CHARS_MAX, plain, queries_of
from data411_mcp.domain.icp.signals import text_signals
from data411_mcp.domain.icp.values import Customer, Intake, MicroIcp, SiteSignals
from data411_mcp.services.icp.planning.discovery import name_of


def carrier(n: int, place: str) -> SiteSignals:
    text = "Freight forwarding and warehousing for importers. Customs brokerage. Uses Xero."
    return text_signals(f"seed{n}.example", f"Seed {n}", f"{text} 1 Example Way, {place}.")


SEEDS = [carrier(n, "Leeds, United Kingdom") for n in range(4)] + [carrier(4, "Singapore")]


def asked(seeds: list[SiteSignals], micro: MicroIcp | None = None) -> list[str]:
    intake = Intake(customers=tuple(Customer(name=s.name, domain=s.domain) for s in seeds))
    return queries_of(build_profile(seeds, micro=micro), intake, seeds, None, micro)


def test_the_first_queries_look_in_every_place_where_winners_are() -> None:
    first = asked(SEEDS)[:4]
    assert sum("United Kingdom" in q for q in first) >= 2
    assert any(q.endswith("Singapore") for q in first)


def test_queries_speak_of_the_trade_and_never_in_labels_for_readers() -> None:
    queries = asked(SEEDS)
    assert all("Mentions" not in q and "Works with" not in q for q in queries)
    assert any("freight" in q for q in queries)
    assert len(queries) == len(set(queries)) <= QUERIES_MAX
    assert all(q == plain(q) and len(q) <= QUERY_CHARS_MAX for q in queries)


def test_what_the_user_narrowed_it_to_is_the_only_place() -> None:
    queries = asked(SEEDS, MicroIcp(geos=("my",)))
    trades = [q for q in queries if not q.startswith("companies like")]
    assert trades
    assert all(q.endswith("Malaysia") for q in trades)


def test_a_town_of_most_seeds_is_searched_too() -> None:
    seeds = [s.model_copy(update={"city": "Leeds"}) for s in SEEDS[:4]]
    assert any(q.endswith(" Leeds") for q in asked(seeds))
    assert not any(q.endswith(" Leeds") for q in asked(seeds, MicroIcp(geos=("my",))))


def test_without_a_shared_trade_the_seeds_own_words_are_searched() -> None:
    seeds = [text_signals("a.example", "A", "We tune pianos in your own home, gladly.")]
    assert any("tune pianos" in q for q in asked(seeds))


def test_nothing_known_makes_no_query() -> None:
    assert asked([]) == []


def test_a_name_is_the_part_of_a_title_that_the_domain_abbreviates() -> None:
    assert name_of("Home | Acme Foods", "acmefoods.example") == "Acme Foods"
    assert name_of("Dairy in Leeds – Copperpot", "copperpot.example") == "Copperpot"
    assert name_of("Copperpot Dairy: milk", "cd.example") == "Copperpot Dairy: milk"
    assert name_of("", "cd.example") == ""
