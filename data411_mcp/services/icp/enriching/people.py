"""Who works there, from the LinkedIn vendor: asked once a company, and only when its own pages
name nobody and give no verified e-mail.

What the vendor says is a third party's word: it enters the graph with the stored reply as its
evidence, and stays unproven until a second source agrees.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import anyio
import anyio.to_thread

from data411_mcp.domain.evidence import Finding, Page, Proof
from data411_mcp.domain.graph import Anchor, FieldName
from data411_mcp.domain.icp.contacts import (
    CONTACTS_SLOT,
    is_proven_linkedin,
    is_refused,
    linkedin_company,
    own_names,
    people_of_another,
    refused,
    vendor_linkedin,
    works_at,
)
from data411_mcp.domain.icp.namesakes import LINKEDIN_VENDOR
from data411_mcp.domain.icp.reflection import Decisions
from data411_mcp.domain.merge import merge
from data411_mcp.domain.metering import metered, metering
from data411_mcp.domain.proof import prove
from data411_mcp.errors import VendorError
from data411_mcp.services.icp.enriching.company import CompanyInWork, names_erased
from data411_mcp.services.ports.icp import CompanyPeople, Employee, EmployeesFound, LinkedinPage
from data411_mcp.services.proving import circumstances
from data411_mcp.services.run_graph import spend
from data411_mcp.services.shelf import read_page

ITEMS_MIN, ITEMS_MAX = 25, 35  # of the employees actor, while somebody waits
RESOLVE_SECONDS = 45.0
EMPLOYEES_SECONDS = 90.0
SEARCH_SECONDS = 60.0
LEFT_SECONDS = 8.0
ATTEMPTED = "apify"  # step: the vendor was, or is being, asked for this company's people
RULE = "vendor:linkedin"  # of the findings: read by us from fields of the reply
SCORE = 0.5
NAME_CHARS_MAX = 80
CAP_NOTE = "the daily cap of the LinkedIn vendor is reached"
THROTTLED_NOTE = "the LinkedIn vendor limits our rate"
LATE_NOTE = "the LinkedIn vendor was too slow"
NAMESAKE_NOTE = "the people listed there are of another company"
EMPLOYEES, SEARCH = "employees", "profile_search"
_CHAINS = {EMPLOYEES: (EMPLOYEES, SEARCH), SEARCH: (SEARCH, EMPLOYEES)}
_SECONDS = {EMPLOYEES: lambda: EMPLOYEES_SECONDS, SEARCH: lambda: SEARCH_SECONDS}
_BETWEEN = frozenset(" .'’-\u200c\u200d")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_ASIDES = re.compile(r"\([^)]*\)|[\"“][^\"”]*[\"”]|\[[^\]]*\]")


@dataclass(frozen=True)
class PeopleLimits:
    """`turns`: of one run, so that its companies share the vendor. `seconds` is for all that is
    asked about one company, waiting for a turn included."""

    max_items: int
    turns: anyio.Semaphore
    seconds: float


@dataclass(frozen=True)
class _Brought:
    """Findings and the pages they stand on."""

    findings: tuple[Finding, ...]
    pages: tuple[Page, ...]


async def find_people(
    work: CompanyInWork,
    people: CompanyPeople,
    decisions: Decisions,
    limits: PeopleLimits,
    titles: Sequence[str],
    *,
    called: str,
    found_page: Callable[[], Awaitable[None]],
) -> None:
    """Resolve the company's LinkedIn page, then its people; `found_page` is awaited between the
    two. `called` is the name by which the company was found. Whatever the vendor does degrades
    the company, nothing more. Raises StoreError."""
    if not people.configured():
        return
    if decisions.apify_variant == "off":
        work.degrade("APIFY_CAP_EXCEEDED", CAP_NOTE, passing=True)
        return
    found: EmployeesFound | None = None
    linkedin = ""
    work.asked_people = True
    with anyio.move_on_after(limits.seconds) as scope, metering() as meter:
        linkedin = await resolved(work, people, limits, called)
        if linkedin:
            await found_page()
        if not linkedin:
            pass
        elif (saved := _saved(work)).get("findings") is not None:
            await _recalled(work, linkedin, saved["findings"])
        else:
            found = await _asked(work, people, decisions, limits, linkedin, titles)
    if scope.cancelled_caught:
        work.degrade("APIFY_LINKEDIN_FAIL", LATE_NOTE, passing=True)
        with metering() as late:
            found = await _left_behind(work, people, linkedin)
        metered(late.micros)
        work.graph.backfill = spend(work.backfill, late.micros)
    metered(meter.micros)
    work.graph.backfill = spend(work.backfill, meter.micros)
    if found is None:
        return
    staff = _staff(work, found.employees, linkedin, called)
    if staff and _others(work, staff, linkedin):
        work.degrade("APIFY_LINKEDIN_FAIL", NAMESAKE_NOTE)
        work.graph.backfill = refused(work.backfill, linkedin, at=work.graph.clock.now())
        await work.graph.save()
        staff = ()
    elif found.employees and not staff:
        work.degrade("APIFY_NO_EMPLOYEES")
    brought = await _brought(work, staff)
    rows = [asdict(f) for f in brought.findings]
    await work.ctx.checkpoint(ATTEMPTED, json.dumps({"findings": rows}))
    await merged(work, brought, linkedin)


async def resolved(
    work: CompanyInWork, people: CompanyPeople, limits: PeopleLimits, called: str
) -> str:
    """The company's LinkedIn page: as its own site has it, else as the vendor has it, which is
    saved at once. Empty where there is none."""
    known = vendor_linkedin(work.backfill)
    if known:
        return known
    try:
        async with limits.turns:
            page = await people.linkedin_page(work.domain, deadline_seconds=RESOLVE_SECONDS)
    except VendorError as failure:
        _degrade(work, failure)
        return ""
    url = linkedin_company(page.url) if page is not None else None
    if page is None or url is None or is_refused(work.backfill, url):
        work.degrade("APIFY_LINKEDIN_FAIL")
        return ""
    if not page.vouched and not works_at(_slug_words(url), _names(work, called)):
        # Another company's page, as far as anybody can tell.
        work.degrade("APIFY_LINKEDIN_FAIL")
        return ""
    await merged(work, _Brought((_link_finding(page, url),), (page.page,)), url)
    return url


async def _asked(
    work: CompanyInWork,
    people: CompanyPeople,
    decisions: Decisions,
    limits: PeopleLimits,
    linkedin: str,
    titles: Sequence[str],
) -> EmployeesFound | None:
    """One actor; where it lists nobody, the other one, once. None: the vendor failed. Before each
    call and as soon as its run has a name this is a step, so that a job that dies while the vendor
    works neither buys twice nor loses what it bought."""
    most = min(max(limits.max_items, ITEMS_MIN), ITEMS_MAX)
    found: EmployeesFound | None = None
    saved = _saved(work)
    left: list[str] = saved.get("left", list(_CHAINS[decisions.apify_variant]))
    try:
        async with limits.turns:
            if saved:
                if not saved.get("run"):  # of two evils nobody, rather than paying twice
                    work.degrade("APIFY_LINKEDIN_FAIL", passing=True)
                    return None
                found = await people.resumed(
                    linkedin, saved["run"], max_items=most, deadline_seconds=EMPLOYEES_SECONDS
                )
                if _heard(work, found):
                    return found
                titles = ()
            while left:
                actor = left.pop(0)
                await _note_run(work, actor, left, "")
                ask = people.employees if actor == EMPLOYEES else people.search_profiles
                found = await ask(
                    linkedin,
                    titles=titles,
                    max_items=most,
                    deadline_seconds=_SECONDS[actor](),
                    started=partial(_note_run, work, actor, left),
                )
                if _heard(work, found):
                    return found
                titles = ()  # nobody is called like that: anybody then
    except VendorError as failure:
        _degrade(work, failure)
    return found


async def _left_behind(
    work: CompanyInWork, people: CompanyPeople, linkedin: str
) -> EmployeesFound | None:
    """What a run that was given up had found by then: that is paid for."""
    run_id = _saved(work).get("run")
    if not run_id:
        return None
    try:
        return await people.resumed(
            linkedin, run_id, max_items=ITEMS_MAX, deadline_seconds=LEFT_SECONDS
        )
    except VendorError:
        return None


def _saved(work: CompanyInWork) -> dict[str, Any]:
    saved: dict[str, Any] = json.loads(work.ctx.checkpoints.get(ATTEMPTED, "{}"))
    return saved


async def _note_run(work: CompanyInWork, actor: str, left: Sequence[str], run_id: str) -> None:
    told = {"findings": None, "actor": actor, "left": list(left), "run": run_id}
    await work.ctx.checkpoint(ATTEMPTED, json.dumps(told))


def _heard(work: CompanyInWork, found: EmployeesFound) -> bool:
    """Whether somebody was found; what the run said of itself is noted."""
    if found.note == "rate limited":
        work.notes.append(THROTTLED_NOTE)
        work.unfinished = True
    elif found.note in {"max charge reached", "free user run limit exceeded"}:
        work.degrade("APIFY_CAP_EXCEEDED", CAP_NOTE, passing=True)
    if not found.employees:
        work.degrade("APIFY_NO_EMPLOYEES")
    return bool(found.employees)


def _degrade(work: CompanyInWork, failure: VendorError) -> None:
    if failure.reason in {"cap_exceeded", "no_credit"}:
        work.degrade("APIFY_CAP_EXCEEDED", CAP_NOTE, passing=True)
    else:
        throttled = failure.reason == "rate_limited"
        note = THROTTLED_NOTE if throttled else ""
        work.degrade("APIFY_LINKEDIN_FAIL", note, passing=True)


# --- into the graph -----------------------------------------------------------------------------


def _link_finding(page: LinkedinPage, url: str) -> Finding:
    return Finding(
        field=FieldName.LINKEDIN_URL, value=url, slot=CONTACTS_SLOT, url=page.page.url,
        quote=page.page.text[page.start : page.end], start=page.start, end=page.end,
        page_sha256=page.page.sha256, rule=RULE, score=SCORE,
    )  # fmt: skip


def _staff(
    work: CompanyInWork, employees: Sequence[Employee], linkedin: str, called: str
) -> tuple[Employee, ...]:
    """Those who are with this company. Whom no page ties to it must name it as their employer, by
    a name that the company, or a colleague who is tied to it, is known by."""
    names = [*_names(work, called), _slug_words(linkedin)]
    names += [e.employer for e in employees if e.tied and e.employer]
    return tuple(e for e in employees if e.tied or not e.employer or works_at(e.employer, names))


def _others(work: CompanyInWork, staff: Sequence[Employee], linkedin: str) -> bool:
    """A namesake's people, on a page that only the vendor has tied to this company."""
    if is_proven_linkedin(work.backfill, linkedin):
        return False
    emails = [email for e in staff for email in e.emails[:1]]
    return people_of_another(work.backfill, emails, [e.country for e in staff if e.country])


