"""The sample conversation of the specification, sign for sign, and its events in order."""

from __future__ import annotations

from collections.abc import Sequence

from tests.icp.world import CUSTOMERS_TEXT, WEBSITE

ASK_WEBSITE = "Let’s infer your ICP from evidence. What’s your website URL?"
ASK_CUSTOMERS = (
    "List 5–15 best customers (Company — website). Optionally 2–3 lost/churned with a short reason."
)
ASK_CONFIRM = (
    "I’ll crawl your site + seed sites, run discovery, then propose a Top‑10 lookalikes with "
    "evidence. ACRA runs later in the nightly SG pass. Reply ‘confirm’ to proceed."
)
PLANNING = "Confirmed. Gathering evidence and planning Top‑10…"
TOPLIKES = "Top‑listed lookalikes (with why) produced."
PROFILE = "ICP Profile produced."
PROGRESS = "Progress: Intake saved → Evidence → Domain resolve → Evidence → Top‑10 ✓"
FOUND = (
    "Found {n} ICP candidates. We can enrich 10 now; nightly runner will process the rest. "
    "Accept a micro‑ICP, then type ‘run enrichment’."
)
ENRICHING = "Enriching Top‑10 now (require existing domains)."
ENRICHED = "Enriched results ({done}/{total} completed). Remaining queued."

PLAN_LINES = (PLANNING, TOPLIKES, PROFILE, PROGRESS)
SAID = ("Hello, we want more customers like our best ones.", WEBSITE, CUSTOMERS_TEXT)
CHAT_EVENTS = ("icp:intake_saved", "icp:seeds_mapped", "icp:confirm_pending")
PLAN_EVENTS = (
    "icp:planning_start",
    "icp:toplikes_ready",
    "icp:profile_ready",
    "icp:progress_summary",
    "icp:candidates_found",
)
EVENTS = (*CHAT_EVENTS, *PLAN_EVENTS, "enrich:start_top10", "enrich:summary")


def in_order(wanted: Sequence[str], told: Sequence[str]) -> bool:
    """Whether all wanted are told, in their order; others may stand between."""
    rest = iter(told)
    return all(any(one == other for other in rest) for one in wanted)


def labels(told: Sequence[str], of: Sequence[str] = EVENTS) -> list[str]:
    """Those of the told that the specification orders, without repetitions."""
    return list(dict.fromkeys(label for label in told if label in of))
