"""What the rooms of the ICP finder hand to each other. `None` and empty mean: not known; what is
not known never counts as met."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# --- intake ------------------------------------------------------------------------------------


class Customer(_Value):
    """A best customer as the user gave it; at least one of the two is there. `domain` is the
    registrable domain, lower case."""

    name: str = ""
    domain: str | None = None


class LostCustomer(Customer):
    reason: str = ""  # the user's words; empty: none given


class Intake(_Value):
    """`website` is the user's own company. `answers` keeps the optional answers by key."""

    website: str | None = None  # absolute URL
    domain: str | None = None  # its registrable domain
    customers: tuple[Customer, ...] = ()
    lost: tuple[LostCustomer, ...] = ()
    answers: dict[str, Any] = Field(default_factory=dict)


class MicroIcp(_Value):
    """A narrower profile that the user accepted. Lower case, without repetitions."""

    id: str = ""
    title: str = ""
    industries: tuple[str, ...] = ()
    integrations: tuple[str, ...] = ()
    buyer_titles: tuple[str, ...] = ()
    size_bands: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()
    geos: tuple[str, ...] = ()  # ISO 3166 country codes, or city names
    ssic: tuple[str, ...] = ()  # five digits


# --- evidence ----------------------------------------------------------------------------------


class Snippet(_Value):
    """A quote from a stored page, or (without sha) from a search result."""

    url: str
    text: str
    page_sha256: str = ""


class SsicCode(_Value):
    code: str  # five digits; shorter for a group or class
    title: str
    edition: str  # e.g. "2025"
    score: float = 0.0


class SiteSignals(_Value):
    """What a company's own site says, with the quote for each. `text` is what similarity is
    computed from, capped. A key of `quotes` is the name of the field it backs, for lists with
    the value after a colon: "integrations:xero"."""

    domain: str
    name: str = ""
    text: str = ""
    description: str = ""
    industries: tuple[str, ...] = ()
    integrations: tuple[str, ...] = ()
    buyer_titles: tuple[str, ...] = ()
    tech_stack: tuple[str, ...] = ()
    hiring_open_roles: int | None = None
    has_pricing: bool | None = None
    has_case_studies: bool | None = None
    employees: tuple[int, int | None] | None = None  # from, to; None: open end
    country: str | None = None  # ISO 3166 alpha-2
    city: str | None = None
    ssic: tuple[SsicCode, ...] = ()
    linkedin_url: str | None = None
    compliance: tuple[str, ...] = ()  # rules and certificates it names: "pdpa", "iso 27001"
    quotes: dict[str, Snippet] = Field(default_factory=dict)
    degraded: tuple[str, ...] = ()  # reasons of `DEGRADED`


DEGRADED: frozenset[str] = frozenset(
    {
        "DOMAIN_SEARCH_FALLBACK",
        "DOMAIN_GUESS_FALLBACK",
        "DATA_EMPTY:no_domain_name",
        "DATA_EMPTY:jina_home",
        "JINA_TIMEOUT",
        "CRAWL_THIN",
        "CRAWL_ERROR",
        "SEARCH_THROTTLED",
        "TAVILY_FAIL",
        "REGISTRY_UNAVAILABLE",
        "LLM_TIMEOUT_FALLBACK",
        "FIRMO_RETRY_LINKEDIN",
        "APIFY_CAP_EXCEEDED",
        "APIFY_LINKEDIN_FAIL",
        "APIFY_NO_EMPLOYEES",
        "VERIFIER_UNAVAILABLE",
        "SSIC_NOT_IMPORTED",
    }
)


# --- profile -----------------------------------------------------------------------------------


class Condition(_Value):
    """One thing the winners share (or, as a negative, what the lost ones share and they do not).
    `support` of `of` read seeds show it."""

    id: str  # "industry:logistics", "integration:xero", "country:SG", "ssic:46900", …
    label: str  # for a salesperson: "Logistics"
    field: str  # industry, integration, buyer_title, size_band, country, ssic, signal, topic
    value: str
    support: int
    of: int
    weight: float  # of all conditions of its sign; they sum to 1
    evidence: tuple[Snippet, ...] = ()


class NegativeTheme(_Value):
    theme: str  # budget_too_low, on_prem_only, security_heavy_process, poor_fit, …
    count: int
    reason: str


