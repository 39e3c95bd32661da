"""Companies one after another: what the next ones learn, and what a resumed run tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from data411_mcp.adapters.prompts import load_script
from data411_mcp.domain.events import EventName
from data411_mcp.domain.icp.reflection import Decisions
from data411_mcp.domain.icp.run import IcpRun
from data411_mcp.domain.icp.values import EnrichedCompany, EnrichedContact, Lookalike
from data411_mcp.services.icp.companies import Companies, metrics_of
from data411_mcp.services.icp.telling import Telling
from data411_mcp.services.ports import JobContext
from tests.icp.enriching_world import RUN, EnricherLab, Told, like, open_enricher

TESS = EnrichedContact(name="Tess Orchard")


@dataclass
class Scripted:
    """An enricher that brings what it is given, and remembers how it was asked."""

    brings: EnrichedCompany = field(
        default_factory=lambda: EnrichedCompany(domain="", state="done", pages_read=2)
    )
    asked: list[tuple[str, Decisions]] = field(default_factory=list)

    async def enrich(
        self, ctx: JobContext, run: IcpRun, like: Lookalike, decisions: Decisions
    ) -> EnrichedCompany:
        self.asked.append((like.domain, decisions))
        return self.brings.model_copy(update={"domain": like.domain})

    async def company(self, tenant: str, stub: EnrichedCompany) -> EnrichedCompany:
        return stub.model_copy(update={"contacts": self.brings.contacts})


def companies(lab: EnricherLab, enricher: Scripted) -> Companies:
    return Companies(lab.icp, lab.lab.app.clock, enricher, at_once=1, seconds=30.0)


FIRMS = [like(f"firm{n}.example") for n in range(1, 7)]


async def test_a_company_whose_tick_a_crash_has_swallowed_is_told_once(tmp_path: Path) -> None:
    async with open_enricher(tmp_path) as lab:
        enricher = Scripted(EnrichedCompany(domain="", state="done", contacts=(TESS,)))
        told = Told()
        await companies(lab, enricher).enriched(told.ctx(), RUN, FIRMS[:2], Decisions())
        told.events.clear()  # they were not saved
        ctx = told.ctx()
        tell = Telling(told.events.append, load_script())
        for _ in range(2):
            await companies(lab, enricher).enriched(
                JobContext(ctx.job, tell, ctx.checkpoint, ctx.checkpoints), RUN, FIRMS[:2],
                Decisions(),
            )  # fmt: skip
        assert [(e.name, e.message) for e in told.events] == [
            (EventName.ENRICH_COMPANY_TICK,
             f"{k.domain}: 0 pages fetched, no LinkedIn page, 1 contact saved.")
            for k in FIRMS[:2]
        ]  # fmt: skip
        assert len(enricher.asked) == 2


async def test_people_are_in_no_step_and_no_document(tmp_path: Path) -> None:
    async with open_enricher(tmp_path) as lab:
        enricher = Scripted(EnrichedCompany(domain="", state="done", contacts=(TESS,)))
        told = Told()
        found, verdict = await companies(lab, enricher).enriched(
            told.ctx(), RUN, FIRMS[:1], Decisions()
        )
        assert found[0].contacts == (TESS,)
        assert verdict.reason == "1 of 1 companies completed, 1 contacts"
        assert not any("Tess" in text for text in told.steps.values())
        kept = await lab.icp.document("local", "company", FIRMS[0].domain)
        assert kept is not None
        assert "Tess" not in kept.text


@pytest.mark.parametrize(
    ("brings", "said"),
    [
        ({"pages_read": 1, "pages_wanted": 2, "pages_late": 1}, "do not come in time"),
        ({"pages_read": 1, "pages_wanted": 1, "pages_hedged": 1}, "answers late"),
        ({"pages_read": 1, "degraded": ("CRAWL_THIN",)}, "most pages held little"),
        ({"pages_read": 1, "degraded": ("APIFY_NO_EMPLOYEES",)}, "profile search"),
        ({"pages_read": 1, "degraded": ("LLM_TIMEOUT_FALLBACK",)}, "1 chunk"),
    ],
)
async def test_what_the_companies_show_together_changes_how_the_next_are_enriched(
    tmp_path: Path, brings: dict[str, object], said: str
) -> None:
    async with open_enricher(tmp_path) as lab:
        enricher = Scripted(
            EnrichedCompany.model_validate({"domain": "", "state": "done"} | brings)
        )
        told = Told()
        await companies(lab, enricher).enriched(told.ctx(), RUN, FIRMS, Decisions())
        words = [e.message for e in told.events if e.name is EventName.ICP_REFLECTION]
        assert len({w for w in words if said in w}) == 1
        assert enricher.asked[0][1] == Decisions()
        assert enricher.asked[-1][1] != Decisions()


def test_a_home_page_without_text_counts_as_empty() -> None:
    seen = metrics_of(
        EnrichedCompany(domain="a.example", state="failed", degraded=("DATA_EMPTY:jina_home",))
    )
    assert (seen.read, seen.empty, seen.completed) == (0, 1, 0)
