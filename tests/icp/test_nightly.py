"""The nightly run: companies of Singapore get their UEN, unfinished lists go on, and what failed
is asked again; and companies straight from the register."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.domain.graph import Backfill, Evidence, FieldName, Statement, Status, statement_id
from data411_mcp.domain.icp.acra import name_key
from data411_mcp.domain.icp.contacts import company_of
from data411_mcp.domain.icp.run import ICP_NEXT, ICP_RUN, IcpRun
from data411_mcp.domain.icp.values import (
    EnrichedCompany,
    Intake,
    Lookalike,
    SiteSignals,
)
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.domain.lead import Lead
from data411_mcp.domain.merge import assemble, statements_of
from data411_mcp.errors import ChatBusy, InsufficientBalance, LookupFailed
from data411_mcp.services.forgetting import Forgetting
from data411_mcp.services.graph_writer import GraphWriter
from data411_mcp.services.icp import nightly as nights
from data411_mcp.services.icp.acra_direct import AcraDirect
from data411_mcp.services.icp.anchoring import ANCHOR, Anchor
from data411_mcp.services.icp.nightly import Nightly
from data411_mcp.services.icp.nights import Nights
from data411_mcp.services.icp.parts import COMPANY, SHORTLIST, SIGNALS, Shortlist
from data411_mcp.services.ports import SessionRow
from data411_mcp.services.ports.icp import AcraEntity, SsicRow
from tests.access.jobs_to_tell import HandClock, job_of
from tests.icp.world import icp_lab, icp_world
from tests.services.session_world import write_rows

KOPI = AcraEntity(
    uen="201900001K",
    name="KOPI EXAMPLE PTE. LTD.",
    status="Live Company",
    live=True,
    ssic_code="01111",
    ssic_description="GROWING OF LEAFY VEGETABLES",
    postal_code="012345",
)
TEH = replace(KOPI, uen="201900002K", name="TEH WORKS PTE. LTD.")
DAY = 86_400.0


@dataclass
class Register:
    """Rows by name; `broken` names raise."""

    rows: Sequence[AcraEntity] = ()
    broken: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    async def by_name(self, name: str, *, deadline_seconds: float) -> tuple[AcraEntity, ...]:
        self.asked.append(name)
        if name in self.broken or "*" in self.broken:
            raise LookupFailed("rate_limited")
        return tuple(row for row in self.rows if name_key(row.name) == name_key(name))


@dataclass
class Night:
    store: SqliteStore
    clock: HandClock
    register: Register
    nightly: Nightly
    jobs: list[Job]

    async def company(self, domain: str, name: str, **more: Any) -> EnrichedCompany:
        company = EnrichedCompany(
            domain=domain, name=name, **{"state": "done", "country": "SG"} | more
        )
        text = company.model_dump_json()
        await self.store.put_document("acme", COMPANY, domain, text, at=self.clock.now())
        return company

    async def read(self, domain: str) -> EnrichedCompany:
        found = await self.store.document("acme", COMPANY, domain)
        assert found is not None
        return EnrichedCompany.model_validate_json(found.text)

    async def anchor(self, domain: str) -> Anchor:
        found = await self.store.document("acme", ANCHOR, domain)
        assert found is not None
        return Anchor.model_validate_json(found.text)

    async def graph(self, chat: str = "chat-1") -> Backfill:
        row = await self.store.session("acme", chat)
        assert row is not None
        assert row.backfill is not None
        return Backfill.model_validate_json(row.backfill)

    async def chat(self, *statements: Statement, chat: str = "chat-1") -> None:
        now = self.clock.now()
        lead = Lead(company="Kopi", domain="kopi.example")
        row = SessionRow("acme", chat, lead.model_dump_json(), "key", now, now, 0)
        await self.store.bind(row)
        graph = assemble(Backfill(chat_session_id=chat, lead=lead), statements, ())
        await self.store.save_backfill(
            "acme", chat, graph.model_dump_json(by_alias=True), expected_version=0, at=now
        )


@pytest.fixture
async def night(tmp_path: Path) -> AsyncIterator[Night]:
    async with SqliteStore.open(tmp_path / "store.sqlite3") as store:
        clock, register, jobs = HandClock(), Register([KOPI, TEH]), list[Job]()

        async def submit(job: Job) -> Job:
            jobs.append(job)
            return await store.add_job(job)

        writer = GraphWriter(store, Forgetting(store, clock, b"k" * 32), clock)
        nightly = Nightly(store, store, register, writer, clock, submit)
        yield Night(store, clock, register, nightly, jobs)


def said(field_name: FieldName, value: str, source: str = "own_site") -> Statement:
    evidence = Evidence(
        url="https://kopi.example/", page_sha256="a" * 64, start=0, end=4, quote=value,
        slot="data411-site", fetched_at="2026-01-01T00:00:00+00:00", source=source,
    )  # fmt: skip
    return Statement(
        id=statement_id("company", field_name, value), field=field_name, value=value, raw=value,
        evidence=(evidence,),
    )  # fmt: skip


def proven(graph: Backfill) -> dict[str, str]:
    return {s.field.value: s.value for s in statements_of(graph) if s.status is Status.PROVEN}


# --- anchoring ---------------------------------------------------------------------------


async def test_a_singapore_company_gets_its_uen_and_its_industry_with_proof(night: Night) -> None:
    await night.store.replace_ssic(
        "2020", [SsicRow("01111", "subclass", "Growing of leafy vegetables")]
    )
    await night.store.replace_ssic("2025", [SsicRow("01111", "subclass", "Something else")])
    await night.chat()
    await night.company("kopi.example", "Kopi Example", chat_session_id="chat-1")
    report = await night.nightly.run()
    assert (report.companies, dict(report.outcomes)) == (1, {"anchored": 1})
    anchor = await night.anchor("kopi.example")
    assert (anchor.uen, anchor.sg_registered, anchor.tied_by) == (KOPI.uen, True, ("name",))
    assert (anchor.ssic_code, anchor.ssic_edition) == ("01111", "2020")
    graph = await night.graph()
    assert proven(graph) == {
        "registry_id": f"UEN:{KOPI.uen}",
        "legal_name": KOPI.name,
        "industry_code": "01111",
        "sg_registered": "true",
    }
    for statement in statements_of(graph):
        (evidence,) = statement.evidence
        page = await night.store.page("acme", evidence.page_sha256)
        assert page is not None
        assert page.text[evidence.start : evidence.end] == evidence.quote
        assert statement.raw in evidence.quote
    code = next(s for s in statements_of(graph) if s.field is FieldName.INDUSTRY_CODE)
    assert code.kind == "SSIC 2020"
    stub = await night.read("kopi.example")
    assert stub.uen == KOPI.uen
    assert company_of(stub, graph).uen == KOPI.uen


async def test_a_second_night_asks_nothing_and_changes_nothing(night: Night) -> None:
    await night.chat()
    await night.company("kopi.example", "Kopi Example", chat_session_id="chat-1")
    await night.nightly.run()
    asked, before = len(night.register.asked), await night.store.session("acme", "chat-1")
    report = await night.nightly.run()
    assert (report.recent, len(night.register.asked)) == (1, asked)
    night.clock.seconds += 31 * DAY
    report = await night.nightly.run()
    assert dict(report.outcomes) == {"anchored": 1}
    after = await night.store.session("acme", "chat-1")
    assert before is not None
    assert after is not None
    assert after.version == before.version


async def test_only_companies_of_singapore_are_asked_about(night: Night) -> None:
    await night.company("kopi.example", "Kopi Example", country="")
    await night.company("leeds.example", "Teh Works", country="GB")
    await night.company("bukit.com.sg", "Teh Works", country="")
    await night.company("signals.example", "Kopi Example Pte Ltd", country="")
    await night.company("broken.example", "Kopi Example Pte Ltd", country="", state="failed")
    for domain, country in (("signals.example", "SG"), ("kopi.example", "MY")):
        signals = SiteSignals(domain=domain, country=country).model_dump_json()
        await night.store.put_document("acme", SIGNALS, domain, signals, at=night.clock.now())
    report = await night.nightly.run()
    assert report.companies == 2
    assert night.register.asked == ["Teh Works", "Kopi Example Pte Ltd"]


async def test_companies_of_a_list_that_were_not_enriched_are_anchored_too(night: Night) -> None:
    await put_shortlist(night, ["kopi.com.sg", "milo.example"])
    await night.nightly.run()
    assert (await night.anchor("kopi.com.sg")).uen == KOPI.uen
    assert await night.store.document("acme", COMPANY, "kopi.com.sg") is None


async def test_imported_rows_answer_where_the_register_knows_nothing(night: Night) -> None:
    night.register.rows = ()
    await night.store.add_acra([KOPI], keys=[name_key(KOPI.name)])
    await night.company("kopi.example", "Kopi Example")
    await night.nightly.run()
    assert (await night.anchor("kopi.example")).uen == KOPI.uen


async def test_what_the_register_says_now_counts_before_what_was_imported(night: Night) -> None:
    night.register.rows = (replace(KOPI, live=False, status="Struck Off"),)
    await night.store.add_acra([KOPI], keys=[name_key(KOPI.name)])
    await night.company("kopi.example", "Kopi Example")
    await night.nightly.run()
    anchor = await night.anchor("kopi.example")
    assert (anchor.outcome, anchor.sg_registered) == ("not_live", False)


async def test_the_companys_own_legal_name_is_tried_first(night: Night) -> None:
    own = said(FieldName.LEGAL_NAME, "Teh Works Pte Ltd")
    others = said(FieldName.LEGAL_NAME, "Milo Pte Ltd", source="registry")
    await night.chat(own, others)
    await night.company("kopi.example", "Kopi Example", chat_session_id="chat-1")
    await night.nightly.run()
    assert night.register.asked == ["Teh Works Pte Ltd"]
    assert (await night.anchor("kopi.example")).uen == TEH.uen


async def test_defect_04_nobody_is_registered_by_default(night: Night) -> None:
    await night.chat()
    await night.company("milo.example", "Milo Pte Ltd", chat_session_id="chat-1")
    await night.nightly.run()
    anchor = await night.anchor("milo.example")
    assert (anchor.outcome, anchor.uen, anchor.sg_registered) == ("no_match", "", None)
    assert proven(await night.graph()) == {}
    assert (await night.read("milo.example")).uen == ""


async def test_defect_04_a_struck_off_company_is_not_registered(night: Night) -> None:
    night.register.rows = [replace(KOPI, live=False, status="Struck Off")]
    await night.chat()
    await night.company("kopi.example", "Kopi Example", chat_session_id="chat-1")
    await night.nightly.run()
    anchor = await night.anchor("kopi.example")
    assert (anchor.outcome, anchor.status, anchor.sg_registered) == (
        "not_live", "Struck Off", False,
    )  # fmt: skip
    assert proven(await night.graph()) == {}


async def test_a_company_that_is_struck_off_later_loses_its_registration(night: Night) -> None:
    await night.chat()
    await night.company("kopi.example", "Kopi Example", chat_session_id="chat-1")
    await night.nightly.run()
    night.register.rows = [replace(KOPI, live=False, status="Struck Off")]
    night.clock.seconds += 31 * DAY
    await night.nightly.run()
    assert proven(await night.graph())["sg_registered"] == "false"
    assert (await night.anchor("kopi.example")).sg_registered is False


async def test_defect_05_a_night_that_finds_nothing_erases_nothing(night: Night) -> None:
    await night.chat(said(FieldName.INDUSTRY_NORM, "coffee"))
    await night.company("kopi.example", "Kopi Example", chat_session_id="chat-1")
    await night.nightly.run()
    night.register.rows = ()
    night.clock.seconds += 31 * DAY
    await night.nightly.run()
    assert (await night.anchor("kopi.example")).uen == KOPI.uen
    assert proven(await night.graph())["registry_id"] == f"UEN:{KOPI.uen}"
    assert proven(await night.graph())["industry_norm"] == "coffee"


async def test_defect_09_a_company_with_another_name_is_not_anchored(night: Night) -> None:
    await night.company("kopi.example", "Kopi Examples Pte Ltd")
    await night.company("teh.example", "Teh Pte Ltd")
    report = await night.nightly.run()
    assert dict(report.outcomes) == {"no_match": 2}


async def test_defect_11_six_digits_are_a_postal_code_only_in_a_singapore_address(
    night: Night,
) -> None:
    other = replace(KOPI, uen="201900009K", postal_code="067890")
    night.register.rows = [KOPI, other]
    await night.chat(said(FieldName.ADDRESS, "Order 067890, Mumbai"))
    await night.company("kopi.example", "Kopi Example", chat_session_id="chat-1")
    assert dict((await night.nightly.run()).outcomes) == {"ambiguous": 1}
    await night.chat(said(FieldName.ADDRESS, "8 Example Way, Singapore 067890"), chat="chat-2")
    await night.company("kopi2.example", "Kopi Example", chat_session_id="chat-2")
    await night.nightly.run()
    assert (await night.anchor("kopi2.example")).uen == other.uen


async def test_a_chat_past_its_retention_does_not_stop_the_night(night: Night) -> None:
    await night.company("kopi.example", "Kopi Example", chat_session_id="gone")
    await night.nightly.run()
    assert (await night.read("kopi.example")).uen == KOPI.uen


async def test_a_graph_of_another_version_does_not_stop_the_night(night: Night) -> None:
    await night.chat()
    await night.store.save_backfill(
        "acme", "chat-1", '{"schema_version": "another"}', expected_version=1, at=night.clock.now()
    )
    await night.company("kopi.example", "Kopi Example", chat_session_id="gone")
    await night.company("teh.example", "Teh Works", chat_session_id="chat-1")
    report = await night.nightly.run()
    assert report.outcomes["anchored"] >= 1


async def test_documents_of_another_version_do_not_stop_the_night(night: Night) -> None:
    for kind in (COMPANY, SHORTLIST):
        await night.store.put_document("acme", kind, "x.sg", '{"later": 1}', at=night.clock.now())
    await night.company("kopi.example", "Kopi Example")
    assert (await night.nightly.run()).companies == 1


# --- failures ----------------------------------------------------------------------------


async def test_defect_16_a_failed_look_up_is_not_recent(night: Night) -> None:
    night.register.broken = {"Kopi Example"}
    await night.company("kopi.example", "Kopi Example")
    for attempts in (1, 2):
        report = await night.nightly.run()
        assert (report.failed, report.recent) == (1, 0)
        anchor = await night.anchor("kopi.example")
        assert (anchor.state, anchor.reason, anchor.attempts) == (
            "failed", "rate_limited", attempts,
        )  # fmt: skip
    night.register.broken = set()
    report = await night.nightly.run()
    assert dict(report.outcomes) == {"anchored": 1}
    assert (await night.anchor("kopi.example")).state == "done"


async def test_defect_18_a_failure_is_recorded_as_one_and_keeps_what_was_known(
    night: Night,
) -> None:
    await night.company("kopi.example", "Kopi Example")
    await night.nightly.run()
    night.register.broken = {"*"}
    night.clock.seconds += 31 * DAY
    await night.nightly.run()
    anchor = await night.anchor("kopi.example")
    assert (anchor.state, anchor.uen, anchor.sg_registered) == ("failed", KOPI.uen, True)


async def test_a_register_that_is_away_is_left_alone_after_some_failures(night: Night) -> None:
    night.register.broken = {"*"}
    await night.store.add_acra([TEH], keys=[name_key(TEH.name)])
    for number in range(9):
        await night.company(f"k{number}.example", "Kopi Example")
    await night.company("z.example", "Teh Works")
    report = await night.nightly.run()
    assert len(night.register.asked) == nights.FAILURES_MAX
    assert (report.failed, dict(report.outcomes)) == (9, {"anchored": 1})
    night.register.broken = set()
    report = await night.nightly.run()
    assert (report.recent, dict(report.outcomes)) == (1, {"anchored": 9})


async def test_a_night_takes_so_many_companies_and_the_next_one_the_rest(night: Night) -> None:
    for number in range(5):
        await night.company(f"k{number}.example", "Kopi Example")
    assert dict((await night.nightly.run(companies_max=3)).outcomes) == {"anchored": 3}
    report = await night.nightly.run(companies_max=3)
    assert (report.recent, dict(report.outcomes)) == (3, {"anchored": 2})


async def test_an_interrupted_night_goes_on_with_the_rest(night: Night) -> None:
    for name in ("a", "b", "c"):
        await night.company(f"{name}.example", "Kopi Example" if name != "b" else "Teh Works")
    reached = anyio.Event()

    class Stuck(Register):
        async def by_name(self, name: str, *, deadline_seconds: float) -> tuple[AcraEntity, ...]:
            if name == "Teh Works":
                reached.set()
                await anyio.sleep_forever()
            return await super().by_name(name, deadline_seconds=deadline_seconds)

    stuck = replace(night.nightly, register=Stuck([KOPI]))
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stuck.run)
            await reached.wait()
            tasks.cancel_scope.cancel()
    report = await night.nightly.run()
    assert (report.recent, dict(report.outcomes)) == (1, {"anchored": 2})


async def test_tenants_do_not_see_each_others_companies(night: Night) -> None:
    await night.company("kopi.example", "Kopi Example")
    theirs = EnrichedCompany(domain="kopi.example", name="Teh Works", country="SG", state="done")
    await night.store.put_document(
        "rival", COMPANY, "kopi.example", theirs.model_dump_json(), at=night.clock.now()
    )
    assert (await night.nightly.run(tenant="acme")).companies == 1
    assert await night.store.document("rival", ANCHOR, "kopi.example") is None
    assert (await night.nightly.run()).companies == 2
    anchor = await night.store.document("rival", ANCHOR, "kopi.example")
    assert anchor is not None
    assert json.loads(anchor.text)["uen"] == TEH.uen
    assert (await night.anchor("kopi.example")).uen == KOPI.uen


# --- the rest of the lists ---------------------------------------------------------------


async def put_shortlist(night: Night, domains: Sequence[str], job_id: str = "run-1") -> None:
    likes = tuple(
        Lookalike(domain=d, name="Kopi Example", score=50, bucket="B", why="alike", snippet="")
        for d in domains
    )
    made = Shortlist(
        thread_id="thread-1", job_id=job_id, made_at=night.clock.now(), lookalikes=likes
    )
    await night.store.put_document(
        "acme", SHORTLIST, "thread-1", made.model_dump_json(), at=night.clock.now()
    )


async def put_run(night: Night, status: JobStatus = JobStatus.DONE, **more: Any) -> None:
    run = IcpRun(thread_id="thread-1", intake=Intake(), **{"approved": True} | more)
    job = replace(
        job_of(night.clock),
        id="run-1", tenant="acme", route=ICP_RUN, chat_session_id="thread-1",
        payload=run.model_dump_json(), status=JobStatus.QUEUED, idempotency_key="run-1",
    )  # fmt: skip
    await night.store.add_job(job)
    await night.store.claim_job("w", now=night.clock.now(), lease_seconds=10, job_id="run-1")
    await night.store.finish_job("run-1", "w", status, now=night.clock.now())


DOMAINS = [f"firm{number:02}.example" for number in range(13)]


async def test_a_list_of_which_companies_are_missing_goes_on(night: Night) -> None:
    await put_run(night)
    await put_shortlist(night, DOMAINS)
    await night.company(DOMAINS[10], "Done", country="GB")
    await night.company(DOMAINS[11], "Failed", country="GB", state="failed")
    report = await night.nightly.run()
    assert report.lists_queued == 1
    (job,) = night.jobs
    assert (job.route, job.chat_session_id, job.tenant) == (ICP_NEXT, "next40-run-1", "acme")
    assert IcpRun.model_validate_json(job.payload).thread_id == "thread-1"
    assert (await night.nightly.run()).lists_queued == 0  # it has not ended yet


async def test_a_list_that_is_done_or_was_never_approved_stays(night: Night) -> None:
    await put_run(night, approved=False)
    await put_shortlist(night, DOMAINS)
    assert (await night.nightly.run()).lists_queued == 0
    await put_shortlist(night, DOMAINS, job_id="another")
    assert (await night.nightly.run()).lists_queued == 0


async def test_a_finished_list_is_left_alone(night: Night) -> None:
    await put_run(night)
    await put_shortlist(night, DOMAINS)
    for domain in DOMAINS[10:]:
        await night.company(domain, "Done", country="GB")
    assert (await night.nightly.run()).lists_queued == 0


async def test_a_run_that_failed_is_not_taken_for_one_that_was_done(night: Night) -> None:
    await put_run(night, JobStatus.ERROR)
    await put_shortlist(night, DOMAINS)
    assert (await night.nightly.run()).lists_queued == 0


async def test_a_list_whose_companies_keep_failing_is_given_up(night: Night) -> None:
    await put_run(night)
    await put_shortlist(night, DOMAINS)
    for _ in range(5):
        await night.nightly.run()
        for job in night.jobs:
            await night.store.claim_job("w", now=night.clock.now(), lease_seconds=9, job_id=job.id)
            await night.store.finish_job(job.id, "w", JobStatus.DONE, now=night.clock.now())
    assert len(night.jobs) == nights.REMAINDERS_MAX


# --- straight from the register ----------------------------------------------------------


@dataclass
class Handed:
    uens: list[str] = field(default_factory=list)
    refuses: Mapping[str, Exception] = field(default_factory=dict)

    async def __call__(self, entity: AcraEntity) -> str:
        if entity.uen in self.refuses:
            raise self.refuses[entity.uen]
        self.uens.append(entity.uen)
        return f"job of {entity.uen}"


async def put_register(night: Night, count: int = 6) -> list[str]:
    rows = [replace(KOPI, uen=f"2019{n:05}K", name=f"FIRM {n} PTE. LTD.") for n in range(count)]
    rows[1] = replace(rows[1], live=False, status="Struck Off")
    rows[2] = replace(rows[2], ssic_code="62011")
    await night.store.add_acra(rows, keys=[name_key(row.name) for row in rows])
    return [row.uen for row in rows]


async def test_live_companies_of_the_register_are_handed_in_once(night: Night) -> None:
    uens = await put_register(night)
    handed = Handed()
    direct = AcraDirect(night.store, night.clock, handed)
    first = await direct.run("acme", limit=2)
    assert (first.handed_in, first.dissolved, first.complete) == (2, 1, False)
    rest = await direct.run("acme", limit=100)
    assert (rest.handed_in, rest.complete) == (3, True)
    assert handed.uens == [uens[0], *uens[2:]]
    again = await direct.run("acme", limit=100)
    assert (again.handed_in, again.recent) == (0, 5)
    night.clock.seconds += 31 * DAY
    assert (await direct.run("acme", limit=100)).handed_in == 5
    other = await direct.run("rival", limit=100)
    assert other.handed_in == 5


async def test_companies_of_one_industry_can_be_asked_for(night: Night) -> None:
    uens = await put_register(night)
    handed = Handed()
    report = await AcraDirect(night.store, night.clock, handed).run("acme", limit=10, ssic="62")
    assert (handed.uens, report.other) == ([uens[2]], 4)


async def test_defect_16_a_company_that_could_not_be_handed_in_is_not_recent(
    night: Night,
) -> None:
    uens = await put_register(night)
    handed = Handed(refuses={uens[3]: InsufficientBalance("no money", "")})
    direct = AcraDirect(night.store, night.clock, handed)
    report = await direct.run("acme", limit=100)
    assert (report.handed_in, report.failed, report.complete) == (4, 1, True)
    handed.refuses = {}
    assert (await direct.run("acme", limit=100)).handed_in == 1
    assert handed.uens[-1] == uens[3]


async def test_where_nothing_can_be_handed_in_the_next_call_begins_with_it(night: Night) -> None:
    uens = await put_register(night, 20)
    refused = {uen: InsufficientBalance("no money", "") for uen in uens[3:]}
    handed = Handed(refuses=refused)
    direct = AcraDirect(night.store, night.clock, handed)
    report = await direct.run("acme", limit=100)
    assert (report.handed_in, report.failed, report.last_uen) == (2, 5, uens[2])
    handed.refuses = {uens[3]: ChatBusy("it runs", "")}
    report = await direct.run("acme", limit=3)
    assert (report.handed_in, report.recent) == (3, 1)
    assert handed.uens[2:] == uens[4:7]


async def test_the_register_can_be_gone_through_from_its_beginning(night: Night) -> None:
    await put_register(night)
    direct = AcraDirect(night.store, night.clock, Handed())
    await direct.run("acme", limit=3)
    report = await direct.run("acme", limit=100, restart=True)
    assert (report.handed_in, report.recent) == (2, 3)


# --- the whole of it ---------------------------------------------------------------------


async def test_a_server_runs_it_every_night_until_it_is_stopped(night: Night) -> None:
    await night.company("kopi.example", "Kopi Example")
    hours = Nights(night.nightly, hours=1e-9, first_seconds=0.0, spread=lambda: 1.0)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hours.run)
            while not night.register.asked:
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        await Nights(night.nightly, hours=0).run()


async def test_a_night_that_breaks_does_not_end_the_server(night: Night) -> None:
    class Broken(Register):
        async def by_name(self, name: str, *, deadline_seconds: float) -> tuple[AcraEntity, ...]:
            self.asked.append(name)
            raise ZeroDivisionError(name)

    register = Broken()
    night.nightly.register = register
    await night.company("kopi.example", "Kopi Example")
    hours = Nights(night.nightly, hours=1e-9, first_seconds=0.0, spread=lambda: 1.0)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hours.run)
            while len(register.asked) < 2:
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()


async def test_the_night_asks_the_open_data_of_singapore(tmp_path: Path) -> None:
    world = icp_world(tmp_path / "market")
    write_rows(
        world / "registry" / "acra.jsonl",
        {"uen": "201912345K", "entity_name": "CHANGI AIR CARGO PARTNERS PTE. LTD.",
         "entity_status_description": "Live Company", "primary_ssic_code": "52292"},
        {"uen": "201912346K", "entity_name": "CHANGI AIR CARGO PTE. LTD.",
         "entity_status_description": "Live Company"},
    )  # fmt: skip
    async with icp_lab(tmp_path, world=world) as opened:
        services = opened.app
        company = EnrichedCompany(
            domain="changicargo.example", name="Changi Air Cargo Partners", country="SG",
            state="done",
        )  # fmt: skip
        await services.nightly.icp.put_document(
            services.tenant, COMPANY, company.domain, company.model_dump_json(),
            at=services.clock.now(),
        )  # fmt: skip
        with anyio.fail_after(60):
            report = await services.nightly.run()
        assert dict(report.outcomes) == {"anchored": 1}
        found = await services.nightly.icp.document(services.tenant, ANCHOR, company.domain)
    assert found is not None
    anchor = Anchor.model_validate_json(found.text)
    assert (anchor.uen, anchor.ssic_code) == ("201912345K", "52292")
