"""One company and Singapore's register: which row it is, and the row as proven facts of its graph.

The register's API is asked first, then the rows that were imported. What the company is called is
known from elsewhere; a row counts only by that name, exactly (`domain.icp.acra`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import anyio.to_thread
from pydantic import BaseModel, ConfigDict

from data411_mcp.domain.evidence import Page
from data411_mcp.domain.graph import Backfill, Evidence, FieldName, Statement, statement_id
from data411_mcp.domain.icp.acra import (
    REGISTER_URL,
    Known,
    Outcome,
    asserted_names,
    choose,
    name_key,
)
from data411_mcp.domain.merge import assemble, statements_of
from data411_mcp.domain.slots import REGISTRY
from data411_mcp.errors import LookupFailed
from data411_mcp.services.forgetting import Tombstones
from data411_mcp.services.ports import Clock
from data411_mcp.services.ports.icp import AcraEntity, AcraRegister, IcpStore

ANCHOR = "anchor"  # kind of document: domain → Anchor
API_SECONDS = 30.0  # of one name; the register's rate is the longest part of it
NAMES_MAX = 2
SCORE = 0.85


class Anchor(BaseModel):
    """What the register says of a company, and when it was asked. `sg_registered` is true only
    with a UEN whose status is live; without a UEN it is not known. `state` failed: the register
    could not be asked, which says nothing about the company."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    domain: str
    state: str = "done"  # done, failed
    outcome: str = "no_match"  # of `domain.icp.acra.Outcome`
    reason: str = ""  # why it failed, a stable word
    uen: str = ""
    registered_name: str = ""
    status: str = ""
    sg_registered: bool | None = None
    ssic_code: str = ""
    ssic_title: str = ""
    ssic_edition: str = ""  # empty: the row's code is in no imported edition under that title
    tied_by: tuple[str, ...] = ()
    attempts: int = 0  # that failed, one after the other
    checked_at: str = ""  # ISO 8601, UTC


@dataclass(frozen=True, slots=True)
class Found:
    outcome: Outcome
    entity: AcraEntity | None = None
    tied_by: tuple[str, ...] = ()


async def look_up(icp: IcpStore, register: AcraRegister | None, known: Known) -> Found:
    """Raises LookupFailed where the register could not be asked and the imported rows know
    nothing; StoreError."""
    names = asserted_names(known.names)[:NAMES_MAX]
    known = Known(names, known.postal_codes)
    rows: dict[str, AcraEntity] = {}
    failure: LookupFailed | None = None
    if register is not None:
        try:
            for name in names:
                answer = await register.by_name(name, deadline_seconds=API_SECONDS)
                rows |= {row.uen: row for row in answer}
        except LookupFailed as error:
            failure = error
        else:
            found = _chosen(known, rows)
            if found.outcome == "anchored":
                return found
    for name in names:
        imported = {row.uen: row for row in await icp.acra_by_name(name_key(name))}
        rows = imported | rows  # of two, the one that was read just now
    found = _chosen(known, rows)
    if failure is not None and found.outcome == "no_match":
        raise failure
    return found


def _chosen(known: Known, rows: Mapping[str, AcraEntity]) -> Found:
    choice = choose(known, tuple(rows.values()))
    return Found(choice.outcome, rows.get(choice.uen), choice.tied_by)


Editions = Mapping[tuple[str, str], str]  # (code, normalised title) → the newest edition with it


async def editions(icp: IcpStore) -> Editions:
    """What tells the edition of a code that comes without one: the register mixes editions, and
    the same code means other things in them."""
    found: dict[tuple[str, str], str] = {}
    for edition in await icp.ssic_editions():
        for row in await icp.ssic_rows(edition):
            found.setdefault((row.code, name_key(row.title)), edition)
    return found


def edition_of(entity: AcraEntity, known: Editions) -> str:
    """The one that the row names, or the newest that has its code under its own description."""
    if entity.ssic_edition or not entity.ssic_description:
        return entity.ssic_edition
    return known.get((entity.ssic_code, name_key(entity.ssic_description)), "")


# --- the row as proof ----------------------------------------------------------------------------


def register_page(entity: AcraEntity, edition: str, at: str) -> Page:
    """The row as a stored page: one field a line, as the register has them."""
    from data411_mcp.domain.extract.record import record_page  # with the first row

    row = {
        "uen": entity.uen,
        "entity_name": entity.name,
        "entity_status_description": entity.status,
        "registration_incorporation_date": str(entity.incorporated or "na"),
        "primary_ssic_code": entity.ssic_code or "na",
        "primary_ssic_description": entity.ssic_description or "na",
        "ssic_edition": edition or "na",
    }
    body = json.dumps(row, ensure_ascii=False, indent=1).encode("utf-8", "replace")
    url = REGISTER_URL + entity.uen
    return record_page(body, url=url, content_type="application/json", reader="api", fetched_at=at)


