"""One lookalike enriched, end to end against the twins."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from data411_mcp.domain.graph import FieldName, Status
from data411_mcp.domain.icp.reflection import Decisions
from data411_mcp.domain.icp.values import EnrichedCompany
from data411_mcp.domain.merge import statements_of
from data411_mcp.services.icp.enriching import enricher, model, people
from data411_mcp.services.icp.enriching.company import chat_of
from data411_mcp.services.icp.enriching.enricher import ENRICHED, RECHECK_DAYS
from data411_mcp.services.payloads import SLOT_RERUN
from tests.icp.enriching_world import (
    ALDER,
    BROOK,
    CEDAR,
    DRUM,
    GONE,
    PARKED,
    RUN,
    EnricherLab,
    Told,
    enriching_world,
    like,
    open_enricher,
    site_of,
)
from tests.services.follow_ups import called
from tests.services.session_world import TENANT, rows_of, until, write_rows, write_site

FINDER, EMPLOYEES, SEARCH = "finder", "company-employees", "profile-search"


def bought(lab: EnricherLab) -> list[str]:
    """Which actors were started, in order."""
    actors = (FINDER, EMPLOYEES, SEARCH)
    paths = lab.asked("/acts/")
    return [next(a for a in actors if a in path) for path in paths]


# --- where the pages say enough ---------------------------------------------------------------


async def test_a_company_whose_pages_name_people_is_done_without_the_linkedin_vendor(
    tmp_path: Path,
) -> None:
    async with open_enricher(tmp_path) as lab:
        company = await lab.enrich(ALDER, "Alder Pump Works")
        assert (company.state, company.degraded) == ("done", ())
        assert [(c.name, c.title, c.source) for c in company.contacts] == [
            ("Nora Alder", "Owner", "own_site"),
            ("Jonas Reed", "Workshop Manager", "own_site"),
        ]
        assert company.contacts[0].deliverability == "verified"
        assert company.phones == ("+16145550111",)
        assert company.proven > 5
        assert bought(lab) == []
        assert lab.told.messages == [
            f"{ALDER}: {company.pages_read} pages fetched, no LinkedIn page, 2 contacts saved."
        ]


async def test_the_graph_of_a_company_is_an_ordinary_one_that_a_slot_can_be_rerun_on(
    tmp_path: Path,
) -> None:
    async with open_enricher(tmp_path) as lab:
        company = await lab.enrich(ALDER, "Alder Pump Works")
        graph = await lab.graph(ALDER)
        assert graph.chat_session_id == company.chat_session_id == chat_of(ALDER)
        assert graph.identity.decision == "clear"
        assert "Nora Alder" in graph.summary_markdown
        assert {r.model_id for r in graph.tool_trace.parallel_results} >= {
            "data411-site", "data411-dns",
        }  # fmt: skip
        ran = await called(
            lab.lab, SLOT_RERUN, company.chat_session_id, model_id="data411-hunt-swift",
            prompts=["Find a phone number of the company."],
        )  # fmt: skip
        assert ran.job.status == "done"
        assert rows_of(ran.graph)["data411-hunt-swift"].state in {"done", "repetition"}
        assert {c.name.value for c in ran.graph.contacts} >= {"Nora Alder", "Jonas Reed"}


async def test_a_name_that_the_site_does_not_know_does_not_lose_the_company(
    tmp_path: Path,
) -> None:
    async with open_enricher(tmp_path) as lab:
        company = await lab.enrich(ALDER, "Best pump dealers of Ohio 2026")
        assert company.state == "done"
        assert company.name == "Alder Pump Works"
        assert (await lab.graph(ALDER)).identity.decision == "clear"
        assert [c.name for c in company.contacts] == ["Nora Alder", "Jonas Reed"]


async def test_a_page_that_never_ends_is_not_waited_for_once_the_evidence_suffices(
    tmp_path: Path,
) -> None:
    world = enriching_world(tmp_path / "world")
    write_rows(
        world / "faults.jsonl",
        {"host": ALDER, "path": "/contact-us", "fault": {"kind": "stall", "seconds": 3000}},
    )
    async with open_enricher(tmp_path, world) as lab:
        company = await lab.enrich(ALDER, "Alder Pump Works")
        assert [c.name for c in company.contacts] == ["Nora Alder", "Jonas Reed"]


async def test_acra_is_never_called_while_companies_are_enriched(tmp_path: Path) -> None:
    async with open_enricher(tmp_path) as lab:
        for domain in (ALDER, BROOK, CEDAR):
            await lab.enrich(domain)
        assert not [e for e in lab.lab.twins.log if "gov.sg" in e.host]


# --- people from the LinkedIn vendor ----------------------------------------------------------


async def test_a_company_without_people_gets_them_from_the_linkedin_vendor(tmp_path: Path) -> None:
    async with open_enricher(tmp_path) as lab:
        company = await lab.enrich(BROOK, "Brook Valve Company")
        assert company.linkedin_url == "https://www.linkedin.com/company/brook-valve"
        tess, anders = company.contacts
        assert (tess.name, tess.title) == ("Tess Orchard", "Managing Director")
        assert (tess.email, tess.deliverability) == (f"torch@{BROOK}", "verified")
        assert (anders.name, anders.title) == ("Anders Moe", "Foundry Manager")
        assert (anders.email, anders.deliverability) == ("", "undeliverable")
        assert {tess.source, anders.source} == {"apify"}
        assert company.contacts[0].linkedin_url == "https://www.linkedin.com/in/t-orch-9"
        assert bought(lab) == [FINDER, EMPLOYEES]
        assert lab.told.messages == [
            f"{BROOK}: 2 pages fetched, LinkedIn resolved, 2 contacts saved."
        ]


async def test_what_the_vendor_says_has_its_stored_reply_as_evidence_and_stays_unproven(
    tmp_path: Path,
) -> None:
    async with open_enricher(tmp_path) as lab:
        await lab.enrich(BROOK)
        graph = await lab.graph(BROOK)
        theirs = [s for s in statements_of(graph) if any(e.reader == "apify" for e in s.evidence)]
        assert {s.field for s in theirs} == {
            FieldName.PERSON, FieldName.TITLE, FieldName.EMAIL, FieldName.LINK,
            FieldName.LINKEDIN_URL,
        }  # fmt: skip
        for statement in theirs:
            assert statement.status is Status.UNPROVEN
            evidence = next(e for e in statement.evidence if e.reader == "apify")
            page = await lab.lab.app.store.page(TENANT, evidence.page_sha256, evidence.url)
            assert page is not None
            assert evidence.quote == page.text[evidence.start : evidence.end]
            assert evidence.source in {"third_party", "directory"}
        assert "Tess Orchard" not in graph.summary_markdown


async def test_the_linkedin_page_is_in_graph_and_document_before_the_people_are_asked_for(
    tmp_path: Path,
) -> None:
    world = enriching_world(tmp_path / "world")
    write_rows(
        world / "faults.jsonl",
        {"vendor": "apify_employees", "fault": {"kind": "stall", "seconds": 3000}},
    )
    async with open_enricher(tmp_path, world) as lab, anyio.create_task_group() as tasks:
        tasks.start_soon(lab.enrich, BROOK)
        await until(lambda: EMPLOYEES in bought(lab))
        kept = await lab.icp.document(TENANT, "company", BROOK)
        assert kept is not None
        stub = EnrichedCompany.model_validate_json(kept.text)
        assert stub.linkedin_url == "https://www.linkedin.com/company/brook-valve"
        assert (stub.contacts, stub.emails, stub.phones) == ((), (), ())
        found = [s for s in statements_of(await lab.graph(BROOK)) if s.field == "linkedin_url"]
        assert [(s.value, s.status) for s in found] == [(stub.linkedin_url, "unproven")]
        tasks.cancel_scope.cancel()


async def test_without_employees_the_profile_search_is_tried_once(tmp_path: Path) -> None:
    async with open_enricher(tmp_path) as lab:
        company = await lab.enrich(CEDAR)
        assert [c.name for c in company.contacts] == ["Iris Vann"]
        assert company.degraded == ("APIFY_NO_EMPLOYEES",)
        assert bought(lab) == [FINDER, EMPLOYEES, SEARCH]


async def test_the_reflected_variant_goes_straight_to_the_profile_search(tmp_path: Path) -> None:
    async with open_enricher(tmp_path) as lab:
        company = await lab.enrich(CEDAR, apify_variant="profile_search")
        assert [c.name for c in company.contacts] == ["Iris Vann"]
        assert bought(lab) == [FINDER, SEARCH]


async def test_a_vendor_that_was_switched_off_is_not_asked_and_the_user_is_told(
    tmp_path: Path,
) -> None:
    async with open_enricher(tmp_path) as lab:
        company = await lab.enrich(BROOK, apify_variant="off")
        assert (company.state, company.degraded) == ("done", ("APIFY_CAP_EXCEEDED",))
        assert bought(lab) == []
        assert lab.told.messages == [
            f"{BROOK}: 2 pages fetched, no LinkedIn page, 0 contacts saved, "
            "the daily cap of the LinkedIn vendor is reached."
        ]


async def test_the_daily_cap_is_shown_in_the_tick_and_blocks_nothing(tmp_path: Path) -> None:
    async with open_enricher(tmp_path, settings={"apify_daily_cap": 1}) as lab:
        company = await lab.enrich(BROOK)
        assert (company.state, company.degraded) == ("done", ("APIFY_CAP_EXCEEDED",))
        assert bought(lab) == [FINDER]
        assert people.CAP_NOTE in lab.told.messages[0]
        assert lab.told.events[0].context["degraded"] == ["APIFY_CAP_EXCEEDED"]


async def test_a_throttled_run_is_shown_in_the_tick(tmp_path: Path) -> None:
    world = enriching_world(tmp_path / "world")
    write_rows(
        world / "linkedin" / "companies.jsonl",
        {"slug": "brook-valve", "domains": [BROOK], "run": "rate_limited"},
    )
    async with open_enricher(tmp_path, world) as lab:
        await lab.enrich(BROOK)
        assert people.THROTTLED_NOTE in lab.told.messages[0]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 403},
        {"kind": "status", "status": 402},
        {"kind": "status", "status": 429},
        {"kind": "cut_json"},
        {"kind": "reset"},
    ],
    ids=lambda fault: str(fault.get("status", fault["kind"])),
)
async def test_whatever_the_linkedin_vendor_does_the_company_is_done(
    tmp_path: Path, fault: dict[str, Any]
) -> None:
    world = enriching_world(tmp_path / "world")
    write_rows(world / "faults.jsonl", {"vendor": "apify", "fault": fault})
    async with open_enricher(tmp_path, world) as lab:
        company = await lab.enrich(BROOK)
        assert company.state == "done"
        assert company.phones == ("+19375550120",)
        assert set(company.degraded) & {"APIFY_LINKEDIN_FAIL", "APIFY_CAP_EXCEEDED"}


async def test_a_company_that_linkedin_does_not_know_is_done_without_people(
    tmp_path: Path,
) -> None:
    async with open_enricher(tmp_path) as lab:
        company = await lab.enrich(DRUM)
        assert (company.state, company.contacts) == ("done", ())
        assert company.degraded == ("APIFY_LINKEDIN_FAIL",)
        assert bought(lab) == [FINDER]


async def test_without_a_vendor_key_the_company_is_done_and_nothing_is_degraded(
    tmp_path: Path,
) -> None:
    async with open_enricher(tmp_path, settings={"apify_token": None}) as lab:
        company = await lab.enrich(BROOK)
        assert (company.state, company.degraded, company.contacts) == ("done", (), ())


async def test_a_regional_linkedin_link_on_the_own_site_is_proven_and_not_asked_for(
    tmp_path: Path,
) -> None:
    world = enriching_world(tmp_path / "world")
    pages = site_of("Brook Valve Company")
    link = '<a href="https://sg.linkedin.com/company/brook-valve/about/">LinkedIn</a></footer>'
    pages["index"] = pages["index"].replace("</footer>", link)
    write_site(world, BROOK, **pages)
    async with open_enricher(tmp_path, world) as lab:
        company = await lab.enrich(BROOK)
        assert company.linkedin_url == "https://www.linkedin.com/company/brook-valve"
        assert bought(lab) == [EMPLOYEES]
        assert len(company.contacts) == 2


async def test_defect_06_contacts_are_kept_without_a_verifier(tmp_path: Path) -> None:
    async with open_enricher(tmp_path, settings={"zerobounce_key": None}) as lab:
        company = await lab.enrich(BROOK)
        assert [(c.name, c.email, c.deliverability) for c in company.contacts] == [
            ("Tess Orchard", f"torch@{BROOK}", "accepted"),
            ("Anders Moe", f"amoe@{BROOK}", "accepted"),
        ]
        assert company.degraded == ()


async def test_a_verifier_that_is_out_of_money_degrades_and_keeps_the_contacts(
    tmp_path: Path,
) -> None:
    settings = {"zerobounce_key": SecretStr("zb-spent")}
    async with open_enricher(tmp_path, settings=settings) as lab:
        company = await lab.enrich(BROOK)
        assert [c.deliverability for c in company.contacts] == ["accepted", "accepted"]
        assert company.degraded == ("VERIFIER_UNAVAILABLE",)


# --- a resumed job ----------------------------------------------------------------------------


class Killed(Exception):
    """The process has died here."""


async def test_a_resumed_job_recalls_the_people_it_bought_and_does_not_buy_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_enricher(tmp_path) as lab:
        real = people.merged

        async def killed(work: Any, brought: Any, linkedin: str) -> None:
            if any(f.field is FieldName.PERSON for f in brought.findings):
                raise Killed
            await real(work, brought, linkedin)

        monkeypatch.setattr(people, "merged", killed)
        with pytest.raises(Killed):
            await lab.enrich(BROOK)
        monkeypatch.setattr(people, "merged", real)
        company = await lab.enrich(BROOK)
        assert [c.name for c in company.contacts] == ["Tess Orchard", "Anders Moe"]
        assert bought(lab) == [FINDER, EMPLOYEES]


async def test_a_job_that_died_while_the_vendor_worked_does_not_buy_again(tmp_path: Path) -> None:
    async with open_enricher(tmp_path) as lab:
        lab.told.steps[f"company:{BROOK}:{people.ATTEMPTED}"] = '{"findings": null}'
        company = await lab.enrich(BROOK)
        assert (company.state, company.contacts) == ("done", ())
        assert company.degraded == ("APIFY_LINKEDIN_FAIL",)
        assert bought(lab) == [FINDER]


async def test_wherever_it_dies_the_company_is_done_by_the_next_attempt_and_bought_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before every write in turn: of the graph, of a step, of a document."""
    world = enriching_world(tmp_path / "world")
    outcomes = []
    for write in range(1, 30):
        folder = tmp_path / str(write)
        folder.mkdir()
        async with open_enricher(folder, world) as lab:
            died = await _dies_before(lab, write, monkeypatch)
            company = await lab.enrich(BROOK)
            assert (company.state, company.phones) == ("done", ("+19375550120",))
            assert bought(lab).count(EMPLOYEES) <= 1
            outcomes.append(len(company.contacts))
            if not died:
                break
    assert len(outcomes) > 6
    # Between the guard and what was bought: of two evils, nobody rather than paying twice.
    assert outcomes.count(0) <= 2
    assert set(outcomes) <= {0, 2}


