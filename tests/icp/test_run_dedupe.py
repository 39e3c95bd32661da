"""One job to a wish, one mail to a job, one place in the CRM to a company: whatever dies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from data411_mcp.domain.icp.run import icp_hash, opener_key
from data411_mcp.domain.icp.values import Customer, MicroIcp
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.errors import ChatBusy
from tests.icp.run_parts import TENANT, Bench, Parts, bench
from tests.icp.world import icp_run, intake

ROUND = [f"firm{n}.example" for n in range(1, 11)]


def test_the_same_wish_in_another_order_is_the_same_wish() -> None:
    turned = intake(customers=tuple(reversed(intake().customers)))
    assert icp_hash(icp_run()) == icp_hash(icp_run(intake=turned, thread_id="thread-9"))
    other = intake(customers=(*intake().customers, Customer(name="One More")))
    assert icp_hash(icp_run()) != icp_hash(icp_run(intake=other))


def test_another_rule_or_micro_icp_is_another_wish() -> None:
    assert opener_key(icp_run()) != opener_key(icp_run(rule_name="strict"))
    assert opener_key(icp_run()) != opener_key(icp_run(micro_icp=MicroIcp(geos=("my",))))


async def test_confirming_twice_makes_one_job(tmp_path: Path) -> None:
    async with bench(tmp_path) as lab:
        first = await lab.jobs.hand_in(TENANT, icp_run())
        again = await lab.jobs.hand_in(TENANT, icp_run())
        assert again.joined
        assert again.job.id == first.job.id


async def test_twenty_confirmations_at_once_make_one_job(tmp_path: Path) -> None:
    async with bench(tmp_path) as lab:
        ids: list[str] = []

        async def confirm(number: int) -> None:
            run = icp_run(thread_id=f"thread-{number % 4}")
            ids.append((await lab.jobs.hand_in(TENANT, run)).job.id)

        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(confirm, number)
        # Same user in four threads: what only waits in one may go on in another, one at a time.
        live = [
            job
            for number in range(4)
            for job in await lab.store.jobs_of_chat(TENANT, f"thread-{number}")
            if not job.final
        ]
        assert len(live) == 1


async def test_the_same_wish_of_another_user_joins_the_running_job(tmp_path: Path) -> None:
    go_on = anyio.Event()
    parts = Parts(before=lambda point: go_on.wait() if point == "plan" else None)
    async with bench(tmp_path, parts) as lab:
        first = await lab.jobs.hand_in(TENANT, icp_run(user_id="ann"))
        other = await lab.jobs.hand_in(TENANT, icp_run("thread-2", user_id="bob"))
        assert other.joined
        assert other.job.id == first.job.id
        go_on.set()


async def test_the_same_wish_of_another_tenant_is_its_own_job(tmp_path: Path) -> None:
    async with bench(tmp_path) as lab:
        first = await lab.jobs.hand_in(TENANT, icp_run())
        other = await lab.jobs.hand_in("globex", icp_run())
        assert not other.joined
        assert other.job.id != first.job.id
        assert await lab.store.job("globex", first.job.id) is None


async def test_beginning_anew_takes_the_place_of_a_plan_that_only_waits(tmp_path: Path) -> None:
    async with bench(tmp_path) as lab:
        old = await lab.planned()
        new = await lab.planned(icp_run("thread-2"))
        assert new.id != old.id
        stored = await lab.store.job(TENANT, old.id)
        assert stored is not None
        assert stored.status is JobStatus.CANCELLED


async def test_another_wish_in_the_thread_replaces_a_waiting_plan_but_not_a_running_one(
    tmp_path: Path,
) -> None:
    begun, go_on = anyio.Event(), anyio.Event()

    def hold(point: str) -> Any:
        begun.set()
        return go_on.wait()

    parts = Parts()
    async with bench(tmp_path, parts) as lab:
        old = await lab.planned()
        parts.before = hold
        wider = icp_run(micro_icp=MicroIcp(industries=("logistics",)))
        new = await lab.jobs.hand_in(TENANT, wider)
        assert new.job.id != old.id
        await begun.wait()
        with pytest.raises(ChatBusy):
            await lab.jobs.hand_in(TENANT, icp_run(rule_name="strict"))
        go_on.set()


async def test_a_callers_key_names_one_job_and_no_other_wish(tmp_path: Path) -> None:
    from data411_mcp.errors import InvalidArgument
    from data411_mcp.services.routes import Terms

    async with bench(tmp_path) as lab:
        terms = Terms(idempotency_key="mine")
        first = await lab.jobs.hand_in(TENANT, icp_run(), terms)
        await lab.settled(first.job.id)
        await lab.runner.cancel(TENANT, first.job.id)
        again = await lab.jobs.hand_in(TENANT, icp_run(), terms)
        assert again.job.id == first.job.id
        with pytest.raises(InvalidArgument):
            await lab.jobs.hand_in(TENANT, icp_run(rule_name="strict"), terms)


# --- a worker that dies ------------------------------------------------------------------------


POINTS = ["enrich firm1.example", "enrich firm5.example", "enrich firm10.example", "mail",
          "crm firm1.example", "crm firm6.example"]  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
async def test_a_worker_that_dies_at_any_step_leaves_one_mail_and_each_company_once(
    tmp_path: Path, point: str
) -> None:
    """The lease lapses and another worker goes on: here two processes' runners on one store."""
    stuck = anyio.Event()

    def dies(reached: str) -> Any:
        if reached == point and not stuck.is_set():
            stuck.set()
            return anyio.sleep_forever()
        return None

    dead, alive = Parts(before=dies), Parts()
    async with bench(tmp_path, dead) as first:
        await first.planned()
        handed = await first.jobs.approve(TENANT, "thread-1")
        await stuck.wait()
        await _drop_lease(first, handed.job.id)
        async with bench(tmp_path, alive) as second:
            job = await second.settled(handed.job.id)
            assert job.status is JobStatus.DONE
            result = json.loads(job.result or "")
            assert (result["completed"], result["top"]) == (10, 10)
            assert result["crm"] == {"created": 10}
            assert len(dead.mails) + len(alive.mails) == 1
            assert sorted(dead.crm_writes + alive.crm_writes) == sorted(ROUND)
            done = [e for e in await second.events(job.id) if e.name == "enrich:company_tick"]
            assert sorted(e.context["domain"] for e in done) == sorted(ROUND)
            assert len(await second.next_jobs(job.id)) == 1


async def _drop_lease(lab: Bench, job_id: str) -> None:
    """As a worker killed with -9 leaves it: held by a name that nobody answers to any more."""
    held = lab.runner._held.of(TENANT, job_id)
    assert held is not None
    held.stop(_lost())


def _lost() -> Any:
    from data411_mcp.adapters.jobs.held import Stop

    return Stop.LOST


async def test_a_followup_job_is_not_handed_in_twice(tmp_path: Path) -> None:
    async with bench(tmp_path) as lab:
        await lab.planned()
        job = await lab.approved()
        again = await lab.route._next(_context(job), icp_run(), 2, _silent())
        assert [again] == [j.id for j in await lab.next_jobs(job.id)]


def _context(job: Job) -> Any:
    from data411_mcp.services.ports import JobContext

    async def nothing(*_: object) -> None:
        return None

    return JobContext(job, lambda _: None, nothing)


def _silent() -> Any:
    from data411_mcp.adapters.prompts import load_script
    from data411_mcp.services.icp.telling import Telling

    return Telling(lambda _: None, load_script())
