"""Writing the summary: by the model from the graph only, checked after; else by our own writer."""

from __future__ import annotations

import json
from dataclasses import dataclass

import structlog

from data411_mcp.domain.graph import Backfill, Status
from data411_mcp.domain.merge import statements_of
from data411_mcp.domain.prose_check import strays
from data411_mcp.domain.summary import SOURCES_HEADING, write_summary
from data411_mcp.errors import VendorError
from data411_mcp.services.ports import LanguageModel, LlmRequest, Prompts

SYNTHESIS_DEADLINE_SECONDS = 45.0
STATEMENTS_MAX = 150
SUMMARY_CHARS_MAX = 12_000
PROMPTS_NOT_FOLLOWED = (
    "PROMPTS_NOT_FOLLOWED",
    "The summary was written without a model, so your wishes for it were not followed.",
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Writer:
    llm: LanguageModel | None
    prompts: Prompts
    model: str

    async def write(self, graph: Backfill, wishes: tuple[str, ...]) -> tuple[str, int, str]:
        """The summary, what it cost in micro-dollars, and the prompt's SHA ("" for our own
        writer). A model's prose that holds anything the graph does not is thrown away."""
        own = write_summary(graph)
        if self.llm is None or not self.llm.configured() or graph.identity.decision != "clear":
            return own, 0, ""
        rendered = self.prompts.render(
            "synthesis",
            lead=graph.lead.model_dump_json(exclude_none=True),
            graph=_numbered(graph),
            draft=own,
            user_prompts=json.dumps(list(wishes), ensure_ascii=False),
        )
        try:
            reply = await self.llm.complete(
                LlmRequest(
                    slot="synthesis",
                    model=self.model,
                    system=rendered.system,
                    user=rendered.user,
                    schema=None,
                ),
                deadline_seconds=SYNTHESIS_DEADLINE_SECONDS,
            )
        except VendorError as failure:
            log.info("synthesis_by_own_writer", reason=failure.reason)
            return own, 0, ""
        prose = reply.text.strip()[:SUMMARY_CHARS_MAX]
        found = strays(prose, graph)
        if not prose or found:
            log.info("synthesis_rejected", strays=len(found))
            return own, reply.cost_usd_micros, ""
        return _with_sources(prose, own), reply.cost_usd_micros, rendered.sha


def _with_sources(prose: str, own: str) -> str:
    """The prose with the list its citations point to, should the model have left it out."""
    _, heading, rows = own.rpartition(SOURCES_HEADING)
    return prose if not heading or heading in prose else f"{prose}\n\n{heading}{rows}"


def _numbered(graph: Backfill) -> str:
    rows = [
        {
            "field": s.field.value,
            "kind": s.kind,
            "value": s.value,
            "owner": s.owner,
            "status": s.status.value,
            "sources": sorted({e.url for e in s.evidence})[:3],
        }
        for s in statements_of(graph)
        if s.status in (Status.PROVEN, Status.CONTESTED, Status.STALE)
    ]
    return json.dumps(rows[:STATEMENTS_MAX], ensure_ascii=False)
