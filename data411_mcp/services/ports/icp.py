"""What the ICP finder needs from the outside. As in `ports`: every method that waits has a
deadline, and raises only the errors its docstring names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol

from data411_mcp.domain.evidence import Page
from data411_mcp.domain.icp.values import Deliverability, ThreadStatus

if TYPE_CHECKING:  # with the table of trades: not at start
    from data411_mcp.domain.icp.registers import RegisteredCompany, RegisterWish

# --- reading fast ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReadPolicy:
    """How one page is read when somebody waits in a chat. Seconds."""

    jina_timeout: float = 6.0  # of one attempt through Jina Reader
    jina_tries: int = 2
    hedge_after: float = 1.5  # then the direct fetch starts beside it; the first usable page wins
    connect_timeout: float = 3.0
    read_timeout: float = 8.0
    tavily: bool = False  # third, where enabled and in budget
    max_chars: int = 10_000  # of a page's text that is looked at


class FastReader(Protocol):
    async def read_fast(self, url: str, policy: ReadPolicy, *, deadline_seconds: float) -> Page:
        """One page as `PageReader.read`: stored, and a fresh stored copy is taken. Jina first, a
        direct fetch hedged beside it, Tavily last. Raises PageRefused or LookupFailed."""


# --- people and companies ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LinkedinPage:
    """A company's LinkedIn address, normalised. `page` is the stored vendor reply (reader "apify"),
    which shows the domain too; `start`/`end` cover the address in its text, as the vendor wrote
    it. `vouched`: the vendor names the website that LinkedIn has on the page, and it is ours."""

    url: str
    page: Page
    start: int
    end: int
    vouched: bool = False


@dataclass(frozen=True, slots=True)
class Employee:
    """As the vendor gives it. `page` holds of the vendor's reply what says who this person is and
    where they work now (reader "apify", stored); `start`/`end` cover the name in its text,
    `title_start`/`title_end` the title (both 0: there is none). `employer` is the name of the
    company where they work now, `tied` that its page is the one that was asked about."""

    name: str
    title: str
    linkedin_url: str
    page: Page
    start: int
    end: int
    emails: tuple[str, ...] = ()
    city: str | None = None
    country: str | None = None
    title_start: int = 0
    title_end: int = 0
    employer: str = ""
    tied: bool = False


@dataclass(frozen=True, slots=True)
class EmployeesFound:
    employees: tuple[Employee, ...]
    note: str = ""  # what the run said of itself: rate limited, max charge reached, timed out, …
    cost_usd_micros: int = 0


Started = Callable[[str], Awaitable[None]]  # told the name of a run as soon as it has one


class CompanyPeople(Protocol):
    """LinkedIn data by way of a vendor (Apify actors)."""

    def configured(self) -> bool: ...

    async def linkedin_company(self, domain: str, *, deadline_seconds: float) -> str | None:
        """The company's page, normalised to https://www.linkedin.com/company/<slug>; None where
        the vendor knows none. Raises LookupFailed or VendorUnusable (not_configured, bad_key,
        no_credit, cap_exceeded)."""

    async def linkedin_page(self, domain: str, *, deadline_seconds: float) -> LinkedinPage | None:
        """As `linkedin_company`, with the stored reply that says so."""

    async def employees(
        self,
        company_url: str,
        *,
        titles: Sequence[str],
        max_items: int,
        deadline_seconds: float,
        started: Started | None = None,
    ) -> EmployeesFound:
        """Of the employees actor. Raises as above; a run that times out is aborted."""

    async def search_profiles(
        self,
        company_url: str,
        *,
        titles: Sequence[str],
        max_items: int,
        deadline_seconds: float,
        started: Started | None = None,
    ) -> EmployeesFound:
        """Of the profile search. Raises as above."""

    async def resumed(
        self, company_url: str, run_id: str, *, max_items: int, deadline_seconds: float
    ) -> EmployeesFound:
        """What a run of either came to that was started before; nothing new is started or counted.
        Raises as above."""


class EmailVerifier(Protocol):
    def configured(self) -> bool: ...

    async def verify(self, email: str, *, deadline_seconds: float) -> Deliverability:
        """What the vendor says, once for each address. Raises LookupFailed or VendorUnusable."""


class CompaniesByIndustry(Protocol):
    """A register that lists companies by trade and place."""

    @property
    def name(self) -> str:
        """Lower case, for `Candidate.source`."""

    async def companies(
        self, wish: RegisterWish, *, limit: int, deadline_seconds: float
    ) -> tuple[RegisteredCompany, ...]:
        """Live companies, at most `limit`, in the register's order; none where it does not know
        the trade or the country. Raises LookupFailed or VendorUnusable."""


# --- Singapore's register ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AcraEntity:
    uen: str
    name: str
    status: str  # as given: "Live Company", "Struck Off", …
    live: bool
    entity_type: str = ""
    incorporated: date | None = None
    ssic_code: str = ""  # five digits
    ssic_description: str = ""
    ssic_edition: str = ""  # empty: the row does not say
    street: str = ""
    postal_code: str = ""
    former_names: tuple[str, ...] = ()


class AcraRegister(Protocol):
    """Nightly only: never called while somebody waits in a chat."""

    async def by_name(self, name: str, *, deadline_seconds: float) -> tuple[AcraEntity, ...]:
        """Rows of the API whose normalised name equals `name`'s. Raises LookupFailed."""


