"""What a model reads in a company's pages: a few clamped chunks, each within a strict time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio

from data411_mcp.domain.evidence import Finding, ReadPage
from data411_mcp.domain.graph import Backfill
from data411_mcp.domain.metering import metered
from data411_mcp.domain.slots import SPAN
from data411_mcp.domain.untrusted import fence_pages
from data411_mcp.errors import LookupFailed, VendorError
from data411_mcp.services.llm_answers import ANSWER_SCHEMA, findings, parse_answer
from data411_mcp.services.ports import LanguageModel, LlmRequest, Prompts
from data411_mcp.services.run_graph import compact_graph

PAGE_CHARS_MAX = 10_000
CHUNK_CHARS_MAX = 12_000
TRIMMED_SHARE = 0.6  # of a chunk's length, when it is tried once more
CHUNK_SECONDS = 20.0
TRIMMED_SECONDS = 12.0
ANSWER_TOKENS_MAX = 1_500
# A smaller piece may do where the whole was too much; nothing else is tried twice.
_TOO_MUCH = frozenset({"timeout", "bad_reply"})

Text = tuple[str, str]  # address, text


@dataclass(frozen=True)
class PageModel:
    llm: LanguageModel | None
    prompts: Prompts
    model: str

    @property
    def ready(self) -> bool:
        return self.llm is not None and self.llm.configured()


@dataclass
class Said:
    findings: list[Finding] = field(default_factory=list)
    late: int = 0  # chunks without an answer
    provider: str = ""


def chunks_of(pages: Sequence[ReadPage], *, count: int) -> list[list[Text]]:
    """At most `count` chunks of whole or cut pages, none longer than `CHUNK_CHARS_MAX`."""
    chunks: list[list[Text]] = []
    room = 0
    for read in pages:
        text = read.page.text[:PAGE_CHARS_MAX].strip()
        if not text:
            continue
        if len(text) > room:
            if len(chunks) == count:
                break
            chunks.append([])
            room = CHUNK_CHARS_MAX
        chunks[-1].append((read.page.final_url, text))
        room -= len(text)
    return chunks[: max(count, 0)]


def trimmed(chunk: Sequence[Text]) -> list[Text]:
    return [(url, text[: int(len(text) * TRIMMED_SHARE)]) for url, text in chunk]


async def read_with_model(
    model: PageModel,
    graph: Backfill,
    pages: Sequence[ReadPage],
    *,
    gaps: Sequence[str],
    chunks: int,
) -> Said:
    """Ask for each chunk, all at once; a chunk that fails costs only what it would have said."""
    said = Said(provider=model.model)

    async def one(chunk: Sequence[Text]) -> None:
        try:
            said.findings += await _asked_twice(model, graph, chunk, gaps)
        except VendorError:
            said.late += 1

    async with anyio.create_task_group() as asking:
        for chunk in chunks_of(pages, count=chunks):
            asking.start_soon(one, chunk)
    said.findings = list(dict.fromkeys(sorted(said.findings, key=lambda f: (f.url, f.value))))
    return said


async def _asked_twice(
    model: PageModel, graph: Backfill, chunk: Sequence[Text], gaps: Sequence[str]
) -> list[Finding]:
    try:
        return await _asked(model, graph, chunk, gaps, CHUNK_SECONDS)
    except LookupFailed as failure:
        if failure.reason not in _TOO_MUCH:
            raise
    return await _asked(model, graph, trimmed(chunk), gaps, TRIMMED_SECONDS)


async def _asked(
    model: PageModel, graph: Backfill, chunk: Sequence[Text], gaps: Sequence[str], seconds: float
) -> list[Finding]:
    assert model.llm is not None  # noqa: S101 - `ready` was asked
    rendered = model.prompts.render(
        "crimson_span",
        lead=graph.lead.model_dump_json(exclude_none=True),
        identity=graph.identity.model_dump_json(exclude={"choices"}),
        gaps="\n".join(f"- {gap}" for gap in gaps) or "- none known",
        known=compact_graph(graph),
        pages=fence_pages(chunk),
        user_prompts="[]",
    )
    reply = await model.llm.complete(
        LlmRequest(
            slot=SPAN,
            model=model.model,
            system=rendered.system,
            user=rendered.user,
            schema=ANSWER_SCHEMA,
            schema_name="lead_findings",
            max_output_tokens=ANSWER_TOKENS_MAX,
        ),
        deadline_seconds=seconds,
    )
    metered(reply.cost_usd_micros)
    return list(findings(parse_answer(reply.data), slot=SPAN))
