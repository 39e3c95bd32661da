"""The salesperson's summary: written from the graph only, every fact with its citation.

`write_summary` needs no model and is good on its own; what a model writes instead is checked by
`prose_check`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

import phonenumbers

from data411_mcp.domain.gaps import decides, described
from data411_mcp.domain.graph import (
    COMPANY,
    MAIL_CHECK,
    Backfill,
    Contact,
    FieldName,
    Statement,
    Status,
    SummaryVersion,
)
from data411_mcp.domain.merge import statements_of
from data411_mcp.domain.quotes import words

PEOPLE_MAX = 12
SOURCES_MAX = 30
SOURCES_HEADING = "**Sources**"
_SHOWN = frozenset({Status.PROVEN})


def graph_fingerprint(backfill: Backfill) -> str:
    """SHA-256 over phones, contacts and e-mails with their status: what a reader acts on."""
    rows = sorted(
        f"{s.field}|{s.owner}|{s.value}|{s.status}|{s.kind or ''}"
        for s in statements_of(backfill)
        if s.field in (FieldName.PHONE, FieldName.PERSON, FieldName.TITLE, FieldName.EMAIL)
    )
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def content_fingerprint(backfill: Backfill) -> str:
    """SHA-256 over every statement with its status and evidence, and the identity: what a
    summary is written from."""
    rows = sorted(
        f"{s.id}|{s.status}|{s.kind or ''}|{','.join(sorted(e.url for e in s.evidence))}"
        for s in statements_of(backfill)
    )
    card = backfill.identity
    rows += [card.decision, card.name, card.difference]
    rows += [f"{g.kind}|{g.text}" for g in backfill.gaps]
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def facts_fingerprint(backfill: Backfill) -> str:
    """SHA-256 over every statement that a summary tells, and whom it is about."""
    told = (Status.PROVEN, Status.CONTESTED, Status.STALE)
    rows = sorted(
        f"{s.field}|{s.owner}|{s.value}|{s.status}|{s.kind or ''}"
        for s in statements_of(backfill)
        if s.status in told
    )
    rows += [backfill.identity.decision, backfill.identity.name]
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def is_current(backfill: Backfill) -> bool:
    """The summary tells what the graph says now."""
    facts = backfill.summary_facts
    return backfill.graph_fingerprint == graph_fingerprint(backfill) and (
        not facts or facts == facts_fingerprint(backfill)
    )


def archive(
    backfill: Backfill, summary: str, *, at: str, reason: str, prompt_sha: str = ""
) -> Backfill:
    """Replace the summary; the old one goes to the history with the fingerprint and the prompt
    that belong to it, and `reason` is why it was replaced. An unchanged one adds nothing."""
    written = {
        "summary_stale": False,
        "graph_fingerprint": graph_fingerprint(backfill),
        "summary_prompt_sha": prompt_sha,
        "summary_facts": facts_fingerprint(backfill),
    }
    if summary == backfill.summary_markdown:
        return backfill.model_copy(update=written)
    history = backfill.summary_history
    if backfill.summary_markdown:
        old = SummaryVersion(
            summary_markdown=backfill.summary_markdown,
            graph_fingerprint=backfill.graph_fingerprint,
            archived_at=at,
            reason=reason,
            prompt_sha=backfill.summary_prompt_sha,
        )
        history = (*history, old)
    return backfill.model_copy(
        update=written | {"summary_markdown": summary, "summary_history": history}
    )


# --- the deterministic writer ----------------------------------------------------------------


@dataclass
class _Citations:
    """Numbers pages in the order they are cited."""

    urls: list[str] = field(default_factory=list)

    def cite(self, statement: Statement) -> str:
        said = [e for e in statement.evidence if e.source != MAIL_CHECK]
        good = [e for e in said if e.verdict == "proven"] or said
        numbers = []
        for e in sorted(good, key=lambda e: (e.source != "own_site", e.url))[:2]:
            if e.url not in self.urls:
                if len(self.urls) >= SOURCES_MAX:
                    continue
                self.urls.append(e.url)
            numbers.append(self.urls.index(e.url) + 1)
        return "".join(f"[{n}]" for n in dict.fromkeys(numbers))


def write_summary(backfill: Backfill) -> str:
    """Markdown: who, how to reach them, who decides, what is contested, what is missing."""
    return write_with_sources(backfill)[0]


def write_with_sources(backfill: Backfill) -> tuple[str, tuple[str, ...]]:
    """The summary, and the addresses of its sources: citation [n] is the nth."""
    cite = _Citations()
    parts = [
        _who(backfill, cite),
        _reach(backfill, cite),
        _people(backfill, cite),
        _about(backfill, cite),
        _doubts(backfill, cite),
        _missing(backfill),
    ]
    body = "\n\n".join(p for p in parts if p)
    if cite.urls:
        rows = "\n".join(f"{i}. {plain_text(url)}" for i, url in enumerate(cite.urls, 1))
        body += f"\n\n{SOURCES_HEADING}\n{rows}"
    return body, tuple(cite.urls)


def plain_text(text: str) -> str:
    """Markdown characters of page text stay text."""
    flat = " ".join(text.split())
    return re.sub(r"([\\`*\[\]<>|])", r"\\\1", flat)


def display_phone(e164: str) -> str:
    """International spelling, as a salesperson dials it."""
    try:
        parsed = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return e164
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def _facts(backfill: Backfill, name: FieldName) -> list[Statement]:
    return [s for s in statements_of(backfill) if s.field is name and s.status in _SHOWN]


def _who(backfill: Backfill, cite: _Citations) -> str:
    lead, card = backfill.lead, backfill.identity
    name = plain_text(lead.company or card.name or lead.domain or "This lead")
    lines = [f"## {name}"]
    legal = _facts(backfill, FieldName.LEGAL_NAME)
    if legal:
        lines.append(f"Legal name: **{plain_text(legal[0].value)}** {cite.cite(legal[0])}")
    shown = _facts(backfill, FieldName.NAME)
    if shown and shown[0].value.casefold() != (lead.company or "").casefold():
        lines.append(f"Trades as: {plain_text(shown[0].value)} {cite.cite(shown[0])}")
    if card.decision == "unknown":
        why = f": {plain_text(card.difference)}" if card.difference.strip() else ""
        lines.append(f"**Not identified**{why}. Nothing below is proven.")
    elif card.decision == "ambiguous":
        lines.append("**Not settled which company this is.** Pick one before anything is bought.")
    elif card.difference:
        lines.append(f"Identified because {plain_text(card.difference)}.")
    return "\n".join(lines)


_PHONE_WORDS = {"main": "Phone", "direct": "Direct", "mobile": "Mobile", "fax": "Fax",
                "toll_free": "Toll-free"}  # fmt: skip


def _reach(backfill: Backfill, cite: _Citations) -> str:
    rows = []
    personal = {s.value for s in (*backfill.phones, *backfill.emails) if s.owner != COMPANY}
    for s in backfill.phones:
        if s.owner == COMPANY and s.status in _SHOWN and s.value not in personal:
            word = _PHONE_WORDS.get(s.kind or "main", "Phone")
            rows.append((s.kind == "fax", f"- {word}: {display_phone(s.value)} {cite.cite(s)}"))
    lines = [row for _, row in sorted(rows, key=lambda r: r[0])]
    lines += [
        f"- E-mail: {plain_text(s.value)} {cite.cite(s)}"
        for s in backfill.emails
        if s.owner == COMPANY and s.status in _SHOWN and s.value not in personal
    ]
    lines += [
        f"- Address: {plain_text(s.value)} {cite.cite(s)}" for s in _distinct_places(backfill)
    ]
    lines += [
        f"- {(s.kind or 'Link').capitalize()}: {plain_text(s.value)} {cite.cite(s)}"
        for s in backfill.links
        if s.status in _SHOWN
    ]
    return "**How to reach them**\n" + "\n".join(lines) if lines else ""


def _distinct_places(backfill: Backfill) -> list[Statement]:
    """One line a place: spellings of one address differ in what they leave out."""
    kept: dict[tuple[str, ...], Statement] = {}
    for s in backfill.addresses:
        if s.status in _SHOWN:
            numbers = tuple(sorted(w for w in words(s.value) if any(c.isdigit() for c in w)))
            key = numbers or tuple(words(s.value))
            if key not in kept or len(s.evidence) > len(kept[key].evidence):
                kept[key] = s
    return list(kept.values())


def _people(backfill: Backfill, cite: _Citations) -> str:
    proven = [c for c in backfill.contacts if c.name.status in _SHOWN]
    ordered = sorted(proven, key=lambda c: (not decides(c), c.title is None))
    lines = [_person(backfill, c, cite) for c in ordered[:PEOPLE_MAX]]
    if len(ordered) > PEOPLE_MAX:
        lines.append(f"- and {len(ordered) - PEOPLE_MAX} more in the graph")
    return "**Who is there** (deciders first)\n" + "\n".join(lines) if lines else ""


def _person(backfill: Backfill, contact: Contact, cite: _Citations) -> str:
    by_id = {s.id: s for s in (*backfill.phones, *backfill.emails)}
    line = f"- **{plain_text(contact.name.value)}**"
    if contact.title is not None and contact.title.status in _SHOWN:
        line += f", {plain_text(contact.title.value)}"
    line += f" {cite.cite(contact.name)}"
    for i in (*contact.phones, *contact.emails):
        s = by_id.get(i)
        if s is not None and s.status in _SHOWN:
            shown = display_phone(s.value) if s.field is FieldName.PHONE else plain_text(s.value)
            line += f" · {shown} {cite.cite(s)}"
    return line


_ABOUT = (
    (FieldName.INDUSTRY_NORM, "Industry"), (FieldName.FOUNDED_YEAR, "Founded"),
    (FieldName.INCORPORATION_YEAR, "Incorporated"), (FieldName.EMPLOYEES_EST, "Employees"),
    (FieldName.HQ_CITY, "Town"), (FieldName.HQ_COUNTRY, "Country"),
    (FieldName.PARENT, "Parent"), (FieldName.REGISTRY_ID, "Register"),
    (FieldName.MAIL_HOST, "Mail"), (FieldName.TECH_STACK, "Technology"),
)  # fmt: skip


def _about(backfill: Backfill, cite: _Citations) -> str:
    lines = []
    for name, label in _ABOUT:
        facts = _facts(backfill, name)
        if facts:
            values = ", ".join(f"{plain_text(s.value[:120])} {cite.cite(s)}" for s in facts[:5])
            lines.append(f"- {label}: {values}")
    return "**About the company**\n" + "\n".join(lines) if lines else ""


def _doubts(backfill: Backfill, cite: _Citations) -> str:
    lines = []
    for s in statements_of(backfill):
        if s.status in (Status.CONTESTED, Status.STALE):
            what = plain_text(described(s, backfill))
            lines.append(
                f"- {s.status.value.capitalize()} {what}: {plain_text(s.value[:120])} "
                f"({plain_text(s.reason)}) {cite.cite(s)}"
            )
    held = len(backfill.unmerged_candidates)
    if held:
        lines.append(f"- {held} finding(s) held back as not proven; see unmerged_candidates")
    return "**Not certain**\n" + "\n".join(lines[:10]) if lines else ""


def _missing(backfill: Backfill) -> str:
    lines = [
        f"- {plain_text(g.text)} "
        + (f"(${g.price_cents / 100:.2f})" if g.slot else "(no slot can)")
        for g in backfill.gaps
        if g.kind == "missing"
    ]
    return "**Missing**\n" + "\n".join(lines[:6]) if lines else ""
