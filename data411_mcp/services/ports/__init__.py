"""What the use cases need from the outside, as protocols. Adapters implement them; only app.py
knows which one is in use.

Every method that waits takes or has a deadline, and raises only the errors its docstring names.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from data411_mcp.domain.access import ApiKey, KeyedRequest, TakenTicket
from data411_mcp.domain.callbacks import CALLBACKS_OF_TENANT_MAX, DueCallback
from data411_mcp.domain.events import ProgressEvent
from data411_mcp.domain.evidence import Page
from data411_mcp.domain.jobs import BATCH, Job, JobStatus, SlotRequest
from data411_mcp.domain.ledger import Balances, Bill, Transfer
from data411_mcp.services.ports.models import LanguageModel as LanguageModel
from data411_mcp.services.ports.models import LlmReply as LlmReply
from data411_mcp.services.ports.models import LlmRequest as LlmRequest
from data411_mcp.services.ports.models import Prompts as Prompts
from data411_mcp.services.ports.models import Rendered as Rendered

# --- time and progress -------------------------------------------------------------------


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware UTC time."""

    def monotonic(self) -> float: ...

    def new_id(self) -> str:
        """32 hex characters, unguessable."""


Emit = Callable[[ProgressEvent], None]
"""Never blocks and never raises: a slow listener may not hold up a hunt."""


# --- pages and the web -------------------------------------------------------------------


class PageReader(Protocol):
    async def read(self, url: str, *, deadline_seconds: float, refresh: bool = False) -> Page:
        """Read one page through the reader chain (Jina, direct, Tavily extract as configured),
        store it and return it. A fresh stored copy is returned unless `refresh`.

        Raises PageRefused (address, scheme, port, robots.txt) or LookupFailed with a reason of
        `docs/errors.md`: timeout, dns, tls, connect, too_large, redirect_loop, not_found,
        bot_wall, error_page, http_<status>, not_text, empty.
        """

    async def offline(self) -> bool:
        """True when no name resolves and no address answers: the machine is offline."""


@dataclass(frozen=True, slots=True)
class SearchHit:
    url: str
    title: str
    content: str
    score: float = 0.0


class SearchEngine(Protocol):
    name: str

    async def search(
        self, query: str, *, max_results: int, deadline_seconds: float
    ) -> tuple[SearchHit, ...]:
        """Raises LookupFailed or VendorUnusable. Hits are leads to read, never evidence."""


@dataclass(frozen=True, slots=True)
class RegistryQuery:
    """What is known of the company; a registry uses what it can search by."""

    name: str | None = None
    names: tuple[str, ...] = ()  # further names: legal, trade
    domain: str | None = None
    country: str | None = None  # ISO 2
    state: str | None = None
    city: str | None = None


@dataclass(frozen=True, slots=True)
class RegistryRecord:
    """One register row. `page` is the stored response it was read from (reader "api"); each
    fact's offsets point into `page.text`."""

    registry: str  # GLEIF, SEC, WIKIDATA, RDAP
    record_id: str
    name: str
    page: Page
    facts: tuple[RegistryFact, ...] = ()
    country: str | None = None
    state: str | None = None
    city: str | None = None
    website: str | None = None
    phone: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True)
class RegistryFact:
    """`field` is a `FieldName` value; `start`/`end` cover a quote in the record's page."""

    field: str
    value: str
    start: int
    end: int
    kind: str | None = None
    person: str | None = None


class Registry(Protocol):
    name: str

    async def lookup(
        self, query: RegistryQuery, *, deadline_seconds: float
    ) -> tuple[RegistryRecord, ...]:
        """Candidate rows, best first, at most 10. Pages are stored. Raises LookupFailed or
        VendorUnusable. An empty answer means the register has no such company."""


@dataclass(frozen=True, slots=True)
class MailDomain:
    """What DNS says of a domain. `page` is the answer as text, stored as evidence."""

    domain: str
    exists: bool
    mx: tuple[str, ...]
    null_mx: bool
    spf: str | None
    dmarc: str | None
    provider: str | None  # google, microsoft365, zoho, …
    page: Page


