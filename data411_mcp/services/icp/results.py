"""What a conversation has come to, read from the documents that its job leaves."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from data411_mcp.domain.icp.run import ICP_RUN, TOP_N
from data411_mcp.domain.icp.values import EnrichedCompany, IcpProfile, Lookalike
from data411_mcp.domain.jobs import Job
from data411_mcp.services.icp.parts import (
    PROFILE,
    Enricher,
    Shortlist,
    company_of_list,
    shortlist_of,
)
from data411_mcp.services.icp.views import (
    CompanyRow,
    ResultsView,
    company_row,
    job_view,
    profile_view,
)
from data411_mcp.services.ports import Store
from data411_mcp.services.ports.icp import IcpStore, ThreadRow

Model = TypeVar("Model", bound=BaseModel)
PAGE_MAX = 50
LISTED, QUEUED = "listed", "queued"


async def results_of(
    store: Store,
    icp: IcpStore,
    enricher: Enricher | None,
    thread: ThreadRow,
    *,
    offset: int,
    limit: int,
) -> ResultsView:
    """A page of the ranked list with what was enriched of it; `enricher` reads people and contact
    data from the graphs. Raises StoreError."""
    job = await newest_job(store, thread)
    found = await shortlist_of(icp, thread.tenant, thread.thread_id)
    likes = found.lookalikes if found is not None else ()
    companies = await _companies(icp, thread.tenant, likes)
    page = likes[offset : offset + limit]
    if enricher is not None:
        for like in page:
            if like.domain in companies:
                stub = companies[like.domain]
                companies[like.domain] = await enricher.company(thread.tenant, stub)
    end = offset + len(page)
    profile = await _profile(icp, thread)
    return ResultsView(
        thread_id=thread.thread_id,
        job=job_view(job) if job is not None else None,
        profile=profile_view(profile) if profile is not None else None,
        total=len(likes),
        enriched=sum(c.state == "done" for c in companies.values()),
        items=[
            _row(rank, like, companies.get(like.domain), job)
            for rank, like in enumerate(page, offset + 1)
        ],
        next_offset=end if end < len(likes) else None,
        degraded=list(found.degraded) if found is not None else [],
        notes=_notes(found, profile),
    )


async def newest_job(store: Store, thread: ThreadRow) -> Job | None:
    jobs = await store.jobs_of_chat(thread.tenant, thread.thread_id)
    runs = [job for job in jobs if job.route == ICP_RUN]
    return max(runs, key=lambda j: (j.created_at, j.id), default=None)


async def _companies(
    icp: IcpStore, tenant: str, likes: tuple[Lookalike, ...]
) -> dict[str, EnrichedCompany]:
    """Of all that are listed, those that were enriched or tried."""
    found: dict[str, EnrichedCompany] = {}
    for like in likes:
        company = await company_of_list(icp, tenant, like.domain)
        if company is not None:
            found[like.domain] = company
    return found


async def _profile(icp: IcpStore, thread: ThreadRow) -> IcpProfile | None:
    for key in filter(None, (thread.context_key, thread.thread_id)):
        profile = await _read(icp, thread.tenant, PROFILE, key, IcpProfile)
        if profile is not None:
            return profile
    return None


async def _read(
    icp: IcpStore, tenant: str, kind: str, key: str, model: type[Model]
) -> Model | None:
    """None also for a document that another version has written."""
    document = await icp.document(tenant, kind, key)
    if document is None:
        return None
    try:
        return model.model_validate_json(document.text)
    except ValidationError:
        return None


def _row(
    rank: int, like: Lookalike, company: EnrichedCompany | None, job: Job | None
) -> CompanyRow:
    if company is None or company.state == QUEUED:  # or only its LinkedIn page is known
        under_way = job is not None and not job.final and rank <= TOP_N
        return company_row(rank, like, state=QUEUED if under_way else LISTED)
    return company_row(rank, like, company, state=company.state)


def _notes(found: Shortlist | None, profile: IcpProfile | None) -> list[str]:
    notes = [*(found.notes if found is not None else ())]
    return list(dict.fromkeys([*notes, *(profile.notes if profile is not None else ())]))