async def _dies_before(lab: EnricherLab, write: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Enrich, and die before the nth write; False where there are fewer."""
    store = lab.lab.app.store
    left = [write]

    def counted(real: Any) -> Any:
        async def dying(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            return await real(*args, **kwargs)

        return dying

    with monkeypatch.context() as patched:
        for name in ("save_backfill", "put_document"):
            patched.setattr(type(store), name, _method(counted(getattr(store, name))))
        ctx = lab.told.ctx()
        ctx.checkpoint = counted(ctx.checkpoint)
        died = False
        try:
            await lab.enricher.enrich(ctx, RUN, like(BROOK), Decisions())
        except* Killed:
            died = True
    return died


def _method(bound: Any) -> Any:
    """In place of a method, without its first argument."""

    async def call(_self: Any, *args: Any, **kwargs: Any) -> Any:
        return await bound(*args, **kwargs)

    return call


# --- earlier runs -----------------------------------------------------------------------------


async def again(lab: EnricherLab, domain: str) -> EnrichedCompany:
    """As another job does it."""
    lab.told = Told()
    return await lab.enricher.enrich(lab.told.ctx("job-2"), RUN, like(domain), Decisions())


async def test_a_company_that_was_enriched_within_the_week_is_not_read_again(
    tmp_path: Path,
) -> None:
    async with open_enricher(tmp_path) as lab:
        first = await lab.enrich(BROOK)
        before = len(lab.lab.twins.log)
        second = await again(lab, BROOK)
        assert second.contacts == first.contacts
        assert (second.state, second.pages_read) == ("done", 0)
        assert len(lab.lab.twins.log) == before
        assert "known from an earlier run" in lab.told.messages[0]


async def test_a_company_without_people_anywhere_is_not_asked_for_again_within_the_week(
    tmp_path: Path,
) -> None:
    async with open_enricher(tmp_path) as lab:
        await lab.enrich(DRUM)
        assert (await again(lab, DRUM)).state == "done"
        assert bought(lab) == [FINDER]


async def test_after_a_week_it_is_read_again(tmp_path: Path) -> None:
    async with open_enricher(tmp_path) as lab:
        await lab.enrich(ALDER)
        await aged(lab, ALDER)
        assert (await again(lab, ALDER)).pages_read > 0


async def aged(lab: EnricherLab, domain: str) -> None:
    """Make what is remembered of the company older than a week."""
    kept = await lab.icp.document(TENANT, ENRICHED, domain)
    assert kept is not None
    now = lab.lab.app.clock.now()
    old = (now - timedelta(days=RECHECK_DAYS, hours=1)).isoformat()
    at = kept.text.split('"at": "')[1].split('"')[0]
    await lab.icp.put_document(TENANT, ENRICHED, domain, kept.text.replace(at, old), at=now)


async def test_defect_16_a_failed_run_does_not_count_as_recent(tmp_path: Path) -> None:
    world = enriching_world(tmp_path / "world")
    (world / "sites" / ALDER).rename(tmp_path / "kept")
    async with open_enricher(tmp_path, world) as lab:
        failed = await lab.enrich(ALDER)
        assert failed.state == "failed"
        assert await lab.icp.document(TENANT, ENRICHED, ALDER) is None
    (tmp_path / "kept").rename(world / "sites" / ALDER)
    async with open_enricher(tmp_path, world) as lab:
        company = await again(lab, ALDER)
        assert (company.state, len(company.contacts)) == ("done", 2)


async def test_defect_16_a_run_that_the_vendor_cut_short_is_completed_by_the_next(
    tmp_path: Path,
) -> None:
    async with open_enricher(tmp_path, settings={"apify_daily_cap": 0}) as lab:
        assert (await lab.enrich(BROOK)).contacts == ()
    async with open_enricher(tmp_path, tmp_path / "world") as lab:
        assert len((await again(lab, BROOK)).contacts) == 2


async def test_defect_05_a_poor_rerun_never_erases_what_is_known(tmp_path: Path) -> None:
    world = enriching_world(tmp_path / "world")
    async with open_enricher(tmp_path, world) as lab:
        first = await lab.enrich(ALDER)
        await aged(lab, ALDER)
    write_site(
        world, ALDER, index="<html><head><title>Soon</title></head><body>Soon.</body></html>"
    )
    for page in ("contact", "team"):
        (world / "sites" / ALDER / f"{page}.html").unlink()
    async with open_enricher(tmp_path, world, settings={"page_cache_hours": 0}) as lab:
        poor = await again(lab, ALDER)
        assert poor.contacts == first.contacts
        assert (poor.phones, poor.emails, poor.city) == (first.phones, first.emails, first.city)


async def test_defect_15_tenants_have_each_their_own_graph_and_memory(tmp_path: Path) -> None:
    async with open_enricher(tmp_path) as lab:
        company = await lab.enrich(ALDER)
        assert await lab.lab.app.store.session("rival", company.chat_session_id) is None
        assert await lab.icp.document("rival", ENRICHED, ALDER) is None
        stub = EnrichedCompany(domain=ALDER, chat_session_id=company.chat_session_id)
        assert (await lab.enricher.company("rival", stub)).contacts == ()


async def test_an_erased_person_leaves_the_lists_and_does_not_come_back(tmp_path: Path) -> None:
    async with open_enricher(tmp_path) as lab:
        company = await lab.enrich(BROOK)
        quoted = [e for s in statements_of(await lab.graph(BROOK)) for e in s.evidence]
        pages = {(e.page_sha256, e.url) for e in quoted if "t-orch-9" in e.url}
        assert pages
        forgetting = lab.lab.app.leads.setup.forgetting
        await forgetting.forget(TENANT, "Tess Orchard")
        for sha256, url in pages:
            assert await lab.lab.app.store.page(TENANT, sha256, url) is None
        listed = await lab.enricher.company(TENANT, company)
        assert [c.name for c in listed.contacts] == ["Anders Moe"]
        await aged(lab, BROOK)
        lab.told = Told()
        fresh = await lab.enricher.enrich(lab.told.ctx("job-3"), RUN, like(BROOK), Decisions())
        assert "Tess Orchard" not in {c.name for c in fresh.contacts}
        assert not any("Tess" in text or "tess" in text for text in lab.told.steps.values())


# --- dead sites -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domain", "reason"), [(PARKED, "parked"), (GONE, "dns"), ("linkedin.com", "shared_host")]
)
async def test_a_dead_site_fails_with_its_reason_and_no_people_are_bought(
    tmp_path: Path, domain: str, reason: str
) -> None:
    async with open_enricher(tmp_path) as lab:
        company = await lab.enrich(domain)
        assert (company.state, company.reason) == ("failed", reason)
        assert company.contacts == ()
        assert bought(lab) == []
        assert lab.told.messages == [f"{domain}: not completed ({reason})."]


async def test_a_domain_that_leads_to_another_company_does_not_borrow_its_facts(
    tmp_path: Path,
) -> None:
    world = enriching_world(tmp_path / "world")
    moved = world / "sites" / "oldvalve.example"
    moved.mkdir()
    (moved / "index.html.headers").write_text(f"status: 301\nlocation: https://{ALDER}/\n")
    async with open_enricher(tmp_path, world) as lab:
        company = await lab.enrich("oldvalve.example")
        assert (company.state, company.reason) == ("failed", "redirects_elsewhere")
        assert (company.contacts, company.phones, company.proven) == ((), (), 0)
        assert bought(lab) == []


async def test_a_page_that_only_the_third_reader_can_read_is_read_where_it_is_enabled(
    tmp_path: Path,
) -> None:
    world = enriching_world(tmp_path / "world")
    write_rows(
        world / "faults.jsonl",
        {"vendor": "jina", "fault": {"kind": "status", "status": 503}},
        {"vendor": "web", "host": BROOK, "fault": {"kind": "status", "status": 403}},
    )
    async with open_enricher(tmp_path, world, icp={"tavily_extract": True}) as lab:
        company = await lab.enrich(BROOK)
        assert len(lab.lab.twins.calls("tavily")) == 1
        assert (company.state, company.pages_read) == ("done", 1)
    (tmp_path / "off").mkdir()
    async with open_enricher(tmp_path / "off", world) as lab:
        assert (await lab.enrich(BROOK)).state == "failed"
        assert lab.lab.twins.calls("tavily") == []


# --- the model --------------------------------------------------------------------------------

MODEL_SAYS = {
    "slot": "data411-crimson-span",
    "answer": {
        "people": [
            {"name": "Ruth Castell", "title": "Sales Desk Lead", "email": None, "phone": None,
             "url": f"https://{DRUM}/contact",
             "quote": "Ruth Castell, who is our Sales Desk Lead"},
            {"name": "Nobody Real", "title": "Chief", "email": None, "phone": None,
             "url": f"https://{DRUM}/contact", "quote": "Nobody Real, Chief"},
        ],
        "phones": [], "emails": [], "addresses": [], "links": [], "company": {},
        "contradictions": [],
    },
}  # fmt: skip


def model_world(folder: Path) -> Path:
    world = enriching_world(folder)
    pages = site_of("Drumlin Castings")
    pages["contact"] = pages["contact"].replace(
        "Somebody from", "Ruth Castell, who is our Sales Desk Lead, or somebody else from"
    )
    write_site(world, DRUM, **pages)
    write_rows(world / "llm" / "slots.jsonl", MODEL_SAYS)
    return world


async def test_a_model_reads_what_our_own_reading_misses_and_its_inventions_prove_nothing(
    tmp_path: Path,
) -> None:
    async with open_enricher(tmp_path, model_world(tmp_path / "world")) as lab:
        company = await lab.enrich(DRUM)
        assert rows_of(await lab.graph(DRUM))["data411-crimson-span"].state in {
            "done", "repetition",
        }  # fmt: skip
        assert "Nobody Real" not in {c.name for c in company.contacts}


async def test_a_model_that_answers_too_late_is_asked_once_more_with_less_and_then_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = model_world(tmp_path / "world")
    stalled = {"vendor": "openrouter", "fault": {"kind": "stall", "seconds": 3000}}
    write_rows(world / "faults.jsonl", stalled)
    monkeypatch.setattr(model, "CHUNK_SECONDS", 0.4)
    monkeypatch.setattr(model, "TRIMMED_SECONDS", 0.3)
    async with open_enricher(tmp_path, world, settings={"apify_token": None}) as lab:
        company = await lab.enrich(DRUM, llm_chunks=1)
        assert company.state == "done"
        assert company.degraded == ("LLM_TIMEOUT_FALLBACK",)
        await until(lambda: len(lab.lab.twins.calls("openrouter")) >= 2)
        told = [
            "".join(m["content"] for m in e.json["messages"])
            for e in lab.lab.twins.calls("openrouter")
        ]
        assert len(told) == 2
        assert len(told[1]) < len(told[0])


async def test_without_chunks_no_model_is_asked(tmp_path: Path) -> None:
    async with open_enricher(tmp_path, icp={"llm_max_chunks": 0}) as lab:
        await lab.enrich(DRUM)
        assert lab.lab.twins.calls("openrouter") == []


# --- the vendor's time ------------------------------------------------------------------------


async def test_a_vendor_that_never_ends_costs_its_time_and_the_company_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = enriching_world(tmp_path / "world")
    write_rows(
        world / "linkedin" / "companies.jsonl",
        {"slug": "brook-valve", "domains": [BROOK], "run": "endless"},
    )
    monkeypatch.setattr(people, "EMPLOYEES_SECONDS", 0.6)
    async with open_enricher(tmp_path, world) as lab:
        company = await lab.enrich(BROOK)
        assert (company.state, company.phones) == ("done", ("+19375550120",))
        assert set(company.degraded) <= {"APIFY_LINKEDIN_FAIL", "APIFY_NO_EMPLOYEES"}
        assert bought(lab) == [FINDER, EMPLOYEES]
        assert len(lab.asked("/abort")) == 1


async def test_who_waits_too_long_for_the_vendor_goes_on_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = enriching_world(tmp_path / "world")
    write_rows(
        world / "faults.jsonl",
        {"vendor": "apify", "fault": {"kind": "stall", "seconds": 3000}},
    )
    monkeypatch.setattr(enricher, "COMPANY_SECONDS", 0.2)
    monkeypatch.setattr(enricher, "PEOPLE_SECONDS_MIN", 0.2)
    async with open_enricher(tmp_path, world) as lab:
        company = await lab.enrich(BROOK)
        assert (company.state, company.degraded) == ("done", ("APIFY_LINKEDIN_FAIL",))
        assert people.LATE_NOTE in lab.told.messages[0]
