"""Apify: LinkedIn pages and employees of a company. https://docs.apify.com/api/v2

The finder is asked synchronously. Employees are an asynchronous run: its `statusMessage` says
what the synchronous call hides, its dataset is there even when we stopped waiting, and it can be
aborted, which stops the paying. Nothing that may have been charged is asked twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import anyio
import structlog

from data411_mcp.adapters.politeness import retry_after_seconds
from data411_mcp.adapters.vendors.apify_items import (
    company_slug,
    company_url,
    employee,
    linkedin_page,
    parse_items,
    parse_run,
    shape,
)
from data411_mcp.adapters.vendors.errors import (
    VendorHttp,
    VendorReply,
    parse_object,
    status_error,
)
from data411_mcp.domain.hosts import registrable_domain
from data411_mcp.domain.metering import metered
from data411_mcp.errors import LookupFailed, StaleVersion, VendorError, VendorUnusable
from data411_mcp.services.ports import Clock, Store
from data411_mcp.services.ports.icp import Document, EmployeesFound, LinkedinPage, Started
from data411_mcp.settings import Settings

BASE_URL = "https://api.apify.com/v2"
COUNTER = "apify_runs"  # kind of the documents that count a day's runs
ITEMS_MIN, ITEMS_MAX = 25, 35
POLL_SECONDS_MAX = 60  # the vendor waits no longer
RESERVE_SECONDS_MAX = 5.0  # kept of the deadline for the abort and the dataset
ABORT_SECONDS = 5.0
COUNT_TRIES = 5

_TERMINAL = frozenset({"SUCCEEDED", "FAILED", "TIMED-OUT", "ABORTED"})
_NOTES = frozenset(
    {"rate limited", "max charge reached", "free user run limit exceeded", "no limits"}
)
_BUSY = frozenset({"actor-memory-limit-exceeded", "concurrent-runs-limit-exceeded"})
# List prices; a plan's own may be lower. https://apify.com/harvestapi
_EVENT_USD_MICROS = {
    "actor-start": 20_000,
    "search-page": 100_000,
    "short-profile": 4_000,
    "full-profile": 8_000,
    "full-profile-with-email": 12_000,
}

log = structlog.get_logger(__name__)


class Counters(Protocol):
    """The part of `IcpStore` that keeps the day's count."""

    async def document(self, tenant: str, kind: str, key: str) -> Document | None: ...

    async def put_document(
        self,
        tenant: str,
        kind: str,
        key: str,
        text: str,
        *,
        at: Any,
        expected_version: int | None = None,
    ) -> int: ...


@dataclass(frozen=True)
class _Asked:
    """What an actor is asked for, of the company at `address`."""

    actor: str
    company_key: str
    address: str
    wanted: Mapping[str, Any]
    most: int


