"""What is told of each company as it is done with."""

from __future__ import annotations

from collections.abc import Sequence

from data411_mcp.domain.events import EventName, ProgressEvent
from data411_mcp.domain.icp.values import EnrichedCompany


def company_tick(
    company: EnrichedCompany,
    notes: Sequence[str] = (),
    *,
    seconds: float | None = None,
    how: str = "",
) -> ProgressEvent:
    """`notes`: sentences of ours about caps, throttling and what was left out; `how`, in place of
    the pages, where it was known."""
    pages, people = company.pages_read, len(company.contacts)
    if company.state != "done":
        said = [f"not completed ({company.reason})"]
    else:
        said = [
            how or f"{pages} page{'' if pages == 1 else 's'} fetched",
            "LinkedIn resolved" if company.linkedin_url else "no LinkedIn page",
            f"{people} contact{'' if people == 1 else 's'} saved",
        ]
    context = {
        "domain": company.domain,
        "state": company.state,
        "pages": pages,
        "linkedin": bool(company.linkedin_url),
        "contacts": people,
        "degraded": list(company.degraded),
        "chat_session_id": company.chat_session_id,
    }
    context |= {"reason": company.reason} if company.reason else {}
    context |= {} if seconds is None else {"seconds": seconds}
    return ProgressEvent(
        name=EventName.ENRICH_COMPANY_TICK,
        message=f"{company.domain}: {', '.join([*said, *notes])}.",
        context=context,
    )
