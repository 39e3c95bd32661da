"""api.apify.com: the platform's runs and datasets, and the three LinkedIn actors that are used.

A run lives on its own: it goes on when nobody waits for it, its items come in evenly, and what
it has found by its end is charged when that is first seen.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import anyio

from data411_mcp.twins.keys import KeyState, key_state
from data411_mcp.twins.rows import LinkedinCompanyRow, LinkedinPersonRow
from data411_mcp.twins.timing import PROFILES, RUN_MIX
from data411_mcp.twins.wire import Reply, Request, json_reply

SYNC_SECONDS_MAX = 300.0
WAIT_SECONDS_MAX = 60.0
PAGE_SIZE = 25
START_USD_MICROS = 20_000
SEARCH_PAGE_USD_MICROS = 100_000
_FINDER, _EMPLOYEES, _SEARCH = "apify_finder", "apify_employees", "apify_search"
ACTORS: Mapping[str, str] = {
    "s-r~free-linkedin-company-finder---linkedin-address-from-any-site": _FINDER,
    "harvestapi~linkedin-company-employees": _EMPLOYEES,
    "harvestapi~linkedin-profile-search": _SEARCH,
}
_ERRORS: Mapping[int, tuple[str, str]] = {
    400: ("invalid-input", "Input is not valid"),
    401: ("user-or-token-not-found", "User was not found or authentication token is not valid"),
    402: ("not-enough-usage-to-run-paid-actor", "Your remaining usage does not cover the run"),
    403: ("platform-feature-disabled", "Monthly usage hard limit exceeded"),
    404: ("record-not-found", "Actor or run was not found"),
    408: ("run-timeout-exceeded", "Actor run exceeded the timeout of 300 seconds for this API"),
    429: ("rate-limit-exceeded", "You have exceeded the rate limit"),
}


def error_body(code: int, message: str = "") -> dict[str, Any]:
    kind, text = _ERRORS.get(code, ("internal-server-error", "Internal server error"))
    return {"error": {"type": kind, "message": message or text}}


def kind_of(request: Request) -> str:
    """Profile and fault name of a call: which actor it starts, or the platform itself."""
    found = re.match(r"/v2/(?:acts|actors)/([^/]+)/", request.path)
    return ACTORS.get(found[1], "apify") if found else "apify"


@dataclass
class _Run:
    id: str
    actor: str
    kind: str
    began: float
    seconds: float
    outcome: str
    items: list[dict[str, Any]]
    message: str
    options: dict[str, Any]
    aborted_at: float | None = None
    charged: bool = False

    @property
    def ends(self) -> float:
        whole = self.began + self.seconds
        return whole if self.aborted_at is None else min(whole, self.aborted_at)

    def status(self, now: float) -> str:
        if now < self.ends:
            return "RUNNING"
        return "ABORTED" if self.aborted_at is not None else self.outcome

    def shown(self, now: float) -> list[dict[str, Any]]:
        """What is in the dataset: items come in evenly, and a run that is cut off has half."""
        if now >= self.ends and self.aborted_at is None:
            whole = self.outcome == "SUCCEEDED"
            return self.items if whole else self.items[: len(self.items) // 2]
        share = (min(now, self.ends) - self.began) / self.seconds
        return self.items[: int(len(self.items) * share)]


@dataclass
class Apify:
    """`answer` gives how long the caller is kept waiting, and what it is told then."""

    companies: Sequence[LinkedinCompanyRow]
    people: Sequence[LinkedinPersonRow]
    bill: Counter[str]
    runs: dict[str, _Run] = field(default_factory=dict)

    def answer(
        self, request: Request, rng: random.Random, latency: float, mix: float
    ) -> tuple[float, Callable[[], Reply]]:
        wait = PROFILES["apify"].latency_seconds(rng) * latency
        refusal = _refused(request)
        if refusal is not None:
            return wait, lambda: refusal
        parts = request.path.removeprefix("/v2/").strip("/").split("/")
        match request.method, parts:
            case "POST", ["acts" | "actors", actor, "runs"] if actor in ACTORS:
                run = self._start(request, actor, rng, latency, mix)
                return wait + _patience(request, run), lambda: self._told(run, 201)
            case "POST", ["acts" | "actors", actor, "run-sync-get-dataset-items"] if (
                actor in ACTORS
            ):
                run = self._start(request, actor, rng, latency, mix)
                held = min(run.seconds, SYNC_SECONDS_MAX * max(latency, 0.001))
                return wait + held, lambda: self._sync(run)
            case "GET", ["actor-runs", run_id] if run_id in self.runs:
                run = self.runs[run_id]
                return wait + _patience(request, run), lambda: self._told(run, 200)
            case "POST", ["actor-runs", run_id, "abort"] if run_id in self.runs:
                run = self.runs[run_id]
                if run.aborted_at is None and run.status(anyio.current_time()) == "RUNNING":
                    run.aborted_at = anyio.current_time()
                return wait, lambda: self._told(run, 200)
            case "GET", ["datasets", name, "items"] if name.removeprefix("d-") in self.runs:
                run = self.runs[name.removeprefix("d-")]
                return wait, lambda: _items(run.shown(anyio.current_time()), request)
            case "GET", ["users", "me", "limits"]:
                return wait, lambda: json_reply({"data": {"limits": {}, "current": {}}})
        return wait, lambda: json_reply(error_body(404), 404)

    # -- runs ---------------------------------------------------------------------------

    def _start(
        self, request: Request, actor: str, rng: random.Random, latency: float, mix: float
    ) -> _Run:
        kind = ACTORS[actor]
        asked = request.json if isinstance(request.json, dict) else {}
        run_id = f"run{len(self.runs) + 1:014d}"
        outcome, items, message = self._outcome(kind, asked, _drawn(kind, rng, mix))
        if (most := request.arg("maxItems")).isdigit():
            items = items[: int(most)]
        seconds = PROFILES[kind].latency_seconds(rng) * latency
        if outcome == "ENDLESS":
            seconds, outcome = math.inf, "TIMED-OUT"
        timeout = float(request.arg("timeout", default="300") or 300)
        if seconds > timeout:
            seconds, outcome = timeout, "TIMED-OUT"
        run = _Run(
            run_id, actor, kind, anyio.current_time(), seconds, outcome, items, message,
            {"timeoutSecs": timeout, "maxItems": asked.get("maxItems"), "build": "latest"},
        )  # fmt: skip
        self.runs[run_id] = run
        if kind != _FINDER:
            self.bill["apify"] += START_USD_MICROS
        return run

    def _outcome(
        self, kind: str, asked: dict[str, Any], drawn: str
    ) -> tuple[str, list[dict[str, Any]], str]:
        """Status at the end, all items, status message."""
        if drawn == "failed":
            return "FAILED", [], "Actor failed"
        if kind == _FINDER:
            found = [self._found(str(d)) for d in asked.get("domains") or ()]
            return "SUCCEEDED", [] if drawn == "empty" else found, ""
        key = "companies" if kind == _EMPLOYEES else "currentCompanies"
        slugs = [_slug(str(url)) for url in asked.get(key) or ()]
        if not slugs:
            return "SUCCEEDED", [], "no companies"
        if not asked.get("maxItems") and not asked.get("takePages"):
            return "SUCCEEDED", [], "no limits"
        row = next((c for c in self.companies if c.slug in slugs), None)
        said: str = "empty" if row is None else row.run if kind == _EMPLOYEES else row.search_run
        said = drawn or said
        if said == "failed":
            return "FAILED", [], "Actor failed"
        items = [] if said == "empty" else self._people(kind, slugs, asked)
        if said == "rate_limited":
            return "SUCCEEDED", items[: len(items) // 2], "rate limited"
        status = {"timed_out": "TIMED-OUT", "endless": "ENDLESS"}.get(said, "SUCCEEDED")
        return status, items, ""

    def _people(self, kind: str, slugs: list[str], asked: dict[str, Any]) -> list[dict[str, Any]]:
        titles = [_words(str(t)) for t in asked.get("jobTitles" if kind == _EMPLOYEES else
                                                    "currentJobTitles") or ()]  # fmt: skip
        source = "employees" if kind == _EMPLOYEES else "search"
        rows = [
            p
            for p in self.people
            if p.company in slugs
            and p.found_by in ("both", source)
            and (not titles or any(t <= _words(p.title) for t in titles))
        ]
        names = {c.slug: c.name or c.slug for c in self.companies}
        most = int(asked.get("maxItems") or PAGE_SIZE * int(asked.get("takePages") or 1))
        return [_item(row, names) for row in rows[:most]]

    def _found(self, domain: str) -> dict[str, Any]:
        row = next((c for c in self.companies if domain.lower() in c.domains), None)
        if row is None:
            return {"domain": domain, "linkedin_url": None}
        if row.wire is not None:
            return row.wire
        url = f"https://{row.region}.linkedin.com/company/{row.slug}"
        found = {"domain": domain, row.url_key: url}
        return found | ({"website": row.website} if row.website is not None else {})

    # -- replies ------------------------------------------------------------------------

    def _sync(self, run: _Run) -> Reply:
        now = anyio.current_time()
        status = run.status(now)
        self._charge(run, now)
        if status == "RUNNING":
            return json_reply(error_body(408), 408)
        if status != "SUCCEEDED":
            text = f"Actor run did not succeed (run ID: {run.id}, status: {status})."
            return json_reply({"error": {"type": "run-failed", "message": text}}, 400)
        return _items(run.items, None)

    def _told(self, run: _Run, http_status: int) -> Reply:
        now = anyio.current_time()
        ended = now >= run.ends
        self._charge(run, now)
        whens = datetime(2026, 11, 20, 8, tzinfo=UTC)
        count = len(run.shown(now))
        data = {
            "id": run.id,
            "actId": run.actor,
            "startedAt": whens.isoformat(),
            "finishedAt": (whens + timedelta(seconds=60)).isoformat() if ended else None,
            "status": run.status(now),
            "statusMessage": run.message if ended else "working",
            "isStatusMessageTerminal": ended,
            "meta": {"origin": "API"},
            "chargedEventCounts": {"actor-start": 1, "full-profile": count},
            "options": run.options,
            "exitCode": None,
            "defaultDatasetId": f"d-{run.id}",
            "usageTotalUsd": _price(run, count) / 1e6,
        }
        return json_reply({"data": data}, http_status)

    def _charge(self, run: _Run, now: float) -> None:
        """The start fee was charged at the start. A sync caller that gave up pays all the same."""
        if not run.charged and (now >= run.ends or run.seconds > SYNC_SECONDS_MAX):
            run.charged = True
            started = START_USD_MICROS if run.kind != _FINDER else 0
            self.bill["apify"] += _price(run, len(run.shown(now))) - started


def _refused(request: Request) -> Reply | None:
    state = key_state("apify", request.bearer or request.arg("token") or None)
    if state in (KeyState.ABSENT, KeyState.BAD):
        return json_reply(error_body(401), 401)
    if state is KeyState.SPENT and request.method == "POST" and "/abort" not in request.path:
        return json_reply(error_body(402), 402)
    return None


def _drawn(kind: str, rng: random.Random, factor: float) -> str:
    """How the published mix ends this run; "" leaves it to the world."""
    draw = rng.random() * 1000
    for per_mille, ending in RUN_MIX[kind] if factor else ():
        draw -= per_mille * factor
        if draw < 0:
            return ending
    return ""


def _patience(request: Request, run: _Run) -> float:
    """`waitForFinish` keeps the caller until the run's end, at most a minute."""
    asked = request.arg("waitForFinish", default="0")
    most = min(float(asked), WAIT_SECONDS_MAX) if asked.isdigit() else 0.0
    return max(0.0, min(most, run.ends - anyio.current_time()))