class DnsLookup(Protocol):
    async def mail_domain(self, domain: str, *, deadline_seconds: float) -> MailDomain:
        """Raises LookupFailed("timeout" | "servfail" | "offline")."""


# --- store -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One chat bound to one lead. `lead` and `backfill` are JSON text as stored."""

    tenant: str
    chat_session_id: str
    lead: str
    lead_key: str  # LeadKey.text
    created_at: datetime
    updated_at: datetime
    version: int  # of the backfill; 0 while there is none
    backfill: str | None = None
    identity_choice: str | None = None


@dataclass(frozen=True, slots=True)
class SeedRow:
    """A warm seed: the findings of an earlier session about the same phone, company or person."""

    key: str  # "phone:+1…", "domain:…", "company:name|state|country", "person:name|place"
    chat_session_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What earlier attempts at a job have left. `asked`: its cancel was requested, or something of
    one of its slots, at any time."""

    asked: bool = False
    last_seq: int = 0
    checkpoints: Mapping[str, str] = field(default_factory=dict)


class Store(Protocol):
    """Every method takes the tenant; another tenant's row answers like one that does not exist.
    Each method is one short transaction. Raises StoreBusy, StoreFull, StaleVersion; writing to a
    chat that does not exist raises NotFound."""

    async def migrate(self) -> None: ...
    async def close(self) -> None: ...

    # binding
    async def bind(self, row: SessionRow) -> SessionRow:
        """Insert, or return the row that was first. Exactly one of racing callers wins."""

    async def session(self, tenant: str, chat_session_id: str) -> SessionRow | None: ...

    async def session_version(self, tenant: str, chat_session_id: str) -> int | None:
        """The graph's version only: cheap enough to ask before every cached answer."""

    async def live_chat_of_lead(self, tenant: str, lead_key: str) -> str | None:
        """The chat in which a job of this lead is queued, running or waiting, if any."""

    async def replace_lead(
        self, tenant: str, chat_session_id: str, lead: str, lead_key: str, at: datetime
    ) -> None:
        """A new CRM export of the same contact: the old lead goes to the lead's history. Nothing
        changes where it is the chat's lead already."""

    async def lead_history(self, tenant: str, chat_session_id: str) -> tuple[str, ...]: ...

    async def set_identity_choice(
        self, tenant: str, chat_session_id: str, choice: str | None, at: datetime
    ) -> None: ...

    # graph
    async def save_backfill(
        self,
        tenant: str,
        chat_session_id: str,
        backfill: str,
        *,
        expected_version: int,
        at: datetime,
        job: Job | None = None,
    ) -> int:
        """Compare and set; returns the new version. Raises StaleVersion, also where it is for a
        `job` that its worker, if it has one, does not hold any more."""

    async def archive_backfill(
        self, tenant: str, chat_session_id: str, reason: str, at: datetime
    ) -> None:
        """Keep a copy of the current graph under its version."""

    async def archived_backfill(
        self, tenant: str, chat_session_id: str, version: int
    ) -> str | None: ...

    async def archived_versions(self, tenant: str, chat_session_id: str) -> tuple[int, ...]: ...

    async def delete_archived(self, tenant: str, chat_session_id: str, version: int) -> None: ...

    # pages
    async def put_page(self, tenant: str, page: Page) -> None: ...
    async def page(self, tenant: str, sha256: str, url: str | None = None) -> Page | None: ...

    async def fresh_page(self, tenant: str, url: str, *, not_before: datetime) -> Page | None:
        """The newest stored copy of an address, as asked or as redirected to."""

    # warm seed
    async def put_seeds(self, tenant: str, seeds: Sequence[SeedRow]) -> None: ...

    async def find_seed(
        self, tenant: str, keys: Sequence[str], *, not_before: datetime
    ) -> SeedRow | None:
        """The newest seed under any of the keys; earlier keys count more."""

    # jobs
    async def add_job(
        self, job: Job, *, precharge: Transfer | None = None, opens: SessionRow | None = None
    ) -> Job:
        """Insert, or return the job that already has this idempotency key. The precharge is
        posted and the chat that the job opens is bound in the same transaction, and only with the
        insert. Raises InsufficientBalance (and nothing is inserted), or ChatBusy when another job
        of the chat, or one with the same `opener_key`, is live."""

    async def job(self, tenant: str, job_id: str) -> Job | None: ...
    async def jobs_of_chat(self, tenant: str, chat_session_id: str) -> tuple[Job, ...]: ...
    async def jobs_of_progress_key(self, tenant: str, progress_key: str) -> tuple[Job, ...]: ...

    async def claim_job(
        self,
        worker: str,
        *,
        now: datetime,
        lease_seconds: float,
        job_id: str | None = None,
        tenant_jobs_max: int | None = None,
        priority_min: int = BATCH,
        ours: Collection[str] = (),
    ) -> Job | None:
        """Take one job that is queued and due, or running with an expired lease (its worker
        died); highest priority first, then oldest. Bumps `attempt`. With `job_id` only that one.
        A tenant that has `tenant_jobs_max` jobs running with a valid lease gets no further one.
        `ours` are jobs that the caller holds: not lapsed, whatever the wall clock says."""

    async def claimable_jobs(
        self, *, now: datetime, limit: int, priority_min: int = BATCH, skip: int = 0
    ) -> tuple[Job, ...]:
        """Jobs that `claim_job` would look at now, in its order and without taking them; those
        after the first `skip`."""

    async def lapsed_jobs(self, *, now: datetime, limit: int) -> tuple[Job, ...]:
        """Running jobs whose lease has expired, the longest ago first."""

    async def heartbeat(
        self, job_id: str, worker: str, *, now: datetime, lease_seconds: float
    ) -> Job | None:
        """Extend the lease; returns the job (to see a cancel request), None if it was lost."""

    async def finish_job(
        self,
        job_id: str,
        worker: str,
        status: JobStatus,
        *,
        now: datetime,
        result: str | None = None,
        error: str | None = None,
        bill: Bill | None = None,
        events: Sequence[ProgressEvent] = (),
    ) -> bool:
        """Set a final status, or `waiting`; False if the lease was lost. In the same transaction
        the last events are appended, as `append_events` does; a final status settles the job's
        hold by `bill` (everything is given back without one: reason `cancelled` when cancelled,
        else `vendor_unavailable`), and a job with a `callback_url` leaves a callback to be
        sent."""

    async def requeue_job(
        self,
        job_id: str,
        *,
        now: datetime,
        payload: str | None = None,
        worker: str | None = None,
        run_after: datetime | None = None,
        precharge: Transfer | None = None,
    ) -> bool:
        """`waiting` → `queued`, with a fresh count of attempts; `precharge` is posted in the same
        transaction, and only with it (raises InsufficientBalance, and nothing changes). With
        `worker`: that worker hands its running job back, which costs no attempt; with `run_after`,
        too, it failed, which does cost one, and is to be tried again then. False if the job was
        not in that state."""

    async def request_cancel(
        self, tenant: str, job_id: str, slot: str | None, *, now: datetime
    ) -> Job | None:
        """Whole job, or one slot of it. A queued or waiting job is cancelled at once: its hold is
        given back (`cancelled`), and its callback left to be sent, in the same transaction. A
        queued one that an earlier attempt has worked on stays queued, and due: a worker is to
        close what it left, and to bill it."""

    async def request_retry(
        self, tenant: str, job_id: str, slot: str, *, now: datetime
    ) -> Job | None:
        """Ask the runner to run one slot of a running job again."""

    async def checkpoint(
        self,
        job_id: str,
        step: str,
        outcome: str,
        *,
        now: datetime,
        settles: int | None = None,
        worker: str | None = None,
    ) -> None:
        """Remember a finished step. Writing the same step again replaces it. `settles` is the
        number of the slot request that this outcome answers: it is forgotten with the write.
        With `worker`: raises StaleVersion when that worker does not hold the job."""

    async def checkpoints(self, job_id: str) -> Mapping[str, str]: ...
    async def standing(self, job_id: str) -> Standing: ...

    # events
    async def append_event(self, job_id: str, event: ProgressEvent) -> ProgressEvent:
        """Numbers the event (1, 2, 3, … per job) and returns it."""

    async def append_events(
        self, job_id: str, worker: str, events: Sequence[ProgressEvent]
    ) -> None:
        """Append what the worker that holds the job has numbered on from `last_event_seq`.
        Numbers that are stored already are skipped, so an interrupted call can be repeated.
        Raises StaleVersion when the worker does not hold the job, or at a hole."""

    async def last_event_seq(self, job_id: str) -> int:
        """Number of the newest event; 0 while there is none."""

    async def events(
        self, tenant: str, job_id: str, *, since: int, limit: int
    ) -> tuple[ProgressEvent, ...]: ...

    # money
    async def post(self, transfer: Transfer, *, at: datetime) -> bool:
        """Post one transfer; False when it was posted before. Raises InsufficientBalance."""

    async def balances(self, tenant: str) -> Balances: ...

    async def transfers(
        self, tenant: str, *, job_id: str | None = None, limit: int = 100
    ) -> tuple[Transfer, ...]:
        """Newest first; those of one job in the order they were posted."""

    # keys and handles; secrets are given and kept as SHA-256 only
    async def put_key(self, key: ApiKey) -> None: ...
    async def replace_key(self, key_id: str, by: ApiKey, *, at: datetime) -> bool:
        """Store the new key and revoke the old one `at` that time, in one transaction. False, and
        nothing changed, when there is a key with the new one's id."""

    async def key_by_hash(self, sha256: str, *, now: datetime) -> ApiKey | None:
        """A key that is not revoked, or will be later than now."""

    async def keys(self, tenant: str | None = None) -> tuple[ApiKey, ...]: ...
    async def revoke_key(self, key_id: str, *, tenant: str | None, at: datetime) -> bool:
        """False when there is no such key, or it is revoked by then. Without a tenant: any."""

    async def job_by_poll_bearer(self, sha256: str) -> Job | None: ...

    async def put_ticket(
        self, sha256: str, tenant: str, job_id: str, *, expires_at: datetime, key: str = ""
    ) -> None: ...

    async def take_ticket(self, sha256: str, job_id: str, *, now: datetime) -> TakenTicket | None:
        """Once, before it expires; None ever after. Naming another job takes nothing."""

    async def keyed_request(self, tenant: str, key_sha: str) -> KeyedRequest | None: ...

    async def put_keyed_request(
        self, tenant: str, key_sha: str, asked: KeyedRequest
    ) -> KeyedRequest:
        """Keep it as long as its job; or return what the key was used for before."""

    async def secret(self, name: str, fresh: bytes) -> bytes:
        """The server's secret of that name; `fresh` becomes it where there is none yet."""

    # callbacks
    async def attach_callback(self, tenant: str, job_id: str, url: str, *, now: datetime) -> bool:
        """Give a job that has no callback one, due at once if the job is final; False if it has
        one already."""

    async def claim_callback(
        self, *, now: datetime, lease_seconds: float, tenant_max: int = CALLBACKS_OF_TENANT_MAX
    ) -> DueCallback | None:
        """The oldest that is due; nobody else gets it before the lease is over. A tenant with
        `tenant_max` notices on their way gets no further one. Bumps `attempt`."""

    async def finish_callback(self, job_id: str, *, again_at: datetime | None) -> None:
        """Sent or given up (`None`), or to be tried again then."""

    # personal data
    async def forget(self, tenant: str, tombstones: Sequence[str], at: datetime) -> None:
        """Keep the hashes, and delete the checkpoints of finished jobs: they hold what slots
        found, and nobody reads them any more."""

    async def tombstones(self, tenant: str) -> frozenset[str]: ...

    async def rewrite_lead(
        self, tenant: str, chat_session_id: str, lead: str, lead_key: str, *, expected: str
    ) -> bool:
        """Replace the lead, and leave no trace of the old one; False if it is not `expected`."""

    async def rewrite_lead_history(
        self, tenant: str, chat_session_id: str, position: int, lead: str, lead_key: str
    ) -> None:
        """Replace one lead of the history; positions count from 1, as `lead_history` lists."""

    async def delete_seeds(self, tenant: str, keys: Sequence[str]) -> None: ...

    async def jobs_to_scan(
        self, tenant: str, *, after: str = "", limit: int = 100
    ) -> tuple[Job, ...]:
        """Jobs in order of id, for `forget`."""

    async def rewrite_job(
        self,
        tenant: str,
        job_id: str,
        *,
        payload: str,
        lead_key: str,
        expected: str,
        result: str | None = None,
    ) -> bool:
        """Replace what a job was given, and its result where one is passed; False if its payload
        is not `expected`."""

    async def rewrite_event(self, tenant: str, job_id: str, event: ProgressEvent) -> None:
        """Replace the stored event of that number."""

    async def sessions_to_scan(
        self, tenant: str, *, after: str = "", limit: int = 100
    ) -> tuple[SessionRow, ...]:
        """Sessions in order of chat id, for `forget` and retention."""

    async def pages_to_scan(
        self, tenant: str, *, after: str = "", limit: int = 100
    ) -> tuple[Page, ...]: ...

    async def delete_page(self, tenant: str, sha256: str) -> None: ...

    async def purge(
        self,
        *,
        now: datetime,
        pages_before: datetime,
        graphs_before: datetime,
        jobs_before: datetime,
    ) -> Mapping[str, int]:
        """Retention: delete what is older, a portion at a time; returns the number of rows by
        table. Waiting jobs that old are cancelled now, and go when they have been over for as
        long; transfers are kept."""


