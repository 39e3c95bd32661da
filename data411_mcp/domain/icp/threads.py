"""Which conversation is meant: context keys, labels, who may be resumed, how the user chooses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from data411_mcp.domain.icp.intents import Intent, read_intent
from data411_mcp.domain.icp.run import RULE_DEFAULT
from data411_mcp.domain.icp.values import Intake
from data411_mcp.domain.icp.websites import addresses

CHOICES_MAX = 3
LABEL_CHARS_MAX = 80
PREVIEW_CHARS_MAX = 120
PART_CHARS_MIN = 4  # of a label, where only its beginning is said
LABEL_DEFAULT = "ICP session"


def context_key(
    domain: str | None, payload: Mapping[str, Any] | None, rule_name: str = RULE_DEFAULT
) -> str:
    """`domain:<registrable domain>` of the user's own site, else `icp:<rule>#<hash of what was
    told>`; empty while neither is known, which matches nothing. A customer's address or an
    accepted micro-ICP never changes it."""
    if domain:
        return f"domain:{domain}"
    if not payload:
        return ""
    text = json.dumps(payload, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    return f"icp:{rule_name}#{digest}"


def payload_of(intake: Intake) -> dict[str, Any]:
    """What a key is made of where there is no website; empty until customers are known."""
    if not intake.customers:
        return {}
    return {
        "customers": sorted(c.domain or c.name.casefold() for c in intake.customers),
        "lost": sorted(c.domain or c.name.casefold() for c in intake.lost),
    }


def key_of(intake: Intake, rule_name: str = RULE_DEFAULT) -> str:
    return context_key(intake.domain, payload_of(intake), rule_name)


def label_of(explicit: str, intake: Intake, words: str) -> str:
    """What the user chooses a conversation by."""
    for text in (explicit, intake.domain or "", words[:60]):
        label = one_line(text, LABEL_CHARS_MAX)
        if label:
            return label
    return LABEL_DEFAULT


def one_line(text: str, most: int) -> str:
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= most else text[: most - 1] + "…"


@dataclass(frozen=True, slots=True)
class Eligible:
    """An open conversation that may be resumed."""

    thread_id: str
    label: str
    updated_at: datetime
    preview: str = ""


def window_start(now: datetime, days: int) -> datetime:
    return now - timedelta(days=days)


def told_apart(threads: Sequence[Eligible]) -> tuple[Eligible, ...]:
    """The newest few, each with a label of its own."""
    newest = sorted(threads, key=lambda t: (t.updated_at, t.thread_id), reverse=True)[:CHOICES_MAX]
    counts: dict[str, int] = {}
    named = []
    for thread in newest:
        seen = counts[thread.label] = counts.get(thread.label, 0) + 1
        label = thread.label if seen == 1 else f"{thread.label} ({seen})"
        named.append(Eligible(thread.thread_id, label, thread.updated_at, thread.preview))
    return tuple(named)


def choice_list(threads: Sequence[Eligible]) -> str:
    """`1. “acme.example”, last updated 2026-11-02 09:30 UTC; 2. …` on one line."""
    return "; ".join(
        f"{n}. “{t.label}”, last updated {t.updated_at:%Y-%m-%d %H:%M} UTC"
        for n, t in enumerate(threads, 1)
    )


def picked(text: str, threads: Sequence[Eligible]) -> Eligible | None:
    """Which of them the user's answer names: by number, label or website, or by a label's
    beginning. None where it names none, or more than one."""
    said = read_intent(text)
    if said.intent is Intent.PICK and said.number is not None:
        return threads[said.number - 1] if 1 <= said.number <= len(threads) else None
    wanted = one_line(text, 200).strip(" \"'“”‘’.").casefold()
    if not wanted:
        return None
    exact = [t for t in threads if t.label.casefold() == wanted or t.thread_id == text.strip()]
    if len(exact) == 1:
        return exact[0]
    domains = {a.domain for a in addresses(text) if a.domain}
    if not domains and len(wanted) >= PART_CHARS_MIN:
        part = [t for t in threads if t.label.casefold().startswith(wanted)]
        return part[0] if len(part) == 1 else None
    if len(domains) != 1:
        return None
    named = [t for t in threads if t.label.casefold().partition(" (")[0] in domains]
    return named[0] if len(named) == 1 else None
