"""What a run tells while it works: each milestone once, also where an attempt begins again.

An attempt goes over the milestones of earlier ones; what the job's log holds already is not told
a second time, and what a crash kept out of it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.icp.script import Script
from data411_mcp.services.ports import Emit, JobContext, Store

EVENTS_READ_MAX = 1000


@dataclass
class Telling:
    """`emit` of a run, in the words of `script`, with a memory of what its job's log holds."""

    to: Emit
    script: Script
    told: set[tuple[str, str]] = field(default_factory=set)

    def line(self, name: EventName, /, **context: Any) -> None:
        """A milestone; `context` fills its words. Raises KeyError where they need more."""
        words = self.script.event(name.value, **context)
        if name is EventName.ICP_CANDIDATES_FOUND and not context.get("candidates"):
            words = self.script.line("candidates_none")  # nothing to enrich, no run to ask for
        self(ProgressEvent(name=name, message=words, context=context))

    def __call__(self, event: ProgressEvent) -> None:
        key = _key(event)
        if key in self.told:
            return
        self.told.add(key)
        self.to(event)


def _key(event: ProgressEvent) -> tuple[str, str]:
    """One of a name; of a company its own, of reflections and notes one for each text."""
    what = event.context.get("domain") or event.context.get("phase")
    if what is None and event.name is EventName.ICP_REFLECTION:
        what = event.message
    return event.name.value, str(what or "")


async def telling(store: Store, ctx: JobContext, script: Script) -> tuple[JobContext, Telling]:
    """The context whose `emit` tells nothing twice. Raises StoreError."""
    told: set[tuple[str, str]] = set()
    since = 0
    while page := await store.events(
        ctx.job.tenant, ctx.job.id, since=since, limit=EVENTS_READ_MAX
    ):
        told |= {_key(event) for event in page}
        since = page[-1].seq
    teller = Telling(ctx.emit, script, told)
    return replace(ctx, emit=teller), teller
