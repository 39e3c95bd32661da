"""What sessions and follow-ups cost: held before they run, charged for what was proven, and given
back with a reason."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.domain.ledger import Transfer, TransferKind, transfer
from data411_mcp.errors import BudgetTooLow, InsufficientBalance, InvalidArgument
from data411_mcp.services.accounts import ceiling_cents, sync_budget_cents
from data411_mcp.services.payloads import (
    FINDING_RERUN,
    LEAD_SESSION,
    SLOT_RERUN,
    SLOTS_RERUN,
    SYNTHESIZE_PATCH,
)
from data411_mcp.services.routes import Terms
from tests.services.follow_ups import (
    DEEP,
    FORGE,
    GROUND,
    GUILD_PAGE,
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
    pump_world,
    rows_of,
    until,
    write_site,
)
from tests.services.test_follow_up_findings import GUILD_PHONE, UNTIED, guild
from tests.services.test_follow_up_slots import failing, rosa, stalling, world_with_news

CREDIT = 1_000


@asynccontextmanager
async def paid_lab(
    tmp_path: Path, world: Path, credit: int = CREDIT, **more: Any
) -> AsyncIterator[Lab]:
    async with lab(tmp_path, world, billing="on", **more) as open_lab:
        if credit:
            given = transfer(TENANT, "", "welcome", TransferKind.CREDIT, credit, "test")
            await open_lab.app.store.post(given, at=open_lab.app.clock.now())
        yield open_lab
        balances = await open_lab.app.store.balances(TENANT)
        assert balances.sum == 0
        assert balances.held == 0


async def posted(open_lab: Lab, job: Job) -> list[tuple[str, str, int, str]]:
    """(kind, item, cents, reason) in the order they were posted."""

    def row(t: Transfer) -> tuple[str, str, int, str]:
        return (t.kind.value, t.item, t.cents, t.reason)

    return [row(t) for t in await open_lab.app.store.transfers(TENANT, job_id=job.id)]


async def customer(open_lab: Lab) -> int:
    return (await open_lab.app.store.balances(TENANT)).customer


async def test_a_slot_is_paid_for_what_it_proved_and_given_back_otherwise(tmp_path: Path) -> None:
    alone = {"number": "+1 614 555 0177", "kind": "main", "url": GUILD_PAGE,
             "quote": "By night: (614) 555-0177"}  # fmt: skip
    said = {"people": [], "emails": [], "addresses": [], "links": [], "company": {},
            "contradictions": [], "phones": [alone]}  # fmt: skip
    world = world_with_news(
        tmp_path / "world",
        rosa(FORGE, 2),
        {"slot": SWIFT, "nth": 2, "answer": said},
        {"slot": GROUND, "nth": 2, "answer": {**said, "phones": [{**alone, "quote": "No."}]}},
    )
    page = guild("Wells by day: (614) 555-0111. By night: (614) 555-0177.")
    write_site(world, "pump-guild.example", members=page)
    async with paid_lab(tmp_path, world) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        assert await posted(open_lab, first.job) == [
            ("precharge", "", 150, ""), ("capture", "session", 150, "")]  # fmt: skip
        left = await customer(open_lab)
        expected = [
            (FORGE, None),
            (DEEP, "no_usable_rows"),
            (FORGE, "duplicate"),
            (GROUND, "unproven"),  # held back, so not even in the graph
            (SWIFT, "unproven"),
            (SPAN, "vendor_unavailable"),
        ]
        open_lab.twins.faults.add(*failing(SPAN))
        for slot, reason in expected:
            ran = await called(open_lab, SLOT_RERUN, first.chat, model_id=slot)
            held, settled = await posted(open_lab, ran.job)
            assert held == ("precharge", "", 35, "")
            if reason is None:
                assert settled == ("capture", slot, 35, "")
                left -= 35
            else:
                assert settled == ("refund", slot, 35, reason)
            assert await customer(open_lab) == left
        free = await called(open_lab, SLOT_RERUN, first.chat, model_id="data411-site")
        assert await posted(open_lab, free.job) == []
        told = await called(open_lab, SYNTHESIZE_PATCH, first.chat)
        assert await posted(open_lab, told.job) == []


async def test_a_batch_holds_the_price_of_its_slots_and_no_less(tmp_path: Path) -> None:
    world = world_with_news(tmp_path / "world", rosa(GROUND, 2), rosa(SPAN, 2))
    async with paid_lab(tmp_path, world) as open_lab:
        open_lab.twins.faults.add(*failing(GROUND, SPAN))
        first = await open_lab.run(PUMP_LEAD)
        open_lab.twins.faults.clear()
        bought = Purchases.from_now(open_lab)
        asked = {"chat_session_id": first.chat, "model_ids": [GROUND, SPAN]}
        with pytest.raises(BudgetTooLow) as refused:
            await started(open_lab, SLOTS_RERUN, asked, Terms(ceiling_cents=69))
        assert "0.70" in refused.value.hint
        assert bought.vendors() == []
        ran = await called(open_lab, SLOTS_RERUN, first.chat, Terms(ceiling_cents=70),
                           model_ids=[GROUND, SPAN])  # fmt: skip
        assert await posted(open_lab, ran.job) == [
            ("precharge", "", 70, ""),
            ("capture", GROUND, 35, ""),
            ("refund", SPAN, 35, "duplicate"),
        ]


async def test_a_follow_up_costs_the_slots_that_it_names(tmp_path: Path) -> None:
    async with paid_lab(tmp_path, world_with_news(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        words = "Rerun Hunt Forge and resynthesize with our current info."
        ran = await open_lab.run(None, chat_session_id=first.chat, prompts=[words])
        assert await posted(open_lab, ran.job) == [
            ("precharge", "", 35, ""), ("capture", FORGE, 35, "")]  # fmt: skip
        told = await open_lab.run(None, chat_session_id=first.chat, prompts=["Resynthesize."])
        assert await posted(open_lab, told.job) == []


@pytest.mark.parametrize(("ceiling", "stopped"), [(None, False), (4_000, False), (160, True)])
async def test_a_session_is_trued_up_by_what_vendors_cost_within_the_ceiling(
    tmp_path: Path, ceiling: int | None, stopped: bool
) -> None:
    world = pump_world(tmp_path / "world")
    nothing = {"people": [], "phones": [], "emails": [], "addresses": [], "links": [],
               "company": {}, "contradictions": []}  # fmt: skip
    models_say(world, {"slot": GROUND, "cost_usd": 1.5, "answer": nothing})
    async with paid_lab(tmp_path, world, credit=5_000) as open_lab:
        checked = {"lead": PUMP_LEAD}
        begun = await started(open_lab, LEAD_SESSION, checked, Terms(ceiling_cents=ceiling))
        job = await open_lab.finish(begun.job)
        graph = await open_lab.graph(job.chat_session_id)
        worth = math.ceil(graph.spent.vendor_usd_micros * 1.3 / 10_000)
        held = ceiling or 150
        charged = sum(c for kind, _, c, _ in await posted(open_lab, job)
                      if kind in ("capture", "true_up"))  # fmt: skip
        assert worth > 195
        assert charged == min(worth, held)
        assert ("BUDGET_USED_UP" in {n.code for n in graph.notices}) == (stopped or not ceiling)
        assert await customer(open_lab) == 5_000 - charged


async def test_without_the_balance_nothing_runs(tmp_path: Path) -> None:
    async with paid_lab(tmp_path, pump_world(tmp_path / "world"), credit=149) as open_lab:
        with pytest.raises(InsufficientBalance) as refused:
            await open_lab.start(PUMP_LEAD)
        assert refused.value.as_dict()["billing_reason"] == "virtual_balance_insufficient"
        assert open_lab.twins.log == []
        assert await customer(open_lab) == 149


async def test_a_cancelled_session_costs_its_proven_slots_and_no_base(tmp_path: Path) -> None:
    async with paid_lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        open_lab.twins.faults.add(stalling(DEEP))
        begun = await open_lab.start(PUMP_LEAD)
        await until(lambda: DEEP in open_lab.bought())
        chat = begun.job.chat_session_id
        while rows_of(await open_lab.graph(chat))[FORGE].state == "running":
            await open_lab.app.runner.wait(TENANT, begun.job.id, seconds=0.02)
        await open_lab.app.runner.cancel(TENANT, begun.job.id)
        job = await open_lab.finish(begun.job)
        assert job.status is JobStatus.CANCELLED
        rows = rows_of(await open_lab.graph(chat))
        paid = [s for s in (GROUND, SPAN, FORGE, SWIFT, DEEP) if rows[s].proven]
        assert FORGE in paid
        assert await posted(open_lab, job) == [
            ("precharge", "", 150, ""),
            *(("capture", slot, 35, "") for slot in paid),
            ("refund", "session", 150 - 35 * len(paid), "cancelled"),
        ]


async def test_a_cancelled_slot_rerun_is_given_back(tmp_path: Path) -> None:
    async with paid_lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        open_lab.twins.faults.add(stalling(FORGE))
        bought = Purchases.from_now(open_lab)
        begun = await started(open_lab, SLOT_RERUN,
                              {"chat_session_id": first.chat, "model_id": FORGE})  # fmt: skip
        await until(lambda: FORGE in bought.slots())
        assert (await open_lab.app.store.balances(TENANT)).held == 35
        await open_lab.app.runner.cancel(TENANT, begun.job.id)
        job = await open_lab.finish(begun.job)
        assert (await posted(open_lab, job))[1:] == [("refund", FORGE, 35, "cancelled")]


async def test_a_finding_is_paid_for_when_it_became_proven(tmp_path: Path) -> None:
    person = {"name": "Rosa Delgado", "title": None, "email": None, "phone": None,
              "url": GUILD_PAGE, "quote": "Rosa Delgado"}  # fmt: skip
    phone = {"number": "+1 614 555 0177", "kind": "main", "url": GUILD_PAGE,
             "quote": "reach them at (614) 555-0177"}  # fmt: skip
    world = pump_world(tmp_path / "world", answers={SWIFT: {"phones": [phone], "people": [person]}})
    write_site(world, "pump-guild.example", members=UNTIED)
    async with paid_lab(tmp_path, world, price_finding_cents=10) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        held = candidate(first.graph, GUILD_PHONE)
        kept = await called(open_lab, FINDING_RERUN, first.chat, candidate_id=held.id)
        assert await posted(open_lab, kept.job) == [
            ("precharge", "", 10, ""), ("refund", "finding", 10, "unproven")]  # fmt: skip
        page = guild("Rosa Delgado of Alder Pump Works, Columbus, OH, office (614) 555-0111.")
        write_site(world, "pump-guild.example", members=page)
        rosa_row = candidate(first.graph, "Rosa Delgado")
        ran = await called(open_lab, FINDING_RERUN, first.chat, candidate_id=rosa_row.id)
        assert await posted(open_lab, ran.job) == [
            ("precharge", "", 10, ""), ("capture", "finding", 10, "")]  # fmt: skip


@pytest.mark.parametrize(
    "usd", [0.04, 50.01, math.nan, math.inf, "1.00", True, 0.055, -1, 10**400, -(10**400)]
)
def test_an_amount_outside_the_allowed_range_is_refused(usd: object) -> None:
    for read in (ceiling_cents, sync_budget_cents):
        with pytest.raises(InvalidArgument):
            read(usd)


def test_the_ends_of_the_allowed_range_are_in_it() -> None:
    assert [ceiling_cents(usd) for usd in (0.05, 0.7, 50, None)] == [5, 70, 5_000, None]
    assert [sync_budget_cents(usd) for usd in (0.05, 20, None)] == [5, 2_000, None]
    with pytest.raises(InvalidArgument):
        sync_budget_cents(20.01)


async def test_a_new_chat_that_finds_only_what_an_earlier_one_paid_for_costs_nothing(
    tmp_path: Path,
) -> None:
    async with paid_lab(tmp_path, pump_world(tmp_path / "world")) as open_lab:
        first = await open_lab.run(PUMP_LEAD)
        assert ("capture", "session", 150, "") in await posted(open_lab, first.job)
        second = await open_lab.run(PUMP_LEAD)
        assert second.chat != first.chat
        assert second.graph.contacts
        assert ("refund", "session", 150, "duplicate") in await posted(open_lab, second.job)
        assert await customer(open_lab) == CREDIT - 150
