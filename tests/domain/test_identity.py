"""Which company is this: right or asked, never wrong and sure."""

from __future__ import annotations

import pytest

from data411_mcp.domain.identity import Candidate, Place, decide
from data411_mcp.domain.lead import Lead
from data411_mcp.domain.lead_input import lead_key, parse_lead

OHIO = Candidate(
    name="Millbrook Pumps",
    domain="millbrook-pumps.example",
    phones=("+16145550142",),
    places=(Place("12 Canal Street, Columbus, OH 43215", "Columbus", "OH", "43215", "US"),),
    text="Millbrook Pumps\n12 Canal Street, Columbus, OH 43215\n(614) 555-0142",
    source="search",
)
IDAHO = Candidate(
    name="Millbrook Pumps",
    domain="millbrookpumps-boise.example",
    phones=("+12085550111",),
    places=(Place("9 Hill Road, Boise, ID 83702", "Boise", "ID", "83702", "US"),),
    text="Millbrook Pumps\n9 Hill Road, Boise, ID 83702\n(208) 555-0111",
    source="search",
)


def lead(**fields: object) -> Lead:
    return parse_lead(fields)


def decision(given: Lead, *candidates: Candidate, choice: str | None = None) -> tuple[str, str]:
    card = decide(given, lead_key(given), candidates, choice=choice)
    domains = [a.value for a in card.anchors if a.kind == "domain"]
    return card.decision, domains[0] if domains else ""


def test_a_name_alone_with_two_namesakes_is_asked() -> None:
    assert decision(lead(company="Millbrook Pumps"), OHIO, IDAHO)[0] == "ambiguous"


def test_a_name_alone_is_asked_even_when_one_company_was_found() -> None:
    assert decision(lead(company="Millbrook Pumps"), OHIO)[0] == "ambiguous"


@pytest.mark.parametrize(
    "more",
    [{"city": "Columbus", "state": "OH"}, {"zip": "43215"}, {"number1": "614-555-0142"},
     {"street": "12 Canal Street", "city": "Columbus"}],
)  # fmt: skip
def test_one_tie_beside_the_name_settles_between_namesakes(more: dict[str, object]) -> None:
    given = lead(company="Millbrook Pumps", **more)
    assert decision(given, OHIO, IDAHO) == ("clear", "millbrook-pumps.example")


def test_the_other_state_settles_for_the_other_namesake() -> None:
    given = lead(company="Millbrook Pumps", city="Boise", state="Idaho")
    assert decision(given, OHIO, IDAHO) == ("clear", "millbrookpumps-boise.example")


def test_a_place_where_no_candidate_is_leads_to_a_question_or_to_unknown() -> None:
    given = lead(company="Millbrook Pumps", city="Portland", state="OR")
    assert decision(given, OHIO, IDAHO)[0] != "clear"


def test_the_leads_own_domain_settles_when_its_site_shows_the_name() -> None:
    given = lead(company="Millbrook Pumps", domain="millbrook-pumps.example")
    own = Candidate(**{**_fields(OHIO), "from_lead": True})
    assert decision(given, own, IDAHO) == ("clear", "millbrook-pumps.example")


def test_a_domain_whose_site_is_the_agencys_is_asked() -> None:
    agency = Candidate(
        name="Bright Lane Web Studio", domain="brightlane.example",
        text="Bright Lane Web Studio builds sites", from_lead=True,
    )  # fmt: skip
    given = lead(company="Millbrook Pumps", domain="brightlane.example")
    assert decision(given, agency)[0] == "ambiguous"


def test_a_trade_name_that_the_site_shows_beside_its_legal_name_is_the_same_company() -> None:
    site = Candidate(
        name="HG AutoTech", domain="hgautotech.com", other_names=("HG AutoTech LLC",),
        text="Hoops & Gears and Clark is a trade name of HG AutoTech LLC", from_lead=True,
    )  # fmt: skip
    given = lead(company="Hoops & Gears and Clark", domain="hgautotech.com")
    assert decision(given, site) == ("clear", "hgautotech.com")


def test_a_dead_domain_with_nothing_else_is_unknown() -> None:
    dead = Candidate(name="", domain="millbrook-pumps.example", from_lead=True, dead=True)
    given = lead(company="Millbrook Pumps", domain="millbrook-pumps.example")
    assert decision(given, dead)[0] == "unknown"


def test_nothing_found_is_unknown() -> None:
    assert decision(lead(company="Millbrook Pumps", city="Columbus"))[0] == "unknown"


def test_the_users_choice_settles_it() -> None:
    given = lead(company="Millbrook Pumps")
    assert decision(given, OHIO, IDAHO, choice=IDAHO.id) == (
        "clear", "millbrookpumps-boise.example")  # fmt: skip
    assert decision(given, OHIO, IDAHO, choice="none")[0] == "unknown"


def test_the_runners_up_say_why_not() -> None:
    given = lead(company="Millbrook Pumps", city="Columbus", state="OH")
    card = decide(given, lead_key(given), [OHIO, IDAHO])
    assert len(card.runners_up) == 1
    assert "Boise" in card.runners_up[0].name
    assert card.runners_up[0].why_not


def test_an_unknown_identity_has_no_domain_anchor() -> None:
    given = lead(company="Millbrook Pumps", domain="millbrook-pumps.example")
    card = decide(given, lead_key(given), [])
    assert [a for a in card.anchors if a.kind == "domain"] == []


def _fields(candidate: Candidate) -> dict[str, object]:
    return {name: getattr(candidate, name) for name in Candidate.__dataclass_fields__}
