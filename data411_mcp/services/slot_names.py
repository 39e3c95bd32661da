"""Slots as callers name them: by public id, by label or by provider slug."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from data411_mcp.domain.graph import Backfill
from data411_mcp.domain.slots import AGENT, SLOTS
from data411_mcp.errors import InvalidArgument

_RUNNABLE = [s for s in SLOTS if s != AGENT]


def slot_named(model_id: str, models: Mapping[str, str], backfill: Backfill | None) -> str:
    """The slot's id. `models` maps slots to the slugs they are configured with; a slug that a
    slot last ran with counts, too. Raises InvalidArgument with the nearest known name."""
    wanted = model_id.strip().casefold()
    if wanted in _RUNNABLE:
        return wanted
    labelled = [s for s in _RUNNABLE if SLOTS[s].label.casefold() == " ".join(wanted.split())]
    if labelled:
        return labelled[0]
    slugs: dict[str, set[str]] = {s: {SLOTS[s].provider} for s in _RUNNABLE}
    for slot, slug in models.items():
        slugs.setdefault(slot, set()).add(slug)
    for row in backfill.tool_trace.parallel_results if backfill else ():
        slugs.setdefault(row.model_id, set()).add(row.provider)
    # A bare word such as "site" is the slug of a keyless slot: its id says which one is meant.
    found = [s for s in _RUNNABLE if wanted in {slug.casefold() for slug in slugs[s]}]
    if len(found) == 1:
        return found[0]
    if found:
        raise InvalidArgument(
            f"{len(found)} slots run on that model.", f"Pass one of: {', '.join(found)}."
        )
    if wanted == AGENT:
        raise InvalidArgument(
            "data411-agent is the calling agent itself: the server cannot run it.",
            "Call submit_findings with what you found.",
        )
    known = [*_RUNNABLE, *sorted({slug for s in _RUNNABLE for slug in slugs[s] if "/" in slug})]
    near = difflib.get_close_matches(wanted, known, 1, 0.6)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise InvalidArgument("There is no such slot.", f"{hint}Slots: {', '.join(_RUNNABLE)}.")
