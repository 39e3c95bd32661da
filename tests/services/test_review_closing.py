"""The runner has the leavings of every job that was cancelled or failed closed, exactly those."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from data411_mcp.adapters.clock import SystemClock
from data411_mcp.adapters.jobs.embedded import EmbeddedRunner
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.domain.jobs import Finished, Job, JobStatus, WorkResult
from data411_mcp.errors import StoreFull
from data411_mcp.services.ports import JobContext

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ROUTE = "enrich/lead-session"


class Closer:
    def __init__(self, *, broken: bool = False) -> None:
        self.closed: list[tuple[str, JobStatus, str]] = []
        self.broken = broken

    async def close(self, job: Job, status: JobStatus, reason: str) -> None:
        self.closed.append((job.id, status, reason))
        if self.broken:
            raise ZeroDivisionError


async def work(ctx: JobContext) -> WorkResult:
    """Does what its payload says."""
    if ctx.job.payload == "fail":
        raise StoreFull("There is no space left.")
    if ctx.job.payload == "stall":
        await anyio.sleep_forever()
    return Finished("{}")


def job(payload: str) -> Job:
    return Job(
        id=payload, tenant="acme", route=ROUTE, chat_session_id="", lead_key="k",
        payload=payload, status=JobStatus.QUEUED, created_at=NOW, updated_at=NOW,
        idempotency_key=payload,
    )  # fmt: skip


@pytest.mark.parametrize("broken", [False, True])
async def test_a_job_that_fails_or_is_cancelled_is_closed_and_ends_whatever_the_closing_does(
    tmp_path: Path, broken: bool
) -> None:
    closer = Closer(broken=broken)
    async with SqliteStore.open(tmp_path / "store.sqlite3") as store:
        runner = EmbeddedRunner(
            store, SystemClock(), {ROUTE: work}, worker_id="w", close={ROUTE: closer.close}
        )
        with anyio.fail_after(10):
            async with runner.running():
                for name in ("done", "fail", "stall"):
                    await runner.submit(job(name))
                assert (await runner.wait("acme", "done", seconds=5)).status is JobStatus.DONE
                assert (await runner.wait("acme", "fail", seconds=5)).status is JobStatus.ERROR
                await runner.cancel("acme", "stall")
                stalled = await runner.wait("acme", "stall", seconds=5)
                assert stalled.status is JobStatus.CANCELLED
    assert set(closer.closed) == {
        ("fail", JobStatus.ERROR, "store_full"),
        ("stall", JobStatus.CANCELLED, "cancelled"),
    }


async def test_a_job_cancelled_before_anybody_took_it_is_closed(tmp_path: Path) -> None:
    closer = Closer()
    async with SqliteStore.open(tmp_path / "store.sqlite3") as store:
        runner = EmbeddedRunner(
            store, SystemClock(), {ROUTE: work}, worker_id="w", close={ROUTE: closer.close}
        )
        await runner.submit(job("stall"))
        with anyio.fail_after(10):
            cancelled = await runner.cancel("acme", "stall")
    assert cancelled.status is JobStatus.CANCELLED
    assert closer.closed == [("stall", JobStatus.CANCELLED, "cancelled")]


async def test_a_job_handed_back_at_shutdown_is_not_closed(tmp_path: Path) -> None:
    closer = Closer()
    async with SqliteStore.open(tmp_path / "store.sqlite3") as store:
        runner = EmbeddedRunner(
            store, SystemClock(), {ROUTE: work}, worker_id="w", close={ROUTE: closer.close}
        )
        with anyio.fail_after(10):
            async with runner.running():
                await runner.submit(job("stall"))
                with anyio.move_on_after(5):
                    while (await store.job("acme", "stall")).status is JobStatus.QUEUED:  # type: ignore[union-attr]  # noqa: ASYNC110
                        await anyio.sleep(0.01)
        handed_back = await store.job("acme", "stall")
    assert handed_back is not None
    assert handed_back.status is JobStatus.QUEUED
    assert closer.closed == []