class JobRunner(Protocol):
    """The `JobQueue` port: durable, at least once, idempotent steps."""

    def running(self) -> AbstractAsyncContextManager[JobRunner]: ...

    async def submit(
        self, job: Job, *, precharge: Transfer | None = None, opens: SessionRow | None = None
    ) -> Job:
        """Idempotent by `job.idempotency_key`. Raises InsufficientBalance, ChatBusy."""

    async def wait(
        self, tenant: str, job_id: str, *, seconds: float, emit: Emit | None = None, since: int = 0
    ) -> Job:
        """Follow the job until it is final or waiting, or the time is up; returns it as it then
        is. Raises NotFound."""

    async def cancel(self, tenant: str, job_id: str, slot: str | None = None) -> Job: ...

    async def retry_slot(self, tenant: str, job_id: str, slot: str) -> Job:
        """Raises NotFound, or SlotNotRerunnable when the job is over or the slot has landed."""

    async def resume(
        self,
        tenant: str,
        job_id: str,
        payload: str | None = None,
        *,
        precharge: Transfer | None = None,
    ) -> Job:
        """`waiting` → `queued`. Raises NotFound, or InsufficientBalance where there is a precharge
        that the balance does not cover: the job goes on waiting."""


class Checkpoint(Protocol):
    async def __call__(self, step: str, outcome: str, settles: SlotRequest | None = None) -> None:
        """Store the outcome (JSON text) of a finished step before going on. Raises StoreError.
        `settles` is the retry that this outcome answers, so that no later attempt repeats it."""


async def no_slot_requests() -> AsyncIterator[SlotRequest]:
    """Nobody asks anything of a slot: for work that is run without a job runner."""
    nobody: tuple[SlotRequest, ...] = ()
    for request in nobody:
        yield request


def nobody_listens(_slot: str) -> None:
    """Landed slots are of no interest to anybody: likewise."""


@dataclass(slots=True)
class JobContext:
    """What a job's work is given.

    `checkpoints` holds the outcomes of earlier attempts by step, and grows with `checkpoint()`.
    `slot_requests()` yields cancel and retry wishes, first those that were made before this
    attempt, and ends only with the job: read it in a task of its own. `landed(slot)` says that
    the slot answers no retry any more: further ones are refused instead of yielded. The cancel of
    the whole job, a lost lease and a shutdown arrive as cancellation.
    """

    job: Job
    emit: Emit
    checkpoint: Checkpoint
    checkpoints: Mapping[str, str] = field(default_factory=dict)
    slot_requests: Callable[[], AsyncIterator[SlotRequest]] = no_slot_requests
    landed: Callable[[str], None] = nobody_listens
