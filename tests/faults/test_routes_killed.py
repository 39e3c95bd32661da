"""Processes killed with SIGKILL before and after the steps of every job route: each job finishes
once, what was checkpointed is not bought again, and the customer pays what an undisturbed run
costs. With SQLite the process that is killed is the only one and is started again; with PostgreSQL
it is one of three workers, or the process that makes the call."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from data411_mcp.domain.jobs import JobStatus
from tests.faults.route_cases import POSTGRES, SQLITE, Bench, bench, charged_cents
from tests.faults.route_child import AFTER, BEFORE, Point
from tests.faults.route_world import DEEP, FORGE, GROUND, SCENARIOS, Scenario

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked POSIX processes")

Benches = Callable[[str], Bench]
BY_NAME = {s.name: s for s in SCENARIOS}
# Two dozen kills, spread over the routes, the kinds of steps and the two stores.
SOME: dict[str, dict[str, tuple[Point, Point]]] = {
    SQLITE: {
        "a session without a chat": (Point("add_job", AFTER), Point("finish_job", AFTER)),
        "a session": (
            Point(f"append_events slot_finished {GROUND}", AFTER),
            Point("checkpoint synthesis", AFTER),
        ),
        "two slots": (Point("save_backfill #3", BEFORE), Point(f"checkpoint slot:{DEEP}", AFTER)),
        "one slot": (Point("claim_job", BEFORE), Point("save_backfill", AFTER)),
        "two slots and a cancel": (
            Point("request_cancel", AFTER),
            Point("save_backfill #4", BEFORE),
        ),
        "a finding": (Point("checkpoint finding", AFTER), Point("finish_job", BEFORE)),
    },
    POSTGRES: {
        "a session from zero": (
            Point("checkpoint refreshed", BEFORE),
            Point(f"checkpoint slot:{FORGE}", BEFORE),
        ),
        "a follow-up that names a slot": (
            Point("add_job", BEFORE),
            Point("checkpoint synthesis", BEFORE),
        ),
        "one slot and the summary": (
            Point(f"checkpoint slot:{FORGE}", AFTER),
            Point("finish_job", BEFORE),
        ),
        "two slots": (
            # Not at an event: the last ones may come with the end of the job.
            Point("save_backfill #3", AFTER),
            Point("finish_job", AFTER),
        ),
        "two slots and a cancel": (Point("request_cancel", AFTER), Point("finish_job", BEFORE)),
        "the summary": (Point("claim_job", AFTER), Point("save_backfill", BEFORE)),
    },
}


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Benches]:
    """The state that cases begin with, on each kind of store, made when it is first asked for."""
    made: dict[str, Bench] = {}
    with ExitStack() as stack:

        def of(kind: str) -> Bench:
            if kind not in made:
                made[kind] = stack.enter_context(bench(kind, tmp_path_factory.mktemp(kind)))
            return made[kind]

        yield of


def undisturbed_is_right(made: Bench, scenario: Scenario) -> None:
    """What killed runs are compared with: each thing bought once, and its price paid."""
    usual = made.undisturbed(scenario)
    assert usual.told["error"] is None
    assert usual.told["status"] == (JobStatus.CANCELLED if scenario.stuck else JobStatus.DONE)
    assert usual.bought == Counter(scenario.bought)
    assert charged_cents(usual) == scenario.cents


@pytest.mark.lengthy
@pytest.mark.parametrize("kind", [SQLITE, POSTGRES])
def test_a_dozen_kills_change_nothing_that_the_customer_sees_or_pays(
    benches: Benches, kind: str
) -> None:
    made, defects = benches(kind), list[str]()
    for name, points in SOME[kind].items():
        undisturbed_is_right(made, BY_NAME[name])
        for point in points:
            defects += made.defects(BY_NAME[name], point)
    assert sum(len(points) for points in SOME[kind].values()) == 12
    assert not defects, "\n".join(defects)


@pytest.mark.long
@pytest.mark.parametrize("kind", [SQLITE, POSTGRES])
@pytest.mark.parametrize("name", list(BY_NAME))
def test_a_kill_before_or_after_any_step_changes_nothing_that_the_customer_sees_or_pays(
    benches: Benches, kind: str, name: str
) -> None:
    """Together several hundred kills."""
    made, scenario = benches(kind), BY_NAME[name]
    undisturbed_is_right(made, scenario)
    points = made.points(scenario)
    assert len(points) >= 6
    defects = [what for point in points for what in made.defects(scenario, point)]
    assert not defects, "\n".join(defects)
