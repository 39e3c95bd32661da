"""A run of a chat, made ready: its graph (from zero if that was asked), its shelf, its sources."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from data411_mcp.domain.extract.document import Hints
from data411_mcp.domain.graph import Backfill
from data411_mcp.domain.lead_binding import moved
from data411_mcp.domain.merge import assemble, statements_of
from data411_mcp.errors import NotFound, StaleVersion
from data411_mcp.services.forgetting import Forgetting
from data411_mcp.services.lead_jobs import graph_of_another
from data411_mcp.services.limits import Limits
from data411_mcp.services.ports import Clock, JobContext, Prompts, Store
from data411_mcp.services.requests import BoundSession, SessionRequest, bind_session

# A process that only reads graphs never hunts: the run is imported with its first job.
if TYPE_CHECKING:
    from data411_mcp.services.desks import Desks
    from data411_mcp.services.graph_in_work import GraphInWork
    from data411_mcp.services.session_run import SessionRun
    from data411_mcp.services.synthesis import Writer

SAVE_ATTEMPTS = 5


@dataclass(frozen=True)
class RunSetup:
    store: Store
    desks: Desks
    prompts: Prompts
    forgetting: Forgetting
    clock: Clock
    limits: Limits

    async def bound(self, ctx: JobContext) -> BoundSession:
        job = ctx.job
        row = await self.store.session(job.tenant, job.chat_session_id)
        if row is None:
            raise NotFound("The chat of this job is gone.", "Open a new chat with the lead.")
        return await bind_session(self.store, self.clock, job.tenant, None, job.chat_session_id)

    def writer(self, tenant: str) -> Writer:
        from data411_mcp.services.synthesis import Writer

        return Writer(self.desks(tenant).sources.llm, self.prompts, self.limits.synthesis_model)

    async def run(
        self,
        ctx: JobContext,
        bound: BoundSession,
        request: SessionRequest,
        *,
        fresh_pages: bool = False,
    ) -> SessionRun:
        """`fresh_pages`: pages are fetched anew, whatever the page store holds."""
        from data411_mcp.services.session_run import SessionRun

        return SessionRun(
            graph=await self.graph(ctx, bound, request, fresh_pages=fresh_pages),
            prompts=self.prompts,
            store=self.store,
            forgetting=self.forgetting,
            clock=self.clock,
            limits=self.limits.run,
        )

    async def graph(
        self,
        ctx: JobContext,
        bound: BoundSession,
        request: SessionRequest,
        *,
        fresh_pages: bool = False,
    ) -> GraphInWork:
        """The stored graph, an empty one, or one from zero where that was asked."""
        from data411_mcp.services.graph_in_work import GraphInWork
        from data411_mcp.services.shelf import Shelf

        desk = self.desks(bound.tenant)
        backfill, version = stored_graph(bound), bound.row.version
        if backfill is None:
            backfill = Backfill(chat_session_id=bound.row.chat_session_id, lead=bound.lead)
        elif moved(backfill.lead, bound.lead):
            if request.follow_up:
                raise graph_of_another(bound.row.chat_session_id)
            backfill, version = await self._start_over(ctx, bound, "new_export")
        elif request.refresh and "refreshed" not in ctx.checkpoints:
            backfill, version = await self._start_over(ctx, bound, "refresh")
        hints = Hints(
            country=bound.key.country,
            domain=bound.key.domain,
            company=bound.lead.company,
            phones=bound.key.phones,
        )
        shelf = Shelf(
            reader=desk.reader,
            hints=hints,
            quota=self.limits.page_quota,
            deadline_seconds=self.limits.page_deadline_seconds,
            refresh=request.refresh or fresh_pages,
        )
        return GraphInWork(
            ctx=ctx,
            bound=bound,
            request=request,
            backfill=backfill.model_copy(update={"lead": bound.lead, "notices": ()}),
            version=version,
            shelf=shelf,
            sources=desk.sources,
            writer=self.writer(bound.tenant),
            store=self.store,
            forgetting=self.forgetting,
            clock=self.clock,
            limits=self.limits.run,
        )

    async def _start_over(
        self, ctx: JobContext, bound: BoundSession, reason: str
    ) -> tuple[Backfill, int]:
        """From zero: the old graph is archived, a human's corrections are carried over. Saved
        before it is checkpointed, so that no later attempt goes on with the old graph."""
        tenant, chat = bound.tenant, bound.row.chat_session_id
        for _ in range(SAVE_ATTEMPTS):
            row = await self.store.session(tenant, chat)
            if row is None or row.backfill is None:
                raise NotFound("The graph of this job is gone.", "Open a new chat with the lead.")
            now = self.clock.now()
            await self.store.archive_backfill(tenant, chat, reason, now)
            emptied = _emptied(Backfill.model_validate_json(row.backfill), bound)
            try:
                version = await self.store.save_backfill(
                    tenant,
                    chat,
                    emptied.model_dump_json(by_alias=True),
                    expected_version=row.version,
                    at=now,
                    job=ctx.job,
                )
            except StaleVersion:
                continue  # a correction came in between: it is carried over, too
            await ctx.checkpoint("refreshed", now.isoformat())
            return emptied, version
        raise StaleVersion("The graph kept changing while it was emptied.", "Call again.")


def stored_graph(bound: BoundSession) -> Backfill | None:
    if bound.row.backfill is None:
        return None
    return Backfill.model_validate_json(bound.row.backfill)


@cache
def load_run() -> None:
    """What the first run of a process needs, read once: modules and their tables. In a thread:
    a fifth of a second that would hold up other chats and their progress."""
    import data411_mcp.services.session_run  # noqa: F401 - `run` takes it from here
    from data411_mcp.domain.extract.decode import decode
    from data411_mcp.domain.extract.read import read_document

    page = b"<p>Jane Doe, director, 1 Main Street, Springfield. Phone +1 212 555 0100</p>"
    read_document(decode(page, content_type="text/html", url="https://load.example/"), Hints())


def _emptied(old: Backfill, bound: BoundSession) -> Backfill:
    human = [s for s in statements_of(old) if any(e.source == "human" for e in s.evidence)]
    kept = [
        s.model_copy(update={"evidence": tuple(e for e in s.evidence if e.source == "human")})
        for s in human
    ]
    empty = Backfill(
        chat_session_id=old.chat_session_id,
        lead=bound.lead,
        summary_markdown="" if moved(old.lead, bound.lead) else old.summary_markdown,
        summary_history=old.summary_history,
        graph_fingerprint=old.graph_fingerprint,
        summary_prompt_sha=old.summary_prompt_sha,
        summary_facts=old.summary_facts,
        spent=old.spent,
    )
    return assemble(empty, kept, [])
