"""Finished leads about companies that do not exist, and a run that delivers them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data411_mcp.adapters.clock import SystemClock
from data411_mcp.adapters.store.sqlite import SqliteStore
from data411_mcp.domain.icp.run import ICP_RUN, IcpRun
from data411_mcp.domain.icp.values import (
    Deliverability,
    EnrichedCompany,
    EnrichedContact,
    Intake,
    Lookalike,
    ScoredLead,
    Verdict,
)
from data411_mcp.domain.jobs import Job, JobStatus
from data411_mcp.services.ports import JobContext, SlotRequest

TENANT = "acme"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
RUN = IcpRun(thread_id="thread-1", intake=Intake(domain="seller.example"), approved=True)


def a_contact(name: str = "Jane Tan", **more: Any) -> EnrichedContact:
    values: dict[str, Any] = {
        "name": name,
        "title": "Managing Director",
        "email": "jane.tan@harbour.example",
        "deliverability": Deliverability.VERIFIED,
        "phone": "+65 6000 0001",
        "linkedin_url": "https://www.linkedin.com/in/jane-tan-example",
        "source": "own_site",
    }
    return EnrichedContact(**(values | more))


def a_lead(rank: int = 1, *, contacts: tuple[EnrichedContact, ...] | None = None,
           like: dict[str, Any] | None = None, **more: Any) -> ScoredLead:  # fmt: skip
    values: dict[str, Any] = {
        "domain": "harbour.example",
        "name": "Harbour Freight",
        "chat_session_id": "chat-1",
        "state": "done",
        "legal_name": "Harbour Freight Pte. Ltd.",
        "uen": "201900001A",
        "industry": "Logistics",
        "employees": "50-99",
        "city": "Singapore",
        "country": "SG",
        "phones": ("+65 6000 0000",),
        "emails": ("hello@harbour.example",),
        "tech_stack": ("Xero",),
        "contacts": (a_contact(),) if contacts is None else contacts,
        "sources": ("https://harbour.example/contact-us",),
    }
    company = EnrichedCompany(**(values | more))
    about: dict[str, Any] = {
        "domain": company.domain,
        "name": company.name,
        "score": 83,
        "bucket": "A",
        "why": "Logistics, as 4 of 5 customers; uses Xero; size not known",
        "snippet": "Moves freight through the harbour",
        "verdicts": (
            Verdict(condition="industry:logistics", label="Logistics", state="matched"),
            Verdict(condition="size_band:50-99", label="50 to 99 people", state="unknown"),
        ),
    }
    return ScoredLead(rank=rank, company=company, lookalike=Lookalike(**(about | (like or {}))))


@asynccontextmanager
async def a_store(folder: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore.open(str(folder / "data411.sqlite3")) as store:
        yield store


def a_context(job_id: str = "job-1", tenant: str = TENANT) -> JobContext:
    job = Job(
        id=job_id,
        tenant=tenant,
        route=ICP_RUN,
        chat_session_id=RUN.thread_id,
        lead_key="",
        payload=RUN.model_dump_json(),
        status=JobStatus.RUNNING,
        created_at=NOW,
        updated_at=NOW,
        idempotency_key=job_id,
    )

    async def checkpoint(step: str, outcome: str, settles: SlotRequest | None = None) -> None:
        return None

    return JobContext(job=job, emit=lambda event: None, checkpoint=checkpoint)


CLOCK = SystemClock()
