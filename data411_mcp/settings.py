"""Every setting, read once from the environment at start. Prefix DATA411_; the names that the
specification fixes have none. `docs/settings.md` lists them all, and a test says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path
from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

# What a tenant may have another way than the process, under the setting's own name.
TenantFeature = Literal[
    "ENABLE_CHAT_EVENTS",
    "UI_ENQUEUE_JOBS",
    "SINGLE_THREAD_PER_CONTEXT",
    "BG_DISCOVERY_AND_ENRICH",
    "ENABLE_AGENT_DISCOVERY",
]


def _named(name: str, default: Any, description: str, **limits: Any) -> Any:
    """A setting under the name that the specification gives it; the prefixed one works too."""
    return Field(
        default,
        validation_alias=AliasChoices(name, f"DATA411_{name}"),
        description=description,
        **limits,
    )


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="DATA411_", frozen=True, extra="ignore", populate_by_name=True
    )

    data_dir: Path = Field(
        default_factory=lambda: user_data_path("data411-mcp", appauthor=False),
        description="Where state lives: the store, and the certificates of twins.",
    )
    tenant: str = Field("local", description="Tenant of a stdio server and of the command line.")
    log_level: str = Field("WARNING", description="structlog level, JSON on stderr.")
    billing: Literal["off", "on"] = Field(
        "off", description="off: vendor cost is metered, nothing is charged."
    )
    world: Path | None = Field(
        None, description="A twin world folder: every vendor and site answers from it."
    )
    twins: Path | None = Field(None, description="Connection file that `data411-mcp twins` wrote.")
    twin_latency: float = Field(
        0.0, ge=0, description="Factor on the published vendor latencies of the twins; 0 is none."
    )

    twin_rate_limits: bool = Field(
        True, description="Twins keep the vendors' published rate limits."
    )
    twin_llm_key: bool = Field(
        True, description="With twins and no LLM key of your own, use the twins' key."
    )

    llm_api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("DATA411_LLM_API_KEY", "OPENROUTER_API_KEY"),
        description="Key of the LLM endpoint; without it the LLM slots say not_configured.",
    )
    llm_base_url: str = Field(
        "https://openrouter.ai/api/v1", description="Any OpenAI-compatible endpoint."
    )
    llm_model_ground: str = Field("google/gemini-3.5-flash-lite", description="Hunt Ground.")
    llm_model_span: str = Field("anthropic/claude-sonnet-5.5", description="Crimson Span.")
    llm_model_forge: str = Field("x-ai/grok-build-0.1", description="Hunt Forge.")
    llm_model_swift: str = Field("openai/gpt-5.4-mini", description="Hunt Swift.")
    llm_model_deep: str = Field("openai/gpt-6.1-terra", description="Hunt Deep.")
    llm_model_synthesis: str = Field("openai/gpt-5.4-mini", description="Writes the summary.")

    jina_api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("DATA411_JINA_API_KEY", "JINA_API_KEY"),
        description="Jina Reader works without a key at 20 pages a minute.",
    )
    jina_enabled: bool = Field(True, description="Read pages through Jina Reader first.")
    jina_timeout_s: float = Field(
        6.0,
        gt=0,
        le=60,
        validation_alias=AliasChoices("JINA_TIMEOUT_S", "DATA411_JINA_TIMEOUT_S"),
        description="Deadline of one read through Jina Reader.",
    )
    tavily_api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("DATA411_TAVILY_API_KEY", "TAVILY_API_KEY"),
        description="Without it Tavily's keyless mode is used, at low limits.",
    )
    tavily_enabled: bool = Field(True, description="Search with Tavily.")
    tavily_extract: bool = Field(False, description="Third reader, after Jina and direct.")

    contact_email: str = Field(
        "contact@data411.example",
        description="Contact in the User-Agent, as SEC EDGAR and Wikidata ask for.",
    )
    page_fetch_quota: int = Field(40, ge=1, le=500, description="Pages read per session.")
    site_pages: int = Field(8, ge=1, le=50, description="Pages read of the company's own site.")
    page_max_bytes: int = Field(3_000_000, ge=10_000, description="Body size cap after decoding.")
    page_timeout_s: float = Field(8.0, gt=0, le=60, description="Deadline of one direct read.")
    page_cache_hours: float = Field(24.0, ge=0, description="How long a stored page is fresh.")
    host_concurrency: int = Field(2, ge=1, le=10, description="Requests at once to one host.")
    host_interval_s: float = Field(0.1, ge=0, description="Pause between requests to one host.")
    respect_robots: bool = Field(True, description="Obey robots.txt.")

    seed_ttl_hours: float = Field(
        168.0,
        ge=0,
        validation_alias=AliasChoices("GLOBAL_LEAD_CACHE_TTL_HOURS", "DATA411_SEED_TTL_HOURS"),
        description="How long an earlier session's graph is a warm seed.",
    )
    stale_after_days: int = Field(
        730, ge=1, description="A page dated older than this proves nothing by itself."
    )
    answer_within_s: float = Field(45.0, gt=0, le=45, description="A tool answers within this.")
    retention_days_pages: int = Field(90, ge=1, description="Pages are deleted after this.")
    retention_days_graphs: int = Field(365, ge=1, description="Graphs are deleted after this.")
    retention_days_jobs: int = Field(30, ge=1, description="Jobs and events, likewise.")

    database_url: SecretStr | None = Field(
        None, description="postgresql://… instead of the SQLite file in DATA411_DATA_DIR."
    )
    job_concurrency: int = Field(8, ge=1, le=500, description="Jobs at once in one process.")
    tenant_jobs_max: int = Field(8, ge=1, le=500, description="Jobs at once of one tenant.")
    job_deadline_s: float = Field(1800.0, gt=0, description="Deadline of one attempt of a job.")
    retention_sweep_hours: float = Field(
        24.0, ge=0, description="How often a server applies the retention; 0: never by itself."
    )

    price_session_cents: int = Field(150, ge=0, description="Base price of a lead session.")
    price_slot_cents: int = Field(35, ge=0, description="Price of one slot run again.")
    price_synthesis_cents: int = Field(0, ge=0, description="Price of a resynthesis.")
    price_finding_cents: int = Field(0, ge=0, description="Price of investigating one finding.")
    price_margin_percent: int = Field(
        130, ge=100, description="Vendor cost times this is what a session's true-up goes by."
    )

    # --- ICP finder: names that the specification fixes -----------------------------------------

    interactive_head: int = _named(
        "INTERACTIVE_HEAD",
        12,
        "Candidates whose page is read at once while a plan is made; more follow while time lasts.",
        ge=1,
        le=50,
    )
    llm_max_chunks: int = _named(
        "LLM_MAX_CHUNKS", 3, "Chunks of a company's pages given to the LLM; 0: none.", ge=0, le=20
    )
    crawl_max_pages: int = _named(
        "CRAWL_MAX_PAGES", 6, "Pages read of a company that is enriched.", ge=1, le=50
    )
    apify_log_sample_size: int = _named(
        "APIFY_LOG_SAMPLE_SIZE", 3, "Items of an Apify reply whose shape is logged.", ge=0, le=50
    )
    apify_debug_log_items: bool = _named(
        "APIFY_DEBUG_LOG_ITEMS", False, "Log the shape of Apify items, without personal data."
    )
    apify_daily_cap: int = _named(
        "APIFY_DAILY_CAP", 50, "Apify runs a day and tenant; then APIFY_CAP_EXCEEDED.", ge=0
    )
    single_thread_per_context: bool = _named(
        "SINGLE_THREAD_PER_CONTEXT", True, "A new conversation about a company locks older ones."
    )
    thread_resume_window_days: int = _named(
        "THREAD_RESUME_WINDOW_DAYS", 7, "A conversation is resumed by itself this long.", ge=0
    )
    thread_stale_days: int = _named(
        "THREAD_STALE_DAYS", 30, "A locked conversation is archived after this.", ge=1
    )
    auto_archive_stale_locked: bool = _named(
        "AUTO_ARCHIVE_STALE_LOCKED", True, "Archive stale locked conversations."
    )
    profile_staleness_days: int = _named(
        "PROFILE_STALENESS_DAYS", 14, "An older intake is said to be old when it is used.", ge=0
    )
    discovery_staleness_days: int = _named(
        "DISCOVERY_STALENESS_DAYS", 14, "A shortlist is reused this long.", ge=0
    )
    enable_embedded_lg_server: bool = _named(
        "ENABLE_EMBEDDED_LG_SERVER", True, "Serve the routes that langgraph-sdk drives."
    )
    langgraph_checkpoint_dir: Path = _named(
        "LANGGRAPH_CHECKPOINT_DIR",
        Path(".langgraph_api"),
        "Where conversations are kept; a relative one is inside DATA411_DATA_DIR.",
    )
    enable_chat_events: bool = _named(
        "ENABLE_CHAT_EVENTS", True, "Stream progress into the chat (also per tenant)."
    )
    ui_enqueue_jobs: bool = _named(
        "UI_ENQUEUE_JOBS",
        False,
        "The client starts the job itself after confirm (also per tenant).",
    )
    bg_discovery_and_enrich: bool = _named(
        "BG_DISCOVERY_AND_ENRICH", True, "Off: the chat queues no runs (also per tenant)."
    )
    chat_discovery_enabled: bool = _named(
        "CHAT_DISCOVERY_ENABLED", False, "Refused and logged: discovery is always a job here."
    )
    enable_agent_discovery: bool = _named(
        "ENABLE_AGENT_DISCOVERY",
        False,
        "An LLM proposes further search words for discovery (also per tenant).",
    )

    # --- ICP finder: vendors and delivery -------------------------------------------------------

    tenant_features: dict[str, dict[TenantFeature, bool]] = Field(
        {},
        description='JSON: tenant to {name: on}, e.g. {"acme": {"ENABLE_CHAT_EVENTS": false}}.',
    )
    price_icp_company_cents: int = Field(
        35, ge=0, description="Price of one lookalike enriched with something proven."
    )
    apify_token: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("DATA411_APIFY_TOKEN", "APIFY_TOKEN"),
        description="LinkedIn pages and employees by way of Apify; without it they are left out.",
    )
    apify_max_items: int = Field(
        30, ge=1, le=100, description="Employees asked for, of one company."
    )
    apify_finder_actor: str = Field(
        "s-r~free-linkedin-company-finder---linkedin-address-from-any-site",
        description="Actor that finds a domain's LinkedIn page.",
    )
    apify_employees_actor: str = Field(
        "harvestapi~linkedin-company-employees", description="Actor that lists employees."
    )
    apify_employees_mode: str = Field(
        "Full ($8 per 1k)", description="Its profileScraperMode, with the price as it stands there."
    )
    apify_search_actor: str = Field(
        "harvestapi~linkedin-profile-search", description="Actor of the one fallback."
    )
    apify_search_mode: str = Field("Full", description="Its profileScraperMode.")
    zerobounce_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("DATA411_ZEROBOUNCE_KEY", "ZEROBOUNCE_API_KEY"),
        description="Verifies e-mail addresses; the first of the three that has a key is used.",
    )
    hunter_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("DATA411_HUNTER_KEY", "HUNTER_API_KEY"),
        description="Likewise.",
    )
    neverbounce_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("DATA411_NEVERBOUNCE_KEY", "NEVERBOUNCE_API_KEY"),
        description="Likewise.",
    )
    datagov_api_key: SecretStr | None = Field(
        None, description="data.gov.sg works without a key at a low rate."
    )
    nightly_hours: float = Field(
        24.0, ge=0, description="How often a server anchors Singapore companies; 0: never."
    )
    smtp_host: str | None = Field(None, description="Without it no list is mailed.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Port of the SMTP server.")
    smtp_username: str | None = Field(None, description="Where the server asks for one.")
    smtp_password: SecretStr | None = Field(None, description="Where the server asks for one.")
    smtp_starttls: Literal["auto", "required", "off", "tls"] = Field(
        "auto", description="auto: where the server offers it; tls: from the first byte."
    )
    smtp_from: str = Field("data411@localhost", description="Sender of the lists.")
    notify_recipients: dict[str, tuple[str, ...]] = Field(
        {}, description='JSON: tenant to the addresses that its lists may go to; "*" is any tenant.'
    )
    odoo_url: str | None = Field(None, description="Without it nothing is written to a CRM.")
    odoo_db: str | None = Field(None, description="Database; JSON-2 needs it on multi-db servers.")
    odoo_login: str | None = Field(None, description="User, for XML-RPC (Odoo 18 and before).")
    odoo_api_key: SecretStr | None = Field(None, description="API key of that user.")
    odoo_tenants: tuple[str, ...] = Field(
        (),
        description='JSON list of the tenants whose lists go there; "*" is any tenant. Without it '
        "only DATA411_TENANT's.",
    )
    odoo_protocol: Literal["auto", "json2", "xmlrpc"] = Field(
        "auto", description="auto: JSON-2 where the server is Odoo 19 or later."
    )

    http_host: str = Field("127.0.0.1", description="Address of the HTTP server.")
    http_port: int = Field(8411, ge=0, le=65535, description="Port of the HTTP server.")
    http_auth: Literal["auto", "required"] = Field(
        "auto",
        description="auto: on loopback, with no public URL and no CORS origins, no key is needed "
        "until one is created.",
    )
    http_answer_within_s: float = Field(
        180.0, gt=0, le=600, description="A synchronous route answers within this; then 202."
    )
    http_body_max_bytes: int = Field(2_000_000, ge=10_000, description="Larger requests get 413.")
    http_requests_per_minute: int = Field(600, ge=1, description="Per key, or address without one.")
    http_cors_origins: str = Field(
        "", description="Origins, separated by commas, whose pages may call; none by default."
    )
    public_url: str | None = Field(
        None, description="How clients reach the HTTP server, where that is not host and port."
    )

    @property
    def store_path(self) -> Path:
        return self.data_dir / "data411.sqlite3"
