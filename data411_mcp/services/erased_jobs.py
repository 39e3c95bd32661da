"""What jobs were given and what their steps came to, without the erased."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from data411_mcp.domain.jobs import Job
from data411_mcp.domain.lead import Lead
from data411_mcp.domain.lead_input import lead_key
from data411_mcp.services.erased_text import parsed, replaced, strings_of

if TYPE_CHECKING:
    from data411_mcp.services.forgetting import Tombstones

Speaks = Callable[[str], bool]
NO_CANDIDATE = "erased"


def cleaned_payload(
    job: Job, erased: Tombstones, speaks: Speaks, gone: Collection[str]
) -> tuple[str, str]:
    """(payload, lead key) without the person: blank in the lead, masked in prompts, and without
    the id of a candidate that is gone. The same payload when there is nothing to leave out."""
    given = json.loads(job.payload)
    if not isinstance(given, dict):
        return job.payload, job.lead_key
    key, cleaned = job.lead_key, dict(given)
    if isinstance(given.get("lead"), dict):
        lead = Lead.model_validate(given["lead"])
        left = erased.without_person(lead)
        if left is not lead:
            cleaned["lead"], key = left.model_dump(mode="json"), lead_key(left).text
    if given.get("candidate_id") in gone:
        cleaned["candidate_id"] = NO_CANDIDATE
    rest = {name: value for name, value in cleaned.items() if name != "lead"}
    cleaned |= replaced(rest, lambda text: _unspoken(text, erased, speaks))
    if cleaned == given:
        return job.payload, job.lead_key
    return json.dumps(cleaned, ensure_ascii=False), key


def _unspoken(text: str, erased: Tombstones, speaks: Speaks) -> str:
    if not speaks(text):
        return text
    left = erased.masked(text)
    return "" if speaks(left) else left


def cleaned_outcome(outcome: str, speaks: Speaks) -> str:
    """A step's checkpoint without what names the person: a slot's findings one by one, in
    anything else the lines that do. The same text when there is nothing to leave out."""
    data = parsed(outcome)
    if not says(data, speaks):
        return outcome
    if isinstance(data, dict) and isinstance(data.get("findings"), list):
        data["findings"] = [f for f in data["findings"] if not says(f, speaks)]
    left = replaced(data, lambda text: silenced(text, speaks))
    if isinstance(left, dict) and "graph" in left:
        left["graph"] = ""  # a summary written for a graph that is no more
    return left if isinstance(left, str) else json.dumps(left, ensure_ascii=False)


def says(data: Any, speaks: Speaks) -> bool:
    return any(speaks(text) for text in strings_of(data))


def silenced(text: str, speaks: Speaks) -> str:
    """Whole lines that name the person go: half a sentence about a person is still one. All of
    the text goes where a name runs over a line's end."""
    if not speaks(text):
        return text
    left = "\n".join(line for line in text.splitlines() if not speaks(line))
    return "" if speaks(left) else left
