"""The lead graph: statements with evidence, and the wire document (`Backfill`) made of them.

One statement is one claim: *owner has value for field*. Two sources that say the same make one
statement with two pieces of evidence. Everything else (what wins, what is contested) is
derived from the set of statements, which is why merging is a union.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from data411_mcp.domain.lead import Lead

SCHEMA_VERSION = 1
COMPANY = "company"  # entity id of the bound company


class Status(StrEnum):
    PROVEN = "proven"
    UNPROVEN = "unproven"
    CONTESTED = "contested"
    STALE = "stale"
    SUPERSEDED = "superseded"


class FieldName(StrEnum):
    """What a statement can be about. The 25 firmographic keys come last."""

    PHONE = "phone"  # value E.164; kind main, direct, mobile, fax, toll_free
    EMAIL = "email_address"  # lower case; kind role, person
    ADDRESS = "address"  # one line; kind hq, registered, branch, mailing
    LINK = "link"  # absolute URL; kind website, linkedin, facebook, x, instagram, youtube, …
    PERSON = "person"  # full name; the owner is the person's own entity
    TITLE = "title"  # job title; the owner is the person's entity
    LEGAL_NAME = "legal_name"
    TRADE_NAME = "trade_name"
    PARENT = "parent"
    REGISTRY_ID = "registry_id"  # "GLEIF:5493…", "SEC:0000320193", "UEN:…"; kind = authority
    MAIL_HOST = "mail_host"  # mail provider from MX; kind mx, spf, dmarc

    NAME = "name"
    INDUSTRY_NORM = "industry_norm"
    EMPLOYEES_EST = "employees_est"
    REVENUE_BUCKET = "revenue_bucket"
    INCORPORATION_YEAR = "incorporation_year"
    SG_REGISTERED = "sg_registered"
    LAST_SEEN = "last_seen"
    WEBSITE_DOMAIN = "website_domain"
    INDUSTRY_CODE = "industry_code"
    COMPANY_SIZE = "company_size"
    ANNUAL_REVENUE = "annual_revenue"
    HQ_CITY = "hq_city"
    HQ_COUNTRY = "hq_country"
    LINKEDIN_URL = "linkedin_url"
    FOUNDED_YEAR = "founded_year"
    TECH_STACK = "tech_stack"
    OWNERSHIP_TYPE = "ownership_type"
    FUNDING_STATUS = "funding_status"
    EMPLOYEE_TURNOVER = "employee_turnover"
    WEB_TRAFFIC = "web_traffic"
    COMPANY_EMAIL = "email"
    PHONE_NUMBER = "phone_number"
    LOCATION_CITY = "location_city"
    LOCATION_COUNTRY = "location_country"
    ABOUT_TEXT = "about_text"


FIRMOGRAPHIC_KEYS: tuple[FieldName, ...] = tuple(FieldName)[list(FieldName).index(FieldName.NAME) :]
RELATION_FIELDS: tuple[FieldName, ...] = (
    FieldName.LEGAL_NAME,
    FieldName.TRADE_NAME,
    FieldName.PARENT,
    FieldName.REGISTRY_ID,
    FieldName.MAIL_HOST,
)


MAIL_CHECK = "mail_check"  # `source` of a note on what an address is worth; it proves nothing


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Evidence(_Wire):
    """Where a value was read. Offsets are code points in the page's canonical text."""

    url: str
    page_sha256: str
    start: int
    end: int
    quote: str
    slot: str
    fetched_at: str  # ISO 8601, UTC
    reader: str = "direct"  # direct, jina, tavily, api, dns, human
    source: str = ""  # own_site, registry, third_party, directory, human
    tied_by: tuple[str, ...] = ()  # kinds of the anchors that tie the page to the company
    verdict: str = "proven"  # proven, alone (true only if a second origin agrees), stale, rejected
    stated_at: str | None = None  # the date the page itself gives


class Statement(_Wire):
    """One claim about one entity; `value` is normalised, `raw` as it stood on the page."""

    id: str
    field: FieldName
    value: str
    raw: str
    kind: str | None = None
    owner: str = COMPANY
    status: Status = Status.UNPROVEN
    reason: str = ""  # why it is not proven, or why it is contested; our words
    score: float = 0.0
    confidence: float | None = None  # calibrated probability; None until calibrated
    evidence: tuple[Evidence, ...] = ()
    seen_by: tuple[str, ...] = ()  # slot ids, or finding-rerun
    alternatives: tuple[Statement, ...] = ()  # the weaker values of a single-valued field


class EntityKind(StrEnum):
    COMPANY = "company"
    PERSON = "person"


class Entity(_Wire):
    id: str
    kind: EntityKind
    name: str
    aliases: tuple[str, ...] = ()
    joined_because: tuple[str, ...] = ()  # one reason for each join


class Contact(_Wire):
    """A person at the company. `id` is the entity id that owns the person's other statements."""

    id: str
    name: Statement
    title: Statement | None = None
    phones: tuple[str, ...] = ()  # statement ids
    emails: tuple[str, ...] = ()  # statement ids


