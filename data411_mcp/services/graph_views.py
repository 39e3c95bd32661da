"""The graph as answers: compact by default, paged where it is long, never over the size limit."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from data411_mcp.domain.graph import Backfill, Contact, FieldName, Statement
from data411_mcp.domain.merge import statements_of
from data411_mcp.errors import InvalidArgument, NotFound
from data411_mcp.services.graphs import graph_of, load_session
from data411_mcp.services.ports import Store

PAGE_BYTES_MAX = 5500
PAGE_ITEMS_MAX = 25
CACHED_ANSWERS = 256

Json = dict[str, Any]


def identity_view(graph: Backfill, status: str) -> Json:
    card = graph.identity
    shown: Json = {
        "decision": card.decision,
        "name": card.name,
        "difference": card.difference[:300],
    }
    domains = [a.value for a in card.anchors if a.kind == "domain"]
    if domains:
        shown["domain"] = domains[0]
    shown["anchors"] = [f"{a.kind}: {a.value[:80]}" for a in card.anchors[:6]]
    shown["runners_up"] = [f"{r.name[:80]}: {r.why_not[:120]}" for r in card.runners_up[:3]]
    if status == "needs_identity":
        shown["choices"] = [c.model_dump() for c in card.choices]
    return shown


def clip_lines(text: str, limit: int) -> str:
    """Whole lines up to `limit` bytes, with a mark where something was left out."""
    if len(text.encode()) <= limit:
        return text
    kept: list[str] = []
    used = 0
    for line in text.splitlines():
        used += len(line.encode()) + 1
        if used > limit - 4:
            break
        kept.append(line)
    return "\n".join([*kept, "…"])


def size_of(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


# --- sections ------------------------------------------------------------------------------


def _statement(s: Statement) -> Json:
    shown: Json = {"id": s.id, "field": s.field.value, "value": s.value[:300],
                   "status": s.status.value}  # fmt: skip
    if s.kind:
        shown["kind"] = s.kind
    if s.owner != "company":
        shown["owner"] = s.owner
    if s.reason:
        shown["reason"] = s.reason
    best = next((e for e in s.evidence if e.verdict == "proven"), None) or next(
        iter(s.evidence), None
    )
    if best is not None:
        shown["evidence"] = {"url": best.url, "quote": best.quote[:160], "start": best.start,
                             "end": best.end, "page_sha256": best.page_sha256}  # fmt: skip
    return shown


def _contact(c: Contact, by_id: Mapping[str, Statement]) -> Json:
    shown: Json = {"id": c.id, "name": _statement(c.name)}
    if c.title is not None:
        shown["title"] = _statement(c.title)
    shown["phones"] = [by_id[i].value for i in c.phones if i in by_id]
    shown["emails"] = [by_id[i].value for i in c.emails if i in by_id]
    return shown


def _contacts(g: Backfill) -> list[Json]:
    by_id = {s.id: s for s in (*g.phones, *g.emails)}
    return [_contact(c, by_id) for c in g.contacts]


def _firmographics(g: Backfill) -> list[Json]:
    return [
        _statement(s)
        for s in statements_of(g)
        if s.field.value in g.firmographics and s.field is not FieldName.PERSON
    ]


SECTIONS: dict[str, Callable[[Backfill], list[Json]]] = {
    "contacts": _contacts,
    "phones": lambda g: [_statement(s) for s in g.phones],
    "emails": lambda g: [_statement(s) for s in g.emails],
    "addresses": lambda g: [_statement(s) for s in g.addresses],
    "links": lambda g: [_statement(s) for s in g.links],
    "firmographics": _firmographics,
    "relations": lambda g: [
        {"kind": r.kind, "subject": r.subject, "object": r.object,
         "statement": _statement(r.statement)} for r in g.relations],
    "unmerged": lambda g: [
        u.model_dump(exclude={"evidence"})
        | {"claimed_at": [e.url for e in u.evidence[:2]]} for u in g.unmerged_candidates],
    "gaps": lambda g: [x.model_dump() for x in g.gaps],
    "slots": lambda g: [r.model_dump(by_alias=True) for r in g.tool_trace.parallel_results],
    "identity": lambda g: [g.identity.model_dump()],
    "summary": lambda g: [{"summary_markdown": part} for part in _parts(g.summary_markdown)],
    "history": lambda g: [h.model_dump() | {"summary_markdown": h.summary_markdown[:1500]}
                          for h in g.summary_history],
}  # fmt: skip


def _parts(text: str) -> list[str]:
    """A long summary in pieces of whole lines."""
    parts, piece = [], ""
    for line in text.splitlines():
        if piece and len((piece + line).encode()) > 2500:
            parts.append(piece)
            piece = ""
        piece += line + "\n"
    return [*parts, piece] if piece else parts


def page_of(items: Sequence[Json], cursor: int, limit: int) -> tuple[list[Json], int | None]:
    """Items from `cursor` on, as many as fit; and the next cursor, None at the end."""
    taken: list[Json] = []
    used = 0
    for item in items[cursor : cursor + min(limit, PAGE_ITEMS_MAX)]:
        used += size_of(item)
        if taken and used > PAGE_BYTES_MAX:
            break
        taken.append(item)
    following = cursor + len(taken)
    return taken, following if following < len(items) else None


@dataclass
class GraphViews:
    """Reads of the stored graph. An answer is remembered for as long as the graph's version."""

    store: Store
    _cache: OrderedDict[tuple[Any, ...], tuple[int, Json]] = field(default_factory=OrderedDict)

    async def load(self, tenant: str, chat_session_id: str) -> Backfill:
        """Raises NotFound."""
        return graph_of(await load_session(self.store, tenant, chat_session_id))

    async def view(
        self, tenant: str, chat_session_id: str, section: str, status: str | None,
        cursor: int, limit: int,
    ) -> Json:  # fmt: skip
        """One section of the graph, paged. Raises NotFound, InvalidArgument."""
        if section != "overview" and section not in SECTIONS:
            raise InvalidArgument(
                f"section must be overview, {', '.join(SECTIONS)}.", "Pass one of them."
            )
        version = await self.store.session_version(tenant, chat_session_id)
        if version is None:
            raise NotFound("There is no such chat.", "Call enrich_lead_session with a lead first.")
        key = (tenant, chat_session_id, section, status, cursor, limit)
        cached = self._cache.get(key)
        if cached is not None and cached[0] == version:
            self._cache.move_to_end(key)
            return cached[1]
        answer = self._render(
            await self.load(tenant, chat_session_id), section, status, cursor, limit
        )
        self._cache[key] = (version, answer)
        while len(self._cache) > CACHED_ANSWERS:
            self._cache.popitem(last=False)
        return answer

    def _render(
        self, graph: Backfill, section: str, status: str | None, cursor: int, limit: int
    ) -> Json:
        head: Json = {"chat_session_id": graph.chat_session_id, "section": section}
        if section == "overview":
            return head | _overview(graph)
        items = SECTIONS[section](graph)
        if status is not None:
            items = [i for i in items if _has_status(i, status)]
        page, following = page_of(items, cursor, limit)
        return head | {"total": len(items), "items": page, "next_cursor": following}


def _has_status(item: Json, status: str) -> bool:
    inner = item.get("name") or item.get("statement") or item
    return isinstance(inner, dict) and inner.get("status") == status


def _overview(graph: Backfill) -> Json:
    """What is there, in one screen: counts, the summary's start, where to page."""
    sections = {name: len(build(graph)) for name, build in SECTIONS.items()}
    return {
        "lead": graph.lead.model_dump(exclude_none=True, exclude={"search_variants"}),
        "identity": identity_view(graph, ""),
        "summary_markdown": clip_lines(graph.summary_markdown, 3000),
        "summary_stale": graph.summary_stale,
        "graph_fingerprint": graph.graph_fingerprint,
        "sections": sections,
    }