def _names(work: CompanyInWork, called: str) -> list[str]:
    label = work.domain.split(".")[0]
    return [n for n in (called, work.backfill.identity.name, *own_names(work.backfill), label) if n]


def _slug_words(linkedin: str) -> str:
    return linkedin.rpartition("/")[2].replace("-", " ")


async def _brought(work: CompanyInWork, employees: Sequence[Employee]) -> _Brought:
    """What the vendor said, without those who have asked to be forgotten."""
    findings: list[Finding] = []
    for person in employees:
        findings += person_findings(person)
    erased = await work.graph.forgetting.tombstones(work.tenant)
    kept = tuple(f for f in dict.fromkeys(findings) if not names_erased(erased, f))
    shown = {f.page_sha256 for f in kept}
    pages = {e.page.sha256: e.page for e in employees if e.page.sha256 in shown}
    return _Brought(kept, tuple(pages.values()))


def person_findings(person: Employee) -> list[Finding]:
    """Name, title, profile and e-mails of one employee, each with its place in the reply; none
    where the name is no name."""
    text, name = person.page.text, plain_name(person.name)
    if not name:
        return []

    def said(field: FieldName, value: str, start: int, end: int, kind: str | None) -> Finding:
        return Finding(
            field=field, value=value, slot=CONTACTS_SLOT, url=person.page.url,
            quote=text[start:end], kind=kind, person=name, start=start, end=end,
            page_sha256=person.page.sha256, rule=RULE, score=SCORE,
        )  # fmt: skip

    found = [said(FieldName.PERSON, name, person.start, person.end, None)]
    title = " ".join(person.title.split())
    if title and person.title_end > person.title_start:
        found.append(said(FieldName.TITLE, title, person.title_start, person.title_end, None))
    elif title:
        found.append(said(FieldName.TITLE, title, person.start, person.end, None))
    if person.linkedin_url:
        start, end = _line_of(text, "linkedinUrl", (person.start, person.end))
        found.append(said(FieldName.LINK, person.linkedin_url, start, end, "linkedin_person"))
    for email in person.emails:
        at = text.find(email)
        if at >= 0:
            found.append(said(FieldName.EMAIL, email, at, at + len(email), "person"))
    return found


