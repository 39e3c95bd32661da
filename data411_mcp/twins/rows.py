"""The rows of a world's files, one model a file. `docs/twins.md` is the page for authors.

Unknown keys are refused: a typing error in a world would otherwise be a fact nobody planted.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

FaultKind = Literal[
    "status",
    "delay",
    "slow_first_byte",
    "stall",
    "reset",
    "truncate",
    "wrong_type",
    "empty",
    "gzip_bomb",
    "endless",
    "drip",
    "error_200",
    "stream_error",
    "cut_json",
]


class Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Wired(Row):
    """A register row that may be given as the vendor's own object instead of flat keys."""

    wire: dict[str, Any] | None = None


class GleifRow(_Wired):
    lei: str = Field(min_length=20, max_length=20)
    legal_name: str = ""
    other_names: tuple[str, ...] = ()
    address: tuple[str, ...] = ()
    city: str = ""
    region: str | None = None  # ISO 3166-2, as GLEIF writes it: "US-OH"
    country: str = ""
    postal_code: str = ""
    hq_address: tuple[str, ...] | None = None
    hq_city: str | None = None
    hq_region: str | None = None
    hq_country: str | None = None
    hq_postal_code: str | None = None
    registered_at: str | None = None  # registration authority, "RA000523"
    registered_as: str | None = None  # number in that register
    jurisdiction: str | None = None
    legal_form: str | None = None
    status: Literal["ACTIVE", "INACTIVE"] = "ACTIVE"
    created: str | None = None  # ISO date
    registration_status: str = "ISSUED"
    updated: str = "2026-01-01"
    direct_parent: str | None = None  # LEI
    ultimate_parent: str | None = None  # LEI

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.wire is None and not (self.legal_name and self.country):
            raise ValueError("legal_name and country are needed unless wire is given")
        return self


class Filing(Row):
    form: str
    date: str
    accession: str
    document: str = ""


class EdgarRow(_Wired):
    cik: int = Field(gt=0)
    name: str
    ticker: str | None = None
    exchange: str | None = None
    sic: str = ""
    sic_description: str = ""
    ein: str | None = None
    website: str = ""
    phone: str | None = None
    street: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    state_of_incorporation: str = ""
    fiscal_year_end: str = "1231"
    former_names: tuple[str, ...] = ()
    filings: tuple[Filing, ...] = ()


class WikidataRow(_Wired):
    qid: str = Field(pattern=r"^Q[1-9]\d*$")
    label: str
    description: str = ""
    aliases: tuple[str, ...] = ()
    website: str | None = None
    hq: str | None = None
    country: str | None = None
    country_code: str | None = None  # ISO 2, of the country's own item
    inception: str | None = None  # ISO date
    dissolved: str | None = None  # ISO date
    industry: str | None = None
    employees: int | None = None
    lei: str | None = None
    linkedin_id: str | None = None
    ceo: str | None = None
    parent: str | None = None


class RdapRow(_Wired):
    domain: str
    registered: str | None = None  # ISO date
    expires: str | None = None
    changed: str | None = None
    registrar: str = "Example Registrar, Inc."
    registrant: str | None = None  # organisation; None is redacted
    registrant_country: str | None = None
    status: tuple[str, ...] = ("active",)
    nameservers: tuple[str, ...] = ()


class AcraRow(_Wired):
    """Columns of the register's open data; `docs/twins.md` names the ones without a default."""

    model_config = ConfigDict(frozen=True, extra="allow")

    uen: str
    entity_name: str


class LinkedinCompanyRow(_Wired):
    """A company's LinkedIn page, as the Apify actors find it. `wire` replaces the finder's answer
    for its domains."""

    slug: str = Field(pattern=r"^[a-z0-9-]+$")
    name: str = ""
    domains: tuple[str, ...] = ()  # that the finder knows it by
    website: str | None = None  # what the page says; shown by the finder only where given
    region: str = "www"  # host of the address that the finder gives: sg, uk, …
    url_key: str = "linkedin_url"  # the finder's key for it
    run: Literal["succeeded", "failed", "timed_out", "endless", "rate_limited", "empty"] = (
        "succeeded"  # how a run for its employees ends
    )
    search_run: Literal["succeeded", "failed", "empty"] = "succeeded"  # likewise, profile search


class LinkedinPersonRow(_Wired):
    """An employee; `wire` is a whole item of the actor instead."""

    company: str  # slug
    slug: str = ""
    first_name: str = ""
    last_name: str = ""
    title: str = ""
    headline: str = ""
    emails: tuple[str, ...] = ()
    emails_as_text: bool = False  # a list of strings instead of objects
    city: str = ""
    country_code: str = ""
    former: str = ""  # slug of a company they have left
    left: bool = False  # they have left this one
    hidden: bool = False  # LinkedIn hides who it is
    found_by: Literal["both", "employees", "search"] = "both"


class MailboxRow(Row):
    """What the verifiers say of an address; `*@host` is every other one there."""

    address: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")
    state: Literal[
        "valid", "invalid", "catch_all", "disposable", "role", "webmail", "spamtrap", "unknown"
    ] = "valid"