class AcraFile(Protocol):
    """One file of the register, ready to be read."""

    @property
    def mark(self) -> str:
        """Names its content: another month's file has another one."""

    def portions(self, *, skip: int) -> AsyncIterator[Sequence[Mapping[str, str]]]:
        """Rows by column name, after the first `skip`. Raises LookupFailed, also on the way."""


class AcraDownload(Protocol):
    """The register as files, one for each first letter of the names ("A" … "Z", "#": others)."""

    async def file(self, letter: str, *, deadline_seconds: float) -> AcraFile:
        """Have the file made and learn where it lies. `deadline_seconds` is for this and, once
        more, for reading it. Raises LookupFailed."""


# --- delivery ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attachment:
    file_name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    to: tuple[str, ...]
    subject: str
    text: str
    html: str
    message_id: str  # without brackets; the same for every attempt at the same mail
    attachments: tuple[Attachment, ...] = ()


class Mailer(Protocol):
    def configured(self) -> bool: ...

    async def send(self, mail: Mail, *, deadline_seconds: float) -> None:
        """Hand over to the SMTP server; a 4xx answer is tried again within the deadline. Raises
        LookupFailed (its reason says whether the server may have taken it: "outcome_unknown") or
        VendorUnusable("not_configured" | "refused" | "bad_key")."""


@dataclass(frozen=True, slots=True)
class CrmChange:
    """One field of one record: what is there, and what would be written."""

    model: str
    external_id: str
    field: str
    before: Any
    after: Any
    action: str  # fill, keep, create, refused (the CRM would not take this value)


@dataclass(frozen=True, slots=True)
class CrmRecord:
    """A record to be upserted by its external id. `values` are by the CRM's field names (those that
    it does not know are left out), `country_id` as an ISO 3166 code. `match` finds an earlier
    record of the same company (or person) that has no external id of ours: of its (field,
    operator, value) each is tried alone, in this order, below the parent where there is one.
    `parent` is the external id of a res.partner that `parent_field` points to."""

    model: str  # res.partner, crm.lead
    external_id: str
    values: Mapping[str, Any]
    match: tuple[tuple[str, str, Any], ...] = ()
    parent: str | None = None
    parent_field: str = "parent_id"
    note_html: str = ""  # provenance for the chatter, posted when anything was written


@dataclass(frozen=True, slots=True)
class CrmResult:
    record_id: int
    created: bool
    changes: tuple[CrmChange, ...]


class Crm(Protocol):
    def configured(self) -> bool: ...

    async def preview(
        self, records: Sequence[CrmRecord], *, deadline_seconds: float
    ) -> tuple[CrmChange, ...]:
        """What `upsert` would do, with nothing written. Raises LookupFailed, VendorUnusable."""

    async def upsert(self, record: CrmRecord, *, deadline_seconds: float) -> CrmResult:
        """Create, or fill empty fields of the record with that external id (or of the match). A
        value that is there is left alone. Doing it twice changes nothing. Raises as above."""


