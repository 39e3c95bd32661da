"""The forty after the Top-10: the same enricher, the CRM, no mail."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from data411_mcp.domain.icp.reflection import Decisions
from data411_mcp.domain.icp.run import IcpRun
from data411_mcp.domain.icp.values import EnrichedCompany, Lookalike, ScoredLead
from data411_mcp.domain.jobs import Finished
from data411_mcp.errors import ChatBusy
from data411_mcp.services.icp.next_companies import NextForty
from data411_mcp.services.icp.parts import NEXT, SHORTLIST, Deliverer, Enricher, Shortlist
from data411_mcp.services.ports import JobContext
from tests.icp.enriching_world import RUN, EnricherLab, like, open_enricher
from tests.services.session_world import TENANT


@dataclass
class Records:
    """A CRM that remembers, and a mailer that must not be asked."""

    written: list[tuple[int, str]] = field(default_factory=list)
    mails: int = 0
    dies_at: str = ""

    async def crm(self, ctx: JobContext, run: IcpRun, lead: ScoredLead) -> str:
        if lead.company.domain == self.dies_at:
            raise Died
        self.written.append((lead.rank, lead.company.domain))
        return "created"

    async def mail(self, ctx: JobContext, run: IcpRun, leads: Sequence[ScoredLead]) -> str:
        self.mails += 1
        return "sent"


class Died(Exception):
    """The process has died here."""


@dataclass
class Quick:
    """An enricher that knows what becomes of a domain."""

    failing: frozenset[str] = frozenset()
    busy: frozenset[str] = frozenset()
    begun: list[str] = field(default_factory=list)

    async def enrich(
        self, ctx: JobContext, run: IcpRun, like: Lookalike, decisions: Decisions
    ) -> EnrichedCompany:
        self.begun.append(like.domain)
        await anyio.lowlevel.checkpoint()
        if like.domain in self.busy:
            raise ChatBusy("Busy.")
        state = "failed" if like.domain in self.failing else "done"
        reason = "dns" if state == "failed" else ""
        return EnrichedCompany(
            domain=like.domain, state="failed" if reason else "done", reason=reason,
            emails=("office@x.example",),
        )  # fmt: skip

    async def company(self, tenant: str, stub: EnrichedCompany) -> EnrichedCompany:
        return stub


async def shortlisted(lab: EnricherLab, count: int) -> list[str]:
    domains = [f"firm{n}.example" for n in range(1, count + 1)]
    found = Shortlist(
        thread_id=RUN.thread_id,
        job_id="job-1",
        made_at=lab.lab.app.clock.now(),
        lookalikes=tuple(like(d) for d in domains),
    )
    key = f"{RUN.thread_id}:{lab.told.ctx().job.chat_session_id}"
    await lab.icp.put_document(TENANT, NEXT, key, found.model_dump_json(), at=found.made_at)
    return domains


def next_forty(lab: EnricherLab, enricher: Enricher, deliverer: Deliverer) -> NextForty:
    return NextForty(lab.icp, lab.lab.app.clock, enricher, deliverer)


async def test_the_companies_after_the_tenth_go_into_the_crm_without_a_mail(
    tmp_path: Path,
) -> None:
    async with open_enricher(tmp_path) as lab:
        domains = await shortlisted(lab, 55)
        crm, enricher = Records(), Quick(failing=frozenset({"firm12.example"}))
        work = next_forty(lab, enricher, crm)
        ended = await work.work(lab.told.ctx(), RUN)
        assert isinstance(ended, Finished)
        result = json.loads(ended.result)
        assert (result["companies"], result["completed"]) == (40, 39)
        assert result["failed"] == [{"domain": "firm12.example", "reason": "dns"}]
        assert sorted(crm.written) == [(n, domains[n - 1]) for n in range(11, 51) if n != 12]
        assert result["crm"] == {"created": 39, "skipped": 1}
        assert crm.mails == 0


async def test_a_job_that_died_goes_on_where_it_stood_and_writes_nothing_twice(
    tmp_path: Path,
) -> None:
    async with open_enricher(tmp_path) as lab:
        await shortlisted(lab, 16)
        crm, enricher = Records(dies_at="firm13.example"), Quick()
        try:
            await next_forty(lab, enricher, crm).work(lab.told.ctx(), RUN)
        except* Died:
            pass
        else:
            raise AssertionError("it should have died")
        crm.dies_at = ""
        ended = await next_forty(lab, enricher, crm).work(lab.told.ctx(), RUN)
        assert isinstance(ended, Finished)
        assert json.loads(ended.result)["completed"] == 6
        assert sorted(n for n, _ in crm.written) == [11, 12, 13, 14, 15, 16]
        assert not any("office@" in text for text in lab.told.steps.values())


async def test_a_company_that_is_refused_stays_in_the_count(tmp_path: Path) -> None:
    async with open_enricher(tmp_path) as lab:
        await shortlisted(lab, 12)
        enricher = Quick(busy=frozenset({"firm11.example"}))
        ended = await next_forty(lab, enricher, Records()).work(lab.told.ctx(), RUN)
        assert isinstance(ended, Finished)
        result = json.loads(ended.result)
        assert (result["companies"], result["completed"]) == (2, 1)
        assert result["failed"] == [{"domain": "firm11.example", "reason": "chat_busy"}]


async def test_another_list_of_the_thread_does_not_take_the_place_of_the_one_handed_in(
    tmp_path: Path,
) -> None:
    async with open_enricher(tmp_path) as lab:
        domains = await shortlisted(lab, 12)
        newer = Shortlist(
            thread_id=RUN.thread_id, job_id="job-2", made_at=lab.lab.app.clock.now(),
            lookalikes=tuple(like(f"other{n}.example") for n in range(20)),
        )  # fmt: skip
        await lab.icp.put_document(
            TENANT, SHORTLIST, RUN.thread_id, newer.model_dump_json(), at=newer.made_at
        )
        crm, enricher = Records(), Quick()
        await next_forty(lab, enricher, crm).work(lab.told.ctx(), RUN)
        assert sorted(crm.written) == [(11, domains[10]), (12, domains[11])]


async def test_without_a_shortlist_there_is_nothing_to_do(tmp_path: Path) -> None:
    async with open_enricher(tmp_path) as lab:
        ended = await next_forty(lab, lab.enricher, Records()).work(lab.told.ctx(), RUN)
        assert isinstance(ended, Finished)
        assert json.loads(ended.result)["companies"] == 0
