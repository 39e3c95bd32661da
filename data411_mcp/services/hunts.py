"""Running slots: bounded, in parallel, each with its own deadline, each cancellable on its own.

A slot that fails or hangs never fails the session: it becomes a row with a reason.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import anyio

from data411_mcp.domain.graph import SlotRow
from data411_mcp.domain.jobs import SlotRequest
from data411_mcp.domain.metering import metering
from data411_mcp.domain.slots import SLOTS, SlotState
from data411_mcp.errors import Data411Error, VendorError
from data411_mcp.services.hunting.brief import Haul
from data411_mcp.services.ports import Clock

SLOTS_AT_ONCE = 8  # all that a server runs by itself


@dataclass(frozen=True)
class SlotTask:
    """One slot to run: `hunt` does it, `provider` is the slug it uses."""

    slot: str
    provider: str
    deadline_seconds: float
    hunt: Callable[[], Awaitable[Haul]]


@dataclass(frozen=True)
class Outcome:
    row: SlotRow
    haul: Haul


class SlotControls:
    """Cancel and retry wishes for the slots of one run, from whoever asks."""

    def __init__(self) -> None:
        self._scopes: dict[str, anyio.CancelScope] = {}
        self._cancelled: set[str] = set()
        self._retry: dict[str, SlotRequest] = {}
        self._taken: dict[str, SlotRequest] = {}

    def cancel(self, slot: str) -> None:
        self._cancelled.add(slot)
        if slot in self._scopes:
            self._scopes[slot].cancel()

    def retry(self, request: SlotRequest) -> None:
        """Stop the attempt under way and start the slot again."""
        slot = request.slot
        self._retry[slot] = request
        if slot in self._scopes:
            self._scopes[slot].cancel()

    def cancelled(self, slot: str) -> bool:
        return slot in self._cancelled

    def entered(self, slot: str, scope: anyio.CancelScope) -> None:
        self._scopes[slot] = scope
        if slot in self._cancelled:
            scope.cancel()

    def left(self, slot: str) -> None:
        self._scopes.pop(slot, None)

    def take_retry(self, slot: str) -> bool:
        """True once for each wish to retry."""
        request = self._retry.pop(slot, None)
        if request is None or slot in self._cancelled:
            return False
        self._taken[slot] = request
        return True

    def settles(self, slot: str) -> SlotRequest | None:
        """The wish that the slot's present attempt answers: noted with its checkpoint, so that a
        later attempt of the job does not run the slot for it once more."""
        return self._taken.get(slot)


async def run_slots(
    tasks: Sequence[SlotTask],
    *,
    clock: Clock,
    controls: SlotControls,
    started: Callable[[str], None],
    landed: Callable[[Outcome], Awaitable[None]],
) -> None:
    """Run the slots in parallel; `landed` is awaited for each outcome as it comes in."""
    limit = anyio.Semaphore(SLOTS_AT_ONCE)

    async def one(task: SlotTask) -> None:
        async with limit:
            started(task.slot)
            await landed(await run_slot(task, clock=clock, controls=controls))

    async with anyio.create_task_group() as hunting:
        for task in tasks:
            hunting.start_soon(one, task)


async def run_slot(task: SlotTask, *, clock: Clock, controls: SlotControls) -> Outcome:
    """Run one slot to an outcome, whose cost is that of all its attempts. Raises nothing but
    cancellation from outside."""
    with metering() as meter:
        outcome = await _tried(task, clock=clock, controls=controls)
    row = outcome.row.model_copy(update={"cost_usd_micros": meter.micros})
    return Outcome(row, outcome.haul)


async def _tried(task: SlotTask, *, clock: Clock, controls: SlotControls) -> Outcome:
    while True:
        controls.take_retry(task.slot)  # a wish from before the start is answered by the start
        began = clock.monotonic()
        state, reason, haul = SlotState.DONE, "", Haul(provider=task.provider)
        with anyio.move_on_after(task.deadline_seconds) as scope:
            controls.entered(task.slot, scope)
            try:
                haul = await task.hunt()
            except VendorError as failure:
                state, reason = SlotState.ERROR, failure.reason
            except Data411Error as failure:
                state, reason = SlotState.ERROR, failure.code.lower()
        controls.left(task.slot)
        if controls.take_retry(task.slot):
            continue
        if controls.cancelled(task.slot):
            state, reason, haul = SlotState.CANCELLED, "cancelled", Haul(provider=task.provider)
        elif scope.cancelled_caught:
            state, reason = SlotState.ERROR, "deadline"
        seconds = round(clock.monotonic() - began, 3)
        return Outcome(_row(task, state, reason, haul, seconds, clock), haul)


def _row(
    task: SlotTask, state: SlotState, reason: str, haul: Haul, seconds: float, clock: Clock
) -> SlotRow:
    slot = SLOTS[task.slot]
    return SlotRow(
        model_id=slot.id,
        label=slot.label,
        provider=haul.provider or task.provider,
        state=state.value,
        pass_=slot.pass_.value,
        reason=reason,
        seconds=seconds,
        findings=len(haul.findings),
        degraded=tuple(haul.degraded),
        finished_at=clock.now().isoformat(),
    )