def plain_name(raw: str) -> str:
    """`Dr. Jane Tan, MBA 🚀 (she/her)` → `Dr. Jane Tan`; empty for one word or none of a name."""
    text = _ASIDES.sub(" ", unicodedata.normalize("NFC", raw)).split(",")[0].split("|")[0]
    text = "".join(c if _in_a_name(c) else " " for c in text)
    name = " ".join(word for word in text.split() if any(c.isalpha() for c in word))
    # Chinese, Japanese and Korean names are written without a space.
    whole = " " in name or (len(name) > 1 and all(_UNSPACED.match(c) for c in name))
    return name if whole and len(name) <= NAME_CHARS_MAX else ""


def _in_a_name(char: str) -> bool:
    """Letters, the vowel signs and joiners of scripts that write vowels as marks, and what may
    stand between letters."""
    return char.isalpha() or char in _BETWEEN or unicodedata.category(char) in ("Mn", "Mc")


def _line_of(text: str, key: str, otherwise: tuple[int, int]) -> tuple[int, int]:
    """The line of that key: the profile's address may stand there in another spelling."""
    at = text.find(f'"{key}"')
    if at < 0:
        return otherwise
    end = text.find("\n", at)
    return at, end if end >= 0 else len(text)


async def _recalled(work: CompanyInWork, linkedin: str, rows: list[dict[str, Any]]) -> None:
    """What an earlier attempt of this job bought is merged, and not bought again."""
    findings = [Finding(**{**row, "field": FieldName(row["field"])}) for row in rows]
    pages: dict[str, Page] = {}
    for sha, url in {(f.page_sha256 or "", f.url) for f in findings}:
        page = await work.graph.store.page(work.tenant, sha, url)
        if page is not None:
            pages[sha] = page
    await merged(work, _Brought(tuple(findings), tuple(pages.values())), linkedin)


async def merged(work: CompanyInWork, brought: _Brought, linkedin: str) -> None:
    """Prove each finding against its page, merge, save. The company's LinkedIn page ties a reply
    here, and only here: it is the vendor's own word, and no anchor for anybody else."""
    graph = work.graph
    erased = await graph.forgetting.tombstones(work.tenant)
    findings = [f for f in brought.findings if not names_erased(erased, f)]
    before, key = graph.backfill, graph.bound.key
    around = circumstances(
        before, key, now=graph.clock.now(), stale_after_days=graph.limits.stale_after_days
    )
    if before.identity.decision == "clear":
        anchor = Anchor(kind="linkedin", value=linkedin, source=LINKEDIN_VENDOR)
        card = before.identity
        around = replace(
            around, identity=card.model_copy(update={"anchors": (*card.anchors, anchor)})
        )

    def proven() -> list[Proof]:
        reads = {p.sha256: read_page(p, graph.shelf.hints) for p in brought.pages}
        return [prove(f, reads.get(f.page_sha256 or ""), around) for f in findings]

    proofs = await anyio.to_thread.run_sync(proven)
    result = await anyio.to_thread.run_sync(lambda: merge(before, proofs, lead_key=key.text))
    graph.backfill = result.backfill
    await graph.save()