# --- the store ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """One conversation. `live` says that a run of it was begun and has not ended; a thread that
    is to be locked while it is live is `lock_pending`. `metadata` is JSON text."""

    tenant: str
    thread_id: str
    user_id: str  # subject of the key; "" for stdio and the command line
    agent: str
    context_key: str  # "" until the company or profile is known
    status: ThreadStatus
    label: str
    created_at: datetime
    updated_at: datetime
    lock_pending: bool = False
    locked_at: datetime | None = None
    archived_at: datetime | None = None
    reason: str = ""  # new_thread_created, auto_archive_stale, context_changed, deleted
    metadata: str = "{}"


@dataclass(frozen=True, slots=True)
class Document:
    """JSON text under a key; `version` counts its writes from 1."""

    kind: str
    key: str
    text: str
    version: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class SsicRow:
    code: str
    level: str  # section, division, group, class, subclass
    title: str
    definition: str = ""
    examples: str = ""


@dataclass(frozen=True, slots=True)
class SsicTable:
    """One edition as its official file has it."""

    edition: str  # the year, with the letter of a revision: "2025", "2025A"
    rows: tuple[SsicRow, ...]


class IcpStore(Protocol):
    """Beside `Store`, in the same database; the same rules: tenant on every row, each method one
    short transaction, StoreBusy, StoreFull, StaleVersion."""

    # threads
    async def open_thread(
        self, thread: ThreadRow, *, live: Sequence[str] = (), single: bool = True
    ) -> ThreadRow:
        """Insert an open thread. In the same transaction every other open thread of (tenant,
        user, agent, context_key) is locked (`new_thread_created`), those whose id is in `live`
        are marked `lock_pending` instead. An empty context key locks nothing. Returns the thread;
        one with that id that exists already is returned as it is (of this tenant and user, else
        NotFound). Without `single` nothing is locked: several of a context may be open."""

    async def set_context(
        self,
        tenant: str,
        thread_id: str,
        context_key: str,
        *,
        label: str,
        live: Sequence[str],
        at: datetime,
        single: bool = True,
    ) -> ThreadRow:
        """Give an open thread its context key, now that it is known; locks others as above. One
        that is about to be locked is returned as it is where the key is the one it has. Raises
        NotFound, ThreadLocked."""

    async def thread(self, tenant: str, thread_id: str) -> ThreadRow | None: ...

    async def threads(
        self,
        tenant: str,
        *,
        user_id: str | None = None,
        agent: str | None = None,
        context_key: str | None = None,
        statuses: Sequence[ThreadStatus] = (),
        updated_after: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> tuple[ThreadRow, ...]:
        """Newest first."""

    async def threads_to_scan(
        self, tenant: str, *, after: str = "", limit: int = 100
    ) -> tuple[ThreadRow, ...]:
        """Every thread of a tenant in order of id, beginning after the id `after`."""

    async def threads_past(
        self, before: datetime, *, after: tuple[str, str] = ("", ""), limit: int = 100
    ) -> tuple[ThreadRow, ...]:
        """Threads of every tenant that retention is about to delete (untouched since `before`,
        no live job), in order of tenant and id, beginning after that pair."""

    async def lock_thread(
        self, tenant: str, thread_id: str, reason: str, *, at: datetime, pending: bool = False
    ) -> ThreadRow | None:
        """The thread as it is then; one that is not open stays as it is."""

    async def archive_thread(
        self, tenant: str, thread_id: str, reason: str, *, at: datetime
    ) -> ThreadRow | None:
        """The thread as it is then; one that was archived before stays as it is."""

    async def archive_stale(self, *, before: datetime, at: datetime) -> int:
        """Locked threads untouched since then become archived, of every tenant; returns how
        many. Being locked counts as being touched."""

    async def touch_thread(
        self,
        tenant: str,
        thread_id: str,
        *,
        at: datetime,
        label: str | None = None,
        metadata: str | None = None,
    ) -> ThreadRow | None: ...

    async def rewrite_thread(self, seen: ThreadRow, *, label: str, metadata: str) -> bool:
        """Other words in a thread, which does not count as touching it; False where it holds
        others than those seen."""

    async def delete_thread(self, tenant: str, thread_id: str) -> bool:
        """The thread and its documents, which are those whose key is its id, or its id, a colon
        and more; its conversation is deleted by whoever keeps it."""

    # documents: intake, profiles, shortlists, companies, deliveries; by kind and key
    async def document(self, tenant: str, kind: str, key: str) -> Document | None: ...

    async def documents(
        self, tenant: str, kind: str, *, prefix: str = "", after: str = "", limit: int = 100
    ) -> tuple[Document, ...]:
        """In order of key."""

    async def documents_to_scan(
        self, tenant: str, *, after: tuple[str, str] = ("", ""), limit: int = 100
    ) -> tuple[Document, ...]:
        """Every document of a tenant in order of kind and key, beginning after that pair."""

    async def document_tenants(self, kind: str) -> tuple[str, ...]:
        """Who has documents of that kind."""

    async def put_document(
        self,
        tenant: str,
        kind: str,
        key: str,
        text: str,
        *,
        at: datetime,
        expected_version: int | None = None,
    ) -> int:
        """Insert or replace; with `expected_version` (0: there is none yet) compare and set.
        Returns the new version. Raises StaleVersion."""

    async def delete_document(self, tenant: str, kind: str, key: str) -> bool: ...

    # reference tables, shared by all tenants
    async def replace_ssic(self, edition: str, rows: Sequence[SsicRow]) -> int:
        """The edition's table, whole. Returns the number of rows."""

    async def ssic_rows(self, edition: str | None = None) -> tuple[SsicRow, ...]:
        """Of that edition; of the newest one without. Empty: none was imported."""

    async def ssic_editions(self) -> tuple[str, ...]:
        """Those that were imported, the newest first."""

    async def add_acra(self, rows: Sequence[AcraEntity], *, keys: Sequence[str]) -> int:
        """Insert or replace by UEN; `keys` are the rows' normalised names."""

    async def acra_by_name(self, key: str) -> tuple[AcraEntity, ...]:
        """Rows with that normalised name, at most fifty."""

    async def acra_by_ssic(self, code: str, *, limit: int = 50) -> tuple[AcraEntity, ...]:
        """Live rows of that primary code whose day of incorporation is known, the newest first."""

    async def acra_after(self, uen: str = "", *, limit: int = 100) -> tuple[AcraEntity, ...]:
        """Rows in order of UEN, beginning after that one."""


