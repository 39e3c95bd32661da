"""Who can be reached at a company, and what an e-mail address there is worth. Pure.

What a verifier or the DNS said of an address is kept as a piece of evidence of its statement, so
that it goes wherever the address goes, and is erased with it. Such a note proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache

from data411_mcp.domain.extract.emails import FREE_MAIL, email_kind, normalize_email
from data411_mcp.domain.extract.links import profile_of
from data411_mcp.domain.gaps import decides
from data411_mcp.domain.graph import (
    COMPANY,
    MAIL_CHECK,
    Backfill,
    Contact,
    Evidence,
    FieldName,
    Statement,
    Status,
)
from data411_mcp.domain.hosts import registrable_domain
from data411_mcp.domain.icp.namesakes import LINKEDIN_VENDOR, OnePerson, namesakes
from data411_mcp.domain.icp.values import Deliverability, EnrichedCompany, EnrichedContact
from data411_mcp.domain.merge import assemble, judge, statements_of
from data411_mcp.domain.name_match import match_company_names
from data411_mcp.domain.names import company_name
from data411_mcp.domain.slots import DNS

CONTACTS_MAX = 30
VALUES_MAX = 10
SOURCES_MAX = 20
CONTACTS_SLOT = "icp-contacts"  # who saw it: no slot of the catalogue did
_NOTE = "mail:"  # before the outcome, in its `verdict`
_REFUSED = "page:another_company"
_COMPATIBLE = 0.5  # of `match_company_names`: a word more or less, and nothing that contradicts
_TOGETHER_MIN = 5  # letters of a name that begins another one
_MAILS_ELSEWHERE = 2
_PEOPLE_ABROAD = 3


def linkedin_company(address: str) -> str | None:
    """The company's page under its one address, whatever the regional host (`sg.linkedin.com`)
    or the spelling; None where it is no company's page."""
    text = address.strip()
    try:
        found = profile_of(text if "//" in text else f"https://{text}")
    except ValueError:
        return None
    return found[1] if found is not None and found[0] == "linkedin" else None


# --- what an address is worth -----------------------------------------------------------------


def deliverability(
    email: str,
    *,
    takes_mail: bool | None,
    on_own_site: bool = False,
    vendor: Deliverability = Deliverability.UNKNOWN,
) -> Deliverability:
    """The ladder, from what costs nothing to the verifier's word. `takes_mail`: of the address's
    domain, None when the DNS was not heard; `on_own_site`: proven on the company's own pages."""
    address = normalize_email(email)
    if address is None or takes_mail is False or vendor is Deliverability.UNDELIVERABLE:
        return Deliverability.UNDELIVERABLE
    if vendor is Deliverability.VERIFIED:
        return vendor
    if is_disposable(address):
        return Deliverability.RISKY
    if on_own_site and takes_mail:
        return Deliverability.VERIFIED
    if vendor is not Deliverability.UNKNOWN:
        return vendor
    if takes_mail is None:
        return Deliverability.UNKNOWN
    return Deliverability.RISKY if email_kind(address) == "role" else Deliverability.ACCEPTED


def is_disposable(address: str) -> bool:
    host = address.rpartition("@")[2]
    return bool({host, registrable_domain(host)} & _disposable())


@cache
def _disposable() -> frozenset[str]:
    # Some ten thousand names: read with the first address that is looked at.
    from disposable_email_domains import blocklist

    return frozenset(blocklist)


def mail_note(outcome: Deliverability, *, by: str, at: datetime) -> Evidence:
    """What a verifier (`by` its name) or the DNS ("dns": accepted or undeliverable) said."""
    return Evidence(
        url=f"mail-check:{by}", page_sha256="", start=0, end=0, quote="", slot=CONTACTS_SLOT,
        fetched_at=at.isoformat(), reader=by, source=MAIL_CHECK, verdict=_NOTE + outcome.value,
    )  # fmt: skip


def noted(graph: Backfill, notes: Mapping[str, Evidence]) -> Backfill:
    """The graph with the notes on its addresses, by statement id; a newer word replaces an older
    one of the same source."""
    changed = []
    for s in statements_of(graph):
        note = notes.get(s.id)
        if note is not None:
            kept = (e for e in s.evidence if (e.source, e.reader) != (MAIL_CHECK, note.reader))
            s = s.model_copy(update={"evidence": (*kept, note)})
        changed.append(s)
    return assemble(graph, changed, graph.unmerged_candidates) if notes else graph


def checked_by_vendor(statement: Statement) -> bool:
    return any(e.source == MAIL_CHECK and e.reader != "dns" for e in statement.evidence)


