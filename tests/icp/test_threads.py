"""Context keys, labels and choices of conversations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from data411_mcp.domain.icp.threads import (
    LABEL_DEFAULT,
    Eligible,
    choice_list,
    context_key,
    key_of,
    label_of,
    picked,
    told_apart,
)
from data411_mcp.domain.icp.values import Customer, Intake, LostCustomer, MicroIcp

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
ACME = (Customer(name="Acme", domain="acme.example"),)


def test_the_key_is_the_domain_of_the_own_site() -> None:
    intake = Intake(website="https://shop.palm.example/", domain="palm.example", customers=ACME)
    assert key_of(intake) == "domain:palm.example"


def test_defect_13_customers_never_change_the_key_of_a_company() -> None:
    bare = Intake(website="https://palm.example/", domain="palm.example")
    with_them = bare.model_copy(update={"customers": ACME})
    assert key_of(bare) == key_of(with_them)


def test_defect_13_without_anything_known_there_is_no_key_at_all() -> None:
    assert key_of(Intake()) == ""
    assert context_key(None, None) == ""
    assert context_key(None, {}) == ""


def test_without_a_website_the_key_is_rule_and_hash_of_what_was_told() -> None:
    one = key_of(Intake(customers=ACME), "saas")
    rule, _, digest = one.removeprefix("icp:").partition("#")
    assert rule == "saas"
    assert len(digest) == 40
    assert one != key_of(Intake(customers=ACME), "default")
    lost = (LostCustomer(name="Old"),)
    assert one != key_of(Intake(customers=ACME, lost=lost), "saas")


def test_the_hash_depends_on_the_wish_and_not_on_its_order() -> None:
    two = (Customer(domain="a.example"), Customer(domain="b.example"))
    assert key_of(Intake(customers=two)) == key_of(Intake(customers=two[::-1]))


def test_an_accepted_micro_icp_does_not_split_the_thread() -> None:
    intake = Intake(website="https://palm.example/", domain="palm.example")
    micro = MicroIcp(industries=("logistics",))
    assert "logistics" not in key_of(intake.model_copy(update={"answers": {"micro": micro.id}}))


def test_a_label_is_what_was_said_then_the_domain_then_the_words() -> None:
    own = Intake(domain="palm.example", website="https://palm.example/")
    assert label_of("My market", own, "hello") == "My market"
    assert label_of("", own, "hello") == "palm.example"
    assert label_of("", Intake(), "we sell\x00 pumps " + "x" * 100).startswith("we sell pumps")
    assert label_of("", Intake(), "") == LABEL_DEFAULT


def threads(*labels: str) -> list[Eligible]:
    return [Eligible(f"t{n}", label, NOW - timedelta(days=n)) for n, label in enumerate(labels, 1)]


def test_three_at_most_are_offered_the_newest_first_and_told_apart() -> None:
    options = told_apart(threads("a.example", "a.example", "b.example", "c.example"))
    assert [o.label for o in options] == ["a.example", "a.example (2)", "b.example"]
    words = choice_list(options)
    assert "1. “a.example”, last updated 2026-11-01 09:30 UTC" in words
    assert "\n" not in words


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2", "t2"), ("#1", "t1"), ("the first one", "t1"), ("b.example", "t2"),
        ("“B.example”", "t2"), ("https://www.b.example/", "t2"), ("t1", "t1"),
        ("A.ex", "t1"), ("a", None), ("exam", None),
        ("3", None), ("0", None), ("c.example", None), ("yes", None), ("a.example b.example", None),
    ],
)  # fmt: skip
def test_the_user_chooses_by_number_label_or_website(text: str, wanted: str | None) -> None:
    choice = picked(text, told_apart(threads("a.example", "b.example")))
    assert (choice.thread_id if choice else None) == wanted
