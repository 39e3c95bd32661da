"""The LLM slots: one prompt each, structured answers, every claim with a URL and a quote."""

from __future__ import annotations

import json
from dataclasses import dataclass

from data411_mcp.domain.evidence import ReadPage
from data411_mcp.domain.metering import metered
from data411_mcp.domain.slots import DEEP, FORGE, GROUND, SPAN, SWIFT
from data411_mcp.domain.untrusted import fence_pages
from data411_mcp.errors import VendorUnusable
from data411_mcp.services.hunting.brief import Brief, Haul
from data411_mcp.services.llm_answers import ANSWER_SCHEMA, findings, parse_answer
from data411_mcp.services.ports import LlmRequest, Prompts

PROMPT_OF = {
    GROUND: "hunt_ground",
    SPAN: "crimson_span",
    FORGE: "hunt_forge",
    SWIFT: "hunt_swift",
    DEEP: "hunt_deep",
}
# Crimson Span reads what was fetched; the others search for themselves.
SEARCHES = frozenset({GROUND, FORGE, SWIFT, DEEP})
PAGE_CHARS_MAX = 20_000
PAGES_CHARS_MAX = 120_000
CITED_PAGES_MAX = 12


@dataclass(frozen=True)
class ModelSlot:
    slot: str
    model: str
    deadline_seconds: float


async def hunt_with_model(brief: Brief, spec: ModelSlot, prompts: Prompts) -> Haul:
    """Ask the model, then fetch the pages it cites, so that the proof can look for itself.

    Raises VendorUnusable or LookupFailed; a reply that holds nothing usable is an empty haul.
    """
    llm = brief.sources.llm
    if llm is None or not llm.configured():
        raise VendorUnusable("not_configured")
    rendered = prompts.render(
        PROMPT_OF[spec.slot],
        lead=brief.lead.model_dump_json(exclude_none=True),
        identity=brief.identity.model_dump_json(exclude={"choices"}),
        gaps="\n".join(f"- {gap}" for gap in brief.gaps) or "- none known",
        known=brief.known,
        pages=fence_pages(_pages(brief) if spec.slot == SPAN else []),
        user_prompts=json.dumps(list(brief.prompts), ensure_ascii=False),
    )
    reply = await llm.complete(
        LlmRequest(
            slot=spec.slot,
            model=spec.model,
            system=rendered.system,
            user=rendered.user,
            schema=ANSWER_SCHEMA,
            schema_name="lead_findings",
            web_search=spec.slot in SEARCHES,
        ),
        deadline_seconds=spec.deadline_seconds,
    )
    metered(reply.cost_usd_micros)
    found = list(findings(parse_answer(reply.data), slot=spec.slot))
    haul = Haul(findings=found, provider=reply.model)
    if reply.repaired:
        haul.degraded.append("reply_repaired")
    cited = [
        u for u in dict.fromkeys(f.url for f in found) if u.startswith(("http://", "https://"))
    ]
    await brief.shelf.read_all(cited[:CITED_PAGES_MAX], spec.slot)
    return haul


def _pages(brief: Brief) -> list[tuple[str, str]]:
    """(URL, text) of the pages read so far, own site first, within the size limits."""
    own = brief.domain or ""

    def order(read: ReadPage) -> tuple[bool, str]:
        return (own not in read.page.final_url, read.page.final_url)

    pages: list[tuple[str, str]] = []
    room = PAGES_CHARS_MAX
    for read in sorted(brief.shelf.distinct(), key=order):
        text = read.page.text[: min(PAGE_CHARS_MAX, room)]
        if not text:
            break
        pages.append((read.page.final_url, text))
        room -= len(text)
    return pages
