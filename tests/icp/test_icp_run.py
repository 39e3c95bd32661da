"""The one background job: its order, its checkpoints, its counts, its money."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest
import structlog

from data411_mcp.domain.events import EventName
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.domain.ledger import TransferKind
from data411_mcp.errors import InsufficientBalance, LookupFailed, PlanMissing, StoreBusy
from data411_mcp.services.icp.companies import is_company
from data411_mcp.services.icp.parts import SHORTLIST, Shortlist
from tests.icp.run_parts import CENTS, TENANT, Parts, a_like, bench
from tests.icp.world import icp_run


def names(events: list[object]) -> list[str]:
    return [e.name.value for e in events]  # type: ignore[attr-defined]


async def test_a_plan_waits_for_the_user_and_says_how_many_candidates_it_has(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as lab:
        job = await lab.planned()
        assert job.status is JobStatus.WAITING
        assert json.loads(job.result or "") == {"phase": "planned", "candidates": 12}
        assert lab.parts.enriched == []


async def test_a_plan_without_candidates_is_over(tmp_path: Path) -> None:
    async with bench(tmp_path, Parts(likes=())) as lab:
        job = await lab.planned()
        assert job.status is JobStatus.DONE
        with pytest.raises(PlanMissing):
            await lab.jobs.approve(TENANT, "thread-1")


async def test_run_enrichment_goes_on_to_the_end_in_the_order_of_the_specification(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as lab:
        with structlog.testing.capture_logs() as logs:
            await lab.planned()
            job = await lab.approved()
        assert job.status is JobStatus.DONE
        told = [e["event"] for e in logs if e["event"].startswith("icp_")]
        assert told == [
            "icp_enqueue", "icp_job_start", "icp_scoring", "icp_email", "icp_odoo_export",
            "icp_job_complete",
        ]  # fmt: skip
        events = names(await lab.events(job.id))
        assert events[:2] == ["icp:candidates_found", "enrich:start_top10"]
        assert events[2:12] == ["enrich:company_tick"] * 10
        assert events[12:] == ["enrich:summary", "email:status", "crm:status",
                               "enrich:next40_enqueued"]  # fmt: skip
        result = json.loads(job.result or "")
        assert (result["completed"], result["top"], result["email"]) == (10, 10, "sent")
        assert result["crm"] == {"created": 10}
        assert lab.parts.planned == 1


async def test_the_lines_of_the_script_are_word_for_word(tmp_path: Path) -> None:
    parts = Parts(fails={f"firm{n}.example": LookupFailed("timeout") for n in (4, 9)})
    async with bench(tmp_path, parts) as lab:
        await lab.planned()
        job = await lab.approved()
        words = {e.name: e.message for e in await lab.events(job.id)}
        assert words[EventName.ENRICH_START_TOP10] == (
            "Enriching Top‑10 now (require existing domains)."
        )
        assert words[EventName.ENRICH_SUMMARY] == (
            "Enriched results (8/10 completed). Remaining queued."
        )


async def test_defect_21_companies_that_fail_stay_in_the_count_with_their_reason(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, Parts(fails={"firm3.example": LookupFailed("timeout")})) as lab:
        await lab.planned()
        result = json.loads((await lab.approved()).result or "")
        assert (result["completed"], result["top"]) == (9, 10)
        assert result["failed"] == [{"domain": "firm3.example", "reason": "lookup_failed"}]
        assert lab.parts.mails == [[f"firm{n}.example" for n in range(1, 11)]]


async def test_defect_18_a_run_that_breaks_ends_as_an_error(tmp_path: Path) -> None:
    def breaks(point: str) -> None:
        if point == "mail":
            raise ValueError("broken")

    async with bench(tmp_path, Parts(before=breaks)) as lab:
        await lab.planned()
        job = await lab.approved()
        assert job.status is JobStatus.ERROR
        assert json.loads(job.error or "")["code"]
        assert lab.parts.crm_writes == []


async def test_defect_02_the_list_keeps_the_scores_of_the_plan_on_their_own_scale(
    tmp_path: Path,
) -> None:
    likes = [a_like(1, 81), a_like(2, 64), a_like(3, 12)]
    async with bench(tmp_path, Parts(likes=likes)) as lab:
        await lab.planned()
        job = await lab.approved()
        kept = json.loads((await lab.store.checkpoints(job.id))["scoring"])
        assert [(k["score"], k["bucket"]) for k in kept] == [(81, "A"), (64, "B"), (12, "C")]


async def test_the_forty_after_the_top_ten_are_handed_in_once(tmp_path: Path) -> None:
    async with bench(tmp_path) as lab:
        await lab.planned()
        job = await lab.approved()
        follower = (await lab.next_jobs(job.id))[0]
        assert (await lab.settled(follower.id)).status is JobStatus.DONE
        assert lab.parts.nexts == ["thread-1"]
        event = (await lab.events(job.id))[-1]
        assert event.context["count"] == 2
        assert event.context["job_id"] == follower.id


async def test_ten_candidates_or_fewer_leave_nothing_for_later(tmp_path: Path) -> None:
    async with bench(tmp_path, Parts(likes=[a_like(n) for n in range(1, 8)])) as lab:
        await lab.planned()
        job = await lab.approved()
        assert json.loads(job.result or "")["next40_job_id"] is None
        assert await lab.next_jobs(job.id) == ()


async def test_what_one_company_shows_decides_for_the_ones_after_it(tmp_path: Path) -> None:
    parts = Parts(degraded={"firm1.example": ("APIFY_NO_EMPLOYEES",)})
    async with bench(tmp_path, parts) as lab:
        await lab.planned()
        job = await lab.approved()
        assert lab.parts.variants[0] == "employees"
        assert lab.parts.variants[-1] == "profile_search"
        said = [e.message for e in await lab.events(job.id) if e.name is EventName.ICP_REFLECTION]
        assert said == [
            "Switched to the LinkedIn profile search: the employees list came back empty."
        ]


async def test_the_summary_says_whether_the_companies_will_do_and_counts_their_people(
    tmp_path: Path,
) -> None:
    parts = Parts(fails={f"firm{n}.example": LookupFailed("timeout") for n in range(1, 7)})
    async with bench(tmp_path, parts) as lab:
        await lab.planned()
        events = {e.name: e for e in await lab.events((await lab.approved()).id)}
        judged = events[EventName.ENRICH_SUMMARY].context
        assert (judged["passed"], judged["reason"]) == (
            False, "4 of 10 companies completed, 8 contacts",
        )  # fmt: skip
        assert events[EventName.ICP_REFLECTION].message == (
            "Going on with little: 4 of 10 companies completed, 8 contacts."
        )


async def test_the_people_of_companies_that_an_earlier_attempt_had_done_are_counted_too(
    tmp_path: Path,
) -> None:
    broken = iter([True])

    def away(point: str) -> None:
        if point == "mail" and next(broken, False):
            raise StoreBusy("The store is away.")

    async with bench(tmp_path, Parts(before=away)) as lab:
        await lab.planned()
        job = await lab.approved()
        summary = [e for e in await lab.events(job.id) if e.name is EventName.ENRICH_SUMMARY]
        assert [e.context["reason"] for e in summary] == [
            "10 of 10 companies completed, 20 contacts"
        ]


async def test_saying_run_enrichment_twice_enriches_once(tmp_path: Path) -> None:
    async with bench(tmp_path) as lab:
        await lab.planned()
        first = await lab.approved()
        again = await lab.jobs.approve(TENANT, "thread-1")
        assert again.joined
        assert again.job.id == first.id
        assert len(lab.parts.enriched) == 10
        assert len(lab.parts.mails) == 1


async def test_run_enrichment_without_a_plan_is_refused(tmp_path: Path) -> None:
    async with bench(tmp_path) as lab:
        with pytest.raises(PlanMissing) as caught:
            await lab.jobs.approve(TENANT, "thread-1")
        assert caught.value.status == 412
        assert "icp_confirm" in caught.value.hint


async def test_run_enrichment_while_the_plan_is_made_says_how_to_wait(tmp_path: Path) -> None:
    go_on = anyio.Event()
    parts = Parts(before=lambda point: go_on.wait() if point == "plan" else None)
    async with bench(tmp_path, parts) as lab:
        handed = await lab.jobs.hand_in(TENANT, icp_run())
        with pytest.raises(PlanMissing) as caught:
            await lab.jobs.approve(TENANT, "thread-1")
        assert "icp_status" in caught.value.hint
        go_on.set()
        assert (await lab.settled(handed.job.id)).status is JobStatus.WAITING


async def test_a_cancelled_run_sends_no_mail_and_keeps_what_it_has(tmp_path: Path) -> None:
    begun, go_on = anyio.Event(), anyio.Event()

    def hold(point: str) -> object:
        if point == "enrich firm6.example":
            begun.set()
            return go_on.wait()
        return None

    async with bench(tmp_path, Parts(before=hold)) as lab:
        await lab.planned()
        handed = await lab.jobs.approve(TENANT, "thread-1")
        await begun.wait()
        await lab.runner.cancel(TENANT, handed.job.id)
        job = await lab.settled(handed.job.id)
        assert job.status is JobStatus.CANCELLED
        assert lab.parts.mails == []
        assert await lab.store.document(TENANT, "company", "firm1.example") is not None


async def test_a_store_that_is_away_makes_the_run_go_on_where_it_stood(tmp_path: Path) -> None:
    broken = iter([True])

    def away(point: str) -> None:
        if point == "crm firm5.example" and next(broken, False):
            raise StoreBusy("The store is away.")

    async with bench(tmp_path, Parts(before=away)) as lab:
        await lab.planned()
        job = await lab.approved()
        assert job.status is JobStatus.DONE
        assert len(lab.parts.mails) == 1
        assert sorted(lab.parts.crm_writes) == sorted(f"firm{n}.example" for n in range(1, 11))
        assert len(lab.parts.enriched) == 10
        assert names(await lab.events(job.id)).count("enrich:company_tick") == 10


# --- money -------------------------------------------------------------------------------------


async def test_the_plan_is_free_and_ten_companies_are_held_when_the_user_approves(
    tmp_path: Path,
) -> None:
    parts = Parts(
        fails={"firm2.example": LookupFailed("timeout")}, unproven=frozenset({"firm7.example"})
    )
    async with bench(tmp_path, parts, charging=True) as lab:
        await lab.jobs.accounts.credit(TENANT, 1000, "start", "")
        waiting = await lab.planned()
        assert (await lab.store.balances(TENANT)).held == 0
        handed = await lab.jobs.approve(TENANT, "thread-1")
        assert handed.job.id == waiting.id
        job = await lab.settled(waiting.id)
        posted = await lab.store.transfers(TENANT, job_id=job.id)
        kinds = [t.kind for t in posted]
        assert kinds[0] is TransferKind.PRECHARGE
        assert posted[0].cents == 10 * CENTS
        assert kinds.count(TransferKind.CAPTURE) == 8
        assert {(t.item, t.reason) for t in posted if t.kind is TransferKind.REFUND} == {
            ("company:firm2.example", "vendor_unavailable"),
            ("company:firm7.example", "unproven"),
        }
        balances = await lab.store.balances(TENANT)
        assert (balances.customer, balances.held, balances.earned) == (1000 - 8 * CENTS, 0, 280)
        assert balances.sum == 0


async def test_what_was_proven_by_an_earlier_run_is_not_paid_again(tmp_path: Path) -> None:
    parts = Parts(known=frozenset({"firm4.example"}))
    async with bench(tmp_path, parts, charging=True) as lab:
        await lab.jobs.accounts.credit(TENANT, 1000, "start", "")
        await lab.planned()
        job = await lab.approved()
        refunds = [t for t in await lab.store.transfers(TENANT, job_id=job.id)
                   if t.kind is TransferKind.REFUND]  # fmt: skip
        assert [(t.item, t.reason) for t in refunds] == [("company:firm4.example", "duplicate")]
        assert (await lab.store.balances(TENANT)).earned == 9 * CENTS


async def test_a_price_that_changes_after_the_user_has_approved_does_not_touch_the_run(
    tmp_path: Path,
) -> None:
    begun, go_on = anyio.Event(), anyio.Event()

    def hold(point: str) -> object:
        if point == "mail":
            begun.set()
            return go_on.wait()
        return None

    likes = [a_like(n) for n in range(1, 5)]
    parts = Parts(likes=likes, before=hold, fails={"firm1.example": LookupFailed("timeout")})
    async with bench(tmp_path, parts, charging=True) as lab:
        await lab.jobs.accounts.credit(TENANT, 1000, "start", "")
        await lab.planned()
        handed = await lab.jobs.approve(TENANT, "thread-1")
        await begun.wait()
        lab.jobs.company_cents = 2 * CENTS
        go_on.set()
        await lab.settled(handed.job.id)
        balances = await lab.store.balances(TENANT)
        assert (balances.held, balances.earned) == (0, 3 * CENTS)


async def test_a_balance_that_does_not_cover_it_leaves_the_plan_waiting(tmp_path: Path) -> None:
    async with bench(tmp_path, charging=True) as lab:
        await lab.jobs.accounts.credit(TENANT, 100, "start", "")
        job = await lab.planned()
        with pytest.raises(InsufficientBalance):
            await lab.jobs.approve(TENANT, "thread-1")
        stored = await lab.store.job(TENANT, job.id)
        assert stored is not None
        assert stored.status is JobStatus.WAITING
        assert (await lab.store.balances(TENANT)).customer == 100


async def test_a_cancelled_run_pays_for_the_companies_that_were_done(tmp_path: Path) -> None:
    begun, go_on = anyio.Event(), anyio.Event()

    def hold(point: str) -> object:
        if point == "mail":
            begun.set()
            return go_on.wait()
        return None

    likes = [a_like(n) for n in range(1, 5)]
    async with bench(tmp_path, Parts(likes=likes, before=hold), charging=True) as lab:
        await lab.jobs.accounts.credit(TENANT, 1000, "start", "")
        await lab.planned()
        handed = await lab.jobs.approve(TENANT, "thread-1")
        await begun.wait()
        await lab.runner.cancel(TENANT, handed.job.id)
        assert (await lab.settled(handed.job.id)).status is JobStatus.CANCELLED
        balances = await lab.store.balances(TENANT)
        assert (balances.held, balances.earned) == (0, 4 * CENTS)


@pytest.mark.parametrize(
    ("point", "paid"), [("enrich firm1.example", 0), ("enrich firm4.example", 3), ("crm", 4)]
)
async def test_wherever_it_is_cancelled_nothing_stays_held_and_what_never_began_is_given_back(
    tmp_path: Path, point: str, paid: int
) -> None:
    reached = anyio.Event()

    def hold(at: str) -> object:
        if at.startswith(point):
            reached.set()
            return anyio.sleep_forever()
        if at.startswith("enrich") and point == "enrich firm1.example":
            return anyio.sleep_forever()
        return None

    likes = [a_like(n) for n in range(1, 5)]
    async with bench(tmp_path, Parts(likes=likes, before=hold), charging=True) as lab:
        await lab.jobs.accounts.credit(TENANT, 1000, "start", "")
        planned = await lab.planned()
        made = Shortlist(
            thread_id="thread-1", job_id=planned.id, made_at=planned.created_at,
            lookalikes=tuple(likes),
        )  # fmt: skip
        await lab.store.put_document(
            TENANT, SHORTLIST, "thread-1", made.model_dump_json(), at=planned.created_at
        )
        handed = await lab.jobs.approve(TENANT, "thread-1")
        await reached.wait()
        while sum(map(is_company, await lab.store.checkpoints(handed.job.id))) < paid:
            await anyio.lowlevel.checkpoint()
        await lab.runner.cancel(TENANT, handed.job.id)
        assert (await lab.settled(handed.job.id)).status is JobStatus.CANCELLED
        posted = await lab.store.transfers(TENANT, job_id=handed.job.id)
        given_back = sum(t.cents for t in posted if t.reason == "cancelled")
        assert given_back == (4 - paid) * CENTS
        balances = await lab.store.balances(TENANT)
        assert (balances.held, balances.earned) == (0, paid * CENTS)


async def test_a_plan_that_is_cancelled_while_it_waits_costs_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path, charging=True) as lab:
        await lab.jobs.accounts.credit(TENANT, 1000, "start", "")
        job = await lab.planned()
        await lab.runner.cancel(TENANT, job.id)
        with pytest.raises(PlanMissing):
            await lab.jobs.approve(TENANT, "thread-1")
        assert (await lab.store.balances(TENANT)).customer == 1000
