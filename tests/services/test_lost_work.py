"""Nothing that was found is thrown away, nothing that is there is bought again, and a call that is
refused leaves the chat as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from data411_mcp.domain.graph import Backfill
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.domain.lead import Lead
from data411_mcp.errors import InsufficientBalance, InvalidArgument
from data411_mcp.services.enrichment import Enrichment
from data411_mcp.services.hunts import Outcome
from data411_mcp.services.lead_jobs import LeadJobs
from data411_mcp.services.payloads import (
    FINDING_RERUN,
    SLOT_RERUN,
    SLOTS_RERUN,
    SYNTHESIZE_PATCH,
)
from data411_mcp.services.session_run import SessionRun
from tests.services.follow_ups import (
    DEEP,
    FORGE,
    GROUND,
    SPAN,
    SWIFT,
    Purchases,
    called,
    candidate,
    models_say,
    started,
)
from tests.services.session_world import (
    PUMP_LEAD,
    TENANT,
    Lab,
    lab,
    proven,
    pump_world,
    rows_of,
    until,
    write_site,
)
from tests.services.test_follow_up_billing import paid_lab, posted
from tests.services.test_follow_up_findings import GUILD_PHONE, UNTIED, world_with
from tests.services.test_follow_up_slots import ROSA, rosa, stalling, world_with_news
from tests.services.test_review_runs import WELL_LEAD, domains, two_companies

NORA = "Nora Alder"


async def stored(open_lab: Lab, chat: str) -> Any:
    row = await open_lab.app.store.session(TENANT, chat)
    assert row is not None
    return row


def once_failing(*slots: str) -> list[dict[str, Any]]:
    """Their first call is refused for good."""
    fault = {"kind": "status", "status": 403}
    return [{"vendor": "openrouter", "slot": slot, "nth": 1, "fault": fault} for slot in slots]


async def until_graph(open_lab: Lab, chat: str, holds: Callable[[Backfill], bool]) -> None:
    with anyio.fail_after(20):
        while not holds(await open_lab.graph(chat)):  # noqa: ASYNC110 - a graph tells nobody
            await anyio.sleep(0.02)


# --- a new export ------------------------------------------------------------------------------


async def test_a_new_export_that_is_refused_leaves_the_chat_as_it_was(tmp_path: Path) -> None:
    async with paid_lab(tmp_path, two_companies(tmp_path / "world"), credit=150) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        await open_lab.app.store.set_identity_choice(
            TENANT, first.chat, "none", open_lab.app.clock.now()
        )
        before = await stored(open_lab, first.chat)
        with pytest.raises(InsufficientBalance):
            await open_lab.start(WELL_LEAD, chat_session_id=first.chat, crm_export=True)
        assert await stored(open_lab, first.chat) == before
        assert await open_lab.app.store.lead_history(TENANT, first.chat) == ()


async def test_a_new_export_that_is_refused_does_not_end_the_run_under_way(tmp_path: Path) -> None:
    async with paid_lab(tmp_path, two_companies(tmp_path / "world"), credit=200) as open_lab:
        open_lab.twins.faults.add(stalling(DEEP))
        first = await open_lab.start(PUMP_LEAD)
        chat = first.job.chat_session_id
        await until(lambda: DEEP in open_lab.bought())
        with pytest.raises(InsufficientBalance):
            await open_lab.start(WELL_LEAD, chat_session_id=chat, crm_export=True)
        live = await open_lab.app.store.job(TENANT, first.job.id)
        assert live is not None
        assert live.status is JobStatus.RUNNING
        assert (
            Lead.model_validate_json((await stored(open_lab, chat)).lead).company
            == (PUMP_LEAD["company"])
        )
        await open_lab.app.runner.cancel(TENANT, first.job.id)
        await open_lab.finish(live)


async def test_a_process_that_dies_between_the_job_and_the_new_lead_leaves_both_to_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lab(tmp_path, two_companies(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)

        async def dies(*_: object) -> None:
            raise RuntimeError

        monkeypatch.setattr(LeadJobs, "take_export", dies)
        with pytest.raises(RuntimeError):
            await open_lab.start(WELL_LEAD, chat_session_id=first.chat, crm_export=True)
        job = (await open_lab.app.store.jobs_of_chat(TENANT, first.chat))[-1]
        assert (await open_lab.finish(job)).status is JobStatus.DONE
        assert domains(await open_lab.graph(first.chat)) == {"birchwell.example"}
        assert len(await open_lab.app.store.lead_history(TENANT, first.chat)) == 1


@pytest.mark.parametrize(
    ("route", "more"),
    [
        (SLOT_RERUN, {"model_id": FORGE}),
        (SLOTS_RERUN, {"model_ids": [FORGE]}),
        (SYNTHESIZE_PATCH, {}),
        (FINDING_RERUN, {"candidate_id": "0" * 40}),
    ],
)
async def test_a_partial_call_does_not_empty_a_graph_whose_lead_has_moved(
    tmp_path: Path, route: str, more: dict[str, Any]
) -> None:
    async with lab(tmp_path, two_companies(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        moved = Lead.model_validate(WELL_LEAD).model_dump_json()
        await open_lab.app.store.replace_lead(
            TENANT, first.chat, moved, "k", open_lab.app.clock.now()
        )
        before = await stored(open_lab, first.chat)
        with pytest.raises(InvalidArgument) as refused:
            await started(open_lab, route, {"chat_session_id": first.chat, **more})
        assert f'enrich_lead_session(chat_session_id="{first.chat}")' in refused.value.hint
        assert await stored(open_lab, first.chat) == before


# --- what is a client's retry ---------------------------------------------------------------------


async def test_the_same_words_after_a_correction_are_a_new_wish(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        words = {"chat_session_id": first.chat, "prompts": ["Resynthesize with our current info"]}
        said = await open_lab.run(None, **words)
        again = await open_lab.run(None, **words)
        assert again.job.id == said.job.id
        told = await called(open_lab, SYNTHESIZE_PATCH, first.chat)
        for _ in range(2):
            await open_lab.app.edits.correct(
                TENANT, first.chat, action="add", field_name="phone", value="+1 614 555 0188"
            )
            corrected = await open_lab.run(None, **words)
            assert corrected.job.id not in (said.job.id, told.job.id)
            assert "555-0188" in corrected.graph.summary_markdown
            assert not corrected.graph.summary_stale
            assert (await open_lab.run(None, **words)).job.id == corrected.job.id


async def test_a_rerun_is_bought_again_although_retention_has_deleted_older_jobs(
    tmp_path: Path,
) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        forge = await called(open_lab, SLOT_RERUN, first.chat, model_id=FORGE)
        clock = open_lab.app.clock
        now = clock.now()
        swift = await called(open_lab, SLOT_RERUN, first.chat, model_id=SWIFT)
        counts = await open_lab.app.store.purge(
            pages_before=now - timedelta(days=90),
            graphs_before=now - timedelta(days=365),
            jobs_before=now,
            now=now,
        )
        assert counts["jobs"] == 2
        again = await called(open_lab, SLOT_RERUN, first.chat, model_id=FORGE)
        assert again.job.id not in (forge.job.id, swift.job.id)
        assert open_lab.bought().count(FORGE) == 3


# --- runs that were ended early -------------------------------------------------------------------


async def test_what_a_cancelled_batch_had_landed_is_merged_and_paid(tmp_path: Path) -> None:
    world = world_with_news(tmp_path / "world", rosa(FORGE, 2))
    async with paid_lab(tmp_path, world) as open_lab:
        open_lab.twins.faults.add(*once_failing(FORGE, SWIFT), stalling(SWIFT, 2))
        first = await open_lab.run(PUMP_LEAD)
        assert ROSA not in proven(first.graph)
        batch = await started(
            open_lab, SLOTS_RERUN, {"chat_session_id": first.chat, "model_ids": [FORGE, SWIFT]}
        )
        await until_graph(open_lab, first.chat, lambda g: rows_of(g)[FORGE].state == "done")
        await open_lab.app.runner.cancel(TENANT, batch.job.id)
        assert (await open_lab.finish(batch.job)).status is JobStatus.CANCELLED
        graph = await open_lab.graph(first.chat)
        assert ROSA in proven(graph)
        assert rows_of(graph)[FORGE].state == "done"
        assert rows_of(graph)[SWIFT].state == "cancelled"
        assert graph.summary_stale
        assert await posted(open_lab, batch.job) == [
            ("precharge", "", 70, ""),
            ("capture", FORGE, 35, ""),
            ("refund", SWIFT, 35, "cancelled"),
        ]


async def test_what_was_bought_and_not_even_shown_is_merged_when_the_run_is_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought = anyio.Event()
    landed = SessionRun._landed

    async def held_up(run: SessionRun, outcome: Outcome) -> None:
        if outcome.row.model_id == FORGE:
            bought.set()
            await anyio.sleep_forever()
        await landed(run, outcome)

    async with paid_lab(tmp_path, world_with_news(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        monkeypatch.setattr(SessionRun, "_landed", held_up)
        rerun = await started(
            open_lab, SLOT_RERUN, {"chat_session_id": first.chat, "model_id": FORGE}
        )
        with anyio.fail_after(20):
            await bought.wait()
        await open_lab.app.runner.cancel(TENANT, rerun.job.id)
        await open_lab.finish(rerun.job)
        assert ROSA in proven(await open_lab.graph(first.chat))
        assert ("capture", FORGE, 35, "") in await posted(open_lab, rerun.job)


async def cancelled_session(open_lab: Lab) -> Job:
    """A first session in which Hunt Deep never came back."""
    open_lab.twins.faults.add(stalling(DEEP))
    begun = await open_lab.start(PUMP_LEAD)
    chat = begun.job.chat_session_id
    others = (GROUND, SPAN, FORGE, SWIFT)
    await until(lambda: DEEP in open_lab.bought())
    await until_graph(
        open_lab, chat,
        lambda g: all(rows_of(g)[s].state in ("done", "repetition") for s in others),
    )  # fmt: skip
    await open_lab.app.runner.cancel(TENANT, begun.job.id)
    return await open_lab.finish(begun.job)


async def test_a_session_after_a_cancelled_one_buys_only_what_is_missing(tmp_path: Path) -> None:
    async with paid_lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        cancelled = await cancelled_session(open_lab)
        before = proven(await open_lab.graph(cancelled.chat_session_id))
        bought = Purchases.from_now(open_lab)
        ran = await open_lab.run(PUMP_LEAD, chat_session_id=cancelled.chat_session_id)
        assert ran.job.status is JobStatus.DONE
        assert bought.slots() == [DEEP, "synthesis"]
        assert {s: r.state for s, r in ran.rows.items()}[DEEP] in ("done", "repetition")
        assert before <= proven(ran.graph)
        assert (await posted(open_lab, ran.job))[0] == ("precharge", "", 150, "")


async def test_a_session_from_zero_after_a_cancelled_one_buys_everything(tmp_path: Path) -> None:
    async with lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        cancelled = await cancelled_session(open_lab)
        bought = Purchases.from_now(open_lab)
        await open_lab.run(PUMP_LEAD, chat_session_id=cancelled.chat_session_id, refresh=True)
        assert set(bought.slots()) == {GROUND, SPAN, FORGE, SWIFT, DEEP, "synthesis"}


async def test_words_that_name_a_slot_are_a_follow_up_of_a_cancelled_session(
    tmp_path: Path,
) -> None:
    async with paid_lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        cancelled = await cancelled_session(open_lab)
        bought = Purchases.from_now(open_lab)
        ran = await open_lab.run(
            None, chat_session_id=cancelled.chat_session_id, prompts=["Rerun Hunt Deep"]
        )
        assert ran.job.status is JobStatus.DONE
        assert bought.slots() == [DEEP, "synthesis"]
        assert (await posted(open_lab, ran.job))[0] == ("precharge", "", 35, "")


# --- runs that were killed ------------------------------------------------------------------------


async def test_a_follow_up_for_a_gap_resumes_with_its_own_slot_when_the_gap_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = "https://alderpump.example/direct"
    quote = f"{NORA} answers herself at (614) 555-0199"
    said = {
        "people": [{"name": NORA, "title": "Owner", "email": None, "phone": "+1 614 555 0199",
                    "url": page, "quote": quote}],
        "phones": [{"number": "+1 614 555 0199", "kind": "direct", "person": NORA, "url": page,
                    "quote": quote}],
        "emails": [], "addresses": [], "links": [], "company": {}, "contradictions": [],
    }  # fmt: skip
    world = pump_world(tmp_path / "world")
    write_site(
        world, "alderpump.example",
        direct="<html><head><title>Direct | Alder Pump Works</title></head><body>"
        f"<h1>Alder Pump Works</h1><h3>{NORA}</h3><p>Owner</p><p>Phone: (614) 555-0199</p>"
        f"<p>nora.alder@alderpump.example</p><p>{quote}.</p></body></html>",
    )  # fmt: skip
    models_say(world, *({"slot": slot, "nth": 2, "answer": said} for slot in (FORGE, SWIFT, DEEP)))
    leave, killed = Enrichment._leave_seed, []

    async def killed_once(self: Enrichment, run: SessionRun) -> None:
        if not killed:
            killed.append(run)
            raise RuntimeError
        await leave(self, run)

    async with paid_lab(tmp_path, world) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        gap = next(g for g in first.graph.gaps if "direct phone" in g.text)
        monkeypatch.setattr(Enrichment, "_leave_seed", killed_once)
        bought = Purchases.from_now(open_lab)
        ran = await open_lab.run(None, chat_session_id=first.chat, prompts=[gap.text])
        assert ran.job.status is JobStatus.DONE
        assert len(killed) == 1
        assert gap.text not in {g.text for g in ran.graph.gaps}
        assert bought.slots() == [gap.slot, "synthesis"]
        assert (await posted(open_lab, ran.job))[0] == ("precharge", "", 35, "")


async def test_a_bought_slot_is_merged_although_the_ceiling_is_used_up_by_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed, killed = SessionRun._landed, []

    async def killed_once(run: SessionRun, outcome: Outcome) -> None:
        if outcome.row.model_id == FORGE and not killed:
            killed.append(outcome)
            raise RuntimeError
        await landed(run, outcome)

    monkeypatch.setattr(SessionRun, "_landed", killed_once)
    monkeypatch.setattr(
        "data411_mcp.services.session_run.worth_cents",
        lambda _cost, _quote: 10**6 if killed else 0,
    )
    async with lab(tmp_path, world_with_news(tmp_path / "world", rosa(FORGE, 1))) as open_lab:
        ran = await open_lab.run(PUMP_LEAD, budget_usd=1.5)
        assert ran.job.status is JobStatus.DONE
        assert ran.rows[FORGE].state == "done"
        assert ROSA in proven(ran.graph)
        assert open_lab.bought().count(FORGE) == 1


# --- somebody is erased while a graph is saved ----------------------------------------------------


@pytest.fixture
def erasing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Lab], anyio.Event]:
    """From then on, the first graph with Nora in it is written just after she was erased: the
    event tells when."""

    def arm(open_lab: Lab) -> anyio.Event:
        store = type(open_lab.app.store)
        save, erased, written = store.save_backfill, [], anyio.Event()
        forgetting = open_lab.app.leads.jobs.forgetting

        async def late(self: Any, tenant: str, chat: str, text: str, **more: Any) -> int:
            if not erased and NORA in text:
                erased.append(text)
                await forgetting.store.forget(
                    TENANT, await _tombstones(forgetting), open_lab.app.clock.now()
                )
            version = int(await save(self, tenant, chat, text, **more))
            if erased:
                written.set()
            return version

        monkeypatch.setattr(store, "save_backfill", late)
        return written

    return arm


async def _tombstones(forgetting: Any) -> list[str]:
    from data411_mcp.services.erased_text import tombstone

    return [tombstone(forgetting.secret, "name", NORA)]


@pytest.mark.parametrize("how", ["resynthesis", "correction", "finding", "closing"])
async def test_who_is_erased_while_a_graph_is_saved_is_not_in_it_afterwards(
    tmp_path: Path, erasing: Callable[[Lab], anyio.Event], how: str
) -> None:
    async with lab(tmp_path, world_with(tmp_path / "world", UNTIED)) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        assert NORA in (await stored(open_lab, first.chat)).backfill
        if how == "closing":
            open_lab.twins.faults.add(stalling(DEEP))
            rerun = await started(
                open_lab, SLOT_RERUN, {"chat_session_id": first.chat, "model_id": DEEP}
            )
            await until(lambda: open_lab.bought().count(DEEP) == 2)
            written = erasing(open_lab)
            await open_lab.app.runner.cancel(TENANT, rerun.job.id)
            await open_lab.finish(rerun.job)
            with anyio.fail_after(20):  # closing goes on after the job has ended
                await written.wait()
            assert rows_of(await open_lab.graph(first.chat))[DEEP].state == "cancelled"
        else:
            erasing(open_lab)
        if how == "resynthesis":
            await called(open_lab, SYNTHESIZE_PATCH, first.chat, prompts=["Emphasize phones."])
        if how == "correction":
            await open_lab.app.edits.correct(
                TENANT, first.chat, action="add", field_name="phone", value="+1 614 555 0188"
            )
        if how == "finding":
            held = candidate(first.graph, GUILD_PHONE)
            await called(open_lab, FINDING_RERUN, first.chat, candidate_id=held.id)
        assert await open_lab.app.store.tombstones(TENANT)
        text = (await stored(open_lab, first.chat)).backfill
        assert NORA not in text
        assert json.loads(text)["chat_session_id"] == first.chat
