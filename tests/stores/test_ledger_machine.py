"""The ledger under random operations, crashes and replays, in both stores."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.stores.ledger_machine import CrashingDatabase, Laboratory, LedgerMachine
from tests.stores.store_factories import OPEN

STEPS = 60


@contextmanager
def laboratory(kind: str, place: str) -> Iterator[Laboratory]:
    loop = asyncio.new_event_loop()
    opened = OPEN[kind](place)
    try:
        store = loop.run_until_complete(opened.__aenter__())
        database = store._db  # type: ignore[attr-defined]
        if kind == "sqlite":  # a power cut is not among what is tried here
            loop.run_until_complete(database._writer.execute("PRAGMA synchronous = OFF"))
        yield Laboratory(loop, CrashingDatabase(database))
    finally:
        loop.run_until_complete(opened.__aexit__(None, None, None))
        loop.close()


def play(kind: str, place: str, operations: int) -> None:
    with laboratory(kind, place) as lab:
        machine: Callable[[], LedgerMachine] = type(
            "Machine", (LedgerMachine,), {"laboratory": lab}
        )
        while lab.operations < operations:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=max(1, operations // STEPS // 2),
                    stateful_step_count=STEPS,
                    deadline=None,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )


@pytest.mark.lengthy
def test_the_ledger_keeps_its_laws_over_random_operations(kind: str, place: str) -> None:
    play(kind, place, {"sqlite": 10_000, "postgres": 500}[kind])


@pytest.mark.long
def test_the_ledger_keeps_its_laws_over_very_many_random_operations(kind: str, place: str) -> None:
    play(kind, place, {"sqlite": 50_000, "postgres": 10_000}[kind])
