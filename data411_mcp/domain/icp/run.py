"""The one background job of the ICP finder: what it is given, and when two of it are the same."""

from __future__ import annotations

import hashlib
import json

from pydantic import BaseModel, ConfigDict

from data411_mcp.domain.icp.values import Candidate, Intake, MicroIcp

ICP_RUN = "icp/run"  # plan, then waiting; resumed: Top-10, scoring, e-mail, CRM
ICP_NEXT = "icp/next40"  # the forty after them; CRM without a second mail
RULE_DEFAULT = "default"
TOPLIKES_MAX = 50
TOP_N = 10
NEXT_N = 40


class IcpRun(BaseModel):
    """The payload of `icp/run`. `approved` is set when the user says "run enrichment": the job
    was waiting and goes on. `own_companies`: candidates from a file of the user's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    thread_id: str
    user_id: str = ""
    context_key: str = ""
    intake: Intake
    micro_icp: MicroIcp | None = None
    rule_name: str = RULE_DEFAULT
    own_companies: tuple[Candidate, ...] = ()
    notify_email: str | None = None
    use_cached: bool = False
    rerun_icp: bool = False
    approved: bool = False
    company_cents: int = 0  # of a company, as agreed when the user approved
    digest: str = ""


def icp_hash(run: IcpRun) -> str:
    """SHA-1 (not for security) over what the result depends on, in an order of its own: the same
    wish in other words of the client is the same job."""
    micro = run.micro_icp or MicroIcp()
    subset = {
        "website": run.intake.domain or run.intake.website or "",
        "customers": sorted(c.domain or c.name.casefold() for c in run.intake.customers),
        "lost": sorted((c.domain or c.name.casefold(), c.reason) for c in run.intake.lost),
        "answers": run.intake.answers,
        "industries": sorted(micro.industries),
        "integrations": sorted(micro.integrations),
        "buyer_titles": sorted(micro.buyer_titles),
        "size_bands": sorted(micro.size_bands),
        "triggers": sorted(micro.triggers),
        "geos": sorted(micro.geos),
        "ssic": sorted(micro.ssic),
        "own_companies": sorted(c.domain for c in run.own_companies),
    }
    text = json.dumps(subset, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha1(f"{text}|{run.rule_name}".encode(), usedforsecurity=False).hexdigest()


def opener_key(run: IcpRun) -> str:
    """At most one live job of a tenant with the same hash and rule: the store sees to it."""
    return f"icp:{icp_hash(run)}"
