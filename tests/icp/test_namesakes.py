"""Two people of one name at one company are two contacts; one person said twice is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from data411_mcp.domain.graph import (
    Anchor,
    Backfill,
    Evidence,
    FieldName,
    IdentityCard,
    Statement,
    person_id,
    statement_id,
)
from data411_mcp.domain.icp.contacts import contacts_of
from data411_mcp.domain.icp.crm import drafts
from data411_mcp.domain.icp.values import EnrichedContact
from data411_mcp.domain.lead import Lead
from data411_mcp.domain.merge import assemble
from tests.icp.delivery import TENANT, a_lead
from tests.icp.enriching_world import BROOK, open_enricher
from tests.icp.test_enriching_hostile import item, job, world_with

HOME = "alderpump.example"
SITE = f"https://{HOME}/team"
CARD = IdentityCard(
    decision="clear", name="Alder Pump Works",
    anchors=(Anchor(kind="domain", value=HOME, source="lead"),),
)  # fmt: skip
JANE = "Jane Roe"
FIELDS = {"title": FieldName.TITLE, "mail": FieldName.EMAIL, "phone": FieldName.PHONE,
          "profile": FieldName.LINK}  # fmt: skip


def said(field: FieldName, value: str, url: str, start: int) -> Statement:
    vendor = "linkedin" in url
    evidence = Evidence(
        url=url, page_sha256=f"sha of {url}", start=start, end=start + 4, quote=value, slot="s",
        fetched_at="2026-03-01T00:00:00+00:00", reader="apify" if vendor else "direct",
        source="third_party" if vendor else "own_site", verdict="alone" if vendor else "proven",
    )  # fmt: skip
    owner = person_id(JANE)
    return Statement(
        id=statement_id(owner, field, value), field=field, value=value, raw=value, owner=owner,
        kind="linkedin_person" if field is FieldName.LINK else None,
        evidence=(evidence,), seen_by=("s",),
    )  # fmt: skip


def source(url: str, *told: str) -> list[Statement]:
    """What one page or reply says of Jane Roe, in its order: "kind value"."""
    found = [said(FieldName.PERSON, JANE, url, 0)]
    for at, one in enumerate(told, start=1):
        kind, _, value = one.partition(" ")
        found.append(said(FIELDS[kind], value, url, 100 * at))
    return found


def reply(slug: str, *told: str) -> list[Statement]:
    url = profile(slug)
    return source(url, *told, f"profile {url}")


def profile(slug: str) -> str:
    return f"https://www.linkedin.com/in/{slug}"


def people(*sources: list[Statement]) -> list[tuple[str, str, str, str]]:
    """Title, e-mail, profile and source of each contact."""
    base = Backfill(chat_session_id="c1", lead=Lead(domain=HOME), identity=CARD)
    found = contacts_of(assemble(base, [s for told in sources for s in told], []))
    assert {c.name for c in found} <= {JANE}
    return [
        (c.title, c.email.partition("@")[0], c.linkedin_url.rpartition("/")[2], c.source)
        for c in found
    ]


def test_two_profiles_are_two_people_each_with_their_own_title_and_address() -> None:
    found = people(
        reply("jane-roe-1", "title Buyer", f"mail jane.roe@{HOME}"),
        reply("jane-roe-2", "title Fitter", f"mail jroe@{HOME}"),
    )
    assert found == [
        ("Buyer", "jane.roe", "jane-roe-1", "apify"),
        ("Fitter", "jroe", "jane-roe-2", "apify"),
    ]


def test_two_mailboxes_of_the_name_on_one_page_are_two_people() -> None:
    found = people(
        source(SITE, "title Buyer", f"mail jane.roe@{HOME}", "title Fitter",
               f"mail jane.roe2@{HOME}")
    )  # fmt: skip
    assert found == [
        ("Buyer", "jane.roe", "", "own_site"), ("Fitter", "jane.roe2", "", "own_site"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "sources",
    [
        [reply("jane-roe", "title Buyer"), reply("jane-roe", "title Head of Purchasing")],
        [source(SITE, "title Buyer"), source(f"{SITE}/more", "title Head of Purchasing")],
        [source(SITE, "title Buyer"), reply("jane-roe", "title Fitter", f"mail jroe@{HOME}")],
        [source(SITE, f"mail jroe@{HOME}"), reply("jane-roe", "title Fitter")],
        [source(SITE, f"mail jane.roe@{HOME}"), reply("jane-roe", f"mail janeroe@{HOME}")],
        [source(SITE, f"mail jane.roe@{HOME}"), source(f"{SITE}/more", "mail j.roe@else.example")],
        [source(SITE, f"mail jane.roe@{HOME}"), source(f"{SITE}/more", f"mail sales@{HOME}")],
        [reply("jane-roe", f"mail jane.roe@{HOME}", f"mail jroe@{HOME}")],
        [reply("jane-roe-1", f"mail jroe@{HOME}"), reply("jane-roe-2", f"mail jroe@{HOME}")],
    ],
    ids=["titles of one profile", "titles of pages", "profile beside the site",
         "address and profile", "dots", "address elsewhere", "shared mailbox",
         "addresses of one profile", "two profiles with one mailbox"],
)  # fmt: skip
def test_where_nothing_contradicts_it_is_one_person(sources: list[list[Statement]]) -> None:
    assert len(people(*sources)) == 1


def test_what_the_site_says_goes_to_the_one_whose_title_it_gives() -> None:
    found = people(
        source(SITE, "title Buyer"),
        reply("jane-roe-1", "title Buyer"),
        reply("jane-roe-2", "title Fitter"),
    )
    assert found == [
        ("Buyer", "", "jane-roe-1", "own_site"), ("Fitter", "", "jane-roe-2", "apify"),
    ]  # fmt: skip


def test_what_could_be_eithers_is_given_to_neither() -> None:
    found = people(source(SITE, f"mail jane.roe@{HOME}"), reply("jane-roe-1"), reply("jane-roe-2"))
    assert [one[1:] for one in found] == [
        ("jane.roe", "", "own_site"), ("", "jane-roe-1", "apify"), ("", "jane-roe-2", "apify"),
    ]  # fmt: skip


def test_the_order_of_the_sources_does_not_matter() -> None:
    sources = [
        source(SITE, "title Buyer", f"mail jane.roe@{HOME}"),
        reply("jane-roe-1", f"mail jane.roe@{HOME}"),
        reply("jane-roe-2", "title Fitter"),
    ]
    assert people(*sources) == people(*reversed(sources))


async def test_two_people_of_one_name_whom_the_vendor_lists_are_two_contacts(
    tmp_path: Path,
) -> None:
    here = [job("Brook Valve Company", slug="brook-valve")]
    rows = [
        item("Tess", "Orchard", headline=title, experience=here, emails=[f"{local}@{BROOK}"],
             linkedinUrl=profile(f"tess-orchard-{number}"))
        for number, (title, local) in enumerate((("Buyer", "tess.orchard"), ("Fitter", "torchard")))
    ]  # fmt: skip
    async with open_enricher(tmp_path, world_with(tmp_path / "world", *rows)) as lab:
        company = await lab.enrich(BROOK, "Brook Valve Company")
        assert [(c.name, c.email.partition("@")[0], c.linkedin_url) for c in company.contacts] == [
            ("Tess Orchard", "tess.orchard", profile("tess-orchard-0")),
            ("Tess Orchard", "torchard", profile("tess-orchard-1")),
        ]


def test_namesakes_are_two_records_of_the_crm_and_the_name_is_no_sign_of_either() -> None:
    lead = a_lead()
    both = tuple(
        EnrichedContact(name=JANE, title=title, linkedin_url=profile(slug))
        for title, slug in (("Buyer", "jane-roe-1"), ("Fitter", "jane-roe-2"))
    )

    def records(*contacts: EnrichedContact) -> dict[str, str]:
        company = lead.company.model_copy(update={"contacts": contacts})
        made = drafts(lead.model_copy(update={"company": company}), tenant=TENANT)
        assert all(field != "name" for c in made.contacts for field, _, _ in c.match)
        return {str(c.values["function"]): c.external_id for c in made.contacts}

    found = records(*both)
    assert len(set(found.values())) == 2
    assert records(*reversed(both)) == found