def _price(run: _Run, count: int) -> int:
    if run.kind == _FINDER:
        return 0
    if run.kind == _SEARCH:
        return SEARCH_PAGE_USD_MICROS * max(1, -(-count // PAGE_SIZE)) + 4_000 * count
    return START_USD_MICROS + 8_000 * count


def _items(items: list[dict[str, Any]], request: Request | None) -> Reply:
    offset, most = 0, len(items)
    if request is not None:
        offset = int(request.arg("offset", default="0") or 0)
        most = int(request.arg("limit", default="") or len(items))
        if fields := [f for f in request.arg("fields").split(",") if f]:
            items = [{k: v for k, v in item.items() if k in fields} for item in items]
    shown = items[offset : offset + most]
    headers = {"x-apify-pagination-total": str(len(items))}
    return json_reply(shown, 201 if request is None else 200, headers=headers)


def _slug(url: str) -> str:
    path = urlsplit(url).path
    found = re.search(r"/company/([^/?#]+)", path)
    return found[1].lower() if found else path.strip("/").lower()


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def _item(row: LinkedinPersonRow, names: Mapping[str, str]) -> dict[str, Any]:
    if row.wire is not None:
        return row.wire
    slug = row.slug or f"{row.first_name}-{row.last_name}".lower()
    if row.hidden:
        return {"id": f"ACoAA{slug}", "hidden": True, "headline": row.headline or row.title}
    company = names.get(row.company, row.company)
    jobs = [_job(row.title, company, row.company, "2024" if row.left else None)]
    if row.former:
        jobs.append(_job("Manager", names.get(row.former, row.former), row.former, "2019"))
    emails: list[Any] = [
        {"email": e, "status": "valid", "catchAllDomain": False} for e in row.emails
    ]
    return {
        "id": f"ACoAA{slug}",
        "publicIdentifier": slug,
        "linkedinUrl": f"https://www.linkedin.com/in/{slug}",
        "firstName": row.first_name,
        "lastName": row.last_name,
        "headline": row.headline or f"{row.title} at {company}",
        "about": "Loves boats. Previously retired from a former life.",
        "photo": "https://media.licdn.example/photo.jpg",
        "location": {
            "linkedinText": row.city,
            "countryCode": row.country_code,
            "parsed": {"countryCode": row.country_code, "city": row.city or None},
        },
        "currentPosition": [{"companyName": company}],
        "experience": jobs,
        "education": [],
        "emails": list(row.emails) if row.emails_as_text else emails,
        "companyWebsites": [],
        "_meta": {"pagination": {"totalPages": 1, "pageNumber": 1, "pageSize": PAGE_SIZE}},
    }


def _job(title: str, company: str, slug: str, until: str | None) -> dict[str, Any]:
    return {
        "position": title,
        "companyName": company,
        "companyLinkedinUrl": f"https://www.linkedin.com/company/{slug}/",
        "companyUniversalName": slug,
        "duration": "3 yrs 2 mos",
        "description": None,
        "startDate": {"month": "Oct", "year": 2016, "text": "Oct 2016"},
        "endDate": {"text": f"Dec {until}" if until else "Present"},
    }