class Relation(_Wire):
    id: str
    kind: str  # legal_name, trade_name, parent, registry_id, mail_host, works_for
    subject: str
    object: str
    statement: Statement


class Unmerged(_Wire):
    """A finding held back: below the join threshold, untied, a namesake, an instruction."""

    id: str
    label: str
    kind: str  # field name
    value: str
    reason: str
    slots: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()


class Gap(_Wire):
    """What is missing, stale or contested, and the one call that would help."""

    id: str
    kind: str  # missing, stale, contested
    field: str
    owner: str = COMPANY
    text: str  # the button's text: what the user may say, verbatim
    slot: str | None  # slot to run; None: nothing can help now
    price_cents: int
    call: dict[str, Any] = Field(default_factory=dict)  # {tool, arguments}


class SummaryVersion(_Wire):
    summary_markdown: str
    graph_fingerprint: str
    archived_at: str
    reason: str
    prompt_sha: str


class SlotRow(_Wire):
    """One row of `tool_trace.parallel_results`."""

    model_id: str
    label: str
    provider: str
    state: str
    pass_: str = Field(alias="pass", default="first")
    reason: str = ""
    seconds: float = 0.0
    findings: int = 0
    proven: int = 0
    added: int = 0
    held: int = 0  # new candidates: found, and held back as not proven
    cost_usd_micros: int = 0
    degraded: tuple[str, ...] = ()
    finished_at: str | None = None
    job_id: str = ""  # the job whose findings of this slot are merged into the graph

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class ToolTrace(_Wire):
    parallel_results: tuple[SlotRow, ...] = ()


class Notice(_Wire):
    code: str  # LEAD_RESTORED, NOTHING_LOOKED_UP, WARM_SEED_USED, ROBOTS_DISALLOWED, …
    text: str


class Choice(_Wire):
    """One company the lead may mean; `id` is what `identity_choice` takes."""

    id: str
    name: str
    why: str


class Anchor(_Wire):
    """A fact that ties a source to the bound company."""

    kind: str  # domain, phone, address, registry_id, legal_name, name, linkedin, email
    value: str  # normalised as in Statement.value
    source: str  # lead, site, registry, user


class RunnerUp(_Wire):
    name: str
    why_not: str


class IdentityCard(_Wire):
    decision: str  # clear, ambiguous, unknown
    name: str = ""
    anchors: tuple[Anchor, ...] = ()
    runners_up: tuple[RunnerUp, ...] = ()
    difference: str = ""
    choices: tuple[Choice, ...] = ()


class Spent(_Wire):
    """What the chat has cost so far. Vendor cost is metered even when nothing is charged."""

    vendor_usd_micros: int = 0
    charged_cents: int = 0


class Backfill(_Wire):
    """The stored and published graph of one lead. Wire name from the specification."""

    schema_version: int = SCHEMA_VERSION
    chat_session_id: str
    lead: Lead
    identity: IdentityCard = IdentityCard(decision="unknown")
    entities: tuple[Entity, ...] = ()
    contacts: tuple[Contact, ...] = ()
    phones: tuple[Statement, ...] = ()
    emails: tuple[Statement, ...] = ()
    addresses: tuple[Statement, ...] = ()
    links: tuple[Statement, ...] = ()
    firmographics: dict[str, Statement | tuple[Statement, ...] | None] = Field(default_factory=dict)
    relations: tuple[Relation, ...] = ()
    unmerged_candidates: tuple[Unmerged, ...] = ()
    gaps: tuple[Gap, ...] = ()
    summary_markdown: str = ""
    summary_stale: bool = False
    summary_history: tuple[SummaryVersion, ...] = ()
    graph_fingerprint: str = ""  # of the graph that the summary was written from
    summary_prompt_sha: str = ""  # of the prompt it was written with; "": our own writer
    summary_facts: str = ""  # fingerprint of all it could tell; "" in graphs of older versions
    tool_trace: ToolTrace = ToolTrace()
    notices: tuple[Notice, ...] = ()
    spent: Spent = Spent()


def sha1_id(*parts: str) -> str:
    """A stable identifier, not security: SHA-1 over the parts, hex."""
    return hashlib.sha1("\x1f".join(parts).encode(), usedforsecurity=False).hexdigest()


def statement_id(owner: str, field: FieldName, value: str) -> str:
    """Equal claims have equal ids, whoever made them."""
    return sha1_id("statement", owner, field, value.casefold())


def person_id(name: str) -> str:
    """Entity id of a person, from the normalised name."""
    return "person:" + sha1_id("person", " ".join(name.casefold().split()))[:16]


def candidate_id(kind: str, value: str, lead_key: str) -> str:
    """`unmerged_candidates[].id`: stable across reruns (DESIGN §2)."""
    return sha1_id("candidate", kind, " ".join(value.casefold().split()), lead_key)
