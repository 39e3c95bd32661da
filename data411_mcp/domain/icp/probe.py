"""Return users: is what was found last time still good, or is it to be searched for again?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, StrictBool, ValidationError

from data411_mcp.domain.icp.threads import one_line
from data411_mcp.domain.icp.values import Decisions, Intake

REASON_CHARS_MAX = 120
BREAKING = ("website", "industries", "rule", "customers", "micro_icp")

# Reasons that the rules give, as the user reads them after "due to".
NO_SNAPSHOT = "nothing stored yet"
NO_CANDIDATES = "profiles stored, but no candidates"
CACHED = "cached Top-10 is fresh"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an earlier run. Ages in days; None: there was none. `diffs`: what differs
    from then, by name (website, industries, rule, customers, …), as {"was", "is"}."""

    known: bool = False  # anything of an earlier session
    same_session: bool = False  # … which is this very one
    candidate_count: int = 0
    top10_age_days: float | None = None
    profile_age_days: float | None = None
    last_run_at: str = ""
    rule_name: str = ""
    diffs: Mapping[str, Any] = field(default_factory=dict)
    profile_staleness_days: int = 14
    discovery_staleness_days: int = 14


def heuristics(facts: Facts) -> Decisions:
    """The specification's rules. Without candidates there is nothing to run again; where reuse
    and a new run both have a reason, the new run wins."""
    if not facts.known:
        return Decisions(reason=NO_SNAPSHOT)
    signals = stale_signals(facts)
    if facts.candidate_count <= 0:
        return Decisions(
            is_return_user=not facts.same_session,
            reason=NO_CANDIDATES,
            stale_signals=signals,
            diffs=dict(facts.diffs),
        )
    why = _why_again(facts)
    return Decisions(
        is_return_user=not facts.same_session,
        use_cached=not why,
        rerun_icp=bool(why),
        reason=(why or CACHED)[:REASON_CHARS_MAX],
        stale_signals=signals,
        diffs=dict(facts.diffs),
    )


def stale(facts: Facts) -> bool:
    age = facts.top10_age_days
    return age is None or age > facts.discovery_staleness_days


def stale_signals(facts: Facts) -> dict[str, Any]:
    signals: dict[str, Any] = {}
    if facts.candidate_count > 0 and stale(facts):
        signals["top10_age_days"] = _days(facts.top10_age_days)
    if facts.profile_age_days is not None and facts.profile_age_days > facts.profile_staleness_days:
        signals["profile_age_days"] = _days(facts.profile_age_days)
    return signals


def _days(age: float | None) -> int | None:
    return None if age is None else int(age)


def _why_again(facts: Facts) -> str:
    changed = [name for name in BREAKING if name in facts.diffs]
    if changed:
        names = {"micro_icp": "micro-ICP", "rule": "ICP rule", "customers": "customer list"}
        return f"a changed {' and '.join(names.get(n, n) for n in changed)}"
    if stale(facts):
        return f"results older than {facts.discovery_staleness_days} days"
    return ""


class _Advice(BaseModel):
    """The reply of the model, which must have these fields and these types."""

    model_config = ConfigDict(extra="ignore")

    is_return_user: StrictBool
    use_cached: StrictBool
    rerun_icp: StrictBool
    reason: str
    stale_signals: dict[str, Any] = {}
    diffs: dict[str, Any] = {}


def advised(own: Decisions, facts: Facts, reply: object) -> Decisions:
    """The rules' decision with a model's advice. Advice may ask for a new run where the rules
    would reuse; it never reuses what is stale or about something else, never runs again what was
    never run, and a reply that is not as it must be changes nothing."""
    try:
        advice = _Advice.model_validate(reply)
    except ValidationError:
        return own
    if not own.use_cached or not advice.rerun_icp or facts.candidate_count <= 0:
        return own
    reason = one_line(advice.reason, REASON_CHARS_MAX) or "a change that the advice names"
    return own.model_copy(update={"use_cached": False, "rerun_icp": True, "reason": reason})


ADVICE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["is_return_user", "use_cached", "rerun_icp", "reason", "stale_signals", "diffs"],
    "properties": {
        "is_return_user": {"type": "boolean"},
        "use_cached": {"type": "boolean"},
        "rerun_icp": {"type": "boolean"},
        "reason": {"type": "string", "maxLength": REASON_CHARS_MAX},
        "stale_signals": {"type": "object"},
        "diffs": {"type": "object"},
    },
}


def differences(was: Intake, now: Intake) -> dict[str, Any]:
    """What changed between two intakes, of what a result depends on."""
    found: dict[str, Any] = {}
    if was.domain and now.domain and was.domain != now.domain:
        found["website"] = {"was": was.domain, "is": now.domain}
    before, after = _names(was), _names(now)
    if after and before != after:
        found["customers"] = {
            "added": sorted(after - before)[:20],
            "removed": sorted(before - after)[:20],
        }
    industries = [_list(i.answers.get("industries")) for i in (was, now)]
    if industries[1] and industries[0] != industries[1]:
        found["industries"] = {"was": industries[0], "is": industries[1]}
    return found


def _names(intake: Intake) -> set[str]:
    everyone = [*intake.customers, *(c for c in intake.lost)]
    return {c.domain or c.name.casefold() for c in everyone}


def _list(value: object) -> list[str]:
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list):
        return []
    return sorted({str(v).strip().casefold() for v in value if str(v).strip()})
