"""Why customers were lost, in the user's words, as themes; and what a theme lets us look for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from data411_mcp.domain.icp.values import NegativeTheme

THEMES_MAX = 3
REASON_CHARS_MAX = 160
OTHER = "other"

# theme → the words that show it. The first that fits is the reason's.
_THEMES: tuple[tuple[str, str], ...] = (
    ("on_prem_only", r"on[- ]?prem\w*|self[- ]host\w*|own servers?|no cloud|not in the cloud"),
    ("security_heavy_process", r"security|compliance|audit|legal review|data residency|infosec"),
    (
        "budget_too_low",
        r"budgets?|pric(?:e|es|ed|ing|ey)|expensive|costs?|costly|afford\w*|cheap\w*|fees?"
        r"|[$€£].*|discount\w*",
    ),
    ("too_small", r"too small|too few|one[- ]person|micro|tiny|not enough (?:staff|volume|users)"),
    (
        "poor_fit",
        r"(?:no|not a|poor|bad|wrong|weak) (?:good )?fit|did ?n[o'’]t fit|wrong use|mismatch"
        r"|not (?:our|the) (?:market|segment|target)",
    ),
    ("bad_timing_low_priority", r"timing|priorit\w+|not now|later|postpon\w+|on hold|delay\w*"),
    (
        "missing_feature",
        r"feature\w*|functionality|integrations?|missing|lack\w*|does ?n[o'’]t support"
        r"|limitations?",
    ),
    ("competitor", r"competitor\w*|switched|moved to|chose another|went with|replaced"),
    (
        "in_house",
        r"in[- ]house|built (?:it )?(?:themselves|himself|herself|internally)"
        r"|internal (?:tool|team|solution)",
    ),
    (
        "company_change",
        r"acquired|merger|merged|bankrupt\w*|insolven\w*|closed|shut ?down|liquidat\w+"
        r"|restructur\w+|layoffs?|champion left",
    ),
    ("service", r"support|service|slow|downtime|bugs?|buggy|unreliable|onboarding|adoption|usage"),
)
_PATTERNS = tuple(
    (theme, re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)) for theme, words in _THEMES
)
_LABELS = {
    "on_prem_only": "on-premise only", "security_heavy_process": "a heavy security process",
    "budget_too_low": "price or budget", "too_small": "being too small", "poor_fit": "poor fit",
    "bad_timing_low_priority": "timing or priorities", "missing_feature": "a missing feature",
    "competitor": "a competitor", "in_house": "an in-house solution",
    "company_change": "a change at the company", "service": "service or usage",
    OTHER: "other reasons",
}  # fmt: skip
# Where a company's own text can show the same: phrases looked for among candidates.
LOOKED_FOR: Mapping[str, tuple[str, ...]] = {
    "on_prem_only": ("on-premise", "on-premises", "on premise", "self-hosted"),
}
# Keys under which answers name customers that were lost, as the specification's versions have it.
LOST_KEYS = ("lost", "lost_churned", "lost_or_churned")
NEVER_KEYS = ("anti_icp", "never_target")


def theme_of(reason: str) -> str:
    """One of our themes; `other` for words that fit none, empty without any."""
    if not reason.strip():
        return ""
    for theme, pattern in _PATTERNS:
        if pattern.search(reason):
            return theme
    return OTHER


def theme_label(theme: str) -> str:
    """For a reader."""
    return _LABELS.get(theme, theme.replace("_", " "))


def themes(reasons: Iterable[str]) -> tuple[NegativeTheme, ...]:
    """The three most frequent, each with the first reason given for it."""
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for reason in reasons:
        if theme := theme_of(reason):
            counts[theme] += 1
            first.setdefault(theme, " ".join(reason.split())[:REASON_CHARS_MAX])
    named = sorted(counts, key=lambda t: (-counts[t], t == OTHER, t))[:THEMES_MAX]
    return tuple(NegativeTheme(theme=t, count=counts[t], reason=first[t]) for t in named)


def reasons_in(answers: Mapping[str, Any]) -> tuple[str, ...]:
    """Reasons that stand in the answers: of lost customers, under whichever of the keys."""
    found: dict[tuple[str, str], None] = {}
    for key in LOST_KEYS:
        for row in _rows(answers.get(key)):
            if isinstance(row, Mapping) and isinstance(row.get("reason"), str):
                who = str(row.get("domain") or row.get("name") or "").casefold()
                found.setdefault((who, row["reason"]))
    return tuple(reason for _, reason in found)


def never_wanted(answers: Mapping[str, Any]) -> tuple[str, ...]:
    """What the user said is never to be targeted."""
    words = [w for key in NEVER_KEYS for w in _rows(answers.get(key)) if isinstance(w, str)]
    parts = [" ".join(p.split()) for w in words for p in re.split(r"[,;\n]", w)]
    return tuple(dict.fromkeys(p[:80] for p in parts if p))[:10]


def _rows(given: Any) -> Sequence[Any]:
    if isinstance(given, str):
        return [given]
    return given[:50] if isinstance(given, Sequence) else []