@dataclass
class Apify:
    """Implements `ports.icp.CompanyPeople` for one tenant."""

    http: VendorHttp
    store: Store
    counters: Counters
    clock: Clock
    settings: Settings
    tenant: str
    base_url: str = BASE_URL

    def for_tenant(self, tenant: str) -> Self:
        return replace(self, tenant=tenant)

    def configured(self) -> bool:
        return self.settings.apify_token is not None

    # -- domain → company ---------------------------------------------------------------

    async def linkedin_company(self, domain: str, *, deadline_seconds: float) -> str | None:
        found = await self.linkedin_page(domain, deadline_seconds=deadline_seconds)
        return None if found is None else found.url

    async def linkedin_page(self, domain: str, *, deadline_seconds: float) -> LinkedinPage | None:
        domain = registrable_domain(domain)
        actor = self.settings.apify_finder_actor
        self._check_configured()
        await self._count_run()
        reply = await self.http.call(
            "POST",
            f"{self.base_url}/acts/{actor}/run-sync-get-dataset-items",
            headers=self._headers(),
            params={"format": "json", "clean": "true", "timeout": _whole(deadline_seconds)},
            json={"domains": [domain]},
            deadline_seconds=deadline_seconds,
        )
        self._check(reply)
        items = parse_items(reply.body)
        self._log("finder", items, len(items))
        address = f"{self.base_url}/acts/{actor}?domain={domain}"
        found = linkedin_page(items, domain, address, self.clock)
        if found is not None:
            await self.store.put_page(self.tenant, found.page)
        return found

    # -- company → people ---------------------------------------------------------------

    async def employees(
        self,
        company_url: str,
        *,
        titles: Sequence[str],
        max_items: int,
        deadline_seconds: float,
        started: Started | None = None,
    ) -> EmployeesFound:
        wanted: dict[str, Any] = {
            "profileScraperMode": self.settings.apify_employees_mode,
            "companyBatchMode": "all_at_once",
        }
        if titles:
            wanted["jobTitles"] = list(titles)
        actor = self.settings.apify_employees_actor
        asked = _Asked(actor, "companies", company_url, wanted, _most(max_items))
        return await self._people(asked, deadline_seconds, started)

    async def search_profiles(
        self,
        company_url: str,
        *,
        titles: Sequence[str],
        max_items: int,
        deadline_seconds: float,
        started: Started | None = None,
    ) -> EmployeesFound:
        wanted: dict[str, Any] = {"profileScraperMode": self.settings.apify_search_mode}
        if titles:
            wanted["currentJobTitles"] = list(titles)
        actor = self.settings.apify_search_actor
        asked = _Asked(actor, "currentCompanies", company_url, wanted, _most(max_items))
        return await self._people(asked, deadline_seconds, started)

    async def resumed(
        self, company_url: str, run_id: str, *, max_items: int, deadline_seconds: float
    ) -> EmployeesFound:
        slug = _slug(company_url)
        self._check_configured()
        until = _until(deadline_seconds)
        run = await self._look(run_id, until)
        run = await self._stayed(run, until)
        return await self._found(run, slug, _most(max_items))

    async def _people(
        self, asked: _Asked, deadline_seconds: float, started: Started | None
    ) -> EmployeesFound:
        slug = _slug(asked.address)
        self._check_configured()
        await self._count_run()
        run = await self._run(asked, deadline_seconds, started)
        return await self._found(run, slug, asked.most)

    async def _found(self, run: Mapping[str, Any], slug: str, most: int) -> EmployeesFound:
        cost = _cost(run)
        metered(cost)
        status = str(run.get("status"))
        if status == "FAILED":
            raise LookupFailed("vendor_error", "The vendor's run failed.")
        items = await self._items(str(run["defaultDatasetId"]), most, run)
        if not items and status != "SUCCEEDED":
            raise LookupFailed("timeout", "The vendor's run did not end in time.")
        found = [e for e in (employee(item, slug, self.clock) for item in items) if e is not None]
        for page in {e.page.sha256: e.page for e in found}.values():
            await self.store.put_page(self.tenant, page)
        self._log("people", items, len(found))
        note = _note(run) if status == "SUCCEEDED" else "timed out"
        return EmployeesFound(tuple(found), note, cost)

    async def _run(
        self, asked: _Asked, deadline_seconds: float, started: Started | None
    ) -> dict[str, Any]:
        """Start a run and stay until it ends or time is up. The run as last seen."""
        until = _until(deadline_seconds)
        params = {
            "maxItems": str(asked.most),
            # Should we be killed, the vendor stops by itself.
            "timeout": _whole(deadline_seconds),
        }
        # Without waiting: a run whose id we do not know yet cannot be aborted.
        reply = await self.http.call(
            "POST",
            f"{self.base_url}/acts/{asked.actor}/runs",
            headers=self._headers(),
            params=params,
            json={**asked.wanted, asked.company_key: [company_url(asked.address)],
                  "maxItems": asked.most},
            deadline_seconds=until - anyio.current_time(),
        )  # fmt: skip
        self._check(reply)
        return await self._stayed(parse_run(reply.body), until, started)

    async def _stayed(
        self, run: dict[str, Any], until: float, started: Started | None = None
    ) -> dict[str, Any]:
        """Wait for a run; when time is up, or we are cancelled, it is aborted."""
        ended = False
        try:
            if started is not None:
                await started(str(run["id"]))
            while str(run.get("status")) not in _TERMINAL and until - anyio.current_time() > 0.05:
                run = await self._look(run["id"], until)
            ended = str(run.get("status")) in _TERMINAL
        finally:
            if not ended:
                run = await self._abort(run)
        return run

    async def _look(self, run_id: str, until: float) -> dict[str, Any]:
        left = until - anyio.current_time()
        if left < 1:
            await anyio.sleep(left / 2)  # the vendor counts in whole seconds
            left = until - anyio.current_time()
        reply = await self.http.call(
            "GET",
            f"{self.base_url}/actor-runs/{run_id}",
            headers=self._headers(),
            params={"waitForFinish": _patience(until)},
            deadline_seconds=max(0.05, left) + 1.0,
        )
        self._check(reply)
        return parse_run(reply.body)

    async def _abort(self, run: dict[str, Any]) -> dict[str, Any]:
        """Stop paying, even while being cancelled. The run as it was when that fails."""
        with anyio.move_on_after(ABORT_SECONDS, shield=True):
            try:
                reply = await self.http.call(
                    "POST",
                    f"{self.base_url}/actor-runs/{run['id']}/abort",
                    headers=self._headers(),
                    deadline_seconds=ABORT_SECONDS,
                )
                self._check(reply)
                return parse_run(reply.body)
            except VendorError as error:
                log.warning("apify_abort_failed", reason=error.reason)
        return run

    async def _items(
        self, dataset_id: str, most: int, run: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """Of the dataset; asked once more where the run says that there is something."""
        params = {"format": "json", "clean": "true", "limit": str(most)}
        for _ in range(2):
            reply = await self.http.call(
                "GET",
                f"{self.base_url}/datasets/{dataset_id}/items",
                headers=self._headers(),
                params=params,
                deadline_seconds=RESERVE_SECONDS_MAX,
            )
            self._check(reply)
            items = parse_items(reply.body)
            if items or not _charged_for_people(run):
                return items
        return []

    # -- money and manners --------------------------------------------------------------

    def _headers(self) -> dict[str, str]:
        token = self.settings.apify_token
        return {"authorization": f"Bearer {token.get_secret_value() if token else ''}"}

    def _check_configured(self) -> None:
        if not self.configured():
            raise VendorUnusable("not_configured")

    async def _count_run(self) -> None:
        """One more run of this tenant today; the cap is checked and kept in one step. Raises
        VendorUnusable("cap_exceeded")."""
        day = self.clock.now().date().isoformat()
        for _ in range(COUNT_TRIES):
            kept = await self.counters.document(self.tenant, COUNTER, day)
            used = int(kept.text) if kept is not None and kept.text.isdigit() else 0
            if used >= self.settings.apify_daily_cap:
                break
            try:
                await self.counters.put_document(
                    self.tenant,
                    COUNTER,
                    day,
                    str(used + 1),
                    at=self.clock.now(),
                    expected_version=0 if kept is None else kept.version,
                )
            except StaleVersion:
                continue
            return
        raise VendorUnusable("cap_exceeded")

    def _check(self, reply: VendorReply) -> None:
        if not 200 <= reply.status < 300:
            raise self._error(reply)

    def _error(self, reply: VendorReply) -> VendorError:
        """402 and 403 mostly mean money; 402 for memory only means: later."""
        wait = retry_after_seconds(reply.headers, self.clock.now())
        kind = _error_type(reply.body)
        if reply.status == 402 and kind in _BUSY:
            return LookupFailed("rate_limited", retry_after_seconds=wait)
        if reply.status == 402 or kind == "platform-feature-disabled":
            return VendorUnusable("no_credit")
        if reply.status == 403:
            return VendorUnusable("refused")
        if reply.status == 400 and kind == "run-failed":
            return LookupFailed("vendor_error")
        return (
            status_error(reply.status, wait) if reply.status >= 400 else LookupFailed("bad_reply")
        )

    def _log(self, what: str, items: list[dict[str, Any]], kept: int) -> None:
        sample = items[: self.settings.apify_log_sample_size]
        keys = self.settings.apify_debug_log_items
        log.info(
            "apify_items",
            what=what,
            items=len(items),
            kept=kept,
            sample=[shape(item, keys=keys) for item in sample],
        )


def _slug(address: str) -> str:
    slug = company_slug(address)
    if slug is None:
        raise LookupFailed("bad_request", "Not the address of a company on LinkedIn.")
    return slug


def _most(items: int) -> int:
    return min(ITEMS_MAX, max(ITEMS_MIN, items))


def _until(deadline_seconds: float) -> float:
    """When to stop waiting for a run: some of the time is for the abort and the dataset."""
    reserve = min(RESERVE_SECONDS_MAX, deadline_seconds / 4)
    return anyio.current_time() + deadline_seconds - reserve


def _whole(seconds: float) -> str:
    return str(max(1, int(seconds)))


def _patience(until: float) -> str:
    """Whole seconds that the vendor may keep us waiting."""
    return str(max(0, min(POLL_SECONDS_MAX, int(until - anyio.current_time()))))


def _error_type(body: bytes) -> str:
    try:
        error = parse_object(body).get("error")
    except LookupFailed:
        return ""
    return str(error.get("type") or "") if isinstance(error, dict) else ""


def _note(run: Mapping[str, Any]) -> str:
    """What the run says of itself, where it is a word we know: the rest is the vendor's text."""
    said = str(run.get("statusMessage") or "").strip().casefold()
    return next((note for note in sorted(_NOTES) if note in said), "")


def _charged_for_people(run: Mapping[str, Any]) -> bool:
    return any(
        count for event, count in _events(run).items() if event.endswith(("profile", "mail"))
    )


def _cost(run: Mapping[str, Any]) -> int:
    """By the events charged at list price, or the platform's own figure where that is more."""
    by_event = sum(_EVENT_USD_MICROS.get(e, 0) * n for e, n in _events(run).items())
    told = run.get("usageTotalUsd")
    usage = int(told * 1_000_000) if isinstance(told, int | float) and 0 <= told < 1000 else 0
    return max(by_event, usage)


def _events(run: Mapping[str, Any]) -> dict[str, int]:
    events = run.get("chargedEventCounts")
    pairs = events.items() if isinstance(events, dict) else ()
    return {str(e): n for e, n in pairs if isinstance(n, int) and 0 < n < 100_000}