class IcpProfile(_Value):
    summary: str = ""
    conditions: tuple[Condition, ...] = ()
    negatives: tuple[Condition, ...] = ()
    themes: tuple[NegativeTheme, ...] = ()
    ssic: tuple[tuple[str, str, int], ...] = ()  # code, title, number of seeds
    industries: tuple[str, ...] = ()
    integrations: tuple[str, ...] = ()
    buyer_titles: tuple[str, ...] = ()
    size_bands: tuple[str, ...] = ()
    geos: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()
    stacks: tuple[str, ...] = ()
    seeds_read: int = 0
    seeds_total: int = 0
    # What an accepted micro-ICP asks for: ids of conditions, of each group of them one.
    accepted: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()  # what could not be looked at, for the user


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A micro-ICP to accept, a card of the specification's shape. `id` is `ssic:<code>`,
    `industry:<slug>` or another condition's id."""

    id: str
    title: str
    evidence_count: int
    rationale: str
    micro_icp: MicroIcp
    targeting_pack: Mapping[str, Any] = field(default_factory=dict)
    negative_icp: tuple[Mapping[str, Any], ...] = ()


# --- lookalikes --------------------------------------------------------------------------------


FROM_REGISTER = "registry:"  # before the register's name, in `Candidate.source`


class Candidate(_Value):
    """A company that discovery found, before it is read."""

    domain: str
    name: str = ""
    url: str = ""
    source: str = ""  # search:tavily, registry:wikidata, csv, …
    snippet: str = ""
    rank: int = 0  # in its source, from 1


class Verdict(_Value):
    """How a candidate stands to one condition."""

    condition: str  # id
    label: str
    state: Literal["matched", "failed", "unknown"]
    evidence: Snippet | None = None


class Lookalike(_Value):
    """`score` 0 to 100 compares the candidate with profile and seeds; `bucket` A, B or C."""

    domain: str
    name: str
    score: int
    bucket: Literal["A", "B", "C"]
    why: str  # never empty; names what matched and what did not
    snippet: str
    verdicts: tuple[Verdict, ...] = ()
    similar_to: str = ""  # the seed it is most like
    source: str = ""
    read: bool = False  # its page was read; otherwise known from a search result only


# --- enrichment --------------------------------------------------------------------------------


class Deliverability(StrEnum):
    UNKNOWN = "unknown"
    UNDELIVERABLE = "undeliverable"
    RISKY = "risky"
    ACCEPTED = "accepted"
    VERIFIED = "verified"


class EnrichedContact(_Value):
    name: str
    title: str = ""
    email: str = ""
    deliverability: Deliverability = Deliverability.UNKNOWN
    phone: str = ""
    linkedin_url: str = ""
    source: str = ""  # own_site, apify, …


class EnrichedCompany(_Value):
    """One of the Top-10 (or a later one) as delivered. Its graph, with the proof of each fact, is
    in the chat `chat_session_id`; this is a copy for lists, made when asked for."""

    domain: str
    name: str = ""
    chat_session_id: str = ""
    state: Literal["done", "failed", "queued"] = "queued"
    reason: str = ""  # why it failed, a stable word
    legal_name: str = ""
    uen: str = ""
    industry: str = ""
    employees: str = ""
    city: str = ""
    country: str = ""
    about: str = ""
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    linkedin_url: str = ""
    tech_stack: tuple[str, ...] = ()
    contacts: tuple[EnrichedContact, ...] = ()
    pages_read: int = 0
    pages_wanted: int = 0  # that came, or were waited for in vain
    pages_late: int = 0  # of them, those that did not come in time
    pages_hedged: int = 0  # of those read, the ones that the site itself gave sooner
    proven: int = 0  # statements of its graph that are proven
    newly_proven: int = 0  # of them, by the run whose company this is
    degraded: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()  # URLs that prove what is above


class ScoredLead(_Value):
    """A row of the list that is mailed, exported and written to the CRM."""

    rank: int
    company: EnrichedCompany
    lookalike: Lookalike


# --- threads -----------------------------------------------------------------------------------


class ThreadStatus(StrEnum):
    OPEN = "open"
    LOCKED = "locked"
    ARCHIVED = "archived"


class Decisions(_Value):
    """What `return_user_probe` decided, in the shape of the specification."""

    is_return_user: bool = False
    use_cached: bool = False
    rerun_icp: bool = False
    reason: str = ""  # at most 120 characters
    stale_signals: dict[str, Any] = Field(default_factory=dict)
    diffs: dict[str, Any] = Field(default_factory=dict)