class SearchResult(Row):
    url: str
    title: str
    content: str
    score: float = Field(0.9, ge=0, le=1)
    raw_content: str | None = None


class SearchRow(Row):
    """An answer to every query that holds all of `terms` (case folded, as whole words)."""

    terms: tuple[str, ...] = Field(min_length=1)
    results: tuple[SearchResult, ...] = ()
    engine: Literal["tavily", "jina"] | None = None
    answer: str | None = None


class FaultSpec(Row):
    """What goes wrong. `docs/twins.md` says which numbers belong to which kind."""

    kind: FaultKind
    status: int = Field(500, ge=200, le=599)
    body: str | None = None
    body_base64: str | None = None
    json_body: Any = Field(None, alias="json")
    headers: dict[str, str] = Field(default_factory=dict)
    content_type: str | None = None
    retry_after: str | None = None  # verbatim: "3", "3600", "soon", an HTTP date
    retry_after_date_seconds: float | None = None  # an HTTP date so many seconds from now
    seconds: float = Field(5.0, ge=0)
    bytes: int = Field(200_000_000, ge=0)
    after_bytes: int | None = Field(None, ge=0)

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class FaultRow(Row):
    """When it goes wrong: every key given must hold. `nth` counts the matching calls from 1."""

    fault: FaultSpec | None = None
    published_mix: float | None = Field(None, ge=0, le=1000)  # factor on the published rates
    vendor: str | None = None
    host: str | None = None  # shell pattern
    path: str | None = None  # shell pattern
    method: str | None = None
    slot: str | None = None
    nth: int | tuple[int, ...] | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.fault is None) == (self.published_mix is None):
            raise ValueError("give either fault or published_mix")
        return self


class Citation(Row):
    url: str
    title: str = ""
    content: str = ""


class LlmRow(Row):
    """One reply of the language model twin. Give `answer` (JSON) or `text`."""

    slot: str | None = None
    task: str | None = None  # metadata.task of the request, else its schema's name
    model: str | None = None  # shell pattern
    schema_name: str | None = None
    contains: str | None = None  # text of the prompt, case folded
    nth: int | None = Field(None, ge=1)  # only for the nth call of this slot
    answer: dict[str, Any] | None = None
    text: str | None = None
    fenced: bool = False  # the JSON comes in a Markdown fence, with prose before it
    citations: tuple[Citation, ...] | None = None  # None: the URLs of the answer
    searches: int | None = Field(None, ge=0)
    input_tokens: int | None = Field(None, ge=0)
    output_tokens: int | None = Field(None, ge=0)
    cost_usd: float | None = Field(None, ge=0)
    finish_reason: Literal["stop", "length", "content_filter", "error"] = "stop"
    delay_seconds: float = Field(0.0, ge=0)  # on top of the latency, not scaled
    fault: FaultSpec | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.answer is None and self.text is None and self.fault is None:
            raise ValueError("give one of answer, text or fault")
        if self.answer is not None and self.text is not None:
            raise ValueError("give answer or text, not both")
        return self


class DnsRow(Row):
    name: str
    type: Literal["A", "AAAA", "MX", "TXT", "CNAME", "NS", "CAA"] = "A"
    values: tuple[str, ...] = ()
    ttl: int = Field(60, ge=0)
    rcode: Literal["NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED"] = "NOERROR"
    silent: bool = False  # the query is never answered
    truncate: bool = False  # UDP says TC, so that the client must come back over TCP


def record_texts(row: DnsRow) -> list[str]:
    """Values in zone-file form. TXT is plain text in a world; on the wire it is cut into strings
    of at most 255 bytes."""
    if row.type != "TXT":
        return list(row.values)
    return [
        " ".join(
            '"' + text[i : i + 250].replace("\\", "\\\\").replace('"', '\\"') + '"'
            for i in range(0, max(len(text), 1), 250)
        )
        for text in row.values
    ]


class WorldInfo(Row):
    name: str
    description: str = ""
    now: str | None = None  # ISO date-time at which the world's facts hold
    jina_echo: Literal["asked", "final"] = "asked"  # the address in Jina's "URL Source" line


class GoldFact(Row):
    field: str
    value: str
    owner: str | None = None  # person's name; None is the company
    kind: str | None = None
    where: tuple[str, ...] = ()  # URLs that say so


class GoldLie(Row):
    field: str
    value: str
    planted_in: str
    why: str
    owner: str | None = None
    kind: str | None = None  # class of lie, as in docs/twins.md


class GoldIdentity(Row):
    decision: Literal["clear", "ambiguous", "unknown"]
    domain: str | None = None
    name: str | None = None
    choices: tuple[str, ...] = ()  # domains or names that must be offered when ambiguous
    why: str = ""


class SubmitFinding(Row):
    """A finding that a misled calling agent would hand in through submit_findings."""

    field: str
    value: str
    url: str
    quote: str
    person: str | None = None
    kind: str | None = None


class Gold(Row):
    facts: tuple[GoldFact, ...] = ()
    lies: tuple[GoldLie, ...] = ()
    identity: GoldIdentity | None = None
    submit_findings: tuple[SubmitFinding, ...] = ()
