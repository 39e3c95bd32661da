"""What the addresses that were found are worth: the DNS for each domain, a verifier for those
that the company's own site does not vouch for. The word goes into the graph with the address."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import anyio.to_thread

from data411_mcp.domain.graph import Evidence, Statement, Status
from data411_mcp.domain.icp.contacts import (
    checked_by_vendor,
    mail_note,
    noted,
    standing,
    takes_mail,
)
from data411_mcp.domain.icp.values import Deliverability
from data411_mcp.domain.metering import metered, metering
from data411_mcp.errors import VendorError, VendorUnusable
from data411_mcp.services.icp.enriching.company import CompanyInWork
from data411_mcp.services.ports import DnsLookup
from data411_mcp.services.ports.icp import EmailVerifier
from data411_mcp.services.run_graph import spend

DNS_SECONDS = 4.0
VERIFY_SECONDS = 15.0
ALL_VERIFIED_SECONDS = 25.0  # what was not answered by then is worth what the DNS says
VERIFIED_AT_ONCE = 3
ADDRESSES_MAX = 10  # of one company, put to the verifier
DOMAINS_MAX = 4  # besides the company's own
VERIFIER = "verifier"


async def check_mailboxes(work: CompanyInWork, dns: DnsLookup, verifier: EmailVerifier) -> None:
    """Note on each address what is newly known of it, and save. An address that nobody can check
    stays as it is: it is not lost for that."""
    await _ask_dns(work, dns)
    await _ask_verifier(work, verifier)


async def _ask_dns(work: CompanyInWork, dns: DnsLookup) -> None:
    waiting: dict[str, list[Statement]] = {}
    for s in _addresses(work):
        domain = s.value.rpartition("@")[2]
        if takes_mail(work.backfill, domain, s) is None:
            waiting.setdefault(domain, []).append(s)
    notes: dict[str, Evidence] = {}

    async def one(domain: str) -> None:
        try:
            mail = await dns.mail_domain(domain, deadline_seconds=DNS_SECONDS)
        except VendorError:
            return  # not heard: the address is worth what it was
        dead = not mail.exists or mail.null_mx
        outcome = Deliverability.UNDELIVERABLE if dead else Deliverability.ACCEPTED
        if not dead and not mail.mx:
            return  # mail may go to the host itself, or nowhere
        for s in waiting[domain]:
            notes[s.id] = mail_note(outcome, by="dns", at=work.graph.clock.now())

    async with anyio.create_task_group() as asking:
        for domain in list(waiting)[:DOMAINS_MAX]:
            asking.start_soon(one, domain)
    await _note(work, notes)


async def _ask_verifier(work: CompanyInWork, verifier: EmailVerifier) -> None:
    settled = {Deliverability.VERIFIED, Deliverability.UNDELIVERABLE}
    wanted = [
        s
        for s in _addresses(work)
        if s.value not in work.mailboxes_asked
        and not checked_by_vendor(s)
        and standing(work.backfill, s) not in settled
    ][:ADDRESSES_MAX]
    if not wanted:
        return
    if not verifier.configured():
        return
    heard = 0
    turns, noting = anyio.Semaphore(VERIFIED_AT_ONCE), anyio.Lock()

    async def one(statement: Statement) -> None:
        nonlocal heard
        async with turns:
            work.mailboxes_asked.add(statement.value)
            try:
                outcome = await verifier.verify(statement.value, deadline_seconds=VERIFY_SECONDS)
            except VendorUnusable:
                work.degrade("VERIFIER_UNAVAILABLE", passing=True)
                asking.cancel_scope.cancel()
                return
            except VendorError:
                return  # this one; others may be answered
        heard += 1
        if outcome is not Deliverability.UNKNOWN:
            # At once, and whole: what was paid for is not asked again by the next attempt.
            with anyio.CancelScope(shield=True):
                async with noting:
                    note = mail_note(outcome, by=VERIFIER, at=work.graph.clock.now())
                    await _note(work, {statement.id: note})

    with metering() as meter, anyio.move_on_after(ALL_VERIFIED_SECONDS):
        async with anyio.create_task_group() as asking:
            for s in wanted:
                asking.start_soon(one, s)
    if heard == 0:
        work.degrade("VERIFIER_UNAVAILABLE", passing=True)
    metered(meter.micros)
    work.graph.backfill = spend(work.backfill, meter.micros)


def _addresses(work: CompanyInWork) -> Sequence[Statement]:
    live = (Status.PROVEN, Status.UNPROVEN, Status.CONTESTED)
    return [s for s in work.backfill.emails if s.status in live]


async def _note(work: CompanyInWork, notes: dict[str, Evidence]) -> None:
    if notes:
        graph = work.backfill
        work.graph.backfill = await anyio.to_thread.run_sync(lambda: noted(graph, notes))
        await work.graph.save()