def takes_mail(graph: Backfill, domain: str, statement: Statement | None = None) -> bool | None:
    """Whether mail reaches that domain, as far as the graph knows."""
    said = _last_note(statement, dns=True) if statement is not None else None
    if said is not None:
        return said is not Deliverability.UNDELIVERABLE
    own = {a.value for a in graph.identity.anchors if a.kind == "domain"}
    if registrable_domain(domain) not in own:
        return None
    row = next((r for r in graph.tool_trace.parallel_results if r.model_id == DNS), None)
    if row is not None and {"takes_no_mail", "no_such_domain"} & set(row.degraded):
        return False
    hosts = (r for r in graph.relations if r.kind == FieldName.MAIL_HOST.value)
    return True if any(r.statement.kind == "mx" for r in hosts) else None


def standing(graph: Backfill, statement: Statement) -> Deliverability:
    """What the address of an e-mail statement is worth, by all that the graph knows."""
    return deliverability(
        statement.value,
        takes_mail=takes_mail(graph, statement.value.rpartition("@")[2], statement),
        on_own_site=_on_own_site(statement),
        vendor=_last_note(statement, dns=False) or Deliverability.UNKNOWN,
    )


def _last_note(statement: Statement, *, dns: bool) -> Deliverability | None:
    notes = [e for e in statement.evidence if e.source == MAIL_CHECK and (e.reader == "dns") is dns]
    if not notes:
        return None
    word = max(notes, key=lambda e: e.fetched_at).verdict.removeprefix(_NOTE)
    return Deliverability(word) if word in set(Deliverability) else None


def _on_own_site(statement: Statement) -> bool:
    return statement.status is Status.PROVEN and any(
        e.source in {"own_site", "human"} and e.verdict == "proven" for e in statement.evidence
    )


# --- are contacts missing ---------------------------------------------------------------------


def named_contacts(graph: Backfill) -> tuple[Contact, ...]:
    """People who are shown to work there."""
    return tuple(c for c in graph.contacts if c.name.status is Status.PROVEN)


def verified_emails(graph: Backfill) -> tuple[Statement, ...]:
    return tuple(
        s
        for s in graph.emails
        if s.status in (Status.PROVEN, Status.UNPROVEN)
        and standing(graph, s) is Deliverability.VERIFIED
    )


def contacts_missing(graph: Backfill) -> bool:
    """No named contact and no `verified` e-mail: only then is a vendor asked for people."""
    return not named_contacts(graph) and not verified_emails(graph)


# --- the company's LinkedIn page ----------------------------------------------------------------


def vendor_linkedin(graph: Backfill) -> str:
    """The company's LinkedIn page: the proven one, else the one a vendor gave; "" if none. Where
    its own site links to several, the one that is called like it: the others are those of
    partners and agencies, and without such a name none is taken."""
    names = own_names(graph)

    def alike(s: Statement) -> bool:
        return works_at(s.value.rpartition("/")[2].replace("-", " "), names)

    known = [s for s in _linkedin_pages(graph) if not _is_refused(s)]
    known = [s for s in known if s.status is not Status.CONTESTED or alike(s)]
    best = min(
        known, key=lambda s: (s.status is Status.UNPROVEN, not alike(s), s.value), default=None
    )
    return linkedin_company(best.value) or "" if best is not None else ""


def _linkedin_pages(graph: Backfill) -> list[Statement]:
    live = (Status.PROVEN, Status.UNPROVEN, Status.CONTESTED)
    found = (s for s in statements_of(graph) if s.field is FieldName.LINKEDIN_URL)
    return [s for s in found if s.status in live]


def is_proven_linkedin(graph: Backfill, url: str) -> bool:
    """On the company's own site, whatever else it links to."""
    return any(
        s.value == url and any(e.source == "own_site" and e.verdict == "proven" for e in s.evidence)
        for s in _linkedin_pages(graph)
    )


def refused(graph: Backfill, url: str, *, at: datetime) -> Backfill:
    """The graph with a note that the page, which a vendor gave, is another company's. The vendor's
    word stays, and is not believed again."""
    note = Evidence(
        url="linkedin-check:people", page_sha256="", start=0, end=0, quote="", slot=CONTACTS_SLOT,
        fetched_at=at.isoformat(), reader="people", source=MAIL_CHECK, verdict=_REFUSED,
    )  # fmt: skip
    return noted(graph, {s.id: note for s in _linkedin_pages(graph) if s.value == url})


def is_refused(graph: Backfill, url: str) -> bool:
    return any(_is_refused(s) for s in _linkedin_pages(graph) if s.value == url)


