"""Erasing a person: out of every graph and page, and a keyed hash so that they stay out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import anyio.to_thread

from data411_mcp.domain.graph import Backfill, FieldName, Statement
from data411_mcp.domain.jobs import Job
from data411_mcp.domain.lead import Lead
from data411_mcp.domain.lead_input import lead_key
from data411_mcp.domain.lead_values import e164_numbers
from data411_mcp.domain.merge import assemble, statements_of
from data411_mcp.domain.quotes import words
from data411_mcp.domain.seeds import seed_keys
from data411_mcp.domain.ties import phone_in
from data411_mcp.errors import InvalidArgument, StaleVersion
from data411_mcp.services.erased_jobs import (
    Speaks,
    cleaned_outcome,
    cleaned_payload,
    says,
    silenced,
)
from data411_mcp.services.erased_text import masked, mentions_erased, tombstone
from data411_mcp.services.icp.erasing import drop_conversations, erase
from data411_mcp.services.ports import Clock, SessionRow, Store
from data411_mcp.services.ports.icp import Conversation, IcpStore

SCAN_ROWS = 100
CLEAN_ATTEMPTS = 5
ERASED_CHARS_MIN = 3  # a shorter value is looked for as a whole value only, not inside texts


def identifiers(person: str) -> tuple[tuple[str, str], ...]:
    """(kind, normalised value) of what the operator typed: an e-mail, a phone or a name.
    Raises InvalidArgument."""
    from data411_mcp.domain.extract.contacts import normalize_email, normalize_phone

    text = person.strip()
    if "@" in text:
        mail = normalize_email(text)
        if mail:
            return (("email", mail),)
    elif sum(c.isdigit() for c in text) >= 7:
        phone = (
            normalize_phone(text, "US") if not text.startswith("+") else normalize_phone(text, None)
        )
        if phone:
            return (("phone", phone),)
    elif len(words(text)) >= 2:
        return (("name", text),)
    raise InvalidArgument(
        "That is neither an e-mail, a phone number nor a full name.",
        'Pass e.g. --person "Jane Example", jane@example.com or +1 212 555 0100.',
    )


@dataclass(frozen=True)
class Tombstones:
    """The erased, as hashes. `hides` is asked before every write of a graph."""

    secret: bytes
    hashes: frozenset[str]

    def hides(self, statement: Statement) -> bool:
        kind = {
            FieldName.EMAIL: "email",
            FieldName.COMPANY_EMAIL: "email",
            FieldName.PHONE: "phone",
            FieldName.PERSON: "name",
        }.get(statement.field)
        return kind is not None and tombstone(self.secret, kind, statement.value) in self.hashes

    def mentions(self, text: str) -> bool:
        """A name or an e-mail address of the erased stands in the text."""
        return bool(self.hashes) and mentions_erased(self.secret, self.hashes, text)

    def masked(self, text: str) -> str:
        """The text with a mark in the place of the erased's names, e-mails and numbers."""
        return masked(self.secret, self.hashes, text) if self.hashes else text

    def without_person(self, lead: Lead) -> Lead:
        """The lead without the contact, numbers and search words that are the erased person's;
        the same object when there is nothing to leave out."""
        if not self.hashes:
            return lead
        gone: dict[str, Any] = {}
        if lead.dm_name and (
            self._hides_text("person", lead.dm_name) or self.mentions(lead.dm_name)
        ):
            gone["dm_name"] = None
        country = lead_key(lead).country
        for name, raw in (("number1", lead.number1), ("number2", lead.number2)):
            if any(self._hides_text("phone", n) for n in e164_numbers((raw,), country)):
                gone[name] = None
        variants = tuple(v for v in lead.search_variants if not self.mentions(v))
        if variants != lead.search_variants:
            gone["search_variants"] = variants
        return lead.model_copy(update=gone) if gone else lead

    def without(self, graph: Backfill) -> Backfill:
        """The graph without the erased: their statements, and everything they own."""
        if not self.hashes:
            return graph
        statements = statements_of(graph)
        gone = {s.owner for s in statements if s.field is FieldName.PERSON and self.hides(s)}
        gone |= {s.owner for s in statements if s.owner.startswith("person:") and self.hides(s)}
        hidden = [s for s in statements if self.hides(s) or s.owner in gone]
        erased = [s.value for s in hidden]
        lead = self.without_person(graph.lead)
        if lead.dm_name != graph.lead.dm_name:
            erased.append(graph.lead.dm_name or "")

        def mentions(text: str) -> bool:
            return _quotes(text, erased) or mentions_erased(self.secret, self.hashes, text)

        left = (_unquoted(s, mentions) for s in statements if s not in hidden)
        kept = [s for s in left if s is not None]
        unmerged = [
            u
            for u in graph.unmerged_candidates
            if not any(_same(u.value, v) or v.casefold() in u.label.casefold() for v in erased)
            and not self._hides_text(u.kind, u.value)
            and not mentions(u.label)
            and not any(mentions(e.quote) for e in u.evidence)
        ]
        anchors = tuple(a for a in graph.identity.anchors if not self._hides_text(a.kind, a.value))
        if (
            kept == list(statements)
            and len(unmerged) == len(graph.unmerged_candidates)
            and len(anchors) == len(graph.identity.anchors)
            and lead is graph.lead
        ):
            return graph
        anchors = tuple(a for a in anchors if not any(_same(a.value, v) for v in erased))
        cleaned = assemble(graph, kept, unmerged)
        return cleaned.model_copy(
            update={
                "lead": lead,
                "identity": graph.identity.model_copy(update={"anchors": anchors}),
                "gaps": tuple(
                    g for g in graph.gaps if g.owner not in gone and not mentions(g.text)
                ),
                "summary_markdown": silenced(graph.summary_markdown, mentions),
                "summary_history": tuple(
                    h.model_copy(
                        update={"summary_markdown": silenced(h.summary_markdown, mentions)}
                    )
                    for h in graph.summary_history
                ),
                "summary_stale": bool(graph.summary_markdown),
            }
        )

    def _hides_text(self, kind: str, value: str) -> bool:
        names = {"person": "name", "email_address": "email", "email": "email", "phone": "phone"}
        return kind in names and tombstone(self.secret, names[kind], value) in self.hashes


