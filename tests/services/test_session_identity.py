"""Identity before money: who is asked, what is not bought, and what a choice leads to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from data411_mcp.domain.graph import sha1_id
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.domain.merge import statements_of
from data411_mcp.errors import IdentityChoiceInvalid
from tests.services.session_world import Lab, Ran, lab, proven, write_rows, write_site

LEAD = {"contact_id": 88, "company": "Larkspur Dental", "source_system": "crm"}


def practice(town: str, zip_code: str, phone: str, host: str) -> str:
    return f"""<html lang="en"><head><title>Larkspur Dental | {town}</title></head><body>
<h1>Larkspur Dental</h1>
<p>Larkspur Dental is a family practice in {town}. We see children and adults, mend what can be
mended, and take emergencies on the same day when you ring us before ten in the morning.</p>
<p>Phone: {phone}</p><p>E-mail: desk@{host}</p>
<footer>Larkspur Dental, 12 Mill Street, {town} {zip_code}</footer></body></html>"""


OHIO, TEXAS = "larkspurdental-oh.example", "larkspurdental-tx.example"


def namesakes(world: Path) -> Path:
    """Two dentists of one name, of which the lead says nothing that tells them apart."""
    write_site(world, OHIO, index=practice("Dayton, OH", "45402", "(937) 555-0121", OHIO))
    write_site(world, TEXAS, index=practice("Waco, TX", "76701", "(254) 555-0131", TEXAS))
    write_rows(
        world / "search" / "company.jsonl",
        {"terms": ["larkspur", "dental"], "results": [
            {"url": f"https://{OHIO}/", "title": "Larkspur", "content": "Dayton", "score": 0.9},
            {"url": f"https://{TEXAS}/", "title": "Larkspur", "content": "Waco", "score": 0.9},
        ]},
    )  # fmt: skip
    return world


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[tuple[Lab, Ran]]:
    async with lab(tmp_path, namesakes(tmp_path / "world")) as open_lab:
        yield open_lab, await open_lab.run(LEAD)


async def choose(open_lab: Lab, ran: Ran, choice: str) -> Ran:
    return await open_lab.run(None, chat_session_id=ran.chat, identity_choice=choice)


async def test_namesakes_make_the_session_wait_and_nothing_is_bought(
    asked: tuple[Lab, Ran],
) -> None:
    open_lab, ran = asked
    assert ran.job.status is JobStatus.WAITING
    assert ran.graph.identity.decision == "ambiguous"
    assert len(ran.graph.identity.choices) == 2
    assert open_lab.bought() == []
    assert ran.graph.spent.vendor_usd_micros == 0
    assert not statements_of(ran.graph)


async def test_each_choice_says_what_speaks_for_it(asked: tuple[Lab, Ran]) -> None:
    _, ran = asked
    shown = " ".join(c.name for c in ran.graph.identity.choices)
    assert "Dayton" in shown
    assert "Waco" in shown
    assert all(c.why for c in ran.graph.identity.choices)


async def test_a_choice_resumes_the_same_job_about_the_chosen_company(
    asked: tuple[Lab, Ran],
) -> None:
    open_lab, ran = asked
    waco = next(c for c in ran.graph.identity.choices if "Waco" in c.name)
    chosen = await choose(open_lab, ran, waco.id)
    assert chosen.job.id == ran.job.id
    assert chosen.job.status is JobStatus.DONE
    assert chosen.graph.identity.decision == "clear"
    assert ("phone", "+12545550131") in proven(chosen.graph)
    assert ("phone", "+19375550121") not in proven(chosen.graph)
    assert len(open_lab.bought()) == 6
    assert chosen.graph.lead.company == "Larkspur Dental"
    assert chosen.graph.lead.domain is None


async def test_the_choice_holds_for_follow_ups(asked: tuple[Lab, Ran]) -> None:
    open_lab, ran = asked
    waco = next(c for c in ran.graph.identity.choices if "Waco" in c.name)
    await choose(open_lab, ran, waco.id)
    for said in ("Run data411-site again.", "Who owns it?", "Run data411-registry again."):
        again = await open_lab.run(None, chat_session_id=ran.chat, prompts=[said])
        assert again.job.status is JobStatus.DONE, said
        assert again.graph.identity.decision == "clear"
        assert ("phone", "+12545550131") in proven(again.graph)
        assert ("phone", "+19375550121") not in proven(again.graph)


async def test_the_choice_holds_for_a_refresh(asked: tuple[Lab, Ran]) -> None:
    open_lab, ran = asked
    waco = next(c for c in ran.graph.identity.choices if "Waco" in c.name)
    await choose(open_lab, ran, waco.id)
    again = await open_lab.run(None, chat_session_id=ran.chat, refresh=True)
    assert again.job.status is JobStatus.DONE
    assert ("phone", "+12545550131") in proven(again.graph)


async def test_a_choice_that_was_not_offered_is_refused_with_those_that_were(
    asked: tuple[Lab, Ran],
) -> None:
    open_lab, ran = asked
    with pytest.raises(IdentityChoiceInvalid) as refused:
        await open_lab.start(None, chat_session_id=ran.chat, identity_choice="deadbeef")
    assert all(f'"{c.id}"' in refused.value.hint for c in ran.graph.identity.choices)
    assert '"none"' in refused.value.hint
    still = await open_lab.start(LEAD, chat_session_id=ran.chat)
    assert still.job.status is JobStatus.WAITING
    assert open_lab.bought() == []


async def test_none_of_them_goes_on_and_proves_nothing(asked: tuple[Lab, Ran]) -> None:
    open_lab, ran = asked
    chosen = await choose(open_lab, ran, "none")
    assert chosen.job.status is JobStatus.DONE
    assert chosen.graph.identity.decision == "unknown"
    assert proven(chosen.graph) == set()


async def test_asking_again_without_a_choice_waits_still(asked: tuple[Lab, Ran]) -> None:
    open_lab, ran = asked
    again = await open_lab.run(LEAD, chat_session_id=ran.chat)
    assert again.job.id == ran.job.id
    assert again.job.status is JobStatus.WAITING
    assert open_lab.bought() == []


async def test_a_lead_that_nobody_knows_proves_nothing(tmp_path: Path) -> None:
    async with lab(tmp_path, namesakes(tmp_path / "world")) as open_lab:
        ran = await open_lab.run(
            {"contact_id": 89, "company": "Quillfeather Foundry", "number1": "(317) 555-0144"}
        )
        assert ran.job.status is JobStatus.DONE
        assert ran.graph.identity.decision == "unknown"
        assert proven(ran.graph) == set()
        assert ran.graph.summary_markdown
        assert ran.graph.gaps


async def test_a_phone_of_the_lead_tells_namesakes_apart(tmp_path: Path) -> None:
    async with lab(tmp_path, namesakes(tmp_path / "world")) as open_lab:
        ran = await open_lab.run({**LEAD, "number1": "(937) 555-0121"})
        assert ran.job.status is JobStatus.DONE
        assert ran.graph.identity.decision == "clear"
        assert ("email_address", f"desk@{OHIO}") in proven(ran.graph)
        assert [r.name for r in ran.graph.identity.runners_up]


async def test_a_warm_seed_never_decides_between_namesakes_of_one_town(tmp_path: Path) -> None:
    """The earlier chat was about one of the two; this lead may mean the other."""
    world = namesakes(tmp_path / "world")
    write_site(world, TEXAS, index=practice("Dayton, OH", "45404", "(937) 555-0131", TEXAS))
    in_dayton = {**LEAD, "city": "Dayton", "state": "OH"}
    async with lab(tmp_path, world) as open_lab:
        first = await open_lab.run({**in_dayton, "number1": "(937) 555-0121"})
        assert ("phone", "+19375550121") in proven(first.graph)
        ran = await open_lab.run({**in_dayton, "contact_id": 90})
        assert ran.graph.identity.decision == "ambiguous"
        assert not statements_of(ran.graph)
        other = next(c for c in ran.graph.identity.choices if c.id != chosen_id(ran, first))
        chosen = await choose(open_lab, ran, other.id)
        assert ("phone", "+19375550131") in proven(chosen.graph)
        assert "+19375550121" not in {s.value for s in statements_of(chosen.graph)}
        assert "WARM_SEED_USED" not in chosen.notices


def chosen_id(asked_now: Ran, earlier: Ran) -> str:
    """The offered company whose domain the earlier chat had settled on."""
    domains = {a.value for a in earlier.graph.identity.anchors if a.kind == "domain"}
    return next(
        c.id
        for c in asked_now.graph.identity.choices
        for d in domains
        if c.id == sha1_id("company", d, "larkspur dental")[:12]
    )