def _is_refused(statement: Statement) -> bool:
    return any(e.source == MAIL_CHECK and e.verdict == _REFUSED for e in statement.evidence)


def own_names(graph: Backfill) -> tuple[str, ...]:
    """What the company is called, proven first."""
    named = [s for s in statements_of(graph) if s.field in (FieldName.NAME, FieldName.LEGAL_NAME)]
    named.sort(key=lambda s: s.status is not Status.PROVEN)
    domains = (a.value.split(".")[0] for a in graph.identity.anchors if a.kind == "domain")
    return tuple(dict.fromkeys((*(s.value for s in named), graph.identity.name or "", *domains)))


def works_at(employer: str, names: Iterable[str]) -> bool:
    """Whether that may be an employer known by one of the names: nothing in it contradicts."""
    run_together = _run_together(employer)
    for name in filter(None, names):
        if match_company_names(employer, name).score >= _COMPATIBLE:
            return True
        other = _run_together(name)
        shorter, longer = sorted((run_together, other), key=len)
        if len(shorter) >= _TOGETHER_MIN and longer.startswith(shorter):
            return True
    return False


def _run_together(name: str) -> str:
    return "".join(company_name(name).words)


def people_of_another(graph: Backfill, emails: Sequence[str], countries: Sequence[str]) -> bool:
    """People whom a vendor lists are those of a namesake: they have their mail elsewhere, or none
    of them is where the company is. Where neither is known they are believed."""
    domains = [registrable_domain(e.rpartition("@")[2]) for e in emails]
    domains = [d for d in domains if d not in FREE_MAIL]
    own = {a.value for a in graph.identity.anchors if a.kind == "domain"}
    own |= {registrable_domain(s.value.rpartition("@")[2]) for s in graph.emails}
    if own & set(domains):
        return False
    if len(domains) >= _MAILS_ELSEWHERE:
        return True
    home = {
        s.value
        for s in statements_of(graph)
        if s.field is FieldName.HQ_COUNTRY and s.status is Status.PROVEN
    }
    return bool(home) and len(countries) >= _PEOPLE_ABROAD and not home & set(countries)


# --- a company as lists show it -----------------------------------------------------------------


def contacts_of(graph: Backfill) -> tuple[EnrichedContact, ...]:
    """Who may be listed: proven people, and those whom the LinkedIn vendor names, which
    `source` says. Proven ones and deciders first; of one name as many as there are people."""
    by_id = {s.id: s for s in (*graph.phones, *graph.emails)}
    listed = [
        person
        for contact in graph.contacts
        if _may_be_listed(contact.name)
        for person in _told_apart(graph, contact, by_id)
    ]
    listed.sort(
        key=lambda p: (p[0].name.status is not Status.PROVEN, not decides(p[0]), p[0].title is None)
    )
    return tuple(_listed(graph, *person, by_id) for person in listed[:CONTACTS_MAX])


def _told_apart(
    graph: Backfill, contact: Contact, by_id: Mapping[str, Statement]
) -> list[tuple[Contact, str]]:
    """The people whom the graph has under one name, each with the LinkedIn profile."""
    links = [s for s in graph.links if (s.owner, s.kind) == (contact.id, "linkedin_person")]
    links = [s for s in links if s.status is not Status.SUPERSEDED]
    titles = _with_others(contact.title)
    channels = [by_id[i] for i in (*contact.emails, *contact.phones) if i in by_id]
    said = [*titles, *(s for s in (*channels, *links) if _may_be_listed(s))]
    names = _with_others(contact.name)
    own = {a.value for a in graph.identity.anchors if a.kind == "domain"}
    people = namesakes(said, [s.value for s in names], own)
    if not people:
        return [(contact, links[0].value if links else "")]
    return [
        (
            contact.model_copy(
                update={
                    "name": _name_of(person, names),
                    "title": _title_of(person, titles),
                    "emails": tuple(i for i in contact.emails if i in person.statements),
                    "phones": tuple(i for i in contact.phones if i in person.statements),
                }
            ),
            next((s.value for s in links if s.id in person.statements), ""),
        )
        for person in people
    ]


def _with_others(statement: Statement | None) -> list[Statement]:
    if statement is None:
        return []
    return [statement.model_copy(update={"alternatives": ()}), *statement.alternatives]


def _name_of(person: OnePerson, names: Sequence[Statement]) -> Statement:
    """As the pages about this one prove it: what those about a namesake say proves nothing."""
    shown = (_as_shown(person, name) for name in names)
    return next((name for name in shown if name is not None and _may_be_listed(name)), names[0])