def _same(a: str, b: str) -> bool:
    return " ".join(a.casefold().split()) == " ".join(b.casefold().split())


def _quotes(text: str, erased: list[str]) -> bool:
    return any(v.casefold() in text.casefold() for v in erased if len(v) > ERASED_CHARS_MIN)


def _unquoted(statement: Statement, mentions: Callable[[str], bool]) -> Statement | None:
    """The statement without the quotes that name the erased; None when no other is left."""
    evidence = tuple(e for e in statement.evidence if not mentions(e.quote))
    if len(evidence) == len(statement.evidence):
        return statement
    return statement.model_copy(update={"evidence": evidence}) if evidence else None


@dataclass
class Forgetting:
    store: Store
    clock: Clock
    secret: bytes
    icp: IcpStore | None = None  # the same store by its other port
    conversation: Conversation | None = None

    async def tombstones(self, tenant: str) -> Tombstones:
        return Tombstones(self.secret, await self.store.tombstones(tenant))

    async def seen_to(
        self, tenant: str, chat_session_id: str, graph: Backfill, version: int, erased: Tombstones
    ) -> Backfill:
        """The graph as just saved under `version`, saved again without whoever was erased since
        `erased` was looked up. Whoever writes to the chat after that looks for himself."""
        for _ in range(CLEAN_ATTEMPTS):
            newer = await self.tombstones(tenant)
            if newer == erased:
                break
            erased = newer
            cleaned = await anyio.to_thread.run_sync(erased.without, graph)
            if cleaned is graph:
                continue
            graph = cleaned
            try:
                version = await self.store.save_backfill(
                    tenant,
                    chat_session_id,
                    graph.model_dump_json(by_alias=True),
                    expected_version=version,
                    at=self.clock.now(),
                )
            except StaleVersion:
                break
        return graph

    async def forget(self, tenant: str, person: str) -> Mapping[str, int]:
        """Erase everywhere. Returns counts: graphs changed, pages deleted, threads and documents
        of the ICP finder changed."""
        known = identifiers(person)
        hashes = [tombstone(self.secret, kind, value) for kind, value in known]
        await self.store.forget(tenant, hashes, self.clock.now())
        erased = await self.tombstones(tenant)
        await self._clean_leads(tenant, erased)
        gone: set[str] = set()
        graphs = await self._clean_graphs(tenant, erased, gone)
        await self._clean_jobs(tenant, erased, known, gone)
        pages = await self._delete_pages(tenant, known)
        counts = {"graphs": graphs, "pages": pages}
        if self.icp is not None:
            speaks = _speaks(erased, known, gone)
            counts["icp"] = await erase(self.icp, self.conversation, tenant, erased, speaks)
        return counts

    async def _clean_leads(self, tenant: str, erased: Tombstones) -> None:
        """The bound leads, their histories, and the seeds that are found by the person."""
        after = ""
        while rows := await self.store.sessions_to_scan(tenant, after=after, limit=SCAN_ROWS):
            for row in rows:
                chat = after = row.chat_session_id
                await self._clean_lead(tenant, row, erased)
                history = await self.store.lead_history(tenant, chat)
                for position, text in enumerate(history, start=1):
                    lead = Lead.model_validate_json(text)
                    left = erased.without_person(lead)
                    if left is not lead:
                        await self._drop_seeds(tenant, lead, left)
                        await self.store.rewrite_lead_history(
                            tenant, chat, position, left.model_dump_json(), lead_key(left).text
                        )

    async def _clean_lead(self, tenant: str, row: SessionRow, erased: Tombstones) -> None:
        for _ in range(CLEAN_ATTEMPTS):
            lead = Lead.model_validate_json(row.lead)
            left = erased.without_person(lead)
            if left is lead:
                return
            await self._drop_seeds(tenant, lead, left)
            if await self.store.rewrite_lead(
                tenant,
                row.chat_session_id,
                left.model_dump_json(),
                lead_key(left).text,
                expected=row.lead,
            ):
                return
            newer = await self.store.session(tenant, row.chat_session_id)
            if newer is None:
                return
            row = newer
        raise StaleVersion("A lead kept changing while it was cleaned.", "Call forget again.")

    async def _drop_seeds(self, tenant: str, lead: Lead, left: Lead) -> None:
        gone = set(seed_keys(lead, lead_key(lead))) - set(seed_keys(left, lead_key(left)))
        await self.store.delete_seeds(tenant, sorted(gone))

    async def _clean_jobs(
        self,
        tenant: str,
        erased: Tombstones,
        known: tuple[tuple[str, str], ...],
        gone: set[str],
    ) -> None:
        """What jobs were given and told, and what the steps of the unfinished ones came to.
        `gone` are the ids of what was erased: hashes that anybody can compute."""
        speaks = _speaks(erased, known, gone)
        after = ""
        while jobs := await self.store.jobs_to_scan(tenant, after=after, limit=SCAN_ROWS):
            for job in jobs:
                after = job.id
                await self._clean_job(job, erased, speaks, gone)
                await self._clean_events(job, speaks)
                for step, outcome in (await self.store.checkpoints(job.id)).items():
                    cleaned = cleaned_outcome(outcome, speaks)
                    if cleaned != outcome:
                        await self.store.checkpoint(job.id, step, cleaned, now=self.clock.now())

    async def _clean_job(
        self, job: Job, erased: Tombstones, speaks: Speaks, gone: set[str]
    ) -> None:
        for _ in range(CLEAN_ATTEMPTS):
            cleaned, key = cleaned_payload(job, erased, speaks, gone)
            result = None if job.result is None else cleaned_outcome(job.result, speaks)
            if (cleaned, result) == (job.payload, job.result) or await self.store.rewrite_job(
                job.tenant,
                job.id,
                payload=cleaned,
                lead_key=key,
                expected=job.payload,
                result=result,
            ):
                return
            newer = await self.store.job(job.tenant, job.id)
            if newer is None:
                return
            job = newer
        raise StaleVersion("A job kept changing while it was cleaned.", "Call forget again.")

    async def _clean_events(self, job: Job, speaks: Speaks) -> None:
        since = 0
        while events := await self.store.events(job.tenant, job.id, since=since, limit=SCAN_ROWS):
            for event in events:
                since = event.seq
                if says([event.message, event.context], speaks):
                    silent = event.model_copy(update={"message": "", "context": {}})
                    await self.store.rewrite_event(job.tenant, job.id, silent)

    async def _clean_graphs(self, tenant: str, erased: Tombstones, gone: set[str]) -> int:
        """The number of graphs changed; `gone` takes the ids of what went."""
        changed, after = 0, ""
        while rows := await self.store.sessions_to_scan(tenant, after=after, limit=SCAN_ROWS):
            for row in rows:
                after = row.chat_session_id
                await self._clean_archive(tenant, row.chat_session_id, erased)
                changed += await self._clean_graph(tenant, row, erased, gone)
        return changed

    async def _clean_graph(
        self, tenant: str, row: SessionRow, erased: Tombstones, gone: set[str]
    ) -> bool:
        """Whether there was something to erase. A run that saves meanwhile is waited out."""
        for _ in range(CLEAN_ATTEMPTS):
            if row.backfill is None:
                return False
            graph = Backfill.model_validate_json(row.backfill)
            cleaned = erased.without(graph)
            if cleaned is graph:
                return False
            gone |= _ids(graph) - _ids(cleaned)
            try:
                await self.store.save_backfill(
                    tenant,
                    row.chat_session_id,
                    cleaned.model_dump_json(by_alias=True),
                    expected_version=row.version,
                    at=self.clock.now(),
                )
            except StaleVersion:
                newer = await self.store.session(tenant, row.chat_session_id)
                if newer is None:
                    return False
                row = newer
                continue
            return True
        raise StaleVersion("A graph kept changing while it was cleaned.", "Call forget again.")

    async def _clean_archive(self, tenant: str, chat_session_id: str, erased: Tombstones) -> None:
        """An archived graph that names the erased goes whole: nobody reads it but a person who
        looks for exactly that."""
        for version in await self.store.archived_versions(tenant, chat_session_id):
            text = await self.store.archived_backfill(tenant, chat_session_id, version)
            if text is None:
                continue
            graph = Backfill.model_validate_json(text)
            if erased.without(graph) is not graph:
                await self.store.delete_archived(tenant, chat_session_id, version)

    async def _delete_pages(self, tenant: str, known: tuple[tuple[str, str], ...]) -> int:
        """A page that names the person goes whole: its hash would no longer fit an edited one."""
        deleted, after = 0, ""
        while pages := await self.store.pages_to_scan(tenant, after=after, limit=SCAN_ROWS):
            for page in pages:
                after = page.sha256
                if any(_names(page.text, kind, value) for kind, value in known):
                    await self.store.delete_page(tenant, page.sha256)
                    deleted += 1
        return deleted

    async def purge(
        self, *, pages_days: int, graphs_days: int, jobs_days: int
    ) -> Mapping[str, int]:
        now = self.clock.now()
        graphs_before = now - timedelta(days=graphs_days)
        if self.icp is not None and self.conversation is not None:
            await drop_conversations(self.icp, self.conversation, graphs_before)
        return await self.store.purge(
            now=now,
            pages_before=now - timedelta(days=pages_days),
            graphs_before=graphs_before,
            jobs_before=now - timedelta(days=jobs_days),
        )


def _speaks(erased: Tombstones, known: tuple[tuple[str, str], ...], gone: set[str]) -> Speaks:
    """Whether a text names the person, or is the id of what was erased."""
    return lambda text: (
        text in gone
        or erased.mentions(text)
        or any(_names(text, kind, value) for kind, value in known)
    )


def _ids(graph: Backfill) -> set[str]:
    """Of statements and candidates: hashes of their values."""
    return {u.id for u in graph.unmerged_candidates} | {s.id for s in statements_of(graph)}


def _names(text: str, kind: str, value: str) -> bool:
    if kind == "phone":
        return phone_in(text, value)
    if kind == "email":
        return value in text.casefold()
    return f" {' '.join(words(value))} " in f" {' '.join(words(text))} "