# --- the conversation --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConversationState:
    """What is kept of a conversation. `values` is JSON-able; `next` names nodes still to run."""

    thread_id: str
    values: Mapping[str, Any]
    next: tuple[str, ...] = ()
    checkpoint_id: str = ""
    created_at: str = ""


class Conversation(Protocol):
    """The conversation graph with its durable checkpoints. One message at a time to a thread:
    who calls holds the thread."""

    async def advance(
        self, tenant: str, thread_id: str, message: Mapping[str, Any]
    ) -> ConversationState:
        """Run the graph once over a new input, from its first node to its last. An input whose
        `id` was handled before changes nothing."""

    async def stream(
        self, tenant: str, thread_id: str, message: Mapping[str, Any]
    ) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
        """As `advance`, yielding (node, update) as each node ends."""
        yield "", {}  # pragma: no cover - a protocol's body

    async def state(self, tenant: str, thread_id: str) -> ConversationState | None: ...

    async def history(
        self, tenant: str, thread_id: str, *, limit: int = 10
    ) -> tuple[ConversationState, ...]: ...

    async def forget(self, tenant: str, thread_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class IcpSettings:
    """The specification's knobs, as one process has them; a tenant's own differ in `features`."""

    interactive_head: int = 12
    jina_timeout_s: float = 6.0
    llm_max_chunks: int = 3
    crawl_max_pages: int = 6
    apify_max_items: int = 30
    apify_daily_cap: int = 50
    apify_log_sample_size: int = 3
    apify_debug_log_items: bool = False
    tavily_parallel_max: int = 3
    tavily_extract: bool = False  # third reader, for pages that neither of the others can read
    single_thread_per_context: bool = True
    thread_resume_window_days: int = 7
    thread_stale_days: int = 30
    auto_archive_stale_locked: bool = True
    profile_staleness_days: int = 14
    discovery_staleness_days: int = 14
    enable_chat_events: bool = True
    ui_enqueue_jobs: bool = False
    bg_discovery_and_enrich: bool = True
    enable_agent_discovery: bool = False
    notify_recipients: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by tenant
    features: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)  # tenant → name → on