def _title_of(person: OnePerson, titles: Sequence[Statement]) -> Statement | None:
    """A namesake's title contests nothing."""
    own = [s for s in titles if s.id in person.statements]
    return _as_shown(person, own[0]) if len(own) == 1 else next(iter(own), None)


def _as_shown(person: OnePerson, statement: Statement) -> Statement | None:
    shown = tuple(e for e in statement.evidence if e.url in person.pages or e.source == "human")
    if not shown:
        return None
    status, reason = judge(shown)
    return statement.model_copy(update={"evidence": shown, "status": status, "reason": reason})


def _may_be_listed(statement: Statement) -> bool:
    if statement.status is Status.PROVEN:
        return True
    return statement.status is Status.UNPROVEN and _of_vendor(statement)


def _of_vendor(statement: Statement) -> bool:
    return any(e.reader == LINKEDIN_VENDOR for e in statement.evidence)


def _listed(
    graph: Backfill, contact: Contact, profile: str, by_id: Mapping[str, Statement]
) -> EnrichedContact:
    emails = [by_id[i] for i in contact.emails if i in by_id and _may_be_listed(by_id[i])]
    worth = (Deliverability.UNDELIVERABLE, *Deliverability)
    best = max(emails, key=lambda s: worth.index(standing(graph, s)), default=None)
    reaches = standing(graph, best) if best is not None else Deliverability.UNKNOWN
    # An address that takes no mail is of no use in a list; that there was one is told.
    usable = best is not None and reaches is not Deliverability.UNDELIVERABLE
    phones = [by_id[i] for i in contact.phones if i in by_id and _may_be_listed(by_id[i])]
    title = contact.title
    return EnrichedContact(
        name=contact.name.value,
        title=title.value if title is not None and _may_be_listed(title) else "",
        email=best.value if best is not None and usable else "",
        deliverability=reaches,
        phone=phones[0].value if phones else "",
        linkedin_url=profile,
        source=_source(contact.name),
    )


def _source(statement: Statement) -> str:
    proving = {e.source for e in statement.evidence if e.verdict == "proven"}
    for source in ("human", "own_site", "registry"):
        if source in proving:
            return source
    return LINKEDIN_VENDOR if _of_vendor(statement) else "web"


def company_of(stub: EnrichedCompany, graph: Backfill) -> EnrichedCompany:
    """The stub filled from its graph: proven facts, and what `contacts_of` lists. Its name is the
    one that it gives itself; a search result's may be a headline."""
    proven = [s for s in statements_of(graph) if s.status is Status.PROVEN]

    def value(field: FieldName) -> str:
        return next((s.value for s in proven if s.field is field), "")

    shown = [s for s in (*graph.phones, *graph.emails) if s in proven and s.owner == COMPANY]
    emails = [s for s in shown if s.field is FieldName.EMAIL]
    emails = [s for s in emails if standing(graph, s) is not Deliverability.UNDELIVERABLE]
    uen = (s.value for s in proven if s.field is FieldName.REGISTRY_ID)
    technology = (s.value for s in proven if s.field is FieldName.TECH_STACK)
    return stub.model_copy(
        update={
            "name": value(FieldName.NAME) or stub.name or graph.identity.name or stub.domain,
            "legal_name": value(FieldName.LEGAL_NAME),
            "uen": stub.uen or next((v[4:] for v in uen if v.startswith("UEN:")), ""),
            "industry": value(FieldName.INDUSTRY_NORM),
            "employees": value(FieldName.EMPLOYEES_EST),
            "city": value(FieldName.HQ_CITY),
            "country": value(FieldName.HQ_COUNTRY),
            "about": value(FieldName.ABOUT_TEXT),
            "phones": _values(s for s in shown if s.field is FieldName.PHONE and s.kind != "fax"),
            "emails": _values(emails),
            "linkedin_url": vendor_linkedin(graph) or stub.linkedin_url,
            "tech_stack": tuple(sorted(dict.fromkeys(technology)))[:VALUES_MAX],
            "contacts": contacts_of(graph),
            "proven": len(proven),
            "sources": _sources(proven),
        }
    )


def _values(statements: Iterable[Statement]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(s.value for s in statements))[:VALUES_MAX]


def _sources(proven: Iterable[Statement]) -> tuple[str, ...]:
    """The web pages that prove the most, first."""
    counts: dict[str, int] = {}
    for s in proven:
        for url in {e.url for e in s.evidence if e.verdict == "proven"}:
            if url.startswith(("http://", "https://")):
                counts[url] = counts.get(url, 0) + 1
    return tuple(sorted(counts, key=lambda url: (-counts[url], url)))[:SOURCES_MAX]
