"""The route `…/finding-rerun`: one finding that was held back is looked at again. Its pages are
read afresh and proven against the graph as it stands now; where that does not settle it, one
search brings further pages on which the same may stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.evidence import Finding, ReadPage
from data411_mcp.domain.graph import Backfill, Status, Unmerged
from data411_mcp.domain.hosts import SHARED_HOSTS, registrable_domain
from data411_mcp.domain.jobs import Finished, WorkResult
from data411_mcp.domain.lead_binding import moved
from data411_mcp.domain.metering import metering
from data411_mcp.domain.pricing import ItemOutcome, Quote, QuoteItem, bill_of
from data411_mcp.domain.slots import SlotState
from data411_mcp.errors import NotFound, VendorError
from data411_mcp.services.candidates import (
    INVESTIGATION,
    NOT_IDENTIFIED,
    Inquiry,
    Outcome,
    alike,
    claim_of,
    claims_of,
    merged_with,
    query_for,
    retold,
    settle,
)
from data411_mcp.services.forgetting import Tombstones
from data411_mcp.services.graph_writer import GraphWriter
from data411_mcp.services.lead_jobs import digest_of
from data411_mcp.services.partial_routes import RETRY_WINDOW, PartialRoute, say_started
from data411_mcp.services.payloads import FINDING_RERUN
from data411_mcp.services.ports import JobContext
from data411_mcp.services.requests import BoundSession, PartialRequest
from data411_mcp.services.routes import Started, Terms
from data411_mcp.services.run_graph import spend
from data411_mcp.services.run_setup import load_run, stored_graph

if TYPE_CHECKING:  # reading pages is loaded with the first run
    from data411_mcp.domain.proof import Circumstances
    from data411_mcp.services.graph_in_work import GraphInWork

STEP = "finding"  # the checkpoint, and the item on the bill
REASON = "finding-rerun"
FOUND_PAGES_MAX = 5
HITS_MAX = 8
SEARCH_DEADLINE_SECONDS = 12.0


@dataclass
class FindingRerun(PartialRoute):
    name: str = FINDING_RERUN

    # --- asking -----------------------------------------------------------------------------

    async def start(
        self, tenant: str, payload: Mapping[str, Any], terms: Terms | None = None
    ) -> Started:
        terms = terms or Terms()
        bound = await self._bound(tenant, payload)
        request = PartialRequest(
            lead=bound.lead,
            candidate_id=str(payload["candidate_id"]),
            refresh_summary=bool(payload.get("refresh_summary")),
        )
        # A retry is recognised before the candidate is looked up: it may have been merged.
        digest = digest_of(self.name, request)
        found = await self.jobs.joined(bound, digest, terms, window=RETRY_WINDOW)
        if found is not None:
            return found
        graph = stored_graph(bound)
        if graph is None or moved(graph.lead, bound.lead):
            raise _unknown(bound)
        _candidate(graph, request.candidate_id, bound)
        cents = self.jobs.accounts.prices.finding_cents
        items = (QuoteItem(item=STEP, cents=cents),) if cents else ()
        return await self._submit(bound, request, items, payload, terms)

    # --- working ----------------------------------------------------------------------------

    async def work(self, ctx: JobContext) -> WorkResult:
        await anyio.to_thread.run_sync(load_run)
        request = PartialRequest.model_validate_json(ctx.job.payload)
        bound = await self.setup.bound(ctx)
        say_started(ctx)
        saved = ctx.checkpoints.get(STEP)
        run = await self.setup.graph(ctx, bound, request, fresh_pages=saved is None)
        if saved is None:
            candidate = _candidate(run.backfill, request.candidate_id, bound)
            with metering() as meter:
                inquiry = await self._inquiry(run, candidate)
            inquiry = replace(inquiry, cost_usd_micros=meter.micros)
            await ctx.checkpoint(STEP, inquiry.to_json())
        else:
            inquiry = Inquiry.from_json(saved)
            await _open_pages(run, inquiry.findings)
        outcome, version = await self._settled(ctx, run, inquiry)
        if request.refresh_summary:
            again = await self.setup.graph(ctx, await self.setup.bound(ctx), request)
            await again.synthesize(REASON)
            version = again.version
        ctx.emit(ProgressEvent(name=EventName.SESSION_FINISHED, message="Finished."))
        looked_at = ItemOutcome(
            proven=int(outcome.proven),
            added=1,  # what was not proven is given back as that: unproven
            findings=1,
            state=(SlotState.ERROR if inquiry.unread else SlotState.DONE).value,
        )
        quote = Quote.model_validate_json(ctx.job.quote or "{}")
        result = outcome.result(version, inquiry.candidate.id)
        return Finished(result, bill_of(quote, {STEP: looked_at}))

    async def _inquiry(self, run: GraphInWork, candidate: Unmerged) -> Inquiry:
        if run.backfill.identity.decision == "ambiguous":
            return Inquiry(candidate, (), NOT_IDENTIFIED)
        claims = claims_of(candidate, run.backfill)
        await _open_pages(run, claims)
        found = await anyio.to_thread.run_sync(retold, self._around(run), claims, run.shelf.pages)
        _, trial = merged_with(run.backfill, candidate, found, lead_key=run.bound.key.text)
        unread = not any(run.shelf.read_so_far(f.url) for f in claims)
        if trial is not None and trial.status in (Status.PROVEN, Status.CONTESTED):
            return Inquiry(candidate, tuple(p.finding for p in found))
        more, looked = await self._search(run, candidate)
        return Inquiry(
            candidate,
            (*(p.finding for p in found), *more),
            looked,
            unread=unread and not more,
        )

    def _around(self, run: GraphInWork, graph: Backfill | None = None) -> Circumstances:
        """The circumstances of a proof, as of the graph as it stands."""
        from data411_mcp.services.proving import circumstances

        return circumstances(
            graph or run.backfill,
            run.bound.key,
            now=self.setup.clock.now(),
            stale_after_days=self.setup.limits.run.stale_after_days,
        )

    async def _search(self, run: GraphInWork, candidate: Unmerged) -> tuple[list[Finding], str]:
        """What further pages say of the same value, and what was looked at, in our words."""
        engine = run.sources.search
        if engine is None:
            return [], "no search engine is configured"
        try:
            hits = await engine.search(
                query_for(candidate, run.backfill),
                max_results=HITS_MAX,
                deadline_seconds=SEARCH_DEADLINE_SECONDS,
            )
        except VendorError as failure:
            return [], f"the search for a second source failed ({failure.reason})"
        known = set(run.shelf.pages) | {r.page.final_url for r in run.shelf.distinct()}
        wanted = [
            h.url
            for h in hits
            if registrable_domain(h.url) not in SHARED_HOSTS and h.url not in known
        ]
        wanted = list(dict.fromkeys(wanted))[:FOUND_PAGES_MAX]
        await run.shelf.read_all(wanted)
        found: list[Finding] = []
        read_now = 0
        for url in wanted:
            read = run.shelf.read_so_far(url)
            if read is not None:
                read_now += 1
                _say_read(run, read)
                found += alike(claim_of(candidate, INVESTIGATION, url), read)
        if not read_now:
            return [], "a search brought no further page that could be read"
        return found, f"a search brought {read_now} further page(s), and none settled it"

    async def _settled(
        self, ctx: JobContext, run: GraphInWork, inquiry: Inquiry
    ) -> tuple[Outcome, int]:
        """Prove, merge, and save: on the graph as it then is, whoever wrote to it meanwhile."""
        setup, job = self.setup, ctx.job
        outcomes: list[Outcome] = []  # the last one is that of the graph as it was written

        async def change(before: Backfill, erased: Tombstones) -> Backfill:
            around = self._around(run, before)
            today = setup.clock.now().date().isoformat()
            outcome = await anyio.to_thread.run_sync(
                partial(
                    settle, before, inquiry, run.shelf.pages, around,
                    lead_key=run.bound.key.text, today=today, offers=run.sources.offers(),
                )
            )  # fmt: skip
            outcomes.append(outcome)
            return spend(erased.without(outcome.graph), inquiry.cost_usd_micros)

        writer = GraphWriter(setup.store, setup.forgetting, setup.clock)
        _, version = await writer.rewrite(job.tenant, job.chat_session_id, change, job=job)
        return outcomes[-1], version


def _candidate(graph: Backfill, candidate_id: str | None, bound: BoundSession) -> Unmerged:
    for candidate in graph.unmerged_candidates:
        if candidate.id == candidate_id:
            return candidate
    raise _unknown(bound)


def _unknown(bound: BoundSession) -> NotFound:
    chat = bound.row.chat_session_id
    return NotFound(
        "This lead's graph has no such unmerged finding.",
        f'Call get_lead_graph(chat_session_id="{chat}", section="unmerged") and pass an id from '
        "there.",
    )


# --- pages -----------------------------------------------------------------------------------


async def _open_pages(run: GraphInWork, findings: Iterable[Finding]) -> None:
    """Read the pages of the findings. A register's row or a DNS answer is taken as it was stored:
    its address is not that of a page."""
    web: dict[str, None] = {}
    for finding in findings:
        if finding.page_sha256:
            stored = await run.store.page(run.bound.tenant, finding.page_sha256, finding.url)
            if stored is not None and stored.reader in {"api", "apify", "dns"}:
                run.shelf.put(stored)
                continue
        if finding.url.startswith(("http://", "https://")):
            web[finding.url] = None
    for read in await run.shelf.read_all(list(web)):
        _say_read(run, read)


def _say_read(run: GraphInWork, read: ReadPage) -> None:
    domain = registrable_domain(read.page.final_url)
    run.ctx.emit(
        ProgressEvent(
            name=EventName.PAGE_READ,
            message=f"Read {domain}.",
            context={"pages": len(run.shelf.pages)},
        )
    )