def statements_about(
    entity: AcraEntity, edition: str, page: Page, tied_by: tuple[str, ...]
) -> list[Statement]:
    """The row's facts, each with its line of the page."""
    year = str(entity.incorporated.year) if entity.incorporated is not None else ""
    code_kind = f"SSIC {edition}" if edition else "SSIC"
    claims = (
        (FieldName.REGISTRY_ID, "uen", entity.uen, f"UEN:{entity.uen}", "UEN"),
        (FieldName.LEGAL_NAME, "entity_name", entity.name, entity.name, None),
        (FieldName.INCORPORATION_YEAR, "registration_incorporation_date", year, year, None),
        (FieldName.INDUSTRY_CODE, "primary_ssic_code", entity.ssic_code, entity.ssic_code,
         code_kind),
        (FieldName.SG_REGISTERED, "entity_status_description", entity.status,
         "true" if entity.live else "false", None),
    )  # fmt: skip
    made = []
    for field, column, raw, value, kind in claims:
        span = _line(page.text, column)
        if raw and span is not None:
            made.append(_statement(field, value, raw, kind, page, span, tied_by))
    return made


def _line(text: str, column: str) -> tuple[int, int] | None:
    """Where `"column": value` stands."""
    start = text.find(f'"{column}"')
    if start < 0:
        return None
    end = text.find("\n", start)
    end = len(text) if end < 0 else end
    return start, start + len(text[start:end].rstrip(", "))


def _statement(
    field: FieldName,
    value: str,
    raw: str,
    kind: str | None,
    page: Page,
    span: tuple[int, int],
    tied_by: tuple[str, ...],
) -> Statement:
    evidence = Evidence(
        url=page.url,
        page_sha256=page.sha256,
        start=span[0],
        end=span[1],
        quote=page.text[span[0] : span[1]],
        slot=REGISTRY,
        fetched_at=page.fetched_at,
        reader=page.reader,
        source="registry",
        tied_by=tied_by,
    )
    return Statement(
        id=statement_id("company", field, value),
        field=field,
        value=value,
        raw=raw[:500],
        kind=kind,
        evidence=(evidence,),
        seen_by=(REGISTRY,),
        score=SCORE,
    )


async def with_register(
    graph: Backfill, new: Sequence[Statement], erased: Tombstones
) -> Backfill | None:
    """The graph with the row's facts in the place of what the register said before; None where
    they are there already. What other sources said stays."""

    def changed() -> Backfill | None:
        known = statements_of(graph)
        kept = [s for s in (_unregistered(s) for s in known) if s is not None]
        before = {(s.id, s.kind) for s in known if _unregistered(s) != s}
        if before == {(s.id, s.kind) for s in new}:
            return None
        merged = erased.without(assemble(graph, [*kept, *new], graph.unmerged_candidates))
        return merged.model_copy(update={"summary_stale": bool(graph.summary_markdown)})

    return await anyio.to_thread.run_sync(changed)


def _unregistered(statement: Statement) -> Statement | None:
    """Without what this register said of it; None where nobody else says it."""
    evidence = tuple(e for e in statement.evidence if not e.url.startswith(REGISTER_URL))
    if len(evidence) == len(statement.evidence):
        return statement
    return statement.model_copy(update={"evidence": evidence}) if evidence else None


def anchored(
    domain: str, found: Found, edition: str, *, clock: Clock, before: Anchor | None
) -> Anchor:
    """What is kept of an answer. A company that was found once keeps its UEN where a later answer
    finds nothing: a poorer run erases nothing."""
    at = clock.now().isoformat()
    if found.entity is None:
        if before is not None and before.uen:
            return before.model_copy(update={"state": "done", "checked_at": at, "attempts": 0})
        return Anchor(domain=domain, outcome=found.outcome, checked_at=at)
    entity = found.entity
    return Anchor(
        domain=domain,
        outcome=found.outcome,
        uen=entity.uen,
        registered_name=entity.name,
        status=entity.status,
        sg_registered=entity.live,
        ssic_code=entity.ssic_code,
        ssic_title=entity.ssic_description,
        ssic_edition=edition,
        tied_by=found.tied_by,
        checked_at=at,
    )
