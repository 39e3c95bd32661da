"""One company while it is enriched: a chat of its own, so that the graph is an ordinary one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from data411_mcp.domain.events import ProgressEvent
from data411_mcp.domain.evidence import Finding
from data411_mcp.domain.gaps import find_gaps
from data411_mcp.domain.graph import Backfill
from data411_mcp.domain.icp.values import EnrichedCompany, Lookalike
from data411_mcp.domain.jobs import SlotRequest
from data411_mcp.domain.slots import DNS, SLOTS, SlotState
from data411_mcp.domain.summary import archive, write_summary
from data411_mcp.errors import InvalidLead
from data411_mcp.services.forgetting import Tombstones
from data411_mcp.services.graph_in_work import GraphInWork
from data411_mcp.services.hunting.brief import Haul
from data411_mcp.services.icp.parts import STEP_COMPANY
from data411_mcp.services.ports import JobContext
from data411_mcp.services.requests import BoundSession, SessionRequest, bind_session
from data411_mcp.services.run_graph import counted, new_row, spend
from data411_mcp.services.run_setup import RunSetup

LEAD_SOURCE = "icp_finder"
SUMMARY_REASON = "icp"


def chat_of(domain: str) -> str:
    """The chat of a company, the same for every run of its tenant: what is known of it adds up."""
    return "icp-" + hashlib.sha256(domain.encode()).hexdigest()[:24]


async def bound_company(setup: RunSetup, tenant: str, like: Lookalike) -> BoundSession:
    """The company's chat, bound to its domain and name at the first time. Raises StoreError."""
    chat = chat_of(like.domain)
    if await setup.store.session(tenant, chat) is not None:
        # As it was bound then: the next list may spell the name otherwise.
        return await bind_session(setup.store, setup.clock, tenant, None, chat)
    erased = await setup.forgetting.tombstones(tenant)
    lead = {"domain": like.domain, "source_system": LEAD_SOURCE}
    named = lead | {"company": like.name} if like.name.strip() else lead
    try:
        return await bind_session(setup.store, setup.clock, tenant, named, chat, erased=erased)
    except InvalidLead:  # a name that is none
        return await bind_session(setup.store, setup.clock, tenant, lead, chat, erased=erased)


def steps_of(ctx: JobContext, domain: str) -> JobContext:
    """The job as one company's work sees it: steps under names of its own, and no events, which
    are the job's."""
    prefix = f"{STEP_COMPANY}{domain}:"
    own = {k.removeprefix(prefix): v for k, v in ctx.checkpoints.items() if k.startswith(prefix)}

    async def checkpoint(step: str, outcome: str, settles: SlotRequest | None = None) -> None:
        await ctx.checkpoint(prefix + step, outcome, settles)
        own[step] = outcome

    return JobContext(job=ctx.job, emit=_silent, checkpoint=checkpoint, checkpoints=own)


def names_erased(erased: Tombstones, finding: Finding) -> bool:
    said = (finding.value, finding.person or "", finding.quote)
    return any(erased.mentions(text) for text in said)


def _silent(_event: ProgressEvent) -> None:
    return


@dataclass
class CompanyInWork:
    """The graph of one company, and what its tick tells. Reasons are those of `DEGRADED`; notes
    are sentences of ours about caps and throttling."""

    domain: str
    graph: GraphInWork
    pages_read: int = 0
    pages_wanted: int = 0
    pages_late: int = 0
    pages_hedged: int = 0
    mailboxes_asked: set[str] = field(default_factory=set)  # at the verifier, whatever it said
    degraded: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failure: str = ""  # why nothing could be had of it, a stable word
    asked_people: bool = False  # the LinkedIn vendor has answered, whatever it said
    unfinished: bool = False  # a vendor kept back what it may give another time

    @property
    def ctx(self) -> JobContext:
        return self.graph.ctx

    @property
    def tenant(self) -> str:
        return self.graph.bound.tenant

    @property
    def backfill(self) -> Backfill:
        return self.graph.backfill

    def degrade(self, reason: str, note: str = "", *, passing: bool = False) -> None:
        """`passing`: another time the vendor may give what it did not give now."""
        self.unfinished = self.unfinished or passing
        if reason not in self.degraded:
            self.degraded.append(reason)
        if note and note not in self.notes:
            self.notes.append(note)

    async def land(self, slot: str, haul: Haul, *, seconds: float, failed: str = "") -> None:
        """Prove and merge what a slot brought, into the graph and its row, and save it."""
        state = SlotState.ERROR if failed else SlotState.DONE
        row = new_row(slot, state, failed).model_copy(
            update={
                "provider": haul.provider or SLOTS[slot].provider,
                "seconds": round(seconds, 3),
                "findings": len(haul.findings),
                "degraded": tuple(haul.degraded),
                "cost_usd_micros": haul.cost_usd_micros,
                "finished_at": self.graph.clock.now().isoformat(),
            }
        )
        before, job_id = self.graph.traced(slot), self.ctx.job.id
        row = await self.graph.merged_row(row, haul.findings)
        if before is not None and before.job_id == job_id:
            # An attempt that was cut short has added it: it is counted once, and not lost.
            row = counted(row, before.added, before.proven)
        self.graph.rows[slot] = row
        self.graph.trace()
        self.graph.backfill = spend(self.graph.backfill, haul.cost_usd_micros)
        self.graph.learn_anchors()
        await self.graph.save()

    async def tell(self) -> None:
        """Save the graph with its gaps, and with the summary by our own writer."""
        gaps = find_gaps(self.backfill, self.graph.sources.offers())
        graph = self.backfill.model_copy(update={"gaps": gaps})
        at = self.graph.clock.now().isoformat()
        self.graph.backfill = archive(graph, write_summary(graph), at=at, reason=SUMMARY_REASON)
        await self.graph.save()

    def newly_proven(self) -> int:
        """By this job, in all its attempts. Where a domain takes its mail is no fact to be paid."""
        rows = self.backfill.tool_trace.parallel_results
        return sum(r.proven for r in rows if r.job_id == self.ctx.job.id and r.model_id != DNS)

    def stub(self, name: str) -> EnrichedCompany:
        return EnrichedCompany(
            domain=self.domain,
            name=name,
            chat_session_id=self.graph.bound.row.chat_session_id,
            state="failed" if self.failure else "done",
            reason=self.failure,
            pages_read=self.pages_read,
            pages_wanted=self.pages_wanted,
            pages_late=self.pages_late,
            pages_hedged=self.pages_hedged,
            newly_proven=self.newly_proven(),
            degraded=tuple(self.degraded),
        )


async def opened(setup: RunSetup, ctx: JobContext, like: Lookalike) -> CompanyInWork:
    bound = await bound_company(setup, ctx.job.tenant, like)
    own = steps_of(ctx, like.domain)
    graph = await setup.graph(own, bound, SessionRequest(lead=bound.lead))
    return CompanyInWork(like.domain, graph)
