"""What the parts of an `icp/run` hand to each other, and the documents they leave.

A run is carried out by three parts, one after the other: `Planner`, `Enricher`, `Deliverer`; the
forty companies after the first ten by `NextCompanies`. Documents hold no people: contacts are
read from the companies' graphs when a list is made, so that `forget` reaches them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from data411_mcp.domain.icp.reflection import Decisions
from data411_mcp.domain.icp.run import TOP_N, IcpRun
from data411_mcp.domain.icp.values import EnrichedCompany, Lookalike, ScoredLead
from data411_mcp.domain.jobs import WorkResult
from data411_mcp.services.ports import JobContext
from data411_mcp.services.ports.icp import IcpStore

# Kinds of documents (`IcpStore.document`), and what their key is.
SHORTLIST = "shortlist"  # thread id → Shortlist
PROFILE = "profile"  # context key, or the thread id where there is none → IcpProfile
SIGNALS = "signals"  # domain → SiteSignals
COMPANY = "company"  # domain → EnrichedCompany without people
DELIVERY = "delivery"  # job id → how its mail stands
NEXT = "next"  # thread id, a colon, job id → Shortlist whose forty after the Top-10 are its next
NEXT_CHAT = "next40-"  # + job id: the chat of the job of those forty

# Steps of an `icp/run` (checkpoints of its job).
STEP_EVIDENCE = "evidence"
STEP_DISCOVERY = "discovery"
STEP_HEADS = "heads"
STEP_PLAN = "plan"
STEP_DECISIONS = "decisions"
STEP_COMPANY = "company:"  # + domain → EnrichedCompany without people
STEP_SCORING = "scoring"
STEP_MAIL = "email"
STEP_CRM = "crm:"  # + domain


class Shortlist(BaseModel):
    """What a plan came to: at most fifty, the best first. `dropped` counts by reason why
    candidates did not come in; `notes` are sentences for the user."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    thread_id: str
    job_id: str
    context_key: str = ""
    icp_hash: str = ""
    rule_name: str = ""
    made_at: datetime
    lookalikes: tuple[Lookalike, ...] = ()
    dropped: dict[str, int] = {}
    degraded: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = {}  # by phase

    def of(self, job_id: str, wish: str) -> bool:
        """Whether that job has made it for this wish (`icp_hash`)."""
        return (self.job_id, self.icp_hash) == (job_id, wish)

    @property
    def top(self) -> tuple[Lookalike, ...]:
        return self.lookalikes[:TOP_N]


class Planner(Protocol):
    async def plan(self, ctx: JobContext, run: IcpRun) -> tuple[Lookalike, ...]:
        """Evidence, discovery, profile, lookalikes: each a step that is not done twice. Leaves the
        shortlist and the profile as documents, and tells its events. Vendors that fail degrade
        the plan; raises StoreError only."""


class Enricher(Protocol):
    async def enrich(
        self, ctx: JobContext, run: IcpRun, like: Lookalike, decisions: Decisions
    ) -> EnrichedCompany:
        """One company: its pages, people and contact data in a chat of its own. Never raises for
        a vendor: state "failed" says so, with the reason. Emits `enrich:company_tick`; its own
        steps are checkpointed under "company:<domain>:…", its end by the caller. Raises
        StoreError."""

    async def company(self, tenant: str, stub: EnrichedCompany) -> EnrichedCompany:
        """The stub filled from the company's graph, people too, for a list that is made now."""


class Deliverer(Protocol):
    async def mail(self, ctx: JobContext, run: IcpRun, leads: Sequence[ScoredLead]) -> str:
        """Send the list, once for each job whatever happens. Returns sent, failed, skipped,
        skipped_no_config or unknown_outcome."""

    async def crm(self, ctx: JobContext, run: IcpRun, lead: ScoredLead) -> str:
        """Write one company and its people to the CRM; doing it twice changes nothing. Returns
        created, updated, unchanged, failed or skipped_no_config."""


class NextCompanies(Protocol):
    async def work(self, ctx: JobContext, run: IcpRun) -> WorkResult:
        """The companies of the shortlist after the Top-10: enriched, and into the CRM without a
        mail."""


async def shortlist_of(store: IcpStore, tenant: str, thread_id: str) -> Shortlist | None:
    """None where there is none, or one that this version cannot read. Raises StoreError."""
    return await list_of(store, tenant, SHORTLIST, thread_id)


async def list_of(store: IcpStore, tenant: str, kind: str, key: str) -> Shortlist | None:
    """As above, of the documents that hold a list. Raises StoreError."""
    found = await store.document(tenant, kind, key)
    if found is None:
        return None
    try:
        return Shortlist.model_validate_json(found.text)
    except ValidationError:
        return None


def without_people(company: EnrichedCompany) -> EnrichedCompany:
    """What a document or checkpoint may hold of a company."""
    return company.model_copy(update={"contacts": (), "emails": (), "phones": ()})


async def company_of_list(store: IcpStore, tenant: str, domain: str) -> EnrichedCompany | None:
    """The company without its people, as an earlier or this run left it; None where there is none,
    or one that this version cannot read. Raises StoreError."""
    found = await store.document(tenant, COMPANY, domain)
    if found is None:
        return None
    try:
        return EnrichedCompany.model_validate_json(found.text)
    except ValidationError:
        return None
