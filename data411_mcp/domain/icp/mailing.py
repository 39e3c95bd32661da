"""The mail that brings a finished list: who may get it, its words, its table. All text that came
from pages is escaped; nothing is shown as a link but addresses of the two kinds that we know."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from data411_mcp.domain.icp.lists import Reach, reach
from data411_mcp.domain.icp.values import Deliverability, ScoredLead

ANY_TENANT = "*"
RECIPIENTS_MAX = 20
FILE_NAME = "shortlist.csv"
_UNKNOWN = "not found"
_HEADINGS = (
    "#", "Company", "Website", "Score", "Bucket", "E-mail", "Contact", "Title", "LinkedIn", "Why",
)  # fmt: skip
_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+\Z")
_LINKEDIN = re.compile(r"https://(?:[a-z]{2,3}\.)?linkedin\.com/[A-Za-z0-9/%._-]+\Z")
_CELL = 'style="border:1px solid #ccc;padding:4px 8px;text-align:left;vertical-align:top"'


@dataclass(frozen=True, slots=True)
class ListMail:
    subject: str
    text: str
    html: str


def allowed_recipients(configured: Mapping[str, Sequence[str]], tenant: str) -> tuple[str, ...]:
    """The addresses that a tenant's lists may go to: its own, and those of any tenant."""
    every = [*configured.get(tenant, ()), *configured.get(ANY_TENANT, ())]
    by_key = {address.strip().casefold(): address.strip() for address in reversed(every)}
    return tuple(dict.fromkeys(by_key[a.strip().casefold()] for a in every if a.strip()))


def recipients(
    configured: Mapping[str, Sequence[str]], tenant: str, wanted: str | None
) -> tuple[str, ...]:
    """Where a list goes: to the wanted address, as the configuration spells it, if it is allowed;
    without a wish to all that are. Empty: to nobody."""
    allowed = allowed_recipients(configured, tenant)
    if wanted is None or not wanted.strip():
        return allowed[:RECIPIENTS_MAX]
    key = wanted.strip().casefold()
    return tuple(address for address in allowed if address.casefold() == key)


def message_id(job_id: str, mail_domain: str) -> str:
    """The same for every attempt of a job, so that a repetition is recognised as one."""
    return f"icp-shortlist.{job_id}@{mail_domain}"


def list_mail(
    leads: Sequence[ScoredLead], *, listed: int = 0, degraded: Sequence[str] = ()
) -> ListMail:
    """The mail for these leads; `listed` is the length of the whole list, where it is longer."""
    ordered = sorted(leads, key=lambda lead: lead.rank)
    count = len(ordered)
    what = "1 lead" if count == 1 else f"{count} leads"
    unknowns = what_is_unknown(ordered, listed=listed, degraded=degraded)
    intro = f"Your shortlist is ready: {what}, best first. The attached CSV holds every column."
    lines = [intro, ""]
    lines += [line for lead in ordered for line in _as_text(lead)]
    lines += ["", *unknowns]
    head = "".join(f"<th {_CELL}>{heading}</th>" for heading in _HEADINGS)
    body = "".join(_as_row(lead) for lead in ordered)
    notes = "".join(f"<li>{escape(note)}</li>" for note in unknowns)
    html = (
        f"<!DOCTYPE html><html><body><p>{escape(intro)}</p>"
        f'<table style="border-collapse:collapse"><tr>{head}</tr>{body}</table>'
        f"<ul>{notes}</ul></body></html>"
    )
    subject = f"Your shortlist is ready — {what}"
    return ListMail(subject, _whole("\n".join(lines)), _whole(html))


def what_is_unknown(
    leads: Sequence[ScoredLead], *, listed: int = 0, degraded: Sequence[str] = ()
) -> list[str]:
    """What the list does not say, in sentences; at least one."""
    ways = [reach(lead.company) for lead in leads]
    count = len(leads)
    notes = []
    failed = sum(lead.company.state != "done" for lead in leads)
    if failed:
        notes.append(f"{failed} of {count} could not be enriched; only the plan's findings stand.")
    without_person = sum(way.contact is None for way in ways)
    if without_person:
        notes.append(f"No named contact was found for {without_person} of {count}.")
    without_mail = sum(not way.email for way in ways)
    if without_mail:
        notes.append(f"No e-mail address was found for {without_mail} of {count}.")
    unverified = sum(
        bool(way.email) and way.deliverability is not Deliverability.VERIFIED for way in ways
    )
    if unverified:
        given = count - without_mail
        notes.append(f"{unverified} of {given} e-mail addresses are not verified.")
    without_size = sum(not lead.company.employees for lead in leads)
    if without_size:
        notes.append(f"The number of employees is not known for {without_size} of {count}.")
    if listed > count:
        notes.append(f"{listed - count} more companies of the list are still queued.")
    if degraded:
        notes.append(f"The run was degraded: {', '.join(sorted(set(degraded)))}.")
    return notes or ["Nothing that was looked for is missing."]


def _as_text(lead: ScoredLead) -> list[str]:
    company, like = lead.company, lead.lookalike
    way = reach(company)
    name = _line(company.name or like.name or company.domain)
    lines = [f"{lead.rank}. {name} ({company.domain or like.domain})"]
    lines.append(f"   score {like.score}, bucket {like.bucket}: {_line(like.why)}")
    person = way.contact
    who = ", ".join(filter(None, (person.name, person.title))) if person else ""
    lines.append(f"   contact: {_line(who) or _UNKNOWN}; e-mail: {_mail_words(way)}")
    return lines


def _as_row(lead: ScoredLead) -> str:
    company, like = lead.company, lead.lookalike
    way = reach(company)
    person = way.contact
    domain = company.domain or like.domain
    cells = (
        str(lead.rank),
        escape(_line(company.name or like.name or domain)),
        _link(f"https://{domain}/", domain) if _HOST.match(domain) else escape(domain),
        str(like.score),
        escape(like.bucket),
        escape(_mail_words(way)),
        escape(_line(person.name) if person and person.name else _UNKNOWN),
        escape(_line(person.title) if person and person.title else _UNKNOWN),
        _profile_link(person.linkedin_url if person else ""),
        escape(_line(like.why)),
    )
    return "<tr>" + "".join(f"<td {_CELL}>{cell}</td>" for cell in cells) + "</tr>"


def _mail_words(way: Reach) -> str:
    return f"{way.email} ({way.deliverability.value})" if way.email else _UNKNOWN


def _profile_link(url: str) -> str:
    return _link(url, "profile") if _LINKEDIN.match(url) else _UNKNOWN


def _link(url: str, text: str) -> str:
    return f'<a href="{escape(url, quote=True)}">{escape(text)}</a>'


def _line(text: str) -> str:
    return " ".join(text.split())[:500]


def _whole(text: str) -> str:
    """Without halves of characters, which no encoding can carry."""
    return text.encode("utf-8", "replace").decode("utf-8")
