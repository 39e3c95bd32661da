"""Every setting, read once from the environment at start. Prefix DATA411_; the names that the
specification fixes have none. `docs/settings.md` lists them all, and a test says so."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


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
